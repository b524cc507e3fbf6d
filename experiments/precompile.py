"""Compile the kernels ahead of the first run: ``python -m experiments.precompile``.

Installing does this once, so that no user waits for it.
"""

from __future__ import annotations

from calibration.priors import draw_priors
from model.agents.engine import DOCKED, Request, Switches, simulate_agents
from model.catalogue import load_catalogue
from model.compartments import assemble, reference_and_branches, simulate

AGENTS = 2_000
MONTHS = 13  # a new year among them


def precompile() -> None:
    """Run a few months of the median draw; numba keeps what it compiles on disk."""
    catalogue = load_catalogue()
    prepared = assemble(catalogue, draw_priors(catalogue, 1, median=True))
    simulate(prepared, None, 0, 1)
    _, states = reference_and_branches(prepared, [0])
    for switches in (Switches(), DOCKED, Switches(centres="pooled")):
        request = Request(AGENTS, (1,), switches)
        simulate_agents(prepared, 0, prepared.forcing(), states[0], MONTHS, request)


if __name__ == "__main__":
    precompile()
