"""What happens next to people in care: a heap of cases by the time of their next event.

Each case has one event at most and knows its place in the heap, so that an event that no longer
holds is taken out at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.agents.cases import NONE, Cases, whole
from model.rows import lean

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class Agenda(NamedTuple):
    """Next event of each case, as a heap by time, and look-ups of the month.

    Shapes: (cases,) for ``time``, ``chance``, ``heap`` and ``place``; (open centres,) for ``group``
    and ``reached``.
    """

    time: Float  # of the case's next event
    chance: Float  # uniform that decides which
    heap: npt.NDArray[np.int32]  # cases
    place: npt.NDArray[np.int32]  # of each case in the heap, or NONE
    used: Int  # (1,) cases in the heap
    admission: Int  # (Z,) admission flow of each waiting state
    group_start: Int  # (services * R + 1,)
    group: Int  # centres of each service and region, one after another
    reached: Int  # running sum of their reach


@lean()
def _sooner(agenda: Agenda, cases: Cases, i: int, j: int) -> bool:
    time = agenda.time
    if time[i] != time[j]:
        return bool(time[i] < time[j])
    if cases.slot[i] != cases.slot[j]:
        return bool(cases.slot[i] < cases.slot[j])
    return bool(cases.product[i] < cases.product[j])


@lean()
def _rise(agenda: Agenda, cases: Cases, i: int, at: int) -> None:
    """Put case ``i`` at ``at`` of the heap or above."""
    heap, place = agenda.heap, agenda.place
    while at > 0:
        above = (at - 1) >> 1
        if not _sooner(agenda, cases, i, whole(heap[above])):
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = i
    place[i] = at


@lean()
def insert(agenda: Agenda, cases: Cases, i: int) -> None:
    """Put case ``i`` into the heap."""
    at = agenda.used[0]
    agenda.used[0] += 1
    _rise(agenda, cases, i, at)


@lean()
def remove(agenda: Agenda, cases: Cases, i: int) -> None:
    """Take case ``i`` out of the heap, if it is there."""
    heap, place, used = agenda.heap, agenda.place, agenda.used
    at = whole(place[i])
    if at == NONE:
        return
    place[i] = NONE
    used[0] -= 1
    last = whole(heap[used[0]])
    if last == i:
        return
    while True:
        below = 2 * at + 1
        if below >= used[0]:
            break
        if below + 1 < used[0] and _sooner(
            agenda, cases, whole(heap[below + 1]), whole(heap[below])
        ):
            below += 1
        if not _sooner(agenda, cases, whole(heap[below]), last):
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    _rise(agenda, cases, last, at)
