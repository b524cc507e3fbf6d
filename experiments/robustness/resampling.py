"""Does a box come back? The same search on halves of the points, judged on the other halves.

A search for boxes always finds one, in noise too. What it finds in one half of the sampled points
says little of that half, but whether it also tells cases apart in the other half is a fair trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.robustness.boxes import Box, Limit
from experiments.robustness.cases import Cases
from experiments.robustness.futures import Bool, Float, Int

if TYPE_CHECKING:
    import pandas as pd

Search = Callable[["pd.DataFrame", Bool], Sequence[Box]]

HALVES = 20
BOOTSTRAPS = 500
REAL = 0.05
ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class Half:
    """Boxes found in a half, and what they do in the other half.

    ``p``: one-sided Mann-Whitney test of whether points inside have more cases of interest than
    those outside; 1 where nothing was found; ``coverage`` and ``density`` are NaN there.
    """

    boxes: tuple[Box, ...]
    coverage: float
    density: float
    share: float  # of the cases of the other half that is of interest
    p: float


@dataclass(frozen=True)
class Span:
    """A number with what holds 90% of its resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """The resampling check of a search.

    ``p``: twice the median of the halves' p-values, which keeps its level over dependent halves;
    ``coverage`` and ``density``: medians over the left-out halves of those that found a box
    (``with_box`` of them), NaN where none did.
    """

    halves: tuple[Half, ...]
    p: float
    coverage: Span
    density: Span

    @property
    def with_box(self) -> int:
        """In how many halves a box was found."""
        return sum(bool(half.boxes) for half in self.halves)

    @property
    def real(self) -> bool:
        """Whether what is found in halves tells cases apart in the other halves."""
        return self.p < REAL


def inside(boxes: Sequence[Box], x: pd.DataFrame) -> Bool:
    """Cases that lie in any of the boxes, (cases,)."""
    found = np.zeros(len(x), dtype=bool)
    for box in boxes:
        found |= box.holds(x)
    return found


def trial(cases: Cases, search: Search, halves: int = HALVES, seed: int = 1) -> Trial:
    """Search in ``halves`` random halves of the points; measure in the other halves."""
    random = np.random.default_rng(seed)
    points = np.unique(cases.point)
    found = []
    for _ in range(halves):
        first = random.permutation(points)[: len(points) // 2]
        mine = cases.at(first)
        found.append(_half(cases, search, mine))
    ps = np.array([one.p for one in found])
    return Trial(
        tuple(found),
        min(1.0, 2.0 * float(np.median(ps))),
        _span([one.coverage for one in found]),
        _span([one.density for one in found]),
    )


def _span(values: Sequence[float]) -> Span:
    known = np.asarray(values)[~np.isnan(values)]
    if not known.size:
        return Span(np.nan, np.nan, np.nan)
    low, high = np.quantile(known, ENDS)
    return Span(float(np.median(known)), float(low), float(high))


def _half(cases: Cases, search: Search, mine: Bool) -> Half:
    """One half; without any case of interest it finds nothing."""
    y, other = cases.y[~mine], cases.x[~mine]
    share = float(y.mean())
    boxes = tuple(search(cases.x[mine], cases.y[mine])) if cases.y[mine].any() else ()
    if not any(box.limits for box in boxes):
        return Half((), np.nan, np.nan, share, 1.0)
    within = inside(boxes, other)
    hits = int(y[within].sum())
    coverage = hits / max(1, int(y.sum()))
    density = hits / max(1, int(within.sum()))
    return Half(boxes, coverage, density, share, _chance(y, within, cases.point[~mine]))


def _chance(y: Bool, within: Bool, point: Int) -> float:
    """Points, not cases, are what was sampled: draws of one point share its factors."""
    from scipy.stats import mannwhitneyu

    numbers = np.unique(point, return_inverse=True)[1]
    if not within.any() or within.all():
        return 1.0

    def shares(mask: Bool) -> Float:
        count = np.bincount(numbers[mask], minlength=1)
        hits = np.bincount(numbers[mask], weights=y[mask], minlength=1)
        found: Float = hits[count > 0] / count[count > 0]
        return found

    inner, outer = shares(within), shares(~within)
    if np.ptp(np.concatenate([inner, outer])) == 0.0:
        return 1.0
    return float(mannwhitneyu(inner, outer, alternative="greater", method="asymptotic").pvalue)


def spread(cases: Cases, boxes: Sequence[Box], seed: int = 1) -> tuple[Span, Span]:
    """Coverage and density of fixed boxes when points are drawn again (90% of 500 bootstraps)."""
    within = inside(boxes, cases.x)
    numbers = np.unique(cases.point, return_inverse=True)[1]
    sums = [
        np.bincount(numbers, weights=one, minlength=numbers.max() + 1)
        for one in (cases.y, within, cases.y & within)
    ]
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(sums[0]), np.full(len(sums[0]), 1 / len(sums[0])), BOOTSTRAPS)
    interest, count, hits = (weights @ one for one in sums)
    ends = []
    for whole, value in (
        (interest, sums[2].sum() / sums[0].sum()),
        (count, sums[2].sum() / max(1.0, sums[1].sum())),
    ):
        low, high = np.quantile(hits[whole > 0] / whole[whole > 0], ENDS)
        ends.append(Span(float(value), float(low), float(high)))
    return ends[0], ends[1]


def limits_again(result: Trial, cases: Cases) -> pd.DataFrame:
    """How often each factor is restricted in the halves, and where its limits lie there.

    A row a factor.
    """
    import pandas as pd

    lines = []
    for factor in cases.factors:
        found = [limit for half in result.halves for limit in _first(half, factor.id)]
        line: dict[str, object] = {
            "factor": factor.id,
            "label": factor.label,
            "unit": factor.unit,
            "halves": len(result.halves),
            "restricted": sum(any(_first(half, factor.id)) for half in result.halves)
            / len(result.halves),
        }
        for side in ("low", "high"):
            ends = [getattr(one, side) for one in found if getattr(one, side) is not None]
            line[f"{side}_share"] = len(ends) / len(result.halves)
            quantiles = np.quantile(ends, (0.05, 0.5, 0.95)) if ends else [np.nan] * 3
            line |= dict(zip((f"{side}_05", f"{side}_50", f"{side}_95"), quantiles, strict=True))
        kept = [value for one in found for value in one.values]
        line["values"] = "; ".join(f"{v} ({kept.count(v)})" for v in sorted(set(kept)))
        lines.append(line)
    return pd.DataFrame(lines).sort_values("restricted", ascending=False, kind="stable")


def _first(half: Half, factor: str) -> list[Limit]:
    """Limits of a factor in the densest box of a half that has one."""
    found = [one for box in half.boxes for one in box.limits if one.factor == factor]
    return found[:1]
