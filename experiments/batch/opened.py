"""A store of a batch as its reader wants it: one variable for each indicator, or one outcome.

A store is flat: rows by outputs. Here rows become scenario, point, draw and seed, and outputs
become year, product and group. Only what is asked for is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.catalogue import IndicatorRow, load_catalogue
from model.errors import InputError
from model.strata import COUNTRY
from scenarios.checked import nearest

if TYPE_CHECKING:
    import xarray as xr

Int = npt.NDArray[np.int64]
Selection = Mapping[str, Sequence[str] | Sequence[int]]

VALUES = "values"
# Labels of rows, from the outer to the inner axis, and of outputs.
ROWS = ("scenario", "point", "draw", "statistic", "seed")
OUTPUTS = ("year", "product", "group")
NUMBERED = ("draw", "seed")
MISSING = "missing"
MOST_ROWS_READ = 2**22  # numbers of a piece: 16 MB


@dataclass(frozen=True)
class _Axes:
    """Where each row stands: labels of each axis, and the index of each row on it."""

    labels: dict[str, npt.NDArray[Any]]
    places: dict[str, Int]
    of_points: dict[str, Int]  # draws and seeds that points name, by point

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(labels) for labels in self.labels.values())

    @property
    def flat(self) -> Int:
        """Index of each row in an array of this shape."""
        return np.asarray(np.ravel_multi_index(tuple(self.places.values()), self.shape))


def labelled(
    dataset: xr.Dataset,
    *,
    indicators: Sequence[str] | None = None,
    products: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    years: Sequence[int] | None = None,
    scenarios: Sequence[str] | None = None,
) -> xr.Dataset:
    """One variable for each indicator, over (scenario, point, draw, seed, time, product, group).

    Axes that a store does not have are left out: ``statistic`` stands where draws are summarised,
    ``seed`` where there are several. Where a point names its draw, ``posterior_draw`` (point) does.
    Rows that failed or lack are NaN and ``state`` says so. What is not selected is not read.
    Raises InputError for what the store does not hold.
    """
    import xarray as xr

    asked = {"indicator": indicators, "product": products, "group": groups, "year": years}
    rows = _matching(dataset, {"scenario": scenarios})
    columns = _matching(dataset, asked)
    axes = _axes(dataset, rows)
    of = {name: np.asarray(dataset[name].values)[columns] for name in ("indicator", *OUTPUTS)}
    inner = {name: _unique(of[name]) for name in OUTPUTS}
    units = np.asarray(dataset["unit"].values)[columns]
    known = {row.id: row for row in load_catalogue().indicators}
    found = {}
    dims = (*axes.labels, "time", "product", "group")
    for one in _unique(of["indicator"]):
        own = np.flatnonzero(of["indicator"] == one)
        at = np.ravel_multi_index(
            tuple(_places(of[name][own], inner[name]) for name in OUTPUTS),
            tuple(len(labels) for labels in inner.values()),
        )
        values = _scattered(dataset, rows, columns[own], axes, (at, inner))
        told = _told(str(one), str(units[own[0]]), known.get(str(one)))
        found[str(one)] = xr.Variable(dims, values, told)
    made = xr.Dataset(found, attrs=dict(dataset.attrs))
    return made.assign_coords(_coordinates(dataset, rows, axes, inner))


def outcome(
    dataset: xr.Dataset,
    indicator: str,
    product: str,
    group: str = COUNTRY,
    year: int = 2030,
    *,
    statistic: str = "mean",
) -> xr.DataArray:
    """One output as (scenario, point, draw), and ``seed`` as a fourth axis where there are several.

    Of a store of statistics this one of them, with one draw. Rows that failed or lack are NaN.
    Raises InputError for an output that the store does not hold.
    """
    found = labelled(
        dataset, indicators=[indicator], products=[product], groups=[group], years=[year]
    )
    array = found[indicator].isel(time=0, product=0, group=0)
    if "statistic" in array.dims:
        known = [str(name) for name in array["statistic"].values]
        if statistic not in known:
            raise InputError("no such statistic", key="statistic", given=statistic, allowed=known)
        array = array.sel(statistic=statistic)
    if "draw" not in array.dims:
        array = array.expand_dims(draw=[0], axis=2)
    return array


def _matching(dataset: xr.Dataset, asked: Mapping[str, Any]) -> Int:
    """Numbers of the rows or outputs whose labels are asked for. Raises InputError."""
    name = next(iter(asked))
    kept = np.ones(dataset[name].size, dtype=bool)
    for key, wanted in asked.items():
        labels = np.asarray(dataset[key].values)
        if wanted is None:
            continue
        known = [str(one) for one in _unique(labels)]
        for one in wanted:
            if str(one) not in known:
                what = f"the store holds no such {key}"
                raise InputError(what, key=key, given=one, allowed=nearest(str(one), known))
        kept &= np.isin(labels.astype(str), [str(one) for one in wanted])
    found = np.flatnonzero(kept)
    if not len(found):
        given = "; ".join(f"{k}: {', '.join(map(str, v))}" for k, v in asked.items() if v)
        raise InputError(
            "the store holds no such output", given=given, allowed="a combination that applies"
        )
    return found


def _unique(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels, each once: numbers upwards, texts in the order in which they stand."""
    values, first = np.unique(labels, return_index=True)
    return values if values.dtype.kind in "iuf" else values[np.argsort(first)]


def _places(labels: npt.NDArray[Any], known: npt.NDArray[Any]) -> Int:
    order = np.argsort(known)
    return np.asarray(order[np.searchsorted(known, labels, sorter=order)], dtype=np.int64)


def _axes(dataset: xr.Dataset, rows: Int) -> _Axes:
    labels: dict[str, npt.NDArray[Any]] = {}
    places: dict[str, Int] = {}
    of_points: dict[str, Int] = {}
    point = np.asarray(dataset["point"].values)[rows]
    kinds = dataset["factor_kind"].values.astype(str).tolist() if "factor_kind" in dataset else []
    named = {"draw": "posterior" in kinds, "seed": "seed" in kinds}
    for name in ROWS:
        if name not in dataset.coords:
            continue
        found = np.asarray(dataset[name].values)[rows]
        known = _unique(found)
        if named.get(name):
            by_point = np.zeros(int(point.max()) + 1, dtype=np.int64)
            by_point[point] = found
            of_points[name] = by_point[_unique(point)]
        elif name != "seed" or len(known) > 1:
            labels[name] = known
            places[name] = _places(found, known)
    return _Axes(labels, places, of_points)


def _scattered(
    dataset: xr.Dataset,
    rows: Int,
    columns: Int,
    axes: _Axes,
    outputs: tuple[Int, Mapping[str, npt.NDArray[Any]]],
) -> npt.NDArray[np.float32]:
    """Values of some outputs in the shape of the axes; NaN where there is none.

    Rows are read piece by piece, so that no more than the result and one piece is in memory.
    """
    at, inner = outputs
    wide = tuple(len(labels) for labels in inner.values())
    flat = np.full((int(np.prod(axes.shape)), int(np.prod(wide))), np.nan, dtype=np.float32)
    where, step = axes.flat, max(1, MOST_ROWS_READ // max(len(columns), 1))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        read = dataset[VALUES].isel(run=rows[part], output=columns).values
        flat[np.ix_(where[part], at)] = read
    return flat.reshape(*axes.shape, *wide)


def _told(name: str, unit: str, row: IndicatorRow | None) -> dict[str, str]:
    if row is None:  # of a user's own table
        return {"long_name": name, "units": unit}
    return {
        "long_name": row.name,
        "units": unit,
        "kind": row.kind,
        "definition": row.definition,
        "source": row.source,
    }


def _coordinates(
    dataset: xr.Dataset, rows: Int, axes: _Axes, inner: Mapping[str, npt.NDArray[Any]]
) -> dict[str, Any]:
    words = {
        "scenario": "Scenario",
        "point": "Point of the sample",
        "draw": "Draw",
        "statistic": "Statistic over draws",
        "seed": "Seed",
    }
    found: dict[str, Any] = {
        name: (name, labels, {"long_name": words[name]}) for name, labels in axes.labels.items()
    }
    found |= {
        "time": ("time", inner["year"], {"long_name": "Calendar year"}),
        "product": ("product", inner["product"], {"long_name": "Product or union"}),
        "group": ("group", inner["group"], {"long_name": "Group of people"}),
    }
    for name, numbers in axes.of_points.items():
        key = "posterior_draw" if name == "draw" else "point_seed"
        found[key] = ("point", numbers, {"long_name": f"{words[name]} that the point names"})
    if "state" in dataset.coords:
        states = np.asarray(dataset["state"].values)[rows].astype(np.str_)
        whole = np.full(int(np.prod(axes.shape)), MISSING, dtype=f"U{max(7, _width(states))}")
        whole[axes.flat] = states
        about = {"long_name": "Whether the run was done, failed, or is missing"}
        found["state"] = (tuple(axes.labels), whole.reshape(axes.shape), about)
    points = axes.labels["point"]
    if "sample" in dataset and dataset.sizes.get("factor", 0):
        table = dataset["sample"].values[points]
        found["sample"] = (("point", "factor"), table, {"long_name": "Value of each factor"})
        found |= {
            str(name): ("factor", dataset[name].values)
            for name in dataset.coords
            if str(name).startswith("factor")
        }
    return found


def _width(states: npt.NDArray[Any]) -> int:
    return int(states.dtype.itemsize // 4)
