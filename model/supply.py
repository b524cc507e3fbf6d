"""Illicit markets: consumption, where it comes from, what is seized, prices, channels, money.

The market clears in the kernel, so what is supplied at home is what is consumed there; imports
and home production follow from it. What passes through Belgium for other countries is kept apart:
the seizures of it exceed Belgian consumption many times over. All quantities of a product are kg
of pure substance a year unless a name says otherwise. Axes: D draws, Y years, C cells; a national
quantity stands in the cells that hold everyone. Shapes: arguments broadcast to (D, Y, C).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.outcomes import PURITY, STICKER, TAKEN, Seen
from model.prices import LARGEST_SEIZED, online_share

Float = npt.NDArray[np.float64]

BASE_YEAR = 2010  # of the quantities that grow, and of the indices
RISEN_BY = 2022  # last year of growth: no later figure is used
GRAMS_PER_KG = 1000.0
MG_PER_KG = 1e6
DAYS_PER_YEAR = 365.25
KG_PER_TONNE = 1000.0
LEAST_EFFORT = 0.01  # enforcement below this counts as this, so that rises from none stay finite

CHANNELS = ("dealer", "friend", "courier", "clearnet", "darknet", "social_media")
# Indicators of single products: of money, of places, of all.
PAID = (
    "turnover",
    "retail_price",
    "sellers",
    "trafficking_value",
    "illicit_proceeds",
    "violence_index",
)
PLACES = (
    "production_sites_found",
    "production_waste",
    "dump_sites",
    "plantations_found",
    "plantations_found_all",
)
BALANCED = (
    "imported_kg",
    "produced_kg",
    "exported_kg",
    "transit_kg",
    "transit_out_kg",
    "seized_border_kg",
    "seized_inside_kg",
    "quantity_seized",
)
OBSERVED = (
    "consumed_kg",
    "wastewater_load",
    "purity",
    *PAID,
    *PLACES,
    *BALANCED,
    *(f"channel_{channel}" for channel in CHANNELS),
)


@dataclass(frozen=True)
class Balance:
    """Where a product comes from and goes, kg pure a year, each (D, Y, 1).

    imported + transit_in + produced
    = consumed + seized_border + seized_inside + exported + transit_out.
    """

    consumed: Float
    imported: Float
    produced: Float
    exported: Float
    transit_in: Float
    transit_out: Float
    seized_border: Float
    seized_inside: Float


@dataclass(frozen=True)
class Terms:
    """What people take: ``amount`` grams pure per person-year of occasional use, ``ratio`` of
    problematic to occasional use, ``treatment_share`` of that amount during treatment. All
    broadcast to (D, Y, S).
    """

    amount: Float
    ratio: Float
    treatment_share: Float


def observe(seen: Seen) -> None:
    """Put the indicators of single products (definitions: indicators.csv)."""
    for market in ("illicit", "legal") if seen.wants("price_index") else ():
        for product in seen.market_of(market):
            seen.put("price_index", product, _mean_price(seen, product))
    for product in seen.market_of("illicit") if seen.wants(*OBSERVED) else ():
        amounts = _consumed(seen, product)
        _put_consumption(seen, product, seen.cells(amounts))
        flows = _balance(seen, product, amounts.sum(axis=2, keepdims=True))
        _put_balance(seen, product, flows)
        if seen.has(product, "retail_price") and seen.wants(*PAID):
            spent = _spent(seen, product, amounts)
            seen.put("turnover", product, seen.cells(spent))
            _put_money(seen, product, flows, spent.sum(axis=2, keepdims=True))
        _put_channels(seen, product)
        _put_sites(seen, product, flows)
        _put_plantations(seen, product, flows)
        seen.put_nation("purity", product, _purity(seen, product))


def observe_loads(seen: Seen) -> None:
    """Put consumption and loads in wastewater alone, as ``observe`` does, for a fit."""
    for product in seen.market_of("illicit"):
        _put_consumption(seen, product, seen.cells(_consumed(seen, product)))


def derive(seen: Seen) -> None:
    """Put what depends on sums over products: sites of mixed kind, exposure indices."""
    illicit = seen.market_of("illicit")
    rows = seen.catalogue.unions
    unions = {row.id: [p for p in row.members.split() if p in illicit] for row in rows}
    unions = {union: members for union, members in unions.items() if members}
    if not illicit:
        return
    for union in unions if "production_sites_found" in seen.values else ():
        mixed = seen.scalar("*", "mixed_site_share")
        sites = seen.get("production_sites_found", union)
        seen.put_nation("production_sites_found", union, sites / (1.0 - mixed))
    exponent = seen.scalar("*", "corruption_exponent")
    for owner in (*illicit, *unions):
        if seen.wants("storage_sites", "premises_damaged"):
            _put_premises(seen, owner)
        if seen.wants("corruption_index"):
            exposure = relative(_got(seen, "trafficking_value", owner)) ** exponent
            seen.put_nation("corruption_index", owner, exposure)
        if seen.wants("laundering_index"):
            proceeds = relative(_got(seen, "illicit_proceeds", owner))
            seen.put_nation("laundering_index", owner, proceeds)
    for union, members in unions.items() if seen.wants("violence_index") else ():
        weights = [_got(seen, "turnover", product)[:, :1] for product in members]
        indices = [_got(seen, "violence_index", product) for product in members]
        seen.put_nation("violence_index", union, weighted_mean(indices, weights))


# Pure functions: arrays of any shapes that broadcast


def consumption(occasional: Float, problematic: Float, treated: Float, terms: Terms) -> Float:
    """Grams pure a year from person-years of people in occasional use, in problematic use and
    in treatment; (D, Y, S)."""
    heavy = terms.ratio * (problematic + terms.treatment_share * treated)
    return np.asarray(terms.amount * (occasional + heavy))


def capped(share: Float, factor: Float) -> Float:
    """A share times a multiplier, never above LARGEST_SEIZED."""
    return np.minimum(share * factor, LARGEST_SEIZED)


def passed(share: Float, factor: Float) -> Float:
    """What is not seized of a flow, relative to a seizure rate that is not multiplied."""
    return np.asarray((1.0 - capped(share, factor)) / (1.0 - capped(share, np.ones(1))))


def made_here(share: Float, making: Float, bringing: Float) -> Float:
    """Share of domestic supply that is produced here, when the capacities of production and of
    imports are multiplied by ``making`` and ``bringing`` (0 or more; both 0: unchanged)."""
    mine, theirs = share * making, (1.0 - share) * bringing
    both = mine + theirs
    return np.where(both > 0.0, mine / np.where(both > 0.0, both, 1.0), share)


def balance(
    consumed: Float, here: Float, export: Float, transit: Float, border: Float, inside: Float
) -> Balance:
    """The flows that leave ``consumed`` for the people who use, after seizures.

    ``here``: share of domestic supply, after seizures, produced here; ``export``: kg produced for
    export and ``transit``: kg that enters to leave again, both before seizures; ``border``: share
    of all that enters that is seized; ``inside``: share of all that is made here that is seized.
    """
    imported = consumed * (1.0 - here) / (1.0 - border)
    produced = consumed * here / (1.0 - inside) + export
    return Balance(
        consumed=consumed,
        imported=imported,
        produced=produced,
        exported=export * (1.0 - inside),
        transit_in=transit,
        transit_out=transit * (1.0 - border),
        seized_border=(imported + transit) * border,
        seized_inside=produced * inside,
    )


def split(whole: Float, ratios: Sequence[Float]) -> list[Float]:
    """Parts that add up to ``whole``: a first, and others at their ratio (0 or more) to it."""
    first = whole / (1.0 + sum(ratios, np.zeros(1)))
    return [np.asarray(first), *(np.asarray(first * ratio) for ratio in ratios)]


def risen(start: Float, rise: Float, years: npt.NDArray[np.int64]) -> Float:
    """A quantity that grows evenly from ``start`` in BASE_YEAR to ``start * rise`` in RISEN_BY and
    stays there, (D, Y, 1). In the unit of ``start``.
    """
    passed = np.clip((years - BASE_YEAR) / (RISEN_BY - BASE_YEAR), 0.0, 1.0)[None, :, None]
    return np.asarray(start * rise**passed)


def passing(seized: Float, border: Float, change: Float, imported: Float) -> Float:
    """Kg pure that enters for other countries, before seizures, from what was seized in 2010.

    ``seized``: kg pure seized in 2010, (D, 1, 1); ``border``: share seized of all that enters;
    ``change``: all that enters over that of 2010, (D, Y, 1); ``imported``: kg pure for the
    domestic market in 2010, before seizures. 0 where these imports alone exceed all that enters.
    """
    return np.asarray(np.maximum(seized / border * change - imported, 0.0))


def relative(values: Float) -> Float:
    """Ratio of values to those of the first year (axis 1); NaN where those are 0 or missing."""
    base = values[:, :1]
    return values / np.where(base > 0.0, base, np.nan)


def disruption(price: Float, *efforts: Float) -> Float:
    """How much a market was disturbed in a year: the change of the log price from the year before,
    without sign, and the rise of the log of each multiplier of enforcement; 0 in the first year.

    Less enforcement disturbs nobody; a price that falls may, since sellers then compete. Logs,
    because nobody knows what enforcement many times that of today does.
    """
    moved = np.abs(_change(np.log(np.maximum(price, 1e-9))))
    for effort in efforts:
        moved = moved + np.maximum(_change(np.log(np.maximum(effort, LEAST_EFFORT))), 0.0)
    return np.asarray(moved)


def trade_size(turnover: Float, proceeds: Float, retail: Float, transit: Float) -> Float:
    """What violence follows: relative ``turnover`` ** ``retail`` times relative ``proceeds``
    (transit and exports included) ** ``transit``; 1 at first."""
    return np.asarray(relative(turnover) ** retail * relative(proceeds) ** transit)


def weighted_mean(values: list[Float], weights: list[Float]) -> Float:
    """Mean over a list by weights of 0 or more, without the missing ones."""
    held = [np.where(np.isnan(v), 0.0, w) for v, w in zip(values, weights, strict=True)]
    total = sum((w * np.nan_to_num(v) for v, w in zip(values, held, strict=True)), np.zeros(1))
    weight = sum(held, np.zeros(1))
    return np.asarray(total / np.where(weight > 0.0, weight, np.nan))


def _change(values: Float) -> Float:
    """Change from the year before; 0 in the first year."""
    return np.diff(values, axis=1, prepend=values[:, :1])


# Reading the run


def _or(seen: Seen, product: str, name: str, absent: float) -> Float:
    """A parameter, or a value that leaves things as they are where the product has none."""
    return seen.scalar(product, name) if seen.has(product, name) else np.full((1, 1, 1), absent)


def _has(seen: Seen, product: str, *names: str) -> bool:
    """Whether all of these are given: what needs one that is not stays missing."""
    return all(seen.has(product, name) for name in names)


def _mean_price(seen: Seen, product: str) -> Float:
    prices, people = seen.price(product) * seen.lived, seen.cells(seen.lived)
    return seen.cells(prices) / np.where(people > 0.0, people, np.nan)


def _consumed(seen: Seen, product: str) -> Float:
    """Kg pure a year by stratum, (D, Y, S)."""
    terms = Terms(
        amount=seen.parameter(product, "amount_occasional"),
        ratio=seen.parameter(product, "amount_ratio"),
        treatment_share=_or(seen, product, "amount_treatment_share", 0.0),
    )
    grams = consumption(
        seen.people(product, "occasional"),
        seen.people(product, "problematic", "waiting"),
        seen.people(product, "treatment"),
        terms,
    )
    return np.asarray(grams * seen.market(product, TAKEN) / GRAMS_PER_KG)


def _spent(seen: Seen, product: str, consumed: Float) -> Float:
    """EUR of 2018 a year that people pay where they live, (D, Y, S)."""
    grams = consumed * GRAMS_PER_KG / _purity(seen, product)
    return np.asarray(grams * _retail(seen, product) * seen.handle("price", product))


def _put_consumption(seen: Seen, product: str, consumed: Float) -> None:
    seen.put("consumed_kg", product, consumed)
    if seen.has(product, "excreted_share") and seen.wants("wastewater_load"):
        nation = seen.lived.sum(axis=2, keepdims=True)
        inhabitants = seen.cells(seen.lived) * (seen.inhabitants() / nation)
        load = consumed * MG_PER_KG / DAYS_PER_YEAR * seen.scalar(product, "excreted_share")
        per_person = load / np.where(inhabitants > 0.0, inhabitants, np.nan)
        seen.put("wastewater_load", product, 1000.0 * per_person)


def _purity(seen: Seen, product: str) -> Float:
    """Proportion at street level, (D, Y, 1)."""
    return np.minimum(seen.scalar(product, "street_purity") * seen.market(product, PURITY), 1.0)


def _retail(seen: Seen, product: str) -> Float:
    """EUR of 2018 per gram as sold, before what a region adds, (D, Y, 1)."""
    return np.asarray(seen.scalar(product, "retail_price") * seen.market(product, STICKER))


def _retail_mean(seen: Seen, product: str) -> Float:
    """As ``_retail`` with what regions add, mean over the people, (D, Y, 1)."""
    return np.asarray(_retail(seen, product) * _over_people(seen, seen.handle("price", product)))


def _over_people(seen: Seen, values: Float) -> Float:
    """Mean over everyone, (D, Y, S) to (D, Y, 1)."""
    people = seen.lived.sum(axis=2, keepdims=True)
    return np.asarray((values * seen.lived).sum(axis=2, keepdims=True) / people)


def _balance(seen: Seen, product: str, consumed: Float) -> Balance:
    making = seen.national("production", product)
    rate = seen.national("seizure_rate", product)
    border = seen.scalar(product, "border_seizure_share")
    inside = seen.scalar(product, "inside_seizure_share")
    here = made_here(
        seen.scalar(product, "domestic_production_share"),
        making * passed(inside, rate),
        seen.national("import_flow", product) * passed(border, rate),
    )
    export = _grown(seen, product, "export_production", "production_rise")
    return balance(
        consumed,
        here,
        export * making,
        _transit(seen, product, consumed * (1.0 - here) / (1.0 - border)),
        capped(border, rate),
        capped(inside, rate),
    )


def _transit(seen: Seen, product: str, imported: Float) -> Float:
    """What enters for other countries, kg pure a year, (D, Y, 1)."""
    change = seen.national("transit_share", product)
    if not _has(seen, product, "seized_start", "seized_purity"):
        return _grown(seen, product, "transit_inflow", "transit_rise") * change
    seized = seen.scalar(product, "seized_start") * seen.scalar(product, "seized_purity")
    border = seen.scalar(product, "border_seizure_share")
    # History moves all that enters, as the seizures did that it is made from.
    return passing(seized, border, change, imported[:, :1])


def _grown(seen: Seen, product: str, start: str, rise: str) -> Float:
    """kg a year that grows from the parameter ``start``; 0 where a product has none."""
    return risen(_or(seen, product, start, 0.0), _or(seen, product, rise, 1.0), seen.years)


def _put_balance(seen: Seen, product: str, flows: Balance) -> None:
    for name, values in {
        "imported_kg": flows.imported,
        "produced_kg": flows.produced,
        "exported_kg": flows.exported,
        "transit_kg": flows.transit_in,
        "transit_out_kg": flows.transit_out,
        "seized_border_kg": flows.seized_border,
        "seized_inside_kg": flows.seized_inside,
    }.items():
        seen.put_nation(name, product, values)
    if seen.has(product, "seized_purity"):
        bulk = (flows.seized_border + flows.seized_inside) / seen.scalar(product, "seized_purity")
        seen.put_nation("quantity_seized", product, bulk)


def _put_money(seen: Seen, product: str, flows: Balance, turnover: Float) -> None:
    """Price, sellers, violence, and what indices of corruption and laundering are made from.

    ``turnover``: EUR of 2018 a year of the whole country, (D, Y, 1).
    """
    seen.put_nation("retail_price", product, _retail_mean(seen, product))
    if seen.has(product, "takings_per_seller"):
        people = turnover / seen.scalar(product, "takings_per_seller")
        people = people * seen.national("seller_recruitment", product)
        seen.put_nation("sellers", product, people)
    if not seen.has(product, "wholesale_share"):
        return
    # What is traded for other countries has the price of 2010: Belgian shocks do not move it.
    pure_gram = seen.scalar(product, "retail_price") / seen.scalar(product, "street_purity")
    wholesale = pure_gram * seen.scalar(product, "wholesale_share") * GRAMS_PER_KG
    proceeds = turnover + (flows.transit_out + flows.exported) * wholesale
    entering = (flows.imported + flows.transit_in) * wholesale
    seen.put_nation("trafficking_value", product, entering)
    seen.put_nation("illicit_proceeds", product, proceeds)
    _put_violence(seen, product, turnover, proceeds)


def _put_violence(seen: Seen, product: str, turnover: Float, proceeds: Float) -> None:
    names = ("violence_exponent", "violence_transit_exponent", "violence_disruption")
    if not _has(seen, product, *names):
        return
    retail, transit, response = (seen.scalar(product, name) for name in names)
    disturbed = disruption(
        _over_people(seen, seen.price(product)),
        seen.national("police_effort", product),
        seen.national("seizure_rate", product),
    )
    size = trade_size(turnover, proceeds, retail, transit)
    hostility = size * (1.0 + response * disturbed) * seen.national("violence", product)
    seen.put_nation("violence_index", product, hostility)


def _put_channels(seen: Seen, product: str) -> None:
    terms = ("online_start", "online_ceiling", "online_midpoint", "online_scale")
    ratios = ("friend_ratio", "courier_ratio", "darknet_ratio", "social_media_ratio")
    if not _has(seen, product, *terms, *ratios):
        return
    if not seen.wants(*(f"channel_{channel}" for channel in CHANNELS)):
        return
    start, ceiling, midpoint, scale = (seen.scalar(product, name) for name in terms)
    odds = seen.national("online_share", product)
    middle = seen.years[None, :, None].astype(np.float64) + 0.5
    online = online_share(middle, start, ceiling, midpoint, scale, odds)
    shares = [seen.scalar(product, name) for name in ratios]
    parts = split(1.0 - online, shares[:2]) + split(online, shares[2:])
    for channel, share in zip(CHANNELS, parts, strict=True):
        seen.put_nation(f"channel_{channel}", product, share)


def _put_sites(seen: Seen, product: str, flows: Balance) -> None:
    """Laboratories (of extraction, for what is imported) found, and what they leave behind."""
    if _has(seen, product, "kg_per_site", "site_found_share"):
        processed = np.minimum(
            _or(seen, product, "processed_share", 0.0) * seen.national("production", product), 1.0
        )
        passing = flows.imported + flows.transit_in - flows.seized_border
        handled = flows.produced + processed * passing
        running = handled / seen.scalar(product, "kg_per_site")
        found = _found(seen, product, "site_found_share")
        seen.put_nation("production_sites_found", product, running * found)
    if seen.has(product, "production_waste"):
        left = flows.produced * seen.scalar(product, "production_waste")
        tonnes = left * seen.national("waste", product) / KG_PER_TONNE
        seen.put_nation("production_waste", product, tonnes)
        if seen.has(product, "dump_sites_per_tonne"):
            dumps = tonnes * seen.scalar(product, "dump_sites_per_tonne")
            seen.put_nation("dump_sites", product, dumps)


def _put_plantations(seen: Seen, product: str, flows: Balance) -> None:
    names = ("plantation_share", "kg_per_plantation", "large_plantation_share")
    if not _has(seen, product, *names, "plantation_found_share"):
        return
    share, size, large = (seen.scalar(product, name) for name in names)
    found = flows.produced / seen.scalar(product, "street_purity") * share / size
    found = found * _found(seen, product, "plantation_found_share")
    seen.put_nation("plantations_found", product, found)
    seen.put_nation("plantations_found_all", product, found / large)


def _found(seen: Seen, product: str, share: str) -> Float:
    """Share of the sites that is found in a year."""
    return capped(seen.scalar(product, share), seen.national("police_effort", product))


def _put_premises(seen: Seen, owner: str) -> None:
    """Storage places and damaged premises, from the sites and plantations found."""
    sites = _got(seen, "production_sites_found", owner)
    plantations = _got(seen, "plantations_found", owner)
    seen.put_nation("storage_sites", owner, sites * seen.scalar("*", "storage_per_site"))
    neither = np.isnan(sites) & np.isnan(plantations)
    known = np.where(neither, np.nan, np.nan_to_num(sites) + np.nan_to_num(plantations))
    damaged = known * seen.scalar("*", "premises_damage_share")
    seen.put_nation("premises_damaged", owner, damaged)


def _got(seen: Seen, name: str, owner: str) -> Float:
    """An indicator; NaN where nothing was put."""
    if name not in seen.values:
        return np.full((1, 1, 1), np.nan)
    return seen.get(name, owner)
