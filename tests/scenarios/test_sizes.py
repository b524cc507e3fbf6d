"""Sizes by draw: known answers, and draws that are the same wherever they are drawn."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from model.parameters import SPREAD
from model.streams import normal, uniform
from scenarios.entries import ASSUMED, Number
from scenarios.levers import Baseline, Effect, Grade
from scenarios.sizes import (
    NORMAL_90,
    WIDENING,
    Deal,
    hazard_ratio,
    one_sided,
    ratios,
    shares,
    two_piece,
)

STUDY = "study"
MANY = Deal.of(0, 20_000, 1)
RANGE = Number(central=0.8, low=0.5, high=0.9)


def effect(interval: Literal[90, 95] | None = None) -> Effect:
    return Effect.model_validate(
        {"handle": "initiation", "effect": RANGE, "interval": interval}, strict=False
    )


def test_draws_of_parts_are_those_of_the_whole() -> None:
    whole = Deal.of(0, 10, 3)
    for draw in ("normal", "uniform"):
        parts = [getattr(Deal.of(first, 5, 3), draw)("a/name") for first in (0, 5)]
        np.testing.assert_array_equal(np.concatenate(parts), getattr(whole, draw)("a/name"))


def test_numbers_of_draws_stand_in_any_order() -> None:
    numbers = np.array([7, 0, 7, 5000, 3])  # one of them beyond what is kept
    whole = Deal.of(0, 5001, 3)
    for draw in ("normal", "uniform"):
        wanted = getattr(whole, draw)("a/name")[numbers]
        np.testing.assert_array_equal(getattr(Deal(numbers, 3), draw)("a/name"), wanted)
        for run in range(len(numbers)):
            one = getattr(Deal(numbers, 3).one(run), draw)("a/name")
            np.testing.assert_array_equal(one, wanted[[run]])


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(0, 9))
def test_kept_draws_are_those_of_the_stream(numbers: list[int], seed: int) -> None:
    deal, size = Deal(np.array(numbers), seed), (max(numbers) + 1,)
    np.testing.assert_array_equal(deal.normal("x"), normal(seed, "x", size)[numbers])
    np.testing.assert_array_equal(deal.uniform("x"), uniform(seed, "x", size)[numbers])


@pytest.mark.parametrize("central", [False, True])
def test_scores_stand_in_place_of_what_is_drawn(central: bool) -> None:
    scores = {"a": np.array([-1.0, 0.0, 2.0]), "event/b": np.array([-1.0, 0.0, 2.0])}
    deal, plain = (Deal(np.arange(3), 1, central, known) for known in (scores, {}))
    np.testing.assert_array_equal(deal.normal("a"), scores["a"])
    np.testing.assert_allclose(deal.uniform("event/b"), norm.cdf([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(deal.normal("other"), plain.normal("other"))
    np.testing.assert_array_equal(deal.uniform("other"), plain.uniform("other"))
    np.testing.assert_array_equal(deal.one(2).normal("a"), [2.0])
    low, high = -NORMAL_90, NORMAL_90
    ends = Deal(np.zeros(2, dtype=np.int64), 1, scores={"m/effect": np.array([high, low])})
    certain = Effect(handle="initiation", interval=90, effect=RANGE)
    np.testing.assert_allclose(ratios(certain, "systematic-review", STUDY, ends, "m"), [0.5, 0.9])


def test_a_deal_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="scores of a: one a run, 3 in all"):
        Deal(np.arange(3), 1, scores={"a": np.zeros(2)})
    for wrong in (np.array([-1]), np.zeros((2, 2), dtype=np.int64)):
        with pytest.raises(ValueError, match="0 or more"):
            Deal(wrong, 1)


def test_draws_are_keyed_by_name_and_seed() -> None:
    one = Deal.of(0, 50, 1)
    assert not np.array_equal(one.normal("a"), one.normal("b"))
    assert not np.array_equal(one.normal("a"), Deal.of(0, 50, 2).normal("a"))
    before = one.normal("a")
    one.normal("b")
    np.testing.assert_array_equal(one.normal("a"), before)


def test_the_middle_of_every_range_has_no_chance_in_it() -> None:
    middle = Deal.of(5, 3, 1, central=True)
    np.testing.assert_array_equal(middle.normal("a"), 0.0)
    np.testing.assert_array_equal(middle.uniform("a"), 0.5)
    np.testing.assert_allclose(ratios(effect(), "rct", STUDY, middle, "a"), 0.8)
    np.testing.assert_allclose(shares(RANGE, middle, "a"), 0.8)


def test_a_range_is_met_at_its_ends() -> None:
    z = np.array([-NORMAL_90, 0.0, NORMAL_90])
    np.testing.assert_allclose(two_piece(0.5, 0.8, 0.9, z, NORMAL_90), [0.5, 0.8, 0.9])


@pytest.mark.parametrize(
    ("interval", "source", "part"),
    [(95, "study", 0.95), (90, "study", 0.9), (None, "study", 0.95), (None, ASSUMED, 0.9)],
)
def test_the_interval_says_how_many_draws_lie_in_the_range(
    interval: Literal[90, 95] | None, source: str, part: float
) -> None:
    found = ratios(effect(interval), "systematic-review", source, MANY, "a")
    # An assumed range is widened as one of an expert.
    part = part if source == STUDY else float(2 * norm.cdf(NORMAL_90 / WIDENING["expert"]) - 1)
    inside = ((found >= 0.5) & (found <= 0.9)).mean()
    assert inside == pytest.approx(part, abs=4 * np.sqrt(part * (1 - part) / MANY.count))
    assert np.median(found) == pytest.approx(0.8, rel=0.01)


@pytest.mark.parametrize("grade", WIDENING)
def test_weaker_evidence_widens_a_range(grade: Grade) -> None:
    # A high score is a strong measure: one that lowers a hazard lowers it more.
    z = MANY.normal("a/effect")
    strong = z > 0
    found = np.log(ratios(effect(95), grade, STUDY, MANY, "a") / 0.8)[strong]
    wanted = WIDENING[grade] * z[strong] * np.log(0.5 / 0.8) / SPREAD
    np.testing.assert_allclose(found, wanted)


def test_an_assumed_range_that_ends_at_1_gives_the_direction() -> None:
    made = Effect(handle="initiation", effect=Number(central=0.8, low=0.5, high=1.0))
    assert ratios(made, "rct", ASSUMED, MANY, "a").max() == 1.0
    assert ratios(made, "expert", STUDY, MANY, "a").max() == 1.0
    assert ratios(made, "rct", STUDY, MANY, "a").max() > 1.0


def test_a_number_without_a_range_is_certain() -> None:
    certain = Effect(handle="initiation", effect=Number(central=0.7))
    assert set(ratios(certain, "unverified", ASSUMED, MANY, "a")) == {0.7}
    assert set(shares(Number(central=0.0), MANY, "a")) == {0.0}
    assert set(shares(Number(central=1.0), MANY, "a")) == {1.0}


def test_odds_and_risks_become_hazards_by_hand() -> None:
    # Odds of 3 to 7 halved are 3 to 14: a risk of 3/17. A risk of 0.3 halved is 0.15.
    odds = hazard_ratio(np.array([0.5]), "odds_ratio", 0.3)
    risk = hazard_ratio(np.array([0.5]), "risk_ratio", 0.3)
    np.testing.assert_allclose(odds, np.log(14 / 17) / np.log(0.7))
    np.testing.assert_allclose(risk, np.log(0.85) / np.log(0.7))


def test_an_effect_with_a_baseline_is_drawn_as_odds_first() -> None:
    made = effect(95).model_copy(
        update={"ratio": "odds_ratio", "baseline": Baseline(value=0.3, source="assumed")}
    )
    plain = ratios(effect(95), "rct", STUDY, MANY, "a")
    np.testing.assert_allclose(
        ratios(made, "rct", STUDY, MANY, "a"), hazard_ratio(plain, "odds_ratio", 0.3)
    )


@given(
    st.floats(0.001, 1000.0),
    st.floats(0.001, 0.999),
    st.sampled_from(["odds_ratio", "risk_ratio"]),
)
def test_hazards_follow_odds_and_risks(ratio: float, baseline: float, kind: str) -> None:
    values = np.array([ratio, ratio * 1.01, 1.0])
    found = hazard_ratio(values, kind, baseline)
    assert np.isfinite(found).all()
    assert (found > 0.0).all()
    assert found[0] <= found[1]
    assert found[2] == pytest.approx(1.0)
    if ratio < 0.99:
        assert found[0] < 1.0
    rare = hazard_ratio(values[:1], kind, 1e-7)
    assert rare[0] == pytest.approx(ratio, rel=1e-3)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_coverage_stays_between_nobody_and_everyone(ends: list[float]) -> None:
    low, central, high = sorted(ends)
    found = shares(Number(central=central, low=low, high=high), Deal.of(0, 200, 1), "a")
    assert ((found >= 0.0) & (found <= 1.0)).all()


def test_coverage_meets_its_range_nine_times_in_ten() -> None:
    found = shares(Number(central=0.3, low=0.1, high=0.5), MANY, "a")
    assert ((found >= 0.1) & (found <= 0.5)).mean() == pytest.approx(0.9, abs=0.01)
    assert np.median(found) == pytest.approx(0.3, rel=0.03)


def test_a_range_that_ends_at_1_gives_the_direction() -> None:
    values = np.array([0.7, 1.2])
    np.testing.assert_array_equal(one_sided(0.5, 1.0, values), [0.7, 1.0])
    np.testing.assert_array_equal(one_sided(1.0, 2.0, values), [1.0, 1.2])
    np.testing.assert_array_equal(one_sided(0.5, 2.0, values), values)
