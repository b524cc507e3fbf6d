"""The commands about scenarios: compare and scoreboard."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal import console, refusals


class By(StrEnum):
    """Groups that a comparison is told by."""

    none = "none"
    region = "region"
    deprivation = "deprivation"
    age = "age"


class Format(StrEnum):
    """How the lines are written."""

    table = "table"
    csv = "csv"
    json = "json"


ResultsArgument = Annotated[
    Path, typer.Argument(metavar="[RESULTS]", help="Results folder of a run with scenarios.")
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="Scenario to compare with.", show_default="the first, current-policy"
    ),
]
YearOption = Annotated[
    int | None,
    typer.Option(metavar="YEAR", help="Year to compare in.", show_default="the last one"),
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="A table to read, or every digit with units.")
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write here.", show_default="the terminal")
]


def compare(
    results: ResultsArgument = Path("results/run"),
    baseline: BaselineOption = None,
    indicators: Annotated[
        list[str] | None,
        typer.Option("--indicator", metavar="ID", help="Only this one; may be given again."),
    ] = None,
    products: Annotated[
        list[str] | None,
        typer.Option(
            "--product", metavar="ID", help="Only this product or union; may be given again."
        ),
    ] = None,
    year: YearOption = None,
    by: Annotated[By, typer.Option(help="Tell groups apart.")] = By.none,
    form: FormatOption = Format.table,
    out: OutOption = None,
) -> None:
    """Compare scenarios with a baseline, draw by draw."""
    with refusals():
        from experiments.compare import Asked
        from experiments.compare_table import print_comparison

        print_comparison(
            Asked(
                results,
                baseline,
                tuple(indicators or ()),
                tuple(products or ()),
                year,
                by.value,
                form.value,
                out,
            ),
            console(),
        )


def scoreboard(
    results: ResultsArgument = Path("results/run"),
    baseline: BaselineOption = None,
    aim: Annotated[str | None, typer.Option(metavar="ID", help="Only this aim.")] = None,
    year: YearOption = None,
    form: FormatOption = Format.table,
    out: OutOption = None,
) -> None:
    """Set scenarios against the aims of the strategy: better, worse or unclear; no sum."""
    with refusals():
        from experiments.scoreboard import Asked, print_scoreboard

        print_scoreboard(Asked(results, baseline, aim, year, form.value, out), console())
