"""What the page says, in four languages: sentences of ``words/*.yaml`` and names of the library.

Each file is flat: key, then the sentence in en, nl, fr and de.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from experiments.report.words import Words
from experiments.report.words import sentences as of_reports
from model.errors import InputError
from scenarios.lines import read_yaml
from scenarios.texts import LANGUAGES

FOLDER = Path(__file__).with_name("words")

__all__ = ["FOLDER", "Words", "own_sentences", "words_of"]


@cache
def own_sentences() -> Mapping[str, Mapping[str, str]]:
    """Key, then language, then sentence: those of the page alone.

    Raises ValueError where a key stands twice.
    """
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        more: dict[str, Mapping[str, str]] = read_yaml(path).value  # type: ignore[assignment]
        twice = sorted(found.keys() & more.keys())
        if twice:
            raise ValueError(f"{path.name}: {', '.join(twice)} stands in another file too")
        found |= more
    return found


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    return {**of_reports(), **own_sentences()}


def words_of(language: str, texts: Mapping[str, Mapping[str, str]]) -> Words:
    """Words of a language; ``texts`` of the library. Raises InputError for an unknown one.

    ValueError: a key stands twice.
    """
    if language not in LANGUAGES:
        raise InputError("unknown language", given=language, allowed=LANGUAGES)
    return Words(language, texts[language], texts["en"], _sentences())
