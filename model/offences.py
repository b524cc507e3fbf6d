"""Offences, people detained, and what follows release.

Four kinds of offence are told apart: against drug law (possession and use, or dealing), to pay
for use, and within the trade (systemic). Those under the influence are driving, in model.harms.
People detained are an exposure: they stay in the states of the run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.outcomes import TAKEN, Seen

Float = npt.NDArray[np.float64]

NOW = ("occasional", "problematic", "waiting", "treatment")
# Offences that can lead to detention, with the parameter for the share that does.
DETAINING = {
    "use_offences": "detention_share_use",
    "dealing_offences": "detention_share_dealing",
    "economic_offences": "detention_share_economic",
}
# Indicator and parameter: its number a year while the index of violence is 1.
TRADE = {"systemic_offences": "systemic_level", "explosive_attacks": "explosive_level"}

OFFENCES = ("use_offences", "dealing_offences", "economic_offences", "drug_law_offences")
DETAINED = ("released", "detained", "use_in_prison", "substitution_in_prison", "release_deaths")


def spending(price: Float, taken: Float, exponent: Float) -> Float:
    """Pressure to pay for use: money spent a person, relative to January 2010, to an exponent.

    ``price`` and ``taken`` (amount a person takes) relative to January 2010; any shapes.
    """
    return np.asarray((price * taken) ** exponent)


def detentions(offences: Float, share: Float, factor: Float) -> Float:
    """Detentions a year: ``share`` times ``factor`` (never above 1) of the offences. Broadcasts."""
    return np.asarray(offences * np.minimum(share * factor, 1.0))


def release_deaths(released: Float, risk: Float, ratio: Float, linked: Float) -> Float:
    """Deaths by overdose in the twelve weeks after release, persons per year.

    ``risk``: per release without treatment; ``ratio``: relative risk with it; ``linked``: share
    of releases with treatment that goes on, 0 to 1. Broadcasts.
    """
    return np.asarray(released * risk * (1.0 - linked * (1.0 - ratio)))


def observe(seen: Seen) -> None:
    """Put offences, people detained and deaths after release of single products."""
    rates = ("use_offence_rate", "dealing_offence_rate")
    for product in seen.products(*rates) if seen.wants(*OFFENCES, *DETAINED) else ():
        offences = _offences(seen, product)
        for name, values in offences.items():
            seen.put(name, product, seen.cells(values))
        drug_law = offences["use_offences"] + offences["dealing_offences"]
        seen.put("drug_law_offences", product, seen.cells(drug_law))
        if seen.has(product, "detention_stay") and seen.wants(*DETAINED):
            _put_detained(seen, product, offences)
    if "violence_index" in seen.values:
        for name, parameter in TRADE.items():
            for product in seen.products(parameter) if seen.wants(name) else ():
                violence = seen.get("violence_index", product)
                seen.put_nation(name, product, seen.scalar(product, parameter) * violence)


def derive(seen: Seen) -> None:
    """Put shares, and sums that are known for the nation alone, for products and unions."""
    for name in TRADE:
        for row in seen.catalogue.unions:
            if name in seen.values:
                seen.put_nation(name, row.id, seen.get(name, row.id))
    if "drug_law_offences" not in seen.values or not seen.wants("use_related_share"):
        return
    for owner in seen.names:
        use, all_offences = (seen.get(n, owner) for n in ("use_offences", "drug_law_offences"))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(all_offences > 0.0, use / all_offences, np.nan)
        seen.put("use_related_share", owner, share)


def _offences(seen: Seen, product: str) -> dict[str, Float]:
    """Offences a year by kind, (D, Y, S)."""
    using = seen.people(product, *NOW)
    effort = seen.national("police_effort", product)
    response = seen.national("offence_response", product)
    recruited = seen.national("seller_recruitment", product)
    offences = {
        "use_offences": seen.parameter(product, "use_offence_rate") * effort * response * using,
        "dealing_offences": seen.parameter(product, "dealing_offence_rate")
        * effort
        * recruited
        * using,
    }
    if seen.has(product, "economic_offence_rate"):
        harmed = seen.people(product, "problematic", "waiting")
        treated = seen.people(product, "treatment")
        pressure = spending(
            seen.price(product),
            seen.market(product, TAKEN),
            seen.scalar(product, "economic_spending_exponent"),
        )
        offences["economic_offences"] = (
            (harmed + seen.scalar(product, "economic_treatment_ratio") * treated)
            * seen.parameter(product, "economic_offence_rate")
            * pressure
            * seen.national("reoffending", product)
        )
    return offences


def _put_detained(seen: Seen, product: str, offences: dict[str, Float]) -> None:
    """People in prison: as many leave in a year as enter, after the mean stay."""
    factor = seen.national("detention", product)
    entering = np.zeros_like(seen.lived)
    for name, values in offences.items():
        entering += detentions(values, seen.scalar(product, DETAINING[name]), factor)
    released = seen.cells(entering)
    detained = released * seen.scalar(product, "detention_stay")
    seen.put("released", product, released)
    seen.put("detained", product, detained)
    if seen.has(product, "prison_use_share"):
        share = seen.scalar(product, "prison_use_share")
        share = np.minimum(share * seen.national("prison_availability", product), 1.0)
        seen.put("use_in_prison", product, detained * share)
    if seen.has(product, "prison_substitution_share"):
        treated = seen.scalar(product, "prison_substitution_share")
        seen.put("substitution_in_prison", product, detained * treated)
        if seen.has(product, "release_risk"):
            goes_on = seen.scalar(product, "release_continuation")
            goes_on = np.minimum(goes_on * seen.national("linkage", product), 1.0)
            risk = seen.scalar(product, "release_risk")
            ratio = seen.scalar(product, "release_risk_ratio")
            deaths = release_deaths(released, risk, ratio, treated * goes_on)
            seen.put("release_deaths", product, deaths)
