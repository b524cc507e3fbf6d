"""The state of 1 January 2010: every cohort carried through the hazards to its age of that day.

Yearly steps on a population of fixed size and make-up, from FIRST_YEAR, when everyone is never.
States that people leave within weeks (waiting, the first month of treatment) would need tiny
steps: they are slowed down and their size is mended at the end, which keeps all flows as they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model.arrays import Run
from model.care import mean_list
from model.kernel import harm_share, set_hazards, set_shares
from model.rows import lean
from model.structure import NOBODY, Structure
from model.transitions import propagate

Float = npt.NDArray[np.float64]

FIRST_YEAR = 1940
SLOWEST = 1.0  # hazard a year above which a state of care is slowed down while cohorts are carried


@lean()
def _slow_down(run: Run, p: int, r: int, slowed: Float) -> None:
    """Scale the hazards out of fast states of care; ``slowed`` (Z,) keeps the factor."""
    wiring, work = run.wiring, run.work
    width = run.setting.region_start[r + 1] - run.setting.region_start[r]
    first = wiring.state_start[p]
    for z in range(first, wiring.state_start[p + 1]):
        row = (z - first) * width
        care = wiring.waiting_service[z] != NOBODY or wiring.treating_service[z] != NOBODY
        fastest = 0.0
        for s in range(width):
            fastest = max(fastest, work.leaving[row + s])
        slowed[z] = SLOWEST / fastest if care and fastest > SLOWEST else 1.0
        for s in range(width):
            work.leaving[row + s] *= slowed[z]
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] != NOBODY:
            row = (f - wiring.flow_start[p]) * width
            for s in range(width):
                work.hazard[row + s] *= slowed[first + wiring.origin[f]]


@lean()
def _home(run: Run, p: int) -> int:
    """The state whose people ask for care (NOBODY without one)."""
    wiring = run.wiring
    home = NOBODY
    for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
        care = wiring.waiting_service[z] != NOBODY or wiring.treating_service[z] != NOBODY
        if wiring.harmed[z] == 1 and not care:
            home = z
    return home


@lean()
def _carry_year(run: Run, p: int, r: int, slowed: Float) -> None:
    wiring, work, state = run.wiring, run.work, run.state
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    first, last = wiring.state_start[p], wiring.state_start[p + 1]
    flows = slice(wiring.flow_start[p], wiring.flow_start[p + 1])
    cells = (last - first) * width
    _slow_down(run, p, r, slowed)
    for z in range(first, last):
        for s in range(width):
            work.stock[(z - first) * width + s] = state.stock[z, start + s]
    propagate(
        width,
        wiring.origin[flows],
        wiring.destination[flows],
        work.hazard,
        work.leaving[:cells],
        work.stock[:cells],
        work.series[: 3 * cells],
        1.0,
    )
    for s in range(width):
        people = 0.0
        for z in range(last - first):
            people += work.stock[z * width + s]
        survivors = state.population[start + s] / people if people > 0.0 else 0.0
        for z in range(last - first):
            state.stock[first + z, start + s] = work.stock[z * width + s] * survivors


@njit(cache=True, nogil=True)
def _joining(population: Float, renewal: Float, bands: int) -> Float:
    """People newly come to each stratum, for each person in the band below (S,).

    In the youngest band, where nobody is below, their number.
    """
    joining = population * renewal
    for s in range(joining.size):
        if s % bands != 0:
            people = population[s - 1]
            joining[s] = joining[s] / people if people > 0.0 else 0.0
    return joining


@lean()
def _grow_older(row: Float, renewal: Float, joining: Float, share: Float, bands: int) -> None:
    """One state's people move up; ``share`` (blocks,) of those who reach the youngest are in it."""
    for first in range(0, row.size, bands):
        for s in range(first + bands - 1, first, -1):
            row[s] = row[s] * (1.0 - renewal[s]) + row[s - 1] * joining[s]
        row[first] = row[first] * (1.0 - renewal[first]) + share[first // bands] * joining[first]


@lean()
def _keep_year(run: Run, p: int, r: int, slowed: Float, time: Float, counted: Float) -> None:
    """Person-years (Z, S) and transitions (C, S) of the year just carried.

    Slowed states get their size, and transitions are those at full speed from such sizes. Those
    who died in the year are replaced by others like the rest of their stratum, so that a year is
    lived for every person.
    """
    wiring, work, start = run.wiring, run.work, run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    first, last = wiring.state_start[p], wiring.state_start[p + 1]
    home = _home(run, p)
    for s in range(width):
        people = 0.0
        for z in range(last - first):
            people += work.series[z * width + s]
        kept = run.state.population[start + s] / people if people > 0.0 else 0.0
        surplus = 0.0
        for z in range(first, last):
            years = work.series[(z - first) * width + s] * kept
            time[z, start + s] = years * slowed[z] if home != NOBODY else years
            surplus += years - time[z, start + s]
        if home != NOBODY:
            time[home, start + s] += surplus
        for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
            if wiring.counter[f] != NOBODY:
                hazard = work.hazard[(f - wiring.flow_start[p]) * width + s]
                if wiring.origin[f] != NOBODY:
                    z = first + wiring.origin[f]
                    hazard *= time[z, start + s] / slowed[z]
                counted[wiring.counter[f], start + s] += hazard


@lean()
def _carry_all(run: Run, year: int, slowed: Float, time: Float, counted: Float, kept: int) -> None:
    set_shares(run)
    for p in range(run.wiring.state_start.size - 1):
        for r in range(run.setting.region_start.size - 1):
            set_hazards(run, p, r, year)
            _carry_year(run, p, r, slowed)
            if kept >= 0:
                _keep_year(run, p, r, slowed, time[kept], counted[kept])


@njit(cache=True, nogil=True)
def carry_cohorts(run: Run, renewal: Float, entry: Float, time: Float, counted: Float) -> None:
    """Fill ``run.state`` for 1 January 2010.

    ``run`` holds one "month" of multipliers a year from FIRST_YEAR; ``renewal`` has shape (S,),
    ``entry`` (years, Z, blocks). References, memory, places and care flows are set as well.
    ``time`` (kept, Z, S) and ``counted`` (kept, C, S), zeros, get the person-years and transitions
    of the last ``kept`` years (none is fine).
    """
    state, bands = run.state, run.setting.bands
    slowed = np.ones(state.stock.shape[0])
    joining = _joining(state.population, renewal, bands)
    for year in range(entry.shape[0]):
        _carry_all(run, year, slowed, time, counted, year - (entry.shape[0] - time.shape[0]))
        for z in range(state.stock.shape[0]):
            _grow_older(state.stock[z], renewal, joining, entry[year, z], bands)
    _mend(run, slowed)
    set_shares(run)
    for p in range(state.use_reference.shape[0]):
        for r in range(state.use_reference.shape[1]):
            state.use_reference[p, r] = run.work.use_region[p, r]
            state.memory[p, r] = harm_share(run, p, r)
            state.memory_reference[p, r] = state.memory[p, r]


@lean()
def _mend(run: Run, slowed: Float) -> None:
    """Give slowed states their size; whom they held too many return to the problematic state."""
    wiring, state = run.wiring, run.state
    for p in range(wiring.state_start.size - 1):
        first = wiring.state_start[p]
        home = _home(run, p)
        for z in range(first, wiring.state_start[p + 1]):
            if home != NOBODY and z != home:
                for s in range(state.population.size):
                    surplus = state.stock[z, s] * (1.0 - slowed[z])
                    state.stock[z, s] -= surplus
                    state.stock[home, s] += surplus


@njit(cache=True, nogil=True)
def open_services(run: Run, occupied: Float, month: int) -> None:
    """Places, lists and turnover of each service so that 2010 starts in balance.

    Places are people in treatment over ``occupied`` (services,); the lists are those that the
    queue has at that share of occupied places, never shorter than the intake takes. People are
    moved between the waiting and the problematic state of their own product and stratum.
    """
    wiring, setting, state, work = run.wiring, run.setting, run.state, run.work
    asked = np.zeros((occupied.size, setting.region_start.size - 1))
    left = np.zeros_like(asked)
    treated = np.zeros_like(asked)
    for p in range(wiring.state_start.size - 1):
        first = wiring.state_start[p]
        for r in range(setting.region_start.size - 1):
            start = setting.region_start[r]
            width = setting.region_start[r + 1] - start
            set_hazards(run, p, r, month)
            for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
                origin, destination = wiring.origin[f], wiring.destination[f]
                if origin == NOBODY or destination == NOBODY:
                    continue
                row = (f - wiring.flow_start[p]) * width
                moved = 0.0
                for s in range(width):
                    moved += work.hazard[row + s] * state.stock[first + origin, start + s]
                service = wiring.waiting_service[first + destination]
                if service != NOBODY:
                    asked[service, r] += moved
                service = wiring.treating_service[first + origin]
                if service != NOBODY and wiring.treating_service[first + destination] != service:
                    left[service, r] += moved
            for z in range(first, wiring.state_start[p + 1]):
                service = wiring.treating_service[z]
                if service != NOBODY:
                    held = state.stock[z, start : start + width].sum()
                    state.places[z, r] = held / occupied[service]
                    treated[service, r] += held
    state.arriving[:] = asked
    for k in range(occupied.size):
        for r in range(asked.shape[1]):
            if treated[k, r] > 0.0:
                state.leaving[k, r] = left[k, r] / treated[k, r]
                centres = treated[k, r] / occupied[k] / run.rates.places[k]
                _set_list(run, k, r, centres * mean_list(occupied[k], run.rates.places[k]))


@njit(cache=True, nogil=True)
def _set_list(run: Run, service: int, r: int, wanted: float) -> None:
    wiring, state = run.wiring, run.state
    start, stop = run.setting.region_start[r], run.setting.region_start[r + 1]
    waiting = 0.0
    for z in range(wiring.waiting_service.size):
        if wiring.waiting_service[z] == service:
            waiting += state.stock[z, start:stop].sum()
    if waiting <= 0.0 or wanted <= waiting:
        return
    for p in range(wiring.state_start.size - 1):
        first = wiring.state_start[p]
        for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
            destination = wiring.destination[f]
            if destination == NOBODY or wiring.origin[f] == NOBODY:
                continue
            if wiring.waiting_service[first + destination] == service:
                home, z = first + wiring.origin[f], first + destination
                for s in range(start, stop):
                    more = state.stock[z, s] * (wanted / waiting - 1.0)
                    more = min(more, 0.5 * state.stock[home, s])
                    state.stock[z, s] += more
                    state.stock[home, s] -= more


def entry_shares(structure: Structure, first_use: Float, multiplier: Float) -> Float:
    """Make-up of the people who reach the youngest age, shape (times, Z, blocks).

    ``first_use`` (F, blocks): cumulative hazard before that age of each flow from never;
    ``multiplier`` (P, times). Everyone else is never.
    """
    wiring = structure.wiring
    shares = np.zeros((multiplier.shape[1], len(structure.states), first_use.shape[1]))
    for p in range(len(structure.products)):
        first = int(wiring.state_start[p])
        shares[:, first] = 1.0
        flows = range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1]))
        early = [f for f in flows if first_use[f].any() and wiring.origin[f] == 0]
        if not early:
            continue
        cumulative = np.stack([multiplier[p][:, None] * first_use[f] for f in early])
        total = cumulative.sum(axis=0)
        started = -np.expm1(-total)
        shares[:, first] = 1.0 - started
        for f, part in zip(early, cumulative, strict=True):
            into = first + int(wiring.destination[f])
            shares[:, into] += started * part / np.maximum(total, 1e-300)
    return shares
