"""``drugfutures discover``: what was found, as tables to read and as CSV and JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from experiments.robustness.discovery import Discovery, boxes_table, limits_table, rule, told
from experiments.robustness.futures import Futures
from experiments.robustness.resampling import Span
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

STEPS_SHOWN = 12
MOST_FACTORS = 10
NOTHING = (
    "Nothing is found: boxes searched in halves of the points do not tell cases apart in the other "
    "halves better than luck would. What is printed below is what any search finds in noise."
)
WRITABLE = "a folder that can be written"


def print_discovery(found: Discovery, futures: Futures, console: Console) -> None:
    """Print the question, the boxes, the check and what must be said with them."""
    for line in opening(found, futures):
        console.print()
        console.print(line, style="bold" if line == NOTHING else "")
    for number, one in enumerate(found.boxes, 1):
        name = f"Box {number} of {len(found.boxes)}" if len(found.boxes) > 1 else "The box"
        _say(console, plain(f"{name}: {_sizes(one)}", _limit_rows(found, number)))
    _say(console, plain("The same search on halves of the points", _again_rows(found)))
    title = "Trajectory" if found.sought.method == "prim" else "Leaves"
    _say(console, plain(f"{title}: coverage against density", _step_rows(found)))
    if found.alternatives:
        _say(console, plain("Other boxes of the trajectory", _other_rows(found)))
    for note in found.notes:
        console.print()
        console.print(note)


def opening(found: Discovery, futures: Futures) -> list[str]:
    """The question and the answer, a paragraph each."""
    sought, cases, outcome = found.sought, found.cases, found.sought.outcome
    what = f"{futures.product(outcome.product)}: {futures.name(outcome.indicator)}"
    where = "" if outcome.group == "Belgium" else f", {outcome.group}"
    share, how = found.explained
    trial = found.trial
    lines = [
        f"{sought.scenario}; {what}{where}, {outcome.year}. It misses where "
        f"{cases.miss.told(found.unit)}: {int(cases.y.sum())} of {len(cases.y)} sampled futures "
        f"({cases.share:.0%}).",
        f"Sampled factors tell {share:.0%} of which futures miss ({how}); the rest is what the "
        "draws of the model's parameters hold, or chance.",
        f"Boxes by {sought.method.upper()}. {rule(sought.method, sought.coverage)}",
    ]
    if not found.found:
        lines.append(NOTHING)
    lines.append(
        f"Coverage {span(found.coverage)}, density {span(found.density)} in these futures (90% of "
        f"bootstraps of the points). In points not searched, over the {trial.with_box} of "
        f"{len(trial.halves)} halves that found a box: coverage {span(trial.coverage)}, "
        f"density {span(trial.density)}, against "
        f"{cases.share:.0%} of all; p = {trial.p:.2g}."
    )
    return lines


def span(one: Span) -> str:
    """Shares in percent: "84% (81 to 87)"; "none" for NaN."""
    if np.isnan(one.value):
        return "none"
    return f"{one.value:.0%} ({100 * one.low:.0f} to {100 * one.high:.0f})"


def plain(title: str, rows: list[dict[str, str]]) -> Table | str:
    """Rows as a table; a sentence where there are none."""
    if not rows:
        return f"{title}: no limit on any factor."
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for head in rows[0]:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    return table


def _say(console: Console, what: Table | str) -> None:
    console.print()
    console.print(what)


def _sizes(one: Any) -> str:
    return (
        f"coverage {one.coverage:.0%}, density {one.density:.0%}, mass {one.mass:.0%}, "
        f"{one.restricted} restricted"
    )


def _limit_rows(found: Discovery, number: int) -> list[dict[str, str]]:
    table = limits_table(found)
    if table.empty:
        return []
    factors = {one.id: one for one in found.cases.factors}
    limits = {one.factor: one for one in found.boxes[number - 1].limits}
    rows = []
    for _, row in table[table["box"] == number].iterrows():
        limit, factor = limits[row["factor"]], factors[row["factor"]]
        ends = "; ".join(
            f"{side} {row[f'{side}_05']:.3g} to {row[f'{side}_95']:.3g}"
            for side in ("low", "high")
            if getattr(limit, side) is not None and row[f"{side}_05"] == row[f"{side}_05"]
        )
        sampled = f"{factor.low:.4g} to {factor.high:.4g}" if factor.ordered else ""
        rows.append(
            {
                "where": told(limit, found.cases) + (" (assumed)" if factor.assumed else ""),
                "sampled": sampled or ", ".join(factor.values[:4]),
                "quasi-p": f"{limit.quasi_p:.1g}",
                "in halves": f"{row['restricted_in_halves']:.0%}",
                "limits there (90%)": ends,
            }
        )
    return rows


def _again_rows(found: Discovery) -> list[dict[str, str]]:
    rows = []
    for _, row in found.again.head(MOST_FACTORS).iterrows():
        if row["restricted"] == 0:
            continue
        ends = [
            f"{word} {row[f'{side}_50']:.3g} ({row[f'{side}_05']:.3g} to {row[f'{side}_95']:.3g})"
            f" in {row[f'{side}_share']:.0%}"
            for side, word in (("low", "at least"), ("high", "at most"))
            if row[f"{side}_share"] > 0
        ]
        rows.append(
            {
                "factor": str(row["label"]),
                "restricted in": f"{row['restricted']:.0%}",
                "limits: middle (90%)": "; ".join(ends) or str(row["values"]),
            }
        )
    return rows


def _step_rows(found: Discovery) -> list[dict[str, str]]:
    """Some steps evenly along the trajectory, the picked ones among them."""
    table = boxes_table(found.trajectory, found)
    picked = {one.step for one in found.boxes} if found.sought.method == "prim" else set()
    every = max(1, len(table) // STEPS_SHOWN)
    rows = []
    for i, row in table.iterrows():
        if i % every and row["step"] not in picked and i != len(table) - 1:
            continue
        rows.append(
            {
                "step": f"{row['step']}{' *' if row['step'] in picked else ''}",
                **{name: f"{row[name]:.0%}" for name in ("coverage", "density", "mass")},
                "limits": str(row["limits"])
                if row["restricted"] <= 3
                else f"{row['restricted']} factors",
            }
        )
    return rows


def _other_rows(found: Discovery) -> list[dict[str, str]]:
    return [
        {
            "box": name,
            "coverage": f"{one.coverage:.0%}",
            "density": f"{one.density:.0%}",
            "where": "; ".join(told(limit, found.cases) for limit in one.limits[:4])
            + (f"; and {one.restricted - 4} more" if one.restricted > 4 else ""),
        }
        for name, one in found.alternatives
    ]


def save_discovery(found: Discovery, futures: Futures, folder: Path) -> None:
    """Write all tables (CSV) and discovery.json. Raises InputError for a bad folder."""
    outcome, sought = found.sought.outcome, found.sought
    halves = [
        {
            "half": number,
            "coverage": half.coverage,
            "density": half.density,
            "share": half.share,
            "p": half.p,
            "limits": "; ".join(
                told(limit, found.cases) for one in half.boxes for limit in one.limits
            ),
        }
        for number, half in enumerate(found.trial.halves, 1)
    ]
    import pandas as pd

    about = {
        "scenario": sought.scenario,
        **{name: getattr(outcome, name) for name in ("indicator", "product", "group", "year")},
        "unit": found.unit,
        "misses_where": found.cases.miss.told(found.unit),
        "method": sought.method,
        "rule": rule(sought.method, sought.coverage),
        "cases": len(found.cases.y),
        "of_interest": int(found.cases.y.sum()),
        "left_out": found.cases.left_out,
        "factors_explain": found.explained[0],
        "factors_explain_how": found.explained[1],
        "found": found.found,
        "p": found.trial.p,
        "halves_with_a_box": found.trial.with_box,
        **{
            f"{where}_{name}": {k: None if np.isnan(end) else end for k, end in vars(one).items()}
            for where, pair in (
                ("sampled", (found.coverage, found.density)),
                ("not_searched", (found.trial.coverage, found.trial.density)),
            )
            for name, one in zip(("coverage", "density"), pair, strict=True)
        },
        "notes": [*opening(found, futures), *found.notes],
        "study": str(futures.store.attrs.get("digest", "")),
    }
    tables = {
        "limits": limits_table(found),
        "trajectory": boxes_table(found.trajectory, found),
        "alternatives": boxes_table([one for _, one in found.alternatives], found),
        "factors": found.again,
        "halves": pd.DataFrame(halves),
    }
    write(folder, "discovery", about, tables)


def write(folder: Path, name: str, about: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
    """Tables as CSV and what is told of them as JSON. Raises InputError for a bad folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key, table in tables.items():
            table.to_csv(folder / f"{name}-{key}.csv", index=False, lineterminator="\n")
        text = json.dumps(about, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(
            "cannot write the results",
            key="--out",
            given=str(folder),
            allowed=f"{WRITABLE} ({error.strerror})",
        ) from None
