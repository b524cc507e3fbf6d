"""Everybody outside care, a month at a time: hazards from counts, thinning, deaths, birthdays.

What is random is keyed by block or slot, so chunks of blocks can go to threads in any way; what
chunks find is added up as integers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from model.agents import calendar, liability, month, years
from model.agents.build import (
    Setting,
    build_ground,
    burden_given_liability,
    count,
    given_liability,
    loadings,
    pathway_products,
    populate,
)
from model.agents.memory import Memory, new_memory
from model.agents.personal_setup import exposed_shares, no_personal, set_rows
from model.agents.sweep import Plan, Sweep, sweep_blocks
from model.agents.tally import Hazards
from model.arrays import DrawForcing, DrawPaths, Run
from model.deaths import deflate
from model.forcing import Forcing
from model.kernel import set_admissions
from model.prepared import (
    FIRST_YEAR,
    State,
    market_of,
    paths_of,
    rates_of,
    setting_of,
    state_of,
    work_for,
)
from model.prices import price_paths
from model.structure import NOBODY

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

CHUNKS = 4  # chunks of blocks a thread, so that threads end together


class Crowd:
    """People of one draw and seed. Counts are agents: ``weight`` persons each."""

    def __init__(self, setting: Setting, forcing: Forcing, state: State, threads: int) -> None:
        self.setting, self.threads = setting, threads
        self.ground = build_ground(setting)
        layout = self.ground.layout
        self.cut(CHUNKS * threads if threads > 1 else 1)
        self.people = populate(setting, self.ground, state, self.over_blocks)
        self.stock, self.population = count(setting, self.ground, self.people)
        self.run = compartmental_run(setting, forcing, state)
        structure, strata = setting.structure, setting.prepared.strata
        states, flows = len(structure.states), len(structure.flows)
        self.hazards = Hazards(
            flow=np.zeros((flows, strata.size)),
            excess=np.zeros((states, strata.size)),
            overdose=np.zeros((states, strata.size)),
            leaving=np.zeros((states, strata.size)),
        )
        self.loadings = loadings(setting)
        self.tables = {rho: liability.hazard_table(rho) for rho in np.unique(self.loadings)}
        self.personal = no_personal(setting, self.run)
        self.plan = _plan(setting, len(layout.block_cell))
        self.cursor = np.zeros(len(layout.cell_region), dtype=np.int64)
        self.own = np.zeros(strata.size, dtype=np.int64)  # stratum that has the caps of each
        self.reference = np.ones((len(structure.products), strata.size, 2))
        self.level = np.ones((len(structure.products), 2))  # mean of the factors before it
        self.candidates = 0
        self.beyond = 0  # candidates whose hazard was above what is covered

    # Parts of the work

    def cut(self, parts: int) -> None:
        """Share the blocks out to so many chunks. No number depends on how many."""
        layout, setting = self.ground.layout, self.setting
        blocks = len(layout.block_cell)
        self.edges = np.linspace(0, blocks, max(1, min(blocks, parts)) + 1).astype(np.int64)
        self.memories = [
            new_memory(setting.structure, setting.prepared.strata, int(last - first), layout)
            for first, last in zip(self.edges, self.edges[1:], strict=False)
        ]

    def over_blocks(self, task: Callable[[int, int], None]) -> None:
        """Run a task over all chunks of blocks."""
        spans = list(zip(self.edges.tolist(), self.edges[1:].tolist(), strict=False))
        if self.threads <= 1 or len(spans) == 1:
            for first, last in spans:
                task(first, last)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda span: task(*span), spans))

    def start_month(self, number: int) -> None:
        """Write the counts into the compartmental state, as persons."""
        if number % 12 == 0:
            self._start_year(number)
        state, weight = self.run.state, self.setting.weight
        np.multiply(self.stock, weight, out=state.stock)
        np.multiply(self.population, weight, out=state.population)

    def set_hazards(self, number: int, pooled: npt.NDArray[np.bool_]) -> None:
        """Hazards of the month; prices must be set. ``pooled`` (services,): places are shared."""
        run = self.run
        deflate(run, number, False)
        admission = np.full_like(run.work.admission, np.inf)
        if pooled.any():
            set_admissions(run, number, month.MONTH)
            admission[pooled] = run.work.admission[pooled]
        month.read_hazards(run, self.hazards, number, admission)

    def thin(self, number: int) -> list[Memory]:
        """Everybody outside care; what the chunks found, in the order of blocks.

        Raises FloatingPointError when a list of changes is full.
        """
        self._set_personal()
        if number % 12 == 0:
            self._balance()
        wiring = self.setting.structure.wiring
        starts, own = self.setting.region_start, self.own
        month.plan_month(wiring, self.hazards, self.personal, self.plan, (starts, own))
        sweep = Sweep(
            self.setting.key,
            self.people,
            self.ground.layout,
            wiring,
            self.hazards,
            self.personal,
            self.plan,
            starts,
        )
        spans = list(zip(self.edges.tolist(), self.edges[1:].tolist(), strict=False))
        wrong = np.zeros(len(spans), dtype=np.int64)
        first_block = {span[0]: i for i, span in enumerate(spans)}

        def part(first: int, last: int) -> None:
            i = first_block[first]
            memory = self.memories[i]
            memory.clear()
            wrong[i] = sweep_blocks(sweep, memory.buffers, first, last, number)

        self.over_blocks(part)
        if wrong.any():
            raise FloatingPointError(f"a list of changes is full: month {number} of the agents")
        self.beyond += sum(int(memory.buffers.noted[4]) for memory in self.memories)
        self.candidates += sum(int(memory.buffers.noted[3]) for memory in self.memories)
        return self.memories

    def share_deaths(
        self, number: int, slots: npt.NDArray[np.int32], products: npt.NDArray[np.uint8]
    ) -> None:
        """Where deaths are shared, who died of one product is anybody for the others.

        Both arrays (n,): who died, of what.
        """
        if self.setting.switches.deaths == "shared":
            wiring, key = self.setting.structure.wiring, self.setting.key
            dead = slots, products
            calendar.share_deaths(self.people, self.ground.layout, wiring, dead, number, key)

    def end_month(self, number: int, gone: Int) -> Int:
        """Deaths and departures; returns deaths (S,).

        ``gone`` (S,): people who died of a product's excess this month. Raises FloatingPointError
        when too many move.
        """
        movement = self._movement(number, gone)
        layout, wiring = self.ground.layout, self.setting.structure.wiring
        first_block = {int(first): i for i, first in enumerate(self.edges[:-1])}
        full = np.zeros(len(self.memories), dtype=np.int64)

        def part(first: int, last: int) -> None:
            i = first_block[first]
            memory = self.memories[i]
            full[i] = calendar.end_month(
                self.people,
                layout,
                wiring,
                movement,
                memory.buffers,
                memory.moved,
                (first, last, number),
                self.setting.key,
            )

        self.over_blocks(part)
        if full.any():
            raise FloatingPointError(f"too many move in a month: month {number} of the agents")
        deaths, change = np.zeros_like(self.population), np.zeros_like(self.population)
        for memory in self.memories:
            self.stock += memory.buffers.tally.stock
            deaths += memory.moved.deaths
            change += memory.moved.people
            self.beyond += int(memory.moved.noted[1])
        self.population += change
        return deaths

    def new_year(self, year: int) -> npt.NDArray[np.int32]:
        """1 January of ``year``: everybody is a year older, children reach the youngest band.

        Returns the slots (n,) of the people who entered. Raises FloatingPointError when a cell has
        no free slot.
        """
        return years.new_year(self, year)

    def entry_shares(self, shares: Float) -> Float:
        """Shares of states given liability of people who reach the youngest band.

        ``shares`` (Z, blocks) as Prepared.entry; returns (P, blocks, CLASSES, most states).
        """
        return given_liability(self.setting, shares)

    def burden_of_entrants(self) -> Float:
        """P(mental-health burden | class) in the youngest band, (blocks, CLASSES)."""
        setting = self.setting
        share = setting.prepared.rates.burden[setting.draw, :: self.ground.bands]
        return burden_given_liability(setting, share)

    def using(self) -> Int:
        """Agents who use each product now, (P,)."""
        wiring = self.setting.structure.wiring
        users = np.where(wiring.using == 1, self.stock.sum(axis=1), 0)
        found: Int = np.add.reduceat(users, wiring.state_start[:-1])
        return found

    def set_forcing(self, forcing: Forcing) -> None:
        """Go on under another forcing from the month to come on; people and markets stay."""
        self.run = self.run._replace(
            setting=setting_of(self.setting.prepared, forcing.cell),
            paths=_paths(self.setting, forcing),
            forcing=_forced(self.setting, forcing),
        )

    # The year and the month

    def _start_year(self, number: int) -> None:
        """Caps of the year, from the reference."""
        year = number // 12
        setting, strata = self.setting, self.setting.prepared.strata
        at = year - (setting.first_year - FIRST_YEAR)
        ground, bands = self.ground, self.ground.bands
        stratum = np.arange(strata.size)
        region = strata.region
        starts = setting.region_start
        layout = ground.layout
        if ground.cohorts:
            self.own = starts[region] + (stratum - starts[region]) % bands
            band = ground.band[at][layout.block_cell]
            own = starts[layout.block_region] + band
            self.plan.block_stratum[:] = np.where(band == NOBODY, NOBODY, own)
        else:
            self.own = starts[region]
            self.plan.block_stratum[:] = starts[layout.block_region]
        self._set_rise()
        if number // 12 == setting.first_year - FIRST_YEAR:
            self._set_personal()
            self.reference = month.all_factors(self.personal)
        usual = month.usual_hazards(
            setting.structure,
            self.run,
            self.personal.code,
            self.reference,
            setting.prepared.demography.death_rate[year],
            slice(number, number + 12),
        )
        month.plan_year(self.plan, usual, self.own)

    def _set_personal(self) -> None:
        """What the persons' own hazards of this month differ by."""
        switches = self.setting.switches
        month.set_couplings(self.run, self.personal, int(switches.couplings))
        self._set_first_use()
        if switches.network:
            exposed_shares(self.personal, self.run, self.setting, self.ground)

    def _balance(self) -> None:
        """Divide by the mean of all factors together: people with one often have the others."""
        switches = self.setting.switches
        if not (switches.network or switches.liability or switches.couplings):
            return
        found = month.mean_factors(
            self.hazards,
            self.personal,
            self.people,
            self.ground.layout,
            self.setting.region_start,
            self.stock,
        )
        self.level *= found
        self.personal.first_use[:] /= found[:, 0, None, None]
        self.personal.rise[:] /= found[:, 1, None]

    def _set_first_use(self) -> None:
        wiring = self.setting.structure.wiring
        for p, rho in enumerate(self.loadings):
            rows = self.personal.first_use[p]
            if rho > 0.0:
                never = self.stock[wiring.state_start[p]]
                set_rows(self.tables[rho], never, self.population, self.ground.bands, rows)
            else:
                rows[:] = 1.0
            rows /= self.level[p, 0]

    def _set_rise(self) -> None:
        """Escalation by liability, over those at risk of it at the start of the year."""
        tilt = self.setting.terms.escalation_liability
        if not self.loadings.any():
            return
        wiring = self.setting.structure.wiring
        counts = years.count_at_risk(self.people, wiring, self.personal.code)
        for p, rho in enumerate(self.loadings):
            if rho > 0.0:
                rise = liability.escalation_ratios(counts[p], tilt)
                self.personal.rise[p] = rise / self.level[p, 1]

    def _movement(self, number: int, gone: Int) -> calendar.Movement:
        setting, ground = self.setting, self.ground
        demography, state = setting.prepared.demography, self.run.state
        at = number // 12 - (setting.first_year - FIRST_YEAR)
        baseline = state.baseline[number]
        start = state.population / setting.weight
        left = np.maximum(start - gone, 1e-300)
        probability = np.clip(baseline * start / left, 0.0, 0.999)
        return calendar.Movement(
            dying=-np.log1p(-probability),
            usual=-np.log1p(-np.clip(baseline, 0.0, 0.999)),
            growth=moving(np.log(np.maximum(demography.growth[number], 1e-9))),
            cell_growth=moving(ground.growth[at]),
            cell_older=ground.older[at],
            band=ground.band[at],
            bands=ground.bands,
            cohorts=int(ground.cohorts),
            region_start=setting.region_start,
        )

    def newcomers(self) -> npt.NDArray[np.int32]:
        """Let in people like those noted at the month's end; returns their slots (n,).

        Raises FloatingPointError when a cell has no free slot.
        """
        taken = []
        for memory in self.memories:
            slots = np.empty(int(memory.moved.noted[0]), dtype=np.int32)
            found = calendar.settle_newcomers(
                self.people,
                self.ground.layout,
                self.setting.structure.wiring,
                self.setting.region_start,
                memory.moved,
                self.cursor,
                (self.stock, self.population, slots),
            )
            if found == NOBODY:
                raise FloatingPointError("there is no room for newcomers among the agents")
            taken.append(slots[:found])
        return np.concatenate(taken)


def moving(growth: Float) -> Float:
    """How many come for each person (above 0), or the hazard of leaving (below), in a month.

    ``growth`` is logarithmic: newcomers come one by one, and their mean must be growth less one.
    Same shape.
    """
    return np.where(growth > 0.0, np.expm1(growth), growth)


def compartmental_run(setting: Setting, forcing: Forcing, state: State) -> Run:
    """The arrays of one draw as the compartmental functions read them, from ``state`` on."""
    prepared, d = setting.prepared, setting.draw
    own = State(state.month, *(array[d : d + 1].copy() for array in state[1:]))
    return Run(
        prepared.structure.wiring,
        setting_of(prepared, forcing.cell),
        rates_of(prepared, d),
        market_of(prepared, d),
        _paths(setting, forcing),
        _forced(setting, forcing),
        state_of(own, 0),
        work_for(prepared),
    )


def _paths(setting: Setting, forcing: Forcing) -> DrawPaths:
    prepared = setting.prepared
    starts, months = setting.region_start[:-1], prepared.demography.months
    paths = price_paths(prepared.structure, prepared.rates.terms, forcing, starts, months)
    return paths_of(paths, setting.draw)


def _forced(setting: Setting, forcing: Forcing) -> DrawForcing:
    values = forcing.values[setting.draw if len(forcing.values) > 1 else 0]
    return DrawForcing(forcing.series, values, forcing.active)


def _plan(setting: Setting, blocks: int) -> Plan:
    structure, strata = setting.structure, setting.prepared.strata
    wiring = structure.wiring
    products, regions = len(structure.products), len(strata.regions)
    care = (wiring.waiting_service != NOBODY) | (wiring.treating_service != NOBODY)
    return Plan(
        cap=np.zeros((products, strata.size)),
        layers=np.ones((products, strata.size), dtype=np.int64),
        threshold=np.zeros((products, regions, 4096), dtype=np.uint32),
        bound=np.zeros((products, regions, 4096)),
        parts=np.zeros((len(structure.states), strata.size, 3)),
        block_stratum=np.full(blocks, NOBODY),
        care=care.astype(np.uint8),
        pathway=pathway_products(structure),
    )
