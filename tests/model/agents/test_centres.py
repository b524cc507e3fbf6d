"""People in care: the chain of the hazards where nothing is bounded, and queues in order."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from model.agents.capacity import resize
from model.agents.cases import (
    READY,
    TREATED,
    Cases,
    check_lists,
    no_centres,
    purge,
    with_room,
)
from model.agents.centres import NO_CENTRE, NO_ROOM, Arrivals, Key, care_month, chosen_centre
from model.agents.joining import admit_initial, join
from model.agents.people import EMPTY
from tests.model.agents.ward import (
    FIRST,
    FLOWS,
    LATER,
    LISTED,
    NEVER,
    PROBLEMATIC,
    STATES,
    Ward,
    start_with,
    stream,
    ward,
    with_centres,
)

Float = npt.NDArray[np.float64]
FAST = {  # a year: several moves a month
    "seeking": 9.0, "abandonment": 14.0, "admission": 30.0, "first_month_end": 12.0,
    "dropout_first": 10.0, "dropout_later": 6.0, "completion": 20.0, "relapse": 8.0,
}  # fmt: skip
SLOW = {
    "seeking": 0.5, "abandonment": 0.4, "admission": 12.0, "first_month_end": 12.0,
    "dropout_first": 1.0, "dropout_later": 1.0, "completion": 0.5, "relapse": 0.3,
}  # fmt: skip
INSTANT = {"admission": 1e6, "dropout_first": 6.0}
DEATHS = np.array([0.0, 0.5, 1.0, 0.7, 0.3, 0.1])


def mismatches(found: Ward) -> int:
    return check_lists(found.scene.people, found.scene.wiring, found.cases, found.centres)


# The chain


def generator(rates: dict[str, float], deaths: Float) -> Float:
    """Rates per month among the states, death (row STATES) and a counter for each flow after."""
    size = STATES + 1 + len(FLOWS)
    matrix = np.zeros((size, size))  # d/dt (states, dead, counts) = matrix @ (...)
    for f, (name, (origin, destination)) in enumerate(FLOWS.items()):
        rate = rates.get(name, 0.0) / 12.0
        matrix[origin, origin] -= rate
        matrix[destination, origin] += rate
        matrix[STATES + 1 + f, origin] += rate
    for z in range(STATES):
        matrix[z, z] -= deaths[z] / 12.0
        matrix[STATES, z] += deaths[z] / 12.0
    return matrix


def test_without_bounds_people_follow_the_chain_of_the_hazards() -> None:
    people, arrive = 150_000, 0.37
    found = ward(people, FAST, bounded=False, deaths=DEATHS)
    found.run(np.arange(people), np.full(people, arrive))
    matrix = generator(FAST, DEATHS)
    expected = np.zeros(len(matrix))
    expected[LISTED] = 1.0
    expected = expm(matrix * (1.0 - arrive)) @ expected
    sample = np.zeros_like(expected)
    for _ in range(2):
        stock = found.stock()
        sample[:STATES], sample[STATES] = stock[:STATES], stock[EMPTY]
        sample[STATES + 1 :] = [found.counted(name) for name in FLOWS]
        sample[STATES + 1] -= people  # the sweep counted who asked first
        error = np.sqrt(np.maximum(expected * people, 1.0))
        z = (sample - expected * people) / error
        print("deviations", np.round(z, 1))
        assert np.all(np.abs(z) < 4.0)
        # The next month: those in care go on, the others belong to the sweep.
        resting = expected.copy()
        resting[[LISTED, FIRST, LATER]] = 0.0
        expected = resting + expm(matrix) @ (expected - resting)
        found.run(np.zeros(0, np.int64), np.zeros(0))
    assert found.ledger.tally.died.sum() == found.stock()[EMPTY]
    assert mismatches(found) == 0


def test_time_in_a_state_is_that_of_the_chain() -> None:
    people = 100_000
    found = ward(people, FAST, bounded=False, deaths=DEATHS)
    found.run(np.arange(people), np.full(people, 0.25))
    matrix = generator(FAST, DEATHS)
    size = len(matrix)
    doubled = np.zeros((2 * size, 2 * size))  # a state and its integral
    doubled[:size, :size] = matrix
    doubled[size:, :size] = np.eye(size)
    start = np.zeros(2 * size)
    start[LISTED] = 1.0
    lived = (expm(doubled * 0.75) @ start)[size : size + STATES]
    lived[PROBLEMATIC] += 0.25  # until they ask
    for state in range(1, STATES):
        assert found.months_in(state) / people == pytest.approx(lived[state], rel=0.02)


def test_what_is_written_down_is_what_happened() -> None:
    found = ward(20_000, FAST, regions=2, deaths=DEATHS)
    found = with_centres(found, 10, 20)
    tally, stock, gone = found.ledger.tally, 0 * found.stock(), 0
    for month in range(4):
        slots = np.flatnonzero(found.scene.people.state[0] == NEVER)[month::17]
        found.run(slots, np.linspace(0.0, 0.999, len(slots)))
        stock[PROBLEMATIC] += len(slots)
        stock[NEVER] -= len(slots)
        gone += int(found.ledger.gone_size[0])
    change = found.stock() - stock
    change[NEVER] -= 20_000
    assert np.array_equal(tally.stock.sum(axis=1), change[:STATES])
    assert tally.died.sum() == gone == found.stock()[EMPTY]
    assert tally.asked.sum() == found.counted("seeking")
    treated = np.sum(found.scene.people.state[0] == FIRST) + np.sum(
        found.scene.people.state[0] == LATER
    )
    assert found.counted("admission") - tally.left.sum() == treated
    assert found.ledger.waits[..., :-1].sum() == found.counted("admission")
    assert found.ledger.waits[..., -1].sum() == found.counted("abandonment")
    assert np.all(tally.asked.sum(axis=0) > 0)


# Queues


Queue: TypeAlias = set[tuple[float, int]]  # times of asking and slots


def ready_by_centre(cases: Cases) -> dict[tuple[int, int], Queue]:
    """Who stands in the queue of each centre and rank: time of asking and slot."""
    found: dict[tuple[int, int], Queue] = {}
    for i in np.flatnonzero(cases.stage[: cases.size[0]] == READY):
        key = (int(cases.centre[i]), int(cases.rank[i]))
        found.setdefault(key, set()).add((float(cases.asked[i]), int(cases.slot[i])))
    return found


def test_places_go_in_order_of_rank_and_then_of_asking() -> None:
    """Everybody is ready at once and nobody gives up or dies, so a queue can only lose its head."""
    found = with_centres(ward(4_000, INSTANT), 8, 3)
    people = found.scene.people
    people.stratum[::5] = 1  # goes first
    random = np.random.default_rng(5)
    for month in range(40):
        before = ready_by_centre(found.cases)
        people.state[people.state == PROBLEMATIC] = NEVER
        slots = random.permutation(np.flatnonzero(people.state[0] == NEVER))[:16]
        found.run(slots, random.random(16))
        after = ready_by_centre(found.cases)
        admitted = 0
        for (centre, rank), queue in before.items():
            stay = after.get((centre, rank), set()) & queue
            went = queue - stay
            admitted += len(went)
            assert not (went and stay) or max(went) < min(stay)
            newer = {asked for asked, _ in after.get((centre, rank), set()) - queue}
            assert all(asked >= month for asked in newer)
            if rank == 0 and stay:  # the second rank had no turn while some of the first stood
                second = before.get((centre, 1), set())
                assert second <= after.get((centre, 1), set())
        assert month < 5 or admitted > 0
        assert mismatches(found) == 0
    assert any(rank == 0 for _, rank in after)
    assert any(rank == 1 for _, rank in after)


def test_who_is_not_ready_is_passed_over() -> None:
    """One place: the first to ask has a long intake, so the second gets it."""
    found = with_centres(ward(10, {"admission": 1e-9}), 1, 1)
    hazards, admission = found.scene.hazards, list(FLOWS).index("admission")
    hazards.flow[admission, 1] = hazards.leaving[LISTED, 1] = 1e6
    found.scene.people.stratum[1] = 1
    found.run(np.array([0, 1]), np.array([0.1, 0.5]))
    assert found.scene.people.state[0, :2].tolist() == [LISTED, FIRST]


def test_a_place_is_given_on_the_day_it_comes_free() -> None:
    found = with_centres(ward(30_000, INSTANT), 400, 2)
    start_with(found, np.full(400, 12))
    found.run(np.zeros(0, np.int64), np.zeros(0))
    left = found.ledger.tally.left.sum()
    assert left > 300
    assert found.counted("admission") == left
    assert np.all(found.centres.treated[:400] == 2)
    lost = found.centres.offered.sum() - found.centres.busy.sum()  # ticks, by rounding at most
    assert abs(lost) <= left


def test_waits_are_counted_in_weeks() -> None:
    found = with_centres(ward(10, {"admission": 1e6, "dropout_first": 0.0}), 1, 0 + 1)
    start_with(found, np.array([9]))
    found.cases.asked[1:9] = 0.0 - np.array([0.2, 1, 3, 6, 10, 20, 40, 80]) * 12 * 7 / 365.25
    found.cases.asked[1:9] = np.sort(found.cases.asked[1:9])
    found.centres.places[0] = 9
    found.run(np.zeros(0, np.int64), np.zeros(0))
    assert found.ledger.waits[0, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]


def test_centres_are_chosen_by_reach() -> None:
    group, reached = np.array([4, 7, 9]), np.array([20, 20, 30])
    u = (np.arange(3000) + 0.5) / 3000
    chosen = [chosen_centre(reached, group, 0, 3, value) for value in u]
    assert [chosen.count(c) for c in group] == [2000, 0, 1000]
    chosen = [chosen_centre(0 * reached, group, 0, 3, value) for value in u]
    assert [chosen.count(c) for c in group] == [1000, 1000, 1000]


# Lists


def test_short_lists_are_reported_and_nothing_is_lost() -> None:
    found = with_centres(ward(100, SLOW), 1, 20)
    found.run(np.arange(8), np.linspace(0.0, 0.9, 8))
    state = found.scene.people.state.copy()
    arrivals = Arrivals(
        np.arange(50, 90, dtype=np.int32), np.zeros(40, np.uint8), np.zeros(40), np.array([40])
    )
    key, size = Key(1, 1, 0), int(found.cases.size[0])
    call = (found.scene, found.ledger)
    assert care_month(*call, found.cases, found.centres, arrivals, key) == NO_ROOM
    assert found.cases.size[0] == size
    assert care_month(*call, with_room(found.cases, 200), no_centres(1), arrivals, key) == NO_CENTRE
    assert np.array_equal(state, found.scene.people.state)
    assert with_room(found.cases, size) is found.cases


def test_the_length_of_the_lists_changes_no_bit() -> None:
    seen = []
    for room in (1, 50_000):
        found = with_centres(ward(20_000, SLOW, regions=2), 30, 4)
        found.cases = with_room(found.cases, room)
        stream(found, 6_000.0, 12, seed=9)
        size = int(found.cases.size[0])
        parts: list[npt.NDArray[Any]] = [
            *found.ledger.tally,
            found.ledger.waits,
            found.scene.people.state,
        ]
        parts += [found.centres.waited, *(array[:size] for array in found.cases[:-1])]
        seen.append(b"".join(part.tobytes() for part in parts))
    assert seen[0] == seen[1]


def test_everybody_in_care_at_the_start_gets_a_case() -> None:
    found = with_centres(ward(30_000, SLOW, products=2, regions=2), 40, 10)
    state = found.scene.people.state
    state[0, ::29] = FIRST  # about 1,030 for 800 places with those below
    state[1, ::60] = LATER
    state[1, 1::30] = LISTED
    scene = found.scene
    found.cases = admit_initial(
        scene, found.cases, found.centres, np.full((1, 2), 3.0), Key(24, 5, 0)
    )
    assert mismatches(found) == 0
    centres = found.centres
    assert centres.treated.sum() == np.sum(state == FIRST) + np.sum(state == LATER)
    assert centres.treated.max() - centres.treated[:80].min() <= 25
    asked = found.cases.asked[: found.cases.size[0]][
        found.cases.stage[: found.cases.size[0]] != TREATED
    ]
    assert 24.0 - asked.mean() == pytest.approx(3.0, rel=0.15)
    full = centres.treated >= centres.places
    assert np.all(full[centres.length > 0])
    found.month = 24
    treated = int(centres.treated.sum())
    found.run(np.zeros(0, np.int64), np.zeros(0))
    assert centres.treated.sum() > 0.8 * treated  # over-full centres put nobody out
    assert mismatches(found) == 0


def test_the_start_needs_centres() -> None:
    found = ward(100, SLOW)
    found.scene.people.state[0, :3] = LISTED
    with pytest.raises(ValueError, match="resize"):
        admit_initial(found.scene, found.cases, no_centres(1), np.ones((1, 1)), Key(0, 1, 0))


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.integers(1, 9))
def test_lists_agree_with_people_whatever_happens(seed: int, size: int) -> None:
    """Arrivals, deaths, newcomers and changes of capacity in any order."""
    random = np.random.default_rng(seed)
    found = with_centres(ward(600, FAST, products=2, regions=2, deaths=DEATHS), 4, 3)
    found.scene.people.stratum[:] = random.integers(0, 2, 600)
    found.seed = seed
    state = found.scene.people.state
    for _ in range(8):
        free = np.flatnonzero((state[0] < LISTED) & (state[1] < LISTED))
        slots = random.permutation(free)[: random.integers(0, 60)]
        found.run(slots, random.random(len(slots)), random.integers(0, 2, len(slots)))
        assert mismatches(found) == 0
        gone = found.ledger.gone_slot[: found.ledger.gone_size[0]]
        state[:, gone] = EMPTY
        state[:, random.integers(0, 600, 25)] = EMPTY  # died or moved away
        purge(found.scene.people, found.scene.wiring, found.cases, found.centres)
        assert mismatches(found) == 0
        slot = random.permutation(np.flatnonzero(state[0] == EMPTY))[:20]
        state[:, slot] = random.integers(0, STATES, (2, len(slot)))
        caring = (state[:, slot] >= LISTED) & (state[:, slot] <= LATER)
        product, at = np.nonzero(caring)
        newcomers = Arrivals(
            slot[at].astype(np.int32),
            product.astype(np.uint8),
            np.zeros(len(at)),
            np.array([len(at)]),
        )
        key = Key(found.month, seed, 0)
        wait = np.full((1, 2), 2.0)
        found.cases = join(found.scene, found.cases, found.centres, newcomers, wait, key)
        assert mismatches(found) == 0
        wanted = random.integers(0, 40, (1, 2))
        found.centres = resize(found.cases, found.centres, wanted, np.array([size]))
        assert mismatches(found) == 0
        is_open = found.centres.open == 1
        for region in range(2):
            here = found.centres.places[is_open & (found.centres.region == region)]
            assert here.sum() == wanted[0, region]
