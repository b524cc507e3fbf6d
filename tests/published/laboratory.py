"""Small worlds for tests: a user's catalogue, a closed population, chosen people and flows.

In a closed world nobody is born, dies, moves or ages. The flows, their rates and the engine are
the model's own; only the people and the list of flows that are switched on differ from a
projection.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.priors import draw_priors
from model.catalogue import TABLE_ROWS, Catalogue, load_catalogue
from model.compartments import Prepared, State, assemble, prepare, start_state
from model.parameters import Draws
from model.population import closed_population
from model.rates import build_rates
from model.reading import columns
from model.strata import Strata
from model.structure import build_structure

Float = npt.NDArray[np.float64]


OWN_SOURCE = {"id": "own", "title": "This test"}


def write_catalogue(folder: Path, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> Path:
    """Write ``tables`` (name without .csv: rows) to ``folder``; cells not given are empty.

    Every row gets the source "own" unless it names another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in {**tables, "sources": [OWN_SOURCE]}.items():
        header = columns(TABLE_ROWS[name])
        own = {"source": "own"} if "source" in header else {}
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows({**own, **row} for row in rows)
    return folder


def fixed(product: str, parameter: str, value: float, unit: str = "per year") -> dict[str, object]:
    """A row of parameters.csv without uncertainty."""
    return {
        "product": product,
        "parameter": parameter,
        "value": repr(value),
        "distribution": "fixed",
        "unit": unit,
        "role": "fixed",
        "evidence": "high",
    }


def own_product(folder: Path, product: str) -> Catalogue:
    """The catalogue of ``folder`` with one of its products, and none of the shipped ones."""
    catalogue = load_catalogue(folder)
    return replace(catalogue, products=(catalogue.product(product),), unions=())


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
    """``people`` in every stratum for ``years``, at the median of every prior but ``values``.

    Prices stay as they are (no history, no growth of buying online) and nobody dies.
    """
    draws = with_values(draw_priors(catalogue, 1, median=True), values or {})
    structure = build_structure(catalogue, draws)
    demography = closed_population(strata, np.full(strata.size, people), 12 * years)
    rates = build_rates(structure, strata, demography.start, draws)
    steady = rates.terms._replace(online=np.zeros_like(rates.terms.online))
    rates = rates._replace(terms=steady, overdose=np.zeros_like(rates.overdose))
    return prepare(structure, strata, demography, rates)


def projection(catalogue: Catalogue, strata: Strata, draws: Draws) -> Prepared:
    """Belgium 2010-2030, ready to run."""
    return assemble(catalogue, draws, strata)


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
