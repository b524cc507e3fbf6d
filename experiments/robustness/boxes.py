"""Boxes of PRIM: ranges of the factors that hold many of the cases of interest.

PRIM peels: from a box of all cases it cuts off a thin slice, again and again, each time the one
whose loss makes the rest densest in cases of interest. Each step is a box; early ones cover more
cases, late ones are denser. The algorithm is that of ema-workbench.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.robustness.futures import Bool

if TYPE_CHECKING:
    import pandas as pd

LEAST_COVERAGE = 0.5
LEAST_MASS = 0.05
SLICE = 0.05  # share of the cases of a box that one step may cut off
CHANCE = 0.05
"""A restriction with a quasi-p-value above this is taken away again."""
LUCK = 0.01
HIT = 1e-9  # ema-workbench counts as of interest what is at least its threshold


@dataclass(frozen=True)
class Limit:
    """What a box says of one factor.

    ``low`` and ``high``: None where that side is free; ``values``: those allowed, of a factor
    without order. ``quasi_p_low`` and ``quasi_p_high``: the chance that a box without this limit
    would by luck be as dense as the one with it (``quasi_p_low`` of allowed values); they treat
    cases as unrelated and know nothing of the search, so they are too small.
    """

    factor: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    quasi_p_low: float | None = None
    quasi_p_high: float | None = None

    @property
    def quasi_p(self) -> float:
        """The larger of the two, a probability."""
        return max(p for p in (self.quasi_p_low, self.quasi_p_high, 0.0) if p is not None)

    def holds(self, column: pd.Series[Any]) -> Bool:
        """Which of these values (cases,) of the factor it allows."""
        if self.values:
            return np.asarray(column.isin(self.values), dtype=bool)
        given = np.asarray(column, dtype=float)
        found = np.ones(len(given), dtype=bool)
        if self.low is not None:
            found &= given >= self.low
        if self.high is not None:
            found &= given <= self.high
        return found


@dataclass(frozen=True)
class Box:
    """A box; ``step``: its place on the trajectory.

    ``coverage``: share of the cases of interest that lie in it; ``density``: share of its cases
    that are of interest; ``mass``: share of all cases that lie in it.
    """

    limits: tuple[Limit, ...]
    coverage: float
    density: float
    mass: float
    cases: int
    step: int = 0

    @property
    def restricted(self) -> int:
        """Number of factors that it restricts."""
        return len(self.limits)

    def holds(self, x: pd.DataFrame) -> Bool:
        """Which cases lie in it, (cases,); ``x`` has a column for each factor."""
        found = np.ones(len(x), dtype=bool)
        for one in self.limits:
            found &= one.holds(x[one.factor])
        return found


def box_of(limits: Sequence[Limit], x: pd.DataFrame, y: Bool, step: int = 0) -> Box:
    """A box with what it covers of these cases; ``y`` (cases,): which are of interest."""
    inside = Box(tuple(limits), 0, 0, 0, 0).holds(x)
    count, hits = int(inside.sum()), int(y[inside].sum())
    return Box(
        tuple(limits),
        hits / int(y.sum()),
        hits / count if count else 0.0,
        count / len(y),
        count,
        step,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and messages of ema-workbench from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def peel(x: pd.DataFrame, y: Bool, mass: float = LEAST_MASS) -> list[Box]:
    """The boxes of PRIM's trajectory, the first one without limits.

    ``x``: a column a factor; ``y`` (cases,): which are of interest.
    """
    with quiet():
        from ema_workbench.analysis import prim

        found = prim.Prim(
            x.reset_index(drop=True),
            np.asarray(y, dtype=bool),
            threshold=HIT,
            peel_alpha=SLICE,
            paste_alpha=SLICE,
            mass_min=mass,
        ).find_box()
        told = found.peeling_trajectory
        start = found.box_lims[0]
        return [
            Box(
                _limits(found.box_lims[i], start, found.qp[i]),
                coverage=float(told["coverage"].iloc[i]),
                density=float(told["density"].iloc[i]),
                mass=float(told["mass"].iloc[i]),
                cases=int(told["n"].iloc[i]),
                step=i,
            )
            for i in range(len(told))
        ]


def _limits(
    lims: pd.DataFrame, start: pd.DataFrame, quasi: dict[str, list[float]]
) -> tuple[Limit, ...]:
    """Limits of ema-workbench that differ from those of the first box."""
    found = []
    for name, (low_p, high_p) in quasi.items():
        low, high = lims[name].tolist()
        if isinstance(low, set):
            found.append(Limit(name, values=tuple(sorted(low)), quasi_p_low=float(low_p)))
            continue
        first, last = start[name].tolist()
        found.append(
            Limit(
                name,
                float(low) if low != first else None,
                float(high) if high != last else None,
                quasi_p_low=float(low_p) if low != first else None,
                quasi_p_high=float(high_p) if high != last else None,
            )
        )
    return tuple(found)


def chosen(boxes: Sequence[Box], least: float = LEAST_COVERAGE) -> Box:
    """The densest box that covers at least this share of the cases of interest.

    The very densest owes its last bit to luck: boxes that it is not clearly denser than (one-sided
    binomial, p of 0.01 or more) count as equally dense; of those the one with fewest restrictions,
    then most coverage, is taken.
    """
    from scipy.stats import binom

    fit = [one for one in boxes if one.coverage >= least] or list(boxes[:1])
    best = max(fit, key=lambda one: one.density)
    hits = round(best.density * best.cases)
    equal = [one for one in fit if binom.sf(hits - 1, best.cases, one.density) >= LUCK]
    return max([*equal, best], key=lambda one: (-one.restricted, one.coverage))


def tidied(box: Box, x: pd.DataFrame, y: Bool) -> Box:
    """The box without the restrictions that luck explains, the weakest taken away first.

    Quasi-p-values are computed anew after each. ``y`` (cases,).
    """
    limits = with_quasi_p(box.limits, x, y)
    while limits and limits[0].quasi_p >= CHANCE:
        limits = with_quasi_p(_loosened(limits[0], limits), x, y)
    return box_of(sorted(limits, key=lambda one: one.quasi_p), x, y, box.step)


def _loosened(weakest: Limit, limits: Sequence[Limit]) -> list[Limit]:
    """Without the weakest limit; only without its weaker side where it has two."""
    kept = [one for one in limits if one is not weakest]
    if weakest.quasi_p_low is None or weakest.quasi_p_high is None:
        return kept
    if weakest.quasi_p_low >= weakest.quasi_p_high:
        return [*kept, replace(weakest, low=None, quasi_p_low=None)]
    return [*kept, replace(weakest, high=None, quasi_p_high=None)]


def with_quasi_p(limits: Sequence[Limit], x: pd.DataFrame, y: Bool) -> list[Limit]:
    """Limits with quasi-p-values (one-sided binomial, Bryant and Lempert 2010), weakest first.

    ``y`` (cases,): which are of interest.
    """
    from scipy.stats import binomtest

    masks = {one.factor: one.holds(x[one.factor]) for one in limits}
    whole = np.logical_and.reduce([np.ones(len(y), dtype=bool), *masks.values()])
    count, hits = int(whole.sum()), int(y[whole].sum())

    def quasi(one: Limit, loose: Limit) -> float:
        rest = [mask for name, mask in masks.items() if name != one.factor]
        free = loose.low is None and loose.high is None and not loose.values
        others = rest if free else [*rest, loose.holds(x[one.factor])]
        inside = np.logical_and.reduce([np.ones(len(y), dtype=bool), *others])
        return float(binomtest(hits, count, y[inside].mean(), alternative="greater").pvalue)

    found = []
    for one in limits:
        low = high = None
        if one.values:
            low = quasi(one, replace(one, values=()))
        if one.low is not None:
            low = quasi(one, replace(one, low=None))
        if one.high is not None:
            high = quasi(one, replace(one, high=None))
        found.append(replace(one, quasi_p_low=low, quasi_p_high=high))
    return sorted(found, key=lambda one: -one.quasi_p)
