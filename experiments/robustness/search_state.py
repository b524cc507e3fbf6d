"""A search on disk: one file of plain arrays per generation, so that it can go on where it ended.

Nothing is pickled. The random numbers of a generation follow from the seed and its number, two
whole numbers, so the state of a search is what its files hold and no more.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import InputError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

FOLDER = "generations"
PARTS = ("positions", "values", "population", "rank", "crowding", "norm", "random", "digest")


@dataclass(frozen=True)
class Generation:
    """What one generation adds, and where it leaves the search.

    ``positions`` (m, levers) and ``values`` (m, futures, outcomes) of portfolios run in it;
    ``population``: numbers of the survivors among all that ran so far, with their ``rank`` and
    ``crowding``; ``norm`` (rows, objectives): what NSGA-III keeps of its axes, empty for NSGA-II.
    """

    positions: Float
    values: Float
    population: Int
    rank: Float
    crowding: Float
    norm: Float


@dataclass(frozen=True)
class State:
    """All generations of a search so far, the first is number 0."""

    generations: tuple[Generation, ...]

    @property
    def positions(self) -> Float:
        """All portfolios that ran, (n, levers), in per cent, in the order in which they did."""
        return np.concatenate([one.positions for one in self.generations])

    @property
    def values(self) -> Float:
        """Their outcomes, (n, futures, outcomes), in the units of the outcomes."""
        return np.concatenate([one.values for one in self.generations])

    @property
    def counts(self) -> Int:
        """Portfolios that had run at the end of each generation, (generations,)."""
        return np.cumsum([len(one.positions) for one in self.generations])

    @property
    def last(self) -> Generation:
        """The latest generation."""
        return self.generations[-1]

    def with_one_more(self, one: Generation) -> State:
        """The state after another generation."""
        return State((*self.generations, one))


def path_of(folder: Path, number: int) -> Path:
    """File of a generation."""
    return folder / FOLDER / f"{number:05d}.npz"


def save(folder: Path, number: int, one: Generation, seed: int, digest: str) -> None:
    """Write a generation whole or not at all. Raises InputError when nothing can be written."""
    path = path_of(folder, number)
    arrays: Mapping[str, npt.NDArray[np.generic]] = {
        **{name: getattr(one, name) for name in PARTS[:6]},
        "random": np.array([seed, number], dtype=np.int64),
        "digest": np.frombuffer(bytes.fromhex(digest), dtype=np.uint8),
    }
    aside = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise InputError(
            f"the search cannot be written ({error.strerror})",
            key="--out",
            given=str(folder),
            allowed="a folder that can be written to, with room",
        ) from None


def load(folder: Path, seed: int, digest: str) -> tuple[State, str]:
    """The generations on disk up to the first that lacks or is damaged, and what is wrong there.

    Raises InputError when they are of another search: another study, seed or population.
    """
    found: list[Generation] = []
    told = ""
    while (path := path_of(folder, len(found))).exists():
        arrays = _arrays(path)
        if arrays is None:
            told = f"generation {len(found)} is damaged: it and all later ones run again"
            break
        own = bytes(arrays["digest"].astype(np.uint8)).hex()
        if own != digest or arrays["random"].tolist() != [seed, len(found)]:
            raise InputError(
                "another search stands here",
                key="--out",
                given=str(folder),
                allowed="a new folder, or the same study, inputs, --seed and --population",
            )
        found.append(_generation(arrays))
    return State(tuple(found)), told


def _arrays(path: Path) -> dict[str, npt.NDArray[np.generic]] | None:
    """All arrays of a file, or None where it is not whole (the archive has checksums)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in PARTS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return arrays if _fit(arrays) else None


def _generation(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Generation:
    real = {name: arrays[name].astype(np.float64) for name in PARTS[:6] if name != "population"}
    return Generation(population=arrays["population"].astype(np.int64), **real)


def _fit(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bool:
    sizes: Sequence[int] = [arrays[name].ndim for name in PARTS[:6]]
    return sizes == [2, 3, 1, 1, 1, 2] and len(arrays["positions"]) == len(arrays["values"])
