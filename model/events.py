"""Rows of history.csv: what is known to have changed from outside, with its size or without.

model.history makes changes of handles from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from model.errors import InputError
from model.handles import NEVER_ZERO, product_names, reading_products
from model.reading import CellError, TableRow

if TYPE_CHECKING:
    from model.catalogue import Catalogue

FIRST_YEAR, LAST_YEAR = 2010, 2030
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
Month = Annotated[str, Field(pattern=_MONTH.pattern)]


class HistoryRow(TableRow):
    """One known external change, or one point of its path.

    ``handle``: handles, separated by spaces, that one draw of ``value`` moves; empty: dated only.
    ``step`` holds from ``from`` to ``to`` (both included; without ``to`` it stays);
    ``fading`` begins as a step and loses a fifth of its distance from 1 a year; ``path`` rows of
    one id are points (at ``from``) with straight lines on the log scale between them: neutral
    before the first, the last value after the last. ``figures``: product/indicator pairs that
    are input because of this row and so may not be fitted or scored.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    handle: str | None
    products: str
    regions: str | None
    age_min: int | None
    age_max: int | None
    start: Month = Field(alias="from")
    stop: Month | None = Field(alias="to")
    shape: Literal["step", "fading", "path"] | None
    size: float | None = Field(alias="value")
    low: float | None
    high: float | None
    prior: Literal["lognormal", "logitnormal", "fixed"] | None = Field(alias="distribution")
    source: str
    evidence: Literal["high", "moderate", "low", "very_low", "assumed"]
    figures: str | None
    note: str

    @model_validator(mode="after")
    def _whole(self) -> HistoryRow:
        if self.stop is not None and month_number(self.stop) < month_number(self.start):
            raise CellError("to", f"{self.start} (from) or later")
        if self.age_max is not None and self.age_max < (self.age_min or 0):
            raise CellError("age_max", f"{self.age_min} (age_min) or more")
        given = {"shape": self.shape, "value": self.size, "distribution": self.prior}
        for name, cell in given.items():
            if (cell is None) != (self.handle is None):
                row = "row that is dated only" if self.handle is None else "row with a handle"
                raise CellError(name, "nothing" if self.handle is None else f"a value: a {row}")
        if self.handle is None:
            return self
        least = max(NEVER_ZERO.get(name, 0.001) for name in self.handles)
        if self.value < least:
            raise CellError("value", f"{least:g} or more")
        if self.prior != "fixed":
            _check_range(self.value, self.low, self.high)
        if self.prior == "logitnormal" and (self.high or 0.0) >= 1.0:
            raise CellError("high", "less than 1 in a logitnormal row")
        return self

    @property
    def value(self) -> float:
        """Median of the size; 1 (no change) where the row is dated only.

        In the unit of its handle.
        """
        return 1.0 if self.size is None else self.size

    @property
    def distribution(self) -> str:
        """How the size is drawn."""
        return self.prior or "fixed"

    @property
    def handles(self) -> list[str]:
        """Handles that the row moves; none when it is dated only."""
        return (self.handle or "").split()

    @property
    def key(self) -> str:
        """Name of the row's draws."""
        return f"history/{self.id}/{self.start}"


def _check_range(value: float, low: float | None, high: float | None) -> None:
    if low is None or high is None:
        raise CellError("low" if low is None else "high", "a number: the distribution needs both")
    if not 0.0 < low < high:
        raise CellError("low", f"more than 0 and less than {high:g} (high)")
    if not low <= value <= high:
        raise CellError("value", f"{low:g} (low) to {high:g} (high)")


def month_number(month: str) -> int:
    """Months since January 2010 of ``YYYY-MM``."""
    year, number = month.split("-")
    return (int(year) - FIRST_YEAR) * 12 + int(number) - 1


def check_history(catalogue: Catalogue) -> None:
    """Refuse rows that name unknown things or would do nothing. Raises InputError."""
    handles = {row.id: row for row in catalogue.handles}
    last = f"{LAST_YEAR}-12"
    names = product_names(
        [row.id for row in catalogue.products], [row.kind for row in catalogue.products]
    )
    moved = {name for row in catalogue.history for name in row.handles if name in handles}
    readers = {name: reading_products(catalogue, name) for name in sorted(moved)}
    for row in catalogue.history:
        for key, month in (("from", row.start), ("to", row.stop)):
            if month is not None and not 0 <= month_number(month) <= month_number(last):
                _refuse(row, key, month, f"{FIRST_YEAR}-01 to {last}", "the month is out of range")
        for name in row.products.split():
            if name not in names:
                _refuse(row, "products", name, names, "unknown product")
        for name in row.handles:
            if name not in handles:
                _refuse(row, "handle", name, handles, "unknown handle")
            if handles[name].unit != "multiplier":
                allowed = [h for h in handles if handles[h].unit == "multiplier"]
                _refuse(row, "handle", name, allowed, "history moves multipliers only")
            for product in row.products.split():
                if not set(names[product]) & set(readers[name]):
                    what = f"the handle {name} does nothing here"
                    _refuse(row, "products", product, readers[name], what)
            _check_scope(row, name, handles[name].scope)
    _check_paths(catalogue.history)


def _check_scope(row: HistoryRow, handle: str, scope: str) -> None:
    cut = [key for key in ("age_min", "age_max") if getattr(row, key) is not None]
    if scope == "nation" and row.regions is not None:
        cut.append("regions")
    if scope != "strata" and cut:
        whole = "the whole nation" if scope == "nation" else "whole regions"
        what = f"the handle {handle} acts on {whole}"
        _refuse(row, cut[0], getattr(row, cut[0]), "an empty cell", what)
    for region in (row.regions or "").split():
        if region not in ("Flanders", "Wallonia", "Brussels"):
            _refuse(row, "regions", region, "Flanders, Wallonia, Brussels", "unknown region")


def _check_paths(rows: Sequence[HistoryRow]) -> None:
    first: dict[str, HistoryRow] = {}
    for row in rows:
        other = first.setdefault(row.id, row)
        if row.shape == "path" or other.shape == "path":
            for key in ("shape", "handle", "products", "regions", "age_min", "age_max", "stop"):
                if getattr(row, key) != getattr(other, key):
                    column = "to" if key == "stop" else key
                    allowed = str(getattr(other, key) or "an empty cell")
                    what = f"the points of the path {row.id} differ"
                    _refuse(row, column, getattr(row, key), allowed, what)


def _refuse(
    row: HistoryRow, key: str, given: object, allowed: str | Iterable[str], what: str
) -> None:
    raise InputError(what, file=row.file, line=row.line, key=key, given=given, allowed=allowed)
