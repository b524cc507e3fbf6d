"""``scenarios.nc``: the main indicators of all scenarios of a run, side by side.

Many scenarios in the full detail of ``results.nc`` would take tens of gigabytes; this file holds
what comparing them needs: main indicators, years from before the branch on, and eight groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration.series import names_of
from experiments.runs.netcdf import NetCDF
from experiments.runs.results import FILE as DETAILED
from experiments.runs.results import RUNS, modes_of, put_draws, seed_label
from experiments.runs.scenario_costs import Cost, cost_of
from model.catalogue import Catalogue, IndicatorRow
from model.compartments import FIRST_YEAR
from model.errors import InputError
from model.reading import TableRow, read_rows
from model.strata import COUNTRY, DEPRIVATION, REGIONS, Strata, weights
from scenarios.library import Library
from scenarios.schema import Scenario
from scenarios.texts import CAUTION, CAUTIONED, load_texts

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

FILE = "scenarios.nc"
MAIN = Path(__file__).with_name("main_indicators.csv")
AGES = {"10-17": (10, 17), "18-24": (18, 24)}
GROUPS = (COUNTRY, *REGIONS, *DEPRIVATION, *AGES)
BEFORE = 1  # years before the first branch that are kept


class MainRow(TableRow):
    """An indicator that scenarios are compared by."""

    indicator: str
    why: str


def load_main_indicators(catalogue: Catalogue, path: Path = MAIN) -> tuple[IndicatorRow, ...]:
    """Main indicators in table order. Raises InputError for an unknown one."""
    known = {row.id: row for row in catalogue.indicators}
    found = []
    for row in read_rows(path, MainRow):
        if row.indicator not in known:
            raise InputError(
                "unknown indicator",
                file=row.file,
                line=row.line,
                key="indicator",
                given=row.indicator,
                allowed="an id of the table of indicators",
            )
        found.append(known[row.indicator])
    return tuple(found)


def load_cautions() -> dict[str, str]:
    """What to know when reading an indicator, in English, by id; only those that need it."""
    texts = load_texts()["en"]
    return {name: texts[f"indicator.{name}{CAUTION}"] for name in CAUTIONED}


def group_cells(strata: Strata) -> Float:
    """Shares of the strata that belong to each group, (groups, S)."""
    cells = [weights(strata, region=region) for region in (COUNTRY, *REGIONS)]
    cells += [weights(strata, deprivation=group) for group in DEPRIVATION]
    cells += [weights(strata, age_min=low, age_max=high) for low, high in AGES.values()]
    return np.stack(cells)


@dataclass(frozen=True)
class ScenarioLayout:
    """What the axes of ``scenarios.nc`` stand for."""

    scenarios: tuple[Scenario, ...]
    draws: int
    years: tuple[int, ...]
    catalogue: Catalogue
    indicators: tuple[IndicatorRow, ...]
    rules: tuple[str, ...]
    costs: tuple[Cost, ...]  # of each scenario
    seeds: int = 0  # of agents, each draw with each

    @property
    def since(self) -> int:
        """Number of the first year, counted from 2010."""
        return self.years[0] - FIRST_YEAR

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the indicators."""
        return tuple(row.id for row in self.indicators)


def scenario_layout(
    scenarios: Sequence[Scenario], draws: int, until: int, library: Library, seeds: int = 0
) -> ScenarioLayout:
    """The layout of a run of these scenarios until a year.

    Raises InputError for an unknown main indicator.
    """
    catalogue = library.catalogue
    branches = [scenario.branch for scenario in scenarios]
    first = max(FIRST_YEAR, FIRST_YEAR + min(branches) // 12 - BEFORE)
    rules = dict.fromkeys(rule for scenario in scenarios for rule in scenario.plan.rules)
    return ScenarioLayout(
        scenarios=tuple(scenarios),
        draws=draws,
        years=tuple(range(first, until + 1)),
        catalogue=catalogue,
        indicators=load_main_indicators(catalogue),
        rules=tuple(rules),
        costs=tuple(cost_of(scenario.plan, library) for scenario in scenarios),
        seeds=seeds,
    )


class ScenarioWriter(NetCDF):
    """Writes ``scenarios.nc``: the labels on opening, then draws part by part."""

    def __init__(
        self, path: Path, layout: ScenarioLayout, attributes: Mapping[str, str | int]
    ) -> None:
        sizes = {
            "scenario": len(layout.scenarios),
            "draw": layout.draws,
            **({"seed": layout.seeds} if layout.seeds else {}),
            "time": len(layout.years),
            "product": len(names_of(layout.catalogue)),
            "group": len(GROUPS),
            "rule": max(len(layout.rules), 1),
        }
        super().__init__(path, attributes, sizes)
        self._rules = layout.rules
        for name, label in _labels(layout).items():
            self.put_label(name, *label)
        self._create_draws(layout)

    def write(self, scenario: int, first: int, parts: Mapping[str, Single]) -> None:
        """Put draws ``first`` onwards of one scenario in place; shape (draws, ...)."""
        for name, values in parts.items():
            if not np.isnan(values).all():  # what is not written reads as NaN
                self.variables[name][scenario, first : first + len(values)] = values

    def write_rules(self, scenario: int, first: int, months: Mapping[str, Int]) -> None:
        """Months in which rules acted, (draws,) each; of agents (draws, seeds)."""
        for rule, taken in months.items():
            at = self._rules.index(rule)
            self.variables["rule_month"][scenario, at, first : first + len(taken)] = taken

    def _create_draws(self, layout: ScenarioLayout) -> None:
        dims = (*(RUNS if layout.seeds else RUNS[:2]), "time", "product", "group")
        for row in layout.indicators:
            told = {
                "long_name": row.name,
                "units": row.unit,
                "kind": row.kind,
                "definition": row.definition,
                "source": row.source,
                "coordinates": "scenario_title product_name product_kind mode",
            }
            put_draws(self, row.id, dims, told)
        dims = ("scenario", "rule", "draw", *(RUNS[2:] if layout.seeds else ()))
        about = {"long_name": "Month in which a rule acted, from January 2010; -1 never"}
        self.put_variable("rule_month", dims, np.int32(-1), about)


_Label = tuple[str, Sequence[object], dict[str, str]]


def _labels(layout: ScenarioLayout) -> dict[str, _Label]:
    catalogue, scenarios = layout.catalogue, layout.scenarios
    names = names_of(catalogue)
    kinds = [row.kind for row in catalogue.products] + ["union"] * len(catalogue.unions)
    comment = "all ages from 10 and all Belgium unless the label says else"
    return {
        "scenario": ("scenario", [s.id for s in scenarios], {"long_name": "Scenario"}),
        "scenario_title": ("scenario", [s.title for s in scenarios], {"long_name": "Title"}),
        "branch": (
            "scenario",
            [s.branch for s in scenarios],
            {"long_name": "Month of the branch, from January 2010"},
        ),
        **_costs(layout),
        "draw": ("draw", list(range(layout.draws)), {"long_name": "Draw"}),
        **seed_label(layout.seeds),
        "time": ("time", list(layout.years), {"long_name": "Calendar year"}),
        "product": ("product", list(names), {"long_name": "Product or union"}),
        "product_name": ("product", list(names.values()), {"long_name": "Name"}),
        "product_kind": ("product", kinds, {"long_name": "Kind of product"}),
        "mode": (
            "product",
            list(modes_of(catalogue)),
            {"comment": "scenario-only: too few figures to be calibrated; priors"},
        ),
        "group": ("group", list(GROUPS), {"long_name": "Group of people", "comment": comment}),
        "rule": ("rule", list(layout.rules) or ["none"], {"long_name": "Adaptive rule"}),
    }


def _costs(layout: ScenarioLayout) -> dict[str, _Label]:
    """What is known of the costs of the measures; NaN where it is not."""

    def amounts(name: str) -> list[float]:
        found = (getattr(cost, name) for cost in layout.costs)
        return [np.nan if one is None else float(one) for one in found]

    comment = "EUR a year beyond current policy; NaN: not found for every measure"
    return {
        "measures": ("scenario", [c.measures for c in layout.costs], {"long_name": "Measures"}),
        "measures_without_cost": (
            "scenario",
            [c.missing for c in layout.costs],
            {"long_name": "Measures of which no cost was found"},
        ),
        "cost": ("scenario", amounts("value"), {"units": "EUR per year", "comment": comment}),
        "cost_low": ("scenario", amounts("low"), {"units": "EUR per year"}),
        "cost_high": ("scenario", amounts("high"), {"units": "EUR per year"}),
        "cost_price_year": ("scenario", amounts("price_year"), {"comment": "prices of this year"}),
    }


def open_dataset(folder: Path) -> xr.Dataset:
    """The dataset of a results folder (or the file itself); close it after.

    Dims as in ``ScenarioLayout``. Raises InputError where there is none.
    """
    import xarray as xr

    path = folder if folder.is_file() else folder / FILE
    if not path.is_file():
        raise _not_here(folder)
    try:
        return xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError):
        raise InputError(
            "scenarios that cannot be read", given=str(path), allowed="a whole results file"
        ) from None


def _not_here(folder: Path) -> InputError:
    """What lies there instead, and which command reads or makes it."""
    allowed = f"a folder made with scenarios: drugfutures run all --out {folder}"
    if not folder.exists():
        return InputError("there is no such folder", given=str(folder), allowed=allowed)
    if (folder / "zarr.json").is_file():
        allowed = f"drugfutures robust {folder}, discover, value or report; or a results folder"
        return InputError("this is the store of a batch", given=str(folder), allowed=allowed)
    if (folder / DETAILED).is_file():
        allowed = "results of a run with scenarios, in another folder: drugfutures run all --out"
        told = "these results hold the reference alone, and no scenarios"
        return InputError(told, given=str(folder), allowed=allowed)
    return InputError("no scenarios here", given=str(folder), allowed=allowed)
