"""Read YAML so that every value keeps the line it stands on.

Stricter than YAML: one document, no aliases or anchors, no key twice, no tags of one's own, and
limits on size and depth, so that a file means what it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from model.errors import InputError

# The compiled loader reads large files ten times faster; some builds of PyYAML lack it.
LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST_FILE = 1_000_000
DEEPEST = 20
LONGEST_SHOWN = 200
# YAML also reads 010 as 8, 1:30 as 90 and 0x1F as 31: none of them means what it looks like.
_PLAIN_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]{0,14})(\.[0-9]*)?([eE][-+][0-9]{1,3})?|[-+]?\.[0-9]+"
)
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

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


def short(value: object) -> object:
    """``value`` as an error shows it: plain, and not longer than a few lines."""
    plain = value if isinstance(value, str | bool | int | float | list) else str(value)
    return plain if len(str(plain)) <= LONGEST_SHOWN else f"{str(plain)[:LONGEST_SHOWN]}..."


def shown_key(key: str) -> str:
    """A key as an error shows it: printable, and not longer than a few lines."""
    plain = key if key.isprintable() else ascii(key)[1:-1]
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[:LONGEST_SHOWN]}..."


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise InputError("this is no file", file=str(path), allowed="the path of a file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            given, allowed = f"more than {LARGEST_FILE} bytes", f"{LARGEST_FILE} bytes"
            raise InputError("the file is too large", file=str(path), given=given, allowed=allowed)
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        allowed = "save the file as UTF-8"
        told = "the file is not UTF-8 text"
        raise InputError(told, file=str(path), line=line, allowed=allowed) from None
    except OSError as error:
        told = f"the file cannot be read ({error.strerror})"
        raise InputError(told, file=str(path), allowed="a file that can be read") from None


def read_yaml(path: Path) -> Document:
    """The one document in ``path``. Raises InputError with file and line."""
    return parse_yaml(_text_of(path), path)


def parse_yaml(text: str, path: Path) -> Document:
    """The one document that a text is; ``path`` names it in errors. Raises InputError with line."""
    lines: dict[Place, int] = {}
    try:
        _refuse_aliases(text, path)
        loader = LOADER(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else _value(loader, node, (), lines, str(path))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The end of a file without a last line break counts as one line more.
        line = None if mark is None else 1 + min(mark.line, text.count("\n"))
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise _malformed(problem, path, line) from None
    except yaml.reader.ReaderError as error:
        line = 1 + text.encode()[: error.position].count(b"\n")
        raise _malformed(f"a character is not read: {error.reason}", path, line) from None
    except yaml.YAMLError as error:
        raise _malformed(str(error), path, None) from None
    return Document(str(path), value, lines)


# What the parser says, and what it means to who wrote the file.
PLAINLY = {
    "tab": "a tab stands where only spaces may",
    "\\t": "a tab stands where only spaces may",
    "cannot start any token": "a tab or a sign that begins no word: use spaces, or quotes",
    "mapping values are not allowed": "a second colon: quote its words; or a line too far in",
    "did not find expected key": "the line stands further in or out than the others of its list",
    "could not find expected ':'": "a line without a colon after its key",
    "<block end>": "the line stands further in or out than the others of its list",
    "unexpected end of stream": "a quote or a bracket is not closed",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
}


def _malformed(problem: str, path: Path, line: int | None) -> InputError:
    plainly = next((words for said, words in PLAINLY.items() if said in problem), None)
    told = f"malformed YAML ({plainly or short(problem)})"
    return InputError(told, file=str(path), line=line, allowed="plain YAML: key: value, - item")


def _refuse_aliases(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            allowed = "every value written out where it stands"
            raise InputError(
                "anchors and aliases are not read", file=str(path), line=line, allowed=allowed
            )
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            allowed = "values without tags"
            given = shown_key(str(tag))
            raise InputError(
                "tags are not read", file=str(path), line=line, given=given, allowed=allowed
            )
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
        key = next((part for part in reversed(place) if isinstance(part, str)), None)
        return _plain(loader, node, file, key)
    found: dict[str, object] = {}
    for key_node, item in node.value:
        key, at = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            allowed = "key: value"
            raise InputError("a key must be a word", file=file, line=at, allowed=allowed)
        if key in found:
            told = shown_key(key)
            allowed = f"each key once (the first is line {lines[(*place, key)]})"
            raise InputError(
                "the key stands twice", file=file, line=at, key=told, given=told, allowed=allowed
            )
        lines[(*place, key)] = at
        found[key] = _value(loader, item, (*place, key), lines, file)
    return found


def _plain(loader: yaml.SafeLoader, node: yaml.Node, file: str, key: str | None) -> object:
    line, key = node.start_mark.line + 1, None if key is None else shown_key(key)
    number = node.tag in _NUMBERS and str(node.value).lstrip("+-").lower() not in (".inf", ".nan")
    if number and not _PLAIN_NUMBER.fullmatch(node.value):
        raise InputError(
            "a number is not written plainly",
            file=file,
            line=line,
            key=key,
            given=short(node.value),
            allowed="digits and a point, such as 15 or 0.25 (in quotes if text is meant)",
        )
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise InputError(
            "a value cannot be read",
            file=file,
            line=line,
            key=key,
            given=short(node.value),
            allowed="a date that exists, or text in quotes",
        ) from None
