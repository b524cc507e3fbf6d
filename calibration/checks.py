"""Checks of a fit against its figures: left out one by one, left out in waves, and anchors.

Everything here reads fitted blocks and writes rows; nothing runs the model but a refit that is
asked for. Intervals come from mixtures of normals, one for each draw, as in the forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.calibrate import Fitted
from calibration.errors import TEACHES, Errors, from_scale
from calibration.fit import Settings, fit_block, rows_of
from calibration.likelihood import leave_out, predict
from calibration.mixture import mixture_cdf, mixture_quantile
from calibration.score import FAMILIES, POINTS, Coverage
from calibration.series import in_unit_of

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

BARS = ((0.40, 0.62), (0.70, 0.90), (0.88, 0.99))
"""Shares of figures that the 50, 80 and 95% leave-one-figure-out intervals should hold."""
ANCHOR_RATIO = (0.67, 1.5)
"""Latent value over the survey's, for anchor rows outside declared breaks."""
DECLARED = ("his-2013", "illegal")
"""Survey and kind of product whose anchor rows lie in a declared break."""
LEAST_ESS = 100.0
"""Effective draws below which importance weights cannot stand for another fit."""
UNSTABLE = 0.7
"""k-hat of importance weights above which they are not to be trusted."""
BOUND = "a bound or a range"
ALONE = "alone in its series, with a free offset"
WAVE_ALONE = "only its own wave tells its offset or its break"

Refit = Callable[[Fitted, Bool], tuple[Float, Float]]
"""Draws of the targets (D, N) and of log tau (D, G) given only the figures that are known (N,)."""


@dataclass(frozen=True)
class FigureCheck:
    """One figure against an interval, in the unit of its series.

    ``observed`` lacks for a bound or a range, which is inside an interval that it overlaps; ``pit``
    is the probability of at most the observed value. Rows that are not ``testable`` (``why``) are
    listed and never counted. ``khat`` and ``ess`` are of the importance weights.
    """

    id: str
    block: str
    product: str
    indicator: str
    year: int | None
    family: str
    series: str
    cluster: str
    scale: str
    unit: str
    observed: float | None
    median: float
    low50: float
    high50: float
    low80: float
    high80: float
    low95: float
    high95: float
    in50: bool
    in80: bool
    in95: bool
    pit: float | None
    khat: float
    ess: float
    testable: bool
    why: str


@dataclass(frozen=True)
class Wave:
    """One source and year of a block, left out whole; ``refitted``: by another fit, not weights."""

    block: str
    cluster: str
    rows: int
    ess: float
    khat: float
    refitted: bool

    @property
    def thin(self) -> bool:
        """Whether the weights are not to be trusted and nothing was refitted."""
        return not self.refitted and not (self.ess >= LEAST_ESS and self.khat <= UNSTABLE)


@dataclass(frozen=True)
class AnchorCheck:
    """Latent value over the observed one, natural units: median and 90% interval."""

    id: str
    block: str
    product: str
    indicator: str
    population: str
    year: int | None
    observed: float
    ratio: float
    low: float
    high: float
    declared_break: bool
    inside: bool


def cells(rows: Sequence[Any]) -> list[list[str]]:
    """Rows of one dataclass as lines of a CSV file, the names of the fields first."""
    if not rows:
        return []
    names = [field.name for field in fields(rows[0])]
    return [names, *([_cell(getattr(row, name)) for name in names] for row in rows)]


def _cell(given: object) -> str:
    if given is None:
        return ""
    if isinstance(given, bool | np.bool_):
        return str(int(given))
    return f"{given:.6g}" if isinstance(given, float) else str(given)


def _known(one: Fitted) -> tuple[Int, Errors, Float]:
    """Places (n,) of the figures that told the fit, their errors and their values (D, n)."""
    at = np.flatnonzero(one.known)
    return at, rows_of(one.errors, one.known), one.fit.values[:, at]


def _check(
    one: Fitted, i: int, mean: Float, sd: Float, weights: Float | None, trust: tuple[float, float]
) -> FigureCheck:
    """Figure ``i`` of a block against a mixture on its scale; ``trust``: k-hat and ESS."""
    figure, errors, series = one.figures[i], one.errors, one.model.targets[i].series
    scale, observed = errors.scale[i], float(errors.observed[i])
    points = mixture_quantile(mean, sd, weights, POINTS)
    plain = bool(np.isfinite(observed))
    first, last = (observed, observed) if plain else (errors.lower[i], errors.upper[i])
    inside = [bool(last >= low and first <= high) for low, high in points[1:].reshape(-1, 2)]
    why = "" if plain else BOUND
    if plain and errors.alone[i]:
        why = ALONE
    median, *ends = (float(point) for point in from_scale(points, scale))
    return FigureCheck(
        id=figure.id,
        block=one.block.block,
        product=figure.product,
        indicator=figure.indicator,
        year=figure.year,
        family=errors.family[i],
        series=errors.series[i],
        cluster=errors.cluster[i],
        scale=scale,
        unit=series.unit,
        observed=in_unit_of(figure, series)[0],
        median=median,
        low50=ends[0],
        high50=ends[1],
        low80=ends[2],
        high80=ends[3],
        low95=ends[4],
        high95=ends[5],
        in50=inside[0],
        in80=inside[1],
        in95=inside[2],
        pit=float(mixture_cdf(observed, mean, sd, weights)) if plain else None,
        khat=trust[0],
        ess=trust[1],
        testable=not why,
        why=why,
    )


def leave_one_out(fitted: Iterable[Fitted]) -> list[FigureCheck]:
    """Every fitted figure against what all others say of it, by importance weights.

    A series with other rows keeps its own offset; the row's error of observation is included.
    """
    return _one_out(fitted, weigh=True)


def predictive(fitted: Iterable[Fitted]) -> list[FigureCheck]:
    """Every fitted figure against its posterior predictive interval: parameters know the figure.

    Errors are conditioned on the other figures, or a free offset would hold any value; the draws
    are those given all figures, so intervals are a little surer than with the figure left out.
    """
    return _one_out(fitted, weigh=False)


def _one_out(fitted: Iterable[Fitted], *, weigh: bool) -> list[FigureCheck]:
    found = []
    for one in fitted:
        at, errors, values = _known(one)
        left = leave_out(errors, [[i] for i in range(len(at))], values, one.fit.log_tau)
        for i, out in zip(at, left, strict=True):
            weights = np.exp(out.log_weights) if weigh else None
            trust = (out.khat, out.ess) if weigh else (0.0, float(len(values)))
            found.append(_check(one, int(i), out.mean[:, 0], out.sd[:, 0], weights, trust))
    return found


def leave_waves_out(
    fitted: Iterable[Fitted], refit: Refit | None = None
) -> tuple[list[FigureCheck], list[Wave]]:
    """Figures against what the other waves of their block say: rows and waves.

    ``refit`` is asked where importance weights leave fewer than LEAST_ESS effective draws; without
    it the weights stand and the wave is ``thin``. A block with one wave alone has no other. Rows
    whose offset or declared break no other wave tells are not testable either.
    """
    rows: list[FigureCheck] = []
    waves: list[Wave] = []
    for one in fitted:
        at, errors, values = _known(one)
        names = list(dict.fromkeys(errors.cluster))
        if len(names) < 2:
            continue
        sets = [[i for i, own in enumerate(errors.cluster) if own == name] for name in names]
        left = leave_out(errors, sets, values, one.fit.log_tau)
        for name, members, out in zip(names, sets, left, strict=True):
            weights: Float | None = np.exp(out.log_weights)
            mean, sd = out.mean, out.sd
            again = refit is not None and out.ess < LEAST_ESS
            if refit is not None and again:
                mean, sd = _refitted(one, at[members], refit)
                weights = None
            waves.append(Wave(one.block.block, name, len(members), out.ess, out.khat, again))
            trust = (0.0, float(len(mean))) if again else (out.khat, out.ess)
            free = _told_inside(errors, members)
            for m, i in enumerate(members):
                row = _check(one, int(at[i]), mean[:, m], sd[:, m], weights, trust)
                if row.testable and free[m]:
                    row = replace(row, testable=False, why=WAVE_ALONE)
                rows.append(row)
    return rows, waves


def _told_inside(errors: Errors, members: Sequence[int]) -> Bool:
    """Rows of a wave (m,) most of whose error is shared with rows of that wave alone."""
    variance = np.diag(errors.covariance())
    plain = np.isfinite(errors.observed)
    inside = np.isin(np.arange(len(plain)), members)
    found = np.zeros(len(members), dtype=np.bool_)
    for m, i in enumerate(members):
        others = plain & (np.arange(len(plain)) != i)
        here = float(np.max(errors.fixed[i, others & inside], initial=0.0))
        there = float(np.max(errors.fixed[i, others & ~inside], initial=0.0))
        found[m] = here > 0.5 * variance[i] and there < TEACHES * here
    return found


def _refitted(one: Fitted, gone: Int, refit: Refit) -> tuple[Float, Float]:
    """Means and sds (D, m) of the figures ``gone`` (m,) from a fit that does not know them."""
    known = one.known.copy()
    known[gone] = False
    values, log_tau = refit(one, known)
    kept = known.copy()
    kept[gone] = True  # figures that the fit never knew stay out
    return predict(rows_of(one.errors, kept), known[kept], values[:, kept], log_tau)


def refit_with(settings: Settings) -> Refit:
    """A refit that fits the block once more, with the inputs that it had."""

    def again(one: Fitted, known: Bool) -> tuple[Float, Float]:
        fit = fit_block(one.model, one.errors, known, settings)
        return fit.values, fit.log_tau

    return again


def coverage(rows: Sequence[FigureCheck]) -> list[Coverage]:
    """Shares of testable figures inside the 50, 80 and 95% intervals: all, by block, by family."""
    told = [row for row in rows if row.testable]
    groups = {"all": told}
    groups |= {
        name: [row for row in told if row.block == name]
        for name in dict.fromkeys(row.block for row in told)
    }
    groups |= {name: [row for row in told if row.family == name] for name in FAMILIES}
    return [
        Coverage(
            name,
            len(group),
            tuple(np.mean([(r.in50, r.in80, r.in95) for r in group], axis=0).tolist()),
        )
        for name, group in groups.items()
        if group
    ]


def within_bars(pooled: Coverage) -> tuple[bool, ...]:
    """Whether the shares inside the 50, 80 and 95% intervals lie within BARS."""
    pairs = zip(pooled.inside, BARS, strict=True)
    return tuple(low <= share <= high for share, (low, high) in pairs)


def unstable(rows: Sequence[FigureCheck]) -> list[FigureCheck]:
    """Testable figures whose importance weights are not to be trusted."""
    return [row for row in rows if row.testable and not row.khat <= UNSTABLE]


def anchors(fitted: Iterable[Fitted]) -> list[AnchorCheck]:
    """Latent values beside the anchor rows that told the fit; bounds and ranges have no ratio."""
    found = []
    for one in fitted:
        kinds = {row.id: row.kind for row in one.model.catalogue.products}
        chosen = one.known & one.errors.anchor & np.isfinite(one.errors.observed)
        for i in np.flatnonzero(chosen):
            figure, scale = one.figures[i], one.errors.scale[i]
            observed = float(from_scale(float(one.errors.observed[i]), scale))
            ratios = from_scale(one.fit.values[:, i], scale) / observed
            low, middle, high = (float(q) for q in np.quantile(ratios, (0.05, 0.5, 0.95)))
            found.append(
                AnchorCheck(
                    figure.id,
                    one.block.block,
                    figure.product,
                    figure.indicator,
                    figure.population,
                    figure.year,
                    observed,
                    middle,
                    low,
                    high,
                    (figure.survey, kinds.get(figure.product)) == DECLARED,
                    ANCHOR_RATIO[0] <= middle <= ANCHOR_RATIO[1],
                )
            )
    return found


def anchors_missed(rows: Sequence[AnchorCheck]) -> list[AnchorCheck]:
    """Anchor rows outside declared breaks whose latent value is outside ANCHOR_RATIO."""
    return [row for row in rows if not (row.inside or row.declared_break)]
