"""What acts besides levers and trends has a name in every language, and can be taken away."""

from __future__ import annotations

import re

import pytest

from experiments.workshop import moves
from experiments.workshop.extras import extra_name
from experiments.workshop.view import OWN
from experiments.workshop.wording import words_of
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

PRESETS = [
    name
    for _, ids in moves.presets(library())
    for name in ids
    if moves.extras(moves.preset(name, library()))
]


def told(scenario: ScenarioFile, language: str = "en") -> list[str]:
    words = words_of(language, library().texts)
    return [extra_name(scenario, one, library(), words) for one in moves.extras(scenario)]


def test_presets_have_extras() -> None:
    assert {"stress-pandemic-lockdown", "strategy-rules"} <= set(PRESETS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PRESETS)
def test_all_have_names_of_their_own_in_words(name: str, language: str) -> None:
    names = told(moves.preset(name, library()), language)
    assert len(set(names)) == len(names)
    for one in names:
        assert not re.search(r"_|\(all;|kind:|[0-9]{4}-[0-9]{2}|\{", one), one


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_taken_away_alone(name: str) -> None:
    scenario = moves.preset(name, library())
    for count in range(len(moves.extras(scenario)), 0, -1):
        names, first = told(scenario), moves.extras(scenario)[0]
        scenario = moves.without(scenario, first)
        assert told(scenario) == names[1:]
        assert len(moves.extras(scenario)) == count - 1


def test_months_sizes_and_people_are_told() -> None:
    change = {"handle": "excise", "products": ["kind:opioid"], "from": "2026-01", "multiplier": 2}
    level = {"handle": "price_floor", "from": "2026-01", "to": "2026-12", "level": 0.5}
    event = {"driver": "F3.2", "from": "2026-11", "months": 3}
    found = told(
        ScenarioFile.model_validate(
            {
                "id": OWN,
                "events": [event],
                "changes": [change, {**level, "ages": [18, 24]}],
                "settings": {"floor": 0.2},
            }
        )
    )
    assert found[0].endswith("(Nov 2026 to Jan 2027)")
    assert "× 2" in found[1]
    assert "from Jan 2026" in found[1]
    assert "= 0.5" in found[2]
    assert "ages 18 to 24" in found[2]
    assert found[3] == "How effects of measures combine"
