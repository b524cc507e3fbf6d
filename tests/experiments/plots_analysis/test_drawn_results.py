"""Plots that commands draw of what they found: what is said and what stands in their tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.plots.analysis import boxes, draw_pathways, draw_portfolio, draw_robustness, value
from experiments.plots.analysis.draw import regret_table
from experiments.plots.analysis.held_by import of_report
from experiments.plots.analysis.outputs import About, Of, row_in_words
from experiments.plots.analysis.wording import words_of
from experiments.robustness.pathways_table import Asked, pathways_of
from experiments.robustness.portfolio import Searched, Settings
from experiments.robustness.portfolio_problem import Problem, Wanted
from experiments.robustness.portfolio_report import About as SearchAbout
from experiments.robustness.portfolio_report import report_of
from experiments.robustness.search_state import Generation, State
from model.errors import InputError
from scenarios.texts import LANGUAGES
from tests.experiments.plots_analysis import fake_tables
from tests.experiments.robustness.sampled_store import trend
from tests.experiments.robustness.test_pathways import world_of

OF = Of("treatment", "cocaine", 2030)


def worth(unit: str = "proportion") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["everything", "draw", "all factors", "A", "group SD1"],
            "value": [0.04, 0.01, 0.03, 0.02, 0.0],
            "low90": [0.03, 0.0, 0.02, 0.01, 0.0],
            "high90": [0.05, 0.02, 0.04, 0.03, 0.0],
            "unit": unit,
            "choice_changes": [0.4, 0.1, 0.3, 0.2, 0.0],
            "told_from_chance": [True, False, True, True, False],
        }
    )


def said(figure: Figure) -> str:
    told = [one.get_text() for one in figure.findobj(Text)]
    return " ".join(" ".join(told).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_value_is_drawn_in_every_language(language: str) -> None:
    figure = value.figure(worth(), [trend("A")], "strategy", About(OF), language, ["all factors"])
    told = said(figure)
    words = words_of(language)
    assert words.scenario("strategy") in told
    assert words.say("value.everything") in told
    assert words.say("value.factors") in told
    drawn = {bar.get_gid() for axes in figure.axes for bar in axes.collections}
    assert "intervals" in drawn


def test_value_of_shares_is_in_percentage_points_and_nothing_is_told_from_chance() -> None:
    rows = value.rows(worth(), [trend("A")])
    assert rows["value"].iloc[0] == pytest.approx(4.0)
    assert rows["unit"].iloc[0] == "percentage points"
    # Knowing everything is no estimate of a mean, so chance does not come in; of the draw it does.
    assert list(rows["told_from_chance"]) == [True, False, True, True, False]


def test_a_choice_that_never_changes_says_so() -> None:
    table = worth("persons")
    table[["value", "low90", "high90"]] = 0.0
    assert "best in every sampled future" in said(
        value.figure(table, [trend("A")], "strategy", About(OF))
    )


def found_search(names: int = 3) -> object:
    outcomes = (
        Wanted("Deaths", "persons", "down", of=("overdose_deaths", "any_illegal", "Belgium", 2030)),
        Wanted("Treated", "proportion", "up", "p90"),
        Wanted("Waits", "days", "down", "missed", aim=3.0),
    )[:names]
    problem = Problem(("SD1", "SD2"), np.zeros(2), np.full(2, 100.0), outcomes)
    positions = problem.anchors()
    more = np.array([[50.0, 50.0], [20.0, 0.0]])
    positions = np.concatenate([positions, more])
    levels = positions.sum(axis=1)[:, None, None] * np.array([-1.0, 0.002, -0.1])[:names]
    noise = np.random.default_rng(3).normal(0.0, 0.01, (len(positions), 8, names))
    values, none = 300.0 + levels + noise, np.zeros(0)
    empty = none.astype(np.int64)
    state = State((Generation(positions, values, empty, none, none, none.reshape(0, names)),))
    judged = np.stack(
        [
            state.values[:, :, j].mean(axis=1) * one.sign + (j == 1) * 2 * levels[:, 0, 0]
            for j, one in enumerate(outcomes)
        ],
        axis=1,
    )
    searched = Searched(problem, Settings(1, 4, 1, None), state, judged)
    about = SearchAbout("small", "Small", "", "x", "", np.arange(8), np.zeros(8, dtype=np.int64))
    return report_of(searched, about, None)


@pytest.mark.parametrize(("objectives", "pairs"), [(2, 1), (3, 3)])
def test_a_search_is_drawn_by_pairs(tmp_path: Path, objectives: int, pairs: int) -> None:
    written = draw_portfolio(found_search(objectives), tmp_path, "de")  # type: ignore[arg-type]
    assert len(written) == 2 * pairs
    rows = pd.read_csv(next(path for path in written if path.suffix == ".csv"))
    assert "SD1 100%, SD2 100%" in set(rows["label"])
    assert "kein Hebel bewegt" in set(rows["label"])
    assert rows["in_set"].any()


def test_pathways_are_drawn_with_their_aim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.batch.store.open_store", lambda url: world_of())
    found = pathways_of(Asked("store", "harm", "drug", 115.0, better="down"))
    picture, table = draw_pathways(found, tmp_path, "fr")
    assert picture.name == "pathways-harm-drug-fr.png"
    rows = pd.read_csv(table).set_index("package")
    assert rows.index[0] in ("early", "steady")
    assert set(rows["then"].dropna()) <= {"current-policy", "early", "steady"}


def test_many_outcomes_stand_in_several_pictures(tmp_path: Path) -> None:
    import xarray as xr

    many = xr.concat([fake_tables.outcomes()] * 3, "outcome").isel(outcome=slice(0, 7))
    many = many.assign_coords(outcome=[f"o{i}" for i in range(7)])
    twice = xr.concat([many, many.isel(outcome=[0])], "outcome")
    names = {path.name for path in draw_robustness(twice, tmp_path, "en", About(OF))}
    assert {"regret-1-en.png", "regret-2-en.png", "parallel-2-en.csv"} <= names
    last = pd.read_csv(tmp_path / "parallel-2-en.csv")
    assert set(last["outcome"]) == {"o5", "o6"}  # what stands in two aims is drawn once


def test_a_box_is_drawn_with_what_it_holds_in_points_not_searched() -> None:
    figure = boxes.box_figure(
        fake_tables.BOX, fake_tables.FACTORS, About(OF), unseen=(0.61, 0.52, 0.7)
    )
    told = said(figure)
    assert "In points not searched" in told
    assert "61%" in told
    assert "52%" in told
    none = boxes.box_figure(fake_tables.BOX, fake_tables.FACTORS, About(OF), unseen=(np.nan,) * 3)
    assert "not searched" not in said(none)
    cloud = boxes.trade_off(fake_tables.trajectory(), About(OF))
    assert "intervals" not in {bar.get_gid() for axes in cloud.axes for bar in axes.collections}


def test_regret_in_percent_keeps_futures_in_which_the_best_is_about_zero() -> None:
    """Bests of 0 and 20, mean 10: 5 behind is 50%. Percent of the same future would drop the 0."""
    import xarray as xr

    table = xr.DataArray(
        np.array([[[0.0], [24.0]], [[5.0], [20.0]]]),
        dims=("policy", "future", "outcome"),
        coords={
            "policy": ["a", "b"],
            "outcome": ["deaths"],
            "better": ("outcome", ["down"]),
        },
    )
    assert regret_table(table)["deaths"].tolist() == [40.0, 50.0]
    assert np.isnan(regret_table(0.0 * table)["deaths"]).all()


def test_rows_of_the_scoreboard_in_words() -> None:
    words = words_of("de")
    told = row_in_words(words, "overdose_deaths any_illegal", "Deaths")
    assert told == "Mindestens eine illegale Droge: drogenbedingte Todesfälle"
    assert row_in_words(words, "nonsense nowhere", "As it was") == "As it was"


def test_figures_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text("id,product\nx,alcohol\n", encoding="utf-8")
    with pytest.raises(InputError, match="no figures of a calibration"):
        of_report(path)
