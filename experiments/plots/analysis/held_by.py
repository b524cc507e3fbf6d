"""The bands that ``held`` draws: of a calibration's report, or of the results of a run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.errors import build_errors, to_scale
from calibration.figures import Figure, given_to_model, load_figures
from calibration.series import names_of, series_of
from experiments.figures.comparison import Results, catalogue_of
from experiments.figures.score import unpredictable
from experiments.plots.analysis.held import GIVEN, from_predicted
from experiments.plots.analysis.outputs import About
from experiments.plots.analysis.wording import words_of
from experiments.plots.fits import Predicted
from experiments.runs.provenance import package_version
from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError

Float = npt.NDArray[np.float64]

REPORT = Path("report") / "figures.csv"
NEEDED = ("id", "scale", "observed", "testable")
POINTS = ("median", "low50", "high50", "low80", "high80", "low95", "high95")
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SEED = 1  # of the errors


def read(source: Path, language: str = "en") -> tuple[pd.DataFrame, About]:
    """The table for ``held.figure``, a row a figure, and what must be said with it.

    ``source``: a folder of ``drugfutures calibrate`` (each figure left out of the fit in turn), or
    one of ``drugfutures run``. Raises InputError for anything else.
    """
    for path in (source / REPORT, source / REPORT.name):
        if path.is_file():
            return of_report(path, language)
    return of_run(source, language)


def of_report(path: Path, language: str = "en") -> tuple[pd.DataFrame, About]:
    """Leave-one-out predictions of a calibration's figures.csv, a row a figure.

    Raises InputError for another file.
    """
    with path.open(encoding="utf-8", newline="") as text:
        lines = list(csv.DictReader(text))
    missing = [name for name in (*NEEDED, *POINTS) if lines and name not in lines[0]]
    if missing or not lines:
        raise InputError(
            "these are no figures of a calibration",
            file=str(path),
            key=", ".join(missing),
            allowed="figures.csv as `drugfutures calibrate` writes it",
        )
    catalogue = load_catalogue()
    figures = {one.id: one for one in _figures(catalogue)}
    known = [line for line in lines if line["id"] in figures]
    told = [figures[line["id"]] for line in known]
    errors = build_errors(told, catalogue)
    predicted = [
        Predicted(
            figure,
            line["scale"],
            line.get("family", ""),
            float(errors.observed[i]),
            float(errors.lower[i]),
            float(errors.upper[i]),
            tuple(float(to_scale(float(line[name]), line["scale"])) for name in POINTS),
            line["testable"] == "1",
        )
        for i, (figure, line) in enumerate(zip(told, known, strict=True))
    ]
    note = words_of(language).say("held.left-out")
    return from_predicted(predicted), About(attributes=_version(), notes=(note,))


def of_run(folder: Path, language: str = "en") -> tuple[pd.DataFrame, About]:
    """Bands of a run with the error of each figure, as surveys see the model: a row a figure.

    Each figure's own error, offset of its series included, is added to the draws. Products of which
    no figure can test the model are left out. Raises InputError where no figure is left.
    """
    with Results(folder) as results:
        catalogue = load_catalogue(catalogue_of(folder))
        figures = _figures(catalogue)
        known = {one.id: one for one in figures}
        there = [one for one in figures if unpredictable(one, catalogue) is None]
        errors = build_errors(there, catalogue)
        sds = np.sqrt(np.diag(errors.covariance()))
        noise = np.random.default_rng(SEED).standard_normal(results.runs)
        found: list[tuple[object, ...]] = []
        for i, figure in enumerate(there):
            draws = _draws(results, figure, catalogue)
            if draws is None:
                continue
            scaled = to_scale(draws, errors.scale[i]) + sds[i] * noise[: len(draws)]
            if not np.isfinite(scaled).all():
                continue
            points = np.quantile(scaled, LEVELS)
            observed = (errors.lower[i], errors.observed[i], errors.upper[i])
            given = given_to_model(figure, known) is not None
            testable = not given and not bool(errors.alone[i])
            found.append(
                (
                    *(figure.product, figure.id, figure.year or 0),
                    *(float(one - points[2]) for one in (*observed, *points)),
                    testable,
                )
            )
        if not found:
            raise InputError(
                "no figure can be set against these results",
                key="--from",
                given=str(folder),
                allowed="a run of figures' products and years",
            )
        mode = "held.of-run" if results.drawn == "posterior" else "held.of-prior"
    note = words_of(language).say(mode)
    table = pd.DataFrame(found, columns=list(GIVEN))
    tested = table.loc[table["testable"], "product"].unique()
    table = table[table["product"].isin(tested)].reset_index(drop=True)
    return table, About(attributes=_version(), notes=(note,))


def _draws(results: Results, figure: Figure, catalogue: Catalogue) -> Float | None:
    """The run's value of a figure (D,), as its survey sees it; None where it has none."""
    if figure.population_kind == "sewershed":  # a site has a scale of its own
        return None
    series = series_of(figure, catalogue)
    values = None if series is None else results.series(series)
    if series is None or values is None:
        return None
    return results.over_years(values, figure, series.unit)


def _figures(catalogue: Catalogue) -> list[Figure]:
    sources = {row.id for row in catalogue.sources}
    return list(load_figures(products=names_of(catalogue), sources=sources))


def _version() -> dict[str, str]:
    return {"package_version": package_version()}
