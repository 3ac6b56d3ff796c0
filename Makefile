# The only entry point. `make test` is everything; each other target is a part of it, or the lab.
# What is built is kept outside the checkout, by content, so a second call (or clone) builds nothing.

SHELL := /bin/bash
PYTHON ?= python3
LAB_CACHE ?= $(HOME)/.cache/miribit-thanos-lab
export LAB_CACHE
export PATH := $(CURDIR)/.build/venv/bin:$(PATH)

VENV := $(LAB_CACHE)/venv-$(shell { cat requirements-dev.txt; $(PYTHON) -VV; } 2>&1 | sha256sum | cut -c1-16)
LINK := .build/collections/ansible_collections/miribit/thanos
LAB := lab/bin/lab
PARTS := setup lint unit rendered report sanity docs package compat tools lab fleet molecule

.PHONY: help test demo $(PARTS) lab-up lab-down lab-status golden requirements bench-rings bench-plan bench-runs test-faults

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

test: ## Set everything up, run every test, and say how long each part took
	@set -e; times=""; began=$$SECONDS; \
	for part in $(PARTS); do \
	  printf '\n=== %s\n' "$$part"; start=$$SECONDS; \
	  $(MAKE) --no-print-directory "$$part" || { echo "make test: $$part failed; run it alone with: make $$part" >&2; exit 1; }; \
	  times="$$times$$(printf '%-10s %5d s' "$$part" $$((SECONDS - start)))\n"; \
	done; \
	printf "\n=== all parts passed\n$${times}"; printf '%-10s %5d s\n' total $$((SECONDS - began)); \
	tests/compat.sh versions

demo: setup ## From the audited fleet to edges that deliver, on four real clusters, with a table of before and after
	@tests/demo.sh

setup: $(VENV)/complete ## Install what development needs
	@mkdir -p $(dir $(LINK))
	@test -L $(LINK) -o ! -e $(LINK) || { echo "make: $(LINK): it is a folder, not a link to this checkout:" \
	  "the collection was installed in the checkout. Fix: rm -r $(LINK), and run make again" >&2; exit 1; }
	@ln -sfn $(CURDIR) $(LINK)
	@ln -sfn $(VENV) .build/venv

$(VENV)/complete:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is missing or older than 3.11; name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq python3-venv; } \
	  || { echo "make: $(PYTHON) cannot make a venv; install python3-venv" >&2; exit 1; }
	@echo "setup: installing the Python packages of requirements-dev.txt"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && $(VENV)/bin/pip install -q --no-compile -r requirements-dev.txt
	@touch $@

golden: setup ## Rewrite what tests compare with, from what the code makes now
	REWRITE_EXPECTED=1 pytest -q tests/package tests/golden tests/unit/kube/test_permissions.py

bench-plan: setup ## How long the plan of 200 clusters takes
	PYTHONPATH=.:.build/collections python tests/bench/plan.py

bench-runs: setup ## What runs cost on the lab; nothing else may run on the machine
	PYTHONPATH=.:.build/collections:tests/lab python tests/bench/runs.py

bench-rings: setup ## How long rings take, here and in Thanos itself
	PYTHONPATH=.:.build/collections:tests/tools python tests/bench/rings.py

requirements: ## Pin requirements-dev.txt anew from requirements-dev.in
	tests/requirements.sh

lint: setup ## ansible-lint, yamllint, ruff, mypy
	ruff check . && ruff format --check .
	mypy
	yamllint --strict .
	ansible-lint
	antsibull-changelog lint

unit: setup ## Tests without a cluster, in seconds
	pytest -q tests/unit

rendered: setup ## What roles render, without a cluster: golden files, schemas of Kubernetes
	pytest -q tests/golden

report: setup ## The audit's reports, as a browser and a reader of Markdown show them
	pytest -q tests/report

sanity: setup ## ansible-test sanity
	tests/sanity.sh

docs: setup ## antsibull-docs on every plugin and role
	tests/docs.sh

package: setup ## The built tarball: its exact content, and README's ways to install
	pytest -q -n 2 tests/package

compat: setup ## The tests without a cluster on the newest ansible-core that a Python of this machine runs
	tests/compat.sh

tools: setup ## Build the lab's tools, and try each
	$(LAB) tools
	pytest -q tests/tools -m "not long"

lab: setup ## Try the lab: reachability, storage, isolation, states
	pytest -q --durations=5 tests/lab --ignore=tests/lab/faults -m "not long"

fleet: setup ## Audit and phase 1 on the lab, from the audited fleet: what they find, refuse, do, and show
	pytest -q --durations=5 tests/fleet -m "not long"

molecule: setup ## Molecule scenarios, inside the lab
	$(LAB) inside 2>/dev/null || $(LAB) up
	$(LAB) exec molecule test --all --exclude migration --report
	$(LAB) reset audited
	$(LAB) exec molecule test --scenario-name migration --report
	$(LAB) inside 2>/dev/null || $(LAB) down

test-faults: setup ## The long ones: kill the lab, the receiver and the run, and lose nothing
	pytest -q --durations=10 tests/tools -m long
	pytest -q --durations=10 tests/lab/faults
	pytest -q --durations=10 tests/lab --ignore=tests/lab/faults -m long
	pytest -q --durations=10 tests/fleet -m long

lab-up: setup ## Bring the lab up, or repair it, and show it
	@$(LAB) up

lab-down: setup ## End the lab; what is built stays in the cache
	@$(LAB) down

lab-status: setup ## Show the lab, and what is wrong with it
	@$(LAB) status
