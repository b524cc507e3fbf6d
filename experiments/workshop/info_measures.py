"""What a measure and an objective mean, in the words of the page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from babel.dates import format_date

from experiments.lists.show_levers import size_source
from experiments.workshop.entries import placed
from experiments.workshop.lever import Scale
from experiments.workshop.meaning import (
    Line,
    Meaning,
    Row,
    handle,
    name_of,
    number,
    owner,
    row,
    share,
    sources,
    whole,
    whom,
)
from experiments.workshop.wording import Words
from scenarios.entries import ASSUMED
from scenarios.levers import Effect, Measure, MeasureEntry, UnitCost
from scenarios.library import Library

UNITS = {
    "EUR per room and year": "room",
    "EUR per course": "course",
    "EUR per client and year": "client",
    "USD per kit with its distribution": "kit",
}


def measure_meaning(
    measure: Measure, library: Library, full: Mapping[str, str], words: Words
) -> Meaning:
    """All that is known of a measure; ``full``: sources in full, by id."""
    entry = measure.entry
    own = [size_source(entry, effect) for effect in entry.effects]
    ids = [entry.source, entry.full.source, *own, *(e.coverage.source for e in entry.effects)]
    ids += [cost.source for cost in (entry.cost, entry.unit_cost) if cost is not None]
    rows = [
        row(words, "about", words.name(f"measure.{entry.id}.about")),
        _half(entry, full, words),
        _effects(entry, library, words),
        row(words, "evidence", Line(words.name(f"grade.{entry.grade}"), _weak(entry))),
        _aim(entry, words),
        _published(entry, words),
        _timing(entry, words),
        _reach(entry, full, words),
        positions(Scale(entry.range[0], entry.range[1]), words),
        _strategy(measure, library, words),
        row(words, "cost", *_cost(entry, words)),
        sources(ids, full.get, words),
        row(words, "note", Line(" ".join(entry.note.split()), english=True)),
    ]
    return Meaning(words.name(f"measure.{entry.id}"), whole(rows))


def objective_meaning(lever: str, library: Library, words: Words) -> Meaning:
    """A strategic or specific objective: what it is about, and the measures that it moves."""
    group = "objective" if lever in library.objectives else "strategic"
    members = library.members(lever)
    own = [m for m in library.measures.values() if lever in (m.objective, m.strategic)]
    apart = [m.id for m in own if m.id not in members]
    rows = [
        row(words, "about", words.name(f"{group}.{lever}.about")),
        row(
            words,
            "members",
            words.say("info.members.half"),
            *(_member(library.measures[name].entry, words) for name in members),
        ),
        row(
            words,
            "apart",
            *(words.say("info.apart.one", measure=words.name(f"measure.{m}")) for m in apart),
        ),
        positions(Scale(), words),
    ]
    return Meaning(name_of(lever, library, words), whole(rows))


def half(entry: MeasureEntry, words: Words) -> str:
    """What position 50 of a measure means in the real world."""
    told = words.name(f"measure.{entry.id}.half")
    return told.format(half=words.plain(entry.full.value / 2))


def positions(scale: Scale, words: Words) -> Row:
    """The named ranges of a lever."""
    found = scale.ranges(words)
    last = [start - 1 for start, _ in found[1:]] + [scale.high]
    lines = []
    for (low, name), high in zip(found, last, strict=True):
        key = "info.positions.one" if low == high else "info.positions.range"
        lines.append(words.say(key, name=name, low=placed(low, words), high=placed(high, words)))
    return row(words, "positions", *lines)


def _weak(entry: MeasureEntry) -> bool:
    return entry.source == ASSUMED


def _member(entry: MeasureEntry, words: Words) -> Line:
    told = words.say(
        "info.member",
        measure=words.name(f"measure.{entry.id}"),
        half=half(entry, words),
        grade=words.name(f"grade.{entry.grade}"),
    )
    return Line(told, _weak(entry))


def _half(entry: MeasureEntry, full: Mapping[str, str], words: Words) -> Row:
    extent, told = entry.full, words.name(f"measure.{entry.id}.half")
    lines = [Line(half(entry, words))]
    ranged = extent.low is not None and extent.high is not None and extent.low < extent.high
    if ranged and "{half}" in told:
        numbers = {"low": extent.low, "central": extent.value, "high": extent.high}
        halves = {key: words.plain((value or 0.0) / 2) for key, value in numbers.items()}
        lines.append(Line(words.say("info.half.range", **halves)))
    if extent.source == ASSUMED:
        lines.append(Line(words.say("info.extent.assumed"), assumed=True))
    else:
        known = full.get(extent.source, extent.source)
        lines.append(Line(words.say("info.extent.source", source=known)))
    return row(words, "half", *lines)


def _effects(entry: MeasureEntry, library: Library, words: Words) -> Row:
    lines = []
    for effect in entry.effects:
        assumed = size_source(entry, effect) == ASSUMED
        told = words.say(
            "info.effect",
            handle=handle(effect.handle, words),
            whom=whom(effect, library, words),
            size=_size(effect, assumed, words),
        )
        told = told[0].upper() + told[1:] + _coverage(effect, words)
        lines.append(Line(told, assumed))
    if any(effect.form == "dose" for effect in entry.effects):
        lines.append(Line(words.say("info.dose")))
    if any(line.assumed for line in lines) or entry.grade in ("expert", "unverified"):
        lines.append(Line(words.say("info.wider")))
    return row(words, "effects", *lines)


def _size(effect: Effect, assumed: bool, words: Words) -> str:
    if effect.points is not None:
        points = (
            words.say("info.points.one", position=at, size=words.plain(value))
            for at, value in sorted(effect.points.items())
        )
        return words.say("info.points", points="; ".join(points))
    assert effect.effect is not None  # a measure has one of the two: checked when read
    told = number(effect.effect, words, effect.interval or (90 if assumed else 95))
    key = "level" if effect.form == "level" else effect.ratio
    return words.say(f"info.{key}", size=told)


def _coverage(effect: Effect, words: Words) -> str:
    coverage = effect.coverage
    if coverage.central == 1.0 and coverage.low is None:
        return ""
    size = share(coverage.low, coverage.central, coverage.high, words)
    told = "; " + words.say("info.coverage", size=size)
    if coverage.source == ASSUMED:
        told += f" ({words.say('info.coverage.assumed')})"
    return told


def _aim(entry: MeasureEntry, words: Words) -> Row:
    aim = entry.indicator
    named = {"indicator": words.name(f"indicator.{aim.id}"), "product": owner(aim.product, words)}
    return row(words, "aim", words.say(f"info.aim.{aim.sign}", **named))


def _published(entry: MeasureEntry, words: Words) -> Row:
    found = entry.published
    if found is None:
        return row(words, "published", words.say("info.published.none"))
    central, low, high = (words.plain(x) for x in (found.value, found.low, found.high))
    told = words.say(
        "info.published.one",
        indicator=words.name(f"indicator.{found.of}"),
        product=owner(found.product, words),
        months=found.months,
        position=words.plain(found.position),
        statistic=words.say(f"info.statistic.{found.statistic}"),
        size=words.say("info.published.size", central=central, low=low, high=high),
    )
    return row(words, "published", told, Line(" ".join(found.note.split()), english=True))


def _years(count: float, words: Words) -> str:
    if count in (0.0, 1.0):
        return words.say("info.years.one" if count else "info.years.none")
    return words.say("info.years", count=words.plain(count))


def _timing(entry: MeasureEntry, words: Words) -> Row:
    timing = entry.timing
    year, month = map(int, timing.start.split("-"))
    start = format_date(datetime.date(year, month, 1), "MMMM yyyy", locale=words.language)
    lines = [
        words.say(
            "info.timing.one",
            start=start,
            lag=_years(timing.lag, words),
            ramp=_years(timing.ramp, words),
        )
    ]
    if timing.fades:
        lines.append(words.say("info.timing.fades", share=words.number(100 * timing.fades)))
    return row(words, "timing", *lines, Line(words.say("info.timing.assumed"), assumed=True))


def _reach(entry: MeasureEntry, full: Mapping[str, str], words: Words) -> Row:
    reach = entry.reach
    if reach.most_deprived == reach.others == 1.0:
        return row(words, "reach", words.say("info.reach.even"))
    lines: list[Line | str] = [
        words.say(
            "info.reach.uneven",
            group=words.name(f"deprivation.{name}"),
            share=words.number(100 * getattr(reach, name)),
        )
        for name in ("most_deprived", "others")
    ]
    if entry.reach_source == ASSUMED:
        lines.append(Line(words.say("info.reach.assumed"), assumed=True))
    else:
        lines.append(full.get(entry.reach_source, entry.reach_source))
    return row(words, "reach", *lines)


def _strategy(measure: Measure, library: Library, words: Words) -> Row:
    lines = [words.name(f"in_strategy.{measure.entry.in_strategy}")]
    if measure.objective in library.objectives:
        lines.append(name_of(measure.objective, library, words))
    return row(words, "strategy", *lines)


def _cost(entry: MeasureEntry, words: Words) -> list[Line]:
    if entry.cost is None and entry.unit_cost is None:
        return [Line(words.say("info.cost.none"))]
    if entry.cost is None:
        lines = [Line(words.say("info.cost.total.none"))]
    else:
        cost = entry.cost
        value = _euro(cost.eur_per_year, cost.low, cost.high, words)
        told = words.say("info.cost.year", value=value, year=cost.price_year)
        lines = [Line(told, cost.source == ASSUMED)]
    return lines + ([] if entry.unit_cost is None else [_unit(entry.unit_cost, words)])


def _unit(cost: UnitCost, words: Words) -> Line:
    known = UNITS.get(cost.unit)
    gaps: dict[str, object] = {
        "value": _euro(cost.value, cost.low, cost.high, words),
        "unit": cost.unit if known is None else words.say(f"info.cost.{known}"),
    }
    key = "info.cost.unit"
    if cost.price_year is not None:
        key, gaps["year"] = "info.cost.unit.year", cost.price_year
    return Line(words.say(key, **gaps), cost.source == ASSUMED)


def _euro(central: float, low: float | None, high: float | None, words: Words) -> str:
    if low is None or high is None:
        return words.number(central)
    numbers = {"central": central, "low": low, "high": high}
    told = {key: words.number(value) for key, value in numbers.items()}
    return words.say("info.published.size", **told)
