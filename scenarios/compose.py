"""From a scenario to what an engine takes: changes of handles by draw, and adaptive rules.

Effects combine on the log hazard. Trends multiply. Measures on one handle of one product in one
stratum add up to less than their sum: with exponent ``s`` their logs x give ``sum x`` times
``(sum |x|^(1/s))^s / sum |x|``, so that one measure alone keeps its effect. What is supplied
(places, prices) adds up plainly. The whole stays between ``floor`` and its inverse
(docs/decisions/015).

Many runs are composed at once: positions and settings may differ between them, and draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from model.adaptive import Rule
from model.errors import InputError
from model.events import month_number
from model.forcing import Change, build_forcing
from model.strata import Strata
from model.structure import Structure
from scenarios.drivers import Moved, moved_drivers
from scenarios.entries import INPUTS, POLICY_HANDLES, Reach
from scenarios.levers import Measure
from scenarios.library import Library
from scenarios.lines import Document, Place
from scenarios.measures import Acting, Policy, acting, acting_measures, policy_of
from scenarios.reach import placed_strata, reached_products
from scenarios.schema import Combining, PlacedChange, Plan, Settings
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """What a scenario is composed for. ``branch`` and ``months`` count from January 2010."""

    library: Library
    structure: Structure
    strata: Strata
    branch: int
    months: int
    deal: Deal

    @property
    def span(self) -> tuple[int, int]:
        """Month of the branch, and months of the run."""
        return self.branch, self.months


@dataclass(frozen=True)
class Composed:
    """What a scenario hands an engine."""

    changes: tuple[Change, ...]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class _Same:
    """Something that is looked up by what it is, not by what it holds."""

    what: Any

    def __hash__(self) -> int:
        return id(self.what)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.what is other.what


def compose(plan: Plan, run: Run) -> Composed:
    """Changes and rules of a plan. Raises InputError with file and line of what does not fit.

    Raises ValueError where a rule moves a measure whose position differs between runs.
    """
    library, deal = run.library, run.deal
    cross = (library.trends, library.cross_impact)
    drivers = list(moved_drivers(plan, library.drivers, cross, deal, run.span))
    policy = policy_of(plan.levers, library.measures, drivers, deal, run.span)
    changes = [direct_change(change, run) for change in plan.changes]
    changes += [
        _driven(moved, run) for moved in drivers if moved.effect.handle not in POLICY_HANDLES
    ]
    terms: list[Change] = []
    levels: list[Change] = []
    scopes = library.known.scopes
    for effect in acting_measures(plan.levers, library.measures, policy, scopes, run.branch):
        change = _acting_change(effect, run)
        if effect.effect.form == "level":
            levels.append(change)
        elif change.values.any():
            terms.append(change)
    changes += levels + combined(terms, plan.settings, run.branch)
    rules = tuple(_rule(name, plan, policy, run) for name in plan.rules)
    return Composed(tuple(c for c in changes if not _neutral(c, run.structure)), rules)


def _neutral(change: Change, structure: Structure) -> bool:
    neutral = structure.neutral[structure.handles.index(change.handle)]
    return bool(np.all(change.values == neutral))


def direct_change(change: PlacedChange, run: Run) -> Change:
    """A change of a file as arrays. Raises InputError with its file and line."""
    entry, structure = change.entry, run.structure
    neutral = float(structure.neutral[structure.handles.index(entry.handle)])
    values = np.full(run.months, neutral)
    stop = run.months if entry.stop is None else month_number(entry.stop) + 1
    values[month_number(entry.start) : stop] = entry.size
    made = _change(entry, entry.handle, values, (change.document, change.place), run)
    try:
        build_forcing(structure, run.strata, run.months, [made])
    except InputError as error:
        raise change.refuse(error) from None
    return made


def _change(
    reach: Reach, handle: str, values: Float, where: tuple[Document, Place], run: Run
) -> Change:
    """Values of one handle for those reached. Raises InputError with file and line."""
    known, strata = _Same(run.library.known), _Same(run.strata)
    document, place = where
    products, reached = _reached(_Same(reach), handle, known, strata, _Same(document), place)
    return Change(handle, products, values, reached)


@lru_cache(maxsize=4096)
def _reached(
    reach: _Same, handle: str, known: _Same, strata: _Same, document: _Same, place: Place
) -> tuple[tuple[str, ...], Mask]:
    """Products and strata, found once for thousands of plans."""
    where = document.what, place
    products = reached_products(reach.what, handle, *where, known.what)
    scope = known.what.scopes[handle]
    mask = placed_strata(reach.what, handle, scope, strata.what, where)
    mask.flags.writeable = False
    return products, mask


def _driven(moved: Moved, run: Run) -> Change:
    driver = moved.driver
    place = (*driver.place, "effects", moved.number)
    values = np.exp(moved.path)
    return _change(moved.effect, moved.effect.handle, values, (driver.document, place), run)


def _acting_change(acting: Acting, run: Run) -> Change:
    """A measure's effect with its logs (or level) as values, in its deprivation group."""
    measure, effect = acting.measure, acting.effect
    number = measure.entry.effects.index(effect)
    place = (*measure.place, "effects", number)
    made = _change(effect, effect.handle, acting.values, (measure.document, place), run)
    if acting.group is None:
        return made
    among = run.strata.deprivation == run.strata.deprivations.index(acting.group)
    return Change(made.handle, made.products, made.values, made.strata & among)


def combined(terms: Sequence[Change], settings: Settings | Combining, branch: int) -> list[Change]:
    """Terms of measures (values are logs, 0 before ``branch``) put together by handle, product and
    stratum."""
    meeting: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    by_product: dict[tuple[str, str], list[int]] = {}
    for i, term in enumerate(terms):
        for product in term.products:
            by_product.setdefault((term.handle, product), []).append(i)
    for (handle, product), met in by_product.items():
        meeting.setdefault((handle, tuple(met)), []).append(product)
    sums = _Sums([term.values[:, branch:] for term in terms], settings)
    found, known = [], {}
    for (handle, numbers), products in meeting.items():
        plainly = handle in INPUTS
        for there, strata in _patterns(tuple(terms[i].strata.tobytes() for i in numbers)):
            key = tuple(i for i, reached in zip(numbers, there, strict=True) if reached), plainly
            if key not in known:
                together = np.exp(sums.of(*key))
                before = np.ones((len(together), branch))
                known[key] = np.concatenate([before, together], axis=1)
            found.append(Change(handle, tuple(products), known[key], strata))
    return found


@lru_cache(maxsize=4096)
def _patterns(masks: tuple[bytes, ...]) -> tuple[tuple[tuple[bool, ...], Mask], ...]:
    """Which of some masks of strata meet, and in which strata; not where none is."""
    stacked = np.stack([np.frombuffer(mask, dtype=np.bool_) for mask in masks])
    patterns, cell = np.unique(stacked, axis=1, return_inverse=True)
    return tuple(
        (tuple(pattern), cell.reshape(-1) == k)
        for k, pattern in enumerate(patterns.T.tolist())
        if any(pattern)
    )


class _Sums:
    """What terms (D, months) of logs come to together."""

    def __init__(self, logs: Sequence[Float], settings: Settings | Combining) -> None:
        self.logs = [np.ascontiguousarray(found) for found in logs]
        self.s = _by_run(settings.subadditivity)
        self.most = -np.log(_by_run(settings.floor))
        self.sizes: dict[int, tuple[Float, Float]] = {}

    def of(self, numbers: Sequence[int], plainly: bool) -> Float:
        """Sum of the terms of ``numbers``: less than plain, within the floor and its inverse."""
        total = _added(self.logs[i] for i in numbers)
        if len(numbers) > 1 and not plainly:
            plain = _added(self._sized(i)[0] for i in numbers)
            less = _added(self._sized(i)[1] for i in numbers) ** self.s
            total = total * np.divide(less, plain, out=np.ones_like(plain), where=plain > 0.0)
        return np.asarray(np.clip(total, -self.most, self.most))

    def _sized(self, i: int) -> tuple[Float, Float]:
        """``|x|`` and ``|x|^(1/s)`` of a term, which meets others more than once."""
        if i not in self.sizes:
            size = np.abs(self.logs[i])
            self.sizes[i] = size, size ** (1.0 / self.s)
        return self.sizes[i]


def _by_run(setting: float | Float) -> float | Float:
    """A number, or one a run as (D, 1)."""
    return float(setting) if np.ndim(setting) == 0 else np.asarray(setting)[:, None]


def _added(parts: Iterator[Float]) -> Float:
    """Their sum, one after the other."""
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _rule(name: str, plan: Plan, policy: Policy, run: Run) -> Rule:
    """A rule for the engine: what its measures do from the month of the decision on.

    A measure that already stands somewhere goes on from there.
    """
    entry = run.library.rules[name].entry
    changes: list[Change] = []
    for measure_id, position in entry.then.items():
        measure = run.library.measures[measure_id]
        more = position - _same_everywhere(plan, measure_id)
        if more * position <= 0.0:
            continue
        changes += _deed(measure, more, policy, run)
    return Rule(
        id=name,
        indicator=entry.indicator,
        product=entry.product,
        region=entry.region,
        when=entry.when,
        threshold=entry.threshold,
        window=entry.window,
        noise=entry.noise,
        delay=entry.delay * policy.of_rules("detection_delay"),
        interval=np.maximum(entry.interval * policy.of_rules("update_interval"), 1.0),
        changes=tuple(changes),
    )


def _same_everywhere(plan: Plan, measure: str) -> float:
    """Position of a measure that a rule moves: what a rule does is the same in all runs."""
    positions = np.unique(plan.levers.get(measure, 0.0))
    if len(positions) > 1:
        raise ValueError(f"a rule moves {measure}: its position must be the same in all runs")
    return float(positions[0])


def _deed(measure: Measure, position: float, policy: Policy, run: Run) -> list[Change]:
    scopes = run.library.known.scopes
    changes = []
    for effect in acting(measure, position, policy, scopes, None):
        change = _acting_change(effect, run)
        values = change.values if effect.effect.form == "level" else np.exp(change.values)
        changes.append(Change(change.handle, change.products, values, change.strata))
    return changes
