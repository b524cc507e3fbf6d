"""``drugfutures robust``: policies by each measure, reversals, dominated ones; no sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.text import Text

from experiments.comparisons.compare_table import grid, three
from experiments.robustness.aims import Held, aims_held, outcomes_of_aims
from experiments.robustness.discovery_table import plain, write
from experiments.robustness.futures import Futures
from experiments.robustness.measures import (
    CLEAR,
    MEASURES,
    NOT_VISIBLE,
    Robustness,
    Rule,
    robustness,
)
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SHARE = {"share_best", "satisficing"}
HEADS = {
    "mean": "mean",
    "mean_variance": "mean, 1 sd worse",
    "regret_p90": "regret, 90%",
    "regret_max": "regret, worst",
    "satisficing": "good enough",
    "worst": "worst",
}
NO_SUM = (
    "Aims are not weighed and not added up. Each measure ranks the policies by a question of its "
    "own (docs/robustness.md); where ranks differ, the choice of the measure is a choice of values."
)
INTERVALS = (
    "In brackets 90% of resamples of points and draws. A worst case is that of the sampled "
    "futures: with more of them it gets worse, and its interval is too narrow."
)
CLEAR_ONES = (
    f"A reversal is printed where at least one measure on each side keeps its order in "
    f"{CLEAR:.0%} of resamples. Any of {sum(one.ranked and one.reverses for one in MEASURES)} "
    "measures may carry it and nothing is adjusted for their number: some are luck."
)
TIES = f"=: fewer than {CLEAR:.0%} of resamples keep the order with some other policy."
FEW_FUTURES = 30
FEW_DRAWS = 20


@dataclass(frozen=True)
class Asked:
    """What is asked: aims (none: all), the baseline, a year and what is good enough.

    ``thresholds``: a number by id of an outcome; ``today``: a year of the baseline to be better
    than, in the same future.
    """

    aims: tuple[str, ...] = ()
    baseline: str | None = None
    year: int | None = None
    thresholds: tuple[str, ...] = ()
    today: int | None = None


@dataclass(frozen=True)
class Found:
    """What the measures give of the rows held. ``outcomes``: dims policy, future, outcome."""

    asked: Asked
    baseline: str
    year: int
    held: Held
    outcomes: xr.DataArray
    result: Robustness
    notes: tuple[str, ...]


def read_thresholds(given: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """``INDICATOR:PRODUCT=NUMBER`` by id of the outcome, in its unit.

    Raises InputError for an unknown outcome and for what is no number.
    """
    found = {}
    for one in given:
        name, _, number = one.partition("=")
        key = name.replace(":", " ")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if key not in known or not math.isfinite(value):
            allowed = ", ".join(name.replace(" ", ":") for name in dict.fromkeys(known))
            raise InputError(
                "not a threshold of an outcome",
                key="--threshold",
                given=one,
                allowed=f"NAME=NUMBER with a name of {allowed}",
            )
        found[key] = value
    return found


def robust(futures: Futures, asked: Asked) -> Found:
    """Measures of every row of the aims that the store holds. Raises InputError."""
    baseline = futures.scenario(asked.baseline, "--baseline")
    year = _year(futures, asked.year, "--year")
    if len(futures.scenarios) < 2:
        raise InputError(
            "robustness compares policies",
            given=futures.scenarios,
            allowed="a store of two scenarios or more",
        )
    held = aims_held(futures, asked.aims, year)
    outcomes = outcomes_of_aims(futures, held.rows, year)
    names = [str(one) for one in outcomes["outcome"].values]
    reference = None
    if asked.today is not None:
        first = aims_held(futures, asked.aims, _year(futures, asked.today, "--better-than"))
        if first.rows != held.rows:
            raise InputError(
                "the store holds not all rows of that year", key="--better-than", given=asked.today
            )
        of_then = outcomes_of_aims(futures, held.rows, asked.today)
        reference = np.asarray(of_then.sel(policy=baseline).values, dtype=float)
    rule = Rule(baseline, read_thresholds(asked.thresholds, names), reference)
    result = robustness(outcomes, rule)
    notes = _notes(futures, held, result, outcomes)
    return Found(asked, baseline, year, held, outcomes, result, tuple(notes))


def _year(futures: Futures, year: int | None, option: str) -> int:
    if year is None:
        return futures.years[-1]
    if year not in futures.years:
        raise InputError(
            "the store does not hold this year",
            key=option,
            given=year,
            allowed=map(str, futures.years),
        )
    return year


def _notes(futures: Futures, held: Held, result: Robustness, outcomes: xr.DataArray) -> list[str]:
    told = [NO_SUM, INTERVALS]
    count = outcomes.sizes["future"]
    if count < FEW_FUTURES:
        told.append(f"Few futures: {count}. Ranks of worst cases rest on one or two of them.")
    draws = len(np.unique(outcomes["draw"].values))
    named = any(factor.kind == "posterior" for factor in futures.factors)  # by each point
    if draws < FEW_DRAWS and not named:
        told.append(f"Few draws ({draws}), which all points share: intervals are too narrow.")
    some = result.left_out[result.left_out["left_out"] > 0]
    if not some.empty:
        most = int(some["left_out"].max())
        told.append(
            f"Futures in which any policy lacks a value are left out for all policies: up to "
            f"{most} of {count}, in {len(some)} of {len(result.left_out)} outcomes."
        )
    if held.lacking:
        told.append(f"Rows of the aims that the store does not hold: {'; '.join(held.lacking)}.")
    return told + futures.about()


def good_enough(asked: Asked, baseline: str) -> str:
    """What the share of "good enough" counts, in words."""
    if asked.today is not None:
        words = f"better than {baseline} in {asked.today}, in the same future"
    else:
        words = f"better than {baseline} in the same future"
    words += f", by more than {NOT_VISIBLE:.2%} of it"
    own = f"; {', '.join(asked.thresholds)} where given" if asked.thresholds else ""
    return f"Good enough: {words}{own}."


def print_robust(found: Found, futures: Futures, console: Console) -> None:
    """Print a table for each outcome, the reversals and the dominated policies.

    Raises InputError where there is nothing to print.
    """
    count = found.outcomes.sizes["future"]
    console.print()
    console.print(f"Policies over {count} sampled futures, {found.year}.", style="bold")
    console.print(f"{good_enough(found.asked, found.baseline)} #: rank by that measure. {TIES}")
    table = found.result.measures
    if table.empty:
        raise InputError("no future has a value in every scenario")
    for key, rows in table.groupby(["aim", "outcome"], sort=False):
        first = rows.iloc[0]
        side = "less" if first["better"] == "down" else "more"
        title = f"{key[0]}. {first['label']} ({first['unit']}; {side} is better)"
        console.print()
        for part in grid(title, list(HEADS.values()), _cells(rows), console.width):
            console.print(part)
    console.print()
    console.print(plain("Rank reversals", _reversal_rows(found.result)))
    console.print(CLEAR_ONES)
    console.print()
    console.print(
        plain(
            f"Never better than another (by {NOT_VISIBLE:.2%}), in any sampled future",
            _dominated(found),
        )
    )
    for note in found.notes:
        console.print()
        console.print(note)


def _cells(rows: pd.DataFrame) -> dict[str, list[Text]]:
    """Cells of each policy, in the order of the heads."""
    shown = {}
    for policy, own in rows.groupby("policy", sort=False):
        found = own.set_index("measure")
        shown[str(policy)] = [
            Text(_cell(found.loc[name], share=name in SHARE), justify="right") for name in HEADS
        ]
    return shown


def _cell(one: Any, *, share: bool) -> str:
    if math.isnan(one["value"]):
        return "-"
    if share:
        value = f"{one['value']:.0%}"
        ends = f"({100 * one['low90']:.0f}, {100 * one['high90']:.0f})"
    else:
        value, ends = three(one["value"]), f"({three(one['low90'])}, {three(one['high90'])})"
    rank = "" if math.isnan(one["rank"]) else f" #{one['rank']:.0f}" + ("=" if one["tied"] else "")
    return f"{value}{rank}\n{ends}"


def _reversal_rows(result: Robustness) -> list[dict[str, str]]:
    """Clear ones only; all are in the CSV file."""
    return [
        {
            "outcome": f"{row['aim']}: {row['label']}",
            "policies": f"{row['policy']} / {row['other']}",
            "first is ahead by": str(row["ahead_by"]).replace("; ", ", "),
            "behind by": str(row["behind_by"]).replace("; ", ", "),
        }
        for _, row in result.reversals.iterrows()
        if row["clear"]
    ]


def _dominated(found: Found) -> list[dict[str, str]]:
    table = found.result.dominated
    return [
        {"outcome": f"{row['aim']}: {row['outcome']}", "policy": row["policy"], "by": row["by"]}
        for _, row in table.iterrows()
    ]


def save_robust(found: Found, futures: Futures, folder: Path) -> None:
    """Write measures, reversals, dominated, left-out (CSV) and robust.json. Raises InputError."""
    about: Mapping[str, Any] = {
        "baseline": found.baseline,
        "year": found.year,
        "futures": int(found.outcomes.sizes["future"]),
        "good_enough": good_enough(found.asked, found.baseline),
        "measures": {one.id: one.asks for one in MEASURES},
        "rows_not_held": list(found.held.lacking),
        "notes": list(found.notes),
        "study": str(futures.store.attrs.get("digest", "")),
    }
    result = found.result
    tables = {
        "measures": result.measures,
        "reversals": result.reversals,
        "dominated": result.dominated,
        "left-out": result.left_out,
    }
    write(folder, "robust", dict(about), tables)
