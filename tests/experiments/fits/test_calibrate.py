"""``drugfutures calibrate``: one tiny fit of the smallest block, and what must be refused."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from calibration.blocks import load_blocks
from calibration.fit import Settings
from calibration.posterior import load
from experiments.cli import app
from experiments.fits import calibrate
from experiments.fits.calibrate import Asked, Outcome, Shift, posterior_of, run_calibration, shift
from experiments.fits.calibration_report import Report, check, write
from experiments.fits.calibration_table import markdown, sections
from model.catalogue import load_catalogue
from model.errors import InputError

TINY = Settings(draws=20, proposals=20, warmup=80, first=100, later=40, rounds=1, thin=1)
BLOCK = "e_cigarettes"


@dataclass(frozen=True)
class Done:
    """A quick calibration of one block on disk, and what it told of its progress."""

    outcome: Outcome
    report: Report
    folder: Path
    told: tuple[tuple[str, float], ...]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrate, "QUICK", TINY)
        asked = Asked((BLOCK,), out=tmp_path_factory.mktemp("calibration"), quick=True)
        told: list[tuple[str, float]] = []
        outcome = run_calibration(asked, lambda what, share: told.append((what, share)))
        report = check(outcome)
        return Done(outcome, report, write(report, markdown(report)), tuple(told))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "QUICK", TINY)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *(str(argument) for argument in arguments)])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--product", "cannabbis"), ("unknown product", "cannabbis", "cannabis")),
        (("--product", "ketamine"), ("figures cannot identify it", "scenario-only", "cocaine")),
        (("--until-year", 2023), ("--until-year", "2023", "2022")),
        (("--until-year", 1999), ("1999", "2011")),
        (("--ship", "--quick"), ("only a complete fit is shipped",)),
        (("--ship", "--product", "tobacco"), ("only a complete fit is shipped",)),
        (("--ship", "--draws", 20), ("only a complete fit is shipped",)),
        (("--restamp", "--quick"), ("--restamp alone",)),
    ],
)
def test_bad_input_is_refused_and_writes_nothing(
    arguments: tuple[object, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = call(*arguments, "--out", out)
    assert result.exit_code == 2
    assert all(word in result.output for word in words)
    assert not out.exists()


def test_a_folder_that_cannot_be_written_or_is_not_ours_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    for out in (file, file / "below", tmp_path):
        result = call("--product", BLOCK, "--out", out)
        assert result.exit_code == 2
        assert "--out" in result.output
    assert file.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_the_report_is_whole(done: Done) -> None:
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "anchors.csv",
        "blocks.csv",
        "figures.csv",
        "parameters.csv",
        "plots",
        "shift.csv",
        "summary.md",
        "wave_figures.csv",
        "waves.csv",
    ]
    (one,) = done.outcome.fitted
    figures = rows_of(done.folder / "figures.csv")
    assert {row["id"] for row in figures} == {figure.id for figure in one.figures}
    assert all(float(row["low95"]) <= float(row["high95"]) for row in figures)
    assert all(row["predictive_median"] for row in figures)
    (block,) = rows_of(done.folder / "blocks.csv")
    assert block["block"] == BLOCK
    assert int(block["figures"]) == len(one.figures)
    assert len(rows_of(done.folder / "parameters.csv")) == one.fit.chains.shape[2]
    pictures = {path.name for path in (done.folder / "plots").glob("*.png")}
    assert pictures >= {"coverage.png", "fans.png", "fans-past.png", f"parameters-{BLOCK}.png"}
    assert all((done.folder / "plots" / f"{Path(name).stem}.csv").exists() for name in pictures)


def test_fans_show_figures_with_the_error_that_the_fit_allows_them(done: Done) -> None:
    rows = rows_of(done.folder / "plots" / "fans-past.csv")
    assert {row["source"] for row in rows if row["what"] == "model"} == {"model, posterior draws"}
    years = {float(row["year"]) for row in rows if row["what"] == "model"}
    assert (min(years), max(years)) == (1997, 2030)
    figures = {figure.id for figure in done.outcome.plan.figures}
    dots = [row for row in rows if row["what"] == "observed"]
    assert dots
    for row in dots:
        assert row["figure"] in figures
        assert float(row["low"]) < float(row["value"]) < float(row["high"])


def test_the_summary_tells_all_that_is_asked(done: Done) -> None:
    titles = {section.title for section in sections(done.report)}
    text = (done.folder / "summary.md").read_text(encoding="utf-8")
    assert all(f"## {title}" in text for title in titles)
    for words in (
        "are to be fitted",
        "R-hat at most",
        "labelled assumed",
        "Cost: ",
        "A quick look",
    ):
        assert words in text


def test_progress_only_rises_and_names_blocks_and_stages(done: Done) -> None:
    shares = [share for _, share in done.told]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    assert done.told[0][0] == f"{BLOCK}: screening"
    assert any(what.startswith("joined draws") for what, _ in done.told)


def test_the_posterior_of_a_calibration_can_be_loaded(done: Done) -> None:
    found = load(done.outcome.asked.out / "posterior.nc")
    assert found.calibrated == (BLOCK,)
    assert found.draws == TINY.draws
    (one,) = done.outcome.fitted
    quantities = [quantity.name for quantity in one.fit.inputs if quantity.row is not None]
    assert list(found.keys) == quantities
    drawn = [done.outcome.draws.values[name] for name in quantities]
    np.testing.assert_allclose(found.values, np.stack(drawn, axis=1), rtol=1e-6)
    learnt = ~np.isnan(found.contraction_innovation)
    assert set(np.array(found.products)[learnt.any(axis=1)]) == {BLOCK}


def test_an_interrupted_calibration_goes_on_from_disk(done: Done, tiny: None) -> None:
    told: list[str] = []
    again = run_calibration(done.outcome.asked, lambda what, share: told.append(what))
    assert again.cached == {BLOCK}
    assert all(what.startswith("joined draws") for what in told)
    np.testing.assert_array_equal(
        again.fitted[0].fit.scores, done.outcome.fitted[0].fit.scores, strict=True
    )


def test_upstream_blocks_come_from_disk_or_stay_at_their_priors(done: Done, tmp_path: Path) -> None:
    plan, folder = done.outcome.plan, calibrate.fits_folder(done.outcome.asked)
    assert calibrate.upstream_fits(plan, ["tobacco"], folder) == ([BLOCK], ())
    assert calibrate.upstream_fits(plan, ["tobacco"], tmp_path) == ([], (BLOCK,))
    kept, priors = calibrate.upstream_fits(plan, ["mdma"], folder)
    assert kept == [BLOCK]
    assert priors == ("tobacco", "alcohol", "cannabis")


def test_a_shift_of_the_joined_run_is_told_on_the_scale_of_each_figure(done: Done) -> None:
    outcome = done.outcome
    assert outcome.joined is not None
    before = {row.figure: row for row in outcome.shifts}
    assert set(before) == {figure.id for figure in outcome.fitted[0].figures}
    odds = outcome.joined.values / (1.0 - outcome.joined.values)
    doubled = replace(outcome.joined, values=2.0 * odds / (1.0 + 2.0 * odds))
    for row in shift(outcome.fitted, doubled):
        assert row.scale == "logit"
        assert row.shift - before[row.figure].shift == pytest.approx(np.log(2.0), abs=1e-9)
        sd = row.shift / row.in_sd
        assert sd == pytest.approx(before[row.figure].shift / before[row.figure].in_sd)


def test_the_joined_run_gives_a_block_without_couplings_its_own_numbers(done: Done) -> None:
    def largest(rows: tuple[Shift, ...]) -> float:
        return max(abs(row.in_sd) for row in rows)

    assert largest(done.outcome.shifts) < 0.2


def test_only_what_moved_is_added_to_the_posterior(done: Done) -> None:
    draws = done.outcome.draws
    key = "*/initiation_region_ratio[,,,Brussels,]"
    moved = replace(
        done.outcome,
        draws=type(draws)(
            draws.rows,
            draws.values | {key: draws.values[key] ** 0.5},
            draws.innovations,
            draws.seed,
        ),
    )
    found = posterior_of(moved)
    assert found.block[found.keys.index(key)] == "pooled"
    assert found.contractions[key] == pytest.approx(0.75)
    added = set(found.keys) - set(posterior_of(done.outcome).keys)
    # A copy that a product took of the row before it moved must not move with it.
    assert added <= {key, f"{BLOCK}/{key.removeprefix('*/')}"}


@pytest.mark.long
def test_a_cut_fit_scores_what_came_later(done: Done, tiny: None) -> None:
    asked = replace(done.outcome.asked, until=2018)
    report = check(run_calibration(asked))
    folder = write(report, markdown(report))
    assert folder != done.folder
    later = {f.id for f in report.outcome.fitted[0].figures if (f.year_end or f.year or 0) > 2018}
    assert later
    assert {row["id"] for row in rows_of(folder / "holdout.csv")} == later
    assert {row.id for row in report.left_out}.isdisjoint(later)
    assert list((folder / "plots").glob("forecasts-*.png"))
    assert "Hold-out" in (folder / "summary.md").read_text(encoding="utf-8")
    assert not (folder / "shift.csv").exists()


def test_a_block_is_asked_for_by_any_of_its_products(tmp_path: Path) -> None:
    catalogue = load_catalogue()
    asked = Asked(("gambling_online", "tobacco"), out=tmp_path / "new")
    assert calibrate._checked(asked, catalogue) == ["tobacco", "gambling"]
    everything = calibrate._checked(Asked(out=tmp_path / "new"), catalogue)
    assert everything == [row.block for row in load_blocks()]
    with pytest.raises(InputError):
        calibrate._checked(Asked(("any_gambling",), out=tmp_path / "new"), catalogue)
