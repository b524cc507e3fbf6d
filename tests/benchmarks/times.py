"""``python -m tests.benchmarks.times [NAME...] [--long]``: time and memory of each command.

Each runs as a user runs it, at default settings, on two cores, in a folder that is removed. What is
measured goes into ``times.csv`` beside this file, and all of it into docs/times.md. Without names
those run that end within some ten minutes; ``--long`` runs the others too; a command runs first
what it needs. Other programs that are at work meanwhile lengthen the time, so their share of the
two cores is measured too.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.benchmarks.report import machine
from tests.benchmarks.row import ROOT

FILE = Path(__file__).with_name("times.csv")
PAGE = ROOT / "docs" / "times.md"
EXAMPLES = "docs/examples"
CORES = 2
EVERY = 0.2  # seconds between two looks at the memory
_NUMBERS = ("wall_s", "cpu_s", "memory_mb", "disk_mb", "others")
BUSY = 0.1  # share of the cores that others may take before a row is marked
PORT = 8091


@dataclass(frozen=True)
class Command:
    """A command (its words, in the folder of the measurement) and those that it needs first.

    ``served``: it serves a page; it is measured until the page answers, and then ended.
    """

    name: str
    words: str
    needs: tuple[str, ...] = ()
    long: bool = False
    served: bool = False


STORE = "robust.zarr"
DEATHS = "--indicator overdose_deaths --product opioids"
COMMANDS = (
    Command("show", "show products"),
    Command("validate", f"validate {EXAMPLES}/fewer-young-starts.yaml"),
    Command("run", "run"),
    Command("figures", "figures", ("run",)),
    Command("money", "money", ("run",)),
    Command("run all", "run all --out results/all"),
    Command("compare", "compare results/all", ("run all",)),
    Command("scoreboard", "scoreboard results/all", ("run all",)),
    Command("report", "report results/all", ("run all",)),
    Command("explain", f"explain results/all strategy {DEATHS}", ("run all",)),
    Command("run --engine agents", "run --engine agents --out results/agents"),
    Command(
        "run --agents whole",
        "run --engine agents --agents whole --out results/whole",
        long=True,
    ),
    Command("shocks", "shocks"),
    Command("effects", "effects"),
    Command("check", "check"),
    Command("batch", f"batch {EXAMPLES}/robust-policies.yaml --out {STORE}"),
    Command("status", f"status {STORE} --verify", ("batch",)),
    Command("robust", f"robust {STORE} --out robust", ("batch",)),
    Command(
        "discover",
        f"discover {STORE} --scenario strategy {DEATHS} --worst 0.25 --out discovered",
        ("batch",),
    ),
    Command("value", f"value {STORE} {DEATHS} --out value", ("batch",)),
    Command("batch of pathways", f"batch {EXAMPLES}/pathways.yaml --out pathways.zarr"),
    Command(
        "pathways",
        f"pathways pathways.zarr {DEATHS} --aim 0.9 --relative baseline",
        ("batch of pathways",),
    ),
    Command("portfolio", f"portfolio {EXAMPLES}/portfolio.yaml --out portfolio", long=True),
    Command("sensitivity morris", f"sensitivity morris {EXAMPLES}/groups-2030.yaml --out morris"),
    Command(
        "sensitivity sobol",
        f"sensitivity sobol {EXAMPLES}/drivers-2030.yaml --out sobol",
        long=True,
    ),
    Command("workshop", f"workshop --port {PORT}", served=True),
    Command("plot posterior", "plot posterior --out plots"),
    Command("calibrate", "calibrate", long=True),
    Command("backtest", "backtest", ("calibrate",), long=True),
    Command("coverage", "coverage --out coverage.csv", long=True),
)


@dataclass(frozen=True)
class Measured:
    """What a command took: seconds, megabytes, and the share of the cores that others took."""

    name: str
    wall_s: float
    cpu_s: float
    memory_mb: float
    disk_mb: float
    others: float
    cpu: str
    python: str
    copied: str = ""  # why a row is no longer as it was written


def measure(command: Command, folder: Path) -> Measured:
    """Run a command in a folder and look at it meanwhile. Raises RuntimeError where it fails."""
    words = [sys.executable, "-P", "-m", "experiments.cli", *command.words.split()]
    before, busy, spent, began = _size(folder), _busy(), _spent(), time.perf_counter()
    log = folder / "log.txt"
    with log.open("w") as told:
        running = psutil.Popen(words, cwd=folder, stdout=told, stderr=told)
    memory = 0.0
    while running.poll() is None and not (command.served and _answers()):
        memory = max(memory, _resident(running))
        time.sleep(EVERY)
    took = time.perf_counter() - began
    all_busy = _busy() - busy
    if command.served:
        running.terminate()
    if running.wait() != 0 and not command.served:
        raise RuntimeError(f"{command.name} failed: {log.read_text()[-2000:]}")
    cpu = _spent() - spent
    others = max(0.0, all_busy - cpu) / (took * (os.cpu_count() or 1))
    written = max(0.0, _size(folder) - before)
    found = machine()
    return Measured(
        command.name, took, cpu, memory, written, others, str(found["cpu"]), str(found["python"])
    )


def _answers() -> bool:
    try:
        # Short, for memory is looked at between two tries.
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/en", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _resident(running: psutil.Process) -> float:
    """Megabytes that its processes hold now; of workers only what is theirs alone."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        total = running.memory_info().rss
        for worker in running.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                total += worker.memory_full_info().uss
    return total / 2**20


def _spent() -> float:
    """CPU seconds of all commands that ended, and of all that they had started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy() -> float:
    """CPU seconds that all programs of the machine have taken."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def _size(folder: Path) -> float:
    """Megabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def chosen(names: Sequence[str], long: bool) -> list[Command]:
    """Those asked for, each after what it needs. Raises KeyError for a name that is none."""
    known = {command.name: command for command in COMMANDS}
    asked = [known[name] for name in names] or [row for row in COMMANDS if long or not row.long]
    needed = {name for row in asked for name in (*row.needs, row.name)}
    return [row for row in COMMANDS if row.name in needed]


def kept() -> dict[str, Measured]:
    """What was measured before."""
    with FILE.open(encoding="utf-8", newline="") as text:
        found = [
            Measured(
                name=row["name"],
                wall_s=float(row["wall_s"]),
                cpu_s=float(row["cpu_s"]),
                memory_mb=float(row["memory_mb"]),
                disk_mb=float(row["disk_mb"]),
                others=float(row["others"]),
                cpu=row["cpu"],
                python=row["python"],
                copied=row["copied"],
            )
            for row in csv.DictReader(text)
        ]
    return {row.name: row for row in found}


def keep(rows: dict[str, Measured]) -> None:
    """Write what was measured, in the order of the commands, and the page."""
    in_order = [rows[command.name] for command in COMMANDS if command.name in rows]
    with FILE.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(
            text, [field.name for field in fields(Measured)], lineterminator="\n"
        )
        writer.writeheader()
        for row in in_order:
            numbers = {name: f"{getattr(row, name):.4g}" for name in _NUMBERS}
            writer.writerow(asdict(row) | numbers)
    PAGE.write_text(page(kept()), encoding="utf-8")


def page(rows: dict[str, Measured]) -> str:
    """The document."""
    copies = sorted({f"Rows with †: {row.copied}." for row in rows.values() if row.copied})
    lines = [
        "# Time and memory of each command",
        "",
        "Made by `python -m tests.benchmarks.times`. Each command ran at default settings, with "
        "compiled kernels, on two cores.",
        "Time: seconds from start to end (of `workshop`: until the page answers). CPU: seconds of "
        "processor time of all its processes.",
        "Memory: the most that it held in memory (RSS; of worker processes what is theirs alone), "
        "looked at five times a second. Disk: what it left there.",
        "Others: the share of the cores that other programs took meanwhile; where it is over "
        f"{BUSY:.0%} (marked *) the time is longer than on an idle machine, and CPU says more.",
        *copies,
        "",
        "| command | time, s | CPU, s | memory, MB | disk, MB | others |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for command in COMMANDS:
        row = rows.get(command.name)
        shown = f"`drugfutures {command.words}`"
        if row is None:
            lines.append(f"| {shown} | not measured | | | | |")
            continue
        mark = ("*" if row.others > BUSY else "") + ("†" if row.copied else "")
        numbers = (_number(row.wall_s) + mark, *map(_number, (row.cpu_s, row.memory_mb)))
        lines.append(
            f"| {shown} | {' | '.join(numbers)} | {_number(row.disk_mb)} | {row.others:.0%} |"
        )
    made = sorted({f"{row.cpu}, Python {row.python}" for row in rows.values()})
    return "\n".join([*lines, "", f"Measured on: {'; '.join(made)}.", ""])


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def main() -> int:
    """Measure what is asked for; 1 when a command failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.times", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--long", action="store_true", help="those too that take longer")
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    rows, failed = kept(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "docs").symlink_to(ROOT / "docs")
        for command in chosen(asked.names, asked.long):
            try:
                rows[command.name] = found = measure(command, folder)
            except RuntimeError as error:
                print(error, file=sys.stderr)
                failed = 1
                continue
            print(f"{command.name}: {found.wall_s:.1f} s, {found.memory_mb:.0f} MB", flush=True)
            keep(rows)
    return failed


if __name__ == "__main__":
    sys.exit(main())
