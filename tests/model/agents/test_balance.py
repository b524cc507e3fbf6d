"""Personal factors spread hazards over people and leave the sum of them: counted one by one."""

from __future__ import annotations

import numpy as np
import pytest

from model.agents.build import DOCKED, Switches
from model.agents.network import exposure
from model.agents.people import CHILD
from model.agents.twin import Twin
from model.compartments import Prepared
from model.prepared import State
from tests.model.agents.twins import make_twin

ALONE = {
    "liability": Switches(network=False, couplings=False),
    "couplings": Switches(network=False, liability=False),
    "network": Switches(liability=False, couplings=False),
    "all": Switches(),
}


def acting(twin: Twin, product: str) -> float:
    """First use as it acts on everybody who never used, over that of the compartments."""
    crowd, structure = twin.crowd, twin.setting.structure
    people, personal, wiring = crowd.people, crowd.personal, structure.wiring
    p = structure.products.index(product)
    flows = [
        f
        for f in range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1]))
        if personal.code[f] == 1
    ]
    layout, starts = crowd.ground.layout, twin.setting.region_start
    region = np.repeat(layout.cell_region, np.diff(layout.cell_start))
    cell = np.repeat(np.arange(len(layout.cell_region)), np.diff(layout.cell_start))
    chosen = np.flatnonzero((people.state[p] == 0) & (people.stratum < CHILD))
    stratum = starts[region[chosen]] + people.stratum[chosen]
    usual = crowd.hazards.flow[flows][:, stratum].sum(axis=0)
    bare = (crowd.hazards.flow[flows] / personal.coupled[flows])[:, stratum].sum(axis=0)
    factor = personal.first_use[p, stratum, people.liability[chosen]].copy()
    holder = int(personal.coupling_flow[p, 0])
    if holder >= 0:
        for i in range(wiring.coupling_start[holder], wiring.coupling_start[holder + 1]):
            uses = (people.using[chosen] >> np.uint32(wiring.couplings[i])) & 1
            factor *= 1.0 + personal.coupling[i] * uses
    b = personal.influence
    if b > 0.0:
        begin, end = layout.cell_start[cell[chosen]], layout.cell_start[cell[chosen] + 1]
        venue = int(personal.venue[p])
        shares = np.array(
            [
                exposure(people, int(low), int(high), int(slot), p, venue)
                for low, high, slot in zip(begin, end, chosen, strict=True)
            ]
        )
        factor *= (1.0 + b * shares) / (1.0 + b * personal.exposed[p, stratum])
    return float((bare * factor).sum() / usual.sum())


@pytest.mark.parametrize("name", ALONE)
def test_first_use_in_all_is_that_of_the_compartments(
    prepared: Prepared, states: dict[int, State], name: str
) -> None:
    twin = make_twin(prepared, states[0], switches=ALONE[name], size=30_000)
    crowd = twin.crowd
    crowd.start_month(0)
    twin.trade.month(0)
    crowd.set_hazards(0, twin.reception.pooled)
    crowd._set_personal()
    before = acting(twin, "cocaine")
    crowd._balance()
    found = {product: acting(twin, product) for product in ("cocaine", "cannabis", "mdma")}
    print(name, f"cocaine before {before:.2f}", found)
    for ratio in found.values():
        assert ratio == pytest.approx(1.0, abs=0.06)
    twin.close()


def test_docked_agents_have_no_factors(prepared: Prepared, states: dict[int, State]) -> None:
    twin = make_twin(prepared, states[0], switches=DOCKED, size=5_000)
    twin.step()
    assert not twin.crowd.personal.code.any()
    assert (twin.crowd.personal.coupled == 1.0).all()
    twin.close()
