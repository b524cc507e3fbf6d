"""The command sensitivity: sample a study by a method, run it, and say what drives its outputs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.runs.terminal import (
    CatalogueOption,
    LangOption,
    Language,
    Plots,
    PlotsOption,
    console,
    refusals,
    stop_if_asked,
    tell_plots,
    with_fields_of,
)

if TYPE_CHECKING:
    import xarray as xr

# Base sample when none is asked for: enough for most outputs of the worked study.
SIZES = {
    "sobol": 1024,
    "morris": 50,
    "fast": 513,
    "rbd-fast": 2000,
    "pawn": 2000,
    "delta": 1000,
    "hdmr": 1000,
    "fractional-factorial": 1,
}


RESAMPLES = {"sobol": 1000, "morris": 1000}
FEW = 100  # resamples of a method that takes its time over each
MANY = 500  # outputs, from which on a slow method is cautioned about
STEP = 0.05  # of the work, between two lines about it


@dataclass(frozen=True)
class SensitivityOptions:
    """What can be asked of a sensitivity analysis, in the order of its help."""

    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD",
            help="sobol, morris, fast, rbd-fast, pawn, delta, hdmr or fractional-factorial.",
        ),
    ]
    source: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|STORE",
            help="A study file (YAML) to sample and run, or the store of a batch to analyse.",
        ),
    ]
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are written.")]
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            metavar="N",
            help="Base sample of a study: a power of two for sobol, trajectories for morris, "
            "points of a curve for fast, points for the others.",
            show_default="by method",
        ),
    ] = None
    groups: Annotated[
        bool,
        typer.Option("--groups", help="Indices of groups of factors (sobol, morris, pawn)."),
    ] = False
    second_order: Annotated[
        bool,
        typer.Option("--second-order", help="Pairs of factors too (sobol, fractional-factorial)."),
    ] = False
    seed: Annotated[int, typer.Option(help="Seed of the sample and of the intervals.")] = 1
    resamples: Annotated[
        int | None,
        typer.Option(
            help="Resamples of the intervals.", show_default="1000 for sobol and morris, else 100"
        ),
    ] = None
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where runs of a study are kept.", show_default="FOLDER/store.zarr"
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=1024, help="Processes that run a study.", show_default="all cores"),
    ] = None
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler that runs a study.")
    ] = None
    memory: Annotated[
        int, typer.Option(metavar="MB", help="Memory of the analysis, in megabytes.")
    ] = 500
    plots: PlotsOption = Plots.main
    lang: LangOption = Language.en
    catalogue: CatalogueOption = None


@with_fields_of(SensitivityOptions)
def sensitivity(given: SensitivityOptions) -> None:
    """Say which factors drive each output, and whether that has converged."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in `run`
    with refusals():
        _check(given)
        url = _sampled_and_run(given) if _is_study(given.source) else _existing(given)
        dataset = analysed(given, url)
        _write(given, dataset)


def _is_study(source: str) -> bool:
    return source.endswith((".yaml", ".yml")) or Path(source).is_file()


def _resamples(given: SensitivityOptions) -> int:
    if given.resamples is not None:
        return given.resamples
    return RESAMPLES.get(given.method, FEW)


def _check(given: SensitivityOptions) -> None:
    """Raises InputError for what can be told before anything is read."""
    from experiments.sensitivity.methods import METHODS, method_of
    from experiments.sensitivity.problem import Settings
    from model.errors import InputError

    method = method_of(given.method)
    Settings(resamples=_resamples(given))
    if given.groups and not method.groups:
        raise InputError(
            "this method looks at one factor at a time",
            key="--groups",
            given=given.method,
            allowed=[one.id for one in METHODS.values() if one.groups],
        )
    if given.second_order and method.id not in ("sobol", "fractional-factorial"):
        raise InputError(
            "no second order with this method",
            key="--second-order",
            given=given.method,
            allowed="sobol, fractional-factorial",
        )
    if given.memory < 20:
        raise InputError(
            "too little memory", key="--memory", given=given.memory, allowed="20 or more"
        )
    if given.seed < 1:
        raise InputError("no such seed", key="--seed", given=given.seed, allowed="1 or more")


def _existing(given: SensitivityOptions) -> str:
    """The store to analyse. Raises InputError for options that are those of a study."""
    from model.errors import InputError

    for key in ("n", "store", "workers", "scheduler"):
        if getattr(given, key) is not None:
            raise InputError(
                "this samples or runs a study; the runs of a store are there",
                key=f"--{key}",
                given=getattr(given, key),
                allowed="with a study file only",
            )
    return given.source


def _sampled_and_run(given: SensitivityOptions) -> str:
    """Sample by the method, run what is missing; the address of the store."""
    from experiments.batch.design import Design
    from experiments.batch.plan import BatchJob, layout_of, read_batch
    from experiments.commands.batch import pool_of, run_and_print

    pool = pool_of(given.workers, given.scheduler)
    pool.check()
    design = Design(
        method=given.method,
        n=SIZES[given.method] if given.n is None else given.n,
        seed=given.seed,
        second_order=given.second_order and given.method == "sobol",
        grouped=given.groups,
    )
    read = read_batch(Path(given.source), catalogue=given.catalogue, design=design)
    for caution in read.cautions:
        console().print(f"Caution: {caution}", markup=False, soft_wrap=True)
    url = given.store or str(given.out / "store.zarr")
    return run_and_print(BatchJob.of(read), layout_of(read), url, pool).url


def analysed(given: SensitivityOptions, url: str) -> xr.Dataset:
    """Indices of all outputs of a store, dims as in ``dataset_of``.

    Raises InputError for a store that the method cannot take.
    """
    from experiments.batch.store import open_store
    from experiments.runs.progress import share_done
    from experiments.sensitivity.batches import analyse_batch, sampled, settings_of
    from experiments.sensitivity.methods import method_of
    from experiments.sensitivity.problem import Settings
    from experiments.sensitivity.tables import dataset_of, ready

    method = method_of(given.method)
    store = open_store(url)
    case = sampled(store, method, given.groups)
    if method.slow and len(case.outputs["year"]) > MANY:
        told = f"Caution: {method.id} of {len(case.outputs['year'])} outputs takes a while, "
        console().print(told + "about a second or more each: keep fewer.", soft_wrap=True)
    asked = Settings(given.second_order, _resamples(given), given.seed)
    settings = settings_of(case.attributes, method, asked)
    folder = ready(given.out)
    with share_done(stop_if_asked) as bar:
        shown = -STEP

        def advance(what: str, share: float) -> None:
            nonlocal shown
            stop_if_asked()
            if share >= min(shown + STEP, 1.0):  # a line each where there is no bar
                shown = share
                bar(what, share)

        found = analyse_batch(
            store,
            case,
            method,
            settings,
            memory_mb=given.memory,
            folder=folder,
            advance=advance,
        )
    return dataset_of(found, case.outputs, case.factors, {**case.told, "store": url})


def _write(given: SensitivityOptions, dataset: Any) -> None:
    from experiments.sensitivity.summary import lines_of, table_of
    from experiments.sensitivity.tables import ready, write

    screen = console()
    paths = write(dataset, given.out)
    drawn = []
    if given.plots is Plots.main:
        from experiments.plots.analysis import draw_sensitivity

        drawn = draw_sensitivity(dataset, ready(given.out / "plots"), given.lang.value)
    screen.print(table_of(dataset))
    for line in lines_of(dataset):
        screen.print(line, soft_wrap=True, markup=False)
    for path in paths:
        screen.print(f"Written: {path}", soft_wrap=True, markup=False)
    tell_plots(screen, given.out / "plots", drawn)
