"""The tables of docs/odd.md are those of the code."""

from __future__ import annotations

import re

from experiments.checks import odd_tables
from experiments.checks.odd_tables import HOLDERS, PAGE, PURPOSES, TOLD


def test_the_page_has_the_tables_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    fresh = odd_tables.filled(page, odd_tables.tables())
    assert fresh == page, "run: python -m experiments.checks.odd_tables"


def test_every_parameter_of_the_agents_is_listed() -> None:
    from model.agents.terms import Terms

    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in Terms._fields if f"| `{name}` |" not in page] == []


def test_texts_of_the_generator_are_of_things_that_exist() -> None:
    named = {
        f"{holder}.{name}"
        for holder, kind in HOLDERS
        for name, _, _ in odd_tables.commented_fields(kind)
    }
    assert set(TOLD) <= named
    assert set(PURPOSES) == set(odd_tables.purpose_numbers())


def test_every_state_variable_is_described() -> None:
    lines = odd_tables.variable_table().splitlines()[2:]
    told = [line.split(" | ")[3].rstrip(" |") for line in lines]
    assert len(told) > 50
    assert [text for text in told if not re.sub(r"^\([^)]*\)", "", text).strip()] == []


def test_a_table_that_is_out_of_date_is_seen() -> None:
    page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n"
    fresh = odd_tables.filled(page, {"x": "new"})
    assert fresh == "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n"
    assert odd_tables.filled(fresh, {"x": "new"}) == fresh
