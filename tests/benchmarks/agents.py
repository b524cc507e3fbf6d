"""The agent engine beside plain Mesa objects, and what a million agents and the nation cost.

Each big run has a process of its own (``python -m tests.benchmarks.agents SIZE THREADS``), so that
its peak memory is its own; a tiny run before it fills the caches of compiled code.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from model.compartments import reference_and_branches
from model.strata import load_population_table
from tests.benchmarks.problem import prepared
from tests.benchmarks.row import ROOT, Row

MILLION = 1_000_000
TINY = 2_000
END = 252
COUNTED = 2023  # the year of whose 1 January inhabitants are counted
PEER = 10_000
PEER_YEAR = 5
PEER_MONTHS = 6

LEAST_OVER_MESA = 200.0
MOST_SECONDS = 12.0  # CPU, a million agents
MOST_WALL = 120.0  # the nation, on two threads
MOST_MEMORY = 2.0  # GB


class Cost(NamedTuple):
    """What one run took."""

    cpu: float  # seconds of all threads
    wall: float  # seconds
    memory: float  # peak of the process, bytes
    caps: float  # candidates per agent-month
    lived: float  # person-months at risk

    @property
    def each(self) -> float:
        """CPU nanoseconds per person at risk and month."""
        return 1e9 * self.cpu / self.lived


def inhabitants() -> int:
    """Everybody, children included."""
    return round(float(load_population_table().year(COUNTED).sum()))


def measure_run(size: int, threads: int) -> Cost:
    """One run of 2010-2030 with every refinement, with building its people and their ties."""
    from model.agents.engine import Request, simulate_agents

    given = prepared()
    _, states = reference_and_branches(given, [0])
    forcing = given.forcing()
    simulate_agents(given, 0, forcing, states[0], 24, Request(TINY, (1,)), threads)
    wall, cpu = time.perf_counter(), time.process_time()
    run = simulate_agents(given, 0, forcing, states[0], END, Request(size, (1,)), threads)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    persons = 12.0 * float(run.output.lived[0].sum())
    return Cost(cpu, wall, _peak(), run.caps, persons * size / inhabitants())


def _peak() -> float:
    """Peak resident memory of this process in bytes.

    Of Linux's two figures the one of the program itself: the other may be the parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * float(line.split()[1])
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else 1024.0 * peak


def _alone(size: int, threads: int) -> Cost | str:
    """The same in a process of its own; a string says why there is no figure."""
    call = [sys.executable, "-m", "tests.benchmarks.agents", str(size), str(threads)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return f"failed: {lines[-1][:200]}"
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def mesa_each(*, tuned: bool = False) -> float:
    """CPU nanoseconds per person and month of plain Mesa objects, median month.

    The month in which ties first notice who uses is left out, and so is building the people.
    """
    from tests.benchmarks.agents_mesa import Society
    from tests.benchmarks.agents_mesa_tuned import TunedSociety
    from tests.benchmarks.agents_tables import year_tables

    tables = year_tables(prepared(), PEER_YEAR, own=True)
    society = (TunedSociety if tuned else Society)(tables, PEER, 1)
    society.step()
    times = []
    for _ in range(PEER_MONTHS):
        lived, before = society.lived, time.process_time()
        society.step()
        times.append(1e9 * (time.process_time() - before) / (society.lived - lived))
    return statistics.median(times)


def agent_rows() -> Iterator[Row]:
    """The agent engine's figures."""
    plain, tuned = mesa_each(), mesa_each(tuned=True)
    unit = "ns CPU a person and month"
    note = f"{PEER} people, without building them"
    yield Row("agents, plain Mesa objects", plain, unit, note=note)
    yield Row(
        "agents, tuned Mesa objects",
        tuned,
        unit,
        note="sums of hazards looked up, factors of ties renewed only where somebody's use changed",
    )
    yield from _million(plain, tuned)
    yield from _nation()
    yield from _starsim()


def _million(plain: float, tuned: float) -> Iterator[Row]:
    cost = _alone(MILLION, 1)
    ratio, seconds = "agents, CPU time Mesa / ours", "a million agents 2010-2030, 1 thread"
    if isinstance(cost, str):
        yield Row(ratio, None, "ratio", at_least=LEAST_OVER_MESA, note=cost)
        yield Row(seconds, None, "s CPU", at_most=MOST_SECONDS, note=cost)
        return
    yield Row(
        ratio,
        plain / cost.each,
        "ratio",
        at_least=LEAST_OVER_MESA,
        note=f"ours {cost.each:.1f} ns a person at risk and month at a million agents, with"
        " building them; network, own use, lists and everything else on in both",
    )
    yield Row("agents, CPU time tuned Mesa / ours", tuned / cost.each, "ratio")
    note = f"{cost.caps:.2f} candidates an agent and month, peak {cost.memory / 1e9:.2f} GB"
    yield Row(seconds, cost.cpu, "s CPU", at_most=MOST_SECONDS, note=note)


def _nation() -> Iterator[Row]:
    size = inhabitants()
    cost = _alone(size, 2)
    name = "everybody in Belgium as an agent 2010-2030, 2 threads"
    if isinstance(cost, str):
        yield Row(name, None, "s", at_most=MOST_WALL, note=cost)
        yield Row(f"{name}, peak memory", None, "GB", at_most=MOST_MEMORY, note=cost)
        return
    yield Row(
        name,
        cost.wall,
        "s",
        at_most=MOST_WALL,
        note=f"{size} agents with children, building them and their ties included,"
        f" {cost.cpu:.0f} s CPU, {cost.each:.1f} ns a person at risk and month,"
        f" {cost.caps:.2f} candidates an agent and month",
    )
    yield Row(f"{name}, peak memory", cost.memory / 1e9, "GB", at_most=MOST_MEMORY)


def _starsim() -> Iterator[Row]:
    """A general agent framework at less work; only where it is installed."""
    name = "agents, starsim with 16 SIS diseases"
    if find_spec("starsim") is None:
        note = "starsim is not installed: pip install -e '.[peers]'"
        yield Row(name, None, "ns CPU an agent and month", note=note)
        return
    from tests.benchmarks.agents_starsim import each

    found = each()
    yield Row(
        name,
        found.each,
        "ns CPU an agent and month",
        note=f"not equal work: {found.people} agents, monthly steps, two states a disease, one"
        " random network, neither care nor strata",
    )


if __name__ == "__main__":
    found = measure_run(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(found._asdict()))
