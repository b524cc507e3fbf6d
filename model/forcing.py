"""What history or a scenario hands an engine: values of handles over time, products and strata.

The engines know nothing of levers, and scenarios nothing of how engines work. A handle that no
change touches is neutral everywhere: 1 for a multiplier, 0 for a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.handles import NEVER_ZERO
from model.strata import Strata
from model.structure import NOBODY, PRICED, Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Change:
    """What one handle of some products is set to over time in some strata.

    ``values``: shape (T,) or (draws, T), 0 or more, one value a month from January 2010, neutral
    (1 for a multiplier, 0 for a level) while the change is not in force; ``strata``: bool (S,),
    which strata it reaches.
    """

    handle: str
    products: tuple[str, ...]
    values: Float
    strata: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Forcing:
    """All changes together: where they meet, multipliers multiply and the highest level counts.

    ``series`` (H, P): number of a series or NOBODY; ``values`` (1 or draws, N, T, cells);
    ``cell`` (S,): the forcing cell of each stratum; ``active`` (F,): 1 where a flow is reached;
    ``neutral`` (H,): the value of an idle handle.
    """

    series: Int
    values: Float
    cell: Int
    active: Int
    neutral: Float

    def yearly(self, handle: int, product: int) -> Float:
        """Yearly means of one handle by stratum, shape (1 or draws, years, S)."""
        years = self.values.shape[2] // 12
        months = self._cells(handle, product)[:, : years * 12]
        yearly = months.reshape(len(months), years, 12, -1).mean(axis=2)
        return np.asarray(yearly[:, :, self.cell])

    def nation(self, handle: int, product: int) -> Float:
        """Months of a handle of scope nation, shape (1 or draws, T)."""
        return np.asarray(self._cells(handle, product)[:, :, 0])

    def regions(self, handle: int, product: int, region_cells: Int) -> Float:
        """Months of a handle of scope region, shape (1 or draws, T, R).

        ``region_cells`` (R,): forcing cell of any stratum of each region, such as
        ``forcing.cell[first stratum of the region]``.
        """
        return np.asarray(self._cells(handle, product)[:, :, region_cells])

    def _cells(self, handle: int, product: int) -> Float:
        """Months of one handle by forcing cell, shape (1 or draws, T, cells)."""
        number = self.series[handle, product]
        if number == NOBODY:
            return np.full((1, *self.values.shape[2:]), self.neutral[handle])
        return np.asarray(self.values[:, number])


def build_forcing(
    structure: Structure, strata: Strata, months: int, changes: Sequence[Change] = ()
) -> Forcing:
    """Combine changes. Raises InputError for unknown handles or products or bad values.

    All changes by draw must have the same number of draws.
    """
    for change in changes:
        _check(structure, strata, months, change)
    masks = [strata.region, *[change.strata.astype(np.int64) for change in changes]]
    _, first, cell = np.unique(np.stack(masks), axis=1, return_index=True, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    draws = max([len(c.values) for c in changes if c.values.ndim == 2], default=1)
    meeting = _meeting(structure, changes)
    series = np.full((len(structure.handles), len(structure.products)), NOBODY, dtype=np.int64)
    values = np.ones((draws, len(meeting), months, first.size))
    for number, ((handle, together), products) in enumerate(meeting.items()):
        series[handle, products] = number
        neutral = structure.neutral[handle]
        if neutral != 1.0:
            values[:, number] = neutral
        for change in (changes[k] for k in together):
            _meet(values[:, number], change, change.strata[first], float(neutral))
    return Forcing(
        series=series,
        values=values,
        cell=cell,
        active=_active(structure, series),
        neutral=structure.neutral,
    )


def _meeting(
    structure: Structure, changes: Sequence[Change]
) -> dict[tuple[int, tuple[int, ...]], list[int]]:
    """Products on which the same changes of a handle meet: they share one series."""
    touching: dict[tuple[int, int], list[int]] = {}
    for number, change in enumerate(changes):
        handle = structure.handles.index(change.handle)
        for name in dict.fromkeys(change.products):
            pair = handle, structure.products.index(name)
            touching.setdefault(pair, []).append(number)
    meeting: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for (handle, product), numbers in touching.items():
        meeting.setdefault((handle, tuple(numbers)), []).append(product)
    return meeting


def _meet(before: Float, change: Change, reached: npt.NDArray[np.bool_], neutral: float) -> None:
    """Write one change into a series (draws, T, cells), from its first month that acts."""
    values = np.atleast_2d(change.values)[:, : before.shape[1]]
    acting = np.flatnonzero((values != neutral).any(axis=0))
    if acting.size == 0 or not reached.any():
        return
    late = before[:, acting[0] :]
    new = values[:, acting[0] :, None]
    if neutral == 0.0:
        late[:, :, reached] = np.maximum(late[:, :, reached], new)
    elif reached.all():
        late *= new
    else:
        late *= np.where(reached, new, 1.0)


def _check(structure: Structure, strata: Strata, months: int, change: Change) -> None:
    if change.handle not in structure.handles:
        raise InputError("unknown handle", given=change.handle, allowed=structure.handles)
    for product in change.products:
        if product not in structure.products:
            raise InputError("unknown product", given=product, allowed=structure.products)
    if change.values.shape[-1] < months:
        given = change.values.shape[-1]
        raise InputError("a change is too short", given=given, allowed=f"{months} months")
    if not np.all(np.isfinite(change.values)) or np.any(change.values < 0.0):
        raise InputError("a value is out of range", allowed="finite numbers of 0 or more")
    least = NEVER_ZERO.get(change.handle, 0.0)
    if np.any(change.values < least):
        what = f"a value of the handle {change.handle} is too low"
        raise InputError(what, given=float(change.values.min()), allowed=f"{least:g} or more")
    scope = structure.scopes[structure.handles.index(change.handle)]
    if scope == "nation" and not change.strata.all():
        raise InputError(
            f"the handle {change.handle} acts on the whole nation",
            allowed="all regions, ages, sexes and deprivation groups",
        )
    if scope == "region":
        for r in range(len(strata.regions)):
            reached = change.strata[strata.region == r]
            if reached.any() and not reached.all():
                raise InputError(
                    f"the handle {change.handle} acts on whole regions",
                    allowed="all ages, sexes and deprivation groups of a region",
                )


def _active(structure: Structure, series: Int) -> Int:
    wiring = structure.wiring
    price, burden = (structure.handles.index(name) for name in ("price", "mental_health"))
    active = np.zeros(len(structure.flows), dtype=np.int64)
    for f in range(len(structure.flows)):
        p = structure.product_of_flow[f]
        read = list(wiring.handles[wiring.handle_start[f] : wiring.handle_start[f + 1]])
        if wiring.flags[f] & PRICED:
            read.append(price)
        if "mental_health" in (structure.flows[f].modifiers or "").split():
            read.append(burden)
        active[f] = any(series[handle, p] != NOBODY for handle in read)
    return active
