"""Batches on two cores against the engine by hand: ``python -m tests.benchmarks.throughput``.

By hand: two processes, each with half of the draws, loop over the scenarios: simulate, observe what
is kept, hold it in memory. No store, no checks, nothing to resume. The batch does the same runs
with its two workers and writes them. Both count from the moment when their processes are ready.
The second part is a Sobol analysis as a user runs it, against the time of its simulations alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.row import ROOT, Row

SCENARIOS = (
    *("strategy", "strategy-sd1", "strategy-sd2", "strategy-sd3", "strategy-sd4"),
    *("central-trends", "trend-f1-adverse", "trend-f3-adverse"),
)
DRAWS = 96
WORKERS, BLOCK = 2, 64
STUDY = f"""\
id: throughput
title: Throughput
scenarios: [{", ".join(SCENARIOS)}]
draws: {DRAWS}
prior: true
keep: {{indicators: main, years: {{from: 2023, to: 2030}}, groups: all}}
block: {BLOCK}
"""
SOBOL = ROOT / "docs" / "examples" / "drivers-2030.yaml"
SMALL = 32  # base sample of the Sobol analysis here: 1,408 runs
LEAST_SHARE, MOST_RATIO = 0.9, 1.3
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP")}


def by_hand(first: int, last: int) -> float:
    """Seconds in which this process runs draws ``first`` to ``last`` of all scenarios."""
    from experiments.runs.parts import in_short, open_bench
    from experiments.runs.study import Options, build_study

    study = build_study(Options(scenarios=SCENARIOS, draws=DRAWS, prior=True))
    bench = open_bench(study, 0, 1)
    in_short(bench, bench.run(study.scenarios[1].branch, bench.composed(study.scenarios[1])))
    print("ready", flush=True)
    sys.stdin.readline()
    began, kept = time.perf_counter(), []
    for start in range(first, last, 8):
        bench = open_bench(study, start, min(start + 8, last))
        for scenario in study.scenarios[1:]:
            kept.append(in_short(bench, bench.run(scenario.branch, bench.composed(scenario))))
    return time.perf_counter() - began


def hand_rate() -> float:
    """Runs a second of two processes that do nothing else."""
    ends = [DRAWS * part // WORKERS for part in range(WORKERS + 1)]
    code = "from tests.benchmarks.throughput import by_hand; print(by_hand({}, {}))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code.format(first, last)],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first, last in pairwise(ends)
    ]
    for one in running:
        assert one.stdout is not None
        one.stdout.readline()
    told = []
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in running:
        out, _ = one.communicate()
        told.append(float(out.split()[-1]))
    return DRAWS * len(SCENARIOS) / max(told)


def _command(*arguments: str) -> None:
    code = "from experiments.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        check=True,
        capture_output=True,
    )


def batch_rate(folder: Path) -> float:
    """Runs a second of a batch, from the first block begun to the last one ended."""
    study = folder / "study.yaml"
    study.write_text(STUDY, encoding="utf-8")
    _command("batch", str(study), "--out", str(folder / "store"), "--workers", str(WORKERS))
    ended = []
    for path in (folder / "store.log").iterdir():
        begun = 0.0
        for line in path.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if "begun" in told:
                begun = float(told["at"])
            elif "ended" in told:
                ended.append(begun + float(told["seconds"]))
    # The first block of each worker holds its preparations: counted from when both are done.
    later = sorted(ended)[WORKERS - 1 :]
    return (len(later) - 1) * BLOCK / (later[-1] - later[0])


def sobol_ratio(folder: Path) -> tuple[float, float, float]:
    """Seconds of a whole Sobol analysis, of its simulations alone, and their ratio (2 cores)."""
    from experiments.batch.journal import read_history

    out = folder / "sobol"
    began = time.perf_counter()
    _command("sensitivity", "sobol", str(SOBOL), "--n", str(SMALL), "--out", str(out))
    seconds = time.perf_counter() - began
    bare = read_history(str(out / "store.zarr")).engine / WORKERS
    return seconds, bare, seconds / bare


def figures() -> Iterator[Row]:
    """The rows of the benchmark."""
    with tempfile.TemporaryDirectory() as name:
        hand = hand_rate()
        batch = batch_rate(Path(name))
        yield Row("engine by hand, 2 processes", hand, "runs/s", note="simulate and observe")
        yield Row("batch, 2 workers, stored", batch, "runs/s")
        yield Row("share of the engine's rate", batch / hand, "", at_least=LEAST_SHARE)
        seconds, bare, ratio = sobol_ratio(Path(name))
        yield Row(f"Sobol, N {SMALL}, 42 factors, all outputs", seconds, "s", note="with plots")
        yield Row("its simulations alone, on 2 cores", bare, "s")
        note = f"at most {MOST_RATIO} at N 1024: what is fixed weighs more here"
        yield Row("ratio", ratio, "", note=note)


def main() -> int:
    """Print the rows; 1 when a bound is missed."""
    missed = False
    for row in figures():
        missed |= row.passed is False
        print(f"{row.name:45} {row.value:10.3g} {row.unit:8} {row.note}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
