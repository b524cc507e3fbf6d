"""Rows that are statistics: the mean and quantiles over all draws (and seeds) of a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.batch.job import Computed, Failure, Single
from experiments.batch.kept import statistics_of
from experiments.batch.runs import Runs

if TYPE_CHECKING:
    from experiments.batch.plan import Batch

Int = npt.NDArray[np.int64]

MOST_BYTES = 400e6  # of the values of all draws that are held at once


def summarised(batch: Batch, first: int, last: int) -> Computed:
    """Rows ``first`` to ``last`` (not included): statistics over the draws of each run.

    Where a draw has no value neither have its statistics; where a draw failed the rows fail.
    """
    from experiments.batch.work import computed

    each = len(statistics_of(batch.quantiles))
    outputs = len(batch.outputs["year"])
    values = np.full((last - first, outputs), np.nan, dtype=np.float32)
    failures: list[Failure] = []
    pairs = np.arange(first // each, -(-last // each) if last > first else first // each)
    many = batch.draws * batch.seeds
    size = max(1, int(MOST_BYTES // max(1, many * outputs * 4)))
    for start in range(0, len(pairs), size):
        some = pairs[start : start + size]
        found, failed = computed(batch, _runs(batch, some * each))
        # Draws and seeds are outermost in the runs, pairs within.
        found = found.reshape(many, len(some), outputs)
        for k, pair in enumerate(some.tolist()):
            own = {run // len(some): why for run, why in failed.items() if run % len(some) == k}
            rows = range(max(first, pair * each), min(last, (pair + 1) * each))
            if own:
                failures += [Failure(row, own[min(own)]) for row in rows]
                continue
            statistics = statistics_over(found[:, k], batch.quantiles)
            for row in rows:
                values[row - first] = statistics[row - pair * each]
    return Computed(values, tuple(failures))


def statistics_over(values: Single, quantiles: tuple[float, ...]) -> Single:
    """Mean and quantiles over the first axis: (runs, M) to (1 + quantiles, M).

    In the unit of the values.
    """
    whole = values.astype(np.float64)
    found = np.stack([whole.mean(axis=0), *np.quantile(whole, quantiles, axis=0)])
    return found.astype(np.float32)


def _runs(batch: Batch, rows: Int) -> Runs:
    """All draws and seeds of the pairs that begin at these rows: draw > seed > pair."""
    points = np.asarray(batch.rows["point"], dtype=np.int64)[rows]
    number = {scenario.id: i for i, scenario in enumerate(batch.scenarios)}
    ids = batch.rows["scenario"][rows].tolist()
    shape = (batch.draws, batch.seeds, len(rows))
    draw, seed, pair = np.unravel_index(np.arange(int(np.prod(shape))), shape)
    point = points[pair]
    if (column := batch.column("posterior")) is not None:
        draw = batch.points[point, column].astype(np.int64)
    if (column := batch.column("seed")) is not None:
        seed = batch.points[point, column].astype(np.int64)
    scenario = np.array([number[one] for one in ids], dtype=np.int64)[pair]
    return Runs(scenario, point, np.asarray(draw, np.int64), np.asarray(seed, np.int64))
