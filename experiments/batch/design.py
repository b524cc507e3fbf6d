"""Designs: how the points of a study are chosen, by which sampler, and what each method asks.

SALib draws the samples (scipy the plain Sobol sequence); a grid is every combination. A factor that
is no quantity (a draw, a seed, a variant) is sampled over [0, number of values) and rounded down.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.batch.factors import Factor
from model.errors import InputError

Float = npt.NDArray[np.float64]

SAMPLES = ("latin", "sobol-sequence", "grid")
ANALYSES = (
    "sobol",
    "morris",
    "fast",
    "rbd-fast",
    "pawn",
    "delta",
    "hdmr",
    "fractional-factorial",
)
METHODS = (*SAMPLES, *ANALYSES)
POWERS_OF_TWO = ("sobol", "sobol-sequence")
GROUPED = ("sobol", "morris", "pawn")  # methods that honour groups and unordered factors
MOST_POINTS = 2_000_000
MOST_NUMBERS = 200_000_000  # points x factors: 1.6 GB
MOST_FACTORIAL = 512  # factors: the samplers know no larger design
# Least base sample, and from where on it is worth its while (our advice, told as a caution).
LEAST = {"morris": 2, "rbd-fast": 60, "pawn": 20, "delta": 100, "hdmr": 300}
ADVISED = {"morris": 20, "sobol": 256, "rbd-fast": 300, "pawn": 200, "delta": 500, "hdmr": 1000}
_LEAST_WHY = {
    "morris": "one trajectory has no spread",
    "rbd-fast": "three times the twenty harmonics that are read",
    "pawn": "two points in each slice",
    "delta": "each class of a factor needs points for a density",
    "hdmr": "its regression takes no fewer",
}
_NO_GROUPS = {
    "fast": "each factor has a frequency of its own",
    "rbd-fast": "each factor is ordered on its own",
    "delta": "each factor is cut into classes on its own",
    "hdmr": "each factor has a curve of its own",
    "fractional-factorial": "each factor has a column of its own",
}
_NO_ORDER = {
    "fast": "it follows waves along a factor, which needs larger and smaller",
    "rbd-fast": "it follows waves along a factor, which needs larger and smaller",
    "delta": "its classes are neighbouring values, which needs larger and smaller",
    "hdmr": "it fits smooth curves along a factor, which needs larger and smaller",
    "fractional-factorial": "it knows two ends of a factor, a low and a high one",
}


@dataclass(frozen=True)
class Design:
    """How points are chosen. ``n``: base sample; points, trajectories (morris), or levels (grid).

    ``second_order``: of sobol. ``levels``: of morris, an even number. ``order``: harmonics of fast.
    ``slices``: of pawn. ``grouped``: factors of one group move together and are judged as one.
    """

    method: str
    n: int
    seed: int = 1
    second_order: bool = False
    levels: int = 4
    order: int = 4
    slices: int = 10
    grouped: bool = False


def problem_of(factors: Sequence[Factor], design: Design) -> dict[str, Any]:
    """The problem as SALib takes it, a new one each time (SALib writes into it)."""
    problem: dict[str, Any] = {
        "num_vars": len(factors),
        "names": [factor.id for factor in factors],
        "bounds": [[factor.low, factor.high] for factor in factors],
    }
    if design.grouped:
        problem["groups"] = [factor.group for factor in factors]
    return problem


def points_of(factors: Sequence[Factor], design: Design) -> int:
    """How many points a design has, without making them."""
    count, n = len(factors), design.n
    varied = len({factor.group for factor in factors}) if design.grouped else count
    if not count:
        return 1
    if design.method == "grid":
        return prod(levels_of(factor, n) for factor in factors)
    if design.method == "sobol":
        return n * (2 * varied + 2 if design.second_order else varied + 2)
    if design.method == "morris":
        return n * (varied + 1)
    if design.method == "fast":
        return n * count
    if design.method == "fractional-factorial":
        return 2 << (count - 1).bit_length()
    return n


def levels_of(factor: Factor, n: int) -> int:
    """Values of a factor on a grid of ``n``: all of one that is no quantity."""
    return n if factor.ordered else int(factor.high)


def check_design(factors: Sequence[Factor], design: Design) -> None:
    """Refuse what a method cannot do. InputError with key, given, allowed; no file or line."""
    method, n = design.method, design.n
    if method not in METHODS:
        raise InputError("unknown method", key="method", given=method, allowed=METHODS)
    if n < 1:
        raise InputError("too small a sample", key="n", given=n, allowed="1 or more")
    if method in POWERS_OF_TWO and (n < 2 or n & (n - 1)):
        below = 1 << max(1, n.bit_length() - 1)
        told = f"a power of two, such as {below}" + ("" if n < 2 else f" or {2 * below}")
        raise InputError("the sample is no power of two", key="n", given=n, allowed=told)
    least, why = LEAST.get(method, 1), _LEAST_WHY.get(method, "")
    if method == "grid":
        least, why = 2, "both ends of a factor"
    elif method == "fast":
        least, why = 4 * design.order**2 + 1, f"4 M**2 + 1, of M = {design.order} harmonics"
    elif method == "pawn":
        least = max(least, 2 * design.slices)
    if n < least:
        raise InputError(
            f"too small a sample for {method}", key="n", given=n, allowed=f"{least} or more: {why}"
        )
    if method == "morris" and (design.levels < 2 or design.levels % 2):
        allowed = "an even number from 2 on"
        raise InputError("levels of morris", key="levels", given=design.levels, allowed=allowed)
    _check_factors(factors, design)
    _check_size(factors, design)


def _check_factors(factors: Sequence[Factor], design: Design) -> None:
    method = design.method
    if method in ANALYSES and not factors:
        raise InputError(
            "a sensitivity analysis needs factors", key="factors", allowed="one factor or more"
        )
    if method in ("hdmr", "morris", "fractional-factorial") and len(factors) < 2:
        raise InputError(
            f"{method} needs factors to tell apart",
            key="factors",
            given=len(factors),
            allowed="two factors or more",
        )
    if method == "fractional-factorial" and len(factors) > MOST_FACTORIAL:
        allowed = f"at most {MOST_FACTORIAL}"
        raise InputError("too many factors", key="factors", given=len(factors), allowed=allowed)
    if design.grouped:
        _check_groups(factors, method)
    loose = [factor for factor in factors if not factor.ordered]
    if loose and method in _NO_ORDER:
        raise InputError(
            f"{method} takes no factors without an order: {_NO_ORDER[method]}",
            key="factors",
            given=", ".join(factor.id for factor in loose),
            allowed=f"another method ({', '.join(GROUPED)}), or a study without these factors",
        )
    if method == "pawn":
        for factor in loose:
            if factor.high > design.slices:
                raise InputError(
                    "pawn takes a factor without an order only where each value has a slice: "
                    "a slice of several values would mix what has nothing in common",
                    key="factors",
                    given=f"{factor.id}: {factor.high:g} values",
                    allowed=f"at most {design.slices} values (slices), or sobol",
                )


def _check_groups(factors: Sequence[Factor], method: str) -> None:
    if method not in GROUPED:
        why = _NO_GROUPS.get(method, "it is a sample, and groups are of an analysis")
        raise InputError(
            f"{method} takes no groups: {why}",
            key="grouped",
            given="groups",
            allowed=f"{', '.join(GROUPED)}, or no groups",
        )
    names = {factor.group for factor in factors}
    if len(names) < 2:
        raise InputError(
            "there is one group only",
            key="grouped",
            given=", ".join(names),
            allowed="factors of two groups or more",
        )


def _check_size(factors: Sequence[Factor], design: Design) -> None:
    points = points_of(factors, design)
    most = min(MOST_POINTS, MOST_NUMBERS // max(len(factors), 1))
    if points <= most:
        return
    what = f"{design.method} of {len(factors)} factors makes {points:,} points"
    fewer = "fewer factors or levels; latin covers many factors with few points"
    raise InputError(
        f"too many points: {what}",
        key="n",
        given=design.n,
        allowed=f"at most {most:,} points: {fewer if design.method == 'grid' else 'a smaller n'}",
    )


def cautions_of(factors: Sequence[Factor], design: Design) -> tuple[str, ...]:
    """What to know of a design that is allowed, in sentences."""
    found = []
    method, n = design.method, design.n
    advised = ADVISED.get(method, 0)
    if method in ANALYSES and n < advised:
        found.append(f"{method} with n = {n}: {advised} or more is advised.")
    loose = [factor for factor in factors if not factor.ordered]
    if loose and method == "morris":
        names = ", ".join(factor.id for factor in loose)
        found.append(f"{names}: without an order, so mu and its sign have no meaning; mu* has.")
        seen = [f for f in loose if f.high > design.levels]
        found += [
            f"{f.id}: morris sees {design.levels} of its {f.high:g} values (its levels)."
            for f in seen
        ]
    most = (n - 1) // (2 * design.order) // (2 * design.order)
    if method == "fast" and most < len(factors) - 1:
        least = 4 * design.order**2 * (len(factors) - 1) + 1
        told = f"fast with n = {n}: factors share frequencies; {least} would give each its own."
        found.append(told)
    return tuple(found)


def sample(factors: Sequence[Factor], design: Design) -> Float:
    """The points of a design, (P, K), in the units of the factors.

    Equal designs give equal points. Raises InputError as ``check_design``.
    """
    check_design(factors, design)
    if not factors:
        return np.zeros((1, 0))
    points = _sampled(factors, design)
    for k, factor in enumerate(factors):
        if not factor.ordered:
            points[:, k] = np.clip(np.floor(points[:, k]), 0.0, factor.high - 1.0)
    return points


def _sampled(factors: Sequence[Factor], design: Design) -> Float:
    from SALib.sample import fast_sampler, ff, latin, morris, sobol

    method, n, seed = design.method, design.n, design.seed
    problem = copy.deepcopy(problem_of(factors, design))
    if method == "grid":
        return _grid(factors, n)
    if method == "sobol-sequence":
        return _sequence(factors, n, seed)
    if method == "sobol":
        made = sobol.sample(problem, n, calc_second_order=design.second_order, seed=seed)
    elif method == "morris":
        made = morris.sample(problem, n, num_levels=design.levels, seed=seed)
    elif method == "fast":
        made = fast_sampler.sample(problem, n, M=design.order, seed=seed)
    elif method == "fractional-factorial":
        # Columns after the factors are dummies of the method; its analysis makes them anew.
        made = ff.sample(problem, seed=seed)[:, : len(factors)]
    else:
        made = latin.sample(problem, n, seed=seed)
    return np.ascontiguousarray(made, dtype=np.float64)


def _grid(factors: Sequence[Factor], n: int) -> Float:
    axes = [
        np.linspace(factor.low, factor.high, n) if factor.ordered else np.arange(factor.high)
        for factor in factors
    ]
    return np.stack([axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _sequence(factors: Sequence[Factor], n: int, seed: int) -> Float:
    from scipy.stats import qmc

    unit = qmc.Sobol(d=len(factors), scramble=True, seed=seed).random(n)
    low = np.array([factor.low for factor in factors])
    high = np.array([factor.high for factor in factors])
    return np.asarray(low + (high - low) * unit, dtype=np.float64)
