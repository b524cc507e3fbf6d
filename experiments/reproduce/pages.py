"""Pages and tables of docs/generated, with the same bytes whenever the same is told.

Numbers are rounded where they are written, rows keep a fixed order, lines end in LF; no time of
day, path or version stands in a file.
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

GENERATED = Path("docs/generated")
PLOTS = GENERATED / "plots"
LINE = 100
BY = "This page is written by `make reproduce`."

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A heading (none for ""), sentences, and a table or none."""

    title: str = ""
    lines: tuple[str, ...] = ()
    columns: Cells = ()
    rows: tuple[Cells, ...] = ()


def three(value: float) -> str:
    """A number in three significant digits, without an exponent where it is readable."""
    rounded = float(f"{value:.3g}")
    if rounded == 0.0:
        return "0"  # no minus before it
    return f"{rounded:,.0f}" if abs(rounded) >= 1000.0 else f"{rounded:.3g}"


def with_range(middle: float, low: float, high: float) -> str:
    """A number and its range."""
    return f"{three(middle)} ({three(low)} to {three(high)})"


def markdown(title: str, blocks: Iterable[Block]) -> str:
    """A page with this title."""
    parts = [f"# {title}", BY]
    for block in blocks:
        parts += [f"## {block.title}"] if block.title else []
        parts += [_wrapped(line) for line in block.lines]
        if block.rows:
            lines = (block.columns, ("---",) * len(block.columns), *block.rows)
            parts.append("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _wrapped(line: str) -> str:
    # A link or a word with a hyphen stays whole.
    return "\n".join(textwrap.wrap(line, LINE, break_long_words=False, break_on_hyphens=False))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def comma_separated(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([" ".join(cell.split()) for cell in row] for row in rows)
    return text.getvalue()


def put(path: Path, text: str) -> None:
    """Write a file; its folder is made where it lacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def put_page(folder: Path, name: str, title: str, blocks: Sequence[Block]) -> None:
    """Write NAME.md, and NAME.csv of the first table on it, into docs/generated of ``folder``."""
    put(folder / GENERATED / f"{name}.md", markdown(title, blocks))
    first = next(block for block in blocks if block.rows)
    put_rows(folder, name, first.columns, first.rows)


def put_rows(
    folder: Path, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Write NAME.csv into docs/generated of ``folder``."""
    plain = ([cell.replace("`", "") for cell in row] for row in rows)
    put(folder / GENERATED / f"{name}.csv", comma_separated(columns, plain))
