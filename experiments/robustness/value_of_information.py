"""Value of information: what knowing a factor before choosing a policy would bring.

All in the unit of the outcome and in its better direction, as a mean over the sampled futures.
EVPI: if everything sampled were known. EVPPI: if one factor (or a group of them) were known, and
the rest not. Known before the choice, a factor has value only where it changes the best policy.

The mean outcome of a policy given the factors is a penalised regression on splines of them, as in
Strong and Oakley; a value of 0 stands for a factor that leaves the choice as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from experiments.batch.factors import Factor
from experiments.robustness.futures import Bool, Float
from model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

BOOTSTRAPS = 200
SHUFFLES = 200
ENDS = (0.05, 0.95)
KNOTS = 4  # inner knots of a spline, at quantiles
PAIRED = 8  # a group of at most so many columns gets products of pairs too
SPLINED = 40  # a larger group is taken as straight lines
FREE = 30.0  # scale of the columns that are hardly penalised
FEW_VALUES = 6
RIDGES = np.logspace(-8, 4, 25)
FEWEST = 50
"""Fewer points are refused: a regression on them says nothing."""


@dataclass(frozen=True)
class Choice:
    """What is chosen among: ``value`` (policy, point, draw), the better side higher; NaN: none."""

    value: Float
    policies: tuple[str, ...]
    unit: str

    @property
    def known(self) -> Bool:
        """Futures (point, draw) in which every policy has a value."""
        return cast(Bool, ~np.isnan(self.value).any(axis=0))


@dataclass(frozen=True)
class Value:
    """A value of information with its 90% interval.

    ``shuffled``: what 95% of shufflings of the factor (of the draws, within points) stay below; a
    value that is not above it is not told from chance. ``changes``: share of the points where
    another policy than the best one on average would be chosen. ``fit``: share of the variance of
    the differences between policies that the regression tells, of points left out. ``raw``: before
    the correction for bias.
    """

    name: str
    factors: tuple[str, ...]
    value: float
    low: float
    high: float
    changes: float
    shuffled: float
    fit: float
    raw: float

    @property
    def told(self) -> bool:
        """Whether it is more than a factor that does nothing would get."""
        return self.raw > self.shuffled + 1e-12


@dataclass(frozen=True)
class Information:
    """Values of all that was asked for, largest first, beside the value of knowing everything.

    ``best``: the policy that is best on average. ``above``: names whose value is above that of
    knowing everything, which cannot be: their regressions are not to be trusted.
    """

    unit: str
    best: str
    means: Mapping[str, float]
    everything: Value
    draw: Value | None
    values: tuple[Value, ...]
    left_out: int
    above: tuple[str, ...]


def gain(chosen: Float) -> float:
    """Mean of the best policy in each column less the best mean; ``chosen`` (policy, N).

    In its unit.
    """
    return _weighted(chosen, np.ones(chosen.shape[1]))


def information(
    choice: Choice,
    factors: Sequence[Factor],
    points: Float,
    groups: Mapping[str, Sequence[str]],
    seed: int = 1,
) -> Information:
    """EVPI, and EVPPI of every factor and group; ``points`` (P, K) as in ``Futures``.

    Raises InputError for fewer than two policies or ``FEWEST`` points with a value.
    """
    known = choice.known
    value = np.where(known, choice.value, np.nan)
    some = known.any(axis=1)
    if len(choice.policies) < 2:
        raise InputError("a choice needs two scenarios or more", given=choice.policies)
    if not some.any():
        raise InputError("no future has a value in every scenario")
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(value[:, some], axis=2)
    told = [_of_everything(value, known, seed)]
    draw = _of_draws(value, known, seed) if known.shape[1] > 1 else None
    ids = [factor.id for factor in factors]
    asked: list[tuple[str, tuple[str, ...]]] = [(one.id, (one.id,)) for one in factors]
    asked += [(name, tuple(of)) for name, of in groups.items() if len(of) > 1]
    if asked and int(some.sum()) < FEWEST:
        raise InputError(
            "too few points for the value of single factors",
            given=int(some.sum()),
            allowed=f"{FEWEST} points or more that have a value in every scenario",
        )
    found = []
    for name, members in asked:
        columns = [(factors[ids.index(one)], points[some][:, ids.index(one)]) for one in members]
        basis = design(columns)
        if basis.shape[1]:
            found.append(evppi(mean, basis, (name, members), seed))
    means = mean.mean(axis=1)
    slack = max(told[0].high, told[0].value) * (1.0 + 1e-9) + 1e-12
    return Information(
        choice.unit,
        choice.policies[int(means.argmax())],
        dict(zip(choice.policies, means.tolist(), strict=True)),
        told[0],
        draw,
        tuple(sorted(found, key=lambda one: -one.value)),
        int((~known).sum()),
        tuple(one.name for one in found if one.value > slack),
    )


def _of_everything(value: Float, known: Bool, seed: int) -> Value:
    """EVPI: every future known. Points and draws are drawn again for its interval."""
    from experiments.robustness.measures import resamples

    point, draw = np.nonzero(known)
    cases = value[:, point, draw]
    again = [_weighted(cases, weight) for weight in resamples(point, draw, BOOTSTRAPS, seed)]
    return _direct("everything", cases, again)


def _of_draws(value: Float, known: Bool, seed: int) -> Value | None:
    """Value of knowing the model's parameters (which draw), all sampled factors unknown.

    A draw is known by its mean over points, and the noise of that makes the value too large: points
    drawn again tell by how much. Draws shuffled within points show what chance alone would give.
    """
    random = np.random.default_rng(seed)
    some = known.any(axis=1)
    whole = known[some].all(axis=0)  # draws with a value at every point: equal means
    cube = value[:, some][:, :, whole]
    if cube.shape[2] < 2:
        return None
    points, draws = cube.shape[1:]
    found = _direct("draw", cube.mean(axis=1), [0.0])
    bias, again, shuffled = [], [], []
    for _ in range(BOOTSTRAPS):
        by_point = random.multinomial(points, np.full(points, 1 / points)) / points
        means = np.einsum("kpd,p->kd", cube, by_point)
        bias.append(gain(means) - found.raw)
        by_draw = random.multinomial(draws, np.full(draws, 1 / draws)).astype(float)
        again.append(_weighted(means, by_draw))
        mixed = random.permuted(np.tile(np.arange(draws), (points, 1)), axis=1)
        shuffled.append(gain(np.take_along_axis(cube, mixed[None], axis=2).mean(axis=1)))
    off = max(0.0, float(np.mean(bias)))
    corrected = max(0.0, found.raw - off)
    low, high = np.maximum(np.quantile(again, ENDS) - 2.0 * off, 0.0)  # drawn again: twice
    return replace(
        found,
        value=corrected,
        low=min(float(low), corrected),
        high=max(float(high), corrected),
        shuffled=float(np.quantile(shuffled, 0.95)),
    )


def _weighted(cases: Float, weight: Float) -> float:
    # Against the best on average, so that a choice that never changes gives 0 to the bit.
    best = cases[int((cases @ weight).argmax())]
    return float((cases - best).max(axis=0) @ weight / weight.sum())


def _direct(name: str, cases: Float, again: Sequence[float]) -> Value:
    """A value that needs no regression."""
    low, high = np.quantile(again, ENDS)
    best = int(cases.mean(axis=1).argmax())
    changes = float((cases.max(axis=0) > cases[best]).mean())
    value = gain(cases)
    return Value(name, (), value, float(low), float(high), changes, 0.0, 1.0, value)


def design(columns: Sequence[tuple[Factor, Float]]) -> Float:
    """Dimensionless columns of the regression (P, J), each of mean 0.

    An ordered factor: a line, hardly penalised, and cubic splines with knots at quantiles. Another
    one: a column for each of its values. A few of them together: products of pairs as well.
    """
    columns = [(factor, values) for factor, values in columns if np.unique(values).size > 1]
    if not columns:
        return np.empty((0, 0))
    wide = len(columns) > SPLINED
    lines = [_line(values) for factor, values in columns if factor.ordered]
    free = [*lines]
    bent = [_basis(values) for factor, values in columns if factor.ordered and not wide]
    for factor, values in columns:
        if not factor.ordered:
            (free if np.unique(values).size <= FEW_VALUES else bent).append(_each(values))
    if len(lines) <= PAIRED:
        bent += [a * b for i, a in enumerate(lines) for b in lines[i + 1 :]]
    scaled = [scale * _scaled(parts) for scale, parts in ((FREE, free), (1.0, bent)) if parts]
    return np.concatenate(scaled, axis=1)


def _scaled(parts: Sequence[Float]) -> Float:
    whole = np.concatenate(parts, axis=1)
    spread = whole.std(axis=0)
    keep = spread > 1e-12
    return cast(Float, (whole[:, keep] - whole[:, keep].mean(axis=0)) / spread[keep])


def _line(values: Float) -> Float:
    found: Float = (values - values.mean()) / values.std()
    return found[:, None]


def _each(values: Float) -> Float:
    """A column for each value."""
    found: Float = (values[:, None] == np.unique(values)[None, :]).astype(np.float64)
    return found


def _basis(values: Float) -> Float:
    """Cubic splines; a column for each value where these are few."""
    from scipy.interpolate import BSpline

    known = np.unique(values)
    if known.size <= KNOTS + 2:
        return _each(values)
    inner = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS + 2)[1:-1]))
    inner = inner[(inner > known[0]) & (inner < known[-1])]
    knots = np.concatenate([[known[0]] * 4, inner, [known[-1]] * 4])
    return np.asarray(BSpline.design_matrix(values, knots, 3).toarray())


class _Ridge:
    """Penalised least squares with a penalty for each policy by generalised cross-validation."""

    def __init__(self, basis: Float, differences: Float) -> None:
        self.left, self.size, _ = np.linalg.svd(basis, full_matrices=False)
        self.penalty = self._chosen(differences)

    def _chosen(self, differences: Float) -> Float:
        count = len(self.left)
        centred = differences - differences.mean(axis=0)
        told = self.left.T @ centred
        rest = (centred**2).sum(axis=0) - (told**2).sum(axis=0)
        scores = []
        for ridge in RIDGES * count:
            shrunk = self.size**2 / (self.size**2 + ridge)
            error = rest + (((1.0 - shrunk)[:, None] * told) ** 2).sum(axis=0)
            scores.append(error / max(count - 1.0 - shrunk.sum(), 1e-9) ** 2)
        return cast(Float, (RIDGES * count)[np.argmin(scores, axis=0)])

    def fitted(self, differences: Float) -> Float:
        """Fitted differences (P, policies - 1)."""
        middle = differences.mean(axis=0)
        shrunk = self.size[:, None] ** 2 / (self.size[:, None] ** 2 + self.penalty)
        return cast(Float, middle + self.left @ (shrunk * (self.left.T @ (differences - middle))))

    def again(self, differences: Float) -> Float:
        """Fitted to other differences at the same points, with penalties of their own."""
        other = copy(self)
        other.penalty = other._chosen(differences)
        return other.fitted(differences)

    def left_out(self, differences: Float) -> Float:
        """Share of the variance that it tells of points left out one by one, by policy."""
        shrunk = self.size[:, None] ** 2 / (self.size[:, None] ** 2 + self.penalty)
        lever = (self.left**2) @ shrunk + 1.0 / len(self.left)
        error = (differences - self.fitted(differences)) / np.maximum(1.0 - lever, 1e-9)
        spread = ((differences - differences.mean(axis=0)) ** 2).sum(axis=0)
        return cast(Float, 1.0 - (error**2).sum(axis=0) / np.maximum(spread, 1e-300))


def evppi(mean: Float, basis: Float, named: tuple[str, tuple[str, ...]], seed: int = 1) -> Value:
    """EVPPI of the factors behind ``basis`` (P, J); ``mean`` (policy, P): mean over draws.

    The regression's noise makes the mean of a maximum too large: bootstraps tell by how much.
    """
    random = np.random.default_rng(seed)
    best = int(mean.mean(axis=1).argmax())
    differences = (np.delete(mean, best, axis=0) - mean[best]).T
    ridge = _Ridge(basis, differences)
    fitted = ridge.fitted(differences)
    raw = _of_fitted(fitted)
    again = []
    count = len(basis)
    for _ in range(BOOTSTRAPS):
        weight = random.multinomial(count, np.full(count, 1.0 / count)).astype(float)
        again.append(_of_fitted(_refitted(basis, differences, weight, ridge.penalty), weight))
    shuffled = [
        _of_fitted(ridge.again(differences[random.permutation(count)])) for _ in range(SHUFFLES)
    ]
    low, high = np.quantile(again, ENDS)
    return Value(
        *named,
        max(0.0, 2.0 * raw - float(np.mean(again))),
        max(0.0, 2.0 * raw - float(high)),
        max(0.0, 2.0 * raw - float(low)),
        float((fitted.max(axis=1) > 0.0).mean()),
        float(np.quantile(shuffled, 0.95)),
        float(np.clip(ridge.left_out(differences).max(), 0.0, 1.0)),
        raw,
    )


def _refitted(basis: Float, differences: Float, weight: Float, penalty: Float) -> Float:
    """Fitted differences (P, policies - 1) of points drawn again, with the same penalties."""
    share = weight / weight.sum()
    columns, middle = basis - share @ basis, share @ differences
    weighted = columns * weight[:, None]
    gram, told = weighted.T @ columns, weighted.T @ (differences - middle)
    fitted = np.empty_like(differences)
    for ridge in np.unique(penalty):
        same = penalty == ridge
        found = np.linalg.solve(gram + ridge * np.eye(len(gram)), told[:, same])
        fitted[:, same] = middle[same] + columns @ found
    return fitted


def _of_fitted(fitted: Float, weight: Float | None = None) -> float:
    """Value of choosing by the fitted differences from the policy that is best on average."""
    whole = np.concatenate([np.zeros((len(fitted), 1)), fitted], axis=1).T
    return _weighted(whole, np.ones(len(fitted)) if weight is None else weight)


def table(found: Information, labels: Mapping[str, str]) -> pd.DataFrame:
    """A row for each value; ``labels``: those of the factors."""
    import pandas as pd

    whole = [found.everything, *([found.draw] if found.draw else []), *found.values]
    return pd.DataFrame(
        {
            "name": one.name,
            "label": labels.get(one.name, one.name),
            "factors": "; ".join(one.factors),
            "value": one.value,
            "low90": one.low,
            "high90": one.high,
            "unit": found.unit,
            "share_of_everything": one.value / found.everything.value
            if found.everything.value > 0
            else float("nan"),
            "choice_changes": one.changes,
            "shuffled_95": one.shuffled,
            "told_from_chance": one.told,
            "fit": one.fit,
        }
        for one in whole
    )
