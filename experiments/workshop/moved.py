"""What a scenario moves, told in words: what, how far, and what that is called."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.workshop.entries import LEVERS, TRENDS, entries, entry_name
from experiments.workshop.wording import Words
from scenarios.schema import ScenarioFile


@dataclass(frozen=True)
class Moved:
    """One thing that is moved; no position where it simply acts."""

    name: str
    position: str
    means: str


def moved_of(scenario: ScenarioFile, words: Words) -> list[Moved]:
    """What acts without a position first, then the levers and trends, the farthest moved first."""
    found = entries(scenario)
    acts = [Moved(_named(e, scenario, words), "", "") for e, x in found.items() if x is None]
    placed = [(name, x) for name, x in found.items() if x is not None]
    placed.sort(key=lambda pair: -abs(pair[1]))
    return acts + [
        Moved(entry_name(name, words), _position(x, words), _means(name, x, words))
        for name, x in placed
    ]


def _named(entry: str, scenario: ScenarioFile, words: Words) -> str:
    name = entry_name(entry, words)
    given = getattr(scenario, entry, None)
    return f"{name} ({len(given)})" if isinstance(given, list) else name


def _position(position: float, words: Words) -> str:
    return words.plain(abs(position)) if position >= 0 else f"−{words.plain(-position)}"


def _means(entry: str, position: float, words: Words) -> str:
    kind, _, _ = entry.partition(".")
    return words.name(f"range.{range_of(kind, position)}")


def range_of(kind: str, position: float) -> str:
    """The named range that a position lies in."""
    if kind == TRENDS:
        side = "favourable" if position < 0 else "adverse"
        strong = "strongly-" if abs(position) > 50 else ""
        return f"trend.{strong}{side}" if position else "trend.off"
    assert kind == LEVERS
    if position <= 0:
        return "lever.scaled-back" if position < 0 else "lever.as-now"
    return f"lever.{'limited' if position < 34 else 'substantial' if position < 67 else 'full'}"
