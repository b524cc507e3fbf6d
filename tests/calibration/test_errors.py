"""The error model: known covariances of hand-made figures, and properties of all of them."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import ERRORS, Errors, build_errors, from_scale, to_scale
from calibration.figures import Figure, load_figures
from calibration.series import names_of, series_of
from model.catalogue import load_catalogue
from model.errors import InputError

CATALOGUE = load_catalogue()
FIGURES = load_figures(products=names_of(CATALOGUE), sources={row.id for row in CATALOGUE.sources})
BY_ID = {row.id: row for row in FIGURES}
COMPARABLE = [row for row in FIGURES if series_of(row, CATALOGUE) is not None]
FITTED = [row for row in COMPARABLE if row.role == "fitted"]
WAVE = BY_ID["cannabis_lastyear_2018_male"]


def errors_of(*figures: Figure, variant: str = "base") -> Errors:
    return build_errors(figures, CATALOGUE, variant=variant)


def changed(figure: Figure, **changes: object) -> Figure:
    return figure.model_copy(update=changes)


def rules_with(path: Path, quantity: str, value: float | str, column: str = "value") -> Path:
    """A copy of the rules with every number (or another cell) of ``quantity`` changed."""
    with ERRORS.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        if row["quantity"] == quantity:
            row[column] = str(value)
    copy = path / "errors.csv"
    with copy.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return copy


def only(path: Path, **kept: float) -> Path:
    """Rules in which all spreads but those ``kept`` are 0: they give the blocks one by one."""
    numbers: dict[str, float] = {
        **dict.fromkeys(("asked_from", "spread", "anchor", "row"), 0.0),
        **dict.fromkeys(("offset", "offset_place", "offset_sex", "offset_ages"), 0.0),
        **dict.fromkeys(("walk", "walk_group", "slope"), 0.0),
        **dict.fromkeys(("asked_share", "design"), 1.0),
        **dict.fromkeys(("wave_product", "wave_indicator"), 0.4),
        "asked": 1e15,
        "asked_to": 120.0,
        "pivot": 2010.0,
        "wave": 1e-9,
    }
    rows: list[dict[str, object]] = [{"quantity": "family", "name": "other"}]
    for quantity, value in (numbers | kept).items():
        rows.append({"quantity": quantity, "name": "w", "value": value})
    with ERRORS.open(encoding="utf-8", newline="") as handle:
        columns = next(csv.reader(handle))
    copy = path / "errors.csv"
    with copy.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows({"grade": "judgement", **row} for row in rows)
    return copy


def test_scales_know_their_inverse() -> None:
    assert to_scale(0.2, "logit") == pytest.approx(np.log(0.25))
    assert to_scale(7.0, "log") == pytest.approx(np.log(7.0))
    assert to_scale(0.0, "logit") == -np.inf
    assert from_scale(np.array([-np.inf, 800.0]), "logit") == pytest.approx([0.0, 1.0])


@given(st.floats(1e-6, 1.0 - 1e-6), st.sampled_from(["logit", "log"]))
def test_there_and_back(value: float, scale: str) -> None:
    assert from_scale(to_scale(value, scale), scale) == pytest.approx(value)


def test_every_comparable_figure_has_errors() -> None:
    errors = build_errors(COMPARABLE, CATALOGUE)
    assert errors.ids == tuple(row.id for row in COMPARABLE)
    plain = ~np.isnan(errors.observed)
    assert plain.tolist() == [row.value is not None for row in COMPARABLE]
    assert (errors.lower[~plain] < errors.upper[~plain]).all()
    assert np.isnan(errors.lower[plain]).all()
    sd = np.sqrt(np.diag(errors.covariance()))
    assert sd.min() > 0.02
    assert sd.max() < 3.0


def test_families_are_those_that_coverage_is_asked_of() -> None:
    errors = build_errors(FITTED, CATALOGUE)
    families = dict(zip(errors.ids, errors.family, strict=True))
    assert families["tobacco_daily_2013"] == "health survey"
    assert families["tobacco_current_eb_2012"] == "pupils and panels"
    assert families["hbscfl_cannabis_2018"] == "pupils and panels"
    assert families["ww_cocaine_Brussels_2018"] == "wastewater"
    assert families["tr_cocaine_share_2021"] == "registers"
    assert set(errors.family) == {
        "health survey", "pupils and panels", "wastewater", "registers",
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(COMPARABLE), min_size=1, max_size=40, unique_by=lambda f: f.id),
    st.sampled_from(["base", "real jump", "loose", "tight"]),
)
def test_covariances_are_positive_definite(figures: list[Figure], variant: str) -> None:
    errors = build_errors(figures, CATALOGUE, variant=variant)
    for matrix in (errors.fixed, errors.covariance()):
        np.testing.assert_allclose(matrix, matrix.T)
        np.linalg.cholesky(matrix)
    for shared in errors.shared:
        assert np.linalg.eigvalsh(shared).min() > -1e-9


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(COMPARABLE), min_size=2, max_size=12, unique_by=lambda f: f.id),
    st.randoms(use_true_random=False),
)
def test_order_and_company_do_not_matter(figures: list[Figure], random: Random) -> None:
    order = list(range(len(figures)))
    random.shuffle(order)
    one = build_errors(figures, CATALOGUE)
    two = build_errors([figures[i] for i in order], CATALOGUE)
    np.testing.assert_allclose(two.fixed, one.fixed[np.ix_(order, order)])
    np.testing.assert_allclose(two.covariance(), one.covariance()[np.ix_(order, order)])
    np.testing.assert_array_equal(two.alone, one.alone[order])
    part = build_errors(figures[:-1], CATALOGUE)
    np.testing.assert_allclose(part.covariance(), one.covariance()[:-1, :-1])


def test_two_rows_of_one_wave_share_it(tmp_path: Path) -> None:
    path = only(tmp_path, wave=0.5)
    other_sex = changed(WAVE, id="b", sex="female")
    other_question = changed(WAVE, id="c", indicator="lifetime_prevalence")
    other_wave = changed(WAVE, id="d", source="his-2013--unodc", year=2013)
    other_product = changed(WAVE, id="e", product="cocaine")
    rows = [WAVE, other_sex, other_question, other_wave, other_product]
    errors = build_errors(rows, CATALOGUE, path=path)
    assert errors.groups == ("w",)
    np.testing.assert_allclose(errors.shared[0][0], [1.0, 0.8, 0.4, 0.0, 0.0])
    np.testing.assert_allclose(errors.tau, [[np.log(0.5), 0.35]])
    assert errors.cluster[0] == errors.cluster[1] != errors.cluster[3]


def test_offsets_last_over_the_waves_of_a_series(tmp_path: Path) -> None:
    path = only(tmp_path, offset=0.3, offset_sex=0.1, walk=0.05)
    later = changed(WAVE, id="b", source="his-2023--later", year=2023)
    woman = changed(WAVE, id="c", sex="female")
    panel = changed(WAVE, id="d", source="stk-panel-to-2019--press")
    fixed = build_errors([WAVE, later, woman, panel], CATALOGUE, path=path).fixed
    # 2018 and 2023 lie 8 and 13 years after the pivot: they share the walk of the first 8.
    assert fixed[0, 1] == pytest.approx(0.3**2 + 0.1**2 + 0.05**2 * 8)
    assert fixed[1, 1] - fixed[0, 0] == pytest.approx(0.05**2 * 5)
    assert fixed[0, 2] == pytest.approx(0.3**2 + 0.05**2 * 8)
    assert fixed[0, 3] == 0.0


def test_walks_run_both_ways_from_the_pivot_and_slopes_are_straight(tmp_path: Path) -> None:
    before = changed(WAVE, id="a", source="his-2004--x", year=2004)
    after = changed(WAVE, id="b", year=2014)
    walked = build_errors([before, after], CATALOGUE, path=only(tmp_path, walk=0.1)).fixed
    assert walked[0, 1] == 0.0
    sloped = build_errors([before, after], CATALOGUE, path=only(tmp_path, slope=0.1)).fixed
    assert sloped[0, 1] == pytest.approx(-0.01 * 6 * 4)


def test_2013_is_a_block_of_illegal_products_only() -> None:
    rows = [
        BY_ID["cannabis_lastyear_2013_male"],
        BY_ID["cannabis_lastmonth_2013"],
        BY_ID["cannabis_lastyear_2018_male"],
        BY_ID["cannabis_lastyear_2008_male"],
        BY_ID["cannabis_onset_2013"],
        BY_ID["tobacco_daily_2013"],
        BY_ID["alcohol_daily_2013_BE"],
    ]
    block = errors_of(*rows).fixed - errors_of(*rows, variant="real jump").fixed
    both = 0.35**2 + 0.20**2
    expected = [
        [both, both, 0.04, 0.0],
        [both, both, 0.04, 0.0],
        [0.04, 0.04, 0.04, 0.0],
        [0.0] * 4,
    ]
    np.testing.assert_allclose(block[:4, :4], np.array(expected), atol=1e-12)
    np.testing.assert_allclose(np.diag(block)[4:], [0.0, 0.05**2, 0.05**2], atol=1e-12)
    assert block[5, 6] == 0.0


def test_waves_may_be_looser_or_tighter() -> None:
    centre = errors_of(WAVE).tau[0, 0]
    assert errors_of(WAVE, variant="loose").tau[0, 0] == pytest.approx(centre + np.log(2.0))
    assert errors_of(WAVE, variant="tight").tau[0, 0] == pytest.approx(centre - np.log(2.0))
    with pytest.raises(InputError) as caught:
        errors_of(WAVE, variant="vague")
    assert caught.value.key == "variant"
    assert "real jump" in str(caught.value.allowed)


def test_sampling_is_that_of_a_share_of_the_people_asked(tmp_path: Path) -> None:
    whole = changed(BY_ID["tobacco_daily_2013"], value=0.123456789)
    path = only(tmp_path, asked=900.0, asked_from=15.0)
    fixed = build_errors([whole], CATALOGUE, path=path).fixed
    assert fixed[0, 0] == pytest.approx(1.0 / (900.0 * 0.123456789 * 0.876543211), rel=1e-6)
    men = changed(whole, sex="male")
    half = build_errors([men], CATALOGUE, path=path).fixed
    assert half[0, 0] / fixed[0, 0] == pytest.approx(2.0, rel=0.06)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([row for row in FITTED if row.population_kind != "sewershed"]))
def test_more_people_asked_never_widen(
    tmp_path_factory: pytest.TempPathFactory, figure: Figure
) -> None:
    folder = tmp_path_factory.mktemp("rules")
    few = build_errors([figure], CATALOGUE, path=rules_with(folder, "asked", 500)).fixed[0, 0]
    folder = tmp_path_factory.mktemp("rules")
    many = build_errors([figure], CATALOGUE, path=rules_with(folder, "asked", 5000)).fixed[0, 0]
    assert many <= few
    if figure.unit == "proportion":
        assert many < few


@pytest.mark.parametrize(
    ("value", "unit", "width", "slope"),
    [
        (0.154, "proportion", 0.001, 1 / (0.154 * 0.846)),
        (0.3, "proportion", 0.01, 1 / 0.21),
        (0.0052, "proportion", 0.0001, 1 / (0.0052 * 0.9948)),
        (18.3, "years", 0.1, 1 / 18.3),
        (19.0, "years", 1.0, 1 / 19.0),
    ],
)
def test_rounding_is_uniform_within_the_last_digit(
    tmp_path: Path, value: float, unit: str, width: float, slope: float
) -> None:
    indicator = "mean_age_first_use" if unit == "years" else "last_year_prevalence"
    figure = changed(WAVE, value=value, unit=unit, indicator=indicator)
    fixed = build_errors([figure], CATALOGUE, path=only(tmp_path)).fixed
    assert fixed[0, 0] == pytest.approx((width * slope) ** 2 / 12.0, rel=1e-6)


def test_counts_vary_as_counts_do(tmp_path: Path) -> None:
    count = BY_ID["drd_2008"]
    fixed = build_errors([count], CATALOGUE, path=only(tmp_path)).fixed
    assert fixed[0, 0] == pytest.approx(1 / 146 + 1 / 146**2 / 12.0)
    rounded = changed(count, value=13000.0)
    fixed = build_errors([rounded], CATALOGUE, path=only(tmp_path)).fixed
    assert fixed[0, 0] == pytest.approx(1 / 13000 + (1000 / 13000) ** 2 / 12.0)


def test_bounds_ranges_and_printed_zeros_are_censored() -> None:
    most = BY_ID["hbscfwb22_tobacco_daily_use"]
    least = BY_ID["med_benzo_users_2022"]
    span = BY_ID["amphetamine_lastyear_2018_all"]
    errors = errors_of(most, least, span, changed(WAVE, id="zero", value=0.0, low=None, high=None))
    assert np.isnan(errors.observed).all()
    assert errors.scale == ("logit", "log", "logit", "logit")
    assert errors.lower.tolist() == [-np.inf, np.log(2e6), to_scale(0.005, "logit"), -np.inf]
    top = [to_scale(share, "logit") for share in (0.05, 0.008, 0.005)]
    assert errors.upper.tolist() == [top[0], np.inf, *top[1:]]


def test_an_interval_beside_a_value_is_no_bound() -> None:
    errors = errors_of(changed(WAVE, low=0.09, high=0.12))
    assert errors.observed[0] == pytest.approx(to_scale(0.104, "logit"))


def test_anchors_are_the_adult_headline_of_the_health_survey() -> None:
    errors = build_errors(FITTED, CATALOGUE)
    flags = dict(zip(errors.ids, errors.anchor, strict=True))
    assert {BY_ID[row_id].product for row_id, anchor in flags.items() if anchor} == {
        "alcohol", "tobacco", "e_cigarettes", "cannabis", "cocaine", "mdma", "amphetamine",
        "sedatives", "gambling_offline", "gambling_online",
    }  # fmt: skip
    assert flags["alcohol_daily_2018_BE"]
    assert flags["cocaine_lastyear_2018_female"]
    assert not flags["alcohol_daily_2018_Flanders"]
    assert not flags["cocaine_lastyear_25_34_2018"]
    assert not flags["opioids_lastyear_2013_male"]


def test_what_cannot_test_the_model_is_alone() -> None:
    errors = build_errors(FITTED, CATALOGUE)
    alone = {row_id for row_id, a in zip(errors.ids, errors.alone, strict=True) if a}
    assert {"gam_atrisk_2018", "tobacco_onset_first_2018"} <= alone
    assert not alone & {"alcohol_daily_2018_BE", "ww_cocaine_Brussels_2018", "ost_2011"}
    assert not alone & {row_id for row_id, a in zip(errors.ids, errors.anchor, strict=True) if a}
    brugge = BY_ID["ww_cocaine_Brugge_2018"]
    assert errors_of(brugge).alone.all()
    # Another row of the same series ends it, a bound does not.
    lone, later = BY_ID["hbscfwb22_ecig_lifetime_prevalence"], {"year": 2018, "id": "later"}
    assert not errors_of(lone, changed(lone, **later)).alone.any()
    bound = changed(lone, value=None, low=0.1, **later)
    assert errors_of(lone, bound).alone[0]


def test_series_follow_the_source_and_who_was_asked() -> None:
    rows = ("cannabis_lastyear_2008_male", "cannabis_lastyear_2018_male")
    errors = errors_of(*(BY_ID[row] for row in rows))
    assert errors.series[0] == errors.series[1]
    broken = ("cannabis_last_mont_2012_13_15-16", "cannabis_last_mont_2013_14_15-16")
    errors = errors_of(*(BY_ID[row] for row in broken))
    assert errors.series[0] != errors.series[1]
    assert errors.fixed[0, 1] == 0.0


def test_sites_share_a_national_unknown_and_its_drift() -> None:
    ids = ("ww_cocaine_Brussels_2018", "ww_cocaine_Antwerp_Zuid_2018", "ww_cocaine_Brussels_2019")
    errors = errors_of(*(BY_ID[row] for row in ids))
    national = 2.0**2 + 0.13**2 * 8 + 0.03**2 * 64
    assert errors.fixed[0, 1] == pytest.approx(national)
    assert errors.fixed[0, 0] == pytest.approx(national + 1.0 + 0.05**2 * 8 + 0.1**2, rel=1e-3)
    assert errors.shared[0][0, 1] == pytest.approx(0.5)
    assert errors.shared[0][0, 2] == 0.0
    small = errors_of(BY_ID["ww_cocaine_Koksijde_2018"])
    assert small.covariance()[0, 0] > errors.covariance()[0, 0]


def test_a_figure_of_a_survey_and_a_year_never_seen_has_errors() -> None:
    new = changed(WAVE, source="survey-2027--report", year=2027)
    known = changed(WAVE, source="his-2027--report", year=2027)
    errors = errors_of(new, known)
    assert errors.family == ("other", "health survey")
    assert errors.anchor.tolist() == [False, True]
    assert errors.fixed[0, 0] > errors.fixed[1, 1]


def test_what_the_model_cannot_print_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        errors_of(changed(WAVE, region="Ghent"))
    assert caught.value.line == WAVE.line


@pytest.mark.parametrize(
    ("quantity", "column", "cell", "key"),
    [
        ("offset", "value", "", "value"),
        ("offset", "value", "-1", "value"),
        ("wave_product", "value", "1.2", "value"),
        ("wave", "name", "", "name"),
        ("wave", "name", "one", "value"),
        ("asked", "value", "0", "value"),
        ("offset", "products", "coffee", "products"),
        ("offset", "indicators", "lifetime", "indicators"),
        ("offset", "places", "city", "places"),
        ("break", "years", "soon", "years"),
        ("family", "name", "polls", "name"),
        ("row", "grade", "guess", "grade"),
        ("design", "quantity", "designs", "quantity"),
        ("pivot", "years", "2018-", "quantity"),
    ],
)
def test_a_broken_rule_is_refused(
    tmp_path: Path, quantity: str, column: str, cell: str, key: str
) -> None:
    path = rules_with(tmp_path, quantity, cell, column)
    with pytest.raises(InputError) as caught:
        build_errors([WAVE], CATALOGUE, path=path)
    assert (caught.value.key, caught.value.file) == (key, str(path))
    assert caught.value.allowed


def test_no_rule_hides_an_equal_one() -> None:
    # A rule that an earlier one hides would be read as if it held.
    with ERRORS.open(encoding="utf-8", newline="") as handle:
        rows = [tuple(row.values())[:9] for row in csv.DictReader(handle) if not row["name"]]
    assert len(set(rows)) == len(rows)
