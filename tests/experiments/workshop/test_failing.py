"""What a page says where long work fails, and that nobody's work is done for nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nicegui import Client
from starlette.requests import Request

from experiments.workshop import compare_view, export_view, room_view, why_view
from experiments.workshop.compare_view import Comparison
from experiments.workshop.elements import Tag
from experiments.workshop.engine import Engine
from experiments.workshop.export_view import KINDS
from experiments.workshop.graphs import graph_list
from experiments.workshop.host import Host
from experiments.workshop.page import page_of
from experiments.workshop.room import Desk, Room
from experiments.workshop.room_view import _Door
from experiments.workshop.session import Session
from experiments.workshop.turns import TURN
from experiments.workshop.view import OWN, View
from experiments.workshop.wording import words_of
from scenarios.schema import ScenarioFile

TOKEN = "token-of-a-test"
MOVED = View(scenario=ScenarioFile(id=OWN, levers={"SD1": 60.0}))
SCOPE = {"type": "http", "method": "GET", "path": "/en", "root_path": "", "scheme": "http"}
REQUEST = Request(
    {**SCOPE, "query_string": b"", "headers": [], "server": ("x", 80), "client": None}
)


class Page:
    """A page that no browser has opened, what it holds, and its host."""

    def __init__(self, client: Client, engine: Engine) -> None:
        self.client = client
        words = words_of("en", engine.library.texts)
        self.session = Session(engine, words, MOVED, lambda call: call())
        self.say, self.words = words.say, words
        made = {"engine": engine, "graphs": graph_list(engine), "room": Room(TOKEN)}
        self.host = cast(Host, SimpleNamespace(**made, addresses=("http://x",)))

    def texts(self) -> str:
        """All that stands there."""
        tags = (one for one in self.client.elements.values() if isinstance(one, Tag))
        return "\n".join(one.text for one in tags)


def on_page(engine: Engine, act: Callable[[Page], Awaitable[None]]) -> None:
    async def run() -> None:
        made: Any = page_of("en", "/test-of-failing")
        client = Client(made, request=REQUEST)
        with client:
            await act(Page(client, engine))
        if client.id in Client.instances:
            client.delete()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work is done at once, not in another thread."""

    async def at_once(call: Callable[..., Any], *given: Any) -> Any:
        return call(*given)

    for module in (why_view, compare_view, export_view):
        monkeypatch.setattr(module.run, "io_bound", at_once)
    yield
    assert not TURN.locked()  # whoever comes next has it


def broken(*_: object) -> Any:
    raise RuntimeError("no such place in an array")


def test_why_tells_a_fault_in_words(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(why_view, "explain", broken)

    async def act(page: Page) -> None:
        await why_view._WhyView(page.session, page.host, 0).open()
        assert page.say("why.broken") in page.texts()
        assert "no such place" not in page.texts()

    with caplog.at_level(logging.ERROR):
        on_page(engine, act)
    assert [one.message for one in caplog.records] == ["why a graph changed"]


def test_a_comparison_tells_a_fault_in_words_and_keeps_it_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "answer", broken)

    async def act(page: Page) -> None:
        await Comparison(page.session, page.host).open()
        assert page.say("compare.broken", name=page.say("drawer.own")) in page.texts()
        assert "no such place" not in page.texts()
        assert page.say("compare.done", draws=engine.draws) not in page.texts()

    with caplog.at_level(logging.ERROR):
        on_page(engine, act)
    assert [one.message for one in caplog.records] == ["a comparison"]


def test_an_export_stops_when_its_page_is_gone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []

    async def act(page: Page) -> None:
        export = export_view._Export(page.session, page.host)
        values = engine.values

        def leaves(*given: Any) -> Any:
            runs.append(1)
            page.client.delete()  # while its first scenario runs
            return values(*given)

        monkeypatch.setattr(engine, "values", leaves)
        others = (MOVED.scenario.model_copy(update={"title": name}) for name in "AB")
        page.session.view = View(scenario=MOVED.scenario, saved=tuple(others), overlaid=(0, 1))
        await export._make(KINDS[1])
        assert export._gone

    on_page(engine, act)
    assert runs == [1]
    assert not caplog.records


@pytest.mark.parametrize("back", [True, False])
def test_the_facilitator_is_asked_what_becomes_of_an_earlier_workshop(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    before = Room(TOKEN)
    before.send("a", MOVED.scenario.model_copy(update={"title": "Told in confidence"}))
    desk = before.desk(TOKEN, "")
    assert desk is not None
    held = {"held": desk.held()}
    settled: list[tuple[Desk, int]] = []
    monkeypatch.setattr(room_view, "focus", lambda *_: None)  # there is no browser

    async def act(page: Page) -> None:
        door = _Door(page.host, page.words, page.client, asyncio.get_running_loop())
        kept: list[dict[str, Any]] = []
        monkeypatch.setattr(door._keeper, "keep", kept.append)
        monkeypatch.setattr(door, "_settle", lambda d, h, n=0: settled.append((d, n)))
        door._enter(TOKEN, held)
        assert settled == []
        assert page.say("room.earlier", count=1) in page.texts()
        pressed = f"room-earlier-{'back' if back else 'delete'}"
        (one,) = (e for e in page.client.elements.values() if e.props.get("data-df") == pressed)
        (listener,) = one._event_listeners.values()
        assert listener.handler is not None
        cast(Any, listener.handler)(None)
        ((found, count),) = settled
        assert len(found.collected()) == count == (1 if back else 0)
        assert found.earlier(held["held"]) == 0
        assert ({"held": None, "shown": []} in kept) is not back

    on_page(engine, act)
