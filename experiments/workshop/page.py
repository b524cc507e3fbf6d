"""The main page: one route a language; its address holds the whole state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import Request
from fastapi.responses import RedirectResponse
from nicegui import Client, app, ui
from nicegui.translations import translations

from experiments.workshop import cards, charts, drawer, header, problems, status
from experiments.workshop.address import FIRST, address
from experiments.workshop.elements import Tag, button
from experiments.workshop.link import view_of
from experiments.workshop.session import Session
from experiments.workshop.wording import Words, own_sentences, words_of
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from experiments.workshop.host import Host

STATIC = Path(__file__).with_name("static")
LOCALES = {"en": "en-GB", "nl": "nl", "fr": "fr", "de": "de"}  # as NiceGUI names languages
PATIENCE = 60.0  # seconds that the server keeps the page of a browser that lost its connection


def register(host: Host) -> None:
    """Declare the routes."""
    _speak_when_lost()

    @app.get("/", include_in_schema=False)
    def front(request: Request) -> RedirectResponse:
        language = best_language(request.headers.get("accept-language", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{language}{query}")

    for language in LANGUAGES:
        page_of(language)(_builder(host, language))


def _speak_when_lost() -> None:
    """What NiceGUI shows when a connection fails; its own words lack Dutch."""
    said, shown = own_sentences(), cast(dict[str, dict[str, str]], translations)
    for language, locale in LOCALES.items():
        shown[locale] = {
            "connection_lost": said["page.gone"][language],
            "trying_to_reconnect": "",
            "message_too_long": said["page.too-long"][language],
            "message_too_long_body": "",
        }


def page_of(language: str, path: str = "", title: str | None = None) -> Callable[..., Any]:
    """The decorator of a page at ``/{language}{path}``."""
    options: dict[str, Any] = {"language": LOCALES[language], "reconnect_timeout": PATIENCE}
    named = own_sentences()["page.title"][language] if title is None else title
    return ui.page(f"/{language}{path}", title=named, **options)


def best_language(wanted: str) -> str:
    """The first language of the header Accept-Language, by its weights, that the page speaks."""
    ranked = []
    for i, part in enumerate(wanted.split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1.0), i, name[:2].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(ranked) if name in LANGUAGES), LANGUAGES[0])


def _builder(host: Host, language: str) -> Callable[..., Any]:
    async def build(client: Client, s: str = "") -> None:
        words = words_of(language, host.engine.library.texts)
        session = open_session(host, words, s, asyncio.get_running_loop())
        client.on_delete(session.close)
        with above(client):
            dress(words, skip="df-cards")
            header.build_header(session, host)
            _build_notices(session)
        with Tag("div", classes="df-desk"):
            charts.build_charts(session, host)
            # In this order, so that Tab follows the page where it is one column.
            with Tag("div", classes="df-cards-slot", id="df-cards", tabindex=-1):
                cards.build_cards(session, host)
            drawer.build_drawer(session, host)
        with client.layout:
            status.build_status(session, host)
        session.listen("view", lambda: _keep_address(client, session))
        session.ask()

    return build


def open_session(host: Host, words: Words, link: str, loop: asyncio.AbstractEventLoop) -> Session:
    """A session that shows what a link says; what of it could not be shown is told as notices."""
    none: list[problems.Problem] = []
    known = (host.engine.library, host.graphs)
    view, found = view_of(link, *known) if link else (FIRST, none)
    session = Session(host.engine, words, view, lambda call: _later(loop, call))
    session.notices.extend(problems.told(problem, words) for problem in found)
    return session


def above(client: Client) -> Tag:
    """A place before the main part of a page: NiceGUI puts all else into a ``<main>``."""
    with client.layout:
        place = Tag("div", classes="df-top")
    place.move(client.layout, target_index=0)
    return place


def _later(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def dress(words: Words, skip: str, told: str = "page.skip") -> None:
    """What every page of the workshop has: styles, scripts, and a first link to its content.

    ``skip``: id that the link leads to; ``told``: key of its words.
    """
    sheets = sorted(path.name for path in STATIC.glob("*.css"))
    # The variables of page.css come first; other files may use and refine them.
    for name in sorted(sheets, key=lambda name: name != "page.css"):
        ui.add_head_html(f'<link rel="stylesheet" href="/static/{name}">')
    ui.add_head_html('<script src="/static/page.js"></script>')
    ui.add_body_html(f"<noscript><p>{words.say('page.script')}</p></noscript>")
    Tag("a", words.say(told), "df-skip", href=f"#{skip}")


def _keep_address(client: Client, session: Session) -> None:
    told = json.dumps(address(session.view, session.words.language))
    client.run_javascript(f"df.keep({told})")


def _build_notices(session: Session) -> None:
    say = session.words.say
    with Tag("div", classes="df-notices", role="status", aria_label=say("page.notices")) as region:
        pass

    def show() -> None:
        region.clear()
        with region:
            for told in session.notices:
                with Tag("p", classes="df-notice"):
                    Tag("span", told)
                    leave = button("×", lambda told=told: close(told), "df-button df-icon")  # type: ignore[misc]
                    leave.attribute("aria-label", say("close"))

    def close(told: str) -> None:
        session.notices.remove(told)
        show()

    session.listen("notice", show)
    show()
