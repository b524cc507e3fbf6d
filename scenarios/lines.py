"""Read YAML so that every value keeps the line it stands on.

Stricter than YAML: one document, no aliases or anchors, no key twice, no tags of one's own, and
limits on size and depth, so that a file means what it looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from model.errors import InputError

LARGEST_FILE = 1_000_000
DEEPEST = 20

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values; ``lines`` gives the line (from 1) of every place in it."""

    file: str
    value: object
    lines: dict[Place, int]

    def line(self, place: Sequence[str | int]) -> int:
        """Line of ``place`` (keys and list indices), or of the nearest thing around it."""
        known = tuple(place)
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)


def read_yaml(path: Path) -> Document:
    """The one document in ``path``. Raises InputError with file and line."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        allowed = "save the file as UTF-8"
        raise InputError("the file is not UTF-8 text", file=str(path), allowed=allowed) from None
    except OSError as error:
        told = f"the file cannot be read ({error.strerror})"
        raise InputError(told, file=str(path)) from None
    if len(raw) > LARGEST_FILE:
        allowed = f"{LARGEST_FILE} bytes"
        raise InputError("the file is too large", file=str(path), given=len(raw), allowed=allowed)
    lines: dict[Place, int] = {}
    try:
        _refuse_aliases(text, path)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else _value(loader, node, (), lines, str(path))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError(f"malformed YAML ({problem})", file=str(path), line=line) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"malformed YAML ({error})", file=str(path)) from None
    return Document(str(path), value, lines)


def _refuse_aliases(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            allowed = "every value written out where it stands"
            raise InputError(
                "anchors and aliases are not read", file=str(path), line=line, allowed=allowed
            )
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise InputError("tags are not read", file=str(path), line=line, given=tag)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            allowed = f"{DEEPEST} levels"
            raise InputError("nested too deep", file=str(path), line=line, allowed=allowed)


def _value(
    loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int], file: str
) -> object:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_value(loader, item, (*place, i), lines, file) for i, item in items]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    found: dict[str, object] = {}
    for key_node, item in node.value:
        key, at = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise InputError("a key must be a word", file=file, line=at)
        if key in found:
            allowed = f"each key once (the first is line {lines[(*place, key)]})"
            raise InputError(
                "the key stands twice", file=file, line=at, key=key, given=key, allowed=allowed
            )
        lines[(*place, key)] = at
        found[key] = _value(loader, item, (*place, key), lines, file)
    return found
