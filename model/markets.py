"""The illicit market of one product, month by month, as compiled functions for both engines.

Prices are indices of the real price, January 2010 = 1, kept as logarithms. The purity-adjusted
price is the long-run cost times what scarcity adds: scarcity is the log gap between demand and
what can be supplied. Shocks open it at once, replacement closes it; purity takes the shock before
the price on the street does. Equations: docs/equations.md, decision 010.
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

    scarcity: float  # supply capacity over demand
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
    diversion: float  # share of a loss that product bound for abroad makes good at once
    dilution: float  # share of lasting scarcity that purity bears
    sticker_time: float  # time scale in which the sticker price follows
    floor: float  # lowest and highest log purity
    ceiling: float


@njit(cache=True, nogil=True)
def felt(loss: float, diversion: float) -> float:
    """Log change of supply that the domestic market feels when transit makes good a share."""
    return math.log(1.0 + (math.exp(loss) - 1.0) * (1.0 - diversion))


@njit(cache=True, nogil=True)
def advance(market: Market, terms: Terms, years: float) -> Market:
    """The market after ``years`` without a new shock."""
    kept = math.exp(-years / terms.replacement)
    slow = math.exp(-years / terms.sticker_time)
    lasting = (1.0 - terms.dilution) * _above(market.scarcity, terms.elasticity)
    return Market(market.scarcity * kept, lasting + (market.sticker - lasting) * slow)


@njit(cache=True, nogil=True)
def shocked(market: Market, terms: Terms, loss: float, demand: float) -> Market:
    """The market after a log change of supply capacity and of demand; bounded by LARGEST."""
    widest = LARGEST * terms.elasticity
    scarcity = market.scarcity + felt(loss, terms.diversion) - demand
    return Market(min(max(scarcity, -widest), widest), market.sticker)


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
def shock_response(terms: Terms, loss: float, months: int) -> Float:
    """An isolated market after a one-off log change ``loss`` of its supply capacity.

    Returns (months, 4): index of the purity-adjusted price, of the sticker price, of purity (each 1
    before the shock), and the amount taken relative to before. Month 0 is that of the shock.
    """
    found = np.empty((months, 4))
    market = shocked(Market(0.0, 0.0), terms, loss, 0.0)
    for month in range(months):
        prices = cleared(market, terms, 0.0, 0.0)
        found[month, 0] = math.exp(prices.price)
        found[month, 1] = math.exp(prices.sticker)
        found[month, 2] = math.exp(prices.purity)
        found[month, 3] = math.exp(-terms.elasticity * prices.price)
        market = advance(market, terms, MONTH)
    return found
