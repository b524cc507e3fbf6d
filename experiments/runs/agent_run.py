"""A run with agents: every draw from January 2010, with several seeds, scenario by scenario.

Scenarios share the seeds of a draw, so that chance is the same wherever a scenario changes
nothing: before its branch a run equals the reference to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.runs.agent_options import Agents
from experiments.runs.agent_results import FILE as AGENTS
from experiments.runs.agent_results import AgentWriter
from experiments.runs.parts import Bench, Simulated, in_detail, in_short, open_bench
from experiments.runs.results import FILE, Single, Writer
from experiments.runs.scenario_results import FILE as SCENARIOS
from experiments.runs.scenario_results import ScenarioWriter
from experiments.runs.study import Study
from model.adaptive import Part, Rule
from model.agents.engine import AgentRun, Checkpoints, Request, estimate, simulate_agents
from model.agents.reacting import Reaction, simulate_reacting
from model.agents.terms import terms
from model.forcing import Forcing
from model.prepared import Output
from model.streams import stream
from scenarios.schema import Scenario

Int = npt.NDArray[np.int64]

START = 0  # month in which agents set out: January 2010
NUMBERS = 2**32  # of seeds
KEPT = 12_000_000  # agents of all seeds whose states are kept at most: about a gigabyte


def run_agents(
    study: Study, folder: Path, told: Mapping[str, str | int], progress: Callable[[int], None]
) -> Thinning:
    """Simulate, observe and write every draw; ``progress`` gets draws as they end.

    ``told``: attributes of the files. Raises FloatingPointError when the model breaks down.
    """
    thinning = Thinning()
    with ExitStack() as files:
        detailed = files.enter_context(Writer(folder / FILE, study.layout, told))
        agents = files.enter_context(AgentWriter(folder / AGENTS, study, told))
        compact = None
        if len(study.scenarios) > 1:
            writer = ScenarioWriter(folder / SCENARIOS, study.compact, told)
            compact = files.enter_context(writer)
        for draw in range(study.options.draws):
            twin = open_twin(study, draw)
            for number, scenario in enumerate(study.scenarios):
                found = twin.observed(scenario)
                if number < len(study.layout.scenarios):
                    detailed.write(number, draw, found.detailed())
                if compact is not None:
                    compact.write(number, draw, found.compact())
                    compact.write_rules(number, draw, found.rules())
                agents.write(number, draw, found.run.extra)
                thinning.add(found.run)
            progress(1)
        for file in (detailed, agents, compact):
            if file is not None:
                file.tell(thinning.attributes())
    return thinning


@dataclass
class Thinning:
    """How the runs were thinned: a candidate is a time at which somebody may move.

    ``months`` of agents; ``beyond``: candidates whose hazard was above what candidates cover, so
    that fewer moved than should have.
    """

    candidates: int = 0
    months: float = 0.0
    beyond: int = 0

    def add(self, run: AgentRun) -> None:
        """Count a run."""
        self.candidates += run.candidates
        self.months += run.candidates / run.caps if run.caps > 0.0 else 0.0
        self.beyond += run.beyond

    @property
    def share(self) -> float:
        """Share of candidates whose hazard was cut off."""
        return self.beyond / max(self.candidates, 1)

    def attributes(self) -> dict[str, str | int]:
        """Of the datasets; nothing where no hazard was cut off."""
        return {"hazards_cut_off": f"{self.share:.3g} of candidates"} if self.beyond else {}

    def caution(self) -> str | None:
        """What a reader must know; None where there is nothing."""
        if not self.beyond:
            return None
        return (
            f"Caution: in {self.share:.2g} of all candidates for a move ({self.beyond:,} of "
            f"{self.candidates:,}) the hazard was above what the agents cover and was cut off: "
            "slightly fewer moved than should have"
        )

    def lines(self) -> list[str]:
        """For the log of the run."""
        caps = self.candidates / max(self.months, 1.0)
        return [
            f"{caps:8.3f}    candidates per agent and month",
            f"{self.beyond:8}    candidates with a hazard above what is covered "
            f"({self.share:.2g} of {self.candidates:,})",
        ]


@dataclass(frozen=True)
class Found:
    """A scenario of one draw, simulated with every seed.

    ``forcings`` by seed; ``taken``: month in which each rule acted, (seeds,) each.
    """

    bench: Bench
    forcings: tuple[Forcing, ...]
    run: AgentRun
    taken: dict[str, Int] = field(default_factory=dict)

    def rules(self) -> dict[str, Int]:
        """Months in which rules acted, (1 draw, seeds) each."""
        return {rule: months[None] for rule, months in self.taken.items()}

    def detailed(self) -> dict[str, Single]:
        """Variables of ``results.nc``, (1 draw, seeds, ...), in the units of their indicators."""
        return _stacked([in_detail(self.bench, one) for one in self._seeds()])

    def compact(self) -> dict[str, Single]:
        """Variables of ``scenarios.nc``, (1 draw, seeds, ...), in the units of their indicators."""
        return _stacked([in_short(self.bench, one) for one in self._seeds()])

    def _seeds(self) -> list[Simulated]:
        """One seed after the other: what is observed of a draw needs that draw's parameters."""
        output = self.run.output
        parts = (Output(*(array[k : k + 1] for array in output)) for k in range(len(output.lived)))
        pairs = zip(parts, self.forcings, strict=True)
        return [Simulated(part, forcing, {}) for part, forcing in pairs]


def _stacked(seeds: Sequence[Mapping[str, Single]]) -> dict[str, Single]:
    return {name: np.stack([one[name] for one in seeds], axis=1) for name in seeds[0]}


class Twin:
    """One draw: its compartments, which agents set out from, and runs with its seeds."""

    def __init__(self, bench: Bench, draw: int) -> None:
        self.bench, self.draw = bench, draw
        self._reference: Found | None = None
        self._checkpoints = checkpoints_of(bench.study)

    def observed(self, scenario: Scenario) -> Found:
        """A scenario; with nothing changed, the reference itself.

        Raises FloatingPointError when the model breaks down.
        """
        study = self.bench.study
        if scenario is study.scenarios[0]:
            return self.reference()
        composed = self.bench.composed(scenario)
        forcing = self.bench.prepared.forcing(composed.changes)
        if composed.rules:
            return self._react(forcing, composed.rules, scenario.branch)
        return self._run(forcing) if composed.changes else self.reference()

    def reference(self) -> Found:
        """The run of current policy, made once. Raises FloatingPointError when it breaks down."""
        if self._reference is None:
            self._reference = self._run(self.bench.prepared.forcing())
        return self._reference

    def _run(self, forcing: Forcing) -> Found:
        study, bench = self.bench.study, self.bench
        request = self._request()
        with self._named():
            run = simulate_agents(
                bench.prepared,
                0,  # the bench has this draw alone
                forcing,
                bench.states[START],
                study.months,
                request,
                study.options.threads,
                self._checkpoints,
            )
        return Found(bench, (forcing,) * len(request.seeds), run)

    def _react(self, forcing: Forcing, rules: tuple[Rule, ...], since: int) -> Found:
        study, bench = self.bench.study, self.bench
        part = Part(bench.prepared, bench.draws, study.layout.catalogue, self.draw)
        with self._named():
            run, forcings, taken = simulate_reacting(
                Reaction(part, rules, since, study.options.seed, bench.reference),
                forcing,
                bench.states[START],
                study.months,
                self._request(),
                study.options.threads,
                self._checkpoints,
            )
        months = {rule.id: months for rule, months in zip(rules, taken, strict=True)}
        return Found(bench, forcings, run, months)

    def _request(self) -> Request:
        study = self.bench.study
        agents = agents_of(study)
        numbers = seed_numbers(study.options.seed, self.draw, agents.seeds)
        return agents.request(numbers, terms(self.bench.draws, 0))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the draw where the model breaks down."""
        try:
            yield
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} (draw {self.draw} of the run)") from None


def open_twin(study: Study, draw: int) -> Twin:
    """One draw, ready to run."""
    return Twin(open_bench(study, draw, draw + 1, (START,)), draw)


def checkpoints_of(study: Study) -> Checkpoints | None:
    """Where the reference leaves its states for the scenarios: in the month of the first branch.

    None where there is nothing to save, or no room: scenarios then set out from 2010 again.
    """
    agents = agents_of(study)
    branches = [scenario.branch for scenario in study.scenarios[1:]]
    if not branches or agents.size * agents.seeds > KEPT:
        return None
    return Checkpoints(min(branches))


def agents_of(study: Study) -> Agents:
    """The agents of a study that has some."""
    assert study.options.agents is not None
    return study.options.agents


def seed_numbers(seed: int, draw: int, count: int) -> tuple[int, ...]:
    """Numbers that key the chance of each seed of a draw; more seeds begin with these."""
    numbers = stream(seed, f"seeds of agents, draw {draw}").integers(0, NUMBERS, count)
    return tuple(int(number) for number in numbers)


def plan_text(study: Study) -> str:
    """What is about to run, how long it may take and how much memory."""
    agents, options = agents_of(study), study.options
    guess = estimate(agents.size, study.months)
    runs = len(study.scenarios) * options.draws * agents.seeds
    minutes = guess.cpu_seconds * runs / max(1, options.threads) / 60
    time = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{minutes * 60:.0f} seconds"
    return (
        f"{agents.size:,} agents, each for {agents.persons:.3g} persons: {runs} runs "
        f"({len(study.scenarios)} scenarios × {options.draws} draws × {agents.seeds} seeds), "
        f"about {time} on {options.threads} threads, {guess.bytes / 1e9:.2g} GB a run; "
        "--agents, --draws and --seeds set them"
    )
