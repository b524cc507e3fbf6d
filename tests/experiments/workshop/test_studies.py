"""The browser of studies reads what is there, tells what it cannot read, and leaves the folder to
nobody's path."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from experiments.batch import store as stores
from experiments.run import run
from experiments.runs.study import Options
from experiments.workshop.answers import LEVELS
from experiments.workshop.studies import Studies, Study, first_group
from experiments.workshop.studies_view import Choice, option, settled
from model.errors import InputError

Asked = tuple[str, str, str, str]
NOTHING = Choice("", "", "", "", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real study and things that are none."""
    found = tmp_path_factory.mktemp("studies")
    run(Options(scenarios=("strategy",), draws=3, plots="none", out=found / "strategy"))
    (found / "broken").mkdir()
    (found / "broken" / "results.nc").write_bytes(b"no such file")
    (found / "cut").mkdir()
    whole = (found / "strategy" / "results.nc").read_bytes()
    (found / "cut" / "results.nc").write_bytes(whole[: len(whole) // 3])
    (found / "holiday").mkdir()
    (found / "holiday" / "a.txt").write_text("x")
    (found / "empty.zarr").mkdir()
    (found / "empty.zarr.log").mkdir()  # the journal of a batch is no study
    (found / "note.txt").write_text("x")
    outside = tmp_path_factory.mktemp("outside")
    shutil.copytree(found / "strategy", outside / "secret")
    (found / "link").symlink_to(outside / "secret")
    return found


@pytest.fixture(scope="module")
def studies(folder: Path) -> Studies:
    return Studies.of(folder)


def _known(studies: Studies, name: str) -> Study:
    found = studies.get(name)
    assert found is not None
    return found


def test_every_folder_is_told_and_none_hidden(studies: Studies) -> None:
    told = {one.name: one.problem for one in studies.entries}
    assert told == {
        "broken": "damaged",
        "cut": "damaged",
        "empty.zarr": "damaged",
        "holiday": "foreign",
        "link": "outside",
        "strategy": None,
    }


@pytest.mark.parametrize("name", ["", "..", "../strategy", "strategy/..", "/etc", "note.txt", "."])
def test_only_names_of_the_list_open_anything(studies: Studies, name: str) -> None:
    assert studies.get(name) is None


def test_no_folder_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert Studies.of(None).trouble == "none"
    assert Studies.of(tmp_path / "nowhere").trouble == "damaged"
    assert Studies.of(tmp_path) == Studies((), None)


def test_a_folder_that_is_a_study_is_the_only_one(folder: Path) -> None:
    found = Studies.of(folder / "strategy")
    assert [(one.name, one.problem) for one in found.entries] == [("strategy", None)]


def test_what_a_run_holds(studies: Studies) -> None:
    about = _known(studies, "strategy").about
    assert about.engine == "compartments"
    assert about.over == "draws"
    assert [one for one, _ in about.scenarios] == ["current-policy", "strategy"]
    assert (about.draws, about.seeds, about.points) == (3, 1, 1)
    assert about.years == tuple(range(2010, 2031))
    assert "Brussels" in about.groups
    assert "Brussels / 18-24" in about.groups
    assert "parameter_table_hash" in about.sources
    assert not any("date" in key for key in about.sources)


def test_a_graph_has_the_quantiles_of_the_file(studies: Studies, folder: Path) -> None:
    found = _known(studies, "strategy").band(
        "strategy", "problematic_prevalence", "cannabis", "Brussels / 18-24"
    )
    with xr.open_dataset(folder / "strategy" / "results.nc", engine="h5netcdf") as file:
        ids = [list(file[key].values) for key in ("scenario", "product", "region", "age_group")]
        s, p, r, a = (
            names.index(name)
            for names, name in zip(ids, ("strategy", "cannabis", "Brussels", "18-24"), strict=True)
        )
        values = file["problematic_prevalence"].isel(scenario=s, product=p, region=r, age_group=a)
        wanted = np.quantile(values.values, LEVELS, axis=0)
    assert found.number == 3
    np.testing.assert_allclose(found.values, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    "asked",
    [
        ("nobody", "problematic", "cannabis", "Belgium"),
        ("strategy", "../problematic", "cannabis", "Belgium"),
        ("strategy", "problematic", "x", "Belgium"),
        ("strategy", "problematic", "cannabis", "Belgium / 5"),
        ("strategy", "scenario_title", "cannabis", "Belgium"),
    ],
)
def test_what_a_study_does_not_hold_is_refused(
    studies: Studies, asked: tuple[str, str, str, str]
) -> None:
    with pytest.raises(InputError):
        _known(studies, "strategy").band(*asked)


def test_a_choice_falls_back_and_says_so(studies: Studies) -> None:
    about = _known(studies, "strategy").about
    first, strange = settled(about, NOTHING)
    assert (first.scenario, first.other, first.group) == ("strategy", "current-policy", "Belgium")
    assert not strange
    kept, strange = settled(about, Choice("current-policy", "", "<b>", "cannabis", "Brussels"))
    assert (kept.scenario, kept.other) == ("current-policy", "")
    assert (kept.product, kept.group, strange) == ("cannabis", "Brussels", ["<b>"])
    same, _ = settled(about, Choice("strategy", "strategy", "", "", ""))
    assert same.other == ""
    assert first_group(("a", "b")) == "a"


def test_a_fan_adds_up_to_its_upper_edge() -> None:
    bands = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [5.0, 7.0], [6.0, 9.0]])
    found: Any = option((2029, 2030), [bands])
    drawn = {one["id"]: one["data"] for one in found["series"]}
    parts = [drawn[key] for key in ("below", "band.low", "band.half", "band.high")]
    assert [sum(column) for column in zip(*parts, strict=True)] == [6.0, 9.0]
    assert drawn["own"] == [3.0, 4.0]
    assert drawn["reference"] == []
    assert "mark" not in drawn  # history ended before


def test_a_store_is_read_by_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of two scenarios, three points and two years: medians over points."""
    place = tmp_path / "study" / "store.zarr"
    place.mkdir(parents=True)
    (place / stores.ROOT).write_text("{}")
    rows, years = 6, (2029, 2030)
    values = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    dataset = xr.Dataset(
        {"values": (("run", "output"), values)},
        coords={
            "scenario": ("run", ["a"] * 3 + ["b"] * 3),
            "point": ("run", [0, 1, 2] * 2),
            "draw": ("run", [0] * rows),
            "state": ("run", ["done"] * 5 + ["failed"]),
            "indicator": ("output", ["problematic"] * 2),
            "product": ("output", ["cannabis"] * 2),
            "group": ("output", ["Belgium"] * 2),
            "unit": ("output", ["persons"] * 2),
            "year": ("output", list(years)),
        },
        attrs={"title": "Trial", "engine": "agents", "draws_each": 1, "seeds_each": 1},
    )
    monkeypatch.setattr("experiments.workshop.studies.open_store", lambda url: dataset)
    study = _known(Studies.of(tmp_path), "study/store.zarr")
    assert study.problem is None
    assert (study.about.title, study.about.points, study.about.over) == ("Trial", 3, "points")
    first = study.band("a", "problematic", "cannabis", "Belgium")
    assert first.number == 3
    assert first.values[2].tolist() == [2.0, 3.0]
    second = study.band("b", "problematic", "cannabis", "Belgium")
    assert second.number == 2
    assert second.values[2].tolist() == [7.0, 8.0]
