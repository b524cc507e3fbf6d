"""How effects come in over time: worked by hand, and what always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.paths import (
    FULL_AT,
    STEP_AT,
    driver_path,
    event_months,
    event_path,
    fading,
    ramp,
)
from scenarios.trends import Shape

MONTHS, BRANCH = 252, 168
SHAPES: tuple[Shape, ...] = ("linear", "s-curve", "late", "random-walk")


def test_a_ramp_by_hand() -> None:
    (path,) = ramp(40, np.array([6.0]), 2.0)
    assert (path[:6] == 0.0).all()
    # The middle of a month counts: half a month of twenty-four has gone in the first.
    np.testing.assert_allclose(path[[6, 17, 29]], [0.5 / 24, 11.5 / 24, 23.5 / 24])
    assert (path[30:] == 1.0).all()


def test_a_ramp_of_no_time_is_a_step_and_starts_may_differ_by_draw() -> None:
    path = ramp(10, np.array([3.0, 5.0, np.inf]), 0.0)
    month = np.arange(10)
    np.testing.assert_array_equal(path, [month >= 3, month >= 5, month < 0])


def test_fading_by_hand() -> None:
    (path,) = fading(60, np.array([12.0]), 0.2)
    assert (path[:13] == 1.0).all()
    np.testing.assert_allclose(path[[24, 36, 18]], [0.8, 0.64, 0.8**0.5])
    assert (fading(60, np.array([12.0]), 0.0) == 1.0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_drivers_begin_at_the_branch_and_are_whole_when_2030_begins(shape: Shape) -> None:
    path = driver_path(shape, BRANCH, MONTHS)
    assert (path[:BRANCH] == 0.0).all()
    assert (path[FULL_AT:] == 1.0).all()
    assert (np.diff(path) >= 0.0).all()
    assert 0.0 < path[BRANCH + 1] < 1.0


def test_shapes_by_hand() -> None:
    middle = BRANCH + 36  # the middle of this month is half a month past half of the way
    x = 36.5 / 72
    for shape, wanted in (("linear", x), ("late", x**3), ("s-curve", 3 * x**2 - 2 * x**3)):
        assert driver_path(shape, BRANCH, MONTHS)[middle] == pytest.approx(wanted)  # type: ignore[arg-type]


def test_a_step_falls_in_2027_or_at_a_later_branch() -> None:
    for branch, first in ((BRANCH, STEP_AT), (STEP_AT + 12, STEP_AT + 12)):
        path = driver_path("step", branch, MONTHS)
        np.testing.assert_array_equal(path, np.arange(MONTHS) >= first)


def test_an_event_by_its_uniform_number() -> None:
    uniform = np.array([0.0, 0.049, 0.051, 0.5])
    chance = np.full(4, 0.05)
    months = event_months(chance, uniform, BRANCH, by_2030=False)
    # 5% a year: within a year for uniform numbers below 0.05, later for higher ones.
    assert months[0] == BRANCH
    assert months[1] < BRANCH + 12 <= months[2]
    assert months[3] == BRANCH + np.floor(12 * np.log(0.5) / np.log(0.95))
    until = event_months(np.full(4, 0.1), uniform, BRANCH, by_2030=True)
    np.testing.assert_array_equal(until, [BRANCH, BRANCH + 35, BRANCH + 36, np.inf])


def test_events_without_a_chance_never_happen() -> None:
    for by_2030 in (False, True):
        months = event_months(np.zeros(2), np.array([0.0, 0.9]), BRANCH, by_2030=by_2030)
        assert np.isinf(months).all()
        assert (event_path(MONTHS, months, None) == 0.0).all()


def test_certain_events_happen_at_once() -> None:
    months = event_months(np.ones(2), np.array([0.1, 0.9]), BRANCH, by_2030=False)
    np.testing.assert_array_equal(months, BRANCH)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.999), st.booleans())
def test_a_higher_chance_never_makes_an_event_later(
    one: float, other: float, uniform: float, by_2030: bool
) -> None:
    chances = np.sort([one, other])
    late, soon = event_months(chances, np.full(2, uniform), BRANCH, by_2030=by_2030)
    assert soon <= late
    assert soon >= BRANCH


def test_an_event_lasts_its_months() -> None:
    (path,) = event_path(20, np.array([5.0]), 6)
    np.testing.assert_array_equal(np.flatnonzero(path), np.arange(5, 11))
    (stays,) = event_path(20, np.array([5.0]), None)
    np.testing.assert_array_equal(np.flatnonzero(stays), np.arange(5, 20))


@given(st.floats(0, 60), st.floats(0, 10), st.floats(0, 0.99))
def test_shares_of_an_effect_stay_between_nothing_and_all(
    start: float, years: float, fades: float
) -> None:
    first = np.array([start])
    for path in (ramp(80, first, years), fading(80, first, fades)):
        assert ((path >= 0.0) & (path <= 1.0)).all()
    assert (np.diff(ramp(80, first, years)) >= 0.0).all()
    assert (np.diff(fading(80, first, fades)) <= 0.0).all()
