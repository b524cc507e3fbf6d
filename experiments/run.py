"""One run: the reference and the scenarios asked for, over all draws, into a results folder."""

from __future__ import annotations

import json
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt

from calibration.figures import Figure, load_figures
from calibration.posterior import Origin, drawn
from calibration.predict import groups_of, series_values
from calibration.series import Group, all_series, group_weights, names_of
from experiments import provenance
from experiments.folder import MADE_BY, PROVENANCE, ResultsFolder
from experiments.headline_series import Headline, load_headlines
from experiments.results import (
    FILE,
    MODE_TEXT,
    PART,
    Layout,
    Single,
    Writer,
    marginal_weights,
    open_results,
    split_marginals,
    years_until,
)
from experiments.summary import write_summary
from model.catalogue import load_catalogue
from model.compartments import FIRST_YEAR, Output, Prepared, State, joined, prepare, simulate
from model.errors import InputError
from model.forcing import Change, Forcing
from model.history import history_changes
from model.observation import observe
from model.parameters import Draws
from model.population import Demography, load_demography
from model.rates import build_rates
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure
from scenarios.compose import changes_of
from scenarios.schema import Scenario, load

Float = npt.NDArray[np.float64]


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
    changes: tuple[tuple[Change, ...], ...]  # of each scenario, history apart
    groups: tuple[Group, ...]  # of people that the series are about
    cells: Float  # (cells, S) shares of the strata: the marginals, then the groups

    @property
    def months(self) -> int:
        """Months of the run."""
        return self.demography.months


def build_study(options: Options) -> Study:
    """Read and check all input. Raises InputError."""
    catalogue = load_catalogue(options.catalogue)
    figures = load_figures(
        products=names_of(catalogue), sources={row.id for row in catalogue.sources}
    )
    headlines = load_headlines(catalogue)
    series = all_series(catalogue, figures, [found for _, found in headlines])
    scenarios = load(options.scenarios, catalogue)
    draws, origin = drawn(catalogue, options.draws, options.seed, prior=options.prior)
    structure = build_structure(catalogue, draws)
    strata = default_strata()
    groups = groups_of(series)
    demography = load_demography(strata, last_year=options.until)
    for scenario in scenarios[1:]:
        _check_branch(scenario, options.until)
    return Study(
        options=options,
        layout=Layout(
            tuple(scenarios), options.draws, years_until(options.until), catalogue, series
        ),
        figures=tuple(figures),
        headlines=tuple(headlines),
        draws=draws,
        origin=origin,
        structure=structure,
        strata=strata,
        demography=demography,
        changes=tuple(
            tuple(changes_of(scenario, structure, strata, demography.months))
            for scenario in scenarios
        ),
        groups=groups,
        cells=np.vstack([marginal_weights(strata), *(group_weights(strata, g) for g in groups)]),
    )


def _check_branch(scenario: Scenario, until: int) -> None:
    year = FIRST_YEAR + scenario.branch // 12
    if year > until:
        raise InputError(
            f"the run ends before the scenario {scenario.id} begins to differ",
            key="--until",
            given=until,
            allowed=f"{year} or later",
        )
    for number, change in enumerate(scenario.changes):
        if int(change.start[:4]) > until:
            error = InputError(
                "the run ends before the change begins",
                key="from",
                given=change.start,
                allowed=f"{until}-12 or earlier, or a later --until",
            )
            raise scenario.refuse(error, number)


Parts = list[dict[str, Single]]


def run_part(study: Study, first: int, last: int) -> Parts:
    """Draws ``first`` to ``last`` (not included) of every scenario, as variables of the dataset.

    Draws do not know of each other, so any division into parts gives the same numbers. Raises
    FloatingPointError when the model breaks down, naming the draws.
    """
    draws = study.draws.slice(first, last)
    rates = build_rates(study.structure, study.strata, study.demography.start, draws)
    history = history_changes(
        study.layout.catalogue, draws, study.structure, study.strata, study.months
    )
    prepared = prepare(study.structure, study.strata, study.demography, rates, history)
    forcings = [prepared.forcing(changes) for changes in study.changes]
    try:
        outputs = list(_simulate_all(study, prepared, forcings))
    except FloatingPointError as error:
        raise FloatingPointError(f"{error} (counted from draw {first} of the run)") from None
    return [
        _observe(study, prepared, draws, output, forcing)
        for output, forcing in zip(outputs, forcings, strict=True)
    ]


def _simulate_all(
    study: Study, prepared: Prepared, forcings: Sequence[Forcing]
) -> Iterator[Output]:
    reference = simulate(prepared, None, 0, study.months)
    yield reference.output
    branches: dict[int, State] = {}
    for scenario, forcing in zip(study.layout.scenarios[1:], forcings[1:], strict=True):
        month = scenario.branch
        if month not in branches:
            # What it fixes for scenarios is known only from the whole reference run.
            state = simulate(prepared, None, 0, month).state
            branches[month] = state.with_reference(reference.state)
        branch = simulate(prepared, forcing, month, study.months, branches[month])
        yield joined(reference.output, branch.output, month)


def _observe(
    study: Study, prepared: Prepared, draws: Draws, output: Output, forcing: Forcing
) -> dict[str, Single]:
    values = observe(prepared, draws, study.layout.catalogue, output, forcing, study.cells)
    first = len(study.cells) - len(study.groups)
    wanted = study.layout.variables()
    found: dict[str, Single] = {}
    for name, cells in values.items():
        parts = split_marginals(name, cells[..., :first])
        found |= {part: parts[part] for part in parts if part in wanted}
    persons = output.lived @ study.cells[first:].T
    people = {name: value[..., first:] for name, value in values.items()}
    series = series_values(people, persons, study.layout.series, study.layout.catalogue)
    found["survey"] = series.astype(np.float32)
    return found


Progress = Callable[[int], None]


def run_study(study: Study, path: Path, progress: Progress) -> None:
    """Simulate, observe and write every draw to ``path``; ``progress`` gets draws as they end."""
    draws, threads = study.options.draws, study.options.threads
    ahead = iter(range(0, draws, PART))
    waiting: deque[Future[Parts]] = deque()
    pool = ThreadPoolExecutor(threads)

    def submit() -> None:
        # Two parts wait at most, so that memory stays bounded when writing is slower.
        while len(waiting) < threads + 2 and (coming := next(ahead, None)) is not None:
            waiting.append(pool.submit(run_part, study, coming, min(coming + PART, draws)))

    try:
        submit()  # before the file, which takes a second to lay out
        with Writer(path, study.layout, attributes(study)) as writer:
            for first in range(0, draws, PART):
                submit()
                for scenario, parts in enumerate(waiting.popleft().result()):
                    writer.write(scenario, first, parts)
                progress(min(first + PART, draws) - first)
    finally:
        pool.shutdown(cancel_futures=True)


def attributes(study: Study) -> dict[str, str | int]:
    """Attributes of the dataset. Equal runs have equal attributes."""
    options, layout = study.options, study.layout
    ids = [scenario.id for scenario in layout.scenarios]
    asked = f"--draws {options.draws} --until {options.until} --seed {options.seed}"
    asked += " --prior" if options.prior else ""
    origin = study.origin
    version = provenance.package_version()
    return {
        "title": "Drug Futures: drug use, gambling and gaming in Belgium",
        "source": f"Drug Futures {version}, compartmental model",
        "history": f"{MADE_BY} {' '.join(ids)} {asked}",
        "comment": MODE_TEXT[origin.mode],
        "draws": origin.mode,
        "package_version": version,
        "git_commit": provenance.git_commit(),
        "parameter_table_hash": provenance.tables_hash(options.catalogue),
        "figures_hash": provenance.figures_hash(),
        "posterior_hash": origin.digest,
        "calibrated": " ".join(origin.calibrated),
        "prior_by_catalogue": " ".join(origin.own),
        "scenario_hash": " ".join(f"{s.id}:{s.digest}" for s in layout.scenarios),
        "seeds": str(options.seed),
    }


@dataclass(frozen=True)
class Outcome:
    """What was run, and the survey series of the results (scenario, draw, series, time)."""

    study: Study
    survey: Single


def run(options: Options, progress: Progress = lambda draws: None) -> Outcome:
    """Run and put the results in ``options.out``, whole or not at all.

    Raises InputError before anything runs.
    """
    began = time.perf_counter()
    study = build_study(options)
    with ResultsFolder(options.out) as folder:
        ready = time.perf_counter()
        run_study(study, folder.path / FILE, progress)
        simulated = time.perf_counter()
        with h5py.File(folder.path / FILE, "r") as file:
            write_summary(file, study.layout, folder.path)
            survey = file["survey"][:]
        if options.plots != "none":
            _draw(study, folder.path)
        told = _provenance(study)
        text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        (folder.path / PROVENANCE).write_text(text, encoding="utf-8")
        times = {
            "read and checked": ready - began,
            "simulated and written": simulated - ready,
            "summarised and drawn": time.perf_counter() - simulated,
        }
        _write_log(folder.path / "run.log", options, times)
        folder.keep()
    return Outcome(study, survey)


def _draw(study: Study, folder: Path) -> None:
    from experiments.plots import draw_plots

    with open_results(folder) as dataset:
        draw_plots(
            dataset,
            folder / "plots",
            study.options.plots,
            study.layout.catalogue,
            study.figures,
        )


def _provenance(study: Study) -> dict[str, object]:
    options = study.options
    return {
        "made_by": MADE_BY,
        "mode": MODE_TEXT[study.origin.mode],
        "arguments": {
            "scenarios": list(options.scenarios),
            "draws": options.draws,
            "until": options.until,
            "plots": options.plots,
            "out": str(options.out),
            "catalogue": None if options.catalogue is None else str(options.catalogue),
            "seed": options.seed,
            "threads": options.threads,
            "prior": options.prior,
        },
        **attributes(study),
        "versions": provenance.library_versions(),
    }


def _write_log(path: Path, options: Options, times: dict[str, float]) -> None:
    """Time of day, machine and durations: what may differ between equal runs."""
    lines = [
        f"finished  {time.strftime('%Y-%m-%dT%H:%M:%S%z')}",
        f"machine   {platform.platform()}, {options.threads} threads",
        *(f"{seconds:8.2f} s  {what}" for what, seconds in times.items()),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
