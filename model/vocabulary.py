"""Names of parameters that something reads, so that a misspelt one is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

# What stands behind a derived rate in the column ``rates`` of flows.csv (model/rates.py).
DERIVED = {
    "initiation_level": ("ever_start",),
    "medical_level": ("medical_start_level",),
    "mover_share": ("escalation_lifetime", "escalation_half_time", "mover_cessation_share"),
    "mover_escalation": ("escalation_lifetime", "escalation_half_time", "mover_cessation_share"),
    "mover_cessation": ("escalation_lifetime", "escalation_half_time", "mover_cessation_share"),
    "remission_untreated": ("remission",),
}
AGE = {
    "initiation": ("first_use_age", "first_use_spread", "first_use_from"),
    "medical": ("medical_age", "medical_age_spread", "medical_age_from"),
}
TREND = (
    "initiation_growth",
    "innovation_sd",
    "damping",
    "diffusion_midpoint",
    "diffusion_scale",
)
SOCIAL = (
    "social_share",
    "social_exponent",
    "reputation_exponent",
    "memory_rise",
    "memory_fall",
)
OBSERVATION = (
    "drinks_occasional",
    "drinks_problematic",
    "drinks_shape",
    "drinks_sex_ratio",
    "drinks_price_elasticity",
    "hazardous_threshold",
    "binge_threshold",
    "daily_threshold",
    "restart",
    "medical_restart",
    "relapse_early",
    "liability_correlation",
    "risky_share_occasional",
)
CARE = ("utilisation", "centre_size", "intake_delay", "substitution_intake_delay")
SHARED = ("mental_health_prevalence", "common_liability_share")


class Flow(Protocol):
    """The columns of a flow that name parameters."""

    @property
    def family(self) -> str: ...
    @property
    def rates(self) -> str | None: ...


class State(Protocol):
    """The columns of a state that name parameters."""

    @property
    def mortality(self) -> str | None: ...
    @property
    def last_month(self) -> str | None: ...
    @property
    def daily(self) -> str | None: ...


def coupling_prefix(family: str) -> str:
    """Start of the names of the parameters that couple a family of flows to other products."""
    return "coupling_" if family == "initiation" else f"{family}_coupling_"


def known_parameters(
    flows: Iterable[Flow], states: Iterable[State], products: Iterable[str]
) -> set[str]:
    """Every name that the flows and states of a catalogue, care and observation can read."""
    products = tuple(products)
    known = {*TREND, *SOCIAL, *OBSERVATION, *CARE, *SHARED}
    for names in (*AGE.values(), *DERIVED.values()):
        known |= set(names)
    for flow in flows:
        known |= {name.removeprefix("1-") for name in (flow.rates or "").split()}
        for modifier in ("sex", "deprivation", "region", "mental_health"):
            known.add(f"{flow.family}_{modifier}_ratio")
        known.add(f"{flow.family}_price_elasticity")
        known |= {coupling_prefix(flow.family) + product for product in products}
    for state in states:
        known |= {name for name in (state.mortality, state.last_month, state.daily) if name}
    return known - set(DERIVED)
