"""The aims of the strategy as outcomes of policies over futures.

Each row of ``scoreboard.csv`` for which a store holds the outputs is one outcome, with the
direction that is better. Rows are not weighed and not added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.comparisons.scoreboard import EVERYONE, ScoreRow, load_scoreboard, over
from experiments.robustness.cases import Better
from experiments.robustness.futures import WHOLE, Float, Futures, Outcome
from model.errors import InputError
from scenarios.texts import AIMS

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Held:
    """Rows that a store can tell of, and those that it cannot, in words."""

    rows: tuple[ScoreRow, ...]
    lacking: tuple[str, ...]


def better_of(indicator: str, product: str, given: str | None) -> Better:
    """The side that is better, as the scoreboard has it unless given. Raises InputError."""
    if given is not None:
        if given not in ("up", "down"):
            raise InputError("unknown side", key="--better", given=given, allowed="up, down")
        return "up" if given == "up" else "down"
    rows = [row for row in load_scoreboard() if row.indicator == indicator and row.per is None]
    sides: set[Better] = {row.better for row in rows if row.product == product}
    sides = sides or {row.better for row in rows}
    if len(sides) != 1:
        raise InputError(
            "the aims do not say which side of this indicator is better",
            key="--better",
            given=indicator,
            allowed="--better up or --better down",
        )
    return sides.pop()


def aims_held(futures: Futures, aims: Sequence[str], year: int) -> Held:
    """Rows of these aims (none: all). Raises InputError for an unknown aim or none held."""
    for aim in aims:
        if aim not in AIMS:
            raise InputError("unknown aim", key="--aim", given=aim, allowed=AIMS)
    rows = [row for row in load_scoreboard() if not aims or row.aim in aims]
    held = tuple(row for row in rows if all(map(futures.holds, _needed(row, year))))
    if not held:
        raise InputError(
            f"the store holds no output of these aims in {year}",
            given=", ".join(aims) or "all aims",
            allowed="a store that keeps the indicators of experiments/comparisons/scoreboard.csv",
        )
    lacking = tuple(f"{row.aim}: {key_of(row)}" for row in rows if row not in held)
    return Held(held, lacking)


def key_of(row: ScoreRow) -> str:
    """A row as an id: "treatment/problematic alcohol"; the group where it is not everyone."""
    per = f"/{row.per}" if row.per else ""
    where = "" if row.group == WHOLE else f" {row.group}"
    return f"{row.indicator}{per} {row.product}{where}"


def label_of(futures: Futures, row: ScoreRow) -> str:
    """A row in words: "Any illegal drug: Drug-induced deaths"."""
    per = f" per {futures.name(row.per).lower()}" if row.per else ""
    where = "" if row.group == WHOLE else f", {row.group.replace('_', ' ')}"
    return f"{futures.product(row.product)}: {futures.name(row.indicator)}{per}{where}"


def _needed(row: ScoreRow, year: int) -> list[Outcome]:
    found = [Outcome(row.indicator, row.product, group, year) for group in row.groups]
    if row.per is not None:
        whole = EVERYONE.get(row.per, row.product)
        found += [Outcome(row.per, whole, group, year) for group in row.groups]
    return found


def _values(futures: Futures, row: ScoreRow, year: int) -> Float:
    """What a row measures (scenario, point, draw)."""
    needed = [futures.values(one) for one in _needed(row, year)]
    levels = needed[: len(row.groups)]
    if row.per is not None:
        levels = [
            over(level, whole)
            for level, whole in zip(levels, needed[len(row.groups) :], strict=True)
        ]
    if row.statistic == "level":
        return levels[0]
    return over(levels[0], levels[1]) if row.statistic == "ratio" else levels[0] - levels[1]


def unit_of(futures: Futures, row: ScoreRow, year: int) -> str:
    """Unit of what a row measures."""
    first, *rest = _needed(row, year)
    unit = futures.unit(first)
    if row.per is not None:
        unit = f"{unit} over {futures.unit(rest[-1])} ({row.per})"
    return "ratio" if row.statistic == "ratio" else unit


def outcomes_of_aims(futures: Futures, rows: Sequence[ScoreRow], year: int) -> xr.DataArray:
    """Outcomes (policy, future, outcome), see ``outcomes``."""
    values = [_values(futures, row, year) for row in rows]
    return outcomes(
        np.stack(values, axis=-1),
        futures.scenarios,
        {
            "outcome": [key_of(row) for row in rows],
            "aim": [row.aim for row in rows],
            "better": [row.better for row in rows],
            "label": [label_of(futures, row) for row in rows],
            "unit": [unit_of(futures, row, year) for row in rows],
        },
    )


def outcomes(values: Float, policies: Sequence[str], labels: dict[str, list[str]]) -> xr.DataArray:
    """Outcomes from ``values`` (policy, point, draw, outcome).

    Gives (policy, future, outcome), with coordinates ``point`` and ``draw`` over future, and
    ``outcome``, ``aim``, ``better``, ``label`` and ``unit`` over outcome. The same row of a
    scoreboard may stand in two aims, so ids of outcomes need not be unique.
    """
    import xarray as xr

    policy_count, points, draws, count = values.shape
    point, draw = np.meshgrid(np.arange(points), np.arange(draws), indexing="ij")
    return xr.DataArray(
        values.reshape(policy_count, points * draws, count),
        dims=("policy", "future", "outcome"),
        coords={
            "policy": list(policies),
            "point": ("future", point.ravel()),
            "draw": ("future", draw.ravel()),
            **{name: ("outcome", told) for name, told in labels.items()},
        },
    )
