"""A run: the same bits for any division of the work, sums that add up, a table of intervals."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import experiments.runs.parts as running
from calibration.series import names_of
from experiments.run import Options, run
from experiments.runs.parts import run_part
from experiments.runs.results import FILE, MODE_TEXT
from experiments.runs.scenario_results import FILE as SCENARIOS
from experiments.runs.scenario_results import open_dataset
from experiments.runs.summary import COLUMNS, quantiles
from model.catalogue import REPORTED
from model.errors import InputError
from tests.experiments.conftest import Done, small_parts

COUNTS = ("population", "deaths", "initiations", "treatment_episodes", "never", "occasional")


def digest(folder: Path) -> str:
    found = hashlib.sha256((folder / FILE).read_bytes())
    if (folder / SCENARIOS).exists():
        found.update((folder / SCENARIOS).read_bytes())
    return found.hexdigest()


def test_equal_runs_give_equal_bytes_for_any_number_of_threads(done: Done, tmp_path: Path) -> None:
    again = replace(done.options, threads=1, out=tmp_path / "elsewhere" / "other")
    with small_parts():
        run(again)
    assert digest(again.out) == digest(done.options.out)


def test_draws_do_not_know_of_the_part_they_are_in(done: Done) -> None:
    whole = run_part(done.study, 0, 3)
    alone = run_part(done.study, 2, 3)
    _ends_with(whole.detailed, alone.detailed)
    _ends_with(whole.compact, alone.compact)
    _ends_with(whole.rules, alone.rules)


def _ends_with(wholes: Sequence[Mapping[str, Any]], alones: Sequence[Mapping[str, Any]]) -> None:
    """The third draw of each array of ``wholes`` is the one of ``alones``."""
    for one, two in zip(wholes, alones, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name][2:], two[name], err_msg=name)


def test_the_file_holds_what_was_simulated(done: Done) -> None:
    last = done.options.draws - 1
    found = run_part(done.study, last, last + 1)
    with open_dataset(done.options.out) as scenarios:
        for dataset, written in ((done.dataset, found.detailed), (scenarios, found.compact)):
            for s, parts in enumerate(written):
                for name, values in parts.items():
                    read = dataset[name][s, last : last + 1].values
                    np.testing.assert_array_equal(read, values, err_msg=name)


def test_scenarios_equal_the_reference_before_their_branch_to_the_bit(done: Done) -> None:
    with open_dataset(done.options.out) as scenarios:
        for name in (row.id for row in done.study.compact.indicators):
            values = scenarios[name].sel(time=2023).values
            for scenario in range(1, len(values)):
                np.testing.assert_array_equal(values[scenario], values[0], err_msg=name)
        problematic = scenarios["problematic_prevalence"].sel(scenario="mixed", time=2026)
        reference = scenarios["problematic_prevalence"].sel(scenario="current-policy", time=2026)
        assert not np.array_equal(problematic, reference, equal_nan=True)


def test_both_files_agree_where_they_meet(done: Done) -> None:
    with open_dataset(done.options.out) as scenarios:
        for row in done.study.compact.indicators:
            short = scenarios[row.id].sel(group="Belgium")
            full = done.dataset[row.id].sel(region="Belgium", age_group="all", time=short.time)
            np.testing.assert_allclose(short, full, rtol=1e-5, err_msg=row.id)


def test_another_seed_gives_other_numbers(small: Options) -> None:
    run(small)
    first = digest(small.out)
    run(replace(small, seed=2))
    assert digest(small.out) != first


@pytest.mark.parametrize("name", COUNTS)
def test_marginals_add_up(done: Done, name: str) -> None:
    values = done.dataset[name]
    total = values.sel(region="Belgium", age_group="all")
    regions = values.sel(age_group="all").drop_sel(region="Belgium").sum("region", skipna=False)
    ages = values.sel(region="Belgium").drop_sel(age_group="all").sum("age_group", skipna=False)
    by_sex = done.dataset[f"{name}_by_sex"].sum("sex", skipna=False)
    by_deprivation = done.dataset[f"{name}_by_deprivation"].sum("deprivation", skipna=False)
    assert np.isfinite(total).any()
    for parts in (regions, ages, by_sex, by_deprivation):
        np.testing.assert_allclose(parts, total, rtol=1e-5)


def test_everybody_is_in_one_state(done: Done) -> None:
    people = sum(done.dataset[name].sel(product="cannabis").fillna(0.0) for name in REPORTED)
    population = done.dataset["population"].sel(product="all")
    assert isinstance(people, xr.DataArray)
    np.testing.assert_allclose(people, population, rtol=1e-5)


def test_scenarios_are_the_reference_until_they_branch(done: Done) -> None:
    for name in ("last_year_prevalence", "population", "survey"):
        before = done.dataset[name].sel(time=slice(2010, 2023))
        for scenario in ("dearer-tobacco", "nothing"):
            reference = before.sel(scenario="current-policy")
            np.testing.assert_array_equal(before.sel(scenario=scenario), reference)


def test_a_scenario_without_changes_is_the_reference_to_the_end(done: Done) -> None:
    for name in done.study.layout.variables():
        values = done.dataset[name]
        reference = values.sel(scenario="current-policy")
        np.testing.assert_array_equal(values.sel(scenario="nothing"), reference, err_msg=name)


def test_a_change_moves_what_it_touches(done: Done) -> None:
    use = done.dataset["daily_use"].sel(region="Belgium", age_group="all", time=2026)
    change = use.sel(scenario="dearer-tobacco") - use.sel(scenario="current-policy")
    assert (change.sel(product="tobacco") < 0.0).all()
    half = done.dataset["initiations"].sel(region="Belgium", age_group="all", time=2024)
    started = half.sel(scenario="dearer-tobacco") / half.sel(scenario="current-policy")
    assert (started.sel(product="tobacco") < 1.0).all()


def test_an_indicator_is_told_apart_as_far_as_its_reach(done: Done) -> None:
    for row in done.study.layout.catalogue.indicators:
        values = done.dataset[row.id]
        parts = values.drop_sel(region="Belgium")
        assert np.isnan(parts).all() == (row.reach == "nation"), row.id
        assert not np.isnan(values.sel(region="Belgium")).all(), row.id
        assert (f"{row.id}_by_sex" in done.dataset) == (row.reach == "people")


def test_units_names_and_modes_come_from_the_tables(done: Done) -> None:
    catalogue = done.study.layout.catalogue
    for row in catalogue.indicators:
        for suffix in ("", "_by_sex", "_by_deprivation") if row.reach == "people" else ("",):
            told = done.dataset[row.id + suffix].attrs
            assert told["units"] == row.unit
            assert told["definition"] == row.definition
            assert row.name in told["long_name"]
    assert done.dataset["product_name"].values.tolist() == list(names_of(catalogue).values())
    modes = [row.mode for row in catalogue.products] + [""] * len(catalogue.unions)
    assert done.dataset["mode"].values.tolist() == modes


def test_attributes_say_where_results_come_from(done: Done) -> None:
    told = done.dataset.attrs
    assert told["comment"] == MODE_TEXT["prior"]
    assert (told["draws"], told["posterior_hash"], told["seeds"]) == ("prior", "", "1")
    assert len(told["parameter_table_hash"]) == 64
    assert told["scenario_hash"].count(":") == 4
    assert {"title", "source", "history", "package_version", "git_commit"} <= told.keys()
    text = (done.options.out / FILE).read_bytes()
    assert str(done.options.out.parent).encode() not in text
    assert "dearer.yaml same.yaml mixed.yaml --draws" in told["history"]


def test_run_json_and_log_stand_beside(done: Done) -> None:
    told = json.loads((done.options.out / "run.json").read_text(encoding="utf-8"))
    assert told["made_by"] == "drugfutures run"
    assert told["mode"] == MODE_TEXT["prior"]
    assert told["arguments"]["draws"] == done.options.draws
    files = [Path(name) for name in done.options.scenarios]
    kept = told["scenario_files"]
    assert list(kept.values()) == [file.read_text(encoding="utf-8") for file in files]
    assert "numpy" in told["versions"]
    assert "threads" in (done.options.out / "run.log").read_text(encoding="utf-8")


def test_summary_is_the_quantiles_of_the_dataset(done: Done) -> None:
    with (done.options.out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {row["scenario"] for row in rows} == set(done.dataset["scenario"].values)
    ends = ("low95", "low80", "low50", "median", "high50", "high80", "high95")
    for row in rows:
        numbers = [float(row[key]) for key in ends]
        assert numbers == sorted(numbers)
        assert (row["mode"] == "scenario-only") == (row["product"] in _scenario_only(done))
    (row,) = (
        row
        for row in rows
        if (row["scenario"], row["indicator"], row["product"], row["region"], row["year"])
        == ("current-policy", "last_year_prevalence", "cannabis", "Brussels", "2018")
    )
    values = done.dataset["last_year_prevalence"].sel(
        scenario="current-policy", product="cannabis", region="Brussels", time=2018, age_group="all"
    )
    assert float(row["median"]) == pytest.approx(float(np.median(values)), rel=1e-5)
    assert float(row["low95"]) == pytest.approx(float(np.quantile(values, 0.025)), rel=1e-5)
    assert row["unit"] == "proportion"


def _scenario_only(done: Done) -> set[str]:
    products = done.study.layout.catalogue.products
    return {row.id for row in products if row.mode == "scenario-only"}


def test_quantiles_leave_out_draws_without_a_value() -> None:
    values = np.array([[1.0, np.nan, np.nan], [2.0, np.nan, 5.0], [3.0, np.nan, 7.0]])
    found = quantiles(values)
    assert found[0, 0] == 2.0
    assert np.isnan(found[:, 1]).all()
    assert found[0, 2] == 6.0


def test_every_series_is_modelled(done: Done) -> None:
    missing = done.dataset["survey"].isnull().any(("scenario", "draw", "time"))
    assert done.dataset["series"].values[missing.values].tolist() == []


def test_a_series_equals_the_indicator_of_the_same_people(done: Done) -> None:
    ids = [s.id for s in done.study.layout.series if s.product == "any_illegal"]
    assert "any_illegal/treatment_episodes/all/all_ages/Belgium/persons_per_year" in ids
    series = done.dataset["survey"].sel(series=ids[0])
    same = done.dataset["treatment_episodes"].sel(
        product="any_illegal", region="Belgium", age_group="all"
    )
    np.testing.assert_allclose(series, same, rtol=1e-6)


def test_a_scenario_that_begins_after_the_run_is_refused(done: Done) -> None:
    late = replace(done.options, until=2020, out=done.options.out.parent / "late")
    with pytest.raises(InputError, match="2024 or later"):
        run(late)
    assert not late.out.exists()


def test_a_failure_leaves_former_results_as_they_are(
    small: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(small)
    before = {path.name: path.read_bytes() for path in small.out.iterdir()}

    def fail(*_: object) -> None:
        raise FloatingPointError("a stock is negative: draw 0, month 2012-01")

    monkeypatch.setattr(running, "reference_and_branches", fail)
    with pytest.raises(FloatingPointError, match=r"month 2012-01 \(counted from draw 0"):
        run(small)
    assert {path.name: path.read_bytes() for path in small.out.iterdir()} == before
    assert list(small.out.parent.iterdir()) == [small.out]
