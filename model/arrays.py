"""The arrays of one draw, grouped as the kernel reads them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.structure import Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class DrawRates(NamedTuple):
    """Rates of one draw (see model.rates.Rates) and its monthly initiation multiplier."""

    base: Float  # (F, S)
    excess: Float  # (Z, S)
    elasticity: Float  # (F,)
    elasticity_row: Int  # (F,) row of elasticity_profile, or NOBODY
    elasticity_profile: Float  # (N, S) where the response differs by stratum
    overdose: Float  # (Z,) overdoses per person-year
    amount: Float  # (Z,) taken by one person a year at the prices of January 2010
    burden: Float  # (S,)
    burden_excess: Float  # (F,)
    coupling: Float  # (K,)
    social: Float  # (P, 5)
    multiplier: Float  # (P, T)
    intake: Float  # (Z,)
    places: Int  # (services,)
    queues: Float  # (services, 2, points)
    entry: Float  # (years+1, Z, blocks) shares of the people who reach the youngest age


class DrawMarket(NamedTuple):
    """Terms of the market of each product (see model.prices.Terms), all (P,)."""

    elasticity: Float
    replacement: Float
    heavy_elasticity: Float
    harm_exponent: Float
    dilution: Float
    sticker_time: Float
    floor: Float
    ceiling: Float
    traded: Float
    potency: Float
    fatality: Float
    fading: Float
    arc: Float


class DrawPaths(NamedTuple):
    """What moves prices from outside (see model.prices.Paths)."""

    cost: Float  # (T, P)
    capacity: Float  # (T, P)
    purity: Float  # (T, P)
    appeal: Float  # (T, P)
    local: Float  # (T, P, R)
    consumption: Float  # (T, P, R)


class Setting(NamedTuple):
    """What all draws share: the population's movements and the layout of the strata."""

    region_start: Int  # (R+1,) first stratum of each region
    bands: int  # age bands in a block
    death_rate: Float  # (years, S)
    death_probability: Float  # (T, S)
    growth: Float  # (T, S)
    moving_up: Float  # (years, S)
    entrants: Float  # (years+1, blocks)
    cell: Int  # (S,) forcing cell of each stratum


class DrawForcing(NamedTuple):
    """Multipliers by handle and product: series number (or NOBODY) and values."""

    series: Int  # (H, P)
    values: Float  # (N, T, cells)
    active: Int  # (F,) 1 where some series reaches the flow


class DrawState(NamedTuple):
    """All that a run carries from month to month, changed in place."""

    stock: Float  # (Z, S) persons
    population: Float  # (S,) persons
    use_reference: Float  # (P, R) share of the region using in January 2010
    memory: Float  # (P, R) remembered harm
    memory_reference: Float  # (P, R)
    places: Float  # (Z, R) places held by a treatment state at the start
    leaving: Float  # (services, R) rate per year of leaving treatment
    arriving: Float  # (services, R) persons per year who ask for a place
    baseline: Float  # (T, S) monthly death probability without the products' excess
    deflator: Float  # (T, S) death rate of people without any product over the table's
    spared: Float  # (T, S) share of the modelled overdoses that the death table has room for
    demand: Float  # (T, P) log demand of the reference run at 2010 prices; NaN: not known
    gap: Float  # (P,) log supply capacity over demand, were nothing replaced
    scarcity: Float  # (P,) the same after replacement
    sticker: Float  # (P,) part of the scarcity that the sticker price shows
    purity: Float  # (P,) log purity
    signal: Float  # (P, R) the own price as hazards hear it
    faded: Float  # (P, R) the same where the response fades
    market: Float  # (P, 3) price, sticker price, purity: sums of the year's monthly indices
    price: Float  # (P, R) the same of the price where people live
    taken: Float  # (P, R) the same of the amount that a person takes
    overdose_deaths: Float  # (P, S) this year
    time: Float  # (Z, S) person-years this year
    counted: Float  # (C, S) transitions this year
    excess_deaths: Float  # (P, S) this year
    deaths: Float  # (S,) this year
    lived: Float  # (S,) person-years this year


class DrawOutput(NamedTuple):
    """Yearly totals, written when a year ends."""

    time: Float  # (years, Z, S)
    counted: Float  # (years, C, S)
    excess_deaths: Float  # (years, P, S)
    deaths: Float  # (years, S)
    lived: Float  # (years, S)
    market: Float  # (years, P, 3)
    price: Float  # (years, P, R)
    taken: Float  # (years, P, R)
    overdose_deaths: Float  # (years, P, S)
    january: Float  # (years+1, S) population on 1 January


class Work(NamedTuple):
    """Scratch arrays of one draw; nothing in them outlives a month.

    ``stock`` and ``series`` are flat too, with one row and three rows a state.
    """

    use: Float  # (P, S) share using
    use_region: Float  # (P, R)
    admission: Float  # (services, R)
    hazard: Float  # flat rows of the widest product, one a flow
    leaving: Float  # flat rows, one a state
    stock: Float
    series: Float  # three rows a state
    month_excess: Float  # (P, S) deaths this month
    rate: Float  # (S,) death rate per year that excess mortality counts against
    spared: Float  # (S,) share of the modelled overdoses that counts
    harm: Float  # (P, R) effect on excess mortality of the amount that people take
    asked: Float  # (services, R) persons who asked in this step
    left: Float  # (services, R) persons who left treatment in this step
    treated: Float  # (services, R) person-years in treatment in this step


class Run(NamedTuple):
    """Everything one draw needs."""

    wiring: Wiring
    setting: Setting
    rates: DrawRates
    market: DrawMarket
    paths: DrawPaths
    forcing: DrawForcing
    state: DrawState
    work: Work
