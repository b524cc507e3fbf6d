"""The sheet of an analysts' plot: title, middle, notes and source, measured so that nothing is cut.

A sheet is as wide as the text of an upright A4 page, and at its height of four to five inches fills
a beamer of 1366 x 768 dots; type is 7 points or more at that size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.plots.analysis.wording import Words
from experiments.plots.scenario_sheet import apart
from experiments.plots.style import BLACK, DPI, GREY, STYLE

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 7.0  # inches
EDGE = 0.1
TITLE, SUBTITLE, LABEL, NOTE = 11.5, 8.0, 7.5, 7.0  # points
WIDER = 1.06  # type drawn in dots is wider than its outline
LEADING = 1.25  # line to line, as a multiple of the size of the type
LOOK: dict[Any, Any] = STYLE | {
    "font.size": LABEL,
    "axes.labelsize": LABEL,
    "xtick.labelsize": LABEL,
    "ytick.labelsize": LABEL,
    "legend.fontsize": LABEL,
    "text.parse_math": False,
    "hatch.color": "edge",
}


@lru_cache(maxsize=20_000)
def inches(words: str, size: float, bold: bool = False) -> float:
    """How many inches wide a line of words is; ``size`` in points."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size)
    wide, _, _ = text_to_path.get_text_width_height_descent(words, font, ismath=False)
    return WIDER * float(wide) / 72


def wrapped(words: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines no wider than ``width`` inches; a word that is wider is broken with a hyphen."""
    lines: list[str] = []
    here = ""
    for word in _pieces(words.split(" "), width, size, bold):
        longer = f"{here} {word}" if here else word
        if here and inches(longer, size, bold) > width:
            lines.append(here)
            here = word
        else:
            here = longer
    return [*lines, here]


def _pieces(words: Sequence[str], width: float, size: float, bold: bool) -> list[str]:
    found = []
    for word in words:
        while len(word) > 4 and inches(word, size, bold) > width:
            fits = [
                n
                for n in range(3, len(word) - 2)
                if word[n - 1] in "-/" and inches(word[:n], size, bold) <= width
            ]
            if fits:
                found.append(word[: fits[-1]])
                word = word[fits[-1] :]
                continue
            at = next(
                (
                    n
                    for n in range(len(word) - 3, 2, -1)
                    if inches(word[:n] + "-", size, bold) <= width
                ),
                3,
            )
            found.append(word[:at].rstrip("-") + "-")
            word = word[at:]
        found.append(word)
    return found


def high(lines: int, size: float) -> float:
    """Inches that lines of a size take."""
    return lines * size * LEADING / 72


@dataclass
class Frame:
    """A figure under construction. Places are inches from the upper left corner of its middle."""

    title: str
    subtitle: str
    notes: Sequence[str]
    source: str
    middle: float  # inches
    width: float = WIDTH
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        across = self.width - 2 * EDGE
        self.title = self.title.rstrip(": \xa0\u202f")  # of a template whose end is empty
        parts = [(self.title, TITLE, True, BLACK), (self.subtitle, SUBTITLE, False, GREY)]
        top = [
            (wrapped(words, across, size, bold), size, bold, colour)
            for words, size, bold, colour in parts
            if words
        ]
        foot = [
            line
            for note in (*self.notes, self.source)
            if note
            for line in wrapped(note, across, NOTE)
        ]
        self._top = 0.08 + sum(high(len(lines), size) for lines, size, _, _ in top) + 0.08
        foot_high = high(len(foot), NOTE) + 0.14
        self.height = self._top + self.middle + foot_high
        self.figure = Figure(figsize=(self.width, self.height))
        FigureCanvasAgg(self.figure)
        down = 0.08
        for lines, size, bold, colour in top:
            weight = "bold" if bold else "normal"
            for line in lines:
                self._put(EDGE, down, line, fontsize=size, weight=weight, color=colour)
                down += high(1, size)
        down = self.height - foot_high + 0.08
        for line in foot:
            self._put(EDGE, down, line, fontsize=NOTE, color=GREY)
            down += high(1, NOTE)

    def _put(self, left: float, down: float, words: str, **how: Any) -> None:
        at = (left / self.width, 1 - down / self.height)
        given: dict[str, Any] = {"va": "top", "fontsize": LABEL} | how
        self.figure.text(*at, words, **given)

    def text(self, left: float, top: float, words: str, **how: Any) -> None:
        """Words in the middle."""
        self._put(left, self._top + top, words, **how)

    def box(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in the middle."""
        bottom = self.height - self._top - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def nothing(self, words: str) -> Figure:
        """A sentence in place of a plot that has no numbers."""
        for i, line in enumerate(wrapped(words, self.width - 1.0, 9.0)):
            self.text(0.5, 0.3 + high(i, 9.0), line, fontsize=9.0)
        return self.figure


def numbers_on(axes: Axes, words: Words, which: str = "x", bins: int = 6, end: str = "") -> None:
    """Ticks of an axis with the marks of the language."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{words.number(value)}{end}"))


def row_labels(labels: Sequence[str], width: float, size: float = LABEL) -> tuple[list[str], float]:
    """Labels wrapped for the left of a plot, and the height that each row needs (inches)."""
    lines = [wrapped(label, width, size) for label in labels]
    most = max((len(one) for one in lines), default=1)
    return ["\n".join(one) for one in lines], max(0.2, high(most, size) + 0.05)


def label_rows(axes: Axes, labels: Sequence[str], size: float = LABEL) -> None:
    """Rows from the top, each with its label, no ticks."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, fontsize=size, linespacing=1.1)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)


def bar_key(frame: Frame, looks: Sequence[tuple[str, str, str]]) -> None:
    """The key of bars at the top left of a plot: colour, hatch and name of each."""
    left = EDGE
    for colour, hatch, told in looks:
        box = frame.box(left, 0.04, 0.2, 0.1)
        box.set_axis_off()
        fill = "white" if hatch else colour
        box.barh(0, 1, height=1, color=fill, edgecolor=colour, hatch=hatch, linewidth=0.8)
        box.set_xlim(0, 1)
        box.set_ylim(-0.5, 0.5)
        frame.text(left + 0.26, 0.02, told, fontsize=NOTE)
        left += 0.26 + inches(told, NOTE) + 0.25


def name_ends(
    axes: Axes, ends: Sequence[tuple[str, float, str]], width: float, left: float = 1.04
) -> None:
    """Names right of the axes near the ends of their lines, none over another.

    ``ends``: name, value and colour; ``width``: inches that a name may take; ``left``: where names
    begin, in widths of the axes.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    tall = axes.get_window_extent().height / figure.dpi
    (bottom, top), right = axes.get_ylim(), axes.get_xlim()[1]
    lines = [wrapped(name, width, 7) for name, _, _ in ends]
    gap = (top - bottom) * max((len(one) for one in lines), default=1) * 9.8 / 72 / tall
    wanted = [value if math.isfinite(value) else bottom for _, value, _ in ends]
    spots = apart(wanted, gap, bottom + gap / 3, top - gap / 4)
    for (_, value, colour), told, spot in zip(ends, lines, spots, strict=True):
        axes.annotate(
            "\n".join(told),
            (right, value),
            xytext=(left, (spot - bottom) / (top - bottom)),
            textcoords="axes fraction",
            va="center",
            fontsize=7,
            color=colour,
            linespacing=1.05,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "relpos": (0.0, 0.5),
                "shrinkA": 1.0,
            },
        )


def save(figure: Figure, rows: pd.DataFrame, path: Path, *, svg: bool = False) -> list[Path]:
    """Write ``path`` with the endings .png (150 dpi), .csv and, if asked, .svg; returns the paths.

    Equal figures and rows give equal bytes: no date and no version of a library in the files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture, table = (path.with_name(f"{path.name}.{end}") for end in ("png", "csv"))
    with mpl.rc_context(LOOK):
        figure.savefig(picture, dpi=DPI, metadata={"Software": None})
        if svg:
            drawn = path.with_name(f"{path.name}.svg")
            figure.savefig(drawn, metadata={"Date": None, "Creator": None})
    rows.to_csv(table, index=False, lineterminator="\n", float_format="%.8g", encoding="utf-8")
    return [picture, table, *([drawn] if svg else [])]
