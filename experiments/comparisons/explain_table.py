"""``drugfutures explain``: the contributions as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.comparisons.compare_table import plain_table, put
from experiments.comparisons.explain import Asked, Explained
from experiments.comparisons.explain_agents import OwnDifference
from experiments.comparisons.shapley import Row
from experiments.figures.comparison_table import Scale
from experiments.runs.headlines import warning
from experiments.runs.results import MODE_TEXT
from experiments.runs.seeds import MIXED, told_runs
from model.errors import InputError
from model.strata import COUNTRY
from scenarios.schema import REFERENCE

COLUMNS = (
    *("id", "kind", "label", "median", "low", "high", "total"),
    *("mean", "standard_error", "agree", "unit"),
    *("scenario", "baseline", "indicator", "product", "group", "year"),
    *("draws", "method", "orders", "subsets", "engine"),
)
"""``total``: whether the row is the whole difference. ``low``, ``high``: the 90% interval."""

BY_COMPARTMENTS = (
    "Contributions are computed with the compartmental engine in the same draws; the agents' own "
    "difference is beside them."
)
WHOLE = ("total", "agents")  # rows that are no block's
FAIR = (
    "A contribution is what a block adds on average over the orders in which the blocks can come, "
    "so that what blocks do together is shared among them. In each draw contributions add up to "
    "the total; medians and intervals over draws need not."
)
LEAVE_OUT = (
    "Measures: the scenario less the scenario without that measure alone. These do not add up: "
    "measures overlap, support each other, and a rule may bring back one that was left out."
)
ASSUMED = (
    "This explains the model, not the world: effects of measures and trends are assumed in large "
    "part."
)


def check_out(path: Path | None) -> None:
    """Refuse a file that cannot be there before hours of work go into it. Raises InputError."""
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise InputError(
            "cannot write the table", key="--out", given=str(path), allowed="a file in a folder"
        )


def print_explained(found: Explained, asked: Asked, console: Console) -> None:
    """Print or write as asked; with --out the table is printed and its rows are written."""
    if asked.format == "json":
        put(json_text(found), asked.out)
        return
    if asked.format == "csv" or asked.out is not None:
        put(csv_text(found), asked.out)
    if asked.format == "table":
        _print(found, console)


def cells(found: Explained) -> Iterator[dict[str, str | float | int]]:
    """Every row with all that is needed to read it alone: blocks, the total, agents, measures."""
    about, question = found.about, found.about.question
    rows = [("block", row) for row in found.rows]
    rows += [("total", found.total)]
    if found.agents is not None and found.agents.row is not None:
        rows.append(("agents", found.agents.row))
    rows += [("measure", row) for row in found.others or ()]
    for kind, row in rows:
        values: tuple[str | float | int, ...] = (
            *(row.id, kind, row.label, row.median, row.low, row.high),
            str(kind == "total").lower(),
            *(row.mean, row.error, row.agree, about.unit),
            *(about.scenario, REFERENCE, question.indicator, question.product),
            *(question.group, question.year),
            *(found.draws, "exact" if found.exact else "sampled"),
            *(found.orders, found.subsets, "agents" if kind == "agents" else "compartments"),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def csv_text(found: Explained) -> str:
    """A line for each block, for the total and for each measure; every digit."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells(found))
    return text.getvalue()


def json_text(found: Explained) -> str:
    """The same with what must be said of it."""
    whole = asdict(found) | {"baseline_id": REFERENCE, "notes": notes(found)}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def notes(found: Explained) -> list[str]:
    """What must be said with the numbers, one paragraph each."""
    if found.exact:
        how = f"Exact: all {found.subsets} subsets of {_count(found)} were run."
    else:
        how = (
            f"Sampled: {found.orders} orders of {_count(found)}, half of them the "
            f"reverse of the others; {found.subsets} of {2 ** len(found.rows):,} subsets were run. "
            "± is the standard error of the mean that comes from sampling orders."
        )
    told = [] if found.agents is None else [BY_COMPARTMENTS]
    told += [f"{how} The first {found.draws} of {found.about.run_draws} draws of the run."]
    if found.missing:
        told.append(f"Draws without a value are left out: {found.missing}.")
    if found.agents is not None:
        told.append(_of_agents(found, found.agents))
    told.append(FAIR)
    if found.others is not None:
        told.append(LEAVE_OUT)
    return [*told, ASSUMED]


def _of_agents(found: Explained, own: OwnDifference) -> str:
    """Whether agents and compartments agree on the whole difference."""
    if own.row is None or own.gap is None:
        return (
            "The agents' own difference is not known: these results do not hold the indicator for "
            "agents (scenarios.nc has the main ones), or it has no value."
        )
    unit, scale = _bare(found)
    told = (
        f"Agents' own difference: {scale.told(own.row.median)} ({scale.told(own.row.low)} to "
        f"{scale.told(own.row.high)}) {unit}, {told_runs(own.draws * own.seeds, own.seeds)}. "
        f"{MIXED} Less that of the compartments in the same draws, on average: "
        f"{scale.told(own.gap)}"
    )
    if own.error is None:
        return f"{told}; with one seed, how much of that is chance is not known."
    told += f" ± {scale.told(own.error)} (standard error, from the chance of the seeds). "
    if own.agrees:
        return f"{told}That is no more than chance: as far as these runs can tell, both agree."
    told += "That is more than chance"
    told += f", {abs(own.gap / found.total.mean):.0%} of the total" if found.total.mean else ""
    return f"{told}: what is told of blocks may not hold for agents."


def _bare(found: Explained) -> tuple[str, Scale]:
    """The unit of differences, and a scale that does not name it."""
    scale = Scale.of(found.about.unit)
    unit = "percentage points" if found.about.unit == "proportion" else scale.name
    return unit, Scale(scale.name, scale.factor)


def _count(found: Explained) -> str:
    return "the one block" if len(found.rows) == 1 else f"the {len(found.rows)} blocks"


def _print(found: Explained, console: Console) -> None:
    about, question = found.about, found.about.question
    scale = Scale.of(about.unit)
    where = "" if question.group == COUNTRY else f", {question.group}"
    console.print()
    told = notes(found)
    if found.agents is not None:
        console.print(told.pop(0), style="bold")
    console.print(f"{MODE_TEXT[about.drawn]}.", style="bold")
    rough = warning(found.draws)
    if rough is not None:
        console.print(rough, style="bold")
    console.print()
    console.print(f"{about.title}: {about.name}, {about.product_name}{where}, {question.year}")
    console.print(
        f"{REFERENCE} {scale.told(found.baseline)}, {about.scenario} {scale.told(found.value)} "
        f"({scale.name}; medians, whose difference is not the median difference)"
    )
    console.print()
    unit, _ = _bare(found)
    head = f"Contributions to the difference, {unit}"
    rows = [*found.rows, found.total]
    if found.agents is not None and found.agents.row is not None:
        rows.append(found.agents.row)
    console.print(_table(head, rows, scale, sampled=not found.exact))
    if found.others is not None:
        console.print()
        head = f"What each measure adds to all others, {unit}: these do not add up"
        console.print(_table(head, found.others, scale, sampled=False))
    for note in told:
        console.print()
        console.print(note)


def _table(title: str, rows: Sequence[Row], scale: Scale, *, sampled: bool) -> Table:
    table = plain_table(title)
    table.add_column("", ratio=1, overflow="fold")
    for column in ("Median", "90% of draws", *(["Mean ±"] if sampled else []), "Agree"):
        table.add_column(column, no_wrap=True, justify="right")
    bare = Scale(scale.name, scale.factor)
    for row in rows:
        if row.id in WHOLE:
            table.add_section()
        known = row.label == row.id or row.id in WHOLE
        name = row.label if known else f"{row.id} {row.label}"
        mean = f"{bare.told(row.mean)} ± {bare.told(row.error)}"
        table.add_row(
            name,
            bare.told(row.median),
            f"{bare.told(row.low)} to {bare.told(row.high)}",
            *([mean if row.id not in WHOLE else bare.told(row.mean)] if sampled else []),
            f"{row.agree:.0%}" if row.low or row.high else "no effect",
        )
    return table
