"""The catalogue: every table that defines the model, read and checked as one.

A user's folder (``--catalogue DIR``) holds tables of the same names and columns. Its rows are
added; a row with the identity of a shipped row replaces it. Nothing else is needed to add a
product, a flow or a parameter.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from model.agents.terms import OWNER as AGENTS
from model.agents.terms import Terms
from model.errors import InputError
from model.events import HistoryRow, check_history
from model.handles import check_handles
from model.parameters import SELECTORS, ParameterRow, check_parameters
from model.reading import TableRow, read_rows
from model.vocabulary import known_parameters

TABLES = Path(__file__).parent / "tables"

REPORTED = (
    "never",
    "occasional",
    "problematic",
    "waiting",
    "treatment",
    "recovery",
    "former",
)
MODIFIERS = (
    "age",
    "sex",
    "region",
    "deprivation",
    "mental_health",
    "trend",
    "social",
    "reputation",
    "price",
    "price_fading",
    "coupling",
)
OUTSIDE = "outside"

Reported = Literal[
    "never", "occasional", "problematic", "waiting", "treatment", "recovery", "former"
]
YesNo = Literal["yes", "no"]


class ProductRow(TableRow):
    """A substance or behaviour; ``modules`` name the states and flows that it has."""

    id: str
    name: str
    kind: Literal["legal", "illegal", "medicine", "behaviour", "other"]
    mode: Literal["calibrated", "scenario-only"]
    modules: str
    service: str | None
    market: Literal["illicit", "legal"] | None
    why: str | None
    source: str


class UnionRow(TableRow):
    """People in at least one of the member products (counts are summed)."""

    id: str
    name: str
    members: str
    source: str


class StateRow(TableRow):
    """A substate of a module and the reported state that it counts towards."""

    module: str
    state: str
    reported: Reported
    using: YesNo
    mortality: str | None
    overdose: str | None
    last_month: str | None
    daily: str | None
    service: str | None
    note: str | None
    source: str


class FlowRow(TableRow):
    """A transition: hazard per person per year, or persons per year for ``amount``."""

    id: str
    module: str
    origin: str
    destination: str
    hazard: Literal["rate", "admission", "amount"]
    family: str
    rates: str | None
    handles: str | None
    modifiers: str | None
    counts: str | None
    note: str | None
    source: str


class ServiceRow(TableRow):
    """A kind of care with places and waiting lists in each region."""

    id: str
    name: str
    note: str | None
    source: str


class HandleRow(TableRow):
    """A point where a scenario may act on the model."""

    id: str
    unit: Literal["multiplier", "level"]
    scope: Literal["strata", "region", "nation"]
    acts_on: str
    worse: Literal["up", "down"]
    reads: str
    meaning: str
    source: str


class IndicatorRow(TableRow):
    """A measure that results hold; ``union`` says how unions of products are formed.

    One of reach ``nation`` stands for the whole country only and is missing for parts of it.
    """

    id: str
    name: str
    unit: str
    kind: Literal["stock", "share", "ratio", "count", "mean", "total", "amount", "money", "index"]
    union: Literal["people", "sum", "none"]
    reach: Literal["people", "nation"]
    definition: str
    source: str


class SourceRow(TableRow):
    """Where a number or a statement comes from."""

    id: str
    title: str
    publisher: str | None
    year: str | None
    where: str | None
    licence: str | None


AnyRow = TypeVar("AnyRow", bound=TableRow)


@dataclass(frozen=True)
class Catalogue:
    """All tables of the model, checked against each other."""

    products: tuple[ProductRow, ...]
    unions: tuple[UnionRow, ...]
    states: tuple[StateRow, ...]
    flows: tuple[FlowRow, ...]
    services: tuple[ServiceRow, ...]
    handles: tuple[HandleRow, ...]
    indicators: tuple[IndicatorRow, ...]
    parameters: tuple[ParameterRow, ...]
    sources: tuple[SourceRow, ...]
    history: tuple[HistoryRow, ...] = ()
    folder: Path | None = None

    def product(self, product: str) -> ProductRow:
        """The row of one product; InputError names the known ones."""
        for row in self.products:
            if row.id == product:
                return row
        raise InputError("unknown product", given=product, allowed=[p.id for p in self.products])

    def states_of(self, product: ProductRow) -> list[StateRow]:
        """States of a product in reported order; a state named by two modules counts once."""
        modules = product.modules.split()
        found: dict[str, StateRow] = {}
        for row in self.states:
            if row.module in modules:
                found.setdefault(row.state, row)
        return sorted(found.values(), key=lambda row: REPORTED.index(row.reported))

    def flows_of(self, product: ProductRow) -> list[FlowRow]:
        """Flows of a product in table order."""
        modules = product.modules.split()
        return [row for row in self.flows if row.module in modules]


# Columns that identify a row: a user's row with the same ones replaces the shipped row.
_IDENTITY: dict[type[TableRow], tuple[str, ...]] = {
    StateRow: ("module", "state"),
    ParameterRow: ("product", "parameter", *SELECTORS),
    HistoryRow: ("id", "start"),
}


def _identity(row: TableRow) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _IDENTITY.get(type(row), ("id",)))


def _unique(rows: Sequence[AnyRow]) -> dict[object, AnyRow]:
    found: dict[object, AnyRow] = {}
    for row in rows:
        key = _identity(row)
        if key in found:
            raise InputError(
                "the row stands twice in one table",
                file=row.file,
                line=row.line,
                given=str(key),
                allowed=f"one row (the other is line {found[key].line})",
            )
        found[key] = row
    return found


def _table(name: str, row: type[AnyRow], folder: Path | None) -> tuple[AnyRow, ...]:
    rows = _unique(read_rows(TABLES / name, row))
    if folder is not None and (folder / name).exists():
        rows |= _unique(read_rows(folder / name, row))
    return tuple(rows.values())


TABLE_ROWS: dict[str, type[TableRow]] = {
    "products": ProductRow,
    "unions": UnionRow,
    "states": StateRow,
    "flows": FlowRow,
    "services": ServiceRow,
    "handles": HandleRow,
    "indicators": IndicatorRow,
    "parameters": ParameterRow,
    "sources": SourceRow,
    "history": HistoryRow,
}


# What a user's folder may hold for the rooms above this one.
BESIDES = ("levers", "trends", "futures", "texts", "rules.yaml", "blocks.yaml")


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read the shipped tables, then those of ``folder``; check them against each other.

    Raises InputError with file, line, key, the value given and what is allowed.
    """
    if folder is not None:
        if not folder.is_dir():
            raise InputError("the catalogue is not a folder", given=str(folder))
        allowed = [*(f"{name}.csv" for name in TABLE_ROWS), *BESIDES]
        for path in sorted(folder.iterdir()):
            if path.name not in allowed and not path.name.startswith((".", "README")):
                raise InputError("unknown catalogue file", file=str(path), allowed=allowed)
    catalogue = Catalogue(
        products=_table("products.csv", ProductRow, folder),
        unions=_table("unions.csv", UnionRow, folder),
        states=_table("states.csv", StateRow, folder),
        flows=_table("flows.csv", FlowRow, folder),
        services=_table("services.csv", ServiceRow, folder),
        handles=_table("handles.csv", HandleRow, folder),
        indicators=_table("indicators.csv", IndicatorRow, folder),
        parameters=_table("parameters.csv", ParameterRow, folder),
        sources=_table("sources.csv", SourceRow, folder),
        history=_table("history.csv", HistoryRow, folder),
        folder=folder,
    )
    _check(catalogue)
    return catalogue


def _refuse(row: TableRow, key: str, given: object, allowed: Iterable[str], what: str) -> None:
    raise InputError(
        what, file=row.file, line=row.line, key=key, given=given, allowed=sorted(set(allowed))
    )


def _check(catalogue: Catalogue) -> None:
    sources = {row.id for row in catalogue.sources}
    for table in (
        catalogue.products,
        catalogue.unions,
        catalogue.states,
        catalogue.flows,
        catalogue.services,
        catalogue.handles,
        catalogue.indicators,
        catalogue.parameters,
        catalogue.history,
    ):
        for row in table:
            if row.source not in sources:
                _refuse(row, "source", row.source, sources, "unknown source")
    modules = {row.module for row in catalogue.states}
    services = {row.id for row in catalogue.services}
    products = {row.id for row in catalogue.products}
    for product in catalogue.products:
        for module in product.modules.split():
            if module not in modules:
                _refuse(product, "modules", module, modules, "unknown module")
        if product.service is not None and product.service not in services:
            _refuse(product, "service", product.service, services, "unknown service")
        if product.mode == "scenario-only" and product.why is None:
            _refuse(product, "why", None, ["why the figures cannot identify it"], "a reason lacks")
        _check_states(catalogue, product)
    for union in catalogue.unions:
        for member in union.members.split():
            if member not in products:
                _refuse(union, "members", member, products, "unknown product")
        if union.id in products:
            _refuse(union, "id", union.id, ["an id that no product has"], "the id is taken")
    _check_flows(catalogue, modules)
    check_handles(catalogue.handles)
    kinds = {f"kind:{row.kind}" for row in catalogue.products}
    owners = products | services | kinds | {row.id for row in catalogue.unions} | {"*", AGENTS}
    check_parameters(catalogue.parameters, owners)
    read = known_parameters(catalogue.flows, catalogue.states, products)
    for parameter in catalogue.parameters:
        known = set(Terms._fields) if parameter.product == AGENTS else read
        if parameter.parameter not in known and not _couples(parameter.parameter):
            near = difflib.get_close_matches(parameter.parameter, known, 5) or sorted(known)
            _refuse(
                parameter, "parameter", parameter.parameter, near, "nothing reads this parameter"
            )
    check_history(catalogue)


def _couples(name: str) -> bool:
    """Couplings are checked, with a better message, where the flows are wired."""
    return "coupling_" in name


def _check_states(catalogue: Catalogue, product: ProductRow) -> None:
    states = catalogue.states_of(product)
    if sum(row.reported == "never" for row in states) != 1:
        given = [row.state for row in states]
        _refuse(product, "modules", given, ["exactly one never state"], "no single never state")
    names = {row.state for row in states}
    services = {row.id for row in catalogue.services} | {"own"}
    for row in states:
        if row.service is not None and row.service not in services:
            _refuse(row, "service", row.service, services, "unknown service")
        if row.service == "own" and product.service is None:
            allowed = services - {"own"}
            _refuse(product, "service", None, allowed, "a product with care needs a service")
    for flow in catalogue.flows_of(product):
        for key, state in (("origin", flow.origin), ("destination", flow.destination)):
            if state not in names and state != OUTSIDE:
                what = f"the flow names a state that the product {product.id} lacks"
                _refuse(flow, key, state, [*names, OUTSIDE], what)


def _check_flows(catalogue: Catalogue, modules: set[str]) -> None:
    handles = {row.id for row in catalogue.handles}
    waiting = {row.state for row in catalogue.states if row.reported == "waiting"}
    for flow in catalogue.flows:
        if flow.module not in modules:
            _refuse(flow, "module", flow.module, modules, "unknown module")
        for handle in (flow.handles or "").split():
            if handle not in handles:
                _refuse(flow, "handles", handle, handles, "unknown handle")
        for modifier in (flow.modifiers or "").split():
            if modifier not in MODIFIERS:
                _refuse(flow, "modifiers", modifier, MODIFIERS, "unknown modifier")
        if flow.origin == flow.destination:
            _refuse(flow, "destination", flow.destination, ["another state"], "no transition")
        if (flow.hazard == "amount") != (flow.origin == OUTSIDE):
            allowed = ["amount with origin outside", "rate or admission otherwise"]
            _refuse(flow, "hazard", flow.hazard, allowed, "only entries from outside are amounts")
        if flow.hazard == "admission" and flow.origin not in waiting:
            _refuse(flow, "origin", flow.origin, waiting, "only waiting people are admitted")
        if flow.hazard != "admission" and flow.rates is None:
            _refuse(flow, "rates", None, ["names of parameters"], "a flow needs a rate")
