"""Measures of the network on graphs whose measures are known, and on towns drawn at random."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from model.agents.clusters import Clusters, assortativity, clustering, clusters, degree
from model.agents.network import (
    AT_HOME,
    AT_NIGHT,
    EVERYDAY,
    ONLINE,
    RINGED,
    Chances,
    draw_ties,
    find_ends,
)
from model.agents.people import CHILD, CLASSES, VACANT, Layout, People
from tests.model.agents.towns import living, town

EVERYWHERE = EVERYDAY | AT_NIGHT | ONLINE
TOWN = town(range(1970, 2020), 300, 2)
SLOTS = int(TOWN.cell_start[-1])


def settled(homophily: float, share: float = 0.25, vacant: float = 0.0) -> People:
    """A town with ties; people of the highest liability use product 0, any people product 1."""
    random = np.random.default_rng(11)
    liability = random.integers(0, CLASSES, SLOTS).astype(np.uint8)
    chances = Chances(0.6, 1.0, 0.5, homophily)
    household, nightlife, online = draw_ties(TOWN, liability, chances, 1, 0, 2023, 2030)
    high = (liability >= CLASSES * (1.0 - share)).astype(np.uint32)
    return living(
        TOWN,
        stratum=np.where(random.random(SLOTS) < vacant, VACANT, 0),
        liability=liability,
        using=high | (random.random(SLOTS) < share).astype(np.uint32) << 1,
        household=household,
        nightlife=nightlife,
        online=online,
    )


def edges(people: People, layout: Layout, venue: int) -> list[tuple[int, int]]:
    ends = np.zeros(9, dtype=np.int64)
    found = []
    for cell, first in enumerate(layout.cell_start[:-1]):
        last = layout.cell_start[cell + 1]
        for slot in range(first, last):
            if people.stratum[slot] != VACANT:
                count = find_ends(ends, people, first, last, slot, venue)
                found += [(slot, int(end)) for end in ends[:count]]
    return found


def test_clusters_of_a_known_graph() -> None:
    layout = town([2000, 2001], 20)
    using = np.zeros(40, dtype=np.uint32)
    using[[0, 1, 19]] = 1  # joined over the end of the ring
    using[[5, 8, 11]] = 1  # each three further on
    using[15] = 1  # four from 11 and from 19: alone
    using[30] = 1  # in the other cell
    household = np.full(40, -1, dtype=np.int32)
    people = living(layout, using=using)
    assert clusters(people, layout, 0, RINGED) == Clusters(4, 2.0, 3 / 8)
    household[30] = 15  # a child sees a parent
    people = living(layout, using=using, household=household)
    assert clusters(people, layout, 0, RINGED).number == 4
    assert clusters(people, layout, 0, EVERYDAY).number == 3
    nightlife = np.full(40, -1, dtype=np.int32)
    nightlife[[0, 5]] = [5, 0]
    people = living(layout, using=using, household=household, nightlife=nightlife)
    assert clusters(people, layout, 0, EVERYDAY | AT_NIGHT) == Clusters(2, 4.0, 6 / 8)
    stratum = np.zeros(40, dtype=np.uint8)
    stratum[8] = VACANT  # a bit left behind by somebody who died joins nobody
    people = living(layout, using=using, stratum=stratum)
    assert clusters(people, layout, 0, RINGED) == Clusters(5, 7 / 5, 3 / 7)


def test_nobody_makes_no_cluster() -> None:
    none = clusters(living(TOWN), TOWN, 0, EVERYWHERE)
    assert none.number == 0
    assert math.isnan(none.mean_size)
    assert math.isnan(none.largest_share)


@pytest.mark.parametrize("venue", [RINGED, AT_HOME, EVERYDAY, EVERYWHERE])
def test_clusters_are_connected_components(venue: int) -> None:
    people = settled(0.5, share=0.25, vacant=0.1)
    use = (people.using & 1 == 1) & (people.stratum != VACANT)
    pairs = np.array([pair for pair in edges(people, TOWN, venue) if use[list(pair)].all()])
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(SLOTS, SLOTS))
    label = connected_components(graph, directed=False)[1][use]
    sizes = np.bincount(label)
    sizes = sizes[sizes > 0]
    room = np.full(SLOTS, 99, dtype=np.int32)  # what it held before does not matter
    found = clusters(people, TOWN, 0, venue, room)
    assert found.number == len(sizes)
    assert found.mean_size == pytest.approx(sizes.mean())
    assert found.largest_share == pytest.approx(sizes.max() / use.sum())
    assert clusters(people, TOWN, 0, venue) == found


def test_degree_counts_present_ties() -> None:
    layout = town([2000], 10)
    stratum = np.zeros(10, dtype=np.uint8)
    stratum[0] = VACANT
    people = living(layout, stratum=stratum)
    # 1, 2, 3, 7, 8 and 9 miss one, 4, 5 and 6 none.
    assert degree(people, layout, EVERYWHERE).tolist() == [0, 0, 0, 0, 0, 6, 3, 0, 0, 0]
    people = settled(0.0, vacant=0.2)
    counts = degree(people, TOWN, EVERYWHERE)
    assert counts.sum() == np.sum(people.stratum != VACANT)
    assert counts @ np.arange(10) == len(edges(people, TOWN, EVERYWHERE))


def test_clustering_of_a_ring_and_of_everybody_tied_to_everybody() -> None:
    # Watts and Strogatz 1998, doi 10.1038/30918: 3 (k - 2) / 4 (k - 1) with k = 6 ties.
    ring = town([2000, 2001], 50)
    assert clustering(living(ring), ring, EVERYDAY) == pytest.approx(0.6)
    small = town([2000], 6)
    assert clustering(living(small), small, EVERYDAY) == pytest.approx(1.0)
    alone = town([2000], 1)
    assert math.isnan(clustering(living(alone), alone, EVERYWHERE))
    # One tie more, to somebody far away, leaves 9 of 21 pairs.
    household = np.roll(np.arange(100), 50)
    assert clustering(living(ring, household=household), ring, EVERYDAY) == pytest.approx(9 / 21)


@pytest.mark.parametrize("within", [False, True])
def test_use_at_random_is_not_clustered(within: bool) -> None:
    people = settled(0.0, vacant=0.1)
    for p in (0, 1):
        assert assortativity(people, TOWN, p, EVERYWHERE, within) == pytest.approx(1.0, abs=0.03)


def test_assortativity_rises_with_homophily() -> None:
    found = [assortativity(settled(h), TOWN, 0, AT_NIGHT) for h in (0.0, 0.3, 0.6, 0.9)]
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert all(b > a + 0.1 for a, b in pairwise(found))
    # No more than all ties of people who use.
    assert found[-1] < 4.0


def test_likeness_in_age_counts_only_beyond_it() -> None:
    random = np.random.default_rng(1)
    young = np.repeat(TOWN.cell_cohort, 300) > 2000
    people = settled(0.0)._replace(using=(young & (random.random(SLOTS) < 0.4)).astype(np.uint32))
    assert assortativity(people, TOWN, 0, EVERYDAY) > 2.0
    assert assortativity(people, TOWN, 0, EVERYDAY, within=True) == pytest.approx(1.0, abs=0.05)


def test_assortativity_by_hand() -> None:
    layout = town([2000], 10)
    using = np.zeros(10, dtype=np.uint32)
    using[[0, 1]] = 1
    people = living(layout, using=using)
    # Two of twelve ties of those who use lead to one who does; at random, 1 of 9 others.
    assert assortativity(people, layout, 0, EVERYDAY) == pytest.approx((2 / 12) / (1 / 9))
    using[1] = 0
    alone = living(layout, using=using)
    assert math.isnan(assortativity(alone, layout, 0, EVERYDAY))
    assert math.isnan(assortativity(living(layout), layout, 0, EVERYDAY))


def test_children_are_no_part_of_the_comparison() -> None:
    layout = town([2000], 10)
    using = np.zeros(10, dtype=np.uint32)
    using[[0, 1]] = 1
    stratum = np.zeros(10, dtype=np.uint8)
    stratum[[3, 4, 5, 9]] = CHILD
    people = living(layout, using=using)._replace(stratum=stratum)
    # Ties of 0 to 1, 2, 7 and 8, of 1 to 0, 2 and 8; of the others who could, 1 of 5 uses.
    for within in (False, True):
        found = assortativity(people, layout, 0, EVERYDAY, within)
        assert found == pytest.approx((2 / 7) / (1 / 5))
