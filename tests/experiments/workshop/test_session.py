"""One page: steps that can be undone, and answers to the newest question alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.workshop.answers import Answer, Ask
from experiments.workshop.session import MOST_STEPS, Session
from experiments.workshop.view import OWN, View
from scenarios.schema import ScenarioFile


class Asked:
    """Stands for the engine: keeps what it was asked."""

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.gone: list[str] = []

    def ask(self, ask: Ask) -> None:
        self.asks.append(ask)

    def forget(self, client: str) -> None:
        self.gone.append(client)


@pytest.fixture
def session() -> Session:
    words: Any = SimpleNamespace(language="en")
    engine: Any = Asked()
    return Session(engine, words, View(card="SD1"), lambda call: call())


def at(position: float, view: View) -> View:
    return view.with_scenario(ScenarioFile(id=OWN, levers={"SD1": position}))


def test_a_drag_is_one_step(session: Session) -> None:
    for position in (5, 10, 15):
        session.show(at(position, session.view), live=True)
    session.show(at(15, session.view))
    session.show(at(40, session.view))
    session.undo()
    assert session.view.scenario.levers == {"SD1": 15.0}
    session.undo()
    assert session.view == View(card="SD1")
    assert not session.can_undo
    session.redo()
    session.redo()
    assert session.view.scenario.levers == {"SD1": 40.0}
    assert not session.can_redo


def test_a_drag_that_ends_where_it_began_is_no_step(session: Session) -> None:
    before = session.view
    session.show(at(30, before), live=True)
    session.show(before)
    assert not session.can_undo


def test_another_card_is_no_step_and_stays_open_when_undone(session: Session) -> None:
    session.show(at(15, session.view))
    session.turn("trends")
    assert session.can_undo
    session.undo()
    assert session.view == View(card="trends")
    assert session.can_redo
    session.turn("SD2")
    assert session.can_redo
    session.redo()
    assert session.view.card == "SD2"
    assert session.view.scenario.levers == {"SD1": 15.0}


def test_a_new_step_forgets_what_was_undone(session: Session) -> None:
    session.show(at(15, session.view))
    session.undo()
    session.show(at(20, session.view))
    assert not session.can_redo


def test_steps_are_bounded(session: Session) -> None:
    for position in range(MOST_STEPS + 20):
        session.show(at(float(position % 100 + 1), session.view))
    count = 0
    while session.can_undo:
        session.undo()
        count += 1
    assert count == MOST_STEPS


def test_answers_to_older_questions_are_dropped(session: Session) -> None:
    engine: Any = session.engine
    session.show(at(15, session.view), live=True)
    session.show(at(20, session.view), live=True)
    old, new = engine.asks
    heard: list[int] = []
    session.listen("answer", lambda: heard.append(1))
    old.told(0, Answer((), 4, 200))
    assert not session.answers
    new.told(0, Answer((), 6, 200))
    assert session.answers[0].draws == 6
    assert heard == [1]


def test_an_answer_that_is_already_shown_is_not_told_again(session: Session) -> None:
    engine: Any = session.engine
    heard: list[int] = []
    session.listen("answer", lambda: heard.append(1))
    session.show(at(15, session.view), live=True)
    answer = Answer((), 2, 200)
    engine.asks[-1].told(0, answer)
    session.show(at(15, session.view))  # the hand rests where it was answered
    engine.asks[-1].told(0, answer)
    assert heard == [1]
    engine.asks[-1].told(0, Answer((), 20, 200))
    assert heard == [1, 1]


def test_a_hand_that_moves_asks_for_its_scenario_alone(session: Session) -> None:
    engine: Any = session.engine
    saved = (ScenarioFile(id=OWN, title="kept", levers={"SD2": 10.0}),)
    session.show(replace(session.view, saved=saved, overlaid=(0,)))
    assert [one.title for one in engine.asks[-1].scenarios] == [None, "kept"]
    session.show(at(15, session.view), live=True)
    assert len(engine.asks[-1].scenarios) == 1
    assert engine.asks[-1].live
    session.close()
    assert engine.gone == [session.key]


def test_the_share_of_a_nan_change_is_unknown() -> None:
    from experiments.workshop.estimate import change_of

    assert np.isnan(change_of(np.array([np.nan]), np.array([1.0])).agree)


def test_answers_of_overlaid_scenarios_go_with_them(session: Session) -> None:
    engine: Any = session.engine
    saved = tuple(ScenarioFile(id=OWN, title=name, levers={"SD2": 10.0}) for name in "ab")
    session.show(replace(session.view, saved=saved, overlaid=(0, 1)))
    for number in range(3):
        engine.asks[-1].told(number, Answer((), number, 200))
    session.show(at(15, session.view), live=True)
    assert set(session.answers) == {0, 1, 2}
    session.show(replace(session.view, overlaid=(1,)))
    assert set(session.answers) == {0}
