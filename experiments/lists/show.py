"""``drugfutures show``: the tables of the model and of the figures, whole or one row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console, RenderableType

from calibration.series import names_of
from experiments.lists import show_levers
from experiments.lists.listing import ASSUMED, Entry, listed, one, sources_in_full, text_of, unknown
from experiments.lists.show_figures import figures, indicators
from model.catalogue import (
    Catalogue,
    FlowRow,
    HandleRow,
    ProductRow,
    StateRow,
    load_catalogue,
)
from model.errors import InputError
from model.events import HistoryRow
from model.parameters import ParameterRow


def show(topic: str, chosen: str | None, folder: Path | None, console: Console) -> None:
    """Print a topic, or the rows of it that ``chosen`` names. Raises InputError."""
    catalogue = load_catalogue(folder)
    for part in TOPICS[topic](catalogue, chosen):
        console.print(part)


def _products(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = [*catalogue.products, *catalogue.unions]
    if chosen is not None:
        return one("products", chosen, rows, list(names_of(catalogue)), catalogue)
    products = [
        (
            (row.id, row.name),
            (
                f"{row.kind}, {row.mode}" + (f": {row.why}" if row.why else ""),
                f"states and flows: {row.modules}",
                f"service: {row.service or 'none'}",
                f"source: {row.source}",
            ),
        )
        for row in catalogue.products
    ]
    unions = [
        ((row.id, row.name), (row.members, f"source: {row.source}")) for row in catalogue.unions
    ]
    note = (
        "calibrated: there are figures to calibrate it with, and the posterior is fitted to them. "
        "scenario-only: too few figures to be calibrated; its draws come from the priors."
    )
    return [
        listed("Products", products, note),
        listed("Unions: people in at least one member", unions),
    ]


def _parameters(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.parameters)
    if chosen is not None:
        rows = _read_by(catalogue, chosen)
        if not rows:
            owned = [row.product for row in catalogue.parameters]
            named = [row.parameter for row in catalogue.parameters]
            raise unknown("parameters", chosen, [*names_of(catalogue), *owned, *named])
    learnt, about = _learnt(catalogue)
    entries = [
        (
            (_named(row), row.product),
            (
                _valued(row),
                f"{_graded(row.evidence)}, {row.role}; source: {row.source}",
                learnt(row, _product(catalogue, chosen)),
                row.note or "",
            ),
        )
        for row in rows
    ]
    note = (
        "The value is the median of the prior, the range its 2.5% and 97.5% points before "
        "widening. '*' stands for every product and 'kind:...' for one kind; the most specific "
        f"row counts. assumed: no evidence was found, the range is ours. {about}"
    )
    return [listed("Parameters", entries, note)]


def _learnt(
    catalogue: Catalogue,
) -> tuple[Callable[[ParameterRow, ProductRow | None], str], str]:
    """What the posterior learnt of a row, of one product or of all that read it; about this."""
    from calibration.posterior import LEARNT_FROM, check_fresh, load

    try:
        posterior = load()
    except InputError as error:
        return (lambda row, product: ""), f"What was learnt is not known: {error.message}."
    about = (
        f"From the figures (posterior of {posterior.made}): median and 95% interval of the "
        "posterior; learnt, with the contraction (1 - posterior variance / prior variance), or "
        f"assumed where it is below {LEARNT_FROM:g}: hardly narrower than the prior, if sometimes "
        "shifted."
    )
    try:
        check_fresh(posterior)
    except InputError:
        about += " This posterior is stale: tables, figures or the model changed since."
    known = posterior.contractions
    kinds = {row.id: row.kind for row in catalogue.products}
    apart = [row for row in catalogue.products if row.mode == "scenario-only"]

    column = dict(zip(posterior.keys, posterior.values.T, strict=True))

    def mark(key: str) -> str:
        number = known[key]
        told = f"learnt {number:.2f}" if number >= LEARNT_FROM else f"assumed ({number:.2f})"
        low, middle, high = np.quantile(column[key], (0.025, 0.5, 0.975))
        return f"{told}: {middle:.3g} ({low:.3g} to {high:.3g})"

    def learnt(row: ParameterRow, product: ProductRow | None) -> str:
        if row.distribution == "fixed":
            return ""
        rest = row.key.partition("/")[2]
        mine = row.key if product is None else f"{product.id}/{rest}"
        if mine in known or row.key in known:
            return f"from the figures: {mark(mine if mine in known else row.key)}"
        copies = [
            f"{name} {mark(f'{name}/{rest}')}"
            for name, kind in kinds.items()
            if product is None
            and row.product in (f"kind:{kind}", "*")
            and f"{name}/{rest}" in known
        ]
        if copies:
            return f"from the figures: {', '.join(copies)}; other products assumed"
        if _product(catalogue, row.product if product is None else product.id) in apart:
            return "from the figures: assumed (scenario-only product)"
        return "from the figures: assumed (no figure tells)" if row.role == "calibrated" else ""

    return learnt, about


def _read_by(catalogue: Catalogue, chosen: str) -> list[ParameterRow]:
    """Rows that a product reads (its own before its kind's before all), or of a name or owner."""
    rows = list(catalogue.parameters)
    product = _product(catalogue, chosen)
    if product is None:
        return [row for row in rows if chosen in (row.product, row.parameter)]
    owners = [chosen, f"kind:{product.kind}", "*"]
    services = {row.service for row in catalogue.states_of(product)} | {product.service}
    nearest: dict[str, int] = {}
    for row in rows:
        if row.product in owners:
            rank = owners.index(row.product)
            nearest[row.parameter] = min(rank, nearest.get(row.parameter, rank))
    return [
        row
        for row in rows
        if row.product in services
        or (row.product in owners and owners.index(row.product) == nearest[row.parameter])
    ]


def _graded(evidence: str) -> str:
    return evidence if evidence == ASSUMED else f"{evidence} evidence".replace("_", " ")


def _named(row: ParameterRow) -> str:
    selectors: list[str | None] = [row.sex, row.region, row.deprivation]
    if row.age_min is not None or row.age_max is not None:
        selectors.append(f"ages {text_of(row.age_min)}-{text_of(row.age_max)}")
    chosen = ", ".join(selector for selector in selectors if selector)
    return f"{row.parameter} [{chosen}]" if chosen else row.parameter


def _valued(row: ParameterRow) -> str:
    fixed = row.low is None or row.distribution == "fixed"
    spread = "" if fixed else f" ({row.low:g} to {text_of(row.high)})"
    return f"{row.value:g}{spread} {row.unit}, {row.distribution}"


def _source_rows(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.sources)
    if chosen is not None:
        return one("sources", chosen, rows, [row.id for row in rows], catalogue)
    told = sources_in_full(catalogue)
    entries = [
        ((row.id,), (told[row.id], f"licence: {row.licence}" if row.licence else ""))
        for row in rows
    ]
    return [listed("Sources", entries, "Where no licence stands, none was established.")]


def _flows(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.flows)
    product = _product(catalogue, chosen)
    if product is not None:
        rows = catalogue.flows_of(product)
    elif chosen is not None:
        if chosen in {row.id for row in rows}:
            return one("flows", chosen, rows, [row.id for row in rows], catalogue)
        rows = [row for row in rows if row.module == chosen]
        if not rows:
            known = [*(row.id for row in catalogue.products), *(f.module for f in catalogue.flows)]
            raise unknown("flows", chosen, [*known, *(f.id for f in catalogue.flows)])
    return [listed("Flows", [_flow(row) for row in rows])]


def _flow(row: FlowRow) -> Entry:
    rates = row.rates or ""
    return (
        (row.id, f"{row.origin} → {row.destination}", f"module {row.module}"),
        (
            row.note or "",
            f"{row.hazard}: {rates}" if rates else row.hazard,
            f"handles: {row.handles}" if row.handles else "",
            f"modified by: {row.modifiers}" if row.modifiers else "",
            f"counted as: {row.counts}" if row.counts else "",
            f"source: {row.source}",
        ),
    )


def _states(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.states)
    product = _product(catalogue, chosen)
    if product is not None:
        rows = catalogue.states_of(product)
    elif chosen is not None:
        rows = [row for row in rows if chosen in (row.module, row.state)]
        if not rows:
            known = [*(row.id for row in catalogue.products), *(s.module for s in catalogue.states)]
            raise unknown("states", chosen, [*known, *(s.state for s in catalogue.states)])
    return [listed("States", [_state(row) for row in rows])]


def _state(row: StateRow) -> Entry:
    read = ", ".join(name for name in (row.mortality, row.last_month, row.daily) if name)
    return (
        (row.state, f"counts as {row.reported}", f"module {row.module}"),
        (
            row.note or "",
            f"using: {row.using}",
            f"parameters: {read}" if read else "",
            f"service: {row.service}" if row.service else "",
            f"source: {row.source}",
        ),
    )


def _handles(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.handles)
    if chosen is not None:
        return one("handles", chosen, rows, [row.id for row in rows], catalogue)
    entries = [
        (
            (row.id, f"{row.unit}, worse {row.worse}"),
            (
                row.meaning,
                f"scope: {SCOPES[row.scope]}",
                f"acts on: {_acts_on(row)}",
                f"read by: {row.reads}",
                f"source: {row.source}",
            ),
        )
        for row in rows
    ]
    note = "worse up, worse down: the direction in which outcomes get worse."
    return [listed("Handles: where a scenario may act", entries, note)]


SCOPES = {
    "strata": "may differ by age, sex, region and deprivation",
    "region": "may differ by region",
    "nation": "the whole country",
}
ACTS_ON = {
    "flows": "products with flows that name it",
    "care": "products with a service",
    "deadly": "products with excess deaths",
    "priced": "products with a price",
    "burdened": "products with flows that the mental-health burden speeds up",
    "market": "products with this market",
    "parameter": "products with this parameter",
}


def _acts_on(row: HandleRow) -> str:
    """Groups of products, as the table names them and in words."""
    return "; ".join(
        f"{part} ({ACTS_ON[part.partition(':')[0]]})" if part.partition(":")[0] in ACTS_ON else part
        for part in row.acts_on.split()
    )


def _services(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.services)
    if chosen is not None:
        return one("services", chosen, rows, [row.id for row in rows], catalogue)
    users = {
        row.id: [p.id for p in catalogue.products if row.id in _services_of(catalogue, p)]
        for row in rows
    }
    entries = [
        (
            (row.id, row.name),
            (row.note or "", f"products: {', '.join(users[row.id])}", f"source: {row.source}"),
        )
        for row in rows
    ]
    return [listed("Services", entries)]


def _services_of(catalogue: Catalogue, product: ProductRow) -> set[str | None]:
    return {product.service, *(row.service for row in catalogue.states_of(product))}


def _unions(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.unions)
    if chosen is not None:
        return one("unions", chosen, rows, [row.id for row in rows], catalogue)
    entries = [
        ((row.id, row.name), (row.members, f"source: {row.source}")) for row in catalogue.unions
    ]
    return [listed("Unions: people in at least one member", entries)]


def _history(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.history)
    if chosen is not None:
        ids = [row.id for row in rows]
        if chosen in ids:
            return one("history", chosen, rows, ids, catalogue)
        rows = [row for row in rows if chosen in row.products.split()]
        if not rows:
            raise unknown("history", chosen, [*ids, *names_of(catalogue)])
    note = (
        "Every run follows this history. Rows that are dated only stand here because something is "
        "known to have happened; no size is known, so they do nothing."
    )
    return [
        listed("History, 2010 to 2023 and what is decided", [_event(row) for row in rows], note)
    ]


def _event(row: HistoryRow) -> Entry:
    who = [row.regions or ""]
    if row.age_min is not None or row.age_max is not None:
        who.append(f"ages {text_of(row.age_min)}-{text_of(row.age_max)}")
    size = "dated only: does nothing"
    if row.size is not None:
        spread = "" if row.low is None else f" ({row.low:g} to {text_of(row.high)})"
        size = f"{row.shape}: {row.handle} times {row.size:g}{spread}, {row.distribution}"
    when = row.start if row.stop is None else f"{row.start} to {row.stop}"
    return (
        (row.id, row.products, ", ".join(part for part in (when, *who) if part)),
        (
            size,
            row.note,
            f"built from the figures: {row.figures}" if row.figures else "",
            f"{_graded(row.evidence)}; source: {row.source}",
        ),
    )


def _product(catalogue: Catalogue, chosen: str | None) -> ProductRow | None:
    return next((row for row in catalogue.products if row.id == chosen), None)


TOPICS: dict[str, Callable[[Catalogue, str | None], list[RenderableType]]] = {
    "products": _products,
    "parameters": _parameters,
    "figures": figures,
    "sources": _source_rows,
    "indicators": indicators,
    "flows": _flows,
    "states": _states,
    "handles": _handles,
    "history": _history,
    "services": _services,
    "unions": _unions,
    "levers": show_levers.levers,
    "trends": show_levers.trends,
    "rules": show_levers.rules,
    "scenarios": show_levers.scenarios,
}
