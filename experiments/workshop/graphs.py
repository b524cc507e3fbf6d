"""Which graphs the page offers: indicators by theme, and the products that each applies to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.workshop.baseline import AGES
from experiments.workshop.view import Graph
from model.catalogue import Catalogue
from model.strata import COUNTRY, REGIONS
from scenarios.lines import read_yaml

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine

FILE = Path(__file__).with_name("graphs.yaml")


@dataclass(frozen=True)
class GraphList:
    """``themes``: indicators by theme; ``owners``: products and unions by indicator, known once
    current policy has been run."""

    themes: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regions: tuple[str, ...] = (COUNTRY, *REGIONS)
    ages: tuple[str, ...] = AGES

    @property
    def indicators(self) -> tuple[str, ...]:
        """Everything that is offered."""
        return tuple(one for theme in self.themes.values() for one in theme)

    def products(self, indicator: str) -> tuple[str, ...]:
        """Products and unions that an indicator applies to, in the order of the catalogue."""
        return self.owners.get(indicator, ())

    def fitting(self, graph: Graph, engine: Engine) -> Graph:
        """The graph, or the nearest that shows something: of another product, or of everybody."""
        offered = self.products(graph.indicator)
        usual = ("any_illegal", "all", "any_gambling", "psychoactive_medicines")
        some = [one for one in usual if one in offered] or list(offered)
        product = graph.product if graph.product in offered or not some else some[0]
        for region, age in (
            (graph.region, graph.age),
            (graph.region, AGES[0]),
            (COUNTRY, AGES[0]),
        ):
            found = Graph(graph.indicator, product, region, age)
            if engine.applies(found):
                return found
        return graph


def load_graphs(catalogue: Catalogue) -> GraphList:
    """What the page offers of a catalogue's indicators."""
    found = read_yaml(FILE).value
    assert isinstance(found, dict)  # a file of ours
    known = {row.id for row in catalogue.indicators}
    return GraphList(
        {theme: tuple(one for one in ids if one in known) for theme, ids in found.items()}
    )


def graph_list(engine: Engine) -> GraphList:
    """What the page offers, with the products that each indicator applies to."""
    offered = load_graphs(engine.catalogue)
    pairs = engine.baseline.values
    owners = {
        indicator: tuple(owner for owner in engine.baseline.owners if (indicator, owner) in pairs)
        for indicator in offered.indicators
    }
    themes = {
        theme: tuple(one for one in ids if owners[one]) for theme, ids in offered.themes.items()
    }
    return GraphList(themes, owners)
