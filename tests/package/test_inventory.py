"""A wrong inventory is an error of every playbook, and a list of clusters is enough to read them.

The collection is the installed tarball, whose ansible.cfg is not read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import CHECKOUT

PLAYBOOKS = sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml"))
PLAY = Path(__file__).with_name("many_plays.py")

FLEET = """\
central:
  hosts:
    cluster-01:
edge:
  hosts:
    cluster-02:
    cluster-03:
"""

#: The content of hosts.yml (None: no file), how the message must begin, and what it must name.
MISTAKES: dict[str, tuple[str | None, str, str]] = {
    "no inventory": (None, "", "the fleet's inventory with -i"),
    "no such path": (None, "Inventory {folder}/hosts.yml: no such file or directory", "with -i"),
    "invalid YAML": (FLEET.replace("edge:", "edge: {"), "Groups central and edge: ", "{folder}/hosts.yml has no hosts"),
    "tab": (FLEET.replace("  hosts", "\thosts"), "Groups central and edge: ", "{folder}/hosts.yml has no hosts"),
    "no hosts": ("", "Groups central and edge: ", "{folder}/hosts.yml has no hosts"),
    "hosts as a list": (
        FLEET.replace("cluster-01:", "- cluster-01"),
        "Groups central and edge: ",
        "{folder}/hosts.yml has no hosts",
    ),
    "hosts forgotten": (
        "central:\n  cluster-01:\nedge:\n  cluster-02:\n",
        "Groups central and edge: ",
        "list each cluster as a key under 'hosts:'",
    ),
    "wrong groups": (
        FLEET.replace("central", "hub").replace("edge", "edges"),
        "Groups central and edge: missing",
        "has only the groups hub and edges",
    ),
    "edges": (FLEET.replace("edge", "edges"), "Group edge: missing", "has only the groups central and edges"),
    "central without hosts": (
        FLEET.replace("    cluster-01:\n", ""),
        "Group central: it has no hosts",
        "under its 'hosts:'",
    ),
}
#: A host of most of them, in whatever group.
LIMIT = "--limit=cluster-02"

#: The arguments of each run.
CASES = {
    (playbook, mistake, limit): [f"miribit.thanos.{playbook}", *([LIMIT] if limit else [])]
    for playbook in PLAYBOOKS
    for mistake in MISTAKES
    for limit in (False, True)
}


@pytest.fixture(scope="session")
def clean(env: dict[str, str], installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment, without a cluster."""
    assert installed.is_dir()
    outside = {name: value for name, value in env.items() if not name.startswith("K8S_AUTH_")}
    return {**outside, "KUBECONFIG": str(tmp_path_factory.mktemp("kube") / "missing"), "ANSIBLE_NOCOLOR": "1"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {mistake: tmp_path_factory.mktemp("inventory") for mistake in MISTAKES}
    for mistake, (text, _begins, _names) in MISTAKES.items():
        if text is not None:
            (folders[mistake] / "hosts.yml").write_text(text)
    return folders


@pytest.fixture(scope="session")
def played(
    clean: dict[str, str], folders: dict[str, Path], empty_home: Path
) -> dict[tuple[str, str, bool], tuple[int, str]]:
    """The exit code and the output of every playbook with every mistake."""
    runs = [
        [*([] if mistake == "no inventory" else [f"--inventory={folders[mistake]}/hosts.yml"]), *arguments]
        for (_playbook, mistake, _limit), arguments in CASES.items()
    ]
    done = subprocess.run(
        [sys.executable, str(PLAY)],
        input=json.dumps(runs),
        cwd=empty_home,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {case: (code, output) for case, (code, output) in zip(CASES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("limit", [False, True], ids=["whole", "limit"])
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_refuses_an_inventory_without_a_fleet(
    played: dict[tuple[str, str, bool], tuple[int, str]],
    folders: dict[str, Path],
    playbook: str,
    mistake: str,
    limit: bool,
) -> None:
    code, output = played[playbook, mistake, limit]
    assert code != 0, output
    assert "Traceback" not in output
    assert "PLAY [" not in output
    (message,) = re.findall(r"^\[ERROR\]: .*_fleet_hosts' failed: (.*)$", output, re.MULTILINE)
    _text, begins, names = MISTAKES[mistake]
    assert message.startswith(begins.format(folder=folders[mistake]))
    assert names.format(folder=folders[mistake]) in message
    assert re.fullmatch(r".+: .+\. Fix: .+\.", message)


# What is enough.


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    file = tmp_path / "hosts.yml"
    file.write_text(FLEET)
    return file


@pytest.fixture
def play(clean: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def play(*arguments: object) -> tuple[int, str]:
        command = ("ansible-playbook", *map(str, arguments))
        done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return play


@pytest.mark.parametrize("playbook", ["audit", "status"])
def test_a_list_of_clusters_is_enough_to_read_them(
    hosts: Path, play: Callable[..., tuple[int, str]], playbook: str
) -> None:
    code, output = play("-i", hosts, f"miribit.thanos.{playbook}", "-e", "fleet_status_watch=false")
    assert code == 0, output
    assert output.count("(phases 1 and 2 refuse this)") == 1
    # The module has run here, and with the Python that has its libraries: only the kubeconfig is missing.
    (report,) = hosts.parent.glob(f"reports/*-{playbook}.json")
    assert "it cannot be read (No such file or directory)" in report.read_text()
    assert "ssh" not in output


def test_phase_1_refuses_what_reading_only_warns_of(hosts: Path, play: Callable[..., tuple[int, str]]) -> None:
    code, output = play("-i", hosts, "miribit.thanos.phase1_receiver")
    assert code != 0
    assert "the address of the receiver's LoadBalancer is not given. Fix: " in output


def test_an_inventory_that_sets_connection_and_interpreter_works_too(
    hosts: Path, play: Callable[..., tuple[int, str]]
) -> None:
    everywhere = 'ansible_connection: local\nansible_python_interpreter: "{{ ansible_playbook_python }}"\n'
    (hosts.parent / "group_vars").mkdir()
    (hosts.parent / "group_vars/all.yml").write_text(everywhere)
    code, output = play("-i", hosts, "miribit.thanos.audit", "--limit=cluster-02")
    assert code == 0, output


def test_an_empty_group_edge_is_one_warning(hosts: Path, play: Callable[..., tuple[int, str]]) -> None:
    hosts.write_text("central: {hosts: {cluster-01: }}\nedge:\n")
    for playbook in ("audit", "status"):
        code, output = play("-i", hosts, f"miribit.thanos.{playbook}")
        assert code == 0, output
        assert " ".join(output.split()).count("Group edge: it has no hosts, so no cluster writes to the receiver.") == 1


def test_a_limit_to_clusters_that_a_playbook_is_not_for_is_refused(
    hosts: Path, play: Callable[..., tuple[int, str]]
) -> None:
    hosts.write_text(f"{FLEET}other: {{hosts: {{bastion: }}}}\n")
    for playbook, limit, message in (
        ("status", "cluster-01", "it matches no cluster of group edge. Fix: name clusters of it: cluster-02 and "),
        (
            "audit",
            "bastion",
            "it matches no cluster of groups central and edge. Fix: name clusters of them: cluster-01",
        ),
    ):
        code, output = play("-i", hosts, f"miribit.thanos.{playbook}", f"--limit={limit}")
        assert code != 0
        assert f"--limit {limit}: {message}" in output
        assert "Traceback" not in output


def test_what_needs_no_inventory_works_without_one(play: Callable[..., tuple[int, str]]) -> None:
    for option in ("--syntax-check", "--list-tasks", "--list-tags"):
        code, output = play("miribit.thanos.audit", option)
        assert code == 0, output
