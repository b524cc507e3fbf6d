"""Plots of scenarios: what is drawn is what the CSV says, nothing lies over anything else."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from experiments.comparisons.compare import Scenarios, paired
from experiments.comparisons.scoreboard import load_scoreboard
from experiments.plots.contributions import Contribution, Parts, contributions
from experiments.plots.differences import differences
from experiments.plots.profiles import direction, profiles
from experiments.plots.scenario_fans import Of, scenario_fan
from experiments.plots.scenario_set import better_of, draw_scenario_plots
from experiments.plots.scenario_sheet import (
    ALWAYS,
    MOST,
    Picture,
    apart,
    bands,
    file_name,
    how_chosen,
    named,
    save,
    unit_of_group,
    widest,
)
from experiments.plots.scoreboard_map import scoreboard_map, shade
from experiments.plots.style import GREY, STYLE
from model.errors import InputError
from tests.experiments.scenario_file import make_scenarios

OF = Of("last_year_prevalence", "any_illegal")


@pytest.fixture(scope="module")
def few() -> xr.Dataset:
    return make_scenarios()


@pytest.fixture(scope="module")
def many() -> xr.Dataset:
    return make_scenarios(40, 20)


def lines_of(picture: Picture) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(picture.csv())))


def words_of(picture: Picture) -> str:
    return " ".join(text.get_text() for text in texts_of(picture)).replace("\n", " ")


def texts_of(picture: Picture) -> list[Text]:
    return [one for one in picture.figure.findobj(Text) if one.get_text()]


def all_pictures(dataset: xr.Dataset) -> list[Picture]:
    ids = [str(one) for one in dataset["scenario"].values][:4]
    return [
        scenario_fan(dataset, OF, ids),
        profiles(dataset, OF, "down"),
        differences(dataset, OF, ids),
        scoreboard_map(dataset),
    ]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("size", ["few", "many"])
def test_all_words_lie_on_the_page(number: int, size: str, request: pytest.FixtureRequest) -> None:
    picture = all_pictures(request.getfixturevalue(size))[number]
    with mpl.rc_context(STYLE):
        drawn = picture.figure.get_tightbbox(picture.figure.canvas.get_renderer())  # type: ignore[attr-defined]
    width, height = picture.figure.get_size_inches()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


@pytest.mark.parametrize("number", range(4))
def test_what_is_assumed_and_drawn_stands_on_each(few: xr.Dataset, number: int) -> None:
    words = words_of(all_pictures(few)[number])
    assert "Assumed:" in words
    assert "POSTERIOR DRAWS" in words


def test_a_fan_draws_its_numbers(few: xr.Dataset) -> None:
    lines = lines_of(scenario_fan(few, OF))
    scenarios = Scenarios(few)
    values = 100.0 * scenarios.series(OF.indicator, OF.product)[3, :, -1]
    last = next(one for one in lines if (one["scenario"], one["year"]) == ("stress", "2030"))
    assert float(last["median"]) == pytest.approx(np.median(values), rel=1e-6)
    assert float(last["low90"]) == pytest.approx(np.quantile(values, 0.05), rel=1e-6)
    assert len(lines) == 4 * 8


def test_more_scenarios_than_can_be_told_apart_are_refused(many: xr.Dataset) -> None:
    for make in (scenario_fan, differences):
        with pytest.raises(InputError, match="could not be told apart"):
            make(many, OF)
    most = widest(Scenarios(many), OF.indicator, OF.product, "current-policy")
    assert len(most) == MOST
    assert "nothing-new" not in most


def test_the_strategy_is_always_among_few(many: xr.Dataset) -> None:
    ids = [ALWAYS if one == "nothing-new" else str(one) for one in many["scenario"].values]
    titled = ["The whole" if one == ALWAYS else one for one in ids]
    changed = many.assign_coords(scenario=ids, scenario_title=("scenario", titled))
    scenarios = Scenarios(changed)
    most = widest(scenarios, OF.indicator, OF.product, "current-policy")
    assert ALWAYS in most
    assert len(most) == MOST
    why = how_chosen(scenarios, most, "current-policy")
    assert why == "Scenarios shown: The whole, always, and those that differ most in 2030."
    assert how_chosen(scenarios, ids[1:], "current-policy") == ""
    for make in (scenario_fan, differences):
        words = words_of(make(changed, OF, most, why))
        assert why in words
        assert "The whole (strategy)" in words
    assert named("an-id", "x" * 60) == "x" * 60


def test_cautions_stand_at_the_foot(few: xr.Dataset) -> None:
    of = Of("violence_index", "any_illegal")
    for picture in (scenario_fan(few, of), profiles(few, of), differences(few, of)):
        assert "come back as they were put in" in words_of(picture)


def test_what_cannot_be_seen_is_grey(few: xr.Dataset) -> None:
    near = few.copy()
    values = near[OF.indicator].values.copy()
    values[1] = 1.0001 * values[0]
    near[OF.indicator] = (near[OF.indicator].dims, values, near[OF.indicator].attrs)
    picture = profiles(near, OF, "down")
    told = {line["scenario"]: line["direction"] for line in lines_of(picture)}
    assert told["nothing-new"] == "no visible difference"
    (word,) = [text for text in texts_of(picture) if text.get_text() == "≈ 0"]
    assert word.get_color() == GREY
    labels = [one for one in texts_of(differences(near, OF)) if "nothing-new" in one.get_text()]
    assert {one.get_color() for one in labels} == {GREY}
    assert shade("no visible difference", 0.01) != shade("unclear", 0.01)
    assert "≈" in words_of(scoreboard_map(near))


def test_few_profiles_have_a_wide_axis(few: xr.Dataset) -> None:
    low, high = profiles(few.isel(scenario=[0, 1]), OF).figure.axes[0].get_xlim()
    assert low <= -5.0
    assert high >= 5.0


def test_what_has_no_value_is_refused(few: xr.Dataset) -> None:
    for make in (scenario_fan, profiles, differences):
        with pytest.raises(InputError, match="nothing to draw"):
            make(few, Of("mean_wait", "all"))


def test_left_out_draws_are_told(few: xr.Dataset) -> None:
    of = Of("mean_wait", "cocaine")
    for picture in (scenario_fan(few, of), profiles(few, of), differences(few, of)):
        assert "left out: up to 3 of 40" in words_of(picture)


def test_profiles_are_sorted_and_say_the_direction(few: xr.Dataset) -> None:
    lines = lines_of(profiles(few, OF, "down"))
    medians = [float(line["median"]) for line in lines]
    assert medians == sorted(medians, reverse=True)
    told = {line["scenario"]: line["direction"] for line in lines}
    assert told == {"stress": "worse", "nothing-new": "no difference", "full-mix": "better"}


def test_directions_where_none_is_better() -> None:
    old = np.ones(10)
    assert direction(paired(old, 2 * old), "") == "above"
    assert direction(paired(old, old), "up") == "no difference"
    assert direction(paired(old, 1.0001 * old), "up") == "no visible difference"
    assert direction(paired(old, np.where(np.arange(10) < 5, 2.0, 0.5)), "up") == "unclear"


def test_differences_begin_at_nothing(few: xr.Dataset) -> None:
    first = [line for line in lines_of(differences(few, OF)) if line["year"] == "2023"]
    assert {float(line["percent"]) for line in first} == {0.0}
    assert {line["share_above"] for line in first} == {"0"}
    assert {line["certainty"] for line in first} == {"no difference"}


def test_contributions_stand_on_each_other() -> None:
    rows = (Contribution("one", -2.0, -3.0, -1.0), Contribution("two", 0.5, 0.0, 1.0))
    whole = Contribution("whole", -1.2, -2.0, -0.5)
    picture = contributions(Parts("A title", "%", rows, whole, "down"))
    lines = lines_of(picture)
    assert [float(line["to"]) for line in lines] == [-2.0, -1.5, -1.2]
    assert float(lines[1]["from"]) == -2.0
    assert "need not add up" in words_of(picture)
    with pytest.raises(InputError, match="no part"):
        contributions(Parts("A title", "%", (), whole))


def test_the_map_holds_every_cell_and_shades_by_size(few: xr.Dataset) -> None:
    lines = lines_of(scoreboard_map(few))
    assert len(lines) == 3 * len(load_scoreboard())
    assert sum(shade("better", 20.0)) < sum(shade("better", 5.0)) < 3.0
    assert shade("better", 20.0) == shade("better", 80.0)
    assert shade("unclear", 20.0) == (1.0, 1.0, 1.0)


def test_places_keep_apart() -> None:
    places = apart([5.0, 5.0, 5.1, 9.9], 1.0, 0.0, 10.0)
    assert np.all(np.diff(sorted(places)) >= 1.0 - 1e-9)
    assert max(places) <= 10.0
    assert places[3] == max(places)


def test_bands_leave_out_missing_draws() -> None:
    low, middle, high = bands(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]]))
    assert middle[0] == 2.0
    assert low[0] < high[0]
    assert np.isnan(middle[1])


def test_units_say_of_whom(few: xr.Dataset) -> None:
    scenarios = Scenarios(few)
    told = unit_of_group(scenarios, "last_year_prevalence", "any_illegal", "10-17")
    assert told == "percent of people aged 10–17"
    told = unit_of_group(scenarios, "treatment_episodes", "all", "most_deprived")
    assert told == "episodes per year, ages 10+, most deprived"


def test_the_main_set(few: xr.Dataset, tmp_path: Path) -> None:
    assert draw_scenario_plots(tmp_path / "none", few, "none") == []
    assert draw_scenario_plots(tmp_path / "none", few.isel(scenario=[0]), "main") == []
    written = draw_scenario_plots(tmp_path / "scenarios", few, "main")
    assert len(written) == len(set(written)) == 2 * (1 + 6 + 2 * 2)
    assert all(path.is_file() for path in written)
    again = draw_scenario_plots(tmp_path / "again", few, "main")
    pairs = zip(written, again, strict=True)
    assert all(a.read_bytes() == b.read_bytes() for a, b in pairs)


def test_which_direction_is_better() -> None:
    rows = load_scoreboard()
    assert better_of("attributable_deaths", rows) == "down"
    assert better_of("public_expenditure", rows) == ""
    assert file_name("fan", "a_b", "10-17") == "fan-a-b-10-17"


def test_a_picture_is_written_with_its_numbers(few: xr.Dataset, tmp_path: Path) -> None:
    picture, table = save(profiles(few, OF), tmp_path)
    assert picture.name == "profiles-last-year-prevalence-any-illegal.png"
    assert table.read_text(encoding="utf-8").startswith("scenario,title,year,")
