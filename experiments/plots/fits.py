"""Plots of a calibration: figures against what was predicted of them, priors and posteriors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import from_scale
from calibration.figures import Figure
from calibration.fit import ASSUMED_BELOW
from calibration.series import in_unit_of, names_of, series_of
from experiments.figures.comparison_table import Scale
from experiments.plots.coverage import Share, save_coverage
from experiments.plots.rows import LEAST_ROWS, Bar, Row, RowPage, save_rows
from experiments.plots.words import SEX, ages_in_words, indicator_in_words
from model.catalogue import Catalogue

SCORE = (0.6744897501960817, 1.959963984540054)
"""Ends of the 50 and 95% intervals of a standard normal score."""
LEAST_LIMIT, MOST_LIMIT = 0.7, 3.0
RATIO_NOTE = (
    "Numbers stand as multiples of the predicted median; for shares the multiple is one of the "
    "odds, which for a small share is nearly that of the share. Bars and dots beyond the page end "
    "in an arrow."
)
BANDS = "Bars: the dark part holds 50%, the whole 95%; the tick is the median."
ASSUMED = f"Assumed: contraction below {ASSUMED_BELOW:g}"
LEARNT = "Learnt from the figures"
OTHERS = "Other products"


@dataclass(frozen=True)
class Predicted:
    """One figure and what was predicted of it; all numbers on its ``scale`` (logit or log).

    ``points``: median, then the ends of 50, 80 and 95% intervals. ``observed`` is NaN for a bound
    or a range, whose ends are ``lower`` and ``upper``. ``naive``: mean and sd of the last-value
    forecast.
    """

    figure: Figure
    scale: str
    family: str
    observed: float
    lower: float
    upper: float
    points: tuple[float, ...]
    testable: bool = True
    naive: tuple[float, float] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """What was observed, from its lower to its upper end, in the unit of the figure."""
        if math.isnan(self.observed):
            return self.lower, self.upper
        return self.observed, self.observed

    @property
    def inside(self) -> tuple[bool, bool, bool]:
        """Within the 50, 80 and 95% intervals; a bound or a range overlaps them."""
        low, high = self.ends
        fifty, eighty, ninety = (
            bool(high >= self.points[i] and low <= self.points[i + 1]) for i in (1, 3, 5)
        )
        return fifty, eighty, ninety


@dataclass(frozen=True)
class Learnt:
    """One fitted quantity. ``points``: median and the ends of 50 and 95% of its posterior score,
    whose prior is standard normal. ``prior`` and ``posterior`` in words, in the quantity's unit.
    """

    key: str
    block: str
    contraction: float
    points: tuple[float, float, float, float, float]
    prior: str = ""
    posterior: str = ""


def save_calibration(
    predicted: Sequence[Predicted],
    learnt: Sequence[Learnt],
    ahead: Sequence[Predicted],
    catalogue: Catalogue,
    folder: Path,
) -> list[Path]:
    """Draw leave-one-out intervals, priors and posteriors, and forecasts (``ahead``) into a folder.

    What is empty is not drawn. Returns the paths written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if predicted:
        written += save_coverage(shares(predicted, catalogue), folder)
    pages = [*figure_pages(predicted, catalogue), *parameter_pages(learnt, catalogue)]
    pages += forecast_pages(ahead, catalogue)
    for page in pages:
        written += save_rows(page, folder)
    return written


def shares(predicted: Sequence[Predicted], catalogue: Catalogue) -> list[Share]:
    """What the small multiples show: for each product its figures in order of years."""
    found = []
    for product, name in names_of(catalogue).items():
        rows = [row for row in predicted if row.figure.product == product]
        if rows:
            rows.sort(key=lambda row: (row.figure.year or 0, row.figure.id))
            found.append(Share(name, [_centred(row) for row in rows]))
    return found


def _centred(row: Predicted) -> tuple[str, bool, tuple[float, ...], tuple[float, float]]:
    """Id, whether testable, points and observed ends around the median."""
    middle = row.points[0]
    points = tuple(point - middle for point in row.points)
    low, high = row.ends
    return row.figure.id, row.testable, points, (low - middle, high - middle)


def figure_pages(predicted: Sequence[Predicted], catalogue: Catalogue) -> list[RowPage]:
    """Every figure with its leave-one-out interval: a page for each product with enough of them."""
    count = Counter(row.figure.product for row in predicted)
    names = names_of(catalogue)
    large = [product for product in names if count[product] >= LEAST_ROWS]
    chosen = [(product, names[product], [product]) for product in large]
    small = [product for product in names if 0 < count[product] < LEAST_ROWS]
    if small:
        chosen.append(("others", OTHERS, small))
    pages = []
    for key, title, products in chosen:
        rows = [row for row in predicted if row.figure.product in products]
        rows.sort(key=lambda row: (products.index(row.figure.product), *_order(row.figure)))
        several = len(products) > 1
        inside = [row for row in rows if row.testable]
        pages.append(
            RowPage(
                name=f"coverage-{key}",
                title=f"{title}: each figure, predicted from all others",
                subtitle=f"Leave-one-out. {_counted(inside)}; {len(rows) - len(inside)} not "
                "testable: alone in a series with a free offset, or printed as a bound or range.",
                axis="times the predicted median",
                rows=tuple(_figure_row(row, catalogue, by_product=several) for row in rows),
                legend=(("model", "predicted without the figure: 50 and 95%"),),
                columns=("observed", "predicted (95%)"),
                dots="observed",
                faint="not testable",
                limit=_limit(inside or rows),
                notes=(f"{BANDS} {RATIO_NOTE}", _sources(rows)),
            )
        )
    return pages


def _order(figure: Figure) -> tuple[object, ...]:
    return figure.indicator, figure.region, figure.sex, figure.age_min or 0, figure.year or 0


def _what(figure: Figure, catalogue: Catalogue) -> str:
    """The indicator in words, with its unit unless it is a share."""
    indicators = {row.id: row.name for row in catalogue.indicators}
    name = indicators.get(figure.indicator, figure.indicator.replace("_", " "))
    what = indicator_in_words(name, figure.product, catalogue)
    series = series_of(figure, catalogue)
    unit = "proportion" if series is None else series.unit
    return what if unit == "proportion" else f"{what}, {unit}"


def _counted(rows: Sequence[Predicted]) -> str:
    if not rows:
        return "No figure can be tested"
    inside = np.sum([row.inside for row in rows], axis=0)
    parts = zip((50, 80, 95), inside, strict=True)
    told = ", ".join(f"{n} ({n / len(rows):.0%}) inside {level}%" for level, n in parts)
    return f"Of {len(rows)} figures {told}"


def _who(figure: Figure, catalogue: Catalogue) -> str:
    """Who was asked, when and by whom."""
    series = series_of(figure, catalogue)
    ages = "" if series is None else ages_in_words(series.group)
    where = "" if figure.region == "Belgium" else figure.region
    pupils = "pupils" if figure.population_kind == "pupils" else ""
    year = "no year" if figure.year is None else str(figure.year)
    if figure.year_end:
        year += f"–{figure.year_end}"
    parts = (pupils, "" if ages == "all ages" else ages, SEX[figure.sex], where, year)
    return f"{', '.join(part for part in parts if part)} · {figure.source.partition('--')[0]}"


def _figure_row(
    row: Predicted, catalogue: Catalogue, *, by_product: bool = False, naive: bool = False
) -> Row:
    """``by_product``: it stands under its product and not under its indicator."""
    what, who = _what(row.figure, catalogue), _who(row.figure, catalogue)
    middle = row.points[0]
    bars = [_bar(row)]
    if naive and row.naive is not None:
        mean, sd = row.naive
        fifty, ninety = (sd * score for score in SCORE)
        at = mean - middle
        bars.append(Bar("other", at, at - fifty, at + fifty, at - ninety, at + ninety))
    is_range = math.isnan(row.observed)
    low, high = row.ends
    return Row(
        key=row.figure.id,
        label=f"{what}, {who}" if by_product else who,
        group=names_of(catalogue)[row.figure.product] if by_product else what,
        bars=tuple(bars),
        observed=None if is_range else row.observed - middle,
        ends=(low - middle, high - middle) if is_range else None,
        outside=row.testable and not row.inside[2],
        faint=not row.testable,
        texts=_in_units(row, catalogue),
        note="" if row.testable else "not testable",
    )


def _bar(row: Predicted) -> Bar:
    at = [row.points[i] - row.points[0] for i in (0, 1, 2, 5, 6)]
    return Bar("model", at[0], at[1], at[2], at[3], at[4])


def _in_units(row: Predicted, catalogue: Catalogue) -> tuple[str, str]:
    """What was observed, and median and 95% of what was predicted, in the unit of the series."""
    series = series_of(row.figure, catalogue)
    if series is None:
        return "", ""
    scale = Scale.of(series.unit)
    points = [float(from_scale(row.points[i], row.scale)) for i in (0, 5, 6)]
    value, low, high = in_unit_of(row.figure, series)
    if value is None:
        words = {"≥ " if high is None else "": low, "≤ " if low is None else "–": high}
        observed = "".join(f"{w}{_told(x, scale)}" for w, x in words.items() if x is not None)
    else:
        observed = _told(value, scale)
    middle, first, last = (in_two_digits(point * scale.factor) for point in points)
    return observed, f"{middle}{scale.end} ({first}–{last})"


def _told(number: float, scale: Scale) -> str:
    """What was observed: three digits, millions as M."""
    at = number * scale.factor
    return f"{at / 1e6:.3g}M" if abs(at) >= 1e6 else scale.told(number)


def in_two_digits(number: float, unit: str = "") -> str:
    """Two digits, or all of those before the point; thousands as k; a year without marks."""
    if math.isnan(number):
        return "–"
    if unit == "calendar year":
        return f"{number:.0f}"
    for limit, letter in ((1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            return f"{in_two_digits(number / (limit if letter == 'M' else 1e3))}{letter}"
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.2g}".replace("-", "−")


def _limit(rows: Iterable[Predicted]) -> float:
    """Half the width of the axis: nearly all bars and dots fit."""
    sizes = []
    for row in rows:
        ends = [abs(end - row.points[0]) for end in (*row.points[5:7], *row.ends)]
        sizes.append(max(end for end in ends if math.isfinite(end)))
    return float(np.clip(1.06 * np.quantile(sizes, 0.96), LEAST_LIMIT, MOST_LIMIT))


def _sources(rows: Iterable[Predicted]) -> str:
    ids = sorted({row.figure.source.partition("--")[0] for row in rows})
    return (
        "Source of the dots: the figures of calibration/figures.csv, from "
        f"{', '.join(ids)} (`drugfutures show sources`). Bars: the model."
    )


def parameter_pages(learnt: Sequence[Learnt], catalogue: Catalogue) -> list[RowPage]:
    """Prior against posterior by block, what was learnt most first."""
    pages = []
    for block in dict.fromkeys(one.block for one in learnt):
        own = [one for one in learnt if one.block == block]
        rows = sorted(own, key=lambda one: -one.contraction)
        kept = sum(one.contraction >= ASSUMED_BELOW for one in rows)
        words = names_of(catalogue).get(block, block.capitalize())
        pages.append(
            RowPage(
                name=f"parameters-{block}",
                title=f"{words}: prior and posterior of each quantity",
                subtitle=f"{kept} of {len(rows)} learnt; the others (contraction below "
                f"{ASSUMED_BELOW:g}) are labelled assumed. Contraction: 1 − posterior variance / "
                "prior variance.",
                axis="standard deviations of the prior from its median",
                rows=tuple(_parameter_row(one, catalogue) for one in rows),
                legend=(("prior", "prior"), ("model", "posterior: median, 50 and 95%")),
                columns=("contraction", "prior (95%)", "posterior (95%)"),
                ratio=False,
                notes=(
                    f"{BANDS} The axis is the prior's own (logarithmic for rates and ratios). "
                    "Source: the table of parameters; the figures fitted are in figures.csv. "
                    "Quantities that move no figure keep their prior and are not drawn.",
                ),
            )
        )
    return pages


def _parameter_row(one: Learnt, catalogue: Catalogue) -> Row:
    assumed = one.contraction < ASSUMED_BELOW
    median, low50, high50, low95, high95 = one.points
    fifty, ninety = SCORE
    return Row(
        key=one.key,
        label=parameter_in_words(one.key, one.block, catalogue),
        group=f"Assumed: contraction below {ASSUMED_BELOW:g}"
        if assumed
        else "Learnt from the figures",
        bars=(
            Bar("prior", 0.0, -fifty, fifty, -ninety, ninety),
            Bar("model", median, low50, high50, low95, high95),
        ),
        faint=assumed,
        texts=(f"{one.contraction:.2f}", one.prior, one.posterior),
        note="assumed" if assumed else "",
    )


def parameter_in_words(key: str, block: str, catalogue: Catalogue) -> str:
    """The key of a quantity without marks: "Ever start, women, 15–24, Flanders".

    Its owner comes first unless the block has its name.
    """
    owner, _, rest = key.partition("/")
    name, _, selectors = rest.partition("[")
    sex, low, high, *others = [*selectors.rstrip("]").split(","), "", "", "", ""][:5]
    if name == "innovation":
        told = f"shock of the trend towards {sex}"
    else:
        ages = f"{low or 0}–{high}" if high else f"{low}+" if low else ""
        who = (SEX.get(sex, sex), ages, *(part.replace("_", " ") for part in others))
        told = ", ".join((name.replace("_", " "), *(part for part in who if part)))
    if owner == block:
        return told[:1].upper() + told[1:]
    return f"{names_of(catalogue).get(owner, owner.capitalize())}: {told}"


def forecast_pages(ahead: Sequence[Predicted], catalogue: Catalogue) -> list[RowPage]:
    """Figures after the cut against their forecasts, a page for each family of sources."""
    pages = []
    names: Mapping[str, str] = names_of(catalogue)
    order = list(names)
    for family in dict.fromkeys(row.family for row in ahead):
        rows = [row for row in ahead if row.family == family]
        rows.sort(key=lambda row: (order.index(row.figure.product), *_order(row.figure)))
        pages.append(
            RowPage(
                name=f"forecasts-{family.replace(' ', '-')}",
                title=f"{family.capitalize()}: forecasts of figures that the fit did not know",
                subtitle=f"{_counted(rows)}.",
                axis="times the forecast's median",
                rows=tuple(
                    _figure_row(row, catalogue, by_product=True, naive=True) for row in rows
                ),
                legend=(
                    ("model", "the model's forecast: 50 and 95%"),
                    ("other", "last value of the same series, 50 and 95%"),
                ),
                columns=("observed", "forecast (95%)"),
                dots="observed",
                limit=_limit(rows),
                notes=(
                    f"{BANDS} {RATIO_NOTE} A row with one bar has no earlier value.",
                    _sources(rows),
                ),
            )
        )
    return pages
