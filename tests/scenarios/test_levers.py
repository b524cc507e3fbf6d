"""Files of levers: what is read, and what is refused with its line."""

from __future__ import annotations

import pytest

from model.errors import InputError
from scenarios.levers import Measure, position_error, read_levers, selects
from scenarios.library import Library
from tests.scenarios import rich
from tests.scenarios.conftest import Written


def read(text: str, written: Written, library: Library) -> Measure:
    (found,) = read_levers([written(text)], library.known, library.measures).values()
    return found


def test_every_key_is_read(written: Written, library: Library) -> None:
    measure = read(rich.LEVERS, written, library)
    entry = measure.entry
    assert (measure.id, measure.objective, measure.strategic) == ("own-measure", "1.1", "SD1")
    assert measure.ambition
    assert entry.range == [-100, 100]
    assert (entry.timing.start, entry.timing.lag, entry.timing.fades) == ("2025-01", 0.5, 0.1)
    assert (entry.reach.most_deprived, entry.reach.others) == (0.5, 1.2)
    assert [effect.form for effect in entry.effects] == [
        "share",
        "share",
        "dose",
        "level",
        "points",
        "share" if entry.effects[5].form == "share" else "dose",
    ]
    assert entry.effects[1].ratio == "odds_ratio"
    assert entry.effects[1].ages == [15, 24]
    assert entry.effects[4].points == {0: 1.0, 25: 0.97, 50: 0.93, 100: 0.9}
    assert entry.published is not None
    assert entry.published.position == 50


WRONG = [
    ("id: SD1", "id: SD9", 1, "id", "SD1, SD2"),
    ('id: "1.1"', 'id: "2.1"', 3, "id", 'such as "1.1"'),
    ('id: "1.1"', "id: none", 3, "id", 'such as "1.1"'),
    ('id: "1.1"', 'id: "1."', 3, "id", 'such as "1.1"'),
    ("id: own-measure", "id: local", 5, "id", "other than all, local, joint"),
    ("id: own-measure", "id: Own measure", 5, "id", "small letters"),
    ("in_strategy: implied", "in_strategy: no", 6, "in_strategy", "named, implied, no"),
    ("grade: rct", "grade: trial", 7, "grade", "rct"),
    ("source: assumed\n        where", "source: hearsay\n        where", 8, "source", "in all"),
    ("range: [-100, 100]", "range: [0, 50]", 10, "range", "[0, 100]"),
    ("range: [-100, 100]", "range: [-150, 100]", 10, "range", "[0, 100]"),
    ("range: [-100, 100]", "range: [0]", 10, "range", "at least 2"),
    ("{value: 20, low: 10", "{value: 50, low: 10", 11, "value", "from low (10) to high (40)"),
    ("low: 10, high: 40,", "low: 10,", 11, "high", "both ends"),
    ("start: 2025-01,", "start: 2031-01,", 12, "start", "2010-01 to 2030-12"),
    ("start: 2025-01,", "start: 2025,", 12, "start", "such as 2024-01"),
    ("lag: 0.5", "lag: -1", 12, "lag", "0 or more"),
    ("fades: 0.1}", "fades: 1}", 12, "fades", "less than 1"),
    ("most_deprived: 0.5", "most_deprived: 3", 13, "most_deprived", "2 or less"),
    ("reach_source: assumed", "reach_source: hearsay", 14, "reach_source", "in all"),
    ("joint: true", "joint: 'true'", 15, "joint", "true or false"),
    ("handle: price\n", "handle: prize\n", 19, "handle", "price"),
    ("regions: [Brussels]", "sexes: [male]", 21, "sexes", "every age, sex"),
    ("products: [alcohol]\n            reg", "products: [beer]\n            reg", 20, "products",
     "alcohol"),
    ("form: share", "form: level", 22, "form", "share, dose, points"),
    ("form: share", "form: points", 22, "form", "points where points are given"),
    ("central: 1.2, low: 1.1, high: 1.4", "central: 1.5, low: 1.1, high: 1.4", 23, "central",
     "from low (1.1) to high (1.4)"),
    ("central: 1.2, low: 1.1, high: 1.4", "central: 1.2, low: 0, high: 1.4", 23, "effect",
     "sizes from 0.001"),
    ("central: 1.2, low: 1.1, high: 1.4", "central: 0", 23, "effect", "sizes from 0.001"),
    ("central: 1.2, low: 1.1, high: 1.4", "central: 2000", 23, "effect", "to 1000"),
    ("central: 1.2, low: 1.1, high: 1.4", "central: .inf", 23, "central", "finite"),
    ("ages: [15, 24]\n            sexes", "ages: [15, 33]\n            sexes", 26, "ages", "30-34"),
    ("            baseline: {value: 0.3, source: assumed}\n", "", 24, "baseline",
     "a baseline for odds_ratio"),
    ("baseline: {value: 0.3", "baseline: {value: 1", 31, "value", "less than 1"),
    ("coverage: {central: 0.3, low: 0.1, high: 0.5", "coverage: {central: 3", 32, "coverage",
     "shares from 0 to 1"),
    ("interval: 90", "interval: 80", 33, "interval", "90, 95"),
    ("effect: {central: 0.5, low: 0.4, high: 0.6}", "effect: {central: 50}", 43, "effect", "to 10"),
    ("points: {0: 1.0, 25: 0.97, 50: 0.93, 100: 0.9}", "points: {}", 47, "points", "from 0"),
    ("points: {0: 1.0, 25", "points: {0: 0.9, 25", 47, "points", "from 0 (which is 1.0)"),
    ("50: 0.93, 100: 0.9}", "50: 0.93}", 47, "points", "to 100"),
    ("50: 0.93, 100: 0.9}", "50: -0.93, 100: 0.9}", 47, "points", "sizes from"),
    ("50: 0.93, 100: 0.9}", "half: 0.93, 100: 0.9}", 47, "points", "whole positions"),
    ("measures: [joint, SD3, \"2.1\", tobacco-tax]", "measures: [SD9]", 49, "measures", "in all"),
    ("measures: [joint, SD3, \"2.1\", tobacco-tax]", "products: [alcohol]", 49, "products",
     "acts on measures"),
    ("handle: lag", "handle: detection_delay", 49, "measures", "acts on every rule"),
    ("handle: price\n", "handle: price\n            measures: all\n", 20, "measures", "only"),
    ("id: initiations", "id: starts", 52, "id", "in all"),
    ("sign: down", "sign: less", 52, "sign", "up, down, unknown"),
    ("sign: down, ages: [15, 24]", "sign: down, ages: [24, 15]", 52, "ages", "first and last"),
    ("transition:initiation", "transition:starts", 54, "of", "transition:initiation"),
    ("{value: 0.9, low: 0.8", "{value: 0.7, low: 0.8", 54, "value", "from low"),
    ("eur_per_year: 100000", "eur_per_year: 1.0e+13", 56, "eur_per_year", "1e+12 or less"),
    ("sexes: [female], months", "sexes: [women], months", 54, "sexes", "male, female"),
    ("price_year: 2024", "price_year: 20240", 56, "price_year", "2050 or less"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "allowed"), WRONG)
def test_a_wrong_value_is_refused_with_its_line(
    written: Written, library: Library, old: str, new: str, line: int, key: str, allowed: str
) -> None:
    assert old in rich.LEVERS
    with pytest.raises(InputError) as caught:
        read(rich.LEVERS.replace(old, new, 1), written, library)
    error = caught.value
    assert error.key == key, error
    assert allowed in str(error.allowed), error
    assert error.line is not None
    assert abs(error.line - line) <= 1, error  # the key that lacks is told where its entry begins


def test_a_measure_stands_once_in_a_file(written: Written, library: Library) -> None:
    head, measure = rich.LEVERS.split("    measures:\n")
    with pytest.raises(InputError, match="stands twice"):
        read(f"{head}    measures:\n{measure}{measure}", written, library)


def test_odds_of_a_level_and_of_points_are_refused(written: Written, library: Library) -> None:
    more = "\n            as: odds_ratio\n            baseline: {value: 0.3, source: assumed}"
    for form in ("form: level", "form: points"):
        with pytest.raises(InputError, match="taken as they are"):
            read(rich.LEVERS.replace(form, form + more), written, library)


def test_policy_handles_select_by_kind_objective_or_id(library: Library) -> None:
    measure = next(m for m in library.measures.values() if m.entry.joint and not m.entry.local)
    for words in (None, ["all"], ["joint"], [measure.objective], [measure.strategic], [measure.id]):
        assert selects(words, measure)
    for words in ([], ["local"], ["SD1"], ["9.9"]):
        assert not selects(words, measure)


def test_a_position_stays_in_the_range_of_its_measure(library: Library) -> None:
    tax = library.measures["tobacco-tax"]
    checking = library.measures["drug-checking"]
    assert position_error(tax, -100.0) is None
    error = position_error(checking, -1.0)
    assert error is not None
    assert error.allowed == "0 to 100"
