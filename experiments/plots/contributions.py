"""What each part of a scenario adds to its difference: a waterfall from a table of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.comparisons.compare_table import brief, three
from experiments.plots.scenario_sheet import Better, Picture, file_name, margin, new_sheet, short
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT, NARROW, STYLE, VERMILION
from model.errors import InputError

COLUMNS = ("part", "low90", "median", "high90", "from", "to", "unit")
RIGHT, LINE, ABOVE, BELOW = 1.7, 0.26, 0.3, 0.45  # inches
APART = 0.02
"""Share of the total beyond which medians of parts are said not to add up to it."""


@dataclass(frozen=True)
class Contribution:
    """A part of a difference: median and 90% interval over the draws, in one unit for all."""

    label: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Parts:
    """What is drawn: ``title`` says of what and when; ``better``: which direction is."""

    title: str
    unit: str
    rows: Sequence[Contribution]
    total: Contribution
    better: Better = ""
    drawn: Literal["prior", "posterior"] = "posterior"
    name: str = "contributions"


def contributions(parts: Parts) -> Picture:
    """Rows from the top, each from where the last ended; the total below. Raises InputError."""
    if not parts.rows:
        raise InputError("nothing to draw: no part of a difference", given=parts.title)
    starts, here = [], 0.0
    for row in parts.rows:
        starts.append(here)
        here += row.median
    notes = [
        "Bars: medians over the draws, each from where the one above ends; thin lines: 90% of "
        "draws of the part alone. Parts that act together share what they do together.",
        *_colours(parts.better),
        *_rest(parts, here),
    ]
    across = LINE * (len(parts.rows) + 1)
    with mpl.rc_context(STYLE):
        sheet, top = new_sheet(parts.title, parts.drawn, (NARROW, ABOVE + across + BELOW), notes)
        sheet.text(NARROW - RIGHT + 0.1, top + 0.08, "median (90%)", fontsize=7.5, color=GREY)
        left = margin(row.label for row in (*parts.rows, parts.total))
        axes = sheet.box(left, top + ABOVE, NARROW - left - RIGHT, across)
        _draw(axes, parts, starts)
    rows = [
        (row.label, row.low, row.median, row.high, start, start + row.median, parts.unit)
        for row, start in zip((*parts.rows, parts.total), (*starts, 0.0), strict=True)
    ]
    return Picture(file_name(parts.name), sheet.figure, COLUMNS, tuple(rows))


def _colours(better: Better) -> list[str]:
    return [f"Better is {better}: blue bars help, orange ones harm."] if better else []


def _rest(parts: Parts, summed: float) -> list[str]:
    gap = parts.total.median - summed
    if abs(gap) <= APART * abs(parts.total.median):
        return []
    told = f"{_told(parts, summed)} against {_told(parts, parts.total.median)} {parts.unit}"
    return [f"Medians of parts need not add up to the median of the whole: {told}."]


def _told(parts: Parts, number: float) -> str:
    if parts.unit.startswith("%"):
        return brief(number)
    rows = (*parts.rows, parts.total)
    return three(number, max(abs(end) for row in rows for end in (row.low, row.high)))


def _draw(axes: Axes, parts: Parts, starts: Sequence[float]) -> None:
    rows = (*parts.rows, parts.total)
    last = len(rows) - 1
    axes.set_ylim(last + 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.margins(x=0.03)
    axes.axvline(0.0, color=BLACK, linewidth=0.9, zorder=1)
    axes.axhline(last - 0.5, color=GREY, linewidth=0.6)
    place = axes.get_yaxis_transform()
    for i, (row, start) in enumerate(zip(rows, (*starts, 0.0), strict=True)):
        end, colour = start + row.median, BLACK if i == last else _colour(row, parts.better)
        axes.barh(i, row.median, left=start, height=0.62, color=colour, alpha=0.75, linewidth=0)
        ends = [start + row.low, start + row.high]
        axes.plot(ends, [i, i], color=LIGHT, linewidth=3.0, zorder=3, solid_capstyle="butt")
        axes.plot(ends, [i, i], color=BLACK, linewidth=1.0, zorder=4)
        if i < last - 1:
            axes.plot([end, end], [i, i + 1], color=GREY, linewidth=0.6, linestyle=":", zorder=2)
        median, low, high = (_told(parts, x) for x in (row.median, row.low, row.high))
        told = f"{median} ({low}, {high})"
        axes.text(1.012, i, told, transform=place, va="center", fontsize=7.5)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels([short(row.label) for row in rows], fontsize=8)
    axes.get_yticklabels()[last].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axes.set_xlabel(parts.unit, fontsize=8, labelpad=2)


def _colour(row: Contribution, better: Better) -> str:
    if not better:
        return BLUE
    return BLUE if (row.median > 0) == (better == "up") else VERMILION
