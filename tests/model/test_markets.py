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
    shock_response,
    shocked,
)

TERMS = st.builds(
    Terms,
    elasticity=st.floats(0.05, 2.0),
    replacement=st.floats(0.05, 3.0),
    dilution=st.floats(0.0, 1.0),
    sticker_time=st.floats(0.02, 2.0),
    floor=st.floats(-3.0, 0.0),
    ceiling=st.floats(0.0, 2.0),
)
GAP = st.floats(-4.0, 4.0)
IDLE = Market(0.0, 0.0, 0.0)


@given(TERMS, st.lists(GAP, min_size=1, max_size=40))
def test_no_swing_to_nothing_or_infinity(terms: Terms, gaps: list[float]) -> None:
    market = IDLE
    for gap in gaps:
        market = shocked(market, terms, gap)
        prices = cleared(market, terms, 0.0, 0.0)
        assert abs(prices.price) <= LARGEST * (1.0 + 1e-9)
        assert terms.floor <= prices.purity <= terms.ceiling
        assert prices.sticker - prices.purity == pytest.approx(prices.price, abs=1e-9)
        # Replacement never overshoots: scarcity and gap have one sign.
        assert market.scarcity * gap >= 0.0
        assert abs(market.scarcity) <= abs(gap) + 1e-12
        market = advance(market, terms, MONTH)


@given(TERMS, GAP, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_two_waits_are_one_wait_for_scarcity(
    terms: Terms, gap: float, first: float, second: float
) -> None:
    start = shocked(IDLE, terms, gap)
    twice = advance(advance(start, terms, first), terms, second)
    once = advance(start, terms, first + second)
    assert twice.scarcity == pytest.approx(once.scarcity, abs=1e-12)


@given(TERMS, st.floats(-3.0, -0.01))
def test_a_loss_is_made_good(terms: Terms, gap: float) -> None:
    found = shock_response(terms, gap, 600)
    price, sticker, purity, taken = found.T
    assert (np.diff(price) <= 1e-12).all()
    assert (price >= 1.0 - 1e-12).all()
    assert (taken <= 1.0 + 1e-12).all()
    assert found[-1] == pytest.approx(np.ones(4), abs=1e-3)
    # Until the sticker price moves, purity bears what it can.
    room = max(terms.floor, -math.log(price[0]))
    assert purity[0] == pytest.approx(math.exp(room), rel=1e-9)
    assert sticker[0] == pytest.approx(price[0] * purity[0], rel=1e-9)


@given(TERMS, st.floats(-3.0, -0.01), st.integers(1, 36))
def test_a_cut_that_ends_leaves_no_glut(terms: Terms, gap: float, months: int) -> None:
    market = shocked(IDLE, terms, gap)
    for _ in range(months):
        market = advance(market, terms, MONTH)
        assert cleared(market, terms, 0.0, 0.0).price >= 0.0
    market = shocked(market, terms, 0.0)
    assert market.scarcity == pytest.approx(0.0, abs=1e-12)


@given(TERMS, st.floats(-3.0, -0.01), st.integers(2, 24))
def test_a_loss_in_steps_without_time_is_one_loss(terms: Terms, gap: float, steps: int) -> None:
    market = IDLE
    for k in range(1, steps + 1):
        market = shocked(market, terms, gap * k / steps)
    at_once = shocked(IDLE, terms, gap)
    assert market.scarcity == pytest.approx(at_once.scarcity, abs=1e-9)


def test_known_answer_of_half_the_supply() -> None:
    terms = Terms(math.log(2.0) / math.log(3.0), 0.5, 0.0, 0.25, -2.0, 0.1)
    found = shock_response(terms, math.log(0.5), 7)
    assert found[0, 0] == pytest.approx(3.0)
    assert found[0, 3] == pytest.approx(0.5)
    assert math.log(found[6, 0]) == pytest.approx(math.log(3.0) * math.exp(-1.0))


def test_more_demand_than_expected_raises_the_price() -> None:
    terms = Terms(0.5, 1.0, 0.5, 0.25, -1.0, 0.5)
    more = cleared(shocked(IDLE, terms, -0.1), terms, 0.0, 0.0)
    assert more.price == pytest.approx(0.2)
