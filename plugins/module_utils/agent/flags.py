# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent under another version of Prometheus: the arguments that it then takes.

What is said of versions is from Prometheus' CHANGELOG.md, its docs/migration.md and cmd/prometheus/main.go of 2.48,
2.55, 3.0, 3.3, 3.5, 3.9 and 3.15. Where the changelog is silent, a thing is taken to be as old as these allow.
tests/tools/test_agent_config.py shows it with the programs of 2.48 and 3.15.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import AGENT_FLAG_SINCE

_OLDEST: Version = (0, 0)
_NEVER: Version = (999, 0)


@dataclass(frozen=True)
class Span:
    """The versions that know a thing, the last one excluded."""

    since: Version = _OLDEST
    until: Version = _NEVER

    def __contains__(self, version: Version) -> bool:
        return self.since <= version < self.until


_ALWAYS = Span()
_NEW = Span(since=AGENT_FLAG_SINCE)

#: The flags that take no value. A value after `=` is an error: "unexpected true".
_SWITCHES = {
    "agent": _NEW,
    "auto-gomaxprocs": _NEW,
    "auto-gomemlimit": _NEW,
    "config.auto-reload": Span(since=(3, 12)),
    "help": _ALWAYS,
    "scrape.adjust-timestamps": _ALWAYS,
    "storage.agent.checkpoint-from-in-memory-series": Span(since=(3, 10)),
    "storage.agent.no-lockfile": _ALWAYS,
    "storage.agent.wal-compression": _ALWAYS,
    "version": _ALWAYS,
    "web.enable-admin-api": _ALWAYS,
    "web.enable-lifecycle": _ALWAYS,
    "web.enable-otlp-receiver": _NEW,
    "web.enable-remote-write-receiver": Span(since=(2, 33)),
}
_VALUES = {
    "alertmanager.timeout": Span(until=(3, 0)),
    "auto-gomemlimit.ratio": Span(since=(2, 50)),
    "auto-gomemlimit.refresh-interval": Span(since=(3, 15)),
    "config.auto-reload-interval": _NEW,
    "config.file": _ALWAYS,
    "enable-feature": _ALWAYS,
    "log.format": _ALWAYS,
    "log.level": _ALWAYS,
    "scrape.discovery-reload-interval": _ALWAYS,
    "scrape.name-escaping-scheme": Span(since=(2, 49), until=(3, 0)),
    "scrape.timestamp-tolerance": _ALWAYS,
    "storage.agent.checkpoint-batch-size": Span(since=(3, 10)),
    "storage.agent.path": _ALWAYS,
    "storage.agent.retention.max-time": _ALWAYS,
    "storage.agent.retention.min-time": _ALWAYS,
    "storage.agent.wal-compression-type": _ALWAYS,
    "storage.agent.wal-segment-size": _ALWAYS,
    "storage.agent.wal-truncate-frequency": _ALWAYS,
    "storage.remote.flush-deadline": _ALWAYS,
    "web.config.file": _ALWAYS,
    "web.console.libraries": _ALWAYS,
    "web.console.templates": _ALWAYS,
    "web.cors.origin": _ALWAYS,
    "web.external-url": _ALWAYS,
    "web.listen-address": _ALWAYS,
    "web.max-connections": _ALWAYS,
    "web.max-notifications-subscribers": _NEW,
    "web.page-title": _ALWAYS,
    "web.read-timeout": _ALWAYS,
    "web.remote-write-receiver.accepted-protobuf-messages": Span(since=(2, 54)),
    "web.route-prefix": _ALWAYS,
    "web.user-assets": _ALWAYS,
}
#: Any other flag that stands twice ends Prometheus: "cannot be repeated".
_REPEATED = {
    "enable-feature": _ALWAYS,
    # 2.48 takes one, 2.55 several.
    "web.listen-address": Span(since=(2, 49)),
    "web.remote-write-receiver.accepted-protobuf-messages": _ALWAYS,
}
#: Refused in agent mode (serverOnlyFlag in cmd/prometheus/main.go).
_SERVER_FLAGS = ("alertmanager.", "query.", "rules.", "storage.remote.read-", "storage.tsdb.", "web.search.")

#: Features that 3.0 took out, and the flags that came for them. Without one: 3.0 does it always, or by default.
_FEATURE_FLAGS = {
    "agent": "agent",
    "otlp-write-receiver": "web.enable-otlp-receiver",
    "remote-write-receiver": "web.enable-remote-write-receiver",
}
_NOW_ALWAYS = frozenset(
    {
        "auto-gomaxprocs",
        "auto-gomemlimit",
        "expand-external-labels",
        "new-service-discovery-manager",
        "no-default-scrape-port",
        "promql-at-modifier",
        "promql-negative-offset",
        "utf8-names",
    }
)
#: Switches of 3.0 that are features before. What they turn off, an older one does not do.
_SWITCH_FEATURES = {
    "agent": "agent",
    "auto-gomaxprocs": "auto-gomaxprocs",
    "auto-gomemlimit": "auto-gomemlimit",
    "web.enable-otlp-receiver": "otlp-write-receiver",
}
#: Features that change what an agent does. An unknown one is only logged. No others are touched.
_FEATURES = {
    "auto-gomaxprocs": Span(since=(2, 35), until=(3, 0)),
    "auto-gomemlimit": Span(since=(2, 50), until=(3, 0)),
    "auto-reload-config": _NEW,
    "created-timestamp-zero-ingestion": Span(since=(2, 50)),
    "metadata-wal-records": Span(since=(2, 54)),
    "native-histograms": Span(since=(2, 40), until=(3, 9)),
    "openmetrics2": Span(since=(3, 10)),
    "otlp-write-receiver": Span(since=(2, 47), until=(3, 0)),
    "st-storage": Span(since=(3, 11)),
    "st-synthesis": Span(since=(3, 12)),
    "type-and-unit-labels": Span(since=(3, 5)),
    "zstd-scrape": Span(since=(3, 15)),
}

_SHELL_FIX = "start Prometheus itself in command, with each argument an item of args"


@dataclass(frozen=True)
class Flags:
    """How the container is to be started. Nothing may be applied while there is a problem."""

    command: tuple[str, ...]
    args: tuple[str, ...]
    #: What differs, in words.
    changes: tuple[str, ...]
    #: What the wanted version would end on, or cannot be known.
    problems: tuple[Problem, ...]
    #: What it no longer does.
    warnings: tuple[Problem, ...]


def carry(args: Sequence[str], running: Version | None, wanted: Version, command: Sequence[str] = ()) -> Flags:
    """The arguments of a running agent, made into those for the wanted version, newer or older."""
    carrier = _Carrier(running, wanted)
    if wrapped := _wrapped(command):
        return Flags(tuple(command), tuple(args), (), (wrapped,), ())
    words = [*(_Word(text, in_command=True) for text in command[1:]), *(_Word(text) for text in args)]
    made = [carried for flag in carrier.read(words) for carried in carrier.carry(flag)]
    if not carrier.is_agent:
        cause = "nothing in its arguments makes it an agent: it is a full server"
        carrier.problems.append(Problem("Arguments", cause, "change only agents, or add what makes it one"))
    return Flags(
        command=(*command[:1], *(word.text for word in made if word.in_command)),
        args=tuple(word.text for word in made if not word.in_command),
        changes=tuple(carrier.changes),
        problems=tuple(carrier.problems),
        warnings=tuple(carrier.warnings),
    )


@dataclass(frozen=True)
class _Word:
    text: str
    in_command: bool = False


@dataclass(frozen=True)
class _Flag:
    """A flag as it stands in one word or two. Without a name: a word that is kept."""

    words: tuple[_Word, ...]
    name: str = ""
    value: str = ""
    #: --no-…
    off: bool = False

    def with_value(self, value: str) -> tuple[_Word, ...]:
        in_command = self.words[-1].in_command
        if len(self.words) > 1:
            return (self.words[0], _Word(value, in_command))
        return (_Word(f"--{self.name}={value}", in_command),)

    def other(self, text: str) -> _Word:
        return _Word(text, self.words[0].in_command)


def _wrapped(command: Sequence[str]) -> Problem | None:
    """Why the arguments are not those of Prometheus."""
    program = PurePosixPath(command[0]).name if command else "prometheus"
    if not program.startswith("prometheus"):
        cause = f"the container starts {program}, and what that makes of its arguments is not known"
        return Problem("Command", cause, _SHELL_FIX)
    return None


@dataclass
class _Carrier:
    running: Version | None
    wanted: Version
    changes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    is_agent: bool = False
    _present: Counter[str] = field(default_factory=Counter)
    #: Given as --no-…, which wins over the feature of that name.
    _off: set[str] = field(default_factory=set)

    # Reading, as kingpin does, which Prometheus reads its arguments with.

    def read(self, words: Sequence[_Word]) -> list[_Flag]:
        found = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            following = rest[0] if rest and (word.text == "--" or not rest[0].text.startswith("-")) else None
            flag = self._flag(word, following)
            if len(flag.words) > 1:
                rest.pop(0)
            found.append(flag)
        self._present = Counter(flag.name for flag in found if flag.name)
        self._off = {flag.name for flag in found if flag.off}
        for name, times in self._present.items():
            if times > 1 and (name not in _REPEATED or self.wanted not in _REPEATED[name]):
                cause = f"it stands {times} times, and Prometheus {shown(self.wanted)} ends on that"
                self._refuse(name, cause, "leave one")
        return found

    def _flag(self, word: _Word, following: _Word | None) -> _Flag:
        name, sign, value = word.text.removeprefix("--").partition("=")
        if not word.text.startswith("--") or not name:
            # What follows "--" is no flag, and none of what is left is read as a value.
            if word.text != "--" or following:
                self.problems.append(_stray(word.text))
            return _Flag((word,))
        off = name.startswith("no-") and name[3:] in _SWITCHES
        name = name[3:] if off else name
        if name in _SWITCHES:
            if sign:
                cause = "it takes no value, and Prometheus ends on one"
                self._refuse(name, cause, f"write --{name}, or --no-{name}")
            return _Flag((word,), name, off=off)
        if sign:
            return _Flag((word,), name, value)
        if name in _VALUES and following is None:
            self._refuse(name, "it has no value, and Prometheus ends on that", "give one, or leave it out")
        return _Flag((word, following), name, following.text) if following else _Flag((word,), name)

    # Making what the wanted version takes.

    def carry(self, flag: _Flag) -> tuple[_Word, ...]:
        if not flag.name:
            return flag.words
        if flag.name == "enable-feature":
            return self._carry_features(flag)
        if flag.name == "agent":
            self.is_agent = not flag.off
        if flag.name == "alertmanager.timeout" and self.wanted >= AGENT_FLAG_SINCE:
            self.changes.append(f"--{flag.name} is left out: it had no effect, and Prometheus 3 ends on it")
            return ()
        if flag.name.startswith(_SERVER_FLAGS) and flag.name not in _VALUES:
            self._refuse(flag.name, "Prometheus takes it outside agent mode only, and ends", "leave it out")
            return flag.words
        known = _SWITCHES.get(flag.name) or _VALUES.get(flag.name)
        if known is None:
            self._check_unknown(flag)
        elif self.wanted not in known:
            return self._carry_switch(flag)
        return flag.words

    def _carry_switch(self, flag: _Flag) -> tuple[_Word, ...]:
        """A flag that the wanted version does not know."""
        feature = _SWITCH_FEATURES.get(flag.name)
        if feature and flag.off:
            self.changes.append(f"--no-{flag.name} is left out: Prometheus {shown(self.wanted)} does not do it unasked")
            return ()
        if feature and self.wanted in _FEATURES.get(feature, _ALWAYS):
            self.changes.append(f"--{flag.name} is replaced by --enable-feature={feature}")
            return (flag.other(f"--enable-feature={feature}"),)
        cause = f"Prometheus {shown(self.wanted)} does not know it, and ends"
        self._refuse(flag.name, cause, "leave it out")
        return flag.words

    def _check_unknown(self, flag: _Flag) -> None:
        """What the running version takes, a newer one of the same major does, too."""
        if self.running and self.running <= self.wanted and self.running[0] == self.wanted[0]:
            return
        cause = f"whether Prometheus {shown(self.wanted)} knows it is not known, and it would end on it"
        self._refuse(flag.name, cause, "leave it out, or change the version by hand")

    def _carry_features(self, flag: _Flag) -> tuple[_Word, ...]:
        if "$(" in flag.value:
            cause = "Kubernetes fills in a variable, and what that holds is not known"
            self._refuse(flag.name, cause, "write its value")
            return flag.words
        kept: list[str] = []
        made: list[_Word] = []
        features = flag.value.split(",")
        for feature in features:
            self.is_agent |= feature == "agent" and feature not in self._off
            switch = _FEATURE_FLAGS.get(feature)
            if self.wanted < AGENT_FLAG_SINCE or not (switch or feature in _NOW_ALWAYS):
                kept += [feature] if self._does(feature) else []
            elif switch is None:
                self.changes.append(f"the feature {feature} is left out: Prometheus 3 has it without being asked")
            elif self._present[switch]:
                self.changes.append(f"the feature {feature} is left out: --{switch} does it")
            else:
                self._present[switch] += 1
                self.changes.append(f"the feature {feature} is replaced by --{switch}")
                made.append(flag.other(f"--{switch}"))
        if kept == features:
            return flag.words
        return (*made, *(flag.with_value(",".join(kept)) if any(kept) else ()))

    def _does(self, feature: str) -> bool:
        if self.wanted in _FEATURES.get(feature, _ALWAYS):
            return True
        self.changes.append(f"the feature {feature} is left out: Prometheus {shown(self.wanted)} does not have it")
        cause = f"Prometheus {shown(self.wanted)} has no such feature, and no longer does what it is for"
        fix = "see whether it is missed"
        if feature == "native-histograms" and self.wanted >= (3, 9):
            cause = "Prometheus does not scrape native histograms for it since 3.9"
            fix = "set scrape_native_histograms: true in the configuration's global section (known since 3.8)"
        self.warnings.append(Problem(f"Feature {feature}", cause, fix))
        return False

    def _refuse(self, name: str, cause: str, fix: str) -> None:
        self.problems.append(Problem(f"Argument --{name}", cause, fix))


def _stray(text: str) -> Problem:
    """A word that is no flag. It is not shown: what it is, is not known."""
    if text == "--":
        return Problem("Arguments", "words follow a '--', and Prometheus ends on them", "leave them out")
    if text.startswith("@"):
        cause = "an argument names a file (@…) that holds more of them, which is not read here"
        return Problem("Arguments", cause, "write them out")
    if text.startswith("$("):
        cause = "an argument is a variable that Kubernetes fills in, and what that holds is not known"
        return Problem("Arguments", cause, "write it out")
    if text.startswith("-"):
        cause = "an argument begins with a single '-', and Prometheus has no such flag"
        return Problem("Arguments", cause, "write it with '--'")
    return Problem("Arguments", "a word belongs to no flag, and Prometheus ends on it", "leave it out")


def shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def features(args: Sequence[str]) -> frozenset[str]:
    """Those that are asked for, also where the value is an argument of its own."""
    values = [word.partition("=")[2] for word in args if word.startswith("--enable-feature=")]
    values += [value for word, value in pairwise(args) if word == "--enable-feature"]
    return frozenset(feature for value in values for feature in value.split(",") if feature)
