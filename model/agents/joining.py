"""How people who are found in care, not seen to come, get onto the lists: at the start, and later
those who move in. When they asked is drawn backwards, as if the wait had been what it is now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.agenda import Agenda
from model.agents.cases import (
    NONE,
    TREATED,
    WAITING,
    Cases,
    Centres,
    enqueue,
    whole,
    with_room,
)
from model.agents.centres import Arrivals, Key, Scene, chosen_centre, new_agenda
from model.agents.philox import CENTRE, exp, exponential, philox, uniform
from model.rows import lean
from model.structure import NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

_STREAM = CENTRE + 256  # not the draws of people who are seen to ask


def in_care(wiring: Wiring, p: int) -> npt.NDArray[np.bool_]:
    """Whether each state (256,) of product ``p`` is one of waiting or treatment."""
    states = slice(int(wiring.state_start[p]), int(wiring.state_start[p + 1]))
    found = np.zeros(256, bool)
    caring = np.maximum(wiring.waiting_service[states], wiring.treating_service[states]) != NOBODY
    found[: len(caring)] = caring
    return found


def admit_initial(scene: Scene, cases: Cases, centres: Centres, wait: Float, key: Key) -> Cases:
    """A case for everybody in a waiting or treatment state, on empty lists; see ``join``.

    ``wait`` (services, R): mean wait in months. Raises ValueError where a centre is missing.
    """
    slots, products = [], []
    for p in range(scene.people.state.shape[0]):
        caring = in_care(scene.wiring, p)
        if caring.any():
            slots.append(np.flatnonzero(caring[scene.people.state[p]]).astype(np.int32))
            products.append(np.full(slots[-1].size, p, np.uint8))
    count = np.array([sum(found.size for found in slots)])
    if count[0] == 0:
        return cases
    slot, product = np.concatenate(slots), np.concatenate(products)
    return join(
        scene, cases, centres, Arrivals(slot, product, np.zeros(count[0]), count), wait, key
    )


def join(
    scene: Scene, cases: Cases, centres: Centres, newcomers: Arrivals, wait: Float, key: Key
) -> Cases:
    """Put people whose state is already one of care onto the lists at the start of a month.

    ``wait`` (services, R) is the mean wait in months. People in treatment get places at a centre
    drawn by its reach, else where most room is; at the start a centre may hold more people than
    places, and puts nobody out. Returns the cases, in longer arrays if needed. Raises ValueError
    where a bounded service has no centre.
    """
    cases = with_room(cases, int(cases.size[0]) + int(newcomers.size[0]))
    if not _join(scene, cases, centres, newcomers, wait, key):
        raise ValueError("a service with places has no centre in some region: call resize first")
    return cases


@njit(cache=True, nogil=True)
def _join(
    scene: Scene, cases: Cases, centres: Centres, newcomers: Arrivals, wait: Float, key: Key
) -> bool:
    agenda = new_agenda(scene, centres, 0)
    regions = scene.region_start.size - 1
    for k in range(scene.bounded.size):
        for g in range(k * regions, (k + 1) * regions):
            if scene.bounded[k] == 1 and agenda.group_start[g] == agenda.group_start[g + 1]:
                return False
    first = cases.size[0]
    for j in range(newcomers.size[0]):
        _add(scene, cases, whole(newcomers.slot[j]), whole(newcomers.product[j]))
    ready = np.zeros(newcomers.size[0], np.uint8)
    for j in range(newcomers.size[0]):
        ready[j] = _settle(scene, cases, centres, agenda, wait, key, first + j)
    # In order of asking, so that each is put at the end of a queue. All places are taken by now.
    order = np.argsort(cases.asked[first : cases.size[0]], kind="mergesort")
    full_start, full = _full(scene, centres)
    for j in order:
        if ready[j] == 1:
            i = first + j
            g = centres.service[cases.centre[i]] * regions + whole(cases.region[i])
            width = full_start[g + 1] - full_start[g]
            if width > 0:  # nobody who is ready waits where places are free
                u = uniform(_words(cases, key, i)[0])
                cases.centre[i] = full[full_start[g] + whole(u * width)]
            enqueue(cases, centres, i)
    return True


@lean()
def _add(scene: Scene, cases: Cases, slot: int, p: int) -> None:
    layout, i = scene.layout, cases.size[0]
    low, high = 0, layout.block_start.size - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if layout.block_start[middle] <= slot:
            low = middle
        else:
            high = middle
    cases.slot[i], cases.product[i] = slot, p
    cases.region[i] = layout.block_region[low]
    cases.size[0] += 1


@lean()
def _words(cases: Cases, key: Key, i: int) -> tuple[np.uint32, np.uint32, np.uint32, np.uint32]:
    when = key.month * 64 + whole(cases.product[i])
    return philox(0, cases.slot[i], when, _STREAM, key.k0, key.k1)


@lean()
def _settle(
    scene: Scene,
    cases: Cases,
    centres: Centres,
    agenda: Agenda,
    wait: Float,
    key: Key,
    i: int,
) -> int:
    """Stage, centre and time of asking of case ``i``; returns 1 where it is ready to start."""
    wiring, region = scene.wiring, whole(cases.region[i])
    p = whole(cases.product[i])
    at = wiring.state_start[p] + whole(scene.people.state[p, cases.slot[i]])
    s = scene.region_start[region] + whole(scene.people.stratum[cases.slot[i]])
    treating = whole(wiring.treating_service[at])
    service = treating if treating != NOBODY else whole(wiring.waiting_service[at])
    words = _words(cases, key, i)
    cases.rank[i], cases.asked[i] = scene.rank[s], key.month
    cases.centre[i] = NONE
    cases.stage[i] = TREATED if treating != NOBODY else WAITING
    if scene.bounded[service] == 1:
        g = service * (scene.region_start.size - 1) + region
        begin, end = agenda.group_start[g], agenda.group_start[g + 1]
        c = chosen_centre(agenda.reached, agenda.group, begin, end, uniform(words[0]))
        if treating != NOBODY:
            if centres.treated[c] >= centres.places[c]:
                c = _roomiest(centres, agenda.group, begin, end)
            centres.treated[c] += 1
        cases.centre[i] = c
    if treating != NOBODY:
        return 0
    waited = wait[service, region] * exponential(words[1])
    cases.asked[i] = key.month - waited
    becoming = scene.hazards.flow[agenda.admission[at], s] * waited / 12.0
    return 1 if cases.centre[i] != NONE and uniform(words[2]) > exp(-becoming) else 0


@lean()
def _roomiest(centres: Centres, group: Int, begin: int, end: int) -> int:
    best = group[begin]
    for j in range(begin + 1, end):
        c = group[j]
        if centres.places[c] - centres.treated[c] > centres.places[best] - centres.treated[best]:
            best = c
    return whole(best)


@njit(cache=True, nogil=True)
def _full(scene: Scene, centres: Centres) -> tuple[Int, Int]:
    """Open centres without a free place by service and region: starts and rows."""
    regions = scene.region_start.size - 1
    start = np.zeros(scene.bounded.size * regions + 1, np.int64)
    rows = np.empty(centres.size[0], np.int64)
    found = 0
    for g in range(start.size - 1):
        for c in range(centres.size[0]):
            here = centres.service[c] * regions + centres.region[c] == g
            if here and centres.open[c] == 1 and centres.treated[c] >= centres.places[c]:
                rows[found] = c
                found += 1
        start[g + 1] = found
    return start, rows
