"""Scenarios side by side: what they set differently, and what is said of the best."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.workshop.answers import LEVELS, YEARS, Change, Fan
from experiments.workshop.compare import best_sentence, differing, unit_of_change
from experiments.workshop.entries import entries, only, percent, placed, signed_interval
from experiments.workshop.estimate import SHARE
from experiments.workshop.twins import signed
from experiments.workshop.view import OWN, Graph, idle
from experiments.workshop.wording import Words, words_of
from scenarios.schema import ScenarioFile
from tests.experiments.workshop.conftest import library

DEATHS = Graph("overdose_deaths", "any_illegal")
UNAIMED = Graph("current_use", "tobacco")  # the aims say nothing of adults' use


def words(language: str = "en") -> Words:
    return words_of(language, library().texts)


def of(**moves: object) -> ScenarioFile:
    return ScenarioFile.model_validate({"id": OWN, **moves})


def fan(value: float, change: float | None, graph: Graph = DEATHS, agree: float = 1.0) -> Fan:
    bands = np.full((len(LEVELS), len(YEARS)), value)
    told = None if change is None else Change(change, change - 1.0, change + 1.0, agree)
    return Fan(graph, bands, told)


def best(*changes: float, graph: Graph = DEATHS, agree: float = 1.0) -> str:
    names = ["A", "B", "C"][: len(changes)]
    fans = [fan(200.0 + change, change, graph, agree) for change in changes]
    return best_sentence("people per year", names, fans, fan(200.0, None, graph), words())


def test_only_what_differs_is_shown() -> None:
    one = of(levers={"SD1": 40, "SD2": 10}, trends={"F1": 20})
    other = of(levers={"SD1": 40, "SD2": 30}, rules=["hepatitis-c"])
    assert differing([one, one]) == []
    assert set(differing([one, other])) == {"levers.SD2", "trends.F1", "rules"}
    assert set(differing([idle(), one])) == {"levers.SD1", "levers.SD2", "trends.F1"}
    # Other rules are a difference too, though both have some.
    assert differing([other, of(levers={"SD1": 40, "SD2": 30}, rules=["mdma-loads"])]) == ["rules"]


def test_a_scenario_of_some_entries_has_these_alone() -> None:
    whole = of(levers={"SD1": 40, "1.1": 0}, trends={"F1": 20}, rules=["hepatitis-c"])
    found = list(entries(whole))
    assert found == ["levers.SD1", "levers.1.1", "trends.F1", "rules"]
    assert only(whole, found) == whole
    assert only(whole, []) == idle()
    assert list(entries(only(whole, ["levers.1.1", "rules"]))) == ["levers.1.1", "rules"]


def test_the_best_is_named_with_how_sure_that_is() -> None:
    assert "“B”" in best(-5.0, -20.0, 3.0)
    assert "100%" in best(-5.0, -20.0)
    assert "uncertain" in best(-5.0, -20.0, agree=0.6)
    assert "none of these" in best(0.0, 4.0)
    assert "no values" in best(np.nan)


def test_where_the_aims_say_nothing_neither_side_is_called_better() -> None:
    said = best(-5.0, 20.0, graph=UNAIMED)
    assert "lowest" in said
    assert "favourable" not in said
    # Current policy is one of those that are compared.
    assert "lowest in 2030 with “Current policy”, highest with “B”" in best(2.0, 3.0, graph=UNAIMED)
    assert "the same" in best(0.0, 0.0, graph=UNAIMED)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "−1,234.5"), ("nl", "−1.234,5"), ("de", "−1.234,5")]
)
def test_differences_have_a_sign(language: str, told: str) -> None:
    assert signed(words(language), -1234.52, 1) == told
    assert signed(words(language), 1e-17, 1) == "0"
    assert signed(words(language), 3.0, 0) == "+3"
    assert placed(-40.0, words(language)) == "−40"
    assert "−" in percent(-0.25, words(language))


def test_an_interval_that_excludes_nothing_is_never_shown_touching_it() -> None:
    assert signed_interval((-1.234, -12.34, -0.0512), words()) == "−1.2 (−12 to −0.051)"
    assert signed_interval((0.0038, 0.0004, 0.011), words()) == "+0.0038 (+0.00040 to +0.011)"
    assert signed_interval((-3.2, -8.1, -0.04), words(), 0) == "−3 (−8 to −0.040)"
    assert signed_interval((1e-8, 1e-9, 2e-8), words()).count("1") == 2
    assert signed_interval((0.0, 0.0, 0.5), words(), 1) == "0 (0 to +0.5)"
    assert signed_interval((np.nan, 0.0, 0.0), words()) == words().say("cell.none")


def test_percentages_differ_by_points() -> None:
    assert unit_of_change(SHARE, words()) == "percentage points"
    assert unit_of_change("people", words()) == words().unit("people")[0]
