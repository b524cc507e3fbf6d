"""The twenty products on one page: the headline series of each over its figures."""

from __future__ import annotations

from experiments.plots.page import Page
from experiments.plots.reader import Reader
from experiments.plots.words import (
    earlier_figures,
    how_dots_stand,
    pupils,
    unit_in_words,
    what_is_what,
)
from experiments.runs.headline_series import load_headlines
from model.compartments import FIRST_YEAR

OTHERWISE = "last_year_prevalence"


def overview(reader: Reader) -> Page:
    """Small multiples of the products."""
    panels = []
    drawn = set()
    for row, series in load_headlines(reader.catalogue):
        if series.id not in reader.series:
            continue
        what = reader.words(row.indicator, row.product)
        subtitle = f"{what},\n{unit_in_words(series)}"
        panels.append(reader.of_series(series.id, reader.names[row.product], subtitle))
        drawn.add(row.product)
    # A product of a user's own catalogue has no headline.
    for product in reader.catalogue.products:
        if product.id not in drawn:
            what = f"{reader.words(OTHERWISE, product.id)},\npercent of people aged 10+"
            panels.append(reader.of_marginal(OTHERWISE, product.id, product.name, what))
    return Page(
        name="overview",
        title=f"{len(panels)} products in Belgium, {reader.years[0]:.0f}–{reader.years[-1]:.0f}",
        panels=tuple(panels),
        columns=5,
        legend=reader.legend(),
        notes=(
            " ".join((*earlier_figures(panels, FIRST_YEAR), *pupils(panels, reader.figures))),
            *how_dots_stand(panels),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
    )
