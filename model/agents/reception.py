"""Everybody in care, a month at a time: the lists, the centres, and who visits whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.agents import start
from model.agents.calendar import mark_uses, remove_gone
from model.agents.capacity import resize
from model.agents.cases import Centres, check_lists, no_cases, no_centres, purge, with_room
from model.agents.centres import NO_CENTRE, NO_ROOM, Arrivals, Key, Ledger, Scene, care_month
from model.agents.crowd import Crowd
from model.agents.institutions import Care, Rules, TreatmentCentre, add_centres, new_year
from model.agents.joining import admit_initial, in_care, join
from model.agents.memory import Memory, new_tally
from model.agents.tally import TICKS, Tally
from model.deaths import forced
from model.prepared import FIRST_YEAR
from model.structure import NOBODY

if TYPE_CHECKING:
    import mesa

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

WAIT_BINS = 10


class Reception:
    """Treatment centres and the people on their lists."""

    def __init__(self, model: mesa.Model, crowd: Crowd) -> None:
        self.model, self.crowd = model, crowd
        setting, run = crowd.setting, crowd.run
        structure, strata = setting.structure, setting.prepared.strata
        services, regions = len(structure.services), len(strata.regions)
        rule = setting.switches.centres
        self.pooled = np.full(services, rule == "pooled")
        young = strata.age_high < setting.terms.priority_age
        self.bounded = np.full(services, rule == "queues", dtype=np.uint8)
        self.rank = np.where(young, 0, 1).astype(np.uint8)
        self.tally = new_tally(structure, strata)
        self.year_waits = np.zeros((services, regions, WAIT_BINS), dtype=np.int64)
        self.size = np.asarray(run.rates.places)
        self.cases, self.centres = no_cases(1024), no_centres(64)
        terms = setting.terms
        self.care = Care(
            self.centres,
            Rules(
                terms.places_per_staff,
                terms.centre_full_share,
                terms.centre_spare_share,
                terms.centre_growth,
            ),
        )
        self.agents: list[TreatmentCentre] = []
        self.wanted = np.full((services, regions), NOBODY)
        self.caring = [in_care(structure.wiring, p) for p in range(len(structure.products))]
        self.asked = run.state.arriving.copy()  # persons a year, by the last twelve months or so
        self.first = 12 * (setting.first_year - FIRST_YEAR)
        self._open(self.first)

    # The month

    def open(self, month: int) -> None:
        """Put those found in care at the start of the run onto the lists.

        Only in the first month, once its hazards are set: they say who of the list is ready. A
        twin that a checkpoint was loaded into stands in a later month, or has no cases yet.
        """
        if month == self.first:
            scene, key = self._scene(), self._key(month)
            self.cases = admit_initial(scene, self.cases, self.centres, self._waits(), key)

    def month(self, month: int, found: list[Memory]) -> Tally:
        """Follow everybody in care, and those whom the sweep brought; what moved.

        Raises RuntimeError when the lists are too short.
        """
        self._open(month)
        for array in self.tally:
            array[:] = 0
        arrivals = self._arrivals(found)
        more = int(self.cases.size[0]) + int(arrivals.size[0])
        self.cases = with_room(self.cases, more)
        seen = np.concatenate([self.cases.slot[: self.cases.size[0]], arrivals.slot])
        products = np.concatenate([self.cases.product[: self.cases.size[0]], arrivals.product])
        ledger = Ledger(
            self.tally,
            self.year_waits,
            np.zeros(more, dtype=np.int32),
            np.zeros(more, dtype=np.uint8),
            np.zeros(1, dtype=np.int64),
        )
        scene, key = self._scene(), self._key(month)
        done = care_month(scene, ledger, self.cases, self.centres, arrivals, key)
        if done in (NO_ROOM, NO_CENTRE):
            raise RuntimeError(f"the lists of care do not hold everybody ({done})")
        mark_uses(self.crowd.people, scene.wiring, seen, products)
        self.gone = ledger.gone_slot[: ledger.gone_size[0]]
        self.gone_products = ledger.gone_product[: ledger.gone_size[0]]
        self._remember(found)
        return self.tally

    def bury(self) -> Int:
        """Take people who died in care out of their slots; deaths by stratum (S,)."""
        crowd = self.crowd
        deaths = np.zeros_like(crowd.population)
        crowd.stock += self.tally.stock
        starts, wiring = crowd.setting.region_start, crowd.setting.structure.wiring
        rest = np.zeros_like(crowd.stock)
        layout, counts = crowd.ground.layout, (rest, deaths)
        remove_gone(crowd.people, layout, wiring, starts, self.gone, counts)
        crowd.stock += rest
        crowd.population -= deaths
        return deaths

    def purge(self) -> None:
        """Drop people who died or moved away; before newcomers move in."""
        wiring = self.crowd.setting.structure.wiring
        purge(self.crowd.people, wiring, self.cases, self.centres)

    def settle(self, month: int, slots: npt.NDArray[np.int32]) -> None:
        """Put newcomers who are in care on the lists; ``slots`` (n,) are theirs."""
        people = self.crowd.people
        found = [(slots[caring[people.state[p, slots]]], p) for p, caring in enumerate(self.caring)]
        slot = np.concatenate([part for part, _ in found]).astype(np.int32)
        product = np.concatenate([np.full(part.size, p, dtype=np.uint8) for part, p in found])
        if slot.size:
            newcomers = Arrivals(slot, product, np.zeros(slot.size), np.array([slot.size]))
            scene, key = self._scene(), self._key(month + 1)
            self.cases = join(scene, self.cases, self.centres, newcomers, self._waits(), key)

    def new_year(self, month: int, entered: npt.NDArray[np.int32]) -> None:
        """Centres look back on the year; people who came of age in care, slots (n,), join."""
        if self.bounded.any():
            new_year(self.care, self.agents)
        self.settle(month - 1, entered)
        self.year_waits[:] = 0

    # What can be asked

    @property
    def places(self) -> Float:
        """Places in agents, (services, R); NaN where no service has centres."""
        bounded = self.bounded[:, None] == 1
        return np.where(bounded, self.wanted.astype(np.float64), np.nan)

    def waiting(self) -> int:
        """Agents on a waiting list."""
        return self._in(self.crowd.setting.structure.wiring.waiting_service)

    def treated(self) -> int:
        """Agents in treatment."""
        return self._in(self.crowd.setting.structure.wiring.treating_service)

    def mismatches(self) -> int:
        """People in care who are not in exactly one list, and counts that disagree."""
        wiring = self.crowd.setting.structure.wiring
        return int(check_lists(self.crowd.people, wiring, self.cases, self.centres))

    def _in(self, service: Int) -> int:
        return int(self.crowd.stock[service != NOBODY].sum())

    # Parts

    def _scene(self) -> Scene:
        crowd = self.crowd
        return Scene(
            crowd.people,
            crowd.ground.layout,
            crowd.setting.structure.wiring,
            crowd.hazards,
            crowd.setting.region_start,
            self.bounded,
            self.rank,
        )

    def _key(self, month: int) -> Key:
        k0, k1 = (int(word) for word in self.crowd.setting.key)
        return Key(month, k0, k1)

    def _arrivals(self, found: list[Memory]) -> Arrivals:
        parts = [(memory.buffers, int(memory.buffers.noted[0])) for memory in found]
        slot = np.concatenate([buffers.arrival_slot[:n] for buffers, n in parts])
        product = np.concatenate([buffers.arrival_product[:n] for buffers, n in parts])
        time = np.concatenate([buffers.arrival_time[:n] for buffers, n in parts])
        return Arrivals(slot, product, time, np.array([slot.size]))

    def _waits(self) -> Float:
        """Mean wait now, months by service and region, from the list and who asks of late."""
        crowd, structure = self.crowd, self.crowd.setting.structure
        service = structure.wiring.waiting_service
        starts = crowd.setting.region_start
        stock = np.add.reduceat(crowd.stock, starts[:-1], axis=1) * crowd.setting.weight
        waiting = np.zeros_like(crowd.run.state.arriving)
        for z in np.flatnonzero(service != NOBODY):
            waiting[service[z]] += stock[z]
        asked = np.maximum(self.asked / 12.0, 1e-9)
        return np.asarray(np.minimum(waiting / asked, 24.0))

    def _open(self, month: int) -> None:
        """As many places as the scenario has this month."""
        if not self.bounded.any():
            return
        wanted = self._places(month)
        if not np.array_equal(wanted, self.wanted):
            self.open_rows(resize(self.cases, self.centres, wanted, self.size))
            self.meet_centres()
            self.wanted = wanted

    def open_rows(self, centres: Centres) -> None:
        """Go on with these centres."""
        self.centres = self.care.centres = centres

    def meet_centres(self) -> None:
        """Agents for the centres that have none yet."""
        self.agents = add_centres(self.model, self.care, self.agents)

    def _places(self, month: int) -> Int:
        """Places in agents by service and region, those of 2010 times what the scenario does."""
        crowd, wiring = self.crowd, self.crowd.setting.structure.wiring
        run, regions = crowd.run, self.wanted.shape[1]
        found = np.zeros(self.wanted.shape)
        product = crowd.setting.structure.product_of_state
        for z in np.flatnonzero(wiring.treating_service != NOBODY):
            for r in range(regions):
                cell = run.setting.cell[crowd.setting.region_start[r]]
                p = int(product[z])
                change = forced(run.forcing, wiring.capacity_handle, p, month, cell)
                found[wiring.treating_service[z], r] += run.state.places[z, r] * change
        found /= crowd.setting.weight
        places = np.zeros(found.shape, dtype=np.int64)
        for k, r in np.ndindex(found.shape):
            places[k, r] = start.rounded(
                float(found[k, r]), 1 << 20, 64 * int(k) + int(r), crowd.setting.key
            )
        return places

    def _remember(self, found: list[Memory]) -> None:
        """Who asked and how fast people left treatment: pooled places go by this month."""
        crowd = self.crowd
        asked = self.tally.asked + sum(memory.buffers.tally.asked for memory in found)
        left = self.tally.left + sum(memory.buffers.tally.left for memory in found)
        wiring, starts = crowd.setting.structure.wiring, crowd.setting.region_start
        ticks = crowd.stock * TICKS + self.tally.time
        for memory in found:
            ticks = ticks + memory.buffers.tally.time
        lived = np.add.reduceat(ticks, starts[:-1], axis=1) / (12.0 * TICKS)
        treated = np.zeros(left.shape)
        for z in np.flatnonzero(wiring.treating_service != NOBODY):
            treated[wiring.treating_service[z]] += lived[z]
        state = crowd.run.state
        state.arriving[:] = asked * (12.0 * crowd.setting.weight)
        self.asked += (state.arriving - self.asked) / 12.0
        np.divide(left, treated, out=state.leaving, where=treated > 0.0)

    @property
    def waits(self) -> Int:
        """People who left the lists this year, (services, R, weeks waited)."""
        return self.year_waits
