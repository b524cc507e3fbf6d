"""The dialog 'Why did it change?': bars of what each lever and trend contributes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nicegui import run, ui

from experiments.comparisons.shapley import Row
from experiments.workshop.answers import LAST_YEAR
from experiments.workshop.compare import unit_of_change
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag, button
from experiments.workshop.entries import (
    entries,
    entry_name,
    graph_name,
    percent,
    placed,
    places_of,
    signed_interval,
)
from experiments.workshop.estimate import SHARE
from experiments.workshop.problems import told_error
from experiments.workshop.turns import TURN
from experiments.workshop.twins import signed, unit_of
from experiments.workshop.why import Why, explain
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session

PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds, where a page waits for a preview


@dataclass
class _Course:
    """How far the work is; written by its thread."""

    engine: Engine
    stopped: bool = False
    done: int = 0
    runs: int = 0

    def progress(self, done: int, runs: int) -> bool:
        """Let pages whose hand moves go first."""
        self.done, self.runs = done, runs
        until = time.monotonic() + LONGEST_PAUSE
        while not self.stopped and self.engine.waiting and time.monotonic() < until:
            time.sleep(PAUSE)
        return not self.stopped


def build_why(session: Session, host: Host, number_of_graph: int) -> None:
    """The button under a graph."""
    view = _WhyView(session, host, number_of_graph)
    say = session.words.say
    button(
        say("why.button"),
        view.open,
        aria_haspopup="dialog",
        data_df=f"why-{number_of_graph}",
    )


class _WhyView:
    """Opens the dialog, runs, and shows the result."""

    def __init__(self, session: Session, host: Host, number: int) -> None:
        self.session, self.host, self.number = session, host, number
        self.words = session.words
        self._box = dialog(self.words.say("why.button"), wide=True, closed=self._leave)
        self._course: _Course | None = None
        ui.context.client.on_delete(self._leave)

    def _leave(self) -> None:
        if self._course is not None:
            self._course.stopped = True

    async def open(self) -> None:
        """Explain the graph as it is now."""
        self._leave()
        say, scenario = self.words.say, self.session.view.scenario
        graph = self.session.view.graphs[self.number]
        course = self._course = _Course(self.host.engine)
        with self._box:
            if not entries(scenario):
                Tag("p", say("why.nothing"), "df-hint")
                self._box.open()
                return
            content = Tag("div")
            with content:
                Tag("p", say("why.about", graph=graph_name(graph, self.words), year=LAST_YEAR))
                status = Tag("p", say("why.waiting"), role="status")
                bar = Tag("progress", classes="df-progress", max=1, aria_label=say("why.busy"))
                with Tag("div", classes="df-actions"):
                    button(say("cancel"), self._box.close)

            def tell() -> None:
                if course.runs:
                    share = course.done / course.runs
                    bar.attribute("value", round(share, 2))
                    # Rarely: a screen reader says each of them.
                    quarter = percent(int(4 * share) / 4, self.words)
                    status.set_text(say("why.progress", runs=course.runs, share=quarter))

            with content:
                ui.timer(0.3, tell)
        self._box.open()
        found: Why | None = None
        problem = say("why.none")
        try:
            async with TURN:
                if not course.stopped:
                    found = await run.io_bound(
                        explain, self.host.engine, scenario, graph, course.progress
                    )
        except InputError as error:
            problem = told_error(error, self.words)
        except Exception:
            logging.getLogger(__name__).exception("why a graph changed")
            problem = say("why.broken")
        if course.stopped or self._course is not course:
            return
        content.clear()
        with content:
            if found is None:
                Tag("p", problem, "df-wrong", role="alert")
            else:
                self._result(found)

    def _result(self, why: Why) -> None:
        """The sentence, the bars, and how it was made."""
        say, words = self.words.say, self.words
        raw = unit_of(why.graph, self.host.engine.catalogue)
        factor = words.unit(raw)[1]
        of_change = unit_of_change(raw, words)
        with Tag("div", role="status"):
            Tag("p", self._sentence(why, raw), "df-why-sentence")
        scale = _Scale.of(why)
        places = _places(why, factor)
        with Tag("div", classes="df-scroll", tabindex=0, role="region") as around:
            around.attribute("aria-label", say("why.table"))
            with Tag("table", classes="df-table df-why"):
                about = {"unit": of_change, "year": LAST_YEAR, "draws": why.draws}
                Tag("caption", say("why.caption", **about))
                with Tag("thead"), Tag("tr"):
                    Tag("th", say("compare.lever"), scope="col")
                    Tag("td", classes="df-why-plot")
                    Tag("th", say("why.contribution", draws=why.draws), scope="col")
                    Tag("th", say("why.share"), scope="col")
                with Tag("tbody"):
                    positions = entries(self.session.view.scenario)
                    for row in why.rows:
                        name = entry_name(row.id, words)
                        position = positions.get(row.id)
                        if position is not None:
                            at = placed(position, words)
                            name = say("why.entry", name=name, position=at)
                        self._row(name, row, why, scale, factor, places)
                with Tag("tfoot"):
                    self._row(say("why.total"), why.total, why, scale, factor, places)
        Tag("p", self._method(why, factor, of_change), "df-hint")

    def _row(
        self, name: str, row: Row, why: Why, scale: _Scale, factor: float, places: int
    ) -> None:
        with Tag("tr"):
            Tag("th", name, scope="row")
            with Tag("td", classes="df-why-plot"), Tag("span", classes="df-bars", aria_hidden=True):
                Tag("span", classes="df-bar-zero", style=f"left:{scale.at(0.0)}%")
                for kind, low, high in (("bar", 0.0, row.mean), ("whisker", row.low, row.high)):
                    left, right = sorted((scale.at(low), scale.at(high)))
                    side = "more" if row.mean > 0.0 else "less"
                    Tag(
                        "span",
                        classes=f"df-bar-{kind} df-bar-{side}",
                        style=f"left:{left}%;width:{round(right - left, 2)}%",
                    )
            ends = (factor * row.mean, factor * row.low, factor * row.high)
            Tag("td", signed_interval(ends, self.words, places))
            Tag("td", percent(why.share(row), self.words))

    def _sentence(self, why: Why, raw: str) -> str:
        words, total = self.words, why.total
        unit, factor = words.unit(raw)
        told = {
            "graph": graph_name(why.graph, words),
            "year": LAST_YEAR,
            "unit": unit,
            "before": words.number(factor * why.before),
            "after": words.number(factor * why.after),
        }
        if not total.mean:
            return words.say("why.unchanged", **told)
        first, places = why.rows[0], _places(why, factor)
        change, low, high = (
            signed(words, factor * one, places) for one in (total.mean, total.low, total.high)
        )
        if raw == SHARE:
            change = f"{change} {words.say('page.points.short')}"
        told |= {"change": change, "low": low, "high": high, "draws": why.draws}
        said = words.say("why.sentence", **told)
        if len(why.rows) == 1:
            return said
        size = signed(words, factor * first.mean, places)
        return f"{said} " + words.say(
            "why.most", name=entry_name(first.id, words), size=size, unit=unit_of_change(raw, words)
        )

    def _method(self, why: Why, factor: float, unit: str) -> str:
        words = self.words
        said = words.say("why.method", draws=why.draws, most=self.host.engine.draws)
        if why.exact:
            return f"{said} {words.say('why.exact', runs=why.runs)}"
        error = words.number(factor * max(row.error for row in why.rows), 2)
        return f"{said} {words.say('why.sampled', runs=why.runs, error=error, unit=unit)}"


def _places(why: Why, factor: float) -> int:
    """Digits after the point of all contributions alike, so that they can be compared."""
    return places_of([factor * row.mean for row in (*why.rows, why.total)])


@dataclass(frozen=True)
class _Scale:
    """From a contribution to its place in percent of the width."""

    low: float
    high: float

    @classmethod
    def of(cls, why: Why) -> _Scale:
        rows = (*why.rows, why.total)
        low = min(0.0, *(min(row.low, row.mean) for row in rows))
        high = max(0.0, *(max(row.high, row.mean) for row in rows))
        return cls(low, high if high > low else low + 1.0)

    def at(self, value: float) -> float:
        return round(100.0 * (value - self.low) / (self.high - self.low), 2)
