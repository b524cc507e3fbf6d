"""What an export holds: all draws of the graphs of a view, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import yaml

from calibration.figures import load_figures
from calibration.series import names_of
from experiments.workshop.answers import BRANCH_YEAR, YEARS, Fan
from experiments.workshop.dots import Dot, Observed
from experiments.workshop.estimate import bands, change_of
from experiments.workshop.files import plain_slug
from experiments.workshop.flags import Flag, flags_of
from experiments.workshop.meaning import owner
from experiments.workshop.view import EVERYONE, Graph, View
from experiments.workshop.wording import Words
from model.strata import COUNTRY
from scenarios.library import Library
from scenarios.schema import REFERENCE, ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine
    from model.catalogue import Catalogue

Float = npt.NDArray[np.float64]

OWN_ROLE = "this-scenario"
LONGEST_FILE = 60  # letters of the name of a scenario in the name of a file


@dataclass(frozen=True)
class Drawn:
    """All draws of one scenario: ``values`` (graphs, draws, years), NaN where a draw broke down.

    ``role``: current-policy, this-scenario, overlaid-1 and so on.
    """

    role: str
    name: str
    scenario: ScenarioFile | None
    values: Float

    @property
    def lost(self) -> int:
        """Draws in which the model broke down."""
        after = self.values[:, :, YEARS.index(BRANCH_YEAR) :]  # before it all is as it was
        return int((~np.isfinite(after).any(axis=(0, 2))).sum())


@dataclass(frozen=True)
class Numbers:
    """What is exported. ``scenarios``: current policy, the one under the hand, those overlaid."""

    words: Words
    graphs: tuple[Graph, ...]  # the two of the page first
    scenarios: tuple[Drawn, ...]
    dots: tuple[tuple[Dot, ...], ...]  # by graph, in the unit shown
    flags: tuple[tuple[Flag, ...], ...]  # by graph, of the scenario under the hand
    units: tuple[str, ...]  # by graph, of the model
    modes: Mapping[str, str]  # calibrated or scenario-only, by product; of a union where it is one
    provenance: Mapping[str, str]
    link: str
    library: Library

    @property
    def own(self) -> Drawn:
        """The scenario under the hand."""
        return self.scenarios[1]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.own.values.shape[1])

    def shown(self, graph: int) -> tuple[str, float]:
        """Unit of a graph as the page shows it, and the factor of numbers in it."""
        return self.words.unit(self.units[graph])


def gather(
    engine: Engine,
    view: View,
    words: Words,
    link: str,
    more: Sequence[Graph] = (),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Numbers:
    """Run every draw of what a view shows, and of ``more`` graphs. Raises InputError.

    ``progress`` hears how many scenarios are done of how many.
    """
    others = (g for g in dict.fromkeys(more) if g not in view.graphs and engine.applies(g))
    graphs = (*view.graphs, *others)
    asked = [(OWN_ROLE, view.scenario)]
    asked += [(f"overlaid-{i}", one) for i, one in enumerate(view.drawn(), start=1)]
    reference = np.stack([engine.baseline.of(graph) for graph in graphs])
    named = words.name(f"scenario.{REFERENCE}")
    found = [Drawn(REFERENCE, named, None, reference)]
    for number, (role, scenario) in enumerate(asked):
        progress(number, len(asked))
        values = engine.values(scenario, graphs)
        found.append(Drawn(role, name_of(scenario, role, words), scenario, values))
    progress(len(asked), len(asked))
    units = {row.id: row.unit for row in engine.catalogue.indicators}
    observed = _observed(engine.catalogue)
    own = found[1].values
    changes = [change_of(own[g][:, -1], reference[g][:, -1]) for g in range(len(graphs))]
    fans = [Fan(graph, bands(own[g]), changes[g]) for g, graph in enumerate(graphs)]
    return Numbers(
        words=words,
        graphs=graphs,
        scenarios=tuple(found),
        dots=tuple(observed.dots(g, words.unit(units[g.indicator])[1]) for g in graphs),
        flags=tuple(tuple(flags_of(fan.graph, view.scenario, engine, fan)) for fan in fans),
        units=tuple(units[graph.indicator] for graph in graphs),
        modes=_modes(engine.catalogue),
        provenance=engine.provenance(),
        link=link,
        library=engine.library,
    )


@lru_cache(maxsize=2)
def _observed(catalogue: Catalogue) -> Observed:
    sources = {row.id for row in catalogue.sources}
    return Observed.of(load_figures(products=set(names_of(catalogue)), sources=sources), catalogue)


def _modes(catalogue: Catalogue) -> dict[str, str]:
    """Mode by product; of a union that of its members where they agree, else calibrated."""
    modes: dict[str, str] = {row.id: row.mode for row in catalogue.products}
    for union in catalogue.unions:
        members = {modes[member] for member in union.members.split()}
        modes[union.id] = members.pop() if len(members) == 1 else "calibrated"
    return modes


def name_of(scenario: ScenarioFile, role: str, words: Words) -> str:
    """The name of a scenario, on one line; what stands for it where it has none."""
    plain = " ".join((scenario.title or "").split())
    return plain or words.say(f"export.{'own' if role == OWN_ROLE else 'unnamed'}")


def graph_name(graph: Graph, words: Words) -> tuple[str, str]:
    """What a graph shows, and of whom where."""
    indicator, product = words.name(f"indicator.{graph.indicator}"), owner(graph.product, words)
    what = words.say("export.graph", indicator=indicator, product=product)
    return what, people(graph, words)


def people(graph: Graph, words: Words) -> str:
    """Of whom a graph is: a region and an age group."""
    return f"{words.name(f'region.{graph.region}')}, {words.name(f'age_group.{graph.age}')}"


def everyone(graph: Graph) -> bool:
    """Whether a graph is of the whole country at all ages."""
    return graph.region == COUNTRY and graph.age == EVERYONE


def yaml_of(scenario: ScenarioFile) -> str:
    """A scenario as a file would give it, without what is left at its usual value."""
    told = scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump({"id": scenario.id, **told}, allow_unicode=True, sort_keys=False)


def file_name(numbers: Numbers, ending: str) -> str:
    """A name for a downloaded file: plain small letters, digits and dashes, no path."""
    return f"drug-futures-{slug(numbers.own.name)}.{ending}"


def slug(name: str) -> str:
    """A name in plain small letters, digits and dashes."""
    return plain_slug(name, LONGEST_FILE) or "scenario"
