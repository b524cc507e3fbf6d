"""Finished studies in a folder: results of runs and stores of batches, read and never run.

What is there is listed once, when the server starts: a study is asked for by its name in that
list, so no address leads to any other file. Links out of the folder are not followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.batch.journal import SUFFIX as JOURNAL
from experiments.batch.opened import labelled
from experiments.batch.store import ROOT, open_store
from experiments.runs import results, scenario_results
from experiments.workshop.answers import LEVELS
from model.errors import InputError
from model.strata import COUNTRY
from scenarios.texts import AGE_GROUPS

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

DAMAGED, FOREIGN, OUTSIDE, NONE = "damaged", "foreign", "outside", "none"
STORES = "*.zarr"
ALL_AGES = AGE_GROUPS[0]
BETWEEN = " / "  # a region and an age group in the name of a group of people
MOST_ROWS = 4000  # of a store that a graph rests on: reading more takes seconds
REMEMBERED = 256  # graphs
MEAN, DONE = "mean", "done"
SOURCES = ("package_version", "parameter_table_hash", "levers_hash", "posterior_hash", "digest")
# What reading a file of any content may raise.
UNREADABLE = (InputError, OSError, ValueError, KeyError, TypeError, RuntimeError)


@dataclass(frozen=True)
class About:
    """What a study holds. ``over``: what its intervals range over (draws, points or means)."""

    title: str
    engine: str
    scenarios: tuple[tuple[str, str], ...]  # id, title
    indicators: tuple[tuple[str, str, str], ...]  # id, name, unit
    products: tuple[str, ...]
    groups: tuple[str, ...]
    years: tuple[int, ...]
    draws: int
    seeds: int
    points: int
    over: str
    sources: Mapping[str, str]
    comment: str


@dataclass(frozen=True)
class Band:
    """LEVELS by year (LEVELS, years) of ``number`` values; NaN where nothing applies."""

    values: Float
    number: int


class Study:
    """One entry of the list. ``problem``: why it cannot be opened, None where it can."""

    def __init__(self, name: str, path: Path, problem: str | None = None) -> None:
        self.name, self.path = name, path
        self._problem = problem

    @cached_property
    def problem(self) -> str | None:
        """DAMAGED, FOREIGN, OUTSIDE or None."""
        if self._problem is None:
            try:
                _ = self.about
            except UNREADABLE:
                return DAMAGED
        return self._problem

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Its file, which stays open: opening takes a second or two, reading a graph does not.

        Dims as in the file.
        """
        return _open(self.path)

    @cached_property
    def about(self) -> About:
        """What it holds. Raises one of UNREADABLE, such as ValueError for an empty study."""
        dataset = self.dataset
        told = _told_store(dataset) if _is_store(self.path) else _told_run(dataset)
        if not told.scenarios or not told.indicators:
            raise ValueError("an empty study")
        return told

    def band(self, scenario: str, indicator: str, product: str, group: str) -> Band:
        """The graph of one scenario. Raises InputError for what the study does not hold, and
        any of UNREADABLE where the file is damaged."""
        about = self.about
        for key, given, allowed in (
            ("scenario", scenario, [one for one, _ in about.scenarios]),
            ("indicator", indicator, [one for one, _, _ in about.indicators]),
            ("product", product, about.products),
            ("group", group, about.groups),
        ):
            if given not in allowed:
                raise InputError("the study holds no such " + key, key=key, given=given)
        return _band(self, scenario, indicator, product, group)


@dataclass(frozen=True)
class Studies:
    """The list. ``trouble``: why there is none."""

    entries: tuple[Study, ...] = ()
    trouble: str | None = None

    @classmethod
    def of(cls, folder: Path | None) -> Studies:
        """What a folder holds, by name."""
        if folder is None:
            return cls(trouble=NONE)
        try:
            paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError:
            return cls(trouble=DAMAGED)
        root = folder.resolve()
        if _holds_run(root):
            return cls((Study(root.name, root),))
        folders = [path for path in paths if path.is_dir() and not _is_journal(path)]
        return cls(tuple(one for path in folders for one in _found(path, root)))

    def get(self, name: str) -> Study | None:
        """The study of that name."""
        return next((one for one in self.entries if one.name == name), None)


def _found(path: Path, root: Path) -> Sequence[Study]:
    if not path.resolve().is_relative_to(root):
        return [Study(path.name, path, OUTSIDE)]
    if _is_store(path):
        return [Study(path.name, path)]
    found = []
    if _holds_run(path):
        found.append(Study(path.name, path))
    for store in sorted(path.glob(STORES)):
        inside = store.resolve().is_relative_to(root)
        found.append(Study(f"{path.name}/{store.name}", store, None if inside else OUTSIDE))
    return found or [Study(path.name, path, FOREIGN)]


def _is_journal(path: Path) -> bool:
    """The journal that a batch keeps beside its store."""
    return path.suffix == JOURNAL and Path(path.stem).suffix == STORES[1:]


def _holds_run(path: Path) -> bool:
    return any((path / name).exists() for name in (results.FILE, scenario_results.FILE))


def _is_store(path: Path) -> bool:
    return path.suffix == STORES[1:] or (path / ROOT).is_file()


def _open(path: Path) -> xr.Dataset:
    """The dataset to draw from: results in full where they hold every scenario."""
    if _is_store(path):
        return open_store(str(path))
    if not (path / scenario_results.FILE).exists():
        return results.open_results(path)
    compact = scenario_results.open_dataset(path)
    if (path / results.FILE).is_file():
        full = results.open_results(path)
        if full.sizes["scenario"] == compact.sizes["scenario"]:
            compact.close()
            return full
        full.close()
    return compact


def _texts(array: xr.DataArray) -> tuple[str, ...]:
    return tuple(str(one) for one in array.values)


def _told_run(dataset: xr.Dataset) -> About:
    ids = _texts(dataset["scenario"])
    titles = _texts(dataset["scenario_title"]) if "scenario_title" in dataset.variables else ids
    full = "age_group" in dataset.dims
    people = {"region", "age_group"} if full else {"group"}
    shape = {"scenario", "draw", "time", "product"} | people
    named = {
        str(name): one
        for name, one in dataset.data_vars.items()
        if shape <= set(one.dims) and one.dtype.kind == "f"
    }
    if full:
        ages = _texts(dataset["age_group"])
        groups = tuple(_joined(region, age) for region in _texts(dataset["region"]) for age in ages)
    else:
        groups = _texts(dataset["group"])
    seeds = int(dataset.sizes.get("seed", 1))
    return About(
        title=str(dataset.attrs.get("title", "")),
        engine=str(dataset.attrs.get("engine", "compartments")),
        scenarios=tuple(zip(ids, titles, strict=True)),
        indicators=tuple(_named(name, one.attrs) for name, one in named.items()),
        products=_texts(dataset["product"]),
        groups=groups,
        years=tuple(int(year) for year in dataset["time"].values),
        draws=int(dataset.sizes["draw"]),
        seeds=seeds,
        points=1,
        over="draws" if seeds == 1 else "seeds",
        sources=_sources(dataset.attrs),
        comment=str(dataset.attrs.get("comment", "")),
    )


def _told_store(dataset: xr.Dataset) -> About:
    attrs = dataset.attrs

    def once(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_texts(dataset[name])))

    units = dict(zip(_texts(dataset["indicator"]), _texts(dataset["unit"]), strict=True))
    summarised = "statistic" in dataset.coords
    return About(
        title=str(attrs.get("title", "")),
        engine=str(attrs.get("engine", "compartments")),
        scenarios=tuple((one, one) for one in once("scenario")),
        indicators=tuple((name, name, unit) for name, unit in units.items()),
        products=once("product"),
        groups=once("group"),
        years=tuple(sorted({int(year) for year in dataset["year"].values})),
        draws=int(attrs.get("draws_each", 1)),
        seeds=int(attrs.get("seeds_each", 1)),
        points=int(np.unique(dataset["point"].values).size),
        over="means" if summarised else "points",
        sources=_sources(attrs),
        comment=str(attrs.get("question", "")),
    )


def _named(name: str, attrs: Mapping[str, Any]) -> tuple[str, str, str]:
    return name, str(attrs.get("long_name", name)), str(attrs.get("units", ""))


def _sources(attrs: Mapping[str, Any]) -> dict[str, str]:
    """What the numbers rest on; no date and no place."""
    return {key: str(attrs[key]) for key in SOURCES if attrs.get(key)}


def _joined(region: str, age: str) -> str:
    return region if age == ALL_AGES else f"{region}{BETWEEN}{age}"


@lru_cache(REMEMBERED)
def _band(study: Study, scenario: str, indicator: str, product: str, group: str) -> Band:
    read = _of_store if _is_store(study.path) else _of_run
    values = read(study.dataset, scenario, indicator, product, group)
    there = values[np.isfinite(values).any(axis=1)]
    found = np.full((len(LEVELS), values.shape[1]), np.nan)
    for year, column in enumerate(there.T):
        some = column[np.isfinite(column)]
        if some.size:
            found[:, year] = np.quantile(some, LEVELS)
    return Band(found, len(there))


def _of_run(dataset: xr.Dataset, scenario: str, indicator: str, product: str, group: str) -> Float:
    """Values (draws and seeds, years)."""
    at = {
        "scenario": _texts(dataset["scenario"]).index(scenario),
        "product": _texts(dataset["product"]).index(product),
    }
    if "age_group" in dataset.dims:
        region, _, age = group.partition(BETWEEN)
        at["region"] = _texts(dataset["region"]).index(region)
        at["age_group"] = _texts(dataset["age_group"]).index(age or ALL_AGES)
    else:
        at["group"] = _texts(dataset["group"]).index(group)
    return _rows(dataset[indicator].isel(at))


def _of_store(
    dataset: xr.Dataset, scenario: str, indicator: str, product: str, group: str
) -> Float:
    """Values (points, draws and seeds; years) of rows spread evenly over those of the scenario."""
    done = dataset["state"].values.astype(str) == DONE
    own = np.flatnonzero(done & (dataset["scenario"].values.astype(str) == scenario))
    if "statistic" in dataset.coords:
        own = own[dataset["statistic"].values[own].astype(str) == MEAN]
    own = own[:: max(1, -(-own.size // MOST_ROWS))]
    if not own.size:
        raise InputError("the study holds no such rows", key="scenario", given=scenario)
    found = labelled(
        dataset.isel(run=own), indicators=[indicator], products=[product], groups=[group]
    )
    return _rows(found[indicator].isel(product=0, group=0))


def _rows(array: xr.DataArray) -> Float:
    last = array.transpose(..., "time").values.astype(np.float64)
    return np.asarray(last.reshape(-1, last.shape[-1]))


def first_group(groups: Sequence[str]) -> str:
    """The whole country where it is there."""
    return COUNTRY if COUNTRY in groups else groups[0]
