"""The collection as a user gets it: the content of the built tarball, and whether it works where nothing else is.

The exact list of files is in files.txt. Rewrite it with: REWRITE_EXPECTED=1 pytest tests/package
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
import yaml
from commands import CHECKOUT, run

EXPECTED = Path(__file__).with_name("files.txt")
COLLECTION = "miribit.thanos"


@pytest.fixture(scope="module")
def files(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        return sorted(member.name for member in archive.getmembers() if member.isfile())


@pytest.fixture(scope="module")
def content(files: list[str]) -> dict[str, list[str]]:
    """What can be used by name, by kind: {"module": ["miribit.thanos.x", ...], "filter": ..., "role": ...}."""
    found: dict[str, list[str]] = {"filter": [], "module": [], "role": []}
    kinds = {"modules": "module", "module_utils": None, "doc_fragments": None, "plugin_utils": None, "action": None}
    for path in map(PurePosixPath, files):
        match path.parts:
            case ("plugins", folder, _) if path.suffix == ".py":
                if kind := kinds.get(folder, folder):
                    found.setdefault(kind, []).append(f"{COLLECTION}.{path.stem}")
            case ("roles", role, "meta", "argument_specs.yml"):
                found["role"].append(f"{COLLECTION}.{role}")
    return found


def test_the_tarball_holds_exactly_the_expected_files(files: list[str]) -> None:
    if os.environ.get("REWRITE_EXPECTED"):
        EXPECTED.write_text("\n".join(files) + "\n")
    assert files == EXPECTED.read_text().splitlines()


def test_the_tarball_is_named_by_the_version(tarball: Path) -> None:
    (version,) = re.findall(r"^version: (\S+)$", (CHECKOUT / "galaxy.yml").read_text(), re.MULTILINE)
    assert tarball.name == f"miribit-thanos-{version}.tar.gz"


def test_the_license_is_in_the_tarball_in_full(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        stored = archive.extractfile("LICENSE")
        assert stored
        assert stored.read() == (CHECKOUT / "LICENSE").read_bytes()


def test_the_installed_collection_is_the_one_that_is_found(
    installed: Path, empty_home: Path, env: dict[str, str]
) -> None:
    listed = json.loads(
        run("ansible-galaxy", "collection", "list", COLLECTION, "--format=json", cwd=empty_home, env=env)
    )
    assert list(listed) == [str(installed.parents[1])]


@pytest.mark.usefixtures("installed")
def test_all_content_is_listed_by_its_full_name_and_has_documentation(
    content: dict[str, list[str]], empty_home: Path, env: dict[str, str]
) -> None:
    for kind, names in content.items():
        listed = json.loads(run("ansible-doc", "--json", "-l", "-t", kind, COLLECTION, cwd=empty_home, env=env))
        assert sorted(listed) == sorted(names)
        if names:
            shown = json.loads(run("ansible-doc", "--json", "-t", kind, *names, cwd=empty_home, env=env))
            assert sorted(shown) == sorted(names)
            run("ansible-doc", "-t", kind, *names, cwd=empty_home, env=env)


@pytest.mark.usefixtures("installed")
def test_a_filter_works_where_only_the_tarball_is_installed(empty_home: Path, env: dict[str, str]) -> None:
    message = "msg={{ '[]' | miribit.thanos.receive_config_hash }}"
    shown = run("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", message, cwd=empty_home, env=env)
    assert "47883010003791" in shown


@pytest.mark.usefixtures("installed")
def test_the_examples_of_rings_run(empty_home: Path, env: dict[str, str]) -> None:
    tasks = []
    for kind, names in {
        "filter": ("hashring", "receive_owners", "receive_distribution"),
        "module": ("hashring",),
    }.items():
        full_names = [f"{COLLECTION}.{name}" for name in names]
        shown = json.loads(run("ansible-doc", "--json", "-t", kind, *full_names, cwd=empty_home, env=env))
        tasks += [task for name in full_names for task in yaml.safe_load(shown[name]["examples"])]
    playbook = empty_home / "examples.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], sort_keys=False)
    )
    as_yaml = {**env, "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}
    played = run("ansible-playbook", "--check", str(playbook), cwd=empty_home, env=as_yaml)
    assert f"ok={len(tasks)}" in played
    # As the documentation of receive_owners and receive_distribution says.
    assert "- receive-0:10901\n    - receive-2:10901" in played
    assert "receive-0:10901: 1\n        receive-1:10901: 4\n        receive-2:10901: 3" in played


@pytest.mark.usefixtures("installed")
def test_a_module_starts_where_only_the_tarball_is_installed(empty_home: Path, env: dict[str, str]) -> None:
    options = "kubeconfig=missing namespace=a service=b port=1 query=up"
    command = ("ansible", "localhost", "-m", "miribit.thanos.promql_info", "-a", options)
    done = subprocess.run(command, cwd=empty_home, env=env, capture_output=True, text=True, check=False)
    assert "kubeconfig missing: it cannot be read (No such file or directory). Fix: " in done.stdout + done.stderr
