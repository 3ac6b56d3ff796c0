"""The tarball, and an environment in which nothing but its installed content is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import CHECKOUT, run


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def env(empty_home: Path) -> dict[str, str]:
    """The environment of somebody who has Ansible, and neither settings nor the checkout."""
    settings = empty_home / "ansible.cfg"
    settings.touch()
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "PYTEST"))
    }
    return {
        **outside,
        "HOME": str(empty_home),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_COLLECTIONS_PATH": str(empty_home / "collections"),
    }


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory, empty_home: Path, env: dict[str, str]) -> Path:
    copy, output = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("output")
    run(str(CHECKOUT / "tests" / "tree.sh"), str(copy), cwd=empty_home)
    source = copy / "ansible_collections" / "miribit" / "thanos"
    run("ansible-galaxy", "collection", "build", str(source), "--output-path", str(output), cwd=empty_home, env=env)
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="session")
def installed(tarball: Path, empty_home: Path, env: dict[str, str]) -> Path:
    place = Path(env["ANSIBLE_COLLECTIONS_PATH"])
    assert not place.exists()
    # Without dependencies: kubernetes.core comes with the Python package "ansible", and nothing is to be fetched here.
    options = ("--no-deps", "--offline", "--collections-path", str(place))
    run("ansible-galaxy", "collection", "install", str(tarball), *options, cwd=empty_home, env=env)
    return place / "ansible_collections" / "miribit" / "thanos"
