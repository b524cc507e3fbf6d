"""Policies side by side: dots with intervals of their difference from a baseline, by outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import (
    LOOK,
    WIDTH,
    Frame,
    high,
    label_rows,
    numbers_on,
    row_labels,
    wrapped,
)
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import words_of
from experiments.plots.style import BLACK, BLUE, GREY, VERMILION
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

LEFT, GAP = 2.1, 0.22
MOST = 4
CLEAR = 0.9
"""Share of futures that agree on the direction from which a colour says better or worse."""
COLUMNS = (
    "policy",
    "label",
    "outcome",
    "low90",
    "low50",
    "median",
    "high50",
    "high90",
    "share_better",
    "direction",
    "futures",
    "unit",
)
LOOKS = {"better": (BLUE, "o"), "worse": (VERMILION, "D"), "unclear": (GREY, "s")}


def rows(outcomes: xr.DataArray, baseline: str, language: str = "en") -> pd.DataFrame:
    """Paired differences in percent of the baseline, by policy and outcome.

    ``outcomes``: (policy, future, outcome) with the coordinate better ("up" or "down") by outcome.
    Raises InputError for an unknown baseline.
    """
    words = words_of(language)
    policies = [str(one) for one in outcomes["policy"].values]
    if baseline not in policies:
        raise InputError("no such baseline", given=baseline, allowed=policies)
    found = []
    for outcome in outcomes["outcome"].values:
        part = outcomes.sel(outcome=outcome)
        better = str(part["better"].values)
        base = part.sel(policy=baseline).values.astype(float)
        for policy in policies:
            if policy == baseline:
                continue
            value = part.sel(policy=policy).values.astype(float)
            there = np.isfinite(value) & np.isfinite(base) & (base != 0)
            gap = 100 * (value - base)[there] / np.abs(base[there])
            ends = (
                np.quantile(gap, (0.05, 0.25, 0.5, 0.75, 0.95)) if gap.size else np.full(5, np.nan)
            )
            good = gap > 0 if better == "up" else gap < 0
            bad = gap < 0 if better == "up" else gap > 0
            way = "unclear"
            if gap.size and good.mean() >= CLEAR:
                way = "better"
            elif gap.size and bad.mean() >= CLEAR:
                way = "worse"
            share = float(good.mean()) if gap.size else np.nan
            found.append(
                (
                    policy,
                    words.scenario(policy),
                    str(outcome),
                    *map(float, ends),
                    share,
                    way,
                    int(gap.size),
                    words.say("percent-of", name=words.scenario(baseline)),
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(outcomes: xr.DataArray, baseline: str, about: About, language: str = "en") -> Figure:
    """A row a policy, a panel an outcome. Raises InputError for more than four, or as ``rows``."""
    if outcomes.sizes["outcome"] > MOST:
        raise InputError(
            "too many outcomes for one plot",
            given=outcomes.sizes["outcome"],
            allowed=f"at most {MOST}",
        )
    words, table = words_of(language), rows(outcomes, baseline, language)
    policies, names = (list(dict.fromkeys(table[name])) for name in ("policy", "outcome"))
    named = dict(zip(table["policy"], table["label"], strict=True))
    told, each = row_labels([named[one] for one in policies], LEFT - 0.2)
    across = (WIDTH - LEFT - 0.15 - GAP * (len(names) - 1)) / max(len(names), 1)
    heads = [wrapped(one, across, 7, True) for one in names]
    top = high(max((len(one) for one in heads), default=1), 7) + 0.06
    lost = outcomes.sizes["future"] - int(table["futures"].min()) if len(table) else 0
    notes = [
        words.say("reading.dots-of"),
        words.some("others.runs", lost) if lost else "",
        *about.foot(words),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("profiles", name=words.scenario(baseline)),
            about.told(words),
            notes,
            source(words, about.attributes),
            top + each * len(policies) + 0.42 if len(table) else 1.0,
        )
        if not table["median"].notna().any():
            return frame.nothing(words.say("nothing.values"))
        for j, outcome in enumerate(names):
            left = LEFT + (across + GAP) * j
            frame.text(left, 0, "\n".join(heads[j]), fontsize=7, weight="bold", linespacing=1.15)
            axes = frame.box(left, top, across, each * len(policies))
            label_rows(axes, told if j == 0 else [""] * len(policies))
            axes.axvline(0, color=BLACK, linewidth=0.8)
            part = table[table["outcome"] == outcome].set_index("policy").loc[policies]
            for i, row in enumerate(part.itertuples()):
                colour, marker = LOOKS[row.direction]
                axes.plot([row.low90, row.high90], [i, i], color=colour, linewidth=1.0)
                axes.plot(
                    [row.low50, row.high50],
                    [i, i],
                    color=colour,
                    linewidth=3.0,
                    solid_capstyle="butt",
                )
                axes.plot(
                    [row.median],
                    [i],
                    marker,
                    color=colour,
                    markersize=4.8,
                    markerfacecolor="white" if row.direction == "unclear" else colour,
                )
            numbers_on(axes, words, "x", 4)
            axes.set_xlabel("%", labelpad=1)
    return frame.figure
