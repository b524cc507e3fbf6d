"""The model's value of figures: the same in any parts, summed over years by one rule."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.figures import Figure, load_figures
from calibration.predict import (
    PART,
    PEOPLE,
    counted,
    groups_of,
    over_years,
    series_values,
    survey,
    years_of,
)
from calibration.priors import draw_priors
from calibration.series import Group, Series, names_of, series_of
from model.catalogue import Catalogue, load_catalogue

ADULTS = Group("all", 15, 64, "Belgium")
MEN = Group("male", 15, None, "Flanders")
USE = Series("cannabis", "last_year_prevalence", ADULTS, "proportion")
USERS = Series("cannabis", "last_year_prevalence", MEN, "persons")
SEIZED = Series("cocaine", "quantity_seized", Group("all", None, None, "Belgium"), "kg per year")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue) -> list[Figure]:
    sources = {row.id for row in catalogue.sources}
    return load_figures(products=names_of(catalogue), sources=sources)


def test_each_series_is_its_own_product_and_group(catalogue: Catalogue) -> None:
    products = list(names_of(catalogue))
    values = np.random.default_rng(1).random((2, 3, len(products), 3))
    persons = np.full((2, 3, 3), 100.0)
    series = (USE, USERS, SEIZED)
    assert groups_of(series) == (ADULTS, MEN, SEIZED.group)
    found = series_values({"last_year_prevalence": values}, persons, series, catalogue)
    at = products.index("cannabis")
    np.testing.assert_array_equal(found[:, 0], values[:, :, at, 0])
    np.testing.assert_array_equal(found[:, 1], 100.0 * values[:, :, at, 1])
    assert np.isnan(found[:, 2]).all()


def test_parts_threads_and_outcomes_change_no_number(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, PART + 1)
    done: list[int] = []
    found = survey(catalogue, draws, [USE, USERS], 2011, threads=2, progress=done.append)
    assert found.shape == (PART + 1, 2, 2)
    assert done == [PART, 1]
    alone = draws.slice(PART, PART + 1)
    with_outcomes = survey(catalogue, alone, [SEIZED, USE, USERS], 2011)
    np.testing.assert_array_equal(found[PART:], with_outcomes[:, 1:])
    assert (with_outcomes[:, 0] > 0).all()


def test_years_before_the_run_come_from_the_past(catalogue: Catalogue) -> None:
    draws = draw_priors(catalogue, 1)
    found = survey(catalogue, draws, [USE, SEIZED], 2011, first=2001)
    assert found.shape == (1, 2, 11)
    assert ((found[:, 0] > 0) & (found[:, 0] < 1)).all()
    assert np.isnan(found[:, 1, :9]).all()
    np.testing.assert_array_equal(found[:, :, 9:], survey(catalogue, draws, [USE, SEIZED], 2011))


def test_indicators_of_people_need_no_outcomes(catalogue: Catalogue, figures: list[Figure]) -> None:
    asked = {series_of(figure, catalogue) for figure in figures} - {None}
    people = sorted(
        (one for one in asked if one is not None and one.indicator in PEOPLE),
        key=lambda one: one.id,
    )
    draws = draw_priors(catalogue, 1, median=True)
    found = survey(catalogue, draws, people, 2011)
    lost = [one.id for one, values in zip(people, found[0], strict=True) if np.isnan(values).all()]
    assert lost == []
    # And what they are does not depend on whether outcomes are observed too.
    both = survey(catalogue, draws, [*people, SEIZED], 2011)
    np.testing.assert_array_equal(found, both[:, :-1])


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("persons per year", True),
        ("EUR of 2015 per year", True),
        ("kg per year", True),
        ("persons", False),
        ("proportion", False),
        ("per 100,000 per year", False),
        ("litres per person per year", False),
        ("EUR of 2018 per gram", False),
    ],
)
def test_what_adds_up_over_years(unit: str, expected: bool) -> None:
    assert counted(unit) is expected


def test_counts_are_summed_and_shares_averaged() -> None:
    values = np.array([[1.0, 2.0, 6.0]])
    years = (2010, 2011, 2012)
    assert over_years(values, years, range(2011, 2013), "sites per year") == pytest.approx(8.0)
    assert over_years(values, years, range(2011, 2013), "proportion") == pytest.approx(4.0)
    assert over_years(values, years, range(2012, 2014), "proportion") is None


def test_years_of_a_figure(figures: list[Figure]) -> None:
    one = figures[0].model_copy(update={"year": 2016, "year_end": None})
    assert list(years_of(one, 2022)) == [2016]
    assert list(years_of(one.model_copy(update={"year_end": 2018}), 2022)) == [2016, 2017, 2018]
    assert list(years_of(one.model_copy(update={"year": None}), 2022)) == [2022]
