"""Treatment centres as agents: what they see of a year, and the places they ask for.

An agent is a view on one row of ``Centres``; the month itself runs in compiled code, so that an
agent acts once a year only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import mesa

from model.agents.cases import Centres
from model.agents.tally import TICKS


class Rules(NamedTuple):
    """How centres decide; all assumed. Shares are of places."""

    places_per_staff: float = 8.0
    full_share: float = 0.95  # occupied over the year: above it a centre asks for places
    spare_share: float = 0.85  # below it a centre has places to give up
    growth: float = 0.1  # most that a centre asks for or gives up in a year
    budgets: bool = True  # whether places move at all


class Budget:
    """Places of one service and region: what centres ask for comes from what others spare.

    The total stays as it is; only the scenario changes it.
    """

    def __init__(self) -> None:
        self._asked: list[tuple[float, int, int]] = []  # occupied share, row, places
        self._spare: list[tuple[float, int, int]] = []

    def ask(self, row: int, share: float, places: int) -> None:
        """Ask for ``places``."""
        self._asked.append((-share, row, places))

    def offer(self, row: int, share: float, places: int) -> None:
        """Offer ``places`` that stood empty."""
        self._spare.append((share, row, places))

    def settle(self, centres: Centres) -> int:
        """Move places, the fullest centre first, from the emptiest; returns how many moved."""
        spare = sorted(self._spare)
        moved = 0
        for _, row, wanted in sorted(self._asked):
            while wanted > 0 and spare:
                share, giver, places = spare.pop(0)
                taken = min(wanted, places)
                centres.places[giver] -= taken
                centres.places[row] += taken
                wanted -= taken
                moved += taken
                if places > taken:
                    spare.insert(0, (share, giver, places - taken))
        self._asked.clear()
        self._spare.clear()
        return moved


class Care:
    """The centres of a run, and the budgets they share."""

    def __init__(self, centres: Centres, rules: Rules | None = None) -> None:
        self.centres = centres
        self.rules = rules or Rules()
        self._budgets: dict[tuple[int, int], Budget] = {}

    def budget(self, service: int, region: int) -> Budget:
        """The budget of one service and region."""
        return self._budgets.setdefault((service, region), Budget())

    def settle(self) -> int:
        """Move places within each service and region; returns how many moved."""
        return sum(budget.settle(self.centres) for budget in self._budgets.values())


class TreatmentCentre(mesa.Agent):  # it has no types
    """One centre with places and a queue."""

    def __init__(self, model: mesa.Model, care: Care, row: int) -> None:
        super().__init__(model)
        self._care = care
        self.row = row

    @property
    def service(self) -> int:
        """Number of its service."""
        return int(self._care.centres.service[self.row])

    @property
    def region(self) -> int:
        """Number of its region."""
        return int(self._care.centres.region[self.row])

    @property
    def open(self) -> bool:
        """Whether it takes people in; when not, it treats those it has."""
        return bool(self._care.centres.open[self.row])

    @property
    def places(self) -> int:
        """People whom it can treat at once, in agents."""
        return int(self._care.centres.places[self.row])

    @property
    def treated(self) -> int:
        """People in treatment; more than places where places were cut."""
        return int(self._care.centres.treated[self.row])

    @property
    def waiting(self) -> int:
        """People who are ready to start and queue."""
        return int(self._care.centres.length[self.row])

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return max(0, self.places - self.treated)

    @property
    def staff(self) -> float:
        """Full-time members, persons, at the assumed number of places for each."""
        return self.places / self._care.rules.places_per_staff

    @property
    def occupied(self) -> float:
        """Share of the year's places that were occupied; NaN before the first month."""
        offered = int(self._care.centres.offered[self.row])
        return int(self._care.centres.busy[self.row]) / offered if offered else float("nan")

    @property
    def mean_wait(self) -> float:
        """Months that those admitted this year had waited since asking; NaN if nobody was."""
        admitted = int(self._care.centres.admitted[self.row])
        waited = int(self._care.centres.waited[self.row]) / TICKS
        return waited / admitted if admitted else float("nan")

    def step(self) -> None:
        """Once a year: ask the budget for places, or offer those that stood empty."""
        rules, share, places = self._care.rules, self.occupied, self.places
        if not rules.budgets or not self.open or places == 0:
            return
        change = max(1, round(rules.growth * places))
        budget = self._care.budget(self.service, self.region)
        if share > rules.full_share:
            budget.ask(self.row, share, change)
        elif share < rules.spare_share and self.free > 0 and places > 1:
            budget.offer(self.row, share, min(change, self.free, places - 1))


def add_centres(
    model: mesa.Model, care: Care, agents: Sequence[TreatmentCentre]
) -> list[TreatmentCentre]:
    """The agents of all rows: those given, and new ones for rows that were opened since."""
    rows = range(len(agents), int(care.centres.size[0]))
    return [*agents, *(TreatmentCentre(model, care, row) for row in rows)]


def new_year(care: Care, agents: Sequence[TreatmentCentre]) -> int:
    """Let every centre decide on the year that ended, move places and start a new count.

    Returns how many places moved.
    """
    for agent in agents:
        agent.step()
    moved = care.settle()
    centres = care.centres
    for count in (centres.busy, centres.offered, centres.admitted, centres.waited):
        count[:] = 0
    return moved
