"""Designs: SALib's own samples, factors that are no quantities, and what each method refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from SALib.sample import fast_sampler, latin, morris, sobol

from experiments.batch.design import (
    ANALYSES,
    METHODS,
    Design,
    cautions_of,
    check_design,
    points_of,
    problem_of,
    sample,
)
from experiments.batch.factors import Factor
from model.errors import InputError

N = {"sobol": 8, "sobol-sequence": 8, "morris": 5, "fast": 65, "hdmr": 300, "delta": 100}


def factor(name: str, low: float = -1.0, high: float = 3.0, group: str = "a") -> Factor:
    return Factor(f"trend:{name}", "trend", name, name, low, high, "position", group, False, False)


THREE = (factor("A"), factor("B", 0.0, 1.0), factor("C", 10.0, 20.0, "b"))
DRAW = Factor("posterior", "posterior", "posterior", "Draw", 0, 5, "draw", "p", True, False)
SWITCH = replace(
    factor("net", 0, 2), id="structure:net", kind="structure", values=("on", "off"), group="s"
)


def design(method: str, **more: int | bool) -> Design:
    n = 3 if method == "grid" else N.get(method, 60)
    return replace(Design(method, n), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_samples_lie_within_bounds_and_are_as_many_as_told(method: str) -> None:
    made = sample(THREE, design(method))
    assert made.shape == (points_of(THREE, design(method)), 3)
    low, high = ([getattr(f, end) for f in THREE] for end in ("low", "high"))
    assert (made >= low).all()
    assert (made <= high).all()
    np.testing.assert_array_equal(made, sample(THREE, design(method)))
    if method not in ("grid", "fractional-factorial"):
        assert not np.array_equal(made, sample(THREE, design(method, seed=2)))


@pytest.mark.parametrize("grouped", [False, True])
def test_samples_are_those_of_salib(grouped: bool) -> None:
    def problem() -> dict[str, object]:
        return problem_of(THREE, Design("sobol", 8, grouped=grouped))

    np.testing.assert_array_equal(
        sample(THREE, Design("sobol", 8, 3, second_order=True, grouped=grouped)),
        sobol.sample(problem(), 8, calc_second_order=True, seed=3),
    )
    np.testing.assert_array_equal(
        sample(THREE, Design("morris", 6, 3, levels=6, grouped=grouped)),
        morris.sample(problem(), 6, num_levels=6, seed=3),
    )
    np.testing.assert_array_equal(
        sample(THREE, Design("pawn", 50, 3, grouped=grouped)), latin.sample(problem(), 50, seed=3)
    )


def test_fast_is_that_of_salib() -> None:
    made = fast_sampler.sample(problem_of(THREE, Design("fast", 65)), 65, M=4, seed=1)
    np.testing.assert_array_equal(sample(THREE, Design("fast", 65)), made)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_points_of_groups(method: str, second: bool) -> None:
    made = design(method, grouped=True, second_order=second)
    assert len(sample(THREE, made)) == points_of(THREE, made)


def test_a_problem_of_groups_names_them() -> None:
    assert problem_of(THREE, Design("sobol", 8, grouped=True))["groups"] == ["a", "a", "b"]
    assert "groups" not in problem_of(THREE, Design("sobol", 8))


@pytest.mark.parametrize("method", ["latin", "sobol-sequence", "sobol", "morris", "pawn", "grid"])
def test_what_is_no_quantity_is_numbered_evenly(method: str) -> None:
    factors = (factor("A"), DRAW, SWITCH)
    made = sample(factors, replace(design(method), n=64 if method != "grid" else 4))
    assert set(made[:, 1]) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert set(made[:, 2]) == {0.0, 1.0}
    if method in ("latin", "sobol-sequence", "pawn"):
        counts = np.bincount(made[:, 1].astype(int), minlength=5)
        assert counts.min() >= 12
    if method == "grid":
        assert len(np.unique(made, axis=0)) == 4 * 5 * 2


def test_a_grid_is_every_combination() -> None:
    made = sample(THREE[:2], Design("grid", 3))
    np.testing.assert_array_equal(made[:, 0], np.repeat([-1.0, 1.0, 3.0], 3))
    np.testing.assert_array_equal(made[:, 1], np.tile([0.0, 0.5, 1.0], 3))


def test_a_study_without_factors_has_one_point() -> None:
    assert sample((), Design("latin", 1)).shape == (1, 0)
    assert points_of((), Design("latin", 1)) == 1


def refused(made: Design, factors: tuple[Factor, ...] = THREE) -> InputError:
    with pytest.raises(InputError) as caught:
        check_design(factors, made)
    assert caught.value.allowed
    return caught.value


def test_powers_of_two_name_their_neighbours() -> None:
    error = refused(Design("sobol", 100))
    assert error.key == "n"
    assert "64 or 128" in str(error.allowed)
    assert "2" in str(refused(Design("sobol-sequence", 1)).allowed)


@pytest.mark.parametrize(
    ("method", "n", "least"),
    [
        ("morris", 1, "2 "),
        ("fast", 64, "65"),
        ("rbd-fast", 59, "60"),
        ("pawn", 19, "20"),
        ("delta", 99, "100"),
        ("hdmr", 299, "300"),
        ("grid", 1, "2 "),
        ("latin", 0, "1 "),
    ],
)
def test_samples_that_are_too_small_are_refused(method: str, n: int, least: str) -> None:
    error = refused(Design(method, n))
    assert error.key == "n"
    assert str(error.allowed).startswith(least)


def test_fast_asks_for_more_with_more_harmonics() -> None:
    assert "145" in str(refused(Design("fast", 144, order=6)).allowed)
    check_design(THREE, Design("fast", 145, order=6))


def test_morris_takes_even_levels_only() -> None:
    assert refused(Design("morris", 4, levels=5)).key == "levels"


def test_an_unknown_method_is_refused() -> None:
    assert "sobol" in str(refused(Design("guess", 8)).allowed)


def test_an_analysis_needs_factors() -> None:
    for method in ANALYSES:
        assert refused(design(method), ()).key == "factors"
    assert "tell apart" in refused(design("hdmr"), THREE[:1]).message


@pytest.mark.parametrize("method", ["fast", "rbd-fast", "delta", "hdmr", "fractional-factorial"])
def test_methods_that_honour_no_groups_and_no_disorder_say_why(method: str) -> None:
    error = refused(design(method, grouped=True))
    assert f"{method} takes no groups: " in error.message
    error = refused(design(method), (*THREE, DRAW))
    assert "without an order: " in error.message
    assert error.given == "posterior"
    check_design(THREE, design(method))


@pytest.mark.parametrize("method", ["sobol", "morris", "pawn"])
def test_methods_that_honour_them_take_them(method: str) -> None:
    check_design((*THREE, DRAW, SWITCH), design(method, grouped=True))


def test_groups_are_of_analyses_and_two_at_least() -> None:
    assert "takes no groups" in refused(design("latin", grouped=True)).message
    assert "one group" in refused(design("sobol", grouped=True), THREE[:2]).message


def test_pawn_takes_no_more_values_than_slices() -> None:
    many = replace(DRAW, high=11.0)
    assert "11 values" in str(refused(design("pawn"), (*THREE, many)).given)
    check_design((*THREE, many), design("pawn", slices=11))


def test_too_many_points_are_refused_before_they_are_made() -> None:
    many = tuple(factor(f"X{k}") for k in range(30))
    error = refused(Design("grid", 10), many)
    assert "too many points" in error.message
    assert "fewer factors" in str(error.allowed)
    assert "too many points" in refused(Design("latin", 3_000_000)).message


def test_cautions() -> None:
    assert any("advised" in one for one in cautions_of(THREE, Design("morris", 5)))
    assert not cautions_of(THREE, Design("morris", 20))
    told = " ".join(cautions_of((*THREE, DRAW), Design("morris", 20)))
    assert "mu and its sign have no meaning" in told
    assert "sees 4 of its 5 values" in told
    many = tuple(factor(f"X{k}") for k in range(30))
    assert "share frequencies" in " ".join(cautions_of(many, Design("fast", 65)))
    assert not cautions_of(THREE, Design("latin", 4))
