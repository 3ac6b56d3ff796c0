# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of an agent under a newer version of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from ansible_collections.miribit.thanos.plugins.module_utils.agent import versions
from ansible_collections.miribit.thanos.plugins.module_utils.agent.versions import shown
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem
from ansible_collections.miribit.thanos.plugins.module_utils.base.versions import Version
from ansible_collections.miribit.thanos.plugins.module_utils.remote_write.model import AGENT_FLAG_SINCE

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
    #: What the agent no longer does.
    warnings: tuple[Problem, ...]


def carry(args: Sequence[str], running: Version, wanted: Version, command: Sequence[str] = ()) -> Flags:
    """Return the arguments of an agent for the wanted version, which is the running one or a newer one."""
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


def _wrapped(command: Sequence[str]) -> Problem | None:
    """Why the arguments are not those of Prometheus."""
    program = PurePosixPath(command[0]).name if command else "prometheus"
    if not program.startswith("prometheus"):
        cause = f"the container starts {program}, and what that makes of its arguments is not known"
        return Problem("Command", cause, _SHELL_FIX)
    return None


@dataclass
class _Carrier:
    running: Version
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
            if times > 1 and (name not in versions.REPEATED or self.wanted < versions.REPEATED[name]):
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
        off = name.startswith("no-") and name[3:] in versions.SWITCHES
        name = name[3:] if off else name
        if name in versions.SWITCHES:
            if sign:
                cause = "it takes no value, and Prometheus ends on one"
                self._refuse(name, cause, f"write --{name}, or --no-{name}")
            return _Flag((word,), name, off=off)
        if sign:
            return _Flag((word,), name, value)
        if name in versions.VALUES and following is None:
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
        if flag.name.startswith(versions.SERVER_FLAGS) and flag.name not in versions.VALUES:
            self._refuse(flag.name, "Prometheus takes it outside agent mode only, and ends", "leave it out")
            return flag.words
        known = versions.knows(self.wanted, flag.name)
        if known is None:
            self._check_unknown(flag)
        elif not known:
            self._refuse(flag.name, f"Prometheus {shown(self.wanted)} does not know it, and ends", "leave it out")
        return flag.words

    def _check_unknown(self, flag: _Flag) -> None:
        """A newer version of the same major accepts what the running one does."""
        if self.running[0] == self.wanted[0]:
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
            switch = versions.FEATURE_FLAGS.get(feature)
            if self.wanted < AGENT_FLAG_SINCE or not (switch or feature in versions.NOW_ALWAYS):
                kept += [] if self._is_over(feature) else [feature]
            elif switch is None:
                self.changes.append(f"the feature {feature} is left out: Prometheus 3 has it without being asked")
            elif self._present[switch]:
                self.changes.append(f"the feature {feature} is left out: --{switch} does it")
            else:
                self._present[switch] += 1
                self.changes.append(f"the feature {feature} is replaced by --{switch}")
                made.append(_Word(f"--{switch}", flag.words[0].in_command))
        if kept == features:
            return flag.words
        return (*made, *(flag.with_value(",".join(kept)) if any(kept) else ()))

    def _is_over(self, feature: str) -> bool:
        if feature != "native-histograms" or self.wanted < versions.NATIVE_HISTOGRAMS_ARE_A_SETTING:
            return False
        self.changes.append(f"the feature {feature} is left out: Prometheus {shown(self.wanted)} does not have it")
        cause = "Prometheus does not scrape native histograms for it since 3.9"
        fix = "set scrape_native_histograms: true in the configuration's global section (known since 3.8)"
        self.warnings.append(Problem(f"Feature {feature}", cause, fix))
        return True

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


def features(args: Sequence[str]) -> frozenset[str]:
    """Those that are asked for, also where the value is an argument of its own."""
    values = [word.partition("=")[2] for word in args if word.startswith("--enable-feature=")]
    values += [value for word, value in pairwise(args) if word == "--enable-feature"]
    return frozenset(feature for value in values for feature in value.split(",") if feature)
