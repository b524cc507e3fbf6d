"""Which flags a graph carries, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.workshop import flags, moves
from experiments.workshop.answers import LEVELS, YEARS, Change, Fan
from experiments.workshop.engines import COLUMNS, Difference, differences, of_pair
from experiments.workshop.flags import Flag, flags_of, outside, short, told
from experiments.workshop.view import Graph, idle
from experiments.workshop.wording import words_of
from model.catalogue import load_catalogue
from scenarios.library import checked_scenario, load_library
from scenarios.lines import Document
from scenarios.schema import ChangeEntry, Plan, ScenarioFile
from scenarios.texts import LANGUAGES

LIBRARY = load_library(load_catalogue())
GRAPH = Graph("last_year_prevalence", "cannabis")


class Fake:
    """An engine that plans, and knows one reference."""

    library, catalogue = LIBRARY, LIBRARY.catalogue

    def plan(self, scenario: ScenarioFile) -> Plan:
        named = scenario.model_copy(update={"title": "x", "description": "x"})
        document = Document("scenario", scenario.model_dump(by_alias=True), {})
        return checked_scenario(named, document, "", LIBRARY).plan

    def reference(self, graph: Graph) -> Fan:
        return fan([1.0] * len(YEARS), graph)


def fan(medians: Sequence[float], graph: Graph = GRAPH) -> Fan:
    spread = np.linspace(0.8, 1.2, len(LEVELS))[:, None]
    return Fan(graph, spread * np.array(medians)[None, :])


def keys(graph: Graph = GRAPH, given: Fan | None = None, **moves: Any) -> list[str]:
    scenario = idle().model_copy(update=moves)
    return [flag.key for flag in flags_of(graph, scenario, Fake(), given)]  # type: ignore[arg-type]


def found(key: str, graph: Graph = GRAPH, **moves: Any) -> Flag:
    scenario = idle().model_copy(update=moves)
    every = flags_of(graph, scenario, Fake())  # type: ignore[arg-type]
    return next(flag for flag in every if flag.key == key)


def test_current_policy_of_a_calibrated_product_has_no_flag() -> None:
    assert keys() == []


def test_products_that_the_model_is_not_fitted_to() -> None:
    modes = {row.id: row.mode for row in LIBRARY.catalogue.products}
    for name, mode in modes.items():
        flagged = "scenario-only" in keys(Graph("last_year_prevalence", name))
        assert flagged == (mode == "scenario-only")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_must_be_known_of_an_indicator_is_told_in_each_language(language: str) -> None:
    flag = found("caution", Graph("attributable_deaths", "alcohol"))
    words = words_of(language, LIBRARY.texts)
    assert told(flag, words) == LIBRARY.texts[language]["indicator.attributable_deaths.caution"]
    assert short(flag, words)
    assert "caution" not in keys(Graph("daily_use", "alcohol"))


def test_a_union_says_which_members() -> None:
    flag = found("scenario-only", Graph("last_year_prevalence", "any_illegal"))
    assert "product.nps" in flag.names
    assert "product.cannabis" not in flag.names


def test_measures_and_trends_whose_size_is_assumed() -> None:
    assert "assumed" in keys(levers={"possession-decriminalisation": 10.0})
    assert "assumed" in keys(trends={"F1": -20.0})
    assert "assumed" in keys(central_trends=True)
    assert keys(levers={"possession-decriminalisation": 0.0}) == []
    evidenced = next(m for m in LIBRARY.members("SD1") if not flags.assumed(m, LIBRARY))
    assert keys(levers={evidenced: 50.0}) == []


PRESETS = {
    "stress-care-cut": "handle.capacity",
    "stress-pandemic-lockdown": "driver.F3.2",
    "stress-port-crackdown": "handle.import_flow",
    "stress-nitazene-shock": "driver.F1.4",
    "stress-vaping-surge": "driver.F4.7",
    "strategy-rules": "measure.port-interdiction",
}


@pytest.mark.parametrize("name", PRESETS)
def test_all_else_that_acts_with_an_assumed_size(name: str) -> None:
    scenario = moves.preset(name, LIBRARY)
    flag = next(f for f in flags_of(GRAPH, scenario, Fake()) if f.key == "assumed")  # type: ignore[arg-type]
    assert PRESETS[name] in flag.names
    for language in LANGUAGES:
        text = told(flag, words_of(language, LIBRARY.texts))
        assert not any(part in text for part in ("handle.", "driver.", "import_flow", "F1.4"))


def test_a_change_with_a_source_is_not_called_assumed() -> None:
    change = {"handle": "capacity", "from": "2026-01", "multiplier": 0.8}
    told_so = {"source": LIBRARY.known.sources[0]}
    for source, keyed in (({}, ["assumed"]), (told_so, [])):
        assert keys(changes=[ChangeEntry.model_validate({**change, **source})]) == keyed


def test_numbers_of_the_engines_are_plain() -> None:
    flag = found("engines", Graph("waiting", "any_illegal"))
    text = told(flag, words_of("fr", LIBRARY.texts))
    assert "5\xa0%" in text
    assert "4 erreurs" in text
    assert ",00" not in text


def test_measures_beyond_the_strategy() -> None:
    assert found("beyond", levers={"age-of-sale-21": 50.0}).names == ("measure.age-of-sale-21",)
    assert "beyond" not in keys(levers={"SD1": 50.0})


def test_a_median_beyond_what_history_knew() -> None:
    inside = [1.0] * 14 + [1.19] * 7  # the band of the past is 0.8 to 1.2
    assert "outside" not in keys(given=fan(inside))
    off = [1.0] * 14 + [1.0, 1.3, 1.3, 1.0, 0.7, 0.7, 0.7]
    flag = outside(fan([1.0] * 21), fan(off))
    assert flag is not None
    assert flag.fill["years"] == "2025-2026, 2028-2030"
    nothing = Fan(GRAPH, np.full((len(LEVELS), len(YEARS)), np.nan))
    assert outside(nothing, fan(off)) is None


def test_the_median_before_the_branch_is_never_outside() -> None:
    assert outside(fan([1.0] * 21), fan([9.0] * 14 + [1.0] * 7)) is None


def test_medians_that_do_not_subtract_are_told_where_a_reader_would_stumble() -> None:
    reference = fan([200.0] * 21)

    def key(median: float, change: float) -> str | None:
        own = replace(fan([median] * 21), change=Change(change, change, change, 1.0))
        flag = flags.medians(reference, own)
        return None if flag is None else flag.key

    assert key(230.0, 3.0) == "medians"  # 30 apart, and +3 is told
    assert key(203.5, 3.0) is None
    assert key(200.4, 0.1) is None  # below half a percent of the level
    assert flags.medians(reference, reference) is None


def test_engines_that_differ_by_more_than_chance() -> None:
    assert Difference(-13.0, 1.2).told
    assert not Difference(-13.0, 4.0).told  # chance may do that
    assert not Difference(4.0, 0.1).told  # sure, but small


def test_a_difference_of_engines_with_known_answer() -> None:
    compartments = np.array([100.0, 200.0])
    agents = np.array([[109.0, 111.0], [218.0, 222.0]])  # 10% more, 1% either way
    pair = of_pair(compartments, agents)
    assert pair is not None
    assert pair.percent == pytest.approx(10.0)
    assert pair.error == pytest.approx(np.sqrt(2.0 / 4))  # variance 2 of two seeds, four runs
    assert of_pair(np.array([100.0]), np.array([[0.0, 0.0]])) is None  # no agent saw it
    assert of_pair(np.array([0.0]), np.array([[1.0, 2.0]])) is None


def test_the_table_of_engines_is_told_on_graphs() -> None:
    names = {row.id for row in LIBRARY.catalogue.indicators}
    table = differences()
    assert len(table) > 100
    assert len(COLUMNS) == 4
    assert {indicator for indicator, _ in table} <= names
    for (indicator, product), difference in table.items():
        flagged = "engines" in keys(Graph(indicator, product))
        assert flagged == difference.told, (indicator, product)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_flag_is_told_in_words(language: str) -> None:
    words = words_of(language, LIBRARY.texts)
    every = [
        Flag("scenario-only", ("product.nps", "product.any_illegal")),
        Flag("outside", fill={"years": "2026-2030"}),
        *flags_of(
            Graph("waiting", "any_illegal"),
            idle().model_copy(update={"levers": {"SD2": 50.0, "age-of-sale-21": 20.0}}),
            Fake(),  # type: ignore[arg-type]
        ),
    ]
    assert {flag.key for flag in every} == {
        "scenario-only", "outside", "engines", "assumed", "beyond"
    }  # fmt: skip
    for flag in every:
        for text in (short(flag, words), told(flag, words)):
            assert text
            assert "{" not in text
            assert "any_illegal" not in text


def test_many_names_are_cut() -> None:
    names = tuple(f"measure.{name}" for name in list(LIBRARY.measures)[:9])
    text = told(Flag("beyond", names), words_of("en", LIBRARY.texts))
    assert text.endswith("and 3 more.")
