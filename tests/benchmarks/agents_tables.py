"""What a month does to one person, from the compartmental engine: the tables of the Mesa peer.

Hazards are those that the engine itself used, month by month: each month is run, and its hazards
are then set again by the engine's own function from what the month left in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from model.arrays import DrawForcing, DrawOutput, Run
from model.compartments import simulate
from model.kernel import run_months, set_hazards
from model.prepared import (
    Output,
    Prepared,
    State,
    market_of,
    paths_of,
    rates_of,
    region_starts,
    setting_of,
    state_of,
    work_for,
)
from model.prices import price_paths
from model.structure import NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class Tables(NamedTuple):
    """One year of one draw. F flows, Z states, S strata, R regions, T = 12 months."""

    wiring: Wiring
    region: Int  # (S,) region of each stratum
    bands: int  # age bands in a block of strata
    flow: Float  # (T, F, S) hazard per person per year
    excess: Float  # (T, Z, S) excess mortality, overdoses among it
    coupling: Float  # effect of own use of a product on a flow, less one, as in Wiring.couplings
    baseline: Float  # (T, S) probability of dying of something else in the month
    growth: Float  # (T, S) factor of migration
    moving_up: Float  # (S,) share of a band that moves up at the end of the year
    entrants: Float  # (blocks,) persons who then reach the youngest age
    entry: Float  # (Z, blocks) their shares of states
    places: Float  # (services, R) places of care
    stock: Float  # (Z, S) persons at the start
    population: Float  # (S,) persons at the start
    output: Output  # of the compartmental run, first axis 1 draw
    end: State  # of the compartmental run


@njit(cache=True, nogil=True)
def _read(run: Run, month: int, flow: Float, excess: Float) -> None:
    """Hazards of the month just run: flows (F, S), and excess mortality (Z, S)."""
    wiring, starts, work = run.wiring, run.setting.region_start, run.work
    for p in range(wiring.state_start.size - 1):
        for r in range(starts.size - 1):
            set_hazards(run, p, r, month)
            width = starts[r + 1] - starts[r]
            first = wiring.state_start[p]
            for z in range(first, wiring.state_start[p + 1]):
                for s in range(width):
                    excess[z, starts[r] + s] = work.leaving[(z - first) * width + s]
            for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
                z = first + wiring.origin[f]
                for s in range(width):
                    hazard = work.hazard[(f - wiring.flow_start[p]) * width + s]
                    flow[f, starts[r] + s] = hazard
                    excess[z, starts[r] + s] -= hazard
    for z in range(excess.shape[0]):
        for s in range(excess.shape[1]):
            # A difference of sums: what is left of nothing is rounding.
            if wiring.deadly[z] == 0 or excess[z, s] < 0.0:
                excess[z, s] = 0.0


def year_tables(prepared: Prepared, year: int, *, own: bool = False) -> Tables:
    """Tables of ``year`` (0 is 2010) in the reference run of the first draw.

    With ``own`` hazards leave couplings out, for a peer where each person's own use counts.
    """
    start, wiring, forcing = 12 * year, prepared.structure.wiring, prepared.forcing()
    if (wiring.origin == NOBODY).any():
        raise ValueError("the peer knows no entries from outside")
    opened = simulate(prepared, None, 0, start).state
    whole = simulate(prepared, None, start, start + 12, opened, reference=True)
    months, regions = prepared.demography.months, region_starts(prepared.strata)
    paths = price_paths(prepared.structure, prepared.rates.terms, forcing, regions[:-1], months)
    run = Run(
        wiring,
        setting_of(prepared, forcing.cell),
        rates_of(prepared, 0),
        market_of(prepared, 0),
        paths_of(paths, 0),
        DrawForcing(forcing.series, forcing.values[0], forcing.active),
        state_of(opened.copy(), 0),
        work_for(prepared),
    )
    coupling = run.rates.coupling
    bare = run.rates._replace(coupling=np.zeros_like(coupling))
    reading = run._replace(rates=bare) if own else run
    scratch = DrawOutput(*(array[0].copy() for array in whole.output))
    flow = np.zeros((12, wiring.origin.size, prepared.strata.size))
    excess = np.zeros((12, wiring.deadly.size, prepared.strata.size))
    for i in range(12):
        if run_months(run, scratch, start + i, start + i + 1, 1, True) >= 0:
            raise FloatingPointError("the compartmental run failed")
        _read(reading, start + i, flow[i], excess[i])
    return Tables(
        wiring=wiring,
        region=np.repeat(np.arange(regions.size - 1), np.diff(regions)),
        bands=prepared.strata.bands,
        flow=flow,
        excess=excess,
        coupling=coupling,
        baseline=run.state.baseline[start : start + 12].copy(),
        growth=prepared.demography.growth[start : start + 12],
        moving_up=prepared.demography.moving_up[year],
        entrants=prepared.demography.entrants[year + 1],
        entry=prepared.entry[0, year + 1],
        places=_places(prepared, opened),
        stock=opened.stock[0],
        population=opened.population[0],
        output=whole.output,
        end=whole.state,
    )


def _places(prepared: Prepared, state: State) -> Float:
    treating = prepared.structure.wiring.treating_service
    found = np.zeros((len(prepared.structure.services), state.places.shape[2]))
    cared = treating != NOBODY
    np.add.at(found, treating[cared], state.places[0][cared])
    return found
