"""Pictures of a report, in its language: scenarios over the years, and products over their figures.

Each is an SVG file with a CSV of the numbers that it shows beside it.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.comparisons.compare import WHOLE, Scenarios
from experiments.plots.page import Panel
from experiments.plots.reader import Reader
from experiments.plots.scenario_fans import label_ends
from experiments.plots.style import BLUE, GREY, OPACITY, REFERENCE, SEVERAL, STYLE, Look
from experiments.plots.words import ages_in_words
from experiments.report.blocks import Picture
from experiments.report.material import Material
from experiments.report.words import Words
from experiments.runs.headline_series import load_headlines

Float = npt.NDArray[np.float64]

QUANTILES = (0.05, 0.5, 0.95)
MOST = len(SEVERAL)  # scenarios beside the baseline that one picture can tell apart
LAST_OBSERVED = 2024.0  # 1 January: observation ends before it
COLUMNS, PANEL = 4, (1.72, 1.32)  # small multiples: panels in a row, inches of each
SMALL = 6.5  # points, in small multiples


@dataclass(frozen=True)
class Curve:
    """One scenario over the years in the unit shown: (3, years) of 5%, median and 95%."""

    name: str
    look: Look
    values: Float


def scenario_fan(
    material: Material, words: Words, of: tuple[str, str], ids: Sequence[str], folder: Path
) -> Picture:
    """Baseline and other scenarios (``ids``, the baseline first) of an indicator of a product."""
    indicator, product = of
    scenarios = material.scenarios
    unit, factor = words.unit(scenarios.unit(indicator))
    series = factor * material.series[of]
    curves = [
        Curve(
            scenario_name(words, one, scenarios),
            look,
            np.nanquantile(series[scenarios.ids.index(one)], QUANTILES, axis=0),
        )
        for one, look in zip(ids, (REFERENCE, *SEVERAL), strict=False)
    ]
    years = np.array(scenarios.years, float)
    name = words.name(f"indicator.{indicator}", scenarios.name(indicator))
    whose = product_name(words, product, scenarios.names[product])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.7, 2.9))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.13, 0.1, 0.53, 0.82))
        _draw_curves(axes, years, curves)
        axes.set_ylabel(textwrap.fill(unit, 34))
        _years_and_numbers(axes, years, words)
        label_ends(axes, [(curve.name, float(curve.values[1, -1]), curve.look) for curve in curves])
        path = _save(figure, folder / f"{indicator}-{product}")
    table = [
        (curve.name, f"{year:.0f}", *(f"{value:.8g}" for value in curve.values[:, y]), unit)
        for curve in curves
        for y, year in enumerate(years)
    ]
    _write_rows(path, ("scenario", "year", "low90", "median", "high90", "unit"), table)
    told = [
        words.say(
            "fan.value",
            scenario=curve.name,
            median=words.number(float(curve.values[1, -1])),
            low=words.number(float(curve.values[0, -1])),
            high=words.number(float(curve.values[2, -1])),
        )
        for curve in curves
    ]
    alt = words.say(
        "fan.alt", name=name, product=whose, year=scenarios.years[-1], values="; ".join(told)
    )
    return Picture(
        path, words.say(material.key("fan.caption"), name=name, product=whose, unit=unit), alt
    )


def _draw_curves(axes: Axes, years: Float, curves: Sequence[Curve]) -> None:
    for number, curve in reversed(list(enumerate(curves))):
        low, median, high = curve.values
        colour = curve.look.colour
        if number == 0:
            axes.fill_between(years, low, high, color=colour, alpha=OPACITY["95"] / 2, linewidth=0)
        axes.plot(years, median, color=colour, linestyle=curve.look.dash, linewidth=1.6)
        x = years[-1] + 0.2 + 0.13 * number
        axes.plot([x, x], [low[-1], high[-1]], color=colour, linewidth=2.0, solid_capstyle="butt")
        axes.plot(
            [x], [median[-1]], curve.look.marker, color=colour, markersize=3.4, markerfacecolor="w"
        )
    axes.set_xlim(years[0], years[-1] + 0.4 + 0.13 * len(curves))
    lowest = min(float(np.nanmin(curve.values)) for curve in curves)
    axes.set_ylim(bottom=1.05 * min(0.0, lowest))


def _years_and_numbers(axes: Axes, years: Float, words: Words) -> None:
    ticks = MaxNLocator(integer=True, nbins=8).tick_values(years[0], years[-1])
    axes.set_xticks([year for year in ticks if years[0] <= year <= years[-1]])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.number(y)))


def headline_fans(reader: Reader, words: Words, folder: Path) -> Picture:
    """Every product over its figures: the reference with its bands, and dots where observed."""
    panels = []
    for row, series in load_headlines(reader.catalogue):
        if series.id in reader.series:
            name = product_name(words, row.product, reader.names[row.product])
            what = words.name(f"indicator.{row.indicator}")
            ages = ages_in_words(series.group)
            unit = words.unit(series.unit)[0]
            subtitle = f"{what} ({unit}, {ages})" if series.group.ages != "all ages" else what
            panels.append(reader.of_series(series.id, name, subtitle))
    rows = -(-len(panels) // COLUMNS)
    with mpl.rc_context({**STYLE, "font.size": SMALL}):
        figure = Figure(figsize=(COLUMNS * PANEL[0], rows * PANEL[1]), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, COLUMNS, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw_panel(axes, panel, words)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        path = _save(figure, folder / "products")
    _write_rows(
        path, ("product", "what", "year", "low95", "value", "high95", "unit"), _rows(panels)
    )
    last = int(reader.years[-1])
    told = [words.say("fan.value", scenario=panel.title, **_ends(panel, words)) for panel in panels]
    name, whose = words.say("section.years"), ", ".join(panel.title for panel in panels)
    alt = words.say("fan.alt", name=name, product=whose, year=last, values="; ".join(told))
    return Picture(path, words.say("products.caption"), alt)


def _ends(panel: Panel, words: Words) -> dict[str, str]:
    line = panel.lines[0]
    low, high = line.bands["95"]
    ends = (("median", line.median), ("low", low), ("high", high))
    return {key: words.number(float(values[-1])) for key, values in ends}


def _draw_panel(axes: Axes, panel: Panel, words: Words) -> None:
    line = panel.lines[0]
    faint = 0.55 if panel.mode == "scenario-only" else 1.0
    for band, (low, high) in line.bands.items():
        axes.fill_between(
            line.years, low, high, color=BLUE, alpha=OPACITY[band] * faint, linewidth=0
        )
    axes.plot(line.years, line.median, color=BLUE, linewidth=1.2)
    for dot in panel.dots:
        axes.plot([dot.year] * 2, dot.ends, color="k", linewidth=0.7)
        if dot.value is not None:
            fill = "k" if dot.kind == "fitted" else "w"
            axes.plot([dot.year], [dot.value], "o", color="k", markersize=2.4, markerfacecolor=fill)
    axes.axvline(LAST_OBSERVED, color=GREY, linewidth=0.6)
    title = textwrap.fill(panel.title, 30)
    subtitle = textwrap.fill(panel.subtitle, 36)
    mark = f"\n{words.name('mode.scenario-only').partition(':')[0]}" if faint < 1.0 else ""
    axes.set_title(f"{title}\n{subtitle}{mark}", fontsize=5.6, loc="left")
    axes.set_ylim(0.0, panel.top)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.number(y)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))


def _rows(panels: Sequence[Panel]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for panel in panels:
        line = panel.lines[0]
        low, high = line.bands["95"]
        for y, year in enumerate(line.years):
            ends = (f"{low[y]:.8g}", f"{line.median[y]:.8g}", f"{high[y]:.8g}")
            found.append((panel.title, "model", f"{year:.0f}", *ends, panel.unit))
        for dot in panel.dots:
            low_end, high_end = dot.ends
            value = "" if dot.value is None else f"{dot.value:.8g}"
            told = (f"{low_end:.8g}", value, f"{high_end:.8g}")
            found.append(
                (panel.title, f"observed, {dot.source}", f"{dot.year:g}", *told, panel.unit)
            )
    return found


def product_name(words: Words, product: str, otherwise: str) -> str:
    """The name of a product or of a union."""
    own = words.name(f"product.{product}", "")
    return own or words.name(f"union.{product}", otherwise)


def scenario_name(words: Words, scenario: str, scenarios: Scenarios) -> str:
    """The title of a scenario; that of its file where the language has none."""
    return words.name(f"scenario.{scenario}", scenarios.titles.get(scenario, scenario))


def group_name(words: Words, group: str) -> str:
    """The name of a group of people."""
    return "" if group == WHOLE else words.name(f"region.{group}", group)


def _save(figure: Figure, stem: Path) -> Path:
    path = stem.with_suffix(".svg")
    figure.savefig(path, metadata={"Date": None})
    return path


def _write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
