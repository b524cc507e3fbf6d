"""What the pages beside the levers have in common: a way back, each other, and the languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiments.workshop.elements import Tag
from experiments.workshop.host import Host
from experiments.workshop.page import dress
from experiments.workshop.wording import Words, words_of
from scenarios.texts import LANGUAGES

CONTENT = "df-content"


@contextmanager
def side_page(host: Host, language: str, path: str, query: str = "") -> Iterator[Words]:
    """The frame of a side page; what is made within is its main part. ``query``: what a switch of
    language keeps."""
    words = words_of(language, host.engine.library.texts)
    dress(words, skip=CONTENT)
    with Tag("div", classes="df-side"):
        with Tag("header", classes="df-side-head"):
            Tag("a", words.say("side.back"), "df-side-back", href=f"/{language}")
            with Tag("nav", classes="df-side-languages", aria_label=words.say("side.languages")):
                for other in LANGUAGES:
                    here = "true" if other == language else None
                    name = words.say(f"language.{other}")
                    address = f"/{other}/{path}{query}"
                    Tag("a", name, lang=other, hreflang=other, href=address, aria_current=here)
        # No <main>: what NiceGUI puts around a page is one.
        with Tag("div", classes="df-side-main", id=CONTENT, tabindex=-1):
            Tag("h1", words.say(f"{path}.title"))
            yield words
