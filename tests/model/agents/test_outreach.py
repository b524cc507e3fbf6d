"""Outreach: care moves between regions, how many ask in the nation does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mesa import Model

from model.agents.market_book import Key
from model.agents.outreach import LARGEST, Outreach, care_factor
from tests.model.agents.markets import TERMS

PEOPLE = np.array([6.7e6, 1.2e6, 3.7e6])
SHAPE = (5, 3)
NEED = arrays(np.float64, SHAPE, elements=st.one_of(st.just(0.0), st.floats(1e-3, 1e6)))
SEEKING = arrays(np.float64, SHAPE, elements=st.one_of(st.just(0.0), st.floats(1e-3, 3.0)))
VISITS = arrays(np.float64, SHAPE, elements=st.integers(0, 60).map(float))


def teams(key: Key = Key(1, 0)) -> Outreach:  # noqa: B008
    return Outreach(Model(seed=1), key, PEOPLE, SHAPE[0], TERMS)


def kept(factor: npt.NDArray[np.float64], asking: npt.NDArray[np.float64]) -> None:
    assert (factor * asking).sum(axis=1) == pytest.approx(asking.sum(axis=1), rel=1e-12)


@given(VISITS, NEED, SEEKING, st.floats(0.0, 1.0))
def test_as_many_ask_in_the_nation(
    visits: npt.NDArray[np.float64],
    need: npt.NDArray[np.float64],
    seeking: npt.NDArray[np.float64],
    effect: float,
) -> None:
    factor = care_factor(visits, need, need * seeking, effect)
    kept(factor, need * seeking)
    assert (factor >= 1.0 - effect - 1e-12).all()
    assert (factor <= 1.0 + (LARGEST - 1.0) * effect + 1e-12).all()


@given(NEED, SEEKING, st.integers(0, 251), st.integers(0, 2**32 - 1))
def test_as_many_ask_in_a_month(
    need: npt.NDArray[np.float64], seeking: npt.NDArray[np.float64], month: int, seed: int
) -> None:
    outreach = teams(Key(seed, 3))
    kept(outreach.month(month, need, need * seeking), need * seeking)
    here = (need > 0.0).any(axis=0)
    expected = np.where(here, np.rint(PEOPLE / 1e5 * TERMS.outreach_teams), 0.0)
    assert outreach.visits.sum(axis=0) == pytest.approx(expected)


def test_visits_follow_the_people_outside_care() -> None:
    need = np.array(
        [[6000.0, 1000, 2000], [3000, 500, 1000], [1500, 200, 500], [0, 0, 0], [9, 9, 9]]
    )
    outreach = teams()
    shares = np.zeros(SHAPE)
    for month in range(40):
        outreach.month(month, need, need)
        shares += outreach.visits / outreach.visits.sum(axis=0) / 40.0
    assert shares == pytest.approx(need / need.sum(axis=0), abs=0.06)
    assert (shares[3] == 0.0).all()


def test_a_region_with_more_teams_for_its_people_reaches_more_of_them() -> None:
    need = np.array([[1000.0, 1000.0, 1000.0]] + [[0.0] * 3] * 4)
    factor = teams().month(0, need, need)[0]
    assert factor[0] > factor[2] > factor[1]
    none = np.zeros(SHAPE)
    assert teams().month(0, none, none) == pytest.approx(np.ones(SHAPE))


def test_where_one_region_alone_visits_the_others_lose_the_effect() -> None:
    need, visits = np.full((1, 3), 100.0), np.array([[1.0, 0.0, 0.0]])
    factor = care_factor(visits, need, need, 0.2)[0]
    assert factor == pytest.approx([1.4, 0.8, 0.8])
    # Where people seek care twice as fast in that region, the same number more is a smaller factor.
    assert care_factor(visits, need, need * [2.0, 1.0, 1.0], 0.2)[0] == pytest.approx(
        [1.2, 0.8, 0.8]
    )


def test_teams_are_agents_and_their_key_makes_their_visits() -> None:
    outreach = teams()
    assert len(outreach.teams) == 67 + 12 + 37
    need = np.random.default_rng(0).uniform(50.0, 60.0, SHAPE)
    again = teams()
    again.model.random.seed(5)
    assert (again.month(4, need, need) == outreach.month(4, need, need)).all()
    state = outreach.state()
    assert (outreach.month(5, need, need) != outreach.month(4, need, need)).any()
    outreach.load(state)
    assert (outreach.visits == state["visits"]).all()
