"""A small flat store for tests: the layout of ``open_store``, with outcomes of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from experiments.batch.factors import Factor

Float = npt.NDArray[np.float64]


def trend(name: str, **changed: object) -> Factor:
    """An ordered factor from 0 to 1."""
    given: dict[str, object] = {
        "id": name,
        "kind": "trend",
        "name": name,
        "label": f"Trend {name}",
        "low": 0.0,
        "high": 1.0,
        "unit": "position",
        "group": name,
        "history": False,
        "assumed": True,
    }
    return Factor(**{**given, **changed})  # type: ignore[arg-type]


def flat(
    factors: Sequence[Factor],
    points: Float,
    outputs: Mapping[tuple[str, str, str, int], Float],
    scenarios: Sequence[str],
) -> xr.Dataset:
    """``outputs``: (indicator, product, group, year) to values (scenario, point, draw)."""
    shape = next(iter(outputs.values())).shape
    scenario, point, draw = np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")
    order = np.lexsort((scenario.ravel(), point.ravel(), draw.ravel()))
    keys = list(outputs)
    values = np.stack([outputs[key].ravel()[order] for key in keys], axis=1)
    done = np.where(np.isnan(values).any(axis=1), "failed", "done")
    columns: dict[str, object] = {
        "scenario": ("run", np.array(scenarios)[scenario.ravel()[order]]),
        "point": ("run", point.ravel()[order]),
        "draw": ("run", draw.ravel()[order]),
        "state": ("run", done),
        "indicator": ("output", [key[0] for key in keys]),
        "product": ("output", [key[1] for key in keys]),
        "group": ("output", [key[2] for key in keys]),
        "year": ("output", [key[3] for key in keys]),
        "unit": ("output", ["people"] * len(keys)),
        "factor": ("factor", [one.id for one in factors]),
        "factor_values": ("factor", ["|".join(one.values) for one in factors]),
    }
    for name in ("kind", "name", "label", "low", "high", "unit", "group", "history", "assumed"):
        columns[f"factor_{name}"] = ("factor", [getattr(one, name) for one in factors])
    return xr.Dataset(
        {"values": (("run", "output"), values), "sample": (("points", "factor"), points)},
        coords=columns,
    )
