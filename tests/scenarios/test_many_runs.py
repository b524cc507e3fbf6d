"""Many runs composed at once: each is what its own plain plan comes to alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.forcing import Change, Forcing, build_forcing
from model.structure import NOBODY
from scenarios.compose import Run, compose
from scenarios.library import Library
from scenarios.schema import Combining, Event, Plan
from scenarios.sizes import Deal
from scenarios.trends import read_trends
from tests.scenarios.conftest import MONTHS
from tests.scenarios.made import START, driver, measure, moved, with_measures

Float = npt.NDArray[np.float64]
MANY = 3
RANGE = "{central: 0.7, low: 0.5, high: 0.9}"
UP = "low: 1.1, central: 1.5, high: 2.0"
SHOCK = "{low: 0.05, central: 0.2, high: 0.6, months: 12%s}"

MEASURES = (
    measure("share", f"{START}, effect: {RANGE}", fidelity="true", joint="true"),
    measure("twin", f"{START}, effect: {RANGE}, coverage: {{central: 0.5, low: 0.2, high: 0.8}}"),
    measure("young", f"{START}, ages: [15, 24], effect: {{central: 1.3}}"),
    measure("dose", f"{START}, form: dose, effect: {RANGE}"),
    measure("points", f"{START}, form: points, points: {{0: 1, 50: 0.9, 100: 0.6}}"),
    measure(
        "late",
        f"{START}, effect: {RANGE}",
        timing="{start: 2025-01, lag: 1.3, ramp: 2, fades: 0.1}",
        reach="{most_deprived: 0.5, others: 1.0}",
    ),
    measure("floor", "handle: price_floor, products: [alcohol], form: level, effect: {central: 1}"),
    measure("stays", "handle: capacity, products: [opioids], form: dose, effect: {central: 1.2}"),
    measure("more", "handle: capacity, products: [opioids], form: dose, effect: {central: 1.4}"),
    measure("better", "handle: effect_fidelity, form: dose, effect: {central: 1.2}"),
    measure("joined", "handle: coherence, form: dose, effect: {central: 1.3}"),
    measure("sooner", "handle: lag, form: dose, effect: {central: 0.6}"),
    measure("told", "handle: detection_delay, form: dose, effect: {central: 0.5}"),
)
SIDES = f"{UP}, plus: high, minus: low"
BOTH = f"{START}, {SIDES}"
NO_MINUS = SHOCK % ", minus: null"
DRIVERS = {
    "F1": (
        driver("F1.1", f"{START}, {UP}, plus: high"),
        driver("F1.2", BOTH, side="mixed", shape="s-curve"),
        driver("F1.3", f"handle: lag, {UP}, plus: high"),
        driver("F1.4", f"{START}, {UP}, minus: high", side="favourable", shape="late"),
    ),
    "F2": (
        driver("F2.1", BOTH, side="mixed", shape="shock", shock=NO_MINUS),
        driver("F2.2", BOTH, side="mixed", shape="shock", shock=SHOCK % ", plus: high, minus: low"),
        driver("F2.3", f"handle: effect_fidelity, {UP}, minus: high", side="favourable"),
        driver("F2.4", f"handle: update_interval, {SIDES}", side="mixed"),
        driver("F2.5", BOTH, side="mixed", shape="step", shock=SHOCK % ", by_2030: true"),
        driver("F2.6", f"handle: lag, {SIDES}", side="mixed", shape="step"),
        driver("F2.7", f"handle: lag, {SIDES}", side="mixed", shape="shock", shock=NO_MINUS),
        driver(
            "F2.8", f"handle: update_interval, {SIDES}", side="mixed", shape="shock", shock=NO_MINUS
        ),
    ),
    "F3": (
        driver("F3.1", BOTH, side="mixed", shape="random-walk"),
        driver("F3.2", f"{START}, {UP}, plus: high"),
    ),
}


@pytest.fixture(scope="module")
def own(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Measures and drivers of every kind that there is, most on one handle of one product."""
    folder = tmp_path_factory.mktemp("many")
    made = with_measures(library, folder, *MEASURES)
    files = []
    for trend, texts in DRIVERS.items():
        path: Path = folder / f"{trend}.yaml"
        path.write_text(f"id: {trend}\ndrivers:\n" + "".join(texts), encoding="utf-8")
        files.append(path)
    return replace(
        made,
        drivers=read_trends(files, library.known, made.measures),
        trends=tuple(DRIVERS),
        cross_impact=np.array([[1.0, 0.4, 0.2], [0.4, 1.0, 0.1], [0.2, 0.1, 1.0]]),
        rules={"treatment-demand": library.rules["treatment-demand"]},
    )


def forcing_of(changes: tuple[Change, ...], run: Run) -> Forcing:
    return build_forcing(run.structure, run.strata, MONTHS, changes)


def by_stratum(forcing: Forcing, handle: int, product: int, d: int) -> Float:
    """One handle of one product, (months, S)."""
    number = forcing.series[handle, product]
    if number == NOBODY:
        return np.full((MONTHS, len(forcing.cell)), forcing.neutral[handle])
    return np.asarray(forcing.values[min(d, len(forcing.values) - 1), number][:, forcing.cell])


def check_each_run(plan: Plan, run: Run) -> None:
    """Every run of a plan is the plain plan of that run, composed alone."""
    together = compose(plan, run)
    forcing = forcing_of(together.changes, run)
    for d in range(run.deal.count):
        alone = compose(plan.one(d), replace(run, deal=run.deal.one(d)))
        single = forcing_of(alone.changes, run)
        for handle, product in np.argwhere((forcing.series != NOBODY) | (single.series != NOBODY)):
            np.testing.assert_allclose(
                by_stratum(forcing, handle, product, d),
                by_stratum(single, handle, product, 0),
                rtol=1e-14,
                err_msg=f"run {d}: {run.structure.handles[handle]}",
            )
        for rule, same in zip(together.rules, alone.rules, strict=True):
            np.testing.assert_allclose(np.broadcast_to(rule.delay, MANY)[d], same.delay)
            np.testing.assert_allclose(np.broadcast_to(rule.interval, MANY)[d], same.interval)


positions = st.one_of(st.just(0.0), st.sampled_from([-100.0, 100.0]), st.floats(-100, 100))
by_run = st.lists(positions, min_size=MANY, max_size=MANY).map(np.array)
scores = st.lists(st.floats(-3, 3), min_size=MANY, max_size=MANY).map(np.array)
NAMES = ("measure/share/effect", "measure/twin/coverage", "driver/F3.1", "event/F2.1", "trend/F3")


@given(
    levers=st.dictionaries(
        st.sampled_from([text.split("id: ")[1].split()[0] for text in MEASURES]), by_run
    ),
    trends=st.dictionaries(st.sampled_from(list(DRIVERS)), by_run),
    central=st.booleans(),
    numbers=st.lists(st.integers(0, 60), min_size=MANY, max_size=MANY),
    known=st.dictionaries(st.sampled_from(NAMES), scores),
    s=st.none() | st.lists(st.floats(0.3, 1.0), min_size=MANY, max_size=MANY),
)
def test_each_run_is_its_own_plain_plan(
    own: Library,
    run: Run,
    levers: Mapping[str, Float],
    trends: Mapping[str, Float],
    central: bool,
    numbers: list[int],
    known: Mapping[str, Float],
    s: list[float] | None,
) -> None:
    combining = Combining(0.7, 0.05)
    if s is not None:
        combining = Combining(np.array(s), np.array(s) / 4.0)
    plan = Plan(levers, trends, central, rules=("treatment-demand",), settings=combining)
    rules = {name: replace(rule) for name, rule in own.rules.items()}
    for name, rule in rules.items():
        then = {"share": 100.0}
        rules[name] = replace(rule, entry=rule.entry.model_copy(update={"then": then}))
    if "share" in levers:  # what a rule moves stands where it stands in all runs
        plan = replace(plan, levers={**levers, "share": float(levers["share"][0])})
    deal = Deal(np.array(numbers), 1, scores=known)
    check_each_run(plan, replace(run, library=replace(own, rules=rules), deal=deal))


@pytest.mark.parametrize("seed", range(6))
def test_shipped_plans_run_by_run(library: Library, run: Run, seed: int) -> None:
    random = np.random.default_rng(seed)

    def some(names: tuple[str, ...], low: float) -> dict[str, float | Float]:
        chosen = random.choice(names, size=max(len(names) // 2, 1), replace=False)
        drawn = {name: random.uniform(low, 100.0, MANY) for name in chosen}
        return {name: x * (random.random(MANY) > 0.3) for name, x in drawn.items()}

    plan = Plan(some(tuple(library.measures), 0.0), some(library.trends, -100.0), True)
    check_each_run(plan, replace(run, deal=Deal(random.integers(0, 300, MANY), 1)))


def test_a_run_at_0_is_current_policy(own: Library, run: Run) -> None:
    levers = {name: np.array([100.0, 0.0]) for name in own.measures}
    trends = {name: np.array([-100.0, 0.0]) for name in own.trends}
    plan, deal = Plan(levers, trends), Deal(np.array([3, 3]), 1)
    changes = compose(plan, replace(run, library=own, deal=deal)).changes
    assert changes
    for change in changes:
        neutral = run.structure.neutral[run.structure.handles.index(change.handle)]
        assert (change.values[1] == neutral).all()
        assert (change.values[0] != neutral).any()
    assert not plan.idle
    assert plan.one(1).idle
    assert Plan({"share": np.zeros(2)}, {}).idle


def test_settings_by_run_meet_their_known_answers(run: Run, tmp_path: Path) -> None:
    effect = f"{START}, effect: {{central: 0.6}}"
    texts = [measure(name, effect) for name in ("a", "b")]
    here = replace(run, library=with_measures(run.library, tmp_path, *texts))
    here = replace(here, deal=Deal(np.arange(4), 1))
    combining = Combining(np.array([0.5, 1.0, 1.0, 0.5]), np.array([0.01, 0.01, 0.5, 0.01]))
    levers = {"a": np.array([100.0, 100.0, 100.0, 100.0]), "b": np.array([100.0, 100.0, 100.0, 0])}
    (change,) = compose(replace(moved({}), levers=levers, settings=combining), here).changes
    wanted = [0.6**2**0.5, 0.36, 0.5, 0.6]
    np.testing.assert_allclose(change.values[:, -1], wanted, rtol=1e-14)


def test_events_are_the_same_in_all_runs(own: Library, run: Run) -> None:
    event = Event.model_validate({"driver": "F2.1", "from": "2026-01"})
    plan = Plan({}, {"F2": np.array([50.0, 0.0, -50.0])}, events=(event,))
    check_each_run(plan, replace(run, library=own, deal=Deal(np.array([5, 0, 5]), 1)))


def test_a_rule_moves_only_what_stands_alike_in_all_runs(library: Library, run: Run) -> None:
    (name, *_) = library.rules["treatment-demand"].entry.then
    here = replace(run, deal=Deal.of(0, 2, 1))
    alike = Plan({name: np.array([30.0, 30.0])}, {}, rules=("treatment-demand",))
    (rule,) = compose(alike, here).rules
    (plain,) = compose(replace(alike, levers={name: 30.0}), here).rules
    for one, other in zip(rule.changes, plain.changes, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    with pytest.raises(ValueError, match=f"a rule moves {name}"):
        compose(replace(alike, levers={name: np.array([30.0, 40.0])}), here)
