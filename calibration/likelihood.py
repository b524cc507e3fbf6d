"""The likelihood of the figures, with all errors of observation integrated out.

Plain rows are jointly normal around the model's figures, with the covariance
``fixed + sum_g tau_g**2 shared_g``. A row that is a bound or a range adds the probability of its
interval given the plain rows; several such rows count as independent given those. The scales tau
have normal priors on their logs. All is on the figures' own scale (logit or log).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import arviz
import numpy as np
import numpy.typing as npt

from calibration import gaussian
from model.errors import InputError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

ARVIZ: Any = arviz  # its functions have no types

_LOG_2PI = math.log(2.0 * math.pi)


class Covariance(Protocol):
    """What is needed of the errors of n figures; ``calibration.errors.Errors`` has it.

    ``observed`` (n,), NaN where a figure is a bound or a range; ``lower`` and ``upper`` (n,);
    ``fixed`` (n, n), ``shared`` (G, n, n), ``tau`` (G, 2): mean and sd of log tau.
    """

    @property
    def observed(self) -> Float:
        """Figures on their scale (logit or log), (n,); NaN for a bound or a range."""
        ...

    @property
    def lower(self) -> Float:
        """Lower ends on the scale (logit or log), (n,)."""
        ...

    @property
    def upper(self) -> Float:
        """Upper ends on the scale (logit or log), (n,)."""
        ...

    @property
    def fixed(self) -> Float:
        """Covariance that no wave shares, (n, n), unit of the scale squared."""
        ...

    @property
    def shared(self) -> Float:
        """What each wave group adds at tau 1, (G, n, n), unit of the scale squared."""
        ...

    @property
    def tau(self) -> Float:
        """Mean and standard deviation of log tau, (G, 2)."""
        ...


@dataclass(frozen=True)
class LeftOut:
    """Prediction of m figures from all others, over D draws.

    ``mean`` and ``sd`` (D, m) are of each draw, ``log_weights`` (D,) sum to 1 as weights and turn
    draws given all figures into draws given the others. ``khat`` above 0.7 or a small ``ess`` say
    that they cannot, and that only another fit can tell.
    """

    mean: Float
    sd: Float
    log_weights: Float
    khat: float
    ess: float


def _blocks(errors: Covariance, order: Int) -> tuple[Float, Float]:
    """``fixed`` (m, m) and ``shared`` (G, m, m) of the rows in ``order`` (m,)."""
    grid = np.ix_(order, order)
    fixed = np.ascontiguousarray(errors.fixed[grid], dtype=np.float64)
    shared = np.empty((len(errors.shared), order.size, order.size))
    for group, matrix in enumerate(errors.shared):
        shared[group] = matrix[grid]
    return fixed, shared


def _draws(errors: Covariance, f: Float, log_tau: Float) -> tuple[Float, Float]:
    """Figures (D, n) and squares of tau (D, G), checked."""
    f, log_tau = np.asarray(f, dtype=np.float64), np.asarray(log_tau, dtype=np.float64)
    rows, groups = np.shape(errors.observed)[0], len(errors.shared)
    if f.ndim != 2 or f.shape[1] != rows or log_tau.shape != (len(f), groups):
        raise InputError(
            "draws need a value for each figure and each group of waves",
            given=(f.shape, log_tau.shape),
            allowed=f"(D, {rows}), (D, {groups})",
        )
    with np.errstate(over="ignore"):
        return f, np.exp(2.0 * log_tau)


class Likelihood:
    """Log density of the figures of one ``Errors`` given the model's values of them.

    Raises:
        InputError: no figures, bounds that are not a range, a covariance that is not positive
            definite.
    """

    def __init__(self, errors: Covariance) -> None:
        observed = np.asarray(errors.observed, dtype=np.float64)
        plain = np.isfinite(observed)
        if observed.size == 0:
            raise InputError("there is no figure to fit")
        self._errors = errors
        # Plain rows first, so that each part of a matrix is one block.
        self._order = np.argsort(~plain, kind="stable")
        self._place = np.argsort(self._order)
        self._centre = np.where(plain, observed, 0.0)[self._order]
        self._fixed, self._shared = _blocks(errors, self._order)
        self._bounds = _bounds(errors, self._order[plain.sum() :])
        self._tau = np.asarray(errors.tau, dtype=np.float64).reshape(-1, 2)
        self._constant = 0.5 * _LOG_2PI * (plain.sum() + len(self._tau)) + float(
            np.log(self._tau[:, 1]).sum()
        )
        squares = np.exp(2.0 * self._tau[:, 0])
        matrix = self._fixed + np.tensordot(squares, self._shared, axes=1)
        if not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix)[0] <= 0:
            raise InputError("the covariance of the errors is not positive definite")

    def evaluate(self, f: Float, log_tau: Float) -> tuple[float, Float, Float]:
        """Log density, with the prior of log tau, and its gradients by f (n,) and log_tau (G,).

        Where f or tau are so far out that it cannot be computed it is -inf, with gradients of 0.
        """
        rows = self._order.size
        with np.errstate(over="ignore"):
            squares = np.exp(2.0 * log_tau)
        score = (log_tau - self._tau[:, 0]) / self._tau[:, 1]
        gradient = np.empty(rows + squares.size)
        away = self._centre - f[self._order]
        value = gaussian.evaluate(self._fixed, self._shared, squares, away, self._bounds, gradient)
        value -= self._constant + 0.5 * float(score @ score)
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return -math.inf, np.zeros(rows), np.zeros(squares.size)
        return value, gradient[self._place], gradient[rows:] - score / self._tau[:, 1]

    def many(self, f: Float, log_tau: Float) -> Float:
        """Log densities (D,) of draws f (D, n), log_tau (D, G), as ``evaluate`` gives each.

        Raises InputError for other shapes and for covariances that are not positive definite.
        """
        f, squares = _draws(self._errors, f, log_tau)
        value = np.empty(len(f))
        away = self._centre - f[:, self._order]
        gaussian.evaluate_many(self._fixed, self._shared, squares, away, self._bounds, value)
        score = (np.asarray(log_tau) - self._tau[:, 0]) / self._tau[:, 1]
        value -= self._constant + 0.5 * np.sum(score**2, axis=1)
        value[~np.isfinite(value)] = -np.inf
        return value


def _bounds(errors: Covariance, rows: Int) -> Float:
    """Bounds (2, c) of the censored ``rows``, each of them a range."""
    bounds = np.array([errors.lower[rows], errors.upper[rows]], dtype=np.float64)
    if not (bounds[0] < bounds[1]).all():
        raise InputError("a figure has neither a value nor a range")
    return bounds


def predict(errors: Covariance, known: Bool, f: Float, log_tau: Float) -> tuple[Float, Float]:
    """Mean and sd (D, m), for each draw, of the m rows that are not ``known`` (n,) bool.

    The exact normal conditional given the known plain rows, so that a series that was seen before
    keeps its own offset; it includes the row's own error of observation. Known rows that are a
    bound or a range are ignored here. ``f`` (D, n) and ``log_tau`` (D, G) are draws given the known
    rows; the order of the m rows is that of the figures.

    Raises:
        InputError: shapes that do not agree, a draw whose covariance has no factor or whose figures
            are not finite.
    """
    known = np.asarray(known, dtype=bool)
    f, squares = _draws(errors, f, log_tau)
    observed = np.asarray(errors.observed, dtype=np.float64)
    first = np.flatnonzero(known & np.isfinite(observed))
    last = np.flatnonzero(~known)
    fixed, shared = _blocks(errors, np.concatenate([first, last]))
    mean, sd = np.empty((len(f), last.size)), np.empty((len(f), last.size))
    away = observed[first] - f[:, first]
    failed = gaussian.condition(fixed, shared, squares, away, mean, sd)
    if failed >= 0:
        raise InputError("a draw's covariance is not positive definite", given=failed)
    if not np.isfinite(mean).all():
        raise InputError("a draw's figures are not finite")
    return f[:, last] + mean, sd


def leave_out(
    errors: Covariance, sets: Sequence[Sequence[int] | Int], f: Float, log_tau: Float
) -> list[LeftOut]:
    """For each set of rows: its prediction from all other rows, from draws given all rows.

    ``f`` (D, n), ``log_tau`` (D, G). Means and sds are exact for each draw and condition on plain
    rows only; draws are reweighed by one over the joint density of the set given the others
    (likelihood of all rows over that without the set), smoothed by ArviZ.

    Raises:
        InputError: an empty set, a row that is no figure or named twice, a set that some draw gives
            no density, or as ``predict``.
    """
    f, squares = _draws(errors, f, log_tau)
    observed = np.asarray(errors.observed, dtype=np.float64)
    plain = np.isfinite(observed)
    order = np.argsort(~plain, kind="stable")
    place = np.argsort(order)
    fixed, shared = _blocks(errors, order)
    bounds = _bounds(errors, order[plain.sum() :])
    rows = [np.asarray(each, dtype=np.int64) for each in sets]
    for each in rows:
        if each.size == 0 or np.unique(each).size < each.size or not _within(each, plain.size):
            raise InputError("a set must name different figures", given=each.tolist())
    if not rows:
        return []
    members = [np.sort(place[each]) for each in rows]
    ends = np.cumsum([0, *(each.size for each in rows)])
    flat = np.concatenate(members)
    value = np.empty((len(f), len(rows)))
    moments = np.empty((2, len(f), flat.size))
    away = np.where(plain, observed, 0.0)[order] - f[:, order]
    failed = gaussian.without_many(
        (fixed, shared), squares, away, bounds, flat, ends, value, moments
    )
    if failed >= 0:
        raise InputError("a draw's covariance is not positive definite", given=failed)
    mean = np.where(plain, observed, 0.0)[order[flat]] - moments[0]
    if not np.isfinite(value).all():
        raise InputError("a draw gives some set no density", given=int((~np.isfinite(value)).sum()))
    log_weights, khat = _smoothed(value)
    result = []
    for s, each in enumerate(rows):
        back = ends[s] + np.searchsorted(members[s], place[each])
        ess = float(1.0 / np.exp(2.0 * log_weights[s]).sum())
        result.append(LeftOut(mean[:, back], moments[1][:, back], log_weights[s], khat[s], ess))
    return result


def _within(rows: Int, count: int) -> bool:
    return bool((rows >= 0).all() and (rows < count).all())


def _smoothed(log_density: Float) -> tuple[Float, list[float]]:
    """Smoothed log weights (S, D) of draws by one over a density (D, S), and k-hat (S,)."""
    raw = -log_density.T
    weights, khat = ARVIZ.psislw(raw, reff=1.0, normalize=True)
    flat = np.ptp(raw, axis=1) < 1e-9
    # Equal weights have no tail to fit: ArviZ says inf, where nothing is wrong.
    return np.asarray(weights), np.where(flat, 0.0, khat).tolist()
