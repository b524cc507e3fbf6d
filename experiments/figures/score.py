"""``drugfutures score``: any table of figures against what the model forecasts of each row."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.errors import Errors, build_errors, from_scale, to_scale
from calibration.figures import OBSERVED, PUT_IN, Figure, comparable, load_figures
from calibration.posterior import drawn, load
from calibration.predict import Progress, over_years, survey, years_of
from calibration.score import (
    COLUMNS,
    LogTau,
    Scored,
    conditional,
    last_year,
    observed_trails,
    score,
)
from calibration.series import EURO, UNITS, Series, in_unit_of, names_of, series_of
from experiments.runs.results import csv_file
from model.catalogue import Catalogue, load_catalogue
from model.compartments import FIRST_YEAR
from model.errors import InputError
from model.parameters import Draws
from model.past import FIRST_KEPT
from model.reading import read_rows

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

NEAREST = 3  # names that a refusal suggests
FITTED = "the fit used this figure: no forecast"
PUT = "the model was told this figure: no forecast"
REPEATED = "repeats other rows"
UNSEEN = "no earlier figure of this series: its offset is unknown"
NO_VALUE = "the model has no number for it in some or all draws"
EXTREME = 14.0
"""Stands on the scale for a model's value of 0 (-) or of a share of 1 (+): one in a million."""
BELOW_ZERO = frozenset({"relative_change"})
"""Units in which a number may be negative."""


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    figures: Path
    out: Path | None = None
    draws: int = 500
    seed: int = 1
    prior: bool = False
    sequential: bool = False
    catalogue: Path | None = None
    threads: int = 1


@dataclass(frozen=True)
class Outcome:
    """The scores in the order of the table, and where the draws come from."""

    scored: tuple[Scored, ...]
    prior: bool
    draws: int


def read_table(path: Path, catalogue: Catalogue, shipped: Sequence[Figure]) -> list[Figure]:
    """The figures of a user's table. Sources may be new; ``repeats`` may name shipped rows.

    Raises InputError for what ``load_figures`` refuses and for an unknown indicator, a unit that is
    never the indicator's, and a negative number.
    """
    sources = {row.source for row in read_rows(path, Figure)}
    known = {figure.id for figure in shipped}
    figures = load_figures(path, products=names_of(catalogue), sources=sources, elsewhere=known)
    own = {row.id: row.unit for row in catalogue.indicators}
    printed: dict[str, set[str]] = {}
    for figure in shipped:
        printed.setdefault(figure.indicator, set()).add(figure.unit)
    for figure in figures:
        _check_indicator(figure, {*own, *printed})
        units = printed.get(figure.indicator, set()) | _units(own.get(figure.indicator, ""))
        if figure.unit not in units | {"none"}:
            what = f"a unit that {figure.indicator} never has"
            raise _refusal(figure, what, "unit", figure.unit, sorted(units))
        for key in ("value", "low", "high"):
            number = getattr(figure, key)
            if number is not None and number < 0 and figure.unit not in BELOW_ZERO:
                raise _refusal(figure, "a number below 0", key, number, "0 or more")
    return figures


def _check_indicator(figure: Figure, known: Collection[str]) -> None:
    if figure.indicator not in known:
        near = difflib.get_close_matches(figure.indicator, sorted(known), NEAREST, 0.0)
        allowed = f"one of `drugfutures show indicators`; the nearest are {', '.join(near)}"
        raise _refusal(figure, "unknown indicator", "indicator", figure.indicator, allowed)


def _units(own: str) -> set[str]:
    """Units of figures that can be compared with an indicator of the unit ``own``."""
    found = {unit for unit, of in UNITS if of == own}
    return found | {unit for unit, end in EURO.items() if own.startswith("EUR") and end in own}


def _refusal(
    figure: Figure, message: str, key: str, given: object, allowed: str | list[str]
) -> InputError:
    return InputError(
        message, file=figure.file, line=figure.line, key=key, given=given, allowed=allowed
    )


def unpredictable(figure: Figure, catalogue: Catalogue) -> str | None:
    """Why no observation function can predict a figure; None where one may."""
    if figure.value is None and figure.low is None and figure.high is None:
        return "no number"
    if not any(figure.indicator in indicators for indicators in OBSERVED.values()):
        return "no observation function for this indicator"
    if figure.indicator not in OBSERVED.get(figure.population_kind, ()):
        return "no observation function for this indicator in this kind of population"
    if not comparable(figure):
        return "a place that the model cannot tell apart"
    if series_of(figure, catalogue) is None:
        return "a unit, or a price year, that the model does not print"
    if figure.year is None:
        return "no year"
    if figure.year < FIRST_KEPT:
        return f"before the first year of the model ({FIRST_KEPT})"
    if figure.value is not None and not np.isfinite(_on_scale(figure.value, figure, catalogue)):
        return "0, or a share of 1, has no place on the scale: give a bound instead"
    return None


def _scale_of(series: Series) -> str:
    return "logit" if series.unit == "proportion" else "log"


def _on_scale(value: float, figure: Figure, catalogue: Catalogue) -> float:
    series = series_of(figure, catalogue)
    return float("nan") if series is None else float(to_scale(value, _scale_of(series)))


def past_figures(
    shipped: Sequence[Figure],
    table: Sequence[Figure],
    catalogue: Catalogue,
    sequential: bool = False,
) -> list[Figure]:
    """Shipped figures that a forecast of the table may know.

    Plain values, fitted or checked, that were not put into the model; a forecast sees those of
    earlier years. Naive forecasts know them all, the model's errors ``told_figures``. With
    ``sequential`` the rows of the table tell too, so that those that it repeats are left out: by
    id, as the same question of the same survey, or as a row that one of the table repeats.
    """
    if not sequential:
        table = ()
    ids = {figure.id for figure in table}
    ids |= {repeated for figure in table for repeated in figure.repeated_ids}
    questions = {_question(figure) for figure in table}
    return [
        figure
        for figure in shipped
        if figure.role != "context"
        and figure.value is not None
        and figure.given not in PUT_IN
        and unpredictable(figure, catalogue) is None
        and figure.id not in ids
        and _question(figure) not in questions
    ]


def told_figures(past: Sequence[Figure]) -> list[Figure]:
    """Those that tell of the errors: fitted figures, and of what has none all that repeat no row.

    Where a product's indicator has fitted figures, the others were set aside for a reason (another
    definition, the same observation), and the draws were not fitted to them.
    """
    fitted = {(one.product, one.indicator) for one in past if one.role == "fitted"}
    return [
        figure
        for figure in past
        if figure.role == "fitted"
        or (figure.repeats is None and (figure.product, figure.indicator) not in fitted)
    ]


def _question(figure: Figure) -> tuple[object, ...]:
    names = ("survey", "product", "indicator", "population", "region", "sex", "year", "year_end")
    return tuple(getattr(figure, name) for name in names)


def run_score(asked: Asked, progress: Progress = lambda draws: None) -> Outcome:
    """Score the table asked for and write the scores where asked.

    Raises InputError before anything runs.
    """
    catalogue = load_catalogue(asked.catalogue)
    shipped = load_figures(
        products=names_of(catalogue), sources={row.id for row in catalogue.sources}
    )
    table = read_table(asked.figures, catalogue, shipped)
    _check_out(asked)
    draws, _ = drawn(catalogue, asked.draws, asked.seed, prior=asked.prior)
    past = past_figures(shipped, table, catalogue, asked.sequential)
    reasons = {figure.id: unpredictable(figure, catalogue) for figure in table}
    rows = [figure for figure in table if reasons[figure.id] is None]
    used = _used(shipped, table) if not asked.prior else frozenset()
    scored: dict[str, Scored] = {}
    if rows:
        figures = [*told_figures(past), *rows]
        values = model_values(figures, catalogue, draws, asked.threads, progress)
        found = score_rows(past, rows, catalogue, values, _log_tau(asked), asked.sequential)
        scored = {row.figure.id: row for row in found}
    outcome = Outcome(
        tuple(
            _noted(
                scored.get(figure.id) or Scored(figure, why=reasons[figure.id] or NO_VALUE), used
            )
            for figure in table
        ),
        asked.prior,
        draws.size,
    )
    if asked.out is not None:
        write_scores(outcome.scored, asked.out)
    return outcome


def _check_out(asked: Asked) -> None:
    out = asked.out
    if out is None:
        return
    if out.is_dir() or not out.parent.is_dir() or out.resolve() == asked.figures.resolve():
        allowed = "a file in a folder that exists, other than the table itself"
        raise InputError(
            "no table can be written here", key="--out", given=str(out), allowed=allowed
        )


def model_values(
    figures: Sequence[Figure],
    catalogue: Catalogue,
    draws: Draws,
    threads: int,
    progress: Progress,
) -> Float:
    """The model's value of each figure on its scale, (D, n); not finite where it has none.

    The scale is logit or log.
    """
    series = [series_of(figure, catalogue) for figure in figures]
    asked = list(dict.fromkeys(one for one in series if one is not None))
    first = min(FIRST_YEAR, *(figure.year or FIRST_YEAR for figure in figures))
    until = max(FIRST_YEAR, *(last_year(figure) for figure in figures))
    seen = survey(catalogue, draws, asked, until, first=first, threads=threads, progress=progress)
    years = range(first, until + 1)
    found = np.full((draws.size, len(figures)), np.nan)
    for i, (figure, one) in enumerate(zip(figures, series, strict=True)):
        if one is not None:
            wanted = years_of(figure, first)
            values = over_years(seen[:, asked.index(one)], years, wanted, one.unit)
            if values is not None:
                found[:, i] = to_scale(values, _scale_of(one))
    return found


def score_rows(
    past: Sequence[Figure],
    rows: Sequence[Figure],
    catalogue: Catalogue,
    values: Float,
    log_tau: LogTau,
    sequential: bool = False,
) -> list[Scored]:
    """Scores of those ``rows`` that the model has a value of, given the figures of the ``past``.

    ``values`` (D, told + rows) of the model for ``told_figures(past)`` and the rows, on the scale
    of each. With ``sequential`` all forecasts also know the rows of earlier years.
    """
    known = told_figures(past)
    finite = np.asarray(np.isfinite(values).all(axis=0))
    there = ~np.isnan(values).any(axis=0)
    is_known = np.array([True] * len(known) + [False] * len(rows))
    # A draw of exactly 0 would tell nothing but nonsense of other rows' errors.
    kept = np.flatnonzero((is_known & finite) | (~is_known & there))
    figures = [[*known, *rows][i] for i in kept]
    told = is_known[kept]
    wanted = [figure for figure, old in zip(figures, told, strict=True) if not old]
    if not wanted:
        return []
    telling = np.array([figure.value is not None for figure in figures]) & finite[kept]
    expected = figures if sequential else _expected(figures, told, values[:, kept], catalogue)
    mean, sd = conditional(
        expected,
        catalogue,
        told,
        np.nan_to_num(values[:, kept], neginf=-EXTREME, posinf=EXTREME),
        log_tau,
        telling if sequential else None,
    )
    behind = [*past, *wanted] if sequential else list(past)
    known_trails = observed_trails(behind, build_errors(behind, catalogue), catalogue)
    errors = build_errors(wanted, catalogue)
    return score(wanted, errors, catalogue, (mean[:, ~told], sd[:, ~told]), known_trails)


def _expected(
    figures: Sequence[Figure], told: Bool, values: Float, catalogue: Catalogue
) -> list[Figure]:
    """The figures, those to be forecast with the model's median in place of what was printed.

    The error of a sample depends on the size of the share: taken from the figure itself, a low
    figure would buy itself a wide forecast.
    """
    found = []
    for figure, known, draws in zip(figures, told, values.T, strict=True):
        series = series_of(figure, catalogue)
        middle = float(np.median(draws))
        same = series is not None and in_unit_of(figure, series)[0] == figure.value
        if known or series is None or figure.value is None or not same or not np.isfinite(middle):
            found.append(figure)
            continue
        value = float(f"{float(from_scale(middle, _scale_of(series))):.3g}")
        found.append(figure.model_copy(update={"value": value, "low": None, "high": None}))
    return found


def _log_tau(asked: Asked) -> LogTau:
    """Draws of log tau as the posterior has them, else the centres of their priors."""
    found: Mapping[str, Float] = {}
    if not asked.prior:
        posterior = load()
        columns = posterior.log_tau[: asked.draws].T
        found = dict(zip(posterior.groups, columns, strict=True))

    def of(product: str, errors: Errors) -> Float:
        centres = np.tile(errors.tau[:, 0], (asked.draws, 1))
        for g, group in enumerate(errors.groups):
            name = next((name for name in (f"{product}|{group}", group) if name in found), None)
            if name is not None:
                centres[:, g] = found[name]
        return centres

    return of


def _used(shipped: Sequence[Figure], table: Sequence[Figure]) -> frozenset[str]:
    """Ids of the table's rows that are fitted figures: by id, or the same question and survey."""
    fitted = [figure for figure in shipped if figure.role == "fitted"]
    ids, questions = {one.id for one in fitted}, {_question(one) for one in fitted}
    return frozenset(one.id for one in table if one.id in ids or _question(one) in questions)


def _noted(row: Scored, used: Collection[str]) -> Scored:
    """With a word on rows of which the model knew the answer."""
    figure = row.figure
    if not row.predicted:
        return row
    notes = [row.why] if row.why else []
    if figure.id in used:
        notes.append(FITTED)
    if figure.given in PUT_IN:
        notes.append(PUT)
    if figure.repeats is not None:
        notes.append(REPEATED)
    if not row.n_earlier:
        notes.append(UNSEEN)
    return replace(row, why="; ".join(notes))


def write_scores(scored: Sequence[Scored], path: Path) -> None:
    """One line a figure, in the order of the table. Raises InputError."""
    with csv_file(path, "--out") as writer:
        writer.writerow(COLUMNS)
        for row in scored:
            writer.writerow(_cells(row))


def _cells(row: Scored) -> list[str]:
    """Cells in the order of COLUMNS; those of the forecast empty where nothing was predicted."""
    figure = row.figure
    words = (figure.id, row.series, row.cluster, figure.product, figure.indicator, figure.role)
    year = "" if figure.year is None else str(figure.year)
    if not row.predicted:
        empty = len(COLUMNS) - len(words) - 2
        return [*words, year, *[""] * empty, row.why]
    return [
        *words,
        year,
        row.scale,
        str(row.n_earlier),
        _number(row.observed),
        *(_number(point) for point in row.quantiles),
        *(str(int(inside)) for inside in row.inside),
        *(_number(crps) for crps in (row.crps, row.crps_last, row.crps_trend)),
        row.why,
    ]


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
