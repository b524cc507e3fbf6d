"""A month of everybody who is not in care: dominated thinning of each product, block by block.

For a block of slots and a product a Poisson number of candidates is drawn at a fixed cap, the
same in every scenario, each with a place in the block, an acceptance word and, by its order, a
time. A candidate acts with the hazard of the person found there over the cap: exactly the Markov
chain of the hazards. Where a hazard is above its cap, further layers of candidates cover the rest,
so that the first layer stays as it is. People in care are left to model.agents.centres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, uint32, uint64

from model.agents import philox
from model.agents.cases import whole
from model.agents.people import EMPTY, UNKNOWN, Layout, People
from model.agents.personal import Personal, by_ties, own_factors
from model.agents.tally import DIED, OVERDOSED, Hazards, Tally, record
from model.rows import lean
from model.structure import NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

LAYERS = 24  # most layers of candidates; of a hazard beyond so many caps, the rest is only counted
FULL = 1  # what can go wrong: a buffer is full


class Plan(NamedTuple):
    """Caps of the year and thresholds of the month. P products, R regions, S strata, B blocks."""

    cap: Float  # (P, S) candidates per slot and month
    layers: Int  # (P, S) layers of candidates that the hazards of the month need
    threshold: npt.NDArray[np.uint32]  # (P, R, 4096) by stratum of the region and state
    bound: Float  # (P, R, 4096) largest hazard a month over the cap
    parts: Float  # (Z, S, 3) hazards a year: the same for all, first use, escalation
    block_stratum: Int  # (B,) a stratum whose caps the block has, NOBODY where none is at risk
    care: npt.NDArray[np.uint8]  # (Z,) 1 for states of care
    pathway: npt.NDArray[np.uint8]  # (P,) 1 for products that count in pathways


class Buffers(NamedTuple):
    """Memory of one chunk of blocks, used by one thread at a time.

    Shapes: (most arrivals,) for ``arrival_``, (most deaths,) for ``dead_`` and (most changes,) for
    ``changed`` and ``changed_product``; ``layer_done`` (LAYERS,).
    """

    words: npt.NDArray[np.uint32]  # (LAYERS, n)
    tally: Tally
    arrival_slot: npt.NDArray[np.int32]  # people who came into care
    arrival_product: npt.NDArray[np.uint8]
    arrival_time: Float
    dead_slot: npt.NDArray[np.int32]  # died of a product's excess
    dead_product: npt.NDArray[np.uint8]
    changed: npt.NDArray[np.int32]  # people whose use of a product began or ended
    changed_product: npt.NDArray[np.uint8]
    noted: Int  # (5,) arrivals, dead, changed, candidates, of them with hazards beyond all layers
    layer_count: Int  # (LAYERS,) candidates, and how many are done
    layer_done: Int
    pathways: Int  # (P, P) first to second product


class Candidate(NamedTuple):
    """One candidate: of which stream, the how manyth of how many, and its acceptance word."""

    block: int
    product: int
    month: int
    layer: int
    number: int
    total: int
    word: int


class Sweep(NamedTuple):
    """What the sweep of a month reads and writes besides its buffers.

    ``region_start`` (R+1,): first stratum of each region.
    """

    key: npt.NDArray[np.uint32]  # (2,) seed and draw

    people: People
    layout: Layout
    wiring: Wiring
    hazards: Hazards
    personal: Personal
    plan: Plan
    region_start: Int


@lean(forceinline=True)
def _way(sweep: Sweep, p: int, z: int, s: int, rest: float, by: tuple[float, float]) -> int:
    """Way out of a state where the hazards, one after another, add up to ``rest`` (a year).

    ``by``: the person's factors on first use and on escalation.
    """
    wiring, hazards, code = sweep.wiring, sweep.hazards, sweep.personal.code
    last = DIED
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] == z and hazards.flow[f, s] > 0.0:
            rate = hazards.flow[f, s]
            if code[f] > 0:
                rate *= by[code[f] - 1] / sweep.personal.coupled[f, s]
            rest -= rate
            last = f
            if rest < 0.0:
                return int(f)
    at = wiring.state_start[p] + z
    if hazards.excess[at, s] > 0.0:
        rest -= hazards.excess[at, s]
        last = DIED
        if rest < 0.0:
            return DIED
    return OVERDOSED if hazards.overdose[at, s] > 0.0 else last


@lean()
def _ever_used(sweep: Sweep, slot: int) -> int:
    """Products that count in pathways which the person in a slot has ever used."""
    state, count = sweep.people.state, 0
    for p in range(state.shape[0]):
        z = state[p, slot]
        if sweep.plan.pathway[p] == 1 and z != 0 and z != EMPTY:
            count += 1
    return count


@lean()
def _started(sweep: Sweep, buffers: Buffers, p: int, slot: int) -> None:
    """Keep the first product of a person, and count the step to the second."""
    ever = _ever_used(sweep, slot)
    before = sweep.people.first[slot]
    if ever == 0:
        sweep.people.first[slot] = p
    elif ever == 1 and before != UNKNOWN:
        buffers.pathways[before, p] += 1


@lean(forceinline=True)
def _act(
    sweep: Sweep, buffers: Buffers, region: int, p: int, slot: int, way: int, at: float
) -> None:
    """Let a person go ``way`` at time ``at`` of the month."""
    people, wiring, plan = sweep.people, sweep.wiring, sweep.plan
    s = sweep.region_start[region] + people.stratum[slot]
    z = whole(people.state[p, slot])
    first = wiring.state_start[p]
    into = record(buffers.tally, wiring, p, z, way, s, region, at)
    noted = buffers.noted
    if into == NOBODY:
        people.state[p, slot] = EMPTY
        buffers.dead_slot[noted[1]] = slot
        buffers.dead_product[noted[1]] = p
        noted[1] += 1
        return
    if z == 0 and plan.pathway[p] == 1:
        _started(sweep, buffers, p, slot)
    people.state[p, slot] = into
    if wiring.using[first + z] != wiring.using[first + into]:
        buffers.changed[noted[2]] = slot
        buffers.changed_product[noted[2]] = p
        noted[2] += 1
    if plan.care[first + into] == 1:
        buffers.arrival_slot[noted[0]] = slot
        buffers.arrival_product[noted[0]] = p
        buffers.arrival_time[noted[0]] = at
        noted[0] += 1


@lean(forceinline=True)
def _consider(sweep: Sweep, buffers: Buffers, slot: int, drawn: Candidate) -> None:
    """Whether a candidate that passed the bound acts on the person in a slot, and how."""
    people, personal, p = sweep.people, sweep.personal, drawn.product
    region = sweep.layout.block_region[drawn.block]
    s = sweep.region_start[region] + people.stratum[slot]
    z = whole(people.state[p, slot])
    at, plan = sweep.wiring.state_start[p] + z, sweep.plan
    cap = plan.cap[p, plan.block_stratum[drawn.block]]
    met = (philox.uniform(uint32(drawn.word)) + drawn.layer) * cap * 12.0
    by = (1.0, 1.0)
    total = plan.parts[at, s, 0]
    if personal.state[at] == 1:
        # Ties are read only where they decide.
        first_use, rise, most = own_factors(personal, people, slot, p, s)
        rest = total + plan.parts[at, s, 2] * rise
        if met >= rest + plan.parts[at, s, 1] * first_use * most:
            return
        if most > 1.0 and plan.parts[at, s, 1] > 0.0:
            first_use *= by_ties(personal, people, sweep.layout, drawn.block, slot, p, s)
        total = rest + plan.parts[at, s, 1] * first_use
        by = (first_use, rise)
    if total > LAYERS * 12.0 * cap:
        buffers.noted[4] += 1
    if met >= total:
        return
    # The acceptance word is used up: way and time come from a draw of their own.
    w0, w1, _, _ = philox.philox(
        uint32(drawn.number),
        uint32(drawn.block),
        uint32(drawn.month * 64 + p),
        uint32(philox.BRANCH + 256 * drawn.layer),
        sweep.key[0],
        sweep.key[1],
    )
    way = _way(sweep, p, z, s, philox.uniform(w1) * total, by)
    _act(sweep, buffers, region, p, slot, way, (drawn.number + philox.uniform(w0)) / drawn.total)


@lean()
def _draw(sweep: Sweep, buffers: Buffers, drawn: Candidate, mean: float) -> int:
    """Words of one layer's candidates into the buffer; their number, or less than 0: no room."""
    c1, c2 = uint32(drawn.block), uint32(drawn.month * 64 + drawn.product)
    k0, k1, layer = sweep.key[0], sweep.key[1], 256 * drawn.layer
    count = philox.poisson(mean, c1, c2, uint32(philox.COUNT + layer), k0, k1)
    if 2 * count + 8 > buffers.words.shape[1]:
        return -1
    words = buffers.words[drawn.layer]
    philox.fill(words, 2 * count, c1, c2, uint32(philox.CANDIDATE + layer), k0, k1)
    return int(count)


@lean()
def _thin(sweep: Sweep, buffers: Buffers, b: int, p: int, month: int) -> int:
    """One layer of candidates of a block and product, in the order of time."""
    layout, plan = sweep.layout, sweep.plan
    start = uint64(layout.block_start[b])
    width = uint64(layout.block_start[b + 1]) - start
    mean = np.float64(width) * plan.cap[p, plan.block_stratum[b]]
    count = _draw(sweep, buffers, Candidate(b, p, month, 0, 0, 0, 0), mean)
    if count < 0:
        return FULL
    buffers.noted[3] += count
    words, state, stratum = buffers.words[0], sweep.people.state[p], sweep.people.stratum
    threshold = plan.threshold[p, layout.block_region[b]]
    for i in range(uint64(count)):
        slot = start + ((uint64(words[uint64(2) * i]) * width) >> uint64(32))
        found = (uint64(stratum[slot]) << uint64(4)) + uint64(state[slot])
        if words[uint64(2) * i + uint64(1)] < threshold[found]:
            word = words[uint64(2) * i + uint64(1)]
            drawn = Candidate(b, p, month, 0, whole(i), count, whole(word))
            _consider(sweep, buffers, whole(slot), drawn)
    return 0


@lean()
def _thin_layers(sweep: Sweep, buffers: Buffers, b: int, p: int, month: int) -> int:
    """As ``_thin`` with more than one layer, merged by time."""
    layout, plan = sweep.layout, sweep.plan
    layers = plan.layers[p, plan.block_stratum[b]]
    start = layout.block_start[b]
    width = layout.block_start[b + 1] - start
    mean = width * plan.cap[p, plan.block_stratum[b]]
    count, done = buffers.layer_count, buffers.layer_done
    for layer in range(layers):
        count[layer] = _draw(sweep, buffers, Candidate(b, p, month, layer, 0, 0, 0), mean)
        done[layer] = 0
        if count[layer] < 0:
            return FULL
        buffers.noted[3] += count[layer]
    bound = plan.bound[p, layout.block_region[b]]
    while True:
        next_layer, earliest = -1, 2.0
        for layer in range(layers):
            if done[layer] < count[layer]:
                time = (done[layer] + 0.5) / count[layer]
                if time < earliest:
                    next_layer, earliest = layer, time
        if next_layer < 0:
            return 0
        i = done[next_layer]
        done[next_layer] += 1
        words = buffers.words[next_layer]
        slot = start + np.int64((uint64(words[2 * i]) * uint64(width)) >> uint64(32))
        found = np.int64(sweep.people.stratum[slot]) * 16 + np.int64(sweep.people.state[p, slot])
        if philox.uniform(words[2 * i + 1]) + next_layer < bound[found]:
            word = whole(words[2 * i + 1])
            drawn = Candidate(b, p, month, next_layer, i, count[next_layer], word)
            _consider(sweep, buffers, whole(slot), drawn)


@njit(cache=True, nogil=True)
def sweep_blocks(sweep: Sweep, buffers: Buffers, first: int, last: int, month: int) -> int:
    """Blocks ``first`` to ``last`` (not included) in one month. Returns 0 or FULL.

    Writes the states of these blocks' slots and the buffers, nothing else, so that blocks can be
    shared out to threads in any way.
    """
    plan = sweep.plan
    for b in range(first, last):
        own = plan.block_stratum[b]
        if own == NOBODY:
            continue
        for p in range(plan.cap.shape[0]):
            layers = plan.layers[p, own]
            if layers == 1:
                wrong = _thin(sweep, buffers, b, p, month)
            else:
                wrong = _thin_layers(sweep, buffers, b, p, month)
            if wrong != 0:
                return wrong
            room = 2 * (layout_width(sweep.layout, b))
            if (
                buffers.noted[0] + room > buffers.arrival_slot.size
                or buffers.noted[1] + room > buffers.dead_slot.size
                or buffers.noted[2] + room > buffers.changed.size
            ):
                return FULL
    return 0


@lean()
def layout_width(layout: Layout, b: int) -> int:
    """Slots of a block."""
    return int(layout.block_start[b + 1] - layout.block_start[b])
