"""Files of rules: what is read, and what is refused with its line."""

from __future__ import annotations

import pytest

from model.errors import InputError
from scenarios.library import Library
from scenarios.rules import AdaptiveRule, read_rules
from tests.scenarios import rich
from tests.scenarios.conftest import Written


def read(text: str, written: Written, library: Library) -> dict[str, AdaptiveRule]:
    return read_rules([written(text)], library.known, library.measures)


def test_every_key_is_read(written: Written, library: Library) -> None:
    entry = read(rich.RULES, written, library)["own-rule"].entry
    assert (entry.indicator, entry.product, entry.region) == ("initiations", "cannabis", "Flanders")
    assert (entry.when, entry.threshold, entry.window) == ("rises", 0.2, 2)
    assert (entry.noise, entry.delay, entry.interval) == (0.15, 3, 48)
    assert entry.then == {"tobacco-tax": 50, "port-interdiction": 50}


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "allowed"),
    [
        ("id: own-rule", "id: all", 2, "id", "another id"),
        ("id: own-rule", "id: Own", 2, "id", "small letters"),
        ("indicator: initiations", "indicator: starts", 3, "indicator", "in all"),
        ("product: cannabis", "product: hemp", 4, "product", "any_illegal"),
        ("region: Flanders", "region: Ghent", 5, "region", "Belgium, Flanders"),
        ("when: rises", "when: grows", 6, "when", "rises, falls, above, below"),
        ("threshold: 0.2", "threshold: .nan", 7, "threshold", "finite"),
        ("window: 2", "window: 0", 8, "window", "1 or more"),
        ("window: 2", "window: 1.5", 8, "window", "whole number"),
        ("noise: 0.15", "noise: 3", 9, "noise", "2 or less"),
        ("delay: 3", "delay: -3", 10, "delay", "0 or more"),
        ("interval: 48", "interval: 0", 11, "interval", "1 or more"),
        ("{tobacco-tax: 50, port-interdiction: 50}", "{}", 12, "then", "at least 1"),
        ("tobacco-tax: 50", "tobacco-taxes: 50", 12, "tobacco-taxes", "tobacco-tax"),
        ("interdiction: 50", "interdiction: -150", 12, "port-interdiction", "to 100"),
        ("source: assumed", "source: hearsay", 13, "source", "in all"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(
    written: Written, library: Library, old: str, new: str, line: int, key: str, allowed: str
) -> None:
    assert old in rich.RULES
    with pytest.raises(InputError) as caught:
        read(rich.RULES.replace(old, new, 1), written, library)
    error = caught.value
    assert (error.line, error.key) == (line, key), error
    assert allowed in str(error.allowed), error


def test_a_rule_stands_once_in_a_file(written: Written, library: Library) -> None:
    with pytest.raises(InputError, match="stands twice") as caught:
        read(rich.RULES + rich.RULES.removeprefix("rules:\n"), written, library)
    assert caught.value.line == 15


def test_shipped_rules_begin_measures_of_the_shipped_files(library: Library) -> None:
    assert len(library.rules) >= 8
    for rule in library.rules.values():
        assert set(rule.entry.then) <= set(library.measures)
        assert rule.entry.note
