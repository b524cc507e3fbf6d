"""The rules of ``errors.csv``: which number holds for a figure.

A row gives a number or a name to one quantity for the figures that all its selectors fit; an empty
selector fits every figure. Of one quantity (and, for breaks, of one name) the first row that fits
holds. Cells of selectors list alternatives, separated by spaces; ``*`` and ``[...]`` stand for
text as in file names, ``kind:illegal`` for the products of that kind (unions by their members).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from calibration.figures import LARGE_SITES, Figure, PopulationKind
from model.catalogue import Catalogue
from model.errors import InputError
from model.reading import TableRow, read_rows
from model.strata import COUNTRY

NAMED = ("family",)
"""Quantities that need a name and no number."""
OPTIONAL = ("series", "break")
"""Quantities that need not have a row for every figure; all others end with one that fits all."""
FAMILIES = ("health survey", "pupils and panels", "wastewater", "registers", "other")
ADULT_START, ADULT_END = 18, 60
"""Ages "adults": from at most the first year to at least the last; all others are a "band"."""

Quantity = Literal[
    "family",
    "series",
    "asked",
    "asked_from",
    "asked_to",
    "asked_share",
    "design",
    "spread",
    "wave",
    "wave_product",
    "wave_indicator",
    "offset",
    "offset_place",
    "offset_sex",
    "offset_ages",
    "anchor",
    "row",
    "walk",
    "walk_group",
    "slope",
    "pivot",
    "break",
]
SHARES = ("wave_product", "wave_indicator", "anchor", "asked_share")
POSITIVE = ("asked", "asked_to", "asked_share", "design", "wave", "pivot")
PLACES = ("nation", "region", "large_site", "small_site")
SEXES = ("all", "male", "female")
AGES = ("adults", "band")
SELECTORS = ("sources", "kinds", "products", "indicators", "places", "sexes", "ages", "years")


class RuleRow(TableRow):
    """One rule: ``value`` (or ``name``) of a quantity for the figures that the selectors fit.

    ``years``: one year, "2013-" or "2010-2015". ``grade``: fitted (in a trial fit), source (read
    in one) or judgement.
    """

    quantity: Quantity
    sources: str | None
    kinds: str | None
    products: str | None
    indicators: str | None
    places: str | None
    sexes: str | None
    ages: str | None
    years: str | None
    name: str | None
    value: float | None = Field(ge=0)
    grade: Literal["fitted", "source", "judgement"]
    note: str | None

    def allows(self, selector: str, traits: Sequence[str]) -> bool:
        """Whether the cell of ``selector`` is empty or fits one of ``traits``."""
        cell: str | None = getattr(self, selector)
        if cell is None:
            return True
        return any(fnmatchcase(trait, token) for token in cell.split() for trait in traits)


@dataclass(frozen=True)
class Rules:
    """All rules in file order, by quantity; ``kinds`` of each product and union."""

    path: Path
    rows: Mapping[str, tuple[RuleRow, ...]]
    kinds: Mapping[str, tuple[str, ...]]

    def of(self, figure: Figure) -> FigureRules:
        """The rules that hold for ``figure``."""
        return FigureRules(self, figure)


@dataclass(frozen=True)
class FigureRules:
    """The rules as one figure sees them."""

    rules: Rules
    figure: Figure

    def _fits(self, row: RuleRow) -> bool:
        figure = self.figure
        product = (figure.product, *(f"kind:{k}" for k in self.rules.kinds[figure.product]))
        traits = {
            "sources": (figure.source,),
            "kinds": (figure.population_kind,),
            "products": product,
            "indicators": (figure.indicator,),
            "places": (_place(figure),),
            "sexes": (figure.sex,),
            "ages": (_ages(figure),),
        }
        return _in_years(row, figure.year) and all(
            row.allows(selector, found) for selector, found in traits.items()
        )

    def _first(self, quantity: Quantity) -> RuleRow | None:
        return next((row for row in self.rules.rows.get(quantity, ()) if self._fits(row)), None)

    def value(self, quantity: Quantity) -> float:
        """The number of ``quantity``, in its unit; the table has one for every figure."""
        row = self._first(quantity)
        assert row is not None  # checked when the table was read, as is the number
        assert row.value is not None
        return row.value

    def name(self, quantity: Quantity) -> str:
        """The name that ``quantity`` has here; empty where no rule fits."""
        row = self._first(quantity)
        return "" if row is None else row.name or ""

    def labelled(self, quantity: Quantity) -> dict[str, float]:
        """The number, in its unit, of each name of ``quantity``.

        The first rule of that name that fits counts.
        """
        found: dict[str, float] = {}
        for row in self.rules.rows.get(quantity, ()):
            if row.name is not None and row.name not in found and self._fits(row):
                found[row.name] = row.value or 0.0
        return found


def load_rules(path: Path, catalogue: Catalogue) -> Rules:
    """The rules at ``path``, checked. Raises InputError for the first rule that is wrong."""
    rows = read_rows(path, RuleRow)
    kinds = _kinds(catalogue)
    allowed: dict[str, Sequence[str]] = {
        "products": list(kinds),
        "indicators": [row.id for row in catalogue.indicators],
        "kinds": get_args(PopulationKind),
        "places": PLACES,
        "sexes": SEXES,
        "ages": AGES,
    }
    centres: dict[str | None, float | None] = {}
    for row in rows:
        _check_selectors(row, allowed, kinds)
        _check_number(row)
        if row.quantity == "wave" and centres.setdefault(row.name, row.value) != row.value:
            given = f"{centres[row.name]}, as in the first rule of this name"
            raise _refuse(row, "a wave group has one centre", "value", row.value, given)
    by_quantity = {
        quantity: tuple(row for row in rows if row.quantity == quantity)
        for quantity in get_args(Quantity)
    }
    for quantity, own in by_quantity.items():
        if quantity not in OPTIONAL and not (
            own and all(getattr(own[-1], selector) is None for selector in SELECTORS)
        ):
            raise InputError(
                "no rule holds for every figure",
                file=str(path),
                key="quantity",
                given=quantity,
                allowed="a last row of each quantity with empty selectors",
            )
    return Rules(path, by_quantity, kinds)


def _kinds(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Kinds of each product; a union has the kind that all its members share, if they do."""
    found: dict[str, tuple[str, ...]] = {row.id: (row.kind,) for row in catalogue.products}
    for union in catalogue.unions:
        kinds = {kind for member in union.members.split() for kind in found[member]}
        found[union.id] = tuple(kinds) if len(kinds) == 1 else ()
    return found


def _check_selectors(
    row: RuleRow, allowed: Mapping[str, Sequence[str]], kinds: Mapping[str, Sequence[str]]
) -> None:
    known_kinds = {f"kind:{kind}" for found in kinds.values() for kind in found}
    for selector, names in allowed.items():
        for token in (getattr(row, selector) or "").split():
            every = [*names, *known_kinds] if selector == "products" else names
            if not any(fnmatchcase(name, token) for name in every):
                raise _refuse(row, "the selector fits nothing", selector, token, sorted(every))
    if row.years is not None and _span(row.years) is None:
        given = 'a year, "2013-" or "2010-2015"'
        raise _refuse(row, "the years are malformed", "years", row.years, given)


def _check_number(row: RuleRow) -> None:
    if row.quantity in (*NAMED, "series", "wave", "break") and row.name is None:
        raise _refuse(row, "the rule needs a name", "name", None, "a name")
    if row.quantity == "family" and row.name not in FAMILIES:
        raise _refuse(row, "unknown family", "name", row.name, FAMILIES)
    if row.quantity in (*NAMED, "series"):
        return
    if row.value is None:
        raise _refuse(row, "the rule needs a number", "value", None, "a number")
    if row.quantity in SHARES and row.value > 1.0:
        raise _refuse(row, "a share is above 1", "value", row.value, "0 to 1")
    if row.quantity in POSITIVE and row.value <= 0.0:
        raise _refuse(row, "the number is not positive", "value", row.value, "above 0")


def _refuse(
    row: RuleRow, message: str, key: str, given: object, allowed: str | Sequence[str]
) -> InputError:
    return InputError(
        message,
        file=row.file,
        line=row.line,
        key=key,
        given="(empty)" if given is None else given,
        allowed=allowed,
    )


def _place(figure: Figure) -> str:
    if figure.population_kind == "sewershed":
        return "large_site" if figure.region in LARGE_SITES else "small_site"
    return "nation" if figure.region == COUNTRY else "region"


def _ages(figure: Figure) -> str:
    start, end = figure.age_min or 0, figure.age_max
    return "adults" if start <= ADULT_START and (end is None or end >= ADULT_END) else "band"


def _span(years: str) -> tuple[int, int] | None:
    first, dash, last = years.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    return int(first), int(last) if last else 9999 if dash else int(first)


def _in_years(row: RuleRow, year: int | None) -> bool:
    span = None if row.years is None else _span(row.years)
    return span is None or (year is not None and span[0] <= year <= span[1])
