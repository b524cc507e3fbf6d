"""The commands portfolio and pathways."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


@dataclass(frozen=True)
class PortfolioOptions:
    """What can be asked of a portfolio search, in the order of its help."""

    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Study file with levers and a search.")
    ]
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Write here, and go on from here.")]
    generations: Annotated[int, typer.Option(metavar="G", help="Generations in all.")] = 20
    population: Annotated[int, typer.Option(metavar="P", help="Portfolios of a generation.")] = 24
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of the search.")] = 1
    workers: Annotated[int, typer.Option(metavar="N", help="Processes.")] = 1
    scenarios: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write each portfolio as a scenario file here.",
            show_default="not written",
        ),
    ] = None
    lang: LangOption = Language.en
    plots: PlotsOption = Plots.main
    catalogue: CatalogueOption = None


@with_fields_of(PortfolioOptions)
def portfolio(given: PortfolioOptions) -> None:
    """Search for portfolios of levers that none beats in all outcomes; goes on where it stopped."""
    with refusals():
        from experiments.robustness.portfolio_run import Asked, run_portfolio
        from experiments.robustness.portfolio_table import print_report
        from experiments.runs.progress import share_done

        asked = Asked(
            study=given.study,
            out=given.out,
            generations=given.generations,
            population=given.population,
            seed=given.seed,
            workers=given.workers,
            scenarios=given.scenarios,
            catalogue=given.catalogue,
        )
        with share_done(stop_if_asked) as advance:
            report, written = run_portfolio(asked, advance)
        screen = console()
        print_report(report, screen)
        shown = [path for path in written if path.suffix != ".yaml"]
        for path in shown:
            screen.print(f"Written: {path}", soft_wrap=True)
        if given.scenarios is not None:
            told = f"Written: {len(written) - len(shown)} scenario files in {given.scenarios}"
            screen.print(told, soft_wrap=True)
        if given.plots is Plots.main:
            from experiments.plots.analysis import draw_portfolio
            from experiments.runs.provenance import package_version
            from experiments.sensitivity.tables import ready

            folder, version = ready(given.out / "plots"), {"package_version": package_version()}
            tell_plots(screen, folder, draw_portfolio(report, folder, given.lang.value, version))


class Better(StrEnum):
    """Which direction is better."""

    up = "up"
    down = "down"


class Relative(StrEnum):
    """What an aim is relative to."""

    absolute = "absolute"
    today = "today"
    baseline = "baseline"


@dataclass(frozen=True)
class PathwaysOptions:
    """What can be asked of adaptive pathways, in the order of its help."""

    store: Annotated[
        str, typer.Argument(metavar="STORE", help="Store of a batch with years in a row.")
    ]
    indicator: Annotated[str, typer.Option(metavar="ID", help="What the aim is about.")]
    product: Annotated[str, typer.Option(metavar="ID", help="Product or union.")]
    aim: Annotated[
        float, typer.Option(metavar="NUMBER", help="A level, or a share with --relative.")
    ]
    relative: Annotated[
        Relative,
        typer.Option(help="A share of the baseline's value today, or of that in the same year."),
    ] = Relative.absolute
    better: Annotated[
        Better | None,
        typer.Option(help="Direction that is better.", show_default="as in the scoreboard"),
    ] = None
    group: Annotated[str, typer.Option(metavar="GROUP", help="Whom it is about.")] = "Belgium"
    baseline: Annotated[
        str, typer.Option(metavar="ID", help="Scenario that relative aims are set against.")
    ] = "current-policy"
    first: Annotated[
        int | None,
        typer.Option(
            "--from",
            metavar="YEAR",
            help="The aim holds from this year on.",
            show_default="the second year kept",
        ),
    ] = None
    delay: Annotated[
        int, typer.Option(metavar="YEARS", help="Until the figure of a year is known (assumed).")
    ] = 1
    bins: Annotated[int, typer.Option(metavar="N", help="Parts of each trend in the map.")] = 3
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the tables as CSV, and plots, here.",
            show_default="not written",
        ),
    ] = None
    lang: LangOption = Language.en
    plots: PlotsOption = Plots.main


@with_fields_of(PathwaysOptions)
def pathways(given: PathwaysOptions) -> None:
    """How long packages of levers meet an aim, what warns before they miss it, what follows."""
    with refusals():
        from experiments.robustness.pathways_table import Asked, print_pathways

        asked = Asked(
            store=given.store,
            indicator=given.indicator,
            product=given.product,
            aim=given.aim,
            relative=given.relative.value,
            better=None if given.better is None else given.better.value,
            group=given.group,
            baseline=given.baseline,
            first=given.first,
            delay=given.delay,
            bins=given.bins,
            out=given.out,
        )
        found = print_pathways(asked, console())
        if given.out is not None and given.plots is Plots.main:
            from experiments.plots.analysis import draw_pathways
            from experiments.sensitivity.tables import ready

            folder = ready(given.out / "plots")
            drawn = draw_pathways(found, folder, given.lang.value, found.attributes)
            tell_plots(console(), folder, drawn)
