"""People as arrays: one place per person in cohorts and regions, and what is known of who is there.

A slot is a place in the network: ties and liability belong to it, and who comes to live in it
takes them over. Slots are laid out cell by cell (a cell is one cohort in one region) and cells in
blocks; a block is the unit of the streams of random numbers, so its size is part of the model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

EMPTY = 15  # state of every product in a slot where nobody at risk lives
VACANT = 255  # stratum of a slot where nobody lives
CHILD = 254  # stratum of a child younger than the strata
UNKNOWN = 255  # first product of a person whose first use was not seen
CLASSES = 32  # of liability, equally likely
BLOCK = 4096  # most slots of a block
RING = 3  # ties to this many neighbours on either side, within the cell


class Layout(NamedTuple):
    """Where slots are; the same for the whole run. B blocks, M slots."""

    block_start: Int  # (B+1,) first slot
    block_region: Int  # (B,)
    block_cell: Int  # (B,)
    cell_start: Int  # (cells+1,) first slot
    cell_region: Int  # (cells,)
    cell_cohort: Int  # (cells,) calendar year less age on 1 January; see model.agents.start


class People(NamedTuple):
    """Who lives in each slot. P products, M slots."""

    state: npt.NDArray[np.uint8]  # (P, M) state within the product, 0 is never; or EMPTY
    stratum: npt.NDArray[np.uint8]  # (M,) stratum within the region, VACANT or CHILD
    liability: npt.NDArray[np.uint8]  # (M,) class
    burden: npt.NDArray[np.uint8]  # (M,) 1 with a mental-health burden
    first: npt.NDArray[np.uint8]  # (M,) first product ever used, or UNKNOWN
    using: npt.NDArray[np.uint32]  # (M,) bit p is set of people who use p now
    household: npt.NDArray[np.int32]  # (M,) other end of the tie, or -1
    nightlife: npt.NDArray[np.int32]  # (M,)
    online: npt.NDArray[np.int32]  # (M,)
