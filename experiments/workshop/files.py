"""Scenario files of the page: the same YAML as everywhere, read from bytes and written as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from experiments.workshop.link import BRANCH, MOST_EXTRAS, fitting, plain_change
from experiments.workshop.moves import LISTS, spread
from experiments.workshop.plain import is_plain, plain_line, plain_text
from experiments.workshop.view import OWN, View
from model.errors import InputError
from scenarios.checked import entry_of, refusal
from scenarios.library import Library, checked_scenario
from scenarios.lines import Document, parse_yaml
from scenarios.schema import ScenarioFile

LARGEST = 64 * 1024  # bytes
UNNAMED = "A scenario of the workshop page"
TEXTS = ("title", "author", "description", "note")
POSITIONS = ("levers", "trends")


def scenario_of_file(name: str, content: bytes, library: Library) -> ScenarioFile:
    """The scenario of a file under the hand. Raises InputError with line, key and what is allowed.

    ``name``: told in errors, and never opened. Positions are whole numbers on the page.
    """
    document = _document(plain_line(name, 80) or "scenario.yaml", content)
    file = entry_of(document, ScenarioFile, "a scenario")
    # Titles of shipped files stand in the tables of texts; the page needs none.
    title, description = file.title or UNNAMED, file.description or UNNAMED
    named = file.model_copy(update={"title": title, "description": description})
    checked_scenario(named, document, "", library)
    _check(file, document)
    whole = {name: _whole(getattr(file, name)) for name in POSITIONS}
    found = spread(file.model_copy(update=whole), library)
    _check_size(found, document)
    own: dict[str, Any] = {"id": OWN, "branch": BRANCH}
    for key in TEXTS:
        plain = plain_text if key in ("description", "note") else plain_line
        text = plain(getattr(file, key) or "")
        own[key] = None if text in ("", UNNAMED) else text
    own["changes"] = [plain_change(change) for change in found.changes]
    return fitting(View(found.model_copy(update=own))).scenario


def _document(name: str, content: bytes) -> Document:
    if len(content) > LARGEST:
        allowed = f"{LARGEST // 1024} KB"
        raise InputError("the file is too large", file=name, allowed=allowed)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        told, allowed = "the file is not UTF-8 text", "save the file as UTF-8"
        raise InputError(told, file=name, line=line, allowed=allowed) from None
    return parse_yaml(text, Path(name))


def _check(file: ScenarioFile, document: Document) -> None:
    """What every command takes and the page does not."""
    if file.branch != BRANCH:
        raise refusal(document, ("branch",), "another branch", file.branch, BRANCH)
    for key in TEXTS:
        text = getattr(file, key)
        if text is not None and not is_plain(text):
            allowed = "characters that can be shown"
            raise refusal(document, (key,), "a name is not plain text", plain_line(text), allowed)
    for i, change in enumerate(file.changes):
        if not is_plain(change.note or ""):
            at, note = ("changes", i, "note"), plain_line(change.note or "")
            allowed = "characters that can be shown"
            raise refusal(document, at, "a name is not plain text", note, allowed)


def _check_size(scenario: ScenarioFile, document: Document) -> None:
    for name in LISTS:
        if (count := len(getattr(scenario, name))) > MOST_EXTRAS:
            allowed = f"{MOST_EXTRAS} or less"
            raise refusal(document, (name,), "the scenario is too large", count, allowed)


def _whole(positions: Mapping[str, float]) -> dict[str, float]:
    return {name: float(round(position)) for name, position in positions.items()}


def file_of(scenario: ScenarioFile, provenance: Mapping[str, str]) -> str:
    """A scenario as the text of its file; what its numbers rest on stands above it."""
    title = plain_line(scenario.title or "") or UNNAMED
    moves = scenario.model_dump(by_alias=True, exclude_defaults=True)
    for name in POSITIONS:
        moves[name] = {key: round(x) for key, x in getattr(scenario, name).items()}
    written = {
        "id": slug(title),
        "title": title,
        "description": plain_text(scenario.description or "") or UNNAMED,
        "author": plain_line(scenario.author or ""),
        "date": scenario.date,
        "note": plain_text(scenario.note or ""),
        "version": scenario.version,
        "branch": scenario.branch,
    }
    whole = {**written, **{key: moves[key] for key in moves.keys() - written.keys()}}
    kept = {key: whole[key] for key in ScenarioFile.model_fields if whole.get(key)}
    head = "".join(f"# {name}: {plain_line(told)}\n" for name, told in provenance.items())
    body: str = yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=100)
    return head + body


def slug(title: str, longest: int = 56) -> str:
    """A name for a file, and the id in it, which no shipped scenario has: small letters, digits
    and hyphens."""
    found = plain_slug(title, longest)
    return f"own-{found}" if found else OWN


def plain_slug(name: str, longest: int) -> str:
    """A name in plain small letters, digits and hyphens; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].strip("-")
