"""Compiled kernels of the likelihood: covariances, their factors, intervals, conditionals.

Symmetric matrices are held in their upper triangle. All is written out here, not left to a linear
algebra library: the matrices have some eighty rows, where a library's threads cost more than they
bring, and one kernel can run over thousands of draws. Unsigned indices let the compiler vectorise.
Kernels call kernels of this file only, because numba's cache does not see changes in others.
Shapes: matrices (n, n), their shared parts (G, n, n), vectors (n,).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

_LOG_2PI = math.log(2.0 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_FAST)
def assemble(fixed: Float, shared: Float, squares: Float, out: Float) -> None:
    """``out`` = fixed + sum_g squares_g shared_g over as many of the first rows as it has."""
    rows = uint64(len(out))
    for i in range(rows):
        for j in range(uint64(i), rows):
            out[i, j] = fixed[i, j]
    for g in range(uint64(len(squares))):
        for i in range(rows):
            for j in range(uint64(i), rows):
                out[i, j] += squares[g] * shared[g, i, j]


@njit(cache=True, nogil=True, fastmath=_FAST)
def factorise(m: Float) -> float:
    """Replace m by U with m = U'U; half the log determinant, inf where m is not positive definite.

    Four earlier rows at a time: each row is then read and written a quarter as often.
    """
    n, one, four = uint64(len(m)), uint64(1), uint64(4)
    half = 0.0
    for step in range(n):
        i, k = uint64(step), uint64(0)
        while k + four <= i:
            k1, k2, k3 = k + one, k + uint64(2), k + uint64(3)
            a, b, c, d = m[k, i], m[k1, i], m[k2, i], m[k3, i]
            for j in range(i, n):
                m[i, j] -= a * m[k, j] + b * m[k1, j] + c * m[k2, j] + d * m[k3, j]
            k += four
        while k < i:
            a = m[k, i]
            for j in range(i, n):
                m[i, j] -= a * m[k, j]
            k += one
        pivot = m[i, i]
        if not pivot > 0.0:
            return np.inf
        root = math.sqrt(pivot)
        half += math.log(root)
        scale = 1.0 / root
        for j in range(i, n):
            m[i, j] *= scale
    return half


@njit(cache=True, nogil=True, fastmath=_FAST)
def invert(m: Float) -> None:
    """Replace the factor U of a matrix by the matrix's inverse."""
    n, one, four = uint64(len(m)), uint64(1), uint64(4)
    row = np.empty(m.shape[0])
    for step in range(n):  # U becomes its own inverse, from the last row up
        i = n - one - uint64(step)
        scale = 1.0 / m[i, i]
        for j in range(i + one, n):
            row[j] = -m[i, j] * scale
            m[i, j] = 0.0
        m[i, i] = scale
        k = i + one
        while k + four <= n:
            k1, k2, k3 = k + one, k + uint64(2), k + uint64(3)
            a, b, c, d = row[k], row[k1], row[k2], row[k3]
            m[i, k] += a * m[k, k]
            m[i, k1] += a * m[k, k1] + b * m[k1, k1]
            m[i, k2] += a * m[k, k2] + b * m[k1, k2] + c * m[k2, k2]
            for j in range(k3, n):
                m[i, j] += a * m[k, j] + b * m[k1, j] + c * m[k2, j] + d * m[k3, j]
            k += four
        while k < n:
            a = row[k]
            for j in range(k, n):
                m[i, j] += a * m[k, j]
            k += one
    for first in range(n):
        for second in range(uint64(first), n):
            total = 0.0
            for along in range(uint64(second), n):
                total += m[first, along] * m[second, along]
            m[first, second] = total


@njit(cache=True, nogil=True, fastmath=_FAST)
def solve_transposed(upper: Float, x: Float, rows: int) -> None:
    """Replace the first ``rows`` of x by the solution of U'y = x, U the factor's first rows."""
    n = uint64(rows)
    for step in range(n):
        i = uint64(step)
        x[i] /= upper[i, i]
        for j in range(i + uint64(1), n):
            x[j] -= upper[i, j] * x[i]


@njit(cache=True, nogil=True, fastmath=_FAST)
def applied(upper: Float, x: Float, out: Float) -> None:
    """``out`` = S x for the symmetric S of which ``upper`` holds the upper triangle."""
    rows = uint64(len(x))
    out[:] = 0.0
    for step in range(rows):
        i = uint64(step)
        own = x[i]
        total = upper[i, i] * own
        for j in range(i + uint64(1), rows):
            total += upper[i, j] * x[j]
            out[j] += upper[i, j] * own
        out[i] += total


@njit(cache=True, nogil=True, fastmath=_FAST)
def traced(q: Float, s: Float) -> float:
    """Sum of the products of the cells of two symmetric matrices, in the product of their units."""
    rows = uint64(len(q))
    total = 0.0
    for step in range(rows):
        i = uint64(step)
        part = 0.0
        for j in range(i + uint64(1), rows):
            part += q[i, j] * s[i, j]
        total += 2.0 * part + q[i, i] * s[i, i]
    return total


@njit(cache=True, nogil=True, fastmath=_FAST)
def add_product(m: Float, a: float, x: Float, y: Float) -> None:
    """Add a/2 (x y' + y x') to m."""
    rows = uint64(len(m))
    for step in range(rows):
        i = uint64(step)
        left, right = 0.5 * a * x[i], 0.5 * a * y[i]
        for j in range(i, rows):
            m[i, j] += left * y[j] + right * x[j]


@njit(cache=True, nogil=True)
def log_ndtr(x: float) -> float:
    """Log of the standard normal distribution function, to rounding in both tails."""
    if x > 0.0:
        return math.log1p(-0.5 * math.erfc(x * _ROOT_HALF))
    if x > -30.0:
        return math.log(0.5 * math.erfc(-x * _ROOT_HALF))
    # Asymptotic series; the first term left out is below 1e-11 here.
    y = 1.0 / (x * x)
    series = y * (-1.0 + y * (3.0 + y * (-15.0 + y * 105.0)))
    return -0.5 * x * x - math.log(-x) - 0.5 * _LOG_2PI + math.log1p(series)


@njit(cache=True, nogil=True)
def log_interval(low: float, high: float) -> float:
    """Log probability that a standard normal lies between ``low`` < ``high``."""
    if low > 0.0:  # the mirror image: a difference of small numbers, not of numbers near 1
        low, high = -high, -low
    top = log_ndtr(high)
    if low == -np.inf:
        return top
    gap = log_ndtr(low) - top
    if gap >= 0.0:  # narrower than rounding: density times width
        return -0.5 * (high * high + _LOG_2PI) + math.log(max(high - low, 1e-300))
    return top + math.log(-math.expm1(gap))


@njit(cache=True, nogil=True)
def interval(
    mean: float, variance: float, lower: float, upper: float
) -> tuple[float, float, float]:
    """Log probability of an interval and its derivatives by the mean and the variance."""
    sd = math.sqrt(variance)
    low, high = (lower - mean) / sd, (upper - mean) / sd
    value = log_interval(low, high)
    by_mean, by_sd = 0.0, 0.0
    if low > -np.inf:
        ratio = math.exp(-0.5 * (low * low + _LOG_2PI) - value)
        by_mean += ratio
        by_sd += low * ratio
    if high < np.inf:
        ratio = math.exp(-0.5 * (high * high + _LOG_2PI) - value)
        by_mean -= ratio
        by_sd -= high * ratio
    return value, by_mean / sd, by_sd / (2.0 * variance)


@njit(cache=True, nogil=True)
def regression(
    fixed: Float, shared: Float, squares: Float, inverse: Float, row: int
) -> tuple[Float, float]:
    """Of one row on the first p: coefficients (p,) and the variance that they leave.

    The coefficients are ratios, the variance is in the unit squared.
    """
    plain = inverse.shape[0]
    cross = fixed[row, :plain].copy()
    variance = fixed[row, row]
    for g in range(squares.size):
        cross += squares[g] * shared[g, row, :plain]
        variance += squares[g] * shared[g, row, row]
    on = np.empty(plain)
    applied(inverse, cross, on)
    return on, variance - np.sum(on * cross)


@njit(cache=True, nogil=True)
def evaluate(
    fixed: Float, shared: Float, squares: Float, away: Float, bounds: Float, gradient: Float
) -> float:
    """Log density of n rows, the p plain ones first; constants and the prior of tau are left out.

    ``away`` (n,) is observed less f in plain rows, minus f in the others, whose ``bounds`` are
    (2, n - p). Fills ``gradient`` (n + G,): by f, and by log tau.
    """
    rows = away.size
    plain = rows - bounds.shape[1]
    inverse = np.empty((plain, plain))
    assemble(fixed, shared, squares, inverse)
    half = factorise(inverse)
    if not half < np.inf:
        return -np.inf
    invert(inverse)
    gradient[:] = 0.0
    pull = np.zeros(rows)
    applied(inverse, away[:plain], pull[:plain])
    gradient[:rows] += pull
    value = -half - 0.5 * np.sum(pull * away)
    # Derivative by the covariance V. The mean of a censored row moves with V as b' dV pull, its
    # variance as b' dV b, where b is 1 at the row and minus its coefficients at the plain ones.
    slope = np.zeros((rows, rows))
    add_product(slope, 0.5, pull, pull)
    for row in range(plain, rows):
        on, variance = regression(fixed, shared, squares, inverse, row)
        mean = np.sum(on * away[:plain]) - away[row]
        if not variance > 0.0:
            return -np.inf
        lower, upper = bounds[0, row - plain], bounds[1, row - plain]
        part, by_mean, by_variance = interval(mean, variance, lower, upper)
        value += part
        b = np.zeros(rows)
        b[:plain] = -on
        b[row] = 1.0
        gradient[:rows] += by_mean * b
        add_product(slope, by_variance, b, b)
        add_product(slope, by_mean, b, pull)
    for i in range(plain):
        for j in range(i, plain):
            slope[i, j] -= 0.5 * inverse[i, j]
    for g in range(squares.size):
        gradient[rows + g] = 2.0 * squares[g] * traced(slope, shared[g])
    return value


@njit(cache=True, nogil=True)
def evaluate_many(
    fixed: Float, shared: Float, squares: Float, away: Float, bounds: Float, value: Float
) -> None:
    """``value`` (D,) as of ``evaluate``, for squares (D, G) and away (D, n)."""
    draws, rows = away.shape
    plain = rows - bounds.shape[1]
    matrix = np.empty((rows, rows))
    x = np.empty(rows)
    for draw in range(draws):
        assemble(fixed, shared, squares[draw], matrix)
        half = factorise(matrix[:plain, :plain])
        if not half < np.inf:
            value[draw] = -np.inf
            continue
        x[:] = away[draw]
        solve_transposed(matrix, x, plain)
        total = -half - 0.5 * float(np.sum(x[:plain] ** 2))
        for row in range(plain, rows):
            # Column of the factor for this row: U'column = cross covariances.
            column = matrix[:plain, row].copy()
            solve_transposed(matrix, column, plain)
            mean = np.sum(column * x[:plain]) - away[draw, row]
            variance = matrix[row, row] - np.sum(column**2)
            if not variance > 0.0:
                total = -np.inf
                break
            lower, upper = bounds[0, row - plain], bounds[1, row - plain]
            total += interval(mean, variance, lower, upper)[0]
        value[draw] = total


@njit(cache=True, nogil=True)
def condition(
    fixed: Float, shared: Float, squares: Float, away: Float, mean: Float, sd: Float
) -> int:
    """Move f's error of the last m rows by the first n - m; -1, or the first draw that failed.

    ``away`` (D, n - m) observed less f; fills ``mean`` (D, m), what to add to f, and ``sd`` (D, m).
    """
    draws, known = away.shape
    rows = known + mean.shape[1]
    matrix = np.empty((rows, rows))
    x = np.empty(known)
    for draw in range(draws):
        assemble(fixed, shared, squares[draw], matrix)
        half = factorise(matrix)
        if not half < np.inf:
            return draw
        x[:] = away[draw]
        solve_transposed(matrix, x, known)
        for row in range(known, rows):
            total, left = 0.0, 0.0
            for i in range(known):
                total += matrix[i, row] * x[i]
            for i in range(known, row + 1):
                left += matrix[i, row] ** 2
            mean[draw, row - known] = total
            sd[draw, row - known] = math.sqrt(left)
    return -1


@njit(cache=True, nogil=True)
def without(
    inverse: Float,
    pull: Float,
    on: Float,
    moments: Float,
    bounds: Float,
    members: Int,
    shift: Float,
    sd: Float,
) -> float:
    """Log density of one set of rows given all others, and their predictive moments.

    ``inverse`` (p, p) full and ``pull`` (p,) of the plain rows; ``on`` (c, p) and ``moments``
    (2, c): coefficients, means and variances of the censored rows given all plain ones. With A the
    block of the inverse for the plain members, their covariance given the others is its inverse C,
    and they lie C pull above their mean. ``members``: plain ones first, censored as p + place.
    Fills ``shift`` (observed less mean; for censored rows minus the mean) and ``sd``.
    """
    plain = pull.size
    count = 0
    while count < members.size and members[count] < plain:
        count += 1
    own = members[:count]
    block = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            block[i, j] = inverse[own[i], own[j]]
    half = factorise(block)
    invert(block)
    lean, moved = pull[own], np.empty(count)
    applied(block, lean, moved)
    value = half - 0.5 * np.sum(lean * moved) - 0.5 * count * _LOG_2PI
    shift[:count] = moved
    for i in range(count):
        sd[i] = math.sqrt(block[i, i])
    spread = np.empty(count)
    for c in range(on.shape[0]):
        part = on[c][own]
        applied(block, part, spread)
        mean = moments[0, c] - np.sum(part * moved)
        variance = moments[1, c] + np.sum(part * spread)
        value += interval(moments[0, c], moments[1, c], bounds[0, c], bounds[1, c])[0]
        inside = False
        for place in range(count, members.size):
            if members[place] == plain + c:
                inside = True
                shift[place], sd[place] = -mean, math.sqrt(variance)
        if not inside:
            value -= interval(mean, variance, bounds[0, c], bounds[1, c])[0]
    return value


@njit(cache=True, nogil=True)
def without_many(
    parts: tuple[Float, Float],
    squares: Float,
    away: Float,
    bounds: Float,
    sets: Int,
    ends: Int,
    value: Float,
    found: Float,
) -> int:
    """``without`` for all draws and sets; -1, or the first draw without a density.

    Set s is ``sets[ends[s]:ends[s + 1]]``; ``value`` (D, S), ``found`` (2, D, len(sets)):
    shift and sd. ``parts``: fixed and shared.
    """
    fixed, shared = parts
    draws, rows = away.shape
    plain = rows - bounds.shape[1]
    on = np.empty((rows - plain, plain))
    moments = np.empty((2, rows - plain))
    pull = np.empty(plain)
    inverse = np.empty((plain, plain))
    for draw in range(draws):
        assemble(fixed, shared, squares[draw], inverse)
        if not factorise(inverse) < np.inf:
            return draw
        invert(inverse)
        applied(inverse, away[draw, :plain], pull)
        for row in range(plain, rows):
            c = row - plain
            on[c], moments[1, c] = regression(fixed, shared, squares[draw], inverse, row)
            moments[0, c] = np.sum(on[c] * away[draw, :plain]) - away[draw, row]
            if not moments[1, c] > 0.0:
                return draw
        for i in range(plain):
            for j in range(i):
                inverse[i, j] = inverse[j, i]
        for s in range(ends.size - 1):
            at, to = ends[s], ends[s + 1]
            members = sets[at:to]
            own_shift, own_sd = found[0, draw, at:to], found[1, draw, at:to]
            value[draw, s] = without(inverse, pull, on, moments, bounds, members, own_shift, own_sd)
    return -1
