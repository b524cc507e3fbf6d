"""Which kind of file a path holds, and whether it is sound beside everything that is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal, Protocol, get_args

from model.catalogue import TABLE_ROWS
from model.errors import InputError
from model.events import month_number
from scenarios.checked import refusal
from scenarios.levers import OUTSIDE, STRATEGY, read_levers
from scenarios.library import FUTURES, Library, check_blocks, read_scenario
from scenarios.lines import Document, read_yaml
from scenarios.rules import read_rules
from scenarios.schema import Moves, Plan
from scenarios.texts import FOLDER, LANGUAGES, TEXT_KEY, TOLD, read_texts
from scenarios.trends import CROSS_IMPACT, read_cross_impact, read_trends

Kind = Literal["scenario", "levers", "trends", "rules", "blocks", "texts", "cross-impact"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Where a catalogue's folder and the package keep each kind.
_FOLDERS: Mapping[str, Kind] = {
    "levers": "levers",
    "trends": "trends",
    "futures": "scenario",
    "texts": "texts",
}
_NAMES: Mapping[str, Kind] = {
    "rules.yaml": "rules",
    "blocks.yaml": "blocks",
    CROSS_IMPACT: "cross-impact",
}
MOST_TOLD = 5  # blocks of a file that its line tells of
_TREND = re.compile(r"F[0-9]+")


def kind_of(path: Path, catalogue: Path | None = None) -> Kind:
    """The kind of a file, by its keys; by its place where they do not tell.

    Raises InputError when the file is no YAML, or stands where another kind is read.
    """
    place = _NAMES.get(path.name) or _FOLDERS.get(path.absolute().parent.name)
    if path.suffix == ".csv":
        if path.stem in TABLE_ROWS:
            allowed = "drugfutures validate --catalogue FOLDER, which checks them all"
            raise InputError("tables are checked together", file=str(path), allowed=allowed)
        return "cross-impact"
    document = read_yaml(path)
    told = _told(document.value)
    homes = {FUTURES.parent, *(() if catalogue is None else (catalogue.absolute(),))}
    at_home = path.absolute().parent in homes or path.absolute().parent.parent in homes
    if told is not None and place not in (None, told) and at_home:
        message = f"a file of {told} stands where {place} are read"
        raise refusal(document, (), message, path.name, f"a file of {place}, or another folder")
    return told or place or "scenario"


def _told(value: object) -> Kind | None:
    """What the keys of a file tell."""
    if not isinstance(value, dict) or not value:
        return None
    identity, keys = str(value.get("id", "")), set(value)
    if "objectives" in keys or identity in (*STRATEGY, OUTSIDE):
        return "levers"
    if "drivers" in keys or _TREND.fullmatch(identity):
        return "trends"
    if all(TEXT_KEY.fullmatch(key) for key in keys):
        return "texts"
    if "id" in keys:
        return "scenario"
    if keys == {"rules"} and isinstance(value["rules"], list):
        return "rules" if any(isinstance(rule, dict) for rule in value["rules"]) else None
    return "blocks" if isinstance(value.get("blocks"), dict) else None


def check_file(path: Path, library: Library) -> str:
    """Check one file beside the library and say in one line what it is.

    Raises InputError with file, line, key, given and allowed.
    """
    checks: Mapping[Kind, Callable[[Path, Library], str]] = {
        "scenario": _scenario,
        "levers": _levers,
        "trends": _trends,
        "rules": _rules,
        "blocks": _blocks,
        "texts": _texts,
        "cross-impact": _cross_impact,
    }
    return checks[kind_of(path, library.catalogue.folder)](path, library)


def _scenario(path: Path, library: Library) -> str:
    found = read_scenario(path, library)
    year, month = divmod(found.branch, 12)
    branch = f"{2010 + year}-{month + 1:02d}"
    assert month_number(branch) == found.branch
    return f"scenario {found.id}, from {branch}: {_moved(found.plan)}"


def _moved(plan: Plan | Moves) -> str:
    lever = "measure" if isinstance(plan, Plan) else "lever"
    parts = [
        _count(sum(1 for position in plan.levers.values() if position), lever),
        _count(sum(1 for position in plan.trends.values() if position), "trend"),
        "all trends from their ranges" if plan.central_trends else "",
        _count(len(plan.events), "event"),
        _count(len(plan.rules), "rule"),
        _count(len(plan.changes), "change"),
    ]
    return ", ".join(part for part in parts if part) or "nothing moves"


def _count(number: int, what: str) -> str:
    return "" if number == 0 else f"{number} {what}{'' if number == 1 else 's'}"


class _Placed(Protocol):
    @property
    def document(self) -> Document: ...


def _beside(path: Path, found: Collection[str], known: Mapping[str, _Placed]) -> str:
    """How many of what a file holds are new, and how many replace what other files hold."""
    replaced = [
        name
        for name in found
        if name in known and Path(known[name].document.file).absolute() != path.absolute()
    ]
    new = len(set(found) - set(known))
    parts = [
        f"{new} new" if new else "",
        f"{len(replaced)} in place of known ones" if replaced else "",
    ]
    told = ", ".join(part for part in parts if part)
    return f" ({told})" if told else ""


def _lacking(group: str, ids: Collection[str], library: Library) -> str:
    """What a line says of texts that are lacking.

    Raises InputError with all of the English ones where a folder of a user was given.
    """
    needed = [f"{group}.{name}{end}" for name in ids for end in TOLD[group]]
    missing = [key for key in needed if key not in library.texts["en"]]
    if not missing:
        english = [one for one in LANGUAGES if any(key not in library.texts[one] for key in needed)]
        return f"; {', '.join(english)}: shown in English for want of texts" if english else ""
    folder = library.catalogue.folder
    if folder is None:
        return f"; a catalogue's texts/en.yaml must hold {', '.join(missing)}"
    raise InputError(
        "texts are missing",
        file=str(folder / FOLDER / "en.yaml"),
        given=missing,
        allowed="a line KEY: words for each",
    )


def _levers(path: Path, library: Library) -> str:
    found = read_levers([path], library.known, library.measures)
    strategic = "".join(sorted({measure.strategic for measure in found.values()}))
    effects = sum(len(measure.entry.effects) for measure in found.values())
    return (
        f"levers {strategic or 'of nothing'}: {_count(len(found), 'measure') or 'no measure'}"
        f"{_beside(path, found, library.measures)}, {_count(effects, 'effect') or 'no effect'}"
        f"{_lacking('measure', found, library)}"
    )


def _trends(path: Path, library: Library) -> str:
    found = read_trends([path], library.known, library.measures, library.drivers)
    trend = next(iter(found.values())).trend
    effects = sum(len(driver.entry.effects) for driver in found.values())
    return (
        f"trend {trend}: {_count(len(found), 'driver')}"
        f"{_beside(path, found, library.drivers)}, {_count(effects, 'effect') or 'no effect'}"
        f"{_lacking('driver', found, library)}"
    )


def _rules(path: Path, library: Library) -> str:
    found = read_rules([path], library.known, library.measures)
    told = f"rules: {_count(len(found), 'rule') or 'none'}{_beside(path, found, library.rules)}"
    return told + _lacking("rule", found, library)


def _blocks(path: Path, library: Library) -> str:
    found = check_blocks(path, library)
    moved = [f"; {name}: {_moved(block.moves)}" for name, block in found.items()]
    told = "".join([*moved[:MOST_TOLD], "; ..." if len(moved) > MOST_TOLD else ""])
    number = _count(len(found), "block") or "none"
    return f"blocks: {number}{_beside(path, found, library.blocks)}{told}"


def _texts(path: Path, library: Library) -> str:
    if path.stem not in LANGUAGES:
        allowed = [f"{language}.yaml" for language in LANGUAGES]
        raise InputError("unknown file of texts", file=str(path), given=path.name, allowed=allowed)
    english = None if path.stem == "en" else library.texts["en"]
    found = read_texts(path, english)
    return f"texts {path.stem}: {_count(len(found), 'text') or 'none'}"


def _cross_impact(path: Path, library: Library) -> str:
    matrix = read_cross_impact(path, library.trends)
    pairs = int((matrix != 0.0).sum() - len(matrix)) // 2
    return f"cross-impact of {len(matrix)} trends: {pairs} pairs go together"
