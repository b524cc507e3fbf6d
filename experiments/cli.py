"""The command line. Heavy packages are imported inside the command that needs them."""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TypeVar, get_type_hints

import typer
from rich.console import Console

from model.errors import InputError

if TYPE_CHECKING:
    from experiments.run import Options, Outcome

Wanted = TypeVar("Wanted")

REFUSED = 2  # the exit status of bad input, as of a wrong option

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate drug use, gambling and gaming in Belgium, 2010-2030.",
)


class Plots(StrEnum):
    """How much to draw."""

    none = "none"
    main = "main"
    all = "all"


class Topic(StrEnum):
    """What can be shown."""

    products = "products"
    parameters = "parameters"
    figures = "figures"
    sources = "sources"
    indicators = "indicators"
    flows = "flows"
    states = "states"
    handles = "handles"
    history = "history"
    services = "services"
    unions = "unions"


CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        metavar="DIR",
        help="Folder with tables of your own that add to or override the shipped ones.",
    ),
]
PriorOption = Annotated[
    bool,
    typer.Option("--prior", help="Draw from the priors alone, without the posterior."),
]


def _console() -> Console:
    """Where results are printed: as wide as the terminal, 100 columns into a file or pipe."""
    wide = None if "COLUMNS" in os.environ else 100
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=wide)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell bad input in plain words and exit with status 2; a broken-down run with status 1."""
    try:
        yield
    except InputError as error:
        typer.echo(f"Refused: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except FloatingPointError as error:
        typer.echo(f"The run stopped: {error}. Results are as they were.", err=True)
        raise typer.Exit(1) from None


def _version(asked: bool) -> None:
    if asked:
        from experiments.provenance import package_version

        typer.echo(f"drugfutures {package_version()}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@dataclass(frozen=True)
class RunOptions:
    """What can be asked of a run, in the order of its help."""

    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO",
            help="Shipped scenarios or YAML files of your own; current-policy always runs.",
            show_default=False,
        ),
    ] = None
    draws: Annotated[int, typer.Option(min=1, max=100_000, help="Draws of the parameters.")] = 200
    until: Annotated[int, typer.Option(min=2011, max=2030, help="Last year.")] = 2030
    plots: Annotated[Plots, typer.Option(help="What to draw.")] = Plots.main
    out: Annotated[
        Path, typer.Option(help="Results folder: new, empty or of an earlier run (replaced).")
    ] = Path("results/run")
    catalogue: CatalogueOption = None
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the draws.")] = 1
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads.", show_default="all cores")
    ] = None
    prior: PriorOption = False


def _with_fields_of(
    asked: type[Wanted],
) -> Callable[[Callable[[Wanted], None]], Callable[..., None]]:
    """A command whose arguments and options are the fields of a dataclass."""

    def wrapped(command: Callable[[Wanted], None]) -> Callable[..., None]:
        def call(**given: object) -> None:
            command(asked(**given))

        hints = get_type_hints(asked, include_extras=True)
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter(one.name, keyword, default=one.default, annotation=hints[one.name])
            for one in fields(asked)  # type: ignore[arg-type]
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = hints
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return wrapped


@app.command()
@_with_fields_of(RunOptions)
def run(asked: RunOptions) -> None:
    """Project to 2030 and write the results, plots and their sources."""
    # Draws run in threads of their own; a linear-algebra library that starts more for each small
    # product of matrices makes a run several times slower. It reads this when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with _refusals():
        from experiments.run import Options

        options = Options(
            scenarios=tuple(asked.scenarios or ()),
            draws=asked.draws,
            until=asked.until,
            plots=asked.plots.value,
            out=asked.out,
            catalogue=asked.catalogue,
            seed=asked.seed,
            threads=asked.threads or _cores(),
            prior=asked.prior,
        )
        _print_results(_run_with_progress(options))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run_with_progress(options: Options) -> Outcome:
    from experiments.run import run as run_options

    with _progress(options.draws) as advance:
        return run_options(options, advance)


@contextmanager
def _progress(draws: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal while draws are simulated; gives what counts those that end."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("draws,"),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        # The first run on a machine compiles the engine: the bar stands still for a while.
        task = progress.add_task("simulating", total=draws)

        def advance(done: int) -> None:
            _stop_if_asked()
            progress.update(task, advance=done)

        yield advance


def _print_results(outcome: Outcome) -> None:
    from experiments.headlines import headline_table, observed, preface, warning

    console = _console()
    study, layout = outcome.study, outcome.study.layout
    figures = observed(study.figures, layout.catalogue)
    console.print()
    for paragraph in preface(study.origin, layout.catalogue):
        console.print(paragraph, style="bold")
    rough = warning(study.options.draws)
    if rough is not None:
        console.print(rough, style="bold")
    for scenario, survey in zip(layout.scenarios, outcome.survey, strict=True):
        table = headline_table(survey, scenario.id, layout, study.headlines, figures)
        console.print()
        console.print(table)
    console.print(f"\nResults: {study.options.out}", soft_wrap=True)


@app.command()
def show(
    topic: Annotated[Topic, typer.Argument(metavar="TOPIC", help="Which table.")],
    chosen: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A product (parameters, figures, flows, states) or the row's own id.",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Show a table of the model or of the observed figures, or one row with its source."""
    with _refusals():
        from experiments.show import show as show_topic

        show_topic(topic.value, chosen, catalogue, _console())


@app.command()
def figures(
    results: Annotated[
        Path, typer.Argument(metavar="[RESULTS]", help="Results folder of a run.")
    ] = Path("results/run"),
    product: Annotated[
        str | None, typer.Option(metavar="ID", help="Only a product or union.")
    ] = None,
    indicator: Annotated[str | None, typer.Option(metavar="ID", help="Only an indicator.")] = None,
    totals: Annotated[
        bool, typer.Option("--totals", help="The totals of the drug strategy, 2012-2022.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write the table here.")
    ] = None,
) -> None:
    """Set the observed figures against a run: which lie inside its 95% intervals."""
    with _refusals():
        from experiments.comparison_table import Asked, print_figures

        print_figures(Asked(results, product, indicator, totals, csv), _console())


@app.command()
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
    with _refusals():
        from experiments.score import Asked, run_score
        from experiments.score_table import print_scores

        asked = Asked(figures, out, draws, seed, prior, sequential, catalogue, threads or _cores())
        with _progress(draws) as advance:
            outcome = run_score(asked, advance)
        print_scores(outcome, _console())


@app.command()
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
) -> None:
    """Fit the model to the Belgian figures and report how well it does; it can be interrupted."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as for a run
    with _refusals():
        from experiments.calibrate import Asked, run_calibration
        from experiments.calibration_report import check, write
        from experiments.calibration_table import markdown, print_report
        from experiments.progress import share_done

        asked = Asked(
            tuple(products or ()), until_year, out, draws, quick, threads or _cores(), ship
        )
        with share_done(_stop_if_asked) as advance:
            outcome = run_calibration(asked, advance)
            advance("checks and plots", 0.97)
            report = check(outcome)
            write(report, markdown(report))
        print_report(report, _console())


@app.command()
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
    with _refusals():
        from experiments.coverage import SHIPPED, Asked, print_coverage, run_coverage
        from experiments.progress import share_done

        if not shipped:
            with share_done(_stop_if_asked) as advance:
                run_coverage(Asked(out, sets, broken, processes or _cores()), advance)
        print_coverage(SHIPPED if shipped else out, _console())


def _stop_if_asked() -> None:
    if _stopped:  # the signal came where Python drops exceptions, such as in a callback
        raise SystemExit(128 + _stopped[0])


@app.command()
def money(
    results: Annotated[
        Path, typer.Argument(metavar="[RESULTS]", help="Results folder of a run.")
    ] = Path("results/run"),
    first: Annotated[int, typer.Option("--from", help="First year of the sums.")] = 2024,
    last: Annotated[int, typer.Option("--until", help="Last year of the sums.")] = 2030,
    rates: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="COSTS EFFECTS", help="Yearly discount rates of money and of effects."
        ),
    ] = (0.03, 0.015),
    base_year: Annotated[int, typer.Option(help="Year that later ones are discounted to.")] = 2024,
    price_year: Annotated[
        int | None,
        typer.Option(
            metavar="YEAR",
            help="Restate all money in prices of this year.",
            show_default="the price year of each amount",
        ),
    ] = None,
    inflation: Annotated[
        float | None,
        typer.Option(help="Yearly inflation between price years.", show_default="0.02, assumed"),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also write the table here, by product."),
    ] = None,
) -> None:
    """Sum public expenditure, social cost, revenues and years of life over years, discounted."""
    with _refusals():
        from experiments.money import Asked
        from experiments.money_table import print_money
        from model.costs import Discounting

        discounting = Discounting(*rates, base_year)
        print_money(
            Asked(results, first, last, discounting, price_year, inflation, csv), _console()
        )


@app.command()
def shocks(
    product: Annotated[
        str | None, typer.Option(metavar="ID", help="Only one product.", show_default="all illicit")
    ] = None,
    size: Annotated[
        float, typer.Option(min=0.01, max=0.95, help="Share of supply capacity lost.")
    ] = 0.5,
    draws: Annotated[int, typer.Option(min=1, max=100_000, help="Draws of the parameters.")] = 200,
    catalogue: CatalogueOption = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the draws.")] = 1,
    prior: PriorOption = False,
) -> None:
    """Lose supply of each illicit product in January 2024: the shock and the recovery."""
    with _refusals():
        from experiments.shocks import Shock, print_shocks

        print_shocks(Shock(product, size, draws, seed, catalogue, prior), _console())


def main() -> None:
    """Entry point of the command ``drugfutures``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)  # so that a run that is ended tidies up
    app()


_stopped: list[int] = []


def _stop(number: int, _: FrameType | None) -> None:
    _stopped.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
