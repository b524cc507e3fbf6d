"""Plots draw what their CSV holds, and say what is observed, modelled and assumed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle

from calibration.figures import Figure, given_to_model, load_figures
from calibration.series import Group, Series, all_series, names_of, series_of
from experiments.plots import draw_plots
from experiments.plots.outcomes import PAGES, PANELS, PanelRow, outcome_pages
from experiments.plots.overview import overview
from experiments.plots.page import Page, csv_text
from experiments.plots.product import product_page
from experiments.plots.reader import Reader
from experiments.plots.sheet import draw, save
from experiments.plots.style import BANNER, HISTORY, NO_FIGURE, SCENARIO_ONLY, WAITING
from experiments.plots.themes import care, regions, states, unions
from experiments.plots.units import figure_shown, shown
from experiments.plots.words import parameters_of
from experiments.runs.headline_series import load_headlines
from experiments.runs.results import FILE, Layout, Writer, open_results, years_until
from model.catalogue import Catalogue, load_catalogue
from model.reading import read_rows
from scenarios.library import load, load_library

DRAWS = 4
OUTCOMES = ("markets", "harms", "money")
MAIN = ("overview", "states", "regions", "care", "unions", *OUTCOMES)
SIZE = {"proportion": 0.3, "persons": 3e4, "persons per year": 2e3, "years": 15.0}
MONEY = 5e8  # any unit of euros per year
OTHER = 50.0  # any other unit

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Run:
    """A results folder with made-up numbers, and what its plots are drawn from."""

    dataset: xr.Dataset
    catalogue: Catalogue
    figures: list[Figure]

    def reader(self) -> Reader:
        return Reader(self.dataset, self.catalogue, self.figures)


def size_of(unit: str) -> float:
    """The order of magnitude of made-up numbers in a unit."""
    money = unit.startswith("EUR") and unit.endswith("per year")
    return SIZE.get(unit, MONEY if money else OTHER)


def write_run(folder: Path, scenarios: int) -> Run:
    """Numbers of the right order of magnitude at random; the format is that of a real run."""
    catalogue = load_catalogue()
    figures = load_figures(
        products=names_of(catalogue), sources={row.id for row in catalogue.sources}
    )
    headlines = [series for _, series in load_headlines(catalogue)]
    series = all_series(catalogue, figures, headlines)
    reference = load((), load_library(catalogue))[0]
    others = [replace(reference, id=f"other-{i}", title=f"Other {i}") for i in range(1, scenarios)]
    layout = Layout((reference, *others), DRAWS, years_until(2030), catalogue, series)
    units = {row.id: row.unit for row in catalogue.indicators}
    generator = np.random.default_rng(7)
    with Writer(folder / FILE, layout, {}) as writer:
        for scenario in range(scenarios):
            parts = {}
            for name, dims in layout.variables().items():
                shape = tuple(layout.sizes[dim] for dim in dims[1:])
                if name == "survey":
                    size = np.array([size_of(s.unit) for s in series])[:, None]
                elif name in units:
                    size = np.array(size_of(units[name]))
                else:
                    continue
                parts[name] = (size * generator.uniform(0.1, 2.0, shape)).astype(np.float32)
            writer.write(scenario, 0, parts)
    return Run(open_results(folder), catalogue, figures)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    made = write_run(tmp_path_factory.mktemp("one"), 1)
    yield made
    made.dataset.close()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    made = write_run(tmp_path_factory.mktemp("three"), 3)
    yield made
    made.dataset.close()


def pages(run: Run) -> list[Page]:
    reader = run.reader()
    found = [page(reader) for page in (overview, states, regions, care, unions)]
    found += outcome_pages(reader)
    return found + [product_page(reader, row.id) for row in run.catalogue.products]


@pytest.fixture(scope="module")
def all_pages(run: Run) -> list[Page]:
    return pages(run)


@pytest.fixture(scope="module")
def drawn(all_pages: list[Page]) -> list[tuple[Page, Drawing]]:
    return [(page, draw(page)) for page in all_pages]


def rows_of(page: Page) -> Rows:
    return list(csv.DictReader(io.StringIO(csv_text(page))))


def words(place: Axes | Drawing) -> str:
    """The words written on a panel, or those of a page around its panels."""
    texts = list(place.texts)
    if isinstance(place, Drawing):
        texts += [text for legend in place.legends for text in legend.get_texts()]
    return "\n".join(text.get_text() for text in texts)


def test_nothing_is_drawn_when_nothing_is_asked_for(run: Run, tmp_path: Path) -> None:
    assert draw_plots(run.dataset, tmp_path / "plots", "none", run.catalogue, run.figures) == []
    assert not (tmp_path / "plots").exists()


def test_each_plot_has_its_csv_and_equal_runs_give_equal_bytes(
    run: Run, all_pages: list[Page], tmp_path: Path
) -> None:
    written = draw_plots(run.dataset, tmp_path, "main", run.catalogue, run.figures)
    assert [path.name for path in written] == [
        f"{name}.{ending}" for name in MAIN for ending in ("png", "csv")
    ]
    for page, path in zip(all_pages, written[1::2], strict=False):
        assert path.read_bytes() == csv_text(page).encode()
        assert b"\r" not in path.read_bytes()
        assert len(csv_text(page).splitlines()) == 1 + len(rows_of(page))
    before = [path.read_bytes() for path in written[:2]]
    assert [path.read_bytes() for path in save(all_pages[0], tmp_path)] == before


def test_there_is_a_page_for_each_product(all_pages: list[Page], run: Run) -> None:
    names = [page.name for page in all_pages]
    assert names == [*MAIN, *(f"product-{row.id}" for row in run.catalogue.products)]


def test_lines_and_dots_are_those_of_the_csv(drawn: list[tuple[Page, Drawing]]) -> None:
    for page, figure in drawn:
        rows = rows_of(page)
        assert len(figure.axes) == len(page.panels)
        for number, axes in enumerate(figure.axes, start=1):
            mine = [row for row in rows if row["panel"] == str(number)]
            lines = {line.get_gid(): line for line in axes.get_lines() if line.get_gid()}
            told: dict[str, list[tuple[float, float]]] = {}
            for row in mine:
                model = row["what"] == "model"
                key = f"{row['scenario']}|{row['series']}" if model else row["figure"]
                ends = ("value",) if row["value"] else ("low", "high")
                points = [(float(row["year"]), float(row[end])) for end in ends]
                told.setdefault(key, []).extend(points)
            assert told.keys() == lines.keys(), f"{page.name} {number}"
            for key, points in told.items():
                seen = np.asarray(lines[key].get_xydata())
                np.testing.assert_allclose(seen, points, rtol=1e-6, err_msg=f"{page.name} {key}")


def test_bands_are_those_of_the_csv(all_pages: list[Page], run: Run) -> None:
    page = all_pages[0]
    figure = draw(page)
    at = [panel.title for panel in page.panels].index("Cannabis")
    rows = [row for row in rows_of(page) if row["panel"] == str(at + 1) and row["low95"]]
    drawn_bands = figure.axes[at].collections
    for band, collection in zip(("95", "80", "50"), drawn_bands, strict=True):
        box = collection.get_paths()[0].get_extents()
        assert box.y0 == pytest.approx(min(float(row[f"low{band}"]) for row in rows))
        assert box.y1 == pytest.approx(max(float(row[f"high{band}"]) for row in rows))
    series = "cannabis/last_year_prevalence/all/15-64/Belgium/proportion"
    values = 100 * run.dataset["survey"].sel(series=series).values[0].astype(float)
    year_2020 = next(row for row in rows if row["year"] == "2020")
    np.testing.assert_allclose(float(year_2020["value"]), np.median(values[:, 10]), rtol=1e-6)
    high = float(year_2020["high95"])
    np.testing.assert_allclose(high, np.quantile(values[:, 10], 0.975), rtol=1e-6)


def test_dots_equal_the_figures(all_pages: list[Page], run: Run) -> None:
    figures = {figure.id: figure for figure in run.figures}
    shown: set[str] = set()
    for page in all_pages:
        for row in rows_of(page):
            if row["what"] != "observed":
                continue
            figure = figures[row["figure"]]
            series = series_of(figure, run.catalogue)
            assert series is not None
            wanted = figure_shown(figure, series)
            for end, number in zip(("value", "low", "high"), wanted, strict=True):
                told = float(row[end]) if row[end] else None
                assert told == (None if number is None else pytest.approx(number))
            assert (row["role"], row["source"]) == (figure.role, figure.source)
            assert row["given"] == (given_to_model(figure, figures) or "")
            shown.add(figure.id)
    products = {row.id for row in run.catalogue.products}
    wanted_dots = {
        figure.id
        for figure in run.figures
        if figure.product in products
        and (figure.year or 0) >= 2010
        and series_of(figure, run.catalogue) is not None
        and (figure.value is not None or None not in (figure.low, figure.high))
    }
    assert wanted_dots <= shown


def test_fitted_dots_are_filled_and_checked_ones_hollow(all_pages: list[Page]) -> None:
    page = all_pages[0]
    figure = draw(page)
    seen = set()
    for panel, axes in zip(page.panels, figure.axes, strict=True):
        for dot in panel.dots:
            line = next(line for line in axes.get_lines() if line.get_gid() == dot.figure)
            if dot.value is None:
                continue
            face = "black" if dot.role == "fitted" else "white"
            assert to_rgba(line.get_markerfacecolor()) == to_rgba(face)
            assert axes.get_ylim()[0] <= dot.value <= axes.get_ylim()[1]
            seen.add(dot.role)
    assert seen == {"fitted", "checked"}


def test_every_page_says_that_the_draws_are_priors(drawn: list[tuple[Page, Drawing]]) -> None:
    for page, figure in drawn:
        said = words(figure)
        assert said.count(BANNER["prior"].upper()) == 1, page.name
        dots = any(panel.dots for panel in page.panels)
        assert ("Observed: the dots" in said) == dots, page.name
        assert "have no evidence" in said.replace("\n", " ")


def test_pages_of_a_posterior_say_so(all_pages: list[Page]) -> None:
    page = replace(all_pages[0], drawn="posterior")
    said = words(draw(page))
    assert BANNER["posterior"].upper() in said
    assert BANNER["prior"].upper() not in said
    sources = {row["source"] for row in rows_of(page) if row["what"] == "model"}
    assert sources == {"model, posterior draws"}


def test_a_product_that_the_posterior_lacks_says_so(run: Run) -> None:
    told = run.dataset.assign_attrs(draws="posterior", calibrated="cannabis")
    reader = replace(run, dataset=told).reader()
    tags = [reader.tags(product, 1) for product in ("cannabis", "cocaine", "ketamine")]
    assert tags == [(), (WAITING,), (SCENARIO_ONLY,)]


def test_scenario_only_panels_are_marked(drawn: list[tuple[Page, Drawing]], run: Run) -> None:
    marked = {row.name for row in run.catalogue.products if row.mode == "scenario-only"}
    for page, figure in drawn:
        for panel, axes in zip(page.panels, figure.axes, strict=True):
            only = panel.mode == "scenario-only"
            hatched = any(
                isinstance(patch, Rectangle) and patch.get_hatch() for patch in axes.patches
            )
            assert (SCENARIO_ONLY in words(axes)) == only == hatched
    assert {p.title for p in drawn[0][0].panels if p.mode == "scenario-only"} == marked


def test_panels_without_dots_say_so(all_pages: list[Page]) -> None:
    for page in all_pages:
        for panel in page.panels:
            silent = page.name == "states"  # one note says it for the whole page
            told = any("figure" in tag and tag != SCENARIO_ONLY for tag in panel.tags)
            assert silent or told == (not panel.dots), f"{page.name}: {panel.title}"
    assert any(NO_FIGURE in panel.tags for panel in all_pages[0].panels)


def test_history_is_told_from_projection(drawn: list[tuple[Page, Drawing]]) -> None:
    for _, figure in drawn:
        for axes in figure.axes:
            assert all(word in words(axes) for word in HISTORY)
            marks = [np.asarray(line.get_xydata())[:, 0] for line in axes.get_lines()]
            assert any(mark.tolist() == [2023.5, 2023.5] for mark in marks)


def test_shares_stay_between_0_and_100_percent(drawn: list[tuple[Page, Drawing]]) -> None:
    for page, figure in drawn:
        for row in rows_of(page):
            numbers = [float(row[key]) for key in row if row[key] and key.startswith("low")]
            numbers += [float(row["value"])] if row["value"] else []
            assert min(numbers) >= 0
            if row["unit"] == "percent" and row["value"]:
                assert float(row["value"]) <= 100
        for panel, axes in zip(page.panels, figure.axes, strict=True):
            if panel.unit == "percent":
                assert axes.get_ylim()[0] == 0
                assert axes.get_ylim()[1] <= 100
                assert axes.get_yticks().max() <= 100


def test_a_band_that_is_cut_is_told(drawn: list[tuple[Page, Drawing]]) -> None:
    cut = 0
    for page, figure in drawn:
        rows = rows_of(page)
        for number, axes in enumerate(figure.axes, start=1):
            told = {row["cut"] for row in rows if row["panel"] == str(number)}
            assert ("band cut" in words(axes)) == ("yes" in told)
            cut += "yes" in told
    assert cut


def test_titles_do_not_run_into_each_other(drawn: list[tuple[Page, Drawing]]) -> None:
    for page, figure in drawn:
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for axes, beside in zip(figure.axes, figure.axes[1:], strict=False):
            same_row = axes.get_position().y0 == beside.get_position().y0
            edge = beside.get_window_extent(renderer).x0 if same_row else figure.bbox.x1 + 20
            for text in axes.texts:
                right = text.get_window_extent(renderer).x1
                assert right < edge, f"{page.name}: {text.get_text()}"
        for legend in figure.legends:
            assert legend.get_window_extent(renderer).x1 <= figure.bbox.x1, page.name
        for note in figure.texts:
            assert note.get_window_extent(renderer).x1 <= figure.bbox.x1, note.get_text()


def test_product_pages_name_the_sources_of_their_dots(all_pages: list[Page], run: Run) -> None:
    for page in all_pages[len(MAIN) :]:
        said = "\n".join(page.notes)
        for source in {dot.source for panel in page.panels for dot in panel.dots}:
            assert f"{source} (" in said, page.name
        row = run.catalogue.product(page.name.removeprefix("product-"))
        rows = parameters_of(run.catalogue, row)
        assumed = sum(parameter.source == "assumed" for parameter in rows)
        assert f"{assumed} of {len(rows)} (" in " ".join(page.notes)


def test_the_most_specific_parameter_rows_count(run: Run) -> None:
    cannabis = run.catalogue.product("cannabis")
    rows = parameters_of(run.catalogue, cannabis)
    owners: dict[str, set[str]] = {}
    for row in rows:
        if row.product != cannabis.service:
            owners.setdefault(row.parameter, set()).add(row.product)
    assert rows
    assert all(len(found) == 1 for found in owners.values())


def test_the_reference_is_dashed_and_the_scenario_a_fan(compared: Run) -> None:
    page = overview(compared.reader())
    figure = draw(page)
    panel, axes = page.panels[3], figure.axes[3]
    assert [line.scenario for line in panel.lines] == ["other-1", "other-2", "current-policy"]
    assert [bool(line.bands) for line in panel.lines] == [True, False, False]
    drawn_lines = {line.get_gid(): line for line in axes.get_lines() if line.get_gid()}
    looks = {
        (drawn_lines[f"{name}|"].get_color(), drawn_lines[f"{name}|"].get_linestyle())
        for name in ("other-1", "other-2", "current-policy")
    }
    assert len(looks) == 3
    assert drawn_lines["current-policy|"].get_linestyle() == "--"
    assert "(reference)" in words(figure)
    assert all(row["scenario"] for row in rows_of(page) if row["what"] == "model")


def test_pages_of_several_lines_say_which_scenario_they_show(compared: Run) -> None:
    reader = compared.reader()
    for page in (states(reader), regions(reader), care(reader)):
        assert any("Other 1" in note and "(reference)" in note for note in page.notes)


def test_a_run_that_ends_early_has_no_mark_and_whole_years(run: Run) -> None:
    early = Run(run.dataset.isel(time=slice(0, 3)), run.catalogue, run.figures)
    figure = draw(overview(early.reader()))
    assert not any(word in words(axes) for axes in figure.axes for word in HISTORY)
    low, high = figure.axes[0].get_xlim()
    ticks = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
    assert ticks == [2010, 2011, 2012]


def test_words_of_a_share_near_100_percent_stand_below_it(run: Run) -> None:
    panel = overview(run.reader()).panels[0]
    line = replace(panel.lines[0], median=np.full(len(panel.lines[0].years), 97.0), bands={})
    high = replace(panel, unit="percent", lines=(line,), dots=(), tags=(NO_FIGURE,))
    page = replace(overview(run.reader()), panels=(high,))
    axes = draw(page).axes[0]
    assert axes.get_ylim() == (0, 100)
    (tag,) = [text for text in axes.texts if text.get_text() == NO_FIGURE]
    assert tag.get_position()[1] < 0.5


def test_a_short_projection_has_a_line_but_no_word_that_is_cut(run: Run) -> None:
    for years, written in ((16, False), (21, True)):
        part = Run(run.dataset.isel(time=slice(0, years)), run.catalogue, run.figures)
        figure = draw(overview(part.reader()))
        assert "upright line is 1 January 2024" in words(figure)
        for axes in figure.axes:
            assert HISTORY[0] in words(axes)
            assert (HISTORY[1] in words(axes)) == written


def test_each_wait_is_drawn_once_and_its_assumption_told(all_pages: list[Page]) -> None:
    page = all_pages[MAIN.index("care")]
    waits = [panel.subtitle.split("\n")[0] for panel in page.panels if panel.unit == "months"]
    assert waits
    assert len(waits) == len(set(waits))
    assert any("Places in care stay as they were in January 2010" in note for note in page.notes)


def test_the_log_scale_has_a_tick_for_each_decade(drawn: list[tuple[Page, Drawing]]) -> None:
    _, figure = drawn[MAIN.index("states")]
    for axes in figure.axes:
        ticks = axes.get_yticks()
        assert ticks[0] == 1
        np.testing.assert_allclose(ticks[1:] / ticks[:-1], 10)
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels[:4] == ["1", "10", "100", "1k"]


def test_outcome_panels_name_known_things_in_table_order(all_pages: list[Page], run: Run) -> None:
    rows = read_rows(PANELS, PanelRow)
    assert {row.page for row in rows} == set(PAGES) == set(OUTCOMES)
    for page in all_pages:
        if page.name in OUTCOMES:
            titles = [row.title for row in rows if row.page == page.name]
            assert [panel.title for panel in page.panels] == titles
            assert all(panel.lines[0].bands.keys() == {"95", "80", "50"} for panel in page.panels)
            legend = {key.kind for key in page.legend} & {"fitted", "checked", "put-in"}
            assert legend == {dot.kind for panel in page.panels for dot in panel.dots}


def test_figures_put_in_have_a_mark_of_their_own(drawn: list[tuple[Page, Drawing]]) -> None:
    marks: dict[str, set[object]] = {}
    for page, figure in drawn:
        if page.name not in OUTCOMES:
            continue
        for panel, axes in zip(page.panels, figure.axes, strict=True):
            lines = {line.get_gid(): line for line in axes.get_lines()}
            for dot in panel.dots:
                if dot.value is not None:
                    marks.setdefault(dot.kind, set()).add(lines[dot.figure].get_marker())
    assert {"put-in", "checked"} <= marks.keys()
    assert marks == {kind: {"x" if kind == "put-in" else "o"} for kind in marks}


def test_a_count_of_several_years_stands_as_its_yearly_mean(run: Run) -> None:
    figure = next(figure for figure in run.figures if figure.id == "labs_1722")
    series = series_of(figure, run.catalogue)
    assert series is not None
    assert figure_shown(figure, series) == (20.0, None, None)
    page = next(page for page in outcome_pages(run.reader()) if page.name == "markets")
    dot = next(dot for panel in page.panels for dot in panel.dots if dot.figure == "labs_1722")
    assert (dot.year, dot.value, dot.years) == (2019.5, 20.0, 6)
    assert any("as its yearly mean" in note for note in page.notes)
    # A price of several years is no sum.
    price = next(f for f in run.figures if f.id == "price_amphetamine_2018_mem")
    group = Group("all", None, None, "Belgium")
    told = figure_shown(price, Series("amphetamine", "retail_price", group, "EUR of 2018 per gram"))
    assert told == (price.value, price.low, price.high)


def test_euros_of_a_year_are_shown_in_millions(drawn: list[tuple[Page, Drawing]]) -> None:
    assert shown("EUR of 2015 per year") == ("million EUR of 2015 per year", 1e-6)
    assert shown("EUR of 2018 per gram") == ("EUR of 2018 per gram", 1.0)
    page, figure = drawn[MAIN.index("money")]
    for panel, axes in zip(page.panels, figure.axes, strict=True):
        assert panel.unit.startswith("million EUR of ")
        assert not any("k" in tick.get_text() for tick in axes.get_yticklabels())


def test_bounds_without_a_value_are_a_bar(all_pages: list[Page]) -> None:
    page = all_pages[MAIN.index("harms")]
    row = next(row for row in rows_of(page) if row["figure"] == "pwid_n_2019")
    assert (row["value"], row["low"], row["high"]) == ("", "4563", "9126")
    assert any("A bar without a dot" in note for note in page.notes)


def test_outcome_pages_tell_what_is_put_in_and_assumed(all_pages: list[Page]) -> None:
    for name, said in (
        ("markets", "follow a history put in"),
        ("harms", "not to be compared"),
        ("money", "Anchored: the size of public expenditure in 2015"),
    ):
        notes = " ".join(all_pages[MAIN.index(name)].notes)
        assert said in notes
        assert "ssumed" in notes
