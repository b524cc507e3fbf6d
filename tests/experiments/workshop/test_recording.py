"""The recorded run of agents: what it holds agrees with itself and with the run unseen."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from experiments.runs.agent_options import Agents
from experiments.runs.parts import open_bench
from experiments.runs.study import Options, build_study
from experiments.workshop import recording
from experiments.workshop.recording import (
    ORDER,
    REGION,
    SCENARIOS,
    STATES,
    Recorder,
    Size,
    outdated,
)
from experiments.workshop.sample import HEIGHT, PLACES, WIDTH, drawing
from model.errors import InputError
from scenarios.texts import LANGUAGES

TINY = Size(agents=6_000, people=60, first=6)
MOST_BYTES = 300_000
Runs = dict[str, Any]


@pytest.fixture(scope="module")
def runs() -> Runs:
    return recording.record(TINY)


def test_current_policy_comes_first_and_both_begin_alike(runs: Runs) -> None:
    assert list(runs) == ["current-policy", *SCENARIOS]
    before, after = runs.values()
    for key in ("at", "ties", "states", "persons"):
        assert before[key] == after[key]
    assert before["sample"][0] == after["sample"][0]
    assert before["sample"] != after["sample"]


def test_every_month_holds_every_person_shown(runs: Runs) -> None:
    for told in runs.values():
        people = len(told["at"])
        assert 6 <= people <= TINY.people
        assert told["months"] == len(told["sample"]) == 73
        assert {len(month) for month in told["sample"]} == {people}
        assert {int(c) for month in told["sample"] for c in month} <= set(range(len(STATES)))
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in told["at"])


def test_ties_are_within_the_sample_and_each_is_there_once(runs: Runs) -> None:
    told = runs["current-policy"]
    pairs = [(i, j) for i, j, _ in told["ties"]]
    assert len(set(pairs)) == len(pairs) > 0
    assert all(0 <= i < j < len(told["at"]) for i, j in pairs)
    assert {kind for _, _, kind in told["ties"]} <= set(range(len(PLACES)))


def test_nobody_shown_is_more_than_the_region_has(runs: Runs) -> None:
    for told in runs.values():
        for m, month in enumerate(told["sample"]):
            for state, row in told["totals"].items():
                assert month.count(str(STATES.index(state))) <= row[m]


def test_the_region_has_about_as_many_people_as_it_should(runs: Runs) -> None:
    told = runs["current-policy"]
    people = sum(row[0] for row in told["totals"].values()) * told["persons"]
    assert 0.9e6 < people < 1.3e6  # Brussels, from 10 years of age


def test_centres_and_lists_hold_everybody_in_care(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FIRST", 12)  # by then people wait
    study = build_study(Options(draws=1, plots="none", agents=Agents(6_000, 1)))
    bench = open_bench(study, 0, 1, (0,))
    twin = recording._twin(bench, study.scenarios[0])
    recorder = Recorder(twin, TINY, None)
    rows = recorder._centres()
    structure, people = twin.setting.structure, twin.crowd.people
    wanted = {"waiting": 0, "treated": 0}
    for p in range(len(structure.products)):
        first = int(structure.wiring.state_start[p])
        for z in range(first, int(structure.wiring.state_start[p + 1])):
            key = {"waiting": "waiting", "treatment": "treated"}.get(structure.states[z].reported)
            if key:
                wanted[key] += int(np.sum(people.state[p, recorder.inside] == z - first))
    assert {key: sum(row[key] for row in rows.values()) for key in wanted} == wanted
    assert twin.reception.mismatches() == 0


def test_centres_and_markets_have_a_number_for_every_month(runs: Runs) -> None:
    for told in runs.values():
        services = {centre["service"] for centre in told["centres"]}
        assert {"psychosocial", "substitution"} <= services
        for centre in told["centres"]:
            for key in ("places", "treated", "waiting", "weeks"):
                assert len(centre[key]) == told["months"]
            for waiting, weeks in zip(centre["waiting"], centre["weeks"], strict=True):
                assert (weeks is None) == (waiting == 0)
        for rows in told["markets"].values():
            assert {len(row) for row in rows.values()} == {told["months"]}
            assert min(rows["price"]) > 0
            assert min(rows["purity"]) > 0
            assert min(rows["stopped"]) >= 0


def test_equal_runs_leave_equal_bytes(runs: Runs) -> None:
    again = recording.record(TINY)
    for scenario, told in runs.items():
        assert recording.packed(again[scenario]) == recording.packed(told)
    other = recording.record(replace(TINY, seed=2), ())
    assert recording.packed(other["current-policy"]) != recording.packed(runs["current-policy"])


def test_looking_does_not_change_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    study = build_study(Options(draws=1, plots="none", agents=Agents(6_000, 1)))
    bench = open_bench(study, 0, 1, (0,))
    seen, unseen = (recording._twin(bench, study.scenarios[0]) for _ in range(2))
    monkeypatch.setattr(seen, "close", lambda: None)
    Recorder(seen, TINY, None).told()
    while unseen.month < seen.month:
        unseen.step()
    for one, other in zip(seen.crowd.people, unseen.crowd.people, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_rules_are_refused() -> None:
    with pytest.raises(InputError, match="rules"):
        recording.record(TINY, ("strategy-rules",))


def test_people_tied_to_each_other_are_drawn_closer() -> None:
    ties = np.array([[i, (i + 1) % 12] for i in range(12)] + [[12, 13], [13, 14], [14, 12]])
    at = drawing(15, ties)
    distance = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    tied = np.mean([distance[i, j] for i, j in ties])
    assert tied < 0.6 * distance[np.triu_indices(15, 1)].mean()
    assert np.array_equal(at, drawing(15, ties))
    assert len(np.unique(at, axis=0)) == 15


def test_what_is_shipped_is_small_and_whole() -> None:
    shipped = recording.recordings()
    assert list(shipped) == ["current-policy", *SCENARIOS]
    for scenario, told in shipped.items():
        path = recording.FOLDER / f"{scenario}{recording.SUFFIX}"
        assert path.stat().st_size <= MOST_BYTES
        assert json.loads(gzip.decompress(path.read_bytes())) == told
        assert told["region"] == REGION
        assert told["agents"] == Size().agents
        assert told["states"] == list(STATES)
        assert set(told["totals"]) == set(ORDER)
        moved = sum(a != b for m, n in pairwise(told["sample"]) for a, b in zip(m, n, strict=True))
        assert moved > 50  # there is something to see


def test_a_recording_of_other_tables_is_told() -> None:
    sources = dict(recording.recordings()["current-policy"]["provenance"])
    now = {key: str(value) for key, value in sources.items()}
    assert not outdated(sources, now)
    assert outdated(sources, now | {"posterior_hash": "0"})
    assert outdated(sources, {})


def test_everything_recorded_has_words_in_every_language() -> None:
    from experiments.workshop.wording import own_sentences

    said = own_sentences()
    told = recording.recordings()["current-policy"]
    keys = [f"agents.state.{state}" for state in told["states"]]
    keys += [f"agents.service.{centre['service']}" for centre in told["centres"]]
    keys += [f"agents.tie.{kind}" for kind in told["tie_kinds"]]
    keys += [f"agents.market.{key}" for rows in told["markets"].values() for key in rows]
    for key in keys:
        assert all(said[key][language] for language in LANGUAGES)
