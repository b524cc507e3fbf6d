"""Prices of the month for all products of a run, as the kernel's people meet them."""

from __future__ import annotations

import math

from model import hazards, rows
from model.arrays import Run
from model.markets import MONTH, Market, Prices, Terms, advance, cleared, shocked

LARGEST_HARM = 10.0  # more than tenfold excess mortality by amount is outside all evidence


@rows.lean()
def _demand(run: Run, p: int, month: int) -> float:
    """Amount that people would take in a year at the prices of January 2010."""
    wiring, stock, starts = run.wiring, run.state.stock, run.setting.region_start
    total = 0.0
    for z in range(wiring.state_start[p], wiring.state_start[p + 1]):
        if run.rates.amount[z] > 0.0:
            for r in range(starts.size - 1):
                people = rows.summed(stock[z], starts[r], starts[r + 1] - starts[r])
                total += run.rates.amount[z] * people * run.paths.consumption[month, p, r]
    return total


@rows.lean()
def _illicit(run: Run, p: int, month: int, reference: bool) -> Prices:
    """The market of one illicit product: shocks of the month, then the price that clears it.

    Suppliers expect the demand of the reference run; only what differs from it makes scarcity.
    """
    state, terms, paths = run.state, run.market, run.paths
    own = Terms(
        terms.elasticity[p],
        terms.replacement[p],
        terms.dilution[p],
        terms.sticker_time[p],
        terms.floor[p],
        terms.ceiling[p],
    )
    demand = _demand(run, p, month)
    if reference and demand > 0.0:
        state.demand[month, p] = math.log(demand)
    expected = state.demand[month, p]
    known = demand > 0.0 and not math.isnan(expected)
    excess = math.log(demand) - expected if known else 0.0
    market = Market(state.gap[p], state.scarcity[p], state.sticker[p])
    if month > 0:
        market = advance(market, own, MONTH)
    market = shocked(market, own, paths.capacity[month, p] - excess)
    state.gap[p], state.scarcity[p], state.sticker[p] = market.gap, market.scarcity, market.sticker
    return cleared(market, own, paths.cost[month, p], paths.purity[month, p])


@rows.lean()
def trade(run: Run, month: int, reference: bool) -> None:
    """Set the prices of the month and add them to the year's."""
    state, terms, paths = run.state, run.market, run.paths
    for p in range(terms.traded.size):
        if terms.traded[p] == 1.0:
            prices = _illicit(run, p, month, reference)
        else:
            asked = paths.cost[month, p]
            prices = Prices(asked, asked, 0.0)
        state.purity[p] = prices.purity
        state.market[p, 0] += math.exp(prices.price)
        state.market[p, 1] += math.exp(prices.sticker)
        state.market[p, 2] += math.exp(prices.purity)
        fading = math.exp(-terms.fading[p] * MONTH)
        for r in range(state.signal.shape[1]):
            price = prices.price + paths.local[month, p, r]
            signal = hazards.price_signal(price, terms.arc[p])
            state.faded[p, r] = state.faded[p, r] * fading + signal - state.signal[p, r]
            state.signal[p, r] = signal
            state.price[p, r] += math.exp(price)
            consumption = paths.consumption[month, p, r]
            state.taken[p, r] += math.exp(-terms.elasticity[p] * price) * consumption
            # Who takes less, because it is dearer or for another reason, is harmed less.
            amount = math.exp(-terms.heavy_elasticity[p] * price) * consumption
            run.work.harm[p, r] = min(amount ** terms.harm_exponent[p], LARGEST_HARM)
