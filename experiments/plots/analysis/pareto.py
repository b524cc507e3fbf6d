"""The Pareto set of a portfolio search: what one outcome costs in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, numbers_on, wrapped
from experiments.plots.analysis.morris import repelled
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT

COLUMNS = ("number", "member", "label", "x", "x_low", "x_high", "y", "y_low", "y_high", "in_set")
MOST = 12
PLOT, LEFT, TALL = 3.75, 0.7, 3.3


def rows(
    table: pd.DataFrame, axes_of: tuple[str, str], named: Sequence[str] = (), language: str = "en"
) -> pd.DataFrame:
    """What ``figure`` draws. ``table``: a row a portfolio (index) with the two outcomes as columns.

    OUTCOME_low and OUTCOME_high: ends of 90% intervals over futures, where known; ``in_set``:
    whether it belongs to the Pareto set (default: yes); ``label``: its name (default: the title of
    the scenario). ``named``: members that get a number, 12 at most (default: spread evenly over the
    set).
    """
    words, found = words_of(language), []
    x, y = axes_of
    inside = table["in_set"].astype(bool) if "in_set" in table else pd.Series(True, table.index)
    order = [str(one) for one in table[inside].sort_values(x).index]
    spread = sorted({round(i) for i in np.linspace(0, len(order) - 1, min(MOST, len(order)))})
    chosen = [str(one) for one in named][:MOST] or [order[i] for i in spread]
    for member, row in table.iterrows():
        number = chosen.index(str(member)) + 1 if str(member) in chosen else 0
        ends = {
            f"{axis}{end}": float(row.get(f"{name}{end}", np.nan))
            for axis, name in (("x", x), ("y", y))
            for end in ("_low", "_high")
        }
        found.append(
            (
                number,
                str(member),
                str(row["label"]) if "label" in table else words.scenario(str(member)),
                float(row[x]),
                ends["x_low"],
                ends["x_high"],
                float(row[y]),
                ends["y_low"],
                ends["y_high"],
                bool(inside[member]),
            )
        )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(
    table: pd.DataFrame,
    axes_of: tuple[str, str],
    better: Mapping[str, str],
    about: About,
    named: Sequence[str] = (),
    language: str = "en",
    objectives: int = 2,
    units: tuple[str, str] = ("", ""),
) -> Figure:
    """Members as points with intervals, numbered; the names beside.

    ``objectives``: how many the set is of; ``units``: of both axes, in words.
    """
    words, drawn = words_of(language), rows(table, axes_of, named, language)
    chosen = drawn[drawn["number"] > 0].sort_values("number")
    list_left = LEFT + PLOT + 0.25
    lines = [wrapped(one, WIDTH - list_left - 0.4, 7) for one in chosen["label"]]
    tall = max(TALL, sum(high(len(one), 7) + 0.045 for one in lines) + 0.1)
    rest = int(drawn["in_set"].sum()) - len(chosen)
    interval = drawn[["x_low", "y_low"]].notna().any().any()
    notes = [
        words.say("reading.pareto-several", n=objectives)
        if objectives > 2
        else words.say("reading.pareto"),
        words.some("others.members", rest) if rest > 0 else "",
        words.say("reading.interval90" if interval else "reading.no-interval"),
        *about.foot(words),
    ]
    key = "pareto.several" if objectives > 2 else "pareto"
    title = words.say(key, a=axes_of[0], b=axes_of[1], n=objectives)
    with mpl.rc_context(LOOK):
        frame = Frame(
            title,
            about.told(words),
            notes,
            source(words, about.attributes),
            tall + 0.55 if len(drawn) else 1.0,
        )
        if not drawn["x"].notna().any():
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, 0.05, PLOT, tall)
        out = drawn[~drawn["in_set"]]
        axes.plot(out["x"], out["y"], "x", color=LIGHT, markersize=3.5)
        kept = drawn[drawn["in_set"]]
        # Intervals of a whole set would hide its points.
        axes.hlines(chosen["y"], chosen["x_low"], chosen["x_high"], color=GREY, linewidth=0.6)
        axes.vlines(chosen["x"], chosen["y_low"], chosen["y_high"], color=GREY, linewidth=0.6)
        axes.plot(kept["x"], kept["y"], "o", color=BLUE, markersize=3.8, gid="set")
        axes.margins(0.08)
        axes.set_xlim(axes.get_xlim())  # so that places in points can be told
        axes.set_ylim(axes.get_ylim())
        numbers_on(axes, words, "x", 5)
        numbers_on(axes, words, "y", 6)
        for which, name, unit in zip(("x", "y"), axes_of, units, strict=True):
            _axis(axes, which, (name, unit, better[name]), words)
        _numbers(axes, chosen)
        _names(frame, list_left, chosen, lines)
    return frame.figure


def _axis(axes: Axes, which: str, named: tuple[str, str, str], words: Words) -> None:
    """Name, unit and better side of an axis."""
    name, unit, side = named
    told = words.say("in-unit", what=name, unit=unit) if unit else name
    told = f"{told} ({words.say('better.' + side)})"
    set_label = axes.set_xlabel if which == "x" else axes.set_ylabel
    set_label("\n".join(wrapped(told, PLOT - 0.2, 7.5)), labelpad=2)


def _names(frame: Frame, left: float, chosen: pd.DataFrame, lines: Sequence[list[str]]) -> None:
    """The members with a number, in a column."""
    down = 0.05
    for number, member in zip(chosen["number"], lines, strict=True):
        frame.text(left + 0.2, down, f"{number}", fontsize=7, weight="bold", ha="right")
        for line in member:
            frame.text(left + 0.28, down, line, fontsize=7)
            down += high(1, 7)
        down += 0.045


def _numbers(axes: Axes, chosen: pd.DataFrame) -> None:
    """The number of each member near its point."""
    dots = axes.figure.dpi / 72
    box = axes.get_window_extent()
    points = axes.transData.transform(chosen[["x", "y"]].to_numpy(float)) / dots
    spots = repelled(
        points,
        points + np.array([6.0, 6.0]),
        9.5,
        (box.x0 / dots, box.y0 / dots, box.x1 / dots, box.y1 / dots),
    )
    for row, point, spot in zip(chosen.itertuples(), points, spots, strict=True):
        axes.annotate(
            f"{row.number}",
            (row.x, row.y),
            xytext=tuple(spot - point),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7,
            weight="bold",
            color=BLACK,
        )
