"""Stores as their readers want them: axes, labels, and rows that lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from experiments.batch import opened
from experiments.batch.opened import labelled, outcome
from experiments.batch.plan import Batch, layout_of, read_batch
from model.errors import InputError
from tests.experiments.batch.studies import factor_file, stand_in, written


@pytest.fixture(autouse=True)
def _inputs(posterior: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert posterior.is_file()
    stand_in(monkeypatch)


def flat(batch: Batch) -> xr.Dataset:
    """A store as ``open_store`` gives it: value is row * 1000 + output; row 1 failed."""
    layout = layout_of(batch)
    rows, outputs = layout.size
    values = np.arange(rows)[:, None] * 1000.0 + np.arange(outputs)
    state = np.array(["done"] * rows, dtype="U7")
    values[1], state[1] = np.nan, "failed"
    dataset = xr.Dataset(
        {
            "values": (("run", "output"), values.astype(np.float32)),
            "sample": (("points", "factor"), layout.points),
        },
        attrs=dict(layout.attributes),
    )
    dataset = dataset.assign_coords({k: ("run", v) for k, v in layout.rows.items()})
    dataset = dataset.assign_coords({k: ("output", v) for k, v in layout.outputs.items()})
    dataset = dataset.assign_coords({k: ("factor", v) for k, v in layout.factors.items()})
    return dataset.assign_coords(state=("run", state))


def place(dataset: xr.Dataset, **labels: object) -> int:
    found = [np.asarray(dataset[name].values) == wanted for name, wanted in labels.items()]
    (number,) = np.flatnonzero(np.all(found, axis=0))
    return int(number)


def test_each_number_stands_where_its_labels_say(tmp_path: Path) -> None:
    dataset = flat(read_batch(written(tmp_path)))
    found = labelled(dataset)
    use = found["last_year_prevalence"]
    assert use.dims == ("scenario", "point", "draw", "time", "product", "group")
    assert use.shape == (2, 4, 3, 2, 2, 1)
    for scenario in ("current-policy", "strategy-sd1"):
        for point in range(4):
            for draw in range(3):
                run = {"scenario": scenario, "point": point, "draw": draw}
                row = place(dataset, **run)
                if row == 1:
                    continue
                output = {"indicator": "last_year_prevalence", "product": "cocaine", "year": 2030}
                value = float(
                    use.sel({**run, "product": "cocaine", "time": 2030, "group": "Belgium"})
                )
                assert value == row * 1000 + place(dataset, **output)


def test_variables_say_what_they_are(tmp_path: Path) -> None:
    found = labelled(flat(read_batch(written(tmp_path))))
    told = found["treatment"].attrs
    assert told["units"] == "persons"
    assert told["long_name"]
    assert told["definition"]
    assert found.attrs["title"] == "A study"
    assert found["sample"].dims == ("point", "factor")
    assert found["factor_label"].values[0].startswith("F1 ")
    # Of cocaine there is no treatment in this store.
    assert bool(found["treatment"].sel(product="cocaine").isnull().all())


def test_rows_that_failed_are_said_to(tmp_path: Path) -> None:
    dataset = flat(read_batch(written(tmp_path)))
    found = labelled(dataset)
    run = {name: dataset[name].values[1] for name in ("scenario", "point", "draw")}
    assert str(found["state"].sel(run).values) == "failed"
    assert int((found["state"] == "done").sum()) == 23
    assert bool(found["treatment"].sel(run).isnull().all())


def test_only_what_is_asked_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "MOST_ROWS_READ", 5)  # in several pieces
    dataset = flat(read_batch(written(tmp_path)))
    found = labelled(dataset, indicators=["treatment"], years=[2030], scenarios=["strategy-sd1"])
    assert list(found.data_vars) == ["treatment"]
    assert found["treatment"].shape == (1, 4, 3, 1, 1, 1)
    whole = labelled(dataset)["treatment"].sel(
        scenario=["strategy-sd1"], time=[2030], product=["cannabis"]
    )
    np.testing.assert_array_equal(found["treatment"], whole)


def test_an_outcome_has_three_axes(tmp_path: Path) -> None:
    dataset = flat(read_batch(written(tmp_path)))
    found = outcome(dataset, "treatment", "cannabis")
    assert found.dims == ("scenario", "point", "draw")
    assert found.shape == (2, 4, 3)
    assert found.attrs["units"] == "persons"


def test_a_draw_that_a_point_names_is_no_axis(tmp_path: Path) -> None:
    factors = "{posterior: 7}\n{trend: F1, low: -100, high: 100}"
    batch = read_batch(factor_file(tmp_path, factors, draws=""))
    found = labelled(flat(batch))
    assert found["treatment"].dims == ("scenario", "point", "time", "product", "group")
    np.testing.assert_array_equal(found["posterior_draw"], batch.points[:, 0])
    one = outcome(flat(batch), "treatment", "cannabis")
    assert one.dims == ("scenario", "point", "draw")
    assert one.sizes["draw"] == 1


def test_statistics_stand_in_place_of_draws(tmp_path: Path) -> None:
    batch = read_batch(written(tmp_path, groups="  quantiles: [0.05, 0.95]"))
    dataset = flat(batch)
    assert labelled(dataset)["treatment"].dims[2] == "statistic"
    found = outcome(dataset, "treatment", "cannabis", statistic="q95")
    assert found.dims == ("scenario", "point", "draw")
    whole = labelled(dataset)["treatment"].sel(
        statistic="q95", time=2030, product="cannabis", group="Belgium"
    )
    np.testing.assert_array_equal(found.isel(draw=0), whole)
    with pytest.raises(InputError, match="no such statistic"):
        outcome(dataset, "treatment", "cannabis", statistic="q50")


def test_seeds_are_an_axis_where_there_are_several(tmp_path: Path) -> None:
    line = {"draws": "engine: agents\ndraws: 2\nagents: 1000\nseeds: 3"}
    batch = read_batch(factor_file(tmp_path, "{trend: F1, low: 0, high: 1}", **line))
    found = outcome(flat(batch), "treatment", "cannabis")
    assert found.dims == ("scenario", "point", "draw", "seed")
    assert found.shape == (2, 4, 2, 3)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"indicators": ["nothing"]}, "indicator"),
        ({"products": ["nothing"]}, "product"),
        ({"groups": ["Bavaria"]}, "group"),
        ({"years": [2024]}, "year"),
        ({"scenarios": ["nothing"]}, "scenario"),
    ],
)
def test_what_the_store_does_not_hold_is_refused(
    tmp_path: Path, asked: dict[str, list[str] | list[int]], key: str
) -> None:
    dataset = flat(read_batch(written(tmp_path)))
    with pytest.raises(InputError, match="holds no such") as caught:
        labelled(dataset, **asked)  # type: ignore[arg-type]
    assert caught.value.key == key
    assert caught.value.allowed


def test_a_combination_that_does_not_apply_is_refused(tmp_path: Path) -> None:
    dataset = flat(read_batch(written(tmp_path)))
    with pytest.raises(InputError, match="no such output"):
        outcome(dataset, "treatment", "cocaine")
