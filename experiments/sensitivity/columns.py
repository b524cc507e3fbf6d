"""Outputs by the block: the values of a store, means over draws and seeds, a few columns at once.

A store keeps runs together, an analysis needs all runs of some outputs. Values that do not fit into
memory are turned around once, through a file that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from experiments.sensitivity.problem import Int

Values = npt.NDArray[np.floating[Any]]
Single = npt.NDArray[np.float32]
MEGABYTE = 1_000_000


class Columns(Protocol):
    """Values by (points, outputs); ``blocks``: first output and the one after the last."""

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """First output of each block, and the one after its last."""
        ...

    def read(self, block: int) -> Values:
        """All points of the outputs of a block, (points, outputs), in their units."""


def spans(outputs: int, width: int) -> list[tuple[int, int]]:
    """Blocks of ``width`` outputs: the first of each, and the one after its last."""
    return [(first, min(first + width, outputs)) for first in range(0, outputs, width)]


@dataclass(frozen=True)
class Held:
    """Values in memory (points, outputs)."""

    values: Values
    width: int

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """First output of each block, and the one after its last."""
        return spans(self.values.shape[1], self.width)

    def read(self, block: int) -> Values:
        """All points of the outputs of a block, (points, outputs), in their units."""
        first, last = self.blocks[block]
        return self.values[:, first:last]


class Turned:
    """Values of one scenario after another, each in blocks of outputs, in a file or in memory."""

    def __init__(self, points: int, scenarios: int, outputs: int, width: int) -> None:
        self.points, self.outputs = points, outputs
        self.each = spans(outputs, width)
        self.blocks = [
            (scenario * outputs + first, scenario * outputs + last)
            for scenario in range(scenarios)
            for first, last in self.each
        ]
        self.memory: dict[int, Single] = {}
        self.file: IO[bytes] | None = None

    def keep(self, folder: Path, memory: int) -> None:
        """Where the values go: into memory if they fit there, else into a file of that folder."""
        if 4 * self.points * self.blocks[-1][1] > memory:
            self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by turned()
            return
        for block, (first, last) in enumerate(self.blocks):
            self.memory[block] = np.empty((self.points, last - first), dtype=np.float32)

    def put(self, scenario: int, first: int, values: Single) -> None:
        """Points from ``first`` on, (points, outputs), all outputs of a scenario."""
        for at, (start, stop) in enumerate(self.each):
            block = scenario * len(self.each) + at
            if self.file is None:
                self.memory[block][first : first + len(values)] = values[:, start:stop]
            else:
                self.file.seek(self._offset(block) + 4 * first * (stop - start))
                self.file.write(np.ascontiguousarray(values[:, start:stop]).data)

    def _offset(self, block: int) -> int:
        return 4 * self.points * self.blocks[block][0]

    def read(self, block: int) -> Values:
        """All points of the outputs of a block, (points, outputs), in their units."""
        if self.file is None:
            return self.memory[block]
        first, last = self.blocks[block]
        self.file.seek(self._offset(block))
        found = np.fromfile(self.file, dtype=np.float32, count=self.points * (last - first))
        return found.reshape(self.points, last - first)


@contextmanager
def turned(
    values: Any,
    runs: Int,
    width: int,
    memory: int,
    folder: Path,
    advance: Callable[[float], None] = lambda share: None,
) -> Iterator[Turned]:
    """The values of a store (run, output), by blocks of outputs.

    ``runs`` (scenarios, points, repeats): rows of each point, whose mean is taken. ``memory``:
    bytes; ``folder``: where a file may be written that is gone afterwards.
    """
    scenarios, points, repeats = runs.shape
    outputs = values.shape[1]
    made = Turned(points, scenarios, outputs, width)
    made.keep(folder, memory // 2)
    slab = max(memory // (4 * outputs * scenarios * 4 * (1 if repeats == 1 else 4)), 1)
    try:
        for first in range(0, points, slab):
            some = runs[:, first : first + slab]
            total = _rows(values, some[:, :, 0])
            if repeats > 1:
                whole = total.astype(np.float64)
                for repeat in range(1, repeats):
                    whole += _rows(values, some[:, :, repeat])
                total = (whole / repeats).astype(np.float32)
            for scenario in range(scenarios):
                made.put(scenario, first, total[scenario])
            advance(min(first + slab, points) / points)
        yield made
    finally:
        if made.file is not None:
            made.file.close()


def _rows(values: Any, rows: Int) -> Single:
    """Rows (scenarios, points) of values, read in one stretch where they are one."""
    order = np.argsort(rows, axis=None)
    flat = rows.ravel()[order]
    stretch = flat[-1] - flat[0] + 1 == len(flat)
    found = values[int(flat[0]) : int(flat[-1]) + 1] if stretch else values[flat]
    read = np.asarray(found, dtype=np.float32)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    if not np.array_equal(back, np.arange(len(back))):
        read = read[back]
    return read.reshape(*rows.shape, -1)
