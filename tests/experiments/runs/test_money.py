"""The worth of years: sums and present values by hand, groups that add up, and refusals."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from calibration.series import names_of
from experiments import cli
from experiments.comparisons.money_table import notes, told
from experiments.runs.money import (
    ALL,
    EFFECTS,
    GROUPS,
    INDICATORS,
    INFLATION,
    MONEY,
    OTHER,
    Accounts,
    Asked,
    Worth,
    by_group,
    interval,
    partition,
    worth,
)
from experiments.runs.results import FILE
from model.catalogue import Catalogue, load_catalogue
from model.costs import BASE_YEAR, RATE_COSTS, RATE_EFFECTS, Discounting
from model.errors import InputError
from tests.experiments.conftest import Done

YEARS = range(2022, 2027)
SPREAD = np.array([0.5, 1.0, 1.5])  # of the draws
NONE = Discounting(0.0, 0.0)

# A year of each product, by indicator; the same in all years, NaN for the others.
LEVELS: Mapping[str, Mapping[str, float]] = {
    "expenditure_treatment": {"alcohol": 60.0, "cannabis": 20.0, "opioids": 20.0},
    "public_expenditure": {"alcohol": 60.0, "cannabis": 20.0, "opioids": 20.0},
    "social_cost": {"alcohol": 200.0},
    "vat_revenue": {"alcohol": 7.0, "e_cigarettes": 3.0},
    "gross_gaming_revenue": {"gambling_offline": 1.0, "gambling_online": 2.0},
    "daly": {"alcohol": 100.0, "opioids": 30.0},
    "yld": {"alcohol": 80.0, "opioids": 10.0, "gaming": 5.0},
    "yll_attributable": {"tobacco": 50.0},
}
PRICES = {"social_cost": 2012, "vat_revenue": 2021, "gross_gaming_revenue": 2019}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def write(folder: Path, catalogue: Catalogue, levels: Mapping[str, Mapping[str, float]]) -> Path:
    """Results of two scenarios; in the second all amounts are doubled."""
    folder.mkdir(exist_ok=True)
    products, text = list(names_of(catalogue)), h5py.string_dtype()
    unions = {row.id: row.members.split() for row in catalogue.unions}
    with h5py.File(folder / FILE, "w") as file:
        file.create_dataset("scenario", data=["reference", "double"], dtype=text)
        file.create_dataset("product", data=products, dtype=text)
        file.create_dataset("product_name", data=list(names_of(catalogue).values()), dtype=text)
        file["time"] = list(YEARS)
        for name in INDICATORS:
            owned = dict(levels.get(name, {}))
            for union, members in unions.items():
                if not set(members).isdisjoint(owned):
                    owned[union] = sum(owned.get(product, 0.0) for product in members)
            if name == "daly" and owned:
                owned[ALL] += 5.0  # the disability of gaming
            row = np.array([owned.get(product, np.nan) for product in products])
            values = np.stack([SPREAD, 2.0 * SPREAD])[..., None, None] * row
            shape = (2, len(SPREAD), len(YEARS), len(products))
            file[name] = np.broadcast_to(values, shape)[..., None, None].astype(np.float32)
            money = f"EUR of {PRICES.get(name, 2015)} per year"
            unit = "years of life per year" if name in EFFECTS else money
            file[name].attrs.update({"units": unit, "long_name": name.replace("_", " ")})
    return folder


@pytest.fixture(scope="module")
def folder(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("results"), catalogue, LEVELS)


def asked(folder: Path, first: int = 2024, last: int = 2026) -> Asked:
    return Asked(folder, first, last)


Found = dict[tuple[str, str, str], Worth]


def find(asked: Asked, catalogue: Catalogue) -> Found:
    with Accounts(asked.results) as accounts:
        rows = worth(accounts, catalogue, asked)
    return {(row.scenario, row.indicator, row.product): row for row in rows}


@pytest.fixture(scope="module")
def found(folder: Path, catalogue: Catalogue) -> Found:
    return find(asked(folder), catalogue)


# Known answers


def test_money_and_effects_are_discounted_each_at_its_own_rate(found: Found) -> None:
    spent = found["reference", "public_expenditure", ALL]
    assert spent.plain[1] == pytest.approx(300.0)
    assert spent.discounted[1] == pytest.approx(100 + 97.0873786 + 94.2595909)
    lost = found["reference", "daly", "alcohol"]
    assert lost.plain[1] == pytest.approx(300.0)
    assert lost.discounted[1] == pytest.approx(100 + 98.5221675 + 97.0661749)
    assert (spent.unit, lost.unit) == ("EUR of 2015", "years of life")


def test_years_before_the_base_year_count_for_more(folder: Path, catalogue: Catalogue) -> None:
    found = find(asked(folder, 2022, 2024), catalogue)
    spent = found["reference", "public_expenditure", ALL]
    assert spent.discounted[1] == pytest.approx(106.09 + 103.0 + 100.0)


def test_each_scenario_is_told(found: Found) -> None:
    one, two = (found[name, "social_cost", ALL] for name in ("reference", "double"))
    assert two.discounted == pytest.approx([2.0 * number for number in one.discounted])


def test_intervals_are_those_of_sums_over_draws(found: Found) -> None:
    low, median, high = found["reference", "social_cost", ALL].plain
    wanted = np.quantile(600.0 * SPREAD, (0.025, 0.5, 0.975))
    assert (low, median, high) == pytest.approx(tuple(wanted))


@pytest.mark.parametrize(
    ("indicator", "former", "factor"),
    [
        ("public_expenditure", 2015, 1.1**6),
        ("gross_gaming_revenue", 2019, 1.21),
        ("vat_revenue", None, 1.0),
        ("daly", None, 1.0),
    ],
)
def test_money_is_restated_from_its_own_price_year(
    folder: Path,
    catalogue: Catalogue,
    found: Found,
    indicator: str,
    former: int | None,
    factor: float,
) -> None:
    restated = find(replace(asked(folder), price_year=2021, inflation=0.1), catalogue)
    place = ("reference", indicator, ALL)
    assert restated[place].restated_from == former
    assert restated[place].plain == pytest.approx([x * factor for x in found[place].plain])
    assert restated[place].unit == ("years of life" if indicator == "daly" else "EUR of 2021")


# Properties


def test_at_nought_discounted_is_undiscounted(folder: Path, catalogue: Catalogue) -> None:
    found = find(replace(asked(folder), discounting=NONE), catalogue)
    assert found
    assert all(row.plain == row.discounted for row in found.values())


def test_quantiles_are_in_order_and_later_years_count_for_less(found: Found) -> None:
    for row in found.values():
        for low, median, high in (row.plain, row.discounted):
            assert low <= median <= high
        for plain, discounted in zip(row.plain, row.discounted, strict=True):
            assert discounted <= plain


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30))
def test_an_interval_holds_its_median(draws: list[float]) -> None:
    low, median, high = interval(np.array(draws))
    assert min(draws) <= low <= median <= high <= max(draws)


# Groups


def test_groups_hold_each_product_once(catalogue: Catalogue) -> None:
    groups = partition(catalogue)
    members = [product for group in groups.values() for product in group]
    assert sorted(members) == sorted(row.id for row in catalogue.products)
    assert list(groups) == [*GROUPS, OTHER]
    assert set(groups[OTHER]) == {
        "e_cigarettes",
        "nitrous_oxide",
        "performance_enhancers",
        "gaming",
    }


def test_groups_are_sums_and_absent_where_no_product_has_a_value(found: Found) -> None:
    told = {key[1:]: row.plain[1] / 3 for key, row in found.items() if key[0] == "reference"}
    assert told["public_expenditure", "any_illegal"] == pytest.approx(40.0)
    assert told["vat_revenue", OTHER] == pytest.approx(3.0)
    assert told["gross_gaming_revenue", "any_gambling"] == pytest.approx(3.0)
    assert told["daly", ALL] == pytest.approx(135.0)
    assert told["yld", OTHER] == pytest.approx(5.0)
    for absent in (
        ("social_cost", "tobacco"),
        ("public_expenditure", OTHER),
        ("yll", ALL),
        ("daly", OTHER),
    ):
        assert absent not in told


def test_groups_add_up_to_all_in_a_run(done: Done) -> None:
    groups = partition(done.study.layout.catalogue)
    years = range(2020, 2027)
    with Accounts(done.options.out) as accounts:
        for indicator in INDICATORS:
            values = accounts.nation("dearer-tobacco", indicator, years)
            disability = accounts.nation("dearer-tobacco", "yld", years)
            lacking = disability if indicator == "daly" else None
            split = by_group(values, accounts.products, groups, lacking)
            assert set(split) > {ALL}, indicator
            shown = [split[group] for group in split if group != ALL]
            if indicator == "daly":
                disabled = by_group(disability, accounts.products, groups)
                shown += [disabled[group] for group in disabled if group not in split]
            np.testing.assert_allclose(np.sum(shown, axis=0), split[ALL], rtol=1e-5)
        for total in ("public_expenditure", "social_cost"):
            parts = [accounts.nation("dearer-tobacco", part, years) for part in MONEY[total]]
            whole = accounts.nation("dearer-tobacco", total, years)
            at = accounts.products.index(ALL)
            np.testing.assert_allclose(np.sum(parts, axis=0)[at], whole[at], rtol=1e-5)


def test_groups_with_a_product_twice_are_refused(catalogue: Catalogue) -> None:
    unions = [
        row.model_copy(update={"members": "cannabis alcohol"}) if row.id == "any_illegal" else row
        for row in catalogue.unions
    ]
    with pytest.raises(InputError) as caught:
        partition(replace(catalogue, unions=tuple(unions)))
    assert caught.value.given == ["alcohol"]


def test_groups_that_do_not_make_all_are_refused() -> None:
    values = np.array([[[1.0]], [[2.0]], [[4.0]]])
    products, groups = ("alcohol", "tobacco", ALL), {"alcohol": ["alcohol"], OTHER: ["tobacco"]}
    with pytest.raises(InputError):
        by_group(values, products, groups)
    values[1] = np.nan
    instead = np.array([[[9.0]], [[3.0]], [[np.nan]]])
    split = by_group(values, products, groups, instead)
    assert {group: amount.item() for group, amount in split.items()} == {"alcohol": 1.0, ALL: 4.0}


def test_a_draw_without_a_value_is_counted_and_left_out(
    folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    copy = tmp_path / FILE
    copy.write_bytes((folder / FILE).read_bytes())
    with h5py.File(copy, "r+") as file:
        file["social_cost"][0, 2, 3] = np.nan
    row = find(asked(tmp_path), catalogue)["reference", "social_cost", "alcohol"]
    assert row.missing == 1
    assert row.plain[1] == pytest.approx(600.0 * 0.75)


# Refusals


@pytest.mark.parametrize(
    ("options", "key", "wrong"),
    [
        (("--from", "2021"), "--from", "2021"),
        (("--from", "2024", "--until", "2027"), "--until", "2027"),
        (("--from", "2025", "--until", "2024"), "--from, --until", "2025, 2024"),
        (("--base-year", "2009"), "--base-year", "2009"),
        (("--price-year", "20244"), "--price-year", "20244"),
        (("--rates", "-1", "0"), "--rates", "-1.0"),
        (("--rates", "0.03", "1.5"), "--rates", "1.5"),
        (("--rates", "nan", "0"), "--rates", "nan"),
        (("--inflation", "0.03"), "--inflation", "0.03"),
        (("--inflation", "-1", "--price-year", "2024"), "--inflation", "-1.0"),
        (("--csv", "no-such-folder/money.csv"), "--csv", "no-such-folder"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    folder: Path, options: tuple[str, ...], key: str, wrong: str
) -> None:
    result = call(folder, "--until", "2026", *options)
    assert result.exit_code == 2
    assert f"key:     {key}\n" in result.stderr
    assert wrong in result.stderr
    assert "allowed:" in result.stderr
    assert result.stdout == ""


def test_results_of_another_version_are_refused(
    folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    for change in ("missing", "no price year"):
        copy = tmp_path / FILE
        copy.write_bytes((folder / FILE).read_bytes())
        with h5py.File(copy, "r+") as file:
            if change == "missing":
                del file["daly"], file["vat_revenue"]
            else:
                file["vat_revenue"].attrs["units"] = "EUR per year"
        result = call(tmp_path)
        assert result.exit_code == 2
        assert "another version" in result.stderr
        assert "vat_revenue" in result.stderr
        assert ("daly" in result.stderr) == (change == "missing")
        assert "drugfutures run" in result.stderr


def test_what_is_no_results_file_is_refused(tmp_path: Path) -> None:
    assert "no results here" in call(tmp_path).stderr
    (tmp_path / FILE).write_text("half", encoding="utf-8")
    result = call(tmp_path)
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_results_of_other_products_are_refused(
    folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    copy = tmp_path / FILE
    copy.write_bytes((folder / FILE).read_bytes())
    with h5py.File(copy, "r+") as file:
        file["product"][3] = "hemp"
    with pytest.raises(InputError) as caught:
        find(asked(tmp_path), catalogue)
    assert caught.value.given == ["cannabis"]


# The command


def call(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli.app, ["money", str(folder), *options])


def test_defaults_are_those_of_the_model(catalogue: Catalogue) -> None:
    given = inspect.signature(cli.money).parameters
    plain = Asked(Path("results/run"))
    assert given["rates"].default == (RATE_COSTS, RATE_EFFECTS)
    assert given["base_year"].default == BASE_YEAR
    assert (given["first"].default, given["last"].default) == (plain.first, plain.last)
    inflation = [row for row in catalogue.parameters if row.parameter == "inflation"]
    assert [row.value for row in inflation] == [INFLATION]


def test_amounts_are_told_with_three_digits() -> None:
    assert told((np.nan, np.nan, np.nan), "years of life") == "no value"
    assert told((0.0, 2345.6, 123_456.0), "years of life") == "2.35 (0–123)"
    assert told((1e8, 2e9, 3.5e9), "EUR of 2015") == "2,000 (100–3,500)"


@pytest.mark.parametrize("width", [80, 100])
def test_the_command_prints_a_run(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    table = tmp_path / "money.csv"
    options = ("--until", "2026", "--price-year", "2024", "--csv", str(table))
    result = call(done.options.out, *options)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= width
    assert "…" not in result.stdout
    text = " ".join(result.stdout.split())
    for title in ("Public expenditure", "Social cost", "Excise revenue", "Losses at licensed"):
        assert text.count(f"{title}") >= len(done.dataset["scenario"])
    for scenario in done.dataset["scenario"].values:
        assert f"Sums over 2024-2026, {scenario}" in text
    for wanted in (
        "anchored on a study of 2015 and social cost on one of 2012",
        "not to be netted",
        "general knowledge",
        "an inflation of 2% a year, which is assumed",
        "Other products: E-cigarettes",
        "Outside the studies, so not counted: Any gambling, Other products",
        "No death is coded to the disorder of Tobacco, Any gambling, Other products, and no "
        "disability is weighed of Tobacco: that is a definition",
        "Scenarios share their draws",
    ):
        assert wanted in text
    if width == 100:
        assert "Social cost, million EUR of 2024 (from 2012)" in text
    check_file(table, done)


def check_file(table: Path, done: Done) -> None:
    """One row against the dataset, read in another way."""
    with table.open(encoding="utf-8", newline="") as text:
        rows = {
            (row["scenario"], row["indicator"], row["product"]): row for row in csv.DictReader(text)
        }
    row = rows["dearer-tobacco", "expenditure_treatment", "any_illegal"]
    values = done.dataset["expenditure_treatment"].sel(
        scenario="dearer-tobacco",
        product="any_illegal",
        region="Belgium",
        age_group="all",
        time=slice(2024, 2026),
    )
    at_2024 = values.astype(float) * 1.02**9
    assert float(row["median"]) == pytest.approx(float(at_2024.sum("time").median()), rel=1e-5)
    weight = 1.03 ** -(values["time"].astype(float) - 2024)
    worth = float((at_2024 * weight).sum("time").median())
    assert float(row["median_discounted"]) == pytest.approx(worth, rel=1e-5)
    assert (row["unit"], row["restated_from"], row["rate"]) == ("EUR of 2024", "2015", "0.03")
    assert rows["dearer-tobacco", "daly", ALL]["rate"] == "0.015"


def test_notes_name_what_no_sum_holds(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = write(tmp_path / "results", catalogue, LEVELS)
    with h5py.File(folder / FILE, "r+") as file:
        file["social_cost"][0, 2, 3] = np.nan
    text = " ".join(call(folder, "--until", "2026", "--base-year", "2026").stdout.split())
    assert "years before 2026 gain" in text
    assert "Draws without a value are left out: up to 1 of 3." in text
    assert "excise revenue, yll" in text
    own = catalogue.products[0].model_copy(update={"id": "kratom", "name": "Kratom"})
    extended = replace(catalogue, products=(*catalogue.products, own))
    with Accounts(folder) as accounts:
        said = notes(worth(accounts, extended, asked(folder)), accounts, extended, asked(folder))
    assert any("since not among all products: Kratom." in note for note in said)
