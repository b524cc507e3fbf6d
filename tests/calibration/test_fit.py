"""The fit of a block: closed forms with a linear model, exact answers in spite of the surrogate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from calibration.blocks import BlockModel, Input, Target
from calibration.errors import Errors
from calibration.fit import (
    BlockFit,
    Settings,
    _one_each,
    fit_block,
    rows_of,
    screen,
)
from calibration.likelihood import Likelihood
from calibration.sample import diagnose

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Formula = Callable[[Float, Int], Float]

QUICK = Settings(
    draws=200, chains=4, proposals=600, warmup=200, thin=2, first=100, later=100, rounds=2
)


class _StandIn(BlockModel):
    """A formula in place of a run: values (D, N) of scores (D, K) and index (D,)."""

    def __init__(self, formula: Formula, inputs: int, targets: int) -> None:
        self.formula, self.runs = formula, 0
        self.inputs = tuple(Input(f"x{k}", None, 0, k) for k in range(inputs))
        self.targets = cast(tuple[Target, ...], (None,) * targets)
        self.catalogue = cast(Any, SimpleNamespace(products=()))

    def values(self, scores: Float, index: Int) -> Float:
        self.runs += len(scores)
        return self.formula(scores, index)

    def with_inputs(self, inputs: Sequence[Input]) -> BlockModel:
        other = copy(self)
        other.inputs = tuple(inputs)
        return other


def errors_of(observed: Float, sd: float, groups: int = 0) -> Errors:
    """Independent errors; each group adds a tau to all figures, around a tenth of ``sd``."""
    n = len(observed)
    names = tuple(f"y{i}" for i in range(n))
    return Errors(
        ids=names,
        scale=("log",) * n,
        observed=observed,
        lower=np.full(n, np.nan),
        upper=np.full(n, np.nan),
        fixed=sd**2 * np.eye(n),
        groups=names[:groups],
        shared=np.tile(np.ones((n, n)), (groups, 1, 1)),
        tau=np.tile([np.log(0.1 * sd), 0.35], (groups, 1)).reshape(groups, 2),
        anchor=np.ones(n, dtype=np.bool_),
        alone=np.zeros(n, dtype=np.bool_),
        family=("other",) * n,
        series=names,
        cluster=names,
    )


K, N, SD = 4, 6, 0.7
RNG = np.random.default_rng(6)
MATRIX, SHIFT = RNG.normal(size=(N, K)), RNG.normal(size=N)
OBSERVED = MATRIX @ RNG.normal(size=K) + SHIFT + SD * RNG.normal(size=N)
MATRIX[:, K - 1] = 0.0  # the last input moves nothing


def linear(scores: Float, index: Int) -> Float:
    return np.asarray(scores @ MATRIX.T + SHIFT)


@pytest.fixture(scope="module")
def linear_fit() -> BlockFit:
    known = np.ones(N, dtype=np.bool_)
    return fit_block(_StandIn(linear, K, N), errors_of(OBSERVED, SD), known, QUICK)


def closed_form() -> tuple[Float, Float]:
    covariance = np.linalg.inv(np.eye(K) + MATRIX.T @ MATRIX / SD**2)
    return np.asarray(covariance @ MATRIX.T @ (OBSERVED - SHIFT) / SD**2), np.asarray(covariance)


def test_a_linear_model_has_its_known_posterior(linear_fit: BlockFit) -> None:
    mean, covariance = closed_form()
    sd = np.sqrt(np.diag(covariance))
    draws = linear_fit.chains.reshape(-1, K)
    assert linear_fit.acceptance > 0.9
    assert linear_fit.mixed
    ess = linear_fit.ess_bulk
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * sd / np.sqrt(ess)).all()
    off = (np.cov(draws.T) - covariance) / np.outer(sd, sd)
    assert np.abs(off).max() < 4 * np.sqrt(2 / ess.min())
    # One draw for each index says the same, with fewer draws.
    assert linear_fit.scores.shape == (QUICK.draws, K)
    assert (np.abs(linear_fit.scores.mean(axis=0) - mean) < 4 * sd / np.sqrt(QUICK.draws)).all()
    np.testing.assert_allclose(linear_fit.values, linear(linear_fit.scores, np.arange(0)))


def test_contraction_says_what_was_learnt(linear_fit: BlockFit) -> None:
    _, covariance = closed_form()
    expected = 1.0 - np.diag(covariance)
    assert expected[-1] == 0.0
    np.testing.assert_allclose(linear_fit.contraction, expected, atol=0.12)
    assert (linear_fit.contraction[:-1] > 0.5).all()


def test_the_same_seed_gives_the_same_fit() -> None:
    short = replace(QUICK, draws=20, proposals=40, warmup=50, rounds=1)

    def fit(seed: int) -> BlockFit:
        known = np.ones(N, dtype=np.bool_)
        settings = replace(short, seed=seed)
        return fit_block(_StandIn(linear, K, N), errors_of(OBSERVED, SD, 1), known, settings)

    one, again, other = fit(1), fit(1), fit(2)
    for field in fields(BlockFit):
        if field.name != "seconds":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(again, field.name))
    assert not np.array_equal(one.scores, other.scores)


def bent(scores: Float, index: Int) -> Float:
    """No quadratic comes near this."""
    return np.asarray(np.sinh(2.0 * scores) * np.array([1.0, 0.8, -1.2]))


def test_chains_are_exact_where_the_surrogate_cannot_be() -> None:
    observed = np.array([0.5, 4.5, -3.5])
    errors = errors_of(observed, 4.0, 1)
    model, known = _StandIn(bent, 1, 3), np.ones(3, dtype=np.bool_)
    fit = fit_block(model, errors, known, QUICK)
    # Measured gap between surrogate and model: without the correction this fit would be wrong.
    assert fit.surrogate_sd > 0.1
    z, tau = np.meshgrid(np.linspace(-4, 4, 801), np.linspace(-3, 3, 61), indexing="ij")
    log_tau = errors.tau[0, 0] + errors.tau[0, 1] * tau.reshape(-1, 1)
    density = Likelihood(errors).many(bent(z.reshape(-1, 1), np.arange(0)), log_tau)
    density = np.exp((density - density.max()).reshape(z.shape) - 0.5 * z**2)
    below = np.cumsum(density.sum(axis=1)) / density.sum()
    draws = fit.chains[..., 0].ravel()
    ess = diagnose((fit.chains < 0.0).astype(np.float64)).ess_bulk[0]
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        point = np.interp(level, below, z[:, 0])
        error = np.sqrt(level * (1 - level) / min(ess, fit.ess_bulk[0], fit.ess_tail[0]))
        assert np.mean(draws < point) == pytest.approx(level, abs=4 * error)
        few = np.sqrt(level * (1 - level) / QUICK.draws)
        assert np.mean(fit.scores[:, 0] < point) == pytest.approx(level, abs=4 * few)


def test_every_kept_draw_saw_the_upstream_draw_of_its_index() -> None:
    # Each index has 24 proposals to choose from: with few of them the draws stay as wide as these.
    settings = replace(QUICK, draws=100)
    upstream = 0.5 * np.random.default_rng(3).normal(size=settings.draws)

    def formula(scores: Float, index: Int) -> Float:
        return scores + upstream[index][:, None]

    errors = errors_of(np.array([1.0]), 0.5)
    fit = fit_block(_StandIn(formula, 1, 1), errors, np.ones(1, dtype=np.bool_), settings)
    np.testing.assert_allclose(fit.values[:, 0] - fit.scores[:, 0], upstream)
    # Given its upstream draw each score is normal with this mean and sd.
    weight = 1.0 / (1.0 + 0.5**2)
    rest = (fit.scores[:, 0] - weight * (1.0 - upstream)) / np.sqrt(1.0 - weight)
    assert abs(rest.mean()) < 4 / np.sqrt(settings.draws)
    assert rest.std() == pytest.approx(1.0, abs=0.25)


def test_each_index_is_kept_once_and_by_weight() -> None:
    settings = Settings(draws=5)
    index = np.arange(40) % 5
    ratio = np.random.default_rng(1).normal(size=40)
    kept = _one_each(ratio, index, settings)
    np.testing.assert_array_equal(index[kept], np.arange(5))
    np.testing.assert_array_equal(kept, _one_each(ratio, index, settings))
    certain = np.array([30, 21, 7, 13, 39])
    ratio[certain] += 1000.0
    np.testing.assert_array_equal(_one_each(ratio, index, settings), certain)
    # What the model refused is never kept.
    ratio = np.full(40, -np.inf)
    ratio[10:15] = 0.0
    np.testing.assert_array_equal(_one_each(ratio, index, settings), np.arange(10, 15))


def test_draws_that_break_down_are_outside_the_posterior() -> None:
    def formula(scores: Float, index: Int) -> Float:
        return np.where(scores > 0.5, np.nan, 0.1 * scores)

    errors = errors_of(np.array([0.0]), 5.0)
    fit = fit_block(_StandIn(formula, 1, 1), errors, np.ones(1, dtype=np.bool_), QUICK)
    assert fit.chains[..., 0].max() <= 0.5
    assert np.isfinite(fit.values).all()
    assert fit.chains[..., 0].mean() == pytest.approx(-0.5092, abs=0.12)


def test_targets_that_are_not_known_tell_nothing() -> None:
    known = np.arange(N) < 3
    wild = OBSERVED.copy()
    wild[3:] += 50.0
    short = replace(QUICK, draws=20, proposals=40, warmup=50, rounds=1)
    fits = [
        fit_block(_StandIn(linear, K, N), errors_of(observed, SD), known, short)
        for observed in (OBSERVED, wild)
    ]
    np.testing.assert_array_equal(fits[0].chains, fits[1].chains)
    np.testing.assert_allclose(fits[0].values, linear(fits[0].scores, np.arange(0)))


def test_without_a_known_figure_the_base_stays_as_it_is() -> None:
    def formula(scores: Float, index: Int) -> Float:
        assert scores.shape == (len(index), 0)
        return np.stack([index, -index], axis=1).astype(np.float64)

    model, none = _StandIn(formula, 3, 2), np.zeros(2, dtype=np.bool_)
    assert screen(model, none) == []
    fit = fit_block(model, errors_of(np.zeros(2), 1.0, 2), none, replace(QUICK, draws=500))
    np.testing.assert_array_equal(fit.values[:, 0], np.arange(500))
    assert (fit.inputs, fit.scores.shape, fit.contraction.shape) == ((), (500, 0), (0,))
    assert fit.mixed
    # The waves keep their prior: log tau around log 0.1, sd 0.35.
    np.testing.assert_allclose(fit.log_tau.mean(axis=0), np.log(0.1), atol=0.07)
    np.testing.assert_allclose(fit.log_tau.std(axis=0), 0.35, rtol=0.15)


def test_runs_made_before_are_not_made_again() -> None:
    short = replace(QUICK, draws=20, proposals=40, warmup=50, rounds=1, later=48)
    scores = np.random.default_rng(2).standard_normal((60, K))
    bank = scores, linear(scores, np.arange(0))
    model, known = _StandIn(linear, K, N), np.ones(N, dtype=np.bool_)
    fit = fit_block(model, errors_of(OBSERVED, SD), known, short, bank=bank)
    assert model.runs == 48 + 160
    assert fit.runs == 60 + 48 + 160
    assert len(bank[0]) == 60


def test_screening_finds_what_acts_away_from_the_middle_alone() -> None:
    def formula(z: Float, index: Int) -> Float:
        # A size and a product of a spread and a shock; something too small; nothing; and what
        # moves a figure that is not known.
        return np.stack([z[:, 0] + z[:, 1] * z[:, 2] + 1e-3 * z[:, 3], z[:, 5]], axis=1)

    known = np.array([True, False])
    found = screen(_StandIn(formula, 6, 2), known)
    assert [one.name for one in found] == ["x0", "x1", "x2"]


def test_screening_lives_with_draws_that_break_down() -> None:
    def formula(z: Float, index: Int) -> Float:
        return np.where(z[:, :1] > 1.0, np.nan, z[:, :1])

    assert [one.name for one in screen(_StandIn(formula, 2, 1), np.array([True]))] == ["x0"]


def test_some_of_the_figures_keep_their_errors() -> None:
    errors = errors_of(OBSERVED, SD, 2)
    chosen = np.array([False, True, False, False, True, True])
    found = rows_of(errors, chosen)
    at = np.flatnonzero(chosen)
    assert found.ids == ("y1", "y4", "y5")
    assert found.groups == errors.groups
    np.testing.assert_array_equal(found.observed, OBSERVED[at])
    np.testing.assert_array_equal(found.covariance(), errors.covariance()[np.ix_(at, at)])


@pytest.mark.parametrize(
    ("name", "bad"), [("rhat", 1.02), ("ess_bulk", 399.0), ("ess_tail", 399.0)]
)
def test_one_quantity_is_enough_not_to_have_mixed(
    linear_fit: BlockFit, name: str, bad: float
) -> None:
    fine = replace(
        linear_fit, rhat=np.full(K, 1.0), ess_bulk=np.full(K, 1000.0), ess_tail=np.full(K, 1000.0)
    )
    assert fine.mixed
    values = getattr(fine, name).copy()
    values[1] = bad
    assert not replace(fine, **{name: values}).mixed
