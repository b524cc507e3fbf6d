"""Views on single persons agree with the arrays they are taken from."""

from __future__ import annotations

import numpy as np
import pytest

from model.agents.build import Switches
from model.agents.cases import TREATED
from model.agents.people import CHILD, VACANT
from model.agents.persons import Person
from model.agents.twin import Twin
from model.compartments import Prepared, State
from model.errors import InputError
from tests.model.agents.twins import make_twin, run_to


@pytest.fixture(scope="module")
def twin(prepared: Prepared, states: dict[int, State]) -> Twin:
    """After half a year. Not to be changed."""
    return run_to(make_twin(prepared, states[0]), 6)


def test_a_person_tells_what_the_arrays_hold(twin: Twin, prepared: Prepared) -> None:
    people, strata = twin.crowd.people, prepared.strata
    starts, layout = twin.setting.region_start, twin.crowd.ground.layout
    wiring, structure = prepared.structure.wiring, prepared.structure
    for slot in np.flatnonzero(people.stratum < CHILD)[::500].tolist():
        person = twin.person(slot)
        cell = np.flatnonzero(layout.cell_start <= slot)[-1]
        s = int(starts[layout.cell_region[cell]]) + int(people.stratum[slot])
        assert person.alive
        assert person.at_risk
        assert person.region == strata.regions[strata.region[s]]
        assert person.sex == strata.sexes[strata.sex[s]]
        assert person.deprivation == strata.deprivations[strata.deprivation[s]]
        assert person.age.startswith(str(strata.age_low[s]))
        assert person.born is not None
        assert strata.age_low[s] <= 2010 - person.born <= strata.age_high[s]
        assert person.liability == people.liability[slot]
        assert person.burden == bool(people.burden[slot])
        assert list(person.states) == list(structure.products)
        for p, (product, state) in enumerate(person.states.items()):
            at = int(wiring.state_start[p]) + int(people.state[p, slot])
            assert state == structure.states[at].state
            assert (product in person.uses) == (wiring.using[at] == 1)


def test_children_and_empty_slots(twin: Twin) -> None:
    stratum = twin.crowd.people.stratum
    child = twin.person(int(np.flatnonzero(stratum == CHILD)[0]))
    assert (child.alive, child.at_risk, child.sex, child.deprivation) == (True, False, None, None)
    assert (child.age, child.states, child.uses, child.care) == ("under 10", {}, (), ())
    assert child.region in ("Flanders", "Wallonia", "Brussels")
    empty = twin.person(int(np.flatnonzero(stratum == VACANT)[0]))
    assert (empty.alive, empty.age, empty.ties, empty.burden) == (False, "nobody", (), False)
    assert repr(empty) == f"Person({empty.slot}: nobody)"


def test_everybody_in_care_is_found_and_says_where(twin: Twin, prepared: Prepared) -> None:
    cases = twin.reception.cases
    size = int(cases.size[0])
    assert size > 20
    entries = 0
    for slot in np.unique(cases.slot[:size]).tolist():
        person = twin.person(slot)
        for care in person.care:
            entries += 1
            own = (cases.slot[:size] == slot) & (cases.stage[:size] == TREATED)
            assert care.stage in ("waiting", "ready for a place", "treated")
            assert (care.stage == "treated") == bool(
                own[cases.product[:size] == prepared.structure.products.index(care.product)].any()
            )
            assert care.asked <= 6.0
            assert care.centre is not None
            assert care.service == prepared.structure.services[care.centre.service]
            assert person.region == prepared.strata.regions[care.centre.region]
    assert entries == size


def test_ties_lead_to_people_who_are_there(twin: Twin) -> None:
    someone = twin.persons_where(age="18", limit=40)
    assert np.mean([len(person.ties) for person in someone]) > 6.0
    for person in someone:
        assert 3 <= len(person.ties) <= 9
        assert all(other.alive and other != person for other in person.ties)
        near = [other for other in person.ties if other.born == person.born]
        # Somebody of the same birth year and region is a neighbour either way.
        ring = [other for other in near if abs(other.slot - person.slot) <= 3]
        assert all(person in other.ties for other in ring)


def test_people_are_chosen_by_what_holds_for_them(twin: Twin) -> None:
    people = twin.crowd.people
    found = twin.persons_where(using="cannabis", region="Brussels", sex="female")
    assert found == sorted(found, key=lambda person: person.slot)
    assert all(
        "cannabis" in person.uses and (person.region, person.sex) == ("Brussels", "female")
        for person in found
    )
    # Together with the others they are all users there are.
    others = [
        twin.persons_where(using="cannabis", region=region, sex=sex)
        for region in ("Flanders", "Wallonia", "Brussels")
        for sex in ("female", "male")
    ]
    assert sum(map(len, others)) == twin.crowd.using()[3]
    assert len({person for part in others for person in part}) == twin.crowd.using()[3]
    assert (
        twin.persons_where(using="cannabis", region="Brussels", sex="female", limit=2) == found[:2]
    )
    for state in ("never", "problematic"):
        chosen = twin.persons_where(states={"tobacco": state}, deprivation="others", age="45-54")
        assert chosen
        assert all(
            person.states["tobacco"] == state
            and (person.deprivation, person.age) == ("others", "45-54")
            for person in chosen
        )
    assert len(twin.persons_where()) == int(np.sum(people.stratum < CHILD))


def test_a_view_follows_the_model_and_changes_nothing(
    prepared: Prepared, states: dict[int, State]
) -> None:
    twin = make_twin(prepared, states[0])
    everybody = twin.persons_where()
    alive = sum(person.alive for person in everybody)
    assert alive == len(everybody)
    run_to(twin, 6)
    assert sum(person.alive for person in everybody) < alive
    for name in ("region", "uses", "alive", "liability"):
        with pytest.raises(AttributeError):
            setattr(everybody[0], name, None)


def test_without_a_network_and_birth_years(prepared: Prepared, states: dict[int, State]) -> None:
    switches = Switches(network=False, ageing="bands", centres="unbounded")
    twin = run_to(make_twin(prepared, states[0], switches), 1)
    person = twin.persons_where(limit=1)[0]
    assert (person.ties, person.born) == ((), None)
    slot = int(twin.reception.cases.slot[0])
    assert all(care.centre is None for care in twin.person(slot).care)
    assert twin.person(slot).care


@pytest.mark.parametrize(
    "where",
    [
        {"using": "tea"},
        {"region": "France"},
        {"sex": "x"},
        {"deprivation": "x"},
        {"age": "12-99"},
        {"states": {"tea": "never"}},
        {"states": {"tobacco": "x"}},
    ],
    ids=str,
)
def test_unknown_names_are_refused(twin: Twin, where: dict[str, object]) -> None:
    with pytest.raises(InputError, match="unknown name"):
        twin.persons_where(**where)  # type: ignore[arg-type]


def test_a_slot_that_there_is_not_is_refused(twin: Twin) -> None:
    slots = twin.crowd.people.stratum.size
    assert isinstance(twin.person(slots - 1), Person)
    for slot in (-1, slots):
        with pytest.raises(InputError, match="no such person"):
            twin.person(slot)
