"""C5: mean wait for a place, from the product's own care flows, against Erlang C."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from model.catalogue import load_catalogue
from model.compartments import Output, Prepared, simulate
from model.strata import build_strata
from tests.published.bounds import Case, share_off
from tests.published.laboratory import closed_world, only_flows, people_in, stock

CENTRES = 1000.0
SEEKERS = 1e4  # people with a disorder a centre: enough that the list hardly shrinks them
SETTLING = 250.0  # times the mean service: at a load of 0.9 the list settles slowly
CARE = (
    "seeking", "abandonment", "admission", "first_month_end",
    "dropout_first", "dropout_later", "completion_other",
)  # fmt: skip
# Arrivals and services a year, places; Lq and Wq as published (textbook rows, recomputed).
ROWS = (
    (2.0, 3.0, 1, 1.333333, 0.666667),
    (2.0, 3.0, 2, 0.083333, 0.041667),
    (9.0, 1.0, 10, 6.018584, 0.668732),
    (180.0, 20.0, 10, 6.018584, 0.033437),
)


class Queue(NamedTuple):
    """What one year of a service shows, per centre."""

    listed: float  # people waiting
    asked: float  # people who asked, a year
    admitted: float
    abandoned: float

    @property
    def wait(self) -> float:
        """Mean years between asking and admission (or giving up)."""
        return self.listed / (self.admitted + self.abandoned)


def _erlang_c(arrivals: float, service: float, places: int) -> tuple[float, float]:
    """Mean list and wait of an M/M/c queue, straight from the formula."""
    load = arrivals / service
    share = load / places
    last = load**places / (math.factorial(places) * (1.0 - share))
    waits = last / (sum(load**k / math.factorial(k) for k in range(places)) + last)
    listed = waits * share / (1.0 - share)
    return listed, listed / arrivals


def _steady(
    arrivals: float, service: float, places: int, abandonment: float = 0.0, steps: int = 1
) -> Queue:
    values = {
        "cannabis/seeking[,,,,]": arrivals / SEEKERS,
        "*/abandonment[,,,,]": abandonment,
        "*/dropout_first[,,,,]": service,
        "*/dropout_later[,,,,]": service,
        "*/completion[,,,,]": 0.0,
        "*/intake_delay[,,,,]": 1e-3,  # within the day
        "psychosocial/centre_size[,,,,]": float(places),
    }
    strata = build_strata([10, 50], by_sex=False, by_region=False, by_deprivation=False)
    listed = _erlang_c(arrivals, service, places)[0]
    # Half of the people in each stratum; the list and the places fill from the pool of seekers.
    people = CENTRES * (SEEKERS + listed + arrivals / service) / strata.size
    years = max(40, math.ceil(SETTLING / service))
    prepared = closed_world(load_catalogue(), strata, people, years, values)
    prepared = only_flows(prepared, "cannabis", CARE)
    state = people_in(prepared, "cannabis", {"problematic": people})
    state.places[:] = 0.0
    state.places[:, stock(prepared, "cannabis", "treatment_first")] = CENTRES * places
    state.arriving[:] = 0.0
    result = simulate(prepared, None, 0, 12 * years, state, steps=steps)
    return Queue(*(value / CENTRES for value in _last_year(prepared, result.output)))


def _last_year(prepared: Prepared, output: Output) -> tuple[float, float, float, float]:
    counters = {
        group: prepared.structure.counters_of(group)["cannabis"]
        for group in ("seeking", "treatment_start", "abandonment")
    }
    counted = output.counted[0, -1].sum(axis=-1)
    listed = output.time[0, -1, stock(prepared, "cannabis", "waiting")].sum()
    return (listed, *(counted[at] for at in counters.values()))


@pytest.mark.parametrize(("arrivals", "service", "places", "listed", "wait"), ROWS)
def test_mean_wait_is_that_of_the_queue(
    case: Case, arrivals: float, service: float, places: int, listed: float, wait: float
) -> None:
    found = _steady(arrivals, service, places)
    exact_list, exact_wait = _erlang_c(arrivals, service, places)
    about = f"{arrivals:g} arrive and {service:g} a place are served a year, {places} places"
    case(f"C5 queue M/M/c: mean wait in years, {about}", wait, found.wait, share_off(2e-5))
    case(
        f"C5 queue M/M/c: mean number of people waiting, {about}",
        listed,
        found.listed,
        share_off(2e-5),
    )
    assert found.wait == pytest.approx(exact_wait, rel=1e-6)
    assert found.listed == pytest.approx(exact_list, rel=1e-6)
    # Little's law: the list is what arrives times how long it waits.
    assert found.asked == pytest.approx(found.admitted, rel=1e-8)
    assert found.listed == pytest.approx(found.asked * found.wait, rel=1e-8)


@pytest.mark.parametrize(("arrivals", "service", "places"), [row[:3] for row in ROWS[1:]])
def test_the_wait_tends_to_the_queue_as_abandonment_vanishes(
    arrivals: float, service: float, places: int
) -> None:
    exact = _erlang_c(arrivals, service, places)[1]
    gaps = []
    for abandonment in (1.0, 0.03, 0.001):
        found = _steady(arrivals, service, places, abandonment)
        assert found.abandoned == pytest.approx(abandonment * found.listed, rel=1e-8)
        assert found.asked == pytest.approx(found.admitted + found.abandoned, rel=1e-6)
        gaps.append(exact - found.wait)
    print("wait below Erlang C by", gaps)
    assert all(gap > 0.0 for gap in gaps)
    assert all(np.diff(gaps) < 0.0)
    assert gaps[-1] < 0.02 * exact


def test_a_finer_step_does_not_move_the_steady_wait() -> None:
    coarse, fine = (_steady(180.0, 20.0, 10, steps=steps).wait for steps in (1, 4))
    assert fine == pytest.approx(coarse, rel=1e-6)
