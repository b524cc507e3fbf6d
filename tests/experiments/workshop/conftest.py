"""An engine with few draws, opened once for all tests of the page, and what the page offers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from experiments.workshop.engine import Engine
from experiments.workshop.graphs import GraphList, load_graphs
from model.catalogue import load_catalogue
from scenarios.library import Library, load_library

DRAWS = 12


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    found = Engine.open(draws=DRAWS)
    yield found
    found.close()


@cache
def library() -> Library:
    """The shipped library, for tests that run nothing."""
    return load_library(load_catalogue())


@cache
def offered() -> GraphList:
    """What the page offers, as if every indicator applied to every product."""
    catalogue = load_catalogue()
    found = load_graphs(catalogue)
    owners = (*(row.id for row in catalogue.products), *(row.id for row in catalogue.unions))
    return GraphList(found.themes, dict.fromkeys(found.indicators, owners))
