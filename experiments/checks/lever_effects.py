"""Each measure alone under the conditions of its study: the model's effect beside the published.

A trial reaches everyone it means, at once and in full; what it finds is the middle of the range.
So the measure's lag, ramp, coverage and unequal reach are left out, and its own rate of fading
stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.runs.parts import Bench, open_bench
from experiments.runs.study import Options, Study, build_study
from model.catalogue import Catalogue
from model.choice import Choice
from model.compartments import Output, State, simulate_into
from model.errors import InputError
from model.events import month_number
from model.forcing import Forcing
from model.observation import observe
from model.strata import weights
from scenarios.compose import compose
from scenarios.entries import Number
from scenarios.levers import Measure, Published, Shares, Timing
from scenarios.schema import Plan
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]

START = "2024-01"
TRANSITION = "transition:"
# The counter of completed episodes that succeed counts remission without treatment too. Those that
# end otherwise have the same pace, so their rate over their share is the rate of completing.
COMPLETION = ("completion", "completion_other")
# Totals of a year so far in the state, and the same of a whole year in the output.
_SUMS = ("time", "counted", "excess_deaths", "deaths", "lived", "overdose_deaths")
_MEANS = ("market", "price", "taken")


@dataclass(frozen=True)
class Asked:
    """How many draws, from where, and which measures (none: all that have a published effect)."""

    draws: int = 20
    seed: int = 1
    prior: bool = False
    measures: tuple[str, ...] = ()
    catalogue: Path | None = None


@dataclass(frozen=True)
class Found:
    """One measure: its published effect and the model's by draw, (D,)."""

    measure: Measure
    published: Published
    model: Float
    without: Float  # the same quantity of the reference, (D,): a risk, a rate or an indicator
    span: str  # when it is taken

    @property
    def median(self) -> float:
        """The model's middle draw, in the unit of the published effect."""
        return float(np.median(self.model))

    @property
    def inside(self) -> bool:
        """Whether the middle draw lies in the published range."""
        return self.published.low <= self.median <= self.published.high


def trial(measure: Measure, start: str = START) -> Measure:
    """The measure at once, in full and for everyone whom it means."""
    entry = measure.entry
    everyone = Number(central=1.0)
    changes = {
        "timing": Timing(start=start, fades=entry.timing.fades),
        "reach": Shares(),
        "effects": [one.model_copy(update={"coverage": everyone}) for one in entry.effects],
    }
    return replace(measure, entry=entry.model_copy(update=changes))


def trial_bench(study: Study, measures: Mapping[str, Measure], start: str = START) -> Bench:
    """All draws of a study ready to branch at ``start``, with these measures in their library."""
    library = replace(study.library, measures={**study.library.measures, **measures})
    branch = replace(study.scenarios[0], id="trial", branch=month_number(start))
    scenarios = (study.scenarios[0], branch)
    return open_bench(replace(study, library=library, scenarios=scenarios), 0, study.draws.size)


def central_forcing(bench: Bench, plan: Plan) -> Forcing:
    """What a plan does with every size in the middle of its range."""
    scenario = bench.study.scenarios[1]
    deal = Deal.of(0, bench.draws.size, bench.study.options.seed, central=True)
    return bench.prepared.forcing(compose(plan, bench.study.run_of(scenario, deal)).changes)


def all_effects(asked: Asked) -> list[Found]:
    """Every measure with a published effect. Raises InputError."""
    options = Options(
        draws=asked.draws, seed=asked.seed, prior=asked.prior, catalogue=asked.catalogue
    )
    study = build_study(options)
    return effects(study, asked.measures)


def effects(study: Study, names: Sequence[str] = ()) -> list[Found]:
    """The effects of these measures, or of all that have a published one.

    Raises InputError for a measure without one.
    """
    known = study.library.measures
    published = [measure.id for measure in known.values() if measure.entry.published is not None]
    for name in names:
        if name not in published:
            raise InputError("no published effect", key="--measure", given=name, allowed=published)
    chosen = [trial(known[name]) for name in names or published]
    bench = trial_bench(study, {measure.id: measure for measure in chosen})
    return [_found(bench, measure) for measure in chosen]


def _found(bench: Bench, measure: Measure) -> Found:
    published = measure.entry.published
    assert published is not None
    moved = central_forcing(bench, Plan({measure.id: published.position}, {}))
    with_it, without = (_value(bench, published, one) for one in (moved, bench.prepared.forcing()))
    return Found(
        measure, published, _compared(published, with_it, without), without, span(published)
    )


def span(published: Published) -> str:
    """When the quantity is taken, in words."""
    months = f"{published.months} months"
    if published.of.startswith(TRANSITION):
        what = "risk" if published.statistic == "odds_ratio" else "rate"
        return f"{what} over {months}"
    return f"at {months}" if at_the_end(published) else f"mean of {months}"


def at_the_end(published: Published) -> bool:
    """Whether the last month counts and not the mean: a ratio of odds is of people at a time."""
    return published.statistic == "odds_ratio" and not published.of.startswith(TRANSITION)


def _compared(published: Published, moved: Float, still: Float) -> Float:
    if published.statistic == "difference":
        return np.asarray(moved - still)
    if published.statistic == "odds_ratio":
        return np.asarray(moved / (1.0 - moved) / (still / (1.0 - still)))
    return np.asarray(moved / still)


def _value(bench: Bench, published: Published, forcing: Forcing) -> Float:
    """The quantity that the study compares, of one run, (D,)."""
    if published.of.startswith(TRANSITION):
        return _transition(bench, published, forcing)
    if at_the_end(published):
        return indicator(bench, published, forcing, published.months - 1, published.months)
    return indicator(bench, published, forcing, 0, published.months)


def indicator(bench: Bench, published: Published, forcing: Forcing, first: int, last: int) -> Float:
    """Mean of an indicator over months ``first`` to ``last`` after the branch, (D,).

    Years that are not whole are observed as if the rest were like the part; counts are a year's.
    """
    catalogue = bench.study.layout.catalogue
    cell = cell_of(bench, published.ages, published.sexes)
    names = owners(catalogue)
    total, length = np.zeros(bench.draws.size), 0
    for year, output, months in parts(bench, forcing, first, last):
        choice = Choice.of([published.of], year)
        seen = observe(bench.prepared, bench.draws, catalogue, output, forcing, cell, choice=choice)
        total += months * seen[published.of][:, 0, names.index(published.product), 0]
        length += months
    return np.asarray(total / length)


def owners(catalogue: Catalogue) -> list[str]:
    """Products, then unions: who the values of an indicator are of."""
    return [row.id for row in catalogue.products] + [row.id for row in catalogue.unions]


def cell_of(bench: Bench, ages: Sequence[int | None] | None, sexes: Sequence[str] | None) -> Float:
    """Share of each stratum that belongs to the people of a study, (1, S)."""
    low, high = (None, None) if ages is None else ages
    strata = bench.study.strata
    if not sexes:
        return weights(strata, age_min=low, age_max=high)[None]
    return np.asarray(sum(weights(strata, age_min=low, age_max=high, sex=sex) for sex in sexes))[
        None
    ]


def parts(bench: Bench, forcing: Forcing, first: int, last: int) -> list[tuple[int, Output, int]]:
    """Months ``first`` to ``last`` after the branch by calendar year: number of the year, output
    in which that year stands for the months of it that count, and how many they are.

    All parts share one output: its other years are whole.
    """
    branch = min(bench.states)
    start, stop = branch + first, branch + last
    state = bench.states[branch]
    for name in Output._fields:
        getattr(bench.scratch, name)[:] = getattr(bench.reference, name)
    before = _run(bench, forcing, start, state)
    after = _run(bench, forcing, stop, before)
    years = range(start // 12, (stop - 1) // 12 + 1)
    found = []
    for year in years:
        months = min(stop, 12 * year + 12) - max(start, 12 * year)
        if months < 12:
            _stretch(bench.scratch, year, months, before if start > 12 * year else None, after)
        found.append((year, bench.scratch, months))
    return found


def _run(bench: Bench, forcing: Forcing, stop: int, state: State) -> State:
    return simulate_into(bench.scratch, bench.prepared, forcing, stop, state)


def _stretch(output: Output, year: int, months: int, before: State | None, after: State) -> None:
    """Make ``months`` of a year stand for the whole: those after ``before``, until ``after``.

    A year that has ended stands in the output already, a running one in the state.
    """
    ended = after.month >= 12 * (year + 1)
    for name in (*_SUMS, *_MEANS):
        array = getattr(output, name)
        mean = name in _MEANS
        if ended:
            whole = array[:, year] * (12.0 if mean else 1.0)
        else:
            whole = getattr(after, name)
        part = whole if before is None else whole - getattr(before, name)
        array[:, year] = part / months * (1.0 if mean else 12.0)


def _transition(bench: Bench, published: Published, forcing: Forcing) -> Float:
    """Transitions a year per person at risk over the months, or with odds the risk, (D,)."""
    group = published.of.removeprefix(TRANSITION)
    counted = COMPLETION[1] if group == COMPLETION[0] else group
    product, structure = published.product, bench.prepared.structure
    if (product, counted) not in structure.counters:
        known = [name for owner, name in structure.counters if owner == product]
        raise InputError("no such transition", given=group, allowed=known)
    counter = structure.counters.index((product, counted))
    p = structure.products.index(product)
    origins = {
        row.origin
        for row, at in zip(structure.flows, structure.product_of_flow, strict=True)
        if at == p and row.counts == counted
    }
    exposed = [
        z
        for z, row in enumerate(structure.states)
        if structure.product_of_state[z] == p and row.state in origins
    ]
    cell = cell_of(bench, published.ages, published.sexes)[0]
    moves, people = np.zeros(bench.draws.size), np.zeros(bench.draws.size)
    for year, output, months in parts(bench, forcing, 0, published.months):
        moves += months / 12.0 * (output.counted[:, year, counter] @ cell)
        people += months / 12.0 * (output.time[:, year, exposed].sum(axis=1) @ cell)
    rate = moves / people
    if group == COMPLETION[0]:
        kind = next(row.kind for row in bench.study.layout.catalogue.products if row.id == product)
        rate = rate / (1.0 - bench.draws.scalar(product, kind, "success", "completion"))
    if published.statistic != "odds_ratio":
        return np.asarray(rate)
    return np.asarray(-np.expm1(-rate * published.months / 12.0))
