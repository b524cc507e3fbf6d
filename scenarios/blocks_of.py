"""What of a scenario can be switched on and off on its own: its players.

The strategic objectives (SD1 to SD6) and the trends (F1 to F8) that move; and, where a scenario
has them, ``outside`` (measures outside the strategy), ``rules``, ``events`` and ``changes``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from scenarios.levers import OUTSIDE, STRATEGY
from scenarios.library import Library
from scenarios.schema import Plan

RULES, EVENTS, CHANGES = "rules", "events", "changes"
OTHERS = (OUTSIDE, RULES, EVENTS, CHANGES)


def players(plan: Plan, library: Library) -> tuple[str, ...]:
    """Players of a plan that do something, objectives first, then trends, then the rest."""
    moved = {library.measures[name].strategic for name in active_measures(plan)}
    there = {
        OUTSIDE: OUTSIDE in moved,
        RULES: bool(plan.rules),
        EVENTS: bool(plan.events),
        CHANGES: bool(plan.changes),
    }
    return (
        *(name for name in STRATEGY if name in moved),
        *(name for name in library.trends if plan.trends.get(name) or _drawn(plan, name)),
        *(name for name in OTHERS if there[name]),
    )


def active_measures(plan: Plan) -> tuple[str, ...]:
    """Measures away from current policy, in the order of the plan."""
    return tuple(name for name, position in plan.levers.items() if position != 0.0)


def _drawn(plan: Plan, trend: str) -> bool:
    """Whether a trend is drawn from its range. One with a position of its own, 0 too, is not."""
    return plan.central_trends and trend not in plan.trends


def restricted(plan: Plan, keep: Collection[str], library: Library) -> Plan:
    """The plan with the players of ``keep`` alone; settings stay as they are.

    With all of them it comes to the same to the bit, with none it is idle. A driver that an event
    forces goes back to its trend when events are off.
    """
    central = any(_drawn(plan, name) and name in keep for name in library.trends)
    trends = {name: x for name, x in plan.trends.items() if name in keep}
    if central:  # a trend without a position would be drawn
        trends |= {name: 0.0 for name in library.trends if name not in keep}
    return replace(
        plan,
        levers={
            name: position
            for name, position in plan.levers.items()
            if library.measures[name].strategic in keep
        },
        trends=trends,
        central_trends=central,
        events=plan.events if EVENTS in keep else (),
        rules=plan.rules if RULES in keep else (),
        changes=plan.changes if CHANGES in keep else (),
    )


def without(plan: Plan, measure: str) -> Plan:
    """The plan with one measure back at current policy."""
    return replace(plan, levers={name: x for name, x in plan.levers.items() if name != measure})
