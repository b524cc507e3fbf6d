"""One page: how often leave-one-out intervals hold the figure, and all of them by product."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from calibration import checks
from calibration.score import INTERVALS
from experiments.plots.style import BLACK, BLUE, DPI, GREY, STYLE, VERMILION, WIDE

Centred = tuple[str, bool, tuple[float, ...], tuple[float, float]]
"""Id, whether testable, points (median, ends of 50, 80, 95%) and observed ends around the median.
"""

BARS = dict(zip(INTERVALS, checks.BARS, strict=True))
"""Shares of figures that the interval of each level is asked to hold."""
COLUMNS = 4
PANEL, ABOVE, BELOW, HEADER, FOOTER = 1.5, 0.46, 0.22, 0.75, 0.62  # inches
LEFT, BETWEEN, RIGHT = 0.55, 0.5, 0.15
TOP = math.log(8.0)
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
NAME = "coverage"


@dataclass(frozen=True)
class Share:
    """The figures of one product in the order in which they are drawn."""

    name: str
    rows: Sequence[Centred]

    @property
    def tested(self) -> list[Centred]:
        """Rows that can test the model."""
        return [row for row in self.rows if row[1]]


def inside(row: Centred) -> list[bool]:
    """Within the 50, 80 and 95% intervals."""
    _, _, points, (low, high) = row
    return [bool(high >= points[i] and low <= points[i + 1]) for i in (1, 3, 5)]


def save_coverage(shares: Sequence[Share], folder: Path) -> list[Path]:
    """Write ``coverage.png`` and ``coverage.csv``; returns both paths."""
    picture, table = folder / f"{NAME}.png", folder / f"{NAME}.csv"
    with mpl.rc_context(STYLE):
        draw_coverage(shares).savefig(picture, dpi=DPI, metadata={"Software": None})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ends = [f"{end}{level}" for level in BARS for end in ("low", "high")]
    writer.writerow(["product", "figure", "testable", *ends, "observed_low", "observed_high"])
    for share in shares:
        for name, testable, points, observed in share.rows:
            numbers = [f"{x:.6g}" for x in (*points[1:], *observed)]
            writer.writerow([share.name, name, "yes" if testable else "no", *numbers])
    table.write_text(text.getvalue(), encoding="utf-8", newline="")
    return [picture, table]


def draw_coverage(shares: Sequence[Share]) -> Figure:
    """The summary first, then a panel for each product."""
    lines = math.ceil((1 + len(shares)) / COLUMNS)
    each = ABOVE + PANEL + BELOW
    height = HEADER + lines * each + FOOTER
    figure = Figure(figsize=(WIDE, height))
    FigureCanvasAgg(figure)
    across = (WIDE - LEFT - RIGHT - BETWEEN * (COLUMNS - 1)) / COLUMNS
    for number, share in enumerate([None, *shares]):
        line, column = divmod(number, COLUMNS)
        left = LEFT + column * (across + BETWEEN)
        bottom = height - HEADER - (line + 1) * each + BELOW
        axes = figure.add_axes((left / WIDE, bottom / height, across / WIDE, PANEL / height))
        if share is None:
            _summary(axes, [row for one in shares for row in one.tested])
        else:
            _product(axes, share)
    _words(figure, height, sum(len(share.rows) - len(share.tested) for share in shares))
    return figure


def _words(figure: Figure, height: float, untested: int) -> None:
    left = 0.12 / WIDE
    figure.text(
        left,
        1 - 0.08 / height,
        "Leave-one-out: each figure predicted from all others",
        fontsize=14,
        weight="bold",
        va="top",
    )
    figure.text(
        left,
        1 - 0.38 / height,
        "Upright bars: the model's 50% (dark) and 95% (light) interval of a figure that the "
        "prediction did not know. Dots: what was observed; red diamonds lie outside 95%.",
        fontsize=9,
        va="top",
    )
    notes = (
        "Products: figures in order of years, as multiples of the predicted median (for shares, of "
        "the odds); bars and dots beyond the panel end at its edge. Open dots: "
        f"{untested} figures that do not count: alone in a series with a free offset, or a bound.",
        "Source: calibration/figures.csv (fitted figures, by id in coverage.csv); the pages "
        "coverage-PRODUCT name every figure and its source.",
    )
    for i, note in enumerate(notes):
        y = (FOOTER - 0.16 - 0.15 * i) / height
        figure.text(left, y, note, fontsize=7.5, color=GREY, va="top")


def _title(axes: Axes, title: str, subtitle: str) -> None:
    for text, points, size, weight in ((title, 17, 9.0, "bold"), (subtitle, 8, 7.5, "normal")):
        axes.annotate(
            text,
            (0, 1),
            xytext=(-18, points),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            weight=weight,
            annotation_clip=False,
        )


def _summary(axes: Axes, rows: Sequence[Centred]) -> None:
    found = np.mean([inside(row) for row in rows], axis=0) if rows else np.full(3, np.nan)
    _title(axes, "All products", f"share of {len(rows)} figures inside; grey: what is asked")
    for i, (level, (low, high)) in enumerate(BARS.items()):
        axes.bar(i, high - low, bottom=low, width=0.5, color="#D9D9D9", zorder=1)
        axes.plot([i - 0.25, i + 0.25], [level / 100] * 2, color=GREY, linewidth=0.8, zorder=2)
        good = low <= found[i] <= high
        colour, marker = (BLUE, "o") if good else (VERMILION, "D")
        axes.plot([i], [found[i]], marker=marker, color=colour, markersize=6, zorder=3)
        # Right of the grey, so that the text never lies on an edge.
        axes.annotate(
            f"{found[i]:.0%}",
            (i + 0.25, found[i]),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_xlim(-0.5, 2.75)
    axes.set_ylim(0.3, 1.02)
    axes.xaxis.set_major_locator(FixedLocator(range(3)))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{level}% interval" for level in BARS]))
    axes.yaxis.set_major_locator(FixedLocator([0.4, 0.6, 0.8, 1.0]))
    axes.yaxis.set_major_formatter(FixedFormatter(["40%", "60%", "80%", "100%"]))
    axes.tick_params(labelsize=7.5)
    axes.grid(False, axis="x")


def _product(axes: Axes, share: Share) -> None:
    tested = share.tested
    counts = np.sum([inside(row) for row in tested], axis=0) if tested else np.zeros(3, int)
    some = f"{len(tested)} figure{'s' if len(tested) > 1 else ''}"
    told = f"of {some} {counts[0]} in 50%, {counts[1]} in 80%, {counts[2]} in 95%"
    _title(axes, share.name, told if tested else f"{len(share.rows)} figures, none testable")
    size = len(share.rows)
    across = float(np.clip(150.0 / max(size, 12), 1.6, 5.0))
    for i, row in enumerate(share.rows):
        _, testable, points, (low, high) = row
        strength = 1.0 if testable else 0.4
        for first, last, opacity in ((points[5], points[6], 0.25), (points[1], points[2], 0.6)):
            ends = np.clip([first, last], -TOP, TOP)
            axes.plot(
                [i, i],
                ends,
                color=BLUE,
                alpha=opacity * strength,
                linewidth=across,
                solid_capstyle="butt",
                zorder=2,
            )
        outside = testable and not inside(row)[2]
        colour = VERMILION if outside else BLACK if testable else GREY
        if low != high:
            ends = np.clip([low, high], -TOP, TOP)
            axes.plot([i, i], ends, color=colour, linewidth=0.9, marker="_", markersize=4, zorder=4)
            continue
        axes.plot(
            [i],
            [np.clip(low, -TOP, TOP)],
            marker="D" if outside else "o",
            markersize=3.4 if size > 40 else 4.0,
            color=colour,
            markerfacecolor=colour if testable else "white",
            markeredgewidth=0.8,
            zorder=5,
            clip_on=False,
        )
    axes.set_xlim(-1, size)
    axes.set_ylim(-TOP, TOP)
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    axes.set_xticks([])
    axes.yaxis.set_major_locator(FixedLocator([math.log(x) for x in TICKS]))
    axes.yaxis.set_major_formatter(FixedFormatter(["÷8", "÷4", "÷2", "1", "×2", "×4", "×8"]))
    axes.tick_params(labelsize=7.5)
