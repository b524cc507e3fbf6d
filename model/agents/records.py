"""What a run of agents leaves: yearly totals as the compartments have them, and what only
persons can tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.cases import TREATED, Cases
from model.agents.clusters import assortativity, clusters
from model.agents.crowd import Crowd
from model.agents.network import venues
from model.agents.people import CHILD, EMPTY, Layout, People
from model.agents.tally import TICKS, Tally
from model.prepared import FIRST_YEAR, Output
from model.structure import NOBODY, Structure, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MOST_USED = 8  # columns of products used at once: 0, 1, ... 7 or more
MOST_TREATED = 4  # columns of products with a disorder: 1, 2, 3, 4 or more
LOOKED_AT = 400_000  # slots; of more, every so manyth is looked at for shares


class Records:
    """Totals of the year so far, in agents, and of finished years, in persons."""

    def __init__(self, crowd: Crowd, years: int) -> None:
        setting = crowd.setting
        structure, strata = setting.structure, setting.prepared.strata
        wiring, size = structure.wiring, strata.size
        products, regions = len(structure.products), len(strata.regions)
        states, counters = len(structure.states), int(wiring.counter_start[-1])
        self.ticks = np.zeros((states, size), dtype=np.int64)
        self.counted = np.zeros((counters, size), dtype=np.int64)
        self.died = np.zeros((products, size), dtype=np.int64)
        self.overdosed = np.zeros((products, size), dtype=np.int64)
        self.deaths = np.zeros(size, dtype=np.int64)
        self.lived = np.zeros(size, dtype=np.int64)
        self.pathways = np.zeros((products, products), dtype=np.int64)
        shapes = {
            "time": (years, states, size),
            "counted": (years, counters, size),
            "excess_deaths": (years, products, size),
            "deaths": (years, size),
            "lived": (years, size),
            "market": (years, products, 3),
            "price": (years, products, regions),
            "taken": (years, products, regions),
            "overdose_deaths": (years, products, size),
            "january": (years + 1, size),
        }
        self.output = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
        self.extra = {
            "joint_use": np.full((years, products, products), np.nan),
            "products_used": np.full((years, MOST_USED), np.nan),
            "treated_by_number": np.full((years, MOST_TREATED), np.nan),
            "pathways": np.full((years, products, products), np.nan),
            "places": np.full((years, len(structure.services), regions), np.nan),
            "waits": np.full((years, len(structure.services), regions, 10), np.nan),
            "clusters": np.full((years, products, 3), np.nan),
            "comorbidity": np.full((years, products, 2), np.nan),
        }
        self.output["january"][setting.first_year - FIRST_YEAR] = crowd.population * setting.weight

    def counts(self) -> dict[str, Int]:
        """The year so far, by name; shapes as their totals of a year in ``Output``."""
        names = "ticks", "counted", "died", "overdosed", "deaths", "lived", "pathways"
        return {name: getattr(self, name) for name in names}

    def add_start(self, crowd: Crowd) -> None:
        """The month's people as they are at its start, before anything happens."""
        self.ticks += crowd.stock * TICKS
        self.lived += crowd.population

    def add(self, tally: Tally) -> None:
        """What moved in a month."""
        self.ticks += tally.time
        self.counted += tally.counted
        self.died += tally.died
        self.overdosed += tally.overdosed

    def close_year(self, crowd: Crowd, year: int) -> None:
        """Write a finished year; ``year`` counts from 2010."""
        weight, state, out = crowd.setting.weight, crowd.run.state, self.output
        out["time"][year] = self.ticks * (weight / (12.0 * TICKS))
        out["counted"][year] = self.counted * weight
        out["excess_deaths"][year] = self.died * weight
        out["overdose_deaths"][year] = self.overdosed * weight
        out["deaths"][year] = self.deaths * weight
        out["lived"][year] = self.lived * (weight / 12.0)
        out["market"][year] = state.market / 12.0
        out["price"][year] = state.price / 12.0
        out["taken"][year] = state.taken / 12.0
        self.extra["pathways"][year] = self.pathways * weight
        for array in (state.market, state.price, state.taken):
            array[:] = 0.0
        for counts in self.counts().values():
            counts[:] = 0

    def look(self, crowd: Crowd, cases: Cases, waits: Int, places: Float, year: int) -> None:
        """What only persons can tell, on 31 December; waits and places are in agents.

        ``waits`` (services, R, weeks), ``places`` (services, R).
        """
        structure, weight, extra = crowd.setting.structure, crowd.setting.weight, self.extra
        people, wiring = crowd.people, structure.wiring
        illegal = np.array([kind == "illegal" for kind in structure.kinds])
        mask = int(sum(1 << p for p in np.flatnonzero(illegal)))
        joint, used = count_uses(people, len(structure.products), mask)
        extra["joint_use"][year] = joint * weight
        extra["products_used"][year] = used * weight
        size = int(cases.size[0])
        treated = cases.slot[:size][cases.stage[:size] == TREATED]
        extra["treated_by_number"][year] = count_treated(people, wiring, treated) * weight
        extra["places"][year] = places * weight
        extra["waits"][year] = waits * weight
        extra["comorbidity"][year] = comorbidity(people, wiring.harmed, wiring.state_start)

    def look_at_clusters(self, crowd: Crowd, year: int) -> None:
        """Who uses among those tied to people who use, in the last year of a run."""
        if crowd.setting.switches.network:
            found = describe_clusters(crowd.people, crowd.ground.layout, crowd.setting.structure)
            self.extra["clusters"][year] = found

    def result(self) -> tuple[Output, dict[str, Float]]:
        """Yearly output of this seed, without a leading axis, and the agent-only arrays."""
        return Output(**self.output), self.extra


@njit(cache=True, nogil=True)
def count_uses(people: People, products: int, mask: int) -> tuple[Int, Int]:
    """People by pairs of products that they use (P, P), and by number of those in ``mask``."""
    joint = np.zeros((products, products), dtype=np.int64)
    used = np.zeros(MOST_USED, dtype=np.int64)
    held = np.zeros(products, dtype=np.int64)
    for slot in range(people.using.size):
        if people.stratum[slot] >= CHILD:
            continue
        bits = np.int64(people.using[slot])
        n, illegal = 0, 0
        for p in range(products):
            if (bits >> p) & 1:
                held[n] = p
                n += 1
                illegal += (mask >> p) & 1
        used[min(illegal, MOST_USED - 1)] += 1
        for i in range(n):
            for j in range(n):
                joint[held[i], held[j]] += 1
    return joint, used


@njit(cache=True, nogil=True)
def count_treated(people: People, wiring: Wiring, slots: npt.NDArray[np.int32]) -> Int:
    """People in treatment by the number of products that they have a disorder by now.

    ``slots``: of everybody in treatment, once for each product. A product that somebody is in
    treatment for counts as one with a disorder, whatever its state is called. Shape
    (MOST_TREATED,).
    """
    found = np.zeros(MOST_TREATED, dtype=np.int64)
    seen = np.sort(slots)
    for i in range(seen.size):
        if i > 0 and seen[i] == seen[i - 1]:
            continue
        number = 0
        for p in range(people.state.shape[0]):
            z = people.state[p, seen[i]]
            if z != EMPTY:
                at = wiring.state_start[p] + z
                number += wiring.harmed[at] == 1 or wiring.treating_service[at] != NOBODY
        if number > 0:
            found[min(number, MOST_TREATED) - 1] += 1
    return found


@njit(cache=True, nogil=True)
def comorbidity(people: People, harmed: Int, state_start: Int) -> Float:
    """Share with a mental-health burden among people with a disorder and among others (P, 2)."""
    products, slots = people.state.shape
    step = max(1, slots // LOOKED_AT)
    found = np.zeros((products, 2))
    for p in range(products):
        number, burdened = np.zeros(2), np.zeros(2)
        for slot in range(0, slots, step):
            z = people.state[p, slot]
            if z != EMPTY:
                at = 1 - harmed[state_start[p] + z]
                number[at] += 1.0
                burdened[at] += people.burden[slot]
        for k in range(2):
            found[p, k] = burdened[k] / number[k] if number[k] > 0.0 else np.nan
    return found


def describe_clusters(people: People, layout: Layout, structure: Structure) -> Float:
    """Assortativity ratio, largest cluster's share of users, mean cluster size (P, 3).

    The ratio is against people of the same birth cohort and region as the other end of each tie.
    """
    found = np.full((len(structure.products), 3), np.nan)
    room = np.empty(people.stratum.size, dtype=np.int32)
    for p, venue in enumerate(venues(structure)):
        whole = clusters(people, layout, p, int(venue), room)
        if whole.number > 0:
            alike = assortativity(people, layout, p, int(venue), within=True)
            found[p] = alike, whole.largest_share, whole.mean_size
    return found
