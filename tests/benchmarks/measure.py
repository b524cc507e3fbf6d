"""The figures: what is timed, and how."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from calibration.priors import draw_priors
from experiments.runs.results import marginal_weights
from model.catalogue import load_catalogue
from model.compartments import Prepared, assemble, simulate, start_state
from model.observation import observe
from tests.benchmarks import core_c, core_numba, core_numpy, core_scipy
from tests.benchmarks.agents import agent_rows
from tests.benchmarks.problem import Core, core, people_only, prepared
from tests.benchmarks.row import ROOT, Row
from tests.benchmarks.sensitivity import rows as sensitivity_rows
from tests.benchmarks.throughput import figures as throughput_rows
from tests.benchmarks.workshop import workshop_rows

ROUNDS = 15
# The slow twins run over a shorter time, and numba beside them over the same.
SHORT_MONTHS = 24
SHORT_ROUNDS = 3
NUMPY_DRAWS = 16  # the batch at which numpy is fastest, among 1, 2, 4, 8, 16 and 32
ENGINE_DRAWS = 6
ENGINE_ROUNDS = 5
BRANCH = 168  # January 2024
END = 252

MOST_OVER_C = 1.3
LEAST_OVER_NUMPY = 8.0
LEAST_OVER_SCIPY = 40.0
MOST_OVER_PEOPLE = 1.5
MOST_START_UP = 3.0
MOST_HELP = 0.3


def _spent(clock: Callable[[], float], task: Callable[[], object]) -> float:
    before = clock()
    task()
    return clock() - before


def _rounds(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each task in each round: tasks take turns, so that a busy spell hits all."""
    for task in tasks.values():
        task()
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            times[name].append(_spent(time.process_time, task))
    return times


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def _beside_c(problem: Core) -> Iterator[Row]:
    tasks: dict[str, Callable[[], object]] = {"numba": lambda: core_numba.run(problem)}
    note = "there is no C compiler (cc)"
    with tempfile.TemporaryDirectory() as folder:
        if core_c.compiler() is not None:
            try:
                built = core_c.build(Path(folder))
                tasks["C"] = lambda: built(problem)
            except subprocess.CalledProcessError as error:
                note = f"cc failed: {error.stderr.strip()[:200]}"
        times = _rounds(tasks, ROUNDS)
    for name, spent in times.items():
        yield Row(f"core, {name}", 1e3 * statistics.median(spent), "ms CPU a run")
    name = "core, CPU time numba / C"
    if "C" in times:
        value = _ratio(times["numba"], times["C"])
        yield Row(name, value, "ratio", at_most=MOST_OVER_C, note="cc " + " ".join(core_c.OPTIONS))
    else:
        yield Row(name, None, "ratio", at_most=MOST_OVER_C, note=note)


def _beside_slow_twins(problem: Core) -> Iterator[Row]:
    short = problem.first_months(SHORT_MONTHS)
    times = _rounds(
        {
            "numba": lambda: [core_numba.run(short) for _ in range(NUMPY_DRAWS)],
            "numpy": lambda: core_numpy.run(short, NUMPY_DRAWS),
            "scipy": lambda: core_scipy.run(short),
            "scipy tuned": lambda: core_scipy.run(short, atol=1.0, whole=True),
        },
        SHORT_ROUNDS,
    )
    numba = times["numba"]
    one = [spent / NUMPY_DRAWS for spent in numba]
    yield Row(
        "core, CPU time numpy / numba",
        _ratio(times["numpy"], numba),
        "ratio",
        at_least=LEAST_OVER_NUMPY,
        note=f"numpy batched over {NUMPY_DRAWS} draws",
    )
    yield Row(
        "core, CPU time solve_ivp / numba",
        _ratio(times["scipy"], one),
        "ratio",
        at_least=LEAST_OVER_SCIPY,
        note="RK45, rtol 1e-3, else scipy's own settings; sparse right-hand side",
    )
    yield Row(
        "core, CPU time tuned solve_ivp / numba",
        _ratio(times["scipy tuned"], one),
        "ratio",
        note="told to try the whole month first, atol one person: scipy's least work",
    )


def _engine(engine: Prepared) -> Iterator[Row]:
    """Runs a second by the wall clock: threads share it, CPU time would not show them."""
    full = simulate(engine, None, 0, END)
    start = start_state(engine).with_reference(full.state)
    half = simulate(engine, None, 0, BRANCH).state.with_reference(full.state)
    tasks = {
        "reference run 2010-2030 with its start": partial(simulate, engine, None, 0, END),
        "run 2010-2030 from a start": partial(simulate, engine, None, 0, END, start),
        "branched run 2024-2030": partial(simulate, engine, None, BRANCH, END, half),
    }
    for name, task in tasks.items():
        for threads in (1, 2):
            timed = partial(task, threads=threads)
            before = time.process_time()
            walls = [_spent(time.perf_counter, timed) for _ in range(5)]
            spent = 1e3 * (time.process_time() - before) / len(walls) / engine.draws
            yield Row(
                f"{name}, {threads} thread{'s' if threads > 1 else ''}",
                engine.draws / statistics.median(walls),
                "runs a second",
                note=f"{engine.draws} draws at once, {spent:.0f} ms CPU a run",
            )


def _with_markets() -> Iterator[Row]:
    """What markets, harms and money add to a run with its indicators, in CPU time."""
    catalogue = load_catalogue()
    tasks: dict[str, Callable[[], object]] = {}
    for name, tables in (("people", people_only(catalogue)), ("all", catalogue)):
        draws = draw_priors(tables, ENGINE_DRAWS)
        engine = assemble(tables, draws)
        cells = marginal_weights(engine.strata)
        output = simulate(engine, None, 0, END).output
        seen = partial(observe, engine, draws, tables, output, None, cells)
        tasks[f"{name}, kernel"] = partial(simulate, engine, None, 0, END)
        tasks[f"{name}, indicators"] = partial(seen, outcomes=name == "all")
    times = _rounds(tasks, ENGINE_ROUNDS)
    for name, spent in times.items():
        yield Row(f"run of {name}", 1e3 * statistics.median(spent) / ENGINE_DRAWS, "ms CPU a run")
    people, everything = (
        [sum(parts) for parts in zip(times[f"{n}, kernel"], times[f"{n}, indicators"], strict=True)]
        for n in ("people", "all")
    )
    share = 1.0 - 1.0 / _ratio(everything, people)
    yield Row("share of markets, harms and money in a run", share, "of CPU time")
    yield Row(
        "kernel, CPU time with markets / without",
        _ratio(times["all, kernel"], times["people, kernel"]),
        "ratio",
        at_most=MOST_OVER_PEOPLE,
    )
    yield Row(
        "run with its indicators, CPU time with markets, harms and money / without",
        _ratio(everything, people),
        "ratio",
        at_most=MOST_OVER_PEOPLE,
        note="without: the core and its indicators of people",
    )


def _start_up() -> Iterator[Row]:
    """Wall time of the command, the quickest of several: others use this machine too."""
    ready = (ROOT / "experiments" / "cli.py").exists()
    # What the installed command does, so that it need not be installed.
    command = (sys.executable, "-c", "from experiments.cli import main; main()")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        for options, most in (
            (("run", "--draws", "1", "--plots", "none"), MOST_START_UP),
            (("--help",), MOST_HELP),
        ):
            name = "drugfutures " + " ".join(options)
            if not ready:
                note = "the command line is not there yet"
                yield Row(name, None, "s", at_most=most, note=note)
                continue
            yield _command(name, [*command, *options, *(("--out", out) * ("run" in options))], most)


def _command(name: str, call: list[str], most: float) -> Row:
    walls = []
    for _ in range(6):  # the first fills the caches of compiled code
        before = time.perf_counter()
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
        walls.append(time.perf_counter() - before)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no message"]
            return Row(name, None, "s", at_most=most, note=f"failed: {lines[-1][:200]}")
    return Row(name, min(walls[1:]), "s", at_most=most, note="code compiled before; best of 5")


def _sampler() -> Iterator[Row]:
    """How a block is fitted, beside an ensemble on the exact density. No bound: it takes long."""
    from tests.benchmarks.sampler import BLOCK, LONG_STEPS, STEPS, compare

    found = compare()
    ours, peer, easy = found.ours, found.peer, found.easy
    state = "has converged" if peer.rhat < 1.01 else "has not converged"
    unit = "effective draws a second"
    yield Row(
        f"fit of {BLOCK}, surrogate, NUTS and correction",
        ours.per_second,
        unit,
        note=f"{found.dimension} quantities, least effective {ours.ess:.0f}, R-hat {ours.rhat:.3f},"
        f" {ours.evaluations} exact runs with those of learning, {ours.seconds:.0f} s",
    )
    yield Row(
        f"fit of {BLOCK}, ensemble (emcee) on the exact model",
        found.peer_per_second,
        unit,
        note=f"{peer.evaluations / peer.seconds:.0f} exact runs a second; after {STEPS} steps R-hat"
        f" {peer.rhat:.1f}: it {state}. So effective draws a step are those on a normal density of"
        f" as many dimensions, {easy.ess:.0f} in {LONG_STEPS // 2} steps (R-hat {easy.rhat:.2f})",
    )
    yield Row("fit, effective draws a second, ours / ensemble", found.ratio, "ratio")


def figures() -> Iterator[Row]:
    """Measure everything, row by row."""
    problem = core(prepared())
    yield from _beside_c(problem)
    yield from _beside_slow_twins(problem)
    yield from _engine(prepared(ENGINE_DRAWS))
    yield from _with_markets()
    yield from _start_up()
    yield from _sampler()
    yield from agent_rows()
    yield from sensitivity_rows()
    yield from throughput_rows()
    yield from workshop_rows()
