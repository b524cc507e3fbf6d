"""The command compare: paired numbers, what is asked, what is written, what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from experiments.commands import compare as scenario_commands
from experiments.comparisons.compare import (
    EQUAL,
    KEY,
    NEGLIGIBLE,
    NOT_VISIBLE,
    NOTHING,
    Asked,
    Compared,
    Comparison,
    Scenarios,
    Span,
    compare,
    open_scenarios,
    paired,
)
from experiments.comparisons.compare_table import (
    COLUMNS,
    brief,
    cost_text,
    percent_cell,
    print_comparison,
    scale_of,
    signed,
    three,
    whole_percent,
)
from experiments.runs.scenario_costs import Cost
from experiments.runs.scenario_results import load_cautions, load_main_indicators
from model.catalogue import load_catalogue
from model.errors import InputError
from tests.experiments.scenario_file import make_scenarios, write_scenarios

app = typer.Typer()
app.command("compare")(scenario_commands.compare)
app.command("scoreboard")(scenario_commands.scoreboard)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenarios(tmp_path_factory.mktemp("scenarios"))


@pytest.fixture(scope="module")
def scenarios() -> Scenarios:
    return Scenarios(make_scenarios())


def printed(asked: Asked, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    print_comparison(asked, console)
    return console.export_text()


def test_main_indicators_are_of_the_model() -> None:
    names = [row.id for row in load_main_indicators(load_catalogue())]
    assert 30 <= len(names) == len(set(names)) <= 45
    assert {name for name, _ in KEY} <= set(names)


def test_a_difference_is_taken_within_draws() -> None:
    old = np.array([1.0, 2.0, 4.0, 8.0])
    found = paired(old, 0.9 * old)
    assert found.percent == pytest.approx(-10.0)
    assert found.percent_low == pytest.approx(-10.0)
    assert found.difference == pytest.approx(np.median(-0.1 * old))
    assert (found.up, found.down, found.agree) == (0.0, 1.0, 1.0)
    assert found.certainty == "almost all draws agree"


def test_draws_without_a_value_are_left_out_and_counted() -> None:
    old = np.array([1.0, np.nan, 1.0, np.inf, 0.0])
    new = np.array([2.0, 2.0, np.nan, 2.0, 1.0])
    found = paired(old, new)
    assert (found.draws, found.missing, found.without_percent) == (2, 3, 1)
    assert found.percent == pytest.approx(100.0)
    nothing = paired(np.full(3, np.nan), np.ones(3))
    assert (nothing.draws, nothing.missing, nothing.certainty) == (0, 3, NOTHING)
    assert np.isnan(nothing.agree)


def test_equal_draws_and_rounding_are_no_difference() -> None:
    old = np.array([1.0, 3.0])
    assert paired(old, old).certainty == EQUAL
    assert paired(old, old * (1 + 1e-8)).equal
    assert not paired(old, old * (1 + 1e-5)).equal


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_cannot_be_seen_bears_no_mark(sign: float) -> None:
    old = np.linspace(1.0, 3.0, 20)
    near = paired(old, old * (1 + sign * 0.0098 * NEGLIGIBLE))
    assert (near.certainty, near.mark) == (NOT_VISIBLE, "")
    assert percent_cell(near).plain == "≈ 0"
    assert near.agree == 1.0
    far = paired(old, old * (1 + sign * 0.0102 * NEGLIGIBLE))
    assert (far.negligible, far.mark) == (False, "●")
    some = paired(old, np.where(np.arange(20) < 2, 1.1 * old, old * (1 + 1e-5)))
    assert not some.negligible
    without = paired(np.array([0.0, 1.0]), np.array([1.0, 1.0 + 1e-5]))
    assert not without.negligible


@pytest.mark.parametrize(
    ("above", "words"),
    [
        (100, "almost all draws agree"),
        (95, "almost all draws agree"),
        (94, "most draws agree"),
        (80, "most draws agree"),
        (79, "draws disagree"),
    ],
)
def test_certainty_in_words(above: int, words: str) -> None:
    new = np.where(np.arange(100) < above, 2.0, 0.5)
    assert paired(np.ones(100), new).certainty == words


def test_most_draws_without_a_difference() -> None:
    new = np.where(np.arange(10) < 3, 2.0, 1.0)
    found = paired(np.ones(10), new)
    assert found.difference == 0.0
    assert found.agree == pytest.approx(0.7)
    assert not found.equal


def test_key_pairs_and_all_scenarios_but_the_baseline(scenarios: Scenarios) -> None:
    found = compare(scenarios, Asked(Path()))
    assert found.baseline == "current-policy"
    assert found.year == 2030
    assert len(found.rows) == 3 * len(KEY)
    assert {row.paired.certainty for row in found.rows if row.scenario == "nothing-new"} == {EQUAL}


def test_another_baseline_turns_the_sign(scenarios: Scenarios) -> None:
    ahead = compare(scenarios, Asked(Path(), year=2027)).rows
    back = compare(scenarios, Asked(Path(), baseline="stress", year=2027)).rows
    one = next(row for row in ahead if row.scenario == "stress")
    other = next(row for row in back if row.scenario == "current-policy")
    assert one.paired.difference == pytest.approx(-other.paired.difference)


def test_an_indicator_alone_takes_its_unions_or_else_its_products(scenarios: Scenarios) -> None:
    asked = Asked(Path(), indicators=("overdose_deaths", "alcohol_per_capita"))
    products = {(row.indicator, row.product) for row in compare(scenarios, asked).rows}
    assert ("overdose_deaths", "any_illegal") in products
    assert ("overdose_deaths", "cocaine") not in products
    assert ("alcohol_per_capita", "alcohol") in products


def test_groups_and_what_has_no_value_in_them(scenarios: Scenarios) -> None:
    found = compare(scenarios, Asked(Path(), by="deprivation"))
    assert {row.group for row in found.rows} == {"most_deprived", "others"}
    assert ("violence_index", "any_illegal", "others") in found.without


@pytest.mark.parametrize(
    ("asked", "key", "allowed"),
    [
        (Asked(Path(), baseline="x"), "--baseline", "full-mix"),
        (Asked(Path(), indicators=("mean_waits",)), "--indicator", "mean_wait"),
        (Asked(Path(), products=("x",)), "--product", "cocaine"),
        (Asked(Path(), year=2031), "--year", "2023 to 2030"),
        (Asked(Path(), first=2020), "--from", "2023 to 2030"),
        (Asked(Path(), first=2027, year=2026), "--from", "2026"),
        (Asked(Path(), scenarios=("x",)), "--scenario", "full-mix"),
        (Asked(Path(), scenarios=("current-policy",)), "--scenario", "another one"),
    ],
)
def test_refusals_name_what_is_allowed(
    scenarios: Scenarios, asked: Asked, key: str, allowed: str
) -> None:
    with pytest.raises(InputError) as caught:
        compare(scenarios, asked)
    assert caught.value.key == key
    assert allowed in (caught.value.allowed or "")


def test_nothing_with_a_value_is_refused(scenarios: Scenarios) -> None:
    with pytest.raises(InputError, match="nothing of this has a value"):
        compare(scenarios, Asked(Path(), indicators=("mean_wait",), products=("all",)))


def test_no_scenarios_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scenarios here"), open_scenarios(tmp_path):
        pass
    with pytest.raises(InputError, match="no such folder"), open_scenarios(tmp_path / "none"):
        pass
    store = tmp_path / "a.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="the store of a batch"), open_scenarios(store):
        pass
    (tmp_path / "scenarios.nc").write_text("not a file of scenarios", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"), open_scenarios(tmp_path):
        pass


@pytest.mark.parametrize("width", [60, 100, 160])
def test_one_line_a_scenario_whatever_the_width(folder: Path, width: int) -> None:
    text = printed(Asked(folder), width=width)
    title = "Change in % of current-policy, 2030"
    assert text.count(title) == 1  # over the first table only
    above = text[text.index(title) : text.index("Cost of the scenarios")]
    tables = sum(line.strip(" ─") == "" and "─" in line for line in above.splitlines())
    lines = [line for line in above.splitlines() if line.startswith(("full-mix", "stress"))]
    assert len(lines) == 2 * tables
    assert sum(line.count("(") for line in lines) == 2 * len(KEY)
    assert "no difference" in text
    assert "Assumed:" in text
    assert "posterior" in text


def test_titles_stand_beside_ids_where_there_is_room(folder: Path) -> None:
    told = {width: printed(Asked(folder), width=width) for width in (85, 200)}
    assert "full-mix     Full mix" in told[200]
    assert "Full mix" not in told[85]


def test_left_out_draws_and_scenario_only_products_are_told(folder: Path) -> None:
    text = printed(Asked(folder, indicators=("mean_wait",), products=("ketamine",)))
    assert "up to 3 of 40" in text
    assert "Scenario-only (†), on priors: ketamine" in text
    assert "3 left out" in text


def test_costs_and_costs_per_unit_only_where_all_are_known(folder: Path) -> None:
    text = printed(Asked(folder))
    assert "10 (5–20) million EUR of 2024" in text
    assert "cost: not found for 2 of 5 measures" in text
    assert "Costs of these scenarios are not known" not in text
    with open_scenarios(folder) as scenarios:
        found = compare(scenarios, Asked(folder))
    known = {row.scenario for row in found.rows if row.per_unit is not None}
    assert known == {"full-mix"}
    assert cost_text(Cost(0, 0)) == "no active measure"


def test_cost_per_unit_of_effect() -> None:
    pair = paired(np.full(9, 10.0), np.linspace(5.0, 7.0, 9))
    row = Compared("a", "b", "c", "Belgium", 2030, "persons", "", pair, Cost(1, 0, 8.0, 4.0, 16.0))
    value, low, high = row.per_unit or (0.0, 0.0, 0.0)
    assert value == pytest.approx(2.0)
    assert low == pytest.approx(4.0 / abs(pair.low))
    assert high == pytest.approx(16.0 / abs(pair.high))
    unsure = paired(np.full(9, 6.0), np.linspace(5.0, 7.0, 9))
    assert Compared(*("a",) * 4, 2030, "", "", unsure, Cost(1, 0, 8.0)).per_unit is None


def test_csv_and_json_hold_the_same_lines(folder: Path, tmp_path: Path) -> None:
    paths = {}
    for form in ("csv", "json"):
        paths[form] = tmp_path / f"lines.{form}"
        given = ["compare", str(folder), "--format", form, "--out", str(paths[form])]
        result = CliRunner().invoke(app, [*given, "--indicator", "mean_wait"])
        assert result.exit_code == 0, result.output
    lines = list(csv.DictReader(paths["csv"].open(encoding="utf-8")))
    whole = json.loads(paths["json"].read_text(encoding="utf-8"))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == len(whole["rows"])
    assert float(lines[3]["difference"]) == whole["rows"][3]["difference"]
    assert whole["draws_from"] == "posterior"
    assert whole["rows"][0]["unit"] == "years"
    assert lines[0]["missing_draws"] == "3"


def test_a_table_to_a_file_and_a_file_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.txt"
    assert CliRunner().invoke(app, ["compare", str(folder), "--out", str(out)]).exit_code == 0
    assert "full-mix" in out.read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["compare", str(folder), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *((-12.3, "-12"), (9.96, "10"), (1.24, "1.2"), (0.01, "0.0"), (-0.01, "0.0"), (0.0, "0.0")),
        *((-0.05, "-0.1"), (99.6, "100"), (123.4, "120"), (-1867.0, "-1900"), (9.949, "9.9")),
    ],
)
def test_brief_numbers(value: float, told: str) -> None:
    assert brief(value) == told
    assert signed(value) == (f"+{told}" if value >= 0.05 else told)


@pytest.mark.parametrize(
    ("value", "largest", "told"),
    [
        *((12345.0, None, "12,300"), (-456.7, None, "-457"), (99.96, None, "100")),
        *((0.001234, None, "0.00123"), (3.0, None, "3"), (0.0, None, "0"), (1e-9, None, "0")),
        *((0.3, 1230.0, "0"), (1.3, 1230.0, "1.3"), (1.5e7, None, "15,000,000")),
    ],
)
def test_absolute_numbers(value: float, largest: float | None, told: str) -> None:
    assert three(value, largest) == told


def test_sums_of_money_are_in_millions() -> None:
    for unit in ("EUR of 2015 per year", "EUR of 2015"):
        scale = scale_of(unit)
        assert (scale.name, scale.factor) == (f"million {unit}", 1e-6)
    assert scale_of("persons").factor == 1.0


def test_years_are_summed_or_averaged_within_draws(scenarios: Scenarios) -> None:
    for indicator, whole in (("overdose_deaths", 3.0), ("last_year_prevalence", 1.0)):
        years = [scenarios.values(indicator, "cocaine", "Belgium", y) for y in (2025, 2026, 2027)]
        found = scenarios.over(indicator, "cocaine", "Belgium", Span(2025, 2027))
        np.testing.assert_allclose(found, whole * np.mean(years, axis=0))
    asked = Asked(Path(), indicators=("overdose_deaths", "daily_use"), first=2025, year=2027)
    rows = compare(scenarios, asked).rows
    told = {row.indicator: (row.first, row.year, row.over, row.unit) for row in rows}
    assert told["overdose_deaths"] == (2025, 2027, "sum", "persons")
    assert told["daily_use"] == (2025, 2027, "mean", "proportion")
    assert all(row.per_unit is None for row in rows)
    alone = compare(scenarios, Asked(Path(), first=2030)).rows
    assert {(row.over, row.first) for row in alone} == {("", 2030)}


def test_years_and_scenarios_asked_for(folder: Path) -> None:
    given = ["compare", str(folder), "--scenario", "stress", "--from", "2024", "--year", "2027"]
    told = CliRunner().invoke(app, given, env={"COLUMNS": "120"}).output
    assert "2024-2027, sum or mean" in told
    assert "stress" in told
    assert "full-mix" not in told
    assert "Events that pass" not in told
    assert "Costs per unit are told of one year only" not in told
    mix = printed(Asked(folder, scenarios=("full-mix",), first=2024, indicators=("social_cost",)))
    assert "2024-2030, sum" in mix
    assert "or mean" not in mix
    assert "Costs per unit are told of one year only" in mix
    assert "Full mix" in mix


def test_cautions_and_passing_events_are_told(folder: Path) -> None:
    assert set(load_cautions()) <= {row.id for row in load_main_indicators(load_catalogue())}
    text = " ".join(printed(Asked(folder)).split())
    assert "a death can be counted under several" in text
    assert "How many places there are in care is assumed in large part" in text
    assert "with --year 2026, or with --from 2024 for sums." in text
    assert "drugfutures show scenarios" in text
    assert "How many places" not in printed(Asked(folder, indicators=("daily_use",)))


@pytest.mark.parametrize(("draws", "count"), [(1, 2), (19, 2), (20, 1), (40, 0)])
def test_few_draws_are_warned_of_under_the_table_too(
    tmp_path: Path, draws: int, count: int
) -> None:
    folder = write_scenarios(tmp_path, draws=draws)
    for command in ("compare", "scoreboard"):
        told = CliRunner().invoke(app, [command, str(folder)], env={"COLUMNS": "100"}).output
        assert told.count("intervals are rough") == count


def test_shares_are_rounded_down() -> None:
    assert whole_percent(0.9459) == "94%"
    assert whole_percent(0.95) == "95%"


def test_an_empty_comparison_prints(folder: Path) -> None:
    with open_scenarios(folder) as scenarios:
        alone = Scenarios(scenarios.dataset.isel(scenario=[0]))
        assert compare(alone, Asked(folder)) == Comparison("current-policy", 2030, (), ())
