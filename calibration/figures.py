"""The observed Belgian figures: one typed row each, checked before anything is fitted to them.

A figure is one printed number (or bound, or direction) about Belgium. Its ``role`` says what it may
do: enter a likelihood (``fitted``), be set against results only (``checked``) or stand beside them
(``context``). The rules that gave each row its role are in docs/decisions/002-roles-of-figures.md,
docs/decisions/009-figures-of-markets-harms-and-money.md and
docs/decisions/011-error-model-of-figures.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from model.errors import InputError
from model.reading import TableRow, read_rows

FIGURES = Path(__file__).with_name("figures.csv")

PopulationKind = Literal[
    "general",
    "pupils",
    "students",
    "nightlife",
    "self_selected",
    "register",
    "sewershed",
    "drivers",
    "market",
    "seizures",
    "money",
    "standardised",
    "other",
]
Role = Literal["fitted", "checked", "context"]

ASKED = frozenset(
    {
        "binge_drinking_monthly",
        "current_use",
        "daily_share_of_current",
        "daily_share_of_last_month",
        "daily_use",
        "disorder_prevalence",
        "former_use",
        "hazardous_drinking",
        "last_month_prevalence",
        "last_year_prevalence",
        "lifetime_prevalence",
        "mean_age_first_use",
        "medical_use_last_year",
        "never_use",
        "occasional_use",
        "problematic_prevalence",
        "risky_use",
        "substitution_clients",
        "treatment_episodes",
        "treatment_share",
    }
)
"""Indicators that are asked of people, pupils included."""

OBSERVED: Mapping[str, frozenset[str]] = {
    "general": ASKED | {"cigarettes_per_day"},
    "pupils": ASKED,
    "register": frozenset(
        {
            "coded_deaths",
            "drug_law_offences",
            "explosive_attacks",
            "hiv_infections",
            "medical_use_last_year",
            "needles_recovered",
            "overdose_deaths",
            "overdose_deaths_rate",
            "substitution_clients",
            "treatment_episodes",
            "treatment_share",
            "use_offences",
            "use_related_share",
        }
    ),
    "drivers": frozenset({"drivers_over_limit", "dui_30d"}),
    "sewershed": frozenset({"wastewater_load"}),
    "market": frozenset(
        {
            "alcohol_per_capita",
            "alcohol_recorded_per_capita",
            "dump_sites",
            "plantations_found",
            "plantations_found_all",
            "production_sites_found",
            "purity",
            "retail_price",
            "storage_sites",
        }
    ),
    "seizures": frozenset({"quantity_seized"}),
    "money": frozenset(
        {
            "expenditure_enforcement",
            "expenditure_harm_reduction",
            "expenditure_prevention",
            "expenditure_share_enforcement",
            "expenditure_share_harm_reduction",
            "expenditure_share_prevention",
            "expenditure_share_treatment",
            "expenditure_treatment",
            "gross_gaming_revenue",
            "public_expenditure",
            "social_cost",
            "social_cost_share",
        }
    ),
    "other": frozenset(
        {
            "attributable_deaths",
            "coded_deaths_rate",
            "daly",
            "daly_rate",
            "injecting_prevalence",
            "people_injecting",
            "yld",
            "yll",
            "yll_per_death",
            "yll_rate",
        }
    ),
}
"""Indicators that the model has an observation function for, by kind of population."""

OBSERVED_REGIONS = frozenset({"Belgium", "Flanders", "Wallonia", "Brussels", "French Community"})
"""Places that are sums or mixtures of the model's regions."""

SITES: Mapping[str, str] = {
    "Antwerp Deurne": "Flanders",
    "Antwerp Zuid": "Flanders",
    "Boom": "Flanders",
    "Brugge": "Flanders",
    "Brussels": "Brussels",
    "Geraardsbergen": "Flanders",
    "Koksijde": "Flanders",
    "Merchtem": "Flanders",
    "Ninove": "Flanders",
    "Oostende": "Flanders",
    "Ruisbroek (Puurs)": "Flanders",
}
"""Region of each sewershed. A site is compared with its region, on a scale of its own."""
LARGE_SITES = frozenset({"Antwerp Deurne", "Antwerp Zuid", "Brugge", "Brussels", "Oostende"})
"""Sites that serve at least 100,000 people."""

PUT_IN = ("forcing", "anchor")
"""How ``why`` begins where the figure is put into the model: as a history, or to be met."""
GIVEN = (*PUT_IN, "centred")
"""As PUT_IN, and where the note of a prior says that its centre was set with the figure in view.
None of them can test the model before it is fitted; a centred figure may still be fitted, since
the prior is wide."""

UNITS = frozenset(
    {
        "EUR",
        "EUR_per_50g",
        "EUR_per_capita",
        "EUR_per_gram",
        "EUR_per_pack",
        "EUR_per_tablet",
        "cigarettes_per_day",
        "count",
        "glasses_per_week",
        "kg",
        "kg_per_kg",
        "litres_per_person",
        "mg_per_1000_per_day",
        "none",
        "per_100k",
        "per_million",
        "proportion",
        "ratio",
        "relative_change",
        "tonnes",
        "years",
    }
)
"""Units that a figure may have; ``none`` is for rows that have a direction but no number."""


class Figure(TableRow):
    """One observed figure.

    ``value`` is the printed number in ``unit`` (a proportion is 0-1); ``low`` and ``high`` are its
    interval, or, where ``value`` is empty, the bounds that were printed instead (one may be empty).
    ``age_min`` and ``age_max`` are inclusive; ``year`` is the end year of a school year.
    ``repeats`` names the rows, separated by spaces, whose observation this row repeats or sums up.
    """

    id: str
    product: str
    indicator: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    population: str
    population_kind: PopulationKind
    sex: Literal["all", "male", "female"]
    age_min: Annotated[int | None, Field(ge=0, le=120)]
    age_max: Annotated[int | None, Field(ge=0, le=120)]
    region: str
    year: Annotated[int | None, Field(ge=1990, le=2030)]
    year_end: Annotated[int | None, Field(ge=1990, le=2030)]
    value: float | None
    low: float | None
    high: float | None
    unit: str
    direction: str | None
    source: str
    quality: Literal["read-in-source", "unverified", "derived"]
    role: Role
    repeats: str | None
    why: str | None

    @property
    def repeated_ids(self) -> tuple[str, ...]:
        """The ids in ``repeats``, in the order given."""
        return tuple((self.repeats or "").split())

    @property
    def given(self) -> str | None:
        """``forcing``, ``anchor`` or ``centred`` where the model knows the figure, else None."""
        start = (self.why or "").partition(":")[0]
        return start if start in GIVEN else None

    @property
    def survey(self) -> str:
        """The survey or register behind the figure: its source without the document read.

        ``his-2018--unodc`` and ``his-2018--press-2019`` are two documents on one survey, so their
        rows share one sample and its errors.
        """
        return self.source.split("--", maxsplit=1)[0]


def load_figures(
    path: Path | None = None,
    *,
    products: Collection[str],
    sources: Collection[str],
    elsewhere: Collection[str] = (),
) -> list[Figure]:
    """The rows of the figures table at ``path`` (default: the table shipped), in file order.

    ``products`` are the ids of products and unions that a row may name, ``sources`` the ids of the
    table of sources; ``repeats`` may also name rows of another table, ``elsewhere``. Raises
    InputError with file, line, key, value and what is allowed for the first row that breaks a rule.
    """
    figures = read_rows(FIGURES if path is None else path, Figure)
    first_line: dict[str, int] = {}
    for figure in figures:
        if figure.id in first_line:
            raise _refuse(
                figure,
                "the id is used twice",
                "id",
                figure.id,
                f"an id not used before (line {first_line[figure.id]} has it)",
            )
        first_line[figure.id] = figure.line
    for figure in figures:
        _check_names(figure, products, sources)
        for check in _ROW_CHECKS:
            check(figure)
        _check_repeats(figure, {*first_line, *elsewhere})
    return figures


def comparable(figure: Figure) -> bool:
    """Whether the model can print the same number: what is measured, of whom and where.

    True for a number or a bound (no mere direction) of a place that the model covers, for an
    indicator that has an observation function for this kind of population.
    """
    numbers = (figure.value, figure.low, figure.high)
    places = SITES if figure.population_kind == "sewershed" else OBSERVED_REGIONS
    return (
        any(number is not None for number in numbers)
        and figure.region in places
        and figure.indicator in OBSERVED.get(figure.population_kind, ())
    )


def given_to_model(figure: Figure, figures: Mapping[str, Figure]) -> str | None:
    """As ``Figure.given``, also for a row that follows from such rows alone.

    ``figures``: every row by id.
    """
    if figure.given is not None:
        return figure.given
    behind = [figures[repeated].given for repeated in figure.repeated_ids]
    return behind[0] if behind and None not in behind else None


def _refuse(
    figure: Figure, message: str, key: str, given: object, allowed: str | Collection[str]
) -> InputError:
    return InputError(
        message,
        file=figure.file,
        line=figure.line,
        key=key,
        given="(empty)" if given is None else given,
        allowed=allowed if isinstance(allowed, str) else sorted(allowed),
    )


def _check_names(figure: Figure, products: Collection[str], sources: Collection[str]) -> None:
    if figure.product not in products:
        raise _refuse(figure, "unknown product", "product", figure.product, products)
    if figure.source not in sources:
        raise _refuse(figure, "unknown source", "source", figure.source, sources)
    if figure.unit not in UNITS:
        raise _refuse(figure, "unknown unit", "unit", figure.unit, UNITS)


def _check_numbers(figure: Figure) -> None:
    numbers = {"value": figure.value, "low": figure.low, "high": figure.high}
    if figure.unit == "proportion":
        for key, number in numbers.items():
            if number is not None and not 0 <= number <= 1:
                raise _refuse(figure, "a proportion lies outside 0-1", key, number, "0 to 1")
    low, high, value = figure.low, figure.high, figure.value
    if low is not None and high is not None and low > high:
        raise _refuse(figure, "low is above high", "low", low, f"at most {high}")
    if value is not None and low is not None and value < low:
        raise _refuse(figure, "the value is below low", "value", value, f"at least {low}")
    if value is not None and high is not None and value > high:
        raise _refuse(figure, "the value is above high", "value", value, f"at most {high}")


def _check_spans(figure: Figure) -> None:
    if (
        figure.age_min is not None
        and figure.age_max is not None
        and figure.age_min > figure.age_max
    ):
        allowed = f"at most {figure.age_max}"
        raise _refuse(figure, "age_min is above age_max", "age_min", figure.age_min, allowed)
    if figure.year_end is not None and (figure.year is None or figure.year_end <= figure.year):
        allowed = "empty, or a year after `year`"
        raise _refuse(figure, "year_end ends no span", "year_end", figure.year_end, allowed)


def _check_role(figure: Figure) -> None:
    if figure.given in PUT_IN and figure.role != "context":
        allowed = "context for a figure that is put into the model"
        raise _refuse(figure, "what is put in tests nothing", "role", figure.role, allowed)
    if figure.role != "fitted":
        if figure.why is None:
            raise _refuse(
                figure, "a row that is not fitted says why", "why", None, "a short reason"
            )
        return
    if figure.value is None and figure.low is None and figure.high is None:
        raise _refuse(figure, "a fitted row needs a number", "value", None, "value, low or high")
    if figure.year is None:
        raise _refuse(figure, "a fitted row needs a year", "year", None, "a year")
    if figure.quality != "read-in-source":
        raise _refuse(
            figure,
            "only figures read in a source are fitted",
            "quality",
            figure.quality,
            "read-in-source, or another role",
        )
    if figure.repeats is not None:
        raise _refuse(
            figure,
            "a fitted row repeats no other row",
            "repeats",
            figure.repeats,
            "empty, or the role checked",
        )


def _check_repeats(figure: Figure, known: Collection[str]) -> None:
    for repeated in figure.repeated_ids:
        if repeated == figure.id:
            raise _refuse(figure, "the row repeats itself", "repeats", repeated, "another row's id")
        if repeated not in known:
            raise _refuse(
                figure, "repeats names no row", "repeats", repeated, "an id of this table"
            )


_ROW_CHECKS: tuple[Callable[[Figure], None], ...] = (_check_numbers, _check_spans, _check_role)
