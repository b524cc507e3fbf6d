"""Police and customs: effort is spread, never made, and even on average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesa import Model

from model.agents.enforcement import BORDERS, Enforcement, EnforcementUnit
from model.agents.market_book import ENTERED, IMPORTER, STOPPED, USUAL, Key
from model.markets import Terms
from tests.model.agents.markets import MANY, REGIONS, TERMS, actors_of, flat_paths, run

SLOW = Terms(0.4, 0.6, 0.4, 0.25, -1.0, 0.5)
UNITS, PRODUCTS = len(REGIONS) + len(BORDERS), 3
VALUES = st.lists(st.floats(0.0, 1e3), min_size=PRODUCTS, max_size=PRODUCTS)


def units() -> Enforcement:
    return Enforcement(Model(seed=1), REGIONS, PRODUCTS, TERMS)


@given(VALUES, VALUES, st.lists(st.floats(0.01, 50.0), min_size=PRODUCTS, max_size=PRODUCTS))
def test_a_unit_spreads_one_effort(
    seized: list[float], usual: list[float], violence: list[float]
) -> None:
    found = units()
    shape = (UNITS, PRODUCTS)
    found.record(np.broadcast_to(seized, shape), np.broadcast_to(usual, shape))
    for _ in range(3):
        found.quarter(np.array(violence))
        assert found.book.effort.sum(axis=1) == pytest.approx(np.ones(UNITS), rel=1e-12)
        assert found.factor.mean(axis=1) == pytest.approx(np.ones(UNITS), rel=1e-12)
        assert (found.factor >= TERMS.enforcement_floor - 1e-12).all()


def test_effort_is_even_where_nothing_is_unusual() -> None:
    found = units()
    found.record(np.full((UNITS, PRODUCTS), 0.2), np.full((UNITS, PRODUCTS), 0.2))
    found.quarter(np.ones(PRODUCTS))
    assert found.factor == pytest.approx(np.ones((UNITS, PRODUCTS)), rel=1e-12)


def test_effort_goes_where_more_was_seized_and_where_violence_is() -> None:
    found = units()
    seized = np.full((UNITS, PRODUCTS), 0.2)
    seized[0, 1] = 0.8
    found.record(seized, np.full((UNITS, PRODUCTS), 0.2))
    found.quarter(np.array([2.0, 1.0, 1.0]))
    assert found.factor[0, 1] > found.factor[0, 0] > found.factor[0, 2]
    # The rule: part evenly, the rest by (value over the usual)^a x violence^b.
    doubt = TERMS.enforcement_stop_rate * TERMS.enforcement_stopped_share
    value = (np.array([0.2, 0.8, 0.2]) + doubt) / (0.2 + doubt)
    score = value**TERMS.enforcement_response
    score *= np.array([2.0, 1.0, 1.0]) ** TERMS.enforcement_violence
    even = TERMS.enforcement_floor
    expected = even / PRODUCTS + (1.0 - even) * score / score.sum()
    assert found.book.effort[0] == pytest.approx(expected)
    # One seizure is forgotten.
    for _ in range(40):
        found.quarter(np.ones(PRODUCTS))
    assert found.factor[0] == pytest.approx(np.ones(PRODUCTS), abs=1e-3)


def test_the_units_are_agents() -> None:
    found = units()
    assert found.units.get("name") == [*REGIONS, *BORDERS]
    assert all(isinstance(unit, EnforcementUnit) for unit in found.units)


def test_effort_and_prices_are_neutral_on_average() -> None:
    """Alike products over years: each gets the even share, and prices stay where they are."""
    factors, prices = [], []
    for seed in range(6):
        actors = actors_of(SLOW, MANY._replace(actor_number=60.0), Key(seed, 0), PRODUCTS, True)
        assert actors.enforcement is not None
        paths = flat_paths(96, PRODUCTS)
        for first in range(0, 96, 12):
            prices.append(run(actors, paths, first, first + 12)[:, :, 0])
            factors.append(actors.enforcement.factor)
    national = np.mean(factors, axis=(0, 1))
    assert national == pytest.approx(np.ones(PRODUCTS), abs=0.03)
    assert np.mean(prices) == pytest.approx(0.0, abs=0.02)


def test_stops_take_capacity_that_comes_back() -> None:
    actors = actors_of(SLOW, MANY, products=PRODUCTS, police=True)
    run(actors, flat_paths(120, PRODUCTS))
    ledger = actors.ledger()
    rate = MANY.enforcement_stop_rate * MANY.enforcement_stopped_share
    assert ledger[:, IMPORTER, STOPPED] == pytest.approx(np.full(PRODUCTS, -10.0 * rate), rel=0.15)
    assert ledger[:, IMPORTER, USUAL] == pytest.approx(np.full(PRODUCTS, 10.0 * rate), rel=0.05)
    assert (ledger[:, :, ENTERED] >= 0.0).all()


def test_more_effort_than_the_usual_makes_scarcity() -> None:
    """In balance the extra loss a year is what replacement brings: x = -extra x replacement."""
    actors = actors_of(SLOW, MANY, products=2, police=True)
    assert actors.enforcement is not None
    paths, found = flat_paths(120, 2), []
    for month in range(120):
        actors.enforcement.book.effort[:] = [0.9, 0.1]
        found.append(actors.month(month, paths, np.zeros(2))[:, 0])
    extra = 0.8 * MANY.enforcement_stop_rate * MANY.enforcement_stopped_share
    expected = np.array([extra, -extra]) * SLOW.replacement / SLOW.elasticity
    assert np.mean(found[36:], axis=0) == pytest.approx(expected, abs=0.03)
