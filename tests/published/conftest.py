"""``case``: a published number, ours and the bound, recorded and asserted in one place.

``pytest tests/published --cases FILE`` also writes what was recorded, a row a number, in the order
of names.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.published.bounds import Bound, Case

COLUMNS = ("case", "number", "published", "ours", "bound", "holds")
ROWS = pytest.StashKey[dict[str, tuple[str, ...]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--cases``: there only where this folder is asked for by name."""
    parser.addoption("--cases", metavar="FILE", help="write published numbers and ours here")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse workers: each would know its own rows alone."""
    if config.getoption("--cases", None) and config.getoption("numprocesses", None):
        raise pytest.UsageError("--cases does not go with -n")


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Record a published number, ours and the bound; fail where it does not hold."""
    rows = request.config.stash.setdefault(ROWS, {})

    def record(
        name: str, published: float, ours: float, bound: Bound, *, reached: bool = True
    ) -> None:
        holds = bound.holds(published, ours)
        told = f"{ours:.{bound.digits}g}"
        # A number that lies this near to nought is nought: its digits are rounding.
        told = "0" if abs(ours) < 1e-9 else told
        about, _, number = name.partition(": ")
        known = "yes" if holds else "no"
        row = (about, number, f"{published:g}", told, bound.words, known)
        assert rows.setdefault(name, row) == row, f"two numbers are called {name}"
        assert holds == reached, f"{name}: published {published:g}, ours {told}, {bound.words}"

    return record


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the rows."""
    path = session.config.getoption("--cases", None)
    if path is None:
        return
    rows = session.config.stash.get(ROWS, {})
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows[name] for name in sorted(rows, key=_in_order))


def _in_order(name: str) -> list[tuple[int, str]]:
    """By words, but numbers by their size."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name)]
