"""JSON Schema of the files that a user writes, so that an editor completes and checks them.

The shape comes from the models that read the files; the names that may stand there come from the
library. What one value must have to do with another is checked when the file is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from scenarios.entries import LONGEST_ID, POLICY_HANDLES
from scenarios.levers import LeverFile, selectable
from scenarios.library import Library
from scenarios.rules import EVERY, RuleFile
from scenarios.schema import BlockFile, ScenarioFile
from scenarios.trends import TrendFile

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: Mapping[str, type[BaseModel]] = {
    "scenario": ScenarioFile,
    "levers": LeverFile,
    "trends": TrendFile,
    "rules": RuleFile,
    "blocks": BlockFile,
}
MONTH = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
ID = {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": LONGEST_ID}
DAY = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
NULL = {"type": "null"}

# What each key is, by the model that has it; * stands for every other one.
KEYS: Mapping[str, Mapping[str, str]] = {
    "*": {
        "products": "ids, kinds (kind:illegal) or all",
        "regions": "whom it reaches; left out means everyone",
        "sexes": "whom it reaches; left out means everyone",
        "deprivation": "whom it reaches; left out means everyone",
        "ages": "first and last year of age, both included; null for no limit; whole bands only",
        "handle": "where it acts: drugfutures show handles",
        "source": "id of a source, or assumed: drugfutures show sources",
        "from": "first month",
        "to": "last month, included; without it the change stays",
        "note": "why the numbers are what they are",
        "levers": "positions of strategic or specific objectives (0 to 100) and measures",
        "trends": "positions of trends, -100 to 100; 0 is off",
        "central_trends": "every driver from its range, those of set trends left out",
        "events": "drivers that come for certain and at once",
        "rules": "adaptive rules, or all",
        "changes": "handles of the model moved directly",
        "settings": "how effects combine",
        "low": "lower end of the range",
        "high": "upper end of the range",
        "central": "middle of the range",
        "where": "page, DOI or table",
        "measures": "which measures a policy handle acts on; left out means all",
        "effects": "what it does",
    },
    "StudyFile": {
        "scenarios": "shipped ids, files relative to the study, or all; their rows are kept",
        "draws": "draws of each point; not beside a factor posterior",
        "seeds": "runs of agents of each draw; not beside a factor seed",
        "agents": "how many agents, or whole: one for each inhabitant",
        "switches": "refinements of agents that are not as they are by default: [network=off]",
        "prior": "true: draws of the priors, not of the posterior",
        "until": "last year of the runs",
        "factors": "what varies from point to point; left out: one point",
        "sample": "how the points are chosen; a sensitivity analysis takes its own",
        "keep": "what is kept of each run",
        "block": "rows that are computed and written at once",
    },
    "FactorEntry": {
        "trend": "position of a trend, -100 to 100",
        "lever": "position of an objective (0 to 100) or of a measure",
        "effect": "size of a measure's effect: quantiles of its range",
        "parameter": "a row of the parameters that is not fitted: quantiles of its prior",
        "posterior": "how many draws: each point has one of them",
        "sizes": "how many draws of the sizes of measures and trends: each point has one of them",
        "structure": "subadditivity or floor (low, high), or a switch of agents (values)",
        "seed": "how many seeds of agents: each point has one of them",
        "low": "lower end",
        "high": "upper end",
        "values": "values of a switch, in quotes",
        "group": "factors of one group can be judged as one",
    },
    "KeepEntry": {
        "indicators": "all, main, or ids",
        "products": "all, or ids of products and unions",
        "years": "a list, or {from: 2024, to: 2030}",
        "groups": "groups of people, or all",
        "quantiles": "over draws and seeds; left out: every draw is kept",
    },
    "RuleFile": {"rules": "adaptive rules; one of a known id replaces it"},
    "ObjectiveEntry": {"measures": "measures; one of a known id replaces it"},
    "ScenarioFile": {
        "branch": "month in which the run leaves the reference",
        "blocks": "named blocks of moves; later ones, then the scenario's own, override positions",
        "title": "name; from the texts if left out",
        "description": "one or two sentences; from the texts if left out",
    },
    "ChangeEntry": {
        "multiplier": "1 is no change",
        "level": "instead of multiplier, for handles that take a level; 0 is none",
    },
    "Settings": {
        "subadditivity": "below 1, measures on one handle add up to less than their sum",
        "floor": "measures together never move a hazard below this ratio, or above its inverse",
    },
    "Effect": {
        "form": "share: 1 + c (e - 1); dose: e to the power c; level: c e; points: a curve",
        "effect": "e, among those reached at position 100",
        "points": "multiplier by position, straight lines between",
        "as": "what the effect is a ratio of; odds and risks need a baseline",
        "coverage": "share of those meant who are reached at position 100",
        "interval": "what low to high is: 95 (default of sourced numbers) or 90 (of assumed ones)",
        "fades": "share of the effect lost each year; the measure's if left out",
    },
    "MeasureEntry": {
        "in_strategy": "named or implied belongs to the objective's ambition",
        "range": "ends of the position",
        "full": "what position 100 is in the real world",
        "joint": "needs the chains of security and health together",
        "fidelity": "depends on how well it is carried out",
        "local": "cities and local actors decide",
        "indicator": "what it should move at position 100",
        "published": "the effect as published, to set the model beside",
        "reach": "share of each deprivation group that is reached, relative to the coverage",
    },
    "Timing": {
        "start": "first month of the measure",
        "lag": "years from the start to the first effect",
        "ramp": "years from the first to the full effect",
        "fades": "share of the effect lost each year once it is whole",
    },
    "DriverEffect": {
        "low": "multiplier in 2030 against 2023, 5% point",
        "central": "the same, median",
        "high": "the same, 95% point",
        "plus": "which end +100 is (adverse and mixed drivers)",
        "minus": "which end -100 is (favourable and mixed drivers)",
    },
    "Shock": {
        "months": "how long it lasts; null: it stays",
        "by_2030": "true: the probability is until 2030; false: a year",
        "event": "drivers of one event happen together",
    },
    "RuleEntry": {
        "when": "rises and falls: relatively, over the window; above and below: the level",
        "window": "years",
        "noise": "standard deviation of the logarithm of a year's figure",
        "delay": "months until the figure of a year is known",
        "interval": "months between decisions",
        "then": "positions of measures that begin",
    },
}


def json_schema(kind: str, library: Library, model: type[BaseModel] | None = None) -> Json:
    """JSON Schema (draft 2020-12) of a kind of ``MODELS``, with the names of a library.

    ``model``: that of a file which a room above this one reads.
    """
    model = MODELS[kind] if model is None else model
    made = model.model_json_schema(by_alias=True)
    definitions: Json = made.pop("$defs", {})
    names = _names(library)
    for name, definition in {**definitions, model.__name__: made}.items():
        definition.pop("title", None)
        _plain_words(definition)
        for key, given in definition.get("properties", {}).items():
            definition["properties"][key] = _filled(name, key, given)
    used = {**definitions, **{f"name.{name}": {"enum": list(of)} for name, of in names.items()}}
    kept = _reached(made, used)
    head = {"$schema": DIALECT, "title": f"Drug Futures: {kind}"}
    return {**head, **made, "$defs": {name: used[name] for name in sorted(kept)}}


def _names(library: Library) -> dict[str, Iterable[str]]:
    """Names that the files may use, each list once."""
    known = library.known
    drivers = list(library.drivers)
    groups = [f"transition:{group}" for group in (*known.counted, "completion")]
    return {
        "handle": known.handles,
        "acting": [*known.handles, *POLICY_HANDLES],
        "product": known.names,
        "owner": [*known.products, *known.unions],
        "source": known.sources,
        "indicator": known.indicators,
        "published": [*known.indicators, *groups],
        "measure": library.measures,
        "selected": selectable(library.measures),
        "lever": library.levers,
        "trend": library.trends,
        "driver": drivers,
        "linked": [*library.trends, *drivers],
        "rule": [*library.rules, EVERY],
        "block": library.blocks,
        "kept": [*known.indicators, "all", "main"],
        "told_of": [*known.products, *known.unions, "all"],
    }


def _name(name: str) -> Json:
    return {"$ref": f"#/$defs/name.{name}"}


def _some(name: str) -> Json:
    """One word, or a list of words."""
    return {"anyOf": [_name(name), {"type": "array", "items": _name(name)}]}


def _positions(given: Json, name: str) -> Json:
    return {**given, "propertyNames": _name(name)}


# Names and forms by model and key; * stands for every other model.
_FORMS: Mapping[tuple[str, str], Json] = {
    ("*", "products"): _some("product"),
    ("*", "handle"): _name("acting"),
    ("ChangeEntry", "handle"): _name("handle"),
    ("*", "source"): _name("source"),
    ("*", "reach_source"): _name("source"),
    ("*", "from"): MONTH,
    ("*", "to"): MONTH,
    ("*", "start"): MONTH,
    ("*", "branch"): MONTH,
    ("*", "date"): DAY,
    ("*", "event"): ID,
    ("*", "product"): _name("owner"),
    ("*", "of"): _name("published"),
    ("*", "driver"): _name("driver"),
    ("Indicator", "id"): _name("indicator"),
    ("RuleEntry", "indicator"): _name("indicator"),
    ("RuleEntry", "id"): ID,
    ("MeasureEntry", "id"): ID,
    ("ScenarioFile", "id"): ID,
    ("ScenarioFile", "blocks"): _some("block"),
    ("ScenarioFile", "rules"): _some("rule"),
    ("Moves", "rules"): _some("rule"),
    ("Effect", "measures"): _some("selected"),
    ("DriverEffect", "measures"): _some("selected"),
    ("StudyFile", "id"): ID,
    ("FactorEntry", "trend"): _name("trend"),
    ("FactorEntry", "lever"): _name("lever"),
    ("FactorEntry", "effect"): _name("measure"),
    ("KeepEntry", "indicators"): _some("kept"),
    ("KeepEntry", "products"): _some("told_of"),
    ("KeepEntry", "years"): {"type": ["array", "integer", "object"], "items": {"type": "integer"}},
    ("DriverEntry", "interacts_with"): {"type": "array", "items": _name("linked")},
}
_POSITIONS = {"levers": "lever", "trends": "trend", "then": "measure"}
_LABELS = ("regions", "sexes", "deprivation")


def _filled(owner: str, key: str, given: Json) -> Json:
    """A key with the names that may stand there and a word on what it is."""
    given.pop("title", None)
    form = _FORMS.get((owner, key)) or _FORMS.get(("*", key))
    nullable = NULL in given.get("anyOf", ())
    if form is not None:
        made = {"anyOf": [form, NULL]} if nullable else {**form}
        made |= {"default": given["default"]} if "default" in given else {}
    elif key in _POSITIONS:
        made = _positions(given, _POSITIONS[key])
    elif (owner, key) == ("BlockFile", "blocks"):
        made = {**given, "propertyNames": ID}
    elif key in _LABELS and "items" in given:
        labels = {"enum": [*given["items"]["enum"], "all"]}
        made = {"anyOf": [given, labels, {"type": "array", "items": labels, "maxItems": 1}]}
    elif key == "ages" and not nullable:
        made = {"anyOf": [given, {"const": "all"}, NULL]}
    elif key == "sexes":
        made = {"anyOf": [*given["anyOf"], {"type": "string"}]}
    else:
        made = {**given}
    told = KEYS.get(owner, {}).get(key) or KEYS["*"].get(key)
    return made if told is None else {**made, "description": told}


def _plain_words(definition: Json) -> None:
    """The first sentence of a docstring, without the marks of code."""
    if "description" in definition:
        told = str(definition["description"]).split("\n\n")[0].replace("``", "")
        definition["description"] = " ".join(told.split())


def _reached(made: object, definitions: Mapping[str, Json]) -> set[str]:
    """Names of the definitions that something refers to, directly or not."""
    found: set[str] = set()
    waiting: list[object] = [made]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found
