"""What was made anew, set beside what stands in the repository, line by line."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

DRAWN = (".png",)
"""Pictures are not compared: fonts and versions move their bytes. Their CSV is."""
SHOWN = 60  # letters of a line


def files_of(folder: Path) -> list[Path]:
    """Every file below ``folder``, relative to it, in order."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def moved(fresh: Path, standing: Path, expected: Iterable[Path] = ()) -> list[str]:
    """A line for each file of ``fresh`` or ``expected`` that differs from the one that stands."""
    found = []
    for name in sorted({*files_of(fresh), *expected}):
        new, old = fresh / name, standing / name
        if not new.is_file():
            found.append(f"{name}: not made")
        elif not old.is_file():
            found.append(f"{name}: not there yet")
        elif name.suffix not in DRAWN and new.read_bytes() != old.read_bytes():
            found.append(f"{name}{first_difference(old, new)}")
    return found


def first_difference(old: Path, new: Path) -> str:
    """Where two texts part: the number of the line, and how it reads in both."""
    before, after = (path.read_bytes().decode("utf-8").split("\n") for path in (old, new))
    for number, (was, now) in enumerate(zip(before, after, strict=False), 1):
        if was != now:
            return f", line {number}: {_around(was, now)!r} -> {_around(now, was)!r}"
    return f", line {min(len(before), len(after)) + 1}: {len(before)} -> {len(after)} lines"


def _around(line: str, other: str) -> str:
    """A long line from a little before the place where it leaves the other."""
    same = next(
        (i for i, (a, b) in enumerate(zip(line, other, strict=False)) if a != b),
        min(len(line), len(other)),
    )
    start = max(0, same - SHOWN // 3) if len(line) > SHOWN else 0
    return line[start : start + SHOWN]


def replace(fresh: Path, standing: Path) -> None:
    """Put every file of ``fresh`` in the place of the one that stands."""
    for name in files_of(fresh):
        (standing / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fresh / name, standing / name)
