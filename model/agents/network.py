"""Ties between people: who sees whom use what, fixed for the run.

Ties belong to slots, so who comes to live in a slot takes them over. Six ties at school or work are
computed, not stored: the three slots on either side in the cell, so of the same birth year and
region. Three more are stored, at most one of each for a slot, -1 where there is none: the
household, nightlife and online. The last two are matchings: the tie of the other end leads back.
So is the household of adults. A child's household tie leads to a parent, whose own leads to a
partner, for a slot holds one: children see their parents, parents do not see their children.
Sexes are not told apart, and nobody's ties change: who is a child in the first year keeps the
parent, and has no partner, to the end of the run.

How many ties people have and with whom is assumed throughout: the evidence at hand gives the size
of the influence of friends (Liu 2017, doi 10.1037/bul0000113; Ivaniushina and Titkova
2021, doi 10.1371/journal.pone.0250169), not the network that it goes through.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import ndtri

from model.agents import philox
from model.agents.people import CLASSES, RING, VACANT, Int, Layout, People
from model.rows import lean
from model.structure import Structure

Ties: TypeAlias = npt.NDArray[np.int32]
Float: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint32]
Stream: TypeAlias = "tuple[int, int, int]"  # c3 and the key

# Where use of a product is seen by others; bits of a venue.
RINGED, AT_HOME, AT_NIGHT, ONLINE = 1, 2, 4, 8
EVERYDAY = RINGED | AT_HOME
# Assumed: all use is seen at home, at school and at work. Further ties count for what people
# take together at night, and for what is done, bought or promoted online.
NIGHTLIFE_PRODUCTS = {
    "cocaine": "taken in clubs and bars and bought there",
    "mdma": "hardly taken outside parties and festivals",
    "amphetamine": "taken to keep dancing",
    "methamphetamine": "as amphetamine",
    "ketamine": "seen in samples from nightlife only",
    "nps": "sold as, or beside, other party drugs",
    "nitrous_oxide": "balloons are shared at parties and festivals",
}
ONLINE_PRODUCTS = {
    "gambling_online": "the product is online",
    "gaming": "people play with others online",
    "e_cigarettes": "promoted and shown on social media",
    "cannabis": "offered, shown and discussed on social media",
}

ADULT = 20  # years of age in the first year of the run; younger cohorts live with a parent
APART = 3  # most years of birth between partners
PARENT_FROM, PARENT_TO = 25, 35  # years that a parent is older
NIGHT_FROM, NIGHT_TO = 16, 40  # years of age with nightlife at some time of the run
NIGHT_YEARS = 5  # birth years that meet
ONLINE_FROM, ONLINE_TO = 10, 60  # years of age

_CHUNK = 4096  # words drawn at a time; part of the streams
_PARTNERS, _PARENTS, _NIGHT, _ONLINE = (philox.NETWORK + 256 * i for i in range(4))
_SHUFFLED, _NOISE = 256 * 4, 256 * 8  # added to a purpose
_BINS = 1024  # of the score that nightlife is sorted by
_PER_SD = 128.0  # bins per standard deviation of the score
# Many more classes of noise than bins: every class of liability must be able to fall in any bin.
_NOISES = 4096


class Chances(NamedTuple):
    """How many slots have a tie, and how alike those are who meet."""

    partner: float  # share of adult slots
    nightlife: float  # share of slots of cohorts with nightlife
    online: float  # share of slots of cohorts who are online
    homophily: float  # correlation of liability between the ends of a tie through nightlife, 0 to 1


def venues(structure: Structure) -> Int:
    """(P,) bits of where use of each product is seen."""
    found = [
        EVERYDAY
        | (AT_NIGHT if product in NIGHTLIFE_PRODUCTS else 0)
        | (ONLINE if product in ONLINE_PRODUCTS else 0)
        for product in structure.products
    ]
    return np.array(found, dtype=np.int64)


def tie_shares(layout: Layout, ties: Ties) -> Float:
    """(cells,) share of slots with a tie of one sort; 0 in an empty cell."""
    starts = layout.cell_start
    tied = [np.count_nonzero(ties[a:b] >= 0) for a, b in pairwise(starts)]
    return np.array(tied) / np.maximum(np.diff(starts), 1)


def draw_ties(
    layout: Layout,
    liability: npt.NDArray[np.uint8],
    chances: Chances,
    k0: int,
    k1: int,
    start_year: int,
    stop_year: int,
) -> tuple[Ties, Ties, Ties]:
    """Household, nightlife and online: (M,) slots at the other end, or -1.

    ``liability`` (M,) is the class; ``start_year`` and ``stop_year`` are the first and last year
    of the run; (k0, k1) is the key. How cells are cut into blocks does not matter. Without birth
    cohorts (cohort 0) everybody counts as an adult too old for nightlife and online ties. Raises
    ValueError for chances outside 0 to 1.
    """
    if not all(0.0 <= chance <= 1.0 for chance in chances):
        raise ValueError(f"chances must be within 0 and 1: {chances}")
    slots = int(layout.cell_start[-1])
    ties = tuple(np.full(slots, -1, dtype=np.int32) for _ in range(3))
    key = (int(k0), int(k1))
    _draw_partners(ties[0], layout, chances.partner, key, start_year)
    _draw_parents(ties[0], layout, key, start_year)
    years = (start_year, stop_year)
    _draw_nightlife(ties[1], layout, liability, chances, key, years)
    cells = np.flatnonzero(_aged(layout.cell_cohort, ONLINE_FROM, ONLINE_TO, years))
    members = np.empty(_size(layout, cells), dtype=np.int32)
    _match(ties[2], members, layout, cells, 0, chances.online, (_ONLINE, *key))
    return ties[0], ties[1], ties[2]


def _draw_partners(
    ties: Ties, layout: Layout, chance: float, key: tuple[int, int], start_year: int
) -> None:
    """Adults whose birth year plus 0 to 3 at random is the same meet: so none are further apart."""
    pools = defaultdict(list)
    for cell in np.flatnonzero(start_year - layout.cell_cohort >= ADULT):
        for offset in range(APART + 1):
            meet = int(layout.cell_cohort[cell]) + offset
            pools[int(layout.cell_region[cell]), meet].append((int(cell), offset))
    most = max((_size(layout, [cell for cell, _ in pool]) for pool in pools.values()), default=0)
    members = np.empty(most, dtype=np.int32)
    stream = (_PARTNERS, *key)
    limit = _limit(chance)
    for number, name in enumerate(sorted(pools)):
        cells, offsets = np.array(pools[name], dtype=np.int64).T.copy()
        count = _gather(members, layout.cell_start, cells, offsets, limit, stream)
        _shuffle(members, count, number, stream)
        _pair(ties, members, count)


def _draw_parents(ties: Ties, layout: Layout, key: tuple[int, int], start_year: int) -> None:
    for cell in np.flatnonzero(start_year - layout.cell_cohort < ADULT):
        older = layout.cell_cohort[cell] - layout.cell_cohort
        parents = (older >= PARENT_FROM) & (older <= PARENT_TO)
        parents &= layout.cell_region == layout.cell_region[cell]
        _choose(ties, layout.cell_start, int(cell), np.flatnonzero(parents), (_PARENTS, *key))


def _draw_nightlife(
    ties: Ties,
    layout: Layout,
    liability: npt.NDArray[np.uint8],
    chances: Chances,
    key: tuple[int, int],
    years: tuple[int, int],
) -> None:
    pools = defaultdict(list)
    for cell in np.flatnonzero(_aged(layout.cell_cohort, NIGHT_FROM, NIGHT_TO, years)):
        group = int(layout.cell_cohort[cell]) // NIGHT_YEARS
        pools[int(layout.cell_region[cell]), group].append(int(cell))
    members = np.empty(max((_size(layout, p) for p in pools.values()), default=0), dtype=np.int32)
    ranked = np.empty_like(members)
    own, noise = _scores(chances.homophily)
    stream = (_NIGHT, *key)
    limit = _limit(chances.nightlife)
    for number, name in enumerate(sorted(pools)):
        cells = np.array(pools[name], dtype=np.int64)
        count = _gather(members, layout.cell_start, cells, cells[:0], limit, stream)
        _shuffle(members, count, number, stream)
        _rank(ranked, members[:count], liability, own, noise, number, stream)
        _pair(ties, ranked, count)


def _match(
    ties: Ties,
    members: Ties,
    layout: Layout,
    cells: Int,
    number: int,
    chance: float,
    stream: Stream,
) -> None:
    count = _gather(members, layout.cell_start, cells, cells[:0], _limit(chance), stream)
    _shuffle(members, count, number, stream)
    _pair(ties, members, count)


def _scores(homophily: float) -> tuple[Int, Int]:
    """Parts of the score, in bins: of a class of liability, and of a class of noise.

    Two people with the same score then have liabilities that correlate by ``homophily``. Whole
    numbers, so that machines agree.
    """
    classes = ndtri((np.arange(CLASSES) + 0.5) / CLASSES)
    noise = ndtri((np.arange(_NOISES) + 0.5) / _NOISES)
    own = np.rint(_PER_SD * np.sqrt(homophily) * classes / classes.std())
    other = np.rint(_PER_SD * np.sqrt(1.0 - homophily) * noise / noise.std())
    return own.astype(np.int64), other.astype(np.int64)


def _aged(cohort: Int, youngest: int, oldest: int, years: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Cohorts of these ages in one of the years at least."""
    found: npt.NDArray[np.bool_] = (years[1] - cohort >= youngest) & (years[0] - cohort <= oldest)
    return found


def _size(layout: Layout, cells: list[int] | Int) -> int:
    at = np.asarray(cells, dtype=np.int64)
    return int((layout.cell_start[at + 1] - layout.cell_start[at]).sum())


def _limit(chance: float) -> int:
    """A number of 30 bits is below it by this chance."""
    return round(chance * (1 << 30))


@njit(cache=True, nogil=True)
def _gather(
    members: Ties, cell_start: Int, cells: Int, offsets: Int, limit: int, stream: Stream
) -> int:
    """Put slots with the tie into ``members``; returns how many.

    The lowest two bits of a slot's word say which offset it has, the others whether it has the
    tie. Without ``offsets`` all count.
    """
    purpose, k0, k1 = stream
    words = np.empty(_CHUNK, np.uint32)
    count = 0
    for i in range(cells.size):
        first, last = cell_start[cells[i]], cell_start[cells[i] + 1]
        wanted = offsets[i] if offsets.size > 0 else -1
        for chunk in range((last - first + _CHUNK - 1) // _CHUNK):
            base = first + chunk * _CHUNK
            length = min(_CHUNK, last - base)
            philox.fill(words, length, cells[i], chunk, purpose, k0, k1)
            for j in range(length):
                word = np.int64(words[j])
                if (word >> 2) < limit and (wanted < 0 or (word & 3) == wanted):
                    members[count] = np.int32(base + j)
                    count += 1
    return count


@njit(cache=True, nogil=True)
def _shuffle(members: Ties, count: int, pool: int, stream: Stream) -> None:
    """Any order is as likely as any other (Fisher and Yates), to 1 in 2**32 / count."""
    purpose, k0, k1 = stream
    words = np.empty(_CHUNK, np.uint32)
    for chunk in range((count + _CHUNK - 1) // _CHUNK):
        base = chunk * _CHUNK
        length = min(_CHUNK, count - base)
        philox.fill(words, length, pool, chunk, purpose + _SHUFFLED, k0, k1)
        for j in range(length):
            at = base + j
            other = at + ((np.int64(words[j]) * (count - at)) >> 32)
            members[at], members[other] = members[other], members[at]


@njit(cache=True, nogil=True)
def _rank(
    ranked: Ties,
    members: Ties,
    liability: npt.NDArray[np.uint8],
    own: Int,
    noise: Int,
    pool: int,
    stream: Stream,
) -> None:
    """``members``, in random order, sorted by liability and noise."""
    purpose, k0, k1 = stream
    words = np.empty(_CHUNK, np.uint32)
    scores = np.empty(members.size, np.uint16)
    place = np.zeros(_BINS + 1, np.int64)
    for at in range(members.size):
        if at % _CHUNK == 0:
            length = min(_CHUNK, members.size - at)
            philox.fill(words, length, pool, at // _CHUNK, purpose + _NOISE, k0, k1)
        part = noise[np.int64(words[at % _CHUNK]) & (_NOISES - 1)]
        score = own[liability[members[at]]] + part + _BINS // 2
        score = min(max(score, 0), _BINS - 1)
        scores[at] = score
        place[score + 1] += 1
    for score in range(_BINS):
        place[score + 1] += place[score]
    for at in range(members.size):
        score = np.int64(scores[at])
        ranked[place[score]] = members[at]
        place[score] += 1


@lean()
def _pair(ties: Ties, members: Ties, count: int) -> None:
    """The first with the second, the third with the fourth, ...; one may be left over."""
    for i in range(0, count - 1, 2):
        ties[members[i]] = members[i + 1]
        ties[members[i + 1]] = members[i]


@njit(cache=True, nogil=True)
def _choose(ties: Ties, cell_start: Int, cell: int, others: Int, stream: Stream) -> None:
    """Tie every slot of a cell to any slot of the other cells."""
    purpose, k0, k1 = stream
    total = 0
    for other in others:
        total += cell_start[other + 1] - cell_start[other]
    if total == 0:
        return
    words = np.empty(_CHUNK, np.uint32)
    first, last = cell_start[cell], cell_start[cell + 1]
    for chunk in range((last - first + _CHUNK - 1) // _CHUNK):
        base = first + chunk * _CHUNK
        length = min(_CHUNK, last - base)
        philox.fill(words, length, cell, chunk, purpose, k0, k1)
        for j in range(length):
            rest = (np.int64(words[j]) * total) >> 32
            for other in others:
                size = cell_start[other + 1] - cell_start[other]
                if rest < size:
                    ties[base + j] = np.int32(cell_start[other] + rest)
                    break
                rest -= size


@lean()
def find_ends(ends: Int, people: People, first: int, last: int, slot: int, venue: int) -> int:
    """Put the present ends of a slot's ties at a venue into ``ends`` (9,); returns how many.

    ``first`` and ``last`` bound the slots of its cell. In a cell of less than seven slots
    everybody is tied to everybody, once.
    """
    count = 0
    if venue & RINGED:
        size = last - first
        for step in range(1, RING + 1):
            if 2 * step > size:
                break
            ends[count] = slot + step - (size if slot + step >= last else 0)
            count += 1
            if 2 * step < size:
                ends[count] = slot - step + (size if slot - step < first else 0)
                count += 1
    if venue & AT_HOME and people.household[slot] >= 0:
        ends[count] = people.household[slot]
        count += 1
    if venue & AT_NIGHT and people.nightlife[slot] >= 0:
        ends[count] = people.nightlife[slot]
        count += 1
    if venue & ONLINE and people.online[slot] >= 0:
        ends[count] = people.online[slot]
        count += 1
    present = 0
    for i in range(count):
        if people.stratum[ends[i]] != VACANT:
            ends[present] = ends[i]
            present += 1
    return present


@lean(forceinline=True)
def _seen(stratum: npt.NDArray[np.uint8], using: Words, end: int, p: int) -> int:
    """256 for somebody at the end of a tie, and 1 more if they use; 0 where nobody is."""
    if end < 0 or stratum[end] == VACANT:
        return 0
    return 256 + int((using[end] >> np.uint32(p)) & np.uint32(1))


@lean(forceinline=True)
def exposure(people: People, first: int, last: int, slot: int, p: int, venue: int) -> float:
    """Share of those tied to a slot at a venue who use product ``p``; 0 where nobody is there.

    ``first`` and ``last`` bound the slots of its cell. Children count as there; use is that of
    the start of the month.
    """
    stratum, using = people.stratum, people.using
    size = last - first
    seen = 0
    if venue & RINGED:
        for step in range(1, RING + 1):
            if 2 * step > size:
                break
            after, before = slot + step, slot - step
            seen += _seen(stratum, using, after - size if after >= last else after, p)
            if 2 * step < size:
                seen += _seen(stratum, using, before + size if before < first else before, p)
    if venue & AT_HOME:
        seen += _seen(stratum, using, int(people.household[slot]), p)
    if venue & AT_NIGHT:
        seen += _seen(stratum, using, int(people.nightlife[slot]), p)
    if venue & ONLINE:
        seen += _seen(stratum, using, int(people.online[slot]), p)
    there = seen >> 8
    return (seen & 255) / there if there > 0 else 0.0


@lean()
def weights(
    venue: int, present: float, household: float, nightlife: float, online: float
) -> tuple[float, float]:
    """Expected number of present ties of one person to people like them, and to the whole nation.

    ``present`` is the probability that somebody lives in a slot; the others are the shares of the
    person's cohort with such a tie. A parent counts as somebody alike.
    """
    near = 0.0
    if venue & RINGED:
        near += 2.0 * RING
    if venue & AT_HOME:
        near += household
    if venue & AT_NIGHT:
        near += nightlife
    far = online if venue & ONLINE else 0.0
    return near * present, far * present


def mean_exposure(near: float, far: float, nearby: Float, nation: float) -> Float:
    """Expected exposure of people whose ties weigh ``near`` and ``far`` (see weights), where a
    share ``nearby`` of people of their age and region use the product, and ``nation`` of all.

    A ratio of means, not the mean of the ratios: the nation weighs about a fifteenth more here
    than it does for people. 0 without ties. ``nearby`` and ``nation`` broadcast.
    """
    total = near + far
    return (near * nearby + far * nation) / total if total > 0.0 else nearby * 0.0
