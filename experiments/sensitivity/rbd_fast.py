"""RBD-FAST of all outputs at once: first harmonics of the outputs ordered by each factor."""

from __future__ import annotations

import numpy as np

from experiments.sensitivity.problem import (
    Estimate,
    Float,
    Int,
    Plan,
    Problem,
    Settings,
    dummy_column,
    half_width,
    no_groups,
    refuse_size,
    sizes_of,
)


def waves(n: int, harmonics: int) -> Float:
    """Cosines and sines, dimensionless, of the first frequencies over n places.

    Shape (2 x harmonics, n).
    """
    angle = 2.0 * np.pi * np.outer(np.arange(1, harmonics + 1), np.arange(n)) / n
    return np.vstack([np.cos(angle), np.sin(angle)])


def places(column: Float) -> Int:
    """Rows (n,) in the order of a factor up and down again: it makes one wave (Plischke 2010).

    ``column`` (n,): the factor in each run.
    """
    order = np.argsort(column)
    return np.concatenate([order[::2], order[1::2][::-1]]).astype(np.int64)


def first_order(values: Float, basis: Float) -> Float:
    """Index of values in that order (n, outputs), with the correction of Tissot and Prieur (2012).

    The sum over all frequencies is that of squares about the mean (Parseval), so only those of
    the factor are computed.
    """
    n = len(values)
    mean = values.mean(axis=0)
    whole = np.einsum("nm,nm->m", values, values) - n * np.square(mean)
    whole[whole <= 0.0] = np.nan
    part = 2.0 / n * np.square(basis @ values).sum(axis=0) / whole
    skew = len(basis) / n
    index: Float = part - skew / (1.0 - skew) * (1.0 - part)
    return index


class _Balanced:
    def __init__(self, points: Float, settings: Settings) -> None:
        self.n = len(points)
        self.seed, self.resamples = settings.seed, settings.resamples
        self.harmonics = settings.balanced_harmonics
        # The dummy comes last: the draws of the factors are then those of SALib.
        self.points = np.column_stack([points, dummy_column(self.n, settings.seed)])
        self.sizes = sizes_of(self.n, least=4 * self.harmonics)

    def __call__(self, values: Float) -> Estimate:
        scaled = (values - values.mean(axis=0)) / values.std(axis=0)
        shape = (self.points.shape[1], values.shape[1])
        index, width = np.empty(shape), np.empty(shape)
        by_size = np.empty((len(self.sizes), shape[0] - 1, shape[1]))
        half = int(self.n * 0.5)
        few = waves(half, self.harmonics)
        many = {size: waves(size, self.harmonics) for size in {*self.sizes, self.n}}
        rng = np.random.default_rng(self.seed)
        for factor, column in enumerate(self.points.T):
            index[factor] = first_order(scaled[places(column)], many[self.n])
            some = np.empty((self.resamples, shape[1]))
            for row in some:
                drawn = rng.choice(self.n, replace=True, size=half)
                row[:] = first_order(scaled[drawn[places(column[drawn])]], few)
            width[factor] = half_width(some)
            if factor < shape[0] - 1:
                for row, size in zip(by_size, self.sizes, strict=True):
                    row[factor] = first_order(scaled[places(column[:size])], many[size])
        dummy = np.abs(index[-1]) + width[-1]
        return Estimate(
            {"S1": index[:-1], "S1_conf": width[:-1]}, "S1", ("S1_conf",), dummy, by_size
        )


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError for groups, factors without an order, or fewer points than the harmonics need.
    """
    no_groups(problem, "rbd-fast", "runs are put in the order of one factor")
    least = 6 * settings.balanced_harmonics
    if len(points) < least:
        raise refuse_size("rbd-fast", len(points), f"{least} or more")
    balanced = _Balanced(points, settings)
    working = 8 * (4 * len(points) + settings.resamples + 8 * problem.size)
    return Plan(balanced, balanced.n, balanced.sizes, problem.labels, working)
