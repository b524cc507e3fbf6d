"""The commands about what levers do: effects and check."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from experiments.runs.terminal import CatalogueOption, PriorOption, console, refusals


class Form(StrEnum):
    """How the lines are written."""

    table = "table"
    csv = "csv"
    md = "md"


SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the draws.")]


def effects(
    draws: Annotated[int, typer.Option(min=1, help="Number of draws.")] = 20,
    measures: Annotated[
        list[str] | None,
        typer.Option("--measure", metavar="ID", help="Only this one; may be given again."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="A table to read, every digit, or a page.")
    ] = Form.table,
    seed: SeedOption = 1,
    prior: PriorOption = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Set each measure's effect, alone and as in its study, beside the published one."""
    with refusals():
        from experiments.checks.lever_effects import Asked
        from experiments.checks.lever_effects_table import print_effects

        asked = Asked(draws, seed, prior, tuple(measures or ()), catalogue)
        print_effects(asked, form.value, console())


def check(
    draws: Annotated[int, typer.Option(min=1, help="Number of draws.")] = 2,
    all_checks: Annotated[
        bool, typer.Option("--all", help="List every check, not only those that fail.")
    ] = False,
    seed: SeedOption = 1,
    prior: PriorOption = False,
    catalogue: CatalogueOption = None,
) -> None:
    """Check that every lever and trend moves what it should, and that bounds hold."""
    with refusals():
        from experiments.checks.model_checks import Wanted, print_checks

        if not print_checks(Wanted(draws, seed, prior, catalogue), console(), whole=all_checks):
            raise typer.Exit(1)
