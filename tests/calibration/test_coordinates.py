"""Coordinates of the surrogate: the right derivatives, and the model's own levels of initiation."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.blocks import BlockModel, Input, load_blocks
from calibration.calibrate import block_figures
from calibration.coordinates import Coordinates, slope
from calibration.priors import draw_priors
from model.parameters import ParameterRow, quantile
from model.population import load_demography
from model.rates import build_rates
from model.strata import default_strata
from model.structure import build_structure
from model.trend import FIRST_YEAR, KNOT_YEARS, initiation_multiplier
from tests.calibration.fitted_blocks import tables

Float = npt.NDArray[np.float64]
STEP = 1e-5

TREND = ("initiation_growth", "damping", "innovation_sd", "innovation[")
# Without a row the trend takes its median; without the first innovation it is left alone.
LEFT_OUT = {
    "nothing": "",
    "the spread": "innovation_sd",
    "damping": "damping",
    "growth": "initiation_growth",
    "the first innovation": "innovation[2013]",
    "the last innovation": "innovation[2022]",
}


@cache
def model_of(name: str) -> BlockModel:
    """A block with the inputs of its trend and some others."""
    catalogue, figures = tables()
    block = next(row for row in load_blocks() if row.block == name)
    targets = [target for _, target in block_figures(figures, block, catalogue)]
    model = BlockModel(catalogue, block, draw_priors(catalogue, 3), targets)
    return model.with_inputs([*model.inputs[:3], *(one for one in model.inputs if _trend(one))])


def _trend(one: Input) -> bool:
    return any(name in one.name for name in TREND)


def without(model: BlockModel, part: str) -> BlockModel:
    if not part:
        return model
    return model.with_inputs([one for one in model.inputs if part not in one.name])


def scores_of(model: BlockModel, seed: int) -> Float:
    """Scores that lie no step beside 0, where the halves of a prior meet."""
    scores = 1.5 * np.random.default_rng(seed).standard_normal(len(model.inputs))
    return np.where(np.abs(scores) < 0.01, 0.01, scores)


@given(st.sampled_from(["tobacco", "amphetamine"]), st.sampled_from(list(LEFT_OUT)), st.integers(0))
def test_the_jacobian_is_that_of_finite_differences(name: str, left_out: str, seed: int) -> None:
    model = without(model_of(name), LEFT_OUT[left_out])
    scores = scores_of(model, seed)
    coordinates = Coordinates(model)
    found, jacobian = coordinates.one(scores)
    count = len(scores)
    around = scores + STEP * np.concatenate([np.eye(count), -np.eye(count)])
    values = coordinates.many(around)
    expected = (values[:count] - values[count:]).T / (2 * STEP)
    assert jacobian.shape == expected.shape
    np.testing.assert_allclose(jacobian, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(coordinates.many(scores[None])[0], found, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("part", ["innovation[", "innovation[2013]"])
def test_without_a_whole_trend_the_coordinates_are_the_scores(part: str) -> None:
    model = without(model_of("tobacco"), part)
    scores = scores_of(model, 1)
    found, jacobian = Coordinates(model).one(scores)
    np.testing.assert_array_equal(found, scores)
    np.testing.assert_array_equal(jacobian, np.eye(len(scores)))
    np.testing.assert_array_equal(Coordinates(model).many(scores[None])[0], scores)


def test_spread_and_damping_give_way_to_the_levels() -> None:
    model = model_of("tobacco")
    found, jacobian = Coordinates(model).one(scores_of(model, 2))
    names = [one.name for one in model.inputs]
    assert len(found) == len(names) - 2
    assert jacobian.shape == (len(found), len(names))
    growth = next(k for k, name in enumerate(names) if "initiation_growth" in name)
    # Growth also shapes the years before 2010: it stays beside the levels.
    assert np.count_nonzero((jacobian[:, growth] == 1.0) & (np.abs(jacobian).sum(axis=1) == 1)) == 1


@pytest.mark.parametrize("name", ["tobacco", "e_cigarettes", "gambling"])
def test_levels_are_the_models_own(name: str) -> None:
    model = model_of(name)
    rng = np.random.default_rng(4)
    scores = rng.standard_normal((3, len(model.inputs)))
    draws = model.draws(scores, np.arange(3))
    strata = default_strata()
    start = load_demography(strata, last_year=FIRST_YEAR).start
    rates = build_rates(build_structure(model.catalogue, draws), strata, start, draws)
    found = Coordinates(model).many(scores)
    products = [product.id for product in model.catalogue.products]
    kept = [
        one
        for one in model.inputs
        if not any(part in one.name for part in ("damping", "innovation_sd"))
    ]
    checked = 0
    for at, one in enumerate(kept):
        if one.row is None:
            year = FIRST_YEAR + KNOT_YEARS * (one.knot + 1)
            multiplier = initiation_multiplier(rates, np.array([FIRST_YEAR, year], dtype=float))
            product = products.index(one.name.partition("/")[0])
            midpoint, scale = (rates.diffusion[:, product, k] for k in range(2))
            adopted = [1 / (1 + np.exp(-(y - midpoint) / scale)) for y in (FIRST_YEAR, year)]
            levels = np.log(multiplier[:, product].T / np.array(adopted))
            np.testing.assert_allclose(levels[0], 0.0, atol=1e-12)
            np.testing.assert_allclose(found[:, at], levels[1], rtol=1e-9, atol=1e-12)
            checked += 1
    assert checked >= 3


def row(distribution: str, evidence: str) -> ParameterRow:
    return model_row().model_copy(
        update={
            "value": 0.4,
            "low": 0.1,
            "high": 0.6,
            "distribution": distribution,
            "evidence": evidence,
        }
    )


@cache
def model_row() -> ParameterRow:
    catalogue, _ = tables()
    return catalogue.parameters[0]


@given(
    st.sampled_from(["lognormal", "logitnormal", "normal", "uniform", "fixed"]),
    st.sampled_from(["high", "very_low"]),
    st.floats(-3, 3).filter(lambda z: abs(z) > 1e-3),
)
def test_the_slope_of_a_prior_is_that_of_its_quantiles(
    distribution: str, evidence: str, score: float
) -> None:
    prior = row(distribution, evidence)
    below, at, above = quantile(prior, np.array([score - STEP, score, score + STEP]))
    expected = (above - below) / (2 * STEP)
    assert slope(prior, score, at) == pytest.approx(expected, rel=1e-6, abs=1e-10)
