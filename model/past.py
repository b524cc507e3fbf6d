"""The years before 2010: the state of 1 January 2010 and what led to it.

Each draw's cohorts are carried in yearly steps (``model.start``); the last years can be kept as
output, so that figures from before 2010 have something to be compared with. All that the carrying
holds fixed is in them as in 2010: the number and make-up of the people, the table of deaths,
prices, purity, what a person takes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model import start as beginning
from model.arrays import DrawForcing, Run
from model.deaths import LARGEST_OVERDOSED
from model.errors import InputError
from model.forcing import build_forcing
from model.population import Demography
from model.prepared import (
    FIRST_YEAR,
    Output,
    Prepared,
    State,
    market_of,
    paths_of,
    rates_of,
    setting_of,
    spread,
    state_of,
    work_for,
)
from model.prices import idle_paths
from model.strata import Strata

Float = npt.NDArray[np.float64]

FIRST_KEPT = 1997  # no observed figure is of an earlier year


def start_state(prepared: Prepared, threads: int = 1) -> State:
    """The state of 1 January 2010 of every draw: cohorts carried through their hazards."""
    return start_and_past(prepared, FIRST_YEAR, threads)[0]


def past_output(prepared: Prepared, first: int = FIRST_KEPT, threads: int = 1) -> Output:
    """The years ``first`` to 2009 alone, as of ``start_and_past``.

    Raises InputError for years that it has not.
    """
    return start_and_past(prepared, first, threads)[1]


def start_and_past(
    prepared: Prepared, first: int = FIRST_KEPT, threads: int = 1
) -> tuple[State, Output]:
    """The state of 1 January 2010 and the years ``first`` to 2009 that led to it, in one pass.

    The state is that of ``start_state`` to the bit: hand it to ``simulate`` with ``reference``.

    ``time`` are mean stocks of the yearly steps and ``counted`` their transitions; states of care
    that the carrying slows down have the size that they get at its end. Nobody waits for a place
    then: lists, and treatment that begins, are smaller than from 2010.
    ``lived`` and ``january`` are the people of January 2010 in every year and ``deaths`` those of
    the table of 2010; ``excess_deaths`` and ``overdose_deaths`` fall on each year's own stocks at
    these rates. Indices of markets are 1. Raises InputError for years before the carrying or
    after 2010 (2010: no year is kept).
    """
    if not beginning.FIRST_YEAR <= first <= FIRST_YEAR:
        allowed = f"{beginning.FIRST_YEAR} to {FIRST_YEAR}"
        raise InputError("no past of this year", key="first", given=first, allowed=allowed)
    state = nobody_uses(prepared)
    structure, strata = prepared.structure, prepared.strata
    past = _empty_past(prepared, FIRST_YEAR - first)
    reference = build_forcing(structure, strata, prepared.past.shape[2])
    forcing = DrawForcing(reference.series, reference.values[0], reference.active)
    demography = prepared.demography
    setting = setting_of(prepared, reference.cell)
    idle = idle_paths(prepared.past.shape[2], len(structure.products), len(strata.regions))
    renewal = _renewal(strata, demography)

    def carry(d: int) -> None:
        work = work_for(prepared)
        work.admission[:] = np.inf
        work.rate[:] = demography.death_rate[0]
        run = Run(
            structure.wiring,
            setting,
            rates_of(prepared, d)._replace(multiplier=prepared.past[d]),
            market_of(prepared, d),
            paths_of(idle, 0),
            forcing,
            state_of(state, d),
            work,
        )
        kept = past.time[d], past.counted[d]
        beginning.carry_cohorts(run, renewal, prepared.entry_past[d], *kept)
        beginning.open_services(run, prepared.rates.occupied[d], prepared.past.shape[2] - 1)
        _put_deaths(prepared, past, d)

    spread(carry, prepared.draws, threads)
    return state, past


def _put_deaths(prepared: Prepared, past: Output, d: int) -> None:
    """Fill excess and overdose deaths of a draw, as ``model.deaths`` has them at 2010's rates."""
    wiring, rates = prepared.structure.wiring, prepared.rates
    table, people, time = prepared.demography.death_rate[0], past.lived[d], past.time[d]
    deadly = wiring.deadly == 1
    product = prepared.structure.product_of_state
    fatality = np.minimum(rates.terms.fatality[d], 1.0)[product]
    firsts = wiring.state_start[:-1]
    fatal = (rates.overdose[d] * fatality * deadly)[:, None]
    overdosed = np.add.reduceat(time * fatal, firsts, axis=1)
    raised = np.add.reduceat(time * (rates.excess[d] * deadly[:, None]), firsts, axis=1)
    fallen = overdosed.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spared = np.fmin(LARGEST_OVERDOSED * table * people / fallen, 1.0)
        rest = people * table - fallen * spared
        rate = np.where(people > 0.0, rest / (people + raised.sum(axis=1)), table)
    past.overdose_deaths[d] = overdosed * spared[:, None]
    past.excess_deaths[d] = raised * rate[:, None] + past.overdose_deaths[d]


def _empty_past(prepared: Prepared, years: int) -> Output:
    """Output of past years with what is the same in all of them; the rest is 0."""
    demography, structure = prepared.demography, prepared.structure
    draws, size = prepared.draws, prepared.strata.size
    products, regions = len(structure.products), len(prepared.strata.regions)
    counters = int(structure.wiring.counter_start[-1])
    dying = demography.death_probability[:12].sum(axis=0)
    return Output(
        time=np.zeros((draws, years, len(structure.states), size)),
        counted=np.zeros((draws, years, counters, size)),
        excess_deaths=np.zeros((draws, years, products, size)),
        deaths=np.tile(demography.start * dying, (draws, years, 1)),
        lived=np.tile(demography.start, (draws, years, 1)),
        market=np.ones((draws, years, products, 3)),
        price=np.ones((draws, years, products, regions)),
        taken=np.ones((draws, years, products, regions)),
        overdose_deaths=np.zeros((draws, years, products, size)),
        january=np.tile(demography.start, (draws, years + 1, 1)),
    )


def nobody_uses(prepared: Prepared) -> State:
    """The state before anything began: all persons have never used, all else is empty."""
    wiring = prepared.structure.wiring
    draws, strata = prepared.draws, prepared.strata.size
    states, products = len(prepared.structure.states), len(prepared.structure.products)
    regions, services = len(prepared.strata.regions), len(prepared.structure.services)
    counters = int(wiring.counter_start[-1])
    population = np.tile(prepared.demography.start, (draws, 1))
    stock = np.zeros((draws, states, strata))
    stock[:, wiring.state_start[:-1]] = population[:, None]
    return State(
        month=0,
        stock=stock,
        population=population,
        use_reference=np.zeros((draws, products, regions)),
        memory=np.zeros((draws, products, regions)),
        memory_reference=np.zeros((draws, products, regions)),
        places=np.zeros((draws, states, regions)),
        leaving=np.zeros((draws, services, regions)),
        arriving=np.zeros((draws, services, regions)),
        baseline=np.zeros((draws, prepared.demography.months, strata)),
        deflator=np.ones((draws, prepared.demography.months, strata)),
        spared=np.ones((draws, prepared.demography.months, strata)),
        demand=np.full((draws, prepared.demography.months, products), np.nan),
        gap=np.zeros((draws, products)),
        scarcity=np.zeros((draws, products)),
        sticker=np.zeros((draws, products)),
        purity=np.zeros((draws, products)),
        signal=np.zeros((draws, products, regions)),
        faded=np.zeros((draws, products, regions)),
        market=np.zeros((draws, products, 3)),
        price=np.zeros((draws, products, regions)),
        taken=np.zeros((draws, products, regions)),
        overdose_deaths=np.zeros((draws, products, strata)),
        time=np.zeros((draws, states, strata)),
        counted=np.zeros((draws, counters, strata)),
        excess_deaths=np.zeros((draws, products, strata)),
        deaths=np.zeros((draws, strata)),
        lived=np.zeros((draws, strata)),
    )


def _renewal(strata: Strata, demography: Demography) -> Float:
    """Share of each stratum that came from the band below on 1 January (S,)."""
    coming = np.zeros(strata.size)
    first = np.arange(strata.size) % strata.bands == 0
    coming[1:] = (demography.start * demography.moving_up[0])[:-1]
    coming[first] = demography.entrants[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(demography.start > 0.0, coming / demography.start, 0.0)
    return np.asarray(np.clip(share, 0.0, 1.0))
