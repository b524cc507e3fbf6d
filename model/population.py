"""Births, deaths, migration and ageing of the strata, tied to the official population.

The recursion (``project``), for a stratum with n persons:

* each month: ``n *= 1 - death_probability`` (all causes), then ``n *= growth``
  (net migration and whatever else separates the death table from the counted population);
* on 1 January: a share ``moving_up`` of every band goes to the next band, and the entrants
  (persons who have reached the first age) join the first.

Growth and shares are solved from the table, so that every 1 January the strata equal it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from model.errors import InputError
from model.reading import TableRow, read_rows
from model.strata import (
    OLDEST,
    SEXES,
    TABLE_AGES,
    TABLES,
    YEARS,
    Floats,
    PopulationTable,
    Strata,
    load_population_table,
    persons_in_strata,
)

MONTHS = 12


class MortalityRow(TableRow):
    """All-cause death rate a year, ages ``age_low``-``age_high`` and years inclusive, Belgium."""

    sex: Literal["male", "female"]
    age_low: int
    age_high: int
    first_year: int
    last_year: int
    rate: PositiveFloat
    source: str


@dataclass(frozen=True, eq=False)
class Demography:
    """What ageing, deaths, migration and entry do to the strata; Y years, M months, S strata.

    ``start`` [S]: persons on 1 January of ``first_year``.
    ``death_rate`` [Y, S]: all-cause deaths per person a year.
    ``death_probability`` [M, S]: the same as a probability a month.
    ``growth`` [M, S]: monthly multiplier for net migration and the residual.
    ``moving_up`` [Y, S]: share that goes to the next band on 1 January after that year.
    ``entrants`` [Y + 1, blocks]: persons of the first age on 1 January of each year, the first
    of which are in ``start`` already.
    ``under_ten`` [Y, regions]: persons too young for the strata on 1 January (under-tens where
    the strata start at 10); inside rates per inhabitant.
    Arrays are float64 and read-only.
    """

    first_year: int
    start: Floats
    death_rate: Floats
    death_probability: Floats
    growth: Floats
    moving_up: Floats
    entrants: Floats
    under_ten: Floats

    def __post_init__(self) -> None:
        for values in vars(self).values():
            if isinstance(values, np.ndarray):
                values.setflags(write=False)

    @property
    def months(self) -> int:
        """Number of months, M."""
        return int(self.growth.shape[0])

    @property
    def years(self) -> int:
        """Number of calendar years, Y (the last may be incomplete in a closed population)."""
        return int(self.moving_up.shape[0])


def load_demography(
    strata: Strata,
    first_year: int = YEARS[0],
    last_year: int = YEARS[-1],
    tables: Path = TABLES,
) -> Demography:
    """Demography of ``strata`` from January of ``first_year`` to December of ``last_year``.

    Reads population.csv, deprivation.csv and mortality.csv, whose rows name their sources. The
    table ends on 1 January 2030: growth and moving up in 2030 repeat 2029's, and the entrants of
    January 2031 are those one year younger in 2030 times the ratio of the year before. Death
    rates are national and the same in both deprivation groups; the population of each single
    age in the year weights them within a band. As the strata grow older on 1 January only, this
    gives 3 to 4% fewer deaths than were counted in 2010-2019; growth takes up the difference.
    Raises InputError for years outside the table and for malformed tables.
    """
    if not YEARS[0] <= first_year <= last_year <= YEARS[-1]:
        raise InputError(
            "the population table does not cover these years",
            key="first_year, last_year",
            given=f"{first_year} to {last_year}",
            allowed=f"{YEARS[0]} to {YEARS[-1]}, first_year at most last_year",
        )
    table = load_population_table(tables)
    rates = load_death_rates(tables)

    def summed(by_age: Floats) -> Floats:
        return persons_in_strata(strata, by_age, table.most_deprived)

    # All years are solved, then cut: the repeat of 2029 needs no special case for short runs.
    persons = _by_year(table.persons, summed)
    death_rate = _divide(_by_year(table.persons * rates, summed), persons)
    yearly_growth, moving_up = _growth_and_moving_up(strata, table, persons, death_rate, summed)
    years = slice(first_year - YEARS[0], last_year - YEARS[0] + 1)
    death_rate = death_rate[years]
    return Demography(
        first_year=first_year,
        start=persons[years][0].copy(),
        death_rate=death_rate,
        death_probability=np.repeat(-np.expm1(-death_rate / MONTHS), MONTHS, axis=0),
        growth=np.repeat(yearly_growth[years] ** (1 / MONTHS), MONTHS, axis=0),
        moving_up=moving_up[years],
        entrants=_entrants(strata, table, summed)[years.start : years.stop + 1],
        under_ten=_too_young(strata, table)[years],
    )


def closed_population(
    strata: Strata, persons: Floats, months: int, first_year: int = YEARS[0]
) -> Demography:
    """A population [S] that nobody enters, leaves or ages in, for ``months`` from a January.

    For published cases and for catalogues whose states carry their own deaths.
    Raises InputError when ``persons`` has another shape, is negative or not finite, or when
    there are no months.
    """
    start = np.array(persons, dtype=np.float64)
    if start.shape != (strata.size,) or not (np.isfinite(start) & (start >= 0)).all():
        raise InputError(
            "a closed population needs persons for every stratum",
            key="persons",
            given=f"shape {start.shape}",
            allowed=f"{strata.size} finite numbers, none negative",
        )
    if months < 1:
        raise InputError("no months to run", key="months", given=months, allowed="1 or more")
    years = -(-months // MONTHS)
    by_year, by_month = (years, strata.size), (months, strata.size)
    return Demography(
        first_year=first_year,
        start=start,
        death_rate=np.zeros(by_year),
        death_probability=np.zeros(by_month),
        growth=np.ones(by_month),
        moving_up=np.zeros(by_year),
        entrants=np.zeros((years + 1, strata.blocks)),
        under_ten=np.zeros((years, len(strata.regions))),
    )


def project(demography: Demography) -> Floats:
    """Persons [M + 1, S] at the start of every month (row 0: 1 January of the first year)."""
    blocks = demography.entrants.shape[1]
    persons = np.empty((demography.months + 1, demography.start.size))
    persons[0] = demography.start
    for month in range(demography.months):
        now = persons[month] * (1.0 - demography.death_probability[month])
        now *= demography.growth[month]
        year, rest = divmod(month + 1, MONTHS)
        if rest == 0:  # the next month is a January
            going = (now * demography.moving_up[year - 1]).reshape(blocks, -1)
            staying = now.reshape(blocks, -1) - going
            staying[:, 0] += demography.entrants[year]
            staying[:, 1:] += going[:, :-1]
            now = staying.reshape(-1)
        persons[month + 1] = now
    return persons


def load_death_rates(tables: Path = TABLES) -> Floats:
    """All-cause death rates a year [1, sex, age 0..100+, year 2010..2030], Belgium.

    Source: mortality.csv, whose rates are means over five years: each stands at the middle of
    its years, with even growth from one to the next, so that deaths do not step every fifth year.
    Before the first middle and after the last the rate stays. Raises InputError for a malformed
    row, for rows that overlap and for an age or year without a rate.
    """
    path = tables / "mortality.csv"
    rates = np.full((len(SEXES), TABLE_AGES, len(YEARS)), np.nan)
    periods: dict[float, Floats] = {}
    for row in read_rows(path, MortalityRow):
        _check_range(row, "age_low, age_high", row.age_low, row.age_high, (0, OLDEST))
        _check_range(row, "first_year, last_year", row.first_year, row.last_year, None)
        first = max(row.first_year - YEARS[0], 0)
        cells = rates[
            SEXES.index(row.sex),
            row.age_low : row.age_high + 1,
            first : max(row.last_year - YEARS[0] + 1, 0),
        ]
        if not np.isnan(cells).all():
            raise InputError(
                "the row overlaps an earlier one",
                file=row.file,
                line=row.line,
                key="sex,age_low,first_year",
                given=f"{row.sex},{row.age_low},{row.first_year}",
                allowed="each sex, age and year once",
            )
        cells[:] = row.rate
        middle = (row.first_year + row.last_year) / 2
        period = periods.setdefault(middle, np.full(rates.shape[:2], np.nan))
        period[SEXES.index(row.sex), row.age_low : row.age_high + 1] = np.log(row.rate)
    missing = np.argwhere(np.isnan(rates))
    if missing.size:
        sex, age, year = missing[0]
        raise InputError(
            f"no death rate, first for: {SEXES[sex]}, age {age}, {YEARS[year]}",
            file=str(path),
            key="sex,age_low,first_year",
            allowed="every sex, age and year once",
        )
    return _smoothed(periods)[None]


def _smoothed(periods: dict[float, Floats]) -> Floats:
    """Rates [sex, age, year] from logarithms [sex, age] by the middle of their years."""
    middles = np.array(sorted(periods))
    logs = np.stack([periods[middle] for middle in sorted(periods)], axis=-1)
    found = np.empty((*logs.shape[:2], len(YEARS)))
    for cell in np.ndindex(logs.shape[:2]):
        given = ~np.isnan(logs[cell])
        found[cell] = np.exp(np.interp(YEARS, middles[given], logs[cell][given]))
    return found


def _check_range(
    row: MortalityRow, key: str, low: int, high: int, limits: tuple[int, int] | None
) -> None:
    outside = limits is not None and not limits[0] <= low <= high <= limits[1]
    if low > high or outside:
        within = "" if limits is None else f", within {limits[0]} to {limits[1]}"
        raise InputError(
            "the row has an impossible range",
            file=row.file,
            line=row.line,
            key=key,
            given=f"{low} to {high}",
            allowed=f"the first at most the last{within}",
        )


def _by_year(by_age: Floats, summed: Callable[[Floats], Floats]) -> Floats:
    """Strata [Y, S] from single ages [region, sex, age, Y]."""
    return np.stack([summed(by_age[..., year]) for year in range(by_age.shape[-1])])


def _divide(above: Floats, below: Floats) -> Floats:
    """Quotient, 0 where nobody is (a stratum without people has no deaths and no movers)."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _growth_and_moving_up(
    strata: Strata,
    table: PopulationTable,
    persons: Floats,
    death_rate: Floats,
    summed: Callable[[Floats], Floats],
) -> tuple[Floats, Floats]:
    """Yearly growth multiplier and moving-up share [Y, S]; the last year repeats the one before.

    Before ageing on 1 January of t + 1 a band must hold those who will then be one year older
    than its ages: N(a + 1, t + 1) summed over its ages a. Of them, those older than the band's
    last age move up.
    """
    older = np.zeros_like(table.persons[..., 1:])  # [.., a, t]: N(a + 1, t + 1)
    older[:, :, :-1] = table.persons[:, :, 1:, 1:]
    before_ageing = _by_year(older, summed)
    leaves_band = np.zeros(TABLE_AGES)
    leaves_band[strata.age_lows[1:] - 1] = 1.0  # the last age of every band but the open one
    leaving = _by_year(older * leaves_band[:, None], summed)
    survivors = persons[:-1] * np.exp(-death_rate[:-1])
    if ((survivors <= 0) & (before_ageing > 0)).any():
        year, stratum = np.argwhere((survivors <= 0) & (before_ageing > 0))[0]
        raise InputError(
            "a stratum without people has people a year later; take wider age bands",
            key="age_lows",
            given=f"from age {strata.age_low[stratum]} in {YEARS[year]}",
        )
    growth = np.where(survivors > 0, _divide(before_ageing, survivors), 1.0)
    moving_up = _divide(leaving, before_ageing)
    return np.vstack([growth, growth[-1:]]), np.vstack([moving_up, moving_up[-1:]])


def _entrants(strata: Strata, table: PopulationTable, summed: Callable[[Floats], Floats]) -> Floats:
    """Persons of the first age by block [Y + 1, blocks], one 1 January beyond the table."""
    age = int(strata.age_lows[0])
    first_age = np.zeros((*table.persons.shape[:3], len(YEARS) + 1))
    first_age[:, :, age, :-1] = table.persons[:, :, age]
    beyond = table.persons[:, :, age, -1]
    if age > 0:
        younger = table.persons[:, :, age - 1]
        beyond = younger[..., -1] * _divide(beyond, younger[..., -2])
    first_age[:, :, age, -1] = beyond
    youngest = _by_year(first_age, summed).reshape(len(YEARS) + 1, strata.blocks, -1)[..., 0]
    return np.ascontiguousarray(youngest)  # the kernel is compiled for one memory layout


def _too_young(strata: Strata, table: PopulationTable) -> Floats:
    """Persons below the first age by region of the strata [Y, regions]."""
    by_region = table.persons[:, :, : strata.age_lows[0]].sum(axis=(1, 2)).T
    if len(strata.regions) == 1:
        by_region = by_region.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(by_region)
