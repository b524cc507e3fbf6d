"""What a report is written from: a results folder or the store of a batch, read into one form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration.figures import load_figures
from calibration.series import names_of
from experiments.comparisons.compare import WHOLE, Scenarios
from experiments.comparisons.told_first import told_of
from experiments.plots.reader import Reader
from experiments.runs.attributes import FILES, scenarios_kept
from experiments.runs.folder import PROVENANCE, is_results
from experiments.runs.provenance import levers_hash
from experiments.runs.results import FILE as DETAILED
from experiments.runs.results import open_results
from experiments.runs.scenario_results import FILE as COMPACT
from experiments.runs.scenario_results import open_dataset
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from scenarios.library import Library, load, load_library
from scenarios.lines import parse_yaml
from scenarios.schema import Scenario

if TYPE_CHECKING:
    import xarray as xr

    from experiments.batch.factors import Factor

Float = npt.NDArray[np.float64]

SENSITIVITY = "sensitivity.nc"
REFERENCE = "current-policy"
NEEDED = ("verdict", "indicator", "product", "group", "year")  # of a sensitivity analysis


@dataclass(frozen=True)
class Material:
    """Everything that a report tells.

    ``series``: yearly values (scenarios, D, years) of what the tables tell, by indicator and
    product, those with a value (D: draws, or sampled futures where ``factors`` vary);
    ``held``: pairs of indicator and product that are there for Belgium, of which the series are
    some; ``points``: sampled ones; ``seeds``: of each draw of agents; ``question`` "" where nobody
    gave one; ``reader``: the reference with its figures, None of a store; ``plans``: scenarios as
    the results keep them, shipped ones as today's files give them; ``fresh``: whether these are
    the files that the results were made with; ``runs``: all, failed and missing ones; ``alone``:
    scenario-only products, which unions hold too where a store keeps none of them.
    """

    title: str
    question: str
    scenarios: Scenarios
    series: Mapping[tuple[str, str], Float]
    library: Library
    plans: Mapping[str, Scenario]
    attributes: Mapping[str, str]
    held: int = 0
    factors: tuple[Factor, ...] = ()  # what a store varies
    points: int = 0
    seeds: int = 0
    reader: Reader | None = None
    sensitivity: xr.Dataset | None = None
    fresh: bool = True
    runs: tuple[int, int, int] = (0, 0, 0)
    alone: tuple[str, ...] = ()

    @property
    def baseline(self) -> str:
        """Current policy where it is there, else the first scenario."""
        ids = self.scenarios.ids
        return REFERENCE if REFERENCE in ids and self.factors else ids[0]

    def key(self, sentence: str) -> str:
        """The sentence that tells of sampled futures where there are any, not of draws."""
        return f"{sentence}.futures" if self.factors else sentence


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
    held = _with_values(scenarios)
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
        series=_series(scenarios, told_of(held, own=_own(catalogue))),
        held=len(held),
        library=library,
        plans=_plans(scenarios.ids, told.get(FILES, {}), library),
        attributes={key: str(value) for key, value in told.items() if isinstance(value, str | int)},
        reader=reader,
        sensitivity=_open_sensitivity(sensitivity or folder / SENSITIVITY, sensitivity, files),
        fresh=_fresh(told, catalogue),
        seeds=scenarios.seeds,
        runs=(len(scenarios.ids) * scenarios.draws, 0, 0),
        alone=_alone(catalogue),
    )


def _alone(catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(row.id for row in catalogue.products if row.mode == "scenario-only")


def _fresh(told: Mapping[str, object], catalogue: Catalogue) -> bool:
    return str(told.get("levers_hash", "")) == levers_hash(catalogue.folder)


def _open_sensitivity(path: Path, asked: Path | None, files: ExitStack) -> xr.Dataset | None:
    import xarray as xr

    if not path.is_file():
        if asked is not None:
            allowed = f"a file {SENSITIVITY} that drugfutures sensitivity wrote"
            raise InputError("no such file", key="--sensitivity", given=str(path), allowed=allowed)
        return None
    refusal = InputError(
        "a sensitivity analysis that cannot be read",
        key="--sensitivity",
        given=str(path),
        allowed="a whole file that drugfutures sensitivity wrote",
    )
    try:
        found = files.enter_context(xr.open_dataset(path, engine="h5netcdf"))
    except (OSError, ValueError):
        raise refusal from None
    if any(name not in found.variables for name in NEEDED) or "main_index" not in found.attrs:
        raise refusal
    return found


def _of_store(url: str, sensitivity: Path | None, files: ExitStack) -> Material:
    from experiments.batch.opened import labelled
    from experiments.batch.store import open_store
    from experiments.robustness.futures import Futures, check_futures_design

    flat = files.enter_context(open_store(url))
    if "statistic" in flat.coords:
        raise InputError(
            "a store that keeps quantiles has no draws to compare scenarios by",
            given=url,
            allowed="a store of a study without keep: quantiles",
        )
    attributes = {str(key): str(value) for key, value in flat.attrs.items()}
    check_futures_design(attributes, url)
    catalogue = load_catalogue(
        Path(attributes["catalogue"]) if attributes.get("catalogue") else None
    )
    library = load_library(catalogue)
    held = _pairs(flat, url)
    told = told_of(held, _named(attributes.get("study", "")), _own(catalogue))
    wanted = labelled(flat.isel(output=_outputs(flat, told)))
    plans = _plans(
        list(dict.fromkeys(flat["scenario"].values.astype(str).tolist())),
        json.loads(attributes.get(FILES, "{}")),
        library,
    )
    titles = {one: plan.title for one, plan in plans.items()}
    scenarios = Scenarios(as_scenarios(wanted, catalogue, titles, url))
    states = flat["state"].values
    beside = Path(url).parent / SENSITIVITY if "://" not in url else Path(SENSITIVITY)
    futures = Futures(flat)
    return Material(
        title=attributes.get("title", ""),
        question=attributes.get("question", ""),
        scenarios=scenarios,
        series=_series(scenarios, told),
        held=len(held),
        library=library,
        plans=plans,
        attributes=attributes,
        factors=futures.factors,
        points=futures.count,
        seeds=wanted.sizes.get("seed", 0),
        sensitivity=_open_sensitivity(sensitivity or beside, sensitivity, files),
        fresh=_fresh(attributes, catalogue),
        runs=(states.size, int((states == "failed").sum()), int((states == "missing").sum())),
        alone=_alone(catalogue),
    )


def _with_values(scenarios: Scenarios) -> list[tuple[str, str]]:
    """Indicators and products of which the file has values of Belgium: many do not apply."""
    found = []
    for one in scenarios.indicators:
        some = scenarios.dataset[one].sel(group=WHOLE).isel(scenario=0, draw=0)
        there = np.isfinite(some.values).any(axis=some.get_axis_num("time"))
        found += [(one, scenarios.products[at]) for at in np.flatnonzero(there)]
    return found


def _pairs(flat: xr.Dataset, url: str) -> list[tuple[str, str]]:
    """Indicators and products that a store holds of Belgium. Raises InputError for one without."""
    names = ("indicator", "product", "group")
    here = zip(*(flat[name].values.astype(str).tolist() for name in names), strict=True)
    pairs = list(dict.fromkeys((i, p) for i, p, group in here if group == WHOLE))
    if not pairs:
        raise InputError(
            "a report tells of Belgium as a whole, and this store does not hold it",
            given=url,
            allowed=f"a store of a study with keep: groups: [{WHOLE}]",
        )
    return pairs


def _outputs(flat: xr.Dataset, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.bool_]:
    """Which outputs are of some pairs: reading a whole store would take its size in memory."""
    keys = flat["indicator"].values, flat["product"].values, flat["group"].values
    wanted = {(*pair, WHOLE) for pair in pairs}
    return np.array([tuple(map(str, one)) in wanted for one in zip(*keys, strict=True)], bool)


def _named(study: str) -> list[str]:
    """Indicators that the text of a study names to be kept."""
    from experiments.batch.study_file import StudyFile

    if not study:
        return []
    return StudyFile.model_validate(parse_yaml(study, Path("study.yaml")).value).keep.indicators


def _series(scenarios: Scenarios, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Float]:
    """Each read once: the file is compressed."""
    there = [(i, p) for i, p in pairs if i in scenarios.indicators and p in scenarios.products]
    read = {(one, product): scenarios.series(one, product) for one, product in there}
    return {pair: values for pair, values in read.items() if not np.isnan(values).all()}


def _own(catalogue: Catalogue) -> set[str]:
    """Products that a user's folder adds."""
    if catalogue.folder is None:
        return set()
    shipped = {row.id for row in load_catalogue(None).products}
    return {row.id for row in catalogue.products} - shipped


def _plans(ids: Sequence[str], files: Mapping[str, str], library: Library) -> dict[str, Scenario]:
    """Scenarios as results keep them, and shipped ones; others are known by their id alone."""
    kept = scenarios_kept(files, library)
    shipped = [one for one in ids if one in library.futures and one not in kept]
    found = {one.id: one for one in load(shipped, library)} | kept
    return {one: found[one] for one in ids if one in found}


def as_scenarios(
    found: xr.Dataset, catalogue: Catalogue, titles: Mapping[str, str], url: str
) -> xr.Dataset:
    """A labelled batch in the form of scenarios.nc: every point, draw and seed is a draw.

    Points and draws in which a run of any scenario failed or lacks are left out of all of them,
    so that every number is of the same futures. Raises InputError where none is left. Dims
    scenario, draw, time, product and group.
    """
    axes = [axis for axis in ("point", "draw", "seed") if axis in found.dims]
    found = found.drop_dims([name for name in ("factor", "points") if name in found.dims])
    flat = found.stack(run=axes).reset_index("run", drop=True)
    flat = flat.rename(run="draw").transpose("scenario", "draw", "time", "product", "group")
    kept = _whole(flat, found.sizes.get("seed", 1))
    if not kept.any():
        raise InputError(
            "no future of this store is whole: of each, some run failed or is missing",
            given=url,
            allowed="a store that drugfutures batch has gone through",
        )
    flat = flat.isel(draw=np.flatnonzero(kept))
    names = names_of(catalogue)
    rows = {row.id: row for row in catalogue.products}
    products = [str(one) for one in flat["product"].values]
    ids = [str(one) for one in flat["scenario"].values]
    kinds = [rows[one].kind if one in rows else "union" for one in products]
    modes = [str(rows[one].mode) if one in rows else "" for one in products]
    return flat.assign_coords(
        draw=np.arange(flat.sizes["draw"]),
        scenario_title=("scenario", [titles.get(one, one) for one in ids]),
        product_name=("product", [names[one] for one in products]),
        product_kind=("product", kinds),
        mode=("product", modes),
    )


def _whole(flat: xr.Dataset, seeds: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Draws (D,) with values in every scenario and, as seeds stay together, of every seed."""
    held = np.zeros((flat.sizes["scenario"], flat.sizes["draw"]), bool)
    for one in flat.data_vars.values():
        if one.dims[:2] == ("scenario", "draw"):
            held |= np.isfinite(one.values).reshape(*held.shape, -1).any(axis=2)
    each = held.all(axis=0).reshape(-1, seeds).all(axis=1)
    return np.repeat(each, seeds)
