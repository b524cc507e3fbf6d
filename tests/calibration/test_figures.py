"""The observed figures: every rule of the loader on a broken copy, and the shipped table."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from calibration.figures import (
    FIGURES,
    LARGE_SITES,
    OBSERVED,
    PUT_IN,
    SITES,
    UNITS,
    Figure,
    comparable,
    given_to_model,
    load_figures,
)
from model.errors import InputError

TABLES = Path(__file__).parents[2] / "model" / "tables"


def table(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


PRODUCTS = [row["id"] for name in ("products.csv", "unions.csv") for row in table(name)]
SCENARIO_ONLY = [row["id"] for row in table("products.csv") if row["mode"] == "scenario-only"]
# Number of figures quoted in the drug strategy, and SHA-256 of their sorted ids: none may get lost.
STRATEGY_COUNT = 199
STRATEGY_IDS = "5bb76226c2ca31997f95fbb3ac668be19f928ab8000a26923e93ee7aeda9752c"

GOOD = {
    "id": "one",
    "product": "cannabis",
    "indicator": "last_year_prevalence",
    "population": "Belgium 15-64",
    "population_kind": "general",
    "sex": "all",
    "age_min": "15",
    "age_max": "64",
    "region": "Belgium",
    "year": "2018",
    "year_end": "",
    "value": "0.07",
    "low": "0.06",
    "high": "0.08",
    "unit": "proportion",
    "direction": "",
    "source": "his-2018--strategy",
    "quality": "read-in-source",
    "role": "fitted",
    "repeats": "",
    "why": "",
}
OTHER = {**GOOD, "id": "two", "role": "checked", "why": "the same", "repeats": "one"}


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(GOOD), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(path: Path) -> list[Figure]:
    return load_figures(path, products=PRODUCTS, sources=["his-2018--strategy"])


def figure(path: Path, **changes: str) -> Figure:
    return load(write(path / "figures.csv", GOOD, {**OTHER, **changes}))[1]


@pytest.fixture(scope="module")
def source_ids() -> set[str]:
    return {row["id"] for row in table("sources.csv")}


@pytest.fixture(scope="module")
def shipped() -> list[Figure]:
    with FIGURES.open(encoding="utf-8", newline="") as handle:
        sources = {row["source"] for row in csv.DictReader(handle)}
    return load_figures(products=PRODUCTS, sources=sources)


def test_a_good_table_is_read(tmp_path: Path) -> None:
    one, two = load(write(tmp_path / "figures.csv", GOOD, OTHER))
    assert (one.value, one.low, one.high, one.year, one.year_end) == (0.07, 0.06, 0.08, 2018, None)
    assert (one.survey, one.repeated_ids, two.repeated_ids) == ("his-2018", (), ("one",))


@pytest.mark.parametrize(
    ("changes", "key", "given"),
    [
        ({"product": "coffee"}, "product", "coffee"),
        ({"source": "nowhere"}, "source", "nowhere"),
        ({"unit": "furlong"}, "unit", "furlong"),
        ({"value": "1.2", "low": "", "high": ""}, "value", 1.2),
        ({"value": "", "low": "-0.1", "high": ""}, "low", -0.1),
        ({"value": "", "low": "", "high": "1.5"}, "high", 1.5),
        ({"value": "", "low": "0.3", "high": "0.2"}, "low", 0.3),
        ({"value": "0.05"}, "value", 0.05),
        ({"value": "0.09"}, "value", 0.09),
        ({"age_min": "65"}, "age_min", 65),
        ({"year_end": "2018"}, "year_end", 2018),
        ({"year_end": "2016"}, "year_end", 2016),
        ({"year": "", "year_end": "2019"}, "year_end", 2019),
        ({"repeats": "three"}, "repeats", "three"),
        ({"repeats": "one three"}, "repeats", "three"),
        ({"repeats": "two"}, "repeats", "two"),
        ({"id": "one"}, "id", "one"),
        ({"why": ""}, "why", "(empty)"),
        ({"role": "context", "why": ""}, "why", "(empty)"),
        ({"role": "fitted"}, "repeats", "one"),
        ({"why": "anchor: the same"}, "role", "checked"),
        ({"role": "fitted", "repeats": "", "why": "forcing: a history"}, "role", "fitted"),
        ({"role": "fitted", "repeats": "", "value": "", "low": "", "high": ""}, "value", "(empty)"),
        ({"role": "fitted", "repeats": "", "year": ""}, "year", "(empty)"),
        ({"role": "fitted", "repeats": "", "quality": "derived"}, "quality", "derived"),
        ({"role": "fitted", "repeats": "", "quality": "unverified"}, "quality", "unverified"),
        ({"role": "maybe"}, "role", "maybe"),
        ({"sex": "both"}, "sex", "both"),
        ({"quality": "good"}, "quality", "good"),
        ({"population_kind": "people"}, "population_kind", "people"),
        ({"indicator": "Last year"}, "indicator", "Last year"),
        ({"value": "seven"}, "value", "seven"),
        ({"value": "nan"}, "value", "nan"),
        ({"year": "2018/19"}, "year", "2018/19"),
        ({"region": ""}, "region", "(empty)"),
    ],
)
def test_a_broken_row_is_refused(
    tmp_path: Path, changes: dict[str, str], key: str, given: object
) -> None:
    path = write(tmp_path / "figures.csv", GOOD, {**OTHER, **changes})
    with pytest.raises(InputError) as caught:
        load(path)
    error = caught.value
    assert (error.file, error.line, error.key, error.given) == (str(path), 3, key, given)
    assert error.allowed


def test_a_refusal_lists_what_is_allowed(tmp_path: Path) -> None:
    for changes, allowed in (({"product": "coffee"}, PRODUCTS), ({"unit": "furlong"}, UNITS)):
        with pytest.raises(InputError) as caught:
            figure(tmp_path, **changes)
        assert caught.value.allowed == ", ".join(sorted(allowed))


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text(",".join(list(GOOD)[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.line == 1


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load(tmp_path / "absent.csv")


def test_one_sided_bounds_and_rows_without_a_number_are_read(tmp_path: Path) -> None:
    bound = figure(tmp_path, value="", low="0.5", high="")
    assert (bound.value, bound.low, bound.high) == (None, 0.5, None)
    trend = figure(tmp_path, value="", low="", high="", unit="none", direction="up", year="")
    assert (trend.direction, trend.year) == ("up", None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"population_kind": "pupils", "region": "French Community"}, True),
        ({"value": ""}, True),
        ({"value": "", "low": "", "high": "", "direction": "up"}, False),
        ({"population_kind": "standardised"}, False),
        ({"population_kind": "money", "indicator": "social_cost"}, True),
        ({"population_kind": "market", "indicator": "social_cost"}, False),
        ({"population_kind": "students"}, False),
        ({"population_kind": "nightlife"}, False),
        ({"region": "Ghent"}, False),
        ({"indicator": "weekly_use"}, False),
    ],
)
def test_comparable(tmp_path: Path, changes: dict[str, str], expected: bool) -> None:
    assert comparable(figure(tmp_path, **changes)) is expected


def test_every_source_is_in_the_table_of_sources(source_ids: set[str]) -> None:
    figures = load_figures(products=PRODUCTS, sources=source_ids)
    assert {row.source for row in figures} <= source_ids


def test_every_figure_of_the_strategy_is_there(shipped: list[Figure]) -> None:
    ids = sorted(row.id for row in shipped if "strategy" in row.source)
    assert len(ids) == STRATEGY_COUNT
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == STRATEGY_IDS


def test_one_observation_is_fitted_once(shipped: list[Figure]) -> None:
    # by survey, not by document: two documents on one survey are one observation
    counted = Counter(
        (
            row.survey,
            row.product,
            row.indicator,
            row.sex,
            row.age_min,
            row.age_max,
            row.region,
            row.year,
        )
        for row in shipped
        if row.role == "fitted"
    )
    assert [key for key, number in counted.items() if number > 1] == []


def test_no_fitted_total_stands_beside_its_sexes(shipped: list[Figure]) -> None:
    fitted = [row for row in shipped if row.role == "fitted"]

    def keys(sex: str) -> set[tuple[object, ...]]:
        return {
            (r.survey, r.product, r.indicator, r.age_min, r.age_max, r.region, r.year)
            for r in fitted
            if r.sex == sex
        }

    assert keys("male") & keys("female")
    assert not keys("all") & keys("male") & keys("female")


def test_fitted_rows_are_observations_of_the_model(shipped: list[Figure]) -> None:
    for row in (row for row in shipped if row.role == "fitted"):
        assert row.quality == "read-in-source", row.id
        assert row.population_kind in ("general", "pupils", "register", "sewershed"), row.id
        assert row.product not in SCENARIO_ONLY, row.id
        if row.population_kind != "register" and row.value is not None:
            assert comparable(row), row.id


def test_derived_rows_name_what_they_derive_from(shipped: list[Figure]) -> None:
    derived = [row for row in shipped if row.quality == "derived"]
    assert len(derived) == 46
    assert all(row.role == "checked" and row.repeats for row in derived)


@pytest.mark.parametrize(
    ("start", "role"),
    [
        ("can_daily_2013_r", "checked"),
        ("can_daily_share_2013_r1", "checked"),
        ("cannabis_daily_share_2013", "fitted"),
        ("opioids_lastyear_2018", "checked"),
        ("cannabis_last_year_2017_12-18", "checked"),
        ("mdma_last_year_2017_12-18", "checked"),
        ("alcohol_current_use_2020", "checked"),
        ("alcohol_abst12_2010", "checked"),
        ("tobacco_daily_2018_Flanders", "checked"),
        ("gbd19_", "checked"),
        ("night22_", "checked"),
        ("gds_ket", "checked"),
        ("ost_2016_mem", "checked"),
        ("tdi_all_2011", "checked"),
        ("ww_cannabis_Antwerp_Zuid_2011", "context"),
        ("ww_mdma_Antwerp_Zuid_2018_dump", "context"),
        ("ww_cocaine_Geraardsbergen", "context"),
        ("ww_cocaine_Antwerp_Zuid", "fitted"),
        ("ww_cocaine_Brussels_2022", "checked"),
        ("ww_methamphetamine_Antwerp", "checked"),
        ("seiz_cocaine_kg_2010", "context"),
        ("price_cocaine_2018", "context"),
        ("seiz_heroin_kg_2010", "checked"),
        ("spend_total_2015", "context"),
        ("cost_total_2012", "context"),
        ("tobacco_price_2020", "context"),
        ("env_needles_", "context"),
        ("harm_alcohol_daly_2020", "checked"),
        ("harm_alcohol_deaths_2020", "checked"),
        ("tobacco_cpd_", "checked"),
        ("drd_200", "checked"),
        ("drd_rate_2014", "checked"),
        ("oth_lastyear_2018", "checked"),
        ("gam_atrisk_2018", "fitted"),
        ("ost_2011", "fitted"),
        ("tobacco_deaths_2021", "checked"),
        ("off_drug_2022", "checked"),
        ("labs_2021", "checked"),
        ("mkt_4cmc_2023", "checked"),
        ("env_dumps_2022", "checked"),
        ("mkt_plant_large_2021", "checked"),
    ],
)
def test_known_traps_have_their_role(shipped: list[Figure], start: str, role: str) -> None:
    rows = [row for row in shipped if row.id.startswith(start)]
    assert rows
    assert {row.role for row in rows} == {role}


def test_a_printed_zero_load_is_no_number(shipped: list[Figure]) -> None:
    assert all(row.value != 0 for row in shipped if row.indicator == "wastewater_load")


def test_series_are_split_where_they_break(shipped: list[Figure]) -> None:
    source = {row.id: row.source for row in shipped}
    assert source["tobacco_current_stk_2019"] != source["tobacco_current_stk_2020"]
    assert source["cannabis_last_mont_2012_13_15-16"] != source["cannabis_last_mont_2013_14_15-16"]


def test_a_school_year_is_its_end_year(shipped: list[Figure]) -> None:
    year = {row.id: (row.year, row.year_end) for row in shipped}
    assert year["pupils21_tobacco_last_year_prevalence"] == (2022, None)
    assert year["cannabis_last_year_2013_14_15-16"] == (2014, None)
    assert year["mkt_labs_2122"] == (2021, 2022)


def test_what_is_put_in_is_never_fitted_or_checked(shipped: list[Figure]) -> None:
    put_in = [row for row in shipped if row.given in PUT_IN]
    assert {row.given for row in put_in} == set(PUT_IN)
    assert {row.role for row in put_in} == {"context"}


def test_what_a_history_is_built_from_is_forcing(shipped: list[Figure]) -> None:
    pairs = {pair for row in table("history.csv") for pair in row["figures"].split()}
    used = [row for row in shipped if f"{row.product}/{row.indicator}" in pairs]
    assert {"tobacco/price_pack_20", "cocaine/quantity_seized"} <= pairs
    wrong = [row.id for row in used if row.value is not None and row.given != "forcing"]
    assert wrong == []


def test_a_row_derived_from_given_rows_is_given(shipped: list[Figure]) -> None:
    rows = {row.id: row for row in shipped}
    assert rows["spend_treatment_2015"].given is None
    assert given_to_model(rows["spend_treatment_2015"], rows) == "anchor"
    assert given_to_model(rows["off_use_n_2022"], rows) == "centred"
    assert given_to_model(rows["can_daily_2018"], rows) is None
    assert given_to_model(rows["harm_alcohol_yll_2020"], rows) is None
    # One end is known, the other is not: the death count was, the years of life lost were not.
    assert given_to_model(rows["harm_alcohol_yll_per_death_2020"], rows) is None


def test_what_was_found_is_never_fitted(shipped: list[Figure]) -> None:
    effort = ("_found", "_found_all", "_sites", "quantity_seized", "number_of_seizures")
    found = [row for row in shipped if row.indicator.endswith(effort)]
    assert len(found) > 50
    assert not [row.id for row in found if row.role == "fitted"]


def test_observed_indicators_are_codes_of_the_model() -> None:
    codes = {row["id"] for row in table("indicators.csv")}
    observed = set().union(*OBSERVED.values())
    assert observed <= codes


def test_age_standardised_rates_are_not_comparable(shipped: list[Figure]) -> None:
    rows = [row for row in shipped if row.population_kind == "standardised"]
    assert len(rows) == 19
    assert all(row.role == "checked" and not comparable(row) for row in rows)


def test_loads_of_large_sites_are_fitted_and_those_of_small_ones_are_not(
    shipped: list[Figure],
) -> None:
    loads = [row for row in shipped if row.indicator == "wastewater_load"]
    fitted = [row for row in loads if row.role == "fitted"]
    assert {row.region for row in fitted} == LARGE_SITES
    assert {row.product for row in fitted} == {"cannabis", "cocaine", "mdma", "amphetamine"}
    numbers = [row for row in loads if row.value is not None]
    assert all(comparable(row) and row.region in SITES for row in numbers)
    small = [row for row in numbers if row.region not in LARGE_SITES]
    assert {row.role for row in small} == {"context"}


def test_a_site_is_only_a_place_for_its_wastewater(tmp_path: Path) -> None:
    load = {"product": "cocaine", "indicator": "wastewater_load", "unit": "mg_per_1000_per_day"}
    site = {"population_kind": "sewershed", "region": "Antwerp Zuid"}
    number = {"value": "700", "low": "", "high": ""}
    assert comparable(figure(tmp_path, **load, **site, **number))
    assert not comparable(figure(tmp_path, **load, **{**site, "region": "Belgium"}, **number))
    assert not comparable(figure(tmp_path, region="Antwerp Zuid"))


def test_loads_that_raised_a_prior_are_centred(shipped: list[Figure]) -> None:
    raised = {
        row["product"]
        for row in table("parameters.csv")
        if row["parameter"] == "amount_occasional" and "loads in wastewater" in row["note"]
    }
    assert raised == {"cocaine", "mdma"}
    loads = [row for row in shipped if row.indicator == "wastewater_load"]
    large = [row for row in loads if row.role != "context"]
    assert {row.product for row in large if row.given == "centred"} == raised
    assert not [row.id for row in large if row.product in raised and row.given != "centred"]


def test_products_of_several_fits_and_their_own_rates_are_checked(shipped: list[Figure]) -> None:
    fitted = [row for row in shipped if row.role == "fitted"]
    across = {"any_illegal", "illegal_not_cannabis", "all", "psychoactive_medicines"}
    assert not [row.id for row in fitted if row.product in across]
    rates = {"coded_deaths", "drug_law_offences", "overdose_deaths", "cigarettes_per_day"}
    assert not [row.id for row in fitted if row.indicator in rates]


def test_output_of_models_is_not_fitted(shipped: list[Figure]) -> None:
    surveys = ("his-inla", "his-fitted-trend", "gbd-", "who-", "bebod-", "tobacco-deaths")
    models = [row for row in shipped if row.source.startswith(surveys)]
    assert len(models) == 83
    assert not [row.id for row in models if row.role == "fitted"]


TARGETS = {
    ("tobacco", "daily_use", "general"): {1997, 2001, 2004, 2008, 2013, 2018},
    ("alcohol", "daily_use", "general"): {1997, 2001, 2004, 2008, 2013, 2018},
    ("alcohol", "last_year_prevalence", "general"): {2013, 2018},
    ("alcohol", "never_use", "general"): {2013, 2018},
    ("alcohol", "hazardous_drinking", "general"): {2013, 2018},
    ("alcohol", "lifetime_prevalence", "pupils"): {2012, 2019},
    ("cannabis", "last_year_prevalence", "general"): {2004, 2008, 2013, 2018},
    ("cannabis", "lifetime_prevalence", "general"): {2001, 2004, 2008, 2013, 2018},
    ("cannabis", "daily_share_of_last_month", "general"): {2004, 2013, 2018},
    ("cannabis", "last_year_prevalence", "pupils"): {2006, 2011, 2016, 2022},
    ("cannabis", "treatment_share", "register"): {2015, 2021},
    ("cocaine", "last_year_prevalence", "general"): {2008, 2013, 2018},
    ("cocaine", "wastewater_load", "sewershed"): set(range(2011, 2023)),
    ("cocaine", "treatment_share", "register"): {2015, 2021},
    ("mdma", "last_year_prevalence", "general"): {2008, 2013, 2018},
    ("mdma", "wastewater_load", "sewershed"): set(range(2011, 2023)),
    ("amphetamine", "last_year_prevalence", "general"): {2008, 2013, 2018},
    ("amphetamine", "wastewater_load", "sewershed"): set(range(2011, 2023)),
    ("opioids", "substitution_clients", "register"): {2003, 2005, 2007, 2011},
    ("opioids", "treatment_share", "register"): {2015, 2021},
    ("e_cigarettes", "current_use", "general"): {2018},
    ("e_cigarettes", "last_month_prevalence", "pupils"): {2018, 2022},
    ("any_gambling", "problematic_prevalence", "general"): {2018},
    ("gambling_online", "last_year_prevalence", "general"): {2018},
}
"""Years of the series that carry a calibration, by product, indicator and who was asked."""


@pytest.mark.parametrize(("target", "years"), TARGETS.items())
def test_every_series_that_carries_a_calibration_is_fitted(
    shipped: list[Figure], target: tuple[str, str, str], years: set[int]
) -> None:
    rows = [row for row in shipped if row.role == "fitted"]
    found = {r.year for r in rows if (r.product, r.indicator, r.population_kind) == target}
    assert years <= found


def test_the_number_of_rows_in_each_role(shipped: list[Figure]) -> None:
    counted = Counter(row.role for row in shipped)
    print(dict(counted))
    assert counted == {"fitted": 360, "checked": 332, "context": 303}
