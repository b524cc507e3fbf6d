"""Pages about what scenarios move: measures, trends, scenarios with their rules, and the aims."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from experiments.comparisons.scoreboard import load_scoreboard
from experiments.lists.listing import ASSUMED
from experiments.lists.show_levers import (
    IN_STRATEGY,
    cost_text,
    driven_text,
    effect_text,
    half,
    moves_text,
    size_source,
)
from experiments.reproduce.model_tables import code
from experiments.reproduce.pages import Block, Cells, put_page
from model.catalogue import load_catalogue
from scenarios.levers import Measure
from scenarios.library import Library, load, load_library
from scenarios.texts import text
from scenarios.trends import Driver

BASES = {
    "size": "direction and size from the source",
    "direction": "direction from the source, size assumed",
    ASSUMED: "assumed",
}


def write(folder: Path) -> None:
    """Write the four pages. Raises InputError where a file cannot be read."""
    library = load_library(load_catalogue())
    put_page(folder, "measures", "Measures", _measures(library))
    put_page(folder, "trends", "Trends", _trends(library))
    put_page(folder, "scenarios", "Scenarios and rules", _scenarios(library))
    put_page(folder, "aims", "Aims of the strategy", _aims(library))


def _measures(library: Library) -> list[Block]:
    measures = list(library.measures.values())
    sizes = [size_source(m.entry, effect) for m in measures for effect in m.entry.effects]
    assumed = sum(size == ASSUMED for size in sizes)
    priced = sum(m.entry.cost is not None for m in measures)
    grades = Counter(m.entry.grade for m in measures)
    words = (
        f"{len(measures)} measures are the levers of scenarios: position 0 is current policy, 100 "
        f"the full extent. Of {len(sizes)} sizes of effects {assumed} are assumed. What 100 means, "
        "whom a measure reaches and when are assumed unless a source is named. A cost in EUR a "
        f"year was found for {priced}.",
        f"Evidence for a size: {', '.join(f'{g} {n}' for g, n in grades.most_common())}.",
        "An effect is a factor on what its handle is (a hazard, a price, places: `drugfutures show "
        "handles`), with its range, unless it says else: a level, or a ratio of odds or risks. In "
        "brackets how a factor e acts at c, the product of position, coverage and time: share, "
        "1 + c (e - 1); dose, e to the power c; level, c e; points, a curve by position.",
    )
    overview = tuple(
        (
            code(m.id),
            text(library.texts, "en", f"measure.{m.id}"),
            "outside" if m.objective == "none" else m.objective,
            IN_STRATEGY[m.entry.in_strategy],
            half(library, m.entry).removeprefix("at 50: "),
            m.entry.grade,
            m.entry.source,
            _mark(m),
            cost_text(m.entry),
        )
        for m in measures
    )
    columns = ("id", "name", "objective", "strategy", "at 50", "evidence", "source")
    effects = tuple(
        (code(m.id), effect_text(effect), size_source(m.entry, effect))
        for m in measures
        for effect in m.entry.effects
    )
    at_full = tuple(
        (code(m.id), number_text_of(m), m.entry.full.unit, m.entry.full.source, _timing(m))
        for m in measures
    )
    return [
        Block("", words, (*columns, "sizes assumed", "cost a year"), overview),
        Block("Effects", (), ("measure", "effect (range)", "source of the size"), effects),
        Block(
            "What 100 means, and when",
            ("Timing is assumed unless the measure's note names a source.",),
            ("measure", "at 100 (range)", "unit", "source", "timing"),
            at_full,
        ),
    ]


def _mark(measure: Measure) -> str:
    effects = measure.entry.effects
    assumed = sum(size_source(measure.entry, effect) == ASSUMED for effect in effects)
    return f"{assumed} of {len(effects)}"


def number_text_of(measure: Measure) -> str:
    """The full extent of a measure with its range."""
    full = measure.entry.full
    spread = "" if full.low is None else f" ({full.low:g} to {full.high:g})"
    return f"{full.value:g}{spread}"


def _timing(measure: Measure) -> str:
    timing = measure.entry.timing
    fades = f", loses {timing.fades:.0%} a year" if timing.fades else ""
    return f"from {timing.start}, lag {timing.lag:g} years, ramp {timing.ramp:g} years{fades}"


def _trends(library: Library) -> list[Block]:
    def words_of(trend: str, end: str = "") -> str:
        return text(library.texts, "en", f"trend.{trend}{end}")

    drivers = list(library.drivers.values())
    bases = Counter(driver.entry.basis for driver in drivers)
    told = ", ".join(f"{BASES[basis]} {n}" for basis, n in bases.most_common())
    words = (
        f"{len(library.trends)} trends outside policy move {len(drivers)} drivers. Position 0 is "
        "how things would go on, 100 the adverse end and -100 the favourable one. What drivers "
        f"rest on: {told}.",
    )
    trends = tuple(
        (trend, words_of(trend), words_of(trend, ".plus"), words_of(trend, ".minus"))
        for trend in library.trends
    )
    rows = tuple(_driver(library, driver) for driver in drivers)
    columns = ("trend", "driver", "name", "side and shape", "effect in 2030 or event (range)")
    impact = tuple(
        (trend, *(f"{value:g}" for value in library.cross_impact[i]))
        for i, trend in enumerate(library.trends)
    )
    return [
        Block("", words, ("trend", "name", "at 100", "at -100"), trends),
        Block("Drivers", (), (*columns, "rests on", "source"), rows),
        Block(
            "How trends go together",
            ("Correlations of the positions when all trends are drawn: assumed.",),
            ("trend", *library.trends),
            impact,
        ),
    ]


def _driver(library: Library, driver: Driver) -> Cells:
    entry = driver.entry
    told = [driven_text(effect) for effect in entry.effects]
    if entry.shock is not None:
        every = "until 2030" if entry.shock.by_2030 else "a year"
        shock = entry.shock
        told.insert(
            0,
            f"event: probability {shock.central:g} ({shock.low:g} to {shock.high:g}) {every}",
        )
    return (
        driver.trend,
        code(driver.id),
        text(library.texts, "en", f"driver.{driver.id}"),
        f"{entry.side}, {entry.shape}",
        "; ".join(told) or "moves nothing",
        BASES[entry.basis],
        entry.source,
    )


def _scenarios(library: Library) -> list[Block]:
    found = load(["all"], library)
    rows = tuple(
        (
            code(one.id),
            one.title,
            "; ".join(moves_text(library, one)) or "nothing: current policy goes on",
            one.description,
        )
        for one in found
    )
    rules = tuple(
        (
            code(rule.entry.id),
            text(library.texts, "en", f"rule.{rule.entry.id}"),
            f"{rule.entry.indicator} of {rule.entry.product} in {rule.entry.region} "
            f"{rule.entry.when} {rule.entry.threshold:g}",
            f"{rule.entry.delay:g}",
            f"{rule.entry.noise:.0%}",
            ", ".join(f"{name} to {at:g}" for name, at in rule.entry.then.items()),
            rule.entry.source,
        )
        for rule in library.rules.values()
    )
    words = (
        f"{len(rows)} scenarios are shipped. A number behind SD1 to SD6 counts the measures that "
        "move; trends stand with their positions. Titles say what is tried, not how likely it is.",
    )
    columns = ("id", "measures", "when", "known after (months)", "noise", "then", "source")
    return [
        Block("", words, ("id", "title", "what moves", "description"), rows),
        Block("Adaptive rules", (), columns, rules),
    ]


def _aims(library: Library) -> list[Block]:
    rows = tuple(
        (
            text(library.texts, "en", f"aim.{row.aim}"),
            code(row.indicator) + (f" per {code(row.per)}" if row.per else ""),
            code(row.product),
            row.group,
            row.statistic,
            row.better,
            row.why,
            row.source,
        )
        for row in load_scoreboard()
    )
    words = (
        f"{len(rows)} numbers stand for the aims. They are not weighed and not added up: which "
        "aim counts for how much is not for a model to say.",
    )
    columns = ("aim", "indicator", "product", "group", "statistic", "better", "why", "source")
    return [Block("", words, columns, rows)]
