"""Deaths, burden of disease, driving under the influence, and nuisance of one run.

Three counts of deaths are kept apart: those attributable to a product (every cause), those coded
to the disorder itself, and drug-induced ones (overdoses). Years of life lost follow the
coded deaths, as in the Belgian burden of disease study, and are also given for all attributable
deaths. Arrays are (D draws, Y years, S strata) unless said otherwise.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from model.catalogue import StateRow
from model.legal import Group, amount_by_cell
from model.outcomes import PURITY, TAKEN, Seen
from model.population import load_death_rates
from model.strata import YEARS, Strata, load_population_table, persons_in_strata, weights

Float = npt.NDArray[np.float64]

DRIVING_AGE = 18
PER = 100_000.0
PER_MILLION = 1_000_000.0

# Parameter with the disability weight of a state: by its own name first, else by what it counts as.
WEIGHTS = {
    "moderate_risk": "disability_weight_moderate",
    "occasional": "disability_weight_occasional",
    "problematic": "disability_weight_problematic",
    "waiting": "disability_weight_problematic",
    "treatment": "disability_weight_treatment",
    "recovery": "disability_weight_recovery",
}
# Parameters without which nothing is said about disability.
WEIGHED = tuple(f"disability_weight_{state}" for state in ("occasional", "problematic"))
DRIVING: dict[Group, str] = {
    "occasional": "driving_share",
    "problematic": "driving_share_problematic",
}
LARGEST_SHARE = 1.0 - 1e-9  # a share of 1 would stand for occasions without end
IN_NEED = ("problematic", "waiting")
CODED = ("coded_share", "coded_overdose_share")
DERIVED = (
    "daly",
    "daly_attributable",
    "yll_per_death",
    "overdose_deaths_rate",
    "daly_rate",
    "yll_rate",
    "coded_deaths_rate",
    "nuisance_reports",
)


def observe(seen: Seen) -> None:
    """Put the indicators of single products."""
    deaths(seen)
    _burden(seen)
    if seen.wants("dui_30d", "drivers_over_limit"):
        _driving(seen)
    _public_space(seen)


def derive(seen: Seen) -> None:
    """Put sums, rates and indices of products and unions."""
    if not seen.wants(*DERIVED):
        return
    inhabitants = seen.inhabitants()
    lived = seen.cells(seen.lived)
    for owner in seen.names:
        yll, yld = _found(seen, "yll", owner), _found(seen, "yld", owner)
        deaths, overdose = (_found(seen, n, owner) for n in ("coded_deaths", "overdose_deaths"))
        daly = yll + yld
        seen.put("daly", owner, daly)
        # What tobacco does is in no death coded to it: all attributable deaths, for comparing.
        lost = _found(seen, "yll_attributable", owner)
        seen.put("daly_attributable", owner, lost + np.nan_to_num(yld))
        with np.errstate(invalid="ignore", divide="ignore"):
            seen.put("yll_per_death", owner, np.where(deaths > 0.0, yll / deaths, np.nan))
            seen.put("overdose_deaths_rate", owner, overdose / lived * PER_MILLION)
        for name, amount in (("daly", daly), ("yll", yll), ("coded_deaths", deaths)):
            seen.put_nation(f"{name}_rate", owner, amount * PER / inhabitants)
        if owner not in seen.kinds and seen.wants("nuisance_reports"):
            exposure = _found(seen, "nuisance_exposure", owner)
            seen.put("nuisance_reports", owner, relative_to_first(exposure))


def _found(seen: Seen, name: str, owner: str) -> Float:
    """An indicator, or NaN where no product of the catalogue has it."""
    if name in seen.values:
        return seen.get(name, owner)
    return np.full((*seen.lived.shape[:2], len(seen.weights)), np.nan)


# Deaths


def coded(other: Float, overdose: Float, share: Float, overdose_share: Float) -> Float:
    """Deaths coded to the disorder, out of an excess of ``other`` causes and of overdoses.

    Persons; the shares are proportions that broadcast. Never more than ``other + overdose``.
    """
    return np.asarray(share * other + overdose_share * overdose)


def _coded_deaths(seen: Seen, product: str) -> Float:
    overdose = seen.overdose_deaths(product)
    return coded(
        seen.excess_deaths(product) - overdose,
        overdose,
        *(seen.parameter(product, name) for name in CODED),
    )


def deaths(seen: Seen) -> None:
    """Put the deaths that products cause; needs no calendar year, so the past has them too."""
    for product in filter(seen.deadly, seen.kinds) if seen.wants("attributable_deaths") else ():
        seen.put("attributable_deaths", product, seen.cells(seen.excess_deaths(product)))
    for product in seen.products(*CODED) if seen.wants("coded_deaths") else ():
        seen.put("coded_deaths", product, seen.cells(_coded_deaths(seen, product)))
    for product in seen.products("overdose_rate_problematic"):
        if seen.wants("overdose_deaths"):
            seen.put("overdose_deaths", product, seen.cells(seen.overdose_deaths(product)))
        if seen.wants("overdoses"):
            seen.put("overdoses", product, seen.cells(_overdoses(seen, product)))


def _overdoses(seen: Seen, product: str) -> Float:
    """Overdoses a year, fatal or not, with what moves deaths too: purity, amount, the handle."""
    rate = np.zeros_like(seen.lived)
    for row in _states(seen, product):
        if row.overdose is not None and seen.has(product, row.overdose):
            people = seen.in_states(product, row.state)
            rate = rate + people * seen.parameter(product, row.overdose)
    if seen.has(product, "potency_exponent"):
        rate = rate * seen.market(product, PURITY) ** seen.scalar(product, "potency_exponent")
    if seen.has(product, "amount_mortality_exponent"):
        exponent = seen.scalar(product, "amount_mortality_exponent")
        rate = rate * seen.spread(amount_by_cell(seen, product, "problematic") ** exponent)
    return np.asarray(rate * seen.handle("overdose", product))


def _states(seen: Seen, product: str) -> list[StateRow]:
    modules = next(row.modules.split() for row in seen.catalogue.products if row.id == product)
    return [row for row in seen.catalogue.states if row.module in modules]


# Burden of disease


def life_expectancy(rates: Float) -> Float:
    """Remaining years of life at each exact age, of a period life table.

    ``rates`` (..., ages): deaths per person-year at each single year of age, constant within it;
    the last age is open. Returns (..., ages), years. Standard actuarial recursion:
    ``e(a) = years lived between a and a + 1 + share alive at a + 1 times e(a + 1)``.
    """
    alive = np.exp(-rates)
    lived = np.where(rates > 0.0, -np.expm1(-rates) / np.where(rates > 0.0, rates, 1.0), 1.0)
    years = np.empty_like(alive)
    years[..., -1] = 1.0 / rates[..., -1]
    for age in range(rates.shape[-1] - 2, -1, -1):
        years[..., age] = lived[..., age] + alive[..., age] * years[..., age + 1]
    return years


@lru_cache(maxsize=1)
def _by_age() -> tuple[Float, Float]:
    """Deaths at each single age, and the years that each of them loses.

    Both (region, sex, age, year): population.csv times mortality.csv, and the national life table
    of the year at the middle of the year of age. The life table is the same in all regions.
    """
    rates = load_death_rates()
    exact = np.moveaxis(life_expectancy(np.moveaxis(rates, 2, -1)), -1, 2)
    following = np.concatenate([exact[:, :, 1:], exact[:, :, -1:]], axis=2)
    deaths = load_population_table().persons * rates
    return deaths, np.broadcast_to((exact + following) / 2.0, deaths.shape)


@lru_cache(maxsize=8)
def _years_lost(strata: Strata, years: tuple[int, ...]) -> Float:
    found = years_lost(strata, np.array(years, dtype=np.int64))
    found.setflags(write=False)
    return found


def years_lost(strata: Strata, years: npt.NDArray[np.int64]) -> Float:
    """Remaining life expectancy of those who die in a stratum in calendar ``years``, (Y, S).

    Years of life; Belgian life table by sex (mortality.csv, see its source), weighted within a
    band by the deaths at each single age. Years beyond the tables have those of the last.
    """
    deaths, left = _by_age()
    most_deprived = load_population_table().most_deprived
    found = np.empty((len(years), strata.size))
    for i, year in enumerate(years):
        y = min(int(year), YEARS[-1]) - YEARS[0]
        lost = persons_in_strata(strata, deaths[..., y] * left[..., y], most_deprived)
        found[i] = lost / persons_in_strata(strata, deaths[..., y], most_deprived)
    return found


def _burden(seen: Seen) -> None:
    lost = _years_lost(seen.prepared.strata, tuple(seen.years.tolist()))
    for product in filter(seen.deadly, seen.kinds) if seen.wants("yll_attributable") else ():
        seen.put("yll_attributable", product, seen.cells(seen.excess_deaths(product) * lost))
    for product in seen.products(*CODED) if seen.wants("yll") else ():
        seen.put("yll", product, seen.cells(_coded_deaths(seen, product) * lost))
    for product in seen.products(*WEIGHED) if seen.wants("yld") else ():
        seen.put("yld", product, _disability(seen, product))


def _disability(seen: Seen, product: str) -> Float:
    """Years lived with disability: person-years in each state times its weight, (D, Y, C)."""
    by_cell = seen.states_in_cells(product)
    total = np.zeros((*seen.lived.shape[:2], len(seen.weights)))
    for z, row in enumerate(seen.states_of(product)):
        name = WEIGHTS.get(row.state) or WEIGHTS.get(row.reported)
        if name is None or not seen.has(product, name):
            continue
        weight = seen.parameter(product, name)
        if weight.shape[2] == 1:
            total += by_cell[:, :, z] * weight
        else:
            total += seen.cells(seen.in_states(product, row.state) * weight)
    return total


# Driving


def occasions(share: Float, often: Float) -> Float:
    """Mean number of occasions of a person, from the ``share`` of people with at least one.

    Occasions come at random (Poisson); ``often`` multiplies their number. Broadcasts.
    """
    return np.asarray(-np.log1p(-np.minimum(share, LARGEST_SHARE)) * often)


def at_least_once(number: Float) -> Float:
    """Share of people with at least one occasion, from the mean ``number`` of a person.

    Same shape.
    """
    return np.asarray(-np.expm1(-number))


def _driving(seen: Seen) -> None:
    if not seen.has("*", "driver_share"):
        return
    strata = seen.prepared.strata
    drive = weights(strata, age_min=DRIVING_AGE) * seen.parameter("*", "driver_share")
    drivers = seen.cells(seen.lived * drive)
    with np.errstate(invalid="ignore", divide="ignore"):
        for product in seen.products("driving_share", "driving_share_problematic"):
            groups = _under_influence(seen, product)
            some = sum(people * at_least_once(number) for people, number in groups)
            seen.put("dui_30d", product, seen.cells(some * drive) / drivers)
            if seen.has(product, "over_limit_time") and seen.wants("drivers_over_limit"):
                time = seen.parameter(product, "over_limit_time")
                over = sum(people * np.minimum(number * time, 1.0) for people, number in groups)
                seen.put("drivers_over_limit", product, seen.cells(over * drive) / drivers)


def _under_influence(seen: Seen, product: str) -> list[tuple[Float, Float]]:
    """People of each group who used in the last 30 days, and how often each drives after using.

    Both (D, Y, S), as if all of them drove a car. Use as prescribed is left out. The amount that
    people take moves how often they drive after it, by an assumed exponent.
    """
    strata = seen.prepared.strata
    men = np.array([sex == "male" for sex in strata.sexes])[strata.sex]
    often = np.where(men, seen.scalar(product, "driving_sex_ratio"), 1.0)
    often = often * seen.handle("driving", product)
    exponent = seen.scalar(product, "driving_amount_exponent")
    people: dict[Group, Float] = {}
    for row in _states(seen, product):
        if row.last_month is None or row.module == "medical":
            continue
        group: Group = "problematic" if row.reported in IN_NEED else "occasional"
        using = seen.in_states(product, row.state) * seen.parameter(product, row.last_month)
        people[group] = people[group] + using if group in people else using
    found = []
    for group, users in people.items():
        share = seen.parameter(product, DRIVING[group])
        change = seen.spread(amount_by_cell(seen, product, group) ** exponent)
        found.append((users, occasions(share, often * change)))
    return found


# Public space


def relative_to_first(exposure: Float) -> Float:
    """Ratio of an exposure (D, Y, C) to that of the first year; NaN where that was nothing."""
    first = exposure[:, :1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(first > 0.0, exposure / first, np.nan))


def _public_space(seen: Seen) -> None:
    for product in seen.products("nuisance_share") if seen.wants("nuisance_exposure") else ():
        people = seen.people(product, *IN_NEED) * seen.parameter(product, "nuisance_share")
        seen.put("nuisance_exposure", product, seen.cells(people))
    if not seen.wants("nitrous_capsules_discarded"):
        return
    for product in seen.products("capsules_occasional"):
        low, ratio = (seen.parameter(product, f"capsules_{x}") for x in ("occasional", "ratio"))
        users = seen.people(product, "occasional") + ratio * seen.people(product, *IN_NEED)
        amount = low * users * seen.market(product, TAKEN)
        litter = seen.parameter(product, "capsule_litter_share")
        seen.put("nitrous_capsules_discarded", product, seen.cells(amount * litter))
