"""Five hundred mutated messages, bodies, links and files: each is told, and moves nothing."""

from __future__ import annotations

import base64
import json
import random
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from experiments.workshop.engine import Engine
from experiments.workshop.files import file_of, scenario_of_file
from experiments.workshop.graphs import graph_list
from experiments.workshop.host import Host, ServeOptions
from experiments.workshop.link import WORDS, link_of, view_of
from experiments.workshop.problems import told as problem_told
from experiments.workshop.problems import told_error
from experiments.workshop.room import Room
from experiments.workshop.view import View
from experiments.workshop.wording import words_of
from model.errors import InputError
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.live import WAIT, Live, Visitor, connection, free_port, serving
from tests.experiments.workshop.mutated import ODD, mutated_text, mutated_value

COUNT = 125  # of each kind


@pytest.fixture(scope="module")
def live(engine: Engine) -> Iterator[Live]:
    options = ServeOptions(port=free_port())
    graphs = cast(Any, None)  # the small page has none
    with serving(Host(engine, options, Room("token"), graphs, "token", ())) as found:
        yield found


def no_traceback(live: Live) -> None:
    text = live.log.getvalue()
    assert "Traceback" not in text
    assert not re.search(r"^  File ", text, re.MULTILINE)
    assert "never retrieved" not in text


# Messages of connections


def mutated_event(visitor: Visitor, other: Visitor, chance: random.Random) -> tuple[str, Any]:
    """A message that is nearly one of the page's own, but for one thing at least."""
    own = visitor.event()
    kind = chance.randrange(8)
    if kind == 0:  # another's page, with its own parts
        return "event", other.event()
    if kind == 1:
        name = chance.choice(["javascript_response", "ack", "handshake"])
        told = {"request_id": "x", "level": "error", "message": "x", "next_message_id": 0}
        tab = {"tab_id": other.tab, "document_id": other.document}
        return name, {"client_id": other.page.name, **told, **tab}
    if kind == 2:
        return chance.choice(["connect", "disconnect", "join", "__class__", ""]), own
    if kind == 3:
        return "event", chance.choice(ODD)
    if kind == 4:
        return "ack", {"client_id": visitor.page.name, "next_message_id": chance.choice(ODD[:2])}
    if kind == 5:
        return "javascript_response", {"client_id": visitor.page.name, "result": chance.choice(ODD)}
    if kind == 6:
        del own[chance.choice(["client_id", "id", "listener_id"])]
        return "event", own
    wrong = [one for one in ODD if one not in (own["id"], []) and one != [{}]]
    return "event", {**own, chance.choice(["client_id", "listener_id"]): chance.choice(wrong)}


@pytest.mark.parametrize("seed", range(5))
def test_mutated_messages_are_told_and_move_nobody(live: Live, seed: int) -> None:
    chance = random.Random(seed)
    other = Visitor(live)
    other.click()
    for _ in range(COUNT // 25):  # a connection that sends many of them is closed
        visitor = Visitor(live)
        for number in range(5):
            name, message = mutated_event(visitor, other, chance)
            visitor.emit(name, message)
            until = time.monotonic() + WAIT
            while len(visitor.told) <= number and time.monotonic() < until:
                time.sleep(0.002)
            assert len(visitor.told) == number + 1, (name, message)
            assert visitor.told[-1]["message"].endswith("nothing was changed.")
        assert visitor.page.number == 0
        visitor.click()  # its own page goes on
        visitor.leave()
    assert other.page.number == 1
    assert other.told == []
    other.click()
    other.leave()
    no_traceback(live)


FRAMES: list[str | bytes] = [
    "",
    "4",
    "42",
    "42[",
    "42[]",
    "42{}",
    "42[1]",
    "42[[1],{}]",
    '42["event"]',
    '42["event",{}]',
    '42["event",{},{}]',
    '42["event",' + "[" * 5000,
    '42["event",' + "[" * 500 + "]" * 500 + "]",
    "40",
    "40/other,",
    '40{"a":1}',
    "43[]",
    "431[1]",
    '451-["event",{"_placeholder":true,"num":0}]',
    "44",
    "4999999999999999999999999999",
    "4²",
    "4{}",
    "4[2]",
    "0",
    "2probe",
    "5",
    "6",
    "9",
    "bAAAA",
    "\x00",
    b"",
    b"\x04",
    b"4" * 1000,
]


def raw(live: Live, visitor: Visitor) -> ClientConnection:
    """A connection that knows the name of a page, and has not shown that it is its own."""
    return connection(live, f"client_id={visitor.page.name}")


def told_of(found: ClientConnection, frame: str | bytes) -> str:
    """What a frame is answered with: a message, or why the connection is closed."""
    try:
        found.send(frame)
        return str(found.recv(WAIT))
    except ConnectionClosed as closed:
        return closed.rcvd.reason if closed.rcvd else ""


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_that_no_page_sends_are_told_or_end_the_connection(
    live: Live, frame: str | bytes
) -> None:
    visitor = Visitor(live)
    found = raw(live, visitor)
    assert "understood" in told_of(found, frame)
    found.close()
    visitor.click()
    visitor.leave()
    no_traceback(live)


def test_who_goes_on_with_it_is_left(live: Live) -> None:
    visitor = Visitor(live)
    for _ in range(60):
        if visitor.connected:
            with suppress(ConnectionClosed):
                visitor.emit("event", {})
            time.sleep(0.005)
    until = time.monotonic() + WAIT
    while visitor.connected and time.monotonic() < until:
        time.sleep(0.01)
    assert not visitor.connected
    assert len(visitor.told) <= 40
    no_traceback(live)


def test_no_page_writes_into_the_log_of_the_server(live: Live) -> None:
    visitor, many = Visitor(live), Visitor(live)
    told = {"level": "error", "message": "said by a browser"}
    visitor.emit("log", {"client_id": visitor.page.name, **told})
    visitor.click()  # messages are read in turn; its page goes on
    for number in range(60):
        if many.connected:
            with suppress(ConnectionClosed):
                many.emit("log", {"client_id": many.page.name, **told} if number % 2 else number)
            time.sleep(0.005)
    until = time.monotonic() + WAIT
    while many.connected and time.monotonic() < until:
        time.sleep(0.01)
    assert not many.connected
    assert visitor.told == many.told == []
    assert "said by a browser" not in live.log.getvalue()
    visitor.leave()
    no_traceback(live)


def test_a_message_that_is_too_large_ends_its_connection_alone(live: Live) -> None:
    visitor, other = Visitor(live), Visitor(live)
    found = raw(live, visitor)
    found.send('42["event",{"a":"' + "x" * 1_100_000 + '"}]')
    with pytest.raises(ConnectionClosed):
        found.recv(WAIT)
    other.click()
    for one in (visitor, other):
        one.leave()
    no_traceback(live)


def test_a_page_that_fails_on_what_it_is_sent_is_one_line_in_the_log(live: Live) -> None:
    visitor = Visitor(live)
    visitor.click(args=['{"value": "none"}'])
    visitor.click()
    assert "ValueError: invalid literal" in live.log.getvalue()
    visitor.leave()
    no_traceback(live)


def test_a_stranger_does_not_take_over_a_page(live: Live) -> None:
    visitor = Visitor(live)
    found = raw(live, visitor)  # it knows the page, but not its tab
    own = {"client_id": visitor.page.name, "tab_id": "mine", "document_id": "mine"}
    found.send("420" + json.dumps(["handshake", own]))
    assert str(found.recv(WAIT)) == "430[false]"
    found.send("42" + json.dumps(["event", visitor.event()]))
    assert "does not speak for that page" in str(found.recv(WAIT))
    assert visitor.page.number == 0
    found.close()
    visitor.leave()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "client_id=x",
        "client_id=x&implicit_handshake=true",
        "implicit_handshake=true&tab_id=%00",
    ],
)
def test_odd_addresses_of_connections_are_told(live: Live, query: str) -> None:
    address = live.address.replace("http", "ws")
    path = f"/_nicegui_ws/socket.io/?EIO=4&transport=websocket&{query}"
    with connect(f"{address}{path}", origin=Origin(live.address)) as found:
        assert str(found.recv(WAIT)).startswith("0{")
        found.send("40")
        assert re.match(r'44\{"message":"[^"]+|40\{', str(found.recv(WAIT)))
    no_traceback(live)


def test_connections_other_than_websockets_are_refused(live: Live) -> None:
    answer = httpx.get(f"{live.address}/_nicegui_ws/socket.io/?EIO=4&transport=polling")
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


# What NiceGUI serves


@pytest.mark.parametrize(
    "path",
    [
        "/_nicegui/3.18.0/resources/x/../../../../etc/passwd",
        "/_nicegui/3.18.0/static/..%2f..%2f..%2fsetup.py",
        "/_nicegui/3.18.0/components/%2e%2e/%2e%2e/x",
        "/_nicegui/3.18.0/libraries/../../x",
        "/_nicegui/3.18.0/esm/x/..%2f..%2fx",
        "/static/../serve.py",
        "/static/..%2fserve.py",
        "/static//etc/passwd",
        "/.nicegui/storage-general.json",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/%00",
        "/en/../../x",
    ],
)
def test_no_path_leads_out(live: Live, path: str) -> None:
    answer = httpx.get(f"{live.address}{path}")
    assert answer.status_code in (400, 403, 404)
    assert "Traceback" not in answer.text
    assert "site-packages" not in answer.text
    no_traceback(live)


def test_pages_that_are_not_there_or_fail_say_so_in_their_language(live: Live) -> None:
    missing = httpx.get(f"{live.address}/fr/nothing")
    assert missing.status_code == 404
    assert "Il n’y a pas de page" in missing.text
    german = httpx.get(f"{live.address}/x", headers={"accept-language": "de-BE,fr;q=0.5"})
    assert '<html lang="de">' in german.text
    api = httpx.get(f"{live.address}/api/nothing")
    assert (api.status_code, api.json().keys()) == (404, {"message"})
    broken = httpx.get(f"{live.address}/nl")
    assert broken.status_code == 500
    assert "Er ging iets mis" in broken.text
    assert "secret" not in broken.text
    until = time.monotonic() + WAIT  # it is written down after it was answered
    while "secret words" not in live.log.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    assert live.log.getvalue().count("RuntimeError: secret words (live.py:") == 1
    no_traceback(live)


# Bodies of the API


GOOD = {
    "scenario": {"id": "mine", "levers": {"SD1": 50, "1.1": 20}, "trends": {"F1": -30}},
    "graphs": [{"indicator": "problematic_prevalence", "product": "alcohol"}],
    "draws": 2,
    "levels": [0.5],
}


def test_mutated_bodies_are_told(live: Live) -> None:
    chance = random.Random(1)
    refused = 0
    with httpx.Client(base_url=live.address) as client:
        for number in range(COUNT):
            if number % 2:
                content = mutated_text(json.dumps(GOOD), chance).encode()
            else:
                content = json.dumps(mutated_value(GOOD, chance)).encode()
            answer = client.post("/api/run", content=content)
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 400:
                refused += 1
                assert answer.json()["message"], content
    assert refused > COUNT // 2
    no_traceback(live)


# Links and files


@pytest.fixture(scope="module")
def good() -> View:
    scenario = ScenarioFile(
        id="this-one",
        title="Ours",
        note="Two lines\nof a note",
        levers={"SD1": 50, "1.1": 20, "alcohol-excise": 75},
        trends={"F1": -30},
    )
    return View(scenario=scenario, saved=(scenario, scenario), overlaid=(1,), card="SD1")


def mutated_state(link: str, chance: random.Random) -> str:
    """A link of good form that holds something odd."""
    version, _, packed = link.partition(".")
    opener, packer = zlib.decompressobj(zdict=WORDS), zlib.compressobj(9, zdict=WORDS)
    state = json.loads(opener.decompress(base64.urlsafe_b64decode(packed + "==")))
    told = json.dumps(mutated_value(state, chance)).encode()
    odd = packer.compress(told) + packer.flush()
    return f"{version}.{base64.urlsafe_b64encode(odd).decode().rstrip('=')}"


def test_mutated_links_are_told(engine: Engine, good: View) -> None:
    chance, graphs = random.Random(2), graph_list(engine)
    words = [words_of(language, engine.library.texts) for language in LANGUAGES]
    link = link_of(good)
    assert view_of(link, engine.library, graphs) == (good, [])
    told = 0
    for number in range(COUNT):
        damaged = number % 3 == 0
        odd = mutated_text(link, chance) if damaged else mutated_state(link, chance)
        view, problems = view_of(odd, engine.library, graphs)
        told += any(problems)
        assert all(problem_told(one, said) for one in problems for said in words)
        assert problems or view == good or not damaged
        engine.plan(view.scenario)  # what is shown can be run
        again, none = view_of(link_of(view), engine.library, graphs)
        assert (again, none) == (view, [])
    assert told > COUNT // 2


def test_mutated_files_are_told(engine: Engine, good: View) -> None:
    chance, refused = random.Random(3), list[InputError]()
    words = [words_of(language, engine.library.texts) for language in LANGUAGES]
    text = file_of(good.scenario, {})
    assert scenario_of_file("ours.yaml", text.encode(), engine.library).levers
    for number in range(COUNT):
        content = mutated_text(text, chance).encode()
        if number % 5 == 0:
            content = content[: chance.randrange(len(content))] + chance.randbytes(4)
        try:
            engine.plan(scenario_of_file("ours.yaml", content, engine.library))
        except InputError as error:
            refused.append(error)
    assert len(refused) > COUNT // 3
    assert all(told_error(error, said) for error in refused for said in words)
