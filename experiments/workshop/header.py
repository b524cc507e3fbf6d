"""The top row: where to begin, undo, what can be saved or shared, languages and other pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.workshop import drawer, export_view, moves, room_view, sharing
from experiments.workshop.address import address
from experiments.workshop.elements import Tag, button
from experiments.workshop.fields import Groups, Select
from experiments.workshop.view import idle
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session

PAGES = ("agents", "studies", "about")
KEEPS = "df-keeps"  # links that page.js gives the state of the page
ARROWS = {  # paths on a field of 24 by 24
    "undo": "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
    "redo": "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
    "reset": "M4 12a8 8 0 1 0 3-6.2M4 4v5h5",
}


def build_header(session: Session, host: Host) -> None:
    """The banner of the main page."""
    say = session.words.say
    with Tag("header", classes="df-header"):
        Tag("h1", say("product.name"), "df-name")
        _Presets(session, host)
        with Tag("div", classes="df-tools", role="group", aria_label=say("page.header")):
            _build_steps(session)
            drawer.build_save(session, host)
            sharing.build_link(session, host)
            sharing.build_files(session, host)
            export_view.build_export(session, host)
            room_view.build_send(session, host)
        with Tag("div", classes="df-corner"):
            _build_languages(session)
            _build_pages(session)


class _Presets:
    """A select of scenarios to begin with."""

    def __init__(self, session: Session, host: Host) -> None:
        self._session, self._library = session, host.engine.library
        self._key = host.engine.key
        groups = moves.presets(self._library)
        self._known = {
            self._key(moves.preset(one, self._library)): one for _, ids in groups for one in ids
        }
        say = session.words.say
        offered: Groups = [
            (say(f"page.preset.{group}"), [(one, self._name(one)) for one in ids])
            for group, ids in groups
        ]
        self._groups: Groups = [("", [("", say("page.preset.choose"))]), *offered]
        self._select = Select(say("page.preset"), self._choose, "df-presets", "preset")
        session.listen("view", self._show)
        self._show()

    def _name(self, one: str) -> str:
        return self._session.words.name(f"scenario.{one}")

    def _show(self) -> None:
        key = self._key(self._session.view.scenario)
        self._select.show(self._groups, self._known.get(key, ""))

    def _choose(self, one: str) -> None:
        if one:
            chosen = moves.preset(one, self._library)
            self._session.show(self._session.view.with_scenario(chosen))
        else:
            self._show()


def _build_steps(session: Session) -> None:
    say = session.words.say

    def reset() -> None:
        session.show(replace(session.view, scenario=idle()))

    undo = _icon("undo", say("page.undo"), session.undo)
    redo = _icon("redo", say("page.redo"), session.redo)
    _icon("reset", say("page.reset"), reset, say("page.reset.about"))

    def show() -> None:
        # Not disabled: a disabled button loses the focus that it has.
        undo.attribute("aria-disabled", not session.can_undo)
        redo.attribute("aria-disabled", not session.can_redo)

    session.listen("view", show)
    show()


def _icon(name: str, label: str, pressed: object, about: str = "") -> Tag:
    with button("", pressed, "df-button df-icon", data_df=name) as made:  # type: ignore[arg-type]
        made.attribute("aria-label", label)
        made.attribute("title", about or label)
        with Tag("svg", width=20, height=20, viewBox="0 0 24 24", aria_hidden=True):
            Tag("path", d=ARROWS[name], fill="none", stroke="currentColor", stroke_width=2)
    return made


def _build_languages(session: Session) -> None:
    words = session.words
    with Tag("nav", classes="df-languages", aria_label=words.say("page.languages")):
        for language in LANGUAGES:
            link = Tag("a", language.upper(), f"df-language {KEEPS}", lang=language)
            link.attribute("href", address(session.view, language))
            link.attribute("hreflang", language)
            name = words.say(f"language.{language}")
            link.attribute("aria-label", f"{language.upper()} {name}")
            link.attribute("title", name)
            if language == words.language:
                link.attribute("aria-current", "true")


def _build_pages(session: Session) -> None:
    words = session.words
    nav = Tag("nav", classes="df-pages", aria_label=words.say("page.pages"))
    with nav, Tag("details", classes="df-menu"):
        Tag("summary", words.say("page.more"), "df-button")
        with Tag("ul", classes="df-menu-list"):
            for page in PAGES:
                with Tag("li"):
                    # With the state, so that the way back leads to it.
                    way = address(session.view, words.language, f"/{page}")
                    Tag("a", words.say(f"page.to.{page}"), KEEPS, href=way)
