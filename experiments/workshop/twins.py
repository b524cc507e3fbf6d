"""A graph told without a picture: one line above it, a sentence, and a table of every year."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from babel.numbers import format_decimal

from experiments.workshop.answers import LAST_YEAR, LEVELS, YEARS, Answer, Change, Fan, Float
from experiments.workshop.dots import Dot
from experiments.workshop.estimate import SHARE
from experiments.workshop.meaning import owner
from experiments.workshop.view import Graph
from experiments.workshop.wording import Words
from model.catalogue import Catalogue

SURE = 0.8  # share of draws that point one way, from which a direction is told
END = YEARS.index(LAST_YEAR)
LITTLE = 0.001  # share of the level that a change must have at one end to be told
ROUGH = 2  # digits of a difference, which is known less well than what it is of
NOISE = 1e-12  # differences below it come of how computers round
Row = tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A line in parts: the value, its range, current policy and the change; each may be empty."""

    value: str
    range: str = ""
    before: str = ""
    change: str = ""


def unit_of(graph: Graph, catalogue: Catalogue) -> str:
    """Unit of the indicator of a graph."""
    return next(row.unit for row in catalogue.indicators if row.id == graph.indicator)


def title_of(graph: Graph, words: Words, catalogue: Catalogue) -> str:
    """Indicator, product, place and ages in words."""
    return words.say(
        "page.graph.title",
        indicator=words.name(f"indicator.{graph.indicator}"),
        product=owner(graph.product, words),
        region=words.name(f"region.{graph.region}"),
        age=words.name(f"age_group.{graph.age}"),
    )


def line_of(
    words: Words, own: Fan | None, reference: Fan, unit: str, *, preview: bool = False
) -> Told:
    """What the graph says of its last year, numbers in the unit shown."""
    shown, factor = words.unit(unit)
    if not math.isfinite(reference.bands[2, END]):
        return Told(words.say("page.graph.nothing"))
    now = words.number(reference.bands[2, END] * factor)
    before = words.say("page.graph.before", value=now)
    if own is None:
        return Told(words.say("page.graph.waiting"), "", before)
    low, _, median, _, high = (own.bands[:, END] * factor).tolist()
    told = {"value": words.number(median), "low": words.number(low), "high": words.number(high)}
    return Told(
        words.say("page.graph.value", year=LAST_YEAR, value=told["value"], unit=shown),
        words.say("page.graph.range", **told),
        before,
        _change(words, own, float(reference.bands[2, END]), unit, preview=preview),
    )


def _change(words: Words, fan: Fan, level: float, unit: str, *, preview: bool) -> str:
    change = fan.change
    if change is None or not math.isfinite(change.median):
        return ""
    factor = words.unit(unit)[1]
    ends = (change.median, change.low, change.high)
    numbers = [number * factor for number in ends]
    if not any(numbers):
        return words.say("page.graph.same") + _peak(words, fan, unit)
    if max(map(abs, ends)) < LITTLE * abs(level):
        return words.say("page.graph.little") + _peak(words, fan, unit)
    median, low, high = (signed(words, number) for number in numbers)
    if unit == SHARE:
        median = f"{median} {words.say('page.points.short')}"
    # A few draws say little of how far the change itself may vary.
    key = "page.graph.change.preview" if preview else "page.graph.change"
    return words.say(key, median=median, low=low, high=high) + _peak(words, fan, unit)


def _peak(words: Words, fan: Fan, unit: str) -> str:
    """What the change of the last year hides, with a space before it."""
    if fan.peak is None:
        return ""
    year, change = fan.peak
    median = signed(words, change.median * words.unit(unit)[1])
    if unit == SHARE:
        median = f"{median} {words.say('page.points.short')}"
    return f" {words.say('page.graph.peak', year=year, median=median)}"


def signed(words: Words, number: float, places: int | None = None) -> str:
    """A difference with its sign: so many digits after the point, else ROUGH ones that count.

    More digits where nothing would be left: what is not 0 is never told as 0.
    """
    if not math.isfinite(number):
        return words.say("cell.none")
    size = abs(number)
    if size < NOISE:
        return "0"
    if places is None or round(size, places) == 0.0:
        places = ROUGH - 1 - math.floor(math.log10(size))
    digits = "#,##0" + ("." + "0" * places if places > 0 else "")
    told = format_decimal(round(size, places), format=digits, locale=words.language)
    return ("+" if number > 0.0 else "−") + str(told)


def sentence_of(words: Words, graph: Graph, catalogue: Catalogue, answer: Answer, fan: Fan) -> str:
    """What a graph says, to be read aloud when the hand rests."""
    unit = unit_of(graph, catalogue)
    shown, factor = words.unit(unit)
    title = title_of(graph, words, catalogue)
    low, _, median, _, high = (fan.bands[:, END] * factor).tolist()
    if not math.isfinite(median):
        return words.say("page.sentence.nothing", title=title)
    numbers = {"value": median, "low": low, "high": high}
    told = words.say(
        "page.sentence",
        title=title,
        year=LAST_YEAR,
        unit=shown,
        **{key: words.number(number) for key, number in numbers.items()},
    )
    return f"{told} {_direction(words, fan.change, unit, answer)}{_peak(words, fan, unit)}"


def _direction(words: Words, change: Change | None, unit: str, answer: Answer) -> str:
    if change is None or not math.isfinite(change.median):
        return ""
    shown, factor = words.unit(unit)
    numbers = [number * factor for number in (change.median, change.low, change.high)]
    if not any(numbers):
        return words.say("page.sentence.same")
    if change.agree < SURE or not change.median:
        return words.say("page.sentence.unclear", draws=words.count(answer.draws))
    way = "less" if change.median < 0.0 else "more"
    ends = sorted(abs(number) for number in numbers[1:])
    if numbers[1] * numbers[2] < 0.0:  # the interval holds both signs: told with them
        low, high = signed(words, numbers[1]), signed(words, numbers[2])
    else:
        low, high = (words.number(end, ROUGH) for end in ends)
    size = words.number(abs(numbers[0]), ROUGH)
    of = words.say("page.points") if unit == SHARE else shown
    return words.say(f"page.sentence.{way}", median=size, unit=of, low=low, high=high)


@dataclass(frozen=True)
class Table:
    """A graph in rows: the head, a row a year, then what stands below."""

    caption: str
    head: Row
    rows: tuple[Row, ...]
    figures: tuple[str, ...]
    sentence: str = ""


def table_of(
    words: Words,
    caption: str,
    named: Sequence[tuple[str, Float]],
    dots: Sequence[Dot],
    factor: float = 1.0,
    sentence: str = "",
) -> Table:
    """Every year of each named scenario, median and 90% interval; figures in their own column.

    Bands are multiplied by ``factor``; dots are in the unit shown already.
    """
    intervals = words.say("page.table.interval")
    head = (words.say("page.table.year"), *(f"{name}, {intervals}" for name, _ in named))
    by_year: dict[int, list[str]] = {}
    for dot in dots:
        by_year.setdefault(dot.year, []).append(told_dot(words, dot))
    if dots:
        head = (*head, words.say("page.table.figures"))
    rows = []
    for i, year in enumerate(YEARS):
        low, median, high = (LEVELS.index(level) for level in (0.05, 0.5, 0.95))
        cells = [
            words.interval(*(bands[[median, low, high], i] * factor).tolist()) for _, bands in named
        ]
        last = ("; ".join(by_year.get(year, ("",))),) if dots else ()
        rows.append((str(year), *cells, *last))
    sources = tuple(
        words.say("page.dot.year", year=dot.year, told=told_source(words, dot)) for dot in dots
    )
    return Table(caption, head, tuple(rows), sources, sentence)


def told_dot(words: Words, dot: Dot) -> str:
    """A figure with its interval, or the bounds that were printed."""
    if dot.value is not None and dot.low is not None and dot.high is not None:
        return words.interval(dot.value, dot.low, dot.high)
    if dot.value is not None:
        return words.number(dot.value)
    if dot.low is not None and dot.high is not None:
        return f"{words.number(dot.low)}–{words.number(dot.high)}"
    bound = dot.low if dot.low is not None else dot.high
    return ("≥ " if dot.low is not None else "≤ ") + words.number(bound or 0.0)


def told_source(words: Words, dot: Dot) -> str:
    """Where a figure comes from, and what it is to the model."""
    role = words.say(f"page.role.{dot.role}")
    return words.say("page.dot.source", source=dot.source, role=role)
