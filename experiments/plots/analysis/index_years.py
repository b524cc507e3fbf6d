"""Heat map of the main index over the years: when which factor matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, row_labels
from experiments.plots.analysis.heat import Heat, draw_heat
from experiments.plots.analysis.index_bars import LEFT, MOST
from experiments.plots.analysis.outputs import (
    IN_UNITS,
    Of,
    assumed,
    bars_of,
    factor_dim,
    factor_names,
    main_index,
    method_of,
    no_index,
    places,
    shown_factor,
    source,
    unit_of,
    values,
    where,
)
from experiments.plots.analysis.wording import Words, words_of
from experiments.sensitivity.verdict import NO_DUMMY, threshold

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = ("factor", "label", "year", "index", "value", "low", "high", "dummy", "verdict", "unit")
HEAD, RIGHT = 0.24, 0.1


def rows(dataset: xr.Dataset, of: Of, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: a row a factor and year; ``of.year`` plays no part."""
    words = words_of(language)
    some = dataset.isel(output=places(dataset, of, years=True)).sortby("year")
    index, conf = bars_of(dataset)[-1]
    scale = shown_factor(dataset, some.isel(output=0))
    dim, names = factor_dim(dataset), factor_names(dataset, words)
    found = []
    for k in _order(some):
        for t in range(some.sizes["output"]):
            one = some.isel(output=t)
            value, half = (float(values(one, name)[k]) * scale for name in (index, conf))
            found.append(
                (
                    str(dataset[dim].values[k]) if dim in dataset.coords else str(k),
                    names[k],
                    int(one["year"]),
                    index,
                    value,
                    value - half,
                    value + half,
                    float(one["dummy"]) * scale if "dummy" in one else np.nan,
                    str(one["verdict"].values) if "verdict" in one else "",
                    words.unit(unit_of(one))
                    if method_of(dataset) in IN_UNITS
                    else words.say("index-unit"),
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def _order(some: xr.Dataset) -> list[int]:
    """Factors by their largest index in any year, MOST at most."""
    dim, name = factor_dim(some), main_index(some)
    seen = np.abs(some[name].transpose(dim, "output").values.astype(float))
    top = np.nanmax(np.where(np.isfinite(seen), seen, -1.0), axis=1)
    ids = some[dim].values.astype(str) if dim in some.coords else np.array([""] * len(top))
    there = [k for k in range(len(top)) if top[k] >= 0 and ids[k] != "dummy"]
    return sorted(there, key=lambda k: (-top[k], k))[:MOST]


def figure(dataset: xr.Dataset, of: Of, language: str = "en") -> Figure:
    """Factor by year, numbers in the cells; hatched where an interval holds the dummy."""
    words = words_of(language)
    table = rows(dataset, of, language)
    factors, years = (list(dict.fromkeys(table[name])) for name in ("factor", "year"))
    named = dict(zip(table["factor"], table["label"], strict=True))
    told, each = row_labels([named[one] for one in factors], LEFT - 0.2)
    with mpl.rc_context(LOOK):
        title = words.say(
            "drives-years",
            what=words.inside(words.indicator(of.indicator)),
            What=words.indicator(of.indicator),
            product=words.inside(words.product(of.product)),
            first=min(years, default=of.year),
            last=max(years, default=of.year),
        )
        frame = Frame(
            title,
            where(words, of, words.say(f"index.{main_index(dataset)}")),
            _notes(words, dataset, of, table),
            source(words, dataset.attrs),
            HEAD + max(each, 0.27) * len(factors) + 0.1 if factors else 1.0,
        )
        if not factors:
            return frame.nothing(no_index(words, dataset.isel(output=places(dataset, of)[0])))
        axes = frame.box(LEFT, HEAD, WIDTH - LEFT - RIGHT, max(each, 0.27) * len(factors))
        shape = (len(factors), len(years))
        value, low, dummy = (
            table[name].to_numpy(float).reshape(shape) for name in ("value", "low", "dummy")
        )
        half = value - low
        bar = threshold(dummy, method_of(dataset) not in IN_UNITS)
        faint = np.abs(value) - np.nan_to_num(half) <= bar
        largest = float(np.nanmax(np.abs(value), initial=0.0))

        def cell(i: int, j: int) -> str:
            number = words.beside(value[i, j], largest)
            room = len(years) <= 8 and np.isfinite(half[i, j])
            return f"{number}\n±{words.beside(half[i, j], largest)}" if room else number

        size = 7.0 if len(years) <= 10 else 6.5
        draw_heat(
            axes, Heat(np.abs(value), faint, cell, size=size), told, [str(year) for year in years]
        )
    return frame.figure


def _notes(words: Words, dataset: xr.Dataset, of: Of, table: pd.DataFrame) -> list[str]:
    some = dataset.isel(output=places(dataset, of, years=True))
    dim = factor_dim(dataset)
    others = some.sizes[dim] - table["factor"].nunique()
    if dim in dataset.coords and "dummy" in dataset[dim].values.astype(str):
        others -= 1
    left = [words.some("others.years", others)] if others else []
    told = table.drop_duplicates("year")
    bad = [
        str(year)
        for year, said in zip(told["year"], told["verdict"], strict=True)
        if said != "converged"
    ]
    judged = words.say("verdict.years", years=", ".join(bad)) if bad else words.say("verdict.all")
    return [
        " ".join((words.say("reading.heat"), _hatched(words, dataset, table))),
        *left,
        judged,
        *assumed(words, of.product, some.isel(output=0)),
    ]


def _hatched(words: Words, dataset: xr.Dataset, table: pd.DataFrame) -> str:
    if table["dummy"].notna().any() or method_of(dataset) in IN_UNITS:
        return words.say("reading.hatched")
    return words.say("reading.hatched-floor", floor=words.number(NO_DUMMY, digits=1))
