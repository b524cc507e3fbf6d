"""Plots of a run: what was observed, what is modelled and what is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from calibration.figures import Figure
from model.catalogue import Catalogue

if TYPE_CHECKING:
    import xarray as xr

Which = Literal["none", "main", "all"]


def draw_plots(
    dataset: xr.Dataset,
    folder: Path,
    which: Which,
    catalogue: Catalogue,
    figures: Sequence[Figure],
) -> list[Path]:
    """Draw a run into ``folder`` (made when it lacks): each plot a PNG and a CSV of its numbers.

    ``main``: overview, states, regions, care, unions, markets, harms and money; ``all``: also a
    page for each product. Returns the paths written.
    """
    if which == "none":
        return []
    # Here, because the command line imports this module and must not wait for matplotlib.
    from experiments.plots.outcomes import outcome_pages
    from experiments.plots.overview import overview
    from experiments.plots.product import product_page
    from experiments.plots.reader import Reader
    from experiments.plots.sheet import save
    from experiments.plots.themes import care, regions, states, unions

    folder.mkdir(parents=True, exist_ok=True)
    reader = Reader(dataset, catalogue, figures)
    written = []
    for make in (overview, states, regions, care, unions):
        written += save(replace(make(reader), drawn=reader.drawn), folder)
    for page in outcome_pages(reader):
        written += save(replace(page, drawn=reader.drawn), folder)
    if which == "all":
        for product in catalogue.products:
            page = replace(product_page(reader, product.id), drawn=reader.drawn)
            written += save(page, folder)
    return written


def draw_agent_plots(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw what only agents can tell into ``folder`` (made when it lacks), each with its CSV.

    ``dataset``: of ``agents.nc``. Returns the paths written.
    """
    from experiments.plots.agents import agent_pictures
    from experiments.plots.scenario_sheet import save

    folder.mkdir(parents=True, exist_ok=True)
    return [path for picture in agent_pictures(dataset) for path in save(picture, folder)]
