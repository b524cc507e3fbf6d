"""Scenario discovery: a planted box comes back, noise gives nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from experiments.robustness.boxes import Limit, box_of, chosen, peel, tidied
from experiments.robustness.cases import Miss, cases_of, explained
from experiments.robustness.discovery import (
    Discovery,
    Method,
    Sought,
    discover,
    limits_table,
    search_of,
)
from experiments.robustness.discovery_table import span
from experiments.robustness.futures import Futures, Outcome
from experiments.robustness.resampling import trial
from model.errors import InputError
from tests.experiments.robustness.sampled_store import flat, trend

Float = npt.NDArray[np.float64]

METHODS: tuple[Method, ...] = ("prim", "cart")
DEATHS = Outcome("overdose_deaths", "any_illegal", "Belgium", 2030)
KEY = ("overdose_deaths", "any_illegal", "Belgium", 2030)
NAMES = ("A", "B", "C", "D", "E", "F")


def futures(points: Float, values: Float) -> Futures:
    """A store of one scenario (``values``: point, draw) beside a baseline of 10."""
    both = np.stack([np.full(values.shape, 10.0), values])
    return Futures(flat([trend(name) for name in NAMES], points, {KEY: both}, ["base", "policy"]))


def planted(points: int, draws: int, hit: float, miss: float, seed: int = 1) -> Futures:
    """Deaths of 20 inside A >= 0.6 and B <= 0.5 with chance ``hit``, outside with ``miss``."""
    random = np.random.default_rng(seed)
    x = random.random((points, len(NAMES)))
    inside = (x[:, 0] >= 0.6) & (x[:, 1] <= 0.5)
    chance = np.where(inside, hit, miss)[:, None]
    return futures(x, np.where(random.random((points, draws)) < chance, 20.0, 5.0))


def found(store: Futures, method: Method, **changed: object) -> Discovery:
    """What is found of deaths above 12."""
    asked = Sought("policy", DEATHS, Miss("above", 12.0), method, **{"halves": 10, **changed})  # type: ignore[arg-type]
    return discover(store, asked)


@pytest.mark.parametrize("method", ["prim", "cart"])
def test_a_planted_box_is_found_with_its_limits_coverage_and_density(method: Method) -> None:
    """Known: mass 0.2, density 0.9; coverage 0.18 / (0.18 + 0.8 x 0.02) = 0.918."""
    result = found(planted(1000, 1, 0.9, 0.02), method)
    assert result.found
    limits = limits_table(result).set_index("factor")
    assert set(limits.index) == {"A", "B"}
    # One step of PRIM cuts off 5% of a box: its limits are within that of the planted ones.
    assert limits.loc["A", "low"] == pytest.approx(0.6, abs=0.05)
    assert limits.loc["B", "high"] == pytest.approx(0.5, abs=0.05)
    assert result.density.value == pytest.approx(0.9, abs=0.04)
    assert result.coverage.value >= 0.5
    assert (limits[["quasi_p_low", "quasi_p_high"]].min(axis=1) < 1e-6).all()
    assert (limits["restricted_in_halves"] == 1.0).all()
    again = result.again.set_index("factor")
    assert again.loc["A", "low_05"] <= 0.6 + 0.05
    assert (again.loc[["C", "D", "E", "F"], "restricted"] <= 0.5).all()
    assert result.trial.density.value == pytest.approx(0.9, abs=0.05)


def test_noise_gives_no_box() -> None:
    for seed in range(2):
        random = np.random.default_rng(seed)
        values = np.where(random.random((200, 1)) < 0.3, 20.0, 5.0)
        store = futures(random.random((200, len(NAMES))), values)
        for method in METHODS:
            result = found(store, method)
            assert not result.found, (seed, method)
            assert result.explained[0] < 0.1


def test_a_half_without_a_box_is_counted_and_not_quoted() -> None:
    cases = cases_of(planted(600, 1, 0.9, 0.02), "policy", DEATHS, Miss("above", 12.0))
    search, calls = search_of("prim", 0.5), iter(range(9))
    nothing = trial(cases, lambda x, y: [], 4)
    assert (nothing.with_box, nothing.p) == (0, 1.0)
    assert np.isnan(nothing.coverage.value)
    assert span(nothing.coverage) == "none"
    some = trial(cases, lambda x, y: search(x, y) if next(calls) % 2 else [], 8)
    assert some.with_box == 4
    known = [half.coverage for half in some.halves if half.boxes]
    assert some.coverage.value == pytest.approx(float(np.median(known)))


def test_the_trajectory_and_the_choice_on_it() -> None:
    cases = cases_of(planted(800, 1, 0.9, 0.02), "policy", DEATHS, Miss("above", 12.0))
    steps = peel(cases.x, cases.y)
    assert steps[0].limits == ()
    assert steps[0].density == pytest.approx(cases.share)
    assert all(a.mass >= b.mass for a, b in pairwise(steps[:10]))
    box = chosen(steps, 0.5)
    assert box.coverage >= 0.5
    assert chosen(steps, 0.95).coverage >= 0.95
    assert {one.factor for one in tidied(box, cases.x, cases.y).limits} == {"A", "B"}
    inside = box.holds(cases.x)
    assert int(inside.sum()) == box.cases
    assert cases.y[inside].mean() == pytest.approx(box.density)


def test_a_limit_that_luck_explains_is_taken_away() -> None:
    cases = cases_of(planted(800, 1, 0.9, 0.02), "policy", DEATHS, Miss("above", 12.0))
    limits = (Limit("A", low=0.6), Limit("B", high=0.5), Limit("C", low=0.02))
    tidy = tidied(box_of(limits, cases.x, cases.y), cases.x, cases.y)
    assert {one.factor for one in tidy.limits} == {"A", "B"}


def test_values_without_order_are_categories() -> None:
    random = np.random.default_rng(1)
    x = np.stack([random.integers(3, size=600), random.random(600)], axis=1).astype(float)
    hit = (x[:, 0] == 1) & (random.random(600) < 0.9)
    kinds = trend("shape", kind="structure", values=("none", "some", "all"), high=3.0)
    both = np.stack([np.full((600, 1), 10.0), np.where(hit, 20.0, 5.0)[:, None]])
    store = Futures(flat([kinds, trend("A")], x, {KEY: both}, ["base", "policy"]))
    for method in METHODS:
        result = found(store, method)
        assert result.found
        (limit,) = [one for box in result.boxes for one in box.limits]
        assert (limit.factor, limit.values) == ("shape", ("some",))


def test_draws_of_a_point_are_cases_and_the_part_that_factors_tell_is_said() -> None:
    """Misses with chance 0.9 in a fifth of points, else 0.1: 0.1024 of 0.1924 is between points."""
    store = planted(400, 10, 0.9, 0.1)
    cases = cases_of(store, "policy", DEATHS, Miss("above", 12.0))
    assert len(cases.y) == 4000
    share, how = explained(cases)
    assert how == "between points"
    assert share == pytest.approx(0.1024 / 0.1924, abs=0.06)
    with_draw = cases_of(store, "policy", DEATHS, Miss("above", 12.0), with_draw=True)
    assert "draw" in with_draw.x.columns
    assert with_draw.factors[-1].label == "Draw of the model's parameters"


def test_when_a_policy_misses() -> None:
    random = np.random.default_rng(1)
    values = random.uniform(5.0, 20.0, (200, 1))
    store = futures(random.random((200, len(NAMES))), values)
    deaths = values[:, 0]
    for miss, wanted in (
        (Miss("above", 12.0), deaths > 12.0),
        (Miss("below", 12.0), deaths < 12.0),
        (Miss("worse", 20.0, "down", "base"), deaths > 12.0),
        (Miss("worse", 20.0, "up", "base"), deaths < 8.0),
        (Miss("worst", 0.25, "down"), deaths > np.sort(deaths)[149]),
        (Miss("worst", 0.25, "up"), deaths < np.sort(deaths)[50]),
    ):
        np.testing.assert_array_equal(cases_of(store, "policy", DEATHS, miss).y, wanted)
        assert miss.told("persons")


def test_missing_futures_are_left_out_and_counted() -> None:
    random = np.random.default_rng(1)
    values = random.uniform(5.0, 20.0, (200, 2))
    values[7, 1] = np.nan
    cases = cases_of(
        futures(random.random((200, 6)), values), "policy", DEATHS, Miss("above", 12.0)
    )
    assert cases.left_out == 1
    assert len(cases.y) == 399


def test_too_few_cases_are_refused_and_few_are_cautioned_of() -> None:
    random = np.random.default_rng(1)
    values = np.sort(random.uniform(5.0, 20.0, 200))[:, None]
    store = futures(random.random((200, len(NAMES))), values)
    with pytest.raises(InputError, match="misses in 5 of 200 sampled futures: too few"):
        cases_of(store, "policy", DEATHS, Miss("above", float(values[-6:-4].mean())))
    asked = Sought("policy", DEATHS, Miss("above", float(values[-21:-19].mean())), halves=10)
    assert any("Few cases: 20" in note for note in discover(store, asked).notes)


def test_a_store_without_factors_is_refused() -> None:
    values = np.random.default_rng(1).uniform(5.0, 20.0, (2, 1, 50))
    store = Futures(flat([], np.empty((1, 0)), {KEY: values}, ["base", "policy"]))
    with pytest.raises(InputError, match="nothing was sampled"):
        cases_of(store, "policy", DEATHS, Miss("above", 12.0))


def test_the_same_search_twice_gives_the_same() -> None:
    store = planted(150, 1, 0.9, 0.02)
    for method in METHODS:
        first, second = (found(store, method, halves=3) for _ in range(2))
        assert first.boxes == second.boxes
        assert repr(first.trial) == repr(second.trial)  # halves without a box hold NaN
