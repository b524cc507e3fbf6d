"""Adaptive rules as data: when an indicator passes a threshold, measures begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from scenarios.checked import Entry, one_of, read_entry, refusal
from scenarios.entries import Id, Known, check_source
from scenarios.levers import Measure, position_error
from scenarios.lines import Document, Place

EVERY = "all"
RULES = Path(__file__).with_name("rules.yaml")


class RuleEntry(Entry):
    """One rule. Delay and interval in months, window in years."""

    id: Id
    indicator: str
    product: str
    region: Literal["Belgium", "Flanders", "Wallonia", "Brussels"] = "Belgium"
    when: Literal["rises", "falls", "above", "below"]
    threshold: float
    window: Annotated[int, Field(ge=1, le=10)] = 1
    noise: Annotated[float, Field(ge=0.0, le=2.0)]
    delay: Annotated[float, Field(ge=0.0, le=120.0)]
    interval: Annotated[float, Field(ge=1.0, le=240.0)]
    then: Annotated[dict[str, float], Field(min_length=1)]
    source: str
    note: str


class RuleFile(Entry):
    """A set of rules."""

    rules: list[RuleEntry]


@dataclass(frozen=True)
class AdaptiveRule:
    """A checked rule."""

    entry: RuleEntry
    document: Document
    place: Place


def read_rules(
    paths: Sequence[Path], known: Known, measures: Mapping[str, Measure]
) -> dict[str, AdaptiveRule]:
    """Rules by id; a later file replaces rules of the same id. Raises InputError."""
    found: dict[str, AdaptiveRule] = {}
    for path in paths:
        file, document = read_entry(path, RuleFile, "a file of rules")
        own: set[str] = set()
        for i, entry in enumerate(file.rules):
            rule = AdaptiveRule(entry, document, ("rules", i))
            _check(rule, known, measures)
            if entry.id in own or entry.id == EVERY:
                twice = entry.id in own
                message = "the rule stands twice" if twice else "the id means something else"
                allowed = "an id that no other rule of the file has" if twice else "another id"
                raise refusal(document, ("rules", i, "id"), message, entry.id, allowed)
            own.add(entry.id)
            found[entry.id] = rule
    return found


def _check(rule: AdaptiveRule, known: Known, measures: Mapping[str, Measure]) -> None:
    entry, document, place = rule.entry, rule.document, rule.place
    one_of(document, (*place, "indicator"), entry.indicator, known.indicators, "indicator")
    owners = [*known.products, *known.unions]
    one_of(document, (*place, "product"), entry.product, owners, "product")
    check_source(entry.source, document, place, known)
    for name, position in entry.then.items():
        at = (*place, "then", name)
        one_of(document, at, name, list(measures), "measure")
        if error := position_error(measures[name], position):
            raise refusal(document, at, error.message, position, error.allowed or "")
