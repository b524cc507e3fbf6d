"""What the page is, how it is read, what it does not know, and what is stored: one page of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import Client

from experiments.workshop.elements import Tag
from experiments.workshop.page import above, dress, page_of
from experiments.workshop.status import versions
from experiments.workshop.wording import Words, words_of
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from experiments.workshop.host import Host

PATH = "/about"
CHAPTERS = {  # chapter: its paragraphs, "-" before points of a list
    "what": ("1", "2"),
    "read": ("-1", "-2", "-3", "-4", "-5", "-6"),
    "honest": ("1", "-1", "-2", "-3", "-4", "-5"),
    "keys": ("1",),
    "access": ("1", "2", "-1", "-2", "-3", "3", "4"),
    "feedback": ("1", "2"),
    "privacy": ("-1", "-2", "-3", "-4"),
}


def register(host: Host) -> None:
    """Declare the routes."""
    for language in LANGUAGES:
        words = words_of(language, host.engine.library.texts)
        page_of(language, PATH, title(words))(_builder(host, words))


def title(words: Words) -> str:
    """Of the page, as the browser shows it."""
    return f"{words.say('about.title')} – {words.say('product.name')}"


def _builder(host: Host, words: Words) -> Callable[..., Any]:
    def build(client: Client, s: str = "") -> None:
        query = f"?s={s}" if _plain(s) else ""
        with above(client):
            dress(words, skip="df-text", told="about.skip")
            _build_top(words, query)
        with Tag("div", classes="df-text", id="df-text", tabindex=-1):
            build_text(words, versions(words, host.engine.provenance()))

    return build


def _plain(link: str) -> bool:
    return bool(link) and link.replace("-", "").replace("_", "").replace(".", "").isalnum()


def _build_top(words: Words, query: str) -> None:
    with Tag("header", classes="df-header"):
        Tag("a", words.say("page.back"), "df-button", href=f"/{words.language}{query}")
        with Tag("nav", classes="df-languages df-right", aria_label=words.say("page.languages")):
            for language in LANGUAGES:
                link = Tag("a", language.upper(), "df-language", lang=language)
                link.attribute("href", f"/{language}{PATH}{query}")
                name = words.say(f"language.{language}")
                link.attribute("aria-label", f"{language.upper()} {name}")
                link.attribute("aria-current", "true" if language == words.language else None)


def build_text(words: Words, told: list[str]) -> None:
    """All chapters under one heading; ``told``: versions, at the end."""
    Tag("h1", words.say("about.title"))
    for chapter, paragraphs in CHAPTERS.items():
        Tag("h2", words.say(f"about.{chapter}"), id=chapter)
        points = [one for one in paragraphs if one.startswith("-")]
        for one in paragraphs:
            if one == next(iter(points), None):
                with Tag("ul"):
                    for point in points:
                        Tag("li", words.say(f"about.{chapter}.point{point[1:]}"))
            elif one not in points:
                Tag("p", words.say(f"about.{chapter}.{one}"))
    Tag("p", ", ".join(told))
