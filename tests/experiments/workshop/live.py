"""A server in a thread with a small page, and a browser's side of its connection."""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from nicegui import ui
from nicegui.testing.general import nicegui_reset_globals
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from experiments.workshop import serve
from experiments.workshop.guard import RATES, Guard, Rate, Rates
from experiments.workshop.host import Host

WAIT = 10.0


@dataclass
class Page:
    """What the small page of one visitor holds: a number that its button raises."""

    name: str
    number: int = 0
    heard: list[Any] = field(default_factory=list)
    button: int = 0
    listener: str = ""


@dataclass
class Live:
    """The server: where it is, its pages by client id, and all that it logged."""

    address: str
    pages: dict[str, Page]
    log: io.StringIO


def _register(pages: dict[str, Page]) -> Any:
    @ui.page("/en")
    def small() -> None:
        page = Page(ui.context.client.id)

        def heard(event: Any) -> None:
            page.number += 1
            page.heard.append(event.args)
            int(event.args["value"])  # a page that trusts what it is sent

        button = ui.element("button").on("click", heard)
        page.button = button.id
        page.listener = next(iter(button._event_listeners))
        pages[page.name] = page

    @ui.page("/nl")
    def broken() -> None:
        raise RuntimeError("secret words")


@contextmanager
def serving(host: Host) -> Iterator[Live]:
    """Run the server until the end of the block."""
    with nicegui_reset_globals():
        pages: dict[str, Page] = {}
        listening = serve.bound(host.options)
        server = serve.server_of(host, (lambda _: _register(pages),))
        guard = server.config.app
        assert isinstance(guard, Guard)
        guard.rates = Rates(dict.fromkeys(RATES, Rate(1e9, 1e9)))
        log = io.StringIO()
        handler = logging.getLogger().handlers[0]
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(log)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until = time.monotonic() + WAIT
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Live(address, pages, log)
        finally:
            server.should_exit = True
            thread.join(WAIT)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def connection(live: Live, query: str) -> ClientConnection:
    """A connection that was greeted."""
    path = f"/_nicegui_ws/socket.io/?EIO=4&transport=websocket&{query}"
    address = live.address.replace("http", "ws")
    found = ExitStack().enter_context(connect(address + path, origin=Origin(live.address)))
    assert str(found.recv(WAIT)).startswith("0{")
    found.send("40")
    assert str(found.recv(WAIT)).startswith("40{")
    return found


class Visitor:
    """Opens the page and speaks as its script does: Socket.IO in frames of text."""

    def __init__(self, live: Live) -> None:
        text = httpx.get(f"{live.address}/en").text
        found = re.search(r"client_id\W+([0-9a-f-]{36})", text)
        assert found, text[:2000]
        self.page = live.pages[found.group(1)]
        self.told: list[dict[str, Any]] = []
        self.tab, self.document = str(uuid4()), str(uuid4())
        self.socket = connection(
            live,
            f"client_id={self.page.name}&next_message_id=0&implicit_handshake=true"
            f"&tab_id={self.tab}&document_id={self.document}",
        )
        self.connected = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            for frame in self.socket:
                if str(frame).startswith('42["refused"'):
                    self.told.append(json.loads(str(frame)[2:])[1])
        self.connected = False

    def emit(self, name: object, message: object) -> None:
        """Send one message."""
        self.socket.send(f"42{json.dumps([name, message])}")

    def leave(self) -> None:
        """Close the page."""
        self.socket.close()
        self._reader.join(WAIT)

    def event(self, **given: Any) -> dict[str, Any]:
        """The message of a click, or one that differs from it."""
        page = self.page
        own = {"client_id": page.name, "id": page.button, "listener_id": page.listener}
        return {**own, "args": ['{"value": 1}'], **given}

    def click(self, **given: Any) -> None:
        """Raise the number, and wait until it is so."""
        before = self.page.number
        self.emit("event", self.event(**given))
        until = time.monotonic() + WAIT
        while self.page.number == before and time.monotonic() < until:
            time.sleep(0.005)
        assert self.page.number == before + 1
