"""Points of a study as plans: what the factors say stands in place of what a scenario says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from experiments.batch.factors import Factor
from experiments.batch.histories import History
from experiments.batch.job import Float
from scenarios.schema import Combining, Plan, Scenario
from scenarios.sizes import Deal

if TYPE_CHECKING:
    from experiments.batch.plan import Batch

Int = npt.NDArray[np.int64]


def plan_at(batch: Batch, scenario: Scenario, points: Int) -> Plan:
    """The plan of a scenario at these points (D,): positions and settings by run.

    Changes, events and rules that the scenario gives stay.
    """
    plan, values = scenario.plan, batch.points[points]
    levers: dict[str, float | Float] = dict(plan.levers)
    trends: dict[str, float | Float] = dict(plan.trends)
    settings: dict[str, float | Float] = {}
    for k, factor in enumerate(batch.factors):
        if factor.kind == "trend":
            trends[factor.name] = values[:, k]
        elif factor.kind == "lever":
            members = batch.study.library.members(factor.name)
            levers |= dict.fromkeys(members, values[:, k])
        elif factor.kind == "structure" and not factor.values:
            settings[factor.name] = values[:, k]
    before = plan.settings
    combining = before
    if settings:
        combining = Combining(
            settings.get("subadditivity", before.subadditivity),
            settings.get("floor", before.floor),
        )
    return Plan(
        levers=levers,
        trends=trends,
        central_trends=plan.central_trends,
        events=plan.events,
        rules=plan.rules,
        changes=plan.changes,
        settings=combining,
    )


def deal_at(batch: Batch, draws: Int, points: Int) -> Deal:
    """Draws by number (D,) of all sizes, with those that the points (D,) name."""
    sizes = batch.column("sizes")
    if sizes is not None:
        draws = batch.points[points, sizes].astype(np.int64)
    scores: Mapping[str, Float] = {
        f"measure/{factor.name}/effect": ndtri(batch.points[points, k])
        for k, factor in enumerate(batch.factors)
        if factor.kind == "effect"
    }
    return Deal(draws, batch.study.options.seed, False, scores)


def past_factors(batch: Batch) -> list[Factor]:
    """Factors that are parameters: their values make a history."""
    return [factor for factor in batch.factors if factor.kind == "parameter"]


def history_at(batch: Batch, draw: int, point: int) -> History:
    """The history that a run branches off."""
    columns = [k for k, factor in enumerate(batch.factors) if factor.kind == "parameter"]
    return History(draw, tuple(batch.points[point, columns].tolist()))


def switches_at(batch: Batch, point: int) -> tuple[str, ...]:
    """Switches of agents at a point, NAME=VALUE each."""
    return tuple(
        f"{factor.name}={factor.values[int(batch.points[point, k])]}"
        for k, factor in enumerate(batch.factors)
        if factor.kind == "structure" and factor.values
    )
