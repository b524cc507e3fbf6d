"""What drives the results: the section of a report on its sensitivity analysis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from experiments.compare import KEY, WHOLE
from experiments.report.blocks import Block, Heading, Table, Text
from experiments.report.words import Words

if TYPE_CHECKING:
    import xarray as xr

COMMAND = "drugfutures sensitivity sobol STUDY --out FOLDER"
INDICES = ("ST", "mu_star", "median", "delta", "S1", "ME")  # the first that is there is told
FACTORS = 3  # most influential ones of each output


def sensitivity(found: xr.Dataset | None, words: Words, year: int) -> Iterator[Block]:
    """Blocks of the section; one sentence on how to make one where there is no analysis."""
    yield Heading(1, words.say("section.sensitivity"))
    if found is None:
        yield Text(words.say("sensitivity.none", command=COMMAND))
        return
    verdicts = found["verdict"].values.astype(str)
    yield Text(
        words.say(
            "sensitivity.about",
            method=str(found.attrs.get("method", "")),
            runs=words.count(int(found.attrs.get("runs", 0))),
            outputs=words.count(verdicts.size),
            converged=words.count(int((verdicts == "converged").sum())),
        )
    )
    index = next(name for name in INDICES if name in found)
    yield _table(found, words, year, index)


def _table(found: xr.Dataset, words: Words, year: int, index: str) -> Table:
    labels = [found[key].values.astype(str) for key in ("indicator", "product", "group")]
    years = found["year"].values.astype(int)
    factors = [str(one) for one in found[_label(found)].values]
    rows = []
    for at in np.flatnonzero((years == year) & (labels[2] == WHOLE)):
        pair = (labels[0][at], labels[1][at])
        if pair not in KEY:
            continue
        values = found[index].isel(output=int(at)).values
        widths = (
            found[f"{index}_conf"].isel(output=int(at)).values if f"{index}_conf" in found else None
        )
        told = []
        for f in np.argsort(-np.nan_to_num(values, nan=-np.inf))[:FACTORS]:
            if not np.isfinite(values[f]):
                continue
            half = 0.0 if widths is None else float(widths[f])
            value = float(values[f])
            told.append(f"{factors[f]} {words.interval(value, value - half, value + half)}")
        verdict = str(found["verdict"].values[at]).replace(" ", "-")
        name = words.name(f"indicator.{pair[0]}")
        whose = words.name(f"product.{pair[1]}", "") or words.name(f"union.{pair[1]}")
        scenario = str(found["scenario"].values[at]) if "scenario" in found.coords else ""
        title = words.name(f"scenario.{scenario}", scenario)
        rows.append((f"{name}: {whose}", title, "; ".join(told), words.say(f"verdict.{verdict}")))
    header = ("indicator", "scenario", "factors", "verdict")
    return Table(
        words.say("sensitivity.caption", year=year, index=index),
        tuple(words.say(f"column.{key}") for key in header),
        tuple(rows),
        widths=(2.0, 1.3, 4.0, 1.3),
    )


def _label(found: xr.Dataset) -> str:
    return "factor_label" if "factor_label" in found.coords else "factor"
