"""The whole state of a page as a short word in its address.

``1.`` and base64url of zlib's deflate of short JSON: what differs from a first view. Ids that links
often hold stand in ``link_words.txt``, so that each takes a few characters: that file never
changes, as older links could not be read with another. Names that it lacks are written out.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.workshop.answers import BRANCH_YEAR
from experiments.workshop.graphs import GraphList
from experiments.workshop.moves import CARDS
from experiments.workshop.plain import plain_line, plain_text
from experiments.workshop.problems import PART, Item, Problem
from experiments.workshop.view import MOST_OVERLAID, MOST_SAVED, OWN, START, Graph, View
from model.errors import InputError
from scenarios.levers import position_error
from scenarios.library import Block, Library, check_moves
from scenarios.lines import Document
from scenarios.schema import ChangeEntry, Moves, ScenarioFile, Settings

VERSION = "1"
WORDS = "".join(Path(__file__).with_name("link_words.txt").read_text("utf-8").split("\n")).encode()
LARGEST_LINK = 30_000  # characters: the guard of the server lets no longer query through
LARGEST_STATE = 400_000  # bytes of JSON
MOST_EXTRAS = 100  # events, or rules, or changes of one scenario
BRANCH = f"{BRANCH_YEAR}-01"
FIRST = View(card="SD1")  # where a link tells nothing
NOWHERE = Document("link", {}, {})
_FORM = re.compile(r"([0-9]{1,6})\.([A-Za-z0-9_-]+)")

POSITIONS = {"levers": "l", "trends": "t"}
LISTS = {"blocks": "b", "events": "e", "rules": "r", "changes": "x"}
LINES = {"title": "n", "author": "a", "date": "d"}
TEXTS = {"note": "m", "description": "i"}
CENTRAL, SETTINGS = "c", "y"
PARTS = {"s": "scenario", "g": "graphs", "k": "saved", "o": "drawn", "p": "card"}
KEYS = {short: name for kind in (POSITIONS, LISTS, LINES, TEXTS) for name, short in kind.items()}
KEYS |= {CENTRAL: "central_trends", SETTINGS: "settings"}


class _Unread(Exception):
    """Nothing of a link can be read; its key says why."""


def link_of(view: View) -> str:
    """The word that stands for a view; positions as whole numbers, texts as plain text."""
    state: dict[str, Any] = {"s": _packed(view.scenario)}
    if view.graphs != START:
        state["g"] = [[one.indicator, one.product, one.region, one.age] for one in view.graphs]
    state["k"] = [_packed(one) for one in view.saved]
    state["o"] = list(view.overlaid)
    state["p"] = view.card
    told = {key: value for key, value in state.items() if value}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    packer = zlib.compressobj(9, zdict=WORDS)
    packed = packer.compress(text.encode()) + packer.flush()
    return f"{VERSION}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def fits(view: View) -> bool:
    """Whether the link of a view can be opened."""
    return len(link_of(view)) <= LARGEST_LINK


def fitting(view: View) -> View:
    """The view itself. Raises InputError where its link would be too long to be opened."""
    if not fits(view):
        raise InputError("the notes are too long for the address")
    return view


def plain_change(change: ChangeEntry) -> ChangeEntry:
    """A change with its note as plain text; the rest of it are known words and numbers."""
    kept = plain_text(change.note or "") or None
    return change if kept == change.note else change.model_copy(update={"note": kept})


def _packed(scenario: ScenarioFile) -> dict[str, Any]:
    lines = {short: plain_line(getattr(scenario, name) or "") for name, short in LINES.items()}
    texts = {short: plain_text(getattr(scenario, name) or "") for name, short in TEXTS.items()}
    found: dict[str, Any] = {**lines, **texts}
    for name, short in POSITIONS.items():
        found[short] = {key: round(x) for key, x in getattr(scenario, name).items()}
    plain = scenario.model_copy(update={"changes": [plain_change(x) for x in scenario.changes]})
    lists = plain.model_dump(include=set(LISTS), by_alias=True, exclude_defaults=True)
    found |= {LISTS[name]: value for name, value in lists.items()}
    found[CENTRAL] = int(scenario.central_trends)
    if scenario.settings is not None:
        found[SETTINGS] = scenario.settings.model_dump(exclude_unset=True)
    return {key: value for key, value in found.items() if value or key == SETTINGS}


def view_of(link: str, library: Library, graphs: GraphList) -> tuple[View, list[Problem]]:
    """The view that a link stands for, and what of it could not be restored. Never raises."""
    try:
        state = _opened(link)
    except _Unread as why:
        return FIRST, [Problem(f"problem.link.{why}")]
    reader = _Reader(library, graphs)
    view = reader.view(state)
    lost = reader.lost.items()
    return view, [Problem(f"problem.link.{key}", items=tuple(items)) for key, items in lost]


def _opened(link: str) -> dict[str, Any]:
    if len(link) > LARGEST_LINK:
        raise _Unread("large")
    form = _FORM.fullmatch(link)
    if form is None:
        raise _Unread("damaged")
    if form[1] != VERSION:
        raise _Unread("newer")
    opener = zlib.decompressobj(zdict=WORDS)
    try:
        packed = base64.urlsafe_b64decode(form[2] + "=" * (-len(form[2]) % 4))
        told = opener.decompress(packed, LARGEST_STATE)
        # At its end zlib has checked the sum of what it holds.
        ended = opener.eof and not opener.unused_data
        state = json.loads(told, parse_constant=_no_number) if ended else None
    except (ValueError, zlib.error, RecursionError):
        raise _Unread("damaged") from None
    if not isinstance(state, dict):
        raise _Unread("large" if opener.unconsumed_tail else "damaged")
    return state


def _no_number(name: str) -> float:
    raise ValueError(name)  # JSON has no NaN and no infinity


class _Reader:
    """Reads the parts of a link; ``lost``: what was left out, by what is said of it."""

    def __init__(self, library: Library, graphs: GraphList) -> None:
        self._library, self._graphs = library, graphs
        self.lost: dict[str, dict[Item, None]] = {}

    def _lose(self, key: str, item: Item) -> None:
        self.lost.setdefault(key, {})[item] = None

    def _lose_part(self, key: str, why: str = "parts") -> None:
        self._lose(why, f"{PART}{(PARTS | KEYS)[key]}")

    def view(self, state: Mapping[str, Any]) -> View:
        """The view of all that can be read."""
        for key in state.keys() - PARTS.keys():
            self._lose("parts", key)
        saved = self._list(state, "k", MOST_SAVED)
        numbers = self._list(state, "o", MOST_OVERLAID)
        good = [n for n in numbers if type(n) is int and 0 <= n < len(saved)]
        if len(set(good)) != len(numbers):
            self._lose_part("o")
        card = state.get("p", "")
        if card not in ("", *CARDS):
            self._lose_part("p")
            card = ""
        return View(
            scenario=self._scenario(state.get("s", {})),
            graphs=self._two(state.get("g", [])),
            saved=tuple(self._scenario(one) for one in saved),
            overlaid=tuple(dict.fromkeys(good)),
            card=card,
        )

    def _list(self, holder: Mapping[str, Any], key: str, most: int) -> list[Any]:
        found = holder.get(key, [])
        if not isinstance(found, list):
            self._lose_part(key)
        elif len(found) > most:
            self._lose_part(key, "many")
        return found[:most] if isinstance(found, list) else []

    def _two(self, given: object) -> tuple[Graph, Graph]:
        if not given:
            return START
        if not isinstance(given, list) or len(given) != len(START):
            self._lose_part("g")
            return START
        first, second = (self._graph(one, usual) for one, usual in zip(given, START, strict=True))
        return first, second

    def _graph(self, given: object, usual: Graph) -> Graph:
        if not (isinstance(given, list) and len(given) == 4 and all(type(x) is str for x in given)):
            self._lose_part("g")
            return usual
        graph, offered = Graph(*given), self._graphs
        for name, known in (
            (graph.indicator, offered.indicators),
            (graph.product, offered.products(graph.indicator)),
            (graph.region, offered.regions),
            (graph.age, offered.ages),
        ):
            if name not in known:
                self._lose("graphs", name)
                return usual
        return graph

    def _scenario(self, given: object) -> ScenarioFile:
        if not isinstance(given, dict):
            self._lose_part("s")
            given = {}
        for key in given.keys() - KEYS.keys():
            self._lose("parts", key)
        found = ScenarioFile(id=OWN)
        more: dict[str, Any] = {
            "levers": self._positions(given, "levers", self._library.levers, self._lever_stands),
            "trends": self._positions(given, "trends", self._library.trends, _trend_stands),
            "central_trends": self._central(given),
            "settings": self._settings(given),
            **{name: self._text(given, LINES[name], plain_line) for name in LINES},
            **{name: self._text(given, TEXTS[name], plain_text) for name in TEXTS},
            **{name: self._extras(given, name) for name in LISTS},
        }
        return found.model_copy(update=more)

    def _positions(
        self,
        given: Mapping[str, Any],
        name: str,
        known: tuple[str, ...],
        stands: Callable[[str, float], bool],
    ) -> dict[str, float]:
        positions = given.get(POSITIONS[name], {})
        if not isinstance(positions, dict):
            self._lose_part(POSITIONS[name])
            return {}
        found: dict[str, float] = {}
        for one, position in positions.items():
            if one not in known:
                self._lose(name, one)
            elif type(position) in (int, float) and stands(one, position):
                found[one] = float(round(position))
            else:
                self._lose("positions", (f"{name}.{one}", str(position)[:20]))
        return found

    def _lever_stands(self, lever: str, position: float) -> bool:
        return position_error(self._library.measures.get(lever), position) is None

    def _central(self, given: Mapping[str, Any]) -> bool:
        found = given.get(CENTRAL, 0)
        if found not in (0, 1):
            self._lose_part(CENTRAL)
        return found in (1,)

    def _settings(self, given: Mapping[str, Any]) -> Settings | None:
        if SETTINGS not in given:
            return None
        try:
            return Settings.model_validate(given[SETTINGS])
        except ValidationError:
            self._lose_part(SETTINGS)
            return None

    def _text(self, given: Mapping[str, Any], key: str, plain: Callable[[str], str]) -> str | None:
        text = given.get(key, "")
        if not isinstance(text, str):
            self._lose_part(key)
            return None
        kept = plain(text)
        if kept != text:
            self._lose("text", kept)
        return kept or None

    def _extras(self, given: Mapping[str, Any], name: str) -> list[Any]:
        found: list[Any] = []
        for one in self._list(given, LISTS[name], MOST_EXTRAS):
            if name == "blocks":
                good, kept = isinstance(one, str) and one in self._library.blocks, [one]
            else:
                good, kept = self._checked(name, one)
            if good:
                found += kept
            else:
                self._lose(name, _called(one))
        return found

    def _checked(self, name: str, one: object) -> tuple[bool, list[Any]]:
        """Whether an event, a rule or a change can be run, and what it is."""
        try:
            moves = Moves.model_validate({name: [one]})
            check_moves(Block(moves, NOWHERE, ()), BRANCH, self._library)
        except (ValidationError, InputError):
            return False, []
        if name != "changes":
            return True, list(getattr(moves, name))
        kept = [plain_change(change) for change in moves.changes]
        if kept != moves.changes:
            self._lose("text", kept[0].note or "")
        return True, kept


def _trend_stands(trend: str, position: float) -> bool:
    return -100.0 <= position <= 100.0


def _called(one: object) -> str:
    """What an event or a change is about, as far as it can be said."""
    if isinstance(one, dict):
        one = one.get("driver") or one.get("handle") or "?"
    return str(one)[:60]
