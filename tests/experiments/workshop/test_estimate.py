"""A few draws for many: exact where it must be, and within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.workshop.estimate import bands, change_of, filled, peak_of

UNITS = ("proportion", "per year")
SHARES = st.floats(0.0, 1.0, allow_nan=False)


def test_with_all_draws_run_nothing_is_estimated() -> None:
    reference, found = np.array([[1.0], [2.0], [3.0]]), np.array([[5.0], [1.0], [0.0]])
    got = filled(reference, np.array([0, 1, 2]), found, "per year")
    np.testing.assert_array_equal(got, found)


def test_numbers_take_the_ratio_and_shares_the_ratio_of_odds() -> None:
    reference = np.array([[10.0], [40.0]])
    got = filled(reference, np.array([0]), np.array([[5.0]]), "per year")
    np.testing.assert_allclose(got, [[5.0], [20.0]])
    shares = np.array([[0.5], [0.2]])
    got = filled(shares, np.array([0]), np.array([[2 / 3]]), "proportion")  # odds are doubled
    np.testing.assert_allclose(got, [[2 / 3], [1 / 3]])


def test_each_other_draw_follows_one_that_was_run() -> None:
    reference = np.full((5, 1), 10.0)
    got = filled(reference, np.array([1, 3]), np.array([[20.0], [5.0]]), "per year")
    assert got[1, 0] == 20.0
    assert got[3, 0] == 5.0
    assert sorted(got[[0, 2, 4], 0]) == [5.0, 20.0, 20.0] or set(got[:, 0]) == {5.0, 20.0}


@given(arrays(float, (7, 3), elements=SHARES), arrays(float, (2, 3), elements=SHARES))
def test_shares_stay_shares_or_move_by_the_difference(
    reference: np.ndarray, found: np.ndarray
) -> None:
    got = filled(reference, np.array([0, 4]), found, "proportion")
    assert np.isfinite(got).all()
    ran = reference[[0, 4]]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = found / ran * (1.0 - ran) / (1.0 - found)
    sensible = ((odds > 0.011) & (odds < 99.0)).all(axis=0)
    inside = (reference > 0.0) & (reference < 1.0)
    assert ((got >= 0.0) & (got <= 1.0))[inside & sensible].all()


@pytest.mark.parametrize("unit", UNITS)
def test_what_does_not_move_is_current_policy_to_the_bit(unit: str) -> None:
    reference = np.random.default_rng(1).uniform(0.1, 0.9, (9, 4))
    got = filled(reference, np.array([2, 5]), reference[[2, 5]], unit)
    np.testing.assert_array_equal(got, reference)


def test_bands_leave_out_draws_without_a_value() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    got = bands(values)
    assert got[2, 0] == 2.0
    assert np.isnan(got[:, 1]).all()


def test_the_change_is_paired_and_says_how_many_draws_agree() -> None:
    reference = np.array([1.0, 10.0, 100.0, 1000.0])
    change = change_of(reference + np.array([-1.0, -1.0, -1.0, 1.0]), reference)
    assert change.median == -1.0
    assert change.agree == 0.75
    assert change.low == -1.0


def test_a_passing_change_is_not_hidden_by_the_last_year() -> None:
    reference = np.full((5, 4), 100.0)
    passing = reference + np.array([0.0, 50.0, 10.0, -1.0])
    found = peak_of(passing, reference, 2024)
    assert found is not None
    assert found[0] == 2025
    assert found[1].median == 50.0
    assert peak_of(reference + np.array([0.0, 5.0, 10.0, 20.0]), reference, 2024) is None
    assert peak_of(reference + np.array([0.0, 1.0, 0.1, 0.0]), reference, 2024) is None  # a trifle
    assert peak_of(np.full((5, 4), np.nan), np.full((5, 4), np.nan), 2024) is None
