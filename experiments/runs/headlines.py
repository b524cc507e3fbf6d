"""The tables printed after a run: the headline of each product, then outcomes of the nation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from calibration.figures import PUT_IN, Figure, given_to_model
from calibration.posterior import LEARNT_FROM, Origin
from calibration.series import Group as People
from calibration.series import Series, in_unit_of, names_of, series_of
from experiments.runs.headline_series import Headline
from experiments.runs.results import MODE_TEXT, Layout, Single
from experiments.runs.seeds import MIXED, told_runs
from experiments.runs.summary import QUANTILES, Float, quantiles
from model.catalogue import Catalogue
from model.reading import TableRow, read_rows
from model.strata import COUNTRY

OUTCOMES = Path(__file__).with_name("outcomes.csv")
YEARS = (2010, 2018, 2023, 2030)
OUTCOME_YEARS = (2010, 2020, 2025, 2030)
WHOLE_FROM = 20.0  # outcomes of this size are written without decimals
# Fewer draws than this leave none, on average, beyond an end of a 95% interval.
ENOUGH = 40
NEAREST = 2  # years between a figure and the year it stands beside, at most
MARK = "†"
ROLES = {"fitted": "●", "checked": "○", "context": "○"}
PUT_IN_MARK = "×"

Observed = Mapping[Series, Sequence[Figure]]


class OutcomeRow(TableRow):
    """One outcome of the nation. ``over``: an indicator that it is divided by.

    ``scale``: what a number in ``unit`` is multiplied by to be in the unit that ``short`` tells.
    """

    product: str
    indicator: str
    over: str | None
    age_min: int | None
    age_max: int | None
    unit: str
    name: str
    short: str
    scale: float

    @property
    def series(self) -> Series:
        """The series of the results that the row shows."""
        people = People("all", self.age_min, self.age_max, COUNTRY)
        return Series(self.product, self.indicator, people, self.unit)


def observed(figures: Sequence[Figure], catalogue: Catalogue) -> Observed:
    """Figures by the series that they are points of, in table order."""
    found: dict[Series, list[Figure]] = {}
    for figure in figures:
        series = series_of(figure, catalogue)
        if series is not None:
            found.setdefault(series, []).append(figure)
    return found


def nearest_figure(figures: Sequence[Figure], year: int) -> Figure | None:
    """The figure nearest to ``year`` (within NEAREST years; at one distance a fitted one)."""
    close = [f for f in figures if f.year is not None and abs(f.year - year) <= NEAREST]
    # The distance first, then the role, then the order of the table.
    close.sort(key=lambda figure: (abs((figure.year or 0) - year), figure.role != "fitted"))
    return close[0] if close else None


def headline_table(
    survey: Single, title: str, layout: Layout, headlines: Sequence[Headline], figures: Observed
) -> Group:
    """Median and 95% interval in chosen years (and the last year of a shorter run).

    Two tables: the headline of each product, then the outcomes of the nation that ``outcomes.csv``
    names. ``survey``: the variable of the results for one scenario (draw, series, time).
    """
    catalogue = layout.catalogue
    only = {row.id for row in catalogue.products if row.mode == "scenario-only"}
    use = _table(
        f"Main indicators, {title}: median (95% interval)",
        f"{ROLES['fitted']} {ROLES['checked']} observed: the nearest figure within "
        f"{NEAREST} years ({ROLES['fitted']} one that a fit uses, {ROLES['checked']} one to "
        f"check results against). {MARK} scenario-only: too few figures to be calibrated; priors.",
        _years(YEARS, layout),
        6,
    )
    for row, series in headlines:
        draws = survey[:, layout.series.index(series)]
        scale, unit, decimals = _scale(series, quantiles(draws)[0])
        where = "" if series.group.region == COUNTRY else f", {series.group.region}"
        told = f"{row.short}, {series.group.ages}{where}, {unit}"
        mark = f" {MARK}" if series.product in only else ""
        shown = _Shown(series, draws, scale, decimals)
        use.add_row(
            _name(names_of(catalogue)[series.product] + mark, told),
            *_cells(shown, _years(YEARS, layout), layout, figures),
        )
    return Group(use, "", _outcome_table(survey, title, layout, figures))


def _outcome_table(survey: Single, title: str, layout: Layout, figures: Observed) -> Table:
    years = _years(OUTCOME_YEARS, layout)
    table = _table(
        f"Outcomes of the nation, {title}: median (95% interval)",
        "All ages unless told. Attributable and coded deaths count different things: never "
        f"compare them. {ROLES['fitted']} {ROLES['checked']} as above (some priors were centred "
        f"with the figure in view); {PUT_IN_MARK} put into the model: tests nothing. Anchored: "
        "the size in the year of its prices is put in. M: million. DALY: disability-adjusted life "
        "years.",
        years,
        4,
    )
    for row, draws in load_outcomes(survey, layout):
        largest = float(np.nanmax(quantiles(draws)[0], initial=0.0)) * row.scale
        shown = _Shown(row.series, draws, row.scale, 0 if largest >= WHOLE_FROM else 1)
        table.add_row(
            _name(row.name, row.short),
            *_cells(shown, years, layout, {} if row.over else figures),
        )
    return table


def load_outcomes(
    survey: Single, layout: Layout, path: Path = OUTCOMES
) -> Iterator[tuple[OutcomeRow, Single]]:
    """Rows of ``outcomes.csv`` that this run can tell, each with its draws (draw, time).

    In the unit of the series, or a ratio.
    """
    units = {row.id: row.unit for row in layout.catalogue.indicators}
    at = {series: i for i, series in enumerate(layout.series)}
    for row in read_rows(path, OutcomeRow):
        # A user's own tables may lack the figures that call for a series.
        if row.series not in at:
            continue
        draws = survey[:, at[row.series]]
        if row.over is not None:
            below = replace(row.series, indicator=row.over, unit=units.get(row.over, ""))
            if below not in at:
                continue
            draws = draws / survey[:, at[below]]
        yield row, draws


@dataclass(frozen=True)
class _Shown:
    """Draws (draw, time) of a series and how its numbers are written."""

    series: Series
    draws: Single
    scale: float
    decimals: int

    def written(self, number: float) -> str:
        return f"{number * self.scale:,.{self.decimals}f}"


def _years(wanted: Sequence[int], layout: Layout) -> list[int]:
    return sorted({year for year in wanted if year in layout.years} | {layout.years[-1]})


def _table(title: str, caption: str, years: Sequence[int], names: int) -> Table:
    """An empty table; ``names``: width of the first column where that of a year is 4."""
    table = Table(
        title=title,
        caption=caption,
        caption_justify="left",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("Product", ratio=names, overflow="fold")
    for year in years:
        table.add_column(str(year), ratio=4, overflow="fold")
    return table


def _name(product: str, told: str) -> Text:
    name = Text(product, style="bold")
    return name.append(f"\n {told}", style="not bold")


def _cells(
    shown: _Shown, years: Sequence[int], layout: Layout, figures: Observed
) -> Iterator[Text]:
    """Median, interval and nearest figure of each year."""
    found = quantiles(shown.draws[:, [layout.years.index(year) for year in years]])
    known = {figure.id: figure for several in figures.values() for figure in several}
    for i, year in enumerate(years):
        numbers = dict(zip(QUANTILES, map(shown.written, found[:, i]), strict=True))
        told = f"{numbers['median']} ({numbers['low95']}–{numbers['high95']})"
        cell = Text("not modelled" if np.isnan(found[0, i]) else told)
        figure = nearest_figure(figures.get(shown.series, ()), year)
        if figure is not None:
            value, low, high = in_unit_of(figure, shown.series)
            when = "" if figure.year == year else f" ({figure.year})"
            mark = PUT_IN_MARK if _put_in(figure, known) else ROLES[figure.role]
            if value is not None:
                cell.append(f"\n{mark} {shown.written(value)}{when}", style="green")
            elif low is not None and high is not None:
                ends = f"{shown.written(low)}–{shown.written(high)}"
                cell.append(f"\n{mark} {ends}{when}", style="green")
        yield cell


def _put_in(figure: Figure, known: Mapping[str, Figure]) -> bool:
    repeats_known = all(name in known for name in figure.repeated_ids)
    given = given_to_model(figure, known) if repeats_known else figure.given
    return given in PUT_IN


def _scale(series: Series, medians: Float) -> tuple[float, str, int]:
    """Factor, name and decimals of the numbers in one row."""
    if series.unit == "proportion":
        return 100.0, "%", 1 if float(np.nanmax(medians, initial=0.0)) >= 0.01 else 2
    if series.unit.startswith("persons"):
        return 1e-3, series.unit.replace("persons", "thousands"), 0
    return 1.0, series.unit, 1


def preface(origin: Origin, catalogue: Catalogue) -> list[str]:
    """What a reader must know before the numbers, in paragraphs: what the draws are."""
    if origin.mode == "prior":
        return [
            f"{MODE_TEXT['prior']}. The intervals are what the literature and our assumptions "
            "allow before anything is fitted to Belgian figures; where an observed figure lies "
            "outside, the priors are off.",
            *_in_no_union(catalogue),
        ]
    named: dict[str, list[str]] = {"calibrated": [], "waiting": [], "scenario-only": []}
    for row in catalogue.products:
        fitted = row.id in origin.calibrated
        waiting = row.mode == "calibrated" and not fitted
        named["calibrated" if fitted else "waiting" if waiting else "scenario-only"].append(row.id)
    words = {
        "calibrated": "Calibrated",
        "waiting": "Not in this posterior, so on priors",
        "scenario-only": f"Scenario-only ({MARK}), on priors",
    }
    told = [
        f"{MODE_TEXT['posterior']}. What the figures do not identify (contraction below "
        f"{LEARNT_FROM:g}) is assumed: `drugfutures show parameters ID` says which.",
        " ".join(f"{words[key]}: {', '.join(ids)}." for key, ids in named.items() if ids),
    ]
    if catalogue.folder is not None:
        own = f": {', '.join(origin.own)}" if origin.own else ""
        told.append(
            "The posterior was made with the shipped tables; rows of your own catalogue are not "
            f"fitted and keep their priors{own}."
        )
    return [*told, *_in_no_union(catalogue)]


def _in_no_union(catalogue: Catalogue) -> list[str]:
    """A sentence on products of which no total tells; none where there are none."""
    united = {member for union in catalogue.unions for member in union.members.split()}
    alone = [row.id for row in catalogue.products if row.id not in united]
    if not alone:
        return []
    return [f"In no union, so in no total (add them in unions.csv): {', '.join(alone)}."]


def warning(draws: int, seeds: int = 0) -> str | None:
    """What to tell about intervals: of too few draws, and what they mix where agents were run.

    ``draws`` are pooled with the seeds of agents. None where nothing need be told.
    """
    few = draws // max(seeds, 1) < ENOUGH
    told = f"Only {told_runs(draws, seeds)}: intervals are rough" if few else None
    if not seeds:
        return told
    return f"{told or told_runs(draws, seeds)}. {MIXED.removesuffix('.')}"
