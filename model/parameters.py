"""The one parameter table: values, ranges and the prior that each row stands for."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from model.errors import InputError, MissingParameter
from model.reading import CellError, TableRow

Float = npt.NDArray[np.float64]

# Factor on the half-widths of a prior, on its own scale, by grade of evidence. The grades follow
# GRADE; the factors are this project's convention. An assumed row states its own wide range.
WIDENING = {"high": 1.0, "moderate": 1.25, "low": 1.5, "very_low": 2.0, "assumed": 1.0}

# low and high are the 2.5% and 97.5% points: this many standard deviations from the middle.
SPREAD = 1.959963984540054

SELECTORS = ("sex", "age_min", "age_max", "region", "deprivation")

OLDEST = 120  # years

# Units and the least and greatest value that make sense in them.
UNITS = {
    "per year": (None, None),
    "probability": (0.0, 1.0),
    "proportion": (0.0, 1.0),
    "ratio": (0.0, None),
    "years": (0.0, None),
    "years of age": (0.0, OLDEST),
    "calendar year": (1000.0, 3000.0),
    "elasticity": (None, None),
    "exponent": (0.0, None),
    "log sd": (0.0, None),
    "log ratio": (0.0, None),
    "per 100,000 people": (0.0, None),
    "places": (1.0, None),
    "glasses per week": (0.0, None),
    "persons per year": (0.0, None),
    "correlation": (0.0, 1.0),
    "grams per year": (0.0, None),
    "kg per year": (0.0, None),
    "kg per kg": (0.0, None),
    "grams": (0.0, None),
    "litres": (0.0, None),
    "units per year": (0.0, None),
    "count": (0.0, None),
    "disability weight": (0.0, 1.0),
    "EUR of 2012": (0.0, None),
    "EUR of 2015": (0.0, None),
    "EUR of 2018": (0.0, None),
    "EUR of 2019": (0.0, None),
    "EUR of 2021": (0.0, None),
}
# A rate per year may be negative only as growth.
SIGNED = ("initiation_growth",)


class ParameterRow(TableRow):
    """One uncertain quantity; empty selectors mean all strata."""

    product: str
    parameter: str
    sex: Literal["male", "female"] | None
    age_min: int | None
    age_max: int | None
    region: Literal["Flanders", "Wallonia", "Brussels"] | None
    deprivation: Literal["most_deprived", "others"] | None
    value: float
    low: float | None
    high: float | None
    distribution: Literal["lognormal", "logitnormal", "normal", "uniform", "fixed"]
    unit: str
    role: Literal["calibrated", "assumed", "fixed"]
    source: str
    evidence: Literal["high", "moderate", "low", "very_low", "assumed"]
    note: str | None

    @model_validator(mode="after")
    def _range(self) -> ParameterRow:
        if self.unit not in UNITS:
            raise CellError("unit", ", ".join(UNITS))
        least, most = UNITS[self.unit]
        if self.unit == "per year" and self.parameter not in SIGNED:
            least = 0.0
        for name in ("value", "low", "high"):
            _check_cell(name, getattr(self, name), least, most)
        for name in ("age_min", "age_max"):
            _check_cell(name, getattr(self, name), 0, OLDEST)
        if self.age_max is not None and self.age_max < (self.age_min or 0):
            raise CellError("age_max", f"{self.age_min} (age_min) or more")
        if self.distribution != "fixed":
            self._check_prior()
        return self

    def _check_prior(self) -> None:
        low, high, what = self.low, self.high, f"{self.distribution} row"
        if low is None or high is None:
            raise CellError("low" if low is None else "high", f"a number: a {what} needs low, high")
        if low >= high:
            raise CellError("low", f"less than {high:g} (high)")
        if not low <= self.value <= high:
            raise CellError("value", f"{low:g} (low) to {high:g} (high)")
        if self.distribution in ("lognormal", "logitnormal") and low <= 0:
            raise CellError("low", f"more than 0 in a {what}")
        if self.distribution == "logitnormal" and high >= 1:
            raise CellError("high", f"less than 1 in a {what}")

    @property
    def narrowness(self) -> int:
        """Number of selectors given: the narrower of two rows wins where both reach a stratum."""
        return sum(getattr(self, name) is not None for name in SELECTORS)

    @property
    def everywhere(self) -> bool:
        """Whether the row holds for all strata."""
        return self.narrowness == 0

    def meets(self, other: ParameterRow) -> bool:
        """Whether some stratum is reached by both rows."""
        for name in ("sex", "region", "deprivation"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                return False
        first = max(self.age_min or 0, other.age_min or 0)
        last = min(OLDEST if row.age_max is None else row.age_max for row in (self, other))
        return first <= last

    @property
    def key(self) -> str:
        """Identity of the quantity, stable when rows are added or moved."""
        selectors = (getattr(self, name) for name in SELECTORS)
        chosen = ",".join("" if part is None else str(part) for part in selectors)
        return f"{self.product}/{self.parameter}[{chosen}]"


def _check_cell(key: str, number: float | None, least: float | None, most: float | None) -> None:
    """Refuse a number below ``least`` or above ``most`` (None: no limit). Raises CellError."""
    if number is None:
        return
    if (least is not None and number < least) or (most is not None and number > most):
        if least is None or most is None:
            bound = f"{most:g} or less" if least is None else f"{least:g} or more"
        else:
            bound = f"{least:g} to {most:g}"
        raise CellError(key, bound)


def check_parameters(rows: Sequence[ParameterRow], owners: Collection[str]) -> None:
    """Refuse unknown owners and rows that contradict each other. Raises InputError."""
    _check_overlaps(rows)
    for row in rows:
        if row.product not in owners:
            raise InputError(
                "unknown product",
                file=row.file,
                line=row.line,
                key="product",
                given=row.product,
                allowed=sorted(owners),
            )
        if row.evidence != "assumed" and row.source == "assumed" and row.evidence != "very_low":
            raise InputError(
                "a row with the source 'assumed' has no evidence",
                file=row.file,
                line=row.line,
                key="evidence",
                given=row.evidence,
                allowed=["assumed", "very_low"],
            )


def _check_overlaps(rows: Sequence[ParameterRow]) -> None:
    groups: dict[tuple[str, str], list[ParameterRow]] = {}
    for row in rows:
        same = groups.setdefault((row.product, row.parameter), [])
        for other in same:
            if row.narrowness == other.narrowness and row.meets(other):
                raise InputError(
                    "two rows of one parameter reach the same strata",
                    file=row.file,
                    line=row.line,
                    key=row.parameter,
                    given=f"{row.key} and {other.key} (line {other.line})",
                    allowed="rows that do not meet, or a narrower row with more selectors",
                )
        same.append(row)


class Prior(Protocol):
    """The columns that say how a quantity is drawn."""

    @property
    def value(self) -> float:
        """Central value (of all but a uniform prior the median), in the unit of the row."""
        ...

    @property
    def low(self) -> float | None:
        """Lower end of its range, in the unit of the row."""
        ...

    @property
    def high(self) -> float | None:
        """Upper end of its range, in the unit of the row."""
        ...

    @property
    def distribution(self) -> str:
        """Name of the distribution."""
        ...

    @property
    def evidence(self) -> str:
        """How well it is known."""
        ...


def quantile(row: Prior, z: Float) -> Float:
    """Values of a row's prior at standard normal scores ``z``: same shape, unit of the row.

    Two-piece on the transformed scale (log, logit or identity): the lower half is scaled by
    ``low`` and the upper by ``high``, both widened by the grade of evidence.
    """
    if row.distribution == "fixed" or row.low is None or row.high is None:
        return np.full(z.shape, row.value)
    if row.distribution == "uniform":
        from scipy.special import ndtr

        return np.asarray(row.low + (row.high - row.low) * ndtr(z), dtype=np.float64)
    widen = WIDENING[row.evidence]
    middle, low, high = (_transform(row.distribution, x) for x in (row.value, row.low, row.high))
    scale = np.where(z < 0, middle - low, high - middle) * (widen / SPREAD)
    return _untransform(row.distribution, middle + scale * z)


def _transform(distribution: str, value: float) -> float:
    if distribution == "lognormal":
        return float(np.log(value))
    if distribution == "logitnormal":
        return float(np.log(value / (1.0 - value)))
    return value


def _untransform(distribution: str, value: Float) -> Float:
    if distribution == "lognormal":
        return np.asarray(np.exp(value))
    if distribution == "logitnormal":
        return np.asarray(1.0 / (1.0 + np.exp(-value)))
    return value


class Draws:
    """Drawn values of every parameter row: ``values[row key]`` has shape (draws,).

    ``profile`` resolves a parameter of a product to one value per draw and stratum, ``scalar``
    to one per draw. The most specific owner wins: product, then its kind, then ``*``.
    ``innovations`` has shape (draws, products, knots): standard normal shocks of the local trend.
    """

    def __init__(
        self,
        rows: Sequence[ParameterRow],
        values: dict[str, Float],
        innovations: Float,
        seed: int,
    ) -> None:
        self.rows = tuple(rows)
        self.values = values
        self.innovations = innovations
        self.seed = seed
        self._owned: dict[tuple[str, str], list[ParameterRow]] = {}
        for row in rows:
            self._owned.setdefault((row.product, row.parameter), []).append(row)
        self._found: dict[tuple[str, str, str], list[ParameterRow]] = {}
        self._keys: dict[int, str] = {}  # of rows that were asked for, by id
        # What readers made of ``values``; None where somebody may still change these.
        self.memo: dict[tuple[object, ...], Float] | None = None

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self.innovations)

    def slice(self, start: int, stop: int) -> Draws:
        """Draws ``start`` to ``stop`` (not included) alone, for running them in parts."""
        values = {key: value[start:stop] for key, value in self.values.items()}
        return self._with(values, self.innovations[start:stop])

    def chosen(
        self, numbers: Sequence[int] | npt.NDArray[np.int64], overrides: Mapping[str, Float]
    ) -> Draws:
        """These draws, in this order; one may stand more than once. Their values stay as they are.

        ``overrides``: by key of a row, values (D,) in place of those drawn. Copies of the row for
        products, which have its values, follow. Raises KeyError for an unknown key.
        """
        at = np.asarray(numbers)
        values = {key: value[at] for key, value in self.values.items()}
        for key, instead in overrides.items():
            own = self.values[key]
            # Draws of a posterior give copies the very array of the row that they are copied from.
            values |= {name: instead for name, value in self.values.items() if value is own}
        found = self._with(values, self.innovations[at])
        found.memo = {}
        return found

    def _with(self, values: dict[str, Float], innovations: Float) -> Draws:
        """Other draws of the same rows; who owns them is known already."""
        found = copy.copy(self)
        found.values, found.innovations, found.memo = values, innovations, None
        return found

    def of_row(self, row: ParameterRow) -> Float:
        """Values of one row, (draws,), in its unit."""
        key = self._keys.get(id(row))
        if key is None:
            key = self._keys[id(row)] = row.key
        return self.values[key]

    def names(self, owner: str, kind: str) -> set[str]:
        """Parameters that a product of this kind can read."""
        return {name for at, name in self._owned if at in (owner, f"kind:{kind}", "*")}

    def find(self, owner: str, kind: str, parameter: str) -> list[ParameterRow]:
        """Rows of the most specific owner; empty when the parameter is not given."""
        asked = owner, kind, parameter
        rows = self._found.get(asked)
        if rows is None:
            places = ((at, parameter) for at in (owner, f"kind:{kind}", "*"))
            rows = next((self._owned[place] for place in places if place in self._owned), [])
            self._found[asked] = rows
        return rows

    def require(self, owner: str, kind: str, parameter: str, reader: str) -> list[ParameterRow]:
        """As ``find``; raises MissingParameter when nothing is given. ``reader``: what needs it."""
        rows = self.find(owner, kind, parameter)
        if not rows:
            raise MissingParameter(
                f"{reader} needs a parameter that no row gives",
                owner=owner,
                parameter=parameter,
                allowed=f"a row with product {owner}, kind:{kind} or *; what else lacks, says "
                "drugfutures validate --catalogue FOLDER",
            )
        return rows

    def scalar(self, owner: str, kind: str, parameter: str, reader: str) -> Float:
        """Values with no selector, shape (draws,), in the unit of the row.

        Raises MissingParameter when nothing is given, InputError for a profile.
        """
        rows = self.require(owner, kind, parameter, reader)
        if len(rows) > 1:
            raise InputError(
                f"{reader} needs one value, not a profile over strata",
                file=rows[1].file,
                line=rows[1].line,
                key=parameter,
            )
        return self.of_row(rows[0])
