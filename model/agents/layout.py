"""How many slots there are, in which cells and blocks, and how cohorts pass through age bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.agents.people import BLOCK, Layout
from model.errors import InputError
from model.population import load_death_rates
from model.prepared import FIRST_YEAR, Prepared
from model.strata import (
    DEPRIVATION,
    REGIONS,
    SEXES,
    TABLE_AGES,
    YEARS,
    PopulationTable,
    load_population_table,
)
from model.structure import NOBODY

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RESERVE = 0.04  # slots beyond the most people that the table has
PRESENT = 2023  # the number of agents is that of the inhabitants of 1 January of this year


@dataclass(frozen=True)
class Ground:
    """Slots of a run and what the calendar does to them. Y years from the first, G groups.

    A group is a sex and deprivation group; the stratum within the region is group * bands + band.
    """

    layout: Layout
    first_year: int  # whose 1 January the run starts on
    bands: int
    groups: int
    band: Int  # (Y + 1, cells) age band of each cell on 1 January; NOBODY for children and after
    entering: Int  # (Y + 1, cells) 1 where the cell reaches the youngest band on that day
    people: Float  # (Y + 1, cells, G) expected persons on 1 January; children in group 0
    growth: Float  # (Y, cells, G) log growth a month (cohorts), 0 where strata's growth is used
    older: Float  # (Y, cells, G) deaths a month beyond the band's mean, for the cell's own age
    cohorts: bool  # whether cells are birth cohorts; else one cell a region


def persons_per_agent(size: int) -> float:
    """Inhabitants that one agent stands for when ``size`` agents are those of 1 January 2023."""
    return float(load_population_table().year(PRESENT).sum()) / size


def cohort_ground(prepared: Prepared, first_year: int, weight: float) -> Ground:
    """One cell for each birth cohort and region, children included. Raises InputError.

    Growth is that of single ages, so that each cohort keeps to the official population, and
    deaths within a band follow the single-age table.
    """
    strata = prepared.strata
    named = (strata.regions, strata.sexes, strata.deprivations)
    if named != (REGIONS, SEXES, DEPRIVATION):
        raise InputError(
            "ageing by birth cohort needs the strata of the population table",
            key="ageing",
            given="cohorts",
            allowed="bands",
        )
    table, last_year = load_population_table(), FIRST_YEAR + prepared.demography.years
    years = np.arange(first_year, last_year + 1)
    oldest = TABLE_AGES - 1
    cohorts = np.arange(first_year - oldest, last_year + 1)
    persons = _by_cohort(table, years, cohorts)
    count = len(cohorts) * len(REGIONS)
    people = persons.reshape(len(years), count, 4)
    age = np.repeat((years[:, None] - cohorts)[:, :, None], len(REGIONS), axis=2)
    age = age.reshape(len(years), count)
    youngest = int(strata.age_lows[0])
    band = np.searchsorted(strata.age_lows, age, side="right") - 1
    band[age < youngest] = NOBODY
    growth, older = _movements(prepared, table, years, age, people)
    largest = people.sum(axis=2).max(axis=0) / weight
    return Ground(
        layout=_cut(
            _room(largest),
            np.tile(np.arange(len(REGIONS)), len(cohorts)),
            np.repeat(cohorts, len(REGIONS)),
        ),
        first_year=first_year,
        bands=strata.bands,
        groups=4,
        band=band,
        entering=(age == youngest).astype(np.int64),
        people=people,
        growth=growth,
        older=older,
        cohorts=True,
    )


def band_ground(prepared: Prepared, first_year: int, weight: float) -> Ground:
    """One cell for each region: people move between age bands as the compartments' shares do.

    Raises InputError for too many agents.
    """
    strata, demography = prepared.strata, prepared.demography
    years = demography.years - (first_year - FIRST_YEAR)
    regions, groups = len(strata.regions), strata.blocks // len(strata.regions)
    coming = demography.entrants.reshape(-1, regions, groups).sum(axis=2)
    expected = demography.start.reshape(regions, -1).sum(axis=1)
    # Nobody knows how many will die before: as if the newcomers of a few years came on top.
    growth = np.log(np.maximum(demography.growth, 1e-9)).reshape(-1, regions, groups * strata.bands)
    risen = np.exp(np.maximum(growth, 0.0).mean(axis=2).sum(axis=0))
    largest = (expected * np.minimum(risen, 3.0) + 0.5 * coming.sum(axis=0)) / weight
    shape = (years, regions, groups)
    return Ground(
        layout=_cut(_room(largest), np.arange(regions), np.zeros(regions, dtype=np.int64)),
        first_year=first_year,
        bands=strata.bands,
        groups=groups,
        band=np.zeros((years + 1, regions), dtype=np.int64),
        entering=np.zeros((years + 1, regions), dtype=np.int64),
        people=np.zeros((years + 1, regions, groups)),
        growth=np.zeros(shape),
        older=np.zeros(shape),
        cohorts=False,
    )


def _by_cohort(table: PopulationTable, years: Int, cohorts: Int) -> Float:
    """Persons [year, cohort, region, sex x deprivation]; the open last age goes with its first.

    After the table's last year single ages move on as in the year before.
    """
    split = np.stack([table.most_deprived, 1.0 - table.most_deprived], axis=1)
    found = np.zeros((len(years), len(cohorts), len(REGIONS), 4))
    for y, year in enumerate(years):
        persons = table.year(min(int(year), YEARS[-1]))
        for c, cohort in enumerate(cohorts):
            age = int(year - cohort)
            if 0 <= age < TABLE_AGES:
                cell = persons[:, :, age, None] * split[:, None, :]
                found[y, c] = cell.reshape(len(REGIONS), 4)
    return found


def _movements(
    prepared: Prepared, table: PopulationTable, years: Int, age: Int, people: Float
) -> tuple[Float, Float]:
    """Log growth a month, and deaths a month beyond the band's mean, [Y, cells, group].

    Beyond the table's last age a cohort has the mean movements of its band.
    """
    strata, demography = prepared.strata, prepared.demography
    rates = load_death_rates()[0]
    regions, bands = len(REGIONS), strata.bands
    growth = np.zeros((len(years) - 1, people.shape[1], 4))
    older = np.zeros_like(growth)
    region = np.tile(np.arange(regions), people.shape[1] // regions)
    band = np.searchsorted(strata.age_lows, age, side="right") - 1
    for y, year in enumerate(years[:-1]):
        at = min(int(year), YEARS[-2]) - YEARS[0]
        own_year = int(year) - FIRST_YEAR
        for group in range(4):
            stratum = region * 4 * bands + group * bands + np.maximum(band[y], 0)
            mean = demography.death_rate[own_year, stratum]
            single = np.minimum(np.maximum(age[y], 0), TABLE_AGES - 1)
            own = rates[group // 2, single, at]
            before = table.persons[region, group // 2, single, at]
            after = table.persons[
                region, group // 2, np.minimum(single + 1, TABLE_AGES - 1), at + 1
            ]
            known = (age[y] >= strata.age_lows[0]) & (age[y] < TABLE_AGES - 2) & (before > 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                grown = np.log(after / before) + own
            usual = 12.0 * np.log(demography.growth[12 * own_year, stratum])
            growth[y, :, group] = np.where(known & np.isfinite(grown), grown, usual) / 12.0
            older[y, :, group] = np.where(known, own - mean, 0.0) / 12.0
    growth[age[:-1] < strata.age_lows[0]] = 0.0
    return growth, older


def _room(people: Float) -> Int:
    """Slots for cells of at most so many people: a reserve for chance and for newcomers."""
    return np.ceil(people * (1.0 + RESERVE) + 6.0 * np.sqrt(people) + 4.0).astype(np.int64)


def _cut(slots: Int, region: Int, cohort: Int) -> Layout:
    """Cells of so many slots, each cut into blocks of at most BLOCK."""
    cell_start = np.concatenate([[0], np.cumsum(slots)]).astype(np.int64)
    if cell_start[-1] > np.iinfo(np.int32).max:
        raise InputError("too many agents", given=int(cell_start[-1]), allowed="2 billion slots")
    starts, cells = [], []
    for cell, (start, size) in enumerate(zip(cell_start, slots, strict=False)):
        parts = -(-int(size) // BLOCK)
        starts += [int(start) + int(size) * part // parts for part in range(parts)]
        cells += [cell] * parts
    block_cell = np.array(cells, dtype=np.int64)
    return Layout(
        block_start=np.array([*starts, cell_start[-1]], dtype=np.int64),
        block_region=region[block_cell].astype(np.int64),
        block_cell=block_cell,
        cell_start=cell_start,
        cell_region=region.astype(np.int64),
        cell_cohort=cohort.astype(np.int64),
    )
