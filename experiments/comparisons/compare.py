"""Scenarios against a baseline, draw by draw: the numbers of ``drugfutures compare``.

Scenarios share their draws, so a difference is taken within each draw and summed up after. Draws
in which either has no value are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from experiments.runs.scenario_costs import Cost
from experiments.runs.scenario_results import open_dataset
from experiments.runs.seeds import chance, pooled, seeds_of
from model.errors import InputError
from scenarios.checked import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

Float = npt.NDArray[np.float64]
By = Literal["none", "region", "deprivation", "age"]
Format = Literal["table", "csv", "json"]

WHOLE = "Belgium"
DIMS = ("scenario", "draw", "time", "product", "group")
GROUPS: dict[By, tuple[str, ...]] = {
    "none": (WHOLE,),
    "region": ("Flanders", "Wallonia", "Brussels"),
    "deprivation": ("most_deprived", "others"),
    "age": ("10-17", "18-24"),
}
KEY: tuple[tuple[str, str], ...] = (
    ("last_year_prevalence", "any_illegal"),
    ("problematic_prevalence", "all"),
    ("treatment_episodes", "all"),
    ("attributable_deaths", "all"),
    ("violence_index", "any_illegal"),
    ("public_expenditure", "all"),
)
"""Indicator and union of each column when nothing else is asked for."""
INTERVAL = (0.05, 0.95)
SAME = 1e-6
"""A difference below this share of the baseline is none: the file holds seven digits."""
CLEAR = 0.80
"""Share of draws with one sign from which a direction is told."""
CERTAINTY: tuple[tuple[float, str, str], ...] = (
    (0.95, "almost all draws agree", "●"),
    (CLEAR, "most draws agree", "○"),
    (0.0, "draws disagree", "?"),
)
"""Smallest share of draws with the sign of the median, what is said of it, and its mark."""
EQUAL = "no difference"
NOT_VISIBLE = "no visible difference"
NEGLIGIBLE = 0.05
"""Percent of the baseline within which the median and its interval show nothing."""
ADDED = ("count", "amount", "money")
"""Kinds of indicators that are summed over years; all others are averaged."""
A_YEAR = " per year"
NOTHING = "no value"


@dataclass(frozen=True)
class Asked:
    """What the command was asked for; ``year`` None is the last of the file.

    ``first``: the year from which years are taken together; None: one year alone. ``scenarios``:
    only these.
    """

    results: Path
    baseline: str | None = None
    indicators: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    year: int | None = None
    by: By = "none"
    format: Format = "table"
    out: Path | None = None
    first: int | None = None
    scenarios: tuple[str, ...] = ()

    @property
    def short(self) -> bool:
        """Whether one line a scenario is enough."""
        return not (self.indicators or self.products)


@dataclass(frozen=True)
class Span:
    """Years that are taken together, from the first to the last; one where both are the same."""

    first: int
    last: int

    @property
    def one(self) -> bool:
        """Whether it is one year."""
        return self.first == self.last

    def how(self, kind: str) -> str:
        """Sum or mean, by the kind of an indicator; "" of one year."""
        return "" if self.one else "sum" if kind in ADDED else "mean"

    def told(self, kinds: Iterable[str]) -> str:
        """For a heading: "2030", "2024-2030, sum", or both words where kinds differ."""
        if self.one:
            return f"{self.last}"
        how = sorted({self.how(kind) for kind in kinds}, reverse=True)
        return f"{self.first}-{self.last}, {' or '.join(how)}"


@dataclass(frozen=True)
class Paired:
    """A scenario against the baseline: medians over the draws in which both have a value.

    ``low`` and ``high``: the 90% interval of the difference; ``percent...``: the same in percent
    of the baseline of each draw, NaN where that is 0. ``up`` and ``down``: shares of draws above
    and below the baseline. ``missing``: draws left out; ``without_percent``: those left out of the
    percentages alone. ``chance``: standard deviation of the difference over the seeds of a draw,
    where agents were run.
    """

    baseline: float
    value: float
    difference: float
    low: float
    high: float
    percent: float
    percent_low: float
    percent_high: float
    up: float
    down: float
    draws: int
    missing: int
    without_percent: int
    chance: float = np.nan

    @property
    def equal(self) -> bool:
        """Whether no draw differs."""
        return self.draws > 0 and self.up == 0.0 and self.down == 0.0

    @property
    def negligible(self) -> bool:
        """Whether the median and both ends are too near to the baseline to be seen."""
        ends = (self.percent, self.percent_low, self.percent_high)
        there = self.draws > 0 and not self.equal and not self.without_percent
        return there and all(abs(end) <= NEGLIGIBLE for end in ends)

    @property
    def agree(self) -> float:
        """Share of draws with the sign of the median difference."""
        if not self.draws:
            return np.nan
        if self.difference == 0.0:
            return 1.0 - self.up - self.down
        return self.up if self.difference > 0 else self.down

    @property
    def certainty(self) -> str:
        """How far the draws agree, in words."""
        if not self.draws:
            return NOTHING
        if self.equal:
            return EQUAL
        if self.negligible:
            return NOT_VISIBLE
        return next(words for least, words, _ in CERTAINTY if self.agree >= least)

    @property
    def mark(self) -> str:
        """The mark of the words; none where nothing differs or can be seen to."""
        if self.equal or self.negligible or not self.draws:
            return ""
        return next(mark for least, _, mark in CERTAINTY if self.agree >= least)


@dataclass(frozen=True)
class Compared:
    """One line: who and what is compared, the paired numbers, and the cost where known.

    ``over``: "sum" or "mean" where years from ``first`` on are taken together, else "".
    ``per_unit``: (value, low, high) in EUR of the price year of the cost, per unit of difference.
    """

    scenario: str
    indicator: str
    product: str
    group: str
    year: int
    unit: str
    mode: str
    paired: Paired
    cost: Cost | None = None
    first: int | None = None
    over: str = ""

    @property
    def per_unit(self) -> tuple[float, float, float] | None:
        """Cost per unit of the size of the difference of one year.

        None where the ends differ in sign, or nothing can be seen.
        """
        cost, found = self.cost, self.paired
        if (
            cost is None
            or self.over
            or found.negligible
            or not cost.whole
            or found.low * found.high <= 0.0
        ):
            return None
        value, low, high = cost.value or 0.0, cost.low, cost.high
        small, large = sorted((abs(found.low), abs(found.high)))
        middle = abs(found.difference)
        ends = (value if low is None else low, value if high is None else high)
        return value / middle, ends[0] / large, ends[1] / small


class Scenarios:
    """A file of scenarios with its labels; numbers are read where they are asked for."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self.dataset = dataset = pooled(dataset)
        self.ids = _texts(dataset, "scenario")
        self.titles = dict(zip(self.ids, _texts(dataset, "scenario_title"), strict=True))
        self.products = _texts(dataset, "product")
        self.names = dict(zip(self.products, _texts(dataset, "product_name"), strict=True))
        self.kinds = dict(zip(self.products, _texts(dataset, "product_kind"), strict=True))
        self.modes = dict(zip(self.products, _texts(dataset, "mode"), strict=True))
        self.groups = _texts(dataset, "group")
        self.years = [int(year) for year in dataset["time"].values]
        self.indicators = [str(n) for n, one in dataset.data_vars.items() if one.dims == DIMS]
        self.draws = int(dataset.sizes["draw"])
        self.seeds = seeds_of(dataset.attrs)  # of agents, pooled with the draws
        told = str(dataset.attrs.get("draws", "prior"))
        self.drawn: Literal["prior", "posterior"] = "posterior" if told == "posterior" else "prior"

    @property
    def unions(self) -> list[str]:
        """Ids of the unions."""
        return [product for product in self.products if self.kinds[product] == "union"]

    def cost(self, scenario: str) -> Cost | None:
        """What the measures of a scenario cost; None in a file that does not say."""
        if "measures" not in self.dataset:
            return None
        at = self.dataset.sel(scenario=scenario)
        numbers = {
            name: None if np.isnan(float(at[name])) else float(at[name])
            for name in ("cost", "cost_low", "cost_high", "cost_price_year")
        }
        year = numbers["cost_price_year"]
        return Cost(
            measures=int(at["measures"]),
            missing=int(at["measures_without_cost"]),
            value=numbers["cost"],
            low=numbers["cost_low"],
            high=numbers["cost_high"],
            price_year=None if year is None else int(year),
        )

    def unit(self, indicator: str, over: str = "") -> str:
        """Unit of an indicator; of a sum over years no longer one per year."""
        unit = str(self.dataset[indicator].attrs["units"])
        return unit.removesuffix(A_YEAR) if over == "sum" else unit

    def kind(self, indicator: str) -> str:
        """Kind of an indicator: count, share, money and so on."""
        return str(self.dataset[indicator].attrs.get("kind", ""))

    def name(self, indicator: str) -> str:
        """Name of an indicator."""
        return str(self.dataset[indicator].attrs["long_name"])

    def series(self, indicator: str, product: str, group: str = WHOLE) -> Float:
        """Yearly values (scenarios, D, years), unit of the indicator.

        Raises InputError for what the file lacks.
        """
        known("indicator", indicator, self.indicators)
        known("product", product, self.products)
        known("group", group, self.groups)
        at = {"product": self.products.index(product), "group": self.groups.index(group)}
        return np.asarray(self.dataset[indicator].isel(at).values, float)

    def values(self, indicator: str, product: str, group: str, year: int) -> Float:
        """Values of one year (scenarios, D) in the unit of ``series``; may raise InputError."""
        self.check_year(year)
        return self.series(indicator, product, group)[:, :, self.years.index(year)]

    def over(self, indicator: str, product: str, group: str, span: Span) -> Float:
        """Sum or mean of each draw over years (scenarios, D), unit of ``series``.

        Raises InputError as ``series``.
        """
        first, last = (self.years.index(self.check_year(y)) for y in (span.first, span.last))
        values = self.series(indicator, product, group)[:, :, first : last + 1]
        if span.how(self.kind(indicator)) == "sum":
            return np.asarray(values.sum(axis=2), float)
        return np.asarray(values.mean(axis=2), float)

    def last(self, year: int | None) -> int:
        """The year, or the last one of the file. Raises InputError for another."""
        return self.check_year(self.years[-1] if year is None else year)

    def span(self, first: int | None, year: int | None) -> Span:
        """The years asked for; one alone without a first. Raises InputError for what is not there.

        ``year`` None is the last of the file.
        """
        last = self.last(year)
        if first is None:
            return Span(last, last)
        if first > last:
            allowed = f"a year up to {last}, the last one to compare in"
            raise InputError(
                "years the wrong way round", key="--from", given=first, allowed=allowed
            )
        return Span(self.check_year(first, "--from"), last)

    def check_year(self, year: int, key: str = "--year") -> int:
        """The year. Raises InputError unless the file holds it."""
        if year not in self.years:
            raise InputError(
                "a year that these results do not hold",
                key=key,
                given=year,
                allowed=f"{self.years[0]} to {self.years[-1]}",
            )
        return year

    def others(self, asked: Sequence[str], baseline: str) -> list[str]:
        """Scenarios to compare, in file order: those asked for, else all but the baseline.

        Raises InputError for an unknown one, and when only the baseline is asked for.
        """
        for one in asked:
            known("--scenario", one, self.ids)
        found = [one for one in self.ids if one != baseline and (not asked or one in asked)]
        if asked and not found:
            raise InputError(
                "a scenario cannot be compared with itself",
                key="--scenario",
                given=baseline,
                allowed="another one than the baseline",
            )
        return found

    def baseline(self, asked: str | None) -> str:
        """The id asked for, else the first scenario. Raises InputError for an unknown one."""
        return known("--baseline", self.ids[0] if asked is None else asked, self.ids)


def _texts(dataset: xr.Dataset, name: str) -> list[str]:
    return [str(text) for text in dataset[name].values]


def known(key: str, given: str, allowed: Sequence[str]) -> str:
    """What was given. Raises InputError, with the nearest, unless it is allowed."""
    if given not in allowed:
        what = key.removeprefix("--")
        raise InputError(f"unknown {what}", key=key, given=given, allowed=nearest(given, allowed))
    return given


@contextmanager
def open_scenarios(folder: Path) -> Iterator[Scenarios]:
    """The scenarios of a results folder (or the file itself). Raises InputError without any."""
    with open_dataset(folder) as dataset:
        yield Scenarios(dataset)


def paired(baseline: Float, value: Float, seeds: int = 0) -> Paired:
    """Draws of the baseline and of a scenario (D,), both in the order of draws, compared.

    ``seeds``: runs of agents that follow each other in a draw.
    """
    there = np.isfinite(baseline) & np.isfinite(value)
    old, new = baseline[there], value[there]
    draws, missing = int(there.sum()), int(there.size - there.sum())
    if not draws:
        return Paired(*(np.nan,) * 8, up=0.0, down=0.0, draws=0, missing=missing, without_percent=0)
    gap = new - old
    gap[np.abs(gap) <= SAME * np.abs(old)] = 0.0
    some = old != 0.0
    share = 100.0 * gap[some] / np.abs(old[some])
    return Paired(
        float(np.median(old)),
        float(np.median(new)),
        *_median_and_ends(gap),
        *_median_and_ends(share),
        up=float(np.mean(gap > 0)),
        down=float(np.mean(gap < 0)),
        draws=draws,
        missing=missing,
        without_percent=int((~some).sum()),
        chance=chance(value - baseline, seeds),
    )


def _median_and_ends(draws: Float) -> tuple[float, float, float]:
    if not draws.size:
        return np.nan, np.nan, np.nan
    low, middle, high = np.quantile(draws, (INTERVAL[0], 0.5, INTERVAL[1]))
    return float(middle), float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """All lines, and what of the question has no value: (indicator, product, group)."""

    baseline: str
    year: int
    rows: tuple[Compared, ...]
    without: tuple[tuple[str, str, str], ...]
    first: int | None = None

    @property
    def span(self) -> Span:
        """The years of all lines."""
        return Span(self.year if self.first is None else self.first, self.year)


def compare(scenarios: Scenarios, asked: Asked) -> Comparison:
    """The scenarios asked for but the baseline, by what is compared, then by scenario.

    Raises InputError for what the file does not hold, and when nothing asked for has a value.
    """
    baseline, span = scenarios.baseline(asked.baseline), scenarios.span(asked.first, asked.year)
    others = scenarios.others(asked.scenarios, baseline)
    known("--by", asked.by, get_args(By))
    for key, given, allowed in (
        ("--indicator", asked.indicators, scenarios.indicators),
        ("--product", asked.products, scenarios.products),
    ):
        for one in given:
            known(key, one, allowed)
    costs = {one: scenarios.cost(one) for one in scenarios.ids}
    reference = scenarios.ids.index(baseline)
    rows: list[Compared] = []
    without: list[tuple[str, str, str]] = []
    for indicator, product in _pairs(scenarios, asked, span.last):
        over = span.how(scenarios.kind(indicator))
        for group in GROUPS[asked.by]:
            values = scenarios.over(indicator, product, group, span)
            if np.isnan(values).all():
                without.append((indicator, product, group))
                continue
            about = (indicator, product, group, span.last, scenarios.unit(indicator, over))
            mode = scenarios.modes[product]
            for one in others:
                value = values[scenarios.ids.index(one)]
                against = paired(values[reference], value, scenarios.seeds)
                end = (costs.get(one), asked.first, over)
                rows.append(Compared(one, *about, mode, against, *end))
    if without and not rows:
        raise InputError(
            "nothing of this has a value in these results",
            given=", ".join(" / ".join(one) for one in without),
            allowed="indicators, products and groups that go together",
        )
    return Comparison(baseline, span.last, tuple(rows), tuple(without), asked.first)


def _pairs(scenarios: Scenarios, asked: Asked, year: int) -> list[tuple[str, str]]:
    """Indicators and products asked for; where only one is, the other goes with it."""
    there = [pair for pair in KEY if pair[0] in scenarios.indicators]
    if asked.short:
        return there
    if asked.indicators and asked.products:
        return [(one, product) for one in asked.indicators for product in asked.products]
    if asked.products:
        return [(one, product) for one, _ in there for product in asked.products]
    found: list[tuple[str, str]] = []
    for indicator in asked.indicators:
        valued = [
            product
            for product in scenarios.products
            if not np.isnan(scenarios.values(indicator, product, WHOLE, year)).all()
        ]
        unions = [product for product in valued if product in scenarios.unions]
        found += [(indicator, product) for product in unions or valued]
    return found
