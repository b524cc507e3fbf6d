"""Blocks given to the workers of a Dask scheduler, on any number of machines."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from experiments.batch.pools import Done, PoolError, Task, compute_block, one_thread
from model.errors import InputError

AHEAD = 2  # blocks given out for each thread of the workers
PATIENCE = 10.0  # seconds to wait for an answer of the scheduler
LOUD = ("batched", "client", "comm", "core", "utils")  # parts of Dask that log lost connections
KNOCK = 4.0  # seconds for the first answer
COUNT_EVERY = 5.0  # seconds after which workers are counted again


def compute_there(task: Task, block: int) -> Done:
    """What a Dask worker runs."""
    one_thread()
    return compute_block(task, block)


@dataclass(frozen=True)
class Dask:
    """The workers of a scheduler.

    ``address``: such as tcp://host:8786 or tls://host:8786, or a cluster object of Dask.
    ``security``: a ``distributed.Security``; left out, that of Dask's configuration.
    """

    address: Any
    security: Any = None
    patience: float = PATIENCE
    together: bool = False

    @property
    def workers(self) -> int:
        """Threads of all workers now. Raises InputError where no scheduler answers."""
        with self._client() as client:
            return _threads(client)

    def check(self) -> None:
        """Raises InputError where no scheduler answers."""
        self._client().close()

    def _client(self) -> Any:
        from distributed import Client

        try:
            if isinstance(self.address, str):
                # A client that cannot connect hangs for a while when it is thrown away.
                _knock(self.address, self.security, min(KNOCK, self.patience))
            return Client(  # type: ignore[no-untyped-call]
                self.address,
                timeout=self.patience,
                security=self.security,
                set_as_default=False,
                name="drugfutures",
            )
        except Exception as error:  # each kind of connection has errors of its own
            raise InputError(
                f"no Dask scheduler answers here ({_plain(error)})",
                key="--scheduler",
                given=str(self.address),
                allowed="the address that `dask scheduler` prints, such as tcp://127.0.0.1:8786",
            ) from None

    def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
        """As ``Pool.run``. Raises PoolError when the scheduler is lost."""
        try:
            client = self._client()
        except InputError:  # it answered when it was checked
            raise _lost() from None
        with _quiet():
            given = _Given(client, task, iter(blocks))
            try:
                for _ in range(len(blocks)):
                    yield given.next()
            finally:
                given.close()


def _knock(address: str, security: Any, patience: float) -> None:
    """Raises where no scheduler answers at an address."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from distributed import Security
    from distributed.core import rpc

    async def ask() -> Any:
        told = (security or Security()).get_connection_args("client")  # type: ignore[no-untyped-call]
        async with rpc(  # type: ignore[no-untyped-call]
            address, timeout=patience, connection_args=told
        ) as there:
            return await asyncio.wait_for(there.identity(), patience)

    with ThreadPoolExecutor(1) as pool:  # a notebook has a loop of its own in this thread
        found = pool.submit(lambda: asyncio.run(ask())).result()
    if not isinstance(found, dict) or found.get("type") != "Scheduler":
        raise ValueError("something else answers")


class _Given:
    """Blocks that the scheduler has, a few for each worker."""

    def __init__(self, client: Any, task: Task, left: Iterator[int]) -> None:
        self._client, self._task, self._left = client, task, left
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._futures: dict[Any, int] = {}
        self._room, self._counted = AHEAD, 0.0

    def next(self) -> Done:
        """How the next block ended."""
        while True:
            self._submit()
            try:
                key = self._ended.get(timeout=1.0)
            except queue.Empty:
                if self._client.status != "running":
                    raise _lost() from None
                continue
            done = self._done(key)
            if done is not None:
                return done

    def _submit(self) -> None:
        if time.monotonic() - self._counted > COUNT_EVERY:
            self._counted = time.monotonic()
            try:
                self._room = AHEAD * max(1, _threads(self._client))
            except Exception:  # whatever a closed connection raises
                raise _lost() from None
        while len(self._futures) < self._room and (block := next(self._left, None)) is not None:
            try:
                future = self._client.submit(
                    compute_there,
                    self._task,
                    block,
                    key=f"drugfutures-{self._task.run}-{block:06d}",
                    pure=False,
                )
            except Exception:
                raise _lost() from None
            self._futures[future] = block
            future.add_done_callback(self._ended.put)

    def _done(self, future: Any) -> Done | None:
        block = self._futures.pop(future, None)
        if block is None:
            return None
        error: object = None
        if future.status not in ("error", "cancelled"):
            try:
                done: Done = self._result(future)
                return done
            except OSError:  # closed connections are of this kind
                raise _lost() from None
            except Exception as raised:
                error = raised
        if future.status != "error":
            raise _lost()
        error = error or future.exception(timeout=PATIENCE)
        if type(error).__name__ == "KilledWorker":
            return Done(block, "error", why=f"its workers died again and again ({_plain(error)})")
        raise PoolError(
            f"the workers cannot run the study ({type(error).__name__}: {_plain(error)}); they "
            "need the same versions of Python and of the packages"
        )

    def _result(self, future: Any) -> Any:
        while True:
            try:
                return future.result(timeout=PATIENCE)
            except TimeoutError:  # its worker died with it, and it is computed once more
                if self._client.status != "running":
                    raise _lost() from None

    def close(self) -> None:
        """Take back what is not done, and leave."""
        # A scheduler that is gone cannot be told.
        with suppress(Exception):
            if self._futures and self._client.status == "running":
                self._client.cancel(list(self._futures), force=True)
        self._futures.clear()
        with suppress(Exception):
            self._client.close(timeout=2)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the traces that Dask logs when a scheduler is lost; the reason is told in words."""
    loggers = [logging.getLogger(f"distributed.{part}") for part in LOUD]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


def _lost() -> PoolError:
    return PoolError("the Dask scheduler does not answer any more")


def _plain(error: object) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
