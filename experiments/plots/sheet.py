"""Draws a page: banner, legend, panels, notes. Uses no global state of matplotlib."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    MultipleLocator,
    NullLocator,
)

from experiments.plots.page import WORD_SHARE, Dot, Key, Line, Page, Panel, csv_text
from experiments.plots.style import (
    BANNER,
    BANNER_WHY,
    BLACK,
    DPI,
    FAINT,
    FAINT_BAND,
    FITTED_INSIDE,
    GREY,
    HISTORY,
    OPACITY,
    READING,
    READING_LINE,
    STYLE,
    WARNING,
)
from experiments.plots.units import MILLION

HISTORY_ENDS = 2023.5  # 1 January 2024, where a year stands at its middle
HEADER, NOTE_LINE, LEGEND_LINE, LEGEND_HANDLE = 0.78, 0.135, 0.17, 0.55  # inches
LETTER, BOLD_LETTER, LEGEND_LETTER = (
    0.56,
    0.64,
    0.53,
)  # mean width of a letter, as a share of the size of the type
TITLES, SUBTITLE_LINE, TICKS = 0.30, 0.12, 0.2  # inches around a panel
LEFT, RIGHT, BETWEEN = 0.5, 0.12, 0.42  # inches
TITLE_SHIFT = 18  # points left of the panel, over its numbers
LOG_FLOOR = 1.0  # one person
LOG_LABEL, LOG_STEP = 6.5, 7.4  # points: size of the labels, least distance between two
HISTORY_SIZE = 6.5  # points
END_BARS = 4
PUT_IN_MARKER = "x"


def draw(page: Page) -> Figure:
    """A matplotlib figure of ``page``."""
    with mpl.rc_context(STYLE):
        return _draw(page)


def save(page: Page, folder: Path) -> list[Path]:
    """Write ``NAME.png`` and ``NAME.csv``; returns both paths."""
    picture, table = folder / f"{page.name}.png", folder / f"{page.name}.csv"
    with mpl.rc_context(STYLE):
        # No library version in the file: equal runs give equal bytes.
        _draw(page).savefig(picture, dpi=DPI, metadata={"Software": None})
    table.write_text(csv_text(page), encoding="utf-8", newline="")
    return [picture, table]


def _draw(page: Page) -> Figure:
    rows = math.ceil(len(page.panels) / page.columns)
    _, end = _years(page.panels[0])
    reading = f"{READING_LINE} {READING}" if end >= HISTORY_ENDS else READING
    notes = (*page.notes, *_fitted_inside(page), reading)
    footer = 0.1 + NOTE_LINE * len(notes)
    lines = 1 + max(panel.subtitle.count("\n") for panel in page.panels)
    above = TITLES + SUBTITLE_LINE * lines
    each = above + page.panel_height + TICKS
    header = HEADER + LEGEND_LINE * (len(_legend_rows(page)) - 1)
    height = header + rows * each + footer
    figure = Figure(figsize=(page.width, height))
    FigureCanvasAgg(figure)
    _header(figure, page, height)
    across = (page.width - LEFT - RIGHT - BETWEEN * (page.columns - 1)) / page.columns
    for i, panel in enumerate(page.panels):
        row, column = divmod(i, page.columns)
        left = LEFT + column * (across + BETWEEN)
        bottom = height - header - (row + 1) * each + TICKS
        box = (
            left / page.width,
            bottom / height,
            across / page.width,
            page.panel_height / height,
        )
        _panel(figure.add_axes(box), panel, 72 * (across + 0.8 * BETWEEN))
    for i, note in enumerate(notes):
        y = (footer - 0.04 - NOTE_LINE * i) / height
        figure.text(0.12 / page.width, y, note, fontsize=7.5, color=GREY, va="top")
    return figure


def _fitted_inside(page: Page) -> list[str]:
    """How many of the fitted figures the bands hold, as a note."""
    inside = [one for panel in page.panels for one in panel.inside]
    if page.drawn == "prior" or not inside:
        return []
    return [FITTED_INSIDE.format(inside=sum(inside), all=len(inside))]


def _header(figure: Figure, page: Page, height: float) -> None:
    left = 0.12 / page.width
    figure.text(left, 1 - 0.08 / height, page.title, fontsize=14, weight="bold", va="top")
    figure.text(
        left,
        1 - 0.38 / height,
        f" {BANNER[page.drawn].upper()} ",
        fontsize=9,
        weight="bold",
        color="white",
        va="top",
        bbox={
            "facecolor": WARNING if page.drawn == "prior" else BLACK,
            "edgecolor": "none",
            "pad": 2.0,
        },
    )
    figure.text(
        left + 2.65 / page.width,
        1 - 0.38 / height,
        BANNER_WHY[page.drawn],
        fontsize=9,
        color=BLACK,
        va="top",
    )
    for i, keys in enumerate(_legend_rows(page)):
        figure.legend(
            [_handle(key) for key in keys],
            [key.label for key in keys],
            handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
            loc="upper left",
            bbox_to_anchor=(left, 1 - (0.58 + LEGEND_LINE * i) / height),
            borderaxespad=0,
            borderpad=0,
            ncols=len(keys),
            fontsize=8,
            frameon=False,
            handlelength=2.6,
            columnspacing=1.4,
        )


def _legend_rows(page: Page) -> list[list[Key]]:
    """The legend in as many lines as the width asks for."""
    rows: list[list[Key]] = [[]]
    used = 0.0
    for key in page.legend:
        needed = LEGEND_HANDLE + len(key.label) * 8.0 * LEGEND_LETTER / 72
        if rows[-1] and used + needed > page.width - 0.24:
            rows.append([])
            used = 0.0
        rows[-1].append(key)
        used += needed
    return rows


def _handle(key: Key) -> Any:
    look = key.look
    line = Line2D([], [], color=look.colour, linestyle=look.dash, linewidth=1.6)
    if key.kind == "fan":
        bands = (Patch(facecolor=look.colour, alpha=opacity) for opacity in OPACITY.values())
        return (*bands, line)
    if key.kind == "line":
        return line
    if key.kind == "band":
        return (Patch(facecolor=look.colour, alpha=OPACITY["50"]), line)
    if key.kind == "scenario-only":
        return Patch(facecolor="white", hatch="////", edgecolor="#BDBDBD", linewidth=0.5)
    face = BLACK if key.kind == "fitted" else "white"
    marker = PUT_IN_MARKER if key.kind == "put-in" else "o"
    return Line2D(
        [], [], marker=marker, color=BLACK, markerfacecolor=face, linestyle="none", markersize=4.5
    )


def _panel(axes: Axes, panel: Panel, room: float) -> None:
    """``room``: width for the titles, points."""
    faint = panel.mode == "scenario-only"
    first, last = _years(panel)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.tick_params(labelsize=7.5, pad=1.5)
    if panel.log:
        _log_axis(axes, panel)
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, panel.unit)))
        axes.set_ylim(panel.bottom, panel.top)
        ticks = MaxNLocator(4, steps=[1, 2, 5, 10], min_n_ticks=3)
        values = ticks.tick_values(panel.bottom, panel.top)
        axes.yaxis.set_major_locator(
            FixedLocator([v for v in values if panel.bottom <= v <= panel.top])
        )
    axes.xaxis.set_major_locator(MultipleLocator(5 if last - first > 9 else 1))
    if faint:
        axes.add_patch(
            Rectangle(
                (0, 0),
                1,
                1,
                transform=axes.transAxes,
                fill=False,
                hatch="////",
                linewidth=0,
                edgecolor="#E3E3E3",
                zorder=0,
            )
        )
    for line in panel.lines:
        _line(axes, line, FAINT if faint else 1.0, panel.log)
    if panel.log:
        _end_bars(axes, panel, last)
    for dot in panel.dots:
        _dot(axes, dot)
    _history(axes, last)
    _words(axes, panel, room)


def _years(panel: Panel) -> tuple[float, float]:
    years = panel.lines[0].years
    return float(years[0]), float(years[-1])


def _log_axis(axes: Axes, panel: Panel) -> None:
    highs = [high for line in panel.lines for _, high in line.bands.values()]
    top = max([float(np.nanmax(high, initial=10.0)) for high in highs], default=10.0)
    axes.set_yscale("log")
    powers = math.ceil(math.log10(top)) / (1 - WORD_SHARE * panel.words)
    axes.set_ylim(LOG_FLOOR, 10**powers)
    ticks = [10.0**power for power in range(math.ceil(math.log10(top)) + 1)]
    _, height = _size(axes)
    # Every decade has a tick; a label only where it has room.
    step = math.ceil(LOG_STEP * powers / height)
    labels = [_short(tick) if i % step == 0 else "" for i, tick in enumerate(ticks)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter(labels))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", labelsize=LOG_LABEL)


def _size(axes: Axes) -> tuple[float, float]:
    """Width and height of a panel, points."""
    box = axes.get_window_extent()
    dots = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    return box.width / dots, box.height / dots


def _line(axes: Axes, line: Line, strength: float, bars: bool) -> None:
    for band, (low, high) in line.bands.items():
        opacity = (FAINT_BAND if bars else OPACITY[band]) * strength
        axes.fill_between(
            line.years, low, high, color=line.look.colour, alpha=opacity, linewidth=0, zorder=2
        )
    axes.plot(
        line.years,
        line.median,
        color=line.look.colour,
        linestyle=line.look.dash,
        linewidth=line.width,
        zorder=3,
        gid=f"{line.scenario}|{line.series}",
    )


def _end_bars(axes: Axes, panel: Panel, last: float) -> None:
    """The widest band of each line in the last year, side by side: over each other they blur."""
    banded = [line for line in panel.lines if line.bands]
    axes.set_xlim(axes.get_xlim()[0], last + 0.6 + 0.7 * max(END_BARS, len(banded)))
    for i, line in enumerate(banded):
        low, high = next(iter(line.bands.values()))
        x = last + 0.8 + 0.7 * i
        ends = [max(low[-1], LOG_FLOOR), high[-1]]
        axes.plot([x, x], ends, color=line.look.colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot(
            [x],
            [line.median[-1]],
            marker=line.look.marker,
            markersize=3.2,
            markerfacecolor="white",
            color=line.look.colour,
        )


def _dot(axes: Axes, dot: Dot) -> None:
    colour = dot.look.colour if dot.series else BLACK
    low, high = dot.ends
    if dot.value is None:
        # Bounds without a value: a bar with two ends and no dot between them.
        axes.plot(
            [dot.year, dot.year],
            [low, high],
            color=colour,
            linewidth=1.0,
            marker="_",
            markersize=5.0,
            zorder=5,
            gid=dot.figure,
        )
        return
    if low != high:
        axes.plot([dot.year, dot.year], [low, high], color=colour, linewidth=1.0, zorder=4)
    axes.plot(
        [dot.year],
        [dot.value],
        marker=PUT_IN_MARKER if dot.kind == "put-in" else dot.look.marker,
        markersize=4.0,
        color=colour,
        markerfacecolor=colour if dot.kind == "fitted" else "white",
        markeredgewidth=0.9,
        linestyle="none",
        zorder=5,
        clip_on=False,
        gid=dot.figure,
    )


def _history(axes: Axes, last: float) -> None:
    if last < HISTORY_ENDS:
        return
    # Through the panel and on between the two words above it.
    axes.plot(
        [HISTORY_ENDS, HISTORY_ENDS],
        [0, 1.1],
        transform=axes.get_xaxis_transform(),
        color=GREY,
        linewidth=0.8,
        zorder=1,
        clip_on=False,
    )
    place = axes.get_xaxis_transform()
    width, _ = _size(axes)
    start, end = axes.get_xlim()
    points = width * (end - HISTORY_ENDS) / (end - start) + 72 * RIGHT
    for text, side in zip(HISTORY, ("right", "left"), strict=True):
        if side == "left" and points < HISTORY_SIZE * LETTER * len(text):
            continue  # a run of few projected years: the note below the page tells of the line
        axes.text(
            HISTORY_ENDS,
            1.01,
            text,
            transform=place,
            ha=side,
            va="bottom",
            fontsize=HISTORY_SIZE,
            color=GREY,
        )


def _words(axes: Axes, panel: Panel, room: float) -> None:
    lines = 1 + panel.subtitle.count("\n")
    # From the panel upwards: to 2023 | projection, the subtitle, the title.
    for text, points, largest, weight in (
        (panel.subtitle, 11.5, 7.5, "normal"),
        (panel.title, 13 + 9 * lines, 9.0, "bold"),
    ):
        letter = BOLD_LETTER if weight == "bold" else LETTER
        longest = max(map(len, text.split("\n")))
        size = min(largest, room / (letter * max(longest, 1)))
        axes.annotate(
            text,
            (0, 1),
            xytext=(-TITLE_SHIFT, points),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            weight=weight,
            va="baseline",
            linespacing=1.1,
            annotation_clip=False,
        )
    below = panel.words_below
    for text, x, y, side in (
        ("\n".join(panel.tags), 0.015, 0.03 if below else 0.985, "left"),
        ("band cut ▲" if panel.cut else "", 0.995, 0.985, "right"),
    ):
        axes.text(
            x,
            y,
            text,
            transform=axes.transAxes,
            ha=side,
            va="top" if y > 0.5 else "bottom",
            fontsize=6.8,
            color=WARNING if side == "left" else GREY,
            zorder=6,
            linespacing=1.05,
        )


def _tick(value: float, unit: str) -> str:
    """A number at an axis; millions of euros are written out: no "4k million"."""
    return f"{value:,g}" if unit.startswith(MILLION) else _short(value)


def _short(value: float) -> str:
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{letter}"
    return f"{value:g}"
