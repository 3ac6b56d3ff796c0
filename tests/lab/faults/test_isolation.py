"""The lab and the machine do not touch each other: the machine's network is the same before, during and after."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inside import CHECKOUT, LAB, lab, run
from machine import leftovers, network


def test_the_machine_s_addresses_routes_and_rules_stay_as_they_are() -> None:
    lab("down")
    before = network()
    lab("up")
    during = network()
    lab("down")
    assert during == before
    assert network() == before
    assert leftovers() == []


def test_the_lab_s_kubeconfig_exists_inside_only() -> None:
    lab("up")
    assert not Path("/run/miribit-lab").exists()
    assert "cluster-03" in lab("exec", "kubectl", "config", "get-contexts", "--output=name")


def test_inside_is_told_from_outside() -> None:
    lab("up")
    assert run(LAB, "exec", LAB, "inside").returncode == 0
    outside = run(LAB, "inside")
    assert outside.returncode == 1
    assert "lab exec" in outside.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("ansible-playbook", "-i", "inventories/lab", "molecule/default/create.yml"),
        ("molecule", "create", "--scenario-name=default"),
    ],
    ids=lambda command: command[0],
)
def test_ansible_on_the_lab_s_inventory_is_refused_outside_the_lab(command: tuple[str, ...]) -> None:
    lab("up")
    done = run(CHECKOUT / ".build" / "venv" / "bin" / command[0], *command[1:])
    assert done.returncode != 0
    words = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert "outside the lab" in words
    assert "lab exec" in words


def test_a_second_lab_of_another_checkout_is_refused_and_told_how_to_end_the_first(tmp_path: Path) -> None:
    lab("up")
    other = tmp_path / "other"
    shutil.copytree(CHECKOUT / "lab", other / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    (other / ".build").mkdir()
    (other / ".build" / "venv").symlink_to((CHECKOUT / ".build" / "venv").resolve())
    for command in ("up", "down"):
        refused = run(other / "lab" / "bin" / "lab", command)
        assert refused.returncode == 1
        assert f"a lab of {CHECKOUT} runs on this machine" in refused.stderr
        assert f"{CHECKOUT}/lab/bin/lab down" in refused.stderr
    assert "state empty" in lab("status")


def test_an_unknown_state_variant_or_program_is_answered_with_those_there_are() -> None:
    assert "There is empty" in run(LAB, "reset", "emptyy").stderr
    assert "There is fleet" in run(LAB, "reset", "audited", "--variant", "argo").stderr
    assert "only the state audited has variants" in run(LAB, "reset", "empty", "--variant", "argocd").stderr
    assert "`lab logs` lists them" in run(LAB, "logs", "nothing").stderr
