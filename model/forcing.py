"""What history or a scenario hands an engine: values of handles over time, products and strata.

The engines know nothing of levers, and scenarios nothing of how engines work. A handle that no
change touches is neutral everywhere: 1 for a multiplier, 0 for a level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from model import rows
from model.errors import InputError
from model.handles import NEVER_ZERO
from model.strata import Strata
from model.structure import NOBODY, PRICED, Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


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
    strata: Mask


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
        """Months of a handle of scope nation, shape (1 or draws, T), in its unit."""
        return np.asarray(self._cells(handle, product)[:, :, 0])

    def regions(self, handle: int, product: int, region_cells: Int) -> Float:
        """Months of a handle of scope region, shape (1 or draws, T, R), in its unit.

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


class Room:
    """Memory that one forcing after the other is written into: new memory costs more than filling.

    A forcing made with it holds until the next one is made.
    """

    def __init__(self) -> None:
        self._memory = np.empty(0)

    def take(self, shape: tuple[int, ...]) -> Float:
        """Memory of this shape, whatever was in it before; it has no unit."""
        size = math.prod(shape)
        if self._memory.size < size:
            self._memory = np.empty(size)
        return self._memory[:size].reshape(shape)


def build_forcing(
    structure: Structure,
    strata: Strata,
    months: int,
    changes: Sequence[Change] = (),
    room: Room | None = None,
) -> Forcing:
    """Combine changes. Raises InputError for unknown handles or products or bad values.

    All changes by draw must have the same number of draws. ``room``: memory to write into.
    """
    masks = list({c.strata.tobytes(): c.strata for c in changes}.values())
    paths = _checked(structure, strata, months, changes)
    cell, first = _cells(strata, masks)
    meeting = _meeting(structure, changes)
    series = np.full((len(structure.handles), len(structure.products)), NOBODY, dtype=np.int64)
    for number, ((handle, _), products) in enumerate(meeting.items()):
        series[handle, products] = number
    values = (room or Room()).take((paths.shape[1], len(meeting), months, first.size))
    together = [numbers for _, numbers in meeting]
    _fill(
        values,
        structure.neutral[[handle for handle, _ in meeting]],
        np.cumsum([0, *(len(numbers) for numbers in together)]),
        np.array([k for numbers in together for k in numbers], dtype=np.int64),
        paths,
        np.array([c.strata[first] for c in changes], dtype=np.bool_).reshape(-1, first.size),
    )
    return Forcing(
        series=series,
        values=values,
        cell=cell,
        active=_active(structure, series),
        neutral=structure.neutral,
    )


def _cells(strata: Strata, masks: Sequence[Mask]) -> tuple[Int, Int]:
    """Forcing cell of each stratum, (S,), and the first stratum of each cell.

    Strata of one cell are of one region, and each change reaches all of them or none.
    """
    told = np.stack([strata.region, *masks], axis=1).astype(np.uint8)
    labels = np.ascontiguousarray(told).view(f"V{told.shape[1]}").reshape(-1)
    found: dict[bytes, list[int]] = {}
    for stratum, label in enumerate(labels.tolist()):
        found.setdefault(label, []).append(stratum)
    cell = np.empty(strata.size, dtype=np.int64)
    ordered = [found[label] for label in sorted(found)]
    for number, members in enumerate(ordered):
        cell[members] = number
    return cell, np.array([members[0] for members in ordered], dtype=np.int64)


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


@rows.lean()
def _fill(
    values: Float, neutral: Float, starts: Int, together: Int, paths: Float, reached: Mask
) -> None:
    """Write changes into series (D, N, T, cells): multipliers multiply, the highest level counts.

    Changes of series n are ``together[starts[n] : starts[n + 1]]``; ``paths`` (K, D, T) their
    values, ``reached`` (K, cells) whom they reach.
    """
    draws, series, months, cells = values.shape
    for d in range(draws):
        for n in range(series):
            for t in range(months):
                row = values[d, n, t]
                idle = neutral[n]
                row[:] = idle
                for i in range(starts[n], starts[n + 1]):
                    value, here = paths[together[i], d, t], reached[together[i]]
                    if value == idle:
                        continue
                    if idle == 0.0:
                        for c in range(cells):
                            row[c] = max(row[c], value) if here[c] else row[c]
                    else:
                        for c in range(cells):
                            row[c] = row[c] * value if here[c] else row[c]


def _checked(structure: Structure, strata: Strata, months: int, changes: Sequence[Change]) -> Float:
    """Values of all changes, (K, D, T). Raises InputError for one that is not right."""
    scopes: set[tuple[str, bytes]] = set()
    for change in changes:
        _check_names(structure, months, change)
        scope = structure.scopes[structure.handles.index(change.handle)]
        if scope != "strata" and (key := (scope, change.strata.tobytes())) not in scopes:
            _check_scope(scope, strata, change)
            scopes.add(key)
    draws = max([len(c.values) for c in changes if c.values.ndim == 2], default=1)
    paths = np.empty((len(changes), draws, months))
    for path, change in zip(paths, changes, strict=True):
        path[:] = change.values[..., :months]
        later = change.values[..., months:]
        if later.size and not (np.isfinite(later) & (later >= 0.0)).all():
            _refuse(change)
    least = np.array([NEVER_ZERO.get(change.handle, 0.0) for change in changes])
    good = np.isfinite(paths) & (paths >= least[:, None, None])
    if not good.all():
        _refuse(changes[int(np.argmin(good.all(axis=(1, 2))))])
    return paths


def _check_names(structure: Structure, months: int, change: Change) -> None:
    if change.handle not in structure.handles:
        raise InputError("unknown handle", given=change.handle, allowed=structure.handles)
    for product in change.products:
        if product not in structure.products:
            raise InputError("unknown product", given=product, allowed=structure.products)
    if change.values.shape[-1] < months:
        given = change.values.shape[-1]
        raise InputError("a change is too short", given=given, allowed=f"{months} months")


def _refuse(change: Change) -> NoReturn:
    if not np.all(np.isfinite(change.values)) or np.any(change.values < 0.0):
        raise InputError("a value is out of range", allowed="finite numbers of 0 or more")
    least = NEVER_ZERO[change.handle]
    what = f"a value of the handle {change.handle} is too low"
    raise InputError(what, given=float(change.values.min()), allowed=f"{least:g} or more")


def _check_scope(scope: str, strata: Strata, change: Change) -> None:
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
    """1 for each flow that a series reaches: its handles, or what else it reads."""
    wiring, product = structure.wiring, structure.product_of_flow
    price, burden = (structure.handles.index(name) for name in ("price", "mental_health"))
    there = series != NOBODY
    flow = np.repeat(np.arange(len(product)), np.diff(wiring.handle_start))
    active = np.zeros(len(product), dtype=np.int64)
    active[flow[there[wiring.handles, product[flow]]]] = 1
    active[(wiring.flags & PRICED != 0) & there[price, product]] = 1
    if there[burden].any():
        hears = ["mental_health" in (row.modifiers or "").split() for row in structure.flows]
        active[np.array(hears, dtype=np.bool_) & there[burden, product]] = 1
    return active
