"""The page with results in short: current policy, and every shipped scenario beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from calibration.figures import load_figures
from calibration.series import names_of
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
from experiments.reproduce.pages import PLOTS, Block, Cells, put_page, put_rows, three, with_range
from experiments.run import run
from experiments.runs.study import Options
from experiments.runs.terminal import cores
from model.catalogue import load_catalogue
from model.errors import InputError

YEARS = (2023, 2030)
MORE = (
    ("daily_use", "tobacco"),
    ("alcohol_per_capita", "alcohol"),
    ("overdose_deaths", "any_illegal"),
    ("mean_wait", "alcohol"),
    ("mean_wait", "opioids"),
)
"""Told of current policy beside the outcomes by which scenarios are compared."""


GROUPS = {
    "The strategy and its parts": ("strategy",),
    "Trends, one at a time": ("central-trends", "trend-"),
    "Futures, with and without the strategy": ("future-",),
    "Stress tests": ("stress-",),
}
"""How scenarios are told apart: title, and how their ids begin."""
UNITS = {
    "last_year_prevalence": "% of people aged 10 or older",
    "problematic_prevalence": "% of people aged 10 or older",
    "daily_use": "% of people aged 10 or older",
    "alcohol_per_capita": "litres of pure alcohol a year, per person aged 10 or older",
    "treatment_episodes": "admissions per year",
}
"""Units that say of whom, where the code list is short."""
PUBLISHED_DEATHS = ("tobacco_deaths_2021", "alcohol_deaths_2021")
"""Figures that the model's deaths stand beside."""


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
        columns = ("scenario", "title", *(_head(scenarios, *pair) for pair in KEY))
        cells = {(row.scenario, row.indicator, row.product): row for row in lines}
        rows = {
            one: (
                *(code(one), scenarios.titles[one]),
                *(percent_cell(cells[(one, *pair)].paired).plain for pair in KEY),
            )
            for one in scenarios.ids
            if one != found.baseline
        }
        words = tuple(notes(scenarios, found))
        blocks = [
            _current(scenarios),
            Block(f"Change by {found.year} beside current policy, percent", words),
            *(
                Block(title, (), columns, tuple(rows.pop(one) for one in _of(starts, rows)))
                for title, starts in GROUPS.items()
            ),
        ]
        if rows:
            raise InputError("no group holds this scenario", given=", ".join(rows))
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


def _of(starts: Sequence[str], ids: Iterable[str]) -> list[str]:
    return [one for one in ids if one.startswith(tuple(starts))]


def _caution(scenarios: Scenarios, reference: int) -> str:
    """What a published count of deaths says beside the model's, which is higher."""
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    told = []
    for one in load_figures(products=names_of(catalogue), sources=sources):
        if one.id not in PUBLISHED_DEATHS or one.value is None or one.year is None:
            continue
        values = scenarios.series(one.indicator, one.product)[reference]
        year = max(one.year, scenarios.years[0])
        ours = np.nanmedian(values[:, scenarios.years.index(year)])
        name = scenarios.names[one.product].lower()
        told.append(
            f"{name} {three(ours)} ({year}) beside {three(one.value)} ({one.source}, {one.year})"
        )
    return (
        "**Caution**: deaths attributable to a product are more than published counts, which "
        f"attribute otherwise: {'; '.join(told)}. Read changes, not levels."
    )


def _current(scenarios: Scenarios) -> Block:
    reference = scenarios.ids.index(scenarios.baseline(None))
    rows = []
    for indicator, product in (*KEY, *MORE):
        scale = scale_of(scenarios.unit(indicator))
        unit, factor = WAIT if indicator == "mean_wait" else (scale.name, scale.factor)
        unit = UNITS.get(indicator, unit)
        values = factor * scenarios.series(indicator, product)[reference]
        cells = []
        for year in YEARS:
            low, middle, high = np.nanquantile(
                values[:, scenarios.years.index(year)], (0.025, 0.5, 0.975)
            )
            cells.append(with_range(middle, low, high))
        rows.append((scenarios.name(indicator), scenarios.names[product], unit, *cells))
    words = (
        "![What was observed and what is modelled until 2030](plots/headlines.png)",
        f"Current policy goes on: median and 95% of {scenarios.draws} draws. The intervals hold "
        "what the Belgian figures leave open and our ranges for what is assumed; they do not hold "
        "what no one knows of. A person who is admitted twice counts as two admissions.",
        _caution(scenarios, reference),
    )
    columns = ("outcome", "product", "unit", *(str(year) for year in YEARS))
    return Block("", words, columns, tuple(rows))
