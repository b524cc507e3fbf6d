"""One open page: its view, what the engine answered, and who wants to hear of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from experiments.workshop.answers import Answer, Ask
from experiments.workshop.view import View
from experiments.workshop.wording import Words
from scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine

MOST_STEPS = 100  # that can be undone


@dataclass
class Session:
    """State of one page. Everything here runs on the event loop.

    ``later``: how a call from the engine's thread reaches the event loop.
    """

    engine: Engine
    words: Words
    view: View
    later: Callable[[Callable[[], None]], None]
    notices: list[str] = field(default_factory=list)  # told on the page, newest last
    answers: dict[int, Answer] = field(default_factory=dict)  # 0: under the hand; 1...: overlaid
    key: str = field(default_factory=lambda: uuid4().hex)
    _done: list[View] = field(default_factory=list)
    _undone: list[View] = field(default_factory=list)
    _listeners: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    _asked: int = 0
    _drawn: list[ScenarioFile] = field(default_factory=list)  # overlaid, as the engine was asked
    _resting: View | None = None  # the last view that is a step

    def listen(self, topic: str, heard: Callable[[], None]) -> None:
        """Topics: ``view`` (at rest), ``live`` (while a hand moves too), ``answer``, ``notice``."""
        self._listeners.setdefault(topic, []).append(heard)

    def tell(self, topic: str) -> None:
        """Call everyone who listens."""
        for heard in self._listeners.get(topic, ()):
            heard()

    def notice(self, words: str) -> None:
        """Say something to whoever looks at the page."""
        self.notices.append(words)
        self.tell("notice")

    def show(self, view: View, *, live: bool = False) -> None:
        """Show another view. ``live``: a hand still moves; it is no step of its own yet."""
        if self._resting is None:
            self._resting = self.view
        self.view = view
        if not live and view != replace(self._resting, card=view.card):
            self._done = [*self._done[-MOST_STEPS + 1 :], self._resting]
            self._undone.clear()
        if not live:
            self._resting = view
        self.ask(live=live)
        self.tell("live")
        if not live:
            self.tell("view")

    def turn(self, card: str) -> None:
        """Open another card, or none: nothing is computed, and there is nothing to undo."""
        self.view = replace(self.view, card=card)
        if self._resting is not None:
            self._resting = replace(self._resting, card=card)
        self.tell("view")

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    def undo(self) -> None:
        """Back to the view before the last step."""
        self._step(self._done, self._undone)

    def redo(self) -> None:
        """Do again what was undone."""
        self._step(self._undone, self._done)

    def _step(self, source: list[View], target: list[View]) -> None:
        if source:
            target.append(self._resting or self.view)
            # Which card is open is no step: levers move back under the eyes of whoever looks.
            self.view = self._resting = replace(source.pop(), card=self.view.card)
            self.ask()
            self.tell("live")
            self.tell("view")

    def ask(self, *, live: bool = False) -> None:
        """Ask the engine for what the view shows; answers to earlier questions are dropped."""
        self._asked += 1
        number, drawn = self._asked, list(self.view.drawn())
        if drawn != self._drawn:  # their places mean other scenarios now
            self.answers = {i: a for i, a in self.answers.items() if i == 0}
            self._drawn = drawn

        def told(scenario: int, answer: Answer) -> None:
            self.later(lambda: self._heard(number, scenario, answer))

        scenarios = (self.view.scenario,) if live else (self.view.scenario, *drawn)
        self.engine.ask(Ask(self.key, scenarios, self.view.graphs, told, live))

    def _heard(self, number: int, scenario: int, answer: Answer) -> None:
        if number == self._asked and self.answers.get(scenario) is not answer:
            self.answers[scenario] = answer
            self.tell("answer")

    def close(self) -> None:
        """The page is gone: nothing more is computed for it."""
        self.engine.forget(self.key)
        self._listeners.clear()
