"""Some draws of every scenario of a study: simulated, observed, and cut to what is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.predict import series_values
from experiments.runs.results import Single, split_marginals
from experiments.runs.study import Study
from model.adaptive import Branch, Part, run_with_rules
from model.choice import EVERYTHING, Choice
from model.compartments import (
    Output,
    Prepared,
    State,
    prepare,
    reference_and_branches,
    simulate_into,
)
from model.forcing import Forcing
from model.history import history_changes
from model.observation import observe
from model.parameters import Draws
from model.rates import build_rates
from scenarios.compose import Composed, compose
from scenarios.schema import Scenario
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

LATER = 2  # Januaries after each branch at which the reference's state is kept


@dataclass
class Observed:
    """Variables of some draws, by scenario: in full detail, in short, and months of rules.

    Shape (draws, ...) each.
    """

    detailed: list[dict[str, Single]] = field(default_factory=list)
    compact: list[dict[str, Single]] = field(default_factory=list)
    rules: list[dict[str, Int]] = field(default_factory=list)


@dataclass(frozen=True)
class Simulated:
    """One scenario of some draws. ``output`` is overwritten by the next: use it at once.

    ``taken`` (draws,): month in which each rule acted.
    """

    output: Output
    forcing: Forcing
    taken: dict[str, Int]


@dataclass(frozen=True)
class Bench:
    """Some draws of a study, ready to run any scenario from the shared history.

    ``states``: states of the reference, at each branch and the next Januaries among them;
    ``reference``: its whole run.
    """

    study: Study
    first: int
    draws: Draws
    prepared: Prepared
    reference: Output
    states: dict[int, State]
    scratch: Output

    def composed(self, scenario: Scenario) -> Composed:
        """What a scenario comes to in these draws."""
        deal = Deal.of(self.first, self.draws.size, self.study.options.seed)
        return compose(scenario.plan, self.study.run_of(scenario, deal))

    def run(self, branch: int, composed: Composed) -> Simulated:
        """A scenario from its branch on; with nothing changed, the reference itself."""
        forcing = self.prepared.forcing(composed.changes)
        if not composed.changes and not composed.rules:
            return Simulated(self.reference, forcing, {})
        year, months = branch // 12, self.study.months
        # Until something acts the run is the reference's: it sets out from the last kept state.
        acts = branch if composed.rules else first_acting(composed, self.prepared, branch)
        state = self.states[max(month for month in self.states if branch <= month <= acts)]
        for name in Output._fields:
            getattr(self.scratch, name)[:, year:] = getattr(self.reference, name)[:, year:]
        if not composed.rules:
            simulate_into(self.scratch, self.prepared, forcing, months, state)
            return Simulated(self.scratch, forcing, {})
        catalogue = self.study.layout.catalogue
        decided = run_with_rules(
            Part(self.prepared, self.draws, catalogue, self.first),
            Branch(forcing, state, self.scratch),
            composed.rules,
            months,
            self.study.options.seed,
        )
        taken = {
            rule.id: months for rule, months in zip(composed.rules, decided.taken, strict=True)
        }
        return Simulated(decided.output, decided.forcing, taken)


def first_acting(composed: Composed, prepared: Prepared, branch: int) -> int:
    """The first month, from the branch on, in which a change is not neutral."""
    structure = prepared.structure
    months = [
        int(np.argmax((np.atleast_2d(change.values) != neutral).any(axis=0)))
        for change in composed.changes
        for neutral in [structure.neutral[structure.handles.index(change.handle)]]
    ]
    return max(min(months, default=branch), branch)


def open_bench(study: Study, first: int, last: int, only: Collection[int] | None = None) -> Bench:
    """Draws ``first`` to ``last`` (not included), with the reference run.

    ``only``: months at which its state is kept, when no branch will run from here. Raises
    FloatingPointError when the model breaks down.
    """
    draws = study.draws.slice(first, last)
    rates = build_rates(study.structure, study.strata, study.demography.start, draws)
    history = history_changes(
        study.layout.catalogue, draws, study.structure, study.strata, study.months
    )
    prepared = prepare(study.structure, study.strata, study.demography, rates, history)
    branches = {scenario.branch for scenario in study.scenarios[1:]} if only is None else set()
    # Most measures begin in a January after the branch: those states are kept as well.
    januaries = {12 * (month // 12 + later) for month in branches for later in range(1, LATER + 1)}
    kept = branches | set(only or ()) | {month for month in januaries if month < study.months}
    try:
        reference, states = reference_and_branches(prepared, kept)
    except FloatingPointError as error:
        raise FloatingPointError(f"{error} (counted from draw {first} of the run)") from None
    scratch = Output(*(array.copy() for array in reference)) if branches else reference
    return Bench(study, first, draws, prepared, reference, states, scratch)


def run_part(study: Study, first: int, last: int) -> Observed:
    """Draws ``first`` to ``last`` (not included) of every scenario, as variables of the files.

    Draws do not know of each other, so any division into parts gives the same numbers. Raises
    FloatingPointError when the model breaks down, naming the draws.
    """
    bench = open_bench(study, first, last)
    found = Observed()
    try:
        for number, simulated in enumerate(_simulate_all(bench)):
            if number < len(study.layout.scenarios):
                found.detailed.append(in_detail(bench, simulated))
            if len(study.scenarios) > 1:
                same = number > 0 and simulated.output is bench.reference
                found.compact.append(found.compact[0] if same else in_short(bench, simulated))
                found.rules.append(simulated.taken)
    except FloatingPointError as error:
        raise FloatingPointError(f"{error} (counted from draw {first} of the run)") from None
    return found


def _simulate_all(bench: Bench) -> Iterator[Simulated]:
    yield Simulated(bench.reference, bench.prepared.forcing(), {})
    for scenario in bench.study.scenarios[1:]:
        yield bench.run(scenario.branch, bench.composed(scenario))


def _seen(bench: Bench, simulated: Simulated, cells: Float, choice: Choice) -> dict[str, Float]:
    """Indicators of the cells, (draws, years, products + unions, cells) each."""
    catalogue = bench.study.layout.catalogue
    output, forcing = simulated.output, simulated.forcing
    return observe(bench.prepared, bench.draws, catalogue, output, forcing, cells, choice=choice)


def in_detail(bench: Bench, simulated: Simulated) -> dict[str, Single]:
    """Variables of ``results.nc``, the draws of the bench first.

    Shapes and units as in the layout of the study.
    """
    study = bench.study
    values = _seen(bench, simulated, study.cells, EVERYTHING)
    first = len(study.cells) - len(study.groups)
    wanted = study.layout.variables()
    found: dict[str, Single] = {}
    for name, cells in values.items():
        parts = split_marginals(name, cells[..., :first])
        found |= {part: parts[part] for part in parts if part in wanted}
    persons = simulated.output.lived @ study.cells[first:].T
    people = {name: value[..., first:] for name, value in values.items()}
    series = series_values(people, persons, study.layout.series, study.layout.catalogue)
    found["survey"] = series.astype(np.float32)
    return found


def in_short(bench: Bench, simulated: Simulated) -> dict[str, Single]:
    """Variables of ``scenarios.nc``, the draws of the bench first.

    Shapes and units as in the compact layout of the study.
    """
    study = bench.study
    choice = Choice.of(study.compact.names, study.compact.since)
    values = _seen(bench, simulated, study.group_cells, choice)
    return {name: values[name].astype(np.float32) for name in study.compact.names if name in values}
