"""A finished batch as a sensitivity analysis sees it: points, factors, and which runs are whose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.runs.attributes import FILES
from experiments.sensitivity.analyse import MEMORY, Found, analyse_columns, plan_of, width_of_blocks
from experiments.sensitivity.columns import MEGABYTE, turned
from experiments.sensitivity.methods import Method, check_design
from experiments.sensitivity.problem import Float, Int, Problem, Settings
from experiments.sensitivity.verdict import Rule
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

OUTPUT_LABELS = ("indicator", "product", "group", "year", "unit")
LEFT_OUT = " (intervals of indices leave out how far such a mean may be off)"
FINISH = (
    "a finished store: `drugfutures batch STUDY --out STORE` again computes only what is "
    "missing, `drugfutures status STORE` tells why runs failed"
)


@dataclass(frozen=True)
class Sampled:
    """Of a batch: ``points`` (P, K); ``runs`` (scenarios, P, repeats): rows of each point.

    ``outputs``: labels (scenarios x outputs,); ``factors``: labels of what indices are given for.
    """

    problem: Problem
    points: Float
    runs: Int
    outputs: Mapping[str, npt.NDArray[Any]]
    factors: Mapping[str, npt.NDArray[Any]]
    attributes: Mapping[str, Any]
    means: str  # what an output is the mean of, in words

    @property
    def told(self) -> dict[str, Any]:
        """Attributes of the result: those of the store, and what its factors and outputs are."""
        names = self.factors.get("factor_label", np.array(self.problem.labels)).astype(str)
        history = self.factors["factor_history"].astype(bool)
        return {
            **self.attributes,
            "outputs_are": self.means + (LEFT_OUT if "means" in self.means else ""),
            "grouped": int(self.problem.groups is not None),
            "replayed": "; ".join(names[history]),
            "branched": "; ".join(names[~history]),
        }


def sampled(store: xr.Dataset, method: Method, grouped: bool) -> Sampled:
    """Read the labels of a store. Raises InputError where the method cannot read its design, runs
    are missing or failed, or groups do not fit."""
    attributes = {name: value for name, value in store.attrs.items() if name != FILES}
    design = str(attributes.get("design_method", ""))
    check_design(method, design)
    by_design = method.id in ("sobol", "morris") and _flag(attributes, "design_grouped")
    if grouped and method.id in ("sobol", "morris") and not by_design:
        raise InputError(
            "the factors of this store were not moved in groups",
            key="--groups",
            allowed="groups when a study is sampled: drugfutures sensitivity METHOD STUDY --groups",
        )
    points = np.asarray(store["sample"].values, dtype=np.float64)
    if points.shape[1] == 0:
        raise InputError(
            "this batch varies no factor", key="factors", allowed="a study file with `factors`"
        )
    problem = Problem(
        tuple(str(name) for name in store["factor"].values),
        np.column_stack([store["factor_low"].values, store["factor_high"].values]),
        tuple(str(name) for name in store["factor_group"].values) if grouped or by_design else None,
        tuple(not ordered for ordered in store["factor_ordered"].values),
    )
    scenarios, runs, means = _runs(store, len(points))
    outputs = {
        "scenario": np.repeat(scenarios, store.sizes["output"]),
        **{name: np.tile(np.asarray(store[name].values), len(scenarios)) for name in OUTPUT_LABELS},
    }
    return Sampled(
        problem, points, runs, outputs, _factor_labels(store, problem), attributes, means
    )


def _flag(attributes: Mapping[str, Any], name: str) -> bool:
    return str(attributes.get(name, 0)).lower() in ("1", "true")


def _runs(store: xr.Dataset, points: int) -> tuple[npt.NDArray[np.str_], Int, str]:
    """Scenarios in order, rows (scenarios, points, repeats), and what those repeats are."""
    rows = np.arange(store.sizes["run"])
    means = []
    if "statistic" in store.coords:
        rows = rows[store["statistic"].values.astype(str) == "mean"]
        means.append("means over draws and seeds, as stored")
    _check_done(store, rows)
    labels = store["scenario"].values[rows].astype(str)
    scenarios = np.array(list(dict.fromkeys(labels.tolist())))
    code = {name: at for at, name in enumerate(scenarios.tolist())}
    which = np.array([code[name] for name in labels.tolist()])
    point = store["point"].values[rows].astype(np.int64)
    order = np.lexsort((rows, point, which))
    repeats = len(rows) // (points * len(scenarios))
    if repeats * points * len(scenarios) != len(rows):
        raise InputError(
            "runs and points of this store do not match",
            given=f"{len(rows)} runs of {points} points",
            allowed=FINISH,
        )
    found = rows[order].reshape(len(scenarios), points, repeats)
    if repeats > 1:
        each = {
            name: len(np.unique(store[name].values))
            for name in ("draw", "seed")
            if name in store.coords
        }
        told = " and ".join(f"{many} {name}s" for name, many in each.items() if many > 1)
        means.append(f"means over {told or f'{repeats} runs'} of each point")
    return scenarios, found.astype(np.int64), "; ".join(means) or "single runs of each point"


def _check_done(store: xr.Dataset, rows: Int) -> None:
    state = store["state"].values.astype(str)[rows]
    unfinished = rows[state != "done"]
    if not len(unfinished):
        return
    first = int(unfinished[0])
    names = [name for name in ("scenario", "point", "draw", "statistic", "seed") if name in store]
    told = ", ".join(f"{name} {store[name].values[first]}" for name in names)
    raise InputError(
        f"{len(unfinished)} of {len(rows)} runs are missing or failed, and the order of runs is "
        "what an index is estimated from",
        key="run",
        given=f"first: run {first} ({told}), {store['state'].values[first]}",
        allowed=FINISH,
    )


def _factor_labels(store: xr.Dataset, problem: Problem) -> dict[str, npt.NDArray[Any]]:
    names = [
        str(name) for name in store.coords if store[name].dims == ("factor",) and name != "factor"
    ]
    if problem.groups is None:
        return {name: np.asarray(store[name].values) for name in names}
    members = problem.members.astype(bool)
    labels = store["factor_label"].values.astype(str)
    history = np.asarray(store["factor_history"].values, dtype=bool)
    return {
        "factor_kind": np.array(["group"] * len(members)),
        "factor_label": np.array(problem.labels),
        "factor_group": np.array(problem.labels),
        "factor_members": np.array(["; ".join(labels[row]) for row in members]),
        "factor_history": np.array([history[row].any() for row in members]),
    }


def settings_of(attributes: Mapping[str, Any], method: Method, asked: Settings) -> Settings:
    """What the design of a store says stands above what was asked.

    Raises InputError for a second order that the method has not.
    """

    def told(name: str, other: int) -> int:
        return int(attributes.get(f"design_{name}", other))

    if asked.second_order and method.id not in ("sobol", "fractional-factorial"):
        raise InputError(
            "no second order with this method",
            key="--second-order",
            given=method.id,
            allowed="sobol, fractional-factorial",
        )
    design = str(attributes.get("design_method", ""))
    if method.id == "sobol":
        second = _flag(attributes, "design_second_order")
        if asked.second_order and not second:
            raise InputError(
                "the runs of this store have no second order",
                key="--second-order",
                allowed="second order when a study is sampled",
            )
        return replace(asked, second_order=second)
    if method.id == "morris":
        return replace(asked, levels=told("levels", asked.levels))
    if method.id == "fast":
        return replace(asked, harmonics=told("order", asked.harmonics))
    if method.id == "pawn" and design == "pawn":
        return replace(asked, slices=told("slices", asked.slices))
    return asked


def analyse_batch(
    store: xr.Dataset,
    case: Sampled,
    method: Method,
    settings: Settings,
    *,
    rule: Rule | None = None,
    memory_mb: int = MEMORY,
    folder: Path,
    advance: Callable[[str, float], None] = lambda what, share: None,
) -> Found:
    """Indices of all outputs of a store. ``folder``: where a passing file may be written."""
    memory = memory_mb * MEGABYTE
    outputs = len(case.outputs["year"])
    plan = plan_of(case.points, case.problem, method, settings, outputs, memory)
    width = min(width_of_blocks(plan, memory), store.sizes["output"])
    values = store["values"].variable
    with turned(
        values, case.runs, width, memory, folder, lambda share: advance("reading runs", 0.3 * share)
    ) as columns:
        return analyse_columns(
            columns,
            len(case.points),
            plan,
            method,
            settings,
            rule or Rule(),
            lambda share: advance("analysing outputs", 0.3 + 0.7 * share),
        )
