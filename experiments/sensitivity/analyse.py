"""Indices, intervals and verdicts of all outputs, block after block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.sensitivity.columns import MEGABYTE, Columns, Held, Values
from experiments.sensitivity.methods import Method
from experiments.sensitivity.problem import (
    Estimate,
    Float,
    Int,
    Plan,
    Problem,
    Settings,
)
from experiments.sensitivity.verdict import (
    CONSTANT,
    UNDEFINED,
    UNSETTLED,
    Judged,
    Rule,
    Text,
    judge,
    kinds,
    whole_designs,
)
from model.errors import InputError

MEMORY = 500  # megabytes


@dataclass(frozen=True)
class Found:
    """Of all outputs (M,): tables (labels, M), pairs (labels, labels, M), verdicts.

    ``by_size`` (sizes, labels, M) in single precision. NaN where constant or undefined.
    """

    method: Method
    settings: Settings
    plan: Plan
    runs: int  # points of the design
    rule: str
    share: bool
    tables: dict[str, Float]
    dummy: Float
    dummy_S1: Float | None  # of the first order, where it is another
    width: Float
    rank_stability: Float
    more_runs: Int
    verdict: Text
    by_size: Float
    mean: Float
    sd: Float


def width_of_blocks(plan: Plan, memory: int) -> int:
    """Outputs of a block within half of so many bytes (the other half may hold the values)."""
    return max(min(memory // 2 // plan.bytes_of_output, plan.most), 1)


def plan_of(
    points: Float, problem: Problem, method: Method, settings: Settings, outputs: int, memory: int
) -> Plan:
    """The plan of a method for ``points`` (runs, factors).

    Raises InputError where tables of pairs would not fit.
    """
    plan = method.prepare(np.asarray(points, dtype=np.float64), problem, settings)
    pairs = 16 * len(plan.labels) ** 2 * outputs if settings.second_order else 0
    if pairs > 2 * memory:
        raise InputError(
            "indices of all pairs of factors for so many outputs do not fit into memory",
            key="second-order",
            given=f"{pairs / MEGABYTE:.0f} MB",
            allowed=f"{2 * memory / MEGABYTE:.0f} MB: keep fewer outputs, use groups, or raise "
            "--memory",
        )
    return plan


def analyse(
    points: Float,
    values: Values,
    problem: Problem,
    method: Method,
    settings: Settings | None = None,
    rule: Rule | None = None,
    memory_mb: int = MEMORY,
) -> Found:
    """Of values in memory (points, outputs). Raises InputError where the design does not fit."""
    settings = settings or Settings()
    memory = memory_mb * MEGABYTE
    if len(points) != len(values):
        raise InputError(
            "values are not of these points",
            key="values",
            given=f"{len(values)} rows",
            allowed=f"{len(points)} rows",
        )
    plan = plan_of(points, problem, method, settings, values.shape[1], memory)
    held = Held(values, width_of_blocks(plan, memory))
    return analyse_columns(held, len(points), plan, method, settings, rule or Rule())


def analyse_columns(
    columns: Columns,
    runs: int,
    plan: Plan,
    method: Method,
    settings: Settings,
    rule: Rule,
    advance: Callable[[float], None] = lambda share: None,
) -> Found:
    """Of values in blocks; ``advance`` is told the share that is done."""
    outputs = columns.blocks[-1][1]
    made: _Made | None = None
    for at, (first, last) in enumerate(columns.blocks):
        values = columns.read(at)
        undefined, constant = kinds(values)
        fit = ~undefined & ~constant
        # A block of which nothing can be said still says which tables there are.
        some = np.flatnonzero(fit)
        estimate = plan.estimate(
            values[:, some].astype(np.float64) if len(some) else _stand_in(len(values))
        )
        made = made or _Made(estimate, outputs)
        where = np.arange(first, last)
        with np.errstate(invalid="ignore"):  # of undefined outputs
            made.mean[where] = values.mean(axis=0, dtype=np.float64)
            made.sd[where] = values.std(axis=0, dtype=np.float64)
        made.verdict[where[undefined]] = UNDEFINED
        made.verdict[where[constant]] = CONSTANT
        if len(some):
            made.take(estimate, where[fit], judge(estimate, runs, rule, method.fixed))
        advance((at + 1) / len(columns.blocks))
    assert made is not None
    more = whole_designs(made.more_runs, runs, plan.n, method.doubling)
    return Found(
        method,
        settings,
        plan,
        runs,
        rule.told(made.share, method.fixed),
        made.share,
        made.tables,
        made.dummy,
        made.dummy_first,
        made.width,
        made.rank_stability,
        np.zeros_like(more) if method.fixed else more,
        made.verdict,
        made.by_size,
        made.mean,
        made.sd,
    )


def _stand_in(runs: int) -> Float:
    """One output that varies, so that tables get their names and shapes."""
    return np.random.default_rng(0).random((runs, 1))


class _Made:
    """Tables of all outputs, NaN until a block fills its part."""

    def __init__(self, like: Estimate, outputs: int) -> None:
        self.share = like.share
        self.tables = {
            name: np.full((*table.shape[:-1], outputs), np.nan)
            for name, table in like.tables.items()
        }
        self.by_size = np.full((*like.by_size.shape[:-1], outputs), np.nan, dtype=np.float32)
        self.dummy, self.width = np.full(outputs, np.nan), np.full(outputs, np.nan)
        self.dummy_first = None if like.dummy_first is None else np.full(outputs, np.nan)
        self.rank_stability = np.full(outputs, np.nan)
        self.mean, self.sd = np.full(outputs, np.nan), np.full(outputs, np.nan)
        self.more_runs = np.zeros(outputs, dtype=np.int64)
        self.verdict = np.full(outputs, UNSETTLED, dtype="U13")

    def take(self, estimate: Estimate, where: Int, judged: Judged) -> None:
        defined = judged.verdict != UNDEFINED
        self.verdict[where] = judged.verdict
        where = where[defined]
        for name, table in estimate.tables.items():
            self.tables[name][..., where] = table[..., defined]
        self.by_size[..., where] = estimate.by_size[..., defined]
        self.dummy[where] = estimate.dummy[defined]
        if self.dummy_first is not None and estimate.dummy_first is not None:
            self.dummy_first[where] = estimate.dummy_first[defined]
        self.width[where] = judged.width[defined]
        self.rank_stability[where] = judged.stability[defined]
        self.more_runs[where] = judged.more_runs[defined]
