"""Differences from the baseline over the years, and how far the draws agree, year by year."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from experiments.comparisons.compare import CERTAINTY, NEGLIGIBLE, WHOLE, Paired, Scenarios, paired
from experiments.plots.scenario_fans import Of, label_ends
from experiments.plots.scenario_sheet import (
    IDS,
    Cell,
    Float,
    Picture,
    about,
    chosen,
    file_name,
    left_of,
    margin,
    named,
    new_sheet,
    priors_note,
    reading_notes,
)
from experiments.plots.style import BLACK, FAINT_BAND, GREY, NARROW, OPACITY, SEVERAL, STYLE, Look
from model.errors import InputError

COLUMNS = (
    *("scenario", "year", "percent_low90", "percent", "percent_high90"),
    *("share_above", "share_below", "draws", "missing_draws", "unit", "certainty"),
)
LEFT, UPPER, LOWER, BETWEEN, TICKS = 0.65, 3.0, 1.1, 0.5, 0.35  # inches
EVEN = 0.5

Course = tuple[str, Look, list[Paired]]
"""Title, look and the years of a scenario."""


def differences(
    dataset: xr.Dataset, of: Of, asked: list[str] | None = None, why: str = ""
) -> Picture:
    """Up to six scenarios (None: all of the file) less the baseline. Raises InputError for more.

    ``why``: how the scenarios were chosen, for the foot.
    """
    scenarios = Scenarios(dataset)
    baseline = scenarios.baseline(of.baseline)
    ids = chosen(scenarios, asked, baseline)
    title, _, _ = about(scenarios, of.indicator, of.product, of.group)
    values = scenarios.series(of.indicator, of.product, of.group)
    if np.isnan(values).all() or not ids:
        raise InputError("nothing to draw: no value, or no other scenario", given=title)
    reference = values[scenarios.ids.index(baseline)]
    courses: list[Course] = [
        _course(
            named(one, scenarios.titles[one]), look, reference, values[scenarios.ids.index(one)]
        )
        for one, look in zip(ids, SEVERAL, strict=False)
    ]
    notes = [
        "Above: median of the difference within each draw and the band of 90% of draws, in percent "
        "of the baseline of the draw. Below: share of draws above the baseline; outside the grey "
        f"lines {CERTAINTY[0][0]:.0%} or more of draws agree on the sign, and draws without a "
        "difference count half, and so do all where none is visible (median and 90% within "
        f"{NEGLIGIBLE:g}% of the baseline). A scenario in grey: never visible.",
        f"{why} {IDS}".strip(),
        *reading_notes(scenarios, of.indicator),
        " ".join((left_of(scenarios, values), *priors_note(scenarios, of.product))).strip(),
    ]
    with mpl.rc_context(STYLE):
        middle = 0.25 + UPPER + BETWEEN + LOWER + TICKS
        sheet, top = new_sheet(title, scenarios.drawn, (NARROW, middle), [n for n in notes if n])
        head = f"Difference from {scenarios.titles[baseline]}, % of it"
        sheet.text(0.12, top, head, fontsize=9)
        across = NARROW - LEFT - margin(name for name, _, _ in courses)
        upper = sheet.box(LEFT, top + 0.25, across, UPPER)
        words = top + 0.25 + UPPER + 0.27
        sheet.text(0.12, words, "Share of draws above the baseline", fontsize=9)
        lower = sheet.box(LEFT, top + 0.25 + UPPER + BETWEEN, across, LOWER)
        years = np.array(scenarios.years, float)
        _upper(upper, years, courses)
        _lower(lower, years, courses)
    rows = tuple(
        _row(one, year, pair)
        for one, (_, _, course) in zip(ids, courses, strict=True)
        for year, pair in zip(scenarios.years, course, strict=True)
    )
    where = [] if of.group == WHOLE else [of.group]
    name = file_name("differences", of.indicator, of.product, *where)
    return Picture(name, sheet.figure, COLUMNS, rows)


def _course(name: str, look: Look, reference: Float, values: Float) -> Course:
    years = _years(reference, values)
    nothing = all(pair.equal or pair.negligible or not pair.draws for pair in years)
    return name, replace(look, colour=GREY) if nothing else look, years


def _years(reference: Float, values: Float) -> list[Paired]:
    return [paired(reference[:, year], values[:, year]) for year in range(values.shape[1])]


def _row(scenario: str, year: int, pair: Paired) -> tuple[Cell, ...]:
    numbers = (pair.percent_low, pair.percent, pair.percent_high, pair.up, pair.down)
    return (scenario, year, *numbers, pair.draws, pair.missing, "% of the baseline", pair.certainty)


def _upper(axes: Axes, years: Float, courses: list[Course]) -> None:
    axes.axhline(0.0, color=BLACK, linewidth=0.9, zorder=1)
    opacity = OPACITY["95"] if len(courses) < 3 else FAINT_BAND
    for _, look, course in courses:
        low, middle, high = (
            np.array([getattr(pair, name) for pair in course])
            for name in ("percent_low", "percent", "percent_high")
        )
        axes.fill_between(years, low, high, color=look.colour, alpha=opacity, linewidth=0)
        axes.plot(
            years,
            middle,
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markersize=3.2,
            linewidth=1.6,
        )
    axes.set_xlim(years[0] - 0.2, years[-1] + 0.2)
    axes.xaxis.set_major_locator(FixedLocator(years.tolist()))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=8)
    label_ends(axes, [(title, course[-1].percent, look) for title, look, course in courses])


def _above(pair: Paired) -> float:
    if not pair.draws:
        return np.nan
    return EVEN if pair.negligible else pair.up + EVEN * (1 - pair.up - pair.down)


def _lower(axes: Axes, years: Float, courses: list[Course]) -> None:
    for _, look, course in courses:
        share = [_above(pair) for pair in course]
        axes.plot(
            years,
            share,
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markersize=3.2,
            linewidth=1.2,
            clip_on=False,
        )
    axes.set_xlim(years[0] - 0.2, years[-1] + 0.2)
    axes.set_ylim(0, 1)
    for bound in (1 - CERTAINTY[0][0], CERTAINTY[0][0]):
        axes.axhline(bound, color=GREY, linewidth=0.8, zorder=1)
    axes.xaxis.set_major_locator(FixedLocator(years.tolist()))
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, EVEN, 0.75, 1]))
    axes.yaxis.set_major_formatter(FixedFormatter(["0%", "25%", "50%", "75%", "100%"]))
    axes.tick_params(labelsize=8)
