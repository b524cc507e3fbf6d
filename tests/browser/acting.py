"""Somebody who uses the page: finds what stands there by its words, in one language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from experiments.workshop.wording import Words, words_of
from tests.browser.serving import Seen, Server, opened
from tests.experiments.workshop.conftest import library

YEAR = 2030
PATIENCE = 30_000  # milliseconds; a busy machine takes 10 s for what a quiet one does in 1
STEPS, HALFWAY = 4, 2  # of a hand that drags a lever
VALUES = "(all) => all.map((one) => one.value)"


@dataclass
class Actor:
    """One visitor with one page; ``seen`` holds what the page should not have done."""

    browser: Browser
    server: Server
    words: Words
    context: BrowserContext
    page: Page
    seen: Seen = field(init=False)

    def __post_init__(self) -> None:
        self.seen = Seen(self.server.address)
        self.seen.watch(self.page)

    @property
    def language(self) -> str:
        """Of the page."""
        return self.words.language

    def speak(self, language: str) -> None:
        """Look for words of this language from now on."""
        self.words = words_of(language, library().texts)

    def say(self, key: str, **fill: object) -> str:
        """A sentence of the page."""
        return self.words.say(key, **fill)

    # What stands there

    def button(self, key: str, **fill: object) -> Locator:
        """A button by the key of its words."""
        return self.button_named(self.say(key, **fill))

    def button_named(self, name: str) -> Locator:
        """A button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def graph(self, number: int) -> Locator:
        """A graph, from 1."""
        named = re.compile(f"^{re.escape(self.say('page.graph', number=number))}\\s?:")
        return self.page.get_by_role("region", name=named)

    def choice(self, number: int, part: str) -> Locator:
        """A select of a graph: indicator, product, region or age."""
        return self.graph(number).get_by_role("combobox", name=self.say(f"page.{part}"), exact=True)

    def card(self, name: str) -> Locator:
        """The button of a card: SD1 to SD6, or the trends."""
        told = self.say("cards.trends") if name == "trends" else name
        return self.page.get_by_role("button", name=re.compile(f"^{re.escape(told)}"))

    def slider(self, label: str) -> Locator:
        """The range input of a lever."""
        return self.page.get_by_role("slider", name=label, exact=True)

    def number(self, label: str) -> Locator:
        """The field beside a lever."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    def box(self, name: str) -> Locator:
        """An open dialog."""
        return self.page.get_by_role("dialog", name=name, exact=True)

    def ambition(self, objective: str) -> str:
        """Label of the lever of a strategic objective."""
        return self.say("cards.ambition", objective=objective)

    @property
    def scenarios(self) -> Locator:
        """The drawer."""
        return self.page.get_by_role("region", name=self.say("drawer.title"), exact=True)

    @property
    def notices(self) -> Locator:
        """What the page tells."""
        return self.page.get_by_role("status", name=self.say("page.notices"), exact=True)

    @property
    def draws(self) -> Locator:
        """How many draws are shown."""
        footer = self.page.get_by_role("contentinfo", name=self.say("page.status"))
        return footer.get_by_role("strong").first

    @property
    def voice(self) -> Locator:
        """What a screen reader hears of both graphs, at rest."""
        graphs = self.page.get_by_role("region", name=self.say("page.graphs"), exact=True)
        return graphs.locator("p[aria-live]")

    # What it says

    def line(self, number: int) -> str:
        """The sentence above a graph."""
        return self.graph(number).locator(".df-said").inner_text()

    def told(self, number: int) -> tuple[str, str, str]:
        """Median, low and high of that sentence, as they are written."""
        gap = "([^ ]+)"
        value = self.say("page.graph.value", year=YEAR, value="@", unit="@")
        start = re.escape(value).split("@")[0] + gap
        ends = self.say("page.graph.range", low="@", high="@", value="@")
        found = re.search(start, self.line(number))
        around = re.search(
            re.escape(ends).replace("@", "(.+?)", 1).replace("@", "(.+?)"), self.line(number)
        )
        assert found, self.line(number)
        assert around, self.line(number)
        return found[1], around[1], around[2]

    def state(self) -> dict[str, Any]:
        """What does not depend on the language: levers, choices, counts, names, notes."""
        cards = self.page.get_by_role("region", name=self.say("cards.title"), exact=True)
        levers = cards.get_by_role("slider").evaluate_all(VALUES)
        counts = [re.findall(r"\d+", text) for text in cards.locator(".df-card").all_inner_texts()]
        chosen = self.page.get_by_role("combobox").evaluate_all(VALUES)
        names = self.scenarios.get_by_role("strong").all_inner_texts()
        over = self.scenarios.locator("[aria-pressed]").evaluate_all(
            "(all) => all.map((one) => one.getAttribute('aria-pressed'))"
        )
        return {
            "levers": levers,
            "counts": counts,
            "chosen": chosen,
            "names": names[2:],
            "over": over,
        }

    def lines(self) -> tuple[str, str, str]:
        """Both sentences, and the voice."""
        return self.line(1), self.line(2), self.voice.inner_text()

    # What is done

    def open(self, path: str) -> None:
        """Open an address of the server and wait until its graphs are there."""
        self.page.goto(self.server.address + path)
        self.rest()

    def rest(self) -> None:
        """Wait until all draws are shown."""
        expect(self.draws).to_have_text(self.say("page.status.draws", draws=self.server.draws))
        expect(self.voice).not_to_be_empty()

    @contextmanager
    def change(self) -> Iterator[None]:
        """What is done within changes numbers: wait until the voice tells new ones."""
        before = self.voice.text_content() or ""
        yield
        expect(self.voice).not_to_have_text(before)
        self.rest()

    def drag(self, label: str, position: int) -> Iterator[int]:
        """Move a lever with the mouse, a step at a time; the last step lets it go."""
        slider = self.slider(label)
        slider.scroll_into_view_if_needed()
        found = slider.bounding_box()
        assert found is not None
        thumb = 16.0
        height = found["y"] + found["height"] / 2

        def at(where: float) -> float:
            return found["x"] + thumb / 2 + (found["width"] - thumb) * where / 100.0

        now = int(slider.input_value())
        mouse = self.page.mouse
        mouse.move(at(now), height)
        mouse.down()
        for step in range(1, STEPS + 1):
            mouse.move(at(now + (position - now) * step / STEPS), height)
            yield step
        mouse.up()

    def type(self, label: str, position: int) -> None:
        """Type the position of a lever."""
        self.number(label).fill(str(position))
        self.number(label).press("Enter")

    def download(self, pressed: Locator) -> bytes:
        """What a button gives to keep."""
        with self.page.expect_download() as found:
            pressed.click()
        return Path(found.value.path()).read_bytes()

    def shut(self) -> None:
        """Close the open dialog."""
        self.page.get_by_role("dialog").get_by_role(
            "button", name=self.say("close"), exact=True
        ).click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)


@contextmanager
def acting(
    chrome: Browser, server: Server, language: str, size: tuple[int, int]
) -> Iterator[Actor]:
    """A visitor; at the end nothing went wrong and nothing was asked for elsewhere."""
    context = opened(chrome, size, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    words = words_of(language, library().texts)
    actor = Actor(chrome, server, words, context, context.new_page())
    try:
        yield actor
        assert actor.seen.errors == []
        assert actor.seen.elsewhere == []
    finally:
        context.close()
