"""Small towns for tests of the network: cells of one size, and people to live in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from model.agents.people import UNKNOWN, Layout, People


def town(cohorts: Iterable[int], size: int, regions: int = 1, block: int = 4096) -> Layout:
    """Cells of ``size`` slots, by cohort and within it by region."""
    cells = [(cohort, region) for cohort in cohorts for region in range(regions)]
    starts = [(size * c + at, c) for c in range(len(cells)) for at in range(0, size, block)]
    cell_cohort, cell_region = np.array(cells, dtype=np.int64).T.copy()
    block_cell = np.array([cell for _, cell in starts], dtype=np.int64)
    return Layout(
        block_start=np.array([*(at for at, _ in starts), size * len(cells)], dtype=np.int64),
        block_region=cell_region[block_cell],
        block_cell=block_cell,
        cell_start=size * np.arange(len(cells) + 1, dtype=np.int64),
        cell_region=cell_region,
        cell_cohort=cell_cohort,
    )


def living(layout: Layout, **given: Any) -> People:
    """Somebody in every slot, without ties, who uses nothing; ``given`` replaces arrays."""
    slots = int(layout.cell_start[-1])
    arrays: dict[str, Any] = {
        "state": np.zeros((1, slots), dtype=np.uint8),
        "stratum": np.zeros(slots, dtype=np.uint8),
        "liability": np.zeros(slots, dtype=np.uint8),
        "burden": np.zeros(slots, dtype=np.uint8),
        "first": np.full(slots, UNKNOWN, dtype=np.uint8),
        "using": np.zeros(slots, dtype=np.uint32),
        "household": np.full(slots, -1, dtype=np.int32),
        "nightlife": np.full(slots, -1, dtype=np.int32),
        "online": np.full(slots, -1, dtype=np.int32),
    }
    arrays.update({name: np.asarray(value, arrays[name].dtype) for name, value in given.items()})
    return People(**arrays)
