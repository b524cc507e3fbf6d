"""Why a scenario differs from the baseline: what each of its blocks contributes, draw by draw.

The blocks are players of a cooperative game whose worth is the indicator of a run with some of
them; a contribution is a Shapley value (experiments.comparisons.shapley). Runs are
those of the compartments: many are needed, and of agents each would take minutes. Results of agents
are explained with the same draws, and told what the agents themselves differ by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.series import names_of
from experiments.comparisons.explain_agents import OwnDifference, own_difference
from experiments.comparisons.shapley import Game, Row, game_of, row_of, sampling_errors
from experiments.runs.attributes import attributes
from experiments.runs.folder import PROVENANCE, is_results
from experiments.runs.parts import Bench, open_bench
from experiments.runs.results import PART, other_version, run_again
from experiments.runs.scenario_results import GROUPS
from experiments.runs.study import Options, Study, build_study
from model.choice import Choice
from model.compartments import FIRST_YEAR
from model.errors import InputError
from model.observation import observe
from model.strata import COUNTRY, REGIONS
from scenarios.blocks_of import active_measures, players, restricted, without
from scenarios.compose import compose
from scenarios.schema import REFERENCE, Plan, Scenario
from scenarios.sizes import Deal

Float = npt.NDArray[np.float64]
Format = Literal["table", "csv", "json"]
Progress = Callable[[float], None]

USUAL = ("all", "any_illegal")  # unions that are explained when no product is asked for
NOT_PEOPLE = tuple(group for group in GROUPS if group not in (COUNTRY, *REGIONS))
# What must be as it was when the results were made: attribute of the results, and what it is.
SAME = {
    "levers_hash": "levers, trends, rules or blocks",
    "parameter_table_hash": "tables of the model",
    "posterior_hash": "the posterior",
    "package_version": "the version of the program",
}


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    results: Path
    scenario: str
    indicator: str
    product: str | None = None
    region: str | None = None
    group: str | None = None
    year: int = 2030
    draws: int = 10
    permutations: int = 64
    measures: bool = False
    format: Format = "table"
    out: Path | None = None
    threads: int = 1


@dataclass(frozen=True)
class Question:
    """One number of each run: an indicator of a product in a group in a year."""

    indicator: str
    product: str
    group: str
    year: int


@dataclass(frozen=True)
class About:
    """What is explained, in words. ``run_draws``: draws of the run."""

    scenario: str
    title: str
    question: Question
    name: str
    unit: str
    product_name: str
    drawn: Literal["posterior", "prior"]
    run_draws: int


@dataclass(frozen=True)
class Explained:
    """The answer. ``baseline`` and ``value``: medians over draws of both scenarios.

    ``draws``: those that were used; ``missing``: those without a value. ``orders``: those sampled,
    0 when all subsets were run. ``others``: what the scenario loses without each measure, None
    when not asked for. ``agents``: what agents differ by, None where the results are not of agents.
    """

    about: About
    draws: int
    missing: int
    exact: bool
    orders: int
    subsets: int
    baseline: float
    value: float
    total: Row
    rows: tuple[Row, ...]
    others: tuple[Row, ...] | None
    agents: OwnDifference | None = None


def explain(asked: Asked, progress: Progress = lambda share: None) -> Explained:
    """Simulate the first draws of a run anew, with and without each block.

    Raises InputError before anything is simulated when the question does not fit the run, or the
    files have changed since.
    """
    study, scenario, seeds = study_of(asked)
    question = _question(study, scenario, asked)
    plan, library = scenario.plan, study.library
    blocks = players(plan, library)
    if not blocks:
        raise InputError("the scenario moves nothing", key="SCENARIO", given=asked.scenario)
    game = game_of(blocks, asked.permutations, study.options.seed)
    measures = active_measures(plan) if asked.measures else ()
    plans = [restricted(plan, game.members(mask), library) for mask in game.masks]
    plans += [without(plan, name) for name in measures]
    values = values_of(study, scenario, plans, question, asked, progress)
    there = np.isfinite(values).all(axis=0)
    if not there.any():
        raise _without_value(question)
    worth = dict(zip(game.masks, values[: len(game.masks), there], strict=True))
    none, whole = worth[0], worth[max(worth)]
    parts = game.parts(worth)
    lost = whole - values[len(game.masks) :, there]
    return Explained(
        about=_about(study, scenario, question),
        draws=int(there.sum()),
        missing=int((~there).sum()),
        exact=game.exact,
        orders=0 if game.exact else len(game.orders),
        subsets=len(game.masks),
        baseline=float(np.median(none)),
        value=float(np.median(whole)),
        total=row_of("total", "Total difference", whole - none),
        rows=_block_rows(study, blocks, parts),
        others=_measure_rows(study, measures, lost) if asked.measures else None,
        agents=_own(asked, question, seeds, game, values),
    )


def _own(
    asked: Asked, question: Question, seeds: int, game: Game, values: Float
) -> OwnDifference | None:
    """What the agents of the results differ by; ``values`` (plans, D) of the compartments."""
    if not seeds:
        return None
    masks = list(game.masks)
    gap = values[masks.index(max(masks))] - values[masks.index(0)]
    at: dict[str, str | int] = {"product": question.product, "group": question.group}
    at["time"] = question.year
    return own_difference(asked.results, asked.scenario, question.indicator, at, gap)


def _about(study: Study, scenario: Scenario, question: Question) -> About:
    catalogue = study.layout.catalogue
    row = next(one for one in catalogue.indicators if one.id == question.indicator)
    return About(
        scenario=scenario.id,
        title=scenario.title,
        question=question,
        name=row.name,
        unit=row.unit,
        product_name=names_of(catalogue)[question.product],
        drawn=study.origin.mode,
        run_draws=study.options.draws,
    )


def _block_rows(study: Study, blocks: Sequence[str], parts: Float) -> tuple[Row, ...]:
    shares, errors = parts.mean(axis=0), sampling_errors(parts)
    return _by_size(
        row_of(name, _label(study, name), share, float(error))
        for name, share, error in zip(blocks, shares, errors, strict=True)
    )


def _measure_rows(study: Study, measures: Sequence[str], lost: Float) -> tuple[Row, ...]:
    texts = study.library.texts["en"]
    return _by_size(
        row_of(name, texts.get(f"measure.{name}", name), values)
        for name, values in zip(measures, lost, strict=True)
    )


# What is asked


def study_of(asked: Asked) -> tuple[Study, Scenario, int]:
    """The study of a results folder, read anew, with the reference and the scenario alone.

    Of the compartments, whatever made the results; and how many seeds of agents these have, 0 for
    none. Raises InputError when there is no such run, or when its files have changed.
    """
    folder = asked.results
    if not is_results(folder):
        allowed = f"the folder of a run; make one with: {run_again(folder)} all"
        raise InputError("no results here", given=str(folder), allowed=allowed)
    told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    missing = [key for key in (*SAME, "scenario_hash") if key not in told]
    missing += [one.name for one in fields(Options) if one.name not in told["arguments"]]
    if missing:
        raise other_version(folder, missing, "what explaining needs")
    ids = [one.rpartition(":")[0] for one in told["scenario_hash"].split()]
    if asked.scenario not in ids[1:]:
        raise InputError(
            "a scenario that is not compared with the baseline in these results",
            key="SCENARIO",
            given=asked.scenario,
            allowed=ids[1:] or f"none: the run has {REFERENCE} alone",
        )
    study = build_study(options_of(told["arguments"]))
    check_fresh(told, {key: str(value) for key, value in attributes(study).items()}, asked)
    scenario = next(one for one in study.scenarios if one.id == asked.scenario)
    seeds = 0 if told["arguments"]["agents"] is None else int(told["arguments"]["agents"]["seeds"])
    return replace(study, scenarios=(study.scenarios[0], scenario)), scenario, seeds


def options_of(arguments: dict[str, object]) -> Options:
    """The options of a run from the arguments that its folder keeps, with compartments."""
    given = {one.name: arguments[one.name] for one in fields(Options)}
    given["scenarios"] = tuple(given["scenarios"])  # type: ignore[arg-type]
    given["out"] = Path(str(given["out"]))
    given["agents"] = None
    if given["catalogue"] is not None:
        given["catalogue"] = Path(str(given["catalogue"]))
    return Options(**given)  # type: ignore[arg-type]


def check_fresh(told: dict[str, str], now: dict[str, str], asked: Asked) -> None:
    """Refuse results whose inputs differ from the files of today. Raises InputError."""
    changed = [what for key, what in SAME.items() if told[key] != now[key]]
    before, after = (
        dict(one.rsplit(":", 1) for one in source["scenario_hash"].split())
        for source in (told, now)
    )
    for name in (REFERENCE, asked.scenario):
        if before.get(name) != after.get(name):
            changed.append(f"the file of the scenario {name}")
    if changed:
        raise InputError(
            f"changed since these results were made: {', '.join(changed)}; they cannot be "
            "explained with the files of today",
            given=str(asked.results),
            allowed="results of the present files: run the same command again",
        )


def _question(study: Study, scenario: Scenario, asked: Asked) -> Question:
    """What is asked, checked. Raises InputError."""
    catalogue = study.layout.catalogue
    _known("--indicator", asked.indicator, [row.id for row in catalogue.indicators])
    if asked.region is not None and asked.group is not None:
        allowed = "a region or a group"
        raise InputError("not both", key="--region, --group", allowed=allowed)
    if asked.region is not None:
        _known("--region", asked.region, (COUNTRY, *REGIONS))
    if asked.group is not None:
        _known("--group", asked.group, NOT_PEOPLE)
    first = FIRST_YEAR + scenario.branch // 12
    if not first <= asked.year <= study.options.until:
        raise InputError(
            "the scenario and the run have no such year to explain",
            key="--year",
            given=asked.year,
            allowed=f"{first} to {study.options.until}",
        )
    group = asked.region or asked.group or COUNTRY
    products = study.layout.products
    if asked.product is not None:
        _known("--product", asked.product, products)
    question = Question(asked.indicator, asked.product or products[0], group, asked.year)
    bench = open_bench(study, 0, 1)
    values = _seen(bench, Plan({}, {}), scenario.branch, question)[0]
    valued = [name for name, value in zip(products, values, strict=True) if np.isfinite(value)]
    if asked.product is not None and asked.product in valued:
        return question
    if asked.product is not None or not valued:
        raise _without_value(question, valued)
    usual = [name for name in USUAL if name in valued]
    if not usual and len(valued) > 1:
        raise InputError("which product?", key="--product", given="(nothing)", allowed=valued)
    return replace(question, product=(usual or valued)[0])


def _known(key: str, given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        raise InputError(f"unknown {key.removeprefix('--')}", key=key, given=given, allowed=allowed)


def _without_value(question: Question, valued: Sequence[str] = ()) -> InputError:
    where = f"{question.indicator} of {question.product}, {question.group}, {question.year}"
    return InputError(
        "this has no value",
        given=where,
        allowed=valued or "an indicator and a group that go together",
    )


def _by_size(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -abs(row.median)))


def _label(study: Study, name: str) -> str:
    texts = study.library.texts["en"]
    own = {"rules": "Adaptive rules", "events": "Events", "changes": "Changes of handles"}
    return own.get(name) or texts.get(f"strategic.{name}") or texts.get(f"trend.{name}", name)


# Runs


def values_of(
    study: Study,
    scenario: Scenario,
    plans: Sequence[Plan],
    question: Question,
    asked: Asked,
    progress: Progress,
) -> Float:
    """The indicator under each plan by draw, (plans, D); ``progress`` gets the share done."""
    draws = min(asked.draws, study.options.draws)
    threads = max(1, asked.threads)
    size = min(PART, -(-draws // threads))
    firsts = range(0, draws, size)
    at = study.layout.products.index(question.product)
    found = np.empty((len(plans), draws))
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(firsts), threads):  # as many at once as memory is meant for
            parts = [(one, min(one + size, draws)) for one in firsts[start : start + threads]]
            benches = list(pool.map(lambda part: open_bench(study, *part), parts))
            for i, plan in enumerate(plans):
                seen = pool.map(
                    lambda bench, plan=plan: _seen(bench, plan, scenario.branch, question), benches
                )
                for (first, last), values in zip(parts, seen, strict=True):
                    found[i, first:last] = values[:, at]
                done += parts[-1][1] - parts[0][0]
                progress(done / (len(plans) * draws))
    return found


def _seen(bench: Bench, plan: Plan, branch: int, question: Question) -> Float:
    """The indicator of every product under a plan, (D, products + unions)."""
    study = bench.study
    deal = Deal.of(bench.first, bench.draws.size, study.options.seed)
    composed = compose(plan, study.run_of(study.scenarios[1], deal))
    run = bench.run(branch, composed)
    group = GROUPS.index(question.group)
    values = observe(
        bench.prepared,
        bench.draws,
        study.layout.catalogue,
        run.output,
        run.forcing,
        study.group_cells[[group]],
        choice=Choice.of([question.indicator], question.year - FIRST_YEAR),
    )
    if question.indicator not in values:
        return np.full((bench.draws.size, len(study.layout.products)), np.nan)
    return np.asarray(values[question.indicator][:, 0, :, 0])
