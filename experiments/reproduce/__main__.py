"""``python -m experiments.reproduce``: run the steps and say what is the same and what moved."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.reproduce.compared import files_of, moved, replace
from experiments.reproduce.steps import ROOT, STEPS, Group, Step, chosen
from model.errors import InputError

GROUPS: tuple[Group, ...] = ("usual", "long", "fit")
BY_COMMAND = "not written: `drugfutures calibrate, backtest` and `coverage` with --ship do that"


@dataclass(frozen=True)
class Done:
    """A step that was run: how long it took, what it wrote, and a line for each file that moved."""

    step: Step
    seconds: float
    files: int
    moved: tuple[str, ...]
    failed: str | None = None


def run(step: Step, folder: Path, *, small: bool = False, write: bool = False) -> Done:
    """Run one step into a folder and compare; with ``write`` put its files where they belong."""
    folder.mkdir(parents=True)
    began = time.perf_counter()
    try:
        step.make(folder, small)
    except InputError as error:
        return Done(step, time.perf_counter() - began, 0, (), str(error))
    except Exception as error:  # the other steps need not wait for this one to be mended
        traceback.print_exc()
        return Done(step, time.perf_counter() - began, 0, (), repr(error))
    seconds = time.perf_counter() - began
    differs = () if small else tuple(moved(folder, ROOT, map(Path, step.files)))
    if _written(step, write) and not small:
        replace(folder, ROOT)
    return Done(step, seconds, len(files_of(folder)), differs)


def _written(step: Step, write: bool) -> bool:
    """Whether what a step makes replaces what stands: fits are shipped by their own commands."""
    return write and step.group != "fit"


def lines_of(done: Done, *, small: bool, write: bool) -> Iterator[str]:
    """What is printed of a step."""
    minutes = f"{done.seconds / 60:6.1f}"
    if done.failed is not None:
        yield f"{done.step.name:10} {minutes} {done.files:6}  failed: {done.failed}"
        return
    verdict = "made" if small else "moved" if done.moved else "same"
    verdict += ", written" if done.moved and _written(done.step, write) else ""
    yield f"{done.step.name:10} {minutes} {done.files:6}  {verdict}"
    yield from (f"{'':25}  {line}" for line in done.moved)
    if done.moved and write and not _written(done.step, write):
        yield f"{'':25}  {BY_COMMAND}"


def listing() -> Iterator[str]:
    """Every step: group, minutes on two cores, what it makes."""
    yield f"{'step':10} {'group':6} {'minutes':>7}  what it makes"
    for step in STEPS:
        files = ", ".join(name for name in step.files if not name.endswith(".csv")) or step.files[0]
        yield f"{step.name:10} {step.group:6} {step.minutes:7.1f}  {step.about}: {files}"


def left_out(steps: Sequence[Step]) -> str:
    """What was not run, with its minutes."""
    rest = [step for step in STEPS if step not in steps]
    if not rest:
        return "Nothing was left out."
    told = ", ".join(f"{step.name} ({step.minutes:g} min)" for step in rest)
    return f"Left out: {told}."


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 where something moved or failed, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reproduce", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these")
    parser.add_argument("--list", action="store_true", help="say what there is; run nothing")
    parser.add_argument("--long", action="store_true", help="also the group long")
    parser.add_argument("--fit", action="store_true", help="also the group fit: hours")
    parser.add_argument("--write", action="store_true", help="replace what stands")
    parser.add_argument(
        "--small", action="store_true", help="small settings: does it run? compares nothing"
    )
    asked = parser.parse_args(words)
    if asked.list:
        print("\n".join(listing()))
        return 0
    groups = [group for group in GROUPS if group == "usual" or getattr(asked, group)]
    try:
        steps = chosen(asked.steps, groups)
    except InputError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 2
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the commands do
    print(f"{'step':10} minutes  files", flush=True)
    bad = False
    with tempfile.TemporaryDirectory(prefix="drugfutures-") as folder:
        for step in steps:
            done = run(step, Path(folder) / step.name, small=asked.small, write=asked.write)
            bad |= done.failed is not None or (bool(done.moved) and not _written(step, asked.write))
            print("\n".join(lines_of(done, small=asked.small, write=asked.write)), flush=True)
    if not asked.steps:
        print(left_out(steps))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
