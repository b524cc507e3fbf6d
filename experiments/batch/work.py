"""The rows of a batch, computed: scenarios at points, with draws, and with seeds of agents.

Runs that branch off the same past share it, and eight runs at a time are composed, simulated and
observed together. A row's bits depend on the rows of its block alone, not on where it is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.batch.clock import engine_seconds, in_engine
from experiments.batch.columns import Columns, Grid
from experiments.batch.histories import (
    AT_ONCE,
    TOGETHER,
    History,
    Opened,
    Scratch,
    open_histories,
    reasons_of,
    states_wanted,
)
from experiments.batch.job import Computed, Failure, Float, Labels, Single
from experiments.batch.kept import Kept
from experiments.batch.points import deal_at, history_at, past_factors, plan_at
from experiments.batch.runs import Runs, told
from experiments.runs.parts import first_acting
from experiments.runs.study import Study
from model.adaptive import Branch, Part, run_with_rules
from model.compartments import BrokenDown, simulate_into
from model.errors import InputError
from scenarios.compose import compose
from scenarios.schema import Plan, Scenario
from scenarios.sizes import Deal

if TYPE_CHECKING:
    from experiments.batch.plan import Batch

Int = npt.NDArray[np.int64]


def compute(batch: Batch, first: int, last: int) -> Computed:
    """The rows ``first`` to ``last`` (not included) of a study.

    Values (rows, outputs) in the units of the outputs; a row that could not be computed is NaN
    and told among the failures. Raises ValueError for rows that the study has not.
    """
    rows = len(batch.rows["point"])
    if not 0 <= first <= last <= rows:
        raise ValueError(f"rows {first} to {last} of {rows}")
    before = engine_seconds()
    if batch.quantiles:
        from experiments.batch.summaries import summarised

        found = summarised(batch, first, last)
    else:
        values, failed = computed(batch, Runs.of(batch, first, last))
        failures = (Failure(first + row, reason) for row, reason in sorted(failed.items()))
        found = Computed(values, tuple(failures))
    return replace(found, engine=engine_seconds() - before)


def computed(batch: Batch, runs: Runs) -> tuple[Single, dict[int, str]]:
    """Values (runs, M) in units of the outputs, and why some have none, by number of the run."""
    if batch.agents is not None:
        from experiments.batch.agent_rows import computed_agents

        return computed_agents(batch, runs)
    found = _Rows(batch, runs)
    histories = list(dict.fromkeys(found.histories))
    # Where each history has one run of a scenario, only many of them fill a mini-batch.
    each = runs.size / (len(histories) * len(np.unique(runs.scenario))) if histories else 1.0
    size = AT_ONCE if each >= 2.0 else TOGETHER
    for at in range(0, len(histories), size):
        found.run(histories[at : at + size])
    return found.values, found.failed


class _Rows:
    """Runs with compartments, filled in history by history."""

    def __init__(self, batch: Batch, runs: Runs) -> None:
        self.batch, self.runs = batch, runs
        self.columns = Columns.of(batch.study, batch.kept, batch.outputs)
        self.values = np.full((runs.size, len(self.columns.at)), np.nan, dtype=np.float32)
        self.failed: dict[int, str] = {}
        pairs = list(zip(runs.draw.tolist(), runs.point.tolist(), strict=True))
        known = {pair: history_at(batch, *pair) for pair in dict.fromkeys(pairs)}
        self.histories = [known[pair] for pair in pairs]
        self.factors = past_factors(batch)
        self.scratch: Scratch | None = None

    def run(self, histories: Sequence[History]) -> None:
        """All runs that branch off these histories."""
        asked = set(histories)
        members = [i for i, one in enumerate(self.histories) if one in asked]
        branches = {self.batch.scenarios[int(self.runs.scenario[i])].branch for i in members}
        wanted = states_wanted(self.batch.study, branches)
        opened, broken = open_histories(self.batch.study, self.factors, histories, wanted)
        for i in members:
            if self.histories[i] in broken:
                self._fail(i, broken[self.histories[i]])
        if opened is None:
            return
        self.scratch = self.scratch or Scratch(opened.reference)
        at = {history: h for h, history in enumerate(opened.histories)}
        runner = Runner(self.batch.study, self.columns.grid, opened, self.scratch)
        for number, scenario in enumerate(self.batch.scenarios):
            mine = [i for i in members if self.runs.scenario[i] == number and i not in self.failed]
            mine.sort(key=lambda i: (at[self.histories[i]], i))
            # What a rule does is the same in all runs of a mini-batch: those run alone.
            size = 1 if scenario.plan.rules else TOGETHER
            for start in range(0, len(mine), size):
                few = mine[start : start + size]
                self._put(few, runner, scenario, tuple(at[self.histories[i]] for i in few))

    def _put(
        self, few: list[int], runner: Runner, scenario: Scenario, index: tuple[int, ...]
    ) -> None:
        """Run a mini-batch; where its input is refused, run by run."""
        try:
            draws, points = self.runs.draw[few], self.runs.point[few]
            deal, plan = deal_at(self.batch, draws, points), plan_at(self.batch, scenario, points)
            seen, reasons = runner.run(scenario, plan, deal, index)
        except InputError as error:
            if len(few) == 1:
                self._fail(few[0], str(error))
                return
            for i, history in zip(few, index, strict=True):
                self._put([i], runner, scenario, (history,))
            return
        values = self.columns.cut(seen)
        reasons = self.columns.wrong(seen, values) | reasons
        self.values[few] = values
        for d, reason in reasons.items():
            self._fail(few[d], reason)

    def _fail(self, run: int, reason: str) -> None:
        self.values[run] = np.nan
        self.failed[run] = told(self.batch, self.runs, run, reason)


class Runner:
    """Runs scenarios from opened histories, a few at a time."""

    def __init__(self, study: Study, grid: Grid, opened: Opened, scratch: Scratch) -> None:
        self.study, self.grid, self.opened, self.scratch = study, grid, opened, scratch
        self._reference: Float | None = None

    def run(
        self, scenario: Scenario, plan: Plan, deal: Deal, index: tuple[int, ...]
    ) -> tuple[Float, dict[int, str]]:
        """A plan in place of that of a scenario, on these histories (D,): (D, cells of the grid).

        Second: runs that broke down, and why. Raises InputError for what no forcing may have. Units
        are those of the indicators.
        """
        composed = compose(plan, self.study.run_of(scenario, deal))
        if not composed.changes and not composed.rules:
            return self.reference()[list(index)], {}
        branch = scenario.branch
        chosen, study = self.opened.chosen(index), self.study
        forcing = chosen.prepared.forcing(composed.changes, self.scratch.room)
        acts = branch if composed.rules else first_acting(composed, chosen.prepared, branch)
        month = max(month for month in self.opened.states if branch <= month <= acts)
        state = self.opened.states[month].chosen(index)
        looking = bool(composed.rules)  # rules look at the run before it ends
        output = self.scratch.ready(self.opened, index, month // 12, later=looking)
        broken: dict[int, str] = {}
        try:
            if composed.rules:
                catalogue, seed = study.layout.catalogue, study.options.seed
                part = Part(chosen.prepared, chosen.draws, catalogue, int(deal.numbers[0]))
                way = Branch(forcing, state, output)
                with in_engine():
                    decided = run_with_rules(part, way, composed.rules, study.months, seed)
                forcing = decided.forcing
            else:
                with in_engine():
                    simulate_into(output, chosen.prepared, forcing, study.months, state)
        except BrokenDown as error:
            broken = reasons_of(error)
        if len(broken) == len(index):
            return np.full((len(index), int(np.prod(self.grid.shape))), np.nan), broken
        self.scratch.mend(self.opened, index, broken)
        seen = self.grid.seen(chosen.prepared, chosen.draws, output, forcing)
        seen[list(broken)] = np.nan
        return seen, broken

    def reference(self) -> Float:
        """What the runs of current policy show, (histories, cells), in units of the indicators."""
        if self._reference is None:
            whole = self.opened.whole()
            self._reference = self.grid.seen(
                whole.prepared, whole.draws, self.opened.reference, whole.prepared.forcing()
            )
        return self._reference


# Which outputs there are

TRIED = 8  # draws that are tried until current policy runs to the end


def applying(study: Study, kept: Kept) -> Labels:
    """Labels of the outputs that apply: what has a value in a first draw, in some scenario.

    Of the compartments, whatever the engine: agents have the same indicators. Raises
    FloatingPointError when the model breaks down in every draw that is tried.
    """
    grid = Grid.of(study, kept)
    there = np.zeros(int(np.prod(grid.shape)), dtype=np.bool_)
    for seen in _seen_once(study, grid):
        there |= ~np.isnan(seen)
    return grid.labels(there)


def _seen_once(study: Study, grid: Grid) -> Iterator[Float]:
    """Cells of the grid of current policy and of each scenario, in the first draw that runs."""
    wanted = states_wanted(study, {scenario.branch for scenario in study.scenarios})
    broken: dict[History, str] = {}
    for draw in range(min(TRIED, study.draws.size)):
        opened, more = open_histories(study, (), [History(draw)], wanted)
        broken |= more
        if opened is not None:
            break
    else:
        reasons = ", ".join(f"draw {one.draw}: {why}" for one, why in broken.items())
        raise FloatingPointError(reasons)
    runner = Runner(study, grid, opened, Scratch(opened.reference, 1))
    yield runner.reference()[0]
    for scenario in study.scenarios[1:]:
        deal = Deal.of(draw, 1, study.options.seed)
        seen, _ = runner.run(scenario, scenario.plan, deal, (0,))
        yield seen[0]
