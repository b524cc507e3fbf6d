"""Words and numbers of the analysts' plots in four languages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from scenarios.texts import LANGUAGES, Texts, load_texts, slug

FILE = Path(__file__).with_name("words.yaml")
LOCALES = {"en": "en_GB", "nl": "nl_BE", "fr": "fr_BE", "de": "de_DE"}
PERCENT_OF = "proportion"
GERMAN_SMALL = frozenset(
    [
        "Aktive",
        "Aktueller",
        "Alle",
        "Ausgegebene",
        "Außerhalb",
        "Begonnene",
        "Behinderungsbereinigte",
        "Beschlagnahmte",
        "Beschädigte",
        "Direkte",
        "Drogenbedingte",
        "Drogenbezogene",
        "Entdeckte",
        "Erfasste",
        "Erfasster",
        "Früherer",
        "Gesellschaftliche",
        "Getrunkener",
        "Indirekte",
        "Konsumierte",
        "Mindestens",
        "Mittlere",
        "Monatliches",
        "Neue",
        "Opioidhaltige",
        "Problematischer",
        "Realer",
        "Riskanter",
        "Stimulierende",
        "Täglicher",
        "Verlorene",
        "Öffentliche",
        "Übermäßiger",
    ]
)
"""First words of German names that are no nouns."""
SMALL, LARGE = 1e-3, 1e6
"""Below and above these sizes a number is told in powers of ten or in millions."""


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Key, then language, then sentence: those that are of plots alone."""
    found: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@cache
def _texts() -> Texts:
    return load_texts()


@cache
def shipped() -> Catalogue:
    """The shipped tables: which products are scenario-only."""
    return load_catalogue()


def words_of(language: str) -> Words:
    """Words in one language. Raises InputError for an unknown one."""
    if language not in LANGUAGES:
        raise InputError("unknown language", given=language, allowed=LANGUAGES)
    return Words(language)


@dataclass(frozen=True)
class Words:
    """Sentences, names and numbers in ``language``."""

    language: str

    def say(self, key: str, **fill: object) -> str:
        """A sentence of words.yaml, its braces filled in."""
        given = sentences()[key][self.language]
        return given.format(**fill) if fill else given

    def some(self, key: str, n: int, **fill: object) -> str:
        """As ``say``, with ``KEY.one`` where ``n`` is 1; {n} is filled in."""
        return self.say(f"{key}.one" if n == 1 else key, n=self.number(n, whole=True), **fill)

    def text(self, key: str, other: str | None = None) -> str:
        """A shipped name, or ``other`` (default: the id in plain letters) where there is none."""
        texts = _texts()
        found = texts[self.language].get(key) or texts["en"].get(key)
        return found or (key.partition(".")[2].replace("_", " ") if other is None else other)

    def product(self, product: str) -> str:
        """The name of a product or of a union of products."""
        texts = _texts()[self.language]
        return texts.get(f"product.{product}") or self.text(f"union.{product}")

    def indicator(self, indicator: str) -> str:
        """The name of an indicator."""
        return self.text(f"indicator.{indicator}")

    def inside(self, name: str) -> str:
        """A name within a sentence: a small first letter, but not in German nor of HIV."""
        german = self.language == "de" and name.partition(" ")[0] not in GERMAN_SMALL
        if german or name[1:2].isupper():
            return name
        return name[:1].lower() + name[1:]

    def group(self, group: str) -> str:
        """A region, an age group or a third by deprivation."""
        texts = _texts()[self.language]
        for kind in ("region", "age_group", "sex", "deprivation"):
            if f"{kind}.{group}" in texts:
                return texts[f"{kind}.{group}"]
        return group.replace("_", " ")

    def unit(self, unit: str) -> str:
        """A unit in words; shares are told in percent."""
        if unit == PERCENT_OF:
            return self.say("percent")
        if unit in ("quantile", "draw", "seed", "position", "value"):
            return self.say(f"unit.{unit}")
        return self.text(f"unit.{slug(unit)}", unit)

    def scenario(self, scenario: str) -> str:
        """The title of a shipped scenario, else its id."""
        return self.text(f"scenario.{scenario}", scenario)

    def lever(self, name: str) -> str:
        """A strategic objective, a specific one or a measure."""
        texts = _texts()[self.language]
        for kind in ("strategic", "objective", "measure"):
            if f"{kind}.{name}" in texts:
                code = "" if kind == "measure" else f"{name} "
                return f"{code}{texts[f'{kind}.{name}']}"
        return name.replace("-", " ")

    def number(self, value: float, *, digits: int = 3, whole: bool = False) -> str:
        """A number with the marks of the language: ``digits`` that matter, or all of a whole one.

        NaN is a dash.
        """
        from babel.numbers import format_compact_decimal, format_decimal

        locale = LOCALES[self.language]
        if not math.isfinite(value):
            return "–"
        if whole:
            return _minus(str(format_decimal(round(value), locale=locale)))
        size = abs(value)
        if size >= LARGE:
            power = math.floor(math.log10(size)) % 3
            told = format_compact_decimal(
                value, locale=locale, fraction_digits=max(digits - 1 - power, 0)
            )
            return _minus(str(told))
        if 0 < size < SMALL:
            power = math.floor(math.log10(size))
            told = format_decimal(value / 10.0**power, format="0.#", locale=locale)
            return _minus(f"{told}×10{_raised(power)}")
        after = digits - 1 - (math.floor(math.log10(size)) if size else 0)
        rounded = round(value, after)
        plain = "#,##0" if after <= 0 else "#,##0." + "#" * after
        return _minus(str(format_decimal(rounded, format=plain, locale=locale)))

    def beside(self, value: float, largest: float) -> str:
        """A number rounded as the largest one allows: to a hundredth of its power of ten.

        Beside a largest of 0.9: 0.123, and "<0.001" for what is less than that.
        """
        from babel.numbers import format_decimal

        if not (math.isfinite(value) and math.isfinite(largest)) or largest <= 0.0:
            return self.number(value, digits=2)
        places = 2 - math.floor(math.log10(largest))
        if places <= 0:
            return self.number(value)
        least, locale = 10.0**-places, LOCALES[self.language]
        pattern = "#,##0." + "0" * places
        if 0.0 < abs(value) < least:
            return f"<{format_decimal(least, format=pattern, locale=locale)}"
        return _minus(str(format_decimal(round(value, places), format=pattern, locale=locale)))

    def signed(self, value: float, *, digits: int = 3) -> str:
        """As ``number``, with a plus where it is above 0."""
        told = self.number(value, digits=digits)
        return f"+{told}" if value > 0 else told

    def share(self, value: float) -> str:
        """A share in whole percent."""
        from babel.numbers import format_percent

        if not math.isfinite(value):
            return "–"
        return str(format_percent(value, locale=LOCALES[self.language]))

    def interval(self, low: float, high: float, *, digits: int = 3) -> str:
        """Both ends of an interval."""
        return self.say(
            "interval",
            low=self.number(low, digits=digits),
            high=self.number(high, digits=digits),
        )


def _minus(told: str) -> str:
    return told.replace("-", "−")


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def in_shown(unit: str) -> float:
    """What a number in ``unit`` is multiplied by when drawn: shares become percent."""
    return 100.0 if unit == PERCENT_OF else 1.0
