"""Police by region and customs at the border: where their effort goes.

A unit has one effort, which it spreads over products every quarter: part evenly, the rest by what
it lately seized over what it usually would, and by violence. The usual stops are in the calibrated
markets already, so effort acts only relative to an even share; a unit's total never changes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mesa import Agent, Model
from mesa.agent import AgentSet

from model.agents.terms import Terms

Float = npt.NDArray[np.float64]

QUARTER = 0.25
BORDERS = ("port", "parcel")  # units of customs, after those of the regions


class EnforcementBook(NamedTuple):
    """What units carry on. U units, Q products; values in national volumes at the price of 2010."""

    effort: Float  # (U, Q) shares of a unit's effort, each row sums to 1
    seized: Float  # (U, Q) value lately seized, fading
    usual: Float  # (U, Q) the same at an even effort and the price of 2010, expected
    violence: Float  # (Q,) index at the last quarter, 1 as in 2010


class EnforcementUnit(Agent):
    """One unit: the police of a region, or customs at the port or over parcels."""

    def __init__(self, model: Model, enforcement: Enforcement, unit: int, name: str) -> None:
        super().__init__(model)
        self.enforcement = enforcement
        self.unit = unit
        self.name = name

    def allocate(self) -> None:
        """Spread the effort of the next quarter."""
        book, terms = self.enforcement.book, self.enforcement.terms
        # A year of the usual stops in one market: a single seizure must not turn a unit round.
        doubt = terms.enforcement_stop_rate * terms.enforcement_stopped_share
        value = (book.seized[self.unit] + doubt) / (book.usual[self.unit] + doubt)
        score = value**terms.enforcement_response
        score *= book.violence**terms.enforcement_violence
        spread = terms.enforcement_floor
        book.effort[self.unit] = spread / score.size + (1.0 - spread) * score / score.sum()


class Enforcement:
    """All units. ``regions`` (names) have police, the border customs; Q ``products``."""

    def __init__(self, model: Model, regions: tuple[str, ...], products: int, terms: Terms) -> None:
        names = (*regions, *BORDERS)
        shape = (len(names), products)
        even = np.full(shape, 1.0 / max(products, 1))
        self.terms = terms
        self.book = EnforcementBook(even, np.zeros(shape), np.zeros(shape), np.ones(products))
        units = [EnforcementUnit(model, self, unit, name) for unit, name in enumerate(names)]
        self.units = AgentSet(units, random=model.random)

    @property
    def factor(self) -> Float:
        """(U, Q) effort over an even share; the mean over products is 1 in every unit."""
        return np.asarray(self.book.effort * self.book.effort.shape[1])

    def record(self, seized: Float, usual: Float) -> None:
        """Add what was seized in a month and what usually is, both (U, Q)."""
        self.book.seized[:] += seized
        self.book.usual[:] += usual

    def quarter(self, violence: Float) -> None:
        """Let every unit allocate anew at an index of ``violence`` (Q,), 1 as in 2010."""
        self.book.violence[:] = violence
        if violence.size > 0:
            self.units.do("allocate")
        kept = math.exp(-QUARTER / self.terms.enforcement_memory)
        self.book.seized[:] *= kept
        self.book.usual[:] *= kept

    def state(self) -> dict[str, Float]:
        """Copies of all that is carried on; shapes and units as in the book of this part."""
        return {name: array.copy() for name, array in self.book._asdict().items()}

    def load(self, state: dict[str, Float]) -> None:
        """Go on from ``state``, of the same shapes."""
        for name, array in self.book._asdict().items():
            array[:] = state[name]
