"""What a scenario hands an engine: multipliers on handles over time, products and strata.

The engines know nothing of levers, and scenarios nothing of how engines work. A handle that no
change touches is 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import InputError
from model.strata import Strata
from model.structure import NOBODY, PRICED, Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# Read once a region: a change must reach all strata of the regions it names.
REGIONAL = ("capacity", "entry_time", "mortality")


@dataclass(frozen=True)
class Change:
    """A multiplier over time on one handle of some products in some strata.

    ``multiplier``: shape (T,) or (draws, T), positive (0 allowed), one value a month from January
    2010; ``strata``: bool (S,), which strata it reaches.
    """

    handle: str
    products: tuple[str, ...]
    multiplier: Float
    strata: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Forcing:
    """All changes of a scenario, multiplied where they meet.

    ``series`` (H, P): number of a series or NOBODY; ``values`` (1 or draws, N, T, cells);
    ``cell`` (S,): the forcing cell of each stratum; ``active`` (F,): 1 where a flow is reached.
    """

    series: Int
    values: Float
    cell: Int
    active: Int

    def yearly(self, handle: int, product: int) -> Float:
        """Yearly means of one multiplier by stratum, shape (1 or draws, years, S)."""
        number = self.series[handle, product]
        years = self.values.shape[2] // 12
        if number == NOBODY:
            return np.ones((1, years, self.cell.size))
        months = self.values[:, number, : years * 12]
        yearly = months.reshape(len(months), years, 12, -1).mean(axis=2)
        return np.asarray(yearly[:, :, self.cell])


def build_forcing(
    structure: Structure, strata: Strata, months: int, changes: Sequence[Change] = ()
) -> Forcing:
    """Combine changes. Raises InputError for unknown handles or products or bad multipliers."""
    for change in changes:
        _check(structure, strata, months, change)
    masks = [strata.region, *[change.strata.astype(np.int64) for change in changes]]
    _, first, cell = np.unique(np.stack(masks), axis=1, return_index=True, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    draws = max([len(c.multiplier) for c in changes if c.multiplier.ndim == 2], default=1)
    series = np.full((len(structure.handles), len(structure.products)), NOBODY, dtype=np.int64)
    found: list[Float] = []
    for change in changes:
        handle = structure.handles.index(change.handle)
        for product in change.products:
            p = structure.products.index(product)
            if series[handle, p] == NOBODY:
                series[handle, p] = len(found)
                found.append(np.ones((draws, months, first.size)))
            reached = change.strata[first]
            multiplier = np.atleast_2d(change.multiplier)[:, :months, None]
            found[series[handle, p]][:, :, reached] *= multiplier
    values = np.stack(found, axis=1) if found else np.ones((1, 0, months, first.size))
    return Forcing(series=series, values=values, cell=cell, active=_active(structure, series))


def _check(structure: Structure, strata: Strata, months: int, change: Change) -> None:
    if change.handle not in structure.handles:
        raise InputError("unknown handle", given=change.handle, allowed=structure.handles)
    for product in change.products:
        if product not in structure.products:
            raise InputError("unknown product", given=product, allowed=structure.products)
    if change.multiplier.shape[-1] < months:
        given = change.multiplier.shape[-1]
        raise InputError("a change is too short", given=given, allowed=f"{months} months")
    if not np.all(np.isfinite(change.multiplier)) or np.any(change.multiplier < 0.0):
        raise InputError("a multiplier is out of range", allowed="finite numbers of 0 or more")
    if change.handle in REGIONAL:
        for r in range(len(strata.regions)):
            reached = change.strata[strata.region == r]
            if reached.any() and not reached.all():
                raise InputError(
                    f"the handle {change.handle} acts on whole regions",
                    allowed="all ages, sexes and deprivation groups of a region",
                )


def _active(structure: Structure, series: Int) -> Int:
    wiring = structure.wiring
    active = np.zeros(len(structure.flows), dtype=np.int64)
    for f in range(len(structure.flows)):
        p = structure.product_of_flow[f]
        read = list(wiring.handles[wiring.handle_start[f] : wiring.handle_start[f + 1]])
        if wiring.flags[f] & PRICED:
            read.append(wiring.price_handle)
        if "mental_health" in (structure.flows[f].modifiers or "").split():
            read.append(wiring.burden_handle)
        active[f] = any(series[handle, p] != NOBODY for handle in read)
    return active
