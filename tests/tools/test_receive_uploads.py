"""What an ingestor tells that it holds, and what is in its bucket after it has ended."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from loopback import fetch, free_addresses, starting
from remote_write import body, post

from ansible_collections.miribit.thanos.plugins.module_utils.probe.job import FOLDER
from ansible_collections.miribit.thanos.plugins.module_utils.probe.uploads import (
    CONFIG_FILE,
    Holding,
    blocks,
    command,
    held,
    missing,
)
from ansible_collections.miribit.thanos.plugins.module_utils.prometheus.exposition import parse

HOUR = 3_600_000
POD = "thanos-receiver-ingestor-0"
TENANT = 'team a+b "x" 名'
UP = (("__name__", "up"), ("job", "node"))

Live = Callable[..., list[Holding]]
Lost = Callable[[Sequence[Holding]], list[str]]


@pytest.fixture
def live(binaries: Path, tmp_path: Path) -> Live:
    """Start an ingestor, send a sample of each of these times, and end it; what it held."""
    (tmp_path / "bucket").mkdir()
    config = json.dumps({"type": "FILESYSTEM", "config": {"directory": str(tmp_path / "bucket")}})
    (tmp_path / CONFIG_FILE).write_text(config)

    def live(*samples: tuple[str, int]) -> list[Holding]:
        grpc, http, write, capnproto = free_addresses(4)
        receiver = (
            *(binaries / "thanos", "receive", f'--label=receive_replica="{POD}"', f"--tsdb.path={tmp_path}/tsdb"),
            *(f"--objstore.config-file={tmp_path}/{CONFIG_FILE}", "--tsdb.too-far-in-future.time-window=5m"),
            *(f"--grpc-address={grpc}", f"--http-address={http}", f"--remote-write.address={write}"),
            f"--receive.capnproto-address={capnproto}",
        )
        with starting(tmp_path) as begin:
            begin(*receiver, ready=f"http://{http}/-/ready")
            for tenant, at in samples:
                post(f"http://{write}/api/v1/receive", body([UP], at), tenant)
            found = held(POD, parse(fetch(f"http://{http}/metrics")))
        assert found is not None
        return found

    return live


@pytest.fixture
def lost(binaries: Path, tmp_path: Path) -> Lost:
    def lost(holding: Sequence[Holding]) -> list[str]:
        listing = [part.replace("/bin/", f"{binaries}/", 1) for part in command(holding, 60)]
        listing = [part.replace(FOLDER, str(tmp_path), 1) for part in listing]
        done = subprocess.run(listing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        found = blocks(done.stdout)
        assert found is not None
        return [problem.cause for problem in missing(holding, found, "the bucket")]

    return lost


def test_after_two_ends_everything_is_in_the_bucket_and_after_one_it_is_not(live: Live, lost: Lost) -> None:
    now = int(time.time() * 1000)
    holding = live(*((TENANT, now - ago) for ago in (7 * HOUR, 4 * HOUR, 1000, 0)), ("single", now))
    assert holding == [
        Holding(POD, "single", now, now, 1, 0),
        Holding(POD, TENANT, now - 7 * HOUR, now, 1, 0),
    ]
    # If this fails, Thanos has mended it, and ingestors need to be ended only once.
    (left,) = lost(holding)
    assert left.startswith("the bucket has all but its newest samples")
    again = live()
    assert [(one.tenant, one.highest) for one in again] == [("single", now), (TENANT, now)]
    assert lost(holding) == []
    assert lost(again) == []
    # With all in blocks, it still tells the same.
    assert [(one.tenant, one.highest, one.series) for one in live()] == [("single", now, 0), (TENANT, now, 0)]


def test_what_was_refused_is_not_held(live: Live) -> None:
    now = int(time.time() * 1000)
    assert live(("ahead", now + HOUR)) == []


def test_a_volume_that_goes_too_early_is_missed(live: Live, lost: Lost, tmp_path: Path) -> None:
    holding = live((TENANT, int(time.time() * 1000)))
    for file in (tmp_path / "bucket").glob("*/meta.json"):
        file.unlink()
    (cause,) = lost(holding)
    assert cause.startswith("the bucket has no block of it")
