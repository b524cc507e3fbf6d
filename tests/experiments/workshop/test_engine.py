"""The live answer: what the batch would give, in turn, and never an old question's."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from experiments.runs.parts import open_bench
from experiments.runs.scenario_results import group_cells
from experiments.workshop.answers import YEARS, Answer, Ask
from experiments.workshop.baseline import Block
from experiments.workshop.engine import Engine
from experiments.workshop.runs import SINCE
from experiments.workshop.view import OWN, START, Graph, idle
from model.choice import Choice
from model.errors import InputError
from model.observation import observe
from scenarios.schema import Plan, ScenarioFile
from tests.experiments.workshop.conftest import DRAWS

Float = npt.NDArray[np.float64]
COCAINE = Graph("problematic_prevalence", "cocaine")
WAITING = Graph("waiting", "alcohol", "Brussels", "25-34")


def moved(**levers: float) -> ScenarioFile:
    return ScenarioFile(id=OWN, levers=levers)


def test_answers_are_those_of_a_run_of_the_same_draws(engine: Engine) -> None:
    scenario = ScenarioFile(id=OWN, levers={"SD2": 70.0, "SD4": 40.0}, trends={"F3": 50.0})
    graphs = (Graph("overdose_deaths", "opioids"), Graph("social_cost", "all"))
    found = engine.values(scenario, graphs)
    study = engine.study
    bench = open_bench(study, 0, DRAWS, {12 * SINCE})
    from scenarios.compose import Run, compose
    from scenarios.sizes import Deal

    deal = Deal.of(0, DRAWS, study.options.seed)
    run = Run(study.library, study.structure, study.strata, 12 * SINCE, study.months, deal)
    simulated = bench.run(12 * SINCE, compose(engine.plan(scenario), run))
    seen = observe(
        bench.prepared,
        bench.draws,
        study.layout.catalogue,
        simulated.output,
        simulated.forcing,
        group_cells(study.strata)[:1],
        choice=Choice.of([graph.indicator for graph in graphs], 0),
    )
    for g, graph in enumerate(graphs):
        p = engine.baseline.owners.index(graph.product)
        np.testing.assert_allclose(found[g], seen[graph.indicator][:, :, p, 0], rtol=2e-7)


def test_current_policy_is_current_policy_to_the_bit(engine: Engine) -> None:
    answer = engine.answer(idle(), START)
    for fan in answer.fans:
        np.testing.assert_array_equal(fan.bands, engine.reference(fan.graph).bands)
        assert fan.change is not None
        assert (fan.change.median, fan.change.low, fan.change.high) == (0.0, 0.0, 0.0)


def test_before_the_branch_every_scenario_is_the_reference(engine: Engine) -> None:
    fan = engine.answer(moved(SD1=100.0), (COCAINE,)).fans[0]
    before = [i for i, year in enumerate(YEARS) if year < 2024]
    reference = engine.reference(COCAINE).bands
    np.testing.assert_array_equal(fan.bands[:, before], reference[:, before])
    assert fan.bands.shape == (5, len(YEARS))
    assert (np.diff(fan.bands, axis=0) >= 0.0).all()


def test_a_page_hears_a_preview_and_then_all_draws(engine: Engine) -> None:
    heard: list[tuple[int, Answer]] = []
    full = threading.Event()

    def told(number: int, answer: Answer) -> None:
        heard.append((number, answer))
        if all(any(n == wanted and a.draws == DRAWS for n, a in heard) for wanted in range(2)):
            full.set()

    scenarios = (moved(SD2=33.0), moved(SD3=33.0))
    engine.ask(Ask("both", scenarios, (WAITING, COCAINE), told))
    assert full.wait(30.0)
    first = {n: next(a for m, a in heard if m == n) for n in range(2)}
    assert all(2 <= answer.draws < DRAWS and answer.preview for answer in first.values())
    last = {n: [a for m, a in heard if m == n][-1] for n in range(2)}
    whole = engine.answer(scenarios[0], (WAITING, COCAINE))
    np.testing.assert_array_equal(last[0].fans[0].bands, whole.fans[0].bands)
    assert not last[1].preview


def test_while_the_hand_moves_only_the_newest_question_is_answered(engine: Engine) -> None:
    heard: list[int] = []
    done = threading.Event()

    def listener(position: int) -> None:
        def told(number: int, answer: Answer) -> None:
            heard.append(position)
            if position == 20:
                done.set()

        engine.ask(Ask("hand", (moved(SD6=float(position)),), START, told, live=True))

    for position in range(1, 21):
        listener(position)
    assert done.wait(30.0)
    time.sleep(0.2)
    assert heard[-1] == 20
    assert len(heard) < 20
    assert engine.asked == 0  # a live question is not refined


def test_pages_take_turns(engine: Engine) -> None:
    heard: dict[str, Answer] = {}
    for page in ("a", "b", "c"):

        def told(number: int, answer: Answer, page: str = page) -> None:
            heard.setdefault(page, answer)

        scenario = moved(SD1=60.0 + ord(page) % 7, SD5=50.0)
        engine.ask(Ask(page, (scenario,), START, told))
    until = time.monotonic() + 30.0
    while len(heard) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert all(answer.preview for answer in heard.values())  # nobody waited for all of another's
    for page in ("a", "b", "c"):
        engine.forget(page)


def test_rules_run_live_too(engine: Engine) -> None:
    scenario = ScenarioFile(id=OWN, rules=["all"])
    answer = engine.answer(scenario, (Graph("consumed_kg", "cocaine"),))
    assert answer.draws == DRAWS
    assert answer.broken is None


@pytest.mark.parametrize(
    ("scenario", "key"),
    [
        (ScenarioFile(id=OWN, levers={"SD9": 10.0}), "SD9"),
        (ScenarioFile(id=OWN, trends={"F9": 10.0}), "F9"),
        (ScenarioFile(id=OWN, branch="2020-01"), "branch"),
    ],
)
def test_what_cannot_be_run_is_refused(engine: Engine, scenario: ScenarioFile, key: str) -> None:
    with pytest.raises(InputError) as error:
        engine.answer(scenario, START)
    assert key in str(error.value)
    heard: list[Answer] = []
    said = threading.Event()

    def told(number: int, answer: Answer) -> None:
        heard.append(answer)
        said.set()

    engine.ask(Ask("bad", (scenario,), START, told))
    assert said.wait(10.0)
    assert heard[0].broken
    assert key in str(heard[0].broken)


def test_a_graph_of_nothing_is_refused(engine: Engine) -> None:
    for graph in (
        Graph("nonsense", "all"),
        Graph("waiting", "nitrous_oxide"),
        Graph("waiting", "alcohol", "Atlantis"),
        Graph("waiting", "alcohol", "Belgium", "0-9"),
    ):
        assert not engine.applies(graph)
        with pytest.raises(InputError, match="nothing is known"):
            engine.reference(graph)


def test_plans_stop_when_told(engine: Engine) -> None:
    plans = [engine.plan(moved(SD1=float(x))) for x in (10, 20, 30)]
    found = engine.plans_values(plans, START, 2, lambda done: done < 2)
    assert found.shape == (3, 2, 2, len(YEARS) - SINCE)
    assert np.isfinite(found[:2]).all()
    assert np.isnan(found[2]).all()


def test_the_draws_of_the_preview_are_spread_over_all(engine: Engine) -> None:
    ran = engine.baseline.ran
    assert len(set(ran.tolist())) == len(ran) == 8
    assert ran.max() < DRAWS


def test_several_who_ask_the_same_all_get_all_draws(engine: Engine) -> None:
    scenario = moved(SD3=71.0)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: engine.values(scenario, START), range(4)))
    for values in found:
        assert values.shape == (2, DRAWS, len(YEARS))
        np.testing.assert_array_equal(values, found[0])


def test_draws_that_break_down_are_left_out_and_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine._runs.run

    def broken(plan: Plan, block: Block, few: slice, graphs: Sequence[Graph]) -> Float:
        found = whole(plan, block, few, graphs)
        found[:, block.numbers[few] == 3] = np.nan
        return found

    monkeypatch.setattr(engine._runs, "run", broken)
    answer = engine.answer(moved(SD2=61.0), (COCAINE,))
    assert (answer.draws, answer.lost, answer.preview) == (DRAWS - 1, 1, False)
    values = engine.values(moved(SD2=61.0), (COCAINE,))[0]
    there = np.isfinite(values[:, -1])
    assert there.tolist() == [number != 3 for number in range(DRAWS)]
    median = np.median(values[there, -1])
    assert answer.fans[0].bands[2, -1] == pytest.approx(median, rel=1e-12)


def test_one_question_that_fails_does_not_silence_the_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object) -> Float:
        raise ValueError("secret")

    heard: list[Answer] = []
    said = threading.Event()

    def told(number: int, answer: Answer) -> None:
        heard.append(answer)
        said.set()

    with monkeypatch.context() as patched:
        patched.setattr(engine._runs, "run", fails)
        engine.ask(Ask("unlucky", (moved(SD4=13.0),), START, told))
        assert said.wait(10.0)
    assert heard[0].broken
    assert "secret" not in str(heard[0].broken)
    said.clear()
    engine.ask(Ask("lucky", (moved(SD4=14.0),), START, told, live=True))
    assert said.wait(20.0)
    assert heard[-1].fans


def test_an_answer_is_the_same_object_until_more_draws_are_run(engine: Engine) -> None:
    scenario = moved(SD1=35.0, SD3=15.0)
    few = engine.answer(scenario, START, draws=2)
    assert engine.answer(scenario, START, draws=2) is few
    more = engine.answer(scenario, START, draws=4)
    assert more is not few
    assert more.draws > few.draws
