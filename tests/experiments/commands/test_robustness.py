"""The commands discover, robust and value: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from experiments.commands import robustness as robustness_commands
from experiments.robustness.futures import Futures
from tests.experiments.robustness.sampled_store import flat, trend

KEYS = [
    ("overdose_deaths", "any_illegal", "Belgium", 2024),
    ("overdose_deaths", "any_illegal", "Belgium", 2030),
    ("mean_wait", "alcohol", "Belgium", 2024),
    ("mean_wait", "alcohol", "Belgium", 2030),
]
OUTCOME = ("--indicator", "overdose_deaths", "--product", "any_illegal")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The three commands on a store: "bold" does harm where A is high and good elsewhere."""
    random = np.random.default_rng(1)
    x = random.random((300, 3))
    noise = random.normal(0.0, 0.5, (300, 4))
    base = 10.0 + noise
    bold = base + np.where(x[:, :1] > 0.7, 6.0, -2.0) + random.normal(0.0, 0.1, (300, 4))
    deaths = np.stack([base, bold, base + 0.5])
    waits = np.stack([base, base - 1.0, base + 1.0])
    values = [deaths + 1.0, deaths, waits + 1.0, waits]
    factors = [trend(name) for name in "ABC"]
    store = flat(
        factors, x, dict(zip(KEYS, values, strict=True)), ["current-policy", "bold", "poor"]
    )
    monkeypatch.setattr(robustness_commands, "_opened", lambda _: Futures(store))
    found = typer.Typer()
    for name in ("discover", "robust", "value"):
        found.command(name)(getattr(robustness_commands, name))
    return found


def run(app: typer.Typer, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "140"})


def test_discover_tells_the_box_the_check_and_what_a_box_is(
    app: typer.Typer, tmp_path: Path
) -> None:
    words = ("--scenario", "bold", *OUTCOME, "--worse-than-baseline", "--by", "5")
    done = run(app, "discover", "x", *words, "--halves", "10", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "Trend A: position at least 0.7" in told
    assert "it is higher than in current-policy by more than 5%" in told
    assert "A box is a rule" in told
    assert "they are not probabilities of the world" in told
    assert "Assumed, with ranges that no data inform: Trend A" in told
    assert "Nothing is found" not in told
    about = json.loads((tmp_path / "discovery.json").read_text(encoding="utf-8"))
    assert about["found"] is True
    limits = pd.read_csv(tmp_path / "discovery-limits.csv")
    assert limits["factor"].tolist() == ["A"]
    assert {one.name for one in tmp_path.iterdir()} == {
        "discovery.json",
        "plots",
        *(f"discovery-{one}.csv" for one in ("limits", "trajectory", "alternatives")),
        *(f"discovery-{one}.csv" for one in ("factors", "halves")),
    }


def test_robust_tells_every_measure_reversals_and_no_sum(app: typer.Typer, tmp_path: Path) -> None:
    done = run(app, "robust", "x", "--out", str(tmp_path), "--better-than", "2024")
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "Aims are not weighed and not added up" in told
    assert "Rows of the aims that the store does not hold: less-use" in told
    assert "Good enough: better than current-policy in 2024" in told
    reversals = pd.read_csv(tmp_path / "robust-reversals.csv")
    pairs = zip(reversals["policy"], reversals["other"], strict=True)
    assert ("current-policy", "bold") in set(pairs)
    dominated = pd.read_csv(tmp_path / "robust-dominated.csv")
    assert ("all", "poor", "current-policy") in set(
        dominated[["aim", "policy", "by"]].itertuples(index=False, name=None)
    )
    measures = pd.read_csv(tmp_path / "robust-measures.csv")
    assert (measures["low90"] <= measures["high90"]).sum() == measures["low90"].notna().sum()


def test_a_threshold_of_ones_own(app: typer.Typer, tmp_path: Path) -> None:
    words = ("--threshold", "overdose_deaths:any_illegal=12", "--aim", "fewer-harms")
    done = run(app, "robust", "x", *words, "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "robust-measures.csv").set_index(["policy", "measure"])
    assert table.loc[("bold", "satisficing"), "value"] == pytest.approx(0.7, abs=0.08)


def test_value_names_the_factor_that_changes_the_choice(app: typer.Typer, tmp_path: Path) -> None:
    done = run(app, "value", "x", *OUTCOME, "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "value-factors.csv").set_index("name")
    assert table.loc["A", "told_from_chance"]
    assert not table.loc["B", "told_from_chance"]
    assert table.loc["A", "value"] <= table.loc["everything", "high90"]
    told = " ".join(done.output.split())
    assert "It is no amount of money" in told
    assert "less is better" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("discover", "x", "--scenario", "none", *OUTCOME, "--above", "1"), "current-policy, bold"),
        (("discover", "x", "--scenario", "bold", *OUTCOME), "one of --above X"),
        (
            ("discover", "x", "--scenario", "bold", *OUTCOME, "--above", "1", "--worst", "0.1"),
            "--above X, --worst SHARE",
        ),
        (("discover", "x", "--scenario", "bold", *OUTCOME, "--worst", "2"), "less than 1"),
        (("discover", "x", "--scenario", "bold", *OUTCOME, "--above", "99"), "too few on one side"),
        (
            ("discover", "x", "--scenario", "current-policy", *OUTCOME, "--worse-than-baseline"),
            "not worse than itself",
        ),
        (("discover", "x", "--scenario", "bold", *OUTCOME, "--by", "3", "--above", "1"), "--by"),
        (("robust", "x", "--aim", "happiness"), "less-use"),
        (("robust", "x", "--year", "1999"), "2024, 2030"),
        (("robust", "x", "--threshold", "deaths=1"), "overdose_deaths:any_illegal"),
        (("robust", "x", "--aim", "less-use"), "the store holds no output of these aims"),
        (("value", "x", "--indicator", "deaths", "--product", "all"), "mean_wait"),
        (("value", "x", *OUTCOME, "--year", "2025"), "2024, 2030"),
        (("value", "x", *OUTCOME, "--better", "left"), "up, down"),
    ],
)
def test_mistakes_are_refused_with_what_is_allowed(
    app: typer.Typer, words: tuple[str, ...], says: str
) -> None:
    done = run(app, *words)
    assert done.exit_code == 2, done.output
    assert done.output.startswith("Refused:")
    assert says in done.output


@pytest.mark.parametrize(
    ("command", "pictures"),
    [
        (("discover", "x", "--scenario", "bold", *OUTCOME, "--worst", "0.3"), {"box", "trade"}),
        (("robust", "x"), {"regret", "parallel", "profiles", "robustness"}),
        (("value", "x", *OUTCOME), {"value"}),
    ],
)
def test_plots_stand_beside_the_tables_and_can_be_left_out(
    app: typer.Typer, tmp_path: Path, command: tuple[str, ...], pictures: set[str]
) -> None:
    words = (*command, *(("--halves", "10") if command[0] == "discover" else ()))
    done = run(app, *words, "--lang", "nl", "--out", str(tmp_path / "a"))
    assert done.exit_code == 0, done.output
    drawn = list((tmp_path / "a" / "plots").iterdir())
    assert {path.name.partition("-")[0] for path in drawn} == pictures
    assert all(path.stem.endswith("-nl") for path in drawn)
    assert f"Plots, each with its numbers as CSV: {tmp_path / 'a' / 'plots'}" in done.output
    assert f"({len(drawn)} files)" in done.output
    none = run(app, *words, "--plots", "none", "--out", str(tmp_path / "b"))
    assert none.exit_code == 0
    assert not (tmp_path / "b" / "plots").exists()
