"""The personal factors of a run: which flows they act on, and their values of the month."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model.agents.build import Setting
from model.agents.layout import Ground
from model.agents.liability import ratios
from model.agents.network import mean_exposure, venues, weights
from model.agents.people import CLASSES
from model.agents.personal import FIRST_USE, RISE, Personal
from model.arrays import Run
from model.structure import COUPLED, NOBODY, Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

PSEUDO = 20.0


def no_personal(setting: Setting, run: Run) -> Personal:
    """Factors of one, with the switches of the setting."""
    structure, switches = setting.structure, setting.switches
    strata, wiring = setting.prepared.strata.size, structure.wiring
    products, flows = len(structure.products), len(structure.flows)
    code, holder = flow_codes(structure)
    varied = np.zeros(len(structure.states), dtype=np.uint8)
    for f in np.flatnonzero(code):
        varied[wiring.state_start[structure.product_of_flow[f]] + wiring.origin[f]] = 1
    personal = switches.liability or switches.network or switches.couplings
    return Personal(
        code=code if personal else np.zeros_like(code),
        state=varied if personal else np.zeros_like(varied),
        first_use=np.ones((products, strata, CLASSES)),
        rise=np.ones((products, CLASSES)),
        coupled=np.ones((flows, strata)),
        coupling_flow=holder if switches.couplings else np.full_like(holder, NOBODY),
        coupling=run.rates.coupling if switches.couplings else np.zeros_like(run.rates.coupling),
        influence=setting.terms.influence if switches.network else 0.0,
        venue=venues(structure),
        exposed=np.zeros((products, strata)),
        wiring=wiring,
    )


def flow_codes(structure: Structure) -> tuple[Int, Int]:
    """Code of each flow (F,) and a flow that holds the couplings of each code (P, 2) or NOBODY.

    Where some flows of a product's escalation are coupled, only those have a code.
    """
    wiring = structure.wiring
    code = np.zeros(len(structure.flows), dtype=np.int64)
    holder = np.full((len(structure.products), 2), NOBODY)
    for k, (family, value) in enumerate((("initiation", FIRST_USE), ("escalation", RISE))):
        for p in range(len(structure.products)):
            flows = [
                f
                for f in range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1]))
                if structure.flows[f].family == family
            ]
            coupled = [f for f in flows if wiring.flags[f] & COUPLED]
            code[coupled or flows] = value
            if coupled:
                holder[p, k] = coupled[0]
    return code, holder


@njit(cache=True, nogil=True)
def set_rows(table: Float, never: Int, people: Int, bands: int, found: Float) -> None:
    """First use by liability in each stratum, ``found`` (S, CLASSES), from people who never used.

    A stratum's share leans on that of its age band in the nation as PSEUDO more people would:
    of a handful of agents a share says little.
    """
    for band in range(bands):
        unused, all_people = 0.0, 0.0
        for s in range(band, people.size, bands):
            unused += never[s]
            all_people += people[s]
        usual = unused / all_people if all_people > 0.0 else 1.0
        for s in range(band, people.size, bands):
            ratios(table, (never[s] + PSEUDO * usual) / (people[s] + PSEUDO), found[s])


def exposed_shares(personal: Personal, run: Run, setting: Setting, ground: Ground) -> None:
    """Set the expected share of a person's ties that use each product, by stratum.

    Ties near are to people of the same region and age band, ties online to the whole nation.
    """
    use, people = run.work.use, run.state.population
    shape = (-1, ground.groups, ground.bands)
    alike = people.reshape(shape).sum(axis=1)
    total = max(float(people.sum()), 1e-300)
    terms, present = setting.terms, 1.0
    for p in range(len(personal.venue)):
        using = use[p] * people
        nation = float(using.sum()) / total
        near = using.reshape(shape).sum(axis=1) / np.maximum(alike, 1e-300)
        venue = int(personal.venue[p])
        chances = terms.partner_share, terms.nightlife_share, terms.online_share
        close, far = weights(venue, present, *chances)
        share = mean_exposure(close, far, near, nation)
        personal.exposed[p] = np.repeat(share[:, None, :], ground.groups, axis=1).reshape(-1)
