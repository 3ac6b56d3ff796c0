"""The text of a configuration, in which only our parts are rewritten, seen by what an agent gets."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from agent_texts import AUDITED, BLOCK, DEAD, LABELS, SAAS, SECRET, WANTED, YAML, configured, refused, urls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.miribit.thanos.plugins.module_utils.agent.config import configure
from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import ProblemError

# Only our parts.


def test_only_the_lines_of_our_parts_differ_and_all_comments_beside_them_stay() -> None:
    made = configured(AUDITED, external_labels={"cluster": "cluster-03", "region": "edge", "zone": "b"})
    assert (
        made.text
        == """\
# The agent of an edge.
global:
  scrape_interval: 30s  # twice a minute
  external_labels:
    cluster: cluster-03
    region: edge  # stays
    zone: b

# What it scrapes.
scrape_configs:
  - job_name: node-exporter
    static_configs:
      - targets: [localhost:9100]  # its node
# Where to.
remote_write:
  # The receiver.
  - name: thanos
    url: http://192.168.101.210:19291/api/v1/receive
# The end.
"""
    )


def test_comments_inside_what_gives_way_are_counted() -> None:
    assert configured(AUDITED).lost_comments == 2


def test_an_empty_configuration_gets_our_parts() -> None:
    made = configured("", extra_scrape_configs=[{"job_name": "blackbox"}])
    assert (
        made.text
        == """\
global:
  external_labels:
    cluster: cluster-03
remote_write:
  - name: thanos
    url: http://192.168.101.210:19291/api/v1/receive
scrape_configs:
  - job_name: blackbox
"""
    )


@pytest.mark.parametrize("text", ["---\n", "# Nothing yet.\n", "---", "%YAML 1.1\n---\n", "global:\nremote_write:\n"])
def test_a_configuration_that_says_nothing_gets_our_parts_behind_what_it_has(text: str) -> None:
    made = configured(text).text
    assert made.startswith(text.partition("global")[0])
    assert yaml.safe_load(made) == {"global": {"external_labels": LABELS}, "remote_write": [BLOCK]}


def test_keys_of_global_beside_the_labels_stay_as_they_stand() -> None:
    text = "global:\n  scrape_interval: 1m  # slow\n  # Later.\n  scrape_timeout: '10s'\nremote_write: []\n"
    made = configured(text).text
    assert made.startswith(text.removesuffix("remote_write: []\n") + "  external_labels:\n    cluster: cluster-03\n")


def test_a_document_that_ends_with_dots_gets_its_keys_before_them() -> None:
    made = configured("---\nstorage: {}\n...\n# Behind it.\n").text
    assert made.startswith("---\nstorage: {}\nglobal:\n")
    assert made.endswith("/receive\n...\n# Behind it.\n")


def test_a_document_that_is_indented_stays_so() -> None:
    made = configured("  global:\n    scrape_interval: 1m\n")
    assert "\n    external_labels:\n      cluster: cluster-03\n  remote_write:\n    - name: thanos\n" in made.text


def test_lists_as_far_left_as_their_keys_stay_there() -> None:
    made = configured(
        "scrape_configs:\n- job_name: a\n", extra_scrape_configs=[{"job_name": "b", "params": {"x": [1]}}]
    )
    assert "scrape_configs:\n- job_name: a\n- job_name: b\n  params:\n    x:\n    - 1\n" in made.text
    assert "remote_write:\n- name: thanos\n" in made.text


def test_line_breaks_of_windows_stay() -> None:
    made = configured(AUDITED.replace("\n", "\r\n"))
    assert re.sub(r"\r\n", "", made.text).isprintable()
    assert made.text.replace("\r\n", "\n") == configured(AUDITED).text


def test_a_text_without_a_line_break_at_its_end_gets_one() -> None:
    made = configured("global:\n  scrape_interval: 1m")
    assert made.text.startswith("global:\n  scrape_interval: 1m\n  external_labels:\n")


def test_other_ends_of_a_line_are_known() -> None:
    made = configured(
        "scrape_configs:\n- job_name: a\n  metrics_path: |\n    b\x85", extra_scrape_configs=[{"job_name": "b"}]
    )
    assert made.text.startswith("scrape_configs:\n- job_name: a\n  metrics_path: |\n    b\x85- job_name: b\n")


def test_a_byte_order_mark_stays() -> None:
    assert configured("\ufeffglobal:\n  scrape_interval: 1m\n").text.startswith(
        "\ufeffglobal:\n  scrape_interval: 1m\n  e"
    )


def test_a_configuration_in_flow_style_stays_so() -> None:
    saas = f'{{"url": "{SAAS}"}}'
    made = configured(
        f'{{"global": {{"scrape_interval": "1m"}},\n "remote_write": [{{"url": "{DEAD}"}}, {saas}],}}\n',
        extra_scrape_configs=[{"job_name": "a"}],
    )
    ours = '{"name": "thanos", "url": "http://192.168.101.210:19291/api/v1/receive"}'
    assert made.text == (
        '{"global": {"scrape_interval": "1m", "external_labels": {"cluster": "cluster-03"}},\n'
        f' "remote_write": [{ours}, {saas}], "scrape_configs": [{{"job_name": "a"}}],}}\n'
    )


def test_a_configuration_that_is_an_empty_mapping_gets_our_parts_in_flow_style() -> None:
    made = configured("{}")
    assert made.text.startswith('{"global": {"external_labels"')


def test_a_section_in_flow_style_stays_so() -> None:
    made = configured("global: {scrape_interval: 1m, external_labels: {cluster: old}}  # short\n")
    assert made.text.startswith('global: {scrape_interval: 1m, external_labels: {"cluster": "cluster-03"}}  # short\n')


def test_a_list_in_flow_style_becomes_a_block_in_which_entries_that_stay_keep_their_words() -> None:
    made = configured(f"remote_write: [{{url: '{DEAD}'}}, {{url: '{SAAS}', remote_timeout: 5s}}]  # both\n")
    assert made.text.startswith(
        "remote_write:\n  - name: thanos\n    url: http://192.168.101.210:19291/api/v1/receive\n"
        f"  - {{url: '{SAAS}', remote_timeout: 5s}}  # both\n"
    )


def test_what_a_parser_would_write_in_another_way_stays_as_it_stands() -> None:
    entry = f"  - url: {SAAS}\n    basic_auth: {{username: 0777, password_file: /p}}\n    remote_timeout: 1.10\n"
    job = "scrape_configs:\n  - job_name: 1.10\n    metrics_path: 2020-01-01\n"
    made = configured(job + "remote_write:\n" + entry)
    assert made.text.startswith(job)
    assert entry in made.text


def test_a_label_in_quotes_and_one_over_several_lines_are_replaced() -> None:
    made = configured('global:\n  external_labels:\n    "cluster": |\n      old\n\n    x: "a\n      b"\nstorage: {}\n')
    assert made.text.startswith('global:\n  external_labels:\n    "cluster": cluster-03\n')
    assert "storage: {}\n" in made.text


def test_labels_are_all_taken_out_where_none_are_wanted() -> None:
    made = configured(AUDITED, external_labels={})
    assert yaml.safe_load(made.text)["global"] == {"scrape_interval": "30s", "external_labels": {}}


def test_labels_that_are_an_alias_are_written_out() -> None:
    made = configured("x: &labels {cluster: old}\nglobal:\n  external_labels: *labels\n")
    assert made.text.startswith("x: &labels {cluster: old}\nglobal:\n  external_labels:\n    cluster: cluster-03\n")


AWKWARD = [
    "yes",
    "1.10",
    "0777",
    "~",
    "",
    " a",
    "a: b",
    "# a",
    "2020-01-01",
    "a\nb",
    "\x85",
    "\u2028",
    "名",
    "😀",
    "\x7f",
    "y",
]


@pytest.mark.parametrize("value", AWKWARD)
def test_texts_come_out_of_every_parser_as_they_went_in(value: str) -> None:
    made = configured(
        "", remote_write=[{**BLOCK, "headers": {"X-Scope-OrgID": value}}], external_labels={"cluster": value}
    )
    assert yaml.safe_load(made.text)["remote_write"][0]["headers"] == {"X-Scope-OrgID": value}
    assert yaml.safe_load(made.text)["global"]["external_labels"] == {"cluster": value}


# What is refused.


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("global:\n\tscrape_interval: 1m\n", "line 2 holds a tab"),
        (f"a: '{SECRET}\n", "no YAML that can be read"),
        (f"password: {SECRET}: x\n", "no YAML that can be read, near line 1"),
        ("\x00", "no YAML that can be read"),
        ("[" * 5000, "no YAML that can be read"),
        ("- a\n", "no mapping"),
        ("a: 1\n---\nb: 2\n", "several documents"),
        ("---\na: 1\n---\nb: 2\n", "several documents"),
        ("global: {}\nglobal: {}\n", "the key global stands 2 times"),
        ("global:\n  external_labels: {}\n  external_labels: {}\n", "the key external_labels stands 2 times"),
        ("global:\n  <<: {scrape_interval: 1m}\n", "takes keys from elsewhere"),
        ("x: &g {scrape_interval: 1m}\nglobal: *g\n", "stands elsewhere"),
        ("global: 1m\n", "no mapping"),
        (f"x: &r\n  - url: {SAAS}\nremote_write: *r\n", "its list stands elsewhere"),
        (f"remote_write: &r\n  - url: {DEAD}\nx: *r\n", "defines the anchor r"),
        (f"remote_write:\n  - url: &u {DEAD}\nx: *u\n", "defines the anchor u"),
        ("global:\n  external_labels:\n    a: &l b\n    x: c\nstorage: {y: *l}\n", "defines the anchor l"),
        ("storage: |\n  a", "cannot be changed so"),
        ("? global\n: scrape_interval: 1m\n", "cannot be changed so"),
    ],
)
def test_a_text_that_cannot_be_changed_safely_is_refused(text: str, cause: str) -> None:
    found = refused(text)
    assert cause in found.cause
    assert found.fix
    assert SECRET not in str(found)


def test_an_anchor_that_nobody_else_uses_goes_with_its_entry() -> None:
    assert urls(configured(f"remote_write: &r\n  - url: &u {DEAD}\n")) == [BLOCK["url"]]


def test_an_entry_that_stays_may_use_an_anchor() -> None:
    text = f"x: &t 5s\nremote_write:\n  - url: {DEAD}\n  - url: {SAAS}\n    remote_timeout: *t\n"
    assert f"  - url: {SAAS}\n    remote_timeout: *t\n" in configured(text).text


# Any configuration.


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        return True


class _IndentingDumper(_Dumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


SCALARS = st.booleans() | st.integers(-9999, 9999) | st.text(max_size=12) | st.sampled_from([*AWKWARD, "30s", "a" * 90])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.builds(
    lambda url, more: {"url": url, **more},
    st.sampled_from([DEAD, SAAS, "https://b.example/push", "https://user:x@192.168.101.210:19291/api/v1/receive"]),
    st.dictionaries(st.sampled_from(["name2", "queue_config", "headers"]), TREES),
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "tracing": TREES,
        "global": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "scrape_interval": SCALARS,
                "external_labels": st.none()
                | st.dictionaries(st.sampled_from(["cluster", "a", "名"]), st.text(max_size=5)),
                "query_log_file": TREES,
            },
        ),
        "scrape_configs": st.none()
        | st.lists(TREES, max_size=3).map(lambda found: [{"job_name": f"j{n}", "x": x} for n, x in enumerate(found)]),
        "remote_write": st.none() | st.lists(ENTRIES, max_size=3),
        "storage": TREES,
    },
)
STYLES = st.fixed_dictionaries(
    {
        "Dumper": st.sampled_from([_Dumper, _IndentingDumper]),
        "default_flow_style": st.sampled_from([None, False, True]),
        "default_style": st.sampled_from([None, '"', "'", "|"]),
        "indent": st.integers(2, 6),
        "width": st.sampled_from([20, 80, 10_000]),
        "allow_unicode": st.booleans(),
        "line_break": st.sampled_from(["\n", "\r\n"]),
        "explicit_start": st.booleans(),
        "explicit_end": st.booleans(),
        "sort_keys": st.booleans(),
    }
)
SLOW_MACHINES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW_MACHINES
@given(CONFIGS, STYLES, st.dictionaries(st.sampled_from(["cluster", "a", "b"]), st.text(max_size=5)), st.booleans())
def test_in_any_configuration_and_style_everything_but_our_keys_stays(
    config: dict[str, Any], style: dict[str, Any], labels: dict[str, str], keep: bool
) -> None:
    text = yaml.dump(config, **style)
    made = configured(
        text, external_labels=labels, keep_others=keep, extra_scrape_configs=[{"job_name": "new", "x": [1]}]
    )
    old, new = yaml.safe_load(text), yaml.safe_load(made.text)
    assert ((new.get("global") or {}).pop("external_labels", None) or {}) == labels
    (old.get("global") or {}).pop("external_labels", None)
    assert (new.pop("global", None) or {}) == (old.pop("global", None) or {})
    written_entries, entries = new.pop("remote_write"), old.pop("remote_write", None) or []
    assert BLOCK in written_entries
    assert all(entry == BLOCK or entry in entries for entry in written_entries)
    saas = [entry for entry in entries if "example" in entry["url"]]
    assert [entry for entry in written_entries if entry != BLOCK] == (saas if keep else [])
    jobs = old.pop("scrape_configs", None) or []
    assert new.pop("scrape_configs") == [*jobs, {"job_name": "new", "x": [1]}]
    assert new == old


@SLOW_MACHINES
@given(CONFIGS, st.lists(st.integers(0, 60), max_size=6))
def test_every_comment_stays_or_is_counted(config: dict[str, Any], places: list[int]) -> None:
    lines = yaml.dump(config, Dumper=_IndentingDumper, default_style='"', width=10_000).splitlines(keepends=True)
    for number, place in enumerate(places):
        lines.insert(min(place, len(lines)), f"# comment {number}.\n")
    made = configured("".join(lines), external_labels={"b": "x"})
    assert len(re.findall(r"# comment \d\.", made.text)) + made.lost_comments == len(places)


@SLOW_MACHINES
@given(st.text(alphabet="ab:-#[]{}&*!|>'\"%?,~<\t\n\r ", max_size=40) | st.text(max_size=20))
def test_any_text_is_changed_or_refused(text: str) -> None:
    try:
        made = configure(text, WANTED, YAML)
    except ProblemError:
        return
    assert yaml.load(made.text, yaml.BaseLoader)["remote_write"][-1] == BLOCK
    assert configure(made.text, WANTED, YAML).text == made.text
