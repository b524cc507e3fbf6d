"""Why a graph changed: what each entry of a scenario contributes in 2030, draw by draw.

Entries are players of a game whose worth is the graph of a scenario with some of them; see
``experiments.comparisons.shapley``. Run with the few draws that stand for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from experiments.comparisons.shapley import Row, game_of, row_of, sampling_errors
from experiments.workshop.entries import entries, only
from experiments.workshop.view import Graph
from scenarios.schema import Plan, ScenarioFile

Float = npt.NDArray[np.float64]

DRAWS = 8
RUNS = 134  # about as many as may be run: all subsets of 7 entries
FEWEST = 8  # sampled orders, however many entries there are
LAST = -1  # the year 2030
TOTAL = "total"


class Runner(Protocol):
    """What of the engine is needed here."""

    seed: int

    def plan(self, scenario: ScenarioFile) -> Plan:
        """What a scenario moves, checked."""

    def plans_values(
        self,
        plans: Sequence[Plan],
        graphs: Sequence[Graph],
        draws: int = DRAWS,
        progress: Callable[[int], bool] = lambda done: True,
    ) -> Float:
        """(plans, graphs, draws, years)."""


@dataclass(frozen=True)
class Why:
    """Contributions to the change of a graph in 2030, the largest first; they add up to ``total``.

    ``low`` and ``high`` of a row: the lowest and the highest draw, as these are too few for more.
    ``exact``: every combination of entries was run; else orders of them were sampled. ``before``
    and ``after``: means over draws under current policy and under the scenario.
    """

    graph: Graph
    rows: tuple[Row, ...]
    total: Row
    before: float
    after: float
    exact: bool
    runs: int
    draws: int

    def share(self, row: Row) -> float:
        """Share of the total, NaN where nothing changes."""
        return row.mean / self.total.mean if self.total.mean else np.nan


def explain(
    engine: Runner,
    scenario: ScenarioFile,
    graph: Graph,
    progress: Callable[[int, int], bool] = lambda done, runs: True,
) -> Why | None:
    """What each entry contributes; None where nothing moves, has a value, or it was stopped.

    ``progress`` hears of runs done and of all runs, and says whether to go on. Raises InputError.
    """
    players = tuple(entries(scenario))
    if not players:
        return None
    wanted = max(FEWEST, RUNS // max(1, len(players) - 1))
    game = game_of(players, wanted, engine.seed)
    plans = [engine.plan(only(scenario, game.members(mask))) for mask in game.masks]
    stopped = False

    def going_on(done: int) -> bool:
        nonlocal stopped
        stopped = stopped or not progress(done, len(plans))
        return not stopped

    values = engine.plans_values(plans, [graph], DRAWS, going_on)[:, 0, :, LAST]
    there = np.isfinite(values).all(axis=0)
    if stopped or not there.any():
        return None
    worth = dict(zip(game.masks, values[:, there], strict=True))
    none, whole = worth[0], worth[max(worth)]
    parts = game.parts(worth)
    rows = [
        _row(name, draws, float(error))
        for name, draws, error in zip(
            players, parts.mean(axis=0), sampling_errors(parts), strict=True
        )
    ]
    return Why(
        graph=graph,
        rows=tuple(sorted(rows, key=lambda row: -abs(row.mean))),
        total=_row(TOTAL, whole - none),
        before=float(none.mean()),
        after=float(whole.mean()),
        exact=game.exact,
        runs=len(plans),
        draws=int(there.sum()),
    )


def _row(name: str, draws: Float, error: float = 0.0) -> Row:
    low, high = float(draws.min()), float(draws.max())
    return replace(row_of(name, name, draws, error), low=low, high=high)
