"""The store: what it holds, how others read it, what it refuses, what it mends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from experiments.batch.blocks import Grid, decode, encode, name_of, sha256
from experiments.batch.driver import run_batch
from experiments.batch.journal import read_history
from experiments.batch.pools import Serial
from experiments.batch.status import draws_hint, lines, status_of
from experiments.batch.store import open_store
from model.errors import InputError
from tests.experiments.batch.toys import Toy, layout_of, of_row
from tests.experiments.batch.trees import differing, flip, tree, truncate

ROWS, BLOCK = 90, 20
TOY = Toy(fails=(7, 41), wrong=(55,))
LAYOUT = layout_of(TOY, ROWS, BLOCK)


def fill(url: str | Path) -> None:
    run_batch(TOY, LAYOUT, str(url), Serial())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "whole"
    fill(path)
    return path


def test_a_store_holds_what_was_computed(whole: Path) -> None:
    dataset = open_store(str(whole))
    assert dataset["values"].dims == ("run", "output")
    assert dataset["values"].dtype == np.float32
    values = dataset["values"].to_numpy()
    for row in range(ROWS):
        if row in (7, 41, 55):
            assert np.isnan(values[row]).all()
            assert dataset["state"].values[row] == "failed"
        else:
            np.testing.assert_array_equal(values[row], of_row(row, TOY.outputs))
    assert dataset["scenario"].values[1] == "stratégie"
    assert dataset["factor"].values.tolist() == ["F1", "1.1"]
    assert dataset["factor_ordered"].values.tolist() == [True, False]
    np.testing.assert_array_equal(dataset["sample"].values, LAYOUT.points)
    assert dataset.attrs["title"] == "A toy"
    assert dataset.attrs["digest"] == TOY.digest
    assert not any(variable.dtype.kind == "O" for variable in dataset.variables.values())


def test_xarray_and_zarr_read_it_as_it_is_without_a_warning(whole: Path) -> None:
    code = (
        "import sys, xarray, zarr; d = xarray.open_zarr(sys.argv[1]); d.load();"
        "assert 'scenario' in d['values'].coords;"
        "assert d['values'].shape == (90, 60) and str(d.scenario.values[1]) == 'stratégie';"
        "assert zarr.open_group(sys.argv[1], mode='r')['values'].shape == (90, 60)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(whole)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_manifests_name_rows_checksums_and_failures(whole: Path) -> None:
    told = json.loads((whole / name_of(2)).read_text())
    assert told["rows"] == [40, 60]
    assert told["digest"] == TOY.digest
    assert {f["row"]: f["reason"] for f in told["failures"]} == {
        41: "row 41 cannot be computed",
        55: "not a finite number: 1 outputs (3)",
    }
    chunk = (whole / "values/c/2/0").read_bytes()
    assert told["chunks"] == {"values/c/2/0": sha256(chunk)}
    grid = Grid(TOY.digest, ROWS, TOY.outputs, BLOCK)
    values = decode(grid, 2, {"values/c/2/0": chunk})
    assert told["values"] == sha256(values.tobytes())


def test_wide_blocks_are_cut_and_come_back() -> None:
    grid = Grid("d", 5, 5000, 3)
    values = np.random.default_rng(1).random((2, 5000), dtype=np.float32)
    chunks = encode(grid, 1, values)
    assert list(chunks) == [f"values/c/1/{part}" for part in range(3)]
    assert chunks == encode(grid, 1, values)
    np.testing.assert_array_equal(decode(grid, 1, chunks), values)


def test_time_host_and_place_are_in_the_log_only(whole: Path, tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere" / "again")
    assert differing(tree(whole), tree(tmp_path / "elsewhere" / "again")) == []
    text = b"".join(tree(whole).values())
    assert str(whole).encode() not in text
    assert os.uname().nodename.encode() not in text or len(os.uname().nodename) < 4
    assert read_history(str(whole)).starts == 1


def test_memory_and_file_addresses(whole: Path, tmp_path: Path) -> None:
    for url in ("memory://a-batch", (tmp_path / "by-url").as_uri()):
        fill(url)
        assert differing(tree(whole), tree(url)) == []
        assert open_store(url)["state"].values.tolist().count("done") == ROWS - 3
        assert status_of(url, verify=True).failed == 3


BREAKS: dict[str, Callable[[Path], object]] = {
    "chunk truncated": lambda store: truncate(store / "values/c/1/0"),
    "bit of a chunk": lambda store: flip(store / "values/c/1/0"),
    "chunk deleted": lambda store: (store / "values/c/1/0").unlink(),
    "manifest truncated": lambda store: truncate(store / name_of(1)),
    "bit of a manifest": lambda store: flip(store / name_of(1)),
    "manifest deleted": lambda store: (store / name_of(1)).unlink(),
    "manifest of another": lambda store: (store / name_of(1)).write_bytes(
        (store / name_of(2)).read_bytes()
    ),
}
LABELS: dict[str, Callable[[Path], object]] = {
    "labels flipped": lambda store: flip(store / "scenario/c/0"),
    "labels deleted": lambda store: (store / "sample/c/0/0").unlink(),
    "metadata truncated": lambda store: truncate(store / "values/zarr.json"),
    "root truncated": lambda store: truncate(store / "zarr.json"),
    "checksums truncated": lambda store: truncate(store / "labels.json"),
    "left over": lambda store: (store / "values/c/1/.partial-1234").write_bytes(b"half"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_damaged_block_is_found_and_alone_computed_again(
    what: str, whole: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    fill(store)
    BREAKS[what](store)
    if what != "manifest deleted":
        assert list(status_of(str(store), verify=True).damaged) == ["block 1"]
    ended = run_batch(TOY, LAYOUT, str(store), Serial())
    assert ended.computed == BLOCK
    assert differing(tree(whole), tree(store)) == []
    assert read_history(str(store)).again == 1


@pytest.mark.parametrize("what", LABELS)
def test_damaged_labels_are_written_anew(what: str, whole: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    fill(store)
    LABELS[what](store)
    assert run_batch(TOY, LAYOUT, str(store), Serial()).computed == 0
    assert differing(tree(whole), tree(store)) == []


def test_a_store_of_another_study_is_refused_with_what_differs(tmp_path: Path) -> None:
    fill(tmp_path)
    before = tree(tmp_path)
    other = Toy(digest="e" * 64)
    study = {**LAYOUT.attributes, "study": "id: toy\nblock: 2\n"}
    asked = replace(layout_of(other, 80, 10), attributes=study)
    with pytest.raises(InputError, match="the store of another study") as told:
        run_batch(other, asked, str(tmp_path), Serial())
    assert "block: 20 in the store, 10 asked" in str(told.value)
    assert "study file, in the store: block: 1" in str(told.value)
    assert "study file, asked: block: 2" in str(told.value)
    assert tree(tmp_path) == before


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        fill(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="a file here"):
        fill(tmp_path / "thesis.txt")
    with pytest.raises(InputError, match="no store of a batch"):
        open_store(str(tmp_path))
    with pytest.raises(InputError, match="no store of a batch"):
        status_of(str(tmp_path / "nowhere"))


def test_a_damaged_root_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    truncate(tmp_path / "zarr.json")
    with pytest.raises(InputError, match=r"zarr\.json of this store is damaged"):
        status_of(str(tmp_path))


def test_strange_things_in_a_store_are_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "extra.csv").write_text("1")
    with pytest.raises(InputError, match=r"extra\.csv"):
        fill(tmp_path)


def test_object_types_in_a_store_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    path = tmp_path / "store" / "scenario" / "zarr.json"
    told = json.loads(path.read_text())
    told["data_type"] = {"name": "object"}
    path.write_text(json.dumps(told))
    for attempt in (lambda: fill(tmp_path / "store"), lambda: open_store(str(tmp_path / "store"))):
        with pytest.raises(InputError, match="reading objects can run code") as refused:
            attempt()
        assert "string" in str(refused.value)
    old = tmp_path / "old"
    (old / "values").mkdir(parents=True)
    (old / ".zgroup").write_text('{"zarr_format": 2}')
    (old / "values" / ".zarray").write_text('{"zarr_format": 2, "dtype": "|O"}')
    with pytest.raises(InputError, match="reading objects can run code"):
        open_store(str(old))


@pytest.mark.parametrize("url", ["nosuch://a/b", "/proc/a-store", "/dev/null/store"])
def test_a_place_that_cannot_be_written_is_refused_at_once(url: str) -> None:
    with pytest.raises(InputError) as told:
        run_batch(Toy(raises=(0,)), LAYOUT, url, Serial())
    assert told.value.given == url


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec.core

    def lacks(url: str, **options: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", lacks)
    with pytest.raises(InputError, match=r"drugfutures\[s3\]"):
        fill("s3://bucket/store")


def test_status_tells_what_is_there(whole: Path, tmp_path: Path) -> None:
    status = status_of(str(whole))
    assert (status.done, status.failed, status.missing) == (ROWS - 3, 3, 0)
    assert status.counts == {"scenarios": 2, "points": 10, "draws": 5, "seeds": 1}
    assert not status.complete
    text = "\n".join(lines(status))
    assert "row 7 (scenario stratégie, point 3, draw 0, seed 0): row 7 cannot be computed" in text
    fill(tmp_path / "s")
    (tmp_path / "s" / name_of(4)).unlink()
    assert status_of(str(tmp_path / "s")).missing == 10
    assert "(1 of 5 blocks)" in "\n".join(lines(status_of(str(tmp_path / "s"))))
    assert set(np.unique(open_store(str(tmp_path / "s"))["state"])) == {"done", "failed", "missing"}


def test_the_hint_is_the_standard_error_over_draws(tmp_path: Path) -> None:
    toy = Toy(outputs=1)
    run_batch(toy, layout_of(toy, 80, 20), str(tmp_path), Serial())
    values = np.array([of_row(row, 1)[0] for row in range(80)], dtype=float).reshape(4, 10, 2)
    means = values.mean(axis=1)
    relative = means.std(axis=0, ddof=1) / 2 / np.abs(means.mean(axis=0))
    told = draws_hint(str(tmp_path))
    assert told is not None
    assert f"known to {np.median(relative):.1%}" in told
    assert "takes 16 draws" in told


def test_no_factors_and_no_text_is_a_store_too(tmp_path: Path) -> None:
    bare = replace(LAYOUT, factors={"factor": np.array([], dtype="U1")}, points=np.zeros((1, 0)))
    run_batch(TOY, bare, str(tmp_path), Serial())
    with xr.open_zarr(tmp_path) as dataset:
        assert dataset["sample"].shape == (1, 0)
    assert zarr.open_group(tmp_path, mode="r").attrs["title"] == "A toy"
