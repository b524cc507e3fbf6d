"""The printed tables: observed figures with their year, outcomes, a warning of rough intervals."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console

from experiments.runs.headlines import (
    ENOUGH,
    OUTCOMES,
    OutcomeRow,
    headline_table,
    load_outcomes,
    observed,
    warning,
)
from model.reading import read_rows
from tests.experiments.conftest import Done


def test_few_draws_are_warned_of() -> None:
    assert warning(1) == "Only 1 draw: intervals are rough"
    assert warning(ENOUGH - 1) == f"Only {ENOUGH - 1} draws: intervals are rough"
    assert warning(ENOUGH) is None


def test_a_figure_of_another_year_says_which(done: Done) -> None:
    study = done.study
    survey = done.dataset["survey"].values[0]
    seen = observed(study.figures, study.layout.catalogue)
    table = headline_table(survey, "a", study.layout, study.headlines, seen)
    console = Console(file=StringIO(), width=200)
    with console.capture() as capture:
        console.print(table)
    text = capture.get()
    assert re.search(r"[●○] [0-9.,]+ \(20[0-9]{2}\)", text)
    assert not re.search(r"[●○] [0-9.,]+ in ", text)


def outcomes(done: Done, width: int) -> str:
    """The second table as it is printed."""
    study = done.study
    survey = done.dataset["survey"].values[0]
    seen = observed(study.figures, study.layout.catalogue)
    tables = headline_table(survey, "a", study.layout, study.headlines, seen)
    console = Console(file=StringIO(), width=width)
    with console.capture() as capture:
        console.print(tables)
    return capture.get().partition("Outcomes of the nation")[2]


def test_every_outcome_is_in_the_results(done: Done) -> None:
    survey = done.dataset["survey"].values[0]
    found = [row for row, _ in load_outcomes(survey, done.study.layout)]
    assert found == read_rows(OUTCOMES, OutcomeRow)


def test_outcomes_are_medians_of_the_results_in_their_unit(done: Done) -> None:
    layout = done.study.layout
    survey = done.dataset["survey"].values[0]
    text = " ".join(outcomes(done, 200).split())
    for row, draws in load_outcomes(survey, layout):
        values = survey[:, layout.series.index(row.series)].astype(float)
        if row.over is not None:
            below = [s for s in layout.series if s.id.startswith(f"{row.product}/{row.over}/all/")]
            assert len(below) == 1
            values = values / survey[:, layout.series.index(below[0])]
        np.testing.assert_allclose(draws, values, rtol=1e-5)
        first = np.median(values[:, 0]) * row.scale
        assert any(f"{first:,.{decimals}f} (" in text for decimals in (0, 1)), row.name


def test_outcomes_fit_a_narrow_screen_without_a_broken_number(done: Done) -> None:
    for width in (80, 100):
        lines = outcomes(done, width).splitlines()
        assert max(map(len, lines)) <= width
        # A number that does not fit is folded: the next line begins with what is left of it.
        assert not any(re.search(r"(^|\s{2})[0-9.,]*\)", line) for line in lines)


def test_anchored_figures_have_their_own_mark(done: Done) -> None:
    text = " ".join(outcomes(done, 200).split())
    assert "× 4,600 (2012)" in text
    assert "put into the model: tests nothing" in text
    assert re.search(r"○ 4\.6–9\.1 \(2019\)", text)


def test_an_outcome_without_its_series_is_left_out(done: Done) -> None:
    layout = done.study.layout
    kept = [i for i, series in enumerate(layout.series) if series.indicator != "purity"]
    fewer = replace(layout, series=tuple(layout.series[i] for i in kept))
    survey = done.dataset["survey"].values[0][:, kept]
    names = [row.name for row, _ in load_outcomes(survey, fewer)]
    assert names == [row.name for row in read_rows(OUTCOMES, OutcomeRow) if row.over is None]
