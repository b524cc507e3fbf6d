"""What the engine is asked by a page, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.workshop.view import Graph
from model.errors import InputError
from scenarios.schema import ScenarioFile

Float = npt.NDArray[np.float64]

FIRST_YEAR, LAST_YEAR, BRANCH_YEAR = 2010, 2030, 2024
YEARS = tuple(range(FIRST_YEAR, LAST_YEAR + 1))
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # 90% and 50% bands, and the median


@dataclass(frozen=True)
class Change:
    """A scenario less current policy in 2030, paired draw by draw; unit of the indicator.

    ``agree``: share of draws with the sign of the median. NaN where nothing applies.
    """

    median: float
    low: float
    high: float
    agree: float


@dataclass(frozen=True)
class Fan:
    """One graph of one scenario: ``bands`` (LEVELS, YEARS) in the indicator's unit, NaN where the
    indicator does not apply to the product; ``change`` None for current policy itself; ``peak``:
    the year of a passing change that is far larger than that of 2030, and it."""

    graph: Graph
    bands: Float
    change: Change | None = None
    peak: tuple[int, Change] | None = None


@dataclass(frozen=True)
class Answer:
    """Graphs of one scenario. ``draws``: those simulated of ``most``; the rest of the interval
    rests on current policy moved as these were (``preview``). ``lost``: draws in which the model
    broke down, left out. ``broken``: why nothing could be run, None where it was."""

    fans: tuple[Fan, ...]
    draws: int
    most: int
    lost: int = 0
    broken: InputError | None = None

    @property
    def preview(self) -> bool:
        """Whether draws are still to come."""
        return self.draws + self.lost < self.most and self.broken is None


@dataclass(frozen=True)
class Ask:
    """Graphs of scenarios, for one page. ``live``: the hand moves, a few draws are enough.

    ``told`` is called on the engine's thread with the number of the scenario and its answer, more
    than once as draws come in.
    """

    client: str
    scenarios: tuple[ScenarioFile, ...]
    graphs: tuple[Graph, ...]
    told: Callable[[int, Answer], None]
    live: bool = False
