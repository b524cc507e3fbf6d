"""C6 on individuals: yearly movements between levels of gambling risk of single people.

The matrix, its source and why no hazards meet it exactly: test_gambling_transitions. Here people
are agents, moved by the kernel of the agent engine; all that may differ is chance.
"""

from __future__ import annotations

import numpy as np
import pytest

from model.agents.build import DOCKED, Setting
from model.agents.engine import central_terms
from model.agents.twin import Twin
from model.catalogue import load_catalogue
from model.compartments import simulate
from model.prepared import FIRST_YEAR
from model.strata import build_strata
from tests.published.bounds import Case
from tests.published.laboratory import closed_world, only_flows, people_in, stock
from tests.published.test_gambling_transitions import LEVELS, matrix_cases

PEOPLE = 40_000  # at each level


@pytest.mark.parametrize("seed", [1, 2])
def test_yearly_matrix_of_people_is_near_the_published_one(case: Case, seed: int) -> None:
    catalogue = load_catalogue()
    flows = [row.id for row in catalogue.flows if row.module == "risk_levels"]
    # One stratum for each level that people start from.
    strata = build_strata([10, 20, 30, 40, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = only_flows(closed_world(catalogue, strata, 100.0, 1), "gambling_offline", flows)
    start = people_in(
        prepared,
        "gambling_offline",
        {level: 100.0 * np.eye(len(LEVELS))[i] for i, level in enumerate(LEVELS)},
    )
    reference = simulate(prepared, None, 0, 12, start.copy()).state
    setting = Setting(
        prepared,
        draw=0,
        weight=100.0 / PEOPLE,
        terms=central_terms(),
        switches=DOCKED,
        key=np.array([seed, 0], dtype=np.uint32),
        first_year=FIRST_YEAR,
    )
    twin = Twin(setting, prepared.forcing(), start.with_reference(reference))
    np.testing.assert_array_equal(twin.crowd.population, PEOPLE)
    for _ in range(12):
        twin.step()
    rows = [stock(prepared, "gambling_offline", level) for level in LEVELS]
    people = twin.crowd.stock[rows].T
    np.testing.assert_array_equal(people.sum(axis=1), PEOPLE)
    found = 100.0 * people / PEOPLE
    # What sampling people adds: of each cell, one standard error.
    expected = reference.stock[0, rows].T
    chance = np.sqrt(np.maximum(expected * (100.0 - expected), 1.0) / PEOPLE)
    matrix_cases(case, f"C6 gambling levels, agents, seed {seed}", found)
    # They are the compartments' people: nothing but chance is between them.
    score = (found - expected) / chance
    assert np.abs(score).max() < 4.0
    assert np.sqrt(np.mean(score**2)) < 1.6
