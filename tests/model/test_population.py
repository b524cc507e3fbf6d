"""Demography: the recursion must meet the official population, deaths must follow the table."""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import InputError
from model.population import (
    Demography,
    closed_population,
    load_death_rates,
    load_demography,
    project,
)
from model.strata import (
    TABLES,
    YEARS,
    Floats,
    Strata,
    build_strata,
    default_strata,
    load_population_table,
    persons_in_strata,
)

STRATA = default_strata()
DEMOGRAPHY = load_demography(STRATA)
PROJECTED = project(DEMOGRAPHY)
TABLE = load_population_table()


def table_in(strata: Strata, year: int) -> Floats:
    return persons_in_strata(strata, TABLE.year(year), TABLE.most_deprived)


def sum_of_table(year: int, first: int, region: str | None = None) -> float:
    """Persons aged ``first`` and over, added up from the file in decimal arithmetic."""
    with (TABLES / "population.csv").open(encoding="utf-8", newline="") as file:
        thousands = sum(
            (
                Decimal(row[f"y{year}"])
                for row in csv.DictReader(file)
                if int(row["age"]) >= first and region in (None, row["region"])
            ),
            Decimal(0),
        )
    return float(1000 * thousands)


def test_national_totals() -> None:
    assert sum_of_table(2010, 0) == pytest.approx(10_839_905)  # added up by hand from the source
    for row, year in enumerate(YEARS):
        everyone = PROJECTED[12 * row].sum() + DEMOGRAPHY.under_ten[row].sum()
        assert everyone == pytest.approx(sum_of_table(year, 0), rel=1e-9)


def test_persons_too_young_by_region() -> None:
    for code, region in enumerate(STRATA.regions):
        young = sum_of_table(2018, 0, region) - sum_of_table(2018, 10, region)
        assert DEMOGRAPHY.under_ten[2018 - 2010, code] == pytest.approx(young)


@pytest.mark.parametrize("year", YEARS)
def test_population_equals_the_table_every_first_of_january(year: int) -> None:
    months = 12 * (year - YEARS[0])
    np.testing.assert_allclose(PROJECTED[months], table_in(STRATA, year), rtol=1e-9)


def test_shapes_and_what_the_last_year_repeats() -> None:
    years, months = len(YEARS), 12 * len(YEARS)
    assert (DEMOGRAPHY.years, DEMOGRAPHY.months) == (years, months) == (21, 252)
    assert DEMOGRAPHY.start.shape == (264,)
    assert DEMOGRAPHY.death_rate.shape == DEMOGRAPHY.moving_up.shape == (years, 264)
    assert DEMOGRAPHY.death_probability.shape == DEMOGRAPHY.growth.shape == (months, 264)
    assert DEMOGRAPHY.entrants.shape == (years + 1, 12)
    assert DEMOGRAPHY.under_ten.shape == (years, 3)
    np.testing.assert_array_equal(DEMOGRAPHY.growth[-12:], DEMOGRAPHY.growth[-24:-12])
    np.testing.assert_array_equal(DEMOGRAPHY.moving_up[-1], DEMOGRAPHY.moving_up[-2])
    # The year beyond the table must not jump.
    steps = np.log(PROJECTED[12::12].sum(axis=1) / PROJECTED[:-12:12].sum(axis=1))
    assert abs(steps[-1] - steps[-2]) < 0.002


def test_moving_up() -> None:
    single, last = STRATA.age_low == STRATA.age_high, STRATA.age_high == 120
    np.testing.assert_array_equal(DEMOGRAPHY.moving_up[:, single], 1.0)
    np.testing.assert_array_equal(DEMOGRAPHY.moving_up[:, last], 0.0)
    wide = DEMOGRAPHY.moving_up[:, ~single & ~last]
    width = (STRATA.age_high - STRATA.age_low + 1)[~single & ~last]
    # One over the width, but for the sizes of birth years (few at 74 in 2016: born in the war).
    assert (wide * width > 0.55).all()
    assert (wide * width < 1.2).all()


def test_entrants_are_the_table_at_the_first_age() -> None:
    first = DEMOGRAPHY.entrants[:-1].reshape(21, 3, 2, 2)
    np.testing.assert_allclose(first.sum(axis=3), TABLE.persons[:, :, 10].transpose(2, 0, 1))
    np.testing.assert_allclose(first[..., 0], first.sum(axis=3) * TABLE.most_deprived[:, None])
    np.testing.assert_array_equal(
        DEMOGRAPHY.entrants[0], DEMOGRAPHY.start.reshape(STRATA.blocks, -1)[:, 0]
    )


def test_growth_is_small() -> None:
    """Migration is a few percent a year; students come to Brussels at 18-24 (up to +12%)."""
    yearly = DEMOGRAPHY.growth**12
    assert yearly.min() > 0.95
    assert yearly.max() < 1.15
    national = (PROJECTED[:-1] * DEMOGRAPHY.growth**12).sum(axis=1) / PROJECTED[:-1].sum(axis=1)
    assert national.min() > 0.999
    assert national.max() < 1.015


def test_deaths_are_rate_times_population() -> None:
    """Yearly deaths of the country against the table's rates times the people of the year."""
    died = (PROJECTED[:-1] * DEMOGRAPHY.death_probability).reshape(21, 12, 264).sum(axis=(1, 2))
    rates = load_death_rates()
    for row, year in enumerate(YEARS):
        persons = TABLE.year(year)
        weighted = persons_in_strata(STRATA, persons * rates[..., row], TABLE.most_deprived)
        rate = weighted / table_in(STRATA, year)
        december = PROJECTED[12 * row + 11]
        gone = 1 - DEMOGRAPHY.death_probability[12 * row + 11]
        end = december * gone * DEMOGRAPHY.growth[12 * row + 11]
        people = (PROJECTED[12 * row] + end) / 2
        assert died[row] == pytest.approx((rate * people).sum(), rel=1e-3)
        # Near the rates at the table of 1 January too: the oldest band shrinks over the year.
        assert died[row] == pytest.approx(weighted.sum(), rel=0.04)


def test_death_rates_follow_period_and_sex() -> None:
    def rate(sex: int, age: int, year: int) -> float:
        return float(load_death_rates()[0, sex, age, year - 2010])

    # Rows are means over five years: each holds at the middle, with even growth between.
    assert rate(0, 0, 2010) == rate(0, 0, 2012) == pytest.approx(0.003886)
    assert rate(0, 0, 2017) == pytest.approx(0.003902)
    growth = (0.003902 / 0.003886) ** (1 / 5)
    assert rate(0, 0, 2014) / rate(0, 0, 2013) == pytest.approx(growth)
    assert rate(0, 41, 2012) == pytest.approx(0.00168805)
    men, women = (DEMOGRAPHY.death_rate[:, STRATA.sex == sex] for sex in (0, 1))
    assert (men[:, STRATA.age_low[STRATA.sex == 0] >= 15].mean(axis=1) > women.mean(axis=1)).all()


def test_monthly_probability_comes_from_the_yearly_rate() -> None:
    survival = (1 - DEMOGRAPHY.death_probability).reshape(21, 12, 264).prod(axis=1)
    np.testing.assert_allclose(survival, np.exp(-DEMOGRAPHY.death_rate), rtol=1e-12)


def test_a_later_start_is_the_same_run() -> None:
    late = load_demography(STRATA, 2018, 2023)
    assert (late.first_year, late.years, late.months) == (2018, 6, 72)
    np.testing.assert_allclose(project(late), PROJECTED[96:169], rtol=1e-9)
    only = project(load_demography(STRATA, 2030, 2030))
    np.testing.assert_allclose(only, PROJECTED[240:], rtol=1e-9)


@pytest.mark.parametrize("years", [(2009, 2030), (2010, 2031), (2020, 2019)])
def test_years_outside_the_table_are_refused(years: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        load_demography(STRATA, *years)
    assert "2010 to 2030" in str(caught.value.allowed)


@settings(max_examples=15, deadline=None)
@given(
    age_lows=st.sets(st.integers(0, 90), min_size=1, max_size=12).map(sorted),
    by=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_coarser_strata_meet_the_same_table(
    age_lows: list[int], by: tuple[bool, bool, bool]
) -> None:
    strata = build_strata(age_lows, *by)
    demography = load_demography(strata)
    projected = project(demography)
    for row, year in enumerate(YEARS):
        np.testing.assert_allclose(projected[12 * row], table_in(strata, year), rtol=1e-9)
        everyone = projected[12 * row].sum() + demography.under_ten[row].sum()
        assert everyone == pytest.approx(TABLE.year(year).sum(), rel=1e-9)
    assert demography.under_ten.shape == (21, len(strata.regions))


def test_coarse_deaths_are_those_of_the_fine_strata() -> None:
    coarse = load_demography(build_strata([10, 25, 45, 65], by_sex=False, by_deprivation=False))
    for row in range(21):
        at_rates = (project(coarse)[12 * row] * coarse.death_rate[row]).sum()
        fine = (PROJECTED[12 * row] * DEMOGRAPHY.death_rate[row]).sum()
        assert at_rates == pytest.approx(fine, rel=1e-9)
    # Within the year an old stratum of many ages does not know that its oldest die first.
    died = (project(coarse)[:-1] * coarse.death_probability).sum()
    assert died == pytest.approx((PROJECTED[:-1] * DEMOGRAPHY.death_probability).sum(), rel=0.02)


def test_bands_without_people_are_refused_or_stay_empty(tmp_path: Path) -> None:
    for name in ("population.csv", "deprivation.csv", "mortality.csv"):
        shutil.copy(TABLES / name, tmp_path)
    path = tmp_path / "population.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    nobody = "Brussels,male,98," + "0," * 21 + "a,b"
    rows = [nobody if row.startswith("Brussels,male,98,") else row for row in rows]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="wider age bands"):
        load_demography(build_strata(range(10, 100)), tables=tmp_path)
    demography = load_demography(STRATA, tables=tmp_path)
    assert np.isfinite(project(demography)).all()


@given(
    persons=st.lists(st.floats(0, 1e9), min_size=4, max_size=4),
    months=st.integers(1, 40),
)
def test_a_closed_population_is_constant(persons: list[float], months: int) -> None:
    strata = build_strata([10, 40], by_region=False, by_deprivation=False)
    demography = closed_population(strata, np.array(persons), months)
    projected = project(demography)
    assert projected.shape == (months + 1, 4)
    assert demography.years == -(-months // 12)
    np.testing.assert_array_equal(projected, np.tile(persons, (months + 1, 1)))


@pytest.mark.parametrize(
    ("persons", "months", "key"),
    [
        ([1.0, 2.0], 12, "persons"),
        ([1.0, 2.0, 3.0, -1.0], 12, "persons"),
        ([1.0, 2.0, 3.0, np.nan], 12, "persons"),
        ([1.0, 2.0, 3.0, 4.0], 0, "months"),
    ],
)
def test_an_impossible_closed_population_is_refused(
    persons: list[float], months: int, key: str
) -> None:
    strata = build_strata([10, 40], by_region=False, by_deprivation=False)
    with pytest.raises(InputError) as caught:
        closed_population(strata, np.array(persons), months)
    assert caught.value.key == key


def test_demography_cannot_be_changed() -> None:
    for name, values in vars(DEMOGRAPHY).items():
        if isinstance(values, np.ndarray):
            assert values.dtype == np.float64, name
            assert not values.flags.writeable, name
    assert isinstance(DEMOGRAPHY, Demography)


@pytest.mark.parametrize(
    ("line", "old", "new", "key"),
    [
        (2, "0.003886", "-0.003886", "rate"),
        (2, "0.003886", "", "rate"),
        (2, "male", "man", "sex"),
        (2, "male,0,0,", "male,1,0,", "age_low, age_high"),
        (2, "male,0,0,", "male,0,121,", "age_low, age_high"),
        (2, "2014", "2009", "first_year, last_year"),
        (3, "2015", "2014", "sex,age_low,first_year"),
    ],
)
def test_a_malformed_death_rate_is_refused_with_its_place(
    tmp_path: Path, line: int, old: str, new: str, key: str
) -> None:
    lines = (TABLES / "mortality.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path = tmp_path / "mortality.csv"
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_death_rates(tmp_path)
    error = caught.value
    assert (error.file, error.line, error.key) == (str(path), line, key)
    assert error.given is not None
    assert error.allowed


def test_a_missing_death_rate_is_refused(tmp_path: Path) -> None:
    lines = (TABLES / "mortality.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "mortality.csv").write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    with pytest.raises(InputError, match="male, age 0, 2010"):
        load_death_rates(tmp_path)
