"""The turn of the year: birthdays, children who reach the youngest age, and people at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents import calendar, start
from model.agents.build import count, pathway_products
from model.agents.cases import whole
from model.agents.people import CHILD, CLASSES, VACANT, Layout, People
from model.agents.personal import RISE
from model.prepared import FIRST_YEAR
from model.structure import NOBODY, Wiring

if TYPE_CHECKING:
    from model.agents.crowd import Crowd

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MOST_COUNTED = 2_000_000  # slots; of more, every so manyth slot is counted


@njit(cache=True, nogil=True)
def count_at_risk(people: People, wiring: Wiring, code: Int) -> Float:
    """People in states that escalation leads out of, by product and liability (P, CLASSES)."""
    products, slots = people.state.shape
    step = max(1, slots // MOST_COUNTED)
    found = np.zeros((products, CLASSES))
    for p in range(products):
        risky = np.zeros(16, dtype=np.uint8)
        for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
            if code[f] == RISE:
                risky[wiring.origin[f]] = 1
        for slot in range(0, slots, step):
            if risky[people.state[p, slot]] == 1:
                found[p, people.liability[slot]] += 1.0
    return found


def new_year(crowd: Crowd, year: int) -> npt.NDArray[np.int32]:
    """See ``Crowd.new_year``: slots (n,) of who entered, or FloatingPointError for lack of them."""
    setting, ground, people = crowd.setting, crowd.ground, crowd.people
    layout = ground.layout
    at = year - setting.first_year
    if ground.cohorts:
        before, after = ground.band[at - 1], ground.band[at]

        def older(first: int, last: int) -> None:
            calendar.grow_older(people, layout, before, after, ground.bands, (first, last))
    else:
        moving = setting.prepared.demography.moving_up[year - 1 - FIRST_YEAR]

        def older(first: int, last: int) -> None:
            span = (first, last, ground.bands, year - FIRST_YEAR)
            calendar.move_up(people, layout, moving, setting.region_start, span, setting.key)

    crowd.over_blocks(older)
    entered = _enter(crowd, year)
    crowd.stock, crowd.population = count(setting, ground, people)
    return entered


def _enter(crowd: Crowd, year: int) -> npt.NDArray[np.int32]:
    """People who reach the youngest band, with the states of those who began earlier."""
    setting, ground, people = crowd.setting, crowd.ground, crowd.people
    demography, layout = setting.prepared.demography, ground.layout
    regions = len(setting.prepared.strata.regions)
    number = year - FIRST_YEAR
    coming = (demography.entrants[number] / setting.weight).reshape(regions, ground.groups)
    sexes = len(setting.prepared.strata.sexes)
    entered = []
    for r in range(regions):
        counts = np.array(
            [
                start.rounded(coming[r, g], 4096 + number, 64 * r + g, setting.key)
                for g in range(ground.groups)
            ],
            dtype=np.int64,
        )
        if ground.cohorts:
            cell = int(np.flatnonzero(ground.entering[year - setting.first_year])[r])
            entered.append(_fill_cell(crowd, cell, counts))
        else:
            slots = np.empty(int(counts.sum()), dtype=np.int32)
            bands = (ground.bands, sexes)
            if _fill_free(people, layout, crowd.cursor, r, counts, slots, bands) < 0:
                raise FloatingPointError("there is no room for the newly grown among the agents")
            entered.append(slots)
    slots = np.concatenate(entered)
    _give_states(crowd, slots, number)
    if ground.cohorts:
        _children(crowd, year)
    return slots


def _fill_cell(crowd: Crowd, cell: int, counts: Int) -> npt.NDArray[np.int32]:
    """Children of a cell grow up: as many people as the table has, from its first slot on."""
    people, ground = crowd.people, crowd.ground
    first, end = (int(at) for at in ground.layout.cell_start[cell : cell + 2])
    if first + counts.sum() > end:
        raise FloatingPointError("there is no room for the newly grown among the agents")
    people.stratum[first:end] = VACANT
    last = start.settle(people, first, counts, 2, ground.bands, 0, crowd.setting.key)
    crowd.cursor[cell] = last - first if last < end else 0
    return np.arange(first, last, dtype=np.int32)


@njit(cache=True, nogil=True)
def _fill_free(
    people: People,
    layout: Layout,
    cursor: Int,
    cell: int,
    counts: Int,
    slots: npt.NDArray[np.int32],
    bands: tuple[int, int],
) -> int:
    """People of the youngest band into free slots of a cell; NOBODY without room."""
    found = 0
    for group in range(counts.size):
        for _ in range(counts[group]):
            slot = calendar.free_slot(people, layout, cursor, cell)
            if slot == NOBODY:
                return NOBODY
            people.stratum[slot] = group * bands[0]
            slots[found] = slot
            found += 1
    return found


def _give_states(crowd: Crowd, slots: npt.NDArray[np.int32], number: int) -> None:
    """States of people who reach the youngest band in the year ``number`` from 2010."""
    setting, ground, people = crowd.setting, crowd.ground, crowd.people
    structure = setting.structure
    shares = setting.prepared.entry[setting.draw, number]  # (Z, blocks of strata)
    ladder = start.cumulated(crowd.entry_shares(shares))
    burden = crowd.burden_of_entrants()
    starts = setting.region_start
    bands = (starts, ground.bands, number)
    give_states(people, ground.layout, ladder, burden, bands, slots, setting.key)
    start.read_uses_of(
        people,
        structure.wiring.using,
        structure.wiring.state_start,
        pathway_products(structure),
        slots,
    )


@njit(cache=True, nogil=True)
def give_states(
    people: People,
    layout: Layout,
    ladder: Float,
    burden: Float,
    bands: tuple[Int, int, int],
    slots: npt.NDArray[np.int32],
    key: npt.NDArray[np.uint32],
) -> None:
    """Draw the states of the people in ``slots``; ``ladder`` (P, blocks, CLASSES, Z) cumulated,
    ``burden`` (blocks, CLASSES), blocks of strata by region and group. ``bands``: starts of
    regions, age bands, number of the year."""
    starts, width, year = bands
    for slot in slots:
        cell = np.searchsorted(layout.cell_start, slot, side="right") - 1
        first = starts[layout.cell_region[cell]]
        block = (first + people.stratum[slot]) // width
        kind = people.liability[slot]
        for p in range(people.state.shape[0]):
            row = ladder[p, block, kind]
            u, z = start.entry_uniform(whole(slot), p, year, key), 0
            while z < row.size - 1 and u >= row[z]:
                z += 1
            people.state[p, slot] = z
        u = start.entry_uniform(whole(slot), 63, year, key)
        people.burden[slot] = u < burden[block, kind]


@njit(cache=True, nogil=True)
def set_children(people: People, layout: Layout, cell: int, number: int) -> int:
    """So many children in a cell; returns how many found no room."""
    at, end = layout.cell_start[cell], layout.cell_start[cell + 1]
    people.stratum[at:end] = VACANT
    last = min(end, at + number)
    people.stratum[at:last] = CHILD
    return int(at + number - last)


def _children(crowd: Crowd, year: int) -> None:
    """Children younger than the strata, as many as the table has: nothing else changes for them."""
    setting, ground = crowd.setting, crowd.ground
    at = year - setting.first_year
    young = np.flatnonzero((ground.band[at] == NOBODY) & (ground.people[at].sum(axis=1) > 0.0))
    for cell in young:
        expected = float(ground.people[at, cell].sum()) / setting.weight
        number = start.rounded(expected, int(cell), 1000 + at, setting.key)
        if set_children(crowd.people, ground.layout, int(cell), int(number)) > 0:
            raise FloatingPointError("there is no room for the children among the agents")
