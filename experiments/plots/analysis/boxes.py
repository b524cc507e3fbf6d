"""Scenario discovery by PRIM: the trade-off of coverage and density, and the limits of a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import (
    LOOK,
    WIDTH,
    Frame,
    inches,
    label_rows,
    numbers_on,
    row_labels,
)
from experiments.plots.analysis.index_bars import LEFT
from experiments.plots.analysis.outputs import About, factor_in_words, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

DIMENSIONS = (
    (BLACK, "o"),
    (BLUE, "s"),
    (VERMILION, "^"),
    (GREEN, "D"),
    (PURPLE, "v"),
    (ORANGE, "P"),
    (SKY, "X"),
)
TRADE = (
    "step",
    "restricted",
    "coverage",
    "density",
    "mass",
    "cases",
    "chosen",
)
LIMITS = (
    "factor",
    "label",
    "low",
    "high",
    "least",
    "most",
    "values",
    "quasi_p_low",
    "quasi_p_high",
    "again",
    "unit",
)


def wilson(share: float, count: float) -> tuple[float, float]:
    """The 95% interval of a share of ``count`` cases (Wilson's score)."""
    if not count:
        return float("nan"), float("nan")
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def trade_off_rows(trajectory: Sequence[Any], chosen: int | None = None) -> pd.DataFrame:
    """A row a box of the trajectory; shares of 1.

    Without intervals of the density: cases of one point share its factors, and boxes were searched.

    ``trajectory``: boxes with coverage, density, mass, cases, restricted and step
    (``experiments.robustness.boxes.Box``); ``chosen``: the step of the box chosen.
    """
    found = [
        (
            one.step,
            one.restricted,
            one.coverage,
            one.density,
            one.mass,
            one.cases,
            one.step == chosen,
        )
        for one in trajectory
    ]
    return pd.DataFrame(found, columns=list(TRADE))


def trade_off(
    trajectory: Sequence[Any], about: About, language: str = "en", chosen: int | None = None
) -> Figure:
    """Coverage against density, coloured and marked by the number of restricted factors."""
    words, table = words_of(language), trade_off_rows(trajectory, chosen)
    notes = [words.say("reading.trade-off"), words.say("quasi"), *about.foot(words)]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("trade-off", what=about.told(words)),
            "",
            notes,
            source(words, about.attributes),
            3.75 if len(table) else 1.0,
        )
        if table.empty:
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(0.65, 0.1, WIDTH - 0.65 - 1.9, 3.2)
        down = 0.15
        frame.text(WIDTH - 1.75, down, words.say("restricted"), fontsize=7, weight="bold")
        for n in sorted(set(table["restricted"])):
            colour, marker = DIMENSIONS[min(n, len(DIMENSIONS) - 1)]
            part = table[table["restricted"] == n]
            axes.plot(
                100 * part["coverage"],
                100 * part["density"],
                marker,
                color=colour,
                markersize=5,
                gid=f"points-{n}",
            )
            down += 0.19
            box = frame.box(WIDTH - 1.75, down - 0.01, 0.14, 0.14)
            box.set_axis_off()
            box.plot([0], [0], marker=marker, color=colour, markersize=5)
            frame.text(WIDTH - 1.53, down, f"{n}", fontsize=7)
        _chosen(axes, table[table["chosen"]], words)
        axes.set_xlim(0, 104)
        axes.set_ylim(0, 104)
        numbers_on(axes, words, "x", 6, "%")
        numbers_on(axes, words, "y", 6, "%")
        axes.set_xlabel(words.say("axis.coverage"), labelpad=2)
        axes.set_ylabel(words.say("axis.density"), labelpad=3)
    return frame.figure


def _chosen(axes: Axes, taken: pd.DataFrame, words: Words) -> None:
    """A ring around the box chosen, and its name."""
    axes.plot(
        100 * taken["coverage"],
        100 * taken["density"],
        "o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=BLACK,
        markeredgewidth=1.2,
    )
    for row in taken.itertuples():
        axes.annotate(
            words.say("chosen"),
            (100 * row.coverage, 100 * row.density),
            xytext=(-9, -9),
            textcoords="offset points",
            fontsize=7,
            ha="right",
            weight="bold",
        )


def box_rows(
    box: Any, factors: Sequence[Any], language: str = "en", again: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A row a restricted factor, its limits and its whole range in the factor's unit.

    ``box``: with limits of factor, low, high, values and quasi-p; ``factors``:
    ``experiments.batch.factors.Factor``; ``again``: share of halves of the points in which the
    search restricts a factor, columns factor and share.
    """
    words, known = words_of(language), {one.id: one for one in factors}
    often = {} if again is None else dict(zip(again["factor"], again["share"], strict=True))
    found = []
    for limit in box.limits:
        one = known.get(limit.factor)
        least, most = (one.low, one.high) if one else (np.nan, np.nan)
        label = (
            factor_in_words(words, limit.factor, one.kind, one.name, one.label)
            if one
            else (limit.factor)
        )
        nan = float("nan")
        found.append(
            (
                limit.factor,
                label,
                limit.low if limit.low is not None else nan,
                limit.high if limit.high is not None else nan,
                least,
                most,
                "|".join(limit.values),
                nan if limit.quasi_p_low is None else limit.quasi_p_low,
                nan if limit.quasi_p_high is None else limit.quasi_p_high,
                often.get(limit.factor, nan),
                one.unit if one else "",
            )
        )
    return pd.DataFrame(found, columns=list(LIMITS))


def box_figure(
    box: Any,
    factors: Sequence[Any],
    about: About,
    language: str = "en",
    again: pd.DataFrame | None = None,
    unseen: tuple[float, float, float] | None = None,
) -> Figure:
    """Bars of the limits within the whole range of each factor; numbers and quasi-p beside.

    ``unseen``: density in points that the search had not seen, and its 90% ends over halves.
    """
    words, table = words_of(language), box_rows(box, factors, language, again)
    left, right = LEFT, 1.25
    told, each = row_labels(list(table["label"]), left - 0.2)
    each = max(each, 0.42)
    numbers = words.say(
        "box.numbers",
        coverage=words.share(box.coverage),
        density=words.share(box.density),
        mass=words.share(box.mass),
    )
    tried = ""
    if unseen is not None and np.isfinite(unseen).all():
        density, low, top = map(words.share, unseen)
        tried = words.say("box.unseen", density=density, low=low, high=top)
    free = len(factors) - len(table)
    notes = [
        words.say("reading.box"),
        tried,
        words.some("others.free", free) if free else "",
        words.say("quasi"),
        *about.foot(words),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("box", what=about.told(words)),
            numbers,
            notes,
            source(words, about.attributes),
            0.25 + each * len(table) + 0.1 if len(table) else 0.9,
        )
        if table.empty:
            return frame.nothing(words.say("nothing.box"))
        axes = frame.box(left, 0.22, WIDTH - left - right - 0.3, each * len(table))
        label_rows(axes, told)
        axes.set_xlim(0, 1)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        for i, row in enumerate(table.itertuples()):
            _limit(axes, i, row, words)
        frame.text(WIDTH - right - 0.2, 0.0, words.say("head.quasi-p"), fontsize=7, color=GREY)
        place = axes.get_yaxis_transform()
        for i, row in enumerate(table.itertuples()):
            both = [p for p in (row.quasi_p_low, row.quasi_p_high) if np.isfinite(p)]
            told_p = ", ".join(f"{words.number(p, digits=2)}" for p in both) or "–"
            if np.isfinite(row.again):
                told_p += "\n" + words.say("again", share=words.share(row.again))
            axes.text(1.04, i, told_p, transform=place, va="center", fontsize=7)
    return frame.figure


def _limit(axes: Axes, i: int, row: Any, words: Words) -> None:
    axes.barh(i, 1, height=0.3, color="#EDEDED", linewidth=0)
    if row.values:
        axes.text(0.5, i, row.values.replace("|", ", "), ha="center", va="center", fontsize=7)
        return
    size = row.most - row.least
    if not np.isfinite(size) or size <= 0:
        return
    low = row.low if np.isfinite(row.low) else row.least
    top = row.high if np.isfinite(row.high) else row.most
    first, last = (low - row.least) / size, (top - row.least) / size
    axes.barh(
        i,
        last - first,
        left=first,
        height=0.3,
        color=BLUE,
        alpha=0.85,
        linewidth=0,
        gid=f"limit-{i}",
    )
    unit = f" {words.unit(row.unit)}" if row.unit else ""
    for at, end, side in ((0.0, row.least, "left"), (1.0, row.most, "right")):
        axes.text(at, i + 0.38, words.number(end), ha=side, va="center", fontsize=6.5, color=GREY)
    told = words.number(low) + " – " + words.number(top)
    if not np.isfinite(row.low):
        told = f"≤ {words.number(top)}"
    elif not np.isfinite(row.high):
        told = f"≥ {words.number(low)}"
    told += unit
    half = inches(told, 7) / 2 / (WIDTH - LEFT - 1.55)
    axes.text(
        float(np.clip((first + last) / 2, half, 1 - half)),
        i - 0.3,
        told,
        ha="center",
        va="center",
        fontsize=7,
        weight="bold",
        color=BLACK,
    )
