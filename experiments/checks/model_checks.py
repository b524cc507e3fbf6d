"""Every lever and trend moved alone and together: does the model move as it should, within bounds?

What is expected stands with the measures and in scenarios/checks.yaml. Sizes are in the middle of
their ranges. The middle draw must move as expected in the last year; draws that do not are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

from experiments.checks.lever_effects import START, owners, trial_bench
from experiments.runs.parts import Bench
from experiments.runs.study import Options, Study, build_study
from model.choice import Choice
from model.compartments import Output
from model.forcing import Change, Forcing
from model.observation import observe
from model.strata import Strata, weights
from scenarios.checks import ChecksFile, Limits, limits, read_checks
from scenarios.compose import Composed, compose
from scenarios.entries import Number, Reach
from scenarios.levers import Indicator, Measure, Sign
from scenarios.library import Library
from scenarios.schema import Plan
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]

REVERSED: Mapping[Sign, Sign] = {"up": "down", "down": "up", "unknown": "unknown"}
STILL = 1e-9  # relative changes below this are rounding
SLACK = 1e-9  # and so are steps over a bound
Verdict = Literal["right", "wrong", "untested"]


@dataclass(frozen=True)
class Wanted:
    """What is run."""

    draws: int = 2
    seed: int = 1
    prior: bool = False
    catalogue: Path | None = None


@dataclass(frozen=True)
class Case:
    """Levers and trends moved together, and what should follow."""

    group: str
    id: str
    plan: Plan
    expected: tuple[Indicator, ...] = ()
    why: str = ""  # where nothing can be said of a measure: what its note says of it


@dataclass(frozen=True)
class Checked:
    """One check and what came of it."""

    group: str
    id: str
    what: str
    verdict: Verdict
    told: str = ""
    against: int = 0  # draws that move the other way


def run_checks(wanted: Wanted) -> list[Checked]:
    """All checks. Raises InputError."""
    return check_study(
        build_study(
            Options(
                draws=wanted.draws, seed=wanted.seed, prior=wanted.prior, catalogue=wanted.catalogue
            )
        )
    )


def check_study(study: Study) -> list[Checked]:
    """All checks, with all draws of a study."""
    file = read_checks(study.library)
    bench = trial_bench(study, {}, START)
    found = unchanged(bench)
    found += Ground(bench, file).check(cases(study.library, file))
    return found


def cases(library: Library, file: ChecksFile) -> list[Case]:
    """Every measure and objective at the ends of its range, every trend at its own; together."""
    found = []
    for measure in library.measures.values():
        shown = measure.entry.indicator
        low, high = measure.entry.range
        back = shown.model_copy(update={"sign": REVERSED[shown.sign]})
        for position, one in ((high, shown), (low, back)):
            if position != 0:
                plan = Plan({measure.id: float(position)}, {})
                name = f"{measure.id} {position:+d}"
                found.append(Case("measure", name, plan, (one,), _unknown(measure)))
    for name, expected in file.objectives.items():
        plan = Plan(_whole(name, library, 100.0), {})
        found.append(Case("objective", f"{name} +100", plan, tuple(expected)))
    for name, trend in file.trends.items():
        for x, ends in ((100.0, trend.plus), (-100.0, trend.minus)):
            plan = Plan({}, {name: x})
            found.append(Case("trend", f"{name} {x:+g}", plan, tuple(ends)))
    for together in file.together:
        levers: dict[str, float] = {}
        if together.measures is not None:
            end = 0 if together.measures == "low" else 1
            levers = {m.id: float(m.entry.range[end]) for m in library.measures.values()}
        for name, at in together.levers.items():
            levers |= _whole(name, library, at)
        plan = Plan(levers, dict(together.trends), events=tuple(together.events))
        found.append(Case("together", together.id, plan, tuple(together.expect)))
    return found


def _unknown(measure: Measure) -> str:
    """The sentence of a measure's note that says why the direction is unknown."""
    sentences = re.split(r"(?<=[.;]) ", measure.entry.note.replace("\n", " "))
    return next((one.strip() for one in sentences if "unknown" in one), "")


def _whole(lever: str, library: Library, position: float) -> dict[str, float]:
    return dict.fromkeys(library.members(lever), position)


# Nothing moves where nothing is done


def unchanged(bench: Bench) -> list[Checked]:
    """At position 0, and where nobody is reached, no bit differs from the reference."""
    library = bench.study.library
    found = []
    for lever in library.levers:
        plan = Plan(_whole(lever, library, 0.0), {})
        found.append(_idle("position 0", lever, central(bench, plan, library)))
    for trend in library.trends:
        found.append(_idle("position 0", trend, central(bench, Plan({}, {trend: 0.0}), library)))
    nobody = {name: _reaching_nobody(measure) for name, measure in library.measures.items()}
    empty = replace(library, measures={**library.measures, **nobody})
    for name, measure in nobody.items():
        for position in sorted({*measure.entry.range} - {0}):
            composed = central(bench, Plan({name: float(position)}, {}), empty)
            found.append(_idle("coverage 0", f"{name} {position:+d}", composed))
    found.append(_same_bits(bench))
    return found


def central(bench: Bench, plan: Plan, library: Library) -> Composed:
    """A plan with every size in the middle of its range."""
    deal = Deal.of(0, bench.draws.size, bench.study.options.seed, central=True)
    run = bench.study.run_of(bench.study.scenarios[1], deal)
    return compose(plan, replace(run, library=library))


def _idle(group: str, name: str, composed: Composed) -> Checked:
    handles = sorted({change.handle for change in composed.changes})
    told = f"still moves {', '.join(handles)}" if handles else ""
    return Checked(group, name, "changes nothing", "wrong" if handles else "right", told)


def _reaching_nobody(measure: Measure) -> Measure:
    nobody = Number(central=0.0)
    effects = [one.model_copy(update={"coverage": nobody}) for one in measure.entry.effects]
    return replace(measure, entry=measure.entry.model_copy(update={"effects": effects}))


def _same_bits(bench: Bench) -> Checked:
    """A run in which every handle is touched and left as it is."""
    structure, strata = bench.prepared.structure, bench.study.strata
    changes = [
        Change(
            handle,
            structure.products,
            np.full(bench.study.months, structure.neutral[h]),
            np.ones(strata.size, dtype=bool),
        )
        for h, handle in enumerate(structure.handles)
    ]
    branch = min(bench.states)
    output = bench.run(branch, Composed(tuple(changes))).output
    differing = [
        name
        for name in Output._fields
        if not np.array_equal(getattr(output, name), getattr(bench.reference, name), equal_nan=True)
    ]
    told = f"differs in {', '.join(differing)}" if differing else ""
    verdict: Verdict = "wrong" if differing else "right"
    return Checked("position 0", "every handle", "the same bits", verdict, told)


# What moves, and within which bounds


class Ground:
    """The reference seen, ready to set runs against it."""

    def __init__(self, bench: Bench, file: ChecksFile) -> None:
        self.bench, self.file = bench, file
        self.catalogue = bench.study.layout.catalogue
        self.owners = owners(self.catalogue)
        self.limits = limits(file, self.catalogue)
        self.cells: dict[str, int] = {}
        self.weights = np.ones((1, bench.study.strata.size))
        self.reference: dict[str, Float] = {}

    def check(self, wanted: Sequence[Case]) -> list[Checked]:
        """Run all cases: what is expected of each, and the bounds."""
        rows = [self.weights[0]]
        self.cells[_people(Indicator(id="", product="", sign="up"))] = 0
        for one in (one for case in wanted for one in case.expected):
            if _people(one) not in self.cells:
                self.cells[_people(one)] = len(rows)
                rows.append(cell_of(one, self.bench.study.strata))
        self.weights = np.stack(rows)
        self.reference = self.seen(self.bench.reference, self.bench.prepared.forcing())
        found = [self.bounds(Case("bounds", "reference", Plan({}, {})), self.reference)]
        for case in wanted:
            found += self.case(case)
        return found

    def seen(self, output: Output, forcing: Forcing) -> dict[str, Float]:
        """Every indicator of the last year in its unit, (D, products + unions, cells)."""
        bench = self.bench
        choice = Choice(since=bench.study.months // 12 - 1)
        values = observe(
            bench.prepared,
            bench.draws,
            self.catalogue,
            output,
            forcing,
            self.weights,
            choice=choice,
        )
        return {name: value[:, -1] for name, value in values.items()}

    def case(self, case: Case) -> Iterator[Checked]:
        """Check one case; where it changes nothing the reference itself is what is seen."""
        composed = central(self.bench, case.plan, self.bench.study.library)
        branch = min(self.bench.states)
        values = self.reference
        if composed.changes:
            run = self.bench.run(branch, composed)
            values = self.seen(run.output, run.forcing)
        yield self.bounds(case, values)
        for one in case.expected:
            yield self.moves(case, one, values)

    def moves(self, case: Case, one: Indicator, values: Mapping[str, Float]) -> Checked:
        """Whether an indicator moves as it should in the middle draw; how many go against it.

        ``values``: (D, owners, cells) by indicator.
        """
        what = f"{_shown(one)} {one.sign}"
        if one.sign == "unknown":
            return Checked(case.group, case.id, what, "untested", getattr(one, "why", case.why))
        at = (slice(None), self.owners.index(one.product), self.cells[_people(one)])
        before, after = self.reference[one.id][at], values[one.id][at]
        relative = (after - before) / np.abs(before)
        wanted = 1.0 if one.sign == "up" else -1.0
        towards = relative * wanted
        verdict: Verdict = "right" if np.median(towards) > STILL else "wrong"
        told = f"{100.0 * float(np.median(relative)):+.3g}%"
        against = int(np.sum(towards < -STILL))
        return Checked(case.group, case.id, what, verdict, told, against)

    def bounds(self, case: Case, values: Mapping[str, Float]) -> Checked:
        """Whether every indicator is a number where the reference's is, and within its limits.

        Any shape.
        """
        broken = []
        for name, value in values.items():
            lost = np.isfinite(self.reference[name]) & ~np.isfinite(value)
            if lost.any() or np.isinf(value).any():
                broken.append(f"{name} is no number")
            elif over := _over(value, self.limits.get(name, Limits())):
                broken.append(f"{name} {over}")
        verdict: Verdict = "wrong" if broken else "right"
        return Checked("bounds", case.id, "within bounds", verdict, "; ".join(broken))


def _over(value: Float, limit: Limits) -> str:
    known = value[~np.isnan(value)]
    if known.size == 0:
        return ""
    least, most = float(known.min()), float(known.max())
    if limit.low is not None and least < limit.low - SLACK:
        return f"is {least:g}, below {limit.low:g}"
    if limit.above is not None and least <= limit.above:
        return f"is {least:g}, not above {limit.above:g}"
    if limit.high is not None and most > limit.high + SLACK:
        return f"is {most:g}, above {limit.high:g}"
    return ""


def cell_of(reach: Reach, strata: Strata) -> Float:
    """Share of each stratum that belongs to the people meant, (S,)."""
    low, high = reach.ages
    share = weights(strata, age_min=low, age_max=high)
    for labels, codes, wanted in (
        (strata.regions, strata.region, reach.regions),
        (strata.sexes, strata.sex, reach.sexes),
        (strata.deprivations, strata.deprivation, reach.deprivation),
    ):
        share = share * np.isin(codes, [labels.index(label) for label in wanted])
    return np.asarray(share)


def _people(reach: Reach) -> str:
    return f"{reach.ages} {reach.regions} {reach.sexes} {reach.deprivation}"


def _shown(one: Indicator) -> str:
    low, high = one.ages
    ages = "" if low is None and high is None else f" {low or 0}-{'' if high is None else high}"
    others = [
        " ".join(labels)
        for labels, every in ((one.sexes, 2), (one.regions, 3), (one.deprivation, 2))
        if len(labels) < every
    ]
    return " ".join([f"{one.id} of {one.product}{ages}", *others])


# The command


def print_checks(wanted: Wanted, console: Console, *, whole: bool = False) -> bool:
    """Print a summary and what is wrong or untested; whether nothing is wrong."""
    found = run_checks(wanted)
    counts = Counter((one.group, one.verdict) for one in found)
    table = Table(title=f"Checks ({len(found)})", title_justify="left", box=box.SIMPLE)
    for heading in ("group", "right", "wrong", "untested", "draws against"):
        table.add_column(heading, justify="left" if heading == "group" else "right")
    for group in dict.fromkeys(one.group for one in found):
        cells = [str(counts[group, verdict]) for verdict in ("right", "wrong", "untested")]
        against = sum(one.against for one in found if one.group == group)
        table.add_row(group, *cells, str(against))
    console.print(table)
    for one in found:
        if whole or one.verdict != "right" or one.against:
            many = f"; {one.against} of {wanted.draws} draws against" if one.against else ""
            told = f"{one.told}{many}"
            console.print(f"{one.verdict}: {one.group} {one.id}: {one.what} ({told})")
    return not any(one.verdict == "wrong" for one in found)
