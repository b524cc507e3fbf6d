"""The core with scipy's general solver, ``solve_ivp`` (RK45), month by month.

Hazards jump at month ends, where a solver with error control would reject steps: each month is
therefore one call. All products, regions and strata go into it as one system, so that Python's
costs are paid once and not 15 000 times, and the right-hand side is one product with a sparse
matrix, whose values are refilled each month. Person-years are the integral of the solution: they
are solved as further unknowns, as error control asks for.

The solver chooses its own steps. ``whole`` tells it to try the whole month first, which it
accepts, because its error norm is a mean over all unknowns: the least work that it can do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.sparse import csr_array

from tests.benchmarks.problem import Core, years

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class _System:
    """The sparse matrix of all flows, its values filled from the month's hazards."""

    def __init__(self, problem: Core) -> None:
        states, strata = problem.stock.shape
        first = np.repeat(problem.state_start[:-1], np.diff(problem.flow_start))
        at = np.arange(strata)
        come = (problem.origin + first)[:, None] * strata + at
        go = (problem.destination + first)[:, None] * strata + at
        diagonal = np.arange(states * strata)
        row = np.concatenate([diagonal, go.ravel()])
        column = np.concatenate([diagonal, come.ravel()])
        order = np.lexsort((column, row))
        starts = np.searchsorted(row[order], np.arange(states * strata + 1))
        self.origin = problem.origin + first
        self.place = np.argsort(order)  # of the diagonal, then of each flow's hazard
        size = states * strata
        self.matrix = csr_array((np.zeros(order.size), column[order], starts), shape=(size, size))
        self.problem = problem
        widths = np.diff(problem.region_start)
        self.region = np.repeat(np.arange(widths.size), widths)

    def set_month(self, month: int) -> None:
        problem = self.problem
        hazard = problem.base * problem.factor[month][:, self.region]
        leaving = np.zeros_like(problem.stock)
        for row, come in zip(hazard, self.origin.tolist(), strict=True):
            leaving[come] += row
        self.matrix.data[self.place] = np.concatenate([-leaving.ravel(), hazard.ravel()])

    def rate(self, _: float, both: Float) -> Float:
        stock = both[: both.size // 2]
        return np.concatenate([self.matrix @ stock, stock])


def run(
    problem: Core, rtol: float = 1e-3, atol: float = 1e-6, *, whole: bool = False
) -> tuple[Float, Float]:
    """Person-years (years, Z, S) and the stock at the end (Z, S)."""
    system = _System(problem)
    stock = problem.stock.copy()
    lived = np.zeros((years(problem), *stock.shape))
    span = 1.0 / 12.0
    for month in range(len(problem.factor)):
        system.set_month(month)
        both = np.concatenate([stock.ravel(), np.zeros(stock.size)])
        first = span if whole else None
        done = solve_ivp(
            system.rate, (0.0, span), both, t_eval=[span], rtol=rtol, atol=atol, first_step=first
        )
        stock, integral = done.y[:, -1].reshape(2, *stock.shape).copy()
        lived[month // 12] += integral
        if month % 12 == 11:
            _grow_older(problem, stock, month // 12)
    return lived, stock


def _grow_older(problem: Core, stock: Float, year: int) -> None:
    moved = stock * problem.moving_up[year]
    stock -= moved
    moved[:, 1:] = moved[:, :-1].copy()
    moved[:, :: problem.bands] = problem.coming[year]
    stock += moved
