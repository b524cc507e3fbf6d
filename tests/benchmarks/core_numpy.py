"""The core in numpy, batched over draws: what array code without a compiler can do.

Columns hold all strata of all draws (region by region), so that one call of numpy works on
thousands of numbers; nothing is allocated in the loops over flows. Blocks (a region of a draw)
that need fewer terms or parts than others take steps of length 0: the same sums as the engine's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.transitions import FEWEST_TERMS, LARGEST, MOST_PARTS, MOST_TERMS, TOLERANCE
from tests.benchmarks.problem import Core, years

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class _Batch(NamedTuple):
    """Columns of all draws: which strata they are, where blocks and regions start."""

    stratum: Int  # (columns,)
    draw: Int
    block_start: Int  # (R * draws,)
    block_width: Int
    regions: list[slice]


def _batch(problem: Core, draws: int) -> _Batch:
    widths = np.diff(problem.region_start)
    pieces = [
        (d, np.arange(start, start + width))
        for start, width in zip(problem.region_start[:-1], widths, strict=True)
        for d in range(draws)
    ]
    block_width = np.repeat(widths, draws)
    ends = np.cumsum(widths * draws)
    return _Batch(
        stratum=np.concatenate([strata for _, strata in pieces]),
        draw=np.concatenate([np.full(strata.size, d) for d, strata in pieces]),
        block_start=np.cumsum(block_width) - block_width,
        block_width=block_width,
        regions=[slice(e - w * draws, e) for e, w in zip(ends, widths, strict=True)],
    )


def run(problem: Core, draws: int = 1) -> tuple[Float, Float]:
    """Person-years (draws, years, Z, S) and final stock (draws, Z, S) of ``draws`` equal draws."""
    batch = _batch(problem, draws)
    base = problem.base[:, batch.stratum]
    stock = problem.stock[:, batch.stratum]
    lived = np.zeros((years(problem), *stock.shape))
    flows, states = int(np.diff(problem.flow_start).max()), int(np.diff(problem.state_start).max())
    hazard = np.empty((flows, stock.shape[1]))
    leaving = np.empty((states, stock.shape[1]))
    for month, factor in enumerate(problem.factor):
        for p in range(len(problem.state_start) - 1):
            at = slice(problem.flow_start[p], problem.flow_start[p + 1])
            own = slice(problem.state_start[p], problem.state_start[p + 1])
            origin, destination = problem.origin[at].tolist(), problem.destination[at].tolist()
            for r, columns in enumerate(batch.regions):
                rates = hazard[: len(origin), columns]
                np.multiply(base[at, columns], factor[at, r, None], out=rates)
            total = leaving[: own.stop - own.start]
            total[:] = 0.0
            for f, come in enumerate(origin):
                total[come] += hazard[f]
            flow = list(zip(hazard, origin, destination, strict=False))
            lived[month // 12, own] += _propagate(batch, flow, total, stock[own], 1.0 / 12.0)
        if month % 12 == 11:
            _grow_older(problem, batch, stock, month // 12)
    return _by_draw(batch, lived, draws), _by_draw(batch, stock, draws)


def _steps(batch: _Batch, leaving: Float, stock: Float, years: float) -> tuple[Int, Float, Int]:
    """Parts, length of a part and terms of each block."""
    largest = np.maximum.reduceat(leaving.max(axis=0), batch.block_start)
    parts = np.where(largest * years > LARGEST, np.ceil(largest * years / LARGEST), 1.0)
    parts = np.minimum(parts, MOST_PARTS)
    step = years / parts
    x = leaving * np.repeat(step, batch.block_width)
    power = x * x
    power *= power
    power *= x
    size = np.add.reduceat(np.einsum("zc,zc->c", power, stock), batch.block_start) / 120.0
    people = np.add.reduceat(stock.sum(axis=0), batch.block_start)
    terms = np.full(len(step), FEWEST_TERMS)
    while (more := (terms < MOST_TERMS) & (size > TOLERANCE * people)).any():
        terms[more] += 1
        size[more] *= (largest * step / terms)[more]
    return parts.astype(np.int64), step, terms


def _propagate(
    batch: _Batch, flows: list[tuple[Float, int, int]], leaving: Float, stock: Float, years: float
) -> Float:
    """Advance ``stock`` in place by ``years``; returns its time integral."""
    parts, step, terms = _steps(batch, leaving, stock, years)
    level, change, integral = np.empty_like(stock), np.empty_like(stock), np.zeros_like(stock)
    moved = np.empty(stock.shape[1])

    def rate() -> None:
        np.multiply(leaving, level, out=change)
        np.negative(change, out=change)
        for hazard, come, go in flows:
            np.multiply(hazard, level[come], out=moved)
            change[go] += moved

    for part in range(int(parts.max())):
        length = np.where(part < parts, step, 0.0)
        level[:] = stock
        rate()
        for k in range(int(terms.max()), 1, -1):
            shorter = np.where(k <= terms, length / k, 0.0)
            np.multiply(change, np.repeat(shorter, batch.block_width), out=level)
            level += stock
            rate()
        columns = np.repeat(length, batch.block_width)
        level *= columns
        integral += level
        change *= columns
        stock += change
    return integral


def _grow_older(problem: Core, batch: _Batch, stock: Float, year: int) -> None:
    up = problem.moving_up[year][batch.stratum]
    moved = stock * up
    stock -= moved
    first = batch.stratum % problem.bands == 0
    moved[:, 1:] = moved[:, :-1].copy()
    moved[:, first] = problem.coming[year][:, batch.stratum[first] // problem.bands]
    stock += moved


def _by_draw(batch: _Batch, columns: Float, draws: int) -> Float:
    chosen = [columns[..., batch.draw == d] for d in range(draws)]
    return np.stack(chosen)
