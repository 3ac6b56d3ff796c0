# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of a gate at the receiver: what the routers count, and what Thanos Query has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Check, Part, Wanted, about, check
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import (
    Seen,
    Stored,
    Window,
    idle,
    written_since,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.config import Config
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target

#: A sample is on its way for a while: at most a batch_send_deadline of 5 s, and the 15 s that 2.48 takes to read it.
_ON_ITS_WAY = 20.0
_INTERVALS = 2
_MOST_TARGETS = 3


def config_of(wanted: Wanted, seen: Seen) -> Config:
    """The wanted one; where none is given, the one that runs."""
    running = (pod.config for pod in seen.pods if pod.config)
    return wanted.config or next(running, Config())


_UNKNOWN = Part("", "as which tenant it writes is not known", ok=False)


# The routers.


def _tenants(wanted: Wanted, window: Window, seen: Seen) -> dict[str, bool]:
    """The tenants as the receiver calls them, and whether something must come from each."""
    tenants: dict[str, bool] = {}
    for block in config_of(wanted, seen).blocks:
        queues = [one for one in seen.queues() if one[2].name == block.name or not block.name]
        sends = not queues or not all(idle(window, *one) for one in queues)
        name = block.tenant(wanted.tenant_header) or wanted.default_tenant
        tenants[name] = tenants.get(name, False) or sends
    return tenants


def _silent(seen: Seen) -> list[Part]:
    if not seen.routers:
        return [Part("", "there are no routers with these labels", ok=False)]
    return [Part(router.name, router.silent.cause, ok=False) for router in seen.routers if router.silent]


def received(wanted: Wanted, window: Window, seen: Seen) -> Check:
    parts: list[Part] = []
    if seen.routers is not None:
        for tenant, sends in _tenants(wanted, window, seen).items():
            more = written_since(window, seen.routers, tenant).get("200", 0)
            text = f"{about(more)} samples accepted" if more else "nothing accepted since the first look"
            parts.append(Part(f"tenant {tenant}", text, ok=more > 0 if sends or more else None))
        parts = _silent(seen) or parts or [_UNKNOWN]
    why = "the routers' own count: what the agent takes for sent may have gone elsewhere"
    return check("received", parts, "more of each tenant", why)


def rejected(wanted: Wanted, window: Window, seen: Seen) -> Check:
    parts: list[Part] = []
    for tenant in _tenants(wanted, window, seen) if seen.routers is not None else ():
        codes = written_since(window, seen.routers or (), tenant)
        bad = ", ".join(f"{about(count)} with {code}" for code, count in sorted(codes.items()) if code[:1] in "45")
        text = f"samples answered: {bad}" if bad else "none"
        parts.append(Part(f"tenant {tenant}", text, ok=not bad, brief="samples were refused" if bad else ""))
    why = "a receiver that refuses or cannot store loses samples or delays them; any sender of the tenant counts"
    return check("rejected", parts, "none since the first look", why)


def equation(wanted: Wanted, window: Window, seen: Seen) -> Check:
    parts = []
    threshold = "equal"
    if wanted.tolerance is not None and seen.routers:
        threshold = f"equal within {wanted.tolerance:.0%} and what is under way"
        sent = waiting = 0.0
        for pod, _agent, queue in seen.queues():
            if then := window.queue(pod, queue):
                sent += queue.samples_accepted - then.samples_accepted
                waiting += max(queue.under_way, then.under_way)
        count = sum(written_since(window, seen.routers, name).get("200", 0) for name in _tenants(wanted, window, seen))
        # The looks at both sides are moments apart, and an agent counts a batch before it is answered.
        ok = abs(sent - count) <= wanted.tolerance * max(sent, count) + waiting
        parts = [Part("", f"{sent:.0f} samples sent, {count} received", ok=ok)]
    why = "what got lost between both; it holds only where these tenants have no other sender"
    return check("equation", parts, threshold, why)


# Thanos Query.


def stored(wanted: Wanted, seen: Seen) -> Check:
    """Whether each target has its series up, as its tenant's, and a new sample in it."""
    config = config_of(wanted, seen)
    parts = [
        _stored(f"tenant {tenant or wanted.default_tenant}", _expected(config, wanted, tenant, seen), answer, config)
        for tenant, answer in (seen.stored or {}).items()
    ]
    if seen.stored is not None and not parts:
        parts = [_UNKNOWN]
    why = "what the receiver took must be found, once, by whoever asks"
    return check("stored", parts, f"one series up of each target, no older than {_INTERVALS} scrapes", why)


def identity(seen: Seen, wanted: Wanted) -> Check:
    """Whether another sender has the same external labels."""
    config = config_of(wanted, seen)
    every = [target for pod in seen.pods for target in pod.targets or ()]
    names = _names(every)
    own = {_key(config, target.labels, names) for target in every}
    strange = [
        labels
        for answer in (seen.stored or {}).values()
        for labels, moment in answer.series
        if answer.moment - moment <= _ON_ITS_WAY and _key(config, labels, names) not in own
    ]
    known = [answer for answer in (seen.stored or {}).values() if not answer.silent]
    text = f"{len(strange)} series up that are of no target of this agent"
    if strange:
        text += f", such as job {strange[0].get('job')}, instance {strange[0].get('instance')}"
    parts = [Part("", text, ok=not strange)] if known and every else []
    why = "of two senders with equal external labels, the receiver refuses one (409)"
    return check("identity", parts, "none", why, required=False)


def _expected(config: Config, wanted: Wanted, tenant: str, seen: Seen) -> list[Target] | None:
    """The targets whose samples go to a tenant; None where the relabelling cannot be followed."""
    blocks = [block for block in config.blocks if block.tenant(wanted.tenant_header) == tenant]
    found = []
    for target in (target for pod in seen.pods for target in pod.targets or ()):
        if any(target.labels.get(name, value) != value for name, value in config.external_labels.items()):
            # Its own label wins over the external one, and that is what Query is asked for.
            continue
        takes = [block.takes({**config.external_labels, **target.labels, "__name__": "up"}) for block in blocks]
        if None in takes:
            return None
        if any(takes):
            found.append(target)
    return found


def _stored(name: str, expected: Sequence[Target] | None, answer: Stored, config: Config) -> Part:
    if answer.silent:
        return Part(name, answer.silent.cause, ok=False)
    ages = [answer.moment - moment for _labels, moment in answer.series]
    if expected is None:
        text = f"{len(ages)} series up; the relabelling cannot be followed, so one new one must do"
        return Part(name, text, ok=bool(ages) and min(ages) <= _ON_ITS_WAY)
    if not expected:
        return Part(name, "no target is its own", ok=None)
    names = _names(expected)
    moments: dict[frozenset[tuple[str, str]], list[float]] = {}
    for labels, moment in answer.series:
        moments.setdefault(_key(config, labels, names), []).append(moment)
    found = [(target, moments.get(_key(config, target.labels, names), [])) for target in expected]
    missing = [target for target, times in found if not times]
    several = [target for target, times in found if len(times) > 1]
    old = [target for target, times in found if times and answer.moment - max(times) > _patience(target)]
    complaints = [
        _complaint(targets, len(expected), what)
        for targets, what in ((missing, "not found"), (several, "found more than once"), (old, "without a new sample"))
        if targets
    ]
    if complaints:
        return Part(name, ", ".join(complaints), ok=False)
    oldest = max(answer.moment - max(times) for _target, times in found)
    return Part(name, f"{len(found)} of {len(expected)}, the oldest {max(0.0, oldest):.0f} s", ok=True)


def _patience(target: Target) -> float:
    return max(_INTERVALS * target.interval, target.interval + _ON_ITS_WAY)


def _complaint(targets: Sequence[Target], of: int, what: str) -> str:
    shown = [target.url for target in targets[:_MOST_TARGETS]]
    more = ", ..." if len(targets) > len(shown) else ""
    return f"{len(targets)} of {of} {what} ({', '.join(shown)}{more})"


def _names(targets: Iterable[Target]) -> frozenset[str]:
    return frozenset(name for target in targets for name in target.labels)


def _key(config: Config, labels: Mapping[str, str], names: Collection[str]) -> frozenset[tuple[str, str]]:
    """What tells the series of targets apart, with neither what the receiver adds nor the name of the metric."""
    return frozenset((name, value) for name, value in {**config.external_labels, **labels}.items() if name in names)
