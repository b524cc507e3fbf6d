"""From a study file with a section ``search`` to a problem that can be searched.

Its factors with ``lever`` are what is decided; all others, and the draws, span the futures. The one
scenario it names is what the levers are set in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.series import names_of
from experiments.batch.design import Design
from experiments.batch.plan import Batch, batch_of
from experiments.batch.study_file import ALL, KeepEntry, StudyFile
from experiments.comparisons.scoreboard import load_scoreboard
from experiments.robustness.portfolio import Settings
from experiments.robustness.portfolio_problem import Float, Problem, Wanted
from experiments.robustness.search_file import Better, Outcome, Search
from experiments.runs.scenario_costs import INFLATION
from experiments.runs.scenario_results import GROUPS
from model.catalogue import Catalogue, load_catalogue
from scenarios.checked import one_of, read_entry, refusal
from scenarios.library import Library
from scenarios.lines import Document, Place

MEASURES = "measures"  # each counts by its position: no price, for some costs are not known
FRESH_SEED = 1_000_003  # added to the seed of the futures for the fresh ones


class PortfolioFile(StudyFile):
    """A study file with its search."""

    search: Search


@dataclass(frozen=True, eq=False)
class Portfolio:
    """A search, read and checked. ``batch``: its futures; columns of levers hold no meaning.

    ``levers``: those columns; ``outputs``: columns of the outcomes among the outputs kept.
    """

    file: PortfolioFile
    batch: Batch
    problem: Problem
    levers: tuple[int, ...]
    outputs: tuple[int, ...]
    path: Path

    @property
    def library(self) -> Library:
        """What scenarios may name."""
        return self.batch.study.library

    @property
    def futures(self) -> int:
        """Points times draws."""
        return len(self.batch.points) * self.batch.draws

    def points_of_futures(self) -> Float:
        """Index of the point of each future, draws outermost, (futures,)."""
        return np.tile(np.arange(len(self.batch.points)), self.batch.draws)

    def draws_of_futures(self) -> Float:
        """Index of the draw of each future, (futures,); that of its point, if it names one."""
        column = self.batch.column("posterior")
        if column is not None:
            return np.tile(self.batch.points[:, column], self.batch.draws)
        return np.repeat(np.arange(self.batch.draws), len(self.batch.points))

    def digest(self, settings: Settings) -> str:
        """SHA-256 of all that a search depends on but the number of its generations."""
        told = [
            self.batch.digest,
            self.file.search.model_dump(mode="json"),
            [settings.population, settings.seed, settings.of(self.problem)],
            [self.problem.levers, self.problem.low.tolist(), self.problem.high.tolist()],
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read_portfolio(path: Path, catalogue: Path | None = None, fresh: bool = False) -> Portfolio:
    """Read and check a study of portfolios; nothing is run. Raises InputError with lines.

    ``fresh``: its new futures in place of those that it is searched in.
    """
    file, document = read_entry(path, PortfolioFile, "a study of portfolios")
    _check(file, document)
    search = file.search
    _check_names(search, document, load_catalogue(catalogue))
    years = [one.year or file.until for one in search.outcomes]
    products = _each(one.product for one in search.outcomes)
    keep = KeepEntry(
        indicators=_each(one.indicator for one in search.outcomes),
        products=[ALL] if ALL in products else products,  # as a union too it stands alone
        groups=_each(one.group for one in search.outcomes),
        years=sorted(set(years)),
    )
    own = {key: value for key, value in file if key in StudyFile.model_fields}
    plain = StudyFile.model_construct(**{**own, "keep": keep})
    design = _fresh(file) if fresh else None
    text = path.read_text(encoding="utf-8-sig")
    batch = batch_of(plain, _without_search(document), text, catalogue, design)
    outputs = tuple(
        _column(batch, one, year, document, i)
        for i, (one, year) in enumerate(zip(search.outcomes, years, strict=True))
    )
    levers = tuple(k for k, factor in enumerate(batch.factors) if factor.kind == "lever")
    problem = _problem(batch, search, levers, (years, document))
    return Portfolio(file, batch, problem, levers, outputs, path)


def _each(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _fresh(file: PortfolioFile) -> Design:
    seed = 1 if file.sample is None else file.sample.seed
    return Design("latin", max(1, file.search.fresh), (seed + FRESH_SEED) % 2**32)


def _without_search(document: Document) -> Document:
    value = document.value
    assert isinstance(value, dict)
    return replace(document, value={key: one for key, one in value.items() if key != "search"})


def _check(file: PortfolioFile, document: Document) -> None:
    """Refuse what a search cannot use. Raises InputError with its line."""
    levers = [one for one in file.factors or () if one.lever is not None]
    if not levers:
        allowed = "one or more, such as {lever: SD1, low: 0, high: 100}"
        raise refusal(document, ("factors",), "no factor is a lever", "(none)", allowed)
    cases: tuple[tuple[bool, Place, str, object, str], ...] = (
        (
            file.engine != "compartments",
            ("engine",),
            "portfolios are searched with compartments",
            file.engine,
            "engine: compartments (of agents each run takes minutes)",
        ),
        (
            len(file.scenarios) != 1,
            ("scenarios",),
            "levers are set in one scenario",
            file.scenarios,
            "one scenario, such as [current-policy]",
        ),
        (
            file.sample is not None and file.sample.method == "grid",
            ("sample", "method"),
            "a grid would repeat each future for each lever",
            "grid",
            "latin, sobol-sequence",
        ),
    )
    for wrong, place, message, given, allowed in cases:
        if wrong:
            raise refusal(document, place, message, given, allowed)


def _check_names(search: Search, document: Document, catalogue: Catalogue) -> None:
    known = {
        "indicator": [row.id for row in catalogue.indicators],
        "product": list(names_of(catalogue)),
        "group": list(GROUPS),
    }
    for i, one in enumerate(search.outcomes):
        for name, allowed in known.items():
            one_of(document, ("search", "outcomes", i, name), getattr(one, name), allowed, name)


def _column(batch: Batch, one: Outcome, year: int, document: Document, number: int) -> int:
    wanted = {"indicator": one.indicator, "product": one.product, "group": one.group, "year": year}
    found = np.ones(len(batch.outputs["year"]), dtype=np.bool_)
    for name, value in wanted.items():
        found &= batch.outputs[name] == value
    if not found.any():
        place = ("search", "outcomes", number)
        given = f"{one.indicator} of {one.product}, {one.group}, {year}"
        allowed = "an indicator, product, group and year that go together"
        raise refusal(document, place, "this has no value", given, allowed)
    return int(np.flatnonzero(found)[0])


def _problem(
    batch: Batch, search: Search, levers: tuple[int, ...], asked: tuple[list[int], Document]
) -> Problem:
    years, document = asked
    catalogue, factors = batch.study.layout.catalogue, [batch.factors[k] for k in levers]
    names, rows = names_of(catalogue), {row.id: row for row in catalogue.indicators}
    outcomes = []
    for i, (one, year) in enumerate(zip(search.outcomes, years, strict=True)):
        label = f"{rows[one.indicator].name}, {names[one.product]}, {one.group}, {year}"
        better = one.better or _better(one, document, i)
        of = (one.indicator, one.product, one.group, year)
        outcomes.append(Wanted(label, rows[one.indicator].unit, better, one.statistic, one.aim, of))
    weights, unit = effort_of(tuple(f.name for f in factors), batch.study.library)
    money = unit != MEASURES

    def effort(positions: Float) -> Float:
        shares = positions / 100.0
        return np.asarray((shares if money else np.abs(shares)) @ weights)

    return Problem(
        levers=tuple(factor.name for factor in factors),
        low=np.array([factor.low for factor in factors]),
        high=np.array([factor.high for factor in factors]),
        outcomes=tuple(outcomes),
        effort=effort,
        effort_unit=unit,
        counts_effort=search.cost,
        limit=search.limit,
        step=search.step,
    )


def _better(one: Outcome, document: Document, number: int) -> Better:
    rows = [row for row in load_scoreboard() if row.per is None and row.statistic == "level"]
    exact = [r.better for r in rows if (r.indicator, r.product) == (one.indicator, one.product)]
    found = set(exact or [row.better for row in rows if row.indicator == one.indicator])
    if len(found) == 1:
        return found.pop()
    place = ("search", "outcomes", number)
    message = "the table of the scoreboard does not say which direction is better"
    raise refusal(document, place, message, one.indicator, "better: up, or better: down")


def effort_of(levers: tuple[str, ...], library: Library) -> tuple[Float, str]:
    """What each lever at 100 costs a year, (levers,), and its unit.

    Where the cost of any measure is not known, all are counted as measures instead: 1 each.
    """
    members = [[library.measures[one] for one in library.members(name)] for name in levers]
    costs = [one.entry.cost for own in members for one in own]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return np.array([float(len(own)) for own in members]), MEASURES
    year = max(cost.price_year for cost in known)
    weights = [
        sum(
            one.entry.cost.eur_per_year * (1.0 + INFLATION) ** (year - one.entry.cost.price_year)
            for one in own
            if one.entry.cost is not None
        )
        for own in members
    ]
    return np.array(weights, dtype=np.float64), f"EUR of {year} per year"


def scenario_text(portfolio: Portfolio, name: str, positions: Float, note: str) -> str:
    """A portfolio as a scenario file: the study's scenario with these levers.

    ``positions`` (levers,), in per cent.
    """
    import yaml

    scenario = portfolio.batch.scenarios[0]
    base = scenario.document.value
    assert isinstance(base, dict)
    kept = {
        key: value
        for key, value in base.items()
        if key not in ("id", "title", "description", "levers", "author", "date", "note")
    }
    levers = portfolio.problem.levers
    found: dict[str, float] = {name: float(x) for name, x in zip(levers, positions, strict=True)}
    if base.get("levers"):  # of measures and objectives the narrower counts: all as measures
        members = portfolio.library.members
        spread = {one: x for lever, x in found.items() for one in members(lever)}
        own = {one: float(x) for one, x in scenario.plan.levers.items()}
        found = {**own, **spread}
    made: dict[str, object] = {
        "id": name,
        "title": f"{portfolio.file.title[:150]}: portfolio {name.rpartition('-')[2]}",
        "description": note,
        **kept,
        "levers": found,
    }
    return str(yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100))
