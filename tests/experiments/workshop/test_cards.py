"""Where levers stand on the cards, and what moving one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop.cards import (
    measures_of,
    objectives_of,
    position_of,
    put,
    scale_of,
)
from experiments.workshop.lever import Position
from experiments.workshop.view import idle
from model.catalogue import load_catalogue
from scenarios.levers import OUTSIDE, STRATEGY
from scenarios.library import Library, load_library

LIBRARY = load_library(load_catalogue())


@pytest.fixture
def library() -> Library:
    return LIBRARY


def test_every_lever_of_the_strategy_stands_on_one_card(library: Library) -> None:
    objectives = [name for card in STRATEGY for name in objectives_of(card, library)]
    assert objectives == list(library.objectives)
    assert len(objectives) == 27
    found = [m for name in objectives for m in measures_of(name, library)]
    outside = {m.id for m in library.measures.values() if m.strategic == OUTSIDE}
    assert sorted(found) == sorted(set(library.measures) - outside)


def test_measures_that_an_objective_does_not_move_come_last(library: Library) -> None:
    found = measures_of("1.1", library)
    moved = [name in library.members("1.1") for name in found]
    assert moved == sorted(moved, reverse=True)
    assert not all(moved)


def test_a_wide_lever_is_mixed_where_narrower_ones_differ(library: Library) -> None:
    scenario = put(idle(), "1.1", 50, library)
    assert position_of(scenario, "1.1", library) == Position(50, 50)
    found = position_of(scenario, "SD1", library)
    assert found.value is None
    members = library.members("SD1")
    inside = sum(name in library.members("1.1") for name in members)
    assert found.around == round(50 * inside / len(members))


def test_a_wide_lever_takes_the_narrower_along(library: Library) -> None:
    scenario = put(put(idle(), "naloxone-take-home", 10, library), "SD1", 70, library)
    assert position_of(scenario, "naloxone-take-home", library).value == 70
    assert position_of(scenario, "1.3", library).value == 70
    assert scenario.levers == {"SD1": 70.0}


@given(st.sampled_from([*LIBRARY.levers, *LIBRARY.trends]), st.integers(-100, 100))
def test_a_lever_stands_where_it_was_put(lever: str, wanted: int) -> None:
    scale = scale_of(lever, LIBRARY)
    position = max(scale.low, wanted)
    scenario = put(idle(), lever, position, LIBRARY)
    assert position_of(scenario, lever, LIBRARY).value == position
    back = put(scenario, lever, 0, LIBRARY)
    assert back.levers == back.trends == {}


def test_ranges_are_those_of_the_measure(library: Library) -> None:
    assert (scale_of("SD1", library).low, scale_of("F1", library).low) == (0, -100)
    for name, measure in library.measures.items():
        scale = scale_of(name, library)
        assert [scale.low, scale.high] == measure.entry.range


def test_a_trend_that_is_drawn_has_no_position(library: Library) -> None:
    scenario = idle().model_copy(update={"central_trends": True, "trends": {"F2": -15.0}})
    assert position_of(scenario, "F1", library).value is None
    assert position_of(scenario, "F2", library).value == -15
    assert position_of(put(scenario, "F1", 0, library), "F1", library).value == 0
