"""What a lever reads of its own events, and its named ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop.lever import Scale
from experiments.workshop.moved import range_of
from experiments.workshop.wording import words_of
from scenarios.texts import LANGUAGES, load_texts

MEASURE, WIDE, TREND = Scale(), Scale(-100, 100), Scale(-100, 100, "trend")


def named(scale: Scale, position: int, language: str = "en") -> str:
    found = scale.ranges(words_of(language, load_texts()))
    return [name for start, name in found if position >= start][-1]


@pytest.mark.parametrize(
    ("scale", "position", "name"),
    [
        (MEASURE, 0, "As now"),
        (MEASURE, 1, "Limited"),
        (MEASURE, 60, "Substantial"),
        (MEASURE, 100, "Full"),
        (WIDE, -5, "Scaled back"),
        (Scale(-50, 100), -50, "Scaled back"),
        (TREND, 0, "Off"),
        (TREND, 100, "Strongly adverse"),
        (TREND, -50, "Favourable"),
        (TREND, -51, "Strongly favourable"),
    ],
)
def test_positions_have_names(scale: Scale, position: int, name: str) -> None:
    assert named(scale, position) == name


@given(st.integers(-100, 100), st.sampled_from(LANGUAGES), st.sampled_from(("levers", "trends")))
def test_names_are_those_of_the_rest_of_the_page(position: int, language: str, kind: str) -> None:
    scale = WIDE if kind == "levers" else TREND
    words = words_of(language, load_texts())
    assert named(scale, position, language) == range_of(f"{kind}.x", position, words)


def test_events_of_a_lever_are_read() -> None:
    assert MEASURE.read({"position": 37, "resting": False}) == (37, False)
    assert WIDE.read({"position": -100, "resting": True}) == (-100, True)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "60",
        {},
        {"position": 60},
        {"position": "60", "resting": True},
        {"position": 60.5, "resting": True},
        {"position": True, "resting": True},
        {"position": None, "resting": True},
        {"position": 60, "resting": 1},
        {"position": 101, "resting": True},
        {"position": -1, "resting": True},
    ],
)
def test_what_no_lever_sends_is_dropped(told: object) -> None:
    assert MEASURE.read(told) is None
