"""The command explain: contributions that add up, what it refuses, and how it is told."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import typer
from typer.testing import CliRunner

from experiments.commands.explain import explain as command
from experiments.comparisons import explain as module
from experiments.comparisons.explain import Asked, Explained, explain
from experiments.comparisons.explain_table import csv_text, json_text, notes
from experiments.comparisons.shapley import (
    check_sum,
    exact_parts,
    game_of,
    permutations,
    row_of,
    sampled_parts,
    sampling_errors,
    subsets_of,
)
from experiments.run import Options, run
from experiments.runs.scenario_results import open_dataset
from model.errors import InputError

Float = npt.NDArray[np.float64]
PAIR = """\
id: pair
title: Two trends and a price
description: Three players of different kinds.
trends: {F1: 100, F3: 50}
changes:
  - {handle: price, products: [tobacco], from: 2024-01, multiplier: 1.5}
"""
SCENARIOS = ("strategy-sd4", "stress-pandemic-lockdown", "pair")


# Contributions


def any_game(count: int, draws: int = 3) -> dict[int, Float]:
    """A worth for every subset, with all kinds of interactions."""
    random = np.random.default_rng(count)
    return {mask: 100.0 * random.standard_normal(draws) for mask in range(2**count)}


def added(worth: dict[int, Float], orders: npt.NDArray[np.int64]) -> Float:
    """What each player adds, averaged over orders: the definition."""
    found = np.zeros((orders.shape[1], *worth[0].shape))
    for order in orders.tolist():
        for place, player in enumerate(order):
            before = sum(1 << other for other in order[:place])
            found[player] += worth[before | 1 << player] - worth[before]
    return found / len(orders)


def test_two_players_by_hand() -> None:
    worth = {0: np.array([1.0]), 1: np.array([3.0]), 2: np.array([6.0]), 3: np.array([14.0])}
    # Alone they add 2 and 5, together 13: each has half of the 6 that neither has alone.
    assert exact_parts(worth, 2).tolist() == [[[5.0], [8.0]]]
    orders = np.array([[0, 1], [1, 0]])
    assert sampled_parts(worth, orders).tolist() == [[[5.0], [8.0]]]


def test_exact_contributions_are_the_mean_over_all_orders() -> None:
    worth = any_game(5)
    every = np.array(list(itertools.permutations(range(5))))
    np.testing.assert_allclose(exact_parts(worth, 5)[0], added(worth, every), atol=1e-10)


def test_sampled_contributions_are_the_mean_over_their_orders() -> None:
    worth, orders = any_game(6), permutations(6, 10, seed=1)
    found = sampled_parts(worth, orders)
    assert found.shape == (5, 6, 3)
    np.testing.assert_allclose(found.mean(axis=0), added(worth, orders), atol=1e-10)


@pytest.mark.parametrize("count", [1, 2, 7, 10])
def test_contributions_add_up(count: int) -> None:
    worth, orders = any_game(count), permutations(count, 64, seed=1)
    total = worth[2**count - 1] - worth[0]
    for parts in (exact_parts(worth, count), sampled_parts(worth, orders)):
        np.testing.assert_allclose(parts.mean(axis=0).sum(axis=0), total, rtol=0, atol=1e-9)
        check_sum(parts, worth)


def test_contributions_that_do_not_add_up_stop_everything() -> None:
    worth = any_game(3)
    parts = exact_parts(worth, 3)
    parts[0, 1, 2] += 1e-3
    with pytest.raises(FloatingPointError, match=r"do not add up: 0\.001 off in draw 2"):
        check_sum(parts, worth)


def test_who_adds_nothing_gets_nothing_and_equals_share() -> None:
    """Player 0 does nothing; 1 and 2 do the same, and more than the sum together."""
    worth = {
        mask: np.array([10.0 + 2.0 * sum(mask >> i & 1 for i in (1, 2)) ** 2])
        for mask in range(2**3)
    }
    orders = permutations(3, 8, seed=2)
    for parts in (exact_parts(worth, 3), sampled_parts(worth, orders)):
        np.testing.assert_allclose(parts.mean(axis=0)[:, 0], [0.0, 4.0, 4.0], atol=1e-12)


def test_orders_come_with_their_reverse_and_again() -> None:
    orders = permutations(14, 64, seed=1)
    assert orders.shape == (64, 14)
    np.testing.assert_array_equal(orders[1::2], orders[::2, ::-1])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(14), (64, 1)))
    np.testing.assert_array_equal(orders, permutations(14, 64, seed=1))
    np.testing.assert_array_equal(orders, permutations(14, 100, seed=1)[:64])
    assert (orders != permutations(14, 64, seed=2)).any()
    assert len(permutations(3, 5, seed=1)) == 6  # pairs are whole


def test_all_subsets_are_run_where_sampling_needs_as_many() -> None:
    few = game_of(tuple("abcdef"), 64, seed=1)
    assert few.exact
    assert few.masks == tuple(range(64))
    assert game_of(tuple("abcdefghi"), 64, seed=1).exact  # 512 of the 514 places in 64 orders
    assert not game_of(tuple("abcdefghij"), 64, seed=1).exact
    many = game_of(tuple("abcdefghijklmn"), 64, seed=1)
    assert not many.exact
    assert len(many.masks) == len(set(many.masks)) < 64 * 13 + 3
    assert {0, 2**14 - 1} <= set(many.masks)
    assert set(many.masks) == set(subsets_of(many.orders))
    assert few.members(0b100101) == ["a", "c", "f"]


def test_the_error_of_sampling() -> None:
    """None where all orders say the same; else that of the mean over pairs."""
    orders = permutations(9, 32, seed=1)
    additive = {m: np.array([float(m)]) for m in range(2**9)}
    np.testing.assert_allclose(sampling_errors(sampled_parts(additive, orders)), 0.0, atol=1e-12)
    worth = any_game(9)
    parts = sampled_parts(worth, orders)
    expected = parts.mean(axis=2).std(axis=0, ddof=1) / 4.0
    np.testing.assert_allclose(sampling_errors(parts), expected)
    assert (sampling_errors(exact_parts(worth, 9)) == 0.0).all()


def test_a_row_sums_draws_up() -> None:
    row = row_of("SD1", "x", np.array([-1.0, 1.0, 2.0, 3.0, 4.0]))
    assert (row.median, row.mean, row.agree, row.error) == (2.0, 1.8, 0.8, 0.0)
    assert (row.low, row.high) == pytest.approx((-0.6, 3.8))
    assert row_of("SD1", "x", np.zeros(3)).agree == 1.0


# Runs


@dataclass(frozen=True)
class Made:
    """A run on disk and the file of its own scenario."""

    folder: Path
    own: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three scenarios until 2026 in two draws of the priors."""
    folder = tmp_path_factory.mktemp("explain")
    own = folder / "pair.yaml"
    own.write_text(PAIR, encoding="utf-8")
    options = Options(
        scenarios=(*SCENARIOS[:2], str(own)),
        draws=2,
        until=2026,
        plots="none",
        out=folder / "results",
        prior=True,
        detail="reference",
    )
    run(options)
    return Made(options.out, own)


def asked(made: Made, scenario: str = "pair", **more: Any) -> Asked:
    wanted = Asked(made.folder, scenario, "last_year_prevalence", product="tobacco", year=2026)
    return replace(wanted, **more)


def assert_adds_up(found: Explained) -> None:
    """Means over draws add up; that each draw does is checked in the making."""
    scale = max(abs(found.baseline), abs(found.value))
    gap = sum(row.mean for row in found.rows) - found.total.mean
    assert abs(gap) <= 1e-9 * scale


@pytest.mark.parametrize("name", SCENARIOS)
def test_contributions_explain_what_the_run_gave(made: Made, name: str) -> None:
    found = explain(asked(made, name))
    assert_adds_up(found)
    assert found.exact
    assert found.subsets == 2 ** len(found.rows)
    with open_dataset(made.folder) as dataset:
        values = dataset["last_year_prevalence"].sel(time=2026, product="tobacco", group="Belgium")
        first, then = (values.sel(scenario=one).values for one in ("current-policy", name))
    assert found.baseline == pytest.approx(np.median(first), rel=1e-6)
    assert found.value == pytest.approx(np.median(then), rel=1e-6)


def test_draws_do_not_depend_on_how_many_or_on_threads(made: Made) -> None:
    both = explain(asked(made, threads=2, draws=50))
    assert both.draws == 2
    assert both == explain(asked(made))
    one = explain(asked(made, draws=1))
    assert one.total.mean != both.total.mean
    other = 2.0 * both.total.mean - one.total.mean
    ends = np.quantile([one.total.mean, other], (0.05, 0.95))
    assert (both.total.low, both.total.high) == pytest.approx(tuple(ends))


def test_sampling_comes_close_to_all_subsets(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = explain(asked(made))
    blocks = ("F1", "F3", "changes")
    sampled = replace(game_of(blocks, 64, 1), exact=False)
    monkeypatch.setattr(module, "game_of", lambda *_: sampled)
    found = explain(asked(made))
    assert_adds_up(found)
    assert not found.exact
    for row in found.rows:
        same = next(one for one in exact.rows if one.id == row.id)
        assert abs(row.mean - same.mean) <= 4.0 * row.error + 1e-12


def test_measures_one_by_one(made: Made) -> None:
    found = explain(
        asked(
            made, "strategy-sd4", measures=True, indicator="alcohol_per_capita", product="alcohol"
        )
    )
    assert found.others
    sizes = [abs(row.median) for row in found.others]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.0
    assert any("do not add up" in note for note in notes(found))
    kinds = [row["kind"] for row in csv.DictReader(csv_text(found).splitlines())]
    assert kinds == ["block", "total", *["measure"] * len(found.others)]


def test_the_product_is_found_where_there_is_one_choice(made: Made) -> None:
    assert explain(asked(made, product=None, draws=1)).about.question.product == "all"
    alone = asked(made, "strategy-sd4", indicator="alcohol_per_capita", product=None, draws=1)
    assert explain(alone).about.question.product == "alcohol"
    with pytest.raises(InputError, match="which product") as caught:
        explain(asked(made, indicator="price_index", product=None))
    assert caught.value.key == "--product"


def test_groups_of_people(made: Made) -> None:
    young = explain(asked(made, group="18-24", draws=1))
    brussels = explain(asked(made, region="Brussels", draws=1))
    assert young.about.question.group == "18-24"
    assert brussels.about.question.group == "Brussels"
    assert young.baseline != brussels.baseline


# Refusals


def copied(made: Made, folder: Path, **changed: str) -> Made:
    """The results with other words in their provenance."""
    shutil.copytree(made.folder, folder / "results")
    path = folder / "results" / "run.json"
    told = json.loads(path.read_text(encoding="utf-8")) | changed
    path.write_text(json.dumps(told), encoding="utf-8")
    return Made(folder / "results", made.own)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("levers_hash", "levers, trends, rules or blocks"),
        ("parameter_table_hash", "tables of the model"),
        ("posterior_hash", "the posterior"),
        ("package_version", "the version of the program"),
    ],
)
def test_stale_results_are_refused(made: Made, tmp_path: Path, key: str, words: str) -> None:
    with pytest.raises(InputError, match=f"changed since .* {words}; they cannot be explained"):
        explain(asked(copied(made, tmp_path, **{key: "0"})))


def test_a_changed_scenario_is_refused(made: Made) -> None:
    made.own.write_text(PAIR.replace("F1: 100", "F1: 90"), encoding="utf-8")
    try:
        with pytest.raises(InputError, match=r"changed since .* the file of the scenario pair"):
            explain(asked(made))
        explain(asked(made, "strategy-sd4", draws=1))  # another one is as it was
    finally:
        made.own.write_text(PAIR, encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scenario": "strategy"}, "not compared with the baseline"),
        ({"scenario": "current-policy"}, "not compared with the baseline"),
        ({"indicator": "happiness"}, "unknown indicator"),
        ({"product": "tea"}, "unknown product"),
        ({"region": "Ghent"}, "unknown region"),
        ({"group": "Flanders"}, "unknown group"),
        ({"group": "others", "region": "Flanders"}, "not both"),
        ({"year": 2027}, "no such year"),
        ({"year": 2023}, "no such year"),
        ({"indicator": "alcohol_per_capita"}, "no value"),
        ({"results": Path("nowhere")}, "no results here"),
    ],
)
def test_questions_that_do_not_fit_are_refused(
    made: Made, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        explain(asked(made, **more))
    assert caught.value.allowed


def test_results_of_an_older_version_are_refused(made: Made, tmp_path: Path) -> None:
    old = copied(made, tmp_path)
    path = old.folder / "run.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    del told["levers_hash"]
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InputError, match="another version"):
        explain(asked(old))


# The command


def invoke(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def test_the_command_prints_and_writes(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    question = [str(made.folder), "pair", "--indicator", "last_year_prevalence", "--year", "2026"]
    done = invoke(*question, "--product", "tobacco", "--draws", "1", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "Exact: all 8 subsets of the 3 blocks" in done.output.replace("\n", " ")
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {row["id"] for row in rows} == {"F1", "F3", "changes", "total"}
    assert [row["id"] for row in rows if row["total"] == "true"] == ["total"]
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)
    told = invoke(*question, "--product", "tobacco", "--draws", "1", "--format", "json")
    start = told.output.index("{")
    assert json.loads(told.output[start:])["subsets"] == 8


def test_the_command_refuses_in_plain_words(made: Made, tmp_path: Path) -> None:
    done = invoke(str(made.folder), "pair", "--indicator", "happiness")
    assert done.exit_code == 2
    assert "unknown indicator" in done.output
    nowhere = tmp_path / "no" / "rows.csv"
    question = [str(made.folder), "pair", "--indicator", "daily_use", "--out", str(nowhere)]
    assert invoke(*question).exit_code == 2


def test_what_is_told_of_a_sample(made: Made) -> None:
    found = replace(explain(asked(made, draws=1)), exact=False, orders=64, subsets=7)
    assert notes(found)[0].startswith("Sampled: 64 orders of the 3 blocks")
    assert json.loads(json_text(found))["notes"] == notes(found)
    assert csv_text(found).count("sampled,64,7") == 4


@pytest.mark.long
def test_every_shipped_scenario_adds_up(tmp_path: Path) -> None:
    """One draw; few orders, since only the sums count here."""
    out = tmp_path / "results"
    options = Options(("all",), 1, plots="none", out=out, prior=True, detail="reference")
    study = run(options).study
    for scenario in study.scenarios[1:]:
        found = explain(
            Asked(out, scenario.id, "public_expenditure", "all", draws=1, permutations=4)
        )
        assert_adds_up(found)
