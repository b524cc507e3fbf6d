"""The model seen as the surveys see it: one series for each thing that was ever observed.

A series has the product, indicator, sex, ages and place of an observed figure, so that a dot and
the band behind it mean the same. ``headlines.csv`` names the one that stands for each product.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.figures import SITES, Figure, comparable
from model.catalogue import Catalogue
from model.strata import Strata, weights

Float = npt.NDArray[np.float64]

COUNTED = (
    "persons",
    "persons per year",
    "offences per year",
    "items per year",
    "sites per year",
    "attacks per year",
    "years of life per year",
)
UNITS = {
    ("proportion", "proportion"): "proportion",
    ("years", "years"): "years",
    ("years", "years of life per year"): "years of life per year",
    ("years", "years of life per death"): "years of life per death",
    ("count", "proportion"): "persons",
    **{("count", unit): unit for unit in COUNTED},
    ("per_100k", "per 100,000 per year"): "per 100,000 per year",
    ("per_million", "per million per year"): "per million per year",
    ("kg", "kg per year"): "kg per year",
    ("tonnes", "kg per year"): "kg per year",
    ("kg", "tonnes per year"): "tonnes per year",
    ("tonnes", "tonnes per year"): "tonnes per year",
    ("litres_per_person", "litres per person per year"): "litres per person per year",
    ("cigarettes_per_day", "cigarettes per day"): "cigarettes per day",
    ("mg_per_1000_per_day", "mg per 1000 persons per day"): "mg per 1000 persons per day",
}
"""Unit of a series by the units of a figure and of the indicator; others cannot be compared, but
for euros (``EURO``)."""
FACTORS = {("tonnes", "kg per year"): 1000.0, ("kg", "tonnes per year"): 0.001}
"""What a figure is multiplied by in the unit of its series; 1 for all others."""
EURO = {"EUR": "per year", "EUR_per_gram": "per gram"}
"""End of the indicator's unit, ``EUR of YEAR per year``: comparable where the figure is of YEAR."""

PARTS = {
    "French Community": ("Wallonia", "Brussels"),
    **{site: (region,) for site, region in SITES.items()},
}
"""Places of figures that are made of regions; a sewershed stands for its region. Nearly all who
live in Brussels and go to school in French are in the French Community; the model cannot tell
schools apart, so it takes them all."""


@dataclass(frozen=True)
class Group:
    """Who is asked; ages are inclusive years, None for no limit."""

    sex: str
    age_min: int | None
    age_max: int | None
    region: str

    @property
    def ages(self) -> str:
        """The ages in words: "15-64", "15+", "all ages"."""
        if self.age_min is None and self.age_max is None:
            return "all ages"
        if self.age_max is None:
            return f"{self.age_min}+"
        return f"{self.age_min or 0}-{self.age_max}"


@dataclass(frozen=True)
class Series:
    """What was asked of whom; ``id`` labels the coordinate ``series`` of the results.

    ``unit`` is the indicator's own, or persons where a register counts those whose share the
    indicator is.
    """

    product: str
    indicator: str
    group: Group
    unit: str

    @property
    def id(self) -> str:
        """Such as ``cannabis/last_year_prevalence/all/15-64/Belgium/proportion``."""
        group = self.group
        ages = group.ages
        return "/".join(
            (self.product, self.indicator, group.sex, ages, group.region, self.unit)
        ).replace(" ", "_")

    def label(self, catalogue: Catalogue) -> str:
        """The series in words."""
        names = names_of(catalogue)
        what = {row.id: row.name for row in catalogue.indicators}
        group = self.group
        sex = {"all": "", "male": " men", "female": " women"}[group.sex]
        title = f"{names[self.product]}: {what[self.indicator]}"
        return f"{title}, {group.ages}{sex}, {group.region}"


def names_of(catalogue: Catalogue) -> dict[str, str]:
    """Names by id: products in table order, then unions. The product axis of all results."""
    names = {row.id: row.name for row in catalogue.products}
    return names | {row.id: row.name for row in catalogue.unions}


def series_of(figure: Figure, catalogue: Catalogue) -> Series | None:
    """The series that a figure is a point of; None when the model cannot print such a number."""
    if not comparable(figure):
        return None
    own = {row.id: row.unit for row in catalogue.indicators}
    unit = _unit(figure, own.get(figure.indicator, ""))
    if unit is None:
        return None
    group = Group(figure.sex, figure.age_min, figure.age_max, figure.region)
    return Series(figure.product, figure.indicator, group, unit)


def _unit(figure: Figure, own: str) -> str | None:
    priced = re.fullmatch(r"EUR of (\d{4}) (per \w+)", own)
    if priced is None:
        return UNITS.get((figure.unit, own))
    first, last = figure.year or 0, figure.year_end or figure.year or 0
    same = EURO.get(figure.unit) == priced[2] and first <= int(priced[1]) <= last
    return own if same else None


def in_unit_of(figure: Figure, series: Series) -> tuple[float | None, float | None, float | None]:
    """Value, low and high of a figure in the unit of its series."""
    factor = FACTORS.get((figure.unit, series.unit), 1.0)
    numbers = (figure.value, figure.low, figure.high)
    value, low, high = (None if number is None else number * factor for number in numbers)
    return value, low, high


def all_series(
    catalogue: Catalogue, figures: Sequence[Figure], headlines: Sequence[Series]
) -> tuple[Series, ...]:
    """Every series of the figures and headlines once: by product, then indicator, then group."""
    products = list(names_of(catalogue))
    indicators = [row.id for row in catalogue.indicators]
    observed = [series_of(figure, catalogue) for figure in figures]
    known = {series for series in observed if series is not None} | set(headlines)

    def place(series: Series) -> tuple[int, int, str]:
        at = products.index(series.product), indicators.index(series.indicator)
        return (*at, series.id)

    return tuple(sorted(known, key=place))


def group_weights(strata: Strata, group: Group) -> Float:
    """Share of each stratum that belongs to ``group`` (S,)."""
    total = np.zeros(strata.size)
    for region in PARTS.get(group.region, (group.region,)):
        low, high = group.age_min, group.age_max
        total += weights(strata, age_min=low, age_max=high, sex=group.sex, region=region)
    return total
