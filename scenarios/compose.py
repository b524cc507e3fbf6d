"""From a scenario to what an engine takes: changes of handles by draw, and adaptive rules.

Effects combine on the log hazard. Trends multiply. Measures on one handle of one product in one
stratum add up to less than their sum: with exponent ``s`` their logs x give ``sum x`` times
``(sum |x|^(1/s))^s / sum |x|``, so that one measure alone keeps its effect. What is supplied
(places, prices) adds up plainly. The whole stays between ``floor`` and its inverse
(docs/decisions/015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from scenarios.schema import PlacedChange, Plan, Settings
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
class _Term:
    """One effect of one measure: log multiplier (D, months) of products in strata."""

    handle: str
    products: tuple[str, ...]
    strata: Mask
    logs: Float


def compose(plan: Plan, run: Run) -> Composed:
    """Changes and rules of a plan. Raises InputError with file and line of what does not fit."""
    library, deal = run.library, run.deal
    cross = (library.trends, library.cross_impact)
    drivers = list(moved_drivers(plan, library.drivers, cross, deal, run.span))
    policy = policy_of(plan.levers, library.measures, drivers, deal, run.span)
    changes = [direct_change(change, run) for change in plan.changes]
    changes += [
        _driven(moved, run) for moved in drivers if moved.effect.handle not in POLICY_HANDLES
    ]
    terms, levels = [], []
    scopes = library.known.scopes
    for effect in acting_measures(plan.levers, library.measures, policy, scopes, run.branch):
        change = _acting_change(effect, run)
        if effect.effect.form == "level":
            levels.append(change)
        elif np.any(change.values != 0.0):
            terms.append(_Term(change.handle, change.products, change.strata, change.values))
    changes += levels + combined(terms, plan.settings)
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
    document, place = where
    products = reached_products(reach, handle, document, place, run.library.known)
    scope = run.library.known.scopes[handle]
    strata = placed_strata(reach, handle, scope, run.strata, where)
    return Change(handle, products, values, strata)


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


def combined(terms: Sequence[_Term], settings: Settings) -> list[Change]:
    """Terms of measures put together by handle, product and stratum."""
    meeting: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    by_product: dict[tuple[str, str], list[int]] = {}
    for i, term in enumerate(terms):
        for product in term.products:
            by_product.setdefault((term.handle, product), []).append(i)
    for (handle, product), met in by_product.items():
        meeting.setdefault((handle, tuple(met)), []).append(product)
    found = []
    for (handle, numbers), products in meeting.items():
        parts = [terms[i] for i in numbers]
        patterns, cell = np.unique(
            np.stack([part.strata for part in parts]), axis=1, return_inverse=True
        )
        for k in range(patterns.shape[1]):
            logs = [part.logs for part, there in zip(parts, patterns[:, k], strict=True) if there]
            if logs:
                together = np.exp(_together(handle, logs, settings))
                found.append(Change(handle, tuple(products), together, cell.reshape(-1) == k))
    return found


def _together(handle: str, logs: Sequence[Float], settings: Settings) -> Float:
    most = -np.log(settings.floor)
    total = np.sum(logs, axis=0)
    if len(logs) > 1 and handle not in INPUTS:
        sizes = np.abs(logs)
        s = settings.subadditivity
        plain = sizes.sum(axis=0)
        less = (sizes ** (1.0 / s)).sum(axis=0) ** s
        total = total * np.divide(less, plain, out=np.ones_like(plain), where=plain > 0.0)
    return np.asarray(np.clip(total, -most, most))


def _rule(name: str, plan: Plan, policy: Policy, run: Run) -> Rule:
    """A rule for the engine: what its measures do from the month of the decision on.

    A measure that already stands somewhere goes on from there.
    """
    entry = run.library.rules[name].entry
    changes: list[Change] = []
    for measure_id, position in entry.then.items():
        measure = run.library.measures[measure_id]
        more = position - plan.levers.get(measure_id, 0.0)
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


def _deed(measure: Measure, position: float, policy: Policy, run: Run) -> list[Change]:
    scopes = run.library.known.scopes
    changes = []
    for effect in acting(measure, position, policy, scopes, None):
        change = _acting_change(effect, run)
        values = change.values if effect.effect.form == "level" else np.exp(change.values)
        changes.append(Change(change.handle, change.products, values, change.strata))
    return changes
