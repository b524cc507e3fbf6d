"""C5 with agents: waits in real queues at centres against Erlang C, person by person.

Each centre starts with a number of people from the queue's own steady state, spread evenly over
its quantiles, so that no time is spent on settling; the numbers then run freely.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from model.agents.tally import TICKS
from tests.model.agents.ward import FIRST, LISTED, Ward, start_with, stream, ward, with_centres
from tests.published.bounds import Case, share_off

Row: TypeAlias = tuple[float, float, int, float, int, int, int]

INTAKE = 1e6  # a year: who asks is ready at once
# Arrivals and services a year, places; Wq as published (textbook rows, recomputed). Then centres,
# and months before waits are read and while they are.
ROWS: tuple[Row, ...] = (
    (2.0, 3.0, 1, 0.666667, 20_000, 60, 60),
    (2.0, 3.0, 2, 0.041667, 20_000, 24, 60),
    (9.0, 1.0, 10, 0.668732, 3_000, 48, 60),
    (180.0, 20.0, 10, 0.033437, 3_000, 6, 24),
)


class Found(NamedTuple):
    """Mean wait in years and its standard error."""

    wait: float
    error: float


def _steady(
    arrivals: float, service: float, places: int, abandonment: float = 0.0
) -> npt.NDArray[np.float64]:
    """Probability of each number of people at a queue, where those who wait may give up."""
    number = np.arange(1, 2000)
    leaving = np.minimum(number, places) * service + np.maximum(0, number - places) * abandonment
    log = np.concatenate([[0.0], np.cumsum(np.log(arrivals / leaving))])
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def _erlang_wait(arrivals: float, service: float, places: int) -> float:
    load = arrivals / service
    last = load**places / (math.factorial(places) * (1.0 - load / places))
    waits = last / (sum(load**k / math.factorial(k) for k in range(places)) + last)
    return waits / (places * service - arrivals)


def queue(arrivals: float, service: float, places: int) -> str:
    """What is waited for, in words."""
    served = f"{arrivals:g} arrive and {service:g} a place are served a year"
    return f"mean wait in years, {served}, {places} places"


def _hospital(
    arrivals: float, service: float, places: int, centres: int, abandonment: float = 0.0
) -> Ward:
    steady = np.cumsum(_steady(arrivals, service, places, abandonment))
    number = np.searchsorted(steady, (np.arange(centres) + 0.5) / centres)
    slots = int(1.3 * number.sum() + 3.0 * arrivals / 12.0 * centres) + 1000
    rates = {"abandonment": abandonment, "admission": INTAKE, "dropout_first": service}
    found = with_centres(ward(slots, rates), centres, places)
    start_with(found, number)
    return found


def _wait(found: Ward) -> Found:
    """From what each centre saw of those it admitted: a ratio of sums over centres."""
    size = int(found.centres.size[0])
    admitted = found.centres.admitted[:size]
    waited = found.centres.waited[:size] / TICKS / 12.0
    mean = float(waited.sum() / admitted.sum())
    error = math.sqrt(np.mean((waited - mean * admitted) ** 2) / size) / admitted.mean()
    return Found(mean, float(error))


@pytest.mark.parametrize(
    ("arrivals", "service", "places", "wait", "centres", "before", "read"), ROWS
)
def test_people_wait_as_in_the_queue(
    arrivals: float,
    service: float,
    places: int,
    wait: float,
    centres: int,
    before: int,
    read: int,
    case: Case,
) -> None:
    found = _hospital(arrivals, service, places, centres)
    stream(found, centres * arrivals, before, seed=1)
    found.centres.admitted[:] = 0
    found.centres.waited[:] = 0
    found.centres.busy[:] = 0
    found.centres.offered[:] = 0
    stream(found, centres * arrivals, read, seed=2)
    seen = _wait(found)
    exact = _erlang_wait(arrivals, service, places)
    assert exact == pytest.approx(wait, rel=2e-5)
    assert abs(seen.wait - exact) < 3.0 * seen.error
    case(
        f"C5 queue M/M/c, agents: {queue(arrivals, service, places)}",
        wait,
        seen.wait,
        share_off(0.03),
    )
    occupied = found.centres.busy.sum() / found.centres.offered.sum()
    assert occupied == pytest.approx(arrivals / service / places, rel=0.02)


def test_the_wait_tends_to_the_queue_as_abandonment_vanishes() -> None:
    arrivals, service, places, centres, months = 2.0, 3.0, 1, 8_000, 24
    erlang = _erlang_wait(arrivals, service, places)
    gaps = []
    for abandonment in (1.0, 0.1, 0.001):
        found = _hospital(arrivals, service, places, centres, abandonment)
        people, waits = found.scene.people.state[0], found.ledger.waits
        stream(found, centres * arrivals, months, seed=4)
        wait = found.months_in(LISTED) / 12.0 / waits.sum()
        steady = _steady(arrivals, service, places, abandonment)
        exact = np.sum(steady * np.maximum(0, np.arange(len(steady)) - places)) / arrivals
        print(f"abandonment {abandonment}: {wait:.4f}, exact {exact:.4f}, Erlang C {erlang:.4f}")
        assert wait == pytest.approx(exact, rel=0.03)
        assert found.counted("abandonment") == waits[..., -1].sum()
        assert found.counted("admission") == waits[..., :-1].sum()
        assert np.sum(people == FIRST) == found.centres.treated.sum()
        gaps.append(erlang - wait)
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(gaps[2]) < 0.03 * erlang
