"""Trends of the foresight exercise and their drivers, as data, and how trends go together.

A trend at 0 is off. From 0 to 100 its adverse and mixed drivers go to their ``plus`` end, from 0
to -100 its favourable and mixed ones to their ``minus`` end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from model.errors import InputError
from model.reading import CellError, TableRow, read_rows
from scenarios.checked import Entry, one_of, read_entry, refusal
from scenarios.entries import ASSUMED, HandledReach, Id, Known, check_order, check_source
from scenarios.levers import Measure, check_handle
from scenarios.lines import Document, Place

Float = npt.NDArray[np.float64]

TRENDS = Path(__file__).with_name("trends")
CROSS_IMPACT = "cross_impact.csv"
TREND_IDS = tuple(f"F{number}" for number in range(1, 9))

SMALLEST, LARGEST = 0.01, 1000.0  # multipliers that a driver can reach, in any draw

End = Literal["low", "high"]
Shape = Literal["linear", "s-curve", "late", "step", "shock", "random-walk"]


class DriverEffect(HandledReach):
    """What a driver does to one handle: its multiplier in 2030 against 2023 (5%, median, 95%)."""

    low: Annotated[float, Field(ge=SMALLEST, le=LARGEST)]
    central: Annotated[float, Field(ge=SMALLEST, le=LARGEST)]
    high: Annotated[float, Field(ge=SMALLEST, le=LARGEST)]
    plus: End | None = None
    minus: End | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> DriverEffect:
        check_order(self.low, self.central, self.high, "central")
        return self


class Shock(Entry):
    """Probability of an event: per year, or until 2030; how long it lasts in months (null: on)."""

    low: Annotated[float, Field(ge=0.0, le=1.0)]
    central: Annotated[float, Field(ge=0.0, le=1.0)]
    high: Annotated[float, Field(ge=0.0, le=1.0)]
    months: Annotated[int | None, Field(ge=1)] = None
    by_2030: bool = False
    plus: End | None = None
    minus: End | None = None
    event: Id | None = None  # drivers of one event happen together

    @model_validator(mode="after")
    def _ordered(self) -> Shock:
        check_order(self.low, self.central, self.high, "central")
        return self


class DriverEntry(Entry):
    """A driver as its file gives it."""

    id: Annotated[str, Field(pattern=r"^F[0-9]+\.[0-9]+$")]
    side: Literal["adverse", "favourable", "mixed"]
    in_text: Literal["yes", "implied", "partly", "no", "mission"]
    shape: Shape
    basis: Literal["assumed", "direction", "size"]
    source: str
    where: str | None = None
    effects: list[DriverEffect]
    shock: Shock | None = None
    interacts_with: list[str] = []
    note: str

    @model_validator(mode="after")
    def _ends_fit(self) -> DriverEntry:
        if self.shape == "shock" and self.shock is None:
            raise CellError("shock", "the probability of the event")
        if self.shock is not None and self.shape not in ("shock", "step"):
            raise CellError("shock", "none: only the shapes shock and step have a probability")
        for effect in self.effects:
            if (effect.plus is None) != (self.side == "favourable"):
                raise CellError("effects", "plus for adverse and mixed drivers, none for others")
            if (effect.minus is None) != (self.side == "adverse"):
                raise CellError(
                    "effects", "minus for favourable and mixed drivers, none for others"
                )
        return self


class TrendFile(Entry):
    """One trend."""

    id: Annotated[str, Field(pattern=r"^F[0-9]+$")]
    note: str | None = None
    drivers: Annotated[list[DriverEntry], Field(min_length=1)]


@dataclass(frozen=True)
class Driver:
    """A checked driver."""

    entry: DriverEntry
    trend: str
    document: Document
    place: Place

    @property
    def id(self) -> str:
        """Its id."""
        return self.entry.id


class CrossRow(TableRow):
    """How two trends go together: correlation of their adverse directions."""

    trend_a: str
    trend_b: str
    correlation: float
    source: str
    note: str


def read_trends(
    paths: Sequence[Path],
    known: Known,
    measures: Mapping[str, Measure],
    others: Mapping[str, Driver] | None = None,
) -> dict[str, Driver]:
    """Drivers by id, in file order; a later file replaces drivers of the same id.

    ``others``: sound drivers that these may name. Raises InputError.
    """
    found: dict[str, Driver] = {}
    for path in paths:
        file, document = read_entry(path, TrendFile, "a file of trends")
        own: set[str] = set()
        for d, entry in enumerate(file.drivers):
            place: Place = ("drivers", d)
            if not entry.id.startswith(f"{file.id}."):
                allowed = f"a driver of {file.id}"
                raise refusal(document, (*place, "id"), "another trend's", entry.id, allowed)
            if entry.id in own:
                allowed = "each driver once"
                message = "the driver stands twice"
                raise refusal(document, (*place, "id"), message, entry.id, allowed)
            own.add(entry.id)
            found[entry.id] = Driver(entry, file.id, document, place)
    every = [*(others or {}).values(), *found.values()]
    names = [*dict.fromkeys(driver.trend for driver in every), *(driver.id for driver in every)]
    for driver in found.values():
        _check(driver, known, measures)
        for i, name in enumerate(driver.entry.interacts_with):
            place = (*driver.place, "interacts_with", i)
            one_of(driver.document, place, name, names, "trend or driver")
    return found


def _check(driver: Driver, known: Known, measures: Mapping[str, Measure]) -> None:
    check_source(driver.entry.source, driver.document, driver.place, known)
    for i, effect in enumerate(driver.entry.effects):
        place = (*driver.place, "effects", i)
        check_source(effect.source, driver.document, place, known)
        check_handle(effect, driver.document, place, known, measures)
        if known.units.get(effect.handle) == "level":
            allowed = "a handle that takes a multiplier: drivers multiply"
            at = (*place, "handle")
            raise refusal(driver.document, at, "the wrong handle", effect.handle, allowed)


def read_cross_impact(path: Path, trends: Sequence[str]) -> Float:
    """Correlations of the adverse directions, (trends, trends), 0 where no row says more.

    Raises InputError for unknown trends, pairs that stand twice, and a matrix that no random
    quantities can have.
    """
    matrix = np.eye(len(trends))
    seen: set[frozenset[str]] = set()
    for row in read_rows(path, CrossRow) if path.exists() else []:
        pair = frozenset((row.trend_a, row.trend_b))
        for key in ("trend_a", "trend_b"):
            if getattr(row, key) not in trends:
                raise _wrong(row, "unknown trend", key, getattr(row, key), ", ".join(trends))
        if len(pair) == 1 or pair in seen:
            raise _wrong(row, "a pair stands twice", "trend_b", row.trend_b, "each pair once")
        if not -1.0 < row.correlation < 1.0:
            raise _wrong(row, "no correlation", "correlation", row.correlation, "between -1 and 1")
        seen.add(pair)
        a, b = trends.index(row.trend_a), trends.index(row.trend_b)
        matrix[a, b] = matrix[b, a] = row.correlation
    if np.linalg.eigvalsh(matrix).min() < 1e-9:
        raise InputError(
            "these correlations contradict each other",
            file=str(path),
            allowed="a positive definite matrix: make the large ones smaller",
        )
    return matrix


def _wrong(row: CrossRow, message: str, key: str, given: object, allowed: str) -> InputError:
    return InputError(message, file=row.file, line=row.line, key=key, given=given, allowed=allowed)


def assumed(driver: Driver) -> bool:
    """Whether the size of a driver rests on assumption alone."""
    return driver.entry.basis != "size" or driver.entry.source == ASSUMED
