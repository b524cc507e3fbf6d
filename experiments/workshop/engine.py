"""The live answer: graphs of scenarios within a blink, and with all draws when the hand rests.

One thread runs what pages ask, the newest question of each page only, pages in turn: first a few
draws for whoever waits (as many as fit in the time), then the rest, a few draws at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock, Thread

import numpy as np
import numpy.typing as npt

from experiments.runs.attributes import attributes
from experiments.runs.study import Options, build_study
from experiments.workshop.answers import BRANCH_YEAR, Answer, Ask, Fan
from experiments.workshop.baseline import BRANCH, Baseline, open_baseline
from experiments.workshop.estimate import bands, change_of, filled, peak_of
from experiments.workshop.graphs import load_graphs
from experiments.workshop.runs import SINCE, Runs
from experiments.workshop.view import Graph
from model.errors import InputError
from scenarios.library import Library, checked_scenario
from scenarios.lines import Document
from scenarios.schema import Plan, ScenarioFile

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]

BUDGET = 0.1  # seconds that a preview may take
FEWEST, STEP = 2, 2  # draws of a preview at least, and of one turn at rest
REMEMBERED = 512  # scenarios with their graphs
LATELY, REST = 5.0, 0.1  # seconds; for each page that moved lately, so long a hand must rest
TOLD_AT = (0.1, 0.25, 0.5, 1.0)  # shares of all draws at which a page hears more
MOVES = {
    "branch",
    "levers",
    "trends",
    "central_trends",
    "events",
    "rules",
    "changes",
    "settings",
    "blocks",
}


@dataclass
class _Work:
    """One scenario on some graphs: what has been run. ``found`` (graphs, N, years)."""

    plan: Plan
    graphs: tuple[Graph, ...]
    found: Float
    done: Bool
    preview: Float | None = None  # (graphs, k, years)
    steps: list[tuple[int, slice]] = field(default_factory=list)  # still to be run, last first
    told: Answer | None = None  # what was told last
    turn: Lock = field(default_factory=Lock)  # held while draws of it are run


@dataclass
class _Asked:
    """The newest question of a page, and how far it was answered: draws told by scenario."""

    ask: Ask
    since: float
    told: dict[int, int] = field(default_factory=dict)


class Engine:
    """Answers pages. All methods may be called from any thread."""

    def __init__(self, baseline: Baseline, threads: int) -> None:
        self.baseline, self.study = baseline, baseline.study
        self.library: Library = self.study.library
        self.catalogue = self.library.catalogue
        self.draws, self.seed = baseline.draws, self.study.options.seed
        self._runs = Runs(baseline, threads)
        self._known: OrderedDict[str, _Work] = OrderedDict()
        self._current: dict[Graph, Fan] = {}  # current policy
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._lately: dict[str, float] = {}  # when each page asked last
        self._wake = Condition()
        self._pace = BUDGET / STEP  # seconds a draw of a preview takes
        self._first = [0, *np.cumsum([len(block.numbers) for block in baseline.blocks]).tolist()]
        self._closed = False
        self._thread = Thread(target=self._serve, name="engine", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        draws: int = 200,
        seed: int = 1,
        catalogue: Path | None = None,
        threads: int = 2,
        progress: Callable[[int], None] = lambda draws: None,
    ) -> Engine:
        """Run current policy in all draws. Raises InputError, FloatingPointError."""
        options = Options(draws=draws, seed=seed, catalogue=catalogue, plots="none")
        study = build_study(options)
        indicators = load_graphs(study.layout.catalogue).indicators
        return cls(open_baseline(study, indicators, threads=threads, progress=progress), threads)

    def close(self) -> None:
        """Stop answering."""
        with self._wake:
            self._closed = True
            self._asked.clear()
            self._wake.notify()
        self._thread.join()

    # What a scenario is

    def plan(self, scenario: ScenarioFile) -> Plan:
        """What a scenario moves, checked. Raises InputError with key, given and allowed."""
        named = scenario.model_copy(update={"title": "page", "description": "page"})
        document = Document("scenario", scenario.model_dump(by_alias=True), {})
        found = checked_scenario(named, document, "", self.library)
        if found.branch != BRANCH:
            allowed = f"{BRANCH_YEAR}-01: scenarios of the page set out there"
            raise InputError("another branch", key="branch", given=scenario.branch, allowed=allowed)
        return found.plan

    def key(self, scenario: ScenarioFile) -> str:
        """The same for scenarios that move the same."""
        moves = scenario.model_dump(include=MOVES, by_alias=True, exclude_defaults=True)
        told = json.dumps(moves, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def applies(self, graph: Graph) -> bool:
        """Whether anything is known of a graph."""
        try:
            return bool(np.isfinite(self.baseline.of(graph)).any())
        except InputError:
            return False

    def provenance(self) -> dict[str, str]:
        """What the numbers rest on."""
        return {key: str(value) for key, value in attributes(self.study).items()}

    # Answers

    def reference(self, graph: Graph) -> Fan:
        """Current policy. Raises InputError for what no graph shows."""
        if graph not in self._current:
            self._current[graph] = Fan(graph, bands(self.baseline.of(graph)))
        return self._current[graph]

    def ask(self, ask: Ask) -> None:
        """Answer a page; what it asked before is dropped."""
        with self._wake:
            if not self._closed:
                self._asked[ask.client] = _Asked(ask, time.perf_counter())
                self._lately[ask.client] = time.perf_counter()
                self._wake.notify()

    def forget(self, client: str) -> None:
        """A page is gone."""
        with self._wake:
            self._asked.pop(client, None)
            self._lately.pop(client, None)

    @property
    def asked(self) -> int:
        """Pages that more draws may still be run for."""
        with self._wake:
            return len(self._asked)

    @property
    def waiting(self) -> int:
        """Pages that have heard nothing yet of what they asked last."""
        with self._wake:
            return sum(not asked.told for asked in self._asked.values())

    def answer(
        self, scenario: ScenarioFile, graphs: Sequence[Graph], draws: int | None = None
    ) -> Answer:
        """Graphs of one scenario, run here and now. Raises InputError."""
        work = self._work(scenario, tuple(graphs))
        self._run_until(work, draws)
        return self._told(work)

    def values(
        self, scenario: ScenarioFile, graphs: Sequence[Graph], draws: int | None = None
    ) -> Float:
        """Draws of graphs of one scenario, (graphs, draws, years from 2010). Raises InputError."""
        work = self._work(scenario, tuple(graphs))
        self._run_until(work, draws)
        before = np.stack([self.baseline.of(graph) for graph in work.graphs])
        done = work.done.copy()  # another thread may be at it
        return np.concatenate([before[:, done, :SINCE], work.found[:, done]], axis=2)

    def plans_values(
        self,
        plans: Sequence[Plan],
        graphs: Sequence[Graph],
        draws: int = 8,
        progress: Callable[[int], bool] = lambda done: True,
    ) -> Float:
        """Graphs of many plans in a few draws that stand for all: (plans, graphs, draws, years).

        ``progress`` hears how many plans are done and says whether to go on: the plans that were
        not run are NaN. Raises InputError.
        """
        count = min(draws, len(self.baseline.preview.numbers))
        years = self.study.months // 12 - SINCE
        found = np.full((len(plans), len(graphs), count, years), np.nan)
        for i, plan in enumerate(plans):
            if not progress(i):
                break
            for k in range(0, count, STEP):  # in turns, for those whose hand moves
                few = slice(k, min(k + STEP, count))
                found[i][:, few] = self._runs.run(plan, self.baseline.preview, few, graphs)
        return found

    # Work

    def _work(self, scenario: ScenarioFile, graphs: tuple[Graph, ...]) -> _Work:
        """What is known of a scenario on some graphs. Raises InputError."""
        told = f"{self.key(scenario)} {graphs}"
        with self._wake:
            if told in self._known:
                self._known.move_to_end(told)
                return self._known[told]
        for graph in graphs:
            self.baseline.at(graph)
        size, plan = self.study.months // 12 - SINCE, self.plan(scenario)
        work = _Work(
            plan=plan,
            graphs=graphs,
            found=np.full((len(graphs), self.draws, size), np.nan),
            done=np.zeros(self.draws, dtype=np.bool_),
            steps=self._steps(plan),
        )
        with self._wake:
            self._known[told] = work
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return work

    def _steps(self, plan: Plan) -> list[tuple[int, slice]]:
        """Turns of a plan, the last first. With rules the history runs again: one draw a turn."""
        step = 1 if plan.rules else STEP
        return [
            (b, slice(k, min(k + step, len(block.numbers))))
            for b, block in enumerate(self.baseline.blocks)
            for k in range(0, len(block.numbers), step)
        ][::-1]

    def _run_until(self, work: _Work, draws: int | None) -> None:
        wanted = self.draws if draws is None else min(draws, self.draws)
        while work.done.sum() < wanted and self._step(work):
            pass

    def _step(self, work: _Work) -> bool:
        """Run a few more draws; whether there were any. Raises InputError."""
        with work.turn:  # whoever waits here finds the draws of the other done
            if not work.steps:
                return False
            b, few = work.steps[-1]
            block = self.baseline.blocks[b]
            found = self._runs.run(work.plan, block, few, work.graphs)
            at = slice(self._first[b] + few.start, self._first[b] + few.stop)
            work.found[:, at] = found
            work.done[at] = True
            work.steps.pop()
            return True

    def _told(self, work: _Work) -> Answer:
        """The same object until more draws are run."""
        done = work.done.copy()  # another thread may be at it
        ran, values = np.flatnonzero(done), work.found[:, done]
        if work.preview is not None and len(ran) < work.preview.shape[1]:
            ran, values = self.baseline.ran[: work.preview.shape[1]], work.preview
        told = work.told
        if told is None or told.draws + told.lost != ran.size:
            told = work.told = self._summed(work.graphs, ran, values)
        return told

    def _summed(self, graphs: Sequence[Graph], ran: Int, values: Float) -> Answer:
        """The answer that some draws (k,) with their values (graphs, k, years) give."""
        sound = np.isfinite(values).any(axis=(0, 2))
        if not sound.any():
            why = InputError("the model breaks down in every draw of this scenario")
            return Answer((), 0, self.draws, int(ran.size), why)
        lost = ran[~sound]
        fans = tuple(
            self._fan(graph, ran[sound], values[g, sound], lost) for g, graph in enumerate(graphs)
        )
        count = int(ran.size - lost.size)
        return Answer(fans, count, self.draws, int(lost.size))

    def _fan(self, graph: Graph, ran: Int, found: Float, lost: Int) -> Fan:
        reference = self.baseline.of(graph)
        unit = next(row.unit for row in self.catalogue.indicators if row.id == graph.indicator)
        future = filled(reference[:, SINCE:], ran, found, unit)
        future[lost] = np.nan  # left out, and told
        whole = np.concatenate([reference[:, :SINCE], future], axis=1)
        change = change_of(whole[:, -1], reference[:, -1])
        peak = peak_of(future, reference[:, SINCE:], BRANCH_YEAR)
        return Fan(graph, bands(whole), change, peak)

    # The thread

    def _few(self, waiting: int) -> int:
        """Draws of a preview: as many as fit in the time, fewer when many wait."""
        fit = int(BUDGET / self._pace / max(1, waiting))
        return max(FEWEST, min(fit - fit % 2, len(self.baseline.preview.numbers)))

    def _serve(self) -> None:
        while True:
            with self._wake:
                while (turn := self._next()) is None and not self._closed:
                    self._wake.wait(REST if self._asked else None)
                if self._closed or turn is None:
                    return
            try:
                self._answer(*turn)
            except Exception:  # one question must not silence all pages
                logging.getLogger(__name__).exception("an answer")
                self._give_up(*turn)

    def _give_up(self, asked: _Asked, number: int) -> None:
        asked.told[number] = self.draws
        why = InputError("something went wrong while this scenario was computed")
        with suppress(Exception):  # a page that cannot hear
            asked.ask.told(number, Answer((), 0, self.draws, broken=why))

    def _next(self) -> tuple[_Asked, int] | None:
        """Whose turn it is, and for which of its scenarios: first who has heard nothing yet."""
        rest: tuple[_Asked, int] | None = None
        now = time.perf_counter()
        pages = sum(now - asked < LATELY for asked in self._lately.values())
        for client, asked in list(self._asked.items()):
            for number in range(len(asked.ask.scenarios)):
                if number not in asked.told:
                    self._asked.move_to_end(client)
                    return asked, number
            # In a busy room a hand hardly rests: its draws would take time from those that move.
            rested = now - asked.since >= REST * pages
            if rest is None and rested and not asked.ask.live:
                less = [n for n, draws in asked.told.items() if draws < self.draws]
                rest = (asked, min(less, key=lambda n: asked.told[n])) if less else None
            if asked.ask.live or all(draws >= self.draws for draws in asked.told.values()):
                del self._asked[client]
        if rest is not None:
            self._asked.move_to_end(rest[0].ask.client)
        return rest

    def _answer(self, asked: _Asked, number: int) -> None:
        """One turn of the engine for one scenario of a page."""
        ask = asked.ask
        try:
            work = self._work(ask.scenarios[number], ask.graphs)
            before = asked.told.get(number)
            if before is None and not work.done.any():
                self._preview(work)
            elif before is not None:
                self._step(work)
        except InputError as error:
            asked.told[number] = self.draws
            ask.told(number, Answer((), 0, self.draws, broken=error))
            return
        count = int(work.done.sum())
        first = before is None
        asked.told[number] = count if work.steps else self.draws
        told = [share for share in TOLD_AT if (before or 0) < share * self.draws <= count]
        if first or told or not work.steps:
            ask.told(number, self._told(work))

    def _preview(self, work: _Work) -> None:
        if work.preview is not None:
            return
        few, began = self._few(self.waiting), time.perf_counter()
        block = self.baseline.preview
        work.preview = self._runs.run(work.plan, block, slice(0, few), work.graphs)
        self._pace += 0.2 * ((time.perf_counter() - began) / few - self._pace)
