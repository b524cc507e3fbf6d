"""What agents differ by, beside contributions that the compartments were run for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from experiments.comparisons.shapley import Row, row_of
from experiments.runs.scenario_results import open_dataset
from experiments.runs.seeds import chance
from scenarios.schema import REFERENCE

Float = npt.NDArray[np.float64]

LABEL = "Agents' own difference"
LIKELY = 0.95  # chance explains a gap inside this share of Student's distribution


@dataclass(frozen=True)
class OwnDifference:
    """The scenario less the baseline by the agents, in the draws that were explained.

    ``row``: over draws and seeds; None where the results do not hold the indicator. ``gap``: mean
    over draws of the agents' difference (mean of the seeds) less that of the compartments;
    ``error``: its standard error, which is the chance of the seeds; None with one seed.
    """

    draws: int
    seeds: int
    row: Row | None = None
    gap: float | None = None
    error: float | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether chance explains the gap; None where that is not known."""
        if self.gap is None or self.error is None:
            return None
        freedom = self.draws * (self.seeds - 1)
        return bool(abs(self.gap) <= stdtrit(freedom, 0.5 + LIKELY / 2) * self.error)


def own_difference(
    folder: Path, scenario: str, indicator: str, at: Mapping[str, str | int], compartments: Float
) -> OwnDifference:
    """Read it from the results; ``compartments`` (D,): their difference in the first D draws."""
    draws = len(compartments)
    with open_dataset(folder) as dataset:
        seeds = int(dataset.sizes["seed"])
        known = all(value in dataset[dim].values for dim, value in at.items())
        if indicator not in dataset.data_vars or not known:
            return OwnDifference(draws, seeds)
        values = dataset[indicator].sel(at)
        then, first = (
            values.sel(scenario=one).values[:draws].astype(np.float64)
            for one in (scenario, REFERENCE)
        )
    gap = then - first
    whole = np.isfinite(gap).all(axis=1) & np.isfinite(compartments)
    if not whole.any():
        return OwnDifference(draws, seeds)
    gap = gap[whole]
    spread = chance(gap.reshape(-1), seeds)
    return OwnDifference(
        draws=len(gap),
        seeds=seeds,
        row=row_of("agents", LABEL, gap.reshape(-1)),
        gap=float((gap.mean(axis=1) - compartments[whole]).mean()),
        error=float(spread / np.sqrt(gap.size)) if np.isfinite(spread) else None,
    )
