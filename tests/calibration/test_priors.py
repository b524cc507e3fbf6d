"""Prior draws: keyed by quantity, at the stated quantiles, and never outside their meaning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.parameters import SPREAD, WIDENING, quantile
from model.trend import KNOTS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_the_same_seed_gives_the_same_draws(catalogue: Catalogue) -> None:
    one, two, other = (draw_priors(catalogue, 5, seed=seed) for seed in (4, 4, 5))
    assert one.values.keys() == two.values.keys()
    for key, value in one.values.items():
        np.testing.assert_array_equal(value, two.values[key])
    np.testing.assert_array_equal(one.innovations, two.innovations)
    assert not np.array_equal(one.innovations, other.innovations)
    assert (one.size, one.seed) == (5, 4)


def test_more_draws_leave_the_first_ones(catalogue: Catalogue) -> None:
    few, many = (draw_priors(catalogue, n, seed=8) for n in (3, 50))
    for key, value in few.values.items():
        np.testing.assert_array_equal(value, many.values[key][:3])
    np.testing.assert_array_equal(few.innovations, many.innovations[:3])


def test_another_row_leaves_all_others(catalogue: Catalogue) -> None:
    first, *rest = catalogue.parameters
    more = first.model_copy(update={"parameter": "a_new_one"})
    # In front, so that a generator shared over rows would move every other draw.
    added = replace(catalogue, parameters=(more, *rest[::-1], first))
    before, after = (draw_priors(tables, 4, seed=2) for tables in (catalogue, added))
    assert set(after.values) == set(before.values) | {more.key}
    for key, value in before.values.items():
        np.testing.assert_array_equal(value, after.values[key])


def test_quantities_and_products_are_independent(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, 4000, seed=1)
    shocks = draws.innovations.reshape(4000, -1)
    assert shocks.shape[1] == len(catalogue.products) * KNOTS
    correlation = np.corrcoef(shocks.T) - np.eye(shocks.shape[1])
    assert np.abs(correlation).max() < 0.1
    np.testing.assert_allclose(shocks.mean(axis=0), 0.0, atol=0.08)
    np.testing.assert_allclose(shocks.std(axis=0), 1.0, atol=0.06)


def test_the_median_draw_is_the_value_of_each_row(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, 2, median=True)
    for row in catalogue.parameters:
        middle = row.value
        if row.distribution == "uniform" and row.low is not None and row.high is not None:
            middle = 0.5 * (row.low + row.high)
        np.testing.assert_allclose(draws.values[row.key], middle, rtol=1e-12, atol=1e-15)
    assert not draws.innovations.any()


def test_drawn_quantiles_are_those_of_the_widened_range(catalogue: Catalogue) -> None:
    # 2.5% and 97.5% of 20 000 draws, told on the standard normal scale of each row.
    draws = draw_priors(catalogue, 20_000, seed=3)
    scores = np.linspace(-4.0, 4.0, 2001)
    checked = 0
    for row in catalogue.parameters:
        if row.distribution == "fixed":
            assert np.all(draws.values[row.key] == row.value)
            continue
        low, high = np.quantile(draws.values[row.key], [0.025, 0.975])
        found = np.interp([low, high], quantile(row, scores), scores)
        np.testing.assert_allclose(found, [-SPREAD, SPREAD], atol=0.12, err_msg=row.key)
        checked += 1
    assert checked > 300


def test_widening_stretches_the_stated_range(catalogue: Catalogue) -> None:
    row = next(r for r in catalogue.parameters if r.distribution == "lognormal" and r.low)
    assert row.low is not None
    assert row.high is not None
    ends = np.array([-SPREAD, 0.0, SPREAD])
    for evidence, factor in WIDENING.items():
        found = quantile(row.model_copy(update={"evidence": evidence}), ends)
        expected = [
            row.value * (row.low / row.value) ** factor,
            row.value,
            row.value * (row.high / row.value) ** factor,
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
