"""Delta, the moment-independent measure of Borgonovo, from given data (Plischke et al. 2013).

How far the density of an output moves when a factor is held in a class. The densities of all
classes, resamples and outputs are summed in compiled loops; a kernel is carried from one point of
the grid to the next by two products instead of an exponential.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numba import njit

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

GRID = 100
BINS = 10  # of SALib's balanced bootstrap
NOTHING = 1e-18  # of a kernel's height: what is left out


@njit(cache=True, nogil=True)
def _density(values: Float, first: float, step: float, density: Float) -> bool:
    """Gaussian kernel density on a grid, width after Silverman; False where all are alike."""
    n, grid = len(values), len(density)
    density[:] = 0.0
    if n < 2:
        return False
    mean = values.mean()
    square = 0.0
    low, high = values[0], values[0]
    for value in values:
        square += (value - mean) ** 2
        low, high = min(low, value), max(high, value)
    if low == high or square == 0.0:
        return False
    width = square / (n - 1) * (n * 0.75) ** (-0.4)  # squared
    half = 0.5 / width
    shrink = math.exp(-step * step / width)
    for value in values:
        place = min(max(round((value - first) / step), 0), grid - 1)
        off = first + place * step - value
        top = math.exp(-off * off * half)
        density[place] += top
        for way in (1, -1):
            height = top
            ratio = math.exp(-(2.0 * way * off + step) * step * half)
            at = place + way
            while 0 <= at < grid:
                height *= ratio
                ratio *= shrink
                if height < NOTHING:
                    break
                density[at] += height
                at += way
    density /= n * math.sqrt(2.0 * math.pi * width)
    return True


@njit(cache=True, nogil=True)
def _moved(values: Float, ends: Int, low: float, high: float) -> float:
    """Delta of values in the order of the factor, in classes between ``ends``; NaN if all alike."""
    n = len(values)
    step = (high - low) / (GRID - 1)
    whole, part = np.empty(GRID), np.empty(GRID)
    if not _density(values, low, step, whole):
        return np.nan
    total = 0.0
    for one in range(len(ends) - 1):
        start, stop = ends[one], ends[one + 1]
        if not _density(values[start:stop], low, step, part):
            continue
        area = 0.5 * (abs(whole[0] - part[0]) + abs(whole[-1] - part[-1]))
        for at in range(1, GRID - 1):
            area += abs(whole[at] - part[at])
        total += (stop - start) / (2.0 * n) * area * step
    return total


@njit(cache=True, nogil=True)
def _explained(values: Float, ends: Int) -> float:
    """Share of the variance that lies between the classes' means."""
    if values.min() == values.max():
        return 0.0
    n, mean, between = len(values), values.mean(), 0.0
    for one in range(len(ends) - 1):
        part = values[ends[one] : ends[one + 1]]
        if len(part):
            between += len(part) / n * (part.mean() - mean) ** 2
    share: float = between / values.var()
    return share


@njit(cache=True, nogil=True)
def _deltas(values: Float, picked: Int, ends: Int, found: Float) -> None:
    """``found`` (resamples, outputs) of values (outputs, runs), runs picked in factor order."""
    for output in range(len(values)):
        low, high = values[output].min(), values[output].max()
        for resample in range(len(picked)):
            found[resample, output] = _moved(values[output][picked[resample]], ends, low, high)


@njit(cache=True, nogil=True)
def _shares(values: Float, picked: Int, ends: Int, found: Float) -> None:
    for output in range(len(values)):
        for resample in range(len(picked)):
            found[resample, output] = _explained(values[output][picked[resample]], ends)


def classes_of(n: int) -> Int:
    """Ends of the classes (classes + 1,) of n runs in the order of a factor."""
    exponent = 2.0 / (7.0 + math.tanh((1500.0 - n) / 500.0))
    many = round(min(math.ceil(n**exponent), 48))
    return np.floor(np.linspace(0, n, many + 1)).astype(np.int64)


def _balanced(column: Float) -> tuple[list[Int], Int, int] | None:
    """Bins of SALib's balanced bootstrap, how many it draws of each, and from the zeroes below.

    None where SALib gives up.
    """
    n = len(column)
    least = max(int(n * 0.005), 10)
    return _bins(column, np.linspace(column.min(), column.max(), BINS + 1), n, least)


def _halves(column: Float) -> tuple[list[Int], Int, int] | None:
    """The same of its "step" bootstrap, half of which is at or below 0."""
    n = len(column)
    least = max(int(n * 0.005), 10)
    above = column[column > 0]
    if len(above) < least or n - len(above) < least:
        return None
    ends = np.linspace(above.min(), above.max(), 6)
    return _bins(above, ends, n - int(0.5 * n), least // 2)


def _bins(column: Float, ends: Float, n: int, least: int) -> tuple[list[Int], Int, int] | None:
    slot = np.clip(np.searchsorted(ends, column, side="left") - 1, 0, len(ends) - 2)
    bins: list[Int] = []
    waiting: list[Int] = []
    for one in range(len(ends) - 1):
        waiting.append(np.nonzero(slot == one)[0].astype(np.int64))
        if sum(map(len, waiting)) >= least or one == len(ends) - 2:
            bins.append(np.concatenate(waiting))
            waiting = []
    each = n // len(bins)
    if len(bins) < 2 or each < least:
        return None
    extra = n - each * len(bins)
    return bins, np.array([each + (at < extra) for at in range(len(bins))]), len(column)


def draws_of(column: Float, resamples: int, random: np.random.RandomState) -> Iterator[Int]:
    """Resamples of the rows, as SALib draws them: of delta, then of the first order.

    SALib draws two more kinds of resamples, "balanced" and "step", from the same stream: their
    numbers are drawn and dropped. First (resamples + 1, n), the estimate's own on top; then again.
    """
    n = len(column)
    balanced = _balanced(column)
    if balanced is not None:
        for _ in range(resamples + 1):
            _drop(balanced, random)
    yield np.array([random.randint(n, size=n) for _ in range(resamples + 1)])
    halves = _halves(column)
    if halves is not None:
        zeroes = np.nonzero(column <= 0)[0]
        for _ in range(resamples + 1):
            random.choice(zeroes, size=int(0.5 * n), replace=True)
            _drop(halves, random)
    own = random.randint(n, size=n)
    yield np.vstack([own, random.choice(n, size=(resamples, n), replace=True)])


def _drop(drawn: tuple[list[Int], Int, int], random: np.random.RandomState) -> None:
    for rows, size in zip(drawn[0], drawn[1], strict=True):
        if len(rows):
            random.choice(rows, size=int(size), replace=True)


def _in_order(column: Float, drawn: Int) -> Int:
    order = np.argsort(column[drawn], axis=1, kind="stable")
    return np.take_along_axis(drawn, order, axis=1)


class _Delta:
    def __init__(self, points: Float, settings: Settings) -> None:
        self.n, self.factors = points.shape
        self.settings = settings
        # The dummy comes last: the draws of the factors are then those of SALib.
        self.columns = np.column_stack([points, dummy_column(self.n, settings.seed)])
        self.sizes = sizes_of(self.n, least=100)

    def __call__(self, values: Float) -> Estimate:
        lying = np.ascontiguousarray(values.T)
        shape = (self.factors + 1, len(lying))
        tables = {name: np.empty(shape) for name in ("delta", "delta_conf", "S1", "S1_conf")}
        by_size = np.empty((len(self.sizes), *shape))
        random = np.random.RandomState(self.settings.seed)
        ends = classes_of(self.n)
        some = np.empty((self.settings.resamples + 1, len(lying)))
        for factor, column in enumerate(self.columns.T):
            draws = draws_of(column, self.settings.resamples, random)
            _deltas(lying, _in_order(column, next(draws)), ends, some)
            unbiased = 2.0 * some[0] - some[1:]
            tables["delta"][factor] = unbiased.mean(axis=0)
            tables["delta_conf"][factor] = half_width(unbiased)
            _shares(lying, _in_order(column, next(draws)), ends, some)
            tables["S1"][factor], tables["S1_conf"][factor] = some[0], half_width(some[1:])
            by_size[:, factor] = self._grown(lying, column, factor)
        by_size[-1] = tables["delta"]
        dummy = np.abs(tables["delta"][-1]) + tables["delta_conf"][-1]
        told = {name: table[:-1] for name, table in tables.items()}
        return Estimate(told, "delta", ("delta_conf",), dummy, by_size[:, :-1])

    def _grown(self, lying: Float, column: Float, factor: int) -> Float:
        """The same from the first rows, with ten resamples against the bias: (sizes, outputs)."""
        found = np.empty((len(self.sizes), len(lying)))
        some = np.empty((11, len(lying)))
        for row, size in zip(found[:-1], self.sizes[:-1], strict=True):
            rng = np.random.default_rng([self.settings.seed, size, factor])
            drawn = rng.integers(size, size=(11, size))
            _deltas(
                np.ascontiguousarray(lying[:, :size]),
                _in_order(column, drawn),
                classes_of(size),
                some,
            )
            row[:] = (2.0 * some[0] - some[1:]).mean(axis=0)
        return found


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError for groups, factors without an order, or too few points for densities by
    class.
    """
    no_groups(problem, "delta", "densities are compared in classes of one factor")
    if len(points) < 100:
        raise refuse_size("delta", len(points), "100 or more")
    delta = _Delta(points, settings)
    working = 8 * (6 * len(points) + settings.resamples + 12 * problem.size)
    notes = ("delta is that of plain resampling, SALib's delta_raw",)
    return Plan(delta, delta.n, delta.sizes, problem.labels, working, most=32, notes=notes)
