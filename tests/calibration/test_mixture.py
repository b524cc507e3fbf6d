"""Mixtures of normals: quantiles and probabilities are each other's inverse and known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from calibration.mixture import mixture_cdf, mixture_quantile
from model.errors import InputError

CENTRE = st.floats(-20.0, 20.0)
WIDTH = st.floats(0.01, 10.0)
SHARE = st.floats(0.0, 1.0)


def test_one_component_is_a_normal() -> None:
    q = np.array([[0.025, 0.5], [0.9, 1e-6]])
    found = mixture_quantile(np.array([2.0]), np.array([3.0]), None, q)
    np.testing.assert_allclose(found, norm(2.0, 3.0).ppf(q), rtol=1e-10)
    assert mixture_cdf(2.0, np.array([2.0]), np.array([3.0])) == pytest.approx(0.5)


@given(
    st.lists(st.tuples(CENTRE, WIDTH, SHARE), min_size=1, max_size=8).filter(
        lambda parts: sum(part[2] for part in parts) > 1e-3
    ),
    st.floats(0.001, 0.999),
)
def test_quantiles_invert_probabilities(parts: list[tuple[float, float, float]], q: float) -> None:
    mean, sd, weights = np.array(parts).T
    x = mixture_quantile(mean, sd, weights, q)
    assert mixture_cdf(x, mean, sd, weights) == pytest.approx(q, abs=1e-9)


def test_weights_are_shares_and_points_are_steps() -> None:
    mean, sd = np.array([0.0, 10.0]), np.zeros(2)
    weights = np.array([3.0, 1.0])
    np.testing.assert_allclose(mixture_cdf([-1.0, 0.0, 10.0], mean, sd, weights), [0, 0.75, 1])
    assert mixture_quantile(mean, sd, weights, 0.5) == pytest.approx(0.0, abs=1e-9)
    assert mixture_quantile(mean, sd, weights, 0.8) == pytest.approx(10.0, abs=1e-9)


def test_mistakes_are_refused() -> None:
    one = np.ones(2)
    for arguments in ((one, np.ones(3), one), (one, -one, one), (one, one, 0 * one)):
        with pytest.raises(InputError):
            mixture_cdf(0.0, *arguments)
    with pytest.raises(InputError, match="probability"):
        mixture_quantile(one, one, None, 1.0)
