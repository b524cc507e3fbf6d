"""The page for everyone: axe, reflow, targets, motion, forced colours, twins, one voice, the tree.

The trees lie in ``snapshots/``; after a change that is meant, write them anew:

    DF_SNAPSHOTS=write python -m pytest tests/browser/test_accessibility.py -m browser -k tree
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from experiments.report.words import Words
from experiments.run import run
from experiments.runs.study import Options
from scenarios.texts import LANGUAGES
from tests.browser.checks import (
    CUT,
    LEAST,
    PATIENCE,
    RINGS,
    SLOW,
    SMALL,
    VOICE,
    button,
    rests,
    said,
    violations,
)
from tests.browser.serving import BEAMER, NARROW, TABLET, TOKEN, Server, opened

pytestmark = pytest.mark.browser

SNAPSHOTS = Path(__file__).with_name("snapshots")
WRITE = "DF_SNAPSHOTS"
ZOOMED = (320, 256)  # what 1280 by 1024 becomes at 400%
DIALOG = "dialog[open]"
NAME = "Ours"
Step = tuple[str, Callable[[Page, Words], object]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, with a folder of studies: one whole, one damaged."""
    folder = tmp_path_factory.mktemp("studies")
    run(Options(scenarios=("strategy",), draws=2, plots="none", out=folder / "strategy"))
    (folder / "damaged").mkdir()
    (folder / "damaged" / "results.nc").write_bytes(b"nothing")
    found = Server(folder.parent / "accessible.txt", options=("--studies", str(folder)))
    found.start()
    yield found
    found.stop()


@contextmanager
def visit(
    server: Server,
    chrome: Browser,
    path: str,
    size: tuple[int, int] = BEAMER,
    **options: object,
) -> Iterator[tuple[Page, Words]]:
    """A page in a language; the main page waits until the graphs rest."""
    language = path.split("/", maxsplit=1)[0]
    context = opened(chrome, size, **options)
    page, words = context.new_page(), said(language)
    try:
        page.goto(f"{server.address}/{path}")
        if path == language:
            rests(page, words)
        else:
            page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE)
        yield page, words
    finally:
        context.close()


# What is looked at: what to do for it on the page, and how to leave it


def opens(key: str, **gaps: object) -> Step:
    """A dialog that a button of the page opens."""

    def do(page: Page, words: Words) -> None:
        button(page, words.say(key, **gaps)).click()
        expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE)

    return key, do


def card(name: str) -> Step:
    """A card of levers."""

    def do(page: Page, words: Words) -> None:
        one = page.locator(f"[data-df='card-{name}']")
        if one.get_attribute("aria-expanded") != "true":
            one.click()
        expect(one).to_have_attribute("aria-expanded", "true")

    return f"card {name}", do


def unfolded(page: Page, words: Words) -> None:
    """Measures of an objective, one of them with a number that is none."""
    page.locator("[data-df='fold-1.2']").click()
    place = page.get_by_role("list", name=words.say("cards.measures.of", objective="1.2"))
    field = place.get_by_role("textbox").first
    field.fill("many")
    field.press("Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    field.fill("30")
    field.press("Enter")


def saved(page: Page, words: Words) -> None:
    """A moved lever, saved, laid over the graphs, with its further buttons."""
    say = words.say
    whole = page.get_by_role("textbox", name=say("cards.ambition", objective="SD1"), exact=True)
    whole.fill("60")
    whole.press("Enter")
    button(page, say("drawer.save")).click()
    page.get_by_role("textbox", name=say("drawer.name"), exact=True).fill(NAME)
    button(page, say("drawer.keep")).click()
    button(page, say("drawer.over.of", name=NAME)).click()
    expect(button(page, say("drawer.over.of", name=NAME))).to_have_attribute("aria-pressed", "true")
    button(page, say("drawer.more.of", name=NAME)).click()
    expect(button(page, say("drawer.delete.of", name=NAME))).to_be_visible()
    rests(page, words)


def explained(page: Page, words: Words) -> None:
    """Why the first graph changed, when the work is done."""
    opens("why.button")[1](page, words)
    expect(page.get_by_role("dialog").get_by_role("table")).to_be_visible(timeout=30_000)


def compared(page: Page, words: Words) -> None:
    """The comparison, when all is computed."""
    opens("drawer.compare")[1](page, words)
    done = words.say("compare.done", draws=16)
    expect(page.get_by_text(done)).to_be_visible(timeout=PATIENCE)


def meant(page: Page, words: Words) -> None:
    """What a lever means."""
    whole = words.say("cards.ambition", objective="SD1")
    button(page, f"{words.say('lever.info')}: {whole}").click()
    expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE)


def menu(page: Page, words: Words) -> None:
    """The menu of other pages."""
    page.locator("summary", has_text=words.say("page.more")).click()
    expect(page.get_by_role("link", name=words.say("page.to.about"), exact=True)).to_be_visible()


def flagged(page: Page, words: Words) -> None:
    """What to mind in a graph; that closes the menu."""
    page.locator(".df-flags > summary").first.click()
    expect(page.locator("details[open]")).to_have_count(1)


# What is done, and the part of the page that it changes.
STATES: tuple[tuple[Step, str | None], ...] = (
    (("first view", lambda page, words: None), None),
    (("menu", menu), ".df-menu"),
    (("flags", flagged), ".df-graphs"),
    (card("trends"), ".df-cards"),
    (card("SD1"), ".df-cards"),
    (("measures", unfolded), ".df-cards"),
    (("saved", saved), None),
    (("info", meant), DIALOG),
    (("why", explained), DIALOG),
    (("compare", compared), DIALOG),
    (opens("drawer.save"), DIALOG),
    (opens("link.button"), DIALOG),
    (opens("file.button"), DIALOG),
    (opens("export.menu"), DIALOG),
    (opens("room.send"), DIALOG),
    (opens("page.table.open", number=1), DIALOG),
)


def close(page: Page) -> None:
    """Leave an open dialog."""
    if page.get_by_role("dialog").count():
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def scanned(page: Page, where: str, within: str | None = None) -> list[str]:
    """What is wrong with what is shown now, or a part of it, at all sizes."""
    found = []
    for width, height in (NARROW, ZOOMED, TABLET, BEAMER):
        page.set_viewport_size({"width": width, "height": height})
        if width == NARROW[0]:
            wrong = page.evaluate(CUT)
            if wrong:  # a picture takes its new size a moment later
                page.wait_for_timeout(200)
                wrong = page.evaluate(CUT)
        else:
            wrong = violations(page, within)
            wrong += [f"under {LEAST} px: {told}" for told in page.evaluate(SMALL, LEAST)]
        found += [f"{where} at {width} x {height}: {told}" for told in wrong]
    return found


def built(page: Page) -> list[str]:
    """Whether a page has one h1, one main, and headings that skip no level."""
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]"
        ".filter(e => e.checkVisibility()).map(e => Number(e.tagName[1]))"
    )
    wrong = []
    if levels.count(1) != 1:
        wrong.append(f"{levels.count(1)} headings of level 1")
    mains = page.get_by_role("main").count()
    if mains != 1:
        wrong.append(f"{mains} main parts")
    steps = zip([0, *levels], levels, strict=False)
    wrong += [f"heading {after} after {before}" for before, after in steps if after > before + 1]
    return wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_main_page_shuts_anybody_out(
    server: Server, chrome: Browser, language: str
) -> None:
    found = []
    with visit(server, chrome, language) as (page, words):
        assert page.locator("html").get_attribute("lang") in (language, f"{language}-GB")
        for (where, do), within in STATES:
            do(page, words)
            found += scanned(page, where, within)
            if within != DIALOG:
                found += [f"{where}: {told}" for told in built(page)]
            close(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_other_pages_shuts_anybody_out(
    server: Server, chrome: Browser, language: str
) -> None:
    found = []
    for path in ("about", "agents", "studies", "studies?open=strategy", "room"):
        with visit(server, chrome, f"{language}/{path}") as (page, words):
            assert page.locator("html").get_attribute("lang") in (language, f"{language}-GB")
            if path == "agents":
                page.locator("details > summary").click()
            if "open" in path:
                page.get_by_role("heading", level=2).nth(1).wait_for(timeout=PATIENCE)
            found += [*scanned(page, path), *(f"{path}: {told}" for told in built(page))]
            if path == "room":
                found += desk(page, words)
    assert not found, "\n".join(found)


def desk(page: Page, words: Words) -> list[str]:
    """What is wrong with the facilitator's view, and its dialog to end the workshop."""
    page.get_by_label(words.say("room.token.label")).fill(TOKEN)
    button(page, words.say("room.token.open")).click()
    for number in (1, 2):
        told = re.compile(re.escape(words.say("page.graph", number=number)))
        page.get_by_role("region", name=told).wait_for(timeout=PATIENCE)
    found = [*scanned(page, "desk"), *(f"desk: {told}" for told in built(page))]
    button(page, words.say("room.end")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return found + scanned(page, "end the workshop", DIALOG)


def test_less_motion_where_the_device_asks_for_it(server: Server, chrome: Browser) -> None:
    with visit(server, chrome, "en", reduced_motion="reduce") as (page, _):
        assert page.evaluate(SLOW) == []
    with visit(server, chrome, "en/agents", reduced_motion="reduce") as (page, words):
        assert page.evaluate(SLOW) == []
        expect(button(page, words.say("agents.play"))).to_be_visible()  # it stands still
        expect(page.get_by_text(words.say("agents.reduced"))).to_be_visible()
        when = page.locator(".df-agents-when").inner_text()
        page.wait_for_timeout(300)
        assert page.locator(".df-agents-when").inner_text() == when
        button(page, words.say("agents.year.on")).click()
        expect(page.locator(".df-agents-when")).to_contain_text("2025")


def test_forced_colours_keep_borders_lines_and_focus(server: Server, chrome: Browser) -> None:
    with visit(server, chrome, "en", forced_colors="active") as (page, words):
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        unseen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            unseen += page.evaluate(RINGS)
        assert unseen == []
        assert violations(page) == []
        rests(page, words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_graph_has_a_table_and_a_sentence(
    server: Server, chrome: Browser, language: str
) -> None:
    with visit(server, chrome, language) as (page, words):
        say = words.say
        for number in (1, 2):
            graph = page.get_by_role("region", name=re.compile(say("page.graph", number=number)))
            expect(graph.get_by_role("img")).to_have_count(1)
            expect(graph.locator(".df-said")).to_contain_text("2030")
            button(page, say("page.table.open", number=number)).click()
            box = page.get_by_role("dialog")
            rows = box.get_by_role("rowheader")
            expect(rows.filter(has_text="2030")).to_have_count(1)
            expect(rows.filter(has_text="2010")).to_have_count(1)
            title = box.get_by_role("heading").inner_text()
            expect(box.locator("p").first).to_contain_text(title)
            close(page)


def test_the_voice_is_silent_while_a_key_is_held_and_speaks_once_at_rest(
    server: Server, chrome: Browser
) -> None:
    with visit(server, chrome, "en") as (page, words):
        page.evaluate(VOICE)
        name = words.say("cards.ambition", objective="SD1")
        slider = page.get_by_role("slider", name=name, exact=True)
        slider.focus()
        for _ in range(12):
            page.keyboard.down("ArrowRight")  # again and again: a key that is held repeats
            page.wait_for_timeout(60)
        assert page.evaluate("window.heard") == []
        page.keyboard.up("ArrowRight")
        page.wait_for_function("window.heard.length > 0", timeout=PATIENCE)
        page.wait_for_timeout(800)
        heard = page.evaluate("window.heard")
        assert len(heard) == 1, heard
        assert heard[0].count("2030") >= 2  # both graphs


# The tree that assistive technology reads

NUMBERS = re.compile(r"(?<![\w.,])[-−+±]?\d[\d.,\s\u00a0\u202f]*(?<=\d)")


def masked(tree: str) -> str:
    """Without numbers that depend on draws or versions; addresses hold those too."""
    lines = []
    for line in tree.splitlines():
        line = re.sub(r"\b[0-9a-f]{8}\b", "#", line)
        if "2030:" in line or "2030 :" in line or re.search(r"90[\s\u00a0-]?-?%", line):
            line = NUMBERS.sub("#", line)
        line = re.sub(r"(/url: /\w\w)\?s=\S+", r"\1?s=#", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def kept(name: str, tree: str) -> None:
    """Compare a tree with the one that was kept, or keep it."""
    path = SNAPSHOTS / f"{name}.yml"
    if os.environ.get(WRITE) == "write":
        path.write_text(masked(tree), encoding="utf-8")
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    again = f"{WRITE}=write python -m pytest {__file__} -m browser -k tree"
    assert masked(tree) == known, f"{path.name} differs; if that is meant: {again}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tree_is_the_one_that_was_kept(server: Server, chrome: Browser, language: str) -> None:
    with visit(server, chrome, language) as (page, words):
        kept(f"first-{language}", page.locator("body").aria_snapshot())
        card("SD2")[1](page, words)
        cards = page.get_by_role("region", name=words.say("cards.title"), exact=True)
        kept(f"card-{language}", cards.aria_snapshot())
        card("SD1")[1](page, words)
        saved(page, words)
        drawer = page.get_by_role("region", name=words.say("drawer.title"), exact=True)
        kept(f"drawer-{language}", drawer.aria_snapshot())
