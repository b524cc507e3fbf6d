"""Fan charts of a calibration: the joined draws of each headline series over its figures."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calibration.errors import build_errors, from_scale
from calibration.series import Series, names_of
from experiments.plots.outcomes import NOTE_LETTERS
from experiments.plots.overview import overview
from experiments.plots.page import Dot, Page, Panel
from experiments.plots.reader import Reader
from experiments.plots.sheet import save
from experiments.plots.words import (
    earlier_figures,
    how_dots_stand,
    pupils,
    unit_in_words,
    what_is_what,
)
from experiments.runs.headline_series import load_headlines
from model.catalogue import Catalogue
from model.parameters import SPREAD
from model.strata import REGIONS

if TYPE_CHECKING:
    from experiments.fits.calibrate import Joined, Outcome

FIRST = 2010
EACH = 2
"""Series of a product on the page with the past: the headline and those with most figures."""
WIDE = 0.6
"""Sd of a figure's error, on its scale, above which its bar would only show a free offset."""
ERRORS = (
    "Bands: what the model says is so, without errors of surveys. Bars of dots: 95% of the error "
    "that the fit allows the figure (sample, wave, definition, break), unless the source printed "
    "an interval; no bar: the level of the series has a wide free offset."
)


def save_fans(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``fans`` (all products from 2010) and ``fans-past`` (fitted ones from 1997)."""
    if outcome.joined is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    told = _what_is_fitted(outcome)
    plan, joined = outcome.plan, outcome.joined
    products = [name for one in outcome.fitted for name in one.block.products.split()]
    written: list[Path] = []
    for name, first in (("fans", FIRST), ("fans-past", joined.years[0])):
        shown = dataset(joined, plan.catalogue, first, products)
        reader = Reader(shown, plan.catalogue, plan.figures)
        page = overview(reader) if first == FIRST else past_page(reader, products)
        panels = with_errors(page.panels, reader)
        lines = [textwrap.wrap(note, NOTE_LETTERS) for note in (told, ERRORS, *page.notes)]
        notes = tuple(line for wrapped in lines for line in wrapped)
        written += save(
            replace(page, name=name, panels=panels, notes=notes, drawn=reader.drawn), folder
        )
    return written


def _what_is_fitted(outcome: Outcome) -> str:
    names = names_of(outcome.plan.catalogue)
    fitted = [names[p] for one in outcome.fitted for p in one.block.products.split()]
    told = f"Fitted here: {', '.join(fitted)}; every other product runs on its priors."
    return f"A cut-down, rough fit. {told}" if outcome.asked.quick else told


def dataset(joined: Joined, catalogue: Catalogue, first: int, fitted: Sequence[str]) -> xr.Dataset:
    """The joined draws in the form in which a run keeps its survey, from the year ``first``.

    ``fitted``: ids of the products that were fitted. Dims scenario, draw, series and time.
    """
    names = names_of(catalogue)
    years = [year for year in joined.years if year >= first]
    values = joined.values[:, :, -len(years) :]
    columns: Mapping[str, list[object]] = {
        "series": [one.id for one in joined.series],
        "series_product": [one.product for one in joined.series],
        "series_indicator": [one.indicator for one in joined.series],
        "series_unit": [one.unit for one in joined.series],
        "series_sex": [one.group.sex for one in joined.series],
        "series_region": [one.group.region for one in joined.series],
        "series_age_min": [_age(one.group.age_min) for one in joined.series],
        "series_age_max": [_age(one.group.age_max) for one in joined.series],
    }
    coordinates = {
        "time": years,
        "scenario": ["current-policy"],
        "scenario_title": ("scenario", ["Current policy"]),
        "product": list(names),
        "product_name": ("product", list(names.values())),
        "region": ["Belgium", *REGIONS],
        **{name: ("series", cells) for name, cells in columns.items()},
    }
    shown = {"survey": (("scenario", "draw", "series", "time"), values[None])}
    told = {"draws": "posterior", "calibrated": " ".join(fitted)}
    return xr.Dataset(shown, coordinates, told)


def with_errors(panels: Sequence[Panel], reader: Reader) -> tuple[Panel, ...]:
    """The panels with the 95% error of each figure that printed no interval."""
    shown = [dot for panel in panels for dot in panel.dots if _bare(dot)]
    if not shown:
        return tuple(panels)
    ids = dict.fromkeys(dot.figure for dot in shown)
    errors = build_errors([reader.figures[name] for name in ids], reader.catalogue)
    sds = np.sqrt(np.diag(errors.covariance()))
    rows = zip(errors.ids, errors.scale, errors.observed, sds, strict=True)
    ends = {name: _ends(scale, at, sd) for name, scale, at, sd in rows if sd <= WIDE}

    def of(dot: Dot) -> Dot:
        if not _bare(dot) or dot.figure not in ends or dot.value is None:
            return dot
        low, middle, high = ends[dot.figure]
        factor = dot.value / middle  # from the unit of the series to the one shown
        return replace(dot, low=factor * low, high=factor * high)

    return tuple(replace(panel, dots=tuple(of(dot) for dot in panel.dots)) for panel in panels)


def _bare(dot: Dot) -> bool:
    return bool(dot.value) and dot.low is None and dot.high is None


def _ends(scale: str, middle: float, sd: float) -> tuple[float, float, float]:
    points = from_scale(np.array([middle - SPREAD * sd, middle, middle + SPREAD * sd]), scale)
    low, at, high = (float(point) for point in points)
    return low, at, high


def _age(age: int | None) -> float:
    return np.nan if age is None else float(age)


def past_page(reader: Reader, products: list[str]) -> Page:
    """Fitted products with the years before the run, as far back as figures go."""
    headlines = {row.product: series.id for row, series in load_headlines(reader.catalogue)}
    panels = []
    for product in products:
        chosen = [headlines[product]] if product in headlines else []
        chosen += _most_seen(reader, product, chosen)
        for key in chosen[:EACH]:
            series = reader.series[key]
            what = reader.words(series.indicator, product)
            subtitle = f"{what},\n{unit_in_words(series)}"
            panels.append(reader.of_series(key, reader.names[product], subtitle))
    return Page(
        name="fans-past",
        title=f"The past and the projection, {reader.years[0]:.0f}–{reader.years[-1]:.0f}",
        panels=tuple(panels),
        columns=4,
        legend=reader.legend(),
        notes=(
            " ".join((*earlier_figures(panels, reader.years[0]), *pupils(panels, reader.figures))),
            *how_dots_stand(panels),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
    )


def _most_seen(reader: Reader, product: str, but: list[str]) -> list[str]:
    """Series of a product by their number of figures."""
    counts = {
        key: len(reader.dots(key)[0])
        for key, series in reader.series.items()
        if series.product == product and key not in but and _drawable(series)
    }
    return sorted((key for key, n in counts.items() if n > 1), key=lambda key: -counts[key])


def _drawable(series: Series) -> bool:
    """Whether the level means something: loads in sewage and the like are relative."""
    return series.indicator != "wastewater_load"
