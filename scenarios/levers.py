"""Levers: the measures of the strategy's objectives, and measures outside it, as data.

A file of ``levers/`` holds one strategic objective. Position 0 of a measure is current policy, 100
its full extent; an objective's ambition moves the measures that the strategy names or implies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from model.errors import InputError
from model.reading import CellError
from scenarios.checked import Entry, Words, listed, one_of, read_entry, refusal
from scenarios.entries import (
    ASSUMED,
    OF_RULES,
    POLICY_HANDLES,
    HandledReach,
    Id,
    Known,
    Month,
    Number,
    Reach,
    check_month,
    check_order,
    check_reach,
    check_source,
    first_month,
)
from scenarios.lines import Document, Place
from scenarios.reach import check_reached

LEVERS = Path(__file__).with_name("levers")
STRATEGY = tuple(f"SD{number}" for number in range(1, 7))
OUTSIDE = "outside"
SELECTIONS = ("all", "local", "joint")
RESERVED = (*SELECTIONS, OUTSIDE, "none")
TRANSITION = "transition:"
# Ends of what one effect may do among those whom it reaches.
LEAST, MOST, MOST_LEVEL = 0.001, 1000.0, 10.0

Grade = Literal["systematic-review", "rct", "observational", "expert", "unverified"]
Form = Literal["share", "dose", "level", "points"]
Sign = Literal["up", "down", "unknown"]


def _by_position(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if not all(re.fullmatch(r"0|[1-9][0-9]{0,2}", str(key)) for key in value):
        raise ValueError("whole positions from 0 to 100, such as {0: 1, 100: 0.9}")
    return {int(key): size for key, size in value.items()}


class Baseline(Entry):
    """The risk over the horizon without the measure, to turn a ratio of odds or risks into one
    of hazards."""

    value: Annotated[float, Field(gt=0.0, lt=1.0)]
    source: str


def _check_points(points: Mapping[int, float]) -> None:
    ends = {0, 100} <= set(points) and all(0 <= position <= 100 for position in points)
    if not ends or points[0] != 1.0:
        raise CellError(
            "points", "positions from 0 (which is 1.0) to 100, such as {0: 1, 100: 0.9}"
        )
    if not all(LEAST <= size <= MOST for size in points.values()):
        raise CellError("points", f"sizes from {LEAST:g} to {MOST:g}")


class Effect(HandledReach):
    """What one measure does to one handle."""

    form: Form = "share"
    effect: Number | None = None
    points: Annotated[dict[int, float] | None, BeforeValidator(_by_position)] = None
    ratio: Annotated[Literal["hazard_ratio", "odds_ratio", "risk_ratio"], Field(alias="as")] = (
        "hazard_ratio"
    )
    baseline: Baseline | None = None
    coverage: Number = Number(central=1.0)
    interval: Literal[90, 95] | None = None
    fades: Annotated[float | None, Field(ge=0.0, lt=1.0)] = None
    source: str | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Effect:
        if (self.effect is None) == (self.points is None):
            raise CellError("effect", "either effect or points")
        if (self.form == "points") != (self.points is not None):
            raise CellError("form", "points where points are given, another where effect is")
        if (self.baseline is None) != (self.ratio == "hazard_ratio"):
            raise CellError("baseline", "a baseline for odds_ratio and risk_ratio, none else")
        if self.coverage.central > 1.0 or (self.coverage.high or 0.0) > 1.0:
            raise CellError("coverage", "shares from 0 to 1")
        if self.ratio != "hazard_ratio" and self.form in ("level", "points"):
            raise CellError("as", "hazard_ratio: levels and points are taken as they are")
        if self.effect is not None:
            self._check_size(self.effect)
        if self.points is not None:
            _check_points(self.points)
        return self

    def _check_size(self, effect: Number) -> None:
        most = MOST_LEVEL if self.form == "level" else MOST
        low = effect.central if effect.low is None else effect.low
        high = effect.central if effect.high is None else effect.high
        if low < LEAST or high > most:
            raise CellError("effect", f"sizes from {LEAST:g} to {most:g}")


class Full(Entry):
    """What position 100 is in the real world."""

    value: float
    low: float | None = None
    high: float | None = None
    unit: Annotated[str, Field(min_length=1)]
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Full:
        check_order(self.low, self.value, self.high, "value")
        return self


class Timing(Entry):
    """When a measure acts; years, but ``start``."""

    start: Month = "2025-01"
    lag: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    ramp: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    fades: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class Shares(Entry):
    """Share of each deprivation group that is reached, relative to the coverage."""

    most_deprived: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    others: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0


class Indicator(Reach):
    """What a measure should move, and in which direction at position 100."""

    products: Words = []
    id: str
    product: str
    sign: Sign


class Published(Entry):
    """The effect as published, and how the model is measured beside it."""

    value: float
    low: float
    high: float
    statistic: Literal["ratio", "odds_ratio", "rate_ratio", "difference"]
    of: str
    product: str
    ages: Annotated[list[int | None] | None, Field(min_length=2, max_length=2)] = None
    sexes: Annotated[
        list[Literal["male", "female"]] | None, BeforeValidator(listed), Field(min_length=1)
    ] = None
    months: Annotated[int, Field(ge=1, le=84)]
    position: Annotated[float, Field(ge=-100.0, le=100.0)] = 100.0
    note: str

    @model_validator(mode="after")
    def _ordered(self) -> Published:
        check_order(self.low, self.value, self.high, "value")
        return self


PriceYear = Annotated[int, Field(ge=1990, le=2050)]


class Cost(Entry):
    """EUR a year at position 100."""

    eur_per_year: Annotated[float, Field(ge=-1e12, le=1e12)]
    low: float | None = None
    high: float | None = None
    price_year: PriceYear
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Cost:
        check_order(self.low, self.eur_per_year, self.high, "eur_per_year")
        return self


class UnitCost(Entry):
    """What one unit of a measure costs."""

    value: float
    low: float | None = None
    high: float | None = None
    unit: str
    price_year: PriceYear | None = None
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> UnitCost:
        check_order(self.low, self.value, self.high, "value")
        return self


class MeasureEntry(Entry):
    """A measure as its file gives it."""

    id: Id
    in_strategy: Literal["named", "implied", "no"]
    grade: Grade
    source: str
    where: str | None = None
    range: Annotated[list[int], Field(min_length=2, max_length=2)] = [0, 100]
    full: Full
    timing: Timing = Timing()
    reach: Shares = Shares()
    reach_source: str = ASSUMED
    joint: bool = False
    fidelity: bool = False
    local: bool = False
    effects: list[Effect]
    indicator: Indicator
    published: Published | None = None
    cost: Cost | None = None
    unit_cost: UnitCost | None = None
    note: str

    @model_validator(mode="after")
    def _range_holds(self) -> MeasureEntry:
        low, high = self.range
        if not (-100 <= low <= 0 and high == 100):
            raise CellError("range", "[0, 100], or a lower end from -100 to 0")
        return self


class ObjectiveEntry(Entry):
    """A specific objective and its measures."""

    id: str
    measures: list[MeasureEntry]


class LeverFile(Entry):
    """One strategic objective."""

    id: Literal["SD1", "SD2", "SD3", "SD4", "SD5", "SD6", "outside"]
    objectives: Annotated[list[ObjectiveEntry], Field(min_length=1)]


@dataclass(frozen=True)
class Measure:
    """A checked measure; ``objective`` such as 1.1 or none, ``strategic`` SD1 to SD6 or outside."""

    entry: MeasureEntry
    objective: str
    strategic: str
    document: Document
    place: Place

    @property
    def id(self) -> str:
        """Its id."""
        return self.entry.id

    @property
    def ambition(self) -> bool:
        """Whether it belongs to its objective's ambition: the strategy names or implies it."""
        return self.entry.in_strategy != "no" and self.strategic != OUTSIDE


def read_levers(
    paths: Sequence[Path], known: Known, others: Mapping[str, Measure] | None = None
) -> dict[str, Measure]:
    """Measures by id, in file order; a later file replaces measures of the same id.

    ``others``: sound measures that policy handles may also select. Raises InputError with file,
    line, key, given and allowed.
    """
    found: dict[str, Measure] = {}
    for path in paths:
        own: set[str] = set()
        file, document = read_entry(path, LeverFile, "a file of levers")
        for o, objective in enumerate(file.objectives):
            _check_objective(file, objective, document, ("objectives", o))
            for m, entry in enumerate(objective.measures):
                place: Place = ("objectives", o, "measures", m)
                if entry.id in RESERVED:
                    allowed = f"an id other than {', '.join(RESERVED)}"
                    raise refusal(
                        document, (*place, "id"), "the id means something else", entry.id, allowed
                    )
                if entry.id in own:
                    allowed = "an id that no other measure of the file has"
                    raise refusal(
                        document, (*place, "id"), "the measure stands twice", entry.id, allowed
                    )
                own.add(entry.id)
                found[entry.id] = Measure(entry, objective.id, file.id, document, place)
    for measure in found.values():
        check_measure(measure, known, {**(others or {}), **found})
    return found


def _check_objective(
    file: LeverFile, objective: ObjectiveEntry, document: Document, place: Place
) -> None:
    number = file.id.removeprefix("SD")
    wanted = "none" if file.id == OUTSIDE else rf"{number}\.[1-9][0-9]?"
    right = re.fullmatch(wanted, objective.id)
    if not right:
        allowed = (
            "none" if file.id == OUTSIDE else f'an objective of {file.id}, such as "{number}.1"'
        )
        raise refusal(document, (*place, "id"), "the objective is another's", objective.id, allowed)


_Sourced = MeasureEntry | Full | Cost | UnitCost | Effect | Number | Baseline | None
_OWN = ((), ("full",), ("cost",), ("unit_cost",))
_OF_EFFECT = ((), ("effect",), ("coverage",), ("baseline",))


def _check_sources(
    holders: Sequence[_Sourced],
    keys: Sequence[Place],
    document: Document,
    place: Place,
    known: Known,
) -> None:
    for holder, key in zip(holders, keys, strict=True):
        if holder is not None:
            check_source(holder.source, document, (*place, *key), known)


def check_measure(measure: Measure, known: Known, measures: Mapping[str, Measure]) -> None:
    """Refuse names that do not exist and effects that would do nothing. Raises InputError."""
    document, place, entry = measure.document, measure.place, measure.entry
    _check_sources((entry, entry.full, entry.cost, entry.unit_cost), _OWN, document, place, known)
    one_of(document, (*place, "reach_source"), entry.reach_source, known.sources, "source")
    check_month(document, (*place, "timing", "start"), entry.timing.start, first_month())
    for i, effect in enumerate(entry.effects):
        at = (*place, "effects", i)
        parts = (effect, effect.effect, effect.coverage, effect.baseline)
        _check_sources(parts, _OF_EFFECT, document, at, known)
        check_handle(effect, document, at, known, measures)
        unit = known.units.get(effect.handle, "multiplier")
        if (unit == "level") != (effect.form == "level"):
            allowed = "level" if unit == "level" else "share, dose, points"
            raise refusal(document, (*at, "form"), "the wrong form", effect.form, allowed)
    _check_shown(measure, known)


def _check_shown(measure: Measure, known: Known) -> None:
    document, place, entry = measure.document, measure.place, measure.entry
    at = (*place, "indicator")
    one_of(document, (*at, "id"), entry.indicator.id, known.indicators, "indicator")
    owners = [*known.products, *known.unions]
    one_of(document, (*at, "product"), entry.indicator.product, owners, "product")
    check_reach(entry.indicator, document, at, known)
    if entry.published is not None:
        at = (*place, "published")
        one_of(document, (*at, "product"), entry.published.product, owners, "product")
        of = entry.published.of
        # Completions of either outcome are read from those that the model counts.
        groups = [f"{TRANSITION}{group}" for group in (*known.counted, "completion")]
        if of.startswith(TRANSITION):
            one_of(document, (*at, "of"), of, groups, "group of transitions")
        else:
            one_of(document, (*at, "of"), of, known.indicators, "indicator")


def check_handle(
    effect: HandledReach,
    document: Document,
    place: Place,
    known: Known,
    measures: Mapping[str, object],
) -> None:
    """Check handle, products and selected measures of an effect of a measure or a driver."""
    handle, selected = effect.handle, effect.measures
    one_of(document, (*place, "handle"), handle, [*known.handles, *POLICY_HANDLES], "handle")
    check_reach(effect, document, place, known)
    if handle not in POLICY_HANDLES:
        if selected is not None:
            allowed = f"none: only {', '.join(POLICY_HANDLES)} act on measures"
            raise refusal(document, (*place, "measures"), "the wrong key", selected, allowed)
        check_reached(effect, handle, document, place, known)
        return
    if given := sorted(effect.model_fields_set & set(Reach.model_fields)):
        allowed = "measures: the handle acts on measures, not on products or people"
        value = getattr(effect, given[0])
        raise refusal(document, (*place, given[0]), "the wrong key", value, allowed)
    if handle in OF_RULES:
        if selected not in (None, ["all"]):
            allowed = "all: the handle acts on every rule"
            raise refusal(document, (*place, "measures"), "the wrong value", selected, allowed)
        return
    names = selectable(measures)
    for i, name in enumerate(selected or ()):
        one_of(document, (*place, "measures", i), name, names, "measure")


def selectable(measures: Mapping[str, object]) -> list[str]:
    """Words that select measures: all, local, joint, strategic and specific objectives, ids."""
    objectives = {getattr(measure, "objective", "none") for measure in measures.values()}
    return [*SELECTIONS, *STRATEGY, *sorted(objectives - {"none"}), *measures]


def selects(words: Sequence[str] | None, measure: Measure) -> bool:
    """Whether the words of a policy handle select a measure; none given selects all."""
    entry = measure.entry
    names = {"all", measure.id, measure.objective, measure.strategic}
    names |= {"local"} if entry.local else set()
    names |= {"joint"} if entry.joint else set()
    return words is None or not names.isdisjoint(words)


def position_error(measure: Measure | None, position: float) -> InputError | None:
    """Why a measure (None: a whole objective) cannot stand at a position; None when it can."""
    low, high = (0, 100) if measure is None else measure.entry.range
    if low <= position <= high:
        return None
    return InputError("the position is out of range", given=position, allowed=f"{low} to {high}")
