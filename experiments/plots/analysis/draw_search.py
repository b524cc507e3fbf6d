"""Plots of a portfolio search and of adaptive pathways into a folder, with their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.plots.analysis import pareto, pathways
from experiments.plots.analysis.frame import save
from experiments.plots.analysis.outputs import About, Of, what
from experiments.plots.analysis.wording import Words, in_shown, words_of
from experiments.plots.scenario_sheet import file_name
from experiments.robustness.portfolio_study import MEASURES

if TYPE_CHECKING:
    import pandas as pd

    from experiments.robustness.pathways import Aim, Tipping
    from experiments.robustness.pathways_table import Pathways
    from experiments.robustness.portfolio_problem import Wanted
    from experiments.robustness.portfolio_report import Report

Float = npt.NDArray[np.float64]

MOST = 6
"""Pairs of objectives that are drawn."""
OWN_SIDE = ("regret", "missed")  # statistics of which less is better, whatever the outcome
ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class _Objective:
    """One objective as drawn: ``values`` and ``spread`` (n, 2; 90% of futures) in ``unit``."""

    name: str
    short: str
    unit: str
    better: str
    values: Float
    spread: Float | None


def draw_portfolio(
    report: Report,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """The Pareto set by each pair of objectives, at most MOST pairs. Returns the paths written."""
    import pandas as pd

    words = words_of(language)
    found = report.found
    state, problem = found.state, found.problem
    objectives = _objectives(report, words)
    inside = np.zeros(len(state.positions), dtype=bool)
    inside[report.members] = True
    numbers = {int(number): name for number, name in zip(report.members, report.names, strict=True)}
    names = [numbers.get(i, f"run-{i}") for i in range(len(inside))]
    told = {"title": report.about.title, "runs": len(inside), **(attributes or {})}
    about = About(text="", attributes=told, notes=(words.say("reading.ambitions"),))
    written: list[Path] = []
    for x, y in list(combinations(objectives, 2))[:MOST]:
        table = pd.DataFrame({x.name: x.values, y.name: y.values, "in_set": inside}, index=names)
        for one in (x, y):
            if one.spread is not None:
                table[f"{one.name}_low"], table[f"{one.name}_high"] = one.spread.T
        table["label"] = [_levers(words, problem.levers, one) for one in state.positions]
        pair, better = (x.name, y.name), {x.name: x.better, y.name: y.better}
        figure = pareto.figure(
            table, pair, better, about, (), language, len(objectives), (x.unit, y.unit)
        )
        stem = file_name("pareto", x.short, y.short, language)
        written += save(figure, pareto.rows(table, pair, (), language), folder / stem)
    return written


def _objectives(report: Report, words: Words) -> list[_Objective]:
    found = report.found
    problem, state = found.problem, found.state
    drawn = []
    for j, one in enumerate(problem.outcomes):
        own = one.statistic in OWN_SIDE
        share = one.statistic == "missed"
        factor = 100.0 if share else in_shown(one.unit)
        judged = found.objectives[:, j] * (1.0 if own else one.sign) * factor
        spread = np.quantile(state.values[:, :, j], ENDS, axis=1).T * factor
        drawn.append(
            _Objective(
                words.say(f"statistic.{one.statistic}", what=_outcome(words, one)),
                f"{one.of[0]} {one.of[1]} {one.statistic}" if one.of else problem.objectives[j],
                words.say("percent") if share else words.unit(one.unit),
                "down" if own else one.better,
                judged,
                None if own else spread,
            )
        )
    if problem.counts_effort:
        unit = problem.effort_unit
        unit = words.say("unit.measures") if unit == MEASURES else words.unit(unit)
        values = found.objectives[:, len(problem.outcomes)]
        drawn.append(_Objective(words.say("effort", unit=unit), "effort", "", "down", values, None))
    # Two statistics of one outcome have two names; equal ones would be one column.
    return list({one.name: one for one in drawn}.values())


def _outcome(words: Words, one: Wanted) -> str:
    if one.of is None:
        return one.label
    indicator, product, group, year = one.of
    told = what(words, Of(indicator, product, year, group), "without-year")
    return told if group == "Belgium" else f"{told}, {words.group(group)}"


def _levers(words: Words, levers: tuple[str, ...], positions: Float) -> str:
    moved = [
        f"{name.replace('-', ' ')} {words.number(float(x))}%"
        for name, x in zip(levers, positions, strict=True)
        if x
    ]
    return ", ".join(moved) or words.say("no-lever")


def draw_pathways(
    found: Pathways,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """How long each package meets the aim and where one can go on. Returns the paths written."""
    words, tipping = words_of(language), found.tipping
    aim, last = tipping.aim, tipping.last
    of = Of(aim.indicator, aim.product, last, aim.group)
    text = what(words, of, "without-year")
    about = About(of, text, attributes=attributes or {}, notes=_at_once(words, tipping))
    told = _aim(words, aim, int(tipping.world.years[0]), tipping.start, _unit(aim.indicator))
    if aim.group != "Belgium":
        told = f"{words.group(aim.group)} · {told}"
    points: pd.DataFrame = found.points
    figure = pathways.figure(points, found.transfers, (tipping.start, last), about, language, told)
    stem = file_name("pathways", aim.indicator, aim.product, language)
    return save(figure, pathways.rows(points, found.transfers, language), folder / stem)


def _at_once(words: Words, tipping: Tipping) -> tuple[str, ...]:
    """Who misses the aim before anything could reach it: lines have no length there."""
    now = (tipping.year == tipping.start).mean(axis=1)
    names = [
        words.scenario(name)
        for name, share in zip(tipping.world.packages, now, strict=True)
        if share > 0.5
    ]
    told = words.say("aim.at-once", year=tipping.start, names="; ".join(names))
    return (told,) if names else ()


def _unit(indicator: str) -> str:
    from experiments.plots.analysis.wording import shipped

    return next((row.unit for row in shipped().indicators if row.id == indicator), "")


def _aim(words: Words, aim: Aim, today: int, first: int, unit: str) -> str:
    factor = in_shown(unit) if aim.relative == "absolute" else 1.0
    level = words.say(
        f"level.{aim.relative}",
        n=words.number(aim.threshold * factor),
        unit=words.unit(unit),
        name=words.scenario(aim.baseline),
        year=today,
    )
    return words.say(f"aim.{aim.better}", level=level, first=first)
