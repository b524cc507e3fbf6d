"""The page of published cases: each published number, ours and the bound, as tests record them."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

from experiments.reproduce.pages import Block, Cells, put_page, put_rows

WORDS = (
    "Published parameters in, published numbers out, through the model's own flows and engine. "
    "None of these numbers is a figure that the model is fitted to. Each row is asserted by a "
    "test of tests/published, with the bound that stands here (where it says no, the test expects "
    "that miss); a bound without a published interval is ours. Rows of one case hang together, "
    "and where a size is put in, its return says only that it is handed on. README.md there says "
    "what each case is, and which cases cannot be expressed.",
)


def write(folder: Path, cases: Path) -> None:
    """Write the page and its CSV from the rows that ``pytest --cases`` wrote."""
    with cases.open(encoding="utf-8", newline="") as file:
        columns, *rows = [tuple(row) for row in csv.reader(file)]
    by_case = {name: list(found) for name, found in groupby(rows, key=lambda row: row[0])}
    missed = [row for row in rows if row[-1] != "yes"]
    told = (
        f"{len(rows)} numbers of {len(by_case)} cases; {len(missed)} outside their bound"
        + (f": {'; '.join(row[1] for row in missed)}." if missed else "."),
    )
    overview = tuple(_short(name, found) for name, found in by_case.items())
    blocks = [
        Block("", (*WORDS, *told), ("case", "numbers", "inside"), overview),
        *(
            Block(name, (), columns[1:], tuple(row[1:] for row in by_case[name]))
            for name in by_case
        ),
    ]
    put_page(folder, "published-cases", "Published cases", blocks)
    put_rows(folder, "published-cases", columns, rows)


def _short(name: str, rows: list[Cells]) -> Cells:
    return name, str(len(rows)), str(sum(row[-1] == "yes" for row in rows))
