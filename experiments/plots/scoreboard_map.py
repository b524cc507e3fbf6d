"""The scoreboard as a map: a line a scenario, a column an indicator of an aim; no sum."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from experiments.comparisons.compare import CLEAR, NEGLIGIBLE, NOT_VISIBLE, Scenarios, Span
from experiments.comparisons.compare_table import brief
from experiments.comparisons.scoreboard import (
    BETTER,
    EQUAL,
    UNCLEAR,
    WORSE,
    Score,
    ScoreRow,
    label_of,
    load_scoreboard,
    scores,
)
from experiments.plots.scenario_sheet import IDS, Cell, Picture, margin, new_sheet, short
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT, STYLE, VERMILION, WIDE
from experiments.runs.seeds import told_runs
from scenarios.texts import load_texts

CAP = 20.0
"""Percent of the baseline at which the colour is full."""
COLUMNS = (
    *("scenario", "aim", "indicator", "per", "product", "group", "year", "direction"),
    *("percent_low90", "percent", "percent_high90", "share_better", "draws", "missing_draws"),
)
RIGHT, LINE, AIMS, HEADS, KEY = 0.12, 0.21, 0.34, 2.2, 0.42  # inches
HEAD_LETTERS, HEAD_SIZE = 46, 6.2  # letters of a line, points
FULL = 0.85  # share of the full colour that the cap takes: numbers stay readable
FAINT = (0.93, 0.93, 0.93)  # where no difference is visible
SIGNS = {EQUAL: "=", NOT_VISIBLE: "≈"}
BASE = {BETTER: BLUE, WORSE: VERMILION}


def scoreboard_map(
    dataset: xr.Dataset,
    rows: Sequence[ScoreRow] | None = None,
    year: int | None = None,
    baseline: str | None = None,
) -> Picture:
    """Direction by colour, size by its strength and in numbers, hatched where draws disagree.

    ``rows``: of the scoreboard; all by default.
    """
    scenarios = Scenarios(dataset)
    of, at = scenarios.baseline(baseline), scenarios.last(year)
    rows = load_scoreboard() if rows is None else list(rows)
    found = scores(scenarios, rows, Span(at, at), of)
    ids = [one for one in scenarios.ids if one != of]
    notes = [
        f"Numbers: median difference within each of {told_runs(scenarios.draws, scenarios.seeds)}, "
        f"% of {scenarios.titles[of]} in {at}. Blue: "
        f"better, orange: worse, in {CLEAR:.0%} or more of draws; colours are full at {CAP:.0f}%. "
        "Hatched: draws disagree. =: no difference; ≈, grey: no visible difference (median and 90% "
        f"within {NEGLIGIBLE:g}%); –: no value. Intervals are in the CSV. {IDS}",
        "Aims are not weighed and not added up: colours of one line are no sum. Arrows: which "
        "direction is better. Unions hold scenario-only products, which rest on priors.",
    ]
    left = margin(title for one, title in scenarios.titles.items() if one != of)
    across = (WIDE - left - RIGHT) / max(len(rows), 1)
    middle = AIMS + HEADS + LINE * len(ids) + KEY
    with mpl.rc_context(STYLE):
        sheet, top = new_sheet(
            "Scenarios by the aims of the strategy", scenarios.drawn, (WIDE, middle), notes
        )
        axes = sheet.box(left, top + AIMS + HEADS, across * len(rows), LINE * len(ids))
        _grid(axes, ids, rows, {(one.scenario, one.row.line): one for one in found})
        _names(axes, [scenarios.titles[one] for one in ids])
        _heads(axes, scenarios, rows, across)
        key = sheet.box(left, top + AIMS + HEADS + LINE * len(ids) + 0.16, 6.0, 0.2)
        _key(key)
    lines = tuple(_line(one, at) for one in found)
    return Picture("scoreboard", sheet.figure, COLUMNS, lines)


def _line(one: Score, year: int) -> tuple[Cell, ...]:
    row, pair = one.row, one.paired
    about = (one.scenario, row.aim, row.indicator, row.per, row.product, row.group, year)
    size = (pair.percent_low, pair.percent, pair.percent_high, one.share_better)
    return (*about, one.direction, *size, pair.draws, pair.missing)


def shade(direction: str, percent: float) -> tuple[float, float, float]:
    """Colour of a cell, red, green and blue from 0 to 1: from white to the full colour at CAP."""
    if direction == NOT_VISIBLE:
        return FAINT
    if direction not in BASE or np.isnan(percent):
        return (1.0, 1.0, 1.0)
    strength = 0.1 + (FULL - 0.1) * min(abs(percent) / CAP, 1.0)
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(BASE[direction]))
    return red, green, blue


def _grid(
    axes: Axes,
    ids: Sequence[str],
    rows: Sequence[ScoreRow],
    found: dict[tuple[str, int], Score],
) -> None:
    axes.set_xlim(0, len(rows))
    axes.set_ylim(len(ids), 0)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    for i, scenario in enumerate(ids):
        for j, row in enumerate(rows):
            _cell(axes, found[scenario, row.line], j, i)
    for j in range(1, len(rows)):
        if rows[j].aim != rows[j - 1].aim:
            axes.axvline(j, color=BLACK, linewidth=1.0)
    axes.set_xticks([])
    axes.tick_params(length=0)


def _cell(axes: Axes, one: Score, left: int, top: int) -> None:
    percent, direction = one.paired.percent, one.direction
    colour = shade(direction, percent)
    unclear = direction == UNCLEAR
    axes.add_patch(
        Rectangle(
            (left, top),
            1,
            1,
            facecolor=colour,
            edgecolor="#B0B0B0" if unclear else "white",
            hatch="/////" if unclear else None,
            linewidth=0.0 if unclear else 0.6,
        )
    )
    if direction in SIGNS or np.isnan(percent):
        told, ink = SIGNS.get(direction, "–"), GREY
    else:
        told, ink = brief(percent), BLACK
    axes.text(left + 0.5, top + 0.53, told, ha="center", va="center", fontsize=6.8, color=ink)


def _names(axes: Axes, titles: Sequence[str]) -> None:
    axes.set_yticks([i + 0.5 for i in range(len(titles))])
    axes.set_yticklabels([short(title) for title in titles], fontsize=7.5)


def _heads(axes: Axes, scenarios: Scenarios, rows: Sequence[ScoreRow], across: float) -> None:
    words = load_texts()["en"]
    for j, row in enumerate(rows):
        arrow = "↑" if row.better == "up" else "↓"
        lines = textwrap.wrap(f"{label_of(scenarios, row)}\N{NO-BREAK SPACE}{arrow}", HEAD_LETTERS)
        room = max(1, int(72 * across / HEAD_SIZE))
        if len(lines) > room:
            lines = [*lines[: room - 1], f"{lines[room - 1][: HEAD_LETTERS - 4]}… {arrow}"]
        axes.annotate(
            "\n".join(lines),
            (j + 0.5, 0),
            xytext=(0, 4),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=HEAD_SIZE,
            linespacing=1.0,
            multialignment="left",
            annotation_clip=False,
        )
    aims = list(dict.fromkeys(row.aim for row in rows))
    for aim in aims:
        places = [j for j, row in enumerate(rows) if row.aim == aim]
        wide = max(8, int(len(places) * across * 72 / (8.0 * 0.62)))
        name = "\n".join(textwrap.wrap(words[f"aim.{aim}"], wide))
        axes.annotate(
            name,
            ((places[0] + places[-1] + 1) / 2, 0),
            xytext=(0, 72 * HEADS),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.0,
            weight="bold",
            annotation_clip=False,
        )


def _key(axes: Axes) -> None:
    """Cells of known size, from worse to better."""
    sizes = (CAP, CAP / 2, CAP / 10)
    cells = [(WORSE, size) for size in sizes] + [(UNCLEAR, 0.0)]
    cells += [(BETTER, size) for size in reversed(sizes)]
    axes.set_xlim(0, 6.0)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for i, (direction, size) in enumerate(cells):
        unclear = direction == UNCLEAR
        axes.add_patch(
            Rectangle(
                (0.62 * i, 0),
                0.6,
                1,
                facecolor=shade(direction, size),
                edgecolor="#B0B0B0" if unclear else LIGHT,
                hatch="/////" if unclear else None,
                linewidth=0.4,
            )
        )
        more = "+" if size == CAP else ""
        told = "unclear" if unclear else f"{size:.0f}%{more}"
        axes.text(0.62 * i + 0.3, 0.47, told, ha="center", va="center", fontsize=6.8)
    axes.text(0.62 * len(cells) + 0.1, 0.47, "left: worse, right: better", va="center", fontsize=7)
