"""What a survey or a register would show of the model's people.

States say where people are; surveys ask about a window of time. Recall windows come from the
flows out of use, frequency of use from shares by state, drinking from a distribution of the
amount drunk, and "at least one of these products" from one shared liability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr, ndtri

from model import costs, harms, infections, legal, offences, supply
from model.catalogue import REPORTED, Catalogue
from model.compartments import FIRST_YEAR, Output, Prepared
from model.forcing import Forcing, build_forcing
from model.outcomes import Seen
from model.parameters import Draws

Float = npt.NDArray[np.float64]

# In this order: later ones read what earlier ones put.
OUTCOMES = (supply, legal, harms, infections, offences, costs)
# Those with ratios and indices that need the unions.
DERIVED = (supply, legal, harms, offences, costs)

LIABILITY_NODES = 9
SMALLEST_SHARE = 1e-9
OLDEST_START = 90  # closes the open band when the ages of people who start are averaged

GROUPS: tuple[legal.Group, ...] = ("occasional", "problematic")
# Indicator and parameter: glasses a week from which a person counts.
DRINKING = {
    "hazardous_drinking": "hazardous_threshold",
    "binge_drinking_monthly": "binge_threshold",
    "daily_use": "daily_threshold",
}

# Not known before 2010: cohorts are carried through care without waiting lists.
QUEUED = {"waiting", "mean_wait", "treatment", "treatment_episodes", "treatment_share"}

# Groups of transitions out of use, and the rate at which people come back within the year.
_STOPPED = {"stop": "restart", "medical_stop": "medical_restart", "remission": "relapse_early"}
_COUNTS = {
    "initiations": "initiation",
    "escalations": "escalation",
    "treatment_episodes": "treatment_start",
    "relapses": "relapse",
}


@dataclass(frozen=True)
class _Cells:
    """Output summed over the strata of each cell: (draws, years, things, cells)."""

    time: Float
    counted: Float
    deaths: Float
    lived: Float


class _View:
    """One product's part of the output, with the draws that its observation needs."""

    def __init__(self, prepared: Prepared, draws: Draws, cells: _Cells, p: int, kind: str) -> None:
        structure = prepared.structure
        self.structure, self.draws, self.cells, self.kind = structure, draws, cells, kind
        self.product = structure.products[p]
        start, stop = structure.wiring.state_start[p : p + 2]
        self.states = structure.states[start:stop]
        self.time = cells.time[:, :, start:stop]
        self.counters = {
            group: i
            for i, (product, group) in enumerate(structure.counters)
            if product == self.product
        }
        self.lived = cells.lived

    def people(self, *reported: str) -> Float:
        """Person-years in reported states, (D, Y, cells)."""
        chosen = [i for i, row in enumerate(self.states) if row.reported in reported]
        return np.asarray(self.time[:, :, chosen].sum(axis=2))

    def using(self) -> Float:
        """Person-years of people who use now."""
        chosen = [i for i, row in enumerate(self.states) if row.using == "yes"]
        return np.asarray(self.time[:, :, chosen].sum(axis=2))

    def of(self, *names: str) -> Float:
        """Person-years in states by name."""
        chosen = [i for i, row in enumerate(self.states) if row.state in names]
        return np.asarray(self.time[:, :, chosen].sum(axis=2))

    def risky(self) -> Float:
        """People without a disorder who score as risky, where the table gives their share."""
        name = "risky_share_occasional"
        if not self.draws.find(self.product, self.kind, name):
            return np.zeros_like(self.lived)
        share = self.draws.scalar(self.product, self.kind, name, "observation")
        return np.asarray(share[:, None, None] * self.people("occasional"))

    def count(self, group: str) -> Float:
        """Transitions a year of one group; 0 when the product has none."""
        if group not in self.counters:
            return np.zeros_like(self.lived)
        return self.cells.counted[:, :, self.counters[group]]

    def shared(self, column: str) -> Float | None:
        """People in each state times the share that the state's ``column`` names."""
        total = np.zeros_like(self.lived)
        for i, row in enumerate(self.states):
            name = getattr(row, column)
            if name is None:
                continue
            if not self.draws.find(self.product, self.kind, name):
                return None
            share = self.draws.scalar(self.product, self.kind, name, "observation")
            total += share[:, None, None] * self.time[:, :, i]
        return total

    def recently_stopped(self, groups: dict[str, str]) -> Float:
        """People who stopped within 12 months and are still stopped, mean over the year.

        The window of a mean moment of the year takes half of this year's and half of last
        year's exits; a share comes back within it.
        """
        total = np.zeros_like(self.lived)
        for group, back in groups.items():
            if group not in self.counters:
                continue
            exits = self.count(group)
            before = np.concatenate([exits[:, :1], exits[:, :-1]], axis=1)
            stay = np.ones(self.draws.size)
            if self.draws.find(self.product, self.kind, back):
                rate = self.draws.scalar(self.product, self.kind, back, "observation")
                stay = -np.expm1(-rate) / np.maximum(rate, 1e-12)
            total += 0.5 * (exits + before) * stay[:, None, None]
        return total


def observe(
    prepared: Prepared,
    draws: Draws,
    catalogue: Catalogue,
    output: Output,
    forcing: Forcing | None,
    weights: Float,
    outcomes: bool = True,
) -> dict[str, Float]:
    """Every indicator of indicators.csv, each (draws, years, products + unions, cells).

    Without ``outcomes``: people only, no markets, harms, offences or money.

    ``weights`` (cells, S): share of each stratum that belongs to the cell. Shares are proportions
    of the cell's population, stocks persons (mean over the year), counts per year; NaN where an
    indicator does not apply. Products in catalogue order, then unions.
    """
    forcing = prepared.forcing() if forcing is None else forcing
    seen = Seen(prepared, draws, catalogue, output, forcing, weights)
    if not outcomes:
        return _observed(seen, (), ())
    return _observed(
        seen, [outcome.observe for outcome in OUTCOMES], [outcome.derive for outcome in DERIVED]
    )


def observe_past(
    prepared: Prepared, draws: Draws, catalogue: Catalogue, past: Output, weights: Float
) -> dict[str, Float]:
    """Indicators of the years before 2010, shapes as of ``observe``.

    ``past`` is of ``model.past.past_output``. People and deaths, and amounts, prices and revenue
    of legal products at the prices of January 2010: what needs illicit markets, infections,
    offences or public money is not known so far back, and what needs waiting lists is NaN.
    Nothing is forced: history starts in 2010.
    """
    years = past.lived.shape[1]
    idle = build_forcing(prepared.structure, prepared.strata, 12 * years)
    seen = Seen(prepared, draws, catalogue, past, idle, weights, first=FIRST_YEAR - years)
    found = _observed(seen, [legal.observe, harms.deaths], [legal.derive])
    for name in QUEUED & found.keys():
        found[name][:] = np.nan
    return found


Step = Callable[[Seen], None]


def _observed(seen: Seen, observers: Sequence[Step], derivers: Sequence[Step]) -> dict[str, Float]:
    """People, then ``observers``, unions, and ``derivers``, which need the unions."""
    prepared, draws, catalogue = seen.prepared, seen.draws, seen.catalogue
    output, weights = seen.output, seen.weights
    cells = _Cells(*(getattr(output, name) @ weights.T for name in _Cells.__annotations__))
    found = _Found(cells.lived.shape, len(catalogue.products) + len(catalogue.unions), seen.values)
    with np.errstate(invalid="ignore", divide="ignore"):
        for p, product in enumerate(catalogue.products):
            view = _View(prepared, draws, cells, p, product.kind)
            for name, values in _product(view).items():
                found.put(name, p, values)
            if draws.find(product.id, product.kind, "drinks_occasional"):
                for name, values in _drinking(seen, product.id).items():
                    found.put(name, p, values / cells.lived)
        _mean_ages(prepared, output, weights, cells, found)
        for step in observers:
            step(seen)
        _unions(catalogue, draws, cells, found.values)
        _derived(catalogue, found.values)
        for step in derivers:
            step(seen)
    whole = next((i for i, row in enumerate(catalogue.unions) if row.id == "all"), None)
    if whole is not None:
        found.put("population", len(catalogue.products) + whole, cells.lived)
        found.put("deaths", len(catalogue.products) + whole, cells.deaths)
    return found.values


class _Found:
    """Indicators by name, each (draws, years, products + unions, cells), NaN until put."""

    def __init__(self, shape: tuple[int, ...], products: int, values: dict[str, Float]) -> None:
        draws, years, cells = shape
        self.shape = (draws, years, products, cells)
        self.values = values

    def put(self, name: str, p: int, values: Float | None) -> None:
        if values is not None:
            if name not in self.values:
                self.values[name] = np.full(self.shape, np.nan)
            self.values[name][:, :, p] = values


def _product(view: _View) -> dict[str, Float | None]:
    lived = view.lived
    states = {row.state for row in view.states}
    cared = any(row.reported == "treatment" for row in view.states)
    reported = {row.reported for row in view.states}
    found: dict[str, Float | None] = {
        name: view.people(name) if name in reported else None for name in REPORTED
    }
    never = view.people("never") / lived
    harmed = view.people("problematic", "waiting", "treatment")
    now = view.using() + view.people("treatment")
    last_year = now + view.recently_stopped(_STOPPED)
    last_month, daily = view.shared("last_month"), view.shared("daily")
    found |= {
        "never_use": never,
        "lifetime_prevalence": 1.0 - never,
        "last_year_prevalence": np.minimum(last_year / lived, 1.0 - never),
        "problematic_prevalence": harmed / lived,
        "disorder_prevalence": (harmed - view.of("moderate_risk")) / lived,
        "risky_use": (harmed + view.of("low_risk") + view.risky()) / lived,
        "last_month_prevalence": None if last_month is None else last_month / lived,
        "current_use": None if last_month is None else last_month / lived,
        "daily_use": None if daily is None else daily / lived,
    }
    for name, group in _COUNTS.items():
        if group in view.counters:
            found[name] = view.count(group)
    if cared:
        starts = view.count("treatment_start") + view.count("substitution_start")
        found["mean_wait"] = view.people("waiting") / (starts + view.count("abandonment"))
    if "medical_use" in states:
        stopped = view.recently_stopped({"medical_stop": "medical_restart"})
        found["medical_use_last_year"] = (view.of("medical_use") + stopped) / lived
    if "substitution_later" in states:
        treated = view.of("substitution_first", "substitution_later")
        found["substitution_clients"] = treated + 0.5 * view.count("substitution_start")
    return found


def _drinking(seen: Seen, product: str) -> dict[str, Float]:
    """People above thresholds of the amount drunk, (D, Y, cells) persons.

    Within people with low-risk and with problematic use the weekly amount is gamma distributed;
    men's mean is ``drinks_sex_ratio`` times women's; price and consumption move it
    (``model.legal.amount_change``).
    """
    strata = seen.prepared.strata
    men = np.array([sex == "male" for sex in strata.sexes])[strata.sex]
    ratio = np.where(men, seen.parameter(product, "drinks_sex_ratio"), 1.0)
    shape = seen.parameter(product, "drinks_shape")
    found = {name: np.zeros((*seen.lived.shape[:2], len(seen.weights))) for name in DRINKING}
    for group in GROUPS:
        mean = seen.parameter(product, f"drinks_{group}") * ratio
        mean = mean * legal.amount_change(seen, product, group)
        wanted = ("problematic", "waiting") if group == "problematic" else ("occasional",)
        people = seen.people(product, *wanted)
        for name, threshold in DRINKING.items():
            with np.errstate(divide="ignore"):
                limit = seen.parameter(product, threshold) / mean
            found[name] += seen.cells(people * gammaincc(shape, shape * limit))
    return found


def _mean_ages(
    prepared: Prepared, output: Output, weights: Float, cells: _Cells, found: _Found
) -> None:
    """Mean age of people who start in the year, each stratum at the middle of its ages."""
    strata = prepared.strata
    ages = (strata.age_low + np.minimum(strata.age_high, OLDEST_START) + 1) / 2
    for product, counter in prepared.structure.counters_of("initiation").items():
        p = prepared.structure.products.index(product)
        years = output.counted[:, :, counter] @ (weights * ages).T
        found.put("mean_age_first_use", p, years / cells.counted[:, :, counter])


def _unions(catalogue: Catalogue, draws: Draws, cells: _Cells, found: dict[str, Float]) -> None:
    """Fill the unions: people through the shared liability, counts by sums."""
    products = [row.id for row in catalogue.products]
    rules = {row.id: row.union for row in catalogue.indicators}
    for u, union in enumerate(catalogue.unions):
        members = [products.index(member) for member in union.members.split()]
        common = draws.scalar(union.id, "union", "liability_correlation", f"union {union.id}")
        for name, values in found.items():
            rule = rules.get(name, "none")
            target = values[:, :, len(products) + u]
            if rule == "sum":
                known = values[:, :, members]
                missing = np.isnan(known).all(axis=2)
                target[:] = np.where(missing, np.nan, np.nansum(known, axis=2))
            elif rule == "people":
                scale = cells.lived if name in REPORTED else np.ones_like(cells.lived)
                shares = [values[:, :, m] / scale for m in members]
                target[:] = at_least_one(shares, common[:, None, None]) * scale


def at_least_one(shares: list[Float], common: Float) -> Float:
    """Share of people with at least one of several things, each with its own share.

    One-factor normal liability: pairs correlate by ``common`` (0 is independence, 1 nesting).
    Arrays that broadcast; NaN in a share counts as 0. Gauss-Hermite quadrature over the factor.
    """
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(LIABILITY_NODES)
    node_weights = node_weights / node_weights.sum()
    scale = 1.0 / np.sqrt(np.maximum(1.0 - common, 1e-6))
    thresholds = [
        ndtri(np.clip(np.nan_to_num(share), SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)) * scale
        for share in shares
    ]
    missing = np.zeros_like(thresholds[0])
    for node, weight in zip(nodes, node_weights, strict=True):
        shift = np.sqrt(common) * scale * node
        none = np.ones_like(missing)
        for threshold in thresholds:
            none *= ndtr(-(threshold + shift))
        missing += weight * none
    # A union is never below its largest member nor above the sum, whatever the quadrature does.
    largest = np.fmax.reduce(np.stack(shares))
    total = np.nansum(np.stack(shares), axis=0)
    lived = np.where(np.isnan(largest), np.nan, 1.0)
    return np.asarray(np.clip(1.0 - missing, largest, np.minimum(total, 1.0)) * lived)


def _derived(catalogue: Catalogue, found: dict[str, Float]) -> None:
    """Indicators that are differences or ratios of others."""
    current, daily = found.get("current_use"), found.get("daily_use")
    if current is not None and daily is not None:
        daily[:] = np.where(np.isnan(current), daily, np.minimum(daily, current))
        found["occasional_use"] = current - daily
        found["daily_share_of_current"] = daily / current
        found["daily_share_of_last_month"] = daily / current
    found["former_use"] = found["lifetime_prevalence"] - found["last_year_prevalence"]
    episodes = found.get("treatment_episodes")
    if episodes is not None:
        illegal = [i for i, row in enumerate(catalogue.products) if row.kind == "illegal"]
        share = np.full_like(episodes, np.nan)
        total = np.nansum(episodes[:, :, illegal], axis=2)
        for i in illegal:
            share[:, :, i] = episodes[:, :, i] / total
        found["treatment_share"] = share
