"""Morris: how much a factor matters (mu*) against how much that depends on the others (sigma)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import LOOK, WIDTH, Frame, high, inches, numbers_on, wrapped
from experiments.plots.analysis.index_bars import order_of
from experiments.plots.analysis.outputs import (
    Of,
    assumed,
    factor_dim,
    factor_names,
    no_index,
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
from experiments.plots.style import BLACK, BLUE, GREY, PURPLE, VERMILION

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

COLUMNS = (
    "number",
    "factor",
    "label",
    "direction",
    "mu_star",
    "low",
    "high",
    "mu",
    "sigma",
    "dummy",
    "unit",
)
LOOKS = {"up": (BLUE, "^"), "down": (VERMILION, "v"), "both": (PURPLE, "D")}
PLOT, LEFT, KEY = 3.55, 0.62, 0.26  # inches
ONE_WAY = 0.9
"""Share of ``mu*`` that ``|mu|`` reaches where a factor nearly always acts in one direction."""


def rows(dataset: xr.Dataset, of: Of, language: str = "en") -> pd.DataFrame:
    """What ``figure`` draws, in the unit of the outcome; ``number`` is the one beside a point.

    ``direction``: up or down where ``|mu|`` is nearly ``mu*``, else both. A row a factor.
    """
    words, one = words_of(language), one_output(dataset, of)
    factor, names = in_shown(unit_of(one)), factor_names(one, words)
    mu, star, half, sigma = (
        values(one, name) * factor for name in ("mu", "mu_star", "mu_star_conf", "sigma")
    )
    shown, others, _ = order_of(one)
    found = []
    for n, k in enumerate([*shown, *others], 1):
        way = "both"
        if abs(mu[k]) >= ONE_WAY * star[k]:
            way = "up" if mu[k] > 0 else "down"
        found.append(
            (
                n if k in shown else 0,
                str(one[factor_dim(one)].values[k]),
                names[k],
                way,
                star[k],
                star[k] - half[k],
                star[k] + half[k],
                mu[k],
                sigma[k],
                number(one, "dummy") * factor,
                words.unit(unit_of(one)),
            )
        )
    return pd.DataFrame(found, columns=list(COLUMNS))


def figure(dataset: xr.Dataset, of: Of, language: str = "en") -> Figure:
    """Points numbered by size, names beside the plot; the factors after the 15th are small dots."""
    words, one = words_of(language), one_output(dataset, of)
    table = rows(dataset, of, language)
    named = table[table["number"] > 0]
    list_left = LEFT + PLOT + 0.2
    lines = [wrapped(label, WIDTH - list_left - 0.38, 7) for label in named["label"]]
    tall = max(3.2, sum(high(len(one), 7) + 0.045 for one in lines) + 0.1)
    notes = [
        " ".join(
            (
                words.say("reading.morris"),
                words.say("reading.interval"),
                words.say(
                    "reading.dummy",
                    dummy=words.number(number(one, "dummy") * in_shown(unit_of(one)), digits=2),
                )
                if np.isfinite(number(one, "dummy"))
                else "",
            )
        ),
        _others(words, table),
        verdict(words, one),
        *assumed(words, of.product, one),
    ]
    with mpl.rc_context(LOOK):
        frame = Frame(
            what(words, of, "drives"),
            where(words, of, words.say("method.morris")),
            notes,
            source(words, dataset.attrs),
            KEY + tall + 0.45 if len(table) else 1.0,
        )
        if table.empty:
            return frame.nothing(no_index(words, one))
        axes = frame.box(LEFT, KEY, PLOT, tall)
        _draw(axes, table, words)
        _keys(frame, words)
        down = KEY
        for n, (way, name) in enumerate(zip(named["direction"], lines, strict=True), 1):
            frame.text(
                list_left + 0.2,
                down,
                f"{n}",
                fontsize=7,
                weight="bold",
                ha="right",
                color=LOOKS[way][0],
            )
            for line in name:
                frame.text(list_left + 0.28, down, line, fontsize=7)
                down += high(1, 7)
            down += 0.045
    return frame.figure


def _others(words: Words, table: pd.DataFrame) -> str:
    rest = table[table["number"] == 0]
    if rest.empty:
        return ""
    most = words.number(float(rest["mu_star"].max()), digits=2)
    return words.some("others.dots", len(rest), most=most)


def _keys(frame: Frame, words: Words) -> None:
    left = LEFT
    for way, (colour, marker) in LOOKS.items():
        box = frame.box(left, 0.03, 0.14, 0.14)
        box.set_axis_off()
        box.plot([0], [0], marker=marker, color=colour, markersize=5)
        told = words.say(f"way.{way}")
        frame.text(left + 0.18, 0.03, told, fontsize=7)
        left += 0.18 + inches(told, 7) + 0.2


def _draw(axes: Axes, table: pd.DataFrame, words: Words) -> None:
    far = 1.12 * float(np.nanmax(table[["high", "mu_star"]].to_numpy(float)))
    top = 1.15 * float(np.nanmax(table["sigma"])) or far
    axes.set_xlim(-0.03 * far, far or 1.0)
    axes.set_ylim(-0.03 * top, top or 1.0)
    for slope, key in ((1.0, "line.equal"), (0.1, "line.tenth")):
        axes.plot([0, far], [0, slope * far], color=GREY, linewidth=0.7, linestyle=(0, (1, 2)))
        x = min(0.97 * far, 0.93 * top / slope)
        axes.annotate(
            words.say(key),
            (x, slope * x),
            xytext=(-2, 3),
            textcoords="offset points",
            fontsize=7,
            color=GREY,
            ha="right",
        )
    axes.hlines(
        table["sigma"], table["low"], table["high"], color=GREY, linewidth=0.8, gid="intervals"
    )
    rest = table[table["number"] == 0]
    axes.plot(rest["mu_star"], rest["sigma"], "o", color=GREY, markersize=2.2, gid="others")
    for way, (colour, marker) in LOOKS.items():
        part = table[(table["number"] > 0) & (table["direction"] == way)]
        axes.plot(
            part["mu_star"],
            part["sigma"],
            marker,
            color=colour,
            markersize=5.0,
            gid=f"points-{way}",
        )
    dummy = table["dummy"].iloc[0]
    if np.isfinite(dummy):
        axes.axvline(dummy, color=BLACK, linewidth=1.0, linestyle=(0, (4, 2)), gid="dummy")
    numbers_on(axes, words, "x", 5)
    numbers_on(axes, words, "y", 6)
    unit = table["unit"].iloc[0]
    axes.set_xlabel(words.say("axis.mu-star", unit=unit), labelpad=2)
    axes.set_ylabel(words.say("axis.sigma", unit=unit), labelpad=3)
    _numbers(axes, table[table["number"] > 0])


def _numbers(axes: Axes, named: pd.DataFrame) -> None:
    """The number of each point near it, pushed apart, with a thin line where it had to move."""
    box = axes.get_window_extent()
    dots = axes.figure.dpi / 72
    points = axes.transData.transform(named[["mu_star", "sigma"]].to_numpy(float)) / dots
    places = repelled(
        points,
        points + np.array([0.0, 9.0]),
        9.5,
        (box.x0 / dots, box.y0 / dots, box.x1 / dots, box.y1 / dots),
    )
    for n, point, place, way in zip(
        named["number"], points, places, named["direction"], strict=True
    ):
        far = float(np.hypot(*(place - point))) > 12.0
        axes.annotate(
            f"{n}",
            named.loc[named["number"] == n, ["mu_star", "sigma"]].to_numpy(float)[0],
            xytext=tuple(place - point),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7,
            weight="bold",
            color=LOOKS[way][0],
            arrowprops={
                "arrowstyle": "-",
                "color": GREY,
                "linewidth": 0.5,
                "shrinkA": 4,
                "shrinkB": 2,
            }
            if far
            else None,
        )


def repelled(
    points: Float, wanted: Float, gap: float, box: tuple[float, float, float, float]
) -> Float:
    """Places near ``wanted`` (n, 2) at least about ``gap`` from each other and from ``points``.

    In units of the axes.
    """
    at = wanted.copy()
    turn = np.array([[np.cos(k), np.sin(k)] for k in np.arange(len(at)) * 2.39996])
    for _ in range(400):
        move = 0.02 * (wanted - at)
        for others, own in ((at, True), (points, False)):
            away = at[:, None] - others[None]
            far = np.hypot(away[..., 0], away[..., 1])
            if own:
                np.fill_diagonal(far, np.inf)
            close = far < gap
            unit = np.where(
                far[..., None] > 1e-6, away / np.maximum(far, 1e-6)[..., None], turn[:, None]
            )
            move += (0.5 * (gap - np.where(close, far, gap))[..., None] * unit).sum(axis=1)
        at += np.clip(move, -3, 3)
        at = np.clip(at, (box[0] + 5, box[1] + 5), (box[2] - 5, box[3] - 5))
    return at
