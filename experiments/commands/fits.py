"""The commands about the fit: calibrate, backtest, score, coverage."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from experiments.runs.terminal import (
    CatalogueOption,
    PriorOption,
    console,
    cores,
    draws_bar,
    refusals,
    stop_if_asked,
)

RestampOption = Annotated[
    bool,
    typer.Option(
        "--restamp",
        help="Only check that changed code predicts what it did when the posterior of the "
        "package was made, and say so in it; no fit.",
    ),
]


def score(
    figures: Annotated[
        Path,
        typer.Argument(
            metavar="FIGURES.csv",
            help="A table with the columns of calibration/figures.csv; years up to 2030.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a line a row here.")
    ] = None,
    draws: Annotated[int, typer.Option(min=2, max=100_000, help="Draws of the parameters.")] = 500,
    sequential: Annotated[
        bool,
        typer.Option("--sequential", help="Forecasts also know the table's rows of earlier years."),
    ] = False,
    catalogue: CatalogueOption = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the draws.")] = 1,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads.", show_default="all cores")
    ] = None,
    prior: PriorOption = False,
) -> None:
    """Score the model's forecast of each figure in a table, beside naive forecasts."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for a run
    with refusals():
        from experiments.figures.score import Asked, run_score
        from experiments.figures.score_table import print_scores

        asked = Asked(figures, out, draws, seed, prior, sequential, catalogue, threads or cores())
        with draws_bar(draws) as advance:
            outcome = run_score(asked, advance)
        print_scores(outcome, console())


def calibrate(
    products: Annotated[
        list[str] | None,
        typer.Option(
            "--product",
            metavar="ID",
            help="Only the block of this product; may be given again.",
            show_default="all that figures can identify",
        ),
    ] = None,
    until_year: Annotated[
        int | None,
        typer.Option(
            metavar="YEAR",
            help="Know figures and history up to this year only, and score the later ones.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder of the fits and the report; an earlier one goes on.")
    ] = Path("results/calibration"),
    draws: Annotated[
        int | None,
        typer.Option(min=20, max=5_000, help="Draws that are kept.", show_default="500"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look, with too few draws to report.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads.", show_default="all cores")
    ] = None,
    ship: Annotated[
        bool,
        typer.Option("--ship", help="Also make it the posterior of the package (complete fit)."),
    ] = False,
    restamp: RestampOption = False,
) -> None:
    """Fit the model to the Belgian figures and report how well it does; it can be interrupted."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for a run
    with refusals():
        if restamp:
            from experiments.fits.restamp import run_restamp

            alone = not (products or until_year or draws or quick or ship)
            console().print(run_restamp(alone))
            return
        from experiments.fits.calibrate import Asked, run_calibration
        from experiments.fits.calibration_report import check, write
        from experiments.fits.calibration_table import markdown, print_report
        from experiments.runs.progress import share_done

        asked = Asked(
            tuple(products or ()), until_year, out, draws, quick, threads or cores(), ship
        )
        with share_done(stop_if_asked) as advance:
            outcome = run_calibration(asked, advance)
            advance("checks and plots", 0.97)
            report = check(outcome)
            write(report, markdown(report))
        print_report(report, console())


def coverage(
    out: Annotated[
        Path, typer.Option(help="File of the sets; those that it holds are not made again.")
    ] = Path("results/coverage.csv"),
    sets: Annotated[int, typer.Option(min=0, max=1000, help="Sets of each block.")] = 10,
    broken: Annotated[
        int, typer.Option(min=0, max=1000, help="Sets of each block and broken truth.")
    ] = 3,
    processes: Annotated[
        int | None, typer.Option(min=1, max=1024, show_default="all cores")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Print the shipped study; nothing is run.")
    ] = False,
) -> None:
    """Fit made-up figures whose truth is known and count how often the intervals hold it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for a run
    with refusals():
        from experiments.fits.coverage import SHIPPED, Asked, print_coverage, run_coverage
        from experiments.runs.progress import share_done

        if not shipped:
            with share_done(stop_if_asked) as advance:
                run_coverage(Asked(out, sets, broken, processes or cores()), advance)
        print_coverage(SHIPPED if shipped else out, console())


def backtest(
    out: Annotated[
        Path, typer.Option(help="Folder of the calibration; its fits are used, others added.")
    ] = Path("results/calibration"),
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="holdout-2015, holdout-2018, known-2015, readings or structures; may be "
            "given again.",
            show_default="all",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads.", show_default="all cores")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="Also put the summary beside the shipped posterior.")
    ] = False,
) -> None:
    """Score what a fit up to 2015 or 2018 says of later figures, and vary what is assumed."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for a run
    with refusals():
        from experiments.fits.validation import Asked, print_validation, run_validation
        from experiments.runs.progress import share_done

        asked = Asked(out, tuple(parts or ()), threads or cores(), ship)
        with share_done(stop_if_asked) as advance:
            sections = run_validation(asked, advance)
        print_validation(sections, out, console())
