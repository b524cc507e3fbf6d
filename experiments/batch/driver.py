"""Run a batch: find what is missing in its store, have it computed, say how it ended.

The driver holds labels and numbers of blocks, never results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from experiments.batch import store
from experiments.batch.blocks import Checked, Grid, check_all, name_of
from experiments.batch.job import Failure, Job, Layout
from experiments.batch.journal import Journal, new_run
from experiments.batch.objects import Objects, StorageError
from experiments.batch.pools import NAMED, Done, Pool, PoolError, Task
from model.errors import InputError


class BatchStopped(Exception):
    """A batch ended before its time, through no mistake in the study; what is done is kept."""


@dataclass(frozen=True)
class Plan:
    """What there is to do: ``found`` is the state of each block before."""

    grid: Grid
    found: tuple[Checked, ...]

    @property
    def todo(self) -> list[int]:
        """Blocks to compute."""
        return [checked.block for checked in self.found if checked.state != "done"]

    @property
    def damaged(self) -> list[Checked]:
        """Blocks that were written and are not whole any more."""
        return [checked for checked in self.found if checked.state == "damaged"]

    def rows(self, blocks: list[int]) -> int:
        """Number of rows of some blocks."""
        return sum(last - first for first, last in map(self.grid.span, blocks))


@dataclass(frozen=True)
class Ended:
    """How a batch ended.

    ``rows``: all; ``computed``: of this start; ``failed``: rows, with the first ones named in
    ``failures``; ``unwritten``: blocks that could not be computed, and why; ``seconds``: of work;
    ``engine``: share of the workers' time that the engine itself took, of this start.
    """

    url: str
    rows: int
    computed: int
    failed: int
    failures: tuple[Failure, ...]
    unwritten: tuple[tuple[int, str], ...]
    seconds: float
    engine: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every row has its values."""
        return not self.failed and not self.unwritten


@dataclass
class _Tally:
    """Counts what ends, and stops the batch where going on is no use."""

    grid: Grid
    journal: Journal
    failed: int
    failures: list[Failure]
    computed: int = 0
    working: float = 0.0
    engine: float = 0.0

    def __post_init__(self) -> None:
        self.unwritten: list[tuple[int, str]] = []

    def add(self, done: Done) -> int:
        """Rows that ended. Raises InputError or BatchStopped."""
        first, last = self.grid.span(done.block)
        if done.end == "written":
            self.computed += last - first
            self.working += done.seconds
            self.engine += done.engine
            self.failed += done.failed
            self.failures += done.failures[: max(0, NAMED - len(self.failures))]
            return last - first
        self.journal.write(block=done.block, trouble=done.why)
        if done.end == "refused":
            raise InputError(done.why)
        if done.end == "storage":
            raise BatchStopped(
                f"block {done.block} (rows {first} to {last - 1}) could not be written: {done.why}"
            )
        self.unwritten.append((done.block, done.why))
        return last - first


def run_batch(
    job: Job,
    layout: Layout,
    url: str,
    pool: Pool,
    progress: Callable[[int], None] = lambda rows: None,
    announce: Callable[[Plan], None] = lambda plan: None,
) -> Ended:
    """Compute what a store lacks.

    ``announce`` gets what there is to do, before; ``progress`` gets numbers of rows as they end,
    those that were there first. Raises InputError for a place, a store or a pool that cannot be
    used and for a worker whose files differ; BatchStopped when the store cannot be written any
    more or the workers are lost. ValueError: the job and the layout differ.
    """
    if job.digest != layout.digest:
        raise ValueError("the job and the layout are of different studies")
    objects = Objects(url)
    if not objects.shared and not pool.together:
        raise InputError(
            "memory:// is seen by one process only", key="--out", given=url, allowed="--workers 1"
        )
    pool.check()
    try:
        objects = store.prepare(url, layout)
        plan = Plan(store.grid_of(layout), tuple(_found(objects, layout)))
    except StorageError as error:
        raise BatchStopped(f"the store could not be prepared: {error}") from None
    announce(plan)
    run = new_run()
    journal = Journal(objects.url, run, "driver")
    journal.write(driver="starts", at=round(time.time(), 3), todo=len(plan.todo))
    known = [failure for checked in plan.found for failure in checked.failures]
    tally = _Tally(plan.grid, journal, len(known), known[:NAMED])
    progress(plan.grid.rows - plan.rows(plan.todo))
    began = time.perf_counter()
    _work(Task(job, plan.grid, objects.url, run), pool, plan.todo, tally, progress)
    seconds = time.perf_counter() - began
    journal.write(driver="ends", at=round(time.time(), 3), seconds=round(seconds, 3))
    _look_again(objects, plan, tally)
    return Ended(
        objects.url,
        plan.grid.rows,
        tally.computed,
        tally.failed,
        tuple(tally.failures),
        tuple(tally.unwritten),
        seconds,
        tally.engine / tally.working if tally.working else 0.0,
    )


def _found(objects: Objects, layout: Layout) -> list[Checked]:
    """The state of every block; manifests of damaged ones are taken away, so that nobody reads."""
    grid = store.grid_of(layout)
    present = objects.sizes()
    known = [block for block in range(grid.blocks) if name_of(block) in present]
    found = {checked.block: checked for checked in check_all(objects, grid, known, 1)}
    for checked in found.values():
        if checked.state == "damaged":
            objects.delete(name_of(checked.block))
    return [found.get(block, Checked(block, "missing")) for block in range(grid.blocks)]


def _work(
    task: Task, pool: Pool, todo: list[int], tally: _Tally, progress: Callable[[int], None]
) -> None:
    if not todo:
        return
    coming = pool.run(task, todo)
    try:
        for done in coming:
            progress(tally.add(done))
    except PoolError as error:
        raise BatchStopped(str(error)) from None
    finally:
        close = getattr(coming, "close", None)
        if close is not None:  # ends workers now, also after Ctrl-C
            close()


def _look_again(objects: Objects, plan: Plan, tally: _Tally) -> None:
    """Remove what killed workers left, and see that what they told to be written is there."""
    try:
        present = objects.sizes()
        objects.tidy(present)
    except StorageError as error:
        raise BatchStopped(f"the store cannot be read back: {error}") from None
    known = {block for block, _ in tally.unwritten}
    for block in plan.todo:
        if block not in known and name_of(block) not in present:
            tally.unwritten.append((block, "it was written, but is not there now"))
