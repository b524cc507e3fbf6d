"""``drugfutures coverage``: truths from the priors, refitted, and how often intervals hold them."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from calibration.blocks import load_blocks
from calibration.coverage import (
    LEVELS,
    POORLY_MIXED,
    STUDY,
    TRUTHS,
    Quantity,
    chunks,
    covered,
    read_quantities,
    study,
)
from calibration.figures import load_figures
from calibration.fingerprint import code_hash, data_hash
from calibration.series import names_of
from experiments.fits.calibrate import Advance
from experiments.runs.results import csv_file
from model.catalogue import load_catalogue
from model.errors import InputError

SHIPPED = Path(__file__).resolve().parents[2] / "calibration" / "posterior" / "coverage.csv"
ABOUT = ".json"  # beside the rows: what they were made with
KINDS = {"input": "inputs", "latent": "latent outputs", "figure": "figures after the cut"}
BARS = {0.5: (0.42, 0.58), 0.8: (0.73, 0.87), 0.95: (0.91, 0.98)}
NOISY_BAR = 0.80  # 95% intervals of latent outputs hold at least this where waves are noisier
ELSEWHERE = (
    "The best published posterior of this field (the SOURCE model of opioid use in the United "
    "States) covers 77.7% by its 95% intervals, 60.0% by 80% and 34.9% by 50%, on figures that it "
    "made itself."
)


@dataclass(frozen=True)
class Asked:
    """What the command was asked for; sets are refits of one block."""

    out: Path = Path("results/coverage.csv")
    sets: int = 10
    broken: int = 3
    processes: int = 1


def run_coverage(asked: Asked, advance: Advance) -> list[Quantity]:
    """Make the sets that are missing; what is done is on disk. Raises InputError."""
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    wanted = chunks([row.block for row in load_blocks()], asked.sets, asked.broken)
    total, done = sum(len(chunk.numbers) for chunk in wanted), 0
    _check(asked.out)
    last = time.perf_counter()

    def progress(sets: int) -> None:
        nonlocal done, last
        done += sets
        # The cost goes to disk with the sets, so that a study that is stopped keeps it.
        now = time.perf_counter()
        _write_about(asked, now - last)
        last = now
        advance(f"{done} of {total} sets", done / total)

    advance(f"0 of {total} sets", 0.0)
    return study(catalogue, figures, wanted, asked.out, asked.processes, progress)


def _check(out: Path) -> None:
    """Refuse rows that were made with other tables: they must not be mixed. Raises InputError."""
    with csv_file(out.with_suffix(".writable"), option="--out"):
        pass
    out.with_suffix(".writable").unlink(missing_ok=True)
    about = read_about(out)
    if out.is_file() and not _fresh(about):
        raise InputError(
            "the sets here were made with other tables or another model",
            key="--out",
            given=str(out),
            allowed="a new file, or this one after it is deleted",
        )
    if not out.is_file():
        _write_about(Asked(out), 0.0)
        out.touch()


def read_about(out: Path) -> dict[str, object]:
    """What the rows were made with; empty where nothing is told."""
    path = out.with_suffix(ABOUT)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _fresh(about: Mapping[str, object]) -> bool:
    told = about.get("data_hash"), about.get("code_hash")
    return told == (data_hash(), code_hash())


def restamp_about(before: str, out: Path | None = None) -> bool:
    """Stamp rows that were made with the code ``before`` with the present code: for code that is
    proved to move no number. ``out``: by default the shipped rows. Whether they are of these
    tables and this code now.
    """
    out = SHIPPED if out is None else out
    about = read_about(out)
    if about.get("code_hash") == before and about.get("data_hash") == data_hash():
        about["code_hash"] = code_hash()
        _write(out, about)
    return _fresh(about)


def _write(out: Path, about: Mapping[str, object]) -> None:
    out.with_suffix(ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _write_about(asked: Asked, seconds: float) -> None:
    before = read_about(asked.out).get("seconds", 0.0)
    spent = seconds + (before if isinstance(before, float) else 0.0)
    told = {
        "data_hash": data_hash(),
        "code_hash": code_hash(),
        "made": datetime.date.today().isoformat(),
        "seconds": round(spent, 1),
        "processes": asked.processes,
        "settings": asdict(STUDY),
    }
    _write(asked.out, told)


def table_of(rows: Sequence[Quantity]) -> Table:
    """Shares of truths inside the intervals, by truth and kind of quantity."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("truth", "quantities", "sets", "poorly mixed", "numbers"):
        table.add_column(column, justify="left" if column in ("truth", "quantities") else "right")
    for level in LEVELS:
        table.add_column(f"{level:.0%}", justify="right")
    for truth in TRUTHS:
        mine = [row for row in rows if row.truth == truth]
        if not mine:
            continue
        rhat = {(row.block, row.number): row.rhat for row in mine}
        poor = np.mean([not value < POORLY_MIXED for value in rhat.values()])
        told = [truth, "all", str(len(rhat)), f"{poor:.0%}"]
        for kind, words in (("", "all"), *KINDS.items()):
            masses = np.array([row.mass for row in mine if kind in ("", row.kind)])
            if len(masses):
                shares = [f"{covered(masses, level):.1%}" for level in LEVELS]
                first = told if not kind else ["", words, "", ""]
                table.add_row(*first, str(len(masses)), *shares)
    return table


def verdicts(rows: Sequence[Quantity]) -> list[str]:
    """Whether the bars are met, in words."""
    prior = np.array([row.mass for row in rows if row.truth == "prior"])
    found = []
    for level, (low, high) in BARS.items():
        if len(prior):
            share = covered(prior, level)
            word = "met" if low <= share <= high else "NOT met"
            found.append(f"{level:.0%} intervals hold {low:.0%}-{high:.0%}: {share:.1%}, {word}")
    noisy = [row.mass for row in rows if row.truth == "noisier waves" and row.kind == "latent"]
    if noisy:
        share = covered(np.array(noisy), 0.95)
        word = "met" if share >= NOISY_BAR else "NOT met"
        bar = f"latent outputs under noisier waves, 95% hold at least {NOISY_BAR:.0%}"
        found.append(f"{bar}: {share:.1%}, {word}")
    return found


def print_coverage(out: Path, console: Console) -> None:
    """Print what the rows at ``out`` say. Raises InputError when there are none."""
    rows = read_quantities(out)
    if not rows:
        raise InputError("there are no sets", key="--out", given=str(out), allowed="a study's rows")
    about = read_about(out)
    names = {(row.block, row.kind, row.name) for row in rows if row.truth == "prior"}
    blocks = {row.block for row in rows}
    console.print()
    console.print(table_of(rows))
    console.print()
    console.print(
        f"{len(names)} quantities of {len(blocks)} blocks. Made {about.get('made')}, "
        f"{about.get('seconds')} s with {about.get('processes')} processes."
    )
    if not _fresh(about):
        console.print("Made with other tables or another model than these.", style="bold")
    for line in verdicts(rows):
        console.print(line)
    console.print(ELSEWHERE)
