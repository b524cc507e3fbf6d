"""The command coverage: its table, its verdicts, what it refuses, and the shipped study."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.coverage import Chunk as Sets
from calibration.coverage import Quantity, covered, read_quantities, run_chunk, write_quantities
from calibration.figures import load_figures
from calibration.fingerprint import code_hash, data_hash
from calibration.series import names_of
from experiments.cli import app
from experiments.fits import coverage
from model.catalogue import load_catalogue

SAMPLE = Sets("amphetamine", "prior", (0, 1))
SAME = 0.15  # of the mass: another platform's sampler takes other steps


def quantities(masses: np.ndarray, truth: str = "prior", kind: str = "latent") -> list[Quantity]:
    return [
        Quantity(truth, number, "tobacco", kind, "x", float(mass), 1.0)
        for number, mass in enumerate(masses)
    ]


def test_even_masses_meet_every_bar() -> None:
    even = (np.arange(200) + 0.5) / 200
    assert all("NOT" not in line for line in coverage.verdicts(quantities(even)))


def test_sure_intervals_miss_the_bars() -> None:
    edges = np.concatenate([np.full(50, 0.001), np.full(50, 0.999)])
    rows = quantities(edges) + quantities(edges, "noisier waves")
    assert sum("NOT met" in line for line in coverage.verdicts(rows)) == 4


def test_a_study_is_printed_with_the_best_of_the_field(tmp_path: Path) -> None:
    out = tmp_path / "coverage.csv"
    write_quantities(out, quantities(np.linspace(0.01, 0.99, 50)))
    (tmp_path / "coverage.json").write_text('{"data_hash": "other", "made": "2026-11-22"}')
    from rich.console import Console

    console = Console(width=100, record=True)
    coverage.print_coverage(out, console)
    text = console.export_text()
    assert "77.7%" in text
    assert "other tables" in text


def test_sets_of_other_tables_are_not_mixed(tmp_path: Path) -> None:
    out = tmp_path / "coverage.csv"
    write_quantities(out, quantities(np.array([0.5])))
    (tmp_path / "coverage.json").write_text('{"data_hash": "other"}')
    result = CliRunner().invoke(app, ["coverage", "--out", str(out)])
    assert result.exit_code == 2
    assert "other tables" in result.stderr
    assert len(read_quantities(out)) == 1


def test_rows_of_the_same_tables_and_of_proven_code_get_its_stamp(tmp_path: Path) -> None:
    out, about = tmp_path / "coverage.csv", tmp_path / "coverage.json"
    told = {"data_hash": data_hash(), "code_hash": "before", "made": "2026-11-22"}
    about.write_text(json.dumps(told), encoding="utf-8")
    assert not coverage.restamp_about("other code", out)
    assert json.loads(about.read_text(encoding="utf-8")) == told
    assert coverage.restamp_about("before", out)
    assert json.loads(about.read_text(encoding="utf-8")) == told | {"code_hash": code_hash()}
    about.write_text(json.dumps(told | {"data_hash": "other"}), encoding="utf-8")
    assert not coverage.restamp_about("before", out)


def test_no_sets_are_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["coverage", "--out", str(tmp_path / "coverage.csv"), "--sets", "0", "--broken", "0"]
    )
    assert result.exit_code == 2


def test_the_shipped_study_holds_a_hundred_sets_and_meets_its_bars() -> None:
    rows = read_quantities(coverage.SHIPPED)
    prior = [row for row in rows if row.truth == "prior"]
    assert len({(row.block, row.number) for row in prior}) >= 100
    assert len({(row.block, row.name) for row in prior}) >= 20
    for level, (low, high) in coverage.BARS.items():
        assert low <= covered(np.array([row.mass for row in prior]), level) <= high


@pytest.mark.long
def test_a_sample_of_the_shipped_study_comes_out_again() -> None:
    shipped = {
        (row.truth, row.block, row.number, row.name): row.mass
        for row in read_quantities(coverage.SHIPPED)
    }
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    found = run_chunk(catalogue, figures, SAMPLE, frozenset())
    gaps = [abs(row.mass - shipped[row.truth, row.block, row.number, row.name]) for row in found]
    assert len(gaps) > 50
    assert np.median(gaps) < SAME / 3
    assert np.mean(np.array(gaps) < SAME) > 0.95
