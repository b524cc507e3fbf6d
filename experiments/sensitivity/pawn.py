"""PAWN of all outputs at once: how far distributions move when a factor is held in a slice.

Kolmogorov-Smirnov distances by one walk up each sorted output: between two runs of a slice the
distance only shrinks or grows, so it need be looked at only where a run of the slice is passed.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
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
    refuse_size,
    sizes_of,
)
from model.errors import InputError

Bool = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def _walk(
    order: Int, tied: Bool, weight: Int, slice_of: Int, inside: Float, distance: Float
) -> None:
    """Distances of one output and one factor: ``distance`` (slices,), NaN where no runs are.

    ``order`` sorts the output; ``tied``: the next in order is equal; ``weight``: how often each
    run counts; ``slice_of``: the slice of each run, -1 for none; ``inside`` (slices,): runs there.
    """
    runs, slices = len(order), len(distance)
    passed = np.zeros(slices)
    whole = 0.0
    for place in range(runs):
        whole += weight[order[place]]
    for one in range(slices):
        distance[one] = 0.0 if inside[one] > 0.0 else np.nan
    below, start = 0.0, 0
    while start < runs:
        stop = start
        while tied[stop]:
            stop += 1
        above = below
        for place in range(start, stop + 1):  # just below: where the slice lags most
            run = order[place]
            one = slice_of[run]
            above += weight[run]
            if one >= 0 and inside[one] > 0.0:
                distance[one] = max(distance[one], abs(passed[one] / inside[one] - below / whole))
        for place in range(start, stop + 1):
            one = slice_of[order[place]]
            if one >= 0:
                passed[one] += weight[order[place]]
        for place in range(start, stop + 1):  # and just above: where it leads most
            one = slice_of[order[place]]
            if one >= 0 and inside[one] > 0.0:
                distance[one] = max(distance[one], abs(passed[one] / inside[one] - above / whole))
        below, start = above, stop + 1


@njit(cache=True, nogil=True)
def _counted(weight: Int, slice_of: Int, inside: Float) -> None:
    inside[:] = 0.0
    for run in range(len(weight)):
        if slice_of[run] >= 0:
            inside[slice_of[run]] += weight[run]


@njit(cache=True, nogil=True)
def _distances(order: Int, tied: Bool, weight: Int, slice_of: Int, distance: Float) -> None:
    """``distance`` (factors, slices, outputs) of outputs sorted in ``order`` (outputs, runs)."""
    factors, slices, outputs = distance.shape
    some, inside = np.empty(slices), np.empty(slices)
    for factor in range(factors):
        _counted(weight, slice_of[factor], inside)
        for output in range(outputs):
            _walk(order[output], tied[output], weight, slice_of[factor], inside, some)
            distance[factor, :, output] = some


@njit(cache=True, nogil=True)
def _middle(values: Float) -> float:
    """The median of those that are numbers; sorts in place, which few values make quick."""
    many = 0
    for at in range(len(values)):
        value = values[at]
        if value == value:
            place = many
            while place > 0 and values[place - 1] > value:
                values[place] = values[place - 1]
                place -= 1
            values[place] = value
            many += 1
    if many == 0:
        return np.nan
    middle: float = 0.5 * (values[(many - 1) // 2] + values[many // 2])
    return middle


@njit(cache=True, nogil=True)
def _medians(
    order: Int, tied: Bool, weights: Int, slice_of: Int, slices: int, median: Float
) -> None:
    """``median`` over slices (resamples, factors, outputs); weights (resamples, runs)."""
    resamples, factors, outputs = median.shape
    runs = order.shape[1]
    some, inside = np.empty(slices), np.empty(slices)
    drawn, equal = np.empty(runs, dtype=np.int64), np.empty(runs, dtype=np.bool_)
    for output in range(outputs):
        for resample in range(resamples):
            weight = weights[resample]
            many = 0
            for place in range(runs):  # only runs that were drawn, in order
                if weight[order[output, place]] > 0:
                    drawn[many], equal[many] = order[output, place], tied[output, place]
                    many += 1
                elif many > 0 and not tied[output, place]:
                    equal[many - 1] = False
            for factor in range(factors):
                _counted(weight, slice_of[factor], inside)
                _walk(drawn[:many], equal[:many], weight, slice_of[factor], inside, some)
                median[resample, factor, output] = _middle(some)


def slices_of(column: Float, slices: int, unordered: bool) -> Int:
    """The slice of each run (runs,): between quantiles; of a few values without order, each value.

    The largest value is in no slice between quantiles, as in SALib.
    """
    found, at = np.unique(column, return_inverse=True)
    if unordered and len(found) <= slices:
        return at.astype(np.int64)
    # The ends as SALib steps them.
    ends = np.quantile(column, np.minimum(np.arange(0, 1 + 1 / slices, 1 / slices), 1.0))
    slot = np.searchsorted(ends, column, side="right") - 1
    return np.where(slot < slices, slot, -1).astype(np.int64)


def sorted_outputs(values: Float) -> tuple[Int, Bool]:
    """Runs in order (outputs, runs), and whether the next one is equal."""
    order = np.argsort(values.T, axis=1, kind="stable")
    ranked = np.take_along_axis(values.T, order, axis=1)
    tied = np.zeros(order.shape, dtype=np.bool_)
    tied[:, :-1] = ranked[:, 1:] == ranked[:, :-1]
    return order.astype(np.int64), tied


def statistics(distance: Float) -> dict[str, Float]:
    """Over slices: distance (factors, slices, outputs) to tables (factors, outputs).

    Distances are shares, 0 to 1.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a factor that never varies: NaN
        mean, spread = np.nanmean(distance, axis=1), np.nanstd(distance, axis=1)
        return {
            "minimum": np.nanmin(distance, axis=1),
            "mean": mean,
            "median": np.nanmedian(distance, axis=1),
            "maximum": np.nanmax(distance, axis=1),
            "CV": spread / mean,
            "stdev": spread,
        }


class _Pawn:
    def __init__(self, points: Float, problem: Problem, settings: Settings) -> None:
        self.n, self.slices = len(points), settings.slices
        unordered = (*(problem.unordered or (False,) * problem.size), False)
        self.columns = np.column_stack([points, dummy_column(self.n, settings.seed)])
        self.unordered = unordered
        self.share = problem.members / problem.members.sum(axis=1, keepdims=True)
        self.sizes = sizes_of(self.n, least=2 * self.slices)
        drawn = np.random.default_rng(settings.seed).integers(
            self.n, size=(settings.resamples, self.n)
        )
        self.weights = np.array([np.bincount(row, minlength=self.n) for row in drawn])

    def _slots(self, size: int) -> Int:
        pairs = zip(self.columns[:size].T, self.unordered, strict=True)
        return np.array([slices_of(column, self.slices, alike) for column, alike in pairs])

    def __call__(self, values: Float) -> Estimate:
        outputs = values.shape[1]
        factors = self.columns.shape[1]
        tables: dict[str, Float] = {}
        by_size = np.empty((len(self.sizes), len(self.share), outputs))
        for row, size in zip(by_size, self.sizes, strict=True):
            slots = self._slots(size)
            order, tied = sorted_outputs(values[:size])
            distance = np.empty((factors, self.slices, outputs))
            _distances(order, tied, np.ones(size, dtype=np.int64), slots, distance)
            tables = statistics(distance)
            row[:] = self.share @ tables["median"][:-1]
        some = np.empty((len(self.weights), factors, outputs))
        _medians(order, tied, self.weights, slots, self.slices, some)
        tables["median_conf"] = half_width(some)
        # The mean of several columns is noise of another size than that of the dummy's one.
        alone = bool((self.share.max(axis=1) == 1.0).all())
        dummy = tables["median"][-1] + tables["median_conf"][-1]
        dummy = dummy if alone else np.full(outputs, np.nan)
        told = {name: self.share @ table[:-1] for name, table in tables.items()}
        return Estimate(told, "median", ("median_conf",), dummy, by_size)


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError where slices would be all but empty, or would hold unlike values of a factor
    without an order.
    """
    if len(points) < 2 * settings.slices:
        raise refuse_size("pawn", len(points), f"{2 * settings.slices} or more")
    for name, column, unordered in zip(problem.names, points.T, problem.unordered, strict=False):
        if unordered and (many := len(np.unique(column))) > settings.slices:
            raise InputError(
                "a factor without an order has more values than slices: slices of it mean nothing",
                key="factors",
                given=f"{name}, {many} values",
                allowed=f"at most {settings.slices} values; or sobol or morris",
            )
    pawn = _Pawn(points, problem, settings)
    working = 8 * (6 * len(points) + (problem.size + 1) * (settings.resamples + 2 * pawn.slices))
    notes = () if (pawn.share.max(axis=1) == 1.0).all() else ("no dummy with groups",)
    return Plan(pawn, pawn.n, pawn.sizes, problem.labels, working, most=256, notes=notes)
