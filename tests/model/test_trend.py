"""The initiation multiplier: 1 in 2010, damped later, log-linear between its knots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import Prepared
from model.rates import Rates
from model.strata import Strata
from model.trend import CONSTANT_BEFORE, FIRST_YEAR, KNOT_YEARS, initiation_multiplier
from tests.published.laboratory import projection


@pytest.fixture(scope="module")
def drawn(catalogue: Catalogue, coarse: Strata) -> Prepared:
    return projection(catalogue, coarse, draw_priors(catalogue, 4, seed=3))


def _grown(rates: Rates, growth: float, damping: float = 0.5) -> Rates:
    """All products with one growth before 2010 and no shocks or adoption curve."""
    trend = np.zeros_like(rates.trend)
    trend[..., 0], trend[..., 1] = growth, damping
    diffusion = np.zeros_like(rates.diffusion)
    diffusion[..., 0], diffusion[..., 1] = 0.0, 1.0
    return rates._replace(trend=trend, diffusion=diffusion)


def test_flat_without_growth_shocks_and_adoption(drawn: Prepared) -> None:
    years = np.linspace(1940.0, 2031.0, 300)
    found = initiation_multiplier(_grown(drawn.rates, 0.0), years)
    np.testing.assert_array_equal(found, 1.0)


def test_growth_before_2010_is_a_straight_line_on_the_log_scale(drawn: Prepared) -> None:
    years = np.array([1950.0, CONSTANT_BEFORE, 1990.0, 2000.0, FIRST_YEAR])
    found = np.log(initiation_multiplier(_grown(drawn.rates, 0.03), years))[0, 0]
    np.testing.assert_allclose(found, 0.03 * np.array([-40.0, -40.0, -20.0, -10.0, 0.0]))


def test_growth_fades_after_2010(drawn: Prepared) -> None:
    knots = FIRST_YEAR + KNOT_YEARS * np.arange(8.0)
    found = np.log(initiation_multiplier(_grown(drawn.rates, 0.04, 0.6), knots))[0, 0]
    steps = np.diff(found)
    np.testing.assert_allclose(steps, KNOT_YEARS * 0.04 * 0.6 ** np.arange(1, 8))
    middle = np.log(initiation_multiplier(_grown(drawn.rates, 0.04, 0.6), knots[:-1] + 1.5))[0, 0]
    np.testing.assert_allclose(middle, 0.5 * (found[:-1] + found[1:]))


def test_adoption_is_half_at_its_midpoint(drawn: Prepared) -> None:
    rates = _grown(drawn.rates, 0.0)
    rates.diffusion[..., 0], rates.diffusion[..., 1] = 2012.0, 3.0
    found = initiation_multiplier(rates, np.array([2000.0, 2012.0, 2015.0, 2031.0]))[0, 0]
    assert found[1] == pytest.approx(0.5)
    assert found[2] == pytest.approx(1.0 / (1.0 + np.exp(-1.0)))
    assert np.all(np.diff(found) > 0.0)


def test_every_draw_is_finite_positive_and_smooth(drawn: Prepared) -> None:
    multiplier = drawn.multiplier
    assert np.isfinite(multiplier).all()
    assert (multiplier > 0.0).all()
    # A month never moves initiation by half: shocks are spread over a knot's three years.
    assert np.abs(np.diff(np.log(multiplier), axis=2)).max() < 0.5


def test_shocks_change_only_what_follows_them(drawn: Prepared) -> None:
    trend = drawn.rates.trend.copy()
    trend[..., 3 + 4] += 1.0  # the fifth knot, in 2025
    moved = replace(drawn, rates=drawn.rates._replace(trend=trend))
    years = np.array([2011.0, 2018.0, 2022.0, 2025.0, 2030.0])
    before, after = (initiation_multiplier(x.rates, years) for x in (drawn, moved))
    np.testing.assert_array_equal(before[..., :3], after[..., :3])
    with_trend = drawn.rates.trend[..., 2] > 0.0
    assert (after[..., 3:] > before[..., 3:])[with_trend].all()
