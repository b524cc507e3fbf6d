"""The picture of README and the site's first page: what was observed, and two futures."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import matplotlib as mpl
from matplotlib.legend_handler import HandlerTuple

from calibration.figures import load_figures
from calibration.series import names_of
from experiments.plots.page import Dot, Key, Line, Panel
from experiments.plots.reader import Reader
from experiments.plots.scenario_sheet import Sheet, new_sheet
from experiments.plots.sheet import _handle as handle
from experiments.plots.sheet import _panel as draw_panel
from experiments.plots.style import DPI, FAN, GREEN, STYLE, VERMILION, Look
from experiments.plots.words import unit_in_words
from experiments.reproduce.pages import comma_separated, put
from experiments.run import run
from experiments.runs.results import open_results
from experiments.runs.study import Options
from experiments.runs.terminal import cores
from model.catalogue import load_catalogue

SHOWN = {
    "tobacco/current_use/all/15+/Belgium/proportion": "Tobacco: people who smoke",
    "cannabis/last_year_prevalence/all/15-64/Belgium/proportion": "Cannabis: used in 12 months",
    "opioids/substitution_clients/all/all_ages/Belgium/persons": "Opioids: in agonist treatment",
    "any_illegal/overdose_deaths/all/all_ages/Belgium/persons_per_year": (
        "Illegal drugs: drug-induced deaths"
    ),
}
"""A legal product, an illegal one, care and harm: series with Belgian figures, where any have."""
FUTURES = {
    "future-calm-together-strategy": Look(GREEN, (0, (5, 1, 1, 1)), "^"),
    "future-fast-apart": Look(VERMILION, (0, (5, 2)), "s"),
}
WIDTH, ACROSS, HIGH = 9.0, 2, 1.45  # inches, panels a row, inches a panel
LEFT, BETWEEN, ABOVE, BELOW = 0.55, 0.62, 0.52, 0.28  # inches
LEGEND = 0.46
NAME = "headlines"
COLUMNS = ("outcome", "unit", "scenario", "year", "median", "low95", "high95", "figure", "source")


def draw_headlines(folder: Path, results: Path, draws: int) -> None:
    """Run the two futures and draw them into a folder. Raises InputError."""
    asked = Options(tuple(FUTURES), draws=draws, plots="none", out=results, threads=cores())
    run(asked)
    draw(folder, results)


def draw(folder: Path, results: Path) -> None:
    """NAME.png and NAME.csv of a run with the two futures. Raises InputError."""
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    with open_results(results) as dataset:
        reader = Reader(dataset, catalogue, figures)
        panels = [_panel(reader, series) for series in SHOWN]
        titles = dict(zip(reader.scenarios, reader.titles, strict=True))
    notes = [
        "Lines: medians; bands: 50 and 95% of draws under current policy (those of the two "
        "futures are not drawn). Dots: Belgian figures, with the interval where one was printed. "
        "The upright line is 1 January 2024. k = thousand. All ages: 10 and older in the model.",
        "Surveys of one year differ (tobacco). Hollow dots of cannabis repeat figures of men and "
        "women, which are fitted. The survey of 2013 reads low for illegal drugs, for reasons not "
        "known: the fit allows it to err more.",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        rows = -(-len(panels) // ACROSS)
        middle = LEGEND + rows * (ABOVE + HIGH + BELOW)
        title = "Belgium to 2030: current policy and two contrasted futures"
        sheet, top = new_sheet(title, reader.drawn, (WIDTH, middle), notes)
        _legend(sheet, top, titles, panels)
        across = (WIDTH - LEFT - 0.15 - BETWEEN * (ACROSS - 1)) / ACROSS
        for i, panel in enumerate(panels):
            row, column = divmod(i, ACROSS)
            left = LEFT + column * (across + BETWEEN)
            down = top + LEGEND + row * (ABOVE + HIGH + BELOW) + ABOVE
            draw_panel(sheet.box(left, down, across, HIGH), panel, 72 * across)
        sheet.figure.savefig(folder / f"{NAME}.png", dpi=DPI, metadata={"Software": None})
    put(folder / f"{NAME}.csv", comma_separated(COLUMNS, _rows(panels)))


def _panel(reader: Reader, key: str) -> Panel:
    series = reader.series[key]
    panel = reader.of_series(key, SHOWN[key], "")
    seen = reader.survey(key)
    lines = [reader._line(seen, 0, "", ("95", "50"), FAN)]
    for name, look in FUTURES.items():
        line = reader._line(seen, reader.scenarios.index(name), "", (), look)
        start = list(line.years).index(2023.0)
        lines.append(Line("", name, line.years[start:], line.median[start:], {}, look))
    return Panel(
        panel.title,
        unit_in_words(series),
        panel.unit,
        panel.mode,
        tuple(lines),
        panel.dots,
        panel.tags,
        whole=True,
    )


def _legend(sheet: Sheet, top: float, titles: dict[str, str], panels: list[Panel]) -> None:
    first, *_ = titles.values()
    kinds = {dot.kind for panel in panels for dot in panel.dots}
    told = {"fitted": "figure, fitted", "checked": "figure, not fitted", "put-in": "figure, put in"}
    dots = [Key(words, kind) for kind, words in told.items() if kind in kinds]
    keys = [Key(f"{first}: median, 50 and 95%", "fan", FAN)]
    keys += [Key(titles[name], "line", look) for name, look in FUTURES.items()]
    # A legend is filled by columns: a line above, a dot below.
    keys = [key for pair in zip_longest(keys, dots) for key in pair if key is not None]
    sheet.figure.legend(
        [handle(key) for key in keys],
        [key.label for key in keys],
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
        loc="upper left",
        bbox_to_anchor=(0.12 / sheet.width, 1 - top / sheet.height),
        borderaxespad=0,
        borderpad=0,
        ncols=3,
        fontsize=8.5,
        frameon=False,
        handlelength=2.8,
        columnspacing=1.6,
    )


def _rows(panels: list[Panel]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for panel in panels:
        about = (f"{panel.title} ({panel.subtitle})", panel.unit)
        for line in panel.lines:
            low, high = line.bands.get("95", (None, None))
            for i, year in enumerate(line.years):
                ends = ("", "") if low is None or high is None else (_g(low[i]), _g(high[i]))
                cells = (f"{year:.0f}", _g(line.median[i]), *ends, "", "model")
                found.append((*about, line.scenario, *cells))
        found += [(*about, "", *_dot(dot)) for dot in panel.dots]
    return found


def _dot(dot: Dot) -> tuple[str, ...]:
    ends = (_g(dot.low), _g(dot.high))
    return (f"{dot.year:g}", _g(dot.value), *ends, dot.figure, dot.source)


def _g(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
