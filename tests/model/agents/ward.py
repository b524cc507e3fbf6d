"""A small world of care for tests: one product or more, one service, hazards set by hand.

States: never, problematic, waiting, treatment_first, treatment_later, recovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.capacity import resize
from model.agents.cases import (
    TREATED,
    WAITING,
    Cases,
    Centres,
    enqueue,
    no_cases,
    no_centres,
    with_room,
)
from model.agents.centres import (
    GAVE_UP,
    Arrivals,
    Key,
    Ledger,
    Scene,
    care_month,
)
from model.agents.people import Layout, People
from model.agents.tally import TICKS, Hazards, Tally, record
from model.structure import ADMISSION, NOBODY, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

NEVER, PROBLEMATIC, LISTED, FIRST, LATER, RECOVERY = range(6)
STATES = 6
FLOWS = {  # name: origin, destination
    "seeking": (PROBLEMATIC, LISTED),
    "abandonment": (LISTED, PROBLEMATIC),
    "admission": (LISTED, FIRST),
    "first_month_end": (FIRST, LATER),
    "dropout_first": (FIRST, PROBLEMATIC),
    "dropout_later": (LATER, PROBLEMATIC),
    "completion": (LATER, RECOVERY),
    "relapse": (RECOVERY, PROBLEMATIC),
}


def wired(products: int = 1) -> Wiring:
    """The wiring of ``products`` alike products that share one service; each flow is counted."""
    count = len(FLOWS)
    origin = np.array([a for a, _ in FLOWS.values()])
    destination = np.array([b for _, b in FLOWS.values()])
    waiting = np.where(np.arange(STATES) == LISTED, 0, NOBODY)
    treating = np.where(np.isin(np.arange(STATES), (FIRST, LATER)), 0, NOBODY)
    asks = waiting[destination]
    leaves = np.where(treating[destination] == treating[origin], NOBODY, treating[origin])
    flags = np.where([name == "admission" for name in FLOWS], ADMISSION, 0)
    nothing = np.zeros(products * count + 1, np.int64)
    state = np.arange(STATES)
    return Wiring(
        state_start=np.arange(products + 1) * STATES,
        flow_start=np.arange(products + 1) * count,
        counter_start=np.arange(products + 1) * count,
        origin=np.tile(origin, products),
        destination=np.tile(destination, products),
        flags=np.tile(flags, products),
        counter=np.arange(products * count),
        handle_start=nothing,
        handles=nothing[:0],
        coupling_start=nothing,
        couplings=nothing[:0],
        using=np.tile((state == PROBLEMATIC).astype(np.int64), products),
        harmed=np.tile((state == PROBLEMATIC).astype(np.int64), products),
        waiting_service=np.tile(waiting, products),
        treating_service=np.tile(treating, products),
        deadly=np.ones(products * STATES, np.int64),
        asks=np.tile(asks, products),
        leaves=np.tile(leaves, products),
        capacity_handle=0,
        entry_handle=0,
        mortality_handle=0,
        overdose_handle=0,
        fatality_handle=0,
        burden_handle=0,
    )


@dataclass
class Ward:
    """People, lists and centres, with one stratum a region unless told otherwise."""

    scene: Scene
    ledger: Ledger
    cases: Cases
    centres: Centres
    month: int = 0
    seed: int = 1
    lived: Float = field(default_factory=lambda: np.zeros(STATES))  # months by state, all products

    def stock(self) -> Int:
        """People by state now, all products."""
        return np.bincount(self.scene.people.state.ravel(), minlength=16)

    def months_in(self, state: int) -> float:
        """Months that people have spent in a state so far, all products."""
        ticks = self.ledger.tally.time[state::STATES].sum()
        return float(self.lived[state] + ticks / TICKS)

    def run(self, slots: Int, times: Float, products: Int | None = None) -> int:
        """One month with people who arrive on the list; their states are set. Number of events."""
        which = np.zeros(len(slots), np.int64) if products is None else products
        state, layout = self.scene.people.state, self.scene.layout
        state[which, slots] = PROBLEMATIC
        self.lived += self.stock()[:STATES]
        _seek(self.scene, self.ledger, layout.block_start, which, slots, times)
        arrivals = Arrivals(
            slots.astype(np.int32),
            which.astype(np.uint8),
            times,
            np.array([len(slots)]),
        )
        self.cases = with_room(self.cases, int(self.cases.size[0]) + len(slots))
        self.ledger.gone_size[0] = 0
        key = Key(self.month, self.seed, 0)
        events: int = care_month(self.scene, self.ledger, self.cases, self.centres, arrivals, key)
        self.month += 1
        return events

    def counted(self, name: str) -> int:
        """Transitions by a flow so far, all products and strata."""
        at = list(FLOWS).index(name)
        return int(self.ledger.tally.counted[at :: len(FLOWS)].sum())


@njit(cache=True)
def _seek(scene: Scene, ledger: Ledger, start: Int, which: Int, slots: Int, times: Float) -> None:
    """What the sweep does with people who ask: seeking is the first flow of each product."""
    for j in range(len(slots)):
        p, slot = which[j], slots[j]
        region = np.searchsorted(start, slot, side="right") - 1
        s = scene.region_start[region] + np.int64(scene.people.stratum[slot])
        way = scene.wiring.flow_start[p]
        into = record(ledger.tally, scene.wiring, p, PROBLEMATIC, way, s, region, times[j])
        scene.people.state[p, slot] = into


def ward(
    slots: int,
    rates: Mapping[str, float],
    products: int = 1,
    regions: int = 1,
    bounded: bool = True,
    deaths: Float | None = None,
) -> Ward:
    """An empty ward; ``rates`` per year by flow, ``deaths`` by state. Slots are dealt by region."""
    wiring = wired(products)
    strata = 2 * regions
    flow = np.tile(np.array([rates.get(name, 0.0) for name in FLOWS]), products)
    flow = np.repeat(flow[:, None], strata, axis=1)
    excess = np.tile(np.zeros(STATES) if deaths is None else deaths, products)
    excess = np.repeat(excess[:, None], strata, axis=1)
    leaving = 1.0 * excess
    for f in range(len(flow)):
        leaving[f // len(FLOWS) * STATES + wiring.origin[f]] += flow[f]
    bounds = np.linspace(0, slots, regions + 1).astype(np.int64)
    tie = np.full(slots, -1, np.int32)
    people = People(
        state=np.zeros((products, slots), np.uint8),
        stratum=np.zeros(slots, np.uint8),
        liability=np.zeros(slots, np.uint8),
        burden=np.zeros(slots, np.uint8),
        first=np.zeros(slots, np.uint8),
        using=np.zeros(slots, np.uint32),
        household=tie,
        nightlife=tie,
        online=tie,
    )
    region = np.arange(regions)
    layout = Layout(bounds, region, region, bounds, region, region)
    scene = Scene(
        people,
        layout,
        wiring,
        Hazards(flow, excess, np.zeros_like(excess), leaving),
        2 * np.arange(regions + 1),
        np.array([bounded], np.uint8),
        np.tile(np.array([1, 0], np.uint8), regions),  # the second stratum goes first
    )
    size = products * slots
    return Ward(scene, _ledger(wiring, strata, regions, size), no_cases(8), no_centres(1))


def _ledger(wiring: Wiring, strata: int, regions: int, size: int) -> Ledger:
    states, products = int(wiring.state_start[-1]), len(wiring.state_start) - 1

    def zeros(*shape: int) -> Int:
        return np.zeros(shape, np.int64)

    tally = Tally(
        stock=zeros(states, strata),
        time=zeros(states, strata),
        counted=zeros(len(wiring.counter), strata),
        died=zeros(products, strata),
        overdosed=zeros(products, strata),
        asked=zeros(1, regions),
        left=zeros(1, regions),
    )
    return Ledger(
        tally,
        zeros(1, regions, GAVE_UP + 1),
        np.zeros(size, np.int32),
        np.zeros(size, np.uint8),
        zeros(1),
    )


def with_centres(found: Ward, centres: int, places: int) -> Ward:
    """Open ``centres`` centres of ``places`` places in each region."""
    regions = len(found.scene.region_start) - 1
    wanted = np.full((1, regions), centres * places)
    found.centres = resize(found.cases, found.centres, wanted, np.array([places]))
    return found


def start_with(found: Ward, number: Int) -> None:
    """Put ``number`` (C,) people at each centre: into its places, the rest into its queue."""
    total = int(number.sum())
    found.cases = with_room(found.cases, total)
    cases, centres = found.cases, found.centres
    cases.size[0] = total
    cases.slot[:total] = np.arange(total)
    cases.centre[:total] = np.repeat(np.arange(len(number)), number)
    cases.region[:total] = centres.region[cases.centre[:total]]
    within = np.arange(total) - np.repeat(np.cumsum(number) - number, number)
    treated = within < centres.places[cases.centre[:total]]
    cases.stage[:total] = np.where(treated, TREATED, WAITING)
    cases.rank[:total] = 1
    cases.asked[:total] = 1e-6 * within - 1.0
    found.scene.people.state[0, :total] = np.where(treated, FIRST, LISTED)
    centres.treated[: len(number)] = np.bincount(
        cases.centre[:total][treated], minlength=len(number)
    )
    for i in np.flatnonzero(~treated):
        enqueue(cases, centres, int(i))


def stream(found: Ward, rate: float, months: int, seed: int) -> None:
    """``months`` with Poisson arrivals, ``rate`` a year, in slots whose people are not in care."""
    random = np.random.default_rng(seed)
    state = found.scene.people.state[0]
    for _ in range(months):
        state[(state == PROBLEMATIC) | (state == RECOVERY)] = NEVER
        slots = np.flatnonzero(state == NEVER)[: random.poisson(rate / 12.0)]
        found.run(slots, random.random(len(slots)))
