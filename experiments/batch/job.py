"""What a batch is to its store and its workers: numbered rows, computed in blocks.

A store and a pool know nothing of the model. They know a ``Layout`` (what rows and outputs are
called) and a ``Job`` that computes any stretch of rows, the same bits wherever it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Labels = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Layout:
    """What a store holds, known before anything runs.

    ``digest``: SHA-256 of the study and of all that it reads; a store of another digest is refused.
    ``rows``: labels of each row (R,): ``scenario`` (text), ``point``, ``draw``, ``seed`` (numbers),
    and ``statistic`` (text) in place of ``draw`` where draws are summarised. ``outputs``: labels of
    each output (M,): ``indicator``, ``product``, ``group``, ``unit`` (texts), ``year``.
    ``factors``: labels of each factor (K,), see ``experiments.batch.factors``; ``points`` (P, K):
    the value of each factor at each point, in the factor's own unit.
    """

    digest: str
    attributes: Mapping[str, str | int | float]
    rows: Labels
    outputs: Labels
    factors: Labels
    points: Float
    block: int  # rows of a block; the last one may be shorter

    @property
    def size(self) -> tuple[int, int]:
        """Rows and outputs."""
        return len(self.rows["point"]), len(self.outputs["year"])

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.size[0] // self.block)

    def span(self, block: int) -> tuple[int, int]:
        """First row of a block, and the one after its last."""
        return block * self.block, min((block + 1) * self.block, self.size[0])


@dataclass(frozen=True)
class Failure:
    """A row that could not be computed, and why, in words."""

    row: int
    reason: str


@dataclass(frozen=True)
class Computed:
    """Rows of a block: ``values`` (rows, outputs), NaN in the rows of ``failures``.

    ``engine``: seconds in the engine alone, for the log; no part of the store.
    """

    values: Single
    failures: tuple[Failure, ...] = ()
    engine: float = 0.0


class Job(Protocol):
    """What is sent to workers: small, picklable; reads its inputs where it runs and keeps them."""

    @property
    def digest(self) -> str:
        """That of the layout; a worker whose files give another one refuses (InputError)."""

    def compute(self, first: int, last: int) -> Computed:
        """Rows ``first`` to ``last`` (not included). Raises InputError where inputs differ."""
