"""One lever of the page: a native slider with a number field and buttons of - and +."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from experiments.workshop.wording import Words
from scenarios.texts import RANGES

STEP = 5
# First position of each named range, in the order of RANGES.
STARTS = {"lever": (-100, 0, 1, 34, 67), "trend": (-100, -50, 0, 1, 51)}


@dataclass(frozen=True)
class Position:
    """Where a lever stands. ``value`` None: the narrower levers within it differ, or a trend is
    drawn from its range; ``around`` is then where the hand takes it up."""

    value: int | None
    around: int = 0


@dataclass(frozen=True)
class Scale:
    """What positions a lever has: from ``low`` to ``high``, ``kind`` lever or trend."""

    low: int = 0
    high: int = 100
    kind: str = "lever"

    def ranges(self, words: Words) -> list[tuple[int, str]]:
        """First position and name of each named range that it reaches."""
        named = zip(STARTS[self.kind], RANGES[self.kind], strict=True)
        found = {max(start, self.low): name for start, name in named}
        return [(start, words.name(f"range.{self.kind}.{name}")) for start, name in found.items()]

    def read(self, told: object) -> tuple[int, bool] | None:
        """Position and whether the hand rests, of an event; None for what no lever sends."""
        if not isinstance(told, dict):
            return None
        position, resting = told.get("position"), told.get("resting")
        if not isinstance(position, int) or isinstance(position, bool):
            return None
        if not isinstance(resting, bool) or not self.low <= position <= self.high:
            return None
        return position, resting


class Lever(Element, component="lever.js"):
    """A lever. ``moved(position, resting)`` is called as it moves; call ``answered`` when the page
    shows what that came to, so that the next position is told."""

    def __init__(
        self,
        name: str,
        label: str,
        position: Position,
        scale: Scale,
        words: Words,
        moved: Callable[[int, bool], object],
        info: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.scale = name, scale
        self._props["lever"] = name
        self._props["label"] = label
        self._props["low"], self._props["high"] = scale.low, scale.high
        self._props["step"] = STEP
        self._props["ranges"] = scale.ranges(words)
        self._props["words"] = {
            "info": words.say("lever.info") if info is not None else "",
            "less": words.say("lever.less"),
            "more": words.say("lever.more"),
            "mixed": words.say("lever.drawn" if scale.kind == "trend" else "lever.mixed"),
            "wrong": words.say("lever.wrong", low=scale.low, high=scale.high),
        }
        self._at, self._heard = position, 0
        self._put()

        def heard(event: GenericEventArguments) -> None:
            self._heard += 1
            told = scale.read(event.args)
            if told is not None:
                moved(*told)

        self.on("move", heard)
        if info is not None:
            self.on("info", lambda _: info(), args=[])

    def show(self, position: Position) -> None:
        """Show another position; the hand that is on it is not disturbed."""
        if position != self._at:
            self._at = position
            self._put()
            self.update()

    def _put(self) -> None:
        self._props["value"], self._props["around"] = self._at.value, self._at.around
        self._props["heard"] = self._heard

    def answered(self) -> None:
        """What it last told is on the page."""
        self.run_method("answered")
