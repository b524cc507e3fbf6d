"""Where blocks are computed: here, in processes of this machine, or by Dask. One job, one code.

Workers write blocks to the store themselves and send back a few words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, Protocol

from experiments.batch.blocks import LABELS, Grid, unseal, write
from experiments.batch.job import Failure, Job
from experiments.batch.journal import Journal
from experiments.batch.objects import Objects, StorageError
from model.errors import InputError

STRIKES = 3  # workers that a block may take with it
NAMED = 10  # failures that a worker names
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)

End = Literal["written", "refused", "storage", "error"]


class PoolError(Exception):
    """The workers are gone, or cannot run the job; what is done is kept. Told in plain words."""


@dataclass(frozen=True)
class Task:
    """What a worker gets with the number of a block; small."""

    job: Job
    grid: Grid
    url: str
    run: str  # name of this start of the driver, for the log


@dataclass(frozen=True)
class Done:
    """How a block ended: ``written`` with its first ``failures`` of ``failed``, or ``why`` not.

    "refused": its inputs differ; "storage": it could not be written; "error": computing it failed.
    """

    block: int
    end: End
    seconds: float = 0.0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    why: str = ""
    engine: float = 0.0  # seconds in the engine alone


class Pool(Protocol):
    """Gives blocks to workers."""

    @property
    def workers(self) -> int:
        """Blocks computed at once."""

    @property
    def together(self) -> bool:
        """Whether everything happens in this process."""

    def check(self) -> None:
        """Raises InputError where no work can be given out."""

    def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
        """Compute and write the blocks, as they end. Leaving early ends the work. PoolError."""


@lru_cache(maxsize=4)
def _objects(url: str, digest: str) -> Objects:
    """The store as a worker sees it. Raises StorageError where it is not the driver's."""
    objects = Objects(url)
    told = unseal(objects.get(LABELS) or b"")
    if told is None or told["digest"] != digest:
        raise StorageError(
            f"{url} is not the same place for this worker: a store of workers on other machines "
            "lies on a shared disk or at an address such as s3://bucket/name"
        )
    return objects


@lru_cache(maxsize=64)
def _journal(url: str, run: str, thread: int) -> Journal:
    return Journal(url, run)


def compute_block(task: Task, block: int) -> Done:
    """Compute and write one block, where a worker is. Never raises for what can be told."""
    import threading

    began = time.perf_counter()
    try:
        journal = _journal(task.url, task.run, threading.get_ident())
        journal.write(begun=block, at=round(time.time(), 3))
        done = _compute(task, block)
    except InputError as error:
        return Done(block, "refused", why=str(error))
    seconds = time.perf_counter() - began
    if done.end == "written":
        took = {"seconds": round(seconds, 4), "engine": round(done.engine, 4)}
        journal.write(ended=block, failed=done.failed, **took)
    return replace(done, seconds=seconds)


def _compute(task: Task, block: int) -> Done:
    grid = task.grid
    if task.job.digest != grid.digest:
        raise InputError(
            "the files of this worker are not those of the study (another digest)",
            given=task.job.digest,
            allowed=grid.digest,
        )
    try:
        objects = _objects(task.url, grid.digest)
        computed = task.job.compute(*grid.span(block))
        failures = write(objects, grid, block, computed)
    except InputError:
        raise
    except StorageError as error:
        return Done(block, "storage", why=str(error))
    except Exception as error:  # of whatever a job does; the block is named and the rest goes on
        return Done(block, "error", why=f"{type(error).__name__}: {error}")
    few = tuple(failures[:NAMED])
    return Done(block, "written", failed=len(failures), failures=few, engine=computed.engine)


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra in one thread: the same sums everywhere, and workers do not crowd."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:  # the variables of the environment do the same at the start of a process
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


@dataclass(frozen=True)
class Serial:
    """One block after the other, in this process."""

    workers: int = 1
    together: bool = True

    def check(self) -> None:
        """Always."""

    def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
        """As ``Pool.run``."""
        for block in blocks:
            with one_thread():
                done = compute_block(task, block)
            yield done
