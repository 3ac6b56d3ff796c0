"""Install the collection with README's own commands, as somebody who has Python and git, and nothing of ours.

Each command is read from README and run as it stands there. Two sources on the internet are replaced: git clones a copy
of this checkout, and ansible-galaxy takes kubernetes.core from a stand-in for Galaxy. pip finds all requirements in the
virtual environment, and looks nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text()
URL = "https://github.com/miribit/thanos.git"
LINK = ".build/collections/ansible_collections/miribit/thanos"
VENV = (CHECKOUT / ".build/venv").resolve()


def section(text: str, title: str) -> str:
    """Return what stands under a title, up to the next one."""
    (found,) = re.findall(rf"^#+ {title}$(.*?)(?=^#+ )", text, re.MULTILINE | re.DOTALL)
    return str(found)


def blocks(text: str) -> list[list[str]]:
    return [block.strip().splitlines() for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


CLONE, GIT, TARBALL = blocks(section(README, "Use it"))
#: The other ways replace the last command of the first one.
WAYS = {"clone": CLONE, "git": [*CLONE[:-1], *GIT], "tarball": [*CLONE[:-1], *TARBALL]}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of this checkout as it is, with what is not committed yet."""
    place = tmp_path_factory.mktemp("repository")
    subprocess.run([CHECKOUT / "tests/tree.sh", place], check=True)
    tree = place / "ansible_collections/miribit/thanos"
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (("add", "--all"), (*identity, "commit", "--quiet", "--message", "All")):
        subprocess.run(["git", "-C", tree, *command], check=True)
    return tree


@pytest.fixture(scope="module")
def galaxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stand-in for Galaxy that has kubernetes.core, that of the Python package "ansible", and nothing else."""
    place = tmp_path_factory.mktemp("galaxy")
    tree = place / "kubernetes.core"
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "ansible_collections/kubernetes/core", tree)
    (tree / "FILES.json").unlink()
    manifest = tree / "MANIFEST.json"
    about = json.loads(manifest.read_text())["collection_info"]
    manifest.unlink()
    known = ("namespace", "name", "version", "readme", "authors", "dependencies")
    (tree / "galaxy.yml").write_text(yaml.safe_dump({key: about[key] for key in known}))
    build = ("ansible-galaxy", "collection", "build", tree, "--output-path", place)
    subprocess.run(build, check=True, capture_output=True)
    (artifact,) = place.glob("*.tar.gz")
    content, version = artifact.read_bytes(), about["version"]

    index = "/api/v3/collections/kubernetes/core/"
    dated = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    versions = f"{index}versions/"
    detail = {
        "namespace": {"name": "kubernetes"},
        "collection": {"name": "core"},
        "version": version,
        "href": f"{versions}{version}/",
        "download_url": f"/{artifact.name}",
        "artifact": {"sha256": hashlib.sha256(content).hexdigest()},
        "metadata": {"dependencies": {}},
    }
    answers: dict[str, bytes] = {
        "/api/": json.dumps({"available_versions": {"v3": "v3/"}}).encode(),
        index: json.dumps({"namespace": "kubernetes", "name": "core", **dated}).encode(),
        versions: json.dumps({"data": [{"version": version}], "links": {"next": None}}).encode(),
        detail["href"]: json.dumps(detail).encode(),
        detail["download_url"]: content,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server wants
            body = answers.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api/"
    server.shutdown()
    server.server_close()


Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path, repository: Path, galaxy: str) -> Shell:
    """Run a command in a folder, with an empty HOME. It must succeed, unless the test says otherwise."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "MAKE", "PYTHON", "PYTEST"))
    }
    env = {
        **kept,
        "HOME": str(home),
        # As without the Python package "ansible".
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_GALAXY_SERVER": galaxy,
        "ANSIBLE_NOCOLOR": "1",
        "NO_PROXY": "127.0.0.1",
        "PIP_NO_INDEX": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": URL,
    }

    def shell(command: str, cwd: Path, succeeds: bool = True) -> subprocess.CompletedProcess[str]:
        cwd.mkdir(exist_ok=True)
        done = subprocess.run(["bash", "-euc", command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is succeeds, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return shell


def make_setup(shell: Shell, clone: Path, *, succeeds: bool = True) -> str:
    """Run `make setup`, with the virtual environment that is there already."""
    return shell(f"make --no-print-directory setup VENV={VENV}", clone, succeeds=succeeds).stderr


@pytest.mark.parametrize("developed", [False, True], ids=["fresh", "after-make-setup"])
@pytest.mark.parametrize("way", WAYS)
def test_the_commands_of_the_readme_install_for_the_user(
    way: str, developed: bool, shell: Shell, tmp_path: Path
) -> None:
    first, *others = WAYS[way]
    work = tmp_path / "work"
    shell(first, work)
    if developed:
        make_setup(shell, work / "thanos")
    for command in others:
        shell(command, work)

    elsewhere = tmp_path / "elsewhere"
    listed = json.loads(shell("ansible-galaxy collection list miribit.thanos --format=json", elsewhere).stdout)
    place = tmp_path / "home/.ansible/collections/ansible_collections"
    assert list(listed) == [str(place)]
    assert not (place / "miribit/thanos").is_symlink()
    assert (place / "kubernetes/core/MANIFEST.json").is_file()

    documented = re.findall(r"`(ansible-doc [^`]+)`", section(README, "Use it"))
    assert len(documented) == 2
    for command in documented:
        assert f"{place}/miribit/thanos" in shell(" ".join(command.split()), elsewhere).stdout
    inventory = elsewhere / "inventories/production/hosts.yml"
    inventory.parent.mkdir(parents=True)
    inventory.write_text("central: {hosts: {hub: {}}}\nedge: {hosts: {one: {}}}\n")
    audit = blocks(section(README, "On real clusters"))[0][0].partition("#")[0]
    assert "Plan the fleet" in shell(f"{audit} --list-tasks", elsewhere).stdout


def test_make_setup_refuses_a_collection_that_was_installed_in_the_checkout(shell: Shell, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shell(CLONE[0], work)
    clone = work / "thanos"
    installed = clone / LINK
    installed.mkdir(parents=True)
    told = make_setup(shell, clone, succeeds=False)
    assert f"{LINK}: it is a folder, not a link to this checkout" in told
    assert list(installed.iterdir()) == []
    (fix,) = re.findall(r"Fix: (.*), and", told)
    shell(fix, clone)
    make_setup(shell, clone)
    make_setup(shell, clone)
    assert installed.resolve() == clone


def test_the_korean_readme_has_the_same_commands() -> None:
    korean = (CHECKOUT / "README.ko.md").read_text()
    assert blocks(section(korean, "쓰기")) == [CLONE, GIT, TARBALL]


def test_the_readme_names_the_versions_that_are_promised() -> None:
    """As requirements.txt, which pip obeys, and meta/runtime.yml, which ansible-core obeys."""
    (lowest, above) = re.findall(
        r"^ansible-core>=2\.(\d+),<2\.(\d+)$", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE
    )[0]
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">=2.{lowest}.0,<2.{above}.0"
    assert f"ansible-core 2.{lowest} to 2.{int(above) - 1}" in section(README, "Use it")
