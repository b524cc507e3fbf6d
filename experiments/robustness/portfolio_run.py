"""A portfolio search from its study file to its files, and on from where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.robustness.portfolio import Home, Settings, search
from experiments.robustness.portfolio_futures import evaluator
from experiments.robustness.portfolio_problem import Float
from experiments.robustness.portfolio_report import About, Report, report_of, write
from experiments.robustness.portfolio_study import Portfolio, read_portfolio, scenario_text
from experiments.robustness.search_state import FOLDER
from model.errors import InputError

OWN = "search.txt"  # marks a folder of this command


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    study: Path
    out: Path
    generations: int = 20
    population: int = 24
    seed: int = 1
    workers: int = 1
    scenarios: Path | None = None
    catalogue: Path | None = None


def run_portfolio(
    asked: Asked, progress: Callable[[str, float], None] = lambda what, share: None
) -> tuple[Report, tuple[Path, ...]]:
    """Search, report and write; gives the files. Raises InputError, FloatingPointError."""
    portfolio = read_portfolio(asked.study, asked.catalogue)
    problem, chosen = portfolio.problem, portfolio.file.search
    settings = Settings(asked.generations, asked.population, asked.seed, chosen.algorithm)
    settings.check(problem)
    home = Home(asked.out, portfolio.digest(settings))
    _claim(asked.out)
    with evaluator(portfolio, asked.workers) as futures:
        found = search(problem, futures, settings, home, progress)
    about = _about(portfolio, home.digest)
    rerun = _fresh(asked, progress) if chosen.fresh else None
    report = report_of(found, about, rerun)
    written = write(report, asked.out)
    if asked.scenarios is not None:
        written = (*written, *write_scenarios(portfolio, report, asked.scenarios))
    return report, written


def _claim(out: Path) -> None:
    """Refuse a folder that holds other things. Raises InputError."""
    allowed = "a new or empty folder, or one of this search"
    try:
        there = out.exists() and (not out.is_dir() or any(out.iterdir()))
        if there and not (out / FOLDER).is_dir() and not (out / OWN).is_file():
            message = "there is something here that is not a portfolio search"
            raise InputError(message, key="--out", given=str(out), allowed=allowed)
        out.mkdir(parents=True, exist_ok=True)
        (out / OWN).write_text("made by: drugfutures portfolio\n", encoding="utf-8")
    except OSError as error:
        message = f"the folder cannot be written ({error.strerror})"
        raise InputError(message, key="--out", given=str(out), allowed=allowed) from None


def _about(portfolio: Portfolio, digest: str) -> About:
    file, factors = portfolio.file, portfolio.batch.factors
    assumed = [factor.label for factor in factors if factor.assumed]
    return About(
        id=file.id,
        title=file.title,
        question=" ".join((file.question or "").split()),
        digest=digest,
        assumed="; ".join(assumed),
        points=portfolio.points_of_futures().astype(np.int64),
        draws=portfolio.draws_of_futures().astype(np.int64),
    )


def _fresh(asked: Asked, progress: Callable[[str, float], None]) -> Callable[[Float], Float]:
    def rerun(positions: Float) -> Float:
        progress("fresh futures", 1.0)
        again = read_portfolio(asked.study, asked.catalogue, fresh=True)
        with evaluator(again, asked.workers, fresh=True) as futures:
            return futures.evaluate(positions)

    return rerun


def write_scenarios(portfolio: Portfolio, report: Report, folder: Path) -> tuple[Path, ...]:
    """Each portfolio as a scenario file. Raises InputError when that cannot be."""
    paths = []
    for n, name in enumerate(report.names):
        positions = report.found.state.positions[report.members[n]]
        note = (
            f"Portfolio {n + 1} of {len(report.names)} that none beat in all objectives of the "
            f"study {report.about.id}: {', '.join(report.found.problem.objectives)}."
        )
        path = folder / f"{name}.yaml"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(scenario_text(portfolio, name, positions, note), encoding="utf-8")
        except OSError as error:
            message = f"the scenario cannot be written ({error.strerror})"
            allowed = "a folder that can be written to"
            raise InputError(message, key="--scenarios", given=str(path), allowed=allowed) from None
        paths.append(path)
    return tuple(paths)
