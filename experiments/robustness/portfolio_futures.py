"""Portfolios in the real model: each in all futures of a study, in this process or in several."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from experiments.batch.job import Labels
from experiments.batch.plan import Batch
from experiments.robustness.portfolio_problem import Float
from experiments.robustness.portfolio_study import Portfolio, read_portfolio
from model.errors import InputError

MOST_RUNS = 4000  # of one call, so that its rows stay small
_READ: dict[str, Portfolio] = {}


def outcomes_of(portfolio: Portfolio, positions: Float) -> Float:
    """Outcomes (n, futures, outcomes) of portfolios (n, levers). Raises FloatingPointError.

    A future is a draw (outermost) and a point. All runs are those of a batch whose points are
    portfolios times futures, so that numbers are those that a batch would keep.
    """
    from experiments.batch.work import compute

    batch = portfolio.batch
    count, each, draws = len(positions), len(batch.points), batch.draws
    points = np.tile(batch.points, (count, 1))
    points[:, portfolio.levers] = np.repeat(positions, each, axis=0)
    wanted = replace(batch, points=points)
    wanted = replace(wanted, rows=_rows(wanted))
    computed = compute(wanted, 0, draws * count * each)
    if computed.failures:
        failed = computed.failures[0]
        raise FloatingPointError(
            f"{len(computed.failures)} runs of portfolios failed, the first as: {failed.reason}"
        )
    found = computed.values[:, portfolio.outputs].astype(np.float64)
    found = found.reshape(draws, count, each, len(portfolio.outputs))
    moved = np.moveaxis(found, 1, 0)
    return np.asarray(moved.reshape(count, draws * each, len(portfolio.outputs)))


def _rows(batch: Batch) -> Labels:
    """Labels of rows: draw, then point; where the point names its draw, that one."""
    shape = (batch.draws, len(batch.points))
    draw, point = np.unravel_index(np.arange(shape[0] * shape[1]), shape)
    column = batch.column("posterior")
    if column is not None:
        draw = batch.points[point, column]
    return {
        "scenario": np.full(len(point), batch.scenarios[0].id),
        "point": point.astype(np.int64),
        "draw": draw.astype(np.int64),
        "seed": np.zeros(len(point), dtype=np.int64),
    }


@dataclass(frozen=True, eq=False)
class InFutures:
    """An ``Evaluator`` over the futures of a study; ``pool``: other processes, if any."""

    portfolio: Portfolio
    workers: int = 1
    pool: ProcessPoolExecutor | None = None
    fresh: bool = False

    def evaluate(self, positions: Float) -> Float:
        """Outcomes (n, futures, outcomes) in their units of positions (n, levers), in per cent.

        Raises FloatingPointError when the model breaks down, InputError when a worker reads
        otherwise.
        """
        most = max(1, MOST_RUNS // self.portfolio.futures)
        parts = max(min(self.workers, len(positions)), -(-len(positions) // most))
        chunks = np.array_split(positions, max(parts, 1))
        if self.pool is None:
            found = [outcomes_of(self.portfolio, chunk) for chunk in chunks]
        else:
            found = self._apart(self.pool, chunks)
        return np.concatenate(found)

    def _apart(self, pool: ProcessPoolExecutor, chunks: list[Float]) -> list[Float]:
        batch = self.portfolio.batch
        told = (self.portfolio.path, batch.catalogue, self.fresh, batch.digest)
        try:
            return list(pool.map(partial(_outcomes, told), chunks))
        except BrokenProcessPool:
            raise InputError(
                "a worker process ended before its work did, perhaps for lack of memory",
                key="--workers",
                given=self.workers,
                allowed="fewer workers; the search goes on from its last generation",
            ) from None


@contextmanager
def evaluator(portfolio: Portfolio, workers: int, fresh: bool = False) -> Iterator[InFutures]:
    """An evaluator of a study of portfolios; its processes end with it. Raises InputError."""
    if workers < 1:
        raise InputError("no workers", key="--workers", given=workers, allowed="1 or more")
    if workers == 1:
        yield InFutures(portfolio)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield InFutures(portfolio, workers, pool, fresh)


def _outcomes(told: tuple[Path, Path | None, bool, str], positions: Float) -> Float:
    """What a worker does: it reads the study itself, once. Raises InputError where that differs."""
    path, catalogue, fresh, digest = told
    if digest not in _READ:
        found = read_portfolio(path, catalogue, fresh)
        if found.batch.digest != digest:
            raise InputError(
                "the study, or something that it reads, changed since the search began",
                file=str(path),
                allowed="run it again when files are as they should be",
            )
        _READ[digest] = found
    return outcomes_of(_READ[digest], positions)
