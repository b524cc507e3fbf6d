"""C7: continued abstinence after stopping to smoke, from tobacco's own relapse flows.

The published series (Hawkins and others 2010, ten years of a British panel) is of the original
cohort: the share of all who stopped that has not smoked since, at the end of each year.
"""

from __future__ import annotations

from model.catalogue import load_catalogue
from model.compartments import simulate
from model.strata import build_strata
from tests.published.bounds import Case, off_by
from tests.published.laboratory import closed_world, only_flows, people_in, stock

ABSTINENT = (84.9, 77.1, 72.2, 69.2, 66.9, 65.8, 64.5, 64.2, 62.9, 62.9)  # %, years 1 to 10
FLOWS = ("relapse_early", "recovery_progress", "relapse_late", "stabilisation", "relapse_former")
WITHIN = 1.0  # percentage points


def test_continued_abstinence_follows_the_published_cohort(case: Case) -> None:
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    prepared = closed_world(load_catalogue(), strata, 1000.0, 10)
    # Only flows of the remission module: who relapses stays in the problematic state.
    prepared = only_flows(prepared, "tobacco", FLOWS)
    state = people_in(prepared, "tobacco", {"recovery_early": 1000.0})
    relapsed = stock(prepared, "tobacco", "problematic")
    found = []
    for year in range(10):
        state = simulate(prepared, None, 12 * year, 12 * year + 12, state).state
        found.append(100.0 * (1.0 - state.stock[0, relapsed].sum() / state.population[0].sum()))
    for year, (published, ours) in enumerate(zip(ABSTINENT, found, strict=True), 1):
        name = f"C7 smoking relapse: % abstinent since they stopped, year {year:02}"
        case(name, published, ours, off_by(WITHIN))
    # Read as a yearly hazard of those still abstinent, the series would leave 67.6% at year 10.
    assert abs(found[-1] - 67.6) > 3.0
