"""The illicit market of one product, month by month, as compiled functions for both engines.

Prices are indices of the real price, January 2010 = 1, kept as logarithms. The purity-adjusted
price is the long-run cost times what scarcity adds. The gap between what can be supplied and
demand opens scarcity at once, replacement closes it; purity takes the shock before the price on
the street does. Equations: docs/equations.md, decision 010.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Float = npt.NDArray[np.float64]

MONTH = 1.0 / 12.0
# A price beyond twenty times its cost, or below a twentieth, is outside all evidence.
LARGEST = math.log(20.0)


class Market(NamedTuple):
    """Where one market stands; all logarithms, 0 in January 2010."""

    gap: float  # supply capacity over demand, were nothing replaced
    scarcity: float  # the same after replacement: of the gap's sign, or 0
    sticker: float  # part of the scarcity that the sticker price shows so far


class Prices(NamedTuple):
    """Prices of one month, logarithms of indices."""

    price: float  # purity-adjusted
    sticker: float  # as asked on the street
    purity: float


class Terms(NamedTuple):
    """What one market responds by. Rates in years."""

    elasticity: float  # of the amount that people take, as a positive number
    replacement: float  # time scale in which lost supply is replaced
    dilution: float  # share of lasting scarcity that purity bears
    sticker_time: float  # time scale in which the sticker price follows
    floor: float  # lowest and highest log purity
    ceiling: float


@njit(cache=True, nogil=True)
def advance(market: Market, terms: Terms, years: float) -> Market:
    """The market after ``years`` in which nothing but replacement happens."""
    kept = math.exp(-years / terms.replacement)
    slow = math.exp(-years / terms.sticker_time)
    lasting = (1.0 - terms.dilution) * _above(market.scarcity, terms.elasticity)
    sticker = lasting + (market.sticker - lasting) * slow
    return Market(market.gap, market.scarcity * kept, sticker)


@njit(cache=True, nogil=True)
def shocked(market: Market, terms: Terms, gap: float) -> Market:
    """The market when the gap becomes ``gap``; scarcity is bounded by LARGEST.

    What has been replaced stays, but never beyond the gap: when a route comes back, what stood
    in for it goes.
    """
    replaced = market.scarcity - market.gap
    replaced = min(max(replaced, min(0.0, -gap)), max(0.0, -gap))
    widest = LARGEST * terms.elasticity
    return Market(gap, min(max(gap + replaced, -widest), widest), market.sticker)


@njit(cache=True, nogil=True)
def _above(scarcity: float, elasticity: float) -> float:
    """Log price above cost at which demand meets what is supplied."""
    return -scarcity / elasticity


@njit(cache=True, nogil=True)
def cleared(market: Market, terms: Terms, cost: float, purity: float) -> Prices:
    """Prices at log long-run ``cost`` (of pure product) and log long-run ``purity``.

    Purity-adjusted price = sticker price / purity. What the sticker price does not show yet is
    taken from purity, as far as purity can go.
    """
    above = _above(market.scarcity, terms.elasticity)
    diluted = min(max(purity + market.sticker - above, terms.floor), terms.ceiling)
    return Prices(cost + above, cost + above + diluted, diluted)


@njit(cache=True, nogil=True)
def shock_response(terms: Terms, gap: float, months: int) -> Float:
    """An isolated market whose supply capacity changes by the logarithm ``gap``, for good.

    Returns (months, 4): index of the purity-adjusted price, of the sticker price, of purity (each 1
    before the shock), and the amount taken relative to before. Month 0 is that of the shock.
    """
    found = np.empty((months, 4))
    market = shocked(Market(0.0, 0.0, 0.0), terms, gap)
    for month in range(months):
        prices = cleared(market, terms, 0.0, 0.0)
        found[month, 0] = math.exp(prices.price)
        found[month, 1] = math.exp(prices.sticker)
        found[month, 2] = math.exp(prices.purity)
        found[month, 3] = math.exp(-terms.elasticity * prices.price)
        market = advance(market, terms, MONTH)
    return found
