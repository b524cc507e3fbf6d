"""The page that sets agents against the compartments, from the tables of docs/agents-docking.md.

``make docking`` computes these, in some ten minutes; here they are only told in short.
"""

from __future__ import annotations

from pathlib import Path

from experiments.checks.docking import PAGE
from experiments.reproduce.pages import Block, Cells, put_page
from model.errors import InputError


def write(folder: Path) -> None:
    """Write the page and its CSV. Raises InputError where a table is missing."""
    (columns, *rows), said = table_between("docking")
    (heads, *refined), told = table_between("refinements")
    words = (
        "Agents with all refinements off, set against the compartments on the same draw, 2010 to "
        "2030, in every cell (a number of one year by state and region) of 25 expected agents or "
        "more. z is the mean over seeds less the compartments' number, over its standard error; "
        "the error of one run is relative.",
        *said,
    )
    changed = (
        "People in 2030 by the compartments, and what each refinement of the agents changes "
        "beside them, in percent with its standard error.",
        *told,
    )
    blocks = [
        Block("", words, columns, tuple(rows)),
        Block("What each refinement changes", changed, heads, tuple(refined)),
    ]
    put_page(folder, "docking", "Agents beside the compartments", blocks)


def table_between(name: str) -> tuple[list[Cells], list[str]]:
    """Rows of the table between two markers, the head first, and the sentences after it.

    Raises InputError where a marker is missing.
    """
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if start not in text or end not in text:
        raise InputError("a marker is missing", file=str(PAGE), key=name, allowed=start)
    lines = text.partition(start)[2].partition(end)[0].strip().splitlines()
    cut = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    rows = [row for row, line in zip(cut, lines, strict=True) if line.startswith("|")]
    said = [line for line in lines if line and not line.startswith("|")]
    return [row for row in rows if set(row[0]) != {"-"}], said
