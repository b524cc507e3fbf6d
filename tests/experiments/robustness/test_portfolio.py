"""Portfolio search: known fronts, ranges, and that a stopped search goes on as if it had not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.robustness.portfolio import (
    Home,
    Searched,
    Settings,
    hypervolume,
    nondominated,
    search,
    verdict,
)
from experiments.robustness.portfolio_problem import Float, Problem, Wanted
from experiments.robustness.search_state import path_of
from model.errors import InputError

DIGEST = "ab" * 32


class World:
    """A test problem as if it were a model: positions 0 to 100, one future unless more are said."""

    def __init__(self, function: Callable[[Float], Float], futures: int = 1) -> None:
        self.function, self.futures = function, futures
        self.seen: list[Float] = []

    def evaluate(self, positions: Float) -> Float:
        self.seen.append(positions)
        return np.repeat(self.function(positions / 100.0)[:, None], self.futures, axis=1)


def zdt1(x: Float) -> Float:
    # Its best is moved inside: every search begins with all levers at rest, where it would lie.
    g = 1.0 + 9.0 * np.abs(x[:, 1:] - 0.35).mean(axis=1) / 0.65
    return np.stack([x[:, 0], g * (1.0 - np.sqrt(x[:, 0] / g))], axis=1)


def dtlz2(x: Float) -> Float:
    g = 1.0 + ((x[:, 2:] - 0.5) ** 2).sum(axis=1)
    a, b = (0.5 * np.pi * x[:, i] for i in range(2))
    return np.stack([g * np.cos(a) * np.cos(b), g * np.cos(a) * np.sin(b), g * np.sin(a)], axis=1)


def problem_of(levers: int, outcomes: int, **more: object) -> Problem:
    return Problem(
        levers=tuple(f"L{i}" for i in range(levers)),
        low=np.zeros(levers),
        high=np.full(levers, 100.0),
        outcomes=tuple(Wanted(f"f{j}", "", "down") for j in range(outcomes)),
        **more,  # type: ignore[arg-type]
    )


def distance(front: Float, found: Float) -> float:
    """IGD: how far a point of the true front lies from what was found, on average."""
    gaps = np.linalg.norm(front[:, None] - found[None], axis=2)
    return float(gaps.min(axis=1).mean())


def test_recovers_the_front_of_zdt1() -> None:
    found = search(problem_of(10, 2), World(zdt1), Settings(120, 60, 1))
    assert found.settings.of(found.problem) == "nsga2"
    at = np.linspace(0.0, 1.0, 200)
    front = np.stack([at, 1.0 - np.sqrt(at)], axis=1)
    assert distance(front, found.objectives[found.pareto]) < 0.01
    volumes, told = found.convergence()
    assert np.all(np.diff(volumes) >= 0.0)
    assert told.startswith("levelled off")


def test_recovers_the_front_of_dtlz2_with_three_objectives() -> None:
    found = search(problem_of(7, 3), World(dtlz2), Settings(60, 92, 1))
    assert found.settings.of(found.problem) == "nsga3"
    a, b = (one.ravel() for one in np.meshgrid(*[np.linspace(0.0, np.pi / 2.0, 20)] * 2))
    front = np.stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], axis=1)
    survivors = found.objectives[found.state.last.population]
    assert distance(front, survivors) < 0.08
    assert np.abs(np.linalg.norm(survivors, axis=1) - 1.0).max() < 0.1


@pytest.mark.parametrize("outcomes", [2, 3])
def test_a_stopped_search_goes_on_bit_for_bit(tmp_path: Path, outcomes: int) -> None:
    function = zdt1 if outcomes == 2 else dtlz2
    problem = problem_of(6, outcomes, step=1.0)
    whole = search(problem, World(function), Settings(9, 16, 3), Home(tmp_path / "a", DIGEST))
    for generations in (0, 4, 5, 9):
        settings = Settings(max(generations, 1), 16, 3)
        stopped = search(problem, World(function), settings, Home(tmp_path / "b", DIGEST))
    _same(whole, stopped)
    for number in range(10):
        first, second = (path_of(tmp_path / one, number).read_bytes() for one in "ab")
        assert first == second


def _same(one: Searched, other: Searched) -> None:
    assert np.array_equal(one.state.positions, other.state.positions)
    assert np.array_equal(one.objectives, other.objectives)
    assert np.array_equal(one.state.last.population, other.state.last.population)


def test_a_damaged_generation_runs_again(tmp_path: Path) -> None:
    problem, settings = problem_of(6, 2), Settings(6, 12, 3)
    whole = search(problem, World(zdt1), settings, Home(tmp_path, DIGEST))
    path = path_of(tmp_path, 4)
    path.write_bytes(path.read_bytes()[:-200])
    again = search(problem, World(zdt1), settings, Home(tmp_path, DIGEST))
    assert "generation 4 is damaged" in again.told
    _same(whole, again)
    raw = bytearray(path.read_bytes())
    raw[300] ^= 1
    path.write_bytes(bytes(raw))
    assert "damaged" in search(problem, World(zdt1), settings, Home(tmp_path, DIGEST)).told


def test_nothing_runs_twice_and_no_pickle_is_written(tmp_path: Path) -> None:
    problem, world = problem_of(3, 2, step=10.0), World(zdt1)
    found = search(problem, world, Settings(8, 12, 1), Home(tmp_path, DIGEST))
    ran = np.concatenate(world.seen)
    assert len(np.unique(ran, axis=0)) == len(ran) == found.state.counts[-1]
    again = World(zdt1)
    search(problem, again, Settings(8, 12, 1), Home(tmp_path, DIGEST))
    assert again.seen == []
    with np.load(path_of(tmp_path, 8), allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= {"f", "i", "u"}


def test_another_search_is_refused(tmp_path: Path) -> None:
    problem = problem_of(3, 2)
    search(problem, World(zdt1), Settings(1, 8, 1), Home(tmp_path, DIGEST))
    for settings, digest in ((Settings(1, 8, 2), DIGEST), (Settings(1, 8, 1), "cd" * 32)):
        with pytest.raises(InputError, match="another search"):
            search(problem, World(zdt1), settings, Home(tmp_path, digest))


def test_ranges_steps_and_limit_hold() -> None:
    problem = Problem(
        levers=("a", "b", "c"),
        low=np.array([-50.0, 0.0, 20.0]),
        high=np.array([0.0, 100.0, 60.0]),
        outcomes=(Wanted("f0", "", "down"), Wanted("f1", "", "up")),
        effort=lambda x: np.abs(x).sum(axis=1),
        limit=90.0,
        step=5.0,
    )
    world = World(lambda x: np.stack([x[:, 0] + x[:, 2], x.sum(axis=1)], axis=1))
    search(problem, world, Settings(6, 16, 1))
    ran = np.concatenate(world.seen)
    assert np.all(ran >= problem.low)
    assert np.all(ran <= problem.high)
    assert np.all(np.abs(ran).sum(axis=1) <= 90.0)
    assert np.allclose(ran % 5.0, 0.0)
    assert len(ran) > 16


def test_a_limit_that_no_portfolio_keeps_is_refused() -> None:
    with pytest.raises(InputError, match="no portfolio is within the limit"):
        Problem(("a",), np.array([20.0]), np.array([60.0]), (), lambda x: x.sum(axis=1), limit=10.0)


def test_statistics_by_hand() -> None:
    values = np.array([[[1.0], [2.0], [6.0]], [[2.0], [2.0], [2.0]]])
    best = np.array([[1.0], [1.0], [3.0]])
    expected = {
        "mean": [3.0, 2.0],
        "median": [2.0, 2.0],
        "p90": [5.2, 2.0],
        "worst": [6.0, 2.0],
        "regret": [3.0, 1.0],
        "missed": [1 / 3, 0.0],
    }
    for statistic, wanted in expected.items():
        outcome = Wanted("f", "", "down", statistic, 2.0)  # type: ignore[arg-type]
        problem = Problem(("a",), np.zeros(1), np.ones(1), (outcome,))
        judged = problem.judged(np.zeros((2, 1)), values, best)[:, 0]
        assert judged == pytest.approx(wanted), statistic
    up = Problem(("a",), np.zeros(1), np.ones(1), (Wanted("f", "", "up", "worst"),))
    assert up.judged(np.zeros((2, 1)), values, -best)[:, 0] == pytest.approx([-1.0, -2.0])


def test_fronts_volumes_and_verdicts_by_hand() -> None:
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.5]])
    assert nondominated(rows).tolist() == [0, 1, 4]
    assert hypervolume(np.array([[0.1, 0.1], [0.1, 0.1], [2.0, 0.0]])) == pytest.approx(1.0)
    assert verdict(np.ones(3)).startswith("too few")
    assert verdict(np.ones(9)).startswith("levelled off")
    assert verdict(np.arange(1.0, 10.0)).startswith("still improves")


def test_an_outcome_that_nothing_moves_or_that_lacks_is_refused() -> None:
    flat = World(lambda x: np.stack([x[:, 0], np.ones(len(x))], axis=1))
    with pytest.raises(InputError, match="no portfolio of the first generation moves"):
        search(problem_of(3, 2), flat, Settings(1, 8))
    empty = World(lambda x: np.full((len(x), 2), np.nan))
    with pytest.raises(InputError, match="without a value"):
        search(problem_of(3, 2), empty, Settings(1, 8))
