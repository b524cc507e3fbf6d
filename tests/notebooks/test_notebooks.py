"""Each notebook runs to its end, where it asserts its key figures: ``make notebooks``."""

from __future__ import annotations

from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
LONGEST = 600  # seconds that a cell may take

pytestmark = pytest.mark.notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_its_key_figures_hold(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRUGFUTURES_FAST", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where a notebook makes its folder
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # nothing stays behind at home
    notebook = jupytext.read(path)
    assert "assert " in notebook.cells[-1].source, "the last cell asserts nothing"
    NotebookClient(
        notebook,
        timeout=LONGEST,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()


def test_there_is_one_for_each_user() -> None:
    users = {"researcher", "facilitator", "analyst", "modeller"}
    assert {path.stem for path in NOTEBOOKS} == users
