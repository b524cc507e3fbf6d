"""The table and the file of the benchmark, with the machine that it ran on."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import figures
from tests.benchmarks.row import ROOT, Row

FILE = ROOT / "results" / "benchmark.json"
PACKAGES = ("numpy", "scipy", "numba")


def machine() -> dict[str, str | int]:
    """What the figures depend on."""
    found: dict[str, str | int] = {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    return found | {package: version(package) for package in PACKAGES}


def _cpu() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _bound(row: Row) -> str:
    if row.at_most is not None:
        return f"at most {row.at_most:g}"
    return "" if row.at_least is None else f"at least {row.at_least:g}"


def _verdict(row: Row) -> str:
    if row.passed is None:
        return "not measured" if row.value is None else ""
    return "[green]met[/green]" if row.passed else "[red]missed[/red]"


def table(rows: list[Row]) -> Table:
    """The figures for people."""
    made = Table(title="Drug Futures: how fast the engine is", title_justify="left")
    for name in ("figure", "value", "unit", "bound", ""):
        made.add_column(name, justify="right" if name == "value" else "left")
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.3g}"
        made.add_row(row.name, value, row.unit, _bound(row), _verdict(row))
    return made


def write(rows: list[Row], file: Path) -> None:
    """The figures for machines."""
    content = {
        "machine": machine(),
        "rows": [
            {
                "name": row.name,
                "value": row.value,
                "unit": row.unit,
                "at_most": row.at_most,
                "at_least": row.at_least,
                "passed": row.passed,
                "note": row.note,
            }
            for row in rows
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Measure, print and write; 1 when a bound is missed or a command failed, else 0."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)
    rows = []
    with console.status("compiling and measuring") as status:
        for row in figures():
            rows.append(row)
            status.update(f"measured: {row.name}")
    console.print(table(rows))
    for row in rows:
        if row.note:
            console.print(f"[dim]{row.name}: {row.note}[/dim]", highlight=False)
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()))
    write(rows, FILE)
    console.print(f"written to {FILE.relative_to(ROOT)}")
    failed = any(row.passed is False or row.note.startswith("failed") for row in rows)
    return int(failed)
