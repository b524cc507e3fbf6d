"""The JSON API: what it lists, what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from experiments.workshop.answers import LEVELS, YEARS
from experiments.workshop.api import (
    MOST_WAITING,
    GraphIn,
    Queue,
    RunIn,
    RunOut,
    api_routes,
    read_json,
    run_of,
)
from experiments.workshop.engine import Engine
from experiments.workshop.view import Graph
from model.errors import InputError
from scenarios.schema import ScenarioFile

GRAPH = {"indicator": "problematic_prevalence", "product": "alcohol"}
NATION = {"indicator": "substitution_clients", "product": "opioids"}


@pytest.fixture(scope="module")
def client(engine: Engine) -> TestClient:
    app = FastAPI(openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.include_router(api_routes(engine, lambda fan, scenario: [f"about {fan.graph.product}"]))
    return TestClient(app)


def body(**given: Any) -> dict[str, Any]:
    scenario = {"id": "mine", "levers": {"alcohol-excise": 100}}
    return {"scenario": scenario, "graphs": [GRAPH], **given}


def test_a_run_is_what_the_page_shows(client: TestClient, engine: Engine) -> None:
    answer = client.post("/api/run", json=body())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    graph, scenario = Graph(**GRAPH), ScenarioFile(id="mine", levers={"alcohol-excise": 100})
    fan = engine.answer(scenario, (graph,)).fans[0]
    assert found["years"] == list(YEARS)
    assert found["levels"] == list(LEVELS)
    assert (found["draws"], found["lost"]) == (engine.draws, 0)
    shown = found["graphs"][0]
    np.testing.assert_allclose(shown["scenario"], fan.bands)
    np.testing.assert_allclose(shown["current_policy"], engine.reference(graph).bands)
    assert fan.change is not None
    assert shown["change"]["median"] == pytest.approx(fan.change.median)
    assert shown["change"]["low"] < 0.0
    assert shown["unit"] == "proportion"
    assert shown["flags"] == ["about alcohol"]
    assert found["provenance"] == engine.provenance()


def test_draws_and_levels_can_be_chosen(client: TestClient) -> None:
    found = client.post("/api/run", json=body(draws=4, levels=[0.5], graphs=[GRAPH, NATION])).json()
    assert found["draws"] == 4
    assert [np.shape(graph["scenario"]) for graph in found["graphs"]] == [(1, len(YEARS))] * 2


def test_current_policy_changes_nothing(client: TestClient) -> None:
    graph = client.post("/api/run", json=body(scenario={"id": "mine"})).json()["graphs"][0]
    assert graph["scenario"] == graph["current_policy"]
    assert graph["change"] == {"median": 0.0, "low": 0.0, "high": 0.0, "agree": 1.0}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"scenario": {"id": "mine", "levers": {"SD9": 1}}}, "SD9"),
    ({"scenario": {"id": "mine", "levers": {"SD1": 101}}}, "SD1"),
    ({"scenario": {"id": "mine", "levers": {"SD1": -1}}}, "SD1"),
    ({"scenario": {"id": "mine", "trends": {"F9": 1}}}, "F9"),
    ({"scenario": {"id": "mine", "code": "import os"}}, "code"),
    ({"scenario": {"id": "mine", "branch": "2020-01"}}, "branch"),
    ({"scenario": {"id": "../mine"}}, "id"),
    ({"scenario": "current-policy"}, "scenario"),
    ({"graphs": []}, "graphs"),
    ({"graphs": [GRAPH] * 9}, "graphs"),
    ({"graphs": [{**GRAPH, "indicator": "wealth"}]}, "indicator"),
    ({"graphs": [{**GRAPH, "product": "tea"}]}, "product"),
    ({"graphs": [{**GRAPH, "region": "Paris"}]}, "region"),
    ({"draws": 0}, "draws"),
    ({"draws": 201}, "draws"),
    ({"draws": 199}, "draws"),
    ({"draws": "4"}, "draws"),
    ({"levels": [0.0]}, "levels"),
    ({"levels": [0.9, 0.1]}, "levels"),
    ({"levels": [0.5] * 12}, "levels"),
]


@pytest.mark.parametrize(("given", "key"), REFUSED)
def test_what_is_wrong_is_told_with_its_key(
    client: TestClient, given: dict[str, Any], key: str
) -> None:
    answer = client.post("/api/run", json=body(**given))
    assert answer.status_code == 400, answer.text
    found = answer.json()
    assert key in found["key"]
    assert found["message"]
    assert found["allowed"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"scenario": {"id": "a", "id": "b"}, "graphs": []}',
        b'{"draws": NaN}',
        b'{"draws": 1e999}',
        b'{"draws": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_is_told(client: TestClient, raw: bytes) -> None:
    answer = client.post("/api/run", content=raw)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_large_body_with_a_key_twice_is_told_at_once() -> None:
    names = [f'"k{i}": 0' for i in range(20_000)]
    began = time.perf_counter()
    with pytest.raises(InputError) as error:
        read_json(("{" + ", ".join([*names, names[-1]]) + "}").encode())
    assert error.value.key == "k19999"
    assert time.perf_counter() - began < 1.0


class Breaking:
    """The engine, but that some draws of a scenario that moves break down."""

    def __init__(self, engine: Engine, broken: int) -> None:
        self._engine, self._broken = engine, broken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def values(self, scenario: ScenarioFile, graphs: Any, draws: int | None = None) -> Any:
        found = self._engine.values(scenario, graphs, draws)
        if scenario.levers:
            found[:, : self._broken, YEARS.index(2024) :] = np.nan
        return found


def test_draws_that_break_down_are_told_apart(engine: Engine) -> None:
    scenario = ScenarioFile(id="mine", levers={"alcohol-excise": 100})
    asked = RunIn(scenario=scenario, graphs=[GraphIn(**GRAPH)], levels=[0.5])
    found = run_of(asked, Breaking(engine, 3), lambda fan, scenario: [])  # type: ignore[arg-type]
    assert (found.draws, found.lost) == (engine.draws - 3, 3)
    assert found.graphs[0].change.median is not None
    with pytest.raises(InputError, match="every draw"):
        run_of(asked, Breaking(engine, engine.draws), lambda fan, scenario: [])  # type: ignore[arg-type]


def test_lists_name_all_that_a_body_may_name(client: TestClient, engine: Engine) -> None:
    found = client.get("/api/levers").json()
    levers = {lever["id"]: lever for lever in found["levers"]}
    assert set(levers) == {*engine.library.levers, *engine.library.trends}
    assert all(lever["names"].keys() == {"en", "nl", "fr", "de"} for lever in levers.values())
    assert all(lever["at_100"]["en"] for lever in levers.values())
    measures = [lever for lever in levers.values() if lever["kind"] == "measure"]
    assert all(m["source"] and m["grade"] and m["at_100_source"] for m in measures)
    assert levers["F1"]["minimum"] == -100
    assert levers["1.1"]["within"] == "SD1"
    assert {row["id"]: row["unit"] for row in found["indicators"]}["overdose_deaths"]
    ids = [row["id"] for row in client.get("/api/scenarios").json()]
    assert ids == list(engine.library.futures)


def test_only_the_api_is_described(client: TestClient) -> None:
    found = client.get("/api/openapi.json").json()
    assert set(found["paths"]) == {"/api/levers", "/api/scenarios", "/api/run"}
    run = found["paths"]["/api/run"]["post"]
    schema = run["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == {"scenario", "graphs"}
    assert "levers" in schema["properties"]["scenario"]["properties"]
    assert {"200", "400", "413", "429", "503"} <= set(run["responses"])
    assert client.get("/docs").status_code == 404
    assert client.get("/redoc").status_code == 404


def test_runs_take_turns_and_too_many_are_sent_away() -> None:
    running, most, gate = [0], [0], threading.Event()

    def work() -> RunOut:
        running[0] += 1
        most[0] = max(most[0], running[0])
        gate.wait(5.0)
        running[0] -= 1
        return RunOut(years=[], levels=[], draws=1, lost=0, graphs=[], provenance={})

    async def ask() -> list[RunOut | None]:
        queue = Queue()
        asked = [asyncio.create_task(queue.run(work)) for _ in range(MOST_WAITING + 3)]
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.gather(*asked)

    found = asyncio.run(ask())
    assert [one is None for one in found].count(True) == 2
    assert most == [1]
