"""The facilitator's page: what the room sent, in large graphs and tables, and what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from experiments.workshop.address import address
from experiments.workshop.answers import LAST_YEAR
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button, focus, picture
from experiments.workshop.estimate import SHARE
from experiments.workshop.fields import hidden
from experiments.workshop.files import file_of
from experiments.workshop.room import ENDED, FROZEN, OPEN, Collected, Desk, titles
from experiments.workshop.room_board import (
    MOST_MOVED,
    MOST_SHOWN,
    Board,
    archive,
    most_moved,
    moved_rows,
    result_rows,
    told_moves,
)
from experiments.workshop.room_graph import RoomGraph, graph_of
from experiments.workshop.share import only_here
from experiments.workshop.sharing import qr_code
from experiments.workshop.twins import title_of, unit_of
from experiments.workshop.view import View
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.view import Graph
    from experiments.workshop.wording import Words

QUIET = 5.0  # seconds between two announcements
PACE = 1.0  # seconds between two looks of the table


class Keeper(Element, component="room_keeper.js"):
    """What the browser tab holds."""

    def keep(self, more: dict[str, Any]) -> None:
        """Hold this too, in place of what was held under the same keys."""
        self.run_method("keep", more)


class RoomList(Element, component="room_list.js"):
    """The collected scenarios; ``acted`` hears what is to be done with which."""

    def __init__(self, words: dict[str, str], acted: Callable[[str, str], None]) -> None:
        super().__init__()
        self._props["words"] = words
        self.show([])

        def heard(event: GenericEventArguments) -> None:
            given = event.args if isinstance(event.args, dict) else {}
            acted(str(given.get("what")), str(given.get("key")))

        self.on("act", heard)

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows."""
        self._props["rows"] = rows
        self.update()


class RoomTable(Element, component="room_table.js"):
    """A table of text."""

    def show(self, caption: str, head: list[str], rows: list[tuple[str, ...]]) -> None:
        """Show this."""
        found = {"caption": caption, "head": head, "rows": [list(row) for row in rows]}
        if found != {key: self._props.get(key) for key in found}:
            self._props.update(found)
            self.update()


class DeskView:
    """The page of one facilitator."""

    def __init__(
        self,
        desk: Desk,
        host: Host,
        words: Words,
        keeper: Keeper,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.desk, self.host, self.words, self.say = desk, host, words, words.say
        self.keeper = keeper

        def later(call: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)

        self.board = Board(host.engine, later, self._answered)
        self._known = {one.key for one in desk.collected()}
        self._arrived, self._dirty = 0, True
        self._state = OPEN
        self._kept: dict[str, Any] = {}
        self._end = dialog(self.say("room.end"))
        self._delete = dialog("")
        self._join = dialog(self.say("room.join"), wide=True)
        self._build_head()
        with Tag("div", classes="df-room-main", id="df-room-main", tabindex=-1):
            self._build_list()
            self._build_graphs()
            self._build_tables()
        Tag("p", self.say("room.kept"), "df-room-kept")
        ui.timer(QUIET, self._announce)
        ui.timer(PACE, self._show_results)
        client, stop = ui.context.client, desk.room.listen(self._heard)
        self.client = client

        def gone() -> None:
            stop()
            self.board.close()

        client.on_delete(gone)
        self._heard()

    # Building

    def _build_head(self) -> None:
        say = self.say
        with Tag("header", classes="df-room-head"):
            Tag("h1", say("room.heading"), tabindex=-1, data_df="room-heading")
            with Tag("p", classes="df-room-state"):
                self._state_shown = Tag("strong")
                self._counts = Tag("span")
            with Tag("div", classes="df-room-right"):
                self._build_tools()
                self._build_leave()
        self._said = Tag("p", classes="df-room-said", role="status")
        self._voice = hidden("p", aria_live="polite")

    def _build_tools(self) -> None:
        say = self.say
        with Tag("div", classes="df-room-tools", role="group", aria_label=say("room.heading")):
            button(say("room.join"), self._open_join, data_df="room-join")
            self._freeze = button("", self._freeze_pressed, data_df="room-freeze")
            button(say("room.download"), self._download, data_df="room-download")
            self._ender = button("", self._end_pressed, "df-button df-room-end")
            self._ender.attribute("data-df", "room-end")

    def _build_leave(self) -> None:
        say, language = self.say, self.words.language
        with Tag("div", classes="df-room-leave"):
            with Tag("nav", classes="df-languages", aria_label=say("room.languages")):
                for one in LANGUAGES:
                    link = Tag("a", one.upper(), "df-language", lang=one, href=f"/{one}/room")
                    link.attribute("hreflang", one)
                    link.attribute("aria-label", f"{one.upper()} {say(f'language.{one}')}")
                    link.attribute("aria-current", "true" if one == language else None)
            Tag("a", say("room.back"), "df-room-back", href=f"/{language}")

    def _build_list(self) -> None:
        say = self.say
        with Tag("section", classes="df-room-collected", aria_labelledby="df-room-list"):
            Tag("h2", say("room.list"), id="df-room-list")
            self._about = Tag("p", say("room.list.about", most=MOST_SHOWN), "df-room-about")
            named = {"open": say("room.list.open"), "nothing": say("room.list.nothing")}
            self._list = RoomList(named, self._acted)
            with Tag("div", classes="df-room-empty") as self._empty:
                Tag("p", say("room.list.empty"))
                Tag("h3", say("room.join"))
                self._build_join()

    def _build_join(self) -> None:
        first, *others = (f"{one.rstrip('/')}/" for one in self.host.addresses)
        Tag("p", self.say("room.join.about"))
        Tag("p", first, "df-room-address")
        code = qr_code(first)
        if only_here(first):
            Tag("p", self.say("room.join.alone"), "df-room-about")
        elif code is not None:
            picture(code, self.say("room.join.code", address=first), "df-room-qr")
        if others:
            told = ", ".join(others)
            Tag("p", self.say("room.join.others", addresses=told), "df-room-about")

    def _build_graphs(self) -> None:
        with Tag("section", classes="df-room-graphs", aria_labelledby="df-room-graphs"):
            Tag("h2", self.say("room.graphs"), id="df-room-graphs")
            self._hint = Tag("p", self.say("room.graph.none"), "df-room-about")
            with Tag("div", classes="df-room-pair"):
                self._graphs = [
                    RoomGraph(self.board, self.host, self.words, number, self._chosen)
                    for number in range(len(self.board.graphs))
                ]
            self._build_legend()

    def _build_legend(self) -> None:
        say = self.say
        with Tag("ul", classes="df-room-legend", aria_label=say("page.legend")):
            for sign, told in (("band", "bands"), ("", "policy"), ("dot", "dots"), ("end", "end")):
                with Tag("li"):
                    if sign:
                        Tag("span", classes=f"df-{sign}", aria_hidden=True)
                    Tag("span", say(f"room.legend.{told}"))

    def _build_tables(self) -> None:
        say = self.say
        with Tag("section", classes="df-room-results", aria_labelledby="df-room-results"):
            Tag("h2", say("room.results", year=LAST_YEAR), id="df-room-results")
            Tag("p", say("room.results.about"), "df-room-about")
            self._results = RoomTable()
        with Tag("section", classes="df-room-most", aria_labelledby="df-room-most"):
            Tag("h2", say("room.moved"), id="df-room-most")
            Tag("p", say("room.moved.about"), "df-room-about")
            self._moved = RoomTable()
            self._more = Tag("p", classes="df-room-about")

    # Hearing

    def tell(self, words: str) -> None:
        """Say something to who looks at the page."""
        self._said.set_text(words)

    def show_again(self, held: Mapping[str, object]) -> None:
        """Show the graphs and the scenarios in them that the browser held, where there are such."""
        keys = held.get("shown")
        for key in keys[:MOST_SHOWN] if isinstance(keys, list) else ():
            if key in self._known and key not in self.board.shown:
                self.board.choose(key)
        pairs = held.get("graphs")
        found = [graph_of(pair, self.host) for pair in pairs] if isinstance(pairs, list) else []
        first, second = found if len(found) == 2 else (None, None)
        if first is not None and second is not None:
            self.board.graphs = (first, second)
        self._ask()

    def _chosen(self, graphs: tuple[Graph, Graph]) -> None:
        self.board.graphs = graphs
        self.keeper.keep({"graphs": [[one.indicator, one.product] for one in graphs]})
        self._ask()

    def _heard(self) -> None:
        """The room changed: somebody came, went or sent, or a facilitator did something."""
        room, collected = self.desk.room, self.desk.collected()
        told = self.words.count(len(collected)), self.words.count(room.pages)
        self._state_shown.set_text(self.say(f"room.state.{room.state}"))
        self._counts.set_text(self.say("room.counts", scenarios=told[0], pages=told[1]))
        self._freeze.set_text(self.say(f"room.{'unfreeze' if room.state == FROZEN else 'freeze'}"))
        self._freeze.set_visibility(room.state != ENDED)
        self._ender.set_text(self.say("room.begin" if room.state == ENDED else "room.end"))
        if room.state != self._state:
            self._state = room.state
            self.tell(self.say("room.ended") if room.state == ENDED else "")
        held = self.desk.held()
        if held == self._kept:
            return
        self._kept = held
        ended = room.state == ENDED
        self.keeper.keep({"held": None, "shown": []} if ended else {"held": held})
        keys = {one.key for one in collected}
        self._arrived += len(keys - self._known)
        self._known = keys
        self._ask()

    def _ask(self) -> None:
        collected = self.desk.collected()
        self.board.ask(collected)
        self._show_list(collected)
        self._show_moved(collected)
        self._show_drawn(collected)
        self._dirty = True

    def _answered(self) -> None:
        self._dirty = True
        self._show_drawn(self.desk.collected())

    def _announce(self) -> None:
        if self._arrived:
            told = {"count": self._arrived, "all": len(self._known)}
            self._voice.set_text(self.say("room.arrived", **told))
            self._arrived = 0

    # Showing

    def _show_list(self, collected: tuple[Collected, ...]) -> None:
        self._empty.set_visibility(not collected)
        self._about.set_visibility(bool(collected))
        self._list.set_visibility(bool(collected))
        named = titles(collected)
        self._list.show([self._row(one, named[one.key]) for one in collected])

    def _row(self, one: Collected, name: str) -> dict[str, Any]:
        say, library = self.say, self.host.engine.library
        moves = told_moves(one.scenario, library, self.words)
        sender = one.sender or say("room.list.nobody")
        shown = self.board.shown
        return {
            "key": one.key,
            "name": name,
            "sent": say("room.list.sent", sender=sender, clock=one.clock),
            "note": one.scenario.note or "",
            "moved": moves,
            "count": say("room.list.moved", count=len(moves)),
            "shown": shown.index(one.key) + 1 if one.key in shown else 0,
            "link": address(View(scenario=one.scenario, graphs=self.board.graphs), self._language),
            **{key: say(f"room.list.{key}", name=name) for key in ("up", "down", "delete")},
            "open": say("room.list.open.name", name=name),
        }

    @property
    def _language(self) -> str:
        return self.words.language

    def _show_drawn(self, collected: tuple[Collected, ...]) -> None:
        named = titles(collected)
        self._hint.set_visibility(not self.board.shown)
        for graph in self._graphs:
            graph.show([named[key] for key in self.board.shown if key in named])

    def _show_moved(self, collected: tuple[Collected, ...]) -> None:
        say, rows = self.say, most_moved(one.scenario for one in collected)
        columns = ("entry", "scenarios", "low", "median", "high")
        head = [say(f"room.moved.{column}") for column in columns]
        shown = moved_rows(rows[:MOST_MOVED], len(collected), self.words)
        self._moved.show(say("room.moved"), head, shown)
        more = len(rows) - MOST_MOVED
        self._more.set_text(say("room.moved.more", count=more) if more > 0 else "")

    def _show_results(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        say, catalogue = self.say, self.host.engine.catalogue
        head = [say("room.results.scenario")]
        for graph in self.board.graphs:
            title = title_of(graph, self.words, catalogue)
            unit = self.words.unit(unit_of(graph, catalogue))[0]
            points = say("page.points.short") if unit_of(graph, catalogue) == SHARE else unit
            head.append(say("room.results.value", title=title, unit=unit))
            head.append(say("room.results.change", unit=points))
        head.append(say("room.results.draws"))
        rows = result_rows(self.board, self.desk.collected(), self.words, catalogue)
        self._results.show(say("room.results", year=LAST_YEAR), head, rows)

    # Doing

    def _acted(self, what: str, key: str) -> None:
        if what == "pick":
            self._pick(key)
        elif what in ("up", "down"):
            self.desk.move(key, -1 if what == "up" else 1)
        elif what == "delete":
            self._ask_delete(key)

    def _pick(self, key: str) -> None:
        if key not in self._known:
            return
        chosen = self.board.choose(key)
        self.tell("" if chosen else self.say("room.list.most", most=MOST_SHOWN))
        self.keeper.keep({"shown": list(self.board.shown)})
        self._ask()

    def _ask_delete(self, key: str) -> None:
        name = titles(self.desk.collected()).get(key)
        if name is None:
            return

        def done() -> None:
            self._delete.close()
            self.desk.delete(key)
            focus(self.client, "room-heading")  # what had the focus is gone

        self._delete.title = self.say("room.list.delete", name=name)
        about = self.say("room.list.delete.ask", name=name)
        self._confirm(self._delete, about, self.say("room.list.delete.press"), done)

    def _end_pressed(self) -> None:
        if self.desk.room.state == ENDED:
            self.desk.begin()
            return

        def done() -> None:
            self._end.close()
            self.desk.end()

        about = self.say("room.end.about", count=len(self.desk.collected()))
        self._confirm(self._end, about, self.say("room.end.press"), done)

    def _confirm(self, box: Any, about: str, press: str, done: Callable[[], None]) -> None:
        with box:
            Tag("p", about)
            with Tag("div", classes="df-actions"):
                button(press, done, "df-button df-room-end")
                button(self.say("cancel"), box.close)
        box.open()

    def _freeze_pressed(self) -> None:
        self.desk.freeze(self.desk.room.state != FROZEN)

    def _open_join(self) -> None:
        with self._join, Tag("div", classes="df-room-join"):
            self._build_join()
        self._join.open()

    def _download(self) -> None:
        catalogue = self.host.engine.catalogue
        content = archive(self.board, self.desk.collected(), self.words, catalogue, file_of)
        ui.download.content(content, f"{self.say('room.download.file')}.zip", "application/zip")
