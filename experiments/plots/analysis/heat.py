"""Heat maps of numbers: a colour, the number itself, hatching where it may be nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from experiments.plots.style import BLACK, GREY

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

# One hue from white, so that it reads in grey and by any colour vision.
BLUES = LinearSegmentedColormap.from_list("blues", ["#FFFFFF", "#9CC9E8", "#0072B2", "#08345A"])
ORANGES = LinearSegmentedColormap.from_list("oranges", ["#FFFFFF", "#F6C9A8", "#D55E00", "#5C2900"])


@dataclass(frozen=True)
class Heat:
    """``values`` (rows, columns); ``faint``: cells told from nothing by no interval.

    ``told`` puts a cell (row, column) in words; "" leaves it without.
    """

    values: Float
    faint: Bool
    told: Callable[[int, int], str]
    orange: bool = False
    size: float = 7.0


def draw_heat(axes: Axes, heat: Heat, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Cells with white lines between them, labels left and above."""
    values = heat.values
    top = float(np.nanmax(values, initial=0.0)) or 1.0
    norm, map_ = Normalize(0.0, top), ORANGES if heat.orange else BLUES
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            value = values[i, j]
            known = bool(np.isfinite(value))
            colour = map_(norm(max(value, 0.0))) if known else (0.93, 0.93, 0.93, 1.0)
            pale = known and heat.faint[i, j]
            axes.add_patch(
                Rectangle(
                    (j - 0.5, i - 0.5),
                    1,
                    1,
                    facecolor="white" if pale else colour,
                    edgecolor="#C8C8C8" if pale else "white",
                    linewidth=0.8,
                    hatch="////" if pale else ("xx" if not known else ""),
                    gid=f"cell-{i}-{j}",
                )
            )
            words = heat.told(i, j)
            if words:
                dark = known and not pale and _dark(colour)
                axes.text(
                    j,
                    i,
                    words,
                    ha="center",
                    va="center",
                    fontsize=heat.size,
                    color="white" if dark else (GREY if pale else BLACK),
                    linespacing=1.05,
                )
    axes.set_xlim(-0.5, values.shape[1] - 0.5)
    axes.set_ylim(values.shape[0] - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows, linespacing=1.1)
    axes.set_xticks(range(len(columns)), columns)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _dark(colour: tuple[float, float, float, float]) -> bool:
    red, green, blue = colour[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
