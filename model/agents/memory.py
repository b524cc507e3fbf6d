"""Memory of one chunk of blocks, made once and cleared every month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.agents.calendar import Moved
from model.agents.people import BLOCK, Layout
from model.agents.sweep import LAYERS, Buffers
from model.agents.tally import Tally
from model.strata import Strata
from model.structure import Structure

WORDS = 1 << 15  # random words of one layer, block and product; two a candidate
MOST = 0.25  # changes of a month over the slots of a chunk; a large chunk's share


@dataclass(frozen=True)
class Memory:
    """What a chunk writes: ``buffers`` in the sweep, ``moved`` at the month's end."""

    buffers: Buffers
    moved: Moved

    def clear(self) -> None:
        """Ready for the next month."""
        for array in (*self.buffers.tally, self.buffers.noted, self.buffers.pathways):
            array[:] = 0
        self.moved.deaths[:] = 0
        self.moved.people[:] = 0
        self.moved.noted[:] = 0


def new_tally(structure: Structure, strata: Strata) -> Tally:
    """A tally of zeros."""
    wiring, size = structure.wiring, strata.size
    shapes = {
        "stock": (len(structure.states), size),
        "time": (len(structure.states), size),
        "counted": (int(wiring.counter_start[-1]), size),
        "died": (len(structure.products), size),
        "overdosed": (len(structure.products), size),
        "asked": (len(structure.services), len(strata.regions)),
        "left": (len(structure.services), len(strata.regions)),
    }
    return Tally(**{name: np.zeros(shape, dtype=np.int64) for name, shape in shapes.items()})


def new_memory(structure: Structure, strata: Strata, blocks: int, layout: Layout) -> Memory:
    """Memory for a chunk of ``blocks`` blocks."""
    widest = int(np.diff(layout.block_start).max())
    slots = blocks * min(widest, BLOCK)
    room = int(MOST * slots) + 4 * widest + 4096
    products = len(structure.products)
    return Memory(
        Buffers(
            words=np.zeros((LAYERS, WORDS), dtype=np.uint32),
            tally=new_tally(structure, strata),
            arrival_slot=np.zeros(room, dtype=np.int32),
            arrival_product=np.zeros(room, dtype=np.uint8),
            arrival_time=np.zeros(room),
            dead_slot=np.zeros(room, dtype=np.int32),
            dead_product=np.zeros(room, dtype=np.uint8),
            changed=np.zeros(room, dtype=np.int32),
            changed_product=np.zeros(room, dtype=np.uint8),
            noted=np.zeros(5, dtype=np.int64),
            layer_count=np.zeros(LAYERS, dtype=np.int64),
            layer_done=np.zeros(LAYERS, dtype=np.int64),
            pathways=np.zeros((products, products), dtype=np.int64),
        ),
        Moved(
            deaths=np.zeros(strata.size, dtype=np.int64),
            people=np.zeros(strata.size, dtype=np.int64),
            source=np.zeros(room, dtype=np.int32),
            noted=np.zeros(2, dtype=np.int64),
        ),
    )
