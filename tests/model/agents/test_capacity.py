"""Places and centres when capacity changes: totals, queues and people in treatment."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.agents.capacity import resize
from model.agents.cases import READY, check_lists
from tests.model.agents.ward import Ward, start_with, ward, with_centres

SIZE = np.array([5])
NOBODY_LEAVES = {"admission": 1e6}


def to(found: Ward, places: int) -> None:
    found.centres = resize(found.cases, found.centres, np.array([[places]]), SIZE)


def quiet(found: Ward) -> None:
    """A month without arrivals."""
    found.run(np.zeros(0, np.int64), np.zeros(0))


def full_ward(centres: int, people: int) -> Ward:
    found = with_centres(ward(1_000, NOBODY_LEAVES), centres, 5)
    start_with(found, np.full(centres, people))
    return found


def mismatches(found: Ward) -> int:
    return check_lists(found.scene.people, found.scene.wiring, found.cases, found.centres)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_places_are_those_wanted_in_centres_of_about_one_size(wanted: list[int]) -> None:
    found = with_centres(ward(10, NOBODY_LEAVES), 3, 5)
    for places in wanted:
        to(found, places)
        is_open = found.centres.open == 1
        assert found.centres.places[is_open].sum() == places
        assert found.centres.places[~is_open].sum() == 0
        assert is_open.sum() == max(1, (2 * places + 5) // 10)
        assert found.centres.reach[is_open].sum() == places


def test_fewer_places_put_nobody_out() -> None:
    found = full_ward(4, 5)
    to(found, 9)
    quiet(found)
    assert found.centres.treated.sum() == 20
    assert np.sum(found.centres.open) == 2
    assert mismatches(found) == 0


def test_a_closing_centre_hands_its_queue_over_in_order() -> None:
    found = full_ward(4, 8)
    to(found, 5)
    assert np.sum(found.centres.open) == 1
    assert found.centres.length[found.centres.open == 1].sum() == 12
    assert np.all(found.cases.centre[found.cases.stage == READY] == 0)
    assert mismatches(found) == 0  # among other things: in order of asking


def test_more_places_are_filled_from_the_queues() -> None:
    found = full_ward(4, 6)
    to(found, 24)
    assert np.sum(found.centres.open) == 5
    quiet(found)
    assert found.centres.treated.sum() + found.centres.length.sum() == 24
    assert np.all(found.centres.treated[:4] <= found.centres.places[:4])
    assert mismatches(found) == 0


def test_the_row_of_an_empty_centre_is_used_again() -> None:
    found = with_centres(ward(10, NOBODY_LEAVES), 4, 5)
    for places in (5, 20, 5, 20):
        to(found, places)
    assert found.centres.size[0] == 4


def test_small_changes_leave_sizes_that_centres_agreed_on() -> None:
    found = with_centres(ward(10, NOBODY_LEAVES), 3, 5)
    found.centres.places[:3] = (3, 5, 7)
    to(found, 16)
    assert found.centres.places[:3].tolist() == [4, 5, 7]
    to(found, 14)
    assert found.centres.places[:3].tolist() == [4, 5, 5]
