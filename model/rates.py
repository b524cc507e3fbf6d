"""From drawn parameters to the arrays that the kernel multiplies: one set per draw.

What differs by stratum and stays fixed over time is folded into ``base``; the rest stays a
factor. A shape of (draws, 1) stands for "the same in all strata" until the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from model.catalogue import FlowRow
from model.errors import InputError
from model.parameters import Draws, ParameterRow
from model.prices import Terms, market_terms
from model.strata import Strata
from model.structure import ADMISSION, NOBODY, SOCIAL, TREND, Structure
from model.vocabulary import AGE, coupling_prefix
from model.vocabulary import SOCIAL as SOCIAL_NAMES

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class Rates(NamedTuple):
    """Arrays of one set of draws. D draws, F flows, Z states, P products, S strata."""

    base: Float  # (D, F, S) per year; persons per year and stratum for entries from outside
    excess: Float  # (D, Z, S) mortality ratio less one
    elasticity: Float  # (D, F) response of the flow to the own price
    elasticity_row: Int  # (F,) row of the profile, or NOBODY
    elasticity_profile: Float  # (D, N, S) where the response differs by stratum
    overdose: Float  # (D, Z) overdoses per person-year
    amount: Float  # (D, Z) taken by one person a year at the prices of January 2010
    terms: Terms  # of the markets
    burden: Float  # (D, S) share of people with a mental-health burden
    burden_excess: Float  # (D, F) its effect on the flow, less one
    coupling: Float  # (D, K) effect of an upstream product, less one
    social: Float  # (D, P, 5) share, exponent, reputation exponent, memory rise and fall (years)
    trend: Float  # (D, P, 3 + knots) growth before 2010, damping, sd, innovations
    diffusion: Float  # (D, P, 2) midpoint and scale of adoption, calendar years
    intake: Float  # (D, Z) largest admission hazard of a waiting state, per year
    occupied: Float  # (D, services) share of places occupied at the start
    places: npt.NDArray[np.int64]  # (D, services) places a centre
    first_use: Float  # (D, F, blocks) cumulative hazard before the youngest age


class _Reader:
    """Resolves names of rates for one product, deriving what the table gives indirectly."""

    def __init__(
        self, draws: Draws, strata: Strata, people: Float, product: str, kind: str, cared: bool
    ) -> None:
        self.draws = draws
        self.strata = strata
        self.people = people
        self.product = product
        self.kind = kind
        self.cared = cared

    def raw(self, name: str) -> Float:
        """Table values, shape (D, 1) or (D, S) for a profile."""
        rows = self.draws.require(self.product, self.kind, name, f"product {self.product}")
        return profile(self.draws, rows, self.strata)

    def optional(self, name: str, default: float) -> Float:
        """Table values, or ``default`` when no row gives any."""
        if self.draws.find(self.product, self.kind, name):
            return self.raw(name)
        return np.full((self.draws.size, 1), default)

    def scalar(self, name: str) -> Float:
        """Values of a parameter without a profile, shape (D,)."""
        return self.draws.scalar(self.product, self.kind, name, f"product {self.product}")

    def rate(self, name: str) -> Float:
        """A name in a flow's ``rates``: a parameter, ``1-`` a parameter, or a derived rate."""
        if name.startswith("1-"):
            return np.asarray(1.0 - self.rate(name.removeprefix("1-")))
        if name == "initiation_level":
            return -np.log1p(-self.raw("ever_start"))
        if name == "medical_level":
            return -np.log1p(-self.raw("medical_start_level"))
        if name in ("mover_share", "mover_escalation", "mover_cessation"):
            return self._movers()[name]
        if name == "remission_untreated":
            return self._untreated()
        return self.raw(name)

    def _movers(self) -> dict[str, Float]:
        """Mover-stayer split that reproduces a published curve of cumulative escalation.

        The curve F * (1 - exp(-k t)), with F ever escalating and half of these after ln2/k
        years, is that of a share m of movers who escalate at e and stop at q with e + q = k and
        m * e = F * k; ``mover_cessation_share`` places q between 0 and its largest value.
        """
        lifetime = self.raw("escalation_lifetime")
        pace = np.log(2.0) / self.raw("escalation_half_time")
        cessation = self.raw("mover_cessation_share") * pace * (1.0 - lifetime)
        escalation = pace - cessation
        return {
            "mover_share": lifetime * pace / escalation,
            "mover_escalation": escalation,
            "mover_cessation": cessation,
        }

    def _untreated(self) -> Float:
        """Remission without treatment: the reported total less the treated part.

        Cohorts report both together. The treated part is the rate of asking times the shares
        admitted (at the shortest intake), staying beyond the first month, completing and in
        remission then; total^2 / (total + treated) equals the difference to first order and stays
        positive.
        """
        total = self.raw("remission")
        if not self.cared:
            return total
        treated = np.zeros_like(total)
        for prefix in ("", "substitution_"):
            if not self.draws.find(self.product, self.kind, f"{prefix}seeking"):
                continue
            admitted = 1.0 / (1.0 + self.raw("abandonment") * self.raw(f"{prefix}intake_delay"))
            first, month = self.raw(f"{prefix}dropout_first"), self.raw("first_month_end")
            completing = self.raw(f"{prefix}completion")
            completed = completing / (completing + self.raw(f"{prefix}dropout_later"))
            stayed = month / (month + first)
            asked = self.raw(f"{prefix}seeking") * admitted * stayed
            treated = treated + asked * completed * self.raw(f"{prefix}success")
        return np.asarray(total * total / (total + treated))


def profile(draws: Draws, rows: list[ParameterRow], strata: Strata) -> Float:
    """Values of a parameter's rows, in their unit: (D, 1) when the same in all strata, else (D, S).

    Raises InputError when some stratum is left without.
    """
    if len(rows) == 1 and rows[0].everywhere:
        return draws.of_row(rows[0])[:, None]
    found = np.full((draws.size, strata.size), np.nan)
    for row in sorted(rows, key=lambda row: row.narrowness):
        chosen = np.ones(strata.size, dtype=bool)
        if row.sex is not None and row.sex in strata.sexes:
            chosen &= strata.sex == strata.sexes.index(row.sex)
        if row.region is not None and row.region in strata.regions:
            chosen &= strata.region == strata.regions.index(row.region)
        if row.deprivation is not None and row.deprivation in strata.deprivations:
            chosen &= strata.deprivation == strata.deprivations.index(row.deprivation)
        if row.age_min is not None:
            chosen &= strata.age_high >= row.age_min
        if row.age_max is not None:
            chosen &= strata.age_low <= row.age_max
        found[:, chosen] = draws.of_row(row)[:, None]
    if np.isnan(found).any():
        first = rows[0]
        raise InputError(
            f"the rows of {first.product}/{first.parameter} leave some strata without a value",
            file=first.file,
            line=first.line,
            key=first.parameter,
            allowed="rows that together cover all ages, sexes, regions and deprivation groups",
        )
    return found


def _kernel(reader: _Reader, family: str) -> tuple[Float, Float]:
    """Age at first use: hazard share per year of each stratum, and the share before the first.

    Log-normal in (age - from) with the given mean and standard deviation in years; a band takes
    the mean of its single ages. Shapes (D, S) and (D, 1).
    """
    mean_name, spread_name, from_name = AGE.get(family, AGE["initiation"])
    start = reader.raw(from_name)
    mean = np.maximum(reader.raw(mean_name) - start, 0.5)
    spread = reader.raw(spread_name)
    log_variance = np.log1p((spread / mean) ** 2)
    middle = np.log(mean) - 0.5 * log_variance
    ages = np.arange(0, 121)
    depth = np.maximum(ages[None, :] - start, 1e-9)
    cumulative = ndtr((np.log(depth) - middle) / np.sqrt(log_variance))
    yearly = np.diff(cumulative, axis=1)
    strata = reader.strata
    shares = np.empty((yearly.shape[0], strata.size))
    for s, (low, high) in enumerate(zip(strata.age_low, strata.age_high, strict=True)):
        shares[:, s] = yearly[:, low : min(high, 99) + 1].mean(axis=1)
    return shares, cumulative[:, [int(strata.age_low[0])]]


def _fixed_modifiers(reader: _Reader, flow: FlowRow) -> Float:
    """Product of the modifiers that differ by stratum and not over time, shape (D, 1 or S)."""
    strata, family = reader.strata, flow.family
    modifiers = (flow.modifiers or "").split()
    product = np.ones((reader.draws.size, 1))
    if "sex" in modifiers and "male" in strata.sexes:
        men = strata.sex == strata.sexes.index("male")
        product = product * np.where(men, reader.raw(f"{family}_sex_ratio"), 1.0)
    if "deprivation" in modifiers and "most_deprived" in strata.deprivations:
        most = strata.deprivation == strata.deprivations.index("most_deprived")
        product = product * np.where(most, reader.raw(f"{family}_deprivation_ratio"), 1.0)
    if "region" in modifiers and len(strata.regions) > 1:
        product = product * reader.raw(f"{family}_region_ratio")
    if "mental_health" in modifiers:
        excess = reader.raw(f"{family}_mental_health_ratio") - 1.0
        product = product * (1.0 + reader.raw("mental_health_prevalence") * excess)
    # A level given for a reference group is raised by the ratios; any other rate is a population
    # mean (published cohorts), so its ratios only spread it over the strata.
    if family not in AGE:
        product = product / _mean(product, reader.people)
    return np.asarray(product)


def _mean(values: Float, people: Float) -> Float:
    if values.shape[1] == 1:
        return values
    # Not a matrix product: its bits would depend on how many draws run together.
    return np.asarray((values * people).sum(axis=1, keepdims=True) / people.sum())


def _couplings(reader: _Reader, structure: Structure, f: int) -> list[Float]:
    """Excess effect of each upstream product: (1 - common liability) x (ratio - 1)."""
    wiring = structure.wiring
    start, stop = wiring.coupling_start[f : f + 2]
    prefix = coupling_prefix(structure.flows[f].family)
    found = []
    for upstream in wiring.couplings[start:stop]:
        ratio = reader.scalar(prefix + structure.products[upstream])
        found.append((1.0 - reader.scalar("common_liability_share")) * (ratio - 1.0))
    return found


def build_rates(structure: Structure, strata: Strata, people: Float, draws: Draws) -> Rates:
    """Arrays of all draws for these strata. Raises InputError when a parameter lacks.

    ``people`` (S,): population of January 2010, over which published mean rates are spread.
    """
    rates = _empty(structure, strata, draws)
    wiring = structure.wiring
    cared = wiring.waiting_service >= 0
    readers = [
        _Reader(draws, strata, people, product, structure.kinds[p], bool(cared[first:last].any()))
        for p, (product, first, last) in enumerate(
            zip(structure.products, wiring.state_start, wiring.state_start[1:], strict=False)
        )
    ]
    coupling: list[Float] = []
    profiles: list[Float] = []
    for f, flow in enumerate(structure.flows):
        reader = readers[structure.product_of_flow[f]]
        _fill_flow(reader, structure, rates, f)
        if "price" in (flow.modifiers or "").split():
            response = reader.raw(f"{flow.family}_price_elasticity")
            if response.shape[1] == 1:
                rates.elasticity[:, f] = response[:, 0]
            else:
                rates.elasticity_row[f] = len(profiles)
                profiles.append(response)
        coupling += _couplings(reader, structure, f)
    for z, state in enumerate(structure.states):
        reader = readers[structure.product_of_state[z]]
        if state.mortality is not None:
            # Nobody is taken to live longer because of a product: ratios below 1 count as 1.
            excess = np.maximum(reader.optional(state.mortality, 1.0) - 1.0, 0.0)
            # Published ratios count overdoses among the deaths; here these are apart.
            rates.excess[:, z] = excess * (1.0 - reader.optional("overdose_share", 0.0))
        if state.overdose is not None:
            rates.overdose[:, z] = reader.optional(state.overdose, 0.0)[:, 0]
    occupied, places = _services(structure, draws)
    return rates._replace(
        coupling=np.stack(coupling, axis=1) if coupling else rates.coupling,
        elasticity_profile=np.stack(profiles, axis=1) if profiles else rates.elasticity_profile,
        occupied=occupied,
        places=places,
        amount=_amounts(structure, rates.terms),
    )


def _amounts(structure: Structure, terms: Terms) -> Float:
    """Amount that one person in each state takes a year, (D, Z)."""
    found = np.zeros((len(terms.amount), len(structure.states)))
    for z, state in enumerate(structure.states):
        p = structure.product_of_state[z]
        heavy = terms.amount[:, p] * terms.ratio[:, p]
        if state.reported == "occasional":
            found[:, z] = terms.amount[:, p]
        elif state.reported in ("problematic", "waiting"):
            found[:, z] = heavy
        elif state.reported == "treatment":
            found[:, z] = heavy * terms.treated[:, p]
    return found


def _empty(structure: Structure, strata: Strata, draws: Draws) -> Rates:
    size, flows, states = draws.size, len(structure.flows), len(structure.states)
    products, services = len(structure.products), len(structure.services)
    # Without a trend or memory of its own a product has scales of 1, so that nothing divides by 0.
    social, diffusion = np.zeros((size, products, 5)), np.zeros((size, products, 2))
    social[:, :, 3:] = 1.0
    diffusion[:, :, 1] = 1.0
    return Rates(
        base=np.zeros((size, flows, strata.size)),
        excess=np.zeros((size, states, strata.size)),
        elasticity=np.zeros((size, flows)),
        elasticity_row=np.full(flows, NOBODY),
        elasticity_profile=np.zeros((size, 0, strata.size)),
        overdose=np.zeros((size, states)),
        amount=np.zeros((size, states)),
        terms=market_terms(structure, draws),
        burden=np.zeros((size, strata.size)),
        burden_excess=np.zeros((size, flows)),
        coupling=np.zeros((size, 0)),
        social=social,
        trend=np.zeros((size, products, 3 + draws.innovations.shape[2])),
        diffusion=diffusion,
        intake=np.zeros((size, states)),
        occupied=np.ones((size, services)),
        places=np.ones((size, services), dtype=np.int64),
        first_use=np.zeros((size, flows, strata.blocks)),
    )


def _fill_flow(reader: _Reader, structure: Structure, rates: Rates, f: int) -> None:
    """Base of one flow and what its modifiers read."""
    flow, wiring = structure.flows[f], structure.wiring
    p = int(structure.product_of_flow[f])
    modifiers = (flow.modifiers or "").split()
    value = _fixed_modifiers(reader, flow)
    for name in (flow.rates or "").split():
        value = value * reader.rate(name)
    if "age" in modifiers:
        kernel, before = _kernel(reader, flow.family)
        youngest = np.arange(0, reader.strata.size, reader.strata.bands)
        whole = np.broadcast_to(value, (reader.draws.size, reader.strata.size))
        rates.first_use[:, f] = whole[:, youngest] * before
        value = value * kernel
    if flow.hazard == "amount":
        total = reader.people.sum()
        share = reader.people / total if total > 0.0 else 1.0 / reader.people.size
        value = value * share
    rates.base[:, f] = value
    if "mental_health" in modifiers:
        ratio = reader.scalar(f"{flow.family}_mental_health_ratio")
        rates.burden_excess[:, f] = ratio - 1.0
        rates.burden[:] = reader.raw("mental_health_prevalence")
    if wiring.flags[f] & TREND:
        _fill_trend(reader, p, rates.trend, rates.diffusion)
    if wiring.flags[f] & SOCIAL:
        for k, name in enumerate(SOCIAL_NAMES):
            rates.social[:, p, k] = reader.scalar(name)
    if wiring.flags[f] & ADMISSION:
        z = int(wiring.state_start[p] + wiring.origin[f])
        own = structure.states[z].service == "own"
        delay = reader.scalar("intake_delay" if own else "substitution_intake_delay")
        rates.intake[:, z] = 1.0 / delay


def _fill_trend(reader: _Reader, p: int, trend: Float, diffusion: Float) -> None:
    trend[:, p, 0] = reader.scalar("initiation_growth")
    trend[:, p, 1] = reader.scalar("damping")
    trend[:, p, 2] = reader.scalar("innovation_sd")
    trend[:, p, 3:] = reader.draws.innovations[:, p]
    diffusion[:, p, 0] = reader.scalar("diffusion_midpoint")
    diffusion[:, p, 1] = reader.scalar("diffusion_scale")


def _services(structure: Structure, draws: Draws) -> tuple[Float, npt.NDArray[np.int64]]:
    occupied = np.ones((draws.size, len(structure.services)))
    places = np.ones((draws.size, len(structure.services)), dtype=np.int64)
    treating = set(structure.wiring.treating_service.tolist())
    for k, service in enumerate(structure.services):
        if k in treating:
            occupied[:, k] = draws.scalar(service, "service", "utilisation", f"service {service}")
            size = draws.scalar(service, "service", "centre_size", f"service {service}")
            places[:, k] = np.maximum(1, np.rint(size)).astype(np.int64)
    return occupied, places
