"""The Mesa peer tuned, as far as plain objects go: the same people at a fraction of the time.

Sums of hazards are looked up, most people need one random number a product and month and no
logarithm, and what ties and own use do to first use is kept with each person and renewed only
where somebody's use changed.
"""

from __future__ import annotations

from math import log

from tests.benchmarks.agents_mesa import (
    DIED,
    EVERYTHING,
    NEVER,
    Month,
    Person,
    Rules,
    Society,
)
from tests.benchmarks.agents_tables import Tables


class TunedPerson(Person):
    """A person who keeps what multiplies own hazards of first use."""

    def __init__(self, model: TunedSociety, state: list[int], stratum: int, liability: int) -> None:
        super().__init__(model, state, stratum, liability)
        self.peers = [0] * len(state)  # ties that use each product
        self.factor = [self.inclined] * len(state)  # of the hazard of first use

    def step(self) -> None:
        """One month."""
        month, s, random = self.model.month, self.stratum, self.random.random
        for p, z in enumerate(self.state):
            rate = month.leaving[p][z][s]
            if z == NEVER:
                rate *= self.factor[p]
            # Nobody moves at a probability above the rate: most need no logarithm.
            if (u := random()) < rate:
                at = -log(1.0 - u) / rate
                if at < 1.0 and not self.walk(p, at):
                    return
        self.pass_on()

    def walk(self, p: int, at: float) -> bool:
        """Move through the states of a product from time ``at`` on; False at death."""
        month, s = self.model.month, self.stratum
        while at < 1.0:
            flow = self.choose(p)
            if flow == DIED:
                self.model.died += 1
                self.model.leave(self)
                return False
            largest = self.model.largest(flow)
            if largest == 1.0 or self.random.random() * largest < self.rise(flow):
                self.move(p, flow)
            rate = month.leaving[p][self.state[p]][s]
            if rate <= 0.0:
                break
            at -= log(1.0 - self.random.random()) / rate
        return True

    def choose(self, p: int) -> int:
        """Which way out of the state, in proportion to the hazards."""
        month, s, z = self.model.month, self.stratum, self.state[p]
        rest = self.random.random() * month.leaving[p][z][s]
        ways = month.ways[p][z]
        for flow, hazard in ways:
            rest -= hazard[s]
            if rest < 0.0:
                return int(flow)
        return int(ways[-1][0])  # rounding

    def renew(self, p: int) -> None:
        """The factor of the person's first use of a product."""
        self.factor[p] = self.first_use(p, self.peers[p])

    def use(self, p: int, now: bool) -> None:
        """Begin or stop to use: ties keep it, and own first use of other products."""
        super().use(p, now)
        for tie in self.ties:
            tie.peers[p] += 1 if now else -1
            tie.renew(p)
        for other in self.model.downstream[p]:
            self.renew(other)

    def tie(self, other: Person) -> None:
        """A tie both ways."""
        before = len(self.ties)
        super().tie(other)
        if len(self.ties) > before:
            self._count(other, 1)
            other._count(self, 1)

    def untie(self) -> None:
        """Take the person out of the lists of others."""
        super().untie()
        for other in self.ties:
            other._count(self, -1)

    def _count(self, other: Person, sign: int) -> None:
        for p in other.using:
            self.peers[p] += sign
        for p, seen in enumerate(self.peers):
            if seen:
                self.renew(p)
        if sign < 0:
            for p in other.using:
                self.renew(p)


class TunedSociety(Society):
    """Hazards of flows to worse are the largest that anybody has; who has less may stay."""

    person = TunedPerson

    def __init__(
        self,
        tables: Tables,
        size: int,
        seed: int,
        rules: Rules = EVERYTHING,
        months: list[Month] | None = None,
    ) -> None:
        self._largest: dict[int, float] = {}
        super().__init__(tables, size, seed, rules, months)

    def _wire(self, rules: Rules) -> None:
        super()._wire(rules)
        for flow, rising in self.rising.items():
            largest = max(rising.by_class)
            for _, excess in rising.coupled:
                largest *= max(1.0, 1.0 + excess)
            self._largest[flow] = largest
        self.downstream = [
            [q for q in range(self.products) if any(k == p for k, _ in self.upstream[q])]
            for p in range(self.products)
        ]

    def largest(self, flow: int) -> float:
        """What the hazards of a flow are multiplied by in the lists."""
        return self._largest.get(flow, 1.0)
