"""The command backtest: what it refuses and what its tables say."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.structures import STRUCTURES, Share, StructureRow
from experiments.cli import app
from experiments.fits import validation
from experiments.fits.validation import HOLDOUTS, PARTS, Asked, run_validation
from model.errors import InputError


def test_parts_keep_their_order_and_default_to_all() -> None:
    assert Asked().chosen == PARTS
    assert Asked(parts=("structures", "holdout-2015")).chosen == ("holdout-2015", "structures")
    assert {until for until, _ in HOLDOUTS.values()} == {2015, 2018}
    assert sum(known for _, known in HOLDOUTS.values()) >= 1


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["backtest", "--out", str(tmp_path), "--part", "holdout-1999"])
    assert result.exit_code == 2
    assert "holdout-1999" in result.stderr
    assert "holdout-2015" in result.stderr
    assert not any(tmp_path.iterdir())


def test_only_the_whole_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only the whole"):
        run_validation(Asked(tmp_path, ("readings",), ship=True), lambda what, share: None)


def test_structures_stand_side_by_side() -> None:
    rows = [
        StructureRow(name, "tobacco", "last_year_prevalence", 0.1 + i / 100, 0.05, 0.2, 1.0)
        for i, name in enumerate(STRUCTURES)
    ]
    section = validation._structure_section(rows)
    assert section.columns == ("outcome", *STRUCTURES)
    (line,) = section.rows
    assert line[0] == "tobacco: last year prevalence"
    assert [cell.split()[0] for cell in line[1:]] == ["10.000%", "11.000%", "12.000%"]


def test_shares_of_the_variance_add_up() -> None:
    share = Share("cocaine", "problematic_prevalence", 0.5, 0.6, 0.1, 0.2, 0.1, 30)
    (line,) = validation._share_section([share]).rows
    shares = [float(cell.rstrip("%")) for cell in line[2:]]
    assert sum(shares) == pytest.approx(100.0)
    assert line[1] == "0.50"
