"""Pages of rows: a label, one or two intervals and perhaps a dot each, numbers at the right."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from experiments.plots.style import BLACK, BLUE, DPI, GREY, NARROW, ORANGE, STYLE, VERMILION

Kind = Literal["model", "other", "prior"]

MOST_ROWS, LEAST_ROWS = 45, 13
"""Rows of a page, at most; and at least where rows are enough for it."""
COLUMNS = (
    "key",
    "label",
    "group",
    "kind",
    "median",
    "low50",
    "high50",
    "low95",
    "high95",
    "observed",
    "lower",
    "upper",
    "note",
)
COLOURS: dict[Kind, str] = {"model": BLUE, "other": ORANGE, "prior": GREY}
HEADER, FOOTER, AXIS = 1.0, 0.16, 0.42  # inches
NOTE_LINE, NOTE_LETTERS = 0.135, 190
EACH = 0.19  # inches of a row
LABELS, RIGHT = 4.5, 0.15  # inches left and right of the axes
GAP = 0.18  # inches between columns of numbers
SMALL = 7.0  # points
LABEL_LETTER, LETTER, BOLD_LETTER = 0.53, 0.57, 0.66  # width of a letter, share of its size
RATIOS = (1 / 64, 1 / 16, 1 / 4, 1 / 2, 1 / 1.25, 1, 1.25, 2, 4, 16, 64)


@dataclass(frozen=True)
class Bar:
    """A median with its 50 and 95% intervals on the axis of the page."""

    kind: Kind
    median: float
    low50: float
    high50: float
    low95: float
    high95: float


@dataclass(frozen=True)
class Row:
    """One line of a page; ``group`` is the heading that it stands under.

    ``observed``: a dot; ``ends``: a bound or a range in its place, infinite where open. ``outside``
    marks the dot. A ``faint`` row is drawn weaker. ``texts``: one for each column of numbers.
    """

    key: str
    label: str
    group: str
    bars: tuple[Bar, ...]
    observed: float | None = None
    ends: tuple[float, float] | None = None
    outside: bool = False
    faint: bool = False
    texts: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class RowPage:
    """Rows under their headings; ``name`` is the file name without its ending.

    ``ratio``: the axis is logarithmic in what it shows, else it is labelled as it is. ``columns``:
    headings of the numbers at the right. ``dots``: words on the dots for the legend, "" for none.
    """

    name: str
    title: str
    subtitle: str
    axis: str
    rows: tuple[Row, ...]
    legend: tuple[tuple[Kind, str], ...]
    columns: tuple[str, ...] = ()
    dots: str = ""
    faint: str = ""
    limit: float = 2.6
    ratio: bool = True
    notes: tuple[str, ...] = ()


def in_pages(page: RowPage) -> list[RowPage]:
    """The page, or where it has too many rows several of about the same length."""
    count = max(1, math.ceil(len(page.rows) / MOST_ROWS))
    each = math.ceil(len(page.rows) / count)
    if count == 1:
        return [page]
    return [
        replace(
            page,
            name=f"{page.name}-{i + 1}",
            title=f"{page.title} ({i + 1} of {count})",
            rows=page.rows[i * each : (i + 1) * each],
        )
        for i in range(count)
    ]


def save_rows(page: RowPage, folder: Path) -> list[Path]:
    """Write ``NAME.png`` and ``NAME.csv`` of every page of ``page``; returns the paths."""
    written = []
    for one in in_pages(page):
        picture, table = folder / f"{one.name}.png", folder / f"{one.name}.csv"
        with mpl.rc_context(STYLE):
            draw_rows(one).savefig(picture, dpi=DPI, metadata={"Software": None})
        table.write_text(rows_csv(one.rows), encoding="utf-8", newline="")
        written += [picture, table]
    return written


def rows_csv(rows: Sequence[Row]) -> str:
    """The numbers of the rows as they are drawn, on the axis of the page."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        low, high = row.ends or (math.nan, math.nan)
        for bar in row.bars:
            ends = (bar.median, bar.low50, bar.high50, bar.low95, bar.high95)
            seen = (math.nan if row.observed is None else row.observed, low, high)
            cells = [_number(x) for x in (*ends, *seen)]
            writer.writerow([row.key, row.label, row.group, bar.kind, *cells, row.note])
    return text.getvalue()


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def draw_rows(page: RowPage) -> Figure:
    """A matplotlib figure of a page that is short enough."""
    notes = [line for note in page.notes for line in textwrap.wrap(note, NOTE_LETTERS)]
    places, headings = _places(page.rows)
    lines = len(page.rows) + len(headings)
    footer = FOOTER + NOTE_LINE * len(notes)
    height = HEADER + EACH * (lines + 0.6) + AXIS + footer
    figure = Figure(figsize=(NARROW, height))
    FigureCanvasAgg(figure)
    ends = _column_ends(page)
    width = NARROW - LABELS - RIGHT - (ends[-1] if ends else 0.0)
    box = (LABELS / NARROW, (footer + AXIS) / height, width / NARROW, EACH * (lines + 0.6) / height)
    axes = figure.add_axes(box)
    axes.set_ylim(lines - 0.2, -0.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _axis(axes, page)
    for y, text in headings:
        _beside(axes, y, text, -LABELS + 0.1, "left", weight="bold")
        axes.axhline(y + 0.45, color="#BDBDBD", linewidth=0.5, zorder=0)
    for y, row in zip(places, page.rows, strict=True):
        _row(axes, y, row, page)
        for end, text in zip(ends, row.texts, strict=True):
            _beside(axes, y, text, width + end, "right", faint=row.faint)
    for end, text in zip(ends, page.columns, strict=True):
        _beside(axes, -1.05, text, width + end, "right", weight="bold")
    _header(figure, page, height)
    for i, note in enumerate(notes):
        y = (footer - 0.06 - NOTE_LINE * i) / height
        figure.text(0.1 / NARROW, y, note, fontsize=SMALL, color=GREY, va="top")
    return figure


def _column_ends(page: RowPage) -> list[float]:
    """Right ends of the columns of numbers, inches right of the axes: each as wide as its words."""
    found: list[float] = []
    for column, heading in enumerate(page.columns):
        letters = max(len(row.texts[column]) for row in page.rows)
        wide = max(letters * LETTER, len(heading) * BOLD_LETTER) * SMALL / 72
        found.append((found[-1] if found else 0.0) + GAP + wide)
    return found


def _places(rows: Sequence[Row]) -> tuple[list[float], list[tuple[float, str]]]:
    """Where each row stands, from the top, and the headings with their places."""
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    at, group = 0.0, ""
    for row in rows:
        if row.group != group:
            headings.append((at, row.group))
            at, group = at + 1.0, row.group
        places.append(at)
        at += 1.0
    return places, headings


def _header(figure: Figure, page: RowPage, height: float) -> None:
    left = 0.1 / NARROW
    figure.text(left, 1 - 0.08 / height, page.title, fontsize=14, weight="bold", va="top")
    figure.text(left, 1 - 0.37 / height, page.subtitle, fontsize=8.5, va="top")
    handles: list[Any] = []
    labels: list[str] = []
    for kind, words in page.legend:
        handles.append(Line2D([], [], color=COLOURS[kind], linewidth=5, alpha=0.6))
        labels.append(words)
    dots = [(page.dots, BLACK, BLACK, "o"), ("outside 95%", VERMILION, VERMILION, "D")]
    if any(row.outside for row in page.rows) is False:
        dots.pop()
    if page.faint and any(row.faint for row in page.rows):
        dots.append((page.faint, GREY, "white", "o"))
    for words, colour, face, marker in dots if page.dots else ():
        handles.append(_mark(colour, face, marker))
        labels.append(words)
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(left, 1 - 0.56 / height),
        borderaxespad=0,
        borderpad=0,
        ncols=len(handles),
        fontsize=8,
        frameon=False,
        handlelength=1.8,
        columnspacing=1.4,
    )


def _mark(colour: str, face: str, marker: str) -> Line2D:
    return Line2D(
        [], [], marker=marker, color=colour, markerfacecolor=face, linestyle="none", markersize=4.5
    )


def _axis(axes: Axes, page: RowPage) -> None:
    limit = page.limit
    axes.set_xlim(-limit, limit)
    axes.set_xlabel(page.axis, fontsize=8)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.axvline(0.0, color=GREY, linewidth=0.7, zorder=1)
    if page.ratio:
        wide = limit > 1.0
        seen = [
            x for x in RATIOS if abs(math.log(x)) <= limit and not (wide and x in (1.25, 1 / 1.25))
        ]
        axes.xaxis.set_major_locator(FixedLocator([math.log(x) for x in seen]))
        axes.xaxis.set_major_formatter(FixedFormatter([_ratio(x) for x in seen]))


def _ratio(x: float) -> str:
    if x == 1.0:
        return "1"
    return f"×{x:g}" if x > 1.0 else f"÷{1 / x:g}"


def _row(axes: Axes, y: float, row: Row, page: RowPage) -> None:
    several = len(row.bars) > 1
    for number, bar in enumerate(row.bars):
        _bar(axes, y + (0.22 * (2 * number - 1) if several else 0.0), bar, row, page.limit)
    # Long labels shrink, and in the end lose their tail, rather than run into the plot.
    room = 72 * (LABELS - 0.3)
    size = min(SMALL + 0.2, max(5.8, room / (LABEL_LETTER * max(len(row.label), 1))))
    words = textwrap.shorten(row.label, int(room / (LABEL_LETTER * size)), placeholder=" …")
    _beside(axes, y, words, -0.12, "right", size=size, faint=row.faint)
    if row.ends is not None:
        ends = [min(max(x, -page.limit), page.limit) for x in row.ends]
        colour = VERMILION if row.outside else BLACK
        axes.plot(ends, [y, y], color=colour, linewidth=1.1, marker="|", markersize=5, zorder=5)
    elif row.observed is not None:
        _dot(axes, y, row, page.limit)


def _dot(axes: Axes, y: float, row: Row, limit: float) -> None:
    at = row.observed or 0.0
    beyond = abs(at) > limit
    colour = VERMILION if row.outside else GREY if row.faint else BLACK
    marker = "D" if row.outside else "o"
    if beyond:
        marker = ">" if at > 0 else "<"
    axes.plot(
        [min(max(at, -limit), limit)],
        [y],
        marker=marker,
        markersize=4.0,
        color=colour,
        markerfacecolor="white" if row.faint else colour,
        markeredgewidth=0.9,
        linestyle="none",
        zorder=6,
        clip_on=False,
        gid=row.key,
    )


def _bar(axes: Axes, y: float, bar: Bar, row: Row, limit: float) -> None:
    colour = COLOURS[bar.kind]
    strength = 0.45 if row.faint else 1.0
    thin, thick = (3.0, 3.0) if len(row.bars) > 1 else (4.2, 4.2)
    wide = max(bar.low95, -limit), min(bar.high95, limit)
    axes.plot(
        wide,
        [y, y],
        color=colour,
        alpha=0.28 * strength,
        linewidth=thin,
        solid_capstyle="butt",
        zorder=2,
    )
    narrow = max(bar.low50, -limit), min(bar.high50, limit)
    if narrow[0] < narrow[1]:
        axes.plot(
            narrow,
            [y, y],
            color=colour,
            alpha=0.65 * strength,
            linewidth=thick,
            solid_capstyle="butt",
            zorder=3,
        )
    if abs(bar.median) <= limit:
        middle = Line2D(
            [bar.median],
            [y],
            marker="|",
            markersize=thick + 1.5,
            markeredgewidth=1.1,
            color="white" if bar.kind != "prior" else BLACK,
            zorder=4,
        )
        axes.add_line(middle)
    for end, side, marker in ((bar.low95, -limit, "<"), (bar.high95, limit, ">")):
        if abs(end) > limit and end * side > 0:
            axes.plot([side], [y], marker=marker, markersize=3, color=colour, clip_on=False)


def _beside(
    axes: Axes,
    y: float,
    text: str,
    inches: float,
    side: Literal["left", "right"],
    *,
    size: float = SMALL,
    weight: str = "normal",
    faint: bool = False,
) -> None:
    """A text at the height of a row, ``inches`` right of the left end of the axes."""
    axes.annotate(
        text,
        (0, y),
        xytext=(72 * inches, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=size,
        weight=weight,
        color=GREY if faint else BLACK,
        annotation_clip=False,
    )
