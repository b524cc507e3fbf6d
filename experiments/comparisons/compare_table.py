"""``drugfutures compare``: the comparison as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.comparisons.compare import (
    A_YEAR,
    CERTAINTY,
    EQUAL,
    NEGLIGIBLE,
    NOT_VISIBLE,
    NOTHING,
    WHOLE,
    Asked,
    Compared,
    Comparison,
    Paired,
    Scenarios,
    Span,
    compare,
    open_scenarios,
)
from experiments.figures.comparison_table import Scale
from experiments.runs.headlines import MARK, warning
from experiments.runs.results import MODE_TEXT
from experiments.runs.scenario_costs import Cost
from experiments.runs.scenario_results import load_cautions
from model.errors import InputError

COLUMNS = (
    *("scenario", "baseline", "indicator", "product", "group", "year", "unit", "mode"),
    *("baseline_median", "scenario_median", "difference", "low90", "high90"),
    *("percent", "percent_low90", "percent_high90", "share_above", "share_below", "agree"),
    *("certainty", "draws", "missing_draws", "draws_without_percent"),
    *("cost", "cost_low", "cost_high", "cost_price_year", "measures", "measures_without_cost"),
    *("cost_per_unit", "cost_per_unit_low", "cost_per_unit_high", "from_year", "over_years"),
    "chance_sd",
)
ASSUMED = (
    "Assumed: what a scenario changes follows from effects, reach and timing of measures and from "
    "trends that are assumed in large part. The draws carry their ranges, not what we do not know "
    "of."
)
PAIRED = (
    "Differences are taken draw by draw, scenario less baseline: the difference of two medians is "
    "another number. Intervals hold 90% of draws."
)
UNITED = "Unions hold scenario-only products too, which rest on priors."
PER_UNIT = (
    "Cost per unit: EUR a year over the size of the median difference of that one year; its ends "
    "take the ends of both. None where a measure has no cost or the interval holds zero."
)
ONE_YEAR = (
    "Events that pass show in their own years: `drugfutures compare` with --year 2026, or with "
    "--from 2024 for sums."
)
SEVERAL_YEARS = (
    "Years are taken together within each draw: counts, amounts and money are summed, all else is "
    "averaged."
)
UNKNOWN_CHANCE = "Chance cannot be told from effects in runs with one seed: use more --seeds."
NO_COST_PER_UNIT = "Costs per unit are told of one year only."
TITLES = "Titles of scenarios: drugfutures show scenarios."
ABOUT_NOUGHT = "≈ 0"
FEW_DRAWS = 20
"""Fewer draws than this are warned of under a table too."""
TINY = 1e-3
"""Share of the largest number of an interval below which another one is printed as 0."""
SMALLEST = 1e-6  # what is smaller is printed as 0
SHORTEST = 16  # characters of a column of numbers at least, for the words above it
BETWEEN = 3  # characters between two columns


def print_comparison(asked: Asked, console: Console) -> None:
    """Print or write the comparison as asked. Raises InputError."""
    with open_scenarios(asked.results) as scenarios:
        found = compare(scenarios, asked)
        told = notes(scenarios, found)
        if asked.format == "csv":
            put(csv_text(found), asked.out)
        elif asked.format == "json":
            put(json_text(scenarios, found, told), asked.out)
        elif asked.out is None:
            _print(scenarios, found, asked, told, console)
        else:
            text = io.StringIO()
            _print(scenarios, found, asked, told, Console(file=text, width=console.width))
            put(text.getvalue(), asked.out)


def put(text: str, path: Path | None) -> None:
    """Write text to a file, or to standard output where none is given. Raises InputError."""
    if path is None:
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        allowed = f"a file that can be written ({error.strerror})"
        raise InputError(
            "cannot write the table", key="--out", given=str(path), allowed=allowed
        ) from None


def csv_text(found: Comparison) -> str:
    """A line for each scenario, indicator, product and group; every digit."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in found.rows:
        cells = _cells(found, row)
        writer.writerow({key: "" if cell is None else cell for key, cell in cells.items()})
    return text.getvalue()


def json_text(scenarios: Scenarios, found: Comparison, told: Sequence[str]) -> str:
    """The same lines with what must be said of them."""
    whole = {
        "baseline": found.baseline,
        "from_year": found.span.first,
        "year": found.year,
        "draws_from": scenarios.drawn,
        "draws": scenarios.draws,
        "interval_percent": 90,
        "notes": list(told),
        "without_value": [
            dict(zip(("indicator", "product", "group"), one, strict=True)) for one in found.without
        ],
        "rows": [_cells(found, row) for row in found.rows],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def number(value: float | None) -> float | None:
    """The number, in its unit; None in place of NaN."""
    return None if value is None or math.isnan(value) else value


def _cells(found: Comparison, row: Compared) -> dict[str, str | float | None]:
    one, cost, per_unit = row.paired, row.cost, row.per_unit or (None, None, None)
    values: tuple[str | float | None, ...] = (
        *(row.scenario, found.baseline, row.indicator, row.product, row.group, row.year),
        *(row.unit, row.mode or None),
        *map(number, (one.baseline, one.value, one.difference, one.low, one.high)),
        *map(number, (one.percent, one.percent_low, one.percent_high)),
        *(one.up, one.down, number(one.agree)),
        *(one.certainty, one.draws, one.missing, one.without_percent),
        *((cost.value, cost.low, cost.high, cost.price_year) if cost else (None,) * 4),
        *((cost.measures, cost.missing) if cost else (None, None)),
        *(*per_unit, row.year if row.first is None else row.first, row.over or None),
        number(one.chance),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _print(
    scenarios: Scenarios, found: Comparison, asked: Asked, told: Sequence[str], console: Console
) -> None:
    console.print()
    console.print(f"{MODE_TEXT[scenarios.drawn]}.", style="bold")
    rough = warning(scenarios.draws, scenarios.seeds)
    if rough is not None:
        console.print(rough, style="bold")
    for table in _tables(scenarios, found, asked, console.width):
        console.print()
        console.print(table)
    for note in told:
        console.print()
        console.print(note)


def _tables(scenarios: Scenarios, found: Comparison, asked: Asked, width: int) -> Iterable[Table]:
    if not found.rows:
        return
    if asked.short:
        for group in dict.fromkeys(row.group for row in found.rows):
            yield from _short(scenarios, found, group, width)
    else:
        yield _long(scenarios, found)
    costs = {row.scenario: row.cost for row in found.rows if row.cost is not None}
    if costs:
        yield _costs(costs)


def grid(
    title: str,
    heads: Sequence[str],
    lines: Mapping[str, Sequence[Text]],
    width: int,
    titles: Mapping[str, str] | None = None,
) -> Iterable[Table]:
    """One line a scenario, in as many tables as the width asks for; no cell is broken.

    The title stands over the first of them; a head stands as the cells below it do.
    ``titles`` of scenarios stand beside their ids where that asks for no more tables.
    """
    cells = [part for line in lines.values() for cell in line for part in cell.split("\n")]
    across = max([SHORTEST, *(part.cell_len for part in cells)])
    long = max(map(len, lines), default=0)
    both = {one: f"{one:{long}}  {titles[one]}" if titles else one for one in lines}
    counts = [_tables_of(len(heads), width - wide, across) for wide in (long, _widest(both))]
    told = both if counts[0] == counts[1] <= len(heads) else {one: one for one in lines}
    count, names = counts[0], _widest(told)
    each = math.ceil(len(heads) / count)
    sides = [cell.justify or "left" for cell in next(iter(lines.values()), [Text()] * len(heads))]
    for first in range(0, len(heads), each):
        table = plain_table("" if first else "\n".join(textwrap.wrap(title, width)))
        table.add_column("", no_wrap=True, min_width=names)
        for head, side in zip(heads[first : first + each], sides[first:], strict=False):
            wrapped = "\n".join(textwrap.wrap(head, across))
            table.add_column(wrapped, no_wrap=True, min_width=across, justify=side)
        for name, line in lines.items():
            table.add_row(told[name], *line[first : first + each])
        yield table


def _tables_of(columns: int, width: int, across: int) -> int:
    room = max(1, width // (across + BETWEEN))
    return max(1, math.ceil(columns / room)) if width >= across + BETWEEN else columns + 1


def _widest(names: Mapping[str, str]) -> int:
    return max(map(len, names.values()), default=0)


def plain_table(title: str) -> Table:
    """A table in the style of the other commands."""
    return Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False
    )


def _short(scenarios: Scenarios, found: Comparison, group: str, width: int) -> Iterable[Table]:
    """One line a scenario: percent of the baseline."""
    rows = [row for row in found.rows if row.group == group]
    ids = list(dict.fromkeys(row.scenario for row in rows))
    cells = {(row.scenario, row.indicator, row.product): row.paired for row in rows}
    keys = list(dict.fromkeys((row.indicator, row.product) for row in rows))
    years = found.span.told(scenarios.kind(row.indicator) for row in rows)
    title = f"Change in % of {found.baseline}, {years}, {group}: median (90% interval)"
    heads = [_head(scenarios, found.span, *key) for key in keys]
    lines = {one: [percent_cell(cells[one, *key]) for key in keys] for one in ids}
    yield from grid(title, heads, lines, width, scenarios.titles)


def _head(scenarios: Scenarios, span: Span, indicator: str, product: str) -> str:
    over = span.how(scenarios.kind(indicator))
    return f"{scenarios.name(indicator)}: {scenarios.names[product]}" + (over and f" ({over})")


def percent_cell(one: Paired) -> Text:
    """Median (interval) in percent, and the mark of certainty: "-12 (-20, +3) ○"."""
    if not one.draws or math.isnan(one.percent):
        return Text(NOTHING, style="dim")
    if one.equal:
        return Text(EQUAL, style="dim")
    if one.negligible:
        return Text(ABOUT_NOUGHT, style="dim")
    return Text(f"{percents(one)} {one.mark}")


def percents(one: Paired) -> str:
    """Median and interval in percent without the sign of percent."""
    return f"{signed(one.percent)} ({signed(one.percent_low)}, {signed(one.percent_high)})"


def signed(value: float) -> str:
    """A change in percent as ``brief`` gives it, with the sign of a rise too."""
    told = brief(value)
    return told if value < 0 or told == brief(0.0) else f"+{told}"


def brief(value: float) -> str:
    """A percentage: two digits at most, one decimal at most; "0.0": hardly anything."""
    if abs(value) < 0.05:
        return "0.0"
    if abs(value) < 9.95:
        return f"{value:.1f}"
    whole = round(value)
    return f"{round(whole, 2 - len(str(abs(whole)))):.0f}"


def three(value: float, largest: float | None = None) -> str:
    """An absolute number: three digits, no exponent; 0 where it is tiny beside ``largest``."""
    size = abs(value)
    if math.isnan(value):
        return NOTHING
    if size < SMALLEST or (largest is not None and size < TINY * abs(largest)):
        return "0"
    decimals = 2 - math.floor(math.log10(size))
    told = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def scale_of(unit: str) -> Scale:
    """How numbers of a unit are printed; sums of money in millions too."""
    if unit.startswith("EUR of") and not unit.endswith(A_YEAR):
        return Scale(Scale.of(unit + A_YEAR).name.removesuffix(A_YEAR), 1e-6)
    return Scale.of(unit)


def _long(scenarios: Scenarios, found: Comparison) -> Table:
    """A line for each difference, with levels, sizes and how far the draws agree."""
    years = found.span.told(scenarios.kind(row.indicator) for row in found.rows)
    table = plain_table(f"Compared with {found.baseline}, {years}")
    table.expand = True
    table.add_column("", ratio=1, overflow="fold")
    for head in ("Baseline,\nscenario", "Difference\n(90%)", "Percent\n(90%)", "Draws\nagree"):
        table.add_column(head, no_wrap=True)
    of_one = any(row.per_unit for row in found.rows)
    if of_one:
        table.add_column("EUR per\nunit", no_wrap=True)
    before = None
    for row in found.rows:
        if (row.indicator, row.product, row.group) != before:
            table.add_section()
            table.add_row(_heading(scenarios, row), *[""] * (4 + of_one))
            before = (row.indicator, row.product, row.group)
        cells = _long_cells(row)
        title = Text(f"  {row.scenario}").append(f"\n  {scenarios.titles[row.scenario]}", "dim")
        table.add_row(title, *cells, *([_per_unit(row)] if of_one else []))
    return table


def _heading(scenarios: Scenarios, row: Compared) -> Text:
    mark = MARK if row.mode == "scenario-only" else ""
    where = "" if row.group == WHOLE else f", {row.group}"
    head = Text(f"{scenarios.names[row.product]}{mark}: {scenarios.name(row.indicator)}", "bold")
    over = f", {row.over}" if row.over else ""
    return head.append(f"{where}, {scale_of(row.unit).name}{over}", style="not bold")


def _long_cells(row: Compared) -> tuple[str, str, str, str]:
    one, scale = row.paired, scale_of(row.unit)
    if not one.draws:
        return NOTHING, "", "", f"0 of {one.missing}"
    levels = "\n".join(f"{three(x * scale.factor)}{scale.end}" for x in (one.baseline, one.value))
    if one.equal:
        return levels, EQUAL, "", _draws(one)
    if one.negligible:
        return levels, ABOUT_NOUGHT, ABOUT_NOUGHT, _left_out(one).strip()
    ends = [x * scale.factor for x in (one.low, one.difference, one.high)]
    low, middle, high = (three(x, max(map(abs, ends))) for x in ends)
    unit = " points" if row.unit == "proportion" else ""
    percent = NOTHING if math.isnan(one.percent) else percents(one).replace(" (", "%\n(")
    return levels, f"{middle}{unit}\n({low}, {high})", percent, _draws(one)


def _draws(one: Paired) -> str:
    return f"{whole_percent(one.agree)} {one.mark}{_left_out(one)}"


def _left_out(one: Paired) -> str:
    return f"\n{one.missing} left out" if one.missing else ""


def whole_percent(share: float) -> str:
    """A share rounded down, so that 95% is never told of less."""
    return f"{math.floor(100.0 * share + 1e-9)}%"


def _per_unit(row: Compared) -> str:
    if row.per_unit is None:
        return "-"
    value, low, high = row.per_unit
    return f"{three(value)}\n({three(low)}–{three(high)})"


def _costs(costs: dict[str, Cost]) -> Table:
    table = plain_table("Cost of the scenarios a year, beyond the baseline")
    table.add_column("", no_wrap=True)
    table.add_column("")
    for scenario, cost in costs.items():
        if cost.measures:
            table.add_row(scenario, cost_text(cost))
    return table


def cost_text(cost: Cost) -> str:
    """The cost in millions with its range, or how many measures have none."""
    if cost.measures == 0:
        return "no active measure"
    if not cost.whole or cost.value is None:
        return f"cost: not found for {cost.missing} of {cost.measures} measures"
    told = three(cost.value / 1e6)
    if cost.low is not None and cost.high is not None:
        told += f" ({three(cost.low / 1e6)}–{three(cost.high / 1e6)})"
    return f"{told} million EUR of {cost.price_year}"


def notes(scenarios: Scenarios, found: Comparison) -> list[str]:
    """What must be said with the numbers, one paragraph each."""
    marks = "; ".join(f"{mark} {words} ({least:.0%} or more)" for least, words, mark in CERTAINTY)
    told = few_draws(scenarios)
    told += [PAIRED, f"Draws with the sign of the median: {marks}.".replace(" (0% or more)", "")]
    told += by_chance(scenarios, found)
    told += not_visible(row.paired for row in found.rows) + of_years(found.span)
    told += left_out(max((row.paired.missing for row in found.rows), default=0), scenarios.draws)
    zero = max((row.paired.without_percent for row in found.rows), default=0)
    if zero:
        told.append(f"Draws with a baseline of 0 have no percentage: up to {zero}.")
    if found.without:
        whole = ", ".join(" / ".join(one) for one in found.without)
        told.append(f"Without a value: {whole}.")
    told += who_rests_on_priors(scenarios, [row.product for row in found.rows])
    told += cautions(scenarios, [row.indicator for row in found.rows])
    if any(row.per_unit for row in found.rows):
        told.append(PER_UNIT)
    if not found.span.one and any(row.cost and row.cost.whole for row in found.rows):
        told.append(NO_COST_PER_UNIT)
    if not any(row.cost for row in found.rows):
        told.append("Costs of these scenarios are not known.")
    return [*told, TITLES, ASSUMED]


def few_draws(scenarios: Scenarios) -> list[str]:
    """The warning of few draws, when they are very few, or what the intervals of agents mix."""
    draws, seeds = scenarios.draws, scenarios.seeds
    rough = warning(draws, seeds) if seeds or draws < FEW_DRAWS else None
    return [] if rough is None else [f"{rough}."]


def not_visible(pairs: Iterable[Paired]) -> list[str]:
    """A sentence on what cannot be told from the baseline, when something cannot."""
    if not any(one.negligible for one in pairs):
        return []
    near = f"median and 90% interval within {NEGLIGIBLE:g}% of the baseline"
    return [f"{ABOUT_NOUGHT}, {NOT_VISIBLE}: {near}."]


def by_chance(scenarios: Scenarios, found: Comparison) -> list[str]:
    """Of agents: in how many lines chance moves one run more than the scenario does."""
    known = [row.paired for row in found.rows if not math.isnan(row.paired.chance)]
    if not scenarios.seeds or not known:
        return [UNKNOWN_CHANCE] if scenarios.seeds else []
    drowned = [one for one in known if one.chance > abs(one.difference)]
    if not drowned:
        return []
    worst = max(one.chance / abs(one.difference) if one.difference else math.inf for one in drowned)
    size = f", up to {three(worst)} times as far" if math.isfinite(worst) else ""
    return [
        f"Chance: in {len(drowned)} of {len(found.rows)} lines one run of agents differs from "
        f"another of the same draw (standard deviation over seeds) by more than the median "
        f"difference{size}. More agents or seeds make it smaller."
    ]


def of_years(span: Span) -> list[str]:
    """A sentence on the years: one, or several taken together."""
    return [ONE_YEAR if span.one else SEVERAL_YEARS]


def cautions(scenarios: Scenarios, indicators: Iterable[str]) -> list[str]:
    """What to know of the indicators shown, a line each; those with the same caution together."""
    known, found = load_cautions(), dict[str, list[str]]()
    for one in dict.fromkeys(indicators):
        if one in known:
            found.setdefault(known[one], []).append(scenarios.name(one))
    return [f"{' and '.join(names)}: {caution}" for caution, names in found.items()]


def left_out(missing: int, draws: int) -> list[str]:
    """A sentence on draws without a value, when there are any."""
    return [f"Draws without a value are left out: up to {missing} of {draws}."] if missing else []


def who_rests_on_priors(scenarios: Scenarios, products: Iterable[str]) -> list[str]:
    """Sentences on scenario-only products among those shown."""
    shown = list(dict.fromkeys(products))
    alone = [p for p in shown if scenarios.modes[p] == "scenario-only"]
    told = [f"Scenario-only ({MARK}), on priors: {', '.join(alone)}."] if alone else []
    return [*told, UNITED] if any(p in scenarios.unions for p in shown) else told
