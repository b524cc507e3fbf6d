"""How far a number of ours may be from a published one: what holds, and how it reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

TIGHT = 1e-3  # relative: bounds below it are about printed digits


@dataclass(frozen=True)
class Bound:
    """``holds(published, ours)``; ``digits``: significant digits that ours is recorded with."""

    words: str
    holds: Callable[[float, float], bool]
    digits: int = 3


class Case(Protocol):
    """Records a published number, ours and the bound, and asserts that it holds.

    ``name``: the case, a colon, and what the number is with its unit. ``reached`` False: a known
    miss, which is asserted too, so that it is noticed when it ends.
    """

    def __call__(
        self, name: str, published: float, ours: float, bound: Bound, *, reached: bool = True
    ) -> None: ...


def off_by(size: float, digits: int = 3) -> Bound:
    """At most this far away, in the unit of the number."""
    return Bound(f"± {size:.3g}", lambda there, here: abs(here - there) <= size, digits)


def share_off(share: float) -> Bound:
    """At most this share of the published number away."""
    words = f"± {100.0 * share:.3g}%"
    digits = 6 if share < TIGHT else 3
    return Bound(words, lambda there, here: abs(here - there) <= share * abs(there), digits)


def between(low: float, high: float) -> Bound:
    """From one end to the other; an end may be infinite."""
    words = f"{low:.3g} to {high:.3g}"
    if math.isinf(low):
        words = f"at most {high:.3g}"
    if math.isinf(high):
        words = f"at least {low:.3g}"
    return Bound(words, lambda _, here: low <= here <= high)


def below(end: float) -> Bound:
    """Below an end."""
    return Bound(f"below {end:.3g}", lambda _, here: here < end)


def above(end: float) -> Bound:
    """Above an end."""
    return Bound(f"above {end:.3g}", lambda _, here: here > end)
