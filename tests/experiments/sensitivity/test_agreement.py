"""Indices and intervals of every method equal SALib's own, output by output, to 1e-10."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from SALib.analyze import delta as salib_delta
from SALib.analyze import fast as salib_fast
from SALib.analyze import ff as salib_ff
from SALib.analyze import hdmr as salib_hdmr
from SALib.analyze import morris as salib_morris
from SALib.analyze import pawn as salib_pawn
from SALib.analyze import rbd_fast as salib_rbd_fast
from SALib.analyze import sobol as salib_sobol
from SALib.sample import fast_sampler, ff, latin
from SALib.sample import morris as morris_sampler
from SALib.sample import sobol as sobol_sampler
from scipy.stats import ks_2samp

from experiments.sensitivity import (
    delta,
    fast,
    fractional_factorial,
    hdmr,
    morris,
    pawn,
    rbd_fast,
    sobol,
)
from experiments.sensitivity.problem import Estimate, Float, Problem, Settings
from tests.experiments.sensitivity.toys import CHECKED, circle, sampled, several

pytestmark = pytest.mark.filterwarnings("ignore")
GROUPS = ("sea", "land", "sea")


def agree(estimate: Estimate, values: Float, analyse: Any, names: dict[str, str]) -> None:
    """``names``: ours to SALib's; ``analyse``: SALib's, of one output."""
    for output in range(values.shape[1]):
        theirs = analyse(np.ascontiguousarray(values[:, output]))
        for ours, name in names.items():
            expected = np.asarray(theirs[name], dtype=np.float64)
            found = estimate.tables[ours][..., output]
            scale = np.nanmax(np.abs(expected), initial=1.0)
            np.testing.assert_allclose(
                found, expected[: len(found)], rtol=CHECKED, atol=CHECKED * scale, err_msg=ours
            )


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


@pytest.mark.parametrize("groups", [(), GROUPS])
@pytest.mark.parametrize("second", [False, True])
def test_sobol(groups: tuple[str, ...], second: bool) -> None:
    problem, settings = circle(*groups), Settings(second_order=second, seed=7)
    points = sampled(sobol_sampler, problem, 64, calc_second_order=second, seed=3)
    values = several(points)
    names = ("S1", "S1_conf", "ST", "ST_conf", *(("S2", "S2_conf") if second else ()))
    agree(
        sobol.prepare(points, problem, settings).estimate(values),
        values,
        lambda one: salib_sobol.analyze(problem.salib(), one, calc_second_order=second, seed=7),
        same(*names),
    )


@pytest.mark.parametrize("groups", [(), GROUPS])
def test_morris(groups: tuple[str, ...]) -> None:
    problem = circle(*groups)
    points = sampled(morris_sampler, problem, 30, num_levels=6, seed=3)
    values = several(points)
    found = morris.prepare(points, problem, Settings(levels=6, seed=7)).estimate(values)
    names = same("mu", "mu_star", "mu_star_conf", "sigma")

    def theirs(one: Float) -> dict[str, Float]:
        si = salib_morris.analyze(problem.salib(), points, one, num_levels=6, seed=7)
        return {name: np.ma.filled(si[name], np.nan) for name in names}

    agree(found, values, theirs, names)


def test_fast() -> None:
    problem = circle()
    points = sampled(fast_sampler, problem, 301, seed=3)
    values = several(points)
    agree(
        fast.prepare(points, problem, Settings(seed=7)).estimate(values),
        values,
        lambda one: salib_fast.analyze(problem.salib(), one, seed=7),
        same("S1", "S1_conf", "ST", "ST_conf"),
    )


def latin_case(n: int, groups: tuple[str, ...] = ()) -> tuple[Problem, Float, Float]:
    problem = circle(*groups)
    points = sampled(latin, problem, n, seed=3)
    return problem, points, several(points)


@pytest.mark.parametrize("n", [300, 301])
def test_rbd_fast(n: int) -> None:
    problem, points, values = latin_case(n)
    agree(
        rbd_fast.prepare(points, problem, Settings(seed=7)).estimate(values),
        values,
        lambda one: salib_rbd_fast.analyze(problem.salib(), points, one, seed=7),
        same("S1", "S1_conf"),
    )


@pytest.mark.parametrize("groups", [(), GROUPS])
@pytest.mark.parametrize("tied", [False, True])
def test_pawn(groups: tuple[str, ...], tied: bool) -> None:
    problem, points, values = latin_case(333, groups)
    if tied:
        values = np.round(values / np.ptp(values, axis=0) * 12.0)
    agree(
        pawn.prepare(points, problem, Settings(seed=7)).estimate(values),
        values,
        lambda one: salib_pawn.analyze(problem.salib(), points, one),
        same("minimum", "mean", "median", "maximum", "CV", "stdev"),
    )


@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_delta(shift: float) -> None:
    problem, points, values = latin_case(240)
    points = points + shift  # above zero, SALib leaves out one of its three kinds of resamples
    values = values[:, :3]

    def theirs(one: Float) -> Any:
        with warnings.catch_warnings(record=True):  # SALib shows its own once more
            return salib_delta.analyze(problem.salib(), points, one, num_resamples=10, seed=7)

    agree(
        delta.prepare(points, problem, Settings(seed=7, resamples=10)).estimate(values),
        values,
        theirs,
        {"delta": "delta_raw", "delta_conf": "delta_raw_conf", **same("S1", "S1_conf")},
    )


def test_hdmr() -> None:
    problem, points, values = latin_case(300)
    values = values[:, :2]

    def theirs(one: Float) -> Any:
        np.random.seed(7)  # noqa: NPY002, hdmr has no other
        return salib_hdmr.analyze(problem.salib(), points, one, K=20)

    agree(
        hdmr.prepare(points, problem, Settings(seed=7)).estimate(values),
        values,
        theirs,
        same(*hdmr.INDICES),
    )


def test_fractional_factorial() -> None:
    problem = circle()
    points = sampled(ff, problem)
    values = several(points[:, :3])
    settings = Settings(second_order=True)
    found = fractional_factorial.prepare(points, problem, settings).estimate(values)
    agree(found, values, lambda one: salib_ff.analyze(problem.salib(), points, one), same("ME"))
    for output in range(values.shape[1]):
        theirs = salib_ff.analyze(problem.salib(), points, values[:, output], second_order=True)
        for pair, effect in zip(theirs["interaction_names"], theirs["IE"], strict=True):
            if "dummy_0" not in pair:
                one, other = sorted(map(problem.names.index, pair))
                assert found.tables["IE"][one, other, output] == pytest.approx(effect, rel=CHECKED)


def test_pawn_resamples_are_those_of_a_sample_drawn_again() -> None:
    """The interval of the median: each resample as if its runs had been written out (with ties)."""
    _, points, values = latin_case(120)
    values = np.round(values[:, :2] / np.ptp(values[:, :2], axis=0) * 30.0)
    drawn = np.random.default_rng(7).integers(120, size=(6, 120))
    slots = np.array([pawn.slices_of(column, 10, False) for column in points.T])
    order, tied = pawn.sorted_outputs(values)
    weights = np.array([np.bincount(row, minlength=120) for row in drawn])
    found = np.empty((6, 3, 2))
    pawn._medians(order, tied, weights, slots, 10, found)
    for resample, rows in enumerate(drawn):
        for factor in range(3):
            for output in range(2):
                whole = values[rows, output]
                held = [whole[slots[factor][rows] == one] for one in range(10)]
                apart = [ks_2samp(part, whole).statistic for part in held if len(part)]
                assert found[resample, factor, output] == pytest.approx(np.median(apart))
