"""What is told first: key indicators, then aims, then what was asked for."""

from __future__ import annotations

from experiments.comparisons.told_first import MOST, told_first, told_of

FIRST = told_first()[0]


def test_named_indicators_and_own_products_follow_what_is_told_first() -> None:
    pairs = [("waiting", "cocaine"), (FIRST[0], "khat"), ("waiting", "khat"), FIRST]
    assert told_of(pairs) == [FIRST]
    assert told_of(pairs, named=["waiting"]) == [FIRST, pairs[0], pairs[2]]
    assert told_of(pairs, own={"khat"}) == [FIRST, (FIRST[0], "khat")]


def test_many_others_are_cut_and_none_of_these_gives_the_first() -> None:
    pairs = [("waiting", f"product-{number}") for number in range(MOST + 5)]
    assert told_of(pairs, named=["waiting"]) == pairs[:MOST]
    assert told_of(pairs) == pairs[:MOST]
