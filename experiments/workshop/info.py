"""The dialog beside each lever: what it means, how strong it is, and how well that is known."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.lists.listing import sources_in_full
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag
from experiments.workshop.info_measures import measure_meaning, objective_meaning, positions
from experiments.workshop.lever import Scale
from experiments.workshop.meaning import (
    PERCENT_OF_TREND,
    Line,
    Meaning,
    Row,
    handle,
    number,
    row,
    share,
    sources,
    whole,
    whom,
)
from experiments.workshop.session import Session
from experiments.workshop.wording import Words
from model.errors import InputError
from scenarios.entries import Number
from scenarios.library import Library
from scenarios.trends import Driver, DriverEffect, Shock

TREND_POSITIONS = Scale(-100, 100, "trend")


def meaning_of(lever: str, library: Library, words: Words) -> Meaning:
    """All that is told of a strategic or specific objective, a measure or a trend.

    Raises InputError for what is none of these.
    """
    full = sources_in_full(library.catalogue)
    if lever in library.measures:
        return measure_meaning(library.measures[lever], library, full, words)
    if lever in library.trends:
        return trend_meaning(lever, library, full, words)
    if lever in library.levers:
        return objective_meaning(lever, library, words)
    allowed = [*library.levers, *library.trends]
    raise InputError("unknown lever or trend", key="lever", given=lever, allowed=allowed)


def trend_meaning(trend: str, library: Library, full: Mapping[str, str], words: Words) -> Meaning:
    """A trend: what its ends are, and its drivers with what they do."""
    drivers = [driver for driver in library.drivers.values() if driver.trend == trend]
    ids = [name for d in drivers for name in (d.entry.source, *(e.source for e in d.entry.effects))]
    rows = [
        row(words, "about", words.name(f"trend.{trend}.about")),
        row(words, "plus", words.name(f"trend.{trend}.plus")),
        row(words, "minus", words.name(f"trend.{trend}.minus")),
        positions(TREND_POSITIONS, words),
        *(_driver(driver, library, words) for driver in drivers),
        sources(ids, full.get, words),
    ]
    return Meaning(f"{trend} {words.name(f'trend.{trend}')}", whole(rows))


def _driver(driver: Driver, library: Library, words: Words) -> Row:
    entry = driver.entry
    assumed = entry.basis != "size"
    told = words.say(
        "info.driver.told",
        side=words.name(f"side.{entry.side}"),
        basis=words.name(f"basis.{entry.basis}"),
    )
    lines = [
        Line(words.name(f"driver.{driver.id}.about")),
        *([] if entry.shock is None else [Line(_shock(entry.shock, words), assumed)]),
        *(Line(_driven(effect, library, words), assumed) for effect in entry.effects),
        Line(told),
    ]
    return Row(f"{driver.id} {words.name(f'driver.{driver.id}')}", tuple(lines))


def _shock(shock: Shock, words: Words) -> str:
    size = share(shock.low, shock.central, shock.high, words)
    told = words.say("info.driver.by2030" if shock.by_2030 else "info.driver.year", size=size)
    if shock.months is None:
        return f"{told} {words.say('info.driver.stays')}"
    return f"{told} {words.say('info.driver.months', count=shock.months)}"


def _driven(effect: DriverEffect, library: Library, words: Words) -> str:
    size = Number(central=effect.central, low=effect.low, high=effect.high)
    ends = (
        words.say(f"info.driver.{sign}", value=words.plain(getattr(effect, end)))
        for sign, end in (("plus", effect.plus), ("minus", effect.minus))
        if end is not None
    )
    told = words.say(
        "info.driver.effect",
        handle=handle(effect.handle, words),
        whom=whom(effect, library, words),
        size=number(size, words, PERCENT_OF_TREND),
        ends=", ".join(ends),
    )
    return told[0].upper() + told[1:]


def show_info(session: Session, lever: str) -> None:
    """Open the dialog of a lever or a trend. Raises InputError for what is neither."""
    words = session.words
    found = meaning_of(lever, session.engine.library, words)
    box = dialog(found.title, wide=True)
    with box, Tag("dl", classes="df-info", tabindex=0):  # so that keys scroll it
        for one in found.rows:
            with Tag("div", classes="df-info-row"):
                Tag("dt", one.term)
                for line in one.lines:
                    _draw(line, words)
    box.open()


def _draw(line: Line, words: Words) -> None:
    with Tag("dd", classes="df-info-line", lang="en" if line.english else None):
        Tag("span", line.text)
        if line.assumed:
            Tag("span", words.say("info.assumed"), "df-assumed")
