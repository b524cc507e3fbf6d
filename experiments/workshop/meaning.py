"""What is told of a lever or a trend: rows of lines, as the dialog and the API show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from experiments.workshop.wording import Words
from scenarios.entries import ASSUMED, HandledReach, Number
from scenarios.levers import SELECTIONS
from scenarios.library import Library

PERCENT_OF_TREND = 90


@dataclass(frozen=True)
class Line:
    """One thing said. ``assumed``: what nobody found evidence for; ``english``: not translated."""

    text: str
    assumed: bool = False
    english: bool = False


@dataclass(frozen=True)
class Row:
    """What is told (``term``), and all that is said of it."""

    term: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Meaning:
    """All that is told of a lever."""

    title: str
    rows: tuple[Row, ...]

    @property
    def texts(self) -> list[str]:
        """Everything that is said."""
        return [self.title, *(t for row in self.rows for t in (row.term, *texts(row)))]


def texts(row: Row) -> list[str]:
    """What a row says."""
    return [line.text for line in row.lines]


def row(words: Words, key: str, *lines: Line | str) -> Row:
    """A row headed by ``info.KEY``."""
    made = (line if isinstance(line, Line) else Line(line) for line in lines)
    return Row(words.say(f"info.{key}"), tuple(line for line in made if line.text))


def number(number: Number, words: Words, percent: int) -> str:
    """A size with its interval."""
    central = words.plain(number.central)
    if number.low is None or number.high is None:
        return words.say("info.fixed", central=central)
    ends = {"low": words.plain(number.low), "high": words.plain(number.high)}
    return words.say("info.range", central=central, percent=percent, **ends)


def share(low: float | None, central: float, high: float | None, words: Words) -> str:
    """A share in percent, with its range where there is one."""
    told = words.plain(round(100 * central, 6))
    if low is None or high is None:
        return words.say("info.coverage.one", central=told)
    ends = {"low": words.plain(round(100 * low, 6)), "high": words.plain(round(100 * high, 6))}
    return words.say("info.coverage.range", central=told, **ends)


def handle(name: str, words: Words) -> str:
    """A handle in words."""
    return words.known(f"handle.{name}", name.replace("_", " "))


def owner(name: str, words: Words) -> str:
    """A product or a union."""
    return words.name(f"product.{name}", words.name(f"union.{name}"))


def whom(effect: HandledReach, library: Library, words: Words) -> str:
    """Products or measures that an effect is about, and the people it reaches."""
    told = [_measures(effect, library, words)] if effect.measures else _products(effect, words)
    low, high = effect.ages
    if high is not None:
        told.append(words.say("info.ages", low=low or 10, high=high))
    elif low is not None:
        told.append(words.say("info.ages.from", low=low))
    for key, group in (("sexes", "sex"), ("regions", "region"), ("deprivation", "deprivation")):
        if key in effect.model_fields_set:
            told += [words.name(f"{group}.{name}") for name in getattr(effect, key)]
    return ", ".join(told)


def _products(effect: HandledReach, words: Words) -> list[str]:
    return [
        words.say("info.products.all")
        if name == "all"
        else words.name(f"kind.{name.removeprefix('kind:')}")
        if name.startswith("kind:")
        else owner(name, words)
        for name in effect.products
    ]


def _measures(effect: HandledReach, library: Library, words: Words) -> str:
    names = [name_of(name, library, words) for name in effect.measures or []]
    if effect.measures and effect.measures[0] in SELECTIONS:
        return ", ".join(names)
    return words.say("info.measures", names=", ".join(names))


def name_of(lever: str, library: Library, words: Words) -> str:
    """An objective with its number, a measure, or a selection of measures."""
    if lever in SELECTIONS:
        return words.say(f"info.measures.{lever}")
    if lever in library.measures:
        return words.name(f"measure.{lever}")
    group = "objective" if lever in library.objectives else "strategic"
    return f"{lever} {words.name(f'{group}.{lever}')}"


def sources(ids: Iterable[str | None], full: Callable[[str], str | None], words: Words) -> Row:
    """Sources in full, each once; nothing but what was assumed is told as that."""
    found = dict.fromkeys(name for name in ids if name and name != ASSUMED)
    if not found:
        return row(words, "sources", Line(words.say("info.sources.none"), assumed=True))
    return row(words, "sources", *(full(name) or name for name in found))


def whole(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows that say something."""
    return tuple(one for one in rows if one.lines)
