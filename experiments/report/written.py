"""A report as a file: tagged PDF through Typst, or one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, Final

from experiments.report.blocks import (
    Block,
    Break,
    Bullets,
    Heading,
    Link,
    Picture,
    Report,
    Row,
    Table,
    Text,
)
from model.errors import InputError

TEMPLATE = Path(__file__).with_name("template.typ")
STYLE = Path(__file__).with_name("report.css")
STANDARD: Final = "ua-1"  # PDF/UA-1: tagged, titled, with alternative texts
MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}


def check(out: Path) -> None:
    """Refuse a file that no report can be, before anything is drawn. Raises InputError."""
    if out.suffix not in (".pdf", ".html"):
        allowed = "a file that ends in .pdf or .html"
        raise InputError("unknown kind of report", key="--out", given=str(out), allowed=allowed)


def write(report: Report, out: Path) -> Path:
    """Write a report as its suffix says, .pdf or .html. Raises InputError."""
    check(out)
    made = pdf(report) if out.suffix == ".pdf" else html(report).encode("utf-8")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(made)
    except OSError as error:
        allowed = f"a file that can be written ({error.strerror})"
        raise InputError(
            "cannot write the report", key="--out", given=str(out), allowed=allowed
        ) from None
    return out


def pdf(report: Report) -> bytes:
    """The report as tagged PDF (PDF/UA-1); equal reports give equal bytes."""
    import typst

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TEMPLATE, folder / "report.typ")
        blocks = [_told(block, f"{number}", folder) for number, block in enumerate(report.blocks)]
        whole = {**asdict(report), "blocks": blocks}
        (folder / "report.json").write_text(json.dumps(whole), encoding="utf-8")
        found: bytes = typst.compile(
            str(folder / "report.typ"), root=str(folder), pdf_standards=[STANDARD], timestamp=0
        )
    return found


def _told(block: Block, name: str, folder: Path) -> dict[str, Any]:
    """A block as the template reads it; its pictures are copied beside it, under ``name``."""
    told = {"kind": type(block).__name__, **asdict(block)}
    if isinstance(block, Picture):
        told["path"] = f"{name}{block.path.suffix}"
        shutil.copy(block.path, folder / told["path"])
    if isinstance(block, Table):
        told["widths"] = block.widths or (1.0,) * len(block.header)
    if isinstance(block, Row):
        told["blocks"] = [_told(b, f"{name}-{i}", folder) for i, b in enumerate(block.blocks)]
    return told


def html(report: Report) -> str:
    """The report as one HTML file: style and pictures inside, no script, nothing from elsewhere."""
    headings = [(i, b) for i, b in enumerate(report.blocks) if isinstance(b, Heading)]
    links = "".join(
        f'<li><a href="#part-{i}">{escape(b.text)}</a></li>' for i, b in headings if b.level == 1
    )
    body = "\n".join(_block(i, block) for i, block in enumerate(report.blocks))
    return f"""<!DOCTYPE html>
<html lang="{report.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{escape(report.title)}</h1><p>{escape(report.subtitle)}</p></header>
<nav aria-labelledby="contents">
<h2 id="contents">{escape(report.contents)}</h2>
<ul>{links}</ul>
</nav>
<main>
{body}
</main>
<footer><p>{escape(report.foot)}</p></footer>
</body>
</html>
"""


def _block(number: int, block: Block) -> str:
    match block:
        case Heading():
            tag = f"h{block.level + 1}"
            return f'<{tag} id="part-{number}">{escape(block.text)}</{tag}>'
        case Text():
            mark = ' class="important"' if block.important else ""
            return f"<p{mark}>{escape(block.text)}</p>"
        case Bullets():
            items = (
                f"<li>{f'<strong>{escape(name)}</strong> ' if name else ''}{escape(words)}</li>"
                for name, words in block.items
            )
            return f"<ul>{''.join(items)}</ul>"
        case Table():
            return _table(block)
        case Picture():
            data = base64.b64encode(block.path.read_bytes()).decode("ascii")
            source = f"data:{MEDIA[block.path.suffix]};base64,{data}"
            image = f'<img src="{source}" alt="{escape(block.alt, quote=True)}">'
            caption = f"<figcaption>{escape(block.caption)}</figcaption>"
            return f"<figure>{image}{caption}</figure>"
        case Link():
            return f'<p><a href="{escape(block.url, quote=True)}">{escape(block.text)}</a></p>'
        case Row():
            return "\n".join(_block(number, one) for one in block.blocks)
        case Break():
            return ""


def _table(table: Table) -> str:
    def cell(number: int, words: str) -> str:
        if number == 0:
            return f'<th scope="row">{escape(words)}</th>'
        kind = ' class="number"' if number in table.numbers else ""
        return f"<td{kind}>{escape(words)}</td>"

    header = "".join(f'<th scope="col">{escape(words)}</th>' for words in table.header)
    rows = (
        f"<tr>{''.join(cell(i, words) for i, words in enumerate(row))}</tr>" for row in table.rows
    )
    # A wide table scrolls on its own; whoever uses a keyboard can reach it.
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(table.caption)}">'
        f"<table><caption>{escape(table.caption)}</caption>"
        f"<thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
