"""The way a block is fitted beside its peer: an ensemble (emcee) on the exact density itself.

The measure is effective draws a second of the worst quantity. Ours counts all that it takes:
learning the surrogate, sampling it and the exact runs of the correction. The ensemble would take
hours to converge, so two things are measured of it: on the exact model for some steps, what a step
costs and how far it got; and on a normal density of as many dimensions, how many effective draws a
step is worth. Its moves are the same under any linear map, so that no normal posterior is easier
than that one, and a bent posterior is harder.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import emcee
import numpy as np
import numpy.typing as npt

from calibration.blocks import BlockModel, load_blocks
from calibration.calibrate import block_figures
from calibration.errors import Errors, build_errors
from calibration.figures import load_figures
from calibration.fit import Settings, fit_block, screen
from calibration.likelihood import Likelihood
from calibration.priors import draw_priors
from calibration.sample import diagnose
from calibration.series import names_of
from model.catalogue import load_catalogue

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Density = Callable[[Float], Float]
"""Points (D, dim) -> log densities (D,)."""

BLOCK = "tobacco"
THREADS = 2
# One draw of all that is no input: both ways then walk on the very same density.
SETTINGS = Settings(draws=1, proposals=400, warmup=300, first=500, later=400, rounds=3)
STEPS = 30  # of the ensemble on the exact model, the first half as burn-in
LONG_STEPS = 60_000  # on the normal density
THIN = 60


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


@dataclass(frozen=True)
class Problem:
    """One block with all its figures, and the exact log density of its scores and log tau."""

    model: BlockModel
    errors: Errors

    @property
    def known(self) -> Bool:
        """All figures tell the fit."""
        return np.ones(len(self.errors.ids), dtype=np.bool_)

    @property
    def dimension(self) -> int:
        """Scores of the inputs, then standardised log tau."""
        return len(self.model.inputs) + len(self.errors.tau)

    def density(self) -> Density:
        """Exact log densities of points, all runs of a call at once; -inf where a run fails."""
        likelihood, inputs = Likelihood(self.errors), len(self.model.inputs)

        def log_density(points: Float) -> Float:
            values = self.model.values(points[:, :inputs], np.zeros(len(points), dtype=np.int64))
            failed = np.logical_not(np.isfinite(values).all(axis=1))
            log_tau = self.errors.tau[:, 0] + self.errors.tau[:, 1] * points[:, inputs:]
            found = likelihood.many(np.where(failed[:, None], 0.0, values), log_tau)
            found -= 0.5 * np.sum(points[:, :inputs] ** 2, axis=1)
            return np.asarray(np.where(failed, -np.inf, found))

        return log_density


def problem() -> Problem:
    """The block with the inputs that screening leaves."""
    catalogue = load_catalogue()
    sources = {row.id for row in catalogue.sources}
    figures = load_figures(products=names_of(catalogue), sources=sources)
    block = next(row for row in load_blocks() if row.block == BLOCK)
    pairs = block_figures(figures, block, catalogue)
    errors = build_errors([figure for figure, _ in pairs], catalogue)
    targets = [target for _, target in pairs]
    whole = BlockModel(catalogue, block, draw_priors(catalogue, 1), targets, threads=THREADS)
    chosen = screen(whole, np.ones(len(pairs), dtype=np.bool_))
    return Problem(whole.with_inputs(chosen), errors)


def ours(given: Problem) -> tuple[Speed, Float]:
    """The fit as the calibration makes it, with fewer proposals; and its chains (C, T, dim)."""
    fit = fit_block(given.model, given.errors, given.known, SETTINGS)
    ess = float(min(fit.ess_bulk.min(), fit.ess_tail.min()))
    return Speed(ess, float(fit.rhat.max()), fit.seconds, fit.runs), fit.chains


def ensemble(density: Density, dimension: int, *, steps: int, seed: int, thin: int = 1) -> Speed:
    """An ensemble from dispersed starts, twice as many walkers as dimensions.

    The first half is burn-in; its time counts. Walkers are judged as chains: effective draws are
    those of all walkers together.
    """
    walkers = 2 * dimension + 2
    starts = np.random.default_rng(seed).standard_normal((walkers, dimension))
    sampler = emcee.EnsembleSampler(walkers, dimension, density, vectorize=True)
    state = emcee.State(starts, random_state=np.random.RandomState(seed).get_state())
    began = time.perf_counter()
    sampler.run_mcmc(state, steps, progress=False)
    seconds = time.perf_counter() - began
    track = sampler.get_chain(discard=steps // 2, thin=thin)  # (T, walkers, dim)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="More chains")  # walkers are many, steps few
        found = diagnose(np.swapaxes(track, 0, 1))
    ess = float(np.minimum(found.ess_bulk, found.ess_tail).min())
    return Speed(ess, float(found.rhat.max()), seconds, walkers * steps)


@dataclass(frozen=True)
class Comparison:
    """Both ways on one problem. ``peer``: on the exact model; ``easy``: on a normal density."""

    dimension: int
    ours: Speed
    peer: Speed
    easy: Speed

    @property
    def peer_per_second(self) -> float:
        """Effective draws a second of the ensemble on the exact model, once it has converged."""
        each = self.easy.ess / (self.easy.evaluations / 2)  # the first half was burn-in
        return each * self.peer.evaluations / self.peer.seconds

    @property
    def ratio(self) -> float:
        """Effective draws a second, ours over the ensemble's."""
        return self.ours.per_second / self.peer_per_second


def compare() -> Comparison:
    """Measure both ways, some two minutes."""
    given = problem()
    exact = given.density()
    peer = ensemble(exact, given.dimension, steps=STEPS, seed=1)

    def normal(points: Float) -> Float:
        return np.asarray(-0.5 * np.sum(points**2, axis=1))

    easy = ensemble(normal, given.dimension, steps=LONG_STEPS, seed=1, thin=THIN)
    return Comparison(given.dimension, ours(given)[0], peer, easy)
