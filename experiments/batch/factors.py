"""Factors of a study: what varies from point to point, between which ends, what it touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["trend", "lever", "effect", "parameter", "posterior", "sizes", "structure", "seed"]


@dataclass(frozen=True)
class Factor:
    """One factor. A point holds a number for each: a value between ``low`` and ``high``.

    Where ``values`` are given the number is an index into them, and where ``kind`` is posterior,
    sizes or seed it is the number of a draw or of a seed: these are not ordered, ``low`` is 0 and
    ``high`` the number of values.
    ``group``: trend, strategic objective, product, or the kind of the others.
    ``history``: it acts before the branch, so a run replays from 2010; the others branch.
    """

    id: str
    kind: Kind
    name: str  # the id of what it varies: F1, SD1, 1.1, a measure, the key of a parameter
    label: str
    low: float
    high: float
    unit: str
    group: str
    history: bool
    assumed: bool
    values: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether a larger number means more of something."""
        return not self.values and self.kind not in ("posterior", "sizes", "seed")
