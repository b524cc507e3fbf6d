"""Which pairs of factors act together: the second-order indices of Sobol as a triangle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, row_labels
from experiments.plots.analysis.heat import Heat, draw_heat
from experiments.plots.analysis.index_bars import LEFT
from experiments.plots.analysis.outputs import (
    Of,
    assumed,
    factor_dim,
    factor_names,
    one_output,
    source,
    verdict,
    what,
    where,
)
from experiments.plots.analysis.wording import words_of
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

MOST = 10
COLUMNS = ("factor", "label", "factor2", "label2", "value", "low", "high", "unit")


def rows(dataset: xr.Dataset, of: Of, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: a row a pair, of the ten factors with the strongest pairs.

    Raises InputError where the results lack pairs.
    """
    if "S2" not in dataset:
        raise InputError(
            "these results have no second-order indices", allowed="sensitivity sobol --second-order"
        )
    words, one = words_of(language), one_output(dataset, of)
    dim, names = factor_dim(dataset), factor_names(dataset, words)
    pair = one["S2"].values.astype(float)
    pair = np.where(np.isfinite(pair), pair, pair.T)
    half = one["S2_conf"].values.astype(float)
    half = np.where(np.isfinite(half), half, half.T)
    ids = dataset[dim].values.astype(str)
    top = np.nanmax(np.where(np.isfinite(pair), pair, -np.inf), axis=1)
    order = sorted(
        (k for k in range(len(ids)) if math.isfinite(top[k]) and ids[k] != "dummy"),
        key=lambda k: (-top[k], k),
    )[:MOST]
    found = [
        (
            ids[i],
            names[i],
            ids[j],
            names[j],
            pair[i, j],
            pair[i, j] - half[i, j],
            pair[i, j] + half[i, j],
            words.say("index-unit"),
        )
        for n, i in enumerate(order)
        for j in order[:n]
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(dataset: xr.Dataset, of: Of, language: str = "en") -> Figure:
    """A lower triangle; columns are numbered as the rows are. Raises InputError as ``rows``."""
    words, one = words_of(language), one_output(dataset, of)
    table = rows(dataset, of, language)
    ids = list(dict.fromkeys([*table["factor2"], *table["factor"]]))
    named = dict(
        zip([*table["factor2"], *table["factor"]], [*table["label2"], *table["label"]], strict=True)
    )
    labels, each = row_labels([f"{n}. {named[one]}" for n, one in enumerate(ids, 1)], LEFT - 0.2)
    each = max(each, 0.3)
    others = sum(str(x) != "dummy" for x in dataset[factor_dim(dataset)].values) - len(ids)
    notes = [
        words.say("reading.pairs"),
        words.some("others.pairs", others) if others else "",
        verdict(words, one),
        *assumed(words, of.product, one),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            what(words, of, "pairs"),
            where(words, of, words.say("index.S2")),
            notes,
            source(words, dataset.attrs),
            0.24 + each * len(ids) + 0.1 if ids else 1.0,
        )
        if not ids:
            return frame.nothing(words.say("nothing.index"))
        axes = frame.box(LEFT, 0.24, WIDTH - LEFT - 0.1, each * len(ids))
        size = len(ids)
        value, low, half = (np.full((size, size), np.nan) for _ in range(3))
        for row in table.itertuples():
            at = ids.index(row.factor), ids.index(row.factor2)
            value[at], low[at], half[at] = row.value, row.low, row.value - row.low

        def cell(i: int, j: int) -> str:
            if j >= i or not math.isfinite(value[i, j]):
                return ""
            after = f"\n±{words.number(half[i, j], digits=1)}" if math.isfinite(half[i, j]) else ""
            return f"{words.number(value[i, j], digits=2)}{after}"

        draw_heat(
            axes,
            Heat(value, np.where(np.isfinite(low), low, value) <= 0, cell, size=7.0),
            labels,
            [f"{n}" if n < size else "" for n in range(1, size + 1)],
        )
        for patch in list(axes.patches):  # the diagonal and what lies above it
            _, i, j = str(patch.get_gid()).split("-")
            if int(j) >= int(i):
                patch.remove()
    return frame.figure
