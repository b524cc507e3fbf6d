"""The model against the observed figures: what each says, and whether they agree.

A figure is set against the same thing in the results of a run: its series, summed over the years
that it spans where it counts events and averaged elsewhere. Figures that the model knows (forcing,
anchor, centred) are shown and counted apart: they test nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.figures import Figure, given_to_model
from calibration.predict import over_years, years_of
from calibration.series import Series, in_unit_of, names_of, series_of
from experiments.runs.folder import PROVENANCE
from experiments.runs.results import csv_file, open_file, other_version
from experiments.runs.seeds import of_scenario, runs_of, seeds_of
from experiments.runs.summary import QUANTILES, quantiles
from model.catalogue import Catalogue
from model.errors import InputError
from model.reading import TableRow, read_rows

Float = npt.NDArray[np.float64]

OUTSIDE = Path(__file__).with_name("outside.csv")
REFERENCE = 0  # the first scenario of every results file
UNDATED = 2022  # stands for the year of a figure that prints none: the last before the strategy
ROUNDING = 1e-5  # results hold seven digits
READ = ("series", "survey", "time")  # what of a results file is read


class OutsideRow(TableRow):
    """Why a figure lies outside what the model says."""

    figure: str
    reason: str


@dataclass(frozen=True)
class Compared:
    """One figure beside the model; numbers in ``unit``.

    ``given``: forcing, anchor or centred where the model knows the figure. ``reason``: why it lies
    outside, where somebody wrote it down.
    """

    figure: Figure
    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    median: float
    low95: float
    high95: float
    given: str | None
    reason: str

    @property
    def inside(self) -> bool:
        """Whether the figure, or some of the range that it gives, lies in the 95% interval."""
        width = ROUNDING * max(abs(self.low95), abs(self.high95))
        first = self.low if self.value is None else self.value
        last = self.high if self.value is None else self.value
        above = last is None or last >= self.low95 - width
        return above and (first is None or first <= self.high95 + width)

    @property
    def role(self) -> str:
        """The figure's role, and how the model knows it."""
        role = self.figure.role
        return role if self.given is None else f"{role} ({self.given})"


class Results:
    """The reference scenario of a results folder, read where it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._file = open_file(folder)
        missing = [name for name in READ if name not in self._file]
        if missing:
            self._file.close()
            raise other_version(folder, missing, "the model as surveys see it")
        labels = self._file["series"].asstr()[:]
        self._series = {str(label): i for i, label in enumerate(labels)}
        self._years = [int(year) for year in self._file["time"][:]]
        self.drawn = str(self._file.attrs.get("draws", "prior"))
        self.runs, self.seeds = runs_of(self._file["survey"]), seeds_of(self._file.attrs)
        self._survey = np.asarray(of_scenario(self._file["survey"], REFERENCE), float)

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def series(self, series: Series) -> Float | None:
        """Draws of a series (D, Y), in its unit; None where this run does not hold it."""
        at = self._series.get(series.id)
        return None if at is None else np.asarray(self._survey[:, at])

    def over_years(self, values: Float, figure: Figure, unit: str) -> Float | None:
        """One number a draw (D,): the sum over the years of a count, the mean of anything else.

        None where the run lacks a year.
        """
        return over_years(values, self._years, years_of(figure, UNDATED), unit)


def catalogue_of(folder: Path) -> Path | None:
    """The folder of tables that a run was made with; None for the shipped ones alone."""
    path = folder / PROVENANCE
    if not path.is_file():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))["arguments"].get("catalogue")
    return None if told is None else Path(told)


def load_reasons(figures: Iterable[Figure], path: Path = OUTSIDE) -> dict[str, str]:
    """Reasons by figure id. Raises InputError for a figure that does not exist."""
    known = {figure.id for figure in figures}
    rows = read_rows(path, OutsideRow)
    for row in rows:
        if row.figure not in known:
            raise InputError(
                "unknown figure",
                file=row.file,
                line=row.line,
                key="figure",
                given=row.figure,
                allowed="an id of the table of figures",
            )
    return {row.figure: row.reason for row in rows}


def compare(
    results: Results, figures: Sequence[Figure], catalogue: Catalogue, reasons: Mapping[str, str]
) -> list[Compared]:
    """Every figure that the run can print, in table order."""
    known = {figure.id: figure for figure in figures}
    names = {row.id: row.name for row in catalogue.indicators}
    found = []
    for figure in figures:
        seen = _seen(results, figure, catalogue)
        if seen is None:
            continue
        unit, draws, numbers = seen
        told = dict(zip(QUANTILES, quantiles(draws).tolist(), strict=True))
        value, low, high = numbers
        found.append(
            Compared(
                figure=figure,
                name=names[figure.indicator],
                unit=unit,
                value=value,
                low=low,
                high=high,
                median=told["median"],
                low95=told["low95"],
                high95=told["high95"],
                given=given_to_model(figure, known),
                reason=reasons.get(figure.id, ""),
            )
        )
    return found


_Seen = tuple[str, Float, tuple[float | None, float | None, float | None]]


def _seen(results: Results, figure: Figure, catalogue: Catalogue) -> _Seen | None:
    """Unit, draws and the figure's numbers; None where the run does not say the same thing.

    Loads in wastewater are left out: a site has a scale of its own, so that only changes tell
    (``drugfutures calibrate`` and ``score`` know the scales).
    """
    if figure.population_kind == "sewershed":
        return None
    series = series_of(figure, catalogue)
    values = None if series is None else results.series(series)
    if series is None or values is None:
        return None
    draws = results.over_years(values, figure, series.unit)
    if draws is None or np.isnan(draws).all():
        return None
    return series.unit, draws, in_unit_of(figure, series)


def chosen(
    compared: Sequence[Compared], catalogue: Catalogue, product: str | None, indicator: str | None
) -> list[Compared]:
    """Those of one product or indicator. InputError when the name is unknown."""
    for key, given, allowed in (
        ("--product", product, list(names_of(catalogue))),
        ("--indicator", indicator, sorted({row.figure.indicator for row in compared})),
    ):
        if given is not None and given not in allowed:
            raise InputError("no figure of this name", key=key, given=given, allowed=allowed)
    return [
        row
        for row in compared
        if product in (None, row.figure.product) and indicator in (None, row.figure.indicator)
    ]


def write_csv(compared: Sequence[Compared], path: Path) -> None:
    """One line a figure, every digit. Raises InputError."""
    head = ("id", "product", "indicator", "population", "sex", "region", "year", "year_end")
    numbers = ("value", "low", "high", "median", "low95", "high95")
    with csv_file(path) as writer:
        writer.writerow((*head, "unit", *numbers, "inside", "role", "given", "source", "reason"))
        for row in compared:
            told = (getattr(row, name) for name in numbers)
            writer.writerow(
                (
                    *(_text(getattr(row.figure, name)) for name in head),
                    row.unit,
                    *("" if number is None else f"{number:.6g}" for number in told),
                    "yes" if row.inside else "no",
                    row.figure.role,
                    _text(row.given),
                    row.figure.source,
                    row.reason,
                )
            )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def verdict(compared: Sequence[Compared]) -> str:
    """How many figures lie inside; those that the model knows counted and left out."""
    own = [row for row in compared if row.given is None]
    inside, free = (sum(row.inside for row in rows) for rows in (compared, own))
    return (
        f"{inside} of {len(compared)} inside the 95% interval "
        f"(without anchored: {free} of {len(own)})"
    )
