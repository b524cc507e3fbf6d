"""Exports say what the page says, open again, and carry no formula, no path and no time of day."""

from __future__ import annotations

import csv
import io
import re
import string
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
import yaml
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop.answers import BRANCH_YEAR, YEARS
from experiments.workshop.engine import Engine
from experiments.workshop.export import COLUMNS, csv_of, netcdf_of, safe_cell
from experiments.workshop.export_numbers import Drawn, Numbers, file_name, gather, slug
from experiments.workshop.export_picture import picture
from experiments.workshop.flags import flags_of
from experiments.workshop.view import View, idle
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library
from tests.experiments.workshop.exported import HOSTILE, LINK, SHORT, long_view, numbers_of


@pytest.fixture(scope="module")
def numbers(engine: Engine) -> Numbers:
    return numbers_of(engine, SHORT)


@pytest.fixture(scope="module")
def hostile(engine: Engine) -> Numbers:
    return numbers_of(engine, long_view(), "de")


def rows_of(numbers: Numbers) -> list[dict[str, str]]:
    told = csv_of(numbers).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(told, newline=""), strict=True))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (-2.5, "-2.5"),
        ("-2.5e-3", "-2.5e-3"),
        (12, "12"),
        (float("nan"), ""),
        (None, ""),
        ("=1+1", "'=1+1"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1 (2)", "'+1 (2)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("a=1", "a=1"),
        ("12\n", "12\n"),
    ],
)
def test_a_cell_is_no_formula_and_a_number_stays_one(given: object, told: str) -> None:
    assert safe_cell(given) == told


@given(st.text())
def test_no_text_begins_like_a_formula(text: str) -> None:
    told = safe_cell(text)
    assert not told.lstrip().startswith(("=", "+", "-", "@")) or float(told) is not None


def test_what_must_be_kept_in_mind_of_a_graph_stands_in_both_exports(numbers: Numbers) -> None:
    caution = library().texts["en"]["indicator.public_expenditure.caution"]
    said = [r for r in rows_of(numbers) if r["about"] == "flag: caution"]
    assert [(r["indicator"], r["value"]) for r in said] == [("public_expenditure", caution)]
    with xr.open_dataset(io.BytesIO(netcdf_of(numbers)), engine="h5netcdf") as dataset:
        assert caution in dataset["graph_1"].attrs["flags"]
        assert caution not in dataset["graph_2"].attrs["flags"]


def test_an_export_flags_what_the_page_flags(engine: Engine, numbers: Numbers) -> None:
    for fan, flags in zip(
        engine.answer(SHORT.scenario, SHORT.graphs).fans, numbers.flags, strict=True
    ):
        assert list(flags) == flags_of(fan.graph, SHORT.scenario, engine, fan)


def test_the_table_says_what_the_page_says(engine: Engine, numbers: Numbers) -> None:
    answer = engine.answer(SHORT.scenario, SHORT.graphs)
    rows = [r for r in rows_of(numbers) if r["kind"] == "model"]
    assert len(rows) == 2 * 2 * len(YEARS)
    for g, factor in ((0, 1e-6), (1, 100.0)):  # millions of euros, percent
        mine = [r for r in rows if r["graph"] == str(g + 1) and r["scenario"] == "this-scenario"]
        found = [[float(r[end]) for r in mine] for end in COLUMNS[10:15]]
        np.testing.assert_allclose(found, factor * answer.fans[g].bands, rtol=1e-6)
        assert {r["draws"] for r in mine} == {str(engine.draws)}
    assert rows[0]["unit"] == "million EUR of 2015 per year"
    assert rows[-1]["region"] == "Brussels"


def test_observed_figures_have_rows_of_their_own_with_their_source(numbers: Numbers) -> None:
    rows = [row for row in rows_of(numbers) if row["kind"] == "observed"]
    assert rows
    for row in rows:
        assert row["source"]
        assert row["about"]
        assert 2010 <= int(row["year"]) <= 2023
        assert row["scenario"] == row["draws"] == row["low90"] == row["high90"] == ""


def test_the_table_tells_what_it_rests_on(engine: Engine, numbers: Numbers) -> None:
    told = {row["about"]: row["value"] for row in rows_of(numbers) if row["kind"] == "about"}
    known = engine.provenance()
    assert told["parameter_table_hash"] == known["parameter_table_hash"]
    assert told["posterior_hash"] == known["posterior_hash"]
    assert (told["draws"], told["seeds"], told["link"]) == (str(engine.draws), "1", LINK)
    assert "note" not in told
    assert yaml.safe_load(told["scenario"])["levers"] == {"SD1": 80.0, "3.1": 40.0}


def test_names_and_notes_are_no_formulas_in_the_table(hostile: Numbers) -> None:
    rows = rows_of(hostile)
    assert {row["scenario_name"] for row in rows if row["scenario"] == "this-scenario"} == {
        f"'{HOSTILE}"
    }
    assert next(row["value"] for row in rows if row["about"] == "note").startswith("'=1+1")
    cells = [cell for row in rows for cell in row.values()]
    risky = [cell for cell in cells if cell.lstrip()[:1] in ("=", "+", "-", "@") and cell.strip()]
    assert all(float(cell) < 0 for cell in risky)


def test_netcdf_opens_again_with_every_draw_and_equal_bytes(
    engine: Engine, numbers: Numbers
) -> None:
    made = netcdf_of(numbers)
    assert made == netcdf_of(numbers_of(engine, SHORT))
    with xr.open_dataset(io.BytesIO(made), engine="h5netcdf") as found:
        assert found["graph_1"].dims == ("scenario", "draw", "time")
        assert list(found["scenario"].values) == ["current-policy", "this-scenario"]
        assert list(found["time"].values) == list(YEARS)
        assert found.sizes["draw"] == engine.draws
        assert found["graph_2"].attrs["units"] == "proportion"
        np.testing.assert_allclose(
            found["graph_2"].values[1], engine.values(SHORT.scenario, SHORT.graphs)[1], rtol=1e-6
        )
        assert found.attrs["link"] == LINK
        assert found.attrs["seeds"] == "1"
        assert len(found.attrs["parameter_table_hash"]) == 64
        # Nothing of the machine and no time of day.
        told = " ".join(map(str, found.attrs.values()))
        assert not re.search(r"\d\d:\d\d|/home|/tmp|\.yaml", told.replace(LINK, ""))


def test_draws_are_paired_before_the_branch(numbers: Numbers) -> None:
    reference, own = numbers.scenarios
    np.testing.assert_array_equal(reference.values[:, :, :14], own.values[:, :, :14])
    assert (reference.values[0, :, -1] != own.values[0, :, -1]).all()


def test_progress_and_overlaid_scenarios_are_told_in_order(engine: Engine) -> None:
    heard: list[tuple[int, int]] = []
    view = replace(SHORT, saved=(idle(), SHORT.scenario), overlaid=(1,))
    words = numbers_of(engine, View()).words
    found = gather(engine, view, words, LINK, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(0, 2), (1, 2), (2, 2)]
    assert [one.role for one in found.scenarios] == [
        "current-policy",
        "this-scenario",
        "overlaid-1",
    ]
    np.testing.assert_array_equal(found.scenarios[1].values, found.scenarios[2].values)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_are_whole_files_that_say_the_same_each_time(
    engine: Engine, language: str
) -> None:
    found = numbers_of(engine, SHORT, language)
    png, svg = picture(found, 0, "png"), picture(found, 1, "svg")
    assert png.startswith(b"\x89PNG")
    assert png.endswith(b"IEND\xaeB`\x82")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert b"<text" not in svg  # outlines, which need no font
    assert svg == picture(found, 1, "svg")
    assert png == picture(found, 0, "png")


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_picture_takes_any_name(hostile: Numbers) -> None:
    svg = picture(hostile, 0, "svg")
    ElementTree.fromstring(svg)
    assert b"<b>" not in svg
    assert b"<script" not in svg


@given(st.text(max_size=300))
def test_a_file_name_is_plain_short_and_no_path(name: str) -> None:
    found = slug(name)
    assert found
    assert len(found) <= 60
    assert set(found) <= set(string.ascii_lowercase + string.digits + "-")


def test_draws_that_broke_down_after_the_branch_are_lost() -> None:
    values = np.ones((2, 5, len(YEARS)))
    values[:, :2, YEARS.index(BRANCH_YEAR) :] = np.nan
    values[0, 2] = np.nan  # one graph alone
    assert Drawn("this-scenario", "x", None, values).lost == 2


def test_a_file_is_named_for_its_scenario(hostile: Numbers) -> None:
    assert slug("../../etc/Été à Liège") == "etc-ete-a-liege"
    assert slug("中") == "scenario"
    assert file_name(hostile, "csv") == "drug-futures-1-1-emph-x-x-2-b-e-b.csv"
