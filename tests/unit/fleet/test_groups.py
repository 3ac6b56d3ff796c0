"""The groups of an inventory: which mistakes are named, and how."""

from __future__ import annotations

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.groups import group_problem, limit_problem, listed

FLEET = {"all": ["a", "b"], "ungrouped": [], "central": ["a"], "edge": ["b"]}
SOURCES = ["/fleet/hosts.yml"]
INTO_EDGE = "put the clusters that write to the receiver into a group named edge, which may be empty"


@pytest.mark.parametrize("groups", [FLEET, {**FLEET, "edge": []}, {**FLEET, "other": ["c"]}])
def test_a_fleet_may_be_without_edges_and_have_other_groups(groups: dict[str, list[str]]) -> None:
    assert group_problem(groups, SOURCES) is None


@pytest.mark.parametrize(
    ("groups", "sources", "subject", "cause", "fix"),
    [
        (
            {"all": [], "ungrouped": [], "central": []},
            ["/a", "/b"],
            "Groups central and edge",
            "the inventory /a and /b has no hosts",
            "pass the fleet's inventory with -i, list each cluster as a key under 'hosts:' of its group, ",
        ),
        (
            {"all": ["a"], "ungrouped": ["a"]},
            [],
            "Groups central and edge",
            "missing, the inventory has no groups",
            f"put the cluster that has the receiver into a group named central, and {INTO_EDGE}",
        ),
        (
            {"all": ["a"], "ungrouped": [], "central": ["a"]},
            SOURCES,
            "Group edge",
            "missing, the inventory /fleet/hosts.yml has only the group central",
            INTO_EDGE,
        ),
        (
            {**FLEET, "central": []},
            SOURCES,
            "Group central",
            "it has no hosts in the inventory /fleet/hosts.yml",
            "list the cluster that has the receiver under its 'hosts:'",
        ),
    ],
)
def test_what_leaves_plays_without_hosts_is_named_with_what_there_is(
    groups: dict[str, list[str]], sources: list[str], subject: str, cause: str, fix: str
) -> None:
    problem = group_problem(groups, sources)
    assert problem
    assert (problem.subject, problem.cause) == (subject, cause)
    assert problem.fix.startswith(fix)


def test_a_limit_without_a_cluster_is_answered_with_the_clusters() -> None:
    assert str(limit_problem("a", "edge", FLEET)) == (
        "--limit a: it matches no cluster of group edge. Fix: name clusters of it: b."
    )
    many = {**FLEET, "edge": [f"edge-{number}" for number in range(9)]}
    assert limit_problem("x", "central:edge", many).fix.endswith("edge-5, edge-6 and 2 more")


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_listed_as_in_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text
