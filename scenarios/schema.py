"""What a scenario file may hold, and how one is found and checked.

A scenario is a YAML file: who it is (``id, title, description, author, date, note, version``), the
month of its ``branch``, named ``blocks`` of moves, and moves of its own: positions of levers and
trends, events, adaptive rules, changes of handles, settings. See ``ScenarioFile`` and ``Moves``.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field

from model.errors import InputError
from model.handles import NEVER_ZERO
from scenarios.checked import ONE_LINE, Entry, Words, one_of, refusal
from scenarios.entries import Id, Known, Month, Reach, check_month, check_reach
from scenarios.lines import Document, Place
from scenarios.reach import check_reached

Float = npt.NDArray[np.float64]

REFERENCE = "current-policy"
Position = Annotated[float, Field(ge=-100.0, le=100.0)]


def _date(value: object) -> str | None:
    if value is None:
        return None
    try:
        return datetime.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("a day, such as 2026-01-31") from None


def _version(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("1")  # true and 1.0 would pass for 1


class ChangeEntry(Reach):
    """One change of a handle; what is left out, or ``all``, means everything.

    The table of handles says whether a handle takes ``multiplier`` or ``level``.
    ``from`` and ``to`` are months, both included; without ``to`` the change stays.
    """

    handle: str
    start: Month = Field(alias="from")
    stop: Month | None = Field(alias="to", default=None)
    multiplier: Annotated[float | None, Field(ge=0.0, le=1000.0)] = None
    level: Annotated[float | None, Field(ge=0.0, le=10.0)] = None
    note: str | None = None
    source: str = "assumed"

    @property
    def size(self) -> float:
        """The multiplier or the level, whichever the handle takes."""
        size = self.level if self.multiplier is None else self.multiplier
        assert size is not None  # exactly one is given: checked when the file is read
        return size


class Event(Entry):
    """A driver that comes for certain and at once, from a month on, whatever its own path."""

    driver: str
    start: Month = Field(alias="from")
    size: Literal["low", "central", "high"] = "high"
    months: Annotated[int | None, Field(ge=1, le=252)] = None


class Settings(Entry):
    """How effects combine: below 1, measures on one handle add up to less than their sum.

    ``floor``: measures together never move a hazard below this ratio, nor above its inverse.
    """

    subadditivity: Annotated[float, Field(ge=0.3, le=1.0)] = 0.7
    floor: Annotated[float, Field(ge=0.01, le=1.0)] = 0.1


DEFAULT = Settings()


class Moves(Entry):
    """What a block or a scenario moves. Levers are strategic or specific objectives or measures."""

    levers: dict[str, Position] = {}
    trends: dict[str, Position] = {}
    central_trends: bool = False
    events: list[Event] = []
    rules: Words = []
    changes: list[ChangeEntry] = []
    settings: Settings | None = None


class BlockFile(Entry):
    """Named blocks."""

    blocks: dict[Id, Moves]


class ScenarioFile(Moves):
    """A scenario as its file gives it."""

    id: Id
    title: Annotated[str | None, Field(min_length=1, max_length=200, pattern=ONE_LINE)] = None
    description: Annotated[str | None, Field(min_length=1)] = None
    author: Annotated[str | None, Field(max_length=200, pattern=ONE_LINE)] = None
    date: Annotated[str | None, BeforeValidator(_date)] = None
    note: str | None = None
    version: Annotated[Literal[1], BeforeValidator(_version)] = 1
    branch: Month = "2024-01"
    blocks: Words = []


@dataclass(frozen=True)
class PlacedChange:
    """A change, and where it stands."""

    entry: ChangeEntry
    document: Document
    place: Place

    def refuse(self, error: InputError) -> InputError:
        """``error`` told again with the file and line of the change, or of its key."""
        place = self.place if error.key is None else (*self.place, error.key)
        return InputError(
            error.message,
            file=self.document.file,
            line=self.document.line(place),
            key=error.key,
            given=error.given,
            allowed=error.allowed,
        )


@dataclass(frozen=True, eq=False)
class Combining:
    """``Settings`` of many runs: each is a number, or one a run (D,). In the ranges of a file."""

    subadditivity: float | Float = DEFAULT.subadditivity
    floor: float | Float = DEFAULT.floor


@dataclass(frozen=True)
class Plan:
    """Everything that a scenario moves, its blocks merged and objectives spread over measures.

    A position (and a setting) is a number, or one a run (D,): a run at 0 is as if it were not
    there, but for a trend of a plan with ``central_trends``, which is off.
    """

    levers: Mapping[str, float | Float]  # position of each measure that moves
    trends: Mapping[str, float | Float]
    central_trends: bool = False
    events: tuple[Event, ...] = ()
    rules: tuple[str, ...] = ()
    changes: tuple[PlacedChange, ...] = ()
    settings: Settings | Combining = DEFAULT

    @property
    def idle(self) -> bool:
        """Whether nothing moves, in any run."""
        positions = (*self.levers.values(), *self.trends.values())
        moved = any(np.any(x) for x in positions) or self.central_trends
        return not (moved or self.events or self.rules or self.changes)

    def one(self, run: int) -> Plan:
        """The plain plan of one run."""
        settings = Settings(
            subadditivity=_of_run(self.settings.subadditivity, run),
            floor=_of_run(self.settings.floor, run),
        )
        return replace(
            self,
            levers={name: _of_run(x, run) for name, x in self.levers.items()},
            trends={name: _of_run(x, run) for name, x in self.trends.items()},
            settings=settings,
        )


def _of_run(value: float | Float, run: int) -> float:
    return float(value if np.ndim(value) == 0 else np.asarray(value)[run])


@dataclass(frozen=True)
class Scenario:
    """A checked scenario. ``branch`` is a month counted from January 2010 (0)."""

    id: str
    title: str
    description: str
    branch: int
    plan: Plan
    document: Document
    digest: str  # SHA-256 of the file

    @property
    def changes(self) -> tuple[PlacedChange, ...]:
        """Changes of handles that its file or its blocks give directly."""
        return self.plan.changes


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_change(
    change: ChangeEntry, branch: str, document: Document, at: Place, known: Known
) -> None:
    """Refuse unknown names, sizes that the handle does not take, and months before the branch."""
    one_of(document, (*at, "handle"), change.handle, known.handles, "handle")
    check_reach(change, document, at, known)
    check_reached(change, change.handle, document, at, known)
    _check_size(document, at, change, known.units[change.handle])
    one_of(document, (*at, "source"), change.source, known.sources, "source")
    check_month(document, (*at, "from"), change.start, branch)
    if change.stop is not None:
        check_month(document, (*at, "to"), change.stop, change.start)


def _check_size(document: Document, at: Place, change: ChangeEntry, unit: str) -> None:
    """Exactly one of multiplier and level stands there: the one that the handle takes."""
    other = "multiplier" if unit == "level" else "level"
    if getattr(change, other) is not None:
        allowed = f"{unit} (the handle {change.handle} takes no {other})"
        where = (*at, other)
        raise refusal(document, where, "the wrong key", getattr(change, other), allowed)
    size = getattr(change, unit)
    if size is None:
        given, allowed = "(nothing)", f"a value: the handle {change.handle} takes a {unit}"
        raise refusal(document, (*at, unit), "a key is missing", given, allowed)
    least = NEVER_ZERO.get(change.handle, 0.0)
    if size < least:
        allowed = f"{least:g} or more for the handle {change.handle}"
        raise refusal(document, (*at, unit), f"the {unit} is out of range", size, allowed)
