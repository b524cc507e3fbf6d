"""Random numbers of the agent engine: every draw is a function of what it is for.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi
10.1145/2063384.2063405) turns a counter of four words and a key of two into four random words, so
that no draw depends on the order of threads or on draws made before. Counters: c0 runs, c1 is a
block, slot or institution, c2 is month * 64 + product (63: none), c3 is the purpose; the key is the
seed and the draw. Logarithm and exponential are our own, from additions, multiplications and
divisions alone, so that draws are equal on machines whose mathematical libraries differ. Runs need
not be: hazards, prices and deaths use those libraries.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import float64, njit, uint64
from numba.extending import intrinsic

Words: TypeAlias = npt.NDArray[np.uint32]
Word: TypeAlias = "int | np.integer[Any]"  # its lowest 32 bits count
Four: TypeAlias = tuple[np.uint32, np.uint32, np.uint32, np.uint32]

# Purposes. COUNT, CANDIDATE and BRANCH add 256 * layer.
COUNT, CANDIDATE, BRANCH = 1, 2, 3
WALK = 4
STAND_IN = 5
DEATH = 6
START = 7
LIABILITY = 8
NETWORK = 9
ENTRY = 10
AGEING = 11
CENTRE = 12
MARKET = 13
ENFORCEMENT = 14
OUTREACH = 15
ROUNDING = 16
BURDEN = 17

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HIGH = np.uint64(32)

_SMALLEST_NORMAL = 2.0**-1022
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")  # 20 zero bits at its end: times k is exact
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_LN2 = _LN2_HIGH + _LN2_LOW
_PER_LN2 = float.fromhex("0x1.71547652b82fep+0")
_ROUNDER = 1.5 * 2.0**52  # added to a number, leaves it rounded in the lowest bits
_LOG_2PI = float.fromhex("0x1.d67f1c864beb5p+0")

_INVERTED_BELOW = 10.0  # where PTRS starts to hold
_LARGEST_MEAN = 1e12
_FACTORIAL = tuple(float(math.factorial(k)) for k in range(16))  # exact


def _as_bits(_: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return uint64(float64), generate


def _as_float(_: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return float64(uint64), generate


_bits: Any = intrinsic(_as_bits)  # the 64 bits of a float64
_float: Any = intrinsic(_as_float)  # and back


# Inlined by force: only then does the loop over counters in fill become vectors of counters.
@njit(cache=True, nogil=True, forceinline=True)
def philox(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> Four:
    """Four random words of counter (c0, c1, c2, c3) under key (k0, k1)."""
    a, b, c, d = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    first, second = np.uint32(k0), np.uint32(k1)
    for _ in range(10):
        even = _MULTIPLIER_0 * np.uint64(a)
        odd = _MULTIPLIER_1 * np.uint64(c)
        a = np.uint32(np.uint32(odd >> _HIGH) ^ b ^ first)
        c = np.uint32(np.uint32(even >> _HIGH) ^ d ^ second)
        b, d = np.uint32(odd), np.uint32(even)
        first, second = np.uint32(first + _WEYL_0), np.uint32(second + _WEYL_1)
    return a, b, c, d


@njit(cache=True, nogil=True)
def fill(words: Words, count: int, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> None:
    """Set ``words[:count]``: word 4i + j is word j of counter (i, c1, c2, c3).

    ``count`` is at most the length of ``words`` (not checked).
    """
    if count <= 0:
        return
    whole = np.uint64(count) >> np.uint64(2)
    for i in range(whole):
        at = np.uint64(i) << np.uint64(2)
        a, b, c, d = philox(np.uint32(i), c1, c2, c3, k0, k1)
        words[at] = a
        words[at + np.uint64(1)] = b
        words[at + np.uint64(2)] = c
        words[at + np.uint64(3)] = d
    done = np.uint64(whole << np.uint64(2))
    if done < np.uint64(count):
        a, b, c, _ = philox(np.uint32(whole), c1, c2, c3, k0, k1)
        words[done] = a
        if done + np.uint64(1) < np.uint64(count):
            words[done + np.uint64(1)] = b
        if done + np.uint64(2) < np.uint64(count):
            words[done + np.uint64(2)] = c


@njit(cache=True, nogil=True)
def uniform(word: Word) -> float:
    """A word's middle place in (0, 1)."""
    return (np.float64(np.int64(np.uint32(word))) + 0.5) * 2.0**-32


@njit(cache=True, nogil=True)
def fine_uniform(high: Word, low: Word) -> float:
    """A place in (0, 1), of 52 bits, from two words."""
    upper = np.int64(np.uint32(high)) << np.int64(20)
    lower = np.int64(np.uint32(low)) >> np.int64(12)
    return (np.float64(upper | lower) + 0.5) * 2.0**-52


@njit(cache=True, nogil=True, forceinline=True)
def _log_ratio(s: float) -> float:
    """log((1 + s) / (1 - s)) of |s| <= 0.18, by its series in odd powers."""
    z = s * s
    tail = 1.0 / 23.0
    tail = tail * z + 1.0 / 21.0
    tail = tail * z + 1.0 / 19.0
    tail = tail * z + 1.0 / 17.0
    tail = tail * z + 1.0 / 15.0
    tail = tail * z + 1.0 / 13.0
    tail = tail * z + 1.0 / 11.0
    tail = tail * z + 1.0 / 9.0
    tail = tail * z + 1.0 / 7.0
    tail = tail * z + 1.0 / 5.0
    tail = tail * z + 1.0 / 3.0
    return 2.0 * (s + s * z * tail)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _log_normal(x: float) -> float:
    """log of a normal number, without branches."""
    bits = _bits(x)
    m = _float((bits & np.uint64(0xFFFFFFFFFFFFF)) | np.uint64(0x3FF0000000000000))
    upper = m > 1.4142135623730951
    m = 0.5 * m if upper else m
    k = np.float64(np.int64(bits >> np.uint64(52)) - (1022 if upper else 1023))
    return k * _LN2_HIGH + (k * _LN2_LOW + _log_ratio((m - 1.0) / (m + 1.0)))


@njit(cache=True, nogil=True)
def log(x: float) -> float:
    """Natural logarithm; -inf at 0 and NaN below."""
    if not x > 0.0:
        return -np.inf if x == 0.0 else np.nan
    if x == np.inf:
        return x
    if x < _SMALLEST_NORMAL:
        return _log_normal(x * 2.0**54) - 54.0 * _LN2
    return _log_normal(x)


@njit(cache=True, nogil=True)
def exp(x: float) -> float:
    """Exponential of a dimensionless number; infinite above 709.78, 0 below -745.2."""
    if x != x:
        return x
    x = min(max(x, -800.0), 800.0)
    rounded = x * _PER_LN2 + _ROUNDER
    k = rounded - _ROUNDER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    value = 1.0 / 6227020800.0
    value = value * r + 1.0 / 479001600.0
    value = value * r + 1.0 / 39916800.0
    value = value * r + 1.0 / 3628800.0
    value = value * r + 1.0 / 362880.0
    value = value * r + 1.0 / 40320.0
    value = value * r + 1.0 / 5040.0
    value = value * r + 1.0 / 720.0
    value = value * r + 1.0 / 120.0
    value = value * r + 1.0 / 24.0
    value = value * r + 1.0 / 6.0
    value = value * r + 0.5
    value = 1.0 + (r + r * r * value)
    power = np.int64(k)
    half = power >> np.int64(1)  # in two steps, as 2**power itself may not be a normal number
    first = _float(np.uint64(half + np.int64(1023)) << np.uint64(52))
    second = _float(np.uint64(power - half + np.int64(1023)) << np.uint64(52))
    result: float = value * first * second
    return result


@njit(cache=True, nogil=True)
def exponential(word: Word) -> float:
    """A dimensionless waiting time with mean 1; at most 22.9, as a word has 32 bits."""
    return -_log_normal(uniform(word))


@njit(cache=True, nogil=True, error_model="numpy")
def _log_probability(k: int, mean: float) -> float:
    """Log of the Poisson probability of k, exact to 1e-12 also where k and mean are large."""
    number = np.float64(k)
    if k < len(_FACTORIAL):
        return number * log(mean) - mean - log(_FACTORIAL[k])
    s = (mean - number) / (mean + number)
    ratio = _log_ratio(s) if abs(s) < 0.17 else log(mean / number)
    z = 1.0 / (number * number)
    stirling = 1.0 / 1260.0 + z * (-1.0 / 1680.0 + z * (1.0 / 1188.0 - z * (691.0 / 360360.0)))
    stirling = (1.0 / 12.0 + z * (-1.0 / 360.0 + z * stirling)) / number
    return (number - mean) + number * ratio - 0.5 * (_LOG_2PI + log(number)) - stirling


@njit(cache=True, nogil=True, error_model="numpy")
def _inverted(mean: float, u: float) -> int:
    """The Poisson count at u; never falls when the mean rises."""
    if u <= 1.0 - mean:  # exp(-mean) is at least this
        return 0
    k = 0
    probability = exp(-mean)
    reached = probability
    while u > reached and k < 200:
        k += 1
        probability *= mean / np.float64(k)
        reached += probability
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def _transformed(mean: float, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> int:
    """Poisson count by transformed rejection with squeeze, PTRS (Hörmann 1993, doi
    10.1016/0167-6687(93)90997-4)."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = log(1.1239 + 1.1328 / (b - 3.4))
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    c0 = np.uint32(0)
    while True:
        w0, w1, w2, w3 = philox(c0, c1, c2, c3, k0, k1)
        c0 = np.uint32(c0 + np.uint32(1))
        u, v = fine_uniform(w0, w1) - 0.5, fine_uniform(w2, w3)
        edge = 0.5 - abs(u)
        value = (2.0 * a / edge + b) * u + mean + 0.43
        if value < 0.0 or value > 4.0 * _LARGEST_MEAN:
            continue
        k = np.int64(value)
        if edge >= 0.07 and v <= squeeze:
            return int(k)
        if edge < 0.013 and v > edge:
            continue
        bound = log(v / (a / (edge * edge) + b)) + log_inverse_alpha
        if bound <= _log_probability(int(k), mean):
            return int(k)


@njit(cache=True, nogil=True)
def poisson(mean: float, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> int:
    """An exact Poisson count, 0 for a mean of 0 or less; uses counters (0.., c1, c2, c3).

    Raises ValueError when the mean is not a number or above 1e12.
    """
    if mean <= 0.0:
        return 0
    if mean < _INVERTED_BELOW:
        w0, w1, _, _ = philox(0, c1, c2, c3, k0, k1)
        return _inverted(mean, fine_uniform(w0, w1))
    if not mean <= _LARGEST_MEAN:
        raise ValueError("the mean of a Poisson count must be a number of at most 1e12")
    return _transformed(mean, c1, c2, c3, k0, k1)
