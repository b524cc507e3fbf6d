"""Prior beside posterior: known posteriors, bounds, sensitivity against a closed form and ArviZ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from arviz.stats.stats import _cjs_dist
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from calibration import parameter_checks
from calibration.blocks import Input
from calibration.parameter_checks import at_bound, convergence, parameters, prior_sensitivity
from tests.calibration.fitted_blocks import block_of, fit_of, tables

Float = npt.NDArray[np.float64]


def row_input(name: str, product: str = "*") -> Input:
    row = next(r for r in tables()[0].parameters if (r.product, r.parameter) == (product, name))
    return Input(row.key, row)


def chains_of(*columns: Float) -> Float:
    return np.stack(columns, axis=-1).reshape(4, -1, len(columns))


def test_what_the_figures_do_not_tell_is_assumed() -> None:
    one, _ = block_of("tobacco", keep=5)
    rng = np.random.default_rng(3)
    free, told = rng.standard_normal(20000), 1.0 + 0.3 * rng.standard_normal(20000)
    groups = [np.zeros(20000)] * len(one.errors.groups)
    inputs = (row_input("reputation_exponent"), Input("tobacco/innovation[2013]", None))
    fit = fit_of(one.fit.values, one.fit.log_tau, inputs, chains_of(free, told, *groups))
    rows = parameters([replace(one, fit=fit)])
    assert [row.kind for row in rows[:2]] == ["parameter", "innovation"]
    assert all(row.kind == "wave" for row in rows[2:])
    first, second = rows[:2]
    assert first.assumed
    assert first.contraction == pytest.approx(0.0, abs=0.03)
    assert (first.low, first.high) == pytest.approx((first.prior_low, first.prior_high), abs=0.01)
    assert not second.assumed
    assert second.contraction == pytest.approx(0.91, abs=0.01)
    assert second.place == pytest.approx(1.0, abs=0.01)
    assert (second.median, second.prior_high) == pytest.approx((1.0, 1.96), abs=0.01)
    # The centre of tau's prior, in its own unit.
    assert rows[2].median == pytest.approx(np.exp(one.errors.tau[0, 0]))


def test_a_pile_at_the_end_of_a_range_is_at_a_bound() -> None:
    uniform = row_input("reputation_exponent")
    assert at_bound(uniform, np.full(100, 4.0))
    assert at_bound(uniform, np.full(100, -4.0))
    assert not at_bound(uniform, np.random.default_rng(1).standard_normal(500))
    assert not at_bound(row_input("social_share"), np.full(100, 4.0))  # logit: has no end
    assert not at_bound(Input("x/innovation[2013]", None), np.full(100, 4.0))


@pytest.mark.parametrize("told", [0.5, 2.0, 8.0])
def test_a_prior_pulls_as_in_the_closed_form(told: float) -> None:
    # Prior N(0, 1) to the power alpha, likelihood of precision ``told`` around 1.5.
    spread = (1.0 + told) ** -0.5
    quantiles = (np.arange(40000) + 0.5) / 40000
    scores = 1.5 * told / (1.0 + told) + spread * ndtri(quantiles)
    low, high = (1.5 * told / (alpha + told) for alpha in parameter_checks.ALPHAS)
    wanted = (high - low) / np.log2(1.25 / 0.8) / spread
    assert prior_sensitivity(scores)[1] == pytest.approx(wanted, rel=0.01)


@given(st.integers(0, 10**6), st.floats(0.1, 1.0), st.floats(-2.0, 2.0))
def test_the_distance_is_the_one_of_arviz(seed: int, spread: float, middle: float) -> None:
    rng = np.random.default_rng(seed)
    scores = middle + spread * rng.standard_normal(300)
    found = prior_sensitivity(scores)[0]
    distances = []
    for alpha in parameter_checks.ALPHAS:
        weights = np.exp(-0.5 * (alpha - 1.0) * scores**2)
        weights /= weights.sum()
        distance = _cjs_dist(scores, weights)  # type: ignore[no-untyped-call]
        distances.append(distance / abs(np.log2(alpha)))
    assert found == pytest.approx(np.mean(distances), rel=1e-6)


def test_a_well_learnt_quantity_does_not_feel_its_prior() -> None:
    rng = np.random.default_rng(2)
    free = prior_sensitivity(rng.standard_normal(4000))[0]
    told = prior_sensitivity(0.1 * rng.standard_normal(4000))[0]
    assert told < 0.01 < parameter_checks.SENSITIVE < free
    assert prior_sensitivity(np.ones(10)) == (0.0, 0.0)


def test_what_does_not_mix_is_named() -> None:
    one, _ = block_of("tobacco", keep=5)
    inputs = (row_input("reputation_exponent"), row_input("social_share"))
    fit = fit_of(one.fit.values, one.fit.log_tau, inputs)
    fit.rhat[0], fit.ess_tail[1] = 1.05, 120.0
    found = convergence(parameters([replace(one, fit=fit)]))
    assert [row.name for row in found.named] == [one.name for one in inputs]
    assert (found.rhat, found.ess_tail) == (1.05, 120.0)
    assert found.quantities == 2 + len(one.errors.groups)
