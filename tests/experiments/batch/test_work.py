"""Rows of a batch: those of plain runs, whatever runs beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

from experiments.batch import histories, work
from experiments.batch.columns import Columns, Grid
from experiments.batch.job import Single
from experiments.batch.plan import Batch, read_batch
from experiments.batch.points import deal_at, plan_at
from experiments.batch.work import compute
from experiments.runs.agent_run import open_twin
from experiments.runs.parts import run_part
from experiments.runs.study import Options, build_study
from model.agents.engine import AgentRun
from model.compartments import (
    FIRST_YEAR,
    BrokenDown,
    Prepared,
    State,
    prepare,
    simulate_into,
)
from model.parameters import Draws
from model.prepared import Output
from model.streams import normal
from tests.experiments import fake_agents

Points = Sequence[Sequence[float]]

MOVED = """\
id: moved
title: Moved
description: A lever, and trends at positions of its own.
levers: {"1.3": 100, treatment-capacity: 50}
trends: {F1: 30}
"""
SAME = MOVED.replace("id: moved", "id: same").replace("F1: 30", "F1: -60, F2: 40")
RULES = MOVED.replace("id: moved", "id: ruled") + "rules: [all]\n"
STUDY = """\
id: small
title: Small
scenarios: [current-policy, moved.yaml]
draws: 2
prior: true
until: 2026
keep: {indicators: main, years: {from: 2024, to: 2026}, groups: [Belgium, Flanders]}
block: 50
"""
TRENDS = """\
factors:
  - {trend: F1, low: -100, high: 100}
  - {trend: F2, low: -100, high: 100}
sample: {method: latin, n: 2}
"""
OTHERS = """\
factors:
  - {effect: needle-exchange, low: 0.05, high: 0.95}
  - {parameter: "PARAMETER", low: 0.01, high: 0.99}
sample: {method: latin, n: 2}
"""
PARAMETER = "cocaine/remission[,,,,]"
AGENTS = """\
engine: agents
agents: 2000
seeds: 2
factors:
  - {trend: F1, low: -100, high: 100}
  - {structure: network, values: ["on", "off"]}
sample: {method: latin, n: 2}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenarios that the studies name."""
    found = tmp_path_factory.mktemp("work")
    for text in (MOVED, SAME, RULES):
        name = text.split()[1]
        (found / f"{name}.yaml").write_text(text, encoding="utf-8")
    return found


def study(folder: Path, more: str = "", points: Points | None = None, **replaced: str) -> Batch:
    """A batch of STUDY with ``more`` lines; its sample is replaced by ``points`` of that number."""
    lines = STUDY.splitlines()
    for key, value in replaced.items():
        lines = [line for line in lines if not line.startswith(f"{key}:")]
        lines.append(f"{key}: {value}")
    path = folder / "study.yaml"
    path.write_text("\n".join(lines) + "\n" + more, encoding="utf-8")
    batch = read_batch(path)
    if points is None:
        return batch
    found = np.array(points, dtype=np.float64)
    assert found.shape == batch.points.shape
    return replace(batch, points=found)


@pytest.fixture(scope="module")
def plain(folder: Path) -> tuple[Batch, Single]:
    """A study without factors, and its rows."""
    batch = study(folder)
    return batch, rows_of(batch)


@pytest.fixture(scope="module")
def moved(folder: Path) -> tuple[Batch, Single]:
    """A study of trends at three points, the last that of the file ``same``."""
    points = [(30.0, 0.0), (-60.0, 40.0), (90.0, -5.0)]
    batch = study(folder, TRENDS.replace("n: 2", "n: 3"), points)
    return batch, rows_of(batch)


def rows_of(batch: Batch, first: int = 0, last: int | None = None) -> Single:
    """Values of rows of which none failed."""
    found = compute(batch, first, len(batch.rows["point"]) if last is None else last)
    assert found.failures == ()
    return found.values


def chosen(batch: Batch, **labels: object) -> npt.NDArray[np.bool_]:
    """Rows with these labels."""
    found = np.ones(len(batch.rows["point"]), dtype=np.bool_)
    for name, value in labels.items():
        found &= batch.rows[name] == value
    return found


def close(one: Single, two: Single, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(one, two, rtol=tolerance, atol=0.0, equal_nan=True)


def test_rows_of_a_plain_study_are_those_of_a_run(plain: tuple[Batch, Single]) -> None:
    batch, values = plain
    options = replace(
        Options(), scenarios=(batch.scenarios[1].document.file,), draws=2, until=2026, prior=True
    )
    other = build_study(options)
    seen = run_part(other, 0, 2).compact
    shape = Grid.of(batch.study, batch.kept).shape
    groups = [0, 1]
    years = [other.compact.years.index(year) for year in batch.kept.years]
    for s, scenario in enumerate(batch.scenarios):
        whole = np.full((2, *shape), np.nan)
        for i, name in enumerate(batch.kept.indicators):
            if name in seen[s]:
                few = seen[s][name][:, years][..., groups]
                whole[:, i] = few.transpose(0, 2, 3, 1)
        there = np.isfinite(whole).any(axis=0).reshape(-1)
        expected = whole.reshape(2, -1)
        mine = values[chosen(batch, scenario=scenario.id)]
        full = np.full((2, there.size), np.nan)
        full[:, Columns.of(batch.study, batch.kept, batch.outputs).at] = mine
        close(full, expected)


def test_trends_of_a_point_are_those_of_a_file(
    folder: Path, plain: tuple[Batch, Single], moved: tuple[Batch, Single]
) -> None:
    batch, values = moved
    same = study(folder, scenarios="[current-policy, same.yaml]")
    expected = rows_of(same)[chosen(same, scenario="same")]
    close(values[chosen(batch, scenario="moved", point=1)], expected)
    # The first point says what the file says.
    reference, before = plain
    first = values[chosen(batch, scenario="moved", point=0)]
    close(first, before[chosen(reference, scenario="moved")])
    # Current policy is moved too.
    policy = values[chosen(batch, scenario="current-policy")]
    assert not np.allclose(policy[0], policy[1], rtol=1e-4, equal_nan=True)


def test_order_and_blocks_do_not_matter(moved: tuple[Batch, Single]) -> None:
    batch, values = moved
    cuts = [0, 1, 5, 6, len(values)]  # mini-batches differ from those of the whole
    parts = [rows_of(batch, *span) for span in pairwise(cuts)]
    close(np.concatenate(parts), values, 2e-7)
    again = compute(batch, 1, 5).values
    np.testing.assert_array_equal(again, parts[1])  # the same block is the same to the bit


def test_quantiles_stand_in_place_of_what_is_drawn(
    folder: Path, plain: tuple[Batch, Single]
) -> None:
    own = ndtr(normal(1, PARAMETER, (2,)))
    points = [(0.5, own[0]), (0.95, own[1])]
    batch = study(folder, OTHERS.replace("PARAMETER", PARAMETER), points)
    values = rows_of(batch)
    reference, before = plain
    for draw in (0, 1):  # at its own quantile a parameter is as it was drawn
        mine = values[chosen(batch, scenario="current-policy", point=draw, draw=draw)]
        there = before[chosen(reference, scenario="current-policy", draw=draw)]
        close(mine, there)
        other = values[chosen(batch, scenario="current-policy", point=1 - draw, draw=draw)]
        assert not np.allclose(other, there, rtol=1e-4, equal_nan=True)
    plan = plan_at(batch, batch.scenarios[1], np.array([0, 1]))
    assert plan.trends == batch.scenarios[1].plan.trends
    deal = deal_at(batch, np.array([1, 1]), np.array([0, 1]))
    score = deal.normal("measure/needle-exchange/effect")
    np.testing.assert_allclose(score, [0.0, 1.6448536], atol=1e-6)  # one half is the middle


def test_rules_run_alone_and_act(folder: Path, plain: tuple[Batch, Single]) -> None:
    batch = study(folder, scenarios="[ruled.yaml]")
    values = rows_of(batch)
    options = replace(
        Options(), scenarios=(batch.scenarios[0].document.file,), draws=2, until=2026, prior=True
    )
    seen = run_part(build_study(options), 0, 2).compact[1]
    at = np.flatnonzero(
        (batch.outputs["indicator"] == "current_use")
        & (batch.outputs["product"] == "cocaine")
        & (batch.outputs["group"] == "Belgium")
    )
    products = [row.id for row in batch.study.layout.catalogue.products]
    expected = seen["current_use"][:, -3:, products.index("cocaine"), 0]
    close(values[:, at], expected)


Poison = Callable[[Prepared], Prepared]


def poisoned(at: int, month: int) -> Poison:
    """A draw turns into what is not a number in a month."""

    def poison(prepared: Prepared) -> Prepared:
        if prepared.draws <= at:
            return prepared
        multiplier = prepared.multiplier.copy()
        multiplier[at, 3, month] = np.nan
        return replace(prepared, multiplier=multiplier)

    return poison


def test_a_run_that_breaks_down_is_named_and_the_others_stay(
    moved: tuple[Batch, Single], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, values = moved
    month = 12 * (2025 - FIRST_YEAR) + 2
    poison = poisoned(2, month)

    def broken(output: Output, prepared: Prepared, *rest: Any) -> State:
        return simulate_into(output, poison(prepared), *rest)

    monkeypatch.setattr(work, "simulate_into", broken)
    found = compute(batch, 0, len(values))
    # The third run of the mini-batch of each scenario: draw 0 at the third point.
    assert [failure.row for failure in found.failures] == [4, 5]
    assert found.failures[1].reason == (
        "scenario moved, point 2, draw 0: a stock is negative or not a number, month 2025-03"
    )
    assert np.isnan(found.values[[4, 5]]).all()
    rest = [row for row in range(len(values)) if row not in (4, 5)]
    close(found.values[rest], values[rest], 0.0)


def test_a_history_that_breaks_down_fails_its_rows_alone(
    plain: tuple[Batch, Single], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, values = plain
    poison = poisoned(1, 30)
    monkeypatch.setattr(histories, "prepare", lambda *parts: poison(prepare(*parts)))
    found = compute(batch, 0, 4)
    assert [failure.row for failure in found.failures] == [2, 3]
    assert found.failures[0].reason == (
        "scenario current-policy, point 0, draw 1: a stock is negative or not a number, "
        "month 2012-07 (current policy)"
    )
    close(found.values[:2], values[:2])


def test_an_engine_says_which_draws_broke_down() -> None:
    error = BrokenDown({3: 14, 1: 20})
    assert str(error) == "a stock is negative or not a number: draw 1, month 2011-09"
    again = error.__reduce__()
    assert again[0](*again[1]).failed == {1: 20, 3: 14}


def test_what_cannot_be_stored_fails_the_row(plain: tuple[Batch, Single]) -> None:
    batch, _ = plain
    fewer = {name: labels[1:] for name, labels in batch.outputs.items()}
    found = compute(replace(batch, outputs=fewer), 0, 4)
    assert len(found.failures) == 4
    assert "no column was made for it" in found.failures[0].reason
    columns = Columns.of(batch.study, batch.kept, batch.outputs)
    seen = np.zeros((2, int(np.prod(columns.grid.shape))))
    seen[:, columns.others] = np.nan
    seen[1, columns.at[0]] = 1e300
    wrong = columns.wrong(seen, columns.cut(seen))
    assert list(wrong) == [1]
    assert wrong[1].endswith("is infinite")


def test_statistics_are_those_of_the_rows(folder: Path, moved: tuple[Batch, Single]) -> None:
    batch, values = moved
    keep = "{indicators: main, years: {from: 2024, to: 2026}, groups: [Belgium, Flanders], "
    keep += "quantiles: [0.25, 0.5]}"
    points = batch.points.tolist()
    few = study(folder, TRENDS.replace("n: 2", "n: 3"), points, keep=keep)
    assert few.rows["statistic"].tolist()[:3] == ["mean", "q25", "q50"]
    found = rows_of(few)
    for point in range(3):
        for scenario in ("current-policy", "moved"):
            drawn = values[chosen(batch, point=point, scenario=scenario)].astype(np.float64)
            mine = found[chosen(few, point=point, scenario=scenario)]
            close(mine[0], drawn.mean(axis=0))
            close(mine[1], np.quantile(drawn, 0.25, axis=0))
            close(mine[2], np.quantile(drawn, 0.5, axis=0))
    close(rows_of(few, 4, 8), found[4:8], 2e-7)


def test_agents_are_those_of_a_run_with_agents(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, bool]] = []

    def counted(*parts: Any) -> AgentRun:
        asked.append((len(parts[5].seeds), parts[5].switches.network))
        return fake_agents.simulate_agents(*parts)

    for room in ("runs.agent_run", "batch.agent_rows"):
        monkeypatch.setattr(f"experiments.{room}.simulate_agents", counted)
    points = [(30.0, 0.0), (0.0, 1.0)]  # at 0 nothing is moved until 2025: runs are shared
    replaced = {"until": "2025", "draws": "1", "keep": "{years: [2024, 2025]}"}
    batch = study(folder, AGENTS, points, **replaced)
    values = rows_of(batch)
    assert len(values) == 8
    assert asked == [(2, True), (2, True), (2, False)]
    at, expected = of_twin(batch)
    close(values[chosen(batch, scenario="moved", point=0)][:, at], expected)
    close(rows_of(batch, 3, 4), values[3:4])
    assert asked[-1] == (1, True)
    assert not np.array_equal(values[0], values[1])  # seeds


@pytest.mark.long
def test_the_agents_themselves_are_those_of_a_run(folder: Path) -> None:
    replaced = {"until": "2024", "draws": "1", "keep": "{years: [2024]}"}
    replaced["scenarios"] = "[moved.yaml]"
    batch = study(folder, "engine: agents\nagents: 2000\nseeds: 1\n", None, **replaced)
    at, expected = of_twin(batch)
    close(rows_of(batch)[:, at], expected)


def of_twin(batch: Batch) -> tuple[npt.NDArray[np.bool_], Single]:
    """Columns of people who use cannabis, and what a run with agents says of them."""
    found = open_twin(batch.study, 0).observed(batch.study.scenarios[1]).compact()
    at = (batch.outputs["indicator"] == "current_use") & (batch.outputs["product"] == "cannabis")
    products = [row.id for row in batch.study.layout.catalogue.products]
    years = len(batch.kept.years)
    return at, found["current_use"][0, :, -years:, products.index("cannabis"), 0]


def test_copies_of_a_row_follow_what_stands_in_its_place(plain: tuple[Batch, Single]) -> None:
    draws = plain[0].study.draws
    shared = draws.values[PARAMETER]
    copied = Draws(draws.rows, {**draws.values, "copy": shared}, draws.innovations, draws.seed)
    instead = np.array([0.1, 0.2, 0.3])
    found = copied.chosen([1, 1, 0], {PARAMETER: instead})
    assert found.size == 3
    for key in (PARAMETER, "copy"):
        np.testing.assert_array_equal(found.values[key], instead)
    other = "cocaine/initiation_growth[,,,,]"
    np.testing.assert_array_equal(found.values[other], draws.values[other][[1, 1, 0]])
    np.testing.assert_array_equal(copied.values[PARAMETER], shared)  # as it was


def test_sizes_are_drawn_apart_from_the_parameters(folder: Path) -> None:
    more = "factors:\n  - {posterior: 3}\n  - {sizes: 4}\n  - {trend: F1, low: 0, high: 100}\n"
    more += "sample: {method: latin, n: 2}\n"
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("draws: 2\n", "") + more, encoding="utf-8")
    batch = replace(read_batch(path), points=np.array([[1.0, 3.0, 50.0], [1.0, 0.0, 50.0]]))
    points, draws = np.array([0, 1]), np.array([1, 1])
    deal = deal_at(batch, draws, points)
    assert deal.numbers.tolist() == [3, 0]
    expected = normal(1, "measure/needle-exchange/effect", (4,))
    assert deal.normal("measure/needle-exchange/effect") == pytest.approx(expected[[3, 0]])
    sizes = next(factor for factor in batch.factors if factor.kind == "sizes")
    assert not sizes.history
    assert not sizes.ordered
    assert sizes.assumed
    assert any("Events of F1" in caution for caution in batch.cautions)
