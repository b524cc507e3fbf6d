"""The initiation multiplier over time: adoption of new products and a damped local trend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.rates import Rates

Float = npt.NDArray[np.float64]

FIRST_YEAR = 2010
LAST_YEAR = 2030
KNOT_YEARS = 3
KNOTS = (LAST_YEAR + 1 - FIRST_YEAR) // KNOT_YEARS
# Before this year initiation is held at its level of that year: no figure reaches further back.
CONSTANT_BEFORE = 1970


def initiation_multiplier(rates: Rates, years: Float) -> Float:
    """Multiplier on initiation at calendar times ``years``, shape (draws, products, times).

    Before 2010 a straight line on the log scale with slope ``growth``; from 2010 a damped local
    trend: with knots three years apart, ``d[k] = damping * d[k-1] + sd * innovation[k]`` and
    ``log M[k] = log M[k-1] + d[k]``, the first ``d`` from the growth before 2010; log-linear
    between knots. Times the logistic adoption curve of products that were new.
    """
    growth, damping, spread = (rates.trend[..., k] for k in range(3))
    innovations = rates.trend[..., 3:]
    knots = [np.zeros_like(growth)]
    change = growth * KNOT_YEARS
    for k in range(innovations.shape[-1]):
        change = damping * change + spread * innovations[..., k]
        knots.append(knots[-1] + change)
    level = np.stack(knots, axis=-1)
    position = np.clip((years - FIRST_YEAR) / KNOT_YEARS, 0.0, level.shape[-1] - 1.0)
    left = np.minimum(position.astype(np.int64), level.shape[-1] - 2)
    share = position - left
    log_multiplier = level[..., left] * (1.0 - share) + level[..., left + 1] * share
    past = np.minimum(np.maximum(years, CONSTANT_BEFORE) - FIRST_YEAR, 0.0)
    log_multiplier = log_multiplier + growth[..., None] * past
    midpoint, scale = (rates.diffusion[..., k, None] for k in range(2))
    adopted = 1.0 / (1.0 + np.exp(-np.clip((years - midpoint) / scale, -700.0, 700.0)))
    return np.asarray(np.exp(log_multiplier) * adopted)
