"""What the measures of a scenario cost, where that is known of every one of them."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.library import Library
from scenarios.schema import Plan

INFLATION = 0.02  # a year, between price years (assumed, as in drugfutures money)


@dataclass(frozen=True)
class Cost:
    """What a scenario costs a year beyond the baseline, EUR of ``price_year``.

    ``missing`` of its ``measures`` active measures have no cost; the amounts are None then.
    """

    measures: int
    missing: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    price_year: int | None = None

    @property
    def whole(self) -> bool:
        """Whether every active measure has a cost."""
        return self.missing == 0 and self.measures > 0 and self.value is not None


def cost_of(plan: Plan, library: Library) -> Cost:
    """Costs of the measures that a plan moves, in proportion to their positions.

    Ends of ranges are added, as if all were low or high together. Prices of earlier years are
    brought to the latest one.
    """
    moved = {name: float(at) / 100.0 for name, at in plan.levers.items() if at}
    found = [(share, library.measures[name].entry.cost) for name, share in moved.items()]
    known = [(share, cost) for share, cost in found if cost is not None]
    missing = len(found) - len(known)
    if missing or not known:
        return Cost(len(found), missing)
    year = max(cost.price_year for _, cost in known)
    value = low = high = 0.0
    for share, cost in known:
        scale = share * (1.0 + INFLATION) ** (year - cost.price_year)
        ends = sorted(
            scale * (cost.eur_per_year if end is None else end) for end in (cost.low, cost.high)
        )
        value += scale * cost.eur_per_year
        low += ends[0]
        high += ends[1]
    return Cost(len(found), 0, value, low, high, year)
