"""The glossary says in four languages what the page, the plots and the reports say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from experiments.plots.analysis import wording as of_plots
from experiments.report.words import sentences as of_reports
from experiments.reproduce.glossary import NAMES, PAGE, entries, page, plain, rows
from experiments.workshop.wording import own_sentences
from scenarios.texts import LANGUAGES, load_texts
from tests.scenarios.test_texts import STIGMA

ROOT = Path(__file__).resolve().parents[2]
WORDS = [row["en"][0] for row in rows()]
ROW = dict(zip(WORDS, rows(), strict=True))
PAIRS = zip(WORDS, entries(), strict=True)
WITHIN = {word: str(entry["within"]) for word, entry in PAIRS if "within" in entry}


@cache
def shown() -> tuple[tuple[str, Mapping[str, str]], ...]:
    """Every text that a reader meets: its key, and the text by language."""
    texts = load_texts()
    library = [(key, {lang: texts[lang][key] for lang in NAMES}) for key in texts["en"]]
    own = (own_sentences(), of_reports(), of_plots.sentences())
    return (*library, *(pair for sentences in own for pair in sentences.items()))


def alone(text: str) -> str:
    return plain(text).rstrip(".")


def test_every_row_has_all_languages_and_nothing_else() -> None:
    assert tuple(NAMES) == LANGUAGES
    for entry in entries():
        assert set(entry) - {"within"} == set(NAMES), entry
        for language in NAMES:
            word, meaning = entry[language]
            assert word == word.strip() != ""
            assert meaning.endswith((".", "?")), meaning
            assert meaning[0].isupper() or meaning.startswith("ICD"), meaning


@pytest.mark.parametrize("language", NAMES)
def test_no_word_stands_twice(language: str) -> None:
    words = [plain(row[language][0]) for row in rows()]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_is_shown_alone_is_the_same_word(word: str) -> None:
    same = [text for _, text in shown() if alone(text["en"]) == alone(word)]
    ours = {language: alone(said) for language, (said, _) in ROW[word].items()}
    assert not same or ours in [{lang: alone(text[lang]) for lang in NAMES} for text in same]


@pytest.mark.parametrize("word", WITHIN)
def test_a_word_within_a_sentence_is_the_same_word(word: str) -> None:
    sentences = [text for key, text in shown() if key == WITHIN[word]]
    assert sentences, f"no text has the key {WITHIN[word]}"
    lacking = {
        language: sentence[language]
        for sentence in sentences
        for language, (said, _) in ROW[word].items()
        if plain(said) not in plain(sentence[language])
    }
    assert lacking == {}


@pytest.mark.parametrize("language", NAMES)
def test_people_come_first(language: str) -> None:
    stigma = re.compile(rf"\b({STIGMA[language]})\b", re.IGNORECASE)
    told = [": ".join(row[language]) for row in rows()]
    assert [text for text in told if stigma.search(text)] == []


def test_the_page_is_what_the_data_say() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "make reproduce"
