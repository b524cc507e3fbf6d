"""Actors of illicit markets: importers, wholesalers, sellers and online vendors.

Each is a view on its place in the book of a market: it holds a product, a route, a capacity, a unit
cost and a risk, and looks about from time to time. What a market does with them all is in
model.agents.marketplace.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from mesa import Agent, Model

from model import hazards, rows
from model.agents.enforcement import BORDERS
from model.agents.market_book import IMPORTER, LAYER, NOWHERE, SELLER, VENDOR, WHOLESALER
from model.arrays import Run
from model.markets import MONTH
from model.trading import LARGEST_HARM, _demand

if TYPE_CHECKING:
    from model.agents.marketplace import Actors

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class MarketActor(Agent):
    """One actor: a place in the book of its market."""

    kind = IMPORTER

    def __init__(self, model: Model, actors: Actors, place: tuple[int, int, int]) -> None:
        super().__init__(model)
        self.actors = actors
        self.place = place

    @property
    def capacity(self) -> float:
        """Share of the national volume of January 2010."""
        return float(self.actors.book.capacity[self.place])

    @property
    def margin(self) -> float:
        """Log of profit per unit of cost over the usual, risks counted."""
        return float(self.actors.margin[self.place])

    @property
    def routes(self) -> Int:
        """Routes (n,) that an actor of this kind may take.

        A region, the port (R) or parcels (R + 1).
        """
        return np.arange(self.actors.regions)

    def decide(self) -> None:
        """Change route, look out for another product, or hand over to somebody else."""
        actors, book = self.actors, self.actors.book
        q, kind, _ = self.place
        needed = actors.terms.actor_switching
        pays = actors.appeal[q, kind]
        best = int(self.routes[np.argmax(pays[self.routes])])
        if pays[best] > pays[book.route[self.place]] + needed:
            book.route[self.place] = best
            book.losing[self.place] = 0
            return
        level = actors.level[:, LAYER[kind]]
        other = int(np.argmax(level))
        book.wanted[self.place] = other if level[other] > level[q] + needed else NOWHERE
        # In a glut those leave whom nobody follows: _shrink.
        if book.losing[self.place] >= actors.patience and level[q] >= -needed:
            actors.succeed(self.place)


class Importer(MarketActor):
    """Brings or makes the product."""

    @property
    def routes(self) -> Int:
        """The borders, and every region where the product can be made. Shape (n,)."""
        regions = self.actors.regions
        here = self.actors.frame.domestic[self.place[0]] > 0.0
        return np.arange(0 if here else regions, regions + len(BORDERS))


class Wholesaler(MarketActor):
    """Passes the product on within the country."""

    kind = WHOLESALER


class Seller(MarketActor):
    """Sells to people in one region."""

    kind = SELLER


class OnlineVendor(MarketActor):
    """Sells by parcel."""

    kind = VENDOR

    @property
    def routes(self) -> Int:
        """Parcels only. Shape (1,)."""
        return np.array([self.actors.regions + 1])


CLASSES: tuple[type[MarketActor], ...] = (Importer, Wholesaler, Seller, OnlineVendor)


@rows.lean()
def demand_excess(run: Run, month: int, found: Float) -> None:
    """Set ``found`` (P,) to log demand over the demand of the reference run, 0 where unknown."""
    for p in range(found.size):
        found[p] = 0.0
        expected = run.state.demand[month, p]
        if run.market.traded[p] == 1.0 and not math.isnan(expected):
            demand = _demand(run, p, month)
            if demand > 0.0:
                found[p] = math.log(demand) - expected


@rows.lean()
def set_prices(run: Run, prices: Float, month: int) -> None:
    """Set the ``prices`` (P, 3) of the month and add them to the year's: what model.trading.trade
    does with the prices of its own markets."""
    state, terms, paths = run.state, run.market, run.paths
    for p in range(terms.traded.size):
        price = prices[p, 0]
        state.purity[p] = prices[p, 2]
        state.market[p, 0] += math.exp(price)
        state.market[p, 1] += math.exp(prices[p, 1])
        state.market[p, 2] += math.exp(prices[p, 2])
        fading = math.exp(-terms.fading[p] * MONTH)
        for r in range(state.signal.shape[1]):
            here = price + paths.local[month, p, r]
            signal = hazards.price_signal(here, terms.arc[p])
            state.faded[p, r] = state.faded[p, r] * fading + signal - state.signal[p, r]
            state.signal[p, r] = signal
            state.price[p, r] += math.exp(here)
            consumption = paths.consumption[month, p, r]
            state.taken[p, r] += math.exp(-terms.elasticity[p] * here) * consumption
            # Who takes less, because it is dearer or for another reason, is harmed less.
            amount = math.exp(-terms.heavy_elasticity[p] * here) * consumption
            run.work.harm[p, r] = min(amount ** terms.harm_exponent[p], LARGEST_HARM)
