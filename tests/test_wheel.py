"""The wheel works where there is no checkout: all data that the code reads lie inside it.

That it holds every file of the rooms, tests/test_project.py says.
"""

from __future__ import annotations

import importlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "scenarios", "calibration", "experiments")
# Tools of the checkout: they write or read its documents, and travel without them.
OF_THE_CHECKOUT = (
    "experiments.checks.docking",
    "experiments.checks.odd_tables",
    "experiments.reproduce.",
)
# Looked at for a .git folder, which may be missing, and for scenarios, which is a room.
LOOKED_AT = {("experiments.runs.provenance", "PROJECT")}
STARTED = 600.0  # seconds; the kernels are compiled in that time


def modules_with_paths() -> Iterator[ModuleType]:
    """Modules that look for something beside themselves."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if "__file__" in path.read_text(encoding="utf-8") and path.name != "__init__.py":
                yield importlib.import_module(name)


def test_what_the_code_reads_lies_in_the_wheel() -> None:
    shipped = {
        ROOT / file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()
    }
    folders = {folder for path in shipped for folder in path.parents if ROOT in folder.parents}
    seen, missing = 0, []
    for module in modules_with_paths():
        if module.__name__.startswith(OF_THE_CHECKOUT):
            continue
        for name, path in vars(module).items():
            if not isinstance(path, Path) or not path.is_relative_to(ROOT):
                continue
            seen += 1
            if path not in shipped | folders and (module.__name__, name) not in LOOKED_AT:
                missing.append(f"{module.__name__}.{name}")
    assert missing == []
    assert seen > 30


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment with the wheel, and the other packages of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", f"--python={programs / 'python'}", "--quiet", "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True)
    (site,) = (folder / "venv").glob("lib/*/site-packages")
    # A folder named so is searched, but what is installed there as editable is not.
    others = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    return programs


def call(programs: Path, folder: Path, *words: str) -> str:
    """What a command of the installed project prints, run in a folder of the user."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [programs / "drugfutures", *words],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_the_installed_packages_are_those_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import model, scenarios, calibration, experiments as e\n"
    code += "print(*(room.__file__ for room in (model, scenarios, calibration, e)), sep='\\n')"
    found = subprocess.run(
        [installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [Path(path).parent.name for path in found] == list(ROOMS)
    assert all(Path(path).is_relative_to(installed.parent) for path in found)


@pytest.mark.long
@pytest.mark.parametrize("topic", ["products", "levers", "scenarios", "figures", "rules"])
def test_the_installed_command_shows_its_tables(
    installed: Path, tmp_path: Path, topic: str
) -> None:
    assert len(call(installed, tmp_path, "show", topic).splitlines()) > 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_installed_command_runs_and_reports(installed: Path, tmp_path: Path) -> None:
    told = call(
        installed, tmp_path, "run", "strategy", "--draws", "2", "--prior", "--plots", "none"
    )
    assert told.splitlines()[-1] == "Results: results/run"
    results = tmp_path / "results" / "run"
    assert (results / "results.nc").stat().st_size > 100_000
    call(installed, tmp_path, "compare")
    call(installed, tmp_path, "report", "results/run", "--lang", "nl", "--out", "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.long
def test_the_installed_page_answers(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installed / "drugfutures"), "workshop", "--draws", "4", "--port", str(port)]
    log = tmp_path / "log.txt"
    with log.open("wb") as told:
        running = subprocess.Popen(command, cwd=tmp_path, stdout=told, stderr=told)
    try:
        page = answer_of(port, "/fr", running, log)
        (style,) = set(re.findall(r'href="(/[^"]*/page\.css[^"]*)"', page))
        assert "{" in answer_of(port, style, running, log)
    finally:
        running.terminate()
        running.wait(30)
    assert re.search(r'<html[^>]* lang="fr"', page)


def answer_of(port: int, path: str, running: subprocess.Popen[bytes], log: Path) -> str:
    """What the page answers, as soon as it does."""
    until = time.monotonic() + STARTED
    while True:
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.5)
