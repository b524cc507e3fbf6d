"""The queue behind waiting lists: its formula, its inverse, and admissions that fit the places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad

from model.care import (
    QUEUE_POINTS,
    admission_hazard,
    erlang_c,
    mean_list,
    mean_waiting,
    occupied_share,
    queue,
    queue_table,
)

PLACES = st.integers(1, 60)
MONTH = 1.0 / 12.0


def _waiting_probability(load: float, places: int) -> float:
    last = load**places / (math.factorial(places) * (1.0 - load / places))
    return last / (sum(load**k / math.factorial(k) for k in range(places)) + last)


@given(PLACES, st.floats(0.01, 0.99))
def test_probability_of_waiting_is_erlang_c(places: int, share: float) -> None:
    load = share * places
    assert erlang_c(load, places) == pytest.approx(_waiting_probability(load, places), rel=1e-9)


def test_published_queue_rows() -> None:
    # Textbook rows: load, places, probability of waiting.
    for load, places, waits in ((2 / 3, 1, 0.666667), (2 / 3, 2, 0.166667), (9.0, 10, 0.668732)):
        assert erlang_c(load, places) == pytest.approx(waits, abs=5e-7)


@given(PLACES, st.floats(0.05, 0.999))
def test_occupied_share_inverts_the_mean_list(places: int, share: float) -> None:
    listed = mean_list(share, places)
    assume(listed > 1e-6)
    assert occupied_share(listed, queue(places)) == pytest.approx(share, rel=1e-7)


@given(PLACES, st.floats(0.0, 1e6), st.floats(1.001, 10.0))
def test_longer_lists_fill_more_places(places: int, waiting: float, factor: float) -> None:
    shares = [occupied_share(x, queue(places)) for x in (waiting, waiting * factor)]
    assert 0.0 <= shares[0] <= shares[1] + 1e-9
    assert shares[1] <= 1.0


@pytest.mark.parametrize("places", [1, 20, 200])
def test_queue_table_ascends(places: int) -> None:
    table = queue_table(places)
    assert table.shape == (2, QUEUE_POINTS)
    assert np.all(np.diff(table[0]) >= 0.0)
    assert np.all(np.diff(table[1]) > 0.0)


@given(st.floats(0.0, 100.0), st.floats(0.0, 1000.0), st.floats(0.0, 200.0))
def test_mean_waiting_is_the_mean_over_the_step(
    waiting: float, arriving: float, hazard: float
) -> None:
    def listed(t: float) -> float:
        if hazard < 1e-12:
            return waiting + arriving * t
        return waiting * math.exp(-hazard * t) - arriving / hazard * math.expm1(-hazard * t)

    exact = quad(listed, 0.0, MONTH, epsrel=1e-10)[0] / MONTH
    found = mean_waiting(waiting, arriving, hazard, MONTH)
    assert found == pytest.approx(exact, rel=1e-6, abs=1e-9)


@given(
    st.floats(0.0, 5000.0),
    st.floats(0.0, 1.2),
    st.floats(1.0, 2000.0),
    st.floats(0.1, 20.0),
    st.floats(0.0, 20000.0),
    st.floats(4.0, 100.0),
    st.integers(1, 50),
)
def test_admissions_fit_the_places_that_come_free(
    waiting: float,
    full: float,
    capacity: float,
    leaving: float,
    arriving: float,
    fastest: float,
    places: int,
) -> None:
    treated = full * capacity
    hazard = admission_hazard(
        waiting, treated, capacity, leaving, arriving, fastest, MONTH, queue(places)
    )
    assert 0.0 <= hazard <= fastest
    free = max(0.0, capacity - treated) / MONTH + leaving * min(treated, capacity)
    admitted = hazard * mean_waiting(waiting, arriving, hazard, MONTH)
    if waiting > 0.0 or arriving > 0.0:
        assert admitted <= free * 1.02 + 1e-9


@given(st.floats(1.0, 5000.0), st.floats(10.0, 1000.0), st.floats(1.0, 4.0), st.integers(1, 50))
def test_more_places_admit_no_fewer(
    waiting: float, capacity: float, factor: float, places: int
) -> None:
    treated, arriving = 0.8 * capacity, waiting
    hazards = [
        admission_hazard(waiting, treated, size, 2.0, arriving, 12.0, MONTH, queue(places))
        for size in (capacity, factor * capacity)
    ]
    assert hazards[1] >= hazards[0] * (1.0 - 1e-6)


def test_nobody_waits_long_without_a_list_and_nobody_enters_without_places() -> None:
    assert admission_hazard(0.0, 5.0, 10.0, 1.0, 0.0, 12.0, MONTH, queue(10)) == 12.0
    assert admission_hazard(7.0, 5.0, 0.0, 1.0, 3.0, 12.0, MONTH, queue(10)) == 0.0
    assert occupied_share(0.0, queue(10)) == 0.0
