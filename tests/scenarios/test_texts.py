"""Texts are complete in four languages, short enough, and speak of people with respect."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from experiments.runs.results import AGE_GROUPS as SHOWN_AGE_GROUPS
from model.catalogue import load_catalogue
from model.errors import InputError
from scenarios.levers import OUTSIDE, STRATEGY, Grade
from scenarios.texts import (
    AGE_GROUPS,
    FILES,
    FIXED,
    LANGUAGES,
    STRATEGIC,
    TEXTS,
    TRENDS,
    load_texts,
    needed_keys,
    placeholders,
    slug,
    text,
)
from scenarios.trends import TREND_IDS

SENTENCES = ("about", "half", "plus", "minus", "caution")
LONGEST_NAME = {"en": 60, "nl": 75, "fr": 75, "de": 75}
LONGEST_SENTENCE = 250
# Whole words, any case. They name people by what they use, or judge them.
STIGMA = {
    "en": r"addicts?|abusers?|abus(e|ed|ing)|junk(ie|y)s?|clean|alcoholics?|users?|druggies?"
    r"|addicted (persons?|people)|smokers|drinkers|gamblers|the homeless|prostitutes?",
    "nl": r"\w*verslaafden?|\w*gebruik(er|ster)s?|junk(ie|y)s?|\w*misbruik\w*|clean|alcoholist\w*"
    r"|alcoholic(us|i)|rokers|drinkers|gokkers|gamers|drughoeren?|daklozen",
    "fr": r"toxicoman\w*|toxicos?|drogué\w*|junkies?|abus\w*|alcooliques?|clean|fumeurs|buveurs"
    r"|consommat(eur|rice)s?|joueurs|accros?|prostituées?|sevrés?",
    "de": r"\w*süchtig\w*|(drogen|alkohol)?abhängigen?|junk(ie|y)s?|\w*missbrauch\w*|clean"
    r"|\w*alkoholiker\w*|\w*konsument\w*|\w*raucher|trinker|spieler|\w*nutzer|obdachlosen?",
}
# Words that are written the same: English and the other language.
SAME = {
    "nl": {"Alcohol", "Cannabis", "Ketamine", "index (2010 = 1)", "Housing First"},
    "fr": {"Cannabis", "MDMA (ecstasy)", "Overdoses", "Transit", "proportion", "Housing First"},
    "de": {"Cannabis", "Housing First"},
}
ENGLISH = r"the|and|with|people|which|from|are|drugs policy"


@cache
def raw(language: str) -> str:
    return (TEXTS / f"{language}.yaml").read_text(encoding="utf-8")


@cache
def needed() -> frozenset[str]:
    """Keys of the catalogue, the trends, the levers and the scenarios."""

    def read(path: Path) -> Any:
        return yaml.safe_load(path.read_text("utf-8"))

    folder = TEXTS.parent
    trends = [read(path) for path in sorted(folder.glob("trends/*.yaml"))]
    levers = [read(path) for path in sorted(folder.glob("levers/*.yaml"))]
    objectives = [objective for lever in levers for objective in lever["objectives"]]
    ids = {
        "driver": [driver["id"] for trend in trends for driver in trend["drivers"]],
        "measure": [measure["id"] for one in objectives for measure in one["measures"]],
        "rule": [rule["id"] for rule in read(folder / "rules.yaml")["rules"]],
        "block": list(read(folder / "blocks.yaml")["blocks"]),
        "scenario": [path.stem for path in folder.glob("futures/*.yaml")],
    }
    return frozenset(needed_keys(load_catalogue(), **ids))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_lacks_and_none_is_left_over(language: str) -> None:
    found = set(load_texts()[language])
    assert sorted(needed() - found) == []
    assert sorted(found - needed()) == []


def test_keys_stand_in_the_same_order_grouped() -> None:
    orders = {language: list(yaml.safe_load(raw(language))) for language in LANGUAGES}
    assert all(order == orders["en"] for order in orders.values())
    groups = [key.split(".")[0] for key in orders["en"]]
    changes = [one for one, before in zip(groups, ["", *groups], strict=False) if one != before]
    assert len(changes) == len(set(changes))


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_tidy_and_fit(language: str) -> None:
    for key, given in load_texts()[language].items():
        sentence = key.rsplit(".", 1)[-1] in SENTENCES
        longest = LONGEST_SENTENCE if sentence else LONGEST_NAME[language]
        assert len(given) <= longest, f"{key}: {len(given)} characters"
        assert given == given.strip(), key
        assert "  " not in given, key
        assert "'" not in given, f"{key}: the apostrophe is ’"
        assert given.endswith(".") == sentence, key


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_what_is_left_open_is_the_same_in_every_language(language: str) -> None:
    texts = load_texts()
    for key, given in texts[language].items():
        assert placeholders(given) == placeholders(texts["en"][key]), key


def test_only_the_meaning_of_half_way_leaves_something_open() -> None:
    for key, given in load_texts()["en"].items():
        assert set(placeholders(given)) <= ({"{half}"} if key.endswith(".half") else set()), key
        assert "{" not in given.replace("{half}", ""), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_stigmatises(language: str) -> None:
    stigma = re.compile(rf"\b({STIGMA[language]})\b", re.IGNORECASE)
    found = {key: given for key, given in load_texts()[language].items() if stigma.search(given)}
    assert found == {}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_nothing_is_left_in_english(language: str) -> None:
    texts, english = load_texts(), re.compile(rf"\b({ENGLISH})\b")
    same = {given for key, given in texts[language].items() if given == texts["en"][key]}
    assert same <= SAME[language]
    assert [given for given in texts[language].values() if english.search(given)] == []


def test_fixed_ids_are_those_of_results_levers_and_trends() -> None:
    assert tuple(SHOWN_AGE_GROUPS) == AGE_GROUPS
    assert FIXED["grade"] == get_args(Grade)
    assert (*STRATEGY, OUTSIDE) == STRATEGIC
    assert TREND_IDS == TRENDS


def test_a_unit_becomes_the_end_of_a_key() -> None:
    assert slug("EUR of 2015 per year") == "eur-of-2015-per-year"
    assert slug("index (2010 = 1)") == "index-2010-1"


def test_a_folder_of_ones_own_adds_and_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "en.yaml").write_text("product.kratom: Kratom leaves\n", encoding="utf-8")
    (folder / "nl.yaml").write_text("product.tobacco: Rookwaar\n", encoding="utf-8")
    texts = load_texts(tmp_path)
    assert text(texts, "nl", "product.tobacco") == "Rookwaar"
    assert text(texts, "nl", "product.kratom") == "Kratom leaves"
    assert text(load_texts(), "nl", "product.tobacco") == "Tabak"
    assert load_texts(tmp_path / "nowhere") == load_texts()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("producten.x: iets", "unknown key"),
        ("in_strategy.no: no", "words"),
        ("product.x: ' '", "words"),
        ("product.tobacco: '{half} tabak'", "open"),
        ('product.x: "een\\ntwee"', "one line"),
        ("- product.x", "key: text"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "nl.yaml").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=told) as refused:
        load_texts(tmp_path)
    assert refused.value.line == 1
    assert str(refused.value.file).endswith("nl.yaml")


def test_a_file_of_another_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "es.yaml").write_text("product.tobacco: Tabaco\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown file") as refused:
        load_texts(tmp_path)
    assert refused.value.allowed == ", ".join(FILES)


@pytest.mark.parametrize(
    ("language", "key", "told"),
    [("it", "product.tobacco", "language"), ("nl", "product.tabaco", "product.tobacco")],
)
def test_what_is_unknown_is_refused(language: str, key: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        text(load_texts(), language, key)
