"""Three hundred files made wrong: each is refused in our words, or is really allowed."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from model.errors import InputError
from scenarios.files import check_file, kind_of
from scenarios.levers import read_levers
from scenarios.library import Library, check_blocks, read_scenario
from scenarios.lines import read_yaml
from scenarios.rules import read_rules
from scenarios.schemas import json_schema
from scenarios.trends import read_trends
from tests.scenarios import rich
from tests.scenarios.schema_checker import Json, wrong

ROOMS = Path(__file__).parents[2] / "scenarios"
FILES, REFUSED, SECONDS = 300, 250, 20.0
LONGEST_ERROR, MOST_ALLOWED = 2500, 60

# Scenarios and levers most; a few of the others.
BASES: tuple[tuple[str, str], ...] = (
    *(("scenario", rich.SCENARIO),) * 4,
    ("scenario", (ROOMS / "futures" / "future-calm-apart-strategy.yaml").read_text()),
    *(("levers", rich.LEVERS),) * 5,
    ("levers", (ROOMS / "levers" / "sd4.yaml").read_text()),
    ("levers", (ROOMS / "levers" / "sd6.yaml").read_text()),
    ("trends", rich.TRENDS),
    ("trends", (ROOMS / "trends" / "f8.yaml").read_text()),
    ("rules", rich.RULES),
    ("blocks", rich.BLOCKS),
)
# Words of one's own stand here: any text is allowed.
FREE = {"note", "title", "description", "author", "where", "unit", "event"}
LOOKALIKES = {"a": "а", "e": "е", "o": "ο", "i": "і", "S": "Ѕ", "F": "𝖥", "1": "１", "-": "‑"}
LOOKALIKES_BY_SIGN = str.maketrans(LOOKALIKES)
# What no reader of an error should have to know.
FOREIGN = re.compile(r"Input should|pydantic|validation error|NoneType|Traceback|typing\.|regex")
Place = tuple[Any, ...]


def _walk(value: object, place: Place = ()) -> list[Place]:
    """Every place in a document but its root."""
    inside: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    found = []
    for key, item in inside:
        found += [(*place, key), *_walk(item, (*place, key))]
    return found


def _at(value: Any, place: Place) -> Any:
    for part in place:
        value = value[part]
    return value


def _is_free(place: Place) -> bool:
    return next(part for part in reversed(place) if isinstance(part, str)) in FREE


def _dumped(value: object) -> bytes:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False).encode()


def _replaced(text: str, dice: random.Random, kinds: type, make: Callable[[Any], Any]) -> bytes:
    document = yaml.safe_load(text)
    places = [place for place in _walk(document) if isinstance(_at(document, place), kinds)]
    places = [place for place in places if not _is_free(place)]
    if not places:  # nothing of the kind in this file
        return b"surprise: " + text.encode()
    *inner, last = dice.choice(places)
    holder = _at(document, tuple(inner))
    holder[last] = make(holder[last])
    return _dumped(document)


def wrong_type(text: str, dice: random.Random) -> bytes:
    others: list[Any] = [{"a": 1}, [1, 2], [[]], "words", True, 3.5, "2024-01-01T10:00:00"]
    return _replaced(text, dice, object, lambda _: dice.choice(others))


def unknown_word(text: str, dice: random.Random) -> bytes:
    return _replaced(
        text, dice, str, lambda word: dice.choice([f"{word}x", f"x-{word}", "no such"])
    )


def lookalike(text: str, dice: random.Random) -> bytes:
    return _replaced(text, dice, str, lambda word: word.translate(LOOKALIKES_BY_SIGN) + "\u200b")


def very_long(text: str, dice: random.Random) -> bytes:
    return _replaced(text, dice, str, lambda word: word * 5000)


def out_of_range(text: str, dice: random.Random) -> bytes:
    sizes = [-1e9, 1e15, 1e300, float("nan"), float("inf"), -float("inf")]
    return _replaced(text, dice, (int, float), lambda _: dice.choice(sizes))  # type: ignore[arg-type]


def odd_number(text: str, dice: random.Random) -> bytes:
    made = _replaced(text, dice, (int, float), lambda _: "ODD")  # type: ignore[arg-type]
    odd = [
        "010",
        "0x1F",
        "1:30",
        "1_000",
        "1e5",
        "0b11",
        "١٢",
        "1,5",
        "9" * 6000,
        "0x" + "f" * 9000,
    ]
    return made.replace(b"ODD", dice.choice(odd).encode())


def missing_key(text: str, dice: random.Random) -> bytes:
    document = yaml.safe_load(text)
    places = [place for place in _walk(document) if isinstance(place[-1], str)]
    *inner, last = dice.choice(places)
    del _at(document, tuple(inner))[last]
    return _dumped(document)


def extra_key(text: str, dice: random.Random) -> bytes:
    document = yaml.safe_load(text)
    maps = [place for place in [(), *_walk(document)] if isinstance(_at(document, place), dict)]
    keys = ["surprise", "Levers", "handel", "\x1b[31mred", "k" * 3000, "<<", "", "__class__"]
    _at(document, dice.choice(maps))[dice.choice(keys)] = dice.choice([1, "x", None, {}])
    return _dumped(document)


def renamed_key(text: str, dice: random.Random) -> bytes:
    document = yaml.safe_load(text)
    *inner, last = dice.choice([p for p in _walk(document) if isinstance(p[-1], str)])
    holder = _at(document, tuple(inner))
    holder[last.translate(LOOKALIKES_BY_SIGN) + "_"] = holder.pop(last)
    return _dumped(document)


def list_for_map(text: str, dice: random.Random) -> bytes:
    return _replaced(text, dice, dict, lambda value: list(value.values()))


def map_for_list(text: str, dice: random.Random) -> bytes:
    return _replaced(text, dice, list, lambda value: dict(enumerate(map(str, value))))


def doubled_key(text: str, dice: random.Random) -> bytes:
    lines = text.splitlines()
    number = dice.choice([i for i, one in enumerate(lines) if re.match(r"[ ]*\w+: \S", one)])
    return "\n".join([*lines[: number + 1], lines[number], *lines[number + 1 :]]).encode()


def odd_bytes(text: str, dice: random.Random) -> bytes:
    raw, at = text.encode(), dice.randrange(len(text))
    odd = [
        raw[:at] + b"\xff\xfe" + raw[at:],
        text.encode("utf-16"),
        raw[:at] + b"\x00" + raw[at:],
        raw[:at] + b"\x07" + raw[at:],
        bytes(dice.randrange(256) for _ in range(300)),
        b"\x89PNG\r\n\x1a\n" + raw,
        b"PK\x03\x04" + raw,
        b"",
        b"# only a remark\n",
        b"\xef\xbb\xbf",
    ]
    return dice.choice(odd)


def odd_yaml(text: str, dice: random.Random) -> bytes:
    bomb = "a: &a [x, x]\n" + "".join(f"a{i}: &b{i} [*a, *a]\n" for i in range(30))
    odd = [
        bomb + text,
        text + "extra: " + "[" * 5000 + "]" * 5000 + "\n",
        text + "extra: " + "{a: " * 30 + "1" + "}" * 30 + "\n",
        text + "---\nid: another\n",
        text + "when: 2024-02-31\n",
        text + "open: 'never closed\n",
        text + "\ttab: 1\n",
        text.replace(": ", ": !!python/object:os.system ", 1),
        text + "? [a, b]\n: 1\n",
        text + "filler: " + "x" * 1_000_001,
        text.replace("\n", "\n  ", 1),
        "- " + text.replace("\n", "\n  "),
        "just a sentence\n",
        "42\n",
        "%YAML 9.9\n---\n" + text,
    ]
    return dice.choice(odd).encode()


def cut_short(text: str, dice: random.Random) -> bytes:
    return text[: dice.randrange(len(text) // 2)].encode()


def another_kind(text: str, dice: random.Random) -> bytes:
    return dice.choice([other for _, other in BASES if other != text]).encode()


MUTATIONS: tuple[Callable[[str, random.Random], bytes], ...] = (
    wrong_type,
    wrong_type,
    unknown_word,
    unknown_word,
    lookalike,
    very_long,
    out_of_range,
    out_of_range,
    odd_number,
    missing_key,
    extra_key,
    extra_key,
    renamed_key,
    list_for_map,
    map_for_list,
    doubled_key,
    odd_bytes,
    odd_yaml,
    cut_short,
    another_kind,
)


def _readers(library: Library) -> Mapping[str, Callable[[Path], object]]:
    return {
        "scenario": lambda path: read_scenario(path, library),
        "levers": lambda path: read_levers([path], library.known, library.measures),
        "trends": lambda path: read_trends(
            [path], library.known, library.measures, library.drivers
        ),
        "rules": lambda path: read_rules([path], library.known, library.measures),
        "blocks": lambda path: check_blocks(path, library),
    }


def _check_error(error: InputError, path: Path, raw: bytes) -> None:
    told = str(error)
    assert error.file == str(path), told
    assert error.allowed, told
    assert len(told) <= LONGEST_ERROR, told[:LONGEST_ERROR]
    assert len(error.allowed.split(", ")) <= MOST_ALLOWED, told
    assert not FOREIGN.search(told), told
    assert all(sign.isprintable() or sign == "\n" for sign in told), ascii(told)
    last = raw.count(b"\n") + 1
    assert error.line is None or 1 <= error.line <= last, told
    # What is wrong with the file as a whole has no key; all else has one, and a line.
    whole = ("YAML", "UTF-8", "large", "deep", "tags", "anchors", "empty", "made of", "a key must")
    if not any(word in error.message for word in whole):
        assert error.line is not None, told
        assert error.key is not None, told
    elif "large" not in error.message:
        assert error.line is not None, told


def _check_allowed(raw: bytes, path: Path, kind: str, schema: Json) -> None:
    """A file that is not refused is one that the schema, an independent witness, allows."""
    value = read_yaml(path).value
    assert wrong(value, schema) == "", (kind, raw[:2000].decode())


def test_files_made_wrong_are_refused_in_our_words(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a run began")

    for name in ("scenarios.compose.compose", "experiments.runs.study.build_study"):
        monkeypatch.setattr(name, never)
    readers = _readers(library)
    schemas = {kind: json_schema(kind, library) for kind in readers}
    fate: Counter[str] = Counter()
    path, began = tmp_path / "file.yaml", time.process_time()

    @settings(max_examples=FILES, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.sampled_from(BASES), st.sampled_from(MUTATIONS), st.integers(0, 2**32 - 1))
    def one(
        base: tuple[str, str], mutate: Callable[[str, random.Random], bytes], seed: int
    ) -> None:
        kind, text = base
        raw = mutate(text, random.Random(seed))
        path.write_bytes(raw)
        try:
            readers[kind](path)
        except InputError as error:
            _check_error(error, path, raw)
            fate["refused"] += 1
        else:
            _check_allowed(raw, path, kind, schemas[kind])
            fate[mutate.__name__] += 1
        try:  # the command tells the kind itself
            assert check_file(path, library).split()[0].rstrip(":") in kind_of(path)
        except InputError as error:
            _check_error(error, path, raw)

    one()
    seconds = time.process_time() - began
    assert fate.total() == FILES, fate
    assert fate["refused"] >= REFUSED, fate
    assert seconds < SECONDS, seconds
