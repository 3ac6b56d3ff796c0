# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import yaml

from ansible_collections.miribit.thanos.plugins.module_utils.base.environment import foreign_access
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube.apply import apply
from ansible_collections.miribit.thanos.plugins.module_utils.kube.objects import SECRETS, Objects
from ansible_collections.miribit.thanos.plugins.module_utils.kube.session import access_spec, session_of
from ansible_collections.miribit.thanos.plugins.module_utils.migration.keeper import Keeper
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus import scrape_jobs
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import TargetKey
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping import plan
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.plan import Entry, Found, Taken
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.servers import Look
from ansible_collections.miribit.thanos.plugins.module_utils.remote_scraping.source import (
    Release,
    SecretJobs,
    Source,
    chart_problems,
    helm_problem,
    read_release,
    read_secret,
)
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import (
    ClusterAction,
    FailedError,
    Result,
    Spec,
)
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import Progress, looks

#: Where the jobs of a source are, with all that is needed to write them anew.
Held = Release | SecretJobs

RECORD_KEY = "remote_scraping"


@dataclass(frozen=True)
class _Change:
    """One source, and what its list of jobs becomes."""

    source: Source
    held: Held
    jobs: Sequence[object]

    @property
    def is_none(self) -> bool:
        return list(self.jobs) == list(self.held.jobs)


class ActionModule(ClusterAction):
    """The documentation is in the module _remote_scraping."""

    spec: ClassVar[Spec] = {
        **access_spec(),
        "namespace": {"type": "str", "required": True},
        "edges": {"type": "dict", "required": True},
        "labels": {"type": "dict", "default": {}},
        "nodes": {"type": "dict", "default": {}},
        "state": {"type": "str", "choices": ["absent", "present"], "default": "absent"},
        "chart_ref": {"type": "str", "default": ""},
        "chart_repo_url": {"type": "str", "default": ""},
        "record": {"type": "dict", "required": True},
        "lock": {"type": "dict"},
        "timeout": {"type": "float", "default": 420},
        "interval": {"type": "float", "default": 3},
    }

    def work(self, options: Result) -> Result:
        self._options = options
        self._session = session_of(options)
        self._progress = Progress(self._task_vars, quiet=bool(self._task.no_log))
        step = self._take_out if options["state"] == "absent" else self._put_back
        try:
            return step()
        except ProblemError as error:
            raise FailedError(error.problems, {"progress": self._progress.told}) from error

    # The two ways.

    def _take_out(self) -> Result:
        edges, labels = self._options["edges"], self._options["labels"]
        found, problems = plan.look_over(self._look(), edges, labels, self._options["nodes"])
        entries = self._recorded(edges) if any(one.source.is_changeable for one in found) else {}
        before = [entry for several in entries.values() for entry in several]
        taken: list[tuple[_Change, Taken]] = []
        for one in found:
            if not one.source.is_changeable:
                problems += one.by_hand(one.source.unchangeable())
                continue
            try:
                taken.append(self._planned(one, before))
            except ProblemError as error:
                problems += one.doubled(error.problems)
        problems += [problem for _change, outcome in taken for problem in outcome.problems]
        own = plan.by_edge(outcome.entries for _change, outcome in taken)
        gone = {change.source: outcome.gone for change, outcome in taken if outcome.gone}
        if gone and not self.check_mode:
            with self.lock_kept(self._options["lock"]) as lock:
                self._record({edge: plan.together(entries.get(edge, ()), own[edge]) for edge in own})
                self._write((change for change, _outcome in taken), lock)
                self._wait(lambda servers: plan.still_scraped(servers, gone), lock)
        return self._told_as(own, problems, changed=bool(own), comes=False)

    def _planned(self, one: Found, before: Iterable[Entry]) -> tuple[_Change, Taken]:
        """What becomes of one source. Raises ProblemError where nothing can go."""
        held = self._read(one.source)
        recorded = [entry.piece for entry in before if entry.source == one.source]
        taken = plan.take(one.source, one.remotes, held.jobs, recorded)
        if taken.entries and (found := self._chart_problems(one.source, held)):
            raise ProblemError(found)
        return _Change(one.source, held, taken.jobs), taken

    def _put_back(self) -> Result:
        own = {edge: entries for edge, entries in self._recorded(self._options["edges"]).items() if entries}
        entries = [entry for several in own.values() for entry in several]
        problems = plan.orphans(entries, self._look()) if entries else []
        changes: list[_Change] = []
        back: dict[Source, set[tuple[str, TargetKey | None]]] = {}
        for source in dict.fromkeys(entry.source for entry in entries):
            several = [entry for entry in entries if entry.source == source]
            try:
                held = self._read(source)
            except ProblemError as error:
                problems += error.problems
                continue
            after = scrape_jobs.put_back(held.jobs, [entry.piece for entry in several])
            change = _Change(source, held, after)
            if not change.is_none:
                problems += self._chart_problems(source, held)
            changes.append(change)
            back[source] = set().union(*(plan.awaited(entry, after) for entry in several))
        if problems:
            raise ProblemError(problems)
        if own and not self.check_mode:
            with self.lock_kept(self._options["lock"]) as lock:
                self._write(changes, lock)
                self._wait(lambda servers: plan.not_yet_scraped(servers, back), lock)
                self._record(dict.fromkeys(own))
        return self._told_as(own, [], changed=bool(own), comes=True)

    def _told_as(
        self, own: Mapping[str, Sequence[Entry]], problems: Iterable[Problem], *, changed: bool, comes: bool
    ) -> Result:
        jobs = [told for edge in sorted(own) for told in plan.told_jobs(edge, own[edge])]
        distinct = list(dict.fromkeys(problems))
        shown = {"diff": plan.diff(jobs, comes=comes)} if changed else {}
        self.warn(distinct)
        told = [problem.as_dict() for problem in distinct]
        return {"changed": changed, "jobs": jobs, "problems": told, "progress": self._progress.told, **shown}

    # What is read.

    def _look(self) -> list[Result]:
        return Look(self._session, self._options["namespace"]).servers()

    def _recorded(self, edges: Iterable[str]) -> dict[str, list[Entry]]:
        """What was taken out before, for each edge."""
        found: dict[str, list[Entry]] = {}
        problems = []
        for edge in sorted(edges):
            done = self._record_of(edge, rollback_wanted=True)
            content = (done.get("rollback") or {}).get(RECORD_KEY) or []
            entries = [plan.read_entry(one) for one in content]
            found[edge] = [entry for entry in entries if entry is not None]
            if None in entries:
                cause = f"its key {RECORD_KEY} cannot be read, which holds what is no longer scraped remotely"
                fix = "restore it; or put the jobs back by hand, and take the key out with migration_record"
                problems.append(Problem(f"Record of {edge}", cause, fix))
        if problems:
            raise ProblemError(problems)
        return found

    def _read(self, source: Source) -> Held:
        if source.kind == "helm":
            options = {"release_name": source.name, "release_namespace": source.namespace}
            return read_release(source, self._helm("helm_info", source, options))
        item = Objects(self._session).get(SECRETS, source.namespace, source.name)
        return read_secret(source, item, _load)

    def _chart_problems(self, source: Source, held: Held) -> list[Problem]:
        if not isinstance(held, Release):
            return []
        reference = self._options["chart_ref"]
        return chart_problems(source, held, reference, _chart_at(reference))

    # What is changed.

    def _record(self, entries: Mapping[str, Sequence[Entry] | None]) -> None:
        """Before anything goes, so that there is no change without a way back. None is no longer needed."""
        for edge, several in entries.items():
            content = None if several is None else [entry.as_dict() for entry in several]
            self._record_of(edge, state="present", rollback={RECORD_KEY: content})

    def _record_of(self, edge: str, **more: object) -> Result:
        record = self._options["record"]
        given = {key: self._options[key] for key in ("kubeconfig", "context")}
        given |= {key: record[key] for key in ("namespace", "run") if key in record}
        return self.record(given, cluster=edge, **more)

    def _write(self, changes: Iterable[_Change], lock: Keeper) -> None:
        for change in changes:
            if change.is_none:
                continue
            lock.check()
            if isinstance(change.held, Release):
                self._upgrade(change.source, change.held, change.jobs)
            else:
                self._replace(change.source, change.held, change.jobs)

    def _upgrade(self, source: Source, release: Release, jobs: Sequence[object]) -> None:
        options = {
            "release_name": source.name,
            "release_namespace": source.namespace,
            "chart_ref": self._options["chart_ref"],
            "chart_version": release.version,
            "release_values": release.with_jobs(list(jobs)),
            "atomic": True,
            "timeout": f"{self._options['timeout']:.0f}s",
        }
        if self._options["chart_repo_url"]:
            options["chart_repo_url"] = self._options["chart_repo_url"]
        self._progress.tell(f"upgrades the {source}")
        self._helm("helm", source, options)

    def _replace(self, source: Source, held: SecretJobs, jobs: Sequence[object]) -> None:
        text = yaml.safe_dump(list(jobs), sort_keys=False)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": source.name, "namespace": source.namespace},
            "type": held.type,
            "data": {source.key: base64.b64encode(text.encode()).decode()},
        }
        # It is somebody else's, and stays so.
        apply(Objects(self._session), [secret], dry_run=False, secret=True)

    def _helm(self, name: str, source: Source, options: Result) -> object:
        """The release as a module of kubernetes.core returns it, on this session's cluster, with its credentials."""
        if elsewhere := foreign_access(os.environ):
            raise ProblemError(elsewhere)
        kubeconfig = self._session.kubeconfig()
        # Its context, too: otherwise one of the environment counts, and the kubeconfig does not have that.
        access = {"kubeconfig": kubeconfig, "context": kubeconfig["current-context"]}
        # Its options hold values of the release and credentials: it must write none to the system's log.
        before, self._task.no_log = self._task.no_log, True
        try:
            done: Result = self._execute_module(
                f"kubernetes.core.{name}", {**access, **options}, task_vars=self._task_vars
            )
        finally:
            self._task.no_log = before
        if done.get("failed"):
            raise ProblemError([helm_problem(source, _said(done))])
        # Ansible marks texts and containers with where they come from.
        return json.loads(json.dumps(done.get("status")))

    # What is waited for.

    def _wait(self, lagging: Callable[[list[Result]], list[str]], lock: Keeper) -> None:
        lines: list[str] = []
        for _final in looks(self._options["timeout"], self._options["interval"]):
            lock.check()
            try:
                lines = lagging(self._look())
            except ProblemError as error:
                # An API server can be away for a while.
                lines = [str(problem) for problem in error.problems]
            self._progress.update(lines)
            if not lines:
                return
        subject = "Full Prometheus servers of the central cluster"
        cause = f"after {self._options['timeout']:g} s, {'; '.join(lines)}"
        fix = "see the log of its config-reloader and of prometheus-operator; raise the timeout, and run it again"
        raise ProblemError([Problem(subject, cause, fix)])


def _said(done: Result) -> str:
    return "\n".join(str(done.get(key) or "") for key in ("msg", "module_stderr"))


def _load(text: str) -> tuple[object, object]:
    """The document, and the same with every scalar as the text that stands there; None if it cannot be read."""
    try:
        return yaml.safe_load(text), yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts only
    except (RecursionError, ValueError, yaml.YAMLError):
        return None, None


def _chart_at(reference: str) -> tuple[str, str] | None:
    """Return name and version of the chart at a path on the controller, packed or not, or None if it is no path.

    A file's name does not decide: Helm installs what is in it.
    """
    path = Path(reference).expanduser()
    try:
        if not reference or not path.exists():
            return None
        if path.is_dir():
            content = (path / "Chart.yaml").read_bytes()
        else:
            with tarfile.open(path) as archive:
                names = archive.getnames()
                name = next(name for name in names if name.count("/") == 1 and name.endswith("/Chart.yaml"))
                member = archive.extractfile(name)
                content = member.read() if member else b""
        chart = yaml.safe_load(content)
        return str(chart["name"]), str(chart["version"])
    except (KeyError, OSError, StopIteration, TypeError, tarfile.TarError, yaml.YAMLError):
        return "no chart that can be read", ""
