"""``drugfutures show``: the tables of the model and of the figures, whole or one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from calibration.figures import Figure, load_figures
from experiments.series import names_of
from model.catalogue import Catalogue, FlowRow, ProductRow, StateRow, load_catalogue
from model.errors import InputError
from model.parameters import ParameterRow
from model.reading import TableRow, columns

ASSUMED = "assumed"


def show(topic: str, chosen: str | None, folder: Path | None, console: Console) -> None:
    """Print a topic, or the rows of it that ``chosen`` names. Raises InputError."""
    catalogue = load_catalogue(folder)
    for part in TOPICS[topic](catalogue, chosen):
        console.print(part)


Entry = tuple[tuple[str, ...], tuple[str, ...]]  # lines on the left, lines on the right


def _list(title: str, entries: Sequence[Entry], note: str = "") -> Table:
    """Entries with an id on the left; long texts fold, nothing is cut, ``assumed`` stands out."""
    table = Table(
        title=f"{title} ({len(entries)})",
        title_justify="left",
        caption=note or None,
        caption_justify="left",
        box=box.SIMPLE,
        show_header=False,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("what", ratio=5, overflow="fold")
    table.add_column("told", ratio=8, overflow="fold")
    for left, right in entries:
        head = Text(left[0], style="bold")
        for line in left[1:]:
            head.append(f"\n {line}" if line else "", style="not bold")
        table.add_row(head, _marked("\n".join(line for line in right if line)))
    return table


def _marked(cell: str) -> Text:
    text = Text(cell)
    text.highlight_words([ASSUMED], style="yellow")
    return text


def _row(row: TableRow, sources: dict[str, str]) -> Table:
    """One row whole: every column, and the source in full."""
    table = Table(show_header=False, pad_edge=False)
    table.add_column("key", style="bold", no_wrap=True)
    table.add_column("value", overflow="fold")
    for key in columns(type(row)):
        value = getattr(row, key)
        if value is not None:
            told = _text(value)
            if key == "source":
                told = f"{told}: {sources.get(told, '')}"
            table.add_row(key, _marked(told))
    table.add_row("table", f"{Path(row.file).name}, line {row.line}")
    return table


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sources(catalogue: Catalogue) -> dict[str, str]:
    found = {}
    for row in catalogue.sources:
        parts = (row.publisher, row.title, row.year, row.where)
        found[row.id] = ". ".join(part.rstrip(".") for part in parts if part)
    return found


def _unknown(topic: str, chosen: str, allowed: Sequence[str]) -> InputError:
    return InputError(
        f"unknown ID for {topic}", key="ID", given=chosen, allowed=list(dict.fromkeys(allowed))
    )


def _one(
    topic: str, chosen: str, rows: Sequence[TableRow], ids: Sequence[str], catalogue: Catalogue
) -> list[RenderableType]:
    found = [row for row, at in zip(rows, ids, strict=True) if at == chosen]
    if not found:
        raise _unknown(topic, chosen, ids)
    return [_row(row, _sources(catalogue)) for row in found]


def _products(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = [*catalogue.products, *catalogue.unions]
    if chosen is not None:
        return _one("products", chosen, rows, list(names_of(catalogue)), catalogue)
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
        "calibrated: there are figures to calibrate it with (not done yet: every draw comes from "
        "the priors). scenario-only: too few figures ever to be calibrated."
    )
    return [
        _list("Products", products, note),
        _list("Unions: people in at least one member", unions),
    ]


def _parameters(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.parameters)
    if chosen is not None:
        rows = _read_by(catalogue, chosen)
        if not rows:
            owned = [row.product for row in catalogue.parameters]
            named = [row.parameter for row in catalogue.parameters]
            raise _unknown("parameters", chosen, [*names_of(catalogue), *owned, *named])
    entries = [
        (
            (_named(row), row.product),
            (_valued(row), f"{_graded(row)}, {row.role}; source: {row.source}")
            + ((row.note,) if row.note else ()),
        )
        for row in rows
    ]
    note = (
        "The value is the median of the prior, the range its 2.5% and 97.5% points before "
        "widening. '*' stands for every product and 'kind:...' for one kind; the most specific "
        "row counts. assumed: no evidence was found, the range is ours."
    )
    return [_list("Parameters", entries, note)]


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


def _graded(row: ParameterRow) -> str:
    return row.evidence if row.evidence == ASSUMED else f"{row.evidence} evidence".replace("_", " ")


def _named(row: ParameterRow) -> str:
    selectors: list[str | None] = [row.sex, row.region, row.deprivation]
    if row.age_min is not None or row.age_max is not None:
        selectors.append(f"ages {_text(row.age_min)}-{_text(row.age_max)}")
    chosen = ", ".join(selector for selector in selectors if selector)
    return f"{row.parameter} [{chosen}]" if chosen else row.parameter


def _valued(row: ParameterRow) -> str:
    fixed = row.low is None or row.distribution == "fixed"
    spread = "" if fixed else f" ({row.low:g} to {_text(row.high)})"
    return f"{row.value:g}{spread} {row.unit}, {row.distribution}"


def _figures(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    names = names_of(catalogue)
    sources = {row.id for row in catalogue.sources}
    rows = load_figures(products=names, sources=sources)
    ids = [row.id for row in rows]
    if chosen in ids:
        return _one("figures", chosen, rows, ids, catalogue)
    if chosen is not None:
        rows = [row for row in rows if row.product == chosen]
        if not rows:
            allowed = f"a figure's id, or one of {', '.join(names)}"
            known = "no figure of this product" if chosen in names else "unknown ID for figures"
            raise InputError(known, key="ID", given=chosen, allowed=allowed)
    entries = [
        (
            (row.id, f"{row.product}, {row.indicator}", _who(row)),
            (
                _observed(row),
                row.role if row.why is None else f"{row.role}: {row.why}",
                f"source: {row.source} ({row.quality})",
            ),
        )
        for row in rows
    ]
    note = (
        "fitted: a fit will use it; checked: results are set against it; context: it stands "
        "beside them."
    )
    return [_list("Observed figures", entries, note)]


def _who(row: Figure) -> str:
    ages = (
        ""
        if row.age_min is None and row.age_max is None
        else (f" {_text(row.age_min)}-{_text(row.age_max)}" if row.age_max else f" {row.age_min}+")
    )
    sex = "" if row.sex == "all" else f" {row.sex}"
    year = f"{_text(row.year)}" + (f"-{row.year_end}" if row.year_end else "")
    return f"{row.population_kind}{sex}{ages}, {row.region}, {year or 'no year'}"


def _observed(row: Figure) -> str:
    parts = [] if row.value is None else [_text(row.value)]
    if row.low is not None or row.high is not None:
        low, high = row.low, row.high
        bound = f"{_text(low)} to {_text(high)}"
        if high is None:
            bound = f"at least {_text(low)}"
        elif low is None:
            bound = f"at most {_text(high)}"
        parts.append(f"({bound})" if parts else bound)
    if row.unit != "none" and parts:
        parts.append(row.unit)
    if row.direction:
        parts.append(row.direction)
    return " ".join(parts)


def _source_rows(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.sources)
    if chosen is not None:
        return _one("sources", chosen, rows, [row.id for row in rows], catalogue)
    told = _sources(catalogue)
    entries = [
        ((row.id,), (told[row.id], f"licence: {row.licence}" if row.licence else ""))
        for row in rows
    ]
    return [_list("Sources", entries, "Where no licence stands, none was established.")]


def _indicators(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.indicators)
    if chosen is not None:
        return _one("indicators", chosen, rows, [row.id for row in rows], catalogue)
    unions = {"people": "people in at least one product", "sum": "the sum", "none": "not formed"}
    entries = [
        (
            (row.id, row.name),
            (
                f"{row.unit}; for unions: {unions[row.union]}",
                row.definition,
                f"source: {row.source}",
            ),
        )
        for row in rows
    ]
    return [_list("Indicators", entries)]


def _flows(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    rows = list(catalogue.flows)
    product = _product(catalogue, chosen)
    if product is not None:
        rows = catalogue.flows_of(product)
    elif chosen is not None:
        if chosen in {row.id for row in rows}:
            return _one("flows", chosen, rows, [row.id for row in rows], catalogue)
        rows = [row for row in rows if row.module == chosen]
        if not rows:
            known = [*(row.id for row in catalogue.products), *(f.module for f in catalogue.flows)]
            raise _unknown("flows", chosen, [*known, *(f.id for f in catalogue.flows)])
    return [_list("Flows", [_flow(row) for row in rows])]


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
            raise _unknown("states", chosen, [*known, *(s.state for s in catalogue.states)])
    return [_list("States", [_state(row) for row in rows])]


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
        return _one("handles", chosen, rows, [row.id for row in rows], catalogue)
    entries = [
        (
            (row.id, f"{row.unit}, worse {row.worse}"),
            (row.meaning, f"read by: {row.reads}", f"source: {row.source}"),
        )
        for row in rows
    ]
    note = "worse up, worse down: the direction in which outcomes get worse."
    return [_list("Handles: where a scenario may act", entries, note)]


def _product(catalogue: Catalogue, chosen: str | None) -> ProductRow | None:
    return next((row for row in catalogue.products if row.id == chosen), None)


TOPICS: dict[str, Callable[[Catalogue, str | None], list[RenderableType]]] = {
    "products": _products,
    "parameters": _parameters,
    "figures": _figures,
    "sources": _source_rows,
    "indicators": _indicators,
    "flows": _flows,
    "states": _states,
    "handles": _handles,
}
