"""The table printed after a run: the headline series of each product, with what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from calibration.figures import Figure
from experiments.results import MODE_TEXT, Layout, Single
from experiments.series import Headline, Series, names_of, series_of
from experiments.summary import QUANTILES, Float, quantiles
from model.catalogue import Catalogue
from model.strata import COUNTRY

YEARS = (2010, 2018, 2023, 2030)
# Fewer draws than this leave none, on average, beyond an end of a 95% interval.
ENOUGH = 40
NEAREST = 2  # years between a figure and the year it stands beside, at most
MARK = "†"
ROLES = {"fitted": "●", "checked": "○", "context": "○"}


Observed = Mapping[Series, Sequence[Figure]]


def observed(figures: Sequence[Figure], catalogue: Catalogue) -> Observed:
    """Figures by the series that they are points of, in table order."""
    found: dict[Series, list[Figure]] = {}
    for figure in figures:
        series = series_of(figure, catalogue)
        if series is not None:
            found.setdefault(series, []).append(figure)
    return found


def nearest_figure(figures: Sequence[Figure], year: int) -> Figure | None:
    """The figure nearest to ``year`` (within NEAREST years; at one distance a fitted one)."""
    close = [f for f in figures if f.year is not None and abs(f.year - year) <= NEAREST]
    # The distance first, then the role, then the order of the table.
    close.sort(key=lambda figure: (abs((figure.year or 0) - year), figure.role != "fitted"))
    return close[0] if close else None


def headline_table(
    survey: Single, title: str, layout: Layout, headlines: Sequence[Headline], figures: Observed
) -> Table:
    """Median and 95% interval of each headline in YEARS (and the last year of a shorter run).

    ``survey``: the variable of the results for one scenario (draw, series, time).
    """
    catalogue, every = layout.catalogue, layout.years
    years = sorted({year for year in YEARS if year in every} | {every[-1]})
    only = {row.id for row in catalogue.products if row.mode == "scenario-only"}
    names = names_of(catalogue)
    table = Table(
        title=f"Main indicators, {title}: median (95% interval)",
        caption=f"{ROLES['fitted']} {ROLES['checked']} observed: the nearest figure within "
        f"{NEAREST} years ({ROLES['fitted']} one that a fit will use, {ROLES['checked']} one to "
        f"check results against). {MARK} scenario-only: too few figures ever to be calibrated.",
        caption_justify="left",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("Product", ratio=6, overflow="fold")
    for year in years:
        table.add_column(str(year), ratio=4, overflow="fold")
    for row, series in headlines:
        at = layout.series.index(series)
        found = quantiles(survey[:, at, [every.index(year) for year in years]])
        scale, unit, decimals = _scale(series, found[0])
        name = Text(names[series.product] + (f" {MARK}" if series.product in only else ""))
        name.stylize("bold")
        where = "" if series.group.region == COUNTRY else f", {series.group.region}"
        name.append(f"\n {row.short}, {series.group.ages}{where}, {unit}", style="not bold")
        cells = [name]
        for i, year in enumerate(years):
            numbers = dict(
                zip(QUANTILES, (f"{x * scale:,.{decimals}f}" for x in found[:, i]), strict=True)
            )
            told = f"{numbers['median']} ({numbers['low95']}–{numbers['high95']})"
            cell = Text("not modelled" if np.isnan(found[0, i]) else told)
            figure = nearest_figure(figures.get(series, ()), year)
            if figure is not None and figure.value is not None:
                when = "" if figure.year == year else f" ({figure.year})"
                seen = f"{figure.value * scale:,.{decimals}f}{when}"
                cell.append(f"\n{ROLES[figure.role]} {seen}", style="green")
            cells.append(cell)
        table.add_row(*cells)
    return table


def _scale(series: Series, medians: Float) -> tuple[float, str, int]:
    """Factor, name and decimals of the numbers in one row."""
    if series.unit == "proportion":
        return 100.0, "%", 1 if np.nanmax(medians, initial=0.0) >= 0.01 else 2
    if series.unit.startswith("persons"):
        return 1e-3, series.unit.replace("persons", "thousands"), 0
    return 1.0, series.unit, 1


def preface() -> str:
    """What a reader must know before the numbers."""
    return (
        f"{MODE_TEXT}. The intervals are what the literature and our assumptions allow before any "
        "Belgian figure has been used; where an observed figure lies outside, the priors are off."
    )


def warning(draws: int) -> str | None:
    """What to tell about the intervals of a run with too few draws; None when there are enough."""
    if draws >= ENOUGH:
        return None
    return f"Only {draws} draw{'s' if draws > 1 else ''}: intervals are rough"
