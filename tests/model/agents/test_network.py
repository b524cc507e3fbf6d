"""Ties: who is tied to whom, the same in every run, and the exposure that comes of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.priors import draw_priors
from model.agents.network import (
    AT_HOME,
    AT_NIGHT,
    EVERYDAY,
    NIGHTLIFE_PRODUCTS,
    ONLINE,
    ONLINE_PRODUCTS,
    RINGED,
    Chances,
    Ties,
    draw_ties,
    exposure,
    find_ends,
    mean_exposure,
    tie_shares,
    venues,
    weights,
)
from model.agents.people import CHILD, CLASSES, VACANT, Layout
from model.catalogue import load_catalogue
from model.structure import build_structure
from tests.model.agents.towns import living, town

START, STOP = 2023, 2030
CHANCES = Chances(partner=0.6, nightlife=0.3, online=0.5, homophily=0.3)
CELL, REGIONS = 400, 2
LAYOUT = town(range(1923, STOP + 1), CELL, REGIONS)
SLOTS = int(LAYOUT.cell_start[-1])
COHORT = np.repeat(LAYOUT.cell_cohort, CELL)
REGION = np.repeat(LAYOUT.cell_region, CELL)
LIABILITY = np.random.default_rng(7).integers(0, CLASSES, SLOTS).astype(np.uint8)


@cache
def drawn(chances: Chances = CHANCES, seed: int = 1) -> tuple[Ties, Ties, Ties]:
    return draw_ties(LAYOUT, LIABILITY, chances, seed, 0, START, STOP)


def tied(ties: Ties) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Slots with a tie, and the other ends."""
    slots = np.flatnonzero(ties >= 0)
    return slots, ties[slots].astype(np.int64)


def test_matchings_lead_back_and_nobody_is_tied_to_themselves() -> None:
    household, nightlife, online = drawn()
    adults = START - COHORT >= 20
    for ties, whose in ((household, adults), (nightlife, COHORT > 0), (online, COHORT > 0)):
        slots, ends = tied(np.where(whose, ties, -1))
        assert len(slots) > 0
        assert np.array_equal(ties[ends], slots)
    for ties in drawn():
        slots, ends = tied(ties)
        assert not np.any(slots == ends)


def test_partners_are_of_similar_age_in_the_same_region() -> None:
    adults = np.flatnonzero(START - COHORT >= 20)
    household = drawn()[0]
    slots, ends = tied(household)
    keep = np.isin(slots, adults)
    slots, ends = slots[keep], ends[keep]
    apart = np.abs(COHORT[slots] - COHORT[ends])
    assert np.all(START - COHORT[ends] >= 20)
    assert np.all(REGION[slots] == REGION[ends])
    # Two offsets of 0 to 3 differ by d in (4 - d) * 2 of 16 ways, by none in 4.
    assert np.bincount(apart) / len(apart) == pytest.approx(np.array([4, 6, 4, 2]) / 16, abs=0.02)
    assert len(slots) / len(adults) == pytest.approx(CHANCES.partner, abs=0.01)


def test_children_have_a_parent_of_25_to_35_years_more() -> None:
    household = drawn()[0]
    children = np.flatnonzero(START - COHORT < 20)
    assert np.all(household[children] >= 0)
    ends = household[children]
    older = COHORT[children] - COHORT[ends]
    assert np.all(REGION[children] == REGION[ends])
    assert np.bincount(older - 25) / len(older) == pytest.approx(np.full(11, 1 / 11), abs=0.01)


def test_nightlife_is_within_region_and_five_birth_years_as_often_as_asked() -> None:
    nightlife = drawn()[1]
    slots, ends = tied(nightlife)
    assert np.all(REGION[slots] == REGION[ends])
    assert np.all(COHORT[slots] // 5 == COHORT[ends] // 5)
    young = (STOP - COHORT >= 16) & (START - COHORT <= 40)
    assert np.all(young[slots])
    assert len(slots) / young.sum() == pytest.approx(CHANCES.nightlife, abs=0.01)


def test_online_ties_cross_regions_and_ages() -> None:
    online = drawn()[2]
    slots, ends = tied(online)
    able = (STOP - COHORT >= 10) & (START - COHORT <= 60)
    assert np.all(able[slots])
    assert len(slots) / able.sum() == pytest.approx(CHANCES.online, abs=0.01)
    assert np.mean(REGION[slots] == REGION[ends]) == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(COHORT[slots], COHORT[ends])[0, 1] == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("homophily", [0.0, 0.3, 0.6, 1.0])
def test_nightlife_brings_alike_people_together(homophily: float) -> None:
    # One pool large enough that pairs share a score.
    layout = town(range(2000, 2005), 12_000)
    liability = np.random.default_rng(3).integers(0, CLASSES, 60_000).astype(np.uint8)
    chances = Chances(0.0, 1.0, 0.0, homophily)
    slots, ends = tied(draw_ties(layout, liability, chances, 5, 0, START, STOP)[1])
    likeness = np.corrcoef(liability[slots], liability[ends])[0, 1]
    # The rank correlation of two normal variables.
    expected = 6.0 / np.pi * np.arcsin(homophily / 2.0)
    assert likeness == pytest.approx(expected, abs=0.02)


def test_ties_hang_on_the_key_alone() -> None:
    cut = town(range(1923, STOP + 1), CELL, REGIONS, block=37)
    again = draw_ties(cut, LIABILITY, CHANCES, 1, 0, START, STOP)
    assert all(np.array_equal(a, b) for a, b in zip(drawn(), again, strict=True))
    for seed, draw in ((2, 0), (1, 1)):
        other = draw_ties(LAYOUT, LIABILITY, CHANCES, seed, draw, START, STOP)
        for a, b in zip(drawn(), other, strict=True):
            assert np.mean((a == b) & (a >= 0)) < 0.01


def test_nobody_and_everybody() -> None:
    nobody = drawn(Chances(0.0, 0.0, 0.0, 0.0))
    assert np.all(nobody[0][START - COHORT >= 20] == -1)
    assert np.all(nobody[1] == -1)
    assert np.all(nobody[2] == -1)
    everybody = drawn(Chances(1.0, 1.0, 1.0, 0.0))
    able = (STOP - COHORT >= 10) & (START - COHORT <= 60)
    assert np.array_equal(everybody[2] >= 0, able)


def test_chances_are_checked() -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        drawn(Chances(0.5, 1.5, 0.5, 0.0))


@given(size=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_tiny_cells_keep_the_rules(size: int, seed: int) -> None:
    layout = town(range(1960, 2031), size)
    slots = int(layout.cell_start[-1])
    liability = np.zeros(slots, dtype=np.uint8)
    ties = draw_ties(layout, liability, Chances(1.0, 1.0, 1.0, 0.5), seed, 0, START, STOP)
    for nth in ties:
        here, ends = tied(nth)
        assert not np.any(here == ends)
        assert np.all(ends < slots)
    for nth in ties[1:]:
        here, ends = tied(nth)
        assert np.array_equal(nth[ends], here)
    people = living(layout)
    ends = np.zeros(9, dtype=np.int64)
    for slot in range(size):
        count = find_ends(ends, people, 0, size, slot, RINGED)
        assert count == min(size - 1, 6)
        assert len({slot, *ends[:count]}) == count + 1


def hand_made() -> tuple[Layout, dict[str, list[int]]]:
    """A cell of ten people, of whom the first is looked at, and one of ten more."""
    layout = town([2000, 2001], 10)
    arrays = {
        "using": [1] + [0] * 19,
        "stratum": [0] * 20,
        "household": [11] + [-1] * 19,
        "nightlife": [12] + [-1] * 19,
        "online": [13] + [-1] * 19,
    }
    return layout, arrays


def test_exposure_by_hand() -> None:
    layout, arrays = hand_made()
    use = 1 << 5
    for slot in (1, 8, 4, 12):  # two ring neighbours, one behind the wrap; 4 is none; nightlife
        arrays["using"][slot] = use | 1
    people = living(layout, **arrays)
    everywhere = EVERYDAY | AT_NIGHT | ONLINE
    assert exposure(people, 0, 10, 0, 5, RINGED) == pytest.approx(2 / 6)
    assert exposure(people, 0, 10, 0, 5, EVERYDAY) == pytest.approx(2 / 7)
    assert exposure(people, 0, 10, 0, 5, EVERYDAY | AT_NIGHT) == pytest.approx(3 / 8)
    assert exposure(people, 0, 10, 0, 5, EVERYDAY | ONLINE) == pytest.approx(2 / 8)
    assert exposure(people, 0, 10, 0, 5, everywhere) == pytest.approx(3 / 9)
    assert exposure(people, 0, 10, 0, 6, everywhere) == 0.0
    assert exposure(people, 0, 10, 0, 0, RINGED) == pytest.approx(2 / 6)  # own use does not count


def test_exposure_leaves_vacant_slots_out_and_counts_children() -> None:
    layout, arrays = hand_made()
    arrays["using"][1] = arrays["using"][2] = arrays["using"][12] = 1
    arrays["stratum"][2] = arrays["stratum"][9] = arrays["stratum"][12] = VACANT
    arrays["stratum"][8] = arrays["stratum"][11] = CHILD
    people = living(layout, **arrays)
    # There: 1, 3, 7, 8 of the ring, the household and the online tie; only 1 uses.
    assert exposure(people, 0, 10, 0, 0, EVERYDAY | AT_NIGHT | ONLINE) == pytest.approx(1 / 6)
    empty = living(layout, stratum=[0] + [VACANT] * 19, using=[1] * 20)
    assert exposure(empty, 0, 10, 0, 0, EVERYDAY) == 0.0


def test_exposure_is_the_share_of_ends_found() -> None:
    random = np.random.default_rng(2)
    stratum = np.where(random.random(SLOTS) < 0.3, VACANT, 0)
    household, nightlife, online = drawn()
    people = living(
        LAYOUT,
        stratum=stratum,
        using=random.integers(0, 4, SLOTS),
        household=household,
        nightlife=nightlife,
        online=online,
    )
    ends = np.zeros(9, dtype=np.int64)
    for slot in random.integers(0, SLOTS, 200):
        first = slot // CELL * CELL
        for venue in (RINGED, AT_HOME, EVERYDAY | AT_NIGHT, EVERYDAY | ONLINE):
            count = find_ends(ends, people, first, first + CELL, slot, venue)
            users = people.using[ends[:count]] >> 1 & 1
            expected = users.mean() if count else 0.0
            found = exposure(people, first, first + CELL, slot, 1, venue)
            assert found == pytest.approx(expected)


def test_mean_exposure_is_what_people_meet() -> None:
    random = np.random.default_rng(4)
    household, nightlife, online = drawn()
    cohort = 1990
    local, present = 0.3, 0.9
    use = random.random(SLOTS) < np.where(np.abs(COHORT - cohort) < 10, local, 0.05)
    people = living(
        LAYOUT,
        stratum=np.where(random.random(SLOTS) < present, 0, VACANT),
        using=use,
        household=household,
        nightlife=nightlife,
        online=online,
    )
    cells = np.flatnonzero(LAYOUT.cell_cohort == cohort)
    venue = EVERYDAY | AT_NIGHT | ONLINE
    met = [
        exposure(people, int(cell) * CELL, int(cell + 1) * CELL, slot, 0, venue)
        for cell in cells
        for slot in range(cell * CELL, (cell + 1) * CELL)
    ]
    shares = [float(tie_shares(LAYOUT, ties)[cells].mean()) for ties in drawn()]
    near, far = weights(venue, present, *shares)
    able = (STOP - COHORT >= 10) & (START - COHORT <= 60)
    expected = mean_exposure(
        near, far, np.array([use[np.abs(COHORT - cohort) < 10].mean()]), float(use[able].mean())
    )
    assert np.mean(met) == pytest.approx(expected[0], rel=0.05)
    assert mean_exposure(0.0, 0.0, np.array([0.3]), 0.3) == 0.0


def test_tie_shares_count_slots() -> None:
    layout = town([2000, 2001], 4)
    assert tie_shares(layout, np.array([3, -1, -1, 0, 5, 4, 7, 6], np.int32)) == pytest.approx(
        [0.5, 1.0]
    )


def test_every_product_has_a_venue() -> None:
    catalogue = load_catalogue()
    structure = build_structure(catalogue, draw_priors(catalogue, 1))
    found = dict(zip(structure.products, venues(structure), strict=True))
    assert all(venue & EVERYDAY == EVERYDAY for venue in found.values())
    assert {p for p, venue in found.items() if venue & AT_NIGHT} == set(NIGHTLIFE_PRODUCTS)
    assert {p for p, venue in found.items() if venue & ONLINE} == set(ONLINE_PRODUCTS)
    unknown = replace(structure, products=("something_new",))
    assert venues(unknown).tolist() == [EVERYDAY]
