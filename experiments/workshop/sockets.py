"""Messages of the pages' connections: checked before NiceGUI reads them.

NiceGUI takes what a browser sends at its word. Here each message must be of a known kind and form,
and a connection speaks only for the page that it was opened for. Who sends anything else is told
so (``refused``), after a while is left, and moves nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qs

from nicegui import core, json
from nicegui.client import Client
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from socketio.exceptions import ConnectionRefusedError as Unwelcome

from experiments.workshop.guard import Bucket, Rate

log = logging.getLogger(__name__)

REFUSALS = Rate(30, 0.2)  # of one connection, then it is closed
TOLD = 3  # of them in the log
CONNECT, DISCONNECT, EVENT = 0, 1, 2
LOG = "log"  # what a page would write into the log of its server
NOT_UNDERSTOOD = "This message is not understood; nothing was changed."
NOT_YOURS = "This connection does not speak for that page; nothing was changed."

Handler = Callable[..., Any]


class _Message(BaseModel):
    """What every message holds. More keys are as harmless as they are in NiceGUI."""

    model_config = ConfigDict(strict=True)

    client_id: str = Field(max_length=64)


class _Event(_Message):
    id: int
    listener_id: str = Field(max_length=64)
    args: list[str | None] = Field(default=[], max_length=20)


class _Reply(_Message):
    request_id: str = Field(max_length=64)


class _Ack(_Message):
    next_message_id: int = Field(ge=0, lt=2**53)


class _Handshake(_Message):
    tab_id: str = Field(max_length=64)
    document_id: str = Field(max_length=64)
    old_tab_id: str | None = Field(default=None, max_length=64)
    next_message_id: int | str | None = Field(default=None)


FORMS: dict[str, type[_Message]] = {
    "event": _Event,
    "javascript_response": _Reply,
    "ack": _Ack,
    "handshake": _Handshake,
}


class Refusal(Exception):
    """A message that is not taken, and why, in words."""


class Sockets:
    """The checks, between python-socketio and NiceGUI."""

    def __init__(self) -> None:
        self.sio: Any = core.sio
        self._refused: dict[str, Bucket] = {}
        self._before: Handler = self.sio.eio.handlers["message"]

    def install(self) -> None:
        """Put the checks before NiceGUI's own handlers."""
        sio = self.sio
        # A connection that is no websocket would bring its messages as bodies of requests.
        sio.eio.transports = ["websocket"]
        sio.eio.handlers["message"] = self._message
        handlers = sio.handlers["/"]
        for name, form in FORMS.items():
            handlers[name] = self._checked(handlers[name], form)
        handlers[LOG] = self._unheard
        handlers["connect"] = self._connect(handlers["connect"])
        handlers["disconnect"] = self._disconnect(handlers["disconnect"])

    async def _message(self, eio_sid: str, data: object) -> None:
        try:
            self._check_packet(eio_sid, data)
        except Refusal as refusal:
            await self._refuse(eio_sid, str(refusal))
            return
        try:
            await self._before(eio_sid, data)
        except Exception:
            log.exception("a message failed")
            await self._refuse(eio_sid, NOT_UNDERSTOOD)

    def _check_packet(self, eio_sid: str, data: object) -> None:
        if not isinstance(data, str):
            raise Refusal(NOT_UNDERSTOOD)
        try:
            packet = self.sio.packet_class(encoded_packet=data)
        except (ValueError, RecursionError):
            raise Refusal(NOT_UNDERSTOOD) from None
        known = self._sid(eio_sid) is not None
        if packet.namespace not in (None, "/") or packet.attachment_count:
            raise Refusal(NOT_UNDERSTOOD)
        if packet.packet_type == CONNECT:
            good = not known and isinstance(packet.data, dict | None)
        elif packet.packet_type == EVENT:
            content = packet.data
            good = (
                known
                and isinstance(content, list)
                and len(content) == 2
                and isinstance(content[0], str)
                and (content[0] in FORMS or content[0] == LOG)
            )
        else:
            good = packet.packet_type == DISCONNECT and known
        if not good:
            raise Refusal(NOT_UNDERSTOOD)

    def _sid(self, eio_sid: str) -> str | None:
        found: str | None = self.sio.manager.sid_from_eio_sid(eio_sid, "/")
        return found

    def _checked(self, handler: Handler, form: type[_Message]) -> Handler:
        async def checked(sid: str, message: object) -> object:
            try:
                self._check(sid, form.model_validate(message))
                found = handler(sid, message)
                return await found if isawaitable(found) else found
            except (Refusal, ValidationError) as error:
                words = str(error) if isinstance(error, Refusal) else NOT_UNDERSTOOD
                await self._refuse_sid(sid, words)
            except Exception:
                log.exception("a message failed")
                await self._refuse_sid(sid, NOT_UNDERSTOOD)
            return False

        return checked

    def _check(self, sid: str, message: _Message) -> None:
        if isinstance(message, _Handshake):
            if _client_of(self.sio.get_environ(sid)) != message.client_id:
                raise Refusal(NOT_YOURS)
            _check_number(message.next_message_id)
            return
        if message.client_id not in self.sio.rooms(sid):
            raise Refusal(NOT_YOURS)
        if isinstance(message, _Event):
            _check_event(message)

    def _connect(self, handler: Handler) -> Handler:
        async def connect(sid: str, environ: dict[str, Any], auth: object = None) -> object:
            query = parse_qs(environ.get("QUERY_STRING", ""))
            try:
                if "implicit_handshake" in query:
                    given = {key: values[0] for key, values in query.items()}
                    message = _Handshake.model_validate(given)
                    _check_number(message.next_message_id)
                found: Awaitable[object] = handler(sid, environ, auth)
                return await found
            except (Refusal, ValidationError):
                raise Unwelcome(NOT_UNDERSTOOD) from None

        return connect

    def _disconnect(self, handler: Handler) -> Handler:
        def disconnect(sid: str, *_: object) -> None:
            handler(sid)

        return disconnect

    async def _unheard(self, sid: str, _: object) -> None:
        """A line for the server's log: a visitor writes none, and is not told so."""
        await self._refuse_sid(sid, None)

    async def _refuse_sid(self, sid: str, words: str | None) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, "/")
        if eio_sid is not None:
            await self._refuse(eio_sid, words)

    async def _refuse(self, eio_sid: str, words: str | None) -> None:
        """Count a refusal, tell its words where there are any, and close after too many."""
        now = time.monotonic()
        if eio_sid not in self._refused:
            open_ones = self.sio.environ
            self._refused = {one: left for one, left in self._refused.items() if one in open_ones}
            self._refused[eio_sid] = Bucket(REFUSALS, REFUSALS.burst, now)
        bucket = self._refused[eio_sid]
        patient = bucket.take(now)
        if words is not None and bucket.left > REFUSALS.burst - TOLD - 1:
            log.warning("a message was refused: %s", words)
        sid = self._sid(eio_sid)
        if sid is not None and words is not None:
            await self.sio.emit("refused", {"message": words}, to=sid)
        if (sid is None or not patient) and eio_sid in self.sio.environ:
            close = {"type": "websocket.close", "code": 1008, "reason": NOT_UNDERSTOOD}
            await self.sio.environ[eio_sid]["asgi.send"](close)


def _client_of(environ: dict[str, Any] | None) -> str | None:
    query = parse_qs((environ or {}).get("QUERY_STRING", ""))
    return query["client_id"][0] if "client_id" in query else None


def _check_number(given: int | str | None) -> None:
    """The number of a message, which the address gives as text."""
    if isinstance(given, str) and not (given.isdecimal() and given.isascii() and len(given) < 16):
        raise Refusal(NOT_UNDERSTOOD)


def _check_event(message: _Event) -> None:
    """An event is of a listener of its own element; one that is gone is as if it never came."""
    client = Client.instances.get(message.client_id)
    element = client.elements.get(message.id) if client is not None else None
    if element is not None and message.listener_id not in element._event_listeners:
        raise Refusal("That part of the page does not hear this; nothing was changed.")
    try:
        for given in message.args:
            json.loads(given or "null")
    except ValueError:
        raise Refusal(NOT_UNDERSTOOD) from None
