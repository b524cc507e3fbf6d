"""Monthly paths of what moves prices from outside the run: taxes, cost, shocks, purity.

Paths follow from parameters and forcing alone; the kernel adds scarcity, which follows from the
run (model.markets). Legal products have no scarcity: their price is what taxes and sellers ask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from model import legal
from model.forcing import Forcing
from model.parameters import Draws
from model.structure import Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# A scenario may stop a flow altogether; its logarithm may not be infinite.
LEAST = 0.01
LARGEST_SEIZED = 0.95
FIRST_YEAR = 2010


class Terms(NamedTuple):
    """Market parameters of every product, each (D, P); neutral where a product has no market."""

    elasticity: Float  # of the amount taken, as a positive number
    heavy_elasticity: Float  # the same for people with problematic use
    harm_exponent: Float  # of the amount, on excess mortality
    replacement: Float
    diversion: Float
    dilution: Float
    sticker_time: Float
    floor: Float
    ceiling: Float
    traded: Float  # 1 where scarcity can arise
    amount: Float  # of one person with low-risk use
    ratio: Float  # amount with problematic over low-risk use
    treated: Float  # amount in treatment over that with problematic use
    potency: Float
    fatality: Float
    fading: Float
    arc: Float
    enforcement: Float
    domestic: Float
    border: Float
    inside: Float
    online: Float
    online_start: Float
    online_ceiling: Float
    online_midpoint: Float
    online_scale: Float
    excise: Float
    spread: Float
    illicit: Float
    illicit_response: Float
    illicit_price: Float
    advertising: Float


# Parameter behind each field, and its value where no row gives one.
_SOURCES: dict[str, tuple[str, float]] = {
    "elasticity": ("amount_price_elasticity", 0.0),
    "heavy_elasticity": ("amount_price_elasticity_problematic", np.nan),
    "harm_exponent": ("amount_mortality_exponent", 0.0),
    "replacement": ("replacement_time", 1.0),
    "diversion": ("diversion", 0.0),
    "dilution": ("dilution", 0.0),
    "sticker_time": ("sticker_time", 1.0),
    "floor": ("lowest_purity", 1.0),
    "ceiling": ("street_purity", 1.0),
    "amount": ("amount_occasional", 0.0),
    "ratio": ("amount_ratio", 1.0),
    "treated": ("amount_treatment_share", 0.0),
    "potency": ("potency_exponent", 0.0),
    "fatality": ("overdose_fatality", 0.0),
    "fading": ("price_fading", 0.0),
    "arc": ("arc_price", 0.0),
    "enforcement": ("enforcement_price_effect", 0.0),
    "domestic": ("domestic_production_share", 0.0),
    "border": ("border_seizure_share", 0.0),
    "inside": ("inside_seizure_share", 0.0),
    "online": ("online_price_effect", 0.0),
    "online_start": ("online_start", 0.01),
    "online_ceiling": ("online_ceiling", 0.01),
    "online_midpoint": ("online_midpoint", FIRST_YEAR),
    "online_scale": ("online_scale", 1.0),
    "excise": ("excise_share", 0.0),
    "spread": ("price_spread", 0.0),
    "illicit": ("illicit_share", 0.0),
    "illicit_response": ("illicit_response", 0.0),
    "illicit_price": ("illicit_price_ratio", 1.0),
    "advertising": ("advertising_effect", 0.0),
}
_SMALLEST_ELASTICITY = 0.05  # demand that nothing moves would have no price at which it clears


class Paths(NamedTuple):
    """D draws (or 1), T months, P products, R regions; logarithms, 0 in January 2010."""

    cost: Float  # (D, T, P) long-run price of pure product, or of the legal product
    capacity: Float  # (D, T, P) supply capacity for the domestic market, as it is felt
    purity: Float  # (D, T, P) long-run purity
    appeal: Float  # (D, T, P) factor on initiation (not a logarithm)
    local: Float  # (D, T, P, R) price on top, by region
    consumption: Float  # (D, T, P, R) factor on the amount that people take (not a logarithm)


def idle_paths(months: int, products: int, regions: int) -> Paths:
    """Paths on which nothing moves, one draw."""
    flat = np.zeros((1, months, products))
    local = np.zeros((1, months, products, regions))
    return Paths(flat, flat, flat, flat + 1.0, local, local + 1.0)


def market_terms(structure: Structure, draws: Draws) -> Terms:
    """Market parameters of all products. InputError when an illicit market lacks one it needs."""
    found = {
        name: np.full((draws.size, len(structure.products)), default)
        for name, (_, default) in _SOURCES.items()
    }
    traded = np.zeros((draws.size, len(structure.products)))
    for p, (product, kind) in enumerate(zip(structure.products, structure.kinds, strict=True)):
        if structure.markets[p] is None:
            continue
        traded[:, p] = structure.markets[p] == "illicit"
        for name, (parameter, _) in _SOURCES.items():
            needed = structure.markets[p] == "illicit" and name in _NEEDED
            if needed or draws.find(product, kind, parameter):
                reader = f"the market of {product}"
                found[name][:, p] = draws.scalar(product, kind, parameter, reader)
    # Overdose deaths need no market.
    for p, (product, kind) in enumerate(zip(structure.products, structure.kinds, strict=True)):
        if draws.find(product, kind, "overdose_fatality"):
            found["fatality"][:, p] = draws.scalar(product, kind, "overdose_fatality", product)
    purity = found["ceiling"]
    found["floor"] = np.log(np.minimum(found["floor"], purity) / purity)
    found["ceiling"] = -np.log(purity)
    least = np.where(traded == 1.0, _SMALLEST_ELASTICITY, 0.0)
    heavy = found["heavy_elasticity"]
    heavy = np.where(np.isnan(heavy), found["elasticity"], heavy)
    found["heavy_elasticity"] = np.maximum(-heavy, least)
    found["elasticity"] = np.maximum(-found["elasticity"], least)
    return Terms(traded=traded, **found)


_NEEDED = (
    "elasticity",
    "replacement",
    "diversion",
    "dilution",
    "sticker_time",
    "floor",
    "ceiling",
    "amount",
    "ratio",
    "domestic",
    "border",
    "inside",
)


def online_share(
    year: Float, start: Float, ceiling: Float, midpoint: Float, scale: Float, odds: Float
) -> Float:
    """Share of purchases made online: logistic in calendar years from ``start`` to ``ceiling``.

    ``scale`` in years; ``odds`` multiplies the odds. Arrays that broadcast; between 0 and 1.
    """
    path = start + (ceiling - start) * expit((year - midpoint) / scale)
    kept = np.clip(path, 1e-9, 1.0 - 1e-9)
    return np.asarray(expit(logit(kept) + np.log(np.maximum(odds, LEAST))))


def price_paths(
    structure: Structure, terms: Terms, forcing: Forcing, first: Int, months: int
) -> Paths:
    """Paths of all products under a forcing; ``first`` (R,) is a stratum of each region."""
    draws, products = terms.traded.shape
    size = max(draws, len(forcing.values))
    regions = forcing.cell[first]
    cost = np.zeros((size, months, products))
    capacity, purity, appeal = np.zeros_like(cost), np.zeros_like(cost), np.ones_like(cost)
    local = np.zeros((size, months, products, regions.size))
    consumption = np.ones_like(local)
    price, amount = (structure.handles.index(name) for name in ("price", "consumption"))
    for p in range(products):
        local[:, :, p] = np.log(np.maximum(forcing.regions(price, p, regions)[:, :months], LEAST))
        consumption[:, :, p] = forcing.regions(amount, p, regions)[:, :months]
        own = Terms(*(column[:, p, None] for column in terms))
        asked = _Asked(structure, forcing, p, months)
        appeal[:, :, p] = legal.advertising_factor(own.advertising, asked("advertising"))
        if structure.markets[p] == "illicit":
            purity[:, :, p] = offered_purity(own, asked)
            cost[:, :, p] = illicit_cost(own, asked)
            capacity[:, :, p] = np.log(felt(supply_capacity(own, asked), own.diversion))
        elif structure.markets[p] == "legal":
            cost[:, :, p] = legal_cost(own, asked)
    return Paths(cost, capacity, purity, appeal, local, consumption)


class _Asked:
    """National handles of one product by month, (1 or D, T)."""

    def __init__(self, structure: Structure, forcing: Forcing, p: int, months: int) -> None:
        self._structure, self._forcing, self._p, self.months = structure, forcing, p, months

    def __call__(self, handle: str) -> Float:
        number = self._structure.handles.index(handle)
        return self._forcing.nation(number, self._p)[:, : self.months]


def illicit_cost(terms: Terms, asked: _Asked) -> Float:
    """Log long-run price of pure product, (D, T): cost, enforcement, sale online, purity offered.

    Enforcement raises it by an elasticity that is mostly near 0; buying online lowers it with the
    share bought there.
    """
    pressure = asked("police_effort") * asked("seizure_rate")
    year = FIRST_YEAR + (np.arange(asked.months) + 0.5) / 12
    online = terms.online_start, terms.online_ceiling, terms.online_midpoint, terms.online_scale
    share = online_share(year, *online, asked("online_share"))
    first = online_share(year[:1], *online, np.ones(1))
    return np.asarray(
        np.log(np.maximum(asked("supply_cost"), LEAST))
        + terms.enforcement * np.log(np.maximum(pressure, LEAST))
        - terms.online * (share - first)
        - offered_purity(terms, asked)
    )


def offered_purity(terms: Terms, asked: _Asked) -> Float:
    """Log purity that sellers offer in the long run, within its bounds; 2010 is 0, (D, T)."""
    wanted = np.log(np.maximum(asked("purity"), LEAST))
    return np.asarray(np.clip(wanted, terms.floor, terms.ceiling))


def supply_capacity(terms: Terms, asked: _Asked) -> Float:
    """Supply capacity for the domestic market, index, January 2010 = 1, never quite 0; (D, T)."""
    seizures = asked("seizure_rate")
    imported = asked("import_flow") * _passed(terms.border, seizures)
    made = asked("production") * _passed(terms.inside, seizures)
    kept = (1.0 - terms.domestic) * imported + terms.domestic * made
    return np.maximum(asked("domestic_share") * kept, LEAST)


def felt(capacity: Float, diversion: Float) -> Float:
    """Capacity that is felt when product bound for abroad makes good a share ``diversion`` of
    what is lost, and takes up as much of what is gained. Broadcasts.
    """
    return np.asarray(1.0 + (capacity - 1.0) * (1.0 - diversion))


def _passed(seized: Float, change: Float) -> Float:
    """Share that is not seized, relative to that of January 2010."""
    return np.asarray((1.0 - np.minimum(seized * change, LARGEST_SEIZED)) / (1.0 - seized))


def legal_cost(terms: Terms, asked: _Asked) -> Float:
    """Log price that people pay for a legal product, legal and illicit units together, (D, T)."""
    index = legal.retail_index(terms.excise, asked("excise"))
    index = index * legal.floor_uplift(asked("price_floor"), index, terms.spread, np.ones(1))
    odds = asked("illicit_share")
    share = legal.illicit_share(terms.illicit, terms.illicit_response, index, odds)
    return np.log(legal.effective_index(index, share, terms.illicit, terms.illicit_price))
