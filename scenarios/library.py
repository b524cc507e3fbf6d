"""Everything that scenarios may name: levers, trends, rules, blocks and scenarios, by id.

Shipped files come first; a user's folder (``--catalogue DIR``) adds to them or replaces entries of
the same id: ``levers/*.yaml, trends/*.yaml, rules.yaml, blocks.yaml, futures/*.yaml, texts/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.catalogue import Catalogue
from model.errors import InputError
from model.events import month_number
from scenarios.checked import entry_of, nearest, one_of, read_entry, refusal
from scenarios.entries import Known, check_month, first_month, known_names
from scenarios.levers import LEVERS, STRATEGY, Measure, position_error, read_levers
from scenarios.lines import Document, Place, read_yaml, short
from scenarios.rules import EVERY, RULES, AdaptiveRule, read_rules
from scenarios.schema import (
    DEFAULT,
    REFERENCE,
    BlockFile,
    Moves,
    PlacedChange,
    Plan,
    Scenario,
    ScenarioFile,
    Settings,
    check_change,
    digest_of,
)
from scenarios.texts import load_texts, text
from scenarios.trends import CROSS_IMPACT, TRENDS, Driver, read_cross_impact, read_trends

FUTURES = Path(__file__).with_name("futures")
BLOCKS = Path(__file__).with_name("blocks.yaml")
SUFFIXES = (".yaml", ".yml")
KINDS = (REFERENCE, "strategy", "central", "trend", "future", "stress")


@dataclass(frozen=True)
class Block:
    """A named block, and where it stands."""

    moves: Moves
    document: Document
    place: Place


@dataclass(frozen=True)
class Library:
    """What scenarios may name."""

    catalogue: Catalogue
    known: Known
    measures: Mapping[str, Measure]
    drivers: Mapping[str, Driver]
    trends: tuple[str, ...]
    cross_impact: npt.NDArray[np.float64]  # (trends, trends)
    rules: Mapping[str, AdaptiveRule]
    blocks: Mapping[str, Block]
    futures: Mapping[str, Path]
    texts: Mapping[str, Mapping[str, str]]

    @property
    def objectives(self) -> tuple[str, ...]:
        """Specific objectives in order."""
        found = {m.objective for m in self.measures.values() if m.objective != "none"}
        return tuple(sorted(found))

    def members(self, lever: str) -> tuple[str, ...]:
        """Measures that a lever moves: one, or those of an objective's ambition."""
        if lever in self.measures:
            return (lever,)
        return tuple(
            m.id
            for m in self.measures.values()
            if m.ambition and lever in (m.strategic, m.objective)
        )

    @property
    def levers(self) -> tuple[str, ...]:
        """All that can stand under ``levers``."""
        return (*STRATEGY, *self.objectives, *self.measures)


def load_library(catalogue: Catalogue) -> Library:
    """Read and check all shipped files, then those of the catalogue's folder. InputError."""
    folder, known = catalogue.folder, known_names(catalogue)
    measures = read_levers(_files(LEVERS, folder, "levers"), known)
    drivers = read_trends(_files(TRENDS, folder, "trends"), known, measures)
    trends = tuple(dict.fromkeys(driver.trend for driver in drivers.values()))
    library = Library(
        catalogue=catalogue,
        known=known,
        measures=measures,
        drivers=drivers,
        trends=trends,
        cross_impact=read_cross_impact(_cross_impact(folder), trends),
        rules=read_rules(_file(RULES, folder), known, measures),
        blocks={},
        futures=_in_order({path.stem: path for path in _files(FUTURES, folder, "futures")}),
        texts=load_texts(folder),
    )
    return replace(library, blocks=_read_blocks(_file(BLOCKS, folder), library))


def _files(shipped: Path, folder: Path | None, name: str) -> list[Path]:
    """Shipped files, then those of a user's folder, which may hold nothing else. InputError."""
    found, own = sorted(shipped.glob("*.yaml")), None if folder is None else folder / name
    if own is None or not own.exists():
        return found
    if not own.is_dir():
        raise InputError(
            f"{name} must be a folder", file=str(own), allowed="a folder of YAML files"
        )
    for path in sorted(own.iterdir()):
        besides = path.name.startswith((".", "README")) or (
            name == "trends" and path.name == CROSS_IMPACT
        )
        if path.suffix in SUFFIXES:
            found.append(path)
        elif not besides:
            allowed = "NAME.yaml" + (f", {CROSS_IMPACT}" if name == "trends" else "")
            raise InputError(f"unknown file of {name}", file=str(path), allowed=allowed)
    return found


def _in_order(futures: dict[str, Path]) -> dict[str, Path]:
    """Shipped scenarios by their kind, the reference first; a user's own come last."""

    def rank(name: str) -> tuple[int, str]:
        kinds = [i for i, kind in enumerate(KINDS) if name.startswith(kind)]
        own = futures[name].parent != FUTURES
        return (len(KINDS) if own or not kinds else kinds[0], name)

    return {name: futures[name] for name in sorted(futures, key=rank)}


def _file(shipped: Path, folder: Path | None) -> list[Path]:
    own = [] if folder is None else [folder / shipped.name]
    return [path for path in (shipped, *own) if path.exists()]


def _cross_impact(folder: Path | None) -> Path:
    own = None if folder is None else folder / "trends" / CROSS_IMPACT
    return own if own is not None and own.exists() else TRENDS / CROSS_IMPACT


def _read_blocks(paths: Sequence[Path], library: Library) -> dict[str, Block]:
    found: dict[str, Block] = {}
    for path in paths:
        found |= check_blocks(path, library)
    return found


def check_blocks(path: Path, library: Library) -> dict[str, Block]:
    """The blocks of one file, checked beside the library. Raises InputError."""
    file, document = read_entry(path, BlockFile, "a file of blocks")
    found = {name: Block(moves, document, ("blocks", name)) for name, moves in file.blocks.items()}
    for block in found.values():
        check_moves(block, "2024-01", library)
    return found


def check_moves(block: Block, branch: str, library: Library) -> None:
    """Refuse unknown names and positions out of range. Raises InputError."""
    moves, document, at = block.moves, block.document, block.place
    for lever, position in moves.levers.items():
        place = (*at, "levers", lever)
        one_of(document, place, lever, library.levers, "lever")
        error = position_error(library.measures.get(lever), position)
        if error is not None:
            raise refusal(document, place, error.message, position, str(error.allowed))
    for trend in moves.trends:
        one_of(document, (*at, "trends", trend), trend, library.trends, "trend")
    for i, event in enumerate(moves.events):
        place = (*at, "events", i)
        one_of(document, (*place, "driver"), event.driver, list(library.drivers), "driver")
        if not library.drivers[event.driver].entry.effects:
            able = [driver.id for driver in library.drivers.values() if driver.entry.effects]
            allowed = nearest(event.driver, able)
            message = "the driver moves nothing"
            raise refusal(document, (*place, "driver"), message, event.driver, allowed)
        check_month(document, (*place, "from"), event.start, branch)
    for i, rule in enumerate(moves.rules):
        names = [*library.rules, EVERY]
        one_of(document, (*at, "rules", i), rule, names, "rule")
    for i, change in enumerate(moves.changes):
        check_change(change, branch, document, (*at, "changes", i), library.known)


def plan_of(blocks: Sequence[Block], library: Library) -> Plan:
    """Blocks merged: of positions and settings the later counts, of all else every one.

    Within a block a measure overrides its specific objective, and that its strategic one.
    """
    levers: dict[str, float] = {}
    trends: dict[str, float] = {}
    plan, settings = Plan(levers, trends), DEFAULT
    for block in blocks:
        moves = block.moves
        for lever in library.levers:  # from the wide to the narrow
            if lever in moves.levers:
                levers |= dict.fromkeys(library.members(lever), moves.levers[lever])
        trends |= moves.trends
        rules = library.rules if EVERY in moves.rules else moves.rules
        changes = (
            PlacedChange(change, block.document, (*block.place, "changes", i))
            for i, change in enumerate(moves.changes)
        )
        settings = _later(settings, moves.settings)
        plan = replace(
            plan,
            central_trends=plan.central_trends or moves.central_trends,
            events=(*plan.events, *moves.events),
            rules=tuple(dict.fromkeys((*plan.rules, *rules))),
            changes=(*plan.changes, *changes),
            settings=settings,
        )
    return plan


def _later(earlier: Settings, later: Settings | None) -> Settings:
    given = {} if later is None else {k: getattr(later, k) for k in later.model_fields_set}
    return earlier.model_copy(update=given)


def find(name: str, library: Library) -> Path:
    """File of a known id or of a path to a YAML file. Raises InputError."""
    if name in library.futures:
        return library.futures[name]
    path, here = Path(name), list[str]()
    with suppress(OSError):  # such as a name that is too long for a file
        if path.suffix in SUFFIXES and path.is_file():
            return path
        here += [f"{name}{ending}" for ending in SUFFIXES if Path(f"{name}{ending}").is_file()]
    names = ", ".join([*here, *nearest(name, list(library.futures))])
    raise InputError(
        "unknown scenario",
        key="SCENARIO",
        given=short(name),
        allowed=f"{names}, {EVERY}, or the path of a YAML file",
    )


def load(names: Sequence[str], library: Library) -> list[Scenario]:
    """The reference, then the scenarios asked for (ids, paths, or all), each checked.

    Raises InputError with file, line, key, given and allowed.
    """
    wanted = [one for name in names for one in (library.futures if name == EVERY else (name,))]
    reference = find(REFERENCE, library)
    scenarios = [read_scenario(reference, library)]
    paths = {path: None for path in (find(name, library) for name in wanted) if path != reference}
    for path in paths:
        scenario = read_scenario(path, library)
        for other in scenarios:
            if other.id == scenario.id:
                allowed = f"an id that {other.document.file} does not have"
                message = "two scenarios have the same id"
                raise refusal(scenario.document, ("id",), message, scenario.id, allowed)
        scenarios.append(scenario)
    return scenarios


def read_scenario(path: Path, library: Library) -> Scenario:
    """Read and check one file. Raises InputError with file, line, key, given and allowed."""
    document = read_yaml(path)
    if isinstance(document.value, dict) and "scenarios" in document.value:
        allowed = "a scenario; a study is run by: drugfutures batch (one with search: portfolio)"
        raise refusal(document, ("scenarios",), "this is a study", path.name, allowed)
    file = entry_of(document, ScenarioFile, "a scenario")
    known = library.futures.get(file.id)
    if known is not None and known != path and known.parent == FUTURES and path.parent != FUTURES:
        allowed = "an id that no shipped scenario has"
        raise refusal(document, ("id",), "a shipped scenario has this id", file.id, allowed)
    return checked_scenario(file, document, digest_of(path), library)


def checked_scenario(
    file: ScenarioFile, document: Document, digest: str, library: Library
) -> Scenario:
    """A scenario from what its document holds. Raises InputError as ``read_scenario``."""
    check_month(document, ("branch",), file.branch, first_month())
    own = Block(file, document, ())
    check_moves(own, file.branch, library)
    for i, name in enumerate(file.blocks):
        one_of(document, ("blocks", i), name, list(library.blocks), "block")
        _check_block_after(document, i, library.blocks[name], file.branch)
    return Scenario(
        id=file.id,
        title=file.title or _text(file, document, "title", f"scenario.{file.id}", library),
        description=file.description
        or _text(file, document, "description", f"scenario.{file.id}.about", library),
        branch=month_number(file.branch),
        plan=plan_of([*(library.blocks[name] for name in file.blocks), own], library),
        document=document,
        digest=digest,
    )


def _check_block_after(document: Document, number: int, block: Block, branch: str) -> None:
    """Refuse a block that begins before the branch: half of it would be lost."""
    starts = [event.start for event in block.moves.events]
    starts += [change.start for change in block.moves.changes]
    if starts and month_number(min(starts)) < month_number(branch):
        message = "the block begins before the branch"
        allowed = f"a block that begins in {branch} or later; or branch: {min(starts)}"
        name = str(block.place[-1])
        raise refusal(document, ("blocks", number), message, name, allowed)


def _text(file: ScenarioFile, document: Document, key: str, name: str, library: Library) -> str:
    if name not in library.texts["en"]:
        allowed = f"one line of text here (or the key {name} in a table of texts)"
        raise refusal(document, (key,), "a key is missing", "(nothing)", allowed)
    return text(library.texts, "en", name)
