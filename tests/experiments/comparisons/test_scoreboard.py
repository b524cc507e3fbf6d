"""The scoreboard: its table, directions, ratios of groups, and what is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.comparisons.compare import EQUAL, NOT_VISIBLE, NOTHING, Scenarios, Span, paired
from experiments.comparisons.scoreboard import (
    BETTER,
    COLUMNS,
    SCOREBOARD,
    UNCLEAR,
    WORSE,
    Score,
    ScoreRow,
    label_of,
    load_scoreboard,
    quantity,
    scores,
)
from experiments.runs.scenario_results import load_main_indicators
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.texts import AIMS
from tests.experiments.comparisons.test_compare import app
from tests.experiments.scenario_file import make_scenarios, write_scenarios

LAST = Span(2030, 2030)


@pytest.fixture(scope="module")
def scenarios() -> Scenarios:
    return Scenarios(make_scenarios())


def row(**changed: str) -> ScoreRow:
    told = {
        "aim": "equity",
        "indicator": "attributable_deaths",
        "per": "population",
        "product": "all",
        "group": "most_deprived/others",
        "statistic": "ratio",
        "better": "down",
        "weight": "none",
        "why": "a test",
        "source": "strategy-text",
    }
    return ScoreRow.model_validate(told | changed)


def test_every_aim_has_two_to_four_rows_of_main_indicators(scenarios: Scenarios) -> None:
    rows, catalogue = load_scoreboard(), load_catalogue()
    assert list(dict.fromkeys(one.aim for one in rows)) == list(AIMS)
    assert all(2 <= sum(one.aim == aim for one in rows) <= 4 for aim in AIMS)
    main = {row.id for row in load_main_indicators(catalogue)}
    assert {one.indicator for one in rows} | {one.per for one in rows if one.per} <= main
    assert {one.source for one in rows} <= {source.id for source in catalogue.sources}
    assert {group for one in rows for group in one.groups} <= set(scenarios.groups)


def test_each_row_has_a_value_in_a_file_of_scenarios(scenarios: Scenarios) -> None:
    for one in load_scoreboard():
        assert np.isfinite(quantity(scenarios, one, LAST)).any(), one.line


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    text = SCOREBOARD.read_text(encoding="utf-8").splitlines()
    for old, new, key in (
        ("less-use,", "no-use,", "aim"),
        ("most_deprived/others", "others", "group"),
    ):
        path = tmp_path / f"{key}.csv"
        path.write_text("\n".join(line.replace(old, new) for line in text), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load_scoreboard(path)
        assert caught.value.key == key


def test_a_ratio_is_of_rates_per_person(scenarios: Scenarios) -> None:
    deaths, people = (
        [scenarios.values(name, "all", group, 2030) for group in ("most_deprived", "others")]
        for name in ("attributable_deaths", "population")
    )
    expected = (deaths[0] / people[0]) / (deaths[1] / people[1])
    np.testing.assert_allclose(quantity(scenarios, row(), LAST), expected)
    gap = quantity(scenarios, row(statistic="gap"), LAST)
    np.testing.assert_allclose(gap, deaths[0] / people[0] - deaths[1] / people[1])


@pytest.mark.parametrize(
    ("factor", "better", "told"),
    [
        *((0.9, "down", BETTER), (0.9, "up", WORSE), (1.1, "up", BETTER), (1.0, "up", EQUAL)),
        *((1.0004, "up", NOT_VISIBLE), (0.9996, "up", NOT_VISIBLE), (1.0006, "up", BETTER)),
    ],
)
def test_directions(factor: float, better: str, told: str) -> None:
    old = np.linspace(1.0, 2.0, 10)
    one = Score("a", row(better=better), paired(old, factor * old))
    assert one.direction == told
    assert one.share_better == (1.0 if (factor > 1) == (better == "up") and factor != 1 else 0.0)


def test_unclear_and_without_a_value() -> None:
    old = np.ones(10)
    mixed = np.where(np.arange(10) < 7, 0.5, 2.0)
    assert Score("a", row(), paired(old, mixed)).direction == UNCLEAR
    assert Score("a", row(), paired(old * np.nan, old)).direction == NOTHING


def test_helpful_and_harmful_scenarios_are_told_apart(scenarios: Scenarios) -> None:
    rows = [one for one in load_scoreboard() if one.statistic == "level"]
    found = scores(scenarios, rows, LAST, "current-policy")
    of = {name: [one.direction for one in found if one.scenario == name] for name in scenarios.ids}
    assert set(of["nothing-new"]) == {EQUAL}
    assert WORSE not in of["full-mix"]
    assert BETTER not in of["stress"]


def test_years_taken_together_are_added_up_by_kind_before_they_are_divided(
    scenarios: Scenarios,
) -> None:
    asked = row(
        indicator="treatment_episodes", per="problematic", group="Belgium", statistic="level"
    )
    years = range(2024, 2031)
    starts, people = (
        np.stack([scenarios.values(name, "all", "Belgium", year) for year in years])
        for name in ("treatment_episodes", "problematic")
    )
    found = quantity(scenarios, asked, Span(2024, 2030))
    np.testing.assert_allclose(found, starts.sum(axis=0) / people.mean(axis=0))


def test_years_scenarios_and_cautions_in_the_table(tmp_path: Path) -> None:
    folder = write_scenarios(tmp_path)
    given = ["scoreboard", str(folder), "--from", "2024", "--scenario", "stress"]
    told = CliRunner().invoke(app, given, env={"COLUMNS": "100"}).output
    assert "2024-2030, sum or mean" in told
    assert "full-mix" not in told
    assert "Mean wait for treatment: A shorter wait can also mean" in told
    assert "Events that pass" not in told
    alone = CliRunner().invoke(app, given[:2], env={"COLUMNS": "100"}).output
    assert "Events that pass show in their own years: `drugfutures compare`" in alone
    out = tmp_path / "score.json"
    assert CliRunner().invoke(app, [*given, "--format", "json", "--out", str(out)]).exit_code == 0
    whole = json.loads(out.read_text(encoding="utf-8"))
    assert (whole["from_year"], whole["year"]) == (2024, 2030)
    units = {line["indicator"]: (line["over_years"], line["unit"]) for line in whole["rows"]}
    assert units["overdose_deaths"] == ("sum", "persons")
    assert units["daily_use"] == ("mean", "proportion")


def test_labels_say_of_whom(scenarios: Scenarios) -> None:
    told = label_of(scenarios, row())
    assert told.endswith("per inhabitant, most deprived/others")


def test_table_csv_and_json(tmp_path: Path) -> None:
    folder = write_scenarios(tmp_path)
    result = CliRunner().invoke(app, ["scoreboard", str(folder)], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    assert "not added up" in result.output
    assert all(len(line) <= 100 for line in result.output.splitlines())
    for form in ("csv", "json"):
        given = ["scoreboard", str(folder), "--aim", "equity", "--format", form]
        out = tmp_path / f"score.{form}"
        assert CliRunner().invoke(app, [*given, "--out", str(out)]).exit_code == 0
    lines = list(csv.DictReader((tmp_path / "score.csv").open(encoding="utf-8")))
    whole = json.loads((tmp_path / "score.json").read_text(encoding="utf-8"))
    assert tuple(lines[0]) == COLUMNS
    assert {line["aim"] for line in lines} == {"equity"}
    assert float(lines[-1]["percent"]) == whole["rows"][-1]["percent"]
    refused = CliRunner().invoke(app, ["scoreboard", str(folder), "--aim", "fun"])
    assert refused.exit_code == 2
    assert "less-use" in refused.stderr
