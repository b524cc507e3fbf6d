"""A file named as one of the packages, where Python finds it first, is named in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "scenarios", "calibration")


def python(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the project where an installed one is found: behind it."""
    code = f"import sys; sys.path.append({str(ROOT)!r})\n"
    if words[0] == "-c":
        words = ("-c", code + words[1])
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def stray(folder: Path, room: str, package: bool) -> Path:
    """A file or a package with the name of a room."""
    path = folder / room / "__init__.py" if package else folder / f"{room}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 1\n")
    return path


@pytest.mark.parametrize("package", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("room", ROOMS)
def test_the_file_in_the_way_is_named(tmp_path: Path, room: str, package: bool) -> None:
    path = stray(tmp_path, room, package)
    done = python(tmp_path, "-c", "import experiments")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: {path} hides the package {room} of Drug Futures: rename it, or start your "
        "script with python -P"
    )


@pytest.mark.parametrize("first", ["calibration.priors", "scenarios.library"])
def test_the_file_in_the_way_of_a_script_is_named(tmp_path: Path, first: str) -> None:
    path = stray(tmp_path, "model", package=False)
    done = python(tmp_path, "-c", f"import {first}")
    assert f"ImportError: {path} hides the package model" in done.stderr.splitlines()[-1]


def test_a_folder_that_is_no_package_stands_in_nobodys_way(tmp_path: Path) -> None:
    for room in ROOMS:
        (tmp_path / room).mkdir()
    done = python(tmp_path, "-c", "import experiments, model, calibration, scenarios")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_of_which_nothing_of_ours_is_imported_is_let_be(tmp_path: Path) -> None:
    stray(tmp_path, "experiments", package=False)
    done = python(tmp_path, "-c", "import calibration, model; from experiments import x")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_script_started_with_p_finds_ours(tmp_path: Path) -> None:
    stray(tmp_path, "model", package=False)
    (tmp_path / "script.py").write_text(
        f"import sys; sys.path.append({str(ROOT)!r})\nfrom model.errors import InputError\n"
    )
    assert python(tmp_path, "-P", "script.py").returncode == 0
    plain = python(tmp_path, "script.py")
    assert plain.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: No module named 'model.errors'; 'model' is not a package"
    )  # nothing of ours runs here: docs/python.md says what it means


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    path = stray(tmp_path, "model", package=False)
    code = "sys.argv[0] = '/anywhere/drugfutures'; from experiments.cli import main; main()"
    done = python(tmp_path, "-c", code)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path} hides the package model")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("within", [True, False], ids=["command", "plain"])
def test_what_the_command_starts_finds_ours(tmp_path: Path, within: bool) -> None:
    """As the pictures of scenarios, which are drawn in a process of their own."""
    stray(tmp_path, "model", package=False)
    code = (
        "import subprocess, sys\n"
        "from experiments.cli import main\n"
        "sys.argv[1:] = ['--version']\n"
        f"try: {'main()' if within else '0'}\n"
        "except SystemExit: pass\n"
        "child = [sys.executable, '-c', 'import model.errors']\n"
        "sys.exit(subprocess.run(child).returncode)\n"
    )
    done = python(tmp_path, "-P", "-c", code, PYTHONPATH=str(ROOT))
    assert done.returncode == (0 if within else 1), done.stderr
