"""The analysts' plots draw what their rows say, in four languages, inside the sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.plots.analysis import (
    boxes,
    convergence,
    dots,
    draw_discovery,
    draw_robustness,
    draw_sensitivity,
    fan,
    held,
    index_bars,
    index_years,
    learnt,
    morris,
    pairs,
    parallel,
    pareto,
    pathways,
    regret,
    tornado,
    tree,
)
from experiments.plots.analysis.frame import inches, save, wrapped
from experiments.plots.analysis.outputs import About, Of, factor_in_words
from experiments.plots.analysis.wording import LOCALES, Words, sentences, words_of
from experiments.robustness.cases import Miss
from experiments.robustness.discovery import Sought, discover
from experiments.robustness.futures import Futures, Outcome
from model.errors import InputError
from scenarios.texts import LANGUAGES
from tests.experiments.plots_analysis import fake_results, fake_tables
from tests.experiments.robustness.sampled_store import flat, trend

OF = Of("treatment", "cocaine", 2030)
ABOUT = About(OF, unit="persons", attributes={"title": "What drives 2030", "runs": 2000})
Pair = tuple[Figure, pd.DataFrame]
Plot = Callable[[str], Pair]


@cache
def results(method: str) -> Any:
    return fake_results.sensitivity(method)


def of_results(module: Any, method: str) -> Plot:
    return lambda language: (
        module.figure(results(method), OF, language),
        module.rows(results(method), OF, language),
    )


@cache
def taught(language: str) -> pd.DataFrame:
    from calibration.posterior import load
    from model.catalogue import load_catalogue

    return learnt.rows(load(), load_catalogue(), language)


@cache
def chains(language: str) -> pd.DataFrame:
    from calibration.posterior import load

    return learnt.chain_rows(load(), language)


T = fake_tables
PLOTS: dict[str, Plot] = {
    **{
        f"bars-{m}": of_results(index_bars, m)
        for m in ("sobol", "fast", "rbd-fast", "pawn", "delta", "hdmr")
    },
    "tornado": of_results(tornado, "fractional-factorial"),
    "years": of_results(index_years, "sobol"),
    "pairs": of_results(pairs, "sobol"),
    "morris": of_results(morris, "morris"),
    "convergence": of_results(convergence, "sobol"),
    "fan": lambda la: (
        fan.figure(T.runs(), ABOUT, la, T.DOTS),
        fan.rows(T.runs(), ABOUT, la, T.DOTS),
    ),
    "parallel": lambda la: (
        parallel.figure(T.means(), T.BETTER, ABOUT, (), la, T.ends()),
        parallel.rows(T.means(), T.BETTER, (), la, T.ends()),
    ),
    "trade-off": lambda la: (
        boxes.trade_off(T.trajectory(), ABOUT, la, 17),
        boxes.trade_off_rows(T.trajectory(), 17),
    ),
    "box": lambda la: (
        boxes.box_figure(T.BOX, T.FACTORS, ABOUT, la),
        boxes.box_rows(T.BOX, T.FACTORS, la),
    ),
    "tree": lambda la: (
        tree.figure(T.leaves(), T.FACTORS, ABOUT, la),
        tree.rows(T.leaves(), T.FACTORS, la),
    ),
    "regret": lambda la: (
        regret.figure(T.regret(), About(OF, unit="%"), la),
        regret.rows(T.regret(), "%", la),
    ),
    "robustness": lambda la: (
        regret.table_figure(T.means(), T.BETTER, ABOUT, la, T.ends(), ["strategy-sd2"]),
        regret.table_rows(T.means(), T.BETTER, la, T.ends(), ["strategy-sd2"]),
    ),
    "profiles": lambda la: (
        dots.figure(T.outcomes(), "current-policy", ABOUT, la),
        dots.rows(T.outcomes(), "current-policy", la),
    ),
    "learnt": lambda la: (learnt.figure(taught(la), About(), la), taught(la)),
    "chains": lambda la: (learnt.chain_figure(chains(la), About(), la), chains(la)),
    "held": lambda la: (held.figure(T.held(), About(), la), held.rows(T.held(), la)),
    "pareto": lambda la: (
        pareto.figure(T.means(), T.OUTCOMES[:2], T.BETTER, ABOUT, (), la),
        pareto.rows(T.means(), T.OUTCOMES[:2], (), la),
    ),
    "pathways": lambda la: (
        pathways.figure(*T.tipping(), (2024, 2030), ABOUT, la),
        pathways.rows(*T.tipping(), la),
    ),
}


@cache
def plot(name: str, language: str) -> Pair:
    return PLOTS[name](language)


def texts(figure: Figure) -> list[Text]:
    return [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]


def said(figure: Figure) -> str:
    return " ".join(one.get_text().replace("\n", " ") for one in texts(figure))


def by_gid(figure: Figure, gid: str) -> list[Any]:
    return list(figure.findobj(lambda one: one.get_gid() == gid))


@pytest.mark.parametrize(
    ("name", "language"), [(one, "fr" if n % 3 == 2 else "de") for n, one in enumerate(PLOTS)]
)
def test_every_text_is_inside_the_sheet_and_large_enough(name: str, language: str) -> None:
    figure, rows = plot(name, language)
    assert len(rows)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    box = figure.bbox
    for one in texts(figure):
        extent = one.get_window_extent(renderer)
        outside = (
            extent.x0 < box.x0 - 1
            or extent.x1 > box.x1 + 1
            or extent.y0 < box.y0 - 1
            or extent.y1 > box.y1 + 1
        )
        # Ticks beyond the limits of an axis have texts that are not drawn.
        if outside and one.get_clip_box() is None and not _hidden_tick(figure, one):
            raise AssertionError(f"{one.get_text()!r} at {extent.extents} outside {box.extents}")
        assert float(one.get_fontsize()) >= 6.5


@pytest.mark.parametrize("name", ["robustness", "chains", "box", "bars-sobol"])
def test_no_text_lies_over_another(name: str) -> None:
    figure, _ = plot(name, "de")
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    shown = [one for one in texts(figure) if not _hidden_tick(figure, one)]
    boxes_of = [one.get_window_extent(renderer).padded(-1.5) for one in shown]
    over = [
        (shown[i].get_text(), shown[j].get_text())
        for i in range(len(shown))
        for j in range(i)
        if boxes_of[i].overlaps(boxes_of[j])
    ]
    assert not over


def _hidden_tick(figure: Figure, text: Text) -> bool:
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if any(
                text is one for tick in axis.get_major_ticks() for one in (tick.label1, tick.label2)
            ):
                low, high = sorted(axis.get_view_interval())
                at = text.get_position()[0 if axis is axes.xaxis else 1]
                return not axes.axison or not low <= at <= high
    return False


@pytest.mark.parametrize("name", ["bars-sobol", "morris", "regret", "tree", "pathways"])
def test_titles_differ_by_language(name: str) -> None:
    titles = {language: plot(name, language)[0].texts[0].get_text() for language in LANGUAGES}
    assert len(set(titles.values())) == len(LANGUAGES)


def test_title_says_what_is_seen() -> None:
    figure, _ = plot("bars-sobol", "en")
    assert figure.texts[0].get_text() == "What drives people in treatment (cocaine) in 2030"


def test_sentences_are_in_four_languages_with_the_same_braces() -> None:
    for key, told in sentences().items():
        assert tuple(told) == LANGUAGES, key
        assert all(words.strip() for words in told.values()), key
        braces = [sorted(re.findall(r"\{\w*\}", words)) for words in told.values()]
        # The singular may leave a number out; languages agree.
        assert all(one == braces[0] for one in braces), key
    assert set(LOCALES) == set(LANGUAGES)


def test_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="unknown language"):
        words_of("es")


@pytest.mark.parametrize("method", ["sobol", "pawn", "delta"])
def test_bars_are_the_rows_sorted_with_their_intervals(method: str) -> None:
    figure, rows = plot(f"bars-{method}", "en")
    main = rows["index"].iloc[-1]
    part = rows[rows["index"] == main]
    assert len(part) == index_bars.MOST
    assert part["value"].is_monotonic_decreasing
    widths = [bar.get_width() for bar in by_gid(figure, f"bars-{main}")]
    assert widths == pytest.approx(list(part["value"]))
    (lines,) = by_gid(figure, f"intervals-{main}")
    ends = np.array([segment[:, 0] for segment in lines.get_segments()])
    np.testing.assert_allclose(ends, part[["low", "high"]])
    (dummy,) = by_gid(figure, "dummy")
    assert dummy.get_xdata()[0] == pytest.approx(0.008)
    one = results(method).isel(output=6)
    value = one[main].sel(factor=part["factor"].iloc[0])
    assert part["value"].iloc[0] == pytest.approx(float(value))


def test_what_is_not_drawn_is_counted_and_the_verdict_told() -> None:
    told = said(plot("bars-sobol", "en")[0])
    assert "25 other factors do not exceed the dummy" in told  # their intervals reach down to it
    assert "NOT CONVERGED" in told
    assert "43,008 more points" in told
    assert "The order of factors holds and may be read" in told
    assert "NON CONVERGÉ" in said(plot("bars-sobol", "fr")[0])
    converged = index_bars.figure(results("sobol"), Of("treatment", "cocaine", 2027))
    assert "Converged:" in said(converged)
    few = results("sobol").copy(deep=True)
    few["dummy"][:] = 0.0
    few["ST_conf"][:] = 1e-6
    few["rank_stability"][:] = 0.5
    told = said(index_bars.figure(few, OF))
    assert "25 other factors, none above" in told
    assert "25 of them exceed the dummy" in told
    assert "read neither ranks nor sizes" in told


def test_constant_output_and_missing_indices() -> None:
    dataset = results("sobol")
    constant = Of("treatment", "ketamine", 2030)
    assert index_bars.rows(dataset, constant).empty
    assert "same in every run" in said(index_bars.figure(dataset, constant))
    some = dataset.copy(deep=True)
    some["ST"][3, 6] = np.nan
    assert str(dataset["factor"].values[3]) not in set(index_bars.rows(some, OF)["factor"])
    assert "1 factor has no index" in said(index_bars.figure(some, OF))
    no_interval = dataset.drop_vars(["ST_conf", "S1_conf"])
    assert index_bars.rows(no_interval, OF)["low"].isna().all()
    assert "no interval" in said(index_bars.figure(no_interval, OF))
    for module, method in (
        (tornado, "fractional-factorial"),
        (morris, "morris"),
        (convergence, "sobol"),
        (pairs, "sobol"),
        (index_years, "sobol"),
    ):
        empty = results(method).copy(deep=True)
        for name in ("ST", "S1", "S2", "ME", "mu_star", "index_by_size"):
            if name in empty:
                empty[name][:] = np.nan
        assert "Nothing to draw" in said(module.figure(empty, OF))


def test_unknown_output_is_refused_with_near_ones() -> None:
    with pytest.raises(InputError, match="no such output"):
        index_bars.rows(results("sobol"), Of("treatment", "cannabis", 2030))


def test_scenario_only_product_is_named() -> None:
    some = results("sobol").copy(deep=True)
    some = some.assign_coords(product=("output", ["ketamine"] * some.sizes["output"]))
    one = index_bars.figure(some, Of("treatment", "ketamine", 2029))
    assert "for scenarios only" in said(one)


def test_tornado_of_a_sample_finds_the_signs() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (500, 3))
    outcome = 10 + 5 * points[:, 0] - 2 * points[:, 1]
    outcome[:3] = np.nan
    table = tornado.from_sample(points, outcome, ["a", "b", "c"])
    value = table.set_index(["factor", "end"])["value"]
    assert value["a", "high"] == pytest.approx(4, abs=0.4)
    assert value["b", "high"] == pytest.approx(-1.6, abs=0.6)
    drawn = tornado.rows(results("fractional-factorial"), OF, "en", table)
    assert list(dict.fromkeys(drawn["factor"]))[:2] == ["a", "b"]


def test_heat_map_has_a_cell_for_every_row() -> None:
    figure, rows = plot("years", "en")
    cells = [one for one in figure.findobj() if str(one.get_gid()).startswith("cell-")]
    assert len(cells) == len(rows) == 15 * 7
    figure, rows = plot("pairs", "en")
    cells = [one for one in figure.findobj() if str(one.get_gid()).startswith("cell-")]
    assert len(cells) == len(rows) == 45


def test_morris_points_lie_where_the_rows_say_and_numbers_apart() -> None:
    figure, rows = plot("morris", "en")
    named = rows[rows["number"] > 0]
    assert len(named) == 15
    assert len(rows) == 40
    seen = sorted(
        x
        for way in morris.LOOKS
        for line in by_gid(figure, f"points-{way}")
        for x in line.get_xdata()
    )
    assert seen == pytest.approx(sorted(named["mu_star"]))
    rng = np.random.default_rng(2)
    points = rng.uniform(40, 60, (12, 2))
    spots = morris.repelled(points, points + np.array([0.0, 9.0]), 9.5, (0, 0, 200, 200))
    apart = np.hypot(*(spots[:, None] - spots[None]).T) + 99 * np.eye(12)
    assert apart.min() > 6


def test_fan_medians_and_dots() -> None:
    figure, rows = plot("fan", "en")
    model = rows[(rows["what"] == "model") & (rows["scenario"] == "strategy")]
    (line,) = by_gid(figure, "median-1")
    np.testing.assert_allclose(line.get_ydata(), model["median"])
    assert (rows["what"] == "observed").sum() == 4
    assert "1 figure of other years is not drawn" in said(figure)
    gone = T.runs().copy()
    gone[0, :5, 3] = np.nan
    assert "Up to 5 runs without a value" in said(fan.figure(gone, ABOUT))


def test_minimax_row_is_first_and_framed() -> None:
    figure, rows = plot("regret", "en")
    assert len(by_gid(figure, "minimax")) == 1
    assert rows["minimax"].iloc[0]
    assert rows["largest"].is_monotonic_increasing
    assert rows["largest"].iloc[0] == T.regret().max(axis=1).min()


def test_tree_is_rebuilt_from_its_leaves() -> None:
    figure, rows = plot("tree", "en")
    assert list(rows["density"]) == [0.3, 0.04, 0.4, 0.9, 0.6]
    assert [bar.get_width() for bar in by_gid(figure, "leaves")] == pytest.approx(
        list(100 * rows["density"])
    )
    assert "≤\u00a020\u00a0%?" in said(figure)
    assert "Nothing to draw" not in said(
        tree.figure(T.leaves()[:2] + T.leaves()[3:], T.FACTORS, ABOUT)
    )


def test_box_limits_are_shares_of_the_range() -> None:
    figure, rows = plot("box", "en")
    (bar,) = by_gid(figure, "limit-0")
    assert bar.get_x() == pytest.approx((22.5 + 100) / 200)
    assert rows["quasi_p_low"].iloc[0] == 1.2e-9


def test_calibration_coverage_counts() -> None:
    rows = held.rows(T.held())
    tested = rows[rows["testable"]]
    figure = held.figure(T.held(), About())
    (point,) = by_gid(figure, "share-in90")
    assert point.get_ydata()[0] == pytest.approx(tested["in90"].mean())
    known = pd.DataFrame(
        [
            ("cocaine", "f", 2020, np.nan, x, np.nan, -2.0, -1.0, 0.0, 1.0, 2.0, True)
            for x in (0.5, 1.5, 2.5)
        ],
        columns=list(held.GIVEN),
    )
    assert list(held.rows(known)["in50"]) == [True, False, False]
    assert list(held.rows(known)["in90"]) == [True, True, False]


def test_files_hold_the_rows_and_are_the_same_twice(tmp_path: Path) -> None:
    for turn in ("a", "b"):
        figure, rows = plot("bars-sobol", "de")
        written = save(figure, rows, tmp_path / turn / "bars", svg=True)
        assert [path.suffix for path in written] == [".png", ".csv", ".svg"]
    for end in ("png", "csv", "svg"):
        first, second = ((tmp_path / turn / f"bars.{end}").read_bytes() for turn in "ab")
        assert first == second
    table = pd.read_csv(io.StringIO((tmp_path / "a" / "bars.csv").read_text()))
    pd.testing.assert_frame_equal(table, rows, check_dtype=False, rtol=1e-6)


def test_folders_of_plots(tmp_path: Path) -> None:
    written = draw_sensitivity(
        results("rbd-fast"), tmp_path, "nl", [Of("treatment", "cocaine", 2030, scenario="strategy")]
    )
    assert len(written) == 6
    assert all(path.exists() for path in written)
    found = draw_robustness(T.outcomes(), tmp_path, "en", ABOUT)
    assert {path.name for path in found if path.suffix == ".png"} == {
        "regret-en.png",
        "parallel-en.png",
        "profiles-1-en.png",
    }


def test_discovery_is_drawn_from_what_was_found(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    points = random.random((150, 2))
    values = np.where((points[:, :1] >= 0.6) & (random.random((150, 1)) < 0.9), 20.0, 5.0)
    key = ("overdose_deaths", "any_illegal", "Belgium", 2030)
    store = flat([trend(name) for name in "AB"], points, {key: values[None]}, ["strategy"])
    for method, count in (("prim", 4), ("cart", 2)):
        asked = Sought("strategy", Outcome(*key), Miss("above", 12.0), method, halves=2)  # type: ignore[arg-type]
        written = draw_discovery(discover(Futures(store), asked), tmp_path, "de")
        assert len(written) == count
    limits = pd.read_csv(next(tmp_path.glob("box-*.csv")))
    assert limits["low"].iloc[0] == pytest.approx(0.6, abs=0.06)
    assert limits["again"].iloc[0] == 1.0


def test_measures_of_robustness_become_a_table() -> None:
    lines = [
        ("deaths", policy, measure, value, value - 1, value + 1)
        for policy, value in (("strategy", 4.0), ("strategy-sd1", 6.0))
        for measure in ("regret_max", "mean", "share_best")
    ]
    measures = pd.DataFrame(
        lines, columns=["outcome", "policy", "measure", "value", "low90", "high90"]
    )
    table, ways, ends, shares = regret.from_measures(measures, "deaths", "down", "en")
    assert list(table.columns) == [
        "largest regret",
        "share of futures in which none is better",
        "mean",
    ]
    assert ways["mean"] == "down"
    assert ways[shares[0]] == "up"
    rows = regret.table_rows(table, ways, "en", ends, ["strategy"], shares)
    assert list(rows[rows["best"]]["policy"]) == ["strategy", "strategy", "strategy-sd1"]
    assert "⇅ The whole strategy" in said(
        regret.table_figure(table, ways, ABOUT, "en", ends, ["strategy"], shares)
    )


def test_numbers_have_the_marks_of_the_language() -> None:
    assert Words("en").number(12_345.6) == "12,300"
    assert Words("de").number(12_345.6) == "12.300"
    assert Words("nl").number(0.12345) == "0,123"
    assert Words("fr").share(0.5).replace("\u202f", " ").replace("\xa0", " ") == "50 %"
    assert Words("en").number(float("nan")) == "–"
    assert Words("en").number(-2.5) == "−2.5"
    assert Words("en").number(0.00012) == "1.2×10⁻⁴"


def test_wrapped_words_fit_and_nothing_is_lost() -> None:
    words = "Donaudampfschifffahrtsgesellschaftskapitän und Selbstausschluss-Register"
    lines = wrapped(words, 1.0, 7.5)
    assert all(inches(line, 7.5) <= 1.0 for line in lines)
    assert "".join(lines).replace("-", "").replace(" ", "") == words.replace("-", "").replace(
        " ", ""
    )


def test_every_kind_of_factor_has_words() -> None:
    for one, kind, name in fake_results.factors():
        for language in LANGUAGES:
            told = factor_in_words(Words(language), one, kind, name, one)
            assert told
            assert told != one
    assert factor_in_words(Words("de"), "SD2").startswith("SD2 ")
    assert factor_in_words(Words("nl"), "cocaine") == "Cocaïne"
