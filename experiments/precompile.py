"""Compile the kernels ahead of the first run: ``python -m experiments.precompile``.

Installing does this once, so that no user waits for it.
"""

from __future__ import annotations

from multiprocessing import get_context

from calibration.priors import draw_priors
from model.agents.engine import DOCKED, Request, Switches, simulate_agents
from model.catalogue import load_catalogue
from model.compartments import assemble, reference_and_branches, simulate
from model.past import nobody_uses
from model.prepared import Prepared, State

AGENTS = 2_000
MONTHS = 13  # a new year among them


def precompile() -> None:
    """Run a few months of the median draw; numba keeps what it compiles on disk.

    The two engines have few kernels in common, so each compiles in a process of its own. What they
    wrote at the same time, or what only people in care call for, the last pass finds lacking.
    Raises RuntimeError where a process fails.
    """
    spawn = get_context("spawn")
    halves = [spawn.Process(target=half) for half in (_compartments, _agents)]
    for process in halves:
        process.start()
    for process in halves:
        process.join()
    if any(process.exitcode for process in halves):
        raise RuntimeError("the kernels do not compile: see above")
    prepared = _prepared()
    _, states = reference_and_branches(prepared, [0])
    _simulate_agents(prepared, states[0])


def _prepared() -> Prepared:
    catalogue = load_catalogue()
    return assemble(catalogue, draw_priors(catalogue, 1, median=True))


def _compartments() -> None:
    prepared = _prepared()
    simulate(prepared, None, 0, 1)
    reference_and_branches(prepared, [0])


def _agents() -> None:
    """From a state that asks nothing of the compartments: nobody uses, nobody is in care."""
    prepared = _prepared()
    _simulate_agents(prepared, nobody_uses(prepared))


def _simulate_agents(prepared: Prepared, state: State) -> None:
    for switches in (Switches(), DOCKED, Switches(centres="pooled")):
        request = Request(AGENTS, (1,), switches)
        simulate_agents(prepared, 0, prepared.forcing(), state, MONTHS, request)


if __name__ == "__main__":
    precompile()
