"""The command plot: what it draws of a posterior, a calibration's report and a run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from calibration.figures import Figure, load_figures
from calibration.series import names_of, series_of
from experiments.commands.plot import plot
from model.catalogue import load_catalogue

FIGURE = "ecig_current_men_2018"


def call(*words: object) -> Result:
    app = typer.Typer()
    app.command("plot")(plot)
    return CliRunner().invoke(app, [str(one) for one in words], env={"COLUMNS": "200"})


@pytest.mark.parametrize(("what", "language"), [("posterior", "de"), ("chains", "en")])
def test_the_shipped_posterior_is_drawn(what: str, language: str, tmp_path: Path) -> None:
    done = call(what, "--lang", language, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert f"Plots, each with its numbers as CSV: {tmp_path} (2 files)" in done.output
    rows = pd.read_csv(tmp_path / f"{what}-{language}.csv")
    assert "alcohol" in set(rows["block"])


def test_a_report_of_a_calibration_is_drawn(tmp_path: Path) -> None:
    points = ("median", "low50", "high50", "low80", "high80", "low95", "high95")
    numbers = (0.053, 0.044, 0.064, 0.037, 0.076, 0.031, 0.093)
    (tmp_path / "report").mkdir()
    with (tmp_path / "report" / "figures.csv").open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(("id", "scale", "observed", "testable", *points))
        writer.writerow((FIGURE, "logit", 0.056, 1, *numbers))
    done = call("coverage", "--from", tmp_path, "--out", tmp_path / "drawn")
    assert done.exit_code == 0, done.output
    (row,) = pd.read_csv(tmp_path / "drawn" / "coverage-en.csv").to_dict("records")
    assert row["figure"] == FIGURE
    assert row["in50"]
    assert row["in90"]
    assert row["q05"] < row["q25"] < 0.0 < row["q75"] < row["q95"]


class FakeResults:
    """A run in which every draw of every series is near the one figure."""

    runs, drawn = 50, "posterior"

    def __init__(self, folder: Path) -> None:
        self.wanted = series_of(_figure(), load_catalogue())

    def __enter__(self) -> FakeResults:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def series(self, series: object) -> np.ndarray | None:
        return np.full((self.runs, 1), 0.056) if series == self.wanted else None

    def over_years(self, values: np.ndarray, figure: object, unit: str) -> np.ndarray:
        return values[:, 0]


def _figure() -> Figure:
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    return next(one for one in figures if one.id == FIGURE)


def test_bands_of_a_run_hold_the_error_of_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.plots.analysis import held_by

    monkeypatch.setattr(held_by, "Results", FakeResults)
    monkeypatch.setattr(held_by, "catalogue_of", lambda folder: None)
    done = call("coverage", "--from", tmp_path, "--lang", "nl", "--out", tmp_path / "drawn")
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "drawn" / "coverage-nl.csv").set_index("figure")
    row = rows.loc[FIGURE]
    assert row["in50"]
    assert row["q95"] - row["q05"] > 0.1  # all draws are one: the band is the survey's error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("posterior", "--from", "nowhere.nc"), "there is no posterior here"),
        (("coverage", "--from", "nowhere"), "Refused"),
    ],
)
def test_what_is_not_there_is_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = call(*words, "--out", tmp_path)
    assert done.exit_code == 2
    assert told in done.output
