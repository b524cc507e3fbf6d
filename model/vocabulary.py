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

# What markets, harms, infections, offences and money read (the modules of these names).
MARKET = (
    "amount_occasional",
    "amount_ratio",
    "amount_treatment_share",
    "amount_mortality_exponent",
    "amount_price_elasticity_problematic",
    "arc_price",
    "amount_price_elasticity",
    "amount_price_elasticity_problematic",
    "amount_mortality_exponent",
    "replacement_time",
    "diversion",
    "dilution",
    "sticker_time",
    "street_purity",
    "lowest_purity",
    "potency_exponent",
    "enforcement_price_effect",
    "domestic_production_share",
    "border_seizure_share",
    "inside_seizure_share",
    "online_price_effect",
    "online_start",
    "online_ceiling",
    "online_midpoint",
    "online_scale",
    "price_fading",
    "overdose_fatality",
    "overdose_share",
    "advertising_effect",
    "excise_share",
    "price_spread",
    "illicit_share",
    "illicit_response",
    "illicit_price_ratio",
)
SUPPLY: tuple[str, ...] = (
    "retail_price",
    "wholesale_share",
    "seized_purity",
    "seized_start",
    "transit_inflow",
    "transit_rise",
    "export_production",
    "production_rise",
    "kg_per_site",
    "processed_share",
    "site_found_share",
    "mixed_site_share",
    "production_waste",
    "dump_sites_per_tonne",
    "storage_per_site",
    "premises_damage_share",
    "kg_per_plantation",
    "plantation_share",
    "plantation_found_share",
    "large_plantation_share",
    "excreted_share",
    "takings_per_seller",
    "violence_exponent",
    "violence_transit_exponent",
    "violence_disruption",
    "corruption_exponent",
    "friend_ratio",
    "courier_ratio",
    "darknet_ratio",
    "social_media_ratio",
)
LEGAL: tuple[str, ...] = (
    "loss_occasional",
    "loss_ratio",
    "nondaily_amount_ratio",
    "survey_coverage",
    "unit_price",
    "vat_rate",
)
HARMS: tuple[str, ...] = (
    "coded_share",
    "coded_overdose_share",
    "disability_weight_occasional",
    "disability_weight_moderate",
    "disability_weight_problematic",
    "disability_weight_treatment",
    "disability_weight_recovery",
    "driver_share",
    "driving_share",
    "driving_share_problematic",
    "driving_sex_ratio",
    "driving_amount_exponent",
    "over_limit_time",
    "nuisance_share",
    "capsules_occasional",
    "capsules_ratio",
    "capsule_litter_share",
)
INFECTIONS: tuple[str, ...] = (
    "injecting_share",
    "injecting_treatment_ratio",
    "injecting_overlap",
    "injecting_career",
    "substitution_hcv_effect",
    "substitution_hiv_effect",
    "needle_effect",
    "needle_coverage",
    "needles_per_person",
    "needle_recovery",
    "hcv_transmission",
    "hcv_clearance",
    "hcv_antibody_start",
    "hcv_treatment",
    "hcv_treatment_midpoint",
    "hcv_treatment_scale",
    "hcv_treatment_success",
    "hiv_transmission",
    "hiv_start",
)
OFFENCES: tuple[str, ...] = (
    "use_offence_rate",
    "dealing_offence_rate",
    "economic_offence_rate",
    "economic_treatment_ratio",
    "economic_spending_exponent",
    "systemic_level",
    "explosive_level",
    "detention_share_use",
    "detention_share_dealing",
    "detention_share_economic",
    "detention_stay",
    "prison_use_share",
    "prison_substitution_share",
    "release_risk",
    "release_risk_ratio",
    "release_continuation",
)
COSTS: tuple[str, ...] = (
    "public_expenditure_2015",
    "treatment_function_weight",
    "enforcement_function_weight",
    "prevention_function_weight",
    "harm_reduction_function_weight",
    "treatment_spending_weight",
    "enforcement_spending_weight",
    "prevention_spending_weight",
    "harm_reduction_spending_weight",
    "treatment_cost_ratio",
    "enforcement_cost_ratio",
    "harm_reduction_cost_ratio",
    "general_care_share",
    "episode_share",
    "social_cost_2012",
    "social_cost_assigned",
    "social_cost_weight",
    "social_cost_direct",
    "social_cost_direct_death_share",
    "social_cost_indirect_death_share",
    "social_cost_ratio",
    "inflation",
    "cost_outpatient_episode",
    "cost_residential_month",
    "residential_share",
    "cost_agonist_year",
    "cost_prison_year",
    "cost_hcv_course",
)


class Flow(Protocol):
    """The columns of a flow that name parameters."""

    @property
    def family(self) -> str:
        """Kind of flow, which decides its parameters."""
        ...

    @property
    def rates(self) -> str | None:
        """Prefix or name of its rate; None where it has none."""
        ...


class State(Protocol):
    """The columns of a state that name parameters."""

    @property
    def mortality(self) -> str | None:
        """Parameter of its excess mortality, if any."""
        ...

    @property
    def overdose(self) -> str | None:
        """Parameter of its overdoses, if any."""
        ...

    @property
    def last_month(self) -> str | None:
        """Parameter of use in the last month, if any."""
        ...

    @property
    def daily(self) -> str | None:
        """Parameter of daily use, if any."""
        ...


def coupling_prefix(family: str) -> str:
    """Start of the names of the parameters that couple a family of flows to other products."""
    return "coupling_" if family == "initiation" else f"{family}_coupling_"


def known_parameters(
    flows: Iterable[Flow], states: Iterable[State], products: Iterable[str]
) -> set[str]:
    """Every name that the flows and states of a catalogue, care and observation can read."""
    products = tuple(products)
    known = {*TREND, *SOCIAL, *OBSERVATION, *CARE, *SHARED}
    known |= {*MARKET, *SUPPLY, *LEGAL, *HARMS, *INFECTIONS, *OFFENCES, *COSTS}
    for names in (*AGE.values(), *DERIVED.values()):
        known |= set(names)
    for flow in flows:
        known |= {name.removeprefix("1-") for name in (flow.rates or "").split()}
        for modifier in ("sex", "deprivation", "region", "mental_health"):
            known.add(f"{flow.family}_{modifier}_ratio")
        known.add(f"{flow.family}_price_elasticity")
        known |= {coupling_prefix(flow.family) + product for product in products}
    for state in states:
        named = (state.mortality, state.overdose, state.last_month, state.daily)
        known |= {name for name in named if name}
    return known - set(DERIVED)
