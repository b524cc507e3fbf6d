"""Hazards of the month as both kernels of the agent engine read them, and what they count.

All counts are integers (times in ticks), so that sums do not depend on the order of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.rows import lean
from model.structure import NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

TICKS = 1 << 20  # of a month
DIED, OVERDOSED = -1, -2  # instead of a flow: death by excess mortality, and by overdose


class Hazards(NamedTuple):
    """Hazards per person per year of one month. F flows, Z states, S strata (of the nation)."""

    flow: Float  # (F, S)
    excess: Float  # (Z, S) excess mortality without overdoses
    overdose: Float  # (Z, S) deaths by overdose
    leaving: Float  # (Z, S) sum of all of these out of the state


class Tally(NamedTuple):
    """What changed in a month, in agents. Z states, C counters, P products, S strata."""

    stock: Int  # (Z, S) change of the number of people
    time: Int  # (Z, S) ticks more (or fewer) than the people of the start of the month would live
    counted: Int  # (C, S) transitions
    died: Int  # (P, S) excess deaths, overdoses among them
    overdosed: Int  # (P, S)
    asked: Int  # (services, R)
    left: Int  # (services, R)


@lean()
def choose(hazards: Hazards, wiring: Wiring, p: int, z: int, s: int, u: float) -> int:
    """Which way out of state ``z`` (within product ``p``) at a uniform ``u``: a flow of all flows,
    DIED or OVERDOSED. ``s`` is a stratum of the nation."""
    at = wiring.state_start[p] + z
    rest = u * hazards.leaving[at, s]
    last = DIED
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] == z and hazards.flow[f, s] > 0.0:
            rest -= hazards.flow[f, s]
            last = f
            if rest < 0.0:
                return f
    if hazards.excess[at, s] > 0.0:
        rest -= hazards.excess[at, s]
        last = DIED
        if rest < 0.0:
            return DIED
    if hazards.overdose[at, s] > 0.0:
        return OVERDOSED
    return last


@lean(forceinline=True)
def record(
    tally: Tally, wiring: Wiring, p: int, z: int, way: int, s: int, region: int, at: float
) -> int:
    """Count one move out of state ``z`` at time ``at`` (0 to 1) of the month.

    Returns the new state within the product, or NOBODY when the person died or left the model.
    """
    first = wiring.state_start[p]
    left = np.int64((1.0 - at) * TICKS)
    tally.stock[first + z, s] -= 1
    tally.time[first + z, s] -= left
    if way < 0:
        tally.died[p, s] += 1
        if way == OVERDOSED:
            tally.overdosed[p, s] += 1
        if wiring.treating_service[first + z] != NOBODY:
            tally.left[wiring.treating_service[first + z], region] += 1
        return NOBODY
    if wiring.counter[way] != NOBODY:
        tally.counted[wiring.counter[way], s] += 1
    if wiring.asks[way] != NOBODY:
        tally.asked[wiring.asks[way], region] += 1
    if wiring.leaves[way] != NOBODY:
        tally.left[wiring.leaves[way], region] += 1
    into: int = wiring.destination[way]
    if into != NOBODY:
        tally.stock[first + into, s] += 1
        tally.time[first + into, s] += left
    return into
