"""What is known to have changed from outside: prices, purity, inflows, laws, the pandemic.

Each row of history.csv (model.events) moves handles, as a scenario does, in every run. A row
without a size is dated only: it is shown and does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.catalogue import Catalogue
from model.events import HistoryRow, month_number
from model.forcing import Change
from model.handles import product_names, reading_products
from model.parameters import Draws
from model.strata import Strata
from model.structure import Structure

Float = npt.NDArray[np.float64]

# Part of the effect of a measure that fades which is left a year later (CISNET tobacco model).
LEFT_AFTER_A_YEAR = 0.8


def forced_quantities(catalogue: Catalogue) -> frozenset[tuple[str, str]]:
    """(product, indicator) pairs that are input to the model and no test of it."""
    pairs = (pair.split("/") for row in catalogue.history for pair in (row.figures or "").split())
    return frozenset((product, indicator) for product, indicator in pairs)


def history_changes(
    catalogue: Catalogue, draws: Draws, structure: Structure, strata: Strata, months: int
) -> list[Change]:
    """Changes of all rows with a size, values (draws, ``months``) from January 2010.

    A band of ages is reached where its middle lies in the row's ages. Rows about products that
    ``structure`` lacks are left out.
    """
    names = product_names(structure.products, structure.kinds)
    moved = {handle for row in catalogue.history for handle in row.handles}
    readers = {handle: reading_products(catalogue, handle) for handle in sorted(moved)}
    changes: list[Change] = []
    for rows in _events(catalogue.history):
        row = rows[0]
        reached = _strata(row, strata)
        if not reached.any():
            continue
        values = _values(rows, draws, months)
        meant = [p for name in row.products.split() for p in names.get(name, ())]
        for handle in row.handles:
            products = tuple(p for p in dict.fromkeys(meant) if p in readers[handle])
            if products:
                changes.append(Change(handle, products, values, reached))
    return changes


def _events(rows: Sequence[HistoryRow]) -> list[list[HistoryRow]]:
    """Rows that move something; the points of a path together, in order of time."""
    paths: dict[str, list[HistoryRow]] = {}
    events = []
    for row in rows:
        if row.shape == "path" and row.id in paths:
            paths[row.id].append(row)
        elif row.handle is not None:
            events.append([row])
            if row.shape == "path":
                paths[row.id] = events[-1]
    return [sorted(event, key=lambda row: month_number(row.start)) for event in events]


def _values(rows: Sequence[HistoryRow], draws: Draws, months: int) -> Float:
    """Values of one event by month (draws, months)."""
    row, last = rows[0], rows[-1]
    start = month_number(row.start)
    stop = months if last.stop is None else month_number(last.stop) + 1
    month = np.arange(months)
    in_force = (month >= start) & (month < stop)
    if row.shape == "path":
        at = np.array([month_number(point.start) for point in rows])
        logs = np.log(np.stack([draws.values[point.key] for point in rows], axis=1))
        path = np.stack([np.interp(month, at, points) for points in logs])
        return np.where(in_force, np.exp(path), 1.0)
    size = draws.values[row.key][:, None]
    left = LEFT_AFTER_A_YEAR ** ((month - start) / 12) if row.shape == "fading" else 1.0
    return np.where(in_force, 1.0 + (size - 1.0) * left, 1.0)


def _strata(row: HistoryRow, strata: Strata) -> npt.NDArray[np.bool_]:
    middle = (strata.age_low + strata.age_high + 1) / 2
    low = 0 if row.age_min is None else row.age_min
    reached = middle > low
    if row.age_max is not None:
        reached &= middle < row.age_max + 1
    if row.regions is not None:
        wanted = [r for r, name in enumerate(strata.regions) if name in row.regions.split()]
        reached &= np.isin(strata.region, wanted)
    return np.asarray(reached)
