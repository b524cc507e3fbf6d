"""Handles: the points where history and scenarios act, and the products that each one reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.errors import InputError

if TYPE_CHECKING:
    from model.catalogue import Catalogue, HandleRow, ProductRow

# The logarithm or the inverse of these is taken: 0 has no meaning for them.
NEVER_ZERO = {
    "price": 0.01,
    "entry_time": 0.01,
    "supply_cost": 0.01,
    "police_effort": 0.01,
    "purity": 0.01,
}
_MODIFIER = {"priced": "price", "burdened": "mental_health"}
_PREFIXES = ("market:", "parameter:")
WORDS = ("flows", "priced", "burdened", "care", "deadly")


def product_names(products: Sequence[str], kinds: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What ``products`` of a change may name, and the product ids that each name stands for."""
    names: dict[str, tuple[str, ...]] = {product: (product,) for product in products}
    for kind in dict.fromkeys(kinds):
        of_kind = [p for p, other in zip(products, kinds, strict=True) if other == kind]
        names[f"kind:{kind}"] = tuple(of_kind)
    return names | {"all": tuple(products)}


def reading_products(catalogue: Catalogue, handle: str) -> tuple[str, ...]:
    """Products on which ``handle`` acts (column acts_on of handles.csv), in catalogue order."""
    row = next(row for row in catalogue.handles if row.id == handle)
    found: set[str] = set()
    for word in row.acts_on.split():
        found |= _reached(catalogue, handle, word)
    return tuple(product.id for product in catalogue.products if product.id in found)


def _reached(catalogue: Catalogue, handle: str, word: str) -> set[str]:
    products = catalogue.products
    if word.startswith("market:"):
        return {p.id for p in products if p.market == word.removeprefix("market:")}
    if word.startswith("parameter:"):
        name = word.removeprefix("parameter:")
        owners = {row.product for row in catalogue.parameters if row.parameter == name}
        return {p.id for p in products if not owners.isdisjoint({p.id, f"kind:{p.kind}", "*"})}
    return {p.id for p in products if _has(catalogue, handle, word, p)}


def _has(catalogue: Catalogue, handle: str, word: str, product: ProductRow) -> bool:
    if word == "care":
        states = catalogue.states_of(product)
        return any(state.reported == "treatment" and state.service for state in states)
    if word == "deadly":
        return any(state.mortality for state in catalogue.states_of(product))
    flows = catalogue.flows_of(product)
    if word == "flows":
        return any(handle in (flow.handles or "").split() for flow in flows)
    return any(_MODIFIER[word] in (flow.modifiers or "").split() for flow in flows)


def check_handles(rows: Sequence[HandleRow]) -> None:
    """Refuse handles that say in unknown words where they act. Raises InputError."""
    for row in rows:
        for word in row.acts_on.split():
            if word not in WORDS and not word.startswith(_PREFIXES):
                raise InputError(
                    "unknown word for where a handle acts",
                    file=row.file,
                    line=row.line,
                    key="acts_on",
                    given=word,
                    allowed=[*WORDS, "market:illicit", "market:legal", "parameter:NAME"],
                )
