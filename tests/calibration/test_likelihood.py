"""The likelihood: known values, exact gradients, predictions and what leaving out gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from calibration.gaussian import log_interval, log_ndtr
from calibration.likelihood import Likelihood, leave_out, predict
from calibration.sample import diagnose, sample
from model.errors import InputError

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Errors of some figures, made up."""

    observed: Float
    lower: Float
    upper: Float
    fixed: Float
    shared: Float
    tau: Float


def made(rows: int, groups: int, ranges: dict[int, tuple[float, float]], seed: int = 0) -> Rows:
    """Waves of about six rows in each group, offsets common to all, and the ``ranges`` given."""
    rng = np.random.default_rng(seed)
    common = 0.3 * rng.normal(size=(rows, 3))
    fixed = common @ common.T + np.diag(rng.uniform(0.01, 0.1, rows))
    group, wave = np.arange(rows) % max(groups, 1), rng.integers(0, 6, rows)
    shared = np.zeros((groups, rows, rows))
    for g in range(groups):
        inside = (group == g)[:, None] & (group == g)
        shared[g] = 0.8 * ((wave[:, None] == wave) & inside) + 0.2 * np.diag(group == g)
    observed = rng.normal(size=rows)
    lower, upper = np.full(rows, np.nan), np.full(rows, np.nan)
    for row, (low, high) in ranges.items():
        observed[row], lower[row], upper[row] = np.nan, low, high
    tau = np.column_stack([np.full(groups, math.log(0.2)), np.full(groups, 0.35)])
    return Rows(observed, lower, upper, fixed, shared, tau)


RANGES = {2: (-math.inf, 0.1), 0: (-0.3, 0.2), 7: (0.4, math.inf)}


def point(errors: Rows, seed: int = 3) -> tuple[Float, Float]:
    """Model values and log tau near the middle."""
    rng = np.random.default_rng(seed)
    groups = len(errors.tau)
    return (
        0.3 * rng.normal(size=errors.observed.size),
        errors.tau[:, 0] + 0.2 * rng.normal(size=groups),
    )


def covariance(errors: Rows, log_tau: Float) -> Float:
    return np.asarray(errors.fixed + np.einsum("g,gij->ij", np.exp(2 * log_tau), errors.shared))


def plainly(errors: Rows, f: Float, log_tau: Float, rows: npt.NDArray[np.int64]) -> float:
    """Log likelihood of some rows by dense formulas, without the prior of log tau."""
    v = covariance(errors, log_tau)
    plain = rows[np.isfinite(errors.observed[rows])]
    away = errors.observed[plain] - f[plain]
    total = float(multivariate_normal(np.zeros(plain.size), v[np.ix_(plain, plain)]).logpdf(away))
    for row in np.setdiff1d(rows, plain):
        on = np.linalg.solve(v[np.ix_(plain, plain)], v[plain, row])
        normal = norm(f[row] + on @ away, math.sqrt(v[row, row] - on @ v[plain, row]))
        total += math.log(normal.cdf(errors.upper[row]) - normal.cdf(errors.lower[row]))
    return total


@pytest.mark.parametrize(("rows", "groups", "ranges"), [(1, 0, {}), (12, 2, RANGES), (40, 3, {})])
def test_value_is_that_of_dense_formulas(
    rows: int, groups: int, ranges: dict[int, tuple[float, float]]
) -> None:
    errors = made(rows, groups, ranges)
    f, log_tau = point(errors)
    value = Likelihood(errors).evaluate(f, log_tau)[0]
    prior = norm(errors.tau[:, 0], errors.tau[:, 1]).logpdf(log_tau).sum()
    assert value == pytest.approx(plainly(errors, f, log_tau, np.arange(rows)) + prior, rel=1e-10)


def test_one_bound_has_the_probability_of_the_joint_distribution() -> None:
    errors = made(2, 1, {1: (-math.inf, 0.2)})
    log_tau = errors.tau[:, 0]
    f = np.array([errors.observed[0] - 0.2, 0.4])
    joint = multivariate_normal(f, covariance(errors, log_tau))
    # A density in the plain row and a probability in the bound: a thin slice around the former.
    at, step = errors.observed[0], 1e-3
    density = (joint.cdf([at + step, 0.2]) - joint.cdf([at - step, 0.2])) / (2 * step)
    value = Likelihood(errors).evaluate(f, log_tau)[0]
    prior = norm(errors.tau[0, 0], errors.tau[0, 1]).logpdf(log_tau[0])
    assert value - prior == pytest.approx(math.log(density), abs=1e-4)


@pytest.mark.parametrize(
    ("rows", "groups", "ranges"), [(9, 2, RANGES), (37, 3, {}), (15, 1, RANGES)]
)
def test_gradients_are_those_of_the_value(
    rows: int, groups: int, ranges: dict[int, tuple[float, float]]
) -> None:
    errors = made(rows, groups, ranges)
    likelihood = Likelihood(errors)
    f, log_tau = point(errors)
    _, by_f, by_log_tau = likelihood.evaluate(f, log_tau)
    step = 1e-5

    def difference(df: Float, dt: Float) -> float:
        above = likelihood.evaluate(f + df, log_tau + dt)[0]
        return (above - likelihood.evaluate(f - df, log_tau - dt)[0]) / (2 * step)

    none_f, none_t = np.zeros(rows), np.zeros(groups)
    numeric_f = [difference(step * unit, none_t) for unit in np.eye(rows)]
    numeric_t = [difference(none_f, step * unit) for unit in np.eye(groups)]
    np.testing.assert_allclose(by_f, numeric_f, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(by_log_tau, numeric_t, rtol=1e-6, atol=1e-6)


def test_many_draws_have_the_values_of_single_ones() -> None:
    errors = made(20, 2, RANGES)
    likelihood = Likelihood(errors)
    points = [point(errors, seed) for seed in range(5)]
    f, log_tau = np.stack([p[0] for p in points]), np.stack([p[1] for p in points])
    expected = [likelihood.evaluate(*p)[0] for p in points]
    np.testing.assert_allclose(likelihood.many(f, log_tau), expected, rtol=1e-11)


def test_absurd_values_have_no_density_and_no_gradient() -> None:
    errors = made(10, 2, RANGES)
    likelihood = Likelihood(errors)
    f, log_tau = point(errors)
    for bad_f, bad_tau in ((f * np.nan, log_tau), (f + 1e200, log_tau), (f, log_tau + 1e4)):
        value, by_f, by_log_tau = likelihood.evaluate(bad_f, bad_tau)
        assert value == -math.inf
        assert not by_f.any()
        assert not by_log_tau.any()
    assert likelihood.many(f[None] * np.nan, log_tau[None])[0] == -math.inf


def test_mistakes_are_refused() -> None:
    errors = made(5, 1, {})
    with pytest.raises(InputError, match="neither a value nor a range"):
        Likelihood(made(5, 1, {1: (math.nan, math.nan)}))
    with pytest.raises(InputError, match="positive definite"):
        Likelihood(
            Rows(
                errors.observed,
                errors.lower,
                errors.upper,
                -errors.fixed,
                errors.shared,
                errors.tau,
            )
        )
    with pytest.raises(InputError, match="no figure"):
        Likelihood(made(0, 1, {}))
    with pytest.raises(InputError, match="different figures"):
        leave_out(errors, [[1, 1]], np.zeros((3, 5)), np.zeros((3, 1)))
    with pytest.raises(InputError, match="draws need"):
        predict(errors, np.ones(5, dtype=bool), np.zeros((3, 4)), np.zeros((3, 1)))


def test_figures_may_all_be_bounds() -> None:
    errors = made(2, 1, {0: (-math.inf, 0.1), 1: (0.0, 1.0)})
    f, log_tau = point(errors)
    value, by_f, _ = Likelihood(errors).evaluate(f, log_tau)
    prior = norm(errors.tau[:, 0], errors.tau[:, 1]).logpdf(log_tau).sum()
    each = norm(f, np.sqrt(np.diag(covariance(errors, log_tau))))
    inside = each.cdf([0.1, 1.0]) - each.cdf([-math.inf, 0.0])
    assert value == pytest.approx(np.log(inside).sum() + prior)
    assert by_f[0] < 0
    many = Likelihood(errors).many(f[None], log_tau[None])
    assert many[0] == pytest.approx(value)


def test_draws_that_are_not_finite_are_refused() -> None:
    errors = made(8, 1, {})
    f, log_tau = np.zeros((4, 8)), np.full((4, 1), -1.0)
    f[2, 3] = np.nan
    with pytest.raises(InputError, match="no density"):
        leave_out(errors, [[1]], f, log_tau)
    with pytest.raises(InputError, match="not finite"):
        predict(errors, np.arange(8) > 0, f, log_tau)


@given(st.floats(-1e4, 30.0))
def test_log_of_the_normal_distribution_function(x: float) -> None:
    assert log_ndtr(x) == pytest.approx(float(norm.logcdf(x)), rel=1e-11, abs=1e-300)


@given(st.floats(-60.0, 60.0), st.floats(1e-6, 5.0))
def test_intervals_keep_their_digits_in_the_tails(low: float, width: float) -> None:
    nearer = min(abs(low), abs(low + width))
    # Between the width times the least and the most density within.
    inside = low <= 0.0 <= low + width
    most = -0.5 * (0.0 if inside else nearer) ** 2 - 0.5 * math.log(2 * math.pi)
    least = -0.5 * max(abs(low), abs(low + width)) ** 2 - 0.5 * math.log(2 * math.pi)
    value = log_interval(low, low + width)
    assert least - 1e-6 <= value - math.log(width) <= most + 1e-6
    assert value == pytest.approx(log_interval(-low - width, -low), rel=1e-9, abs=1e-9)


def test_prediction_is_the_normal_conditional() -> None:
    errors = made(14, 2, RANGES)
    draws = [point(errors, seed) for seed in range(4)]
    f, log_tau = np.stack([p[0] for p in draws]), np.stack([p[1] for p in draws])
    known = np.arange(14) % 3 != 1
    mean, sd = predict(errors, known, f, log_tau)
    # Known bounds (rows 0 and 2) do not count; row 7 is a bound and is predicted.
    given_rows = np.flatnonzero(known & np.isfinite(errors.observed))
    asked = np.flatnonzero(~known)
    for draw in range(4):
        v = covariance(errors, log_tau[draw])
        on = np.linalg.solve(v[np.ix_(given_rows, given_rows)], v[np.ix_(given_rows, asked)])
        away = errors.observed[given_rows] - f[draw, given_rows]
        np.testing.assert_allclose(mean[draw], f[draw, asked] + away @ on, rtol=1e-9)
        left = v[np.ix_(asked, asked)] - v[np.ix_(asked, given_rows)] @ on
        np.testing.assert_allclose(sd[draw], np.sqrt(np.diag(left)), rtol=1e-9)


def test_a_series_seen_before_keeps_its_offset() -> None:
    fixed = np.full((2, 2), 4.0) + 0.01 * np.eye(2)
    bound = np.full(2, np.nan)
    errors = Rows(
        np.array([1.5, np.nan]), bound, bound, fixed, np.zeros((0, 2, 2)), np.zeros((0, 2))
    )
    mean, sd = predict(errors, np.array([True, False]), np.array([[0.0, 0.3]]), np.zeros((1, 0)))
    assert mean[0, 0] == pytest.approx(0.3 + 1.5 * 4.0 / 4.01)
    assert sd[0, 0] < 0.15


@pytest.mark.parametrize("ranges", [{}, RANGES])
def test_leaving_out_is_that_of_brute_force(ranges: dict[int, tuple[float, float]]) -> None:
    errors = made(13, 2, ranges)
    rng = np.random.default_rng(5)
    draws = 40
    f = 0.3 * rng.normal(size=(draws, 13))
    log_tau = errors.tau[:, 0] + 0.2 * rng.normal(size=(draws, 2))
    sets = [[3], [11, 1, 4], [7], [9, 2, 5], list(range(13))[8:]]
    found = leave_out(errors, sets, f, log_tau)
    everything = np.arange(13)
    for rows, result in zip(sets, found, strict=True):
        others = np.setdiff1d(everything, rows)
        raw = np.empty(draws)
        for draw in range(draws):
            one = f[draw], log_tau[draw]
            raw[draw] = plainly(errors, *one, others) - plainly(errors, *one, everything)
        known = np.isin(everything, others)
        mean, sd = predict(errors, known, f, log_tau)
        place = np.argsort(np.argsort(rows))
        np.testing.assert_allclose(result.mean, mean[:, place], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(result.sd, sd[:, place], rtol=1e-8)
        weights = np.exp(result.log_weights)
        assert weights.sum() == pytest.approx(1.0)
        assert result.ess == pytest.approx(1.0 / (weights**2).sum())
        # Smoothing touches the largest weights only: the others keep their ratios.
        low = np.argsort(raw)[:20]
        ratio = result.log_weights[low] - raw[low]
        np.testing.assert_allclose(ratio, ratio[0], atol=1e-8)


def test_equal_weights_are_no_failure() -> None:
    errors = made(6, 1, {})
    f, log_tau = point(errors)
    result = leave_out(errors, [[2]], np.tile(f, (50, 1)), np.tile(log_tau, (50, 1)))[0]
    assert result.ess == pytest.approx(50)
    assert result.khat < 0.7


def test_tau_is_learnt_from_many_waves() -> None:
    rows, true = 60, 0.5
    shared = np.kron(np.eye(20), np.full((3, 3), 0.8)) + 0.2 * np.eye(rows)
    fixed = 0.01 * np.eye(rows)
    rng = np.random.default_rng(2)
    observed = np.linalg.cholesky(fixed + true**2 * shared) @ rng.normal(size=rows)
    none = np.full(rows, np.nan)
    errors = Rows(observed, none, none, fixed, shared[None], np.array([[math.log(0.2), 1.0]]))
    likelihood = Likelihood(errors)

    def density(z: Float) -> tuple[float, Float]:
        value, _, by_log_tau = likelihood.evaluate(np.zeros(rows), z)
        return value, by_log_tau

    starts = np.log(np.array([[0.05], [0.2], [1.0], [3.0]]))
    chains = sample(density, 1, chains=4, draws=400, warmup=300, seed=4, starts=starts)
    assert diagnose(chains).rhat[0] < 1.02
    # By quadrature on a grid, as the same posterior without a sampler.
    grid = np.linspace(-3.0, 1.5, 2001)[:, None]
    log_density = likelihood.many(np.zeros((2001, rows)), grid)
    weight = np.exp(log_density - log_density.max())
    mean = float((grid[:, 0] * weight).sum() / weight.sum())
    assert chains.mean() == pytest.approx(mean, abs=0.02)
    assert np.exp(np.quantile(chains, 0.005)) < true < np.exp(np.quantile(chains, 0.995))
