"""Elementary effects of Morris, of all outputs at once, on SALib's trajectories."""

from __future__ import annotations

import numpy as np

from experiments.sensitivity.problem import (
    SINGLE,
    Estimate,
    Float,
    Int,
    Plan,
    Problem,
    Settings,
    counts_of,
    half_width,
    refuse_size,
    sizes_of,
)


class _Morris:
    """Where in each trajectory each factor moves, and which way: (trajectories, factors)."""

    def __init__(self, points: Float, problem: Problem, settings: Settings) -> None:
        self.members = problem.members
        self.labels = len(problem.labels)
        size = self.labels + 1
        self.n, self.size = len(points) // size, size
        moves = np.diff(points.reshape(self.n, size, problem.size), axis=1)
        self.at: Int = np.argmax(moves != 0, axis=1).astype(np.int64)
        self.way = np.sign(np.take_along_axis(moves, self.at[:, None], axis=1)[:, 0])
        self.step = settings.levels / (2.0 * (settings.levels - 1))
        self.sizes = sizes_of(self.n)
        rng = np.random.default_rng(settings.seed)
        self.weights = [
            counts_of(rng.integers(self.n, size=(settings.resamples, self.n)), self.n) / self.n
            for _ in problem.names
        ]

    def __call__(self, values: Float) -> Estimate:
        outputs = values.shape[1]
        runs = values.reshape(self.n, self.size, outputs)
        mean = np.empty((len(self.weights), outputs))
        size, spread, width = mean.copy(), mean.copy(), mean.copy()
        by_size = np.empty((len(self.sizes), *mean.shape))
        each = np.arange(self.n)
        for factor, weights in enumerate(self.weights):
            at = self.at[:, factor]
            effect = runs[each, at + 1] - runs[each, at]
            effect *= (self.way[:, factor] / self.step)[:, None]
            mean[factor] = effect.mean(axis=0)
            spread[factor] = effect.std(axis=0, ddof=1)
            effect = np.abs(effect)
            size[factor] = effect.mean(axis=0)
            width[factor] = half_width(weights @ effect)
            for row, part in zip(by_size, self.sizes, strict=True):
                row[factor] = effect[:part].mean(axis=0)
        share = self.members / self.members.sum(axis=1, keepdims=True)
        alone = self.members.sum(axis=1) == 1.0
        tables = {
            "mu": share @ mean,
            "mu_star": share @ size,
            "mu_star_conf": share @ width,
            "sigma": np.where(alone[:, None], share @ spread, np.nan),
        }
        # The runs of a point share their draws and seeds, so a factor without influence has
        # effects of exactly 0: what is left is how values are rounded when they are stored.
        dummy = 2.0 * SINGLE * np.abs(values).max(axis=0) / self.step
        grown = np.einsum("gk,skm->sgm", share, by_size)
        return Estimate(tables, "mu_star", ("mu_star_conf",), dummy, grown, share=False)


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError where the points are no such design.
    """
    size = len(problem.labels) + 1
    if len(points) < 2 * size or len(points) % size:
        raise refuse_size("morris", len(points), f"trajectories x {size}, 2 or more trajectories")
    morris = _Morris(points, problem, settings)
    working = 8 * (3 * len(points) + 8 * problem.size + settings.resamples)
    return Plan(morris, morris.n, morris.sizes, problem.labels, working)
