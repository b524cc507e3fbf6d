"""A closed world for published cases: chosen people, chosen flows, no births, deaths or ageing.

The flows, their rates and the engine are the model's own; only the people and the list of flows
that are switched on differ from a projection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared, State, prepare, start_state
from model.parameters import Draws
from model.population import closed_population
from model.rates import build_rates
from model.strata import Strata
from model.structure import build_structure

Float = npt.NDArray[np.float64]


def with_values(draws: Draws, values: Mapping[str, float]) -> Draws:
    """The same draws, with some parameters (row key: value) set in every draw."""
    unknown = set(values) - set(draws.values)
    if unknown:
        raise KeyError(f"no parameter row has the key {sorted(unknown)}")
    chosen = {key: np.full(draws.size, value) for key, value in values.items()}
    return Draws(draws.rows, {**draws.values, **chosen}, draws.innovations, draws.seed)


def closed_world(
    catalogue: Catalogue,
    strata: Strata,
    people: float,
    years: int,
    values: Mapping[str, float] | None = None,
) -> Prepared:
    """``people`` in every stratum for ``years``, at the median of every prior but ``values``."""
    draws = with_values(draw_priors(catalogue, 1, median=True), values or {})
    structure = build_structure(catalogue, draws)
    demography = closed_population(strata, np.full(strata.size, people), 12 * years)
    rates = build_rates(structure, strata, demography.start, draws)
    return prepare(structure, strata, demography, rates)


def flow(prepared: Prepared, product: str, name: str) -> int:
    """Number of a product's flow."""
    structure = prepared.structure
    p = structure.products.index(product)
    rows = zip(structure.flows, structure.product_of_flow, strict=True)
    return [row.id if at == p else "" for row, at in rows].index(name)


def stock(prepared: Prepared, product: str, name: str) -> int:
    """Number of a product's state."""
    structure = prepared.structure
    p = structure.products.index(product)
    rows = zip(structure.states, structure.product_of_state, strict=True)
    return [row.state if at == p else "" for row, at in rows].index(name)


def only_flows(prepared: Prepared, product: str, names: Collection[str]) -> Prepared:
    """All hazards 0 but those of the named flows of one product; nobody dies of any product."""
    kept = [flow(prepared, product, name) for name in names]
    base = np.zeros_like(prepared.rates.base)
    base[:, kept] = prepared.rates.base[:, kept]
    rates = prepared.rates._replace(base=base, excess=np.zeros_like(prepared.rates.excess))
    return replace(prepared, rates=rates)


def without_flows(prepared: Prepared, product: str, origin: str) -> Prepared:
    """The product's flows out of one state switched off: who enters it stays."""
    structure = prepared.structure
    p = structure.products.index(product)
    base = prepared.rates.base.copy()
    for f, row in enumerate(structure.flows):
        if structure.product_of_flow[f] == p and row.origin == origin:
            base[:, f] = 0.0
    return replace(prepared, rates=prepared.rates._replace(base=base))


def people_in(prepared: Prepared, product: str, stocks: Mapping[str, float | Float]) -> State:
    """January 2010 with given persons (a number or one a stratum) in the states of one product.

    Everyone is "never" for all other products. Nothing else is carried from before.
    """
    state = start_state(prepared)
    structure = prepared.structure
    state.stock[:] = 0.0
    state.stock[:, structure.wiring.state_start[:-1]] = state.population[:, None]
    p = structure.products.index(product)
    state.stock[:, structure.product_of_state == p] = 0.0
    for name, persons in stocks.items():
        state.stock[:, stock(prepared, product, name)] = persons
    total = state.stock[:, structure.product_of_state == p].sum(axis=1)
    return state._replace(population=total)
