"""Survey series: every comparable figure has one, and each product has a headline."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.figures import Figure, comparable, load_figures
from experiments.headlines import nearest_figure, observed
from experiments.series import (
    Group,
    Series,
    all_series,
    group_weights,
    load_headlines,
    names_of,
    series_of,
)
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
    without = [f.id for f in figures if comparable(f) and series_of(f, catalogue) is None]
    assert without == []


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
