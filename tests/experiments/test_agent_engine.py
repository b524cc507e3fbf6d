"""Commands with the engine of agents itself, of which there are few here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.run import Options, run
from experiments.runs.agent_options import Agents
from experiments.runs.agent_results import open_agents
from experiments.runs.scenario_results import open_dataset
from experiments.runs.seeds import pooled
from tests.experiments.conftest import SCENARIO

RULES = """\
id: watched
title: Rules alone
description: Nothing but adaptive rules.
rules: [all]
"""


def test_the_engine_itself_runs_and_scenarios_set_out_from_its_checkpoints(
    small: Options, tmp_path: Path
) -> None:
    (tmp_path / "dearer.yaml").write_text(SCENARIO, encoding="utf-8")
    asked = replace(
        small,
        scenarios=(str(tmp_path / "dearer.yaml"),),
        until=2024,
        agents=Agents(1000, 1),
        detail="reference",
    )
    run(asked)
    with open_dataset(asked.out) as dataset:
        values = dataset["last_year_prevalence"].sel(product="tobacco", group="Belgium")
        before, after = (values.sel(time=year).values for year in (2023, 2024))
        np.testing.assert_array_equal(before[0], before[1])
        assert np.isfinite(after).all()
    with open_agents(asked.out) as agents:
        assert agents["joint_use"].isel(time=-1).notnull().all()
    assert "candidates per agent and month" in (asked.out / "run.log").read_text(encoding="utf-8")


def test_rules_act_on_agents_seed_by_seed(small: Options, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    asked = replace(
        small,
        scenarios=(str(tmp_path / "rules.yaml"),),
        until=2025,
        agents=Agents(1000, 2),
        detail="reference",
    )
    run(asked)
    with open_dataset(asked.out) as dataset:
        months = dataset["rule_month"]
        assert months.dims == ("scenario", "rule", "draw", "seed")
        assert months.shape[2:] == (1, 2)
        assert np.isnan(months[0]).all()
        acted = months[1].values
        assert np.isfinite(acted).any()
        assert np.nanmin(acted) >= 168  # January 2024
        flat = pooled(dataset)["rule_month"]
        assert flat.dims == ("scenario", "rule", "draw")
        np.testing.assert_array_equal(flat.values, months.values.reshape(2, -1, 2))
        values = dataset["public_expenditure"].sel(product="all", group="Belgium").values
        years = list(dataset["time"].values)
    before = years.index(2024)
    assert before > 0
    np.testing.assert_array_equal(values[1, :, :, :before], values[0, :, :, :before])
    assert (values[1, :, :, -1] != values[0, :, :, -1]).any()
