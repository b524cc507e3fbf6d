"""What every command shares: the terminal, refusals, interrupts, options that return."""

from __future__ import annotations

import inspect
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from rich.console import Console

from model.errors import InputError

Wanted = TypeVar("Wanted")

REFUSED = 2  # the exit status of bad input, as of a wrong option


class Language(StrEnum):
    """Languages of plots and reports."""

    en = "en"
    nl = "nl"
    fr = "fr"
    de = "de"


class Plots(StrEnum):
    """Which plots are drawn of an analysis."""

    none = "none"
    main = "main"


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
LangOption = Annotated[
    Language, typer.Option("--lang", help="Language of what is drawn or reported.")
]
PlotsOption = Annotated[Plots, typer.Option("--plots", help="Plots of the main outputs, or none.")]

_STOPPED: list[int] = []


def console() -> Console:
    """Where results are printed: as wide as the terminal, 100 columns into a file or pipe."""
    wide = None if "COLUMNS" in os.environ else 100
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=wide)


def tell_plots(screen: Console, folder: Path, files: Sequence[Path]) -> None:
    """One line about the plots that were written into a folder; none where none was."""
    if files:
        told = f"Plots, each with its numbers as CSV: {folder} ({len(files)} files)"
        screen.print(told, soft_wrap=True, markup=False)


@contextmanager
def refusals() -> Iterator[None]:
    """Tell bad input in plain words and exit with status 2; a broken-down run with status 1."""
    try:
        yield
    except InputError as error:
        typer.echo(f"Refused: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except FloatingPointError as error:
        typer.echo(f"The run stopped: {error}. Results are as they were.", err=True)
        raise typer.Exit(1) from None


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def log_lines(total: int, what: str, every: float = 30.0) -> Callable[[int], None]:
    """Counts what ends and, where nobody sees a bar move, writes a line about it now and then.

    ``every``: seconds between two lines at least; lines go where a bar would.
    """
    began = told = time.monotonic()
    done = 0

    def advance(more: int) -> None:
        nonlocal done, told
        done, now = done + more, time.monotonic()
        if sys.stderr.isatty() or now - told < every:
            return
        told, gone = now, now - began
        left = gone * (total - done) / done if done else math.nan
        typer.echo(
            f"{done} of {total} {what}, {gone / 60:.1f} minutes gone, about {left / 60:.1f} left",
            err=True,
        )

    return advance


@contextmanager
def draws_bar(draws: int) -> Iterator[Callable[[int], None]]:
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
        log = log_lines(draws, "draws")

        def advance(done: int) -> None:
            stop_if_asked()
            progress.update(task, advance=done)
            log(done)

        yield advance


def stop_if_asked() -> None:
    """End the process where a signal has asked for it."""
    if _STOPPED:  # the signal came where Python drops exceptions, such as in a callback
        raise SystemExit(128 + _STOPPED[0])


def stop(number: int, _: FrameType | None) -> None:
    """Handle a signal: the process ends, with ``finally`` clauses run."""
    _STOPPED.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _default(one: Field[Any]) -> object:
    return inspect.Parameter.empty if one.default is MISSING else one.default


def with_fields_of(
    asked: type[Wanted],
) -> Callable[[Callable[[Wanted], None]], Callable[..., None]]:
    """A command whose arguments and options are the fields of a dataclass."""

    def wrapped(command: Callable[[Wanted], None]) -> Callable[..., None]:
        def call(**given: object) -> None:
            command(asked(**given))

        hints = get_type_hints(asked, include_extras=True)
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter(one.name, keyword, default=_default(one), annotation=hints[one.name])
            for one in fields(asked)  # type: ignore[arg-type]
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = hints
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return wrapped
