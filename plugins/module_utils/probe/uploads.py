# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ingestors hold on their volumes, and whether the blocks of a bucket cover it after they have ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_SUBDOMAIN
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import Reader
from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import Metrics

CONFIG_FILE = "objstore.yml"
#: The labels of blocks that name the tenant, and the ingestor. A compactor that deduplicates takes the second one off.
TENANT_LABEL, REPLICA_LABEL = "tenant_id", "receive_replica"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What an empty TSDB has for times is far beyond: the limits of 64 bits.
_LATEST = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000

# A line for each block, escaped: a tenant can be any text. With JSON, thousands of blocks would be megabytes of log.
_TEMPLATE = " ".join(
    (
        "block {{.MinTime}} {{.MaxTime}} {{.Thanos.Downsample.Resolution}} {{len .Compaction.Sources}}",
        f'{{{{urlquery (index .Thanos.Labels "{TENANT_LABEL}")}}}}',
        f'{{{{urlquery (index .Thanos.Labels "{REPLICA_LABEL}")}}}}',
    )
)
_BLOCK = re.compile(r"^block (-?\d+) (-?\d+) (\d+) (\d+) (\S*) (\S*)$", re.MULTILINE)
_DONE = re.compile(r'msg="ls done" objects=(\d+)')


@dataclass(frozen=True)
class Holding:
    """What an ingestor holds of a tenant: its first and last millisecond with samples, and its series and blocks."""

    pod: str
    tenant: str
    lowest: int
    highest: int
    series: int
    blocks: int

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Block:
    """A block of a bucket, from its start to before its end. The replica is empty if a compactor deduplicated it."""

    tenant: str
    replica: str
    start: int
    end: int
    sources: int


def held(pod: str, metrics: Metrics) -> list[Holding] | None:
    """What an ingestor holds, by its metrics. None if they know of no TSDB: each ingestor has one at least."""
    of = {
        name: metrics.totals(f"prometheus_tsdb_{name}", "tenant")
        for name in ("head_series", "head_chunks", "head_max_time", "lowest_timestamp", "blocks_loaded")
    }
    if not of["head_max_time"]:
        return None
    found = []
    for (tenant,), last in sorted(of["head_max_time"].items()):
        # Not the series: one whose samples were all refused is among them.
        in_head = of["head_chunks"].get((tenant,), 0) > 0
        # With an empty head, this is where its blocks end: the first millisecond without samples.
        highest = int(last) - (0 if in_head else 1)
        lowest = int(of["lowest_timestamp"].get((tenant,), last))
        blocks = int(of["blocks_loaded"].get((tenant,), 0))
        if (in_head or blocks) and abs(lowest) <= _LATEST and abs(highest) <= _LATEST:
            series = int(of["head_series"].get((tenant,), 0))
            found.append(Holding(pod, tenant, lowest, highest, series, blocks))
    return found


def read(content: Sequence[object]) -> list[Holding]:
    """What was held, as an earlier task has returned it. Raises ProblemError."""
    reader = Reader()
    found = []
    for number, entry in enumerate(content, 1):
        place = f"Option holding, entry {number}"
        values = reader.mapping(place, entry, tuple(Holding.__dataclass_fields__))
        texts = [reader.value(place, values, key, "") for key in ("pod", "tenant")]
        numbers = [reader.value(place, values, key, -1) for key in ("lowest", "highest", "series", "blocks")]
        if not DNS_SUBDOMAIN.fullmatch(texts[0]) or not texts[1]:
            reader.refuse(place, "it names no pod or no tenant", "give what the state 'holding' has returned")
        elif not {"lowest", "highest"} <= values.keys() or max(map(abs, numbers)) > _LATEST:
            reader.refuse(place, "it has no times lowest and highest", "give what the state 'holding' has returned")
        else:
            found.append(Holding(texts[0], texts[1], *numbers))
    if reader.problems:
        raise ProblemError(reader.problems)
    return found


def command(holding: Iterable[Holding], seconds: int) -> tuple[str, ...]:
    """Lists the blocks that can be theirs. What the bucket has beside them stays out of the log."""
    holding = list(holding)
    pods = "|".join(re.escape(pod) for pod in sorted({one.pod for one in holding}))
    keep = [
        {"action": "keep", "source_labels": [TENANT_LABEL], "regex": ".+"},
        # Without a name, too: deduplicated.
        {"action": "keep", "source_labels": [REPLICA_LABEL], "regex": f"|{pods}"},
    ]
    since = _moment(min(one.lowest for one in holding)).replace(microsecond=0)
    return (
        *("/bin/thanos", "tools", "bucket", "ls"),
        f"--objstore.config-file={FOLDER}/{CONFIG_FILE}",
        f"--timeout={seconds}s",
        "--exclude-delete",
        f"--min-time={since:%Y-%m-%dT%H:%M:%SZ}",
        f"--selector.relabel-config={json.dumps(keep)}",
        f"--output={_TEMPLATE}",
    )


def blocks(log: str) -> list[Block] | None:
    """The blocks with raw samples. None if the log does not show all that were listed."""
    lines = _BLOCK.findall(log)
    done = _DONE.findall(log)
    if not done or int(done[-1]) != len(lines):
        return None
    return [
        Block(unquote_plus(tenant), unquote_plus(replica), int(start), int(end), int(sources))
        for start, end, resolution, sources, tenant, replica in lines
        if resolution == "0"
    ]


def missing(holding: Iterable[Holding], found: Sequence[Block], where: str) -> Iterator[Problem]:
    """What was held and is not in the bucket: a problem for each pod and tenant."""
    for one in holding:
        if reason := _missing(one, [block for block in found if block.tenant == one.tenant]):
            yield Problem(f"Tenant {one.tenant} of pod {one.pod} in {where}", *reason)


_AGAIN = (
    "keep its volume, start the ingestor again, which uploads what is left, and end it once more; if it stays so, look "
    "in its log for what the upload says"
)


def _missing(one: Holding, of_tenant: list[Block]) -> tuple[str, str] | None:
    theirs = [block for block in of_tenant if block.replica in {"", one.pod} and block.end > one.lowest]
    if not theirs:
        return f"the bucket has no block of it, and it held samples until {_text(one.highest)}", _AGAIN
    oldest, newest = min(block.start for block in theirs), max(block.end for block in theirs)
    if newest == one.highest:
        # Thanos flushes the head until before its last millisecond. After a start, that one is all of the head.
        cause = (
            f"the bucket has all but its newest samples, those of {_text(one.highest)}: when an ingestor ends, Thanos "
            "uploads what is older, and leaves these to the next time"
        )
        return cause, "keep its volume, start the ingestor again, wait until it is Ready, and end it once more"
    if newest < one.highest:
        return (
            f"its newest block in the bucket ends at {_text(newest)}; it held samples until {_text(one.highest)}",
            _AGAIN,
        )
    if oldest > one.lowest:
        return (
            f"its oldest block in the bucket begins at {_text(oldest)}; it held samples from {_text(one.lowest)}",
            _AGAIN,
        )
    # A hole in time says nothing, the tenant may have sent nothing. A number does, unless others' blocks are merged in.
    uploaded = sum(block.sources for block in theirs)
    if uploaded < one.blocks and all(block.replica for block in theirs):
        return f"the bucket has {uploaded} of the {one.blocks} blocks that it held", _AGAIN
    return None


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _text(milliseconds: int) -> str:
    return f"{_moment(milliseconds).isoformat(sep=' ', timespec='milliseconds').removesuffix('+00:00')} UTC"
