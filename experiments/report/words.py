"""Sentences and numbers of a report in its language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from experiments.plots.units import MILLION, PERCENT, shown
from model.errors import InputError
from scenarios.lines import read_yaml
from scenarios.texts import LANGUAGES, slug

WORDS = Path(__file__).with_name("words.yaml")
SMALL = 1.0  # percent
DIGITS = 3  # significant ones of a number in a table


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Key, then language, then sentence: those of reports."""
    return dict(read_yaml(WORDS).value)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class Words:
    """What is said in one language; ``texts``: names of all that is shown, of that language."""

    language: str
    texts: Mapping[str, str]
    english: Mapping[str, str]
    sentences: Mapping[str, Mapping[str, str]]

    def say(self, key: str, **filled: object) -> str:
        """A sentence with its gaps filled."""
        return self.sentences[key][self.language].format(**filled)

    def known(self, key: str, otherwise: str) -> str:
        """A sentence without gaps; ``otherwise`` where there is none of that name."""
        return self.sentences[key][self.language] if key in self.sentences else otherwise

    def name(self, key: str, otherwise: str | None = None) -> str:
        """The name of something shown, in English (or as given) where the language has none."""
        found = self.texts.get(key) or self.english.get(key)
        if found is None:
            return key.partition(".")[2] if otherwise is None else otherwise
        return found

    def count(self, value: int) -> str:
        """A whole number."""
        from babel.numbers import format_decimal

        return str(format_decimal(value, format="#,##0", locale=self.language))

    def unit(self, unit: str) -> tuple[str, float]:
        """A unit as it is shown, and the factor of numbers in it."""
        told, factor = shown(unit)
        if told == PERCENT:
            return self.say("percent"), factor
        plain = self.name(f"unit.{slug(unit)}", unit)
        return (self.say("million", unit=plain) if told.startswith(MILLION) else plain), factor

    def number(self, value: float, digits: int = DIGITS) -> str:
        """A number with so many significant digits, grouped as the language does."""
        from babel.numbers import format_decimal

        if not math.isfinite(value):
            return self.say("cell.none")
        if value == 0.0:
            return "0"
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
        pattern = "#,##0" + ("." + "0" * min(places, 6) if places else "")
        return str(format_decimal(rounded, format=pattern, locale=self.language))

    def plain(self, value: float) -> str:
        """A number that somebody chose, with the digits that it was given with."""
        from babel.numbers import format_decimal

        return str(format_decimal(value, format="#,##0.######", locale=self.language))

    def interval(self, median: float, low: float, high: float) -> str:
        """A median with its interval in one cell."""
        if not math.isfinite(median):
            return self.say("cell.none")
        told = {"median": median, "low": low, "high": high}
        return self.say("cell.interval", **{key: self.number(one) for key, one in told.items()})

    def change(self, median: float, low: float, high: float) -> str:
        """A difference in percent with its interval, signs shown.

        One place after the point, two where all three would be too small to be told apart.
        """
        from babel.numbers import format_decimal

        if not math.isfinite(median):
            return self.say("cell.none")
        places = "0.00" if max(map(abs, (median, low, high))) < SMALL else "0.0"
        ends = {
            key: format_decimal(one, format=f"+#,##{places};−#,##{places}", locale=self.language)
            for key, one in (("median", median), ("low", low), ("high", high))
        }
        return self.say("cell.interval", **ends)


def words_of(language: str, texts: Mapping[str, Mapping[str, str]]) -> Words:
    """Words of a language; ``texts`` of all languages. Raises InputError for an unknown one."""
    if language not in LANGUAGES:
        raise InputError("unknown language", key="--lang", given=language, allowed=LANGUAGES)
    return Words(language, texts[language], texts["en"], sentences())
