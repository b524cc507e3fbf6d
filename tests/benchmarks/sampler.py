"""The sampler's peer: an affine-invariant ensemble on the exact density, without a surrogate.

The measure is effective draws a second, of the worst quantity, both ways judged by ArviZ alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import emcee
import numpy as np
import numpy.typing as npt

from calibration.sample import diagnose

Float = npt.NDArray[np.float64]

PARTS = 4
"""Walkers are diagnosed as this many ensembles, each run by itself from its own seed."""


@dataclass(frozen=True)
class Speed:
    """Effective draws of the worst quantity, bulk and tail, its R-hat and the seconds it took."""

    ess: float
    rhat: float
    seconds: float
    evaluations: int

    @property
    def per_second(self) -> float:
        """Effective draws a second; 0 where nothing was drawn."""
        return self.ess / self.seconds if self.seconds > 0 else 0.0


def speed(chains: Float, seconds: float, evaluations: int) -> Speed:
    """Of chains (C, T, dim) that took ``seconds`` in all."""
    found = diagnose(chains)
    ess = float(np.minimum(found.ess_bulk, found.ess_tail).min())
    return Speed(ess, float(found.rhat.max()), seconds, evaluations)


def ensemble(
    log_density: Callable[[Float], float], starts: Float, *, steps: int, seed: int
) -> tuple[Float, Speed]:
    """Chains (PARTS, steps / 2, dim) and their speed, of ensembles moved ``steps`` times.

    ``starts`` (walkers, dim): at least twice as many as dimensions, spread as the density is; each
    of the PARTS ensembles starts from all of them. The first half is burn-in, but its time counts.
    A chain is the walker of one place in its ensemble: ensembles are independent, walkers of one
    are not, so effective draws come from one walker times the number of walkers, as is usual.
    """
    walkers, dimension = starts.shape
    tracks: list[Float] = []
    evaluations = 0
    began = time.perf_counter()
    for part in range(PARTS):
        sampler = emcee.EnsembleSampler(walkers, dimension, log_density)
        state = emcee.State(starts, random_state=np.random.RandomState(seed + part).get_state())
        sampler.run_mcmc(state, steps, progress=False)
        tracks.append(sampler.get_chain(discard=steps // 2))
        evaluations += walkers * steps
    seconds = time.perf_counter() - began
    return _judged(np.stack(tracks), seconds, evaluations)


def _judged(tracks: Float, seconds: float, evaluations: int) -> tuple[Float, Speed]:
    """Chains of one walker each, and the speed of all walkers, from tracks (PARTS, T, W, dim)."""
    walkers = tracks.shape[2]
    single = [speed(tracks[:, :, walker], seconds, evaluations) for walker in range(0, walkers, 8)]
    ess = float(np.mean([each.ess for each in single])) * walkers
    rhat = float(np.median([each.rhat for each in single]))
    return tracks[:, :, 0], Speed(ess, rhat, seconds, evaluations)
