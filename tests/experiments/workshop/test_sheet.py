"""The printable report: always two pages, nothing left out in silence, nothing read as markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.report.blocks import (
    Break,
    Bullets,
    Heading,
    Link,
    Picture,
    Report,
    Row,
    Table,
    Text,
)
from experiments.report.written import html
from experiments.workshop.answers import Change
from experiments.workshop.engine import Engine
from experiments.workshop.moved import moved_of
from experiments.workshop.sheet import (
    KEY_GRAPHS,
    MOST_MOVED,
    printable,
    report_of,
    sheet,
    told_change,
)
from experiments.workshop.view import OWN, View
from experiments.workshop.wording import words_of
from scenarios.schema import Event, ScenarioFile, Settings
from scenarios.texts import LANGUAGES
from tests.experiments.workshop.conftest import library
from tests.experiments.workshop.exported import LINK, SHORT, long_view, numbers_of


def pages(made: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", made))


def tables(report: Report) -> list[Table]:
    found = []
    for block in report.blocks:
        inside = block.blocks if isinstance(block, Row) else (block,)
        found += [one for one in inside if isinstance(one, Table)]
    return found


def words_in(report: Report) -> str:
    return " ".join(one.text for one in report.blocks if isinstance(one, Text))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["nothing", "short", "long"])
def test_there_are_two_pages_whatever_is_told(engine: Engine, language: str, kind: str) -> None:
    view = {"nothing": View(), "short": SHORT, "long": long_view()}[kind]
    found = numbers_of(engine, view, language, *KEY_GRAPHS)
    made = sheet(replace(found, link=LINK + "x" * 4000) if kind == "long" else found)
    assert pages(made) == 2
    assert f"/Lang({language}".encode() in made  # tagged, in its language
    assert b"/StructTreeRoot" in made
    assert b"/MarkInfo<</Marked true" in made


def test_equal_numbers_give_equal_bytes(engine: Engine) -> None:
    found = numbers_of(engine, SHORT, "nl", *KEY_GRAPHS)
    assert sheet(found) == sheet(found)


def test_a_long_list_says_how_much_is_left_out(engine: Engine, tmp_path: Path) -> None:
    view = long_view()
    report = report_of(numbers_of(engine, view, "en"), tmp_path)
    rows = [row for table in tables(report)[:2] for row in table.rows]
    moved = len(view.scenario.levers) + len(view.scenario.trends)
    assert len(rows) == MOST_MOVED
    assert f"and {moved - MOST_MOVED} more" in words_in(report)
    sizes = [abs(float(row[1].replace("−", "-"))) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_nothing_moved_is_said(engine: Engine, tmp_path: Path) -> None:
    report = report_of(numbers_of(engine, View(), "en"), tmp_path)
    assert "Nothing: this is current policy." in words_in(report)
    assert {row[-1] for row in tables(report)[0].rows} == {"no change"}


def test_key_outcomes_stand_in_the_table_with_paired_changes(
    engine: Engine, tmp_path: Path
) -> None:
    found = numbers_of(engine, SHORT, "en", *KEY_GRAPHS)
    report = report_of(found, tmp_path)
    outcomes = tables(report)[1]
    assert outcomes.header[1:] == ("Current policy", "This scenario: change")
    known = [graph for graph in KEY_GRAPHS if graph not in SHORT.graphs and engine.applies(graph)]
    assert len(outcomes.rows) == 2 + len(known)
    reference, own = (one.values[0][:, -1] for one in found.scenarios)
    low, median, high = np.quantile(1e-6 * (own - reference), (0.05, 0.5, 0.95))
    told = told_change(found.words, Change(median, low, high, 1.0))
    assert outcomes.rows[0][2] == told
    captions = [p.caption for b in report.blocks if isinstance(b, Row) for p in b.blocks]
    assert told in captions[0]


def test_pictures_are_told_in_words(engine: Engine, tmp_path: Path) -> None:
    report = report_of(numbers_of(engine, SHORT, "fr"), tmp_path)
    shown = [p for b in report.blocks if isinstance(b, Row) for p in b.blocks]
    assert len(shown) == 2
    for picture in shown:
        assert isinstance(picture, Picture)
        assert picture.caption in picture.alt
        assert picture.path.is_file()
    assert "Cannabis" in shown[1].alt  # type: ignore[union-attr]


def test_names_and_notes_stay_what_they_are(engine: Engine, tmp_path: Path) -> None:
    report = report_of(numbers_of(engine, long_view(), "en"), tmp_path)
    assert report.title == '=1+1 #emph[x] $x^2$ <b>é</b> "; □ □'
    note = next(t.text for t in report.blocks if isinstance(t, Text) and "*b* @x" in t.text)
    assert note.count("#emph[x]") > 15
    page = html(report)
    assert "<b>é" not in page
    assert "&lt;b&gt;é" in page


def test_a_note_says_when_it_goes_on(engine: Engine, tmp_path: Path) -> None:
    view = View(scenario=ScenarioFile(id=OWN, note="word " * 1000))
    told = words_in(report_of(numbers_of(engine, view, "en"), tmp_path))
    assert "(3,499 more characters in the link)" in told


def test_all_that_acts_is_named_once() -> None:
    words = words_of("en", library().texts)
    driver = next(iter(library().drivers))
    scenario = ScenarioFile(
        id=OWN,
        levers={"SD2": 33.0, "1.3": 67.0},
        trends={"F1": -51.0},
        events=[Event.model_validate({"driver": driver, "from": "2026-01"})],
        settings=Settings(),
        central_trends=True,
    )
    found = moved_of(scenario, library(), words)
    assert [(one.position, one.means) for one in found] == [
        ("", ""),
        ("", ""),
        ("", ""),
        ("67", "Full"),
        ("−51", "Strongly favourable"),
        ("33", "Limited"),
    ]
    assert len({one.name for one in found}) == 6


@settings(max_examples=200)
@given(st.text(max_size=120))
def test_what_is_printed_has_only_letters_that_the_typeface_has(text: str) -> None:
    told = printable(text)
    assert told.isascii() or all(ord(letter) < 0x2600 for letter in told)
    assert not set(told) & set("\x00\x07\r\x1b\u202e")


def test_a_very_long_word_may_be_broken() -> None:
    assert printable("X" * 45).replace("\u200b", "") == "X" * 45
    assert max(map(len, printable("X" * 45).split("\u200b"))) == 10
    assert "\u200b" not in printable("Gesundheitsförderungsmaßnahmen")


def test_the_link_is_whole_where_it_leads(engine: Engine, tmp_path: Path) -> None:
    found = replace(numbers_of(engine, SHORT), link=LINK + "y" * 900)
    link = report_of(found, tmp_path).blocks[-1]
    assert isinstance(link, Link)
    assert link.url == found.link
    assert link.text.endswith("…")


def test_headings_stand_in_order_on_two_sides_of_a_break(engine: Engine, tmp_path: Path) -> None:
    blocks = report_of(numbers_of(engine, SHORT), tmp_path).blocks
    assert sum(isinstance(block, Break) for block in blocks) == 1
    assert all(block.level == 1 for block in blocks if isinstance(block, Heading))
    assert any(isinstance(block, Bullets) for block in blocks)
