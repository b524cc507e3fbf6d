"""The golden baseline of the agents: every indicator of one run of the median draw, one seed.

The counts of agents are exact; they move as a whole where a machine rounds one hazard differently.
"""

from __future__ import annotations

from pathlib import Path

from calibration.priors import draw_priors
from model.agents.engine import Request, Switches, simulate_agents
from model.agents.terms import terms
from model.catalogue import load_catalogue
from model.compartments import assemble, reference_and_branches
from tests.golden.reference import Baseline, seen_in

AGENTS = Path(__file__).with_name("agents.json")
SIZE, SEED = 10_000, 1


def compute() -> Baseline:
    """As that of the compartments, all refinements on."""
    catalogue = load_catalogue()
    draws = draw_priors(catalogue, 1, median=True)
    prepared = assemble(catalogue, draws)
    _, states = reference_and_branches(prepared, [0])
    request = Request(SIZE, (SEED,), Switches(), terms(draws, 0))
    months = prepared.demography.months
    run = simulate_agents(prepared, 0, prepared.forcing(), states[0], months, request)
    return seen_in(prepared, draws, catalogue, run.output)
