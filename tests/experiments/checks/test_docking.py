"""Agents without refinements are the compartments but for chance: how that is judged, and that
they are."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from experiments.checks.docking import (
    Docking,
    Place,
    counts,
    dock,
    docked,
    docking_table,
    main,
    place,
    slope,
    verdict,
)
from model.agents.engine import persons_per_agent

Float = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def few_years() -> Place:
    return place(unbounded=True, until=2013)


def _expected(where: Place) -> tuple[Float, int]:
    """Numbers of the compartments, and how many rows of them are states."""
    return counts(where.prepared, where.reference)[0], len(where.prepared.structure.states)


def _poisson_seeds(where: Place, size: int, seeds: int, bias: float = 1.0) -> Docking:
    """Docking of counts that are Poisson about the compartments, some of them moved by a factor."""
    rng = np.random.default_rng(7)
    expected, _ = _expected(where)
    weight = persons_per_agent(size)
    moved = expected * np.where(np.arange(expected.shape[1]) % 50 == 0, bias, 1.0)[:, None]
    found = weight * rng.poisson(moved / weight, (seeds, *expected.shape)).astype(np.float64)
    return dock(expected, size, found)


def test_chance_alone_gives_the_expected_spread(few_years: Place) -> None:
    found = _poisson_seeds(few_years, 100_000, 64)
    assert found.rms_z == pytest.approx(math.sqrt(63 / 61), abs=0.04)
    assert found.beyond < 0.006
    assert found.largest < 5.5


def test_a_bias_of_one_in_a_hundred_is_seen(few_years: Place) -> None:
    found = _poisson_seeds(few_years, 1_000_000, 64, bias=1.01)
    assert found.largest > 5.5


def test_the_slope_of_pure_chance_is_minus_one_half(few_years: Place) -> None:
    rows = [_poisson_seeds(few_years, size, 8) for size in (10_000, 100_000, 1_000_000)]
    assert slope(rows) == pytest.approx(-0.5, abs=0.01)


def test_a_few_thousand_agents_dock(few_years: Place) -> None:
    """Permanent and quick; the long test does it at three sizes to 2030.

    In four years only some hundred cells are independent, so that the root mean square of z over
    that of Student's t has a standard deviation of 0.07: three of them are allowed.
    """
    seeds = 16
    expected, states = _expected(few_years)
    found = docked(few_years, 20_000, range(1, seeds + 1))
    moves = dock(expected[:, states:], 20_000, found[:, :, states:])
    stocks = dock(expected[:, :states], 20_000, found[:, :, :states])
    print(moves, stocks, sep="\n")
    assert moves.cells > 200
    assert stocks.cells > 500
    student = math.sqrt((seeds - 1) / (seeds - 3))
    assert 0.79 < moves.rms_z / student < 1.21
    assert stocks.largest < 6.0  # a t of 15 degrees of freedom passes it once in 40,000


def test_a_wrong_hazard_does_not_dock(few_years: Place) -> None:
    prepared = few_years.prepared
    rates = prepared.rates._replace(base=prepared.rates.base * 1.1)
    wrong = replace(few_years, prepared=replace(prepared, rates=rates))
    expected, states = _expected(few_years)
    found = docked(wrong, 20_000, range(1, 9))
    assert dock(expected[:, states:], 20_000, found[:, :, states:]).rms_z > 1.5


@pytest.mark.long
def test_agents_dock_at_three_sizes() -> None:
    where, rows = place(unbounded=True), []
    expected, states = _expected(where)
    for size in (10_000, 100_000, 1_000_000):
        found = docked(where, size, range(1, 65), threads=2)
        rows.append(dock(expected[:, :states], size, found[:, :, :states]))
        print(rows[-1])
    for row in rows:
        assert 0.9 <= row.rms_z <= 1.1
        assert row.beyond <= 0.006
        assert row.largest < 5.5
    print(f"slope {slope(rows):.3f}")
    assert -0.55 <= slope(rows) <= -0.45


def test_the_verdict_says_which_bound_is_not_met() -> None:
    sizes, errors = (10_000, 100_000, 1_000_000), (0.1, 0.0316, 0.01)
    rows = [
        Docking(size, 64, 4000, 1.03, 0.004, 4.0, error)
        for size, error in zip(sizes, errors, strict=True)
    ]
    assert verdict(rows).startswith("Verdict: docked (rms z")
    far = [replace(rows[0], beyond=0.02), *rows[1:]]
    assert verdict(far) == "Verdict: NOT docked; not met: at most 0.6% of cells beyond 3 SE."
    wide = [replace(row, rms_z=1.2) for row in rows]
    assert "not met: rms z" in verdict(wide)
    assert "No verdict" in verdict([replace(row, seeds=8) for row in rows])
    assert verdict(rows) in docking_table(rows)


def test_fewer_than_three_sizes_give_no_slope() -> None:
    rows = [Docking(size, 2, 10, 1.0, 0.0, 1.0, 0.1) for size in (1_000, 4_000)]
    assert "No slope" in docking_table(rows)


def test_a_page_that_is_not_there_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["docking", "--page", str(tmp_path / "none.md")])
    with pytest.raises(SystemExit):
        main()
    assert "no such file" in capsys.readouterr().err
