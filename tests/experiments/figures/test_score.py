"""The command that scores a table of figures: what it writes, says and refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.figures import FIGURES, Figure, load_figures
from calibration.score import COLUMNS
from calibration.series import names_of
from experiments.cli import app
from experiments.figures import score
from experiments.figures.score import past_figures, told_figures, unpredictable
from model.catalogue import Catalogue, load_catalogue

QUICK = ("--prior", "--draws", "2", "--threads", "1")
NEW = {
    "product": "cannabis",
    "indicator": "last_year_prevalence",
    "population": "Belgium 15-64",
    "population_kind": "general",
    "sex": "all",
    "age_min": "15",
    "age_max": "64",
    "region": "Belgium",
    "year": "2023",
    "unit": "proportion",
    "source": "his-2023--made-up",
    "quality": "read-in-source",
    "role": "checked",
    "why": "made up",
}


def table(path: Path, *rows: dict[str, str], header: str | None = None) -> Path:
    """A table of NEW rows with cells of their own, ids by number."""
    with FIGURES.open(encoding="utf-8") as text:
        columns = next(csv.reader(text))
    with path.open("w", encoding="utf-8", newline="") as text:
        if header is not None:
            text.write(header)
            return path
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({"id": f"row{number}", **NEW, **row})
    return path


def scored(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def shipped(catalogue: Catalogue) -> list[Figure]:
    sources = {row.id for row in catalogue.sources}
    return load_figures(products=names_of(catalogue), sources=sources)


ROWS = (
    {"value": "0.08"},
    {"value": "0.09", "sex": "male"},
    {"low": "0.05", "high": "0.2"},
    {"value": "0.3", "source": "poll-2023--made-up"},
    {"value": "80", "unit": "none", "indicator": "drug_law_offences"},
    {"indicator": "last_year_prevalence", "direction": "up", "unit": "none"},
    {"value": "0.1", "region": "Ghent"},
    {"value": "0.1", "year": "1994"},
    {"value": "0", "age_max": "34"},
)


def test_a_table_is_scored_row_by_row(tmp_path: Path) -> None:
    figures, out = table(tmp_path / "new.csv", *ROWS), tmp_path / "scores.csv"
    done = CliRunner().invoke(app, ["score", str(figures), "--out", str(out), *QUICK])
    assert done.exit_code == 0, done.output
    with out.open(encoding="utf-8") as text:
        assert next(csv.reader(text)) == list(COLUMNS)
    rows = scored(out)
    assert [row["id"] for row in rows] == [f"row{i}" for i in range(len(ROWS))]
    first, men, interval, poll, *lost = rows
    assert int(first["n_earlier"]) >= 3
    assert first["series"].startswith("his|cannabis|last_year_prevalence")
    assert first["cluster"] == "his-2023|2023"
    assert first["scale"] == "logit"
    names = ("low95", "low80", "low50", "median", "high50", "high80", "high95")
    ends = [float(first[name]) for name in names]
    assert ends == sorted(ends)
    assert ends[0] > 0
    assert ends[-1] < 1
    assert first["observed"] == "0.08"
    for level in ("50", "80", "95"):
        inside = float(first[f"low{level}"]) <= 0.08 <= float(first[f"high{level}"])
        assert first[f"in{level}"] == str(int(inside))
    assert all(float(first[name]) > 0 for name in ("crps", "crps_last", "crps_trend"))
    assert men["crps"] != first["crps"]
    assert (interval["observed"], interval["crps"], interval["crps_last"]) == ("", "", "")
    assert interval["in95"] in ("0", "1")
    assert "range" in interval["why"]
    assert (poll["n_earlier"], poll["crps_last"]) == ("0", "")
    assert float(poll["crps"]) > 0
    for row in lost:
        assert row["why"]
        assert row["median"] == row["in95"] == row["crps"] == row["series"] == ""
        assert row["id"] in done.output
    for words in ("4 rows predicted", "with an earlier value", "Mean CRPS", "not calibrated"):
        assert words in done.output


def test_rows_of_the_table_tell_each_other_only_when_asked(tmp_path: Path) -> None:
    rows = [
        {"value": "0.3", "year": year, "source": f"poll-{year}--x"} for year in ("2012", "2013")
    ]
    figures, out = table(tmp_path / "new.csv", *rows), tmp_path / "scores.csv"
    found = []
    for options in ([], ["--sequential"]):
        done = CliRunner().invoke(app, ["score", str(figures), "--out", str(out), *QUICK, *options])
        assert done.exit_code == 0, done.output
        found.append(scored(out))
    (first, second), (same, told) = found
    # The error of its sample is taken from the figure itself once figures tell of each other.
    assert float(first["median"]) == pytest.approx(float(same["median"]), rel=0.02)
    assert (second["n_earlier"], told["n_earlier"]) == ("0", "1")
    assert float(told["median"]) > float(second["median"])


@pytest.mark.parametrize(
    ("cells", "key", "allowed"),
    [
        ({"value": "80", "unit": "percent"}, "unit", "proportion"),
        ({"value": "80", "unit": "kg"}, "unit", "proportion"),
        ({"value": "0.1", "indicator": "last_year_prevalance"}, "indicator", "last_year_preval"),
        ({"value": "1.2"}, "value", "0 to 1"),
        ({"value": "-3", "indicator": "treatment_episodes", "unit": "count"}, "value", "0 or more"),
        ({"value": "much"}, "value", "a number"),
        ({"value": "nan"}, "value", "finite"),
        ({"value": "0.1", "product": "canabis"}, "product", "cannabis"),
        ({"value": "0.1", "year": "2031"}, "year", "2030"),
        ({"low": "0.3", "high": "0.1"}, "low", "at most"),
    ],
)
def test_bad_rows_are_refused(
    tmp_path: Path, cells: dict[str, str], key: str, allowed: str
) -> None:
    figures = table(tmp_path / "bad.csv", {"value": "0.1"}, cells)
    done = CliRunner().invoke(app, ["score", str(figures), *QUICK])
    assert done.exit_code == 2
    assert "bad.csv, line 3" in done.stderr
    assert f"key:     {key}" in done.stderr
    assert allowed in done.stderr
    assert "Traceback" not in done.output


def test_a_missing_or_misshapen_table_is_refused(tmp_path: Path) -> None:
    empty = table(tmp_path / "empty.csv", header="")
    narrow = table(tmp_path / "narrow.csv", header="id,product,value\na,cannabis,0.1\n")
    for path, words in (
        (tmp_path / "none.csv", "cannot be read"),
        (tmp_path, "cannot be read"),
        (empty, "the table is empty"),
        (narrow, "population_kind"),
    ):
        done = CliRunner().invoke(app, ["score", str(path), *QUICK])
        assert done.exit_code == 2
        assert words in done.stderr
        assert "Traceback" not in done.output


def test_scores_are_not_written_over_the_table(tmp_path: Path) -> None:
    figures = table(tmp_path / "new.csv", {"value": "0.1"})
    before = figures.read_bytes()
    for out in (figures, tmp_path, tmp_path / "nowhere" / "scores.csv"):
        done = CliRunner().invoke(app, ["score", str(figures), "--out", str(out), *QUICK])
        assert done.exit_code == 2
        assert "--out" in done.stderr
    assert figures.read_bytes() == before


def test_without_a_posterior_the_command_says_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = table(tmp_path / "new.csv", {"value": "0.1"})
    monkeypatch.setattr("calibration.posterior.SHIPPED", tmp_path / "posterior.nc")
    done = CliRunner().invoke(app, ["score", str(figures)])
    assert done.exit_code == 2
    assert "posterior.nc" in done.stderr
    assert "drugfutures calibrate" in done.stderr


def test_a_table_without_a_row_to_predict_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = table(tmp_path / "new.csv", {"value": "0.1", "year": ""})
    monkeypatch.setattr(score, "survey", None)
    done = CliRunner().invoke(app, ["score", str(figures), *QUICK])
    assert done.exit_code == 0, done.output
    assert "no year" in done.output
    assert "0 rows predicted" in done.output


def test_every_shipped_figure_is_predicted_or_has_a_reason(
    shipped: list[Figure], catalogue: Catalogue
) -> None:
    table = score.read_table(FIGURES, catalogue, shipped)
    assert [figure.id for figure in table] == [figure.id for figure in shipped]
    reasons = {figure.id: unpredictable(figure, catalogue) for figure in table}
    fitted = [figure.id for figure in table if figure.role == "fitted"]
    assert [name for name in fitted if reasons[name] is not None] == []
    assert any(reason for reason in reasons.values())


def test_what_is_scored_is_not_known(shipped: list[Figure], catalogue: Catalogue) -> None:
    by_id = {figure.id: figure for figure in shipped}
    past = past_figures(shipped, [], catalogue)
    everything = {figure.id for figure in past}
    assert not any(by_id[name].given == "anchor" for name in everything)
    told = {figure.id for figure in told_figures(past)}
    fitted = {name for name in everything if by_id[name].role == "fitted"}
    answered = {(by_id[name].product, by_id[name].indicator) for name in fitted}
    assert fitted <= told
    for name in told - fitted:
        assert by_id[name].repeats is None
        assert (by_id[name].product, by_id[name].indicator) not in answered
    # Neither by its id, nor as the same question of the same survey in another document.
    row = by_id["cannabis_lastyear_2018_male"]
    assert row.id in everything
    other = row.model_copy(update={"id": "mine", "source": "his-2018--another-paper"})
    for scored_row in (row, other):
        left = {figure.id for figure in past_figures(shipped, [scored_row], catalogue, True)}
        assert row.id in everything - left
        assert all(by_id[name].year == 2018 for name in everything - left)
    total = next(figure for figure in shipped if set(figure.repeated_ids) & everything)
    left = {figure.id for figure in past_figures(shipped, [total], catalogue, True)}
    assert not left & set(total.repeated_ids)


def test_a_forecast_does_not_depend_on_what_else_is_in_the_table(
    shipped: list[Figure], tmp_path: Path
) -> None:
    row = {
        "product": "cocaine",
        "indicator": "wastewater_load",
        "population": "Antwerp Zuid",
        "population_kind": "sewershed",
        "region": "Antwerp Zuid",
        "age_min": "",
        "age_max": "",
        "value": "2000",
        "unit": "mg_per_1000_per_day",
        "source": "score--open-data",
        "year": "2024",
    }
    earlier = [
        {**row, "year": str(one.year), "value": f"{one.value:g}"}
        for one in shipped
        if one.product == "cocaine" and one.region == "Antwerp Zuid" and one.role == "fitted"
    ]
    assert len(earlier) > 5
    found = []
    for rows in ([row], [*earlier, row]):
        out = tmp_path / f"scores-{len(rows)}.csv"
        figures = table(tmp_path / f"new-{len(rows)}.csv", *rows)
        done = CliRunner().invoke(app, ["score", str(figures), "--out", str(out), *QUICK])
        assert done.exit_code == 0, done.output
        found.append(scored(out)[-1])
    alone, among = found
    assert int(alone["n_earlier"]) == int(among["n_earlier"]) == len(earlier)
    assert alone["median"] == among["median"]
    assert alone["high95"] == among["high95"]
