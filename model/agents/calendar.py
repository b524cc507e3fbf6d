"""Deaths, migration and birthdays: the month's end and the new year of the agent engine.

The month's end follows model.deaths: who died of a product's excess leaves for all products, the
rest of the deaths falls on everybody of a stratum, growth on the survivors. Newcomers are like
somebody of their stratum, all states together; who leaves is anybody of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, uint32, uint64

from model.agents import philox
from model.agents.cases import whole
from model.agents.people import CHILD, EMPTY, UNKNOWN, VACANT, Layout, People
from model.agents.sweep import Buffers
from model.rows import lean
from model.structure import NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

HEADROOM = 1.3  # candidates for deaths beyond those of the reference run


class Movement(NamedTuple):
    """What moves people in and out at the end of a month. S strata, G groups, B blocks.

    ``region_start`` (R+1,): first stratum of each region.
    """

    dying: Float  # (S,) hazard of death this month, excess apart
    usual: Float  # (S,) the same in the reference run: candidates come from it
    growth: Float  # (S,) newcomers for each person, or less their hazard of leaving, this month
    cell_growth: Float  # (cells, G) the same where cells have their own
    cell_older: Float  # (cells, G) hazard of death beyond the band's mean
    band: Int  # (cells,) age band, NOBODY where nobody is at risk
    bands: int
    cohorts: int  # 1 where cells have growth and deaths of their own
    region_start: Int


class Moved(NamedTuple):
    """What the month's end did in one chunk. ``source`` has shape (newcomers at most,)."""

    deaths: Int  # (S,) all deaths
    people: Int  # (S,) change of the population
    source: npt.NDArray[np.int32]  # slots of people who are the like of newcomers
    noted: Int  # (2,) newcomers; candidates whose rate was above the cap


@lean()
def remove(people: People, stock: Int, wiring: Wiring, slot: int, s: int) -> None:
    """Nobody lives in the slot from now on; ``stock`` (Z, S) loses a person of stratum ``s``."""
    for p in range(people.state.shape[0]):
        z = people.state[p, slot]
        if z != EMPTY:
            stock[wiring.state_start[p] + z, s] -= 1
            people.state[p, slot] = EMPTY
    people.stratum[slot] = VACANT
    people.using[slot] = 0
    people.first[slot] = UNKNOWN


@lean()
def mark_use(people: People, wiring: Wiring, slot: int, p: int) -> None:
    """Set the bit of use of one product from the state."""
    z = people.state[p, slot]
    bit = uint32(1) << uint32(p)
    if z != EMPTY and wiring.using[wiring.state_start[p] + z] == 1:
        people.using[slot] |= bit
    else:
        people.using[slot] &= ~bit


@njit(cache=True, nogil=True)
def mark_uses(
    people: People,
    wiring: Wiring,
    slots: npt.NDArray[np.int32],
    products: npt.NDArray[np.uint8],
) -> None:
    """Set the bits of use of these people and products, both (n,)."""
    for i in range(slots.size):
        mark_use(people, wiring, whole(slots[i]), whole(products[i]))


@njit(cache=True, nogil=True)
def remove_gone(
    people: People,
    layout: Layout,
    wiring: Wiring,
    region_start: Int,
    gone: npt.NDArray[np.int32],
    counts: tuple[Int, Int],
) -> None:
    """Take people who died in care out of all their states: into stock (Z, S) and deaths (S,)."""
    stock, deaths = counts
    for slot in gone:
        if people.stratum[slot] == VACANT:
            continue
        b = np.searchsorted(layout.block_start, slot, side="right") - 1
        s = region_start[layout.block_region[b]] + people.stratum[slot]
        remove(people, stock, wiring, whole(slot), s)
        deaths[s] += 1


TRIALS = 4096  # to find somebody of the same stratum


@njit(cache=True, nogil=True)
def share_deaths(
    people: People,
    layout: Layout,
    wiring: Wiring,
    dead: tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]],
    month: int,
    key: npt.NDArray[np.uint32],
) -> None:
    """Let people who died of one product be anybody of their stratum for all the others.

    So the compartments have it: each product is a marginal. The others' states of the person who
    died (``dead``: slots and products) change places with those of somebody alike who lives; a
    place in care stays with its person. Both parts of ``dead`` are (n,), ``key`` (2,).
    """
    for i in range(dead[0].size):
        slot, own = whole(dead[0][i]), whole(dead[1][i])
        stratum = people.stratum[slot]
        cell = whole(np.searchsorted(layout.cell_start, slot, side="right") - 1)
        start = layout.cell_start[cell]
        size = layout.cell_start[cell + 1] - start
        for trial in range(TRIALS):
            w0, _, _, _ = philox.philox(
                uint32(trial),
                uint32(slot),
                uint32(month * 64 + own),
                uint32(philox.STAND_IN),
                key[0],
                key[1],
            )
            other = whole(start + whole((uint64(w0) * uint64(size)) >> uint64(32)))
            if people.stratum[other] == stratum and other != slot and _lives(people, other):
                _exchange(people, wiring, slot, other, own)
                break


@lean()
def _lives(people: People, slot: int) -> bool:
    found = True
    for p in range(people.state.shape[0]):
        if people.state[p, slot] == EMPTY:
            found = False
    return found


@lean()
def _exchange(people: People, wiring: Wiring, slot: int, other: int, own: int) -> None:
    """Exchange the states of two people for all products but ``own`` and those of care."""
    for p in range(people.state.shape[0]):
        one, two = people.state[p, slot], people.state[p, other]
        first = wiring.state_start[p]
        if p == own or one == EMPTY or _cared(wiring, first + one) or _cared(wiring, first + two):
            continue
        people.state[p, slot], people.state[p, other] = two, one
        mark_use(people, wiring, other, p)


@lean()
def _cared(wiring: Wiring, z: int) -> bool:
    waits = wiring.waiting_service[z] != NOBODY
    return bool(waits or wiring.treating_service[z] != NOBODY)


@lean()
def _rates(movement: Movement, cell: int, s: int, within: int) -> tuple[float, float]:
    """Hazard of death and growth of the month in a stratum of a cell."""
    if movement.cohorts == 1:
        group = within // movement.bands
        older = movement.cell_older[cell, group]
        return max(0.0, movement.dying[s] + older), movement.cell_growth[cell, group]
    return movement.dying[s], movement.growth[s]


@lean()
def _cap(movement: Movement, layout: Layout, b: int) -> float:
    """Candidates per slot and month of a block: the same in every scenario."""
    cell, r = layout.block_cell[b], layout.block_region[b]
    largest = 0.0
    first, last = movement.region_start[r], movement.region_start[r + 1]
    for s in range(first, last):
        if movement.cohorts == 1:
            if (s - first) % movement.bands != movement.band[cell]:
                continue
            group = (s - first) // movement.bands
            moving = abs(movement.cell_growth[cell, group])
            usual = movement.usual[s] + max(0.0, movement.cell_older[cell, group])
            largest = max(largest, HEADROOM * usual + moving)
        else:
            largest = max(largest, HEADROOM * movement.usual[s] + abs(movement.growth[s]))
    return largest


@njit(cache=True, nogil=True)
def end_month(
    people: People,
    layout: Layout,
    wiring: Wiring,
    movement: Movement,
    buffers: Buffers,
    moved: Moved,
    span: tuple[int, int, int],
    key: npt.NDArray[np.uint32],
) -> int:
    """Deaths and departures in blocks ``span`` (first, last not included, month).

    Returns 0, or 1 when a buffer is full. Newcomers are only noted: ``settle_newcomers``. ``key``
    (2,): seed and draw.
    """
    first, last, month = span
    for i in range(buffers.noted[2]):
        mark_use(people, wiring, whole(buffers.changed[i]), whole(buffers.changed_product[i]))
    for i in range(buffers.noted[1]):
        slot = whole(buffers.dead_slot[i])
        if people.stratum[slot] != VACANT:
            at = np.searchsorted(layout.block_start, slot, side="right") - 1
            s = movement.region_start[layout.block_region[at]] + people.stratum[slot]
            remove(people, buffers.tally.stock, wiring, slot, s)
            moved.deaths[s] += 1
            moved.people[s] -= 1
    words = buffers.words[0]
    for b in range(first, last):
        cell = layout.block_cell[b]
        if movement.band[cell] == NOBODY:
            continue
        cap = _cap(movement, layout, b)
        start = layout.block_start[b]
        width = layout.block_start[b + 1] - start
        c1, c2 = uint32(b), uint32(month * 64 + 63)
        count = philox.poisson(width * cap, c1, c2, uint32(philox.DEATH), key[0], key[1])
        if 2 * count + 8 > words.size or moved.noted[0] + count > moved.source.size:
            return 1
        philox.fill(words, 2 * count, c1, c2, uint32(philox.DEATH + 256), key[0], key[1])
        for i in range(count):
            slot = whole(start + whole((uint64(words[2 * i]) * uint64(width)) >> uint64(32)))
            within = whole(people.stratum[slot])
            if within >= CHILD:
                continue
            s = movement.region_start[layout.block_region[b]] + within
            dying, growth = _rates(movement, cell, s, within)
            moved.noted[1] += dying + abs(growth) > cap * 1.000001
            u = philox.uniform(words[2 * i + 1]) * cap
            if u < dying:
                remove(people, buffers.tally.stock, wiring, slot, s)
                moved.deaths[s] += 1
                moved.people[s] -= 1
            elif u < dying + abs(growth):
                if growth < 0.0:
                    remove(people, buffers.tally.stock, wiring, slot, s)
                    moved.people[s] -= 1
                else:
                    moved.source[moved.noted[0]] = slot
                    moved.noted[0] += 1
    return 0


@lean()
def free_slot(people: People, layout: Layout, cursor: Int, cell: int) -> int:
    """The next slot of a cell where nobody lives, or NOBODY. ``cursor`` (cells,)."""
    start = layout.cell_start[cell]
    size = layout.cell_start[cell + 1] - start
    for step in range(size):
        slot = start + (cursor[cell] + step) % size
        if people.stratum[slot] == VACANT:
            cursor[cell] = (cursor[cell] + step + 1) % size
            return int(slot)
    return NOBODY


@njit(cache=True, nogil=True)
def settle_newcomers(
    people: People,
    layout: Layout,
    wiring: Wiring,
    region_start: Int,
    moved: Moved,
    cursor: Int,
    settled: tuple[Int, Int, npt.NDArray[np.int32]],
) -> int:
    """Let the newcomers of a chunk in; returns how many there are, or NOBODY without room.

    ``settled``: stock (Z, S) and population (S,), which grow, and the slots taken. A person who
    has left or died meanwhile brings nobody.
    """
    stock, population, taken = settled
    found = 0
    for i in range(moved.noted[0]):
        source = np.int64(moved.source[i])
        if people.stratum[source] >= CHILD:
            continue
        cell = whole(np.searchsorted(layout.cell_start, source, side="right") - 1)
        slot = free_slot(people, layout, cursor, cell)
        if slot == NOBODY:
            return NOBODY
        s = region_start[layout.cell_region[cell]] + people.stratum[source]
        for p in range(people.state.shape[0]):
            z = people.state[p, source]
            people.state[p, slot] = z
            stock[wiring.state_start[p] + z, s] += 1
        people.stratum[slot] = people.stratum[source]
        people.liability[slot] = people.liability[source]
        people.burden[slot] = people.burden[source]
        people.first[slot] = people.first[source]
        people.using[slot] = people.using[source]
        population[s] += 1
        taken[found] = slot
        found += 1
    return found


@njit(cache=True, nogil=True)
def recount(
    people: People, layout: Layout, wiring: Wiring, region_start: Int, blocks: tuple[int, int]
) -> tuple[Int, Int]:
    """People by state and stratum (Z, S), and in all by stratum (S,), counted one by one."""
    stock = np.zeros((wiring.using.size, region_start[-1]), dtype=np.int64)
    population = np.zeros(region_start[-1], dtype=np.int64)
    for b in range(blocks[0], blocks[1]):
        first = region_start[layout.block_region[b]]
        for p in range(people.state.shape[0]):
            at = wiring.state_start[p]
            for slot in range(layout.block_start[b], layout.block_start[b + 1]):
                if people.stratum[slot] < CHILD:
                    stock[at + people.state[p, slot], first + people.stratum[slot]] += 1
        for slot in range(layout.block_start[b], layout.block_start[b + 1]):
            if people.stratum[slot] < CHILD:
                population[first + people.stratum[slot]] += 1
    return stock, population


@njit(cache=True, nogil=True)
def grow_older(
    people: People,
    layout: Layout,
    before: Int,
    after: Int,
    bands: int,
    blocks: tuple[int, int],
) -> None:
    """1 January by birth cohort: everybody at risk of a cell is in its new age band.

    ``before`` and ``after`` (cells,): age bands of the two years.
    """
    for b in range(blocks[0], blocks[1]):
        cell = layout.block_cell[b]
        if before[cell] == NOBODY or before[cell] == after[cell]:
            continue
        for slot in range(layout.block_start[b], layout.block_start[b + 1]):
            if people.stratum[slot] < CHILD:
                group = people.stratum[slot] // bands
                people.stratum[slot] = group * bands + after[cell]


@njit(cache=True, nogil=True)
def move_up(
    people: People,
    layout: Layout,
    moving_up: Float,
    region_start: Int,
    span: tuple[int, int, int, int],
    key: npt.NDArray[np.uint32],
) -> None:
    """1 January by bands: a share ``moving_up`` (S,) of each stratum, at random.

    ``span``: blocks, bands and the number of the year.
    """
    first, last, bands, year = span
    words = np.empty(8192, dtype=np.uint32)
    for b in range(first, last):
        start, end = layout.block_start[b], layout.block_start[b + 1]
        philox.fill(
            words,
            end - start,
            uint32(b),
            uint32(year * 64 + 63),
            uint32(philox.AGEING),
            key[0],
            key[1],
        )
        at = region_start[layout.block_region[b]]
        for slot in range(start, end):
            s = people.stratum[slot]
            if s >= CHILD or (s + 1) % bands == 0:
                continue
            if philox.uniform(words[slot - start]) < moving_up[at + s]:
                people.stratum[slot] = s + 1
