"""The Markdown report: the same contents for a merge request, in which what others wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import jinja2
import pytest
from audit_play import CHECKOUT, Played, Report, hostile
from jinja2 import nodes
from markdown_it import MarkdownIt
from markdown_it.token import Token

TEMPLATES = CHECKOUT / "roles" / "fleet_audit" / "templates"


def parsed(text: str) -> list[Token]:
    """As GitLab and GitHub read it; HTML as well, to see whether there is any."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def structure(text: str) -> list[str]:
    """What it is made of, without how texts are cut into pieces."""
    return [token.type for token in flat(parsed(text)) if token.type not in {"text", "text_special", "softbreak"}]


def shown(token: Token) -> str:
    return "".join(part.content for part in token.children or [])


def blocks(text: str) -> list[str]:
    """The texts of paragraphs, headings, cells and items, as a reader sees them."""
    return [shown(token) for token in parsed(text) if token.type == "inline"]


@pytest.fixture(scope="session")
def text(played: Played) -> str:
    return played.text("md")


@pytest.fixture(scope="session")
def hostile_text(played_hostile: Played) -> str:
    return played_hostile.text("md")


def test_whatever_the_texts_are_the_structure_is_the_same(text: str, hostile_text: str) -> None:
    assert structure(hostile_text) == structure(text)


def test_no_text_becomes_markup(text: str, hostile_text: str) -> None:
    for each in (text, hostile_text):
        assert not {"html_block", "html_inline", "link_open", "image", "em_open", "s_open"} & set(structure(each))


def test_markup_in_a_text_would_be_found() -> None:
    assert {"html_inline", "link_open", "em_open"} <= set(structure("a <b> [x](y:z) *c*"))


def test_every_row_has_a_cell_for_each_column(hostile_text: str) -> None:
    columns = 0
    cells = 0
    for token in parsed(hostile_text):
        match token.type:
            case "thead_open":
                columns = 0
            case "th_open":
                columns += 1
            case "tr_open":
                cells = 0
            case "td_open":
                cells += 1
            case "tr_close":
                assert cells in {0, columns}


@pytest.mark.parametrize("case", ["sample", "hostile"])
def test_every_text_of_a_finding_is_shown_as_it_was(case: str, text: str, hostile_text: str, sample: Report) -> None:
    report, whole = (sample, text) if case == "sample" else (hostile(sample), hostile_text)
    found = blocks(whole)
    for finding in report["findings"]:
        severity = finding["severity"].capitalize()
        assert " ".join(f"{severity}: {finding['title']}".split()) in found
        for evidence in finding["evidence"]:
            assert f"Seen: {' '.join(evidence.split())}" in found
        for name in finding["objects"]:
            # In a code span, where a backtick cannot be escaped.
            assert f"Object: {name}".replace("`", "'") in found


def test_it_has_the_sections_of_the_page(played: Played, text: str) -> None:
    page = re.findall(r"<h2>(.*?)</h2>", played.text("html"))
    tokens = parsed(text)
    wanted = [
        shown(tokens[place + 1])
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    ]
    assert (
        wanted == page == ["The fleet", "Waste", "Findings", "Clusters", "What could not be seen", "How to read this"]
    )


def test_every_cluster_and_component_is_there(text: str, sample: Report) -> None:
    found = blocks(text)
    for cluster in sample["clusters"]:
        assert f"{cluster['name']} ({cluster['role']})" in found
        for component in cluster["components"]:
            assert f"{component['title']}: {component['id']}" in found


def test_where_there_is_nothing_it_says_so(played_bare: Played) -> None:
    found = blocks(played_bare.text("md"))
    assert "None." in found
    assert "Nothing: all that was asked for was answered." in found


def test_what_takes_no_memory_is_told_without_it(text: str) -> None:
    assert "- Costs: 20.0 GiB of storage, 2.00 USD a month" in text
    assert "0 of memory" not in text


def test_it_says_in_which_clusters_a_probe_was_made(text: str, played_bare: Played) -> None:
    assert "was tried by a pod of its own in cluster-02, cluster-03. It is deleted, and sent no sample." in text
    assert "was not tried by a pod of the cluster (fleet_audit_probe)." in played_bare.text("md")


def test_prices_are_told_where_there_are_some(text: str, played_bare: Played) -> None:
    price = (
        "Prices: 4.0 USD for a GiB of memory and a month, 0.1 USD for a GiB of storage and a month. "
        "Of memory, the larger one of requested and used counts."
    )
    assert price in blocks(text)
    assert "USD" not in played_bare.text("md")


def is_made_text(expression: nodes.Node, macros: set[str]) -> bool:
    match expression:
        case nodes.Call(node=nodes.Name(name=name)):
            return name in macros
        case nodes.CondExpr(expr1=nodes.Const(), expr2=nodes.Const()):
            return True
        # The role's own words.
        case nodes.Name(name="sentence") | nodes.Getattr(node=nodes.Name(name="severity")):
            return True
        case _:
            return False


def test_every_value_is_made_text() -> None:
    tree = jinja2.Environment().parse((TEMPLATES / "report.md.j2").read_text())
    macros = list(tree.find_all(nodes.Macro))
    allowed = {*(macro.name for macro in macros), "count", "size", "state"}
    inside = {id(output) for macro in macros for output in macro.find_all(nodes.Output)}
    free = [
        part
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
        if id(output) not in inside and not isinstance(part, nodes.TemplateData) and not is_made_text(part, allowed)
    ]
    assert free == []
