"""Scores against closed forms and numerical integration; naive forecasts on series made by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from calibration.forecasts import (
    COMPONENTS,
    Trail,
    crps_mixture,
    crps_normal,
    family_spreads,
    last_value,
    straight_line,
    trails,
)

Float = npt.NDArray[np.float64]


def integral(observed: float, mean: Float, sd: Float, share: Float) -> float:
    """The definition: the integral of (F(x) - [x >= observed])^2."""

    def below(x: float) -> float:
        return float(share @ norm.cdf(x, mean, sd))

    low, high = min(observed, *(mean - 12 * sd)), max(observed, *(mean + 12 * sd))
    breaks = sorted({observed, *mean.tolist()})
    left = quad(lambda x: below(x) ** 2, low, observed, points=breaks, limit=200)[0]
    right = quad(lambda x: (1 - below(x)) ** 2, observed, high, points=breaks, limit=200)[0]
    return float(left + right)


def test_a_standard_normal_at_its_middle_scores_as_in_the_books() -> None:
    # Gneiting and Raftery: sd * (2 phi(0) - 1 / sqrt(pi)).
    expected = 2 / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi)
    assert crps_normal(0.0, 0.0, 1.0) == pytest.approx(expected)
    assert crps_normal(3.0, 3.0, 2.5) == pytest.approx(2.5 * expected)


def test_a_point_scores_its_distance() -> None:
    found = crps_normal(np.array([1.0, -2.0]), 0.5, 0.0)
    np.testing.assert_allclose(found, np.array([0.5, 2.5]))


@given(
    observed=st.floats(-5, 5),
    means=st.lists(st.floats(-3, 3), min_size=1, max_size=4),
    sds=st.lists(st.floats(0.1, 2), min_size=4, max_size=4),
    shares=st.lists(st.floats(0.1, 1), min_size=4, max_size=4),
)
def test_crps_of_a_mixture_is_the_integral_of_its_definition(
    observed: float, means: list[float], sds: list[float], shares: list[float]
) -> None:
    mean, sd = np.array(means), np.array(sds[: len(means)])
    weights = np.array(shares[: len(means)])
    found = crps_mixture(np.array([observed]), mean[:, None], sd[:, None], weights)
    expected = integral(observed, mean, sd, weights / weights.sum())
    assert found[0] == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_equal_components_score_as_one_normal() -> None:
    observed = np.array([0.3, -2.0])
    mean, sd = np.tile([0.0, 1.0], (7, 1)), np.tile([0.5, 2.0], (7, 1))
    expected = crps_normal(observed, mean[0], sd[0])
    np.testing.assert_allclose(crps_mixture(observed, mean, sd), expected)


def test_points_without_spread_score_as_an_ensemble() -> None:
    mean, observed = np.array([[0.0], [1.0], [4.0]]), np.array([2.0])
    between = np.abs(mean - mean.T).mean()
    expected = np.abs(mean - 2.0).mean() - 0.5 * between
    assert crps_mixture(observed, mean, np.zeros((3, 1)))[0] == pytest.approx(expected)


def test_many_components_are_thinned_to_nearly_the_same() -> None:
    random = np.random.default_rng(1)
    mean = np.sort(random.normal(size=(4 * COMPONENTS, 1)), axis=0)
    sd = np.full_like(mean, 0.3)
    found = crps_mixture(np.array([1.0]), mean, sd)
    assert found[0] == pytest.approx(float(crps_normal(1.0, 0.0, np.sqrt(1.09))), rel=0.05)


def trail(*points: tuple[int, float], family: str = "health survey") -> Trail:
    years, values = zip(*points, strict=True)
    return Trail(family, np.array(years), np.array(values, dtype=float))


def test_trails_sort_average_and_leave_out_what_is_missing() -> None:
    found = trails(
        ["a", "b", "a", "a", "a"],
        ["registers", "wastewater", "registers", "registers", "registers"],
        [2018, 2013, 2013, 2018, 2008],
        np.array([1.0, 5.0, 2.0, 3.0, np.nan]),
    )
    assert found["a"].years.tolist() == [2013, 2018]
    assert found["a"].values.tolist() == [2.0, 2.0]
    assert (found["a"].family, found["b"].family) == ("registers", "wastewater")
    assert found["a"].before(2018).years.tolist() == [2013]
    assert len(found["a"].before(2013).years) == 0


def test_spread_is_the_root_mean_square_change_by_root_of_years() -> None:
    known = [
        trail((2008, 0.0), (2012, 1.0), (2013, 1.5)),  # 0.5 and 0.5
        trail((2000, 1.0), (2009, 4.0)),  # 1.0
        trail((2001, 7.0)),
        trail((2001, 0.0), (2002, 3.0), family="wastewater"),
        trail((2001, 0.0), family="registers"),
    ]
    found = family_spreads(known)
    assert found == {
        "health survey": pytest.approx(np.sqrt((0.25 + 0.25 + 1.0) / 3)),
        "wastewater": pytest.approx(3.0),
    }


def test_last_value_widens_with_the_root_of_the_years_since() -> None:
    earlier = trail((2004, 9.0), (2013, 1.2))
    assert last_value(earlier, 2017, 0.3) == pytest.approx((1.2, 0.6))


def test_a_straight_line_runs_on_through_three_values() -> None:
    earlier = trail((2001, 1.0), (2004, 4.0), (2008, 8.0))
    assert straight_line(earlier, 2012, 0.1) == pytest.approx((12.0, 0.2))


def test_a_straight_line_is_that_of_least_squares() -> None:
    # Through 0, 3, 0 the best line is level, at their mean.
    assert straight_line(trail((2000, 0.0), (2001, 3.0), (2002, 0.0)), 2030, 1.0)[0] == (
        pytest.approx(1.0)
    )


def test_with_two_values_the_line_is_the_last_value() -> None:
    earlier = trail((2004, 1.0), (2008, 2.0))
    assert straight_line(earlier, 2012, 0.4) == last_value(earlier, 2012, 0.4)
