"""What the drivers of trends come to in a scenario: logarithms of multipliers by draw and month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.events import month_number
from scenarios.paths import driver_path, event_months, event_path
from scenarios.schema import Event, Plan
from scenarios.sizes import NORMAL_90, Deal, one_sided, two_piece
from scenarios.trends import LARGEST, SMALLEST, Driver, DriverEffect, Shock

Float = npt.NDArray[np.float64]

# Share of a driver's variance that it has in common with the others of its trend (assumed).
COMMON = 0.3


@dataclass(frozen=True)
class Moved:
    """One effect of a driver: log multiplier, (D, months); ``final`` (D,) its size once full."""

    driver: Driver
    number: int
    effect: DriverEffect
    path: Float
    final: Float


def moved_drivers(
    plan: Plan,
    drivers: Mapping[str, Driver],
    cross_impact: tuple[tuple[str, ...], Float],
    deal: Deal,
    span: tuple[int, int],
) -> Iterator[Moved]:
    """Effects of all drivers that a plan moves; ``span``: month of the branch, and months.

    The matrix of ``cross_impact`` is (trends, trends).
    """
    branch, months = span
    events: dict[str, list[Event]] = {}
    for event in plan.events:
        events.setdefault(event.driver, []).append(event)
    scores = trend_scores(cross_impact, deal)
    for driver in drivers.values():
        if driver.id in events:
            for event in events[driver.id]:
                yield from _forced(driver, event, deal, months)
        elif driver.trend in plan.trends:
            x = np.broadcast_to(plan.trends[driver.trend], deal.count) / 100.0
            yield from _positioned(driver, x, deal, branch, months)
        elif plan.central_trends:
            yield from _drawn(driver, scores[driver.trend], deal, branch, months)


def trend_scores(cross_impact: tuple[tuple[str, ...], Float], deal: Deal) -> dict[str, Float]:
    """Standard normals of each trend's adverse direction, correlated as the matrix says.

    Each (D,).
    """
    names, matrix = cross_impact
    free = np.stack([deal.normal(f"trend/{name}") for name in names])
    return dict(zip(names, np.linalg.cholesky(matrix) @ free, strict=True))


def _forced(driver: Driver, event: Event, deal: Deal, months: int) -> Iterator[Moved]:
    shock = driver.entry.shock
    lasts = event.months or (None if shock is None else shock.months)
    start = np.full(deal.count, float(month_number(event.start)))
    for i, effect in enumerate(driver.entry.effects):
        size = np.full(deal.count, np.log(getattr(effect, event.size)))
        yield Moved(driver, i, effect, size[:, None] * event_path(months, start, lasts), size)


def _at_end(plus: float | None, minus: float | None, x: Float) -> Float:
    """What the end on the side of each position gives, (D,); NaN at 0 and where there is none."""
    ends = [np.nan if end is None else end for end in (plus, minus)]
    return np.where(x > 0.0, ends[0], np.where(x < 0.0, ends[1], np.nan))


def _positioned(driver: Driver, x: Float, deal: Deal, branch: int, months: int) -> Iterator[Moved]:
    """At positions ``x`` (D,) from -1 to 1; nothing where no run has an end on its side."""
    shock, way = driver.entry.shock, np.abs(x)
    acts = x != 0.0
    if shock is None:
        path = driver_path(driver.entry.shape, branch, months)[None]
    else:  # The probability of an event follows the position, its size is that of the end.
        chance = way * _chances(driver, shock, x)
        acts = ~np.isnan(chance)
        path = _occurs(driver, np.where(acts, chance, 0.0), deal, branch, months)
        way = np.ones(deal.count)
    for i, effect in enumerate(driver.entry.effects):
        ends = (effect.plus, effect.minus)
        plus, minus = (None if end is None else np.log(getattr(effect, end)) for end in ends)
        size = way * _at_end(plus, minus, x)
        here = acts & ~np.isnan(size)
        if here.any():
            size = np.where(here, size, 0.0)
            yield Moved(driver, i, effect, size[:, None] * path, size)


def _chances(driver: Driver, shock: Shock, x: Float) -> Float:
    """Probability of an event at the end of each position's side, (D,); NaN: none there."""
    side = driver.entry.side
    plus = shock.plus or (None if side == "favourable" else "high")
    null = "minus" in shock.model_fields_set  # be it as null: no event on that side
    minus = shock.minus or (None if side == "adverse" or null else "high")
    of_plus, of_minus = (None if end is None else getattr(shock, end) for end in (plus, minus))
    return _at_end(of_plus, of_minus, x)


def _occurs(driver: Driver, chance: Float, deal: Deal, branch: int, months: int) -> Float:
    """In which months its event is there, (D, months); ``chance`` (D,)."""
    shock = driver.entry.shock
    assert shock is not None
    uniform = deal.uniform(f"event/{shock.event or driver.id}")
    start = event_months(chance, uniform, branch, by_2030=shock.by_2030)
    return event_path(months, start, shock.months)


def _drawn(driver: Driver, score: Float, deal: Deal, branch: int, months: int) -> Iterator[Moved]:
    """Every driver from its own range, adverse directions correlated within and between trends."""
    entry = driver.entry
    own = deal.normal(f"driver/{driver.id}")
    z = np.sqrt(COMMON) * score + np.sqrt(1.0 - COMMON) * own
    if entry.shock is not None:
        chance = np.full(deal.count, entry.shock.central)
        path = _occurs(driver, chance, deal, branch, months)
    else:
        path = driver_path(entry.shape, branch, months)[None]
    for i, effect in enumerate(entry.effects):
        adverse = effect.plus or ("low" if effect.minus == "high" else "high")
        sign = 1.0 if adverse == "high" else -1.0
        size = _size(effect, sign * z)
        if entry.shape == "random-walk" and not deal.central:
            walk = sign * _walk(driver, z, deal, branch, months)
            yield Moved(driver, i, effect, _size(effect, walk) * (path > 0.0), size)
        else:
            yield Moved(driver, i, effect, size[:, None] * path, size)


def _size(effect: DriverEffect, z: Float) -> Float:
    """Log multiplier from the effect's range, for standard normals of any shape."""
    values = two_piece(effect.low, effect.central, effect.high, z, NORMAL_90)
    values = np.clip(one_sided(effect.low, effect.high, values), SMALLEST, LARGEST)
    return np.asarray(np.log(values))


def _walk(driver: Driver, last: Float, deal: Deal, branch: int, months: int) -> Float:
    """A random walk from 0 at the branch to ``last`` (D,) when 2030 begins, (D, months)."""
    way = driver_path("linear", branch, months)
    steps = np.diff(way, prepend=0.0)
    noise = np.stack([deal.normal(f"walk/{driver.id}/{month}") for month in range(months)], axis=1)
    free = np.cumsum(noise * np.sqrt(steps), axis=1)
    return np.asarray(free + (last[:, None] - free[:, -1:]) * way)
