"""The illicit market of one product: bounds, recovery, who moves first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.markets import (
    LARGEST,
    MONTH,
    Market,
    Terms,
    advance,
    cleared,
    felt,
    shock_response,
    shocked,
)

TERMS = st.builds(
    Terms,
    elasticity=st.floats(0.05, 2.0),
    replacement=st.floats(0.05, 3.0),
    diversion=st.floats(0.0, 0.99),
    dilution=st.floats(0.0, 1.0),
    sticker_time=st.floats(0.02, 2.0),
    floor=st.floats(-3.0, 0.0),
    ceiling=st.floats(0.0, 2.0),
)
LOSS = st.floats(-4.0, 4.0)


@given(TERMS, st.lists(st.tuples(LOSS, st.floats(-3.0, 3.0)), min_size=1, max_size=40))
def test_no_swing_to_nothing_or_infinity(terms: Terms, shocks: list[tuple[float, float]]) -> None:
    market = Market(0.0, 0.0)
    for loss, demand in shocks:
        market = shocked(market, terms, loss, demand)
        prices = cleared(market, terms, 0.0, 0.0)
        assert abs(prices.price) <= LARGEST * (1.0 + 1e-9)
        assert terms.floor <= prices.purity <= terms.ceiling
        assert prices.sticker - prices.purity == pytest.approx(prices.price, abs=1e-9)
        market = advance(market, terms, MONTH)


@given(TERMS, LOSS, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_two_waits_are_one_wait_for_scarcity(
    terms: Terms, loss: float, first: float, second: float
) -> None:
    start = shocked(Market(0.0, 0.0), terms, loss, 0.0)
    twice = advance(advance(start, terms, first), terms, second)
    once = advance(start, terms, first + second)
    assert twice.scarcity == pytest.approx(once.scarcity, abs=1e-12)


@given(TERMS, st.floats(-3.0, -0.01))
def test_a_loss_is_made_good(terms: Terms, loss: float) -> None:
    found = shock_response(terms, loss, 600)
    price, sticker, purity, taken = found.T
    assert (np.diff(price) <= 1e-12).all()
    assert (price >= 1.0 - 1e-12).all()
    assert (taken <= 1.0 + 1e-12).all()
    assert found[-1] == pytest.approx(np.ones(4), abs=1e-3)
    # Until the sticker price moves, purity bears what it can.
    room = max(terms.floor, -math.log(price[0]))
    assert purity[0] == pytest.approx(math.exp(room), rel=1e-9)
    assert sticker[0] == pytest.approx(price[0] * purity[0], rel=1e-9)


@given(st.floats(-3.0, 3.0), st.floats(0.0, 0.99), st.floats(0.0, 0.99))
def test_diversion_softens_shocks(loss: float, one: float, other: float) -> None:
    little, much = sorted((one, other))
    assert abs(felt(loss, much)) <= abs(felt(loss, little)) + 1e-12
    assert felt(loss, 0.0) == pytest.approx(loss, abs=1e-12)


def test_known_answer_of_half_the_supply() -> None:
    terms = Terms(math.log(2.0) / math.log(3.0), 0.5, 0.0, 0.0, 0.25, -2.0, 0.1)
    found = shock_response(terms, math.log(0.5), 7)
    assert found[0, 0] == pytest.approx(3.0)
    assert found[0, 3] == pytest.approx(0.5)
    assert math.log(found[6, 0]) == pytest.approx(math.log(3.0) * math.exp(-1.0))


def test_more_demand_than_expected_raises_the_price() -> None:
    terms = Terms(0.5, 1.0, 0.3, 0.5, 0.25, -1.0, 0.5)
    more = cleared(shocked(Market(0.0, 0.0), terms, 0.0, 0.1), terms, 0.0, 0.0)
    assert more.price == pytest.approx(0.2)
