"""Coordinates in which a block's figures bend least: the surrogate is learnt in them.

Figures feel growth, damping, spread and innovations of the local trend almost only through the
logarithm of the initiation multiplier at its knots, in which they are nearly linear; in the scores
themselves a spread times an innovation is strongly bent. So the knots' levels replace damping,
spread and innovations; all other scores stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from calibration.blocks import BlockModel, Input
from model.parameters import SPREAD, WIDENING, Draws, Prior, quantile
from model.trend import KNOT_YEARS

Float = npt.NDArray[np.float64]

GROWTH, DAMPING, WIDTH = "initiation_growth", "damping", "innovation_sd"


def slope(row: Prior, score: float, value: float) -> float:
    """Derivative of ``quantile`` of a row by its score at one point, where it is ``value``."""
    if row.distribution == "fixed" or row.low is None or row.high is None:
        return 0.0
    if row.distribution == "uniform":
        density = np.exp(-0.5 * score * score) / np.sqrt(2.0 * np.pi)
        return float((row.high - row.low) * density)
    end = row.low if score < 0 else row.high
    sign = -1.0 if score < 0 else 1.0
    scale = sign * (_moved(row, end) - _moved(row, row.value)) * WIDENING[row.evidence] / SPREAD
    if row.distribution == "lognormal":
        return value * scale
    if row.distribution == "logitnormal":
        return value * (1.0 - value) * scale
    return scale


def _moved(row: Prior, value: float) -> float:
    if row.distribution == "lognormal":
        return float(np.log(value))
    if row.distribution == "logitnormal":
        return float(np.log(value / (1.0 - value)))
    return value


@dataclass(frozen=True)
class _Trend:
    """One product's trend among the inputs: columns of growth, damping and width (None where it
    is no input, with its fixed value beside) and of the innovations of the first knots."""

    rows: tuple[tuple[int | None, float], ...]
    knots: tuple[int, ...]


class Coordinates:
    """From scores (K,) to the surrogate's coordinates (K',), and their Jacobian."""

    def __init__(self, model: BlockModel) -> None:
        self.inputs = model.inputs
        self._trends = [
            trend
            for number, product in enumerate(model.catalogue.products)
            if (trend := _trend_of(model, number, product.id, product.kind)).knots
        ]
        replaced = {
            column
            for trend in self._trends
            for column, _ in trend.rows[1:]  # growth also shapes the years before 2010: it stays
            if column is not None
        }
        self._kept = np.array([k for k in range(len(self.inputs)) if k not in replaced])
        place = {int(k): i for i, k in enumerate(self._kept)}
        self._places = [[place[k] for k in trend.knots] for trend in self._trends]

    def many(self, scores: Float) -> Float:
        """Coordinates (D, K') of scores (D, K)."""
        found = scores[:, self._kept].copy()
        for trend, places in zip(self._trends, self._places, strict=True):
            growth, damping, width = (
                np.full(len(scores), value)
                if column is None
                else quantile(_row(self.inputs[column]), scores[:, column])
                for column, value in trend.rows
            )
            change, level = growth * KNOT_YEARS, np.zeros(len(scores))
            for k, at in zip(trend.knots, places, strict=True):
                change = damping * change + width * scores[:, k]
                level = level + change
                found[:, at] = level
        return found

    def one(self, scores: Float) -> tuple[Float, Float]:
        """Coordinates (K',) of scores (K,) and their derivatives (K', K)."""
        found = scores[self._kept].copy()
        jacobian = np.zeros((len(found), len(scores)))
        jacobian[np.arange(len(found)), self._kept] = 1.0
        for trend, places in zip(self._trends, self._places, strict=True):
            values, slopes = np.empty(3), np.zeros(3)
            for i, (column, value) in enumerate(trend.rows):
                values[i] = value
                if column is not None:
                    row = _row(self.inputs[column])
                    values[i] = quantile(row, scores[[column]])[0]
                    slopes[i] = slope(row, float(scores[column]), float(values[i]))
            knots = np.array(trend.knots)
            level, by_row, by_knot = _levels(values, scores[knots])
            found[places] = level
            for k, at in enumerate(places):
                jacobian[at] = 0.0
                jacobian[at, knots] = by_knot[k]
                for i, (column, _) in enumerate(trend.rows):
                    if column is not None:
                        jacobian[at, column] = by_row[k, i] * slopes[i]
        return found, jacobian


def _row(one: Input) -> Prior:
    assert one.row is not None  # the columns of a trend's rows are found by their name
    return one.row


def _trend_of(model: BlockModel, number: int, product: str, kind: str) -> _Trend:
    columns = {one.name: k for k, one in enumerate(model.inputs)}
    knots = [k for k, one in enumerate(model.inputs) if one.row is None and one.product == number]
    first = [model.inputs[k].knot for k in knots] == list(range(len(knots)))
    shared = Draws(model.catalogue.parameters, {}, np.zeros((0, 0, 0)), 0)
    rows: list[tuple[int | None, float]] = []
    for name in (GROWTH, DAMPING, WIDTH):
        found = shared.find(product, kind, name)
        value = found[0].value if found else 0.0
        rows.append((columns.get(f"{product}/{name}[,,,,]"), value))
    return _Trend(tuple(rows), tuple(knots) if first else ())


@njit(cache=True, nogil=True)
def _levels(values: Float, innovations: Float) -> tuple[Float, Float, Float]:
    """Log multiplier at the knots after the first (K,), its derivatives by growth, damping and
    width (K, 3) and by the innovations (K, K); ``values`` are these three."""
    growth, damping, width = values
    count = innovations.size
    level = np.zeros(count)
    by_row, by_knot = np.zeros((count, 3)), np.zeros((count, count))
    change, change_row, change_knot = growth * KNOT_YEARS, np.zeros(3), np.zeros(count)
    change_row[0] = KNOT_YEARS
    for k in range(count):
        change_row *= damping
        change_row[1] += change
        change_row[2] += innovations[k]
        change_knot *= damping
        change_knot[k] += width
        change = damping * change + width * innovations[k]
        level[k] = change
        by_row[k] = change_row
        by_knot[k] = change_knot
        if k > 0:
            level[k] += level[k - 1]
            by_row[k] += by_row[k - 1]
            by_knot[k] += by_knot[k - 1]
    return level, by_row, by_knot
