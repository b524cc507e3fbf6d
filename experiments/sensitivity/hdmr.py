"""High-dimensional model representation: SALib's, output after output.

Its backfitting goes on until the coefficients of that output settle, so outputs are not fitted
together; they are worked through in blocks.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from experiments.sensitivity.problem import (
    Estimate,
    Float,
    Plan,
    Problem,
    Settings,
    dummy_column,
    no_groups,
    refuse_size,
    sizes_of,
)

LEAST = 300  # points, SALib's own bound
MOST_PAIRED = 10  # factors up to which pairs are fitted too
INDICES = ("Sa", "Sa_conf", "Sb", "Sb_conf", "S", "S_conf", "ST", "ST_conf")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """SALib draws from numpy's one global stream here: set for it, and put back after."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


class _Representation:
    def __init__(self, points: Float, problem: Problem, settings: Settings) -> None:
        self.points, self.problem = points, problem
        self.order = settings.order or (2 if problem.size <= MOST_PAIRED else 1)
        self.seed = settings.seed
        self.resamples = min(settings.resamples, 20)
        self.sizes = sizes_of(len(points), least=LEAST)
        dummy = dummy_column(len(points), settings.seed)
        # With pairs a dummy takes part in terms with every factor, so it is fitted among them.
        beside = points if self.order > 1 else np.roll(dummy, 1)
        self.nothing = np.column_stack([beside, dummy])

    def _fit(self, points: Float, values: Float, problem: dict[str, object], order: int) -> Float:
        from SALib.analyze import hdmr

        with _seeded(self.seed):
            found = hdmr.analyze(
                problem, points, values, maxorder=order, K=self.resamples, seed=self.seed
            )
        size = points.shape[1]
        return np.array([np.asarray(found[name], dtype=np.float64)[:size] for name in INDICES])

    def __call__(self, values: Float) -> Estimate:
        outputs = values.shape[1]
        size = self.problem.size
        tables = {name: np.empty((size, outputs)) for name in INDICES}
        by_size = np.empty((len(self.sizes), size, outputs))
        dummy = np.empty(outputs)
        many = self.nothing.shape[1]
        names = [f"x{at}" for at in range(many)]
        nothing = {"num_vars": many, "names": names, "bounds": [[0.0, 1.0]] * many}
        total, reach = INDICES.index("ST"), INDICES.index("ST_conf")
        for output in range(outputs):
            column = np.ascontiguousarray(values[:, output])
            found = self._fit(self.points, column, self.problem.salib(), self.order)
            for name, row in zip(INDICES, found, strict=True):
                tables[name][:, output] = row
            by_size[-1, :, output] = found[total]
            for at, part in enumerate(self.sizes[:-1]):
                grown = self._fit(
                    self.points[:part], column[:part], self.problem.salib(), self.order
                )
                by_size[at, :, output] = grown[total]
            spare = self._fit(self.nothing, column, dict(nothing), self.order)
            dummy[output] = abs(spare[total, -1]) + spare[reach, -1]
        return Estimate(tables, "ST", ("ST_conf",), dummy, by_size)


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError for groups, factors without an order, one factor alone or too few points.
    """
    no_groups(problem, "hdmr", "a smooth function is fitted to each factor")
    if len(points) < LEAST:
        raise refuse_size("hdmr", len(points), f"{LEAST} or more")
    if problem.size < 2:
        raise refuse_size("hdmr", problem.size, "two factors or more")
    fitted = _Representation(points, problem, settings)
    notes = (f"terms up to order {fitted.order}; {fitted.resamples} resamples",)
    working = 8 * (4 * len(points) + 16 * problem.size)
    return Plan(fitted, len(points), fitted.sizes, problem.labels, working, most=8, notes=notes)
