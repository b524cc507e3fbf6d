"""What went wrong is said in the language of the page: where, what was given, what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workshop.files import scenario_of_file
from experiments.workshop.problems import PART, Problem, told, told_error
from experiments.workshop.wording import own_sentences, words_of
from model.errors import InputError
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library

LIBRARY = library()
WORDS = {language: words_of(language, LIBRARY.texts) for language in LANGUAGES}
ENGLISH = ("unknown", "allowed", "given", " line ", "missing", "the ", "must", "such as", " or ")
FILES = {
    "unknown lever": "id: x\nlevers: {SD9: 10}",
    "unknown trend": "id: x\ntrends: {F0: 10}",
    "unknown rule": "id: x\nrules: [no-such]",
    "unknown block": "id: x\nblocks: [no-such]",
    "unknown driver": "id: x\nevents: [{driver: F9.9, from: 2026-01}]",
    "unknown handle": "id: x\nchanges: [{handle: wishes, from: 2026-01, multiplier: 2}]",
    "unknown product": "id: x\nchanges:\n- {handle: price, products: [tea], from: 2026-01}",
    "unknown source": "changes: [{handle: price, source: me, multiplier: 2, from: 2026-01}]\nid: x",
    "unknown key": "id: x\nsliders: {SD1: 10}",
    "a key is missing": "levers: {SD1: 10}",
    "no number": "id: x\nlevers: {SD1: high}",
    "too high": "id: x\nlevers: {SD1: 101}",
    "too low": "id: x\nlevers: {SD1: -1}",
    "odd id": "id: X x",
    "another branch": "id: x\nbranch: 2025-01",
    "month": "id: x\nevents: [{driver: F1.4, from: 1999-01}]",
    "empty": "",
    "list": "[1]",
    "yaml": "[1, 2",
    "anchors": "id: x\nlevers: &a {SD1: 10}\ntrends: *a",
    "tags": "id: !x y",
    "deep": "id: " + "[" * 40 + "]" * 40,
    "twice": "id: x\nid: y",
    "odd number": "id: x\nlevers: {SD1: 0x10}",
    "turned round": 'id: x\ntitle: "a\\u202Eb"',
    "too large": "#" * 70_000,
    "many": "id: x\nevents:\n" + "- {driver: F1.4, from: 2026-01}\n" * 101,
}


def error_of(text: str) -> InputError:
    with pytest.raises(InputError) as found:
        scenario_of_file("mine.yaml", text.encode(), LIBRARY)
    return found.value


@pytest.mark.parametrize("kind", list(FILES))
def test_common_mistakes_have_a_sentence_in_every_language(kind: str) -> None:
    error = error_of(FILES[kind])
    said = {language: told_error(error, words) for language, words in WORDS.items()}
    assert len(set(said.values())) == len(LANGUAGES)
    for language, sentence in said.items():
        assert WORDS[language].say("problem.other") not in sentence
        assert "mine.yaml" not in sentence
        if error.line is not None:
            assert f" {error.line}" in sentence
        if language != "en":
            assert not [word for word in ENGLISH if word in sentence], sentence


def test_it_says_where_and_what_was_given_and_what_is_allowed() -> None:
    error = error_of("id: x\nlevers:\n  SD1: 10\n  SD2: 120")
    assert told_error(error, WORDS["fr"]) == (
        "Une valeur n’a pas la bonne forme. Ligne 4, à « SD2 ». Donné : « 120 ». "
        "Autorisé : 100 ou moins."
    )
    error = error_of("id: x\ntrends: {F9: 10}")
    assert told_error(error, WORDS["de"]) == (
        "Das Szenario nennt einen Trend, den es nicht gibt. Zeile 2, bei „F9“. Angegeben: „F9“. "
        "Zulässig: F1, F2, F3, F4, F5, F6, F7, F8."
    )


def test_a_message_that_nobody_translated_is_still_told() -> None:
    error = InputError("the moon is full", key="moon", given="full", allowed="a new moon, or none")
    assert told_error(error, WORDS["nl"]) == (
        "Het scenario kan zo niet gebruikt worden. Bij “moon”. Gegeven: “full”."
    )


ANY = st.none() | st.text()


@given(st.text(), ANY, ANY, ANY, st.sampled_from(LANGUAGES))
def test_no_message_breaks_the_page(
    message: str, key: str | None, given_: str | None, allowed: str | None, language: str
) -> None:
    error = InputError(message, key=key, given=given_, allowed=allowed)
    said = told_error(error, WORDS[language])
    assert said.isprintable()
    assert len(said) < 1200


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_link_lost_is_named(language: str) -> None:
    words = WORDS[language]
    levers = told(Problem("problem.link.levers", items=("SD9", "<b>")), words)
    assert "SD9" in levers
    moved = told(Problem("problem.link.positions", items=(("levers.1.1", "130"),)), words)
    assert words.name("objective.1.1") in moved
    assert "130" in moved
    parts = told(Problem("problem.link.parts", items=(f"{PART}graphs", "odd")), words)
    assert words.say("problem.part.graphs") in parts
    assert "odd" in parts


def test_all_sentences_leave_the_same_gaps_open_in_every_language() -> None:
    for key, said in own_sentences().items():
        if key.startswith(("problem.", "graphs.")):
            gaps = {language: set(filter(None, said[language].split("{")[1:])) for language in said}
            names = {frozenset(one.split("}")[0] for one in found) for found in gaps.values()}
            assert set(said) == set(LANGUAGES)
            assert len(names) == 1, key
