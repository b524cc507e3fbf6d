"""``drugfutures show figures`` and ``show indicators``: the list of codes and what was observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import RenderableType

from calibration.figures import Figure, load_figures
from calibration.series import Group, names_of, series_of
from experiments.lists.listing import Entry, listed, one, text_of
from model.catalogue import Catalogue
from model.errors import InputError

UNIONS = {"people": "people in at least one product", "sum": "the sum", "none": "not summed"}


def figures(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """Every figure, those of a product, or one. Raises InputError."""
    names = names_of(catalogue)
    sources = {row.id for row in catalogue.sources}
    rows = load_figures(products=names, sources=sources)
    ids = [row.id for row in rows]
    if chosen in ids:
        return one("figures", chosen, rows, ids, catalogue)
    if chosen is not None:
        rows = [row for row in rows if row.product == chosen]
        if not rows:
            allowed = f"a figure's id, or one of {', '.join(names)}"
            known = "no figure of this product" if chosen in names else "unknown ID for figures"
            raise InputError(known, key="ID", given=chosen, allowed=allowed)
    entries = [
        ((row.id, f"{row.product}, {row.indicator}", who_text(row)), _told(row)) for row in rows
    ]
    note = (
        "fitted: a fit will use it; checked: results are set against it; context: it stands "
        "beside them."
    )
    return [listed("Observed figures", entries, note)]


def _told(row: Figure) -> tuple[str, str, str]:
    role = row.role if row.why is None else f"{row.role}: {row.why}"
    return observed_text(row), role, f"source: {row.source} ({row.quality})"


def who_text(row: Figure) -> str:
    """Whom a figure is about, where and when."""
    ages = "" if row.age_min is None and row.age_max is None else f" {_group(row).ages}"
    sex = "" if row.sex == "all" else f" {row.sex}"
    year = f"{text_of(row.year)}" + (f"-{row.year_end}" if row.year_end else "")
    return f"{row.population_kind}{sex}{ages}, {row.region}, {year or 'no year'}"


def _group(row: Figure) -> Group:
    return Group(row.sex, row.age_min, row.age_max, row.region)


def observed_text(row: Figure) -> str:
    """The number of a figure with its interval or bounds and its unit."""
    parts = [] if row.value is None else [text_of(row.value)]
    if row.low is not None or row.high is not None:
        low, high = row.low, row.high
        bound = f"{text_of(low)} to {text_of(high)}"
        if high is None:
            bound = f"at least {text_of(low)}"
        elif low is None:
            bound = f"at most {text_of(high)}"
        parts.append(f"({bound})" if parts else bound)
    if row.unit != "none" and parts:
        parts.append(row.unit)
    if row.direction:
        parts.append(row.direction)
    return " ".join(parts)


def indicators(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """The list of codes, or one with the figures that it is compared with. Raises InputError."""
    rows = list(catalogue.indicators)
    beside = _compared_with(catalogue)
    if chosen is not None:
        whole = one("indicators", chosen, rows, [row.id for row in rows], catalogue)
        entries: list[Entry] = [
            ((figure.id, f"{figure.product}, {who_text(figure)}"), _told(figure))
            for figure in beside.get(chosen, [])
        ]
        return [*whole, listed("Figures that it is compared with", entries)]
    every: list[Entry] = [
        (
            (row.id, row.name),
            (
                f"{row.unit}; for unions: {UNIONS[row.union]}",
                row.definition,
                f"source of the definition: {row.source}",
                _counted(beside.get(row.id, [])),
            ),
        )
        for row in rows
    ]
    note = "The one list of codes: results, scenarios and figures name what they measure by it."
    return [listed("Indicators", every, note)]


def _compared_with(catalogue: Catalogue) -> dict[str, list[Figure]]:
    """Figures that the model can print the same number as, by indicator."""
    sources = {row.id for row in catalogue.sources}
    found: dict[str, list[Figure]] = {}
    for figure in load_figures(products=names_of(catalogue), sources=sources):
        if series_of(figure, catalogue) is not None:
            found.setdefault(figure.indicator, []).append(figure)
    return found


def _counted(figures: Sequence[Figure]) -> str:
    if not figures:
        return "compared with no figure"
    roles = Counter(figure.given or figure.role for figure in figures)
    products = dict.fromkeys(figure.product for figure in figures)
    told = ", ".join(f"{number} {role}" for role, number in sorted(roles.items()))
    return f"compared with {len(figures)} figures ({told}): {', '.join(products)}"
