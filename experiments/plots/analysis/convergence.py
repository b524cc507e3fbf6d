"""How the indices settle as the sample grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, name_ends, numbers_on
from experiments.plots.analysis.index_bars import order_of
from experiments.plots.analysis.outputs import (
    Of,
    assumed,
    bars_of,
    factor_dim,
    factor_names,
    main_index,
    number,
    one_output,
    shown_factor,
    source,
    unit_of,
    values,
    verdict,
    what,
    where,
)
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, SEVERAL, Look
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

LOOKS = (*SEVERAL, Look(BLACK, (0, (5, 2)), "X"), Look("#8C7A00", (0, (1, 1)), "*"))
COLUMNS = ("factor", "label", "size", "index", "value", "low", "high", "dummy", "unit")
RIGHT, LEFT, TALL = 2.6, 0.6, 3.2


def rows(dataset: xr.Dataset, of: Of, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: the main index of the largest eight factors at each sample size.

    A row for each. Intervals (95%) are known at the full size alone. Raises InputError where the
    results lack smaller sizes.
    """
    if "index_by_size" not in dataset:
        raise InputError("these results do not hold the indices of smaller samples")
    words, one = words_of(language), one_output(dataset, of)
    index, conf = bars_of(dataset)[-1]
    scale, names, dim = shown_factor(dataset, one), factor_names(one, words), factor_dim(dataset)
    by_size = one["index_by_size"].transpose("size", dim).values.astype(float)
    sizes = dataset["size"].values.astype(int)
    unit = words.unit(unit_of(one)) if scale != 1.0 else words.say("index-unit")
    found = []
    for k in order_of(one)[0][: len(LOOKS)]:
        half = float(values(one, conf)[k]) * scale
        for s, size in enumerate(sizes):
            value = float(by_size[s, k]) * scale
            ends = (value - half, value + half) if s == len(sizes) - 1 else (np.nan, np.nan)
            found.append(
                (
                    str(dataset[dim].values[k]),
                    names[k],
                    int(size),
                    index,
                    value,
                    *ends,
                    number(one, "dummy") * scale,
                    unit,
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(dataset: xr.Dataset, of: Of, language: str = "en") -> Figure:
    """Lines over sample sizes with names at their ends. Raises InputError as ``rows``."""
    words, one = words_of(language), one_output(dataset, of)
    table = rows(dataset, of, language)
    factors = list(dict.fromkeys(table["factor"]))
    shown, others, _ = order_of(one)
    rest = len(shown) + len(others) - len(factors)
    notes = [
        words.say("reading.convergence"),
        words.some("others.lines", rest) if rest else "",
        verdict(words, one),
        *assumed(words, of.product, one),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            what(words, of, "settled"),
            where(words, of, words.say(f"index.{main_index(dataset)}")),
            notes,
            source(words, dataset.attrs),
            TALL + 0.5 if factors else 1.0,
        )
        if not table["value"].notna().any():
            return frame.nothing(words.say("nothing.sizes"))
        axes = frame.box(LEFT, 0.1, WIDTH - LEFT - RIGHT, TALL)
        _draw(axes, table, factors, words)
    return frame.figure


def _draw(axes: Axes, table: pd.DataFrame, factors: list[str], words: Words) -> None:
    for look, factor in zip(LOOKS, factors, strict=False):
        part = table[table["factor"] == factor]
        axes.plot(
            part["size"],
            part["value"],
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markersize=4.5,
            linewidth=1.4,
            gid=f"line-{factor}",
        )
        axes.vlines(part["size"], part["low"], part["high"], color=look.colour, linewidth=1.8)
    dummy = table["dummy"].iloc[0]
    if np.isfinite(dummy):
        axes.axhline(dummy, color=BLACK, linewidth=1.0, linestyle=(0, (4, 2)), gid="dummy")
    sizes = sorted(set(table["size"]))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value, whole=True)))
    numbers_on(axes, words, "y")
    axes.set_xlabel(words.say("axis.size"), labelpad=2)
    axes.set_ylabel(words.say("axis.index"), labelpad=3)
    last = table[table["size"] == sizes[-1]].set_index("factor").loc[factors]
    colours = [look.colour for look in LOOKS[: len(last)]]
    name_ends(axes, list(zip(last["label"], last["value"], colours, strict=True)), RIGHT - 0.3)
