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

from experiments.compare import (
    CERTAINTY,
    EQUAL,
    NOTHING,
    WHOLE,
    Asked,
    Compared,
    Comparison,
    Paired,
    Scenarios,
    compare,
    open_scenarios,
)
from experiments.comparison_table import Scale
from experiments.headlines import MARK, warning
from experiments.results import MODE_TEXT
from experiments.scenario_costs import Cost
from model.errors import InputError

COLUMNS = (
    *("scenario", "baseline", "indicator", "product", "group", "year", "unit", "mode"),
    *("baseline_median", "scenario_median", "difference", "low90", "high90"),
    *("percent", "percent_low90", "percent_high90", "share_above", "share_below", "agree"),
    *("certainty", "draws", "missing_draws", "draws_without_percent"),
    *("cost", "cost_low", "cost_high", "cost_price_year", "measures", "measures_without_cost"),
    *("cost_per_unit", "cost_per_unit_low", "cost_per_unit_high"),
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
    """The number; None in place of NaN."""
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
        *per_unit,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _print(
    scenarios: Scenarios, found: Comparison, asked: Asked, told: Sequence[str], console: Console
) -> None:
    console.print()
    console.print(f"{MODE_TEXT[scenarios.drawn]}.", style="bold")
    rough = warning(scenarios.draws)
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
    title: str, heads: Sequence[str], lines: Mapping[str, Sequence[Text]], width: int
) -> Iterable[Table]:
    """One line a scenario, in as many tables as the width asks for; no cell is broken."""
    names = max(map(len, lines), default=0)
    cells = [cell.cell_len for line in lines.values() for cell in line]
    across = max(SHORTEST, *cells) if cells else SHORTEST
    room = max(1, (width - names) // (across + BETWEEN))
    count = max(1, math.ceil(len(heads) / room))
    each = math.ceil(len(heads) / count)
    for first in range(0, len(heads), each):
        table = plain_table("\n".join(textwrap.wrap(title, width)))
        table.add_column("", no_wrap=True, min_width=names)
        for head in heads[first : first + each]:
            wrapped = "\n".join(textwrap.wrap(head, across))
            table.add_column(wrapped, no_wrap=True, min_width=across)
        for name, line in lines.items():
            table.add_row(name, *line[first : first + each])
        yield table


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
    title = f"% of {found.baseline}, {found.year}, {group}: median (90% interval)"
    heads = [f"{scenarios.name(key[0])}: {scenarios.names[key[1]]}" for key in keys]
    lines = {one: [percent_cell(cells[one, *key]) for key in keys] for one in ids}
    yield from grid(title, heads, lines, width)


def percent_cell(one: Paired) -> Text:
    """Median (interval) in percent, and the mark of certainty: "-12 (-20, -3) ●"."""
    if not one.draws or math.isnan(one.percent):
        return Text(NOTHING, style="dim")
    if one.equal:
        return Text(EQUAL, style="dim")
    return Text(f"{percents(one)} {one.mark}")


def percents(one: Paired) -> str:
    """Median and interval in percent without the sign of percent."""
    return f"{brief(one.percent)} ({brief(one.percent_low)}, {brief(one.percent_high)})"


def brief(value: float) -> str:
    """Two digits, all of those before the point; "-0.0": below nought, but hardly."""
    if abs(value) >= 9.95:
        return f"{value:.0f}"
    if abs(value) < 0.05:
        return "0" if value == 0.0 else "0.0" if value > 0 else "-0.0"
    return f"{value:.1f}"


def _long(scenarios: Scenarios, found: Comparison) -> Table:
    """A line for each difference, with levels, sizes and how far the draws agree."""
    table = plain_table(f"Compared with {found.baseline}, {found.year}")
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
        table.add_row(f"  {row.scenario}", *cells, *([_per_unit(row)] if of_one else []))
    return table


def _heading(scenarios: Scenarios, row: Compared) -> Text:
    mark = MARK if row.mode == "scenario-only" else ""
    where = "" if row.group == WHOLE else f", {row.group}"
    head = Text(f"{scenarios.names[row.product]}{mark}: {scenarios.name(row.indicator)}", "bold")
    return head.append(f"{where}, {Scale.of(row.unit).name}", style="not bold")


def _long_cells(row: Compared) -> tuple[str, str, str, str]:
    one, scale = row.paired, Scale.of(row.unit)
    if not one.draws:
        return NOTHING, "", "", f"0 of {one.missing}"
    levels = f"{scale.told(one.baseline)}\n{scale.told(one.value)}"
    if one.equal:
        return levels, EQUAL, "", _draws(one)
    bare = Scale(scale.name, scale.factor)
    low, middle, high = (bare.told(x) for x in (one.low, one.difference, one.high))
    unit = " points" if row.unit == "proportion" else ""
    percent = NOTHING if math.isnan(one.percent) else percents(one).replace(" (", "%\n(")
    return levels, f"{middle}{unit}\n({low}, {high})", percent, _draws(one)


def _draws(one: Paired) -> str:
    left_out = f"\n{one.missing} left out" if one.missing else ""
    return f"{whole_percent(one.agree)} {one.mark}{left_out}"


def whole_percent(share: float) -> str:
    """A share rounded down, so that 95% is never told of less."""
    return f"{math.floor(100.0 * share + 1e-9)}%"


def _per_unit(row: Compared) -> str:
    if row.per_unit is None:
        return "-"
    value, low, high = row.per_unit
    return f"{value:,.3g}\n({low:,.3g}–{high:,.3g})"


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
    told = f"{cost.value / 1e6:,.3g}"
    if cost.low is not None and cost.high is not None:
        told += f" ({cost.low / 1e6:,.3g}–{cost.high / 1e6:,.3g})"
    return f"{told} million EUR of {cost.price_year}"


def notes(scenarios: Scenarios, found: Comparison) -> list[str]:
    """What must be said with the numbers, one paragraph each."""
    marks = "; ".join(f"{mark} {words} ({least:.0%} or more)" for least, words, mark in CERTAINTY)
    told = [PAIRED, f"Draws with the sign of the median: {marks}.".replace(" (0% or more)", "")]
    told += left_out(max((row.paired.missing for row in found.rows), default=0), scenarios.draws)
    zero = max((row.paired.without_percent for row in found.rows), default=0)
    if zero:
        told.append(f"Draws with a baseline of 0 have no percentage: up to {zero}.")
    if found.without:
        whole = ", ".join(" / ".join(one) for one in found.without)
        told.append(f"Without a value: {whole}.")
    told += who_rests_on_priors(scenarios, [row.product for row in found.rows])
    if any(row.per_unit for row in found.rows):
        told.append(PER_UNIT)
    if not any(row.cost for row in found.rows):
        told.append("Costs of these scenarios are not known.")
    return [*told, ASSUMED]


def left_out(missing: int, draws: int) -> list[str]:
    """A sentence on draws without a value, when there are any."""
    return [f"Draws without a value are left out: up to {missing} of {draws}."] if missing else []


def who_rests_on_priors(scenarios: Scenarios, products: Iterable[str]) -> list[str]:
    """Sentences on scenario-only products among those shown."""
    shown = list(dict.fromkeys(products))
    alone = [p for p in shown if scenarios.modes[p] == "scenario-only"]
    told = [f"Scenario-only ({MARK}), on priors: {', '.join(alone)}."] if alone else []
    return [*told, UNITED] if any(p in scenarios.unions for p in shown) else told
