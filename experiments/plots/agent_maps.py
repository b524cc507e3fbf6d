"""Heat maps of pairs of products: used together, and one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from experiments.plots.agent_reader import ENDS, ONLY, Agents, ends
from experiments.plots.scenario_sheet import Cell, Picture, Sheet, new_sheet
from experiments.plots.style import BLACK, BLUE, GREY, LIGHT, NARROW, STYLE, VERMILION
from experiments.runs.agent_results import ASSUMED

Float = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

FEW = 5
"""Agents below which a cell is hatched."""
CAP = 8.0
"""Ratio at which the colour is full."""
LATE = 5  # last years that pathways are averaged over
LABELS, HEADS, ROW, KEY = 2.0, 1.4, 0.29, 0.45  # inches


@dataclass(frozen=True)
class Heat:
    """A square of cells: ``words`` and ``colours`` by row and column; ``few``: hatched."""

    words: Sequence[Sequence[str]]
    colours: Sequence[Sequence[Colour]]
    few: npt.NDArray[np.bool_]


def joint_use(agents: Agents) -> Picture:
    """People who use both of two products, over those expected if use were independent."""
    joint = agents.values("joint_use")
    users = np.einsum("rpp->rp", joint)
    everyone = agents.values("products_used").sum(axis=1)
    expected = users[:, :, None] * users[:, None, :] / everyone[:, None, None]
    ratio = np.divide(joint, expected, out=np.full_like(joint, np.nan), where=expected > 0)
    count = len(agents.products)
    ratio[:, np.arange(count), np.arange(count)] = np.nan
    found = ends(ratio)
    middle, few = found["median"], np.median(expected, axis=0) < FEW * agents.persons
    heat = Heat(
        [[_ratio(x) for x in line] for line in middle],
        [[_diverging(x) for x in line] for line in middle],
        few & np.isfinite(middle),
    )
    notes = [
        f"Cells: people who use both products on 31 December {agents.year}, over those who would "
        "if use of one said nothing of the other (median). Orange: together more often, blue: less "
        f"often; colours are full at ×{CAP:.0f} and ÷{CAP:.0f}. People of the same age and sex "
        f"share much: the ratio is not of like with like. Hatched: fewer than {FEW} agents "
        "expected, mostly chance.",
        *agents.notes,
        ONLY,
    ]
    sheet, axes, top = _square(agents, f"Products used together, {agents.year}", notes)
    with mpl.rc_context(STYLE):
        _cells(axes, heat)
        sizes = (1 / CAP, 1 / 2, 1.0, 2.0, CAP)
        _key(
            sheet,
            top,
            [(_ratio(x).removesuffix(".0"), _diverging(x)) for x in sizes],
            "÷ less, × more often",
        )
    medians = ends(joint)
    rows = [
        (
            *(agents.products[i], agents.products[j], agents.year),
            *_ends(found, i, j),
            *_ends(medians, i, j),
            *(float(np.median(expected[:, i, j])), "yes" if few[i, j] else "no"),
        )
        for i in range(count)
        for j in range(count)
        if i != j
    ]
    columns = (
        *("product", "product2", "year", "ratio_low95", "ratio", "ratio_high95"),
        *("persons_low95", "persons", "persons_high95", "expected_persons", "few_agents"),
    )
    return Picture("joint-use", sheet.figure, columns, tuple(rows))


def pathways(agents: Agents) -> Picture:
    """What people begin second, by what they began first."""
    began = agents.values("pathways", LATE)
    of_first = began.sum(axis=2, keepdims=True)
    share = np.divide(began, of_first, out=np.full_like(began, np.nan), where=of_first > 0)
    found, persons = ends(share), ends(began)
    few = np.median(of_first, axis=0) < FEW * agents.persons / LATE
    middle = found["median"]
    heat = Heat(
        [["" if not x >= 0.005 else f"{100 * x:.0f}" for x in line] for line in middle],
        [[_growing(x) for x in line] for line in middle],
        np.broadcast_to(few, middle.shape) & np.isfinite(middle),
    )
    last = agents.year
    first = max(int(agents.dataset["time"].values[0]), last - LATE + 1)
    notes = [
        f"Rows: the first product that people ever used; columns: the second. Cells: percent of "
        f"those of the row who began a second product in {first}-{last} (mean a year); below 0.5 "
        f"left blank. People whose first use came before the run are left out. Hatched: rows of "
        f"fewer than {FEW} agents in all years together.",
        *agents.notes,
        ONLY,
    ]
    title = f"From the first product to the second, {first}-{last}"
    sheet, axes, top = _square(agents, title, notes)
    with mpl.rc_context(STYLE):
        _cells(axes, heat)
        sizes = (0.0, 0.1, 0.25, 0.5, 1.0)
        _key(sheet, top, [(f"{100 * x:.0f}%", _growing(x)) for x in sizes], "of the row")
    count = range(len(agents.products))
    rows = [
        (
            *(agents.products[i], agents.products[j], first, last),
            *_ends(found, i, j),
            *_ends(persons, i, j),
            "yes" if few[i, 0] else "no",
        )
        for i in count
        for j in count
        if i != j
    ]
    columns = (
        *("first_product", "second_product", "from_year", "year"),
        *("share_low95", "share", "share_high95"),
        *("persons_per_year_low95", "persons_per_year", "persons_per_year_high95", "few_agents"),
    )
    return Picture("pathways", sheet.figure, columns, tuple(rows))


def _ends(found: dict[str, Float], i: int, j: int) -> tuple[Cell, ...]:
    return tuple(float(found[end][i, j]) for end in ENDS)


def _ratio(value: float) -> str:
    if np.isnan(value):
        return ""
    if value < 0.05:
        return "0"
    if 0.95 <= value < 1.05:
        return "1"
    size = value if value > 1.0 else 1.0 / value
    return f"{'×' if value > 1.0 else '÷'}{size:.{1 if size < 9.95 else 0}f}"


def _diverging(value: float) -> Colour:
    """White at 1, orange above, blue below, full at CAP."""
    if np.isnan(value):
        return to_rgb(LIGHT)
    strength = min(abs(np.log(max(value, 1e-9))) / np.log(CAP), 1.0) * 0.8
    return _tint(VERMILION if value > 1.0 else BLUE, strength)


def _growing(value: float) -> Colour:
    """White at 0, blue at 1."""
    return to_rgb(LIGHT) if np.isnan(value) else _tint(BLUE, 0.8 * float(np.sqrt(min(value, 1.0))))


def _tint(colour: str, strength: float) -> Colour:
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def _square(agents: Agents, title: str, notes: Sequence[str]) -> tuple[Sheet, Axes, float]:
    """A sheet with axes for a cell a pair of products, and where its key goes."""
    count = len(agents.products)
    across = NARROW - LABELS - 0.2
    with mpl.rc_context(STYLE):
        middle = HEADS + ROW * count + KEY
        sheet, top = new_sheet(title, agents.drawn, (NARROW, middle), notes, f"{ASSUMED}.")
        axes = sheet.box(LABELS, top + HEADS, across, ROW * count)
        axes.set_xlim(0, count)
        axes.set_ylim(count, 0)
        axes.grid(False)
        axes.set_yticks([i + 0.5 for i in range(count)], agents.names, fontsize=8)
        axes.xaxis.tick_top()
        axes.set_xticks(
            [i + 0.5 for i in range(count)], agents.names, fontsize=8, rotation=55, ha="left"
        )
        axes.tick_params(length=0, pad=2)
        for side in axes.spines.values():
            side.set_visible(False)
    return sheet, axes, top + HEADS + ROW * count + 0.16


def _cells(axes: Axes, heat: Heat) -> None:
    for i, words in enumerate(heat.words):
        for j, word in enumerate(words):
            few = bool(heat.few[i, j])
            axes.add_patch(
                Rectangle(
                    (j, i),
                    1,
                    1,
                    facecolor="white" if few else heat.colours[i][j],
                    edgecolor="#B0B0B0" if few else "white",
                    hatch="////" if few else None,
                    linewidth=0.0 if few else 0.6,
                )
            )
            ink = GREY if few else BLACK
            axes.text(j + 0.5, i + 0.53, word, ha="center", va="center", fontsize=7, color=ink)


def _key(sheet: Sheet, top: float, cells: Sequence[tuple[str, Colour]], words: str) -> None:
    axes = sheet.box(LABELS, top, 6.0, 0.2)
    axes.set_xlim(0, 6.0)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for i, (word, colour) in enumerate(cells):
        axes.add_patch(Rectangle((0.62 * i, 0), 0.6, 1, facecolor=colour, edgecolor=LIGHT))
        axes.text(0.62 * i + 0.3, 0.47, word, ha="center", va="center", fontsize=7)
    axes.text(0.62 * len(cells) + 0.1, 0.47, words, va="center", fontsize=7.5)
