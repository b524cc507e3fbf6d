"""Histories of a batch: draws from 2010 on, each under its own values of uncertain parameters.

Many runs branch off one history. A mini-batch holds a few runs side by side, each with the history
that it needs; their output lies in memory that is used again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from experiments.batch.clock import in_engine
from experiments.batch.factors import Factor
from experiments.runs.parts import LATER
from experiments.runs.study import Study
from model.compartments import (
    BROKEN,
    BrokenDown,
    Output,
    Prepared,
    State,
    month_text,
    prepare,
    reference_and_branches,
)
from model.forcing import Room
from model.history import history_changes
from model.parameters import Draws, quantile
from model.rates import build_rates

Int = npt.NDArray[np.int64]

AT_ONCE = 4  # histories with several runs each that are open at once: memory
TOGETHER = 8  # runs of a mini-batch: memory; bits may depend on it
REMEMBERED = 2  # choices of draws that are kept, for mini-batches with the same histories


@dataclass(frozen=True)
class History:
    """One past: the number of a draw, and values of the factors that act in the past."""

    draw: int
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """Histories side by side, one for each run of a mini-batch."""

    index: tuple[int, ...]
    prepared: Prepared
    draws: Draws


@dataclass(frozen=True)
class Opened:
    """Histories that were run: ``reference`` their runs of current policy, ``states`` of these."""

    histories: tuple[History, ...]
    prepared: Prepared
    draws: Draws
    reference: Output
    states: dict[int, State]
    _known: OrderedDict[tuple[int, ...], Chosen] = field(default_factory=OrderedDict)

    def chosen(self, index: tuple[int, ...]) -> Chosen:
        """What runs on these histories need."""
        if index not in self._known:
            draws = self.draws.chosen(index, {})
            self._known[index] = Chosen(index, self.prepared.chosen(index), draws)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[index]

    def whole(self) -> Chosen:
        """Every history once."""
        return Chosen(tuple(range(len(self.histories))), self.prepared, self.draws)


def open_histories(
    study: Study, factors: Sequence[Factor], histories: Sequence[History], months: Collection[int]
) -> tuple[Opened | None, dict[History, str]]:
    """Run these histories; states are kept at ``months``. Second: those that broke down, and why.

    ``factors``: those of kind parameter, in the order of the values of a history. Nothing where
    all broke down.
    """
    broken: dict[History, str] = {}
    while histories:
        draws = _draws(study, factors, histories)
        rates = build_rates(study.structure, study.strata, study.demography.start, draws)
        history = history_changes(
            study.layout.catalogue, draws, study.structure, study.strata, study.months
        )
        prepared = prepare(study.structure, study.strata, study.demography, rates, history)
        try:
            with in_engine():
                reference, states = reference_and_branches(prepared, months)
        except BrokenDown as error:
            reasons = reasons_of(error)
            broken |= {histories[d]: f"{why} (current policy)" for d, why in reasons.items()}
            histories = [one for one in histories if one not in broken]
        else:
            return Opened(tuple(histories), prepared, draws, reference, states), broken
    return None, broken


def reasons_of(error: BrokenDown) -> dict[int, str]:
    """Why each run broke down, in words."""
    return {d: f"{BROKEN}, month {month_text(month)}" for d, month in error.failed.items()}


def states_wanted(study: Study, branches: Collection[int]) -> set[int]:
    """Months at which the reference's state is kept: branches and the Januaries after them.

    Most measures begin in a January after the branch, and a run sets out from the last state
    before anything acts.
    """
    januaries = {12 * (month // 12 + later) for month in branches for later in range(1, LATER + 1)}
    return {*branches, *(month for month in januaries if month < study.months)}


def _draws(study: Study, factors: Sequence[Factor], histories: Sequence[History]) -> Draws:
    rows = {row.key: row for row in study.draws.rows}
    overrides = {
        factor.name: quantile(
            rows[factor.name], ndtri(np.array([one.values[k] for one in histories]))
        )
        for k, factor in enumerate(factors)
    }
    return study.draws.chosen([one.draw for one in histories], overrides)


class Scratch:
    """Memory of a mini-batch: its output, and room for what it is forced by.

    Years of the output before a run sets out are those of its reference.
    """

    def __init__(self, like: Output, size: int = TOGETHER) -> None:
        self.room = Room()
        self._whole = Output(*(np.empty((size, *array.shape[1:])) for array in like))
        self._held: list[tuple[object, int]] = [(None, 0)] * size

    def ready(
        self, opened: Opened, index: Sequence[int], year: int, *, later: bool = False
    ) -> Output:
        """Output of runs that set out in ``year``; only years that a row lacks are copied.

        ``later``: years from then on are those of the reference too, until they are written.
        """
        for k, h in enumerate(index):
            history = opened.histories[h]
            held, clean = self._held[k]
            first, last = clean if held == history else 0, None if later else year
            for mine, whole in zip(self._whole, opened.reference, strict=True):
                mine[k, first:last] = whole[h, first:last]
            self._whole.january[k, : year + 1] = opened.reference.january[h, : year + 1]
            self._held[k] = history, year
        return Output(*(array[: len(index)] for array in self._whole))

    def mend(self, opened: Opened, index: Sequence[int], broken: Collection[int]) -> None:
        """Current policy in place of runs that broke down, so that all can be observed."""
        for k in broken:
            for mine, whole in zip(self._whole, opened.reference, strict=True):
                mine[k] = whole[index[k]]
