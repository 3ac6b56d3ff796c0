# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change of an agent that runs already, so that it delivers: which objects become what, and the way back.

The workload stays as it was found: its selector, its volumes with the WAL, the names of its containers. Of the
ConfigMap only the key that the agent reads is written, of the workload only the image, the arguments and one annotation
of its pods, which makes them start again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ansible_collections.miribit.thanos.plugins.module_utils.agent import config as agent_config
from ansible_collections.miribit.thanos.plugins.module_utils.agent import flags as agent_flags
from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import Configured, Target
from ansible_collections.miribit.thanos.plugins.module_utils.agent.edge import named
from ansible_collections.miribit.thanos.plugins.module_utils.agent.mask import HIDDEN, masked
from ansible_collections.miribit.thanos.plugins.module_utils.agent.upgrade import Difference, differences
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import version
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import Document, Yaml
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.schema import CREDENTIALS_FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.kube.owners import manager, read_owner
from ansible_collections.miribit.thanos.plugins.module_utils.kube.rendered import FIELD_MANAGER, MANAGED_BY
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import config
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import Spec
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import redacted
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.spec import SpecReader

Facts = Mapping[str, Any]
Object = dict[str, Any]

#: On the pods, so that they start again when their configuration is another one.
HASH = "miribit.thanos/config-hash"
#: The volume with the credentials of remote write.
VOLUME = "miribit-thanos-remote-write"

#: What the record keeps: the agent as it was found, and the names of what was made since.
PREVIOUS, MADE = "agent", "agent_made"

_APPS = {"StatefulSet", "Deployment", "DaemonSet"}
#: Where none is known, as of an agent that never ran: what the gates compare is the same for each.
_ANY_VERSION = "3.0.0"


class State(StrEnum):
    """State of an agent. The role prometheus_agent documents what it does in each, and adds two of its own."""

    #: No agent runs.
    MISSING = "missing"
    #: Deployed by this collection, whose templates change it.
    DEPLOYED = "deployed"
    #: prometheus-operator makes its configuration.
    OPERATOR_MANAGED = "operator_managed"
    IN_SYNC = "in_sync"
    OUT_OF_SYNC = "out_of_sync"


@dataclass(frozen=True)
class Wish:
    """What the agent is to become."""

    spec: Spec
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

    state: State
    agent: Facts | None = field(default=None, repr=False)
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
    #: Where the edge has exporters, for an agent of our own.
    exporter_namespaces: tuple[str, ...] = ()
    #: What goes into the record, for going back.
    rollback: dict[str, object] = field(default_factory=dict, repr=False)
    diff: tuple[dict[str, str], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Without the configuration itself."""
        agent = self.agent or {}
        workload = agent.get("workload") or {}
        return {
            "state": self.state.value,
            "agent": agent.get("id"),
            "workload": dict(workload) or None,
            "container": agent.get("container"),
            "selector": agent.get("selector"),
            "pods": (agent.get("replicas") or {}).get("wanted"),
            "version": self.version or None,
            "image": self.image or None,
            "changes": list(self.changes),
            "config": self.config,
            "config_hash": (agent.get("annotations") or {}).get(HASH),
            "delivered_before": self.delivered_before,
            "exporter_namespaces": list(self.exporter_namespaces),
            "targets_up": [
                {key: target[key] for key in ("address", "path", "params")}
                for target in agent.get("targets") or ()
                if target["health"] == "up"
            ],
        }


def plan(edge: Facts, wish: Wish, remembered: Remembered, yaml: Yaml) -> Planned:
    """The change of the agent of an edge, from what module _edge_info returns with its texts.

    Raises ProblemError with everything that keeps it from being changed.
    """
    agent = choose(edge["agents"], wish.name)
    if agent is None:
        return Planned(State.MISSING)
    if agent["labels"].get(MANAGED_BY) == FIELD_MANAGER:
        if older := _older(agent, wish):
            raise ProblemError([older])
        known = [str(one) for one in (agent["version"], wish.version) if one and version(str(one))]
        made = _Change(agent, wish, remembered, yaml).remote_write((known or [_ANY_VERSION])[0])
        running = str(agent["version"] or "")
        return Planned(State.DEPLOYED, agent, version=running, image=str(agent["image"]), config=made)
    if agent["owner"].get("custom_resource"):
        return Planned(State.OPERATOR_MANAGED, agent, version=str(agent["version"] or ""), image=str(agent["image"]))
    return _Change(agent, wish, remembered, yaml).planned()


def exporter_namespaces(edge: Facts) -> tuple[str, ...]:
    """Where its exporters are, whoever made them."""
    found = [*edge["node_exporters"], *edge["kube_state_metrics"]]
    return tuple(sorted({str(one["workload"]["namespace"]) for one in found}))


def choose(agents: Sequence[Facts], name: str) -> Facts | None:
    """The one that is meant; None if there is none at all."""
    found = named(agents, name) if name else list(agents)
    if len(found) == 1 or not agents:
        return found[0] if found else None
    there_are = ", ".join(str(agent["id"]) for agent in agents)
    cause = f"there are several ({there_are})" if found else f"none is called {name!r}; there are: {there_are}"
    raise ProblemError([Problem("The edge's agent", cause, "name its workload in prometheus_agent_name")])


def _older(agent: Facts, wish: Wish) -> Problem | None:
    """Report a wanted version older than the running one. Patch releases take the same flags, and may go back."""
    running, wanted = version(str(agent["version"])), version(wish.version)
    if not wish.image or running is None or wanted is None or wanted >= running:
        return None
    cause = f"Prometheus {agent['version']} is running, and the requested {wish.version} is older; "
    cause += "an agent is only upgraded"
    fix = f"set fleet_prometheus_version to {agent['version']} or newer, or prometheus_agent_upgrade: false to keep "
    fix += "the running version; a rollback restores the one from before the first change"
    return Problem(str(agent["id"]), cause, fix)


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
        made = self.remote_write(wanted)
        configured = self._configured(text, made)
        found = Started.of(self.agent)
        started, flag_changes = self._started(found, configured, made, wanted)
        if self.problems or configured is None:
            raise ProblemError(self.problems)
        is_written = (
            configured.text == text
            and started == found
            and bool(self.wish.credentials_secret) == (VOLUME in self.agent["volumes"])
        )
        annotation = self._annotation(configured.text, made, is_written=is_written)
        template = _template(self.agent, started, annotation, self.wish.credentials_secret)
        is_right = is_written and annotation == self.agent["annotations"].get(HASH)
        changes = [*configured.change.sentences(), *flag_changes]
        if started.image != found.image:
            changes.append(f"The image becomes {started.image}, it was {found.image}")
        if not is_right and not changes:
            changes.append("It starts again: what it has loaded is not what is written")
        return Planned(
            state=State.IN_SYNC if is_right else State.OUT_OF_SYNC,
            agent=self.agent,
            version=wanted,
            image=started.image,
            changes=tuple(changes),
            warnings=(*self.warnings, *configured.warnings, *_replaced(self.subject, configured)),
            config=_compared(configured.text, self.yaml, self.wish.spec.tenant_header),
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
            self._refuse(cause, "run it as a StatefulSet")
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
        owners = {"the agent": self.agent["owner"], "its configuration": self.agent.get("config_owner")}
        for what, owner in owners.items():
            managed = manager(read_owner(owner))
            if managed and managed.reverts:
                cause = f"{managed} owns {what}, and reverts what is changed here"
                fix = f"make the change in {managed.source} and set prometheus_agent_accept_owner: true"
                (self.warnings if self.wish.accept_owner else self.problems).append(Problem(self.subject, cause, fix))
            elif managed:
                cause = f"{managed} owns {what}: its next upgrade restores the old values"
                self.warnings.append(Problem(self.subject, cause, f"write the change into {managed.source}, too"))

    def _version(self) -> str | None:
        """The version that is to run."""
        running = self.agent["version"]
        if running is None or version(str(running)) is None:
            cause = (
                f"its version is not known: neither the tag of {self.agent['image']} nor the process itself tells it"
            )
            self._refuse(cause, "make a pod of it run, or give the image a tag with its version")
            return None
        if self.wish.image and not self.wish.version:
            cause = f"which version of Prometheus {self.wish.image} holds is not said"
            self._refuse(cause, "set fleet_prometheus_version")
            return None
        if older := _older(self.agent, self.wish):
            self.problems.append(older)
        return self.wish.version if self.wish.image else str(running)

    # What it becomes.

    def remote_write(self, wanted: str) -> dict[str, Any]:
        """External labels and entries for a version of Prometheus."""
        reader = SpecReader()
        prometheus = reader.version("prometheus_version", wanted)
        if prometheus is None or reader.problems:
            raise ProblemError([*self.problems, *self._of_agent(reader.problems)])
        return self.wish.spec.config(prometheus)

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
            self.problems += self._of_agent(error.problems)
            return None

    def _started(
        self, found: Started, configured: Configured | None, made: dict[str, Any], wanted: str
    ) -> tuple[Started, tuple[str, ...]]:
        """How it is to be started, and what changes of its flags."""
        running_version, wanted_version = version(str(self.agent["version"])), version(wanted)
        if not self.wish.image or running_version is None or wanted_version is None:
            return found, ()
        flags = agent_flags.carry(found.args, running_version, wanted_version, found.command)
        others: list[Difference] = []
        if configured is not None:
            # What goes, and what is new, changes in other ways.
            tree = _without(Document(configured.text, self.yaml).tree, made)
            others = differences(tree, [*found.command, *found.args], running_version, wanted_version)
        self.problems += self._of_agent([*flags.problems, *(one for one in others if one.fatal)])
        self.warnings += self._of_agent([*flags.warnings, *(one for one in others if not one.fatal)])
        return Started(self.wish.image, flags.args, flags.command), flags.changes

    def _annotation(self, text: str, made: dict[str, Any], *, is_written: bool) -> str | None:
        """What makes the pods start again. An agent that is right and was never changed here needs none.

        Once the record says that it was, a ConfigMap that is right proves nothing: the run may have ended behind it.
        """
        changed_before = self.remembered.previous is not None or self.agent["annotations"].get(HASH) is not None
        loaded = [self._has_loaded(str(each["text"]), made) for each in self.agent["running"]]
        if is_written and not changed_before and loaded and all(loaded):
            return None
        # Another Secret is another volume of the pods.
        content = f"{text}\0{self.wish.credentials_secret}" if self.wish.credentials_secret else text
        return hashlib.sha256(content.encode()).hexdigest()[:32]

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

    def _of_agent(self, problems: Iterable[Problem]) -> list[Problem]:
        return [Problem(f"{self.subject}, {one.subject}", one.cause, one.fix) for one in problems]

    def _refuse(self, cause: str, fix: str) -> None:
        self.problems.append(Problem(self.subject, cause, fix))


def _without(tree: dict[str, object], made: Mapping[str, Any]) -> dict[str, object]:
    """A configuration without the entries of remote_write that are ours. The others keep their numbers."""
    names = {block["name"] for block in made["remote_write"]}
    entries = elements(tree.get("remote_write"))
    return {**tree, "remote_write": [{} if mapping(one).get("name") in names else one for one in entries]}


# The way back.


def back(edge: Facts, remembered: Remembered, yaml: Yaml) -> Planned:
    """The agent as it was found before the first change."""
    previous = remembered.previous
    if previous is None:
        return Planned(State.IN_SYNC)
    where = previous["workload"]
    same = ("workload", "container")
    found = [agent for agent in edge["agents"] if all(agent[key] == previous[key] for key in same)]
    if not found:
        cause = (
            f"{where['kind']} {where['namespace']}/{where['name']} is gone, or has no container {previous['container']}"
        )
        fix = "restore it, or forget what the record holds of it (docs/record.md)"
        raise ProblemError([Problem("The agent as it was", cause, fix)])
    agent, annotation = found[0], previous["annotation"]
    text, started = str(previous["text"]), Started.of(previous)
    now = str(agent.get("text") or "")
    changes = _restored(now, text, yaml)
    if previous["image"] != agent["image"]:
        changes.append(f"The image becomes {previous['image']}, it was {agent['image']}")
    template = _template(agent, started, annotation, "")
    is_there = started == Started.of(agent) and agent["annotations"].get(HASH) == annotation
    return Planned(
        state=State.IN_SYNC if now == text and is_there and VOLUME not in agent["volumes"] else State.OUT_OF_SYNC,
        agent=agent,
        version=str(agent["version"] or ""),
        image=str(previous["image"]),
        changes=tuple(changes),
        config=_compared(text, yaml),
        text=text,
        objects=(_source(previous["config"], text), template),
        diff=_diff({**agent, "config": previous["config"]}, now, text, changes, yaml),
    )


def _restored(now: str, text: str, yaml: Yaml) -> list[str]:
    """What differs, where what is there now is a configuration at all: nothing else must keep it from going back."""
    try:
        return agent_config.change(now, text, yaml).sentences() if now else ["Its configuration is restored"]
    except ProblemError:
        return ["Its configuration is restored"]


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
    # An empty list takes away those that are there.
    container |= {key: given for key, given in words.items() if given or agent[key]}
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


def _compared(text: str, yaml: Yaml, tenant_header: str = "") -> dict[str, object]:
    """What the gates read of a configuration, without secrets."""
    tree = Document(text, yaml).tree
    entries = [mapping(entry) for entry in elements(tree.get("remote_write"))]
    targets = agent_config.change(text, text, yaml).targets_after
    labels = mapping(mapping(tree.get("global")).get("external_labels"))
    return {
        "global": {"external_labels": dict(labels)},
        "remote_write": [_block(*one, tenant_header) for one in zip(entries, targets, strict=True)],
    }


def _block(entry: Mapping[str, object], target: Target, tenant_header: str) -> dict[str, object]:
    shown = mapping(redacted(entry))
    headers = {
        name: value
        for name, value in mapping(entry.get("headers")).items()
        if name.lower() == tenant_header.lower() or mapping(shown["headers"])[name] != HIDDEN
    }
    return {
        **({"name": target.name} if target.name else {}),
        # As the gates read it from what an agent says that it has loaded.
        "url": target.url.replace(f"{HIDDEN}@", "").partition("?")[0],
        **{key: shown[key] for key in ("write_relabel_configs",) if key in shown},
        **({"headers": headers} if headers else {}),
    }


def _replaced(subject: str, configured: Configured) -> Iterator[Problem]:
    for text in configured.replaced:
        yield Problem(f"{subject}, remote_write", f"an entry gives way: {text}", "nothing, unless it is still wanted")
    if configured.lost_comments:
        few = configured.lost_comments == 1
        cause = "a comment goes" if few else f"{configured.lost_comments} comments go"
        cause += " with the entries that give way"
        yield Problem(
            f"{subject}, remote_write", cause, f"nothing, unless {'it is' if few else 'they are'} still wanted"
        )


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
