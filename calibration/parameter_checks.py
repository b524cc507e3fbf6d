"""Checks of what was learnt: prior beside posterior, bounds, prior sensitivity, chains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.blocks import Input
from calibration.calibrate import Fitted
from calibration.fit import ASSUMED_BELOW, EFFECTIVE, MIXED
from model.parameters import SPREAD, UNITS, ParameterRow, quantile

Float = npt.NDArray[np.float64]

NEAR = 0.02
"""Part of a range that counts as its end."""
ALPHAS = (0.8, 1.25)
"""Powers to which a quantity's own prior is raised for its sensitivity."""
SENSITIVE = 0.05
"""Sensitivity above which a prior is said to inform its quantity (Kallioinen and others 2023); a
quantity of which the figures say nothing has about 0.08."""
PULLED = 0.3
"""Shift above which a prior and the figures pull a quantity apart."""


@dataclass(frozen=True)
class ParameterCheck:
    """One learnt quantity: prior and posterior (median, 95%) in its unit, and its chains.

    ``kind``: parameter, history, innovation (a standard normal score) or wave (a tau).
    ``place``: posterior mean in prior standard deviations from the prior's middle. ``sensitivity``
    and ``shift``: see ``prior_sensitivity``.
    """

    block: str
    name: str
    kind: str
    unit: str
    prior_median: float
    prior_low: float
    prior_high: float
    median: float
    low: float
    high: float
    place: float
    contraction: float
    assumed: bool
    at_bound: bool
    sensitivity: float
    shift: float
    rhat: float
    ess_bulk: float
    ess_tail: float

    @property
    def mixed(self) -> bool:
        """Whether the chains agree and hold enough effective draws."""
        return self.rhat < MIXED and min(self.ess_bulk, self.ess_tail) > EFFECTIVE

    @property
    def pulled(self) -> bool:
        """Whether prior and figures pull the quantity apart: another prior would move it."""
        return self.sensitivity > SENSITIVE and abs(self.shift) > PULLED


def parameters(fitted: Iterable[Fitted]) -> list[ParameterCheck]:
    """Every learnt quantity of every block, in the order of the chains."""
    found = []
    for one in fitted:
        quantities: list[Input | str] = [*one.fit.inputs, *one.errors.groups]
        found += [_parameter(one, quantity, k) for k, quantity in enumerate(quantities)]
    return found


def _parameter(one: Fitted, quantity: Input | str, k: int) -> ParameterCheck:
    """One quantity, an input or the tau of a wave group, column ``k`` of the chains."""
    scores = one.fit.chains[..., k].ravel()
    name = quantity if isinstance(quantity, str) else quantity.name
    kind, unit = _kind(quantity)
    prior = _natural(one, quantity, np.array([0.0, -SPREAD, SPREAD]))
    posterior = _natural(one, quantity, np.quantile(scores, (0.5, 0.025, 0.975)))
    contraction = float(1.0 - scores.var())
    sensitivity, shift = prior_sensitivity(scores)
    return ParameterCheck(
        block=one.block.block,
        name=name,
        kind=kind,
        unit=unit,
        prior_median=float(prior[0]),
        prior_low=float(prior[1]),
        prior_high=float(prior[2]),
        median=float(posterior[0]),
        low=float(posterior[1]),
        high=float(posterior[2]),
        place=float(scores.mean()),
        contraction=contraction,
        assumed=contraction < ASSUMED_BELOW,
        at_bound=not isinstance(quantity, str) and at_bound(quantity, scores),
        sensitivity=sensitivity,
        shift=shift,
        rhat=float(one.fit.rhat[k]),
        ess_bulk=float(one.fit.ess_bulk[k]),
        ess_tail=float(one.fit.ess_tail[k]),
    )


def _kind(quantity: Input | str) -> tuple[str, str]:
    """Kind and unit. A history row is a number of the handle that it moves."""
    if isinstance(quantity, str):
        return "wave", "sd"
    if isinstance(quantity.row, ParameterRow):
        return "parameter", quantity.row.unit
    return ("innovation", "score") if quantity.row is None else ("history", "")


def _natural(one: Fitted, quantity: Input | str, scores: Float) -> Float:
    """Scores in the quantity's unit, same shape."""
    if isinstance(quantity, str):
        middle, spread = one.errors.tau[one.errors.groups.index(quantity)]
        return np.asarray(np.exp(middle + spread * scores), dtype=np.float64)
    return scores if quantity.row is None else quantile(quantity.row, scores)


def at_bound(quantity: Input, scores: Float) -> bool:
    """Whether most draws lie within NEAR of an end of a range that the quantity cannot leave.

    A uniform range is one; so are the least and greatest value of a unit, for a prior that could
    cross them. ``scores`` (D,): standard normal.
    """
    row = quantity.row
    if row is None or row.low is None or row.high is None or row.distribution == "fixed":
        return False
    if row.distribution == "uniform":
        ends: tuple[float | None, float | None] = (row.low, row.high)
    else:
        ends = UNITS[row.unit] if isinstance(row, ParameterRow) else (None, None)
        if row.distribution in ("lognormal", "logitnormal"):
            ends = (None, None if row.distribution == "logitnormal" else ends[1])
    values = quantile(row, scores)
    near = NEAR * (row.high - row.low)
    shares = [
        np.mean(values <= ends[0] + near) if ends[0] is not None else 0.0,
        np.mean(values >= ends[1] - near) if ends[1] is not None else 0.0,
    ]
    return bool(max(shares) > 0.5)


def prior_sensitivity(scores: Float) -> tuple[float, float]:
    """What raising the own standard normal prior of ``scores`` (S,) to a power alpha does.

    By importance weights, alpha as ALPHAS, other priors untouched. First: cumulative
    Jensen-Shannon distance between posteriors, mean of the two alphas, for each doubling of alpha
    (Kallioinen and others 2023; above SENSITIVE the prior informs). Second: change of the mean in
    posterior standard deviations for each doubling of alpha, negative towards lower scores.
    """
    spread = scores.std()
    if spread == 0.0:
        return 0.0, 0.0
    log_prior = -0.5 * scores**2
    distances, means = [], []
    for alpha in ALPHAS:
        raw = (alpha - 1.0) * log_prior
        weights = np.exp(raw - raw.max())
        weights /= weights.sum()
        distances.append(_distance(scores, weights))
        means.append(float(weights @ scores))
    doublings = np.log2(ALPHAS)
    sensitivity = float(np.mean(np.array(distances) / np.abs(doublings)))
    return sensitivity, float((means[1] - means[0]) / (doublings[1] - doublings[0]) / spread)


def _distance(draws: Float, weights: Float) -> float:
    """Cumulative Jensen-Shannon distance, 0 to 1, of draws from the same draws weighed (sum 1)."""
    order = np.argsort(draws)
    width = np.diff(draws[order])
    p = np.arange(1, len(draws)) / len(draws)
    q = np.clip(np.cumsum(weights[order])[:-1], 1e-300, 1.0)
    middle = 0.5 * (p + q)
    first, second = float(p @ width), float(q @ width)
    one = float(width @ (p * np.log2(p / middle))) + 0.5 / np.log(2.0) * (second - first)
    other = float(width @ (q * np.log2(q / middle))) + 0.5 / np.log(2.0) * (first - second)
    return float(np.sqrt((max(one, 0.0) + max(other, 0.0)) / (first + second)))


@dataclass(frozen=True)
class Convergence:
    """The worst of all chains, and the quantities that do not mix."""

    quantities: int
    rhat: float
    ess_bulk: float
    ess_tail: float
    named: tuple[ParameterCheck, ...]


def convergence(rows: Sequence[ParameterCheck]) -> Convergence:
    """R-hat and effective draws over all blocks. ``rows``: from ``parameters``, at least one."""
    return Convergence(
        len(rows),
        float(np.max([row.rhat for row in rows])),
        float(np.min([row.ess_bulk for row in rows])),
        float(np.min([row.ess_tail for row in rows])),
        tuple(row for row in rows if not row.mixed),
    )
