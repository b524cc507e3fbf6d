"""Rows of a batch against the bare engine: ``python -m tests.benchmarks.batches``.

Bare: the same calls that simulate, and nothing else. What the batch takes beyond them composes,
observes and picks what is kept. One core, one draw, two scenarios at points of four factors.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

POINTS = 32
MOST_ALL, MOST_MAIN = 0.25, 0.17  # beyond the engine, as a share of it; measured 0.20 and 0.14
EVERYTHING = "{indicators: all, years: {from: 2024, to: 2030}, groups: [Belgium]}"
MAIN = "{indicators: main, years: [2030], groups: [Belgium]}"
STUDY = """\
id: measured
title: Measured
scenarios: [current-policy, strategy]
draws: 1
prior: true
factors:
  - {trend: F1, low: -100, high: 100}
  - {trend: F2, low: -100, high: 100}
  - {lever: "1.1", low: 0, high: 100}
  - {effect: smoke-free-extension, low: 0.05, high: 0.95}
"""


class Cost(NamedTuple):
    """What a block of rows took: seconds in all, and of those in the engine."""

    rows: int
    outputs: int
    seconds: float
    engine: float

    @property
    def beyond(self) -> float:
        """What the batch takes beyond the engine, as a share of it."""
        return self.seconds / self.engine - 1.0

    def __str__(self) -> str:
        each, bare = 1e3 * self.seconds / self.rows, 1e3 * self.engine / self.rows
        return (
            f"{self.outputs:6} outputs: {self.rows / self.seconds:6.1f} rows/s, {each:.1f} ms a "
            f"row, {bare:.1f} ms of it the engine: {self.beyond:.1%} beyond"
        )


def cost(keep: str, points: int = POINTS, repeats: int = 3) -> Cost:
    """CPU time of all rows of a study, the least share beyond the engine of some repeats."""
    from experiments.batch import histories, work
    from experiments.batch.plan import read_batch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        sample = f"sample: {{method: latin, n: {points}}}\nkeep: {keep}\n"
        path.write_text(STUDY + sample, encoding="utf-8")
        batch = read_batch(path)
    rows = len(batch.rows["point"])
    work.compute(batch, 0, 2)
    found = []
    for _ in range(repeats):
        spent = [0.0]
        with (
            _counted(work, "simulate_into", spent),
            _counted(histories, "reference_and_branches", spent),
        ):
            before = time.process_time()
            values = work.compute(batch, 0, rows).values
            found.append(Cost(rows, values.shape[1], time.process_time() - before, spent[0]))
    return min(found, key=lambda one: one.beyond)


@contextmanager
def _counted(room: Any, name: str, spent: list[float]) -> Iterator[None]:
    """Add the CPU time of a function to ``spent``."""
    whole: Callable[..., object] = getattr(room, name)

    def timed(*parts: Any, **named: Any) -> object:
        before = time.process_time()
        try:
            return whole(*parts, **named)
        finally:
            spent[0] += time.process_time() - before

    setattr(room, name, timed)
    try:
        yield
    finally:
        setattr(room, name, whole)


def main() -> int:
    """Print both; exit status 1 when a bound is missed."""
    missed = False
    for keep, most in ((EVERYTHING, MOST_ALL), (MAIN, MOST_MAIN)):
        found = cost(keep)
        missed |= found.beyond > most
        print(found, f"(at most {most:.0%})")
    return int(missed)


if __name__ == "__main__":
    for library in ("OPENBLAS", "MKL", "OMP"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    sys.exit(main())
