"""The HTML report: one file that shows what others wrote without becoming it, on any screen, in a real browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import jinja2
import pytest
from audit_play import CHECKOUT, Played, Report, hostile
from browser import Browser, Page
from jinja2 import nodes

TEMPLATES = CHECKOUT / "roles" / "fleet_audit" / "templates"
SIZES = pytest.mark.parametrize(("width", "height"), [(360, 800), (1280, 900)])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
CASES = pytest.mark.parametrize("case", ["sample", "bare", "hostile"], indirect=True)


class Elements(HTMLParser):
    """The elements of a page with their attributes, in order, without the lines of text in pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def structure(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.found if tag != "text"]

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def done(case: str, played: Played, played_bare: Played, played_hostile: Played) -> Played:
    return {"sample": played, "bare": played_bare, "hostile": played_hostile}[case]


# What clusters say stays text.


def outputs(source: str) -> Iterator[nodes.Expr]:
    """Every expression of a template whose value is written out."""
    for output in jinja2.Environment().parse(source).find_all(nodes.Output):
        for part in output.nodes:
            if not isinstance(part, nodes.TemplateData):
                yield part


def is_escaped(expression: nodes.Node, macros: set[str]) -> bool:
    match expression:
        case nodes.Filter(name="e") | nodes.Const():
            return True
        case nodes.Call(node=nodes.Name(name=name)):
            return name in macros
        case nodes.CondExpr():
            branches = (expression.expr1, expression.expr2)
            return all(branch is None or is_escaped(branch, macros) for branch in branches)
        case _:
            return False


def test_every_value_is_escaped() -> None:
    """Ansible's templates do not escape by themselves, not even inside of {% autoescape true %}."""
    source = (TEMPLATES / "report.html.j2").read_text()
    own = {macro.name for macro in jinja2.Environment().parse(source).find_all(nodes.Macro)}
    # These write numbers and words of their own.
    macros = {*own, "count", "size", "state"}
    assert [expression for expression in outputs(source) if not is_escaped(expression, macros)] == []


def test_a_value_that_is_not_escaped_would_be_found() -> None:
    found = [
        is_escaped(expression, {"size"})
        for expression in outputs("{{ a | e }}{{ size(a) }}{{ a }}{{ a | upper }}{{ b(a) }}")
    ]
    assert found == [True, True, False, False, False]


def test_words_that_are_shared_hold_nothing_of_a_cluster() -> None:
    source = (TEMPLATES / "words.j2").read_text()
    names = {getattribute.attr for getattribute in jinja2.Environment().parse(source).find_all(nodes.Getattr)}
    assert names == {
        *("clusters", "critical", "findings", "settings", "totals"),
        *("currency", "memory_gib_month", "storage_gib_month", "first", "items", "last"),
    }


def test_whatever_the_texts_are_the_elements_of_the_page_are_the_same(played: Played, played_hostile: Played) -> None:
    wanted = Elements(played.text("html")).structure
    assert Elements(played_hostile.text("html")).structure == wanted


@CASES
def test_nothing_runs_and_nothing_is_fetched_even_if_a_browser_were_asked_to(done: Played) -> None:
    page = Elements(done.text("html"))
    assert not page.all("script", "iframe", "img", "object", "embed", "base", "form", "input", "button")
    names = [name for _tag, attributes in page.found for name in attributes]
    assert not [name for name in names if name.startswith("on") or name == "style"]
    links = [attributes["href"] or "" for attributes in page.all("a", "link")]
    assert {link[:1] for link in links if link != "data:,"} <= {"#"}
    (policy,) = (one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert not re.search(r"url\(|@import", (TEMPLATES / "report.css").read_text())


# Who cannot see it gets it as well.


@CASES
def test_the_page_can_be_read_aloud(done: Played) -> None:
    page = Elements(done.text("html"))
    (document,) = page.all("html")
    assert document["lang"] == "en"
    assert len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _attributes in page.found if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert {cell.get("scope") for cell in page.all("th")} <= {"col", "row"}
    for region in (one for one in page.all("div") if one.get("class") == "scroll"):
        assert (region["role"], region["tabindex"], bool(region["aria-label"])) == ("region", "0", True)


@CASES
def test_ids_are_given_once_and_every_link_leads_to_one(done: Played) -> None:
    page = Elements(done.text("html"))
    ids = [attributes["id"] for _tag, attributes in page.found if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))
    labels = [name for picture in page.all("svg") for name in (picture.get("aria-labelledby") or "").split()]
    links = [(attributes["href"] or "")[1:] for attributes in page.all("a")]
    assert {*labels, *links} <= set(ids)


@CASES
def test_a_picture_is_described_or_says_nothing_that_is_not_beside_it(done: Played) -> None:
    pictures = Elements(done.text("html")).all("svg")
    described = [one for one in pictures if one.get("role") == "img" and one.get("aria-labelledby")]
    assert len(described) == 2
    assert all(one.get("aria-hidden") == "true" for one in pictures if one not in described)


# In the browser.


@pytest.fixture
def opened(chromium: Browser, done: Played) -> Callable[..., Page]:
    url = done.file("html").as_uri()

    def open_at(width: int, height: int, **more: Any) -> Page:
        return chromium.open(url, width=width, height=height, **more)

    return open_at


@SIZES
@CASES
def test_the_page_asks_for_nothing_and_complains_of_nothing(
    opened: Callable[..., Page], done: Played, width: int, height: int
) -> None:
    page = opened(width, height)
    assert page.requests == [done.file("html").as_uri()]
    assert page.console == []


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@CASES
def test_the_page_never_scrolls_sideways(opened: Callable[..., Page], width: int) -> None:
    page = opened(width, 800)
    assert page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]") == [width, width]


# Text that is cut at the edge of its element, or goes over it. What is in a box that scrolls may be wider than that.
SPILLED = """
[...document.querySelectorAll("body *")].filter(element =>
  !element.closest("svg, .scroll") && element.checkVisibility() && element.getClientRects().length
  && (element.getBoundingClientRect().right > innerWidth + 0.5 || element.scrollWidth > element.clientWidth + 1
      && getComputedStyle(element).display !== "inline")
).map(element => element.tagName + "." + element.className + ": " + element.textContent.slice(0, 60))
"""


@SIZES
@CASES
def test_no_text_leaves_its_place(opened: Callable[..., Page], width: int, height: int) -> None:
    assert opened(width, height).evaluate(SPILLED) == []


@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_a_wide_table_scrolls_in_its_own_box_on_a_telephone(opened: Callable[..., Page]) -> None:
    boxes = opened(360, 800).evaluate(
        '[...document.querySelectorAll(".scroll")].map(box => [box.clientWidth, box.scrollWidth])'
    )
    assert len(boxes) == 4
    assert all(visible <= 360 < whole for visible, whole in boxes)


# Cells of one row must not write over each other, however narrow a column is.
CELLS = """
[...document.querySelectorAll("td, th")].filter(cell => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth)
  .map(cell => cell.textContent)
"""


@SIZES
@CASES
def test_no_cell_of_a_table_writes_over_the_next(opened: Callable[..., Page], width: int, height: int) -> None:
    assert opened(width, height).evaluate(CELLS) == []


@SIZES
@pytest.mark.parametrize("case", ["sample", "hostile"], indirect=True)
def test_every_finding_is_shown_in_full_the_worst_first(
    opened: Callable[..., Page], case: str, sample: Report, width: int, height: int
) -> None:
    wanted = sample if case == "sample" else hostile(sample)
    shown = opened(width, height).evaluate(
        """[...document.querySelectorAll("article.finding")].map(one => ({
          visible: one.checkVisibility({contentVisibilityAuto: true, opacityProperty: true, visibilityProperty: true}),
          height: one.getBoundingClientRect().height, text: one.innerText, whole: one.textContent}))"""
    )
    assert all(one["visible"] and one["height"] > 60 for one in shown)
    for finding, one in zip(wanted["findings"], shown, strict=True):
        texts = [finding["severity"], finding["title"], finding["why"], *finding["clusters"], *finding["evidence"]]
        for text in texts:
            assert " ".join(text.split()) in " ".join(one["text"].split())
        assert all(text in one["whole"] for text in finding["objects"])


@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_what_ends_a_finding_is_told_in_words_for_a_phase_and_as_a_command_for_a_playbook(
    opened: Callable[..., Page],
) -> None:
    ends = opened(1280, 900).evaluate(
        '[...document.querySelectorAll(".finding dl > div:last-child dd")].map(one => one.innerHTML)'
    )
    assert ends[0] == "phase 2: remote write of the agents to the receiver"
    assert ends[-2].startswith("<code>ansible-playbook ")
    assert ends[-1] == "nothing; it is only to be known"


@SIZES
@CASES
def test_one_picture_of_the_fleet_is_shown_and_no_text_in_it_leaves_its_box(
    opened: Callable[..., Page], width: int, height: int
) -> None:
    page = opened(width, height)
    (drawn,) = page.evaluate(
        """[...document.querySelectorAll("svg.fleet[role=img]")].filter(one => one.checkVisibility()).map(one => {
          const {width, height} = one.getBoundingClientRect();
          const lost = [...one.querySelectorAll("g")].flatMap(group => {
            const box = group.querySelector("rect");
            const [outer, all] = box ? [box.getBBox(), "text"] : [one.viewBox.baseVal, "text, polyline, polygon"];
            return [...group.querySelectorAll(all)].filter(text => {
              const inner = text.getBBox();
              return inner.x < outer.x || inner.y < outer.y - 1 || inner.x + inner.width > outer.x + outer.width
                || inner.y + inner.height > outer.y + outer.height + 1;
            }).map(text => text.outerHTML);
          });
          return {width, height, scale: width / one.viewBox.baseVal.width, lost};
        })"""
    )
    assert drawn["width"] > 300
    assert drawn["height"] > 150
    # Its letters are as large as they were meant to be.
    assert 0.95 < drawn["scale"] < 1.05
    assert drawn["lost"] == []


@pytest.mark.parametrize("case", ["bare"], indirect=True)
def test_a_receiver_that_is_missing_is_dashed(opened: Callable[..., Page]) -> None:
    dashes = opened(1280, 900).evaluate(
        'getComputedStyle(document.querySelector("svg.wide .node.missing")).strokeDasharray'
    )
    assert dashes != "none"


@SIZES
@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_bars_are_as_long_as_what_they_stand_for(
    opened: Callable[..., Page], sample: Report, width: int, height: int
) -> None:
    lengths = opened(width, height).evaluate(
        """[...document.querySelectorAll(".bars tbody tr")].map(row => [...row.querySelectorAll("svg")].map(bar =>
          [...bar.querySelectorAll("rect")].map(part => part.getBoundingClientRect().width
            / bar.getBoundingClientRect().width)))"""
    )
    second = [cluster for cluster in sample["clusters"] if cluster["seen"]][1]
    (_request, _used, storage) = lengths[1]
    # The central cluster has the most: 40 GiB.
    assert storage == pytest.approx([second[part]["storage"] / (40 * 1024**3) for part in ("kept", "waste")], abs=0.01)


# The contrast of each text with what is behind it, as WCAG computes it.
CONTRAST = """
(() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const seen = color => { const parts = channels(color); return parts.length < 4 || parts[3] > 0; };
  const paint = element => element instanceof SVGGeometryElement
    ? getComputedStyle(element).fill : getComputedStyle(element).backgroundColor;
  const behind = (element, x, y) => document.elementsFromPoint(x, y)
    .filter(other => !(other instanceof SVGTextElement)).map(paint).find(color => color !== "none" && seen(color));
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || ["title", "desc"].includes(element.tagName)
        || element.closest("details:not([open]) > :not(summary)")) continue;
    element.scrollIntoView({block: "center", inline: "center"});
    const range = document.createRange();
    range.selectNodeContents(node);
    const [rect] = range.getClientRects();
    const ground = rect && behind(element, rect.x + rect.width / 2, rect.y + rect.height / 2);
    if (!ground) { found.push([0, "nothing behind: " + node.data.slice(0, 40)]); continue; }
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(channels(color)), light(channels(ground))].sort((one, other) => other - one);
    found.push([(a + 0.05) / (b + 0.05), color + " on " + ground + ": " + node.data.trim().slice(0, 40)]);
  }
  return found;
})()
"""


@SIZES
@SCHEMES
@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_every_text_stands_out_from_its_ground(
    opened: Callable[..., Page], width: int, height: int, scheme: str
) -> None:
    found = opened(width, height, scheme=scheme).evaluate(CONTRAST)
    assert len(found) > 150
    assert [text for contrast, text in found if contrast < 4.5] == []


@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_the_dark_page_is_dark(opened: Callable[..., Page]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert [opened(360, 800, scheme=scheme).evaluate(ground) for scheme in ("light", "dark")] == [
        "rgb(255, 255, 255)",
        "rgb(21, 21, 21)",
    ]


@pytest.mark.parametrize("case", ["sample"], indirect=True)
def test_on_paper_all_is_there_in_black_on_white(opened: Callable[..., Page]) -> None:
    """A4 without its margins is 718 pixels wide. What is folded on a screen is not on paper."""
    page = opened(718, 1000, scheme="dark", media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CELLS) == []
    folded = page.evaluate(
        '[...document.querySelectorAll("details li")].map(one => one.getBoundingClientRect().height)'
    )
    assert folded
    assert all(height > 0 for height in folded)
