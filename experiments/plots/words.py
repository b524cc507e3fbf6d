"""Words of the plots: ages and units of a series, what is assumed, where dots come from."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from calibration.figures import Figure
from calibration.series import Group, Series
from experiments.plots.page import Panel
from experiments.plots.units import counts_events, shown
from model.catalogue import Catalogue, ProductRow
from model.parameters import ParameterRow

ASSUMED = "assumed"
OF_PEOPLE = ("persons", "years", "offences", "per ", "litres", "cigarettes")
"""How the units begin that have ages."""
WHOLE = {
    "treatment_share": "illegal-drug episodes",
    "purity": "what is sold",
    "illicit_share": "units",
    "hcv_prevalence": "people who inject",
    "hcv_antibody_prevalence": "people who inject",
    "hiv_prevalence": "people who inject",
    "drivers_over_limit": "people who drive",
    "dui_30d": "people who drive",
    "use_related_share": "drug-law offences",
    "needles_recovered": "needles and syringes distributed",
    "social_cost_share": "the social cost",
}
"""What a share is of, where it is not of people."""
PAST = {"gambling": "gambled", "gaming": "gamed"}
SEX = {"all": "", "male": "men", "female": "women"}


def ages_in_words(group: Group) -> str:
    """The ages with an en dash: "15–64", "15+", "all ages"."""
    return group.ages.replace("-", "–")


def unit_in_words(series: Series, place: bool = True) -> str:
    """The unit of a series, whose it is and where: "percent of people aged 15–64, Flanders"."""
    ages = ages_in_words(series.group)
    region = series.group.region
    where = f", {region}" if place and region != "Belgium" else ""
    if series.indicator in WHOLE:
        asked = "" if series.group.ages in ("all ages", "10+") else f", {ages}"
        return f"percent of {WHOLE[series.indicator]}{asked}{where}"
    if series.unit != "proportion":
        unit, _ = shown(series.unit)
        if series.indicator == "treatment_episodes":
            unit = "episodes per year"
        if not series.unit.startswith(OF_PEOPLE):
            return f"{unit}{where}"
        asked = ages if ages == "all ages" else f"ages {ages}"
        return f"{unit}, {asked}{where}"
    if series.indicator.startswith("daily_share"):
        return f"percent of those who use, {ages}{where}"
    whose = f"percent of people aged {ages}"
    return f"{whose}{where}"


def parameters_of(catalogue: Catalogue, product: ProductRow) -> list[ParameterRow]:
    """Rows that the product reads: its own, else those of its kind, else those of all products.

    The rows of its service come on top.
    """
    owners = (product.id, f"kind:{product.kind}", "*")
    found: dict[str, str] = {}
    for owner in owners:
        for row in catalogue.parameters:
            if row.product == owner:
                found.setdefault(row.parameter, owner)
    return [
        row
        for row in catalogue.parameters
        if found.get(row.parameter) == row.product or row.product == product.service
    ]


def assumed_share(rows: Sequence[ParameterRow]) -> str:
    """How many of these rows have no evidence: "14 of 38 (37%)"."""
    assumed = sum(row.source == ASSUMED for row in rows)
    return f"{assumed} of {len(rows)} ({100 * assumed / max(len(rows), 1):.0f}%)"


def indicator_in_words(name: str, product: str, catalogue: Catalogue) -> str:
    """The name of an indicator; of a behaviour nobody says that it is used."""
    members = next((u.members.split() for u in catalogue.unions if u.id == product), [product])
    rows = [catalogue.product(member) for member in members]
    if any(row.kind != "behaviour" for row in rows):
        return name
    noun = rows[0].name.split()[0].lower()
    verb = PAST.get(noun, "took part")
    name = name.replace("Used", verb.capitalize()).replace(" used", f" {verb}")
    return name.replace(" use", f" {noun}")


def observed_and_modelled(panels: Iterable[Panel], draws: str) -> str:
    """What the dots, if any, and the lines are; ``draws`` in words."""
    dots = "Observed: the dots. " if any(panel.dots for panel in panels) else ""
    return f"{dots}Modelled: the lines and the bands, from {draws}."


def what_is_what(catalogue: Catalogue, draws: str, panels: Iterable[Panel]) -> str:
    """The sentences that tell observed, modelled and assumed apart."""
    return (
        f"{observed_and_modelled(panels, draws)} Assumed: "
        f"{assumed_share(catalogue.parameters)} of the model's parameter values have no evidence "
        "behind them; their ranges are ours."
    )


def earlier_figures(panels: Iterable[Panel], first: float) -> tuple[str, ...]:
    """A sentence on figures of years before the run, when there are any."""
    count = sum(panel.earlier for panel in panels)
    if not count:
        return ()
    some = "1 figure is" if count == 1 else f"{count} figures are"
    return (f"{some} from before {first:.0f}, when the run begins, and not drawn.",)


def how_dots_stand(panels: Sequence[Panel]) -> tuple[str, ...]:
    """Sentences on dots that are no plain number of one year, or that the model half knows."""
    dots = [dot for panel in panels for dot in panel.dots]
    told = []
    if any(dot.value is None for dot in dots):
        told.append("A bar without a dot: two bounds were printed and no number.")
    if any(dot.years > 1 and counts_events(panel.unit) for panel in panels for dot in panel.dots):
        told.append("A count of several years stands in their middle as its yearly mean.")
    centred = sum(dot.given == "centred" for dot in dots)
    if centred:
        some = "1 dot" if centred == 1 else f"{centred} dots"
        told.append(f"Priors were centred with {some} in view: these agree in part by design.")
    return (" ".join(told),) if told else ()


def pupils(panels: Iterable[Panel], figures: Mapping[str, Figure]) -> tuple[str, ...]:
    """A sentence on figures that were asked at school, when there are any."""
    kinds = {figures[dot.figure].population_kind for panel in panels for dot in panel.dots}
    if "pupils" not in kinds:
        return ()
    return (
        "Dots at school ages (from 11 to 20) are of pupils; "
        "the model shows all people of that age.",
    )


def sources_of(catalogue: Catalogue, panels: Iterable[Panel], width: int) -> tuple[str, ...]:
    """One line for each source of the dots of ``panels``: id, number of dots, title, publisher."""
    counts = Counter(dot.source for panel in panels for dot in panel.dots)
    rows = {row.id: row for row in catalogue.sources}
    found = []
    for source in sorted(counts):
        row = rows[source]
        told = ", ".join(part for part in (row.title, row.publisher, row.year) if part)
        dots = "1 dot" if counts[source] == 1 else f"{counts[source]} dots"
        found.append(textwrap.shorten(f"{source} ({dots}): {told}", width, placeholder=" ..."))
    return tuple(found)
