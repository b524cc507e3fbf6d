"""Runs of a batch: which scenario at which point, with which draw and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from experiments.batch.plan import Batch

Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Some runs, each (R,). ``scenario`` counts in the scenarios of the batch."""

    scenario: Int
    point: Int
    draw: Int
    seed: Int

    @classmethod
    def of(cls, batch: Batch, first: int, last: int) -> Runs:
        """The runs of rows ``first`` to ``last`` (not included), one each."""
        rows = slice(first, last)
        number = {scenario.id: i for i, scenario in enumerate(batch.scenarios)}
        ids = batch.rows["scenario"][rows].tolist()
        return cls(
            np.array([number[one] for one in ids], dtype=np.int64),
            np.asarray(batch.rows["point"][rows], dtype=np.int64),
            np.asarray(batch.rows["draw"][rows], dtype=np.int64),
            np.asarray(batch.rows["seed"][rows], dtype=np.int64),
        )

    @property
    def size(self) -> int:
        """Number of runs."""
        return len(self.point)


def told(batch: Batch, runs: Runs, run: int, reason: str) -> str:
    """Why a run has no values, and which it is."""
    scenario = batch.scenarios[int(runs.scenario[run])].id
    seed = "" if batch.agents is None else f", seed {runs.seed[run]}"
    return f"scenario {scenario}, point {runs.point[run]}, draw {runs.draw[run]}{seed}: {reason}"
