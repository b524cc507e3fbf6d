"""Observed figures on a graph: those that say exactly what the graph says, and no other.

The same indicator, product, place, ages and unit, of one year of the history that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calibration.figures import PUT_IN, Figure, given_to_model
from calibration.series import Series, in_unit_of, series_of
from experiments.workshop.answers import BRANCH_YEAR, FIRST_YEAR
from experiments.workshop.view import EVERYONE, Graph
from model.catalogue import Catalogue
from model.strata import ALL

YOUNGEST = 10  # nobody is younger in the model, so "all ages" and "from 10" are the same people


@dataclass(frozen=True)
class Dot:
    """One figure in the unit shown; without ``value`` it is a bound or a range that was printed.

    ``role``: fitted, checked, context, or ``given`` where the model was told it.
    """

    figure: str
    year: int
    value: float | None
    low: float | None
    high: float | None
    source: str
    role: str


@dataclass(frozen=True)
class Observed:
    """All figures that could stand on a graph, by the graph."""

    rows: Mapping[Graph, Sequence[tuple[Figure, Series]]]
    sources: Mapping[str, str]
    roles: Mapping[str, str]

    @classmethod
    def of(cls, figures: Sequence[Figure], catalogue: Catalogue) -> Observed:
        """Sort the figures by graph; most of them fit none, for surveys ask other ages."""
        units = {row.id: row.unit for row in catalogue.indicators}
        known = {figure.id: figure for figure in figures}
        rows: dict[Graph, list[tuple[Figure, Series]]] = {}
        roles: dict[str, str] = {}
        for figure in figures:
            series = series_of(figure, catalogue)
            graph = None if series is None else _graph(series, units)
            if series is None or graph is None or not _of_one_year(figure):
                continue
            rows.setdefault(graph, []).append((figure, series))
            roles[figure.id] = _role(figure, known)
        return cls(rows, {row.id: row.title for row in catalogue.sources}, roles)

    def dots(self, graph: Graph, factor: float) -> tuple[Dot, ...]:
        """Dots of a graph whose numbers are multiplied by ``factor``, in order of years."""
        found = []
        for figure, series in self.rows.get(graph, ()):
            value, low, high = (
                None if number is None else number * factor for number in in_unit_of(figure, series)
            )
            source = self.sources.get(figure.source, figure.source)
            role = self.roles[figure.id]
            found.append(Dot(figure.id, figure.year or 0, value, low, high, source, role))
        return tuple(sorted(found, key=lambda dot: (dot.year, dot.figure)))


def _of_one_year(figure: Figure) -> bool:
    shown = figure.year is not None and FIRST_YEAR <= figure.year < BRANCH_YEAR
    # The level of a sewershed says nothing of a region's: only its changes do.
    return shown and figure.year_end is None and figure.population_kind != "sewershed"


def _graph(series: Series, units: Mapping[str, str]) -> Graph | None:
    group = series.group
    if group.sex != ALL or series.unit != units.get(series.indicator):
        return None
    ages = _ages(group.age_min, group.age_max)
    return Graph(series.indicator, series.product, group.region, ages)


def _ages(low: int | None, high: int | None) -> str:
    """The age group as pages name it; a name that no page knows where there is none."""
    if high is None:
        return EVERYONE if low is None or low <= YOUNGEST else f"{low}+"
    return f"{low or 0}-{high}"


def _role(figure: Figure, known: Mapping[str, Figure]) -> str:
    whole = all(name in known for name in figure.repeated_ids)
    given = given_to_model(figure, known) if whole else figure.given
    return "given" if given in PUT_IN else figure.role
