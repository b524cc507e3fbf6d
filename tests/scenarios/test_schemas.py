"""JSON Schemas take what the readers take, and know the names of the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from experiments.batch.study_file import StudyFile
from scenarios.library import Library
from scenarios.schemas import DIALECT, KEYS, MODELS, json_schema
from tests.scenarios import rich
from tests.scenarios.schema_checker import wrong

ROOMS = Path(__file__).parents[2] / "scenarios"
RICH = {
    "scenario": rich.SCENARIO,
    "levers": rich.LEVERS,
    "trends": rich.TRENDS,
    "rules": rich.RULES,
    "blocks": rich.BLOCKS,
}
SHIPPED = {
    "scenario": sorted((ROOMS / "futures").glob("*.yaml")),
    "levers": sorted((ROOMS / "levers").glob("*.yaml")),
    "trends": sorted((ROOMS / "trends").glob("*.yaml")),
    "rules": [ROOMS / "rules.yaml"],
    "blocks": [ROOMS / "blocks.yaml"],
}


def keyed(value: Any) -> Any:
    """YAML as JSON has it: keys are text."""
    if isinstance(value, dict):
        return {str(key): keyed(item) for key, item in value.items()}
    return [keyed(item) for item in value] if isinstance(value, list) else value


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from parts(item)


@pytest.mark.parametrize("kind", MODELS)
def test_sound_files_satisfy_their_schema(library: Library, kind: str) -> None:
    schema = json_schema(kind, library)
    assert wrong(keyed(yaml.safe_load(RICH[kind])), schema) == ""
    assert SHIPPED[kind]
    for path in SHIPPED[kind]:
        assert wrong(keyed(yaml.safe_load(path.read_text())), schema) == "", path


@pytest.mark.parametrize("kind", MODELS)
def test_a_schema_is_whole(library: Library, kind: str) -> None:
    schema = json_schema(kind, library)
    assert schema["$schema"] == DIALECT
    assert schema["additionalProperties"] is False
    referred = {part["$ref"] for part in parts(schema) if "$ref" in part}
    assert referred == {f"#/$defs/{name}" for name in schema["$defs"]}
    text = str(schema)
    assert "``" not in text
    for part in parts(schema):
        assert part.get("type") != "object" or "additionalProperties" in part


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("scenario", "handle: price\n", "handle: prise\n"),
        ("scenario", "SD1: 50", "SD8: 50"),
        ("scenario", "SD1: 50", "SD1: 500"),
        ("scenario", "F1: 50", "F9: 50"),
        ("scenario", "driver: F3.2", "driver: F9.2"),
        ("scenario", "[sd3, calm-apart]", "[sd9]"),
        ("scenario", "[cocaine-loads, hepatitis-c]", "[none]"),
        ("scenario", "from: 2024-07", "from: 2024-13"),
        ("scenario", "kind:illegal", "kind:odd"),
        ("scenario", "source: assumed", "source: hearsay"),
        ("scenario", "author: A test", "auteur: A test"),
        ("levers", "handle: lag", "handle: delay"),
        ("levers", "form: share", "form: sum"),
        ("levers", "tobacco-tax]", "no-tax]"),
        ("levers", "sign: down", "sign: less"),
        ("levers", "id: own-measure", "id: Own"),
        ("levers", "        note: why\n", ""),
        ("trends", "shape: s-curve", "shape: curve"),
        ("trends", "[F4, F3.2]", "[F9]"),
        ("rules", "product: cannabis", "product: hemp"),
        ("rules", "tobacco-tax: 50", "no-tax: 50"),
        ("blocks", "own-block:", "Own block:"),
        ("blocks", "rules: [all]", "rules: [none]"),
    ],
)
def test_a_schema_finds_what_an_editor_should(
    library: Library, kind: str, old: str, new: str
) -> None:
    assert old in RICH[kind]
    changed = keyed(yaml.safe_load(RICH[kind].replace(old, new, 1)))
    assert wrong(changed, json_schema(kind, library))


def test_short_ways_of_writing_are_in_the_schema(library: Library) -> None:
    schema = json_schema("scenario", library)
    change = {"handle": "price", "from": "2024-01", "multiplier": 2}
    for more in ({"products": "tobacco"}, {"regions": "all"}, {"ages": "all"}, {"sexes": ["all"]}):
        assert wrong({"id": "a", "changes": [change | more]}, schema) == ""
    assert wrong({"id": "a", "blocks": "sd1", "rules": "all"}, schema) == ""


def test_words_are_of_keys_that_exist() -> None:
    models: dict[str, set[str]] = {}
    every: list[type[BaseModel]] = [*MODELS.values(), StudyFile]
    for model in every:
        made = model.model_json_schema(by_alias=True)
        for name, found in {**made.get("$defs", {}), model.__name__: made}.items():
            models[name] = set(found["properties"])
    for owner, told in KEYS.items():
        known = set().union(*models.values()) if owner == "*" else models[owner]
        assert set(told) <= known, owner
