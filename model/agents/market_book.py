"""The actors of illicit markets as arrays, and the few compiled loops over them.

Q illicit products, K kinds of actors, N places of a kind in a market; a place without capacity is
vacant. Capacity is a share of the national volume of the product in January 2010.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.philox import Words, fill, uniform
from model.arrays import DrawMarket
from model.markets import LARGEST, MONTH, Market, Terms, advance, cleared

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

IMPORTER, WHOLESALER, SELLER, VENDOR = range(4)
KINDS = 4
LAYER = np.array([0, 1, 2, 2])  # of each kind, from the border to the street
LAYERS = 3
# What changes capacity. All but the last two of a pair of products are within one market.
FORCED, RETURNED, STOPPED, USUAL, EXPANDED, ENTERED, CONTRACTED, LEFT, MOVED = range(9)
FLOWS = 9
NOWHERE = -1  # no product wanted


class Key(NamedTuple):
    """Which random numbers: seed and draw, as philox takes them."""

    k0: int
    k1: int


class MarketBook(NamedTuple):
    """All that markets carry from month to month; copying the arrays is a checkpoint."""

    capacity: Float  # (Q, K, N)
    cost: Float  # (Q, K, N) of a unit, over the usual one
    risk: Float  # (Q, K, N) of a stop, over the usual one
    route: Int  # (Q, K, N) region, or R: port, R + 1: parcel
    losing: Int  # (Q, K, N) months in a row with a margin below the usual one
    wanted: Int  # (Q, K, N) number of the product that pays more, or NOWHERE
    market: Float  # (Q, 3) gap, scarcity, sticker as in model.markets.Market
    opened: Float  # (Q,) log capacity of the routes in, last month
    excess: Float  # (Q,) log demand over the expected, last month
    price: Float  # (Q,) log purity-adjusted price over its long-run cost, last month
    disrupted: Float  # (Q,) share of capacity stopped or newly come since the last quarter began
    ledger: Float  # (Q, LAYERS, FLOWS) capacity gained or lost since the start


def empty_book(products: int, places: int) -> MarketBook:
    """A book without actors for ``products`` markets and ``places`` of each kind in each."""
    grid = (products, KINDS, places)
    return MarketBook(
        capacity=np.zeros(grid),
        cost=np.ones(grid),
        risk=np.ones(grid),
        route=np.zeros(grid, dtype=np.int64),
        losing=np.zeros(grid, dtype=np.int64),
        wanted=np.full(grid, NOWHERE, dtype=np.int64),
        market=np.zeros((products, 3)),
        opened=np.zeros(products),
        excess=np.zeros(products),
        price=np.zeros(products),
        disrupted=np.zeros(products),
        ledger=np.zeros((products, LAYERS, FLOWS)),
    )


def layers(by_kind: Float) -> Float:
    """Capacities of kinds (Q, K), shares of the national volume of 2010, to (Q, LAYERS)."""
    found = by_kind[:, :LAYERS].copy()
    found[:, 2] += by_kind[:, VENDOR]
    return found


@njit(cache=True, nogil=True)
def uniforms(out: Float, products: Int, c1: int, month: int, purpose: int, key: Key) -> None:
    """Fill ``out`` (Q, n) with uniform numbers, one stream for each product."""
    words = np.empty(out.shape[1], dtype=np.uint32)
    for q in range(products.size):
        fill(words, words.size, c1, month * 64 + products[q], purpose, key.k0, key.k1)
        for i in range(words.size):
            out[q, i] = uniform(words[i])


@njit(cache=True, nogil=True)
def bell(words: Words, start: int) -> float:
    """About a standard normal, within 3.5: the sum of four uniform numbers."""
    total = -2.0
    for i in range(4):
        total += uniform(words[start + i])
    return total * math.sqrt(3.0)


def bell_mean(sd: float) -> float:
    """Mean of exp(sd * bell)."""
    half = 0.5 * sd * math.sqrt(3.0)
    return 1.0 if half < 1e-6 else (math.sinh(half) / half) ** 4


@njit(cache=True, nogil=True)
def clear(
    market: Float,
    scarcity: Float,
    products: Int,
    terms: DrawMarket,
    paths: tuple[Float, Float],
    after: bool,
) -> Float:
    """Prices (Q, 3) at the ``scarcity`` (Q,) that actors leave: log price, sticker, purity.

    ``market`` (Q, 3) is set in place, but for its gap; ``paths``: log cost and log purity (P,);
    ``after``: a month has passed since the sticker price was last set.
    """
    found = np.empty((products.size, 3))
    for q in range(products.size):
        p = products[q]
        own = Terms(
            terms.elasticity[p],
            terms.replacement[p],
            terms.dilution[p],
            terms.sticker_time[p],
            terms.floor[p],
            terms.ceiling[p],
        )
        before = Market(market[q, 0], market[q, 1], market[q, 2])
        sticker = advance(before, own, MONTH).sticker if after else before.sticker
        widest = LARGEST * own.elasticity
        now = Market(market[q, 0], min(max(scarcity[q], -widest), widest), sticker)
        prices = cleared(now, own, paths[0][p], paths[1][p])
        market[q, 1], market[q, 2] = now.scarcity, now.sticker
        found[q, 0], found[q, 1], found[q, 2] = prices.price, prices.sticker, prices.purity
    return found
