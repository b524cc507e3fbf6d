"""What one page shows: the scenario under the hand, two graphs, and saved scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from model.strata import COUNTRY
from scenarios.schema import ScenarioFile

EVERYONE = "all"  # the age group of all ages from 10
OWN = "this-one"  # id of the scenario under the hand
MOST_SAVED = 12
MOST_OVERLAID = 2


@dataclass(frozen=True)
class Graph:
    """One indicator of one product (or union) in a region and an age group."""

    indicator: str
    product: str
    region: str = COUNTRY
    age: str = EVERYONE


START = (
    Graph("current_use", "tobacco", age="15+"),  # of it most surveys tell
    Graph("overdose_deaths", "any_illegal"),
)


def idle() -> ScenarioFile:
    """Current policy, nothing moved."""
    return ScenarioFile(id=OWN)


@dataclass(frozen=True)
class View:
    """The whole state of a page: all of it is in its address.

    ``saved``: scenarios of the drawer in their order, each with a title of its own; ``overlaid``:
    numbers of those drawn over the graphs; ``card``: what is open (SD1 to SD6, outside, trends, or
    nothing).
    """

    scenario: ScenarioFile = field(default_factory=idle)
    graphs: tuple[Graph, Graph] = START
    saved: tuple[ScenarioFile, ...] = ()
    overlaid: tuple[int, ...] = ()
    card: str = ""

    def drawn(self) -> Sequence[ScenarioFile]:
        """Saved scenarios that are drawn, in the order of the drawer."""
        return [self.saved[number] for number in self.overlaid]

    def with_scenario(self, scenario: ScenarioFile) -> View:
        """The same page with another scenario under the hand."""
        return replace(self, scenario=scenario)
