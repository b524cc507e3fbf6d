"""``drugfutures money``: the worth of the years as a table, and what must be said with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.figures.comparison import catalogue_of
from experiments.figures.comparison_table import Scale
from experiments.runs.headlines import warning
from experiments.runs.money import (
    ALL,
    EFFECTS,
    GROUPS,
    INDICATORS,
    INSTEAD,
    MONEY,
    OTHER,
    Accounts,
    Asked,
    Worth,
    partition,
    worth,
    write_csv,
)
from experiments.runs.results import mode_text
from model.catalogue import Catalogue, load_catalogue
from model.costs import EXPENDITURE_YEAR, RATE_COSTS, RATE_EFFECTS, SOCIAL_COST_YEAR

STUDIED = ("public_expenditure", "social_cost")
SHOWN = ("daly", "yll", "yll_attributable")
LONGER = {"yll": "Years of life lost by coded deaths"}  # beside those of all attributable deaths
NETTING = (
    "Costs and revenues are not to be netted: excise, VAT and what people lose at games are "
    "payments that change hands (transfers), not costs saved. Social cost overlaps with public "
    "expenditure: do not add the two."
)
BURDEN = (
    "DALY are years lost by deaths coded to the disorder itself and years lived with disability, "
    "at weights that are in part assumed (those of gambling and gaming all are). The years lost by "
    "all attributable deaths hold those of coded deaths too: do not add them up."
)
DRAWN = (
    "Sums are taken draw by draw: medians of parts need not add up to the median of the whole. "
    "Each product counts once; people with several disorders, and their deaths, count with each."
)
PAIRED = (
    "Scenarios share their draws: a difference between them is surer than their intervals side by "
    "side suggest. Take it draw by draw."
)


def print_money(asked: Asked, console: Console) -> None:
    """Print a table for each scenario and write all rows where asked. Raises InputError."""
    asked.check()
    with Accounts(asked.results) as accounts:
        catalogue = load_catalogue(catalogue_of(asked.results))
        found = worth(accounts, catalogue, asked)
    if asked.csv is not None:
        write_csv(found, asked, asked.csv)
    console.print()
    console.print(f"{mode_text(asked.results)}.", style="bold")
    rough = warning(accounts.draws, accounts.seeds)
    if rough is not None:
        console.print(rough, style="bold")
    for scenario in accounts.scenarios:
        console.print()
        console.print(_table(scenario, found, accounts, asked))
    for note in notes(found, accounts, catalogue, asked):
        console.print()
        console.print(note)


def _table(scenario: str, found: Sequence[Worth], accounts: Accounts, asked: Asked) -> Table:
    table = Table(
        title=f"Sums over {asked.first}-{asked.last}, {scenario}: median (95% interval)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("", ratio=1, overflow="fold")
    table.add_column("Undiscounted", no_wrap=True)
    table.add_column(f"Worth in {asked.discounting.base_year}", no_wrap=True)
    rows = [row for row in found if row.scenario == scenario]
    for total in (*MONEY, *SHOWN):
        own = [row for row in rows if row.indicator == total]
        if not own:
            continue
        *groups, everything = own
        heading = Text(LONGER.get(total, accounts.titles[total]), style="bold")
        heading.append(f", {_unit(everything)}", style="not bold")
        table.add_section()
        table.add_row(heading, *_cells(everything))
        parts = MONEY.get(total, {})
        for row in rows:
            if row.indicator in parts and row.product == ALL:
                table.add_row(f"  {parts[row.indicator]}", *_cells(row))
        if parts:
            table.add_row("  by product:", "", "")
        if len(groups) > 1:  # one alone says the same again
            indent = "    " if parts else "  "
            for row in groups:
                table.add_row(indent + _name(row.product, accounts), *_cells(row))
        there = {row.product for row in own}
        for row in rows:
            if row.indicator == INSTEAD.get(total) and row.product not in there:
                label = f"{_name(row.product, accounts)}, disability only"
                table.add_row(f"  {label}", *_cells(row))
    return table


def _name(product: str, accounts: Accounts) -> str:
    return "Other products" if product == OTHER else accounts.names[product]


def _unit(row: Worth) -> str:
    restated = f" (from {row.restated_from})" if row.restated_from else ""
    return scale(row.unit).name + restated


def _cells(row: Worth) -> tuple[str, str]:
    return told(row.plain, row.unit), told(row.discounted, row.unit)


def scale(unit: str) -> Scale:
    """Millions of euros, thousands of years."""
    if unit.startswith("EUR"):
        return Scale(f"million {unit}", 1e-6)
    return Scale(f"thousand {unit.removesuffix(' of life')}", 1e-3)


def told(numbers: tuple[float, float, float], unit: str) -> str:
    """Median and interval."""
    if any(math.isnan(number) for number in numbers):
        return "no value"
    low, median, high = (scale(unit).told(number) for number in numbers)
    return f"{median} ({low}–{high})"


def notes(
    found: Sequence[Worth],
    accounts: Accounts,
    catalogue: Catalogue,
    asked: Asked,
) -> list[str]:
    """What a reader must know of the definitions, one paragraph each."""
    several = [PAIRED] if len(accounts.scenarios) > 1 else []
    return [
        *_studies(found, accounts),
        NETTING,
        _effects(found, accounts),
        _rates(asked),
        _prices(asked),
        _sums(found, accounts, catalogue),
        *several,
    ]


def _studies(found: Sequence[Worth], accounts: Accounts) -> list[str]:
    """The anchors of the two studies and what these leave out; what has no value at all."""
    lines = []
    counted = {row.product for row in found if row.indicator in STUDIED}
    if counted:
        outside = [_name(p, accounts) for p in _products(found) if p not in counted]
        lines.append(
            f"Public expenditure is anchored on a study of {EXPENDITURE_YEAR} and social cost on "
            f"one of {SOCIAL_COST_YEAR}: their size there is put in, not found. The model says how "
            "they move from there, at constant unit costs."
        )
        if outside:
            lines[0] += f" Outside the studies, so not counted: {', '.join(outside)}."
    valued = {row.indicator for row in found}
    absent = [accounts.titles[name] for name in INDICATORS if name not in valued]
    if absent:
        lines.append(f"Without a value in these results and years: {', '.join(absent)}.")
    return lines


def _effects(found: Sequence[Worth], accounts: Accounts) -> str:
    """What the effects are, and the groups that have deaths but none that are coded."""
    groups = {name: _products([row for row in found if row.indicator == name]) for name in EFFECTS}
    dying = groups["yll_attributable"]
    uncoded = [_name(p, accounts) for p in dying if p not in groups["yll"]]
    nothing = [_name(p, accounts) for p in dying if p not in (*groups["daly"], *groups["yld"])]
    text = BURDEN
    if uncoded:
        text += f" No death is coded to the disorder of {', '.join(uncoded)}"
        text += f", and no disability is weighed of {', '.join(nothing)}" if nothing else ""
        text += ": that is a definition, not a finding; see their attributable deaths."
    return text


def _rates(asked: Asked) -> str:
    rates = asked.discounting
    early = f"; years before {rates.base_year} gain" if asked.first < rates.base_year else ""
    return (
        f"Discounted to {rates.base_year}, by whole years: money at {_percent(rates.rate_costs)} a "
        f"year, effects at {_percent(rates.rate_effects)}, at constant prices{early}. Years of "
        "life lost count in full in the year of the death, discounted from there only. Rates of "
        f"the Belgian guideline ({_percent(RATE_COSTS)} and {_percent(RATE_EFFECTS)}) are from "
        "general knowledge and not checked against it: treat them as assumed."
    )


def _prices(asked: Asked) -> str:
    if asked.price_year is None:
        return "Amounts in prices of different years are not to be compared or added up."
    return (
        f"Money is restated from the year in brackets to {asked.price_year} at an inflation of "
        f"{_percent(asked.rate_of_prices)} a year, which is assumed: no series of prices is in "
        "the evidence."
    )


def _percent(rate: float) -> str:
    return f"{100.0 * rate:.3g}%"


def _sums(found: Sequence[Worth], accounts: Accounts, catalogue: Catalogue) -> str:
    groups, text = partition(catalogue), DRAWN
    inside = {product for members in groups.values() for product in members}
    apart = [row.name for row in catalogue.products if row.id not in inside]
    if groups[OTHER]:
        text += f" Other products: {', '.join(accounts.names[p] for p in groups[OTHER])}."
    if apart:
        text += f" In no sum, since not among all products: {', '.join(apart)}."
    missing = max((row.missing for row in found), default=0)
    if missing:
        text += f" Draws without a value are left out: up to {missing} of {accounts.draws}."
    return text


def _products(rows: Sequence[Worth]) -> list[str]:
    there = {row.product for row in rows}
    return [product for product in (*GROUPS, OTHER, ALL) if product in there]
