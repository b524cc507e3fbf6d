"""Quadratic surrogate of the model's figures in the coordinates that are sampled.

``f(z) = level + slope z + z' bend z`` for each figure, fitted by least squares with a ridge on the
quadratic terms only. With fewer runs than terms the ridge is what makes the fit possible; its
strength is chosen for each figure by the exact leave-one-out error, which is also the error stated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from model.errors import InputError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

STRENGTHS = np.logspace(-10, 3, 27)
"""Ridges tried, relative to the mean variance of a quadratic term."""
FLOOR = 0.05
"""Least relevance of an input, relative to the most relevant one."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _evaluate(
    level: Float, slope: Float, bend: Float, z: Float, value: Float, jacobian: Float
) -> None:
    """Fill ``value`` (n,) and ``jacobian`` (n, k); ``bend`` (n, k, k) is symmetric."""
    figures, inputs = slope.shape
    for s in range(figures):
        total = level[s]
        for i in range(inputs):
            row = 0.0
            for j in range(inputs):
                row += bend[s, i, j] * z[j]
            total += z[i] * (slope[s, i] + row)
            jacobian[s, i] = slope[s, i] + 2.0 * row
        value[s] = total


@dataclass(frozen=True)
class Surrogate:
    """A quadratic for each of n figures in k inputs; ``error`` (n,) is the rms held-out error.

    ``level`` (n,), ``slope`` (n, k), ``bend`` (n, k, k) symmetric; ``strength`` (n,) is the ridge
    that was chosen. Units are those of the figures' scale.
    """

    level: Float
    slope: Float
    bend: Float
    error: Float
    strength: Float

    def value(self, z: Float) -> tuple[Float, Float]:
        """Figures (n,) on their scale (logit or log) and derivatives (n, k) at one point z (k,)."""
        value = np.empty(self.level.size)
        jacobian = np.empty(self.slope.shape)
        _evaluate(self.level, self.slope, self.bend, z, value, jacobian)
        return value, jacobian

    def values(self, z: Float) -> Float:
        """Figures (D, n) on their scale (logit or log) at many points z (D, k)."""
        z = np.asarray(z, dtype=np.float64)
        first, second = np.triu_indices(z.shape[1])
        twice = np.where(first == second, 1.0, 2.0)
        bend = (self.bend[:, first, second] * twice).T
        result = self.level + z @ self.slope.T
        # In parts: the products of a part stay within some tens of megabytes.
        for at in range(0, len(z), 1000):
            part = z[at : at + 1000]
            result[at : at + 1000] += (part[:, first] * part[:, second]) @ bend
        return result


def _checked(z: Float, f: Float, weight: Float | None) -> tuple[Float, Float, Float]:
    """The runs with some weight: inputs, figures and the roots of their weights (mean square 1)."""
    z, f = np.asarray(z, dtype=np.float64), np.asarray(f, dtype=np.float64)
    weight = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)
    if z.ndim != 2 or f.ndim != 2 or len(z) != len(f) or weight.shape != (len(z),):
        raise InputError(
            "inputs, figures and weights must have a row for each run",
            given=(z.shape, f.shape, weight.shape),
        )
    finite = np.isfinite(z).all(axis=1) & np.isfinite(f).all(axis=1)
    if not finite.all():
        raise InputError("a run has figures that are not finite", given=int((~finite).sum()))
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise InputError("a weight is negative or not finite")
    kept = weight > 0
    z, f, weight = z[kept], f[kept], weight[kept]
    if len(z) < 2 * (z.shape[1] + 1):
        raise InputError(
            "too few runs for the linear terms", given=len(z), allowed=f">= {2 * z.shape[1] + 2}"
        )
    return z, f, np.sqrt(weight / weight.mean())


@dataclass(frozen=True)
class _Standard:
    """Inputs moved and scaled to mean 0 and sd 1, and their quadratic terms, orthogonal to 1 and x
    where the inputs are normal: cross products, and (x^2 - 1) / sqrt(2)."""

    mean: Float
    sd: Float
    first: Int
    second: Int

    def terms(self, x: Float) -> Float:
        """Quadratic terms (N, p) of standard inputs x (N, k)."""
        square = self.first == self.second
        size = np.where(square, np.sqrt(0.5), 1.0)
        return np.asarray((x[:, self.first] * x[:, self.second] - square) * size)


def _relevance(linear: Float, f: Float) -> Float:
    """How much each input moves the figures, between FLOOR and 1, from slopes (k, n).

    Inputs that do little alone do little together: their products get a stronger ridge.
    """
    spread = np.maximum(f.std(axis=0), 1e-12)
    effect = np.sqrt(np.mean((linear / spread) ** 2, axis=1))
    most = effect.max()
    return np.maximum(effect / most, FLOOR) if most > 0 else np.ones(len(effect))


def _decompose(terms: Float) -> tuple[Float, Float]:
    """Left singular vectors (N, r) and squared singular values (r,) of terms (N, p)."""
    runs, width = terms.shape
    if runs <= width:
        squared, left = np.linalg.eigh(terms @ terms.T)
    else:
        squared, right = np.linalg.eigh(terms.T @ terms)
        left = terms @ right
    kept = squared > 1e-12 * squared[-1]
    squared = squared[kept]
    left = left[:, kept] if runs <= width else left[:, kept] / np.sqrt(squared)
    return left, squared


def _choose(left: Float, squared: Float, hat: Float, rest: Float) -> tuple[Float, Float]:
    """The ridge (n,) with the least leave-one-out error, and that error (n,), of each figure.

    ``hat`` (N,) is the leverage of the linear terms, ``rest`` (N, n) what these leave of the
    weighted figures. Both residual and 1 - leverage are sums of what each ridge loses, never
    differences, so that their ratio stays exact where a fit goes through all runs.
    """
    strengths = STRENGTHS * squared.sum() / len(rest)
    along = left.T @ rest
    beyond = rest - left @ along
    spare = 1.0 - hat - np.sum(left**2, axis=1)
    if spare.sum() < 0.5:  # as many terms as runs: all is rounding error, which small ridges raise
        beyond, spare = np.zeros_like(beyond), np.zeros_like(spare)
    best = np.full(rest.shape[1], np.inf)
    chosen = np.zeros(rest.shape[1])
    for strength in strengths:
        lost = strength / (squared + strength)
        missed = beyond + left @ (lost[:, None] * along)
        free = np.maximum(spare + (left**2) @ lost, 1e-12)
        error = np.sqrt(np.mean((missed / free[:, None]) ** 2, axis=0))
        better = error < best
        best[better], chosen[better] = error[better], strength
    return chosen, best


def fit_surrogate(z: Float, f: Float, weight: Float | None = None) -> Surrogate:
    """Quadratic fitted to figures f (N, n) of runs at z (N, k), ``weight`` (N,) >= 0 for each run.

    The held-out error of each figure is the weighted rms of the leave-one-out residuals at the
    ridge that makes it smallest, so it is a little too small.

    Raises:
        InputError: shapes that do not agree, values that are not finite, too few runs.
    """
    z, f, root = _checked(z, f, weight)
    mean = np.average(z, axis=0, weights=root**2)
    sd = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=root**2))
    if (sd <= 0).any():
        raise InputError("an input is the same in all runs", given=np.flatnonzero(sd <= 0).tolist())
    standard = _Standard(mean, sd, *np.triu_indices(z.shape[1]))
    x = (z - mean) / sd
    plain = np.column_stack([np.ones(len(x)), x]) * root[:, None]
    basis, triangle = np.linalg.qr(plain)
    target = f * root[:, None]
    rest = target - basis @ (basis.T @ target)
    linear = np.linalg.solve(triangle, basis.T @ target)
    relevance = _relevance(linear[1:], f)
    scale = relevance[standard.first] * relevance[standard.second]
    terms = standard.terms(x) * scale * root[:, None]
    bare = terms - basis @ (basis.T @ terms)
    left, squared = _decompose(bare)
    strength, error = _choose(left, squared, np.sum(basis**2, axis=1), rest)
    # The ridge solution in terms of the singular vectors: bare' left (s + ridge)^-1 left' rest.
    along = (left.T @ rest) / (squared[:, None] + strength)
    bent = bare.T @ (left @ along)
    linear = np.linalg.solve(triangle, basis.T @ (target - terms @ bent))
    return _in_inputs(standard, linear, bent * scale[:, None], error, strength)


def _in_inputs(
    standard: _Standard, linear: Float, bent: Float, error: Float, strength: Float
) -> Surrogate:
    """The surrogate in z itself, from coefficients (1 + k, n) and (p, n) of standard terms."""
    inputs, figures = len(standard.mean), linear.shape[1]
    square = standard.first == standard.second
    bend = np.zeros((figures, inputs, inputs))
    # A cross term is split over the two halves of the symmetric matrix.
    bend[:, standard.first, standard.second] = np.where(square, np.sqrt(0.5), 0.5) * bent.T
    bend[:, standard.second, standard.first] = bend[:, standard.first, standard.second]
    level = linear[0] - np.sqrt(0.5) * bent[square].sum(axis=0)
    bend = bend / np.outer(standard.sd, standard.sd)
    slope = linear[1:].T / standard.sd
    centre = standard.mean
    level = level - slope @ centre + np.einsum("sij,i,j->s", bend, centre, centre)
    slope = slope - 2.0 * bend @ centre
    return Surrogate(level, slope, np.ascontiguousarray(bend), error, strength)
