"""The commands about scenarios: compare and scoreboard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.runs.terminal import console, refusals, with_fields_of


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
ScenariosOption = Annotated[
    list[str] | None,
    typer.Option("--scenario", metavar="ID", help="Only this one; may be given again."),
]
YearOption = Annotated[
    int | None,
    typer.Option(metavar="YEAR", help="Year to compare in.", show_default="the last one"),
]
FirstOption = Annotated[
    int | None,
    typer.Option(
        "--from",
        metavar="YEAR",
        help="Take the years from this one on together: counts, amounts and money summed, all else "
        "averaged.",
    ),
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="A table to read, or every digit with units.")
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write here.", show_default="the terminal")
]


@dataclass(frozen=True)
class CompareOptions:
    """What can be asked of a comparison, in the order of its help."""

    results: ResultsArgument = Path("results/run")
    baseline: BaselineOption = None
    scenarios: ScenariosOption = None
    indicators: Annotated[
        list[str] | None,
        typer.Option("--indicator", metavar="ID", help="Only this one; may be given again."),
    ] = None
    products: Annotated[
        list[str] | None,
        typer.Option(
            "--product", metavar="ID", help="Only this product or union; may be given again."
        ),
    ] = None
    year: YearOption = None
    first: FirstOption = None
    by: Annotated[By, typer.Option(help="Tell groups apart.")] = By.none
    form: FormatOption = Format.table
    out: OutOption = None


@with_fields_of(CompareOptions)
def compare(given: CompareOptions) -> None:
    """Compare scenarios with a baseline, draw by draw."""
    with refusals():
        from experiments.comparisons.compare import Asked
        from experiments.comparisons.compare_table import print_comparison

        asked = Asked(
            given.results,
            given.baseline,
            tuple(given.indicators or ()),
            tuple(given.products or ()),
            given.year,
            given.by.value,
            given.form.value,
            given.out,
            given.first,
            tuple(given.scenarios or ()),
        )
        print_comparison(asked, console())


@dataclass(frozen=True)
class ScoreboardOptions:
    """What can be asked of the scoreboard, in the order of its help."""

    results: ResultsArgument = Path("results/run")
    baseline: BaselineOption = None
    scenarios: ScenariosOption = None
    aim: Annotated[str | None, typer.Option(metavar="ID", help="Only this aim.")] = None
    year: YearOption = None
    first: FirstOption = None
    form: FormatOption = Format.table
    out: OutOption = None


@with_fields_of(ScoreboardOptions)
def scoreboard(given: ScoreboardOptions) -> None:
    """Set scenarios against the aims of the strategy: better, worse or unclear; no sum."""
    with refusals():
        from experiments.comparisons.scoreboard import Asked, print_scoreboard

        asked = Asked(
            given.results,
            given.baseline,
            given.aim,
            given.year,
            given.form.value,
            given.out,
            given.first,
            tuple(given.scenarios or ()),
        )
        print_scoreboard(asked, console())
