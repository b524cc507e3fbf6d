"""Policies, or members of a portfolio, over several outcomes: a line each, better is higher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, name_ends, wrapped
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import words_of
from experiments.plots.style import LIGHT, SEVERAL

RIGHT, LEFT, TALL = 1.75, 0.75, 3.0
COLUMNS = ("policy", "label", "outcome", "value", "low", "high", "place", "better", "named")


def rows(
    table: pd.DataFrame,
    better: Mapping[str, str],
    named: Sequence[str] = (),
    language: str = "en",
    ends: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """What ``figure`` draws. ``table``: a row a policy (its index), a column an outcome (in words).

    ``better``: "up" or "down" by outcome; ``named``: policies drawn in colour, six at most
    (default: the first six); ``ends``: lower and upper ends of intervals, of the same shape.
    ``place``: 0 at the worst value of an outcome, 1 at the best.
    """
    words, found = words_of(language), []
    chosen = [str(one) for one in (named or table.index[: len(SEVERAL)])][: len(SEVERAL)]
    for outcome in table.columns:
        values = table[outcome].astype(float)
        low, top = values.min(), values.max()
        for policy, value in values.items():
            place = 0.5 if top == low else (value - low) / (top - low)
            place = 1 - place if better[outcome] == "down" else place
            first, last = (
                (np.nan, np.nan)
                if ends is None
                else (float(end.loc[policy, outcome]) for end in ends)
            )
            found.append(
                (
                    str(policy),
                    words.scenario(str(policy)),
                    str(outcome),
                    float(value),
                    first,
                    last,
                    place,
                    better[outcome],
                    str(policy) in chosen,
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(
    table: pd.DataFrame,
    better: Mapping[str, str],
    about: About,
    named: Sequence[str] = (),
    language: str = "en",
    ends: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> Figure:
    """Lines over upright axes; the best and the worst value stand at the ends of each."""
    words = words_of(language)
    drawn = rows(table, better, named, language, ends)
    outcomes = [str(one) for one in table.columns]
    across = WIDTH - LEFT - RIGHT
    room = across / max(len(outcomes) - 1, 1) * 0.95
    heads = [wrapped(one, min(room * 0.97, 1.4), 7, True) for one in outcomes]
    head = high(max((len(one) for one in heads), default=1), 7) + high(2, 7)
    rest = len(table) - drawn[drawn["named"]]["policy"].nunique()
    notes = [
        words.say("reading.parallel"),
        "" if ends is None else words.say("reading.interval90"),
        words.some("others.grey", rest) if rest else "",
        *about.foot(words),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("parallel"),
            about.told(words),
            notes,
            source(words, about.attributes),
            head + TALL + 0.35,
        )
        if drawn.empty or not drawn["value"].notna().any():
            return frame.nothing(words.say("nothing.values"))
        axes = frame.box(LEFT, head, across, TALL)
        axes.set_axis_off()
        axes.set_xlim(0, max(len(outcomes) - 1, 1))
        axes.set_ylim(-0.02, 1.02)
        _lines(axes, drawn, outcomes)
        for j, lines in enumerate(heads):
            column = table[outcomes[j]].astype(float)
            best, worst = column.max(), column.min()
            if better[outcomes[j]] == "down":
                best, worst = worst, best
            at = LEFT + across * j / max(len(outcomes) - 1, 1)
            for down, told, weight in (
                (0.0, "\n".join(lines), "bold"),
                (head - 0.16, words.number(best), "normal"),
                (head + TALL + 0.04, words.number(worst), "normal"),
            ):
                frame.text(at, down, told, fontsize=7, weight=weight, ha="center", linespacing=1.1)
    return frame.figure


def _lines(axes: Axes, drawn: pd.DataFrame, outcomes: list[str]) -> None:
    for j in range(len(outcomes)):
        axes.axvline(j, color="#8C8C8C", linewidth=0.8, zorder=1)
    at = {outcome: j for j, outcome in enumerate(outcomes)}
    for _, part in drawn[~drawn["named"]].groupby("policy", sort=False):
        axes.plot(
            [at[one] for one in part["outcome"]],
            part["place"],
            color=LIGHT,
            linewidth=0.9,
            zorder=0,
        )
    shown = list(dict.fromkeys(drawn[drawn["named"]]["policy"]))
    ends = []
    for n, (policy, look) in enumerate(zip(shown, SEVERAL, strict=False)):
        part = drawn[drawn["policy"] == policy].set_index("outcome").reindex(outcomes)
        axes.plot(
            range(len(outcomes)),
            part["place"],
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markersize=4.5,
            linewidth=1.5,
            gid=f"line-{policy}",
        )
        for j, outcome in enumerate(outcomes):
            whole = drawn[drawn["outcome"] == outcome]["value"]
            size = whole.max() - whole.min()
            if not np.isfinite(part["low"].iloc[j]) or not size:
                continue
            bounds = (part[["low", "high"]].iloc[j].to_numpy(float) - whole.min()) / size
            if part["better"].iloc[j] == "down":
                bounds = 1 - bounds
            x = j + 0.03 * (n - (len(shown) - 1) / 2)
            axes.plot(
                [x, x], np.clip(bounds, -0.02, 1.02), color=look.colour, linewidth=1.6, alpha=0.6
            )
        ends.append((str(part["label"].iloc[-1]), float(part["place"].iloc[-1]), look.colour))
    name_ends(axes, ends, RIGHT - 0.5, 1.075)
