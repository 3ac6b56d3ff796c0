# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gates of a migration: may an agent's queues be made anew, and does it deliver. Judged from what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.miribit.thanos.plugins.module_utils.gate.checks import Check, Part, Wanted, about, check, span
from ansible_collections.miribit.thanos.plugins.module_utils.gate.receiver import (
    equation,
    identity,
    received,
    rejected,
    stored,
)
from ansible_collections.miribit.thanos.plugins.module_utils.gate.window import (
    AgentPod,
    Seen,
    Window,
    idle,
    opened,
    spoiled,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.queues import Agent, Loss, Queue
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.targets import Target

#: The batches of a shard that are normal while samples flow: one is filled, and one is under way. What is filled is
#: sent when a queue is stopped, within --storage.remote.flush-deadline. So before that, no more may wait.
_BATCHES_BEFORE_RESTART = 1
_BATCHES_DELIVERING = 2
#: What may be unread: Prometheus 2.48 reads an agent's WAL every 15 s only (readTimeout in tsdb/wlog/watcher.go;
#: nothing notifies it), and by then another round of scrapes may have come in.
_UNREAD_SECONDS = 60.0

#: What takes two looks to hold.
_COMPARED = frozenset({"received", "sends"})

QueueSeen = tuple[AgentPod, Agent, Queue]


@dataclass(frozen=True)
class Verdict:
    checks: tuple[Check, ...]
    #: To be handed to the next look.
    window: Window
    #: What is lost if it is passed.
    loss: Loss | None = None
    #: What would be lost.
    at_stake: Loss | None = None
    #: Whether waiting cannot mend it.
    hopeless: bool = False
    #: Whether there is no other look yet that this one can be compared with.
    first: bool = False

    @property
    def passed(self) -> bool:
        return not any(check.stops for check in self.checks)

    @property
    def progress(self) -> list[str]:
        untold = _COMPARED if self.first else frozenset()
        return [check.line for check in self.checks if check.stops and check.name not in untold]


def before_restart(wanted: Wanted, before: Window | None, seen: Seen) -> Verdict:
    """Whether the queues of an agent may be made anew, which costs what they have not sent."""
    # Where nothing was scraped, nothing can be lost.
    filled = [one for one in seen.queues() if one[1].highest is not None]
    excused = [one for one in filled if never_accepted(wanted, one[2])]
    judged = [one for one in filled if one not in excused]
    again = "" if before is None else spoiled(before, seen) or _refused_since(before, seen, judged)
    window = opened(seen, again) if before is None or again else before
    checks = (
        _answers(seen),
        _endpoint(seen, excused, judged),
        _sends(window, seen, judged),
        *_refusals(window, seen, judged),
        _lag(wanted, window, seen, judged),
        _pending(window, seen, judged, _BATCHES_BEFORE_RESTART),
        _steady(wanted, window, seen, needed=bool(judged)),
        _accounted(seen, judged),
    )
    return Verdict(checks, window, _loss(excused), _loss(judged), first=window.began == seen.moment)


def delivers(wanted: Wanted, before: Window | None, seen: Seen) -> Verdict:
    """Whether all that an agent scrapes arrives."""
    again = "" if before is None else spoiled(before, seen) or _rejected_since(wanted, before, seen)
    window = opened(seen, again) if before is None or again else before
    queues = seen.queues()
    refused, dropped = _refusals(window, seen, queues)
    checks = (
        _ready(wanted, seen),
        _configured(wanted, seen),
        _targets(wanted, seen),
        _something(_sends(window, seen, queues)),
        refused,
        dropped,
        _lag(wanted, window, seen, queues),
        _pending(window, seen, queues, _BATCHES_DELIVERING),
        received(wanted, window, seen),
        rejected(wanted, window, seen),
        stored(wanted, seen),
        identity(seen, wanted),
        _steady(wanted, window, seen, needed=True),
        _accounted(seen, queues),
        equation(wanted, window, seen),
    )
    # What was refused is never sent again, so another look shows nothing better.
    return Verdict(checks, window, hopeless=refused.ok is False, first=window.began == seen.moment)


def accepting_loss(verdict: Verdict, seen: Seen) -> Verdict:
    """The same for somebody who has said that the loss does not matter: it is told, and nothing is required."""
    checks = tuple(replace(check, required=False) for check in verdict.checks)
    return replace(verdict, checks=checks, loss=_loss(seen.queues()))


def never_accepted(wanted: Wanted, queue: Queue) -> bool:
    """Whether the endpoint of a queue was tried and has taken nothing: then waiting sends nothing either."""
    return not wanted.delivered_before and queue.tried and queue.ever_accepted() is False


def _loss(queues: Sequence[QueueSeen]) -> Loss | None:
    """Each queue of a pod has its own copy of what was scraped, or a part of it, so the largest counts."""
    losses: dict[str, list[Loss]] = {}
    for pod, agent, queue in queues:
        if (loss := agent.loss(queue)).seconds > 0:
            losses.setdefault(pod.name, []).append(loss)
    if not losses:
        return None
    counts = [max((loss.samples or 0 for loss in of_pod), default=0) for of_pod in losses.values()]
    unknown = any(loss.samples is None for of_pod in losses.values() for loss in of_pod)
    seconds = max(loss.seconds for of_pod in losses.values() for loss in of_pod)
    return Loss(seconds, None if unknown else sum(counts))


def _refused_since(window: Window, seen: Seen, queues: Sequence[QueueSeen]) -> str:
    """Before a restart, what is refused is no backlog. So it is told, and looked at anew."""
    return next((check.brief for check in _refusals(window, seen, queues) if check.ok is False), "")


def _rejected_since(wanted: Wanted, window: Window, seen: Seen) -> str:
    """What routers refuse may be another sender's, and what they cannot store is sent again: it is looked at anew."""
    check = rejected(wanted, window, seen)
    return f"{check.brief} by the receiver" if check.ok is False else ""


# The agent.

_NO_PODS = Part("", "there are no pods with these labels", ok=False)


def _answers(seen: Seen) -> Check:
    parts = []
    for pod in seen.pods:
        if pod.agent:
            parts.append(Part(pod.name, "answers", ok=True))
        elif pod.running:
            parts.append(Part(pod.name, pod.silent.cause if pod.silent else "does not answer", ok=False))
        else:
            parts.append(Part(pod.name, "does not run, so it has no queue", ok=True))
    why = "what its queues have not sent shows in its metrics only"
    return check("answers", parts or [_NO_PODS], "every process tells of its queues", why)


def _ready(wanted: Wanted, seen: Seen) -> Check:
    parts = []
    for pod in seen.pods:
        text = ("ready" if pod.ready else "not ready") + (f", {pod.restarts} restarts" if pod.restarts else "")
        if pod.silent:
            text += f", {pod.silent.cause}"
        parts.append(Part(pod.name, text, ok=pod.ready and pod.agent is not None))
    if wanted.pods is not None and len(seen.pods) != wanted.pods:
        parts.append(Part("", f"{len(seen.pods)} of {wanted.pods} pods", ok=False))
    number = "every pod is" if wanted.pods is None else f"{wanted.pods} pods are"
    return check("answers", parts or [_NO_PODS], f"{number} ready and answers", "only what runs delivers")


def _configured(wanted: Wanted, seen: Seen) -> Check:
    parts = [Part(pod.name, *_config_state(wanted, pod)) for pod in seen.pods if pod.agent]
    why = "an agent that could not load a new configuration goes on with the old one"
    threshold = "loaded" if wanted.config is None else "loaded, external labels and remote_write as wanted"
    return check("configuration", parts, threshold, why)


def _config_state(wanted: Wanted, pod: AgentPod) -> tuple[str, bool]:
    if pod.agent and pod.agent.reload_succeeded is False:
        return "its last reload failed", False
    if wanted.config is None:
        return "its last load succeeded", True
    if pod.config is None:
        return "it does not tell its configuration", False
    if wanted.config.external_labels != pod.config.external_labels:
        shown = ", ".join(f"{name}={value}" for name, value in pod.config.external_labels.items())
        return f"its external labels are {shown or 'none'}", False
    # A block is known by its name and URL. What else it holds is written in other words by each version.
    has = {(block.name, block.url): str(block) for block in pod.config.blocks}
    wants = {(block.name, block.url): str(block) for block in wanted.config.blocks}
    missing = ", ".join(wants[key] for key in wants if key not in has)
    extra = ", ".join(has[key] for key in has if key not in wants)
    differences = ([f"it does not write to {missing}"] if missing else []) + (
        [f"it writes to {extra}"] if extra else []
    )
    return ("; ".join(differences), False) if differences else ("as wanted", True)


def _targets(wanted: Wanted, seen: Seen) -> Check:
    found = [target for pod in seen.pods for target in pod.targets or ()]
    why = "what is not scraped cannot arrive"
    if wanted.targets_before is None:
        parts = [_scraped(target) for target in found] or [Part("", "there are none", ok=False)]
        return check("targets", parts, "all up", why, summary=f"{len(found)} of {len(found)} up")
    by_key = {target.key: target for target in found}
    parts = [
        _scraped(by_key[key]) if key in by_key else Part(str(key), "is not scraped any more", ok=False)
        for key in sorted(wanted.targets_before)
    ]
    others = [target for target in found if target.key not in wanted.targets_before]
    summary = f"{len(parts)} of {len(parts)} up"
    if others:
        summary += f", and {sum(target.health == 'up' for target in others)} of {len(others)} others"
    return check("targets", parts, "all of before up", why, summary=summary)


def _scraped(target: Target) -> Part:
    error = f" ({target.error})" if target.error else ""
    return Part(target.url, f"is {target.health}{error}", ok=target.health == "up")


# Its queues.


def _endpoint(seen: Seen, excused: Sequence[QueueSeen], judged: Sequence[QueueSeen]) -> Check:
    text = "it was tried, and has taken nothing since the queue was made"
    parts = [Part(seen.label(pod, queue), text, ok=None) for pod, _agent, queue in excused]
    for pod, _agent, queue in judged:
        text = "has taken samples" if queue.ever_accepted() else "is waited for"
        parts.append(Part(seen.label(pod, queue), text, ok=True))
    why = "where nothing was ever taken, waiting sends nothing either: the loss is told, and not waited for"
    return check("endpoint", parts, "takes samples, or has never taken one", why)


def _sends(window: Window, seen: Seen, queues: Sequence[QueueSeen]) -> Check:
    parts = []
    for pod, agent, queue in queues:
        then, name = window.queue(pod, queue), seen.label(pod, queue)
        if idle(window, pod, agent, queue):
            parts.append(Part(name, "has nothing to send", ok=None))
        elif then is None or queue.sent is None or queue.sent <= (then.sent or 0.0):
            parts.append(Part(name, "nothing was sent since the first look", ok=False))
        else:
            more = queue.samples_accepted - then.samples_accepted
            parts.append(Part(name, f"{about(max(0.0, more))} samples sent", ok=True))
    return check("sends", parts, "more since the first look", "a lag near 0 says nothing where nothing is sent")


def _something(sends: Check) -> Check:
    """All queues of an agent cannot be idle: each scrape makes samples."""
    if sends.ok is not None:
        return sends
    return replace(sends, ok=False, observed="no queue sends anything", brief="no queue sends anything")


def _refusals(window: Window, seen: Seen, queues: Sequence[QueueSeen]) -> tuple[Check, Check]:
    refused, dropped = [], []
    for pod, _agent, queue in queues:
        if (then := window.queue(pod, queue)) is None:
            continue
        name = seen.label(pod, queue)
        refused.append(_none_more(name, "refused", queue.failed, then.failed))
        relabels = pod.config is None or pod.config.relabels(queue)
        lost, lost_then = queue.lost(relabels=relabels), then.lost(relabels=relabels)
        if lost is None or lost_then is None:
            dropped.append(Part(name, "this version does not tell it from what relabelling drops", ok=None))
        else:
            dropped.append(_none_more(name, "dropped", lost, lost_then))
    why = "what is refused is not sent again, and the lag counts it as sent"
    why_dropped = "what is dropped is not sent, and the lag passes over it"
    return (
        check("refused", refused, "none since the first look", why),
        check("dropped", dropped, "none since the first look", why_dropped),
    )


def _none_more(name: str, what: str, now: float, then: float) -> Part:
    if now <= then:
        return Part(name, f"none, {about(then)} before" if then else "none", ok=True)
    return Part(name, f"{about(now - then)} samples {what}", ok=False, brief=f"samples were {what}")


def _lag(wanted: Wanted, window: Window, seen: Seen, queues: Sequence[QueueSeen]) -> Check:
    parts = []
    for pod, agent, queue in queues:
        lag, name = agent.lag(queue), seen.label(pod, queue)
        if idle(window, pod, agent, queue):
            parts.append(Part(name, "has nothing to send", ok=None))
        elif lag is None:
            parts.append(Part(name, "nothing was sent yet", ok=False))
        else:
            parts.append(Part(name, f"{lag:.0f} s", ok=lag <= wanted.max_lag, brief=span(lag)))
    why = "what is not sent is lost when a queue is made anew, and a backlog shows a receiver that does not keep up"
    return check("lag", parts, f"at most {wanted.max_lag:g} s", why)


def _pending(window: Window, seen: Seen, queues: Sequence[QueueSeen], batches: int) -> Check:
    parts = []
    for pod, _agent, queue in queues:
        most = batches * queue.shards * queue.batch
        then = window.queue(pod, queue)
        fewer = ", fewer than at the first look" if then and most < queue.pending < then.pending else ""
        text = f"{queue.pending:.0f} samples wait, at most {most:.0f} may{fewer}"
        brief = f"{about(queue.pending)} samples wait{fewer}"
        parts.append(Part(seen.label(pod, queue), text, ok=queue.pending <= most, brief=brief))
    threshold = "at most one batch per shard" if batches == 1 else f"at most {batches} batches per shard"
    return check("pending", parts, threshold, "more than what is being filled and sent is a backlog")


def _accounted(seen: Seen, queues: Sequence[QueueSeen]) -> Check:
    parts = []
    for pod, agent, queue in queues:
        unaccounted, name = agent.unaccounted(queue), seen.label(pod, queue)
        if unaccounted is None or agent.rate is None:
            parts.append(Part(name, "cannot be told, the queue may be younger than its process", ok=None))
        else:
            text = f"{unaccounted:.0f} scraped samples never came into the queue"
            parts.append(Part(name, text, ok=unaccounted <= agent.rate * _UNREAD_SECONDS))
    why = "they wait in the WAL, or were truncated away unsent, which no counter and no lag shows"
    threshold = f"at most those of {_UNREAD_SECONDS:g} s, since the start"
    return check("accounted", parts, threshold, why, required=False)


def _steady(wanted: Wanted, window: Window, seen: Seen, *, needed: bool) -> Check:
    lasted = max(0.0, seen.moment - window.began)
    since = f" since {window.because}" if window.because else ""
    part = Part("", f"{lasted:.0f} s{since}", ok=lasted >= wanted.hold, brief=f"not yet{since}")
    threshold = f"{wanted.hold:g} s without a restart or a refusal"
    return check("steady", [part] if needed else [], threshold, "one moment proves little")
