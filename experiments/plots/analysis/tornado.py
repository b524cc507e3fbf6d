"""What each factor moves, up and down: signed bars around the middle, the widest on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import (
    LOOK,
    WIDTH,
    Frame,
    bar_key,
    label_rows,
    numbers_on,
    row_labels,
)
from experiments.plots.analysis.index_bars import LEFT, MOST, TICKS
from experiments.plots.analysis.outputs import (
    Of,
    assumed,
    factor_dim,
    factor_names,
    number,
    one_output,
    source,
    unit_of,
    values,
    verdict,
    what,
    where,
)
from experiments.plots.analysis.wording import Words, in_shown, words_of
from experiments.plots.style import BLACK, BLUE, VERMILION

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

NORMAL95 = 1.959964
COLUMNS = ("factor", "label", "end", "value", "low", "high", "unit")
ENDS = {"low": (VERMILION, "////"), "high": (BLUE, "")}
RIGHT, KEY = 1.15, 0.24


def from_sample(
    points: Float, outcome: Float, factors: Sequence[str], part: float = 0.2
) -> pd.DataFrame:
    """Mean of the outcome in the lowest and the highest ``part`` of each factor, less the mean.

    ``points`` (P, K), ``outcome`` (P,) in its own unit, NaN left out. Columns: factor, end, value,
    low, high (95% by the standard error of the mean).
    """
    there = np.isfinite(outcome)
    points, outcome = points[there], outcome[there]
    middle, found = outcome.mean() if outcome.size else np.nan, []
    for k, factor in enumerate(factors):
        order = np.argsort(points[:, k], kind="stable")
        count = max(2, round(part * len(order)))
        for end, chosen in (("low", order[:count]), ("high", order[-count:])):
            some = outcome[chosen]
            value = some.mean() - middle if some.size > 1 else np.nan
            half = NORMAL95 * some.std(ddof=1) / np.sqrt(some.size) if some.size > 1 else np.nan
            found.append((factor, end, value, value - half, value + half))
    return pd.DataFrame(found, columns=["factor", "end", "value", "low", "high"])


def from_results(dataset: xr.Dataset, of: Of) -> pd.DataFrame:
    """Signed main effects of a fractional factorial design, each half of the whole change.

    A row a factor and end.
    """
    one = one_output(dataset, of)
    effects, halves = values(one, "ME"), values(one, "ME_conf")
    found = []
    for factor, effect, half in zip(one[factor_dim(one)].values, effects, halves, strict=True):
        if str(factor) == "dummy":
            continue
        for end, sign in (("low", -1.0), ("high", 1.0)):
            at = sign * effect
            found.append((str(factor), end, at, at - half, at + half))
    return pd.DataFrame(found, columns=["factor", "end", "value", "low", "high"])


def rows(
    dataset: xr.Dataset, of: Of, language: str = "en", table: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What ``figure`` draws, in the unit of the outcome (shares in percentage points).

    ``table``: of ``from_sample``; default the main effects in ``dataset``. A row a factor and end.
    """
    words, one = words_of(language), one_output(dataset, of)
    given = from_results(dataset, of) if table is None else table
    dim = factor_dim(one)
    named = dict(zip(one[dim].values.astype(str), factor_names(one, words), strict=True))
    shown = _order(given)[:MOST]
    factor, unit = in_shown(unit_of(one)), unit_of(one)
    told = words.say("points") if factor != 1.0 else words.unit(unit)
    found = [
        (name, named.get(name, name), end, *(float(x) * factor for x in numbers), told)
        for name in shown
        for _, end, *numbers in given[given["factor"] == name].itertuples(index=False)
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _order(given: pd.DataFrame) -> list[str]:
    """Factors with a number, the widest first; equal ones as given."""
    there = given[given["value"].notna()]
    size = {name: part["value"].abs().max() for name, part in there.groupby("factor", sort=False)}
    return sorted(size, key=lambda name: -float(size[name]))


def figure(
    dataset: xr.Dataset, of: Of, language: str = "en", table: pd.DataFrame | None = None
) -> Figure:
    """Bars of the largest 15 factors; ``table`` as of ``rows``."""
    words, one = words_of(language), one_output(dataset, of)
    drawn = rows(dataset, of, language, table)
    labels = list(dict.fromkeys(drawn["factor"]))
    named = dict(zip(drawn["factor"], drawn["label"], strict=True))
    told, each = row_labels([named[name] for name in labels], LEFT - 0.2)
    with mpl.rc_context(LOOK):
        frame = Frame(
            what(words, of, "moves"),
            where(words, of, _how(words, table)),
            _notes(words, dataset, of, table, drawn),
            source(words, dataset.attrs),
            KEY + each * len(labels) + TICKS if labels else 1.0,
        )
        if not labels:
            return frame.nothing(words.say("nothing.index"))
        bar_key(frame, [(*look, words.say(f"end.{end}")) for end, look in ENDS.items()])
        axes = frame.box(LEFT, KEY, WIDTH - LEFT - RIGHT, each * len(labels))
        label_rows(axes, told)
        place = axes.get_yaxis_transform()
        for end, (colour, hatch) in ENDS.items():
            part = drawn[drawn["end"] == end].set_index("factor").reindex(labels)
            at = np.arange(len(labels)) + (0.18 if end == "low" else -0.18)
            axes.barh(
                at,
                np.nan_to_num(part["value"]),
                height=0.34,
                edgecolor=colour,
                color="white" if hatch else colour,
                hatch=hatch,
                linewidth=0.7,
                gid=f"bars-{end}",
            )
            axes.hlines(
                at, part["low"], part["high"], color=BLACK, linewidth=1.0, gid=f"intervals-{end}"
            )
            for y, value in zip(at, part["value"], strict=True):
                axes.text(
                    1.02,
                    y,
                    words.signed(value, digits=2),
                    transform=place,
                    va="center",
                    fontsize=7,
                    color=BLACK,
                )
        axes.axvline(0, color=BLACK, linewidth=0.9)
        dummy = number(one, "dummy") * in_shown(unit_of(one)) if table is None else np.nan
        for edge in (-dummy, dummy) if np.isfinite(dummy) else ():
            axes.axvline(edge, color=BLACK, linewidth=0.8, linestyle=(0, (4, 2)), gid="dummy")
        numbers_on(axes, words)
        axes.set_xlabel(words.say("axis.difference", unit=drawn["unit"].iloc[0]), labelpad=2)
    return frame.figure


def _how(words: Words, table: pd.DataFrame | None) -> str:
    return words.say("method.fractional-factorial") if table is None else words.say("method.fifths")


def _notes(
    words: Words, dataset: xr.Dataset, of: Of, table: pd.DataFrame | None, drawn: pd.DataFrame
) -> list[str]:
    given = from_results(dataset, of) if table is None else table
    one = one_output(dataset, of)
    reading = words.say("reading.tornado" if table is None else "reading.fifths")
    interval = drawn["low"].notna().any()
    told = [reading, words.say("reading.interval" if interval else "reading.no-interval")]
    names = _order(given)
    more = []
    if len(names) > MOST:
        factor = in_shown(unit_of(one))
        rest = given[given["factor"].isin(names[MOST:])]["value"].abs().max() * factor
        more.append(
            words.some("others.most", len(names) - MOST, most=words.number(float(rest), digits=2))
        )
    none = given["factor"].nunique() - len(names)
    if none:
        more.append(words.some("others.none", none))
    if table is None and np.isfinite(number(one, "dummy")):
        told.append(
            words.say(
                "reading.dummy",
                dummy=words.number(number(one, "dummy") * in_shown(unit_of(one)), digits=2),
            )
        )
    judged = [verdict(words, one)] if table is None else []
    return [" ".join(told), " ".join(more), *judged, *assumed(words, of.product, one)]
