"""C6: yearly movements between levels of gambling risk, from the product's own flows.

Published (New Zealand National Gambling Study, waves of 2012 and 2013): of the people at each
level, the % at each level a year later. No hazard matrix reproduces it exactly, because a year
is long for two of the levels.
"""

from __future__ import annotations

import numpy as np

from model.catalogue import load_catalogue
from model.compartments import simulate
from model.strata import build_strata
from tests.published.bounds import Case, off_by
from tests.published.laboratory import Float, closed_world, only_flows, people_in, stock

LEVELS = ("former_occasional", "no_risk", "low_risk", "moderate_risk", "problematic")
PUBLISHED = np.array(
    [
        [64.7, 33.0, 2.1, 0.1, 0.1],
        [11.9, 82.5, 4.8, 0.7, 0.1],
        [7.2, 54.6, 25.7, 11.7, 0.8],
        [6.9, 30.7, 25.3, 27.5, 9.6],
        [0.0, 32.6, 13.6, 9.7, 44.1],
    ]
)
STATIONARY = (24.327, 67.718, 5.734, 1.684, 0.536)
WITHIN = 4.0  # percentage points a cell


def test_yearly_matrix_is_near_the_published_one(case: Case) -> None:
    catalogue = load_catalogue()
    flows = [row.id for row in catalogue.flows if row.module == "risk_levels"]
    # One stratum for each level that people start from.
    strata = build_strata([10, 20, 30, 40, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = closed_world(catalogue, strata, 100.0, 1)
    prepared = only_flows(prepared, "gambling_offline", flows)
    state = people_in(
        prepared,
        "gambling_offline",
        {level: 100.0 * np.eye(len(LEVELS))[i] for i, level in enumerate(LEVELS)},
    )
    state = simulate(prepared, None, 0, 12, state).state
    rows = [stock(prepared, "gambling_offline", level) for level in LEVELS]
    found = state.stock[0, rows].T
    np.testing.assert_allclose(found.sum(axis=1), 100.0, rtol=1e-12)
    matrix_cases(case, "C6 gambling levels", found)


def matrix_cases(case: Case, name: str, found: Float) -> None:
    """Every cell of the matrix beside the published one."""
    for i, start in enumerate(LEVELS):
        for j, end in enumerate(LEVELS):
            words = f"{name}: % from {start} to {end} in a year"
            case(words, PUBLISHED[i, j], float(found[i, j]), off_by(WITHIN))


def test_the_published_matrix_has_the_published_stationary_shares() -> None:
    matrix = PUBLISHED / PUBLISHED.sum(axis=1, keepdims=True)
    shares = np.linalg.matrix_power(matrix, 500)[0]
    np.testing.assert_allclose(100.0 * shares, STATIONARY, atol=2e-3)
