"""Scenarios side by side: what they set, and what is best where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.robustness.aims import better_of
from experiments.workshop.answers import Fan
from experiments.workshop.entries import entries, graph_name, percent
from experiments.workshop.estimate import SHARE
from experiments.workshop.wording import Words
from model.errors import InputError
from scenarios.schema import REFERENCE, ScenarioFile

LAST, LOW, MEDIAN, HIGH = -1, 0, 2, 4  # places of 2030 and of LEVELS in bands
AGREE = 0.9  # share of draws from which on they are said to agree


def differing(scenarios: Sequence[ScenarioFile]) -> list[str]:
    """Entries in which scenarios differ, in the order in which they come."""
    all_entries = [entries(one) for one in scenarios]
    names = dict.fromkeys(name for one in all_entries for name in one)
    return [
        name
        for name in names
        if len({one.get(name, "absent") for one in all_entries}) > 1
        or any(_content(one, name) != _content(scenarios[0], name) for one in scenarios)
    ]


def _content(scenario: ScenarioFile, name: str) -> object:
    return getattr(scenario, name, None)  # of what is moved as one, such as events


def unit_of_change(unit: str, words: Words) -> str:
    """The unit of a difference as it is shown: percentages differ by percentage points."""
    return words.say("page.points") if unit == SHARE else words.unit(unit)[0]


def best_sentence(
    unit: str, names: Sequence[str], fans: Sequence[Fan], reference: Fan, words: Words
) -> str:
    """Which scenario does best on a graph in 2030, and whether the draws agree on that."""
    graph = reference.graph
    what, current = graph_name(graph, words), float(reference.bands[MEDIAN, LAST])
    changes = [np.nan if fan.change is None else fan.change.median for fan in fans]
    if not np.isfinite(changes).any():
        return words.say("compare.none", graph=what)
    try:
        better = better_of(graph.indicator, graph.product, None)
    except InputError:  # the aims are silent: neither side is called better
        named, all_changes = [words.name(f"scenario.{REFERENCE}"), *names], [0.0, *changes]
        low, high = named[int(np.nanargmin(all_changes))], named[int(np.nanargmax(all_changes))]
        if np.nanmin(all_changes) == np.nanmax(all_changes):
            return words.say("compare.same", graph=what)
        return words.say("compare.ends", graph=what, low=low, high=high)
    sign = 1.0 if better == "up" else -1.0
    best = int(np.nanargmax(sign * np.asarray(changes)))
    shown, factor = words.unit(unit)
    told = {"graph": what, "unit": shown, "reference": words.number(factor * current)}
    if sign * changes[best] <= 0.0:
        return words.say("compare.nobody", **told)
    value = words.number(factor * float(fans[best].bands[MEDIAN, LAST]))
    sentence = words.say("compare.best", name=names[best], value=value, **told)
    change = fans[best].change
    assert change is not None
    key = "compare.sure" if change.agree >= AGREE else "compare.unsure"
    return f"{sentence} {words.say(key, share=percent(change.agree, words))}"
