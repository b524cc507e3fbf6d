"""A run with agents through the same doors: files, readers, refusals. The engine is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

from experiments.cli import app
from experiments.comparisons.compare import Asked, Scenarios, compare, open_scenarios
from experiments.comparisons.compare_table import csv_text, notes, print_comparison
from experiments.comparisons.explain import Asked as AskedWhy
from experiments.comparisons.explain import explain
from experiments.comparisons.explain_table import csv_text as why_text
from experiments.comparisons.explain_table import notes as why_notes
from experiments.comparisons.explain_table import print_explained
from experiments.comparisons.money_table import print_money
from experiments.comparisons.scoreboard import Asked as AskedScores
from experiments.comparisons.scoreboard import print_scoreboard
from experiments.figures.comparison_table import Asked as AskedFigures
from experiments.figures.comparison_table import print_figures
from experiments.run import Options, run
from experiments.runs.agent_options import Agents, read_agents, read_switches
from experiments.runs.agent_results import FILE as AGENTS
from experiments.runs.agent_results import TOLD, WEEKS, open_agents
from experiments.runs.agent_run import open_twin, seed_numbers
from experiments.runs.money import Asked as AskedMoney
from experiments.runs.parts import run_part
from experiments.runs.results import FILE, open_results
from experiments.runs.scenario_results import FILE as SCENARIOS
from experiments.runs.scenario_results import open_dataset
from experiments.runs.seeds import chance, pooled, told_runs
from experiments.runs.study import build_study
from experiments.runs.summary import quantiles
from model.agents.engine import AgentRun, persons_per_agent
from model.errors import InputError
from tests.experiments.conftest import SAME, SCENARIO
from tests.experiments.fake_agents import simulate_agents

DRAWS, SEEDS = 2, 3


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    """A finished run of three scenarios, two draws and three seeds, to 2025."""
    folder = tmp_path_factory.mktemp("agents")
    for name, text in (("dearer.yaml", SCENARIO), ("same.yaml", SAME)):
        (folder / name).write_text(text, encoding="utf-8")
    asked = Options(
        scenarios=(str(folder / "dearer.yaml"), str(folder / "same.yaml")),
        draws=DRAWS,
        until=2025,
        detail="reference",
        plots="none",
        out=folder / "results",
        prior=True,
        agents=Agents(1000, SEEDS, ("network=off",)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.runs.agent_run.simulate_agents", simulate_agents)
        run(asked)
        yield asked


def test_the_file_has_seeds_and_says_what_ran(options: Options) -> None:
    with open_results(options.out) as dataset, open_agents(options.out) as agents:
        for one in (dataset, agents):
            assert (one.sizes["draw"], one.sizes["seed"]) == (DRAWS, SEEDS)
            assert (one.attrs["engine"], one.attrs["agents"]) == ("agents", 1000)
            assert one.attrs["agent_seeds"] == SEEDS
            assert "hazards_cut_off" not in one.attrs
            assert float(one.attrs["persons_per_agent"]) > 1000
            assert "network=off liability=on" in one.attrs["switches"]
        assert dataset["population"].dims[:4] == ("scenario", "draw", "seed", "time")
        assert dataset["survey"].dims == ("scenario", "draw", "seed", "series", "time")
        assert {row.name for row in TOLD} <= set(agents.data_vars)
        for row in TOLD:
            told = agents[row.name].attrs
            assert all(told[name] for name in ("units", "long_name", "definition"))
        assert agents["waits"].dims[-3:] == ("service", "region", "week_bin")
        assert list(agents["week_bin"].values) == list(WEEKS)
        assert "assumed" in agents.attrs["assumed"]
    told = json.loads((options.out / "run.json").read_text(encoding="utf-8"))
    assert told["arguments"]["agents"]["number"] == 1000
    assert "--engine agents --agents 1000 --seeds 3 --switch network=off" in told["history"]


def test_equal_runs_give_equal_bytes(options: Options, tmp_path: Path) -> None:
    again = replace(options, out=tmp_path / "again", threads=2)
    run(again)
    for name in (FILE, SCENARIOS, AGENTS, "summary.csv"):
        assert (again.out / name).read_bytes() == (options.out / name).read_bytes()


def test_each_seed_is_observed_with_the_parameters_of_its_draw(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without noise every seed of a draw reads as the compartments of that draw."""
    study = build_study(options)
    whole = run_part(study, 0, DRAWS).detailed[0]
    monkeypatch.setattr("tests.experiments.fake_agents.NOISE", 0.0)
    for draw in range(DRAWS):
        found = open_twin(study, draw).reference().detailed()
        for name, values in whole.items():
            for seed in range(SEEDS):
                np.testing.assert_array_equal(found[name][0, seed], values[draw], err_msg=name)


def test_scenarios_share_seeds_and_equal_the_reference_before_their_branch(
    options: Options,
) -> None:
    with open_dataset(options.out) as dataset:
        for name in ("population", "problematic_prevalence", "treatment_episodes"):
            values = dataset[name].values
            before = list(dataset["time"].values).index(2023)
            for scenario in (1, 2):
                np.testing.assert_array_equal(
                    values[scenario, :, :, before], values[0, :, :, before]
                )
            np.testing.assert_array_equal(values[2], values[0])
        at = {"product": "tobacco", "group": "Belgium", "time": 2025}
        use = dataset["last_year_prevalence"].sel(at)
        assert (use.sel(scenario="dearer-tobacco") < use.sel(scenario="current-policy")).all()


def test_seeds_are_keyed_by_draw_and_more_seeds_begin_with_these() -> None:
    few, many = seed_numbers(1, 0, 3), seed_numbers(1, 0, 8)
    assert many[:3] == few
    assert len(set(many) | set(seed_numbers(1, 1, 8)) | set(seed_numbers(2, 0, 8))) == 24


# Readers


def test_pooling_stacks_seeds_within_draws_and_reads_what_is_asked(options: Options) -> None:
    with open_dataset(options.out) as dataset:
        flat = pooled(dataset)
        assert flat.sizes["draw"] == DRAWS * SEEDS
        assert "seed" not in flat.dims
        assert pooled(flat) is flat
        raw, merged = dataset["population"], flat["population"]
        whole = raw.values.reshape(raw.shape[0], -1, *raw.shape[3:])
        np.testing.assert_array_equal(merged.values, whole)
        np.testing.assert_array_equal(merged[0, 4].values, whole[0, 4])
        np.testing.assert_array_equal(merged[:, 1:5:2, -1].values, whole[:, 1:5:2, -1])
        np.testing.assert_array_equal(merged[:, ::-1].values, whole[:, ::-1])
        np.testing.assert_array_equal(merged[[0, 2], [5, 0]].values, whole[[0, 2]][:, [5, 0]])
        some = merged.sel(product="all", group="Brussels")
        assert some.dims == ("scenario", "draw", "time")
        assert str(flat["product_name"].sel(product="alcohol").values) == "Alcohol"


def test_differences_stay_within_draw_and_seed(options: Options) -> None:
    with open_scenarios(options.out) as scenarios:
        assert (scenarios.draws, scenarios.seeds) == (DRAWS * SEEDS, SEEDS)
        asked = Asked(options.out, indicators=("last_year_prevalence",), products=("tobacco",))
        found = compare(scenarios, asked)
        told = notes(scenarios, found)
    (dearer, same) = found.rows
    assert same.paired.equal
    with open_dataset(options.out) as dataset:
        values = dataset["last_year_prevalence"].sel(time=2025, product="tobacco", group="Belgium")
        gap = (values[1] - values[0]).values.reshape(-1)
    assert dearer.paired.difference == pytest.approx(np.median(gap), rel=1e-5)
    assert dearer.paired.chance == pytest.approx(chance(gap.astype(float), SEEDS), rel=1e-4)
    assert any("2 draws × 3 seeds" in note for note in told)
    assert "chance_sd" in csv_text(found).splitlines()[0]


def test_chance_is_the_spread_over_seeds_of_a_draw() -> None:
    gap = np.array([1.0, 3.0, 11.0, 13.0])
    assert chance(gap, 2) == pytest.approx(np.sqrt(2.0))
    assert np.isnan(chance(gap, 1))
    assert chance(np.array([1.0, 3.0, np.nan, 13.0]), 2) == pytest.approx(np.sqrt(2.0))


def test_noise_larger_than_the_effect_is_told(options: Options) -> None:
    with open_dataset(options.out) as dataset:
        noisy = dataset.load().copy(deep=True)
    random = np.random.default_rng(1)
    values = noisy["problematic_prevalence"].values
    values[1] *= 1 + 0.5 * random.standard_normal(values[1].shape)
    scenarios = Scenarios(noisy)
    asked = Asked(options.out, indicators=("problematic_prevalence",), products=("all",))
    told = " ".join(notes(scenarios, compare(scenarios, asked)))
    assert "Chance: in 1 of 2 lines one run of agents differs" in told


def test_words_of_runs() -> None:
    assert [told_runs(200, 0), told_runs(1, 0)] == ["200 draws", "1 draw"]
    assert [told_runs(16, 4), told_runs(1, 1)] == ["4 draws × 4 seeds", "1 draw × 1 seed"]


def test_every_reader_reads_results_of_agents(options: Options) -> None:
    screen = Console(record=True, width=120, file=None, quiet=False)
    with screen.capture() as text:
        print_comparison(Asked(options.out), screen)
        print_scoreboard(AskedScores(options.out), screen)
        print_figures(AskedFigures(options.out, None, None, False, None), screen)
        print_money(AskedMoney(options.out, last=2025), screen)
    assert text.get().count("2 draws × 3 seeds") >= 4


def test_summary_pools_draws_and_seeds(options: Options) -> None:
    lines = (options.out / "summary.csv").read_text(encoding="utf-8").splitlines()
    start = "current-policy,last_year_prevalence,cannabis,Brussels,2018,"
    (line,) = [line for line in lines if line.startswith(start)]
    with open_results(options.out) as dataset:
        values = dataset["last_year_prevalence"].sel(
            scenario="current-policy",
            product="cannabis",
            region="Brussels",
            time=2018,
            age_group="all",
        )
        median = quantiles(values.values.reshape(-1))[0]
    assert float(line.split(",")[5]) == pytest.approx(median, rel=1e-5)


def test_explaining_tells_what_agents_differ_by_beside_the_compartments(
    options: Options, tmp_path: Path
) -> None:
    asked = AskedWhy(options.out, "dearer-tobacco", "treatment_episodes", "tobacco", year=2025)
    found = explain(asked)
    with open_dataset(options.out) as dataset:
        at = {"product": "tobacco", "group": "Belgium", "time": 2025}
        values = dataset["treatment_episodes"].sel(at).values.astype(float)
    gap = values[1] - values[0]
    own = found.agents
    assert own is not None
    assert own.row is not None
    assert (own.draws, own.seeds, found.draws) == (DRAWS, SEEDS, DRAWS)
    assert own.row.median == pytest.approx(np.median(gap), rel=1e-6)
    assert (own.row.low, own.row.high) == pytest.approx(np.quantile(gap, (0.05, 0.95)), rel=1e-6)
    # Means over draws: of the agents less that of the compartments, with the chance of the seeds.
    assert own.gap == pytest.approx(gap.mean() - found.total.mean, rel=1e-6)
    assert own.error == pytest.approx(np.sqrt(gap.var(axis=1, ddof=1).mean() / gap.size), rel=1e-6)
    assert own.gap is not None
    assert own.error is not None
    # Two draws and three seeds leave four degrees of freedom.
    assert replace(own, gap=2.7, error=1.0).agrees
    assert not replace(own, gap=2.8, error=1.0).agrees
    lines = why_text(found).splitlines()
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["compartments"] * 2 + ["agents"]
    screen = Console(record=True, width=200)
    with screen.capture() as text:
        print_explained(found, asked, screen)
    told = text.get().split("\n\n")
    assert told[0].startswith("\nContributions are computed with the compartmental engine")
    assert any("2 draws × 3 seeds" in part for part in told)
    one = replace(own, error=None)
    assert any("with one seed" in note for note in why_notes(replace(found, agents=one)))
    off = replace(own, gap=3.0, error=1.0)
    assert any("may not hold" in note for note in why_notes(replace(found, agents=off)))


def test_explaining_an_indicator_that_agents_did_not_keep(options: Options) -> None:
    asked = AskedWhy(options.out, "dearer-tobacco", "former_use", "tobacco", year=2025, draws=1)
    with open_dataset(options.out) as dataset:
        assert asked.indicator not in dataset.data_vars
    found = explain(asked)
    assert found.agents is not None
    assert found.agents.row is None
    assert any("own difference is not known" in note for note in why_notes(found))


# Options


def test_options_of_agents_need_agents() -> None:
    assert read_agents("compartments", None, None, ()) is None
    for given in (("10", None, ()), (None, 2, ()), (None, None, ("network=off",))):
        with pytest.raises(InputError, match="only a run with agents"):
            read_agents("compartments", *given)
    assert read_agents("agents", None, None, ()) == Agents()
    assert read_agents("agents", "whole", 1, ()) == Agents(None, 1)
    whole = Agents(None)
    assert whole.persons == 1.0
    assert whole.size > 11_000_000


@pytest.mark.parametrize("given", ["0", "-5", "999", "many", "1.5"])
def test_a_bad_number_of_agents_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="number of agents"):
        read_agents("agents", given, None, ()).check()  # type: ignore[union-attr]


def test_more_agents_than_memory_are_refused(small: Options) -> None:
    with pytest.raises(InputError, match=r"cannot be run|GB are free"):
        build_study(replace(small, agents=Agents(10**12)))
    with pytest.raises(InputError, match="seed"):
        build_study(replace(small, agents=Agents(1000, 0)))


@pytest.mark.parametrize("given", ["net=off", "network", "network=maybe", "centres=many"])
def test_a_bad_switch_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="switch"):
        read_switches((given,))
    assert read_switches(("network=off", "centres=pooled")).centres == "pooled"


def test_the_command_runs_agents(small: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.runs.agent_run.simulate_agents", simulate_agents)
    monkeypatch.setenv("COLUMNS", "100")
    command = ["run", "--prior", "--until", "2011", "--plots", "none", "--out", str(small.out)]
    command += ["--engine", "agents", "--agents", "1000", "--seeds", "2"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "1,000 agents, each for" in text
    assert "8 runs (1 scenarios × 4 draws × 2 seeds)" in text
    assert "Only 4 draws × 2 seeds" in text
    with xr.open_dataset(small.out / AGENTS, engine="h5netcdf") as dataset:
        assert dataset.sizes["draw"] == 4
    refused = CliRunner().invoke(app, ["run", "--agents", "10", "--out", str(small.out)])
    assert refused.exit_code == 2
    assert "--engine agents" in refused.output


def test_few_places_are_told(small: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = replace(small, agents=Agents(1000, 1))
    assert run(asked).caution is not None  # 2,000 places are one agent of 11,698 persons each
    assert run(replace(asked, agents=Agents(200_000, 1))).caution is None

    def one_short(*given: Any) -> AgentRun:
        found = simulate_agents(*given)
        found.extra["places"][..., 0, 1] = 9.0 * persons_per_agent(200_000)
        found.extra["places"][..., 1, :] = 0.0  # no service with places
        return found

    monkeypatch.setattr("experiments.runs.agent_run.simulate_agents", one_short)
    caution = run(replace(asked, agents=Agents(200_000, 1))).caution
    assert caution is not None
    assert "in 1 of" in caution
    assert "fewest: 9," in caution

    def unbounded(*given: Any) -> AgentRun:
        found = simulate_agents(*given)
        found.extra["places"][:] = np.nan
        return found

    monkeypatch.setattr("experiments.runs.agent_run.simulate_agents", unbounded)
    assert run(asked).caution is None


def test_hazards_that_were_cut_off_are_told(
    small: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(small, agents=Agents(1000, 1))

    def beyond(*given: Any) -> AgentRun:
        return simulate_agents(*given)._replace(beyond=3, candidates=1000)

    monkeypatch.setattr("experiments.runs.agent_run.simulate_agents", beyond)
    caution = run(asked).caution
    assert caution is not None
    assert "in 0.003 of all candidates" in caution
    for name in (FILE, AGENTS):
        with h5py.File(asked.out / name) as dataset:
            assert dataset.attrs["hazards_cut_off"] == "0.003 of candidates"
    log = (asked.out / "run.log").read_text(encoding="utf-8")
    assert "0.100    candidates per agent and month" in log
    assert "3    candidates with a hazard above what is covered (0.003 of 1,000)" in log
