"""Results may only move on purpose."""

from __future__ import annotations

import copy
import json

from tests.golden.reference import GOLDEN, compute, differences


def test_results_have_not_moved() -> None:
    moved = differences(json.loads(GOLDEN.read_text()), compute(), 1e-9)
    assert moved == [], (
        "results moved: say so under 'Changes results' in CHANGELOG.md and run `make golden`\n"
        + "\n".join(moved)
    )


def test_a_moved_number_is_noticed() -> None:
    old = json.loads(GOLDEN.read_text())
    new = copy.deepcopy(old)
    new["occasional"]["alcohol"][1] *= 1.0 + 1e-7
    assert len(differences(old, new, 1e-9)) == 1
