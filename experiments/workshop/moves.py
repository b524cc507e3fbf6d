"""What the levers of the page do to the scenario under the hand.

A lever is a strategic objective (SD1), a specific one (1.1) or a measure. The narrower counts: a
measure stands where its own entry says, else that of its specific objective, else that of its
strategic one. Measures that the strategy does not name move only by entries of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.workshop.view import OWN
from model.errors import InputError
from scenarios.checked import nearest, read_entry
from scenarios.levers import OUTSIDE, STRATEGY
from scenarios.library import FUTURES, Library
from scenarios.lines import short
from scenarios.rules import EVERY
from scenarios.schema import REFERENCE, Moves, ScenarioFile, Settings

TRENDS = "trends"
CARDS = (*STRATEGY, OUTSIDE, TRENDS)
LISTS = ("events", "rules", "changes")  # what acts besides levers and trends
CENTRAL, SETTINGS = "central_trends", "settings"

Extra = tuple[str, int]


def _wider(lever: str, library: Library) -> Sequence[str]:
    """Levers that move this one, the narrowest first."""
    if lever in library.measures:
        measure = library.measures[lever]
        return (measure.objective, measure.strategic) if measure.ambition else ()
    return () if lever in STRATEGY else (f"SD{lever.partition('.')[0]}",)


def _narrower(lever: str, library: Library) -> set[str]:
    """Levers that this one moves."""
    inside = [one for one in (*library.objectives, *library.measures) if one != lever]
    return {one for one in inside if lever in _wider(one, library)}


def inherited(levers: Mapping[str, float], lever: str, library: Library) -> float:
    """Where a lever stands without an entry of its own, in per cent."""
    return next((levers[one] for one in _wider(lever, library) if one in levers), 0.0)


def standing(scenario: ScenarioFile, lever: str, library: Library) -> float:
    """Where a lever stands, in per cent, whatever narrower ones do."""
    levers = scenario.levers
    return levers[lever] if lever in levers else inherited(levers, lever, library)


def position(scenario: ScenarioFile, lever: str, library: Library) -> int | None:
    """Where a lever stands, rounded; None where what it moves stands at different places."""
    own = standing(scenario, lever, library)
    if lever in library.measures:
        return round(own)
    found = {standing(scenario, one, library) for one in library.members(lever)} or {own}
    return round(found.pop()) if len(found) == 1 else None


def moved(scenario: ScenarioFile, lever: str, position: float, library: Library) -> ScenarioFile:
    """The scenario with one lever elsewhere: what is narrower follows it."""
    narrower = _narrower(lever, library)
    levers = {name: x for name, x in scenario.levers.items() if name not in narrower}
    levers.pop(lever, None)
    if position != inherited(levers, lever, library):
        levers[lever] = float(position)
    return scenario.model_copy(update={"levers": levers})


def trend_moved(scenario: ScenarioFile, trend: str, position: float) -> ScenarioFile:
    """The scenario with one trend elsewhere; where all are drawn, 0 is a choice too."""
    trends = {name: x for name, x in scenario.trends.items() if name != trend}
    if position or scenario.central_trends:
        trends[trend] = float(position)
    return scenario.model_copy(update={"trends": trends})


def drawn_trends(scenario: ScenarioFile, drawn: bool) -> ScenarioFile:
    """The scenario with all trends drawn from their ranges, or each where it stands."""
    trends = scenario.trends if drawn else {name: x for name, x in scenario.trends.items() if x}
    return scenario.model_copy(update={CENTRAL: drawn, "trends": trends})


def of_card(lever: str, card: str, library: Library) -> bool:
    """Whether a lever stands on a card."""
    if lever in library.measures:
        return library.measures[lever].strategic == card
    return lever == card or f"SD{lever.partition('.')[0]}" == card


def cleared(scenario: ScenarioFile, card: str, library: Library) -> ScenarioFile:
    """The scenario with nothing moved on one card."""
    if card == TRENDS:
        return scenario.model_copy(update={"trends": {}, CENTRAL: False})
    levers = {name: x for name, x in scenario.levers.items() if not of_card(name, card, library)}
    return scenario.model_copy(update={"levers": levers})


def active(scenario: ScenarioFile, card: str, library: Library) -> int:
    """How many levers or trends of a card are moved."""
    if card == TRENDS:
        drawn = [t for t in library.trends if scenario.central_trends and t not in scenario.trends]
        return len(drawn) + sum(x != 0.0 for x in scenario.trends.values())
    return sum(x != 0.0 and of_card(name, card, library) for name, x in scenario.levers.items())


# Blocks and presets


def spread(scenario: ScenarioFile, library: Library) -> ScenarioFile:
    """The same scenario without blocks: what they move stands under its own name."""
    parts: list[Moves] = [library.blocks[name].moves for name in scenario.blocks]
    found = ScenarioFile(id=scenario.id)
    settings: dict[str, float] = {}
    for part in (*parts, scenario):
        for lever in library.levers:  # from the wide to the narrow
            if lever in part.levers:
                found = moved(found, lever, part.levers[lever], library)
        settings |= {} if part.settings is None else part.settings.model_dump(exclude_unset=True)
        more: dict[str, Any] = {
            name: [*getattr(found, name), *getattr(part, name)] for name in LISTS
        }
        more[CENTRAL] = found.central_trends or part.central_trends
        more["trends"] = found.trends | part.trends
        found = found.model_copy(update=more)
    moves = {name: getattr(found, name) for name in ("levers", "trends", CENTRAL, *LISTS)}
    rules = library.rules if EVERY in found.rules else found.rules
    moves["rules"] = list(dict.fromkeys(rules))
    moves[SETTINGS] = Settings(**settings) if settings else None
    return scenario.model_copy(update={**moves, "blocks": []})


def preset(name: str, library: Library) -> ScenarioFile:
    """A scenario of the library under the hand. Raises InputError for a name that is not in it,
    and where its file is damaged."""
    if name not in library.futures:  # never a path: names come from browsers
        allowed = nearest(name, list(library.futures))
        raise InputError("unknown scenario", given=short(name), allowed=allowed)
    file, _ = read_entry(library.futures[name], ScenarioFile, "a scenario")
    told = dict.fromkeys(("title", "description", "author", "date", "note"))
    return spread(file, library).model_copy(update={"id": OWN, **told})


def presets(library: Library) -> list[tuple[str, list[str]]]:
    """Scenarios of the library in groups, the user's own last."""
    groups: dict[str, list[str]] = {}
    for name, path in library.futures.items():
        group = _group(name) if path.parent == FUTURES else "own"
        groups.setdefault(group, []).append(name)
    return list(groups.items())


def _group(name: str) -> str:
    if name.startswith("strategy-sd"):
        return "objectives"
    if name == REFERENCE or name.startswith("strategy"):
        return "policy"
    return {"trend": "trends", "stress": "stress"}.get(name.partition("-")[0], "futures")


# What acts besides levers and trends


def extras(scenario: ScenarioFile) -> list[Extra]:
    """Events, rules, changes and settings of a scenario, each by its kind and number."""
    found = [(name, i) for name in LISTS for i in range(len(getattr(scenario, name)))]
    return [*found, *([(SETTINGS, 0)] if scenario.settings is not None else [])]


def without(scenario: ScenarioFile, extra: Extra) -> ScenarioFile:
    """The scenario without one of its extras."""
    name, number = extra
    if name == SETTINGS:
        return scenario.model_copy(update={SETTINGS: None})
    kept = [one for i, one in enumerate(getattr(scenario, name)) if i != number]
    return scenario.model_copy(update={name: kept})
