"""What a report is made of, whatever it is written as: headings, texts, lists, tables, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Heading:
    """A heading; ``level`` 1 is the widest under the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; ``important`` ones stand out."""

    text: str
    important: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list; each item has a name that stands out, which may be empty, and words."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table with one row of headings; the first column heads its row.

    ``numbers``: columns that stand to the right; ``widths``: share of the width of each column.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture (SVG or PNG file), told in words for who cannot see it."""

    path: Path
    caption: str
    alt: str


@dataclass(frozen=True)
class Link:
    """An address that can be followed; ``text``: what is shown of it."""

    text: str
    url: str


@dataclass(frozen=True)
class Row:
    """Blocks side by side, each as wide as the others."""

    blocks: tuple[Table | Picture, ...]


@dataclass(frozen=True)
class Break:
    """A new page."""


Block = Heading | Text | Bullets | Table | Picture | Link | Row | Break
Layout = Literal["long", "sheet"]


@dataclass(frozen=True)
class Report:
    """A whole report. ``language``: its code; ``foot``: stands on every page.

    ``layout``: long, or a sheet: no contents, and type as large as lets all that stands before,
    between and after breaks fit on a page each.
    """

    language: str
    title: str
    subtitle: str
    foot: str
    contents: str  # heading of the table of contents
    blocks: tuple[Block, ...]
    layout: Layout = "long"
