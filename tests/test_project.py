"""The project keeps its own rules: packaging, pins, sizes of files and functions."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "scenarios", "calibration", "experiments")
FOLDERS = (*ROOMS, "tests", "docs", "notebooks", ".ci")
COMMANDS = (
    "run",
    "figures",
    "money",
    "shocks",
    "compare",
    "scoreboard",
    "explain",
    "validate",
    "schema",
    "effects",
    "check",
    "calibrate",
    "backtest",
    "score",
    "coverage",
    "report",
    "batch",
    "status",
    "sensitivity",
    "discover",
    "robust",
    "value",
    "portfolio",
    "pathways",
    "plot",
    "show",
    "workshop",
)
TOPICS = (
    "products",
    "parameters",
    "figures",
    "sources",
    "indicators",
    "flows",
    "states",
    "handles",
)
FILE_LINES, FUNCTION_LINES, PARAMETERS = 500, 60, 8
BANNED_NAMES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"} | {
    f"{room}.py" for room in ROOMS
}
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+")
# Joined here, so that this file does not contain what it looks for.
MACHINE_PATH = re.compile(
    r"(?<![\w.~<>-])/(?:" + "|".join(("work", "root", "home", "Users", "tmp")) + r")\b(?=/|$)",
    re.MULTILINE,
)


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def project_files() -> tuple[Path, ...]:
    """Files of the project, without what runs and tools leave behind."""
    found = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]
    found += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    return tuple(sorted(found))


def python_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Asks for the help of the program and of each command named after it; prints all as JSON.
ASK = """
import json, sys
from typer.testing import CliRunner
from experiments.cli import app
asked = [CliRunner().invoke(app, [*name.split(), "--help"]) for name in sys.argv[1:]]
assert all(done.exit_code == 0 for done in asked), [done.output for done in asked]
print(json.dumps([done.stdout for done in asked]))
"""


@cache
def helps() -> dict[str, str]:
    """What the command line prints for ``--help``, wide enough that nothing is cut.

    In a process of its own: the width is read when the command line is imported.
    """
    wide = {"COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1", "TERM": "dumb"}
    names = ("", *COMMANDS)
    done = subprocess.run(
        [sys.executable, "-c", ASK, *names],
        cwd=ROOT,
        env={**os.environ, **wide},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(names, json.loads(done.stdout), strict=True))


def command_help(command: str = "") -> str:
    """The help of one command, or of the program."""
    return helps()[command]


def usage_of(command: str) -> str:
    """Usage of a command as docs/commands.md gives it, its continuation lines included."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    found = re.search(rf"^\S*drugfutures {command}\b.*(?:\n[ \t]+.*)*", page, re.MULTILINE)
    assert found, f"docs/commands.md does not give the usage of {command}"
    return found.group()


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}


# Packaging


def test_distribution_is_private_and_names_its_command() -> None:
    project = pyproject()["project"]
    assert project["name"] == "drugfutures"
    assert "Private :: Do Not Upload" in project["classifiers"]
    assert project["license"] == "EUPL-1.2"
    assert project["scripts"] == {"drugfutures": "experiments.cli:main"}


def test_wheel_holds_every_file_of_the_rooms_and_nothing_else() -> None:
    builder = WheelBuilder(str(ROOT))
    shipped = {Path(file.distribution_path) for file in builder.recurse_included_files()}
    wanted = {
        path.relative_to(ROOT)
        for path in project_files()
        if path.relative_to(ROOT).parts[0] in ROOMS
    }
    assert sorted(map(str, wanted - shipped)) == []
    assert sorted(map(str, shipped - wanted)) == []


def test_version_is_the_same_everywhere() -> None:
    version = pyproject()["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [version]


# Constraints


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    for line in kept:
        assert PIN.fullmatch(line), f"constraints.txt: {line!r} is not a name and a version"
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in kept}


def direct_requirements() -> list[Requirement]:
    project = pyproject()["project"]
    given = [
        *pyproject()["build-system"]["requires"],
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
    ]
    return [Requirement(text) for text in given]


def transitive_names() -> Iterator[str]:
    """Names of all that the project needs, as the installed distributions declare it."""
    waiting = direct_requirements()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        yield key[0]
        for text in importlib.metadata.requires(wanted.name) or []:
            needed = Requirement(text)
            marker = needed.marker
            extras = wanted.extras or {""}
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)


def test_constraints_are_names_and_versions_only() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", text, re.MULTILINE)
    assert pins()


def test_every_dependency_is_pinned_within_its_range() -> None:
    pinned = pins()
    for wanted in direct_requirements():
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"constraints.txt lacks {wanted.name}"
        assert version in wanted.specifier, f"{wanted.name} {version} is not in {wanted.specifier}"


def test_every_transitive_dependency_is_pinned() -> None:
    assert sorted(set(transitive_names()) - pins().keys()) == []


# Makefile and CI


@pytest.mark.parametrize("target", ["help", "install", "run", "test", "long-tests", "bench"])
def test_makefile_has_target(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not on this machine")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_ci_makes_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8").splitlines()


# Documentation


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_commands_gives_the_options_of_each_command(command: str) -> None:
    assert options(usage_of(command)) == options(command_help(command)) - {"--version"}


def test_the_page_of_commands_gives_every_command() -> None:
    overview = command_help()
    listed = re.findall(r"^[│|\s]*([a-z][a-z-]*)\s{2,}\S", overview, re.MULTILINE)
    assert set(listed) == set(COMMANDS)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_of_commands_gives_what_show_shows(topic: str) -> None:
    assert topic in usage_of("show")
    assert topic in command_help("show")


def test_decision_records_are_numbered_without_gaps() -> None:
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [record[:3] for record in records] == [f"{n:03d}" for n in range(len(records))]


# Every file


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{name(path)}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert found == []


@pytest.mark.parametrize("text", ["see /{}/x", "'/{}/main'", "x=/{}", "(/{}/a)"])
def test_a_path_of_one_machine_is_recognised(text: str) -> None:
    for folder in ("work", "root", "home"):
        assert MACHINE_PATH.search(text.format(folder))
        assert not MACHINE_PATH.search(f"https://site.example/{folder}/page, on/{folder}/")


def test_files_are_named_for_what_they_hold() -> None:
    assert [name(path) for path in python_files() if path.name in BANNED_NAMES] == []


def test_files_are_short() -> None:
    lines = {name(p): len(p.read_text(encoding="utf-8").splitlines()) for p in python_files()}
    assert {file: count for file, count in lines.items() if count > FILE_LINES} == {}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def count_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    count = sum(argument.arg not in {"self", "cls"} for argument in named)
    return count + (given.vararg is not None) + (given.kwarg is not None)


def test_functions_are_short_and_take_few_parameters() -> None:
    found = []
    for path in python_files():
        for function in functions(path):
            where = f"{name(path)}:{function.lineno} {function.name}"
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{where} has {length} lines")
            if (count := count_parameters(function)) > PARAMETERS:
                found.append(f"{where} has {count} parameters")
    assert found == []
