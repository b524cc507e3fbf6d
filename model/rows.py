"""Array loops over one row of strata, the vocabulary of the kernel.

Unsigned indices and sums that may be reordered let the compiler vectorise them. ``at`` and
``start`` are the first cell of the row in each array, ``width`` its number of strata.
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
    """Zeros, shape (size,), that start on a cache line: vectors across two lines cost double."""
    room = np.zeros(size + _LINE // 8)
    skipped = -room.ctypes.data % _LINE // room.itemsize
    return room[skipped : skipped + size]


@lean(fastmath=_FAST)
def scaled(target: Float, at: int, row: Float, start: int, width: int, factor: float) -> None:
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
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        coupling = hazards.coupling_factor(use[b + s], excess)
        hazard[a + s] = hazards.transition(hazard[a + s], 1.0, coupling)


@lean(fastmath=_FAST)
def copied(target: Float, at: int, row: Float, start: int, width: int) -> None:
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] = row[b + s]


@lean(fastmath=_FAST)
def added(target: Float, at: int, row: Float, start: int, width: int) -> None:
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] += row[b + s]


@lean(fastmath=_FAST)
def added_scaled(target: Float, at: int, row: Float, start: int, width: int, factor: float) -> None:
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] += row[b + s] * factor


@lean(fastmath=_FAST)
def product(first: Float, at: int, second: Float, start: int, width: int) -> float:
    a, b = uint64(at), uint64(start)
    total = 0.0
    for s in range(uint64(width)):
        total += first[a + s] * second[b + s]
    return total


@lean(fastmath=_FAST)
def added_product(
    target: Float, to: int, first: Float, at: int, second: Float, start: int, width: int
) -> None:
    a, b, c = uint64(at), uint64(start), uint64(to)
    for s in range(uint64(width)):
        target[c + s] += first[a + s] * second[b + s]


@lean(fastmath=_FAST)
def added_share(
    target: Float, first: Float, second: Float, start: int, width: int, factor: float
) -> None:
    a = uint64(start)
    for s in range(uint64(width)):
        target[a + s] += first[a + s] * second[a + s] * factor


@lean(fastmath=_FAST)
def summed(row: Float, start: int, width: int) -> float:
    a = uint64(start)
    total = 0.0
    for s in range(uint64(width)):
        total += row[a + s]
    return total


@lean(fastmath=_FAST)
def excess_rate(
    target: Float, at: int, rate: Float, excess: Float, start: int, width: int, change: float
) -> None:
    a, b = uint64(at), uint64(start)
    for s in range(uint64(width)):
        target[a + s] = hazards.excess_mortality(rate[b + s], excess[b + s] * change)


@lean()
def shared(row: Float, people: Float) -> None:
    for s in range(uint64(row.size)):
        row[s] = row[s] / people[s] if people[s] > 0.0 else 0.0


@lean()
def survival(factor: Float, after: Float, before: Float, excess: Float) -> None:
    for s in range(uint64(factor.size)):
        rest = before[s] - excess[s]
        factor[s] = after[s] / rest if rest > 0.0 else 0.0


@lean(fastmath=_FAST)
def kept(row: Float, factor: Float) -> float:
    """Multiply a row in place; returns the sum of its negative parts (NaN stays NaN)."""
    negative = 0.0
    for s in range(uint64(row.size)):
        value = row[s] * factor[s]
        row[s] = value
        negative += value - abs(value)
    return negative
