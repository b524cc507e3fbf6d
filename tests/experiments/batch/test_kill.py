"""A batch that is killed again and again ends as one that ran undisturbed, byte for byte.

For the model itself: DRUGFUTURES_KILL_STUDY=study.yaml make long-tests ARGS="-k killed -s"
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from experiments.batch.status import status_of
from tests.experiments.batch.clusters import surroundings
from tests.experiments.batch.kills import study_victim, torture, toy_victim
from tests.experiments.batch.trees import differing, tree

STUDY = os.environ.get("DRUGFUTURES_KILL_STUDY")
KILLS = int(os.environ.get("DRUGFUTURES_KILLS", "20"))


def killed_toy(folder: Path, rows: int, block: int, kills: int, seed: int) -> str:
    alone = toy_victim(folder / "alone", rows, block, 0.0)
    subprocess.run(alone.command(["--workers", "1"]), env=surroundings(), check=False)
    victim = toy_victim(folder / "killed", rows, block, 0.03)
    told = torture(victim, kills, seed)
    assert differing(tree(alone.store), tree(victim.store)) == []
    status = status_of(str(victim.store), verify=True)
    assert (status.failed, status.missing, status.damaged) == (2, 0, {})
    return told


def test_a_killed_batch_ends_as_an_undisturbed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = killed_toy(tmp_path, 1_000, 20, 7, seed=3)
    with capsys.disabled():
        print(f"\n{told}")


@pytest.mark.long
def test_a_large_batch_killed_twenty_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = killed_toy(tmp_path, 20_000, 25, 20, seed=int.from_bytes(os.urandom(4)))
    with capsys.disabled():
        print(f"\n{told}")


@pytest.mark.long
@pytest.mark.skipif(STUDY is None, reason="no study file is named")
def test_a_study_killed_twenty_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert STUDY is not None
    alone = study_victim(Path(STUDY), tmp_path / "alone", 0)
    subprocess.run(alone.command(["--workers", "2"]), env=surroundings(), check=True)
    blocks = status_of(str(alone.store)).blocks
    victim = study_victim(Path(STUDY), tmp_path / "killed", blocks)
    told = torture(victim, KILLS, seed=int.from_bytes(os.urandom(4)))
    assert differing(tree(alone.store), tree(victim.store)) == []
    with capsys.disabled():
        print(f"\n{told}")
