"""The model's value of every figure, draw by draw: run in parts, seen as the surveys see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.figures import Figure
from calibration.series import Group, Series, group_weights, names_of
from model.catalogue import Catalogue
from model.compartments import FIRST_YEAR, prepare, simulate
from model.history import history_changes
from model.observation import observe, observe_past
from model.parameters import Draws
from model.past import start_and_past
from model.population import Demography, load_demography
from model.rates import build_rates
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure

Float = npt.NDArray[np.float64]
Progress = Callable[[int], None]

PART = 20
"""Draws simulated together: about 1 GB a thread."""

PEOPLE = frozenset(
    {
        "binge_drinking_monthly",
        "current_use",
        "daily_share_of_current",
        "daily_share_of_last_month",
        "daily_use",
        "deaths",
        "disorder_prevalence",
        "escalations",
        "former",
        "former_use",
        "hazardous_drinking",
        "initiations",
        "last_month_prevalence",
        "last_year_prevalence",
        "lifetime_prevalence",
        "mean_age_first_use",
        "mean_wait",
        "medical_use_last_year",
        "never",
        "never_use",
        "occasional",
        "occasional_use",
        "population",
        "problematic",
        "problematic_prevalence",
        "recovery",
        "relapses",
        "risky_use",
        "substitution_clients",
        "treatment",
        "treatment_episodes",
        "treatment_share",
        "waiting",
    }
)
"""Indicators that need no markets, harms, offences or money to be observed."""


def series_values(
    values: Mapping[str, Float], persons: Float, series: Sequence[Series], catalogue: Catalogue
) -> Float:
    """Each series' own product and group, (draws, series, years); NaN where nothing is observed.

    ``values`` (draws, years, products, groups) by indicator and ``persons`` (draws, years, groups),
    groups as ``groups_of(series)``. Shares become persons where a register counts people.
    """
    products = list(names_of(catalogue))
    units = {row.id: row.unit for row in catalogue.indicators}
    groups = groups_of(series)
    draws, years, _ = persons.shape
    found = np.full((draws, len(series), years), np.nan)
    for i, one in enumerate(series):
        if one.indicator in values:
            group = groups.index(one.group)
            value = values[one.indicator][:, :, products.index(one.product), group]
            if one.unit == "persons" and units[one.indicator] == "proportion":
                value = value * persons[:, :, group]
            found[:, i] = value
    return found


def groups_of(series: Sequence[Series]) -> tuple[Group, ...]:
    """Each group of people once, in the order in which the series name them."""
    return tuple(dict.fromkeys(one.group for one in series))


@dataclass(frozen=True)
class _Job:
    """What every part of the draws shares."""

    catalogue: Catalogue
    draws: Draws
    series: tuple[Series, ...]
    structure: Structure
    strata: Strata
    demography: Demography
    cells: Float  # (groups, S)
    outcomes: bool
    first: int


def survey(
    catalogue: Catalogue,
    draws: Draws,
    series: Sequence[Series],
    until: int,
    *,
    first: int = FIRST_YEAR,
    threads: int = 1,
    progress: Progress = lambda draws: None,
) -> Float:
    """The model's value of each series under current policy, (D, series, years).

    Years ``first`` (2010, or earlier where the past is wanted) to ``until``; in the unit of the
    series, NaN where the model says nothing. ``progress`` gets draws as they end. Raises
    FloatingPointError when the model breaks down, naming the draws.
    """
    strata = default_strata()
    groups = groups_of(series)
    job = _Job(
        catalogue=catalogue,
        draws=draws,
        series=tuple(series),
        structure=build_structure(catalogue, draws),
        strata=strata,
        demography=load_demography(strata, last_year=until),
        cells=np.vstack([group_weights(strata, group) for group in groups]),
        outcomes=any(one.indicator not in PEOPLE for one in series),
        first=first,
    )
    found = np.empty((draws.size, len(series), until - first + 1))
    pool = ThreadPoolExecutor(threads)
    try:
        parts = {at: pool.submit(_part, job, at) for at in range(0, draws.size, PART)}
        for at, part in parts.items():
            found[at : at + PART] = part.result()
            progress(min(PART, draws.size - at))
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def _part(job: _Job, at: int) -> Float:
    """Draws ``at`` and on, as many as run together."""
    draws = job.draws.slice(at, min(at + PART, job.draws.size))
    rates = build_rates(job.structure, job.strata, job.demography.start, draws)
    months = job.demography.months
    history = history_changes(job.catalogue, draws, job.structure, job.strata, months)
    prepared = prepare(job.structure, job.strata, job.demography, rates, history)
    state, past = start_and_past(prepared, job.first)
    try:
        output = simulate(prepared, None, 0, months, state, reference=True).output
    except FloatingPointError as error:
        raise FloatingPointError(f"{error} (counted from draw {at})") from None
    values = observe(prepared, draws, job.catalogue, output, None, job.cells, job.outcomes)
    seen = series_values(values, output.lived @ job.cells.T, job.series, job.catalogue)
    if job.first == FIRST_YEAR:
        return seen
    values = observe_past(prepared, draws, job.catalogue, past, job.cells)
    before = series_values(values, past.lived @ job.cells.T, job.series, job.catalogue)
    return np.concatenate([before, seen], axis=2)


def years_of(figure: Figure, undated: int) -> range:
    """The calendar years that a figure spans; ``undated`` stands for a year that is not printed."""
    first = figure.year or undated
    return range(first, (figure.year_end or first) + 1)


def counted(unit: str) -> bool:
    """Whether numbers of the unit add up over years (events, money); stocks and rates do not."""
    return unit.endswith("per year") and not unit.startswith(("per ", "litres per person"))


def over_years(values: Float, years: Sequence[int], wanted: range, unit: str) -> Float | None:
    """One number a draw (D,) from ``values`` (D, ``years``): the sum over the ``wanted`` years of
    a count, the mean of anything else. None where a year is missing.
    """
    if any(year not in years for year in wanted):
        return None
    chosen = values[:, [list(years).index(year) for year in wanted]]
    return np.asarray(chosen.sum(axis=1) if counted(unit) else chosen.mean(axis=1))
