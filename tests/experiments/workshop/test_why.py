"""What each lever contributes: whole, nothing for nothing, the same for the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from experiments.workshop.engine import Engine
from experiments.workshop.view import OWN, Graph, idle
from experiments.workshop.why import DRAWS, RUNS, Float, Why, explain
from experiments.workshop.wording import words_of
from scenarios.schema import ScenarioFile
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

DEATHS = Graph("overdose_deaths", "any_illegal")


def of(**moves: object) -> ScenarioFile:
    return ScenarioFile.model_validate({"id": OWN, **moves})


class Toy:
    """Stands for the engine: 2030 is 100, less what levers take, which disturb each other."""

    seed = 1

    def plan(self, scenario: ScenarioFile) -> Any:
        return scenario

    def plans_values(
        self,
        plans: Sequence[Any],
        graphs: Sequence[Graph],
        draws: int = DRAWS,
        progress: Callable[[int], bool] = lambda done: True,
    ) -> Float:
        found = np.full((len(plans), len(graphs), draws, 2), np.nan)
        for i, plan in enumerate(plans):
            if not progress(i):
                break
            sizes = np.asarray([x for name, x in plan.levers.items() if name != "SD6"])
            whole = 100.0 - sizes.sum() + 0.01 * (sizes.sum() ** 2 - (sizes**2).sum())
            found[i] = (whole + np.arange(draws))[None, :, None]
        return found


def rows(why: Why | None) -> dict[str, float]:
    assert why is not None
    return {row.id.partition(".")[2] or row.id: row.mean for row in why.rows}


def test_contributions_of_a_game_that_can_be_counted_by_hand() -> None:
    why = explain(Toy(), of(levers={"SD1": 10, "SD2": 30, "SD6": 50}), DEATHS)
    # 100 - 40 + 0.01 * (1600 - 1000) = 66; what both disturb is shared in halves.
    assert rows(why) == pytest.approx({"SD2": -27.0, "SD1": -7.0, "SD6": 0.0})
    assert why is not None
    assert why.exact
    assert (why.runs, why.draws) == (8, DRAWS)
    assert why.total.mean == pytest.approx(-34.0)
    assert why.share(why.rows[0]) == pytest.approx(27.0 / 34.0)
    assert [row.id for row in why.rows] == ["levers.SD2", "levers.SD1", "levers.SD6"]


def test_the_range_is_that_of_the_draws_that_were_run() -> None:
    class Spread(Toy):
        def plans_values(self, plans: Sequence[Any], *given: Any, **more: Any) -> Float:
            found = super().plans_values(plans, *given, **more)
            for i, plan in enumerate(plans):  # what each draw adds where anything is moved
                found[i] += (np.arange(DRAWS) * bool(plan.levers))[None, :, None]
            return found

    why = explain(Spread(), of(levers={"SD1": 10}), DEATHS)
    assert why is not None
    ends = [(row.low, row.high) for row in (*why.rows, why.total)]
    assert ends == [pytest.approx((-10.0, -10.0 + DRAWS - 1))] * 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_of_the_range_names_the_draws(language: str) -> None:
    words = words_of(language, library().texts)
    gaps = dict.fromkeys(("graph", "after", "unit", "year", "before", "change", "low", "high"), "x")
    for key in ("why.caption", "why.contribution", "why.sentence"):
        said = words.say(key, **gaps, draws=DRAWS)
        assert str(DRAWS) in said
        assert "90" not in said


def test_the_same_levers_contribute_the_same() -> None:
    found = rows(explain(Toy(), of(levers={"SD1": 20, "SD2": 20, "SD3": 20}), DEATHS))
    assert found["SD1"] == pytest.approx(found["SD2"]) == pytest.approx(found["SD3"])


def test_many_levers_are_sampled_within_the_runs_and_still_add_up() -> None:
    many = {f"{sd}.{number}": 5 + sd for sd in (1, 2, 3) for number in (1, 2, 3, 4, 5)}
    why = explain(Toy(), of(levers=many), DEATHS)
    assert why is not None
    assert not why.exact
    assert why.runs <= RUNS + 2
    assert sum(row.mean for row in why.rows) == pytest.approx(why.total.mean)
    assert all(row.error >= 0.0 for row in why.rows)


def test_nothing_moved_has_nothing_to_explain_and_work_can_be_stopped() -> None:
    assert explain(Toy(), idle(), DEATHS) is None
    told: list[tuple[int, int]] = []

    def stop(done: int, runs: int) -> bool:
        told.append((done, runs))
        return done < 2

    assert explain(Toy(), of(levers={"SD1": 10, "SD2": 30}), DEATHS, stop) is None
    assert told == [(0, 4), (1, 4), (2, 4)]


def test_of_the_engine_they_agree_with_the_graph(engine: Engine) -> None:
    scenario = of(levers={"2.1": 60, "2.2": 60}, trends={"F1": 0})
    why = explain(engine, scenario, DEATHS)
    assert why is not None
    drawn = engine.baseline.ran[: why.draws]
    before = engine.baseline.of(DEATHS)[drawn, -1]
    after = engine.values(scenario, [DEATHS])[0, drawn, -1]
    assert why.before == pytest.approx(before.mean(), rel=1e-6)
    assert why.after == pytest.approx(after.mean(), rel=1e-6)
    assert why.total.mean == pytest.approx((after - before).mean(), rel=1e-6)
    assert sum(row.mean for row in why.rows) == pytest.approx(why.total.mean)
    assert rows(why)["F1"] == pytest.approx(0.0, abs=1e-9)
    assert rows(why)["2.1"] < 0.0 or rows(why)["2.2"] < 0.0
