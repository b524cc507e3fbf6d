"""The door of the server: who may ask, from where, how much and how often.

Plain ASGI, around everything else. A request that is refused gets a sentence, as JSON under /api.
No names but the server's own are answered (a foreign name that leads here is an attack on the
visitor), and nothing that another site's page sends. A websocket without Origin comes from no
browser: only programs on this machine itself need one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

SOCKET = "/_nicegui_ws/"
FILES = ("/_nicegui", "/static/", "/favicon.ico")
API = "/api/"
LONGEST_QUERY = 32_000  # bytes; the whole view is in it
LONGEST_PATH = 1_000
LARGEST_BODY = 1_000_000  # bytes, as the largest scenario file
LARGEST_API_BODY = 200_000
WRITING = ("POST", "PUT", "PATCH", "DELETE")
METHODS = ("GET", "HEAD", *WRITING)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
# NiceGUI starts its page from a script and styles in it, and Vue compiles templates there.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self' ws://{host}; object-src 'none'; frame-src 'none'; worker-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Refused(Exception):
    """A request that is not answered: a status of HTTP, and why, in words."""

    def __init__(self, status: int, words: str, wait: int | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.wait = status, words, wait


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many a second after that."""

    burst: float
    second: float


SECONDS_FOR_BODY = 15.0
MOST_SOCKETS = 300  # open at once, of one address
FRAMES = Rate(400, 100)  # messages of one connection; more of them wait
UNDERSTOOD = "134"  # what a browser's frames begin with: close, alive, message
# A room of thirty may sit behind one address, and a page is about sixty files.
RATES = {
    "file": Rate(6000, 300),
    "page": Rate(150, 5),
    "socket": Rate(150, 10),
    "api": Rate(40, 4),
    "write": Rate(60, 4),
}


@dataclass
class Bucket:
    """What is left of a rate."""

    rate: Rate
    left: float
    seen: float

    def take(self, now: float) -> bool:
        """Whether there is one left; it is taken."""
        self.left = min(self.rate.burst, self.left + (now - self.seen) * self.rate.second)
        self.seen = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


@dataclass
class Rates:
    """Buckets by client address and kind of request."""

    rates: dict[str, Rate]
    clock: Callable[[], float] = time.monotonic
    most: int = 2000
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def take(self, address: str, kind: str) -> bool:
        """Whether one more request of a kind may be answered."""
        now, key = self.clock(), (address, kind)
        if key not in self._buckets:
            if len(self._buckets) >= self.most:
                self._forget(now)
            rate = self.rates[kind]
            self._buckets[key] = Bucket(rate, rate.burst, now)
        return self._buckets[key].take(now)

    def _forget(self, now: float) -> None:
        """Keep those that are not full again; they are as if they had never been there."""
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if bucket.left + (now - bucket.seen) * bucket.rate.second < bucket.rate.burst
        }


def authority(name: str, port: int) -> set[str]:
    """How browsers write a name and a port in Host."""
    shown = f"[{name}]" if ":" in name else name
    return {f"{shown}:{port}".lower()} | ({shown.lower()} if port == 80 else set())


class Guard:
    """ASGI around an application. ``names``: under which it may be asked, beside loopback's."""

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str],
        port: int,
        rates: Rates | None = None,
    ) -> None:
        self.app = app
        every = ("localhost", "127.0.0.1", "::1", *names)
        self.hosts = set().union(*(authority(name, port) for name in every))
        self.rates = rates or Rates(RATES)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be asked; refuse the rest."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:  # the start and the end of the server
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(scope, send)
        try:
            self._check(scope)
            if scope["method"] in WRITING:
                receive = _replay(await _body(scope, receive), receive)
            await self.app(scope, receive, answer)
        except Refused as refused:
            await answer.refuse(refused)
        except Exception:
            log.exception("a request failed: %s", _shown(scope))
            if not answer.started:
                await answer.refuse(Refused(500, "Something went wrong here; it was written down."))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = _address(scope)
        try:
            self._check(scope)
            if self._open[address] >= MOST_SOCKETS:
                raise Refused(429, "Too many pages are open from this address.")
        except Refused as refused:
            await receive()  # its wish to connect
            await _refuse_socket(scope, send, refused)
            return
        self._open[address] += 1
        try:
            await self.app(scope, _frames(receive, send), send)
        except Exception:
            log.exception("a connection failed: %s", _shown(scope))
        finally:
            self._open[address] -= 1
            self._open += Counter()  # drops those with none

    def _check(self, scope: Scope) -> None:
        headers, path, address = Headers(scope=scope), scope["path"], _address(scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise Refused(400, "This server does not go by that name: use the address it printed.")
        socket = scope["type"] == "websocket"
        kind = _kind(scope, path)
        if not self.rates.take(address, kind):
            raise Refused(429, "Too many requests at once: wait a few seconds.", wait=5)
        if socket and not path.startswith(SOCKET):
            raise Refused(403, "There is no connection of that name here.")
        if not socket and scope["method"] not in METHODS:
            raise Refused(405, "That is not how this server is asked.")
        if len(path) > LONGEST_PATH or len(scope.get("query_string", b"")) > LONGEST_QUERY:
            raise Refused(414, f"The address is too long: at most {LONGEST_QUERY} characters.")
        # A page of another site can be made to open anything here, but its browser says so.
        if kind in ("api", "write", "socket") or path.startswith(SOCKET):
            _check_origin(headers, hosts[0], needed=socket and not _loopback(address))


def _kind(scope: Scope, path: str) -> str:
    if scope["type"] == "websocket":
        return "socket"
    if path.startswith(API):
        return "api"
    if scope["method"] in WRITING:
        return "write"
    return "file" if path.startswith(FILES) else "page"


def _check_origin(headers: Headers, host: str, *, needed: bool) -> None:
    origins = headers.getlist("origin")
    if not origins and not needed:
        same = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    else:
        same = len(origins) == 1 and _host_of(origins[0]) == host.lower()
    if not same:
        raise Refused(403, "This was sent by the page of another site, and is not answered.")


def _host_of(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme == "http" else None


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _shown(scope: Scope) -> str:
    return f"{scope.get('method', 'connection')} {scope['path'][:200]!a}"


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises Refused where it is too large, too slow, or breaks off."""
    most = LARGEST_API_BODY if scope["path"].startswith(API) else LARGEST_BODY
    too_large = Refused(413, f"That is too large: at most {most} bytes.")
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > most:
        raise too_large
    found, more = bytearray(), True
    try:
        async with asyncio.timeout(SECONDS_FOR_BODY):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request broke off.")
                found += message.get("body", b"")
                more = message.get("more_body", False)
                if len(found) > most:
                    raise too_large
    except TimeoutError:
        raise Refused(408, "The request came too slowly.") from None
    return bytes(found)


def _frames(receive: Receive, send: Send) -> Receive:
    """Frames of a connection: text of a known beginning, and not too many at once."""
    bucket = Bucket(FRAMES, FRAMES.burst, time.monotonic())

    async def checked() -> Message:
        message = await receive()
        if message["type"] != "websocket.receive":
            return message
        while not bucket.take(time.monotonic()):
            await asyncio.sleep(1.0 / FRAMES.second)
        if (message.get("text") or "?")[0] not in UNDERSTOOD:
            reason = "That is not understood here."
            await send({"type": "websocket.close", "code": 1003, "reason": reason})
            return {"type": "websocket.disconnect", "code": 1003}
        return message

    return checked


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _refusal(refused: Refused, *, as_json: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
    text = json.dumps({"message": refused.words}) if as_json else f"{refused.words}\n"
    body = text.encode()
    kind = b"application/json" if as_json else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if refused.wait is not None:
        headers.append((b"retry-after", str(refused.wait).encode()))
    return headers, body


async def _refuse_socket(scope: Scope, send: Send, refused: Refused) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refused.words})
        return
    headers, body = _refusal(refused, as_json=False)
    start = {"status": refused.status, "headers": headers}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": body})


class _Answer:
    """``send`` that adds the headers that every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self.send, self.started = scope, send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            host = Headers(scope=self.scope).get("host", "")
            for name, value in HEADERS.items():
                headers[name] = value
            headers["content-security-policy"] = POLICY.format(host=host)
            if self.scope["path"].startswith(API):
                headers["cache-control"] = "no-store"
        await self.send(message)

    async def refuse(self, refused: Refused) -> None:
        as_json = self.scope["path"].startswith(API)
        headers, body = _refusal(refused, as_json=as_json)
        start = {"type": "http.response.start", "status": refused.status, "headers": headers}
        if refused.status == 400:  # the Host of a stranger does not go into a header
            self.scope = {**self.scope, "headers": []}
        await self(start)
        await self.send({"type": "http.response.body", "body": body})
