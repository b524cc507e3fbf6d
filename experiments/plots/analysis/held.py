"""Calibration coverage: every figure against the model's 50 and 90% band, by product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from experiments.plots.analysis.boxes import wilson
from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, wrapped
from experiments.plots.analysis.outputs import About, source
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT, VERMILION

if TYPE_CHECKING:
    from experiments.plots.fits import Predicted

GIVEN = (
    "product",
    "figure",
    "year",
    "low",
    "value",
    "high",
    "q05",
    "q25",
    "q50",
    "q75",
    "q95",
    "testable",
)
COLUMNS = (*GIVEN[:2], "label", *GIVEN[2:], "in50", "in90", "scale")
ACROSS, PANEL, HEAD, FOOT, LEFT, GAP = 4, 0.78, 0.5, 0.12, 0.42, 0.38
TOP = float(np.log(8.0))


def from_predicted(predicted: Sequence[Predicted]) -> pd.DataFrame:
    """Leave-one-out predictions (``experiments.plots.fits``), on the log or logit scale of each.

    Their 90% ends lie between those of 80 and 95%, by the shape of a normal distribution.
    """
    share = (1.644854 - 1.281552) / (1.959964 - 1.281552)
    found = []
    for one in predicted:
        middle, low50, high50, low80, high80, low95, high95 = one.points
        low, top = one.ends
        q05, q95 = low80 + share * (low95 - low80), high80 + share * (high95 - high80)
        found.append(
            (
                one.figure.product,
                one.figure.id,
                one.figure.year or 0,
                low - middle,
                one.observed - middle,
                top - middle,
                q05 - middle,
                low50 - middle,
                0.0,
                high50 - middle,
                q95 - middle,
                one.testable,
            )
        )
    return pd.DataFrame(found, columns=list(GIVEN))


def rows(table: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws: each figure relative to the model's median, in order of years.

    ``table``: columns product, figure, year, low, value, high (of the figure), q05 to q95 (of the
    model), testable; all numbers logarithms (or logits) less that of the model's median.
    """
    words = words_of(language)
    drawn = table.sort_values(["product", "year", "figure"], kind="stable").copy()
    drawn["label"] = [words.product(one) for one in drawn["product"]]
    first = drawn["low"].fillna(drawn["value"])
    last = drawn["high"].fillna(drawn["value"])
    for level, low, top in (("in50", "q25", "q75"), ("in90", "q05", "q95")):
        # A figure with an interval counts as inside where the interval overlaps the band.
        point = drawn["value"].notna()
        a, b = first.where(~point, drawn["value"]), last.where(~point, drawn["value"])
        drawn[level] = (b >= drawn[low]) & (a <= drawn[top])
    drawn["scale"] = words.say("unit.log-ratio")
    return drawn[list(COLUMNS)].reset_index(drop=True)


def figure(table: pd.DataFrame, about: About, language: str = "en") -> Figure:
    """The summary first, then a panel a product."""
    words, drawn = words_of(language), rows(table, language)
    products = list(dict.fromkeys(drawn["product"]))
    lines = -(-(1 + len(products)) // ACROSS)
    across = (WIDTH - LEFT - 0.12 - GAP * (ACROSS - 1)) / ACROSS
    each = HEAD + PANEL + FOOT
    untested = int((~drawn["testable"].astype(bool)).sum())
    cut = int((drawn[["low", "value", "high"]].abs().max(axis=1) > TOP).sum())
    notes = [
        words.say("reading.held"),
        words.some("held.untested", untested) if untested else "",
        words.some("held.cut", cut) if cut else "",
        *about.notes,
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("held"),
            words.say("held.about"),
            notes,
            source(words, about.attributes),
            lines * each if len(drawn) else 1.0,
        )
        if drawn.empty:
            return frame.nothing(words.say("nothing.values"))
        for n, product in enumerate([None, *products]):
            line, column = divmod(n, ACROSS)
            left = LEFT + column * (across + GAP)
            axes = frame.box(left, line * each + HEAD, across, PANEL)
            part = drawn if product is None else drawn[drawn["product"] == product]
            tested = part[part["testable"].astype(bool)]
            name = words.say("held.all") if product is None else str(part["label"].iloc[0])
            told = words.say(
                "held.counted",
                n=len(tested),
                a=int(tested["in50"].sum()),
                b=int(tested["in90"].sum()),
            )
            _head(frame, (left - 0.32, line * each + HEAD - 0.06), across + 0.3, name, told)
            if product is None:
                _summary(axes, tested, words)
            else:
                _product(axes, part)
    return frame.figure


def _head(frame: Frame, end: tuple[float, float], width: float, name: str, told: str) -> None:
    """Name and count above a panel, their last line ending at ``end``."""
    lines = [(line, True) for line in wrapped(name, width, 7, True)]
    lines += [(line, False) for line in wrapped(told, width, 7)]
    for n, (line, bold) in enumerate(lines):
        frame.text(
            end[0],
            end[1] - high(len(lines) - n, 7) * 0.92,
            line,
            fontsize=7,
            weight="bold" if bold else "normal",
            color=BLACK if bold else GREY,
        )


def _summary(axes: Axes, tested: pd.DataFrame, words: Words) -> None:
    for i, (asked, level) in enumerate(((0.5, "in50"), (0.9, "in90"))):
        share = float(tested[level].mean()) if len(tested) else np.nan
        low, top = wilson(share, len(tested))
        axes.plot(
            [i - 0.3, i + 0.3], [asked, asked], color=GREY, linewidth=1.2, linestyle=(0, (3, 2))
        )
        good = low <= asked <= top
        colour, marker = (BLUE, "o") if good else (VERMILION, "D")
        axes.vlines(i, low, top, color=colour, linewidth=1.4)
        axes.plot([i], [share], marker, color=colour, markersize=5, gid=f"share-{level}")
        axes.annotate(
            words.share(share),
            (i, share),
            xytext=(6, 0),
            textcoords="offset points",
            fontsize=7,
            va="center",
        )
    axes.set_xlim(-0.5, 1.8)
    axes.set_ylim(0, 1.04)
    axes.set_xticks([0, 1], [words.share(0.5), words.share(0.9)])
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(FixedFormatter([words.share(x) for x in (0, 0.5, 1)]))
    axes.tick_params(labelsize=7, pad=1)
    axes.grid(False, axis="x")


def _product(axes: Axes, part: pd.DataFrame) -> None:
    at = np.arange(len(part))
    wide = float(np.clip(60.0 / max(len(part), 10), 0.9, 4.0))
    for low, top, alpha in (("q05", "q95", 0.28), ("q25", "q75", 0.65)):
        axes.vlines(
            at,
            part[low].clip(-TOP, TOP),
            part[top].clip(-TOP, TOP),
            color=BLUE,
            alpha=alpha,
            linewidth=wide,
        )
    first, last = (part[end].fillna(part["value"]).clip(-TOP, TOP) for end in ("low", "high"))
    out = part["testable"].astype(bool) & ~part["in90"]
    axes.vlines(at, first, last, color=np.where(out, VERMILION, BLACK), linewidth=0.7)
    size = 2.6 if len(part) > 30 else 3.2
    for mask, colour, marker, face in (
        (~out & part["testable"].astype(bool), BLACK, "o", BLACK),
        (~part["testable"].astype(bool), GREY, "o", "white"),
        (out, VERMILION, "D", VERMILION),
    ):
        axes.plot(
            at[mask.to_numpy()],
            part["value"].clip(-TOP, TOP)[mask],
            marker,
            color=colour,
            markerfacecolor=face,
            markersize=size,
            markeredgewidth=0.6,
            clip_on=False,
        )
    axes.axhline(0, color=LIGHT, linewidth=0.6, zorder=0)
    axes.set_xlim(-1, len(part))
    axes.set_ylim(-TOP, TOP)
    axes.set_xticks([])
    ticks = (1 / 8, 1 / 2, 1, 2, 8)
    axes.yaxis.set_major_locator(FixedLocator([float(np.log(x)) for x in ticks]))
    axes.yaxis.set_major_formatter(FixedFormatter(["÷8", "÷2", "1", "×2", "×8"]))
    axes.tick_params(labelsize=7, pad=1, labelleft=True)
