"""Outcomes over the years: a median and bands for each scenario, with the figures of history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, name_ends, numbers_on
from experiments.plots.analysis.outputs import About, assumed, source, what, where
from experiments.plots.analysis.wording import Words, in_shown, words_of
from experiments.plots.style import BLACK, FAINT_BAND, OPACITY, REFERENCE, SEVERAL, Look
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

LEFT, RIGHT, TALL = 0.7, 1.75, 3.3
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
ENDS = ("low90", "low50", "median", "high50", "high90")
COLUMNS = ("what", "scenario", "label", "year", *ENDS, "draws", "source", "unit")
LOOKS: tuple[Look, ...] = (REFERENCE, *SEVERAL)


def rows(
    array: xr.DataArray, about: About, language: str = "en", dots: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Quantiles by scenario and year of ``array`` (scenario, time, and draws by other names).

    ``dots``: observed figures with columns year, value, low, high (empty where not printed) and
    source, in the unit of ``about``. Runs without a value are left out, the others counted. Raises
    InputError for other dimensions and for too many scenarios.
    """
    words = words_of(language)
    if not {"scenario", "time"} <= set(array.dims):
        raise InputError("a fan needs the dimensions scenario and time", given=array.dims)
    if array.sizes["scenario"] > len(LOOKS):
        raise InputError(
            "too many scenarios for one plot",
            given=array.sizes["scenario"],
            allowed=f"at most {len(LOOKS)}",
        )
    factor, unit, found = in_shown(about.unit), words.unit(about.unit), []
    for one in array["scenario"].values.astype(str):
        for year in array["time"].values:
            values = factor * array.sel(scenario=one, time=year).values.astype(float).ravel()
            there = values[np.isfinite(values)]
            ends = np.quantile(there, LEVELS) if there.size else np.full(len(LEVELS), np.nan)
            found.append(
                (
                    "model",
                    one,
                    words.scenario(one),
                    int(year),
                    *map(float, ends),
                    there.size,
                    "",
                    unit,
                )
            )
    if dots is not None:
        first, last = array["time"].values.min(), array["time"].values.max()
        for dot in dots[(dots["year"] >= first) & (dots["year"] <= last)].itertuples():
            numbers = (factor * float(x) for x in (dot.low, dot.value, dot.high))
            low, value, top = numbers
            found.append(
                (
                    "observed",
                    "",
                    "",
                    float(dot.year),
                    low,
                    np.nan,
                    value,
                    np.nan,
                    top,
                    0,
                    str(dot.source),
                    unit,
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(
    array: xr.DataArray, about: About, language: str = "en", dots: pd.DataFrame | None = None
) -> Figure:
    """Bands of 90% and, of one or two scenarios, 50%. Raises InputError as ``rows``."""
    words = words_of(language)
    table = rows(array, about, language, dots)
    model, seen = table[table["what"] == "model"], table[table["what"] == "observed"]
    names = list(dict.fromkeys(model["scenario"]))
    missing = int(model["draws"].max() - model["draws"].min()) if len(model) else 0
    early = 0 if dots is None else len(dots) - len(seen)
    product = "" if about.of is None else about.of.product
    notes = [
        words.say("reading.fan" if len(names) <= 2 else "reading.fan-many"),
        words.say("reading.dots") if len(seen) else words.say("reading.no-dots"),
        words.some("others.early", early) if early else "",
        words.some("others.runs", missing) if missing else "",
        *about.notes,
        *assumed(words, product),
    ]
    years = sorted(set(model["year"]))
    with mpl.rc_context(LOOK):
        told = (
            {"first": int(years[0]), "last": int(years[-1])} if years else {"first": "", "last": ""}
        )
        frame = Frame(
            words.say("fan", what=_of(words, about), **told),
            "" if about.of is None else where(words, about.of),
            notes,
            source(words, about.attributes),
            TALL + 0.5,
        )
        if not model["median"].notna().any():
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, 0.2, WIDTH - LEFT - RIGHT, TALL)
        frame.text(0.1, 0.0, words.unit(about.unit), fontsize=7.5)
        for n, name in enumerate(names):
            _scenario(axes, model[model["scenario"] == name], LOOKS[n], n, len(names))
        axes.vlines(seen["year"], seen["low90"], seen["high90"], color=BLACK, linewidth=0.8)
        axes.plot(
            seen["year"],
            seen["median"],
            "o",
            color=BLACK,
            markersize=3.2,
            markerfacecolor="white",
            gid="dots",
            zorder=5,
        )
        if (table[["low90", "median"]].min().min()) >= 0:
            axes.set_ylim(bottom=0.0)
        axes.set_xlim(years[0] - 0.3, years[-1] + 0.4 + 0.25 * len(names))
        step = max(1, round(len(years) / 8))
        axes.set_xticks(years[::-step], [f"{year:.0f}" for year in years[::-step]])
        numbers_on(axes, words, "y")
        last = model[model["year"] == years[-1]]
        colours = [look.colour for look in LOOKS[: len(last)]]
        ends = list(zip(last["label"], last["median"], colours, strict=True))
        name_ends(axes, ends, RIGHT - 0.25)
    return frame.figure


def _of(words: Words, about: About) -> str:
    return about.text or ("" if about.of is None else what(words, about.of, "fan.of"))


def _scenario(axes: Axes, part: pd.DataFrame, look: Look, n: int, count: int) -> None:
    if count <= 2 or n == 0:
        axes.fill_between(
            part["year"],
            part["low90"],
            part["high90"],
            color=look.colour,
            alpha=OPACITY["95"] if count <= 2 else FAINT_BAND,
            linewidth=0,
        )
    if count <= 2:
        axes.fill_between(
            part["year"],
            part["low50"],
            part["high50"],
            color=look.colour,
            alpha=OPACITY["80"],
            linewidth=0,
        )
    axes.plot(
        part["year"],
        part["median"],
        color=look.colour,
        linestyle=look.dash,
        linewidth=1.6,
        gid=f"median-{n}",
    )
    last = part.iloc[-1]
    at = last["year"] + 0.3 + 0.25 * n
    axes.plot([at, at], [last["low90"], last["high90"]], color=look.colour, linewidth=1.8)
    axes.plot(
        [at],
        [last["median"]],
        look.marker,
        color=look.colour,
        markersize=4,
        markerfacecolor="white",
    )
