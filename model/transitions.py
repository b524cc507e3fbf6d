"""The core kernel: constant hazards over one step, solved for one product and region.

With hazards constant over a step of length t, ``dx/dt = A x + b``. The person-years of the step,
``I = integral of x``, are a truncated series in nested form; then ``x(t) = x + A I + b t``, so that
transitions (hazard times person-years) account for every person. The fixed point of ``A`` is exact
at any truncation (docs/decisions/003). Loops run over strata with unsigned flat indices, so that
the compiler vectorises them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import uint64

from model.rows import copied, lean

TOLERANCE = 1e-9  # size of the last term kept, as a share of the block's people
LARGEST = 1.5  # hazard x step above which a step is split
FEWEST_TERMS = 5  # with LARGEST, enough that no stock can turn negative
MOST_TERMS = 40
MOST_PARTS = 10_000

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# Sums may be reordered and contracted so that they vectorise; values need not be finite.
_FAST = {"reassoc", "contract", "nsz"}


@lean(fastmath={"reassoc", "nsz", "nnan"})
def _largest(values: Float) -> float:
    largest = 0.0
    for i in range(uint64(values.size)):
        largest = max(largest, values[i])
    return largest


@lean(fastmath=_FAST)
def _arrive(
    width: int, origin: Int, destination: Int, hazard: Float, level: Float, change: Float
) -> None:
    """Add to ``change`` the people who arrive. Flows are sorted by destination: up to three with
    the same one go through the loop together, which saves reading and writing ``change``."""
    n = uint64(width)
    f = 0
    while f < origin.size:
        into = destination[f]
        together = 1
        while (
            together < 3
            and f + together < origin.size
            and destination[f + together] == into
            and origin[f + together] >= 0
            and origin[f] >= 0
        ):
            together += 1
        if into < 0:
            f += 1
            continue
        to, h0 = uint64(into * width), uint64(f * width)
        if origin[f] < 0:
            for s in range(n):
                change[to + s] += hazard[h0 + s]
            f += 1
            continue
        h1, h2 = h0 + n, h0 + n + n
        from0 = uint64(origin[f] * width)
        if together == 3:
            from1, from2 = uint64(origin[f + 1] * width), uint64(origin[f + 2] * width)
            for s in range(n):
                change[to + s] += (
                    hazard[h0 + s] * level[from0 + s]
                    + hazard[h1 + s] * level[from1 + s]
                    + hazard[h2 + s] * level[from2 + s]
                )
        elif together == 2:
            from1 = uint64(origin[f + 1] * width)
            for s in range(n):
                change[to + s] += (
                    hazard[h0 + s] * level[from0 + s] + hazard[h1 + s] * level[from1 + s]
                )
        else:
            for s in range(n):
                change[to + s] += hazard[h0 + s] * level[from0 + s]
        f += together


@lean(fastmath=_FAST)
def _term(stock: Float, leaving: Float, level: Float, change: Float, step: float) -> None:
    """level = stock + step * change; change = people who leave ``level`` (negative)."""
    for i in range(uint64(stock.size)):
        value = stock[i] + step * change[i]
        level[i] = value
        change[i] = -leaving[i] * value


@lean(fastmath=_FAST)
def _terms(stock: Float, leaving: Float, step: float, largest: float) -> int:
    """Terms to keep: the first whose size, led by the fast states, is below TOLERANCE."""
    people = 0.0
    fast = 0.0
    for i in range(uint64(stock.size)):
        x = leaving[i] * step
        people += stock[i]
        fast += stock[i] * (x * x) * (x * x) * x
    terms = FEWEST_TERMS
    size = fast / 120.0
    while terms < MOST_TERMS and size > TOLERANCE * people:
        terms += 1
        size *= largest * step / terms
    return terms


@lean(fastmath=_FAST)
def propagate(
    width: int,
    origin: Int,
    destination: Int,
    hazard: Float,
    leaving: Float,
    stock: Float,
    work: Float,
    years: float,
) -> None:
    """Advance ``stock`` by ``years`` and leave its time integral in ``work``.

    Flat arrays, ``width`` strata a row: ``hazard`` one row a flow (per person per year; persons
    per year where ``origin`` is negative), flows sorted by destination; ``leaving`` one row a
    state (sum of its hazards), ``stock`` one row a state. ``work`` has three rows a state: time
    integral, level, change. A negative ``destination`` leaves the model.
    """
    size = stock.size
    integral, level, change = work[:size], work[size : 2 * size], work[2 * size : 3 * size]
    largest = _largest(leaving)
    parts = 1
    if largest * years > LARGEST:
        parts = min(MOST_PARTS, int(np.ceil(largest * years / LARGEST)))
    step = years / parts
    terms = _terms(stock, leaving, step, largest)
    for part in range(parts):
        _term(stock, leaving, level, change, 0.0 if part == 0 else step)
        if part > 0:
            copied(stock, 0, level, 0, size)
        _arrive(width, origin, destination, hazard, level, change)
        for k in range(terms, 1, -1):
            _term(stock, leaving, level, change, step / k)
            _arrive(width, origin, destination, hazard, level, change)
        # level is now the mean stock of the step, and change its rate of change.
        if part == 0:
            for i in range(uint64(size)):
                integral[i] = step * level[i]
        else:
            for i in range(uint64(size)):
                integral[i] += step * level[i]
    for i in range(uint64(size)):
        stock[i] += step * change[i]
