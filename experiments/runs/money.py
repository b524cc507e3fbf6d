"""What the coming years are worth, from the results of a run: ``drugfutures money``.

Money (public expenditure, social cost, revenues) and effects (DALY, years of life lost) are summed
over years draw by draw, as they are and discounted; medians and intervals come after. Nothing is
netted: taxes and losses at games change hands, and the two studies of costs overlap.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.runs.results import csv_file, open_file, other_version
from experiments.runs.seeds import of_scenario, runs_of, seeds_of
from experiments.runs.summary import QUANTILES, quantiles
from model.catalogue import Catalogue
from model.costs import BASE_YEAR, UNDISCOUNTED, Discounting, restate
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
EFFECTS = ("daly", "yld", "yll", "yll_attributable")
INDICATORS = (*(name for total, parts in MONEY.items() for name in (total, *parts)), *EFFECTS)
GROUPS = ("alcohol", "tobacco", "psychoactive_medicines", "any_illegal", "any_gambling")
OTHER, ALL = "other", "all"
INSTEAD = {"daly": "yld"}
"""What ALL holds of a product that has no value of an indicator: of DALY its disability."""
PRICED = re.compile(r"EUR of (\d{4}) per year")
ENDS = ("low95", "median", "high95")
CLOSE = 1e-4  # results hold seven digits


@dataclass(frozen=True)
class Asked:
    """What the command was asked for: years ``first`` to ``last``, discounting, prices."""

    results: Path
    first: int = BASE_YEAR
    last: int = YEARS[-1]
    discounting: Discounting = field(default_factory=Discounting)
    price_year: int | None = None
    inflation: float | None = None
    csv: Path | None = None

    @property
    def rate_of_prices(self) -> float:
        """Inflation per year, a share: the assumed one unless another is given."""
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


class Accounts:
    """All scenarios of a results folder, one indicator at a time."""

    def __init__(self, folder: Path) -> None:
        self._file = open_file(folder)
        self.units = self._attributes("units")
        missing = [
            name
            for name in INDICATORS
            if name not in self.units or not (name in EFFECTS or PRICED.fullmatch(self.units[name]))
        ]
        if missing:
            self._file.close()
            raise other_version(folder, missing, "these amounts")
        self.scenarios = self._labels("scenario")
        self.products = self._labels("product")
        self.names = dict(zip(self.products, self._labels("product_name"), strict=True))
        self.years = [int(year) for year in self._file["time"][:]]
        self.titles = self._attributes("long_name")
        self.draws = runs_of(self._file[INDICATORS[0]])
        self.seeds = seeds_of(self._file.attrs)

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def check(self, first: int, last: int) -> None:
        """Raise InputError unless the results hold the years ``first`` to ``last``."""
        for key, year in (("--from", first), ("--until", last)):
            if year not in self.years:
                raise InputError(
                    "a year that these results do not hold",
                    key=key,
                    given=year,
                    allowed=f"{self.years[0]} to {self.years[-1]}",
                )

    def nation(self, scenario: str, indicator: str, years: Sequence[int]) -> Float:
        """Everyone's amounts (products, D, years) in the order of ``products``."""
        at = slice(self.years.index(years[0]), self.years.index(years[-1]) + 1)
        everyone = (at, slice(None), 0, 0)
        values = of_scenario(self._file[indicator], self.scenarios.index(scenario), *everyone)
        return np.moveaxis(np.asarray(values, float), 2, 0)

    def _attributes(self, name: str) -> dict[str, str]:
        there = [indicator for indicator in INDICATORS if indicator in self._file]
        return {indicator: str(self._file[indicator].attrs[name]) for indicator in there}

    def _labels(self, name: str) -> list[str]:
        return [str(label) for label in self._file[name].asstr()[:]]


def partition(catalogue: Catalogue) -> dict[str, list[str]]:
    """Products by group: GROUPS and what is in none of them, each product once, in ALL.

    Raises InputError where unions do not make up ALL.
    """
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
    values: Float,
    products: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    instead: Float | None = None,
) -> dict[str, Float]:
    """Amounts (D, years) of each group that has any, then of ALL, from (products, D, years).

    Groups are summed from their products, so that nothing counts twice. ALL is read, and InputError
    is raised when it is not the sum of the products; ``instead`` (products, D, years) is what it
    holds of those without a value.
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
    counted = values if instead is None else np.where(np.isnan(values), instead, values)
    every = [products.index(product) for members in groups.values() for product in members]
    summed = np.nansum(counted[every], axis=0)
    if not np.allclose(np.nan_to_num(whole), summed, rtol=CLOSE, atol=0.0):
        raise InputError(
            "groups of products that do not add up to all of them",
            given=", ".join(found),
            allowed="results made with the tables as they are; run again",
        )
    return found | {ALL: whole}


def interval(draws: Float) -> tuple[float, float, float]:
    """(low95, median, high95) of numbers (D,); draws without one are left out. In their unit."""
    told = dict(zip(QUANTILES, quantiles(draws).tolist(), strict=True))
    low, median, high = (told[name] for name in ENDS)
    return low, median, high


def worth(accounts: Accounts, catalogue: Catalogue, asked: Asked) -> list[Worth]:
    """Every indicator by scenario and group, in the order of INDICATORS. Raises InputError."""
    asked.check()
    accounts.check(asked.first, asked.last)
    groups = partition(catalogue)
    unknown = {p for members in groups.values() for p in members} - set(accounts.products)
    if unknown:
        raise InputError(
            "results made with other products than those of the tables",
            given=sorted(unknown),
            allowed="results made with the tables as they are; run again",
        )
    years = range(asked.first, asked.last + 1)
    found = []
    for scenario in accounts.scenarios:
        for indicator in INDICATORS:
            values, other = accounts.nation(scenario, indicator, years), INSTEAD.get(indicator)
            instead = None if other is None else accounts.nation(scenario, other, years)
            for group, amounts in by_group(values, accounts.products, groups, instead).items():
                place = (scenario, indicator, group)
                found.append(_worth(place, amounts, accounts.units[indicator], asked))
    return found


def _worth(place: tuple[str, str, str], amounts: Float, unit: str, asked: Asked) -> Worth:
    """The worth of amounts (D, years) of a scenario, indicator and group."""
    years = range(asked.first, asked.last + 1)
    priced, restated_from = PRICED.fullmatch(unit), None
    if priced and asked.price_year is not None and asked.price_year != int(priced[1]):
        restated_from = int(priced[1])
        unit = f"EUR of {asked.price_year} per year"
        amounts = restate(amounts, restated_from, asked.price_year, asked.rate_of_prices)
    plain, discounted = (
        how.costs(amounts, years) if priced else how.effects(amounts, years)
        for how in (UNDISCOUNTED, asked.discounting)
    )
    return Worth(
        *place,
        unit=unit.removesuffix(" per year"),
        restated_from=restated_from,
        plain=interval(plain),
        discounted=interval(discounted),
        missing=int(np.isnan(plain).sum()),
    )


def write_csv(found: Sequence[Worth], asked: Asked, path: Path) -> None:
    """One line an amount, with the terms that it stands under. Raises InputError."""
    rates = asked.discounting
    numbers = [f"{name}{which}" for which in ("", "_discounted") for name in ENDS]
    head = ("scenario", "indicator", "product", "first", "last", "unit", "restated_from")
    with csv_file(path) as writer:
        writer.writerow((*head, "inflation", "base_year", "rate", *numbers, "missing_draws"))
        for row in found:
            writer.writerow(
                (
                    row.scenario,
                    row.indicator,
                    row.product,
                    asked.first,
                    asked.last,
                    row.unit,
                    row.restated_from or "",
                    asked.rate_of_prices if row.restated_from else "",
                    rates.base_year,
                    rates.rate_effects if row.indicator in EFFECTS else rates.rate_costs,
                    *(f"{number:.6g}" for number in (*row.plain, *row.discounted)),
                    row.missing,
                )
            )
