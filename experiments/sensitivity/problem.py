"""What a method is given and what it gives back: factors, settings, estimates of many outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import InputError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PARTS = (8, 4, 2, 1)  # of N: where the main index is looked at to see whether it settles
NORMAL = 1.959963984540054  # the 97.5% quantile: half-widths are of 95% intervals

SINGLE = 2.0**-24  # relative error of a value stored in single precision


@dataclass(frozen=True)
class Problem:
    """Factors: names, ends (K, 2) in their own units; groups, one a factor, or none."""

    names: tuple[str, ...]
    bounds: Float
    groups: tuple[str, ...] | None = None
    unordered: tuple[bool, ...] = ()

    @property
    def size(self) -> int:
        """Number of factors."""
        return len(self.names)

    @property
    def labels(self) -> tuple[str, ...]:
        """What indices are given for: the groups in order of appearance, or the factors."""
        return self.names if self.groups is None else tuple(dict.fromkeys(self.groups))

    @property
    def members(self) -> Float:
        """Which factors a group has (groups, factors): 1 or 0; the unit matrix without groups."""
        if self.groups is None:
            return np.eye(self.size)
        return np.array([[float(of == label) for of in self.groups] for label in self.labels])

    def salib(self) -> dict[str, object]:
        """The same as SALib writes it; a new dictionary, since SALib changes what it is given."""
        told: dict[str, object] = {
            "num_vars": self.size,
            "names": list(self.names),
            "bounds": np.asarray(self.bounds, dtype=np.float64).tolist(),
        }
        if self.groups is not None:
            told["groups"] = list(self.groups)
        return told


@dataclass(frozen=True)
class Settings:
    """How indices are estimated. ``resamples``: of the bootstrap; ``seed``: of resampling.

    ``levels``: of the Morris design; ``harmonics``: of fast (M), ``balanced_harmonics``: of
    rbd-fast; ``slices``: of pawn; ``order``: of hdmr, 0 for 2 up to ten factors and else 1. Raises
    InputError for fewer than two resamples.
    """

    second_order: bool = False
    resamples: int = 100
    seed: int = 1
    levels: int = 4
    harmonics: int = 4
    balanced_harmonics: int = 10
    slices: int = 10
    order: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 2:
            raise InputError(
                "an interval needs resamples",
                key="resamples",
                given=self.resamples,
                allowed="2 or more",
            )


@dataclass(frozen=True)
class Estimate:
    """Indices of M outputs. ``tables``: name to (labels, M), of pairs (labels, labels, M).

    ``main``: the index that factors are ranked by; ``judged``: half-widths that must be small;
    ``dummy`` (M,): what the main index of a factor without influence can reach; ``by_size``
    (sizes, labels, M): the main index from the first N/8, N/4, N/2 and N.
    """

    tables: Mapping[str, Float]
    main: str
    judged: tuple[str, ...]
    dummy: Float
    by_size: Float
    share: bool = True  # the main index lies between 0 and 1
    dummy_first: Float | None = None  # the same of the first order, where it is not that of main

    def __post_init__(self) -> None:
        assert self.by_size.shape[1:] == self.tables[self.main].shape


# From the values of a block of outputs (runs, M), finite and none constant, to their indices.
Estimator = Callable[[Float], Estimate]


@dataclass(frozen=True)
class Plan:
    """An estimator ready for blocks, and the sizes (N) that its series is from."""

    estimate: Estimator
    n: int  # base size of the design
    sizes: tuple[int, ...]
    labels: tuple[str, ...]
    bytes_of_output: int  # working memory
    most: int = 4096  # outputs of a block
    notes: tuple[str, ...] = ()


def sizes_of(n: int, least: int = 2) -> tuple[int, ...]:
    """N/8, N/4, N/2 and N, without those below ``least``; N is always there."""
    return tuple(n // part for part in PARTS if part == 1 or n // part >= least)


def no_groups(problem: Problem, method: str, why: str) -> None:
    """Refuses groups, and factors whose values have no order. Raises InputError."""
    if problem.groups is not None:
        raise InputError(
            f"{method} does not take groups: {why}",
            key="groups",
            allowed="groups with sobol, morris and pawn",
        )
    for name, unordered in zip(problem.names, problem.unordered, strict=False):
        if unordered:
            raise InputError(
                f"{method} does not take a factor without an order: {why}",
                key="factors",
                given=name,
                allowed="such factors with sobol, morris and pawn",
            )


def counts_of(rows: Int, size: int) -> Float:
    """Number of times that each of ``size`` rows is in each resample: (resamples, size)."""
    resamples = len(rows)
    shifted = rows + size * np.arange(resamples)[:, None]
    counted = np.bincount(shifted.ravel(), minlength=resamples * size)
    return counted.reshape(resamples, size).astype(np.float64)


def half_width(resampled: Float) -> Float:
    """Of the 95% interval, normal, from values over resamples in the first dimension."""
    spread: Float = NORMAL * np.std(resampled, axis=0, ddof=1)
    return spread


def dummy_column(runs: int, seed: int) -> Float:
    """A factor that nothing depends on: uniform, (runs,), the same for a seed."""
    return np.random.default_rng([seed, 0xD0]).random(runs)


def refuse_size(method: str, runs: int, wanted: str) -> InputError:
    """The error of points that are no design of the method."""
    return InputError(
        f"the number of points is not that of a design of {method}",
        key="points",
        given=runs,
        allowed=wanted,
    )


def fit_into(n: int, sizes: Sequence[int]) -> Float:
    """Rows of weights that average the first of n: (sizes, n)."""
    weights = np.zeros((len(sizes), n))
    for row, size in zip(weights, sizes, strict=True):
        row[:size] = 1.0 / size
    return weights
