"""Runs the playbook audit.yml without a cluster: stand-ins answer for the module, and where wanted for the report."""

from __future__ import annotations

import copy
import json
import os
import re
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Report = dict[str, Any]

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
CLUSTERS = ("cluster-01", "cluster-02", "cluster-03", "cluster-04")

_HOSTILE = " '\"></title></style></text></svg><script>alert(1)</script><!-- | ` * _ [x](y:z) {{ 7 * 7 }} &lt;"
#: What is no text of a cluster, but chosen by the collection.
_CHOSEN = {"severity", "state", "role", "created", "kind", "id", "from", "to", "ends_with", "central", "replicas"}


# Reports.


def sample() -> Report:
    report: Report = json.loads((HERE / "sample_report.json").read_text())
    return report


def bare(report: Report) -> Report:
    """The same where there is little to show: no receiver, prices, probes or findings, nothing unseen, much unknown."""
    whole = copy.deepcopy(report)
    whole["settings"] |= {"memory_gib_month": None, "storage_gib_month": None}
    whole["findings"], whole["unseen"] = [], []
    totals, clusters = whole["totals"], whole["clusters"]
    totals["findings"] = dict.fromkeys(totals["findings"], 0)
    totals["saving"] = {"memory": None, "storage": None}
    for amounts in (one[key] for one in (totals, *clusters) for key in ("waste", "kept")):
        amounts.update(dict.fromkeys(amounts))
    for cluster in clusters:
        cluster["components"], cluster["delivers"], cluster["probed"] = [], None, False
    for node in whole["picture"]["nodes"]:
        if node["kind"].startswith("thanos_receive"):
            node["state"] = "missing"
    return whole


def hostile(report: Any, key: str = "") -> Any:
    """The same with what ends tags, attributes, cells and code in every text."""
    match report:
        case dict():
            return {name: hostile(value, name) for name, value in report.items()}
        case list():
            return [hostile(value, key) for value in report]
        case str() if key not in _CHOSEN:
            return report + _HOSTILE
        case _:
            return report


# Runs.


@dataclass(frozen=True)
class Played:
    """What a run of the playbook left behind."""

    code: int
    output: str
    reports: Path
    #: What the report was made from, each time.
    given: list[dict[str, Any]] = field(default_factory=list)
    #: What the module was asked for, by cluster.
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)

    def file(self, suffix: str) -> Path:
        (found,) = self.reports.glob(f"*-audit.{suffix}")
        return found

    def text(self, suffix: str) -> str:
        return self.file(suffix).read_text()

    @property
    def modes(self) -> dict[str, str]:
        return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in self.reports.iterdir()}

    @property
    def changed(self) -> set[str]:
        return set(re.findall(r"changed=(\d+)", self.output))

    @property
    def summary(self) -> list[str]:
        """The lines of the last message, as the default output of Ansible shows them."""
        shown = self.output[self.output.index("TASK [miribit.thanos.fleet_audit : Show the summary]") :]
        return [json.loads(line) for line in re.findall(r'^ {8}(".*?"),?$', shown, re.MULTILINE)]


class Stage:
    """Where the playbook runs: each time in an empty folder, in the collection by links, with stand-ins."""

    def __init__(self, make_folder: Callable[[str], Path]) -> None:
        self._make_folder = make_folder
        own = {
            Path("action/fleet_audit.py"): HERE / "stand_in_clusters.py",
            Path("modules/fleet_audit.py"): HERE / "stand_in_clusters.py",
        }
        self._with_report = self._collections(
            {**own, Path("filter/fleet_audit_report.py"): HERE / "stand_in_report.py"}
        )
        self._with_facts = self._collections(own)

    def _collections(self, replaced: Mapping[Path, Path]) -> Path:
        place = self._make_folder("collections")
        ours = place / "ansible_collections" / "miribit" / "thanos"
        plugins = CHECKOUT / "plugins"
        links = {
            **{path.relative_to(plugins): path for path in plugins.rglob("*.*") if path.suffix != ".pyc"},
            **replaced,
        }
        for path, target in links.items():
            (ours / "plugins" / path.parent).mkdir(parents=True, exist_ok=True)
            (ours / "plugins" / path).symlink_to(target)
        for name in ("galaxy.yml", "meta", "roles", "playbooks"):
            (ours / name).symlink_to(CHECKOUT / name)
        return place

    def show(self, report: Report, *options: str, **environment: str) -> Played:
        """Render this report, whatever the clusters are."""
        facts: dict[str, dict[str, Any]] = {name: {"cluster": name, "uid": None, "unseen": []} for name in CLUSTERS}
        return self._run(self._with_report, facts, report, options, environment)

    def audit(self, facts: Mapping[str, dict[str, Any]], *options: str) -> Played:
        """Make a report of these facts. The module fails on a cluster of which there are none."""
        return self._run(self._with_facts, facts, {}, options, {})

    def _run(
        self,
        collections: Path,
        facts: Mapping[str, dict[str, Any]],
        report: Report,
        options: tuple[str, ...],
        environment: Mapping[str, str],
    ) -> Played:
        place, answers = self._make_folder("play"), self._make_folder("answers")
        for name, one in facts.items():
            (answers / f"{name}.json").write_text(json.dumps(one))
        (answers / "report").write_text(json.dumps(report))
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_LOCAL_TEMP": str(answers / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "AUDIT_FACTS": str(answers),
            "AUDIT_REPORT": str(answers / "report"),
            **environment,
        }
        inventory = f"--inventory={CHECKOUT / 'inventories/miribit'}"
        command = ("ansible-playbook", inventory, "miribit.thanos.audit", *options)
        done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False, timeout=300)
        given = answers / "given.jsonl"
        return Played(
            code=done.returncode,
            output=done.stdout + done.stderr,
            reports=place / "reports",
            given=[json.loads(line) for line in given.read_text().splitlines()] if given.exists() else [],
            asked={path.stem: json.loads(path.read_text()) for path in answers.glob("*.asked")},
        )
