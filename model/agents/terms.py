"""Parameters of the agent engine alone: rows of the parameter table whose owner is ``agents``."""

from __future__ import annotations

from typing import NamedTuple

from model.parameters import Draws

OWNER = "agents"


class Terms(NamedTuple):
    """One draw of every row; units and sources stand in the table."""

    liability_legal: float
    liability_illegal: float
    liability_medicine: float
    liability_behaviour: float
    liability_other: float
    escalation_liability: float
    burden_liability: float
    influence: float
    homophily: float
    nightlife_share: float
    priority_age: float
    partner_share: float
    online_share: float
    actor_number: float
    actor_size_sd: float
    actor_cost_sd: float
    actor_slack: float
    actor_newcomers: float
    actor_patience: float
    actor_switching: float
    actor_risk: float
    actor_risk_price: float
    actor_online_share: float
    enforcement_stop_rate: float
    enforcement_stopped_share: float
    enforcement_response: float
    enforcement_violence: float
    enforcement_floor: float
    enforcement_memory: float
    outreach_teams: float
    outreach_effect: float
    outreach_error: float
    places_per_staff: float
    centre_full_share: float
    centre_spare_share: float
    centre_growth: float


def terms(draws: Draws, d: int) -> Terms:
    """Draw ``d``. Raises InputError where a row is missing or split over strata."""
    found = (draws.scalar(OWNER, OWNER, name, "the agent engine")[d] for name in Terms._fields)
    return Terms(*(float(value) for value in found))


def loading(found: Terms, kind: str) -> float:
    """Share (0 to 1) of the variance of ever use that liability explains, for a ``kind``."""
    return float(getattr(found, f"liability_{kind}"))
