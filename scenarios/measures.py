"""What measures come to in a scenario: logarithms of multipliers, or levels, by draw and month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.events import month_number
from scenarios.drivers import Moved
from scenarios.entries import INPUTS, POLICY_HANDLES
from scenarios.levers import Effect, Measure, selects
from scenarios.paths import fading, ramp
from scenarios.sizes import Deal, ratios, shares

Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DEEPEST = 2.0  # how far fidelity and coherence can carry an effect that reaches everyone
SMALLEST = 0.01  # least ratio that one measure can reach; its inverse is the most of a dose
DEPRIVED = 1.0 / 3.0  # share of people in the most deprived group, by definition
GROUPS = ("most_deprived", "others")


@dataclass(frozen=True)
class Climate:
    """What policy handles come to for one measure.

    ``fidelity`` and ``coherence`` (D, months) multiply its coverage; ``lag`` (D,) in months.
    """

    fidelity: Float
    coherence: Float
    lag: Float


@dataclass(frozen=True)
class Acting:
    """One effect of a measure in one deprivation group (or all): log multiplier or level.

    ``values`` (D, months).
    """

    measure: Measure
    effect: Effect
    group: str | None
    values: Float


@dataclass(frozen=True)
class Steering:
    """One effect of a measure on a policy handle: log multiplier, (D, months); the runs in which
    it acts, (D,)."""

    measure: Measure
    effect: Effect
    path: Float
    acts: Mask


@dataclass(frozen=True)
class Policy:
    """Policy handles as measures (at their positions) and drivers move them."""

    levers: tuple[Steering, ...]
    drivers: tuple[Moved, ...]
    deal: Deal
    branch: int
    months: int

    def path(self, handle: str, measure: Measure) -> Float:
        """Multiplier of a policy handle for one measure, (D, months)."""
        logs = np.zeros((self.deal.count, self.months))
        for lever in self.levers:
            if lever.effect.handle == handle and selects(lever.effect.measures, measure):
                logs = logs + lever.path
        for moved in self.drivers:
            if moved.effect.handle == handle and selects(moved.effect.measures, measure):
                logs = logs + moved.path
        return np.asarray(np.exp(logs))

    def of_rules(self, handle: str) -> Float:
        """Multiplier of a handle of rules, (D,): its mean (of logs) over the months after the
        branch, for a rule keeps one delay and one interval."""
        logs = np.zeros(self.deal.count)
        for lever in self.levers:
            if lever.effect.handle == handle:
                logs = logs + lever.path[:, self.branch :].mean(axis=1)
        for moved in self.drivers:
            if moved.effect.handle == handle:
                logs = logs + moved.final
        return np.asarray(np.exp(logs))

    def lag(self, measure: Measure, start: int) -> Float:
        """Months from ``start`` until the first effect of a measure, (D,).

        A trend changes the whole lag; another measure only what of it remains once that one acts.
        """
        months = np.full(self.deal.count, 12.0 * measure.entry.timing.lag)
        for moved in self.drivers:
            if moved.effect.handle == "lag" and selects(moved.effect.measures, measure):
                months = months * np.exp(moved.final)
        for lever in self.levers:
            if lever.effect.handle == "lag" and selects(lever.effect.measures, measure):
                other = lever.measure
                acts = _start(other, self.branch) + 12.0 * other.entry.timing.lag
                over = np.clip(acts - start, 0.0, months)
                shorter = over + (months - over) * np.exp(lever.path[:, -1])
                months = np.where(lever.acts, shorter, months)
        return months

    def climate(self, measure: Measure, start: int | None) -> Climate:
        """What policy handles do to one measure; without ``start``: as they are in the end."""
        fidelity, coherence = (np.ones((self.deal.count, self.months)) for _ in range(2))
        if measure.entry.fidelity:
            fidelity = self.path("effect_fidelity", measure)
        if measure.entry.joint:
            coherence = self.path("coherence", measure)
        if start is None:
            fidelity, coherence = (
                np.broadcast_to(values[:, -1:], values.shape) for values in (fidelity, coherence)
            )
        return Climate(
            fidelity, coherence, self.lag(measure, self.months if start is None else start)
        )


def policy_of(
    levers: Mapping[str, float | Float],
    measures: Mapping[str, Measure],
    drivers: Sequence[Moved],
    deal: Deal,
    span: tuple[int, int],
) -> Policy:
    """Policy handles of a scenario. Their own measures take the lag of their file.

    Positions are scalars or (D,).
    """
    branch, months = span
    ones = np.ones((deal.count, months))
    found = []
    for name, position in levers.items():
        measure = measures[name]
        still = Climate(ones, ones, np.full(deal.count, 12.0 * measure.entry.timing.lag))
        for i, effect in enumerate(measure.entry.effects):
            if effect.handle in POLICY_HANDLES and np.any(position):
                start = _start(measure, branch)
                path = _effect(measure, i, position, still, deal, start, months)[0][1]
                acts = np.broadcast_to(np.not_equal(position, 0.0), deal.count)
                found.append(Steering(measure, effect, path, acts))
    acting = tuple(moved for moved in drivers if moved.effect.handle in POLICY_HANDLES)
    return Policy(tuple(found), acting, deal, branch, months)


def acting_measures(
    levers: Mapping[str, float | Float],
    measures: Mapping[str, Measure],
    policy: Policy,
    scopes: Mapping[str, str],
    branch: int,
) -> Iterator[Acting]:
    """Effects on the model of all measures at their positions, from the branch on.

    Positions are scalars or (D,).
    """
    for name, position in levers.items():
        if np.any(position):
            start = _start(measures[name], branch)
            yield from acting(measures[name], position, policy, scopes, start)


def acting(
    measure: Measure,
    position: float | Float,
    policy: Policy,
    scopes: Mapping[str, str],
    start: int | None,
) -> Iterator[Acting]:
    """Effects on the model of one measure that begins in month ``start``; None stands for months
    counted from its beginning, whenever that is. ``position``: scalar or (D,).
    """
    climate = policy.climate(measure, start)
    start = start or 0
    for i, effect in enumerate(measure.entry.effects):
        if effect.handle not in POLICY_HANDLES:
            split = scopes[effect.handle] == "strata"
            parts = _effect(
                measure, i, position, climate, policy.deal, start, policy.months, split=split
            )
            for group, values in parts:
                yield Acting(measure, effect, group, values)


def _start(measure: Measure, branch: int) -> int:
    return max(month_number(measure.entry.timing.start), branch)


def _sizes(
    measure: Measure, number: int, position: float | Float, deal: Deal
) -> tuple[Float, Float]:
    """Coverage at full position and the ratio (or level) among those reached, (D,) each."""
    effect, name = measure.entry.effects[number], f"measure/{measure.id}"
    covered = shares(effect.coverage, deal, name)
    if effect.points is not None:
        known = sorted(effect.points)
        at = np.interp(np.abs(position), known, [effect.points[x] for x in known])
        return covered, np.broadcast_to(at, deal.count)
    return covered, ratios(effect, measure.entry.grade, measure.entry.source, deal, name)


def _combined(effect: Effect, dose: Float, ratio: Float) -> Float:
    """Log multiplier (or level) of a dose in -1..1."""
    if effect.form == "level":
        return np.maximum(dose * ratio, 0.0)
    if effect.form == "dose":
        return np.asarray(np.clip(dose * np.log(ratio), np.log(SMALLEST), -np.log(SMALLEST)))
    # A share of people ends at 1; where everyone is meant, policy handles may deepen the effect.
    most = 1.0 if effect.coverage.central < 1.0 else DEEPEST
    dose = np.clip(dose, -most, most)
    return np.asarray(np.log(np.maximum(1.0 + dose * (ratio - 1.0), SMALLEST)))


def _effect(
    measure: Measure,
    number: int,
    position: float | Float,
    climate: Climate,
    deal: Deal,
    start: int,
    months: int,
    *,
    split: bool = False,
) -> list[tuple[str | None, Float]]:
    """Values by deprivation group where they differ and ``split`` allows, else of all as one."""
    entry, effect = measure.entry, measure.entry.effects[number]
    covered, ratio = _sizes(measure, number, position, deal)
    share = np.sign(position) if effect.points is not None else np.divide(position, 100.0)
    first = start + climate.lag
    present = ramp(months, first, entry.timing.ramp)
    fades = entry.timing.fades if effect.fades is None else effect.fades
    if fades:
        present = present * fading(months, first + 12.0 * entry.timing.ramp, fades)
    # How well people work does not make places, prices or laws.
    fidelity = 1.0 if effect.handle in INPUTS else climate.fidelity
    dose = (share * covered)[:, None] * fidelity * climate.coherence * present
    reach = [getattr(entry.reach, group) for group in GROUPS]
    if reach[0] == reach[1] or not split:
        mean = DEPRIVED * reach[0] + (1.0 - DEPRIVED) * reach[1]
        return [(None, _combined(effect, dose * mean, ratio[:, None]))]
    return [
        (group, _combined(effect, dose * reached, ratio[:, None]))
        for group, reached in zip(GROUPS, reach, strict=True)
    ]
