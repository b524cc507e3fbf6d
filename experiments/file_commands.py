"""The commands about files that a user writes: validate and schema."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.terminal import REFUSED, CatalogueOption, refusals
from model.errors import InputError

if TYPE_CHECKING:
    from scenarios.library import Library


class SchemaKind(StrEnum):
    """Files that have a JSON Schema."""

    scenario = "scenario"
    levers = "levers"
    trends = "trends"
    rules = "rules"
    blocks = "blocks"


def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Scenarios, levers, trends, rules, blocks or texts: told apart by their keys.",
        ),
    ],
    catalogue: CatalogueOption = None,
) -> None:
    """Check files of your own beside all that is known; nothing is run."""
    from scenarios.files import check_file

    library, refused = _library(catalogue)
    for path in files:
        try:
            typer.echo(f"{path}: {check_file(path, library)}")
        except InputError as error:
            refused = True
            typer.echo(f"Refused: {error}", err=True)
    if refused:
        raise typer.Exit(REFUSED)


def _library(catalogue: Path | None) -> tuple[Library, bool]:
    """The library of a user's folder; the shipped one, and True, where the folder is refused."""
    from model.catalogue import load_catalogue
    from scenarios.library import load_library

    try:
        return load_library(load_catalogue(catalogue)), False
    except InputError as error:
        if catalogue is None:
            raise
        typer.echo(f"Refused: {error}", err=True)
        typer.echo("The files are checked beside the shipped ones alone.", err=True)
        return load_library(load_catalogue()), True


def schema(
    kind: Annotated[
        SchemaKind,
        typer.Argument(metavar="KIND", help="scenario, levers, trends, rules or blocks."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here.")] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Print the JSON Schema of a kind of file, so that an editor completes and checks it."""
    with refusals():
        from model.catalogue import load_catalogue
        from scenarios.library import load_library
        from scenarios.schemas import json_schema

        library = load_library(load_catalogue(catalogue))
        text = json.dumps(json_schema(kind.value, library), indent=2, ensure_ascii=False) + "\n"
        if out is None:
            typer.echo(text, nl=False)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            told = f"the file cannot be written ({error.strerror})"
            raise InputError(told, file=str(out), key="--out") from None
        typer.echo(f"Written: {out}")
