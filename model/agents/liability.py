"""Liability: one trait that makes a person more or less likely to use whatever there is.

A standard normal cut into CLASSES equally likely classes, each at its quantile in the middle. Ever
use of a product follows a one-factor Gaussian copula within a stratum: with loading rho, P(never |
class c) = Phi((tau - sqrt(rho) z_c) / sqrt(1 - rho)), tau such that the mean over classes is the
stratum's share. First use of a class is the stratum's hazard times a ratio that keeps ever use on
the copula while the stratum as a whole follows the compartments.

Tables are made once a run with SciPy; what is done for each person uses no mathematical library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import log_ndtr, ndtr, ndtri

from model.agents import philox
from model.agents.people import CLASSES

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Byte = npt.NDArray[np.uint8]

# Middles of the classes and the 31 cuts between them, in standard deviations.
MIDDLE: Float = np.asarray(ndtri((np.arange(CLASSES) + 0.5) / CLASSES), dtype=np.float64)
CUTS: Float = np.asarray(ndtri(np.arange(1, CLASSES) / CLASSES), dtype=np.float64)

MOST = 0.9  # largest loading: above it the classes are too coarse
EDGE = 18.0  # the table covers never-shares of these logits (1.5e-8 from 0 and from 1)
STEP = 0.125  # between its rows
GRID = 289
_ROUNDS = 60  # of Newton's method; it needs about 6
_NONE = 63  # product of counters that belong to none
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)  # of the normal density
_LEAST = 1e-12  # share below which a copula is not told from none


def _slope(rho: float) -> tuple[float, float]:
    if not 0.0 <= rho < 1.0:
        raise ValueError(f"a loading is at least 0 and less than 1, not {rho}")
    rho = min(rho, MOST)
    return math.sqrt(rho), 1.0 / math.sqrt(1.0 - rho)


def _reached(rho: float, share: Float) -> Float:
    """P(class reaches ``share``), mean over classes ``share`` (..., CLASSES), rising with class.

    ``share`` is at most 1/2. By Newton's method on the log of the mean: that is concave in the
    threshold, so that it converges from anywhere.
    """
    slope, scale = _slope(rho)
    target = np.clip(share, _LEAST, 0.5)[..., None]
    threshold = np.asarray(ndtri(target))
    for _ in range(_ROUNDS):
        at = scale * (threshold + slope * MIDDLE)
        logs = log_ndtr(at)
        top = logs.max(axis=-1, keepdims=True)
        mean = np.exp(logs - top).mean(axis=-1, keepdims=True)
        density = np.exp(-0.5 * at**2 - top).mean(axis=-1, keepdims=True) * scale * _PEAK
        gap = top + np.log(mean) - np.log(target)
        threshold = threshold - gap * mean / density
        if np.abs(gap).max(initial=0.0) < 1e-14:
            break
    return np.asarray(ndtr(scale * (threshold + slope * MIDDLE)))


def never_shares(rho: float, share: npt.ArrayLike) -> Float:
    """P(never used | class) in strata where ``share`` (...) never have: (..., CLASSES).

    The mean over classes is ``share``. Raises ValueError when ``rho`` is not in [0, 1).
    """
    never = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)
    least = np.minimum(never, 1.0 - never)
    one = _reached(rho, least)
    one *= (least / one.mean(axis=-1))[..., None]  # exactly the share, also at 0 and 1
    # The classes are symmetric: the lowest never use as the highest use.
    return np.asarray(np.where(never[..., None] < 0.5, one[..., ::-1], 1.0 - one))


def hazard_table(rho: float) -> Float:
    """Hazard of first use of a class over that of its stratum: (GRID, CLASSES).

    Rows by the logit of the stratum's never-share S, -EDGE to EDGE. Ratio: (d ln S_c / d tau) /
    (d ln S / d tau), so that the mean over people who never used is 1 at any time. Largest for the
    highest class where nearly nobody has used: 25 at rho 0.35, 30 at 0.55, 32 at 0.8, 51 at MOST.
    Raises ValueError when ``rho`` is not in [0, 1).
    """
    slope, scale = _slope(rho)
    if slope == 0.0:
        return np.ones((GRID, CLASSES))
    logit = np.linspace(-EDGE, EDGE, GRID)
    threshold = _thresholds(rho, logit)
    at = scale * (threshold[:, None] - slope * MIDDLE)
    log_never = log_ndtr(at)
    mills = np.exp(-0.5 * at**2 - log_never)
    weight = np.exp(log_never - log_never.max(axis=1, keepdims=True))
    mean = (weight * mills).sum(axis=1) / weight.sum(axis=1)
    return np.ascontiguousarray(mills / mean[:, None])


def _thresholds(rho: float, logit: Float) -> Float:
    """tau at never-shares of these logits, read off the use of one class."""
    slope, scale = _slope(rho)
    small = 1.0 / (1.0 + np.exp(np.abs(logit)))
    reached = _reached(rho, small)[:, CLASSES // 2]
    tau = np.asarray(ndtri(reached)) / scale - slope * MIDDLE[CLASSES // 2]
    return np.asarray(np.where(logit < 0.0, tau, -tau))


@njit(cache=True, nogil=True)
def ratios(table: Float, share: float, out: Float) -> None:
    """Set ``out`` (CLASSES,) to hazards of first use over the stratum's, never-share ``share``.

    Linear in the logit between rows of ``table``: the mean over people who never used is 1 within
    1e-3 (2e-3 for loadings above 0.8) where they follow the copula; ``balance`` makes it exact for
    the people there are. Shares beyond the table take its first or last row.
    """
    if share <= 0.0:
        place = 0.0
    elif share >= 1.0:
        place = float(GRID - 1)
    else:
        place = (philox.log(share / (1.0 - share)) + EDGE) / STEP
    place = min(max(place, 0.0), float(GRID - 1))
    row = min(int(place), GRID - 2)
    rest = place - row
    for c in range(CLASSES):
        out[c] = (1.0 - rest) * table[row, c] + rest * table[row + 1, c]


@njit(cache=True, nogil=True)
def balance(out: Float, counts: Float) -> None:
    """Divide ``out`` (CLASSES,) by its mean over ``counts`` people; ones where there is nobody."""
    people = 0.0
    total = 0.0
    for c in range(CLASSES):
        people += counts[c]
        total += counts[c] * out[c]
    for c in range(CLASSES):
        out[c] = out[c] * people / total if total > 0.0 else 1.0


@njit(cache=True, nogil=True)
def escalation_ratios(counts: Float, tilt: float) -> Float:
    """Hazards of escalation of classes over that of all ``counts`` (CLASSES,) people at risk.

    exp(``tilt`` z) over its mean; ones where nobody is at risk.
    """
    out = np.empty(CLASSES)
    for c in range(CLASSES):
        out[c] = philox.exp(tilt * MIDDLE[c])
    balance(out, counts)
    return out


def start_shares(
    never: Float, others: Float, rho: float, tilt: float, escalated: Sequence[bool] | Bool
) -> Float:
    """Shares of states given class, (S, CLASSES, 1 + states), never first, summing to 1.

    ``never`` (S,) and ``others`` (S, states): people or shares of S strata; an empty stratum has
    nobody who used. Never use follows the copula. Of those who used, the odds of being in one of
    the ``escalated`` (states,) rise by exp(``tilt``) for each standard deviation of liability; that
    is where proportional fitting to both margins leads. Means over classes are the given shares.
    Raises ValueError when ``rho`` is not in [0, 1).
    """
    total = never + others.sum(axis=1)
    lived = np.maximum(total, np.finfo(np.float64).tiny)
    share = np.where(total > 0.0, never / lived, 1.0)
    part = others / lived[:, None]
    out = np.empty((len(never), CLASSES, 1 + others.shape[1]))
    out[:, :, 0] = never_shares(rho, share)
    ever = 1.0 - out[:, :, 0]
    late = np.asarray(escalated, dtype=bool)
    rose = part[:, late].sum(axis=1)
    odds = _odds(ever, rose, tilt)
    for chosen, group in ((late, ever * odds), (~late, ever * (1.0 - odds))):
        kept = part[:, chosen]
        whole = np.maximum(kept.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        out[:, :, 1:][:, :, chosen] = group[:, :, None] * (kept / whole)[:, None, :]
    return out


def _odds(ever: Float, rose: Float, tilt: float) -> Float:
    """P(escalated | class, ever used) with mean ``rose`` (S,) over ``ever`` (S, CLASSES)."""
    used = ever.mean(axis=1)
    goal = np.clip(rose / np.maximum(used, np.finfo(np.float64).tiny), 0.0, 1.0)
    weight = ever / np.maximum(ever.sum(axis=1), np.finfo(np.float64).tiny)[:, None]
    inner = np.clip(goal, _LEAST, 1.0 - _LEAST)
    middle = np.log(inner / (1.0 - inner))
    low = middle - abs(tilt) * MIDDLE[-1]
    high = middle + abs(tilt) * MIDDLE[-1]
    for _ in range(_ROUNDS):
        half = 0.5 * (low + high)
        found = 1.0 / (1.0 + np.exp(-(half[:, None] + tilt * MIDDLE)))
        above = (weight * found).sum(axis=1) > inner
        low, high = np.where(above, low, half), np.where(above, half, high)
    mean = np.maximum((weight * found).sum(axis=1), np.finfo(np.float64).tiny)
    return np.asarray(np.minimum(found * (goal / mean)[:, None], 1.0))


def burden_probability(share: npt.ArrayLike, correlation: float) -> Float:
    """P(mental-health burden | class) where ``share`` (...) have one: (..., CLASSES).

    ``correlation`` of the burden's own normal with liability; the mean over classes is ``share``.
    Raises ValueError when its square is not in [0, 1).
    """
    return 1.0 - never_shares(correlation**2, 1.0 - np.asarray(share, dtype=np.float64))


# Wichura (1988), algorithm AS 241 (PPND16): relative accuracy 1e-16. Highest power first.
_A = (
    2509.0809287301226727,
    33430.575583588128105,
    67265.770927008700853,
    45921.953931549871457,
    13731.693765509461125,
    1971.5909503065514427,
    133.14166789178437745,
    3.387132872796366608,
)
_B = (
    5226.495278852545925,
    28729.085735721942674,
    39307.89580009271061,
    21213.794301586595867,
    5394.1960214247511077,
    687.1870074920579083,
    42.313330701600911252,
    1.0,
)
_C = (
    7.7454501427834140764e-4,
    0.0227238449892691845833,
    0.24178072517745061177,
    1.27045825245236838258,
    3.64784832476320460504,
    5.7694972214606914055,
    4.6303378461565452959,
    1.42343711074968357734,
)
_D = (
    1.05075007164441684324e-9,
    5.475938084995344946e-4,
    0.0151986665636164571966,
    0.14810397642748007459,
    0.68976733498510000455,
    1.6763848301838038494,
    2.05319162663775882187,
    1.0,
)
_E = (
    2.01033439929228813265e-7,
    2.71155556874348757815e-5,
    0.0012426609473880784386,
    0.026532189526576123093,
    0.29656057182850489123,
    1.7848265399172913358,
    5.4637849111641143699,
    6.6579046435011037772,
)
_F = (
    2.04426310338993978564e-15,
    1.4215117583164458887e-7,
    1.8463183175100546818e-5,
    7.868691311456132591e-4,
    0.0148753612908506148525,
    0.13692988092273580531,
    0.59983220655588793769,
    1.0,
)


@njit(cache=True, nogil=True)
def _ratio(over: tuple[float, ...], under: tuple[float, ...], x: float) -> float:
    above, below = 0.0, 0.0
    for k in range(8):
        above = above * x + over[k]
        below = below * x + under[k]
    return above / below


@njit(cache=True, nogil=True)
def normal(u: float) -> float:
    """The standard normal quantile of ``u`` in (0, 1), from elementary operations alone."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_A, _B, 0.180625 - q * q)
    r = math.sqrt(-philox.log(u if q < 0.0 else 1.0 - u))
    z = _ratio(_C, _D, r - 1.6) if r <= 5.0 else _ratio(_E, _F, r - 5.0)
    return -z if q < 0.0 else z


@njit(cache=True, nogil=True)
def class_of(z: float) -> int:
    """The class in which a liability of ``z`` standard deviations lies."""
    low, high = 0, CLASSES - 1
    while low < high:
        half = (low + high) // 2
        if z < CUTS[half]:
            high = half
        else:
            low = half + 1
    return low


@njit(cache=True, nogil=True)
def draw_liability(out: Byte, homophily: float, k0: int, k1: int, first_slot: int) -> None:
    """Set the classes of the slots of one cell, ``first_slot`` on, under key (seed, draw).

    A stationary Gaussian AR(1): neighbours correlate by ``homophily`` (0 to 1), people k places
    apart by its k-th power; classes are equally likely. The two ends of the cell, neighbours on the
    ring, are independent.
    """
    rest = math.sqrt(max(0.0, 1.0 - homophily * homophily))
    z = 0.0
    for i in range(out.size):
        slot = np.uint32(first_slot + i)
        w0, w1, _, _ = philox.philox(0, slot, _NONE, philox.LIABILITY, k0, k1)
        own = normal(philox.fine_uniform(w0, w1))
        z = own if i == 0 else homophily * z + rest * own
        out[i] = np.uint8(class_of(z))
