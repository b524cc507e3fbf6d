"""The model as Mesa knows it: it owns time, institutions, what is collected, and the streams.

One step is one month: prices, hazards from the counts of people, everybody outside care by
thinning (model.agents.sweep), everybody in care by events (model.agents.centres), then deaths,
migration and, at the year's end, birthdays. Who dies of a product in the sweep leaves the others
at the end of the month: until then they may still start, ask for care or die of another, so the sum
of excess deaths over products may exceed deaths a little, as in the compartments. Draws are keyed
by seed, person or block, decision and month, never by Mesa's own generator, so that no order
matters.
"""

from __future__ import annotations

from typing import Unpack

import mesa
import numpy as np
import numpy.typing as npt

from model.agents.build import Setting, check_flows
from model.agents.crowd import Crowd
from model.agents.memory import Memory
from model.agents.persons import Conditions, Person, select, view
from model.agents.reception import Reception
from model.agents.records import Records
from model.agents.trade import Trade
from model.errors import InputError
from model.forcing import Forcing
from model.prepared import FIRST_YEAR, Output, State

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class Twin(mesa.Model):  # it has no types
    """Agents of one draw and seed from a January on; ``step()`` is a month.

    ``crowd`` is everybody, ``reception`` the treatment centres, ``trade`` the markets; institutions
    are in ``agents`` and ``agents_by_type``. ``datacollector`` holds a row a month.
    """

    def __init__(self, setting: Setting, forcing: Forcing, state: State, threads: int = 1) -> None:
        check_flows(setting.structure)
        super().__init__(seed=int(setting.key[0]))
        self.setting = setting
        self.running: bool = True
        self.month = state.month
        # Mesa counts steps of its own; the calendar goes on from the state's month.
        self.crowd = Crowd(setting, forcing, state, threads)
        self.reception = Reception(self, self.crowd)
        self.trade = Trade(self, self.crowd)
        self.records = Records(self.crowd, setting.prepared.demography.years)
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "month": "month",
                "people": lambda twin: twin.in_persons(twin.crowd.population.sum()),
                "waiting": lambda twin: twin.in_persons(twin.reception.waiting()),
                "treated": lambda twin: twin.in_persons(twin.reception.treated()),
                "using": lambda twin: twin.crowd.using() * setting.weight,
            }
        )

    def in_persons(self, agents: float) -> float:
        """How many persons so many agents stand for."""
        return float(agents) * self.setting.weight

    def step(self) -> None:
        """One month. Raises InputError after the last one."""
        if not self.running:
            what = "the run has ended"
            raise InputError(what, key="month", given=self.month, allowed=f"0 to {self.month - 1}")
        month, crowd, records = self.month, self.crowd, self.records
        crowd.start_month(month)
        records.add_start(crowd)
        self.trade.month(month)
        crowd.set_hazards(month, self.reception.pooled)
        self.trade.visit(month)
        self.reception.open(month)
        found = crowd.thin(month)
        tally = self.reception.month(month, found)
        records.add(tally)
        gone = tally.died.sum(axis=0)
        for memory in found:
            records.add(memory.buffers.tally)
            records.pathways += memory.buffers.pathways
            gone = gone + memory.buffers.tally.died.sum(axis=0)
        crowd.share_deaths(month, *self._dead(found))
        records.deaths += self.reception.bury()
        records.deaths += crowd.end_month(month, gone)
        self.reception.purge()
        self.reception.settle(month, crowd.newcomers())
        self.month += 1
        if self.month % 12 == 0:
            self._new_year()
        self.datacollector.collect(self)
        self.running = self.month < self.setting.prepared.demography.months

    def _dead(self, found: list[Memory]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """Slots and products of those who died of a product's excess this month."""
        parts = [(memory.buffers, int(memory.buffers.noted[1])) for memory in found]
        slots = [buffers.dead_slot[:n] for buffers, n in parts]
        products = [buffers.dead_product[:n] for buffers, n in parts]
        return (
            np.concatenate([*slots, self.reception.gone]),
            np.concatenate([*products, self.reception.gone_products]),
        )

    def _new_year(self) -> None:
        """31 December, then 1 January."""
        year = self.month // 12 - 1
        reception = self.reception
        self.records.look(self.crowd, reception.cases, reception.waits, reception.places, year)
        self.records.close_year(self.crowd, year)
        entered = self.crowd.new_year(FIRST_YEAR + year + 1)
        self.reception.new_year(self.month, entered)
        self.records.output["january"][year + 1] = self.crowd.population * self.setting.weight

    def person(self, slot: int) -> Person:
        """A view on who lives in a slot. Raises InputError for a slot that there is not."""
        return view(self, slot)

    def persons_where(self, limit: int | None = None, **where: Unpack[Conditions]) -> list[Person]:
        """Views on those who meet all conditions; see model.agents.persons.select."""
        return select(self, limit, **where)

    def close(self) -> None:
        """Let go of everything; the twin cannot be used afterwards.

        Mesa counts agents in a table by model that it never clears, so a model that had agents
        stays in memory to the end of the process otherwise.
        """
        mesa.Agent._ids.pop(self, None)
        self.__dict__.clear()

    def result(self) -> tuple[Output, dict[str, Float]]:
        """Yearly output and what only agents can tell, in persons.

        Shapes as in ``AgentRun``, without seeds.
        """
        year = self.month // 12 - 1
        if year >= self.setting.first_year - FIRST_YEAR:
            self.records.look_at_clusters(self.crowd, year)
        return self.records.result()
