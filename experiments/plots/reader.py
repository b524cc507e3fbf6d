"""Reads lines and dots for the plots out of the dataset of a run and the table of figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from calibration.figures import Figure, given_to_model
from calibration.series import Group, Series, series_of
from experiments.plots.page import BANDS, Dot, Key, Line, Panel
from experiments.plots.style import (
    CHECKED,
    FAN,
    FITTED,
    NO_FIGURE,
    ONLY_EARLIER,
    PARTLY,
    PUT_IN_KEY,
    REFERENCE,
    SCENARIO_ONLY,
    SCENARIO_ONLY_KEY,
    SEVERAL,
    WAITING,
    Look,
)
from experiments.plots.units import figure_shown, shown
from experiments.plots.words import indicator_in_words
from experiments.runs.seeds import pooled, seeds_of, told_runs
from experiments.runs.summary import QUANTILES, quantiles
from model.catalogue import Catalogue

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]

WAIT = ("months", 12.0)
_ROWS = list(QUANTILES)


@dataclass(frozen=True)
class Seen:
    """Quantiles of something over the years (7, scenarios, years), in the unit shown."""

    values: Float
    unit: str


class Reader:
    """One run's results, each variable read once; ``series`` are those of the survey."""

    def __init__(
        self, dataset: xr.Dataset, catalogue: Catalogue, figures: Sequence[Figure]
    ) -> None:
        dataset = pooled(dataset)
        self.catalogue = catalogue
        self.figures = {figure.id: figure for figure in figures}
        self.years = dataset["time"].values.astype(float)
        self.scenarios = [str(name) for name in dataset["scenario"].values]
        self.titles = [str(name) for name in dataset["scenario_title"].values]
        self.names = {
            str(key): str(name)
            for key, name in zip(
                dataset["product"].values, dataset["product_name"].values, strict=True
            )
        }
        self.draws = told_runs(int(dataset.sizes["draw"]), seeds_of(dataset.attrs))
        self.drawn: Literal["prior", "posterior"] = (
            "posterior" if dataset.attrs.get("draws") == "posterior" else "prior"
        )
        self._fitted = str(dataset.attrs.get("calibrated", "")).split()
        self.regions = [str(name) for name in dataset["region"].values]
        self.indicators = {row.id: row for row in catalogue.indicators}
        self.series = _series(dataset)
        self._dataset = dataset
        self._products = {row.id for row in catalogue.products}
        self._marginals: dict[str, Float] = {}
        self._survey: Float | None = None
        self._observed: dict[str, list[Figure]] = {}
        for figure in figures:
            found = series_of(figure, catalogue)
            if found is not None and found.id in self.series:
                self._observed.setdefault(found.id, []).append(figure)

    @property
    def shown(self) -> list[int]:
        """Scenarios in the order in which they are drawn: the reference last, on top."""
        return [*range(1, len(self.scenarios)), 0]

    def mode(self, product: str) -> str:
        """Mode of a product; of a union, whether all its members have one mode."""
        modes = {row.id: row.mode for row in self.catalogue.products}
        if product in modes:
            return modes[product]
        members = {
            modes[m] for u in self.catalogue.unions if u.id == product for m in u.members.split()
        }
        return members.pop() if len(members) == 1 else "partly scenario-only"

    def marginal(self, indicator: str, product: str, region: str = "Belgium") -> Seen:
        """Quantiles of an indicator at all ages from 10."""
        if indicator not in self._marginals:
            # One read for all products and regions: the file is compressed in blocks of draws.
            array = self._dataset[indicator].sel(age_group="all").values
            self._marginals[indicator] = quantiles(array, axis=1)
        p, r = list(self.names).index(product), self.regions.index(region)
        unit, factor = shown(self.indicators[indicator].unit)
        if indicator == "mean_wait":
            unit, factor = WAIT
        return Seen(self._marginals[indicator][:, :, :, p, r] * factor, unit)

    def survey(self, series: str) -> Seen:
        """Quantiles of one series of the survey."""
        if self._survey is None:
            self._survey = quantiles(self._dataset["survey"].values, axis=1)
        unit, factor = shown(self.series[series].unit)
        at = list(self.series).index(series)
        return Seen(self._survey[:, :, at] * factor, unit)

    def dots(self, series: str, look: Look = FAN, label: str = "") -> tuple[list[Dot], int]:
        """Observed figures of a series within the years of the run; number of earlier ones.

        A figure that prints two bounds and no value is a bar; one with a single bound is left out.
        """
        found, earlier = [], 0
        for figure in self._observed.get(series, []):
            value, low, high = figure_shown(figure, self.series[series])
            if figure.year is None or (value is None and (low is None or high is None)):
                continue
            year = (figure.year + (figure.year_end or figure.year)) / 2
            if not self.years[0] <= year <= self.years[-1]:
                earlier += 1
                continue
            given = given_to_model(figure, self.figures)
            found.append(
                Dot(
                    figure=figure.id,
                    series=label,
                    year=year,
                    value=value,
                    low=low,
                    high=high,
                    role=figure.role,
                    source=figure.source,
                    look=look,
                    given=given or "",
                    years=1 + (figure.year_end or figure.year) - figure.year,
                )
            )
        return found, earlier

    def fan(self, seen: Seen, label: str = "") -> tuple[Line, ...]:
        """A fan of the scenario (of the reference when it is alone) and lines of the others."""
        if len(self.scenarios) == 1:
            return (self._line(seen, 0, label, BANDS, FAN),)
        lines = [self._line(seen, 1, label, BANDS, FAN)]
        for s in range(2, len(self.scenarios)):
            look = SEVERAL[1 + (s - 2) % (len(SEVERAL) - 1)]
            lines.append(self._line(seen, s, label, (), look))
        return (*lines, self._line(seen, 0, label, (), REFERENCE))

    def overlay(
        self, seen: Seen, label: str, look: Look, band: Literal["95", "50"]
    ) -> tuple[Line, ...]:
        """One of several things in a panel: median and one band; the reference thin and dotted."""
        last = min(1, len(self.scenarios) - 1)
        lines = [self._line(seen, last, label, (band,), look)]
        if last:
            thin = Look(look.colour, (0, (1, 2)), look.marker)
            lines.append(self._line(seen, 0, label, (), thin, 0.9))
        return tuple(lines)

    def _line(
        self,
        seen: Seen,
        scenario: int,
        label: str,
        bands: Sequence[str],
        look: Look,
        width: float = 1.6,
    ) -> Line:
        def row(name: str) -> Float:
            return np.asarray(seen.values[_ROWS.index(name), scenario])

        return Line(
            series=label,
            scenario=self.scenarios[scenario],
            years=self.years,
            median=row("median"),
            bands={band: (row(f"low{band}"), row(f"high{band}")) for band in bands},
            look=look,
            width=width,
        )

    def words(self, indicator: str, product: str) -> str:
        """The name of an indicator of a product."""
        return indicator_in_words(self.indicators[indicator].name, product, self.catalogue)

    def tags(self, product: str, dots: int, earlier: int = 0) -> tuple[str, ...]:
        """What a panel must say of its product and of its figures."""
        mode = self.mode(product)
        found = {"scenario-only": [SCENARIO_ONLY], "calibrated": []}.get(mode, [PARTLY])
        if self.drawn == "posterior" and mode == "calibrated" and product in self._products:
            found = [] if product in self._fitted else [WAITING]
        if not dots:
            before = ONLY_EARLIER.format(year=f"{self.years[0]:.0f}")
            found = [*found, before if earlier else NO_FIGURE]
        return tuple(found)

    def of_series(self, series: str, title: str, subtitle: str) -> Panel:
        """A fan of one survey series with its figures."""
        seen = self.survey(series)
        dots, earlier = self.dots(series)
        product = self.series[series].product
        return Panel(
            title=title,
            subtitle=subtitle,
            unit=seen.unit,
            mode=self.mode(product),
            lines=self.fan(seen),
            dots=tuple(dots),
            tags=self.tags(product, len(dots), earlier),
            earlier=earlier,
        )

    def of_marginal(self, indicator: str, product: str, title: str, subtitle: str) -> Panel:
        """A fan of an indicator at all ages, which no figure has."""
        seen = self.marginal(indicator, product)
        return Panel(
            title=title,
            subtitle=subtitle,
            unit=seen.unit,
            mode=self.mode(product),
            lines=self.fan(seen),
            tags=self.tags(product, 0),
        )

    def legend(
        self,
        *extra: Key,
        fan: bool = True,
        figures: bool = True,
        modes: Collection[str] = ("scenario-only",),
        panels: Sequence[Panel] = (),
    ) -> tuple[Key, ...]:
        """Entries of a page's legend; ``modes`` are those of its products.

        ``panels``: where given, only the kinds of figures that they show; they may hold figures
        that were put into the model.
        """
        keys: list[Key] = []
        if fan:
            first = min(1, len(self.scenarios) - 1)
            keys.append(Key(f"{self.titles[first]}: median, 50, 80 and 95% of draws", "fan"))
            for s in range(2, len(self.scenarios)):
                keys.append(Key(self.titles[s], "line", SEVERAL[1 + (s - 2) % 5]))
            if first:
                keys.append(Key(f"{self.titles[0]} (reference), median", "line", REFERENCE))
        keys += extra
        if figures:
            kinds = {"fitted": FITTED[self.drawn], "checked": CHECKED}
            if panels:
                seen = {dot.kind for panel in panels for dot in panel.dots}
                kinds = {k: w for k, w in (*kinds.items(), ("put-in", PUT_IN_KEY)) if k in seen}
            keys += [Key(words, kind) for kind, words in kinds.items()]
        if "scenario-only" in modes:
            keys.append(Key(SCENARIO_ONLY_KEY, "scenario-only"))
        return tuple(keys)


def _series(dataset: xr.Dataset) -> dict[str, Series]:
    def age(value: float) -> int | None:
        return None if np.isnan(value) else int(value)

    columns = (
        "series",
        "series_product",
        "series_indicator",
        "series_unit",
        "series_sex",
        "series_region",
        "series_age_min",
        "series_age_max",
    )
    rows = zip(*(dataset[name].values for name in columns), strict=True)
    return {
        str(name): Series(
            str(product),
            str(indicator),
            Group(str(sex), age(low), age(high), str(region)),
            str(unit),
        )
        for name, product, indicator, unit, sex, region, low, high in rows
    }
