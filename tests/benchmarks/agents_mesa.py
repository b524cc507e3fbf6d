"""The agent engine's rules for a person in plain Mesa objects: what the engine is held against.

Each month a person looks at what ties use, and for each product adds up the hazards out of the
current state and draws an exponential time to the next move, so that two moves in a month are
possible. Hazards are looked up in lists, not computed; what others do counts from the next month.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp
from statistics import NormalDist
from typing import NamedTuple

import mesa
import numpy as np
import numpy.typing as npt

from model.structure import ADMISSION, NOBODY
from tests.benchmarks.agents_tables import Tables

Float = npt.NDArray[np.float64]

DIED = -1
NEVER = 0
CLASSES = 32  # of liability, equally likely
RING = 3  # neighbours on either side
INFLUENCE = 1.0  # what ties that all use add to the hazard of first use
LOADING = 0.6  # effect of liability on the log hazard of first use, per standard deviation
RISING = 0.3  # the same on escalation

Way = tuple[int, list[float]]
"""A flow (or DIED) and its hazard per month by stratum."""


@dataclass(frozen=True)
class Rules:
    """What differs between people besides their stratum, and whether care has places."""

    network: bool = True
    liability: bool = True
    couplings: bool = True
    queues: bool = True


EVERYTHING = Rules()
PLAIN = Rules(network=False, liability=False, couplings=False, queues=False)


class Rising(NamedTuple):
    """What multiplies one flow to worse."""

    by_class: list[float]  # by class of liability
    coupled: list[tuple[int, float]]  # products whose own use counts, and their effect less one


class Month(NamedTuple):
    """Hazards of one month as lists, by product, state within the product and stratum."""

    leaving: list[list[list[float]]]  # sums, for those that have no factors of their own
    ways: list[list[list[Way]]]
    dying: list[float]  # probability of death by anything else
    moving: list[float]  # that, and of leaving the country or of being followed by somebody alike
    growing: list[bool]


class Centre(mesa.Agent):
    """Care of one service in one region: places, and a list where who came first goes first."""

    def __init__(self, model: Society, places: int) -> None:
        super().__init__(model)
        self.places = places
        self.treated = 0
        self.waiting: deque[tuple[int, Person, int]] = deque()

    def step(self) -> None:
        """Fill the free places; people who no longer wait are passed over."""
        while self.waiting and self.treated < self.places:
            ticket, person, p = self.waiting.popleft()
            if person.here and person.tickets.get(p) == ticket:
                person.move(p, self.model.admission[p][person.state[p]])


class Person(mesa.Agent):
    """Somebody with a state in every product."""

    def __init__(self, model: Society, state: list[int], stratum: int, liability: int) -> None:
        super().__init__(model)
        self.state = state
        self.stratum = stratum
        self.liability = liability
        self.inclined: float = model.liability_factor[liability]  # to first use
        self.here = True
        self.ties: list[Person] = []
        self.using: set[int] = set()  # as others see it: as of the start of the month
        self.tickets: dict[int, int] = {}  # of lists, by product

    def step(self) -> None:
        """One month."""
        seen = [0] * len(self.state)  # ties that use each product
        for tie in self.ties:
            for p in tie.using:
                seen[p] += 1
        for p in range(len(self.state)):
            if not self.live(p, seen[p]):
                return
        self.pass_on()

    def live(self, p: int, seen: int) -> bool:
        """A month with one product, at the times at which things happen; False at death."""
        at, random = 0.0, self.random
        while True:
            total = self.leaving(p, seen)
            if total <= 0.0:
                return True
            at += random.expovariate(total)
            if at >= 1.0:
                return True
            ways = self.model.month.ways[p][self.state[p]]
            (flow, _) = random.choices(ways, self.hazards(p))[0]
            if flow == DIED:
                self.model.died += 1
                self.model.leave(self)
                return False
            self.move(p, flow)

    def leaving(self, p: int, seen: int) -> float:
        """Sum of the person's hazards out of the state in a product."""
        z = self.state[p]
        if z in self.model.rises[p]:
            return sum(self.hazards(p))
        total: float = self.model.month.leaving[p][z][self.stratum]
        return total * self.first_use(p, seen) if z == NEVER else total

    def hazards(self, p: int) -> list[float]:
        """Hazard of each way out of the state; those of first use as if nothing raised them."""
        s, z = self.stratum, self.state[p]
        ways = self.model.month.ways[p][z]
        if z in self.model.rises[p]:
            return [row[s] * self.rise(flow) for flow, row in ways]
        return [row[s] for _, row in ways]

    def first_use(self, p: int, seen: int) -> float:
        """Factor of first use of a product that ``seen`` ties use."""
        factor = self.inclined
        if seen:
            factor *= 1.0 + INFLUENCE * seen / len(self.ties)
        for upstream, excess in self.model.upstream[p]:
            if upstream in self.using:
                factor *= 1.0 + excess
        return factor

    def rise(self, flow: int) -> float:
        """Factor of a flow to worse; 1 for any other."""
        rising = self.model.rising.get(flow)
        if rising is None:
            return 1.0
        factor = float(rising.by_class[self.liability])
        for upstream, excess in rising.coupled:
            if upstream in self.using:
                factor *= 1.0 + excess
        return factor

    def pass_on(self) -> None:
        """Death by anything else, and migration."""
        month, s = self.model.month, self.stratum
        u = self.random.random()
        if u < month.moving[s]:
            if u >= month.dying[s] and month.growing[s]:
                self.model.add_like(self)
            else:
                self.model.leave(self)

    def move(self, p: int, flow: int) -> None:
        """Take one flow: the state, lists, places and counts."""
        model = self.model
        self.state[p] = model.destination[flow]
        model.counted[flow] += 1
        if model.queues:
            region = model.region[self.stratum]
            self.tickets.pop(p, None)
            if (service := model.asks[flow]) != NOBODY:
                model.queue(self, p, model.centres[service][region])
            if (service := model.leaves[flow]) != NOBODY:
                model.centres[service][region].treated -= 1
            if (service := model.enters[flow]) != NOBODY:
                model.centres[service][region].treated += 1
        model.changed.append((self, p))

    def use(self, p: int, now: bool) -> None:
        """Begin or stop to use in the eyes of others."""
        if now:
            self.using.add(p)
        else:
            self.using.remove(p)

    def tie(self, other: Person) -> None:
        """A tie both ways."""
        if other is not self and other not in self.ties:
            self.ties.append(other)
            other.ties.append(self)

    def untie(self) -> None:
        """Take the person out of the lists of others."""
        for other in self.ties:
            other.ties.remove(self)


class Society(mesa.Model):
    """``size`` people drawn from the stock of the tables, and their months.

    ``months`` are those of another society of the same kind, tables and rules: they take tens of
    megabytes, and Mesa keeps every model for as long as the program runs.
    """

    person = Person

    def __init__(
        self,
        tables: Tables,
        size: int,
        seed: int,
        rules: Rules = EVERYTHING,
        months: list[Month] | None = None,
    ) -> None:
        super().__init__(seed=seed)
        self.tables = tables
        self.weight = float(tables.population.sum()) / size
        self.network, self.queues = rules.network, rules.queues
        self.personal = rules.network or rules.liability or rules.couplings
        self._wire(rules)
        self.months = months or [month_lists(tables, self, i) for i in range(12)]
        self.month = self.months[0]
        self.counted = [0] * tables.wiring.origin.size
        self.died = 0
        self.lived = 0  # person-months
        self.changed: list[tuple[Person, int]] = []
        self.vacant: list[list[Person]] = []  # ties that somebody left behind
        self.tickets = 0
        self.centres = [
            [Centre(self, max(1, round(places / self.weight))) for places in row]
            for row in tables.places
        ]
        self._settle(size, seed, rules)

    def _wire(self, rules: Rules) -> None:
        """Index lists, and what multiplies whose hazards."""
        wiring = self.tables.wiring
        self.destination, self.region = wiring.destination.tolist(), self.tables.region.tolist()
        self.asks, self.leaves = wiring.asks.tolist(), wiring.leaves.tolist()
        products = wiring.state_start.size - 1
        self.products = products
        starts = wiring.state_start
        self.uses, self.treating, self.waiting = (
            [row[starts[p] : starts[p + 1]].tolist() for p in range(products)]
            for row in (wiring.using == 1, wiring.treating_service, wiring.waiting_service)
        )
        self.enters = [NOBODY] * wiring.origin.size
        self.admission: list[dict[int, int]] = [{} for _ in range(products)]
        self.rising: dict[int, Rising] = {}
        self.rises: list[set[int]] = [set() for _ in range(products)]  # states with such a flow
        self.upstream: list[list[tuple[int, float]]] = [[] for _ in range(products)]
        quantile = NormalDist().inv_cdf
        scores = [quantile((i + 0.5) / CLASSES) for i in range(CLASSES)]
        loading, rising = (LOADING, RISING) if rules.liability else (0.0, 0.0)
        self.liability_factor = _relative([exp(loading * x) for x in scores])
        by_class = _relative([exp(rising * x) for x in scores])
        for p in range(products):
            for f in range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1])):
                self._wire_flow(p, f, rules, by_class)

    def _wire_flow(self, p: int, f: int, rules: Rules, by_class: list[float]) -> None:
        wiring = self.tables.wiring
        come, go = int(wiring.origin[f]), self.destination[f]
        if go == NOBODY:
            raise ValueError("the peer knows no exits from the model but death")
        if self.treating[p][go] != NOBODY and self.treating[p][go] != self.treating[p][come]:
            self.enters[f] = self.treating[p][go]
        if wiring.flags[f] & ADMISSION:
            self.admission[p][come] = f
        coupled: list[tuple[int, float]] = []
        if rules.couplings:
            at = range(int(wiring.coupling_start[f]), int(wiring.coupling_start[f + 1]))
            coupled = [(int(wiring.couplings[i]), float(self.tables.coupling[i])) for i in at]
        first = int(wiring.state_start[p])
        worse = wiring.harmed[first + go] > wiring.harmed[first + come]
        if come == NEVER:
            self.upstream[p] = coupled
        elif coupled or (rules.liability and worse):
            self.rising[f] = Rising(by_class, coupled)
            self.rises[p].add(come)

    def _settle(self, size: int, seed: int, rules: Rules) -> None:
        """Draw the people, their ties and who is in care."""
        rng = np.random.default_rng(seed)
        tables = self.tables
        stratum = rng.choice(
            tables.population.size, size, p=tables.population / tables.population.sum()
        )
        stratum.sort()  # neighbours on the ring are of one age, sex and region
        shares = tables.stock / tables.population
        states = np.stack([_draw(rng, part, stratum) for part in self.parts(shares)], axis=1)
        liability = rng.integers(CLASSES, size=size).tolist()
        people = [
            self.person(self, state, s, x)
            for state, s, x in zip(states.tolist(), stratum.tolist(), liability, strict=True)
        ]
        if rules.network:
            self._befriend(people)
        for person in people:
            self.receive(person)

    def _befriend(self, people: list[Person]) -> None:
        """A ring, and three matchings: household, nightlife and online."""
        for i, person in enumerate(people):
            for step in range(1, RING + 1):
                person.tie(people[(i + step) % len(people)])
        for reach in (100, 1000, len(people)):
            for start in range(0, len(people), reach):
                some = people[start : start + reach]
                self.random.shuffle(some)
                for one, other in zip(some[::2], some[1::2], strict=False):
                    one.tie(other)

    def largest(self, flow: int) -> float:
        """What the hazards of a flow are multiplied by in the lists."""
        return 1.0

    def parts(self, rows: Float) -> list[Float]:
        """Rows of states, product by product."""
        return np.split(rows, self.tables.wiring.state_start[1:-1])

    def receive(self, person: Person) -> None:
        """Tell ties and centres about a newcomer."""
        region = self.region[person.stratum]
        for p, z in enumerate(person.state):
            if self.uses[p][z]:
                self.changed.append((person, p))
            if self.queues and (service := self.treating[p][z]) != NOBODY:
                self.centres[service][region].treated += 1
            if self.queues and (service := self.waiting[p][z]) != NOBODY:
                self.queue(person, p, self.centres[service][region])

    def queue(self, person: Person, p: int, centre: Centre) -> None:
        """Put somebody at the end of a list."""
        self.tickets += 1
        person.tickets[p] = self.tickets
        centre.waiting.append((self.tickets, person, p))

    def leave(self, person: Person) -> None:
        """Death or departure: places come free, and ties are left to who comes next."""
        person.here = False
        region = self.region[person.stratum]
        if self.queues:
            for p, z in enumerate(person.state):
                if (service := self.treating[p][z]) != NOBODY:
                    self.centres[service][region].treated -= 1
        if self.network:
            person.untie()
            self.vacant.append(person.ties)
        person.remove()

    def add(self, state: list[int], stratum: int, liability: int) -> None:
        """A newcomer, in the place of somebody who left where there is one."""
        person = self.person(self, state, stratum, liability)
        if self.vacant:
            for other in self.vacant.pop(self.random.randrange(len(self.vacant))):
                if other.here:
                    person.tie(other)
        self.receive(person)

    def add_like(self, person: Person) -> None:
        """An immigrant with the states of somebody of the stratum."""
        self.add(person.state.copy(), person.stratum, self.random.randrange(CLASSES))

    def step(self) -> None:
        """One month of everybody; Mesa counts them."""
        self.month = self.months[(self.steps - 1) % 12]
        if self.changed:
            self.notice()
        people = self.agents_by_type[self.person]
        self.lived += len(people)
        people.do("step")
        if self.queues:
            self.agents_by_type[Centre].do("step")
        if self.steps % 12 == 0:
            self.grow_older()

    def notice(self) -> None:
        """Let changed use reach ties and own factors."""
        if self.personal:
            for person, p in self.changed:
                now = self.uses[p][person.state[p]]
                if person.here and now != (p in person.using):
                    person.use(p, now)
        self.changed.clear()

    def grow_older(self) -> None:
        """1 January: some move up a band; others reach the youngest age."""
        tables, random = self.tables, self.random.random
        up = tables.moving_up.tolist()
        for person in self.agents_by_type[self.person]:
            if random() < up[person.stratum]:
                person.stratum += 1
        for block, expected in enumerate((tables.entrants / self.weight).tolist()):
            shares = [part[:, block].tolist() for part in self.parts(tables.entry)]
            for _ in range(int(expected + random())):
                state = [self.random.choices(range(len(row)), row)[0] for row in shares]
                self.add(state, block * tables.bands, self.random.randrange(CLASSES))

    def counts(self) -> Float:
        """People by state (Z,)."""
        found = np.zeros(self.tables.wiring.using.size)
        first = self.tables.wiring.state_start[:-1]
        for person in self.agents_by_type[self.person]:
            found[first + person.state] += 1.0
        return found


def month_lists(tables: Tables, society: Society, i: int) -> Month:
    """The tables of month ``i`` as lists.

    With lists at centres nobody is admitted by a hazard.
    """
    wiring, starts = tables.wiring, tables.wiring.state_start
    leaving, ways = [], []
    for p in range(society.products):
        out: list[list[Way]] = [[] for _ in range(int(starts[p + 1] - starts[p]))]
        total = np.zeros((len(out), tables.population.size))
        for f in range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1])):
            hazard = tables.flow[i, f] / 12.0
            hazard = hazard * society.largest(f)
            if hazard.any() and not (society.queues and wiring.flags[f] & ADMISSION):
                out[int(wiring.origin[f])].append((f, hazard.tolist()))
                total[int(wiring.origin[f])] += hazard
        excess = tables.excess[i, starts[p] : starts[p + 1]] / 12.0
        for z, row in enumerate(excess):
            if row.any():
                out[z].append((DIED, row.tolist()))
        leaving.append((total + excess).tolist())
        ways.append(out)
    dying, change = tables.baseline[i], tables.growth[i] - 1.0
    moving = dying + (1.0 - dying) * np.abs(change)
    return Month(leaving, ways, dying.tolist(), moving.tolist(), (change > 0.0).tolist())


def _relative(factors: list[float]) -> list[float]:
    """Factors of the classes with mean 1."""
    mean = sum(factors) / len(factors)
    return [factor / mean for factor in factors]


def _draw(
    rng: np.random.Generator, shares: Float, stratum: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """A state for each person from the shares (states, S) of the stratum."""
    bounds = shares.cumsum(axis=0)[:-1, stratum]
    return np.asarray((rng.random(stratum.size) >= bounds).sum(axis=0))
