"""The compartmental engine: expected persons by product, state and stratum, month by month.

``prepare`` folds tables and draws into arrays once; ``simulate`` runs them. No files are read or
written and no state is kept between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model import start as beginning
from model.arrays import (
    DrawForcing,
    DrawMarket,
    DrawOutput,
    DrawPaths,
    DrawRates,
    DrawState,
    Run,
    Setting,
    Work,
)
from model.care import queue_table
from model.catalogue import Catalogue
from model.errors import InputError
from model.forcing import Change, Forcing, build_forcing
from model.history import history_changes
from model.kernel import run_months
from model.parameters import Draws
from model.population import Demography, load_demography
from model.prices import Paths, idle_paths, price_paths
from model.rates import Rates, build_rates
from model.rows import aligned
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure
from model.trend import initiation_multiplier

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

FIRST_YEAR = 2010


@dataclass(frozen=True)
class Prepared:
    """Tables and draws as arrays, ready to run. D draws, P products, T months."""

    structure: Structure
    strata: Strata
    demography: Demography
    rates: Rates
    multiplier: Float  # (D, P, T) initiation
    past: Float  # (D, P, years before 2010)
    entry: Float  # (D, years+1, Z, blocks)
    entry_past: Float  # (D, years before 2010, Z, blocks)
    queues: Float  # (D, services, 2, points)
    history: tuple[Change, ...] = ()

    def forcing(self, changes: Sequence[Change] = ()) -> Forcing:
        """What these changes and history do together. Raises InputError for bad changes."""
        months = self.demography.months
        return build_forcing(self.structure, self.strata, months, [*self.history, *changes])

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.multiplier)


class State(NamedTuple):
    """Everything a run carries on: hand it back to branch. Arrays lead with the draw axis.

    Fields as in model.kernel.DrawState; ``month`` is the next month (0 is January 2010).
    """

    month: int
    stock: Float
    population: Float
    use_reference: Float
    memory: Float
    memory_reference: Float
    places: Float
    leaving: Float
    arriving: Float
    baseline: Float
    deflator: Float
    spared: Float
    demand: Float
    gap: Float
    scarcity: Float
    sticker: Float
    purity: Float
    signal: Float
    faded: Float
    market: Float
    price: Float
    taken: Float
    overdose_deaths: Float
    time: Float
    counted: Float
    excess_deaths: Float
    deaths: Float
    lived: Float

    def copy(self) -> State:
        """An independent copy."""
        return State(self.month, *(array.copy() for array in self[1:]))

    def with_reference(self, reference: State) -> State:
        """This state with what a complete reference run fixes for all scenarios, ready to branch:
        baseline mortality and the demand that suppliers expect.
        """
        return self._replace(
            baseline=reference.baseline,
            deflator=reference.deflator,
            spared=reference.spared,
            demand=reference.demand,
        )


class Output(NamedTuple):
    """Yearly totals from 2010, NaN for years that the run did not finish.

    ``time`` (D, years, Z, S) person-years; ``counted`` (D, years, C, S) transitions;
    ``excess_deaths`` (D, years, P, S), ``overdose_deaths`` among them; ``deaths``, ``lived``
    (D, years, S); yearly means of indices, January 2010 = 1: ``market`` (D, years, P, 3) national
    price, sticker price and purity, ``price`` and ``taken`` (amount a person takes) where people
    live (D, years, P, R);
    ``january`` (D, years+1, S) persons on 1 January.
    """

    time: Float
    counted: Float
    excess_deaths: Float
    deaths: Float
    lived: Float
    market: Float
    price: Float
    taken: Float
    overdose_deaths: Float
    january: Float


def joined(reference: Output, branch: Output, month: int) -> Output:
    """Output of a branch with the years before it, which are those of the reference run.

    ``month`` is that of the branch, a January. Outcomes relative to earlier years need them.
    """
    year = month // 12
    parts = []
    for name in Output._fields:
        before, after = getattr(reference, name), getattr(branch, name)
        # january has one row more: the 1 January of the year of the branch comes before it.
        until = year + 1 if name == "january" else year
        parts.append(np.concatenate([before[:, :until], after[:, until:]], axis=1))
    return Output(*parts)


class Result(NamedTuple):
    """Yearly output and the state at the end."""

    output: Output
    state: State


def prepare(
    structure: Structure,
    strata: Strata,
    demography: Demography,
    rates: Rates,
    history: Sequence[Change] = (),
) -> Prepared:
    """Everything that does not depend on the scenario; ``history`` is part of every run."""
    months = demography.months
    years = FIRST_YEAR + (np.arange(months) + 0.5) / 12
    ends = FIRST_YEAR + np.arange(months // 12 + 2, dtype=np.float64)
    before = np.arange(beginning.FIRST_YEAR, FIRST_YEAR, dtype=np.float64) + 0.5
    past = initiation_multiplier(rates, before)
    januaries = initiation_multiplier(rates, ends)
    draws = len(rates.base)
    first_use = rates.first_use
    return Prepared(
        structure=structure,
        strata=strata,
        demography=demography,
        rates=rates,
        multiplier=initiation_multiplier(rates, years),
        past=past,
        entry=np.stack(
            [beginning.entry_shares(structure, first_use[d], januaries[d]) for d in range(draws)]
        ),
        entry_past=np.stack(
            [beginning.entry_shares(structure, first_use[d], past[d]) for d in range(draws)]
        ),
        queues=_queues(rates.places),
        history=tuple(history),
    )


def assemble(
    catalogue: Catalogue,
    draws: Draws,
    strata: Strata | None = None,
    demography: Demography | None = None,
) -> Prepared:
    """From tables and draws to something that runs; by default all of Belgium in 264 strata.

    Raises InputError when the tables do not give what a flow needs.
    """
    strata = default_strata() if strata is None else strata
    demography = load_demography(strata) if demography is None else demography
    structure = build_structure(catalogue, draws)
    rates = build_rates(structure, strata, demography.start, draws)
    history = history_changes(catalogue, draws, structure, strata, demography.months)
    return prepare(structure, strata, demography, rates, history)


def _queues(places: Int) -> Float:
    tables = {int(size): queue_table(int(size)) for size in np.unique(places)}
    return np.stack([np.stack([tables[int(size)] for size in row]) for row in places])


def _regions(strata: Strata) -> Int:
    return np.searchsorted(strata.region, np.arange(len(strata.regions) + 1)).astype(np.int64)


def _setting(prepared: Prepared, cell: Int) -> Setting:
    demography = prepared.demography
    return Setting(
        region_start=_regions(prepared.strata),
        bands=prepared.strata.bands,
        death_rate=demography.death_rate,
        death_probability=demography.death_probability,
        growth=demography.growth,
        moving_up=demography.moving_up,
        entrants=demography.entrants,
        cell=cell,
    )


def _draw_rates(prepared: Prepared, d: int) -> DrawRates:
    rates = prepared.rates
    return DrawRates(
        base=rates.base[d],
        excess=rates.excess[d],
        elasticity=rates.elasticity[d],
        elasticity_row=rates.elasticity_row,
        elasticity_profile=rates.elasticity_profile[d],
        overdose=rates.overdose[d],
        amount=rates.amount[d],
        burden=rates.burden[d],
        burden_excess=rates.burden_excess[d],
        coupling=rates.coupling[d],
        social=rates.social[d],
        multiplier=prepared.multiplier[d],
        intake=rates.intake[d],
        places=rates.places[d],
        queues=prepared.queues[d],
        entry=prepared.entry[d],
    )


def _draw_market(prepared: Prepared, d: int) -> DrawMarket:
    return DrawMarket(*(getattr(prepared.rates.terms, name)[d] for name in DrawMarket._fields))


def _draw_paths(paths: Paths, d: int) -> DrawPaths:
    return DrawPaths(*(array[d if len(array) > 1 else 0] for array in paths))


def _work(prepared: Prepared) -> Work:
    wiring, strata = prepared.structure.wiring, prepared.strata
    width = int(np.diff(_regions(strata)).max())
    states = int(np.diff(wiring.state_start).max())
    flows = int(np.diff(wiring.flow_start).max())
    products, regions = len(prepared.structure.products), len(strata.regions)
    services = len(prepared.structure.services)
    return Work(
        use=np.zeros((products, strata.size)),
        use_region=np.zeros((products, regions)),
        admission=np.zeros((services, regions)),
        hazard=aligned(max(flows * width, strata.size)),
        leaving=aligned(max(states * width, strata.size)),
        stock=aligned(max(states * width, strata.size)),
        series=aligned(3 * states * width),
        month_excess=np.zeros((products, strata.size)),
        rate=np.zeros(strata.size),
        spared=np.ones(strata.size),
        harm=np.ones((products, regions)),
        asked=np.zeros((services, regions)),
        left=np.zeros((services, regions)),
        treated=np.zeros((services, regions)),
    )


def _empty_state(prepared: Prepared) -> State:
    wiring = prepared.structure.wiring
    draws, strata = prepared.draws, prepared.strata.size
    states, products = len(prepared.structure.states), len(prepared.structure.products)
    regions, services = len(prepared.strata.regions), len(prepared.structure.services)
    counters = int(wiring.counter_start[-1])
    return State(
        month=0,
        stock=np.zeros((draws, states, strata)),
        population=np.tile(prepared.demography.start, (draws, 1)),
        use_reference=np.zeros((draws, products, regions)),
        memory=np.zeros((draws, products, regions)),
        memory_reference=np.zeros((draws, products, regions)),
        places=np.zeros((draws, states, regions)),
        leaving=np.zeros((draws, services, regions)),
        arriving=np.zeros((draws, services, regions)),
        baseline=np.zeros((draws, prepared.demography.months, strata)),
        deflator=np.ones((draws, prepared.demography.months, strata)),
        spared=np.ones((draws, prepared.demography.months, strata)),
        demand=np.full((draws, prepared.demography.months, products), np.nan),
        gap=np.zeros((draws, products)),
        scarcity=np.zeros((draws, products)),
        sticker=np.zeros((draws, products)),
        purity=np.zeros((draws, products)),
        signal=np.zeros((draws, products, regions)),
        faded=np.zeros((draws, products, regions)),
        market=np.zeros((draws, products, 3)),
        price=np.zeros((draws, products, regions)),
        taken=np.zeros((draws, products, regions)),
        overdose_deaths=np.zeros((draws, products, strata)),
        time=np.zeros((draws, states, strata)),
        counted=np.zeros((draws, counters, strata)),
        excess_deaths=np.zeros((draws, products, strata)),
        deaths=np.zeros((draws, strata)),
        lived=np.zeros((draws, strata)),
    )


def _draw_state(state: State, d: int) -> DrawState:
    return DrawState(*(array[d] for array in state[1:]))


def start_state(prepared: Prepared, threads: int = 1) -> State:
    """The state of 1 January 2010 of every draw: cohorts carried through their hazards."""
    state = _empty_state(prepared)
    structure, strata = prepared.structure, prepared.strata
    never = structure.wiring.state_start[:-1]
    state.stock[:, never] = state.population[:, None]
    reference = build_forcing(structure, strata, prepared.past.shape[2])
    forcing = DrawForcing(reference.series, reference.values[0], reference.active)
    demography = prepared.demography
    setting = _setting(prepared, reference.cell)
    idle = idle_paths(prepared.past.shape[2], len(structure.products), len(strata.regions))
    renewal = _renewal(strata, demography)

    def carry(d: int) -> None:
        work = _work(prepared)
        work.admission[:] = np.inf
        work.rate[:] = demography.death_rate[0]
        rates = _draw_rates(prepared, d)._replace(multiplier=prepared.past[d])
        run = Run(
            structure.wiring,
            setting,
            rates,
            _draw_market(prepared, d),
            _draw_paths(idle, 0),
            forcing,
            _draw_state(state, d),
            work,
        )
        beginning.carry_cohorts(run, renewal, prepared.entry_past[d])
        beginning.open_services(run, prepared.rates.occupied[d], prepared.past.shape[2] - 1)

    _spread(carry, prepared.draws, threads)
    return state


def _renewal(strata: Strata, demography: Demography) -> Float:
    """Share of each stratum that came from the band below on 1 January (S,)."""
    coming = np.zeros(strata.size)
    first = np.arange(strata.size) % strata.bands == 0
    coming[1:] = (demography.start * demography.moving_up[0])[:-1]
    coming[first] = demography.entrants[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(demography.start > 0.0, coming / demography.start, 0.0)
    return np.asarray(np.clip(share, 0.0, 1.0))


def _spread(task: Callable[[int], None], count: int, threads: int) -> None:
    """Run ``task(d)`` for every draw; draws are independent, so any split gives the same bits."""
    if threads <= 1 or count <= 1:
        for d in range(count):
            task(d)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, range(count)))


def simulate(
    prepared: Prepared,
    forcing: Forcing | None,
    start: int,
    stop: int,
    state: State | None = None,
    *,
    threads: int = 1,
    steps: int = 1,
) -> Result:
    """Run months ``start`` to ``stop`` (0 is January 2010), ``steps`` equal steps a month.

    ``forcing`` is that of ``prepared.forcing``; None stands for history alone.
    Without ``state`` this is the reference run from January 2010: baseline mortality is set so
    that deaths equal the death table, and kept in the state for all later runs. With ``state``
    (not changed) the run goes on from it: ``start`` must be its month. Raises InputError for
    months outside the demography, FloatingPointError when a stock turns negative or NaN.
    """
    months = prepared.demography.months
    if not 0 <= start <= stop <= months:
        given, allowed = f"{start} to {stop}", f"0 to {months}"
        raise InputError("the months are outside the run", given=given, allowed=allowed)
    reference = state is None
    carried = _opening(prepared, start, state, threads)
    forcing = prepared.forcing() if forcing is None else forcing
    output = _empty_output(prepared)
    setting = _setting(prepared, forcing.cell)
    regions = _regions(prepared.strata)[:-1]
    paths = price_paths(prepared.structure, prepared.rates.terms, forcing, regions, months)
    failed: dict[int, int] = {}

    def run_draw(d: int) -> None:
        values = forcing.values[d if len(forcing.values) > 1 else 0]
        run = Run(
            prepared.structure.wiring,
            setting,
            _draw_rates(prepared, d),
            _draw_market(prepared, d),
            _draw_paths(paths, d),
            DrawForcing(forcing.series, values, forcing.active),
            _draw_state(carried, d),
            _work(prepared),
        )
        out = DrawOutput(*(array[d] for array in output))
        month = run_months(run, out, start, stop, steps, reference)
        if month >= 0:
            failed[d] = month

    _spread(run_draw, prepared.draws, threads)
    if failed:
        d, month = min(failed.items())
        when = f"{FIRST_YEAR + month // 12}-{month % 12 + 1:02d}"
        raise FloatingPointError(f"a stock is negative or not a number: draw {d}, month {when}")
    return Result(output, carried._replace(month=stop))


def _opening(prepared: Prepared, start: int, state: State | None, threads: int) -> State:
    """The state that a run may change: of 1 January 2010, or a copy of the one given."""
    if state is None:
        if start != 0:
            raise InputError("a run without a state starts in month 0", given=start, allowed="0")
        return start_state(prepared, threads)
    if state.month != start:
        raise InputError("the state is of another month", given=start, allowed=str(state.month))
    return state.copy()


def _empty_output(prepared: Prepared) -> Output:
    draws, strata = prepared.draws, prepared.strata.size
    years = prepared.demography.months // 12
    counters = int(prepared.structure.wiring.counter_start[-1])
    states, products = len(prepared.structure.states), len(prepared.structure.products)
    regions = len(prepared.strata.regions)
    return Output(
        time=np.full((draws, years, states, strata), np.nan),
        counted=np.full((draws, years, counters, strata), np.nan),
        excess_deaths=np.full((draws, years, products, strata), np.nan),
        deaths=np.full((draws, years, strata), np.nan),
        lived=np.full((draws, years, strata), np.nan),
        market=np.full((draws, years, products, 3), np.nan),
        price=np.full((draws, years, products, regions), np.nan),
        taken=np.full((draws, years, products, regions), np.nan),
        overdose_deaths=np.full((draws, years, products, strata), np.nan),
        january=np.full((draws, years + 1, strata), np.nan),
    )
