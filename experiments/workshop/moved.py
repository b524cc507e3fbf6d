"""What a scenario moves, told in words: what, how far, and what that is called."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from experiments.workshop.entries import LEVERS, TRENDS, WHOLES, entries, entry_name, placed
from experiments.workshop.extras import extra_name
from experiments.workshop.lever import STARTS
from experiments.workshop.moves import extras
from experiments.workshop.wording import Words
from scenarios.library import Library
from scenarios.schema import ScenarioFile
from scenarios.texts import RANGES

KINDS = {LEVERS: "lever", TRENDS: "trend"}


@dataclass(frozen=True)
class Moved:
    """One thing that is moved; no position where it simply acts."""

    name: str
    position: str = ""
    means: str = ""


def moved_of(scenario: ScenarioFile, library: Library, words: Words) -> list[Moved]:
    """What acts without a position first, then the levers and trends, the farthest moved first."""
    found = entries(scenario)
    told_one_by_one = {"events", "rules", "changes"} & set(WHOLES)
    acts = [e for e, x in found.items() if x is None and e not in told_one_by_one]
    at = sorted(((e, x) for e, x in found.items() if x is not None), key=lambda one: -abs(one[1]))
    return [
        *(Moved(entry_name(entry, words)) for entry in acts),
        *(Moved(extra_name(scenario, extra, library, words)) for extra in extras(scenario)),
        *(Moved(entry_name(e, words), placed(x, words), range_of(e, x, words)) for e, x in at),
    ]


def range_of(entry: str, position: float, words: Words) -> str:
    """The named range that the position of a lever or trend lies in."""
    kind = KINDS[entry.partition(".")[0]]
    name = RANGES[kind][bisect_right(STARTS[kind], position) - 1]
    return words.name(f"range.{kind}.{name}")
