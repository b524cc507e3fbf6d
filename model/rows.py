"""Array loops over one row of strata, the vocabulary of the kernel.

Unsigned indices and sums that may be reordered let the compiler vectorise them. ``at`` and
``start`` are the first cell of the row in each array, ``width`` its number of strata. Shapes: all
arrays are flat, rows of strata one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from model import hazards

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

_FAST = {"reassoc", "contract", "nsz"}
_LINE = 64  # bytes of a cache line, and of the widest vector

_Function = TypeVar("_Function", bound=Callable[..., object])


def lean(**options: Any) -> Callable[[_Function], _Function]:
    """Compile a function that neither makes nor returns arrays; ``options`` as for njit.

    Numba counts who holds each array, with a locked instruction twice a row: more work than many
    a loop here. These functions leave that out (numba refuses those that need it).
    """
    compiled: Callable[[_Function], _Function] = njit(
        cache=True, nogil=True, **{"_nrt": False, **options}
    )
    return compiled


def aligned(size: int) -> Float:
    """Dimensionless zeros, shape (size,), from a cache line on: vectors across two cost double."""
    room = np.zeros(size + _LINE // 8)
    skipped = -room.ctypes.data % _LINE // room.itemsize
    return room[skipped : skipped + size]


@lean(fastmath=_FAST)
def scaled(target: Float, at: int, row: Float, start: int, width: int, factor: float) -> None:
    """Put the hazards of a row, each multiplied by ``factor``."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] = hazards.transition(row[b + s], factor, 1.0)


@lean(fastmath=_FAST)
def looked_up(target: Float, at: int, values: Float, cell: Int, start: int, width: int) -> None:
    """Multiply by the value of each stratum's cell."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] *= values[uint64(cell[b + s])]


@lean(fastmath=_FAST)
def coupled(hazard: Float, at: int, use: Float, start: int, width: int, excess: float) -> None:
    """Multiply hazards by the coupling to use of another product in each stratum."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        coupling = hazards.coupling_factor(use[b + s], excess)
        hazard[a + s] = hazards.transition(hazard[a + s], 1.0, coupling)


@lean(fastmath=_FAST)
def copied(target: Float, at: int, row: Float, start: int, width: int) -> None:
    """Put the values of a row."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] = row[b + s]


@lean(fastmath=_FAST)
def added(target: Float, at: int, row: Float, start: int, width: int) -> None:
    """Add the values of a row."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] += row[b + s]


@lean(fastmath=_FAST)
def added_scaled(target: Float, at: int, row: Float, start: int, width: int, factor: float) -> None:
    """Add the values of a row times ``factor``."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] += row[b + s] * factor


@lean(fastmath=_FAST)
def product(first: Float, at: int, second: Float, start: int, width: int) -> float:
    """Sum of the products of two rows, in the product of their units."""
    a, b = uint64(at), uint64(start)
    total = 0.0
    for s in range(uint64(width)):
        total += first[a + s] * second[b + s]
    return total


@lean(fastmath=_FAST)
def added_product(
    target: Float, to: int, first: Float, at: int, second: Float, start: int, width: int
) -> None:
    """Add the products of two rows."""
    a, b, c = uint64(at), uint64(start), uint64(to)
    for s in range(uint64(width)):
        target[c + s] += first[a + s] * second[b + s]


@lean(fastmath=_FAST)
def added_share(
    target: Float, first: Float, second: Float, start: int, width: int, factor: float
) -> None:
    """Add the products of two rows times ``factor``; all three start at one place."""
    a = uint64(start)
    for s in range(uint64(width)):
        target[a + s] += first[a + s] * second[a + s] * factor


@lean(fastmath=_FAST)
def summed(row: Float, start: int, width: int) -> float:
    """Sum of a row, in its unit."""
    a = uint64(start)
    total = 0.0
    for s in range(uint64(width)):
        total += row[a + s]
    return total


@lean(fastmath=_FAST)
def excess_rate(
    target: Float, at: int, rate: Float, excess: Float, start: int, width: int, change: float
) -> None:
    """Add excess deaths per person-year: ``rate`` times ``excess`` times ``change``."""
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] = hazards.excess_mortality(rate[b + s], excess[b + s] * change)


@lean()
def shared(row: Float, people: Float) -> None:
    """Divide by ``people`` in place; 0 where nobody is."""
    for s in range(uint64(row.size)):
        row[s] = row[s] / people[s] if people[s] > 0.0 else 0.0


@lean()
def survival(factor: Float, after: Float, before: Float, excess: Float) -> None:
    """Put the factor on stocks: ``after`` over ``before`` less ``excess``; 0 where none is left."""
    for s in range(uint64(factor.size)):
        rest = before[s] - excess[s]
        factor[s] = after[s] / rest if rest > 0.0 else 0.0


@lean(fastmath=_FAST)
def kept(row: Float, factor: Float) -> float:
    """Multiply a row in place; sum of its negative parts in its unit (NaN stays NaN).

    The sum counts each twice.
    """
    negative = 0.0
    for s in range(uint64(row.size)):
        value = row[s] * factor[s]
        row[s] = value
        negative += value - abs(value)
    return negative
