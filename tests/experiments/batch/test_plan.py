"""Plans: rows in their order, labels, digests, jobs that travel, and the studies in the docs."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from experiments.batch import plan
from experiments.batch.design import Design
from experiments.batch.kept import statistics_of
from experiments.batch.plan import Batch, BatchJob, design_of, layout_of, read_batch
from model.errors import InputError
from tests.experiments.batch.studies import PLAIN, factor_file, stand_in, written
from tests.experiments.conftest import SCENARIO

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _inputs(posterior: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert posterior.is_file()
    stand_in(monkeypatch)
    monkeypatch.setattr("experiments.batch.plan._READ", type(plan._READ)())


def rows_of(batch: Batch) -> list[tuple[object, ...]]:
    return list(zip(*(batch.rows[name].tolist() for name in batch.rows), strict=True))


def test_rows_go_by_draw_then_point_then_scenario(tmp_path: Path) -> None:
    batch = read_batch(written(tmp_path))
    assert batch.points.shape == (4, 3)
    ids = [scenario.id for scenario in batch.scenarios]
    assert ids == ["current-policy", "strategy-sd1"]
    wanted = [(s, p, d, 0) for d in range(3) for p in range(4) for s in ids]
    assert rows_of(batch) == wanted
    assert list(batch.rows) == ["scenario", "point", "draw", "seed"]


def test_scenarios_stand_in_the_order_of_the_file_and_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
    line = {"scenarios": "scenarios: [strategy-sd1, mine.yaml]"}
    batch = read_batch(written(tmp_path, **line))
    assert [s.id for s in batch.scenarios] == ["strategy-sd1", "dearer-tobacco"]
    assert batch.study.scenarios[0].id == "current-policy"
    assert set(batch.rows["scenario"].tolist()) == {"strategy-sd1", "dearer-tobacco"}


def test_quantiles_are_rows_of_whole_runs(tmp_path: Path) -> None:
    line = {"groups": "  quantiles: [0.95, 0.05]", "block": "block: 4"}
    batch = read_batch(written(tmp_path, **line))
    names = ("mean", "q05", "q95")
    ids = [scenario.id for scenario in batch.scenarios]
    assert rows_of(batch) == [(s, p, q) for p in range(4) for s in ids for q in names]
    assert list(batch.rows) == ["scenario", "point", "statistic"]
    assert layout_of(batch).block == 6
    assert (batch.draws, batch.quantiles) == (3, (0.05, 0.95))


def test_statistics_have_short_names() -> None:
    assert statistics_of(()) == ()
    assert statistics_of((0.5, 0.025, 0.0, 1.0)) == ("mean", "q00", "q2.5", "q50", "q100")


def test_a_point_may_name_its_draw(tmp_path: Path) -> None:
    batch = read_batch(factor_file(tmp_path, "{posterior: 7}", draws=""))
    assert (batch.draws, batch.study.options.draws) == (1, 7)
    by_point = batch.points[:, 0].astype(int)
    for row, point in enumerate(batch.rows["point"].tolist()):
        assert batch.rows["draw"][row] == by_point[point]
    assert len(batch.rows["point"]) == 8


def test_seeds_of_agents_are_the_innermost_rows(tmp_path: Path) -> None:
    line = {"draws": "engine: agents\ndraws: 1\nagents: 1000\nseeds: 2"}
    batch = read_batch(factor_file(tmp_path, "{trend: F1, low: 0, high: 1}", **line))
    assert batch.rows["seed"].tolist()[:4] == [0, 1, 0, 1]
    assert batch.seeds == 2
    assert layout_of(batch).attributes["engine"] == "agents"


def test_without_factors_there_is_one_point(tmp_path: Path) -> None:
    text = "id: mine\ntitle: A\nscenarios: strategy\ndraws: 2\n"
    batch = read_batch(written(tmp_path, text))
    assert batch.points.shape == (1, 0)
    layout = layout_of(batch)
    assert layout.size[0] == 2
    assert layout.factors["factor"].dtype.kind == "U"


def test_years_may_be_a_span_and_begin_before_the_branch(tmp_path: Path) -> None:
    batch = read_batch(written(tmp_path, years="  years: {from: 2023, to: 2025}"))
    assert batch.kept.years == (2023, 2024, 2025)


def test_all_beside_others_is_the_union_of_all_products(tmp_path: Path) -> None:
    both = read_batch(written(tmp_path, products="  products: [all, cannabis]"))
    assert sorted(both.kept.products) == ["all", "cannabis"]
    alone = read_batch(written(tmp_path, products="  products: [all]"))
    assert len(alone.kept.products) > 20


def test_outputs_that_do_not_apply_are_left_out(tmp_path: Path) -> None:
    batch = read_batch(written(tmp_path))
    pairs = set(zip(batch.outputs["indicator"], batch.outputs["product"], strict=True))
    assert ("treatment", "cocaine") not in pairs
    assert len(batch.outputs["year"]) == 6


def test_a_design_stands_in_place_of_the_sample(tmp_path: Path) -> None:
    path = written(tmp_path, sample="")
    batch = read_batch(path, design=Design("sobol", 8, grouped=True))
    assert len(batch.points) == 8 * 4
    with pytest.raises(InputError, match="no power of two"):
        read_batch(path, design=Design("sobol", 9))


def test_the_layout_says_what_was_made_and_how(tmp_path: Path) -> None:
    design = Design("sobol", 8, 3, second_order=True)
    batch = read_batch(written(tmp_path), design=design)
    layout = layout_of(batch)
    assert layout.attributes["study"] == PLAIN
    assert layout.attributes["title"] == "A study"
    assert design_of(layout.attributes) == design
    assert layout.factors["factor_group"].tolist() == ["F1", "SD1", "SD1"]
    assert layout.factors["factor_unit"].tolist() == ["position", "position", "quantile"]
    assert layout.size == (len(batch.rows["point"]), 6)
    for labels in (layout.rows, layout.outputs, layout.factors):
        assert all(np.asarray(values).dtype.kind in "biufU" for values in labels.values())


def test_a_store_without_a_design_is_refused() -> None:
    with pytest.raises(InputError, match="no design"):
        design_of({"design_method": "latin"})


def test_the_digest_follows_what_acts_and_not_where_it_lies(tmp_path: Path) -> None:
    one = read_batch(written(tmp_path)).digest
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert read_batch(written(other, f"# A word.\n{PLAIN}")).digest == one
    assert read_batch(written(other, draws="draws: 4")).digest != one
    assert read_batch(written(other), design=Design("latin", 4, 2)).digest != one


def test_the_digest_follows_a_scenario_file(tmp_path: Path) -> None:
    path = written(tmp_path, scenarios="scenarios: [mine.yaml]")
    (tmp_path / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
    one = read_batch(path).digest
    text = SCENARIO.replace("multiplier: 2", "multiplier: 3")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert read_batch(path).digest != one


def test_a_job_travels_and_is_read_once_in_each_process(tmp_path: Path) -> None:
    batch = read_batch(written(tmp_path))
    job = pickle.loads(pickle.dumps(BatchJob.of(batch)))
    assert job == BatchJob.of(batch)
    assert job.batch() is batch
    plan._READ.clear()  # as in another process
    (tmp_path / "study.yaml").unlink()
    found = job.batch()
    assert found.digest == batch.digest
    np.testing.assert_array_equal(found.points, batch.points)
    assert job.batch() is found


def test_a_worker_with_other_inputs_refuses(tmp_path: Path) -> None:
    path = written(tmp_path, scenarios="scenarios: [mine.yaml]")
    (tmp_path / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
    job = BatchJob.of(read_batch(path))
    plan._READ.clear()
    text = SCENARIO.replace("multiplier: 2", "multiplier: 3")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="other inputs") as caught:
        job.batch()
    assert caught.value.given == "scenarios"


def test_cautions_name_what_does_nothing_and_what_is_replaced(tmp_path: Path) -> None:
    factors = """
    {effect: regulated-cannabis-sale, low: 0.1, high: 0.9}
    {lever: SD1, low: 0, high: 100}
    """
    told = read_batch(factor_file(tmp_path, factors)).cautions
    assert any("no lever moves this measure" in one for one in told)
    assert any("replaces what strategy-sd1 says" in one for one in told)


def test_a_large_batch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.batch.plan.MANY_VALUES", 10)
    told = read_batch(written(tmp_path)).cautions
    assert any("24 rows x 6 outputs" in one for one in told)


@pytest.mark.parametrize(
    ("name", "factors"), [("drivers-2030", 40), ("robust-policies", 9), ("pathways", 2)]
)
def test_the_studies_in_the_docs_are_sound(
    name: str, factors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "docs" / "examples" / f"{name}.yaml"
    # The stand-in for the posterior has few draws; how many are shipped is not at stake.
    text = path.read_text(encoding="utf-8")
    for count in ("posterior: 500", "posterior: 100", "draws: 10"):
        text = text.replace(count, f"{count.split()[0]} 7")
    copied = tmp_path / path.name
    copied.write_text(text, encoding="utf-8")
    batch = read_batch(copied)
    assert len(batch.factors) >= factors
    assert len({factor.id for factor in batch.factors}) == len(batch.factors)
    assert batch.file.id == name
