"""What the tests of the report share: reports, what the playbook makes of them, and a browser to look at that."""

from __future__ import annotations

from collections.abc import Iterator

import audit_play
import browser
import pytest
from audit_play import Played, Report, Stage


@pytest.fixture(scope="session")
def sample() -> Report:
    return audit_play.sample()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def played(stage: Stage, sample: Report) -> Played:
    """The sample, as everybody runs it."""
    return _well(stage.show(sample))


@pytest.fixture(scope="session")
def played_bare(stage: Stage, sample: Report) -> Played:
    """Where there is little to show, in check mode."""
    return _well(stage.show(audit_play.bare(sample), "--check", "--diff"))


@pytest.fixture(scope="session")
def played_hostile(stage: Stage, sample: Report) -> Played:
    return _well(stage.show(audit_play.hostile(sample)))


@pytest.fixture(scope="session")
def chromium() -> Iterator[browser.Browser]:
    with browser.running() as one:
        yield one


def _well(done: Played) -> Played:
    assert done.code == 0, done.output
    return done
