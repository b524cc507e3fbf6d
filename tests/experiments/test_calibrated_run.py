"""What the commands do with the posterior: use it, say so, and refuse one that is not right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from calibration.posterior import Origin, load, save
from experiments.cli import app
from experiments.run import Options, build_study, run
from experiments.runs.headlines import preface
from experiments.runs.results import MODE_TEXT, open_results
from model.catalogue import TABLES, load_catalogue
from tests.posteriors import CALIBRATED, DRAWS

SHORT = ("run", "--draws", "2", "--until", "2011", "--plots", "none", "--threads", "1")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("COLUMNS", "100")
    return CliRunner()


def call(runner: CliRunner, *arguments: object) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


def plain(text: str) -> str:
    return " ".join(text.split())


def test_a_run_uses_the_posterior_and_says_so(
    runner: CliRunner, posterior: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    result = call(runner, *SHORT, "--out", out)
    assert result.exit_code == 0, result.output
    text = plain(result.stdout)
    assert MODE_TEXT["posterior"] in text
    assert "Calibrated: cannabis, cocaine." in text
    assert "Scenario-only (†), on priors: methamphetamine, ketamine" in text
    assert "not calibrated" not in text
    for command in (
        ("figures", out),
        ("money", out, "--from", "2010", "--until", "2011"),
    ):
        said = call(runner, *command)
        assert said.exit_code == 0, said.output
        assert MODE_TEXT["posterior"] in plain(said.stdout)
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert told["mode"] == MODE_TEXT["posterior"]
    assert told["arguments"]["prior"] is False
    with open_results(out) as dataset:
        attributes = dict(dataset.attrs)
    for where in (told, attributes):
        assert where["draws"] == "posterior"
        assert where["posterior_hash"] == load(posterior).digest
        assert where["calibrated"].split() == list(CALIBRATED)
        assert where["prior_by_catalogue"] == ""
    assert attributes["comment"] == MODE_TEXT["posterior"]


def test_the_numbers_are_those_of_the_posterior(posterior: Path, small: Options) -> None:
    study = build_study(replace(small, prior=False))
    values = study.draws.values["cannabis/ever_start[,,,,]"]
    assert values[0] == pytest.approx(load(posterior).values[0, 0], rel=1e-6)
    assert build_study(small).draws.values["cannabis/ever_start[,,,,]"][0] != values[0]


def _edit(path: Path, **attributes: str) -> None:
    dataset = xr.load_dataset(path, engine="h5netcdf").assign_attrs(attributes)
    dataset.to_netcdf(path, engine="h5netcdf")


def _spoil(path: Path, kind: str) -> None:
    if kind == "missing":
        path.unlink()
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "stale":
        _edit(path, code_hash="0" * 64)
    else:
        _edit(path, blocks="nothing")


@pytest.mark.parametrize("command", ["run", "shocks"])
@pytest.mark.parametrize("kind", ["missing", "cut short", "empty", "stale", "no blocks"])
def test_a_posterior_that_is_not_right_ends_with_status_2(
    runner: CliRunner, posterior: Path, tmp_path: Path, kind: str, command: str
) -> None:
    _spoil(posterior, kind)
    out = tmp_path / "results"
    result = call(runner, *((*SHORT, "--out", out) if command == "run" else ("shocks",)))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(posterior) in result.stderr
    assert "drugfutures calibrate" in result.stderr
    assert "--prior" in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()
    if command == "shocks":
        assert call(runner, "shocks", "--draws", "2", "--prior").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "key", "allowed"),
    [
        (("run", "--draws", str(DRAWS + 1)), "--draws", f"1 to {DRAWS}"),
        (("shocks", "--draws", str(DRAWS + 1)), "--draws", f"1 to {DRAWS}"),
        (("run", "--draws", "2", "--seed", "3"), "--seed", "1, or --prior"),
    ],
)
def test_more_than_the_posterior_has_is_refused(
    runner: CliRunner,
    posterior: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    key: str,
    allowed: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(runner, *arguments)
    assert result.exit_code == 2
    assert f"key:     {key}" in result.stderr
    assert allowed in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_users_rows_are_told_on_the_screen_and_in_provenance(
    runner: CliRunner, posterior: Path, tmp_path: Path
) -> None:
    header = (TABLES / "parameters.csv").read_text(encoding="utf-8").splitlines()[0]
    row = "*,damping,,,,,,0.5,0.4,0.6,logitnormal,proportion,assumed,assumed,assumed,mine"
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "parameters.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    out = tmp_path / "results"
    result = call(runner, *SHORT, "--out", out, "--catalogue", folder)
    assert result.exit_code == 0, result.output
    assert "keep their priors: cannabis/damping[,,,,]." in plain(result.stdout)
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert told["prior_by_catalogue"] == "cannabis/damping[,,,,]"


def test_preface_names_products_that_wait_for_a_posterior() -> None:
    told = " ".join(preface(Origin("posterior", CALIBRATED), load_catalogue()))
    assert "Not in this posterior, so on priors: alcohol, tobacco" in told
    assert "below 0.2) is assumed" in told
    (alone,) = preface(Origin(), load_catalogue())
    assert alone.startswith(MODE_TEXT["prior"])


def shown(runner: CliRunner, *chosen: str) -> str:
    result = call(runner, "show", "parameters", *chosen)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 100
    return plain(result.stdout)


def test_show_parameters_says_what_was_learnt(runner: CliRunner, posterior: Path) -> None:
    cannabis = shown(runner, "cannabis")
    assert "from the figures: learnt 0.71" in cannabis
    assert "from the figures: assumed (0.05)" in cannabis
    assert "posterior of 2026-01-02" in cannabis
    every = shown(runner, "damping")
    assert "cannabis assumed (0.05): " in every
    assert "; other products assumed" in every
    assert "learnt 0.25" in shown(runner, "initiation_deprivation_ratio")
    # A row to be calibrated that no block has; then a product that has no block.
    assert "from the figures: assumed (no figure tells)" in shown(runner, "tobacco")
    assert "from the figures: assumed (scenario-only product)" in shown(runner, "ketamine")
    assert "stale" not in every
    save(replace(load(posterior), data_hash="0" * 64), posterior)
    assert "This posterior is stale" in shown(runner, "damping")
    posterior.unlink()
    assert "What was learnt is not known: there is no posterior here." in shown(runner, "damping")


def test_runs_on_priors_do_not_read_the_posterior(posterior: Path, small: Options) -> None:
    posterior.write_bytes(b"broken")
    done = run(small)
    assert done.study.origin == Origin()
