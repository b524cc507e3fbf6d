"""Rows of a batch with agents: each draw as a bench of its own, with the seeds that are asked for.

As in a run with agents (``experiments.runs.agent_run``): the same seeds, set out from 2010;
scenarios and points of one draw share its states in the month of the first branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.batch.clock import in_engine
from experiments.batch.columns import Columns, Grid
from experiments.batch.histories import History, Opened, open_histories
from experiments.batch.job import Float, Single
from experiments.batch.points import deal_at, history_at, past_factors, plan_at, switches_at
from experiments.batch.runs import Runs, told
from experiments.runs.agent_run import KEPT, START, seed_numbers
from model.adaptive import Part, Rule
from model.agents.engine import AgentRun, Checkpoints, Request, simulate_agents
from model.agents.reacting import Reaction, simulate_reacting
from model.agents.terms import terms
from model.errors import InputError
from model.forcing import Forcing
from model.prepared import Output
from scenarios.compose import compose
from scenarios.schema import Scenario

if TYPE_CHECKING:
    from experiments.batch.plan import Batch

Int = npt.NDArray[np.int64]


def computed_agents(batch: Batch, runs: Runs) -> tuple[Single, dict[int, str]]:
    """Values (runs, M) in units of the outputs, and why some have none, by number of the run."""
    columns = Columns.of(batch.study, batch.kept, batch.outputs)
    values = np.full((runs.size, len(columns.at)), np.nan, dtype=np.float32)
    failed: dict[int, str] = {}
    members: dict[History, dict[tuple[str, ...], list[int]]] = {}
    for i in range(runs.size):
        point = int(runs.point[i])
        past = members.setdefault(history_at(batch, int(runs.draw[i]), point), {})
        past.setdefault(switches_at(batch, point), []).append(i)
    for history, variants in members.items():
        opened, broken = open_histories(batch.study, past_factors(batch), [history], {START})
        for switches, mine in variants.items():
            if opened is None:
                failed |= dict.fromkeys(mine, broken[history])
                continue
            seeds = len({int(runs.seed[i]) for i in mine})
            twins = _Twins(batch, columns.grid, opened, switches, seeds)
            for i, found in twins.run(runs, mine):
                if isinstance(found, str):
                    failed[i] = found
                    continue
                # Few agents may make a ratio infinite, as by chance nobody is counted below.
                seen = np.where(np.isinf(found), np.nan, found)[None]
                values[i] = columns.cut(seen)[0]
                wrong = columns.wrong(seen, values[[i]])
                if wrong:
                    failed[i], values[i] = wrong[0], np.nan
    return values, {i: told(batch, runs, i, reason) for i, reason in failed.items()}


class _Twins:
    """Agents of one draw with some switches; states are shared in the month of the first branch."""

    def __init__(
        self, batch: Batch, grid: Grid, opened: Opened, switches: Sequence[str], seeds: int
    ) -> None:
        assert batch.agents is not None
        self.batch, self.grid, self.opened = batch, grid, opened
        self.agents = replace(batch.agents, switches=(*batch.agents.switches, *switches))
        self.draw = opened.histories[0].draw
        branch = min(scenario.branch for scenario in batch.scenarios)
        room = self.agents.size * seeds <= KEPT
        self._checkpoints = Checkpoints(branch) if room and branch > START else None
        self._idle: dict[int, Float | str] = {}  # runs of current policy by seed

    def run(self, runs: Runs, mine: Sequence[int]) -> Iterator[tuple[int, Float | str]]:
        """What each run shows, cells of the grid, or why it broke down."""
        groups: dict[tuple[int, int], list[int]] = {}
        for i in mine:
            groups.setdefault((int(runs.scenario[i]), int(runs.point[i])), []).append(i)
        for (scenario, point), own in groups.items():
            seeds = sorted({int(runs.seed[i]) for i in own})
            found = self._at(self.batch.scenarios[scenario], point, seeds)
            for i in own:
                yield i, found[int(runs.seed[i])]

    def _at(self, scenario: Scenario, point: int, seeds: list[int]) -> dict[int, Float | str]:
        batch, at = self.batch, np.array([point])
        try:
            deal = deal_at(batch, np.array([self.draw]), at)
            run = batch.study.run_of(scenario, deal)
            composed = compose(plan_at(batch, scenario, at), run)
            forcing = self.opened.prepared.forcing(composed.changes)
        except InputError as error:
            return dict.fromkeys(seeds, str(error))
        if composed.rules or composed.changes:
            return self._simulated(forcing, composed.rules, scenario.branch, seeds)
        missing = [seed for seed in seeds if seed not in self._idle]
        if missing:
            self._idle |= self._simulated(forcing, (), scenario.branch, missing)
        return self._idle

    def _simulated(
        self, forcing: Forcing, rules: tuple[Rule, ...], since: int, seeds: list[int]
    ) -> dict[int, Float | str]:
        """Runs with these seeds; where they break down together, one after the other."""
        try:
            run, forcings = self._once(forcing, rules, since, seeds)
        except FloatingPointError as error:
            if len(seeds) == 1:
                return {seeds[0]: str(error)}
            found: dict[int, Float | str] = {}
            for seed in seeds:
                found |= self._simulated(forcing, rules, since, [seed])
            return found
        prepared, draws = self.opened.prepared, self.opened.draws
        outputs = [Output(*(one[k : k + 1] for one in run.output)) for k in range(len(seeds))]
        return {
            seed: self.grid.seen(prepared, draws, output, forced)[0]
            for seed, output, forced in zip(seeds, outputs, forcings, strict=True)
        }

    def _once(
        self, forcing: Forcing, rules: tuple[Rule, ...], since: int, seeds: list[int]
    ) -> tuple[AgentRun, Sequence[Forcing]]:
        study, opened = self.batch.study, self.opened
        months, seed = study.months, study.options.seed
        where = opened.states[START], months, self._request(seeds)
        rest = study.options.threads, self._checkpoints
        if not rules:
            with in_engine():
                run = simulate_agents(opened.prepared, 0, forcing, *where, *rest)
            return run, [forcing] * len(seeds)
        part = Part(opened.prepared, opened.draws, study.layout.catalogue, self.draw)
        reaction = Reaction(part, rules, since, seed, opened.reference)
        with in_engine():
            run, forcings, _ = simulate_reacting(reaction, forcing, *where, *rest)
        return run, forcings

    def _request(self, seeds: list[int]) -> Request:
        numbers = seed_numbers(self.batch.study.options.seed, self.draw, max(seeds) + 1)
        chosen = [numbers[seed] for seed in seeds]
        return self.agents.request(chosen, terms(self.opened.draws, 0))
