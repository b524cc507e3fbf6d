"""Strata: their order, the population table behind them, and shares of strata in a group."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InputError
from model.strata import (
    DEPRIVATION,
    REGIONS,
    SEXES,
    TABLES,
    YEARS,
    build_strata,
    default_strata,
    load_population_table,
    persons_in_strata,
    weights,
)

STRATA = default_strata()
TABLE = load_population_table()
AGE_LOWS = st.sets(st.integers(0, 99), min_size=1, max_size=30).map(sorted)


def test_default_strata_follow_the_declared_order() -> None:
    assert (STRATA.size, STRATA.blocks, STRATA.bands) == (264, 12, 22)
    assert STRATA.age_labels[:2] == ("10", "11")
    assert STRATA.age_labels[14:] == (
        "24", "25-29", "30-34", "35-44", "45-54", "55-64", "65-74", "75+",
    )  # fmt: skip
    expected = [
        (region, sex, deprivation, age)
        for region in REGIONS
        for sex in SEXES
        for deprivation in DEPRIVATION
        for age in STRATA.age_lows
    ]
    named = [
        (STRATA.regions[r], STRATA.sexes[s], STRATA.deprivations[d], age)
        for r, s, d, age in zip(
            STRATA.region, STRATA.sex, STRATA.deprivation, STRATA.age_low, strict=True
        )
    ]
    assert named == expected


def test_a_coarser_table_names_what_it_sums_over() -> None:
    strata = build_strata([15, 35], by_sex=False, by_region=False, by_deprivation=False)
    assert (strata.size, strata.blocks) == (2, 1)
    assert (strata.regions, strata.sexes, strata.deprivations) == (("Belgium",), ("all",), ("all",))
    assert strata.age_labels == ("15-34", "35+")


@pytest.mark.parametrize("age_lows", [[], [20, 10], [10, 10], [-1, 5], [10, 100]])
def test_age_bands_must_ascend_within_the_table(age_lows: list[int]) -> None:
    with pytest.raises(InputError) as caught:
        build_strata(age_lows)
    assert caught.value.key == "age_lows"


@pytest.mark.parametrize("field", ["region", "sex", "deprivation", "age_low", "age_high"])
def test_strata_out_of_order_are_refused(field: str) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(STRATA, **{field: getattr(STRATA, field)[::-1].copy()})


def test_gaps_between_bands_are_refused() -> None:
    strata = build_strata([10, 20], by_sex=False, by_region=False, by_deprivation=False)
    with pytest.raises(InputError, match="follow one another"):
        dataclasses.replace(strata, age_high=np.array([17, 120]))


def test_strata_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        STRATA.age_low[0] = 3


def test_a_group_that_cuts_no_band_takes_strata_whole() -> None:
    share = weights(STRATA, age_min=15, age_max=64)
    inside = (STRATA.age_low >= 15) & (STRATA.age_high <= 64)
    np.testing.assert_array_equal(share, inside.astype(float))


def test_labels_pick_their_strata() -> None:
    share = weights(STRATA, sex="female", region="Brussels", deprivation="others")
    inside = (STRATA.sex == 1) & (STRATA.region == 2) & (STRATA.deprivation == 1)
    np.testing.assert_array_equal(share, inside.astype(float))
    np.testing.assert_array_equal(weights(STRATA, sex="all", region="Belgium"), 1.0)


def test_a_cut_band_is_divided_by_the_people_of_2018() -> None:
    share = weights(STRATA, age_min=30, age_max=49)
    men = TABLE.single_age("Wallonia", "male", 2018)
    expected = men[45:50].sum() / men[45:55].sum()
    band = (STRATA.region == 1) & (STRATA.sex == 0) & (STRATA.age_low == 45)
    np.testing.assert_allclose(share[band], expected, rtol=1e-14)
    even = np.ones((3, 2, 101))
    share = weights(STRATA, age_min=30, age_max=49, population_by_single_age=even)
    np.testing.assert_allclose(share[band], 0.5, rtol=1e-14)


def test_a_stratum_of_both_sexes_is_divided_between_them() -> None:
    strata = build_strata([15], by_sex=False, by_region=False, by_deprivation=False)
    men = TABLE.single_age("Belgium", "male", 2018)[15:].sum()
    everyone = TABLE.single_age("Belgium", "all", 2018)[15:].sum()
    np.testing.assert_allclose(weights(strata, sex="male"), men / everyone, rtol=1e-14)


@given(
    age_lows=AGE_LOWS,
    cuts=st.sets(st.integers(1, 99), max_size=6).map(sorted),
    by=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_weights_of_a_partition_sum_to_one(
    age_lows: list[int], cuts: list[int], by: tuple[bool, bool, bool]
) -> None:
    strata = build_strata(age_lows, *by)
    firsts, lasts = [0, *cuts], [*(cut - 1 for cut in cuts), 120]
    parts = [
        weights(strata, age_min=first, age_max=last, sex=sex, deprivation=deprivation)
        for first, last in zip(firsts, lasts, strict=True)
        for sex in SEXES
        for deprivation in DEPRIVATION
    ]
    assert all((part >= 0).all() and (part <= 1).all() for part in parts)
    np.testing.assert_allclose(np.sum(parts, axis=0), 1.0, rtol=1e-12)


@given(age_lows=AGE_LOWS, first=st.integers(0, 99), width=st.integers(0, 60))
def test_coarse_and_fine_weights_count_the_same_people(
    age_lows: list[int], first: int, width: int
) -> None:
    """The number in a group does not depend on how finely those above age_lows[0] are cut."""
    counted = []
    fine = range(age_lows[0], 100)
    for strata in (build_strata(age_lows, False, False, False), build_strata(fine)):
        people = persons_in_strata(strata, TABLE.year(2018), TABLE.most_deprived)
        share = weights(strata, age_min=first, age_max=first + width, sex="male")
        counted.append((people * share).sum())
    np.testing.assert_allclose(counted[0], counted[1], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"sex": "men"}, "sex"),
        ({"region": "Ghent"}, "region"),
        ({"deprivation": "rich"}, "deprivation"),
        ({"age_min": 30, "age_max": 20}, "age_min, age_max"),
        ({"age_min": -1}, "age_min, age_max"),
        ({"age_min": 101}, "age_min, age_max"),
        ({"population_by_single_age": np.ones(101)}, "population_by_single_age"),
        ({"population_by_single_age": np.zeros((3, 2, 101))}, "population_by_single_age"),
    ],
)
def test_unknown_groups_are_refused(asked: dict[str, object], key: str) -> None:
    with pytest.raises(InputError) as caught:
        weights(STRATA, **asked)  # type: ignore[arg-type]
    assert caught.value.key == key
    assert caught.value.allowed


def test_strata_that_the_table_does_not_know_are_refused() -> None:
    strata = dataclasses.replace(STRATA, deprivations=("lower", "upper"))
    with pytest.raises(InputError) as caught:
        weights(strata)
    assert caught.value.key == "deprivation"


def test_national_share_of_the_most_deprived_is_about_a_third() -> None:
    people = TABLE.year(2018).sum(axis=(1, 2))
    assert (people @ TABLE.most_deprived) / people.sum() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("year", [YEARS[0] - 1, YEARS[-1] + 1])
def test_years_outside_the_table_are_refused(year: int) -> None:
    with pytest.raises(InputError) as caught:
        TABLE.single_age("Flanders", "male", year)
    assert caught.value.allowed == "2010 to 2030"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A copy of the tables that a test may spoil."""
    for name in ("population.csv", "deprivation.csv"):
        shutil.copy(TABLES / name, tmp_path)
    return tmp_path


def spoil(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "line", "old", "new", "key"),
    [
        ("population.csv", 2, ",35.44,", ",many,", "y2010"),
        ("population.csv", 2, ",35.44,", ",-35.44,", "y2010"),
        ("population.csv", 3, "Flanders", "Flandria", "region"),
        ("population.csv", 3, "male,1,", "male,101,", "age"),
        ("population.csv", 3, "male,1,", "male,0,", "region,sex,age"),
        ("deprivation.csv", 2, "0.26", "0.66", "share"),
        ("deprivation.csv", 3, "Wallonia", "Flanders", "region"),
    ],
)
def test_a_malformed_row_is_refused_with_its_place(
    tables: Path, name: str, line: int, old: str, new: str, key: str
) -> None:
    spoil(tables / name, line, old, new)
    with pytest.raises(InputError) as caught:
        load_population_table(tables)
    error = caught.value
    assert (error.file, error.line, error.key) == (str(tables / name), line, key)
    assert error.given is not None
    assert error.allowed


@pytest.mark.parametrize(
    ("name", "key"), [("population.csv", "region,sex,age"), ("deprivation.csv", "region")]
)
def test_a_missing_row_is_refused(tables: Path, name: str, key: str) -> None:
    lines = (tables / name).read_text(encoding="utf-8").splitlines(keepends=True)
    (tables / name).write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_population_table(tables)
    assert caught.value.key == key
    assert "Brussels" in caught.value.message
