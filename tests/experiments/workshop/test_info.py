"""What every lever and trend says of itself, in four languages."""

from __future__ import annotations

import pytest

from experiments.workshop.info import meaning_of
from experiments.workshop.meaning import Meaning
from experiments.workshop.wording import Words, own_sentences, words_of
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.entries import POLICY_HANDLES
from scenarios.library import load_library
from scenarios.texts import LANGUAGES

LIBRARY = load_library(load_catalogue())


def words(language: str) -> Words:
    return words_of(language, LIBRARY.texts)


def lines(found: Meaning, term: str) -> list[str]:
    return [line.text for row in found.rows if row.term == term for line in row.lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lever_says_all_of_itself(language: str) -> None:
    said = words(language)
    for name in (*LIBRARY.levers, *LIBRARY.trends):
        found = meaning_of(name, LIBRARY, said)
        for told in found.texts:
            assert told.strip(), name
            assert not {"{", "}"} & set(told), (name, told)
            assert not {"None", "nan"} & set(told.split()), (name, told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_measure_has_all_rows(language: str) -> None:
    said = words(language)
    wanted = ("half", "effects", "evidence", "aim", "published", "timing", "reach", "positions")
    for name in LIBRARY.measures:
        terms = {row.term for row in meaning_of(name, LIBRARY, said).rows}
        missing = {said.say(f"info.{key}") for key in (*wanted, "cost", "sources")} - terms
        assert not missing, (name, missing)


def test_only_english_notes_are_not_translated() -> None:
    english = {t for name in LIBRARY.measures for t in meaning_of(name, LIBRARY, words("en")).texts}
    for language in ("nl", "fr", "de"):
        for name in LIBRARY.measures:
            for row in meaning_of(name, LIBRARY, words(language)).rows:
                effects = row.term == words(language).say("info.effects")
                assert not (effects and {line.text for line in row.lines} & english), name


def test_a_measure_with_known_numbers() -> None:
    found = meaning_of("consumption-room", LIBRARY, words("en"))
    assert lines(found, "Position 50 means")[0] == "2 more rooms in Belgium."
    assert lines(found, "Effects at position 100") == [
        "Share of overdoses that end in death (Heroin and other illegal opioids, Cocaine): "
        "multiplied by 0.65 (95% interval: 0.48 to 1); reaches 3% (1% to 8%) of the people meant "
        "(reach assumed)"
    ]
    assert lines(found, "Cost")[0] == "No cost of the whole measure found."
    assert "Marshall" in lines(found, "Sources")[0] or "Lancet" in lines(found, "Sources")[0]


def test_what_is_assumed_is_marked() -> None:
    found = meaning_of("possession-decriminalisation", LIBRARY, words("en"))
    effects = next(row for row in found.rows if row.term == "Effects at position 100")
    assert all(line.assumed for line in effects.lines[:-1])
    assert lines(found, "Sources") == ["No source was found: everything here is assumed."]


def test_an_objective_lists_its_measures() -> None:
    found = meaning_of("1.1", LIBRARY, words("nl"))
    members = lines(found, "Verschuift deze maatregelen")[1:]
    assert len(members) == len(LIBRARY.members("1.1"))
    assert len(lines(found, "Daarnaast, alleen apart te verschuiven")) == 2


def test_a_trend_names_its_drivers_and_ends() -> None:
    found = meaning_of("F2", LIBRARY, words("fr"))
    terms = [row.term for row in found.rows]
    drivers = [driver for driver in LIBRARY.drivers.values() if driver.trend == "F2"]
    assert all(any(term.startswith(driver.id) for term in terms) for driver in drivers)
    assert "À +100" in terms
    assert "À −100" in terms


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_handle_has_words(language: str) -> None:
    handles = [*(row.id for row in LIBRARY.catalogue.handles), *POLICY_HANDLES]
    assert all(own_sentences()[f"handle.{name}"][language] for name in handles)


def test_what_is_no_lever_is_refused() -> None:
    with pytest.raises(InputError, match="unknown lever"):
        meaning_of("SD9", LIBRARY, words("en"))
