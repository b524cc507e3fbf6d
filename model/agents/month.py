"""Hazards of a month for persons: those of the compartments, read from the agents' own counts.

``read_hazards`` lets the compartmental functions set every hazard from how many people there are
in each state. ``plan_year`` fixes the caps of the thinning, from the reference alone, so that all
scenarios draw the same candidates; ``plan_month`` sets what candidates are compared with.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from model import hazards as scalar
from model.agents import philox
from model.agents.cases import whole
from model.agents.people import CHILD, CLASSES, Layout, People
from model.agents.personal import Personal, by_ties, own_factors
from model.agents.sweep import LAYERS, Plan
from model.agents.tally import Hazards
from model.arrays import Run
from model.deaths import excess_change, fatal_overdoses
from model.kernel import harm_share, set_hazards, set_shares
from model.structure import NOBODY, TREND, Structure, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MONTH = 1.0 / 12.0
HEADROOM = 1.25  # caps above the hazards of the reference
COVERED = 4.0  # factors up to here are covered by the cap itself,
SEVERAL = 6.0  # or by so many layers
LEAST = 1e-3  # a year; smallest cap
SAMPLE = 6_000  # people of a product whose factors are averaged
FEW = 300.0


@njit(cache=True, nogil=True)
def read_hazards(run: Run, found: Hazards, month: int, admission: Float) -> None:
    """Set all hazards of the month from the stocks in ``run``.

    ``admission`` (services, R): hazard of admission where a service is pooled, infinite where
    people are admitted one by one (what is read then is how fast people can be admitted at all).
    Prices and ``work.rate`` must be set.
    """
    wiring, work, starts = run.wiring, run.work, run.setting.region_start
    set_shares(run)
    work.admission[:] = admission
    for p in range(wiring.state_start.size - 1):
        first, begin = wiring.state_start[p], wiring.flow_start[p]
        for r in range(starts.size - 1):
            social = run.rates.social[p]
            if social[2] > 0.0:
                run.state.memory[p, r] = scalar.remembered_harm(
                    run.state.memory[p, r], harm_share(run, p, r), social[3], social[4], MONTH
                )
            set_hazards(run, p, r, month)
            start, width = starts[r], starts[r + 1] - starts[r]
            for f in range(begin, wiring.flow_start[p + 1]):
                at = (f - begin) * width
                found.flow[f, start : start + width] = work.hazard[at : at + width]
            change = excess_change(run, p, r, month)
            for z in range(first, wiring.state_start[p + 1]):
                at = (z - first) * width
                found.leaving[z, start : start + width] = work.leaving[at : at + width]
                fatal = fatal_overdoses(run, p, z, r, month) if wiring.deadly[z] == 1 else 0.0
                for s in range(start, start + width):
                    deadly = wiring.deadly[z] == 1
                    excess = run.rates.excess[z, s] * change
                    rate = scalar.excess_mortality(work.rate[s], excess) if deadly else 0.0
                    found.excess[z, s] = rate
                    found.overdose[z, s] = fatal * work.spared[s]


@njit(cache=True, nogil=True)
def set_couplings(run: Run, personal: Personal, own: int) -> None:
    """What the stratum's use of other products does to each flow, which own use replaces."""
    wiring = run.wiring
    personal.coupled[:] = 1.0
    if own == 0:
        return
    for f in range(wiring.origin.size):
        if personal.code[f] != 0:
            for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
                use = run.work.use[wiring.couplings[i]]
                for s in range(use.size):
                    excess = run.rates.coupling[i]
                    personal.coupled[f, s] *= scalar.coupling_factor(use[s], excess)


@njit(cache=True, nogil=True)
def largest_factors(personal: Personal, p: int, s: int) -> tuple[float, float]:
    """Bounds on what multiplies first use and escalation of any person in a stratum."""
    wiring = personal.wiring
    found = np.ones(2)
    for c in range(CLASSES):
        found[0] = max(found[0], personal.first_use[p, s, c])
        found[1] = max(found[1], personal.rise[p, c])
    for k in range(2):
        f = personal.coupling_flow[p, k]
        if f >= 0:
            for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
                found[k] *= max(1.0, 1.0 + personal.coupling[i])
    met = 1.0 + personal.influence
    found[0] *= met / (1.0 + personal.influence * personal.exposed[p, s])
    return found[0], found[1]


@njit(cache=True, nogil=True)
def plan_month(
    wiring: Wiring, hazards: Hazards, personal: Personal, plan: Plan, layout: tuple[Int, Int]
) -> None:
    """Thresholds, bounds and layers of the month.

    ``layout``: first strata of regions, and the stratum whose caps each stratum has (S,).
    """
    region_start, own = layout
    plan.threshold[:] = 0
    plan.bound[:] = 0.0
    plan.layers[:] = 1
    for p in range(plan.cap.shape[0]):
        first = wiring.state_start[p]
        for r in range(region_start.size - 1):
            for s in range(region_start[r], region_start[r + 1]):
                first_use, rise = largest_factors(personal, p, s)
                cap = plan.cap[p, own[s]]
                for z in range(first, wiring.state_start[p + 1]):
                    if plan.care[z] == 1:
                        continue
                    _part(wiring, hazards, personal, plan, p, z, s)
                    parts = plan.parts[z, s]
                    total = parts[0] + parts[1] * first_use + parts[2] * rise
                    bound = total * MONTH / cap * (1.0 + 1e-12)
                    at = (s - region_start[r]) * 16 + z - first
                    plan.bound[p, r, at] = bound
                    word = min(bound * 4294967296.0 + 1.0, 4294967295.0)
                    plan.threshold[p, r, at] = np.uint32(word)
                    needed = min(np.int64(np.ceil(bound)), LAYERS)
                    plan.layers[p, own[s]] = max(plan.layers[p, own[s]], needed)


@njit(cache=True, nogil=True)
def _part(
    wiring: Wiring, hazards: Hazards, personal: Personal, plan: Plan, p: int, z: int, s: int
) -> None:
    """Hazards out of a state: those that are the same for all, of first use, and of escalation."""
    parts = plan.parts[z, s]
    parts[0], parts[1], parts[2] = hazards.leaving[z, s], 0.0, 0.0
    if personal.state[z] == 0:
        return
    parts[0] = hazards.excess[z, s] + hazards.overdose[z, s]
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if wiring.origin[f] == z - wiring.state_start[p]:
            parts[personal.code[f]] += hazards.flow[f, s] / personal.coupled[f, s]


@njit(cache=True, nogil=True)
def mean_factors(
    hazards: Hazards,
    personal: Personal,
    people: People,
    layout: Layout,
    region_start: Int,
    first_slot: int,
) -> Float:
    """Mean of what multiplies first use and escalation, over people at risk of them, (P, 2).

    Weighted by hazard. Where there are many, SAMPLE people from ``first_slot`` on, spread over all
    slots, stand for them. Nearer 1 the fewer there are (FEW of them tell half of it).
    """
    wiring, products = personal.wiring, people.state.shape[0]
    slots = people.stratum.size
    stride = 1 if slots <= SAMPLE else 10_007
    found = np.ones((products, 2))
    for p in range(products):
        weight, total, seen, slot = np.zeros(2), np.zeros(2), 0, first_slot % slots
        for _ in range(slots):
            slot = (slot + stride) % slots
            if people.stratum[slot] >= CHILD:
                continue
            z = np.int64(people.state[p, slot])
            if personal.state[wiring.state_start[p] + z] == 0:
                continue
            b = whole(np.searchsorted(layout.block_start, slot, side="right") - 1)
            s = region_start[layout.block_region[b]] + people.stratum[slot]
            risk = np.zeros(2)
            for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
                if wiring.origin[f] == z and personal.code[f] > 0:
                    risk[personal.code[f] - 1] += hazards.flow[f, s]
            first_use, rise, _ = own_factors(personal, people, slot, p, s)
            if risk[0] > 0.0 and personal.influence > 0.0:
                first_use *= by_ties(personal, people, layout, b, slot, p, s)
            total[0] += risk[0] * first_use
            total[1] += risk[1] * rise
            weight += risk
            seen += 1
            if seen >= SAMPLE:
                break
        for k in range(2):
            if weight[k] > 0.0 and total[k] > 0.0:
                told = seen / (seen + FEW)
                found[p, k] = philox.exp(told * philox.log(total[k] / weight[k]))
    return found


def plan_year(plan: Plan, usual: Float, own: Int) -> None:
    """Caps of a year: ``usual`` (P, S) largest hazards a year, by the stratum that has the cap."""
    plan.cap[:] = 0.0
    for p in range(plan.cap.shape[0]):
        np.maximum.at(plan.cap[p], own, np.maximum(HEADROOM * usual[p], LEAST) * MONTH)


@njit(cache=True, nogil=True)
def all_factors(personal: Personal) -> Float:
    """Bounds on the factors on first use and escalation in all strata, (P, S, 2)."""
    found = np.ones((personal.first_use.shape[0], personal.first_use.shape[1], 2))
    for p in range(found.shape[0]):
        for s in range(found.shape[1]):
            found[p, s] = largest_factors(personal, p, s)
    return found


def usual_hazards(
    structure: Structure,
    run: Run,
    code: Int,
    factors: Float,
    death_rate: Float,
    months: slice,
) -> Float:
    """Hazards a year that the caps cover, (P, S), from the reference.

    From rates and ``factors`` (P, S, 2; bounds at the start) alone, without what the run itself
    feeds back, so that they are the same in every scenario; for the few people at the far end of
    the factors, further layers do.
    """
    wiring, rates = structure.wiring, run.rates
    trend = rates.multiplier[:, months].max(axis=1)
    found = np.zeros((len(structure.products), rates.base.shape[1]))
    fatality = np.minimum(run.market.fatality, 1.0)
    for p in range(found.shape[0]):
        for z in range(int(wiring.state_start[p]), int(wiring.state_start[p + 1])):
            if wiring.waiting_service[z] != NOBODY or wiring.treating_service[z] != NOBODY:
                continue
            total = rates.excess[z] * death_rate + rates.overdose[z] * fatality[p]
            for f in range(int(wiring.flow_start[p]), int(wiring.flow_start[p + 1])):
                if wiring.origin[f] == z - wiring.state_start[p]:
                    rate = rates.base[f] * (trend[p] if wiring.flags[f] & TREND else 1.0)
                    if code[f] > 0:
                        most = factors[p, :, code[f] - 1]
                        rate = rate * np.maximum(np.minimum(most, COVERED), most / SEVERAL)
                    total = total + rate
            found[p] = np.maximum(found[p], total)
    return found
