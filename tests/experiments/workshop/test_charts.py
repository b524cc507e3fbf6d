"""Graphs: options and patches, dots only where a figure says the same, twins in four languages."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.figures import Figure, load_figures
from calibration.series import names_of
from experiments.workshop import options, twins
from experiments.workshop.answers import LEVELS, YEARS, Answer, Change, Fan
from experiments.workshop.dots import Dot, Observed
from experiments.workshop.view import EVERYONE, Graph
from experiments.workshop.wording import Words, words_of
from model.catalogue import Catalogue, load_catalogue
from scenarios.texts import LANGUAGES, load_texts

GRAPH = Graph("problematic_prevalence", "any_illegal")


def bands(at: float = 0.1, width: float = 0.02) -> Any:
    """Bands that grow: quantiles lie ``width`` apart."""
    level = at * np.linspace(1.0, 1.5, len(YEARS))
    return np.stack([level + width * (i - 2) for i in range(len(LEVELS))])


def dot(year: int = 2018, value: float | None = 0.1, **more: Any) -> Dot:
    told: dict[str, Any] = {"low": None, "high": None, "source": "A survey", "role": "fitted"}
    return Dot("one", year, value, **{**told, **more})


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module", params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> Words:
    return words_of(request.param, load_texts())


# Options


def merged(option: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What ECharts makes of a patch: series are found by their id."""
    found = copy.deepcopy(option)
    found["yAxis"].update(patch.get("yAxis", {}))
    by_id = {one["id"]: one for one in found["series"]}
    for one in patch.get("series", []):
        by_id[one["id"]].update(one)
    return found


pictures = st.builds(
    options.Picture,
    reference=st.floats(0.0, 1e6).map(bands),
    own=st.none() | st.floats(-5.0, 1e6).map(bands),
    overlaid=st.lists(st.floats(0.0, 10.0).map(bands), max_size=2).map(tuple),
    dots=st.lists(st.builds(dot, st.integers(2010, 2023), st.floats(0.0, 9.0)), max_size=3).map(
        tuple
    ),
)


@given(pictures, pictures)
def test_a_patch_makes_the_whole_option_of_the_new_picture(
    before: options.Picture, after: options.Picture
) -> None:
    first, then = ((options.data_of(p), options.axis_of(p)) for p in (before, after))
    patch = options.patch(*then, *first)
    assert merged(options.whole(before), patch) == options.whole(after)
    assert options.patch(*then, *then) == {}


@given(pictures)
def test_everything_drawn_lies_within_the_axis(picture: options.Picture) -> None:
    axis = options.axis_of(picture)
    numbers = np.concatenate([np.ravel(one) for one in picture.drawn()])
    assert axis["min"] <= np.nanmin(numbers) + 1e-9 * abs(np.nanmin(numbers))
    assert axis["max"] >= np.nanmax(numbers) * (1.0 - 1e-9)
    steps = (axis["max"] - axis["min"]) / axis["interval"]
    assert steps == pytest.approx(round(steps))
    assert 1 <= round(steps) <= 8


def test_stacked_bands_add_up_to_the_quantiles() -> None:
    found = options.data_of(options.Picture(bands(), bands(0.3)))
    parts = ("below", "band.low", "band.half", "band.high")
    sums = np.cumsum([found[part] for part in parts], axis=0)
    np.testing.assert_allclose(sums, bands(0.3)[[0, 1, 3, 4]], rtol=1e-4)
    np.testing.assert_allclose(found["own"], bands(0.3)[2], rtol=1e-4)


def test_what_does_not_apply_is_not_drawn_and_an_option_is_valid_json() -> None:
    nothing = bands() * math.nan
    picture = options.Picture(nothing, nothing, (nothing,), (dot(value=None, low=0.1),))
    found = options.data_of(picture)
    assert not any(data for key, data in found.items() if key != "dots")
    json.dumps(options.whole(picture), allow_nan=False)


def test_an_axis_begins_at_nought_unless_most_of_it_would_be_empty() -> None:
    assert options.axis_of(options.Picture(bands(0.1)))["min"] == 0.0
    assert options.axis_of(options.Picture(1000.0 + bands()))["min"] > 0.0
    assert options.axis_of(options.Picture(bands(-1.0)))["min"] < 0.0


def test_an_axis_keeps_its_ends_while_a_hand_moves() -> None:
    large, small = (options.Picture(bands(at, at / 2.0)) for at in (9.0, 2.0))
    wide = options.axis_of(large)
    assert options.axis_of(small, (wide["min"], wide["max"])) == wide
    assert options.axis_of(small)["max"] < wide["max"]


def test_history_ends_where_2024_begins() -> None:
    mark = next(
        one for one in options.whole(options.Picture(bands()))["series"] if "markLine" in one
    )
    assert mark["markLine"]["data"] == [{"xAxis": 2023.5}]


# Dots


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue) -> list[Figure]:
    sources = {row.id for row in catalogue.sources}
    return list(load_figures(products=names_of(catalogue), sources=sources))


@pytest.fixture(scope="module")
def observed(figures: list[Figure], catalogue: Catalogue) -> Observed:
    return Observed.of(figures, catalogue)


def test_dots_have_exactly_the_indicator_product_place_and_ages(
    observed: Observed, figures: list[Figure]
) -> None:
    by_id = {figure.id: figure for figure in figures}
    seen = 0
    for graph in observed.rows:
        for found in observed.dots(graph, 1.0):
            figure, seen = by_id[found.figure], seen + 1
            low, high = figure.age_min, figure.age_max
            assert (figure.indicator, figure.product) == (graph.indicator, graph.product)
            assert (figure.region, figure.sex) == (graph.region, "all")
            if graph.age == EVERYONE:
                assert high is None
                assert low is None or low <= 10
            else:
                assert graph.age == (f"{low}+" if high is None else f"{low or 0}-{high}")
            assert 2010 <= found.year <= 2023
            assert figure.year_end is None
    assert seen > 50


def test_a_survey_of_15_to_64_stands_on_no_graph_of_all_ages(
    observed: Observed, figures: list[Figure]
) -> None:
    asked = [f for f in figures if (f.age_min, f.age_max) == (15, 64) and f.region == "Belgium"]
    assert asked
    for figure in asked:
        shown = observed.dots(Graph(figure.indicator, figure.product), 1.0)
        assert figure.id not in {found.figure for found in shown}


def test_a_dot_is_in_the_unit_shown_and_names_its_source(observed: Observed) -> None:
    graph = Graph("quantity_seized", "cocaine")
    plain, half = observed.dots(graph, 1.0), observed.dots(graph, 0.5)
    assert len(plain) > 5
    assert [found.year for found in plain] == sorted(d.year for d in plain)
    assert all(d.value is not None and d.source for d in plain)
    assert [d.value for d in half] == [d.value / 2 for d in plain if d.value is not None]
    assert {found.role for found in plain} == {"given"}


# Twins


def fan(graph: Graph = GRAPH, change: Change | None = None) -> Fan:
    return Fan(graph, bands(0.02, 0.002), change)


def answer(told: Fan, draws: int = 200) -> Answer:
    return Answer((told,), draws, 200)


SEPARATORS = {"en": ".", "nl": ",", "fr": ",", "de": ","}


def test_a_line_says_value_range_and_current_policy(words: Words) -> None:
    change = Change(-0.012, -0.02, -0.004, 1.0)
    line = twins.line_of(words, fan(change=change), fan(), "proportion")
    point = SEPARATORS[words.language]
    assert "2030" in line.value
    assert f"3{point}00" in line.value
    assert f"2{point}60" in line.range
    assert f"3{point}40" in line.range
    assert f"3{point}00" in line.before
    assert f"−1{point}2 " in line.change
    assert f"−0{point}40" in line.change


def test_a_sentence_tells_which_way_only_where_draws_agree(
    words: Words, catalogue: Catalogue
) -> None:
    def told(change: Change) -> str:
        one = fan(change=change)
        return twins.sentence_of(words, GRAPH, catalogue, answer(one), one)

    less = told(Change(-0.01, -0.02, -0.004, 0.99))
    more = told(Change(0.01, 0.004, 0.02, 0.99))
    unclear = told(Change(0.001, -0.02, 0.02, 0.55))
    same = told(Change(0.0, 0.0, 0.0, 1.0))
    assert len({less, more, unclear, same}) == 4
    assert all("2030" in one and "{" not in one for one in (less, more, unclear, same))
    assert "−" not in less  # the size of a fall, told as less
    assert words.say("page.points") in less  # not percent of what it was
    assert unclear.endswith(words.say("page.sentence.unclear", draws="200"))
    assert same.endswith(words.say("page.sentence.same"))


def test_what_does_not_apply_is_said(words: Words, catalogue: Catalogue) -> None:
    empty = Fan(GRAPH, bands() * math.nan, Change(math.nan, math.nan, math.nan, math.nan))
    line = twins.line_of(words, empty, empty, "proportion")
    assert line == twins.Told(words.say("page.graph.nothing"))
    assert "nan" not in twins.sentence_of(words, GRAPH, catalogue, answer(empty), empty)


def test_a_table_has_every_year_scenario_and_figure(words: Words) -> None:
    named = [("This", bands()), ("Current", bands())]
    dots = (dot(2018), dot(2018, 0.2), dot(2020, None, low=0.1, high=0.3, role="given"))
    table = twins.table_of(words, "A graph", named, dots, 100.0)
    assert len(table.head) == 4
    assert [row[0] for row in table.rows] == [str(year) for year in YEARS]
    assert all(len(row) == len(table.head) for row in table.rows)
    by_year = {row[0]: row[-1] for row in table.rows}
    assert by_year["2018"].count(";") == 1
    assert by_year["2010"] == ""
    assert "–" in by_year["2020"]
    assert len(table.figures) == 3
    assert all("A survey" in told for told in table.figures)
    assert words.interval(10.0, 6.0, 14.0) in table.rows[0]


@pytest.mark.parametrize(
    ("low", "high", "told"), [(0.1, None, "≥ "), (None, 0.1, "≤ ")], ids=["least", "most"]
)
def test_a_printed_bound_is_told_as_one(
    words: Words, low: float | None, high: float | None, told: str
) -> None:
    assert twins.told_dot(words, dot(value=None, low=low, high=high)).startswith(told)
