"""What pydantic finds is told in our words: with line and key, and with what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from model.errors import InputError
from scenarios.checked import (
    MOST_NAMES,
    Entry,
    Words,
    fields_of,
    nearest,
    one_of,
    read_entry,
    refusal,
)
from scenarios.lines import LONGEST_SHOWN, Document, short, shown_key
from tests.scenarios.conftest import Written


class Part(Entry):
    """A part."""

    size: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    start: str = Field(alias="from", default="now")


class Whole(Entry):
    """A file."""

    name: Annotated[str, Field(pattern=r"^F[0-9]+$")] = "F1"
    kind: Literal["no", "some"] = "some"
    fast: bool = True
    words: Words = Field(default_factory=list)
    parts: list[Part] = Field(default_factory=list)
    named: dict[str, Part] = Field(default_factory=dict)


DOCUMENT = Document("a.yaml", {}, {(): 1, ("a",): 3})


@pytest.mark.parametrize(
    ("text", "line", "key", "given", "allowed"),
    [
        ("name: G1", 1, "name", "G1", "the id of a trend, such as F1"),
        ("kind: no", 1, "kind", False, "no, some (YAML reads yes, no"),
        ("fast: 1", 1, "fast", 1, "true or false"),
        ("name: F1\nparts:\n- size: 0.1\n- size: 1", 4, "size", 1, "less than 1"),
        ("parts: [{size: 0}]", 1, "size", 0, "more than 0"),
        ("parts: [{size: 1.0e+3}]", 1, "size", 1000.0, "less than 1"),
        ("parts: [{size: '0.5'}]", 1, "size", "0.5", "a number without quotes"),
        ("parts: [{size: half}]", 1, "size", "half", "a number"),
        ("parts:\n- size: 0.1\n  begin: x", 3, "begin", "begin", "size, from"),
        ("named:\n  a:\n    begin: x", 3, "begin", "begin", "size, from"),
        ("named:\n  a: []", 2, "a", [], "keys with values"),
        ("words: {a: b}", 1, "words", "{'a': 'b'}", "a list"),
        ("other: 1", 1, "other", "other", "name, kind, fast, words, parts, named"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    written: Written, text: str, line: int, key: str, given: object, allowed: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_entry(written(text), Whole, "a file")
    error = caught.value
    assert (error.line, error.key, error.given) == (line, key, given)
    assert allowed in str(error.allowed)


def test_an_unknown_key_goes_before_the_key_that_lacks_because_of_it(written: Written) -> None:
    class Asked(Entry):
        """One key that must stand."""

        wanted: int

    with pytest.raises(InputError, match="unknown key") as caught:
        read_entry(written("wantd: 3"), Asked, "a file")
    assert caught.value.key == "wantd"


def test_one_word_is_a_list_of_one(written: Written) -> None:
    found, document = read_entry(written("words: alone\n"), Whole, "a file")
    assert found.words == ["alone"]
    assert document.line(("words", 0)) == 1


def test_keys_are_told_as_their_author_writes_them() -> None:
    assert fields_of(Part) == ["size", "from"]


def test_few_names_are_told_in_full_and_of_many_the_nearest() -> None:
    few = [f"name-{i}" for i in range(MOST_NAMES)]
    many = [f"name-{i}" for i in range(300)]
    assert nearest("nmae-3", few) == few
    told = nearest("nmae-31", many)
    assert "name-31" in told
    assert told[-1] == "... (300 in all)"
    assert len(told) <= 9
    assert len(nearest("?" * 10_000, many)) <= 9


def test_letters_that_only_look_alike_are_named() -> None:
    with pytest.raises(InputError, match="it holds cyrillic capital letter dze"):
        one_of(DOCUMENT, ("a",), "ЅD1", ["SD1"], "lever")


@given(st.text(), st.text(), st.integers(0, 5000))
def test_errors_are_short_and_printable(key: str, given: str, times: int) -> None:
    error = refusal(DOCUMENT, (key * times,), "wrong", given * times, "something else")
    assert len(str(error.given)) <= LONGEST_SHOWN + 3
    assert len(str(error.key)) <= LONGEST_SHOWN + 3
    assert str(error.key).isprintable()
    assert shown_key("plain-key") == "plain-key"
    assert short(3.5) == 3.5


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_entry(tmp_path / "none.yaml", Whole, "a file")
