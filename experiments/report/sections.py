"""The sections of a report, each a list of blocks, in the order in which they stand."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.comparisons.compare import (
    CLEAR,
    EQUAL,
    NOT_VISIBLE,
    Paired,
    Scenarios,
    paired,
)
from experiments.report.blocks import Block, Bullets, Heading, Picture, Report, Table, Text
from experiments.report.drivers import sensitivity, varied
from experiments.report.material import Material
from experiments.report.pictures import (
    MOST,
    headline_fans,
    product_name,
    scenario_fan,
    scenario_name,
)
from experiments.report.words import Words, words_of
from scenarios.entries import ASSUMED
from scenarios.levers import Measure
from scenarios.texts import CAUTION
from scenarios.trends import assumed as trend_assumed

ABREAST = 4  # scenarios that a table can hold side by side
FANS = 6  # key indicators that are drawn over the years
PROVENANCE = (
    "title",
    "source",
    "history",
    "git_commit",
    "parameter_table_hash",
    "levers_hash",
    "posterior_hash",
    "digest",
    "seeds",
)
FEW = 50  # draws or futures below which the ends of a 90% interval rest on one or two of them
HASH = 16  # characters of a hash that are told


def report_of(material: Material, language: str, year: int | None, folder: Path) -> Report:
    """The whole report; pictures are drawn into ``folder``. Raises InputError."""
    words = words_of(language, material.library.texts)
    scenarios = material.scenarios
    last = scenarios.last(year)
    baseline = material.baseline
    chosen = [baseline, *_chosen(scenarios, baseline)]
    blocks: list[Block] = []
    for part in (
        _question(material, words, last, baseline),
        _in_short(material, words, last, baseline),
        _scenarios(material, words),
        _levers(material, words, chosen),
        _years(material, words, chosen, folder),
        _year(material, words, last, baseline),
        sensitivity(material, words, last),
        _limits(material, words),
        _provenance(material, words),
    ):
        blocks += part
    title = material.title or words.say("untitled", year=scenarios.years[-1])
    version = material.attributes.get("package_version", "")
    return Report(
        language,
        title,
        words.say("subtitle", version=version),
        words.say("foot"),
        words.say("contents"),
        tuple(blocks),
    )


def _chosen(scenarios: Scenarios, baseline: str) -> list[str]:
    """Scenarios that are drawn: the first in file order, as many as can be told apart."""
    return [one for one in scenarios.ids if one != baseline][:MOST]


def _question(material: Material, words: Words, year: int, baseline: str) -> Iterator[Block]:
    yield Heading(1, words.say("section.question"))
    named = scenario_name(words, baseline, material.scenarios)
    asked = "question.none" if len(material.scenarios.ids) > 1 else "question.one"
    yield Text(material.question or words.say(asked, baseline=named, year=year))
    if words.language != "en":
        yield Text(words.say("translated"))


def _compared(
    material: Material, pair: tuple[str, str], year: int, baseline: str, other: str
) -> Paired:
    scenarios = material.scenarios
    values = material.series[pair][:, :, scenarios.years.index(year)]
    at = scenarios.ids.index
    return paired(values[at(baseline)], values[at(other)], scenarios.seeds)


def _in_short(material: Material, words: Words, year: int, baseline: str) -> Iterator[Block]:
    scenarios = material.scenarios
    yield Heading(1, words.say("section.short"))
    yield Text(words.say("foot"), important=True)
    source = words.say(f"drawn.{scenarios.drawn}")
    told = {"draws": words.count(scenarios.draws), "source": source}
    if material.factors:
        told["points"] = words.count(material.points)
    yield Text(words.say(material.key("short.draws"), **told))
    if scenarios.draws < FEW:
        yield Text(words.say(material.key("short.few"), draws=scenarios.draws), important=True)
    if material.seeds > 1:
        yield Text(words.say("short.seeds", seeds=material.seeds))
    named = scenario_name(words, baseline, scenarios)
    if len(scenarios.ids) == 1:
        yield Text(words.say("short.one", baseline=named, year=year))
        return
    rows = []
    for one in scenarios.ids:
        if one != baseline:
            found = [_compared(material, pair, year, baseline, one) for pair in material.series]
            rows.append((scenario_name(words, one, scenarios), *_counts(found)))
    header = tuple(words.say(f"column.{key}") for key in ("scenario", "rise", "fall", "same"))
    header = (*header, words.say(material.key("column.unclear")))
    filled = {"all": len(material.series), "baseline": named, "year": year}
    caption = words.say(material.key("short.caption"), **filled)
    yield Table(caption, header, tuple(rows), (1, 2, 3, 4), (3.0, 1.0, 1.0, 1.0, 1.0))
    yield Text(words.say("short.read"))


def _counts(found: Sequence[Paired]) -> tuple[str, ...]:
    """Indicators that rise, fall, show nothing, and those of which draws disagree."""
    clear = [p for p in found if not p.equal and not p.negligible and p.agree >= CLEAR]
    rises = sum(p.difference > 0 for p in clear)
    still = sum(p.equal or p.negligible for p in found)
    counts = (rises, len(clear) - rises, still, len(found) - len(clear) - still)
    return tuple(str(count) for count in counts)


def _scenarios(material: Material, words: Words) -> Iterator[Block]:
    scenarios = material.scenarios
    yield Heading(1, words.say("section.scenarios"))
    yield Text(words.say(material.key("scenarios.about")))
    items = []
    for one in scenarios.ids:
        plan = material.plans.get(one)
        otherwise = words.say("scenarios.unknown") if plan is None else plan.description or one
        told = words.name(f"scenario.{one}.about", otherwise)
        items.append((f"{scenario_name(words, one, scenarios)}.", " ".join(told.split())))
    yield Bullets(tuple(items))
    if material.factors:
        yield Text(words.say("scenarios.varied"))
        yield varied(material.factors, words)


def _levers(material: Material, words: Words, chosen: Sequence[str]) -> Iterator[Block]:
    yield Heading(1, words.say("section.levers"))
    if not material.fresh:
        yield Text(words.say("scenarios.changed"), important=True)
    moving = [
        one
        for one in material.plans
        if any(x != 0.0 for x in material.plans[one].plan.levers.values())
    ]
    shown = [one for one in chosen if one in moving][:ABREAST] or moving[:ABREAST]
    unknown = [one for one in material.scenarios.ids if one not in material.plans]
    if unknown:
        named = ", ".join(scenario_name(words, one, material.scenarios) for one in unknown)
        yield Text(words.say("levers.unknown", names=named))
    if not shown:
        if not unknown:
            yield Text(words.say("levers.none"))
    else:
        yield Text(words.say("levers.about"))
        if len(moving) > len(shown):
            named = ", ".join(scenario_name(words, one, material.scenarios) for one in shown)
            yield Text(words.say("levers.more", count=len(moving), shown=len(shown), names=named))
        yield _lever_table(material, words, shown)
    yield from _trends(material, words, chosen)


def _trends(material: Material, words: Words, chosen: Sequence[str]) -> Iterator[Block]:
    """Where the scenarios set the trends, and how much of what these do is assumed."""
    plans = {one: material.plans[one].plan for one in material.plans}
    central = [one for one, plan in plans.items() if plan.central_trends]
    if central:
        named = ", ".join(scenario_name(words, one, material.scenarios) for one in central)
        yield Text(words.say("trends.central", names=named))
    moving = [one for one, plan in plans.items() if any(plan.trends.values())]
    shown = [one for one in chosen if one in moving][:ABREAST] or moving[:ABREAST]
    if not shown:
        return
    if len(moving) > len(shown):
        named = ", ".join(scenario_name(words, one, material.scenarios) for one in shown)
        yield Text(words.say("trends.more", count=len(moving), shown=len(shown), names=named))
    rows = []
    for name in sorted({name for one in shown for name, x in plans[one].trends.items() if x}):
        sizes = [one for one in material.library.drivers.values() if one.trend == name]
        assumed = sum(trend_assumed(driver) for driver in sizes)
        rows.append(
            (
                f"{name} {words.name(f'trend.{name}', name)}",
                words.say("trends.assumed", assumed=assumed, all=len(sizes)),
                *(words.number(float(plans[one].trends.get(name, 0.0))) for one in shown),
            )
        )
    titles = [
        f"{words.say('column.positions')}: {scenario_name(words, one, material.scenarios)}"
        for one in shown
    ]
    yield Table(
        words.say("trends.caption"),
        (words.say("column.trend"), words.say("column.assumed"), *titles),
        tuple(rows),
        tuple(range(2, 2 + len(shown))),
        (3.6, 1.5, *(1.6,) * len(shown)),
    )


def _lever_table(material: Material, words: Words, shown: Sequence[str]) -> Table:
    plans = [material.plans[one].plan.levers for one in shown]
    names = [name for name in material.library.measures if any(plan.get(name) for plan in plans)]
    rows = []
    for name in names:
        measure = material.library.measures[name]
        rows.append(
            (
                words.name(f"measure.{name}", name),
                measure.objective if measure.objective != "none" else "–",
                words.name(f"grade.{measure.entry.grade}", measure.entry.grade),
                words.say(f"size.{'assumed' if size_assumed(measure) else 'sourced'}"),
                *(words.number(float(plan.get(name, 0.0))) for plan in plans),
            )
        )
    titles = [
        f"{words.say('column.positions')}: {scenario_name(words, one, material.scenarios)}"
        for one in shown
    ]
    header = ("measure", "objective", "grade", "size")
    return Table(
        words.say("levers.caption"),
        (*(words.say(f"column.{key}") for key in header), *titles),
        tuple(rows),
        tuple(range(4, 4 + len(shown))),
        (3.6, 1.0, 2.1, 1.5, *(1.6,) * len(shown)),
    )


def size_assumed(measure: Measure) -> bool:
    """Whether the size of one of its effects has no source."""
    entry = measure.entry
    return any(
        ASSUMED in (effect.source or entry.source, getattr(effect.effect, "source", None))
        for effect in entry.effects
    )


def _years(
    material: Material, words: Words, chosen: Sequence[str], folder: Path
) -> Iterator[Block]:
    scenarios = material.scenarios
    pictures: list[Picture] = []
    if material.reader is not None:
        pictures.append(headline_fans(material.reader, words, folder))
    if len(scenarios.years) > 1:
        pictures += [
            scenario_fan(material, words, pair, chosen, folder)
            for pair in list(material.series)[:FANS]
        ]
    if not pictures:
        return
    yield Heading(1, words.say("section.years"))
    if len(chosen) < len(scenarios.ids):
        named = "; ".join(scenario_name(words, one, scenarios) for one in chosen)
        yield Text(words.say("fan.few", names=named))
    yield from pictures


def _year(material: Material, words: Words, year: int, baseline: str) -> Iterator[Block]:
    scenarios = material.scenarios
    named = scenario_name(words, baseline, scenarios)
    yield Heading(1, words.say("section.year", year=year))
    others = [one for one in scenarios.ids if one != baseline]
    about = material.key("year.about" if others else "year.one")
    yield Text(words.say(about, **({"baseline": named} if others else {})))
    if len(material.series) < material.held:
        yield Text(words.say("year.some", shown=len(material.series), all=material.held))
    parts = [others[i : i + ABREAST] for i in range(0, len(others), ABREAST)] or [[]]
    caption = words.say("year.caption" if others else "year.alone", baseline=named, year=year)
    for number, part in enumerate(parts, start=1):
        told = caption
        if len(parts) > 1:
            told = words.say("part", caption=caption, part=number, parts=len(parts))
        yield _year_table(material, words, (year, baseline), part, told)
    said = {
        words.name(f"indicator.{one}"): words.name(f"indicator.{one}{CAUTION}", "")
        for one, _ in material.series
    }
    if any(said.values()):
        yield Bullets(tuple((f"{name}:", caution) for name, caution in said.items() if caution))


def _year_table(
    material: Material, words: Words, at: tuple[int, str], part: Sequence[str], caption: str
) -> Table:
    scenarios, (year, baseline) = material.scenarios, at
    rows = []
    for pair, series in material.series.items():
        indicator, product = pair
        unit, factor = words.unit(scenarios.unit(indicator))
        values = series[scenarios.ids.index(baseline), :, scenarios.years.index(year)]
        low, median, high = factor * np.nanquantile(values, (0.05, 0.5, 0.95))
        name = words.name(f"indicator.{indicator}", scenarios.name(indicator))
        whose = product_name(words, product, scenarios.names[product])
        cells = [_difference(words, _compared(material, pair, year, baseline, one)) for one in part]
        rows.append((f"{name}: {whose} ({unit})", words.interval(median, low, high), *cells))
    titles = [scenario_name(words, one, scenarios) for one in part]
    named = scenario_name(words, baseline, scenarios)
    header = (words.say("column.indicator"), named, *(f"{title} (%)" for title in titles))
    width = (3.0, 2.0, *(1.8,) * len(part))
    return Table(caption, header, tuple(rows), tuple(range(1, 2 + len(part))), width)


def _difference(words: Words, found: Paired) -> str:
    if found.certainty in (EQUAL, NOT_VISIBLE):
        return words.say("cell.same")
    told = words.change(found.percent, found.percent_low, found.percent_high)
    return f"{told} {found.mark}".strip()


def _limits(material: Material, words: Words) -> Iterator[Block]:
    alone = material.alone
    filled: dict[str, dict[str, object]] = {
        "products": {"names": ", ".join(product_name(words, one, one) for one in alone)}
    }
    keys = ["intervals", "assumed", "products", "cost", "weights", "futures"]
    if not alone:
        keys.remove("products")
    runs, failed, missing = material.runs
    if failed or missing:
        filled["failed"] = {"failed": failed, "runs": runs, "missing": missing}
        keys.insert(0, "failed")
    yield Heading(1, words.say("section.limits"))
    yield Bullets(
        tuple(
            (words.say(f"limits.{key}.name"), words.say(f"limits.{key}", **filled.get(key, {})))
            for key in keys
        )
    )


def _provenance(material: Material, words: Words) -> Iterator[Block]:
    rows = []
    for key in PROVENANCE:
        value = material.attributes.get(key, "")
        if value:
            told = value[:HASH] if key.endswith(("hash", "digest")) else value
            rows.append((words.say(f"provenance.{key}"), textwrap.shorten(told, 900)))
    design = [material.attributes.get(f"design_{key}", "") for key in ("method", "n", "seed")]
    if design[0]:
        method, n, seed = design
        rows.append((words.say("provenance.design"), f"{method}, n = {n}, seed = {seed}"))
    if material.attributes.get("cautions"):
        rows.append((words.say("provenance.cautions"), material.attributes["cautions"]))
    yield Heading(1, words.say("section.provenance"))
    yield Table(
        words.say("provenance.caption"),
        (words.say("column.what"), words.say("column.value")),
        tuple(rows),
        widths=(1.0, 3.0),
    )
