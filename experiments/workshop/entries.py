"""What a scenario moves, one by one as it stands on the page: its entries.

An entry is a lever (``levers.SD1``), a trend (``trends.F1``), a block, or all events, rules or
changes together, or the central trends.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from babel.numbers import format_percent

from experiments.workshop import twins
from experiments.workshop.meaning import owner
from experiments.workshop.view import EVERYONE, Graph
from experiments.workshop.wording import Words
from model.strata import COUNTRY
from scenarios.schema import ScenarioFile

LEVERS, TRENDS, BLOCKS = "levers", "trends", "blocks"
WHOLES = ("central_trends", "events", "rules", "changes")  # moved as one


def entries(scenario: ScenarioFile) -> dict[str, float | None]:
    """Entries of a scenario with their positions in per cent, None for what has none."""
    return {
        **{f"{LEVERS}.{name}": position for name, position in scenario.levers.items()},
        **{f"{TRENDS}.{name}": position for name, position in scenario.trends.items()},
        **{f"{BLOCKS}.{name}": None for name in scenario.blocks},
        **{name: None for name in WHOLES if getattr(scenario, name)},
    }


def only(scenario: ScenarioFile, keep: Collection[str]) -> ScenarioFile:
    """The scenario with these entries alone; settings stay as they are."""
    return scenario.model_copy(
        update={
            LEVERS: {k: x for k, x in scenario.levers.items() if f"{LEVERS}.{k}" in keep},
            TRENDS: {k: x for k, x in scenario.trends.items() if f"{TRENDS}.{k}" in keep},
            BLOCKS: [name for name in scenario.blocks if f"{BLOCKS}.{name}" in keep],
            **{
                name: getattr(scenario, name) if name in keep else type(getattr(scenario, name))()
                for name in WHOLES
            },
        }
    )


def entry_name(entry: str, words: Words) -> str:
    """An entry in words, with its number where the page shows one."""
    kind, _, name = entry.partition(".")
    if kind == BLOCKS:
        return words.say("drawer.entry.block", name=words.name(f"block.{name}", name))
    if kind == TRENDS:
        return f"{name} {words.name(f'trend.{name}')}"
    if kind != LEVERS:
        return words.say(f"drawer.entry.{entry}")
    if name.startswith("SD"):
        return f"{name} {words.name(f'strategic.{name}')}"
    objective = words.name(f"objective.{name}", "")
    return f"{name} {objective}" if objective else words.name(f"measure.{name}")


def graph_name(graph: Graph, words: Words) -> str:
    """What a graph shows, in words; the country and all ages go without saying."""
    parts = [words.name(f"indicator.{graph.indicator}"), owner(graph.product, words)]
    if graph.region != COUNTRY:
        parts.append(words.name(f"region.{graph.region}"))
    if graph.age != EVERYONE:
        parts.append(words.name(f"age_group.{graph.age}"))
    return ", ".join(parts)


def placed(position: float, words: Words) -> str:
    """A position as it stands on the page."""
    return ("−" if position < 0.0 else "") + words.plain(abs(position))


def places_of(values: Iterable[float]) -> int:
    """Digits after the point with which numbers that are read together can be told apart."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return max(0, min(6, twins.ROUGH - 1 - math.floor(math.log10(largest)))) if largest else 0


def signed_interval(
    ends: tuple[float, float, float], words: Words, places: int | None = None
) -> str:
    """A difference with its interval (median, low, high), signs shown.

    Each with its own digits, or with so many after the point: none becomes 0 by rounding.
    """
    median, low, high = ends
    if not math.isfinite(median):
        return words.say("cell.none")
    told = {"median": median, "low": low, "high": high}
    filled = {key: twins.signed(words, one, places) for key, one in told.items()}
    return words.say("cell.interval", **filled)


def percent(share: float, words: Words) -> str:
    """A share in percent."""
    if not math.isfinite(share):
        return words.say("cell.none")
    return str(format_percent(share, locale=words.language)).replace("-", "−")
