"""The door of the server: names, origins, sizes, rates, headers, and what happens to errors."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from experiments.workshop.guard import (
    LARGEST_API_BODY,
    LARGEST_BODY,
    LONGEST_QUERY,
    RATES,
    Guard,
    Rate,
    Rates,
)
from experiments.workshop.logs import OneLine

PORT = 8101
OWN = f"http://127.0.0.1:{PORT}"
LAN = "192.168.1.5"
SOCKET = "/_nicegui_ws/socket.io/"


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())}")


async def fail(request: Request) -> Response:
    raise RuntimeError("secret words")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())


def guard(rates: Rates | None = None, names: tuple[str, ...] = (LAN,)) -> Guard:
    routes = [
        Route("/en", echo, methods=["GET", "POST"]),
        Route("/api/run", echo, methods=["POST"]),
        Route("/api/fails", fail),
        Route("/fails", fail),
        WebSocketRoute(SOCKET, talk),
        WebSocketRoute("/other", talk),
    ]
    return Guard(Starlette(routes=routes), names, PORT, rates)


def client(base: str = OWN, address: str = "127.0.0.1", **given: Any) -> TestClient:
    return TestClient(guard(**given), base_url=base, client=(address, 5000))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", LAN, "LOCALHOST"])
def test_own_names_are_answered(name: str) -> None:
    assert client().get("/en", headers={"host": f"{name}:{PORT}"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:80",
        f"127.0.0.1:{PORT}.evil.example",
        f"192.168.1.6:{PORT}",
        "",
        f"127.0.0.1:{PORT}\x00",
    ],
)
def test_other_names_are_not(host: str) -> None:
    answer = client().get("/en", headers={"host": host})
    assert answer.status_code == 400
    assert "name" in answer.text
    assert host == "" or host not in str(answer.headers)


def test_names_without_a_port_are_own_on_port_80_alone() -> None:
    found = Guard(Starlette(), (), 80)
    assert "localhost" in found.hosts
    assert "localhost" not in guard().hosts


def test_a_network_name_is_not_answered_unless_it_was_shared() -> None:
    assert client(names=()).get("/en", headers={"host": f"{LAN}:{PORT}"}).status_code == 400


BAD_ORIGINS = ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:8101", "x"]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
@pytest.mark.parametrize("path", ["/api/run", "/en"])
def test_what_another_site_posts_is_refused(path: str, origin: str) -> None:
    assert client().post(path, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("path", ["/api/run", "/en"])
def test_own_pages_and_programs_may_post(path: str) -> None:
    assert client().post(path, headers={"origin": OWN}).status_code == 200
    assert client().post(path).status_code == 200
    assert client().post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_another_site_may_link_to_a_page() -> None:
    headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert client().get("/en", headers=headers).status_code == 200


def refused(found: TestClient, headers: dict[str, str], path: str = SOCKET) -> int:
    """Status of the answer to a wish to connect; 101 where it is granted."""
    own = {"host": f"127.0.0.1:{PORT}"}
    try:
        with found.websocket_connect(path, headers={**own, **headers}):
            return 101
    except WebSocketDenialResponse as answer:
        return int(answer.status_code)


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_a_connection_of_another_site_is_refused(origin: str) -> None:
    assert refused(client(), {"origin": origin}) == 403
    assert refused(client(), {"host": "evil.example", "origin": "http://evil.example"}) == 400
    assert refused(client(), {"origin": OWN}, "/other") == 403


def test_a_connection_without_origin_is_only_for_programs_on_this_machine() -> None:
    assert refused(client(), {}) == 101
    assert refused(client(address="192.168.1.7"), {}) == 403
    assert refused(client(address="192.168.1.7"), {"origin": OWN}) == 101


def test_frames_that_no_browser_sends_close_the_connection() -> None:
    with client().websocket_connect(SOCKET, headers={"host": f"127.0.0.1:{PORT}"}) as socket:
        socket.send_text("4good")
        assert socket.receive_text() == "4good"
        socket.send_bytes(b"\xff")
        assert socket.receive()["code"] == 1003


def test_sizes_are_limited() -> None:
    assert client().post("/en", content=b"x" * LARGEST_BODY).text == str(LARGEST_BODY)
    assert client().post("/en", content=b"x" * (LARGEST_BODY + 1)).status_code == 413
    answer = client().post("/api/run", content=b"x" * (LARGEST_API_BODY + 1))
    assert answer.status_code == 413
    assert str(LARGEST_API_BODY) in answer.json()["message"]
    assert client().get(f"/en?s={'x' * (LONGEST_QUERY - 2)}").status_code == 200
    assert client().get(f"/en?s={'x' * LONGEST_QUERY}").status_code == 414
    assert client().get(f"/{'x' * 2000}").status_code == 414


def test_the_length_that_a_body_claims_is_not_believed() -> None:
    def parts() -> Any:
        for _ in range(LARGEST_BODY // 1000 + 1):
            yield b"x" * 1000

    assert client().post("/en", content=parts()).status_code == 413
    assert client().post("/en", headers={"content-length": "-1"}).status_code == 413


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_odd_methods_are_refused(method: str) -> None:
    assert client().request(method, "/en").status_code == 405


def test_rates_are_kept_per_address_and_come_back() -> None:
    now = [0.0]
    rates = Rates({**RATES, "page": Rate(2, 1.0)}, clock=lambda: now[0])
    app = guard(rates)
    one = TestClient(app, base_url=OWN, client=("192.168.1.7", 1))
    other = TestClient(app, base_url=OWN, client=("192.168.1.8", 1))
    assert [one.get("/en").status_code for _ in range(3)] == [200, 200, 429]
    assert int(one.get("/en").headers["retry-after"]) > 0
    assert other.get("/en").status_code == 200
    now[0] = 1.0
    assert [one.get("/en").status_code for _ in range(2)] == [200, 429]


def test_addresses_that_are_quiet_are_forgotten() -> None:
    now = [0.0]
    rates = Rates({"page": Rate(1, 1.0)}, clock=lambda: now[0], most=10)
    for i in range(100):
        now[0] = 10.0 * i
        assert rates.take(f"address {i}", "page")
    assert len(rates._buckets) <= 10


@pytest.mark.parametrize("path", ["/en", "/missing", "/api/fails", "/fails"])
def test_every_answer_carries_the_headers(path: str) -> None:
    headers = client().get(path).headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert f"connect-src 'self' ws://127.0.0.1:{PORT};" in policy
    assert "http:" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    assert "access-control-allow-origin" not in headers


def test_an_error_is_one_line_in_the_log_and_a_sentence_in_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = TestClient(guard(), base_url=OWN, raise_server_exceptions=False).get("/api/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    lines = [OneLine().format(record) for record in caplog.records]
    assert len(lines) == 1
    assert "RuntimeError: secret words (test_guard.py:" in lines[0]
    assert "\n" not in lines[0]
    assert "Traceback" not in lines[0]


def test_what_is_logged_cannot_begin_a_line_of_its_own() -> None:
    record = logging.makeLogRecord({"msg": "a\nb\x1b[31m\r12:00:00 ERROR forged", "levelname": "X"})
    assert OneLine().format(record).endswith("a b?[31m 12:00:00 ERROR forged")
