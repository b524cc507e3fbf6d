"""Treatment centres as agents: what they see, and how places move between them."""

from __future__ import annotations

import math
import time

import mesa
import numpy as np
import pytest

from model.agents.cases import no_centres
from model.agents.institutions import (
    Budget,
    Care,
    Rules,
    TreatmentCentre,
    add_centres,
    new_year,
)
from model.agents.tally import TICKS


def care_of(places: list[int], shares: list[float], rules: Rules | None = None) -> Care:
    """Centres of one service and region that were occupied for given shares of a year."""
    centres = no_centres(len(places))
    centres.size[0] = len(places)
    centres.open[:] = 1
    centres.places[:] = places
    centres.treated[:] = [round(n * share) for n, share in zip(places, shares, strict=True)]
    centres.offered[:] = 12 * TICKS * centres.places
    centres.busy[:] = [round(n * share) for n, share in zip(centres.offered, shares, strict=True)]
    return Care(centres, rules)


def agents_of(care: Care) -> list[TreatmentCentre]:
    return add_centres(mesa.Model(seed=1), care, [])


def test_a_centre_sees_its_own_row() -> None:
    care = care_of([20, 10], [0.9, 0.5])
    care.centres.length[0] = 3
    care.centres.admitted[0], care.centres.waited[0] = 4, 6 * TICKS
    first, second = agents_of(care)
    assert isinstance(first, mesa.Agent)
    assert (first.service, first.region, first.places, first.treated) == (0, 0, 20, 18)
    assert (first.waiting, first.free, first.open) == (3, 2, True)
    assert first.occupied == pytest.approx(0.9)
    assert first.mean_wait == 1.5
    assert first.staff == 2.5
    assert math.isnan(second.mean_wait)


def test_places_move_from_empty_to_full_centres_and_the_total_stays() -> None:
    care = care_of([20, 20, 20], [0.99, 0.5, 0.9])
    assert new_year(care, agents_of(care)) == 2
    assert care.centres.places.tolist() == [22, 18, 20]
    assert care.centres.busy.sum() == care.centres.offered.sum() == 0


def test_nothing_moves_between_services_and_regions() -> None:
    for name in ("service", "region"):
        care = care_of([20, 20], [0.99, 0.5])
        getattr(care.centres, name)[1] = 1
        assert new_year(care, agents_of(care)) == 0
        assert care.centres.places.tolist() == [20, 20]


def test_nothing_moves_when_budgets_are_off() -> None:
    care = care_of([20, 20], [0.99, 0.5], Rules(budgets=False))
    assert new_year(care, agents_of(care)) == 0


def test_the_fullest_is_served_first_and_no_more_than_is_spare() -> None:
    centres = no_centres(4)
    centres.places[:] = 10
    budget = Budget()
    budget.ask(0, 0.96, 2)
    budget.ask(1, 0.99, 2)
    budget.offer(2, 0.80, 2)
    budget.offer(3, 0.40, 1)
    assert budget.settle(centres) == 3
    assert centres.places.tolist() == [11, 12, 8, 9]
    assert budget.settle(centres) == 0


def test_rows_opened_later_get_an_agent() -> None:
    care = care_of([20], [0.9])
    model = mesa.Model(seed=1)
    agents = add_centres(model, care, [])
    assert add_centres(model, care, agents) == agents
    assert len(model.agents) == 1


def test_a_year_of_two_thousand_centres_is_quick() -> None:
    shares = np.linspace(0.6, 1.0, 2000).tolist()
    care = care_of([20] * 2000, shares)
    agents = agents_of(care)
    start = time.process_time()
    new_year(care, agents)
    taken = time.process_time() - start
    print(f"{taken * 1e3:.1f} ms")
    assert taken < 0.5
    assert care.centres.places.sum() == 40_000
