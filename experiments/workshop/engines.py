"""Where the two engines disagree: agents against compartments, current policy in 2030, Belgium.

``python -m experiments.workshop.engines`` makes ``engines.csv`` anew: the same draws of the
posterior run in both engines, the agents with all refinements and several seeds.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.series import names_of
from experiments.checks.docking import LEAST as LEAST_AGENTS
from experiments.runs.agent_options import Agents
from experiments.runs.agent_run import Found, agents_of, open_twin
from experiments.runs.study import Options, Study, build_study
from model.choice import Choice
from model.compartments import Output
from model.observation import observe

Float = npt.NDArray[np.float64]

TABLE = Path(__file__).with_name("engines.csv")
COLUMNS = ("indicator", "product", "difference_percent", "standard_error_percent")
LEAST = 5.0  # percent that a difference must have to be told
SURE = 4.0  # and as many standard errors: chance alone gives that in about one pair of a thousand


@dataclass(frozen=True)
class Difference:
    """Agents less compartments in percent of the compartments, with the error of chance."""

    percent: float
    error: float

    @property
    def told(self) -> bool:
        """Whether it is large, and larger than chance between runs would make it."""
        return abs(self.percent) > max(LEAST, SURE * self.error)


@cache
def differences(path: Path = TABLE) -> dict[tuple[str, str], Difference]:
    """By indicator and product."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["indicator"], row["product"]): Difference(
                float(row["difference_percent"]), float(row["standard_error_percent"])
            )
            for row in csv.DictReader(file)
        }


def compare(study: Study) -> dict[tuple[str, str], Difference]:
    """Run both engines in all draws of a study with agents.

    Left out is what is 0 or not known, and numbers of people or events with fewer than
    LEAST_AGENTS expected agents in a run: chance is then too large and too skewed to judge.
    """
    pairs = [_both(study, draw) for draw in range(study.options.draws)]
    catalogue = study.layout.catalogue
    owners = list(names_of(catalogue))
    counted = {row.id for row in catalogue.indicators if row.kind in ("stock", "count")}
    fewest = LEAST_AGENTS * agents_of(study).persons
    found = {}
    for name in pairs[0][0]:
        compartments = np.stack([one[name] for one, _ in pairs])  # (draws, owners)
        agents = np.stack([many[name] for _, many in pairs])  # (draws, seeds, owners)
        for p, owner in enumerate(owners):
            if name in counted and not compartments[:, p].mean() >= fewest:
                continue
            difference = of_pair(compartments[:, p], agents[:, :, p])
            if difference is not None:
                found[name, owner] = difference
    return found


def of_pair(compartments: Float, agents: Float) -> Difference | None:
    """Mean over draws of how far the mean of the seeds is off: (draws,) against (draws, seeds)."""
    if not np.isfinite(agents).all() or not (np.isfinite(compartments) & (compartments != 0)).all():
        return None
    draws, seeds = agents.shape
    off = 100.0 * (agents / compartments[:, None] - 1.0)
    within = off.var(axis=1, ddof=1).mean()
    if within == 0.0 and np.any(off):  # an event that no agent saw
        return None
    return Difference(float(off.mean()), float(np.sqrt(within / (draws * seeds))))


def _both(study: Study, draw: int) -> tuple[dict[str, Float], dict[str, Float]]:
    """Last year of one draw: compartments (owners,), agents (seeds, owners), by indicator."""
    twin = open_twin(study, draw)
    run: Found = twin.reference()
    bench, whole = twin.bench, np.ones((1, study.strata.size))
    since = study.months // 12 - 1
    choice = Choice.of(study.compact.names, since=since)

    def last(output: Output) -> dict[str, Float]:
        forcing = bench.prepared.forcing()
        catalogue = study.layout.catalogue
        found = observe(
            bench.prepared, bench.draws, catalogue, output, forcing, whole, choice=choice
        )
        return {name: found[name][0, -1, :, 0] for name in study.compact.names if name in found}

    seeds = [
        last(Output(*(array[k : k + 1] for array in run.run.output)))
        for k in range(len(run.run.output.lived))
    ]
    many = {name: np.stack([one[name] for one in seeds]) for name in seeds[0]}
    return last(bench.reference), many


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=500_000)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TABLE)
    asked = parser.parse_args(arguments)
    agents = Agents(asked.agents, asked.seeds)
    options = Options(draws=asked.draws, threads=asked.threads, plots="none", agents=agents)
    found = compare(build_study(options))
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (indicator, product), one in found.items():
            writer.writerow([indicator, product, f"{one.percent:.2f}", f"{one.error:.2f}"])


if __name__ == "__main__":
    main()
