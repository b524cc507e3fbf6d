"""What a portfolio search decides on and judges by; the model is behind ``Evaluator``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from experiments.robustness.search_file import Better, Statistic
from model.errors import InputError

Float = npt.NDArray[np.float64]
Effort = Callable[[Float], Float]

HALVINGS = 40  # when a portfolio is scaled down to a limit
QUANTILES = {"median": 0.5, "p10": 0.1, "p90": 0.9}


class Evaluator(Protocol):
    """Portfolios to outcomes, each in the same futures."""

    def evaluate(self, positions: Float) -> Float:
        """``positions`` (n, levers), in per cent, to outcomes (n, futures, outcomes).

        A future is the same for all portfolios. Raises FloatingPointError when the model breaks
        down. Outcomes are in their units.
        """


@dataclass(frozen=True)
class Wanted:
    """An outcome and what of it counts; ``better`` is known here. See ``search_file.Outcome``.

    ``of``: its indicator, product, group and year, where it is one of the model.
    """

    label: str
    unit: str
    better: Better
    statistic: Statistic = "mean"
    aim: float | None = None
    of: tuple[str, str, str, int] | None = None

    @property
    def sign(self) -> float:
        """1 or -1: multiplied by it, less of the outcome is better."""
        return 1.0 if self.better == "down" else -1.0

    def misses(self, values: Float) -> Float:
        """1 where the aim is missed, 0 where it is met (also when met just so); same shape."""
        assert self.aim is not None
        return np.asarray(self.sign * (values - self.aim) > 0.0, dtype=np.float64)


@dataclass(frozen=True)
class Problem:
    """Levers between ``low`` and ``high``, outcomes to better, and perhaps an effort to keep low.

    Positions are per cent, ``low`` and ``high`` (levers,). ``step``: positions are multiples of it
    (0: any). ``effort``: positions (n, levers) to (n,); ``limit``: the most that it may be. Raises
    InputError where nothing can be searched.
    """

    levers: tuple[str, ...]
    low: Float
    high: Float
    outcomes: tuple[Wanted, ...]
    effort: Effort | None = None
    effort_unit: str = ""
    counts_effort: bool = False  # whether it is an objective as well
    limit: float | None = None
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.levers:
            raise InputError("no levers to search over", allowed="factors with `lever:`")
        if not np.all(self.low < self.high):
            raise InputError("a lever without a range", given=self.levers, allowed="low < high")
        if self.limit is not None and self.effort is not None:
            least = float(self.effort(self.rest[None])[0])
            if least > self.limit:
                allowed = f"{least:g} or more, for the ranges of the levers begin there"
                raise InputError(
                    "no portfolio is within the limit",
                    key="limit",
                    given=self.limit,
                    allowed=allowed,
                )

    @property
    def objectives(self) -> tuple[str, ...]:
        """What each objective is, in words."""
        names = tuple(f"{one.statistic} of {one.label}" for one in self.outcomes)
        return (*names, f"effort ({self.effort_unit})") if self.counts_effort else names

    @property
    def rest(self) -> Float:
        """The position (levers,), per cent, of each lever that is nearest to current policy."""
        return np.asarray(np.clip(0.0, self.low, self.high))

    def anchors(self) -> Float:
        """Portfolios that every search begins with: none, all, and each lever alone, in full.

        Positions (n, levers), in per cent.
        """
        full = np.where(np.abs(self.high) >= np.abs(self.low), self.high, self.low)
        alone = np.where(np.eye(len(self.levers), dtype=np.bool_), full, self.rest)
        return np.unique(self.repaired(np.vstack([self.rest, full, alone])), axis=0)

    def repaired(self, positions: Float) -> Float:
        """Positions in range, within the limit and on steps: scaled down together, not cut.

        Positions are (n, levers), in percent.
        """
        inside = np.clip(positions, self.low, self.high)
        if self.limit is not None and self.effort is not None:
            inside = self._within(inside, self.effort, self.limit)
        if not self.step:
            return inside
        moved = inside - self.rest
        # Towards rest, so that neither the ranges nor the limit are passed.
        whole = np.sign(moved) * np.floor(np.abs(moved) / self.step + 1e-9) * self.step
        return np.asarray(np.clip(self.rest + whole, self.low, self.high))

    def _within(self, positions: Float, effort: Effort, limit: float) -> Float:
        low, high = np.zeros(len(positions)), np.ones(len(positions))
        keep = effort(positions) <= limit
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            fits = effort(self._scaled(positions, middle)) <= limit
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        return np.where(keep[:, None], positions, self._scaled(positions, low))

    def _scaled(self, positions: Float, share: Float) -> Float:
        return np.asarray(self.rest + share[:, None] * (positions - self.rest))

    def judged(self, positions: Float, values: Float, best: Float) -> Float:
        """Objectives (n, objectives), less is better.

        ``values`` (n, futures, outcomes); ``best`` (futures, outcomes): the best of the first
        portfolios in each future, with signs such that less is better. Each in the unit of its
        outcome or effort.
        """
        columns = [
            _statistic(one, values[:, :, j], best[:, j]) for j, one in enumerate(self.outcomes)
        ]
        if self.counts_effort:
            assert self.effort is not None
            columns.append(self.effort(positions))
        return np.stack(columns, axis=1)

    def best(self, values: Float) -> Float:
        """The best of portfolios in each future, (futures, outcomes), less is better.

        In the units of the outcomes, with signs.
        """
        return np.asarray((values * self.signs).min(axis=0))

    @property
    def signs(self) -> Float:
        """1 or -1 for each outcome, (outcomes,): multiplied by it, less is better."""
        return np.array([one.sign for one in self.outcomes])


def _statistic(one: Wanted, values: Float, best: Float) -> Float:
    """What counts of ``values`` (n, futures), (n,), less is better."""
    if one.statistic == "missed":
        return np.asarray(one.misses(values).mean(axis=1))
    signed = one.sign * values
    if one.statistic == "worst":
        return np.asarray(signed.max(axis=1))
    if one.statistic == "regret":
        return np.asarray(np.maximum(signed - best, 0.0).max(axis=1))
    if one.statistic == "mean":
        return np.asarray(signed.mean(axis=1))
    return one.sign * np.quantile(values, QUANTILES[one.statistic], axis=1)
