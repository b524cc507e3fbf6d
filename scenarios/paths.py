"""How measures and drivers come in over time: months of a run by draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.events import month_number
from scenarios.trends import Shape

Float = npt.NDArray[np.float64]

FULL_AT = month_number("2030-01")  # drivers have their size of 2030 from here on
STEP_AT = month_number("2027-01")  # a step that no probability dates (assumed)


def ramp(months: int, start: Float, years: float) -> Float:
    """Share of its full effect that a measure has, (D, months), from ``start`` (D,) in months."""
    since = np.arange(months) + 0.5 - start[:, None]
    if years == 0.0:
        return (since > 0.0).astype(np.float64)
    return np.clip(since / (12.0 * years), 0.0, 1.0)


def fading(months: int, start: Float, fades: float) -> Float:
    """What is left of an effect that loses a share ``fades`` each year from ``start`` on.

    ``start`` (D,): months. Returns (D, months), 0 to 1.
    """
    years = np.maximum(np.arange(months) - start[:, None], 0.0) / 12.0
    return np.asarray((1.0 - fades) ** years)


def driver_path(shape: Shape, branch: int, months: int) -> Float:
    """Share of its way to 2030 that a driver has gone, (months,), 0 before the branch."""
    if shape == "step":
        return (np.arange(months) >= max(STEP_AT, branch)).astype(np.float64)
    gone = np.clip((np.arange(months) + 0.5 - branch) / max(FULL_AT - branch, 1), 0.0, 1.0)
    if shape == "s-curve":
        return np.asarray(gone * gone * (3.0 - 2.0 * gone))
    if shape == "late":
        return np.asarray(gone**3)
    return gone


def event_months(chance: Float, uniform: Float, branch: int, *, by_2030: bool) -> Float:
    """Month in which an event happens by draw, (D,), inf where it never does.

    ``chance`` (D,): probability a year, or until 2030; a higher one never makes it later.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if by_2030:
            span = max(FULL_AT - branch, 1)
            waited = np.where(uniform < chance, span * uniform / chance, np.inf)
        else:
            waited = 12.0 * np.log1p(-uniform) / np.log1p(-np.minimum(chance, 1.0 - 1e-12))
    waited = np.where(chance > 0.0, waited, np.inf)
    return np.asarray(branch + np.floor(waited))


def event_path(months: int, start: Float, lasts: int | None) -> Float:
    """1 in the months of an event, (D, months)."""
    since = np.arange(months) - start[:, None]
    on = since >= 0.0
    return np.asarray(on if lasts is None else on & (since < lasts), dtype=np.float64)
