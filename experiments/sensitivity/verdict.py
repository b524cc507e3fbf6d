"""Whether indices have converged: width of intervals, ranks when N doubles, a dummy factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.sensitivity.problem import Bool, Estimate, Float, Int
from model.errors import InputError

CONVERGED, UNSETTLED, CONSTANT, UNDEFINED = "converged", "not converged", "constant", "undefined"
VERDICTS = (CONVERGED, UNSETTLED, CONSTANT, UNDEFINED)
Text = npt.NDArray[np.str_]
MOST = 2.0**40  # runs: more than anybody will do
ORDER_HOLDS = 0.9  # rank stability from which on an order of factors may be read
HARDLY = 5e-4  # of the mean: a smaller standard deviation is hardly any, whatever its shares
NO_DUMMY = 0.1  # a share: where a method has no dummy, an interval above this is told; our choice


@dataclass(frozen=True)
class Rule:
    """When an output has converged.

    Its widest half-width is at most ``relative`` times its largest index or, where indices are
    shares, at most ``absolute`` (whichever is larger), and ranks at N/2 and N agree to ``rank``.
    Raises InputError for numbers out of their ranges.
    """

    relative: float = 0.1
    absolute: float = 0.05
    rank: float = ORDER_HOLDS

    def __post_init__(self) -> None:
        for key, value in (("relative", self.relative), ("absolute", self.absolute)):
            if not 0.0 < value <= 1.0:
                raise InputError(
                    "a half-width cannot be asked for",
                    key=key,
                    given=value,
                    allowed="above 0, at most 1",
                )
        if not -1.0 <= self.rank <= 1.0:
            raise InputError("no such correlation", key="rank", given=self.rank, allowed="-1 to 1")

    def told(self, share: bool, fixed: bool = False) -> str:
        """In words, for attributes. ``fixed``: of a design that has one size only."""
        if fixed:
            return (
                f"converged: no spare column shows more than {self.relative:g} of the largest "
                "main effect; the design has one size, so ranks cannot be compared"
            )
        limit = f"{self.relative:g} of the largest index"
        if share:
            limit = f"the larger of {limit} and {self.absolute:g}"
        return (
            f"converged: every half-width of a 95% interval is at most {limit}, and the "
            f"Savage-weighted rank correlation between the first half within the sample and all of "
            f"it, of the factors whose interval lies above the dummy, is at least {self.rank:g} "
            "(fewer than two such factors: not judged by ranks)"
        )


@dataclass(frozen=True)
class Judged:
    """Of each output (M,): the verdict, the widest half-width, rank stability, runs to add."""

    verdict: Text
    width: Float
    stability: Float
    more_runs: Int


def kinds(values: npt.NDArray[np.floating]) -> tuple[Bool, Bool]:
    """Which outputs of (runs, outputs) are undefined, and which constant.

    Undefined: a value is missing or not finite. Constant: they differ by no more than the rounding
    of the precision they are held in (an index would be that of the rounding).
    """
    undefined = ~np.isfinite(values).all(axis=0)
    spread = np.max(values, axis=0) - np.min(values, axis=0)
    scale = np.maximum(np.abs(np.max(values, axis=0)), np.abs(np.min(values, axis=0)))
    with np.errstate(invalid="ignore"):
        constant = ~undefined & (spread <= 4.0 * np.finfo(values.dtype).eps * scale)
    return undefined, constant


def savage(index: Float, counted: Bool) -> Float:
    """Savage scores (factors, outputs) of those counted: the largest weigh most; 0 elsewhere."""
    ranked = np.where(counted, np.nan_to_num(index, nan=-np.inf), -np.inf)
    place = np.argsort(np.argsort(-ranked, axis=0, kind="stable"), axis=0, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, len(index) + 1))])
    scores: Float = np.where(counted, sums[counted.sum(axis=0)] - sums[place], 0.0)
    return scores


def rank_stability(half: Float, full: Float, dummy: Float, low: Float | None = None) -> Float:
    """Correlation of Savage scores (outputs,) between two estimates (factors, outputs).

    Only of factors above the dummy at full size, with the whole of their interval where its lower
    end ``low`` is given; NaN where fewer than two are: there is nothing to order.
    """
    half, full = np.abs(half), np.abs(full)
    counted = (full if low is None else low) > dummy
    many = counted.sum(axis=0)
    one, other = savage(half, counted), savage(full, counted)
    mean = 1.0  # of Savage scores, always
    centred = np.where(counted, one - mean, 0.0), np.where(counted, other - mean, 0.0)
    above = (centred[0] * centred[1]).sum(axis=0)
    below = np.sqrt(np.square(centred[0]).sum(axis=0) * np.square(centred[1]).sum(axis=0))
    stability: Float = np.where(many < 2, np.nan, above / np.where(below > 0.0, below, 1.0))
    return stability


def threshold(dummy: Float, share: bool) -> Float:
    """What the lower end of an interval must exceed for its factor to be told: the dummy.

    Where there is none: NO_DUMMY for shares, 0 in the unit of the output. Same shape.
    """
    found: Float = np.where(np.isnan(dummy), NO_DUMMY if share else 0.0, dummy)
    return found


def judge(estimate: Estimate, runs: int, rule: Rule, fixed: bool = False) -> Judged:
    """Verdicts of the outputs of an estimate from so many runs; ``fixed``: of one size only."""
    main = np.abs(estimate.tables[estimate.main])
    with np.errstate(invalid="ignore"):
        largest = main.max(axis=0)
        width = np.max([estimate.tables[name].max(axis=0) for name in estimate.judged], axis=0)
    limit = rule.relative * largest
    if estimate.share:
        limit = np.maximum(limit, rule.absolute)
    if len(estimate.by_size) > 1:
        half = estimate.tables.get(f"{estimate.main}_conf")
        low = None if half is None else main - half
        bar = threshold(estimate.dummy, estimate.share)
        stability = rank_stability(estimate.by_size[-2], main, bar, low)
        steady = np.isnan(stability) | (stability >= rule.rank)
    else:  # too small a sample to be halved
        stability = np.full(len(width), np.nan)
        steady = np.full(len(width), fixed)
    narrow = width <= limit
    verdict = np.where(narrow & steady, CONVERGED, UNSETTLED)
    verdict[~np.isfinite(largest)] = UNDEFINED
    # A half-width shrinks as one over the root of N; ranks that still change ask for twice N.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        factor = np.where(narrow, 1.0, np.square(width / limit))
    factor = np.where(steady, factor, np.maximum(factor, 2.0))
    wanted = np.minimum(np.ceil(runs * np.nan_to_num(factor, nan=1.0, posinf=MOST)), MOST)
    more = np.where(verdict == UNSETTLED, wanted - runs, 0.0).astype(np.int64)
    return Judged(verdict.astype(np.str_), width, stability, more)


def whole_designs(more: Int, runs: int, n: int, doubling: bool) -> Int:
    """The same rounded up to whole designs: of the next power of two, or whole steps of N.

    Same shape.
    """
    step = runs // n
    wanted = np.ceil((more + runs) / step)
    if doubling:
        wanted = 2.0 ** np.ceil(np.log2(wanted))
    return np.where(more > 0, wanted * step - runs, 0.0).astype(np.int64)
