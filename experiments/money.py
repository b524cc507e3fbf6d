"""``drugfutures money``: what the coming years are worth, from the results of a run.

Money (public expenditure, social cost, revenues) and effects (DALY, years of life lost) are summed
over years draw by draw, as they are and discounted; medians and intervals come after. Nothing is
netted: taxes and losses at games change hands, and the two studies of costs overlap.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.comparison import catalogue_of
from experiments.comparison_table import Scale
from experiments.headlines import warning
from experiments.results import FILE, MODE_TEXT
from experiments.summary import quantiles
from model.catalogue import Catalogue, load_catalogue
from model.costs import (
    BASE_YEAR,
    EXPENDITURE_YEAR,
    RATE_COSTS,
    RATE_EFFECTS,
    SOCIAL_COST_YEAR,
    UNDISCOUNTED,
    Discounting,
    restate,
)
from model.errors import InputError
from model.strata import YEARS

Float = npt.NDArray[np.float64]

INFLATION = 0.02  # the median of the parameter of this name: assumed
MONEY: Mapping[str, Mapping[str, str]] = {
    "public_expenditure": {
        "expenditure_treatment": "Treatment",
        "expenditure_enforcement": "Law enforcement",
        "expenditure_prevention": "Prevention",
        "expenditure_harm_reduction": "Harm reduction",
    },
    "social_cost": {"social_cost_direct": "Direct", "social_cost_indirect": "Indirect"},
    "excise_revenue": {},
    "vat_revenue": {},
    "gross_gaming_revenue": {},
}
"""Amounts of money, each with its parts and what these are called."""
EFFECTS = ("daly", "yll", "yll_attributable")
INDICATORS = (*(name for total, parts in MONEY.items() for name in (total, *parts)), *EFFECTS)
STUDIED = ("public_expenditure", "social_cost")
GROUPS = ("alcohol", "tobacco", "psychoactive_medicines", "any_illegal", "any_gambling")
OTHER, ALL = "other", "all"
PRICED = re.compile(r"EUR of (\d{4}) per year")
CLOSE = 1e-4  # results hold seven digits


@dataclass(frozen=True)
class Asked:
    """What the command was asked for: years ``first`` to ``last``, discounting, prices."""

    results: Path
    first: int = BASE_YEAR
    last: int = YEARS[-1]
    discounting: Discounting = Discounting()
    price_year: int | None = None
    inflation: float | None = None
    csv: Path | None = None

    @property
    def rate_of_prices(self) -> float:
        """Yearly inflation, the assumed one unless another is given."""
        return INFLATION if self.inflation is None else self.inflation

    def check(self) -> None:
        """Raise InputError for what no results could answer."""
        if self.first > self.last:
            raise InputError(
                "the years end before they begin",
                key="--from, --until",
                given=f"{self.first}, {self.last}",
                allowed="a first year that is not after the last",
            )
        for key, year in (
            ("--base-year", self.discounting.base_year),
            ("--price-year", self.price_year),
        ):
            if year is not None and year not in YEARS:
                allowed = f"{YEARS[0]} to {YEARS[-1]}"
                raise InputError("a year outside the model", key=key, given=year, allowed=allowed)
        for key, rate in (
            ("--rates", self.discounting.rate_costs),
            ("--rates", self.discounting.rate_effects),
            ("--inflation", self.rate_of_prices),
        ):
            # A rate above 1 is a percentage by mistake.
            if not (math.isfinite(rate) and -1.0 < rate <= 1.0):
                allowed = "above -1 and at most 1 a year (3% is 0.03)"
                raise InputError("a rate out of bounds", key=key, given=rate, allowed=allowed)
        if self.inflation is not None and self.price_year is None:
            raise InputError(
                "inflation without a year to restate to",
                key="--inflation",
                given=self.inflation,
                allowed="together with --price-year",
            )


@dataclass(frozen=True)
class Worth:
    """One sum over the years: (low95, median, high95) as it is and discounted, in ``unit``.

    ``restated_from``: the price year of the results where it is another. ``missing``: draws without
    a value, left out of both.
    """

    scenario: str
    indicator: str
    product: str
    unit: str
    restated_from: int | None
    plain: tuple[float, float, float]
    discounted: tuple[float, float, float]
    missing: int

    @property
    def counted(self) -> bool:
        """Whether any draw holds anything but 0."""
        return any(self.plain)


class Accounts:
    """All scenarios of a results folder, one indicator at a time."""

    def __init__(self, folder: Path) -> None:
        path, again = folder / FILE, f"drugfutures run --out {folder} --draws 200"
        if not path.is_file():
            allowed = f"the folder of a run; make one with: {again}"
            raise InputError("no results here", given=str(folder), allowed=allowed)
        try:
            self._file = h5py.File(path, "r")
        except OSError:
            allowed = f"a whole results file; make one with: {again}"
            raise InputError("results that cannot be read", given=str(path), allowed=allowed) from None
        missing = [name for name in INDICATORS if name not in self._file]
        if missing:
            self._file.close()
            raise InputError(
                f"results of another version, without {', '.join(missing)}",
                given=str(folder),
                allowed=f"results of this version; make them with: {again}",
            )
        self.scenarios = self._labels("scenario")
        self.products = self._labels("product")
        self.names = dict(zip(self.products, self._labels("product_name"), strict=True))
        self.years = [int(year) for year in self._file["time"][:]]
        self.titles = {name: str(self._file[name].attrs["long_name"]) for name in INDICATORS}
        self.units = {name: str(self._file[name].attrs["units"]) for name in INDICATORS}
        self.draws = int(self._file[INDICATORS[0]].shape[1])

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def nation(self, scenario: str, indicator: str, years: Sequence[int]) -> Float:
        """Everyone's amounts (products, D, years) in the order of ``products``."""
        for year in (years[0], years[-1]):
            if year not in self.years:
                raise InputError(
                    "a year that these results do not hold",
                    key="--from" if year == years[0] else "--until",
                    given=year,
                    allowed=f"{self.years[0]} to {self.years[-1]}",
                )
        at = slice(self.years.index(years[0]), self.years.index(years[-1]) + 1)
        values = self._file[indicator][self.scenarios.index(scenario), :, at, :, 0, 0]
        return np.moveaxis(np.asarray(values, float), 2, 0)

    def _labels(self, name: str) -> list[str]:
        return [str(label) for label in self._file[name].asstr()[:]]


def partition(catalogue: Catalogue) -> dict[str, list[str]]:
    """Products by group: GROUPS and what is in none of them, each product once, in ALL."""
    unions = {row.id: row.members.split() for row in catalogue.unions}
    known = {row.id: [row.id] for row in catalogue.products} | unions
    found = {group: known[group] for group in GROUPS if group in known}
    counted = Counter(product for members in found.values() for product in members)
    twice = [product for product, times in counted.items() if times > 1]
    outside = [product for product in counted if product not in unions[ALL]]
    if twice or outside:
        raise InputError(
            "groups that do not make up all products",
            file="unions.csv",
            given=twice or outside,
            allowed=f"products of '{ALL}', each in one of: {', '.join(found)}",
        )
    return found | {OTHER: [product for product in unions[ALL] if product not in counted]}


def by_group(
    values: Float, products: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> dict[str, Float]:
    """Amounts (D, years) of each group that has any, then of ALL, from (products, D, years).

    Groups are summed from their products, so that nothing counts twice; ALL is read, and InputError
    is raised when the groups do not add up to it.
    """
    found = {}
    for group, members in groups.items():
        own = values[[products.index(product) for product in members]]
        if not np.isnan(own).all():
            missing = np.isnan(own).all(axis=0)
            found[group] = np.where(missing, np.nan, np.nansum(own, axis=0))
    whole = values[products.index(ALL)]
    if not found or np.isnan(whole).all():
        return {}
    summed = np.nansum(list(found.values()), axis=0)
    if not np.allclose(np.nan_to_num(whole), summed, rtol=CLOSE, atol=0.0):
        raise InputError(
            "groups of products that do not add up to all of them",
            given=", ".join(found),
            allowed="results made with the tables as they are; run again",
        )
    return found | {ALL: whole}


def worth(accounts: Accounts, catalogue: Catalogue, asked: Asked) -> list[Worth]:
    """Every indicator by scenario and group, in the order of INDICATORS. Raises InputError."""
    asked.check()
    groups = partition(catalogue)
    years = range(asked.first, asked.last + 1)
    found = []
    for scenario in accounts.scenarios:
        for indicator in INDICATORS:
            values = accounts.nation(scenario, indicator, years)
            unit, former = accounts.units[indicator], None
            priced = PRICED.fullmatch(unit)
            if priced and asked.price_year not in (None, int(priced[1])):
                former = int(priced[1])
                unit = f"EUR of {asked.price_year} per year"
                values = restate(values, former, int(asked.price_year), asked.rate_of_prices)
            for group, amounts in by_group(values, accounts.products, groups).items():
                plain, discounted = (
                    (how.costs if priced else how.effects)(amounts, years)
                    for how in (UNDISCOUNTED, asked.discounting)
                )
                found.append(
                    Worth(
                        scenario=scenario,
                        indicator=indicator,
                        product=group,
                        unit=unit.removesuffix(" per year"),
                        restated_from=former,
                        plain=interval(plain),
                        discounted=interval(discounted),
                        missing=int(np.isnan(plain).sum()),
                    )
                )
    return found
