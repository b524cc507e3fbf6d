"""``drugfutures show levers|trends|rules|scenarios``: what scenarios move, and how far it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import RenderableType

from experiments.lists.listing import ASSUMED, Entry, listed, one_entry, sources_in_full, unknown
from model.catalogue import Catalogue
from scenarios.entries import Number
from scenarios.levers import STRATEGY, Effect, Measure, MeasureEntry
from scenarios.library import Library, load, load_library
from scenarios.schema import Scenario
from scenarios.texts import text
from scenarios.trends import Driver, DriverEffect

NOT_FOUND = "not found"
IN_STRATEGY = {
    "named": "named by the strategy",
    "implied": "implied by the strategy",
    "no": "not in the strategy",
}


def levers(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """All measures by objective, those of one objective, or one measure whole."""
    library = load_library(catalogue)
    wanted = [
        name
        for name, m in library.measures.items()
        if chosen in (None, name, m.objective, m.strategic)
    ]
    if not wanted:
        raise unknown("levers", str(chosen), list(library.levers))
    if chosen in library.measures:
        return _one_measure(library, library.measures[str(chosen)])
    parts: list[RenderableType] = []
    for objective in dict.fromkeys(library.measures[name].objective for name in wanted):
        rows = [m for m in library.measures.values() if m.objective == objective]
        rows = [m for m in rows if m.id in wanted]
        parts.append(listed(_objective_title(library, rows[0]), [_short(library, m) for m in rows]))
    return [*parts, _summary(library, [library.measures[name] for name in wanted])]


def _objective_title(library: Library, measure: Measure) -> str:
    if measure.objective == "none":
        return "Measures outside the strategy"
    about = text(library.texts, "en", f"objective.{measure.objective}")
    return f"{measure.strategic}, objective {measure.objective}: {about}"


def _short(library: Library, measure: Measure) -> Entry:
    entry = measure.entry
    handles = dict.fromkeys(effect.handle for effect in entry.effects)
    aim = entry.indicator
    return (
        (entry.id, text(library.texts, "en", f"measure.{entry.id}")),
        (
            half(library, entry),
            f"acts on {', '.join(handles)}; should move {aim.id} of {aim.product}: {aim.sign}",
            f"{IN_STRATEGY[entry.in_strategy]}; evidence: {entry.grade}; source: {entry.source}",
            f"cost: {cost_text(entry)}",
        ),
    )


def half(library: Library, entry: MeasureEntry) -> str:
    """What position 50 means in the real world."""
    told = text(library.texts, "en", f"measure.{entry.id}.half")
    return f"at 50: {told.format(half=f'{entry.full.value / 2:g}')}"


def cost_text(entry: MeasureEntry) -> str:
    """EUR a year with its range, or that none was found; the cost of a unit beside it."""
    told = NOT_FOUND
    if entry.cost is not None:
        told = f"{entry.cost.eur_per_year:,.0f} EUR of {entry.cost.price_year} a year"
        if entry.cost.low is not None and entry.cost.high is not None:
            told += f" ({entry.cost.low:,.0f} to {entry.cost.high:,.0f})"
        told += f", source: {entry.cost.source}"
    if entry.unit_cost is not None:
        unit = entry.unit_cost
        year = "" if unit.price_year is None else f" of {unit.price_year}"
        told += f"; one unit: {unit.value:,.0f} {unit.unit}{year}, source: {unit.source}"
    return told


def _one_measure(library: Library, measure: Measure) -> list[RenderableType]:
    entry = measure.entry
    name = text(library.texts, "en", f"measure.{entry.id}")
    full = entry.full
    spread = "" if full.low is None else f" ({full.low:g} to {full.high:g})"
    rows = [
        ("measure", f"{entry.id}: {name}"),
        ("about", text(library.texts, "en", f"measure.{entry.id}.about")),
        ("objective", _objective_title(library, measure)),
        ("in the strategy", IN_STRATEGY[entry.in_strategy]),
        ("position", f"{entry.range[0]} to {entry.range[1]}; {half(library, entry)}"),
        ("at 100", f"{full.value:g}{spread} {full.unit}; source: {full.source}"),
        ("timing", _timing(entry)),
        ("reach", _reach(entry)),
        *((f"effect {i + 1}", effect_text(effect)) for i, effect in enumerate(entry.effects)),
        (
            "should move",
            f"{entry.indicator.id} of {entry.indicator.product}: {entry.indicator.sign}",
        ),
        ("published", _published(entry)),
        ("evidence", f"{entry.grade}; {entry.where or ''}"),
        ("cost", cost_text(entry)),
        ("note", " ".join(entry.note.split())),
    ]
    ids = {entry.source, full.source, *(e.source for e in entry.effects if e.source)}
    ids |= {e.coverage.source for e in entry.effects if e.coverage.source}
    sources = sources_in_full(library.catalogue)
    return [one_entry([*rows, *(("source", f"{name}: {sources[name]}") for name in sorted(ids))])]


def _timing(entry: MeasureEntry) -> str:
    timing = entry.timing
    fades = f", loses {timing.fades:.0%} of its effect a year" if timing.fades else ""
    return (
        f"from {timing.start}, {timing.lag:g} years until the first effect, "
        f"{timing.ramp:g} until the whole{fades} ({ASSUMED} unless the note says else)"
    )


def _reach(entry: MeasureEntry) -> str:
    reach = entry.reach
    told = f"most deprived {reach.most_deprived:g}, others {reach.others:g} of the coverage"
    flags = [name for name in ("joint", "fidelity", "local") if getattr(entry, name)]
    told += f"; {entry.reach_source}" if reach.most_deprived != 1 or reach.others != 1 else ""
    return told + (f"; {', '.join(flags)}" if flags else "")


def number_text(number: Number) -> str:
    """A number with its range."""
    if number.low is None:
        return f"{number.central:g}"
    return f"{number.central:g} ({number.low:g} to {number.high:g})"


def effect_text(effect: Effect) -> str:
    """What one effect of a measure does at 100: handle, whom, size with its range, coverage."""
    whom = [", ".join(effect.measures or effect.products)]
    if effect.ages != [None, None]:
        whom.append(f"ages {effect.ages[0] or 10} to {effect.ages[1] or 'the oldest'}")
    for key in ("sexes", "regions", "deprivation"):
        if key in effect.model_fields_set:
            whom.append(", ".join(getattr(effect, key)))
    if effect.points is not None:
        size = ", ".join(f"{at}: {value:g}" for at, value in sorted(effect.points.items()))
    else:
        assert effect.effect is not None  # a measure has one of the two: checked when read
        plain = "level" if effect.form == "level" else "factor"  # of a hazard, a price, an amount
        kind = plain if effect.ratio == "hazard_ratio" else effect.ratio.replace("_", " ")
        size = f"{kind} {number_text(effect.effect)}"
    told = f"{effect.handle} of {'; '.join(whom)}: {size} ({effect.form})"
    if effect.coverage.central != 1.0 or effect.coverage.low is not None:
        told += f"; coverage {number_text(effect.coverage)}, {effect.coverage.source or 'certain'}"
    return told


def _published(entry: MeasureEntry) -> str:
    found = entry.published
    if found is None:
        return NOT_FOUND
    return (
        f"{found.statistic.replace('_', ' ')} {found.value:g} ({found.low:g} to {found.high:g}) of "
        f"{found.of} of {found.product} over {found.months} months: {found.note}"
    )


def _summary(library: Library, measures: Sequence[Measure]) -> str:
    grades = Counter(m.entry.grade for m in measures)
    kinds = Counter(m.entry.in_strategy for m in measures)
    priced = sum(m.entry.cost is not None for m in measures)
    untested = sum(m.entry.indicator.sign == "unknown" for m in measures)
    sizes = [size_source(m.entry, effect) for m in measures for effect in m.entry.effects]
    assumed = sum(size == ASSUMED for size in sizes)
    return (
        f"\n{len(measures)} measures. Evidence: "
        + ", ".join(f"{grade} {count}" for grade, count in grades.most_common())
        + ". Strategy: "
        + ", ".join(f"{IN_STRATEGY[kind]} {count}" for kind, count in kinds.most_common())
        + f". Of {len(sizes)} sizes of effects, {assumed} are {ASSUMED}. A cost in EUR a year was "
        f"found for {priced}. The sign of {untested} is unknown. Reach, timing and what 100 means "
        f"are {ASSUMED} unless a source stands there."
    )


def size_source(entry: MeasureEntry, effect: Effect) -> str:
    """The source of an effect's size."""
    own = effect.effect.source if effect.effect is not None else None
    return own or effect.source or entry.source


def trends(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """All trends with their drivers, one trend, or one driver."""
    library = load_library(catalogue)
    drivers = [d for d in library.drivers.values() if chosen in (None, d.trend, d.id)]
    if not drivers:
        raise unknown("trends", str(chosen), [*library.trends, *library.drivers])
    parts: list[RenderableType] = []
    for trend in dict.fromkeys(d.trend for d in drivers):
        title = f"{trend}: {text(library.texts, 'en', f'trend.{trend}')}"
        note = "; ".join(
            f"{sign}100: {text(library.texts, 'en', f'trend.{trend}.{end}')}"
            for sign, end in (("+", "plus"), ("-", "minus"))
        )
        rows = [_driver(library, d) for d in drivers if d.trend == trend]
        parts.append(listed(title, rows, note))
    bases = Counter(d.entry.basis for d in drivers)
    words = {"size": "direction and size", "direction": "direction only", "assumed": "none"}
    told = ", ".join(f"{words[basis]} {count}" for basis, count in bases.most_common())
    return [
        *parts,
        f"\n{len(drivers)} drivers. Evidence for {told}; all other sizes are {ASSUMED}.",
    ]


def _driver(library: Library, driver: Driver) -> Entry:
    entry = driver.entry
    shock = ""
    if entry.shock is not None:
        every = "until 2030" if entry.shock.by_2030 else "a year"
        lasts = "stays" if entry.shock.months is None else f"lasts {entry.shock.months} months"
        shock = (
            f"an event with probability {entry.shock.central:g} "
            f"({entry.shock.low:g} to {entry.shock.high:g}) {every}, {lasts}"
        )
    return (
        (driver.id, text(library.texts, "en", f"driver.{driver.id}")),
        (
            f"{entry.side}, {entry.shape}",
            shock,
            *(driven_text(effect) for effect in entry.effects),
            f"basis: {entry.basis}; source: {entry.source}",
            " ".join(entry.note.split()),
        ),
    )


def driven_text(effect: DriverEffect) -> str:
    """What a driver does in 2030 at -100 and 100, with the range of the size."""
    whom = ", ".join(effect.measures or effect.products)
    ends = [
        f"{sign}100 is {getattr(effect, end):g}"
        for sign, end in (("+", effect.plus), ("-", effect.minus))
        if end is not None
    ]
    return (
        f"{effect.handle} of {whom} in 2030: {effect.central:g} "
        f"({effect.low:g} to {effect.high:g}); {', '.join(ends)}"
    )


def rules(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """All adaptive rules, or one."""
    library = load_library(catalogue)
    found = [rule.entry for rule in library.rules.values() if chosen in (None, rule.entry.id)]
    if not found:
        raise unknown("rules", str(chosen), list(library.rules))
    rows: list[Entry] = [
        (
            (entry.id, text(library.texts, "en", f"rule.{entry.id}")),
            (
                f"when {entry.indicator} of {entry.product} in {entry.region} {entry.when} "
                f"{entry.threshold:g}"
                + (f" in {entry.window} years" if entry.when in ("rises", "falls") else ""),
                f"known {entry.delay:g} months after the year, noise {entry.noise:.0%}, "
                f"decided every {entry.interval:g} months",
                f"then {', '.join(f'{name} to {at:g}' for name, at in entry.then.items())}",
                f"source: {entry.source}",
                " ".join(entry.note.split()),
            ),
        )
        for entry in found
    ]
    return [listed("Adaptive rules", rows)]


def scenarios(catalogue: Catalogue, chosen: str | None) -> list[RenderableType]:
    """All scenarios, or one with everything that it moves."""
    library = load_library(catalogue)
    found = load(["all"] if chosen is None else [chosen], library)
    if chosen is not None:
        found = [one for one in found if chosen in (one.id, one.document.file)]
    rows = [((one.id, one.title), (one.description, *moves_text(library, one))) for one in found]
    return [listed("Scenarios", rows)]


def moves_text(library: Library, scenario: Scenario) -> list[str]:
    """What a scenario moves, a line for each kind of thing."""
    plan = scenario.plan
    moved = [name for name, at in plan.levers.items() if at]
    by_strategic = Counter(library.measures[name].strategic for name in moved)
    told = [f"{name} {by_strategic[name]}" for name in (*STRATEGY, "outside") if by_strategic[name]]
    trends = ", ".join(f"{name} {at:+g}" for name, at in plan.trends.items() if at)
    lines = {
        "measures": ", ".join(told),
        "trends": "all, drawn from their ranges" if plan.central_trends else trends,
        "events": ", ".join(f"{e.driver} from {e.start} ({e.size})" for e in plan.events),
        "rules": f"{len(plan.rules)}" if plan.rules else "",
        "changes": ", ".join(
            f"{c.handle} of {', '.join(c.products)} x {c.size:g} from {c.start}"
            for c in (change.entry for change in plan.changes)
        ),
    }
    return [f"{key}: {line}" for key, line in lines.items() if line]
