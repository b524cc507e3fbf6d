"""The fit of one block: screen its inputs, learn a surrogate, sample it, correct to exact runs.

NUTS runs on a quadratic surrogate of the targets, learnt from exact runs in a few rounds that move
to where the posterior is. Thinned draws of it are proposals of a metropolised independence sampler
whose target is the exact posterior, so the surrogate costs efficiency and never biases. Upstream
products and everything else that is no input come from the draw of the proposal's index.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.blocks import BlockModel, Input
from calibration.coordinates import Coordinates
from calibration.errors import Errors
from calibration.likelihood import Likelihood
from calibration.sample import correct, diagnose, sample
from calibration.surrogate import Surrogate, fit_surrogate
from model.errors import InputError
from model.parameters import Draws

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Progress = Callable[[str], None]

STEP = 1.5  # scores by which screening moves one quantity at a time
NOTICED = 0.01  # change on the scale of a figure below which a quantity is no input
CLOSE_ENOUGH = 0.5  # sd of exact less surrogate log density at which learning stops
DEPTH = 20.0  # log density below the best at which a run counts e times less to the surrogate
LEAST_WEIGHT = 1e-3
WARM = 0.9  # power of the surrogate's density that is sampled: wider, so that no weight is extreme
JITTER = 1.3  # learning runs spread this much wider than the surrogate's posterior
MIXED = 1.01  # R-hat below which chains agree
EFFECTIVE = 400  # least effective sample size, bulk and tail
ASSUMED_BELOW = 0.2  # contraction below which a quantity is labelled assumed


@dataclass(frozen=True)
class Settings:
    """How much work a fit does. The defaults are those of the shipped posterior."""

    draws: int = 500  # kept, one for each index
    chains: int = 4
    proposals: int = 800  # of each chain, each an exact run
    warmup: int = 500
    thin: int = 2
    first: int = 800  # exact runs from the prior
    later: int = 700  # exact runs of each later round
    rounds: int = 4
    seed: int = 1


@dataclass(frozen=True)
class BlockFit:
    """Posterior of one block. T proposals a chain, K inputs, G wave groups, N targets.

    ``scores`` (draws, K), ``log_tau`` (draws, G) and ``values`` (draws, N, on their scale) hold
    one draw for each index. ``chains`` (C, T, K + G) are those of the exact posterior.
    """

    inputs: tuple[Input, ...]
    scores: Float
    log_tau: Float
    values: Float
    chains: Float
    rhat: Float
    ess_bulk: Float
    ess_tail: Float
    acceptance: float
    surrogate_sd: float  # of the log weights of the proposals
    runs: int
    seconds: float

    @property
    def contraction(self) -> Float:
        """1 - posterior variance / prior variance of each input's score (K,)."""
        return np.asarray(1.0 - self.chains[..., : len(self.inputs)].var(axis=(0, 1)))

    @property
    def mixed(self) -> bool:
        """Whether all chains agree and hold enough effective draws."""
        least = min(self.ess_bulk.min(), self.ess_tail.min())
        return bool(self.rhat.max() < MIXED and least > EFFECTIVE)


def screen(model: BlockModel, known: Bool) -> list[Input]:
    """The inputs that move some figure; all others cannot be learnt and keep their prior.

    One quantity at a time, from the middle of the prior and from a point off it, since a spread or
    a damping moves nothing while all innovations are 0. ``known`` (N,): targets that are figures.
    """
    count = len(model.inputs)
    effect = np.zeros(count)
    if not known.any():
        return []
    for start in (np.zeros(count), np.random.default_rng(29).standard_normal(count)):
        scores = np.tile(start, (2 * count + 1, 1))
        scores[1 : count + 1] += STEP * np.eye(count)
        scores[count + 1 :] -= STEP * np.eye(count)
        values = model.values(scores, np.zeros(len(scores), dtype=np.int64))[:, known]
        largest = np.fmax.reduce(np.abs(values[1:] - values[0]), axis=1)
        effect = np.fmax(effect, np.fmax(largest[:count], largest[count:]))
    return [one for one, size in zip(model.inputs, effect, strict=True) if size > NOTICED]


def rows_of(errors: Errors, chosen: Bool) -> Errors:
    """The errors of some of the figures (N,) alone."""
    at = np.flatnonzero(chosen)

    def labels(whole: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(whole[i] for i in at)

    return Errors(
        ids=labels(errors.ids),
        scale=labels(errors.scale),
        observed=errors.observed[at],
        lower=errors.lower[at],
        upper=errors.upper[at],
        fixed=errors.fixed[np.ix_(at, at)],
        groups=errors.groups,
        shared=errors.shared[:, at][:, :, at],
        tau=errors.tau,
        anchor=errors.anchor[at],
        alone=errors.alone[at],
        family=labels(errors.family),
        series=labels(errors.series),
        cluster=labels(errors.cluster),
    )


class _Posterior:
    """Log density of (scores, standardised log tau), exact and by surrogate."""

    def __init__(self, errors: Errors, known: Bool, inputs: int) -> None:
        self.likelihood = Likelihood(rows_of(errors, known))
        self.known, self.inputs = known, inputs
        self.middle, self.spread = errors.tau.T

    def log_tau(self, point: Float) -> Float:
        """Log tau of points (..., K + G)."""
        return np.asarray(self.middle + self.spread * point[..., self.inputs :])

    def exact(self, points: Float, values: Float) -> Float:
        """Log density of points (D, K + G) with the targets' exact values (D, N), (D,)."""
        scores = points[:, : self.inputs]
        fitted = values[:, self.known]
        broken = np.logical_not(np.isfinite(fitted).all(axis=1))
        fitted = np.where(broken[:, None], 0.0, fitted)
        density = self.likelihood.many(fitted, self.log_tau(points))
        return np.asarray(np.where(broken, -np.inf, density - 0.5 * (scores**2).sum(axis=1)))

    def by_surrogate(
        self, surrogate: Surrogate, coordinates: Coordinates
    ) -> Callable[[Float], tuple[float, Float]]:
        """Log density to the power WARM and its gradient at one point (K + G,)."""
        k, spread = self.inputs, self.spread

        def density(point: Float) -> tuple[float, Float]:
            scores = point[:k]
            at, moved = coordinates.one(scores)
            fitted, jacobian = surrogate.value(at)
            value, to_fitted, to_tau = self.likelihood.evaluate(fitted, self.log_tau(point))
            to_scores = (to_fitted @ jacobian) @ moved - scores
            gradient = np.concatenate([to_scores, to_tau * spread])
            return WARM * (value - 0.5 * float(scores @ scores)), WARM * gradient

        return density


class _Learner:
    """Exact runs so far and the surrogate learnt from them."""

    def __init__(self, model: BlockModel, posterior: _Posterior, settings: Settings) -> None:
        self.model, self.posterior, self.settings = model, posterior, settings
        self.coordinates = Coordinates(model)
        self.rng = np.random.default_rng([settings.seed, 7])
        self.scores = np.zeros((0, posterior.inputs))
        self.values = np.zeros((0, len(model.targets)))

    def add(self, scores: Float) -> Float:
        index = self.rng.integers(0, self.settings.draws, len(scores))
        values = self.model.values(scores, index)
        self.scores = np.concatenate([self.scores, scores])
        self.values = np.concatenate([self.values, values])
        return values

    def surrogate(self) -> Surrogate:
        points = np.concatenate(
            [self.scores, np.zeros((len(self.scores), len(self.posterior.middle)))], axis=1
        )
        density = self.posterior.exact(points, self.values)
        ok = np.isfinite(density)
        weight = np.exp((density[ok] - density[ok].max()) / DEPTH)
        fitted = self.values[ok][:, self.posterior.known]
        at = self.coordinates.many(self.scores[ok])
        return fit_surrogate(at, fitted, np.maximum(weight, LEAST_WEIGHT))

    def guess(self, surrogate: Surrogate, scores: Float, values: Float) -> Float:
        """``values`` with the known targets as the surrogate has them at ``scores``."""
        whole = values.copy()
        whole[:, self.posterior.known] = surrogate.values(self.coordinates.many(scores))
        return whole

    def sampled(self, surrogate: Surrogate, draws: int, seed: int) -> Float:
        """Chains of the surrogate's posterior from dispersed starts (C, draws, K + G)."""
        posterior, settings = self.posterior, self.settings
        dimension = posterior.inputs + len(posterior.middle)
        starts = np.random.default_rng([seed, 11]).standard_normal((settings.chains, dimension))
        return sample(
            posterior.by_surrogate(surrogate, self.coordinates),
            dimension,
            chains=settings.chains,
            draws=draws,
            warmup=settings.warmup,
            seed=seed,
            starts=starts,
        )


def _learn(
    learner: _Learner, posterior: _Posterior, settings: Settings, progress: Progress
) -> Surrogate:
    """Surrogate that is good where the posterior is."""
    if not len(learner.scores):
        progress("learning from the prior")
        learner.add(learner.rng.standard_normal((settings.first, posterior.inputs)))
    surrogate = learner.surrogate()
    for number in range(settings.rounds):
        progress(f"learning, round {number + 1}")
        each = -(-settings.later // settings.chains)
        chains = learner.sampled(surrogate, each, settings.seed + number)
        points = chains.reshape(-1, chains.shape[2])
        scores = points[:, : posterior.inputs]
        middle = scores.mean(axis=0)
        wide = scores.copy()
        wide[::2] = middle + JITTER * (scores[::2] - middle)
        values = learner.add(wide)
        points = np.concatenate([wide, points[:, posterior.inputs :]], axis=1)
        guess = posterior.exact(points, learner.guess(surrogate, wide, values))
        gap = (posterior.exact(points, values) - guess)[1::2]
        surrogate = learner.surrogate()
        if np.std(gap[np.isfinite(gap)]) < CLOSE_ENOUGH:
            break
    return surrogate


def fit_block(
    model: BlockModel,
    errors: Errors,
    known: Bool,
    settings: Settings,
    progress: Progress = lambda what: None,
    bank: tuple[Float, Float] | None = None,
) -> BlockFit:
    """Posterior of a block. ``errors`` and ``known`` (N,) speak of the model's targets in order.

    Targets that are not ``known`` are run and kept, and tell the fit nothing. ``bank``: scores and
    values of exact runs from the prior made before, to begin with. Raises InputError where
    proposals are fewer than the draws to keep.
    """
    began = time.perf_counter()
    if settings.chains * settings.proposals < settings.draws:
        raise InputError(
            "fewer proposals than draws that are to be kept",
            key="proposals",
            given=settings.chains * settings.proposals,
            allowed=f"{settings.draws} or more",
        )
    if not known.any():
        return _unfitted(model, errors, settings)
    posterior = _Posterior(errors, known, len(model.inputs))
    learner = _Learner(model, posterior, settings)
    if bank is not None:
        learner.scores, learner.values = bank
    surrogate = _learn(learner, posterior, settings, progress)
    progress("sampling")
    count = settings.proposals
    chains = learner.sampled(surrogate, count * settings.thin, settings.seed + 101)
    proposals = chains[:, :: settings.thin]
    points = proposals.reshape(-1, proposals.shape[2])
    index = np.arange(len(points)) % settings.draws
    progress("running the exact model")
    values = model.values(points[:, : posterior.inputs], index)
    guess = learner.guess(surrogate, points[:, : posterior.inputs], values)
    ratio = posterior.exact(points, values) - WARM * posterior.exact(points, guess)
    at, acceptance = correct(ratio.reshape(settings.chains, count), settings.seed)
    corrected = np.take_along_axis(proposals, at[:, :, None], axis=1)
    rhat, bulk, tail = diagnose(corrected)
    kept = _one_each(ratio, index, settings)
    return BlockFit(
        inputs=model.inputs,
        scores=points[kept, : posterior.inputs],
        log_tau=posterior.log_tau(points[kept]),
        values=values[kept],
        chains=corrected,
        rhat=rhat,
        ess_bulk=bulk,
        ess_tail=tail,
        acceptance=acceptance,
        surrogate_sd=float(np.std(ratio[np.isfinite(ratio)])),
        runs=len(learner.scores) + len(points),
        seconds=time.perf_counter() - began,
    )


def _unfitted(model: BlockModel, errors: Errors, settings: Settings) -> BlockFit:
    """What stands in for a fit where no figure is known: the draws of the base as they are."""
    began = time.perf_counter()
    none = model.with_inputs(())
    values = none.values(np.zeros((settings.draws, 0)), np.arange(settings.draws))
    rng = np.random.default_rng([settings.seed, 31])
    scores = rng.standard_normal((settings.chains, settings.draws, len(errors.tau)))
    rhat, bulk, tail = diagnose(scores)
    return BlockFit(
        inputs=(),
        scores=np.zeros((settings.draws, 0)),
        log_tau=errors.tau[:, 0] + errors.tau[:, 1] * scores[0],
        values=values,
        chains=scores,
        rhat=rhat,
        ess_bulk=bulk,
        ess_tail=tail,
        acceptance=1.0,
        surrogate_sd=0.0,
        runs=settings.draws,
        seconds=time.perf_counter() - began,
    )


def _one_each(ratio: Float, index: Int, settings: Settings) -> Int:
    """One proposal for each index, by its weight among those of the index: (draws,).

    So that blocks can be joined draw by draw: every block holds a draw that saw the same upstream.
    """
    rng = np.random.default_rng([settings.seed, 13])
    kept = np.empty(settings.draws, dtype=np.int64)
    for i in range(settings.draws):
        at = np.flatnonzero(index == i)
        best = ratio[at].max()
        # Where the model breaks down with every proposal of an index, any will do: none is right.
        weight = np.exp(ratio[at] - best) if np.isfinite(best) else np.ones(len(at))
        kept[i] = rng.choice(at, p=weight / weight.sum())
    return kept


def adopt(base: Draws, model: BlockModel, fit: BlockFit) -> Draws:
    """The base with a block's posterior in its place, index by index."""
    learnt = model.draws(fit.scores, np.arange(len(fit.scores)))
    known = {row.key for row in base.rows}
    rows = [*base.rows, *(row for row in learnt.rows if row.key not in known)]
    innovations = base.innovations.copy()
    innovations[:, model.columns] = learnt.innovations
    return Draws(rows, base.values | learnt.values, innovations, base.seed)
