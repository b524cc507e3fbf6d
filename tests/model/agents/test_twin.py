"""The whole model: the same bits however it is run, sums that hold, and what Mesa users expect."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.agents.build import DOCKED, Setting, Switches, count
from model.agents.cases import READY, WAITING
from model.agents.checkpoint import load, read, save, write
from model.agents.engine import Checkpoints, Request, setting_for, simulate_agents
from model.agents.institutions import TreatmentCentre
from model.agents.people import CHILD, VACANT
from model.agents.twin import Twin
from model.compartments import Prepared, State
from model.errors import InputError
from model.forcing import Change
from model.population import MONTHS
from model.strata import load_population_table, persons_in_strata
from model.structure import NOBODY
from tests.model.agents.twins import EVERYTHING, SIZE, fingerprint, make_twin, run_to

States = dict[int, State]

LONG = 27  # months, over two new years
FROM = 168  # January 2024
CHANGED = 192  # January 2026
ALL_SWITCHES = pytest.mark.parametrize("switches", [EVERYTHING, DOCKED], ids=["all on", "docked"])


@pytest.fixture(scope="module")
def told(prepared: Prepared, states: States) -> dict[Switches, str]:
    """Fingerprints after LONG months, by switches: one thread, one chunk, no break."""
    return {
        switches: fingerprint(run_to(make_twin(prepared, states[0], switches), LONG))
        for switches in (EVERYTHING, DOCKED)
    }


# The same bits


@ALL_SWITCHES
@pytest.mark.parametrize(("threads", "chunks"), [(2, None), (1, 3), (2, 7)])
def test_threads_and_chunks_change_no_bit(
    prepared: Prepared,
    states: States,
    told: dict[Switches, str],
    switches: Switches,
    threads: int,
    chunks: int | None,
) -> None:
    twin = make_twin(prepared, states[0], switches, threads=threads)
    if chunks is not None:
        twin.crowd.cut(chunks)
        assert len(twin.crowd.edges) == chunks + 1
    assert len(twin.crowd.memories) > 1
    assert fingerprint(run_to(twin, LONG)) == told[switches]


def test_seeds_differ(prepared: Prepared, states: States) -> None:
    one, other = (run_to(make_twin(prepared, states[0], seed=seed), 2) for seed in (1, 2))
    assert fingerprint(one) != fingerprint(other)


@ALL_SWITCHES
@pytest.mark.parametrize("month", [7, 12])
def test_a_run_goes_on_from_a_checkpoint_as_if_there_was_none(
    prepared: Prepared,
    states: States,
    told: dict[Switches, str],
    switches: Switches,
    month: int,
    tmp_path: Path,
) -> None:
    write(tmp_path / "saved", save(run_to(make_twin(prepared, states[0], switches), month)))
    twin = make_twin(prepared, states[0], switches, threads=2)
    load(twin, read(tmp_path / "saved"))
    assert twin.month == twin.steps == month
    assert fingerprint(run_to(twin, LONG)) == told[switches]


def test_a_checkpoint_of_another_run_is_refused(prepared: Prepared, states: States) -> None:
    saved = save(make_twin(prepared, states[0]))
    for other in (
        make_twin(prepared, states[0], seed=2),
        make_twin(prepared, states[0], size=SIZE + 1),
        make_twin(prepared, states[0], Switches(network=False)),
        make_twin(prepared, states[FROM]),
    ):
        with pytest.raises(InputError, match="another run"):
            load(other, saved)
    cut = {name: array for name, array in saved.items() if name != "people.first"}
    with pytest.raises(InputError, match=r"people\.first"):
        load(make_twin(prepared, states[0]), cut)


def test_simulate_agents_sets_out_from_checkpoints(prepared: Prepared, states: States) -> None:
    def simulated(checkpoints: Checkpoints | None) -> Any:
        forcing, request = prepared.forcing(), Request(SIZE, (3, 4))
        return simulate_agents(prepared, 0, forcing, states[0], 24, request, 1, checkpoints)

    kept = Checkpoints(12)
    whole, first, second = simulated(None), simulated(kept), simulated(kept)
    assert sorted(kept.saved) == [3, 4]
    for run in (first, second):
        for array, same in zip(run.output, whole.output, strict=True):
            np.testing.assert_array_equal(array, same)
        for name, array in run.extra.items():
            np.testing.assert_array_equal(array, whole.extra[name])


def test_nothing_differs_before_a_scenario_begins(prepared: Prepared, states: States) -> None:
    everyone = np.ones(prepared.strata.size, dtype=np.bool_)

    def from_2026(handle: str, products: tuple[str, ...], value: float) -> Change:
        values = np.ones(prepared.demography.months)
        values[CHANGED:] = value
        return Change(handle, products, values, everyone)

    changes = [
        from_2026("initiation", ("cannabis",), 0.5),
        from_2026("capacity", ("alcohol",), 2.0),
        from_2026("import_flow", ("cocaine",), 0.5),
    ]
    current = make_twin(prepared, states[FROM])
    changed = make_twin(prepared, states[FROM], forcing=prepared.forcing(changes))
    assert fingerprint(run_to(current, CHANGED)) == fingerprint(run_to(changed, CHANGED))
    p = prepared.structure.products.index("cannabis")
    never = prepared.structure.wiring.state_start[p]
    before = int(current.crowd.stock[never].sum())
    assert fingerprint(run_to(current, CHANGED + 12)) != fingerprint(run_to(changed, CHANGED + 12))
    started = [before - int(twin.crowd.stock[never].sum()) for twin in (current, changed)]
    assert started[1] < started[0]  # fewer began
    places = [twin.reception.centres.places.sum() for twin in (current, changed)]
    assert places[1] > places[0]
    market = [twin.result()[0].market[CHANGED // 12] for twin in (current, changed)]
    c = prepared.structure.products.index("cocaine")
    assert market[1][c, 0] > market[0][c, 0]


# Sums that hold


@pytest.mark.parametrize("centres", ["queues", "pooled", "unbounded"])
def test_counts_and_lists_hold_every_month(
    prepared: Prepared, states: States, centres: Any
) -> None:
    twin = make_twin(prepared, states[0], Switches(centres=centres))
    for _ in range(14):
        twin.step()
        crowd = twin.crowd
        stock, population = count(crowd.setting, crowd.ground, crowd.people)
        np.testing.assert_array_equal(crowd.stock, stock)
        np.testing.assert_array_equal(crowd.population, population)
        assert twin.reception.mismatches() == 0
        # Everybody is in one state of each product; bits of use are those of the states.
        starts = prepared.structure.wiring.state_start
        per_product = np.add.reduceat(stock, starts[:-1], axis=0)
        np.testing.assert_array_equal(per_product, np.tile(population, (len(per_product), 1)))
        at_risk = crowd.people.stratum < CHILD
        for p in range(len(per_product)):
            used = prepared.structure.wiring.using[starts[p] + crowd.people.state[p, at_risk]]
            bits = crowd.people.using[at_risk] >> np.uint32(p) & np.uint32(1)
            np.testing.assert_array_equal(bits, used)
        assert not crowd.people.using[~at_risk].any()


def test_people_found_in_care_are_on_the_lists_and_ready(
    prepared: Prepared, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = make_twin(prepared, states[FROM], size=100_000)
    reception, found = twin.reception, []
    assert reception.cases.size[0] == 0
    usual = reception.open

    def opened(month: int) -> None:
        usual(month)
        assert reception.mismatches() == 0
        stage = reception.cases.stage[: int(reception.cases.size[0])]
        found.append((np.sum(stage == WAITING), np.sum(stage == READY)))

    monkeypatch.setattr(reception, "open", opened)
    run_to(twin, FROM + 2)
    # Most have been through intake, as most who wait have later.
    assert found[0][1] > found[0][0] > 0
    assert found[1][1] > found[1][0]
    saved = save(make_twin(prepared, states[FROM]))
    early = make_twin(prepared, states[FROM])
    load(early, saved)  # of the first day: nobody is on a list yet
    early.step()
    assert early.reception.mismatches() == 0
    assert early.reception.cases.size[0] > 0


@pytest.mark.parametrize("ageing", ["cohorts", "bands"])
def test_nobody_is_lost(
    prepared: Prepared, states: States, monkeypatch: pytest.MonkeyPatch, ageing: Any
) -> None:
    twin = make_twin(prepared, states[0], Switches(ageing=ageing))
    crowd = twin.crowd
    came: list[int] = []
    for name in ("newcomers", "new_year"):
        usual = getattr(crowd, name)

        def counted(*given: int, usual: Any = usual) -> Any:
            slots = usual(*given)
            came.append(slots.size)
            assert (crowd.people.stratum[slots] < CHILD).all()
            assert np.unique(slots).size == slots.size
            return slots

        monkeypatch.setattr(crowd, name, counted)
    died = 0
    for month in range(14):
        before = int(np.sum(crowd.people.stratum < CHILD))
        came.clear()
        deaths = -twin.records.deaths.sum()
        twin.step()
        if twin.month % 12 == 0:
            deaths = deaths + twin.result()[0].deaths[month // 12].sum() / twin.setting.weight
        else:
            deaths = deaths + twin.records.deaths.sum()
        moved = [memory.moved for memory in crowd.memories]
        left = -sum(int(part.people.sum() + part.deaths.sum()) for part in moved)
        assert len(came) == (2 if twin.month % 12 == 0 else 1)
        assert left >= 0
        after = int(np.sum(crowd.people.stratum < CHILD))
        assert after == round(before + sum(came) - deaths - left)
        died += round(deaths)
    # Of 11 million about 105,000 die a year, nearly all of whom are at risk here.
    assert abs(died - 14 / 12 * SIZE * 0.0093) < 5 * (14 / 12 * SIZE * 0.0093) ** 0.5


def test_cohorts_follow_the_official_population(prepared: Prepared, states: States) -> None:
    table, strata, demography = load_population_table(), prepared.strata, prepared.demography
    twin = make_twin(prepared, states[0])
    weight = twin.setting.weight
    moving = np.zeros(strata.size)  # deaths and moves for each person since the start
    layout = twin.crowd.ground.layout
    region = np.repeat(layout.cell_region, np.diff(layout.cell_start))
    for year in range(2010, 2014):
        run_to(twin, MONTHS * (year - 2010))
        expected = persons_in_strata(strata, table.year(year), table.most_deprived) / weight
        ages = strata.age_high - strata.age_low + 1
        # Whole people in each cell (a year of birth) and as many events as chance has it.
        variance = 0.25 * np.minimum(ages, 26) + expected * moving
        score = (twin.crowd.population - expected) / np.sqrt(variance)
        assert np.abs(score).max() < 5.0
        assert np.mean(score**2) < 1.5
        children = np.bincount(region[twin.crowd.people.stratum == CHILD], minlength=3)
        young = table.year(year)[:, :, : int(strata.age_lows[0])].sum(axis=(1, 2)) / weight
        assert (np.abs(children - young) < 5.0 * np.sqrt(0.25 * 10)).all()
        if year < 2013:
            growth = demography.growth[12 * (year - 2010) : 12 * (year - 2009)]
            moving += demography.death_rate[year - 2010] + np.abs(np.log(growth)).sum(axis=0)


# As Mesa users expect


def test_centres_are_agents_and_rows_are_collected(prepared: Prepared, states: States) -> None:
    twin = run_to(make_twin(prepared, states[0]), 14)
    assert twin.steps == 14
    centres = twin.agents_by_type[TreatmentCentre]
    wiring = prepared.structure.wiring
    treated = twin.crowd.stock[wiring.treating_service != NOBODY].sum()
    assert centres.agg("treated", sum) == treated == twin.reception.treated()
    largest = centres.select(lambda centre: centre.places == centres.agg("places", max))
    assert 1 <= len(largest) < len(centres)
    assert set(centres) <= set(twin.agents)
    rows = twin.datacollector.get_model_vars_dataframe()
    assert len(rows) == 14
    assert rows["month"].tolist() == list(range(1, 15))
    people = load_population_table().year(2011)[:, :, 10:].sum()
    assert abs(rows["people"].iloc[11] / people - 1.0) < 0.005
    last = rows.iloc[-1]
    assert last["waiting"] == twin.reception.waiting() * twin.setting.weight
    assert last["treated"] == treated * twin.setting.weight
    p = prepared.structure.products.index("alcohol")
    uses = np.stack(rows["using"].to_list())
    assert uses.shape == (14, len(prepared.structure.products))
    assert (uses[:, p] / rows["people"] > 0.5).all()
    assert (uses[:, p] < rows["people"]).all()


def test_a_closed_twin_leaves_the_memory(prepared: Prepared, states: States) -> None:
    twin = run_to(make_twin(prepared, states[0]), 1)
    kept = weakref.ref(twin), weakref.ref(twin.crowd), weakref.ref(twin.reception.agents[0])
    twin.close()
    del twin
    gc.collect()
    assert [ref() for ref in kept] == [None] * len(kept)


def test_a_run_leaves_no_model_behind(prepared: Prepared, states: States) -> None:
    def twins() -> int:
        gc.collect()
        return sum(type(found) is Twin for found in gc.get_objects())

    before = twins()  # of other tests
    request = Request(SIZE, (1, 2))
    simulate_agents(prepared, 0, prepared.forcing(), states[0], 1, request)
    assert twins() == before


def test_products_that_people_come_to_from_outside_are_refused(
    prepared: Prepared, states: States
) -> None:
    setting: Setting = setting_for(prepared, 0, states[0], Request(SIZE, (1,)), 1)
    wiring = prepared.structure.wiring
    origin = wiring.origin.copy()
    origin[0] = NOBODY
    outside = replace(prepared.structure, wiring=wiring._replace(origin=origin))
    setting = replace(setting, prepared=replace(prepared, structure=outside))
    with pytest.raises(InputError, match="outside"):
        Twin(setting, prepared.forcing(), states[0])


def test_vacant_slots_hold_nobody(prepared: Prepared, states: States) -> None:
    people = run_to(make_twin(prepared, states[0]), 13).crowd.people
    vacant = people.stratum == VACANT
    assert vacant.any()
    assert (people.stratum[~vacant] <= CHILD).all()
    assert not people.using[vacant].any()


def test_the_run_ends(prepared: Prepared, states: dict[int, State]) -> None:
    twin = make_twin(prepared, states[FROM], size=1_000)
    run_to(twin, prepared.demography.months - 1)
    assert twin.running
    twin.step()
    assert not twin.running
    with pytest.raises(InputError):
        twin.step()
    twin.close()
