"""Dots with intervals of what only agents can tell, and bars of the waits for treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from experiments.comparisons.compare_table import three
from experiments.plots.agent_reader import ENDS, ONLY, Agents, ends
from experiments.plots.scenario_sheet import Cell, Picture, Sheet, new_sheet
from experiments.plots.style import BLACK, BLUE, NARROW, STYLE, VERMILION
from experiments.runs.agent_results import ASSUMED, GAVE_UP

Float = npt.NDArray[np.float64]

WIDE_RANGE = 20.0
"""Largest over smallest median from which an axis is logarithmic."""


@dataclass(frozen=True)
class Dots:
    """Rows of a panel: values by run and row; ``label``: colour, marker and words of each set.

    Sets are (runs, rows).
    """

    title: str
    sets: tuple[tuple[str, Float], ...]
    percent: bool = False
    at: float | None = None  # where an upright line tells nothing from something


def products_used(agents: Agents) -> Picture:
    """People by number of illegal products that they use now."""
    title = f"Illegal products used at once, 31 December {agents.year}"
    return _numbers(agents, "products_used", "number", title, "illegal products")


def treated_by_number(agents: Agents) -> Picture:
    """People in treatment by number of products with a disorder."""
    title = f"People in treatment by products with a disorder, 31 December {agents.year}"
    return _numbers(agents, "treated_by_number", "disorders", title, "products with a disorder")


def _numbers(agents: Agents, name: str, dim: str, title: str, what: str) -> Picture:
    values, labels = agents.values(name), agents.labels(dim)
    share = values / values.sum(axis=1, keepdims=True)
    panels = (
        Dots("Persons", ((what, values),)),
        Dots("Percent of these people", ((what, share),), percent=True),
    )
    named = [
        f"{label} {what if label != '1' else what.replace('products', 'product')}"
        for label in labels
    ]
    notes = [
        "Dots: medians; lines: 95% of runs. On the logarithmic axis (k = thousand, M = million) a "
        "number that some runs hold none of has no lower end.",
        *agents.notes,
    ]
    rows = _dot_rows(labels, (("persons", values), ("share", share)), agents.year)
    figure = _dot_sheet(agents, title, named, panels, notes)
    return Picture(name.replace("_", "-"), figure.figure, _dot_columns(dim), rows)


def clusters(agents: Agents) -> Picture:
    """How far people who use are tied to each other."""
    ratio, largest = agents.values("assortativity"), agents.values("largest_cluster")
    size = agents.values("mean_cluster")
    panels = (
        Dots("Ties with others who use (×)", (("", ratio),), at=1.0),
        Dots("Largest cluster, percent of people who use", (("", largest),), percent=True),
        Dots("Mean size of a cluster, agents", (("", size),)),
    )
    notes = [
        "Ties: with others who use, over what people of the same age and region would give (1: no "
        "more). A cluster: people who use and hang together by ties among themselves. Ties are "
        "between agents: with fewer agents than inhabitants clusters are a picture of the network, "
        "not counts of people. Dots: medians; lines: 95% of runs.",
        *agents.notes,
        ONLY,
    ]
    measures = (("assortativity", ratio), ("largest_cluster", largest), ("mean_cluster", size))
    sheet = _dot_sheet(
        agents, f"Clusters of people who use, {agents.year}", agents.names, panels, notes
    )
    rows = _dot_rows(agents.products, measures, agents.year)
    return Picture("clusters", sheet.figure, _dot_columns("product"), rows)


def burden(agents: Agents) -> Picture:
    """Mental-health burden among people with a disorder and among others."""
    having, others = agents.values("burden_with_disorder"), agents.values("burden_without")
    sets = (("with a disorder of the product", having), ("all others", others))
    panels = (Dots("Percent with a mental-health burden", sets, percent=True),)
    notes = ["Dots: medians; lines: 95% of runs.", *agents.notes, ONLY]
    title = f"Mental-health burden of people with and without a disorder, {agents.year}"
    sheet = _dot_sheet(agents, title, agents.names, panels, notes)
    measures = (("burden_with_disorder", having), ("burden_without", others))
    rows = _dot_rows(agents.products, measures, agents.year)
    return Picture("burden", sheet.figure, _dot_columns("product"), rows)


def _dot_columns(dim: str) -> tuple[str, ...]:
    return (dim, "year", "measure", *ENDS)


def _dot_rows(
    labels: Sequence[str], measures: Sequence[tuple[str, Float]], year: int
) -> tuple[tuple[Cell, ...], ...]:
    found = [(name, ends(values)) for name, values in measures]
    return tuple(
        (label, year, name, *(float(seen[end][i]) for end in ENDS))
        for i, label in enumerate(labels)
        for name, seen in found
    )


def _dot_sheet(
    agents: Agents,
    title: str,
    labels: Sequence[str],
    panels: Sequence[Dots],
    notes: Sequence[str],
) -> Sheet:
    """Panels side by side, a row a label."""
    left, gap, head, ticks = 2.3, 0.35, 0.55, 0.35
    across = (NARROW - left - 0.2 - gap * (len(panels) - 1)) / len(panels)
    tall = max(0.24 * len(labels), 0.9)
    with mpl.rc_context(STYLE):
        size = (NARROW, head + tall + ticks)
        sheet, top = new_sheet(title, agents.drawn, size, notes, f"{ASSUMED}.")
        for number, panel in enumerate(panels):
            axes = sheet.box(left + (across + gap) * number, top + head, across, tall)
            _dots(axes, panel, labels if number == 0 else [""] * len(labels))
    return sheet


def _dots(axes: Axes, panel: Dots, labels: Sequence[str]) -> None:
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_title(panel.title, fontsize=8.5, loc="left", pad=18 if len(panel.sets) > 1 else 6)
    axes.spines["left"].set_visible(False)
    log = _over_decades(panel)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _brief(x)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if panel.at is not None:
        axes.axvline(panel.at, color=BLACK, linewidth=0.8, zorder=1)
    factor = 100.0 if panel.percent else 1.0
    apart = 0.16 if len(panel.sets) > 1 else 0.0
    for k, (words, values) in enumerate(panel.sets):
        colour, marker = ((BLUE, "o"), (VERMILION, "D"))[k]
        seen = {end: values * factor for end, values in ends(values).items()}
        places = np.arange(len(labels)) + apart * (2 * k - 1)
        low = seen["low95"]
        if log:  # nothing of zero can be drawn
            low = np.where(low > 0, low, seen["median"])
            seen["median"] = np.where(seen["median"] > 0, seen["median"], np.nan)
        axes.hlines(places, low, seen["high95"], color=colour, linewidth=1.2)
        axes.plot(seen["median"], places, marker, color=colour, markersize=4.5, label=words)
    if not log:
        axes.set_xlim(left=0.0)
    if len(panel.sets) > 1:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=2,
            frameon=False,
            fontsize=8,
            borderpad=0,
            borderaxespad=0.2,
            handletextpad=0.2,
        )


def _over_decades(panel: Dots) -> bool:
    """Whether numbers differ so much that only a logarithmic axis shows them all."""
    middle = np.concatenate([ends(values)["median"] for _, values in panel.sets])
    middle = middle[np.isfinite(middle) & (middle > 0)]
    wide = middle.size > 0 and middle.max() > WIDE_RANGE * middle.min()
    return bool(wide and not panel.percent)


def _brief(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{three(value / size)}{letter}"
    return three(value)


def waits(agents: Agents) -> Picture:
    """How long people wait, by service and region, and how many give up."""
    counts = agents.values("waits")
    services, regions, bins = (agents.labels(dim) for dim in ("service", "region", "week_bin"))
    every = counts.sum(axis=3, keepdims=True)
    share = np.divide(counts, every, out=np.full_like(counts, np.nan), where=every > 0)
    found = ends(share)
    left, gap, head, tall, below = 1.5, 0.3, 0.45, 1.05, 0.62
    across = (NARROW - left - 0.2 - gap * (len(regions) - 1)) / len(regions)
    notes = [
        f"Bars: percent of the people who left the list in {agents.year}, by weeks waited (from, "
        f"to below); hatched, orange: those who gave up. Whiskers: 95% of runs. Above each "
        "panel: people a year.",
        *agents.notes,
    ]
    with mpl.rc_context(STYLE | {"hatch.color": VERMILION}):
        size = (NARROW, head + (tall + below) * len(services))
        title = f"Waiting for treatment by service and region, {agents.year}"
        sheet, top = new_sheet(title, agents.drawn, size, notes, f"{ASSUMED}.")
        sheet.text(left, top, "Percent of people, by weeks waited", fontsize=9)
        for i, service in enumerate(services):
            above = top + head + (tall + below) * i
            words = service.replace("_", "\n").capitalize()
            sheet.text(0.12, above + tall / 2, words, fontsize=9, weight="bold", va="center")
            for j, region in enumerate(regions):
                axes = sheet.box(left + (across + gap) * j, above, across, tall)
                one = {end: 100 * values[i, j] for end, values in found.items()}
                people = float(np.median(every[:, i, j, 0]))
                _bars(axes, one, bins, f"{region}: {three(people)} a year")
    persons = ends(counts)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            *(service, region, label, agents.year),
            *(float(found[end][i, j, k]) for end in ENDS),
            *(float(persons[end][i, j, k]) for end in ENDS),
        )
        for i, service in enumerate(services)
        for j, region in enumerate(regions)
        for k, label in enumerate(bins)
    )
    shares, numbers = ([f"{what}_{end}" for end in ENDS] for what in ("share", "persons"))
    columns = ("service", "region", "weeks", "year", *shares, *numbers)
    return Picture("waits", sheet.figure, columns, rows)


def _bars(axes: Axes, seen: dict[str, Float], bins: Sequence[str], title: str) -> None:
    places = np.arange(len(bins), dtype=float)
    places[-1] += 0.4  # giving up stands apart
    gave_up = [label == GAVE_UP for label in bins]
    bars = axes.bar(places, seen["median"], width=0.8, color=BLUE, alpha=0.75, linewidth=0)
    for bar, up in zip(bars, gave_up, strict=True):
        if up:
            bar.set(facecolor="white", edgecolor=VERMILION, hatch="////", linewidth=0.8, alpha=1.0)
            bar.set_hatch("////")
    axes.vlines(places, seen["low95"], seen["high95"], color=BLACK, linewidth=0.9)
    axes.set_title(title, fontsize=8, loc="left", pad=3)
    axes.set_xticks(places, bins, fontsize=6.5, rotation=40, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0, pad=1)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_ylim(bottom=0.0)
    axes.grid(False, axis="x")
    top = seen["high95"][-1]
    if np.isfinite(top):
        axes.annotate(
            f"{seen['median'][-1]:.0f}%",
            (places[-1], top),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=BLACK,
        )
