"""Outreach teams: which people outside care they visit.

What outreach does at its usual level is in the calibrated rates of seeking care. So visits act
relative to the national mean of a product: they move the chance to seek care between regions, and
how many ask in the nation stays what it was in expectation. Where the teams of one region alone
visit people of a product, the chance falls in the others: so rare products move more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mesa import Agent, Model
from mesa.agent import AgentSet

from model.agents.market_book import Key
from model.agents.philox import OUTREACH, fill
from model.agents.terms import Terms

Float = npt.NDArray[np.float64]

PER = 100_000.0  # people that the number of teams is given for
NO_PRODUCT = 63
LARGEST = 3.0  # visits per person, over the national mean; beyond it the whole product is shrunk


class OutreachTeam(Agent):
    """A team of one region, a month at a time with the people of one product."""

    def __init__(self, model: Model, outreach: Outreach, region: int, team: int) -> None:
        super().__init__(model)
        self.outreach = outreach
        self.region = region
        self.team = team

    def visit(self) -> None:
        """Go where most people have no care and few teams are yet, as far as the team can see."""
        found = self.outreach
        seen = found.seen[self.team] * found.need[:, self.region]
        product = int(np.argmax(seen / (1.0 + found.visits[:, self.region])))
        if seen[product] > 0.0:
            found.visits[product, self.region] += 1.0


class Outreach:
    """All teams. ``people`` (R,) persons of each region set their number."""

    def __init__(self, model: Model, key: Key, people: Float, products: int, terms: Terms) -> None:
        self.model, self.key = model, key
        self.terms = terms
        self.visits = np.zeros((products, people.size))  # this month's, in teams
        self.need = np.zeros_like(self.visits)
        number = np.maximum(np.rint(people / PER * terms.outreach_teams), 1.0).astype(np.int64)
        regions = np.repeat(np.arange(people.size), number)
        self.seen = np.ones((regions.size, products))
        teams = [OutreachTeam(model, self, int(r), i) for i, r in enumerate(regions)]
        self.teams = AgentSet(teams, random=model.random)

    def month(self, month: int, need: Float, asking: Float) -> Float:
        """Factor (P, R) on the hazard of seeking care in a month.

        ``need`` (P, R): people with a disorder outside care; ``asking`` (P, R): how many of them
        would ask in a year without visits. Weighted by ``asking``, the mean of each product is 1;
        the factor is at least 1 - outreach_effect and at most 1 + 2 outreach_effect.
        """
        words = np.empty(self.seen.size, dtype=np.uint32)
        fill(words, words.size, 0, month * 64 + NO_PRODUCT, OUTREACH, self.key.k0, self.key.k1)
        place = (words.astype(np.float64) + 0.5) * 2.0**-32
        error = self.terms.outreach_error
        self.seen[:] = (1.0 + error * (2.0 * place - 1.0)).reshape(self.seen.shape)
        self.need[:] = need
        self.visits[:] = 0.0
        self.teams.do("visit")
        return care_factor(self.visits, need, asking, self.terms.outreach_effect)

    def state(self) -> dict[str, Float]:
        """Copies of the arrays, shapes and units as they are; the next month needs none of them."""
        return {"visits": self.visits.copy()}

    def load(self, state: dict[str, Float]) -> None:
        """Go on from ``state``, of the same shapes."""
        self.visits[:] = state["visits"]


def care_factor(visits: Float, need: Float, asking: Float, effect: float) -> Float:
    """Factor (P, R) from ``visits``, people in ``need`` and how many ask; 1 where nobody does.

    ``1 + effect (v / mean v - 1)``, v visits per person, shrunk towards 1 where a region has
    more than LARGEST times the mean. The means are weighted by ``asking``, need times the hazard of
    seeking care, so that the sum of factor times asking is that of asking for each product.
    """
    asking = np.where(need > 0.0, asking, 0.0)
    total = asking.sum(axis=1, keepdims=True)
    weight = np.divide(asking, total, out=np.zeros_like(asking), where=total > 0.0)
    each = np.divide(visits, need, out=np.zeros_like(need), where=need > 0.0)
    mean = (weight * each).sum(axis=1, keepdims=True)
    reached = (need > 0.0) & (mean > 0.0)
    excess = np.divide(each, mean, out=np.ones_like(need), where=reached) - 1.0
    most = np.maximum(excess.max(axis=1, keepdims=True), LARGEST - 1.0)
    return np.asarray(1.0 + effect * excess * (LARGEST - 1.0) / most)
