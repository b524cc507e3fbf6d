"""Read the CSV tables: every row is checked against a typed row class before anything runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from model.errors import InputError

# What may stand where pydantic found something else, by its type of error.
_WORDS = {
    "missing": "a value",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "list_type": "a list, such as [a, b]",
    "model_type": "keys with values, such as `key: value`",
    "dict_type": "keys with values, such as `key: value`",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "{:g} or more"),
    "less_than_equal": ("le", "{:g} or less"),
    "too_short": ("min_length", "at least {} in the list"),
    "too_long": ("max_length", "at most {} in the list"),
    "string_too_short": ("min_length", "text of at least {} characters"),
    "string_too_long": ("max_length", "text of at most {} characters"),
}


class CellError(ValueError):
    """A check of a whole row blames one cell: its column and what may stand there."""

    def __init__(self, key: str, allowed: str) -> None:
        self.key = key
        self.allowed = allowed
        super().__init__(f"{key}: {allowed}")


def allowed_words(found: ErrorDetails) -> str:
    """What may stand where pydantic found a mistake, in plain words."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return words.format(context[name])
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "").replace(" or ", ", ")
    return found["msg"].removeprefix("Value error, ")


class TableRow(BaseModel):
    """One row of a table; ``file`` and ``line`` say where it stands (line 1 is the header)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    file: str = ""
    line: int = 0


Row = TypeVar("Row", bound=TableRow)


def columns(row: type[TableRow]) -> list[str]:
    """Names of the columns that a table of ``row`` must have, in order."""
    return [
        field.alias or name
        for name, field in row.model_fields.items()
        if name not in TableRow.model_fields
    ]


def read_rows(path: Path, row: type[Row]) -> list[Row]:
    """Rows of the CSV file at ``path``, in file order; an empty cell is None.

    Raises InputError (file, line, key, given, allowed) when the file cannot be read, its header
    differs from the fields of ``row``, or a cell is malformed.
    """
    wanted = columns(row)
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets like to add a mark in front
    except UnicodeDecodeError:
        allowed = "save the table as CSV, UTF-8"
        raise InputError("the table is not UTF-8 text", file=str(path), allowed=allowed) from None
    except OSError as error:
        told = f"the table cannot be read ({error.strerror})"
        raise InputError(told, file=str(path)) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if header != wanted:
            raise _wrong_header(path, header, wanted)
        for cells in reader:
            if not cells:
                continue
            rows.append(_parse(path, reader.line_num, wanted, cells, row))
    except csv.Error as error:
        raise InputError(f"malformed CSV ({error})", file=str(path), line=reader.line_num) from None
    return rows


def _wrong_header(path: Path, header: list[str], wanted: list[str]) -> InputError:
    message = "the header is not the expected one"
    if not header:
        message = "the table is empty"
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            message = f"the cells are separated by {name}: use commas"
    return InputError(
        message, file=str(path), line=1, given=",".join(header), allowed=",".join(wanted)
    )


def _parse(path: Path, line: int, wanted: list[str], cells: list[str], row: type[Row]) -> Row:
    if len(cells) != len(wanted):
        raise InputError(
            "the row has the wrong number of cells",
            file=str(path),
            line=line,
            given=len(cells),
            allowed=f"{len(wanted)} cells: {','.join(wanted)}",
        )
    values = {key: cell.strip() or None for key, cell in zip(wanted, cells, strict=True)}
    try:
        return row.model_validate({**values, "file": str(path), "line": line})
    except ValidationError as error:
        first = error.errors()[0]
        blamed = first.get("ctx", {}).get("error")
        if isinstance(blamed, CellError):
            key, allowed = blamed.key, blamed.allowed
        else:
            key, allowed = ".".join(str(part) for part in first["loc"]), allowed_words(first)
        raise InputError(
            "a value is malformed",
            file=str(path),
            line=line,
            key=key or None,
            given=(values.get(key) or "(empty)") if key else None,
            allowed=allowed,
        ) from None
