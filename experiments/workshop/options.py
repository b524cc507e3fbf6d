"""What ECharts is given of a graph: a frame that stays, and data that is sent when it changes.

Bands are stacked areas: what lies below (invisible), then the height of each part. Every series is
there from the start, without data where there is nothing to draw, so that a patch is data alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR, LAST_YEAR, YEARS, Float
from experiments.workshop.dots import Dot

BLACK, BLUE, RED, GREEN, GREY = "#000000", "#0072B2", "#D55E00", "#009E73", "#595959"
OVERLAID: tuple[tuple[str, str | list[int]], ...] = ((RED, [2, 4]), (GREEN, [9, 3, 2, 3]))
DASHED = [7, 5]
HISTORY_ENDS = BRANCH_YEAR - 0.5  # a year stands at its middle: January is half a year before
FLAT = 0.75  # an axis that could leave out so much of its height does not begin at nought
DIGITS = 5

Data = list[Any]
Numbers = list[float | None]


@dataclass(frozen=True)
class Picture:
    """What one graph shows, numbers in the unit shown: bands (LEVELS, YEARS) of each scenario.

    ``own``: the scenario under the hand, None until it is answered.
    """

    reference: Float
    own: Float | None = None
    overlaid: tuple[Float, ...] = ()
    dots: tuple[Dot, ...] = ()

    def drawn(self) -> Sequence[Float]:
        """All bands, each (LEVELS, YEARS), in the unit shown."""
        return (self.reference, *(() if self.own is None else (self.own,)), *self.overlaid)


def data_of(picture: Picture) -> dict[str, Data]:
    """Data by id of series: all that changes but the axis."""
    own = picture.own
    low90, low50, median, high50, high90 = [None] * 5 if own is None else own
    found: dict[str, Data] = {
        "below": _row(low90),
        "band.low": _height(low90, low50),
        "band.half": _height(low50, high50),
        "band.high": _height(high50, high90),
        "own": _row(median),
        "reference.low": _row(picture.reference[0]),
        "reference.high": _row(picture.reference[-1]),
        "reference": _row(picture.reference[2]),
    }
    for i in range(len(OVERLAID)):
        there = i < len(picture.overlaid)
        found[f"overlaid.{i + 1}"] = _row(picture.overlaid[i][2]) if there else []
    found["dots"] = [
        [dot.year, *(None if n is None else _short(n) for n in (dot.value, dot.low, dot.high))]
        for dot in picture.dots
    ]
    return found


def _row(numbers: Float | None) -> Data:
    if numbers is None or not np.isfinite(numbers).any():
        return []
    return [_short(number) for number in numbers.tolist()]


def _height(low: Float | None, high: Float | None) -> Data:
    return [] if low is None or high is None else _row(high - low)


def _short(number: float) -> float | None:
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None


def axis_of(picture: Picture, at_least: tuple[float, float] | None = None) -> dict[str, float]:
    """Ends of the upright axis and the step of its labels: from nought where that makes sense.

    ``at_least``: ends that it keeps while a hand moves, so that lines move and the axis does not.
    In the unit shown.
    """
    numbers = np.concatenate([np.ravel(bands) for bands in picture.drawn()])
    known = numbers[np.isfinite(numbers)].tolist()
    for dot in picture.dots:
        known += [n for n in (dot.value, dot.low, dot.high) if n is not None]
    if not known:
        return {"min": 0.0, "max": 1.0, "interval": 0.5}
    low, high = min(known), max(known)
    if (low >= 0.0 and low < FLAT * high) or low == high:
        low = min(0.0, low)
    if at_least is not None:
        low, high = min(low, at_least[0]), max(high, at_least[1])
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high or 1.0)
    step = float(ticks[1] - ticks[0])
    first, last = (step * f(end / step) for f, end in ((math.floor, low), (math.ceil, high)))
    return {"min": _exact(first), "max": _exact(max(last, first + step)), "interval": _exact(step)}


def _exact(number: float) -> float:
    return float(f"{number:.10g}")


def whole(picture: Picture) -> dict[str, Any]:
    """The option that a graph begins with."""
    data = data_of(picture)
    series = [{"data": data.get(one["id"], []), **one} for one in _series()]
    return {**_frame(), "yAxis": {**_upright(), **axis_of(picture)}, "series": series}


def patch(
    data: Mapping[str, Data],
    axis: Mapping[str, float],
    sent: Mapping[str, Data],
    sent_axis: Mapping[str, float],
) -> dict[str, Any]:
    """What of an option must change when ``sent`` was told before; empty where nothing does."""
    series = [{"id": key, "data": row} for key, row in data.items() if row != sent.get(key)]
    found: dict[str, Any] = {"series": series} if series else {}
    return found if axis == sent_axis else {**found, "yAxis": dict(axis)}


def _frame() -> dict[str, Any]:
    return {
        "animation": False,
        "aria": {"enabled": False},  # the table and the sentence tell it better
        "textStyle": {"fontFamily": "system-ui, sans-serif", "fontSize": 13, "color": "#1a1a1a"},
        "grid": {"left": 2, "right": 22, "top": 8, "bottom": 2, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}},
        "xAxis": [
            {
                "type": "category",
                "data": [str(year) for year in YEARS],
                "boundaryGap": False,
                "axisTick": {"interval": 4},
                "axisLabel": {"interval": 4, "color": "#1a1a1a", "fontSize": 13},
                "axisLine": {"onZero": False, "lineStyle": {"color": GREY}},
            },
            {"type": "value", "show": False, "min": FIRST_YEAR, "max": LAST_YEAR},
        ],
    }


def _upright() -> dict[str, Any]:
    return {
        "type": "value",
        "axisLabel": {"color": "#1a1a1a", "fontSize": 13},
        "splitLine": {"lineStyle": {"color": "#e3e7eb"}},
    }


def _series() -> list[dict[str, Any]]:
    parts = [
        _area("below", 0.0),
        _area("band.low", 0.16),
        _area("band.half", 0.36),
        _area("band.high", 0.16),
        _line("reference.low", BLACK, 1, [2, 3], z=3),
        _line("reference.high", BLACK, 1, [2, 3], z=3),
        _line("own", BLUE, 3, "solid", z=4),
        *(
            _line(f"overlaid.{i + 1}", colour, 2.5, dash, z=5)
            for i, (colour, dash) in enumerate(OVERLAID)
        ),
        _line("reference", BLACK, 2, DASHED, z=6),
    ]
    dots = {"id": "dots", "type": "custom", "xAxisIndex": 1, "z": 7, "silent": True}
    return [*parts, {**dots, "clip": False}, _mark()]


def _line(key: str, colour: str, width: float, dash: str | list[int], *, z: int) -> dict[str, Any]:
    style = {"color": colour, "width": width, "type": dash}
    return {"id": key, "type": "line", "symbol": "none", "silent": True, "z": z, "lineStyle": style}


def _area(key: str, opacity: float) -> dict[str, Any]:
    return {
        "id": key,
        "type": "line",
        "stack": "fan",
        "stackStrategy": "all",
        "symbol": "none",
        "silent": True,
        "z": 2,
        "lineStyle": {"width": 0},
        "areaStyle": {"color": BLUE, "opacity": opacity, "origin": "start"},
    }


def _mark() -> dict[str, Any]:
    line = {"color": GREY, "width": 1, "type": "solid"}
    mark = {"symbol": "none", "label": {"show": False}, "silent": True, "lineStyle": line}
    place = {"animation": False, "data": [{"xAxis": HISTORY_ENDS}]}
    return {
        "id": "mark",
        "type": "line",
        "xAxisIndex": 1,
        "data": [],
        "markLine": {**mark, **place},
    }
