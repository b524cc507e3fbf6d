"""Results of agents: every draw was run with several seeds, and most readers know draws alone.

Readers pool both: each run, of a draw and a seed, counts as a draw. Scenarios share seeds too, so
differences stay within a draw and a seed. An interval then holds what is uncertain and chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import h5py
    import xarray as xr

Float = npt.NDArray[np.float64]

AXIS = 2  # of the seeds, after scenario and draw
MIXED = "Intervals mix what is uncertain (draws) with the chance of one run (seeds)."


def pooled(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with draws and seeds as one axis ``draw``, read from disk where it is used.

    Seeds of a draw follow each other. As it is where it has no seeds.
    """
    import xarray as xr
    from xarray.core import indexing

    if "seed" not in dataset.dims:
        return dataset
    found: dict[str, object] = {}
    for name, variable in dataset.variables.items():
        if variable.dims[1 : AXIS + 1] == ("draw", "seed"):
            dims = (*variable.dims[:AXIS], *variable.dims[AXIS + 1 :])
            lazy = indexing.LazilyIndexedArray(_merged(variable))
            found[str(name)] = xr.Variable(dims, lazy, variable.attrs)
        elif variable.dims[-2:] == ("draw", "seed"):  # months of rules: few, so they are read
            values = variable.values.reshape(*variable.shape[:-2], -1)
            found[str(name)] = xr.Variable(variable.dims[:-1], values, variable.attrs)
        elif name not in ("draw", "seed"):
            found[str(name)] = variable
    whole = xr.Dataset(found, attrs=dataset.attrs)
    runs = int(dataset.sizes["draw"] * dataset.sizes["seed"])
    whole = whole.assign_coords(draw=np.arange(runs))
    return whole.set_coords([str(name) for name in dataset.coords if name in whole])


def _merged(variable: xr.Variable) -> Any:
    """An array of xarray that merges the axes of draws and seeds of what is asked for."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Merged(BackendArray):
        def __init__(self) -> None:
            first, draws, seeds, *rest = variable.shape
            self.shape = (first, draws * seeds, *rest)
            self.dtype = variable.dtype

        def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
            basic = indexing.IndexingSupport.BASIC
            return indexing.explicit_indexing_adapter(key, self.shape, basic, self._get)

        def _get(self, key: tuple[int | slice, ...]) -> Any:
            raw = variable[(key[0], slice(None), slice(None), *key[AXIS:])].values
            at = 0 if isinstance(key[0], int | np.integer) else 1
            merged = raw.reshape(*raw.shape[:at], -1, *raw.shape[at + 2 :])
            return merged[(slice(None),) * at + (key[1],)]

    return Merged()


def seeds_of(attributes: Mapping[Any, Any]) -> int:
    """Seeds of each draw, by the attributes of results; 0: of the compartmental engine."""
    return int(np.asarray(attributes.get("agent_seeds", 0)).item())


def of_scenario(variable: h5py.Dataset, scenario: int, *rest: int | slice) -> Any:
    """Values of a scenario in an open file, draws (pooled with seeds) first.

    ``rest``: what to read of the axes after them.
    """
    seeds = seeds_of(variable.file.attrs)
    values = variable[(scenario, *[slice(None)] * (2 if seeds else 1), *rest)]
    return values.reshape(-1, *values.shape[2:]) if seeds else values


def runs_of(variable: h5py.Dataset) -> int:
    """Draws of a variable in an open file, pooled with seeds."""
    return int(variable.shape[1] * max(seeds_of(variable.file.attrs), 1))


def told_runs(runs: int, seeds: int) -> str:
    """Draws, pooled with the seeds, in words: "200 draws", "1 draw" or "4 draws × 4 seeds"."""
    draws = runs // max(seeds, 1)
    told = f"{draws} draw{'' if draws == 1 else 's'}"
    return f"{told} × {seeds} seed{'' if seeds == 1 else 's'}" if seeds else told


def chance(gap: Float, seeds: int) -> float:
    """Standard deviation of differences (draws x seeds,) over the seeds of a draw; NaN unknown."""
    if seeds < 2:
        return float("nan")
    within = gap.reshape(-1, seeds)
    within = within[np.isfinite(within).all(axis=1)]
    return float(np.sqrt(within.var(axis=1, ddof=1).mean())) if len(within) else float("nan")
