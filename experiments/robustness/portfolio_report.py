"""What a search found: its portfolios with their robustness, as tables, a dataset and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.robustness.measures import resamples, visibly_less
from experiments.robustness.portfolio import Searched, nondominated
from experiments.robustness.portfolio_problem import Float
from experiments.robustness.search_state import Int
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

ENDS = (0.5, 0.05, 0.95)
RESAMPLED = 200  # samples of futures for how often a portfolio holds
MOST_COMPARED = 2000  # portfolios that each sample compares
DATA, MEMBERS, CONVERGENCE = "portfolio.nc", "portfolio.csv", "convergence.csv"


@dataclass(frozen=True)
class About:
    """What the search was about, for its files.

    ``points`` and ``draws`` (futures,): the point and the draw of each.
    """

    id: str
    title: str
    question: str
    digest: str
    assumed: str
    points: Int
    draws: Int


@dataclass(frozen=True)
class Report:
    """A search and what is told of it.

    ``members``: numbers of the portfolios of the Pareto set among all that ran, in the order of
    the first objective; ``fresh`` (members + 1, futures, outcomes): their outcomes in futures
    that the search did not see, the last without levers; None where not asked for.
    """

    found: Searched
    about: About
    members: Int
    names: tuple[str, ...]
    holds: Float
    fresh: Float | None = None

    @property
    def rest(self) -> int:
        """Number of the portfolio with each lever nearest to current policy."""
        return rest_of(self.found)


def rest_of(found: Searched) -> int:
    """Number of the portfolio with each lever nearest to current policy."""
    rest = found.problem.repaired(found.problem.rest[None])
    return int(np.flatnonzero((found.state.positions == rest).all(axis=1))[0])


def report_of(found: Searched, about: About, rerun: Callable[[Float], Float] | None) -> Report:
    """The Pareto set of a search; ``rerun``: positions to outcomes in fresh futures."""
    members = found.pareto
    members = members[np.lexsort(found.objectives[members].T[::-1])]
    short = about.id[:50].rstrip("-")
    names = tuple(f"{short}-p{n:0{len(str(len(members)))}d}"
                  for n in range(1, len(members) + 1))  # fmt: skip
    positions = found.state.positions
    fresh = None if rerun is None else rerun(positions[[*members, rest_of(found)]])
    return Report(found, about, members, names, _holds(found, members, about), fresh)


def _holds(found: Searched, members: Int, about: About) -> Float:
    """Share of samples of points and draws in which each member is in the Pareto set still."""
    problem, state = found.problem, found.state
    # Rivals beyond those compared are the worst ones; each objective counts by its own range.
    range_of = np.ptp(found.objectives, axis=0)
    scaled = found.objectives / np.where(range_of > 0.0, range_of, 1.0)
    order = np.argsort(scaled.sum(axis=1), kind="stable")
    others = order[~np.isin(order, members)][:MOST_COMPARED]
    numbers = np.concatenate([members, others])
    positions, values = state.positions[numbers], state.values[numbers]
    best = problem.best(state.values[: len(problem.anchors())])
    count = np.zeros(len(members))
    for weights in resamples(about.points, about.draws, RESAMPLED):
        drawn = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
        judged = problem.judged(positions, values[:, drawn], best[drawn])
        # Equal rows hold together, where nondominated() would keep the first alone.
        front = judged[nondominated(judged)]
        count += (judged[: len(members), None] == front[None]).all(axis=2).any(axis=1)
    return count / RESAMPLED


def member_table(report: Report) -> pd.DataFrame:
    """A row per portfolio and outcome: levels, differences and robustness, over all futures.

    ``low90`` and ``high90`` are of futures. ``change`` is against the same future without levers.
    ``meets``: share of futures that meet the aim, without one those better than without levers
    (by more than ``measures.NOT_VISIBLE`` of it).
    ``regret``: how much worse than the best of all portfolios that ran in the same future: mean
    and 95% of futures. ``fresh_*``: the same in futures that the search did not see.
    """
    import pandas as pd

    found, rows = report.found, []
    problem, values = found.problem, found.state.values
    best = problem.best(values)
    efforts = _efforts(report)
    for n, number in enumerate(report.members):
        for j, one in enumerate(problem.outcomes):
            own, base = values[number, :, j], values[report.rest, :, j]
            row: dict[str, str | float] = {"portfolio": report.names[n]}
            row |= dict(zip(problem.levers, found.state.positions[number], strict=True))
            row |= {"effort": efforts[n], "effort_unit": problem.effort_unit}
            row |= {"holds": report.holds[n], "outcome": one.label, "unit": one.unit}
            row |= {"better": one.better, "statistic": one.statistic}
            row["objective"] = _shown(found.objectives[number, j], one.statistic, one.sign)
            row |= _spread("", own) | _spread("change_", own - base)
            row |= {"meets": _meets(report, j, own, base)}
            regret = one.sign * own - best[:, j]
            row |= {"regret_mean": regret.mean(), "regret_95": float(np.quantile(regret, 0.95))}
            if report.fresh is not None:
                new, rest = report.fresh[n, :, j], report.fresh[-1, :, j]
                row |= _spread("fresh_", new) | _spread("fresh_change_", new - rest)
                row |= {"fresh_meets": _meets(report, j, new, rest)}
            rows.append(row)
    return pd.DataFrame(rows)


def _efforts(report: Report) -> Float:
    problem, positions = report.found.problem, report.found.state.positions[report.members]
    if problem.effort is None:
        return np.full(len(positions), np.nan)
    return problem.effort(positions)


def _shown(objective: float, statistic: str, sign: float) -> float:
    """An objective in the direction of its outcome; regrets and shares are as they are."""
    return float(objective if statistic in ("regret", "missed") else sign * objective)


def _spread(name: str, values: Float) -> dict[str, float]:
    middle, low, high = np.quantile(values, ENDS)
    return {f"{name}median": middle, f"{name}low90": low, f"{name}high90": high}


def _meets(report: Report, outcome: int, own: Float, base: Float) -> float:
    one = report.found.problem.outcomes[outcome]
    if one.aim is not None:
        return float(1.0 - one.misses(own).mean())
    return float(visibly_less(one.sign * own, one.sign * base).mean())


def convergence_table(found: Searched) -> pd.DataFrame:
    """Portfolios that had run and hypervolume after each generation, a row for each."""
    import pandas as pd

    volumes, _ = found.convergence()
    told = {"generation": np.arange(len(volumes)), "portfolios": found.state.counts}
    return pd.DataFrame({**told, "hypervolume": volumes})


def dataset_of(report: Report) -> xr.Dataset:
    """The Pareto set as (portfolio, future, outcome), with positions, objectives, convergence."""
    import xarray as xr

    found, about = report.found, report.about
    problem, state = found.problem, found.state
    volumes, verdict = found.convergence()
    where = ("portfolio", "future", "outcome")
    made = xr.Dataset(
        {
            "position": (("portfolio", "lever"), state.positions[report.members]),
            "value": (where, state.values[report.members]),
            "without_levers": (where[1:], state.values[report.rest]),
            "judged": (("portfolio", "objective"), found.objectives[report.members]),
            "holds": ("portfolio", report.holds),
            "effort": ("portfolio", _efforts(report)),
            "hypervolume": ("generation", volumes),
            "portfolios_run": ("generation", state.counts),
            "reference_point": ("objective", found.reference_point()),
        },
        {
            "portfolio": list(report.names),
            "lever": list(problem.levers),
            "outcome": [one.label for one in problem.outcomes],
            "unit": ("outcome", [one.unit for one in problem.outcomes]),
            "better": ("outcome", [one.better for one in problem.outcomes]),
            "objective": list(problem.objectives),
            "generation": np.arange(len(volumes)),
            "point": ("future", about.points),
        },
        {
            "title": about.title,
            "question": about.question,
            "digest": about.digest,
            "algorithm": found.settings.of(problem),
            "population": found.settings.population,
            "seed": found.settings.seed,
            "effort_unit": problem.effort_unit,
            "verdict": verdict,
            "assumed": about.assumed,
        },
    )
    made["judged"].attrs["comment"] = "less is better: outcomes of which more is better, times -1"
    made["position"].attrs["units"] = "percent of the full extent; 0 is current policy"
    if report.fresh is not None:
        made["fresh_value"] = (("portfolio", "fresh_future", "outcome"), report.fresh[:-1])
    return made


def write(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write dataset and tables into a folder. Raises InputError when that cannot be."""
    paths = tuple(folder / name for name in (DATA, MEMBERS, CONVERGENCE))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        dataset_of(report).to_netcdf(paths[0], engine="h5netcdf")
        member_table(report).to_csv(paths[1], index=False)
        convergence_table(report.found).to_csv(paths[2], index=False)
    except OSError as error:
        raise InputError(
            f"the portfolios cannot be written ({error.strerror})",
            key="--out",
            given=str(folder),
            allowed="a folder that can be written to",
        ) from None
    return paths
