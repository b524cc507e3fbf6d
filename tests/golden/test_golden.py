"""Results may only move on purpose."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden.reference import GOLDEN, Baseline, differences
from tests.golden.write import BASELINES, TOLERANCE, write


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_results_have_not_moved(path: Path) -> None:
    moved = differences(json.loads(path.read_text()), BASELINES[path](), TOLERANCE)
    assert moved == [], (
        "results moved: say so under 'Changes results' in CHANGELOG.md and run `make golden`\n"
        + "\n".join(moved)
    )


def _known(factor: float) -> Callable[[], Baseline]:
    found: Baseline = json.loads(GOLDEN.read_text())
    found["occasional"]["alcohol"][1] *= factor
    return lambda: copy.deepcopy(found)


def test_a_moved_number_is_noticed() -> None:
    old = json.loads(GOLDEN.read_text())
    assert len(differences(old, _known(1.0 + 1e-7)(), TOLERANCE)) == 1


def test_what_is_the_same_keeps_its_digits_when_written(tmp_path: Path) -> None:
    assert write(GOLDEN, _known(1.0 + 1e-12), tmp_path) == []
    assert (tmp_path / GOLDEN.name).read_bytes() == GOLDEN.read_bytes()
    assert len(write(GOLDEN, _known(1.01), tmp_path)) == 1
    assert (tmp_path / GOLDEN.name).read_bytes() != GOLDEN.read_bytes()
