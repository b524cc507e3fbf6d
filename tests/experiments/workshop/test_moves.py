"""What levers of the page do: the narrower counts, and wide ones sweep the narrow along."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop import moves
from experiments.workshop.view import OWN, idle
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.library import Block, Library, load_library, plan_of
from scenarios.lines import Document
from scenarios.schema import Plan, ScenarioFile, Settings

LIBRARY: Library = load_library(load_catalogue())
NOWHERE = Document("test", {}, {})
NAMED = [m for m in LIBRARY.measures.values() if m.ambition]
FIRST = NAMED[0]


def plan(scenario: ScenarioFile) -> Plan:
    return plan_of([Block(scenario, NOWHERE, ())], LIBRARY)


def test_a_wide_lever_sweeps_its_narrow_ones_along() -> None:
    scenario = moves.moved(idle(), FIRST.id, 30, LIBRARY)
    scenario = moves.moved(scenario, FIRST.objective, 50, LIBRARY)
    assert scenario.levers == {FIRST.objective: 50.0}
    scenario = moves.moved(scenario, FIRST.strategic, 70, LIBRARY)
    assert scenario.levers == {FIRST.strategic: 70.0}
    assert moves.position(scenario, FIRST.id, LIBRARY) == 70


def test_a_narrow_lever_makes_the_wide_one_mixed() -> None:
    scenario = moves.moved(idle(), FIRST.strategic, 70, LIBRARY)
    scenario = moves.moved(scenario, FIRST.id, 10, LIBRARY)
    assert moves.position(scenario, FIRST.id, LIBRARY) == 10
    assert moves.position(scenario, FIRST.strategic, LIBRARY) is None
    back = moves.moved(scenario, FIRST.id, 70, LIBRARY)
    assert back.levers == {FIRST.strategic: 70.0}


def test_back_to_nothing_leaves_nothing() -> None:
    for lever in ("SD3", FIRST.objective, FIRST.id):
        assert moves.moved(moves.moved(idle(), lever, 40, LIBRARY), lever, 0, LIBRARY) == idle()


def test_measures_that_the_strategy_does_not_name_move_by_themselves_alone() -> None:
    other = next(m for m in LIBRARY.measures.values() if not m.ambition)
    scenario = moves.moved(idle(), other.id, 60, LIBRARY)
    for wide in ("SD1", "SD2", "SD3", "SD4", "SD5", "SD6"):
        scenario = moves.moved(scenario, wide, 0, LIBRARY)
    assert scenario.levers == {other.id: 60.0}
    assert moves.active(scenario, other.strategic, LIBRARY) == 1
    assert moves.cleared(scenario, other.strategic, LIBRARY) == idle()


@given(
    st.lists(
        st.tuples(st.sampled_from(LIBRARY.levers), st.integers(0, 100)), min_size=1, max_size=12
    )
)
def test_the_plan_stands_where_the_page_says(steps: list[tuple[str, int]]) -> None:
    scenario = idle()
    for lever, position in steps:
        scenario = moves.moved(scenario, lever, position, LIBRARY)
        for name in (lever, *LIBRARY.members(lever)):
            assert moves.position(scenario, name, LIBRARY) == position
    levers = plan(scenario).levers
    for name in LIBRARY.measures:
        assert levers.get(name, 0.0) == moves.standing(scenario, name, LIBRARY)


def test_a_trend_at_0_counts_where_all_are_drawn() -> None:
    assert moves.trend_moved(idle(), "F1", 0) == idle()
    drawn = moves.drawn_trends(idle(), True)
    assert moves.active(drawn, moves.TRENDS, LIBRARY) == 8
    off = moves.trend_moved(drawn, "F1", 0)
    assert off.trends == {"F1": 0.0}
    assert moves.active(off, moves.TRENDS, LIBRARY) == 7
    assert moves.drawn_trends(off, False) == idle()
    assert moves.cleared(off, moves.TRENDS, LIBRARY) == idle()


@pytest.mark.parametrize("name", list(LIBRARY.futures))
def test_a_preset_moves_what_its_file_moves(name: str) -> None:
    from scenarios.library import load

    found = moves.preset(name, LIBRARY)
    assert found.id == OWN
    assert found.blocks == []
    mine, theirs = plan(found), load([name], LIBRARY)[-1].plan
    assert {k: x for k, x in mine.levers.items() if x} == {
        k: x for k, x in theirs.levers.items() if x
    }
    assert dict(mine.trends) == dict(theirs.trends)
    assert mine.central_trends == theirs.central_trends
    assert mine.events == theirs.events
    assert mine.rules == theirs.rules
    assert [one.entry for one in mine.changes] == [one.entry for one in theirs.changes]
    assert mine.settings == theirs.settings


def test_all_shipped_scenarios_are_offered_in_a_group() -> None:
    groups = moves.presets(LIBRARY)
    names = [one for _, ids in groups for one in ids]
    assert sorted(names) == sorted(LIBRARY.futures)
    assert {group for group, _ in groups} == {"policy", "objectives", "futures", "trends", "stress"}


def test_extras_can_be_taken_away_one_by_one() -> None:
    scenario = moves.preset("stress-pandemic-lockdown", LIBRARY)
    found = moves.extras(scenario)
    assert len(found) == 4
    while found:
        scenario = moves.without(scenario, found[0])
        found = moves.extras(scenario)
    assert scenario == idle()


@pytest.mark.parametrize("name", ["", "no-such", "../../etc/passwd", "pyproject.toml"])
def test_a_preset_is_never_a_path(name: str) -> None:
    with pytest.raises(InputError, match="unknown scenario"):
        moves.preset(name, LIBRARY)


def test_blocks_are_spread_as_the_library_merges_them() -> None:
    later = ScenarioFile(
        id=OWN,
        blocks=["strategy", "calm-apart", "sd1"],
        levers={"SD3": 20.0, FIRST.id: 5.0},
        trends={"F1": 10.0},
        rules=["all"],
        settings=Settings(floor=0.2),
    )
    found, blocks = moves.spread(later, LIBRARY), [LIBRARY.blocks[name] for name in later.blocks]
    theirs = plan_of([*blocks, Block(later, NOWHERE, ())], LIBRARY)
    assert found.blocks == []
    assert plan(found) == theirs
    assert set(found.rules) == set(LIBRARY.rules)


def test_other_measures_have_a_card_of_their_own() -> None:
    scenario = moves.moved(idle(), "regulated-cannabis-sale", 100, LIBRARY)
    scenario = moves.moved(scenario, "SD3", 50, LIBRARY)
    assert [moves.active(scenario, card, LIBRARY) for card in ("SD3", "outside", "SD1")] == [
        1,
        1,
        0,
    ]
    assert moves.cleared(scenario, "SD3", LIBRARY).levers == {"regulated-cannabis-sale": 100.0}
    assert moves.cleared(scenario, "outside", LIBRARY).levers == {"SD3": 50.0}
    assert moves.position(scenario, "regulated-cannabis-sale", LIBRARY) == 100


def test_clearing_a_card_leaves_the_others() -> None:
    scenario = idle()
    for lever, position in (("SD1", 40), ("1.1", 10), (FIRST.id, 70), ("2.1", 30)):
        scenario = moves.moved(scenario, lever, position, LIBRARY)
    scenario = moves.trend_moved(scenario, "F2", -20)
    assert moves.active(scenario, "SD1", LIBRARY) == 3
    left = moves.cleared(scenario, "SD1", LIBRARY)
    assert left.levers == {"2.1": 30.0}
    assert left.trends == {"F2": -20.0}
    assert moves.cleared(left, moves.TRENDS, LIBRARY).trends == {}
