"""What a batch keeps: indicators, products, years and groups, or quantiles over draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calibration.series import names_of
from experiments.batch.factors import Factor
from experiments.batch.study_file import ALL, MAIN, StudyFile
from experiments.runs.agent_options import Agents
from experiments.runs.scenario_results import BEFORE, GROUPS, load_main_indicators
from model.compartments import FIRST_YEAR
from scenarios.checked import one_of, refusal
from scenarios.library import Library, read_scenario
from scenarios.lines import Document, Place
from scenarios.schema import REFERENCE, Scenario

MEAN = "mean"


@dataclass(frozen=True)
class Kept:
    """What is kept of a run: ids in the order of their tables, years upwards, groups in order."""

    indicators: tuple[str, ...]
    products: tuple[str, ...]
    years: tuple[int, ...]
    groups: tuple[str, ...]


def kept_of(
    file: StudyFile, document: Document, library: Library, scenarios: Sequence[Scenario]
) -> Kept:
    """What a study keeps, by name. Raises InputError with file and line."""
    catalogue, keep = library.catalogue, file.keep
    indicators = {row.id: row.name for row in catalogue.indicators}
    branches = [scenario.branch for scenario in scenarios]
    reference = read_scenario(library.futures[REFERENCE], library).branch
    first = max(FIRST_YEAR, FIRST_YEAR + min(*branches, reference) // 12 - BEFORE)
    years = [str(year) for year in range(first, file.until + 1)]
    main = [row.id for row in load_main_indicators(catalogue)]
    products = tuple(names_of(catalogue))
    at: Place = ("keep",)
    given = _chosen(keep.indicators, {ALL: list(indicators), MAIN: main}, document, "indicators")
    return Kept(
        _known(given, tuple(indicators), document, (*at, "indicators"), "indicator"),
        _known(
            _chosen(keep.products, {ALL: products}, document, "products"),
            products,
            document,
            (*at, "products"),
            "product",
        ),
        _years(keep.years, years, document),
        _known(
            _chosen(keep.groups, {ALL: GROUPS}, document, "groups"),
            GROUPS,
            document,
            (*at, "groups"),
            "group",
        ),
    )


def _years(given: Sequence[int], known: Sequence[str], document: Document) -> tuple[int, ...]:
    for i, year in enumerate(given):
        place: Place = ("keep", "years", i)
        if str(year) not in known:
            allowed = f"{known[0]} (the year before the first branch) to {known[-1]} (until)"
            raise refusal(document, place, "the year is outside the run", year, allowed)
        if year in given[:i]:
            raise refusal(document, place, "a year stands twice", year, "each year once")
    return tuple(sorted(given))


def _chosen(
    given: Sequence[str],
    words: Mapping[str, Sequence[str]],
    document: Document,
    key: str,
) -> Sequence[str]:
    """What one word such as all stands for; the list itself else.

    Beside others a word that is also an id is that id: the product all is a union.
    """
    if len(given) == 1 and given[0] in words:
        return words[given[0]]
    for i, one in enumerate(given):
        if one in words and one not in words[one]:
            message, allowed = f"{one} stands beside others", f"{one} alone, or a list of ids"
            raise refusal(document, ("keep", key, i), message, one, allowed)
    return given


def _known(
    given: Sequence[str], known: Sequence[str], document: Document, place: Place, what: str
) -> tuple[str, ...]:
    """Names that are known, each once, in the order of ``known``."""
    for i, one in enumerate(given):
        one_of(document, (*place, i), one, list(known), what)
        if one in given[:i]:
            raise refusal(document, (*place, i), f"a {what} stands twice", one, f"each {what} once")
    return tuple(one for one in known if one in given)


def check_quantiles(
    file: StudyFile,
    document: Document,
    factors: Sequence[Factor],
    draws: int,
    agents: Agents | None,
) -> None:
    """Refuse shares outside 0 to 1, and quantiles of one draw alone. Raises InputError."""
    quantiles = file.keep.quantiles
    if quantiles is None:
        return
    for i, one in enumerate(quantiles):
        place: Place = ("keep", "quantiles", i)
        if not 0.0 <= one <= 1.0:
            raise refusal(document, place, "no quantile", one, "shares from 0 to 1")
        if one in quantiles[:i]:
            raise refusal(document, place, "a quantile stands twice", one, "each quantile once")
    kinds = {factor.kind for factor in factors}
    each = 1 if "posterior" in kinds else draws
    if agents is not None and "seed" not in kinds:
        each *= agents.seeds
    if each < 2:
        allowed = "draws: 2 or more (no factor posterior), or no quantiles: every draw is kept"
        place = ("keep", "quantiles")
        raise refusal(document, place, "quantiles of a single draw", quantiles, allowed)


def statistics_of(quantiles: Sequence[float]) -> tuple[str, ...]:
    """What is kept over draws: mean, then q05, q50, ... upwards; none without quantiles."""
    if not quantiles:
        return ()
    percents = [round(100.0 * one, 6) for one in sorted(quantiles)]
    told = [f"q{int(p):02d}" if p == int(p) else f"q{p:g}" for p in percents]
    return (MEAN, *told)
