"""Sensitivity of a store: means over draws, blocks within memory, refusals, files and terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
import xarray as xr
from typer.testing import CliRunner

from experiments.batch.design import Design
from experiments.batch.store import open_store
from experiments.commands.sensitivity import sensitivity
from experiments.sensitivity.analyse import analyse
from experiments.sensitivity.batches import analyse_batch, sampled
from experiments.sensitivity.columns import turned
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.problem import Settings
from model.errors import InputError
from tests.experiments.sensitivity.toy_batch import SCENARIOS, YEARS, Toy, layout_of, stored

SOBOL = Design("sobol", 128)

app = typer.Typer()
app.command()(sensitivity)


def told(*given: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(given), env={"COLUMNS": "140"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of three draws of each point."""
    return stored(tmp_path_factory.mktemp("sobol"), SOBOL, draws=3)


def test_outputs_are_means_over_draws_of_each_scenario(drawn: str, tmp_path: Path) -> None:
    store, method = open_store(drawn), METHODS["sobol"]
    case = sampled(store, method, grouped=False)
    assert case.runs.shape == (2, len(case.points), 3)
    assert case.means == "means over 3 draws of each point"
    found = analyse_batch(store, case, method, Settings(), folder=tmp_path)
    plain = Toy(case.points, 2, 1).values()
    for scenario in range(len(SCENARIOS)):
        direct = analyse(case.points, plain[scenario::2, :1], case.problem, method)
        at = np.flatnonzero(
            (case.outputs["scenario"] == SCENARIOS[scenario])
            & (case.outputs["indicator"] == "waiting")
        )
        assert len(at) == len(YEARS)
        for one in at:
            np.testing.assert_allclose(
                found.tables["ST"][:, one], direct.tables["ST"][:, 0], atol=1e-5
            )
    constant = case.outputs["indicator"] == "treatment"
    assert (found.verdict[constant] == "constant").all()


@pytest.mark.parametrize("memory", [10_000, 100_000_000])
def test_values_are_turned_in_file_or_memory_alike(drawn: str, tmp_path: Path, memory: int) -> None:
    store = open_store(drawn)
    case = sampled(store, METHODS["sobol"], grouped=False)
    whole = store["values"].values[case.runs].astype(np.float64).mean(axis=2)
    with turned(store["values"].variable, case.runs, 4, memory, tmp_path) as columns:
        assert (columns.file is not None) == (memory < 100_000)
        read = np.hstack([columns.read(at) for at in range(len(columns.blocks))])
    np.testing.assert_array_equal(read, np.hstack(list(whole)).astype(np.float32))
    assert not list(tmp_path.iterdir())


def test_failed_and_missing_runs_are_named(tmp_path: Path) -> None:
    store = open_store(stored(tmp_path, SOBOL, failing=70))
    with pytest.raises(InputError, match="1 of 1536 runs") as refusal:
        sampled(store, METHODS["sobol"], grouped=False)
    assert "run 70 (scenario current-policy, point 35" in str(refusal.value)
    assert "drugfutures batch" in str(refusal.value)


def test_designs_and_methods_must_fit(drawn: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="design of its own") as refusal:
        sampled(open_store(drawn), METHODS["morris"], grouped=False)
    assert refusal.value.allowed == "of this store: sobol"
    latin = open_store(stored(tmp_path, Design("latin", 200), unordered=True))
    with pytest.raises(InputError) as refusal:
        sampled(latin, METHODS["sobol"], grouped=False)
    assert refusal.value.allowed == "of this store: rbd-fast, pawn, delta, hdmr"
    case = sampled(latin, METHODS["delta"], grouped=False)
    with pytest.raises(InputError, match="without an order"):
        analyse_batch(latin, case, METHODS["delta"], Settings(), folder=tmp_path)
    grouped = sampled(latin, METHODS["pawn"], grouped=True)
    found = analyse_batch(latin, grouped, METHODS["pawn"], Settings(), folder=tmp_path)
    assert found.plan.labels == ("F1", "F2", "F3")
    with pytest.raises(InputError, match="not moved in groups"):
        sampled(open_store(drawn), METHODS["sobol"], grouped=True)


@pytest.mark.parametrize(
    "design",
    [
        Design("sobol", 32, second_order=True, grouped=True),
        Design("morris", 20, levels=6),
        Design("fast", 129),
        Design("rbd-fast", 100),
        Design("pawn", 100),
        Design("delta", 100),
        Design("fractional-factorial", 1),
    ],
    ids=lambda design: design.method,
)
def test_every_method_writes_its_files(design: Design, tmp_path: Path) -> None:
    url = stored(tmp_path, design)
    out = tmp_path / "out"
    status, text = told(design.method, url, "--out", str(out), "--resamples", "10")
    assert status == 0, text
    method = METHODS[design.method]
    with xr.open_dataset(out / "sensitivity.nc") as dataset:
        assert {"verdict", "dummy", "width", "rank_stability", "more_runs"} <= set(dataset)
        assert dataset.sizes["output"] == 2 * 3 * len(YEARS)
        assert dataset[method.main].attrs["units"]
        assert dataset.attrs["title"] == "A toy"
        assert dataset.attrs["design_method"] == design.method
        assert dataset["index_by_size"].dims == ("size", "factor", "output")
        assert set(dataset["scenario"].values.tolist()) == set(SCENARIOS)
        varied = dataset["verdict"].values != "constant"
        assert np.isfinite(dataset[method.main].values[:, varied]).all()
        factors = dataset.sizes["factor"]
    table = pd.read_csv(out / "sensitivity.csv")
    assert list(table.columns) == [
        "scenario", "indicator", "product", "group", "year",
        "factor", "index", "low", "high", "verdict",
    ]  # fmt: skip
    assert len(table) == factors * 2 * 3 * len(YEARS)
    assert "4 constant" in text
    assert "Replayed from 2010" in text
    assert "Belgium in 2030" in text


def test_the_terminal_says_what_to_do(drawn: str, tmp_path: Path) -> None:
    status, text = told("sobol", drawn, "--out", str(tmp_path / "out"))
    assert status == 0
    assert "8 not converged" in text
    assert "What to do: --n " in text
    assert "Trend 2" in text
    assert "means over 3 draws" in text


def test_the_command_refuses(drawn: str, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    file = tmp_path / "file"
    file.write_text("")
    for given, word in (
        (["anova", drawn, *out], "no such method"),
        (["sobol", drawn, *out, "--n", "64"], "with a study file only"),
        (["sobol", drawn, *out, "--second-order"], "no second order"),
        (["delta", drawn, *out, "--groups"], "sobol, morris, pawn"),
        (["pawn", drawn, *out, "--second-order"], "no second order"),
        (["sobol", drawn, *out, "--memory", "1"], "too little memory"),
        (["sobol", drawn, *out, "--resamples", "1"], "resamples"),
        (["sobol", str(tmp_path / "nowhere"), *out], "no store"),
        (["sobol", drawn, "--out", str(file / "in")], "cannot be written"),
    ):
        status, text = told(*given)
        assert status == 2, text
        assert word in text


def test_layout_matches_the_toy() -> None:
    layout = layout_of(SOBOL, draws=2)
    assert Toy(layout.points, 2, 2).values().shape == layout.size
