"""The dialog that compares scenarios: outcomes of both graphs in 2030, and settings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nicegui import run, ui

from experiments.workshop import saved
from experiments.workshop.answers import LAST_YEAR, Fan
from experiments.workshop.compare import (
    HIGH,
    LAST,
    LOW,
    MEDIAN,
    best_sentence,
    differing,
    unit_of_change,
)
from experiments.workshop.dialogs import dialog
from experiments.workshop.elements import Tag
from experiments.workshop.entries import entries, entry_name, graph_name, placed, signed_interval
from experiments.workshop.problems import told_error
from experiments.workshop.turns import TURN
from experiments.workshop.twins import unit_of
from experiments.workshop.view import View, idle
from model.errors import InputError
from scenarios.schema import REFERENCE, ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session


class Comparison:
    """Opens the dialog and fills it as answers come in."""

    def __init__(self, session: Session, host: Host) -> None:
        self.session, self.host, self.words = session, host, session.words
        self._box = dialog(self.words.say("compare.title"), wide=True)
        self._turn = 0  # of the last time it was opened
        ui.context.client.on_delete(self._leave)

    def _leave(self) -> None:
        self._turn += 1  # whatever still runs is for nobody

    async def open(self) -> None:
        """Compare what the page has now."""
        view, say = self.session.view, self.words.say
        self._turn += 1
        turn = self._turn
        columns = _columns(view, say("drawer.own"))
        with self._box:
            status = Tag("p", classes="df-progress-line", role="status")
            sentences = Tag("div", classes="df-best")
            cells = self._outcomes(view, columns)
            self._settings(columns)
        self._box.open()
        fans: dict[int, tuple[Fan, ...]] = {}
        problems: list[str] = []
        for number, (name, scenario) in enumerate(columns):
            status.set_text(say("compare.busy", name=name, number=number + 1, count=len(columns)))
            answer = None
            try:
                async with TURN:
                    if turn != self._turn or not self._box.shown:
                        return
                    answer = await run.io_bound(self.host.engine.answer, scenario, view.graphs)
            except InputError as error:
                problems.append(told_error(error, self.words))
            except Exception:
                logging.getLogger(__name__).exception("a comparison")
                problems.append(say("compare.broken", name=name))
            if turn != self._turn or not self._box.shown:
                return  # closed meanwhile, and perhaps opened again
            if answer is not None and answer.fans:
                fans[number] = answer.fans
            self._told(cells[number], fans.get(number))
        done = [say("compare.done", draws=self.host.engine.draws)] if fans else []
        status.set_text(" ".join([*problems, *done]))
        with sentences:
            self._best([columns[n][0] for n in fans], list(fans.values()))

    def _outcomes(self, view: View, columns: list[tuple[str, ScenarioFile]]) -> list[list[Tag]]:
        """The table of outcomes with its empty cells, by scenario: value and change by graph."""
        words, engine = self.words, self.host.engine
        say = words.say
        references = [engine.reference(graph) for graph in view.graphs]
        Tag("h3", say("compare.outcomes", year=LAST_YEAR))
        cells: list[list[Tag]] = []
        with Tag("div", classes="df-scroll", tabindex=0, role="region") as around:
            around.attribute("aria-label", say("compare.outcomes", year=LAST_YEAR))
            with Tag("table", classes="df-table"):
                Tag("caption", say("compare.outcomes.about"))
                with Tag("thead"):
                    with Tag("tr"):
                        Tag("th", say("compare.scenario"), scope="col", rowspan=2)
                        for graph in view.graphs:
                            Tag("th", graph_name(graph, self.words), scope="colgroup", colspan=2)
                    with Tag("tr"):
                        for graph in view.graphs:
                            raw = unit_of(graph, engine.catalogue)
                            unit, of_change = (
                                self.words.unit(raw)[0],
                                unit_of_change(raw, self.words),
                            )
                            Tag("th", say("compare.value", unit=unit), scope="col")
                            Tag("th", say("compare.change", unit=of_change), scope="col")
                with Tag("tbody"):
                    current = self._row(self.words.name(f"scenario.{REFERENCE}"), len(references))
                    self._told(current, tuple(references))
                    cells = [self._row(name, len(references)) for name, _ in columns]
        return cells

    def _row(self, name: str, graphs: int) -> list[Tag]:
        with Tag("tr"):
            Tag("th", name, scope="row")
            return [Tag("td", "…") for _ in range(2 * graphs)]

    def _told(self, cells: list[Tag], fans: tuple[Fan, ...] | None) -> None:
        """Write the outcomes of one scenario into its cells."""
        words = self.words
        if fans is None:
            for cell in cells:
                cell.set_text(words.say("cell.none"))
            return
        for i, fan in enumerate(fans):
            _, factor = words.unit(unit_of(fan.graph, self.host.engine.catalogue))
            levels = [factor * float(fan.bands[level, LAST]) for level in (MEDIAN, LOW, HIGH)]
            cells[2 * i].set_text(words.interval(*levels))
            change = fan.change
            if change is None:
                cells[2 * i + 1].set_text(words.say("compare.itself"))
                continue
            ends = (factor * change.median, factor * change.low, factor * change.high)
            cells[2 * i + 1].set_text(signed_interval(ends, words))

    def _best(self, names: list[str], answers: list[tuple[Fan, ...]]) -> None:
        engine = self.host.engine
        for i in range(len(answers[0]) if answers else 0):
            fans = [fans[i] for fans in answers]
            graph = fans[0].graph
            unit, reference = unit_of(graph, engine.catalogue), engine.reference(graph)
            Tag("p", best_sentence(unit, names, fans, reference, self.words))

    def _settings(self, columns: list[tuple[str, ScenarioFile]]) -> None:
        """The table of what is set differently; current policy has everything at 0."""
        say, words = self.words.say, self.words
        current = (words.name(f"scenario.{REFERENCE}"), idle())
        everyone = [current, *columns]
        rows = differing([scenario for _, scenario in everyone])
        Tag("h3", say("compare.settings"))
        if not rows:
            Tag("p", say("compare.settings.none"))
            return
        with Tag("div", classes="df-scroll", tabindex=0, role="region") as around:
            around.attribute("aria-label", say("compare.settings"))
            with Tag("table", classes="df-table"):
                Tag("caption", say("compare.settings.about"))
                with Tag("thead"), Tag("tr"):
                    Tag("th", say("compare.lever"), scope="col")
                    for name, _ in everyone:
                        Tag("th", name, scope="col")
                with Tag("tbody"):
                    for entry in rows:
                        with Tag("tr"):
                            Tag("th", entry_name(entry, words), scope="row")
                            for _, scenario in everyone:
                                Tag("td", self._set(entry, scenario))

    def _set(self, entry: str, scenario: ScenarioFile) -> str:
        found = entries(scenario)
        if entry not in found:
            return "0" if "." in entry else self.words.say("compare.off")
        position = found[entry]
        if position is None:
            return self.words.say("compare.on")
        return placed(position, self.words)


def _columns(view: View, own: str) -> list[tuple[str, ScenarioFile]]:
    """The scenario under the hand where it is not among the saved ones, then these."""
    columns = [(one.title or "", one) for one in view.saved]
    if saved.unsaved(view):
        columns.insert(0, (own, view.scenario))
    return columns
