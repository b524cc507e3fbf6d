"""What the compartmental engine runs on: folded tables and draws, states, yearly output.

One draw at a time reaches the kernel: ``rates_of`` and its like cut a draw out of the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from model.arrays import DrawMarket, DrawPaths, DrawRates, DrawState, Setting, Work
from model.forcing import Change, Forcing, Room, build_forcing
from model.population import Demography
from model.prices import Paths, Terms
from model.rates import Rates
from model.rows import aligned
from model.strata import Strata
from model.structure import Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

Kind = TypeVar("Kind", bound=np.generic)

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

    def forcing(self, changes: Sequence[Change] = (), room: Room | None = None) -> Forcing:
        """What these changes and history do together. Raises InputError for bad changes.

        ``room``: memory to write into.
        """
        months = self.demography.months
        return build_forcing(self.structure, self.strata, months, [*self.history, *changes], room)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.multiplier)

    def chosen(self, index: Sequence[int]) -> Prepared:
        """These draws alone, in this order; one may stand more than once. Not to be written to."""
        rates, terms = self.rates, self.rates.terms
        fields = {
            name: take(array, index)
            for name, array in rates._asdict().items()
            if name not in ("terms", "elasticity_row")  # no array by draw
        }
        return replace(
            self,
            rates=rates._replace(terms=Terms(*(take(one, index) for one in terms)), **fields),
            multiplier=take(self.multiplier, index),
            past=take(self.past, index),
            entry=take(self.entry, index),
            entry_past=take(self.entry_past, index),
            queues=take(self.queues, index),
            history=tuple(
                replace(one, values=take(one.values, index)) if one.values.ndim == 2 else one
                for one in self.history
            ),
        )


class State(NamedTuple):
    """Everything a run carries on: hand it back to branch.

    Shapes: fields as in model.kernel.DrawState, led by the draw axis. ``month`` is the next month
    (0 is January 2010).
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

    def chosen(self, index: Sequence[int]) -> State:
        """These draws alone, as ``Prepared.chosen``: ``copy`` it before a run writes to it."""
        return State(self.month, *(take(array, index) for array in self[1:]))

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


class Result(NamedTuple):
    """Yearly output and the state at the end."""

    output: Output
    state: State


def take(array: npt.NDArray[Kind], index: Sequence[int]) -> npt.NDArray[Kind]:
    """Rows ``index`` of the first axis, other dimensions as they are.

    One row many times is not copied, so nobody may write to it.
    """
    first, count = index[0], len(index)
    if all(one == first for one in index):
        shape, strides = (count, *array.shape[1:]), (0, *array.strides[1:])
        # Compiled code knows arrays that may be written to; a broadcast one would be another type.
        return np.lib.stride_tricks.as_strided(array[first:], shape, strides)
    if list(index) == list(range(first, first + count)):
        return array[first : first + count]
    return array[list(index)]


def region_starts(strata: Strata) -> Int:
    """First stratum of each region, and the number of strata at the end, (R+1,)."""
    return np.searchsorted(strata.region, np.arange(len(strata.regions) + 1)).astype(np.int64)


def setting_of(prepared: Prepared, cell: Int) -> Setting:
    """What all draws share, as the kernel reads it; ``cell`` (S,): forcing cell of each stratum."""
    demography = prepared.demography
    return Setting(
        region_start=region_starts(prepared.strata),
        bands=prepared.strata.bands,
        death_rate=demography.death_rate,
        death_probability=demography.death_probability,
        growth=demography.growth,
        moving_up=demography.moving_up,
        entrants=demography.entrants,
        cell=cell,
    )


def rates_of(prepared: Prepared, d: int) -> DrawRates:
    """Rates of draw ``d``, views on the arrays of all."""
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


def market_of(prepared: Prepared, d: int) -> DrawMarket:
    """Terms of the markets of draw ``d``."""
    return DrawMarket(*(getattr(prepared.rates.terms, name)[d] for name in DrawMarket._fields))


def paths_of(paths: Paths, d: int) -> DrawPaths:
    """Paths of draw ``d``; where all draws share one, that one."""
    return DrawPaths(*(array[d if len(array) > 1 else 0] for array in paths))


def work_for(prepared: Prepared) -> Work:
    """Scratch arrays for one draw of this size."""
    wiring, strata = prepared.structure.wiring, prepared.strata
    width = int(np.diff(region_starts(strata)).max())
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


def state_of(state: State, d: int) -> DrawState:
    """State of draw ``d``: views, written to by the kernel."""
    return DrawState(*(array[d] for array in state[1:]))


def spread(task: Callable[[int], None], count: int, threads: int) -> None:
    """Run ``task(d)`` for every draw; draws are independent, so any split gives the same bits."""
    if threads <= 1 or count <= 1:
        for d in range(count):
            task(d)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, range(count)))
