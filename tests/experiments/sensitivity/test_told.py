"""Which factors are told from no influence, by the dummy of each method; hardly any variation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from SALib.sample import fast_sampler, latin
from SALib.sample import ff as factorial_sampler
from SALib.sample import sobol as sobol_sampler

from experiments.batch.design import Design
from experiments.batch.store import open_store
from experiments.plots.analysis import index_bars, index_years, tornado
from experiments.plots.analysis.outputs import Of
from experiments.plots.analysis.wording import words_of
from experiments.sensitivity.analyse import Found, analyse
from experiments.sensitivity.batches import sampled as of_store
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.problem import Float, Problem, Settings
from experiments.sensitivity.summary import leading, out_of_range, table_of
from experiments.sensitivity.tables import dataset_of
from model.errors import InputError
from tests.experiments.sensitivity.toy_batch import stored
from tests.experiments.sensitivity.toys import sampled, sobol_g

OF = Of("treatment", "cocaine", 2030, scenario="strategy")


def unit(factors: int, *groups: str, unordered: tuple[bool, ...] = ()) -> Problem:
    names = tuple(f"x{k}" for k in range(factors))
    return Problem(names, np.array([[0.0, 1.0]] * factors), groups or None, unordered)


def results(found: Found) -> xr.Dataset:
    many = len(found.verdict)
    labels = {
        "scenario": ["strategy"] * many,
        "indicator": ["treatment"] * many,
        "product": ["cocaine"] * many,
        "group": ["Belgium"] * many,
        "year": list(range(2031 - many, 2031)),
        "unit": ["persons"] * many,
    }
    told = {"title": "A toy", "outputs_are": "single runs of each point"}
    return dataset_of(found, {key: np.array(one) for key, one in labels.items()}, {}, told)


def shown(dataset: xr.Dataset) -> str:
    console = Console(width=200, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table_of(dataset))
    return console.export_text()


def by_sobol(values_of: Float, n: int = 1024) -> Found:
    """Of weights of a linear function with so many factors: shares in closed form."""
    problem = unit(len(values_of))
    points = sampled(sobol_sampler, problem, n, calc_second_order=False, seed=4)
    values = (1.0 + points @ values_of)[:, None].astype(np.float32)
    return analyse(points, values, problem, METHODS["sobol"])


def test_a_small_real_factor_is_told_and_one_without_influence_is_not() -> None:
    found = by_sobol(np.sqrt(np.array([0.69, 0.3, 0.01, 0.0, 0.0])))
    total = found.tables["ST"][:, 0]
    assert total[2] == pytest.approx(0.01, abs=0.002)
    assert np.abs(total[3:]).max() <= found.dummy[0] < 1e-6
    assert [label for label, _, _ in leading(results(found), 0)] == ["x0", "x1", "x2"]
    assert found.rank_stability[0] > 0.9
    assert found.dummy_S1 is not None
    assert 0.01 < found.dummy_S1[0] < 0.2  # of the first order, and drawn or judged nowhere
    dataset = results(found)
    assert dataset["dummy_S1"].attrs["long_name"].startswith("what the first-order index")
    figure = index_bars.figure(dataset, OF)
    assert not [one for axes in figure.axes for one in axes.lines if one.get_gid() == "dummy"]


def test_ranks_of_one_factor_are_not_judged() -> None:
    found = by_sobol(np.array([1.0, 0.0, 0.0]))
    assert np.isnan(found.rank_stability[0])
    assert found.verdict[0] == "converged"
    assert "not judged by ranks" in found.rule
    dataset = results(found)
    assert "ranks not judged" in shown(dataset)
    assert any(
        "Ranks are not judged" in one
        for one in index_bars.notes(words_of("en"), dataset, OF, index_bars.rows(dataset, OF))
    )


def test_the_order_is_told_apart_from_the_verdict() -> None:
    found = by_sobol(np.array([4.0, 2.0, 1.0]))
    dataset = results(found)
    dataset["verdict"][:] = "not converged"
    for stability, told in ((0.95, "the order holds"), (0.5, "the order may change")):
        dataset["rank_stability"][:] = stability
        assert told in " ".join(shown(dataset).split())


def test_shares_that_cannot_be_are_found() -> None:
    dataset = results(by_sobol(np.array([4.0, 2.0, 1.0])))
    assert not out_of_range(dataset).any()
    first = dataset["S1"].copy()
    dataset["S1"][:] = dataset["ST"] + 0.02
    assert out_of_range(dataset).all()
    dataset["S1"][:] = first - 2.0
    assert out_of_range(dataset).all()


def test_fast_has_no_dummy_and_tells_no_factor_without_influence() -> None:
    problem = unit(8)
    points = sampled(fast_sampler, problem, 513, seed=3)
    smooth = sobol_g(points[:, :4], np.array([0.0, 1.0, 4.5, 9.0]))
    stepped = (points[:, :4].sum(axis=1) > 2.0).astype(np.float64)
    found = analyse(points, np.column_stack([smooth, stepped]), problem, METHODS["fast"])
    assert np.isnan(found.dummy).all()
    dataset = results(found)
    told = [{label for label, _, _ in leading(dataset, at)} for at in (0, 1)]
    assert {"x0", "x1"} <= told[0] <= {"x0", "x1", "x2", "x3"}
    assert told[1] <= {"x0", "x1", "x2", "x3"}
    assert len(told[1]) == 3
    assert "no dummy" in dataset.attrs["notes"]
    assert "there is no dummy here" in " ".join(shown(dataset).split())
    index_years.figure(dataset, OF)


def test_pawn_refuses_values_without_an_order_beyond_its_slices(tmp_path: Path) -> None:
    many = unit(2, unordered=(False, True))
    points = sampled(latin, many, 400, seed=1)
    points[:, 1] = np.floor(points[:, 1] * 40.0)
    with pytest.raises(InputError, match="more values than slices") as refusal:
        analyse(points, points[:, :1], many, METHODS["pawn"])
    assert refusal.value.given == "x1, 40 values"
    points[:, 1] = np.floor(points[:, 1] / 8.0)
    assert np.isfinite(analyse(points, points[:, :1], many, METHODS["pawn"]).dummy[0])
    # A latin store whose one factor without an order has as few values as there are is read.
    store = open_store(stored(tmp_path, Design("latin", 200), unordered=True))
    case = of_store(store, METHODS["pawn"], grouped=False)
    METHODS["pawn"].prepare(case.points, case.problem, Settings())
    loose = case.points.copy()
    loose[:, 3] = np.arange(len(loose)) % 100
    with pytest.raises(InputError, match="more values than slices"):
        METHODS["pawn"].prepare(loose, case.problem, Settings())


def test_pawn_with_groups_has_no_dummy() -> None:
    problem = unit(3, "sea", "land", "sea")
    points = sampled(latin, unit(3), 400, seed=1)
    found = analyse(points, points[:, :1], problem, METHODS["pawn"])
    assert np.isnan(found.dummy[0])
    assert "no dummy with groups" in found.plan.notes


def test_a_factorial_shows_half_of_the_whole_change_on_each_side() -> None:
    problem = unit(3)
    points = sampled(factorial_sampler, problem)[:, :3]
    values = (5.0 + 10.0 * points[:, 0] - 20.0 * points[:, 1])[:, None]  # from end to end
    found = analyse(points, values, problem, METHODS["fractional-factorial"])
    assert found.tables["ME"][:, 0] == pytest.approx([5.0, -10.0, 0.0])
    table = tornado.rows(results(found), OF).set_index(["factor", "end"])["value"]
    assert table["x0", "high"] - table["x0", "low"] == pytest.approx(10.0)
    assert table["x1", "high"] - table["x1", "low"] == pytest.approx(-20.0)
    ends = [points[:, 0] == 1.0, points[:, 0] == 0.0]
    high, low = (values[one].mean() - values.mean() for one in ends)
    assert (table["x0", "high"], table["x0", "low"]) == pytest.approx((high, low))


@pytest.mark.parametrize(("level", "hardly"), [(1e3, False), (1e5, True)])
def test_an_output_that_hardly_varies_is_marked(level: float, hardly: bool) -> None:
    problem = unit(3)
    points = sampled(sobol_sampler, problem, 256, calc_second_order=False, seed=4)
    values = (level + 10.0 * points[:, 0] + 5.0 * points[:, 1])[:, None]
    dataset = results(analyse(points, values, problem, METHODS["sobol"]))
    assert float(dataset["output_mean"][0]) == pytest.approx(level + 7.5, rel=1e-3)
    assert float(dataset["output_sd"][0]) == pytest.approx(np.sqrt(125.0 / 12.0), rel=0.05)
    assert ("hardly varies" in shown(dataset)) is hardly
    said = " ".join(index_bars.notes(words_of("en"), dataset, OF, index_bars.rows(dataset, OF)))
    assert ("HARDLY VARIES" in said) is hardly
    assert "standard deviation 3" in said
