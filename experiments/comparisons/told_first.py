"""What is told first of many outputs: key indicators, then those of the aims of the strategy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

from experiments.comparisons.compare import KEY, WHOLE

MOST = 20  # told of those that are not told first


@cache
def told_first() -> tuple[tuple[str, str], ...]:
    """Indicator and product, the most telling first; all of them at national level."""
    from experiments.comparisons.scoreboard import load_scoreboard

    rows = (row for row in load_scoreboard() if row.per is None and row.statistic == "level")
    own = ((row.indicator, row.product) for row in rows if row.group == WHOLE)
    return tuple(dict.fromkeys((*KEY, *own)))


def rank(indicator: str, product: str) -> int:
    """Place of an output among those told first; a large number for all others."""
    pairs = told_first()
    return pairs.index((indicator, product)) if (indicator, product) in pairs else len(pairs)


def told_of(
    pairs: Sequence[tuple[str, str]], named: Collection[str] = (), own: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Those of some pairs that a report tells: what is told first, then what was asked for.

    ``named``: indicators that a study names; ``own``: a user's own products, of which the
    indicators count that are told first of others. The first pairs where none of these is there.
    """
    usual = {indicator for indicator, _ in told_first()}
    first = [pair for pair in told_first() if pair in set(pairs)]
    asked = [
        (indicator, product)
        for indicator, product in pairs
        if indicator in named or (product in own and indicator in usual)
    ]
    more = [pair for pair in asked if pair not in first]
    return [*first, *more[:MOST]] or list(pairs[:MOST])
