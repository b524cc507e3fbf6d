"""Sampling: known posteriors, modes that are seen, wrong surrogates put right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from calibration.sample import LogDensity, correct, diagnose, sample
from model.errors import InputError

Float = npt.NDArray[np.float64]


def linear_model(inputs: int, rows: int) -> tuple[LogDensity, Float, Float]:
    """Density of z ~ N(0, I) given y = X z + noise, and the posterior mean and covariance."""
    rng = np.random.default_rng(8)
    x, noise = rng.normal(size=(rows, inputs)), 0.5
    y = x @ rng.normal(size=inputs) + noise * rng.normal(size=rows)
    precision = np.eye(inputs) + x.T @ x / noise**2
    covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    mean = covariance @ x.T @ y / noise**2

    def density(z: Float) -> tuple[float, Float]:
        gradient = -precision @ (z - mean)
        return 0.5 * float((z - mean) @ gradient), gradient

    return density, mean, covariance


def test_a_linear_model_has_its_known_posterior() -> None:
    density, mean, covariance = linear_model(6, 9)
    starts = 3.0 * np.random.default_rng(1).normal(size=(4, 6))
    chains = sample(density, 6, chains=4, draws=1000, warmup=400, seed=3, starts=starts)
    found = diagnose(chains)
    assert chains.shape == (4, 1000, 6)
    assert (found.rhat < 1.01).all()
    assert (np.minimum(found.ess_bulk, found.ess_tail) > 400).all()
    draws = chains.reshape(-1, 6)
    sd = np.sqrt(np.diag(covariance))
    # Within four standard errors of the effective draws.
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * sd / np.sqrt(found.ess_bulk)).all()
    error = np.cov(draws.T) / np.outer(sd, sd) - covariance / np.outer(sd, sd)
    assert np.abs(error).max() < 4 * np.sqrt(2 / found.ess_bulk.min())


@pytest.mark.parametrize("low_rank", [False, True])
def test_the_same_arguments_give_the_same_draws(low_rank: bool) -> None:
    density = linear_model(3, 5)[0]
    starts = np.random.default_rng(1).normal(size=(4, 3))

    def chains(seed: int) -> Float:
        return sample(
            density,
            3,
            chains=4,
            draws=50,
            warmup=100,
            seed=seed,
            starts=starts,
            low_rank=low_rank,
        )

    np.testing.assert_array_equal(chains(1), chains(1))
    assert not np.array_equal(chains(1), chains(2))
    assert not np.array_equal(chains(1)[0], chains(1)[1])


def test_chains_in_two_modes_are_seen() -> None:
    def density(z: Float) -> tuple[float, Float]:
        # Normals around -6 and 6.
        log_a, log_b = -0.5 * (z[0] + 6) ** 2, -0.5 * (z[0] - 6) ** 2
        value = np.logaddexp(log_a, log_b)
        share = np.exp(log_a - value)
        return float(value), np.array([-share * (z[0] + 6) - (1 - share) * (z[0] - 6)])

    apart = np.array([[-7.0], [-5.0], [5.0], [7.0]])
    chains = sample(density, 1, chains=4, draws=300, warmup=200, seed=1, starts=apart)
    assert diagnose(chains).rhat[0] > 1.5
    together = np.abs(apart)
    chains = sample(density, 1, chains=4, draws=300, warmup=200, seed=1, starts=together)
    # The reason for starts that lie apart: these see nothing.
    assert diagnose(chains).rhat[0] < 1.05


def test_impossible_points_are_never_drawn() -> None:
    def density(z: Float) -> tuple[float, Float]:
        if z[0] > 0.5:
            return np.nan, z * np.nan
        return -0.5 * float(z @ z), -z

    starts = np.array([[0.0, 0.0], [-1.0, 1.0], [-2.0, -1.0], [0.4, 2.0]])
    chains = sample(density, 2, chains=4, draws=1500, warmup=300, seed=5, starts=starts)
    assert chains[..., 0].max() <= 0.5
    assert chains[..., 0].mean() == pytest.approx(-0.5092, abs=0.06)


def test_an_error_in_the_density_comes_out_as_it_is() -> None:
    def density(z: Float) -> tuple[float, Float]:
        if abs(z[0]) > 1.0:
            raise ZeroDivisionError("the model failed")
        return -0.5 * float(z @ z), -z

    with pytest.raises(ZeroDivisionError, match="the model failed"):
        sample(density, 1, chains=4, draws=200, warmup=50, seed=5, starts=np.zeros((4, 1)))


def test_a_wrong_surrogate_is_put_right() -> None:
    rng = np.random.default_rng(0)
    # Exact: gamma with shape 3. Surrogate: normal with another mean and a wider spread.
    proposals = 3.5 + 2.5 * rng.normal(size=(4, 5000))
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(proposals > 0, 2 * np.log(proposals) - proposals, -np.inf)
    ratio = exact + 0.5 * ((proposals - 3.5) / 2.5) ** 2
    index, acceptance = correct(ratio, 11)
    draws = np.take_along_axis(proposals, index, axis=1)
    assert 0.5 < acceptance < 0.95
    found = diagnose(draws[..., None])
    assert found.rhat[0] < 1.01
    error = np.sqrt(3.0 / found.ess_bulk[0])
    assert draws.mean() == pytest.approx(3.0, abs=4 * error)
    assert draws.var() == pytest.approx(3.0, rel=0.15)
    assert proposals.mean() > 3.3
    again, _ = correct(ratio, 11)
    np.testing.assert_array_equal(index, again)


def test_proposals_are_taken_in_order_and_never_early() -> None:
    ratio = np.random.default_rng(1).normal(size=(4, 200))
    index, acceptance = correct(ratio, 1)
    assert (index <= np.arange(200)).all()
    assert (np.diff(index, axis=1) >= 0).all()
    moved = (np.diff(index, axis=1) > 0).mean()
    assert acceptance == pytest.approx(moved, abs=0.02)


def test_a_perfect_surrogate_keeps_every_proposal() -> None:
    index, acceptance = correct(np.full((4, 50), -3.0), 1)
    np.testing.assert_array_equal(index, np.tile(np.arange(50), (4, 1)))
    assert acceptance == 1.0


def test_refused_proposals_are_skipped() -> None:
    ratio = np.zeros((4, 6))
    ratio[:, :2] = -np.inf
    ratio[:, 4] = np.nan
    index, _ = correct(ratio, 1)
    np.testing.assert_array_equal(index[0], [2, 2, 2, 3, 3, 5])


def test_mistakes_are_refused() -> None:
    def draw(chains: int, starts: Float, density: LogDensity = linear_model(2, 4)[0]) -> Float:  # noqa: B008
        return sample(density, 2, chains=chains, draws=10, warmup=10, seed=1, starts=starts)

    with pytest.raises(InputError, match="fewer chains"):
        draw(3, np.zeros((3, 2)))
    with pytest.raises(InputError, match="row for each chain"):
        draw(4, np.zeros((4, 3)))
    with pytest.raises(InputError, match="density is zero"):
        draw(4, np.zeros((4, 2)), lambda z: (-np.inf, z))
    with pytest.raises(InputError, match="no proposal"):
        correct(np.full((4, 5), -np.inf), 1)
    with pytest.raises(InputError, match="infinite"):
        correct(np.full((4, 5), np.inf), 1)
