"""What is told first of many outputs: key indicators, then those of the aims of the strategy."""

from __future__ import annotations

from functools import cache

from experiments.comparisons.compare import KEY, WHOLE


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
