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
from model.agents.cases import whole
from model.agents.people import CLASSES, Layout, People
from model.agents.personal import Personal, by_ties, own_factors
from model.agents.sweep import LAYERS, Plan
from model.agents.tally import Hazards
from model.arrays import Run
from model.deaths import excess_change, fatal_overdoses
from model.kernel import harm_share, set_hazards, set_shares
from model.rows import lean
from model.structure import NOBODY, TREND, Structure, Wiring

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MONTH = 1.0 / 12.0
HEADROOM = 1.25  # caps above the hazards of the reference
COVERED = 4.0  # factors up to here are covered by the cap itself,
SEVERAL = 6.0  # or by so many layers
LEAST = 1e-3  # a year; smallest cap
SAMPLE = 10_000  # people of a product whose factors are averaged
RELEVANT = 0.1  # of the largest hazard; strata with less do not count
FEW = 100.0


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


@lean(forceinline=True)
def largest_factors(personal: Personal, p: int, s: int) -> tuple[float, float]:
    """Bounds on what multiplies first use and escalation of any person in a stratum."""
    wiring = personal.wiring
    first_use, rise = 1.0, 1.0
    for c in range(CLASSES):
        first_use = max(first_use, personal.first_use[p, s, c])
        rise = max(rise, personal.rise[p, c])
    f = personal.coupling_flow[p, 0]
    if f >= 0:
        for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
            first_use *= max(1.0, 1.0 + personal.coupling[i])
    f = personal.coupling_flow[p, 1]
    if f >= 0:
        for i in range(wiring.coupling_start[f], wiring.coupling_start[f + 1]):
            rise *= max(1.0, 1.0 + personal.coupling[i])
    met = 1.0 + personal.influence
    return first_use * met / (1.0 + personal.influence * personal.exposed[p, s]), rise


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


@lean(forceinline=True)
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
    stock: Int,
) -> Float:
    """What personal factors make of all first use and of all escalation, (P, 2).

    The sum of hazards as they act over that of the compartments, over people at risk in strata
    whose hazard matters; of many people, those in every so manyth slot (some SAMPLE of them).
    Nearer 1 the fewer there are: as if FEW more had a factor of 1. ``stock`` (Z, S) says how many
    there are.
    """
    products = people.state.shape[0]
    found = np.ones((products, 2))
    for p in range(products):
        for k in range(2):
            found[p, k] = _mean_factor(
                hazards, personal, people, layout, (region_start, stock), (p, k)
            )
    return found


@njit(cache=True, nogil=True)
def _mean_factor(
    hazards: Hazards,
    personal: Personal,
    people: People,
    layout: Layout,
    counts: tuple[Int, Int],
    which: tuple[int, int],
) -> float:
    region_start, stock = counts
    p, k = which
    wiring, first = personal.wiring, personal.wiring.state_start[p]
    width = wiring.state_start[p + 1] - first
    usual = np.zeros((16, stock.shape[1]))  # by state, of the compartments, and without couplings
    bare = np.zeros((16, stock.shape[1]))
    for f in range(wiring.flow_start[p], wiring.flow_start[p + 1]):
        if personal.code[f] == k + 1:
            for s in range(stock.shape[1]):
                usual[wiring.origin[f], s] += hazards.flow[f, s]
                bare[wiring.origin[f], s] += hazards.flow[f, s] / personal.coupled[f, s]
    least = RELEVANT * usual.max()
    risky = np.zeros(16, dtype=np.uint8)
    there = 0
    for z in range(width):
        for s in range(stock.shape[1]):
            if usual[z, s] > least:
                risky[z] = 1
                there += stock[first + z, s]
    if there == 0:
        return 1.0
    step = max(1, there // SAMPLE)
    weight, squares, total = 0.0, 0.0, 0.0
    state, stratum = people.state[p], people.stratum
    for b in range(layout.block_region.size):
        at = region_start[layout.block_region[b]]
        start = layout.block_start[b]
        for slot in range(start + (-start) % step, layout.block_start[b + 1], step):
            z = whole(state[slot])
            if risky[z] == 0:
                continue
            s = at + stratum[slot]
            if usual[z, s] <= least:
                continue
            first_use, rise, _ = own_factors(personal, people, slot, p, s)
            if k == 0 and personal.influence > 0.0:
                first_use *= by_ties(personal, people, layout, b, slot, p, s)
            weight += usual[z, s]
            squares += usual[z, s] * usual[z, s]
            total += bare[z, s] * (first_use if k == 0 else rise)
    if weight <= 0.0:
        return 1.0
    told = weight * weight / squares  # people of equal hazard that say as much
    return (told * total / weight + FEW) / (told + FEW)


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
