"""Who lives where at the start: people, liability and ties, and a joint draw of all their states.

The compartmental state gives the share of each stratum in each state of each product. Given a
person's liability, ever use follows the copula of model.agents.liability, so the start already has
the poly-use that the run keeps up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, uint32

from model.agents import philox
from model.agents.cases import whole
from model.agents.layout import Ground
from model.agents.people import CHILD, CLASSES, EMPTY, UNKNOWN, VACANT, Layout, People
from model.structure import NOBODY

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Key = npt.NDArray[np.uint32]


def vacant_people(products: int, layout: Layout) -> People:
    """Slots that nobody lives in yet."""
    slots = int(layout.block_start[-1])
    return People(
        state=np.full((products, slots), EMPTY, dtype=np.uint8),
        stratum=np.full(slots, VACANT, dtype=np.uint8),
        liability=np.zeros(slots, dtype=np.uint8),
        burden=np.zeros(slots, dtype=np.uint8),
        first=np.full(slots, UNKNOWN, dtype=np.uint8),
        using=np.zeros(slots, dtype=np.uint32),
        household=np.full(slots, -1, dtype=np.int32),
        nightlife=np.full(slots, -1, dtype=np.int32),
        online=np.full(slots, -1, dtype=np.int32),
    )


@njit(cache=True, nogil=True)
def rounded(value: float, cell: int, what: int, key: Key) -> int:
    """A whole number whose mean is ``value``; ``key`` (2,): seed and draw."""
    w0, _, _, _ = philox.philox(
        uint32(what), uint32(cell), uint32(63), uint32(philox.ROUNDING), key[0], key[1]
    )
    least = whole(np.floor(value))
    return whole(least + (philox.uniform(w0) < value - least))


@njit(cache=True, nogil=True)
def settle(
    people: People, at: int, counts: Int, sexes: int, bands: int, band: int, key: Key
) -> int:
    """People of one band into the slots from ``at`` on; returns the next free slot.

    ``counts`` (groups,) by sex x deprivation. Deprivation groups live apart, sexes mixed.
    """
    deprivations = counts.size // sexes
    for d in range(deprivations):
        rest = counts[d::deprivations].copy()
        while rest.sum() > 0:
            w0, _, _, _ = philox.philox(
                uint32(0), uint32(at), uint32(63), uint32(philox.START), key[0], key[1]
            )
            u = philox.uniform(w0) * rest.sum()
            sex = 0
            while sex < sexes - 1 and u >= rest[sex]:
                u -= rest[sex]
                sex += 1
            rest[sex] -= 1
            people.stratum[at] = (sex * deprivations + d) * bands + band
            at += 1
    return at


@njit(cache=True, nogil=True)
def settle_cohorts(
    people: People, layout: Layout, expected: Float, band: Int, bands: int, key: Key
) -> int:
    """Fill every cell of a run by cohorts; ``expected`` (cells, 4) agents. Returns the least
    number of slots left free in a cell (below 0: there was no room)."""
    least = np.int64(1) << 40
    for cell in range(layout.cell_region.size):
        counts = np.zeros(4, dtype=np.int64)
        total = np.int64(0)
        for group in range(4):
            counts[group] = rounded(expected[cell, group], cell, group, key)
            total += counts[group]
        at, end = layout.cell_start[cell], layout.cell_start[cell + 1]
        least = min(least, end - at - total)
        if at + total > end:
            return whole(least)
        if band[cell] == NOBODY:
            people.stratum[at : at + total] = CHILD
        else:
            settle(people, at, counts, 2, bands, band[cell], key)
    return whole(least)


@njit(cache=True, nogil=True)
def settle_bands(
    people: People, layout: Layout, expected: Float, sexes: int, bands: int, key: Key
) -> int:
    """As ``settle_cohorts`` for one cell a region; ``expected`` (R, groups, bands) agents."""
    least = np.int64(1) << 40
    groups = expected.shape[1]
    for r in range(expected.shape[0]):
        at, end = layout.cell_start[r], layout.cell_start[r + 1]
        for band in range(bands):
            counts = np.zeros(groups, dtype=np.int64)
            for group in range(groups):
                what = group * bands + band
                counts[group] = rounded(expected[r, group, band], r, what, key)
            if at + counts.sum() > end:
                return whole(end - at - counts.sum())
            at = settle(people, at, counts, sexes, bands, band, key)
        least = min(least, end - at)
    return whole(least)


@njit(cache=True, nogil=True)
def draw_states(
    people: People,
    layout: Layout,
    shares: Float,
    region_start: Int,
    blocks: tuple[int, int],
    key: Key,
) -> None:
    """States of everybody at risk in some blocks; ``shares`` (P, S, CLASSES, Z) cumulated."""
    words = np.empty(8192, dtype=np.uint32)
    for b in range(blocks[0], blocks[1]):
        start, end = layout.block_start[b], layout.block_start[b + 1]
        first = region_start[layout.block_region[b]]
        for p in range(people.state.shape[0]):
            philox.fill(
                words, end - start, uint32(b), uint32(p), uint32(philox.START), key[0], key[1]
            )
            for slot in range(start, end):
                if people.stratum[slot] < CHILD:
                    row = shares[p, first + people.stratum[slot], people.liability[slot]]
                    u, z = philox.uniform(words[slot - start]), 0
                    while z < row.size - 1 and u >= row[z]:
                        z += 1
                    people.state[p, slot] = z


@njit(cache=True, nogil=True)
def draw_burden(
    people: People,
    layout: Layout,
    probability: Float,
    region_start: Int,
    blocks: tuple[int, int],
    key: Key,
) -> None:
    """Who has a mental-health burden; ``probability`` (S, CLASSES)."""
    for b in range(blocks[0], blocks[1]):
        first = region_start[layout.block_region[b]]
        for slot in range(layout.block_start[b], layout.block_start[b + 1]):
            if people.stratum[slot] < CHILD:
                w0, _, _, _ = philox.philox(
                    uint32(0), uint32(slot), uint32(63), uint32(philox.BURDEN), key[0], key[1]
                )
                chance = probability[first + people.stratum[slot], people.liability[slot]]
                people.burden[slot] = philox.uniform(w0) < chance


@njit(cache=True, nogil=True)
def read_uses(
    people: People, using: Int, state_start: Int, pathway: npt.NDArray[np.uint8], slots: Int
) -> None:
    """Bits of use, and the first product of those who have used only one, of these slots.

    ``slots`` (2,): the first, and the one after the last.
    """
    for i in range(slots[0], slots[1]):
        _read_use(people, using, state_start, pathway, i)


@njit(cache=True, nogil=True)
def read_uses_of(
    people: People,
    using: Int,
    state_start: Int,
    pathway: npt.NDArray[np.uint8],
    slots: npt.NDArray[np.int32],
) -> None:
    """As ``read_uses``, of a list of slots (n,)."""
    for i in slots:
        _read_use(people, using, state_start, pathway, i)


@njit(cache=True, nogil=True)
def _read_use(
    people: People, using: Int, state_start: Int, pathway: npt.NDArray[np.uint8], i: int
) -> None:
    bits, only, ever = 0, 0, 0
    for p in range(people.state.shape[0]):
        z = people.state[p, i]
        if z == EMPTY:
            continue
        if using[state_start[p] + z] == 1:
            bits |= 1 << p
        if z != 0 and pathway[p] == 1:
            only, ever = p, ever + 1
    people.using[i] = bits
    people.first[i] = only if ever == 1 else UNKNOWN


@njit(cache=True, nogil=True)
def entry_uniform(slot: int, p: int, year: int, key: Key) -> float:
    """The draw that sets a product's state of a person who reaches the youngest band.

    ``key`` (2,): seed and draw. Uniform in 0 to 1.
    """
    w0, _, _, _ = philox.philox(
        uint32(year), uint32(slot), uint32(p), uint32(philox.ENTRY), key[0], key[1]
    )
    return float(philox.uniform(w0))


def cumulated(shares: Float) -> Float:
    """Shares (..., Z) as a ladder of the same shape that ends at 1."""
    ladder = np.cumsum(shares, axis=-1)
    last: Float = np.minimum(ladder / np.maximum(ladder[..., -1:], 1e-300), 1.0)
    return last


def expected_by_band(ground: Ground, population: Float, weight: float) -> Float:
    """Agents by region, group and band (R, groups, bands) of persons in strata (S,)."""
    regions = len(ground.layout.cell_region)
    found: Float = (population / weight).reshape(regions, ground.groups, ground.bands)
    return found


def uniform_classes(shares: Float) -> Float:
    """The same shares (S, Z) for every class of liability, (S, CLASSES, Z)."""
    return np.repeat(shares[:, None, :], CLASSES, axis=1)
