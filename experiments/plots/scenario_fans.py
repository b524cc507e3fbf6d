"""Several scenarios over the years: a median and a 90% band each, named at its end."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from experiments.comparisons.compare import WHOLE, Scenarios
from experiments.plots.page import YOUNGEST
from experiments.plots.scenario_sheet import (
    IDS,
    LABEL,
    Cell,
    Float,
    Picture,
    about,
    apart,
    bands,
    chosen,
    file_name,
    left_of,
    margin,
    named,
    new_sheet,
    priors_note,
    reading_notes,
    short,
    unit_of_group,
)
from experiments.plots.sheet import _tick as tick
from experiments.plots.style import (
    FAINT_BAND,
    NARROW,
    OPACITY,
    REFERENCE,
    SEVERAL,
    STYLE,
    Look,
)
from experiments.plots.units import PERCENT
from model.errors import InputError

COLUMNS = ("scenario", "year", "low90", "median", "high90", "draws", "unit")
LEFT, PANEL, TICKS = 0.65, 4.2, 0.4  # inches
FEW = 2  # scenarios whose bands can lie over that of the baseline and be told apart
ROOM = 1.15  # of the highest end of a band


@dataclass(frozen=True)
class Of:
    """What a plot is of; ``baseline`` None is the first scenario."""

    indicator: str
    product: str
    group: str = WHOLE
    baseline: str | None = None


@dataclass(frozen=True)
class _Line:
    scenario: str
    title: str
    look: Look
    low: Float
    median: Float
    high: Float


def scenario_fan(
    dataset: xr.Dataset, of: Of, asked: list[str] | None = None, why: str = ""
) -> Picture:
    """Baseline and up to six scenarios (None: all of the file). Raises InputError for more.

    ``why``: how the scenarios were chosen, for the foot.
    """
    scenarios = Scenarios(dataset)
    baseline = scenarios.baseline(of.baseline)
    ids = chosen(scenarios, asked, baseline)
    title, unit, factor = about(scenarios, of.indicator, of.product, of.group)
    values = factor * scenarios.series(of.indicator, of.product, of.group)
    if np.isnan(values).all():
        raise InputError("nothing to draw: no value in these results", given=title)
    looks = dict(zip((baseline, *ids), (REFERENCE, *SEVERAL), strict=False))
    lines = [
        _Line(
            one, named(one, scenarios.titles[one]), look, *bands(values[scenarios.ids.index(one)])
        )
        for one, look in looks.items()
    ]
    years = np.array(scenarios.years, float)
    notes = [
        f"Lines: medians; {_whose(len(ids))}: 90% of draws. Scenarios share their draws, so a "
        "difference is surer than bands side by side suggest: see the plots of differences.",
        f"{why} {IDS}".strip(),
        *reading_notes(scenarios, of.indicator),
        " ".join((left_of(scenarios, values), *priors_note(scenarios, of.product))).strip(),
    ]
    with mpl.rc_context(STYLE):
        sheet, top = new_sheet(
            title, scenarios.drawn, (NARROW, 0.25 + PANEL + TICKS), [n for n in notes if n]
        )
        whose = unit_of_group(scenarios, of.indicator, of.product, of.group)
        sheet.text(0.12, top, f"{whose}, {years[0]:.0f}–{years[-1]:.0f}", fontsize=9)
        labels = margin(line.title for line in lines)
        axes = sheet.box(LEFT, top + 0.25, NARROW - LEFT - labels, PANEL)
        _draw(axes, years, lines, unit)
    rows = tuple(_rows(scenarios, lines, values, unit))
    return Picture(
        file_name("fan", of.indicator, of.product, *([] if of.group == WHOLE else [of.group])),
        sheet.figure,
        COLUMNS,
        rows,
    )


def _whose(count: int) -> str:
    if count <= FEW:
        return "bands, and upright bars at the end"
    return "the band of the baseline, and the upright bars at the end of all"


def _rows(
    scenarios: Scenarios, lines: list[_Line], values: Float, unit: str
) -> list[tuple[Cell, ...]]:
    found: list[tuple[Cell, ...]] = []
    for line in lines:
        there = np.isfinite(values[scenarios.ids.index(line.scenario)]).sum(axis=0)
        for i, year in enumerate(scenarios.years):
            ends = (float(x[i]) for x in (line.low, line.median, line.high))
            found.append((line.scenario, year, *ends, int(there[i]), unit))
    return found


def _draw(axes: Axes, years: Float, lines: list[_Line], unit: str) -> None:
    bottom = YOUNGEST if unit == "years" and _lowest(lines) > YOUNGEST else 0.0
    top = bottom + ROOM * (max(float(np.nanmax(line.high)) for line in lines) - bottom)
    if unit == PERCENT:
        top = min(top, 100.0)
    top = top if top > bottom else bottom + 1.0
    axes.set_ylim(bottom, top)
    axes.set_xlim(years[0] - 0.2, years[-1] + 0.25 + 0.14 * len(lines))
    axes.xaxis.set_major_locator(FixedLocator(years.tolist()))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, unit)))
    axes.tick_params(labelsize=8)
    for i, line in reversed(list(enumerate(lines))):
        opacity = FAINT_BAND if i == 0 else OPACITY["95"]
        if i == 0 or len(lines) <= FEW + 1:
            axes.fill_between(
                years, line.low, line.high, color=line.look.colour, alpha=opacity, linewidth=0
            )
        axes.plot(
            years, line.median, color=line.look.colour, linestyle=line.look.dash, linewidth=1.8
        )
        x = years[-1] + 0.2 + 0.14 * i
        axes.plot(
            [x, x],
            [line.low[-1], line.high[-1]],
            color=line.look.colour,
            linewidth=2.2,
            solid_capstyle="butt",
        )
        axes.plot(
            [x],
            [line.median[-1]],
            marker=line.look.marker,
            markersize=3.6,
            markerfacecolor="white",
            color=line.look.colour,
            zorder=4,
        )
    label_ends(axes, [(line.title, line.median[-1], line.look) for line in lines])


def _lowest(lines: list[_Line]) -> float:
    return min(float(np.nanmin(line.low)) for line in lines)


def label_ends(axes: Axes, labels: list[tuple[str, float, Look]]) -> None:
    """Names right of the axes, each in its colour near its value, none over another."""
    (bottom, top), right = axes.get_ylim(), axes.get_xlim()[1]
    inches = axes.get_window_extent().height / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    gap = (top - bottom) * 1.35 * LABEL / 72 / inches
    places = apart([np.nan_to_num(value) for _, value, _ in labels], gap, bottom, top)
    for (words, value, look), place in zip(labels, places, strict=True):
        axes.annotate(
            short(words),
            (right, value),
            xytext=(1.025, (place - bottom) / (top - bottom)),
            textcoords="axes fraction",
            va="center",
            fontsize=LABEL,
            color=look.colour,
            arrowprops={
                "arrowstyle": "-",
                "color": look.colour,
                "linewidth": 0.5,
                "relpos": (0.0, 0.5),
                "shrinkA": 1.0,
            },
            annotation_clip=False,
        )
