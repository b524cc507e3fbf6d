"""Sampling: NUTS on a cheap density, the exact correction of its draws, and the checks of chains.

``sample`` walks on the surrogate's density, ``correct`` makes its draws those of the exact density:
the surrogate decides how fast the draws come, never what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import arviz
import numpy as np
import numpy.typing as npt
import nutpie
from nutpie.compiled_pyfunc import from_pyfunc

from model.errors import InputError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

LogDensity = Callable[[Float], tuple[float, Float]]
"""Point (dim,) -> log density and its gradient (dim,); not finite where the point is impossible."""

ARVIZ: Any = arviz  # its functions have no types

MOST_REJECTED = -1e300
"""Log density given to the sampler where the callable's is not finite: such a step is refused."""
NUDGE = 1e-4


class Diagnosis(NamedTuple):
    """Of each quantity, shape (dim,): rank-normalised R-hat, bulk and tail effective draws."""

    rhat: Float
    ess_bulk: Float
    ess_tail: Float


def _one_chain(
    log_density: LogDensity, start: Float, draws: int, warmup: int, seed: int, low_rank: bool
) -> Float:
    """Draws (T, dim) of one chain that begins at ``start``."""
    dimension = start.size

    failures: list[Exception] = []

    def density(point: Float) -> tuple[float, Float]:
        # An error must not reach nutpie, which would end in a panic that hides it. With every
        # further step refused the chain is soon done, and the error is raised then.
        if not failures:
            try:
                value, gradient = log_density(point)
            except Exception as error:
                failures.append(error)
            else:
                if np.isfinite(value) and np.isfinite(gradient).all():
                    return float(value), gradient
        return MOST_REJECTED, np.zeros(dimension)

    compiled = from_pyfunc(
        dimension,
        lambda: density,
        lambda _seed, _other, _chain: lambda point: {"z": point},
        [np.dtype("float64")],
        [(dimension,)],
        ["z"],
        make_initial_point_fn=lambda _seed: start.copy(),
    )
    try:
        trace = nutpie.sample(
            compiled,
            draws=draws,
            tune=warmup,
            chains=1,
            cores=1,
            seed=seed,
            save_warmup=False,
            progress_bar=False,
            low_rank_modified_mass_matrix=low_rank,
        )
    finally:
        if failures:
            raise failures[0]
    return np.ascontiguousarray(trace.posterior["z"].values[0], dtype=np.float64)


def _usable(log_density: LogDensity, start: Float) -> Float:
    """The start, moved a little where the density is level: nutpie takes no slope of exactly 0."""
    value, gradient = log_density(start)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise InputError("a chain cannot start where the density is zero", given=start.tolist())
    return np.where(gradient == 0.0, start + NUDGE, start)


def sample(
    log_density: LogDensity,
    dimension: int,
    *,
    chains: int,
    draws: int,
    warmup: int,
    seed: int,
    starts: Float,
    low_rank: bool = False,
) -> Float:
    """Draws (chains, draws, dimension) by NUTS, of chains that begin at the rows of ``starts``.

    Chains run one after another, each from its own seed, so that the result depends on the
    arguments alone; ``starts`` (chains, dimension) should lie wider than the density. ``low_rank``
    adapts to correlations too, at some cost per step.

    Raises:
        InputError: fewer than four chains, ``starts`` of another shape or where the density is not
            finite; errors of ``log_density`` come out as they are.
    """
    starts = np.ascontiguousarray(starts, dtype=np.float64)
    if chains < 4:
        raise InputError("fewer chains cannot show that they missed a mode", given=chains)
    if starts.shape != (chains, dimension):
        raise InputError(
            "starts must have a row for each chain",
            given=starts.shape,
            allowed=str((chains, dimension)),
        )
    starts = np.stack([_usable(log_density, start) for start in starts])
    # nutpie takes an unsigned 64-bit seed; spawned ones are independent of one another.
    seeds = [int(s.generate_state(1)[0]) for s in np.random.SeedSequence(seed).spawn(chains)]
    return np.stack(
        [
            _one_chain(log_density, start, draws, warmup, chain_seed, low_rank)
            for start, chain_seed in zip(starts, seeds, strict=True)
        ]
    )


def correct(log_ratio: Float, seed: int) -> tuple[Int, float]:
    """Metropolised independence sampler over each chain's proposals, in their order.

    ``log_ratio`` (C, T) is the exact log density less the surrogate's, each up to a constant, of
    proposals that are (nearly) independent draws of the surrogate: thin the chain first. Returns
    for each step the index (C, T) within the chain of the proposal in force, and the share of
    proposals that were accepted. A ratio of -inf or NaN (the exact model refused the point) is
    never accepted; a chain begins at its first possible proposal.

    Raises:
        InputError: a chain without a possible proposal, or a ratio of +inf.
    """
    ratio = np.where(np.isnan(log_ratio), -np.inf, np.asarray(log_ratio, dtype=np.float64))
    if (ratio == np.inf).any():
        raise InputError("a log ratio is infinite: the surrogate gave the point no density")
    if np.isneginf(ratio).all(axis=1).any():
        raise InputError("a chain has no proposal that the exact density allows")
    chains, draws = ratio.shape
    log_uniform = np.log(np.random.default_rng(seed).random((chains, draws)))
    index = np.empty((chains, draws), dtype=np.int64)
    accepted = 0
    for chain in range(chains):
        current = int(np.argmax(np.isfinite(ratio[chain])))
        for step in range(draws):
            if log_uniform[chain, step] < ratio[chain, step] - ratio[chain, current]:
                current = step
                accepted += 1
            index[chain, step] = current
    return index, accepted / (chains * draws)


def diagnose(chains: Float) -> Diagnosis:
    """R-hat and effective draws of chains (C, T, dim), through ArviZ.

    A quantity that never moves has an R-hat of NaN and as many effective draws as there are draws;
    callers must treat NaN as a failure.
    """
    # One variable with a trailing axis, so that one call does all quantities.
    data = ARVIZ.convert_to_dataset({"z": np.asarray(chains, dtype=np.float64)})
    return Diagnosis(
        rhat=ARVIZ.rhat(data, method="rank")["z"].values,
        ess_bulk=ARVIZ.ess(data, method="bulk")["z"].values,
        ess_tail=ARVIZ.ess(data, method="tail")["z"].values,
    )
