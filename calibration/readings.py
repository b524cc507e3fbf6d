"""The survey of 2013 in two readings: low by a break of the survey, or a real jump afterwards.

The fit integrates the break out; here it is told again, draw by draw, from what the fit leaves
over of each figure. The other reading is a second calibration, with errors that know no break.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.calibrate import Fitted
from calibration.error_rules import load_rules
from calibration.errors import ERRORS, Errors
from calibration.fit import rows_of
from calibration.mixture import mixture_quantile
from model.catalogue import Catalogue

Float = npt.NDArray[np.float64]

YEAR = 2018
"""Year of the targets that are compared between the two readings."""


@dataclass(frozen=True)
class Break:
    """A declared break of one product: its factor on odds (logit) or value (log), 90% interval.

    ``prior_sd`` on the scale; a factor below 1 says that the survey was low. ``rows``: figures
    that it touches.
    """

    block: str
    product: str
    label: str
    rows: int
    prior_sd: float
    factor: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """One target or innovation in both readings: medians, 90% intervals, change of the median.

    Targets (``kind`` figure) on their scale, logit or log; innovations as scores.
    """

    block: str
    kind: str
    name: str
    median: float
    low: float
    high: float
    median_jump: float
    low_jump: float
    high_jump: float
    change: float


def told_term(errors: Errors, values: Float, log_tau: Float, sizes: Float) -> tuple[Float, Float]:
    """Mean and sd (D,), draw by draw, of a standard normal that enters figure i times ``sizes``.

    It is part of the covariance of the ``errors`` (n figures). ``values`` (D, n) of the model on
    the figures' scale, ``log_tau`` (D, G). Bounds and ranges tell nothing here.
    """
    plain = np.flatnonzero(np.isfinite(errors.observed))
    grid = np.ix_(plain, plain)
    shared = errors.shared[:, plain][:, :, plain]
    away = errors.observed[plain] - values[:, plain]
    size = sizes[plain]
    mean, sd = np.empty(len(values)), np.empty(len(values))
    for d, squares in enumerate(np.exp(2.0 * log_tau)):
        matrix = errors.fixed[grid] + np.tensordot(squares, shared, axes=1)
        gain = np.linalg.solve(matrix, size)
        mean[d] = gain @ away[d]
        sd[d] = np.sqrt(max(1.0 - float(gain @ size), 0.0))
    return mean, sd


def breaks(fitted: Iterable[Fitted], catalogue: Catalogue) -> list[Break]:
    """The declared breaks of every product that has figures in them, as the fit leaves them.

    ``catalogue``: the whole tables. Blocks fitted with another variant than "base" have no break
    in their covariance and must not be given.
    """
    rules = load_rules(ERRORS, catalogue)
    found = []
    for one in fitted:
        errors = rows_of(one.errors, one.known)
        at = np.flatnonzero(one.known)
        figures = [one.figures[i] for i in at]
        named = [rules.of(figure).labelled("break") for figure in figures]
        for product in dict.fromkeys(figure.product for figure in figures):
            own = np.array([figure.product == product for figure in figures])
            for label in sorted({label for names in named for label in names}):
                sizes = own * np.array([names.get(label, 0.0) for names in named])
                if not sizes.any():
                    continue
                mean, sd = told_term(errors, one.fit.values[:, at], one.fit.log_tau, sizes)
                size = float(sizes.max())
                points = mixture_quantile(size * mean, size * sd, None, (0.5, 0.05, 0.95))
                rows = int(np.count_nonzero(sizes))
                factors = (float(point) for point in np.exp(points))
                found.append(Break(one.block.block, product, label, rows, size, *factors))
    return found


def compare(base: Sequence[Fitted], jump: Sequence[Fitted], year: int = YEAR) -> list[Change]:
    """Targets of ``year`` and innovations of the blocks that both calibrations hold.

    ``jump``: the calibration with the variant "real jump".
    """
    others = {one.block.block: one for one in jump}
    found = []
    for one in base:
        other = others.get(one.block.block)
        if other is None:
            continue
        mine, theirs = _quantities(one, year), _quantities(other, year)
        for (kind, name), draws in mine.items():
            if (kind, name) in theirs:
                here, there = _interval(draws), _interval(theirs[kind, name])
                change = there[0] - here[0]
                found.append(Change(one.block.block, kind, name, *here, *there, change))
    return found


def _interval(draws: Float) -> tuple[float, float, float]:
    """Median and 90% interval of draws (D,)."""
    middle, low, high = np.quantile(draws, (0.5, 0.05, 0.95))
    return float(middle), float(low), float(high)


def _quantities(one: Fitted, year: int) -> dict[tuple[str, str], Float]:
    """Draws of the targets of a year and of the innovations, by kind and name."""
    found = {}
    for i, (figure, target) in enumerate(zip(one.figures, one.model.targets, strict=True)):
        if target.last == year and np.isfinite(one.fit.values[:, i]).all():
            found["figure", figure.id] = one.fit.values[:, i]
    for k, quantity in enumerate(one.fit.inputs):
        if quantity.row is None:
            found["innovation", quantity.name] = one.fit.scores[:, k]
    return found
