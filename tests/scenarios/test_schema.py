"""Scenario files: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.catalogue import Catalogue, load_catalogue
from model.errors import InputError
from model.handles import NEVER_ZERO
from scenarios.lines import DEEPEST, LARGEST_FILE, read_yaml
from scenarios.schema import FUTURES, REFERENCE, find, load, read_scenario, shipped

GOOD = """\
id: dearer-tobacco
title: Dearer tobacco
description: The price of tobacco rises by half.
changes:
  - handle: price
    products: [tobacco, kind:illegal]
    regions: [Flanders]
    ages: [15, 64]
    from: 2024-07
    to: 2026-12
    multiplier: 1.5
    note: an example
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def written(folder: Path, text: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scenario_is_read(tmp_path: Path, catalogue: Catalogue) -> None:
    scenario = read_scenario(written(tmp_path, GOOD), catalogue)
    assert (scenario.id, scenario.branch) == ("dearer-tobacco", 168)
    (change,) = scenario.changes
    assert change.products == ["tobacco", "kind:illegal"]
    assert (change.start, change.stop, change.multiplier) == ("2024-07", "2026-12", 1.5)
    assert change.sexes == ["male", "female"]
    assert change.source == "assumed"
    assert change.size == 1.5


def test_shipped_scenarios_are_sound_and_named_as_their_files(catalogue: Catalogue) -> None:
    assert REFERENCE in shipped()
    for name, path in shipped().items():
        assert read_scenario(path, catalogue).id == name


def test_the_reference_changes_nothing(catalogue: Catalogue) -> None:
    reference = read_scenario(FUTURES / "current-policy.yaml", catalogue)
    assert reference.changes == ()


WRONG = [
    ("handle: price", "handle: prise", 5, "handle", "availability"),
    ("[tobacco, kind:illegal]", "[tobacco, kind:foul]", 6, "products", "kind:illegal"),
    ("[tobacco, kind:illegal]", "snuff", 6, "products", "kind:illegal"),
    ("[tobacco, kind:illegal]", "3", 6, "products", "a list, such as [a, b]"),
    ("[tobacco, kind:illegal]", "", 6, "products", "a list, such as [a, b]"),
    ("[tobacco, kind:illegal]", "[]", 6, "products", "at least 1"),
    ("[Flanders]", "[Flandres]", 7, "regions", "Flanders, Wallonia, Brussels"),
    ("[Flanders]", "Flandres", 7, "regions", "Flanders, Wallonia, Brussels"),
    ("ages: [15, 64]", "sexes: [men]", 8, "sexes", "male, female"),
    ("ages: [15, 64]", "deprivation: [rich]", 8, "deprivation", "most_deprived, others"),
    ("[15, 64]", "[64, 15]", 8, "ages", "first and last"),
    ("[15, 64]", "[15]", 8, "ages", "at least 2"),
    ("[15, 64]", "[15, old]", 8, "ages", "a whole number"),
    ("[15, 64]", "young", 8, "ages", "such as [15, 24]"),
    ("2024-07", "2023-12", 9, "from", "2024-01 to 2030-12"),
    ("2024-07", "2024-13", 9, "from", "such as 2024-01"),
    ("2024-07", "2024-07-01", 9, "from", "such as 2024-01"),
    ("2026-12", "2024-06", 10, "to", "2024-07 to 2030-12"),
    ("2026-12", "2031-01", 10, "to", "2024-07 to 2030-12"),
    ("1.5", "-1", 11, "multiplier", "0 or more"),
    ("1.5", "0", 11, "multiplier", "0.01 or more"),
    ("1.5", ".nan", 11, "multiplier", "finite"),
    ("1.5", "'2'", 11, "multiplier", "number"),
    ("1.5", "yes", 11, "multiplier", "number"),
    ("    note:", "    remark:", 12, "remark", "multiplier"),
    ("    note: an example", "    source: hearsay", 12, "source", "assumed"),
    ("    multiplier: 1.5\n", "", 5, "multiplier", "the handle price takes a multiplier"),
    ("1.5", "", 11, "multiplier", "the handle price takes a multiplier"),
    ("multiplier: 1.5", "level: 0.5", 11, "level", "multiplier (the handle price takes no level)"),
    ("    note:", "    level: 0.5\n    note:", 12, "level", "takes no level"),
    ("id: dearer-tobacco\n", "", 1, "id", "a value"),
    ("id: dearer-tobacco", "id: Dearer Tobacco", 1, "id", "small letters"),
    ("title: Dearer tobacco", "title: 3", 2, "title", "text"),
    ("title: Dearer tobacco", "title: a\ntitle: b", 3, "title", "line 2"),
    ("title: Dearer tobacco", "branch: 2031-01\ntitle: a", 2, "branch", "2030-12"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "allowed"), WRONG)
def test_a_wrong_value_is_refused_with_its_line(
    tmp_path: Path, catalogue: Catalogue, old: str, new: str, line: int, key: str, allowed: str
) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_scenario(path, catalogue)
    error = caught.value
    assert (error.file, error.line, error.key) == (str(path), line, key)
    assert error.allowed is not None
    assert allowed in error.allowed
    for foreign in ("Input should", "String should", "Value error", "NoneType", "None"):
        assert foreign not in str(error)


LEVEL = (
    GOOD.replace("handle: price", "handle: price_floor")
    .replace("[tobacco, kind:illegal]", "alcohol")
    .replace("    regions: [Flanders]\n    ages: [15, 64]\n", "")
    .replace("multiplier: 1.5", "level: 0.5")
)


def test_a_level_is_read(tmp_path: Path, catalogue: Catalogue) -> None:
    (change,) = read_scenario(written(tmp_path, LEVEL), catalogue).changes
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
    tmp_path: Path, catalogue: Catalogue, new: str, line: int, key: str, allowed: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(written(tmp_path, LEVEL.replace("level: 0.5", new)), catalogue)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert allowed in str(caught.value.allowed)


@pytest.mark.parametrize("handle", sorted(NEVER_ZERO))
def test_what_is_taken_the_logarithm_of_is_never_0(
    tmp_path: Path, catalogue: Catalogue, handle: str
) -> None:
    text = GOOD.replace("handle: price", f"handle: {handle}")
    with pytest.raises(InputError, match=r"0\.01 or more") as caught:
        read_scenario(written(tmp_path, text.replace("1.5", "0")), catalogue)
    assert (caught.value.line, caught.value.key) == (11, "multiplier")
    read_scenario(written(tmp_path, text.replace("1.5", "0.01")), catalogue)
    stopped = GOOD.replace("handle: price", "handle: import_flow").replace("1.5", "0")
    assert read_scenario(written(tmp_path, stopped), catalogue).changes[0].size == 0.0


def test_one_word_is_a_list_of_one_and_all_is_everything(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    text = GOOD.replace("[tobacco, kind:illegal]", "tobacco").replace("[Flanders]", "Brussels")
    (change,) = read_scenario(written(tmp_path, text), catalogue).changes
    assert (change.products, change.regions) == (["tobacco"], ["Brussels"])
    text = GOOD.replace("[Flanders]", "all").replace("[15, 64]", "all")
    text = text.replace("    note:", "    sexes: all\n    deprivation: [all]\n    note:")
    (change,) = read_scenario(written(tmp_path, text), catalogue).changes
    assert change.regions == ["Flanders", "Wallonia", "Brussels"]
    assert (change.sexes, change.ages) == (["male", "female"], [None, None])
    assert change.deprivation == ["most_deprived", "others"]


MALFORMED = [
    ("title: &a Dearer", 2, "anchors"),
    ("title: *a", 2, "anchors"),
    ("title: !!python/name:os.system x", 2, "tags"),
    ("title: [", 4, "malformed"),
    ("title: 'x", 13, "malformed"),
    ("? [a]\n: b", 2, "a key must be a word"),
    ("title: a\n---\nid: b", 3, "malformed"),
    ("title: 2024-02-31", None, "malformed"),
    ("title: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 2, "deep"),
]


@pytest.mark.parametrize(("text", "line", "message"), MALFORMED)
def test_what_is_no_plain_yaml_is_refused(
    tmp_path: Path, catalogue: Catalogue, text: str, line: int | None, message: str
) -> None:
    path = written(tmp_path, GOOD.replace("title: Dearer tobacco", text))
    with pytest.raises(InputError, match=message) as caught:
        read_scenario(path, catalogue)
    assert (caught.value.file, caught.value.line) == (str(path), line)


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
    tmp_path: Path, catalogue: Catalogue, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_scenario(written(tmp_path, text), catalogue)
    assert "id, title" in str(caught.value.allowed)


def test_a_byte_order_mark_is_read_over(tmp_path: Path, catalogue: Catalogue) -> None:
    assert read_scenario(written(tmp_path, "\ufeff" + GOOD), catalogue).id == "dearer-tobacco"


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_yaml(path)
    path.write_bytes(b"a" * (LARGEST_FILE + 1))
    with pytest.raises(InputError, match="too large"):
        read_yaml(path)
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        read_yaml(tmp_path / "none.yaml")


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="current-policy, or the path of a YAML file"):
        find("no-such-thing")


def test_the_reference_comes_first_and_once(tmp_path: Path, catalogue: Catalogue) -> None:
    path = str(written(tmp_path, GOOD))
    scenarios = load([path, REFERENCE, path], catalogue)
    assert [scenario.id for scenario in scenarios] == [REFERENCE, "dearer-tobacco"]


def test_two_scenarios_with_one_id_are_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(GOOD, encoding="utf-8")
    with pytest.raises(InputError, match="the same id") as caught:
        load([str(written(tmp_path, GOOD)), str(other)], catalogue)
    assert caught.value.line == 1


def test_the_guide_shows_every_handle_with_its_scope(root: Path, catalogue: Catalogue) -> None:
    guide = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    told = [line for line in guide.splitlines() if line.startswith("| `")]
    for row in catalogue.handles:
        assert f"| `{row.id}` | {row.scope} | {row.meaning} |" in told, row.id
        if row.unit == "level":
            assert f"`{row.id}` takes a `level`" in guide
