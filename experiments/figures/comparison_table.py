"""``drugfutures figures``: the observed figures beside the model, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calibration.figures import Figure, load_figures
from calibration.series import Group, names_of
from experiments.figures.comparison import (
    Compared,
    Results,
    catalogue_of,
    chosen,
    compare,
    load_reasons,
    verdict,
    write_csv,
)
from experiments.runs.headlines import warning
from experiments.runs.results import mode_text
from model.catalogue import load_catalogue

FIRST, LAST = 2012, 2022
LINE = 15  # characters of a column of numbers: two of them leave half of 80 to the words
TOTALS: Mapping[str, tuple[str, ...]] = {
    "Treatment": ("treatment_episodes", "treatment_share"),
    "Deaths": ("coded_deaths",),
    "Years of life lost": ("yll", "yll_rate", "yll_per_death"),
    "Disability-adjusted life years": ("daly", "daly_rate", "yld"),
    "Public expenditure": (
        "public_expenditure",
        "expenditure_treatment",
        "expenditure_enforcement",
        "expenditure_prevention",
        "expenditure_harm_reduction",
        "expenditure_share_treatment",
        "expenditure_share_enforcement",
        "expenditure_share_prevention",
        "expenditure_share_harm_reduction",
    ),
    "Social cost": ("social_cost", "social_cost_share"),
    "Offences": ("drug_law_offences", "use_offences", "use_related_share"),
    "Sites found by the police": (
        "production_sites_found",
        "plantations_found",
        "dump_sites",
        "storage_sites",
    ),
    "Driving": ("drivers_over_limit", "dui_30d"),
    "Injecting": ("needles_recovered", "people_injecting", "injecting_prevalence"),
}
"""The totals that the drug strategy prints for 2012-2022, by heading."""

MEANING = (
    "fitted: a fit will use it; checked: results are set against it; context: it stands beside "
    "them. Anchored are the figures that the model knows, so that it proves nothing when they "
    "agree: forcing (put in as a history), anchor (put in to be met), centred (a prior was set "
    "with it in view). Intervals are those of the model's own value, without the error of a survey "
    "or a register: a figure may lie outside because it errs (`drugfutures score` adds that error)."
)


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    results: Path
    product: str | None = None
    indicator: str | None = None
    totals: bool = False
    csv: Path | None = None


def is_total(figure: Figure) -> bool:
    """Whether the strategy prints the figure as one of its totals of 2012-2022."""
    wanted = any(figure.indicator in indicators for indicators in TOTALS.values())
    dated = figure.year is None or FIRST <= figure.year <= LAST
    number = any(x is not None for x in (figure.value, figure.low, figure.high))
    return wanted and dated and number and "strategy" in figure.source


def print_figures(asked: Asked, console: Console) -> None:
    """Print the comparison and write it where asked. Raises InputError."""
    with Results(asked.results) as results:
        catalogue = load_catalogue(catalogue_of(asked.results))
        sources = {row.id for row in catalogue.sources}
        figures = load_figures(products=names_of(catalogue), sources=sources)
        compared = compare(results, figures, catalogue, load_reasons(figures))
    compared = chosen(compared, catalogue, asked.product, asked.indicator)
    if asked.totals:
        compared = [row for row in compared if is_total(row.figure)]
    if asked.csv is not None:
        write_csv(compared, asked.csv)
    names = names_of(catalogue)
    console.print()
    console.print(f"{mode_text(asked.results)}.", style="bold")
    if results.seeds:
        console.print(warning(results.runs, results.seeds), style="bold")
    for title, rows in _grouped(compared, asked.totals):
        console.print()
        console.print(_table(title, rows, names, console.width // 3 - 2))
    console.print()
    console.print(MEANING)
    if asked.totals:
        _print_missing(figures, compared, asked, console)
    if compared:
        console.print(verdict(compared), style="bold")
    else:
        console.print("No figure of this choice can be set against these results.")


def _grouped(
    compared: Sequence[Compared], totals: bool
) -> Iterable[tuple[str, Sequence[Compared]]]:
    if not totals:
        if compared:
            yield "Observed figures and the model", compared
        return
    for title, indicators in TOTALS.items():
        rows = [row for row in compared if row.figure.indicator in indicators]
        rows.sort(key=lambda row: indicators.index(row.figure.indicator))
        if rows:
            yield title, rows


def _print_missing(
    figures: Sequence[Figure], compared: Sequence[Compared], asked: Asked, console: Console
) -> None:
    seen = {row.figure.id for row in compared}
    missing = [
        figure.id
        for figure in figures
        if is_total(figure)
        and figure.id not in seen
        and asked.product in (None, figure.product)
        and asked.indicator in (None, figure.indicator)
    ]
    if missing:
        console.print(f"Totals that this run cannot print: {', '.join(missing)}.")


def _table(title: str, rows: Sequence[Compared], names: Mapping[str, str], longest: int) -> Table:
    """The rows; ids of more than ``longest`` characters would not fit the first column."""
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    # Columns of numbers are as wide as their longest line, so that no number is broken.
    table.add_column("Figure", ratio=9, overflow="fold")
    table.add_column("Observed", no_wrap=True)
    table.add_column("Model, median\n(95% interval)", no_wrap=True)
    table.add_column("", ratio=4, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row, names, longest))
    return table


def _cells(row: Compared, names: Mapping[str, str], longest: int) -> tuple[Text, str, str, Text]:
    figure, scale = row.figure, Scale.of(row.unit)
    head = Text(f"{names[figure.product]}: {row.name}", style="bold")
    head.append(f"\n {_who(figure)}, {scale.name}", style="not bold")
    told_by = ", ".join(in_pieces(name, longest) for name in (figure.id, figure.source))
    head.append(f"\n {told_by}", style="not bold dim")
    low, high = scale.told(row.low95), scale.told(row.high95)
    model = f"{scale.told(row.median)}\n{on_lines(f'({low}–{high})')}"
    told = Text("inside", style="green") if row.inside else Text("outside", style="red")
    told.append(f", {row.role}", style="default")
    if row.reason and not row.inside:
        told.append(f"\n{row.reason}", style="default")
    return head, f"{on_lines(scale.observed(row))}\n({_when(figure)})", model, told


def in_pieces(name: str, longest: int) -> str:
    """An id on lines of at most ``longest`` characters, broken after its dashes only."""
    lines = [""]
    for part in re.findall(r"[^_-]+[_-]*", name):
        if lines[-1] and len(lines[-1]) + len(part) > longest:
            lines.append("")
        lines[-1] += part
    return "\n ".join(lines)


def on_lines(told: str) -> str:
    """Numbers on one line, or broken after the dash where that is longer than LINE."""
    return told if len(told) <= LINE else told.replace("–", "–\n")


def _who(figure: Figure) -> str:
    group = Group(figure.sex, figure.age_min, figure.age_max, figure.region)
    limited = figure.age_min is not None or figure.age_max is not None
    sex = {"all": "", "male": "men", "female": "women"}[figure.sex]
    parts = [figure.population, sex, group.ages if limited else "", figure.region]
    # A population such as "Belgium 15-64" has said the rest.
    told = [part for part in parts[1:] if part and part not in figure.population]
    return ", ".join([figure.population, *told])


def _when(figure: Figure) -> str:
    if figure.year is None:
        return "no year"
    return f"{figure.year}" + (f"–{figure.year_end}" if figure.year_end else "")


@dataclass(frozen=True)
class Scale:
    """How numbers of a unit are printed."""

    name: str
    factor: float = 1.0
    end: str = ""

    @classmethod
    def of(cls, unit: str) -> Scale:
        """Proportions as percentages, euros a year in millions, anything else as it is."""
        if unit == "proportion":
            return cls("%", 100.0, "%")
        if unit.startswith("EUR of") and unit.endswith("per year"):
            return cls(f"million {unit}", 1e-6)
        return cls(unit)

    def told(self, number: float) -> str:
        """Three digits, all of those before the point."""
        shown = number * self.factor
        return (f"{shown:,.0f}" if abs(shown) >= 100 else f"{shown:.3g}") + self.end

    def observed(self, row: Compared) -> str:
        """The figure: its value, else its bounds."""
        if row.value is not None:
            return self.told(row.value)
        if row.low is None or row.high is None:
            known = row.low if row.high is None else row.high
            word = "at least" if row.high is None else "at most"
            return f"{word} {self.told(known or 0.0)}"
        return f"{self.told(row.low)}–{self.told(row.high)}"
