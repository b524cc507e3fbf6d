"""The study file: what a batch runs and what it keeps, as its author writes it in YAML.

The shape is checked here, with lines; ``experiments.batch.plan`` checks the names beside all that
is known. Format: docs/batches.md, "The study file".
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from model.strata import COUNTRY
from scenarios.checked import ONE_LINE, Entry, Words, entry_of, refusal
from scenarios.entries import Id
from scenarios.lines import Document, read_yaml
from scenarios.schema import Moves

WHAT = "a study"
ALL, MAIN = "all", "main"
WHOLE = "whole"
DEFAULT_DRAWS = {"compartments": 20, "agents": 4}
MOST_YEARS = 100
MOVES = {"branch", *Moves.model_fields}  # keys that a scenario has and a study has not
# What names the thing that a factor varies: exactly one of these in each factor.
KINDS = ("trend", "lever", "effect", "parameter", "posterior", "sizes", "structure", "seed")


def _one(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value == 1:
        return value
    raise ValueError("1")


def _name(value: object) -> object:
    """A name; YAML reads 1.1 without quotes as a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'a name in quotes, such as "{value}"')
    return value


def _agents(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if whole or value == WHOLE:
        return value
    raise ValueError(f"a whole number from 1 on, or {WHOLE}: one agent for each inhabitant")


def _years(value: object) -> object:
    """A list of years; one year, or ``{from: 2024, to: 2030}``, is spread to one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, dict):
        return value
    first, last = value.get("from"), value.get("to")
    if type(first) is int and type(last) is int and set(value) == {"from", "to"}:
        span = range(first, last + 1)
        if 0 < len(span) <= MOST_YEARS:
            return list(span)
    raise ValueError("years, such as [2025, 2030], or {from: 2024, to: 2030}")


Name = Annotated[str, BeforeValidator(_name), Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Number = Annotated[int | str, BeforeValidator(_agents)]


class FactorEntry(Entry):
    """What varies from point to point: one of the keys up to ``seed``, and between which ends.

    ``low`` and ``high``: positions of trends and levers, quantiles of effects and parameters, and
    values of settings.
    """

    trend: Name | None = None
    lever: Name | None = None
    effect: Name | None = None
    parameter: Name | None = None
    posterior: Annotated[int, Field(ge=2)] | None = None
    sizes: Annotated[int, Field(ge=2, le=100_000)] | None = None
    structure: Name | None = None
    seed: Annotated[int, Field(ge=2, le=10_000)] | None = None
    low: float | None = None
    high: float | None = None
    values: list[str] | None = None
    group: Annotated[str, Field(min_length=1, max_length=60, pattern=ONE_LINE)] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it names."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


class SampleEntry(Entry):
    """How the points are chosen. ``n``: points; of a grid, values of each factor."""

    method: Literal["latin", "sobol-sequence", "grid"] = "latin"
    n: Annotated[int, Field(ge=1)]
    seed: Seed = 1


class KeepEntry(Entry):
    """What is kept of each run."""

    indicators: Words = Field(default=[MAIN], min_length=1)
    products: Words = Field(default=[ALL], min_length=1)
    years: Annotated[list[int], BeforeValidator(_years)] = Field(default=[2030], min_length=1)
    groups: Words = Field(default=[COUNTRY], min_length=1)
    quantiles: Annotated[list[float], Field(min_length=1)] | None = None


class StudyFile(Entry):
    """A study as its file gives it."""

    id: Id
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE)]
    question: Annotated[str, Field(min_length=1)] | None = None
    version: Annotated[Literal[1], BeforeValidator(_one)] = 1
    engine: Literal["compartments", "agents"] = "compartments"
    scenarios: Annotated[Words, Field(min_length=1)]
    draws: Annotated[int, Field(ge=1)] | None = None
    seeds: Annotated[int, Field(ge=1, le=10_000)] | None = None
    agents: Number | None = None
    switches: Words | None = None
    prior: bool = False
    seed: Seed = 1
    until: int = 2030
    factors: list[FactorEntry] | None = None
    sample: SampleEntry | None = None
    keep: KeepEntry = KeepEntry()
    block: Annotated[int, Field(ge=1, le=100_000)] = 200


def read_study_file(path: Path) -> tuple[StudyFile, Document]:
    """The file at ``path``, its shape checked. Raises InputError with file and line."""
    document = read_yaml(path)
    value = document.value
    if isinstance(value, dict) and "scenarios" not in value and MOVES & value.keys():
        key = next(key for key in value if key in MOVES)
        allowed = "a study, which names this file under scenarios; drugfutures run FILE runs it"
        raise refusal(document, (key,), "this is a scenario, not a study", path.name, allowed)
    return entry_of(document, StudyFile, WHAT), document
