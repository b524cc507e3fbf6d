"""The page with results in short: current policy, and every shipped scenario beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.comparisons.compare import (
    KEY,
    WHOLE,
    Asked,
    Compared,
    Scenarios,
    open_scenarios,
)
from experiments.comparisons.compare import compare as compare_scenarios
from experiments.comparisons.compare_table import notes, percent_cell, scale_of
from experiments.plots.reader import WAIT
from experiments.reproduce.headlines_picture import draw_headlines
from experiments.reproduce.model_tables import code
from experiments.reproduce.pages import PLOTS, Block, Cells, put_page, put_rows, with_range
from experiments.run import run
from experiments.runs.study import Options
from experiments.runs.terminal import cores

YEARS = (2023, 2030)
MORE = (
    ("daily_use", "tobacco"),
    ("alcohol_per_capita", "alcohol"),
    ("overdose_deaths", "any_illegal"),
    ("mean_wait", "alcohol"),
    ("mean_wait", "opioids"),
)
"""Told of current policy beside the outcomes by which scenarios are compared."""


def write(folder: Path, draws: int) -> None:
    """Run all scenarios, write the page, its tables and its picture. Raises InputError."""
    results = folder.with_name(f"{folder.name}-run")
    run(Options(("all",), draws=draws, plots="none", out=results, threads=cores()))
    tell(folder, results)
    draw_headlines(folder / PLOTS, folder.with_name(f"{folder.name}-picture"), draws)


def tell(folder: Path, results: Path) -> None:
    """Write the page and its tables from a run of all scenarios. Raises InputError."""
    with open_scenarios(results) as scenarios:
        found = compare_scenarios(scenarios, Asked(results))
        lines = [row for row in found.rows if row.group == WHOLE]
        columns = ("scenario", *(_head(scenarios, *pair) for pair in KEY))
        cells = {(row.scenario, row.indicator, row.product): row for row in lines}
        rows = tuple(
            (code(one), *(percent_cell(cells[(one, *pair)].paired).plain for pair in KEY))
            for one in scenarios.ids
            if one != found.baseline
        )
        words = tuple(notes(scenarios, found))
        blocks = [
            _current(scenarios),
            Block(f"Change by {found.year} beside current policy, percent", words, columns, rows),
        ]
        put_page(folder, "headlines", "Results in short", blocks)
        put_rows(folder, "headlines-scenarios", COLUMNS, (_line(row) for row in lines))


COLUMNS = (
    *("scenario", "indicator", "product", "year", "unit", "current_policy", "scenario_value"),
    *("percent", "percent_low90", "percent_high90", "draws_agree", "read"),
)


def _line(row: Compared) -> Cells:
    one = row.paired
    numbers = (one.percent, one.percent_low, one.percent_high)
    return (
        *(row.scenario, row.indicator, row.product, str(row.year), row.unit),
        *(_plain(one.baseline), _plain(one.value)),
        *(_percent(number) for number in numbers),
        f"{100.0 * one.agree:.0f}%",
        one.certainty,
    )


def _plain(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}"


def _percent(value: float) -> str:
    """A percentage with one decimal: what lies nearer to nought than that is told as 0."""
    return "" if np.isnan(value) else f"{value + 0.0:.1f}".replace("-0.0", "0.0")


def _head(scenarios: Scenarios, indicator: str, product: str) -> str:
    return f"{scenarios.name(indicator)}, {scenarios.names[product]}"


def _current(scenarios: Scenarios) -> Block:
    reference = scenarios.ids.index(scenarios.baseline(None))
    rows = []
    for indicator, product in (*KEY, *MORE):
        scale = scale_of(scenarios.unit(indicator))
        unit, factor = WAIT if indicator == "mean_wait" else (scale.name, scale.factor)
        values = factor * scenarios.series(indicator, product)[reference]
        cells = []
        for year in YEARS:
            low, middle, high = np.nanquantile(
                values[:, scenarios.years.index(year)], (0.05, 0.5, 0.95)
            )
            cells.append(with_range(middle, low, high))
        rows.append((scenarios.name(indicator), scenarios.names[product], unit, *cells))
    words = (
        "![What was observed and what is modelled until 2030](plots/headlines.png)",
        f"Current policy goes on: median and 90% of {scenarios.draws} draws. The intervals hold "
        "what the Belgian figures leave open and our ranges for what is assumed; they do not hold "
        "what no one knows of.",
    )
    columns = ("outcome", "product", "unit", *(str(year) for year in YEARS))
    return Block("", words, columns, tuple(rows))
