"""What drivers come to: ends and halves by hand, events by chance, correlated central draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.drivers import Moved, moved_drivers, trend_scores
from scenarios.library import Library
from scenarios.paths import FULL_AT
from scenarios.schema import Event, Plan
from scenarios.sizes import NORMAL_90, Deal
from scenarios.trends import SMALLEST
from tests.scenarios.conftest import BRANCH, MONTHS
from tests.scenarios.made import START, driver, with_drivers

MIDDLE = Deal.of(0, 1, 1, central=True)
MANY = Deal.of(0, 20_000, 1)
ENDS = "low: 0.5, central: 0.9, high: 2.0"


def found(plan: Plan, library: Library, deal: Deal = MIDDLE) -> list[Moved]:
    cross = (library.trends, library.cross_impact)
    return list(moved_drivers(plan, library.drivers, cross, deal, (BRANCH, MONTHS)))


def event(name: str, start: str, **more: object) -> Event:
    return Event.model_validate({"driver": name, "from": start, **more})


def test_trends_at_0_or_not_named_do_nothing(library: Library) -> None:
    assert found(Plan({}, {}), library) == []
    assert found(Plan({}, dict.fromkeys(library.trends, 0.0)), library) == []
    # A trend that is set to 0 is off even where the others are drawn.
    plan = Plan({}, {"F1": 0.0}, central_trends=True)
    assert {moved.driver.trend for moved in found(plan, library)} == set(library.trends) - {"F1"}


@pytest.mark.parametrize("position", [100.0, -100.0, 50.0])
def test_shipped_drivers_reach_their_ends_in_2030(library: Library, position: float) -> None:
    plan = Plan({}, dict.fromkeys(library.trends, position))
    seen = set()
    for moved in found(plan, library):
        entry, effect = moved.driver.entry, moved.effect
        seen.add(entry.side)
        if entry.shock is not None:
            continue
        end = effect.plus if position > 0 else effect.minus
        assert end is not None
        wanted = abs(position) / 100.0 * np.log(getattr(effect, end))
        np.testing.assert_allclose(moved.path[:, FULL_AT:], wanted)
        np.testing.assert_array_equal(moved.path[:, :BRANCH], 0.0)
        np.testing.assert_allclose(moved.final, wanted)
    off = {"favourable"} if position > 0 else {"adverse"}
    assert seen == {"adverse", "favourable", "mixed"} - off


def test_a_mixed_driver_goes_both_ways(library: Library, tmp_path: Path) -> None:
    made = driver("F1.1", f"{START}, {ENDS}, plus: high, minus: low", side="mixed")
    own = with_drivers(library, tmp_path, made)
    for position, size in ((100, 2.0), (-100, 0.5), (50, 2.0**0.5), (-25, 0.5**0.25)):
        (moved,) = found(Plan({}, {"F1": position}), own)
        np.testing.assert_allclose(np.exp(moved.path[0, FULL_AT]), size)


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_a_higher_position_never_moves_a_trend_back(
    library: Library, one: float, other: float
) -> None:
    low, high = sorted([one, other])
    sums = []
    for position in (low, high):
        total = 0.0
        for moved in found(Plan({}, {"F1": position, "F2": position}), library):
            if moved.driver.entry.shock is None:
                adverse = moved.effect.plus or ("low" if moved.effect.minus == "high" else "high")
                total += float(moved.path.sum()) * (1 if adverse == "high" else -1)
        sums.append(total)
    assert sums[0] <= sums[1] + 1e-9


SHOCK = "{low: 0.02, central: 0.05, high: 0.1, months: 24}"


def test_the_position_of_a_shock_is_its_probability(library: Library, tmp_path: Path) -> None:
    own = with_drivers(
        library,
        tmp_path,
        driver("F1.1", f"{START}, {ENDS}, plus: high", shape="shock", shock=SHOCK),
    )
    for position, chance in ((100, 0.1), (50, 0.05)):
        (moved,) = found(Plan({}, {"F1": position}), own, MANY)
        on = moved.path != 0.0
        assert set(np.unique(moved.path)) == {0.0, np.log(2.0)}  # its size is whole
        assert on.sum(axis=1).max() == 24
        happened = on[:, : BRANCH + 12].any(axis=1).mean()
        assert happened == pytest.approx(chance, abs=4 * np.sqrt(chance / MANY.count))
    (often,) = found(Plan({}, {"F1": 100}), own, MANY)
    (seldom,) = found(Plan({}, {"F1": 50}), own, MANY)
    first = [np.where(m.path.any(1), m.path.argmax(1), MONTHS) for m in (often, seldom)]
    assert (first[0] <= first[1]).all()


def test_a_side_without_an_event_does_nothing_whatever_other_runs_do(
    library: Library, tmp_path: Path
) -> None:
    shock = SHOCK.replace("}", ", minus: null}")
    ends = f"handle: lag, {ENDS}, plus: high, minus: low"
    made = driver("F1.1", ends, side="mixed", shape="shock", shock=shock)
    own = with_drivers(library, tmp_path, made)
    assert found(Plan({}, {"F1": -100}), own) == []
    runs = Plan({}, {"F1": np.array([100.0, -100.0, 0.0, 50.0])})
    (moved,) = found(runs, own, Deal.of(0, 4, 1, central=True))
    np.testing.assert_allclose(moved.final, [np.log(2.0), 0.0, 0.0, np.log(2.0)])
    assert (moved.path[1:3] == 0.0).all()


def test_events_follow_the_uniform_number_of_their_name(library: Library, tmp_path: Path) -> None:
    own = with_drivers(
        library,
        tmp_path,
        driver("F1.1", f"{START}, {ENDS}, plus: high", shape="shock", shock=SHOCK),
    )
    deal = Deal.of(0, 200, 7)
    (moved,) = found(Plan({}, {"F1": 100}), own, deal)
    waited = np.floor(12 * np.log1p(-deal.uniform("event/F1.1")) / np.log(0.9))
    started = np.where(moved.path.any(axis=1), moved.path.argmax(axis=1) - BRANCH, np.inf)
    np.testing.assert_array_equal(started, np.where(waited < MONTHS - BRANCH, waited, np.inf))


def test_drivers_of_one_event_happen_together(library: Library, tmp_path: Path) -> None:
    shock = SHOCK.replace("}", ", event: same}")
    one, other, alone = (
        driver(f"F1.{i}", f"{START}, {ENDS}, plus: high", shape="shock", shock=told)
        for i, told in enumerate((shock, shock, SHOCK), 1)
    )
    own = with_drivers(library, tmp_path, one, other, alone)
    first, second, third = found(Plan({}, {"F1": 100}), own, Deal.of(0, 300, 1))
    np.testing.assert_array_equal(first.path, second.path)
    assert not np.array_equal(first.path, third.path)


def test_central_draws_go_together_as_the_matrix_says(library: Library) -> None:
    scores = trend_scores((library.trends, library.cross_impact), MANY)
    seen = np.corrcoef(np.stack([scores[name] for name in library.trends]))
    error = (1.0 - library.cross_impact**2) / np.sqrt(MANY.count)
    assert (np.abs(seen - library.cross_impact) <= 5.0 * error + 1e-12).all()
    for score in scores.values():
        assert score.mean() == pytest.approx(0.0, abs=5 / np.sqrt(MANY.count))
        assert score.std() == pytest.approx(1.0, abs=5 / np.sqrt(2 * MANY.count))


def test_central_draws_meet_the_range_of_a_driver(library: Library, tmp_path: Path) -> None:
    made = driver("F1.1", f"{START}, {ENDS}, plus: low", shape="s-curve")
    own = with_drivers(library, tmp_path, made)
    (moved,) = found(Plan({}, {}, central_trends=True), own, MANY)
    ends = np.exp(moved.path[:, FULL_AT])
    np.testing.assert_allclose(np.quantile(ends, [0.05, 0.5, 0.95]), [0.5, 0.9, 2.0], rtol=0.04)
    # Where low is adverse, a high score of the trend means a low multiplier.
    score = trend_scores((own.trends, own.cross_impact), MANY)["F1"]
    assert np.corrcoef(score, ends)[0, 1] < -0.4
    assert (np.exp(moved.path) >= SMALLEST).all()


def test_a_range_that_ends_at_1_is_not_left_by_any_draw(library: Library, tmp_path: Path) -> None:
    made = driver("F1.1", f"{START}, low: 1.0, central: 1.2, high: 2.0, plus: high")
    own = with_drivers(library, tmp_path, made)
    (moved,) = found(Plan({}, {}, central_trends=True), own, MANY)
    assert moved.path.min() == 0.0


def test_a_walk_begins_at_the_branch_and_ends_at_its_size(library: Library, tmp_path: Path) -> None:
    made = driver("F1.1", f"{START}, {ENDS}, plus: high", shape="random-walk")
    own = with_drivers(library, tmp_path, made)
    plan = Plan({}, {}, central_trends=True)
    (walk,) = found(plan, own, Deal.of(0, 2000, 1))
    np.testing.assert_array_equal(walk.path[:, :BRANCH], 0.0)
    np.testing.assert_allclose(walk.path[:, FULL_AT], walk.final)
    np.testing.assert_allclose(walk.path[:, -1], walk.final)
    halfway = (walk.path[:, BRANCH + 36] - walk.final / 2).std()
    assert halfway > 0.1  # a straight line would have none
    (middle,) = found(plan, own)
    np.testing.assert_allclose(middle.path[0, FULL_AT], np.log(0.9))


def test_parts_of_the_draws_are_those_of_the_whole(library: Library) -> None:
    for plan in (Plan({}, {}, central_trends=True), Plan({}, {"F1": 60.0, "F3": 100.0})):
        whole = found(plan, library, Deal.of(0, 6, 1))
        parts = [found(plan, library, Deal.of(first, 3, 1)) for first in (0, 3)]
        for one, (left, right) in zip(whole, zip(*parts, strict=True), strict=True):
            joined = [np.broadcast_to(p.path, (3, MONTHS)) for p in (left, right)]
            wanted = np.broadcast_to(one.path, (6, MONTHS))
            np.testing.assert_array_equal(np.concatenate(joined), wanted)


def test_an_event_comes_for_certain_whatever_its_trend(library: Library) -> None:
    plan = Plan({}, {"F1": -100.0}, events=(event("F1.4", "2026-01", size="high", months=24),))
    moved = [m for m in found(plan, library) if m.driver.id == "F1.4"]
    month = np.arange(MONTHS)
    on = (month >= 192) & (month < 216)
    assert len(moved) == len(library.drivers["F1.4"].entry.effects)
    for one in moved:
        np.testing.assert_allclose(one.path[0], on * np.log(one.effect.high))


def test_two_events_of_one_driver_both_come(library: Library) -> None:
    events = tuple(event("F1.4", start, months=6) for start in ("2025-01", "2028-01"))
    paths = [m.path[0] for m in found(Plan({}, {}, events=events), library) if m.number == 0]
    assert len(paths) == 2
    assert np.flatnonzero(np.sum(paths, axis=0)).tolist() == [*range(180, 186), *range(216, 222)]


def test_an_event_stays_where_nothing_says_how_long(library: Library) -> None:
    name = next(d.id for d in library.drivers.values() if d.entry.shock is None and d.entry.effects)
    plan = Plan({}, {}, events=(event(name, "2026-01", size="central"),))
    for moved in found(plan, library):
        np.testing.assert_allclose(moved.path[0, 192:], np.log(moved.effect.central))


def test_extreme_draws_stay_where_the_model_can_follow(library: Library, tmp_path: Path) -> None:
    made = driver("F1.1", f"{START}, low: 0.01, central: 1.0, high: 1000, plus: high")
    own = with_drivers(library, tmp_path, made)
    (moved,) = found(Plan({}, {}, central_trends=True), own, MANY)
    assert np.exp(moved.final).min() == pytest.approx(0.01)
    assert np.exp(moved.final).max() == pytest.approx(1000.0)
    assert (np.abs(MANY.normal("driver/F1.1")) > NORMAL_90).any()
    assert Deal.of(0, 2, 1, central=True).normal("a").tolist() == [0.0, 0.0]
