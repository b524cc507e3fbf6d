"""Illicit markets whose supply is what actors bring, month by month.

Supply is what the narrowest layer lets pass; model.markets turns scarcity into price, purity and
street price. What is lost is replaced because it pays: capacity comes at a rate of elasticity x
log margin / replacement time, and goes likewise. The log margin is scarcity over elasticity, so
many small actors follow model.markets.advance.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mesa import Model
from mesa.agent import AgentSet

from model.agents import market_book as books
from model.agents.actors import CLASSES, MarketActor
from model.agents.enforcement import BORDERS, Enforcement
from model.agents.market_book import (
    IMPORTER,
    KINDS,
    LAYER,
    LAYERS,
    NOWHERE,
    SELLER,
    VENDOR,
    Key,
    MarketBook,
)
from model.agents.philox import ENFORCEMENT, MARKET, Words, fill, poisson, uniform
from model.agents.terms import Terms
from model.arrays import DrawMarket, DrawPaths
from model.markets import LARGEST, MONTH

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Place = tuple[int, int, int]  # product, kind and number in the book

QUARTER = 3  # months between decisions
SPARE = 6  # places of a kind beyond those taken at the start, for newcomers
LARGEST_RISK = 0.9
WORDS = 16  # random words of a new actor
# First counter word of each use of the market's random numbers.
STOPS, EXITS, STARTS, LOOKS, COUNTS, NEWCOMERS, SUCCESSORS = 0, 1, 2, 3, 16, 32, 48


class Frame(NamedTuple):
    """What markets are set in and does not change. Q illicit products of P, R regions."""

    terms: DrawMarket
    products: Int  # (Q,) numbers of the illicit products
    domestic: Float  # (Q,) share of domestic supply that is made in the country
    people: Float  # (R,) share of the people in each region


def frame(terms: DrawMarket, domestic: Float, people: Float) -> Frame:
    """The frame of all illicit products; ``domestic`` (P,) shares made here, ``people`` (R,)."""
    products = np.flatnonzero(terms.traded == 1.0)
    return Frame(terms, products, domestic[products], people / people.sum())


class Actors:
    """The markets of all illicit products, month by month."""

    def __init__(
        self,
        model: Model,
        frame: Frame,
        terms: Terms,
        key: Key,
        enforcement: Enforcement | None = None,
    ) -> None:
        self.model, self.frame, self.terms, self.key = model, frame, terms, key
        self.enforcement = enforcement
        self.regions = frame.people.size
        self.patience = round(terms.actor_patience / MONTH)
        number = round(terms.actor_number)
        self.book: MarketBook = books.empty_book(frame.products.size, number + SPARE)
        grid = self.book.capacity.shape
        self.margin = np.zeros(grid)  # own log margins of this month
        self.level = np.zeros((grid[0], LAYERS))  # log margins of a layer's usual actor
        units = self.regions + len(BORDERS)
        self.appeal = np.zeros((grid[0], KINDS, units))  # the part of them that a route makes
        online = terms.actor_online_share
        share = np.array([1.0, terms.actor_slack, 1.0 - online, online])
        share[SELLER:] *= terms.actor_slack
        self.usual = share  # capacity of each kind at balance
        self.typical = share / number
        self.agents: dict[Place, MarketActor] = {}
        self._month = 0
        self.elasticity = frame.terms.elasticity[frame.products]
        kept = -MONTH / frame.terms.replacement[frame.products]
        self.replaced = -np.expm1(kept)  # share of scarcity that a month makes good
        self.widest = LARGEST * self.elasticity

    # Start and checkpoints

    def start(self, month: int, opened: Float, market: Float) -> None:
        """People the markets so that ``month`` goes on from ``market`` (Q, 3): gap, scarcity,
        sticker after the month before, with ``opened`` (Q,) the log capacity of then; zeros in
        January 2010.
        """
        book, number = self.book, round(self.terms.actor_number)
        self._clear()
        book.ledger[:], book.disrupted[:] = 0.0, 0.0
        book.market[:], book.opened[:] = market, opened
        book.excess[:] = opened - market[:, 0]
        book.price[:] = -market[:, 1] / self.elasticity
        places = KINDS * number
        words = np.empty((places, WORDS), dtype=np.uint32)
        for q, p in enumerate(self.frame.products):
            c2 = month * 64 + int(p)
            fill(words.reshape(-1), words.size, STARTS, c2, MARKET, self.key.k0, self.key.k1)
            for i in range(places):
                self._appear((q, i // number, i % number), words[i], 1.0)
        own = book.capacity.sum(axis=2, keepdims=True)
        book.capacity[:] *= self.usual[:, None] / own
        wanted = np.exp(book.excess)[:, None] * np.ones(KINDS)
        wanted[:, IMPORTER] *= np.exp(market[:, 1])
        book.capacity[:] *= wanted[:, :, None]

    def state(self) -> dict[str, Float | Int]:
        """Copies of all that is carried on; shapes and units as in the book of this part."""
        return {name: array.copy() for name, array in self.book._asdict().items()}

    def load(self, state: dict[str, Float | Int]) -> None:
        """Go on from ``state``, of the same shapes."""
        self._clear()
        for name, array in self.book._asdict().items():
            array[:] = state[name]
        for q, kind, n in zip(*np.nonzero(self.book.capacity), strict=True):
            self._register((int(q), int(kind), int(n)))

    def _clear(self) -> None:
        for place in list(self.agents):
            self._vanish(place)

    def ledger(self) -> Float:
        """(Q, LAYERS, FLOWS) capacity gained or lost since the start, by what did it.

        Shares of the volume of 2010.
        """
        return self.book.ledger.copy()

    # The month

    def month(self, month: int, paths: DrawPaths, demand: Float) -> Float:
        """Prices (P, 3) of a month, logarithms: price of pure product, street price, purity.

        ``demand`` (P,): log demand over the expected, at the prices of 2010. Legal products get
        their asked price. After ``start`` for the first month, then month after month.
        """
        book, frame = self.book, self.frame
        if month > 0:
            self._stop(month)
            self._replace(month)
        self._shock(paths.capacity[month, frame.products], demand[frame.products])
        found = np.zeros((demand.size, 3))
        found[:, :2] = paths.cost[month, :, None]
        supply = np.log(self.capacities().min(axis=1)) - book.excess
        asked = (paths.cost[month], paths.purity[month])
        prices = books.clear(book.market, supply, frame.products, frame.terms, asked, month > 0)
        found[frame.products] = prices
        book.price[:] = prices[:, 0] - paths.cost[month, frame.products]
        if month % QUARTER == 0:
            self._allocate()
        self._set_margins(paths.local[month, frame.products])
        if month % QUARTER == 0:
            self._decide(month)
        return found

    def capacities(self) -> Float:
        """(Q, LAYERS) capacity as a share of the volume of 2010, never quite 0."""
        least = np.exp(self.book.excess - self.widest)[:, None]
        return np.maximum(books.layers(self.book.capacity.sum(axis=2)), least)

    def set_state(self, gap: Float, scarcity: Float, sticker: Float) -> None:
        """Write where the markets stand to (P,) arrays of a run's state."""
        for column, array in enumerate((gap, scarcity, sticker)):
            array[self.frame.products] = self.book.market[:, column]

    def _count(self, flow: int, change: Float) -> None:
        """Add changes of capacity by kind, (Q, K), to the ledger."""
        self.book.ledger[:, :, flow] += books.layers(change)

    def _stop(self, month: int) -> None:
        """Police and customs stop actors; the usual stops are made good at once."""
        if self.enforcement is None:
            return
        book, terms, products = self.book, self.terms, self.frame.products
        places = book.capacity.shape
        drawn = np.empty((places[0], places[1] * places[2]))
        books.uniforms(drawn, products, STOPS, month, ENFORCEMENT, self.key)
        factor = self.enforcement.factor
        number = np.arange(places[0])[:, None, None]
        rate = terms.enforcement_stop_rate * MONTH * book.risk
        usual = -np.expm1(-rate) * book.capacity * terms.enforcement_stopped_share
        chance = -np.expm1(-rate * factor[book.route, number])
        stopped = drawn.reshape(places) < chance
        lost = np.where(stopped, book.capacity * terms.enforcement_stopped_share, 0.0)
        value = lost * np.exp(book.price)[:, None, None]
        seized, expected = np.zeros_like(factor), np.zeros_like(factor)
        np.add.at(seized, (book.route, number), value)
        np.add.at(expected, (book.route, number), usual)
        self.enforcement.record(seized, expected)
        book.capacity[:] -= lost
        away, back = lost.sum(axis=2), usual.sum(axis=2)
        book.disrupted[:] += away.sum(axis=1) / self.usual.sum()
        self._count(books.STOPPED, -away)
        self._grow(books.USUAL, back)

    def _grow(self, flow: int, more: Float) -> None:
        """Incumbents take up (or give up) capacity, (Q, K), in proportion to their own."""
        own = self.book.capacity.sum(axis=2)
        change = np.where(own > 0.0, more, 0.0)
        self.book.capacity[:] *= (1.0 + change / np.where(own > 0.0, own, 1.0))[:, :, None]
        self._count(flow, change)

    def _replace(self, month: int) -> None:
        """A month of entry where it pays, and of exit where it does not."""
        book = self.book
        usual = self.usual_layers()
        found = self.capacities()
        widest = self.widest[:, None]
        scarcity = np.clip(np.log(found / usual), -widest, widest)
        # What scarcity loses in a month, exactly: the margin over the usual sets the pace.
        change = usual * np.exp(scarcity) * np.expm1(-scarcity * self.replaced[:, None])
        room = np.maximum(usual - found, 0.0)
        own = book.capacity.sum(axis=2)
        share = own / np.maximum(books.layers(own), 1e-300)[:, LAYER]
        share[:, :SELLER] = 1.0
        share[own[:, SELLER:].sum(axis=1) == 0.0, SELLER] = 1.0
        more = change[:, LAYER] * share
        self._enter(month, np.maximum(more, 0.0), room[:, LAYER] * share)
        self._shrink(month, np.maximum(-more, 0.0))

    def usual_layers(self) -> Float:
        """(Q, LAYERS) capacity at which margins are the usual ones, share of the volume of 2010."""
        slack = books.layers(self.usual[None, :])
        return np.asarray(slack * np.exp(self.book.excess)[:, None])

    def _enter(self, month: int, more: Float, room: Float) -> None:
        """Incumbents and newcomers bring ``more`` (Q, K) in expectation, at most ``room``."""
        book, part = self.book, self.terms.actor_newcomers
        empty = ~(book.capacity > 0.0).any(axis=2)
        invited = np.where(room >= self.typical, part * more, 0.0)
        invited = np.where(empty, more, invited)
        self._grow(books.EXPANDED, more - invited)
        room = room - (more - invited)
        for q, kind in zip(*np.nonzero(invited), strict=True):
            p = int(self.frame.products[q])
            c2, k0, k1 = month * 64 + p, self.key.k0, self.key.k1
            mean = invited[q, kind] / self.typical[kind]
            count = poisson(mean, COUNTS + int(kind), c2, MARKET, k0, k1)
            words = np.empty((count, WORDS), dtype=np.uint32)
            fill(words.reshape(-1), words.size, NEWCOMERS + int(kind), c2, MARKET, k0, k1)
            for row in words:
                size = self._come((int(q), int(kind)), row, room[q, kind])
                room[q, kind] -= size

    def _come(self, market: tuple[int, int], words: Words, room: float) -> float:
        """A newcomer, or an actor of another market who wants this one; what it brings."""
        book, (q, kind) = self.book, market
        if room <= 0.0:
            return 0.0
        for other, n in zip(*np.nonzero(book.wanted[:, kind] == q), strict=True):
            if other != q and book.capacity[other, kind, n] > 0.0:
                away = np.zeros(book.capacity.shape[:2])
                away[other, kind] = -book.capacity[other, kind, n]
                self._count(books.MOVED, away)
                self._vanish((int(other), kind, int(n)))
                break
        places = np.flatnonzero(book.capacity[q, kind] == 0.0)
        if places.size > 0:
            place = (q, kind, int(places[0]))
            self._appear(place, words, room)
            size = float(book.capacity[place])
        else:  # the book is full: the smallest actor takes the newcomer in
            size = min(float(self.typical[kind]), room)
            book.capacity[q, kind, int(np.argmin(book.capacity[q, kind]))] += size
        book.disrupted[q] += size / self.usual.sum()
        brought = np.zeros(book.capacity.shape[:2])
        brought[q, kind] = size
        self._count(books.ENTERED, brought)
        return size

    def _shrink(self, month: int, less: Float) -> None:
        """``less`` (Q, K) goes in expectation: actors who lost for long leave, others cut back."""
        book, grid = self.book, self.book.capacity.shape
        if not less.any():
            return
        open_to = (book.losing >= self.patience) & (book.capacity > 0.0)
        able = np.where(open_to, book.capacity, 0.0).sum(axis=2)
        wanted = np.minimum(self.terms.actor_newcomers * less, able)
        chance = wanted / np.where(able > 0.0, able, 1.0)
        drawn = np.empty((grid[0], grid[1] * grid[2]))
        books.uniforms(drawn, self.frame.products, EXITS, month, MARKET, self.key)
        leaving = open_to & (drawn.reshape(grid) < chance[:, :, None])
        self._count(books.LEFT, -np.where(leaving, book.capacity, 0.0).sum(axis=2))
        for q, kind, n in zip(*np.nonzero(leaving), strict=True):
            self._vanish((int(q), int(kind), int(n)))
        own = book.capacity.sum(axis=2)
        self._grow(books.CONTRACTED, -np.minimum(less - wanted, own))

    def _shock(self, opened: Float, excess: Float) -> None:
        """Routes and demand change; bounds and what stands in as in model.markets.shocked."""
        book = self.book
        own = book.capacity.sum(axis=2)
        change = np.zeros_like(own)
        change[:, IMPORTER] = own[:, IMPORTER] * np.expm1(opened - book.opened)
        gap = opened - excess
        moved = np.abs(gap - book.market[:, 0])
        self._grow(books.FORCED, change)
        supply = np.log(np.maximum((own + change)[:, IMPORTER], 1e-300))
        stand_in = supply - opened
        # Chance may leave stand-ins outside the bounds: only what the gap moved is set right.
        high, low = np.maximum(-gap, 0.0), np.minimum(-gap, 0.0)
        wanted = stand_in - np.clip(stand_in - high, 0.0, moved)
        wanted += np.clip(low - stand_in, 0.0, moved)
        target = np.where(wanted == stand_in, supply, opened + wanted)
        target = np.clip(target, excess - self.widest, excess + self.widest)
        change[:, IMPORTER] = np.exp(target) - np.exp(supply)
        change[:, IMPORTER] = np.where(target == supply, 0.0, change[:, IMPORTER])
        self._grow(books.RETURNED, change)
        book.market[:, 0], book.opened[:], book.excess[:] = gap, opened, excess

    # Decisions

    def _allocate(self) -> None:
        """Units of police and customs spread their effort anew."""
        if self.enforcement is not None:
            # Turnover is price times what people take at it.
            turnover = np.exp((1.0 - self.elasticity) * self.book.price)
            self.enforcement.quarter(turnover * (1.0 + self.book.disrupted))
        self.book.disrupted[:] = 0.0

    def _set_margins(self, local: Float) -> None:
        """Log margins over the usual, of layers, routes and actors; ``local`` (Q, R)."""
        book, terms = self.book, self.terms
        scarcity = np.log(self.capacities() / self.usual_layers())
        self.level[:] = -scarcity / self.elasticity[:, None]
        units = self.appeal.shape[2]
        factor = np.ones((units, local.shape[0]))
        if self.enforcement is not None:
            factor = self.enforcement.factor
        risk = np.minimum(terms.actor_risk * factor.T, LARGEST_RISK)
        self.appeal[:] = self._kept(risk, np.ones(1))[:, None, :]
        self.appeal[:, SELLER, : self.regions] += local
        number = np.arange(local.shape[0])[:, None, None]
        risk = np.minimum(terms.actor_risk * book.risk * factor[book.route, number], LARGEST_RISK)
        self.margin[:] = self.level[:, LAYER][:, :, None] + self._kept(risk, book.cost)
        at_home = np.minimum(book.route[:, SELLER], self.regions - 1)
        self.margin[:, SELLER] += np.take_along_axis(local, at_home, axis=1)
        below = (self.margin < -1e-9) & (book.capacity > 0.0)
        book.losing[:] = np.where(below, book.losing + 1, 0)

    def _kept(self, risk: Float, cost: Float) -> Float:
        """Log of what is earned on what it costs, over the same at the usual risk and cost."""
        price, normal = self.terms.actor_risk_price, self.terms.actor_risk
        usual = math.log1p(-normal) - math.log1p(price * normal)
        return np.asarray(np.log1p(-risk) - np.log(cost + price * risk) - usual)

    def _decide(self, month: int) -> None:
        """Some actors, within their patience all, look about, in an order drawn anew."""
        grid = self.book.capacity.shape
        drawn = np.empty((grid[0], grid[1] * grid[2]))
        books.uniforms(drawn, self.frame.products, LOOKS, month, MARKET, self.key)
        chance = QUARTER / max(QUARTER, self.patience)
        drawn = drawn.reshape(grid)
        self.book.wanted[:] = NOWHERE
        looking = (drawn < chance) & (self.book.capacity > 0.0)
        at = np.argsort(drawn[looking], kind="stable")
        places = np.argwhere(looking)[at]
        self._month = month
        chosen = [self.agents[int(q), int(kind), int(n)] for q, kind, n in places]
        AgentSet(chosen, random=self.model.random).do("decide")

    def succeed(self, place: Place) -> None:
        """Somebody else takes over a business, at another cost and risk."""
        q, kind, n = place
        size = float(self.book.capacity[place])
        c2 = self._month * 64 + int(self.frame.products[q])
        words = np.empty(WORDS, dtype=np.uint32)
        c1 = SUCCESSORS + KINDS * n + kind
        fill(words, words.size, c1, c2, MARKET, self.key.k0, self.key.k1)
        self._vanish(place)
        self._appear(place, words, size)
        self.book.capacity[place] = size

    def _appear(self, place: Place, words: Words, most: float) -> None:
        """A new actor in a vacant place, of at most the capacity ``most``; ``words`` (WORDS,)."""
        book, terms, (q, kind, _) = self.book, self.terms, place
        spread = terms.actor_size_sd
        size = math.exp(spread * books.bell(words, 0)) / books.bell_mean(spread)
        book.capacity[place] = min(self.typical[kind] * size, most)
        book.cost[place] = math.exp(terms.actor_cost_sd * books.bell(words, 4))
        book.risk[place] = math.exp(terms.actor_cost_sd * books.bell(words, 8))
        book.losing[place], book.wanted[place] = 0, NOWHERE
        where, which = uniform(words[12]), uniform(words[13])
        region = int(np.searchsorted(np.cumsum(self.frame.people), where, side="right"))
        route = min(region, self.regions - 1)
        if kind == VENDOR:
            route = self.regions + 1
        elif kind == IMPORTER and which >= self.frame.domestic[q]:
            left = (which - self.frame.domestic[q]) / (1.0 - self.frame.domestic[q])
            route = self.regions + int(left < terms.actor_online_share)
        book.route[place] = route
        self._register(place)

    def _register(self, place: Place) -> None:
        self.agents[place] = CLASSES[place[1]](self.model, self, place)

    def _vanish(self, place: Place) -> None:
        self.book.capacity[place] = 0.0
        self.book.losing[place], self.book.wanted[place] = 0, NOWHERE
        self.agents.pop(place).remove()
