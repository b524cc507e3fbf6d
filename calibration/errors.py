"""How far an observed figure may lie from what the model says: the covariance of the errors.

On the scale of a figure (logit for shares of people, log for the rest) the error ``e = y - f`` is
normal with mean 0 and covariance ``fixed + sum_g tau_g**2 shared_g``. ``fixed`` holds sampling,
rounding, constant offsets of a definition or a group, breaks, and slow drift; ``shared_g`` what the
rows of one wave have in common, of a size tau that a fit learns within a tight prior. Every number
stands in ``errors.csv``, one rule a row: of each quantity the first rule that fits a figure holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.error_rules import Rules, load_rules
from calibration.figures import Figure
from calibration.series import PARTS, Group, Series, in_unit_of, series_of
from model.catalogue import Catalogue
from model.errors import InputError
from model.strata import TABLE_AGES, WEIGHT_YEAR, load_population_table

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

ERRORS = Path(__file__).with_name("errors.csv")
VARIANTS = {"base": 1.0, "real jump": 1.0, "loose": 2.0, "tight": 0.5}
"""What may be asked of ``build_errors``, and what it multiplies the centres of tau by.
"real jump" leaves out the breaks: what 2013 printed is then taken for what happened."""
TAU_SD = 0.35
"""Prior sd of log tau: tight, for a free tau makes bad fits look calibrated."""
UNDATED = 2022
"""Stands for the year of a figure that prints none."""
WHOLE = 0.01
"""Shares are printed in whole percent or finer: a printed 0.3 is taken as 30%."""
SMALLEST = 1e-4
"""Shares below this are sampled as if they were this: a few people in the largest survey."""
TEACHES = 0.5
"""Part of a row's offset that its likeness in another row must reach to be learnt from it."""


@dataclass(frozen=True)
class Errors:
    """Scale, observed values and error covariance of n figures, in the order given.

    ``ids``, ``family``, ``series``, ``cluster`` (n,): labels; a cluster is one survey in one year.
    ``scale`` (n,): "logit" or "log". ``observed`` (n,): on the scale, NaN for a bound or range,
    whose ends are ``lower`` and ``upper`` (n,) (-inf or inf where open; NaN for plain figures).
    ``fixed`` (n, n) and ``shared`` (G, n, n): covariance ``fixed + sum_g tau_g**2 shared_g``.
    ``groups`` (G,): names of the wave groups; ``tau`` (G, 2): prior mean and sd of log tau.
    ``anchor`` (n,): the level is the model's to meet. ``alone`` (n,): most of the error is an
    offset that no other row here tells: the row cannot test the model.
    """

    ids: tuple[str, ...]
    scale: tuple[str, ...]
    observed: Float
    lower: Float
    upper: Float
    fixed: Float
    groups: tuple[str, ...]
    shared: Float
    tau: Float
    anchor: Bool
    alone: Bool
    family: tuple[str, ...]
    series: tuple[str, ...]
    cluster: tuple[str, ...]

    def covariance(self, log_tau: Float | None = None) -> Float:
        """Covariance (n, n) at ``log_tau`` (G,), by default the centre of its prior.

        Unit: logit or log, squared.
        """
        at = self.tau[:, 0] if log_tau is None else log_tau
        total: Float = self.fixed + np.einsum("g,gij->ij", np.exp(2.0 * at), self.shared)
        return total


def to_scale(value: float | Float, scale: str) -> Float:
    """``value`` on the "logit" or "log" scale; 0 becomes -inf and, for shares, 1 becomes inf.

    Same shape.
    """
    given = np.asarray(value, dtype=np.float64)
    with np.errstate(divide="ignore"):
        found: Float = np.log(given) - (np.log1p(-given) if scale == "logit" else 0.0)
    return found


def from_scale(x: float | Float, scale: str) -> Float:
    """The inverse of ``to_scale``: same shape, in the unit of the figure."""
    given = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore"):
        found: Float = np.exp(given) if scale == "log" else 1.0 / (1.0 + np.exp(-given))
    return found


def build_errors(
    figures: Sequence[Figure],
    catalogue: Catalogue,
    *,
    variant: str = "base",
    path: Path = ERRORS,
) -> Errors:
    """The errors of ``figures``, each comparable with the model, by the rules at ``path``.

    ``variant``: one of VARIANTS. Raises InputError for another variant, a malformed rule, or a
    figure that the model cannot print (``series_of`` finds none).
    """
    if variant not in VARIANTS:
        raise InputError("unknown variant", key="variant", given=variant, allowed=VARIANTS)
    rules = load_rules(path, catalogue)
    rows = [_row(figure, catalogue, rules) for figure in figures]
    fixed = np.diag([row.own for row in rows])
    offsets = _offsets(rows)
    fixed += offsets + _drift(rows)
    if variant != "real jump":
        fixed += _breaks(rows)
    groups, shared, tau = _waves(rows, VARIANTS[variant])
    plain = np.array([not np.isnan(row.observed) for row in rows], dtype=np.bool_)
    variance = np.diag(fixed) + np.einsum("g,gii->i", np.exp(2.0 * tau[:, 0]), shared)
    return Errors(
        ids=tuple(figure.id for figure in figures),
        scale=tuple(row.scale for row in rows),
        observed=np.array([row.observed for row in rows]),
        lower=np.array([row.lower for row in rows]),
        upper=np.array([row.upper for row in rows]),
        fixed=fixed,
        groups=groups,
        shared=shared,
        tau=tau,
        anchor=np.array([row.anchor for row in rows], dtype=np.bool_),
        alone=_alone(offsets, variance, plain),
        family=tuple(row.family for row in rows),
        series=tuple("|".join(row.group) for row in rows),
        cluster=tuple(row.cluster for row in rows),
    )


@dataclass(frozen=True)
class _Row:
    """One figure with the numbers of its rules; variances and values on its scale.

    ``indicator`` and ``group`` say whose offsets are shared: source, product and indicator, and
    these with the people asked. ``own``: variance of sampling, rounding and the row itself.
    ``middle``: years from the pivot to the middle of the figure's span.
    """

    figure: Figure
    scale: Literal["logit", "log"]
    observed: float
    lower: float
    upper: float
    own: float
    indicator: tuple[str, ...]
    group: tuple[str, ...]
    family: str
    cluster: str
    middle: float
    anchor: bool
    offset: float
    group_offset: float
    walk: float
    walk_group: float
    slope: float
    wave: tuple[str, float]
    wave_shares: tuple[float, float]
    breaks: dict[str, float]


def _row(figure: Figure, catalogue: Catalogue, rules: Rules) -> _Row:
    series = series_of(figure, catalogue)
    if series is None:
        raise InputError(
            "the model cannot print this number",
            file=figure.file,
            line=figure.line,
            key="indicator",
            given=figure.indicator,
            allowed="a comparable figure: its indicator, unit, kind of population and place",
        )
    rule = rules.of(figure)
    scale: Literal["logit", "log"] = "logit" if series.unit == "proportion" else "log"
    observed, lower, upper = _values(figure, series, scale)
    source = rule.name("series") or _survey_family(figure)
    about = (source, figure.product, figure.indicator)
    first = figure.year or UNDATED
    own = _sampling(figure, series, scale, rule.value) + _rounding(figure, scale)
    product_share, indicator_share = rule.value("wave_product"), rule.value("wave_indicator")
    parts = (rule.value(key) for key in ("offset_place", "offset_sex", "offset_ages"))
    return _Row(
        figure=figure,
        scale=scale,
        observed=observed,
        lower=lower,
        upper=upper,
        own=own + rule.value("row") ** 2,
        indicator=about,
        group=(*about, figure.population_kind, series.group.ages, figure.region, figure.sex),
        family=rule.name("family"),
        cluster=f"{figure.survey}|{first}",
        middle=0.5 * (first + (figure.year_end or first)) - rule.value("pivot"),
        anchor=rule.value("anchor") > 0.0,
        offset=rule.value("offset"),
        group_offset=math.hypot(*parts),
        walk=rule.value("walk"),
        walk_group=rule.value("walk_group"),
        slope=rule.value("slope"),
        wave=(rule.name("wave"), rule.value("wave")),
        wave_shares=(product_share, indicator_share),
        breaks=rule.labelled("break"),
    )


def _survey_family(figure: Figure) -> str:
    """The survey without its year: the waves of one survey are one source."""
    stem, dash, year = figure.survey.rpartition("-")
    return stem if dash and year.isdigit() and len(year) == 4 else figure.survey


def _values(figure: Figure, series: Series, scale: str) -> tuple[float, float, float]:
    """Observed value, lower and upper bound on the scale; NaN for what the figure has not."""
    value, low, high = in_unit_of(figure, series)
    if value is not None and (value <= 0.0 or (scale == "logit" and value >= 1.0)):
        # A printed 0 says that less than half of the last digit was found; so 100% of the rest.
        half = 0.5 * WHOLE if scale == "logit" else 0.5
        low, high = (0.0, half) if value <= 0.0 else (1.0 - half, 1.0)
        value = None
    if value is not None:
        return float(to_scale(value, scale)), math.nan, math.nan
    lower = -math.inf if low is None else float(to_scale(low, scale))
    upper = math.inf if high is None else float(to_scale(high, scale))
    return math.nan, lower, upper


def _typical(figure: Figure) -> float:
    """The value, or where only bounds were printed a number within them, in the figure's unit."""
    value = figure.value
    if value is None:
        ends = [end for end in (figure.low, figure.high) if end is not None]
        value = sum(ends) / len(ends)
    if figure.unit == "proportion":
        floor = 0.5 * WHOLE if value in (0.0, 1.0) else SMALLEST
        return min(max(value, floor), 1.0 - floor)
    return max(value, 1e-9)


def _sampling(figure: Figure, series: Series, scale: str, value: Callable[..., float]) -> float:
    """Variance of the sample on the scale: a share of people, a mean, or a count of events."""
    typical = _typical(figure)
    if scale == "log" and figure.unit == "count":
        return 1.0 / max(typical, 1.0)
    spread = value("spread")
    if figure.population_kind == "sewershed":
        return spread**2
    asked = value("asked") * value("asked_share")
    if figure.population_kind in ("general", "pupils"):
        asked *= _share_asked(series.group, value("asked_from"), value("asked_to"))
    effective = max(asked / value("design"), 1.0)
    if scale == "log":
        return spread**2 / effective
    return 1.0 / (effective * typical * (1.0 - typical))


def _rounding(figure: Figure, scale: str) -> float:
    """Variance on the scale of a number printed to its last digit (uniform within it)."""
    if figure.value is None:
        return 1e-6  # bounds are taken as printed; a little keeps their covariance regular
    typical = _typical(figure)
    width = _last_digit(figure.value, whole=figure.unit == "proportion")
    slope = 1.0 / (typical * (1.0 - typical)) if scale == "logit" else 1.0 / typical
    return (width * slope) ** 2 / 12.0


def _last_digit(value: float, *, whole: bool) -> float:
    """Worth of the last digit that was printed; ``whole``: of a share, at most one percent.

    Zeros at the end of a whole number count as rounding, up to a tenth of it.
    """
    text = f"{value:.12f}".rstrip("0")
    _, _, decimals = text.partition(".")
    if decimals or whole:
        width = 10.0 ** -len(decimals)
        return min(width, WHOLE) if whole else width
    digits = f"{value:.0f}"
    zeros = len(digits) - len(digits.rstrip("0"))
    return max(1.0, min(10.0**zeros, 0.1 * value))


def _offsets(rows: Sequence[_Row]) -> Float:
    """Covariance (n, n) of what stays the same over the years: of a definition, of a group."""
    found = _shared(rows, _about_indicator, [row.offset for row in rows])
    return found + _shared(rows, _about_group, [row.group_offset for row in rows])


def _drift(rows: Sequence[_Row]) -> Float:
    """Covariance (n, n) of slow change: walks and slopes, 0 in the pivot year."""
    middle = np.array([row.middle for row in rows])
    same_side = np.sign(middle)[:, None] == np.sign(middle)
    walked = np.where(same_side, np.minimum(np.abs(middle)[:, None], np.abs(middle)), 0.0)
    walks = _shared(rows, _about_indicator, [row.walk for row in rows])
    walks += _shared(rows, _about_group, [row.walk_group for row in rows])
    sloping = _shared(rows, _about_indicator, [row.slope for row in rows])
    return walks * walked + sloping * np.outer(middle, middle)


def _breaks(rows: Sequence[_Row]) -> Float:
    """Covariance (n, n) of the declared breaks, each common to the rows of a product."""
    found = np.zeros((len(rows), len(rows)))
    for label in sorted({label for row in rows for label in row.breaks}):
        found += _shared(rows, _about_product, [row.breaks.get(label, 0.0) for row in rows])
    return found


def _waves(rows: Sequence[_Row], factor: float) -> tuple[tuple[str, ...], Float, Float]:
    """Names (G,), covariance at tau 1 (G, n, n) and prior of log tau (G, 2) of the wave groups."""
    names = tuple(sorted({row.wave[0] for row in rows}))
    tau = np.zeros((len(names), 2))
    split = _shared(rows, _about_wave, [math.sqrt(row.wave_shares[0]) for row in rows])
    split += _shared(rows, _about_question, [math.sqrt(row.wave_shares[1]) for row in rows])
    np.fill_diagonal(split, 1.0)
    shared = np.zeros((len(names), len(rows), len(rows)))
    for g, name in enumerate(names):
        inside = np.array([row.wave[0] == name for row in rows])
        shared[g] = np.outer(inside, inside) * split
        centre = next(row.wave[1] for row in rows if row.wave[0] == name)
        tau[g] = math.log(factor * centre), TAU_SD
    return names, shared, tau


def _about_indicator(row: _Row) -> tuple[str, ...]:
    return row.indicator


def _about_group(row: _Row) -> tuple[str, ...]:
    return row.group


def _about_product(row: _Row) -> tuple[str, ...]:
    return row.indicator[:2]


def _about_wave(row: _Row) -> tuple[str, ...]:
    return (row.cluster, row.figure.product)


def _about_question(row: _Row) -> tuple[str, ...]:
    return (row.cluster, row.figure.product, row.figure.indicator)


def _shared(
    rows: Sequence[_Row], about: Callable[[_Row], tuple[str, ...]], sizes: Sequence[float]
) -> Float:
    """Covariance (n, n) of one unknown for each label of ``about``; ``sizes`` (n,): its sd."""
    codes = {label: i for i, label in enumerate(sorted({about(row) for row in rows}))}
    code = np.array([codes[about(row)] for row in rows], dtype=np.int64)
    found: Float = np.outer(sizes, sizes) * (code[:, None] == code)
    return found


def _alone(offsets: Float, variance: Float, plain: Bool) -> Bool:
    """Rows (n,) whose error is mostly an offset that no other plain row here tells."""
    own = np.diag(offsets)
    free = own > 0.5 * variance
    told = offsets >= TEACHES * own[:, None]
    np.fill_diagonal(told, False)
    return free & ~(told & plain).any(axis=1)


def _share_asked(group: Group, asked_from: float, asked_to: float) -> float:
    """Share of the people asked, at the group's place, who have its sex and ages.

    The population of one year serves for all.
    """
    low = max(group.age_min or 0, int(asked_from))
    high = min(120 if group.age_max is None else group.age_max, int(asked_to))
    asked = _people(group.region, "all", int(asked_from), int(asked_to))
    return max(_people(group.region, group.sex, low, high) / asked, 1e-3)


@cache
def _population(region: str, sex: str) -> Float:
    table = load_population_table()
    parts = PARTS.get(region, (region,))
    total: Float = np.sum([table.single_age(part, sex, WEIGHT_YEAR) for part in parts], axis=0)
    return total


def _people(region: str, sex: str, low: int, high: int) -> float:
    """Persons of the ages ``low`` to ``high``, inclusive."""
    return float(_population(region, sex)[low : min(high, TABLE_AGES) + 1].sum())
