"""The numbers of the page to take away: CSV for a spreadsheet, netCDF for analysis."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments.workshop.answers import YEARS
from experiments.workshop.estimate import bands
from experiments.workshop.export_numbers import Numbers, graph_name, yaml_of
from experiments.workshop.flags import told as flag_told

if TYPE_CHECKING:
    import xarray as xr

ENDS = ("low90", "low50", "median", "high50", "high90")
COLUMNS = (
    "kind",
    "graph",
    "title",
    "indicator",
    "product",
    "region",
    "age",
    "scenario",
    "scenario_name",
    "year",
    *ENDS,
    "printed_low",
    "printed_high",
    "unit",
    "draws",
    "source",
    "about",
    "value",
)
TOLD = ("package_version", "parameter_table_hash", "levers_hash", "posterior_hash", "seeds")
"""What every export says of the model and the data it rests on."""
OF_THE_RUN = ("history", "scenario_hash")
"""What is told of the run of current policy alone: its command may name a file of the machine."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
DIGITS = "{:.8g}"


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers.

    A text that begins like a formula, also after spaces, gets a leading apostrophe.
    """
    if isinstance(value, float | np.floating):
        return DIGITS.format(float(value)) if math.isfinite(value) else ""
    told = "" if value is None else str(value).replace("\x00", "")
    if NUMBER.fullmatch(told):
        return told
    begins = told.startswith(FORMULA) or told.lstrip().startswith(FORMULA)
    return f"'{told}" if begins else told


def csv_of(numbers: Numbers) -> bytes:
    """One long table: the model, observed figures, then what it all rests on. UTF-8 with BOM."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = (*_model(numbers), *_changes(numbers), *_observed(numbers), *_about(numbers))
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def _heads(numbers: Numbers) -> Iterator[tuple[int, dict[str, object], float]]:
    for g, graph in enumerate(numbers.graphs):
        unit, factor = numbers.shown(g)
        head: dict[str, object] = {
            "graph": g + 1,
            "title": " · ".join(graph_name(graph, numbers.words)),
            "indicator": graph.indicator,
            "product": graph.product,
            "region": graph.region,
            "age": graph.age,
            "unit": unit,
        }
        yield g, head, factor


def _model(numbers: Numbers) -> Iterator[dict[str, object]]:
    for g, head, factor in _heads(numbers):
        for one in numbers.scenarios:
            found = factor * bands(one.values[g])
            names = {"scenario": one.role, "scenario_name": one.name}
            for y, year in enumerate(YEARS):
                draws = int(np.isfinite(one.values[g, :, y]).sum())
                ends = dict(zip(ENDS, found[:, y], strict=True))
                yield {"kind": "model", **head, **names, "year": year, **ends, "draws": draws}


def _changes(numbers: Numbers) -> Iterator[dict[str, object]]:
    """Each scenario less current policy, draw by draw: no difference of the medians gives it."""
    reference = numbers.scenarios[0]
    for g, head, factor in _heads(numbers):
        for one in numbers.scenarios[1:]:
            differences = factor * (one.values[g] - reference.values[g])
            found = bands(differences)
            names = {"scenario": one.role, "scenario_name": one.name}
            for y, year in enumerate(YEARS):
                draws = int(np.isfinite(differences[:, y]).sum())
                ends = dict(zip(ENDS, found[:, y], strict=True))
                yield {"kind": "change", **head, **names, "year": year, **ends, "draws": draws}


def _observed(numbers: Numbers) -> Iterator[dict[str, object]]:
    for g, head, _ in _heads(numbers):
        for dot in numbers.dots[g]:
            # What a survey prints may be an interval of any level or bounds: not our 90%.
            ends = {"printed_low": dot.low, "median": dot.value, "printed_high": dot.high}
            rests = {"year": dot.year, "source": dot.source, "about": f"{dot.figure} ({dot.role})"}
            yield {"kind": "observed", **head, **ends, **rests}


def _about(numbers: Numbers) -> Iterable[dict[str, object]]:
    for key, value in told_of(numbers).items():
        yield {"kind": "about", "about": key, "value": value}
    for g, head, _ in _heads(numbers):
        for flag in numbers.flags[g]:
            said = flag_told(flag, numbers.words)
            yield {"kind": "about", **head, "about": f"flag: {flag.key}", "value": said}
    for one in numbers.scenarios[1:]:
        assert one.scenario is not None
        yield {
            "kind": "about",
            "scenario": one.role,
            "scenario_name": one.name,
            "about": "scenario",
            "value": yaml_of(one.scenario),
        }


def told_of(numbers: Numbers) -> Mapping[str, str]:
    """What the numbers rest on, and what must be known of them: in every export."""
    words, found = numbers.words, numbers.provenance
    own = numbers.own.scenario
    note = own.note if own is not None else None
    return {
        "draws": str(numbers.draws),
        **{key: found[key] for key in TOLD if key in found},
        "link": numbers.link,
        "reading": words.say("export.reading"),
        "observed": words.say("export.observed"),
        "caution": words.say("export.caution"),
        **({"note": note} if note else {}),
    }


def dataset_of(numbers: Numbers) -> xr.Dataset:
    """Every draw: a variable for each graph, dims scenario, draw and time, in the model's unit."""
    import xarray as xr

    ids = [one.role for one in numbers.scenarios]
    files = ["" if one.scenario is None else yaml_of(one.scenario) for one in numbers.scenarios]
    variables: dict[str, object] = {}
    for g, graph in enumerate(numbers.graphs):
        values = np.stack([one.values[g] for one in numbers.scenarios]).astype(np.float32)
        attributes = {
            "units": numbers.units[g],
            "long_name": " · ".join(graph_name(graph, numbers.words)),
            "indicator": graph.indicator,
            "product": graph.product,
            "region": graph.region,
            "age_group": graph.age,
            "mode": numbers.modes.get(graph.product, ""),
            "flags": " ".join(flag_told(flag, numbers.words) for flag in numbers.flags[g]),
        }
        variables[f"graph_{g + 1}"] = (("scenario", "draw", "time"), values, attributes)
    coords = {
        "scenario": ("scenario", ids, {"long_name": "scenario"}),
        "draw": ("draw", np.arange(numbers.draws), {"long_name": "draw of the parameters"}),
        "time": ("time", np.array(YEARS), {"long_name": "calendar year", "units": "year"}),
        "scenario_title": ("scenario", [one.name for one in numbers.scenarios]),
        "scenario_file": ("scenario", files, {"long_name": "scenario as YAML"}),
    }
    titled = {"title": "Drug Futures", "language": numbers.words.language}
    rests = {key: x for key, x in numbers.provenance.items() if key not in OF_THE_RUN}
    return xr.Dataset(variables, coords, {**rests, **titled, **_attributes(numbers)})


def _attributes(numbers: Numbers) -> dict[str, str]:
    # Draws are counted by a dimension here; the attribute says whether they were calibrated.
    return {key: value for key, value in told_of(numbers).items() if key != "draws"}


def netcdf_of(numbers: Numbers) -> bytes:
    """The dataset as a netCDF4 file; equal numbers give equal bytes."""
    dataset = dataset_of(numbers)
    packed = {str(name): {"zlib": True, "complevel": 4} for name in dataset.data_vars}
    found = dataset.to_netcdf(engine="h5netcdf", encoding=packed)
    return bytes(found)
