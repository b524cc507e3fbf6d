"""What every lever and trend should move, and bounds that every run keeps, as data (checks.yaml).

What a measure should move stands with the measure (``indicator``); here stands what objectives,
trends and all together should move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from model.catalogue import Catalogue
from model.reading import CellError
from scenarios.checked import Entry, Words, one_of, read_entry, refusal
from scenarios.entries import Id, check_reach
from scenarios.levers import Indicator
from scenarios.library import Library
from scenarios.lines import Document, Place
from scenarios.schema import Event, Position

CHECKS = Path(__file__).with_name("checks.yaml")


class Expected(Indicator):
    """An indicator and the direction that it should take; ``why`` where nothing can be said."""

    why: str | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Expected:
        if self.sign == "unknown" and not self.why:
            raise CellError("why", "the reason why the sign is unknown")
        return self


class Together(Entry):
    """Levers and trends moved together; ``measures`` moves all to the end of their ranges."""

    id: Id
    levers: dict[str, Position] = {}
    trends: dict[str, Position] = {}
    measures: Literal["low", "high"] | None = None
    events: list[Event] = []
    expect: list[Expected] = []


class TrendCheck(Entry):
    """What a trend should move at 100 and at -100."""

    plus: Annotated[list[Expected], Field(min_length=1)]
    minus: Annotated[list[Expected], Field(min_length=1)]


class Bound(Entry):
    """Limits of indicators, by unit, kind or name; what is named is not held to the others."""

    units: Words = []
    kinds: Words = []
    indicators: Words = []
    low: float | None = None
    high: float | None = None
    above: float | None = None  # a limit that is never met

    @model_validator(mode="after")
    def _says_something(self) -> Bound:
        if not (self.units or self.kinds or self.indicators):
            raise CellError("units", "units, kinds or indicators")
        if self.low is None and self.high is None and self.above is None:
            raise CellError("low", "low, high or above")
        return self


class ChecksFile(Entry):
    """All checks."""

    objectives: dict[str, list[Expected]]
    trends: dict[str, TrendCheck]
    together: list[Together]
    bounds: Annotated[list[Bound], Field(min_length=1)]


@dataclass(frozen=True)
class Limits:
    """Limits of one indicator; None where there is none."""

    low: float | None = None
    high: float | None = None
    above: float | None = None


def read_checks(library: Library, path: Path = CHECKS) -> ChecksFile:
    """The checks; every objective and trend has some. Raises InputError with file and line."""
    file, document = read_entry(path, ChecksFile, "a file of checks")
    levers = [name for name in library.levers if name not in library.measures]
    _complete(document, "objectives", file.objectives, levers)
    _complete(document, "trends", file.trends, library.trends)
    for name, expected in file.objectives.items():
        _check_all(expected, document, ("objectives", name), library)
    for name, trend in file.trends.items():
        _check_all(trend.plus, document, ("trends", name, "plus"), library)
        _check_all(trend.minus, document, ("trends", name, "minus"), library)
    for i, together in enumerate(file.together):
        place = ("together", i)
        for lever in together.levers:
            one_of(document, (*place, "levers", lever), lever, library.levers, "lever")
        for trend_id in together.trends:
            one_of(document, (*place, "trends", trend_id), trend_id, library.trends, "trend")
        for j, event in enumerate(together.events):
            at = (*place, "events", j, "driver")
            one_of(document, at, event.driver, list(library.drivers), "driver")
        _check_all(together.expect, document, (*place, "expect"), library)
    for i, bound in enumerate(file.bounds):
        for j, name in enumerate(bound.indicators):
            place_of = ("bounds", i, "indicators", j)
            one_of(document, place_of, name, library.known.indicators, "indicator")
    return file


def _complete(
    document: Document,
    key: str,
    given: Mapping[str, object],
    known: Sequence[str],
) -> None:
    for name in given:
        one_of(document, (key, name), name, known, key)
    if missing := [name for name in known if name not in given]:
        message = "a check lacks"
        raise refusal(document, (key,), message, "(nothing)", missing)


def _check_all(
    expected: Sequence[Expected], document: Document, place: Place, library: Library
) -> None:
    known = library.known
    for i, one in enumerate(expected):
        at = (*place, i)
        one_of(document, (*at, "id"), one.id, known.indicators, "indicator")
        owners = [*known.products, *known.unions]
        one_of(document, (*at, "product"), one.product, owners, "product")
        check_reach(one, document, at, known)


def limits(file: ChecksFile, catalogue: Catalogue) -> dict[str, Limits]:
    """Limits of every indicator that has some: those of its name, or else of its unit and kind."""
    found: dict[str, Limits] = {}
    for row in catalogue.indicators:
        own = [bound for bound in file.bounds if row.id in bound.indicators]
        own = own or [b for b in file.bounds if row.unit in b.units or row.kind in b.kinds]
        if own:
            found[row.id] = Limits(
                *(
                    next((x for b in own if (x := getattr(b, key)) is not None), None)
                    for key in ("low", "high", "above")
                )
            )
    return found
