"""What a scenario does besides its levers and trends: each told, and each can be taken away."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from babel.dates import format_date
from nicegui import ui

from experiments.workshop import meaning, moves
from experiments.workshop.elements import Tag, button, focus
from experiments.workshop.wording import Words
from scenarios.entries import HandledReach, Reach
from scenarios.library import Library
from scenarios.schema import ChangeEntry, Event, ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.session import Session


def extra_name(scenario: ScenarioFile, extra: moves.Extra, library: Library, words: Words) -> str:
    """One event, rule or change in words, or the settings."""
    kind, number = extra
    if kind == "rules":
        return words.say("extras.rule", name=words.name(f"rule.{scenario.rules[number]}"))
    if kind == "events":
        event = scenario.events[number]
        name = words.name(f"driver.{event.driver}")
        return words.say("extras.event", name=name, when=_when(event.start, _end(event), words))
    if kind == "changes":
        return _change(scenario.changes[number], library, words)
    return words.say("extras.settings")


def _change(change: ChangeEntry, library: Library, words: Words) -> str:
    told = change.model_dump(include=set(Reach.model_fields), exclude_unset=True)
    reach = HandledReach(handle=change.handle, **told)
    return words.say(
        "extras.level" if change.multiplier is None else "extras.multiplier",
        name=meaning.handle(change.handle, words),
        whom=meaning.whom(reach, library, words),
        size=words.plain(change.size),
        when=_when(change.start, change.stop, words),
    )


def _end(event: Event) -> str | None:
    """The last month of an event, None where its driver says how long it lasts."""
    if event.months is None:
        return None
    year, month = map(int, event.start.split("-"))
    years, months = divmod(month + event.months - 2, 12)
    return f"{year + years}-{months + 1:02}"


def _when(first: str, last: str | None, words: Words) -> str:
    told = {"first": _month(first, words)}
    if last is None:
        return words.say("extras.from", **told)
    return words.say("extras.until", last=_month(last, words), **told)


def _month(month: str, words: Words) -> str:
    day = date.fromisoformat(f"{month}-01")
    return str(format_date(day, "MMM y", locale=words.language))


def build_extras(session: Session) -> None:
    """A list that is there only where something acts besides levers and trends."""
    words, library, client = session.words, session.engine.library, ui.context.client
    with Tag("details", classes="df-extras") as box:
        title = Tag("summary", data_df="extras")
        rows = Tag("ul")
    drawn: list[str] = []

    def show() -> None:
        scenario = session.view.scenario
        found = moves.extras(scenario)
        names = [extra_name(scenario, extra, library, words) for extra in found]
        if names == drawn:
            return
        drawn[:] = names
        box.set_visibility(bool(found))
        title.set_text(words.say("extras.title", count=len(found)))
        rows.clear()
        with rows:
            for place, (extra, name) in enumerate(zip(found, names, strict=True)):
                with Tag("li"):
                    Tag("span", name)
                    leave = button("×", partial(take, extra, place), "df-button df-icon")
                    leave.attribute("aria-label", words.say("extras.leave", name=name))
                    leave.attribute("title", words.say("extras.leave", name=name))
                    leave.attribute("data-df", f"extra-{place}")

    def take(extra: moves.Extra, place: int) -> None:
        session.show(session.view.with_scenario(moves.without(session.view.scenario, extra)))
        # To what stands there now: its row is gone, and the focus with it.
        last = len(drawn) - 1
        focus(client, f"extra-{min(place, last)}" if drawn else "drawer-title")

    box.set_visibility(False)
    session.listen("view", show)
    show()
