"""Batches killed at random moments and resumed, until they are done.

Drives any command that runs a batch into a local store, a toy or the real one: see ``Victim``.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from experiments.batch.blocks import FOLDER
from experiments.batch.cluster import AHEAD
from experiments.batch.journal import SUFFIX, read_history
from experiments.batch.processes import IN_HAND
from experiments.batch.status import status_of
from tests.experiments.batch.clusters import Apart, end, surroundings
from tests.experiments.batch.trees import truncate

WORKERS = 2
PATIENCE = 120.0  # seconds that anything may take
KINDS = ("driver", "worker", "scheduler", "full disk", "truncated chunk", "worker of Dask")


@dataclass(frozen=True)
class Victim:
    """A batch that can be started again and again.

    ``command``: given ``["--workers", "2"]`` or ``["--scheduler", address]``, the command line.
    """

    command: Callable[[list[str]], list[str]]
    store: Path
    blocks: int


def toy_victim(store: Path, rows: int, block: int, slow: float) -> Victim:
    """A toy batch."""

    def command(pool: list[str]) -> list[str]:
        asked: dict[str, object] = {"url": str(store), "rows": rows, "block": block}
        asked["toy"] = {"slow": slow, "fails": [7], "wrong": [rows - 1]}
        asked[pool[0].lstrip("-")] = int(pool[1]) if pool[0] == "--workers" else pool[1]
        return [sys.executable, str(Path(__file__).with_name("toys.py")), json.dumps(asked)]

    return Victim(command, store, -(-rows // block))


def study_victim(study: Path, store: Path, blocks: int) -> Victim:
    """A batch of the model, by the command ``drugfutures batch``."""
    start = [sys.executable, "-c", "from experiments.cli import main; main()", "batch"]
    return Victim(lambda pool: [*start, str(study), "--out", str(store), *pool], store, blocks)


@dataclass
class Killing:
    """What was done to a batch: ``kills`` by kind, ``flying``: most blocks in flight at them."""

    victim: Victim
    chance: random.Random
    quota: int  # most blocks that are waited for before a kill
    kills: Counter[str] = field(default_factory=Counter)
    flying: int = 0
    damaged: set[str] = field(default_factory=set)
    cluster: Apart | None = None

    def strike(self, kind: str) -> None:
        """Start the batch, or go on with it, and do one bad thing to it at a random moment."""
        self.kills[kind] += 1
        if kind == "truncated chunk":
            self._truncate()
        elif kind in ("scheduler", "worker of Dask"):
            self._with_driver(kind, ["--scheduler", self._cluster().address])
        else:
            self._with_driver(kind, ["--workers", str(WORKERS)])

    def finish(self) -> None:
        """Run to the end, undisturbed."""
        driver, log = self._start(["--workers", str(WORKERS)])
        try:
            driver.wait(timeout=PATIENCE)
        finally:
            end(driver)
        # 1: it ran to its end, and some rows failed as they are meant to.
        assert driver.returncode in (0, 1), log()
        assert "stopped" not in log(), log()

    def close(self) -> None:
        """End what is left running."""
        if self.cluster is not None:
            self.cluster.__exit__(None, None, None)
            self.cluster = None

    def _cluster(self) -> Apart:
        if self.cluster is None:
            self.cluster = Apart(WORKERS)
            self.cluster.__enter__()
        return self.cluster

    def _start(self, pool: list[str]) -> tuple[subprocess.Popen[bytes], Callable[[], str]]:
        file = tempfile.NamedTemporaryFile(mode="w+b")  # noqa: SIM115 (read after it ended)
        driver = subprocess.Popen(
            self.victim.command(pool),
            env=surroundings(),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )

        def log() -> str:
            file.seek(0)
            return file.read().decode("utf-8", "replace")

        return driver, log

    def _with_driver(self, kind: str, pool: list[str]) -> None:
        starts = self._starts()
        driver, log = self._start(pool)
        try:
            # What workers of a driver killed before still write is not its own.
            self._until(lambda: self._starts() > starts, driver, log)
            self._wait(driver, log)
            children = psutil.Process(driver.pid).children()
            alone = kind in ("worker", "worker of Dask")
            self.flying += (IN_HAND if pool[0] == "--workers" else AHEAD) * (
                1 if alone else WORKERS
            )
            self._hurt(kind, driver, children, log)
            _, alive = psutil.wait_procs(children, timeout=10)
            assert not alive, f"workers outlive their driver after: {kind}"
        finally:
            end(driver)
        if kind != "full disk":  # what was begun is begun anew
            self._check_whole()

    def _hurt(
        self,
        kind: str,
        driver: subprocess.Popen[bytes],
        children: Sequence[psutil.Process],
        log: Callable[[], str],
    ) -> None:
        if kind == "driver":
            driver.kill()
        elif kind == "worker":
            self.chance.choice(children).kill()
            self._end_softly(driver, log)
        elif kind == "full disk":
            sizes = [path.stat().st_size for path in self._chunks()]
            limit = (min(sizes) // 2, resource.RLIM_INFINITY)
            for child in children:
                resource.prlimit(child.pid, resource.RLIMIT_FSIZE, limit)
            assert driver.wait(timeout=PATIENCE) == 1, log()
            assert "could not be written" in log(), log()
        elif kind == "scheduler":
            self._cluster().scheduler.kill()
            assert driver.wait(timeout=PATIENCE) == 1, log()
            assert "scheduler does not answer" in log(), log()
            self.close()
        else:
            cluster = self._cluster()
            end(cluster.workers.pop(self.chance.randrange(len(cluster.workers))))
            cluster.add_worker()
            self._end_softly(driver, log)
        driver.wait(timeout=PATIENCE)
        assert "Traceback" not in log(), log()

    def _end_softly(self, driver: subprocess.Popen[bytes], log: Callable[[], str]) -> None:
        """See it go on without the worker, then ask it to end."""
        self._wait(driver, log)
        self.flying += IN_HAND * WORKERS
        driver.terminate()
        assert driver.wait(timeout=PATIENCE) == 128 + signal.SIGTERM, log()

    def _wait(self, driver: subprocess.Popen[bytes], log: Callable[[], str]) -> None:
        """Until some more blocks are done, and a moment."""
        wanted = self._done() + self.chance.randint(1, self.quota)
        self._until(lambda: self._done() >= wanted, driver, log)
        time.sleep(self.chance.uniform(0, 0.05))

    def _until(
        self, met: Callable[[], bool], driver: subprocess.Popen[bytes], log: Callable[[], str]
    ) -> None:
        until = time.monotonic() + PATIENCE
        while not met():
            assert driver.poll() is None, f"ended by itself: {log()}"
            assert time.monotonic() < until, f"nothing happens: {log()}"
            time.sleep(0.005)

    def _starts(self) -> int:
        folder = self.victim.store.with_name(self.victim.store.name + SUFFIX)
        return len(list(folder.glob("*-driver.jsonl"))) if folder.exists() else 0

    def _done(self) -> int:
        folder = self.victim.store / FOLDER
        return len(list(folder.glob("[0-9]*.json"))) if folder.exists() else 0

    def _chunks(self) -> list[Path]:
        manifests = sorted((self.victim.store / FOLDER).glob("[0-9]*.json"))
        chunks = self.victim.store / "values" / "c"
        return [chunks / str(int(path.stem)) / "0" for path in manifests]

    def _truncate(self) -> None:
        path = self.chance.choice(self._chunks())
        truncate(path)
        self.damaged.add(f"block {int(path.parent.name)}")

    def _check_whole(self) -> None:
        """What counts as done is whole, but for what was damaged on purpose since the last run."""
        found = status_of(str(self.victim.store), verify=True).damaged
        assert set(found) <= self.damaged, found


def torture(victim: Victim, kills: int, seed: int, kinds: Sequence[str] = KINDS) -> str:
    """Kill a batch ``kills`` times, resume it to its end, and tell what was computed twice."""
    chance = random.Random(seed)
    # Something must be there before a chunk can be truncated or a file system fill up.
    later = [kinds[turn % len(kinds)] for turn in range(kills - 1)]
    chance.shuffle(later)
    killing = Killing(victim, chance, max(1, victim.blocks // (3 * kills)))
    try:
        for kind in ["driver", *later]:
            killing.strike(kind)
        killing.finish()
    finally:
        killing.close()
    history = read_history(str(victim.store))
    again = history.again
    most = killing.flying + len(killing.damaged)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(killing.kills.items()))
    assert again <= most, (again, most)
    return (
        f"{sum(killing.kills.values())} kills ({told}); {victim.blocks} blocks, {again} begun more "
        f"than once, {history.written_again} of them to the end; in flight at the kills, or "
        f"damaged: at most {most}"
    )
