"""``drugfutures value``: what knowing a factor first would bring, as a table and as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from experiments.comparisons.compare_table import three
from experiments.robustness.aims import better_of
from experiments.robustness.cases import Better
from experiments.robustness.discovery_table import plain, write
from experiments.robustness.futures import Futures, Outcome
from experiments.robustness.value_of_information import (
    FEWEST,
    Choice,
    Information,
    Value,
    information,
    table,
)
from model.errors import InputError

SHOWN = 20
WHAT_IT_IS = (
    "Value: by how much the outcome would be better on average over the sampled futures if this "
    "were known before choosing among these scenarios, the rest not. A factor that does not change "
    "which scenario is best has none, however much it moves the outcome. It is no amount of money "
    "unless the outcome is one."
)
NOT_FROM_CHANCE = (
    "~: not told from chance; the same factor (or the draws of each point), shuffled, gets as much "
    "in 1 of 20 shufflings or more."
)
SPREAD = (
    "Every sampled future counts the same. With other ranges in the study values are others: they "
    "rank what to learn about, they are not odds."
)
NO_VALUE = "nothing that was sampled is worth knowing before this choice."
TITLES = {"everything": "Everything sampled", "draw": "The model's parameters (draw)"}


@dataclass(frozen=True)
class Found:
    """Values of information of one outcome."""

    outcome: Outcome
    better: Better
    result: Information
    labels: Mapping[str, str]
    notes: tuple[str, ...]


def value(futures: Futures, outcome: Outcome, better: str | None) -> Found:
    """Values of every factor and group that differs. Raises InputError."""
    side = better_of(outcome.indicator, outcome.product, better)
    sign = 1.0 if side == "up" else -1.0
    choice = Choice(sign * futures.values(outcome), futures.scenarios, futures.unit(outcome))
    points = futures.points
    varied = [
        (one, column)
        for one, column in zip(futures.factors, points.T, strict=True)
        if np.unique(column).size > 1
    ]
    if not varied and choice.value.shape[2] < 2:
        raise InputError("nothing differs between the futures of this store")
    factors = [one for one, _ in varied]
    columns = np.stack([column for _, column in varied], axis=1) if varied else points[:, :0]
    groups: dict[str, list[str]] = {}
    for one in factors:
        groups.setdefault(one.group, []).append(one.id)
    several = {f"group {name}": of for name, of in groups.items() if 1 < len(of) < len(factors)}
    if len(factors) > 1:
        several["all factors"] = [one.id for one in factors]
    result = information(choice, factors, columns, several)
    labels = {one.id: one.label for one in factors} | TITLES
    return Found(outcome, side, result, labels, tuple(_notes(futures, result)))


def _notes(futures: Futures, result: Information) -> list[str]:
    told = [WHAT_IT_IS, SPREAD, NOT_FROM_CHANCE]
    tests = len(result.values) + (result.draw is not None)
    if tests > 1:
        told.append(
            f"{tests} values are told from chance one by one: of {tests} that do nothing about "
            f"{tests / 20:.2g} would have no ~ by luck."
        )
    if result.above:
        told.append(
            "More than knowing everything, which cannot be: do not trust the regression of "
            f"{', '.join(result.above)}."
        )
    if result.left_out:
        told.append(f"Futures in which any scenario lacks a value are left out: {result.left_out}.")
    if futures.count < 4 * FEWEST:
        told.append(f"Few points ({futures.count}): intervals are wide.")
    return told + futures.about()


def print_value(found: Found, futures: Futures, console: Console) -> None:
    """Print the values, largest first, beside that of knowing everything."""
    outcome, result = found.outcome, found.result
    side = "less" if found.better == "down" else "more"
    what = f"{futures.product(outcome.product)}: {futures.name(outcome.indicator)}"
    sign = 1.0 if found.better == "up" else -1.0
    console.print()
    console.print(f"{what}, {outcome.year} ({result.unit}; {side} is better).", style="bold")
    means = "; ".join(f"{name} {three(sign * mean)}" for name, mean in result.means.items())
    console.print(f"Best on average: {result.best}. Means: {means}.")
    if result.everything.value == 0.0:
        console.print(f"{result.best} is best in every sampled future: {NO_VALUE}")
    whole = [result.everything, *([result.draw] if result.draw else []), *result.values[:SHOWN]]
    title = f"Value of knowing it first, in {result.unit}"
    console.print()
    console.print(plain(title, [_row(found, one) for one in whole]))
    if len(result.values) > SHOWN:
        console.print(f"And {len(result.values) - SHOWN} more, none larger: --out writes all.")
    for note in found.notes:
        console.print()
        console.print(note)


def _row(found: Found, one: Value) -> dict[str, str]:
    whole = found.result.everything.value
    mark = "" if one.told or one.name == "everything" else " ~"
    return {
        "if this were known": found.labels.get(one.name, one.name),
        "value (90%)": f"{three(one.value)} ({three(one.low)} to {three(one.high)}){mark}",
        "of everything": f"{one.value / whole:.0%}" if whole > 0 else "-",
        "choice changes in": f"{one.changes:.0%}",
    }


def save_value(found: Found, futures: Futures, folder: Path) -> None:
    """Write value-factors.csv and value.json. Raises InputError for a bad folder."""
    outcome, result = found.outcome, found.result
    sign = 1.0 if found.better == "up" else -1.0
    about = {
        **{name: getattr(outcome, name) for name in ("indicator", "product", "group", "year")},
        "better": found.better,
        "unit": result.unit,
        "best_on_average": result.best,
        "means": {name: sign * mean for name, mean in result.means.items()},
        "left_out": result.left_out,
        "above_everything": list(result.above),
        "notes": list(found.notes),
        "study": str(futures.store.attrs.get("digest", "")),
    }
    write(folder, "value", about, {"factors": table(result, found.labels)})
