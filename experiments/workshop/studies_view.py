"""The browser of studies: what lies in the folder given at the start, opened and never run.

The choice is a form of the browser's own, so every graph has an address of its own.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlencode

import numpy as np
from nicegui import Client

from experiments.workshop.answers import BRANCH_YEAR, LEVELS, Float
from experiments.workshop.charts import FanChart
from experiments.workshop.elements import Tag, line_sample
from experiments.workshop.host import Host
from experiments.workshop.meaning import owner
from experiments.workshop.options import Picture, whole
from experiments.workshop.page import page_of
from experiments.workshop.side_page import side_page
from experiments.workshop.studies import (
    ALL_AGES,
    BETWEEN,
    UNREADABLE,
    About,
    Band,
    Studies,
    Study,
    first_group,
)
from experiments.workshop.wording import Words, own_sentences
from scenarios.texts import LANGUAGES

PATH = "studies"
FEW = 12  # years up to which the axis names each
SHORT = 12  # characters of a hash that are shown
FIRST_INDICATORS = ("problematic_prevalence", "problematic")
FIRST_PRODUCTS = ("any_illegal", "alcohol")
LOW, MEDIAN, HIGH = (LEVELS.index(level) for level in (0.05, 0.5, 0.95))


@dataclass(frozen=True)
class Choice:
    """What a graph shows. ``other``: a scenario beside it, "" for none."""

    scenario: str
    other: str
    indicator: str
    product: str
    group: str


def register(host: Host) -> None:
    """Declare the page in every language; the folder is listed once, here."""
    studies = Studies.of(host.options.studies)
    for language in LANGUAGES:
        title = own_sentences()["studies.title"][language]
        page_of(language, f"/{PATH}", title)(_builder(host, studies, language))


def _builder(host: Host, studies: Studies, language: str) -> Callable[..., object]:
    async def build(
        client: Client,
        open: str = "",  # as the address calls it
        scenario: str = "",
        other: str = "",
        indicator: str = "",
        product: str = "",
        group: str = "",
    ) -> None:
        asked = Choice(scenario, other, indicator, product, group)
        with side_page(host, language, PATH, _query(open, asked)) as words:
            Tag("p", words.say("studies.lead"), "df-side-lead")
            if studies.trouble is not None:
                Tag("p", words.say(f"studies.trouble.{studies.trouble}"), "df-side-flag")
                return
            # Files take seconds to read: the page is there before, and other pages go on.
            waiting = Tag("p", words.say("studies.reading"), role="status")
            await client.connected()
            await to_thread(lambda: [one.problem for one in studies.entries])
            waiting.delete()
            _build_list(words, studies, open)
            study = studies.get(open)
            if study is None:
                if open:
                    Tag("p", words.say("studies.unknown", name=open), "df-side-flag", role="status")
            elif study.problem is None:
                await _build_study(words, study, asked)

    return build


def _query(name: str, asked: Choice) -> str:
    keys = ("scenario", "other", "indicator", "product", "group")
    given = {"open": name, **dict(zip(keys, astuple(asked), strict=True))}
    told = urlencode({key: value for key, value in given.items() if value})
    return f"?{told}" if told else ""


def _build_list(words: Words, studies: Studies, opened: str) -> None:
    """All that lies in the folder, what cannot be opened too."""
    if not studies.entries:
        Tag("p", words.say("studies.empty"), "df-side-flag")
        return
    with Tag("section", classes="df-studies"):
        Tag("h2", words.say("studies.list"))
        with (
            _wide(words.say("studies.list")),
            Tag("table", classes="df-agents-table df-studies-list"),
        ):
            with Tag("thead"), Tag("tr"):
                for key in ("study", "engine", "scenarios", "runs", "made"):
                    Tag("th", words.say(f"studies.{key}"), scope="col")
            with Tag("tbody"):
                for study in studies.entries:
                    _build_entry(words, study, study.name == opened)


def _build_entry(words: Words, study: Study, opened: bool) -> None:
    with Tag("tr"):
        if study.problem is not None:
            Tag("th", study.name, scope="row")
            Tag("td", words.say(f"studies.problem.{study.problem}"), colspan=4)
            return
        about = study.about
        with Tag("th", scope="row"):
            address = f"/{words.language}/{PATH}{_query(study.name, Choice('', '', '', '', ''))}"
            Tag("a", study.name, href=address, aria_current="page" if opened else None)
        Tag("td", words.say(f"studies.engine.{'agents' if about.engine == 'agents' else 'other'}"))
        Tag("td", words.count(len(about.scenarios)))
        Tag("td", _runs(words, about))
        Tag("td", _sources(about), "df-studies-made")


def _runs(words: Words, about: About) -> str:
    parts = {"points": about.points, "draws": about.draws, "seeds": about.seeds}
    told = [
        words.say(f"studies.count.{key}", number=words.count(number))
        for key, number in parts.items()
        if number > 1 or key == "draws"
    ]
    return ", ".join(told)


def _sources(about: About) -> str:
    return ", ".join(value[:SHORT] for value in about.sources.values())


def _wide(label: str) -> Tag:
    """A box that scrolls sideways, by keyboard too, where the window is narrow."""
    return Tag("div", classes="df-agents-wide", tabindex=0, role="region", aria_label=label)


async def _build_study(words: Words, study: Study, asked: Choice) -> None:
    about = study.about
    chosen, strange = settled(about, asked)
    with Tag("section", classes="df-studies"):
        Tag("h2", words.say("studies.opened", name=study.name))
        if about.comment:
            Tag("p", about.comment, "df-agents-small", lang="en")  # as it stands in the file
        _build_form(words, study, chosen)
        for given in strange:
            Tag("p", words.say("studies.strange", given=given), "df-side-flag", role="status")
        names = [one for one in (chosen.scenario, chosen.other) if one]
        try:
            bands = await to_thread(
                lambda: [
                    study.band(one, chosen.indicator, chosen.product, chosen.group) for one in names
                ]
            )
        except UNREADABLE:
            Tag("p", words.say("studies.cannot"), "df-side-flag", role="status")
            return
        _build_graph(words, about, chosen, bands)


def settled(about: About, asked: Choice) -> tuple[Choice, list[str]]:
    """A choice that the study holds, and what was asked for that it does not."""
    indicators = [one for one, _, _ in about.indicators]
    scenarios = [one for one, _ in about.scenarios]
    offered: list[tuple[Sequence[str], str]] = [
        (scenarios, scenarios[-1]),
        (["", *scenarios], ""),
        (indicators, _first(FIRST_INDICATORS, indicators)),
        (about.products, _first(FIRST_PRODUCTS, about.products)),
        (about.groups, first_group(about.groups)),
    ]
    given = astuple(asked)
    found = [
        one if one in known else usual for one, (known, usual) in zip(given, offered, strict=True)
    ]
    strange = [
        one for one, (known, _) in zip(given, offered, strict=True) if one and one not in known
    ]
    if found[1] == found[0]:
        found[1] = ""
    elif not any(given) and len(scenarios) > 1:
        found[1] = scenarios[0]  # as a first look: the last scenario beside the first
    return Choice(*found), strange


def _first(wanted: Sequence[str], known: Sequence[str]) -> str:
    return next((one for one in wanted if one in known), known[0])


def _build_form(words: Words, study: Study, chosen: Choice) -> None:
    about = study.about
    fields = {
        "scenario": [(one, scenario_name(words, one, title)) for one, title in about.scenarios],
        "indicator": sorted(
            ((one, words.name(f"indicator.{one}", name)) for one, name, _ in about.indicators),
            key=lambda pair: pair[1].casefold(),
        ),
        "product": [(one, owner(one, words)) for one in about.products],
        "group": [(one, group_name(words, one)) for one in about.groups],
    }
    fields["other"] = [("", words.say("studies.other.none")), *fields["scenario"]]
    with Tag("form", classes="df-studies-form", method="get", action=f"/{words.language}/{PATH}"):
        Tag("input", type="hidden", name="open", value=study.name)
        for key in ("scenario", "other", "indicator", "product", "group"):
            if key == "other" and len(about.scenarios) < 2:
                continue
            with Tag("label", classes="df-studies-field"):
                Tag("span", words.say(f"studies.{key}"))
                with Tag("select", name=key):
                    for value, name in fields[key]:
                        Tag("option", name, value=value, selected=value == getattr(chosen, key))
        Tag("button", words.say("studies.show"), "df-button df-studies-show", type="submit")


def scenario_name(words: Words, scenario: str, title: str) -> str:
    """The name of a scenario, as its study has it where it is not a shipped one."""
    return words.name(f"scenario.{scenario}", title)


def group_name(words: Words, group: str) -> str:
    """The name of a group of people."""
    region, _, age = group.partition(BETWEEN)
    kinds = ("region", "age_group", "deprivation", "sex")
    told = next((name for kind in kinds if (name := words.name(f"{kind}.{region}", ""))), region)
    return f"{told}, {words.name(f'age_group.{age}', age)}" if age and age != ALL_AGES else told


def _build_graph(words: Words, about: About, chosen: Choice, bands: Sequence[Band]) -> None:
    titles = dict(about.scenarios)
    shown = [one for one in (chosen.scenario, chosen.other) if one]
    names = [scenario_name(words, one, titles[one]) for one in shown]
    plain = next(unit for one, _, unit in about.indicators if one == chosen.indicator)
    unit, factor = words.unit(plain)
    values = [band.values * factor for band in bands]
    if not np.isfinite(values[0]).any():
        Tag("p", words.say("studies.nothing"), "df-side-flag", role="status")
        return
    caption = words.say(
        "studies.caption",
        indicator=words.name(f"indicator.{chosen.indicator}", chosen.indicator),
        product=owner(chosen.product, words),
        group=group_name(words, chosen.group),
        unit=unit,
    )
    Tag("h3", caption)
    over = words.say(f"studies.over.{about.over}", number=words.count(bands[0].number))
    Tag("p", over, "df-agents-small")
    if len(about.years) > 1:
        Tag("p", words.say("studies.bands"), "df-agents-small")
        _build_legend(names)
        chart = FanChart(option(about.years, values), words.language)
        chart.classes("df-studies-chart").props('aria-hidden="true"')
        keys = ("own", "reference")
        chart.patch({}, None, {"names": dict(zip(keys, names, strict=False)), "figures": []})
    _build_table(words, about.years, values, names, caption)


def option(years: Sequence[int], values: Sequence[Float]) -> dict[str, object]:
    """What is drawn: the first scenario as a fan, another one dashed.

    ``values``: (LEVELS, years) each.
    """
    other = values[1] if len(values) > 1 else np.full_like(values[0], np.nan)
    found = whole(Picture(reference=other, own=values[0]))
    labels, numbers = found["xAxis"]
    every = 0 if len(years) <= FEW else 4
    labels |= {"data": [str(year) for year in years], "axisTick": {"interval": every}}
    labels["axisLabel"] = {**labels["axisLabel"], "interval": every}
    numbers |= {"min": years[0], "max": years[-1]}
    # Of a study that begins later the mark of where history ends would stand outside.
    if years[0] >= BRANCH_YEAR:
        found["series"] = [one for one in found["series"] if one["id"] != "mark"]
    return found


def _build_legend(names: Sequence[str]) -> None:
    kinds = ("scenario", "reference")
    with Tag("ul", classes="df-studies-legend"):
        for kind, name in zip(kinds, names, strict=False):
            with Tag("li"):
                line_sample(kind)
                Tag("span", name)


def _build_table(
    words: Words, years: Sequence[int], values: Sequence[Float], names: Sequence[str], caption: str
) -> None:
    with _wide(caption), Tag("table", classes="df-agents-table"):
        Tag("caption", caption)
        with Tag("thead"), Tag("tr"):
            Tag("th", words.say("studies.year"), scope="col")
            for name in names:
                Tag("th", words.say("studies.column", name=name), scope="col")
        with Tag("tbody"):
            for i, year in enumerate(years):
                with Tag("tr"):
                    Tag("th", str(year), scope="row")
                    for bands in values:
                        row = bands[[MEDIAN, LOW, HIGH], i].tolist()
                        Tag("td", words.interval(*row))
