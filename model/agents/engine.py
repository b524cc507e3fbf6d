"""Runs of agents from a compartmental state: the door that commands and scripts use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from model.agents.build import DOCKED, Setting, Switches
from model.agents.checkpoint import Saved, load, save
from model.agents.layout import PRESENT, persons_per_agent
from model.agents.terms import OWNER, Terms
from model.catalogue import load_catalogue
from model.errors import InputError
from model.forcing import Forcing
from model.prepared import FIRST_YEAR, Output, Prepared, State, spread
from model.strata import load_population_table

if TYPE_CHECKING:
    from model.agents.twin import Twin

__all__ = [
    "DOCKED",
    "AgentRun",
    "Checkpoints",
    "Estimate",
    "Request",
    "Switches",
    "check_request",
    "estimate",
    "inhabitants",
    "open_twin",
    "persons_per_agent",
    "simulate_agents",
]

Float = npt.NDArray[np.float64]
T = TypeVar("T")

# Of many agents every step is worth sharing between threads; of few, seeds are.
SHARED_FROM = 500_000
BYTES_EACH, BYTES_FIXED = 75.0, 600e6  # measured: docs/decisions/016
SECONDS_EACH, SECONDS_FIXED = 2.5e-8, 4.0  # CPU a month and agent; a run of 21 years


@dataclass(frozen=True)
class Request:
    """How many agents, which seeds (each a number below 2**32), which refinements.

    ``size`` agents are the inhabitants of 1 January 2023; ``terms`` are parameters of the agent
    engine alone, by default the centres of the table. Raises InputError without agents or seeds.
    """

    size: int
    seeds: tuple[int, ...]
    switches: Switches = field(default_factory=Switches)
    terms: Terms | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError("a run needs agents", key="size", given=self.size, allowed="1 or more")
        if not self.seeds or not all(0 <= seed < 2**32 for seed in self.seeds):
            allowed = "one or more whole numbers from 0 to 2**32 - 1"
            raise InputError("a run needs seeds", key="seeds", given=self.seeds, allowed=allowed)


@dataclass
class Checkpoints:
    """States of a run by seed in one month: the first run leaves them, later runs set out there."""

    month: int
    saved: dict[int, Saved] = field(default_factory=dict)


class AgentRun(NamedTuple):
    """All seeds of a run. Persons, not agents."""

    output: Output  # leading axis: seeds
    extra: dict[str, Float]  # what only agents can tell, (seeds, years, ...)
    caps: float  # candidates drawn per agent and month
    beyond: int  # candidates whose hazard was more than is covered: fewer moved than should have
    candidates: int  # of all seeds


class OneSeed(NamedTuple):
    """The same of one seed, without a leading axis. ``extra``: (years, ...)."""

    output: Output
    extra: dict[str, Float]
    candidates: int
    beyond: int


class Estimate(NamedTuple):
    """What one run takes: memory in bytes, CPU seconds."""

    bytes: float
    cpu_seconds: float


@cache
def inhabitants() -> int:
    """Persons of 1 January 2023, children included: the most agents that make sense."""
    return round(float(load_population_table().year(PRESENT).sum()))


@cache
def central_terms() -> Terms:
    """The centres of the shipped table."""
    rows = {row.parameter: row.value for row in load_catalogue().parameters if row.product == OWNER}
    return Terms(*(float(rows[name]) for name in Terms._fields))


def estimate(size: int, months: int) -> Estimate:
    """Memory and time of a run of ``size`` agents over ``months``."""
    seconds = SECONDS_FIXED * months / 252 + size * months * SECONDS_EACH
    return Estimate(BYTES_FIXED + size * BYTES_EACH, seconds)


def check_request(size: int, seeds: int, memory: float | None = None) -> None:
    """Refuse what cannot be run, before anything is. Raises InputError.

    ``memory`` in bytes; by default what the machine has free.
    """
    most = inhabitants()
    if not 1_000 <= size <= most:
        allowed = f"1000 to {most} (one agent for each inhabitant)"
        raise InputError(
            "that number of agents cannot be run", key="--agents", given=size, allowed=allowed
        )
    if seeds < 1:
        raise InputError("a run needs a seed", key="--seeds", given=seeds, allowed="1 or more")
    free = _free_memory() if memory is None else memory
    needed = estimate(size, 252).bytes
    if needed > free:
        fitting = max(0, int((free - BYTES_FIXED) / BYTES_EACH))
        raise InputError(
            f"{size} agents need about {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            key="--agents",
            given=size,
            allowed=f"{fitting} or fewer on this machine now",
        )


def _free_memory() -> float:
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):  # not told on this system
        return float("inf")


def simulate_agents(
    prepared: Prepared,
    draw: int,
    forcing: Forcing,
    state: State,
    stop: int,
    request: Request,
    threads: int = 1,
    checkpoints: Checkpoints | None = None,
) -> AgentRun:
    """Run agents of one draw from the January of ``state`` to month ``stop``, once for each seed.

    ``state``: compartmental, of that January, with the reference (baseline mortality, expected
    demand); years before it are NaN. With ``checkpoints`` seeds set out from where an earlier run
    stood in their month; scenarios may differ from then on only. Numbers do not depend on
    ``threads``. Raises InputError for settings that do not fit, FloatingPointError when the model
    breaks down.
    """
    months = prepared.demography.months
    if not state.month <= stop <= months:
        allowed = f"{state.month} (where the state is) to {months}"
        raise InputError("the run cannot end there", key="stop", given=stop, allowed=allowed)

    def one(seed: int, threads: int) -> OneSeed:
        setting = setting_for(prepared, draw, state, request, seed)
        twin = set_out(setting, forcing, state, threads, checkpoints)
        go_on(twin, stop, checkpoints)
        return finish(twin)

    return together(each_seed(one, request, threads), request.size)


def each_seed(task: Callable[[int, int], T], request: Request, threads: int) -> list[T]:
    """``task(seed, threads)`` for every seed; few agents run side by side, many share a run."""
    apart = request.size < SHARED_FROM and len(request.seeds) > 1
    results: dict[int, T] = {}

    def run_seed(number: int) -> None:
        results[number] = task(request.seeds[number], 1 if apart else threads)

    spread(run_seed, len(request.seeds), threads if apart else 1)
    return [results[number] for number in range(len(request.seeds))]


def together(found: Sequence[OneSeed], size: int) -> AgentRun:
    """All seeds of a run of ``size`` agents in one."""
    candidates = sum(part.candidates for part in found)
    weight = persons_per_agent(size)
    people = sum(float(np.nansum(part.output.lived)) * 12.0 / weight for part in found)
    outputs = zip(*(part.output for part in found), strict=True)
    return AgentRun(
        Output(*(np.stack(arrays) for arrays in outputs)),
        {name: np.stack([part.extra[name] for part in found]) for name in found[0].extra},
        candidates / max(people, 1.0),
        sum(part.beyond for part in found),
        candidates,
    )


def setting_for(
    prepared: Prepared, draw: int, state: State, request: Request, seed: int
) -> Setting:
    """The setting of one seed. Raises InputError for a state that is not of a January."""
    if state.month % 12 != 0:
        what = "agents set out on 1 January"
        raise InputError(what, key="month", given=state.month, allowed="a multiple of 12")
    return Setting(
        prepared=prepared,
        draw=draw,
        weight=persons_per_agent(request.size),
        terms=request.terms or central_terms(),
        switches=request.switches,
        key=np.array([seed & 0xFFFFFFFF, draw], dtype=np.uint32),
        first_year=FIRST_YEAR + state.month // 12,
    )


def set_out(
    setting: Setting,
    forcing: Forcing,
    state: State,
    threads: int = 1,
    checkpoints: Checkpoints | None = None,
) -> Twin:
    """A twin at the start of the run, or where a checkpoint of its seed stands."""
    from model.agents.twin import Twin  # Mesa takes a second to import

    twin = Twin(setting, forcing, state, threads)
    if checkpoints is not None and int(setting.key[0]) in checkpoints.saved:
        load(twin, checkpoints.saved[int(setting.key[0])])
    return twin


def go_on(twin: Twin, stop: int, checkpoints: Checkpoints | None = None) -> None:
    """Step to the start of month ``stop``; leave a checkpoint where none is and one is wanted."""
    while twin.month < stop:
        twin.step()
        if checkpoints is not None and twin.month == checkpoints.month:
            checkpoints.saved.setdefault(int(twin.setting.key[0]), save(twin))


def finish(twin: Twin) -> OneSeed:
    """What the twin leaves; it cannot be used afterwards."""
    output, extra = twin.result()
    found = OneSeed(output, extra, twin.crowd.candidates, twin.crowd.beyond)
    twin.close()
    return found


def open_twin(
    prepared: Prepared, forcing: Forcing, state: State, request: Request, threads: int = 1
) -> Twin:
    """The Mesa model of the first draw and the first seed, ready to step.

    Raises InputError for a state that is not of a January.
    """
    from model.agents.twin import Twin

    setting = setting_for(prepared, 0, state, request, request.seeds[0])
    return Twin(setting, forcing, state, threads)
