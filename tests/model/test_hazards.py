"""The hazard functions, each against its formula and at the point where it must be 1."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import hazards

SHARE = st.floats(0.001, 1.0)


@given(st.floats(0.0, 10.0), st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_a_hazard_is_the_product_of_its_parts(base: float, factor: float, coupling: float) -> None:
    found = hazards.transition(base, factor, coupling)
    assert found == pytest.approx(base * factor * coupling)


@given(SHARE, SHARE, SHARE, st.floats(0.0, 1.0))
def test_peers(use: float, reference: float, share: float, exponent: float) -> None:
    found = hazards.social_feedback(use, reference, share, exponent)
    assert found == pytest.approx(((1.0 - share) + share * use / reference) ** exponent)
    assert hazards.social_feedback(reference, reference, share, exponent) == pytest.approx(1.0)
    assert (found >= 1.0 - 1e-12) == (use >= reference * (1.0 - 1e-12)) or exponent * share < 1e-3


def test_feedback_can_be_switched_off() -> None:
    assert hazards.social_feedback(0.4, 0.1, 0.5, 0.0) == 1.0
    assert hazards.social_feedback(0.4, 0.0, 0.5, 0.5) == 1.0
    assert hazards.reputation(0.4, 0.1, 0.0) == 1.0
    assert hazards.reputation(0.4, 0.0, 0.2) == 1.0
    for arc in (0.0, 1.0):
        assert hazards.price_response(hazards.price_signal(0.0, arc), -0.7, arc) == 1.0
        assert hazards.price_response(hazards.price_signal(0.6, arc), 0.0, arc) == 1.0
    assert hazards.coupling_factor(0.0, 7.0) == 1.0
    assert hazards.burden_factor(0.2, 0.9, 1.0) == 1.0


@given(SHARE, SHARE, st.floats(0.01, 0.5))
def test_harm_deters(memory: float, reference: float, exponent: float) -> None:
    found = hazards.reputation(memory, reference, exponent)
    assert found == pytest.approx(math.exp(-exponent * (memory / reference - 1.0)))
    assert hazards.reputation(memory * 1.1, reference, exponent) < found or found < 1e-12


@given(SHARE, SHARE, st.floats(0.5, 5.0), st.floats(5.0, 20.0))
def test_memory_rises_fast_and_fades_slowly(
    memory: float, harm: float, rise: float, fall: float
) -> None:
    after = hazards.remembered_harm(memory, harm, rise, fall, 1.0)
    assert min(memory, harm) - 1e-12 <= after <= max(memory, harm) + 1e-12
    halves = hazards.remembered_harm(
        hazards.remembered_harm(memory, harm, rise, fall, 0.5), harm, rise, fall, 0.5
    )
    assert halves == pytest.approx(after, rel=1e-12)


@given(st.floats(0.2, 5.0), st.floats(-1.5, 1.5))
def test_price_response_has_a_constant_elasticity(price: float, elasticity: float) -> None:
    signal = hazards.price_signal(math.log(price), 0.0)
    found = hazards.price_response(signal, elasticity, 0.0)
    assert math.log(found) == pytest.approx(elasticity * math.log(price), abs=1e-12)


@given(st.floats(-2.0, 2.0), st.floats(-3.0, 3.0))
def test_arc_response_is_linear_and_never_negative(log_price: float, elasticity: float) -> None:
    price = math.exp(log_price)
    signal = hazards.price_signal(log_price, 1.0)
    assert signal == pytest.approx((price - 1.0) / ((price + 1.0) / 2.0), abs=1e-12)
    found = hazards.price_response(signal, elasticity, 1.0)
    assert found == pytest.approx(max(hazards.LEAST_RESPONSE, 1.0 + elasticity * signal))


def test_overdoses_kill_more_where_purity_rises() -> None:
    base = hazards.overdose_mortality(0.1, 0.03, 1.5, 0.0)
    assert base == pytest.approx(0.003)
    assert hazards.overdose_mortality(0.1, 0.03, 1.5, math.log(2.0)) == pytest.approx(
        base * 2.0**1.5
    )


@given(SHARE, st.floats(-0.5, 10.0), st.floats(0.0, 5.0))
def test_burden_is_the_ratio_of_mean_hazards(
    prevalence: float, excess: float, change: float
) -> None:
    found = hazards.burden_factor(prevalence, excess, change)
    share = min(1.0, prevalence * change)
    assert found == pytest.approx((1.0 + share * excess) / (1.0 + prevalence * excess))
    assert found > 0.0


@given(SHARE, st.floats(-0.9, 20.0))
def test_coupling_and_excess_mortality(use: float, excess: float) -> None:
    assert hazards.coupling_factor(use, excess) == pytest.approx(1.0 + use * excess)
    assert hazards.excess_mortality(0.01, excess) == pytest.approx(0.01 * excess)
