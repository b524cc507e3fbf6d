"""Reads what only agents can tell for the plots: runs of the reference, labels, words."""

from __future__ import annotations

import textwrap
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from experiments.comparisons.compare_table import three
from experiments.runs.seeds import MIXED, pooled, seeds_of, told_runs
from experiments.runs.summary import QUANTILES, quantiles

Float = npt.NDArray[np.float64]

REFERENCE = 0
ENDS = ("low95", "median", "high95")
MARK = "†"
ONLY = f"{MARK} scenario-only: too few figures to be calibrated; priors."
LETTERS = 27  # of a product's name that have room


class Agents:
    """The agents of one results folder, draws and seeds pooled; last year if none is told."""

    def __init__(self, dataset: xr.Dataset) -> None:
        flat = pooled(dataset)
        self.dataset = flat
        self.products = [str(name) for name in flat["product"].values]
        only = flat["mode"].values == "scenario-only"
        names = flat["product_name"].values
        short = [textwrap.shorten(str(name), LETTERS, placeholder=" …") for name in names]
        self.names = [f"{n}{MARK}" if o else n for n, o in zip(short, only, strict=True)]
        self.year = int(flat["time"].values[-1])
        self.title = str(flat["scenario_title"].values[REFERENCE])
        self.persons = float(flat.attrs["persons_per_agent"])
        self.agents = int(np.asarray(flat.attrs["agents"]).item())
        told = flat.attrs.get("draws")
        self.drawn: Literal["prior", "posterior"] = "posterior" if told == "posterior" else "prior"
        self.runs = told_runs(int(flat.sizes["draw"]), seeds_of(dataset.attrs))

    def values(self, name: str, years: int = 1) -> Float:
        """Values of the reference in their unit, averaged over the last ``years``, (runs, ...)."""
        array = self.dataset[name].isel(scenario=REFERENCE, time=slice(-years, None))
        return np.asarray(array.mean("time", skipna=False).values, float)

    def labels(self, dim: str) -> list[str]:
        """Labels of a dimension."""
        return [str(label) for label in self.dataset[dim].values]

    @property
    def notes(self) -> list[str]:
        """What every picture says at its foot."""
        return [
            f"{self.title}. {self.runs}, {self.agents:,} agents, each for {three(self.persons)} "
            f"persons. {MIXED} Intervals, here or in the CSV, hold 95% of runs.",
        ]


def ends(draws: Float) -> dict[str, Float]:
    """Low end, median and high end (95%) of runs (first axis); NaN where none has a value."""
    return dict(zip(QUANTILES, quantiles(draws), strict=True))
