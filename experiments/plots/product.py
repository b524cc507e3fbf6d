"""One page for each product: all that was observed of it, and what only the model says."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from calibration.series import Group, Series
from experiments.plots.page import Dot, Key, Line, Page, Panel
from experiments.plots.reader import Reader
from experiments.plots.style import NARROW, SEVERAL, Look
from experiments.plots.words import (
    SEX,
    assumed_share,
    earlier_figures,
    how_dots_stand,
    observed_and_modelled,
    parameters_of,
    pupils,
    sources_of,
    unit_in_words,
)
from model.compartments import FIRST_YEAR

MODEL_ONLY = (
    "occasional",
    "problematic",
    "waiting",
    "treatment",
    "recovery",
    "former",
    "initiations",
    "treatment_episodes",
    "mean_wait",
    "attributable_deaths",
)
# One look for each group that a panel may compare, the same on all pages.
GROUPS = dict(
    zip(("Belgium", "Flanders", "Wallonia", "Brussels", "women", "men"), SEVERAL, strict=True)
)


@dataclass(frozen=True)
class _Set:
    """Survey series that share a panel: one indicator and age group, by region or by sex."""

    title: str
    subtitle: str
    series: tuple[tuple[str, str], ...]  # (series id, name of the group)


def product_page(reader: Reader, product: str) -> Page:
    """Every survey series with its figures, then states and flows."""
    row = reader.catalogue.product(product)
    panels = [_compared(reader, found) for found in _sets(reader, product)]
    panels.sort(key=lambda panel: not panel.dots)
    panels += _model_only(reader, product)
    rows = parameters_of(reader.catalogue, row)
    used = {line.series for panel in panels for line in panel.lines}
    keys = [Key(name, "band", look) for name, look in GROUPS.items() if name in used]
    notes = [
        f"{observed_and_modelled(panels, reader.draws)} "
        f"Assumed: {assumed_share(rows)} of the parameter values that this product reads have no "
        "evidence; their ranges are ours.",
        *earlier_figures(panels, FIRST_YEAR),
        *how_dots_stand(panels),
        *pupils(panels, reader.figures),
    ]
    if row.why:
        notes.append(f"Scenario-only: {row.why}")
    sources = sources_of(reader.catalogue, panels, 180)
    notes += ["Sources of the dots:", *sources] if sources else ["No dot: no Belgian figure."]
    return Page(
        name=f"product-{product}",
        title=f"{row.name}: {row.mode}" if row.mode == "scenario-only" else row.name,
        panels=tuple(panels),
        columns=4,
        legend=reader.legend(*keys, modes=(row.mode,), panels=panels),
        notes=tuple(line for note in notes for line in textwrap.wrap(note, 190)),
        width=NARROW,
        panel_height=1.35,
    )


def _sets(reader: Reader, product: str) -> list[_Set]:
    """Panels of a product's survey series: regions together, sexes together, others alone."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for key, series in reader.series.items():
        if series.product == product:
            same = (series.indicator, series.group.age_min, series.group.age_max, series.unit)
            groups.setdefault(same, []).append(key)
    found = []
    for keys in groups.values():
        both = [key for key in keys if reader.series[key].group.sex == "all"]
        by_sex: dict[str, list[str]] = {}
        for key in keys:
            if reader.series[key].group.sex != "all":
                by_sex.setdefault(reader.series[key].group.region, []).append(key)
        if both:
            found.append(_set(reader, both, [reader.series[k].group.region for k in both]))
        for several in by_sex.values():
            found.append(_set(reader, several, [SEX[reader.series[k].group.sex] for k in several]))
    return found


def _set(reader: Reader, keys: Sequence[str], names: Sequence[str]) -> _Set:
    series = reader.series[keys[0]]
    name = reader.words(series.indicator, series.product)
    places = {reader.series[key].group.region for key in keys}
    who = unit_in_words(series, place=len(places) == 1)
    return _Set(name, who, tuple(zip(keys, names, strict=True)))


def _compared(reader: Reader, found: _Set) -> Panel:
    """A fan when the set has one series, else a line with its 50% band for each."""
    first, _ = found.series[0]
    panel = reader.of_series(first, found.title, found.subtitle)
    if len(found.series) == 1:
        return panel
    lines: list[Line] = []
    dots: list[Dot] = []
    earlier = 0
    for key, name in found.series:
        look = _look(name)
        lines += reader.overlay(reader.survey(key), name, look, "50")
        more, before = reader.dots(key, look, name)
        dots += more
        earlier += before
    tags = reader.tags(reader.series[first].product, len(dots), earlier)
    return replace(panel, lines=tuple(lines), dots=tuple(dots), earlier=earlier, tags=tags)


def _look(name: str) -> Look:
    return GROUPS.get(name, SEVERAL[0])


def _model_only(reader: Reader, product: str) -> Iterable[Panel]:
    """States and flows at all ages, without those that the product lacks or that figures show."""
    shown = {
        series.indicator
        for series in reader.series.values()
        if series.product == product and series.group == Group("all", None, None, "Belgium")
    }
    for indicator in MODEL_ONLY:
        seen = reader.marginal(indicator, product)
        if indicator in shown or not (seen.values[0] > 0).any():
            continue
        name = reader.words(indicator, product)
        who = Series(product, indicator, Group("all", 10, None, "Belgium"), seen.unit)
        yield reader.of_marginal(indicator, product, name, unit_in_words(who))
