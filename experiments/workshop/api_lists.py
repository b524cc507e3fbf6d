"""What the API lists: levers, trends, scenarios, and what can be shown of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from experiments.workshop.baseline import AGES
from experiments.workshop.view import Graph
from model.strata import COUNTRY, REGIONS
from scenarios.levers import STRATEGY, Full
from scenarios.library import Library, load
from scenarios.schema import REFERENCE

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine

Names = dict[str, str]  # by language


class LeverOut(BaseModel):
    """An objective, a measure or a trend. ``at_100``: what 100 stands for, by language.

    A position on an objective moves the measures within it that have none of their own.
    """

    id: str
    kind: Literal["strategic", "objective", "measure", "trend"]
    within: str | None
    names: Names
    about: Names
    minimum: int
    maximum: int
    at_100: Names
    at_100_source: str | None = None
    source: str | None = None
    grade: str | None = None
    in_strategy: str | None = None
    note: str | None = None


class ScenarioOut(BaseModel):
    """A shipped scenario."""

    id: str
    names: Names
    about: Names
    reference: bool


class NamedOut(BaseModel):
    """Something that a graph names. ``unit``: of an indicator."""

    id: str
    names: Names
    unit: str | None = None


class Lists(BaseModel):
    """Everything that a body may name."""

    levers: list[LeverOut]
    indicators: list[NamedOut]
    products: list[NamedOut]
    regions: list[NamedOut]
    ages: list[NamedOut]
    scenarios: list[ScenarioOut]


def lists_of(engine: Engine) -> Lists:
    """All lists of an engine."""
    library, catalogue = engine.library, engine.catalogue
    owners = [("product", row.id) for row in catalogue.products]
    owners += [("union", row.id) for row in catalogue.unions]
    return Lists(
        levers=[*_objectives(library), *_measures(library), *_trends(library)],
        indicators=[
            NamedOut(id=row.id, names=_names(library, f"indicator.{row.id}"), unit=row.unit)
            for row in catalogue.indicators
            if any(engine.applies(Graph(row.id, owner)) for _, owner in owners)
        ],
        products=[_named(library, kind, one) for kind, one in owners],
        regions=[_named(library, "region", one) for one in (COUNTRY, *REGIONS)],
        ages=[_named(library, "age_group", one) for one in AGES],
        scenarios=[
            ScenarioOut(
                id=one.id,
                names=_names(library, f"scenario.{one.id}", one.title),
                about=_names(library, f"scenario.{one.id}.about", one.description),
                reference=one.id == REFERENCE,
            )
            for one in load(("all",), library)
        ],
    )


def _names(library: Library, key: str, otherwise: str = "") -> Names:
    """A text in the languages that have one."""
    found = {one: texts[key] for one, texts in library.texts.items() if key in texts}
    return found or ({"en": otherwise} if otherwise else {})


def _named(library: Library, kind: str, one: str) -> NamedOut:
    return NamedOut(id=one, names=_names(library, f"{kind}.{one}"))


def _objectives(library: Library) -> list[LeverOut]:
    within = {m.objective: m.strategic for m in library.measures.values()}
    rows: list[tuple[Literal["strategic", "objective"], str, str | None]] = [
        *(("strategic", one, None) for one in STRATEGY),
        *(("objective", one, within[one]) for one in library.objectives),
    ]
    return [
        LeverOut(
            id=one,
            kind=kind,
            within=parent,
            names=_names(library, f"{kind}.{one}"),
            about=_names(library, f"{kind}.{one}.about"),
            minimum=0,
            maximum=100,
            at_100=_names(library, "range.lever.full"),
        )
        for kind, one, parent in rows
    ]


def _measures(library: Library) -> list[LeverOut]:
    return [
        LeverOut(
            id=one,
            kind="measure",
            within=None if m.objective == "none" else m.objective,
            names=_names(library, f"measure.{one}"),
            about=_names(library, f"measure.{one}.about"),
            minimum=m.entry.range[0],
            maximum=m.entry.range[1],
            at_100={"en": f"{_interval(m.entry.full)} {m.entry.full.unit}"},
            at_100_source=m.entry.full.source,
            source=m.entry.source,
            grade=m.entry.grade,
            in_strategy=m.entry.in_strategy,
            note=m.entry.note,
        )
        for one, m in library.measures.items()
    ]


def _interval(full: Full) -> str:
    spread = "" if full.low is None else f" ({full.low:g} to {full.high:g})"
    return f"{full.value:g}{spread}"


def _trends(library: Library) -> list[LeverOut]:
    return [
        LeverOut(
            id=one,
            kind="trend",
            within=None,
            names=_names(library, f"trend.{one}"),
            about=_names(library, f"trend.{one}.about"),
            minimum=-100,
            maximum=100,
            at_100=_names(library, f"trend.{one}.plus"),
            source=", ".join(
                dict.fromkeys(d.entry.source for d in library.drivers.values() if d.trend == one)
            ),
        )
        for one in library.trends
    ]
