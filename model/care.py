"""Waiting for a place: the M/M/c queue (Erlang C) as a closure that is exact in steady state.

A service in a region is many centres of ``places`` each, with one waiting list a centre. The
flow of admissions depends on the length of the list, so that in steady state the list has the
length that Erlang C gives for the share of places occupied.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Float = npt.NDArray[np.float64]

QUEUE_POINTS = 1024


class Queue(NamedTuple):
    """Places a centre and the table that ``queue_table`` made for them, (2, points)."""

    places: int
    table: Float


def queue(places: int) -> Queue:
    """The queue of a centre with ``places`` places (at least 1)."""
    return Queue(places, queue_table(places))


@njit(cache=True, nogil=True)
def erlang_c(load: float, places: int) -> float:
    """Probability of waiting in an M/M/c queue; ``load`` in busy places, below ``places``."""
    blocking = 1.0
    for k in range(1, places + 1):
        blocking = load * blocking / (k + load * blocking)
    occupied = load / places
    return blocking / (1.0 - occupied * (1.0 - blocking))


@njit(cache=True, nogil=True)
def mean_list(occupied: float, places: int) -> float:
    """Mean number waiting at one centre at a share ``occupied`` (below 1) of its places."""
    return erlang_c(occupied * places, places) * occupied / (1.0 - occupied)


@njit(cache=True, nogil=True)
def queue_table(places: int) -> npt.NDArray[np.float64]:
    """Log list length against occupied share: shape (2, QUEUE_POINTS), both ascending.

    The share is spaced evenly in log(share / (1 - share)), from 1e-4 to 1 - 1e-6.
    """
    table = np.empty((2, QUEUE_POINTS))
    low = math.log(1e-4 / (1.0 - 1e-4))
    high = math.log((1.0 - 1e-6) / 1e-6)
    for i in range(QUEUE_POINTS):
        logit = low + (high - low) * i / (QUEUE_POINTS - 1)
        share = 1.0 / (1.0 + math.exp(-logit))
        table[0, i] = math.log(max(mean_list(share, places), 1e-300))
        table[1, i] = logit
    return table


@njit(cache=True, nogil=True)
def occupied_share(waiting: float, queue: Queue) -> float:
    """Share of places occupied in steady state when ``waiting`` people queue at one centre.

    The inverse of ``mean_list``: bracketed by ``queue_table``, then polished by Newton steps.
    """
    if waiting <= 0.0:
        return 0.0
    table = queue.table
    goal = math.log(waiting)
    if goal <= table[0, 0]:
        return 1.0 / (1.0 + math.exp(-table[1, 0]))
    if goal >= table[0, -1]:
        return waiting / (waiting + 1.0)
    i = np.searchsorted(table[0], goal)
    slope = (table[1, i] - table[1, i - 1]) / (table[0, i] - table[0, i - 1])
    logit = table[1, i - 1] + slope * (goal - table[0, i - 1])
    for _ in range(2):
        share = 1.0 / (1.0 + math.exp(-logit))
        logit += slope * (goal - math.log(mean_list(share, queue.places)))
    return 1.0 / (1.0 + math.exp(-logit))


@njit(cache=True, nogil=True)
def admission_hazard(
    waiting: float,
    treated: float,
    capacity: float,
    leaving: float,
    arriving: float,
    fastest: float,
    years: float,
    queue: Queue,
) -> float:
    """Hazard per year of being admitted, for people waiting at one service in one region.

    ``waiting``, ``treated`` and ``capacity`` in persons and places; ``leaving`` is the rate per
    year at which people in treatment leave, ``arriving`` persons per year who ask for a place,
    ``fastest`` the largest hazard (one over the shortest intake). Idle places below the level
    that the list implies are filled within the step (``years``); never more people are admitted
    than places come free.
    """
    if waiting <= 0.0 and arriving <= 0.0:
        return fastest
    if capacity <= 0.0:
        return 0.0
    centres = capacity / queue.places
    # Without a list yet, this step's arrivals are the list that the places can draw on.
    listed = max(waiting, arriving / fastest)
    level = capacity * occupied_share(listed / centres, queue)
    wanted = leaving * level + max(0.0, level - treated) * max(0.0, 1.0 / years - leaving)
    free = max(0.0, capacity - treated) / years + leaving * min(treated, capacity)
    hazard = min(wanted, free) / listed
    if hazard >= fastest and mean_waiting(waiting, arriving, fastest, years) * fastest <= free:
        return fastest
    hazard = min(hazard, fastest)
    # People who arrive during the step are admitted too: keep within the places that come free.
    for _ in range(8):
        used = hazard * mean_waiting(waiting, arriving, hazard, years)
        if used <= free * (1.0 + 1e-9):
            break
        hazard *= free / used
    return hazard


@njit(cache=True, nogil=True)
def mean_waiting(waiting: float, arriving: float, hazard: float, years: float) -> float:
    """Mean length of the list, persons, over a step with constant arrivals and admission hazard."""
    x = hazard * years
    if x < 1e-8:
        return waiting + 0.5 * arriving * years
    drained = -math.expm1(-x) / x
    return waiting * drained + arriving / hazard * (1.0 - drained)
