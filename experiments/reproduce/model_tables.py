"""Pages about what the model holds: products, indicators, parameters, sources and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from calibration.figures import Figure, given_to_model, load_figures
from calibration.posterior import LEARNT_FROM, load
from calibration.series import names_of, series_of
from experiments.lists.listing import ASSUMED, sources_in_full
from experiments.reproduce.pages import Block, Cells, put_page
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.parameters import ParameterRow

ROLES = ("fitted", "checked", "context")
UNIONS = {"people": "people in at least one", "sum": "the sum", "none": "not formed"}


def write(folder: Path) -> None:
    """Write the five pages. Raises InputError where a table cannot be read."""
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    put_page(folder, "products", "Products", _products(catalogue, figures))
    put_page(folder, "indicators", "Indicators", _indicators(catalogue, figures))
    put_page(folder, "parameters", "Parameters in short", _parameters(catalogue))
    put_page(folder, "sources", "Sources", _sources(catalogue, figures))
    put_page(folder, "figures", "Observed figures by role", _figures(figures))


def code(name: str) -> str:
    """An id as it is written on a page."""
    return f"`{name}`"


def _by_product(figures: Iterable[Figure]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for figure in figures:
        found.setdefault(figure.product, Counter())[figure.role] += 1
    return found


def _products(catalogue: Catalogue, figures: list[Figure]) -> list[Block]:
    roles = _by_product(figures)

    def counts(name: str) -> Cells:
        return tuple(str(roles.get(name, Counter())[role]) for role in ROLES)

    products = tuple(
        (code(row.id), row.name, row.kind, row.mode, row.service or "none", *counts(row.id))
        for row in catalogue.products
    )
    unions = tuple(
        (code(row.id), row.name, ", ".join(map(code, row.members.split())), *counts(row.id))
        for row in catalogue.unions
    )
    fitted = sum(row.mode == "calibrated" for row in catalogue.products)
    why = tuple(
        (code(row.id), row.why or "") for row in catalogue.products if row.mode == "scenario-only"
    )
    columns = tuple(f"figures {role}" for role in ROLES)
    words = (
        f"{len(catalogue.products)} products: {fitted} calibrated, which the posterior fits to "
        f"Belgian figures, and {len(catalogue.products) - fitted} scenario-only, of which too "
        "little is observed: their draws come from the priors.",
        "Figures are counted by what they may do: enter a fit, be set against results, or stand "
        "beside them.",
    )
    return [
        Block("", words, ("id", "name", "kind", "mode", "service", *columns), products),
        Block(
            "Unions",
            ("People in at least one member; deaths, money and the like are summed.",),
            ("id", "name", "members", *columns),
            unions,
        ),
        Block("Why some are scenario-only", (), ("id", "why"), why),
    ]


def _indicators(catalogue: Catalogue, figures: list[Figure]) -> list[Block]:
    compared: Counter[str] = Counter()
    for figure in figures:
        if series_of(figure, catalogue) is not None:
            compared[figure.indicator] += 1
    rows = tuple(
        (
            code(row.id),
            row.name,
            row.unit,
            UNIONS[row.union],
            "Belgium only" if row.reach == "nation" else "regions and groups too",
            str(compared[row.id] or "none"),
            row.definition,
            row.source,
        )
        for row in sorted(catalogue.indicators, key=lambda row: row.id)
    )
    untold = sum(not compared[row.id] for row in catalogue.indicators)
    words = (
        f"{len(rows)} codes: results, scenarios and figures name what they measure by them. "
        f"{untold} of them are compared with no Belgian figure: of these the model says what its "
        "assumptions lead to, and nothing observed can contradict it.",
    )
    columns = ("id", "name", "unit", "unions", "reach", "figures", "definition", "source")
    return [Block("", words, columns, rows)]


def _parameters(catalogue: Catalogue) -> list[Block]:
    owned: dict[str, list[ParameterRow]] = {}
    for row in catalogue.parameters:
        owned.setdefault(row.product, []).append(row)
    learnt, fitted = _learnt()
    rows = tuple(
        (
            code(owner),
            str(len(found)),
            str(sum(row.evidence == ASSUMED for row in found)),
            str(sum(row.evidence != ASSUMED for row in found)),
            str(sum(row.distribution == "fixed" for row in found)),
            str(fitted[owner] or "none"),
            str(learnt[owner] if fitted[owner] else "none"),
        )
        for owner, found in sorted(owned.items())
    )
    whole = catalogue.parameters
    assumed = sum(row.evidence == ASSUMED for row in whole)
    words = (
        f"{len(whole)} rows, of which {assumed} ({assumed / len(whole):.0%}) are assumed: no "
        "evidence was found, and their range is ours. `*` stands for every product, `kind:` for "
        "one kind, `agents` for the agent engine; the most specific row counts.",
        "Fitted: inputs that the posterior has of this owner (rows of a kind count once a "
        f"product). Learnt: those whose contraction is {LEARNT_FROM:g} or more, so that the "
        "figures told something; the others keep about the width of their priors, and what they "
        "give is assumed.",
        "Each row with its value, range and source: `drugfutures show parameters`.",
    )
    columns = ("owner", "rows", "assumed", "with a source", "fixed", "fitted", "learnt")
    by_grade: Counter[str] = Counter(row.evidence for row in whole)
    grades = tuple(
        (grade.replace("_", " "), str(by_grade[grade]))
        for grade in ("high", "moderate", "low", "very_low", ASSUMED)
    )
    return [
        Block("", words, columns, rows),
        Block("By evidence", (), ("evidence", "rows"), grades),
    ]


def _learnt() -> tuple[Counter[str], Counter[str]]:
    """Inputs that the figures told something of, and all that were fitted, by owner."""
    try:
        known = load().contractions
    except InputError:
        return Counter(), Counter()
    owners = {key: key.partition("/")[0] for key in known}
    learnt = Counter(owners[key] for key, value in known.items() if value >= LEARNT_FROM)
    return learnt, Counter(owners.values())


def _sources(catalogue: Catalogue, figures: list[Figure]) -> list[Block]:
    told = sources_in_full(catalogue)
    given = Counter(figure.source for figure in figures)
    read = Counter(row.source for row in catalogue.parameters)
    rows = tuple(
        (
            code(row.id),
            told[row.id],
            row.licence or "not established",
            str(read[row.id]),
            str(given[row.id]),
        )
        for row in sorted(catalogue.sources, key=lambda row: row.id)
    )
    words = (
        f"{len(rows)} sources of numbers and statements. Rows: of the parameter table that name "
        "it; figures: observed figures that do. Others stand behind states, measures, trends or "
        "history.",
    )
    return [Block("", words, ("id", "source", "licence", "rows", "figures"), rows)]


def _figures(figures: list[Figure]) -> list[Block]:
    known = {figure.id: figure for figure in figures}
    whole = Counter(figure.role for figure in figures)
    kinds: Counter[tuple[str, str]] = Counter(
        (figure.population_kind, figure.role) for figure in figures
    )
    found = _by_product(figures)
    put_in = Counter(figure.product for figure in figures if given_to_model(figure, known))
    of_product = tuple(
        (
            code(name),
            *(str(found[name][role]) for role in ROLES),
            str(put_in[name]),
        )
        for name in sorted(found)
    )
    of_kind = tuple(
        (kind.replace("_", " "), *(str(kinds[kind, role]) for role in ROLES))
        for kind in sorted({kind for kind, _ in kinds})
    )
    qualities: Counter[tuple[str, str]] = Counter(
        (figure.quality, figure.role) for figure in figures
    )
    of_quality = tuple(
        (quality, *(str(qualities[quality, role]) for role in ROLES))
        for quality in sorted({quality for quality, _ in qualities})
    )
    words = (
        f"{len(figures)} figures: {whole['fitted']} fitted (a fit uses them), {whole['checked']} "
        f"checked (results are set against them), {whole['context']} context (they stand beside "
        "results, for the model has no such number).",
        "Known to the model: put in as a history, met as an anchor, or in view when a prior was "
        "centred. Such a figure tests nothing before a fit.",
    )
    return [
        Block("", words, ("product", *ROLES, "known to the model"), of_product),
        Block("By population", (), ("population", *ROLES), of_kind),
        Block("By how it was read", (), ("read", *ROLES), of_quality),
    ]
