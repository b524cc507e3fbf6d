"""Adaptive pathways: how long each package of levers meets its aim, and where one can change."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, label_rows, row_labels
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, GREY, SEVERAL, VERMILION

LEFT, RIGHT, TICKS = 2.2, 1.35, 0.4
APART = 0.07  # years between arrows of one year, so that each can be followed
LEAST = 0.1
"""Share of the futures in which a package tips from which a change to another one is drawn."""
COLUMNS = (
    "package",
    "label",
    "lasts",
    "lasts_low90",
    "lasts_high90",
    "year",
    "year_low90",
    "year_high90",
    "then",
    "then_share",
    "unit",
)


def rows(tipping: pd.DataFrame, transfers: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws, from ``tipping_table`` and ``transfers`` of robustness.pathways.

    ``then``: the package that most often lasts longer where this one misses its aim; a year beyond
    the last one is empty. A row a package.
    """
    words, found = words_of(language), []
    for row in tipping.sort_values("lasts", ascending=False, kind="stable").itertuples():
        to = transfers[(transfers["package"] == row.package) & (transfers["then"] != "")]
        to = to[to["share"] >= LEAST].sort_values("share", ascending=False, kind="stable")
        then, share = (
            (str(to["then"].iloc[0]), float(to["share"].iloc[0])) if len(to) else ("", np.nan)
        )
        years = (
            year if np.isfinite(year) else np.nan
            for year in (row.year, row.year_low90, row.year_high90)
        )
        found.append(
            (
                row.package,
                words.scenario(str(row.package)),
                row.lasts,
                row.lasts_low90,
                row.lasts_high90,
                *years,
                then,
                share,
                words.say("unit.year-share"),
            )
        )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(
    tipping: pd.DataFrame,
    transfers: pd.DataFrame,
    span: tuple[int, int],
    about: About,
    language: str = "en",
    aim: str = "",
) -> Figure:
    """A line a package from the first year to its tipping year; arrows to where one can go on.

    ``span``: the first year of the aim and the last year of the runs; ``aim``: the aim in words.
    """
    words, table = words_of(language), rows(tipping, transfers, language)
    told, each = row_labels(list(table["label"]), LEFT - 0.2)
    each = max(each, 0.4)
    notes = [words.say("reading.pathways", least=words.share(LEAST)), *about.foot(words)]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("pathways", what=about.told(words)),
            aim,
            notes,
            source(words, about.attributes),
            0.22 + each * len(table) + TICKS if len(table) else 1.0,
        )
        if table.empty:
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, 0.2, WIDTH - LEFT - RIGHT, each * len(table))
        label_rows(axes, told)
        axes.set_xlim(span[0] - 0.2, span[1] + 1.3)
        _lines(axes, table, span, words)
        axes.set_xticks(range(span[0], span[1] + 1))
        frame.text(WIDTH - RIGHT + 0.06, 0.0, words.say("head.lasts"), fontsize=7, color=GREY)
    return frame.figure


def _lines(axes: Axes, table: pd.DataFrame, span: tuple[int, int], words: Words) -> None:
    place, at = axes.get_yaxis_transform(), {one: i for i, one in enumerate(table["package"])}
    arrows: list[float] = []
    for i, row in enumerate(table.itertuples()):
        look = SEVERAL[i % len(SEVERAL)]
        tips = np.isfinite(row.year)
        end = row.year if tips else span[1] + 1.0
        axes.plot(
            [span[0], end],
            [i, i],
            color=look.colour,
            linewidth=3.0,
            solid_capstyle="butt",
            gid=f"line-{i}",
        )
        low = row.year_low90 if np.isfinite(row.year_low90) else span[1] + 1.0
        top = row.year_high90 if np.isfinite(row.year_high90) else span[1] + 1.0
        axes.plot([low, top], [i + 0.2, i + 0.2], color=BLACK, linewidth=1.1)
        if tips:
            axes.plot([end], [i], "|", color=VERMILION, markersize=13, markeredgewidth=2.4)
        else:
            axes.plot([end], [i], ">", color=look.colour, markersize=7)
        if tips and row.then in at:
            beside = row.year + APART * sum(abs(row.year - one) < APART for one in arrows)
            arrows.append(row.year)
            axes.annotate(
                "",
                (beside, at[row.then]),
                xytext=(beside, i),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": GREY,
                    "linewidth": 0.9,
                    "linestyle": (0, (3, 2)),
                    "shrinkA": 5,
                    "shrinkB": 2,
                },
            )
        told = (
            words.share(row.lasts)
            + " ("
            + words.say(
                "interval", low=words.share(row.lasts_low90), high=words.share(row.lasts_high90)
            )
            + ")"
        )
        axes.text(1.02, i, told, transform=place, va="center", fontsize=7)
