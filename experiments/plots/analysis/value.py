"""What is worth knowing before a policy is chosen: value of information as bars with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.batch.factors import Factor
from experiments.plots.analysis.frame import (
    LOOK,
    WIDTH,
    Frame,
    inches,
    label_rows,
    numbers_on,
    row_labels,
)
from experiments.plots.analysis.index_bars import LEFT, MOST, TICKS
from experiments.plots.analysis.outputs import About, factor_in_words, group_in_words, source
from experiments.plots.analysis.wording import Words, in_shown, words_of
from experiments.plots.style import BLACK, BLUE, GREY

COLUMNS = (
    "name",
    "label",
    "value",
    "low90",
    "high90",
    "choice_changes",
    "told_from_chance",
    "unit",
)
RIGHT, HEAD = 1.3, 0.2
WHOLE = ("everything", "draw")
GROUP = "group "


def rows(table: pd.DataFrame, factors: Sequence[Factor], language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: everything, the draw, then the most valuable, ``MOST`` at most.

    ``table``: of ``robustness.value_of_information.table``; ``factors``: of the store. Numbers are
    in the unit of the outcome, of shares in percentage points. A row for each.
    """
    words, known = words_of(language), {one.id: one for one in factors}
    drawn = table.head(MOST + int(table["name"].isin(WHOLE).sum())).copy()
    drawn["label"] = [_label(words, str(one), known) for one in drawn["name"]]
    unit = str(table["unit"].iloc[0]) if len(table) else ""
    factor = in_shown(unit)
    for column in ("value", "low90", "high90"):
        drawn[column] = drawn[column] * factor
    # What is known of everything is no estimate of a mean, so that it is not set against chance.
    sure = drawn["name"] == "everything"
    drawn["told_from_chance"] = drawn["told_from_chance"].astype(bool) | sure
    drawn["unit"] = words.say("points") if factor != 1.0 else words.unit(unit)
    return drawn[list(COLUMNS)].reset_index(drop=True)


def _label(words: Words, name: str, known: dict[str, Factor]) -> str:
    if name in WHOLE:
        return words.say(f"value.{name}")
    if name == "all factors":
        return words.say("value.factors")
    if name in known:
        one = known[name]
        return factor_in_words(words, one.id, one.kind, one.name, one.label)
    group = name.removeprefix(GROUP)
    return words.say("value.group", name=group_in_words(words, group))


def figure(
    table: pd.DataFrame,
    factors: Sequence[Factor],
    best: str,
    about: About,
    language: str = "en",
    above: Sequence[str] = (),
) -> Figure:
    """Bars of ``rows``; ``best``: the scenario that is best on average.

    ``above``: names worth more than everything, which cannot be and is told.
    """
    words, drawn = words_of(language), rows(table, factors, language)
    told, each = row_labels(list(drawn["label"]), LEFT - 0.2)
    rest, name = len(table) - len(drawn), words.scenario(best)
    nothing = len(drawn) > 0 and float(drawn["value"].iloc[0]) == 0.0
    notes = [
        words.say("reading.value"),
        words.say("reading.value-choice"),
        words.say(
            "value.above",
            names="; ".join(drawn[drawn["name"].isin(list(above))]["label"]) or ", ".join(above),
        )
        if above
        else "",
        words.some("others.value", rest) if rest > 0 else "",
        *about.foot(words),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("value", what=about.told(words)),
            words.say("value.best", name=name),
            notes,
            source(words, about.attributes),
            HEAD + each * len(drawn) + TICKS if len(drawn) and not nothing else 1.0,
        )
        if nothing:
            return frame.nothing(words.say("value.none", name=name))
        if drawn.empty:
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, HEAD, WIDTH - LEFT - RIGHT, each * len(drawn))
        label_rows(axes, told)
        _bars(axes, drawn, words)
        head = words.say("head.value")
        left = min(WIDTH - RIGHT + 0.05, WIDTH - 0.1 - inches(head, 7))
        frame.text(left, 0.0, head, fontsize=7, color=GREY)
        numbers_on(axes, words, bins=5)
        axes.set_xlabel(words.say("axis.value", unit=drawn["unit"].iloc[0]), labelpad=2)
    return frame.figure


def _bars(axes: Axes, drawn: pd.DataFrame, words: Words) -> None:
    sure = drawn["told_from_chance"].to_numpy(bool)
    at = np.arange(len(drawn))
    for mask, hatch, name in ((sure, "", "told"), (~sure, "////", "chance")):
        axes.barh(
            at[mask],
            drawn["value"][mask],
            height=0.55,
            color="white" if hatch else BLUE,
            edgecolor=GREY if hatch else BLUE,
            hatch=hatch,
            linewidth=0.7,
            gid=f"bars-{name}",
        )
    axes.hlines(at, drawn["low90"], drawn["high90"], color=BLACK, linewidth=1.0, gid="intervals")
    if drawn["name"].iloc[0] == "everything":
        axes.axvline(
            float(drawn["value"].iloc[0]), color=BLACK, linewidth=0.8, linestyle=(0, (4, 2))
        )
    axes.set_xlim(min(0.0, float(drawn["low90"].min())), None)
    place = axes.get_yaxis_transform()
    for i, row in enumerate(drawn.itertuples()):
        changes = words.share(float(row.choice_changes))
        axes.text(
            1.02,
            i,
            f"{words.number(float(row.value), digits=2)}; {changes}",
            transform=place,
            va="center",
            fontsize=7,
        )
