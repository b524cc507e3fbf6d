"""One run as the outcome functions read it: markets, harms, infections, offences and money.

What follows from where people are and from prices, and does not act back on them within the run,
is computed after it, year by year, from the yearly output. Both engines hand in the same arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.catalogue import Catalogue, StateRow
from model.choice import EVERYTHING, Choice
from model.compartments import FIRST_YEAR, Output, Prepared
from model.forcing import Forcing
from model.parameters import Draws
from model.rates import profile
from model.structure import NOBODY

Float = npt.NDArray[np.float64]

# Columns of Output.market; TAKEN is Output.taken.
PRICE, STICKER, PURITY, TAKEN = range(4)


@dataclass
class Seen:
    """A run, read by product and year. D draws, Y years, S strata, C cells.

    ``weights`` (C, S): share of each stratum that belongs to a cell. ``values``: indicators so
    far, each (D, Y, products + unions, C), NaN until put; ``first``: calendar year of the run's
    first. ``choice``: what is wanted of it; Y years are those that this needs.
    """

    prepared: Prepared
    draws: Draws
    catalogue: Catalogue
    output: Output
    forcing: Forcing
    weights: Float
    values: dict[str, Float] = field(default_factory=dict)
    first: int = FIRST_YEAR
    choice: Choice = EVERYTHING

    def __post_init__(self) -> None:
        self.names = [row.id for row in self.catalogue.products]
        self.names += [row.id for row in self.catalogue.unions]
        self.kinds = {row.id: row.kind for row in self.catalogue.products}
        self._whole = (self.weights == 1.0).all(axis=1)
        chosen = self.choice.rows(self.first, self.output.lived.shape[1])
        self.rows = np.array(chosen, dtype=np.int64)
        # Consecutive years as slices, which copy nothing.
        parts = np.split(self.rows, np.flatnonzero(np.diff(self.rows) != 1) + 1)
        self.spans = [slice(int(part[0]), int(part[-1]) + 1) for part in parts if part.size]
        self._lived = self.of_years(self.output.lived)

    @property
    def years(self) -> npt.NDArray[np.int64]:
        """Calendar years of the Y axis."""
        return self.first + self.rows

    @property
    def lived(self) -> Float:
        """Person-years at ages 10 and over (D, Y, S)."""
        return self._lived

    def of_years(self, values: Float) -> Float:
        """The Y years of an array (D, all years, ...)."""
        if len(self.spans) == 1:
            return values[:, self.spans[0]]
        return np.concatenate([values[:, span] for span in self.spans], axis=1)

    def wants(self, *names: str) -> bool:
        """Whether one of these indicators is needed."""
        return self.choice.wants(*names)

    def over_all_years(self) -> Seen:
        """The same run with all its years, for what carries on from year to year."""
        if self.choice.since == 0:
            return self
        choice = Choice(0, self.choice.only)
        parts = self.prepared, self.draws, self.catalogue, self.output, self.forcing, self.weights
        return Seen(*parts, {}, self.first, choice)

    def take(self, whole: Seen) -> None:
        """The indicators of ``over_all_years``, in the years of this."""
        if whole is not self:
            self.values |= {name: self.of_years(values) for name, values in whole.values.items()}

    def inhabitants(self) -> Float:
        """Inhabitants of the nation on 1 January, children below the strata too, (D, Y, 1)."""
        january = self.output.january[:, self.rows].sum(axis=2)
        children = self.prepared.demography.under_ten[self.rows].sum(axis=1)
        return np.asarray((january + children)[:, :, None])

    def products(self, *owning: str) -> list[str]:
        """Products for which every one of these parameters is given, in catalogue order."""
        return [p for p in self.kinds if all(self.has(p, name) for name in owning)]

    def market_of(self, market: str) -> list[str]:
        """Products with this market (illicit or legal)."""
        return [row.id for row in self.catalogue.products if row.market == market]

    # People

    def people(self, product: str, *reported: str) -> Float:
        """Person-years in reported states, (D, Y, S)."""
        return self._states(product, [row.reported in reported for row in self._rows(product)])

    def using(self, product: str) -> Float:
        """Person-years of people who use now, (D, Y, S)."""
        return self._states(product, [row.using == "yes" for row in self._rows(product)])

    def in_states(self, product: str, *states: str) -> Float:
        """Person-years in states by name (0 where the product lacks them), (D, Y, S)."""
        return self._states(product, [row.state in states for row in self._rows(product)])

    def transitions(self, product: str, group: str) -> Float:
        """Transitions a year of one group (column ``counts`` of flows.csv), (D, Y, S)."""
        for i, named in enumerate(self.prepared.structure.counters):
            if named == (product, group):
                return self.of_years(self.output.counted[:, :, i])
        return np.zeros_like(self.lived)

    def excess_deaths(self, product: str) -> Float:
        """Deaths beyond those of people without the product, overdoses included (D, Y, S)."""
        return self.of_years(self.output.excess_deaths[:, :, self._number(product)])

    def deadly(self, product: str) -> bool:
        """Whether some parameter gives the product's states excess mortality or overdoses."""
        start, stop = self._span(product)
        rates = self.prepared.rates
        return bool(
            (rates.excess[:, start:stop] > 0.0).any() or rates.overdose[:, start:stop].any()
        )

    def overdose_deaths(self, product: str) -> Float:
        """Deaths by overdose, (D, Y, S)."""
        return self.of_years(self.output.overdose_deaths[:, :, self._number(product)])

    # Parameters and forcing

    def has(self, owner: str, name: str) -> bool:
        """Whether a row gives this parameter to the owner, its kind or all."""
        return bool(self.draws.find(owner, self.kinds.get(owner, "union"), name))

    def parameter(self, owner: str, name: str) -> Float:
        """A parameter of a product, (D, 1, 1), or (D, 1, S) when it differs by stratum."""
        rows = self.draws.require(
            owner, self.kinds.get(owner, "union"), name, f"outcome of {owner}"
        )
        return profile(self.draws, rows, self.prepared.strata)[:, None]

    def scalar(self, owner: str, name: str) -> Float:
        """A parameter without a profile, (D, 1, 1). ``owner`` may be a union or ``*``."""
        kind = self.kinds.get(owner, "union")
        return self.draws.scalar(owner, kind, name, f"outcome of {owner}")[:, None, None]

    def handle(self, handle: str, product: str) -> Float:
        """Yearly mean of what a scenario does to a handle, (1 or D, Y, S); 1 (level: 0) if idle."""
        structure = self.prepared.structure
        number, p = structure.handles.index(handle), self._number(product)
        if self.forcing.series[number, p] == NOBODY:
            _, years, strata = self.lived.shape
            return np.broadcast_to(self.forcing.neutral[number], (1, years, strata))
        return self.of_years(self.forcing.yearly(number, p))

    def national(self, handle: str, product: str) -> Float:
        """As ``handle`` for one of national scope, (1 or D, Y, 1)."""
        return self.handle(handle, product)[:, :, :1]

    # Market of the run (yearly means)

    def price(self, product: str) -> Float:
        """Own real price where people live, purity-adjusted, January 2010 = 1; (D, Y, S)."""
        return self.regional_price(product)[:, :, self.prepared.strata.region]

    def regional_price(self, product: str) -> Float:
        """As ``price``, by region, (D, Y, R)."""
        return self.of_years(self.output.price[:, :, self._number(product)])

    def market(self, product: str, column: int) -> Float:
        """National PRICE (purity-adjusted), STICKER price or PURITY, January 2010 = 1, (D, Y, 1);
        TAKEN: amount that a person takes where people live, relative to 2010, (D, Y, S)."""
        if column == TAKEN:
            taken = self.of_years(self.output.taken[:, :, self._number(product)])
            return np.asarray(taken[:, :, self.prepared.strata.region])
        return self.of_years(self.output.market[:, :, self._number(product), column, None])

    # Results

    def cells(self, values: Float) -> Float:
        """Sum over the strata of each cell: (D, Y, S) to (D, Y, C)."""
        return np.asarray(values @ self.weights.T)

    def put(self, name: str, owner: str, values: Float) -> None:
        """Indicator of a product or union, (D, Y, C); nothing is put that is not wanted."""
        if not self.wants(name):
            return
        if name not in self.values:
            draws, years, _ = self.lived.shape
            shape = (draws, years, len(self.names), len(self.weights))
            self.values[name] = np.full(shape, np.nan)
        self.values[name][:, :, self.names.index(owner)] = values

    def put_nation(self, name: str, owner: str, values: Float) -> None:
        """A national quantity (D, Y, 1): stands in the cells that hold everyone, elsewhere NaN."""
        if self.wants(name):
            self.put(name, owner, np.where(self._whole, values, np.nan))

    def get(self, name: str, owner: str) -> Float:
        """An indicator put before, (D, Y, C); NaN where it was not."""
        return np.asarray(self.values[name][:, :, self.names.index(owner)])

    def members(self, union: str) -> list[str]:
        """Products of a union."""
        return next(row.members.split() for row in self.catalogue.unions if row.id == union)

    def _number(self, product: str) -> int:
        return self.prepared.structure.products.index(product)

    def _rows(self, product: str) -> tuple[StateRow, ...]:
        start, stop = self._span(product)
        return self.prepared.structure.states[start:stop]

    def _span(self, product: str) -> tuple[int, int]:
        p = self._number(product)
        starts = self.prepared.structure.wiring.state_start
        return int(starts[p]), int(starts[p + 1])

    def _states(self, product: str, chosen: Iterable[bool]) -> Float:
        start, _ = self._span(product)
        at = [start + i for i, wanted in enumerate(chosen) if wanted]
        total = np.zeros(self.lived.shape)
        for z in at:
            first = 0
            for span in self.spans:
                after = first + span.stop - span.start
                total[:, first:after] += self.output.time[:, span, z]
                first = after
        return total
