"""What levers, trends and changes have in common: whom they reach, and numbers with a range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from model.catalogue import Catalogue
from model.events import FIRST_YEAR, LAST_YEAR, month_number
from model.handles import product_names, reading_products
from model.reading import CellError
from scenarios.checked import Entry, Words, listed, one_of, refusal
from scenarios.lines import Document, Place

REGIONS = ("Flanders", "Wallonia", "Brussels")
SEXES = ("male", "female")
DEPRIVATION = ("most_deprived", "others")
ASSUMED = "assumed"
LONGEST_ID = 60
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

# Handles of policy itself, not of the model: what levers and rules are multiplied by.
POLICY_HANDLES: Mapping[str, str] = {
    "effect_fidelity": "coverage of measures that depend on how well they are carried out",
    "coherence": "coverage of measures that need the chains of security and health together",
    "lag": "time between the start of a measure and its first effect",
    "detection_delay": "time until rules know the figure of a year",
    "update_interval": "time between the decisions of rules",
}
# Handles of what is supplied, not of how people respond: these add up plainly.
INPUTS = (
    "capacity",
    "entry_time",
    "price",
    "price_floor",
    "excise",
    "advertising",
    "illicit_share",
    "supply_cost",
    "import_flow",
    "production",
    "seizure_rate",
    "police_effort",
    "hcv_cure",
    "linkage",
)
OF_RULES = ("detection_delay", "update_interval")


def _id(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_ID and _ID.fullmatch(value):
        return value
    raise ValueError(
        f"small letters, digits and hyphens, such as dearer-tobacco (at most {LONGEST_ID})"
    )


def _month(value: object) -> str:
    if isinstance(value, str) and _MONTH.fullmatch(value):
        return value
    raise ValueError("a year and a month, such as 2024-01")


def _every(*labels: str) -> BeforeValidator:
    """One label is a list of one; ``all`` is all labels."""

    def spread(value: object) -> object:
        return list(labels) if value in ("all", ["all"]) else listed(value)

    return BeforeValidator(spread)


def _whole_life(value: object) -> object:
    return [None, None] if value in ("all", None) else value


Id = Annotated[str, BeforeValidator(_id)]
Month = Annotated[str, BeforeValidator(_month)]


class Reach(Entry):
    """Which products and people something reaches; what is left out, or ``all``, is everything.

    Ages are the first and last year of age, both included, and must not cut a band of the strata.
    """

    products: Annotated[Words, Field(min_length=1)] = ["all"]
    regions: Annotated[
        list[Literal["Flanders", "Wallonia", "Brussels"]], Field(min_length=1), _every(*REGIONS)
    ] = ["Flanders", "Wallonia", "Brussels"]
    sexes: Annotated[list[Literal["male", "female"]], Field(min_length=1), _every(*SEXES)] = [
        "male",
        "female",
    ]
    ages: Annotated[
        list[int | None], Field(min_length=2, max_length=2), BeforeValidator(_whole_life)
    ] = [None, None]
    deprivation: Annotated[
        list[Literal["most_deprived", "others"]], Field(min_length=1), _every(*DEPRIVATION)
    ] = ["most_deprived", "others"]


def check_order(low: float | None, value: float, high: float | None, key: str) -> None:
    """Refuse half a range, and a value (``key``) outside of it. Raises CellError."""
    if (low is None) != (high is None):
        raise CellError("low" if low is None else "high", "both ends of the range, or neither")
    if low is not None and high is not None and not low <= value <= high:
        raise CellError(key, f"a value from low ({low:g}) to high ({high:g})")


class HandledReach(Reach):
    """What acts on one handle: of the model for people, or of policy for measures."""

    handle: str
    measures: Words | None = None  # of policy handles only


class Number(Entry):
    """A central value with a range; without the range it is certain."""

    central: Annotated[float, Field(ge=0.0, le=1e6)]
    low: Annotated[float | None, Field(ge=0.0, le=1e6)] = None
    high: Annotated[float | None, Field(ge=0.0, le=1e6)] = None
    source: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Number:
        check_order(self.low, self.central, self.high, "central")
        return self


@dataclass(frozen=True)
class Known:
    """Names that entries may use, from the catalogue."""

    handles: tuple[str, ...]
    products: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]  # products that each word stands for
    readers: Mapping[str, tuple[str, ...]]  # products on which each handle acts
    scopes: Mapping[str, str]
    units: Mapping[str, str]  # multiplier or level
    sources: tuple[str, ...]
    indicators: tuple[str, ...]
    unions: tuple[str, ...]
    counted: tuple[str, ...]  # groups of transitions


def known_names(catalogue: Catalogue) -> Known:
    """Names of a catalogue, looked up once."""
    products = catalogue.products
    return Known(
        handles=tuple(row.id for row in catalogue.handles),
        products=tuple(row.id for row in products),
        names=product_names([row.id for row in products], [row.kind for row in products]),
        readers={row.id: reading_products(catalogue, row.id) for row in catalogue.handles},
        scopes={row.id: row.scope for row in catalogue.handles},
        units={row.id: row.unit for row in catalogue.handles},
        sources=tuple(row.id for row in catalogue.sources),
        indicators=tuple(row.id for row in catalogue.indicators),
        unions=tuple(row.id for row in catalogue.unions),
        counted=tuple(dict.fromkeys(row.counts for row in catalogue.flows if row.counts)),
    )


def check_reach(reach: Reach, document: Document, place: Place, known: Known) -> None:
    """Refuse unknown products and ages out of order. Raises InputError."""
    for i, name in enumerate(reach.products):
        one_of(document, (*place, "products", i), name, list(known.names), "product")
    low, high = reach.ages
    if (low is not None and low < 0) or (high is not None and high < (low or 0)):
        allowed = "first and last year of age; null for no limit"
        where = (*place, "ages")
        raise refusal(document, where, "the ages are out of order", reach.ages, allowed)


def check_source(source: str | None, document: Document, place: Place, known: Known) -> None:
    """Refuse a source that the table of sources lacks. Raises InputError."""
    if source is not None:
        one_of(document, (*place, "source"), source, known.sources, "source")


def check_month(document: Document, place: Place, month: str, first: str) -> None:
    """Refuse a month before ``first`` or after the last that can be run. Raises InputError."""
    last = f"{LAST_YEAR}-12"
    if not month_number(first) <= month_number(month) <= month_number(last):
        message = "the month is out of range"
        raise refusal(document, place, message, month, f"{first} to {last}")


def first_month() -> str:
    """The first month of a run."""
    return f"{FIRST_YEAR}-01"
