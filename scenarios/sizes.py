"""Sizes of effects by draw: what is uncertain about a measure or a driver is drawn by its name.

Draw ``i`` of a name is the same in every scenario and in every run with the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr

from model.parameters import SPREAD
from model.streams import normal, uniform
from scenarios.entries import ASSUMED, Number
from scenarios.levers import Effect, Grade

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# Half-widths of the range are multiplied by these; ours, in the spirit of decision 007.
WIDENING: dict[Grade, float] = {
    "systematic-review": 1.0,
    "rct": 1.1,
    "observational": 1.25,
    "expert": 1.25,
    "unverified": 1.5,
}
NORMAL_90 = 1.6448536269514722
_ENDS = {95: SPREAD, 90: NORMAL_90}
_EDGE = 1e-3  # shares of 0 and 1 have no log odds


_KEPT = 4096  # more draws than this are drawn anew each time


@dataclass(frozen=True, eq=False)
class Deal:
    """Which draws the runs take: ``numbers`` (D,), any order, one may stand more than once.

    ``central``: the middle of every range. ``scores`` (D,) by name are standard normals in place
    of those drawn (or of the middle), such as ``measure/ID/effect``, ``measure/ID/coverage``,
    ``driver/ID``, ``trend/ID``; of ``event/ID`` the uniform is the share below the score. Raises
    ValueError for other shapes.
    """

    numbers: Int
    seed: int
    central: bool = False
    scores: Mapping[str, Float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.numbers.ndim != 1 or (self.numbers < 0).any():
            raise ValueError("numbers of draws are 0 or more, shape (D,)")
        for name, scores in self.scores.items():
            if np.shape(scores) != self.numbers.shape:
                raise ValueError(f"scores of {name}: one a run, {self.count} in all")

    @classmethod
    def of(cls, first: int, count: int, seed: int, *, central: bool = False) -> Deal:
        """``count`` draws from ``first`` on."""
        return cls(np.arange(first, first + count), seed, central)

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.numbers)

    def one(self, run: int) -> Deal:
        """The deal of one run alone. Raises ValueError where ``scores`` are not one a run."""
        scores = {name: np.asarray(found)[[run]] for name, found in self.scores.items()}
        return Deal(self.numbers[[run]], self.seed, self.central, scores)

    def normal(self, name: str) -> Float:
        """Standard normals of a name, (D,); 0 where the middle is wanted."""
        if name in self.scores:
            return np.array(self.scores[name], dtype=np.float64)
        if self.central:
            return np.zeros(self.count)
        return self._drawn("normal", name)

    def uniform(self, name: str) -> Float:
        """Uniforms of a name, (D,); one half where the middle is wanted."""
        if name in self.scores:
            return np.asarray(ndtr(self.scores[name]), dtype=np.float64)
        if self.central:
            return np.full(self.count, 0.5)
        return self._drawn("uniform", name)

    def _drawn(self, kind: str, name: str) -> Float:
        size = 1 << int(self.numbers.max(initial=0)).bit_length()  # first numbers never change
        draw = _kept if size <= _KEPT else _drawn
        return np.asarray(draw(kind, self.seed, name, size)[self.numbers])


def _drawn(kind: str, seed: int, name: str, size: int) -> Float:
    return (normal if kind == "normal" else uniform)(seed, name, (size,))


@lru_cache(maxsize=8192)
def _kept(kind: str, seed: int, name: str, size: int) -> Float:
    """Numbers that thousands of plans share, drawn once."""
    found = _drawn(kind, seed, name, size)
    found.flags.writeable = False
    return found


def two_piece(low: float, central: float, high: float, z: Float, end: float) -> Float:
    """Log-normal with its own width on each side; ``low`` and ``high`` lie ``end`` sd away.

    Standard normals ``z`` of any shape; same shape, unit of the ends.
    """
    logs = np.log([low, central, high])
    side = np.where(z < 0.0, logs[1] - logs[0], logs[2] - logs[1])
    return np.asarray(np.exp(logs[1] + side * z / end))


def one_sided(low: float, high: float, values: Float) -> Float:
    """Values of a range that ends at 1, kept on its side of 1: such a range gives the direction.

    Same shape, a ratio.
    """
    if high == 1.0:
        values = np.minimum(values, 1.0)
    return np.maximum(values, 1.0) if low == 1.0 else values


def ratios(effect: Effect, grade: Grade, source: str, deal: Deal, name: str) -> Float:
    """Ratio of hazards (or the level) among those reached, (count,), by draw.

    All effects of a measure share one score: it is stronger, or weaker, as a whole. An assumed
    size is widened as one of an expert; one that ends at 1 stays on its side of 1.
    """
    number = effect.effect
    assert number is not None  # effects with points have no size of their own
    if number.low is None or number.high is None:
        values = np.full(deal.count, number.central)
    else:
        assumed = (number.source or effect.source or source) == ASSUMED
        interval = effect.interval or (90 if assumed else 95)
        weakest = "expert" if assumed else grade
        widening = max(WIDENING[grade], WIDENING[weakest])
        down = number.central < 1.0 or (number.central == 1.0 and number.low < 2.0 - number.high)
        z = deal.normal(f"{name}/effect") * (-widening if down else widening)
        values = two_piece(number.low, number.central, number.high, z, _ENDS[interval])
        if assumed or grade in ("expert", "unverified"):
            values = one_sided(number.low, number.high, values)
    if effect.baseline is None:
        return values
    return hazard_ratio(values, effect.ratio, effect.baseline.value)


def hazard_ratio(values: Float, kind: str, baseline: float) -> Float:
    """Ratio of hazards that gives a ratio of odds or risks over the horizon of ``baseline``.

    Same shape.
    """
    if kind == "odds_ratio":
        survived = -np.log1p(values * baseline / (1.0 - baseline))
    else:
        survived = np.log1p(-np.minimum(values * baseline, 0.999))
    return np.asarray(survived / np.log1p(-baseline))


def shares(number: Number, deal: Deal, name: str) -> Float:
    """Coverage by draw, (count,), 0 to 1."""
    if number.low is None or number.high is None:
        return np.full(deal.count, number.central)
    low, central, high = (
        float(logit(np.clip(x, _EDGE, 1.0 - _EDGE)))
        for x in (number.low, number.central, number.high)
    )
    z = deal.normal(f"{name}/coverage")
    side = np.where(z < 0.0, central - low, high - central)
    return np.asarray(expit(central + side * z / NORMAL_90))
