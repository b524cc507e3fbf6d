"""All plots of a result into a folder, each a PNG with its numbers as CSV beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.comparisons.told_first import rank
from experiments.plots.analysis import (
    boxes,
    convergence,
    dots,
    index_bars,
    index_years,
    morris,
    pairs,
    parallel,
    regret,
    tornado,
    tree,
    value,
)
from experiments.plots.analysis.frame import save
from experiments.plots.analysis.outputs import About, Of, method_of, places, row_in_words
from experiments.plots.analysis.wording import Words, in_shown, words_of
from experiments.plots.scenario_sheet import file_name
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from experiments.robustness.discovery import Discovery
    from experiments.robustness.futures import Futures
    from experiments.robustness.measures import Robustness
    from experiments.robustness.value_table import Found

MOST = 6
"""Outputs that are drawn where none is named."""
PART = 5
"""Outcomes side by side in one picture."""
Pair = tuple["Figure", "pd.DataFrame"]


def outputs_of(dataset: xr.Dataset) -> list[Of]:
    """The outputs of the last year: what is told first, then all in the order of the results."""
    found: dict[Of, None] = {}
    last = int(dataset["year"].values.max())
    scenarios = dataset["scenario"].values if "scenario" in dataset.coords else None
    groups = dataset["group"].values if "group" in dataset.coords else None
    for i, year in enumerate(dataset["year"].values):
        if int(year) == last:
            found[
                Of(
                    str(dataset["indicator"].values[i]),
                    str(dataset["product"].values[i]),
                    last,
                    "Belgium" if groups is None else str(groups[i]),
                    None if scenarios is None else str(scenarios[i]),
                )
            ] = None
    return sorted(found, key=lambda one: rank(one.indicator, one.product))


def draw_sensitivity(
    dataset: xr.Dataset, folder: Path, language: str = "en", asked: Sequence[Of] | None = None
) -> list[Path]:
    """Bars (or mu*-sigma, or a tornado), years, pairs and convergence of each output asked for.

    ``asked`` None: the first outputs of the last year, at most MOST. Returns the paths written.
    Raises InputError for an unknown language, method or output.
    """
    words_of(language)
    method = method_of(dataset)
    written: list[Path] = []
    for of in outputs_of(dataset)[:MOST] if asked is None else asked:
        modules: dict[str, Any] = {"bars": index_bars}
        if method == "morris":
            modules = {"morris": morris}
        elif method == "fractional-factorial":
            modules = {"tornado": tornado}
        if len(places(dataset, of, years=True)) > 1:
            modules["years"] = index_years
        if "S2" in dataset:
            modules["pairs"] = pairs
        if "index_by_size" in dataset:
            modules["convergence"] = convergence
        for name, module in modules.items():
            more = [] if of.scenario is None else [of.scenario]
            where = [] if of.group == "Belgium" else [of.group]
            stem = file_name(name, of.indicator, of.product, str(of.year), *where, *more, language)
            figure = module.figure(dataset, of, language)
            written += save(figure, module.rows(dataset, of, language), folder / stem)
    return written


def draw_discovery(
    found: Discovery,
    folder: Path,
    language: str = "en",
    attributes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Of PRIM the trade-off and the box, of CART the tree. Returns the paths written."""
    words_of(language)
    sought = found.sought
    outcome = sought.outcome
    of = Of(outcome.indicator, outcome.product, outcome.year, outcome.group, sought.scenario)
    about = About(
        of,
        unit=found.unit,
        attributes={"method": sought.method.upper(), **(attributes or {})},
        notes=() if found.found else (words_of(language).say("not-found"),),
    )
    factors = found.cases.factors
    drawn: dict[str, Pair] = {}
    if sought.method == "prim":
        box = found.boxes[0]
        drawn["trade-off"] = (
            boxes.trade_off(found.trajectory, about, language, box.step),
            boxes.trade_off_rows(found.trajectory, box.step),
        )
        again, unseen = found.again, found.trial.density
        ends = (unseen.low, unseen.high)
        again = again.rename(columns={"restricted": "share"})
        drawn["box"] = (
            boxes.box_figure(box, factors, about, language, again, (unseen.value, *ends)),
            boxes.box_rows(box, factors, language, again),
        )
    else:
        drawn["tree"] = (
            tree.figure(found.trajectory, factors, about, language),
            tree.rows(found.trajectory, factors, language),
        )
    return [
        path
        for name, (figure, rows) in drawn.items()
        for path in save(
            figure,
            rows,
            folder
            / file_name(name, of.indicator, of.product, str(of.year), sought.scenario, language),
        )
    ]


def draw_value(found: Found, futures: Futures, folder: Path, language: str = "en") -> list[Path]:
    """The value of knowing each factor before a policy is chosen. Returns the paths written."""
    from experiments.robustness.value_of_information import table

    words_of(language)
    one = found.outcome
    of = Of(one.indicator, one.product, one.year, one.group)
    about = About(of, unit=found.result.unit, attributes=futures.store.attrs)
    told, factors = table(found.result, found.labels), futures.factors
    figure = value.figure(told, factors, found.result.best, about, language, found.result.above)
    group = [] if of.group == "Belgium" else [of.group]
    stem = file_name("value", of.indicator, of.product, str(of.year), *group, language)
    return save(figure, value.rows(told, factors, language), folder / stem)


def draw_robustness(
    outcomes: xr.DataArray,
    folder: Path,
    language: str = "en",
    about: About | None = None,
    baseline: str | None = None,
    measures: Robustness | None = None,
) -> list[Path]:
    """Regret by outcome, means of all outcomes, differences from the baseline, and the measures.

    ``outcomes``: (policy, future, outcome) with the coordinate better by outcome; ``baseline``: a
    policy (default: the first); ``measures``: of the same outcomes, a table for each of the first
    MOST. Returns the paths written. Raises InputError for an unknown baseline.
    """
    import xarray as xr

    words = words_of(language)
    about = about or About()
    # The same outcome may stand in two aims.
    _, first_of = np.unique(outcomes["outcome"].values.astype(str), return_index=True)
    outcomes = outcomes.isel(outcome=np.sort(first_of))
    names = [str(one) for one in outcomes["policy"].values]
    first = names[0] if baseline is None else baseline
    if first not in names:
        raise InputError("no such baseline", given=first, allowed=names)
    ids = {
        str(one): str(way)
        for one, way in zip(outcomes["outcome"].values, outcomes["better"].values, strict=True)
    }
    outcomes = _labelled(outcomes, words)
    if "unit" in outcomes.coords:  # shares are drawn in percent
        shown = [in_shown(str(one)) for one in outcomes["unit"].values]
        outcomes = outcomes * xr.DataArray(shown, dims="outcome")
    better = {
        str(one): str(way)
        for one, way in zip(outcomes["outcome"].values, outcomes["better"].values, strict=True)
    }
    drawn = _of_parts(outcomes, better, about, language)
    for n, (low, high) in enumerate(pairwise([*range(0, len(better), dots.MOST), len(better)]), 1):
        part = outcomes.isel(outcome=slice(low, high))
        drawn[f"profiles-{n}"] = (
            dots.figure(part, first, about, language),
            dots.rows(part, first, language),
        )
    if measures is not None:
        drawn |= _robustness(measures, ids, about, language)
    return [
        path
        for name, (figure, rows) in drawn.items()
        for path in save(figure, rows, folder / file_name(name, language))
    ]


def _of_parts(
    outcomes: xr.DataArray, better: Mapping[str, str], about: About, language: str
) -> dict[str, Pair]:
    """Regret and means, PART outcomes a picture."""
    words, count = words_of(language), outcomes.sizes["outcome"]
    percent = About(about.of, about.text, "%", about.attributes, about.notes)
    notes = (words.say("reading.means"), *about.notes)
    whole = About(about.of, about.text, about.unit, about.attributes, notes)
    drawn: dict[str, Pair] = {}
    for n, (low, high) in enumerate(pairwise([*range(0, count, PART), count]), 1):
        part, number = outcomes.isel(outcome=slice(low, high)), f"-{n}" if count > PART else ""
        table = regret_table(part)
        drawn[f"regret{number}"] = (
            regret.figure(table, percent, language),
            regret.rows(table, "%", language),
        )
        if part.sizes["outcome"] > 1:
            sides = {
                _with_unit(words, one): better[str(one["outcome"].item())] for one in _each(part)
            }
            part = part.assign_coords(outcome=list(sides))
            means = part.mean("future").transpose("policy", "outcome").to_pandas()
            drawn[f"parallel{number}"] = (
                parallel.figure(means, sides, whole, (), language),
                parallel.rows(means, sides, (), language),
            )
    return drawn


def _each(outcomes: xr.DataArray) -> list[xr.DataArray]:
    return [outcomes.isel(outcome=i) for i in range(outcomes.sizes["outcome"])]


def _with_unit(words: Words, one: xr.DataArray) -> str:
    name = str(one["outcome"].item())
    if "unit" not in one.coords:
        return name
    return words.say("in-unit", what=name, unit=words.unit(str(one["unit"].item())))


def _labelled(outcomes: xr.DataArray, words: Words) -> xr.DataArray:
    """With the label of each outcome as its name, in words where it is known, where all differ."""
    if "label" not in outcomes.coords:
        return outcomes
    labels = [
        row_in_words(words, str(key), str(label))
        for key, label in zip(outcomes["outcome"].values, outcomes["label"].values, strict=True)
    ]
    return outcomes.assign_coords(outcome=labels) if len(set(labels)) == len(labels) else outcomes


def _robustness(
    found: Robustness, better: Mapping[str, str], about: About, language: str
) -> dict[str, Pair]:
    words = words_of(language)
    drawn: dict[str, Pair] = {}
    for outcome in [one for one in better if (found.measures["outcome"] == one).any()][:MOST]:
        own = found.measures[found.measures["outcome"] == outcome]
        own = own[own["aim"] == own["aim"].iloc[0]]  # a row may stand in two aims
        table, ways, ends, shares = regret.from_measures(own, outcome, better[outcome], language)
        turned = found.reversals
        if len(turned):
            turned = turned[(turned["outcome"] == outcome) & turned["clear"].astype(bool)]
            turned = sorted({*turned["policy"], *turned["other"]})
        unit = str(own["unit"].iloc[0])
        for one in (table, *ends):
            rest = [column for column in one.columns if column not in shares]
            one[rest] = one[rest] * in_shown(unit)
        label = row_in_words(words, outcome, str(own["label"].iloc[0]))
        text = words.say("in-unit", what=label, unit=words.unit(unit))
        what = About(about.of, text, unit, about.attributes, about.notes)
        drawn[f"robustness-{outcome}"] = (
            regret.table_figure(table, ways, what, language, ends, list(turned), shares),
            regret.table_rows(table, ways, language, ends, list(turned), shares),
        )
    return drawn


def regret_table(outcomes: xr.DataArray) -> pd.DataFrame:
    """Largest regret over futures of each policy and outcome, in percent.

    Of the mean over futures of what the best policy has: one number an outcome, so that a future in
    which the best is about 0 neither blows up nor drops out. NaN where that mean is 0. Rows are
    policies, columns outcomes.
    """
    sign = (outcomes["better"] == "up") * 2.0 - 1.0
    best = (outcomes * sign).max("policy")
    size = abs(best).mean("future")
    gap = 100.0 * (best - outcomes * sign) / size.where(size != 0)
    table: pd.DataFrame = gap.max("future").transpose("policy", "outcome").to_pandas()
    return table
