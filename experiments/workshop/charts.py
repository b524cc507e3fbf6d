"""The two graphs: what each shows is chosen above it; line, picture, sentence and table agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nicegui.element import Element

# Its package brings the library that fan.js draws with.
from experiments.workshop import flags, options, twins, why_view
from experiments.workshop.answers import Fan
from experiments.workshop.dialogs import dialog
from experiments.workshop.dots import Dot, Observed
from experiments.workshop.elements import Tag, button
from experiments.workshop.fields import Select, hidden, section
from experiments.workshop.legend import build_legend, names_of
from experiments.workshop.meaning import owner
from experiments.workshop.problems import told_error
from experiments.workshop.view import Graph
from model.errors import InputError

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from experiments.workshop.host import Host
    from experiments.workshop.session import Session


class FanChart(Element, component="fan.js"):
    """The picture of a graph."""

    def __init__(self, option: dict[str, Any], language: str) -> None:
        super().__init__()
        self._props["options"] = option
        self._props["language"] = language

    def patch(self, option: dict[str, Any], draws: int | None, told: dict[str, Any]) -> None:
        """Change what is drawn. ``draws``: of the answer that is painted by this, None for none."""
        self.run_method("patch", option, draws, told)


def build_charts(session: Session, host: Host) -> None:
    """Both graphs under their legend, and one voice that tells them when the hand rests."""
    say = session.words.say
    observed = Observed.of(host.engine.study.figures, host.engine.catalogue)
    with section(say("page.graphs"), "df-graphs"):
        with Tag("div", classes="df-graphs-head"):
            Tag("p", say("page.intro"), "df-intro")
            build_legend(session)
        with Tag("div", classes="df-graphs-row"):
            graphs = [_Graph(session, host, observed, i) for i in range(len(session.view.graphs))]
        _Voice(session, graphs)


class _Voice:
    """Says both graphs to who listens, when no hand moves and all draws are there."""

    def __init__(self, session: Session, graphs: list[_Graph]) -> None:
        self._session, self._graphs = session, graphs
        self._resting = True
        self._element = hidden("p", aria_live="polite", aria_atomic="true")
        session.listen("live", lambda: self._rests(False))
        session.listen("view", lambda: self._rests(True))
        session.listen("answer", self._speak)

    def _rests(self, resting: bool) -> None:
        self._resting = resting
        self._speak()

    def _speak(self) -> None:
        answer = self._session.answers.get(0)
        if self._resting and answer is not None and not answer.preview:
            told = " ".join(graph.sentence for graph in self._graphs)
            if told != self._element.text:
                self._element.text = told


class _Graph:
    """One graph of the page."""

    def __init__(self, session: Session, host: Host, observed: Observed, number: int) -> None:
        self._session, self._host, self._observed, self._number = session, host, observed, number
        self._words, self._catalogue = session.words, host.engine.catalogue
        self.sentence = ""
        self._sent: dict[str, options.Data] = {}
        self._axis: dict[str, float] = {}
        self._told: dict[str, Any] = {}
        self._selects: dict[str, Select] = {}
        self._flagged: list[flags.Flag] = []
        self._live = False
        say = session.words.say
        with Tag("section", classes="df-graph", aria_labelledby=f"df-graph-{number}"):
            self._title = hidden("h2", id=f"df-graph-{number}")
            with Tag("div", classes="df-graph-top"):
                self._build_select("indicator")
                key, name = f"table-{number}", say("page.table.open", number=number + 1)
                button(say("page.table"), self._open_table, data_df=key, aria_label=name)
                why_view.build_why(session, host, number)
            with Tag("div", classes="df-graph-top"):
                for part in ("product", "region", "age"):
                    self._build_select(part)
            self._build_said()
            with Tag("div", classes="df-unit-row"):
                self._unit = Tag("p", classes="df-unit")
                self._flags = Tag("div", classes="df-graph-flags")
            with Tag("div", classes="df-picture", role="img") as self._picture:
                option = options.whole(self._picture_now())
                self._chart = FanChart(option, self._words.language)
                self._chart.classes("df-canvas")
        self._table = dialog("", wide=True)
        session.listen("view", self._rest_now)
        session.listen("live", self._moves)
        session.listen("answer", self._answered)
        self._rest_now()

    @property
    def graph(self) -> Graph:
        """What it shows."""
        return self._session.view.graphs[self._number]

    # What is chosen

    def _build_said(self) -> None:
        with Tag("p", classes="df-said"):
            with Tag("span"):
                self._value = Tag("strong", classes="df-said-value")
                self._range = Tag("span", classes="df-said-range")
            with Tag("span"):
                self._before = Tag("span", classes="df-said-before")
                self._change = Tag("span", classes="df-said-change")

    def _build_select(self, part: str) -> None:
        self._selects[part] = Select(
            self._words.say(f"page.{part}"),
            lambda value: self._choose(part, value),
            f"df-select-{part}",
            f"graph-{self._number}-{part}",
        )

    def _choose(self, part: str, value: str) -> None:
        graph = replace(self.graph, **{part: value})
        graphs = list(self._session.view.graphs)
        graphs[self._number] = self._host.graphs.fitting(graph, self._host.engine)
        self._session.show(replace(self._session.view, graphs=(graphs[0], graphs[1])))

    def _show_selects(self) -> None:
        words, graphs, graph = self._words, self._host.graphs, self.graph
        themes = [
            (
                words.say(f"graphs.theme.{theme}"),
                [(one, words.name(f"indicator.{one}")) for one in indicators],
            )
            for theme, indicators in graphs.themes.items()
        ]
        products = [(one, owner(one, words)) for one in graphs.products(graph.indicator)]
        regions = [(one, words.name(f"region.{one}")) for one in graphs.regions]
        ages = [(one, words.name(f"age_group.{one}")) for one in graphs.ages]
        self._selects["indicator"].show(themes, graph.indicator)
        self._selects["product"].show([("", products)], graph.product)
        self._selects["region"].show([("", regions)], graph.region)
        self._selects["age"].show([("", ages)], graph.age)

    # What is known

    def _fan(self, scenario: int) -> Fan | None:
        answer = self._session.answers.get(scenario)
        if answer is None or answer.broken is not None:
            return None
        return next((fan for fan in answer.fans if fan.graph == self.graph), None)

    @property
    def _indicator_unit(self) -> str:
        return twins.unit_of(self.graph, self._catalogue)

    def _factor(self) -> float:
        return self._words.unit(self._indicator_unit)[1]

    def _dots(self) -> tuple[Dot, ...]:
        return self._observed.dots(self.graph, self._factor())

    def _picture_now(self) -> options.Picture:
        factor = self._factor()
        own = self._fan(0)
        over = [self._fan(i + 1) for i in range(len(self._session.view.drawn()))]
        empty = self._host.engine.reference(self.graph).bands * float("nan")
        return options.Picture(
            reference=self._host.engine.reference(self.graph).bands * factor,
            own=None if own is None else own.bands * factor,
            overlaid=tuple(empty if fan is None else fan.bands * factor for fan in over),
            dots=self._dots(),
        )

    # What is shown

    def _moves(self) -> None:
        self._live = True

    def _rest_now(self) -> None:
        self._live = False
        graph, words = self.graph, self._words
        title = twins.title_of(graph, words, self._catalogue)
        number = self._number + 1
        self._title.text = words.say(
            "named", name=words.say("page.graph", number=number), value=title
        )
        self._picture.attribute("aria-label", words.say("page.graph.picture", title=title))
        self._show_selects()
        self._show_flags()
        self._draw(None)

    def _answered(self) -> None:
        answer = self._session.answers.get(0)
        self._draw(None if answer is None else answer.draws)
        if answer is not None and not answer.preview:
            self._show_flags()
            if self._table.shown:
                self._fill_table()

    def _draw(self, draws: int | None) -> None:
        picture = self._picture_now()
        keep = (self._axis["min"], self._axis["max"]) if self._live and self._axis else None
        data, axis = options.data_of(picture), options.axis_of(picture, keep)
        told = {"names": names_of(self._session), "figures": self._figures(picture.dots)}
        changed = options.patch(data, axis, self._sent, self._axis)
        fresh = {} if told == self._told else told
        if changed or draws or fresh:
            self._chart.patch(changed, draws, fresh)
        self._sent, self._axis, self._told = data, axis, told
        unit = self._words.unit(self._indicator_unit)[0]
        cut = self._words.say("page.graph.cut") if axis["min"] > 0.0 else ""
        self._unit.text = f"{unit}. {cut}" if cut else unit
        self._say()

    def _figures(self, dots: tuple[Dot, ...]) -> list[tuple[int, str]]:
        words = self._words
        return [
            (dot.year, f"{twins.told_dot(words, dot)}: {twins.told_source(words, dot)}")
            for dot in dots
        ]

    def _say(self) -> None:
        answer, own = self._session.answers.get(0), self._fan(0)
        engine, words = self._host.engine, self._words
        preview = answer is not None and answer.preview
        reference, unit = engine.reference(self.graph), self._indicator_unit
        line = twins.line_of(words, own, reference, unit, preview=preview)
        if answer is not None and answer.broken is not None:
            line = twins.Told(words.say("page.graph.broken", why=told_error(answer.broken, words)))
        self._value.text, self._range.text = line.value, line.range
        # With a space: who listens hears two sentences.
        self._before.text, self._change.text = f"{line.before} ", line.change
        if answer is not None and own is not None:
            self.sentence = twins.sentence_of(words, self.graph, self._catalogue, answer, own)

    def _show_flags(self) -> None:
        words, engine, fan = self._words, self._host.engine, self._fan(0)
        found = shown_flags(self.graph, self._session, engine, fan)
        if found == self._flagged:
            return
        self._flagged = found
        self._flags.clear()
        if not found:
            return
        with self._flags, Tag("details", classes="df-flags"):
            Tag("summary", words.say("page.flags", count=len(found)))
            with Tag("ul"):
                for flag in found:
                    with Tag("li"):
                        Tag("strong", flags.short(flag, words))
                        Tag("p", flags.told(flag, words))

    # The table

    def _open_table(self) -> None:
        self._table.title = twins.title_of(self.graph, self._words, self._catalogue)
        self._fill_table()
        self._table.open()

    def _fill_table(self) -> None:
        with self._table as box:
            box.clear()
            build_table(self._make_table(), self._words.say("page.dots.none"))

    def _make_table(self) -> twins.Table:
        words, names = self._words, names_of(self._session)
        shown, factor = words.unit(self._indicator_unit)
        title = twins.title_of(self.graph, words, self._catalogue)
        own = self._fan(0)
        named = [] if own is None else [(names["own"], own.bands)]
        named.append((names["reference"], self._host.engine.reference(self.graph).bands))
        for i, _ in enumerate(self._session.view.drawn()):
            fan = self._fan(i + 1)
            if fan is not None:
                named.append((names[f"overlaid.{i + 1}"], fan.bands))
        caption = words.say("page.table.caption", title=title, unit=shown)
        return twins.table_of(words, caption, named, self._dots(), factor, self.sentence)


def shown_flags(
    graph: Graph, session: Session, engine: Engine, fan: Fan | None = None
) -> list[flags.Flag]:
    """Flags of a graph; none of a scenario that cannot be run, which is told elsewhere."""
    try:
        return flags.flags_of(graph, session.view.scenario, engine, fan)
    except InputError:
        return []


def build_table(table: twins.Table, none: str) -> None:
    """A table of a graph; ``none``: said where no figure was observed."""
    Tag("p", table.sentence)
    box = Tag("div", classes="df-table-box", tabindex=0, role="region", aria_label=table.caption)
    with box, Tag("table", classes="df-table"):
        Tag("caption", table.caption)
        with Tag("thead"), Tag("tr"):
            for cell in table.head:
                Tag("th", cell, scope="col")
        with Tag("tbody"):
            for first, *rest in table.rows:
                with Tag("tr"):
                    Tag("th", first, scope="row")
                    for cell in rest:
                        Tag("td", cell)
    if not table.figures:
        Tag("p", none)
        return
    with Tag("ul", classes="df-sources"):
        for told in table.figures:
            Tag("li", told)
