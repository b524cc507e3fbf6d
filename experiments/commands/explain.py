"""The command explain."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.compare import Format
from experiments.runs.terminal import console, cores, refusals, stop_if_asked, with_fields_of

STEP = 0.1  # share done between lines where no terminal shows a bar


@dataclass(frozen=True)
class ExplainOptions:
    """What can be asked of an explanation, in the order of its help."""

    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Results folder of a run with the scenario.")
    ]
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="Id of a scenario of that run.")
    ]
    indicator: Annotated[str, typer.Option(metavar="ID", help="What to explain.")]
    product: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Product or union.", show_default="all, else any_illegal"),
    ] = None
    region: Annotated[str | None, typer.Option(metavar="REGION", help="Only a region.")] = None
    group: Annotated[
        str | None,
        typer.Option(metavar="GROUP", help="Only most_deprived, others, 10-17 or 18-24."),
    ] = None
    year: Annotated[int, typer.Option(metavar="YEAR", help="Year to explain.")] = 2030
    draws: Annotated[
        int, typer.Option(min=1, help="The first draws of the run, simulated anew.")
    ] = 10
    permutations: Annotated[
        int,
        typer.Option(min=4, help="Orders of the blocks to sample, where not all can be counted."),
    ] = 64
    measures: Annotated[
        bool, typer.Option("--measures", help="Also the scenario without each measure.")
    ] = False
    form: Annotated[
        Format, typer.Option("--format", help="A table to read, or every digit with units.")
    ] = Format.table
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows here (CSV, or JSON with that format)."),
    ] = None
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Threads.", show_default="all cores")
    ] = None


@with_fields_of(ExplainOptions)
def explain(given: ExplainOptions) -> None:
    """Say what each objective and trend adds to a scenario's difference from the baseline."""
    # Draws run in threads of their own; see the command run.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with refusals():
        from experiments.comparisons.explain import Asked
        from experiments.comparisons.explain import explain as explained
        from experiments.comparisons.explain_table import check_out, print_explained

        told = {one.name: getattr(given, one.name) for one in fields(given)}
        form = told.pop("form").value
        asked = Asked(**told | {"format": form, "threads": given.threads or cores()})
        check_out(given.out)
        with _bar() as progress:
            found = explained(asked, progress)
        print_explained(found, asked, console())


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """The share done: a bar on a terminal, a line now and then elsewhere."""
    from experiments.runs.progress import share_done

    with share_done(stop_if_asked) as advance:
        shown, step = [0.0], 0.005 if sys.stderr.isatty() else STEP

        def progress(share: float) -> None:
            stop_if_asked()
            if share >= min(1.0, shown[0] + step):
                shown[0] = share
                advance("simulating subsets", share)

        yield progress
