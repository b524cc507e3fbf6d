"""The printed table: observed figures with their year, and a warning of rough intervals."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console

from experiments.headlines import ENOUGH, headline_table, observed, warning
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
