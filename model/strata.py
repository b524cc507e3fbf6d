"""Strata (age x sex x region x deprivation), the counted population, and shares of strata.

A stratum is one cell of the population that the engines step. Strata are laid out in blocks:
one block holds the age bands of one (region, sex, deprivation) group, contiguous and ascending,
and all blocks have the same bands. The engines read this layout and nothing else about ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat

from model.errors import InputError
from model.reading import TableRow, read_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TABLES = Path(__file__).parent / "tables"

REGIONS = ("Flanders", "Wallonia", "Brussels")
SEXES = ("male", "female")
DEPRIVATION = ("most_deprived", "others")
COUNTRY = "Belgium"
ALL = "all"

DEFAULT_AGE_LOWS = (*range(10, 25), 25, 30, 35, 45, 55, 65, 75)
OLDEST = 120  # the last band is open; this closes it on paper
TABLE_AGES = 101  # the population table has single ages 0-99 and, as its last, 100 and over
# Groups that cut a band are cut at the ages of this year: the last adult health survey before
# 2023 (fieldwork 2018), hence the year of most figures that such groups are compared with.
WEIGHT_YEAR = 2018


@dataclass(frozen=True, eq=False)
class Strata:
    """The strata of a run; S = regions x sexes x deprivation groups x age bands.

    ``region``, ``sex``, ``deprivation``: int codes [S], indices into the label tuples.
    ``age_low``, ``age_high``: first and last age of the stratum in years, inclusive [S].
    Order: region > sex > deprivation > age (the last varies fastest). A dimension that is not
    told apart has the one label "Belgium" (region) or "all" (sex, deprivation).
    Raises InputError when the arrays do not have this layout. Arrays are read-only.
    """

    region: Ints
    sex: Ints
    deprivation: Ints
    age_low: Ints
    age_high: Ints
    regions: tuple[str, ...] = REGIONS
    sexes: tuple[str, ...] = SEXES
    deprivations: tuple[str, ...] = DEPRIVATION

    def __post_init__(self) -> None:
        shape = (len(self.regions), len(self.sexes), len(self.deprivations))
        blocks = int(np.prod(shape))
        size = int(self.age_low.size)
        if blocks == 0 or size == 0 or size % blocks:
            raise InputError("strata: every block needs the same age bands", given=size)
        codes = np.repeat(np.indices(shape).reshape(3, blocks), size // blocks, axis=1)
        low, high = self.age_low.reshape(blocks, -1), self.age_high.reshape(blocks, -1)
        in_order = all(
            np.array_equal(have, want)
            for have, want in zip((self.region, self.sex, self.deprivation), codes, strict=True)
        )
        if not in_order or (low != low[0]).any() or (high != high[0]).any():
            raise InputError(
                "strata: the order is not the one required",
                allowed="region > sex > deprivation > ascending age, the same bands everywhere",
            )
        check_age_lows([int(age) for age in low[0]])
        if (high[0, :-1] != low[0, 1:] - 1).any() or high[0, -1] != OLDEST:
            raise InputError(
                "strata: age bands must follow one another", allowed=f"up to {OLDEST} years"
            )
        for values in (self.region, self.sex, self.deprivation, self.age_low, self.age_high):
            values.setflags(write=False)

    @property
    def size(self) -> int:
        """Number of strata, S."""
        return int(self.age_low.size)

    @property
    def blocks(self) -> int:
        """Number of (region, sex, deprivation) blocks."""
        return len(self.regions) * len(self.sexes) * len(self.deprivations)

    @property
    def bands(self) -> int:
        """Number of age bands in each block."""
        return self.size // self.blocks

    @property
    def age_lows(self) -> Ints:
        """First age of each band [bands]."""
        return self.age_low[: self.bands]

    @property
    def age_labels(self) -> tuple[str, ...]:
        """Band names: "10", "25-29", "75+" [bands]."""
        pairs = zip(self.age_lows, self.age_high[: self.bands], strict=True)
        return tuple(
            f"{low}+" if high == OLDEST else f"{low}" if low == high else f"{low}-{high}"
            for low, high in pairs
        )


def check_age_lows(age_lows: Sequence[int]) -> None:
    """Raise InputError unless the first ages of bands are ascending and within the table."""
    ascending = all(a < b for a, b in pairwise(age_lows))
    if not age_lows or not ascending or age_lows[0] < 0 or age_lows[-1] > TABLE_AGES - 2:
        raise InputError(
            "age bands need ascending first ages",
            key="age_lows",
            given=list(age_lows),
            allowed=f"whole years 0 to {TABLE_AGES - 2}, each higher than the one before",
        )


def build_strata(
    age_lows: Sequence[int],
    by_sex: bool = True,
    by_region: bool = True,
    by_deprivation: bool = True,
) -> Strata:
    """Strata with bands that start at ``age_lows`` (years; the last is open).

    A dimension switched off is summed over. Raises InputError for ages that do not ascend.
    """
    check_age_lows(age_lows)
    regions = REGIONS if by_region else (COUNTRY,)
    sexes = SEXES if by_sex else (ALL,)
    deprivations = DEPRIVATION if by_deprivation else (ALL,)
    shape = (len(regions), len(sexes), len(deprivations), len(age_lows))
    region, sex, deprivation, band = (
        index.astype(np.int64) for index in np.indices(shape).reshape(4, -1)
    )
    lows = np.asarray(age_lows, dtype=np.int64)
    highs = np.append(lows[1:] - 1, OLDEST).astype(np.int64)
    return Strata(region, sex, deprivation, lows[band], highs[band], regions, sexes, deprivations)


def default_strata() -> Strata:
    """The 264 strata: single years 10-24, 25-29, 30-34, tens to 65-74, 75+; all dimensions."""
    return build_strata(DEFAULT_AGE_LOWS)


class PopulationRow(TableRow):
    """Persons (thousands) on 1 January of each year; age 100 is 100 and over.

    ``source`` covers 2010-2021 (observed), ``projection_source`` 2022-2030.
    """

    region: Literal["Flanders", "Wallonia", "Brussels"]
    sex: Literal["male", "female"]
    age: int
    y2010: NonNegativeFloat
    y2011: NonNegativeFloat
    y2012: NonNegativeFloat
    y2013: NonNegativeFloat
    y2014: NonNegativeFloat
    y2015: NonNegativeFloat
    y2016: NonNegativeFloat
    y2017: NonNegativeFloat
    y2018: NonNegativeFloat
    y2019: NonNegativeFloat
    y2020: NonNegativeFloat
    y2021: NonNegativeFloat
    y2022: NonNegativeFloat
    y2023: NonNegativeFloat
    y2024: NonNegativeFloat
    y2025: NonNegativeFloat
    y2026: NonNegativeFloat
    y2027: NonNegativeFloat
    y2028: NonNegativeFloat
    y2029: NonNegativeFloat
    y2030: NonNegativeFloat
    source: str
    projection_source: str


class DeprivationRow(TableRow):
    """Share of a region's people who live in the nationally most deprived third."""

    region: Literal["Flanders", "Wallonia", "Brussels"]
    share: float
    low: float
    high: float
    source: str
    note: str


ORDERED = "0 < low <= share <= high < 1"
YEAR_COLUMNS = tuple(name for name in PopulationRow.model_fields if name.startswith("y2"))
YEARS = tuple(int(name[1:]) for name in YEAR_COLUMNS)


@dataclass(frozen=True, eq=False)
class PopulationTable:
    """The counted and projected population.

    ``persons``: [region, sex, age 0..100 (last: 100+), year 2010..2030], on 1 January.
    ``most_deprived``: share in the most deprived third [region], for every age and sex (assumed).
    """

    persons: Floats
    most_deprived: Floats

    def year(self, year: int) -> Floats:
        """Persons [region, sex, age] on 1 January of ``year``; InputError outside the table.

        Raises InputError outside the table.
        """
        if year not in YEARS:
            raise InputError(
                "no population for this year",
                key="year",
                given=year,
                allowed=f"{YEARS[0]} to {YEARS[-1]}",
            )
        persons: Floats = self.persons[..., year - YEARS[0]]
        return persons

    def single_age(self, region: str, sex: str, year: int) -> Floats:
        """Persons by single age [101] on 1 January; region may be "Belgium", sex "all".

        Raises InputError for another year, region or sex.
        """
        regions = _mask(region, REGIONS, COUNTRY, "region")
        sexes = _mask(sex, SEXES, ALL, "sex")
        chosen = self.year(year) * regions[:, None, None] * sexes[:, None]
        by_age: Floats = chosen.sum(axis=(0, 1))
        return by_age


def load_population_table(tables: Path = TABLES) -> PopulationTable:
    """Read population.csv and deprivation.csv (their rows name the sources).

    Raises InputError (file, line, key, given, allowed) for a malformed, missing or repeated row.
    """
    path = tables / "population.csv"
    persons = np.full((len(REGIONS), len(SEXES), TABLE_AGES, len(YEARS)), np.nan)
    for row in read_rows(path, PopulationRow):
        if not 0 <= row.age < TABLE_AGES:
            _refuse(row, "the age is outside the table", "age", row.age, f"0 to {TABLE_AGES - 1}")
        cell = persons[REGIONS.index(row.region), SEXES.index(row.sex), row.age]
        if not np.isnan(cell[0]):
            given = f"{row.region},{row.sex},{row.age}"
            _refuse(row, "the row stands twice", "region,sex,age", given, "each once")
        cell[:] = [getattr(row, column) for column in YEAR_COLUMNS]
    missing = np.argwhere(np.isnan(persons[..., 0]))
    if missing.size:
        region, sex, age = missing[0]
        raise InputError(
            f"{len(missing)} rows are missing, the first: {REGIONS[region]},{SEXES[sex]},{age}",
            file=str(path),
            key="region,sex,age",
            allowed="every region, sex and single age once",
        )
    persons *= 1000.0  # the table is in thousands
    persons.setflags(write=False)
    return PopulationTable(persons, _read_deprivation(tables / "deprivation.csv"))


def _read_deprivation(path: Path) -> Floats:
    shares = np.full(len(REGIONS), np.nan)
    for row in read_rows(path, DeprivationRow):
        if not 0 < row.low <= row.share <= row.high < 1:
            _refuse(row, "the share is not in its range", "share", row.share, ORDERED)
        if not np.isnan(shares[REGIONS.index(row.region)]):
            _refuse(row, "the row stands twice", "region", row.region, "each region once")
        shares[REGIONS.index(row.region)] = row.share
    if np.isnan(shares).any():
        first = REGIONS[int(np.argmax(np.isnan(shares)))]
        raise InputError(
            f"no row for {first}", file=str(path), key="region", allowed="every region once"
        )
    shares.setflags(write=False)
    return shares


def _refuse(row: TableRow, message: str, key: str, given: object, allowed: str) -> None:
    raise InputError(message, file=row.file, line=row.line, key=key, given=given, allowed=allowed)


def persons_in_strata(strata: Strata, by_age: Floats, most_deprived: Floats) -> Floats:
    """Sum single ages into strata.

    ``by_age``: persons [3 regions, 2 sexes, 101 ages]; ``most_deprived``: share [3 regions].
    Returns persons [S]. Raises InputError for labels that the population table does not know.
    """
    return _sum_cells(strata, split_deprivation(by_age, most_deprived))


def split_deprivation(by_age: Floats, most_deprived: Floats) -> Floats:
    """Persons [region, sex, age] divided over deprivation: [region, sex, deprivation, age]."""
    shares = np.stack([most_deprived, 1.0 - most_deprived], axis=1)
    return by_age[:, :, None, :] * shares[:, None, :, None]


def _sum_cells(strata: Strata, cells: Floats) -> Floats:
    """Cells [region, sex, deprivation, age] summed into strata [S]."""
    known = (
        (strata.regions, REGIONS, COUNTRY, "region"),
        (strata.sexes, SEXES, ALL, "sex"),
        (strata.deprivations, DEPRIVATION, ALL, "deprivation"),
    )
    for axis, (labels, every, whole, key) in enumerate(known):
        if labels == (whole,):
            cells = cells.sum(axis=axis, keepdims=True)
        elif labels != every:
            raise InputError(
                "the population table does not know these strata",
                key=key,
                given=labels,
                allowed=f"{every} or {(whole,)}",
            )
    return np.add.reduceat(cells, strata.age_lows, axis=-1).reshape(-1)


@lru_cache(maxsize=1)
def _reference_table() -> PopulationTable:
    # Cached because a calibration asks for the weights of hundreds of figures.
    return load_population_table()


def weights(
    strata: Strata,
    *,
    age_min: int | None = None,
    age_max: int | None = None,
    sex: str | None = None,
    region: str | None = None,
    deprivation: str | None = None,
    population_by_single_age: Floats | None = None,
) -> Floats:
    """Share of each stratum that falls in the asked group, 0 to 1 [S].

    Ages are inclusive years; None (or "all", for the region "Belgium") asks for everyone. A
    stratum that the group cuts (as 30-49 cuts the band 45-54) is divided by the persons at each
    single age in ``population_by_single_age`` ([region, sex, age 0..100+]; default: 1 January
    2018). Those too young for the strata are in no stratum, whatever is asked. The table cannot
    cut beyond 99: an ``age_max`` of 100 or more means no upper limit.
    Raises InputError for an unknown label or an empty age range.
    """
    first = 0 if age_min is None else age_min
    last = OLDEST if age_max is None else age_max
    if not 0 <= first <= min(last, TABLE_AGES - 1):
        raise InputError(
            "the age range is empty or outside the table",
            key="age_min, age_max",
            given=f"{age_min} to {age_max}",
            allowed=f"0 to {OLDEST}, age_min at most age_max and at most {TABLE_AGES - 1}",
        )
    table = _reference_table()
    if population_by_single_age is None:
        population_by_single_age = table.year(WEIGHT_YEAR)
    if population_by_single_age.shape != (shape := table.persons.shape[:3]):
        raise InputError(
            "the population by single age has the wrong shape",
            key="population_by_single_age",
            given=population_by_single_age.shape,
            allowed=f"{shape}: region, sex, age",
        )
    cells = split_deprivation(population_by_single_age, table.most_deprived)
    ages = np.arange(TABLE_AGES)
    asked = np.einsum(
        "r,s,d,a->rsda",
        _mask(region, REGIONS, COUNTRY, "region"),
        _mask(sex, SEXES, ALL, "sex"),
        _mask(deprivation, DEPRIVATION, ALL, "deprivation"),
        ((ages >= first) & (ages <= last)).astype(np.float64),
    )
    everyone = _sum_cells(strata, cells)
    if not (everyone > 0).all():
        raise InputError(
            "a stratum has nobody in it, so it cannot be shared",
            key="population_by_single_age",
            allowed="a positive number of persons in every stratum",
        )
    return _sum_cells(strata, cells * asked) / everyone


def _mask(asked: str | None, labels: tuple[str, ...], whole: str, key: str) -> Floats:
    """1 for the labels asked for, 0 for the others."""
    if asked is None or asked == whole:
        return np.ones(len(labels))
    if asked not in labels:
        raise InputError("unknown group", key=key, given=asked, allowed=(*labels, whole))
    return np.array([float(label == asked) for label in labels])
