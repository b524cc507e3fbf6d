"""One person at a time, as somebody who knows Mesa looks at an agent.

People are rows of arrays, not objects; a ``Person`` is a view on one row that costs nothing until
it is asked. It is a view on a slot: when the person dies or leaves, nobody is there, and later
somebody else may be. Nothing can be changed through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from model.agents.cases import READY, TREATED, WAITING
from model.agents.network import AT_HOME, AT_NIGHT, ONLINE, RINGED, find_ends
from model.agents.people import CHILD, EMPTY, VACANT
from model.errors import InputError
from model.strata import Strata
from model.structure import NOBODY

if TYPE_CHECKING:
    from model.agents.institutions import TreatmentCentre
    from model.agents.twin import Twin

Bool = npt.NDArray[np.bool_]

STAGES = {WAITING: "waiting", READY: "ready for a place", TREATED: "treated"}
EVERYWHERE = RINGED | AT_HOME | AT_NIGHT | ONLINE
MOST_TIES = 9


class Care(NamedTuple):
    """A person in care of one product."""

    product: str
    service: str
    stage: str  # one of STAGES
    asked: float  # months from January 2010 to when they asked for care, or its estimate
    centre: TreatmentCentre | None  # None where places are pooled or without limit


class Conditions(TypedDict, total=False):
    """What people are chosen by; all that are given must hold."""

    using: str  # a product
    states: dict[str, str]  # state by product
    region: str
    sex: str
    deprivation: str
    age: str  # label of an age band, as Strata.age_labels


class Person:
    """Who lives in a slot now, and what the model knows of them."""

    __slots__ = ("_twin", "slot")

    def __init__(self, twin: Twin, slot: int) -> None:
        self._twin = twin
        self.slot = slot

    def __repr__(self) -> str:
        who = f"{self.sex}, {self.age}, {self.region}" if self.at_risk else self.age
        return f"Person({self.slot}: {who})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Person):
            return NotImplemented
        return other._twin is self._twin and other.slot == self.slot

    def __hash__(self) -> int:
        return hash((id(self._twin), self.slot))

    @property
    def alive(self) -> bool:
        """Whether anybody lives in the slot."""
        return self._within != VACANT

    @property
    def at_risk(self) -> bool:
        """Whether they are old enough for the model's products."""
        return self._within < CHILD

    @property
    def region(self) -> str:
        """Name of the region where they live."""
        layout = self._twin.crowd.ground.layout
        return self._strata.regions[int(layout.cell_region[self._cell])]

    @property
    def born(self) -> int | None:
        """Calendar year less age on 1 January; None where ageing is by bands."""
        ground = self._twin.crowd.ground
        return int(ground.layout.cell_cohort[self._cell]) if ground.cohorts else None

    @property
    def age(self) -> str:
        """Label of the age band; of a child "under 10" or what the youngest band says."""
        if self.at_risk:
            return self._strata.age_labels[self._within % self._strata.bands]
        return f"under {self._strata.age_lows[0]}" if self.alive else "nobody"

    @property
    def sex(self) -> str | None:
        """None for children, whom the model does not tell apart."""
        group, strata = self._group, self._strata
        return None if group is None else strata.sexes[group // len(strata.deprivations)]

    @property
    def deprivation(self) -> str | None:
        """None for children."""
        group, groups = self._group, self._strata.deprivations
        return None if group is None else groups[group % len(groups)]

    @property
    def liability(self) -> int:
        """Class of liability, 0 (lowest) to 31, all equally likely."""
        return int(self._twin.crowd.people.liability[self.slot])

    @property
    def burden(self) -> bool:
        """Whether they have a mental-health burden."""
        return self.at_risk and bool(self._twin.crowd.people.burden[self.slot])

    @property
    def states(self) -> dict[str, str]:
        """State by product; empty where nobody is at risk."""
        structure = self._twin.setting.structure
        own = self._twin.crowd.people.state[:, self.slot]
        starts = structure.wiring.state_start
        return {
            product: structure.states[int(starts[p]) + int(own[p])].state
            for p, product in enumerate(structure.products)
            if own[p] != EMPTY
        }

    @property
    def uses(self) -> tuple[str, ...]:
        """Products that they use now."""
        bits = int(self._twin.crowd.people.using[self.slot])
        products = self._twin.setting.structure.products
        return tuple(product for p, product in enumerate(products) if bits >> p & 1)

    @property
    def ties(self) -> tuple[Person, ...]:
        """Who is there at the ends of their ties: neighbours, household, nightlife, online."""
        crowd, cell = self._twin.crowd, self._cell
        first, last = (int(at) for at in crowd.ground.layout.cell_start[cell : cell + 2])
        if not crowd.setting.switches.network or not self.alive:
            return ()
        ends = np.zeros(MOST_TIES, dtype=np.int64)
        count = int(find_ends(ends, crowd.people, first, last, self.slot, EVERYWHERE))
        return tuple(Person(self._twin, int(slot)) for slot in ends[:count])

    @property
    def care(self) -> tuple[Care, ...]:
        """What they wait for or are treated for, one entry a product."""
        reception, structure = self._twin.reception, self._twin.setting.structure
        cases, wiring = reception.cases, structure.wiring
        found = []
        for i in np.flatnonzero(cases.slot[: int(cases.size[0])] == self.slot):
            p, centre = int(cases.product[i]), int(cases.centre[i])
            state = wiring.state_start[p] + self._twin.crowd.people.state[p, self.slot]
            services = wiring.waiting_service[state], wiring.treating_service[state]
            service = int(services[0] if services[0] != NOBODY else services[1])
            found.append(
                Care(
                    structure.products[p],
                    structure.services[service],
                    STAGES[int(cases.stage[i])],
                    float(cases.asked[i]),
                    reception.agents[centre] if centre >= 0 else None,
                )
            )
        return tuple(found)

    @property
    def _strata(self) -> Strata:
        return self._twin.setting.prepared.strata

    @property
    def _within(self) -> int:
        return int(self._twin.crowd.people.stratum[self.slot])

    @property
    def _group(self) -> int | None:
        return self._within // self._strata.bands if self.at_risk else None

    @property
    def _cell(self) -> int:
        starts = self._twin.crowd.ground.layout.cell_start
        return int(np.searchsorted(starts, self.slot, side="right")) - 1


def view(twin: Twin, slot: int) -> Person:
    """A view on a slot. Raises InputError for one that there is not."""
    slots = twin.crowd.people.stratum.size
    if not 0 <= slot < slots:
        raise InputError("no such person", key="slot", given=slot, allowed=f"0 to {slots - 1}")
    return Person(twin, int(slot))


def select(twin: Twin, limit: int | None = None, **where: Unpack[Conditions]) -> list[Person]:
    """People at risk who meet all conditions, in the order of slots (oldest birth years first).

    ``limit``: no more than so many. Raises InputError for names that the run does not know.
    """
    crowd, structure = twin.crowd, twin.setting.structure
    chosen = _strata_where(twin, where)[crowd.people.stratum]
    if "region" in where:
        r = _index("region", where["region"], twin.setting.prepared.strata.regions)
        layout = crowd.ground.layout
        chosen &= np.repeat(layout.cell_region == r, np.diff(layout.cell_start))
    if "using" in where:
        p = _index("using", where["using"], structure.products)
        chosen &= (crowd.people.using >> np.uint32(p) & np.uint32(1)).astype(np.bool_)
    for product, state in where.get("states", {}).items():
        p = _index("states", product, structure.products)
        first, last = structure.wiring.state_start[p : p + 2]
        names = tuple(row.state for row in structure.states[int(first) : int(last)])
        chosen &= crowd.people.state[p] == _index("states", state, names)
    return [Person(twin, int(slot)) for slot in np.flatnonzero(chosen)[:limit]]


def _strata_where(twin: Twin, where: Conditions) -> Bool:
    """(256,) true for strata within a region that meet the conditions on them."""
    strata = twin.setting.prepared.strata
    groups = len(strata.sexes) * len(strata.deprivations)
    number = np.arange(groups * strata.bands)
    group, kept = number // strata.bands, np.ones(number.size, dtype=np.bool_)
    if "sex" in where:
        sex = _index("sex", where["sex"], strata.sexes)
        kept &= group // len(strata.deprivations) == sex
    if "deprivation" in where:
        deprivation = _index("deprivation", where["deprivation"], strata.deprivations)
        kept &= group % len(strata.deprivations) == deprivation
    if "age" in where:
        kept &= number % strata.bands == _index("age", where["age"], strata.age_labels)
    found = np.zeros(256, dtype=np.bool_)
    found[: kept.size] = kept
    return found


def _index(key: str, given: str, names: tuple[str, ...]) -> int:
    if given not in names:
        raise InputError("unknown name", key=key, given=given, allowed=names)
    return names.index(given)
