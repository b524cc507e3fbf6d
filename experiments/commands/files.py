"""The commands about files that a user writes: validate and schema."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.runs.terminal import REFUSED, CatalogueOption, refusals
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
    study = "study"


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]",
            help="Scenarios, studies, levers, trends, rules, blocks or texts, told by their keys; "
            "with --catalogue and no file: all of that folder.",
        ),
    ] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Check files of your own beside all that is known; nothing is run."""
    if not files and catalogue is None:
        typer.echo("Refused: nothing to check\n  allowed: files, or --catalogue DIR", err=True)
        raise typer.Exit(REFUSED)
    library, refused = _library(catalogue)
    inside = catalogue.resolve() if catalogue is not None and refused else None
    if catalogue is not None and not refused:
        refused = not _tables_told(catalogue, library)
    for path in files or _files_of(catalogue):
        if inside is not None and path.resolve().is_relative_to(inside):
            typer.echo(f"Not checked before its folder is in order: {path}", err=True)
            continue
        try:
            typer.echo(f"{path}: {_checked(path, library)}")
        except InputError as error:
            refused = True
            typer.echo(f"Refused: {error}", err=True)
    if refused:
        raise typer.Exit(REFUSED)


def _files_of(folder: Path | None) -> list[Path]:
    """What a user's folder holds besides tables."""
    from scenarios.library import SUFFIXES
    from scenarios.trends import CROSS_IMPACT

    found = [] if folder is None else sorted(folder.glob("*")) + sorted(folder.glob("*/*"))
    found = [path for path in found if path.suffix in SUFFIXES or path.name == CROSS_IMPACT]
    return [path for path in found if not path.name.startswith(".")]


def _tables_told(folder: Path, library: Library) -> bool:
    """Say what the tables of a user's folder add, or refuse them for what lacks; whether sound."""
    from experiments.checks.lacking import lacking, refusal
    from model.catalogue import load_catalogue

    try:
        refused = refusal(lacking(library.catalogue), str(folder))
    except InputError as error:
        refused = error
    if refused is not None:
        typer.echo(f"Refused: {refused}", err=True)
        return False
    shipped = {row.id for row in load_catalogue().products}
    own = [row.id for row in library.catalogue.products if row.id not in shipped]
    told = f"products of its own: {', '.join(own)}" if own else "no product of its own"
    typer.echo(f"{folder}: tables sound, no parameter lacks; {told}")
    return True


def _checked(path: Path, library: Library) -> str:
    """One line on a sound file. Raises InputError."""
    from scenarios.files import check_file
    from scenarios.lines import read_yaml

    if path.suffix != ".csv":
        value = read_yaml(path).value
        if isinstance(value, dict) and "scenarios" in value:
            return _checked_study(path, library, portfolio="search" in value)
    return check_file(path, library)


def _checked_study(path: Path, library: Library, *, portfolio: bool) -> str:
    folder = library.catalogue.folder
    if not portfolio:
        from experiments.batch.plan import check_study

        return check_study(path, library)
    from experiments.robustness.portfolio_study import read_portfolio

    found = read_portfolio(path, folder)
    return (
        f"study of portfolios {found.file.id}: {len(found.levers)} levers, "
        f"{found.futures} futures, {len(found.outputs)} outcomes"
    )


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
        typer.echo("Files elsewhere are checked beside the shipped ones alone.", err=True)
        return load_library(load_catalogue()), True


def schema(
    kind: Annotated[
        SchemaKind,
        typer.Argument(metavar="KIND", help="scenario, levers, trends, rules, blocks or study."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here.")] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Print the JSON Schema of a kind of file, so that an editor completes and checks it."""
    with refusals():
        from experiments.batch.study_file import StudyFile
        from model.catalogue import load_catalogue
        from scenarios.library import load_library
        from scenarios.schemas import json_schema

        library = load_library(load_catalogue(catalogue))
        made = json_schema(kind.value, library, StudyFile if kind == SchemaKind.study else None)
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        if out is None:
            typer.echo(text, nl=False)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            told = f"the file cannot be written ({error.strerror})"
            raise InputError(told, file=str(out), key="--out") from None
        typer.echo(f"Written: {out}")
