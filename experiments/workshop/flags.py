"""What a reader must know before trusting a graph: flags of what is shown and what is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from experiments.lists.show_levers import size_source
from experiments.workshop.answers import BRANCH_YEAR, LEVELS, YEARS, Fan
from experiments.workshop.engines import LEAST, SURE, differences
from experiments.workshop.meaning import handle, owner
from experiments.workshop.view import Graph
from experiments.workshop.wording import Words
from model.catalogue import Catalogue
from scenarios.entries import ASSUMED
from scenarios.library import Library
from scenarios.schema import Plan, ScenarioFile
from scenarios.texts import CAUTION, CAUTIONED

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine

SCENARIO_ONLY = "scenario-only"
MOST_NAMES = 6
SMALLEST = 0.1  # percent that an error is told as, at least
SLACK = 1e-9  # of the range: rounding is not outside
FAR_OFF, FAR_LEVEL = 0.5, 0.005  # of the change, and of the level: a reader would stumble
LOWEST, MEDIAN, HIGHEST = 0, LEVELS.index(0.5), len(LEVELS) - 1


@dataclass(frozen=True)
class Flag:
    """``key``: ``flag.KEY`` says it in short, ``flag.KEY.full`` whole. ``names``: keys of the
    texts that are told in it; ``fill``: its numbers; ``text``: key of what is told instead."""

    key: str
    names: tuple[str, ...] = ()
    fill: Mapping[str, float | str] = field(default_factory=dict)
    text: str = ""


def flags_of(
    graph: Graph, scenario: ScenarioFile, engine: Engine, fan: Fan | None = None
) -> list[Flag]:
    """Flags of a graph and of what is moved. ``fan``: the scenario's answer, where it is there.

    Raises InputError for a scenario that moves what it may not.
    """
    plan = engine.plan(scenario)
    found = [
        _caution(graph),
        _scenario_only(graph, engine.catalogue),
        None if fan is None else outside(engine.reference(graph), fan),
        None if fan is None else medians(engine.reference(graph), fan),
        _engines(graph),
        _assumed(plan, engine.library),
        _beyond(plan, engine.library),
    ]
    return [flag for flag in found if flag is not None]


def short(flag: Flag, words: Words) -> str:
    """A flag in a few words."""
    return words.say(f"flag.{flag.key}")


def told(flag: Flag, words: Words) -> str:
    """A flag in a sentence or two."""
    if flag.text:
        return words.name(flag.text)
    fill: dict[str, object] = {
        key: words.plain(value) if isinstance(value, float) else value
        for key, value in flag.fill.items()
    }
    if flag.names:
        fill["names"] = _listed([_name(key, words) for key in flag.names], words)
    return words.say(f"flag.{flag.key}.full", **fill)


def _name(key: str, words: Words) -> str:
    group, _, name = key.partition(".")
    if group in ("product", "handle"):
        return (owner if group == "product" else handle)(name, words)
    return words.name(key)


def _listed(names: Sequence[str], words: Words) -> str:
    more = len(names) - MOST_NAMES
    if more <= 0:
        return ", ".join(names)
    first = ", ".join(names[:MOST_NAMES])
    return words.say("flag.more", names=first, count=more)


def _caution(graph: Graph) -> Flag | None:
    """What to know of the indicator itself."""
    key = f"indicator.{graph.indicator}{CAUTION}"
    return Flag("caution", text=key) if graph.indicator in CAUTIONED else None


def _scenario_only(graph: Graph, catalogue: Catalogue) -> Flag | None:
    """A product that the model is not fitted to, or such members of a union."""
    unions = {row.id: row.members.split() for row in catalogue.unions}
    members = unions.get(graph.product, [graph.product])
    modes = {row.id: row.mode for row in catalogue.products}
    found = tuple(f"product.{name}" for name in members if modes.get(name) == SCENARIO_ONLY)
    return Flag("scenario-only", found) if found else None


def outside(reference: Fan, fan: Fan) -> Flag | None:
    """The scenario's median leaves, after the branch, all that the model gives before it.

    That is: below the lowest 5% point or above the highest 95% point of current policy in any year
    from 2010 to 2023, in the graph's own region and ages.
    """
    years = np.array(YEARS)
    past = reference.bands[:, years < BRANCH_YEAR]
    if not np.isfinite(past).any():
        return None
    low, high = np.nanmin(past[LOWEST]), np.nanmax(past[HIGHEST])
    slack = SLACK * max(abs(low), abs(high))
    median = fan.bands[MEDIAN]
    off = (years >= BRANCH_YEAR) & ((median < low - slack) | (median > high + slack))
    return Flag("outside", fill={"years": _spans(years[off].tolist())}) if off.any() else None


def medians(reference: Fan, fan: Fan) -> Flag | None:
    """The medians of the last year, subtracted, are far from the median change of the draws."""
    if fan.change is None:
        return None
    level = float(reference.bands[MEDIAN, -1])
    apart = float(fan.bands[MEDIAN, -1]) - level
    off = abs(apart - fan.change.median)
    seen = off > max(FAR_OFF * abs(fan.change.median), FAR_LEVEL * abs(level))
    return Flag("medians") if seen else None


def _spans(years: Sequence[int]) -> str:
    """Years, those in a row by the first and last: 2026, 2028-2030."""
    spans: list[list[int]] = []
    for year in years:
        if spans and spans[-1][1] == year - 1:
            spans[-1][1] = year
        else:
            spans.append([year, year])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _engines(graph: Graph) -> Flag | None:
    """Agents and compartments differ in 2030 under current policy, by ``engines.csv``.

    By at least LEAST percent and SURE standard errors of the seeds; for Belgium and all ages, which
    is told of any region and ages.
    """
    found = differences().get((graph.indicator, graph.product))
    if found is None or not found.told:
        return None
    numbers = {
        "difference": float(round(abs(found.percent))),
        "error": max(SMALLEST, round(found.error, 1)),
        "least": LEAST,
        "sure": SURE,
    }
    return Flag("engines", fill={**numbers, "sign": "+" if found.percent > 0 else "−"})


def _assumed(plan: Plan, library: Library) -> Flag | None:
    """All that acts, also by a rule, of which the size of some effect is assumed."""
    found = [f"measure.{name}" for name in _moved(plan, library) if assumed(name, library)]
    trends = library.trends if plan.central_trends else [t for t, at in plan.trends.items() if at]
    weak = {name: one.trend for name, one in library.drivers.items() if one.entry.basis != "size"}
    found += [f"trend.{name}" for name in trends if name in weak.values()]
    found += [f"driver.{event.driver}" for event in plan.events if event.driver in weak]
    changes = (change.entry for change in plan.changes)
    found += [f"handle.{change.handle}" for change in changes if change.source == ASSUMED]
    return Flag("assumed", tuple(dict.fromkeys(found))) if found else None


def assumed(measure: str, library: Library) -> bool:
    """Whether the size of any effect of a measure is assumed."""
    entry = library.measures[measure].entry
    return any(size_source(entry, effect) == ASSUMED for effect in entry.effects)


def _beyond(plan: Plan, library: Library) -> Flag | None:
    """Measures that are moved, also by a rule, and that the strategy neither names nor implies."""
    moved = [name for name in _moved(plan, library) if not library.measures[name].ambition]
    return Flag("beyond", tuple(f"measure.{name}" for name in moved)) if moved else None


def _moved(plan: Plan, library: Library) -> list[str]:
    """Measures that are moved, or will be where a rule acts."""
    found = [name for name, position in plan.levers.items() if np.any(position)]
    for rule in plan.rules:
        found += [name for name, position in library.rules[rule].entry.then.items() if position]
    return list(dict.fromkeys(found))
