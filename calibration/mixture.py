"""Mixtures of normal distributions, one for each draw: what a predictive distribution is here."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import ndtr, ndtri

from model.errors import InputError

Float = npt.NDArray[np.float64]

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
_STEPS = 200


def mixture_cdf(x: npt.ArrayLike, mean: Float, sd: Float, weights: Float | None = None) -> Float:
    """Probability of at most ``x`` (any shape) under normals ``mean``, ``sd`` (D,).

    ``weights`` (D,) need not sum to 1; None weighs all alike. A component with sd 0 is a point.

    Raises:
        InputError: shapes that differ, weights that are negative or all 0, a negative sd.
    """
    mean, sd, share = _components(mean, sd, weights)
    points = np.asarray(x, dtype=np.float64)
    gap = points[..., None] - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.where(sd > 0, ndtr(gap / sd), gap >= 0)
    return np.asarray(below @ share)


def mixture_quantile(
    mean: Float, sd: Float, weights: Float | None, q: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Quantiles at probabilities ``q`` (any shape, within 0 and 1) of a mixture as in mixture_cdf.

    Exact to 1e-12 of the mixture's width in probability or place.

    Raises:
        InputError: as for mixture_cdf, or a probability outside (0, 1).
    """
    mean, sd, share = _components(mean, sd, weights)
    probabilities = np.asarray(q, dtype=np.float64)
    if not ((probabilities > 0) & (probabilities < 1)).all():
        raise InputError("a probability is outside its range", given=q, allowed="0 < q < 1")
    result = np.empty(probabilities.shape)
    for at in np.ndindex(probabilities.shape):
        each = mean + sd * ndtri(probabilities[at])
        q_at = float(probabilities[at])
        result[at] = _quantile(mean, sd, share, q_at, float(each.min()), float(each.max()))
    return result


def _components(mean: Float, sd: Float, weights: Float | None) -> tuple[Float, Float, Float]:
    """Means, sds and shares (sum 1) of the components that have a share."""
    mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    share = np.ones(mean.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if mean.ndim != 1 or mean.shape != sd.shape or mean.shape != share.shape:
        raise InputError(
            "a mixture needs a mean, an sd and a weight for each draw",
            given=(mean.shape, sd.shape, share.shape),
        )
    if not (np.isfinite(mean) & (sd >= 0) & np.isfinite(sd)).all():
        raise InputError("a mean or sd is not finite, or an sd is negative")
    if not (share >= 0).all() or not 0 < share.sum() < np.inf:
        raise InputError("weights must be non-negative and not all 0")
    kept = share > 0
    share = share[kept]
    return mean[kept], sd[kept], share / share.sum()


@njit(cache=True, nogil=True)
def _quantile(mean: Float, sd: Float, share: Float, q: float, low: float, high: float) -> float:
    """Newton's method inside a bracket: a quantile lies between those of the components."""
    x = 0.5 * (low + high)
    close = 1e-13 * (high - low)
    for _ in range(_STEPS):
        below, slope = 0.0, 0.0
        for d in range(mean.size):
            if sd[d] > 0.0:
                score = (x - mean[d]) / sd[d]
                below += share[d] * 0.5 * math.erfc(-score * _ROOT_HALF)
                slope += share[d] / sd[d] * _DENSITY * math.exp(-0.5 * score * score)
            elif x >= mean[d]:
                below += share[d]
        if below < q:
            low = x
        else:
            high = x
        if high - low <= close or abs(below - q) < 1e-14:
            break
        step = x - (below - q) / slope if slope > 0.0 else low
        x = step if low < step < high else 0.5 * (low + high)
    return x
