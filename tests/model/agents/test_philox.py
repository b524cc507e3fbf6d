"""Random numbers of the agent engine. Keys are fixed, so each test always gives the same answer;
its limit is a p-value of 1e-4 (of 1e-4 over their number where the smallest of several counts).
``pytest -s`` shows the p-values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from model.agents import philox

Float = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint32]

LIMIT = 1e-4
NUMBER = 1 << 16
FULL = 0xFFFFFFFF
BASE = (0, 17, 191 * 64 + 5, 2, 2023, 3)  # c0, c1, c2, c3, k0, k1
# Name: place among the six and step.
AXES = {
    "index": (0, 1),
    "block or slot": (1, 1),
    "product": (2, 1),
    "month": (2, 64),
    "purpose": (3, 1),
    "layer": (3, 256),
    "seed": (4, 1),
    "draw": (5, 1),
}
along_axes = pytest.mark.parametrize("axis", AXES)


@njit(nogil=True)
def _philox_rows(six: Words) -> Words:
    words = np.empty((six.shape[0], 4), dtype=np.uint32)
    for i in range(six.shape[0]):
        four = philox.philox(six[i, 0], six[i, 1], six[i, 2], six[i, 3], six[i, 4], six[i, 5])
        for j in range(4):
            words[i, j] = four[j]
    return words


@njit(nogil=True)
def _logs(x: Float) -> Float:
    return np.array([philox.log(value) for value in x])


@njit(nogil=True)
def _exps(x: Float) -> Float:
    return np.array([philox.exp(value) for value in x])


@njit(nogil=True)
def _uniforms(words: Words) -> Float:
    return np.array([philox.uniform(word) for word in words])


@njit(nogil=True)
def _exponentials(words: Words) -> Float:
    return np.array([philox.exponential(word) for word in words])


@njit(nogil=True)
def _poissons(mean: float, number: int, seed: int) -> npt.NDArray[np.int64]:
    return np.array([philox.poisson(mean, i, 5, philox.COUNT, seed, 0) for i in range(number)])


def _stream(axis: str, number: int = NUMBER, offset: int = 0, word: int = 0) -> Words:
    """One word for each of ``number`` steps along the axis."""
    place, step = AXES[axis]
    six = np.tile(np.array(BASE, dtype=np.uint32), (number, 1))
    six[:, place] += (step * (offset + np.arange(number))).astype(np.uint32)
    words: Words = _philox_rows(six)[:, word]
    return words


def _plain(six: tuple[int, ...]) -> tuple[int, ...]:
    """Philox4x32-10 in Python's own integers, from its definition."""
    a, b, c, d, first, second = six
    for _ in range(10):
        even, odd = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (odd >> 32) ^ b ^ first, odd & FULL, (even >> 32) ^ d ^ second, even & FULL
        first, second = (first + 0x9E3779B9) & FULL, (second + 0xBB67AE85) & FULL
    return a, b, c, d


def _integers(four: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(int(word) for word in four)


def _check(name: str, p: float, limit: float = LIMIT) -> None:
    print(f"{name}: p = {p:.4g}")
    assert limit < p, name


def _two_sided(z: float) -> float:
    return float(2.0 * stats.norm.sf(abs(z)))


def _kolmogorov(values: Float, distribution: str) -> float:
    return float(np.asarray(stats.kstest(values, distribution).pvalue))


def _flat(counts: npt.NDArray[np.int64]) -> float:
    return float(stats.chisquare(counts.ravel()).pvalue)


# The published known answers (Random123, kat_vectors).
@pytest.mark.parametrize(
    ("six", "answer"),
    [
        ((0, 0, 0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((FULL,) * 6, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_words(six: tuple[int, ...], answer: tuple[int, ...]) -> None:
    assert _integers(philox.philox(*six)) == answer
    assert _plain(six) == answer


@given(st.tuples(*[st.integers(0, FULL)] * 6))
def test_philox_equals_its_definition(six: tuple[int, ...]) -> None:
    words = _philox_rows(np.array([six], dtype=np.uint32))[0]
    assert _integers(tuple(words)) == _plain(six)


def test_only_the_lowest_32_bits_of_an_argument_count() -> None:
    assert philox.philox(-1, 1, 2, 3, 4, 5) == philox.philox(FULL, 1, 2, 3, 4, 5)
    assert philox.philox(0, 1, 2, 3, 4, 5) == philox.philox(0, 1, 2, 3, 2**32 + 4, 5)


@settings(deadline=None)
@given(st.integers(0, 300), st.tuples(*[st.integers(0, FULL)] * 5))
def test_fill_gives_the_words_of_philox_and_no_more(count: int, five: tuple[int, ...]) -> None:
    words = np.full(320, 7, dtype=np.uint32)
    philox.fill(words, count, *np.array(five, dtype=np.uint32))
    expected = [word for i in range((count + 3) // 4) for word in _plain((i, *five))]
    assert words[:count].tolist() == expected[:count]
    assert (words[count:] == 7).all()


def test_fill_of_a_negative_count_changes_nothing() -> None:
    words = np.full(8, 7, dtype=np.uint32)
    philox.fill(words, -3, 1, 2, 3, 4, 5)
    assert (words == 7).all()


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_longer_fill_starts_with_the_shorter(one: int, other: int) -> None:
    short, long = sorted((one, other))
    words, more = np.zeros(200, dtype=np.uint32), np.zeros(200, dtype=np.uint32)
    philox.fill(words, short, 1, 2, 3, 4, 5)
    philox.fill(more, long, 1, 2, 3, 4, 5)
    assert (words[:short] == more[:short]).all()


def test_purposes_are_distinct_and_leave_room_for_layers() -> None:
    purposes = [
        value for name, value in vars(philox).items() if name.isupper() and not name.startswith("_")
    ]
    assert len(purposes) == 17
    assert sorted(purposes) == sorted(set(purposes))
    assert all(0 < purpose < 256 for purpose in purposes)


def test_uniforms_lie_inside_0_and_1() -> None:
    assert philox.uniform(0) == 2.0**-33
    assert philox.uniform(FULL) == 1.0 - 2.0**-33
    assert philox.fine_uniform(0, 0) == 2.0**-53
    assert philox.fine_uniform(FULL, FULL) == 1.0 - 2.0**-53
    assert philox.fine_uniform(1 << 31, 0) == pytest.approx(0.5, abs=2.0**-52)


def test_log_is_exact_to_1e13() -> None:
    generator = np.random.default_rng(1)
    x = np.concatenate(
        [
            10.0 ** generator.uniform(-307.0, 308.0, 50_000),
            generator.uniform(0.0, 3.0, 50_000),
            1.0 + generator.uniform(-1e-6, 1e-6, 50_000),
            1.0 - 2.0 ** -np.arange(1.0, 53.0),
            2.0 ** np.arange(-1074.0, 1024.0),
        ]
    )
    x = x[x != 1.0]
    error = np.abs(_logs(x) / np.log(x.astype(np.longdouble)) - 1.0).max()
    print(f"log: relative error {float(error):.2g}")
    assert error < 1e-13
    assert philox.log(1.0) == 0.0
    assert philox.log(0.0) == -math.inf
    assert philox.log(math.inf) == math.inf
    assert math.isnan(philox.log(-1.0))
    assert math.isnan(philox.log(math.nan))


def test_exp_is_exact_to_1e13() -> None:
    generator = np.random.default_rng(2)
    x = np.concatenate(
        [
            generator.uniform(-708.0, 709.7, 50_000),
            generator.uniform(-2.0, 2.0, 50_000),
            generator.uniform(-1e-6, 1e-6, 50_000),
        ]
    )
    error = np.abs(_exps(x) / np.exp(x.astype(np.longdouble)) - 1.0).max()
    print(f"exp: relative error {float(error):.2g}")
    assert error < 1e-13
    assert philox.exp(0.0) == 1.0
    assert philox.exp(710.0) == philox.exp(math.inf) == math.inf
    assert philox.exp(-745.0) == 5e-324
    assert philox.exp(-746.0) == philox.exp(-math.inf) == 0.0
    assert math.isnan(philox.exp(math.nan))


def test_exponential_is_exponential() -> None:
    words = np.empty(200_000, dtype=np.uint32)
    philox.fill(words, words.size, 9, 0, philox.WALK, 1, 0)
    times = _exponentials(words)
    # Vectors of words give the same bits as one word alone.
    assert times[:100].tolist() == [philox.exponential(word) for word in words[:100]]
    _check("exponential", _kolmogorov(times, "expon"))
    assert philox.exponential(FULL) == pytest.approx(2.0**-33, rel=1e-9)
    assert 22.8 < philox.exponential(0) < 22.9


@along_axes
def test_words_are_uniform_along_each_axis(axis: str) -> None:
    for word in range(4):
        words = _stream(axis, word=word)
        _check(f"{axis}, word {word}, KS", _kolmogorov(_uniforms(words), "uniform"))
        _check(f"{axis}, word {word}, high byte", _flat(np.bincount(words >> 24, minlength=256)))
        _check(f"{axis}, word {word}, low byte", _flat(np.bincount(words & 255, minlength=256)))


@along_axes
def test_each_bit_is_balanced(axis: str) -> None:
    for word in range(4):
        words = _stream(axis, word=word)
        ones = ((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).sum(axis=0)
        z = (ones - NUMBER / 2.0) / math.sqrt(NUMBER / 4.0)
        _check(f"{axis}, word {word}, bits", float(stats.chi2.sf((z**2).sum(), 32)))
        least = _two_sided(np.abs(z).max())
        _check(f"{axis}, word {word}, worst bit", least, LIMIT / 32)


def _pairs(name: str, one: Words, other: Words) -> None:
    r = np.corrcoef(_uniforms(one), _uniforms(other))[0, 1]
    _check(f"{name}, correlation", _two_sided(r * math.sqrt(one.size)))
    for part, shift in (("high", 27), ("low", 0)):
        cells = ((one >> shift) & 31) * 32 + ((other >> shift) & 31)
        _check(f"{name}, {part} bits", _flat(np.bincount(cells, minlength=1024)))


@along_axes
def test_neighbours_along_an_axis_are_independent(axis: str) -> None:
    for lag in (1, 2, 6):
        _pairs(f"{axis}, lag {lag}", _stream(axis), _stream(axis, offset=lag))
    _pairs(f"{axis}, first and third word", _stream(axis), _stream(axis, word=2))


@pytest.mark.parametrize("axis", [name for name in AXES if name != "index"])
def test_streams_of_neighbouring_keys_are_independent(axis: str) -> None:
    """Whole streams (c0 running) at two values next to each other."""
    place, step = AXES[axis]
    streams = []
    for value in (BASE[place], BASE[place] + step):
        six = (*BASE[1:place], value, *BASE[place + 1 :])
        words = np.empty(NUMBER, dtype=np.uint32)
        philox.fill(words, NUMBER, *six)
        streams.append(words)
    _pairs(f"streams by {axis}", streams[0], streams[1])
    _pairs(f"streams by {axis}, one step apart", streams[0][1:], streams[1][:-1])
    differing = np.unpackbits((streams[0] ^ streams[1]).view(np.uint8)).sum()
    z = (differing - NUMBER * 16.0) / math.sqrt(NUMBER * 8.0)
    _check(f"streams by {axis}, differing bits", _two_sided(z))


def test_each_bit_of_counter_and_key_moves_every_bit_of_the_words() -> None:
    number = 1024
    generator = np.random.default_rng(3)
    six = generator.integers(0, 2**32, (number, 6), dtype=np.uint32)
    words = _philox_rows(six)
    values = []
    for bit in range(192):
        changed = six.copy()
        changed[:, bit // 32] ^= np.uint32(1 << bit % 32)
        flips = np.unpackbits((_philox_rows(changed) ^ words).view(np.uint8).reshape(number, 16), 1)
        z = (flips.sum(axis=0) - number / 2.0) / math.sqrt(number / 4.0)
        values.append(float(stats.chi2.sf((z**2).sum(), 128)))
    _check("avalanche, worst bit", min(values), LIMIT / 192)
    _check("avalanche, all bits", _kolmogorov(np.array(values), "uniform"))


@pytest.mark.parametrize("mean", [0.001, 0.5, 3.0, 9.99, 10.0, 10.5, 30.0, 100.0, 5000.0])
def test_poisson_counts_fit_their_distribution(mean: float) -> None:
    number = 200_000
    counts = _poissons(mean, number, 11)
    # Cells of at least 10 expected counts; the last cell is everything above.
    top = max(1, int(stats.poisson.isf(10.0 / number, mean)))
    bottom = int(stats.poisson.ppf(10.0 / number, mean))
    edges = np.unique(np.linspace(bottom, top, min(top - bottom, 400) + 1).astype(int))
    below = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    expected = number * np.diff(below)
    seen = np.bincount(np.searchsorted(edges, counts), minlength=expected.size)
    if expected[-1] < 5.0:
        expected = np.append(expected[:-2], expected[-2:].sum())
        seen = np.append(seen[:-2], seen[-2:].sum())
    _check(f"Poisson, mean {mean}", float(stats.chisquare(seen, expected).pvalue))


@pytest.mark.parametrize("mean", [0.001, 9.99, 10.0, 1e6, 1e7])
def test_poisson_counts_have_their_mean_and_variance(mean: float) -> None:
    number = 200_000
    counts = _poissons(mean, number, 12) - mean
    deviation = counts.mean() / math.sqrt(mean / number)
    _check(f"Poisson, mean {mean}, mean", _two_sided(deviation))
    spread = math.sqrt((mean + 2.0 * mean**2) / number)  # of the variance: its fourth moment
    deviation = ((counts**2).mean() - mean) / spread
    _check(f"Poisson, mean {mean}, variance", _two_sided(deviation))
    if mean >= 1e6:
        # The median is about 1/6 below the mean.
        z = np.asarray((counts + 1.0 / 6.0) / math.sqrt(mean), dtype=np.float64)
        _check(f"Poisson, mean {mean}, shape", _kolmogorov(z, "norm"))


@pytest.mark.parametrize("mean", [10.0, 57.3, 5000.0, 1e7])
def test_log_probability_equals_that_of_scipy(mean: float) -> None:
    spread = 8.0 * math.sqrt(mean)
    for number in np.unique(np.linspace(max(0.0, mean - spread), mean + spread, 101).astype(int)):
        # scipy's own terms cancel: they are mean * log(mean) large.
        assert philox._log_probability(int(number), mean) == pytest.approx(
            stats.poisson.logpmf(number, mean), rel=1e-13, abs=1e-14 * mean * math.log(mean)
        )


def test_poisson_of_no_mean_is_0_and_of_no_number_an_error() -> None:
    assert philox.poisson(0.0, 1, 2, 3, 4, 5) == 0
    assert philox.poisson(-1.0, 1, 2, 3, 4, 5) == 0
    for mean in (math.nan, math.inf, 1e13):
        with pytest.raises(ValueError, match="mean"):
            philox.poisson(mean, 1, 2, 3, 4, 5)


@given(st.floats(0.0, 9.99), st.floats(0.0, 9.99), st.integers(0, FULL))
def test_small_poisson_counts_never_fall_when_the_mean_rises(
    one: float, other: float, seed: int
) -> None:
    lower, upper = sorted((one, other))
    counts = [philox.poisson(mean, 1, 2, 3, seed, 0) for mean in (lower, upper)]
    assert counts[0] <= counts[1]
