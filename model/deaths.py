"""Deaths and migration of a month: what products cause, on top of a table that must be met.

Published ratios hold for all causes but overdose; overdoses are counted apart, at rates that do
not grow with age. Both together never move the reference run's deaths from the death table.
"""

from __future__ import annotations

from numba import uint64

from model import hazards, rows
from model.arrays import DrawForcing, Run
from model.structure import NOBODY

# Rates of overdose are the same at all ages, deaths are not: in no stratum may overdoses be more
# than this share of all deaths of the table.
LARGEST_OVERDOSED = 0.5


@rows.lean(inline="always")
def forced(forcing: DrawForcing, handle: int, p: int, month: int, cell: int) -> float:
    """Value of a handle in a month: multiplier (idle: 1) or, of a level, its own unit."""
    series = forcing.series[handle, p]
    if series == NOBODY:
        return 1.0
    return float(forcing.values[series, month, cell])


@rows.lean(inline="always")
def excess_change(run: Run, p: int, r: int, month: int) -> float:
    """What a scenario and the amount that people take do to excess mortality."""
    cell = run.setting.cell[run.setting.region_start[r]]
    change = forced(run.forcing, run.wiring.mortality_handle, p, month, cell)
    return change * float(run.work.harm[p, r])


@rows.lean(inline="always")
def fatal_overdoses(run: Run, p: int, z: int, r: int, month: int) -> float:
    """Deaths by overdose per person per year in one state; what moves all excess moves them too."""
    often = run.rates.overdose[z]
    if often == 0.0:
        return 0.0
    cell = run.setting.cell[run.setting.region_start[r]]
    often *= excess_change(run, p, r, month)
    often *= forced(run.forcing, run.wiring.overdose_handle, p, month, cell)
    fatality = run.market.fatality[p]
    fatality *= forced(run.forcing, run.wiring.fatality_handle, p, month, cell)
    potency, purity = run.market.potency[p], run.state.purity[p]
    return hazards.overdose_mortality(often, min(fatality, 1.0), potency, purity)


@rows.lean()
def _spare(run: Run, month: int) -> None:
    """In the reference run: share of the modelled overdoses that the death table has room for.

    Leaves the deaths by overdose (a year) of each stratum in ``work.hazard``.
    """
    wiring, setting, state = run.wiring, run.setting, run.state
    yearly, spared = setting.death_rate[month // 12], state.spared[month]
    overdosed = run.work.hazard[: state.population.size]
    overdosed[:] = 0.0
    for p in range(wiring.state_start.size - 1):
        for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
            for r in range(setting.region_start.size - 1):
                fatal = fatal_overdoses(run, p, z, r, month)
                if fatal > 0.0:
                    start = setting.region_start[r]
                    width = setting.region_start[r + 1] - start
                    rows.added_scaled(overdosed, start, state.stock[z], start, width, fatal)
    for s in range(uint64(overdosed.size)):
        room = LARGEST_OVERDOSED * yearly[s] * state.population[s]
        spared[s] = room / overdosed[s] if overdosed[s] > room else 1.0
        overdosed[s] *= spared[s]


@rows.lean()
def deflate(run: Run, month: int, reference: bool) -> None:
    """Death rate of people whom no product harms, into ``work.rate``; ``work.spared``.

    The table's rate is the mean over everyone. With relative risks RR and shares p it is
    1 + sum p (RR - 1) times that of people without any, once deaths by overdose are taken off;
    this deflator is set in the reference run and kept with the state, so that every scenario has
    the same.
    """
    wiring, setting, state, work = run.wiring, run.setting, run.state, run.work
    rate, deflator, stock, excess = work.rate, state.deflator[month], state.stock, run.rates.excess
    yearly, size = setting.death_rate[month // 12], state.population.size
    if reference:
        _spare(run, month)
        raised = work.leaving[:size]
        raised[:] = 0.0
        for p in range(wiring.state_start.size - 1):
            for r in range(setting.region_start.size - 1):
                start = setting.region_start[r]
                width = setting.region_start[r + 1] - start
                for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
                    if wiring.deadly[z] == 1:
                        rows.added_share(raised, stock[z], excess[z], start, width, work.harm[p, r])
        for s in range(uint64(size)):
            people = state.population[s]
            rest = people - work.hazard[s] / yearly[s] if yearly[s] > 0.0 else people
            deflator[s] = rest / (people + raised[s]) if people > 0.0 else 1.0
    rows.copied(work.spared, 0, state.spared[month], 0, size)
    for s in range(uint64(size)):
        rate[s] = yearly[s] * deflator[s]


@rows.lean()
def die_and_move(run: Run, month: int, reference: bool) -> float:
    """Deaths and migration of the month, shared by all products; returns 0, or less when a
    stock is negative (NaN when one is not a number).

    Each state has lost its own product's excess already; the rest of the stratum's deaths falls
    on it in proportion. In the reference run the baseline is what the death table leaves after
    all products' excess; every scenario keeps that baseline.
    """
    state, work, setting = run.state, run.work, run.setting
    products = run.wiring.state_start.size - 1
    excess = work.hazard[: state.population.size]
    excess[:] = 0.0
    for p in range(products):
        rows.added(excess, 0, work.month_excess[p], 0, excess.size)
        rows.added(state.excess_deaths[p], 0, work.month_excess[p], 0, excess.size)
    baseline = state.baseline[month]
    expected = setting.death_probability[month]
    growth = setting.growth[month]
    after = work.leaving[: state.population.size]
    for s in range(uint64(excess.size)):
        people = state.population[s]
        if reference:
            rest = max(0.0, people * expected[s] - excess[s])
            baseline[s] = rest / people if people > 0.0 else 0.0
        deaths = people * baseline[s] + excess[s]
        after[s] = (people - deaths) * growth[s]
        state.deaths[s] += deaths
        state.lived[s] += people / 12.0
    lowest = 0.0
    factor = work.stock[: state.population.size]
    for p in range(products):
        rows.survival(factor, after, state.population, work.month_excess[p])
        for z in range(run.wiring.state_start[p], run.wiring.state_start[p + 1]):
            lowest += rows.kept(state.stock[z], factor)
    rows.copied(state.population, 0, after, 0, after.size)
    return lowest
