"""Some people of a region with their ties: whom the agents view draws, and where.

A snowball: a few people with a disorder or in care, then those tied to them, then those tied to
whoever of these has used. So people who use, and people with many ties, are drawn more often than
they are in the region: what is seen tells nothing of how common anything is.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from model.agents.network import AT_HOME, AT_NIGHT, ONLINE, RINGED, find_ends
from model.agents.people import CHILD

if TYPE_CHECKING:
    from model.agents.twin import Twin

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

PLACES = {"ring": RINGED, "home": AT_HOME, "night": AT_NIGHT, "online": ONLINE}
MOST_ENDS = 9
WIDTH, HEIGHT = 1000, 620
STEPS = 400
PULL = 0.8  # to the middle, so that those tied to nobody else do not drift away


class Sample(NamedTuple):
    """Slots of people, ties between them (i, j, number of the kind in PLACES), and a drawing.

    ``slots`` (people,).
    """

    slots: Int
    ties: Int  # (n, 3)
    at: Int  # (people, 2) within WIDTH and HEIGHT


def snowball(twin: Twin, region: int, interest: Int, seeds: int, size: int) -> Sample:
    """At most ``size`` people at risk in a region. ``interest`` (slots,): 2 are the first, 1 lead
    on to those tied to them, 0 do not."""
    layout = twin.crowd.ground.layout
    inside = np.repeat(layout.cell_region == region, np.diff(layout.cell_start))
    inside &= twin.crowd.people.stratum < CHILD
    first = np.flatnonzero(inside & (interest == 2))
    chosen = first[np.linspace(0, first.size - 1, min(seeds, first.size)).astype(np.int64)]
    found = dict.fromkeys(int(slot) for slot in chosen)
    # Whoever was found first among those of most interest tells next whom they know.
    waiting = [(-2, number, slot) for number, slot in enumerate(found)]
    while waiting and len(found) < size:
        _, _, slot = heapq.heappop(waiting)
        for end, _ in _ends(twin, slot):
            if inside[end] and end not in found and len(found) < size:
                found[end] = None
                if interest[end] > 0:
                    heapq.heappush(waiting, (-int(interest[end]), len(found), end))
    slots = np.array(sorted(found), dtype=np.int64)
    ties = _ties(twin, {int(slot): i for i, slot in enumerate(slots)})
    return Sample(slots, ties, drawing(len(slots), ties[:, :2]))


def _ends(twin: Twin, slot: int) -> list[tuple[int, int]]:
    """Slots at the other end of somebody's ties, and the number of the kind."""
    starts = twin.crowd.ground.layout.cell_start
    cell = int(np.searchsorted(starts, slot, side="right")) - 1
    ends = np.zeros(MOST_ENDS, dtype=np.int64)
    found = []
    for kind, venue in enumerate(PLACES.values()):
        first, last = int(starts[cell]), int(starts[cell + 1])
        count = find_ends(ends, twin.crowd.people, first, last, slot, venue)
        found += [(int(end), kind) for end in ends[:count]]
    return found


def _ties(twin: Twin, number: Mapping[int, int]) -> Int:
    """Each tie within a sample once; a child's to a parent too, though only one of them has it."""
    found: dict[tuple[int, int], int] = {}
    for slot, i in number.items():
        for end, kind in _ends(twin, slot):
            j = number.get(end)
            if j is not None:
                found.setdefault((min(i, j), max(i, j)), kind)
    rows = [(i, j, kind) for (i, j), kind in sorted(found.items())]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def drawing(people: int, ties: Int) -> Int:
    """Places (people, 2) on a sheet: ties (n, 2) pull, people push (Fruchterman and Reingold 1991).

    Nothing is random but the start, which is always the same.
    """
    at = np.random.default_rng(1).random((people, 2)) * (WIDTH, HEIGHT)
    apart = np.sqrt(WIDTH * HEIGHT / max(people, 1))
    middle = np.array([WIDTH, HEIGHT]) / 2
    for step in range(STEPS):
        between = at[:, None] - at[None]
        far = np.maximum(np.hypot(between[..., 0], between[..., 1]), 1.0)
        push = (between * (np.minimum(apart / far, 4.0) * apart / far)[..., None]).sum(axis=1)
        along = at[ties[:, 1]] - at[ties[:, 0]]
        pull = along * (np.hypot(along[:, 0], along[:, 1]) / apart)[:, None]
        np.add.at(push, ties[:, 0], pull)
        np.add.at(push, ties[:, 1], -pull)
        push -= PULL * (at - middle)
        length = np.maximum(np.hypot(push[:, 0], push[:, 1]), 1e-9)
        most = 0.12 * WIDTH * (1.0 - step / STEPS) + 0.5
        at += push * (np.minimum(length, most) / length)[:, None]
    low, high = at.min(axis=0), at.max(axis=0)
    room = np.array([WIDTH, HEIGHT]) - 30
    return np.asarray(np.rint(15 + (at - low) / np.maximum(high - low, 1.0) * room), dtype=np.int64)
