"""Scores of forecasts of known answer: intervals, bounds, CRPS, clusters, what is told of what."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from calibration.errors import Errors, build_errors
from calibration.figures import Figure, load_figures
from calibration.forecasts import crps_normal
from calibration.score import (
    COLUMNS,
    Scored,
    conditional,
    observed_trails,
    score,
    series_names,
    summarise,
)
from calibration.series import names_of
from model.catalogue import Catalogue, load_catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def use(catalogue: Catalogue) -> Figure:
    """A share of adults who used cannabis in the last year, of the health survey."""
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    (found,) = (figure for figure in figures if figure.id == "can_lastyear_2018")
    return found


def at(figure: Figure, year: int, value: float | None, **other: object) -> Figure:
    told = {"id": f"x{year}", "year": year, "value": value, "low": None, "high": None}
    return figure.model_copy(update={**told, "source": f"his-{year}--made-up", **other})


def centres(product: str, errors: Errors) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.tile(errors.tau[:, 0], (3, 1))


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_one_normal_gives_its_own_quantiles_and_scores(catalogue: Catalogue, use: Figure) -> None:
    past = [at(use, 2009, 0.08), at(use, 2013, 0.1)]
    row = at(use, 2017, 0.2)
    errors = build_errors([row], catalogue)
    known = observed_trails(past, build_errors(past, catalogue), catalogue)
    mean, sd = np.full((4, 1), logit(0.15)), np.full((4, 1), 0.3)
    (found,) = score([row], errors, catalogue, (mean, sd), known)
    ends = logit(0.15) + 0.3 * norm.ppf([0.5, 0.25, 0.75, 0.1, 0.9, 0.025, 0.975])
    np.testing.assert_allclose(found.quantiles, 1 / (1 + np.exp(-ends)))
    assert found.observed == 0.2
    # 0.2 lies 1.15 standard deviations above the middle.
    assert found.inside == (False, True, True)
    assert found.n_earlier == 2
    assert found.scale == "logit"
    assert found.crps == pytest.approx(float(crps_normal(logit(0.2), logit(0.15), 0.3)))
    # One pair tells the spread: a change over four years, and four years ahead.
    change = logit(0.1) - logit(0.08)
    assert found.sd_last == pytest.approx(change)
    assert found.crps_last == pytest.approx(float(crps_normal(logit(0.2), logit(0.1), change)))
    assert found.crps_trend == found.crps_last
    assert found.sd == pytest.approx(0.3)


def test_naive_forecasts_see_earlier_years_only(catalogue: Catalogue, use: Figure) -> None:
    past = [at(use, 2018, 0.3), at(use, 2023, 0.4)]
    row = at(use, 2013, 0.2)
    known = observed_trails(past, build_errors(past, catalogue), catalogue)
    forecast = np.full((2, 1), logit(0.2)), np.full((2, 1), 0.1)
    (found,) = score([row], build_errors([row], catalogue), catalogue, forecast, known)
    assert found.n_earlier == 0
    assert (found.crps_last, found.crps_trend) == (None, None)
    assert found.crps is not None
    assert not found.compared


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (0.3, None, (False, False, False)),  # at least: all above the 95% interval
        (0.26, None, (False, False, True)),
        (None, 0.2, (True, True, True)),
        (0.01, 0.12, (False, False, False)),
        (0.19, 0.5, (True, True, True)),
    ],
)
def test_a_range_is_inside_what_it_overlaps(
    catalogue: Catalogue,
    use: Figure,
    low: float | None,
    high: float | None,
    inside: tuple[bool, ...],
) -> None:
    row = at(use, 2025, None, low=low, high=high)
    # The 95% interval is about 0.123-0.281, the 80% one 0.144-0.247.
    forecast = np.full((2, 1), logit(0.19)), np.full((2, 1), 0.26)
    (found,) = score([row], build_errors([row], catalogue), catalogue, forecast, {})
    assert found.inside == inside
    assert (found.observed, found.crps) == (None, None)
    assert "range" in found.why


def test_sums_over_several_years_are_a_series_of_their_own(
    catalogue: Catalogue, use: Figure
) -> None:
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    (one,) = (figure for figure in figures if figure.id == "mkt_labs_2122")
    both = [one, one.model_copy(update={"year_end": None}), at(use, 2016, 0.1, year_end=2017)]
    names = series_names(both, build_errors(both, catalogue), catalogue)
    assert names[0] == f"{names[1]}|2 years"
    assert "years" not in names[2]


def test_a_known_figure_shifts_the_forecast_of_its_series(
    catalogue: Catalogue, use: Figure
) -> None:
    eurobarometer = [
        at(use, year, 0.2, source=f"eurobarometer--{year}") for year in (2013, 2018, 2023)
    ]
    values = np.full((3, 3), logit(0.1))
    known = np.array([True, False, False])
    mean, sd = conditional(eurobarometer, catalogue, known, values, centres)
    assert np.isnan(mean[:, 0]).all()
    # A series that lay high keeps some of it, and two forecasts do not tell each other.
    assert (mean[:, 1:] > logit(0.1)).all()
    alone = conditional(eurobarometer[:2], catalogue, known[:2], values[:, :2], centres)
    np.testing.assert_allclose(mean[:, 1], alone[0][:, 1])
    free = conditional(eurobarometer[1:], catalogue, known[1:], values[:, 1:], centres)
    np.testing.assert_allclose(free[0], logit(0.1))
    assert (sd[:, 1:] < free[1]).all()
    later = conditional(
        eurobarometer, catalogue, known, values, centres, np.array([False, True, True])
    )
    np.testing.assert_allclose(later[0][:, 1], mean[:, 1])
    assert (later[0][:, 2] > mean[:, 2]).all()


def made(
    figure: Figure,
    inside: tuple[bool, bool, bool],
    cluster: str = "a",
    scores: tuple[float, float | None, float | None] = (0.1, None, None),
    **other: object,
) -> Scored:
    last = None if scores[1] is None else 2.0
    told = {"family": "health survey", "n_earlier": int(scores[1] is not None), **other}
    return Scored(
        figure,
        cluster=cluster,
        inside=inside,
        sd=1.0,
        sd_last=last,
        crps=scores[0],
        crps_last=scores[1],
        crps_trend=scores[2],
        **told,  # type: ignore[arg-type]
    )


def test_coverage_counts_rows_and_crps_weighs_clusters(use: Figure) -> None:
    inner, outer, out = (True, True, True), (False, False, True), (False, False, False)
    found = summarise(
        [
            made(use, inner, "a", (0.1, 0.2, 0.3)),
            made(use, outer, "a", (0.3, 0.4, 0.5)),
            made(use, out, "b", (1.0, 2.0, 3.0), family="wastewater"),
            made(use, inner, "c"),
            Scored(use, why="no number"),
            Scored(use, why="no number"),
        ]
    )
    assert (found.rows, found.clusters) == (4, 3)
    assert found.reasons == {"no number": 2}
    every = {row.name: (row.rows, row.inside) for row in found.coverage}
    assert every["all"] == (4, (0.5, 0.5, 0.75))
    assert every["health survey"][0] == 3
    assert every["health survey"][1] == pytest.approx((2 / 3, 2 / 3, 1.0))
    assert every["wastewater"] == (1, (0.0, 0.0, 0.0))
    earlier = {row.name: row.rows for row in found.with_earlier}
    assert earlier == {"all": 3, "health survey": 2, "wastewater": 1}
    assert found.comparison is not None
    assert (found.comparison.rows, found.comparison.clusters) == (3, 2)
    told = (found.comparison.model, found.comparison.last, found.comparison.trend)
    assert told == pytest.approx((0.6, 1.15, 1.7))
    assert found.sd_ratio == pytest.approx(0.5)


def test_nothing_to_compare(use: Figure) -> None:
    found = summarise([made(use, (True, True, True)), Scored(use, why="no year")])
    assert found.comparison is None
    assert np.isnan(found.sd_ratio)
    assert found.with_earlier == ()
    assert summarise([]).coverage == ()


def test_columns_are_as_agreed() -> None:
    assert ",".join(COLUMNS) == (
        "id,series,cluster,product,indicator,role,year,scale,n_earlier,observed,median,low50,"
        "high50,low80,high80,low95,high95,in50,in80,in95,crps,crps_last,crps_trend,why"
    )
