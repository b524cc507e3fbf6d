"""One small run that several tests look at."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import xarray as xr

from experiments.run import Options, Study, run
from experiments.runs.results import open_results
from experiments.runs.study import build_study
from tests.posteriors import write_stand_in

SCENARIO = """\
id: dearer-tobacco
title: Dearer tobacco
description: The price of tobacco doubles in July 2024; nothing else changes.
branch: 2024-07
changes:
  - handle: price
    products: [tobacco]
    from: 2024-07
    multiplier: 2
"""
SAME = """\
id: nothing
title: Nothing
description: A scenario without changes.
changes: []
"""


MIXED = """\
id: mixed
title: A bit of everything
description: Levers, a trend with events, and adaptive rules.
levers: {"1.3": 100, treatment-capacity: 50, operational-plans: 100}
trends: {F1: 100}
rules: [all]
"""


FEW = 3  # draws of a part here, so that few draws make two parts


@contextmanager
def small_parts() -> Iterator[None]:
    """Meanwhile a run writes parts of few draws."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.run.PART", FEW)
        yield


@dataclass(frozen=True)
class Done:
    """A run on disk and what it was made of."""

    options: Options
    study: Study
    dataset: xr.Dataset


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Four scenarios, more draws than one part holds, 2010-2026, two threads."""
    with shared_folder(tmp_path_factory, "run") as folder, small_parts():
        names = []
        texts = (("dearer.yaml", SCENARIO), ("same.yaml", SAME), ("mixed.yaml", MIXED))
        for name, text in texts:
            (folder / name).write_text(text, encoding="utf-8")
            names.append(str(folder / name))
        options = Options(
            scenarios=tuple(names),
            draws=FEW + 1,
            until=2026,
            plots="none",
            out=folder / "results",
            threads=2,
            prior=True,
        )
        study = build_study(options) if options.out.exists() else run(options).study
    with open_results(options.out) as dataset:
        yield Done(options, study, dataset)


@contextmanager
def shared_folder(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder of all processes that test side by side; what one made there, others find.

    One at a time is in it, so the first makes and the others wait.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / f"shared-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stand-in of the shipped posterior, which nobody changes."""
    return write_stand_in(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture
def posterior(
    stand_in: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of the stand-in, in the place of the shipped posterior."""
    path = Path(shutil.copy(stand_in, tmp_path_factory.mktemp("posterior")))
    monkeypatch.setattr("calibration.posterior.SHIPPED", path)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Options:
    """The shortest run there is."""
    return replace(
        Options(), draws=1, until=2011, plots="none", out=tmp_path / "results", prior=True
    )
