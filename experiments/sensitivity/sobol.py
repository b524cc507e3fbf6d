"""Sobol indices of all outputs at once: products of the runs of A, AB and B with resample counts.

First order after Saltelli et al. (2010), total order after Jansen (1999), second order after
Saltelli (2002), on SALib's design: rows A, AB of each label, (BA of each label,) B.
"""

from __future__ import annotations

import numpy as np

from experiments.sensitivity.problem import (
    SINGLE,
    Estimate,
    Float,
    Plan,
    Problem,
    Settings,
    counts_of,
    fit_into,
    half_width,
    refuse_size,
    sizes_of,
)

EPSILON = float(np.finfo(np.float64).eps)


class _Sobol:
    """The weights of means over the base sample: resamples first, then the growing parts."""

    def __init__(self, n: int, labels: int, settings: Settings) -> None:
        self.n, self.labels, self.second = n, labels, settings.second_order
        self.step = (2 * labels if self.second else labels) + 2
        self.sizes = sizes_of(n)
        self.resamples = settings.resamples
        drawn = np.random.default_rng(settings.seed).integers(n, size=(n, self.resamples))
        self.weights = np.vstack(
            [counts_of(drawn.T.astype(np.int64), n) / n, fit_into(n, self.sizes)]
        )

    def __call__(self, values: Float) -> Estimate:
        outputs = values.shape[1]
        # Centred and scaled as SALib does: the estimate of first order depends on the centre.
        scaled = (values - values.mean(axis=0)) / values.std(axis=0)
        runs = scaled.reshape(self.n, self.step, outputs)
        first, last = runs[:, 0], runs[:, -1]
        variance = self._variances(first, last)
        shape = (len(self.weights), self.labels, outputs)
        singles, totals = np.empty(shape), np.empty(shape)
        for label in range(self.labels):
            moved = runs[:, 1 + label] - first
            totals[:, label] = 0.5 * (self.weights @ np.square(moved))
            moved *= last
            singles[:, label] = self.weights @ moved
        singles, totals = _share(singles, variance), _share(totals, variance)
        many = self.resamples
        tables = {
            "S1": singles[-1].copy(),
            "S1_conf": half_width(singles[:many]),
            "ST": totals[-1].copy(),
            "ST_conf": half_width(totals[:many]),
        }
        if self.second:
            tables["S2"], tables["S2_conf"] = self._pairs(runs, singles, variance)
        for name, table in tables.items():  # A and B alike in every run: nothing to divide by
            if not name.startswith("S2"):
                table[:, variance[-1] <= EPSILON] = np.nan
        # Without influence AB is A and the total index 0, but for the rounding of stored values.
        dummy = 2.0 * np.square(SINGLE * np.abs(values).max(axis=0) / values.std(axis=0))
        grown = totals[many:].copy()
        first_order = self._first_of_none(first, last, variance)
        return Estimate(tables, "ST", ("S1_conf", "ST_conf"), dummy, grown, dummy_first=first_order)

    def _first_of_none(self, first: Float, last: Float, variance: Float) -> Float:
        """What the first order of a factor that no run reads can reach: size and half-width.

        By the estimator of Sobol', which needs A, and B with that factor of A: B itself, since no
        run reads it (Khorashadi Zadeh et al. 2017).
        """
        none = self.weights @ (first * last)
        mean = 0.5 * (self.weights @ (first + last))
        shares = _share(none - np.square(mean), variance)
        found: Float = np.abs(shares[-1]) + half_width(shares[: self.resamples])
        return found

    def _variances(self, first: Float, last: Float) -> Float:
        mean = 0.5 * (self.weights @ (first + last))
        square = 0.5 * (self.weights @ (np.square(first) + np.square(last)))
        spread: Float = square - np.square(mean)
        return spread

    def _pairs(self, runs: Float, singles: Float, variance: Float) -> tuple[Float, Float]:
        labels, outputs = self.labels, runs.shape[2]
        index = np.full((labels, labels, outputs), np.nan)
        width = index.copy()
        base = self.weights @ (runs[:, 0] * runs[:, -1])
        for one in range(labels):
            for other in range(one + 1, labels):
                product = self.weights @ (runs[:, 1 + labels + one] * runs[:, 1 + other])
                pair = _share(product - base, variance) - singles[:, one] - singles[:, other]
                index[one, other] = pair[-1]
                width[one, other] = half_width(pair[: self.resamples])
        return index, width


def _share(part: Float, variance: Float) -> Float:
    """Of the variance; 0 where a resample happens to have none."""
    whole = variance if part.ndim == variance.ndim else variance[:, None]
    some = whole > EPSILON
    shares: Float = np.where(some, part, 0.0)
    shares /= np.where(some, whole, 1.0)
    return shares


def prepare(points: Float, problem: Problem, settings: Settings) -> Plan:
    """Ready for blocks of outputs; ``points`` (runs, factors).

    Raises InputError where the points are no such design.
    """
    labels, runs = len(problem.labels), len(points)
    step = (2 * labels if settings.second_order else labels) + 2
    n = runs // step
    if n < 2 or runs % step:
        raise refuse_size("sobol", runs, f"N x {step}, N a power of two")
    sobol = _Sobol(n, labels, settings)
    working = 8 * (3 * runs + 2 * (len(sobol.weights)) * labels * 2 + 6 * n)
    return Plan(sobol, n, sobol.sizes, problem.labels, working)
