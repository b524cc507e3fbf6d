"""What of a scenario can be switched off on its own, and what is left then."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import load_catalogue
from model.forcing import Change
from model.strata import default_strata
from model.structure import build_structure
from scenarios.blocks_of import active_measures, players, restricted, without
from scenarios.compose import Composed, Run, compose
from scenarios.library import Library, load_library, read_scenario
from scenarios.schema import Plan, Scenario
from scenarios.sizes import Deal

SD = tuple(f"SD{number}" for number in range(1, 7))
F = tuple(f"F{number}" for number in range(1, 9))
OWN = """\
id: own
title: Own
description: All kinds of players.
central_trends: true
levers: {SD1: 0, SD2: 50, regulated-cannabis-sale: 40, treatment-capacity: 0}
trends: {F2: 0, F4: -50}
events:
  - {driver: F1.4, from: 2026-01, months: 24}
rules: [cocaine-loads]
changes:
  - {handle: price, products: [tobacco], from: 2025-01, multiplier: 2}
settings: {subadditivity: 0.9}
"""


@pytest.fixture(scope="module")
def run() -> Run:
    catalogue = load_catalogue()
    structure = build_structure(catalogue, draw_priors(catalogue, 1))
    strata = default_strata()
    return Run(load_library(catalogue), structure, strata, 168, 252, Deal.of(0, 2, 1))


@pytest.fixture(scope="module")
def library(run: Run) -> Library:
    return run.library


@pytest.fixture
def own(tmp_path: Path, library: Library) -> Plan:
    rule = next(iter(library.rules))
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("cocaine-loads", rule), encoding="utf-8")
    return read_scenario(path, library).plan


def shipped(name: str, library: Library) -> Scenario:
    return read_scenario(library.futures[name], library)


def assert_same(left: Composed, right: Composed) -> None:
    """Equal to the bit, in the same order."""
    assert_same_changes(left.changes, right.changes)
    assert [rule.id for rule in left.rules] == [rule.id for rule in right.rules]
    for one, other in zip(left.rules, right.rules, strict=True):
        np.testing.assert_array_equal(one.delay, other.delay)
        np.testing.assert_array_equal(one.interval, other.interval)
        assert_same_changes(one.changes, other.changes)


def assert_same_changes(left: tuple[Change, ...], right: tuple[Change, ...]) -> None:
    for one, other in zip(left, right, strict=True):
        assert (one.handle, one.products) == (other.handle, other.products)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.strata, other.strata)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("current-policy", ()),
        ("central-trends", F),
        ("strategy", SD),
        ("strategy-sd3", ("SD3",)),
        ("trend-f6-adverse", ("F6",)),
        ("future-fast-apart-strategy", (*SD, *F)),
        ("future-fast-together", ("F1", "F2", "F4", "F5", "F6", "F7", "F8")),
        ("stress-nitazene-shock", ("events",)),
        ("stress-pandemic-lockdown", ("events", "changes")),
        ("stress-regulated-cannabis", ("outside",)),
    ],
)
def test_players_are_what_moves(name: str, expected: tuple[str, ...], library: Library) -> None:
    assert players(shipped(name, library).plan, library) == expected


def test_what_stands_at_zero_is_no_player(own: Plan, library: Library) -> None:
    trends = [name for name in F if name != "F2"]
    assert players(own, library) == ("SD2", *trends, "outside", "rules", "events", "changes")
    assert "treatment-capacity" not in active_measures(own)
    assert "regulated-cannabis-sale" in active_measures(own)


@pytest.mark.parametrize(
    "name",
    [
        "central-trends",
        "strategy",
        "future-fast-apart-strategy",
        "stress-pandemic-lockdown",
        "stress-regulated-cannabis",
    ],
)
def test_all_players_are_the_scenario_and_none_is_idle(name: str, run: Run) -> None:
    library = run.library
    plan = shipped(name, library).plan
    assert_same(compose(restricted(plan, players(plan, library), library), run), compose(plan, run))
    assert restricted(plan, (), library).idle
    assert compose(restricted(plan, (), library), run) == Composed(())


def test_all_players_of_a_file_of_all_kinds(own: Plan, run: Run) -> None:
    everyone = players(own, run.library)
    assert_same(compose(restricted(own, everyone, run.library), run), compose(own, run))
    assert restricted(own, (), run.library).idle
    assert restricted(own, everyone, run.library).settings == own.settings


def test_every_subset_has_its_own_players_alone(own: Plan, library: Library) -> None:
    everyone = players(own, library)
    for size in (1, 2, len(everyone) - 1):
        for keep in itertools.combinations(everyone, size):
            assert players(restricted(own, keep, library), library) == keep


def test_a_trend_drawn_from_its_range_is_the_same_alone(run: Run) -> None:
    """Draws are keyed by name: F3 alone has the paths that it has among all."""
    plan = shipped("central-trends", run.library).plan
    together = compose(plan, run).changes
    alone = compose(restricted(plan, ["F3"], run.library), run).changes
    assert 0 < len(alone) < len(together)
    for change in alone:
        assert any(
            change.handle == other.handle
            and change.products == other.products
            and np.array_equal(change.values, other.values)
            and np.array_equal(change.strata, other.strata)
            for other in together
        )


def test_events_off_give_the_driver_back_to_its_trend(library: Library, run: Run) -> None:
    forced = shipped("stress-nitazene-shock", library).plan
    plan = replace(forced, trends={"F1": 100.0})
    keep = compose(restricted(plan, ["F1"], library), run)
    assert_same(keep, compose(shipped("trend-f1-adverse", library).plan, run))


def test_one_measure_is_taken_away(library: Library) -> None:
    plan = shipped("strategy", library).plan
    gone = active_measures(plan)[3]
    left = active_measures(without(plan, gone))
    assert set(active_measures(plan)) - set(left) == {gone}
    assert without(plan, gone).rules == plan.rules
