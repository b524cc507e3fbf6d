"""Reports of a store: sampled futures are told as such, and only whole ones are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from experiments.batch.factors import Factor
from experiments.report import material as module
from experiments.report.blocks import Bullets, Picture, Report, Table, Text
from experiments.report.drivers import sensitivity, varied
from experiments.report.material import open_material
from experiments.report.sections import report_of
from experiments.report.words import words_of
from model.errors import InputError
from scenarios.texts import load_texts
from tests.experiments.robustness.sampled_store import Float, flat, trend

RANDOM = np.random.default_rng(1)
OUTPUTS = (("last_year_prevalence", "any_illegal"), ("treatment_episodes", "all"))
FACTORS = (
    trend("F1", low=-100.0, high=100.0),
    trend("subadditivity", kind="structure", low=0.3, unit="exponent"),
)


def store(
    scenarios: tuple[str, ...] = ("current-policy", "strategy"),
    years: tuple[int, ...] = (2029, 2030),
    factors: tuple[Factor, ...] = FACTORS,
    method: str = "latin",
) -> xr.Dataset:
    shape = (len(scenarios), 6, 2)
    values = {
        (indicator, product, "Belgium", year): RANDOM.uniform(1.0, 2.0, shape)
        for indicator, product in OUTPUTS
        for year in years
    }
    points: Float = RANDOM.uniform(0.0, 1.0, (6, len(factors)))
    made = flat(factors, points, values, scenarios)
    made.attrs |= {"design_method": method, "draws": "posterior", "title": "T", "question": "Q?"}
    return made


def reported(
    made: xr.Dataset, monkeypatch: pytest.MonkeyPatch, folder: Path, language: str = "en"
) -> Report:
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: made)
    with open_material(str(folder / "none.zarr"), None) as found:
        return report_of(found, language, None, folder)


def said(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Text))


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_futures_are_not_told_as_draws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    report = reported(store(), monkeypatch, tmp_path, language)
    words = words_of(language, load_texts())
    captions = [block.caption for block in report.blocks if isinstance(block, Table | Picture)]
    told = said(report)
    about = words.say("year.about", baseline=words.name("scenario.current-policy"))
    assert about not in told
    assert words.say("short.few.futures", draws=12) in told
    assert words.say("varied.caption") in captions
    whole = words.say("drawn.posterior")
    assert words.say("short.draws.futures", draws="12", points="6", source=whole) in told
    if language == "en":
        assert not any("of draws" in caption for caption in captions)


def test_factors_come_with_their_ranges_and_what_is_assumed() -> None:
    draws = trend("posterior", kind="posterior", low=0.0, high=10.0, assumed=False)
    switch = trend("network", kind="structure", values=("on", "off"), high=2.0)
    rows = varied((*FACTORS, draws, switch), words_of("de", load_texts())).rows
    assert [row[1:] for row in rows] == [
        ("-100 bis 100 (Stellung)", "angenommen"),
        ("0,3 bis 1 (Exponent)", "angenommen"),
        ("10 Ziehungen", "–"),
        ("on, off", "angenommen"),
    ]


def test_a_future_with_a_failed_run_is_left_out_of_all_scenarios(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store()
    failed = (made["point"] == 3) & (made["draw"] == 1) & (made["scenario"] == "strategy")
    made["values"] = made["values"].where(~failed)
    made["state"] = ("run", np.where(failed, "failed", "done"))
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: made)
    with open_material(str(tmp_path / "none.zarr"), None) as found:
        assert found.scenarios.draws == 11
        assert found.runs == (24, 1, 0)
        assert all(np.isfinite(values).all() for values in found.series.values())
        report = report_of(found, "en", None, tmp_path)
    items = [item for one in report.blocks if isinstance(one, Bullets) for item in one.items]
    assert any("1 of 24 runs failed" in told for _, told in items)
    assert any("ketamine" in told.lower() for _, told in items)


def test_a_store_with_no_whole_future_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store()
    made["values"] = made["values"].where(made["scenario"] == "strategy")
    with pytest.raises(InputError, match="no future of this store is whole"):
        reported(made, monkeypatch, tmp_path)


def test_designs_of_sensitivity_methods_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="sensitivity"):
        reported(store(method="sobol"), monkeypatch, tmp_path)


def test_one_scenario_and_one_year_are_not_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = reported(store(("strategy",), (2030,)), monkeypatch, tmp_path)
    assert "nothing here to compare it with" in said(report)
    assert "Differences from" not in said(report)
    assert not any(isinstance(block, Picture) for block in report.blocks)


def test_current_policy_is_the_baseline_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = reported(store(("strategy", "current-policy")), monkeypatch, tmp_path)
    captions = [block.caption for block in report.blocks if isinstance(block, Table)]
    assert any("against Current policy" in caption for caption in captions)


def test_a_scenario_of_a_file_is_told_without_levers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = reported(store(("current-policy", "my-own")), monkeypatch, tmp_path)
    assert "do not keep their files, or these no longer fit: my-own" in said(report)
    assert "No scenario moves a lever" not in said(report)


OWN = """
id: my-own
title: Sooner care
description: More places.
levers: {treatment-capacity: 60}
trends: {F1: 50}
"""


def test_a_scenario_whose_file_the_store_keeps_is_told_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store(("current-policy", "my-own"))
    made.attrs["scenario_files"] = json.dumps({"my-own": OWN})
    report = reported(made, monkeypatch, tmp_path)
    tables = {one.caption: one for one in report.blocks if isinstance(one, Table)}
    words = words_of("en", load_texts())
    levers, trends = (tables[words.say(f"{what}.caption")] for what in ("levers", "trends"))
    assert levers.rows[0][0] == "Places in treatment"
    assert (levers.header[-1], levers.rows[0][-1]) == ("Position: Sooner care", "60.0")
    assert (trends.rows[0][0][:2], trends.rows[0][-1]) == ("F1", "50.0")


def test_a_file_that_no_longer_fits_the_library_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store(("current-policy", "my-own"))
    gone = OWN.replace("treatment-capacity", "measure-that-was-there")
    made.attrs["scenario_files"] = json.dumps({"my-own": gone})
    report = reported(made, monkeypatch, tmp_path)
    assert "or these no longer fit: my-own" in said(report)


def test_indicators_that_the_study_names_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store()
    named = made.assign_coords(
        indicator=("output", ["last_year_prevalence", "waiting"] * 2),
        product=("output", ["any_illegal", "cocaine"] * 2),
        year=("output", [2029, 2029, 2030, 2030]),
    )
    named.attrs["study"] = "{id: s, title: S, scenarios: [strategy], keep: {indicators: [waiting]}}"
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: named)
    with open_material(str(tmp_path / "none.zarr"), None) as found:
        assert list(found.series) == [
            ("last_year_prevalence", "any_illegal"),
            ("waiting", "cocaine"),
        ]
    named.attrs["study"] = "{id: s, title: S, scenarios: [strategy]}"
    told = said(reported(named, monkeypatch, tmp_path))
    assert "1 of 2 pairs of indicator and product" in told


def test_a_store_without_belgium_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = store()
    made["group"] = ("output", ["Flanders"] * made.sizes["output"])
    with pytest.raises(InputError, match="Belgium as a whole"):
        reported(made, monkeypatch, tmp_path)


def analysis(verdict: str, stability: float) -> xr.Dataset:
    """Signed indices of three factors of one output; the last is below the dummy."""
    return xr.Dataset(
        {
            "ME": (("factor", "output"), [[0.2], [-3.0], [0.01]]),
            "ME_conf": (("factor", "output"), [[0.0], [1.0], [0.0]]),
            "verdict": ("output", [verdict]),
            "dummy": ("output", [0.1]),
            "rank_stability": ("output", [stability]),
        },
        coords={
            "factor": ["trend:F1", "trend:F2", "trend:F3"],
            "factor_kind": ("factor", ["trend"] * 3),
            "factor_name": ("factor", ["F1", "F2", "F3"]),
            "factor_label": ("factor", ["F1 one", "F2 two", "F3 three"]),
            **{
                key: ("output", [value])
                for key, value in zip(
                    ("indicator", "product", "group", "scenario", "year"),
                    ("last_year_prevalence", "any_illegal", "Belgium", "current-policy", 2030),
                    strict=True,
                )
            },
        },
        attrs={"main_index": "ME", "half_width": "ME_conf", "method": "fractional-factorial"},
    )


@pytest.mark.parametrize(
    ("verdict", "stability", "told"),
    [
        ("converged", 1.0, "converged"),
        ("not converged", 0.95, "not converged; the order holds"),
        ("not converged", 0.5, "not converged, nor is the order"),
    ],
)
def test_drivers_stand_by_size_above_the_dummy_with_intervals_where_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, stability: float, told: str
) -> None:
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: store())
    monkeypatch.setattr(
        module, "_open_sensitivity", lambda path, asked, files: analysis(verdict, stability)
    )
    with open_material(str(tmp_path / "none.zarr"), None) as found:
        blocks = list(sensitivity(found, words_of("en", load_texts()), 2030))
    table = next(block for block in blocks if isinstance(block, Table))
    factors, last = table.rows[0][-2:]
    assert factors.startswith("F2 ")
    assert "-3.00 (-4.00 to -2.00); F1 " in factors
    assert factors.endswith(" 0.200")
    assert last == told
    assert "share" not in table.caption
