"""Prices of the month and visits of outreach: shared equations, or actors who decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.agents.actors import demand_excess, set_prices
from model.agents.crowd import Crowd
from model.agents.enforcement import Enforcement
from model.agents.market_book import Key
from model.agents.marketplace import Actors, frame
from model.agents.outreach import Outreach
from model.prepared import FIRST_YEAR
from model.structure import NOBODY
from model.trading import trade

if TYPE_CHECKING:
    import mesa

Arrays = dict[str, npt.NDArray[Any]]


class Trade:
    """Markets, the units that stop their actors, and the teams that go out to people."""

    def __init__(self, model: mesa.Model, crowd: Crowd) -> None:
        self.crowd = crowd
        setting = crowd.setting
        structure, strata, switches = setting.structure, setting.prepared.strata, setting.switches
        key = Key(*(int(word) for word in setting.key))
        people = np.add.reduceat(crowd.population, setting.region_start[:-1]) * setting.weight
        self.actors: Actors | None = None
        if switches.markets == "actors":
            domestic = setting.prepared.rates.terms.domestic[setting.draw]
            market = frame(crowd.run.market, domestic, people)
            units = Enforcement(model, strata.regions, market.products.size, setting.terms)
            self.actors = Actors(model, market, setting.terms, key, units)
            self._start(12 * (setting.first_year - FIRST_YEAR))
        self.outreach: Outreach | None = None
        if switches.outreach:
            products = len(structure.products)
            self.outreach = Outreach(model, key, people, products, setting.terms)
        self.demand = np.zeros(len(structure.products))

    def month(self, month: int) -> None:
        """Set the prices of a month in the compartmental state, and what they do to harm."""
        run = self.crowd.run
        if self.actors is None:
            trade(run, month, False)
            return
        demand_excess(run, month, self.demand)
        prices = self.actors.month(month, run.paths, self.demand)
        self.actors.set_state(run.state.gap, run.state.scarcity, run.state.sticker)
        set_prices(run, prices, month)

    def visit(self, month: int) -> None:
        """Let teams choose whom they visit; hazards of seeking care follow."""
        if self.outreach is None:
            return
        crowd = self.crowd
        wiring, hazards = crowd.setting.structure.wiring, crowd.hazards
        starts = crowd.setting.region_start
        stock = np.add.reduceat(crowd.run.state.stock, starts[:-1], axis=1)
        seeking = np.flatnonzero(wiring.asks != NOBODY)
        product = crowd.setting.structure.product_of_flow
        homes = wiring.state_start[product[seeking]] + wiring.origin[seeking]
        need = np.zeros((len(self.demand), len(starts) - 1))
        asking = np.zeros_like(need)
        for z in np.unique(homes):
            need[crowd.setting.structure.product_of_state[z]] += stock[z]
        for f, z in zip(seeking, homes, strict=True):
            would = crowd.run.state.stock[z] * hazards.flow[f]
            asking[product[f]] += np.add.reduceat(would, starts[:-1])
        factor = self.outreach.month(month, need, asking)
        region = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        for f, z in zip(seeking, homes, strict=True):
            more = hazards.flow[f] * (factor[product[f]][region] - 1.0)
            hazards.flow[f] += more
            hazards.leaving[z] += more

    def state(self) -> Arrays:
        """Copies of what actors, units and teams go on from."""
        found: Arrays = {}
        for name, part in self._parts().items():
            found |= {f"{name}.{key}": np.array(value) for key, value in part.state().items()}
        return found

    def load(self, state: Arrays) -> None:
        """Go on from ``state``."""
        for name, part in self._parts().items():
            own = f"{name}."
            part.load({key[len(own) :]: v for key, v in state.items() if key.startswith(own)})

    def _parts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.actors is not None:
            found |= {"actors": self.actors, "enforcement": self.actors.enforcement}
        if self.outreach is not None:
            found["outreach"] = self.outreach
        return found

    def _start(self, month: int) -> None:
        """Markets as they stand at the start of the run."""
        assert self.actors is not None
        run, q = self.crowd.run, self.actors.frame.products
        before = run.paths.capacity[month - 1, q] if month > 0 else np.zeros(q.size)
        state = run.state
        stands = np.stack([state.gap[q], state.scarcity[q], state.sticker[q]], axis=1)
        self.actors.start(month, before, stands)
