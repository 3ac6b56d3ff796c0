# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a running Prometheus agent, changed so that it delivers, and what a change of it does.

Only the parts that are asked for are rewritten, in the text itself (yaml_text.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeAlias
from urllib.parse import SplitResult

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.untyped import elements, mapping
from ansible_collections.miribit.thanos.plugins.module_utils.base.yaml_edit import BREAK, Document, Yaml, raw
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import (
    RECEIVE_PATH,
    RECEIVE_PORT,
    split_url,
    url_complaints,
)
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.secrets import redacted

_DEFAULT_PORTS = {"http": 80, "https": 443}

#: Host, port and path.
_Address: TypeAlias = "tuple[str, int | None, str]"


@dataclass(frozen=True)
class Wanted:
    """What the configuration is to hold. None: it stays as it is.

    An entry of remote_write that is there already gives way to the wanted ones if

    - keep_others is false, or
    - it has the name of one of them, or of one that this collection made before (former_blocks), or
    - it leads to the same host, port and path as one of them, whatever its scheme, or
    - it is meant for a Thanos Receive (its path or its port says so) and the form of its URL shows that it never
      arrives there, unless somebody saw that it does (delivering: URLs).

    Every other entry is of another system, and stays. Jobs are added; those of former_jobs, which this collection added
    before, are replaced or go.
    """

    remote_write: Sequence[Mapping[str, object]] | None = None
    external_labels: Mapping[str, str] | None = None
    extra_scrape_configs: Sequence[Mapping[str, object]] = ()
    keep_others: bool = True
    delivering: Collection[str] = ()
    former_blocks: Collection[str] = ()
    former_jobs: Collection[str] = ()


@dataclass(frozen=True)
class Target:
    """Where an entry of remote_write leads, without anything secret."""

    name: str | None
    url: str

    def __str__(self) -> str:
        return f"{self.name} ({self.url})" if self.name else self.url


@dataclass(frozen=True)
class Change:
    """What differs between two configurations, without anything secret."""

    jobs_added: tuple[str, ...]
    jobs_removed: tuple[str, ...]
    jobs_changed: tuple[str, ...]
    labels_before: dict[str, str]
    labels_after: dict[str, str]
    targets_before: tuple[Target, ...]
    targets_after: tuple[Target, ...]
    #: Entries whose queue ends, with all that it has not sent yet (storage/remote/write.go, ApplyConfig).
    queues_ended: tuple[Target, ...]
    #: Entries that get a queue, which begins with what is scraped from then on.
    queues_begun: tuple[Target, ...]
    #: Any other key that differs, such as global.scrape_interval.
    others: tuple[str, ...]
    #: Whether what has not been sent yet is lost. An entry that is only added loses nothing.
    resets_queue: bool
    #: Whether Prometheus reads another configuration, not only another text.
    needs_reload: bool

    def sentences(self) -> list[str]:
        """For a report: one for each thing that differs."""
        return [
            *(f"Job {name} is added" for name in self.jobs_added),
            *(f"Job {name} is removed" for name in self.jobs_removed),
            *(f"Job {name} is changed" for name in self.jobs_changed),
            *_label_sentences(self.labels_before, self.labels_after),
            *(f"The queue to {target} ends, with what it has not sent" for target in self.queues_ended),
            *(f"A queue to {target} begins" for target in self.queues_begun),
            *(f"{key} is changed" for key in self.others),
        ]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Configured:
    """A new configuration."""

    text: str
    change: Change
    #: Why entries of remote_write that were there give way.
    replaced: tuple[str, ...]
    #: Entries of other systems.
    kept: tuple[Target, ...]
    #: Comments inside what gave way.
    lost_comments: int
    warnings: tuple[Problem, ...]


def configure(text: str, wanted: Wanted, yaml: Yaml) -> Configured:
    """The configuration with what is wanted in it. The same again changes nothing."""
    document = Document(text, yaml)
    chosen = _Chosen(document.tree, wanted)
    chosen.check()
    new = document
    if wanted.external_labels is not None:
        new = new.with_labels(_plain(wanted.external_labels, "external_labels"))
    if chosen.blocks is not None:
        new = new.with_list("remote_write", chosen.blocks)
    if chosen.jobs is not None:
        new = new.with_list("scrape_configs", chosen.jobs)
    return Configured(
        text=new.text,
        change=_change(document.tree, new.tree),
        replaced=tuple(chosen.replaced),
        kept=tuple(chosen.kept),
        lost_comments=document.comments - new.comments,
        warnings=tuple(chosen.warnings),
    )


def change(old: str, new: str, yaml: Yaml) -> Change:
    """What differs between two configurations."""
    return _change(Document(old, yaml).tree, Document(new, yaml).tree)


def _change(old: dict[str, object], new: dict[str, object]) -> Change:
    jobs_before, jobs_after = _jobs(old), _jobs(new)
    labels_before, labels_after = _labels(old), _labels(new)
    before, after = elements(old.get("remote_write")), elements(new.get("remote_write"))
    same_labels = labels_before == labels_after
    ended = tuple(_target(block) for block in before if not (same_labels and block in after))
    return Change(
        jobs_added=tuple(name for name in jobs_after if name not in jobs_before),
        jobs_removed=tuple(name for name in jobs_before if name not in jobs_after),
        jobs_changed=tuple(
            name for name in jobs_before if jobs_after.get(name, jobs_before[name]) != jobs_before[name]
        ),
        labels_before=labels_before,
        labels_after=labels_after,
        targets_before=tuple(map(_target, before)),
        targets_after=tuple(map(_target, after)),
        queues_ended=ended,
        queues_begun=tuple(_target(block) for block in after if not (same_labels and block in before)),
        others=tuple(_others(old, new)),
        resets_queue=bool(ended),
        needs_reload=old != new,
    )


def _label_sentences(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"External label {name} is added: {after[name]!r}"
        elif name not in after:
            yield f"External label {name} is removed: it was {before[name]!r}"
        elif before[name] != after[name]:
            yield f"External label {name} is changed from {before[name]!r} to {after[name]!r}"


def _others(old: dict[str, object], new: dict[str, object]) -> Iterator[str]:
    ours = {"global", "remote_write", "scrape_configs"}
    yield from (key for key in _differing(old, new) if key not in ours)
    settings = (mapping(old.get("global")), mapping(new.get("global")))
    yield from (f"global.{key}" for key in _differing(*settings) if key != "external_labels")


def _differing(old: dict[str, object], new: dict[str, object]) -> list[str]:
    return [key for key in {**old, **new} if old.get(key) != new.get(key)]


# Reading what is parsed. Every scalar is a text.


def _labels(tree: dict[str, object]) -> dict[str, str]:
    labels = mapping(mapping(tree.get("global")).get("external_labels"))
    return {name: value if isinstance(value, str) else "" for name, value in labels.items()}


def _jobs(tree: dict[str, object]) -> dict[str, object]:
    return {_text(job, "job_name"): job for job in elements(tree.get("scrape_configs"))}


def _text(entry: object, key: str) -> str:
    """The text at a key, also where an entry gets it by a merge (`<<: *other`)."""
    found = mapping(entry)
    merged = found.get("<<")
    for source in (found, *(merged if isinstance(merged, list) else [merged])):
        value = mapping(source).get(key)
        if isinstance(value, str):
            return value
    return ""


def _target(entry: object) -> Target:
    url = _text(entry, "url")
    shown = redacted(url) if _split(url) else None
    return Target(_text(entry, "name") or None, shown.partition("#")[0] if isinstance(shown, str) else "no HTTP URL")


def _split(url: str) -> SplitResult | None:
    """None if it is no HTTP URL, or one in which it cannot be told what is secret."""
    parts = split_url(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    # A password may hold characters that move the parts, and urlsplit takes line breaks out.
    return None if url.count("@") > parts.netloc.count("@") or BREAK.search(url) else parts


def _address(url: str) -> _Address | None:
    """The port that a scheme has by default is none, so that its scheme can change."""
    parts = _split(url)
    if parts is None:
        return None
    port = None if parts.port == _DEFAULT_PORTS[parts.scheme] else parts.port
    return (parts.hostname or "", port, parts.path)


def _is_for_receive(address: _Address | None) -> bool:
    return address is not None and (address[1] == RECEIVE_PORT or address[2].endswith(RECEIVE_PATH))


# What is to become of the entries that are there.


@dataclass
class _Chosen:
    """For each list what it is to hold: positions of entries that stay as they stand, and new ones. None: it stays."""

    tree: dict[str, object]
    wanted: Wanted
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[Target] = field(default_factory=list)
    blocks: list[int | dict[str, object]] | None = None
    jobs: list[int | dict[str, object]] | None = None

    def check(self) -> None:
        if self.wanted.remote_write is not None:
            self.blocks = self._choose_blocks([_plain(block, "remote_write") for block in self.wanted.remote_write])
        if self.wanted.extra_scrape_configs or self.wanted.former_jobs:
            self.jobs = self._choose_jobs([_plain(job, "scrape_configs") for job in self.wanted.extra_scrape_configs])
        if self.problems:
            raise ProblemError(self.problems)

    def _choose_blocks(self, wanted: list[dict[str, object]]) -> list[int | dict[str, object]]:
        if not wanted:
            cause = "there is no wanted entry, and an agent keeps nothing that could be queried"
            self.problems.append(Problem("remote_write", cause, "give one that leads to Thanos Receive"))
        names = Counter(_text(block, "name") for block in wanted)
        for name, times in names.items():
            if name and times > 1:
                cause = f"{times} wanted entries have this name, and Prometheus loads no configuration with that"
                self.problems.append(Problem(f"remote_write, entry {name}", cause, "give each its own"))
        new = list(wanted)
        chosen: list[int | dict[str, object]] = []
        place = None
        for position, entry in enumerate(elements(self.tree.get("remote_write"))):
            same = next((block for block in new if raw(block) == entry), None)
            if same:
                new.remove(same)
                chosen.append(position)
            elif why := self._why_it_goes(position, entry, wanted):
                self.replaced.append(f"{_target(entry)}: {why}")
                place = len(chosen) if place is None else place
            else:
                self._keep(position, entry)
                chosen.append(position)
        place = len(chosen) if place is None else place
        return [*chosen[:place], *new, *chosen[place:]]

    def _why_it_goes(self, position: int, entry: object, wanted: list[dict[str, object]]) -> str | None:
        name, url = _text(entry, "name"), _text(entry, "url")
        address = _address(url)
        if not self.wanted.keep_others:
            return "no others are to be kept"
        if name and name in self.wanted.former_blocks:
            return "it was made by this collection"
        if address and address in {_address(_text(block, "url")) for block in wanted}:
            return "it leads to the same place"
        if name and name in {_text(block, "name") for block in wanted}:
            if _is_for_receive(address) or address is None:
                return "it has the name of a new one"
            cause = "a wanted entry has this name, and this one leads to another system than Thanos Receive"
            fix = "give it another name in the configuration, or leave it out with keep_others: false"
            self.problems.append(Problem(_place("remote_write", position, name), cause, fix))
        elif _is_for_receive(address) and address not in {_address(alive) for alive in self.wanted.delivering}:
            return next((cause for cause in _causes(url)), None)
        return None

    def _keep(self, position: int, entry: object) -> None:
        self.kept.append(_target(entry))
        if _is_for_receive(_address(_text(entry, "url"))):
            cause = f"it stays, and leads to a Thanos Receive too: {_target(entry)}"
            fix = "if that is the same one at another address, leave this entry out with keep_others: false"
            self.warnings.append(Problem(_place("remote_write", position, _text(entry, "name")), cause, fix))

    def _choose_jobs(self, wanted: list[dict[str, object]]) -> list[int | dict[str, object]]:
        names = Counter(_text(job, "job_name") for job in wanted)
        for name, times in names.items():
            if not name:
                self.problems.append(
                    Problem("scrape_configs", "a job that is to be added has no name", "give job_name")
                )
            elif times > 1:
                cause = f"{times} jobs that are to be added have this name"
                self.problems.append(Problem(f"scrape_configs, job {name}", cause, "give each its own"))
        new = {_text(job, "job_name"): job for job in wanted}
        chosen: list[int | dict[str, object]] = []
        place = None
        for position, job in enumerate(elements(self.tree.get("scrape_configs"))):
            name = _text(job, "job_name")
            if name in new and job == raw(new[name]):
                del new[name]
                chosen.append(position)
            elif name in self.wanted.former_jobs:
                place = len(chosen) if place is None else place
            else:
                chosen.append(position)
                if name in new:
                    cause = "the configuration has another job of this name"
                    fix = "give the new job another name, or take the other out of the configuration"
                    self.problems.append(Problem(f"scrape_configs, job {name}", cause, fix))
        place = len(chosen) if place is None else place
        return [*chosen[:place], *new.values(), *chosen[place:]]


def _causes(url: str) -> Iterator[str]:
    """Why a URL never works for Thanos Receive. What is secret in it costs no samples, and would hide the rest."""
    parts = _split(url)
    if parts:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        yield from (found.cause for found in url_complaints(bare) if found.certain)


def _place(key: str, position: int, name: str) -> str:
    return f"{key}, entry {position + 1} ({name})" if name else f"{key}, entry {position + 1}"


def _plain(value: Mapping[str, object], place: str) -> dict[str, object]:
    """As JSON has it."""
    try:
        text = json.dumps(dict(value), allow_nan=False, ensure_ascii=False)
        return mapping(json.loads(text.encode()))
    except (TypeError, ValueError, RecursionError):
        cause = "a wanted value is none that JSON has"
        raise ProblemError([Problem(place, cause, "give texts, numbers, true and false, lists and mappings")]) from None
