"""The core kernel as a problem of its own, which the engine and its twins solve alike.

All products and regions at full size, month by month: hazards (base times a factor of the month
and region), the sum of each state's leaving hazards, the step with its person-years, and ageing
each January. Left out are couplings, the care closure, deaths and transition counters: they are
the engine's and have no twin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.compartments import Prepared, assemble, start_state
from model.structure import ADMISSION, TREND

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# The care closure is left out: whoever waits is admitted within two months on average.
ADMITTED = 6.0
# Yearly wave of the monthly factor in each region, so that no hazard is constant.
WAVE = 0.1


class Core(NamedTuple):
    """One draw of the core. P products, Z states, F flows, S strata, R regions, T months."""

    state_start: Int  # (P+1,) states of each product
    flow_start: Int  # (P+1,)
    origin: Int  # (F,) state within the product
    destination: Int  # (F,) ascending within the product
    region_start: Int  # (R+1,) strata of each region
    bands: int  # age bands in a block of strata
    base: Float  # (F, S) hazard per person per year
    factor: Float  # (T, F, R)
    moving_up: Float  # (years, S) share of a band that moves up on 1 January
    coming: Float  # (years, Z, blocks) persons who reach the youngest age
    stock: Float  # (Z, S) persons at the start

    def first_months(self, months: int) -> Core:
        """The same problem over a shorter time."""
        return self._replace(factor=np.ascontiguousarray(self.factor[:months]))


def prepared(draws: int = 1) -> Prepared:
    """The engine's own input at full size: ``draws`` times the median draw."""
    catalogue = load_catalogue()
    return assemble(catalogue, draw_priors(catalogue, draws, median=True))


def people_only(catalogue: Catalogue) -> Catalogue:
    """The catalogue of the first release: no markets, no overdoses, no history."""
    products = (row.model_copy(update={"market": None}) for row in catalogue.products)
    states = (row.model_copy(update={"overdose": None}) for row in catalogue.states)
    return replace(catalogue, products=tuple(products), states=tuple(states), history=())


def core(engine: Prepared) -> Core:
    """The core of the engine's first draw."""
    wiring, demography, strata = engine.structure.wiring, engine.demography, engine.strata
    regions = len(strata.regions)
    owner = engine.structure.product_of_flow
    base = engine.rates.base[0].copy()
    base[(wiring.flags & ADMISSION) != 0] = ADMITTED
    trend = np.where((wiring.flags & TREND) != 0, engine.multiplier[0, owner].T, 1.0)
    angle = 2.0 * np.pi * (np.arange(demography.months)[:, None] / 12 + np.arange(regions) / 3)
    factor = trend[:, :, None] * (1.0 + WAVE * np.sin(angle))[:, None, :]
    coming = demography.entrants[:, None, :] * engine.entry[0][: len(demography.entrants)]
    return Core(
        state_start=wiring.state_start,
        flow_start=wiring.flow_start,
        origin=wiring.origin,
        destination=wiring.destination,
        region_start=np.searchsorted(strata.region, np.arange(regions + 1)).astype(np.int64),
        bands=strata.bands,
        base=base,
        factor=np.ascontiguousarray(factor),
        moving_up=demography.moving_up,
        coming=np.ascontiguousarray(coming[1:]),
        stock=start_state(engine).stock[0],
    )


def years(problem: Core) -> int:
    """Years begun; person-years are kept by year."""
    return -(-len(problem.factor) // 12)
