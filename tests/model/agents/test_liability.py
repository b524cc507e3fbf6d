"""Liability: margins are kept, ever use stays on the copula, neighbours are alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import chisquare, multivariate_normal

from model.agents.liability import (
    EDGE,
    MIDDLE,
    MOST,
    balance,
    burden_probability,
    class_of,
    draw_liability,
    escalation_ratios,
    hazard_table,
    never_shares,
    normal,
    ratios,
    start_shares,
)
from model.agents.people import CLASSES

Float = npt.NDArray[np.float64]

loadings = st.floats(0.0, 0.8)
shares = st.floats(1e-7, 1.0 - 1e-7)


def ratios_at(rho: float, share: float) -> Float:
    out = np.empty(CLASSES)
    ratios(hazard_table(rho), share, out)
    return out


@given(st.floats(0.0, 0.99), st.one_of(shares, st.sampled_from([0.0, 1e-300, 1.0])))
def test_never_shares_have_the_mean_asked_for_and_fall_with_liability(
    rho: float, share: float
) -> None:
    found = never_shares(rho, share)
    assert found.mean() == pytest.approx(share, rel=1e-12, abs=1e-300)
    assert 1.0 - found.mean() == pytest.approx(1.0 - share, rel=1e-6, abs=1e-15)
    assert (np.diff(found) <= 1e-15).all()
    assert ((found >= 0.0) & (found <= 1.0)).all()


@given(loadings, shares)
def test_ratios_leave_the_hazard_of_the_stratum(rho: float, share: float) -> None:
    never, found = never_shares(rho, share), ratios_at(rho, share)
    assert never @ found / never.sum() == pytest.approx(1.0, abs=1e-3)
    assert (np.diff(found) >= -1e-12).all()
    balance(found, never)
    assert never @ found / never.sum() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize(("rho", "most"), [(0.35, 25.0), (0.55, 30.0), (0.8, 32.0), (0.99, 51.0)])
def test_ratios_are_bounded(rho: float, most: float) -> None:
    table = hazard_table(rho)
    assert np.isfinite(table).all()
    assert most - 1.0 < table.max() < most


def test_shares_beyond_the_table_take_its_ends() -> None:
    table = hazard_table(0.5)
    out = np.empty(CLASSES)
    for share, row in ((0.0, 0), (1e-12, 0), (1.0 - 1e-12, -1), (1.0, -1)):
        ratios(table, share, out)
        np.testing.assert_array_equal(out, table[row])
    ratios(table, 0.5, out)
    np.testing.assert_allclose(out, table[len(table) // 2], rtol=1e-12)
    assert EDGE > 15.0


def test_without_a_loading_nobody_differs() -> None:
    np.testing.assert_array_equal(hazard_table(0.0), 1.0)
    np.testing.assert_array_equal(ratios_at(0.0, 0.37), 1.0)
    np.testing.assert_allclose(never_shares(0.0, 0.37), 0.37, rtol=1e-14)
    np.testing.assert_array_equal(never_shares(0.4, [0.0, 1.0]), [[0.0] * 32, [1.0] * 32])


@pytest.mark.parametrize("rho", [-0.1, 1.0, float("nan")])
def test_an_impossible_loading_is_refused(rho: float) -> None:
    for made in (never_shares, lambda value, _: hazard_table(value)):
        with pytest.raises(ValueError, match="a loading is"):
            made(rho, 0.5)


@pytest.mark.parametrize("rho", [0.2, 0.55, 0.8])
def test_pairs_correlate_as_two_normals_do(rho: float) -> None:
    # Known answer: P(both) of two normals with correlation rho; the classes lose some of it.
    both = (never_shares(rho, 0.7) * never_shares(rho, 0.4)).mean()
    found = multivariate_normal(cov=[[1.0, rho], [rho, 1.0]]).cdf(ndtri([0.7, 0.4]))
    independent = 0.7 * 0.4
    assert (both - independent) / (found - independent) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("rho", [0.1, 0.55, 0.8])
def test_thinning_by_class_keeps_the_copula_and_the_stratum(rho: float) -> None:
    table, out = hazard_table(rho), np.empty(CLASSES)
    never = never_shares(rho, 0.9999)
    passed = 1e-4 * np.concatenate([[1.0], np.exp(np.linspace(0.0, np.log(4e4), 600))])

    def slope(now: Float) -> Float:
        ratios(table, now.mean(), out)
        return -out * now

    for step in np.diff(passed):  # cumulative hazard up to 4: the midpoint rule
        never = never + step * slope(never + 0.5 * step * slope(never))
        np.testing.assert_allclose(never, never_shares(rho, never.mean()), atol=5e-4)
    expected = 0.9999 * np.exp(passed[0] - passed[-1])
    assert never.mean() == pytest.approx(expected, abs=1e-4)


def test_ratios_of_escalation_leave_the_stratum() -> None:
    counts = np.random.default_rng(1).integers(0, 9, CLASSES).astype(float)
    found = escalation_ratios(counts, 0.8)
    assert counts @ found == pytest.approx(counts.sum(), rel=1e-12)
    np.testing.assert_allclose(np.diff(np.log(found)), 0.8 * np.diff(MIDDLE), rtol=1e-10)
    np.testing.assert_array_equal(escalation_ratios(np.zeros(CLASSES), 0.8), 1.0)
    np.testing.assert_allclose(escalation_ratios(counts, 0.0), 1.0, rtol=1e-14)


LATE = (False, True, False, True)


@given(loadings, st.floats(-1.0, 1.5), st.integers(0, 2**31))
def test_start_shares_have_both_margins(rho: float, tilt: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stock = rng.gamma(0.3, size=(6, 5))
    found = start_shares(stock[:, 0], stock[:, 1:], rho, tilt, LATE)
    share = stock / stock.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.mean(axis=1), share, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found[:, :, 0], never_shares(rho, share[:, 0]), rtol=1e-9)
    assert (found >= 0.0).all()


def test_the_odds_of_a_disorder_rise_with_liability() -> None:
    others = np.array([[0.2, 0.05, 0.1, 0.05]])
    found = start_shares(np.array([0.6]), others, 0.5, 0.8, LATE)[0]
    odds = np.log((found[:, 2] + found[:, 4]) / (found[:, 1] + found[:, 3]))
    np.testing.assert_allclose(np.diff(odds), 0.8 * np.diff(MIDDLE), rtol=1e-8)
    np.testing.assert_allclose(found[:, 1] / found[:, 3], 2.0, rtol=1e-12)
    np.testing.assert_allclose(found[:, 2] / found[:, 4], 1.0, rtol=1e-12)


def test_strata_where_nobody_differs() -> None:
    never, others = np.array([0.0, 5.0, 0.0, 0.0]), np.zeros((4, 4))
    others[2, 1] = 3.0
    others[3, 0] = 3.0
    found = start_shares(never, others, 0.5, 0.8, LATE)
    state = [0, 0, 2, 1]
    for s in range(4):
        np.testing.assert_allclose(found[s, :, state[s]], 1.0, rtol=1e-9)


def test_the_burden_follows_liability() -> None:
    found = burden_probability([0.13, 0.19], 0.55)
    np.testing.assert_allclose(found.mean(axis=1), [0.13, 0.19], rtol=1e-12)
    assert (np.diff(found, axis=1) > 0.0).all()
    np.testing.assert_allclose(burden_probability(0.13, 0.0), 0.13, rtol=1e-12)


@given(st.floats(1e-15, 1.0 - 1e-15))
def test_the_normal_quantile_is_that_of_scipy(u: float) -> None:
    assert normal(u) == pytest.approx(float(ndtri(u)), rel=1e-13, abs=1e-15)


def test_classes_hold_their_middles() -> None:
    assert [class_of(z) for z in MIDDLE] == list(range(CLASSES))
    assert class_of(-9.0) == 0
    assert class_of(9.0) == CLASSES - 1


def drawn(homophily: float, size: int = 40_000, first: int = 0) -> npt.NDArray[np.uint8]:
    out = np.empty(size, dtype=np.uint8)
    draw_liability(out, homophily, 7, 3, first)
    return out


def test_neighbours_are_alike_and_classes_equally_likely() -> None:
    found = drawn(0.6)
    z = MIDDLE[found]
    for lag in (1, 2, 3, 10):
        assert np.corrcoef(z[:-lag], z[lag:])[0, 1] == pytest.approx(0.6**lag, abs=0.025)
    # Every 12th is nearly independent of the others.
    assert chisquare(np.bincount(found[::12], minlength=CLASSES)).pvalue > 0.001
    assert chisquare(np.bincount(drawn(0.0), minlength=CLASSES)).pvalue > 0.001


def test_liability_belongs_to_the_slot() -> None:
    np.testing.assert_array_equal(drawn(0.0)[100:150], drawn(0.0, 50, 100))
    np.testing.assert_array_equal(drawn(0.6)[:50], drawn(0.6, 50))
    assert (drawn(0.6)[100:150] != drawn(0.6, 50, 100)).any()  # another cell begins anew
    assert len(set(drawn(1.0, 50))) == 1
    assert MOST < 1.0
