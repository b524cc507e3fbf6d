"""What the plots of scenarios share: the head and foot of a sheet, words, and writing."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from calibration.series import Group, Series
from experiments.comparisons.compare import INTERVAL, WHOLE, Scenarios, paired
from experiments.comparisons.compare_table import cautions
from experiments.plots.sheet import LEGEND_LETTER
from experiments.plots.style import BANNER, BANNER_WHY, BLACK, DPI, GREY, STYLE, WARNING
from experiments.plots.units import shown
from experiments.plots.words import unit_in_words
from experiments.runs.seeds import told_runs
from model.errors import InputError
from model.strata import DEPRIVATION, REGIONS

Float = npt.NDArray[np.float64]
Better = Literal["up", "down", ""]
Cell = str | float | int | None

MOST = 6
"""Scenarios beside the baseline that one panel can keep apart by colour, dash and label."""
ALWAYS = "strategy"
"""The scenario that plots of a few always show when the file has it."""
IDS = "Ids of scenarios: drugfutures show scenarios."
HEAD, NOTE_LINE, LETTERS_AN_INCH = 0.66, 0.135, 17.5  # inches, inches, letters of a note
LABEL, LONGEST = 8.0, 60  # points and letters of the title of a scenario
ASSUMED = (
    "Assumed: what scenarios change follows from effects, reach and timing of measures and from "
    "trends that are assumed in large part; bands and bars hold their ranges and those of the "
    "model, not what we do not know of."
)


@dataclass(frozen=True)
class Picture:
    """A drawn figure and the numbers in it: ``rows`` under ``columns``."""

    name: str
    figure: Figure
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """The numbers drawn, as CSV; NaN as an empty cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow([_told(cell) for cell in row])
        return text.getvalue()


def _told(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return f"{cell:.8g}" if isinstance(cell, float) else str(cell)


def save(picture: Picture, folder: Path) -> list[Path]:
    """Write ``NAME.png`` and ``NAME.csv``; returns both paths."""
    drawn, table = folder / f"{picture.name}.png", folder / f"{picture.name}.csv"
    with mpl.rc_context(STYLE):
        # No library version in the file: equal runs give equal bytes.
        picture.figure.savefig(drawn, dpi=DPI, metadata={"Software": None})
    table.write_text(picture.csv(), encoding="utf-8", newline="")
    return [drawn, table]


@dataclass(frozen=True)
class Sheet:
    """An empty figure with a head and a foot; ``box`` places axes in inches from its top left."""

    figure: Figure
    width: float
    height: float

    def box(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes of a size (inches), ``left`` and ``top`` inches from the upper left corner."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (
                left / self.width,
                bottom / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def text(self, left: float, top: float, words: str, **how: object) -> None:
        """Words at inches from the upper left corner."""
        at = (left / self.width, 1 - top / self.height)
        self.figure.text(*at, words, **({"va": "top", "fontsize": 8} | how))  # type: ignore[arg-type]


def new_sheet(
    title: str,
    drawn: Literal["prior", "posterior"],
    size: tuple[float, float],
    notes: Sequence[str],
    assumed: str = ASSUMED,
) -> tuple[Sheet, float]:
    """A sheet of (width, inches of the middle), and where its middle begins (inches from the top).

    ``notes`` stand at the foot, with what is ``assumed``.
    """
    width, middle = size
    lines = [
        line
        for note in (*notes, assumed)
        for line in textwrap.wrap(note, int(width * LETTERS_AN_INCH))
    ]
    titles = textwrap.wrap(title, int(width * 7.6))
    why = textwrap.wrap(BANNER_WHY[drawn], int((width - 2.9) * 14.5))
    top = HEAD + 0.25 * (len(titles) - 1) + 0.15 * (len(why) - 1)
    foot = 0.14 + NOTE_LINE * len(lines)
    height = top + middle + foot
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    sheet = Sheet(figure, width, height)
    sheet.text(0.12, 0.08, "\n".join(titles), fontsize=14, weight="bold", linespacing=1.15)
    below = 0.38 + 0.25 * (len(titles) - 1)
    sheet.text(
        0.12,
        below,
        f" {BANNER[drawn].upper()} ",
        fontsize=9,
        weight="bold",
        color="white",
        bbox={
            "facecolor": WARNING if drawn == "prior" else BLACK,
            "edgecolor": "none",
            "pad": 2.0,
        },
    )
    sheet.text(2.77, below, "\n".join(why), fontsize=9, color=BLACK, linespacing=1.15)
    for i, line in enumerate(lines):
        sheet.text(0.12, height - foot + 0.08 + NOTE_LINE * i, line, fontsize=7.5, color=GREY)
    return sheet, top


def left_of(scenarios: Scenarios, values: Float) -> str:
    """A sentence on the draws left out of the fullest scenario, "" where none is.

    ``values`` (scenarios, draws, years).
    """
    missing = int(np.isnan(values).any(axis=-1).sum(axis=1).max()) if values.ndim == 3 else 0
    if not missing:
        return ""
    return f"Draws without a value are left out: up to {missing} of {scenarios.draws}."


def about(scenarios: Scenarios, indicator: str, product: str, group: str) -> tuple[str, str, float]:
    """Title, unit shown and its factor: ("Cocaine: Used in the last 12 months", "percent", 100)."""
    unit, factor = shown(scenarios.unit(indicator))
    where = "" if group == WHOLE else f", {group.replace('_', ' ')}"
    return f"{scenarios.names[product]}: {scenarios.name(indicator)}{where}", unit, factor


def unit_of_group(scenarios: Scenarios, indicator: str, product: str, group: str) -> str:
    """The unit and whose it is: "percent of people aged 10-17"."""
    ages = [int(end) for end in group.split("-")] if group[0].isdigit() else [10, None]
    region = group if group in REGIONS else WHOLE
    asked = Group("all", ages[0], ages[1], region)
    told = unit_in_words(Series(product, indicator, asked, scenarios.unit(indicator)))
    return f"{told}, {group.replace('_', ' ')}" if group in DEPRIVATION else told


def margin(titles: Iterable[str]) -> float:
    """Inches that the longest of the titles takes beside a plot."""
    longest = max((len(short(title)) for title in titles), default=0)
    return max(1.0, longest * LABEL * LEGEND_LETTER / 72 + 0.35)


def short(title: str) -> str:
    """A title cut at the letters that have room; the CSV has it whole."""
    return title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"


def named(scenario: str, title: str) -> str:
    """Title and id, or the title alone where there is no room for both."""
    both = f"{title} ({scenario})"
    return both if len(both) <= LONGEST else title


def reading_notes(scenarios: Scenarios, indicator: str) -> list[str]:
    """How many draws there are, and what to know of the indicator, for the foot of a plot."""
    runs = told_runs(scenarios.draws, scenarios.seeds)
    return [f"Of {runs}.", *cautions(scenarios, [indicator])]


def priors_note(scenarios: Scenarios, product: str) -> list[str]:
    """A sentence where a product, or part of a union, rests on priors."""
    if scenarios.modes[product] == "scenario-only":
        return [f"{scenarios.names[product]} is scenario-only: priors, no figures can identify it."]
    if product in scenarios.unions:
        return ["A union holds scenario-only products too, which rest on priors."]
    return []


def chosen(scenarios: Scenarios, asked: Sequence[str] | None, baseline: str) -> list[str]:
    """Scenarios to draw beside the baseline, at most MOST. Raises InputError for more or unknown.

    None asks for all.
    """
    ids = [one for one in scenarios.ids if one != baseline] if asked is None else list(asked)
    for one in ids:
        scenarios.baseline(one)
    ids = [one for one in ids if one != baseline]
    if len(ids) > MOST:
        raise InputError(
            "too many scenarios for one plot: their lines and labels could not be told apart",
            given=len(ids),
            allowed=f"at most {MOST} beside {baseline}",
        )
    return ids


def widest(scenarios: Scenarios, indicator: str, product: str, baseline: str) -> list[str]:
    """ALWAYS, and the scenarios whose median difference in the last year is largest, MOST in all.

    In file order.
    """
    values = scenarios.values(indicator, product, WHOLE, scenarios.years[-1])
    reference = values[scenarios.ids.index(baseline)]
    sizes = {
        one: abs(paired(reference, values[i]).difference)
        for i, one in enumerate(scenarios.ids)
        if one != baseline
    }
    order = sorted(sizes, key=lambda one: (one != ALWAYS, -np.nan_to_num(sizes[one])))
    return [one for one in scenarios.ids if one in order[:MOST]]


def how_chosen(scenarios: Scenarios, ids: Sequence[str], baseline: str) -> str:
    """What ``widest`` chose, for the foot of a plot; "" where it left nothing out."""
    if len(ids) >= sum(one != baseline for one in scenarios.ids):
        return ""
    beside = f"{scenarios.titles[ALWAYS]}, always, and " if ALWAYS in ids else ""
    return f"Scenarios shown: {beside}those that differ most in {scenarios.years[-1]}."


def bands(draws: Float) -> tuple[Float, Float, Float]:
    """Low, median and high of (D, years) by year, 90%; NaN where no draw has a value."""
    found = np.full((3, draws.shape[1]), np.nan)
    for year in range(draws.shape[1]):
        there = draws[np.isfinite(draws[:, year]), year]
        if there.size:
            found[:, year] = np.quantile(there, (INTERVAL[0], 0.5, INTERVAL[1]))
    return found[0], found[1], found[2]


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least ``gap`` from each other, inside low to high.

    All in one unit.
    """
    order = np.argsort(wanted, kind="stable")
    places = np.clip(np.asarray(wanted, float)[order], low, high)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    if len(places) and places[-1] > high:
        places[-1] = high
        for i in range(len(places) - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    found = np.empty(len(places))
    found[order] = places
    return [float(place) for place in found]


def file_name(*parts: str) -> str:
    """A file name of ids: small letters, digits and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
