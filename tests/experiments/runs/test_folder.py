"""A results folder is replaced whole or left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.runs.folder import MADE_BY, PROVENANCE, ResultsFolder, is_results
from model.errors import InputError


def filled(folder: Path, name: str = "old.txt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(name, encoding="utf-8")
    (folder / PROVENANCE).write_text(json.dumps({"made_by": MADE_BY}), encoding="utf-8")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_results_are_put_in_place_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with ResultsFolder(out) as folder:
        assert not out.exists()
        filled(folder.path, "new.txt")
        assert folder.keep() == out
    assert names(out) == ["new.txt", PROVENANCE]
    assert names(out.parent) == ["b"]


def test_former_results_are_replaced_whole(tmp_path: Path) -> None:
    out = filled(tmp_path / "results")
    with ResultsFolder(out) as folder:
        filled(folder.path, "new.txt")
        assert "old.txt" in names(out)
        folder.keep()
    assert names(out) == ["new.txt", PROVENANCE]
    assert names(tmp_path) == ["results"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    out = filled(tmp_path / "results")

    def fail() -> None:
        with ResultsFolder(out) as folder:
            filled(folder.path, "new.txt")
            raise error

    with pytest.raises(error):
        fail()
    assert names(out) == ["old.txt", PROVENANCE]
    assert names(tmp_path) == ["results"]


def test_a_failure_removes_the_folders_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), ResultsFolder(tmp_path / "a" / "b" / "c"):
        raise ValueError("x")
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [None, "{}", "[]", "no json", '{"made_by": "another"}'])
def test_another_folder_is_refused(tmp_path: Path, content: str | None) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / ("thesis.txt" if content is None else PROVENANCE)).write_text(content or "mine")
    before = names(out)
    assert not is_results(out)
    with pytest.raises(InputError, match="not a results folder"), ResultsFolder(out):
        pass
    assert names(out) == before
    assert names(tmp_path) == ["thesis"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    with ResultsFolder(out) as folder:
        filled(folder.path, "new.txt")
        assert folder.keep() == out
    assert names(out) == ["new.txt", PROVENANCE]
    assert names(tmp_path) == ["results"]


def test_what_was_put_in_an_empty_folder_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    with ResultsFolder(out) as folder:
        filled(folder.path, "new.txt")
        (out / "thesis.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(InputError, match="left alone"):
            folder.keep()
    assert names(out) == ["thesis.txt"]
    assert names(tmp_path) == ["results"]


def test_a_file_in_the_place_or_above_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    for out in (file, file / "results"):
        with pytest.raises(InputError, match="--out"), ResultsFolder(out):
            pass
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_place_that_cannot_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(InputError, match="Permission denied"), ResultsFolder(tmp_path / "a" / "b"):
        pass
    assert names(tmp_path) == []
