"""The room on the pages: what participants send to it, and the door of the facilitator's page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import Client, ui

from experiments.workshop import saved
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button, focus, form
from experiments.workshop.room import LONGEST_SENDER, OPEN, Desk, Refused
from experiments.workshop.room_desk import DeskView, Keeper
from experiments.workshop.wording import own_sentences, words_of
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session
    from experiments.workshop.wording import Words


# A participant's page


def build_send(session: Session, host: Host) -> None:
    """The button that opens the dialog to send; the page is counted, and hears of the room."""
    _Send(session, host)


class _Send:
    """The button, and what its dialog does."""

    def __init__(self, session: Session, host: Host) -> None:
        self.session, self.room, self.say = session, host.room, session.words.say
        self.state, self._sender = OPEN, ""
        self._box = dialog(self.say("room.send"))
        self._button = button(self.say("room.send"), self._opened, data_df="room-send")
        client = ui.context.client
        self._address = client.ip or None
        stop = self.room.listen(self._heard)
        client.on_connect(lambda: self.room.joined(session.key))
        client.on_disconnect(lambda: self.room.left(session.key))

        def gone() -> None:
            stop()
            self.room.left(session.key)

        client.on_delete(gone)
        self._heard()

    def _heard(self) -> None:
        state = self.room.state
        reason = None if state == OPEN else self.say(f"room.send.{state}")
        if state != self.state:
            self.state = state
            if self._box.shown:  # what was typed stays; the rest of the page is not heard now
                self._wrong.set_text(reason or "")
            self.session.notice(self.say(f"room.told.{state}"))
        # Not disabled: a disabled button cannot be found with the keyboard, nor can its reason.
        self._button.attribute("aria-disabled", reason is not None)
        self._button.attribute("title", reason or self.say("room.send.about"))

    def _opened(self) -> None:
        if self.room.state != OPEN:
            self.session.notice(self.say(f"room.send.{self.room.state}"))
            return
        say, scenario = self.say, self.session.view.scenario
        with self._box, form(self._sent):
            Tag("p", say("room.send.about"))
            name = _field(say("room.send.name"), "name", saved.LONGEST_NAME, scenario.title or "")
            name.attribute("autofocus", "")
            name.attribute("required", "")
            sender = _field(say("room.send.sender"), "sender", LONGEST_SENDER, self._sender)
            sender.attribute("aria-describedby", "df-room-sender-about")
            Tag("small", say("room.send.sender.about"), id="df-room-sender-about")
            with Tag("label", classes="df-field"):
                Tag("span", say("room.send.note"))
                area = Tag("textarea", name="note", rows=3, maxlength=saved.LONGEST_NOTE)
                area.props["defaultValue"] = scenario.note or ""
            self._wrong = Tag("p", classes="df-wrong", role="alert")
            Tag("p", say("room.send.stored"), "df-room-stored")
            with Tag("div", classes="df-actions"):
                Tag("button", say("room.send.press"), "df-button df-main", type="submit")
                button(say("cancel"), self._box.close)
        self._box.open()

    def _sent(self, given: dict[str, str]) -> None:
        scenario = saved.named(
            self.session.view.scenario, given.get("name", ""), given.get("note", "")
        )
        sender = given.get("sender", "")
        try:
            self.room.send(self.session.key, scenario, sender, self._address)
        except Refused as refused:
            self._wrong.set_text(self.say(refused.key, **refused.fill))
            return
        self._sender = sender
        self._box.close()
        self.session.notice(self.say("room.send.done", name=scenario.title))


def _field(label: str, name: str, longest: int, value: str) -> Tag:
    with Tag("label", classes="df-field"):
        Tag("span", label)
        made = Tag("input", name=name, type="text", maxlength=longest, autocomplete="off")
        made.props["defaultValue"] = value
    return made


# The facilitator's page


def register(host: Host) -> None:
    """Declare the routes of the facilitator's page."""
    from experiments.workshop.page import page_of  # it needs build_send before

    for language in LANGUAGES:
        title = own_sentences()["room.title"][language]
        page_of(language, "/room", title)(_builder(host, language))


def _builder(host: Host, language: str) -> Callable[..., Any]:
    async def build(client: Client) -> None:
        from experiments.workshop.page import dress

        words = words_of(language, host.engine.library.texts)
        dress(words, skip="df-room-main")
        loop = asyncio.get_running_loop()
        with Tag("div", classes="df-room"):
            _Door(host, words, client, loop)

    return build


class _Door:
    """Asks for the token until it is the right one, then gives way to the desk."""

    def __init__(
        self, host: Host, words: Words, client: Client, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._host, self._words, self._client, self._loop = host, words, client, loop
        self._open = False
        self._place = Tag("div", classes="df-room-place")
        self._keeper = Keeper()
        self._keeper.on("found", lambda event: self._found(event.args))
        with self._place:
            self._build_form()

    def _build_form(self) -> None:
        say = self._words.say
        # No <main>: what NiceGUI puts around a page is one.
        with Tag("div", classes="df-room-door", id="df-room-main", tabindex=-1):
            Tag("h1", say("room.heading"))
            Tag("p", say("room.token.about"))
            with form(lambda given: self._enter(given.get("token", ""), {})):
                with Tag("label", classes="df-field"):
                    Tag("span", say("room.token.label"))
                    Tag("input", name="token", type="password", maxlength=200, data_df="token")
                self._wrong = Tag("p", classes="df-wrong", role="alert")
                with Tag("div", classes="df-actions"):
                    Tag("button", say("room.token.open"), "df-button df-main", type="submit")
                    Tag("a", say("room.back"), href=f"/{self._words.language}")

    def _found(self, held: object) -> None:
        given = held if isinstance(held, dict) else {}
        token = given.get("token")
        if isinstance(token, str) and token:
            self._enter(token, given)

    def _enter(self, token: str, held: dict[str, Any]) -> None:
        if self._open:
            return
        try:
            desk = self._host.room.desk(token, self._client.ip)
        except Refused as refused:
            self._wrong.set_text(self._words.say(refused.key, **refused.fill))
            return
        if desk is None:
            self._wrong.set_text(self._words.say("room.token.wrong"))
            focus(self._client, "token")
            return
        self._open = True
        self._keeper.keep({"token": token})
        count = desk.earlier(held.get("held"))
        if count:
            self._ask(desk, held, count)
        else:
            self._settle(desk, held)

    def _ask(self, desk: Desk, held: dict[str, Any], count: int) -> None:
        """Whether an earlier workshop goes on; until it is said the browser holds on to it."""
        say = self._words.say

        def back() -> None:
            self._settle(desk, held, desk.restore(held.get("held")))

        def delete() -> None:
            desk.forget(held.get("held"))
            self._keeper.keep({"held": None, "shown": []})
            self._settle(desk, {**held, "shown": []})

        self._place.clear()
        with self._place, Tag("div", classes="df-room-door", id="df-room-main", tabindex=-1):
            Tag("h1", say("room.heading"), tabindex=-1, data_df="room-heading")
            Tag("p", say("room.earlier", count=count))
            with Tag("div", classes="df-actions"):
                button(say("room.earlier.back"), back, data_df="room-earlier-back")
                button(say("room.earlier.delete"), delete, data_df="room-earlier-delete")
        focus(self._client, "room-heading")

    def _settle(self, desk: Desk, held: dict[str, Any], restored: int = 0) -> None:
        self._place.clear()
        with self._place:
            view = DeskView(desk, self._host, self._words, self._keeper, self._loop)
            view.show_again(held)
        if restored:
            view.tell(self._words.say("room.restored", count=restored))
        focus(self._client, "room-heading")
