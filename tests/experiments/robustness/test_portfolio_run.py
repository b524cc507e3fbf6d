"""The command portfolio, with a stand-in for the model: reading, files, refusals."""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import xarray as xr
import yaml
from rich.console import Console
from typer.testing import CliRunner

from experiments.batch.job import Computed
from experiments.commands.search import pathways, portfolio
from experiments.robustness import portfolio_report
from experiments.robustness.portfolio import Searched, Settings
from experiments.robustness.portfolio_problem import Problem, Wanted
from experiments.robustness.portfolio_report import About, Report, member_table, report_of
from experiments.robustness.portfolio_run import Asked, run_portfolio
from experiments.robustness.portfolio_study import MEASURES, read_portfolio
from experiments.robustness.portfolio_table import print_report
from experiments.robustness.search_state import Generation, State
from experiments.runs.parts import run_part
from experiments.runs.study import Options, build_study
from model.errors import InputError
from scenarios.library import read_scenario

STUDY = """\
id: small-search
title: A small search
question: Which objectives together?
version: 1
scenarios: [current-policy]
draws: 2
prior: true
factors:
  - {lever: SD1, low: 0, high: 100}
  - {lever: SD2, low: 0, high: 100}
  - {lever: SD4, low: 0, high: 60}
  - {trend: F1, low: -100, high: 100}
sample: {method: latin, n: 6, seed: 1}
search:
  outcomes:
    - {indicator: overdose_deaths, product: any_illegal, statistic: mean, aim: 180}
    - {indicator: daly_attributable, product: all, statistic: p90}
  cost: true
  step: 10
  fresh: 5
"""


def stand_in() -> types.ModuleType:
    """A module in the place of the model's runs: outcomes fall with levers, rise with the trend."""
    found = types.ModuleType("experiments.batch.work")

    def applying(study: object, kept: object) -> dict[str, np.ndarray]:
        parts = [getattr(kept, name) for name in ("indicators", "products", "groups", "years")]
        cells = list(itertools.product(*parts))
        names = ("indicator", "product", "group", "year")
        labels = {name: np.array([c[i] for c in cells]) for i, name in enumerate(names)}
        return {**labels, "unit": np.full(len(cells), "persons")}

    def compute(batch: object, first: int, last: int) -> Computed:
        points = batch.points[batch.rows["point"]]  # type: ignore[attr-defined]
        one, two, four, trend = points.T
        draw = batch.rows["draw"]  # type: ignore[attr-defined]
        deaths = 200.0 - 0.2 * one - 0.1 * two + 0.1 * trend + draw
        daly = 1000.0 - two - 0.5 * four + 0.5 * trend
        columns = {"overdose_deaths": deaths, "daly_attributable": daly}
        names = batch.outputs["indicator"]  # type: ignore[attr-defined]
        values = np.stack([columns[str(name)] for name in names], axis=1)
        return Computed(values[first:last].astype(np.float32))

    found.applying, found.compute = applying, compute  # type: ignore[attr-defined]
    return found


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "experiments.batch.work", stand_in())
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_a_search_from_file_to_files(study: Path, tmp_path: Path) -> None:
    asked = Asked(study, tmp_path / "out", generations=4, population=10, scenarios=tmp_path / "s")
    report, written = run_portfolio(asked)
    found = report.found
    assert found.problem.levers == ("SD1", "SD2", "SD4")
    assert found.problem.effort_unit == MEASURES
    assert found.state.values.shape[1:] == (12, 2)
    # Levers that bring less for an effort of the same kind: none at rest is beaten by nothing.
    assert report.rest in report.members
    table = member_table(report)
    assert len(table) == 2 * len(report.members)
    assert np.all(table["low90"] <= table["median"])
    assert np.all(table["fresh_low90"] <= table["fresh_high90"])
    rest = table[(table["portfolio"] == report.names[list(report.members).index(report.rest)])]
    assert rest[["change_median", "change_low90", "change_high90"]].abs().to_numpy().max() == 0.0
    with xr.open_dataset(tmp_path / "out" / "portfolio.nc", engine="h5netcdf") as data:
        assert data.sizes["future"] == 12
        assert "too few generations" in data.attrs["verdict"]
        assert "Position" not in data.attrs["title"]
    assert len(pd.read_csv(tmp_path / "out" / "portfolio.csv")) == len(table)
    assert (tmp_path / "out" / "convergence.csv") in written
    screen = Console(record=True, width=120)
    print_report(report, screen)
    told = screen.export_text()
    assert "no price" in told
    assert "90%" in told


def test_portfolios_are_scenarios_that_can_be_run(study: Path, tmp_path: Path) -> None:
    asked = Asked(study, tmp_path / "out", 1, 10, scenarios=tmp_path / "s")
    report, _ = run_portfolio(asked)
    library = read_portfolio(study).library
    for n, name in enumerate(report.names):
        found = read_scenario(tmp_path / "s" / f"{name}.yaml", library)
        positions = report.found.state.positions[report.members[n]]
        for lever, x in zip(("SD1", "SD2", "SD4"), positions, strict=True):
            assert {found.plan.levers[one] for one in library.members(lever)} == {x}


def test_it_goes_on_where_it_stopped(study: Path, tmp_path: Path) -> None:
    whole, _ = run_portfolio(Asked(study, tmp_path / "a", 3, 10))
    run_portfolio(Asked(study, tmp_path / "b", 1, 10))
    again, _ = run_portfolio(Asked(study, tmp_path / "b", 3, 10))
    assert np.array_equal(whole.found.state.values, again.found.state.values)
    first, second = ((tmp_path / one / "portfolio.csv").read_bytes() for one in "ab")
    assert first == second
    with pytest.raises(InputError, match="another search"):
        run_portfolio(Asked(study, tmp_path / "b", 3, 12))


def test_a_scenario_with_levers_of_its_own_keeps_the_others(study: Path, tmp_path: Path) -> None:
    base = {
        "id": "own-base",
        "title": "Base",
        "description": "Base",
        "levers": {"SD1": 20, "SD3": 50},
        "trends": {"F2": 25},
    }
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    study.write_text(STUDY.replace("[current-policy]", "[base.yaml]"), encoding="utf-8")
    report, _ = run_portfolio(Asked(study, tmp_path / "out", 1, 10, scenarios=tmp_path / "s"))
    library = read_portfolio(study).library
    found = read_scenario(tmp_path / "s" / f"{report.names[0]}.yaml", library)
    positions = report.found.state.positions[report.members[0]]
    assert {found.plan.levers[one] for one in library.members("SD1")} == {positions[0]}
    assert {found.plan.levers[one] for one in library.members("SD3")} == {50}
    assert found.plan.trends == {"F2": 25}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[current-policy]", "[current-policy, strategy]", "one scenario"),
        ("method: latin", "method: grid", "repeat each future"),
        ("overdose_deaths", "overdosis", "unknown indicator"),
        ("statistic: mean", "statistic: middle", "malformed"),
        ("statistic: mean, aim: 180", "statistic: missed", "malformed"),
        ("  cost: true\n", "  costs: true\n", "unknown key"),
        ("step: 10", "step: 0", "malformed"),
        ("product: any_illegal", "product: wine", "unknown product"),
        ("daly_attributable", "people_injecting", "this has no value|does not say"),
    ],
)
def test_bad_studies_are_refused(study: Path, old: str, new: str, message: str) -> None:
    study.write_text(STUDY.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_portfolio(study)


def test_a_study_without_levers_is_refused(study: Path) -> None:
    lines = [line for line in STUDY.splitlines() if "lever:" not in line]
    study.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="no factor is a lever"):
        read_portfolio(study)


def test_a_folder_of_others_is_left_alone(study: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(InputError, match="not a portfolio search"):
        run_portfolio(Asked(study, tmp_path / "out"))


def test_rivals_count_each_objective_by_its_own_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two rivals the closer one is compared, though a large unit makes its sum the larger."""
    monkeypatch.setattr(portfolio_report, "MOST_COMPARED", 1)
    deaths = np.array([[100.0, 0.0], [105.0, 0.001], [100.1, 0.9], [900.0, 1.0]])
    values = np.repeat(deaths[:, None], 4, axis=1)
    wanted = (Wanted("euro", "euro", "down"), Wanted("share", "proportion", "down"))
    problem = Problem(("SD1",), np.zeros(1), np.full(1, 100.0), wanted)
    numbers, none = np.arange(4), np.zeros(4)
    positions = np.array([[0.0], [100.0], [50.0], [60.0]])
    first = Generation(positions, values, numbers, none, none, np.empty((0, 2)))
    found = Searched(problem, Settings(1, 4), State((first,)), deaths)
    seen: list[int] = []
    judged = Problem.judged

    def noted(self: Problem, at: Any, values: Any, best: Any) -> Any:
        seen.extend(at[:, 0].tolist())
        return judged(self, at, values, best)

    monkeypatch.setattr(Problem, "judged", noted)
    about = About("x", "T", "", "", "", np.arange(4), np.zeros(4, dtype=np.int64))
    report_of(found, about, None)
    assert set(seen) == {0.0, 100.0}


def test_portfolios_that_rest_on_a_few_futures_hold_less() -> None:
    positions = np.array([[0.0], [60.0], [100.0]])
    swing = np.where(np.arange(40) % 2 == 0, -3.0, 3.0)
    values = np.stack([np.full(40, 10.0), 9.8 + swing, np.full(40, 5.0)])[:, :, None]
    problem = Problem(
        ("SD1",),
        np.zeros(1),
        np.full(1, 100.0),
        (Wanted("deaths", "persons", "down"),),
        effort=lambda x: x[:, 0],
        counts_effort=True,
    )
    first = Generation(positions, values, np.arange(3), np.zeros(3), np.zeros(3), np.empty((0, 2)))
    objectives = problem.judged(positions, values, problem.best(values))
    found = Searched(problem, Settings(1, 4), State((first,)), objectives)
    about = About("x" * 49 + "-y", "T", "", "", "", np.arange(40), np.zeros(40, dtype=np.int64))
    report = report_of(found, about, None)
    holds = dict(zip(report.members.tolist(), report.holds.tolist(), strict=True))
    assert holds[0] == holds[2] == 1.0  # nothing takes less effort; nothing has fewer deaths
    assert 0.4 < holds[1] < 0.9
    assert report.names[0] == "x" * 49 + "-p1"


@pytest.mark.parametrize("command", [portfolio, pathways])
def test_commands_refuse_in_words(command: Callable[..., None], tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    missing = str(tmp_path / "nothing.yaml")
    options = {
        portfolio: ["--out", str(tmp_path / "out")],
        pathways: ["--indicator", "a", "--product", "b", "--aim", "1", "--better", "down"],
    }
    done = CliRunner().invoke(app, [missing, *options[command]])
    assert done.exit_code == 2
    assert "Refused" in done.output


REAL = """\
id: real-search
title: A search in the real model
version: 1
scenarios: [current-policy]
draws: 1
prior: true
factors:
  - {lever: SD1, low: 0, high: 100}
  - {lever: SD3, low: 0, high: 100}
  - {trend: F1, low: -100, high: 100}
sample: {method: latin, n: 2, seed: 1}
search:
  outcomes:
    - {indicator: overdose_deaths, product: any_illegal}
  step: 25
"""


@pytest.mark.long
def test_in_the_real_model_processes_and_stops_change_nothing(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(REAL, encoding="utf-8")
    whole, _ = run_portfolio(Asked(study, tmp_path / "a", 2, 6))
    run_portfolio(Asked(study, tmp_path / "b", 1, 6, workers=2))
    again, _ = run_portfolio(Asked(study, tmp_path / "b", 2, 6))
    assert np.array_equal(whole.found.state.values, again.found.state.values)
    assert (tmp_path / "a" / "portfolio.csv").read_bytes() == (
        tmp_path / "b" / "portfolio.csv"
    ).read_bytes()
    _equals_a_run(study, whole, tmp_path / "scenario.yaml")


def _equals_a_run(study: Path, report: Report, path: Path) -> None:
    """A portfolio in one future is what a run of the same levers and trends gives."""
    portfolio = read_portfolio(study)
    at = portfolio.batch.points[1, 2]
    number = int(report.members[0])
    levers = dict(zip(("SD1", "SD3"), report.found.state.positions[number].tolist(), strict=True))
    told = {"id": "one-run", "title": "One", "description": "One", "levers": levers}
    path.write_text(yaml.safe_dump({**told, "trends": {"F1": float(at)}}), encoding="utf-8")
    alone = build_study(Options(scenarios=(str(path),), draws=1, plots="none", prior=True))
    seen = run_part(alone, 0, 1).compact[1]["overdose_deaths"]
    where = (0, alone.compact.years.index(2030), alone.layout.products.index("any_illegal"), 0)
    assert report.found.state.values[number, 1, 0] == pytest.approx(float(seen[where]), rel=1e-6)
