"""``agents.nc``: what only a run with agents can tell, each person's products taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.runs.netcdf import NetCDF
from experiments.runs.results import RUNS, put_draws, seed_label
from experiments.runs.study import Study
from model.catalogue import ProductRow
from model.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

FILE = "agents.nc"
NUMBERS = ("0", "1", "2", "3", "4", "5", "6", "7+")
DISORDERS = ("1", "2", "3", "4+")
GAVE_UP = "gave up"
WEEKS = ("0-1", "1-2", "2-4", "4-8", "8-13", "13-26", "26-52", "52-104", "104+", GAVE_UP)


@dataclass(frozen=True)
class Told:
    """A variable: ``of`` the engine's extra output, ``at`` a place of its last axis."""

    name: str
    of: str
    at: int | None
    dims: tuple[str, ...]
    unit: str
    long_name: str
    definition: str


TOLD = (
    Told(
        "joint_use",
        "joint_use",
        None,
        ("product", "product2"),
        "persons",
        "People who use both products",
        "people who use product and product2 now, on 31 December; of a product with itself: "
        "people who use it",
    ),
    Told(
        "products_used",
        "products_used",
        None,
        ("number",),
        "persons",
        "People by number of illegal products that they use now",
        "on 31 December",
    ),
    Told(
        "treated_by_number",
        "treated_by_number",
        None,
        ("disorders",),
        "persons",
        "People in treatment by number of products with a disorder",
        "on 31 December; people who are in treatment for one product or more, not those who wait; "
        "products that they have a disorder with now",
    ),
    Told(
        "pathways",
        "pathways",
        None,
        ("product", "product2"),
        "persons per year",
        "People who began a second product, by their first",
        "people whose first product ever was product and who began product2 as their second in "
        "the year; those whose first use was not seen are left out",
    ),
    Told(
        "waits",
        "waits",
        None,
        ("service", "region", "week_bin"),
        "persons per year",
        "Ends of waits for treatment by weeks waited",
        "admissions of the year by weeks waited, from one end of a bin to below the other; "
        f"'{GAVE_UP}': those who left the list without an admission",
    ),
    Told(
        "places",
        "places",
        None,
        ("service", "region"),
        "persons",
        "Places in treatment",
        "on 31 December, rounded to whole agents; only where centres have queues",
    ),
    Told(
        "assortativity",
        "clusters",
        0,
        ("product",),
        "ratio",
        "Ties of people who use with others who use, against people of the same age and region",
        "ties of people who use that lead to others who use, over how many would if each led to "
        "anybody of the same birth cohort and region as its other end; without children; last "
        "year of the run only",
    ),
    Told(
        "largest_cluster",
        "clusters",
        1,
        ("product",),
        "proportion",
        "Largest cluster's share of the people who use",
        "people who use and hang together by ties among themselves; last year of the run only",
    ),
    Told(
        "mean_cluster",
        "clusters",
        2,
        ("product",),
        "agents",
        "Mean size of a cluster of people who use",
        "in agents, not weighted: ties are between agents; last year of the run only",
    ),
    Told(
        "burden_with_disorder",
        "comorbidity",
        0,
        ("product",),
        "proportion",
        "Mental-health burden among people with a disorder",
        "share with a mental-health burden of those with a disorder of the product, 31 December",
    ),
    Told(
        "burden_without",
        "comorbidity",
        1,
        ("product",),
        "proportion",
        "Mental-health burden among people without the disorder",
        "share with a mental-health burden of all others, 31 December",
    ),
)
FEW_PLACES = 10  # agents; below, chance and whole numbers make the waits
ASSUMED = (
    "How products go together in one person, ties between people and who carries a burden rest on "
    "assumed strengths (drugfutures show parameters agents)"
)


class AgentWriter(NetCDF):
    """Writes ``agents.nc``: the labels on opening, then scenario by scenario and draw by draw."""

    def __init__(self, path: Path, study: Study, attributes: Mapping[str, str | int]) -> None:
        labels = _labels(study)
        sizes = {dim: len(values) for dim, values, _ in labels.values()}
        super().__init__(path, {**attributes, "assumed": ASSUMED}, sizes)
        for name, label in labels.items():
            self.put_label(name, *label)
        for row in TOLD:
            texts = {"units": row.unit, "long_name": row.long_name, "definition": row.definition}
            put_draws(self, row.name, (*RUNS, "time", *row.dims), texts)

    def write(self, scenario: int, draw: int, extra: Mapping[str, Float]) -> None:
        """Put a draw of a scenario in place; ``extra`` by name, (seeds, years, ...) each."""
        for row in TOLD:
            values = extra[row.of] if row.at is None else extra[row.of][..., row.at]
            if not np.isnan(values).all():  # what is not written reads as NaN
                self.variables[row.name][scenario, draw] = values.astype(np.float32)


_Label = tuple[str, Sequence[object], dict[str, str]]


def _labels(study: Study) -> dict[str, _Label]:
    layout, products = study.layout, _products(study)
    return {
        "scenario": ("scenario", [s.id for s in study.scenarios], {"long_name": "Scenario"}),
        "scenario_title": ("scenario", [s.title for s in study.scenarios], {"long_name": "Title"}),
        "draw": ("draw", list(range(layout.draws)), {"long_name": "Draw"}),
        **seed_label(layout.seeds),
        "time": ("time", list(layout.years), {"long_name": "Calendar year"}),
        "product": ("product", [row.id for row in products], {"long_name": "Product"}),
        "product_name": ("product", [row.name for row in products], {"long_name": "Name"}),
        "product_kind": ("product", [row.kind for row in products], {"long_name": "Kind"}),
        "mode": (
            "product",
            [row.mode for row in products],
            {"comment": "scenario-only: too few figures to be calibrated; priors"},
        ),
        "product2": ("product2", [row.id for row in products], {"long_name": "Second product"}),
        "service": ("service", list(study.structure.services), {"long_name": "Service"}),
        "region": ("region", list(study.strata.regions), {"long_name": "Region"}),
        "week_bin": ("week_bin", list(WEEKS), {"long_name": "Weeks waited"}),
        "number": ("number", list(NUMBERS), {"long_name": "Number of illegal products used"}),
        "disorders": ("disorders", list(DISORDERS), {"long_name": "Products with a disorder"}),
    }


def _products(study: Study) -> list[ProductRow]:
    return [study.layout.catalogue.product(name) for name in study.structure.products]


def few_places(dataset: xr.Dataset) -> str | None:
    """What must be said of a run in which places are few agents; None where they are not.

    The fewest places in any scenario, draw, seed and year count.
    """
    each = dataset["places"] / float(dataset.attrs["persons_per_agent"])
    apart = [dim for dim in each.dims if dim not in ("service", "region")]
    fewest = each.min(apart)
    # Places are whole agents, written as persons in single precision.
    few = (fewest.round() < FEW_PLACES) & (each.max([*apart, "region"]) > 0.0)
    if not bool(few.any()):
        return None
    at = fewest.where(few).argmin(["service", "region"])
    least = fewest.isel(at)
    return (
        f"Caution: in {int(few.sum())} of {few.size} services by region fewer than {FEW_PLACES} "
        f"places are left of this number of agents (fewest: {int(least.round())}, "
        f"{least.service.item()} in {least.region.item()}). Waits there are not those of real "
        "centres; --agents with a larger number, or --switch centres=pooled, avoids it"
    )


def open_agents(folder: Path) -> xr.Dataset:
    """The dataset of agents of a results folder; close it after. Raises InputError without one.

    Dims scenario, draw, seed, time and those of each row of ``TOLD``.
    """
    import xarray as xr

    path = folder / FILE
    if not path.is_file():
        raise InputError(
            "no agents here",
            given=str(folder),
            allowed=f"a folder made with agents: drugfutures run --engine agents --out {folder}",
        )
    return xr.open_dataset(path, engine="h5netcdf")
