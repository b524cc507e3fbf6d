"""Search among portfolios of levers by several outcomes: NSGA-II or NSGA-III, step by step.

Each step goes from plain arrays to plain arrays, whether the one before ran just now or last week:
what is not in ``State`` is not used. So a search that was stopped and goes on equals one that was
not, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from experiments.robustness.portfolio_problem import Evaluator, Float, Problem
from experiments.robustness.search_state import Generation, Int, State, load, save
from model.errors import InputError

Algorithm = Literal["nsga2", "nsga3"]
Progress = Callable[[str, float], None]

SMALLEST = 4
MARGIN = 1.1  # reference point, in ranges of the first generation beyond its best values
FEW = 5  # generations with which nothing is said of convergence
GAIN = 0.01  # of the hypervolume over the last third of generations


@dataclass(frozen=True)
class Settings:
    """How a search goes. ``algorithm``: left out, NSGA-II for two objectives, else NSGA-III."""

    generations: int = 20
    population: int = 24
    seed: int = 1
    algorithm: Algorithm | None = None

    def check(self, problem: Problem) -> None:
        """Raises InputError."""
        least = max(SMALLEST, len(problem.objectives))
        for key, given, low in (
            ("--generations", self.generations, 1),
            ("--population", self.population, least),
            ("--seed", self.seed, 0),
        ):
            if given < low:
                raise InputError("too small", key=key, given=given, allowed=f"{low} or more")
        if len(problem.objectives) < 2:
            raise InputError("one objective alone is no trade-off", allowed="two objectives")

    def of(self, problem: Problem) -> Algorithm:
        """The algorithm of a problem."""
        return self.algorithm or ("nsga2" if len(problem.objectives) == 2 else "nsga3")


@dataclass(frozen=True)
class Home:
    """Where a search is kept, and of what it is (SHA-256 of the study, inputs and settings)."""

    folder: Path
    digest: str


@dataclass(frozen=True)
class Searched:
    """A search so far: everything that ran, and its objectives (less is better)."""

    problem: Problem
    settings: Settings
    state: State
    objectives: Float  # (n, objectives)
    told: str = ""  # what was found damaged

    @property
    def pareto(self) -> Int:
        """Numbers (n,) of the portfolios that no other one beats in all objectives."""
        return nondominated(self.objectives)

    def convergence(self) -> tuple[Float, str]:
        """Hypervolume after each generation (generations + 1,), and a verdict in words.

        In units of the ranges of the first generation, multiplied.
        """
        low, size = scale_of(self.objectives[: self.state.counts[0]])
        scaled = (self.objectives - low) / np.where(size > 0.0, size, 1.0)
        volumes, front, before = [], scaled[:0], 0
        for count in self.state.counts:
            front = np.concatenate([front, scaled[before:count]])
            front, before = front[nondominated(front)], count
            volumes.append(hypervolume(front))
        return np.array(volumes), verdict(np.array(volumes))

    def reference_point(self) -> Float:
        """What hypervolumes are measured from, (objectives,), in units of the objectives."""
        low, size = scale_of(self.objectives[: self.state.counts[0]])
        return np.asarray(low + MARGIN * size)


def search(
    problem: Problem,
    evaluator: Evaluator,
    settings: Settings,
    home: Home | None = None,
    progress: Progress = lambda what, share: None,
) -> Searched:
    """Run a search to its last generation, from where its home ends.

    The population begins with no levers and all levers, each other portfolio by a latin sample.
    Raises InputError for settings that do not fit, for a home of another search, and for an
    outcome that has no value or that no lever moves.
    """
    settings.check(problem)
    state, told = State(()), ""
    if home is not None:
        state, told = load(home.folder, settings.seed, home.digest)
        state = State(state.generations[: settings.generations + 1])
    for number in range(len(state.generations), settings.generations + 1):
        progress(f"generation {number} of {settings.generations}", number / settings.generations)
        one = (
            _step(problem, evaluator, settings, state)
            if number
            else _begin(problem, evaluator, settings)
        )
        if home is not None:
            save(home.folder, number, one, settings.seed, home.digest)
        state = state.with_one_more(one)
    return Searched(problem, settings, state, _objectives(problem, state), told)


def _objectives(problem: Problem, state: State) -> Float:
    positions, values = state.positions, state.values
    return problem.judged(positions, values, _best(problem, state.generations[0]))


def _best(problem: Problem, first: Generation) -> Float:
    """The best of the anchors in each future: they come first."""
    return problem.best(first.values[: len(problem.anchors())])


def _random(settings: Settings, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([settings.seed, number])))


def _begin(problem: Problem, evaluator: Evaluator, settings: Settings) -> Generation:
    from scipy.stats import qmc

    random = _random(settings, 0)
    anchors = problem.anchors()
    ends = problem.repaired(np.vstack([problem.rest, anchors[_fullest(anchors, problem)]]))
    sample = qmc.LatinHypercube(len(problem.levers), rng=random).random(settings.population)
    spread = problem.repaired(problem.low + sample * (problem.high - problem.low))
    wanted = _distinct(np.vstack([ends, spread]))[: settings.population]
    positions = _distinct(np.vstack([anchors, wanted]))
    values = _run(problem, evaluator, positions)
    objectives = problem.judged(positions, values, problem.best(values[: len(anchors)]))
    for j, name in enumerate(problem.objectives):
        if np.ptp(objectives[:, j]) == 0.0:
            raise InputError(
                "an objective that no portfolio of the first generation moves",
                key="outcomes",
                given=name,
                allowed="an outcome that the levers reach (or a wider range of theirs)",
            )
    population = np.array([_number_of(row, positions) for row in wanted], dtype=np.int64)
    algorithm = _algorithm(problem, settings, scale_of(objectives), 0)
    algorithm.advance(infills=_individuals(positions, objectives, population, algorithm))
    return _kept(algorithm, positions, values)


def _fullest(anchors: Float, problem: Problem) -> int:
    return int(np.abs(anchors - problem.rest).sum(axis=1).argmax())


def _step(problem: Problem, evaluator: Evaluator, settings: Settings, state: State) -> Generation:
    """The next generation of a search; with nothing new to try, the last one again."""
    last, number = state.last, len(state.generations)
    before, objectives = state.positions, _objectives(problem, state)
    scale = scale_of(objectives[: state.counts[0]])
    algorithm = _algorithm(problem, settings, scale, number)
    _put_back(algorithm, last, _individuals(before, objectives, last.population, algorithm))
    children = algorithm.infill()
    if children is None or len(children) == 0:
        empty = np.empty((0, *state.values.shape[1:]))
        return Generation(before[:0], empty, last.population, last.rank, last.crowding, last.norm)
    wanted = _distinct(np.asarray(children.get("X"), dtype=np.float64))
    known = np.array([_number_of(row, before) for row in wanted])
    positions = wanted[known < 0]
    values = _run(problem, evaluator, positions) if len(positions) else state.values[:0]
    best = _best(problem, state.generations[0])
    if len(positions):
        objectives = np.concatenate([objectives, problem.judged(positions, values, best)])
    known[known < 0] = len(before) + np.arange(len(positions))
    known = known[~np.isin(known, last.population)]  # one that survives is no child
    everything = np.concatenate([before, positions])
    algorithm.advance(infills=_individuals(everything, objectives, known, algorithm))
    return _kept(algorithm, positions, values)


def _run(problem: Problem, evaluator: Evaluator, positions: Float) -> Float:
    values = np.asarray(evaluator.evaluate(positions), dtype=np.float64)
    lacking = np.argwhere(~np.isfinite(values))
    if len(lacking):
        n, future, j = (int(one) for one in lacking[0])
        given = f"{problem.outcomes[j].label}, future {future}"
        moved = zip(problem.levers, positions[n], strict=True)
        raise InputError(
            f"an outcome without a value ({len(lacking)} of {values.size})",
            key="outcomes",
            given=f"{given}, with {', '.join(f'{lever} at {x:g}' for lever, x in moved)}",
            allowed="an indicator, product, group and year that go together",
        )
    return values


# Between plain arrays and pymoo


def _algorithm(
    problem: Problem, settings: Settings, scale: tuple[Float, Float], number: int
) -> Any:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.moo.nsga3 import NSGA3
    from pymoo.core.problem import Problem as Space
    from pymoo.core.repair import Repair

    class Repaired(Repair):
        def _do(self, space: Any, positions: Float, **told: Any) -> Float:
            return problem.repaired(positions)

    objectives = len(problem.objectives)
    usual = {"pop_size": settings.population, "repair": Repaired()}
    if settings.of(problem) == "nsga2":
        algorithm = NSGA2(**usual)
    else:
        algorithm = NSGA3(directions(objectives, settings.population), **usual)
    space = Space(n_var=len(problem.levers), n_obj=objectives, xl=problem.low, xu=problem.high)
    algorithm.setup(space, termination=("n_gen", 10**9))
    # Objectives differ in size by powers of ten; NSGA-III takes small differences for none.
    algorithm.data["scale"] = scale
    algorithm.random_state = _random(settings, number)
    return algorithm


def directions(objectives: int, population: int) -> Float:
    """Directions of NSGA-III (n, objectives), weights that sum to 1: evenly spread.

    There are as many as the population bears.
    """
    from pymoo.util.ref_dirs import get_reference_directions

    parts = 1
    found = get_reference_directions("das-dennis", objectives, n_partitions=parts)
    while True:
        parts += 1
        more = get_reference_directions("das-dennis", objectives, n_partitions=parts)
        if len(more) > population:
            return np.asarray(found)
        found = more


def _individuals(positions: Float, objectives: Float, numbers: Int, algorithm: Any) -> Any:
    from pymoo.core.population import Population

    low, size = algorithm.data["scale"]
    found = Population.new(X=positions[numbers], F=(objectives[numbers] - low) / size)
    found.set("number", numbers)
    return found


def _put_back(algorithm: Any, last: Generation, population: Any) -> None:
    population.set("rank", last.rank.astype(np.int64))
    population.set("crowding", last.crowding)
    algorithm.pop, algorithm.n_iter, algorithm.is_initialized = population, 1, True
    if len(last.norm):
        norm = algorithm.survival.norm
        norm.ideal_point, norm.worst_point = last.norm[0].copy(), last.norm[1].copy()
        norm.nadir_point, norm.extreme_points = last.norm[2].copy(), last.norm[3:].copy()


def _kept(algorithm: Any, positions: Float, values: Float) -> Generation:
    population = algorithm.pop
    numbers = np.asarray(population.get("number"), dtype=np.int64)
    rank = np.asarray(population.get("rank"), dtype=np.float64)
    norm = np.empty((0, algorithm.problem.n_obj))
    if hasattr(algorithm.survival, "norm"):
        kept = algorithm.survival.norm
        points = [kept.ideal_point, kept.worst_point, kept.nadir_point]
        norm = np.vstack([*points, kept.extreme_points])
        crowding = np.zeros(len(numbers))
    else:
        crowding = np.asarray(population.get("crowding"), dtype=np.float64)
    return Generation(positions, values, numbers, rank, crowding, norm)


def _distinct(positions: Float) -> Float:
    """Rows in their order, each once."""
    _, first = np.unique(positions, axis=0, return_index=True)
    return positions[np.sort(first)]


def _number_of(row: Float, positions: Float) -> int:
    """Number of a portfolio among others; -1 where it is new."""
    same = np.flatnonzero((positions == row).all(axis=1))
    return int(same[0]) if len(same) else -1


# What a search comes to


def nondominated(objectives: Float) -> Int:
    """Numbers of the rows that no other row beats, in order; of equal rows the first.

    ``objectives`` (n, objectives): less is better.
    """
    order = np.lexsort(objectives.T[::-1])  # a row is beaten by earlier ones alone
    front: list[int] = []
    kept = np.empty((len(objectives), objectives.shape[1]))
    for number in order:
        row = objectives[number]
        if not (kept[: len(front)] <= row).all(axis=1).any():
            kept[len(front)] = row
            front.append(int(number))
    return np.sort(np.array(front, dtype=np.int64))


def scale_of(objectives: Float) -> tuple[Float, Float]:
    """Best value and range of each objective, both (objectives,) and in its unit."""
    low = objectives.min(axis=0)
    return low, objectives.max(axis=0) - low


def hypervolume(scaled: Float) -> float:
    """Volume between a front and the reference point, both in ranges of the first generation.

    ``scaled`` (n, objectives). The unit is the product of these ranges.
    """
    from pymoo.indicators.hv import HV

    inside = scaled[(scaled < MARGIN).all(axis=1)]  # of a front: no row is beaten
    if not len(inside):
        return 0.0
    point = np.full(scaled.shape[1], MARGIN)
    return float(HV(ref_point=point)(inside))


def verdict(volumes: Float) -> str:
    """Whether a search still improves, by its hypervolumes (generations + 1,)."""
    generations = len(volumes) - 1
    if generations < FEW:
        return f"too few generations to say whether it still improves ({generations} of {FEW})"
    last = max(2, generations // 3)
    before = volumes[-1 - last]
    gain = (volumes[-1] - before) / before if before > 0.0 else np.inf
    told = f"{gain:.1%} more hypervolume in the last {last} generations"
    return f"still improves: {told}" if gain > GAIN else f"levelled off: {told}"
