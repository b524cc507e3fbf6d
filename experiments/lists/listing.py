"""Tables of ``drugfutures show``: many rows in short, or one row whole with its source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from model.catalogue import Catalogue
from model.errors import InputError
from model.reading import TableRow, columns

ASSUMED = "assumed"

Entry = tuple[tuple[str, ...], tuple[str, ...]]  # lines on the left, lines on the right


def listed(title: str, entries: Sequence[Entry], note: str = "") -> Table:
    """Entries with an id on the left; long texts fold, nothing is cut, ``assumed`` stands out."""
    table = Table(
        title=f"{title} ({len(entries)})",
        title_justify="left",
        caption=note or None,
        caption_justify="left",
        box=box.SIMPLE,
        show_header=False,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("what", ratio=5, overflow="fold")
    table.add_column("told", ratio=8, overflow="fold")
    for left, right in entries:
        head = Text(left[0], style="bold")
        for line in left[1:]:
            head.append(f"\n {line}" if line else "", style="not bold")
        table.add_row(head, _marked("\n".join(line for line in right if line)))
    return table


def _marked(cell: str) -> Text:
    text = Text(cell)
    text.highlight_words([ASSUMED], style="yellow")
    return text


def whole_row(row: TableRow, sources: dict[str, str]) -> Table:
    """One row whole: every column, and the source in full."""
    table = Table(show_header=False, pad_edge=False)
    table.add_column("key", style="bold", no_wrap=True)
    table.add_column("value", overflow="fold")
    cells = row.model_dump(by_alias=True)
    for key in columns(type(row)):
        if (value := cells[key]) is not None:
            told = text_of(value)
            if key == "source":
                told = f"{told}: {sources.get(told, '')}"
            table.add_row(key, _marked(told))
    table.add_row("table", f"{Path(row.file).name}, line {row.line}")
    return table


def one_entry(rows: Sequence[tuple[str, str]]) -> Table:
    """One thing whole: keys and values."""
    table = Table(show_header=False, pad_edge=False)
    table.add_column("key", style="bold", no_wrap=True)
    table.add_column("value", overflow="fold")
    for key, told in rows:
        table.add_row(key, _marked(told))
    return table


def text_of(value: object) -> str:
    """A cell in words; nothing for an empty one."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def sources_in_full(catalogue: Catalogue) -> dict[str, str]:
    """Publisher, title, year and place of every source, by id."""
    found = {}
    for row in catalogue.sources:
        parts = (row.publisher, row.title, row.year, row.where)
        found[row.id] = ". ".join(part.rstrip(".") for part in parts if part)
    return found


def unknown(topic: str, chosen: str, allowed: Sequence[str]) -> InputError:
    """The refusal of an ID."""
    return InputError(
        f"unknown ID for {topic}", key="ID", given=chosen, allowed=list(dict.fromkeys(allowed))
    )


def one(
    topic: str, chosen: str, rows: Sequence[TableRow], ids: Sequence[str], catalogue: Catalogue
) -> list[RenderableType]:
    """The rows of which the id is ``chosen``, each whole. Raises InputError when there is none."""
    found = [row for row, at in zip(rows, ids, strict=True) if at == chosen]
    if not found:
        raise unknown(topic, chosen, ids)
    return [whole_row(row, sources_in_full(catalogue)) for row in found]
