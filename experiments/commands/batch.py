"""The commands about batches: batch and status."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.runs.terminal import (
    CatalogueOption,
    console,
    cores,
    log_lines,
    refusals,
    stop_if_asked,
    with_fields_of,
)

if TYPE_CHECKING:
    from experiments.batch.driver import Ended, Plan
    from experiments.batch.job import Layout
    from experiments.batch.pools import Pool

HINT_BYTES = 2e9  # a larger store is not read again for a hint


class Form(StrEnum):
    """How a status is written."""

    table = "table"
    json = "json"


@dataclass(frozen=True)
class BatchOptions:
    """What can be asked of a batch, in the order of its help."""

    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study file (YAML).")]
    out: Annotated[
        str,
        typer.Option(
            metavar="STORE",
            help="Where results go: a folder or an address such as s3://bucket/name. A store of "
            "the same study is gone on with.",
        ),
    ]
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1024,
            help="Processes on this machine; 1: in this process.",
            show_default="all cores",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use the workers of this Dask scheduler instead, such as tcp://host:8786.",
        ),
    ] = None
    catalogue: CatalogueOption = None


@with_fields_of(BatchOptions)
def batch(given: BatchOptions) -> None:
    """Run a study of many runs into a store; run again, it computes only what is missing."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in `run`
    with refusals():
        pool = pool_of(given.workers, given.scheduler)
        pool.check()  # before the study is read, which takes a while
        from experiments.batch.plan import BatchJob, layout_of, read_batch

        read = read_batch(given.study, catalogue=given.catalogue)
        for caution in read.cautions:
            typer.echo(f"Caution: {caution}", err=True)
        layout = layout_of(read)
        job = BatchJob.of(read)
        run_and_print(job, layout, given.out, pool)


def pool_of(workers: int | None, scheduler: str | None) -> Pool:
    """Who computes. Raises InputError where both are given."""
    from experiments.batch.cluster import Dask
    from experiments.batch.pools import Serial
    from experiments.batch.processes import Processes
    from model.errors import InputError

    if scheduler is not None:
        if workers is not None:
            raise InputError(
                "workers of a scheduler are started with it, not here",
                key="--workers",
                given=workers,
                allowed="--workers or --scheduler, not both",
            )
        return Dask(scheduler)
    wanted = cores() if workers is None else workers
    return Serial() if wanted <= 1 else Processes(wanted)


def run_and_print(job: Any, layout: Layout, out: str, pool: Pool) -> Ended:
    """Run a batch with its plan before and its end after; also for other commands.

    Raises InputError; typer.Exit(1) where it was stopped or some runs have no values.
    """
    from experiments.batch.driver import BatchStopped, run_batch

    screen = console()

    def announce(plan: Plan) -> None:
        for line in plan_lines(plan, layout, pool):
            screen.print(line, soft_wrap=True, markup=False)

    try:
        with rows_bar(layout.size[0]) as advance:
            ended = run_batch(job, layout, out, pool, advance, announce)
    except BatchStopped as stopped:
        typer.echo(f"The batch stopped: {stopped}. What is done is kept: run it again.", err=True)
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, SystemExit):
        typer.echo("Stopped. What is done is kept: the same command goes on.", err=True)
        raise
    for line in end_lines(ended, layout):
        screen.print(line, soft_wrap=True, markup=False)
    if not ended.complete:
        raise typer.Exit(1)
    return ended


@contextmanager
def rows_bar(rows: int) -> Iterator[Callable[[int], None]]:
    """A bar of runs done, with their rate and the time left; gives what counts those that end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.0f} runs/s,")

    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs,"),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("gone,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("runs", total=rows, start=False)
        log: Callable[[int], None] | None = None

        def advance(done: int) -> None:
            nonlocal log
            stop_if_asked()
            if log is not None:
                progress.update(task, advance=done)
                log(done)
                return
            # Those that were there before say nothing of the rate.
            log = log_lines(rows - done, "runs computed")
            progress.reset(task, completed=done, start=True)

        yield advance


def plan_lines(plan: Plan, layout: Layout, pool: Pool) -> Iterator[str]:
    """What a batch will do."""
    from experiments.batch.status import size

    rows, outputs = layout.size
    yield str(layout.attributes.get("title", ""))
    total = rows * outputs * 4 + sum(labels.nbytes for labels in layout.rows.values())
    yield (
        f"{rows} runs in {layout.blocks} blocks of {layout.block}, {outputs} outputs each: at most "
        f"{size(total)}, less as stored"
    )
    if "factor_history" in layout.factors and len(layout.factors["factor"]):
        acts = layout.factors["factor_history"].astype(bool)
        names = layout.factors["factor"]
        yield f"replay from 2010, as they act on the past: {', '.join(names[acts]) or 'none'}"
        yield f"branch from the shared past: {', '.join(names[~acts]) or 'none'}"
    todo = plan.todo
    if len(todo) < layout.blocks:
        yield f"{layout.blocks - len(todo)} blocks are done already, {len(todo)} to compute"
    for checked in plan.damaged[:10]:
        yield f"block {checked.block} is damaged ({checked.why}): computed again"
    if todo:
        workers = pool.workers
        yield "in this process" if pool.together else f"by {workers} workers"
        if not workers:
            yield "the scheduler has no workers yet: this waits for them"


def end_lines(ended: Ended, layout: Layout) -> Iterator[str]:
    """How a batch ended."""
    from experiments.batch.status import draws_hint, is_local

    yield (
        f"{ended.rows - ended.failed} of {ended.rows} runs done"
        if not ended.unwritten
        else (f"{len(ended.unwritten)} of {layout.blocks} blocks could not be computed")
    )
    if ended.computed and ended.seconds > 0:
        rate = ended.computed / ended.seconds
        told = f", {ended.engine:.0%} of the workers' time in the engine" if ended.engine else ""
        yield f"{ended.computed} computed now, {rate:.0f} runs a second{told}"
    for failure in ended.failures:
        yield f"failed: row {failure.row}: {failure.reason}"
    for block, why in ended.unwritten[:10]:
        yield f"not written: block {block}: {why}"
    if not ended.complete:
        yield f"{ended.failed} runs failed; all are told by: drugfutures status {ended.url}"
    elif is_local(ended.url) and ended.rows * layout.size[1] * 4 <= HINT_BYTES:
        hint = draws_hint(ended.url)
        if hint is not None:
            yield hint
    yield f"Store: {ended.url}"


@dataclass(frozen=True)
class StatusOptions:
    """What can be asked of a store, in the order of its help."""

    store: Annotated[str, typer.Argument(metavar="STORE", help="Folder or address of a batch.")]
    verify: Annotated[
        bool, typer.Option("--verify", help="Read everything and check that it is whole.")
    ] = False
    form: Annotated[Form, typer.Option("--format", help="Lines to read, or JSON.")] = Form.table


@with_fields_of(StatusOptions)
def status(given: StatusOptions) -> None:
    """Say which runs of a store are done, failed or missing, and why."""
    with refusals():
        from experiments.batch.status import print_status

        complete = print_status(given.store, given.verify, given.form.value, console())
    if not complete:
        raise typer.Exit(1)
