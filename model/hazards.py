"""Every transition hazard once, as compiled scalar functions that both engines call.

A hazard (per person per year) is ``base * factor * coupling``: ``base`` holds what differs by
stratum and stays fixed (age kernel, sex, region, deprivation, mental health), ``factor`` what
changes by month and region (trend, peers, reputation, price, levers), ``coupling`` the use of
other products in the stratum. Equations: docs/equations.md.
"""

from __future__ import annotations

import math

from numba import njit

LEAST_RESPONSE = 0.05  # a linear response would turn negative at large changes of price


@njit(cache=True, nogil=True)
def transition(base: float, factor: float, coupling: float) -> float:
    """Hazard per person per year."""
    return base * factor * coupling


@njit(cache=True, nogil=True)
def social_feedback(use: float, reference: float, share: float, exponent: float) -> float:
    """Peer effect on initiation: [(1-w) + w * use/reference]^alpha; 1 without a reference.

    ``use`` and ``reference`` are shares of the region's population using the product now and in
    January 2010; ``share`` is the part of initiations that is social; exponent 0 turns it off.
    Form: the FDA's opioid model (source fda-source-2022); reputation models of Behrens and others.
    """
    if reference <= 0.0 or exponent == 0.0:
        return 1.0
    return float(((1.0 - share) + share * use / reference) ** exponent)


@njit(cache=True, nogil=True)
def reputation(memory: float, reference: float, exponent: float) -> float:
    """Multiplier, deterrence by perceived harm: exp(-kappa * (memory/reference - 1)).

    Kappa (``exponent``) 0 turns it off.
    """
    if reference <= 0.0 or exponent == 0.0:
        return 1.0
    return math.exp(-exponent * (memory / reference - 1.0))


@njit(cache=True, nogil=True)
def remembered_harm(memory: float, harm: float, rise: float, fall: float, years: float) -> float:
    """Memory of harm, in its unit, after ``years``.

    It follows ``harm`` with time scale ``rise`` or ``fall``, in years.
    """
    scale = rise if harm > memory else fall
    return harm + (memory - harm) * math.exp(-years / scale)


@njit(cache=True, nogil=True)
def arc_price_change(old: float, new: float) -> float:
    """Change relative to the mean of both prices, -2 to 2 (CISNET Tobacco Control Policy model)."""
    return (new - old) / ((new + old) / 2.0)


@njit(cache=True, nogil=True)
def arc_response(change: float, elasticity: float) -> float:
    """Response of a hazard to an arc price change: 1 + elasticity * change, never below a floor."""
    return max(LEAST_RESPONSE, 1.0 + elasticity * change)


@njit(cache=True, nogil=True)
def price_signal(log_price: float, arc: float) -> float:
    """The price as hazards hear it: its logarithm, or with ``arc`` its arc change (base 1)."""
    return arc_price_change(1.0, math.exp(log_price)) if arc > 0.0 else log_price


@njit(cache=True, nogil=True)
def price_response(signal: float, elasticity: float, arc: float) -> float:
    """Factor on a hazard: constant elasticity of the own real price, or linear in the arc change.

    ``signal`` as of ``price_signal``, 0 at the price of January 2010.
    """
    if signal == 0.0 or elasticity == 0.0:
        return 1.0
    return arc_response(signal, elasticity) if arc > 0.0 else math.exp(elasticity * signal)


@njit(cache=True, nogil=True)
def coupling_factor(use: float, excess: float) -> float:
    """Effect of another product used by a share ``use`` of the stratum: 1 + use * excess."""
    return 1.0 + use * excess


@njit(cache=True, nogil=True)
def burden_factor(prevalence: float, excess: float, change: float) -> float:
    """Multiplier of a mean hazard when the mental-health burden is multiplied by ``change``."""
    return (1.0 + min(1.0, prevalence * change) * excess) / (1.0 + prevalence * excess)


@njit(cache=True, nogil=True)
def excess_mortality(rate: float, excess_ratio: float) -> float:
    """Excess deaths per person per year at a stratum's table rate and (ratio - 1)."""
    return rate * excess_ratio


@njit(cache=True, nogil=True)
def overdose_mortality(
    overdoses: float, fatality: float, potency: float, log_purity: float
) -> float:
    """Deaths by overdose per person per year: overdoses, share fatal, and purity against 2010.

    Deaths rise with purity ** potency: what is bought is stronger than expected. Form assumed.
    """
    return overdoses * fatality * math.exp(potency * log_purity)
