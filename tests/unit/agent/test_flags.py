"""The arguments of an agent under a newer version of Prometheus."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.agent.flags import Flags, carry, features
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem

OLD, NEW = (2, 48), (3, 15)
AUDITED = [
    "--config.file=/etc/prometheus/prometheus.yml",
    "--enable-feature=agent",
    "--storage.agent.path=/prometheus",
    "--web.enable-lifecycle",
]
AGENT = "--enable-feature=agent"


def up(*args: str, **options: Any) -> Flags:
    """Carried to Prometheus 3, without a problem, and the same again changes nothing."""
    return carried(args, OLD, NEW, **options)


def carried(args: Any, running: Any, wanted: Any, **options: Any) -> Flags:
    made = carry(args, running, wanted, **options)
    assert made.problems == ()
    again = carry(made.args, running, wanted, command=made.command)
    assert (again.command, again.args) == (made.command, made.args)
    assert (again.changes, again.problems) == ((), ())
    return made


def refused(*args: str, running: Any = OLD, wanted: Any = NEW, **options: Any) -> Problem:
    (only,) = carry(args, running, wanted, **options).problems
    return only


# Upgrades.


def test_the_audited_agent_is_carried_to_prometheus_3_with_its_folder() -> None:
    made = up(*AUDITED)
    assert made.args == (
        "--config.file=/etc/prometheus/prometheus.yml",
        "--agent",
        "--storage.agent.path=/prometheus",
        "--web.enable-lifecycle",
    )
    assert made.changes == ("the feature agent is replaced by --agent",)
    assert made.warnings == ()


@pytest.mark.parametrize("wanted", [OLD, (2, 55)])
def test_nothing_differs_within_one_major_version(wanted: tuple[int, int]) -> None:
    made = carried(AUDITED, OLD, wanted)
    assert (list(made.args), made.changes) == (AUDITED, ())


def test_an_agent_that_was_given_the_wrong_flag_for_its_version_gets_the_right_one() -> None:
    assert carried(AUDITED, NEW, NEW).args == up(*AUDITED).args


# Features.


def test_other_features_of_the_list_stay() -> None:
    made = up("--enable-feature=exemplar-storage,agent,extra-scrape-metrics")
    assert made.args == ("--agent", "--enable-feature=exemplar-storage,extra-scrape-metrics")


def test_a_value_that_is_a_word_of_its_own_stays_one() -> None:
    made = up("--enable-feature", "agent,exemplar-storage", "--storage.agent.path", "/data")
    assert made.args == ("--agent", "--enable-feature", "exemplar-storage", "--storage.agent.path", "/data")


def test_a_list_of_which_nothing_is_left_goes_with_its_value() -> None:
    assert up("--enable-feature", "agent", "--web.enable-lifecycle").args == ("--agent", "--web.enable-lifecycle")


def test_several_lists_make_one_flag() -> None:
    made = up(AGENT, "--enable-feature=agent,exemplar-storage")
    assert made.args == ("--agent", "--enable-feature=exemplar-storage")


def test_a_feature_whose_flag_stands_already_is_left_out() -> None:
    made = up(AGENT, "--enable-feature=remote-write-receiver", "--web.enable-remote-write-receiver")
    assert made.args == ("--agent", "--web.enable-remote-write-receiver")
    assert "the feature remote-write-receiver is left out: --web.enable-remote-write-receiver does it" in made.changes


@pytest.mark.parametrize(
    ("feature", "flag"),
    [
        ("remote-write-receiver", "--web.enable-remote-write-receiver"),
        ("otlp-write-receiver", "--web.enable-otlp-receiver"),
    ],
)
def test_a_feature_that_became_a_flag_becomes_it(feature: str, flag: str) -> None:
    assert up(AGENT, f"--enable-feature={feature}").args == ("--agent", flag)


@pytest.mark.parametrize(
    "feature",
    [
        *("auto-gomaxprocs", "auto-gomemlimit", "expand-external-labels", "new-service-discovery-manager"),
        *("no-default-scrape-port", "promql-at-modifier", "promql-negative-offset", "utf8-names"),
    ],
)
def test_a_feature_that_prometheus_3_always_has_is_left_out(feature: str) -> None:
    made = up(f"--enable-feature=agent,{feature}")
    assert made.args == ("--agent",)
    assert f"the feature {feature} is left out: Prometheus 3 has it without being asked" in made.changes
    assert made.warnings == ()


@pytest.mark.parametrize(("wanted", "stays"), [((3, 8), True), ((3, 9), False)])
def test_native_histograms_are_a_setting_since_3_9(wanted: tuple[int, int], stays: bool) -> None:
    made = carried([AGENT, "--enable-feature=native-histograms"], OLD, wanted)
    assert ("--enable-feature=native-histograms" in made.args) is stays
    assert [warning.fix[:35] for warning in made.warnings] == [] if stays else ["set scrape_native_histograms: true "]


def test_a_feature_that_nobody_knows_stays_since_it_is_only_logged() -> None:
    assert up(AGENT, "--enable-feature=x").args == ("--agent", "--enable-feature=x")


def test_a_space_before_a_feature_is_part_of_its_name() -> None:
    assert "full server" in refused("--enable-feature=exemplar-storage, agent").cause


# Flags.


def test_a_flag_without_effect_that_prometheus_3_ends_on_is_left_out() -> None:
    made = up(AGENT, "--alertmanager.timeout", "5s")
    assert made.args == ("--agent",)
    assert "--alertmanager.timeout is left out: it had no effect, and Prometheus 3 ends on it" in made.changes


@pytest.mark.parametrize(
    ("flag", "wanted"),
    [
        ("--auto-gomemlimit", (2, 48)),
        ("--config.auto-reload-interval=1m", (2, 55)),
        ("--web.max-notifications-subscribers=1", (2, 55)),
        ("--config.auto-reload", (3, 11)),
        ("--storage.agent.checkpoint-batch-size=10", (3, 9)),
        ("--scrape.name-escaping-scheme=values", (3, 0)),
    ],
)
def test_a_flag_that_the_wanted_version_does_not_know_is_refused(flag: str, wanted: tuple[int, int]) -> None:
    agent = AGENT if wanted < (3, 0) else "--agent"
    found = refused(agent, flag, running=wanted, wanted=wanted)
    assert found.subject == f"Argument {flag.partition('=')[0]}"
    assert "does not know it, and ends" in found.cause


@pytest.mark.parametrize(
    "flag",
    ["--storage.tsdb.allow-overlapping-blocks", "--storage.tsdb.retention=15d", "--query.timeout", "--rules.x=1"],
)
def test_a_flag_of_a_full_server_is_refused(flag: str) -> None:
    assert "outside agent mode only" in refused(AGENT, flag).cause


def test_turning_something_off_stays() -> None:
    assert up(AGENT, "--no-storage.agent.wal-compression").args == ("--agent", "--no-storage.agent.wal-compression")


def test_a_flag_that_may_stand_twice_stays_twice() -> None:
    listen = ("--web.listen-address=:1", "--web.listen-address=:2")
    assert up(AGENT, *listen).args == ("--agent", *listen)
    assert refused(AGENT, *listen, wanted=OLD).subject == "Argument --web.listen-address"


@pytest.mark.parametrize(
    "flags", [("--log.level=info",) * 2, ("--agent", "--no-agent"), ("--web.enable-lifecycle",) * 2]
)
def test_a_flag_that_stands_twice_is_refused(flags: tuple[str, ...]) -> None:
    found = carry(["--agent", *flags] if "--agent" not in flags else flags, NEW, NEW).problems[0]
    assert "stands 2 times" in found.cause


@pytest.mark.parametrize("flag", ["--web.enable-lifecycle=true", "--no-web.enable-lifecycle=false"])
def test_a_switch_with_a_value_is_refused(flag: str) -> None:
    found = refused(AGENT, flag)
    assert (found.subject, found.fix) == (
        "Argument --web.enable-lifecycle",
        "write --web.enable-lifecycle, or --no-web.enable-lifecycle",
    )


@pytest.mark.parametrize("rest", [(), ("--web.enable-lifecycle",), ("-x",)])
def test_a_flag_without_its_value_is_refused(rest: tuple[str, ...]) -> None:
    problems = carry([AGENT, "--log.level", *rest], OLD, NEW).problems
    assert problems[0].subject == "Argument --log.level"


def test_a_flag_that_nobody_knows_is_refused_where_the_major_version_changes() -> None:
    assert "is not known" in refused(AGENT, "--from.a-later-version", "1").cause


def test_only_a_switch_can_be_turned_off() -> None:
    assert refused(AGENT, "--no-log.level=info").subject == "Argument --no-log.level"


def test_a_flag_that_the_running_version_takes_the_next_one_takes_too() -> None:
    made = carried(["--agent", "--from.a-later-version=1"], NEW, (3, 20))
    assert made.changes == ()


# What is no flag.


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("/data", "belongs to no flag"),
        ("", "belongs to no flag"),
        ("@/etc/args", "names a file"),
        ("$(MORE)", "a variable that Kubernetes fills in"),
        ("-agent", "single '-'"),
    ],
)
def test_a_word_that_is_no_flag_is_refused_without_being_shown(word: str, cause: str) -> None:
    found = refused(AGENT, word)
    assert cause in found.cause
    assert not word or word not in str(found).replace("'-'", "")


def test_a_list_of_features_that_is_a_variable_is_refused() -> None:
    problems = carry(["--enable-feature=$(FEATURES)"], OLD, NEW).problems
    assert problems[0].subject == "Argument --enable-feature"


def test_the_end_of_the_flags_stays_but_nothing_may_follow_it() -> None:
    assert up(AGENT, "--").args == ("--agent", "--")
    assert "words follow" in carry([AGENT, "--", "--agent"], OLD, NEW).problems[0].cause


def test_a_full_server_is_refused() -> None:
    assert "full server" in refused("--config.file=/a").cause


def test_a_server_that_is_told_to_be_no_agent_is_refused() -> None:
    assert "full server" in refused("--no-agent", running=NEW).cause
    # The switch wins over the feature of its name.
    assert "full server" in refused("--no-agent", "--enable-feature=agent", running=NEW).cause


# Where they stand.


def test_flags_in_command_are_carried_where_they_stand() -> None:
    made = up("--storage.agent.path=/data", command=["/bin/prometheus", AGENT, "--web.enable-lifecycle"])
    assert made.command == ("/bin/prometheus", "--agent", "--web.enable-lifecycle")
    assert made.args == ("--storage.agent.path=/data",)


@pytest.mark.parametrize(
    "command", [["sh", "-c"], ["/bin/sh", "-c", "exec prometheus --enable-feature=agent"], ["tini", "--"]]
)
def test_another_program_that_starts_prometheus_is_refused_and_nothing_changes(command: list[str]) -> None:
    made = carry(["prometheus --enable-feature=agent"], OLD, NEW, command)
    (found,) = made.problems
    assert found.subject == "Command"
    assert (list(made.command), made.args) == (command, ("prometheus --enable-feature=agent",))


WORDS = st.sampled_from(
    [
        *(AGENT, "--agent", "--no-agent", "--enable-feature", "agent,x", "--enable-feature=", "--web.enable-lifecycle"),
        *(
            "--storage.agent.path=/d",
            "--storage.agent.path",
            "/d",
            "--",
            "-",
            "--=",
            "$(X)",
            "@f",
            "--no-",
            "--x=y",
            "-h",
        ),
        *("--alertmanager.timeout=5s", "--enable-feature=native-histograms,agent", "--auto-gomemlimit", "--query.x"),
    ]
)
VERSIONS = st.sampled_from([(2, 32), (2, 48), (2, 55), (3, 0), (3, 9), (3, 15), (3, 20)])


@given(st.lists(WORDS | st.text(max_size=8), max_size=6), st.tuples(VERSIONS, VERSIONS).map(sorted))
def test_any_arguments_are_carried_or_refused_and_those_that_are_carried_stay(
    args: list[str], versions: list[tuple[int, int]]
) -> None:
    running, wanted = versions
    made = carry(args, running, wanted)
    if made.problems:
        return
    again = carry(made.args, wanted, wanted)
    assert (again.args, again.changes, again.problems) == (made.args, (), ())


@given(st.lists(WORDS | st.text(max_size=8), max_size=5))
def test_features_of_any_arguments_are_read(args: list[str]) -> None:
    assert "" not in features(args)


def test_features_are_read_from_both_forms() -> None:
    assert features(["--enable-feature=a,b", "--enable-feature", "c", "d"]) == {"a", "b", "c"}
