"""Survey series: every comparable figure has one, and each product has a headline."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.figures import Figure, comparable, load_figures
from calibration.series import (
    Group,
    Series,
    all_series,
    group_weights,
    in_unit_of,
    names_of,
    series_of,
)
from experiments.runs.headline_series import load_headlines
from experiments.runs.headlines import nearest_figure, observed
from model.catalogue import Catalogue, load_catalogue
from model.strata import default_strata, weights


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue) -> list[Figure]:
    sources = {row.id for row in catalogue.sources}
    return load_figures(products=names_of(catalogue), sources=sources)


def test_every_comparable_figure_has_a_series(catalogue: Catalogue, figures: list[Figure]) -> None:
    without = {f.id for f in figures if comparable(f) and series_of(f, catalogue) is None}
    # A price of another year than that of the model's euros, and one of a tablet.
    assert without == {"price_cocaine_2023", "price_mdma_tablet_2018_mem"}


@pytest.mark.parametrize(
    ("figure_id", "unit", "value"),
    [
        ("mkt_labs_2122", "sites per year", 51.0),
        ("off_drug_2022", "offences per year", 53504.0),
        ("spend_total_2015", "EUR of 2015 per year", 1378609831.67),
        ("spend_treatment_share_2015", "proportion", 0.618),
        ("cost_total_2012", "EUR of 2012 per year", 4.6e9),
        ("price_cocaine_2018", "EUR of 2018 per gram", 50.0),
        ("price_heroin_2018_mem", "EUR of 2018 per gram", 24.0),
        ("harm_alcohol_yll_2020", "years of life per year", 16894.0),
        ("harm_alcohol_daly_rate_2020", "per 100,000 per year", 1148.0),
        ("drd_rate_2014", "per million per year", 8.19),
        ("seiz_heroin_kg_2010", "kg per year", 386.0),
        ("alcohol_recorded_2019", "litres per person per year", 9.0),
        ("pwid_n_2019", "persons", None),
    ],
)
def test_figures_of_markets_harms_and_money_have_a_series(
    catalogue: Catalogue, figures: list[Figure], figure_id: str, unit: str, value: float | None
) -> None:
    (figure,) = (figure for figure in figures if figure.id == figure_id)
    series = series_of(figure, catalogue)
    assert series is not None
    assert series.unit == unit
    assert in_unit_of(figure, series)[0] == value


def test_tonnes_become_kilograms(catalogue: Catalogue, figures: list[Figure]) -> None:
    (figure,) = (figure for figure in figures if figure.id == "seiz_heroin_kg_2010")
    tonnes = figure.model_copy(update={"unit": "tonnes", "value": 0.386, "low": 0.3})
    series = series_of(tonnes, catalogue)
    assert series is not None
    assert series == series_of(figure, catalogue)
    value, low, high = in_unit_of(tonnes, series)
    assert (value, low) == pytest.approx((386.0, 300.0))
    assert high is None


@pytest.mark.parametrize(("year", "year_end"), [(2014, None), (2016, 2018), (None, None)])
def test_euros_of_another_year_are_not_compared(
    catalogue: Catalogue, figures: list[Figure], year: int | None, year_end: int | None
) -> None:
    (figure,) = (figure for figure in figures if figure.id == "spend_total_2015")
    other = figure.model_copy(update={"year": year, "year_end": year_end})
    assert series_of(other, catalogue) is None


def test_register_counts_of_shares_become_persons(
    catalogue: Catalogue, figures: list[Figure]
) -> None:
    (figure,) = (figure for figure in figures if figure.id == "med_benzo_users_2019")
    series = series_of(figure, catalogue)
    assert series is not None
    assert series.unit == "persons"
    assert series.id == "sedatives/medical_use_last_year/all/all_ages/Belgium/persons"


def test_series_have_distinct_ids_and_labels(catalogue: Catalogue, figures: list[Figure]) -> None:
    headlines = [series for _, series in load_headlines(catalogue)]
    series = all_series(catalogue, figures, headlines)
    assert len({s.id for s in series}) == len(series) == len(set(series))
    labels = [s.label(catalogue) for s in series]
    assert "Cannabis: Used in the last 12 months, 15-64, Belgium" in labels
    assert "Tobacco: Daily or almost daily use, 15+ men, Belgium" in labels


def test_each_product_has_one_headline(catalogue: Catalogue) -> None:
    products = [row.product for row, _ in load_headlines(catalogue)]
    assert products == [row.id for row in catalogue.products]


def test_the_french_community_is_wallonia_and_brussels() -> None:
    strata = default_strata()
    found = group_weights(strata, Group("all", 12, 18, "French Community"))
    parts = [weights(strata, age_min=12, age_max=18, region=r) for r in ("Wallonia", "Brussels")]
    np.testing.assert_allclose(found, np.sum(parts, axis=0))
    assert found.max() <= 1.0


def test_the_figure_beside_a_year_is_the_nearest_and_fitted_first(
    catalogue: Catalogue, figures: list[Figure]
) -> None:
    adults = Group("all", 15, 64, "Belgium")
    cannabis = Series("cannabis", "last_year_prevalence", adults, "proportion")
    of_series = observed(figures, catalogue)[cannabis]
    found = nearest_figure(of_series, 2018)
    assert found is not None
    assert found.year == 2018
    assert found.value == pytest.approx(0.07)
    assert nearest_figure(of_series, 2030) is None
    two = [found.model_copy(update={"id": role, "role": role}) for role in ("checked", "fitted")]
    chosen = nearest_figure(two, 2019)
    assert chosen is not None
    assert chosen.role == "fitted"
