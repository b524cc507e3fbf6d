"""A facilitator's story by keyboard alone: no mouse, no focus that a script gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, ElementHandle, Locator, Page, expect

from experiments.report.words import Words
from tests.browser.checks import FOCUS, PATIENCE, button, rests, said
from tests.browser.serving import BEAMER, TABLET, Seen, Server, opened

pytestmark = pytest.mark.browser

MOST = 150  # stops between any two places of the page
STOPS = "a[href], button, input, select, textarea, summary, [tabindex='0']"
NAME = "Ours"
# All that can have the focus, in the order of the document, by number.
NUMBERED = f"""() => [...document.querySelectorAll("{STOPS}")]
  .filter(e => e.checkVisibility({{visibilityProperty: true}}) && !e.disabled)
  .map((e, i) => {{ e.dataset.stop = i; return e.outerHTML.slice(0, 120); }})"""


@dataclass
class Hand:
    """Somebody who only has a keyboard, and looks where the focus is."""

    page: Page
    words: Words

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def look(self, target: ElementHandle | None = None) -> dict[str, object]:
        """Where the focus is; it must be seen."""
        found: dict[str, object] = self.page.evaluate(FOCUS, target)
        if not found["body"]:
            assert found["seen"], f"focus without a ring: {found['told']}"
            assert found["inView"], f"focus out of view: {found['told']}"
            assert not found["covered"], f"focus under something else: {found['told']}"
        return found

    def reach(self, target: Locator) -> Locator:
        """Tab until the focus is there, backwards if that is the shorter way."""
        expect(target).to_be_visible(timeout=PATIENCE)
        before = target.evaluate(
            "e => !!(document.activeElement.compareDocumentPosition(e) & 2)"
            " && document.activeElement !== document.body"
        )
        handle = target.element_handle(timeout=PATIENCE)
        for _ in range(MOST):
            if self.look(handle)["reached"]:
                return target
            self.press("Shift+Tab" if before else "Tab")
        raise AssertionError(f"cannot be reached with Tab: {target}")

    def push(self, name: str, key: str = "Enter") -> Locator:
        """Reach the first button of a name and press it."""
        target = self.reach(button(self.page, name))
        self.press(key)
        return target

    def dialog(self, name: str) -> Locator:
        """Open the dialog of a button: the focus goes into it."""
        self.push(name)
        found = self.page.get_by_role("dialog")
        expect(found).to_be_visible(timeout=PATIENCE)
        self.page.wait_for_function("document.activeElement.closest('dialog')", timeout=PATIENCE)
        return found

    def stays_within(self) -> None:
        """Tab and Shift+Tab stay in the open dialog; the window of the browser lies between."""
        for key in ["Tab"] * 8 + ["Shift+Tab"] * 10:
            self.press(key)
            found = self.look()
            assert found["dialog"] or found["body"], f"behind the dialog: {found['told']}"

    def leave(self, opener: str) -> None:
        """Escape closes the dialog; the focus is back at its opener."""
        self.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        expect(button(self.page, opener)).to_be_focused()
        self.look()

    def slider(self, name: str) -> Locator:
        """A lever."""
        return self.page.get_by_role("slider", name=name, exact=True)


@contextmanager
def visit(
    server: Server, chrome: Browser, language: str, size: tuple[int, int]
) -> Iterator[tuple[Hand, Seen]]:
    """The page in a language, at rest, nothing pressed yet."""
    context = opened(chrome, size)
    seen = Seen(server.address)
    page = seen.watch(context.new_page())
    hand = Hand(page, said(language))
    try:
        page.goto(f"{server.address}/{language}")
        rests(page, hand.words)
        yield hand, seen
    finally:
        context.close()


def levers(hand: Hand) -> None:
    """From the first stop to the levers, and every way to move one."""
    page, words, say = hand.page, hand.words, hand.words.say
    hand.press("Tab")
    expect(page.get_by_role("link", name=say("page.skip"))).to_be_focused()
    hand.look()
    hand.press("Enter")
    whole = say("cards.ambition", objective="SD1")
    slider = hand.reach(hand.slider(whole))
    hand.press("ArrowRight", "ArrowUp", "ArrowLeft")
    moved = int(slider.input_value())
    assert moved > 0
    hand.press("PageUp")
    assert int(slider.input_value()) > moved + 1
    named = page.locator(".df-card-whole .df-lever-range").inner_text()
    expect(slider).to_have_attribute("aria-valuetext", f"{slider.input_value()}, {named}")
    more = button(page, f"{say('lever.more')}: {whole}")
    field = page.get_by_role("textbox", name=whole, exact=True)
    hand.reach(more)
    hand.reach(field)
    page.keyboard.type("35")
    hand.press("Enter")
    expect(slider).to_have_value("35")
    expect(field).to_be_focused()
    page.keyboard.type("900")
    hand.press("Enter")
    expect(
        page.get_by_role("alert").filter(has_text=say("lever.wrong", low=0, high=100))
    ).to_be_visible()
    page.keyboard.press("Control+A")
    page.keyboard.type("40")
    hand.press("Enter")
    hand.reach(more)
    hand.press("Enter", "Space")
    plus = int(slider.input_value())
    assert plus > 41
    hand.push(f"{say('lever.less')}: {whole}")
    assert 40 < int(slider.input_value()) < plus
    rests(page, words)


def measures(hand: Hand) -> None:
    """A specific objective opens to its measures; one is moved, and told what it means."""
    page, say, name = hand.page, hand.words.say, hand.words.name
    objective = f"1.2 {name('objective.1.2')}"
    fold = page.locator("[data-df='fold-1.2']")
    expect(fold).to_have_attribute("aria-expanded", "false")
    hand.reach(fold)
    hand.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(fold).to_be_focused()
    place = page.get_by_role("list", name=say("cards.measures.of", objective="1.2"))
    first = hand.reach(place.get_by_role("slider").first)
    before = int(first.input_value())
    hand.press("ArrowRight", "ArrowRight")
    assert int(first.input_value()) > before
    expect(fold).to_contain_text(
        say("cards.measures.moved", count=place.get_by_role("slider").count(), moved=1)
    )
    about = f"{say('lever.info')}: {objective}"
    box = hand.dialog(about)
    expect(box.get_by_role("heading", level=2)).to_contain_text(name("objective.1.2"))
    hand.stays_within()
    hand.leave(about)
    hand.reach(fold)
    hand.press("Space")
    expect(fold).to_have_attribute("aria-expanded", "false")


def trends(hand: Hand) -> None:
    """Another card; a trend in both directions."""
    page, say, name = hand.page, hand.words.say, hand.words.name
    hand.reach(page.locator("[data-df='card-trends']"))
    hand.press("Enter")
    expect(page.locator("[data-df='card-trends']")).to_have_attribute("aria-expanded", "true")
    trend = hand.reach(hand.slider(f"F1 {name('trend.F1')}"))
    hand.press("ArrowLeft")
    assert int(trend.input_value()) < 0
    hand.press("PageUp", "ArrowRight")
    assert int(trend.input_value()) > 0
    hand.push(f"{say('lever.more')}: F1 {name('trend.F1')}", "Space")
    rests(page, hand.words)


def graphs(hand: Hand) -> None:
    """Another indicator by the arrows of a select, back and forth by undo, and the table."""
    page, say = hand.page, hand.words.say
    select = page.get_by_role("combobox", name=say("page.indicator"), exact=True).first
    hand.reach(select)
    before = select.input_value()
    hand.press("ArrowDown")
    expect(select).not_to_have_value(before)
    after = select.input_value()
    expect(select).to_be_focused()
    undo = hand.push(say("page.undo"))
    expect(select).to_have_value(before)
    expect(undo).to_be_focused()
    hand.push(say("page.redo"), "Space")
    expect(select).to_have_value(after)
    expect(undo).to_have_attribute("aria-disabled", "false")
    opener = say("page.table.open", number=1)
    box = hand.dialog(opener)
    expect(box.get_by_role("table").first).to_be_visible()
    hand.stays_within()
    hand.leave(opener)


def scenarios(hand: Hand) -> None:
    """Save under a name, lay over, compare, share."""
    page, say = hand.page, hand.words.say
    hand.dialog(say("drawer.save"))
    expect(page.get_by_role("textbox", name=say("drawer.name"), exact=True)).to_be_focused()
    page.keyboard.type(NAME)
    hand.press("Tab")
    page.keyboard.type("By keyboard")
    hand.reach(button(page, say("drawer.keep")))
    hand.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button(page, say("drawer.save"))).to_be_focused()
    over = say("drawer.over.of", name=NAME)
    hand.push(over)
    expect(button(page, over)).to_have_attribute("aria-pressed", "true")
    expect(button(page, over)).to_be_focused()
    legend = page.get_by_role("list", name=say("page.legend"))
    expect(legend.get_by_text(NAME, exact=True)).to_be_visible()
    box = hand.dialog(say("drawer.compare"))
    expect(box.get_by_text(say("compare.done", draws=16))).to_be_visible(timeout=PATIENCE)
    hand.stays_within()
    hand.leave(say("drawer.compare"))
    hand.dialog(say("link.button"))
    link = page.get_by_role("textbox", name=say("link.address"), exact=True)
    expect(link).to_be_focused()
    assert "?s=" in link.input_value()
    hand.stays_within()
    hand.leave(say("link.button"))


def languages(hand: Hand, other: str) -> None:
    """Another language: the same state, and the first Tab is the skip link."""
    page, words = hand.page, hand.words
    state = parse_qs(urlsplit(page.url).query)["s"]
    name = f"{other.upper()} {words.say(f'language.{other}')}"
    hand.reach(page.get_by_role("link", name=name, exact=True))
    hand.press("Enter")
    page.wait_for_url(f"**/{other}?s=*")
    there = Hand(page, said(other))
    rests(page, there.words)
    assert parse_qs(urlsplit(page.url).query)["s"] == state
    expect(page.locator("[data-df='card-trends']")).to_have_attribute("aria-expanded", "true")
    assert int(there.slider(f"F1 {there.words.name('trend.F1')}").input_value()) > 0
    over = button(page, there.words.say("drawer.over.of", name=NAME))
    expect(over).to_have_attribute("aria-pressed", "true")
    there.press("Tab")
    expect(page.get_by_role("link", name=there.words.say("page.skip"))).to_be_focused()


@pytest.mark.parametrize(
    ("language", "size", "other"), [("en", BEAMER, "nl"), ("de", TABLET, "fr")]
)
def test_a_facilitator_needs_no_mouse(
    server: Server, chrome: Browser, language: str, size: tuple[int, int], other: str
) -> None:
    with visit(server, chrome, language, size) as (hand, seen):
        levers(hand)
        measures(hand)
        trends(hand)
        graphs(hand)
        scenarios(hand)
        languages(hand, other)
        assert not seen.errors


@pytest.mark.parametrize("size", [BEAMER, TABLET], ids=["beamer", "tablet"])
def test_tab_visits_everything_in_the_order_of_the_page_and_comes_round(
    server: Server, chrome: Browser, size: tuple[int, int]
) -> None:
    with visit(server, chrome, "en", size) as (hand, _):
        page = hand.page
        there = page.evaluate(NUMBERED)
        visited = []
        for _ in range(len(there) + 2):
            hand.press("Tab")
            found = hand.look()
            number = page.evaluate("document.activeElement.dataset.stop")
            assert not found["positive"]
            if number is None or number in visited:
                break
            visited.append(number)
        missed = [told for i, told in enumerate(there) if str(i) not in visited]
        assert not missed
        assert [int(number) for number in visited] == sorted(map(int, visited))
        hand.press("Shift+Tab")
        hand.look()


def test_what_is_read_first_stands_first_where_the_page_is_one_column(
    server: Server, chrome: Browser
) -> None:
    """Blocks of the page, in the order of the document, each below the one before."""
    with visit(server, chrome, "en", TABLET) as (hand, _):
        tops = hand.page.evaluate(
            "['.df-header', '.df-graphs', '.df-cards', '.df-drawer', '.df-status']"
            ".map(name => document.querySelector(name))"
            ".sort((a, b) => a.compareDocumentPosition(b) & 4 ? -1 : 1)"
            ".map(e => e.getBoundingClientRect().top)"
        )
        assert tops == sorted(tops)


def test_menus_and_flags_open_and_close_by_key(server: Server, chrome: Browser) -> None:
    with visit(server, chrome, "fr", BEAMER) as (hand, _):
        page, say = hand.page, hand.words.say
        menu = hand.reach(page.locator("summary", has_text=say("page.more")))
        link = page.get_by_role("link", name=say("page.to.agents"), exact=True)
        hand.press("Enter", "Tab")
        expect(link).to_be_focused()
        hand.press("Escape")
        expect(link).to_be_hidden()
        expect(menu).to_be_focused()
        hand.press("Enter")
        link = page.get_by_role("link", name=say("page.to.about"), exact=True)
        hand.reach(link)
        hand.press("Enter")
        page.wait_for_url("**/fr/about*")
        hand.press("Tab")
        expect(page.get_by_role("link", name=say("about.skip"))).to_be_focused()
