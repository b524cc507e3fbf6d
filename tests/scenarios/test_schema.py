"""Scenario files: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import InputError
from model.handles import NEVER_ZERO
from scenarios.library import FUTURES, Library, read_scenario
from scenarios.lines import DEEPEST, LARGEST_FILE, read_yaml
from scenarios.schema import Event, Settings
from tests.scenarios import rich
from tests.scenarios.conftest import Written

GOOD = """\
id: dearer-tobacco
title: Dearer tobacco
description: The price of tobacco rises by half.
changes:
  - handle: price
    products: [tobacco, kind:illegal]
    regions: [Flanders]
    ages: [null, null]
    from: 2024-07
    to: 2026-12
    multiplier: 1.5
    note: an example
"""


def test_a_scenario_is_read(written: Written, library: Library) -> None:
    scenario = read_scenario(written(GOOD), library)
    assert (scenario.id, scenario.branch) == ("dearer-tobacco", 168)
    assert (scenario.title, scenario.description[:9]) == ("Dearer tobacco", "The price")
    (placed,) = scenario.changes
    change = placed.entry
    assert change.products == ["tobacco", "kind:illegal"]
    assert (change.start, change.stop, change.multiplier) == ("2024-07", "2026-12", 1.5)
    assert change.sexes == ["male", "female"]
    assert change.source == "assumed"
    assert change.size == 1.5
    assert not scenario.plan.idle


def test_every_key_is_read(written: Written, library: Library) -> None:
    plan = read_scenario(written(rich.SCENARIO), library).plan
    assert plan.levers["tobacco-tax"] == -25.0
    assert {plan.levers[name] for name in library.members("1.1") if name != "tobacco-tax"} == {20}
    assert plan.trends["F1"] == 50.0  # over the block's -75
    assert plan.trends["F2"] == 75.0  # of the block
    assert plan.events == (
        Event.model_validate(
            {"driver": "F3.2", "from": "2026-03", "size": "central", "months": 18}
        ),
    )
    assert plan.rules == ("cocaine-loads", "hepatitis-c")
    assert plan.settings == Settings(subadditivity=0.8, floor=0.2)
    assert [change.entry.handle for change in plan.changes] == [
        "price",
        "initiation",
        "price_floor",
    ]


def test_the_reference_changes_nothing(library: Library) -> None:
    reference = read_scenario(FUTURES / "current-policy.yaml", library)
    assert reference.changes == ()
    assert reference.plan.idle


WRONG = [
    ("handle: price", "handle: prise", 5, "handle", "price"),
    ("[tobacco, kind:illegal]", "[tobacco, kind:foul]", 6, "products", "kind:illegal"),
    ("[tobacco, kind:illegal]", "snuff", 6, "products", "kind:illegal"),
    ("[tobacco, kind:illegal]", "3", 6, "products", "a list, such as [a, b]"),
    ("[tobacco, kind:illegal]", "", 6, "products", "a list, such as [a, b]"),
    ("[tobacco, kind:illegal]", "[]", 6, "products", "at least 1"),
    ("[Flanders]", "[Flandres]", 7, "regions", "Flanders, Wallonia, Brussels"),
    ("[Flanders]", "Flandres", 7, "regions", "Flanders, Wallonia, Brussels"),
    ("ages: [null, null]", "sexes: [men]", 8, "sexes", "male, female"),
    ("ages: [null, null]", "sexes: [male]", 8, "sexes", "every age, sex"),
    ("ages: [null, null]", "deprivation: [rich]", 8, "deprivation", "most_deprived, others"),
    ("[null, null]", "[64, 15]", 8, "ages", "first and last"),
    ("[null, null]", "[15]", 8, "ages", "at least 2"),
    ("[null, null]", "[15, old]", 8, "ages", "a whole number"),
    ("[null, null]", "[15, 33]", 8, "ages", "30-34"),
    ("[null, null]", "[25, 64]", 8, "ages", "every age, sex"),
    ("[null, null]", "young", 8, "ages", "such as [15, 24]"),
    ("2024-07", "2023-12", 9, "from", "2024-01 to 2030-12"),
    ("2024-07", "2024-13", 9, "from", "such as 2024-01"),
    ("2024-07", "2024-07-01", 9, "from", "such as 2024-01"),
    ("2026-12", "2024-06", 10, "to", "2024-07 to 2030-12"),
    ("2026-12", "2031-01", 10, "to", "2024-07 to 2030-12"),
    ("1.5", "-1", 11, "multiplier", "0 or more"),
    ("1.5", "0", 11, "multiplier", "0.01 or more"),
    ("1.5", ".nan", 11, "multiplier", "finite"),
    ("1.5", "'2'", 11, "multiplier", "without quotes"),
    ("1.5", "1e1", 11, "multiplier", "digits and a point"),
    ("1.5", "010", 11, "multiplier", "digits and a point"),
    ("1.5", "yes", 11, "multiplier", "number"),
    ("    note:", "    remark:", 12, "remark", "multiplier"),
    ("    note: an example", "    source: hearsay", 12, "source", "in all"),
    ("    multiplier: 1.5\n", "", 5, "multiplier", "the handle price takes a multiplier"),
    ("1.5", "", 11, "multiplier", "the handle price takes a multiplier"),
    ("multiplier: 1.5", "level: 0.5", 11, "level", "multiplier (the handle price takes no level)"),
    ("    note:", "    level: 0.5\n    note:", 12, "level", "takes no level"),
    ("id: dearer-tobacco\n", "", 1, "id", "a value"),
    ("id: dearer-tobacco", "id: Dearer Tobacco", 1, "id", "small letters"),
    ("title: Dearer tobacco", "title: 3", 2, "title", "text"),
    ("title: Dearer tobacco", 'title: "a\\nb"', 2, "title", "one line"),
    ("title: Dearer tobacco", "title: yes", 2, "title", "without quotes"),
    ("title: Dearer tobacco", "title: a\ntitle: b", 3, "title", "line 2"),
    ("title: Dearer tobacco\n", "", 1, "title", "scenario.dearer-tobacco"),
    ("title: Dearer tobacco", "branch: 2031-01\ntitle: a", 2, "branch", "2030-12"),
    ("title: Dearer tobacco", "date: soon\ntitle: a", 2, "date", "such as 2026-01-31"),
    ("title: Dearer tobacco", "version: 2\ntitle: a", 2, "version", "1"),
    ("title: Dearer tobacco", "version: true\ntitle: a", 2, "version", "1"),
    ("changes:", "levers: {SD7: 10}\nchanges:", 4, "SD7", "SD2, SD1"),
    ("changes:", "levers: {SD1: -10}\nchanges:", 4, "SD1", "0 to 100"),
    ("changes:", "levers: {SD1: 101}\nchanges:", 4, "SD1", "100 or less"),
    ("changes:", "levers: {drug-checking: -1}\nchanges:", 4, "drug-checking", "0 to 100"),
    ("changes:", "levers: [SD1]\nchanges:", 4, "levers", "keys with values"),
    ("changes:", "trends: {F9: 10}\nchanges:", 4, "F9", "F1, F2"),
    ("changes:", "trends: {F1: -101}\nchanges:", 4, "F1", "-100 or more"),
    ("changes:", "blocks: [none]\nchanges:", 4, "blocks", "strategy"),
    ("changes:", "rules: [none]\nchanges:", 4, "rules", "hepatitis-c"),
    ("changes:", "settings: {floor: 0}\nchanges:", 4, "floor", "0.01 or more"),
    ("changes:", "settings: {subadditivity: 0.2}\nchanges:", 4, "subadditivity", "0.3 or more"),
    ("changes:", "events: [{from: 2026-01}]\nchanges:", 4, "driver", "a value"),
    ("changes:", "events: [{driver: F1.4, from: 2023-12}]\nchanges:", 4, "from", "2024-01"),
    ("changes:", "events: [{driver: F9.4, from: 2026-01}]\nchanges:", 4, "driver", "in all"),
    ("changes:", "events: [{driver: F7.3, from: 2026-01}]\nchanges:", 4, "driver", "F7.1"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "allowed"), WRONG)
def test_a_wrong_value_is_refused_with_its_line(
    written: Written, library: Library, old: str, new: str, line: int, key: str, allowed: str
) -> None:
    assert old in GOOD
    path = written(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_scenario(path, library)
    error = caught.value
    assert (error.file, error.line, error.key) == (str(path), line, key)
    assert error.allowed is not None
    assert allowed in error.allowed
    for foreign in ("Input should", "String should", "Value error", "NoneType", "None"):
        assert foreign not in str(error)


LEVEL = (
    GOOD.replace("handle: price", "handle: price_floor")
    .replace("[tobacco, kind:illegal]", "alcohol")
    .replace("    regions: [Flanders]\n    ages: [null, null]\n", "")
    .replace("multiplier: 1.5", "level: 0.5")
)


def test_a_level_is_read(written: Written, library: Library) -> None:
    (placed,) = read_scenario(written(LEVEL), library).changes
    change = placed.entry
    assert (change.level, change.multiplier, change.size) == (0.5, None, 0.5)


@pytest.mark.parametrize(
    ("new", "line", "key", "allowed"),
    [
        ("multiplier: 0.5", 9, "multiplier", "level (the handle price_floor takes no multiplier)"),
        ("level: -0.1", 9, "level", "0 or more"),
        ("level: 11", 9, "level", "10 or less"),
        ("level: high", 9, "level", "number"),
        ("source: design", 5, "level", "the handle price_floor takes a level"),
    ],
)
def test_a_wrong_level_is_refused_with_its_line(
    written: Written, library: Library, new: str, line: int, key: str, allowed: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(written(LEVEL.replace("level: 0.5", new)), library)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert allowed in str(caught.value.allowed)


@pytest.mark.parametrize("handle", sorted(NEVER_ZERO))
def test_what_is_taken_the_logarithm_of_is_never_0(
    written: Written, library: Library, handle: str
) -> None:
    scope, readers = library.known.scopes[handle], library.known.readers[handle]
    text = GOOD.replace("handle: price", f"handle: {handle}").replace("tobacco, ", "")
    text = text if scope == "region" else text.replace("[Flanders]", "all")
    assert readers
    with pytest.raises(InputError, match=r"0\.01 or more") as caught:
        read_scenario(written(text.replace("1.5", "0")), library)
    assert (caught.value.line, caught.value.key) == (11, "multiplier")
    read_scenario(written(text.replace("1.5", "0.01")), library)


def test_what_is_no_logarithm_may_be_0(written: Written, library: Library) -> None:
    stopped = GOOD.replace("handle: price", "handle: import_flow").replace("tobacco, ", "")
    stopped = stopped.replace("[Flanders]", "all").replace("1.5", "0")
    assert read_scenario(written(stopped), library).changes[0].entry.size == 0.0


def test_one_word_is_a_list_of_one_and_all_is_everything(
    written: Written, library: Library
) -> None:
    text = GOOD.replace("[tobacco, kind:illegal]", "tobacco").replace("[Flanders]", "Brussels")
    change = read_scenario(written(text), library).changes[0].entry
    assert (change.products, change.regions) == (["tobacco"], ["Brussels"])
    text = GOOD.replace("[Flanders]", "all").replace("[null, null]", "all")
    text = text.replace("    note:", "    sexes: all\n    deprivation: [all]\n    note:")
    change = read_scenario(written(text), library).changes[0].entry
    assert change.regions == ["Flanders", "Wallonia", "Brussels"]
    assert (change.sexes, change.ages) == (["male", "female"], [None, None])
    assert change.deprivation == ["most_deprived", "others"]


@pytest.mark.parametrize("day", ["2026-01-31", "'2026-01-31'"])
def test_a_date_may_stand_in_quotes(written: Written, library: Library, day: str) -> None:
    read_scenario(written(f"date: {day}\nnote: why\n{GOOD}"), library)


MALFORMED = [
    ("title: &a Dearer", 2, "anchors"),
    ("title: *a", 2, "anchors"),
    ("title: !!python/name:os.system x", 2, "tags"),
    ("title: [", 4, "malformed"),
    ("title: 'x", 13, "malformed"),
    ("? [a]\n: b", 2, "a key must be a word"),
    ("title: a\n---\nid: b", 3, "malformed"),
    ("title: 2024-02-31", 2, "cannot be read"),
    ("title: 0x1F", 2, "not written plainly"),
    ("title: 1:30", 2, "not written plainly"),
    ("title: " + "9" * 5000, 2, "not written plainly"),
    ("title: \x07", 2, "malformed"),
    ("title: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 2, "deep"),
]


@pytest.mark.parametrize(("text", "line", "message"), MALFORMED)
def test_what_is_no_plain_yaml_is_refused(
    written: Written, library: Library, text: str, line: int, message: str
) -> None:
    path = written(GOOD.replace("title: Dearer tobacco", text))
    with pytest.raises(InputError, match=message) as caught:
        read_scenario(path, library)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert caught.value.allowed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("# a remark\n", "line 1: the file is empty"),
        ("- a\n", "line 1: a scenario is made of keys"),
        ("a word\n", "line 1: a scenario is made of keys"),
    ],
)
def test_a_file_without_keys_is_refused(
    written: Written, library: Library, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_scenario(written(text), library)
    assert "id, title" in str(caught.value.allowed)


def test_a_byte_order_mark_is_read_over(written: Written, library: Library) -> None:
    assert read_scenario(written("\ufeff" + GOOD), library).id == "dearer-tobacco"


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: \xff\xfe\x00")
    with pytest.raises(InputError, match="line 2: the file is not UTF-8 text"):
        read_yaml(path)
    path.write_bytes(b"a" * (LARGEST_FILE + 1))
    with pytest.raises(InputError, match="too large"):
        read_yaml(path)
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="this is no file"):
        read_yaml(tmp_path)


def test_the_guide_shows_every_handle_with_its_scope(root: Path, library: Library) -> None:
    guide = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    told = [line for line in guide.splitlines() if line.startswith("| `")]
    for row in library.catalogue.handles:
        assert f"| `{row.id}` | {row.scope} | {row.meaning} |" in told, row.id
        if row.unit == "level":
            assert f"`{row.id}` takes a `level`" in guide
