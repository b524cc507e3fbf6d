"""Robustness: regret by policy as a heat map, and the measures of robustness as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.comparisons.compare import SAME
from experiments.plots.analysis.frame import (
    LABEL,
    LOOK,
    WIDTH,
    Frame,
    high,
    inches,
    row_labels,
    wrapped,
)
from experiments.plots.analysis.heat import Heat, draw_heat
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, GREY

LEFT, RIGHT = 2.1, 0.95
DARKEST = 100.0  # percent; one outcome near 0 would else leave all others pale
NUMBERED = 10
"""Columns up to which cells have room for their numbers."""
COLUMNS = ("policy", "label", "column", "regret", "largest", "low", "high", "minimax", "unit")


def rows(
    table: pd.DataFrame, unit: str, language: str = "en", ends: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What ``figure`` draws, smallest maximum regret first.

    ``table``: regret of each policy (its index) by outcome or by future (columns), all in ``unit``;
    ``ends``: columns low and high, the 95% interval of the largest regret by policy.
    """
    words, found = words_of(language), []
    largest = table.max(axis=1, skipna=True)
    best = largest.min()
    order = sorted(range(len(table)), key=lambda i: (np.isnan(largest.iloc[i]), largest.iloc[i]))
    for i in order:
        policy = str(table.index[i])
        low, top = (np.nan, np.nan) if ends is None else ends.iloc[i][["low", "high"]]
        for column in table.columns:
            found.append(
                (
                    policy,
                    words.scenario(policy),
                    str(column),
                    float(table[column].iloc[i]),
                    float(largest.iloc[i]),
                    float(low),
                    float(top),
                    bool(abs(largest.iloc[i] - best) <= SAME * abs(best)),
                    unit,
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(
    table: pd.DataFrame, about: About, language: str = "en", ends: pd.DataFrame | None = None
) -> Figure:
    """Policies by outcome or by future, the minimax row in a frame and named."""
    words = words_of(language)
    drawn = rows(table, about.unit, language, ends)
    policies, columns = (list(dict.fromkeys(drawn[name])) for name in ("policy", "column"))
    first = drawn.drop_duplicates("policy").set_index("policy")
    labels = [
        f"▶ {first.loc[one, 'label']} ({words.say('minimax')})"
        if first.loc[one, "minimax"]
        else str(first.loc[one, "label"])
        for one in policies
    ]
    told, each = row_labels(labels, LEFT - 0.15)
    each = max(each, 0.27)
    few = len(columns) <= NUMBERED
    across = WIDTH - LEFT - RIGHT
    heads = [wrapped(one, across / len(columns) * 0.94, 7) for one in columns] if few else []
    top = max(high(max((len(one) for one in heads), default=1), 7) + 0.12, 0.3)
    cut = about.unit == "%" and bool((drawn["regret"] > DARKEST).any())
    notes = [
        words.say("reading.regret"),
        words.say("reading.darkest", most=words.share(DARKEST / 100.0)) if cut else "",
        words.say("reading.interval" if ends is not None else "reading.no-interval"),
        "" if few else words.say("reading.columns", n=words.number(len(columns), whole=True)),
        *about.foot(words),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("regret", what=about.told(words)),
            words.say("regret.percent" if about.unit == "%" else "regret.unit", unit=about.unit)
            if about.unit
            else "",
            notes,
            source(words, about.attributes),
            top + each * len(policies) + 0.1 if policies else 1.0,
        )
        if drawn.empty or not drawn["regret"].notna().any():
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, top, across, each * len(policies))
        values = drawn["regret"].to_numpy(float).reshape(len(policies), len(columns))
        heat = Heat(
            np.minimum(values, DARKEST) if cut else values,
            np.zeros(values.shape, bool),
            lambda i, j: words.number(values[i, j], digits=2) if few else "",
            orange=True,
        )
        draw_heat(axes, heat, told, ["\n".join(one) for one in heads] or [""] * len(columns))
        axes.tick_params(axis="x", labelsize=7, pad=2)
        _marked(axes, first.loc[policies], len(columns), words)
        frame.text(
            WIDTH - RIGHT + 0.06, top - 0.2, words.say("head.largest"), fontsize=7, color=GREY
        )
    return frame.figure


def _marked(axes: Axes, first: pd.DataFrame, count: int, words: Words) -> None:
    """The largest regret beside each row, and a frame around the minimax row."""
    place = axes.get_yaxis_transform()
    for i, (_, row) in enumerate(first.iterrows()):
        if row["minimax"]:
            axes.add_patch(
                Rectangle(
                    (-0.5, i - 0.5),
                    count,
                    1,
                    fill=False,
                    edgecolor=BLACK,
                    linewidth=1.6,
                    gid="minimax",
                    clip_on=False,
                )
            )
            axes.get_yticklabels()[i].set_fontweight("bold")
        number = words.number(row["largest"], digits=2)
        if np.isfinite(row["low"]):
            number += "\n(" + words.interval(row["low"], row["high"], digits=2) + ")"
        axes.text(1.02, i, number, transform=place, va="center", fontsize=7, linespacing=1.05)


SHOWN = ("regret_max", "share_best", "satisficing", "worst_p10", "mean", "mean_variance")
SHARES = ("share_best", "satisficing")
"""Measures of ``experiments.robustness.measures`` in the table, and those that are shares."""
Ends = tuple[pd.DataFrame, pd.DataFrame]


def from_measures(
    measures: pd.DataFrame, outcome: str, better: str, language: str = "en"
) -> tuple[pd.DataFrame, dict[str, str], Ends, list[str]]:
    """Policies by measure, which way is better, 90% ends, and the measures that are shares.

    ``measures``: of ``Robustness.measures``; ``better``: the side of the outcome, "up" or "down".
    Measures without a value are left out. Policies are rows, measures columns.
    """
    words = words_of(language)
    own = measures[(measures["outcome"].astype(str) == outcome) & measures["value"].notna()]
    sides = {name: "down" if name == "regret_max" else "up" for name in SHOWN}
    sides |= dict.fromkeys(("worst_p10", "mean", "mean_variance"), better)
    known = [name for name in SHOWN if (own["measure"] == name).any()]
    named = {name: words.say(f"measure.{name}") for name in known}
    order = list(dict.fromkeys(own["policy"]))
    tables = [
        own.pivot(index="policy", columns="measure", values=column)
        .reindex(index=order, columns=known)
        .rename(columns=named)
        for column in ("value", "low90", "high90")
    ]
    ways = {named[name]: sides[name] for name in known}
    shares = [named[name] for name in known if name in SHARES]
    return tables[0], ways, (tables[1], tables[2]), shares


TABLE = ("policy", "label", "measure", "value", "low", "high", "best", "reversal", "told")


def table_rows(
    table: pd.DataFrame,
    better: Mapping[str, str],
    language: str = "en",
    ends: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    reversals: Sequence[str] = (),
    shares: Sequence[str] = (),
) -> pd.DataFrame:
    """What ``table_figure`` shows. ``table``: policies (index) by measure of robustness (columns).

    ``better``: "up" or "down" by measure; ``ends``: of intervals, of the same shape; ``reversals``:
    policies whose rank depends on the measure; ``shares``: measures told in percent.
    """
    words, found = words_of(language), []
    for policy in table.index:
        for measure in table.columns:
            column = table[measure].astype(float)
            best = column.max() if better[measure] == "up" else column.min()
            value = float(column[policy])
            low, top = (
                (float("nan"),) * 2
                if ends is None
                else (float(end.loc[policy, measure]) for end in ends)
            )
            tell = words.share if measure in shares else words.number
            told = tell(value)
            if np.isfinite(low):
                told += f"\n({tell(low)} – {tell(top)})"
            found.append(
                (
                    str(policy),
                    words.scenario(str(policy)),
                    str(measure),
                    value,
                    low,
                    top,
                    bool(abs(value - best) <= SAME * abs(best)),
                    str(policy) in reversals,
                    told,
                )
            )
    return pd.DataFrame(found, columns=list(TABLE))


def table_figure(
    table: pd.DataFrame,
    better: Mapping[str, str],
    about: About,
    language: str = "en",
    ends: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    reversals: Sequence[str] = (),
    shares: Sequence[str] = (),
) -> Figure:
    """The measures as a table, the best of each marked; policies whose rank turns have a sign."""
    words = words_of(language)
    drawn = table_rows(table, better, language, ends, reversals, shares)
    policies, measures = (list(dict.fromkeys(drawn[name])) for name in ("policy", "measure"))
    notes = [
        words.say("reading.table"),
        words.say("reversals") if reversals else words.say("no-reversals"),
        *about.foot(words),
    ]
    return draw_table(
        words.say("robustness", what=about.told(words)),
        notes,
        source(words, about.attributes),
        [(("⇅ " if str(one) in reversals else "") + words.scenario(one)) for one in policies],
        [f"{one} ({words.say('better.' + better[one])})" for one in measures],
        [[_cell(drawn, one, measure) for measure in measures] for one in policies],
        words,
    )


def _cell(drawn: pd.DataFrame, policy: str, measure: str) -> tuple[str, bool]:
    row = drawn[(drawn["policy"] == policy) & (drawn["measure"] == measure)].iloc[0]
    return f"★ {row['told']}" if row["best"] else str(row["told"]), bool(row["best"])


def draw_table(
    title: str,
    notes: Sequence[str],
    source_line: str,
    labels: Sequence[str],
    heads: Sequence[str],
    cells: Sequence[Sequence[tuple[str, bool]]],
    words: Words,
) -> Figure:
    """A table of words on a sheet; a cell is its text and whether it is bold."""
    left = min(LEFT + 0.3, max((inches(one, LABEL) for one in labels), default=1.0) + 0.25)
    across = (WIDTH - left - 0.15) / max(len(heads), 1)
    lines = [wrapped(one, across - 0.12, 7, True) for one in heads]
    named = [wrapped(one, left - 0.15, LABEL) for one in labels]
    top = high(max((len(one) for one in lines), default=1), 7) + 0.08
    cells = [[_wrapped_cell(cell, across - 0.1) for cell in row] for row in cells]
    each = [
        max(len(name), *(cell.count("\n") + 1 for cell, _ in row))
        for name, row in zip(named, cells, strict=True)
    ]
    tall = [high(n, LABEL) + 0.09 for n in each]
    with mpl.rc_context(LOOK):
        frame = Frame(title, "", notes, source_line, top + sum(tall) + 0.1 if labels else 1.0)
        if not labels:
            return frame.nothing(words.say("nothing.values"))
        for j, one in enumerate(lines):
            frame.text(
                left + across * (j + 1) - 0.06,
                0,
                "\n".join(one),
                fontsize=7,
                weight="bold",
                ha="right",
                linespacing=1.15,
            )
        down = top
        for i, name in enumerate(named):
            back = frame.box(0.08, down, WIDTH - 0.16, tall[i])
            back.set_axis_off()
            back.axhspan(0, 1, color="#F2F2F2" if i % 2 == 0 else "white", linewidth=0)
            back.set_ylim(0, 1)
            frame.text(0.12, down + tall[i] / 2, "\n".join(name), va="center", linespacing=1.1)
            for j, (cell, bold) in enumerate(cells[i]):
                frame.text(
                    left + across * (j + 1) - 0.06,
                    down + tall[i] / 2,
                    cell,
                    ha="right",
                    va="center",
                    weight="bold" if bold else "normal",
                    linespacing=1.1,
                    fontsize=7,
                )
            down += tall[i]
    return frame.figure


def _wrapped_cell(cell: tuple[str, bool], width: float) -> tuple[str, bool]:
    told, bold = cell
    lines = [line for part in told.split("\n") for line in wrapped(part, width, 7, bold)]
    return "\n".join(lines), bold
