"""Plots of a calibration on made-up rows: what they show, and that no words run into each other."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure as Picture
from matplotlib.text import Text

from calibration.figures import Figure, load_figures
from calibration.series import names_of, series_of
from experiments.plots.coverage import draw_coverage
from experiments.plots.fits import (
    Learnt,
    Predicted,
    figure_pages,
    forecast_pages,
    in_two_digits,
    parameter_in_words,
    parameter_pages,
    save_calibration,
    shares,
)
from experiments.plots.rows import (
    MOST_ROWS,
    Bar,
    Row,
    RowPage,
    draw_rows,
    in_pages,
    rows_csv,
)
from model.catalogue import Catalogue, load_catalogue

STEPS = (0.0, -0.67, 0.67, -1.28, 1.28, -1.96, 1.96)
BAR = Bar("model", 0.0, -0.5, 0.5, -1.0, 1.0)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def made_up(catalogue: Catalogue) -> list[Predicted]:
    """Every fitted figure that the model can print, with a prediction near it or far from it."""
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    rng = np.random.default_rng(1)
    return [
        _near(figure, float(rng.normal()), 0.4)
        for figure in figures
        if figure.role == "fitted" and series_of(figure, catalogue) is not None
    ]


def _near(figure: Figure, off: float, sd: float) -> Predicted:
    known = figure.value is not None
    middle = math.log(figure.value or figure.low or figure.high or 1.0) + off * sd
    points = tuple(middle + sd * step for step in STEPS)
    lower = -math.inf if figure.low is None else math.log(figure.low)
    upper = math.inf if figure.high is None else math.log(figure.high)
    observed = math.log(figure.value) if figure.value else math.nan
    ends = (math.nan, math.nan) if known else (lower, upper)
    naive = (middle + 0.1, sd) if off > 0 else None
    return Predicted(figure, "log", "health survey", observed, *ends, points, known, naive)


def _learnt(number: int, key: str) -> Learnt:
    sd = math.sqrt(1.0 - number / 100.0)
    points = (0.0, -0.67 * sd, 0.67 * sd, -1.96 * sd, 1.96 * sd)
    words = ("−0.0012 (−0.03 to 0.0021)", "−0.0067 (−0.023 to 0.015)")
    return Learnt(key, "cannabis", number / 100.0, points, *words)


def _boxes(picture: Picture) -> list[tuple[str, float, float, float, float]]:
    """Words of a picture with their left, right, bottom and top, dots."""
    picture.canvas.draw()  # a legend has no place before
    renderer = picture.canvas.get_renderer()  # type: ignore[attr-defined]
    found = []
    for text in picture.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(renderer)
            found.append((text.get_text(), box.x0, box.x1, box.y0, box.y1))
    return found


def _overlaps(picture: Picture) -> list[tuple[str, str]]:
    boxes = _boxes(picture)
    return [
        (one[0], other[0])
        for i, one in enumerate(boxes)
        for other in boxes[i + 1 :]
        if one[1] < other[2] - 1
        and other[1] < one[2] - 1
        and one[3] < other[4] - 2
        and other[3] < one[4] - 2
    ]


def _outside(picture: Picture) -> list[str]:
    width = picture.get_figwidth() * picture.dpi
    return [words for words, left, right, _, _ in _boxes(picture) if left < 0 or right > width]


def test_every_figure_stands_on_one_page_of_at_most_the_rows_that_fit(
    made_up: list[Predicted], catalogue: Catalogue
) -> None:
    pages = [one for page in figure_pages(made_up, catalogue) for one in in_pages(page)]
    seen = [row.key for page in pages for row in page.rows]
    assert sorted(seen) == sorted(row.figure.id for row in made_up)
    assert max(len(page.rows) for page in pages) <= MOST_ROWS
    assert min(len(page.rows) for page in pages) >= 13
    assert len({page.name for page in pages}) == len(pages)


def test_no_words_run_into_each_other(made_up: list[Predicted], catalogue: Catalogue) -> None:
    keys = [f"cannabis/initiation_mental_health_ratio[female,{n},24,Flanders,]" for n in range(30)]
    learnt = [_learnt(n, key) for n, key in enumerate(keys)]
    pages = [figure_pages(made_up, catalogue)[0], figure_pages(made_up, catalogue)[-1]]
    pages += forecast_pages(made_up[:30], catalogue)[:1] + parameter_pages(learnt, catalogue)
    for page in pages:
        picture = draw_rows(in_pages(page)[0])
        assert _overlaps(picture) == []
        assert _outside(picture) == []
    picture = draw_coverage(shares(made_up, catalogue))
    assert _overlaps(picture) == []
    assert _outside(picture) == []


def test_a_long_label_is_cut_before_it_leaves_the_page() -> None:
    row = Row("key", "a very long label " * 12, "group", (BAR,), texts=("1", "2"))
    page = RowPage("n", "t", "s", "axis", (row,), (("model", "m"),), columns=("a", "b"))
    assert _outside(draw_rows(page)) == []


def test_what_lies_outside_is_marked_and_counted(
    made_up: list[Predicted], catalogue: Catalogue
) -> None:
    figure = next(row.figure for row in made_up if row.figure.value)
    far, near = _near(figure, 2.5, 0.4), _near(figure, 0.1, 0.4)
    assert (far.inside, near.inside) == ((False,) * 3, (True,) * 3)
    (page,) = figure_pages([far], catalogue)
    assert page.rows[0].outside
    assert "0 (0%) inside 95%" in page.subtitle
    (page,) = figure_pages([replace(far, testable=False)], catalogue)
    assert not page.rows[0].outside
    assert page.rows[0].faint
    assert "1 not testable" in page.subtitle


def test_a_range_is_inside_an_interval_that_it_overlaps(made_up: list[Predicted]) -> None:
    row = replace(made_up[0], observed=math.nan, lower=math.log(2), upper=math.inf)
    low = replace(row, points=tuple(math.log(2) - 2.5 + step for step in STEPS))
    high = replace(row, points=tuple(math.log(2) - 1.5 + step for step in STEPS))
    assert low.inside == (False, False, False)
    assert high.inside == (False, False, True)


def test_parameters_are_sorted_by_contraction_and_the_rest_is_called_assumed(
    catalogue: Catalogue,
) -> None:
    learnt = [_learnt(n, f"cannabis/row{n}[,,,,]") for n in (5, 80, 20, 19, 50)]
    (page,) = parameter_pages(learnt, catalogue)
    assert [row.texts[0] for row in page.rows] == ["0.80", "0.50", "0.20", "0.19", "0.05"]
    assert [row.note for row in page.rows] == ["", "", "", "assumed", "assumed"]
    assert page.subtitle.startswith("3 of 5 learnt")


def test_the_table_beside_a_picture_has_the_numbers_drawn() -> None:
    rows = [
        Row("one", "a", "g", (BAR, replace(BAR, kind="other", median=0.25)), observed=0.125),
        Row("two", "b", "g", (BAR,), ends=(-math.inf, 1.0), note="not testable"),
    ]
    found = list(csv.DictReader(io.StringIO(rows_csv(rows))))
    assert [row["key"] for row in found] == ["one", "one", "two"]
    assert [row["median"] for row in found] == ["0", "0.25", "0"]
    assert [row["observed"] for row in found] == ["0.125", "0.125", ""]
    assert (found[2]["lower"], found[2]["upper"], found[2]["note"]) == ("-inf", "1", "not testable")


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (0.01234, "", "0.012"),
        (45.6, "", "46"),
        (1234.0, "", "1,234"),
        (12_345.0, "", "12k"),
        (857_721.0, "", "858k"),
        (2_285_386.0, "", "2.3M"),
        (-0.5, "", "−0.5"),
        (2013.7, "calendar year", "2014"),
        (math.nan, "", "–"),
    ],
)
def test_numbers_are_short(number: float, unit: str, words: str) -> None:
    assert in_two_digits(number, unit) == words


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cannabis/ever_start[female,15,24,Flanders,]", "Ever start, women, 15–24, Flanders"),
        ("cannabis/innovation[2016]", "Shock of the trend towards 2016"),
        ("cannabis/restart[,65,,,most_deprived]", "Restart, 65+, most deprived"),
        ("cocaine/restart[,,,,]", "Cocaine: restart"),
        ("history:policy/2019-11", "History:policy: 2019-11"),
    ],
)
def test_quantities_are_named_in_words(key: str, words: str, catalogue: Catalogue) -> None:
    assert parameter_in_words(key, "cannabis", catalogue) == words


def test_nothing_is_drawn_of_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    assert save_calibration([], [], [], catalogue, tmp_path / "plots") == []


def test_equal_rows_give_equal_files(
    made_up: list[Predicted], catalogue: Catalogue, tmp_path: Path
) -> None:
    few = [row for row in made_up if row.figure.product == "e_cigarettes"]
    first = save_calibration(few, [], few, catalogue, tmp_path / "one")
    second = save_calibration(few, [], few, catalogue, tmp_path / "two")
    assert [path.name for path in first] == [path.name for path in second]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
