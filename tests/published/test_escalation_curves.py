"""C9: from first use to dependence, through each product's own flows, against a cohort study.

Lopez-Quintero and others (2011): the share of people who ever use that ever develops dependence,
within how many years half of these have, and the share after ten years. In the model people stop
and start again on the way; nobody dies.
"""

from __future__ import annotations

import numpy as np
import pytest

from model.catalogue import load_catalogue
from model.compartments import Prepared, simulate
from model.strata import build_strata
from tests.published.bounds import Case, between, off_by
from tests.published.laboratory import (
    Float,
    closed_world,
    flow,
    only_flows,
    people_in,
    stock,
    without_flows,
)

# Product; % ever dependent, years until half of these, % after ten years.
PUBLISHED = (
    ("tobacco", 67.5, 27.0, 15.6),
    ("alcohol", 22.7, 13.0, 11.0),
    ("cocaine", 20.9, 4.0, 14.8),
    ("cannabis", 8.9, 5.0, 5.9),
)
FLOWS = (
    "escalation_mover", "cessation_mover", "cessation_stayer", "restart_stayer",
    "moderation_stayer", "remission", "relapse_early", "recovery_progress", "relapse_late",
)  # fmt: skip
# The published lifetime shares are limits of a cure model: long enough for the slowest product.
YEARS = 250
POINTS = 3.0
FACTOR = 1.5


def _first_use(prepared: Prepared, product: str) -> dict[str, float]:
    """People of the two ways of first use, in the proportion of their hazards."""
    hazards = {
        name: prepared.rates.base[0, flow(prepared, product, f"initiation_{name}")].sum()
        for name in ("mover", "stayer")
    }
    total = sum(hazards.values())
    return {name: float(1000.0 * hazard / total) for name, hazard in hazards.items()}


def _ever_dependent(product: str) -> Float:
    """Cumulative % who have been dependent, at the end of each year since first use."""
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    world = closed_world(load_catalogue(), strata, 1000.0, YEARS)
    start = _first_use(world, product)
    # First passage: dependence is not left.
    prepared = without_flows(only_flows(world, product, FLOWS), product, "problematic")
    state = people_in(prepared, product, start)
    dependent = stock(prepared, product, "problematic")
    shares = [0.0]
    for year in range(YEARS):
        state = simulate(prepared, None, 12 * year, 12 * year + 12, state).state
        shares.append(100.0 * float(state.stock[0, dependent].sum() / state.population[0].sum()))
    return np.array(shares)


@pytest.mark.parametrize(("product", "lifetime", "half_time", "ten_years"), PUBLISHED)
def test_dependence_after_first_use_follows_the_published_curve(
    case: Case, product: str, lifetime: float, half_time: float, ten_years: float
) -> None:
    shares = _ever_dependent(product)
    found_half = float(np.interp(0.5 * shares[-1], shares, np.arange(shares.size)))
    name = "C9 from first use to dependence"
    case(f"{name}: % ever dependent, {product}", lifetime, float(shares[-1]), off_by(POINTS))
    case(f"{name}: % after ten years, {product}", ten_years, float(shares[10]), off_by(POINTS))
    ends = between(half_time / FACTOR, half_time * FACTOR)
    case(f"{name}: years until half of these, {product}", half_time, found_half, ends)


def test_counted_escalations_are_the_people_who_escalated() -> None:
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    world = closed_world(load_catalogue(), strata, 1000.0, 10)
    start = _first_use(world, "cocaine")
    prepared = without_flows(only_flows(world, "cocaine", FLOWS), "cocaine", "problematic")
    result = simulate(prepared, None, 0, 120, people_in(prepared, "cocaine", start))
    counter = prepared.structure.counters_of("escalation")["cocaine"]
    escalated = result.state.stock[0, stock(prepared, "cocaine", "problematic")]
    counted = result.output.counted[0, :, counter].sum(axis=0)
    np.testing.assert_allclose(counted, escalated, rtol=1e-10)
