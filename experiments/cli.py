"""The command line. Heavy packages are imported inside the command that needs them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands import batch as batch_commands
from experiments.commands import compare as scenario_commands
from experiments.commands import effects as effects_command
from experiments.commands import explain as explain_commands
from experiments.commands import files as file_commands
from experiments.commands import fits as fit_commands
from experiments.commands import plot as plot_command
from experiments.commands import report as report_command
from experiments.commands import robustness as robustness_commands
from experiments.commands import search as search_commands
from experiments.commands import sensitivity as sensitivity_command
from experiments.commands import workshop as workshop_command
from experiments.runs.terminal import (
    CatalogueOption,
    PriorOption,
    console,
    cores,
    draws_bar,
    refusals,
    stop,
    with_fields_of,
)

if TYPE_CHECKING:
    from experiments.run import Options, Outcome

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


class Engine(StrEnum):
    """What simulates."""

    compartments = "compartments"
    agents = "agents"


class Detail(StrEnum):
    """Which scenarios results.nc holds in full."""

    auto = "auto"
    reference = "reference"
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
    levers = "levers"
    trends = "trends"
    rules = "rules"
    scenarios = "scenarios"


def _version(asked: bool) -> None:
    if asked:
        from experiments.runs.provenance import package_version

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
            help="Shipped scenarios (all: every one) or YAML files of your own; current-policy "
            "always runs.",
            show_default=False,
        ),
    ] = None
    draws: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Draws of the parameters.",
            show_default="200; 4 with agents",
        ),
    ] = None
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
    detail: Annotated[
        Detail,
        typer.Option(
            help="Scenarios that results.nc holds in full: all, only the reference, or all of few."
        ),
    ] = Detail.auto
    engine: Annotated[
        Engine, typer.Option(help="Expected numbers of people, or people one by one.")
    ] = Engine.compartments
    agents: Annotated[
        str | None,
        typer.Option(
            metavar="N|whole",
            help="Agents; whole: one for each inhabitant.",
            show_default="100000 with agents",
        ),
    ] = None
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Runs of each draw.", show_default="4 with agents"),
    ] = None
    switches: Annotated[
        list[str] | None,
        typer.Option(
            "--switch",
            metavar="NAME=VALUE",
            help="Of the agents: a refinement that is not to be as it is by default, such as "
            "network=off; may be given again.",
        ),
    ] = None


@app.command()
@with_fields_of(RunOptions)
def run(asked: RunOptions) -> None:
    """Project to 2030 and write the results, plots and their sources."""
    # Draws run in threads of their own; a linear-algebra library that starts more for each small
    # product of matrices makes a run several times slower. It reads this when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with refusals():
        from experiments.run import Options
        from experiments.runs.agent_options import DEFAULT_DRAWS, read_agents

        engine = asked.engine.value
        options = Options(
            scenarios=tuple(asked.scenarios or ()),
            draws=asked.draws or DEFAULT_DRAWS[engine],
            until=asked.until,
            plots=asked.plots.value,
            out=asked.out,
            catalogue=asked.catalogue,
            seed=asked.seed,
            threads=asked.threads or cores(),
            prior=asked.prior,
            detail=asked.detail.value,
            agents=read_agents(engine, asked.agents, asked.seeds, asked.switches or ()),
        )
        _print_results(_run_with_progress(options))


def _run_with_progress(options: Options) -> Outcome:
    from experiments.run import run as run_options

    with draws_bar(options.draws) as advance:
        return run_options(options, advance, lambda text: typer.echo(text, err=True))


def _print_results(outcome: Outcome) -> None:
    from experiments.runs.headlines import headline_table, observed, preface, warning

    screen = console()
    study, layout = outcome.study, outcome.study.layout
    figures = observed(study.figures, layout.catalogue)
    screen.print()
    for paragraph in preface(study.origin, layout.catalogue):
        screen.print(paragraph, style="bold")
    agents = study.options.agents
    rough = warning(len(outcome.survey[0]), agents.seeds if agents else 0)
    if rough is not None:
        screen.print(rough, style="bold")
    if outcome.caution is not None:
        screen.print(outcome.caution, style="bold")
    reference = layout.scenarios[0].id
    screen.print()
    screen.print(headline_table(outcome.survey[0], reference, layout, study.headlines, figures))
    if len(study.scenarios) > 1:
        from experiments.comparisons.compare import Asked
        from experiments.comparisons.compare_table import print_comparison

        print_comparison(Asked(study.options.out), screen)
    screen.print(f"\nResults: {study.options.out}", soft_wrap=True)


@app.command()
def show(
    topic: Annotated[Topic, typer.Argument(metavar="TOPIC", help="Which table.")],
    chosen: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A product (parameters, figures, flows, states), an objective or trend, or the "
            "row's own id.",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Show a table of the model or of the observed figures, or one row with its source."""
    with refusals():
        from experiments.lists.show import show as show_topic

        show_topic(topic.value, chosen, catalogue, console())


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
    with refusals():
        from experiments.figures.comparison_table import Asked, print_figures

        print_figures(Asked(results, product, indicator, totals, csv), console())


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
    with refusals():
        from experiments.comparisons.money_table import print_money
        from experiments.runs.money import Asked
        from model.costs import Discounting

        discounting = Discounting(*rates, base_year)
        print_money(Asked(results, first, last, discounting, price_year, inflation, csv), console())


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
    with refusals():
        from experiments.checks.shocks import Shock, print_shocks

        print_shocks(Shock(product, size, draws, seed, catalogue, prior), console())


# Where each command stands in the help.
_PANELS = {
    "Scenarios of a run": (
        scenario_commands.compare,
        scenario_commands.scoreboard,
        explain_commands.explain,
        report_command.report,
    ),
    "Studies of many runs": (
        batch_commands.batch,
        batch_commands.status,
        sensitivity_command.sensitivity,
        robustness_commands.discover,
        robustness_commands.robust,
        robustness_commands.value,
        search_commands.portfolio,
        search_commands.pathways,
    ),
    "Workshops": (workshop_command.workshop,),
    "Files and levers": (
        file_commands.validate,
        file_commands.schema,
        effects_command.effects,
        effects_command.check,
    ),
    "Calibration": (
        fit_commands.calibrate,
        fit_commands.backtest,
        fit_commands.score,
        fit_commands.coverage,
        plot_command.plot,
    ),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)


def main() -> None:
    """Entry point of the command ``drugfutures``."""
    # Processes that it starts read our packages too, never files of the folder that it runs in.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)  # so that a run that is ended tidies up
    app()


if __name__ == "__main__":
    main()
