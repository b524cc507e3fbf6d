"""Reports say what the results say, in four languages, as tagged PDF and as one HTML file."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from experiments.comparisons.compare import paired
from experiments.report.blocks import Bullets, Heading, Picture, Report, Table, Text
from experiments.report.material import Material, open_material
from experiments.report.sections import report_of
from experiments.report.words import WORDS, words_of
from experiments.report.written import html, pdf, write
from model.errors import InputError
from scenarios.lines import read_yaml
from scenarios.texts import LANGUAGES, load_texts
from tests.experiments.conftest import Done

VOID = {"meta", "img", "br", "hr", "link"}


class _Page(HTMLParser):
    """Checks that tags close in order, and keeps what a test asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def report(done: Done, tmp_path_factory: pytest.TempPathFactory) -> Report:
    with open_material(str(done.options.out), None) as material:
        return report_of(material, "fr", None, tmp_path_factory.mktemp("pictures"))


def test_every_sentence_stands_in_four_languages_with_the_same_gaps() -> None:
    sentences = read_yaml(WORDS).value
    assert isinstance(sentences, dict)
    for key, by_language in sentences.items():
        assert list(by_language) == list(LANGUAGES), key
        gaps = {
            language: {name for _, name, _, _ in string.Formatter().parse(told) if name}
            for language, told in by_language.items()
        }
        assert len({frozenset(found) for found in gaps.values()}) == 1, (key, gaps)
        assert all(told.strip() for told in by_language.values()), key


@pytest.mark.parametrize(
    ("language", "value", "told"),
    [
        ("en", 1234567.0, "1,230,000"),
        ("de", 1234567.0, "1.230.000"),
        ("nl", 0.04567, "0,0457"),
        ("fr", 12.0, "12,0"),
        ("en", 0.0, "0"),
        ("en", -2.5, "-2.50"),
    ],
)
def test_numbers_have_three_digits_and_the_marks_of_the_language(
    language: str, value: float, told: str
) -> None:
    assert words_of(language, load_texts()).number(value) == told


def test_a_number_that_is_none_is_said_to_be_none() -> None:
    assert words_of("en", load_texts()).interval(np.nan, 1.0, 2.0) == "no value"


def test_sections_stand_in_order_and_nothing_is_left_to_fill_in(report: Report) -> None:
    words = words_of("fr", load_texts())
    headings = [block.text for block in report.blocks if isinstance(block, Heading)]
    keys = ("question", "short", "scenarios", "levers", "years")
    assert headings[:5] == [words.say(f"section.{key}") for key in keys]
    assert headings[5] == words.say("section.year", year=2026)
    assert headings[-1] == words.say("section.provenance")
    assert not re.search(r"\{\w*\}", repr(report))


def test_the_table_of_the_year_holds_the_paired_differences(done: Done, report: Report) -> None:
    with open_material(str(done.options.out), None) as material:
        series = material.series["last_year_prevalence", "any_illegal"]
    expected = paired(series[0, :, -1], series[3, :, -1])
    words = words_of("fr", load_texts())
    table = next(
        one
        for one in report.blocks
        if isinstance(one, Table) and words.say("column.indicator") in one.header
    )
    row = next(row for row in table.rows if row[0].startswith("Usage au cours des 12"))
    told = words.change(expected.percent, expected.percent_low, expected.percent_high)
    assert table.header[-1] == "A bit of everything (%)"
    assert row[-1] in (f"{told} {expected.mark}".strip(), "≈")
    assert expected.certainty == "no visible difference" or row[-1] != "≈"


def test_levers_come_with_grade_and_with_what_is_assumed(report: Report) -> None:
    words = words_of("fr", load_texts())
    tables = [block for block in report.blocks if isinstance(block, Table)]
    levers = next(one for one in tables if one.caption == words.say("levers.caption"))
    row = next(row for row in levers.rows if row[0] == words.name("measure.treatment-capacity"))
    grades = {words.name(f"grade.{name}") for name in ("systematic-review", "rct", "expert")}
    grades |= {words.name(f"grade.{name}") for name in ("observational", "unverified")}
    assert row[2] in grades
    assert row[3] in {words.say("size.assumed"), words.say("size.sourced")}
    assert "50,0" in row


def test_scenario_only_products_are_named_and_no_sensitivity_is_said(report: Report) -> None:
    words = words_of("fr", load_texts())
    bullets = [
        item for block in report.blocks if isinstance(block, Bullets) for item in block.items
    ]
    said = " ".join(told for _, told in bullets)
    assert words.name("product.ketamine") in said
    texts = [block.text for block in report.blocks if isinstance(block, Text)]
    assert any("drugfutures sensitivity" in told for told in texts)


def test_pictures_tell_in_words_what_they_show_and_have_their_numbers_beside(
    report: Report,
) -> None:
    pictures = [block for block in report.blocks if isinstance(block, Picture)]
    assert len(pictures) == 7
    for picture in pictures:
        assert re.search(r"\d", picture.alt)
        assert picture.path.with_suffix(".csv").read_text(encoding="utf-8").count("\n") > 5


def test_pdf_is_tagged_named_and_the_same_each_time(report: Report) -> None:
    short = replace(report, blocks=report.blocks[:6])
    made = pdf(short)
    assert made.startswith(b"%PDF-")
    for mark in (b"/StructTreeRoot", b"/Lang(fr", b"/MarkInfo", b"pdfuaid"):
        assert mark in made
    assert made == pdf(short)


def test_html_is_whole_and_asks_nothing_of_other_machines(report: Report) -> None:
    text = html(report)
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.of("html")[0]["lang"] == "fr"
    assert all(image["alt"] for image in page.of("img"))
    assert all(image["src"].startswith("data:") for image in page.of("img"))  # type: ignore[union-attr]
    assert not page.of("script")
    assert not re.search(r"""(?:src|href)=["']https?:""", text)
    assert {cell.get("scope") for cell in page.of("th")} == {"col", "row"}
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_words_are_shown_as_they_are_whatever_they_hold(tmp_path: Path, report: Report) -> None:
    strange = "<b>&amp; #let x = 1 $a$ *b* _c_ \\ @d"
    made = replace(report, title=strange, blocks=(Heading(1, strange), Text(strange)))
    assert "&lt;b&gt;&amp;amp;" in html(made)
    assert pdf(made).startswith(b"%PDF-")
    assert write(made, tmp_path / "new" / "a.html").is_file()


@pytest.mark.parametrize("name", ["a.docx", "a"])
def test_other_kinds_of_files_are_refused(tmp_path: Path, report: Report, name: str) -> None:
    with pytest.raises(InputError, match=r"\.pdf or \.html"):
        write(report, tmp_path / name)


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError), open_material(str(tmp_path), None):
        pass


def test_a_sensitivity_file_that_is_not_there_is_refused(done: Done, tmp_path: Path) -> None:
    missing = tmp_path / "no.nc"
    with (
        pytest.raises(InputError, match="no such file"),
        open_material(str(done.options.out), missing),
    ):
        pass


def test_changed_levers_are_said(done: Done, tmp_path: Path) -> None:
    with open_material(str(done.options.out), None) as material:
        assert material.fresh
        stale: Material = replace(material, fresh=False)
        told = report_of(stale, "en", None, tmp_path)
    assert any(
        isinstance(block, Text) and "changed since" in block.text and block.important
        for block in told.blocks
    )
