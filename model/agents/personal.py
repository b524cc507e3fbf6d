"""What a person's own hazards differ by: liability, the ties they have, what else they use.

Each factor has a mean of one over the people whom it acts on, so that it spreads the hazards of
the compartments over persons and leaves their level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.agents.cases import whole
from model.agents.network import exposure
from model.agents.people import Layout, People
from model.rows import lean
from model.structure import Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

FIRST_USE, RISE = 1, 2  # codes of flows: first use, and escalation


class Personal(NamedTuple):
    """P products, F flows, Z states, S strata, K couplings."""

    code: Int  # (F,) FIRST_USE, RISE, or 0 for flows that are the same for all
    state: npt.NDArray[np.uint8]  # (Z,) 1 where some flow out of the state has a code
    first_use: Float  # (P, S, CLASSES) by liability
    rise: Float  # (P, CLASSES)
    coupled: Float  # (F, S) coupling by the stratum's use, which own use stands in for; or 1
    coupling_flow: Int  # (P, 2) a flow of each product with the couplings of first use, of rise
    coupling: Float  # (K,) effect of each upstream product, less one; 0 where switched off
    influence: float  # hazard of first use is 1 + influence x share of ties that use; 0 is off
    venue: Int  # (P,) flags of ties that count, model.agents.network
    exposed: Float  # (P, S) expected share of ties that use
    wiring: Wiring


@lean(forceinline=True)
def _by_own_use(personal: Personal, using: int, f: int) -> float:
    """Effect of the other products that the person uses."""
    factor = 1.0
    if f < 0:
        return factor
    wiring = personal.wiring
    for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
        if (using >> wiring.couplings[i]) & 1:
            factor *= 1.0 + personal.coupling[i]
    return factor


@lean(forceinline=True)
def own_factors(
    personal: Personal, people: People, slot: int, p: int, s: int
) -> tuple[float, float, float]:
    """Factors on first use, without that of ties, and on escalation of a person; and the most
    that ties can make of first use."""
    kind = people.liability[slot]
    using = whole(people.using[slot])
    first_use = personal.first_use[p, s, kind]
    first_use *= _by_own_use(personal, using, personal.coupling_flow[p, 0])
    rise = personal.rise[p, kind]
    rise *= _by_own_use(personal, using, personal.coupling_flow[p, 1])
    b = personal.influence
    return first_use, rise, (1.0 + b) / (1.0 + b * personal.exposed[p, s])


@lean(forceinline=True)
def by_ties(
    personal: Personal, people: People, layout: Layout, block: int, slot: int, p: int, s: int
) -> float:
    """Factor on first use of those the person is tied to; near 1 on average in a stratum."""
    cell = layout.block_cell[block]
    begin, end = layout.cell_start[cell], layout.cell_start[cell + 1]
    share = exposure(people, begin, end, slot, p, personal.venue[p])
    b = personal.influence
    met: float = (1.0 + b * share) / (1.0 + b * personal.exposed[p, s])
    return met
