"""The steps of ``make reproduce``: what each makes, how long it takes, and what makes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
DRAWS = 200
POSTERIOR = "calibration/posterior"
REPORT, CHECKS = f"{POSTERIOR}/report.md", f"{POSTERIOR}/checks.md"
COVERAGE = f"{POSTERIOR}/coverage.csv"

Group = Literal["usual", "long", "fit"]
Make = Callable[[Path, bool], None]


@dataclass(frozen=True)
class Step:
    """One step; ``make`` writes its files into a folder as they lie in the repository.

    ``make`` gets the folder and whether small settings are wanted, which only show that it works.
    ``minutes`` were measured on two cores.
    """

    name: str
    group: Group
    minutes: float
    files: tuple[str, ...]
    about: str
    make: Make


def _tables(folder: Path, small: bool) -> None:
    from experiments.reproduce import model_tables, scenario_tables

    model_tables.write(folder)
    scenario_tables.write(folder)


def _odd(folder: Path, small: bool) -> None:
    from experiments.checks import odd_tables
    from experiments.reproduce.pages import put

    page = odd_tables.PAGE.read_text(encoding="utf-8")
    put(folder / "docs/odd.md", odd_tables.filled(page, odd_tables.tables()))


def _glossary(folder: Path, small: bool) -> None:
    from experiments.reproduce import glossary

    glossary.write(folder)


def _reports(folder: Path, small: bool) -> None:
    from experiments.reproduce import docking_page, validation_page

    validation_page.write(folder)
    docking_page.write(folder)


def _scenarios(folder: Path, small: bool) -> None:
    from experiments.reproduce import headlines_page

    headlines_page.write(folder, draws=8 if small else DRAWS)


def _effects(folder: Path, small: bool) -> None:
    from experiments.checks.lever_effects import Asked, all_effects
    from experiments.checks.lever_effects_table import origin, page
    from experiments.reproduce.pages import put

    asked = Asked(2 if small else 100, 1, False, ())
    put(folder / "docs/levers-effects.md", page(all_effects(asked), origin(asked)))


def _published(folder: Path, small: bool) -> None:
    from experiments.reproduce import published_page

    rows = folder.with_name("published.csv")
    some = ["-k", "smoking or tobacco"] if small else []
    command([sys.executable, "-m", "pytest", "-q", "tests/published", f"--cases={rows}", *some])
    published_page.write(folder, rows)


def _golden(folder: Path, small: bool) -> None:
    command([sys.executable, "-m", "tests.golden.write", "--out", str(folder / "tests/golden")])


def _previews(folder: Path, small: bool) -> None:
    from experiments.reproduce import previews

    previews.write(folder, draws=16 if small else DRAWS, scenarios=2 if small else 20)


def _docking(folder: Path, small: bool) -> None:
    page = folder / "docs/agents-docking.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text((ROOT / "docs/agents-docking.md").read_text(encoding="utf-8"), encoding="utf-8")
    few = ["--sizes", "2000", "4000", "--seeds", "2", "--refinements", "0"]
    asked = few if small else ["--seeds", "64", "--refinements", "6"]
    command([sys.executable, "-m", "experiments.checks.docking", "--page", str(page), *asked])


def _drivers(folder: Path, small: bool) -> None:
    from experiments.reproduce import worked_study

    worked_study.write(folder, small=small)


def _calibrate(folder: Path, small: bool) -> None:
    out = folder.with_name("calibration")
    product = ["--quick", "--draws", "20", "--product", "sedatives"] if small else []
    _drugfutures("calibrate", "--out", str(out), *product)
    fresh = (out / "report/summary.md").read_text(encoding="utf-8")
    standing = (ROOT / REPORT).read_text(encoding="utf-8")
    _put(folder / REPORT, _as_costly(fresh, standing))


def _as_costly(fresh: str, standing: str) -> str:
    """A report with what depends on the machine (time, seconds a block) as it stands."""
    start = "## Figures"
    return standing.partition(start)[0] + start + fresh.partition(start)[2]


def _backtest(folder: Path, small: bool) -> None:
    out = folder.with_name("calibration")
    if small:  # any part fits for minutes: only that the command is there is tried
        _drugfutures("backtest", "--help")
        return
    _drugfutures("backtest", "--out", str(out))
    _put(folder / CHECKS, (out / "checks/checks.md").read_text(encoding="utf-8"))


def _coverage(folder: Path, small: bool) -> None:
    if small:  # one set alone takes minutes
        _drugfutures("coverage", "--shipped")
        return
    rows = folder.with_name("coverage.csv")
    _drugfutures("coverage", "--out", str(rows))
    _put(folder / COVERAGE, rows.read_text(encoding="utf-8"))


def _put(path: Path, text: str) -> None:
    from experiments.reproduce.pages import put

    put(path, text)


def _drugfutures(*words: str) -> None:
    command([sys.executable, "-m", "experiments.cli", *words])


def command(words: Sequence[str]) -> None:
    """Run a command in the repository. Raises InputError with its last lines where it fails."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise InputError(f"{' '.join(words[1:4])} failed: {last}")


def _pages(*names: str) -> tuple[str, ...]:
    return tuple(f"docs/generated/{name}.{kind}" for name in names for kind in ("md", "csv"))


MODEL = ("products", "indicators", "parameters", "sources", "figures")
MOVED = ("measures", "trends", "scenarios", "aims")
STEPS = (
    Step("tables", "usual", 0.1, _pages(*MODEL, *MOVED), "what model and scenarios hold", _tables),
    Step("odd", "usual", 0.1, ("docs/odd.md",), "tables of the agent engine", _odd),
    Step("glossary", "usual", 0.1, ("docs/glossary.md",), "words in four languages", _glossary),
    Step(
        "reports",
        "usual",
        0.1,
        _pages("validation", "docking"),
        "what the fits and the docking found, in short",
        _reports,
    ),
    Step(
        "golden",
        "usual",
        0.3,
        ("tests/golden/reference.json", "tests/golden/agents.json"),
        "one run of each engine, every indicator",
        _golden,
    ),
    Step("published", "usual", 0.5, _pages("published-cases"), "published cases", _published),
    Step(
        "headlines",
        "usual",
        12.0,
        (
            *_pages("headlines"),
            "docs/generated/headlines-scenarios.csv",
            "docs/generated/plots/headlines.csv",
        ),
        f"all scenarios to 2030, {DRAWS} draws",
        _scenarios,
    ),
    Step("effects", "usual", 3.0, ("docs/levers-effects.md",), "measures as studied", _effects),
    Step("previews", "long", 10.0, _pages("previews"), "previews beside all draws", _previews),
    Step("docking", "long", 15.0, ("docs/agents-docking.md",), "agents in many seeds", _docking),
    Step("drivers", "long", 40.0, ("docs/drivers-2030.md",), "the worked study", _drivers),
    Step("calibrate", "fit", 20.0, (REPORT,), "the posterior, by its report", _calibrate),
    Step("backtest", "fit", 60.0, (CHECKS,), "hold-outs, readings, structures", _backtest),
    Step("coverage", "fit", 45.0, (COVERAGE,), "known truths refitted", _coverage),
)


def chosen(names: Sequence[str], groups: Sequence[Group]) -> list[Step]:
    """The steps named, or all of the groups. Raises InputError for an unknown one."""
    known = {step.name: step for step in STEPS}
    for name in names:
        if name not in known:
            raise InputError(f"unknown step {name!r}; allowed: {', '.join(known)}")
    if names:
        return [step for step in STEPS if step.name in names]
    return [step for step in STEPS if step.group in groups]
