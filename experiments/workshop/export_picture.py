"""A graph of the page as a picture: the same colours and dashes, with all that it needs to stand
alone. Text in SVG is drawn as outlines, so it looks the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.plots.analysis.frame import (
    EDGE,
    LABEL,
    LOOK,
    WIDTH,
    Frame,
    name_ends,
    numbers_on,
    wrapped,
)
from experiments.plots.analysis.frame import high as line_high
from experiments.plots.analysis.wording import words_of as plot_words_of
from experiments.plots.style import (
    BLACK,
    BLUE,
    DASH_DOT,
    DASHED,
    DOTTED,
    GREEN,
    GREY,
    VERMILION,
    Look,
)
from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR, LAST_YEAR, YEARS
from experiments.workshop.dots import Dot
from experiments.workshop.estimate import bands
from experiments.workshop.export_numbers import Numbers, graph_name
from experiments.workshop.flags import told

Float = npt.NDArray[np.float64]
Kind = Literal["png", "svg"]

LOOKS = (Look(BLACK, DASHED), Look(BLUE), Look(VERMILION, DOTTED), Look(GREEN, DASH_DOT))
LONGEST = 60  # letters of a name beside its line; the whole name stands in the report and the CSV
LEFT, RIGHT, TALL = 0.75, 1.75, 3.4  # inches
SMALL = (3.4, 2.95)  # of the picture of a report that shows two side by side
DPI = 200
BANDS = ((0, 4, 0.14), (1, 3, 0.26))  # rows of LEVELS and opacity: 90%, 50%

# matplotlib's settings are of the whole process: one picture at a time.
_turn = Lock()


@dataclass(frozen=True)
class Curve:
    """A scenario on a graph, in the unit shown: ``bands`` (LEVELS, YEARS)."""

    name: str
    look: Look
    bands: Float


def curves(numbers: Numbers, graph: int) -> list[Curve]:
    """Current policy, the scenario, and those overlaid."""
    _, factor = numbers.shown(graph)
    return [
        Curve(shortened(one.name), look, factor * bands(one.values[graph]))
        for one, look in zip(numbers.scenarios, LOOKS, strict=False)
    ]


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name that fits beside its line; the mark at its end says that it goes on."""
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"


def picture(numbers: Numbers, graph: int, kind: Kind) -> bytes:
    """One graph with title, unit, what its bands are, versions and link; PNG or SVG."""
    with _turn, mpl.rc_context(LOOK):
        return _bytes(_sheet(numbers, graph), kind)


def small(numbers: Numbers, graph: int) -> bytes:
    """One graph with title and unit as SVG, for a page that says the rest."""
    words, (wide, high) = numbers.words, SMALL
    what, whose = graph_name(numbers.graphs[graph], words)
    told = f"{whose} · {numbers.shown(graph)[0]}"
    with _turn, mpl.rc_context(LOOK):
        figure = Figure(figsize=SMALL)
        FigureCanvasAgg(figure)
        down = 0.02
        for line, size, weight in (
            *((line, 8.5, "bold") for line in wrapped(what, wide - EDGE, 8.5, True)),
            *((line, LABEL, "normal") for line in wrapped(told, wide - EDGE, LABEL)),
        ):
            figure.text(0.0, 1 - down / high, line, fontsize=size, weight=weight, va="top")
            down += line_high(1, size)
        axes = figure.add_axes((0.14, 0.08, 0.83, 0.92 - (down + 0.1) / high))
        _draw(axes, curves(numbers, graph), numbers.dots[graph])
        numbers_on(axes, plot_words_of(words.language), "y", 5)
        axes.set_xlim(FIRST_YEAR - 0.4, LAST_YEAR + 0.5)
        return _bytes(figure, "svg")


def _bytes(figure: Figure, kind: Kind) -> bytes:
    made = io.BytesIO()
    bare = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    figure.savefig(made, format=kind, dpi=DPI, metadata=bare)
    return made.getvalue()


def _sheet(numbers: Numbers, graph: int) -> Figure:
    words = numbers.words
    title, whose = graph_name(numbers.graphs[graph], words)
    frame = Frame(title, whose, notes(numbers, graph), source(numbers), TALL + 0.75)
    shown = curves(numbers, graph)
    if not any(np.isfinite(curve.bands).any() for curve in shown):
        return frame.nothing(words.say("export.nothing"))
    frame.text(EDGE, 0.0, "\n".join(wrapped(numbers.shown(graph)[0], WIDTH - 2 * EDGE, LABEL)))
    axes = frame.box(LEFT, 0.35, WIDTH - LEFT - RIGHT, TALL)
    _draw(axes, shown, numbers.dots[graph])
    numbers_on(axes, plot_words_of(words.language), "y")
    axes.set_xlim(FIRST_YEAR - 0.3, LAST_YEAR + 0.4)
    name_ends(
        axes,
        [(curve.name, float(curve.bands[2, -1]), curve.look.colour) for curve in shown],
        RIGHT - 0.25,
    )
    return frame.figure


def _draw(axes: Axes, shown: Sequence[Curve], dots: Sequence[Dot]) -> None:
    """Bands of the scenario, edges of current policy, medians of all, observed figures."""
    reference, own = shown[0], shown[1]
    for low, high, opacity in BANDS:
        ends = own.bands[low], own.bands[high]
        axes.fill_between(YEARS, *ends, color=own.look.colour, alpha=opacity, linewidth=0)
    for row in (0, 4):
        axes.plot(YEARS, reference.bands[row], color=BLACK, linestyle=DASHED, linewidth=0.5)
    for curve in (own, *shown[2:], reference):
        look = curve.look
        axes.plot(YEARS, curve.bands[2], color=look.colour, linestyle=look.dash, linewidth=1.6)
    for dot in dots:
        if dot.low is not None and dot.high is not None:
            axes.plot([dot.year] * 2, [dot.low, dot.high], color=GREY, linewidth=0.8)
        if dot.value is not None:
            axes.plot([dot.year], [dot.value], "o", color=GREY, markersize=3.4, mfc="white")
    axes.axvline(BRANCH_YEAR - 0.5, color=GREY, linewidth=0.6)
    lowest = min(
        (float(np.nanmin(c.bands)) for c in shown if np.isfinite(c.bands).any()), default=0
    )
    if lowest >= 0.0:
        axes.set_ylim(bottom=0.0)
    axes.set_xticks(range(FIRST_YEAR, LAST_YEAR + 1, 5))


def notes(numbers: Numbers, graph: int) -> list[str]:
    """What the lines and bands are, and what is assumed."""
    words = numbers.words
    lines = [words.say("export.lines")]
    if len(numbers.scenarios) > 2:
        lines.append(words.say("export.lines.overlaid"))
    lines.append(words.say("export.dots" if numbers.dots[graph] else "export.no-dots"))
    found = [" ".join(lines), words.say("export.caution")]
    return [*found, *(told(flag, words) for flag in numbers.flags[graph])]


def source(numbers: Numbers) -> str:
    """Versions, number of draws and link, in one line."""
    words, found = numbers.words, numbers.provenance
    lost = max(one.lost for one in numbers.scenarios)
    made = words.say(
        "export.source",
        version=found.get("package_version", ""),
        tables=found.get("parameter_table_hash", "")[:12],
        posterior=found.get("posterior_hash", "")[:12] or "–",
        draws=words.count(numbers.draws),
        seed=found.get("seeds", ""),
    )
    return f"{made} {words.say('export.lost', lost=words.count(lost))}" if lost else made
