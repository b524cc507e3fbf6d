"""The compartmental engine: expected persons by product, state and stratum, month by month.

``prepare`` folds tables and draws into arrays once; ``simulate`` runs them. No files are read or
written and no state is kept between calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from model import start as beginning
from model.arrays import DrawForcing, DrawOutput, Run
from model.care import queue_table
from model.catalogue import Catalogue
from model.errors import InputError
from model.forcing import Change, Forcing
from model.history import history_changes
from model.kernel import run_months
from model.parameters import Draws
from model.past import past_output, start_and_past, start_state
from model.population import Demography, load_demography
from model.prepared import (
    FIRST_YEAR,
    Output,
    Prepared,
    Result,
    State,
    market_of,
    paths_of,
    rates_of,
    region_starts,
    setting_of,
    spread,
    state_of,
    work_for,
)
from model.prices import price_paths
from model.rates import Rates, build_rates
from model.strata import Strata, default_strata
from model.structure import Structure, build_structure
from model.trend import initiation_multiplier

__all__ = [
    "BROKEN",
    "FIRST_YEAR",
    "BrokenDown",
    "Output",
    "Prepared",
    "Result",
    "State",
    "assemble",
    "joined",
    "month_text",
    "past_output",
    "prepare",
    "reference_and_branches",
    "simulate",
    "simulate_into",
    "start_and_past",
    "start_state",
]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

BROKEN = "a stock is negative or not a number"


class BrokenDown(FloatingPointError):
    """A stock is negative or NaN. ``failed``: the first month of it, by draw of the run.

    The other draws are written to the end.
    """

    def __init__(self, failed: Mapping[int, int]) -> None:
        self.failed = dict(sorted(failed.items()))
        d, month = next(iter(self.failed.items()))
        super().__init__(f"{BROKEN}: draw {d}, month {month_text(month)}")

    def __reduce__(self) -> tuple[type[BrokenDown], tuple[dict[int, int]]]:
        return type(self), (self.failed,)


def month_text(month: int) -> str:
    """A month counted from January 2010, such as 2024-07."""
    return f"{FIRST_YEAR + month // 12}-{month % 12 + 1:02d}"


def joined(reference: Output, branch: Output, month: int) -> Output:
    """Output of a branch with the years before it, which are those of the reference run.

    ``month`` is that of the branch, a January. Outcomes relative to earlier years need them. All
    years are copied: ``simulate_into`` a copy of the reference saves that for many branches.
    """
    year = month // 12
    parts = []
    for name in Output._fields:
        before, after = getattr(reference, name), getattr(branch, name)
        # january has one row more: the 1 January of the year of the branch comes before it.
        until = year + 1 if name == "january" else year
        parts.append(np.concatenate([before[:, :until], after[:, until:]], axis=1))
    return Output(*parts)


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


def simulate(
    prepared: Prepared,
    forcing: Forcing | None,
    start: int,
    stop: int,
    state: State | None = None,
    *,
    threads: int = 1,
    steps: int = 1,
    reference: bool = False,
) -> Result:
    """Run months ``start`` to ``stop`` (0 is January 2010), ``steps`` equal steps a month.

    ``forcing`` is that of ``prepared.forcing``; None stands for history alone.
    Without ``state`` this is the reference run from January 2010: baseline mortality is set so
    that deaths equal the death table, and kept in the state for all later runs. With ``state``
    (not changed) the run goes on from it: ``start`` must be its month; with ``reference`` it is
    the reference run all the same, for a state that ``start_state`` made. Raises InputError for
    months outside the demography, FloatingPointError when a stock turns negative or NaN.
    """
    _check_months(prepared, start, stop)
    carried = _opening(prepared, start, state, threads)
    output = _empty_output(prepared, start, stop)
    end = _run(output, prepared, forcing, stop, carried, threads, steps, reference or state is None)
    return Result(output, end)


def simulate_into(
    output: Output,
    prepared: Prepared,
    forcing: Forcing | None,
    stop: int,
    state: State,
    *,
    threads: int = 1,
    reference: bool = False,
) -> State:
    """As ``simulate`` from the month of ``state`` on, into ``output``; the state at the end.

    The years that end are written over, all others stay. So a branch into a copy of the reference
    run has the years before it, and run after run needs no new memory. Raises as ``simulate``:
    InputError, FloatingPointError.
    """
    _check_months(prepared, state.month, stop)
    return _run(output, prepared, forcing, stop, state.copy(), threads, 1, reference)


def reference_and_branches(
    prepared: Prepared, months: Iterable[int], *, threads: int = 1
) -> tuple[Output, dict[int, State]]:
    """The reference run, and the state at each of ``months`` on its way, ready to branch.

    Bits as of runs of their own. Raises as ``simulate``: InputError, FloatingPointError.
    """
    whole = prepared.demography.months
    output = _empty_output(prepared, 0, whole)
    state = start_state(prepared, threads)
    kept: dict[int, State] = {}
    for month in sorted({*months, whole}):
        state = simulate_into(output, prepared, None, month, state, threads=threads, reference=True)
        kept[month] = state
    return output, {month: kept[month].with_reference(state) for month in months}


def _run(
    output: Output,
    prepared: Prepared,
    forcing: Forcing | None,
    stop: int,
    carried: State,
    threads: int,
    steps: int,
    reference: bool,
) -> State:
    """Run every draw on from ``carried``, which is changed."""
    start, months = carried.month, prepared.demography.months
    forcing = prepared.forcing() if forcing is None else forcing
    setting = setting_of(prepared, forcing.cell)
    regions = region_starts(prepared.strata)[:-1]
    paths = price_paths(prepared.structure, prepared.rates.terms, forcing, regions, months)
    failed: dict[int, int] = {}

    def run_draw(d: int) -> None:
        values = forcing.values[d if len(forcing.values) > 1 else 0]
        run = Run(
            prepared.structure.wiring,
            setting,
            rates_of(prepared, d),
            market_of(prepared, d),
            paths_of(paths, d),
            DrawForcing(forcing.series, values, forcing.active),
            state_of(carried, d),
            work_for(prepared),
        )
        out = DrawOutput(*(array[d] for array in output))
        month = run_months(run, out, start, stop, steps, reference)
        if month >= 0:
            failed[d] = month

    spread(run_draw, prepared.draws, threads)
    if failed:
        raise BrokenDown(failed)
    return carried._replace(month=stop)


def _check_months(prepared: Prepared, start: int, stop: int) -> None:
    months = prepared.demography.months
    if not 0 <= start <= stop <= months:
        given, allowed = f"{start} to {stop}", f"0 to {months}"
        raise InputError("the months are outside the run", given=given, allowed=allowed)


def _opening(prepared: Prepared, start: int, state: State | None, threads: int) -> State:
    """The state that a run may change: of 1 January 2010, or a copy of the one given."""
    if state is None:
        if start != 0:
            raise InputError("a run without a state starts in month 0", given=start, allowed="0")
        return start_state(prepared, threads)
    if state.month != start:
        raise InputError("the state is of another month", given=start, allowed=str(state.month))
    return state.copy()


def _empty_output(prepared: Prepared, start: int, stop: int) -> Output:
    """Memory for a run: NaN in the years that it will not write, nothing yet in the others."""
    draws, strata = prepared.draws, prepared.strata.size
    years = prepared.demography.months // 12
    counters = int(prepared.structure.wiring.counter_start[-1])
    states, products = len(prepared.structure.states), len(prepared.structure.products)
    regions = len(prepared.strata.regions)
    output = Output(
        time=np.empty((draws, years, states, strata)),
        counted=np.empty((draws, years, counters, strata)),
        excess_deaths=np.empty((draws, years, products, strata)),
        deaths=np.empty((draws, years, strata)),
        lived=np.empty((draws, years, strata)),
        market=np.empty((draws, years, products, 3)),
        price=np.empty((draws, years, products, regions)),
        taken=np.empty((draws, years, products, regions)),
        overdose_deaths=np.empty((draws, years, products, strata)),
        january=np.empty((draws, years + 1, strata)),
    )
    for name, array in output._asdict().items():
        # A year is written at its end, a population on every 1 January from the start on.
        first, end = start // 12, stop // 12
        if name == "january":
            first = -(-start // 12)
            end = end + 1 if stop > start else first
        array[:, :first] = np.nan
        array[:, end:] = np.nan
    return output
