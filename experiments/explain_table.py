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

from experiments.compare_table import plain_table, put
from experiments.comparison_table import Scale
from experiments.explain import Asked, Explained, Row
from experiments.headlines import warning
from experiments.results import MODE_TEXT
from model.errors import InputError
from model.strata import COUNTRY
from scenarios.schema import REFERENCE

COLUMNS = (
    *("id", "kind", "label", "median", "low", "high", "total"),
    *("mean", "standard_error", "agree", "unit"),
    *("scenario", "baseline", "indicator", "product", "group", "year"),
    *("draws", "method", "orders", "subsets"),
)
"""``total``: whether the row is the whole difference. ``low``, ``high``: the 90% interval."""

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
    """Every row with all that is needed to read it alone: blocks, the total, then measures."""
    about, question = found.about, found.about.question
    rows = [("block", row) for row in found.rows]
    rows += [("total", found.total)]
    rows += [("measure", row) for row in found.others or ()]
    for kind, row in rows:
        values: tuple[str | float | int, ...] = (
            *(row.id, kind, row.label, row.median, row.low, row.high),
            str(kind == "total").lower(),
            *(row.mean, row.error, row.agree, about.unit),
            *(about.scenario, REFERENCE, question.indicator, question.product),
            *(question.group, question.year),
            *(found.draws, "exact" if found.exact else "sampled"),
            *(found.orders, found.subsets),
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
    told = [f"{how} The first {found.draws} of {found.about.run_draws} draws of the run."]
    if found.missing:
        told.append(f"Draws without a value are left out: {found.missing}.")
    told.append(FAIR)
    if found.others is not None:
        told.append(LEAVE_OUT)
    return [*told, ASSUMED]


def _count(found: Explained) -> str:
    return "the one block" if len(found.rows) == 1 else f"the {len(found.rows)} blocks"


def _print(found: Explained, console: Console) -> None:
    about, question = found.about, found.about.question
    scale = Scale.of(about.unit)
    where = "" if question.group == COUNTRY else f", {question.group}"
    console.print()
    console.print(f"{MODE_TEXT[about.drawn]}.", style="bold")
    rough = warning(found.draws)
    if rough is not None:
        console.print(rough, style="bold")
    console.print()
    console.print(f"{about.title}: {about.name}, {about.product_name}{where}, {question.year}")
    console.print(
        f"{REFERENCE} {scale.told(found.baseline)}, {about.scenario} {scale.told(found.value)} "
        f"({scale.name}; medians)"
    )
    console.print()
    unit = "percentage points" if about.unit == "proportion" else scale.name
    head = f"Contributions to the difference, {unit}"
    console.print(_table(head, [*found.rows, found.total], scale, sampled=not found.exact))
    if found.others is not None:
        console.print()
        head = f"What each measure adds to all others, {unit}: these do not add up"
        console.print(_table(head, found.others, scale, sampled=False))
    for note in notes(found):
        console.print()
        console.print(note)


def _table(title: str, rows: Sequence[Row], scale: Scale, *, sampled: bool) -> Table:
    table = plain_table(title)
    table.add_column("", ratio=1, overflow="fold")
    for column in ("Median", "90% of draws", *(["Mean ±"] if sampled else []), "Agree"):
        table.add_column(column, no_wrap=True, justify="right")
    bare = Scale(scale.name, scale.factor)
    for row in rows:
        if row.id == "total":
            table.add_section()
        known = row.label == row.id or row.id == "total"
        name = row.label if known else f"{row.id} {row.label}"
        mean = f"{bare.told(row.mean)} ± {bare.told(row.error)}"
        table.add_row(
            name,
            bare.told(row.median),
            f"{bare.told(row.low)} to {bare.told(row.high)}",
            *([mean if row.id != "total" else bare.told(row.mean)] if sampled else []),
            f"{row.agree:.0%}" if row.low or row.high else "no effect",
        )
    return table
