"""C7 on individuals: continued abstinence of single people who stopped smoking.

The series and its source: test_smoking_relapse. A cohort is followed person by person: who has
relapsed once is out, so the state at the end of a year tells the whole year.
"""

from __future__ import annotations

import numpy as np

from model.agents.build import DOCKED, Setting
from model.agents.engine import central_terms
from model.agents.twin import Twin
from model.catalogue import load_catalogue
from model.compartments import simulate
from model.prepared import FIRST_YEAR
from model.strata import build_strata
from tests.published.bounds import Case, off_by
from tests.published.laboratory import closed_world, only_flows, people_in, stock
from tests.published.test_smoking_relapse import ABSTINENT, FLOWS, WITHIN

PEOPLE = 100_000


def test_continued_abstinence_of_people_follows_the_published_cohort(case: Case) -> None:
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = closed_world(load_catalogue(), strata, 1000.0, 10)
    # Only flows of the remission module: who relapses stays in the problematic state.
    prepared = only_flows(prepared, "tobacco", FLOWS)
    start = people_in(prepared, "tobacco", {"recovery_early": 1000.0})
    reference = simulate(prepared, None, 0, 120, start.copy()).state
    setting = Setting(
        prepared,
        draw=0,
        weight=2000.0 / PEOPLE,
        terms=central_terms(),
        switches=DOCKED,
        key=np.array([1, 0], dtype=np.uint32),
        first_year=FIRST_YEAR,
    )
    twin = Twin(setting, prepared.forcing(), start.with_reference(reference))
    p = prepared.structure.products.index("tobacco")
    relapsed = stock(prepared, "tobacco", "problematic")
    state = twin.crowd.people.state[p]
    within = relapsed - int(prepared.structure.wiring.state_start[p])
    out = state == within
    assert not out.any()
    found = []
    for _ in range(10):
        for _ in range(12):
            twin.step()
        assert (state[out] == within).all()  # nobody stops a second time
        out = state == within
        assert out.sum() == twin.crowd.stock[relapsed].sum()
        found.append(100.0 * (1.0 - out.sum() / PEOPLE))
    assert twin.crowd.population.sum() == PEOPLE
    chance = np.sqrt(np.array(found) * (100.0 - np.array(found)) / PEOPLE)
    # A point, and what sampling may add to it.
    assert chance.max() < 0.2
    for year, (published, ours) in enumerate(zip(ABSTINENT, found, strict=True), 1):
        name = f"C7 smoking relapse, agents: % abstinent since they stopped, year {year:02}"
        case(name, published, ours, off_by(WITHIN + 2.0 * chance[year - 1]))
    # The compartments' share at the end, but for chance.
    end = 100.0 * (1.0 - reference.stock[0, relapsed].sum() / 2000.0)
    assert abs(found[-1] - end) < 4.0 * chance[-1]
