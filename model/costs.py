"""Money: public expenditure, social cost and the cost of care, and the value of later years.

Amounts are anchored: the model says how they move, a study says how large they were. Spending is
taken to move in proportion to what it follows, at constant unit costs. A scenario that starts
before the year of an anchor is anchored on its own run of that year.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.outcomes import Seen

Float = npt.NDArray[np.float64]

# Yearly rates of the Belgian guideline for economic evaluation, from general knowledge and not
# checked against it: treat them as assumed, and show results at 0% too.
RATE_COSTS = 0.03
RATE_EFFECTS = 0.015
BASE_YEAR = 2024

EXPENDITURE_YEAR = 2015  # year and price year of the study of public expenditure
SOCIAL_COST_YEAR = 2012  # year and price year of the study of social cost
UNIT_COST_YEAR = 2021  # price year of unit costs: none is stated, this one is assumed

YOUNG = (10, 24)  # ages that prevention follows
WORKING_UNTIL = 65  # deaths before this age lose production

# Indicators of other modules that have an assumed unit cost, and the indicator that this makes.
BOTTOM_UP = {
    "detention_cost_bottom_up": ("detained", "cost_prison_year"),
    "hcv_cost_bottom_up": ("hcv_treated", "cost_hcv_course"),
}
PER_INHABITANT = ("public_expenditure", "social_cost")

# One part of what spending follows: its share of the money (D,) and activity (products, D, Y).
Part = tuple[Float, Float]
# From a run and the products of a group to the products that get money and its parts.
Basis = Callable[[Seen, str, list[str]], tuple[list[str], list[Part]]]


# Discounting and price years


def discounted(
    values: Float, years: Sequence[int] | Float, rate: float, base_year: int, axis: int = -1
) -> Float:
    """Values times (1 + rate) ** (base_year - year): same shape and unit, worth in ``base_year``.

    ``years`` are the calendar years along ``axis``; years before the base year grow. ``rate`` is
    per year and above -1. Raises InputError for a lower one.
    """
    if not rate > -1.0:
        raise InputError("a discount rate is too low", key="rate", given=rate, allowed="above -1")
    values = np.asarray(values, dtype=np.float64)
    ahead = np.asarray(years, dtype=np.float64) - base_year
    shape = [1] * values.ndim
    shape[axis] = len(ahead)
    return np.asarray(values * ((1.0 + rate) ** -ahead).reshape(shape))


def present_value(
    values: Float, years: Sequence[int] | Float, rate: float, base_year: int, axis: int = -1
) -> Float:
    """Sum over ``axis`` of the discounted values: that axis is gone. NaN where any year is NaN.

    Shape and unit are else those of ``values``. Raises as ``discounted``: InputError.
    """
    return np.asarray(discounted(values, years, rate, base_year, axis).sum(axis=axis))


def restate(values: Float, from_year: int, to_year: int, inflation: Float | float) -> Float:
    """Amounts of ``from_year`` in prices of ``to_year``; ``inflation`` per year, broadcasts.

    No price index is in the evidence, so inflation is one assumed yearly rate.
    """
    return np.asarray(values * (1.0 + np.asarray(inflation)) ** (to_year - from_year))


@dataclass(frozen=True)
class Discounting:
    """How later years count: yearly rates for money and for effects (years of life, DALY).

    With two different rates the cost per unit of effect depends on ``base_year``: name it.
    """

    rate_costs: float = RATE_COSTS
    rate_effects: float = RATE_EFFECTS
    base_year: int = BASE_YEAR

    def costs(self, values: Float, years: Sequence[int] | Float, axis: int = -1) -> Float:
        """Present value of money, unit of ``values`` without "per year"; ``axis`` is gone.

        Raises InputError for a rate of -1 or less.
        """
        return present_value(values, years, self.rate_costs, self.base_year, axis)

    def effects(self, values: Float, years: Sequence[int] | Float, axis: int = -1) -> Float:
        """Present value of effects, unit of ``values`` without "per year"; ``axis`` is gone.

        Raises InputError for a rate of -1 or less.
        """
        return present_value(values, years, self.rate_effects, self.base_year, axis)


UNDISCOUNTED = Discounting(0.0, 0.0)


# Anchored amounts


def relative(parts: Sequence[Part], base: int) -> Float:
    """What each product takes of the money of its group in year ``base``: (products, D, Y).

    Each part spreads its share of the money over products by activity, per unit of the group's
    activity in that year, so that the sum over products is 1 there. A part without activity in
    that year leaves its share to the others; NaN when no part has any.
    """
    shares = np.stack([share for share, _ in parts])
    activities = np.stack([activity for _, activity in parts])
    start = activities[..., base].sum(axis=1)
    shares = np.where(start > 0.0, shares, 0.0)
    whole = shares.sum(axis=0)
    shares = np.divide(shares, whole, out=np.full_like(shares, np.nan), where=whole > 0.0)
    # Where a part had nothing to start from its share is 0, whatever happens later.
    scale = np.divide(shares, start, out=np.zeros_like(shares), where=start > 0.0)
    scale[:, whole <= 0.0] = np.nan
    return np.asarray((scale[:, None, :, None] * activities).sum(axis=0))


def normalised(weights: Sequence[Float]) -> Float:
    """Weights (D,) over their sum: (weights, D), 1 in all."""
    stacked = np.stack(list(weights))
    return np.asarray(stacked / stacked.sum(axis=0))


def groups(seen: Seen, weight: str) -> dict[str, list[str]]:
    """Products or unions that own ``weight``, with their products. Raises InputError if a product
    would get money twice."""
    owners = [name for name in seen.names if seen.has(name, weight)]
    found = {owner: [owner] if owner in seen.kinds else seen.members(owner) for owner in owners}
    counted = Counter(product for members in found.values() for product in members)
    twice = [product for product, times in counted.items() if times > 1]
    if twice:
        raise InputError(
            "a product is in two groups that share one amount",
            file="parameters.csv",
            key=weight,
            given=twice,
            allowed="groups without a common product",
        )
    return found


def ages_between(seen: Seen, first: int, last: int) -> Float:
    """Share of each stratum's ages from ``first`` to ``last`` inclusive, (S,); even in a band."""
    low, high = seen.prepared.strata.age_low, seen.prepared.strata.age_high
    inside = np.minimum(high, last) - np.maximum(low, first) + 1
    return np.asarray(np.clip(inside / (high - low + 1), 0.0, 1.0))


def observe(seen: Seen) -> None:
    """Put the money of single products; unions are sums. Nothing is put without its anchor.

    Raises InputError where the table's owners would give a product money twice.
    """
    spent = "public_expenditure", *(f"expenditure_{name}" for name in FUNCTIONS)
    anchored = seen.has("*", "public_expenditure_2015") and EXPENDITURE_YEAR in seen.years
    if anchored and seen.wants(*spent):
        _public_expenditure(seen)
    social = seen.wants("social_cost", "social_cost_direct", "social_cost_indirect")
    if social and seen.has("*", "social_cost_2012") and SOCIAL_COST_YEAR in seen.years:
        _social_cost(seen)
    if seen.wants("care_cost_bottom_up"):
        _care_cost(seen)
    for name, (counted, unit_cost) in BOTTOM_UP.items():
        if seen.wants(name) and counted in seen.values and seen.has("*", unit_cost):
            for owner in seen.names:
                cost = seen.get(counted, owner) * seen.scalar("*", unit_cost)
                seen.put(name, owner, _in_2015(seen, cost))


def derive(seen: Seen) -> None:
    """Put money per inhabitant, shares of the public expenditure by function, and shares of the
    social cost that is assigned to a product."""
    for name in PER_INHABITANT:
        if name in seen.values and seen.wants(f"{name}_per_inhabitant"):
            for owner in seen.names:
                each = seen.get(name, owner) / seen.inhabitants()
                seen.put(f"{name}_per_inhabitant", owner, each)
    for name in FUNCTIONS:
        if f"expenditure_{name}" in seen.values and seen.wants(f"expenditure_share_{name}"):
            _expenditure_share(seen, name)
    if "social_cost" in seen.values and seen.wants("social_cost_share"):
        _social_cost_shares(seen)


def _expenditure_share(seen: Seen, function: str) -> None:
    """Spending on a function over all public expenditure of the same owner, NaN without either."""
    for owner in seen.names:
        part, whole = (
            seen.get(f"expenditure_{function}", owner),
            seen.get("public_expenditure", owner),
        )
        share = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0.0)
        seen.put(f"expenditure_share_{function}", owner, share)


def _social_cost_shares(seen: Seen) -> None:
    costs = seen.values["social_cost"]
    assigned = np.nansum(costs[:, :, : len(seen.kinds)], axis=2)
    for owner in seen.names:
        own = seen.get("social_cost", owner)
        share = np.divide(own, assigned, out=np.full_like(own, np.nan), where=assigned > 0.0)
        seen.put("social_cost_share", owner, share)


# Public expenditure


def _public_expenditure(seen: Seen) -> None:
    """Anchor x share of the function x share of the group x activity over that of 2015."""
    anchor = _number(seen, "*", "public_expenditure_2015")
    split = normalised([_number(seen, "*", f"{name}_function_weight") for name in FUNCTIONS])
    total: dict[str, Float] = {}
    for amount, (name, basis) in zip(anchor * split, FUNCTIONS.items(), strict=True):
        if not seen.wants(f"expenditure_{name}"):
            continue
        spent = _spend(seen, amount, f"{name}_spending_weight", basis, EXPENDITURE_YEAR)
        for product, money in spent.items():
            seen.put_nation(f"expenditure_{name}", product, money[..., None])
            total[product] = total.get(product, 0.0) + money
    for product, money in total.items():
        seen.put_nation("public_expenditure", product, money[..., None])


def _spend(seen: Seen, amount: Float, weight: str, basis: Basis, year: int) -> dict[str, Float]:
    """An amount of ``year`` (D,) over groups, products and years: (D, Y) for each product."""
    base = int(np.flatnonzero(seen.years == year)[0])
    found = groups(seen, weight)
    split = normalised([_number(seen, owner, weight) for owner in found])
    spent: dict[str, Float] = {}
    for share, (owner, members) in zip(split, found.items(), strict=True):
        paid, parts = basis(seen, owner, members)
        for product, moved in zip(paid, relative(parts, base), strict=True):
            spent[product] = (amount * share)[:, None] * moved
    return spent


def _treatment(seen: Seen, owner: str, members: list[str]) -> tuple[list[str], list[Part]]:
    """General hospital care follows disorders; specialised care admissions and time in it."""
    general = _number(seen, owner, "general_care_share")
    admissions = (1.0 - general) * _number(seen, owner, "episode_share")
    relative_cost = _costs(seen, "treatment_cost_ratio", members)
    episodes = [
        seen.transitions(p, "treatment_start") + seen.transitions(p, "substitution_start")
        for p in members
    ]
    return members, [
        (general, relative_cost * _nations([_disorders(seen, p) for p in members])),
        (admissions, relative_cost * _nations(episodes)),
        (
            1.0 - general - admissions,
            relative_cost * _nations([seen.people(p, "treatment") for p in members]),
        ),
    ]


def _enforcement(seen: Seen, owner: str, members: list[str]) -> tuple[list[str], list[Part]]:
    """Recorded offences where they are known for a product of the group, else people who use."""
    recorded = {p: _nation(seen, "drug_law_offences", p) for p in members}
    known = {p: values for p, values in recorded.items() if not np.isnan(values).all()}
    if known:
        members, activity = list(known), np.stack(list(known.values()))
    else:
        activity = _nations([_own_use(seen, p) for p in members])
    everything = np.ones(len(seen.lived))
    return members, [(everything, _costs(seen, "enforcement_cost_ratio", members) * activity)]


def _prevention(seen: Seen, owner: str, members: list[str]) -> tuple[list[str], list[Part]]:
    """People aged 10-24, whatever they use; over the products of a group by use at that age."""
    ages = ages_between(seen, *YOUNG)
    base = int(np.flatnonzero(seen.years == EXPENDITURE_YEAR)[0])
    young = (seen.lived * ages).sum(axis=2)
    used = _nations([_own_use(seen, p) * ages for p in members])[..., base, None]
    return members, [(np.ones(len(seen.lived)), used * young)]


def _harm_reduction(seen: Seen, owner: str, members: list[str]) -> tuple[list[str], list[Part]]:
    """People who inject any product of the group, over products by an assumed weight."""
    injecting = _nation(seen, "people_injecting", owner)
    weights = _costs(seen, "harm_reduction_cost_ratio", members)
    return members, [(np.ones(len(seen.lived)), weights * injecting)]


FUNCTIONS: dict[str, Basis] = {
    "treatment": _treatment,
    "enforcement": _enforcement,
    "prevention": _prevention,
    "harm_reduction": _harm_reduction,
}


# Social cost


def _social_cost(seen: Seen) -> None:
    """Direct and indirect cost of 2012 by group, moved by people with a disorder and deaths."""
    anchor = _number(seen, "*", "social_cost_2012") * _number(seen, "*", "social_cost_assigned")
    base = int(np.flatnonzero(seen.years == SOCIAL_COST_YEAR)[0])
    found = groups(seen, "social_cost_weight")
    split = normalised([_number(seen, owner, "social_cost_weight") for owner in found])
    for share, (owner, members) in zip(split, found.items(), strict=True):
        direct = _number(seen, owner, "social_cost_direct")
        amounts = {"direct": anchor * share * direct, "indirect": anchor * share * (1.0 - direct)}
        money = {
            name: amount[:, None] * relative(_burden(seen, owner, members, name), base)
            for name, amount in amounts.items()
        }
        money["all"] = money["direct"] + money["indirect"]
        for name, amounts_moved in money.items():
            indicator = "social_cost" if name == "all" else f"social_cost_{name}"
            for product, values in zip(members, amounts_moved, strict=True):
                seen.put_nation(indicator, product, values[..., None])


def _burden(seen: Seen, owner: str, members: list[str], component: str) -> list[Part]:
    """Deaths (for lost production those before 65) and people with a disorder."""
    share = _number(seen, owner, f"social_cost_{component}_death_share")
    ages = ages_between(seen, 0, WORKING_UNTIL - 1) if component == "indirect" else 1.0
    deaths = _nations([seen.excess_deaths(p) * ages for p in members])
    people = _nations([_disorders(seen, p) for p in members])
    return [(share, deaths), (1.0 - share, _costs(seen, "social_cost_ratio", members) * people)]


# Care, from the bottom up


def _care_cost(seen: Seen) -> None:
    """Specialised care at assumed unit costs: to compare with spending, never to add to it."""
    for product in seen.catalogue.products:
        parts: list[Float] = []
        if product.service and seen.has(product.service, "cost_outpatient_episode"):
            parts.append(_psychosocial(seen, product.id, product.service))
        if seen.has(product.id, "cost_agonist_year"):
            treated = seen.in_states(product.id, "substitution_first", "substitution_later")
            parts.append(seen.scalar(product.id, "cost_agonist_year") * treated)
        if parts:
            cost = _in_2015(seen, np.sum(parts, axis=0))
            seen.put("care_cost_bottom_up", product.id, seen.cells(cost))


def _psychosocial(seen: Seen, product: str, service: str) -> Float:
    """Outpatient episodes and months in residential care, (D, Y, S) EUR of the unit costs."""
    residential = seen.scalar(service, "residential_share")
    episodes = seen.transitions(product, "treatment_start") * (1.0 - residential)
    months = 12.0 * residential * seen.in_states(product, "treatment_first", "treatment_later")
    return np.asarray(
        seen.scalar(service, "cost_outpatient_episode") * episodes
        + seen.scalar(service, "cost_residential_month") * months
    )


def _in_2015(seen: Seen, cost: Float) -> Float:
    """Unit costs times numbers, in the prices of the study of public expenditure."""
    return restate(cost, UNIT_COST_YEAR, EXPENDITURE_YEAR, seen.scalar("*", "inflation"))


# Reading a run


def _number(seen: Seen, owner: str, name: str) -> Float:
    return seen.scalar(owner, name)[:, 0, 0]


def _costs(seen: Seen, name: str, members: list[str]) -> Float:
    """Cost of a unit of activity relative to the others of the group, (products, D, 1)."""
    return np.stack([_number(seen, product, name) for product in members])[..., None]


def _nations(values: Sequence[Float]) -> Float:
    """Sums over all strata: arrays (D, Y, S) to (arrays, D, Y)."""
    return np.stack([one.sum(axis=2) for one in values])


def _nation(seen: Seen, name: str, owner: str) -> Float:
    """An indicator in a cell that holds everyone, (D, Y); NaN where there is none."""
    whole = np.flatnonzero((seen.weights == 1.0).all(axis=1))
    if name not in seen.values or not len(whole):
        return np.full(seen.lived.shape[:2], np.nan)
    return seen.get(name, owner)[:, :, whole[0]]


def _disorders(seen: Seen, product: str) -> Float:
    """Person-years with harmful use or dependence, waiting and in treatment included."""
    return seen.people(product, "problematic", "waiting", "treatment")


def _own_use(seen: Seen, product: str) -> Float:
    """Person-years of people who use, other than as prescribed."""
    return np.asarray(seen.using(product) - seen.in_states(product, "medical_use"))
