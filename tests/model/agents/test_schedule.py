"""The written schedule is the one that the model keeps."""

from __future__ import annotations

import re
from pathlib import Path
from types import MethodType
from unittest.mock import MagicMock

from model.agents.schedule import SCHEDULE
from model.agents.twin import Twin

AGENTS = Path(__file__).parents[3] / "model" / "agents"


def steps_called(month: int) -> list[str]:
    """What a step calls on the parts of the twin, in order, with parts that do nothing."""
    twin = MagicMock()
    twin.month = month
    twin.setting.prepared.demography.months = 252
    twin._new_year = MethodType(Twin._new_year, twin)
    Twin.step(twin)
    named = [call[0] for call in twin.mock_calls]
    parts = r"(crowd|reception|trade|records|datacollector)\.[a-z_]+"
    return [name for name in named if re.fullmatch(parts, name)]


def test_a_month_keeps_the_schedule() -> None:
    assert steps_called(month=11) == [step for step, _, _ in SCHEDULE]


def test_the_turn_of_the_year_is_in_december_alone() -> None:
    yearly = [step for step, what, _ in SCHEDULE if what.startswith(("31 December", "1 January"))]
    assert len(yearly) == 4
    usual = [step for step, _, _ in SCHEDULE if step not in yearly]
    assert steps_called(month=10) == usual


def test_the_modules_of_the_schedule_exist() -> None:
    for _, _, modules in SCHEDULE:
        for module in modules.split(", "):
            path = module.replace(".", "/")
            assert (AGENTS / f"{path}.py").exists() or (AGENTS.parents[1] / f"{path}.py").exists()
