"""A stand-in for the agent engine: compartments with noise of known size, keyed by the seed."""

from __future__ import annotations

import numpy as np

from model.agents.engine import AgentRun, Checkpoints, Request
from model.compartments import simulate
from model.forcing import Forcing
from model.prepared import Output, Prepared, State

NOISE = 0.02
FIRST = 3  # products of which the extra output is not zero, at least


def simulate_agents(
    prepared: Prepared,
    draw: int,
    forcing: Forcing,
    state: State,
    stop: int,
    request: Request,
    threads: int = 1,
    checkpoints: Checkpoints | None = None,
) -> AgentRun:
    """Compartments times a factor for each seed and year: scenarios share the factors."""
    assert checkpoints is None or checkpoints.month > 0
    assert request.terms is not None
    assert (draw, prepared.draws, state.month) == (0, 1, 0)
    assert threads >= 1
    output = simulate(prepared, forcing, 0, stop, state).output
    years = output.lived.shape[1]
    factors = np.stack([_factors(seed, years) for seed in request.seeds])
    found = {}
    for name, array in output._asdict().items():
        steady = name in ("market", "price", "taken", "january")
        each = np.ones_like(factors) if steady else factors
        shape = (len(factors), array.shape[1], *(1,) * (array.ndim - 2))
        each = np.pad(each, ((0, 0), (0, array.shape[1] - years)), constant_values=1.0)
        found[name] = array * each.reshape(shape)
    return AgentRun(Output(**found), _extra(prepared, request.seeds, years, factors), 0.1, 0, 9)


def _factors(seed: int, years: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.exp(NOISE * np.random.default_rng(seed).standard_normal(years))


def _extra(
    prepared: Prepared,
    seeds: tuple[int, ...],
    years: int,
    factors: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    structure = prepared.structure
    count, services = len(structure.products), len(structure.services)
    regions, lead = len(prepared.strata.regions), (len(seeds), years)
    sizes = np.exp(-0.4 * np.arange(count)) * 4e6
    joint = np.minimum.outer(sizes, sizes) * 0.6
    joint[np.arange(count), np.arange(count)] = sizes

    def spread(
        values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        each = factors.reshape(*lead, *(1,) * values.ndim)
        return np.broadcast_to(values, (*lead, *values.shape)) * each

    clusters = np.full((*lead, count, 3), np.nan)
    clusters[:, -1] = spread(np.tile([1.8, 0.12, 3.4], (count, 1)))[:, -1]
    waits = np.exp(-0.3 * np.arange(10))[None, None] * np.ones((services, regions, 1)) * 300
    return {
        "joint_use": spread(joint),
        "products_used": spread(1e7 * np.exp(-2.2 * np.arange(8))),
        "treated_by_number": spread(np.array([3e4, 9e3, 2e3, 400.0])),
        "pathways": spread(np.outer(sizes, sizes[::-1]) / 1e9),
        "places": np.full((*lead, services, regions), 2000.0),
        "waits": spread(waits),
        "clusters": clusters,
        "comorbidity": spread(np.tile([0.45, 0.2], (count, 1))),
    }
