"""What a survey or a register would show of the model's people.

States say where people are; surveys ask about a window of time. Recall windows come from the
flows out of use, frequency of use from shares by state, drinking from a distribution of the
amount drunk, and "at least one of these products" from one shared liability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr, ndtri

from model import costs, harms, infections, legal, offences, supply
from model.catalogue import REPORTED, Catalogue
from model.choice import EVERYTHING, Choice
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
# Indicators of the column of states.csv that names the share of people in each state.
_SHARED = {("last_month_prevalence", "current_use"): "last_month", ("daily_use",): "daily"}


class _Cells:
    """Output summed over the strata of each cell, when it is asked for: (D, Y, cells)."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self.lived = seen.cells(seen.lived)
        self._counted: dict[int, Float] = {}

    def counted(self, counter: int) -> Float:
        """Transitions of one kind."""
        if counter not in self._counted:
            self._counted[counter] = self._seen.cells(self._seen.counted(counter))
        return self._counted[counter]

    def deaths(self) -> Float:
        """All deaths."""
        return self._seen.cells(self._seen.of_years(self._seen.output.deaths))


class _View:
    """One product's part of the output, with the draws that its observation needs."""

    def __init__(self, seen: Seen, cells: _Cells, p: int) -> None:
        structure = seen.prepared.structure
        self.draws, self.cells, self.choice = seen.draws, cells, seen.choice
        self.product = structure.products[p]
        self.kind = seen.kinds[self.product]
        start, stop = structure.wiring.state_start[p : p + 2]
        self.states = structure.states[start:stop]
        self.time = seen.states_in_cells(self.product)
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
        return self.cells.counted(self.counters[group])

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
    choice: Choice = EVERYTHING,
) -> dict[str, Float]:
    """Every indicator of indicators.csv, each (draws, years, products + unions, cells).

    Without ``outcomes``: people only, no markets, harms, offences or money. ``choice``: some
    indicators or the later years alone, with the values that they have among all; the years are
    then those from ``choice.since`` on.

    ``weights`` (cells, S): share of each stratum that belongs to the cell. Shares are proportions
    of the cell's population, stocks persons (mean over the year), counts per year; NaN where an
    indicator does not apply. Products in catalogue order, then unions.
    """
    forcing = prepared.forcing() if forcing is None else forcing
    seen = Seen(prepared, draws, catalogue, output, forcing, weights, choice=choice)
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
    catalogue = seen.catalogue
    cells = _Cells(seen)
    found = _Found(seen, cells.lived.shape)
    # The years wanted are the last ones; those before them are kept for what is relative to them.
    cut = len(seen.rows) - (seen.output.lived.shape[1] - seen.choice.since)
    with np.errstate(invalid="ignore", divide="ignore"):
        for p, product in enumerate(catalogue.products):
            for name, values in _product(_View(seen, cells, p)).items():
                found.put(name, p, values)
            drinks = seen.draws.find(product.id, product.kind, "drinks_occasional")
            if drinks and seen.wants(*DRINKING):
                for name, values in _drinking(seen, product.id).items():
                    found.put(name, p, values / cells.lived)
        if seen.wants("mean_age_first_use"):
            _mean_ages(seen, cells, found)
        for step in observers:
            step(seen)
        _unions(seen, cells, cut)
        _derived(seen)
        for step in derivers:
            step(seen)
    whole = next((i for i, row in enumerate(catalogue.unions) if row.id == "all"), None)
    if whole is not None:
        found.put("population", len(catalogue.products) + whole, cells.lived)
        if seen.wants("deaths"):
            found.put("deaths", len(catalogue.products) + whole, cells.deaths())
    return {name: values[:, cut:] for name, values in seen.values.items()}


class _Found:
    """Indicators by name, each (draws, years, products + unions, cells), NaN until put."""

    def __init__(self, seen: Seen, shape: tuple[int, ...]) -> None:
        draws, years, cells = shape
        self.shape = (draws, years, len(seen.names), cells)
        self.values, self.choice = seen.values, seen.choice

    def put(self, name: str, p: int, values: Float | None) -> None:
        if values is not None and self.choice.wants(name):
            if name not in self.values:
                self.values[name] = np.full(self.shape, np.nan)
            self.values[name][:, :, p] = values


def _product(view: _View) -> dict[str, Float | None]:
    lived, wants = view.lived, view.choice.wants
    states = {row.state for row in view.states}
    cared = any(row.reported == "treatment" for row in view.states)
    reported = {row.reported for row in view.states}
    found: dict[str, Float | None] = {
        name: view.people(name) if name in reported and wants(name) else None for name in REPORTED
    }
    never = view.people("never") / lived
    harmed = view.people("problematic", "waiting", "treatment")
    found |= {
        "never_use": never,
        "lifetime_prevalence": 1.0 - never,
        "problematic_prevalence": harmed / lived,
    }
    if wants("disorder_prevalence"):
        found["disorder_prevalence"] = (harmed - view.of("moderate_risk")) / lived
    if wants("risky_use"):
        found["risky_use"] = (harmed + view.of("low_risk") + view.risky()) / lived
    if wants("last_year_prevalence"):
        last_year = view.using() + view.people("treatment") + view.recently_stopped(_STOPPED)
        found["last_year_prevalence"] = np.minimum(last_year / lived, 1.0 - never)
    for names, column in _SHARED.items():
        some = view.shared(column) if wants(*names) else None
        found |= dict.fromkeys(names, None if some is None else some / lived)
    for name, group in _COUNTS.items():
        if group in view.counters and wants(name):
            found[name] = view.count(group)
    if cared and wants("mean_wait"):
        starts = view.count("treatment_start") + view.count("substitution_start")
        found["mean_wait"] = view.people("waiting") / (starts + view.count("abandonment"))
    if "medical_use" in states and wants("medical_use_last_year"):
        stopped = view.recently_stopped({"medical_stop": "medical_restart"})
        found["medical_use_last_year"] = (view.of("medical_use") + stopped) / lived
    if "substitution_later" in states and wants("substitution_clients"):
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
    asked = [name for name in DRINKING if seen.wants(name)]
    found = {name: np.zeros((*seen.lived.shape[:2], len(seen.weights))) for name in asked}
    for group in GROUPS:
        mean = seen.parameter(product, f"drinks_{group}") * ratio
        mean = mean * legal.amount_change(seen, product, group)
        wanted = ("problematic", "waiting") if group == "problematic" else ("occasional",)
        people = seen.people(product, *wanted)
        for name in asked:
            with np.errstate(divide="ignore"):
                limit = seen.parameter(product, DRINKING[name]) / mean
            found[name] += seen.cells(people * above(shape, limit))
    return found


def above(shape: Float, limit: Float) -> Float:
    """Share of gamma variables of mean 1 above ``limit`` (D, Y, S); ``shape`` broadcasts.

    Many strata have the same limits, and the function is slow: it is called for each of them once.
    """
    both = np.stack(np.broadcast_arrays(shape, shape * limit))
    columns = np.ascontiguousarray(np.moveaxis(both, -1, 0).reshape(both.shape[-1], -1))
    rows = columns.view(np.dtype((np.void, columns.dtype.itemsize * columns.shape[1]))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    few = gammaincc(both[0][..., first], both[1][..., first])
    return np.asarray(few[..., inverse.reshape(-1)])


def _mean_ages(seen: Seen, cells: _Cells, found: _Found) -> None:
    """Mean age of people who start in the year, each stratum at the middle of its ages."""
    structure, strata = seen.prepared.structure, seen.prepared.strata
    ages = (strata.age_low + np.minimum(strata.age_high, OLDEST_START) + 1) / 2
    weighted = (seen.weights * ages).T
    for product, counter in structure.counters_of("initiation").items():
        years = seen.counted(counter) @ weighted
        p = structure.products.index(product)
        found.put("mean_age_first_use", p, years / cells.counted(counter))


def _unions(seen: Seen, cells: _Cells, cut: int) -> None:
    """Fill the unions: people through the shared liability (from ``cut`` on), counts by sums."""
    rules = {row.id: row.union for row in seen.catalogue.indicators}
    found = {
        rule: [name for name in seen.values if rules.get(name) == rule]
        for rule in ("people", "sum")
    }
    for name in found["sum"]:
        _sums(seen, name)
    if found["people"]:
        _liability(seen, cells, found["people"], cut)


def _members(seen: Seen) -> list[tuple[str, int, list[int]]]:
    """Each union, its place, and the places of its products."""
    return [
        (row.id, len(seen.kinds) + u, [seen.names.index(one) for one in row.members.split()])
        for u, row in enumerate(seen.catalogue.unions)
    ]


def _sums(seen: Seen, name: str) -> None:
    values = seen.values[name]
    unknown = np.isnan(values[:, :, : len(seen.kinds)])
    filled = np.where(unknown, 0.0, values[:, :, : len(seen.kinds)])
    for _, at, members in _members(seen):
        total = filled[:, :, members].sum(axis=2)
        total[unknown[:, :, members].all(axis=2)] = np.nan
        values[:, :, at] = total


def _liability(seen: Seen, cells: _Cells, names: Sequence[str], cut: int) -> None:
    """People with at least one product, all indicators at once, (D, Y, products, names, C)."""
    lived = cells.lived[:, cut:]
    products = slice(len(seen.kinds))
    shares = np.stack(
        [
            seen.values[name][:, cut:, products] / (lived[:, :, None] if name in REPORTED else 1.0)
            for name in names
        ],
        axis=3,
    )
    points = quantiles(shares)
    for union, at, members in _members(seen):
        common = seen.draws.scalar(union, "union", "liability_correlation", f"union {union}")
        few = shares[:, :, members], points[:, :, members]
        some = _at_least_one(*few, common[:, None, None, None, None])
        for n, name in enumerate(names):
            seen.values[name][:, cut:, at] = some[:, :, n] * (lived if name in REPORTED else 1.0)


def quantiles(shares: Float) -> Float:
    """Standard normal quantiles of shares, same shape; NaN counts as 0."""
    return np.asarray(ndtri(np.clip(np.nan_to_num(shares), SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)))


@cache
def _nodes() -> tuple[Float, Float]:
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(LIABILITY_NODES)
    return nodes, node_weights / node_weights.sum()


def at_least_one(shares: list[Float], common: Float) -> Float:
    """Share of people with at least one of several things, each with its own share.

    One-factor normal liability: pairs correlate by ``common`` (0 is independence, 1 nesting).
    Arrays that broadcast; NaN in a share counts as 0. Gauss-Hermite quadrature over the factor.
    """
    stacked = np.stack(shares)[None, None]
    found = _at_least_one(stacked, quantiles(stacked), common)
    return np.asarray(found[0, 0])


def _at_least_one(shares: Float, points: Float, common: Float) -> Float:
    """As ``at_least_one`` for shares (D, Y, things, ...) with their ``quantiles``."""
    scale = 1.0 / np.sqrt(np.maximum(1.0 - common, 1e-6))
    thresholds = points * scale
    missing = np.zeros(np.delete(thresholds.shape, 2))
    for node, weight in zip(*_nodes(), strict=True):
        shift = np.sqrt(common) * scale * node
        missing += weight * np.multiply.reduce(ndtr(-(thresholds + shift)), axis=2)
    # A union is never below its largest member nor above the sum, whatever the quadrature does.
    largest = np.fmax.reduce(shares, axis=2)
    total = np.nansum(shares, axis=2)
    lived = np.where(np.isnan(largest), np.nan, 1.0)
    return np.asarray(np.clip(1.0 - missing, largest, np.minimum(total, 1.0)) * lived)


def _derived(seen: Seen) -> None:
    """Indicators that are differences or ratios of others."""
    found, wants = seen.values, seen.wants
    current, daily = found.get("current_use"), found.get("daily_use")
    if current is not None and daily is not None:
        daily[:] = np.where(np.isnan(current), daily, np.minimum(daily, current))
        if wants("occasional_use"):
            found["occasional_use"] = current - daily
        for name in ("daily_share_of_current", "daily_share_of_last_month"):
            if wants(name):
                found[name] = daily / current
    if wants("former_use"):
        found["former_use"] = found["lifetime_prevalence"] - found["last_year_prevalence"]
    episodes = found.get("treatment_episodes")
    if episodes is not None and wants("treatment_share"):
        illegal = [i for i, row in enumerate(seen.catalogue.products) if row.kind == "illegal"]
        share = np.full_like(episodes, np.nan)
        total = np.nansum(episodes[:, :, illegal], axis=2)
        for i in illegal:
            share[:, :, i] = episodes[:, :, i] / total
        found["treatment_share"] = share
