"""The core as the engine does it: its own step, its own row loops, its own ageing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model import rows
from model.kernel import grow_older
from model.transitions import propagate
from tests.benchmarks.problem import Core, years

Float = npt.NDArray[np.float64]
Scratch = tuple[Float, Float, Float, Float]  # hazard, leaving, stock, series


def run(problem: Core) -> tuple[Float, Float]:
    """Person-years (years, Z, S) and the stock at the end (Z, S)."""
    stock = problem.stock.copy()
    lived = np.zeros((years(problem), *stock.shape))
    hazard, leaving, local = (rows.aligned(problem.base.size) for _ in range(3))
    _run_months(problem, stock, lived, (hazard, leaving, local, rows.aligned(3 * stock.size)))
    return lived, stock


@rows.lean()
def _run_months(core: Core, stock: Float, lived: Float, scratch: Scratch) -> None:
    months, _, regions = core.factor.shape
    for month in range(months):
        year = lived[month // 12]
        for p in range(core.state_start.size - 1):
            for r in range(regions):
                _set_hazards(core, p, r, month, scratch)
                _advance(core, p, r, stock, year, scratch)
        if month % 12 == 11:
            for z in range(stock.shape[0]):
                up, coming = core.moving_up[month // 12], core.coming[month // 12, z]
                grow_older(stock[z], up, coming, core.bands)


@rows.lean(inline="always")
def _set_hazards(core: Core, p: int, r: int, month: int, scratch: Scratch) -> None:
    hazard, leaving = scratch[:2]
    base, factor, origin = core.base, core.factor, core.origin
    start = core.region_start[r]
    width = core.region_start[r + 1] - start
    leaving[: (core.state_start[p + 1] - core.state_start[p]) * width] = 0.0
    first = core.flow_start[p]
    for f in range(first, core.flow_start[p + 1]):
        at = (f - first) * width
        rows.scaled(hazard, at, base[f], start, width, factor[month, f, r])
        rows.added(leaving, origin[f] * width, hazard, at, width)


@rows.lean(inline="always")
def _advance(
    core: Core,
    p: int,
    r: int,
    stock: Float,
    lived: Float,
    scratch: Scratch,
) -> None:
    hazard, leaving, local, work = scratch
    start = core.region_start[r]
    width = core.region_start[r + 1] - start
    first, last = core.state_start[p], core.state_start[p + 1]
    flows = slice(core.flow_start[p], core.flow_start[p + 1])
    cells = (last - first) * width
    for z in range(first, last):
        rows.copied(local, (z - first) * width, stock[z], start, width)
    propagate(
        width,
        core.origin[flows],
        core.destination[flows],
        hazard,
        leaving[:cells],
        local[:cells],
        work[: 3 * cells],
        1.0 / 12.0,
    )
    for z in range(first, last):
        at = (z - first) * width
        rows.copied(stock[z], start, local, at, width)
        rows.added(lived[z], start, work, at, width)
