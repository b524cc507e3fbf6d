"""Scenarios of the page, simulated from the branch on in some draws, and read off for its graphs.

One at a time: the memory that a run writes into is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Lock

import numpy as np
import numpy.typing as npt

from experiments.batch.histories import History, Opened, open_histories
from experiments.runs.parts import first_acting
from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR
from experiments.workshop.baseline import BLOCK, BRANCH, Baseline, Block, restore
from experiments.workshop.view import Graph
from model.adaptive import Branch, Part, run_with_rules
from model.choice import Choice
from model.compartments import BrokenDown, Output, simulate_into
from model.forcing import Forcing, Room
from model.observation import observe
from scenarios.compose import Composed, Run, compose
from scenarios.schema import Plan
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]

SINCE = BRANCH_YEAR - FIRST_YEAR


class Runs:
    """Runs plans in draws of a baseline; safe to be called from several threads."""

    def __init__(self, baseline: Baseline, threads: int) -> None:
        self.baseline, self.threads = baseline, threads
        self._turn, self._room = Lock(), Room()
        like = baseline.preview.opened.reference
        self._scratch = Output(*(np.empty((BLOCK, *array.shape[1:])) for array in like))

    def run(self, plan: Plan, block: Block, few: slice, graphs: Sequence[Graph]) -> Float:
        """Graphs from the year of the branch on, (graphs, draws, years), in draws of a block.

        NaN in draws that break down. Raises InputError for what no forcing may have.
        """
        if plan.rules and not block.whole:  # rules look at years that are not kept
            block, few = self._whole(block, few), slice(0, few.stop - few.start)
        with self._turn:
            return self._run(plan, block, few, graphs)

    def _whole(self, block: Block, few: slice) -> Block:
        study, numbers = self.baseline.study, block.numbers[few]
        opened, _ = open_histories(study, (), [History(int(d)) for d in numbers], {BRANCH})
        assert opened is not None  # they have run before
        return Block(numbers, opened, whole=True)

    def _run(self, plan: Plan, block: Block, few: slice, graphs: Sequence[Graph]) -> Float:
        study, numbers = self.baseline.study, block.numbers[few]
        deal = Deal(numbers, study.options.seed)
        run = Run(study.library, study.structure, study.strata, BRANCH, study.months, deal)
        composed = compose(plan, run)
        if not composed.changes and not composed.rules:
            places = [int(np.flatnonzero(self._numbers == number)[0]) for number in numbers]
            return np.stack([self.baseline.of(graph)[places][:, SINCE:] for graph in graphs])
        if composed.rules and len(numbers) > 1 and not _in_turn(numbers):
            # Noise of figures goes by numbers that follow each other: these run one by one.
            parts = [
                self._run(plan, block, slice(k, k + 1), graphs) for k in range(few.start, few.stop)
            ]
            return np.concatenate(parts, axis=1)
        index = tuple(range(few.start, few.stop))
        restore(self._scratch, block, few)
        output = Output(*(array[: len(index)] for array in self._scratch))
        broken: list[int] = []
        forcing = block.opened.chosen(index).prepared.forcing(composed.changes, self._room)
        try:
            forcing = self._simulate(composed, forcing, block.opened, index, output, numbers)
        except BrokenDown as error:
            broken = list(error.failed)
        if len(broken) == len(index):
            return np.full((len(graphs), len(index), study.months // 12 - SINCE), np.nan)
        for d in broken:  # observed as the others are, and not shown
            sound = next(k for k in range(len(index)) if k not in broken)
            for array in output:
                array[d] = array[sound]
        seen = self._seen(block.opened, index, output, forcing, graphs)
        seen[:, broken] = np.nan
        return seen

    @property
    def _numbers(self) -> npt.NDArray[np.int64]:
        return np.concatenate([block.numbers for block in self.baseline.blocks])

    def _simulate(
        self,
        composed: Composed,
        forcing: Forcing,
        opened: Opened,
        index: tuple[int, ...],
        output: Output,
        numbers: npt.NDArray[np.int64],
    ) -> Forcing:
        """Run into ``output``; what was really forced. Raises BrokenDown."""
        study, chosen = self.baseline.study, opened.chosen(index)
        advance = partial(simulate_into, threads=self.threads)
        acts = BRANCH if composed.rules else first_acting(composed, chosen.prepared, BRANCH)
        month = max(month for month in opened.states if BRANCH <= month <= acts)
        state = opened.states[month].chosen(index)
        if month > BRANCH:  # years that are those of current policy
            years = slice(BRANCH // 12, month // 12)
            for mine, known in zip(output, opened.reference, strict=True):
                mine[:, years] = known[list(index), years]
        if not composed.rules:
            advance(output, chosen.prepared, forcing, study.months, state)
            return forcing
        part = Part(chosen.prepared, chosen.draws, study.layout.catalogue, int(numbers[0]))
        way = Branch(forcing, state, output)
        seed = study.options.seed
        return run_with_rules(part, way, composed.rules, study.months, seed, advance).forcing

    def _seen(
        self,
        opened: Opened,
        index: tuple[int, ...],
        output: Output,
        forcing: Forcing,
        graphs: Sequence[Graph],
    ) -> Float:
        baseline, chosen = self.baseline, opened.chosen(index)
        places = [baseline.at(graph) for graph in graphs]
        rows = sorted({place for _, place in places})
        values = observe(
            chosen.prepared,
            chosen.draws,
            baseline.study.layout.catalogue,
            output,
            forcing,
            baseline.cells[rows],
            choice=Choice.of({graph.indicator for graph in graphs}, SINCE),
        )
        found = [
            values[graph.indicator][:, :, p, rows.index(place)]
            for graph, (p, place) in zip(graphs, places, strict=True)
        ]
        # As precise as current policy is kept, so that what does not change does not differ.
        return np.stack(found).astype(np.float32).astype(np.float64)


def _in_turn(numbers: npt.NDArray[np.int64]) -> bool:
    return bool((np.diff(numbers) == 1).all())
