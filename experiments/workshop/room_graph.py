"""One large graph of the facilitator's page: up to three scenarios beside current policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experiments.workshop import options, twins
from experiments.workshop.charts import FanChart, build_table
from experiments.workshop.dialogs import dialog
from experiments.workshop.dots import Dot, Observed
from experiments.workshop.elements import Tag, button, line_sample
from experiments.workshop.fields import Select
from experiments.workshop.meaning import owner
from experiments.workshop.room_board import HIGH, LOW, MEDIAN, Board
from experiments.workshop.view import Graph
from scenarios.schema import REFERENCE

if TYPE_CHECKING:
    from experiments.workshop.host import Host
    from experiments.workshop.wording import Words

LINES = ("scenario", "over1", "over2")  # samples of the lines, in the order of the scenarios shown
SERIES = ("own", "overlaid.1", "overlaid.2")
LETTERS = 18  # pixels
WIDER = 1.5  # lines, so that they are seen from the last row


def graph_of(held: object, host: Host) -> Graph | None:
    """A graph that a browser held as indicator and product, None for what is none."""
    if not isinstance(held, list) or len(held) != 2 or not all(isinstance(x, str) for x in held):
        return None
    indicator, product = held
    offered = [one for group in host.graphs.themes.values() for one in group]
    if indicator not in offered or product not in host.graphs.products(indicator):
        return None
    return Graph(indicator, product)


def large(option: dict[str, Any]) -> dict[str, Any]:
    """The option of a graph in letters and lines for a beamer."""
    made = deepcopy(option)
    made["textStyle"]["fontSize"] = LETTERS
    made["xAxis"][0]["axisLabel"]["fontSize"] = LETTERS
    made["yAxis"]["axisLabel"]["fontSize"] = LETTERS
    for series in made["series"]:
        if "width" in series.get("lineStyle", {}):
            series["lineStyle"]["width"] *= WIDER
    return made


class RoomGraph:
    """A graph with its selects, its lines told in words, and its table."""

    def __init__(
        self,
        board: Board,
        host: Host,
        words: Words,
        number: int,
        chosen: Callable[[tuple[Graph, Graph]], None],
    ) -> None:
        self._board, self._host, self._words, self._number = board, host, words, number
        self._catalogue, self._tell = host.engine.catalogue, chosen
        self._observed = Observed.of(host.engine.study.figures, self._catalogue)
        self._names: list[str] = []
        self._sent: dict[str, options.Data] = {}
        self._axis: dict[str, float] = {}
        self._told: object = None
        self._table = dialog("", wide=True)
        self._build()

    @property
    def graph(self) -> Graph:
        """What it shows."""
        return self._board.graphs[self._number]

    def _build(self) -> None:
        say, number = self._words.say, self._number
        with Tag("section", classes="df-room-graph", aria_labelledby=f"df-room-graph-{number}"):
            self._title = Tag("h3", classes="df-hidden", id=f"df-room-graph-{number}")
            with Tag("div", classes="df-room-selects"):
                self._indicator = Select(say("page.indicator"), self._choose_indicator)
                self._product = Select(say("page.product"), self._choose_product)
            self._unit = Tag("p", classes="df-room-unit")
            with Tag("div", classes="df-room-picture", role="img") as self._picture:
                option = large(options.whole(self._picture_now()))
                self._chart = FanChart(option, self._words.language)
                self._chart.classes("df-room-canvas")
            self._lines = Tag("ul", classes="df-room-lines")
            name = say("page.table.open", number=number + 1)
            key = f"room-table-{number}"
            button(say("page.table"), self._open_table, aria_label=name, data_df=key)

    # What is chosen

    def _choose_indicator(self, value: str) -> None:
        offered = self._host.graphs.products(value)
        product = self.graph.product if self.graph.product in offered else offered[0]
        self._choose(replace(self.graph, indicator=value, product=product))

    def _choose_product(self, value: str) -> None:
        self._choose(replace(self.graph, product=value))

    def _choose(self, graph: Graph) -> None:
        if graph_of([graph.indicator, graph.product], self._host) is None:
            return
        graphs = list(self._board.graphs)
        graphs[self._number] = graph
        self._tell((graphs[0], graphs[1]))

    def _show_selects(self) -> None:
        words, graphs = self._words, self._host.graphs
        themes = [
            (
                words.say(f"graphs.theme.{theme}"),
                [(one, words.name(f"indicator.{one}")) for one in indicators],
            )
            for theme, indicators in graphs.themes.items()
        ]
        products = [(one, owner(one, words)) for one in graphs.products(self.graph.indicator)]
        self._indicator.show(themes, self.graph.indicator)
        self._product.show([("", products)], self.graph.product)

    # What is shown

    def show(self, names: list[str]) -> None:
        """Draw what the board shows, by these names."""
        words, graph = self._words, self.graph
        self._names = names
        picture = self._picture_now()
        data, axis = options.data_of(picture), options.axis_of(picture)
        told = {"names": self._named(), "figures": self._figures(picture.dots)}
        changed = options.patch(data, axis, self._sent, self._axis)
        now = (graph, told, data)
        if now == self._told:
            return
        self._chart.patch(changed, None, told)
        self._sent, self._axis, self._told = data, axis, now
        title = twins.title_of(graph, words, self._catalogue)
        self._title.set_text(f"{words.say('page.graph', number=self._number + 1)}: {title}")
        self._picture.attribute("aria-label", words.say("page.graph.picture", title=title))
        place, ages = words.name(f"region.{graph.region}"), words.name(f"age_group.{graph.age}")
        about = {"region": place, "age": ages, "unit": self._shown_unit()[0]}
        self._unit.set_text(words.say("room.graph.about", **about))
        self._show_selects()
        self._show_lines(picture)

    def _shown_unit(self) -> tuple[str, float]:
        return self._words.unit(twins.unit_of(self.graph, self._catalogue))

    def _named(self) -> dict[str, str]:
        policy = self._words.name(f"scenario.{REFERENCE}")
        return {"reference": policy, **dict(zip(SERIES, self._names, strict=False))}

    def _picture_now(self) -> options.Picture:
        factor = self._shown_unit()[1]
        reference = self._host.engine.reference(self.graph).bands * factor
        fans = [self._board.fan(key, self._number) for key in self._board.shown]
        bands = [reference * math.nan if fan is None else fan.bands * factor for fan in fans]
        dots = self._observed.dots(self.graph, factor)
        return options.Picture(reference, bands[0] if bands else None, tuple(bands[1:]), dots)

    def _figures(self, dots: Sequence[Dot]) -> list[tuple[int, str]]:
        told = (twins.told_dot(self._words, dot) for dot in dots)
        sources = (twins.told_source(self._words, dot) for dot in dots)
        return [
            (dot.year, f"{one}: {source}")
            for dot, one, source in zip(dots, told, sources, strict=True)
        ]

    def _show_lines(self, picture: options.Picture) -> None:
        bands = [picture.reference, *(() if picture.own is None else (picture.own,))]
        bands += picture.overlaid
        names = (self._named()["reference"], *self._names)
        self._lines.clear()
        with self._lines:
            for kind, name, band in zip(("reference", *LINES), names, bands, strict=False):
                with Tag("li"):
                    line_sample(kind)
                    Tag("span", name, "df-room-line-name")
                    low, median, high = band[[LOW, MEDIAN, HIGH], twins.END].tolist()
                    waiting = self._words.say("page.graph.waiting")
                    known = math.isfinite(median) or kind == "reference"
                    told = self._words.interval(median, low, high) if known else waiting
                    Tag("span", told, "df-room-line-value")

    def _open_table(self) -> None:
        words = self._words
        title = twins.title_of(self.graph, words, self._catalogue)
        shown, factor = self._shown_unit()
        self._table.title = title
        policy = (self._named()["reference"], self._host.engine.reference(self.graph).bands)
        fans = [self._board.fan(key, self._number) for key in self._board.shown]
        named = [(name, fan.bands) for name, fan in zip(self._names, fans, strict=False) if fan]
        caption = words.say("page.table.caption", title=title, unit=shown)
        dots = self._observed.dots(self.graph, factor)
        made = twins.table_of(words, caption, [*named, policy], dots, factor)
        with self._table as box:
            box.clear()
            build_table(made, words.say("page.dots.none"))
        self._table.open()
