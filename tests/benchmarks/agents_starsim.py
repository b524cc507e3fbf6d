"""A general framework of agents on arrays, at less work than ours: for scale, not as a peer."""

from __future__ import annotations

import time
from typing import NamedTuple

import starsim

PEOPLE = 100_000
MONTHS = 36
DISEASES = 16
CONTACTS = 10


class Speed(NamedTuple):
    """CPU nanoseconds per agent and month."""

    each: float
    people: int


def _simulation(people: int) -> starsim.Sim:
    diseases = [
        starsim.SIS(name=f"number_{i}", beta=starsim.permonth(0.02), init_prev=0.05)
        for i in range(DISEASES)
    ]
    return starsim.Sim(
        n_agents=people,
        start=2010,
        dur=starsim.months(MONTHS),
        dt=starsim.month,
        diseases=diseases,
        networks=starsim.RandomNet(n_contacts=CONTACTS),
        verbose=0,
    )


def each() -> Speed:
    """Time the steps; a small run before compiles what it compiles."""
    _simulation(1000).run()
    simulation = _simulation(PEOPLE)
    simulation.init()
    before = time.process_time()
    simulation.run()
    spent = time.process_time() - before
    return Speed(1e9 * spent / (PEOPLE * MONTHS), PEOPLE)
