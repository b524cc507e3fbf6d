"""Verdicts: constant and undefined outputs, the dummy, convergence as N grows, runs to add."""

from __future__ import annotations

import numpy as np
import pytest
from SALib.sample import latin
from SALib.sample import morris as morris_sampler
from SALib.sample import sobol as sobol_sampler

from experiments.sensitivity.analyse import Found, analyse
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.problem import Float, Problem, Settings
from experiments.sensitivity.verdict import Rule, rank_stability, savage
from model.errors import InputError
from tests.experiments.sensitivity.toys import circle, ishigami, sampled

GIVEN = ("rbd-fast", "pawn", "delta", "hdmr")


def idle() -> Problem:
    """Three factors of Ishigami and one that nothing depends on."""
    return Problem(("x1", "x2", "x3", "idle"), np.array([[-np.pi, np.pi]] * 4))


def by_sobol(n: int, resamples: int = 100) -> Found:
    points = sampled(sobol_sampler, idle(), n, calc_second_order=False, seed=1)
    values = ishigami(points[:, :3])[:, None]
    return analyse(points, values, idle(), METHODS["sobol"], Settings(resamples=resamples))


def test_verdict_turns_as_n_grows_and_the_runs_asked_for_are_enough() -> None:
    small, large = by_sobol(64), by_sobol(8192)
    assert small.verdict[0] == "not converged"
    assert small.more_runs[0] > 0
    wanted = (small.runs + small.more_runs[0]) / 6
    assert wanted == 2 ** round(np.log2(wanted))  # whole designs, of a power of two
    assert large.verdict[0] == "converged"
    assert large.more_runs[0] == 0
    assert by_sobol(round(wanted) * 2).verdict[0] == "converged"
    assert large.width[0] < small.width[0] / 5.0


def test_a_factor_without_influence_is_at_or_below_the_dummy() -> None:
    found = by_sobol(1024)
    above = found.tables["ST"][:, 0] > found.dummy[0]
    assert above.tolist() == [True, True, True, False]
    assert found.tables["ST"][3, 0] == 0.0
    assert found.by_size.shape == (4, 4, 1)
    assert found.plan.sizes == (128, 256, 512, 1024)
    assert found.by_size[-1, :, 0] == pytest.approx(found.tables["ST"][:, 0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", GIVEN)
def test_given_data_methods_tell_the_idle_factor_apart(method: str) -> None:
    points = sampled(latin, idle(), 600, seed=2)
    values = ishigami(points[:, :3])[:, None]
    found = analyse(points, values, idle(), METHODS[method], Settings(resamples=30))
    main = found.tables[found.method.main][:, 0]
    assert main[1] > found.dummy[0]
    assert main[3] - found.tables[found.method.half_width][3, 0] < found.dummy[0]


def test_morris_dummy_is_the_rounding_of_storage() -> None:
    points = sampled(morris_sampler, idle(), 20, num_levels=4, seed=2)
    values = (1e4 + ishigami(points[:, :3]))[:, None]
    found = analyse(points, values, idle(), METHODS["morris"])
    assert found.tables["mu_star"][3, 0] <= found.dummy[0] < found.tables["mu_star"][:3, 0].min()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_and_undefined_outputs_have_no_index(dtype: type[np.floating]) -> None:
    points = sampled(sobol_sampler, circle(), 64, calc_second_order=False, seed=1)
    one = ishigami(points)
    rounding = 1e6 * (1.0 + np.finfo(dtype).eps * (np.arange(len(one)) % 2))
    broken, endless = one.copy(), one.copy()
    broken[17], endless[3] = np.nan, np.inf
    columns = [one, np.full(len(one), 7.0), np.zeros(len(one)), rounding, broken, endless]
    values = np.column_stack(columns).astype(dtype)
    found = analyse(points, values, circle(), METHODS["sobol"])
    assert found.verdict.tolist()[1:] == ["constant"] * 3 + ["undefined"] * 2
    for table in (*found.tables.values(), found.by_size):
        assert np.isfinite(table[..., 0]).all()
        assert np.isnan(table[..., 1:]).all()
    assert found.more_runs[1:].tolist() == [0] * 5


def test_nothing_but_constants() -> None:
    points = sampled(sobol_sampler, circle(), 8, calc_second_order=False, seed=1)
    found = analyse(points, np.ones((40, 2)), circle(), METHODS["sobol"])
    assert found.verdict.tolist() == ["constant"] * 2
    assert np.isnan(found.tables["ST"]).all()


def test_an_output_that_only_varies_off_the_base_sample_is_undefined() -> None:
    points = sampled(sobol_sampler, circle(), 8, calc_second_order=False, seed=1)
    values = np.zeros((40, 1))
    values[1] = 1.0  # in AB alone: A and B have no variance to share out
    assert analyse(points, values, circle(), METHODS["sobol"]).verdict[0] == "undefined"


def test_blocks_do_not_change_a_number() -> None:
    points = sampled(sobol_sampler, circle(), 512, calc_second_order=False, seed=1)
    values = ishigami(points)[:, None] * np.arange(1.0, 41.0) + points[:, :1]
    whole = analyse(points, values, circle(), METHODS["sobol"])
    blocks = analyse(points, values, circle(), METHODS["sobol"], memory_mb=1)
    for name, table in whole.tables.items():
        np.testing.assert_allclose(blocks.tables[name], table, rtol=1e-12, atol=1e-14)
    assert blocks.verdict.tolist() == whole.verdict.tolist()


def test_savage_scores_and_rank_stability() -> None:
    index = np.array([[3.0], [2.0], [1.0], [0.1]])
    counted = np.array([[True], [True], [True], [False]])
    assert savage(index, counted)[:, 0] == pytest.approx([11 / 6, 5 / 6, 2 / 6, 0.0])
    dummy = np.array([0.5])
    assert rank_stability(index, index, dummy)[0] == pytest.approx(1.0)
    top, tail = index[[1, 0, 2, 3]], index[[0, 2, 1, 3]]
    assert rank_stability(top, index, dummy)[0] < rank_stability(tail, index, dummy)[0] < 1.0
    assert np.isnan(rank_stability(top, index, np.array([2.5]))[0])  # one factor: no order


def scaled(points: Float, factors: int) -> Float:
    return points @ np.arange(1.0, factors + 1.0)[:, None]


def test_refusals() -> None:
    problem = circle("sea", "land", "sea")
    points = np.random.default_rng(1).random((300, 3))
    values = scaled(points, 3)
    for method in ("fast", "rbd-fast", "delta", "hdmr", "fractional-factorial"):
        with pytest.raises(InputError, match="groups"):
            analyse(points, values, problem, METHODS[method])
    unordered = Problem(("a", "b", "c"), problem.bounds, None, (False, True, False))
    with pytest.raises(InputError, match="without an order"):
        analyse(points, values, unordered, METHODS["delta"])
    for method in ("sobol", "morris", "fast", "fractional-factorial"):
        with pytest.raises(InputError, match="design"):
            analyse(points[:299], values[:299], circle(), METHODS[method])
    with pytest.raises(InputError, match="not of these points"):
        analyse(points, values[1:], circle(), METHODS["pawn"])
    with pytest.raises(InputError, match="half-width"):
        Rule(relative=0.0)
    with pytest.raises(InputError, match="resamples"):
        Settings(resamples=1)
    many = Problem(tuple(f"x{k}" for k in range(40)), np.array([[0.0, 1.0]] * 40))
    drawn = np.random.default_rng(1).random((82 * 2, 40))
    second = Settings(second_order=True)
    with pytest.raises(InputError, match="do not fit into memory"):
        analyse(drawn, np.ones((164, 100)), many, METHODS["sobol"], second, memory_mb=1)


def test_a_factorial_is_judged_by_its_spare_columns() -> None:
    from SALib.sample import ff

    problem = Problem(tuple(f"x{k}" for k in range(6)), np.array([[0.0, 1.0]] * 6))
    points = sampled(ff, problem)[:, :6]
    plain = scaled(points, 6)
    mixed = plain + 60.0 * points[:, :1] * points[:, 2:3] * points[:, 4:5]
    found = analyse(points, np.hstack([plain, mixed]), problem, METHODS["fractional-factorial"])
    assert found.verdict.tolist() == ["converged", "not converged"]
    assert found.more_runs.tolist() == [0, 0]
    assert found.dummy[0] == pytest.approx(0.0, abs=1e-12)
