"""What a report is written from: a results folder or the store of a batch, read into one form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration.figures import load_figures
from calibration.series import names_of
from experiments.compare import WHOLE, Scenarios
from experiments.folder import PROVENANCE, is_results
from experiments.plots.reader import Reader
from experiments.provenance import levers_hash
from experiments.results import FILE as DETAILED
from experiments.results import open_results
from experiments.scenario_results import FILE as COMPACT
from experiments.scenario_results import open_dataset
from experiments.told_first import told_first
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from scenarios.library import Library, load, load_library
from scenarios.schema import Scenario

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

SENSITIVITY = "sensitivity.nc"


@dataclass(frozen=True)
class Material:
    """Everything that a report tells.

    ``series``: yearly values (scenarios, D, years) of what the tables tell, by indicator and
    product, those with a value; ``question`` "" where nobody gave one; ``reader``: the reference
    with its figures, None of a store; ``plans``: scenarios as today's files give them; ``fresh``:
    whether these are the files that the results were made with; ``runs``: all, failed and
    missing ones.
    """

    title: str
    question: str
    scenarios: Scenarios
    series: Mapping[tuple[str, str], Float]
    library: Library
    plans: Mapping[str, Scenario]
    attributes: Mapping[str, str]
    factors: tuple[tuple[str, str], ...] = ()  # kind and name of what a store varies
    reader: Reader | None = None
    sensitivity: xr.Dataset | None = None
    fresh: bool = True
    runs: tuple[int, int, int] = (0, 0, 0)


@contextmanager
def open_material(given: str, sensitivity: Path | None) -> Iterator[Material]:
    """Read what a report needs. Raises InputError for what is neither results nor a store."""
    with ExitStack() as files:
        folder = Path(given)
        if is_results(folder):
            yield _of_results(folder, sensitivity, files)
        else:
            yield _of_store(given, sensitivity, files)


def _of_results(folder: Path, sensitivity: Path | None, files: ExitStack) -> Material:
    told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    arguments = told.get("arguments", {})
    catalogue = load_catalogue(
        None if not arguments.get("catalogue") else Path(arguments["catalogue"])
    )
    library = load_library(catalogue)
    if not (folder / COMPACT).is_file():
        raise InputError(
            "a report compares scenarios, and these results have none",
            given=str(folder),
            allowed="the folder of a run with scenarios, such as: drugfutures run all",
        )
    scenarios = Scenarios(files.enter_context(open_dataset(folder)))
    detailed = files.enter_context(open_results(folder)) if (folder / DETAILED).is_file() else None
    reader = None
    if detailed is not None:
        figures = load_figures(
            products=names_of(catalogue), sources={row.id for row in catalogue.sources}
        )
        reference = detailed.isel(scenario=[0])
        reader = Reader(reference, catalogue, figures)
    return Material(
        title="",
        question="",
        scenarios=scenarios,
        series=_series(scenarios),
        library=library,
        plans={one.id: one for one in load(tuple(arguments.get("scenarios", ())), library)},
        attributes={key: str(value) for key, value in told.items() if isinstance(value, str | int)},
        reader=reader,
        sensitivity=_open_sensitivity(sensitivity or folder / SENSITIVITY, sensitivity, files),
        fresh=_fresh(told, catalogue),
        runs=(len(scenarios.ids) * scenarios.draws, 0, 0),
    )


def _fresh(told: Mapping[str, object], catalogue: Catalogue) -> bool:
    return str(told.get("levers_hash", "")) == levers_hash(catalogue.folder)


def _open_sensitivity(path: Path, asked: Path | None, files: ExitStack) -> xr.Dataset | None:
    import xarray as xr

    if not path.is_file():
        if asked is not None:
            allowed = f"a file {SENSITIVITY} that drugfutures sensitivity wrote"
            raise InputError("no such file", key="--sensitivity", given=str(path), allowed=allowed)
        return None
    try:
        return files.enter_context(xr.open_dataset(path, engine="h5netcdf"))
    except (OSError, ValueError):
        allowed = "a whole file that drugfutures sensitivity wrote"
        raise InputError(
            "a sensitivity analysis that cannot be read",
            key="--sensitivity",
            given=str(path),
            allowed=allowed,
        ) from None


def _of_store(url: str, sensitivity: Path | None, files: ExitStack) -> Material:
    from experiments.batch.opened import labelled
    from experiments.batch.store import open_store

    flat = files.enter_context(open_store(url))
    if "statistic" in flat.coords:
        raise InputError(
            "a store that keeps quantiles has no draws to compare scenarios by",
            given=url,
            allowed="a store of a study without keep: quantiles",
        )
    attributes = {str(key): str(value) for key, value in flat.attrs.items()}
    catalogue = load_catalogue(
        Path(attributes["catalogue"]) if attributes.get("catalogue") else None
    )
    library = load_library(catalogue)
    wanted = labelled(flat.isel(output=_wanted(flat)))
    scenarios = Scenarios(as_scenarios(wanted, catalogue, library))
    states = flat["state"].values
    beside = Path(url).parent / SENSITIVITY if "://" not in url else Path(SENSITIVITY)
    return Material(
        title=attributes.get("title", ""),
        question=attributes.get("question", ""),
        scenarios=scenarios,
        series=_series(scenarios),
        library=library,
        plans={one.id: one for one in load(_shipped(scenarios.ids, library), library)},
        attributes=attributes,
        factors=tuple(
            (str(kind), str(name))
            for kind, name in zip(
                flat["factor_kind"].values, flat["factor_name"].values, strict=True
            )
        ),
        sensitivity=_open_sensitivity(sensitivity or beside, sensitivity, files),
        fresh=_fresh(attributes, catalogue),
        runs=(states.size, int((states == "failed").sum()), int((states == "missing").sum())),
    )


def _wanted(flat: xr.Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Outputs that a report tells: reading a whole store would take its size in memory."""
    pairs = set(told_first())
    here = zip(flat["indicator"].values, flat["product"].values, flat["group"].values, strict=True)
    return np.array([(str(i), str(p)) in pairs and str(g) == WHOLE for i, p, g in here], bool)


def _series(scenarios: Scenarios) -> dict[tuple[str, str], Float]:
    """Each read once: the file is compressed."""
    found = {}
    for indicator, product in told_first():
        if indicator in scenarios.indicators and product in scenarios.products:
            values = scenarios.series(indicator, product)
            if not np.isnan(values).all():
                found[indicator, product] = values
    return found


def _shipped(ids: list[str], library: Library) -> tuple[str, ...]:
    """Scenarios of a store that the program ships; others are known by their id alone."""
    return tuple(one for one in ids if one in library.futures)


def as_scenarios(found: xr.Dataset, catalogue: Catalogue, library: Library) -> xr.Dataset:
    """A labelled batch in the form of scenarios.nc: every point, draw and seed is a draw."""
    axes = [axis for axis in ("point", "draw", "seed") if axis in found.dims]
    flat = found.stack(run=axes).dropna("run", how="all").reset_index("run", drop=True)
    flat = flat.rename(run="draw").transpose("scenario", "draw", "time", "product", "group")
    names = names_of(catalogue)
    rows = {row.id: row for row in catalogue.products}
    products = [str(one) for one in flat["product"].values]
    ids = [str(one) for one in flat["scenario"].values]
    titles = [library.texts["en"].get(f"scenario.{one}", one) for one in ids]
    kinds = [rows[one].kind if one in rows else "union" for one in products]
    modes = [str(rows[one].mode) if one in rows else "" for one in products]
    return flat.assign_coords(
        draw=np.arange(flat.sizes["draw"]),
        scenario_title=("scenario", titles),
        product_name=("product", [names[one] for one in products]),
        product_kind=("product", kinds),
        mode=("product", modes),
    )
