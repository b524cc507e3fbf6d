"""Robustness of policies over futures: measures that ask different things of the same outcomes.

All measures are in the unit of the outcome or shares of the sampled futures; none adds outcomes
up. A quantile is one of the sampled values: the smallest that at least that share does not exceed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from experiments.comparisons.compare import NEGLIGIBLE, SAME
from experiments.robustness.futures import Bool, Float, Int

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Side = Literal["low", "high", "better"]

BOOTSTRAPS = 200
NOT_VISIBLE = NEGLIGIBLE / 100.0
"""A policy is better than another where it is so by more than this share of the other's value."""
ENDS = (0.05, 0.95)
CLEAR = 0.9
"""Share of resamples that must agree on an order for a reversal to count as clear."""


@dataclass(frozen=True)
class Measure:
    """A measure; ``best``: the side that ranks first ("better": that of the outcome)."""

    id: str
    asks: str
    best: Side
    ranked: bool = True
    reverses: bool = True  # not so for spread alone: a policy that is never better may lead by it


MEASURES = (
    Measure("regret_max", "minimax regret: how far behind the best policy at worst", "low"),
    Measure("regret_p90", "regret that 90% of futures do not exceed", "low"),
    Measure("regret_mean", "mean regret", "low"),
    Measure("share_best", "share of futures in which no policy is better", "high"),
    Measure("baseline_max", "how much worse than the baseline at worst (minus: better)", "low"),
    Measure("baseline_p90", "how much worse than the baseline in all but 10% of futures", "low"),
    Measure("satisficing", "share of futures in which the threshold is met", "high"),
    Measure("worst", "maximin: the worst outcome", "better"),
    Measure("worst_p10", "the outcome that is worse in at most 10% of futures", "better"),
    Measure("mean", "mean outcome", "better"),
    Measure("sd", "standard deviation over futures", "low", ranked=False),
    Measure("mean_variance", "mean, one standard deviation to the worse side", "better"),
    Measure(
        "undesired", "mean deviation to the worse side of its own median", "low", reverses=False
    ),
)
BY_ID = {one.id: one for one in MEASURES}


@dataclass(frozen=True)
class Rule:
    """What counts as good enough of each outcome.

    A number of ``thresholds`` by id of the outcome, to be met exactly; else to be better than
    ``reference`` (future, outcome), such as the baseline of today; else to be better than the
    baseline in the same future. Better: by more than ``NOT_VISIBLE`` of it.
    """

    baseline: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    reference: Float | None = None


@dataclass(frozen=True)
class Table:
    """Losses of one outcome: the better side is always lower. ``loss`` (policy, future).

    ``threshold`` and ``reference`` (future) are in the sign of ``loss``.
    """

    loss: Float
    baseline: int
    threshold: float | None = None
    reference: Float | None = None

    @property
    def regret(self) -> Float:
        """Loss less that of the best policy in the same future, (policy, future), 0 or more.

        In the unit of the outcome.
        """
        return cast(Float, self.loss - self.loss.min(axis=0))

    @property
    def against(self) -> Float:
        """Loss less that of the baseline in the same future, (policy, future), in the same unit."""
        return cast(Float, self.loss - self.loss[self.baseline])

    @property
    def met(self) -> Float:
        """1 where the threshold is met, (policy, future); NaN for a baseline that is its own."""
        if self.threshold is not None:
            return (self.loss <= self.threshold).astype(float)
        if self.reference is not None:
            return visibly_less(self.loss, self.reference).astype(float)
        found = visibly_less(self.loss, self.loss[self.baseline]).astype(float)
        found[self.baseline] = np.nan
        return found


def visibly_less(loss: Float, other: Float) -> Bool:
    """Where a loss is less than another by more than ``NOT_VISIBLE`` of that; they broadcast."""
    return other - loss > NOT_VISIBLE * np.abs(other)


class _Sorted:
    """Rows (policy, future) sorted once, so that each resample only looks places up."""

    def __init__(self, values: Float) -> None:
        self.order = np.argsort(values, axis=1)
        self.values = np.take_along_axis(values, self.order, axis=1)

    def quantile(self, weight: Float, share: float) -> Float:
        """The smallest value that at least ``share`` of the weight does not exceed, by policy."""
        reached = np.cumsum(weight[self.order], axis=1)
        need = share * weight.sum() * (1.0 - 1e-12)
        where = np.argmax(reached >= need, axis=1)
        return cast(Float, self.values[np.arange(len(where)), where])

    def largest(self, weight: Float) -> Float:
        """The largest value with any weight, by policy."""
        there = weight[self.order[:, ::-1]] > 0
        where = np.argmax(there, axis=1)
        return cast(Float, self.values[np.arange(len(where)), -1 - where])


def _prepared(table: Table) -> Callable[[Float], dict[str, Float]]:
    """All measures (by policy, in losses) as a function of the weights of the futures."""
    regret, against, loss = table.regret, table.against, table.loss
    by_regret, by_against, by_loss = _Sorted(regret), _Sorted(against), _Sorted(loss)
    best = (~visibly_less(loss.min(axis=0), loss)).astype(float)
    met = table.met

    def measured(weight: Float) -> dict[str, Float]:
        whole = weight.sum()
        mean = loss @ weight / whole
        square = ((loss - mean[:, None]) ** 2) @ weight
        sd = np.sqrt(square / max(whole - 1.0, 1.0))
        median = by_loss.quantile(weight, 0.5)
        return {
            "regret_max": by_regret.largest(weight),
            "regret_p90": by_regret.quantile(weight, 0.9),
            "regret_mean": regret @ weight / whole,
            "share_best": best @ weight / whole,
            "baseline_max": by_against.largest(weight),
            "baseline_p90": by_against.quantile(weight, 0.9),
            "satisficing": met @ weight / whole,
            "worst": by_loss.largest(weight),
            "worst_p10": by_loss.quantile(weight, 0.9),
            "mean": mean,
            "sd": sd,
            "mean_variance": mean + sd,
            "undesired": np.maximum(loss - median[:, None], 0.0) @ weight / whole,
        }

    return measured


def crossed(point: Int, draw: Int) -> tuple[Int, Int, Int, Int]:
    """What is drawn again: points and the one of each future, draws and the one of each future.

    All (n,), but what is drawn.
    """
    points, at = np.unique(point, return_inverse=True)
    draws, of = np.unique(draw, return_inverse=True)
    if len(points) == len(draws) == 1:
        points = at = np.arange(len(point))
    elif len(draws) > 1 and len(np.unique(np.stack([at, of]), axis=1).T) == len(points) > 1:
        points, at = points[:1], np.zeros_like(at)
    return points, at, draws, of


def resamples(point: Int, draw: Int, count: int = BOOTSTRAPS, seed: int = 1) -> Iterator[Float]:
    """Weights of the futures when points and draws are each drawn again.

    Futures share points and draws, so that drawing futures alone would make intervals too narrow.
    Where a point has one draw of many (it is a factor), draws are drawn again with their points;
    where all futures are of one point and one draw, each is drawn on its own. Each (futures,).
    """
    random = np.random.default_rng(seed)
    points, at, draws, of = crossed(point, draw)
    for _ in range(count):
        while True:
            by_point, by_draw = (
                random.multinomial(len(one), np.full(len(one), 1.0 / len(one)))
                if len(one) > 1
                else np.ones(1)
                for one in (points, draws)
            )
            weight = (by_point[at] * by_draw[of]).astype(float)
            if weight.any():
                break
        yield weight


@dataclass(frozen=True)
class Robustness:
    """What the measures give.

    ``measures``: a row for each outcome, policy and measure with its 90% interval and rank
    (``tied``: fewer than 90% of resamples keep the order with some other policy);
    ``reversals``: pairs of policies that two measures order the other way round; ``dominated``:
    policies that another one is at least as good as in every future; ``left_out``: futures of each
    outcome that some policy has no value in, which are left out for all policies. What a row is of
    stands in columns.
    """

    measures: pd.DataFrame
    reversals: pd.DataFrame
    dominated: pd.DataFrame
    left_out: pd.DataFrame


def robustness(
    outcomes: xr.DataArray, rule: Rule, count: int = BOOTSTRAPS, seed: int = 1
) -> Robustness:
    """Every measure of each outcome (see ``aims.outcomes`` for the layout of ``outcomes``)."""
    import pandas as pd

    policies = [str(one) for one in outcomes["policy"].values]
    lines, reversals, missing = [], [], []
    for i in range(outcomes.sizes["outcome"]):
        one = outcomes.isel(outcome=i)
        values = np.asarray(one.values, dtype=float)
        known = ~np.isnan(values).any(axis=0)
        about = {
            name: str(one[name].item()) for name in ("aim", "outcome", "label", "unit", "better")
        }
        limit = rule.thresholds.get(about["outcome"])
        reference = None if rule.reference is None else rule.reference[:, i]
        if reference is not None and limit is None:
            known &= ~np.isnan(reference)
        missing.append({**about, "futures": int(known.sum()), "left_out": int((~known).sum())})
        if not known.any():
            continue
        sign = 1.0 if about["better"] == "down" else -1.0
        table = Table(
            sign * values[:, known],
            policies.index(rule.baseline),
            None if limit is None else sign * limit,
            None if reference is None else sign * reference[known],
        )
        measured = _prepared(table)
        whole = measured(np.ones(int(known.sum())))
        again = [
            measured(weight)
            for weight in resamples(
                outcomes["point"].values[known], outcomes["draw"].values[known], count, seed
            )
        ]
        stacked = {name: np.stack([found[name] for found in again]) for name in whole}
        lines += _lines(about, policies, whole, stacked, sign)
        reversals += _reversals(about, policies, whole, stacked)
    columns = ["aim", "outcome", "label", "policy", "other", "ahead_by", "behind_by", "clear"]
    return Robustness(
        pd.DataFrame(lines),
        pd.DataFrame(reversals, columns=columns),
        dominated(outcomes),
        pd.DataFrame(missing),
    )


def _outwards(measure: Measure, values: Float, sign: float) -> Float:
    """From losses to the outcome's own sign."""
    return values * sign if measure.best == "better" else values


def _scores(measure: Measure, values: Float) -> Float:
    """Lower is better."""
    return -values if measure.best == "high" else values


def ranks(scores: Float) -> Float:
    """Ranks, same shape (n,): 1 for the lowest; NaN: no score.

    Scores equal but for rounding share the better rank.
    """
    found = np.full(len(scores), np.nan)
    known = ~np.isnan(scores)
    rest = scores[known]
    tolerance = SAME * np.max(np.abs(rest), initial=0.0)
    found[known] = [1 + int((rest < one - tolerance).sum()) for one in rest]
    return found


def _lines(
    about: dict[str, str],
    policies: list[str],
    whole: dict[str, Float],
    again: dict[str, Float],
    sign: float,
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for measure in MEASURES:
        values = _outwards(measure, whole[measure.id], sign)
        ends = np.sort(
            np.quantile(_outwards(measure, again[measure.id], sign), ENDS, axis=0), axis=0
        )
        places = ranks(_scores(measure, whole[measure.id]))
        tied = _tied(_scores(measure, again[measure.id]), places)
        for i, policy in enumerate(policies):
            found.append(
                {
                    **about,
                    "policy": policy,
                    "measure": measure.id,
                    "value": float(values[i]),
                    "low90": float(ends[0, i]),
                    "high90": float(ends[1, i]),
                    "rank": float(places[i]) if measure.ranked else np.nan,
                    "tied": bool(tied[i]) and measure.ranked,
                }
            )
    return found


def _tied(again: Float, places: Float) -> Bool:
    """Policies whose order with any other one fewer than ``CLEAR`` of resamples keep.

    ``again`` (resample, policy): lower is better; ``places``: ranks in all futures.
    """
    found = np.zeros(len(places), dtype=bool)
    for a, b in np.argwhere(places[:, None] < places[None, :]):
        if (again[:, a] < again[:, b]).mean() < CLEAR:
            found[[a, b]] = True
    for a, b in np.argwhere(places[:, None] == places[None, :]):
        found[[a, b]] |= a != b
    return found


def _reversals(
    about: dict[str, str], policies: list[str], whole: dict[str, Float], again: dict[str, Float]
) -> list[dict[str, object]]:
    """Pairs of policies that some measures order one way and others the other way.

    ``clear``: at least one measure on each side keeps its order in 90% of resamples.
    """
    ranked = [one for one in MEASURES if one.ranked and one.reverses]
    places = {one.id: ranks(_scores(one, whole[one.id])) for one in ranked}
    found: list[dict[str, object]] = []
    for a in range(len(policies)):
        for b in range(a + 1, len(policies)):
            ahead: list[str] = []
            behind: list[str] = []
            firm = {True: False, False: False}
            for one in ranked:
                first, second = places[one.id][a], places[one.id][b]
                if np.isnan(first) or np.isnan(second) or first == second:
                    continue
                won = bool(first < second)
                (ahead if won else behind).append(one.id)
                scores = _scores(one, again[one.id])
                kept = scores[:, a] < scores[:, b] if won else scores[:, a] > scores[:, b]
                firm[won] |= bool(kept.mean() >= CLEAR)
            if ahead and behind:
                found.append(
                    {
                        **{name: about[name] for name in ("aim", "outcome", "label")},
                        "policy": policies[a],
                        "other": policies[b],
                        "ahead_by": "; ".join(ahead),
                        "behind_by": "; ".join(behind),
                        "clear": firm[True] and firm[False],
                    }
                )
    return found


def dominated(outcomes: xr.DataArray) -> pd.DataFrame:
    """Policies that another is at least as good as in every future, and better in some.

    A row for each outcome, and one with outcome "all" where that holds of every outcome at once.
    As good: not worse by more than ``NOT_VISIBLE`` of it. Futures in which any policy has no value
    are left out.
    """
    import pandas as pd

    signs = np.where(outcomes["better"].values.astype(str) == "down", 1.0, -1.0)
    loss = np.asarray(outcomes.transpose("policy", "future", "outcome").values) * signs
    loss = np.where(np.isnan(loss).any(axis=0), np.nan, loss)
    policies = [str(one) for one in outcomes["policy"].values]
    names = [str(one) for one in outcomes["outcome"].values]
    aims = [str(one) for one in outcomes["aim"].values]
    lines = []
    for a, policy in enumerate(policies):
        for b, other in enumerate(policies):
            # Where nothing is known no claim is made.
            never = ~visibly_less(loss[a], loss[b]).any(axis=0) & ~np.isnan(loss[a]).all(axis=0)
            some = visibly_less(loss[b], loss[a]).any(axis=0)
            for i in np.flatnonzero(never & some):
                lines.append({"aim": aims[i], "outcome": names[i], "policy": policy, "by": other})
            if never.all() and some.any():
                lines.append({"aim": "all", "outcome": "all", "policy": policy, "by": other})
    return pd.DataFrame(lines, columns=["aim", "outcome", "policy", "by"]).drop_duplicates()
