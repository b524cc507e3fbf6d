"""Medians and intervals of a run: ``summary.csv`` and the table printed after it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from experiments.runs.results import PLACES, Layout
from experiments.runs.seeds import of_scenario

Float = npt.NDArray[np.float64]

FILE = "summary.csv"
# The median, then the ends of the 50, 80 and 95% intervals.
QUANTILES = {
    "median": 0.5,
    "low50": 0.25,
    "high50": 0.75,
    "low80": 0.1,
    "high80": 0.9,
    "low95": 0.025,
    "high95": 0.975,
}
COLUMNS = ("scenario", "indicator", "product", "region", "year", *QUANTILES, "unit", "mode")


def quantiles(values: npt.NDArray[np.floating], axis: int = 0) -> Float:
    """The quantiles of QUANTILES along ``axis``, which they replace as the first axis.

    Draws for which a value does not exist (a wait where nobody enters) are left out; NaN where
    no draw has one. In the unit of ``values``.
    """
    points = list(QUANTILES.values())
    moved = np.moveaxis(np.asarray(values, dtype=np.float64), axis, 0)
    missing = np.isnan(moved)
    some = missing.any(axis=0) & ~missing.all(axis=0)
    with np.errstate(invalid="ignore"):  # a wait may be infinite: nobody was admitted
        found = np.quantile(moved, points, axis=0)
        if some.any():
            found[:, some] = np.nanquantile(moved[:, some], points, axis=0)
    return np.asarray(found)


def write_summary(file: h5py.File, layout: Layout, folder: Path) -> Path:
    """Write ``summary.csv`` (all ages) of an open ``results.nc`` into ``folder``; returns its path.

    Reads the arrays without their labels, which ``layout`` knows: opening the whole as a dataset
    would take longer than a short run.
    """
    products, modes = layout.products, layout.modes
    path = folder / FILE
    with path.open("w", encoding="utf-8", newline="") as text:
        text.write(_cells(*COLUMNS) + "\n")
        for s, scenario in enumerate(layout.scenarios):
            for row in layout.catalogue.indicators:
                values = of_scenario(file[row.id], s, *[slice(None)] * 3, 0)
                # (quantiles, years, products, regions) -> (products, regions, years, quantiles)
                found = np.transpose(quantiles(values), (2, 3, 1, 0))
                for p, r in np.argwhere(~np.isnan(found[..., 0]).all(axis=2)):
                    # One format for a whole line: there are a hundred thousand of them.
                    where = _cells(scenario.id, row.id, products[p], PLACES[r])
                    line = f"{where},%d{',%.6g' * len(QUANTILES)},{_cells(row.unit, modes[p])}\n"
                    lines = zip(layout.years, found[p, r].tolist(), strict=True)
                    text.writelines(line % (year, *numbers) for year, numbers in lines)
    return path


def _cells(*words: str) -> str:
    """Cells of a csv line, quoted where they must be; a percent sign is doubled for formats."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue().replace("%", "%%")
