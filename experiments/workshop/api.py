"""The JSON API: the same scenarios, checks and limits as the page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from experiments.workshop.answers import BRANCH_YEAR, LEVELS, YEARS, Fan
from experiments.workshop.api_lists import Lists, ScenarioOut, lists_of
from experiments.workshop.estimate import bands
from experiments.workshop.view import EVERYONE, Graph, idle
from model.errors import InputError
from model.strata import COUNTRY
from scenarios.checked import Entry, entry_of
from scenarios.lines import DEEPEST, Document, short
from scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from experiments.workshop.engine import Engine

Float = npt.NDArray[np.float64]

MOST_GRAPHS, MOST_DRAWS, MOST_LEVELS = 8, 200, 11
MOST_WAITING = 8  # runs that wait for the one that runs
RETRY = 5  # seconds
Level = Annotated[float, Field(gt=0.0, lt=1.0)]


class GraphIn(Entry):
    """One indicator of one product (or union), for a region and an age group."""

    indicator: str
    product: str
    region: str = COUNTRY
    age: str = EVERYONE


class RunIn(Entry):
    """A scenario, as its file, and what to know of it."""

    scenario: ScenarioFile
    graphs: Annotated[list[GraphIn], Field(min_length=1, max_length=MOST_GRAPHS)]
    draws: Annotated[int | None, Field(ge=1, le=MOST_DRAWS)] = None
    levels: Annotated[
        list[Level], Field(min_length=1, max_length=MOST_LEVELS, default_factory=lambda: [*LEVELS])
    ]


class ChangeOut(BaseModel):
    """The scenario less current policy in the last year, draw by draw: its median, the interval
    that holds 90% of the draws, and the share of draws with the sign of the median."""

    median: float | None
    low: float | None
    high: float | None
    agree: float | None


class GraphOut(BaseModel):
    """Quantiles by level, then by year; null where the indicator does not apply."""

    indicator: str
    product: str
    region: str
    age: str
    unit: str
    scenario: list[list[float | None]]
    current_policy: list[list[float | None]]
    change: ChangeOut
    flags: list[str]


class RunOut(BaseModel):
    """Answers in the order of the graphs. ``draws``: those that have values; ``lost``: those in
    which the model broke down."""

    years: list[int]
    levels: list[float]
    draws: int
    lost: int
    graphs: list[GraphOut]
    provenance: dict[str, str]


class ErrorOut(BaseModel):
    """What is wrong, where, what was given, and what may stand there."""

    message: str
    key: str | None = None
    given: Any = None
    allowed: str | None = None


Flags = Callable[[Fan, ScenarioFile], list[str]]
Responses = dict[int | str, dict[str, Any]]
REFUSALS: Responses = {
    400: {"model": ErrorOut, "description": "Something in the body is wrong; it says what."},
    413: {"model": ErrorOut, "description": "The body is too large."},
    429: {"model": ErrorOut, "description": "Too many requests of one address."},
    503: {"model": ErrorOut, "description": "Too many runs wait; try again after a while."},
}


class Queue:
    """One run at a time; a few wait, more are sent away."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most, self._waiting = most, 0
        self._turn = asyncio.Semaphore(1)

    async def run(self, work: Callable[[], RunOut]) -> RunOut | None:
        """What ``work`` gives, run in a thread; None when too many wait."""
        if self._waiting > self._most:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def api_routes(engine: Engine, flags: Flags = lambda fan, scenario: []) -> APIRouter:
    """Routes under /api. ``flags``: what to say of a graph's bands."""
    router, queue, lists = APIRouter(prefix="/api"), Queue(), lists_of(engine)

    @router.get("/levers", summary="Levers, trends, and what can be shown of a scenario")
    def levers() -> Lists:
        return lists

    @router.get("/scenarios", summary="The shipped scenarios")
    def scenarios() -> list[ScenarioOut]:
        return lists.scenarios

    @router.post(
        "/run",
        summary="Run a scenario to 2030 beside current policy",
        response_model=RunOut,
        responses=REFUSALS,
        openapi_extra=_described(RunIn),
    )
    async def run(request: Request) -> Response:
        try:
            asked = read_run(await request.body(), engine)
            found = await queue.run(lambda: run_of(asked, engine, flags))
        except InputError as error:
            return JSONResponse(error_of(error), 400)
        except FloatingPointError:
            return JSONResponse({"message": "the model broke down in this scenario"}, 400)
        if found is None:
            busy = {"message": "too many runs wait: try again in a few seconds"}
            return JSONResponse(busy, 503, headers={"retry-after": str(RETRY)})
        return JSONResponse(found.model_dump())

    return router


def _described(model: type[BaseModel]) -> dict[str, Any]:
    """The body in OpenAPI: read here, not by FastAPI, so that errors are told as of files."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    inner = schema.pop("$defs", {})
    content = {"application/json": {"schema": _inlined(schema, inner)}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, inner: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(part, inner) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(inner[schema["$ref"].rpartition("/")[2]], inner)
    return {key: _inlined(part, inner) for key, part in schema.items()}


def error_of(error: InputError) -> dict[str, object]:
    """An error as the API tells it."""
    given = None if error.given is None else short(error.given)
    return ErrorOut(
        message=error.message, key=error.key, given=given, allowed=error.allowed
    ).model_dump(exclude_none=True)


def read_run(body: bytes, engine: Engine) -> RunIn:
    """A body, checked. Raises InputError with key, given and allowed."""
    asked = entry_of(Document("body", read_json(body), {}), RunIn, "a body")
    if asked.draws is not None and asked.draws > engine.draws:
        allowed = f"1 to {engine.draws}: this server holds no more"
        raise InputError("too many draws", key="draws", given=asked.draws, allowed=allowed)
    if sorted(set(asked.levels)) != asked.levels:
        allowed = "levels that rise"
        raise InputError("the levels", key="levels", given=asked.levels, allowed=allowed)
    return asked


def read_json(body: bytes) -> object:
    """Plain JSON: no key twice, no NaN, not too deep. Raises InputError."""
    try:
        found = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
        depth = _depth(found)
        json.dumps(found, ensure_ascii=False).encode()  # half of a character has no bytes
    except UnicodeError:
        raise InputError("the body is not UTF-8 text", allowed="JSON in UTF-8") from None
    except RecursionError:
        raise InputError("nested too deep", allowed=f"{DEEPEST} levels") from None
    except ValueError as error:
        told = f"malformed JSON ({short(str(error))})"
        raise InputError(told, allowed="an object with the keys scenario and graphs") from None
    if depth > DEEPEST:
        raise InputError("nested too deep", allowed=f"{DEEPEST} levels")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise InputError("the key stands twice", key=str(short(name)), allowed="each key once")
        found[name] = value
    return found


def _no_constant(given: str) -> object:
    raise InputError("a number is not finite", given=given, allowed="a finite number")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def run_of(asked: RunIn, engine: Engine, flags: Flags) -> RunOut:
    """Run what was asked, here and now. Raises InputError, FloatingPointError."""
    graphs = tuple(Graph(**one.model_dump()) for one in asked.graphs)
    engine.plan(asked.scenario)
    found = engine.values(asked.scenario, graphs, asked.draws)
    reference = engine.values(idle(), graphs, asked.draws)
    # A draw in which one of the two broke down says nothing of the change.
    count = min(found.shape[1], reference.shape[1], asked.draws or engine.draws)
    found, reference = found[:, :count], reference[:, :count]
    lost = _lost(found, reference)
    if lost == count:
        raise InputError("the model breaks down in every draw of this scenario")
    units = {row.id: row.unit for row in engine.catalogue.indicators}
    return RunOut(
        years=list(YEARS),
        levels=asked.levels,
        draws=count - lost,
        lost=lost,
        graphs=[
            GraphOut(
                **asked.graphs[g].model_dump(),
                unit=units[graph.indicator],
                scenario=_quantiles(found[g], asked.levels),
                current_policy=_quantiles(reference[g], asked.levels),
                change=_change(found[g, :, -1] - reference[g, :, -1]),
                flags=flags(Fan(graph, bands(found[g])), asked.scenario),
            )
            for g, graph in enumerate(graphs)
        ],
        provenance=engine.provenance(),
    )


def _lost(found: Float, reference: Float) -> int:
    """Draws of (graphs, draws, years) without values after the branch, where such can be."""
    after = slice(YEARS.index(BRANCH_YEAR), None)
    some, known = (np.isfinite(x[:, :, after]).any(axis=(0, 2)) for x in (found, reference))
    return int((~some & known.any()).sum())


def _quantiles(values: Float, levels: list[float]) -> list[list[float | None]]:
    """Quantiles (levels, years) over draws (N, years); null where no draw has a value."""
    columns = [column[np.isfinite(column)] for column in values.T]
    found = [np.quantile(c, levels) if c.size else np.full(len(levels), np.nan) for c in columns]
    return [[_plain(x) for x in row] for row in np.transpose(found)]


def _change(differences: Float) -> ChangeOut:
    some = differences[np.isfinite(differences)]
    if not some.size:
        return ChangeOut(median=None, low=None, high=None, agree=None)
    low, median, high = np.quantile(some, (LEVELS[0], 0.5, LEVELS[-1]))
    agree = np.mean(np.sign(some) == np.sign(median))
    return ChangeOut(median=_plain(median), low=_plain(low), high=_plain(high), agree=_plain(agree))


def _plain(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
