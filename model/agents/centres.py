"""One month of everybody in care, in continuous time, with real queues at treatment centres.

People in a waiting or treatment state leave the sweep and are followed here event by event, in
order of time. Where a service is bounded, the admission flow says when a person is ready to start
(its hazard is one over the intake time); a ready person takes a free place of their centre or
queues for it: first the lower rank, then who asked first. Elsewhere the flow admits at once.
Whoever leaves care is followed through other states until the month ends, with the stratum's
hazards: personal factors come back with the next month's sweep.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.agenda import Agenda, insert, remove
from model.agents.cases import (
    ARRIVING,
    NONE,
    OUTSIDE,
    READY,
    TREATED,
    WAITING,
    Cases,
    Centres,
    compact,
    dequeue,
    enqueue,
    next_in_line,
    whole,
)
from model.agents.people import EMPTY, Layout, People
from model.agents.philox import CENTRE, WALK, fine_uniform, log, philox, uniform
from model.agents.tally import DIED, OVERDOSED, TICKS, Hazards, Tally, choose, record
from model.rows import lean
from model.structure import ADMISSION, NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

WEEKS = 365.25 / 7.0 / 12.0  # of a month
WAIT_EDGES = (1.0, 2.0, 4.0, 8.0, 13.0, 26.0, 52.0, 104.0)  # weeks; the last bin is open
GAVE_UP = len(WAIT_EDGES) + 1  # column of the people who left the list without a place
NO_ROOM, NO_CENTRE = -1, -2  # nothing was done: lists are too short; a bounded service has none


class Scene(NamedTuple):
    """Who there is and what holds during the month. S strata of the nation, R regions."""

    people: People
    layout: Layout
    wiring: Wiring
    hazards: Hazards
    region_start: Int  # (R+1,) first stratum of each region
    bounded: npt.NDArray[np.uint8]  # (services,) 1 where centres have places and queues
    rank: npt.NDArray[np.uint8]  # (S,) 0 is admitted before 1


class Arrivals(NamedTuple):
    """People whom the sweep moved into care this month; the first ``size[0]`` are in use.

    ``slot``, ``product`` and ``time`` have one shape, (n,).
    """

    slot: npt.NDArray[np.int32]
    product: npt.NDArray[np.uint8]
    time: Float  # 0 to 1, of the month
    size: Int  # (1,)


class Ledger(NamedTuple):
    """What a month writes down; ``gone_slot`` and ``gone_product`` (n,) of people gone."""

    tally: Tally
    waits: Int  # (services, R, GAVE_UP + 1) people who left the list, by weeks waited
    gone_slot: npt.NDArray[np.int32]  # died, or left the model by a flow
    gone_product: npt.NDArray[np.uint8]
    gone_size: Int  # (1,)


class Key(NamedTuple):
    """Month since the start of the model, and the key of the random numbers."""

    month: int
    k0: int
    k1: int


class Month(NamedTuple):
    """Everything that an event may touch; ``key`` (2,) is seed and draw."""

    scene: Scene
    ledger: Ledger
    cases: Cases
    centres: Centres
    agenda: Agenda
    key: Key


@njit(cache=True, nogil=True)
def care_month(
    scene: Scene, ledger: Ledger, cases: Cases, centres: Centres, arrivals: Arrivals, key: Key
) -> int:
    """Follow everybody in care through one month; returns the number of events.

    NO_ROOM where the cases or the list of people gone may be too short for all cases and arrivals,
    NO_CENTRE where a bounded service lacks a centre in some region; nothing is changed then.
    A person may be listed as gone for several products. ``key`` (2,): seed and draw.
    """
    before = cases.size[0]
    size = before + arrivals.size[0]
    if size > cases.slot.size or size > ledger.gone_slot.size - ledger.gone_size[0]:
        return NO_ROOM
    agenda = new_agenda(scene, centres, size)
    if _lacking(scene, agenda):
        return NO_CENTRE
    month = Month(scene, ledger, cases, centres, agenda, key)
    events = _follow(month, arrivals, before)
    compact(cases, centres)
    return events


@lean()
def _follow(month: Month, arrivals: Arrivals, before: int) -> int:
    """All events of the month; the first ``before`` cases were there at its start."""
    cases, centres, agenda = month.cases, month.centres, month.agenda
    for c in range(centres.size[0]):
        centres.busy[c] += centres.treated[c] * TICKS
        centres.offered[c] += centres.places[c] * TICKS
    for i in range(before):
        cases.ordinal[i] = 0
        _schedule(month, i, 0.0)
    for a in range(arrivals.size[0]):
        _arrive(month, arrivals.slot[a], arrivals.product[a], arrivals.time[a])
    for c in range(centres.size[0]):  # places that came free between the months
        _fill(month, c, 0.0)
    events = 0
    while agenda.used[0] > 0:
        i = whole(agenda.heap[0])
        remove(month.agenda, month.cases, i)
        _happen(month, i, agenda.time[i])
        events += 1
    return events


@njit(cache=True, nogil=True)
def new_agenda(scene: Scene, centres: Centres, size: int) -> Agenda:
    """An empty agenda for ``size`` cases, with the look-ups of the month."""
    wiring = scene.wiring
    admission = np.full(wiring.waiting_service.size, NOBODY, np.int64)
    for p in range(wiring.state_start.size - 1):
        for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
            if wiring.flags[f] & ADMISSION:
                admission[wiring.state_start[p] + wiring.origin[f]] = f
    regions = scene.region_start.size - 1
    start, group, reached = grouped(centres, scene.bounded.size, regions)
    return Agenda(
        np.empty(size),
        np.empty(size),
        np.empty(size, np.int32),
        np.full(size, NONE, np.int32),
        np.zeros(1, np.int64),
        admission,
        start,
        group,
        reached,
    )


@njit(cache=True, nogil=True)
def grouped(centres: Centres, services: int, regions: int) -> tuple[Int, Int, Int]:
    """Open centres by service and region.

    Starts (services * R + 1,), rows (open centres,) and the running sum of their reach, (open
    centres,).
    """
    start = np.zeros(services * regions + 1, np.int64)
    for c in range(centres.size[0]):
        if centres.open[c] == 1:
            start[centres.service[c] * regions + centres.region[c] + 1] += 1
    start = np.cumsum(start)
    group, reached = np.empty(start[-1], np.int64), np.empty(start[-1], np.int64)
    filled = np.zeros(services * regions, np.int64)
    for c in range(centres.size[0]):
        if centres.open[c] == 1:
            g = centres.service[c] * regions + centres.region[c]
            at = start[g] + filled[g]
            group[at] = c
            reached[at] = centres.reach[c] + (reached[at - 1] if filled[g] > 0 else 0)
            filled[g] += 1
    return start, group, reached


@njit(cache=True, nogil=True)
def _lacking(scene: Scene, agenda: Agenda) -> bool:
    """Whether a bounded service has no open centre in some region."""
    regions = scene.region_start.size - 1
    for k in range(scene.bounded.size):
        if scene.bounded[k] == 1:
            for g in range(k * regions, (k + 1) * regions):
                if agenda.group_start[g] == agenda.group_start[g + 1]:
                    return True
    return False


# Lists and centres


@lean()
def _block_of(start: Int, slot: int) -> int:
    low, high = 0, start.size - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if start[middle] <= slot:
            low = middle
        else:
            high = middle
    return low


@lean()
def _arrive(month: Month, slot: int, p: int, at: float) -> None:
    """Add a case that starts at time ``at``."""
    cases, layout = month.cases, month.scene.layout
    i = cases.size[0]
    cases.size[0] += 1
    block = _block_of(layout.block_start, slot)
    cases.slot[i], cases.product[i] = slot, p
    cases.region[i] = layout.block_region[block]
    cases.stage[i], cases.ordinal[i], cases.centre[i] = ARRIVING, 0, NONE
    month.agenda.time[i] = at
    insert(month.agenda, month.cases, i)


@lean()
def chosen_centre(reach: Int, group: Int, first: int, last: int, u: float) -> int:
    """Centre of ``group[first:last]`` at a uniform ``u``, in proportion to its reach.

    ``reach``: running sum of the group, shape of ``group``.
    """
    if reach[last - 1] <= 0:
        return whole(group[first + whole(u * (last - first))])
    wanted = whole(u * reach[last - 1])
    low, high = first, last - 1
    while low < high:
        middle = (low + high) >> 1
        if reach[middle] > wanted:
            high = middle
        else:
            low = middle + 1
    return whole(group[low])


@lean()
def _turn_to(month: Month, i: int, service: int) -> None:
    """Choose the centre of a person who now turns to ``service``."""
    cases, agenda, key = month.cases, month.agenda, month.key
    cases.centre[i] = NONE
    if month.scene.bounded[service] == 1:
        g = service * (month.scene.region_start.size - 1) + cases.region[i]
        when = key.month * 64 + whole(cases.product[i])
        word = philox(cases.ordinal[i], cases.slot[i], when, CENTRE, key.k0, key.k1)[0]
        cases.centre[i] = chosen_centre(
            agenda.reached,
            agenda.group,
            agenda.group_start[g],
            agenda.group_start[g + 1],
            uniform(word),
        )


@lean()
def _ask(month: Month, i: int, service: int, at: float) -> None:
    """Put a person on the list of ``service``."""
    cases, scene = month.cases, month.scene
    stratum = scene.region_start[cases.region[i]] + scene.people.stratum[cases.slot[i]]
    cases.stage[i] = WAITING
    cases.rank[i] = scene.rank[stratum]
    cases.asked[i] = month.key.month + at
    _turn_to(month, i, service)


@lean()
def _fill(month: Month, c: int, at: float) -> None:
    """Give the free places of centre ``c`` to those whose turn it is."""
    cases, centres = month.cases, month.centres
    while centres.treated[c] < centres.places[c]:
        i = next_in_line(centres, c)
        if i == NONE:
            return
        p = cases.product[i]
        z = month.scene.people.state[p, cases.slot[i]]
        admission = month.agenda.admission[month.scene.wiring.state_start[p] + z]
        _move(month, i, admission, at)


# Events


@lean()
def _happen(month: Month, i: int, at: float) -> None:
    """The next event of case ``i``."""
    scene, cases, centres = month.scene, month.cases, month.centres
    wiring = scene.wiring
    p = whole(cases.product[i])
    z = whole(scene.people.state[p, cases.slot[i]])
    if cases.stage[i] == ARRIVING:
        cases.stage[i] = OUTSIDE
        _place(month, i, z, at)
        _schedule(month, i, at)
        return
    s = scene.region_start[cases.region[i]] + whole(scene.people.stratum[cases.slot[i]])
    if cases.stage[i] == READY:
        way = _other_way(month, p, z, s, month.agenda.chance[i])
    else:
        way = choose(scene.hazards, wiring, p, z, s, month.agenda.chance[i])
    if cases.stage[i] == WAITING and way >= 0 and wiring.flags[way] & ADMISSION:
        c = cases.centre[i]
        if c != NONE and (centres.treated[c] >= centres.places[c] or centres.length[c] > 0):
            enqueue(cases, centres, i)
            _schedule(month, i, at)
            return
    freed = _move(month, i, way, at)
    if freed != NONE:
        _fill(month, freed, at)


@lean()
def _other_way(month: Month, p: int, z: int, s: int, u: float) -> int:
    """As ``choose``, for a person who waits for a place and is already ready to start."""
    hazards, wiring = month.scene.hazards, month.scene.wiring
    at = wiring.state_start[p] + z
    rest = u * _other_ways(month, p, z, s)
    last = DIED
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] == z and not wiring.flags[f] & ADMISSION and hazards.flow[f, s] > 0.0:
            rest -= hazards.flow[f, s]
            last = f
            if rest < 0.0:
                return f
    if hazards.excess[at, s] > 0.0:
        rest -= hazards.excess[at, s]
        last = DIED
        if rest < 0.0:
            return DIED
    return OVERDOSED if hazards.overdose[at, s] > 0.0 else last


@lean()
def _other_ways(month: Month, p: int, z: int, s: int) -> float:
    """Rate per year of all ways out of a waiting state but admission."""
    hazards, wiring = month.scene.hazards, month.scene.wiring
    at = wiring.state_start[p] + z
    total: float = hazards.excess[at, s] + hazards.overdose[at, s]
    # Summed, not subtracted: admission may be so much faster that nothing would be left.
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] == z and not wiring.flags[f] & ADMISSION:
            total += hazards.flow[f, s]
    return total


@lean()
def _move(month: Month, i: int, way: int, at: float) -> int:
    """Let case ``i`` go the way ``way``; returns the centre where a place came free, or NONE."""
    scene, ledger, cases, centres = month.scene, month.ledger, month.cases, month.centres
    wiring = scene.wiring
    p = whole(cases.product[i])
    slot, region, c = cases.slot[i], whole(cases.region[i]), whole(cases.centre[i])
    z = whole(scene.people.state[p, slot])
    s = scene.region_start[region] + whole(scene.people.stratum[slot])
    into = record(ledger.tally, wiring, p, z, way, s, region, at)
    _leave_list(month, i, z, way, at)
    first = wiring.state_start[p]
    freed = NONE
    if cases.stage[i] == TREATED:
        service = wiring.treating_service[first + z]
        if into == NOBODY or wiring.treating_service[first + into] != service:
            cases.stage[i] = OUTSIDE
            if c != NONE:
                centres.treated[c] -= 1
                centres.busy[c] -= whole((1.0 - at) * TICKS)
                freed = c
    remove(month.agenda, month.cases, i)
    if into == NOBODY:
        scene.people.state[p, slot] = EMPTY
        cases.stage[i] = OUTSIDE
        ledger.gone_slot[ledger.gone_size[0]] = slot
        ledger.gone_product[ledger.gone_size[0]] = p
        ledger.gone_size[0] += 1
        return freed
    scene.people.state[p, slot] = into
    _place(month, i, into, at)
    _schedule(month, i, at)
    return freed


@lean()
def _leave_list(month: Month, i: int, z: int, way: int, at: float) -> None:
    """Out of the queue, and the wait into the histogram (deaths are in neither column)."""
    cases, centres, wiring = month.cases, month.centres, month.scene.wiring
    if cases.stage[i] == READY:
        dequeue(cases, centres, i)
    if cases.stage[i] != WAITING or way < 0:
        return
    service = wiring.waiting_service[wiring.state_start[cases.product[i]] + z]
    waited = month.key.month + at - cases.asked[i]
    column = GAVE_UP
    if wiring.flags[way] & ADMISSION:
        column = 0
        while column < GAVE_UP - 1 and waited * WEEKS >= WAIT_EDGES[column]:
            column += 1
        if cases.centre[i] != NONE:
            centres.admitted[cases.centre[i]] += 1
            centres.waited[cases.centre[i]] += whole(waited * TICKS)
    month.ledger.waits[service, cases.region[i], column] += 1


@lean()
def _place(month: Month, i: int, z: int, at: float) -> None:
    """Stage and centre of a case whose state is now ``z`` of its product."""
    cases, centres, wiring = month.cases, month.centres, month.scene.wiring
    first = wiring.state_start[cases.product[i]]
    treating, waiting = wiring.treating_service[first + z], wiring.waiting_service[first + z]
    if treating != NOBODY:
        if cases.stage[i] == TREATED:
            return  # the first month ends: the place is kept
        c = whole(cases.centre[i])
        same = c != NONE and cases.stage[i] == WAITING and centres.service[c] == treating
        if not same:
            _turn_to(month, i, treating)
            c = whole(cases.centre[i])
        if c != NONE:
            centres.treated[c] += 1
            centres.busy[c] += whole((1.0 - at) * TICKS)
        cases.stage[i] = TREATED
    elif waiting != NOBODY:
        _ask(month, i, waiting, at)
    else:
        cases.stage[i], cases.centre[i] = OUTSIDE, NONE


@lean()
def _schedule(month: Month, i: int, at: float) -> None:
    """Draw the next event of case ``i`` from time ``at`` on."""
    scene, cases, agenda, key = month.scene, month.cases, month.agenda, month.key
    wiring = scene.wiring
    p, slot = whole(cases.product[i]), cases.slot[i]
    z = whole(scene.people.state[p, slot])
    s = scene.region_start[cases.region[i]] + whole(scene.people.stratum[slot])
    if cases.stage[i] == READY:
        rate = _other_ways(month, p, z, s)
    else:
        rate = scene.hazards.leaving[wiring.state_start[p] + z, s]
    a, b, c, _ = philox(cases.ordinal[i], slot, key.month * 64 + p, WALK, key.k0, key.k1)
    cases.ordinal[i] += 1
    remove(month.agenda, month.cases, i)
    if rate <= 0.0:
        return
    agenda.time[i] = at - log(fine_uniform(a, b)) * 12.0 / rate
    agenda.chance[i] = uniform(c)
    if agenda.time[i] < 1.0:
        insert(month.agenda, month.cases, i)
