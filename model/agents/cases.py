"""People in care as lists: one case per person and product, and the queue of each centre.

A queue holds the people who are ready to start and find no free place, in order of rank and then
of asking. It is a doubly linked list over the cases, so that whoever gives up leaves it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.people import People
from model.rows import lean
from model.structure import NOBODY, Wiring

Int = npt.NDArray[np.int64]

OUTSIDE, WAITING, READY, TREATED, ARRIVING = 0, 1, 2, 3, 4  # stages of a case
NONE = -1  # no centre, nobody ahead or behind
RANKS = 2


class Cases(NamedTuple):
    """Persons in care of a product; the first ``size[0]`` of each array are in use.

    Shapes: all (most cases,) but ``size``.
    """

    slot: npt.NDArray[np.int32]
    product: npt.NDArray[np.uint8]
    region: npt.NDArray[np.uint8]
    stage: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint8]  # 0 is admitted before 1
    centre: npt.NDArray[np.int32]  # or NONE where the service has no centres
    asked: npt.NDArray[np.float64]  # month since the start of the model, with its fraction
    ahead: npt.NDArray[np.int32]  # neighbours in the queue
    behind: npt.NDArray[np.int32]
    ordinal: npt.NDArray[np.int32]  # draws taken this month
    size: Int  # (1,)


class Centres(NamedTuple):
    """Treatment centres; the first ``size[0]`` rows are in use. Places and people in agents.

    Shapes: all (most centres,) but ``head``, ``tail`` (C, RANKS) and ``size``.
    """

    service: Int
    region: Int
    places: Int
    reach: Int  # weight with which people turn to this centre
    open: npt.NDArray[np.uint8]  # 0: takes nobody in, and goes once the last person has left
    treated: Int
    length: Int  # of the queue
    head: Int  # (C, RANKS)
    tail: Int
    busy: Int  # ticks of occupied places this year
    offered: Int  # ticks of places this year
    admitted: Int  # this year
    waited: Int  # ticks that they had waited
    size: Int  # (1,)


def no_cases(capacity: int) -> Cases:
    """An empty list with room for ``capacity`` cases."""
    int32, uint8 = np.int32, np.uint8
    return Cases(
        slot=np.zeros(capacity, int32),
        product=np.zeros(capacity, uint8),
        region=np.zeros(capacity, uint8),
        stage=np.zeros(capacity, uint8),
        rank=np.zeros(capacity, uint8),
        centre=np.zeros(capacity, int32),
        asked=np.zeros(capacity),
        ahead=np.zeros(capacity, int32),
        behind=np.zeros(capacity, int32),
        ordinal=np.zeros(capacity, int32),
        size=np.zeros(1, np.int64),
    )


def no_centres(capacity: int) -> Centres:
    """No centre yet, with room for ``capacity``."""

    def zeros() -> Int:
        return np.zeros(capacity, np.int64)

    return Centres(
        service=zeros(),
        region=zeros(),
        places=zeros(),
        reach=zeros(),
        open=np.zeros(capacity, np.uint8),
        treated=zeros(),
        length=zeros(),
        head=np.full((capacity, RANKS), NONE, np.int64),
        tail=np.full((capacity, RANKS), NONE, np.int64),
        busy=zeros(),
        offered=zeros(),
        admitted=zeros(),
        waited=zeros(),
        size=np.zeros(1, np.int64),
    )


def with_room(cases: Cases, needed: int) -> Cases:
    """The same cases, in arrays at least twice as long where ``needed`` do not fit."""
    if needed <= cases.slot.size:
        return cases
    larger = no_cases(max(needed, 2 * cases.slot.size))
    _copy(cases, larger)
    return larger


def centres_with_room(centres: Centres, needed: int) -> Centres:
    """The same centres, in arrays at least twice as long where ``needed`` do not fit."""
    if needed <= centres.places.size:
        return centres
    larger = no_centres(max(needed, 2 * centres.places.size))
    _copy(centres, larger)
    return larger


def _copy(old: Cases | Centres, new: Cases | Centres) -> None:
    smaller: Sequence[npt.NDArray[Any]] = old
    larger: Sequence[npt.NDArray[Any]] = new
    for before, after in zip(smaller, larger, strict=True):
        after[: len(before)] = before


@lean()
def whole(number: float | np.number[Any]) -> int:
    """The number as an int64, so that kernels are compiled for one kind of integer."""
    return int(np.int64(number))


@lean()
def _before(cases: Cases, i: int, j: int) -> bool:
    """Whether case ``i`` asked before ``j``."""
    if cases.asked[i] != cases.asked[j]:
        return bool(cases.asked[i] < cases.asked[j])
    if cases.slot[i] != cases.slot[j]:
        return bool(cases.slot[i] < cases.slot[j])
    return bool(cases.product[i] < cases.product[j])


@lean()
def enqueue(cases: Cases, centres: Centres, i: int) -> None:
    """Put case ``i`` into the queue of its centre, behind all who asked before."""
    c, rank = cases.centre[i], cases.rank[i]
    ahead = centres.tail[c, rank]
    # Most people become ready in about the order of asking: few steps from the end.
    while ahead != NONE and _before(cases, i, ahead):
        ahead = cases.ahead[ahead]
    behind = centres.head[c, rank] if ahead == NONE else whole(cases.behind[ahead])
    cases.ahead[i], cases.behind[i] = ahead, behind
    if ahead == NONE:
        centres.head[c, rank] = i
    else:
        cases.behind[ahead] = i
    if behind == NONE:
        centres.tail[c, rank] = i
    else:
        cases.ahead[behind] = i
    centres.length[c] += 1
    cases.stage[i] = READY


@lean()
def dequeue(cases: Cases, centres: Centres, i: int) -> None:
    """Take case ``i`` out of the queue of its centre."""
    c, rank = cases.centre[i], cases.rank[i]
    ahead, behind = cases.ahead[i], cases.behind[i]
    if ahead == NONE:
        centres.head[c, rank] = behind
    else:
        cases.behind[ahead] = behind
    if behind == NONE:
        centres.tail[c, rank] = ahead
    else:
        cases.ahead[behind] = ahead
    centres.length[c] -= 1
    cases.stage[i] = WAITING


@lean()
def next_in_line(centres: Centres, c: int) -> int:
    """The case whose turn it is at centre ``c``, or NONE."""
    for rank in range(RANKS):
        if centres.head[c, rank] != NONE:
            return whole(centres.head[c, rank])
    return NONE


@njit(cache=True, nogil=True)
def compact(cases: Cases, centres: Centres) -> None:
    """Drop the cases outside care; the others keep their order."""
    size = cases.size[0]
    place = np.empty(size, np.int32)
    kept = 0
    for i in range(size):
        place[i] = kept
        if cases.stage[i] != OUTSIDE:
            cases.slot[kept] = cases.slot[i]
            cases.product[kept] = cases.product[i]
            cases.region[kept] = cases.region[i]
            cases.stage[kept] = cases.stage[i]
            cases.rank[kept] = cases.rank[i]
            cases.centre[kept] = cases.centre[i]
            cases.asked[kept] = cases.asked[i]
            cases.ahead[kept] = cases.ahead[i]
            cases.behind[kept] = cases.behind[i]
            kept += 1
    cases.size[0] = kept
    for i in range(kept):
        if cases.stage[i] == READY:
            if cases.ahead[i] != NONE:
                cases.ahead[i] = place[cases.ahead[i]]
            if cases.behind[i] != NONE:
                cases.behind[i] = place[cases.behind[i]]
    for c in range(centres.size[0]):
        for rank in range(RANKS):
            if centres.head[c, rank] != NONE:
                centres.head[c, rank] = place[centres.head[c, rank]]
                centres.tail[c, rank] = place[centres.tail[c, rank]]


@njit(cache=True, nogil=True)
def purge(people: People, wiring: Wiring, cases: Cases, centres: Centres) -> int:
    """Drop the cases of people who died or moved away since; returns how many.

    Call it after people have been taken out of their slots and before others move in: a newcomer
    in the same state would be taken for who lived there. Places that come free are given out at
    the start of the next month.
    """
    dropped = 0
    for i in range(cases.size[0]):
        p = cases.product[i]
        z = people.state[p, cases.slot[i]]
        stage = OUTSIDE
        if z < wiring.state_start[p + 1] - wiring.state_start[p]:
            if wiring.treating_service[wiring.state_start[p] + z] != NOBODY:
                stage = TREATED
            elif wiring.waiting_service[wiring.state_start[p] + z] != NOBODY:
                stage = WAITING
        now = cases.stage[i]
        if stage == now or (stage == WAITING and now == READY):
            continue
        if now == READY:
            dequeue(cases, centres, i)
        elif now == TREATED and cases.centre[i] != NONE:
            centres.treated[cases.centre[i]] -= 1
        cases.stage[i] = OUTSIDE
        dropped += 1
    if dropped > 0:
        compact(cases, centres)
    return dropped


def check_lists(people: People, wiring: Wiring, cases: Cases, centres: Centres) -> int:
    """Number of mismatches between people's states, their cases and the centres' counts.

    0 means: everybody in a waiting or treatment state is in exactly one case and nobody else is,
    centres count right, and each queue holds its people in order of asking.
    """
    size, rows = cases.size[0], centres.size[0]
    stage, centre = cases.stage[:size], cases.centre[:size]
    wrong = 0
    for p in range(people.state.shape[0]):
        states = slice(wiring.state_start[p], wiring.state_start[p + 1])
        mine = cases.product[:size] == p
        for service, wanted in (
            (wiring.waiting_service, (stage == WAITING) | (stage == READY)),
            (wiring.treating_service, stage == TREATED),
        ):
            inside = np.zeros(256, bool)
            inside[: states.stop - states.start] = service[states] != NOBODY
            listed = np.bincount(cases.slot[:size][mine & wanted], minlength=people.state.shape[1])
            wrong += int(np.sum(listed != inside[people.state[p]]))
    wrong += int(np.sum(~np.isin(stage, (WAITING, READY, TREATED))))
    held = centre != NONE
    for counted, wanted in ((centres.treated, stage == TREATED), (centres.length, stage == READY)):
        found = np.bincount(centre[wanted & held], minlength=rows)
        wrong += int(np.sum(found != counted[:rows]))
    return wrong + int(np.sum((stage == READY) & ~held)) + _wrong_queues(cases, centres)


@njit(cache=True, nogil=True)
def _wrong_queues(cases: Cases, centres: Centres) -> int:
    """Faults in the order, the links and the lengths of the queues."""
    wrong = 0
    for c in range(centres.size[0]):
        length = 0
        for rank in range(RANKS):
            last = NONE
            i = centres.head[c, rank]
            while i != NONE and length <= cases.size[0]:
                wrong += cases.ahead[i] != last
                wrong += cases.stage[i] != READY or cases.centre[i] != c or cases.rank[i] != rank
                wrong += last != NONE and not _before(cases, last, i)
                length += 1
                last = i
                i = whole(cases.behind[i])
            wrong += centres.tail[c, rank] != last
        wrong += centres.length[c] != length
    return wrong
