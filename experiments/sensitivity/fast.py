"""Extended FAST of all outputs at once: spectra along the search curve of each factor."""

from __future__ import annotations

import math

import numpy as np

from experiments.sensitivity.problem import (
    Estimate,
    Float,
    Plan,
    Problem,
    Settings,
    half_width,
    no_groups,
    refuse_size,
    sizes_of,
)


def orders(curve: Float, harmonics: int) -> tuple[Float, Float]:
    """First and total order along a curve (outputs, n): shares of the variance, (outputs,).

    Saltelli, Tarantola and Chan (1999). A curve without any variance gives NaN.
    """
    from scipy.fft import rfft

    n = curve.shape[1]
    own = math.floor((n - 1) / (2 * harmonics))
    power = np.square(np.abs(rfft(curve, axis=1)[:, 1 : math.ceil(n / 2)]) / n)
    whole = power.sum(axis=1)
    whole[whole == 0.0] = np.nan
    times = np.arange(1, harmonics + 1)
    first = power[:, times * own - 1].sum(axis=1) / whole
    others = power[:, : math.floor(own / 2.0)].sum(axis=1) / whole
    return first, 1.0 - others


class _Fast:
    def __init__(self, n: int, factors: int, settings: Settings) -> None:
        self.n, self.factors = n, factors
        self.harmonics = settings.harmonics
        half = math.ceil(n * 0.5)
        # The order of draws is SALib's: all windows of the first curve, then of the second.
        draws = np.random.RandomState(settings.seed)
        starts = [[draws.randint(0, n) for _ in range(settings.resamples)] for _ in range(factors)]
        self.windows = (np.array(starts)[:, :, None] + np.arange(half)) % n
        self.sizes = sizes_of(n, least=4 * settings.harmonics**2)

    def __call__(self, values: Float) -> Estimate:
        outputs = values.shape[1]
        curves = values.reshape(self.factors, self.n, outputs)
        shape = (self.factors, outputs)
        tables = {name: np.empty(shape) for name in ("S1", "S1_conf", "ST", "ST_conf")}
        by_size = np.empty((len(self.sizes), *shape))
        # An unused frequency shows first order alone, far less than the noise of a total index: no
        # dummy is told, rather than one that every factor passes.
        dummy = np.full(outputs, np.nan)
        for factor, windows in enumerate(self.windows):
            curve = np.ascontiguousarray(curves[factor].T)
            curve -= curve.mean(axis=1, keepdims=True)
            first, total = orders(curve, self.harmonics)
            tables["S1"][factor], tables["ST"][factor] = first, total
            some = [orders(curve[:, window], self.harmonics) for window in windows]
            tables["S1_conf"][factor], tables["ST_conf"][factor] = half_width(np.array(some))
            for row, size in zip(by_size[:-1], self.sizes[:-1], strict=True):
                row[factor] = orders(curve[:, :size], self.harmonics)[1]
            by_size[-1, factor] = total
        return Estimate(tables, "ST", ("S1_conf", "ST_conf"), dummy, by_size)


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError for groups, factors without an order, or points that are no such design.
    """
    no_groups(problem, "fast", "each factor has a frequency of its own along a curve")
    runs, least = len(points), 4 * settings.harmonics**2
    n = runs // problem.size
    if runs % problem.size or n <= least:
        raise refuse_size(
            "fast", runs, f"N x {problem.size} (factors), N more than {least} (4 M squared)"
        )
    fast = _Fast(n, problem.size, settings)
    notes = (
        "intervals from parts of a search curve are indicative only (SALib issue 649)",
        "no dummy: a factor without influence cannot be told for certain",
    )
    return Plan(fast, n, fast.sizes, problem.labels, 8 * (2 * runs + 8 * n), notes=notes)
