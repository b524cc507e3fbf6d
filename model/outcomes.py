"""One run as the outcome functions read it: markets, harms, infections, offences and money.

What follows from where people are and from prices, and does not act back on them within the run,
is computed after it, year by year, from the yearly output. Both engines hand in the same arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

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
        self._at = {name: i for i, name in enumerate(self.names)}
        self._whole = (self.weights == 1.0).all(axis=1)
        chosen = self.choice.rows(self.first, self.output.lived.shape[1])
        self.rows = np.array(chosen, dtype=np.int64)
        # Consecutive years as slices, which copy nothing.
        parts = np.split(self.rows, np.flatnonzero(np.diff(self.rows) != 1) + 1)
        self.spans = [slice(int(part[0]), int(part[-1]) + 1) for part in parts if part.size]
        self._lived = self.of_years(self.output.lived)
        # What many outcomes read is read once. Nobody writes to it.
        self._kept: dict[tuple[object, ...], Float] = {}
        self._given = self._kept if self.draws.memo is None else self.draws.memo
        self._deadly: dict[str, bool] = {}
        # A forcing cell lies in one region.
        self._cell = self.forcing.cell
        first = np.zeros(int(self._cell.max()) + 1, dtype=np.int64)
        first[self._cell] = np.arange(len(self._cell))
        self._region_of_cell = self.prepared.strata.region[first]

    @property
    def years(self) -> npt.NDArray[np.int64]:
        """Calendar years of the Y axis, (Y,)."""
        return self.first + self.rows

    @property
    def lived(self) -> Float:
        """Person-years at ages 10 and over (D, Y, S)."""
        return self._lived

    def of_years(self, values: Float) -> Float:
        """The Y years of an array (D, all years, ...), in its unit."""
        if len(self.spans) == 1:
            return values[:, self.spans[0]]
        return np.concatenate([values[:, span] for span in self.spans], axis=1)

    def once(self, key: tuple[object, ...], make: Callable[[], Float]) -> Float:
        """What ``make`` gives, made on the first call with this key; not to be written to.

        Shape and unit are those of ``make``.
        """
        return _once(self._kept, key, make)

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
        """Persons in the nation on 1 January, children below the strata too, (D, Y, 1)."""
        return self.once(("inhabitants",), self._inhabitants)

    def _inhabitants(self) -> Float:
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
        return self._states(product, ("reported", *reported))

    def states_of(self, product: str) -> tuple[StateRow, ...]:
        """States of a product, in the order of the output."""
        start, stop = self._span(product)
        return self.prepared.structure.states[start:stop]

    def states_in_cells(self, product: str) -> Float:
        """Person-years in each of the product's states, by cell, (D, Y, states, C)."""
        start, stop = self._span(product)

        def summed() -> Float:
            parts = [self.output.time[:, span, start:stop] @ self.weights.T for span in self.spans]
            return np.concatenate(parts, axis=1)

        return self.once(("states in cells", product), summed)

    def using(self, product: str) -> Float:
        """Person-years of people who use now, (D, Y, S)."""
        return self._states(product, ("using", "yes"))

    def in_states(self, product: str, *states: str) -> Float:
        """Person-years in states by name (0 where the product lacks them), (D, Y, S)."""
        return self._states(product, ("state", *states))

    def transitions(self, product: str, group: str) -> Float:
        """Transitions a year of one group (column ``counts`` of flows.csv), (D, Y, S)."""
        for i, named in enumerate(self.prepared.structure.counters):
            if named == (product, group):
                return self.counted(i)
        return np.zeros_like(self.lived)

    def counted(self, counter: int) -> Float:
        """Transitions a year of one counter, (D, Y, S)."""
        return self._years_of("counted", counter)

    def excess_deaths(self, product: str) -> Float:
        """Deaths beyond those of people without the product, overdoses included (D, Y, S)."""
        return self._years_of("excess_deaths", self._number(product))

    def deadly(self, product: str) -> bool:
        """Whether some parameter gives the product's states excess mortality or overdoses."""
        if product not in self._deadly:
            start, stop = self._span(product)
            rates = self.prepared.rates
            self._deadly[product] = bool(
                (rates.excess[:, start:stop] > 0.0).any() or rates.overdose[:, start:stop].any()
            )
        return self._deadly[product]

    def overdose_deaths(self, product: str) -> Float:
        """Deaths by overdose, (D, Y, S)."""
        return self._years_of("overdose_deaths", self._number(product))

    def _years_of(self, name: str, number: int) -> Float:
        """The Y years of one part (third axis) of an array of the output."""
        whole: Float = getattr(self.output, name)
        return self.once((name, number), lambda: self.of_years(whole[:, :, number])[:])

    # Parameters and forcing

    def has(self, owner: str, name: str) -> bool:
        """Whether a row gives this parameter to the owner, its kind or all."""
        return bool(self.draws.find(owner, self.kinds.get(owner, "union"), name))

    def parameter(self, owner: str, name: str) -> Float:
        """A parameter of a product, in the unit of its row.

        Shape (D, 1, 1), or (D, 1, S) when it differs by stratum.
        """
        key = "parameter", owner, name, id(self.prepared.strata)
        return _once(self._given, key, lambda: self._parameter(owner, name))

    def _parameter(self, owner: str, name: str) -> Float:
        rows = self.draws.require(
            owner, self.kinds.get(owner, "union"), name, f"outcome of {owner}"
        )
        return profile(self.draws, rows, self.prepared.strata)[:, None]

    def scalar(self, owner: str, name: str) -> Float:
        """A parameter without a profile, in the unit of its row, (D, 1, 1).

        ``owner`` may be a union or ``*``.
        """
        key = "scalar", owner, name
        return _once(self._given, key, lambda: self._scalar(owner, name))

    def _scalar(self, owner: str, name: str) -> Float:
        kind = self.kinds.get(owner, "union")
        return self.draws.scalar(owner, kind, name, f"outcome of {owner}")[:, None, None]

    def handle(self, handle: str, product: str) -> Float:
        """Yearly mean of what a scenario does to a handle, (1 or D, Y, S).

        A multiplier, 1 if idle; of a level its own unit, 0 if idle.
        """
        number, neutral = self._series(handle, product)
        if number == NOBODY:
            _, years, strata = self.lived.shape
            return np.broadcast_to(neutral, (1, years, strata))
        key = "handle", number
        return self.once(key, lambda: self.handle_by_cell(handle, product)[:, :, self._cell])

    def handle_by_cell(self, handle: str, product: str) -> Float:
        """As ``handle``, same unit, by forcing cell, (1 or D, Y, cells).

        ``spread`` gives the strata.
        """
        number, neutral = self._series(handle, product)
        if number == NOBODY:
            return np.broadcast_to(neutral, (1, len(self.rows), len(self._region_of_cell)))
        return self.once(("cells of handle", number), lambda: self._yearly(number))

    def national(self, handle: str, product: str) -> Float:
        """As ``handle`` for one of national scope, same unit, (1 or D, Y, 1)."""
        first = int(self._cell[0])
        return self.handle_by_cell(handle, product)[:, :, first : first + 1]

    def _series(self, handle: str, product: str) -> tuple[int, np.float64]:
        """Number of the series of a handle, and its neutral value."""
        number = self.prepared.structure.handles.index(handle)
        series = int(self.forcing.series[number, self._number(product)])
        return series, self.forcing.neutral[number]

    def _yearly(self, number: int) -> Float:
        months = self.forcing.values[:, number]
        whole = months[:, : months.shape[1] // 12 * 12]
        return np.asarray(
            whole.reshape(len(whole), -1, 12, whole.shape[2])[:, self.rows].mean(axis=2)
        )

    # Market of the run (yearly means)

    def price(self, product: str) -> Float:
        """Own real price where people live, purity-adjusted, January 2010 = 1; (D, Y, S)."""
        region = self.prepared.strata.region
        key = "price by stratum", product
        return self.once(key, lambda: self.regional_price(product)[:, :, region])

    def regional_price(self, product: str) -> Float:
        """As ``price``, an index, by region, (D, Y, R)."""
        return self._years_of("price", self._number(product))

    def market(self, product: str, column: int) -> Float:
        """National PRICE (purity-adjusted), STICKER price or PURITY, January 2010 = 1, (D, Y, 1);
        TAKEN: amount that a person takes where people live, relative to 2010, (D, Y, S)."""
        if column == TAKEN:
            taken = self._years_of("taken", self._number(product))
            region = self.prepared.strata.region
            return self.once(("taken by stratum", product), lambda: taken[:, :, region])
        return self._years_of("market", self._number(product))[:, :, column, None]

    def by_cell(self, regional: Float) -> Float:
        """Values by region (D, Y, R) by forcing cell, (D, Y, forcing cells), in their unit."""
        return np.asarray(regional[:, :, self._region_of_cell])

    def spread(self, by_cell: Float) -> Float:
        """Values by forcing cell by stratum, (D, Y, S), in their unit."""
        return np.asarray(by_cell[:, :, self._cell])

    # Results

    def cells(self, values: Float) -> Float:
        """Sum over the strata of each cell: (D, Y, S) to (D, Y, C), in the same unit."""
        return np.asarray(values @ self.weights.T)

    def put(self, name: str, owner: str, values: Float) -> None:
        """Indicator of a product or union, (D, Y, C); nothing is put that is not wanted."""
        if not self.wants(name):
            return
        if name not in self.values:
            draws, years, _ = self.lived.shape
            shape = (draws, years, len(self.names), len(self.weights))
            self.values[name] = np.full(shape, np.nan)
        self.values[name][:, :, self._at[owner]] = values

    def put_nation(self, name: str, owner: str, values: Float) -> None:
        """A national quantity (D, Y, 1): stands in the cells that hold everyone, elsewhere NaN."""
        if self.wants(name):
            self.put(name, owner, np.where(self._whole, values, np.nan))

    def get(self, name: str, owner: str) -> Float:
        """An indicator put before, in its unit, (D, Y, C); NaN where it was not."""
        return np.asarray(self.values[name][:, :, self._at[owner]])

    def members(self, union: str) -> list[str]:
        """Products of a union."""
        return next(row.members.split() for row in self.catalogue.unions if row.id == union)

    def _number(self, product: str) -> int:
        return self.prepared.structure.products.index(product)

    def _span(self, product: str) -> tuple[int, int]:
        p = self._number(product)
        starts = self.prepared.structure.wiring.state_start
        return int(starts[p]), int(starts[p + 1])

    def _states(self, product: str, wanted: tuple[str, ...]) -> Float:
        """Person-years in the states whose column (the first word) holds one of the others."""
        return self.once(("states", product, *wanted), lambda: self._sum_of_states(product, wanted))

    def _sum_of_states(self, product: str, wanted: tuple[str, ...]) -> Float:
        start, stop = self._span(product)
        column, *values = wanted
        states = self.prepared.structure.states
        at = tuple(z for z in range(start, stop) if getattr(states[z], column) in values)
        if not at:
            return np.zeros(self.lived.shape)
        if len(at) == 1:
            return self.once(("time", at), lambda: self._time(at[0]))
        return self.once(("time", at), lambda: self._times(at))

    def _time(self, state: int) -> Float:
        """Person-years in one state, close together in memory."""
        return np.ascontiguousarray(self.of_years(self.output.time[:, :, state]))

    def _times(self, states: tuple[int, ...]) -> Float:
        parts = [self.once(("time", (z,)), partial(self._time, z)) for z in states]
        total = parts[0] + parts[1]
        for part in parts[2:]:
            total += part
        return total


def _once(
    kept: dict[tuple[object, ...], Float], key: tuple[object, ...], make: Callable[[], Float]
) -> Float:
    found = kept.get(key)
    if found is None:
        found = kept[key] = make()
        found.flags.writeable = False
    return found
