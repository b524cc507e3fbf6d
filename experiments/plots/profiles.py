"""All scenarios by one indicator: the paired difference of each, sorted."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.comparisons.compare import (
    CLEAR,
    EQUAL,
    NOT_VISIBLE,
    NOTHING,
    WHOLE,
    Paired,
    Scenarios,
    paired,
)
from experiments.comparisons.compare_table import ABOUT_NOUGHT, not_visible, whole_percent
from experiments.plots.scenario_fans import Of
from experiments.plots.scenario_sheet import (
    IDS,
    Better,
    Cell,
    Float,
    Picture,
    about,
    file_name,
    margin,
    new_sheet,
    priors_note,
    reading_notes,
    short,
)
from experiments.plots.style import BLACK, BLUE, GREY, NARROW, STYLE, VERMILION
from model.errors import InputError

COLUMNS = (
    *("scenario", "title", "year", "low90", "low50", "median", "high50", "high90"),
    *("share_above", "share_below", "direction", "draws", "missing_draws", "unit"),
)
RIGHT, LINE, ABOVE, BELOW = 1.55, 0.185, 0.42, 0.42  # inches
UNTOLD = ("unclear", EQUAL, NOT_VISIBLE, NOTHING)
SIDES = {"better": BLUE, "worse": VERMILION, **dict.fromkeys(UNTOLD, GREY)}
MARKERS = {"better": "o", "worse": "D", **dict.fromkeys(UNTOLD, "s")}
FEW, LEAST = 3, 5.0
"""Fewer scenarios than this have an axis of at least this many percent on both sides."""
NEUTRAL = {"up": "above", "down": "below"}


@dataclass(frozen=True)
class Profile:
    """A scenario: its paired numbers, the 50% interval, and how they are told."""

    scenario: str
    title: str
    paired: Paired
    low50: float
    high50: float
    direction: str


def profiles(dataset: xr.Dataset, of: Of, better: Better = "", year: int | None = None) -> Picture:
    """Difference from the baseline in percent of it, a line a scenario.

    ``better``: which direction is; "" draws all in one colour. Raises InputError where no value is
    there.
    """
    scenarios = Scenarios(dataset)
    baseline, at = scenarios.baseline(of.baseline), scenarios.last(year)
    title, _, _ = about(scenarios, of.indicator, of.product, of.group)
    values = scenarios.values(of.indicator, of.product, of.group, at)
    found = _found(scenarios, values, baseline, better)
    if not any(one.paired.draws for one in found):
        raise InputError("nothing to draw: no value in these results", given=title)
    missing = max(one.paired.missing for one in found)
    out = f"Draws without a value are left out: up to {missing} of {scenarios.draws}."
    notes = [
        "Markers: medians of the difference within each draw; thick bars 50%, thin bars 90% of "
        "draws. Right: the share of draws with the sign of the median.",
        " ".join([_colours(better), *not_visible(one.paired for one in found), IDS]),
        *reading_notes(scenarios, of.indicator),
        " ".join(([out] if missing else []) + priors_note(scenarios, of.product)),
    ]
    across = LINE * max(len(found), 4)
    with mpl.rc_context(STYLE):
        sheet, top = new_sheet(
            title, scenarios.drawn, (NARROW, ABOVE + across + BELOW), [n for n in notes if n]
        )
        head = f"Difference from {scenarios.titles[baseline]} in {at}, % of it"
        sheet.text(0.12, top, head, fontsize=9)
        sheet.text(NARROW - RIGHT + 0.1, top + 0.22, "draws agree", fontsize=7.5, color=GREY)
        left = margin(one.title for one in found)
        axes = sheet.box(left, top + ABOVE, NARROW - left - RIGHT, across)
        _draw(axes, found)
    where = [] if of.group == WHOLE else [of.group]
    name = file_name("profiles", of.indicator, of.product, *where)
    rows = tuple(_row(one, at) for one in found)
    return Picture(name, sheet.figure, COLUMNS, rows)


def _colours(better: Better) -> str:
    if not better:
        return "Neither direction is called better here."
    return (
        f"Better is {better}. Blue dots: better, orange diamonds: worse, in {CLEAR:.0%} or more of "
        "draws; grey squares: unclear or no visible difference."
    )


def _found(scenarios: Scenarios, values: Float, baseline: str, better: Better) -> list[Profile]:
    reference, found = values[scenarios.ids.index(baseline)], []
    for i, one in enumerate(scenarios.ids):
        if one == baseline:
            continue
        pair = paired(reference, values[i])
        there = np.isfinite(reference) & np.isfinite(values[i]) & (reference != 0.0)
        share = 100.0 * (values[i] - reference)[there] / np.abs(reference[there])
        ends = np.quantile(share, (0.25, 0.75)) if there.any() else (np.nan, np.nan)
        told = direction(pair, better)
        found.append(
            Profile(one, scenarios.titles[one], pair, float(ends[0]), float(ends[1]), told)
        )
    return sorted(found, key=lambda one: -np.nan_to_num(one.paired.percent))


def direction(pair: Paired, better: Better) -> str:
    """better, worse, unclear or one of the words for nothing; above or below if none is better."""
    if not pair.draws:
        return NOTHING
    if pair.equal:
        return EQUAL
    if pair.negligible:
        return NOT_VISIBLE
    side = "up" if pair.up >= CLEAR else "down" if pair.down >= CLEAR else None
    if side is None:
        return "unclear"
    if not better:
        return NEUTRAL[side]
    return "better" if side == better else "worse"


def _row(one: Profile, year: int) -> tuple[Cell, ...]:
    pair = one.paired
    numbers = (pair.percent_low, one.low50, pair.percent, one.high50, pair.percent_high)
    counts = (pair.up, pair.down, one.direction, pair.draws, pair.missing, "% of the baseline")
    return (one.scenario, one.title, year, *numbers, *counts)


def _agree(pair: Paired) -> str:
    if pair.negligible:
        return ABOUT_NOUGHT
    return pair.certainty if pair.equal or not pair.draws else whole_percent(pair.agree)


def _draw(axes: Axes, found: list[Profile]) -> None:
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.axvline(0.0, color=BLACK, linewidth=0.9, zorder=1)
    axes.grid(False, axis="y")
    place = axes.get_yaxis_transform()
    for i, one in enumerate(found):
        pair = one.paired
        if i % 2:
            axes.axhspan(i - 0.5, i + 0.5, color="#F5F5F5", zorder=0, linewidth=0)
        colour = SIDES.get(one.direction, BLUE)
        axes.plot([pair.percent_low, pair.percent_high], [i, i], color=colour, linewidth=1.0)
        axes.plot(
            [one.low50, one.high50], [i, i], color=colour, linewidth=3.2, solid_capstyle="butt"
        )
        axes.plot(
            [pair.percent],
            [i],
            marker=MARKERS.get(one.direction, "o"),
            markersize=4.6,
            color=colour,
            markerfacecolor="white" if colour == GREY else colour,
            zorder=4,
        )
        axes.text(1.012, i, _agree(pair), transform=place, va="center", fontsize=7.5, color=colour)
    if len(found) < FEW:
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -LEAST), max(high, LEAST))
    axes.set_yticks(range(len(found)))
    axes.set_yticklabels([short(one.title) for one in found], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8, top=len(found) > 12, labeltop=len(found) > 12)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axes.set_xlabel("change in % of the baseline", fontsize=8, labelpad=2)
