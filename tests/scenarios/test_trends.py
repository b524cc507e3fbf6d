"""Files of trends and the cross-impact table: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.errors import InputError
from scenarios.library import Library
from scenarios.trends import (
    CROSS_IMPACT,
    TREND_IDS,
    TRENDS,
    Driver,
    assumed,
    read_cross_impact,
    read_trends,
)
from tests.scenarios import rich
from tests.scenarios.conftest import Written

HEADER = "trend_a,trend_b,correlation,source,note\n"


def read(text: str, written: Written, library: Library) -> dict[str, Driver]:
    return read_trends([written(text)], library.known, library.measures, library.drivers)


def test_every_key_is_read(written: Written, library: Library) -> None:
    found = read(rich.TRENDS, written, library)
    assert list(found) == ["F3.1", "F3.9"]
    mixed, shock = (driver.entry for driver in found.values())
    assert (mixed.side, mixed.shape, mixed.basis) == ("mixed", "s-curve", "direction")
    assert (mixed.effects[0].plus, mixed.effects[0].minus) == ("high", "low")
    assert shock.shock is not None
    assert (shock.shock.central, shock.shock.months, shock.shock.event) == (0.05, 24, "own")


WRONG = [
    ("id: F3\n", "id: G3\n", 1, "id", "the id of a trend"),
    ("id: F3.1", "id: F4.1", 4, "id", "a driver of F3"),
    ("id: F3.1", "id: F3", 4, "id", "the id of a driver"),
    ("id: F3.9", "id: F3.1", 23, "id", "each driver once"),
    ("side: mixed", "side: both", 5, "side", "adverse, favourable, mixed"),
    ('in_text: "yes"', "in_text: yes", 6, "in_text", "YAML reads yes"),
    ("shape: s-curve", "shape: curve", 7, "shape", "linear, s-curve"),
    ("basis: direction", "basis: none", 8, "basis", "assumed, direction, size"),
    ("source: assumed\n    where", "source: hearsay\n    where", 9, "source", "in all"),
    ("handle: initiation", "handle: initiations", 12, "handle", "initiation"),
    ("handle: initiation\n        products: [cannabis]\n        ages: [15, 24]",
     "handle: price_floor\n        products: [alcohol]", 12, "handle", "drivers multiply"),
    ("products: [cannabis]", "products: [hemp]", 13, "products", "cannabis"),
    ("ages: [15, 24]", "ages: [26, 28]", 14, "ages", "25-29"),
    ("low: 0.7", "low: 0", 15, "low", "0.01 or more"),
    ("central: 0.9\n", "central: 1.9\n", 16, "central", "from low (0.7) to high (1.2)"),
    ("high: 1.2", "high: 1.0e+6", 17, "high", "1000 or less"),
    ("        minus: low\n", "", 11, "effects", "minus for favourable and mixed"),
    ("        plus: high\n", "", 11, "effects", "plus for adverse and mixed"),
    ("        plus: high\n", "        plus: top\n", 18, "plus", "low, high"),
    ("measures: [local]", "measures: [SD9]", 21, "measures", "in all"),
    ("[F4, F3.2]", "[F4, F3.7.1]", 22, "interacts_with", "in all"),
    ("    shock: {low", "    shake: {low", 32, "shake", "shock"),
    ("shape: shock", "shape: linear", 32, "shock", "only the shapes shock and step"),
    ("central: 0.05, high: 0.1", "central: 0.5, high: 0.1", 32, "central", "from low"),
    ("high: 0.1, months", "high: 1.1, months", 32, "high", "1 or less"),
    ("months: 24", "months: 0", 32, "months", "1 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "allowed"), WRONG)
def test_a_wrong_value_is_refused_with_its_line(
    written: Written, library: Library, old: str, new: str, line: int, key: str, allowed: str
) -> None:
    assert old in rich.TRENDS
    with pytest.raises(InputError) as caught:
        read(rich.TRENDS.replace(old, new, 1), written, library)
    error = caught.value
    assert error.key == key, error
    assert allowed in str(error.allowed), error
    assert error.line is not None
    assert abs(error.line - line) <= 2, error


def test_a_shock_needs_its_probability(written: Written, library: Library) -> None:
    head = rich.TRENDS.partition("    shock: {")[0]
    with pytest.raises(InputError) as caught:
        read(f"{head}    note: why\n", written, library)
    assert caught.value.key == "shock"


def test_a_trend_has_a_driver(written: Written, library: Library) -> None:
    with pytest.raises(InputError, match="at least 1"):
        read("id: F3\ndrivers: []\n", written, library)


def test_shipped_trends_are_eight_and_their_sides_have_ends(library: Library) -> None:
    assert library.trends == TREND_IDS
    assert {driver.entry.side for driver in library.drivers.values()} >= {"adverse", "favourable"}
    known = [driver for driver in library.drivers.values() if not assumed(driver)]
    assert 1 <= len(known) < len(library.drivers) / 4  # as docs/futures.md says: few


def test_the_shipped_cross_impact_can_be_drawn_from(library: Library) -> None:
    matrix = library.cross_impact
    assert matrix.shape == (8, 8)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 1.0)
    assert np.linalg.eigvalsh(matrix).min() > 0.0
    assert len((TRENDS / CROSS_IMPACT).read_text().splitlines()) == 1 + 28


@pytest.mark.parametrize(
    ("rows", "key", "told"),
    [
        ("F1,F9,0.1,assumed,why", "trend_b", "unknown trend"),
        ("F1,F1,0.1,assumed,why", "trend_b", "twice"),
        ("F1,F2,0.1,assumed,why\nF2,F1,0.1,assumed,why", "trend_b", "twice"),
        ("F1,F2,1,assumed,why", "correlation", "between -1 and 1"),
        ("F1,F2,much,assumed,why", "correlation", "a number"),
        ("F1,F2,.9,a,b\nF2,F3,.9,a,b\nF1,F3,-.9,a,b", None, "contradict"),
    ],
)
def test_a_wrong_cross_impact_is_refused(
    tmp_path: Path, rows: str, key: str | None, told: str
) -> None:
    path = tmp_path / CROSS_IMPACT
    path.write_text(HEADER + rows + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=told) as caught:
        read_cross_impact(path, TREND_IDS)
    assert (caught.value.key, caught.value.file) == (key, str(path))


def test_pairs_that_are_not_told_go_their_own_ways(tmp_path: Path) -> None:
    path = tmp_path / CROSS_IMPACT
    path.write_text(f"{HEADER}F1,F3,-0.4,assumed,why\n", encoding="utf-8")
    matrix = read_cross_impact(path, ("F1", "F2", "F3"))
    np.testing.assert_array_equal(matrix, [[1, 0, -0.4], [0, 1, 0], [-0.4, 0, 1]])
    np.testing.assert_array_equal(read_cross_impact(tmp_path / "none.csv", ("F1",)), [[1.0]])
