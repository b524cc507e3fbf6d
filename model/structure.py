"""From the catalogue to index arrays: which states and flows each product has, and who reads what.

Nothing here depends on a draw. States and flows of all products are numbered through; ``starts``
arrays give the slice of each product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.catalogue import OUTSIDE, REPORTED, Catalogue, FlowRow, ProductRow, StateRow
from model.errors import InputError
from model.parameters import Draws
from model.vocabulary import coupling_prefix

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Text = npt.NDArray[np.str_]

TREND, SOCIAL, REPUTATION, COUPLED, ADMISSION, PRICED, BURDENED, FADING = (
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    128,
)
_FLAGS = {
    "trend": TREND,
    "social": SOCIAL,
    "reputation": REPUTATION,
    "price": PRICED,
    "price_fading": FADING,
    "mental_health": BURDENED,
}
NOBODY = -1  # origin or destination outside the model; a flow without a counter; no service


class Wiring(NamedTuple):
    """Index arrays that the kernel reads. P products, Z states, F flows, C counters in all.

    ``handles`` (n,) and ``couplings`` (K,) run over the flows, cut by their starts.
    """

    state_start: Int  # (P+1,)
    flow_start: Int  # (P+1,)
    counter_start: Int  # (P+1,)
    origin: Int  # (F,) state within the product, or NOBODY
    destination: Int  # (F,)
    flags: Int  # (F,)
    counter: Int  # (F,) counter in all, or NOBODY
    handle_start: Int  # (F+1,)
    handles: Int  # handle ids of the flows, one after another
    coupling_start: Int  # (F+1,)
    couplings: Int  # upstream products of the flows
    using: Int  # (Z,) 1 where people count as using
    harmed: Int  # (Z,) 1 where people have a disorder now
    waiting_service: Int  # (Z,) service people wait for, or NOBODY
    treating_service: Int  # (Z,) service people are treated by, or NOBODY
    deadly: Int  # (Z,) 1 where people may have excess mortality
    asks: Int  # (F,) service that the flow's people ask for, or NOBODY
    leaves: Int  # (F,) service that the flow's people leave treatment of, or NOBODY
    capacity_handle: int
    entry_handle: int
    mortality_handle: int
    overdose_handle: int
    fatality_handle: int
    burden_handle: int


@dataclass(frozen=True)
class Structure:
    """Names beside the wiring. Arrays run over states, flows or counters in all.

    ``product_of_state`` (Z,), ``product_of_flow`` (F,).
    """

    products: tuple[str, ...]
    kinds: tuple[str, ...]
    markets: tuple[str | None, ...]
    services: tuple[str, ...]
    handles: tuple[str, ...]
    neutral: Float  # (H,) value of an idle handle: 1 for a multiplier, 0 for a level
    scopes: tuple[str, ...]  # (H,) strata, region or nation
    states: tuple[StateRow, ...]
    flows: tuple[FlowRow, ...]
    counters: tuple[tuple[str, str], ...]  # (product, group)
    reported: Int  # (Z,) index in REPORTED
    product_of_state: Int
    product_of_flow: Int
    wiring: Wiring

    def counters_of(self, group: str) -> dict[str, int]:
        """Counter index by product for one group of flows."""
        return {product: i for i, (product, name) in enumerate(self.counters) if name == group}


def build_structure(catalogue: Catalogue, draws: Draws) -> Structure:
    """Number the states, flows and counters of all products. Raises InputError.

    ``draws`` says which couplings between products are given.
    """
    services = tuple(row.id for row in catalogue.services)
    handles = tuple(row.id for row in catalogue.handles)
    products = tuple(row.id for row in catalogue.products)
    parts = [_number(catalogue, product, services) for product in catalogue.products]
    numbered = list(zip(catalogue.products, parts, strict=True))
    couplings = [
        _upstream(flow, product, products, draws)
        for product, part in numbered
        for flow in part.flows
    ]
    states = tuple(row for part in parts for row in part.states)
    return Structure(
        products=products,
        kinds=tuple(row.kind for row in catalogue.products),
        markets=tuple(row.market for row in catalogue.products),
        services=services,
        handles=handles,
        neutral=np.array([0.0 if row.unit == "level" else 1.0 for row in catalogue.handles]),
        scopes=tuple(row.scope for row in catalogue.handles),
        states=states,
        flows=tuple(flow for part in parts for flow in part.flows),
        counters=tuple((product.id, group) for product, part in numbered for group in part.groups),
        reported=_int([REPORTED.index(row.reported) for row in states]),
        product_of_state=np.repeat(np.arange(len(parts)), [len(part.states) for part in parts]),
        product_of_flow=np.repeat(np.arange(len(parts)), [len(part.flows) for part in parts]),
        wiring=_wire(parts, couplings, handles),
    )


def _wire(parts: list[_Part], couplings: list[list[int]], handles: tuple[str, ...]) -> Wiring:
    states = [row for part in parts for row in part.states]
    flows = [flow for part in parts for flow in part.flows]
    named = [(flow.handles or "").split() for flow in flows]
    counter_start = _offsets([len(part.groups) for part in parts])
    counter = [
        NOBODY if flow.counts is None else start + part.groups.index(flow.counts)
        for part, start in zip(parts, counter_start, strict=False)
        for flow in part.flows
    ]
    harmed = ("problematic", "waiting", "treatment")
    return Wiring(
        state_start=_offsets([len(part.states) for part in parts]),
        flow_start=_offsets([len(part.flows) for part in parts]),
        counter_start=counter_start,
        origin=_int([at for part in parts for at in part.origin]),
        destination=_int([at for part in parts for at in part.destination]),
        flags=_int([_flags(f, found) for f, found in zip(flows, couplings, strict=True)]),
        counter=_int(counter),
        handle_start=_offsets([len(names) for names in named]),
        handles=_int([handles.index(name) for names in named for name in names]),
        coupling_start=_offsets([len(found) for found in couplings]),
        couplings=_int([k for found in couplings for k in found]),
        using=_int([row.using == "yes" for row in states]),
        harmed=_int([row.reported in harmed for row in states]),
        waiting_service=_int([k for part in parts for k in part.waiting]),
        treating_service=_int([k for part in parts for k in part.treating]),
        deadly=_int([row.mortality is not None for row in states]),
        asks=_int([k for part in parts for k in part.asks]),
        leaves=_int([k for part in parts for k in part.leaves]),
        capacity_handle=handles.index("capacity"),
        entry_handle=handles.index("entry_time"),
        mortality_handle=handles.index("mortality"),
        overdose_handle=handles.index("overdose"),
        fatality_handle=handles.index("overdose_fatality"),
        burden_handle=handles.index("mental_health"),
    )


@dataclass(frozen=True)
class _Part:
    """States and flows of one product, numbered within it."""

    states: list[StateRow]
    flows: list[FlowRow]
    groups: list[str]
    origin: list[int]
    destination: list[int]
    waiting: list[int]  # by state
    treating: list[int]
    asks: list[int]  # by flow
    leaves: list[int]


def _number(catalogue: Catalogue, product: ProductRow, services: tuple[str, ...]) -> _Part:
    states = catalogue.states_of(product)
    index = {row.state: i for i, row in enumerate(states)} | {OUTSIDE: NOBODY}
    # Sorted by destination: the kernel adds flows with one destination together.
    flows = sorted(catalogue.flows_of(product), key=lambda flow: index[flow.destination])
    origin = [index[flow.origin] for flow in flows]
    destination = [index[flow.destination] for flow in flows]
    waiting, treating = [], []
    for row in states:
        name = product.service if row.service == "own" else row.service
        at = NOBODY if name is None else services.index(name)
        waiting.append(at if row.reported == "waiting" else NOBODY)
        treating.append(at if row.reported == "treatment" else NOBODY)
    asks, leaves = [], []
    for come, go in zip(origin, destination, strict=True):
        inside = come != NOBODY and go != NOBODY
        asks.append(waiting[go] if inside else NOBODY)
        treated = treating[come] if come != NOBODY else NOBODY
        stays = inside and treating[go] == treated
        leaves.append(NOBODY if stays else treated)
    groups = list(dict.fromkeys(flow.counts for flow in flows if flow.counts is not None))
    return _Part(states, flows, groups, origin, destination, waiting, treating, asks, leaves)


def _int(values: object) -> Int:
    return np.asarray(values, dtype=np.int64)


def _offsets(lengths: list[int]) -> Int:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _flags(flow: FlowRow, couplings: list[int]) -> int:
    flags = ADMISSION if flow.hazard == "admission" else 0
    flags |= COUPLED if couplings else 0
    for modifier in (flow.modifiers or "").split():
        flags |= _FLAGS.get(modifier, 0)
    return flags


def _upstream(
    flow: FlowRow, product: ProductRow, products: tuple[str, ...], draws: Draws
) -> list[int]:
    """Products whose use in the stratum multiplies this flow's hazard."""
    if "coupling" not in (flow.modifiers or "").split():
        return []
    prefix = coupling_prefix(flow.family)
    found = []
    for name in sorted(draws.names(product.id, product.kind)):
        if not name.startswith(prefix):
            continue
        upstream = name.removeprefix(prefix)
        if upstream not in products:
            row = draws.find(product.id, product.kind, name)[0]
            raise InputError(
                "the coupling names an unknown product",
                file=row.file,
                line=row.line,
                key="parameter",
                given=name,
                allowed=[prefix + other for other in products],
            )
        found.append(products.index(upstream))
    return found
