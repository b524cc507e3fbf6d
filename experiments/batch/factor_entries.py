"""From the factors of a study file to factors: names found, bounds checked, labels in English."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.batch.factors import Factor, Kind
from experiments.batch.study_file import KINDS, FactorEntry, StudyFile
from experiments.runs.agent_options import read_switches
from model.agents.terms import OWNER as AGENTS
from model.errors import InputError
from model.parameters import SELECTORS, ParameterRow
from scenarios.checked import nearest, one_of, refusal
from scenarios.entries import ASSUMED
from scenarios.levers import STRATEGY, Measure, position_error
from scenarios.library import Library
from scenarios.lines import Document, Place
from scenarios.texts import text
from scenarios.trends import assumed as assumed_driver

QUANTILES = (0.001, 0.999)
TREND_ENDS = (-100.0, 100.0)
SETTINGS: Mapping[str, tuple[float, float, str, str]] = {
    "subadditivity": (0.3, 1.0, "exponent", "How measures on one handle add up (subadditivity)"),
    "floor": (0.01, 1.0, "ratio of hazards", "Least that measures together leave of a hazard"),
}
# Kinds that act before a branch: runs replay from 2010. The others branch off a shared past.
HISTORY: tuple[Kind, ...] = ("parameter", "posterior", "seed")
MOST_PRIOR_DRAWS = 100_000
_ENGINE_ONLY = "only a study with engine: agents has this"


@dataclass(frozen=True)
class Surroundings:
    """What the factors of a file are checked beside.

    ``fitted``: keys that the posterior holds, none of a run on the priors. ``draws``: how many
    draws there are.
    """

    file: StudyFile
    document: Document
    library: Library
    fitted: frozenset[str]
    draws: int


def resolve(around: Surroundings) -> tuple[Factor, ...]:
    """The factors of a study file in its order; none when it has none. Raises InputError."""
    file, document = around.file, around.document
    if file.factors is None:
        return ()
    if not file.factors:
        allowed = "one factor or more, such as {trend: F1, low: -100, high: 100}; or no key factors"
        raise refusal(document, ("factors",), "the list of factors is empty", [], allowed)
    found: list[Factor] = []
    for i, entry in enumerate(file.factors):
        place: Place = ("factors", i)
        kind = _kind_of(entry, document, place)
        factor = _RESOLVE[kind](entry, place, around)
        _check_overlap(factor, found, place, around)
        found.append(factor)
    return tuple(found)


def _kind_of(entry: FactorEntry, document: Document, place: Place) -> str:
    kinds = entry.kinds
    if len(kinds) == 1:
        return kinds[0]
    message = "a factor names two things" if kinds else "a factor names nothing"
    given = " and ".join(kinds) if kinds else "(none of these keys)"
    raise refusal(document, (*place, *kinds[1:2]), message, given, f"one of {', '.join(KINDS)}")


def _ends(entry: FactorEntry, place: Place, around: Surroundings, told: str) -> tuple[float, float]:
    """Both ends, in order; ``told``: what may stand there, in words."""
    document = around.document
    for key in ("low", "high"):
        if getattr(entry, key) is None:
            raise refusal(document, (*place, key), "a key is missing", "(nothing)", told)
    _refuse(entry, ("values",), place, around, "low and high alone")
    assert entry.low is not None
    assert entry.high is not None
    if entry.low >= entry.high:
        message = "the bounds are reversed" if entry.low > entry.high else "the bounds are equal"
        given = f"low {entry.low:g}, high {entry.high:g}"
        raise refusal(document, (*place, "high"), message, given, f"low below high: {told}")
    return entry.low, entry.high


def _refuse(
    entry: FactorEntry, keys: Sequence[str], place: Place, around: Surroundings, allowed: str
) -> None:
    """Refuse keys that mean nothing for a kind of factor."""
    for key in keys:
        if getattr(entry, key) is not None:
            raise refusal(
                around.document, (*place, key), "the wrong key", getattr(entry, key), allowed
            )


def _within(
    entry: FactorEntry, place: Place, around: Surroundings, span: tuple[float, float], what: str
) -> tuple[float, float]:
    told = f"{what} from {span[0]:g} to {span[1]:g}"
    low, high = _ends(entry, place, around, told)
    for key, value in (("low", low), ("high", high)):
        if not span[0] <= value <= span[1]:
            message = "the bound is out of range"
            raise refusal(around.document, (*place, key), message, value, told)
    return low, high


def _trend(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    library, name = around.library, str(entry.trend)
    one_of(around.document, (*place, "trend"), name, library.trends, "trend")
    low, high = _within(entry, place, around, TREND_ENDS, "positions")
    drivers = [d for d in library.drivers.values() if d.trend == name and d.entry.effects]
    return Factor(
        id=f"trend:{name}",
        kind="trend",
        name=name,
        label=f"{name} {_text(library, f'trend.{name}')}",
        low=low,
        high=high,
        unit="position",
        group=entry.group or name,
        history=False,
        assumed=all(assumed_driver(driver) for driver in drivers),
    )


def _lever(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    library, name = around.library, str(entry.lever)
    document = around.document
    one_of(document, (*place, "lever"), name, library.levers, "lever")
    low, high = _ends(entry, place, around, "positions, 0 for current policy to 100")
    measure = library.measures.get(name)
    for key, value in (("low", low), ("high", high)):
        if error := position_error(measure, value):
            raise refusal(document, (*place, key), error.message, value, str(error.allowed))
    members = [library.measures[one] for one in library.members(name)]
    if not members:
        allowed = "an objective with measures that the strategy names or implies, or a measure"
        raise refusal(document, (*place, "lever"), "the lever moves nothing", name, allowed)
    return Factor(
        id=f"lever:{name}",
        kind="lever",
        name=name,
        label=_lever_label(name, library),
        low=low,
        high=high,
        unit="position",
        group=entry.group or members[0].strategic,
        history=False,
        assumed=all(_assumed_measure(member) for member in members),
    )


def _lever_label(name: str, library: Library) -> str:
    if name in library.measures:
        return _text(library, f"measure.{name}")
    group = "strategic" if name in STRATEGY else "objective"
    return f"{name} {_text(library, f'{group}.{name}')}"


def _assumed_measure(measure: Measure) -> bool:
    """Whether the sizes of all its effects rest on assumption."""
    entry = measure.entry
    return entry.grade == "unverified" or all(
        ((effect.effect and effect.effect.source) or effect.source or entry.source) == ASSUMED
        for effect in entry.effects
    )


def ranged(measure: Measure) -> bool:
    """Whether an effect of a measure has a size with a range."""
    return any(e.effect is not None and e.effect.low is not None for e in measure.entry.effects)


def _effect(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    library, name = around.library, str(entry.effect)
    place_of, names = (*place, "effect"), list(library.measures)
    one_of(around.document, place_of, name, names, "measure")
    measure = library.measures[name]
    if not ranged(measure):
        able = [one.id for one in library.measures.values() if ranged(one)]
        message = "the effects of the measure have no range; vary its lever instead"
        raise refusal(around.document, place_of, message, name, nearest(name, able))
    low, high = _within(entry, place, around, QUANTILES, "quantiles")
    return Factor(
        id=f"effect:{name}",
        kind="effect",
        name=name,
        label=f"Size of the effect: {_text(library, f'measure.{name}')}",
        low=low,
        high=high,
        unit="quantile",
        group=entry.group or measure.strategic,
        history=False,
        assumed=_assumed_measure(measure),
    )


def _parameter(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    document, at = around.document, (*place, "parameter")
    row = _row_of(str(entry.parameter), at, around)
    users = around.library.catalogue.folder
    own = users is not None and Path(row.file).parent == users
    if row.distribution == "fixed":
        allowed = "a parameter with a prior: drugfutures show parameters"
        raise refusal(document, at, "the parameter is fixed", row.key, allowed)
    if row.key in around.fitted and not own:
        allowed = (
            "vary posterior instead; setting it alone would undo its agreement with the figures"
        )
        raise refusal(document, at, "the parameter is fitted", row.key, allowed)
    if row.product == AGENTS and around.file.engine != "agents":
        raise refusal(document, at, _ENGINE_ONLY, row.key, "engine: agents, or another parameter")
    low, high = _within(entry, place, around, QUANTILES, "quantiles of its prior")
    return Factor(
        id=f"parameter:{row.key}",
        kind="parameter",
        name=row.key,
        label=_row_label(row, around.library),
        low=low,
        high=high,
        unit="quantile",
        group=entry.group or row.product,
        history=True,
        assumed=ASSUMED in (row.role, row.evidence, row.source),
    )


def _row_of(given: str, at: Place, around: Surroundings) -> ParameterRow:
    """The row of a key; of one without selectors, ``product/parameter`` is enough."""
    rows = {row.key: row for row in around.library.catalogue.parameters}
    everywhere = f"{given}[{',' * (len(SELECTORS) - 1)}]"
    key = everywhere if everywhere in rows else given
    if key not in rows:
        free = [name for name, row in rows.items() if row.distribution != "fixed"]
        able = [name for name in free if name not in around.fitted]
        near = [name for name in able if name.startswith(f"{given}[")]
        allowed = near or nearest(given, able)
        raise refusal(around.document, at, "unknown parameter", given, allowed)
    return rows[key]


def _row_label(row: ParameterRow, library: Library) -> str:
    names = {one.id: one.name for one in library.catalogue.products}
    selectors = [str(getattr(row, name)) for name in SELECTORS[:1] if getattr(row, name)]
    if row.age_min is not None or row.age_max is not None:
        last = "+" if row.age_max is None else f"-{row.age_max}"
        selectors.append(f"{row.age_min or 0}{last}")
    selectors += [str(part) for part in (row.region, row.deprivation) if part is not None]
    words = row.parameter.replace("_", " ")
    owner = {"*": "all products", AGENTS: "agents"}.get(row.product)
    owner = owner or names.get(row.product) or row.product.replace("kind:", "all products: ")
    reached = f" ({', '.join(selectors).replace('_', ' ')})" if selectors else ""
    return f"{words[:1].upper()}{words[1:]}, {owner}{reached}"


def _posterior(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    document, at = around.document, (*place, "posterior")
    file, count = around.file, int(entry.posterior or 0)
    _refuse(entry, ("low", "high", "values"), place, around, "the number of draws alone")
    if count > around.draws:
        allowed = f"2 to {around.draws}"
        allowed += ", or prior: true for draws of the priors" if not file.prior else ""
        raise refusal(document, at, "there are fewer draws", count, allowed)
    if file.draws is not None:
        allowed = "either draws, or a factor posterior (it says which draw a point has)"
        message = "draws stand beside a factor posterior"
        raise refusal(document, ("draws",), message, file.draws, allowed)
    label = "Draw of the parameters, fitted or not"
    if not any(one.sizes is not None for one in file.factors or ()):
        label += "; of sizes of measures and of chance of events"
    return _loose(entry, "posterior", label, count)


def _sizes(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    """Which numbers name the sizes of all that scenarios move, apart from the parameters."""
    _refuse(entry, ("low", "high", "values"), place, around, "the number of draws alone")
    label = "Sizes and coverage of measures, sizes of trends, chance of events (draw)"
    return _loose(entry, "sizes", label, int(entry.sizes or 0))


def _seed(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    document, file = around.document, around.file
    if file.engine != "agents":
        allowed = "engine: agents, or another factor: compartments know no chance"
        raise refusal(document, (*place, "seed"), _ENGINE_ONLY, entry.seed, allowed)
    _refuse(entry, ("low", "high", "values"), place, around, "the number of seeds alone")
    if file.seeds is not None:
        allowed = "either seeds, or a factor seed (it says which seed a point has)"
        message = "seeds stand beside a factor seed"
        raise refusal(document, ("seeds",), message, file.seeds, allowed)
    return _loose(entry, "seed", "Seed of the agents (chance)", int(entry.seed or 0))


def _loose(entry: FactorEntry, kind: Kind, label: str, count: int) -> Factor:
    return Factor(
        id=kind,
        kind=kind,
        name=kind,
        label=label,
        low=0.0,
        high=float(count),
        unit="seed" if kind == "seed" else "draw",
        group=entry.group or kind,
        history=kind in HISTORY,
        assumed=kind == "sizes",
    )


def _structure(entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    name = str(entry.structure)
    if name not in SETTINGS:
        return _switch(name, entry, place, around)
    least, most, unit, label = SETTINGS[name]
    low, high = _within(entry, place, around, (least, most), "values")
    return Factor(
        id=f"structure:{name}",
        kind="structure",
        name=name,
        label=label,
        low=low,
        high=high,
        unit=unit,
        group=entry.group or "structure",
        history=False,
        assumed=True,
    )


def switch_names() -> tuple[str, ...]:
    """Names of the switches of agents."""
    from dataclasses import fields

    from model.agents.engine import Switches

    return tuple(one.name for one in fields(Switches))


def _switch(name: str, entry: FactorEntry, place: Place, around: Surroundings) -> Factor:
    document, file, at = around.document, around.file, (*place, "structure")
    known = [*SETTINGS, *switch_names()]
    one_of(document, at, name, known, "structure")
    if file.engine != "agents":
        allowed = f"engine: agents, or {' or '.join(SETTINGS)}"
        raise refusal(document, at, _ENGINE_ONLY, name, allowed)
    _refuse(entry, ("low", "high"), place, around, "values, such as values: ['on', 'off']")
    values = entry.values or []
    for i, value in enumerate(values):
        try:
            read_switches([f"{name}={value}"])
        except InputError as error:
            allowed = str(error.allowed).replace(f"{name}=", "")
            where = (*place, "values", i)
            raise refusal(document, where, error.message, value, allowed) from None
    if len(values) < 2 or len(set(values)) < len(values):
        told = "a list of two values or more, each once, such as ['on', 'off']"
        message = "a key is missing" if entry.values is None else "too few values"
        raise refusal(document, (*place, "values"), message, values or "(nothing)", told)
    return Factor(
        id=f"structure:{name}",
        kind="structure",
        name=name,
        label=f"Agents: {name}",
        low=0.0,
        high=float(len(values)),
        unit="value",
        group=entry.group or "structure",
        history=True,
        assumed=True,
        values=tuple(values),
    )


_RESOLVE: Mapping[str, Callable[[FactorEntry, Place, Surroundings], Factor]] = {
    "trend": _trend,
    "lever": _lever,
    "effect": _effect,
    "parameter": _parameter,
    "posterior": _posterior,
    "sizes": _sizes,
    "structure": _structure,
    "seed": _seed,
}


def _check_overlap(
    factor: Factor, earlier: Collection[Factor], place: Place, around: Surroundings
) -> None:
    """Refuse a factor twice, and a lever that sets what another one sets."""
    document, at = around.document, (*place, factor.kind)
    for i, other in enumerate(earlier):
        line = document.line(("factors", i))
        if other.id == factor.id:
            allowed = f"each factor once (the first is line {line})"
            raise refusal(document, at, "the factor stands twice", factor.name, allowed)
        if factor.kind != "lever" or other.kind != "lever":
            continue
        members = around.library.members
        both = [one for one in members(factor.name) if one in members(other.name)]
        if both:
            allowed = f"one of the two: both set {', '.join(both[:3])} ({other.name}: line {line})"
            message = f"the lever overlaps {other.name}"
            raise refusal(document, at, message, factor.name, allowed)
    switches = [one.partition("=")[0] for one in around.file.switches or ()]
    if factor.kind == "structure" and factor.name in switches:
        number = switches.index(factor.name)
        allowed = "either a switch for the whole study, or a factor"
        where = ("switches", number)
        raise refusal(document, where, "the switch is a factor as well", factor.name, allowed)


def history_in_words(factors: Sequence[Factor]) -> tuple[str, ...]:
    """Which factors replay the past and which branch off, in sentences for printing."""
    replay = [factor.label for factor in factors if factor.history]
    branch = [factor.label for factor in factors if not factor.history]
    told = []
    if replay:
        told.append(f"Replayed from 2010, as they act on the past: {'; '.join(replay)}.")
    if branch:
        told.append(f"From the branch of each scenario on: {'; '.join(branch)}.")
    return tuple(told)


def _text(library: Library, key: str) -> str:
    """The English text of a key; what it names where a user's folder has none."""
    try:
        return text(library.texts, "en", key)
    except InputError:
        return key.partition(".")[2]
