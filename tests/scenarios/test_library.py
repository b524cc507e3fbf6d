"""The shipped library is whole, scenarios are found and merged, users' files add and replace."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.compose import Run, compose
from scenarios.levers import LEVERS, STRATEGY, read_levers
from scenarios.library import FUTURES, Library, find, load, load_library, read_scenario
from scenarios.schema import REFERENCE, Settings
from scenarios.trends import TREND_IDS
from tests.scenarios import rich
from tests.scenarios.conftest import Written

# What the project promises to ship.
REQUIRED = (
    REFERENCE,
    "central-trends",
    "strategy",
    *(f"strategy-sd{number}" for number in range(1, 7)),
    *(f"trend-{trend.lower()}-{side}" for trend in TREND_IDS for side in ("adverse", "favourable")),
    *(
        f"future-{pace}-{bond}{policy}"
        for pace in ("calm", "fast")
        for bond in ("together", "apart")
        for policy in ("", "-strategy")
    ),
    *(
        f"stress-{name}"
        for name in (
            "nitazene-shock",
            "pandemic-lockdown",
            "port-crackdown",
            "regulated-cannabis",
            "care-cut",
            "vaping-surge",
        )
    ),
)


def test_every_promised_scenario_is_shipped_and_sound(library: Library) -> None:
    assert len(REQUIRED) == 39
    assert set(REQUIRED) <= set(library.futures)
    scenarios = load(["all"], library)
    assert len(scenarios) == len(library.futures) >= 39
    assert [scenario.id for scenario in scenarios].count(REFERENCE) == 1
    for scenario in scenarios:
        assert library.futures[scenario.id].stem == scenario.id
        assert scenario.plan.idle == (scenario.id == REFERENCE)
        assert scenario.title
        assert scenario.description


def test_every_shipped_scenario_composes(library: Library, run: Run) -> None:
    still = set()
    for scenario in load(["all"], library):
        composed = compose(scenario.plan, run)
        if not composed.changes and not composed.rules:
            still.add(scenario.id)
    # What acts only on measures and rules shows nothing without them (decision 015).
    alone = {"strategy-sd5", "strategy-sd6", "trend-f5-adverse", "trend-f8-adverse"}
    assert still == {REFERENCE, *alone}


def test_each_trend_has_both_sides_and_each_objective_its_measures(library: Library) -> None:
    for trend in TREND_IDS:
        for side, position in (("adverse", 100), ("favourable", -100)):
            plan = read_scenario(FUTURES / f"trend-{trend.lower()}-{side}.yaml", library).plan
            assert plan.trends == {trend: position}
    for strategic in STRATEGY:
        plan = read_scenario(FUTURES / f"strategy-{strategic.lower()}.yaml", library).plan
        assert plan.levers == dict.fromkeys(library.members(strategic), 100.0)
        assert plan.levers


def test_all_objectives_of_the_strategy_have_measures(library: Library) -> None:
    counts = {"1": 5, "2": 5, "3": 7, "4": 2, "5": 4, "6": 4}
    wanted = [f"{sd}.{n}" for sd, count in counts.items() for n in range(1, count + 1)]
    assert list(library.objectives) == wanted
    strategy = {one for objective in wanted for one in library.members(objective)}
    assert strategy == {one for sd in STRATEGY for one in library.members(sd)}
    outside = set(library.measures) - strategy
    assert outside  # outside the ambition, yet levers
    assert outside < set(library.levers)


def test_no_two_shipped_files_hold_the_same_measure(library: Library) -> None:
    count = sum(len(read_levers([p], library.known, library.measures)) for p in LEVERS.iterdir())
    assert count == len(library.measures) >= 70


@pytest.mark.parametrize("name", ["no-such-thing", "a" * 5000 + ".yaml", "none/there.yaml", ""])
def test_an_unknown_scenario_is_refused_with_the_known_ones(library: Library, name: str) -> None:
    with pytest.raises(InputError, match="path of a YAML file") as caught:
        find(name, library)
    assert REFERENCE in str(caught.value.allowed)
    assert len(str(caught.value)) < 2000


def test_a_file_that_lies_here_is_hinted_at(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sooner-care.yaml").write_text("id: sooner-care\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        find("sooner-care", library)
    assert str(caught.value.allowed).startswith("sooner-care.yaml, ")


def test_a_study_is_no_scenario(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("id: a\ntitle: A\nscenarios: [strategy]\n", encoding="utf-8")
    with pytest.raises(InputError, match="this is a study") as caught:
        read_scenario(path, library)
    assert caught.value.line == 3


def test_the_reference_comes_first_and_once(written: Written, library: Library) -> None:
    path = str(written(rich.SCENARIO))
    scenarios = load([path, REFERENCE, "strategy", path], library)
    assert [scenario.id for scenario in scenarios] == [REFERENCE, "dearer-tobacco", "strategy"]


def test_two_scenarios_with_one_id_are_refused(
    tmp_path: Path, written: Written, library: Library
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(rich.SCENARIO, encoding="utf-8")
    with pytest.raises(InputError, match="the same id") as caught:
        load([str(written(rich.SCENARIO)), str(other)], library)
    assert caught.value.line == 1


HEAD = "id: mine\ntitle: Mine\ndescription: Mine.\n"


def test_later_blocks_override_positions_and_the_scenario_itself_all(
    written: Written, library: Library
) -> None:
    text = f"{HEAD}blocks: [calm-apart, fast-together]\ntrends: {{F1: 10}}\n"
    plan = read_scenario(written(text), library).plan
    calm, fast = (library.blocks[name].moves.trends for name in ("calm-apart", "fast-together"))
    assert plan.trends == {**calm, **fast, "F1": 10.0}
    turned = text.replace("calm-apart, fast-together", "fast-together, calm-apart")
    assert read_scenario(written(turned), library).plan.trends == {**fast, **calm, "F1": 10.0}


def test_a_measure_overrides_its_objective_and_that_the_strategic_one(
    written: Written, library: Library
) -> None:
    text = f'{HEAD}levers: {{tobacco-tax: 5, "1.1": 20, SD1: 50, drug-checking: 70}}\n'
    plan = read_scenario(written(text), library).plan
    assert plan.levers["tobacco-tax"] == 5.0
    assert plan.levers["drug-checking"] == 70.0
    rest = set(library.members("1.1")) - {"tobacco-tax"}
    assert {plan.levers[name] for name in rest} == {20.0}
    others = set(library.members("SD1")) - set(library.members("1.1")) - {"drug-checking"}
    assert {plan.levers[name] for name in others} == {50.0}


def test_a_later_block_overrides_measures_that_an_earlier_one_moved(
    written: Written, library: Library
) -> None:
    text = f"{HEAD}blocks: [strategy]\nrules: all\nlevers: {{SD3: 0, treatment-capacity: -50}}\n"
    plan = read_scenario(written(text), library).plan
    assert {plan.levers[name] for name in library.members("SD3")} == {0.0}
    assert plan.levers["treatment-capacity"] == -50.0
    assert {plan.levers[name] for name in library.members("SD4")} == {100.0}
    assert set(plan.rules) == set(library.rules)


def test_blocks_add_up_what_is_no_position(written: Written, library: Library) -> None:
    text = f"{HEAD}blocks: [nitazene-shock, port-crackdown]\nrules: [mdma-loads, mdma-loads]\n"
    text += "changes:\n  - {handle: capacity, from: 2025-01, multiplier: 0.9}\n"
    plan = read_scenario(written(text), library).plan
    assert [event.driver for event in plan.events] == ["F1.4"]
    assert plan.rules == ("mdma-loads",)
    assert [c.entry.handle for c in plan.changes] == [
        "import_flow",
        "seizure_rate",
        "transit_share",
        "capacity",
    ]


def test_each_setting_counts_as_it_was_set_last(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text("blocks:\n  weak: {settings: {subadditivity: 0.5}}\n")
    path = tmp_path / "mine.yaml"
    path.write_text(f"{HEAD}blocks: [weak]\nsettings: {{floor: 0.3}}\n")
    (tmp_path / "futures").mkdir()
    path = path.rename(tmp_path / "futures" / path.name)
    library = load_library(load_catalogue(tmp_path))
    plan = read_scenario(path, library).plan
    assert plan.settings == Settings(subadditivity=0.5, floor=0.3)


def test_a_block_that_begins_before_the_branch_is_refused(
    written: Written, library: Library
) -> None:
    text = f"{HEAD}branch: 2027-01\nblocks: [sd1, port-crackdown]\n"
    with pytest.raises(InputError, match="begins before the branch") as caught:
        read_scenario(written(text), library)
    assert (caught.value.line, caught.value.given) == (5, "port-crackdown")
    assert "2026-01" in str(caught.value.allowed)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("levers/own.txt", "unknown file of levers"),
        ("trends/cross-impact.csv", "unknown file of trends"),
        ("futures/notes.md", "unknown file of futures"),
        ("lever/own.yaml", "unknown catalogue file"),
    ],
)
def test_files_that_would_not_be_read_are_refused(tmp_path: Path, name: str, told: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text("a: 1\n")
    with pytest.raises(InputError, match=told) as caught:
        load_library(load_catalogue(tmp_path))
    assert caught.value.allowed


def test_both_endings_of_yaml_are_read(tmp_path: Path) -> None:
    (tmp_path / "levers").mkdir()
    (tmp_path / "levers" / "own.yml").write_text(rich.LEVERS)
    assert "own-measure" in load_library(load_catalogue(tmp_path)).measures


@pytest.mark.parametrize("name", ["levers", "trends", "futures"])
def test_a_file_where_a_folder_belongs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a: 1\n")
    with pytest.raises(InputError, match="must be a folder"):
        load_library(load_catalogue(tmp_path))
