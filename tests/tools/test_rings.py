"""What Thanos Receive really does with a hashring, compared with what the collection says of it.

One set of ingestors serves every test: each writes as tenants of its own, and an ingestor keeps one TSDB per tenant.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import subprocess
import tempfile
import time
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback import fetch, free_addresses, starting
from remote_write import Labels, awkward_series, body, post

from ansible_collections.miribit.thanos.plugins.filter import receive_distribution, receive_owners
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.file import as_text, config_hash, parse, read
from ansible_collections.miribit.thanos.plugins.module_utils.hashring.rules import check
from lab.process import tied

owners_of = receive_owners.FilterModule().filters()["receive_owners"]
distribution_of = receive_distribution.FilterModule().filters()["receive_distribution"]

SERIES = list(awkward_series(2000, seed=1))
UP: Labels = (("__name__", "up"), ("job", "node"))

Rings = list[dict[str, Any]]


def eventually(question: Callable[[], object], seconds: float = 30) -> Any:
    """The first true answer, or the last one."""
    until = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.05)
    return answer


def text_of(rings: Rings | str) -> str:
    return rings if isinstance(rings, str) else as_text(rings)


@dataclass(frozen=True)
class Router:
    """A receiver that only routes."""

    url: str
    http: str
    file: Path

    def write(self, tenant: str, *series: Labels) -> tuple[int, str]:
        """The final answer: until the tenant's TSDBs are open, and their addresses connected, it is 503."""
        content = body(series, int(time.time() * 1000))
        until = time.monotonic() + 30
        while (answer := post(self.url, content, tenant))[0] == 503 and time.monotonic() < until:
            time.sleep(0.2)
        return answer

    def metric(self, name: str) -> float:
        (value,) = re.findall(rf"^{re.escape(name)} (\S+)$", fetch(f"{self.http}/metrics"), re.MULTILINE)
        return float(value)

    def loaded(self) -> int:
        """How many files it has made rings of."""
        return (self.file.parent / "thanos-0.log").read_text().count("Set up hashring for the given hashring config")

    def change(self, rings: Rings | str) -> None:
        self.file.write_text(text_of(rings))

    def ready(self) -> bool:
        try:
            return bool(fetch(f"{self.http}/-/ready"))
        except OSError:
            return False


@dataclass(frozen=True)
class Fleet:
    """Ingestors, and a Query that reads each of them."""

    thanos: Path
    folder: Path
    #: The ingestors' addresses in the order of their replica labels.
    addresses: list[str]
    query: str

    def command(self, rings: Rings | str, copies: int) -> tuple[Router, list[str]]:
        """A router that is not started yet, and what starts it."""
        grpc, http, write, capnproto = free_addresses(4)
        file = Path(tempfile.mkdtemp(prefix="router-", dir=self.folder)) / "hashrings.json"
        file.write_text(text_of(rings))
        command = [
            *(str(self.thanos), "receive", '--label=receive_replica="router"', f"--receive.hashrings-file={file}"),
            *(f"--receive.replication-factor={copies}", "--receive.hashrings-file-refresh-interval=1s"),
            *(f"--grpc-address={grpc}", f"--http-address={http}", f"--remote-write.address={write}"),
            *(f"--receive.capnproto-address={capnproto}", "--grpc-grace-period=0s", "--http-grace-period=0s"),
        ]
        return Router(f"http://{write}/api/v1/receive", f"http://{http}", file), command

    @contextlib.contextmanager
    def router(self, rings: Rings, copies: int, *, ready: str = "/-/ready", patience: float = 20) -> Iterator[Router]:
        router, command = self.command(rings, copies)
        with starting(router.file.parent, patience) as start:
            start(*command, ready=router.http + ready)
            yield router

    def copies(self, tenant: str) -> dict[Labels, frozenset[str]]:
        """The series of a tenant, and the ingestors that hold each."""
        # For up to 5 s Query does not know of a new tenant and passes its ingestors by; the default tenant all have.
        # An ingestor wants a matcher that is not one of its external labels.
        matchers = f'{{tenant_id=~`{re.escape(tenant)}|default-tenant`,none=""}}'
        parameters = {"match[]": matchers, "dedup": "false", "partial_response": "false"}
        found = defaultdict(set)
        for labels in json.loads(fetch(f"{self.query}/api/v1/series?{urllib.parse.urlencode(parameters)}"))["data"]:
            assert labels.pop("tenant_id") == tenant
            replica = int(labels.pop("receive_replica"))
            found[tuple(sorted(labels.items()))].add(self.addresses[replica])
        return {labels: frozenset(holders) for labels, holders in found.items()}


@pytest.fixture(scope="module")
def fleet(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("rings")
    thanos = binaries / "thanos"
    with starting(folder) as start:
        addresses = []
        for replica in range(6):
            grpc, http, write, capnproto = free_addresses(4)
            start(
                *(thanos, "receive", f"--tsdb.path={folder}/{replica}", f'--label=receive_replica="{replica}"'),
                *(f"--grpc-address={grpc}", f"--http-address={http}", f"--remote-write.address={write}"),
                *(f"--receive.capnproto-address={capnproto}", "--grpc-grace-period=0s", "--http-grace-period=0s"),
                ready=f"http://{http}/-/ready",
            )
            addresses.append(grpc)
        grpc, http = free_addresses(2)
        start(
            *(thanos, "query", f"--grpc-address={grpc}", f"--http-address={http}"),
            *(f"--endpoint={address}" for address in addresses),
            ready=f"http://{http}/-/ready",
        )
        yield Fleet(thanos, folder, addresses, f"http://{http}")


# Where series go.


def ketama(endpoints: list[Any], **more: Any) -> dict[str, Any]:
    return {"algorithm": "ketama", "endpoints": endpoints, **more}


def sharded(endpoints: list[Any], size: int, hashring: str = "", **more: Any) -> dict[str, Any]:
    return ketama(endpoints, hashring=hashring, shuffle_sharding_config={"shard_size": size, **more})


def in_azs(addresses: list[str], *sizes: int) -> list[dict[str, str]]:
    azs = [f"az-{az}" for az, size in enumerate(sizes) for ordinal in range(size)]
    return [{"address": address, "az": az} for address, az in zip(addresses, azs, strict=True)]


#: Rings of six addresses, the replication factor, and the tenants that write.
Shape = tuple[Callable[[list[str]], Rings], int, tuple[str, ...]]

SHAPES: dict[str, Shape] = {
    "hashmod-1": (lambda six: [{"algorithm": "hashmod", "endpoints": six[::-1]}], 1, ("",)),
    "hashmod-3": (lambda six: [{"endpoints": six[1:]}], 3, ("",)),
    # The same ring with more and more copies: the first is copy 0, what the second adds is copy 1, and so on.
    "ketama-1": (lambda six: [{"algorithm": "ketama", "endpoints": six}], 1, ("",)),
    "ketama-2": (lambda six: [{"algorithm": "ketama", "endpoints": six}], 2, ("",)),
    "ketama-3": (lambda six: [{"algorithm": "ketama", "endpoints": six}], 3, ("",)),
    "ketama-5": (lambda six: [{"algorithm": "ketama", "endpoints": six}], 5, ("",)),
    "one-az": (lambda six: [{"algorithm": "ketama", "endpoints": in_azs(six[:3], 3)}], 3, ("",)),
    "two-azs": (lambda six: [{"algorithm": "ketama", "endpoints": in_azs(six[:5], 4, 1)}], 3, ("",)),
    "three-azs": (lambda six: [{"algorithm": "ketama", "endpoints": in_azs(six, 3, 2, 1)}], 5, ("",)),
    "tenants": (
        lambda six: [
            {"hashring": "hard", "tenants": ["tenants-a"], "algorithm": "ketama", "endpoints": six[:3]},
            {
                "hashring": "soft",
                "tenants": ["tenants-[^a-c]?", "*-é*"],
                "tenant_matcher_type": "glob",
                "algorithm": "hashmod",
                "endpoints": six[3:],
            },
            {"hashring": "others", "algorithm": "ketama", "endpoints": six[1:5]},
        ],
        2,
        ("-a", "-d1", "-éa", "-b1", "-dd1"),
    ),
}


def differences(
    expected: dict[Labels, frozenset[str]], found: dict[Labels, frozenset[str]]
) -> dict[Labels, tuple[frozenset[str], ...]]:
    return {
        labels: (expected.get(labels, frozenset()), found.get(labels, frozenset()))
        for labels in {*expected, *found}
        if expected.get(labels) != found.get(labels)
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_every_copy_is_where_the_collection_says(fleet: Fleet, shape: str) -> None:
    rings_of, copies, tenants = SHAPES[shape]
    rings = rings_of(fleet.addresses)
    with fleet.router(rings, copies) as router:
        for tenant in (shape + tenant for tenant in tenants):
            owners = {labels: owners_of(rings, tenant, labels, copies) for labels in SERIES}
            holders = {labels: frozenset(addresses) for labels, addresses in owners.items()}
            assert all(len(addresses) == copies for addresses in holders.values())
            assert stored(fleet, router, tenant, holders) == {}
            counted = Counter(address for addresses in owners.values() for address in addresses)
            distribution = distribution_of(rings, tenant, list(owners), copies)
            assert Counter(distribution) == counted


def stored(
    fleet: Fleet, router: Router, tenant: str, holders: dict[Labels, frozenset[str]]
) -> dict[Labels, tuple[frozenset[str], ...]]:
    """Writes the series until they are where they should be, and returns what is not.

    More than once, because the answer is 200 as soon as most copies are stored: while an ingestor still opens the
    tenant's TSDB, the others are lost.
    """
    until = time.monotonic() + 30
    while True:
        assert router.write(tenant, *holders) == (200, "")
        left = differences(holders, fleet.copies(tenant))
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.3)


# What a receiver refuses of what is written.


@pytest.fixture(scope="module")
def router(fleet: Fleet) -> Iterator[Router]:
    """Of one ring without tenants, whose series are then read back."""
    with fleet.router([{"algorithm": "ketama", "endpoints": fleet.addresses}], 3) as router:
        assert router.write("rejected", UP)[0] == 200
        yield router


@pytest.mark.parametrize(
    "labels",
    [
        (("job", "node"), ("__name__", "down")),
        (("__name__", "down"), ("job", "")),
        (("", "down"), ("job", "node")),
        (("__name__", "down"), ("__name__", "down")),
        (),
    ],
    ids=["unsorted", "empty value", "empty name", "name twice", "no labels"],
)
def test_a_series_that_is_rejected_has_no_copy(fleet: Fleet, router: Router, labels: Labels) -> None:
    assert router.write("rejected", labels)[0] == 409
    assert eventually(lambda: fleet.copies("rejected")).keys() == {UP}


def test_an_empty_request_is_answered_where_a_ring_takes_the_tenant_and_where_none_does(fleet: Fleet) -> None:
    with fleet.router([{"tenants": ["known"], "algorithm": "ketama", "endpoints": fleet.addresses}], 3) as router:
        assert post(router.url, b"\x00", "known") == (200, "")
        assert post(router.url, b"\x00", "unknown") == (200, "")
        assert router.write("unknown", UP) == (500, "no matching hashring to handle tenant\n")


def test_a_router_reports_the_hash_of_each_file_that_it_loads(fleet: Fleet) -> None:
    with fleet.router([ketama(fleet.addresses[:3])], 3) as router:
        assert router.metric("thanos_receive_config_hash") == config_hash(router.file.read_bytes())
        router.change(as_text([ketama(fleet.addresses[:4])]) + "\n")
        changed = config_hash(router.file.read_bytes())
        assert eventually(lambda: router.metric("thanos_receive_config_hash") == changed)


# What a receiver does with the shapes that the collection refuses.


def words_of(rings: Rings | str, copies: int) -> str:
    """Why the collection refuses these rings, which must be for one reason."""
    try:
        found = check(read(parse(text_of(rings))), copies)
    except ProblemError as error:
        found = list(error.problems)
    (problem,) = found
    return str(problem)


# Rings, replication factor, a part of the collection's words, a part of the receiver's.
UNREADABLE = [
    ("{", 1, "it is not JSON", "configuration file is not parsable"),
    ("[]", 1, "it holds no ring", "configuration file is empty"),
    ("null", 1, "it is null, not a list", "configuration file is empty"),
    ([ketama([{"az": "a"}])], 1, "address: it is empty", "endpoint address must be set"),
]
IMPOSSIBLE = [
    ([{"algorithm": "hashmod", "endpoints": [{"address": "a:1", "az": "a"}]}], 1, "no az", "does not support AZ"),
    ([ketama(["a:1", "b:1"])], 3, "2 endpoints for 3 copies", "amount of endpoints needs to be larger"),
    ([{**sharded(["a:1"], 1), "algorithm": "hashmod"}], 1, "only ketama can shard", "not support shuffle sharding"),
    ([sharded(["a:1"], 2)], 1, "shard_size 2 draws 2", "larger than number of nodes in hashring"),
    (
        [sharded(["a:1"], 1) | {"tenants": ["a"]}, sharded(["a:1"], 1)],
        1,
        "their name is the same",
        "duplicate metrics collector registration",
    ),
]


@pytest.mark.parametrize(("rings", "copies", "words", "last_words"), [*UNREADABLE, *IMPOSSIBLE])
def test_a_receiver_does_not_start(fleet: Fleet, rings: Rings | str, copies: int, words: str, last_words: str) -> None:
    assert words in words_of(rings, copies)
    command = fleet.command(rings, copies)[1]
    ended = subprocess.run(tied(command), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode != 0
    assert last_words in ended.stderr


@pytest.mark.parametrize("rings", [case[0] for case in UNREADABLE])
def test_a_receiver_keeps_its_ring_when_it_cannot_read_the_new_one(fleet: Fleet, rings: Rings | str) -> None:
    with fleet.router([ketama(fleet.addresses)], 1) as router:
        before = router.metric("thanos_receive_config_hash")
        router.change(rings)
        assert eventually(lambda: router.metric("thanos_receive_hashrings_file_errors_total"))
        assert router.metric("thanos_receive_config_hash") == before
        assert router.metric("thanos_receive_config_last_reload_successful") == 1
        assert router.write("a", UP)[0] == 200


@pytest.mark.parametrize(
    ("before", "after", "copies", "last_words"),
    [
        *(([ketama(["a:1", "b:1", "c:1"])], case[0], case[1], case[3]) for case in IMPOSSIBLE),
        # Nothing is wrong with either file: the metrics of the old ring stand in the way.
        ([sharded(["a:1"], 1)], [sharded(["a:1", "b:1"], 1)], 1, "duplicate metrics collector registration"),
    ],
)
def test_a_receiver_ends_when_it_loads(fleet: Fleet, before: Rings, after: Rings, copies: int, last_words: str) -> None:
    router, command = fleet.command(before, copies)
    with subprocess.Popen(tied(command), stderr=subprocess.PIPE, text=True) as process:
        assert eventually(router.ready)
        router.change(after)
        log = process.communicate(timeout=20)[1]
    assert process.returncode != 0
    assert last_words in log


def test_another_name_lets_a_receiver_load_a_sharded_ring_again(fleet: Fleet) -> None:
    with fleet.router([sharded(fleet.addresses[:1], 1, hashring="one")], 1) as router:
        router.change([sharded(fleet.addresses[:2], 1, hashring="two")])
        assert eventually(lambda: 'thanos_shuffle_shard_cache_items{hashring="two"}' in fetch(f"{router.http}/metrics"))
        assert router.write("a", UP)[0] == 200


# Each is a ring of these six addresses.
@pytest.mark.parametrize(
    ("ring", "copies", "words", "answer"),
    [
        (lambda six: ketama(six, tenants=["a"], tenant_matcher_type="Exact"), 1, "never matches", "no matching"),
        (lambda six: ketama(six, tenants=["["], tenant_matcher_type="glob"), 1, "is not a pattern", "syntax error"),
        (lambda six: {"algorithm": "hashmod", "endpoints": six[:2]}, 3, "2 endpoints", "insufficient nodes"),
        (lambda six: {"algorithm": "hashmod", "endpoints": six[6:]}, 1, "0 endpoints", "insufficient nodes"),
        (lambda six: sharded(six, 2), 3, "draws 2 endpoints for 3 copies", "amount of endpoints"),
        (lambda six: sharded(in_azs(six, 4, 2), 6), 3, "of AZ az-1, which has 2", "larger than number of nodes in AZ"),
        (
            lambda six: sharded(
                six, 3, overrides=[{"shard_size": 7, "tenants": ["a"], "tenant_matcher_type": "exact"}]
            ),
            3,
            "shard_size 7 draws 7",
            "larger than number of nodes in AZ",
        ),
    ],
)
def test_a_receiver_starts_and_fails_every_write_with_500(
    fleet: Fleet, ring: Callable[[list[str]], dict[str, Any]], copies: int, words: str, answer: str
) -> None:
    rings = [ring(fleet.addresses)]
    assert words in words_of(rings, copies)
    with fleet.router(rings, copies) as router:
        status, text = router.write("a", UP)
        assert (status, answer in text) == (500, True)


@pytest.mark.parametrize("tenant", ["a/b", "/a"])
def test_a_tenant_with_a_slash_is_answered_with_400(fleet: Fleet, router: Router, tenant: str) -> None:
    assert "answers 400" in words_of([ketama(fleet.addresses, tenants=[tenant])], 3)
    assert router.write(tenant, UP)[0] == 400


@pytest.mark.parametrize(("tenant", "folder"), [(".", "parent/tsdb"), ("..", "parent")])
def test_a_tenant_that_is_the_name_of_a_folder_opens_its_tsdb_there(
    fleet: Fleet, tmp_path: Path, tenant: str, folder: str
) -> None:
    grpc, http, write, capnproto = free_addresses(4)
    rings = [ketama([grpc], tenants=[tenant])]
    assert "the name of a folder" in words_of(rings, 1)
    with starting(tmp_path) as start, fleet.router(rings, 1) as router:
        start(
            *(fleet.thanos, "receive", f"--tsdb.path={tmp_path}/parent/tsdb", '--label=receive_replica="0"'),
            *(f"--grpc-address={grpc}", f"--http-address={http}", f"--remote-write.address={write}"),
            f"--receive.capnproto-address={capnproto}",
            ready=f"http://{http}/-/ready",
        )
        assert router.write(tenant, UP)[0] == 200
    assert (tmp_path / folder / "wal").is_dir()


def test_an_endpoint_without_a_port_is_never_reached(fleet: Fleet) -> None:
    rings = [ketama(["127.0.0.1"])]
    assert "'127.0.0.1' is not a host and a port" in words_of(rings, 1)
    with fleet.router(rings, 1) as router:
        status, text = post(router.url, body([UP], 0), "a")
        assert (status, "127.0.0.1:443: connect: connection refused" in text) == (503, True)


def test_an_unknown_algorithm_is_hashmod(fleet: Fleet) -> None:
    rings = [{"algorithm": "Ketama", "endpoints": fleet.addresses}]
    assert "the unknown algorithm 'Ketama'" in words_of(rings, 1)
    hashmod = [{**rings[0], "algorithm": "hashmod"}]
    holders = {labels: frozenset(owners_of(hashmod, "unknown-algorithm", labels, 1)) for labels in SERIES[:20]}
    with fleet.router(rings, 1) as router:
        assert stored(fleet, router, "unknown-algorithm", holders) == {}


def test_copies_meet_on_an_endpoint_that_stands_twice(fleet: Fleet) -> None:
    first, second = fleet.addresses[:2]
    rings = [ketama([first, first, second])]
    assert "endpoints 1, 2: they are the same" in words_of(rings, 2)
    with fleet.router(rings, 2) as router:
        # The sections of both are the same, so each is the next one of the other.
        once = {labels: owners_of([ketama([first, second])], "twice", labels, 1) for labels in SERIES[:50]}
        holders = {
            labels: frozenset([first] if owners == [first] else [first, second]) for labels, owners in once.items()
        }
        assert stored(fleet, router, "twice", holders) == {}
        assert frozenset([first]) in holders.values()


def test_a_ring_behind_one_that_takes_its_tenant_gets_nothing(fleet: Fleet) -> None:
    first, second = fleet.addresses[:1], fleet.addresses[1:2]
    catch_all = [ketama(first, hashring="all"), ketama(second, hashring="late", tenants=["late"])]
    assert "it gets nothing: Ring 1 (all) takes every tenant" in words_of(catch_all, 1)
    twice = [ketama(first, hashring="a", tenants=["late-too"]), ketama(second, hashring="b", tenants=["late-too"])]
    assert "it never gets the tenant 'late-too'" in words_of(twice, 1)
    for rings, tenant in ((catch_all, "late"), (twice, "late-too")):
        with fleet.router(rings, 1) as router:
            assert router.write(tenant, UP)[0] == 200
    for tenant in ("late", "late-too"):
        assert eventually(lambda tenant=tenant: fleet.copies(tenant)) == {UP: frozenset(first)}


def test_rings_of_one_name_share_their_metrics(fleet: Fleet) -> None:
    rings = [ketama(fleet.addresses[:1], tenants=["a"]), ketama(fleet.addresses[:2])]
    assert "the metrics of one stand for all" in words_of(rings, 1)
    with fleet.router(rings, 1) as router:
        assert router.metric('thanos_receive_hashring_nodes{name=""}') == 2


def test_external_labels_have_no_effect_where_only_routers_load_the_ring(fleet: Fleet) -> None:
    rings = [ketama(fleet.addresses[:1], tenants=["labelled"], external_labels={"team": "a"})]
    assert "they act only where an ingestor loads the ring" in words_of(rings, 1)
    with fleet.router(rings, 1) as router:
        assert router.write("labelled", UP)[0] == 200
    assert eventually(lambda: fleet.copies("labelled")).keys() == {UP}


def test_an_override_without_a_matcher_type_never_matches(fleet: Fleet) -> None:
    override = {"shard_size": 6, "tenants": ["overridden"]}
    rings = [sharded(fleet.addresses, 1, overrides=[override])]
    assert "never matches here" in words_of(rings, 1)
    with fleet.router(rings, 1) as router:
        assert router.write("overridden", *SERIES[:50])[0] == 200
    copies = eventually(lambda: fleet.copies("overridden"))
    assert len(frozenset.union(*copies.values())) == 1


def test_overrides_have_no_effect_without_a_shard_size(fleet: Fleet) -> None:
    override = {"shard_size": 1, "tenants": ["unsharded"], "tenant_matcher_type": "exact"}
    rings = [sharded(fleet.addresses, 0, overrides=[override])]
    assert "without shard_size, nothing of it is used" in words_of(rings, 1)
    with fleet.router(rings, 1) as router:
        assert router.write("unsharded", *SERIES[:50])[0] == 200
    copies = eventually(lambda: fleet.copies("unsharded"))
    assert len(frozenset.union(*copies.values())) > 1


def test_a_shard_that_cannot_hold_the_copies_hangs_writes(fleet: Fleet) -> None:
    rings = [sharded(in_azs(fleet.addresses, 4, 2), 4, zone_awareness_disabled=True)]
    assert "shard_size 4 can draw endpoints that hold 3 copies, not 4" in words_of(rings, 4)
    with fleet.router(rings, 4, patience=0) as router:

        def write_as(tenants: Iterable[str]) -> None:
            for tenant in tenants:
                post(router.url, body([UP], 0), tenant, timeout=2)

        # Which tenants draw three endpoints of one AZ and one of the other depends on the ports.
        with pytest.raises(TimeoutError):
            write_as(f"hangs-{number}" for number in range(40))


def test_a_receiver_that_starts_with_azs_that_cannot_hold_the_copies_is_never_ready(fleet: Fleet) -> None:
    rings = [ketama(in_azs(fleet.addresses[:4], 3, 1))]
    assert "its AZs (az-0: 3, az-1: 1) hold 3 copies of a series, not 4" in words_of(rings, 4)
    with fleet.router(rings, 4, ready="/-/healthy", patience=0) as router:
        spun = router.metric("process_cpu_seconds_total")
        assert eventually(lambda: router.metric("process_cpu_seconds_total") > spun + 1)
        assert not router.ready()


def test_a_receiver_that_reloads_azs_that_cannot_hold_the_copies_keeps_the_old_ring(fleet: Fleet) -> None:
    with fleet.router([ketama(fleet.addresses[:4])], 4, patience=0) as router:
        assert router.write("kept", UP)[0] == 200
        router.change([ketama(in_azs(fleet.addresses[2:], 3, 1))])
        new = config_hash(router.file.read_bytes())
        assert eventually(lambda: router.metric("thanos_receive_config_hash") == new)
        spun = router.metric("process_cpu_seconds_total")
        assert eventually(lambda: router.metric("process_cpu_seconds_total") > spun + 1)
        assert router.ready()
        assert stored(fleet, router, "kept", {UP: frozenset(fleet.addresses[:4])}) == {}


# What the collection accepts.

TENANTS = ("a", "ab", "b", "c")


def any_rings(chance: random.Random, addresses: list[str], generation: int) -> Rings:
    """Rings of these addresses, sensible or not."""
    rings = []
    for number in range(chance.randint(1, 3)):
        endpoints = chance.sample(addresses, chance.randint(1, len(addresses)))
        azs = chance.choice(((), ("a",), ("a", "b"), ("a", "b", "c")))
        algorithm = chance.choice(("hashmod", "ketama", "ketama", "ketama"))
        ring = {
            "hashring": f"{generation}-{number}",
            "algorithm": algorithm,
            "endpoints": [{"address": address, "az": chance.choice(azs)} if azs else address for address in endpoints],
            "tenants": chance.sample(TENANTS, chance.randint(0, 2)),
        }
        if chance.random() < 0.4:
            ring |= {"tenants": [chance.choice(["a*", "[^b]", "?", "*"])], "tenant_matcher_type": "glob"}
        if chance.random() < 0.4:
            override = {"shard_size": chance.randint(1, 6), "tenants": ["a?"], "tenant_matcher_type": "glob"}
            ring["shuffle_sharding_config"] = {
                "shard_size": chance.randint(1, 6),
                "zone_awareness_disabled": chance.random() < 0.5,
                "overrides": [override][: chance.randint(0, 1)],
            }
        rings.append(ring)
    return rings


@pytest.mark.parametrize("copies", [1, 3, 4])
def test_a_receiver_loads_what_the_collection_accepts_and_takes_every_write(fleet: Fleet, copies: int) -> None:
    chance = random.Random(copies)
    candidates = (any_rings(chance, fleet.addresses, generation) for generation in itertools.count())
    accepted = (rings for rings in candidates if not check(read(rings), copies))
    with fleet.router([ketama(fleet.addresses)], copies) as router:
        for number, rings in enumerate(itertools.islice(accepted, 40), 2):
            router.change(rings)
            assert eventually(lambda number=number: router.loaded() == number), rings
            for tenant in TENANTS:
                takes = not check(read(rings), copies, tenants=[tenant])
                assert router.write(tenant, UP)[0] == (200 if takes else 500), (tenant, rings)
