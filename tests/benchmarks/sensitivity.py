"""Sobol indices of a whole study beside SALib's own loop over outputs.

``python -m tests.benchmarks.sensitivity [OUTPUTS]``: N = 1024, 42 factors, 12,000 outputs in single
precision, on one core: reading runs by the row, 100 resamples, series, verdicts. The process is its
own, so that its peak memory is.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.row import ROOT, Row

N, FACTORS, OUTPUTS = 1024, 42, 12_000
COMPARED = 20  # outputs that SALib's loop is timed on
MEMORY_MB = 500
MOST_SECONDS = 60.0
LEAST_RATIO = 5.0
MOST_APART = 1e-10
Single = npt.NDArray[np.float32]


class Runs:
    """Values (run, output) made when rows are asked for, as a store reads them."""

    def __init__(self, points: npt.NDArray[np.float64], outputs: int) -> None:
        rng = np.random.default_rng(1)
        shape = (points.shape[1], outputs)
        self.points = points.astype(np.float32)
        self.wide = rng.normal(size=shape).astype(np.float32)
        self.bent = rng.normal(size=shape).astype(np.float32)
        self.shape = (len(points), outputs)
        self.seconds = 0.0

    def __getitem__(self, rows: Any) -> Single:
        began = time.perf_counter()
        some = self.points[rows]
        values: Single = np.tanh(some @ self.wide) + (some * some) @ self.bent
        self.seconds += time.perf_counter() - began
        return values


def measure(outputs: int) -> dict[str, float]:
    """Seconds, of SALib too, peak memory in MB, largest difference."""
    from SALib.analyze import sobol as salib
    from SALib.sample import sobol as sampler

    from experiments.sensitivity.analyse import analyse_columns, plan_of, width_of_blocks
    from experiments.sensitivity.columns import MEGABYTE, turned
    from experiments.sensitivity.methods import METHODS
    from experiments.sensitivity.problem import Problem, Settings
    from experiments.sensitivity.verdict import Rule

    problem = Problem(tuple(f"x{k}" for k in range(FACTORS)), np.array([[0.0, 1.0]] * FACTORS))
    points = sampler.sample(problem.salib(), N, calc_second_order=False, seed=1)
    runs = Runs(points, outputs)
    before = _peak()
    began = time.perf_counter()
    settings, method, memory = Settings(), METHODS["sobol"], MEMORY_MB * MEGABYTE
    plan = plan_of(points, problem, method, settings, outputs, memory)
    rows = np.arange(len(points)).reshape(1, -1, 1)
    with (
        tempfile.TemporaryDirectory() as folder,
        turned(runs, rows, width_of_blocks(plan, memory), memory, Path(folder)) as columns,
    ):
        found = analyse_columns(columns, len(points), plan, method, settings, Rule())
    seconds = time.perf_counter() - began - runs.seconds
    peak = _peak()
    values = Runs(points, outputs)
    values.wide, values.bent = runs.wide[:, :COMPARED], runs.bent[:, :COMPARED]
    some = values[:].astype(np.float64)
    apart, each = 0.0, 0.0
    for output in range(some.shape[1]):
        began = time.perf_counter()
        theirs = salib.analyze(
            problem.salib(), some[:, output], calc_second_order=False, seed=settings.seed
        )
        each += (time.perf_counter() - began) / some.shape[1]
        if output < 2:  # products in single precision differ by the width of the block
            again = plan.estimate(some[:, output : output + 1])
            for name, table in again.tables.items():
                apart = max(apart, float(np.abs(table[:, 0] - theirs[name]).max()))
    return {
        "seconds": seconds,
        "salib": each * outputs,
        "peak": peak,
        "grown": peak - before,
        "apart": apart,
        "converged": float((found.verdict == "converged").mean()),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def rows(outputs: int = OUTPUTS) -> list[Row]:
    """The figures, measured in a process of one thread."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.sensitivity", str(outputs)],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    got = json.loads(told.splitlines()[-1])
    case = f"Sobol, N {N}, {FACTORS} factors, {outputs} outputs"
    return [
        Row(case, got["seconds"], "s", at_most=MOST_SECONDS * outputs / OUTPUTS),
        Row("SALib's own loop over them", got["salib"], "s", note=f"from {COMPARED} of them"),
        Row("times faster than that loop", got["salib"] / got["seconds"], "", at_least=LEAST_RATIO),
        Row("largest difference of indices and intervals", got["apart"], "", at_most=MOST_APART),
        Row("memory of the analysis", got["grown"], "MB", note=f"limit {MEMORY_MB} MB, and tables"),
    ]


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else OUTPUTS)))
