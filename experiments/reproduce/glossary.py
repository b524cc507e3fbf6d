"""The glossary: docs/glossary.md, made from docs/glossary.yaml."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from experiments.reproduce.pages import put
from scenarios.lines import read_yaml

DATA = Path(__file__).resolve().parents[2] / "docs/glossary.yaml"
PAGE = Path("docs/glossary.md")
NAMES = {"en": "English", "nl": "Nederlands", "fr": "Français", "de": "Deutsch"}
ABOUT = """# Glossary

<!-- Made from docs/glossary.yaml by `make reproduce`: change that file. -->

Words of this project and of the field, in [English](#english), [Dutch](#nederlands), \
[French](#français) and [German](#deutsch). The workshop page, the reports and the plots use the
same words. Other languages than English were not yet read by native speakers of the field."""

Row = Mapping[str, tuple[str, str]]
"""Language, then the word and what it means here."""


def plain(text: str) -> str:
    """Small letters without accents, for order and for comparison."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part)).replace("’", "'")


@cache
def entries() -> tuple[Mapping[str, Any], ...]:
    """The rows of the file as they stand. Raises InputError where it is no YAML."""
    read: Any = read_yaml(DATA).value
    return tuple(read)


def rows() -> list[Row]:
    """Words and meanings of all rows. Raises KeyError where a row lacks a language."""
    return [{language: tuple(row[language]) for language in NAMES} for row in entries()]


def page() -> str:
    """The whole page: words side by side, then what they mean, language by language."""
    side_by_side = [" | ".join(row[language][0] for language in NAMES) for row in rows()]
    table = [" | ".join(NAMES.values()), " | ".join("---" for _ in NAMES)]
    table += sorted(side_by_side, key=plain)
    parts = [ABOUT, "\n".join(f"| {line} |" for line in table)]
    for language, name in NAMES.items():
        told = sorted((row[language] for row in rows()), key=lambda said: plain(said[0]))
        meanings = "\n".join(f"- **{word}**: {meaning}" for word, meaning in told)
        parts += [f"## {name}", meanings]
    return "\n\n".join(parts) + "\n"


def write(folder: Path) -> None:
    """Write the page as it lies in the repository into ``folder``."""
    put(folder / PAGE, page())
