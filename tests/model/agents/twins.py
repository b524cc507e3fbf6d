"""Small runs of agents for tests, and fingerprints of what they did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from model.agents.engine import Request, Switches, setting_for
from model.agents.twin import Twin
from model.compartments import Prepared, State
from model.forcing import Forcing

SIZE = 20_000
EVERYTHING = Switches()


def make_twin(
    prepared: Prepared,
    state: State,
    switches: Switches = EVERYTHING,
    forcing: Forcing | None = None,
    size: int = SIZE,
    seed: int = 1,
    threads: int = 1,
) -> Twin:
    """Agents of the first draw, from ``state`` on."""
    setting = setting_for(prepared, 0, state, Request(size, (seed,), switches), seed)
    return Twin(setting, forcing or prepared.forcing(), state, threads)


def run_to(twin: Twin, month: int) -> Twin:
    """The same twin, at the start of ``month``."""
    while twin.month < month:
        twin.step()
    return twin


def fingerprint(twin: Twin) -> str:
    """SHA-256 of everything that is known at the moment."""
    digest = hashlib.sha256()
    for array in everything(twin):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def everything(twin: Twin) -> Iterable[npt.NDArray[Any]]:
    """People, counts, cases in an order of their own, centres, markets, output, rows collected."""
    crowd, reception = twin.crowd, twin.reception
    output, extra = twin.result()
    yield from crowd.people
    yield from (crowd.stock, crowd.population)
    yield from output
    yield from extra.values()
    cases, size = reception.cases, int(reception.cases.size[0])
    order = np.lexsort((cases.slot[:size], cases.product[:size]))
    for name in ("slot", "product", "region", "stage", "rank", "centre", "asked"):
        yield getattr(cases, name)[:size][order]
    rows = int(reception.centres.size[0])
    for name in ("service", "region", "places", "open", "treated", "length", "busy", "waited"):
        yield getattr(reception.centres, name)[:rows]
    yield from (array for _, array in sorted(twin.trade.state().items()))
    yield from (np.array(column) for column in twin.datacollector.model_vars.values())
