"""What a scenario does besides its levers and trends: each told, and each can be taken away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from experiments.workshop import moves
from experiments.workshop.elements import Tag, button
from experiments.workshop.wording import Words
from scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.session import Session


def extra_name(scenario: ScenarioFile, extra: moves.Extra, words: Words) -> str:
    """One event, rule or change in words, or the settings."""
    kind, number = extra
    if kind == "rules":
        return words.say("extras.rule", name=words.name(f"rule.{scenario.rules[number]}"))
    if kind == "events":
        event = scenario.events[number]
        name = words.name(f"driver.{event.driver}")
        return words.say("extras.event", name=name, month=event.start)
    if kind == "changes":
        change = scenario.changes[number]
        owners = [words.name(f"product.{one}") for one in change.products or ()]
        name = words.known(f"handle.{change.handle}", change.handle.replace("_", " "))
        of = f"{name} ({', '.join(owners)})" if owners else name
        size = words.plain(change.size)
        return words.say("extras.change", name=of, size=size, month=change.start)
    return words.say("extras.settings")


def build_extras(session: Session) -> None:
    """A list that is there only where something acts besides levers and trends."""
    words = session.words
    with Tag("details", classes="df-extras") as box:
        title = Tag("summary")
        rows = Tag("ul")

    def show() -> None:
        scenario = session.view.scenario
        found = moves.extras(scenario)
        box.set_visibility(bool(found))
        title.set_text(words.say("extras.title", count=len(found)))
        rows.clear()
        with rows:
            for extra in found:
                name = extra_name(scenario, extra, words)
                with Tag("li"):
                    Tag("span", name)
                    leave = button("×", partial(_leave, session, extra), "df-button df-icon")
                    leave.attribute("aria-label", words.say("extras.leave", name=name))

    session.listen("view", show)
    show()


def _leave(session: Session, extra: moves.Extra) -> None:
    session.show(session.view.with_scenario(moves.without(session.view.scenario, extra)))
