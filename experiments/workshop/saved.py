"""Saved scenarios of a page: each step gives another view, so that it can be undone.

Steps that add words raise InputError where the link of the view would be too long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from experiments.workshop.link import fitting
from experiments.workshop.plain import plain_line, plain_text
from experiments.workshop.view import MOST_OVERLAID, MOST_SAVED, View
from scenarios.schema import ScenarioFile

LONGEST_NAME, LONGEST_NOTE = 80, 1000


def clean_name(name: str) -> str:
    """A name on one line, without what cannot be shown, as long as names may be."""
    return plain_line(name, LONGEST_NAME)


def clean_note(note: str) -> str | None:
    """A note without what cannot be shown, as long as notes may be; None for nothing."""
    return plain_text(note, LONGEST_NOTE) or None


def named(scenario: ScenarioFile, name: str, note: str) -> ScenarioFile:
    """The scenario under another name, with another note."""
    return scenario.model_copy(update={"title": clean_name(name), "note": clean_note(note)})


def full(view: View) -> bool:
    """Whether there is no room for one more."""
    return len(view.saved) >= MOST_SAVED


def number_of(view: View, name: str | None) -> int | None:
    """Number of the saved scenario of a name."""
    titles = [one.title for one in view.saved]
    return titles.index(name) if name in titles else None


def unsaved(view: View) -> bool:
    """Whether the scenario under the hand is not among the saved ones."""
    return all(one != view.scenario for one in view.saved)


def save(view: View, name: str, note: str) -> View:
    """Keep the scenario under the hand, under a name, after the others."""
    kept = named(view.scenario, name, note)
    return fitting(replace(view, scenario=kept, saved=(*view.saved, kept)))


def save_over(view: View, number: int) -> View:
    """Keep the scenario under the hand in place of a saved one."""
    return fitting(replace(view, saved=_with(view.saved, number, view.scenario)))


def rename(view: View, number: int, name: str, note: str) -> View:
    """Another name and note for a saved scenario, and for the hand's where it is the same."""
    before = view.saved[number]
    after = named(before, name, note)
    hand = view.scenario
    if hand.title == before.title:
        hand = hand.model_copy(update={"title": after.title, "note": after.note})
    return fitting(replace(view, scenario=hand, saved=_with(view.saved, number, after)))


def opened(view: View, scenario: ScenarioFile) -> View:
    """Put the scenario of a file under the hand."""
    return fitting(view.with_scenario(scenario))


def reopen(view: View, number: int) -> View:
    """Put a saved scenario under the hand."""
    return view.with_scenario(view.saved[number])


def move(view: View, number: int, by: int) -> View:
    """A saved scenario up (-1) or down (1) the list."""
    order = list(range(len(view.saved)))
    order.insert(number + by, order.pop(number))
    return _ordered(view, order)


def delete(view: View, number: int) -> View:
    """The page without a saved scenario."""
    return _ordered(view, [i for i in range(len(view.saved)) if i != number])


def toggle(view: View, number: int) -> View:
    """Lay a saved scenario over the graphs, or take it away; no more than there is room for."""
    if number in view.overlaid:
        return replace(view, overlaid=tuple(i for i in view.overlaid if i != number))
    if len(view.overlaid) >= MOST_OVERLAID:
        return view
    return replace(view, overlaid=(*view.overlaid, number))


def _with(
    saved: Iterable[ScenarioFile], number: int, scenario: ScenarioFile
) -> tuple[ScenarioFile, ...]:
    return tuple(scenario if i == number else one for i, one in enumerate(saved))


def _ordered(view: View, order: list[int]) -> View:
    places = {number: place for place, number in enumerate(order)}
    return replace(
        view,
        saved=tuple(view.saved[number] for number in order),
        overlaid=tuple(places[number] for number in view.overlaid if number in places),
    )
