"""How many places there are, and at which centres.

An agent stands for many persons, so a centre of agents stands for as many centres of the same
size. Places are whole agents.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.cases import (
    NONE,
    WAITING,
    Cases,
    Centres,
    centres_with_room,
    dequeue,
    enqueue,
    next_in_line,
)

Int = npt.NDArray[np.int64]

_CLOSING = -2


def resize(cases: Cases, centres: Centres, wanted: Int, size: Int) -> Centres:
    """Bring the places to ``wanted`` (services, R), in centres of about ``size`` (services,).

    Each service and region keeps at least one centre, with no place if need be, so that people
    can wait. Fewer places put nobody out: they go as people leave. A centre that closes hands its
    list to another of the service and region. Returns the centres, in longer arrays if needed.
    """
    target = np.maximum(1, (2 * wanted + size[:, None]) // (2 * size[:, None]))
    room = int(centres.size[0]) + int(target.sum())
    centres = centres_with_room(centres, room) if _more(centres, target) else centres
    _resize(cases, centres, wanted.astype(np.int64), target.astype(np.int64))
    return centres


def _more(centres: Centres, target: Int) -> bool:
    """Whether some service and region needs more centres than it has open."""
    rows = slice(0, int(centres.size[0]))
    found = np.zeros_like(target)
    np.add.at(found, (centres.service[rows], centres.region[rows]), centres.open[rows])
    return bool(np.any(found < target))


@njit(cache=True, nogil=True)
def _resize(cases: Cases, centres: Centres, wanted: Int, target: Int) -> None:
    heir = np.full(centres.places.size, NONE, np.int64)
    closing = 0
    for k in range(wanted.shape[0]):
        for r in range(wanted.shape[1]):
            rows = _open_rows(centres, k, r)
            if rows.size == target[k, r]:
                _adjust(centres, rows, wanted[k, r])
                continue
            for _ in range(target[k, r] - rows.size):
                _open(centres, k, r)
            for c in rows[target[k, r] :]:
                centres.open[c] = 0
                centres.places[c] = 0
                centres.reach[c] = 0
                heir[c] = _CLOSING
                closing += 1
            _share(centres, _open_rows(centres, k, r), wanted[k, r])
    if closing > 0:
        _hand_over(cases, centres, heir)


@njit(cache=True, nogil=True)
def _open_rows(centres: Centres, k: int, r: int) -> Int:
    """Open centres of a service and region, in order."""
    size = centres.size[0]
    here = (centres.service[:size] == k) & (centres.region[:size] == r)
    rows: Int = np.nonzero(here & (centres.open[:size] == 1))[0]
    return rows


@njit(cache=True, nogil=True)
def _open(centres: Centres, k: int, r: int) -> None:
    """Open a centre without places, in the row of one that has emptied if there is any."""
    c = 0
    while c < centres.size[0] and not (
        centres.open[c] == 0
        and centres.treated[c] == 0
        and centres.service[c] == k
        and centres.region[c] == r
    ):
        c += 1
    centres.size[0] = max(c + 1, centres.size[0])
    centres.service[c], centres.region[c], centres.open[c] = k, r, 1
    centres.places[c] = centres.reach[c] = centres.treated[c] = centres.length[c] = 0
    centres.busy[c] = centres.offered[c] = centres.admitted[c] = centres.waited[c] = 0
    centres.head[c, :] = NONE
    centres.tail[c, :] = NONE


@njit(cache=True, nogil=True)
def _share(centres: Centres, rows: Int, wanted: int) -> None:
    """Share places evenly."""
    for j in range(rows.size):
        centres.places[rows[j]] = wanted // rows.size + (1 if j < wanted % rows.size else 0)
        centres.reach[rows[j]] = centres.places[rows[j]]


@njit(cache=True, nogil=True)
def _adjust(centres: Centres, rows: Int, wanted: int) -> None:
    """Add places one by one where there are fewest, or take them where there are most."""
    change = wanted - np.sum(centres.places[rows])
    for _ in range(abs(change)):
        if change > 0:
            c = rows[np.argmin(centres.places[rows])]
            centres.places[c] += 1
            centres.reach[c] += 1
        else:
            c = rows[np.argmax(centres.places[rows])]
            centres.places[c] -= 1
            centres.reach[c] = max(0, centres.reach[c] - 1)


@njit(cache=True, nogil=True)
def _hand_over(cases: Cases, centres: Centres, heir: Int) -> None:
    """Lists of closing centres go to the shortest queue of their service and region, in order."""
    for c in range(centres.size[0]):
        if heir[c] == _CLOSING:
            rows = _open_rows(centres, centres.service[c], centres.region[c])
            heir[c] = rows[np.argmin(centres.length[rows])]
            i = next_in_line(centres, c)
            while i != NONE:
                dequeue(cases, centres, i)
                cases.centre[i] = heir[c]
                enqueue(cases, centres, i)
                i = next_in_line(centres, c)
    for i in range(cases.size[0]):
        if cases.stage[i] == WAITING and cases.centre[i] != NONE and heir[cases.centre[i]] != NONE:
            cases.centre[i] = heir[cases.centre[i]]
