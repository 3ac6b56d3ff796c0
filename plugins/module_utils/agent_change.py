# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change of an agent that runs already, so that it delivers: which objects become what, and the way back.

The workload stays as it was found: its selector, its volumes with the WAL, the names of its containers. Of the
ConfigMap only the key that the agent reads is written, of the workload only the image, the arguments and one annotation
of its pods, which makes them start again.

No I/O here. Private to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils import agent_config, agent_flags, remote_write_spec
from ansible_collections.miribit.thanos.plugins.module_utils.agent_config import Configured
from ansible_collections.miribit.thanos.plugins.module_utils.agent_upgrade import differences
from ansible_collections.miribit.thanos.plugins.module_utils.audit_reading import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.edge_collect import named
from ansible_collections.miribit.thanos.plugins.module_utils.fleet_schema import CREDENTIALS_FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.gate_evidence import config
from ansible_collections.miribit.thanos.plugins.module_utils.object_set import FIELD_MANAGER, MANAGED_BY
from ansible_collections.miribit.thanos.plugins.module_utils.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write import version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write_secrets import redacted, secret_texts
from ansible_collections.miribit.thanos.plugins.module_utils.yaml_text import Document, Yaml

Facts = Mapping[str, Any]
Object = dict[str, Any]

#: On the pods, so that they start again when their configuration is another one.
HASH = "miribit.thanos/config-hash"
#: The volume with the credentials of remote write.
VOLUME = "miribit-thanos-remote-write"

#: What the record keeps: the agent as it was found, and the names of what was made since.
PREVIOUS, MADE = "agent", "agent_made"

_HIDDEN = "<secret>"
_APPS = {"StatefulSet", "Deployment", "DaemonSet"}


@dataclass(frozen=True)
class Wish:
    """What the agent is to become."""

    #: The specification of remote write, without a version.
    spec: Mapping[str, object]
    #: The workload, where there are several agents.
    name: str = ""
    #: For another version of Prometheus: image and version. Empty: the agent keeps its own.
    image: str = ""
    version: str = ""
    extra_scrape_configs: Sequence[Mapping[str, object]] = ()
    keep_others: bool = True
    #: The Secret to be mounted. Empty: none.
    credentials_secret: str = ""
    #: Change also what Argo CD or Flux puts back.
    accept_owner: bool = False


@dataclass(frozen=True)
class Remembered:
    """What the record holds of an agent."""

    previous: Facts | None = None
    blocks: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()

    @classmethod
    def of(cls, rollback: Mapping[str, object]) -> Remembered:
        """From what the record keeps for going back."""
        previous, made = rollback.get(PREVIOUS), mapping(rollback.get(MADE))
        names = {key: tuple(str(name) for name in elements(made.get(key))) for key in ("blocks", "jobs")}
        return cls(previous if isinstance(previous, dict) else None, **names)


@dataclass(frozen=True)
class Started:
    """How the agent's container is started."""

    image: str
    args: tuple[str, ...]
    command: tuple[str, ...]

    @classmethod
    def of(cls, content: Facts) -> Started:
        return cls(str(content["image"]), tuple(content["args"]), tuple(content["command"]))


@dataclass(frozen=True)
class Planned:
    """The change of one agent. What can hold secrets is not shown."""

    #: missing: there is none. own: this collection made it, and its templates change it. operated: an operator makes
    #: its configuration. right: nothing is to be done. change: something is.
    state: str
    agent: Facts | None = None
    version: str = ""
    image: str = ""
    changes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    #: What the gates compare with.
    config: dict[str, object] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    objects: tuple[Object, ...] = field(default=(), repr=False)
    #: Whether the record says that the edge has delivered.
    delivered_before: bool = False
    #: What goes into the record, for going back.
    rollback: dict[str, object] = field(default_factory=dict, repr=False)
    diff: tuple[dict[str, str], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Without the configuration itself."""
        agent = self.agent or {}
        workload = agent.get("workload") or {}
        return {
            "state": self.state,
            "agent": agent.get("id"),
            "workload": dict(workload) or None,
            "container": agent.get("container"),
            "selector": agent.get("selector"),
            "pods": (agent.get("replicas") or {}).get("wanted"),
            "version": self.version or None,
            "image": self.image or None,
            "changes": list(self.changes),
            "config": self.config,
            "delivered_before": self.delivered_before,
            "targets_up": [
                {key: target[key] for key in ("address", "path", "params")}
                for target in agent.get("targets") or ()
                if target["health"] == "up"
            ],
        }


def plan(edge: Facts, wish: Wish, remembered: Remembered, yaml: Yaml) -> Planned:
    """The change of the agent of an edge, from what module edge_info returns with its texts.

    Raises ProblemError with everything that keeps it from being changed.
    """
    agent = choose(edge["agents"], wish.name)
    if agent is None:
        return Planned("missing")
    if agent["labels"].get(MANAGED_BY) == FIELD_MANAGER:
        return Planned("own", agent, version=str(agent["version"] or ""), image=str(agent["image"]))
    if agent["owner"].get("custom_resource"):
        return Planned("operated", agent, version=str(agent["version"] or ""), image=str(agent["image"]))
    return _Change(agent, wish, remembered, yaml).planned()


def choose(agents: Sequence[Facts], name: str) -> Facts | None:
    """The one that is meant; None if there is none at all."""
    found = named(agents, name) if name else list(agents)
    if len(found) == 1 or not agents:
        return found[0] if found else None
    there_are = ", ".join(str(agent["id"]) for agent in agents)
    cause = f"there are several ({there_are})" if found else f"none is called {name!r}; there are: {there_are}"
    raise ProblemError([Problem("The edge's agent", cause, "name its workload in prometheus_agent_name")])


class _Change:
    def __init__(self, agent: Facts, wish: Wish, remembered: Remembered, yaml: Yaml) -> None:
        self.agent = agent
        self.wish = wish
        self.remembered = remembered
        self.yaml = yaml
        self.subject = str(agent["id"])
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def planned(self) -> Planned:
        text = self._text()
        self._check_owners()
        wanted = self._version()
        if self.problems or text is None or wanted is None:
            raise ProblemError(self.problems)
        made = self._remote_write(wanted)
        if made is None:
            raise ProblemError(self.problems)
        configured = self._configured(text, made)
        found = Started.of(self.agent)
        started, flag_changes = self._started(found, text, wanted)
        if self.problems or configured is None:
            raise ProblemError(self.problems)
        annotation = self._annotation(text, configured, made)
        template = _template(self.agent, started, annotation, self.wish.credentials_secret)
        is_right = (
            configured.text == text
            and started == found
            and annotation == self.agent["annotations"].get(HASH)
            and bool(self.wish.credentials_secret) == (VOLUME in self.agent["volumes"])
        )
        changes = [*configured.change.sentences(), *flag_changes]
        if started.image != found.image:
            changes.append(f"The image becomes {started.image}, it was {found.image}")
        if not is_right and not changes:
            changes.append("It starts again: what it has loaded is not what is written")
        return Planned(
            state="right" if is_right else "change",
            agent=self.agent,
            version=wanted,
            image=started.image,
            changes=tuple(changes),
            warnings=(*self.warnings, *configured.warnings, *_replaced(self.subject, configured)),
            config=_compared(Document(configured.text, self.yaml).tree),
            text=configured.text,
            objects=() if is_right else (_source(self.agent["config"], configured.text), template),
            rollback={} if is_right else self._rollback(text, made),
            diff=() if is_right else _diff(self.agent, text, configured.text, changes, self.yaml),
        )

    # What keeps it from being changed.

    def _text(self) -> str | None:
        source, text = self.agent["config"], self.agent.get("text")
        if self.agent["workload"]["kind"] not in _APPS:
            cause = f"its pods are made from a {self.agent['workload']['kind']}, which is not changed here"
            self._refuse(cause, "run it as a StatefulSet, or take prometheus_agent_form: operator")
        if source is None or source["key"] is None:
            cause = (
                "where its configuration comes from cannot be told: --config.file is no file of a ConfigMap or Secret"
            )
            fix = "mount it from a ConfigMap, or change this agent by hand with what the filter remote_write gives"
            self._refuse(cause, fix)
        elif text is None:
            cause = f"{source['kind']} {source['name']} has no {source['key']}, or is not there"
            self._refuse(cause, "correct the volume of the agent, or restore it")
        elif self.agent["immutable"]:
            cause = f"{source['kind']} {source['name']} is immutable"
            self._refuse(cause, "make a new one without 'immutable: true', and mount that")
        if self.agent["replicas"]["wanted"] == 0:
            self._refuse("it is scaled to no pods", "scale it to one, or remove the edge from the inventory")
        return text

    def _check_owners(self) -> None:
        owners = {"the agent": self.agent["owner"], "its configuration": self.agent.get("config_owner") or {}}
        for what, owner in owners.items():
            kind, name = owner.get("kind"), owner.get("name")
            if kind in {"argocd", "flux"}:
                who = {"argocd": "Argo CD", "flux": "Flux"}[kind]
                cause = f"{who} ({name}) owns {what}, and puts back what is changed here"
                fix = "make the change in its repository, or stop its synchronisation and set "
                fix += "prometheus_agent_accept_owner: true"
                (self.warnings if self.wish.accept_owner else self.problems).append(Problem(self.subject, cause, fix))
            elif kind == "helm":
                cause = f"the Helm release {name} owns {what}: its next upgrade brings the old values back"
                self.warnings.append(Problem(self.subject, cause, "write the change into the release's values, too"))

    def _version(self) -> str | None:
        """The version that is to run."""
        running = self.agent["version"]
        if running is None or version(str(running)) is None:
            cause = (
                f"its version is not known: neither the tag of {self.agent['image']} nor the process itself tells it"
            )
            self._refuse(cause, "make a pod of it run, or give the image a tag with its version")
            return None
        return self.wish.version or str(running)

    # What it becomes.

    def _remote_write(self, wanted: str) -> dict[str, Any] | None:
        spec = {key: value for key, value in self.wish.spec.items() if value is not None}
        try:
            return remote_write_spec.plan({**spec, "prometheus_version": wanted}).config()
        except ProblemError as error:
            self.problems += [
                Problem(f"{self.subject}, {problem.subject}", problem.cause, problem.fix) for problem in error.problems
            ]
            return None

    def _configured(self, text: str, made: dict[str, Any]) -> Configured | None:
        queues = [queue for each in self.agent["running"] for queue in each["queues"]]
        wanted = agent_config.Wanted(
            remote_write=made["remote_write"],
            external_labels=made["global"]["external_labels"],
            extra_scrape_configs=self.wish.extra_scrape_configs,
            keep_others=self.wish.keep_others,
            delivering=[str(queue["url"]) for queue in queues if queue["ever_accepted"]],
            former_blocks=self.remembered.blocks,
            former_jobs=self.remembered.jobs,
        )
        try:
            return agent_config.configure(text, wanted, self.yaml)
        except ProblemError as error:
            self.problems += [
                Problem(f"{self.subject}, {problem.subject}", problem.cause, problem.fix) for problem in error.problems
            ]
            return None

    def _started(self, found: Started, text: str, wanted: str) -> tuple[Started, tuple[str, ...]]:
        """How it is to be started, and what changes of its flags."""
        running_version, wanted_version = version(str(self.agent["version"])), version(wanted)
        if not self.wish.image or running_version is None or wanted_version is None:
            return found, ()
        words = [*found.command, *found.args]
        flags = agent_flags.carry(found.args, running_version, wanted_version, found.command)
        others = differences(Document(text, self.yaml).tree, words, running_version, wanted_version)
        self.problems += [*flags.problems, *(one for one in others if one.fatal)]
        self.warnings += [*flags.warnings, *(one for one in others if not one.fatal)]
        return Started(self.wish.image, flags.args, flags.command), flags.changes

    def _annotation(self, text: str, configured: Configured, made: dict[str, Any]) -> str | None:
        """What makes the pods start again. An agent that has loaded the wanted configuration by itself needs none."""
        before = self.agent["annotations"].get(HASH)
        loaded = [self._has_loaded(str(each["text"]), made) for each in self.agent["running"]]
        if before is None and configured.text == text and loaded and all(loaded):
            return None
        return hashlib.sha256(configured.text.encode()).hexdigest()[:32]

    def _has_loaded(self, running: str, made: dict[str, Any]) -> bool:
        try:
            loaded = config(Document(running, self.yaml).tree)
        except ProblemError:
            return False
        wanted = config(made)
        names = {(block.name, block.url) for block in loaded.blocks}
        return wanted.external_labels == loaded.external_labels and all(
            (block.name, block.url) in names for block in wanted.blocks
        )

    def _rollback(self, text: str, made: dict[str, Any]) -> dict[str, object]:
        """The first that was found is kept: going back leads there, not to what another change has left."""
        blocks = {*self.remembered.blocks, *(str(block.get("name")) for block in made["remote_write"])}
        jobs = {*self.remembered.jobs, *(str(job.get("job_name")) for job in self.wish.extra_scrape_configs)}
        found: dict[str, object] = {MADE: {"blocks": sorted(blocks), "jobs": sorted(jobs)}}
        if self.remembered.previous is None:
            keys = ("workload", "container", "image", "args", "command", "config")
            annotation = self.agent["annotations"].get(HASH)
            found[PREVIOUS] = {**{key: self.agent[key] for key in keys}, "text": text, "annotation": annotation}
        return found

    def _refuse(self, cause: str, fix: str) -> None:
        self.problems.append(Problem(self.subject, cause, fix))


# The way back.


def back(edge: Facts, remembered: Remembered, yaml: Yaml) -> Planned:
    """The agent as it was found before the first change."""
    previous = remembered.previous
    if previous is None:
        return Planned("right")
    where = previous["workload"]
    found = [agent for agent in edge["agents"] if agent["workload"] == where]
    if not found or found[0]["container"] != previous["container"]:
        cause = (
            f"{where['kind']} {where['namespace']}/{where['name']} is gone, or has no container {previous['container']}"
        )
        fix = "restore it, or forget what the record holds of it (docs/record.md)"
        raise ProblemError([Problem("The agent as it was", cause, fix)])
    agent, annotation = found[0], previous["annotation"]
    text, started = str(previous["text"]), Started.of(previous)
    now = str(agent.get("text") or "")
    changes = list(agent_config.change(now, text, yaml).sentences()) if now else ["Its configuration is restored"]
    if previous["image"] != agent["image"]:
        changes.append(f"The image becomes {previous['image']}, it was {agent['image']}")
    template = _template(agent, started, annotation, "")
    is_there = started == Started.of(agent) and agent["annotations"].get(HASH) == annotation
    return Planned(
        state="right" if now == text and is_there and VOLUME not in agent["volumes"] else "change",
        agent=agent,
        version=str(agent["version"] or ""),
        image=str(previous["image"]),
        changes=tuple(changes),
        config=_compared(Document(text, yaml).tree),
        text=text,
        objects=(_source(previous["config"], text), template),
        diff=_diff({**agent, "config": previous["config"]}, now, text, changes, yaml),
    )


# Objects.


def _source(source: Facts, text: str) -> Object:
    """Only the key that the agent reads: server-side apply leaves the others to whoever has them."""
    value = base64.b64encode(text.encode()).decode() if source["kind"] == "Secret" else text
    return {
        "apiVersion": "v1",
        "kind": source["kind"],
        "metadata": {"name": source["name"], "namespace": source["namespace"]},
        "data": {source["key"]: value},
    }


def _template(agent: Facts, started: Started, annotation: str | None, credentials: str) -> Object:
    """The workload, with what is changed of its pods.

    Image, arguments and command are given even where they stay: what this field manager has once set, and leaves out
    later, server-side apply takes away.
    """
    workload = agent["workload"]
    words = {"args": list(started.args), "command": list(started.command)}
    container: Object = {"name": agent["container"], "image": started.image}
    container |= {key: given for key, given in words.items() if given}
    pod: Object = {"containers": [container]}
    if credentials:
        container["volumeMounts"] = [{"name": VOLUME, "mountPath": CREDENTIALS_FOLDER, "readOnly": True}]
        pod["volumes"] = [{"name": VOLUME, "secret": {"secretName": credentials}}]
    metadata = {"metadata": {"annotations": {HASH: annotation}}} if annotation else {}
    return {
        "apiVersion": "apps/v1",
        "kind": workload["kind"],
        "metadata": {"name": workload["name"], "namespace": workload["namespace"]},
        "spec": {"template": {**metadata, "spec": pod}},
    }


# What is shown.


def _compared(tree: Mapping[str, object]) -> dict[str, object]:
    """What the gates read of a configuration, without secrets."""
    kept = ("name", "url", "write_relabel_configs")
    blocks: list[dict[str, object]] = []
    for entry in elements(tree.get("remote_write")):
        block = mapping(redacted(entry))
        headers = {name: value for name, value in mapping(block.get("headers")).items() if value != _HIDDEN}
        blocks.append(
            {**{key: block[key] for key in kept if key in block}, **({"headers": headers} if headers else {})}
        )
    labels = mapping(mapping(tree.get("global")).get("external_labels"))
    return {"global": {"external_labels": dict(labels)}, "remote_write": blocks}


def _replaced(subject: str, configured: Configured) -> Iterator[Problem]:
    for text in configured.replaced:
        yield Problem(f"{subject}, remote_write", f"an entry gives way: {text}", "nothing, unless it is still wanted")
    if configured.lost_comments:
        cause = f"{configured.lost_comments} comments go with the entries that give way"
        yield Problem(f"{subject}, remote_write", cause, "nothing, unless they are still wanted")


def _diff(agent: Facts, before: str, after: str, changes: Sequence[str], yaml: Yaml) -> tuple[dict[str, str], ...]:
    source, workload = agent["config"], agent["workload"]
    written = f"{source['kind']} {source['namespace']}/{source['name']}, {source['key']}"
    made = f"{workload['kind']} {workload['namespace']}/{workload['name']}"
    told = "\n".join(["its pods start again", *changes]) + "\n"
    texts = (masked(before, yaml), masked(after, yaml))
    found = [{"before_header": made, "after_header": made, "before": "", "after": told}]
    if texts[0] != texts[1]:
        found.insert(0, {"before_header": written, "after_header": written, "before": texts[0], "after": texts[1]})
    return tuple(found)


def masked(text: str, yaml: Yaml) -> str:
    """A configuration as it is written, without its secrets."""
    try:
        tree = Document(text, yaml).tree
    except ProblemError:
        return _HIDDEN
    for secret in sorted({*secret_texts(tree), *_hidden(tree, redacted(tree))}, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _hidden(content: object, shown: object) -> Iterator[str]:
    """The texts that are shown as a secret, such as those of headers."""
    if isinstance(content, str) and content and shown == _HIDDEN:
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _hidden(value, shown if shown == _HIDDEN else mapping(shown).get(key))
    elif isinstance(content, list):
        for value, each in zip(content, elements(shown), strict=False):
            yield from _hidden(value, each)
