"""The door to runs of agents: what is refused, and how its outputs hang together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model.agents.build import Switches
from model.agents.cases import TREATED
from model.agents.crowd import Crowd
from model.agents.engine import (
    AgentRun,
    Request,
    check_request,
    estimate,
    inhabitants,
    open_twin,
    persons_per_agent,
    simulate_agents,
)
from model.agents.records import Records
from model.compartments import Prepared, State
from model.errors import InputError
from model.structure import ADMISSION, NOBODY
from tests.model.agents.twins import SIZE

Float = npt.NDArray[np.float64]

FROM = 168  # January 2024
YEARS = slice(14, 16)  # 2024 and 2025
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def ends() -> list[dict[str, Any]]:
    """What the people were on each 31 December, in the order of seeds and years."""
    return []


@pytest.fixture(scope="module")
def run(prepared: Prepared, states: dict[int, State], ends: list[dict[str, Any]]) -> AgentRun:
    """Two years and two seeds, one after the other."""
    usual = Records.look

    def look(self: Records, crowd: Crowd, cases: Any, *rest: Any) -> None:
        usual(self, crowd, cases, *rest)
        size = int(cases.size[0])
        ends.append(
            {
                "stock": crowd.stock.copy(),
                "population": crowd.population.copy(),
                "treated": np.unique(cases.slot[:size][cases.stage[:size] == TREATED]).size,
            }
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "look", look)
        request = Request(SIZE, SEEDS)
        forcing = prepared.forcing()
        return simulate_agents(prepared, 0, forcing, states[FROM], FROM + 24, request)


def by_end(ends: list[dict[str, Any]], name: str) -> Float:
    """(seeds, years, ...) persons on 31 December."""
    found = np.array([end[name] for end in ends], dtype=np.float64)
    return found.reshape(len(SEEDS), 2, *found.shape[1:]) * persons_per_agent(SIZE)


# What is refused


@pytest.mark.parametrize("size", [0, -5, 999, 12_000_000_000])
def test_numbers_of_agents_that_cannot_be_run(size: int) -> None:
    with pytest.raises(InputError) as refused:
        check_request(size, 1)
    assert str(inhabitants()) in str(refused.value)
    assert str(size) in str(refused.value)
    assert "--agents" in str(refused.value)


@pytest.mark.parametrize("seeds", [0, -1])
def test_a_run_without_a_seed(seeds: int) -> None:
    with pytest.raises(InputError, match="--seeds"):
        check_request(10_000, seeds)


def test_more_agents_than_memory() -> None:
    memory = estimate(1_000_000, 252).bytes + 1.0
    check_request(1_000_000, 5, memory)
    with pytest.raises(InputError) as refused:
        check_request(inhabitants(), 1, memory)
    needed = estimate(inhabitants(), 252).bytes
    text = str(refused.value)
    assert f"{needed / 1e9:.1f} GB" in text
    assert f"{memory / 1e9:.1f} GB are free" in text
    fitting = int(text.split(" or fewer", maxsplit=1)[0].rsplit(maxsplit=1)[-1])
    assert 990_000 <= fitting <= 1_000_000
    check_request(fitting, 1, memory)
    with pytest.raises(InputError):
        check_request(fitting + 100_000, 1, memory)


def test_everybody_may_be_an_agent() -> None:
    check_request(inhabitants(), 1, 1e12)
    assert persons_per_agent(inhabitants()) == pytest.approx(1.0, rel=1e-6)


def test_an_estimate_grows_with_agents_and_months() -> None:
    assert estimate(2_000_000, 252).bytes > estimate(1_000_000, 252).bytes
    assert estimate(1_000_000, 252).cpu_seconds > estimate(1_000_000, 12).cpu_seconds


@pytest.mark.parametrize("name", ["centres", "markets", "ageing"])
def test_unknown_switches(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Switches(**{name: "none"})  # type: ignore[arg-type]


def test_a_state_that_is_not_of_a_january(prepared: Prepared, states: dict[int, State]) -> None:
    state = states[FROM]._replace(month=FROM + 5)
    request = Request(SIZE, (1,))
    with pytest.raises(InputError, match="January"):
        simulate_agents(prepared, 0, prepared.forcing(), state, FROM + 12, request)
    with pytest.raises(InputError, match="January"):
        open_twin(prepared, prepared.forcing(), state, request)


# What comes out


def test_years_before_and_after_the_run_are_unknown(run: AgentRun, prepared: Prepared) -> None:
    years = prepared.demography.years
    for name, array in {**run.output._asdict(), **run.extra}.items():
        assert array.shape[:2] == (len(SEEDS), years + (name == "january")), name
        known = slice(14, 17) if name == "january" else YEARS
        assert np.isnan(array[:, : known.start]).all(), name
        assert np.isnan(array[:, known.stop :]).all(), name
        if name not in ("clusters", "comorbidity"):  # of the last year; of whom there are
            assert np.isfinite(array[:, known]).all(), name
    assert not np.array_equal(run.output.time[0, YEARS], run.output.time[1, YEARS])
    assert run.beyond == 0
    assert run.caps > 0.0


def test_person_years_add_up(run: AgentRun, prepared: Prepared) -> None:
    time, starts = run.output.time[:, YEARS], prepared.structure.wiring.state_start
    per_product = np.add.reduceat(time, starts[:-1], axis=2).sum(axis=3)
    lived = run.output.lived[:, YEARS].sum(axis=2)
    # Who dies of a product leaves the others at the end of the month.
    np.testing.assert_allclose(per_product, np.repeat(lived[..., None], 20, axis=2), rtol=1e-3)


def test_joint_use_is_that_of_the_people(
    run: AgentRun, ends: list[dict[str, Any]], prepared: Prepared
) -> None:
    wiring = prepared.structure.wiring
    joint = run.extra["joint_use"][:, YEARS]
    users = by_end(ends, "stock") * (wiring.using == 1)[:, None]
    users = np.add.reduceat(users, wiring.state_start[:-1], axis=2).sum(axis=3)
    np.testing.assert_allclose(np.diagonal(joint, axis1=2, axis2=3), users, rtol=1e-12)
    np.testing.assert_array_equal(joint, joint.swapaxes(2, 3))
    least = np.minimum(users[..., :, None], users[..., None, :])
    assert (joint <= least + 1e-6).all()


def test_products_used_are_of_everybody(run: AgentRun, ends: list[dict[str, Any]]) -> None:
    people = by_end(ends, "population").sum(axis=2)
    used = run.extra["products_used"][:, YEARS]
    np.testing.assert_allclose(used.sum(axis=2), people, rtol=1e-12)
    assert (np.diff(used[..., :3], axis=2) < 0.0).all()


def test_people_in_treatment_by_number_are_all_in_treatment(
    run: AgentRun, ends: list[dict[str, Any]]
) -> None:
    treated = run.extra["treated_by_number"][:, YEARS]
    np.testing.assert_allclose(treated.sum(axis=2), by_end(ends, "treated"), rtol=1e-12)


def test_everybody_who_leaves_a_list_started_or_gave_up(run: AgentRun, prepared: Prepared) -> None:
    structure = prepared.structure
    wiring, waits = structure.wiring, run.extra["waits"][:, YEARS]
    counted = run.output.counted[:, YEARS].sum(axis=3)
    # Counters; the lists of a product may share one.
    started: set[int] = set()
    gave_up: set[int] = set()
    for f, row in enumerate(structure.flows):
        first = wiring.state_start[structure.product_of_flow[f]]
        if wiring.waiting_service[first + wiring.origin[f]] != NOBODY:
            assert wiring.counter[f] != NOBODY, row.id
            group = started if wiring.flags[f] & ADMISSION else gave_up
            group.add(int(wiring.counter[f]))
    assert not started & gave_up
    for chosen, columns in ((started, waits[..., :9]), (gave_up, waits[..., 9:])):
        expected = counted[:, :, sorted(chosen)].sum(axis=2)
        np.testing.assert_allclose(columns.sum(axis=(2, 3, 4)), expected, rtol=1e-12)
        assert (expected > 0.0).all()


def test_pathways_lead_from_one_product_to_another(run: AgentRun, prepared: Prepared) -> None:
    steps = run.extra["pathways"][:, YEARS]
    assert (steps >= 0.0).all()
    assert steps.sum() > 0.0
    assert not np.diagonal(steps, axis1=2, axis2=3).any()
    medicine = [kind == "medicine" for kind in prepared.structure.kinds]
    assert not steps[:, :, medicine].any()
    assert not steps[..., medicine].any()
    started = run.output.counted[:, YEARS].sum(axis=3)
    first_use = prepared.structure.counters_of("initiation")
    for product, counter in first_use.items():
        p = prepared.structure.products.index(product)
        assert (steps[..., p].sum(axis=2) <= started[:, :, counter] + 1e-6).all(), product


def test_comorbidity_is_a_share(run: AgentRun) -> None:
    shares = run.extra["comorbidity"][:, YEARS]
    some = np.isfinite(shares)
    assert some[..., 1].all()
    assert some[..., 0].mean() > 0.8  # of every product but the rarest somebody has a disorder
    shares = shares[some.all(axis=3)]
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
    assert (shares[..., 0] > shares[..., 1]).mean() > 0.8  # more common with a disorder


def test_numbers_do_not_depend_on_threads(
    run: AgentRun, prepared: Prepared, states: dict[int, State]
) -> None:
    request = Request(SIZE, SEEDS)
    again = simulate_agents(
        prepared, 0, prepared.forcing(), states[FROM], FROM + 24, request, threads=2
    )
    for array, same in zip(again.output, run.output, strict=True):
        np.testing.assert_array_equal(array, same)
    for name, array in again.extra.items():
        np.testing.assert_array_equal(array, run.extra[name])


def test_a_request_without_agents_or_seeds() -> None:
    for size, seeds, key in ((0, (1,), "size"), (20_000, (), "seeds"), (20_000, (2**32,), "seeds")):
        with pytest.raises(InputError) as refused:
            Request(size, seeds)
        assert refused.value.key == key


def test_a_refinement_is_on_or_off() -> None:
    with pytest.raises(InputError) as refused:
        Switches(network="maybe")  # type: ignore[arg-type]
    assert refused.value.key == "network"


def test_a_run_cannot_end_before_it_begins_or_after_its_years(
    prepared: Prepared, states: dict[int, State]
) -> None:
    request, forcing = Request(20_000, (1,)), prepared.forcing()
    for stop in (100, 999):
        with pytest.raises(InputError) as refused:
            simulate_agents(prepared, 0, forcing, states[168], stop, request)
        assert refused.value.key == "stop"
