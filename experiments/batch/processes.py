"""Worker processes on this machine; one that dies is replaced and its block given out again.

Started anew rather than forked, and without running the main module of a user's script or
notebook again. A worker gets its blocks through a socket; when the driver dies the socket closes
and the worker ends at once. Only the first block in hand is being computed, so it is known which
block a dead worker had.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from experiments.batch.pools import (
    STRIKES,
    THREAD_VARIABLES,
    Done,
    PoolError,
    Task,
    compute_block,
    one_thread,
)

IN_HAND = 2  # blocks of a worker: the one it computes and the next
CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from experiments.batch.processes import serve; serve(int(sys.argv[2]))"
)


def serve(handle: int) -> None:
    """A worker: takes a task, then blocks, and sends back how each ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends this
    connection = Connection(handle)
    asked: queue.Queue[int] = queue.Queue()
    one_thread()
    try:
        task: Task = pickle.loads(connection.recv_bytes())
    except EOFError:
        return
    except Exception as error:  # a job that cannot be imported here
        connection.send(f"{type(error).__name__}: {error}")
        return
    connection.send("ready")

    def listen() -> None:
        while True:
            try:
                asked.put(connection.recv())
            except (EOFError, OSError):
                os._exit(0)  # the driver is gone or wants no more; what is unfinished is let go

    threading.Thread(target=listen, daemon=True).start()
    with suppress(OSError):  # the driver is gone
        while True:
            connection.send(compute_block(task, asked.get()))


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    ready: bool = False
    blocks: deque[int] = field(default_factory=deque)


def _start(message: bytes) -> _Worker:
    ours, theirs = socket.socketpair()
    path = json.dumps([entry or os.getcwd() for entry in sys.path])
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, path, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
        )
    worker = _Worker(process, Connection(ours.detach()))
    with suppress(OSError):  # it died at once, which is seen when its answer is read
        worker.connection.send_bytes(message)
    return worker


@dataclass
class _Crew:
    """The workers of one run, and what is left for them."""

    message: bytes
    left: deque[int]
    members: dict[Connection, _Worker] = field(default_factory=dict)
    strikes: Counter[int] = field(default_factory=Counter)
    stillborn: int = 0

    def hire(self, workers: int) -> None:
        busy = sum(bool(worker.blocks) for worker in self.members.values())
        while len(self.members) < min(workers, busy + len(self.left)):
            worker = _start(self.message)
            self.members[worker.connection] = worker

    def feed(self) -> None:
        for depth in range(1, IN_HAND + 1):  # everybody gets a first block before a second one
            for worker in self.members.values():
                if worker.ready and self.left and len(worker.blocks) < depth:
                    try:
                        worker.connection.send(self.left[0])
                    except OSError:  # it has died, which is seen when its answer is read
                        continue
                    worker.blocks.append(self.left.popleft())

    def hear(self, worker: _Worker) -> Done | None:
        """What a worker sends; what it had in hand goes back if it has died."""
        try:
            told: Any = worker.connection.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(told, Done):
            worker.blocks.remove(told.block)
            return told
        if told != "ready":
            raise PoolError(f"the workers cannot run the study ({told})")
        worker.ready, self.stillborn = True, 0
        return None

    def _bury(self, worker: _Worker) -> Done | None:
        del self.members[worker.connection]
        worker.connection.close()
        status = worker.process.wait()
        how = f"exit status {status}"
        if status < 0:
            how = f"killed by signal {-status}, {signal.Signals(-status).name}"
            how += ", often for want of memory" if status == -signal.SIGKILL else ""
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= STRIKES:
                raise PoolError(f"the workers die before they begin ({how})")
        if not worker.blocks:
            return None
        running = worker.blocks.popleft()
        self.left.extendleft(reversed(worker.blocks))
        self.strikes[running] += 1
        if self.strikes[running] >= STRIKES:
            return Done(running, "error", why=f"it took {STRIKES} workers with it ({how})")
        self.left.appendleft(running)
        return None

    def dismiss(self) -> None:
        for worker in self.members.values():
            worker.connection.close()
            worker.process.kill()  # writing is all or none, so nothing is left half done
        for worker in self.members.values():
            worker.process.wait()
        self.members.clear()


@dataclass(frozen=True)
class Processes:
    """``workers`` processes on this machine."""

    workers: int
    together: bool = False

    def check(self) -> None:
        """Always."""

    def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
        """As ``Pool.run``. Raises PoolError where workers cannot start."""
        try:
            message = pickle.dumps(task)
        except Exception as error:
            raise PoolError(f"the job cannot be sent to workers ({error})") from None
        crew, open_blocks = _Crew(message, deque(blocks)), len(blocks)
        try:
            while open_blocks:
                crew.hire(self.workers)
                crew.feed()
                for connection in wait(list(crew.members)):
                    assert isinstance(connection, Connection)
                    done = crew.hear(crew.members[connection])
                    if done is not None:
                        open_blocks -= 1
                        crew.feed()
                        yield done
        finally:
            crew.dismiss()
