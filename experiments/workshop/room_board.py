"""What a room's scenarios come to: answers of the engine, tables, and files to take away."""

from __future__ import annotations

import csv
import io
import math
import statistics
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from experiments.workshop.answers import LAST_YEAR, Answer, Ask, Fan
from experiments.workshop.entries import entries, entry_name
from experiments.workshop.export import safe_cell
from experiments.workshop.export_numbers import slug
from experiments.workshop.moved import moved_of
from experiments.workshop.room import Collected, titles
from experiments.workshop.twins import END, signed, title_of, unit_of
from experiments.workshop.view import START, Graph
from experiments.workshop.wording import Words
from scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from model.catalogue import Catalogue
    from scenarios.library import Library

MOST_SHOWN = 3
MOST_MOVED = 12  # rows of what the room moved most
LOW, MEDIAN, HIGH = 0, 2, 4  # of LEVELS
COLUMNS = (
    "scenario",
    "sent_by",
    "time",
    "note",
    "graph",
    "year",
    "unit",
    "median",
    "low90",
    "high90",
    "change_median",
    "change_low90",
    "change_high90",
    "draws",
)
Row = tuple[str, ...]


@dataclass
class Board:
    """Answers for the scenarios of a room on two graphs, for one page of the facilitator.

    ``later``: how a call from the engine's thread reaches the event loop; ``heard``: something was
    answered.
    """

    engine: Engine
    later: Callable[[Callable[[], None]], None]
    heard: Callable[[], None]
    graphs: tuple[Graph, Graph] = START
    shown: tuple[str, ...] = ()  # keys of those in the graphs
    answers: dict[str, Answer] = field(default_factory=dict)
    _key: str = field(default_factory=lambda: uuid4().hex)
    _asked: tuple[object, ...] = ()

    def choose(self, key: str) -> bool:
        """Show a scenario in the graphs, or no more; False where there is no room for it."""
        if key in self.shown:
            self.shown = tuple(one for one in self.shown if one != key)
        elif len(self.shown) < MOST_SHOWN:
            self.shown = (*self.shown, key)
        else:
            return False
        return True

    def ask(self, collected: Sequence[Collected]) -> None:
        """Ask for all scenarios, those in the graphs first; nothing where all is asked already."""
        there = {one.key: one for one in collected}
        self.shown = tuple(key for key in self.shown if key in there)
        rest = [key for key in there if key not in self.shown]
        keys, graphs = (*self.shown, *rest), self.graphs
        self.answers = {k: a for k, a in self.answers.items() if k in there and _of(a, graphs)}
        now = (keys, graphs)
        if now == self._asked:
            return
        self._asked = now
        if not keys:
            self.engine.forget(self._key)
            return

        def told(number: int, answer: Answer) -> None:
            self.later(lambda: self._answered(now, keys[number], answer))

        scenarios = tuple(there[key].scenario for key in keys)
        self.engine.ask(Ask(self._key, scenarios, graphs, told))

    def _answered(self, asked: tuple[object, ...], key: str, answer: Answer) -> None:
        if asked == self._asked:
            self.answers[key] = answer
            self.heard()

    def close(self) -> None:
        """The page is gone."""
        self._asked = ()
        self.engine.forget(self._key)

    def fan(self, key: str, graph: int) -> Fan | None:
        """One scenario in one graph, None until it is answered or where it could not be."""
        answer = self.answers.get(key)
        return None if answer is None or not answer.fans else answer.fans[graph]


def _of(answer: Answer, graphs: Sequence[Graph]) -> bool:
    return not answer.fans or tuple(fan.graph for fan in answer.fans) == tuple(graphs)


def told_moves(scenario: ScenarioFile, library: Library, words: Words) -> list[str]:
    """What a scenario moves, with its positions."""
    return [f"{one.name} {one.position}".strip() for one in moved_of(scenario, library, words)]


def _place(words: Words, position: float) -> str:
    return f"{'+' if position > 0 else '−'}{words.plain(abs(position))}" if position else "0"


@dataclass(frozen=True)
class Moved:
    """How often a room moved one entry, and how far: positions where it has any."""

    entry: str
    count: int
    low: float
    median: float
    high: float


def most_moved(scenarios: Iterable[ScenarioFile]) -> list[Moved]:
    """All entries that were moved, those of most scenarios first."""
    found: dict[str, list[float]] = {}
    for scenario in scenarios:
        for entry, position in entries(scenario).items():
            found.setdefault(entry, []).append(math.nan if position is None else position)
    rows = [
        Moved(entry, len(all_), min(all_), statistics.median(all_), max(all_))
        for entry, all_ in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.count, row.entry))


def moved_rows(rows: Sequence[Moved], of: int, words: Words) -> list[Row]:
    """Rows of the table of what was moved: name, scenarios of all, lowest, median, highest."""
    return [
        (
            entry_name(row.entry, words),
            words.say("room.moved.count", count=words.count(row.count), all=words.count(of)),
            *(
                "" if math.isnan(position) else _place(words, position)
                for position in (row.low, row.median, row.high)
            ),
        )
        for row in rows
    ]


def result_rows(
    board: Board, collected: Sequence[Collected], words: Words, catalogue: Catalogue
) -> list[Row]:
    """A row for current policy, then one for each scenario: value and change in each graph."""
    factors = [words.unit(unit_of(graph, catalogue))[1] for graph in board.graphs]
    first = [words.name("scenario.current-policy")]
    for graph, factor in zip(board.graphs, factors, strict=True):
        first += [_value(words, board.engine.reference(graph), factor), "0"]
    rows: list[Row] = [(*first, words.count(board.engine.draws))]
    named = titles(collected)
    for one in collected:
        answer = board.answers.get(one.key)
        cells = [named[one.key]]
        if answer is None or not answer.fans:
            told = "page.graph.waiting" if answer is None else "room.results.broken"
            rows.append((*cells, *[words.say(told), ""] * len(factors), ""))
            continue
        for fan, factor in zip(answer.fans, factors, strict=True):
            cells += [_value(words, fan, factor), _change(words, fan, factor)]
        rows.append((*cells, words.count(answer.draws)))
    return rows


def _value(words: Words, fan: Fan, factor: float) -> str:
    low, median, high = (fan.bands[[LOW, MEDIAN, HIGH], END] * factor).tolist()
    return words.interval(median, low, high)


def _change(words: Words, fan: Fan, factor: float) -> str:
    change = fan.change
    if change is None or not math.isfinite(change.median):
        return words.say("cell.none")
    numbers = [number * factor for number in (change.median, change.low, change.high)]
    if not any(numbers):
        return "0"
    median, low, high = (signed(words, number) for number in numbers)
    return words.say("cell.interval", median=median, low=low, high=high)


def archive(
    board: Board,
    collected: Sequence[Collected],
    words: Words,
    catalogue: Catalogue,
    file_of: Callable[[ScenarioFile, Mapping[str, str]], str],
) -> bytes:
    """All scenarios in a zip: a YAML file each, their results and what they move as CSV."""
    packed = io.BytesIO()
    provenance = board.engine.provenance()
    now = time.localtime()[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archived:

        def add(name: str, content: str | bytes) -> None:
            archived.writestr(zipfile.ZipInfo(name, now), content, zipfile.ZIP_DEFLATED)

        for number, one in enumerate(collected, start=1):
            name = f"scenarios/{number:03d}-{slug(one.scenario.title or '')}.yaml"
            signed_by = one.scenario.model_copy(update={"author": one.sender or None})
            add(name, file_of(signed_by, provenance))
        add("results.csv", _results_csv(board, collected, words, catalogue))
        add("moved.csv", _moved_csv(collected, words))
        about = [("key", "value"), *provenance.items()]
        add("model.csv", _csv(about))
    return packed.getvalue()


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([safe_cell(c) for c in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _results_csv(
    board: Board, collected: Sequence[Collected], words: Words, catalogue: Catalogue
) -> bytes:
    rows: list[Sequence[object]] = [COLUMNS]
    named = titles(collected)
    for number, graph in enumerate(board.graphs):
        told, factor = words.unit(unit_of(graph, catalogue))
        about = (title_of(graph, words, catalogue), str(LAST_YEAR), told)
        policy = _numbers(board.engine.reference(graph), factor)
        first = (words.name("scenario.current-policy"), "", "", "")
        rows.append((*first, *about, *policy, str(board.engine.draws)))
        for one in collected:
            head = (named[one.key], one.sender, one.clock, one.scenario.note, *about)
            fan = board.fan(one.key, number)
            drawn = str(board.answers[one.key].draws) if fan is not None else "0"
            rows.append((*head, *_numbers(fan, factor), drawn))
    return _csv(rows)


def _numbers(fan: Fan | None, factor: float) -> tuple[float, ...]:
    if fan is None:
        return (math.nan,) * 6
    change = fan.change
    moved_by = (math.nan,) * 3 if change is None else (change.median, change.low, change.high)
    low, median, high = fan.bands[[LOW, MEDIAN, HIGH], END].tolist()
    return tuple(factor * number for number in (median, low, high, *moved_by))


def _moved_csv(collected: Sequence[Collected], words: Words) -> bytes:
    rows: list[Sequence[object]] = [("scenario", "entry", "name", "position")]
    named = titles(collected)
    for one in collected:
        for entry, position in entries(one.scenario).items():
            told = math.nan if position is None else float(position)
            rows.append((named[one.key], entry, entry_name(entry, words), told))
    return _csv(rows)
