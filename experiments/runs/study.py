"""What a run is asked for, and everything that it reads, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.figures import Figure, load_figures
from calibration.posterior import Origin, drawn
from calibration.predict import groups_of
from calibration.series import Group, all_series, group_weights, names_of
from experiments.runs.agent_options import Agents
from experiments.runs.headline_series import Headline, load_headlines
from experiments.runs.results import Layout, marginal_weights, years_until
from experiments.runs.scenario_results import ScenarioLayout, group_cells, scenario_layout
from model.catalogue import load_catalogue
from model.compartments import FIRST_YEAR
from model.errors import InputError
from model.parameters import Draws
from model.population import Demography, load_demography
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure
from scenarios.compose import Run, compose
from scenarios.library import Library, load, load_library
from scenarios.schema import Scenario
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]

# More scenarios than this are kept in results.nc only if asked: half a gigabyte for 200 draws.
MOST_DETAILED = 3


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    scenarios: tuple[str, ...] = ()
    draws: int = 200
    until: int = 2030
    plots: Literal["none", "main", "all"] = "main"
    out: Path = Path("results/run")
    catalogue: Path | None = None
    seed: int = 1
    threads: int = 1
    prior: bool = False  # draw from the priors, not from the posterior
    detail: Literal["auto", "reference", "all"] = "auto"  # scenarios in full detail
    agents: Agents | None = None  # None: the compartmental engine


@dataclass(frozen=True)
class Study:
    """Everything that a run reads, checked before anything runs."""

    options: Options
    layout: Layout
    figures: tuple[Figure, ...]
    headlines: tuple[Headline, ...]
    draws: Draws
    origin: Origin
    structure: Structure
    strata: Strata
    demography: Demography
    scenarios: tuple[Scenario, ...]  # the reference, then those asked for
    compact: ScenarioLayout  # of scenarios.nc
    library: Library
    groups: tuple[Group, ...]  # of people that the series are about
    cells: Float  # (cells, S) shares of the strata: the marginals, then the groups
    group_cells: Float  # (groups, S) of scenarios.nc

    @property
    def months(self) -> int:
        """Months of the run."""
        return self.demography.months

    def run_of(self, scenario: Scenario, deal: Deal) -> Run:
        """What a scenario is composed for, of some draws."""
        return Run(self.library, self.structure, self.strata, scenario.branch, self.months, deal)


def build_study(options: Options) -> Study:
    """Read and check all input. Raises InputError."""
    if options.agents is not None:
        options.agents.check()
    catalogue = load_catalogue(options.catalogue)
    figures = load_figures(
        products=names_of(catalogue), sources={row.id for row in catalogue.sources}
    )
    headlines = load_headlines(catalogue)
    series = all_series(catalogue, figures, [found for _, found in headlines])
    library = load_library(catalogue)
    scenarios = load(options.scenarios, library)
    draws, origin = drawn(catalogue, options.draws, options.seed, prior=options.prior)
    structure = build_structure(catalogue, draws)
    strata = default_strata()
    groups = groups_of(series)
    demography = load_demography(strata, last_year=options.until)
    for scenario in scenarios[1:]:
        _check_branch(scenario, options.until)
    seeds = 0 if options.agents is None else options.agents.seeds
    detailed = tuple(scenarios if _in_detail(options, len(scenarios)) else scenarios[:1])
    study = Study(
        options=options,
        layout=Layout(
            detailed, options.draws, years_until(options.until), catalogue, series, seeds
        ),
        scenarios=tuple(scenarios),
        compact=scenario_layout(scenarios, options.draws, options.until, library, seeds),
        library=library,
        figures=tuple(figures),
        headlines=tuple(headlines),
        draws=draws,
        origin=origin,
        structure=structure,
        strata=strata,
        demography=demography,
        groups=groups,
        cells=np.vstack([marginal_weights(strata), *(group_weights(strata, g) for g in groups)]),
        group_cells=group_cells(strata),
    )
    for scenario in scenarios:  # what does not fit is found before anything runs
        deal = Deal.of(0, 1, options.seed, central=True)
        compose(scenario.plan, study.run_of(scenario, deal))
    return study


def _in_detail(options: Options, scenarios: int) -> bool:
    return options.detail == "all" or (options.detail == "auto" and scenarios <= 1 + MOST_DETAILED)


def _check_branch(scenario: Scenario, until: int) -> None:
    year = FIRST_YEAR + scenario.branch // 12
    if year > until:
        raise InputError(
            f"the run ends before the scenario {scenario.id} begins to differ",
            key="--until",
            given=until,
            allowed=f"{year} or later",
        )
    for change in scenario.changes:
        if int(change.entry.start[:4]) > until:
            error = InputError(
                "the run ends before the change begins",
                key="from",
                given=change.entry.start,
                allowed=f"{until}-12 or earlier, or a later --until",
            )
            raise change.refuse(error)
