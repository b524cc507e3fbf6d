"""A run of agents put aside and taken up again, bit for bit.

A checkpoint is arrays by name. It knows the seed, draw, size and switches it is of; that the
compartmental draws and what scenarios did until then are the same is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.agents.cases import centres_with_room, with_room
from model.errors import InputError
from model.prepared import FIRST_YEAR

if TYPE_CHECKING:
    from model.agents.twin import Twin

Saved = dict[str, npt.NDArray[Any]]


def save(twin: Twin) -> Saved:
    """Copies of everything that the run goes on from."""
    found = {name: np.array(array) for name, array in _arrays(twin)}
    found["setting"] = _setting(twin)
    found["month"] = np.array([twin.month, twin.crowd.candidates, twin.crowd.beyond])
    for name, array in twin.trade.state().items():
        found[f"trade.{name}"] = np.array(array)
    for name, values in twin.datacollector.model_vars.items():
        found[f"collected.{name}"] = np.array(values)
    return found


def load(twin: Twin, saved: Mapping[str, npt.NDArray[Any]]) -> None:
    """Go on from ``saved`` in a twin of the same setting; shapes as they were saved.

    Raises InputError for a checkpoint of another one.
    """
    own, given = _setting(twin), saved.get("setting")
    if given is None or str(given) != str(own):
        what = "the checkpoint is of another run"
        raise InputError(what, key="setting", given=given, allowed=str(own))
    reception = twin.reception
    reception.cases = with_room(reception.cases, saved["cases.slot"].size)
    reception.open_rows(centres_with_room(reception.centres, saved["centres.places"].size))
    for name, array in _arrays(twin):
        given = saved.get(name)
        if given is None or (given.shape != array.shape and not name.startswith(("cases", "cent"))):
            what = "the checkpoint is of another run"
            raise InputError(what, key=name, given=None if given is None else given.shape)
        array[tuple(slice(size) for size in given.shape)] = given
    twin.month, twin.crowd.candidates, twin.crowd.beyond = (int(n) for n in saved["month"])
    twin.running = twin.month < twin.setting.prepared.demography.months
    twin.steps = twin.month - 12 * (twin.setting.first_year - FIRST_YEAR)
    begun = {name[6:]: array for name, array in saved.items() if name.startswith("trade.")}
    twin.trade.load(begun)
    for name in twin.datacollector.model_vars:
        twin.datacollector.model_vars[name] = list(saved[f"collected.{name}"])
    reception.meet_centres()


def write(path: Path, saved: Saved) -> None:
    """Put a checkpoint into a file (NumPy's, not compressed)."""
    with path.open("wb") as file:
        np.savez(file, **saved)  # type: ignore[arg-type]


def read(path: Path) -> Saved:
    """A checkpoint from a file."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _setting(twin: Twin) -> npt.NDArray[np.str_]:
    """What tells one run from another, as a text."""
    own = twin.setting
    key = [int(word) for word in own.key]
    return np.array(repr((key, own.weight, own.first_year, own.switches, own.terms)))


def _arrays(twin: Twin) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Every array that changes during a run, by name."""
    crowd, reception, records = twin.crowd, twin.reception, twin.records
    groups: dict[str, Mapping[str, npt.NDArray[Any]]] = {
        "people": crowd.people._asdict(),
        "state": crowd.run.state._asdict(),
        "cases": reception.cases._asdict(),
        "centres": reception.centres._asdict(),
        "output": records.output,
        "extra": records.extra,
        "records": records.counts(),
        "crowd": {
            "stock": crowd.stock,
            "population": crowd.population,
            "cursor": crowd.cursor,
            "cap": crowd.plan.cap,
            "block_stratum": crowd.plan.block_stratum,
            "own": crowd.own,
            "rise": crowd.personal.rise,
            "level": crowd.level,
            "reference": crowd.reference,
        },
        "reception": {
            "wanted": reception.wanted,
            "waits": reception.year_waits,
            "asked": reception.asked,
        },
    }
    for group, arrays in groups.items():
        for name, array in arrays.items():
            yield f"{group}.{name}", array
