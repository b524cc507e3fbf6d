"""The driver and the commands: what is computed, what is told, how a batch ends early."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest
import typer
from typer.testing import CliRunner

from experiments.batch.blocks import name_of
from experiments.batch.driver import BatchStopped, Plan, run_batch
from experiments.batch.job import Computed
from experiments.batch.objects import ASIDE
from experiments.batch.pools import Pool, Serial
from experiments.batch.processes import Processes
from experiments.batch.status import status_of
from experiments.batch.store import skeleton
from experiments.commands import batch as batch_commands
from model.errors import InputError
from tests.experiments.batch.clusters import end, surroundings
from tests.experiments.batch.kills import toy_victim
from tests.experiments.batch.toys import Toy, layout_of
from tests.experiments.batch.trees import differing, tree

LAYOUT = layout_of(Toy(), 200, 20)


class Seen(Toy):
    """A toy that remembers what it was asked for."""

    def compute(self, first: int, last: int) -> Computed:
        ASKED.append((first, last))
        return super().compute(first, last)


ASKED: list[tuple[int, int]] = []


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    ASKED.clear()
    run_batch(Seen(), LAYOUT, str(tmp_path / "s"), Serial())
    assert [first for first, _ in ASKED] == list(range(0, 200, 20))
    for block in (3, 8):
        (tmp_path / "s" / name_of(block)).unlink()
    ASKED.clear()
    plans: list[Plan] = []
    seen: list[int] = []
    ended = run_batch(Seen(), LAYOUT, str(tmp_path / "s"), Serial(), seen.append, plans.append)
    assert ASKED == [(60, 80), (160, 180)]
    assert plans[0].todo == [3, 8]
    assert seen == [160, 20, 20]
    assert ended.complete


def test_failed_rows_are_counted_and_the_first_ten_named(tmp_path: Path) -> None:
    toy = Toy(fails=tuple(range(5, 30)))
    ended = run_batch(toy, LAYOUT, str(tmp_path / "s"), Serial())
    assert ended.failed == 25
    assert [failure.row for failure in ended.failures] == list(range(5, 15))
    again = run_batch(toy, LAYOUT, str(tmp_path / "s"), Serial())
    assert (again.computed, again.failed, len(again.failures)) == (0, 25, 10)


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.log").write_text("not a folder")
    assert run_batch(Toy(), LAYOUT, str(tmp_path / "s"), Serial()).complete


def test_a_full_disk_names_the_block_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, store = tmp_path / "whole", tmp_path / "s"
    run_batch(Toy(), LAYOUT, str(whole), Serial())
    labels = len(skeleton(LAYOUT)) + 1
    # Writes before it is full, after the one that tries whether anything can be written: among
    # the labels, at the third chunk, at the second manifest after that.
    for allowed in (10, 1 + labels - 9 + 4, 1 + 3):
        left = [allowed]
        written = Path.write_bytes

        def fill(path: Path, data: Any, left: list[int] = left, written: Any = written) -> int:
            left[0] -= 1
            if path.name.startswith(ASIDE) and left[0] < 0:
                written(path, data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(written(path, data))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", fill)
            with pytest.raises(BatchStopped, match="No space left on device") as told:
                run_batch(Toy(), LAYOUT, str(store), Serial())
        if allowed != 10:
            assert "block " in str(told.value)
            assert status_of(str(store), verify=True).damaged == {}
        assert not [name for name in tree(store) if ASIDE in name]
    run_batch(Toy(), LAYOUT, str(store), Serial())
    assert differing(tree(whole), tree(store)) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 800 kB, where the test may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(path)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_file_system_that_fills_up(tmp_path: Path, small_disk: Path) -> None:
    layout = layout_of(Toy(), 600, 20)
    run_batch(Toy(), layout, str(tmp_path / "whole"), Processes(2))
    filler = small_disk / "filler"
    filler.write_bytes(bytes(400_000))
    with pytest.raises(BatchStopped, match="No space left on device"):
        run_batch(Toy(), layout, str(small_disk / "s"), Processes(2))
    status = status_of(str(small_disk / "s"), verify=True)
    assert status.damaged == {}
    assert 0 < status.done < 600
    filler.unlink()
    run_batch(Toy(), layout, str(small_disk / "s"), Processes(2))
    assert differing(tree(tmp_path / "whole"), tree(small_disk / "s")) == []


def test_ctrl_c_ends_driver_and_workers_without_a_trace(tmp_path: Path) -> None:
    victim = toy_victim(tmp_path / "s", 400, 10, 0.05)
    driver = subprocess.Popen(
        victim.command(["--workers", "2"]),
        env=surroundings(),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "s" / name_of(3)).exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        workers = psutil.Process(driver.pid).children()
        os.killpg(driver.pid, signal.SIGINT)
        _, told = driver.communicate(timeout=20)
        assert (driver.returncode, told) == (130, b"")
        assert psutil.wait_procs(workers, timeout=5)[1] == []
    finally:
        end(driver)
    assert status_of(str(tmp_path / "s"), verify=True).damaged == {}


def test_a_layout_of_another_study_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different studies"):
        run_batch(Toy(digest="e" * 64), LAYOUT, str(tmp_path / "s"), Serial())


# Commands


@pytest.mark.parametrize(
    ("workers", "kind"), [(0, Serial), (1, Serial), (3, Processes), (None, object)]
)
def test_workers_choose_the_pool(workers: int | None, kind: type[Pool]) -> None:
    assert isinstance(batch_commands.pool_of(workers, None), kind)


def test_workers_and_a_scheduler_do_not_go_together() -> None:
    with pytest.raises(InputError, match="not here"):
        batch_commands.pool_of(2, "tcp://127.0.0.1:1")


def told(job: Toy, store: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = 0
    factors = {**LAYOUT.factors, "factor_history": np.array([False, True])}
    try:
        batch_commands.run_and_print(job, replace(LAYOUT, factors=factors), str(store), Serial())
    except typer.Exit as left:
        status = left.exit_code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_batch_tells_its_plan_and_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = told(Toy(), tmp_path / "s", capsys)
    assert status == 0
    assert "200 runs in 10 blocks of 20, 60 outputs each" in out
    assert "replay from 2010, as they act on the past: 1.1" in out
    assert "branch from the shared past: F1" in out
    assert "200 of 200 runs done" in out
    assert "runs a second" in out
    assert "With 10 draws the mean of an output is known to" in out
    (tmp_path / "s" / "values/c/4/0").unlink()
    status, out, _ = told(Toy(), tmp_path / "s", capsys)
    assert "9 blocks are done already, 1 to compute" in out
    assert "block 4 is damaged (values/c/4/0 is missing): computed again" in out


def test_failures_end_with_status_1_and_say_where_all_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = told(Toy(fails=(3,), raises=(50,)), tmp_path / "s", capsys)
    assert status == 1
    assert "failed: row 3: row 3 cannot be computed" in out
    assert "not written: block 2: ZeroDivisionError: a mistake in the job" in out
    assert f"drugfutures status {tmp_path / 's'}" in out.replace("\n", "")


def test_the_status_command(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(batch_commands.status)
    app.command()(batch_commands.batch)
    runner = CliRunner()
    store = str(tmp_path / "s")
    run_batch(Toy(fails=(3,), raises=(50,)), LAYOUT, store, Serial())
    shown = runner.invoke(app, ["status", store])
    assert shown.exit_code == 1
    assert "failed: row 3 (scenario stratégie, point 1, draw 0, seed 0)" in shown.output
    assert "not written: block 2: ZeroDivisionError" in shown.output
    parsed = json.loads(runner.invoke(app, ["status", store, "--format", "json"]).output)
    assert (parsed["done"], parsed["failed"], parsed["missing"]) == (179, 1, 20)
    assert parsed["failures"][0]["scenario"] == "stratégie"
    whole = str(tmp_path / "whole")
    run_batch(Toy(), LAYOUT, whole, Serial())
    assert runner.invoke(app, ["status", whole, "--verify"]).exit_code == 0
    (tmp_path / "whole" / "values/c/4/0").unlink()
    assert runner.invoke(app, ["status", whole, "--verify"]).exit_code == 1
    refused = runner.invoke(app, ["status", str(tmp_path / "none")])
    assert refused.exit_code == 2
    assert "no store of a batch" in refused.stderr
    refused = runner.invoke(app, ["batch", "x.yaml", "--out", whole, "--scheduler", "nonsense"])
    assert refused.exit_code == 2
    assert "no Dask scheduler" in refused.stderr
