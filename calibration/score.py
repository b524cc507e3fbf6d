"""How well a predictive distribution does: its intervals and its CRPS beside naive forecasts.

Nothing here runs the model: a distribution comes in as a mixture of normals on the scale of each
figure (logit or log), one for each draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import Errors, build_errors, from_scale
from calibration.figures import Figure
from calibration.forecasts import (
    Forecast,
    Trail,
    crps_mixture,
    crps_normal,
    family_spreads,
    last_value,
    straight_line,
    trails,
)
from calibration.likelihood import predict
from calibration.mixture import mixture_quantile
from calibration.predict import counted
from calibration.series import in_unit_of, series_of
from model.catalogue import Catalogue

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

INTERVALS = (50, 80, 95)
POINTS = (0.5, 0.25, 0.75, 0.1, 0.9, 0.025, 0.975)
"""Quantiles in the order of the columns: the median, then the ends of the INTERVALS."""
COLUMNS = (
    "id",
    "series",
    "cluster",
    "product",
    "indicator",
    "role",
    "year",
    "scale",
    "n_earlier",
    "observed",
    "median",
    "low50",
    "high50",
    "low80",
    "high80",
    "low95",
    "high95",
    "in50",
    "in80",
    "in95",
    "crps",
    "crps_last",
    "crps_trend",
    "why",
)
"""Columns of the table of scores, in order."""
RANGE = "a bound or a range: inside an interval that it overlaps, no CRPS"
FAMILIES = ("health survey", "pupils and panels", "wastewater", "registers", "other")

LogTau = Callable[[str, Errors], Float]
"""Draws (D, G) of log tau for the wave groups of the errors of a product."""


@dataclass(frozen=True)
class Scored:
    """One figure and what was forecast of it.

    ``observed`` and ``quantiles`` (as POINTS) are in the unit of the series, ``sd`` and all CRPS on
    ``scale``. ``inside``: within each of INTERVALS; empty, with ``why``, where nothing was
    predicted. A bound or a range has no ``observed`` and no CRPS, and is inside an interval that it
    overlaps. The naive forecasts lack without an earlier value.
    """

    figure: Figure
    why: str = ""
    series: str = ""
    cluster: str = ""
    family: str = ""
    scale: str = ""
    n_earlier: int = 0
    observed: float | None = None
    quantiles: tuple[float, ...] = ()
    inside: tuple[bool, ...] = ()
    sd: float | None = None
    sd_last: float | None = None
    crps: float | None = None
    crps_last: float | None = None
    crps_trend: float | None = None

    @property
    def predicted(self) -> bool:
        """Whether the model says anything of the figure."""
        return bool(self.inside)

    @property
    def compared(self) -> bool:
        """Whether all three forecasts have a score."""
        return None not in (self.crps, self.crps_last, self.crps_trend)


def last_year(figure: Figure) -> int:
    """The year in which a dated figure is complete."""
    return figure.year_end or figure.year or 0


def series_names(figures: Sequence[Figure], errors: Errors, catalogue: Catalogue) -> list[str]:
    """Names of the series of observations that figures continue.

    Those of the errors, apart where a count is summed over another number of years.
    """
    found = []
    for figure, name in zip(figures, errors.series, strict=True):
        series = series_of(figure, catalogue)
        years = last_year(figure) - (figure.year or 0) + 1
        summed = series is not None and counted(series.unit) and years > 1
        found.append(f"{name}|{years} years" if summed else name)
    return found


def observed_trails(
    figures: Sequence[Figure], errors: Errors, catalogue: Catalogue
) -> dict[str, Trail]:
    """The observations of figures by series, for naive forecasts; bounds and ranges left out."""
    names = series_names(figures, errors, catalogue)
    return trails(names, errors.family, [last_year(one) for one in figures], errors.observed)


def conditional(
    figures: Sequence[Figure],
    catalogue: Catalogue,
    known: Bool,
    values: Float,
    log_tau: LogTau,
    telling: Bool | None = None,
) -> tuple[Float, Float]:
    """Predictive means and sds (D, n) of figures from the model's ``values`` (D, n) on their scale.

    Errors are conditioned on the ``known`` (n,) figures of the same product and of earlier years,
    whose own columns stay NaN: a series seen before keeps its own offset. Those ``telling`` (n,)
    count as known for later years too (default: none).
    """
    mean, sd = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    years = np.array([last_year(figure) for figure in figures])
    for product in dict.fromkeys(figure.product for figure in figures):
        at = np.array([i for i, figure in enumerate(figures) if figure.product == product])
        if known[at].all():
            continue
        errors = build_errors([figures[i] for i in at], catalogue)
        tau = log_tau(product, errors)
        for year in sorted(set(years[at][~known[at]].tolist())):
            told = known[at] & (years[at] < year)
            if telling is not None:
                told |= telling[at] & (years[at] < year)
            ahead = ~told
            found = predict(errors, told, values[:, at], tau)
            wanted = ~known[at] & (years[at] == year)
            chosen = wanted[ahead]
            mean[:, at[wanted]], sd[:, at[wanted]] = found[0][:, chosen], found[1][:, chosen]
    return mean, sd


def score(
    figures: Sequence[Figure],
    errors: Errors,
    catalogue: Catalogue,
    forecast: tuple[Float, Float],
    past: Mapping[str, Trail],
    *,
    weights: Float | None = None,
) -> list[Scored]:
    """Figures against ``forecast``: means and sds (D, n) of a mixture of normals on their scale.

    ``errors`` of these figures; ``past``: known observations by series, of which each naive
    forecast sees those of earlier years. ``weights`` (D,) of the draws, equal when None.
    """
    mean, sd = forecast
    names = series_names(figures, errors, catalogue)
    crps = crps_mixture(errors.observed, mean, sd, weights)
    spreads = {
        year: family_spreads(trail.before(year) for trail in past.values())
        for year in {last_year(figure) for figure in figures}
    }
    found = []
    for i, figure in enumerate(figures):
        year = last_year(figure)
        observed = float(errors.observed[i])
        naive = _naive(past.get(names[i]), year, spreads[year])
        points = mixture_quantile(mean[:, i], sd[:, i], weights, POINTS)
        found.append(
            Scored(
                figure,
                why="" if np.isfinite(observed) else RANGE,
                series=names[i],
                cluster=errors.cluster[i],
                family=errors.family[i],
                scale=errors.scale[i],
                n_earlier=naive.earlier,
                observed=_value(figure, catalogue),
                quantiles=tuple(from_scale(points, errors.scale[i]).tolist()),
                inside=_inside(points, observed, float(errors.lower[i]), float(errors.upper[i])),
                sd=_mixture_sd(mean[:, i], sd[:, i], weights),
                sd_last=None if naive.last is None else naive.last[1],
                crps=float(crps[i]) if np.isfinite(observed) else None,
                crps_last=_crps(observed, naive.last),
                crps_trend=_crps(observed, naive.trend),
            )
        )
    return found


@dataclass(frozen=True)
class _Naive:
    """Number of earlier values, and the forecasts from them where there are any."""

    earlier: int
    last: Forecast | None = None
    trend: Forecast | None = None


def _naive(trail: Trail | None, year: int, spreads: Mapping[str, float]) -> _Naive:
    earlier = None if trail is None else trail.before(year)
    if earlier is None or not len(earlier.years):
        return _Naive(0)
    spread = spreads.get(earlier.family)
    if spread is None:  # no series of the family has two values yet
        return _Naive(len(earlier.years))
    return _Naive(
        len(earlier.years),
        last_value(earlier, year, spread),
        straight_line(earlier, year, spread),
    )


def _crps(observed: float, forecast: Forecast | None) -> float | None:
    if forecast is None or not np.isfinite(observed):
        return None
    return float(crps_normal(observed, *forecast))


def _value(figure: Figure, catalogue: Catalogue) -> float | None:
    series = series_of(figure, catalogue)
    return None if series is None else in_unit_of(figure, series)[0]


def _inside(points: Float, observed: float, lower: float, upper: float) -> tuple[bool, ...]:
    """Within each interval of ``points``; a bound or a range (``observed`` NaN) overlaps it."""
    first, last = (observed, observed) if np.isfinite(observed) else (lower, upper)
    ends = points[1:].reshape(-1, 2)
    return tuple(bool(last >= low and first <= high) for low, high in ends)


def _mixture_sd(mean: Float, sd: Float, weights: Float | None) -> float:
    middle = np.average(mean, weights=weights)
    return float(np.sqrt(np.average(sd**2 + (mean - middle) ** 2, weights=weights)))


@dataclass(frozen=True)
class Coverage:
    """Shares of ``rows`` figures within the INTERVALS; NaN of none."""

    name: str
    rows: int
    inside: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Mean CRPS over the rows that have all three, each cluster weighing the same."""

    rows: int
    clusters: int
    model: float
    last: float
    trend: float


@dataclass(frozen=True)
class Summary:
    """What a table of scores amounts to.

    ``coverage`` and ``with_earlier``: of all rows, then by family. ``reasons``: how many rows were
    not predicted, by reason. ``sd_ratio``: median of the forecast's sd over that of the last value,
    NaN without any.
    """

    rows: int
    clusters: int
    coverage: tuple[Coverage, ...]
    with_earlier: tuple[Coverage, ...]
    comparison: Comparison | None
    sd_ratio: float
    reasons: Mapping[str, int]


def summarise(scored: Sequence[Scored]) -> Summary:
    """Coverage, CRPS and counts of scored figures."""
    told = [row for row in scored if row.predicted]
    earlier = [row for row in told if row.n_earlier]
    ratios = [row.sd / row.sd_last for row in told if row.sd is not None and row.sd_last]
    return Summary(
        rows=len(told),
        clusters=len({row.cluster for row in told}),
        coverage=_coverages(told),
        with_earlier=_coverages(earlier),
        comparison=_comparison([row for row in told if row.compared]),
        sd_ratio=float(np.median(ratios)) if ratios else float("nan"),
        reasons=Counter(row.why for row in scored if not row.predicted),
    )


def _coverages(rows: Sequence[Scored]) -> tuple[Coverage, ...]:
    groups = {"all": list(rows)} | {
        family: [row for row in rows if row.family == family] for family in FAMILIES
    }
    return tuple(
        Coverage(name, len(group), tuple(np.mean([row.inside for row in group], axis=0).tolist()))
        for name, group in groups.items()
        if group
    )


def _comparison(rows: Sequence[Scored]) -> Comparison | None:
    """The headline comparison; None without a row that has all three."""
    if not rows:
        return None
    clusters: dict[str, list[tuple[float, ...]]] = {}
    for row in rows:
        scores = (row.crps or 0.0, row.crps_last or 0.0, row.crps_trend or 0.0)
        clusters.setdefault(row.cluster, []).append(scores)
    means = np.mean([np.mean(scores, axis=0) for scores in clusters.values()], axis=0)
    return Comparison(len(rows), len(clusters), *means.tolist())
