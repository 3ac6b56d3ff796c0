"""What queries by cluster count while playbooks run: each target once, at every moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from play import EDGES, ask


def up() -> dict[str, int]:
    """How many targets of each edge are up, as Query says."""
    found = {one["metric"].get("cluster"): int(one["value"][1]) for one in ask("sum(up) by (cluster)")}
    return {edge: found.get(edge, 0) for edge in EDGES}


class Watch(threading.Thread):
    """Asks all the time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, list[int]] = {edge: [] for edge in EDGES}
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            for edge, count in up().items():
                self.seen[edge].append(count)
            time.sleep(1)

    def end(self) -> None:
        self._ended.set()
        self.join(60)


@contextmanager
def counted_once() -> Iterator[None]:
    """No target of an edge is ever counted twice, and none is lost once all are there."""
    watch = Watch()
    watch.start()
    try:
        yield
    finally:
        watch.end()
    all_up = up()
    for edge, counts in watch.seen.items():
        assert counts, "Query was not asked"
        assert max(counts) == all_up[edge], (edge, counts)
        assert set(counts[counts.index(all_up[edge]) :]) == {all_up[edge]}, (edge, counts)
