"""Indices of one output as bars: which factors matter most, with intervals and the dummy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import (
    LOOK,
    WIDTH,
    Frame,
    bar_key,
    label_rows,
    numbers_on,
    row_labels,
)
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
from experiments.plots.style import BLACK, BLUE, GREY, VERMILION

if TYPE_CHECKING:
    import xarray as xr

MOST = 15
SEEN = 1e-4  # of the largest index: a dummy below this is no line
LEFT, RIGHT, TICKS = 2.75, 0.95, 0.42  # inches
KEY = 0.24
LOOKS = ((BLUE, "", "s"), (VERMILION, "////", "D"))


def order_of(one: xr.Dataset) -> tuple[list[int], list[int], list[int]]:
    """Factors that are drawn, largest main index first; other ones; those without an index.

    The dummy itself, where it is among the factors, stands as a line and not as a factor.
    """
    main = np.abs(values(one, main_index(one)))
    dim = factor_dim(one)
    ids = one[dim].values.astype(str) if dim in one.coords else np.array([""] * len(main))
    real = [i for i in range(len(main)) if ids[i] != "dummy"]
    there = sorted((i for i in real if np.isfinite(main[i])), key=lambda i: (-main[i], i))
    return there[:MOST], there[MOST:], [i for i in real if not np.isfinite(main[i])]


def rows(dataset: xr.Dataset, of: Of, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: a row a factor and index, from the top; intervals are 95%.

    ``low`` and ``high`` are empty where the method gives no interval. Units: shares of the
    variance or of 1, but of Morris the unit of the outcome. Raises InputError where ``of`` names no
    output.
    """
    one, words = one_output(dataset, of), words_of(language)
    method, factor = method_of(one), shown_factor(dataset, one_output(dataset, of))
    names = factor_names(one, words)
    dim = factor_dim(one)
    found = []
    for i in order_of(one)[0]:
        for index, conf in bars_of(one):
            value, half = (float(values(one, name)[i]) * factor for name in (index, conf))
            found.append(
                {
                    "factor": str(one[dim].values[i]) if dim in one.coords else str(i),
                    "label": names[i],
                    "index": index,
                    "value": value,
                    "low": value - half,
                    "high": value + half,
                    "least": float(values(one, "minimum")[i]) if method == "pawn" else np.nan,
                    "most": float(values(one, "maximum")[i]) if method == "pawn" else np.nan,
                    "dummy": number(one, "dummy") * factor,
                    "unit": words.unit(unit_of(one))
                    if method in IN_UNITS
                    else words.say("index-unit"),
                }
            )
    columns = ("factor", "label", "index", "value", "low", "high", "least", "most", "dummy", "unit")
    return pd.DataFrame(found, columns=list(columns))


def figure(dataset: xr.Dataset, of: Of, language: str = "en") -> Figure:
    """The largest 15 factors; the others in words. Raises InputError for an unknown output."""
    one, words = one_output(dataset, of), words_of(language)
    table = rows(dataset, of, language)
    labels = list(dict.fromkeys(table["factor"]))
    named = dict(zip(table["factor"], table["label"], strict=True))
    told, each = row_labels([named[label] for label in labels], LEFT - 0.2)
    bars = bars_of(one)
    each = max(each, 0.13 * len(bars) + 0.08)
    keys = KEY
    middle = keys + each * len(labels) + TICKS if labels else 1.0
    with mpl.rc_context(LOOK):
        frame = Frame(
            what(words, of, "drives"),
            where(words, of, words.say(f"method.{method_of(one)}")),
            notes(words, dataset, of, table),
            source(words, dataset.attrs),
            middle,
        )
        if not labels:
            return frame.nothing(no_index(words, one))
        drawn = zip(bars, LOOKS, strict=False)
        bar_key(frame, [(*look[:2], words.say(f"index.{index}")) for (index, _), look in drawn])
        axes = frame.box(LEFT, keys, WIDTH - LEFT - RIGHT, each * len(labels))
        _draw(axes, table, labels, told, words)
        axes.set_xlabel(words.say("axis.index"), labelpad=2)
        frame.text(
            WIDTH - RIGHT + 0.08, keys - 0.17, words.say("value-interval"), fontsize=7, color=GREY
        )
    return frame.figure


def _draw(
    axes: Axes, table: pd.DataFrame, labels: list[str], told: list[str], words: Words
) -> None:
    label_rows(axes, told)
    indices = list(dict.fromkeys(table["index"]))
    tall = 0.78 / len(indices)
    place = axes.get_yaxis_transform()
    for k, index in enumerate(indices):
        colour, hatch, _ = LOOKS[k]
        part = table[table["index"] == index].set_index("factor").loc[labels]
        at = np.arange(len(labels)) + tall * (k - (len(indices) - 1) / 2)
        axes.barh(
            at,
            np.nan_to_num(part["value"]),
            height=tall * 0.9,
            edgecolor=colour,
            color="white" if hatch else colour,
            alpha=1.0 if hatch else 0.8,
            hatch=hatch,
            linewidth=0.7,
            gid=f"bars-{index}",
        )
        axes.hlines(
            at, part["least"], part["most"], color=GREY, linewidth=0.8, linestyle=(0, (1, 1))
        )
        axes.hlines(
            at, part["low"], part["high"], color=BLACK, linewidth=1.1, gid=f"intervals-{index}"
        )
        if k == len(indices) - 1:
            largest = float(np.nanmax(np.abs(part["value"].to_numpy(float)), initial=0.0))
            for y, (value, low, top) in enumerate(
                zip(part["value"], part["low"], part["high"], strict=True)
            ):
                axes.text(
                    1.02,
                    y,
                    _told(words, (value, low, top), largest),
                    transform=place,
                    va="center",
                    fontsize=7,
                )
    numbers_on(axes, words)
    axes.axvline(0, color=BLACK, linewidth=0.7)
    dummy = table["dummy"].iloc[0]
    if np.isfinite(dummy) and dummy > SEEN * table["value"].abs().max():
        axes.axvline(dummy, color=BLACK, linewidth=1.0, linestyle=(0, (4, 2)), gid="dummy")


def _told(words: Words, bar: tuple[float, float, float], largest: float) -> str:
    value, low, top = bar
    number = words.beside(value, largest)
    half = (top - low) / 2
    if not np.isfinite(half) or number.startswith("<"):
        return number
    return f"{number} ± {words.beside(half, largest)}"


def notes(words: Words, dataset: xr.Dataset, of: Of, table: pd.DataFrame) -> list[str]:
    """How to read, what is not drawn, the verdict, what is assumed."""
    one = one_output(dataset, of)
    method = method_of(one)
    interval = table["low"].notna().any()
    reading = [
        words.say(f"reading.{method}"),
        words.say("reading.interval" if interval else "reading.no-interval"),
    ]
    if "dummy" in one and np.isnan(number(one, "dummy")) and method not in IN_UNITS:
        reading.append(words.say("reading.no-dummy"))
    least = SEEN * float(np.nanmax(np.abs(one[main_index(dataset)].values), initial=0.0))
    if number(one, "dummy") > least:
        reading.append(
            words.say(
                "reading.dummy",
                dummy=words.number(number(one, "dummy") * shown_factor(dataset, one), digits=2),
            )
        )
    return [
        " ".join(reading),
        replayed(words, one, list(table["factor"])),
        *left_out(words, dataset, one),
        verdict(words, one),
        *assumed(words, of.product, one),
    ]


def replayed(words: Words, one: xr.Dataset, drawn: list[str]) -> str:
    """How many of the factors drawn act before the branch; "" where the results do not say."""
    dim = factor_dim(one)
    if "factor_history" not in one.coords:
        return ""
    early = [
        bool(acts)
        for name, acts in zip(one[dim].values, one["factor_history"].values, strict=True)
        if str(name) in drawn
    ]
    if not any(early):
        return words.say("replay.none")
    return words.some("replay", sum(early), all=words.number(len(early), whole=True))


def left_out(words: Words, dataset: xr.Dataset, one: xr.Dataset) -> list[str]:
    """How many factors are not drawn, and how large they are at most."""
    _, others, none = order_of(one)
    told = []
    if others:
        index, conf = bars_of(one)[-1]
        main = np.abs(values(one, index))[others]
        low = main - np.nan_to_num(values(one, conf)[others])
        dummy = number(one, "dummy")
        if np.isfinite(dummy) and (low <= dummy).all():
            told.append(words.some("others.below", len(others)))
        else:
            largest = words.number(float(main.max()) * shown_factor(dataset, one), digits=2)
            above = int((low > dummy).sum()) if np.isfinite(dummy) else 0
            told.append(words.some("others.most", len(others), most=largest))
            if above:
                told.append(words.some("others.above", above))
    if none:
        told.append(words.some("others.none", len(none)))
    return [" ".join(told)] if told else []
