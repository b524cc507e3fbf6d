"""Pages on one theme each: states, regions, care, unions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from calibration.series import Group, Series
from experiments.plots.page import Key, Line, Page, Panel
from experiments.plots.reader import Reader
from experiments.plots.style import NO_FIGURE, NO_REGIONAL_FIGURE, SEVERAL, Look
from experiments.plots.words import earlier_figures, how_dots_stand, unit_in_words, what_is_what
from experiments.runs.headline_series import load_headlines
from model.catalogue import ProductRow
from model.compartments import FIRST_YEAR

STATES = ("problematic", "waiting", "treatment", "recovery")
CARE_COLUMNS = 6
UNION_ROWS = (
    "last_year_prevalence",
    "lifetime_prevalence",
    "problematic_prevalence",
    "treatment_episodes",
)
LAST_HISTORY = 2023


def states(reader: Reader) -> Page:
    """People with problematic use, waiting, in treatment and in remission, by product."""
    looks = dict(zip(STATES, SEVERAL, strict=False))
    panels = []
    for row in reader.catalogue.products:
        lines: list[Line] = []
        for state in STATES:
            seen = reader.marginal(state, row.id)
            if seen.values[0].max() > 0:
                name = reader.indicators[state].name
                lines += reader.overlay(seen, name, looks[state], "95")
        panels.append(
            Panel(
                title=row.name,
                subtitle="persons, ages 10+, log scale",
                unit="persons",
                mode=row.mode,
                lines=tuple(lines),
                tags=reader.tags(row.id, 1),
                log=True,
            )
        )
    keys = [Key(reader.indicators[name].name, "band", looks[name]) for name in STATES]
    return Page(
        name="states",
        title="People with a disorder, in care and in remission: median and 95% of draws",
        panels=tuple(panels),
        columns=5,
        legend=reader.legend(*keys, fan=False, figures=False),
        notes=(
            "No Belgian figure counts these states; the upright bars are the 95% of the last year.",
            *_others(reader),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
        panel_height=0.95,
    )


def _others(reader: Reader) -> tuple[str, ...]:
    """What a page with several lines in a panel shows of several scenarios."""
    if len(reader.scenarios) == 1:
        return ()
    more = "" if len(reader.scenarios) == 2 else " Other scenarios are in summary.csv."
    return (
        f"Bands and thick lines: {reader.titles[1]}. "
        f"Thin dotted lines: {reader.titles[0]} (reference).{more}",
    )


def regions(reader: Reader) -> Page:
    """The headline indicator of each product by region."""
    names = [name for name in reader.regions if name != "Belgium"]
    looks = dict(zip(names, SEVERAL, strict=False))
    panels = []
    for row, series in load_headlines(reader.catalogue):
        by_region = [replace(series, group=replace(series.group, region=name)).id for name in names]
        observed = all(name in reader.series for name in by_region)
        lines: list[Line] = []
        dots, earlier = [], 0
        for name, key in zip(names, by_region, strict=True):
            if observed:
                seen = reader.survey(key)
                found, before = reader.dots(key, looks[name], name)
                dots += found
                earlier += before
            else:
                seen = reader.marginal(row.indicator, row.product, name)
            lines += reader.overlay(seen, name, looks[name], "50")
        asked = series.group if observed else Group("all", 10, None, "Belgium")
        shown = Series(row.product, row.indicator, asked, reader.indicators[row.indicator].unit)
        what = reader.words(row.indicator, row.product)
        panels.append(
            Panel(
                title=reader.names[row.product],
                subtitle=f"{what},\n{unit_in_words(shown)}",
                unit=seen.unit,
                mode=reader.mode(row.product),
                lines=tuple(lines),
                dots=tuple(dots),
                tags=_regional_tags(reader, row.product, bool(dots)),
                earlier=earlier,
            )
        )
    keys = [Key(name, "band", looks[name]) for name in names]
    return Page(
        name="regions",
        title="The three regions: median and 50% of draws",
        panels=tuple(panels),
        columns=5,
        legend=reader.legend(*keys, fan=False),
        notes=(
            "Ages differ from the overview where no figure exists by region; "
            "dots have the marker and the colour of their region.",
            *_others(reader),
            *earlier_figures(panels, FIRST_YEAR),
            *how_dots_stand(panels),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
    )


def _regional_tags(reader: Reader, product: str, observed: bool) -> tuple[str, ...]:
    tags = reader.tags(product, 1)
    return tags if observed else (*tags, NO_REGIONAL_FIGURE)


def care(reader: Reader) -> Page:
    """Treatment episodes, people waiting and the mean wait of the products with most episodes."""
    year = min(LAST_HISTORY, int(reader.years[-1]))
    at = list(reader.years).index(year)
    offered = [
        row
        for row in reader.catalogue.products
        if row.mode == "calibrated" and "care" in row.modules.split()
    ]
    size = {
        row.id: float(reader.marginal("treatment_episodes", row.id).values[0, 0, at])
        for row in offered
    }
    offered = sorted(offered, key=lambda row: -size[row.id])[:CARE_COLUMNS]
    names = [name for name in reader.regions if name != "Belgium"]
    looks = dict(zip(names, SEVERAL, strict=False))
    panels = [unless_observed(reader, "treatment_episodes", row.id, row.name) for row in offered]
    panels += [unless_observed(reader, "waiting", row.id, row.name) for row in offered]
    panels += _waits(reader, offered, looks)
    keys = [Key(f"{name}, 50%", "band", looks[name]) for name in names]
    return Page(
        name="care",
        title="Care: episodes, people waiting and the wait",
        panels=tuple(panels),
        columns=CARE_COLUMNS,
        legend=reader.legend(*keys, modes=()),
        notes=(
            f"The {len(offered)} products with most episodes in {year}, of calibrated ones; "
            "the others are on the product pages (--plots all).",
            "The products of a service share its places and its wait, but for the first months; "
            "of a product with two services their joint mean is shown.",
            "Places in care stay as they were in January 2010 (an assumption): "
            "rising waits follow from it.",
            *_others(reader),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
        panel_height=1.25,
    )


def _waits(
    reader: Reader, offered: Sequence[ProductRow], looks: Mapping[str, Look]
) -> Iterator[Panel]:
    """The mean wait by region, once for the products that share a service."""
    services = {row.id: row.name for row in reader.catalogue.services}
    shared: dict[str, list[ProductRow]] = {}
    for row in offered:
        both = "substitution" in row.modules.split()
        name = "Both services together" if both else services.get(row.service or "", "")
        shared.setdefault(name, []).append(row)
    for service, rows in shared.items():
        lines: list[Line] = []
        for name, look in looks.items():
            seen = reader.marginal("mean_wait", rows[0].id, name)
            lines += reader.overlay(seen, name, look, "50")
        yield Panel(
            title="Mean wait by region, months",
            subtitle=f"{service}\n{', '.join(row.name for row in rows)}",
            unit=seen.unit,
            mode=rows[0].mode,
            lines=tuple(lines),
            tags=(NO_FIGURE,),
        )


def unless_observed(
    reader: Reader, indicator: str, product: str, title: str, what: str = ""
) -> Panel:
    """The survey series of an indicator that has most figures, else the marginal at all ages.

    ``what``: in place of the name of the indicator.
    """
    name = what or reader.words(indicator, product)
    best, most = None, (0, 0)
    for key, series in reader.series.items():
        if (series.product, series.indicator, series.group.sex) == (product, indicator, "all"):
            dots, earlier = reader.dots(key)
            count = (len(dots), earlier)
            if count > most:
                best, most = key, count
    if best is not None:
        unit = unit_in_words(reader.series[best])
        return reader.of_series(best, title, f"{name},\n{unit}")
    unit = reader.indicators[indicator].unit
    shown = Series(product, indicator, Group("all", 10, None, "Belgium"), unit)
    return reader.of_marginal(indicator, product, title, f"{name},\n{unit_in_words(shown)}")


def unions(reader: Reader) -> Page:
    """People with at least one of several products."""
    panels = [
        unless_observed(reader, indicator, union.id, union.name)
        for indicator in UNION_ROWS
        for union in reader.catalogue.unions
    ]
    return Page(
        name="unions",
        title="People with at least one of several products",
        panels=tuple(panels),
        columns=len(reader.catalogue.unions),
        legend=reader.legend(modes={reader.mode(row.id) for row in reader.catalogue.unions}),
        notes=(
            "One person counts once, whatever the number of products (assumed correlation); "
            "episodes are sums.",
            *earlier_figures(panels, FIRST_YEAR),
            *how_dots_stand(panels),
            what_is_what(reader.catalogue, reader.draws, panels),
        ),
    )
