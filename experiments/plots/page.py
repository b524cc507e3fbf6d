"""What a page of plots shows, as plain data: drawn and written to CSV from the same values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.figures import PUT_IN
from experiments.plots.style import FAN, WIDE, Look

Float = npt.NDArray[np.float64]

BANDS = ("95", "80", "50")
COLUMNS = (
    "panel",
    "title",
    "what",
    "series",
    "scenario",
    "figure",
    "year",
    "value",
    *(f"{end}{band}" for band in BANDS for end in ("low", "high")),
    "low",
    "high",
    "unit",
    "source",
    "role",
    "given",
    "mode",
    "cut",
)
YOUNGEST = 10.0  # the first age of the strata, years
WORD_SHARE = 0.135  # of a panel, that a line of words takes at its top
MODEL_SOURCE = "model, {drawn} draws"


@dataclass(frozen=True, eq=False)
class Line:
    """A median and its bands over the years, all (years,), in the unit of the panel.

    ``bands``: low and high by band, "95", "80", "50"; only those that are drawn.
    """

    series: str
    scenario: str
    years: Float
    median: Float
    bands: dict[str, tuple[Float, Float]]
    look: Look = FAN
    width: float = 1.6


@dataclass(frozen=True)
class Dot:
    """One observed figure in the unit of the panel; ``low`` and ``high`` where printed.

    ``value`` is None where two bounds were printed and no value. ``given``: how the model knows
    the figure, "" where it does not; ``years``: how many it is of.
    """

    figure: str
    series: str
    year: float
    value: float | None
    low: float | None
    high: float | None
    role: str
    source: str
    look: Look = FAN
    given: str = ""
    years: int = 1

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of its bar, in the unit of the panel; the value where an end was not printed.

        Raises ValueError where nothing was.
        """
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if low is None or high is None:
            raise ValueError(f"{self.figure}: neither a value nor two bounds")
        return low, high

    @property
    def kind(self) -> str:
        """The mark of the figure: put-in (it tests nothing), fitted or checked."""
        if self.given in PUT_IN:
            return "put-in"
        return "fitted" if self.role == "fitted" else "checked"


@dataclass(frozen=True)
class Panel:
    """One small plot. ``title`` and ``subtitle`` say what and of whom; ``unit`` stands in both."""

    title: str
    subtitle: str
    unit: str
    mode: str
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...] = ()
    tags: tuple[str, ...] = ()
    log: bool = False
    earlier: int = 0  # figures before the first year, not drawn
    whole: bool = False  # the axis holds every band from beginning to end

    @property
    def bottom(self) -> float:
        """Lower limit of the axis in its unit: 0, but for an age the youngest age of the model."""
        return YOUNGEST if self.unit == "years" else 0.0

    @property
    def words(self) -> int:
        """Lines of text at the top of the panel."""
        return sum(tag.count("\n") + 1 for tag in self.tags)

    @property
    def words_below(self) -> bool:
        """Whether the words stand at the foot: above the lines the axis would exceed 100%."""
        return bool(self.tags) and self.unit == "percent" and self._top_with_words > 100.0

    @property
    def top(self) -> float:
        """Upper limit of the axis, with room for the words above all dots; a share ends at 100%.

        The 97.5% point of the last year, every dot and every median fit below the words; a band
        that leaves the panel is cut, and the panel says so.
        """
        top = self._top_with_words
        return min(top, 100.0) if self.unit == "percent" else top

    @property
    def _top_with_words(self) -> float:
        seen = [dot.ends[1] for dot in self.dots]
        for line in self.lines:
            seen.append(float(np.nanmax(line.median, initial=0.0)))
            if line.bands:
                widest = line.bands[next(iter(line.bands))][1]
                kept = widest if self.whole else widest[-1:]
                seen.append(float(np.nanmax(kept, initial=0.0)))
        top = 1.05 * max(seen, default=0.0)
        if self.unit == "percent":
            top = min(top, 100.0)
        above = (top - self.bottom) / (1.0 - WORD_SHARE * self.words)
        return self.bottom + above if above > 0 else self.bottom + 1.0

    def is_cut(self, high: Float) -> npt.NDArray[np.bool_]:
        """Where the upper end of a band lies above the panel. Same shape."""
        return np.asarray(np.nan_to_num(high) > (np.inf if self.log else self.top))

    @property
    def inside(self) -> tuple[bool, ...]:
        """Of each fitted figure with a band of its own series: whether its value lies in it."""
        found = []
        for dot in self.dots:
            band = self._band_at(dot)
            if dot.kind == "fitted" and dot.value is not None and band is not None:
                found.append(band[0] <= dot.value <= band[1])
        return tuple(found)

    def _band_at(self, dot: Dot) -> tuple[float, float] | None:
        """Ends of the widest band of the dot's series in its year."""
        for line in self.lines:
            at = np.flatnonzero(line.years == dot.year)
            if line.series == dot.series and line.bands and at.size:
                low, high = line.bands[next(iter(line.bands))]
                return float(low[at[0]]), float(high[at[0]])
        return None

    @property
    def cut(self) -> bool:
        """Whether a band leaves the panel."""
        ends = [high for line in self.lines for _, high in line.bands.values()]
        return any(bool(self.is_cut(high).any()) for high in ends)


@dataclass(frozen=True)
class Key:
    """One entry of the legend of a page."""

    label: str
    kind: str  # fan, band, line, fitted, checked, put-in, scenario-only
    look: Look = FAN


@dataclass(frozen=True)
class Page:
    """Panels in reading order; ``name`` is the file name without its ending."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    columns: int
    legend: tuple[Key, ...]
    notes: tuple[str, ...] = ()
    width: float = WIDE
    panel_height: float = 0.87
    drawn: Literal["prior", "posterior"] = "prior"  # what the draws are


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.8g}"


def _rows(panel: Panel, number: int, drawn: str) -> Iterator[dict[str, str]]:
    about = {
        "panel": str(number),
        "title": f"{panel.title}: {panel.subtitle}".replace("\n", " "),
        "unit": panel.unit,
        "mode": panel.mode,
    }
    for line in panel.lines:
        for i, year in enumerate(line.years):
            ends = {}
            for band, (low, high) in line.bands.items():
                ends[f"low{band}"], ends[f"high{band}"] = _number(low[i]), _number(high[i])
            cut = any(panel.is_cut(high)[i] for _, high in line.bands.values())
            yield (
                about
                | ends
                | {
                    "what": "model",
                    "series": line.series,
                    "scenario": line.scenario,
                    "year": f"{year:g}",
                    "value": _number(line.median[i]),
                    "source": MODEL_SOURCE.format(drawn=drawn),
                    "cut": "yes" if cut else "no",
                }
            )
    for dot in panel.dots:
        yield about | {
            "what": "observed",
            "series": dot.series,
            "figure": dot.figure,
            "year": f"{dot.year:g}",
            "value": _number(dot.value),
            "low": _number(dot.low),
            "high": _number(dot.high),
            "source": dot.source,
            "role": dot.role,
            "given": dot.given,
            "cut": "no",
        }


def csv_text(page: Page) -> str:
    """The numbers drawn on ``page``: one row for each year of each line, and for each dot."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for number, panel in enumerate(page.panels, start=1):
        writer.writerows(_rows(panel, number, page.drawn))
    return text.getvalue()
