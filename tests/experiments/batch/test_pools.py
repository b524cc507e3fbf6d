"""The same store from every kind of pool; workers that die; schedulers that are not there."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.batch.cluster import Dask
from experiments.batch.driver import BatchStopped, run_batch
from experiments.batch.job import Layout
from experiments.batch.journal import read_history
from experiments.batch.pools import Done, Pool, Serial, Task
from experiments.batch.processes import Processes
from model.errors import InputError
from tests.experiments.batch.clusters import Apart, free_port, surroundings
from tests.experiments.batch.toys import Toy, layout_of
from tests.experiments.batch.trees import differing, tree

ROWS, BLOCK = 400, 10
TOY = Toy(fails=(7, 333), wrong=(55,))
LAYOUT = layout_of(TOY, ROWS, BLOCK)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("serial") / "store"
    run_batch(TOY, LAYOUT, str(path), Serial())
    return tree(path)


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart() as cluster:
        yield cluster


def same(whole: dict[str, bytes], url: Path, pool: Pool) -> None:
    seen: list[int] = []
    ended = run_batch(TOY, LAYOUT, str(url), pool, seen.append)
    assert (ended.rows, ended.computed, ended.failed) == (ROWS, ROWS, 3)
    assert sum(seen) == ROWS
    assert differing(whole, tree(url)) == []
    assert read_history(str(url)).again == 0


def test_two_processes_write_the_same(whole: dict[str, bytes], tmp_path: Path) -> None:
    same(whole, tmp_path / "store", Processes(2))


def test_a_local_cluster_writes_the_same(whole: dict[str, bytes], tmp_path: Path) -> None:
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path),
    ) as cluster:
        same(whole, tmp_path / "store", Dask(cluster))


def test_scheduler_and_workers_apart_write_the_same(
    whole: dict[str, bytes], tmp_path: Path, apart: Apart
) -> None:
    same(whole, tmp_path / "store", Dask(apart.address))


def test_encrypted_connections_write_the_same(whole: dict[str, bytes], tmp_path: Path) -> None:
    from distributed import LocalCluster, Security

    security = Security.temporary()  # type: ignore[no-untyped-call]
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        security=security,
        protocol="tls://",
        local_directory=str(tmp_path),
    ) as cluster:
        address = str(cluster.scheduler_address)
        assert address.startswith("tls://")
        same(whole, tmp_path / "store", Dask(address, security))


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:{}", "nonsense", "http://127.0.0.1:{}", "ucx://x:1", ""]
)
def test_a_wrong_scheduler_address_is_refused_at_once(address: str, tmp_path: Path) -> None:
    began = time.monotonic()
    pool = Dask(address.format(free_port()), patience=2.0)
    with pytest.raises(InputError, match="no Dask scheduler") as told:
        run_batch(TOY, LAYOUT, str(tmp_path / "store"), pool)
    assert told.value.key == "--scheduler"
    assert time.monotonic() - began < 8
    assert not (tmp_path / "store").exists()


def test_memory_is_refused_for_other_processes() -> None:
    with pytest.raises(InputError, match="one process"):
        run_batch(TOY, LAYOUT, "memory://elsewhere", Processes(2))


def test_a_block_that_kills_its_workers_is_named_and_the_rest_done(tmp_path: Path) -> None:
    deadly = Toy(deadly=(205,))
    ended = run_batch(deadly, LAYOUT, str(tmp_path / "store"), Processes(2))
    assert ended.computed == ROWS - BLOCK
    [(block, why)] = ended.unwritten
    assert block == 20
    assert "3 workers" in why
    assert "SIGKILL" in why
    good = run_batch(Toy(), LAYOUT, str(tmp_path / "store"), Processes(2))
    assert good.computed == BLOCK
    assert good.complete


@pytest.mark.parametrize("pool", [Serial(), Processes(2)])
def test_a_mistake_in_a_block_is_named_and_the_rest_done(pool: Pool, tmp_path: Path) -> None:
    ended = run_batch(Toy(raises=(15,)), LAYOUT, str(tmp_path / "store"), pool)
    assert ended.unwritten == ((1, "ZeroDivisionError: a mistake in the job"),)
    assert ended.computed == ROWS - BLOCK


@pytest.mark.parametrize("pool", [Serial(), Processes(2)])
def test_a_worker_with_other_files_refuses(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the tables here are others"):
        run_batch(Toy(refuses=(15,)), LAYOUT, str(tmp_path / "store"), pool)


class Unknown(Toy):
    """A job that a worker cannot read."""

    def __reduce__(self) -> tuple[object, ...]:
        return _missing, ()


def _missing() -> None:
    raise ModuleNotFoundError("no module of that name here")


def test_a_job_that_workers_cannot_read_is_told(tmp_path: Path) -> None:
    assert pickle.dumps(Unknown())
    with pytest.raises(BatchStopped, match="no module of that name"):
        run_batch(Unknown(), LAYOUT, str(tmp_path / "store"), Processes(2))


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "from experiments.batch.driver import run_batch\n"
        "from experiments.batch.processes import Processes\n"
        "from tests.experiments.batch.toys import Toy, layout_of\n"
        f"run_batch(Toy(), layout_of(Toy(), 40, 10), {str(tmp_path / 'store')!r}, Processes(2))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=surroundings(), check=True
    )
    assert done.stdout == "once\n"


def test_a_batch_waits_for_more_blocks_than_workers_hold(tmp_path: Path, apart: Apart) -> None:
    small: Layout = layout_of(Toy(), 60, 1)
    assert run_batch(Toy(), small, str(tmp_path / "store"), Dask(apart.address)).complete


def test_a_worker_that_sees_another_place_refuses(tmp_path: Path) -> None:
    class Elsewhere(Serial):
        """A worker for whom the folder is empty, as on another machine without a shared disk."""

        def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
            return super().run(replace(task, url=str(tmp_path / "its-own")), blocks)

    with pytest.raises(BatchStopped, match="not the same place"):
        run_batch(TOY, LAYOUT, str(tmp_path / "store"), Elsewhere())


def test_blocks_told_to_be_written_are_looked_for(tmp_path: Path) -> None:
    class Liar(Serial):
        """Tells of blocks that it never wrote."""

        def run(self, task: Task, blocks: Sequence[int]) -> Iterator[Done]:
            yield from super().run(task, blocks[:-1])
            yield Done(blocks[-1], "written")

    ended = run_batch(TOY, LAYOUT, str(tmp_path / "store"), Liar())
    assert [block for block, _ in ended.unwritten] == [39]


def test_an_encrypted_address_without_certificates_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TLS"):
        run_batch(TOY, LAYOUT, str(tmp_path / "store"), Dask("tls://127.0.0.1:1"))
