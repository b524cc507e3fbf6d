"""A Dask scheduler and its workers as processes of their own, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 40.0


def surroundings(**more: str) -> dict[str, str]:
    """Environment of a process that imports the tests."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started; it leads a group of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Apart:
    """``with Apart() as cluster``: ``address``, ``scheduler`` and two ``workers`` processes."""

    def __init__(self, workers: int = 2, environment: Mapping[str, str] | None = None) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.environment = {**surroundings(), **(environment or {})}
        self.number = workers
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Apart:
        self.scratch = tempfile.TemporaryDirectory()
        port = self.address.rpartition(":")[2]
        quiet = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--no-show"]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port, *quiet)
        for _ in range(self.number):
            self.add_worker()
        try:
            self._wait(int(port))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def add_worker(self) -> None:
        """One more worker, of one thread."""
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30"]
        scratch = ["--local-directory", self.scratch.name, "--memory-limit", "0"]
        self.workers.append(self._start("worker", self.address, *options, *scratch))

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait(self, port: int) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise TimeoutError("the Dask scheduler did not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in [*self.workers, self.scheduler]:
            end(process)
        self.scratch.cleanup()
