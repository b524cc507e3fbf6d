"""One draw of the compartmental engine, month by month: the compiled loop.

Order within a month: read what people share (use of each product, harm, waiting lists), set every
hazard, let each product's flows run for the step, then deaths, migration and, at the year's end,
ageing. All products are marginals of one population.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model import hazards, rows
from model.arrays import DrawOutput, Run
from model.care import Queue, admission_hazard
from model.deaths import deflate, die_and_move, excess_change, fatal_overdoses, forced
from model.structure import (
    ADMISSION,
    BURDENED,
    COUPLED,
    FADING,
    NOBODY,
    PRICED,
    REPUTATION,
    SOCIAL,
    TREND,
)
from model.trading import trade
from model.transitions import propagate

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


@rows.lean()
def set_shares(run: Run) -> None:
    """Share of each stratum and region that uses each product now."""
    wiring, setting, state, work = run.wiring, run.setting, run.state, run.work
    size = state.population.size
    for p in range(wiring.state_start.size - 1):
        use = work.use[p]
        use[:] = 0.0
        for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
            if wiring.using[z] == 1:
                rows.added(use, 0, state.stock[z], 0, size)
        for r in range(setting.region_start.size - 1):
            start = setting.region_start[r]
            width = setting.region_start[r + 1] - start
            people = rows.summed(state.population, start, width)
            work.use_region[p, r] = rows.summed(use, start, width) / people
        rows.shared(use, state.population)


@rows.lean(inline="always")
def harm_share(run: Run, p: int, r: int) -> float:
    """Share of the region with a disorder from product ``p``."""
    wiring, state = run.wiring, run.state
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    harmed = 0.0
    for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
        if wiring.harmed[z] == 1:
            harmed += rows.summed(state.stock[z], start, width)
    return harmed / rows.summed(state.population, start, width)


@rows.lean()
def set_admissions(run: Run, month: int, years: float) -> None:
    """Admission hazard of each service and region from its list, places and turnover."""
    wiring, setting, rates, state = run.wiring, run.setting, run.rates, run.state
    for k in range(rates.places.size):
        queue = Queue(rates.places[k], rates.queues[k])
        for r in range(setting.region_start.size - 1):
            start = setting.region_start[r]
            width = setting.region_start[r + 1] - start
            waiting = 0.0
            treated = 0.0
            capacity = 0.0
            fastest = 0.0
            for p in range(wiring.state_start.size - 1):
                cell = setting.cell[start]
                change = forced(run.forcing, wiring.capacity_handle, p, month, cell)
                for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
                    if wiring.waiting_service[z] == k:
                        slower = forced(run.forcing, wiring.entry_handle, p, month, cell)
                        fastest = max(fastest, rates.intake[z] / slower)
                        waiting += rows.summed(state.stock[z], start, width)
                    elif wiring.treating_service[z] == k:
                        treated += rows.summed(state.stock[z], start, width)
                        capacity += state.places[z, r] * change
            if fastest > 0.0:
                run.work.admission[k, r] = admission_hazard(
                    waiting,
                    treated,
                    capacity,
                    state.leaving[k, r],
                    state.arriving[k, r],
                    fastest,
                    years,
                    queue,
                )


@rows.lean(inline="always")
def _levers(run: Run, p: int, f: int, month: int, cell: int) -> float:
    """Effect on one flow of the scenario's levers."""
    wiring, forcing = run.wiring, run.forcing
    factor = 1.0
    for i in range(wiring.handle_start[f], wiring.handle_start[f + 1]):
        factor *= forced(forcing, wiring.handles[i], p, month, cell)
    return factor


@rows.lean()
def _price(run: Run, p: int, f: int, r: int) -> None:
    """Response of one flow's hazards to the own price."""
    wiring, rates, state, arc = run.wiring, run.rates, run.state, run.market.arc[p]
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    at = (f - wiring.flow_start[p]) * width
    signal = state.faded[p, r] if wiring.flags[f] & FADING else state.signal[p, r]
    row = rates.elasticity_row[f]
    factor = hazards.price_response(signal, rates.elasticity[f], arc)
    for s in range(width):
        if row != NOBODY:
            factor = hazards.price_response(signal, rates.elasticity_profile[row, start + s], arc)
        run.work.hazard[at + s] *= factor


@rows.lean()
def _force(run: Run, p: int, f: int, r: int, month: int) -> None:
    """Apply the scenario's levers to one flow's hazards."""
    wiring, setting, rates, hazard = run.wiring, run.setting, run.rates, run.work.hazard
    start = setting.region_start[r]
    width = setting.region_start[r + 1] - start
    at = (f - wiring.flow_start[p]) * width
    if wiring.flags[f] & ADMISSION:
        # A lever on the entry time moves the shortest intake, not the places.
        z = wiring.state_start[p] + wiring.origin[f]
        slower = _levers(run, p, f, month, setting.cell[start])
        service = wiring.waiting_service[z]
        hazard[at : at + width] = min(run.work.admission[service, r], rates.intake[z] / slower)
        return
    forcing = run.forcing
    for i in range(wiring.handle_start[f], wiring.handle_start[f + 1]):
        series = forcing.series[wiring.handles[i], p]
        if series != NOBODY:
            rows.looked_up(hazard, at, forcing.values[series, month], setting.cell, start, width)
    if wiring.flags[f] & BURDENED and forcing.series[wiring.burden_handle, p] != NOBODY:
        for s in range(width):
            burden = forced(forcing, wiring.burden_handle, p, month, setting.cell[start + s])
            hazard[at + s] *= hazards.burden_factor(
                rates.burden[start + s], rates.burden_excess[f], burden
            )


@rows.lean(inline="always")
def set_hazards(run: Run, p: int, r: int, month: int) -> None:
    """Hazards of all flows of a product in a region, and each state's total, into ``work``."""
    wiring, rates, state, work = run.wiring, run.rates, run.state, run.work
    hazard, base, flags, active = work.hazard, rates.base, wiring.flags, run.forcing.active
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    social = rates.social[p]
    peers = hazards.social_feedback(
        work.use_region[p, r], state.use_reference[p, r], social[0], social[1]
    )
    deterrence = hazards.reputation(state.memory[p, r], state.memory_reference[p, r], social[2])
    trend = rates.multiplier[p, month] * run.paths.appeal[month, p]
    first = wiring.flow_start[p]
    for f in range(first, wiring.flow_start[p + 1]):
        at = (f - first) * width
        factor = trend if flags[f] & TREND else 1.0
        if flags[f] & SOCIAL:
            factor *= peers
        if flags[f] & REPUTATION:
            factor *= deterrence
        rows.scaled(hazard, at, base[f], start, width, factor)
        if flags[f] & PRICED and state.signal[p, r] != 0.0:
            _price(run, p, f, r)
    for f in range(first, wiring.flow_start[p + 1]):
        at = (f - first) * width
        if flags[f] & ADMISSION:
            z = wiring.state_start[p] + wiring.origin[f]
            admission = min(work.admission[wiring.waiting_service[z], r], rates.intake[z])
            hazard[at : at + width] = admission
        if flags[f] & COUPLED:
            for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
                use = work.use[wiring.couplings[i]]
                rows.coupled(hazard, at, use, start, width, rates.coupling[i])
        if active[f] == 1:
            _force(run, p, f, r, month)
    _set_leaving(run, p, r, month)


@rows.lean(inline="always")
def _set_leaving(run: Run, p: int, r: int, month: int) -> None:
    """Sum of the hazards, excess mortality among them, by which people leave each state."""
    wiring, leaving, hazard = run.wiring, run.work.leaving, run.work.hazard
    origin, deadly, excess, rate = wiring.origin, wiring.deadly, run.rates.excess, run.work.rate
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    change = excess_change(run, p, r, month)
    first = wiring.state_start[p]
    for z in range(first, wiring.state_start[p + 1]):
        at = (z - first) * width
        if deadly[z] == 1:
            rows.excess_rate(leaving, at, rate, excess[z], start, width, change)
            fatal = fatal_overdoses(run, p, z, r, month)
            if fatal > 0.0:
                rows.added_scaled(leaving, at, run.work.spared, start, width, fatal)
        else:
            leaving[at : at + width] = 0.0
    first = wiring.flow_start[p]
    for f in range(first, wiring.flow_start[p + 1]):
        if origin[f] != NOBODY:
            rows.added(leaving, origin[f] * width, hazard, (f - first) * width, width)


@rows.lean(inline="always")
def _advance(run: Run, p: int, r: int, month: int, years: float) -> None:
    """Let one product's flows run in one region; keep person-years, transitions and deaths."""
    wiring, setting, state, work = run.wiring, run.setting, run.state, run.work
    stock, time, deadly, excess = state.stock, state.time, wiring.deadly, run.rates.excess
    local, series, leaving, died = work.stock, work.series, work.leaving, work.month_excess[p]
    start = setting.region_start[r]
    width = setting.region_start[r + 1] - start
    first, last = wiring.state_start[p], wiring.state_start[p + 1]
    flows = slice(wiring.flow_start[p], wiring.flow_start[p + 1])
    cells = (last - first) * width
    for z in range(first, last):
        rows.copied(local, (z - first) * width, stock[z], start, width)
    propagate(
        width,
        wiring.origin[flows],
        wiring.destination[flows],
        work.hazard,
        leaving[:cells],
        local[:cells],
        series[: 3 * cells],
        years,
    )
    rate = work.rate
    change = excess_change(run, p, r, month)
    for z in range(first, last):
        at = (z - first) * width
        rows.copied(stock[z], start, local, at, width)
        rows.added(time[z], start, series, at, width)
        if deadly[z] == 1:
            rows.excess_rate(leaving, at, rate, excess[z], start, width, change)
            fatal = fatal_overdoses(run, p, z, r, month)
            if fatal > 0.0:
                rows.added_scaled(leaving, at, work.spared, start, width, fatal)
                for s in range(width):
                    overdosed = fatal * work.spared[start + s] * series[at + s]
                    state.overdose_deaths[p, start + s] += overdosed
            rows.added_product(died, start, leaving, at, series, at, width)
    _count(run, p, r, years)


@rows.lean(inline="always")
def _count(run: Run, p: int, r: int, years: float) -> None:
    """Transitions of the step, from hazards and person-years; arrivals and exits of care."""
    wiring, work = run.wiring, run.work
    counter, origin, asks, leaves = wiring.counter, wiring.origin, wiring.asks, wiring.leaves
    hazard, series, counted, treating = (
        work.hazard,
        work.series,
        run.state.counted,
        wiring.treating_service,
    )
    asked, left, treated = work.asked, work.left, work.treated
    start = run.setting.region_start[r]
    width = run.setting.region_start[r + 1] - start
    first = wiring.state_start[p]
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        at = (f - wiring.flow_start[p]) * width
        lived = origin[f] * width
        if counter[f] != NOBODY and origin[f] != NOBODY:
            rows.added_product(counted[counter[f]], start, hazard, at, series, lived, width)
        elif counter[f] != NOBODY:
            for s in range(width):
                counted[counter[f], start + s] += hazard[at + s] * years
        if asks[f] != NOBODY:
            asked[asks[f], r] += rows.product(hazard, at, series, lived, width)
        if leaves[f] != NOBODY:
            left[leaves[f], r] += rows.product(hazard, at, series, lived, width)
    for z in range(first, wiring.state_start[p + 1]):
        if treating[z] != NOBODY:
            treated[treating[z], r] += rows.summed(series, (z - first) * width, width)


@rows.lean()
def grow_older(row: Float, moving_up: Float, entrants: Float, bands: int) -> None:
    """1 January: move shares of each band up in place; ``entrants`` join the youngest (blocks,)."""
    for block in range(entrants.size):
        first = block * bands
        for b in range(first + bands - 1, first - 1, -1):
            staying = row[b] * (1.0 - moving_up[b])
            coming = entrants[block] if b == first else row[b - 1] * moving_up[b - 1]
            row[b] = staying + coming


@njit(cache=True, nogil=True)
def _new_year(run: Run, year: int) -> None:
    setting, state = run.setting, run.state
    entrants = setting.entrants[year + 1]
    grow_older(state.population, setting.moving_up[year], entrants, setting.bands)
    for z in range(state.stock.shape[0]):
        coming = entrants * run.rates.entry[year + 1, z]
        grow_older(state.stock[z], setting.moving_up[year], coming, setting.bands)


@njit(cache=True, nogil=True)
def _write_year(run: Run, output: DrawOutput, year: int) -> None:
    state = run.state
    output.market[year] = state.market / 12.0
    output.price[year] = state.price / 12.0
    output.taken[year] = state.taken / 12.0
    output.overdose_deaths[year] = state.overdose_deaths
    state.market[:] = 0.0
    state.price[:] = 0.0
    state.taken[:] = 0.0
    state.overdose_deaths[:] = 0.0
    output.time[year] = state.time
    output.counted[year] = state.counted
    output.excess_deaths[year] = state.excess_deaths
    output.deaths[year] = state.deaths
    output.lived[year] = state.lived
    state.time[:] = 0.0
    state.counted[:] = 0.0
    state.excess_deaths[:] = 0.0
    state.deaths[:] = 0.0
    state.lived[:] = 0.0


@rows.lean()
def _step(run: Run, month: int, years: float) -> None:
    """One step with constant hazards for all products and regions."""
    wiring, state, work = run.wiring, run.state, run.work
    set_shares(run)
    set_admissions(run, month, years)
    work.asked[:] = 0.0
    work.left[:] = 0.0
    work.treated[:] = 0.0
    for p in range(wiring.state_start.size - 1):
        for r in range(run.setting.region_start.size - 1):
            if run.rates.social[p, 2] > 0.0:
                state.memory[p, r] = hazards.remembered_harm(
                    state.memory[p, r],
                    harm_share(run, p, r),
                    run.rates.social[p, 3],
                    run.rates.social[p, 4],
                    years,
                )
            set_hazards(run, p, r, month)
            _advance(run, p, r, month, years)
    for k in range(work.asked.shape[0]):
        for r in range(work.asked.shape[1]):
            state.arriving[k, r] = work.asked[k, r] / years
            if work.treated[k, r] > 0.0:
                state.leaving[k, r] = work.left[k, r] / work.treated[k, r]


@njit(cache=True, nogil=True)
def run_months(
    run: Run, output: DrawOutput, start: int, stop: int, steps: int, reference: bool
) -> int:
    """Run months ``start`` to ``stop`` (0 is January 2010); ``steps`` a month.

    Returns the month in which a stock was negative or not a number, or -1.
    """
    for month in range(start, stop):
        if month == 12 * (month // 12):
            output.january[month // 12] = run.state.population
        run.work.month_excess[:] = 0.0
        trade(run, month, reference)
        deflate(run, month, reference)
        for _ in range(steps):
            _step(run, month, 1.0 / (12.0 * steps))
        if not die_and_move(run, month, reference) >= 0.0:
            return month
        if month % 12 == 11:
            _write_year(run, output, month // 12)
            _new_year(run, month // 12)
            output.january[month // 12 + 1] = run.state.population
    return -1
