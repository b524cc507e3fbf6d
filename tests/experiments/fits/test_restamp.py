"""``drugfutures calibrate --restamp``: one file is stamped, with the study beside it, or none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.fingerprint import code_hash, data_hash
from calibration.posterior import SHIPPED, load, save
from experiments.cli import app

OLD = "0" * 64


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is shipped, as if other code had made it, in its place."""
    path = tmp_path / "posterior.nc"
    save(replace(load(SHIPPED), code_hash=OLD), path)
    shutil.copy(SHIPPED.with_name("coverage.csv"), tmp_path)
    about = {"data_hash": data_hash(), "code_hash": OLD}
    (tmp_path / "coverage.json").write_text(json.dumps(about), encoding="utf-8")
    monkeypatch.setattr("calibration.posterior.SHIPPED", path)
    monkeypatch.setattr("experiments.fits.coverage.SHIPPED", tmp_path / "coverage.csv")
    return path


def test_posterior_and_study_get_the_stamp_of_code_that_predicts_the_same(path: Path) -> None:
    result = CliRunner().invoke(app, ["calibrate", "--restamp"])
    assert result.exit_code == 0, result.output
    assert "carries the present code now" in " ".join(result.stdout.split())
    assert load(path).code_hash == code_hash()
    about = json.loads(path.with_name("coverage.json").read_text(encoding="utf-8"))
    assert about["code_hash"] == code_hash()
    again = CliRunner().invoke(app, ["calibrate", "--restamp"])
    assert "is fresh" in again.stdout


def test_other_tables_are_refused_and_nothing_is_written(path: Path) -> None:
    save(replace(load(path), data_hash=OLD), path)
    before = path.read_bytes()
    result = CliRunner().invoke(app, ["calibrate", "--restamp"])
    assert result.exit_code == 2
    assert "stale" in result.stderr
    assert path.read_bytes() == before
    about = json.loads(path.with_name("coverage.json").read_text(encoding="utf-8"))
    assert about["code_hash"] == OLD
