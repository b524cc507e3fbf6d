"""The labelled dataset of a run: what it holds, and writing it part by part.

``results.nc`` holds every indicator by region and age group, by sex and by deprivation (Belgium,
all ages), yearly, and ``survey``: the model seen as the surveys see it. No path, host or time of
day goes into it, so equal runs give equal bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from calibration.series import Series, names_of
from experiments.runs.netcdf import NetCDF
from model.catalogue import Catalogue
from model.compartments import FIRST_YEAR
from model.errors import InputError
from model.strata import DEPRIVATION, REGIONS, SEXES, Strata, weights
from scenarios.schema import Scenario

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

FILE = "results.nc"
# What the draws of a run are, by the attribute ``draws`` of its results.
MODE_TEXT: Mapping[str, str] = {
    "posterior": "Draws come from the posterior: products marked calibrated are fitted to Belgian "
    "figures of 2010-2023; scenario-only ones rest on priors",
    "prior": "Draws come from the priors; the model is not calibrated",
}
AGE_GROUPS: dict[str, tuple[int, int | None]] = {
    "all": (10, None),
    "10-17": (10, 17),
    "18-24": (18, 24),
    "25-34": (25, 34),
    "35-54": (35, 54),
    "55-64": (55, 64),
    "65+": (65, None),
}
PLACES = ("Belgium", *REGIONS)
# Draws simulated, observed and written together. Bounds memory to about 1.5 GB a thread; it is a
# constant because it is also the chunk of the file, which must not depend on the machine.
PART = 10
COMPRESSION = 1
RUNS = ("scenario", "draw", "seed")  # what tells runs apart; seeds only of agents


@dataclass(frozen=True)
class Layout:
    """What the axes of the dataset stand for."""

    scenarios: tuple[Scenario, ...]
    draws: int
    years: tuple[int, ...]
    catalogue: Catalogue
    series: tuple[Series, ...]
    seeds: int = 0  # of agents, each draw with each; 0 of the compartmental engine

    @property
    def products(self) -> tuple[str, ...]:
        """Products, then unions."""
        return tuple(names_of(self.catalogue))

    @property
    def modes(self) -> tuple[str, ...]:
        """Mode of each product; "" for unions."""
        return modes_of(self.catalogue)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each dimension."""
        return {
            "scenario": len(self.scenarios),
            "draw": self.draws,
            **({"seed": self.seeds} if self.seeds else {}),
            "time": len(self.years),
            "product": len(self.products),
            "region": len(PLACES),
            "age_group": len(AGE_GROUPS),
            "sex": len(SEXES),
            "deprivation": len(DEPRIVATION),
            "series": len(self.series),
        }

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Dimensions of every variable that holds draws."""
        runs = RUNS if self.seeds else RUNS[:2]
        lead = (*runs, "time")
        found: dict[str, tuple[str, ...]] = {}
        for row in self.catalogue.indicators:
            found[row.id] = (*lead, "product", "region", "age_group")
            if row.reach == "nation":  # nothing to tell apart
                continue
            found[f"{row.id}_by_sex"] = (*lead, "product", "sex")
            found[f"{row.id}_by_deprivation"] = (*lead, "product", "deprivation")
        return found | {"survey": (*runs, "series", "time")}


def modes_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Mode of each product; "" for unions."""
    modes = [row.mode for row in catalogue.products]
    return (*modes, *("" for _ in catalogue.unions))


def years_until(last: int) -> tuple[int, ...]:
    """Years of a run that ends in ``last``."""
    return tuple(range(FIRST_YEAR, last + 1))


def marginal_weights(strata: Strata) -> Float:
    """Cells of the dataset: region x age group, then sexes, then deprivation groups (cells, S).

    Shares of a stratum, 0 to 1.
    """
    cells = [
        weights(strata, age_min=low, age_max=high, region=region)
        for region in PLACES
        for low, high in AGE_GROUPS.values()
    ]
    cells += [weights(strata, sex=sex) for sex in SEXES]
    cells += [weights(strata, deprivation=group) for group in DEPRIVATION]
    return np.stack(cells)


def split_marginals(name: str, values: Float) -> dict[str, Single]:
    """Variables of one indicator from its cells (draws, years, products, cells)."""
    crossed = len(PLACES) * len(AGE_GROUPS)
    small = values.astype(np.float32)
    by_sex = slice(crossed, crossed + len(SEXES))
    by_deprivation = slice(crossed + len(SEXES), None)
    return {
        name: small[..., :crossed].reshape(*small.shape[:3], len(PLACES), len(AGE_GROUPS)),
        f"{name}_by_sex": small[..., by_sex],
        f"{name}_by_deprivation": small[..., by_deprivation],
    }


class Writer(NetCDF):
    """Writes ``results.nc``: the labels on opening, then draws part by part."""

    def __init__(self, path: Path, layout: Layout, attributes: Mapping[str, str | int]) -> None:
        super().__init__(path, attributes, layout.sizes)
        told = _descriptions(layout)
        for name, label in _labels(layout).items():
            self.put_label(name, *label)
        for name, dims in layout.variables().items():
            put_draws(self, name, dims, told[name])

    def write(self, scenario: int, first: int, parts: Mapping[str, Single]) -> None:
        """Put draws ``first`` onwards of one scenario in place; names as in the layout.

        Shape (draws, ...).
        """
        for name, values in parts.items():
            if not np.isnan(values).all():  # what is not written reads as NaN
                self.variables[name][scenario, first : first + len(values)] = values


def put_draws(file: NetCDF, name: str, dims: Sequence[str], told: Mapping[str, str]) -> None:
    """Make a variable of numbers by scenario and draw; a part of the draws is one chunk.

    So is one draw with all its seeds, where agents were run.
    """
    together = 1 if "seed" in dims else min(PART, file.sizes["draw"])
    file.put_variable(
        name,
        dims,
        np.float32(np.nan),
        told,
        chunks=(1, together, *(file.sizes[dim] for dim in dims[2:])),
        compression="gzip",
        compression_opts=COMPRESSION,
        shuffle=True,
    )


_Label = tuple[str, Sequence[object], dict[str, str]]


def seed_label(seeds: int) -> dict[str, _Label]:
    """The coordinate of the seeds; none of the compartmental engine."""
    told = {"long_name": "Seed of the agents", "comment": "scenarios share the seeds of a draw"}
    return {"seed": ("seed", list(range(seeds)), told)} if seeds else {}


def _labels(layout: Layout) -> dict[str, _Label]:
    catalogue = layout.catalogue
    kinds = [row.kind for row in catalogue.products] + ["union"] * len(catalogue.unions)
    names = list(names_of(catalogue).values())
    scenarios = layout.scenarios
    found: dict[str, _Label] = {
        "scenario": ("scenario", [s.id for s in scenarios], {"long_name": "Scenario"}),
        "scenario_title": (
            "scenario",
            [s.title for s in scenarios],
            {"long_name": "Title of the scenario"},
        ),
        "draw": (
            "draw",
            np.arange(layout.draws).tolist(),
            {"long_name": "Draw of all that is uncertain"},
        ),
        **seed_label(layout.seeds),
        "time": ("time", list(layout.years), {"long_name": "Calendar year"}),
        "product": ("product", list(layout.products), {"long_name": "Product or union"}),
        "product_name": ("product", names, {"long_name": "Name of the product or union"}),
        "product_kind": ("product", kinds, {"long_name": "Kind of product"}),
        "mode": (
            "product",
            list(layout.modes),
            {
                "long_name": "Whether figures can identify the product",
                "comment": "scenario-only: too few figures to be calibrated; priors",
            },
        ),
        "region": ("region", list(PLACES), {"long_name": "Region"}),
        "age_group": ("age_group", list(AGE_GROUPS), {"long_name": "Age group", "units": "years"}),
        "sex": ("sex", list(SEXES), {"long_name": "Sex"}),
        "deprivation": (
            "deprivation",
            list(DEPRIVATION),
            {"long_name": "Deprivation", "comment": "the most deprived third of areas (assumed)"},
        ),
    }
    return found | _series_labels(layout)


def _series_labels(layout: Layout) -> dict[str, _Label]:
    series, catalogue = layout.series, layout.catalogue
    missing = {"units": "years", "comment": "NaN: no limit"}

    def age(value: int | None) -> float:
        return np.nan if value is None else float(value)

    return {
        "series": ("series", [s.id for s in series], {"long_name": "Series as surveys print it"}),
        "series_label": (
            "series",
            [s.label(catalogue) for s in series],
            {"long_name": "Series in words"},
        ),
        "series_product": ("series", [s.product for s in series], {}),
        "series_indicator": ("series", [s.indicator for s in series], {}),
        "series_unit": ("series", [s.unit for s in series], {}),
        "series_sex": ("series", [s.group.sex for s in series], {}),
        "series_region": ("series", [s.group.region for s in series], {}),
        "series_age_min": ("series", [age(s.group.age_min) for s in series], missing),
        "series_age_max": ("series", [age(s.group.age_max) for s in series], missing),
    }


def _descriptions(layout: Layout) -> dict[str, dict[str, str]]:
    """Attributes of every variable, from the one list of indicators."""
    found: dict[str, dict[str, str]] = {}
    for row in layout.catalogue.indicators:
        for suffix, by in (
            ("", ""),
            ("_by_sex", " by sex"),
            ("_by_deprivation", " by deprivation"),
        ):
            found[row.id + suffix] = {
                "long_name": row.name + by,
                "units": row.unit,
                "definition": row.definition,
                "kind": row.kind,
                "source": row.source,
                "coordinates": "scenario_title product_name product_kind mode",
            }
    found["survey"] = {
        "long_name": "The model as surveys and registers would show it",
        "units": "see series_unit",
        "coordinates": "scenario_title series_label series_product series_indicator series_unit "
        "series_sex series_region series_age_min series_age_max",
    }
    return found


def open_results(folder: Path) -> xr.Dataset:
    """The dataset in a results folder, read from disk only where it is used; close it after.

    Of agents it has a dimension ``seed``; ``experiments.runs.seeds.pooled`` makes draws of both.
    """
    import xarray as xr

    return xr.open_dataset(folder / FILE, engine="h5netcdf")


def run_again(folder: Path) -> str:
    """The command that makes results in ``folder``."""
    return f"drugfutures run --out {folder} --draws 200"


def open_file(folder: Path) -> h5py.File:
    """The results file of a folder, to read. Raises InputError when there is none that can be."""
    path = folder / FILE
    if not path.is_file():
        allowed = f"the folder of a run; make one with: {run_again(folder)}"
        raise InputError("no results here", given=str(folder), allowed=allowed)
    try:
        return h5py.File(path, "r")
    except OSError:
        allowed = f"a whole results file; make one with: {run_again(folder)}"
        raise InputError("results that cannot be read", given=str(path), allowed=allowed) from None


def mode_text(folder: Path) -> str:
    """What the draws of a results folder are. Raises InputError as ``open_file``."""
    with open_file(folder) as file:
        return MODE_TEXT.get(str(file.attrs.get("draws", "prior")), MODE_TEXT["prior"])


def other_version(folder: Path, missing: Sequence[str], what: str) -> InputError:
    """The refusal of results that lack variables which this version writes."""
    return InputError(
        f"results of another version, which do not hold {what}",
        key=", ".join(missing),
        given=str(folder),
        allowed=f"results of this version; make them with: {run_again(folder)}",
    )


@contextmanager
def csv_file(path: Path, option: str = "--csv") -> Iterator[Any]:
    """A writer of the rows of a table that a command was asked to write with ``option``.

    Raises InputError.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as text:
            yield csv.writer(text, lineterminator="\n")
    except OSError as error:
        raise InputError(
            "cannot write the table",
            key=option,
            given=str(path),
            allowed=f"a file that can be written ({error.strerror})",
        ) from None
