"""Legal products: prices under excise and floors, the illicit share, volumes and revenue.

The first part holds the price functions that the kernel calls each month; the second computes
indicators of legal markets after the run. Equations: docs/equations.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr

if TYPE_CHECKING:
    from model.outcomes import Seen

Float = npt.NDArray[np.float64]
Group = Literal["occasional", "problematic"]

# Prices and odds are kept off 0, so that an extreme scenario stays finite.
SMALLEST = 1e-9
# Above this response of the odds, people might pay less on average after a rise of tax.
LARGEST_RESPONSE = 1.0


def retail_index(excise_share: Float, excise: Float) -> Float:
    """Real retail price (January 2010 = 1) when excise per unit is multiplied by ``excise``.

    ``excise_share`` is the share of the retail price that is excise, VAT on the excise included.
    VAT is a fixed share of the price, so it multiplies both terms and drops out of the ratio.
    Arrays that broadcast; a full pass-through of the tax is assumed.
    """
    return np.asarray((1.0 - excise_share) + excise_share * excise)


def floor_uplift(floor: Float, index: Float, spread: Float, relative: Float) -> Float:
    """Mean price per unit with a price floor over that without: E[max(P, floor)] / E[P].

    P is lognormal with mean ``index * relative`` and standard deviation of the log ``spread``.
    ``floor`` and the mean are shares of the mean price of January 2010. Arrays that broadcast;
    floor 0 gives exactly 1. Sellers of dearer units keep their price (assumed).
    """
    gap = floor / np.maximum(index * relative, SMALLEST)
    width = np.maximum(spread, SMALLEST)
    with np.errstate(divide="ignore"):
        below = np.log(gap) / width + width / 2
    return np.asarray(np.maximum(gap * ndtr(below) + ndtr(width - below), 1.0))


def illicit_share(start: Float, response: Float, index: Float, odds: Float) -> Float:
    """Share of units bought outside the legal market, a proportion.

    logit(share) = logit(start) + response * ln(index) + ln(odds): ``start`` is the share of
    January 2010, ``index`` the legal retail price (January 2010 = 1), ``odds`` what a scenario
    does. With response of 0 or more a rise of tax never lowers it. Start 0 stays 0. Broadcasts.
    """
    with np.errstate(divide="ignore"):
        moved = response * np.log(np.maximum(index, SMALLEST)) + np.log(np.maximum(odds, 0.0))
        return np.asarray(np.where(start > 0.0, expit(logit(start) + moved), 0.0))


def effective_index(index: Float, share: Float, start: Float, ratio: Float) -> Float:
    """Price that people pay over legal and illicit units, January 2010 = 1.

    ((1-x) * index + x * ratio) / ((1-x0) + x0 * ratio): ``share`` x of units is illicit (x0 =
    ``start`` in January 2010) and costs ``ratio`` times the legal price of January 2010, whatever
    the tax. Slope in the index: (1-x) * [1 - response * x * (1 - ratio/index)] over the
    denominator, never negative where ``response`` is 1 or less (``LARGEST_RESPONSE``). Broadcasts.
    """
    return np.asarray(((1.0 - share) * index + share * ratio) / ((1.0 - start) + start * ratio))


def advertising_factor(effect: Float, exposure: Float) -> Float:
    """Factor on initiation: 1 - effect * (1 - exposure), never below 0; 1 at exposure 1.

    ``effect`` is the share of initiation that ends when advertising ends (a proportion).
    Broadcasts.
    """
    return np.asarray(np.maximum(1.0 - effect * (1.0 - exposure), 0.0))


# Litres of pure alcohol a year in one glass a week: 10 g a glass, 789 g a litre.
LITRES = 52.0 * 10.0 / 789.0
DAYS = 365.25
# Response to the own price of the amount that people in each group take.
ELASTICITY: dict[Group, str] = {
    "occasional": "amount_price_elasticity",
    "problematic": "amount_price_elasticity_problematic",
}
REVENUE = ("vat_revenue", "excise_revenue")
LITRES_DRUNK = ("alcohol_per_capita", "alcohol_recorded_per_capita")


def observe(seen: Seen) -> None:
    """Prices, illicit shares and revenue of legal products, national sums and cells alike.

    Prices and shares come from yearly means of the handles. Excise and VAT in EUR of 2021 a year,
    losses of gambling in EUR of 2019 a year.
    """
    for product in seen.market_of("legal") if seen.wants("retail_price_index") else ():
        seen.put("retail_price_index", product, _mean(seen, _asked(seen, product)))
    for product in seen.products("illicit_share"):
        seen.put_nation("illicit_share", product, bought_outside(seen, product))
    for product in seen.products("unit_price") if seen.wants(*REVENUE) else ():
        _put_revenue(seen, product)
    for product in seen.products("loss_occasional") if seen.wants("gross_gaming_revenue") else ():
        stakes = consumed(seen, product, "loss_occasional", "loss_ratio")
        lost = stakes * (1.0 - bought_outside(seen, product)) * _asked(seen, product)
        seen.put("gross_gaming_revenue", product, seen.cells(lost))


def derive(seen: Seen) -> None:
    """Amounts per person: litres of pure alcohol, cigarettes a day."""
    lived = seen.cells(seen.lived)
    for product in seen.products("drinks_occasional") if seen.wants(*LITRES_DRUNK) else ():
        litres = drunk(seen, product)
        recorded = litres * (1.0 - bought_outside(seen, product))
        seen.put("alcohol_per_capita", product, seen.cells(litres) / lived)
        seen.put("alcohol_recorded_per_capita", product, seen.cells(recorded) / lived)
    for product in (
        seen.products("nondaily_amount_ratio") if seen.wants("cigarettes_per_day") else ()
    ):
        seen.put("cigarettes_per_day", product, _a_day(seen, product))


def legal_price(seen: Seen, product: str) -> Float:
    """National retail price of legal units under excise and floor, January 2010 = 1; (D, Y, 1)."""
    excise = _optional(seen, product, "excise_share", 0.0)
    spread = _optional(seen, product, "price_spread", 0.0)
    index = retail_index(excise, seen.national("excise", product))
    floor = seen.national("price_floor", product)
    return np.asarray(index * floor_uplift(floor, index, spread, np.ones(1)))


def bought_outside(seen: Seen, product: str) -> Float:
    """Share of units from outside the legal or licensed market, (D, Y, 1)."""
    start = _optional(seen, product, "illicit_share", 0.0)
    response = _optional(seen, product, "illicit_response", 0.0)
    odds = seen.national("illicit_share", product)
    return illicit_share(start, response, legal_price(seen, product), odds)


def drunk(seen: Seen, product: str) -> Float:
    """Litres of pure alcohol a year that people in each stratum drink, (D, Y, S).

    Means of the drinking distribution (glasses a week, as people report them) over the share of
    what is drunk that people report.
    """
    strata = seen.prepared.strata
    men = np.array([sex == "male" for sex in strata.sexes])[strata.sex]
    ratio = np.where(men, seen.parameter(product, "drinks_sex_ratio"), 1.0)
    litres = ratio * LITRES / seen.scalar(product, "survey_coverage")
    low = seen.parameter(product, "drinks_occasional") * litres
    high = seen.parameter(product, "drinks_problematic") * litres
    return _total(seen, product, low, high)


def consumed(seen: Seen, product: str, amount: str, ratio: str) -> Float:
    """Units a year that people in each stratum take, legal and illicit, (D, Y, S).

    ``amount`` and ``ratio`` name the parameters for low-risk use (units per person and year) and
    for problematic over low-risk use.
    """
    low = seen.parameter(product, amount)
    high = low * seen.parameter(product, ratio)
    return _total(seen, product, low, high)


def _total(seen: Seen, product: str, low: Float, high: Float) -> Float:
    """Amount a year: ``low`` and ``high`` a person at the prices of January 2010, (D, Y, S)."""
    kept = _optional(seen, product, "amount_treatment_share", 0.0)
    problematic = seen.people(product, "problematic", "waiting")
    problematic = problematic + kept * seen.people(product, "treatment")
    occasional = seen.people(product, "occasional") * low
    return np.asarray(
        occasional * amount_change(seen, product, "occasional")
        + problematic * high * amount_change(seen, product, "problematic")
    )


def amount_change(seen: Seen, product: str, group: Group) -> Float:
    """Amount that a person of a group takes relative to January 2010, (D, Y, S).

    K ** elasticity times the handle ``consumption``; K the own real price where people live, mean
    of the year. A product without an elasticity for problematic use has one for everybody.
    """
    name = _elasticity(seen, product, group)
    key = "amount change", product, name
    return seen.once(key, lambda: seen.spread(amount_by_cell(seen, product, group)))


def amount_by_cell(seen: Seen, product: str, group: Group) -> Float:
    """As ``amount_change``, a multiplier, by forcing cell: (D, Y, forcing cells).

    Within a cell it is the same, so is any power of it.
    """
    name = _elasticity(seen, product, group)
    key = "cells of amount change", product, name

    def make() -> Float:
        answer = seen.regional_price(product) ** _optional(seen, product, name, 0.0)
        return np.asarray(seen.by_cell(answer) * seen.handle_by_cell("consumption", product))

    return seen.once(key, make)


def _elasticity(seen: Seen, product: str, group: Group) -> str:
    name = ELASTICITY[group]
    return name if seen.has(product, name) else ELASTICITY["occasional"]


def _put_revenue(seen: Seen, product: str) -> None:
    drinks = seen.has(product, "drinks_occasional")
    units = (
        drunk(seen, product)
        if drinks
        else consumed(seen, product, "amount_occasional", "amount_ratio")
    )
    legal = units * (1.0 - bought_outside(seen, product))
    vat = seen.scalar(product, "vat_rate")
    net = seen.scalar(product, "unit_price") / (1.0 + vat)
    seen.put("vat_revenue", product, seen.cells(legal * net * vat * _asked(seen, product)))
    if seen.has(product, "excise_share"):
        excise = seen.scalar(product, "excise_share") * seen.national("excise", product)
        seen.put("excise_revenue", product, seen.cells(legal * net * excise))


def _asked(seen: Seen, product: str) -> Float:
    """Price of legal units with what a scenario adds by region, (D, Y, S)."""
    return np.asarray(legal_price(seen, product) * seen.handle("price", product))


def _a_day(seen: Seen, product: str) -> Float:
    """Units a day of people who use daily, (D, Y, C).

    In a state with mean amount a and share s of daily use, those who use daily take
    a / (s + (1-s) * q): the others take q times as much (``nondaily_amount_ratio``).
    """
    low = seen.parameter(product, "amount_occasional")
    amounts: dict[Group, Float] = {
        "occasional": low,
        "problematic": low * seen.parameter(product, "amount_ratio"),
    }
    others = seen.scalar(product, "nondaily_amount_ratio")
    people, units = np.zeros_like(seen.lived), np.zeros_like(seen.lived)
    for state, amount in amounts.items():
        share = seen.scalar(product, f"daily_share_{state}")
        reported = (state, "waiting") if state == "problematic" else (state,)
        daily = seen.people(product, *reported) * share
        each = amount / (share + (1.0 - share) * others)
        people += daily
        units += daily * each * amount_change(seen, product, state)
    return np.asarray(seen.cells(units) / (seen.cells(people) * DAYS))


def _optional(seen: Seen, product: str, name: str, otherwise: float) -> Float:
    """A parameter without a profile, or ``otherwise`` where no row gives it; (D, 1, 1)."""
    return seen.scalar(product, name) if seen.has(product, name) else np.full((1, 1, 1), otherwise)


def _mean(seen: Seen, values: Float) -> Float:
    """Mean over the people of each cell, (D, Y, C)."""
    return np.asarray(seen.cells(values * seen.lived) / seen.cells(seen.lived))
