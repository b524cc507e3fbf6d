"""What calibration taught: posterior against prior by product, and how well the chains mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, wrapped
from experiments.plots.analysis.outputs import About, parameter, source
from experiments.plots.analysis.regret import draw_table
from experiments.plots.analysis.wording import Words, words_of
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT
from scenarios.texts import LANGUAGES

if TYPE_CHECKING:
    from calibration.posterior import Posterior
    from model.catalogue import Catalogue

Float = npt.NDArray[np.float64]

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
COLUMNS = (
    "block",
    "key",
    "label",
    "contraction",
    *(
        f"{whose}_{end}"
        for whose in ("prior", "post")
        for end in ("low95", "low50", "median", "high50", "high95")
    ),
    "scale",
    "of_block",
    "learnt_of_block",
    "unit",
)
EACH, ACROSS = 4, 2  # quantities of a panel, panels side by side
REACH = 3.2  # standard deviations of the prior that a panel shows
RHAT, ESS = 1.01, 400.0
"""Above the first, or below the second, a chain is called not mixed."""


def rows(
    posterior: Posterior, catalogue: Catalogue, language: str = "en", each: int = EACH
) -> pd.DataFrame:
    """The quantities that the figures taught most, ``each`` a block; a row for each.

    Ends are standard deviations of the prior from its median, on a logarithmic or logit scale where
    the prior has one; ``unit`` says so.
    """
    from calibration.posterior import LEARNT_FROM
    from calibration.priors import draw_priors

    words = words_of(language)
    prior = draw_priors(catalogue, posterior.draws, posterior.seed)
    shapes = {row.key: row.distribution for row in prior.rows}
    found = []
    for block in dict.fromkeys(posterior.block):
        own = [
            k
            for k, one in enumerate(posterior.block)
            if one == block and posterior.keys[k] in prior.values
        ]
        taught = sum(posterior.contraction[k] >= LEARNT_FROM for k in own)
        own.sort(key=lambda k: (-posterior.contraction[k], posterior.keys[k]))
        for k in own[:each]:
            key = posterior.keys[k]
            scale = shapes.get(key, "normal")
            before = _on(scale, np.asarray(prior.values[key], float))
            after = _on(scale, posterior.values[:, k])
            middle, wide = np.median(before), np.std(before) or 1.0
            ends = [np.quantile((one - middle) / wide, LEVELS) for one in (before, after)]
            found.append(
                (
                    block,
                    key,
                    parameter(words, key),
                    float(posterior.contraction[k]),
                    *map(float, np.concatenate(ends)),
                    scale,
                    len(own),
                    int(taught),
                    words.say("unit.prior-sd"),
                )
            )
    return pd.DataFrame(found, columns=list(COLUMNS))


def about(posterior: Posterior, language: str = "en") -> About:
    """What stands under a plot of a posterior: when it was made, of how many draws."""
    told = words_of(language).say("of-posterior", made=posterior.made, n=posterior.draws)
    return About(attributes={"package_version": posterior.package_version}, notes=(told,))


def _on(scale: str, values: Float) -> Float:
    if "logit" in scale or scale == "beta":
        inside = np.clip(values, 1e-12, 1 - 1e-12)
        return np.asarray(np.log(inside / (1 - inside)))
    return np.log(np.maximum(values, 1e-300)) if "log" in scale else values


def figure(table: pd.DataFrame, about: About, language: str = "en") -> Figure:
    """A panel a block: prior in grey, posterior in blue; ``table`` of ``rows``."""
    words = words_of(language)
    blocks = list(dict.fromkeys(table["block"]))
    across = (WIDTH - 0.2 - 0.2 * (ACROSS - 1)) / ACROSS
    names = 1.75
    shorts = [
        label.removeprefix(f"{words.product(block)}: ").removeprefix(f"{words.product(block)} : ")
        for block, label in zip(table["block"], table["label"], strict=True)
    ]
    lines_of = [wrapped(one[:1].upper() + one[1:], names - 0.08, 7) for one in shorts]
    eachs, rows_of = {}, list(table["block"])
    for block in blocks:
        own = [lines for lines, one in zip(lines_of, rows_of, strict=True) if one == block]
        eachs[block] = max(0.24, high(max(len(one) for one in own), 7) + 0.02)
    tall = [
        0.34 + max(eachs[one] * rows_of.count(one) for one in blocks[n : n + ACROSS])
        for n in range(0, len(blocks), ACROSS)
    ]
    notes = [
        words.say("reading.learnt"),
        words.say("parameters-english") if language in LANGUAGES and language != "en" else "",
        *about.notes,
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            words.say("learnt"),
            words.say("learnt.about"),
            notes,
            source(words, about.attributes),
            sum(tall) + 0.25 if blocks else 1.0,
        )
        if not blocks:
            return frame.nothing(words.say("nothing.values"))
        for n, block in enumerate(blocks):
            line, column = divmod(n, ACROSS)
            left, top, each = 0.1 + column * (across + 0.2), sum(tall[:line]), eachs[block]
            part = table[table["block"] == block]
            counted = words.say(
                "learnt.counted",
                n=int(part["learnt_of_block"].iloc[0]),
                all=int(part["of_block"].iloc[0]),
            )
            frame.text(left, top, block_name(words, block), fontsize=7.5, weight="bold")
            frame.text(left + across, top, counted, fontsize=7, color=GREY, ha="right")
            axes = frame.box(left + names, top + 0.18, across - names, each * len(part))
            _panel(axes, part, n + ACROSS >= len(blocks))
            first = list(table["block"]).index(block)
            for i, lines in enumerate(lines_of[first : first + len(part)]):
                frame.text(
                    left,
                    top + 0.18 + each * (i + 0.5),
                    "\n".join(lines),
                    fontsize=7,
                    va="center",
                    linespacing=1.0,
                )
    return frame.figure


def block_name(words: Words, block: str) -> str:
    """A product, or a block of the fit."""
    if block in ("gambling", "pooled"):
        return words.say(f"block.{block}")
    return words.product(block)


def _panel(axes: Axes, part: pd.DataFrame, ticks: bool) -> None:
    axes.set_ylim(len(part) - 0.5, -0.5)
    axes.set_xlim(-REACH, REACH)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for i, row in enumerate(part.itertuples()):
        for whose, up, colour in (("prior", -0.2, GREY), ("post", 0.2, BLUE)):
            low, low50, middle, high50, top = (
                float(np.clip(getattr(row, f"{whose}_{end}"), -REACH, REACH))
                for end in ("low95", "low50", "median", "high50", "high95")
            )
            pale = LIGHT if whose == "prior" else "#9CC9E8"
            axes.plot(
                [low, top],
                [i + up] * 2,
                color=pale,
                linewidth=3.2,
                solid_capstyle="butt",
                gid=f"{whose}-{i}",
            )
            axes.plot(
                [low50, high50], [i + up] * 2, color=colour, linewidth=3.2, solid_capstyle="butt"
            )
            axes.plot([middle], [i + up], "|", color=BLACK, markersize=4.5)
    axes.set_xticks([-3, -2, -1, 0, 1, 2, 3])
    axes.tick_params(labelsize=7, labelbottom=ticks)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}".replace("-", "−"))


CHAINS = ("block", "label", "quantities", "rhat", "ess_bulk", "ess_tail", "learnt", "mixed")


def chain_rows(posterior: Posterior, language: str = "en") -> pd.DataFrame:
    """By block: the largest R-hat, the smallest effective sample sizes; NaN where none applies.

    A row a block.
    """
    from calibration.posterior import LEARNT_FROM

    words, found = words_of(language), []
    blocks = np.array(posterior.block)
    for block in dict.fromkeys(posterior.block):
        own = blocks == block
        rhat, bulk, tail = (
            _end(values[own], largest)
            for values, largest in (
                (posterior.rhat, True),
                (posterior.ess_bulk, False),
                (posterior.ess_tail, False),
            )
        )
        mixed = not (rhat > RHAT or min(bulk, tail) < ESS)
        taught = int((posterior.contraction[own] >= LEARNT_FROM).sum())
        found.append(
            (block, block_name(words, block), int(own.sum()), rhat, bulk, tail, taught, mixed)
        )
    return pd.DataFrame(found, columns=list(CHAINS))


def _end(values: Float, largest: bool) -> float:
    there = values[np.isfinite(values)]
    if not there.size:
        return float("nan")
    return float(there.max() if largest else there.min())


def chain_figure(table: pd.DataFrame, about: About, language: str = "en") -> Figure:
    """The table of ``chain_rows``; what did not mix is bold and has a sign."""
    words = words_of(language)
    heads = [
        words.say(f"head.{name}")
        for name in ("quantities", "learnt", "rhat", "ess-bulk", "ess-tail")
    ]
    cells = []
    for row in table.itertuples():
        sign = "" if row.mixed else "⚠ "
        cells.append(
            [
                (words.number(row.quantities, whole=True), False),
                (words.number(row.learnt, whole=True), False),
                (sign + words.number(row.rhat, digits=4), row.rhat > RHAT),
                (words.number(row.ess_bulk, whole=True), row.ess_bulk < ESS),
                (words.number(row.ess_tail, whole=True), row.ess_tail < ESS),
            ]
        )
    bad = int((~table["mixed"]).sum()) if len(table) else 0
    judged = words.some("chains.bad", bad) if bad else words.say("chains.good")
    notes = [
        words.say("reading.chains", rhat=words.number(RHAT), ess=words.number(ESS, whole=True)),
        judged,
        *about.notes,
    ]
    return draw_table(
        words.say("chains"),
        notes,
        source(words, about.attributes),
        list(table["label"]),
        heads,
        cells,
        words,
    )
