"""Units as the plots show them: a word or two that fit above a panel, and numbers without noughts.

Nothing here is of one product: a new unit of the table of indicators needs no edit.
"""

from __future__ import annotations

import re

from calibration.figures import Figure
from calibration.series import Series, in_unit_of

PERCENT = "percent"
MILLION = "million "
_WHOLE = {"proportion": (PERCENT, 100.0)}


def shown(unit: str) -> tuple[str, float]:
    """Unit shown and factor by unit of the dataset; sums of euros are shown in millions."""
    if re.fullmatch(r"EUR of \d{4} per year", unit):
        return MILLION + unit, 1e-6
    return _WHOLE.get(unit, (unit, 1.0))


def counts_events(unit: str) -> bool:
    """Whether numbers in ``unit`` add up over the years; a rate or an index does not."""
    return unit.endswith("per year") and not unit.startswith("per ")


def figure_shown(figure: Figure, series: Series) -> tuple[float | None, float | None, float | None]:
    """Value, low and high of a figure in the unit shown of its series.

    A count of several years becomes its yearly mean, since each point of a line is one year.
    """
    _, factor = shown(series.unit)
    if counts_events(series.unit) and figure.year is not None and figure.year_end is not None:
        factor /= figure.year_end - figure.year + 1
    value, low, high = (
        None if number is None else number * factor for number in in_unit_of(figure, series)
    )
    return value, low, high
