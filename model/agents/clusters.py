"""What the network looks like: numbers of ties, how alike their ends are, clusters of use.

People are those in a slot that is not vacant, children among them; ties are as
model.agents.network.find_ends gives them, so a parent does not see the child that sees them. Every
measure is exact over all people, but for clustering, which takes a sample. Nothing is random.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from model.agents.network import AT_HOME, AT_NIGHT, ONLINE, RINGED, Ties, find_ends
from model.agents.people import CHILD, RING, VACANT, Int, Layout, People
from model.rows import lean

MOST_TIES = 2 * RING + 3


class Clusters(NamedTuple):
    """People who use a product, joined by their ties; a person alone is a cluster of one."""

    number: int
    mean_size: float  # persons; NaN where nobody uses
    largest_share: float  # of people who use, those in the largest cluster


def degree(people: People, layout: Layout, venue: int) -> Int:
    """(10,) people with 0, 1, ..., 9 present ties at a venue."""
    counts = np.zeros(MOST_TIES + 1, dtype=np.int64)
    _count_ties(counts, people, layout.cell_start, venue)
    return counts


def clustering(people: People, layout: Layout, venue: int, sample: int = 20_000) -> float:
    """Mean share of pairs of a person's ties that are tied to each other.

    Of people with two ties or more among ``sample`` slots at even distances; NaN without any.
    """
    slots = np.linspace(0, len(people.stratum) - 1, min(sample, len(people.stratum)))
    total, number = _cluster(people, layout.cell_start, slots.astype(np.int64), venue)
    return total / number if number else math.nan


def assortativity(
    people: People, layout: Layout, p: int, venue: int, within: bool = False
) -> float:
    """How much more of the ties of people who use ``p`` use it than at random; 1 is as many.

    At random is the share of all others who use, so that likeness in age and region counts; with
    ``within``, of the others in the tie's own cell, so that it does not. Children, who cannot use,
    and ties to them are left out. NaN where nobody who uses has a tie, or nobody else could use.
    """
    users, there = _prevalence(people, layout.cell_start, p)
    if not within:
        users, there = users.sum(keepdims=True), there.sum(keepdims=True)
    seen, expected = _compare(people, layout.cell_start, users, there, p, venue)
    return seen / expected if expected > 0.0 else math.nan


def clusters(
    people: People, layout: Layout, p: int, venue: int, room: Ties | None = None
) -> Clusters:
    """Clusters of people who use product ``p``. ``room`` (M,) is memory to write over."""
    if room is None:
        room = np.empty(len(people.stratum), dtype=np.int32)
    number, users, largest = _join(room, people, layout.cell_start, p, venue)
    if users == 0:
        return Clusters(0, math.nan, math.nan)
    return Clusters(number, users / number, largest / users)


@lean()
def _uses(people: People, slot: int, p: int) -> bool:
    bit = (people.using[slot] >> np.uint32(p)) & np.uint32(1)
    return bool(bit) and people.stratum[slot] != VACANT


@njit(cache=True, nogil=True)
def _count_ties(counts: Int, people: People, cell_start: Int, venue: int) -> None:
    ends = np.empty(MOST_TIES, np.int64)
    for cell in range(cell_start.size - 1):
        first, last = cell_start[cell], cell_start[cell + 1]
        for slot in range(first, last):
            if people.stratum[slot] != VACANT:
                counts[find_ends(ends, people, first, last, slot, venue)] += 1


@lean()
def _cell_of(cell_start: Int, slot: int) -> int:
    low, high = 0, cell_start.size - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if cell_start[middle] <= slot:
            low = middle
        else:
            high = middle
    return low


@lean()
def _sees(ends: Int, people: People, cell_start: Int, slot: int, other: int, venue: int) -> bool:
    cell = _cell_of(cell_start, slot)
    count = find_ends(ends, people, cell_start[cell], cell_start[cell + 1], slot, venue)
    found = False
    for i in range(count):
        found |= ends[i] == other
    return found


@njit(cache=True, nogil=True)
def _cluster(people: People, cell_start: Int, slots: Int, venue: int) -> tuple[float, int]:
    """Sum of the local coefficients and number of people with one."""
    ends, others = np.empty(MOST_TIES, np.int64), np.empty(MOST_TIES, np.int64)
    total, number = 0.0, 0
    for slot in slots:
        if people.stratum[slot] == VACANT:
            continue
        cell = _cell_of(cell_start, slot)
        count = find_ends(ends, people, cell_start[cell], cell_start[cell + 1], slot, venue)
        if count < 2:
            continue
        tied = 0
        for i in range(count):
            for j in range(i):
                a, b = ends[i], ends[j]
                if _sees(others, people, cell_start, a, b, venue) or _sees(
                    others, people, cell_start, b, a, venue
                ):
                    tied += 1
        total += 2.0 * tied / (count * (count - 1))
        number += 1
    return total, number


@njit(cache=True, nogil=True)
def _prevalence(people: People, cell_start: Int, p: int) -> tuple[Int, Int]:
    """(cells,) people who use, and people who could."""
    users, there = np.zeros(cell_start.size - 1, np.int64), np.zeros(cell_start.size - 1, np.int64)
    for cell in range(cell_start.size - 1):
        for slot in range(cell_start[cell], cell_start[cell + 1]):
            there[cell] += people.stratum[slot] < CHILD
            users[cell] += _uses(people, slot, p)
    return users, there


@njit(cache=True, nogil=True)
def _compare(
    people: People, cell_start: Int, users: Int, there: Int, p: int, venue: int
) -> tuple[float, float]:
    """Ties of people who use to others who do, and how many there would be at random.

    ``users`` and ``there`` run over cells, or have one number for the nation.
    """
    ends = np.empty(MOST_TIES, np.int64)
    nation = users.size == 1
    seen, expected = 0, 0.0
    for cell in range(cell_start.size - 1):
        first, last = cell_start[cell], cell_start[cell + 1]
        for slot in range(first, last):
            if not _uses(people, slot, p):
                continue
            for i in range(find_ends(ends, people, first, last, slot, venue)):
                if people.stratum[ends[i]] >= CHILD:
                    continue
                seen += _uses(people, ends[i], p)
                inside = first <= ends[i] < last
                at = cell
                if nation:
                    at = 0
                elif not inside:
                    at = _cell_of(cell_start, ends[i])
                # One tells nothing about oneself.
                own = 1 if nation or inside else 0
                if there[at] > own:
                    expected += (users[at] - own) / (there[at] - own)
    return float(seen), expected


@lean()
def _root(room: Ties, slot: int) -> int:
    """The slot that stands for the cluster, with the way to it halved."""
    at = np.int64(slot)
    while room[at] >= 0:
        up = np.int64(room[at])
        if room[up] >= 0:
            room[at] = room[up]
        at = up
    return int(at)


@lean()
def _union(room: Ties, a: int, b: int) -> None:
    """The larger cluster takes over the smaller. The root holds minus the size."""
    a, b = _root(room, a), _root(room, b)
    if a == b:
        return
    if room[a] > room[b]:
        a, b = b, a
    room[a] += room[b]
    room[b] = np.int32(a)


@lean()
def _join(room: Ties, people: People, cell_start: Int, p: int, venue: int) -> tuple[int, int, int]:
    """Number of clusters, of people in them and of those in the largest."""
    for slot in range(room.size):
        room[slot] = -1
    for cell in range(cell_start.size - 1):
        first, last = cell_start[cell], cell_start[cell + 1]
        for slot in range(first, last):
            if not _uses(people, slot, p):
                continue
            if venue & RINGED:
                for step in range(1, min(RING, last - first - 1) + 1):
                    end = slot + step
                    end -= (last - first) if end >= last else 0
                    if _uses(people, end, p):
                        _union(room, slot, end)
            # The other end of a matching comes by itself, but a parent has no tie to the child.
            if venue & AT_HOME:
                _join_stored(room, people, slot, int(people.household[slot]), p)
            if venue & AT_NIGHT and people.nightlife[slot] > slot:
                _join_stored(room, people, slot, int(people.nightlife[slot]), p)
            if venue & ONLINE and people.online[slot] > slot:
                _join_stored(room, people, slot, int(people.online[slot]), p)
    number, users, largest = 0, 0, 0
    for slot in range(room.size):
        if _uses(people, slot, p):
            users += 1
            if room[slot] < 0:
                number += 1
                largest = max(largest, -int(room[slot]))
    return number, users, largest


@lean()
def _join_stored(room: Ties, people: People, slot: int, end: int, p: int) -> None:
    if end >= 0 and _uses(people, end, p):
        _union(room, slot, end)
