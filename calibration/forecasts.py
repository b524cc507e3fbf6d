"""Scores of forecasts, and the forecasts that anybody could make without a model.

All numbers are on the scale of the figures (logit or log). The naive forecasts are the ones that
the model has to beat: the last value of the same series, and the straight line through its earlier
values, both with a spread that the family's own past changes give.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

COMPONENTS = 500
"""A mixture of more normals is thinned to these for its CRPS, whose cost is the square."""
LINE_NEEDS = 3
"""Earlier values that a straight line needs: through two points it is a straw man."""


def _spread_around(distance: Float, sd: Float) -> Float:
    """Mean absolute distance of a normal of mean ``distance`` and ``sd`` from 0, any shape."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        z = distance / sd
        density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
        found = 2.0 * sd * density + distance * (2.0 * ndtr(z) - 1.0)
    return np.where(sd > 0.0, found, np.abs(distance))


def crps_normal(observed: npt.ArrayLike, mean: npt.ArrayLike, sd: npt.ArrayLike) -> Float:
    """Continuous ranked probability score of normals (sd 0: of points), arrays that broadcast."""
    value, middle, spread = (np.asarray(x, dtype=np.float64) for x in (observed, mean, sd))
    return np.asarray(_spread_around(value - middle, spread) - spread / np.sqrt(np.pi))


def _shares(draws: int, weights: Float | None) -> Float:
    return np.full(draws, 1.0 / draws) if weights is None else weights / weights.sum()


def crps_mixture(observed: Float, mean: Float, sd: Float, weights: Float | None = None) -> Float:
    """CRPS (n,) of mixtures of normals: ``observed`` (n,), ``mean`` and ``sd`` (D, n).

    ``weights`` (D,) of the components, equal when None. Exact; of more than COMPONENTS evenly
    spaced components are scored.
    """
    if len(mean) > COMPONENTS:
        kept = np.linspace(0, len(mean) - 1, COMPONENTS).round().astype(int)
        mean, sd = mean[kept], sd[kept]
        weights = None if weights is None else weights[kept]
    share = _shares(len(mean), weights)
    first, second = np.triu_indices(len(mean), 1)
    both = 2.0 * share[first] * share[second]
    own = share**2
    found = np.empty(len(observed))
    for i, value in enumerate(observed):  # one at a time: the pairs of a row are a megabyte
        m, s = mean[:, i], sd[:, i]
        apart = _spread_around(m[first] - m[second], np.hypot(s[first], s[second]))
        between = both @ apart + own @ (2.0 * s / np.sqrt(np.pi))
        found[i] = share @ _spread_around(value - m, s) - 0.5 * between
    return found


@dataclass(frozen=True)
class Trail:
    """Observations of one series, (n,): ``years`` rise strictly, ``values`` on the scale."""

    family: str
    years: Int
    values: Float

    def before(self, year: int) -> Trail:
        """The part of earlier years."""
        kept = self.years < year
        return Trail(self.family, self.years[kept], self.values[kept])


def trails(
    series: Sequence[str], family: Sequence[str], years: Sequence[int], values: Float
) -> dict[str, Trail]:
    """Observations by series; those of one year are averaged, missing ones (NaN) left out.

    All (n,).
    """
    found: dict[str, dict[int, list[float]]] = {}
    for name, year, value in zip(series, years, values, strict=True):
        if np.isfinite(value):
            found.setdefault(name, {}).setdefault(year, []).append(float(value))
    families = dict(zip(series, family, strict=True))
    return {
        name: Trail(
            families[name],
            np.array(sorted(by_year), dtype=np.int64),
            np.array([np.mean(by_year[year]) for year in sorted(by_year)]),
        )
        for name, by_year in found.items()
    }


def family_spreads(known: Iterable[Trail]) -> dict[str, float]:
    """``s_family``: root mean square of change / sqrt(years between) over consecutive pairs.

    A family without a pair has none. In units of the scale.
    """
    changes: dict[str, list[Float]] = {}
    for trail in known:
        if len(trail.years) > 1:
            steps = np.diff(trail.values) / np.sqrt(np.diff(trail.years))
            changes.setdefault(trail.family, []).append(steps)
    return {
        family: float(np.sqrt(np.mean(np.concatenate(steps) ** 2)))
        for family, steps in changes.items()
    }


Forecast = tuple[float, float]
"""Mean and standard deviation of a normal on the scale."""


def last_value(earlier: Trail, year: int, spread: float) -> Forecast:
    """The last of one or more earlier values, with sd ``spread * sqrt(years since)``."""
    since = float(year - earlier.years[-1])
    return float(earlier.values[-1]), spread * float(np.sqrt(since))


def straight_line(earlier: Trail, year: int, spread: float) -> Forecast:
    """Least squares through LINE_NEEDS or more earlier values, sd as ``last_value``; else that."""
    mean, sd = last_value(earlier, year, spread)
    if len(earlier.years) >= LINE_NEEDS:
        _, level = np.polyfit(earlier.years - year, earlier.values, 1)
        mean = float(level)
    return mean, sd
