"""Every row of the parameter table, and what is refused in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.catalogue import TABLES, Catalogue, load_catalogue
from model.errors import InputError
from model.parameters import SPREAD, UNITS, WIDENING, Draws, ParameterRow, quantile
from model.reading import columns, read_rows

ROWS = load_catalogue().parameters
HEADER = ",".join(columns(ParameterRow))
GOOD = "alcohol,seeking,,,,,,0.06,0.03,0.12,lognormal,per year,assumed,assumed,assumed,"
# Units whose values lie between 0 and 1.
SHARES = ("probability", "proportion")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_row_is_sound(catalogue: Catalogue, row: ParameterRow) -> None:
    assert row.unit in UNITS
    assert row.source in {source.id for source in catalogue.sources}
    if row.low is not None and row.high is not None:
        assert row.low <= row.value <= row.high
    if row.unit in SHARES:
        assert 0.0 <= row.value <= 1.0
    if row.unit in ("per year", "years", "ratio", "places") and row.distribution != "normal":
        assert row.value >= 0.0
    if row.distribution == "fixed":
        assert row.role == "fixed"
    # An assumed row states its own wide range and is not widened again.
    assert (row.evidence == "assumed") <= (WIDENING[row.evidence] == 1.0)
    ends = quantile(row, np.array([-6.0, -SPREAD, 0.0, SPREAD, 6.0]))
    assert np.isfinite(ends).all()
    assert np.all(np.diff(ends) >= 0.0)
    if row.unit in SHARES:
        assert ends[0] >= 0.0
        assert ends[-1] <= 1.0


def test_every_grade_of_evidence_has_a_factor() -> None:
    assert {row.evidence for row in ROWS} <= set(WIDENING)
    assert WIDENING["high"] <= WIDENING["moderate"] <= WIDENING["low"] <= WIDENING["very_low"]


def test_keys_are_unique() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)


@given(
    st.sampled_from([row for row in ROWS if row.distribution != "fixed"]),
    st.floats(-5.0, 5.0),
    st.floats(0.0, 3.0),
)
def test_quantiles_ascend_and_the_middle_is_the_value(
    row: ParameterRow, score: float, more: float
) -> None:
    low, high = quantile(row, np.array([score, score + more]))
    assert low <= high
    if row.distribution != "uniform":
        assert quantile(row, np.zeros(1))[0] == pytest.approx(row.value, rel=1e-12, abs=1e-15)


# A cell of GOOD replaced: column, value, what the message allows.
BAD_CELLS = (
    ("value", "much", "number"),
    ("value", "", "number"),
    ("value", "nan", "finite"),
    ("value", "inf", "finite"),
    ("sex", "men", "male"),
    ("age_min", "ten", "whole number"),
    ("region", "Liège", "Flanders"),
    ("deprivation", "poor", "most_deprived"),
    ("distribution", "gamma", "lognormal"),
    ("role", "guess", "calibrated"),
    ("evidence", "great", "very_low"),
    ("source", "", "text"),
)


@pytest.mark.parametrize(("column", "value", "allowed"), BAD_CELLS)
def test_a_malformed_cell_is_refused(tmp_path: Path, column: str, value: str, allowed: str) -> None:
    cells = dict(zip(columns(ParameterRow), GOOD.split(","), strict=True)) | {column: value}
    path = tmp_path / "parameters.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n{','.join(cells.values())}\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_rows(path, ParameterRow)
    error = refused.value
    assert (error.file, error.line, error.key) == (str(path), 3, column)
    assert error.given == (value or "(empty)")
    assert error.allowed is not None
    assert allowed in error.allowed


# Changes that make the row as a whole impossible: the cell blamed and what may stand there.
BAD_ROWS = (
    ({"unit": "per week"}, "unit", "per year"),
    ({"value": "-0.05"}, "value", "0 or more"),
    ({"low": "-0.1"}, "low", "0 or more"),
    ({"unit": "probability", "high": "1.2"}, "high", "0 to 1"),
    ({"age_min": "-1"}, "age_min", "0 to 120"),
    ({"age_max": "121"}, "age_max", "0 to 120"),
    ({"age_min": "30", "age_max": "20"}, "age_max", "30 (age_min) or more"),
    ({"value": "0.2"}, "value", "0.03 (low) to 0.12 (high)"),
    ({"low": "0.09"}, "value", "0.09 (low) to 0.12 (high)"),
    ({"low": "", "high": ""}, "low", "needs low, high"),
    ({"high": ""}, "high", "needs low, high"),
    ({"low": "0"}, "low", "more than 0"),
    ({"distribution": "logitnormal", "high": "1.2"}, "high", "less than 1"),
    ({"value": "0.06", "low": "0.06", "high": "0.06"}, "low", "less than 0.06 (high)"),
)


@pytest.mark.parametrize(("changes", "key", "allowed"), BAD_ROWS)
def test_an_impossible_row_is_refused(
    tmp_path: Path, changes: dict[str, str], key: str, allowed: str
) -> None:
    cells = dict(zip(columns(ParameterRow), GOOD.split(","), strict=True)) | changes
    path = tmp_path / "parameters.csv"
    path.write_text(f"{HEADER}\n{','.join(cells.values())}\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_rows(path, ParameterRow)
    error = refused.value
    assert (error.file, error.line, error.key) == (str(path), 2, key)
    assert error.given == (cells[key] or "(empty)")
    assert allowed in str(error.allowed)
    assert "Value error" not in str(error)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8-sig")
    (row,) = read_rows(path, ParameterRow)
    assert row.product == "alcohol"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{HEADER}\n{GOOD}\n".replace(",", ";").encode(), "semicolons: use commas"),
        (f"{HEADER}\n{GOOD}\n".replace(",", "\t").encode(), "tabs: use commas"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "not UTF-8 text"),
        (b"", "the table is empty"),
    ],
)
def test_another_way_of_saving_a_table_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "parameters.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as refused:
        read_rows(path, ParameterRow)
    assert refused.value.allowed


def test_the_most_specific_owner_wins(median_draw: Draws) -> None:
    by_product = median_draw.find("tobacco", "legal", "relapse_early")
    by_kind = median_draw.find("nps", "illegal", "initiation_sex_ratio")
    shared = median_draw.find("nps", "illegal", "relapse_early")
    assert [rows[0].product for rows in (by_product, by_kind, shared)] == [
        "tobacco",
        "kind:illegal",
        "*",
    ]
    assert median_draw.find("nps", "illegal", "no_such_parameter") == []


def test_a_missing_or_split_parameter_is_refused(median_draw: Draws) -> None:
    with pytest.raises(InputError) as missing:
        median_draw.scalar("nps", "illegal", "no_such_parameter", "product nps")
    assert missing.value.key == "no_such_parameter"
    assert "kind:illegal" in str(missing.value.allowed)
    with pytest.raises(InputError) as split:
        median_draw.scalar("nps", "illegal", "mental_health_prevalence", "product nps")
    assert split.value.file == str(TABLES / "parameters.csv")
    assert split.value.line is not None
