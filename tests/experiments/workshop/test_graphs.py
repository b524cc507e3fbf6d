"""Graphs on offer: what scenarios are compared by, with names, where there is something to show."""

from __future__ import annotations

from itertools import product as pairs

import numpy as np
import pytest

from experiments.workshop.engine import Engine
from experiments.workshop.graphs import graph_list, load_graphs
from experiments.workshop.view import START, Graph
from experiments.workshop.wording import words_of
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

LIBRARY = library()
GRAPHS = load_graphs(LIBRARY.catalogue)


def test_every_indicator_is_of_the_catalogue_and_stands_once() -> None:
    known = {row.id for row in LIBRARY.catalogue.indicators}
    assert set(GRAPHS.indicators) <= known
    assert len(set(GRAPHS.indicators)) == len(GRAPHS.indicators)
    assert 55 <= len(GRAPHS.indicators) <= 75


def test_what_scenarios_are_compared_by_is_offered(engine: Engine) -> None:
    assert set(engine.study.compact.names) <= set(GRAPHS.indicators)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_offered_has_a_name(language: str) -> None:
    words = words_of(language, LIBRARY.texts)
    themes = [words.say(f"graphs.theme.{theme}") for theme in GRAPHS.themes]
    assert len(set(themes)) == len(themes)
    names = [words.name(f"indicator.{one}", "") for one in GRAPHS.indicators]
    assert all(names)
    assert len(set(names)) == len(names)
    assert all(words.name(f"region.{one}", "") for one in GRAPHS.regions)
    assert all(words.name(f"age_group.{one}", "") for one in GRAPHS.ages)


def test_each_product_offered_shows_something_and_no_other_would(engine: Engine) -> None:
    graphs = graph_list(engine)
    for indicator in graphs.indicators:
        offered = graphs.products(indicator)
        assert offered
        for owner in engine.baseline.owners:
            assert engine.applies(Graph(indicator, owner)) == (owner in offered)
    assert all(graph.product in graphs.products(graph.indicator) for graph in START)


def test_a_graph_keeps_what_it_can_of_another(engine: Engine) -> None:
    graphs = graph_list(engine)
    usual = graphs.fitting(Graph("hcv_infections", "alcohol"), engine)
    assert usual == Graph("hcv_infections", "any_illegal")
    kept = Graph("waiting", "cannabis", "Brussels", "25-34")
    assert graphs.fitting(kept, engine) == kept
    for indicator, region, age in pairs(graphs.indicators, graphs.regions, graphs.ages):
        found = graphs.fitting(Graph(indicator, "cocaine", region, age), engine)
        assert np.isfinite(engine.reference(found).bands).any()
