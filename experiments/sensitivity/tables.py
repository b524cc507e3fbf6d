"""What an analysis leaves behind: a Dataset with units and names, netCDF, a long table as CSV."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.sensitivity.analyse import Found
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

OUTPUTS = 2000  # of a piece of the CSV
LONG_NAMES = {
    "S1": "first-order index: share of the variance that goes when the factor is fixed",
    "ST": "total-order index: share of the variance that stays when all else is fixed",
    "S2": "second-order index: share of the variance of a pair beyond both alone",
    "mu": "mean elementary effect of the factor over its range",
    "mu_star": "mean size of the elementary effects of the factor over its range",
    "sigma": "standard deviation of the elementary effects",
    "minimum": "smallest Kolmogorov-Smirnov distance over slices of the factor",
    "mean": "mean Kolmogorov-Smirnov distance over slices of the factor",
    "median": "median Kolmogorov-Smirnov distance over slices of the factor",
    "maximum": "largest Kolmogorov-Smirnov distance over slices of the factor",
    "CV": "coefficient of variation of the distances over slices",
    "stdev": "standard deviation of the distances over slices",
    "delta": "delta: half the mean area between the density and that with the factor held",
    "Sa": "HDMR: uncorrelated share of the variance of the factor's own term",
    "Sb": "HDMR: correlated share of the variance of the factor's own term",
    "S": "HDMR: share of the variance of the factor's own term",
    "ME": "main effect: half of the change from the low to the high end, as SALib has it",
    "IE": "interaction effect of a pair of factors, as SALib scales it",
}
OF_OUTPUT = ("mu", "mu_star", "sigma", "ME", "IE")
_OUTPUTS_TOLD = {
    "verdict": "whether the indices of the output have converged",
    "dummy": "what the main index of a factor without influence can reach",
    "width": "widest half-width of a 95% interval",
    "dummy_S1": "what the first-order index of a factor without influence can reach",
    "rank_stability": "Savage-weighted rank correlation of the first N/2 within N with N, factors "
    "whose interval lies above the dummy; empty with fewer than two",
    "more_runs": "further points of each scenario to the wanted width, if it shrinks as 1/sqrt(N)",
    "mean": "mean of the output over the runs",
    "sd": "standard deviation of the output over the runs",
}


# pawn has an index of the name "mean".
OUTPUT_NAMES = {"mean": "output_mean", "sd": "output_sd"}


def told(name: str) -> dict[str, str]:
    """Name and unit of a variable."""
    bare = name.removesuffix("_conf")
    of_output = bare in OF_OUTPUT
    long = LONG_NAMES[bare]
    if name != bare:
        long = f"half-width of the 95% interval of: {long}"
    return {"long_name": long, "units": "unit of the output" if of_output else "1"}


def dataset_of(
    found: Found,
    outputs: Mapping[str, npt.NDArray[Any]],
    factors: Mapping[str, npt.NDArray[Any]],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """All of a result as a Dataset (factor, output); pairs (factor, factor2, output).

    With groups the dimension ``factor`` holds the groups. Labels as coordinates.
    """
    import xarray as xr

    variables: dict[str, Any] = {}
    for name, table in found.tables.items():
        dims = ("factor", "factor2", "output")[-table.ndim :] if table.ndim == 3 else None
        variables[name] = (dims or ("factor", "output"), table, told(name))
    for name, text in _OUTPUTS_TOLD.items():
        if getattr(found, name) is None:
            continue
        unit = {"more_runs": "points", "verdict": ""}.get(name, "1")
        if name in ("mean", "sd") or (not found.share and name in ("dummy", "width")):
            unit = "unit of the output"
        told_so = {"long_name": text, **({"units": unit} if unit else {})}
        variables[OUTPUT_NAMES.get(name, name)] = ("output", getattr(found, name), told_so)
    main = told(found.method.main)
    variables["index_by_size"] = (
        ("size", "factor", "output"),
        found.by_size,
        {**main, "long_name": f"{found.method.main} from the first part of the sample"},
    )
    labels = np.array(found.plan.labels)
    coords: dict[str, Any] = {
        "factor": ("factor", labels),
        "size": (
            "size",
            np.array(found.plan.sizes),
            {"long_name": "base sample size N", "units": "1"},
        ),
        **{name: ("factor", np.asarray(values)) for name, values in factors.items()},
        **{name: ("output", np.asarray(values)) for name, values in outputs.items()},
    }
    if any(table.ndim == 3 for table in found.tables.values()):
        coords["factor2"] = ("factor2", labels)
    made = xr.Dataset(variables, coords)
    return made.assign_attrs({**attributes, **_attributes(found)})


def _attributes(found: Found) -> dict[str, Any]:
    return {
        "method": found.method.id,
        "method_title": found.method.title,
        "main_index": found.method.main,
        "half_width": found.method.half_width,
        "n": found.plan.n,
        "runs": found.runs,
        "resamples": found.settings.resamples,
        "resampling_seed": found.settings.seed,
        "confidence": 0.95,
        "rule": found.rule,
        "notes": "; ".join(found.plan.notes),
    }


def long_table(dataset: xr.Dataset, first: int = 0, last: int | None = None) -> pd.DataFrame:
    """Main index, one row an output and factor, with both ends of its interval as columns."""
    import pandas as pd

    some = dataset.isel(output=slice(first, last))
    main, half = str(dataset.attrs["main_index"]), str(dataset.attrs["half_width"])
    factors, outputs = dataset.sizes["factor"], some.sizes["output"]
    names = [name for name in ("scenario", "indicator", "product", "group", "year") if name in some]
    index = some[main].transpose("output", "factor").values.ravel()
    width = some[half].transpose("output", "factor").values.ravel()
    return pd.DataFrame(
        {
            **{name: np.repeat(some[name].values, factors) for name in names},
            "factor": np.tile(dataset["factor"].values, outputs),
            "index": index,
            "low": index - width,
            "high": index + width,
            "verdict": np.repeat(some["verdict"].values, factors),
        }
    )


def _pieces(dataset: xr.Dataset) -> Iterator[pd.DataFrame]:
    for first in range(0, max(dataset.sizes["output"], 1), OUTPUTS):
        yield long_table(dataset, first, first + OUTPUTS)


def ready(folder: Path) -> Path:
    """A folder that is there and can be written, before any work. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"results cannot be written here: {error.strerror or error}",
        key="--out",
        given=str(folder),
        allowed="a folder that can be written",
    )


def write(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """``sensitivity.nc`` and ``.csv``; interactions of a factorial in a file of their own.

    Raises InputError where the folder cannot be written.
    """
    made = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rest = dataset
        if "IE" in dataset:
            rest = dataset.drop_vars(["IE", "factor2"])
            pairs = dataset[["IE", "verdict"]]
            made.append(_netcdf(pairs, folder / "interactions.nc"))
        made.append(_netcdf(rest, folder / "sensitivity.nc"))
        path = folder / "sensitivity.csv"
        passing = path.with_suffix(".csv.part")
        with passing.open("w", encoding="utf-8", newline="") as file:
            for at, piece in enumerate(_pieces(dataset)):
                piece.to_csv(file, index=False, header=at == 0, float_format="%.9g")
        os.replace(passing, path)
        made.append(path)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return made


def _netcdf(dataset: xr.Dataset, path: Path) -> Path:
    passing = path.with_suffix(".nc.part")
    large = {
        str(name): {"zlib": True, "complevel": 1}
        for name, table in dataset.data_vars.items()
        if table.ndim > 1
    }
    dataset.to_netcdf(passing, engine="h5netcdf", encoding=large)
    os.replace(passing, path)
    return path
