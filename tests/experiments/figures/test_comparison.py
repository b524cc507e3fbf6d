"""The figures beside a run: what is compared with what, and which count as inside."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calibration.figures import Figure, load_figures
from calibration.series import names_of, series_of
from experiments.cli import app
from experiments.figures.comparison import (
    Compared,
    Results,
    chosen,
    compare,
    load_reasons,
    verdict,
    write_csv,
)
from experiments.figures.comparison_table import LINE, TOTALS, Scale, in_pieces, is_total, on_lines
from experiments.runs.folder import PROVENANCE
from experiments.runs.results import FILE
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from tests.experiments.conftest import Done

YEARS = range(2010, 2024)
# Medians of the series below; all draws within 20% of them.
WANTED = {
    "mkt_labs_2122": 25.0,
    "labs_1722": 25.0,
    "off_use_share_2022": 0.5,
    "pwid_n_2019": 10_000.0,
    "ost_2003": 16_000.0,
    "alcohol_recorded_pc_2010": 9.0,
    "price_heroin_2018_mem": 30.0,
    "env_needles_fl": 0.99,
    "can_lastyear_2018": 0.07,
    "spend_treatment_share_2015": 0.6,
}
SPREAD = np.array([0.8, 0.9, 1.0, 1.1, 1.2])


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue) -> dict[str, Figure]:
    sources = {row.id for row in catalogue.sources}
    return {row.id: row for row in load_figures(products=names_of(catalogue), sources=sources)}


@pytest.fixture(scope="module")
def folder(
    catalogue: Catalogue, figures: dict[str, Figure], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A results file with a few series."""
    folder = tmp_path_factory.mktemp("results")
    levels = {}
    for name, level in WANTED.items():
        series = series_of(figures[name], catalogue)
        assert series is not None, name
        levels[series.id] = level
    survey = np.stack([level * SPREAD for level in levels.values()], axis=1)[None, :, :, None]
    text = h5py.string_dtype()
    with h5py.File(folder / FILE, "w") as file:
        file.create_dataset("series", data=list(levels), dtype=text)
        file["time"] = list(YEARS)
        file["survey"] = np.repeat(survey, len(YEARS), axis=3).astype(np.float32)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path, catalogue: Catalogue, figures: dict[str, Figure]) -> dict[str, Compared]:
    with Results(folder) as results:
        rows = compare(results, list(figures.values()), catalogue, {"pwid_n_2019": "too many"})
    return {row.figure.id: row for row in rows}


def test_counts_are_summed_over_the_years_and_others_averaged(found: dict[str, Compared]) -> None:
    assert found["mkt_labs_2122"].median == pytest.approx(50.0)
    assert found["labs_1722"].median == pytest.approx(6 * 25.0)
    assert found["labs_2021"].median == pytest.approx(25.0)
    assert found["price_heroin_2018_mem"].median == pytest.approx(30.0)


def test_a_figure_before_the_run_is_not_compared(found: dict[str, Compared]) -> None:
    assert "ost_2003" not in found
    assert "alcohol_recorded_pc_2010" not in found  # begins in 2008


def test_a_share_of_expenditure_is_compared_like_every_other(found: dict[str, Compared]) -> None:
    share = found["spend_treatment_share_2015"]
    assert (share.unit, share.value) == ("proportion", 0.618)
    assert share.median == pytest.approx(0.6)
    assert share.role == "context (anchor)"
    assert "spend_prevention_share_2015" not in found


def test_the_interval_is_that_of_the_draws(found: dict[str, Compared]) -> None:
    low, high = np.quantile(25.0 * SPREAD, (0.025, 0.975))
    row = found["labs_2021"]
    assert (row.low95, row.high95) == pytest.approx((low, high))
    assert row.inside
    assert found["can_lastyear_2018"].inside
    assert not found["off_use_share_2022"].inside  # 0.76 against 0.4 to 0.6


def test_bounds_are_inside_where_they_meet_the_interval(found: dict[str, Compared]) -> None:
    row = found["pwid_n_2019"]  # 4,563 to 9,126 against 8,050 to 11,950
    assert (row.value, row.low, row.high) == (None, 4563.0, 9126.0)
    assert row.inside
    assert row.reason == "too many"


def test_a_figure_without_a_year_stands_beside_the_last_before_the_strategy(
    found: dict[str, Compared],
) -> None:
    assert found["env_needles_fl"].median == pytest.approx(0.99)


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, st.none() | numbers, st.none() | numbers)
def test_inside_is_overlap(
    low95: float, high95: float, low: float | None, high: float | None
) -> None:
    low95, high95 = sorted((low95, high95))
    if low is not None and high is not None:
        low, high = sorted((low, high))
    row = made(low95, high95, None, low, high)
    touches = (high is None or high >= low95) and (low is None or low <= high95)
    assert row.inside or not touches
    middle = (low95 + high95) / 2
    assert made(low95, high95, middle, None, None).inside
    wide = 1.0 + abs(low95) + abs(high95)
    assert not made(low95, high95, high95 + wide, None, None).inside
    assert not made(low95, high95, low95 - wide, None, None).inside


def made(
    low95: float, high95: float, value: float | None, low: float | None, high: float | None
) -> Compared:
    figure = Figure.model_construct(role="checked")
    middle = (low95 + high95) / 2
    return Compared(figure, "name", "persons", value, low, high, middle, low95, high95, None, "")


def test_the_verdict_leaves_out_what_the_model_knows(found: dict[str, Compared]) -> None:
    rows = [found[name] for name in ("can_lastyear_2018", "labs_2021", "off_use_share_2022")]
    assert verdict(rows) == "2 of 3 inside the 95% interval (without anchored: 1 of 1)"


def test_rows_are_chosen_by_product_and_indicator(
    found: dict[str, Compared], catalogue: Catalogue
) -> None:
    rows = list(found.values())
    opioids = chosen(rows, catalogue, "opioids", None)
    assert {row.figure.product for row in opioids} == {"opioids"}
    prices = chosen(rows, catalogue, None, "retail_price")
    assert {row.figure.indicator for row in prices} == {"retail_price"}
    for product, indicator in (("heroin", None), (None, "happiness")):
        with pytest.raises(InputError):
            chosen(rows, catalogue, product, indicator)


def test_the_csv_holds_every_row(found: dict[str, Compared], tmp_path: Path) -> None:
    write_csv(list(found.values()), tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8", newline="") as text:
        rows = {row["id"]: row for row in csv.DictReader(text)}
    assert list(rows) == list(found)
    row = rows["mkt_labs_2122"]
    assert (row["value"], row["median"], row["inside"]) == ("51", "50", "yes")
    assert (row["year"], row["year_end"], row["given"]) == ("2021", "2022", "centred")
    assert rows["pwid_n_2019"]["value"] == ""


def test_reasons_name_figures(figures: dict[str, Figure], tmp_path: Path) -> None:
    assert set(load_reasons(figures.values())) <= set(figures)
    path = tmp_path / "outside.csv"
    path.write_text("figure,reason\nno_such_figure,because\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_reasons(figures.values(), path)
    assert (caught.value.line, caught.value.given) == (2, "no_such_figure")


def test_the_totals_are_those_of_the_strategy(figures: dict[str, Figure]) -> None:
    totals = {row.id for row in figures.values() if is_total(row)}
    for name in (
        "tr_illegal_2021",
        "tr_cocaine_share_2021",
        "harm_alcohol_deaths_2020",
        "harm_illegal_any_daly_2020",
        "harm_alcohol_yll_2020",
        "spend_total_2015",
        "spend_prevention_share_2015",
        "cost_total_2012",
        "cost_tobacco_share_2012",
        "off_drug_2022",
        "off_use_share_2022",
        "mkt_labs_2122",
        "env_dumps_2022",
        "dui_alc_measured",
        "dui_drug_self_2019",
        "env_needles_fr",
        "pwid_n_2019",
    ):
        assert name in totals, name
    assert "labs_2020" not in totals  # not in the strategy
    headed = [name for names in TOTALS.values() for name in names]
    assert len(headed) == len(set(headed))
    assert {figures[name].indicator for name in totals} <= set(headed)


@pytest.mark.parametrize(
    ("unit", "number", "told"),
    [
        ("proportion", 0.0123, "1.23%"),
        ("EUR of 2015 per year", 1.378e9, "1,378"),
        ("EUR of 2018 per gram", 50.0, "50"),
        ("persons", 9126.4, "9,126"),
        ("sites per year", 0.123456, "0.123"),
    ],
)
def test_numbers_are_told_with_three_digits(unit: str, number: float, told: str) -> None:
    assert Scale.of(unit).told(number) == told


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ("(4.5%–9.1%)", "(4.5%–9.1%)"),
        ("(4,563–126,000)", "(4,563–126,000)"),
        ("(487,939–2,514,925)", "(487,939–\n2,514,925)"),
        ("at least 4,563", "at least 4,563"),
    ],
)
def test_a_long_interval_is_broken_after_the_dash(told: str, lines: str) -> None:
    assert on_lines(told) == lines
    assert max(map(len, lines.splitlines())) <= LINE


def test_a_long_id_is_broken_after_its_dashes(figures: dict[str, Figure]) -> None:
    assert in_pieces("spend_prevention_share_2015", 24) == "spend_prevention_share_\n 2015"
    assert in_pieces("labs_2021", 24) == "labs_2021"
    for figure in figures.values():
        for name in (figure.id, figure.source):
            lines = in_pieces(name, 24).split("\n ")
            assert "".join(lines) == name
            assert max(map(len, lines)) <= 24


@pytest.mark.parametrize("columns", [80, 100])
def test_no_number_is_broken(
    done: Done,
    catalogue: Catalogue,
    figures: dict[str, Figure],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = CliRunner().invoke(app, ["figures", str(done.options.out)])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= columns
    pieces = Counter(result.stdout.split())
    wanted: Counter[str] = Counter()
    with Results(done.options.out) as results:
        rows = compare(results, list(figures.values()), catalogue, {})
    for row in rows:
        scale = Scale.of(row.unit)
        low, median, high = (scale.told(x) for x in (row.low95, row.median, row.high95))
        wanted.update(on_lines(f"({low}–{high})").split())
        wanted.update([median, *on_lines(scale.observed(row)).split()])
        wanted.update(f"{in_pieces(row.figure.id, columns // 3 - 2)},".split())
    assert any(piece.endswith("–") for piece in wanted)
    missing = wanted - pieces
    assert not missing


def test_the_command_prints_a_run(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    table = tmp_path / "table.csv"
    asked = ["figures", str(done.options.out), "--totals", "--csv", str(table)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    for title in TOTALS:
        assert title in result.stdout
    assert "inside the 95% interval (without anchored:" in result.stdout.splitlines()[-1]
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "…" not in result.stdout
    with table.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert {row["id"] for row in rows} >= {"tr_illegal_2021", "off_drug_2022", "cost_total_2012"}


def test_a_file_that_cannot_be_written_is_refused(done: Done, tmp_path: Path) -> None:
    asked = ["figures", str(done.options.out), "--csv", str(tmp_path / "no" / "table.csv")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2
    assert "--csv" in result.stderr


def test_results_of_nobody_say_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Results(tmp_path)
    assert "drugfutures run" in str(caught.value)


def test_junk_in_the_place_of_results_is_refused(done: Done, tmp_path: Path) -> None:
    shutil.copy(done.options.out / PROVENANCE, tmp_path)
    (tmp_path / FILE).write_text("half", encoding="utf-8")
    result = CliRunner().invoke(app, ["figures", str(tmp_path)])
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
    with h5py.File(tmp_path / FILE, "w") as file:
        file["time"] = list(YEARS)
    result = CliRunner().invoke(app, ["figures", str(tmp_path)])
    assert result.exit_code == 2
    assert "another version" in result.stderr
    assert "series, survey" in result.stderr
