"""The frame of the page: languages, addresses, notices of old links, and what is said."""

from __future__ import annotations

import asyncio
import re
import string
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from experiments.workshop import about, page, status
from experiments.workshop.address import FIRST, address
from experiments.workshop.answers import Answer
from experiments.workshop.host import Host
from experiments.workshop.link import view_of
from experiments.workshop.view import View, idle
from experiments.workshop.wording import Words, own_sentences, words_of
from scenarios.texts import LANGUAGES, load_texts
from tests.experiments.workshop.conftest import library, offered

OWN = ("page.", "about.")


@pytest.fixture(scope="module", params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> Words:
    return words_of(request.param, load_texts())


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("en;q=0.3, fr-BE;q=0.9", "fr"),
        ("es, de;q=0.5", "de"),
        ("es,it", "en"),
        ("", "en"),
        ("fr;q=many, nl", "nl"),
    ],
)
def test_the_first_page_speaks_the_language_that_the_browser_wants(
    wanted: str, language: str
) -> None:
    assert page.best_language(wanted) == language


def moved() -> View:
    return replace(FIRST, scenario=idle().model_copy(update={"levers": {"SD1": 40.0}}))


def test_the_first_view_has_a_short_address() -> None:
    assert address(FIRST, "nl") == "/nl"
    assert address(FIRST, "fr", "/about") == "/fr/about"


def test_another_language_has_the_same_view_under_another_path() -> None:
    found = {address(moved(), language)[3:] for language in LANGUAGES}
    assert len(found) == 1
    link = found.pop().removeprefix("?s=")
    assert view_of(link, library(), offered()) == (moved(), [])


def test_what_an_old_link_cannot_show_is_told_as_a_notice(words: Words) -> None:
    engine = SimpleNamespace(library=library())
    host = cast(Host, SimpleNamespace(engine=engine, graphs=offered()))
    loop = asyncio.new_event_loop()
    try:
        broken = page.open_session(host, words, "no link at all", loop)
        fresh = page.open_session(host, words, "", loop)
    finally:
        loop.close()
    assert broken.notices
    assert all(told and "{" not in told for told in broken.notices)
    assert fresh.notices == []
    assert fresh.view == FIRST


def answer(draws: int, **more: Any) -> Answer:
    return Answer((), draws, 200, **more)


def test_the_status_says_how_many_draws_are_shown(words: Words) -> None:
    preview, rest = (status.draws_told(words, answer(draws)) for draws in (4, 200))
    assert re.findall(r"\d+", preview) == ["4", "200"]
    assert re.findall(r"\d+", rest) == ["200"]
    assert status.draws_told(words, None) == words.say("page.graph.waiting")


def test_versions_are_told_where_they_are_known(words: Words) -> None:
    known = {"package_version": "1.2.3", "posterior_hash": "0123456789abcdef", "seeds": "7"}
    told = status.versions(words, known)
    assert [re.sub(r"^\D*", "", one) for one in told] == ["1.2.3", "01234567", "7"]
    assert status.versions(words, {}) == []


def own() -> Mapping[str, Mapping[str, str]]:
    return {key: row for key, row in own_sentences().items() if key.startswith(OWN)}


def test_every_sentence_is_there_in_all_languages_with_the_same_gaps() -> None:
    assert len(own()) > 100
    for key, row in own().items():
        assert set(row) == set(LANGUAGES), key
        gaps = {
            language: {name for _, name, _, _ in string.Formatter().parse(told) if name}
            for language, told in row.items()
        }
        assert all(one == gaps["en"] for one in gaps.values()), key


def test_all_of_the_text_page_is_said_and_all_that_is_written_is_used(words: Words) -> None:
    said = {"about.title", "about.skip"}
    for chapter, paragraphs in about.CHAPTERS.items():
        said.add(f"about.{chapter}")
        said |= {f"about.{chapter}.{one.replace('-', 'point')}" for one in paragraphs}
    assert said == {key for key in own() if key.startswith("about.")}
    assert all(words.say(key) for key in said)
